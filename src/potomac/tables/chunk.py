"""What every source gives: its rows in their own order, in chunks, each row with its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from potomac.errors import shown

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["ROWS", "Broken", "Chunk", "Source", "shown"]

ROWS = 131_072
"""Rows of a chunk, where a source has no size of its own. Fixed, so that no value depends on the size of batches."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Rows that cannot even be split into columns: their numbers, what stands there, and why it is no row."""

    rows: npt.NDArray[np.int64]
    values: pa.Array
    reasons: pa.Array


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a source.

    ``columns`` are the columns asked for, in that order, of the source's own types. ``first`` is the number of the
    first row, ``length`` counts the rows, broken ones included. ``rows`` numbers the rows of ``columns`` where some
    between them are broken. ``source`` is the file (or object) that they stand in.
    """

    source: str
    first: int
    length: int
    columns: tuple[pa.Array, ...]
    rows: npt.NDArray[np.int64] | None = None
    broken: Broken | None = None

    def numbers(self) -> npt.NDArray[np.int64]:
        """The number of each row of ``columns``."""
        import numpy as np

        if self.rows is not None:
            return self.rows
        return np.arange(self.first, self.first + self.length, dtype=np.int64)

    def moved(self, by: int) -> Chunk:
        """The same rows, ``by`` rows further on."""
        rows = None if self.rows is None else self.rows + by
        broken = self.broken and replace(self.broken, rows=self.broken.rows + by)
        return replace(self, first=self.first + by, rows=rows, broken=broken)


class Source:
    """Rows with named columns. Every pass gives the same rows in the same order.

    ``label`` is what messages call it. ``names`` are its columns in order (a header may name one twice). ``worded``
    columns hold words even where these look like numbers.
    """

    label: str
    names: tuple[str, ...]
    worded: frozenset[str] = frozenset()
    positions: tuple[str, ...] = ()  # roles that have columns of the same name by nature
    _notes: tuple[str, ...] = ()
    _files: tuple[tuple[str, Path], ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out; grows while rows are read."""
        return self._notes

    @property
    def files(self) -> tuple[tuple[str, Path], ...]:
        """What messages call the files that it reads, and where they are; none for objects and most databases."""
        return self._files

    def find(self, columns: Sequence[str]) -> None:
        """Look further for columns that are not among ``names``, where rows may have more of them."""

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows from the first."""
        raise NotImplementedError
