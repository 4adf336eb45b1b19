"""All that the server keeps in one file, and back into an empty home.

The file is a tar archive, compressed with Zstandard:

- ``backup.json``: when, by which version, from which database, the migrations it had, and how many rows and files;
- ``database.sqlite3``, a copy made by SQLite's backup, or ``rows.jsonl``, one row a line, which any database takes;
- ``content/`` and ``runs/`` as they lie in ``POTOMAC_HOME``.

The database is copied first. What it names was written before and is never changed, so that the copy is whole although
the server goes on; what is deleted meanwhile may be missing, and is counted.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group
from django.core import serializers
from django.core.management.color import no_style
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

from potomac import __version__
from potomac.errors import DataError, Fault, StudyError
from potomac.server.accounts.models import User
from potomac.server.ops import start

__all__ = ["backup", "restore"]

FORM = 1
ABOUT, COPY, ROWS = "backup.json", "database.sqlite3", "rows.jsonl"
FOLDERS = ("content", "runs")
OURS = ("accounts", "catalog", "jobs")
LEFT_OUT = frozenset({"accounts.attempt", "catalog.answered"})
"""Tables of the moment: attempts to sign in, answers kept for repetitions."""
LARGEST = 2**20
"""Bytes of the description."""


# Out ------------------------------------------------------------------------------------------------------------


def backup(file: Path | None = None, *, portable: bool = False) -> Path:
    """Write a backup; its file, readable by its owner alone.

    Args:
        file: to write, which must not be there; None: a new one in ``POTOMAC_HOME/backups``.
        portable: rows that any database takes, also where the database is SQLite.

    Raises:
        StudyError: the file is there already or cannot be written, or the database does not answer.
    """
    home = Path(settings.HOME)
    to = file or home / "backups" / f"potomac-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.zst"
    aside = to.with_name(f".{to.name}.partial")
    if to.exists():
        raise StudyError(Fault("backup.exists", "there is such a file already", "", "Give another name", str(to)))
    try:
        if file is None:
            to.parent.mkdir(mode=0o700, exist_ok=True)
        start.tables()
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=home) as folder:
            database, about = _database(Path(folder), portable)
            _write(aside, home, database, about)
        os.link(aside, to)  # unlike a rename, never in the place of another
    except FileExistsError as error:
        raise StudyError(Fault("backup.exists", "there is such a file already", file=str(to))) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StudyError(Fault("backup.unwritable", f"the backup cannot be written: {reason}", file=str(to))) from error
    finally:
        aside.unlink(missing_ok=True)
    return to


def _database(folder: Path, portable: bool) -> tuple[Path, dict[str, Any]]:
    """The database as one file, and what is told of it."""
    about: dict[str, Any] = {
        "format": FORM,
        "potomac": __version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "database": connection.vendor,
    }
    if connection.vendor == "sqlite" and not portable:
        file = folder / COPY
        _copied(file)
    else:
        file = folder / ROWS
        about["rows"] = _dumped(file)
    return file, {**about, "migrations": sorted(map(".".join, _migrations()))}


def _copied(file: Path) -> None:
    """SQLite's own backup: consistent, while others write. What lives for the moment is taken out of the copy."""
    connection.ensure_connection()
    with contextlib.closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        for table in _passing():
            copy.execute(f'DELETE FROM "{table}"')  # noqa: S608  a name of ours
        copy.commit()


def _passing() -> list[str]:
    names = [apps.get_model(name)._meta.db_table for name in LEFT_OUT]
    return [*names, apps.get_model("sessions.Session")._meta.db_table, "cache"]


def _models() -> list[type[models.Model]]:
    """The models that are kept, ours and the groups, each after those that it needs as far as that goes."""
    found: list[type[models.Model]] = [Group]
    for app in OURS:
        kept = [model for model in apps.get_app_config(app).get_models() if model._meta.label_lower not in LEFT_OUT]
        found += sorted(kept, key=lambda model: model is not User)
    return found


