"""People: signing in, accounts, tokens, what was done by whom, and taking somebody's data away everywhere."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from potomac.server.accounts import throttle
from potomac.server.accounts.models import Entry, Role, Token, TokenScope, User
from potomac.server.catalog.contents import drop
from potomac.server.catalog.models import Answered, Content, Product, Version
from potomac.server.flows.base import Actor, Conflict, Denied, Missing, TooMuch, need, record
from potomac.server.jobs.models import Job

__all__ = [
    "audit", "bearer", "change", "changed_password", "deactivate", "delete", "everybody", "get", "make", "new_password",
    "new_token", "password_may_be_reset", "revoke", "scopes_of", "sign_in", "signed_out", "tokens",
]  # fmt: skip

WRONG = "The name or the password is wrong"
"""Said whether or not there is such a name."""

_SEEN = timedelta(minutes=1)
"""How exactly it is kept when a token was used last."""


# Signing in -----------------------------------------------------------------------------------------------------


@dataclass
class Slow(TooMuch):
    """Too many attempts; ``seconds`` to wait."""

    seconds: int

    def __str__(self) -> str:
        return f"Too many attempts. Try again in {_words(self.seconds)}"


def _words(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{-(-seconds // 60)} minutes"


def sign_in(actor: Actor, name: str, password: str, request: Any = None) -> User:
    """The person of that name and password.

    Raises:
        TooMuch: too many attempts under this name or from this address; with ``seconds`` to wait.
        Denied: no such name, a wrong password, or the account is closed; which of them is not told.
    """
    _slowly((throttle.ADDRESS, actor.address or "unknown"), (throttle.NAME, name))
    user = authenticate(request, username=name, password=password)
    if not isinstance(user, User):
        known = User.objects.filter(username=name).first()
        record(actor, "person.sign-in-refused", _what(known) if known else "")
        raise Denied(WRONG)
    throttle.NAME.forget(name)
    throttle.ADDRESS.give_back(actor.address or "unknown")
    throttle.tidy()
    record(replace(actor, user=user), "person.sign-in", _what(user))
    return user


def _slowly(*throttles: tuple[throttle.Throttle, str]) -> None:
    for kind, value in throttles:
        wait = kind.attempt(value)
        if wait:
            raise Slow(wait)


def signed_out(actor: Actor) -> None:
    """Write down that the person has gone."""
    if actor.user is not None:
        record(actor, "person.sign-out", _what(actor.user))


def password_may_be_reset(actor: Actor, address: str) -> None:
    """Count a request for a letter to ``address``.

    Raises:
        TooMuch: too many of them; with ``seconds`` to wait.
    """
    _slowly((throttle.RESET_ADDRESS, actor.address or "unknown"), (throttle.RESET_NAME, address))


def changed_password(actor: Actor, user: User, how: str = "change") -> None:
    """The person has chosen a password: nothing more is asked, and it is written down."""
    user.must_change = False
    user.save(update_fields=["must_change"])
    record(replace(actor, user=user), f"person.password-{how}", _what(user))


# Accounts -------------------------------------------------------------------------------------------------------


def _what(user: User) -> str:
    return f"person:{user.pk}"


def everybody(actor: Actor) -> models.QuerySet[User]:
    """All people; for administrators."""
    need(actor, Role.ADMINISTRATOR, "read")
    return User.objects.order_by("username")


def get(actor: Actor, id: int) -> User:
    """The person of that number: oneself, or anybody for an administrator.

    Raises:
        Missing: there is none, or it is somebody else.
    """
    user = need(actor, Role.VISITOR, "read")
    if user.pk != id and not user.is_at_least(Role.ADMINISTRATOR):
        raise Missing
    found = User.objects.filter(pk=id).first()
    if found is None:
        raise Missing
    return found


def make(actor: Actor, name: str, *, email: str = "", role: str = Role.ANALYST, password: str = "") -> tuple[User, str]:
    """A new person and their password, which they have to change where it was made here.

    Raises:
        Conflict: the name is taken or is none, the role is unknown, or the password is too weak.
    """
    need(actor, Role.ADMINISTRATOR, "write")
    user = User(username=User.normalize_username(name), email=email, role=_role(role), must_change=not password)
    chosen = password or _password()
    try:
        user.set_password(chosen)
        validate_password(chosen, user)
        user.full_clean()
        with transaction.atomic():
            user.save()
            record(actor, "person.make", _what(user), role=user.role)
    except ValidationError as error:
        raise Conflict(" ".join(error.messages)) from None
    except IntegrityError:
        raise Conflict("A user with that username already exists.") from None
    return user, chosen


def _role(role: str) -> str:
    if role not in Role.values:
        raise Conflict(f'There is no role "{role}"; roles are {", ".join(Role.values)}')
    return str(role)


def _password() -> str:
    return secrets.token_urlsafe(12)


def change(
    actor: Actor, id: int, *, role: str | None = None, email: str | None = None, is_active: bool | None = None
) -> User:
    """Give a person another role or address, or open or close the account.

    Raises:
        Conflict: no administrator would be left.
        Missing: there is no such person.
    """
    need(actor, Role.ADMINISTRATOR, "write")
    wanted = {"role": None if role is None else _role(role), "email": email, "is_active": is_active}
    given = {key: value for key, value in wanted.items() if value is not None}
    with transaction.atomic():
        user = _locked(id)
        if given.get("role", Role.ADMINISTRATOR) != Role.ADMINISTRATOR or given.get("is_active") is False:
            _not_the_last(user)
        for key, value in given.items():
            setattr(user, key, value)
        user.save()
        record(actor, "person.change", _what(user), **{key: value for key, value in given.items() if key != "email"})
    if not user.is_active:
        _end_sessions(user)
    return user


def deactivate(actor: Actor, id: int) -> User:
    """Close an account: no sign-in, no token opens anything; what it holds stays."""
    return change(actor, id, is_active=False)


def new_password(actor: Actor, id: int) -> str:
    """A new password for somebody who has lost theirs; they have to change it, and their sessions end."""
    need(actor, Role.ADMINISTRATOR, "write")
    user, chosen = get(actor, id), _password()
    user.set_password(chosen)
    user.must_change = True
    user.save()
    record(actor, "person.new-password", _what(user))
    return chosen


def _locked(id: int) -> User:
    """The person, locked together with all administrators, in one order: two who change each other wait in it."""
    some = User.objects.select_for_update().filter(Q(pk=id) | Q(role=Role.ADMINISTRATOR)).order_by("pk")
    found = next((user for user in some if user.pk == id), None)
    if found is None:
        raise Missing
    return found


def _not_the_last(user: User) -> None:
    """Raises Conflict where nobody could administer the server without ``user``, who is locked."""
    others = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=user.pk)
    if user.role == Role.ADMINISTRATOR and user.is_active and not others.exists():
        raise Conflict("This is the only administrator; make another one first")


# Tokens ---------------------------------------------------------------------------------------------------------


def scopes_of(user: User) -> list[str]:
    """The scopes that a token of this person may have."""
    if user.is_at_least(Role.PUBLISHER):
        return list(TokenScope.values)
    if user.is_at_least(Role.ANALYST):
        return [TokenScope.READ, TokenScope.ASK, TokenScope.WRITE]
    return [TokenScope.READ, TokenScope.ASK]


def new_token(actor: Actor, name: str, scopes: Iterable[str], days: int | None = 90) -> tuple[Token, str]:
    """A new token and its text, which is told this once; ``days`` of None: it does not expire.

    Raises:
        Denied: asked for with a token, so that a stolen token cannot outlive itself.
        Conflict: no name, no scope, one that the person may not have, or days outside 1 to 3,650.
    """
    user = need(actor, Role.VISITOR, "write")
    if actor.scopes is not None:
        raise Denied("Tokens are made in the browser, after signing in")
    wanted = sorted(set(scopes))
    unfit = [scope for scope in wanted if scope not in scopes_of(user)]
    if unfit or not wanted:
        raise Conflict(f"Choose from the scopes {', '.join(scopes_of(user))}")
    if not name.strip() or len(name) > 80:
        raise Conflict("Give the token a name of at most 80 letters, such as the program that will use it")
    if days is not None and not 1 <= days <= 3650:
        raise Conflict("A token lasts 1 to 3,650 days")
    text, prefix, digest = Token.secret()
    expires = None if days is None else timezone.now() + timedelta(days=days)
    with transaction.atomic():
        token = Token.objects.create(
            user=user, name=name.strip(), prefix=prefix, digest=digest, scopes=wanted, expires=expires
        )
        record(actor, "token.make", f"token:{token.pk}", scopes=wanted)
    return token, text


def tokens(actor: Actor) -> models.QuerySet[Token]:
    """The actor's own tokens, newest first."""
    return Token.objects.filter(user=need(actor, Role.VISITOR, "read"))


