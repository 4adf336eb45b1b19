"""Rows put into another order outside memory, and kept on disk so that they can be read again and again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from potomac.tables.duck import reader
from potomac.tables.spool import Spool

__all__ = ["Ordered"]

MEMORY = "512MB"
"""What the sort holds; the rest lies on disk."""

ROWS = 131_072


class Ordered:
    """Rows in the order of some columns, nulls last; without such columns in the order in which they came.

    DuckDB sorts them, with parts on disk where they are many. The sorted rows lie in a temporary file without a
    name, which is gone when this object is.

    Args:
        batches: the rows; read to the end at once.
        schema: their columns.
        by: columns to sort by; together they should leave no ties, or ties come in any order.

    Raises:
        BaseException: whatever ``batches`` raises.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema, by: Sequence[str] = ()) -> None:
        self.schema = schema
        if by:
            with _Sort(batches, schema, by) as rows:
                self._rows = Spool(rows, schema.names, "sorted rows").drain()
        else:
            self._rows = Spool(iter(batches), schema.names, "kept rows").drain()

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the rows.

        Args:
            columns: which ones; all by default.
        """
        names = list(self.schema.names if columns is None else columns)
        schema = pa.schema([self.schema.field(name) for name in names])
        for chunk in self._rows.chunks(names):
            yield pa.RecordBatch.from_arrays(list(chunk.columns), schema=schema)

    def groups(self, key: str, least: int) -> Iterator[pa.Table]:
        """Stream the rows in tables of at least ``least`` rows (the last one less), cut only where ``key`` changes.

        Rows without a key belong to nobody and are cut anywhere.

        Args:
            key: the first of the columns that the rows are sorted by.
            least: rows of a table; it grows with the largest group.
        """
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for given in self.batches():
            batch = given
            cut = _last_change(waiting, batch, key) if rows + batch.num_rows >= least else 0
            if cut or (rows >= least and _loose(batch, key)):
                yield pa.Table.from_batches([*waiting, batch.slice(0, cut)])
                waiting, rows = [], 0
                batch = batch.slice(cut)
            waiting.append(batch)
            rows += batch.num_rows
        if rows:
            yield pa.Table.from_batches(waiting)


def _last_change(waiting: Sequence[pa.RecordBatch], batch: pa.RecordBatch, key: str) -> int:
    """Where the last group of a batch begins; 0 where it is all one group."""
    column = batch.column(key)
    if batch.num_rows < 2:
        return 0
    changed = pc.fill_null(pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)), True)
    places = pc.indices_nonzero(changed)
    return places[-1].as_py() + 1 if len(places) else 0


def _loose(batch: pa.RecordBatch, key: str) -> bool:
    return batch.num_rows > 0 and not batch.column(key)[0].is_valid


class _Sort:
    """A sort on its way: an iterator of sorted batches, whose files are gone at the end."""

    def __init__(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema, by: Sequence[str]) -> None:
        self._given, self._schema, self._by = batches, schema, by
        self._failed: BaseException | None = None

    def __enter__(self) -> Iterator[pa.RecordBatch]:
        import duckdb

        self._folder = tempfile.mkdtemp(prefix="potomac-sort-")
        config: dict[str, Any] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": MEMORY,
            "preserve_insertion_order": "false",
            "temp_directory": self._folder,
            "threads": "2",
        }
        self._duck = duckdb.connect(config=config)
        return self._sorted()

    def __exit__(self, *about: object) -> None:
        self._duck.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _sorted(self) -> Iterator[pa.RecordBatch]:
        given = pa.RecordBatchReader.from_batches(self._numbered(), self._watched())
        order = ", ".join(f"c{self._schema.names.index(name)} NULLS LAST" for name in self._by)
        try:
            found = self._duck.from_arrow(given).query("v", f"SELECT * FROM v ORDER BY {order}")  # noqa: S608 - own names
            for batch in reader(found, ROWS):
                yield pa.RecordBatch.from_arrays(_as(batch, self._schema), schema=self._schema)
        except Exception as error:
            if self._failed is not None:
                raise self._failed from error
            raise

    def _numbered(self) -> pa.Schema:
        """Names of our own, for those of a user's table may be anything."""
        return pa.schema([pa.field(f"c{i}", _plain(field.type)) for i, field in enumerate(self._schema)])

    def _watched(self) -> Iterator[pa.RecordBatch]:
        """The rows; what goes wrong in reading them is kept, for DuckDB would tell it in words of its own."""
        plain = self._numbered()
        try:
            for batch in self._given:
                yield pa.RecordBatch.from_arrays(_as(batch, plain), schema=plain)
        except BaseException as error:
            self._failed = error
            raise


def _plain(kind: pa.DataType) -> pa.DataType:
    """Times as whole numbers, so that no time zone is asked for."""
    return pa.int64() if pa.types.is_timestamp(kind) else kind


def _as(batch: pa.RecordBatch, schema: pa.Schema) -> list[Any]:
    return [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