def _dumped(file: Path) -> dict[str, int]:
    """One row a line, all at one moment; how many of each model."""
    counts: dict[str, int] = {}
    with _snapshot(), file.open("w", encoding="utf-8") as out:
        for model in _models():
            rows = model._base_manager.order_by("pk")
            counts[model._meta.label_lower] = rows.count()
            serializers.serialize("jsonl", rows.iterator(chunk_size=500), stream=out, use_natural_foreign_keys=True)
    return counts


@contextlib.contextmanager
def _snapshot() -> Iterator[None]:
    """A transaction that sees the database as it was at its beginning."""
    level = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    if connection.vendor == "mysql":  # there it is said before the transaction begins
        with connection.cursor() as cursor:
            cursor.execute(level)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(level)
        yield


def _migrations() -> list[tuple[str, str]]:
    return [key for key in MigrationRecorder(connection).applied_migrations() if key[0] in OURS]


def _write(to: Path, home: Path, database: Path, about: dict[str, Any]) -> None:
    import pyarrow as pa

    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with (
        os.fdopen(handle, "wb") as raw,
        pa.CompressedOutputStream(raw, "zstd") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        listed = [path for folder in FOLDERS for path in _files(home / folder)]
        _text(archive, ABOUT, json.dumps({**about, "files": len(listed)}, indent=2))
        archive.add(database, database.name, recursive=False)
        for path in listed:
            with contextlib.suppress(FileNotFoundError):  # deleted since
                archive.add(path, path.relative_to(home).as_posix(), recursive=False)


def _files(folder: Path) -> Iterator[Path]:
    """Plain files; what is still being written has a name that begins with a dot."""
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and not Path(path, name).is_symlink():
                yield Path(path, name)


def _text(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    told = tarfile.TarInfo(name)
    told.size, told.mtime, told.mode = len(data), int(time.time()), 0o600
    archive.addfile(told, io.BytesIO(data))


# Back -----------------------------------------------------------------------------------------------------------


@dataclass
class Unpacked:
    """A backup laid out in a folder."""

    folder: Path
    about: dict[str, Any]
    files: int


def restore(file: Path) -> list[str]:
    """Bring a backup back; says what is there now.

    All is laid out beside its place and checked first; the home stays empty where something is wrong.

    Raises:
        StudyError: the home holds something already, or there is no such file.
        DataError: the file is no backup, is damaged, or of a later version.
    """
    home = Path(settings.HOME)
    _is_empty(home)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as folder:
        found = _unpacked(file, Path(folder))
        _is_known(file, found)
        _take_database(file, found)
        for name in FOLDERS:
            _take_folder(found.folder / name, home / name)
    missing = max(found.about.get("files", 0) - found.files, 0)
    lines = [f"Restored from {file}: {User.objects.count():,} people, {found.files:,} files, of {found.about['at']}"]
    return [*lines, f"{missing:,} files were deleted while the backup was made"] if missing else lines


def _is_empty(home: Path) -> None:
    """Raises StudyError where anything would be lost."""
    held = [name for name in FOLDERS if (home / name).is_dir() and any((home / name).iterdir())]
    with contextlib.suppress(DatabaseError):
        if User._meta.db_table in connection.introspection.table_names() and User.objects.exists():
            held.append("the database")
    if held:
        found, mend = f"{' and '.join(held)} hold something already", "Give an empty home, and an empty database"
        raise StudyError(Fault("restore.not-empty", found, "", mend, str(home)))


def _unpacked(file: Path, folder: Path) -> Unpacked:
    import pyarrow as pa

    try:
        with (
            file.open("rb") as raw,
            pa.CompressedInputStream(raw, "zstd") as packed,
            tarfile.open(fileobj=packed, mode="r|") as archive,
        ):
            return _members(archive, folder)
    except FileNotFoundError as error:
        raise StudyError(Fault("restore.missing", "there is no such file", file=str(file))) from error
    except (OSError, ValueError, KeyError, tarfile.TarError, EOFError) as error:
        found, mend = f"the file is no backup, or damaged: {error}", "Take another backup"
        raise DataError(Fault("restore.damaged", found, "", mend, str(file))) from error


def _members(archive: tarfile.TarFile, folder: Path) -> Unpacked:
    """Write out what belongs there: plain files of the known names, each at its place below ``folder``."""
    about, files = None, 0
    for member in archive:
        parts = PurePosixPath(member.name).parts
        inner = archive.extractfile(member) if member.isreg() else None
        if inner is None or not _belongs(parts):
            raise ValueError(f'"{member.name[:100]}" does not belong there')
        if parts == (ABOUT,):
            about = json.loads(inner.read(LARGEST))
            continue
        place = folder.joinpath(*parts)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with place.open("xb") as out:
            shutil.copyfileobj(inner, out, 2**20)
        files += parts[0] in FOLDERS
    if not isinstance(about, dict):
        raise ValueError(f"{ABOUT} is missing")
    return Unpacked(folder, about, files)


def _belongs(parts: tuple[str, ...]) -> bool:
    if not parts or any(part in ("..", "/", "") or part.startswith(".") for part in parts):
        return False
    return parts in ((ABOUT,), (COPY,), (ROWS,)) or (parts[0] in FOLDERS and len(parts) > 2)


def _is_known(file: Path, found: Unpacked) -> None:
    """Raises DataError where this version cannot read it."""
    from django.db.migrations.loader import MigrationLoader

    known = {".".join(key) for key in MigrationLoader(None).disk_migrations}
    later = [name for name in found.about.get("migrations", ()) if name not in known]
    if found.about.get("format") != FORM or later:
        version = found.about.get("potomac", "another version")
        told = f"the backup is of Potomac {version}, this is {__version__}"
        raise DataError(Fault("restore.foreign", told, "", "Restore it with that version", str(file)))


def _take_database(file: Path, found: Unpacked) -> None:
    try:
        if (found.folder / COPY).is_file():
            _take_copy(file, found.folder / COPY)
        else:
            _take_rows(file, found)
    except (DatabaseError, sqlite3.DatabaseError, serializers.base.DeserializationError, OSError) as error:
        told = " ".join(str(error).split())[:300]
        raise DataError(Fault("restore.damaged", f"the database cannot be restored: {told}", file=str(file))) from error


def _take_copy(file: Path, copy: Path) -> None:
    if connection.vendor != "sqlite":
        found, mend = "the backup is a copy of SQLite's file", 'Take it with "potomac backup --portable"'
        raise DataError(Fault("restore.database", found, f"the database here is {connection.vendor}", mend, str(file)))
    with contextlib.closing(sqlite3.connect(copy)) as opened:
        (state,) = opened.execute("PRAGMA integrity_check").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)
    connection.close()
    place = Path(settings.DATABASES["default"]["NAME"])
    for name in (place.name, f"{place.name}-wal", f"{place.name}-shm"):
        place.with_name(name).unlink(missing_ok=True)
    copy.chmod(0o600)
    shutil.move(copy, place)
    start.tables()


def _take_rows(file: Path, found: Unpacked) -> None:
    start.tables()
    if sorted(map(".".join, _migrations())) != found.about.get("migrations"):
        told = "the rows are of an earlier version"
        mend = f"Restore them with Potomac {found.about.get('potomac')}, then update"
        raise DataError(Fault("restore.foreign", told, "", mend, str(file)))
    with (
        (found.folder / ROWS).open(encoding="utf-8") as lines,
        connection.constraint_checks_disabled(),
        transaction.atomic(),
    ):
        _load(lines)
    tables = [model._meta.db_table for model in _models()]
    connection.check_constraints(table_names=tables)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), _models()):
            cursor.execute(statement)


def _load(lines: IO[str]) -> None:
    known = set(_models())
    for row in serializers.deserialize("jsonl", lines):
        if type(row.object) not in known:
            raise serializers.base.DeserializationError(f"{type(row.object).__name__} does not belong there")
        row.save()


def _take_folder(found: Path, to: Path) -> None:
    if found.is_dir():
        to.rmdir()  # it is empty
        found.rename(to)