def revoke(actor: Actor, id: int) -> Token:
    """Take a token's power away: one's own, or anybody's for an administrator.

    Raises:
        Missing: there is none, or it is somebody else's.
    """
    user = need(actor, Role.VISITOR, "write")
    mine = Token.objects.all() if user.is_at_least(Role.ADMINISTRATOR) else Token.objects.filter(user=user)
    token = mine.filter(pk=id).first()
    if token is None:
        raise Missing
    if token.revoked is None:
        token.revoked = timezone.now()
        token.save(update_fields=["revoked"])
        record(actor, "token.revoke", f"token:{token.pk}")
    return token


def bearer(text: str, address: str | None = None) -> Actor | None:
    """Who a token speaks for; None where it opens nothing."""
    token = Token.objects.select_related("user").filter(digest=Token.hashed(text)).first()
    if token is None or not token.is_good:
        return None
    now = timezone.now()
    if token.used is None or now - token.used > _SEEN:
        Token.objects.filter(pk=token.pk).update(used=now)
    return Actor(user=token.user, scopes=frozenset(token.scopes), address=address)


# The book -------------------------------------------------------------------------------------------------------


def audit(actor: Actor) -> models.QuerySet[Entry]:
    """What the actor did; for an administrator what everybody did."""
    user = need(actor, Role.VISITOR, "read")
    return Entry.objects.all() if user.is_at_least(Role.ADMINISTRATOR) else Entry.objects.filter(actor=user)


