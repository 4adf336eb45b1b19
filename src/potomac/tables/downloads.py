"""Data sets as they are downloaded: a directory, a zip, or one of its files, known by the names of what is inside."""

from __future__ import annotations

import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from potomac.errors import DataError, Fault, listing
from potomac.tables.chunk import shown
from potomac.tables.files import missing
from potomac.tables.streams import BLOCK, meter, reading

__all__ = ["Download"]

_PACKED = (".gz", ".zst", ".bz2")
_DEPTH = 2
"""Directories below the one that is named, in which files are looked for: archives hold one of their own name."""


class Download:
    """What is there of a download.

    Args:
        written: path of the directory, the zip, or one of the files, as the study has it.
        base: directory that it is relative to.

    Attributes:
        label: what messages call it.
        named: name of the file, where the study names one.

    Raises:
        DataError: it is not there.
    """

    def __init__(self, written: str, base: Path) -> None:
        self.label, self.named = written, ""
        self._archive: Path | None = None
        path = base / Path(written).expanduser()
        with reading(written):
            if not path.exists():
                raise DataError(missing(written, path))
            if path.is_dir():
                self._places: dict[str, Any] = dict(_below(path, _DEPTH))
            elif zipfile.is_zipfile(path):
                self._archive = path
                self._places = self._members(path)
            else:
                self.named = _bare(path.name)
                self._places = {**dict(_below(path.parent, 1)), self.named: path}

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def path(self, name: str) -> Path:
        """Where the file ``name`` lies; one of a zip is unpacked first."""
        if self._archive is None:
            return Path(self._places[name])
        file = tempfile.NamedTemporaryFile(prefix="potomac-", suffix=Path(name).suffix)  # noqa: SIM115
        weakref.finalize(self, file.close)  # it lives as long as this
        with _unpacking(self.label), zipfile.ZipFile(self._archive) as archive:
            _copied(archive, self._places[name], file)
        return Path(file.name)

    def files(self, *names: str) -> tuple[tuple[str, Path], ...]:
        """What the manifest tells of the files ``names``: themselves, or the zip that holds them."""
        if self._archive is not None:
            return ((self.label, self._archive),)
        return tuple((self.called(name), Path(self._places[name])) for name in names)

    def called(self, name: str) -> str:
        """What messages call the file ``name``."""
        return self.label if name == self.named else str(Path(self.label).parent / name) if self.named else (
            f"{self.label.rstrip('/')}/{name}")  # fmt: skip

    def lacks(self, what: str, expected: str, mend: str) -> DataError:
        """The error of a download that has not what is needed."""
        there = listing(sorted(self._places), 8) if self._places else "nothing"
        found = f"there is no {what} in {shown(self.label)}: there is {there}"
        return DataError(Fault("data.format-missing", found, expected, mend))

    def _members(self, path: Path) -> dict[str, Any]:
        with _unpacking(self.label), zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
        return {Path(name).name: name for name in reversed(names)}


def _below(folder: Path, depth: int) -> Iterator[tuple[str, Path]]:
    """Files by name, those of the upper directories last, so that they count."""
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for path in inside:
        if depth > 1 and path.is_dir():
            yield from _below(path, depth - 1)
    yield from ((_bare(path.name), path) for path in inside if path.is_file())


def _bare(name: str) -> str:
    """A name without the ending of compression."""
    return name.removesuffix(Path(name).suffix) if name.endswith(_PACKED) else name


def _copied(archive: zipfile.ZipFile, member: str, to: IO[bytes]) -> None:
    told, read = meter(), 0
    with archive.open(member) as stream:
        while block := stream.read(BLOCK):
            read += len(block)
            if told is not None:
                told(read)
            to.write(block)
    to.flush()


@contextmanager
def _unpacking(label: str) -> Iterator[None]:
    """What a damaged archive raises, as a fault."""
    try:
        with reading(label):
            yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        found = f"{shown(label)} cannot be unpacked: {shown(error, 200)}"
        mend = "Fetch the file again, or unpack it and name the directory"
        raise DataError(Fault("data.compression", found, "expected a whole zip without a password", mend)) from error
