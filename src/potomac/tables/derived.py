"""A source whose columns are made of those of another, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from potomac.tables.chunk import Chunk, Source
from potomac.tables.values import plain

__all__ = ["Derived", "Made", "same", "whole"]

_WHOLE = r"^\d{1,18}$"


def same(column: pa.Array) -> pa.Array:
    """The column as it is."""
    return column


def whole(column: pa.Array) -> pa.Array:
    """Ids that are written as integers, as int64; others are not known."""
    words = pc.utf8_trim_whitespace(plain(column))
    try:
        return words.cast(pa.int64())
    except pa.ArrowInvalid:
        fits = pc.fill_null(pc.match_substring_regex(words, _WHOLE), False)
        return pc.if_else(fits, words, pa.scalar(None, pa.string())).cast(pa.int64())


@dataclass(frozen=True)
class Made:
    """How a column is made: of which columns, by which function of their arrays."""

    of: tuple[str, ...]
    by: Callable[..., pa.Array] = same


class Derived(Source):
    """The rows of another source under other names.

    The columns play the roles of the same name without being named by the study.

    Args:
        inner: the source.
        columns: how each column is made.
        note: what was found.
        files: what the rows are read from, where that is not what ``inner`` reads.
        keeps: what has to live as long as this source.
    """

    def __init__(
        self,
        inner: Source,
        columns: Mapping[str, Made],
        note: str,
        files: tuple[tuple[str, Path], ...] = (),
        keeps: object = None,
    ) -> None:
        self.label = inner.label
        self.names = self.positions = tuple(columns)
        self._inner = inner
        self._columns = dict(columns)
        self._note = note
        self._keeps = keeps
        self._files = files or inner.files

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found, and what the inner source met; how it is written is known."""
        return (self._note, *self._inner.notes[1:])

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows."""
        needed = list(dict.fromkeys(one for name in columns for one in self._columns[name].of))
        for chunk in self._inner.chunks(needed):
            held = dict(zip(needed, chunk.columns, strict=False))
            made = (self._columns[name] for name in columns)
            arrays = tuple(_one(how.by(*(held[name] for name in how.of))) for how in made)
            yield replace(chunk, columns=arrays)


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
