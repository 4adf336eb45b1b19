"""What all flows share: who acts, what they may not, and the audit log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import models

from potomac.server.accounts.models import Entry, Role, User
from potomac.server.databases import as_text, is_text

__all__ = ["ANYBODY", "Actor", "Conflict", "Denied", "Missing", "TooMuch", "need", "owned", "record", "visible"]


@dataclass(frozen=True)
class Actor:
    """Who asks: a person or nobody, and what their token allows.

    Attributes:
        user: the person; None for a visitor who has not signed in.
        scopes: what the token is for; None where the person is here in a browser.
        address: the address that the request comes from.
    """

    user: User | None = None
    scopes: frozenset[str] | None = None
    address: str | None = None
    session: Any = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name to sign in with; empty for nobody."""
        return self.user.get_username() if self.user else ""

    def is_at_least(self, role: Role) -> bool:
        """Whether the person has the role or a higher one."""
        return self.user is not None and self.user.is_at_least(role)

    def may(self, scope: str) -> bool:
        """Whether the token is for that; a person in a browser needs none."""
        return self.scopes is None or scope in self.scopes


ANYBODY = Actor()


class Denied(Exception):
    """The actor may not do this. ``sign_in`` says that signing in might help."""

    def __init__(self, why: str, *, sign_in: bool = False) -> None:
        super().__init__(why)
        self.why, self.sign_in = why, sign_in


class Missing(Exception):
    """There is no such thing, or the actor may not know that there is."""


class Conflict(Exception):
    """What is asked for does not fit what is there."""


class TooMuch(Exception):
    """A limit would be passed."""


def need(actor: Actor, role: Role, scope: str) -> User:
    """The person, where they have the role and their token the scope.

    Raises:
        Denied: they have not.
    """
    if actor.user is None:
        raise Denied("Sign in first", sign_in=True)
    if not actor.user.is_at_least(role):
        raise Denied(f"This needs the role {role.label.lower()}; you are {Role(actor.user.role).label.lower()}")
    if not actor.may(scope):
        raise Denied(f'The token is not for this; it needs the scope "{scope}"')
    return actor.user


def visible(actor: Actor, things: models.QuerySet[Any], scope: str = "read") -> models.QuerySet[Any]:
    """Those of ``things`` (with an owner) that belong to the actor; an administrator sees all."""
    user = need(actor, Role.ANALYST, scope)
    return things if user.is_at_least(Role.ADMINISTRATOR) else things.filter(owner=user)


def owned(actor: Actor, things: models.QuerySet[Any], scope: str = "read", **by: Any) -> Any:
    """The one of ``things`` that belongs to the actor.

    Raises:
        Missing: there is none, or it is somebody else's, which is not told.
        Denied: the actor has no such things.
    """
    sought = visible(actor, things, scope)
    found = sought.filter(**by).first() if all(is_text(str(value)) for value in by.values()) else None
    if found is None:
        raise Missing
    return found


def record(actor: Actor, action: str, what: str = "", **detail: Any) -> None:
    """Write a line into the audit log."""
    what, detail = as_text(what[:200]), as_text(detail)
    Entry.objects.create(
        actor=actor.user, name=actor.name, action=action, what=what, detail=detail, address=actor.address
    )
