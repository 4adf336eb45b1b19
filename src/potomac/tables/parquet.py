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
            self.nested = frozenset(field.name for field in file.schema_arrow if pa.types.is_nested(field.type))

    def _file(self, encoded: Sequence[str] = ()) -> Any:
        import pyarrow.parquet as pq

        with reading(self.label):
            try:
                names = list(encoded) or None
                return pq.ParquetFile(self._path, memory_map=False, buffer_size=1 << 20, read_dictionary=names)
            except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
                if getattr(error, "errno", None) is not None:  # the disk's, not Arrow's word for a footer of nonsense
                    raise
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

    def encoded(self, columns: Sequence[str], most: int) -> Iterator[Chunk]:
        """Stream the rows with words as dictionaries, about ``most`` bytes at a time.

        A dictionary of one long word, repeated a million times, is small in the file and here, and would be huge as
        words; so a file of which nothing is known is looked at.
        """
        first = 0
        with self._file() as file:
            schema = file.schema_arrow
        kinds = {name: schema.field(name).type for name in columns}
        width = sum(kind.bit_width // 8 + 1 if _is_wide(kind) else 8 for kind in kinds.values())
        if width > most:
            found = f"{shown(self.label)}: one row takes {width:,} bytes"
            raise DataError(Fault("data.damaged", found, f"expected at most {most:,}", "Write the file again"))
        worded = [name for name, kind in kinds.items() if _is_worded(kind)]
        with self._file(worded) as file:
            batches = file.iter_batches(batch_size=min(ROWS, most // width), columns=list(columns), use_threads=True)
            while (batch := self._next(batches)) is not None:
                yield Chunk(self.label, first, batch.num_rows, tuple(batch.column(name) for name in columns))
                first += batch.num_rows

    def _next(self, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise DataError(self._damaged(error)) from error
        if batch is not None:
            self._utf8(batch)
        return batch

    def _utf8(self, batch: pa.RecordBatch) -> None:
        """Parquet promises that words are UTF-8, and nobody has looked yet."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            held = column.dictionary if pa.types.is_dictionary(column.type) else column
            if _is_text(held.type):
                try:
                    held.validate(full=True)
                except pa.ArrowInvalid as error:
                    found = f'column "{shown(name)}" of {shown(self.label)} holds words that are not UTF-8'
                    mend = "Write the file again, from text that is decoded rightly"
                    raise DataError(Fault("data.damaged", found, "expected UTF-8", mend)) from error


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_worded(kind: pa.DataType) -> bool:
    """Whether the file may keep its values in a dictionary that Arrow can keep too."""
    types = pa.types
    views = types.is_string_view(kind) or types.is_binary_view(kind)
    return bool(_is_text(kind) or views or types.is_binary(kind) or types.is_large_binary(kind))


def _is_wide(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_binary(kind) or pa.types.is_decimal(kind))


def _roots(columns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(columns))
