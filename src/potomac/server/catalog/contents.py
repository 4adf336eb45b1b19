"""Where bytes that people bring are kept: once, under their hash, as long as a source needs them.

A content's row and its file change together under a lock of the file system (one of 256, by the hash's first two
digits), so that who brings bytes and who takes the same bytes away never meet. A file without a row may be left by a
crash and is swept; a row without a file never comes about.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.db import transaction
from django.db.models import Sum

from potomac.errors import DataError, Fault, StudyError, listing
from potomac.server.accounts.models import User
from potomac.server.catalog.endings import ENDINGS, ending
from potomac.server.catalog.models import Content, Source
from potomac.server.config import home
from potomac.tables.chunk import shown

__all__ = [
    "Full",
    "Handler",
    "Incoming",
    "clean",
    "drop",
    "inside",
    "keep",
    "located",
    "place",
    "receive",
    "stored",
    "sweep",
    "tidy",
]

_BLOCK = 1 << 20
_LETTERS = 100  # of a name, its ending included; the model has room for the number of a doubled one
_BYTES = 200  # of the same; file systems take 255
_STALE = 3600.0  # seconds after which what was left half received belongs to nobody
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_INSTEAD = {
    (".zip", ".7z", ".rar", ".tar", ".tar.gz", ".tgz", ".xz"): "Unpack it, and bring the file that is in it",
    (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"): "Save the sheet as CSV, and bring that",
    (".tsv", ".tab", ".txt", ".dat"): "Rename it to .csv: tabs, semicolons and vertical bars are known there too",
    (".geojsonl", ".ndjson"): "Rename it to .jsonl",
    (".osm", ".osm.bz2", ".osm.gz", ".o5m"): "Write it as .osm.pbf: osmium cat region.osm -o region.osm.pbf",
    (".bz2",): "Pack it with gzip or zstd instead, or not at all",
    (".parq", ".pq"): "Rename it to .parquet",
    (".shp", ".gpkg", ".kml", ".gpx"): "Write it as GeoJSON with points, or as CSV with latitude and longitude",
    (".db", ".sqlite", ".sqlite3", ".sql"): "Write the table as CSV or Parquet, or ask for the database as a source",
}


class Full(Exception):
    """A limit of what may be brought would be passed; the sentence says which."""


class Bytes(Protocol):
    """Something that gives bytes, such as an open file."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""


# ---- names ----------------------------------------------------------------------------------------------------------


