"""Parquet files as a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from potomac.errors import DataError, Fault
from potomac.tables.chunk import ROWS, Chunk, Source, shown
from potomac.tables.streams import reading

__all__ = ["Parquet"]


class Parquet(Source):
    """One Parquet file; its values have the types of its schema."""

    def __init__(self, path: Path, label: str) -> None:
        self.label = label
        self._path = path
        self._files = ((label, path),)
        with self._file() as file:
            self.names = tuple(file.schema_arrow.names)

    def _file(self) -> Any:
        import pyarrow.parquet as pq

        with reading(self.label):
            try:
                return pq.ParquetFile(self._path, memory_map=False, buffer_size=1 << 20)
            except pa.ArrowException as error:
                raise DataError(self._damaged(error)) from error

    def _damaged(self, error: Exception) -> Fault:
        label, path = shown(self.label), self._path
        if path.stat().st_size == 0:
            return Fault("data.empty", f"{label} is empty", "expected a Parquet file", "Write the file again")
        with path.open("rb") as file:
            start = file.read(4)
        if start != b"PAR1":
            found = f"{label} is no Parquet file: it begins with the bytes {start.hex(' ')}"
            mend = "Give it the ending of what it is, for example .csv"
            return Fault("data.not-parquet", found, "expected the bytes 50 41 52 31 (PAR1)", mend)
        if "footer" in str(error) or "magic" in str(error) or "mall" in str(error):
            found = f"{label} ends early: a Parquet file keeps its schema at its end, and the end is missing"
            return Fault("data.ends-early", found, "expected the whole file", "Fetch or write the file again")
        found = f"{label} is damaged: {shown(error, 200)}"
        return Fault("data.damaged", found, "expected a whole Parquet file", "Fetch or write the file again")

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows, row group after row group."""
        first = 0
        with self._file() as file:
            if not columns:
                yield Chunk(self.label, 0, file.metadata.num_rows, ())
                return
            batches = file.iter_batches(batch_size=ROWS, columns=_roots(columns), use_threads=True)
            while (batch := self._next(batches)) is not None:
                yield Chunk(self.label, first, batch.num_rows, tuple(batch.column(name) for name in columns))
                first += batch.num_rows

    def _next(self, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        try:
            return next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise DataError(self._damaged(error)) from error


def _roots(columns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(columns))
