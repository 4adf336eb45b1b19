"""Who asks: a token, a person in a browser, or nobody."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.utils import check_csrf

from potomac.server.api import limits
from potomac.server.flows import people
from potomac.server.flows.base import Actor, Denied

__all__ = ["actor", "address", "anybody", "person"]

SAFE = ("GET", "HEAD", "OPTIONS")


def actor(request: HttpRequest) -> Actor:
    """The actor that the operation's access has found."""
    found: Actor = request.auth  # type: ignore[attr-defined]
    return found


def anybody(request: HttpRequest) -> Actor:
    """Whoever comes; bad credentials are refused all the same.

    Raises:
        Denied: the token opens nothing, or the browser's request carries no CSRF token.
        Throttled: too many requests.
    """
    header = request.headers.get("Authorization")
    if isinstance(inside := request.META.get("potomac.actor"), Actor):  # a product mounted in this process
        return inside
    return _by_token(header, request) if header else _by_session(request)


def person(request: HttpRequest) -> Actor:
    """Somebody who has signed in or has a token.

    Raises:
        Denied: nobody has.
    """
    found = anybody(request)
    if found.user is None:
        raise Denied("Sign in, or send a token: Authorization: Bearer ptm_...", sign_in=True)
    return found


def _by_token(header: str, request: HttpRequest) -> Actor:
    where = address(request)
    scheme, _, text = header.partition(" ")
    found = people.bearer(text.strip(), where) if scheme.lower() == "bearer" else None
    if found is None or found.user is None:
        limits.spend(f"address {where}")
        raise Denied("The token is not known, was revoked or has expired", sign_in=True)
    limits.spend(f"person {found.user.pk}")
    return found


def _by_session(request: HttpRequest) -> Actor:
    user: Any = getattr(request, "user", None)
    where = address(request)
    if user is None or not user.is_authenticated:
        limits.spend(f"address {where}")
        return Actor(address=where)
    limits.spend(f"person {user.pk}")
    if request.method not in SAFE and check_csrf(request) is not None:
        raise Denied("The request carries no CSRF token (header X-CSRFToken); a program sends a token of its own")
    return Actor(user=user, address=where, session=getattr(request, "session", None))


def address(request: HttpRequest) -> str | None:
    """The address that the request comes from, as :class:`potomac.server.ops.middleware.Observed` has found it."""
    return request.META.get("REMOTE_ADDR") or None