def clean(name: str, *, file: bool = True) -> str:
    """A name as studies and file systems can write it.

    Letters and digits of any language, ``-``, ``_``, ``.`` and single spaces stay; what stands before the last stroke
    goes, and whatever else there is becomes a hyphen.

    Args:
        name: as it was typed or sent.
        file: whether it must end as a file does that can be read; else it has no ending.

    Raises:
        StudyError: nothing is left of it, or the ending is none that can be read.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(sign if sign.isalnum() or sign in "-_. " else "-" for sign in last)
    kept = " ".join(kept.split()).lstrip(".- ")
    end = ending(kept) if file else ""
    if file and not end:
        raise StudyError(_no_table(last))
    stem = kept[: len(kept) - len(end)] if file else kept.replace(".", "-")
    stem = _fitted(re.sub(r"-{2,}", "-", re.sub(r"\.{2,}", ".", stem)), _LETTERS - len(end), _BYTES - len(end))
    if not stem:
        found = f"nothing of the name {shown(name, 40)!r} can be kept"
        raise StudyError(Fault("upload.name", found, "expected letters, digits, - _ . and spaces", key="name"))
    return f"table-{stem}{end}" if _RESERVED.match(stem + end) else stem + end


def _fitted(stem: str, letters: int, size: int) -> str:
    stem = stem[:letters].encode()[:size].decode("utf-8", "ignore")
    return stem.strip(".- ")


def _no_table(name: str) -> Fault:
    folded = name.casefold().strip()
    mend = next((words for ends, words in _INSTEAD.items() if folded.endswith(ends)), "Write the table as one of these")
    found = f"{shown(name, 60)} is of no kind that can be read"
    return Fault("upload.format", found, f"expected a name ending in {listing(ENDINGS)}", mend, key="name")


def numbered(name: str) -> Iterator[str]:
    """``ships.csv``, ``ships-2.csv``, ``ships-3.csv`` ..."""
    end = ending(name)
    stem = name[: len(name) - len(end)]
    yield name
    number = 2
    while True:
        yield f"{stem}-{number}{end}"
        number += 1


# ---- bytes ----------------------------------------------------------------------------------------------------------


def place(sha256: str) -> Path:
    """Where the bytes of a content lie."""
    return home() / "content" / sha256[:2] / sha256


def _folder() -> Path:
    folder = home() / "content"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def _held(sha256: str) -> Iterator[None]:
    """Nobody else brings or takes away contents of these first two digits."""
    folder = _folder() / sha256[:2]
    folder.mkdir(exist_ok=True, mode=0o700)
    with (folder / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Incoming:
    """Bytes that have been received and belong to no source yet."""

    sha256: str
    size: int
    aside: Path

    def forget(self) -> None:
        """Throw them away."""
        self.aside.unlink(missing_ok=True)


def receive(file: Any, most: int, full: str) -> Incoming:
    """Write what is brought to the disk and hash it on the way.

    Args:
        file: an upload of Django's, or anything with ``read``.
        most: bytes that may come.
        full: the sentence of :class:`Full` where more come; nothing is read beyond.

    Raises:
        Full: more bytes come.
        DataError: none come.
    """
    aside = _folder() / f".incoming-{secrets.token_hex(16)}"
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for part in _parts(file):
                size += len(part)
                if size > most:
                    raise Full(full)
                digest.update(part)
                out.write(part)
            out.flush()
            os.fsync(out.fileno())
        if not size:
            raise DataError(Fault("data.empty", "the file is empty", "expected a table", "Choose it once more"))
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return Incoming(digest.hexdigest(), size, aside)


def _parts(file: Any) -> Iterable[bytes]:
    if hasattr(file, "chunks"):
        return file.chunks(_BLOCK)  # type: ignore[no-any-return]
    return iter(lambda: file.read(_BLOCK), b"")


@contextmanager
def keep(incoming: Incoming) -> Iterator[Content]:
    """Give received bytes their place and their row; the source that needs them is made inside.

    All in one transaction. Where the inside fails, neither stays. To be entered outside of any other transaction.
    """
    try:
        with _held(incoming.sha256), transaction.atomic():
            content, _ = Content.objects.get_or_create(sha256=incoming.sha256, defaults={"size": incoming.size})
            _settled(incoming)
            yield content
    except BaseException:
        drop(incoming.sha256)
        raise
    finally:
        incoming.forget()


def _settled(incoming: Incoming) -> None:
    target = place(incoming.sha256)
    if target.is_file() and target.stat().st_size == incoming.size:
        return
    incoming.aside.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def drop(sha256: str) -> int:
    """Take a content away if no source needs it any more; the bytes that the disk has won.

    The file goes when the transaction around, if there is one, has been committed, and only if nobody has brought
    the same bytes in the meantime.
    """
    size = 0
    with _held(sha256), transaction.atomic():
        content = Content.objects.select_for_update().filter(pk=sha256).first()
        if content is not None and content.sources.exists():
            return 0
        if content is not None:
            size = content.size
            content.delete()
    transaction.on_commit(lambda: _unlink(sha256))
    return size


def _unlink(sha256: str) -> None:
    with _held(sha256):
        if not Content.objects.filter(pk=sha256).exists():
            place(sha256).unlink(missing_ok=True)


def sweep() -> int:
    """Remove what nobody needs: contents without source, files without content, halves of uploads; bytes won.

    Uploads may go on: what one of them has put into place and not yet committed is under its lock, and is looked at
    again when that is free.
    """
    won = sum(drop(one) for one in list(Content.objects.filter(sources=None).values_list("pk", flat=True)))
    for folder in _folder().glob("??"):
        files = {file.name: file for file in folder.iterdir() if not file.name.startswith(".")}
        known = Content.objects.filter(pk__startswith=folder.name).values_list("pk", flat=True)
        for name in files.keys() - set(known):
            with suppress(FileNotFoundError):
                size = files[name].stat().st_size
                _unlink(name)
                won += 0 if files[name].exists() else size
    return won + tidy()


def tidy() -> int:
    """Remove halves of uploads that a crash has left; bytes won."""
    won = 0
    for file in _folder().glob(".incoming-*"):
        with suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > _STALE:
                won += file.stat().st_size
                file.unlink()
    return won


def stored(owner: User) -> int:
    """Bytes that the uploads of a person hold; those that others have too are counted as well."""
    total = Source.objects.filter(owner=owner).aggregate(size=Sum("content__size"))["size"]
    return int(total or 0)


# ---- where a source lies --------------------------------------------------------------------------------------------


def located(source: Source) -> str:
    """The path or address that the worker opens.

    Raises:
        DataError: the file is no longer in its folder.
    """
    if source.database is not None:
        return source.database.url
    if source.content_id is not None:
        return str(place(source.content_id))
    return str(inside(source.folder, source.path))


def inside(folder: str, path: str) -> Path:
    """The file ``path`` of a folder that the configuration allows, links followed and still inside.

    Raises:
        DataError: there is no such file; whether there is one elsewhere is not told.
    """
    root = settings.CONFIG.folders.get(folder)
    parts = path.split("/")
    if root is not None and path and not any(_is_odd(part) for part in parts):
        with suppress(OSError, ValueError):
            found = root.resolve(strict=True).joinpath(*parts).resolve(strict=True)
            if found.is_relative_to(root.resolve()) and found.is_file():
                return found
    known = listing(sorted(settings.CONFIG.folders)) or "none"
    found_words = f'there is no file "{shown(path, 60)}" in a folder "{shown(folder, 40)}"'
    raise DataError(Fault("upload.folder", found_words, f"the folders here are {known}", key="path"))


def _is_odd(part: str) -> bool:
    """What no path of a folder has: nothing, hidden names, ways up, and Windows' own strokes."""
    return not part or part.startswith(".") or "\\" in part or "\0" in part


# ---- before a request is read ---------------------------------------------------------------------------------------


class Handler(TemporaryFileUploadHandler):
    """Receives the files of a form, of people who have signed in (or bring a token), up to the limit and no further."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: str | None = None
    ) -> Any:
        """Refuse at once what says itself that it is too large."""
        self._most = settings.CONFIG.limits.upload_mb << 20
        self._got = 0
        user = getattr(self.request, "user", None)
        self._known = (user is not None and user.is_authenticated) or bool(META.get("HTTP_AUTHORIZATION"))
        if content_length > self._most + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig(self._sentence())

    def new_file(self, *given: Any, **more: Any) -> None:
        """Take no file from nobody; the fields of a form are taken."""
        if not self._known:
            raise RequestDataTooBig("Sign in before you send a file.")
        super().new_file(*given, **more)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write it, until it is too much."""
        self._got += len(raw_data)
        if self._got > self._most:
            self.upload_interrupted()
            raise RequestDataTooBig(self._sentence())
        super().receive_data_chunk(raw_data, start)
        return None

    def _sentence(self) -> str:
        return f"A file may have {settings.CONFIG.limits.upload_mb:,} MB."
