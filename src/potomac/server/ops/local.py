"""What the command does on the server of this machine: publish a run of a directory, look after people."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from potomac.errors import Fault, PotomacError, StudyError, did_you_mean, listing
from potomac.server.accounts.models import User
from potomac.server.catalog.models import Product, Run
from potomac.server.config import Config
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor, Conflict, Denied, Missing, record
from potomac.server.jobs.models import Job, State
from potomac.server.ops import start
from potomac.studies import Run as Opened

__all__ = ["add", "adopt", "listed", "password", "publish", "remove"]


def publish(found: Opened, slug: str, *, title: str, visibility: str, note: str, owner: str) -> str:
    """Copy a finished run into the server and publish it; where it is, and its version.

    Without ``public_url`` that is the path alone.

    The run that a product shows already is not published once more.

    Raises:
        StudyError: no such person, they may not publish, the slug is taken or not well formed.
    """
    actor = _owner(owner)
    at = f"{_reached()}/p/{slug}/"
    with _refused(slug):
        if _is_shown(actor, found, slug):
            return f"{at} shows this run already"
        one = adopt(actor, found)
        try:
            version = products.publish(actor, one.pk, slug, title=title, visibility=visibility, note=note)
        except BaseException:
            _away(one)
            raise
    return f"{at} version {version.number}, {version.product.get_visibility_display()}"


def _reached() -> str:
    """The address that is set; empty where none is, because the port is then known to the server's process alone."""
    config: Config = settings.CONFIG
    return config.public_url if "public_url" in config.model_fields_set else ""


def _is_shown(actor: Actor, found: Opened, slug: str) -> bool:
    product = Product.objects.filter(slug=slug).select_related("default__run").first()
    if product is None or product.default is None or not products.may_change(actor, product):
        return False
    with contextlib.suppress(PotomacError):
        return bool(products.run_of(product.default).manifest["run_id"] == found.manifest["run_id"])
    return False


def adopt(actor: Actor, found: Opened) -> Run:
    """Copy a finished run into the server, as a run of the actor's. What is no plain file is left out."""
    told = found.manifest
    study = found.path / "study.toml"
    one = Run(owner=actor.user, kind=told["kind"], name=told["name"], title=told["title"], answer=found.answer)
    one.text = study.read_text(encoding="utf-8") if study.is_file() else ""
    one.directory, one.finished = f"{one.owner_id}/{one.pk}", timezone.now()
    place = Path(settings.HOME) / "runs" / one.directory
    aside = place.with_name(f".{one.pk}.partial")
    try:
        shutil.copytree(found.path, aside, ignore=_not_plain)
        with transaction.atomic():
            one.save()
            Job.objects.create(
                task="run", about=one.pk, owner=one.owner, state=State.DONE, started=one.created, ended=one.finished
            )
            record(actor, "run.adopt", f"run:{one.pk}", kind=one.kind, name=one.name)
            aside.rename(place)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StudyError(Fault("server.home", f"the run cannot be copied: {reason}", file=str(place))) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return one


def _not_plain(folder: str, names: list[str]) -> set[str]:
    """Links and devices, which might lead out of the run."""
    found = {name: Path(folder, name) for name in names}
    return {name for name, path in found.items() if path.is_symlink() or not (path.is_file() or path.is_dir())}


def _away(one: Run) -> None:
    Job.objects.filter(task="run", about=one.pk).delete()
    place = Path(settings.HOME) / "runs" / one.directory
    one.delete()
    shutil.rmtree(place, ignore_errors=True)


# People ---------------------------------------------------------------------------------------------------------


def add(name: str, role: str, email: str) -> str:
    """A new person; the password."""
    with _refused(name):
        return people.make(_owner(""), name, email=email, role=role)[1]


def listed() -> list[tuple[str, ...]]:
    """Name, role, state and last sign-in of all people."""
    start.tables()
    return [
        (
            user.username,
            user.role,
            "open" if user.is_active else "closed",
            f"{user.last_login:%Y-%m-%d %H:%M}" if user.last_login else "never",
        )
        for user in User.objects.order_by("username")
    ]


def password(name: str) -> str:
    """A new password for a person."""
    actor = _owner("")
    return people.new_password(actor, _person(name).pk)


def remove(name: str) -> dict[str, int]:
    """Remove a person and all that is theirs."""
    actor = _owner("")
    with _refused(name):
        return people.delete(actor, _person(name).pk)


def _owner(name: str) -> Actor:
    """The person of that name, or the first administrator: whoever has this machine acts for them."""
    start.tables()
    user = _person(name) if name else start.administrator()
    return Actor(user=user)


def _person(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        names = list(User.objects.order_by("username").values_list("username", flat=True))
        found = f'nobody is called "{name}"'
        raise StudyError(Fault("server.person", found, f"there are {listing(names)}", did_you_mean(name, names)))
    return user


@contextlib.contextmanager
def _refused(what: str) -> Iterator[None]:
    """What a flow refuses, as a fault."""
    try:
        yield
    except (Conflict, Denied) as error:
        raise StudyError(Fault("server.refused", f"{what} is refused: {_plain(error)}")) from error
    except Missing as error:
        raise StudyError(
            Fault("server.refused", f"{what} is refused: there is no such thing, or it is somebody else's")
        ) from error


def _plain(error: Exception) -> str:
    return str(error).rstrip(".")