# Taking data away -----------------------------------------------------------------------------------------------


def delete(actor: Actor, id: int) -> dict[str, int]:
    """Remove a person and all that is theirs, everywhere; how much it was, by kind.

    Gone are sources, uploaded contents that nobody else has, drafts, runs with their directories, products, versions
    of others' products made from these runs, tokens, sessions, jobs, and the person's name and address in the audit
    log. Backups made before still hold it.

    Raises:
        Missing: there is no such person, or it is somebody else.
        Conflict: no administrator would be left.
    """
    by = need(actor, Role.VISITOR, "write")
    if actor.scopes is not None:
        raise Denied("People are removed in the browser, after signing in")
    if by.pk != id and not by.is_at_least(Role.ADMINISTRATOR):
        raise Missing
    with transaction.atomic():
        user = _locked(id)
        _not_the_last(user)
        told, contents = _rows(actor, user)
        remover = replace(actor, user=None, address=None) if by.pk == id else actor
        record(remover, "person.delete", f"person:{id}", **told)
    told["bytes"] = _files(id, contents)
    return told


def _rows(actor: Actor, user: User) -> tuple[dict[str, int], list[str]]:
    """Take the rows away; how many, and the contents that nobody has any more."""
    jobs = Job.objects.filter(owner=user)
    told = {"jobs": jobs.count(), "products": user.products.count(), "tokens": user.tokens.count()}
    jobs.delete()  # an attempt that goes on finds its job gone, and keeps nothing
    for product in user.products.all():  # so that the address leads nobody to somebody else's product
        last = product.versions.aggregate(last=models.Max("number"))["last"] or 0
        record(actor, "product.delete", f"product:{product.slug}", owner=user.pk, last=last)
    told["versions"] = _versions(user)
    user.products.all().delete()
    told |= {"runs": user.runs.count(), "studies": user.drafts.count(), "sources": user.sources.count()}
    user.runs.all().delete()
    user.drafts.all().delete()
    held = list(user.sources.exclude(content=None).values_list("content_id", flat=True).distinct())
    user.sources.all().delete()
    locked = [content.pk for content in Content.objects.select_for_update().filter(pk__in=held)]
    contents = list(Content.objects.filter(pk__in=locked, sources=None).values_list("pk", flat=True))
    told["contents"] = len(contents)
    told |= {"sessions": _end_sessions(user), "entries": _nameless(user)}
    Answered.objects.exclude(status=0).delete()  # kept answers do not say whose they are
    user.delete()
    return told, contents


def _versions(user: User) -> int:
    """Versions made from the person's runs, in whoever's product; a product without any goes, or takes its newest."""
    theirs = Version.objects.filter(models.Q(run__owner=user) | models.Q(product__owner=user))
    others = list(Product.objects.filter(versions__in=theirs).exclude(owner=user).distinct())
    count = theirs.count()
    theirs.delete()
    for product in others:
        product.refresh_from_db()
        newest = product.versions.order_by("-number").first()
        if newest is None:
            product.delete()
        elif product.default is None:
            product.default = newest
            product.save()
    return count


def _end_sessions(user: User) -> int:
    """Sign the person out everywhere."""
    mine = [s.pk for s in Session.objects.iterator() if s.get_decoded().get("_auth_user_id") == str(user.pk)]
    Session.objects.filter(pk__in=mine).delete()
    return len(mine)


def _nameless(user: User) -> int:
    """What the person did, and what was done to them, stays in the book without name, address and particulars."""
    theirs = Entry.objects.filter(models.Q(actor=user) | models.Q(actor=None, name=user.username))
    about = Entry.objects.filter(models.Q(what=_what(user)) | models.Q(detail__owner=user.username))
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=kind, object_id=str(user.pk)).delete()
    count = 0
    for line in theirs.iterator():
        line.name, line.address, line.detail = "", None, _numbers(line.detail)
        line.what = line.what if line.what.startswith("product:") else ""  # an address is never given anew
        line.save()
        count += 1
    for line in about.iterator():
        line.detail = _numbers(line.detail)
        line.save()
    return count


def _numbers(detail: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if isinstance(value, int | float)}


def _files(id: int, contents: list[str]) -> int:
    """Take the files away, after the rows are gone for good; how many bytes."""
    home = Path(settings.HOME)
    runs = home / "runs" / str(id)
    size = sum(file.lstat().st_size for file in runs.rglob("*") if file.is_file()) if runs.is_dir() else 0
    shutil.rmtree(runs, ignore_errors=True)
    return size + sum(drop(digest) for digest in contents)  # somebody may bring the same again
