"""Table: roles over a source; streams checked rows and keeps the rejected ones with their reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from potomac.tables.roles import Column, Role

__all__ = ["Counts", "Table", "open"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows were read, used and rejected (by reason), and how many of those used repeat another."""

    read: int
    used: int
    rejected: int
    reasons: Mapping[str, int]
    duplicates: int


class Table:
    """Rows with roles. Every pass streams from the source in the same order; memory holds one batch.

    A batch has the column ``row`` (int64, 0-based row of the source, counting every data row) and one column a
    role, of the role's type, in base units. Only usable rows come through.
    """

    name: str
    columns: Mapping[str, Column]
    schema: pa.Schema
    notes: tuple[str, ...]  # what was found out: delimiter, encoding, decimal comma, time zone, swapped ...

    def batches(self, columns: Sequence[str] | None = None, size: int = 262_144) -> Iterator[pa.RecordBatch]:
        """Stream the usable rows in batches of at most ``size`` rows; the batch size changes no value."""
        raise NotImplementedError

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All usable rows in memory."""
        raise NotImplementedError

    def to_numpy(self, columns: Sequence[str] | None = None) -> dict[str, npt.NDArray[Any]]:
        """All usable rows in memory, a NumPy array a column (null numbers are NaN)."""
        raise NotImplementedError

    def counts(self) -> Counts:
        """Counts of a whole pass (makes one where none was finished yet)."""
        raise NotImplementedError

    def rejected(self) -> pa.RecordBatchReader:
        """Stream of the rejected rows: source, row, column, value, reason."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """For the manifest: source, files with size and SHA-256, columns, counts, notes."""
        raise NotImplementedError


def open(  # noqa: A001
    source: Any,
    columns: Mapping[str, Column | str],
    roles: Sequence[Role],
    *,
    query: str | None = None,
    base: Path | None = None,
    name: str = "data",
) -> Table:
    """A Table over ``source`` (path, glob, directory, database URL, Arrow, pandas, Polars or DuckDB object)."""
    raise NotImplementedError
