"""How many rows repeat another, in bounded memory."""

from __future__ import annotations

import tempfile
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.tables.duck import connect

__all__ = ["Distinct"]

PARTS = 64
"""Hashes are parted by their highest bits; each part is sorted on its own."""
IN_MEMORY = 1 << 22
"""So many hashes stay in memory."""


class Distinct:
    """Counts rows and distinct rows.

    Each row is known by a 64-bit hash (DuckDB's, over all columns). Two of n different rows share one with a chance
    of at most n^2 / 2^65: one in 3,700 for 100 million rows. Past four million rows the hashes go to a
    temporary file, 8 bytes each, and are sorted in 64 parts.
    """

    def __init__(self) -> None:
        self._duck = connect()
        self._held: list[npt.NDArray[np.uint64]] = []
        self._count = 0
        self._files: list[IO[bytes]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows; equal values must have equal types in all batches."""
        if batch.num_rows == 0:
            return
        named = pa.table([_plain(column) for column in batch.columns], [f"c{i}" for i in range(batch.num_columns)])
        hashes = self._duck.from_arrow(named).query("v", "SELECT hash(v) AS h FROM v").to_arrow_table()
        self._held.append(hashes.column("h").to_numpy())
        self._count += batch.num_rows
        if sum(map(len, self._held)) > IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        if not self._files:
            self._files = [tempfile.TemporaryFile(prefix="potomac-") for _ in range(PARTS)]  # noqa: SIM115  see close
        hashes = np.sort(np.concatenate(self._held or [np.array([], np.uint64)]))
        edges = np.searchsorted(hashes, np.arange(1, PARTS, dtype=np.uint64) << np.uint64(58))
        for file, part in zip(self._files, np.split(hashes, edges), strict=True):
            part.tofile(file)
        self._held = []

    def repeated(self) -> int:
        """How many rows are equal to an earlier one."""
        if not self._files:
            return self._count - _distinct(np.concatenate(self._held)) if self._held else 0
        self._spill()
        found = 0
        for file in self._files:
            file.seek(0)
            found += _distinct(np.fromfile(file, np.uint64))
        return self._count - found

    def close(self) -> None:
        """Give memory and files back."""
        self._duck.close()
        self._held = []
        for file in self._files:
            file.close()
        self._files = []


def _plain(column: pa.Array) -> pa.Array:
    """Times as whole numbers: equal values have equal hashes, and no time zone is asked for."""
    return column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column


def _distinct(hashes: npt.NDArray[np.uint64]) -> int:
    ordered = np.sort(hashes)
    return int(len(ordered) > 0) + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
