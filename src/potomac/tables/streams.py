"""Files as streams of bytes: decompressed, and as UTF-8 where they are text, in bounded memory."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pyarrow as pa

from potomac.errors import DataError, Fault
from potomac.tables.chunk import shown

__all__ = ["BLOCK", "Text", "compression", "head", "meter", "metered", "opened", "reading"]

BLOCK = 1 << 20
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_METER: ContextVar[Callable[[int], None] | None] = ContextVar("meter", default=None)
_ARCHIVES = {b"PK\x03\x04": "zip", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z", b"Rar!": "rar"}


@contextmanager
def metered(meter: Callable[[int], None]) -> Iterator[None]:
    """Tell ``meter`` after every block how many bytes of a text have been decompressed in that pass.

    It stops the pass by raising DataError, also where a pass gives no row for long, as among empty lines.
    """
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)


def meter() -> Callable[[int], None] | None:
    """What is told how many bytes have been decompressed, where somebody asked for it."""
    return _METER.get()


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Errors of the disk and of decompression, met while ``label`` is read, become faults."""
    try:
        yield
    except OSError as error:
        raise DataError(_fault(error, shown(label))) from error


def _fault(error: OSError, label: str) -> Fault:
    if isinstance(error, PermissionError):
        return Fault(
            "data.permission",
            f"{label} may not be read by this user",
            "expected a file that you may read",
            "Give yourself the right to read it, for example with chmod u+r",
        )
    if isinstance(error, FileNotFoundError):
        return Fault("data.source-missing", f"there is no {label}", "", "It was there a moment ago; put it back")
    text = str(error)
    if "runcated" in text or "nd-of-stream" in text or "EOF" in text:
        return ends_early(label)
    if "inflate" in text or "ZSTD" in text or "zstd" in text or "bz2" in text:
        found = f"{label} cannot be decompressed: its content is damaged"
        return Fault("data.compression", found, "expected a whole gzip or zstd file", "Fetch or write the file again")
    reason = (error.strerror or text or type(error).__name__).lower()
    return Fault("data.unreadable", f"{label} cannot be read: {reason}", "", "Look at the disk, or copy the file anew")


def ends_early(label: str) -> Fault:
    """The fault of a file whose end is missing."""
    found = f"{label} ends early: its last part is missing"
    return Fault("data.ends-early", found, "expected the whole file", "Fetch or write the file again")


def compression(path: Path, label: str = "") -> str:
    """``gzip``, ``zstd``, ``bz2`` or nothing, by the first bytes of the file, which messages call ``label``.

    Raises:
        DataError: it is an archive of several files, or of a kind that cannot be streamed.
    """
    with path.open("rb") as file:
        start = file.read(8)
    for magic, name in _ARCHIVES.items():
        if start.startswith(magic):
            found = f"{shown(label or path.name)} is a {name} archive"
            mend = "Unpack it, and name the file that was in it"
            raise DataError(Fault("data.archive", found, "expected a plain, .gz or .zst file", mend))
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


def opened(path: Path) -> Any:
    """A stream of the bytes of a file, decompressed."""
    packed = compression(path)
    file = pa.OSFile(str(path), "rb")
    return pa.CompressedInputStream(file, packed) if packed else file


def head(path: Path, most: int) -> bytes:
    """The first ``most`` bytes of a file, decompressed."""
    with opened(path) as stream:
        parts: list[bytes] = []
        missing = most
        while missing > 0 and (part := stream.read(missing)):
            parts.append(part)
            missing -= len(part)
    return b"".join(parts)


class Text(io.RawIOBase):
    """The text of a file as a stream of UTF-8, without byte order mark.

    Bytes that ``encoding`` does not know, and NUL, become U+FFFD; ``replaced`` counts them.
    ``quotes`` counts the quotation marks, so that one that is never closed is seen.
    """

    def __init__(self, path: Path, encoding: str, label: str) -> None:
        super().__init__()
        self.label = label
        self.replaced = 0
        self.quotes = 0
        self.error: DataError | None = None
        self._stream = opened(path)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._given = bytearray()
        self._ended = False
        self._read = 0
        self._meter = _METER.get()  # asked for here, because Arrow reads in a thread of its own

    def readable(self) -> bool:
        """It is read."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        want = BLOCK if size is None or size < 0 else size
        while len(self._given) < want and not self._ended:
            self._fill()
        part = bytes(self._given[:want])
        del self._given[:want]
        return part

    def _fill(self) -> None:
        try:
            with reading(self.label):
                data = self._stream.read(BLOCK)
            self._read += len(data)
            if self._meter is not None:
                self._meter(self._read)
        except DataError as error:
            self.error = error
            raise
        self._ended = not data
        text = self._decoder.decode(data, final=self._ended)
        text = text.replace("\0", "\ufffd")
        self.replaced += text.count("\ufffd")
        self.quotes += text.count('"')
        self._given += text.encode("utf-8", "replace")

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._stream.close()
        super().close()
