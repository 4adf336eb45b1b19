"""What has to be there before anything is served: tables, cache, static files, an administrator."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from potomac import __version__
from potomac.errors import Fault, StudyError, masked
from potomac.server.accounts.models import Role, User
from potomac.server.databases import narrow
from potomac.server.flows.base import ANYBODY, record
from potomac.server.ops import health

__all__ = ["ADMINISTRATOR", "administrator", "collect", "first_password", "tables"]

ADMINISTRATOR = "admin"

Say = Callable[[str], None]


def tables(say: Say = lambda line: None) -> None:
    """Bring the database to this version; nothing where it is there already.

    Of the processes of one home that come together, one does it and the others wait until it is done.

    Raises:
        StudyError: the database does not answer, or is of a later version.
    """
    try:
        if not _lacks():
            return
        with _alone():
            plan = health.pending()
            if plan:
                _wide()
                say(f"Bringing the database up to date ({len(plan)} migrations)")
                call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
            if not health.has_cache():
                call_command("createcachetable", verbosity=0)
    except DatabaseError as error:
        raise StudyError(_unreachable(error)) from error


def _lacks() -> bool:
    return bool(health.pending()) or not health.has_cache()


@contextmanager
def _alone() -> Iterator[None]:
    """One process of this home at a time; the lock goes with the process, however it ends."""
    import fcntl

    file = os.open(Path(settings.HOME) / ".migrating", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _wide() -> None:
    """Raises StudyError where the tables that are about to be made could not keep every text."""
    if found := narrow(connection):
        name = settings.DATABASES["default"]["NAME"]
        mend = f"ALTER DATABASE {name} CHARACTER SET utf8mb4" if connection.vendor == "mysql" else "Make it with UTF8"
        raise StudyError(Fault("server.database", f"the database's character set is {found}", "expected UTF-8", mend))


def _unreachable(error: DatabaseError) -> Fault:
    told = masked(" ".join(str(error).split()))[:300]
    mend = "Check DATABASE_URL, and that the database runs and lets this user make tables"
    return Fault("server.database", f"the database does not answer: {told}", "", mend)


def collect() -> bool:
    """Put the static files with hashed names into ``POTOMAC_HOME/static``; False where they are there already."""
    root = Path(settings.STATIC_ROOT)
    stamp, now = root / ".potomac", _stamp()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == now:
        return False
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", verbosity=0, interactive=False, stdout=io.StringIO(), skip_checks=True)
    stamp.write_text(now, encoding="utf-8")
    return True


def _stamp() -> str:
    """Tells one set of files from another: version, names, sizes and times."""
    digest = hashlib.sha256(__version__.encode())
    for finder in get_finders():
        for name, storage in finder.list(None):
            about = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def administrator() -> User:
    """The administrator who was there first; made where there is none, without a password as yet."""
    with transaction.atomic():
        found = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("pk").first()
        if found is not None:
            return found
        made = User(username=_free(ADMINISTRATOR), role=Role.ADMINISTRATOR, must_change=True)
        made.set_unusable_password()
        made.save()
        record(ANYBODY, "person.make", f"person:{made.pk}", role=made.role)
    return made


def _free(name: str) -> str:
    taken = User.objects.filter(username=name).exists()
    return f"{name}-{secrets.token_hex(3)}" if taken else name


def first_password() -> tuple[str, str] | None:
    """Name and new password of the administrator, where no administrator has ever had one; to be told once."""
    user = administrator()
    others = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True)
    if any(other.has_usable_password() for other in others):
        return None
    chosen = secrets.token_urlsafe(12)
    user.set_password(chosen)
    user.must_change = True
    user.save()
    return user.username, chosen
