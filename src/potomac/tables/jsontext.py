"""JSON as lines: a stream of objects, one a line, out of JSON lines or out of one big array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault
from potomac.tables.chunk import shown
from potomac.tables.streams import ends_early

__all__ = ["ArrayLines", "Readable", "lines"]

BLOCK = 1 << 22
LONGEST = 1 << 28
"""An object may be as long as this."""

Bytes = npt.NDArray[np.uint8]
_QUOTE, _BACKSLASH, _COMMA, _NEWLINE, _RETURN, _SPACE = b'"\\,\n\r '
_SPECIAL = np.isin(np.arange(256), np.frombuffer(b'"[{]},\n\r', np.uint8))
_STEP = np.select([np.isin(np.arange(256), [*b"[{"]), np.isin(np.arange(256), [*b"]}"])], [1, -1], 0).astype(np.int8)
"""How far each sign leads into (or out of) brackets."""


class Readable(Protocol):
    """Something that gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""


def lines(stream: Readable, label: str) -> Iterator[bytes]:
    """Blocks of whole lines.

    Raises:
        DataError: a line is longer than 256 MB.
    """
    rest = b""
    while block := stream.read(BLOCK):
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
        if len(rest) > LONGEST:
            found = f"{shown(label)}: one object is longer than {LONGEST >> 20} MB"
            raise DataError(Fault("data.json", found, "expected one object a row", "Look at the end of the file"))
    if rest.strip():
        yield rest


@dataclass
class ArrayLines:
    """The elements of a JSON array, one a line; the stream begins with the array's bracket.

    Brackets and commas outside of strings are counted: a comma at depth 1 ends an element and becomes the end of a
    line, other line ends become spaces, and the array's own brackets vanish.
    """

    stream: Readable
    label: str
    depth: int = 0
    inside: bool = False  # within a string
    escaped: bool = False  # the next sign follows a backslash that escapes it
    ended: bool = False

    def read(self, size: int = -1, /) -> bytes:
        """The next elements; none at the end of the array."""
        if self.ended:
            return b""
        block = self.stream.read(BLOCK if size < 0 else size)
        if not block:
            raise DataError(ends_early(self.label))
        return self._split(np.frombuffer(block, np.uint8).copy())

    def _split(self, signs: Bytes) -> bytes:
        places, marks = self._outside(signs)
        depth = self.depth + np.cumsum(_STEP[marks], dtype=np.int32)
        self.depth = int(depth[-1]) if len(depth) else self.depth
        signs[places[(marks == _NEWLINE) | (marks == _RETURN)]] = _SPACE
        signs[places[(marks == _COMMA) & (depth == 1)]] = _NEWLINE
        signs[places[(_STEP[marks] == 1) & (depth == 1)]] = _SPACE
        ends = places[(_STEP[marks] == -1) & (depth == 0)]
        if len(ends):
            self.ended = True
            signs = signs[: ends[0] + 1]
            signs[-1] = _NEWLINE
        return signs.tobytes()

    def _outside(self, signs: Bytes) -> tuple[npt.NDArray[np.intp], Bytes]:
        """Where brackets, commas, line ends (and closing quotation marks) stand outside of strings, and which."""
        places = np.flatnonzero(_SPECIAL[signs])
        marks = signs[places]
        quotes = marks == _QUOTE
        if self.escaped or (signs == _BACKSLASH).any():
            quotes &= ~self._escapes(signs)[places]
        inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)) ^ np.uint8(self.inside)
        self.inside = bool(inside[-1]) if len(inside) else self.inside
        return places[inside == 0], marks[inside == 0]

    def _escapes(self, signs: Bytes) -> npt.NDArray[np.bool_]:
        """Which signs follow an odd run of backslashes."""
        slashes = signs == _BACKSLASH
        places = np.arange(len(signs))
        carried = -2 if self.escaped else -1  # a backslash at the end of the block before stands at -1
        other = np.maximum.accumulate(np.where(slashes, carried, places))
        run = np.where(slashes, places - other, 0)  # length of the run of backslashes that ends here
        odd = run % 2 == 1
        before = np.concatenate(([self.escaped], odd[:-1]))
        self.escaped = bool(odd[-1])
        return before
