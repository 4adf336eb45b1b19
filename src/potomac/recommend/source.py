"""Tables of any make as a stream of record batches, read again where the source can be read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa

from potomac.errors import Fault, StudyError

__all__ = ["ROWS", "Source", "arrow_of", "source_of"]

ROWS = 1 << 19
"""Rows of a batch, at most: what is held of a stream at once."""

Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Source:
    """A table that is read in batches.

    Attributes:
        column_names: of the table.
        read: gives the batches with these columns, from the beginning.
        again: whether it may be read more than once.
    """

    column_names: list[str]
    read: Callable[[list[str]], Batches]
    again: bool


def source_of(table: Any) -> Source:
    """The batches of a table of any make.

    Args:
        table: an Arrow table, data set, Parquet file, reader or iterable of record batches; a pandas or Polars frame;
            a DuckDB relation; a table of :mod:`potomac.tables`; or a mapping of arrays.

    Raises:
        StudyError: it is nothing of these.
    """
    for kind in (_relation, _dataset, _parquet, _own, _reader, _iterable):
        found = kind(table)
        if found is not None:
            return found
    whole = _whole(table)
    return Source(whole.column_names, lambda names: iter(whole.select(names).to_batches(ROWS)), again=True)


def arrow_of(table: Any) -> pa.Table:
    """A table of any make as an Arrow table; see :func:`source_of`.

    Raises:
        StudyError: it is nothing that is a table.
    """
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, pa.RecordBatchReader):
        return table.read_all()
    for kind in (_relation, _dataset, _parquet, _own, _iterable):
        found = kind(table)
        if found is not None:
            return pa.Table.from_batches(found.read(found.column_names))
    return _whole(table)


def _whole(table: Any) -> pa.Table:
    """A table that is in memory."""
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if isinstance(table, Mapping):
        return pa.table({str(name): values for name, values in table.items()})
    if hasattr(table, "collect_schema") and hasattr(table, "collect"):  # a lazy frame of Polars
        table = table.collect()
    if hasattr(table, "to_arrow"):
        found = table.to_arrow()
        return found if isinstance(found, pa.Table) else found.read_all()
    if hasattr(table, "iloc"):
        return pa.Table.from_pandas(table, preserve_index=False)
    found, expected = f"a {type(table).__name__}", "expected a table: Arrow, pandas, Polars, DuckDB or named arrays"
    raise StudyError(Fault("recommend.table", found, expected))


def _relation(table: Any) -> Source | None:
    """A DuckDB relation: its query runs at each reading."""
    if not (hasattr(table, "project") and hasattr(table, "sql_query")):
        return None

    def read(names: list[str]) -> Batches:
        wanted = table.project(", ".join('"' + name.replace('"', '""') + '"' for name in names))
        return iter(
            wanted.to_arrow_reader(ROWS) if hasattr(wanted, "to_arrow_reader") else wanted.fetch_record_batch(ROWS)
        )

    return Source(list(table.columns), read, again=True)


def _dataset(table: Any) -> Source | None:
    if not (hasattr(table, "scanner") and hasattr(table, "get_fragments")):
        return None
    return Source(table.schema.names, lambda names: _scanned(table, names), again=True)


def _scanned(table: Any, names: list[str]) -> Batches:
    """A data set, a group of rows after the other: a scanner reads ahead of whom it feeds, and holds what it reads."""
    try:
        parts = list(table.get_fragments())
        whole = all(set(names) <= set(part.physical_schema.names) for part in parts)
    except ValueError:  # a data set with a filter has no parts
        whole = False
    if not whole:
        yield from table.to_batches(columns=names, batch_size=ROWS, batch_readahead=2, fragment_readahead=1)
        return
    for part in parts:
        for group in part.split_by_row_group() if hasattr(part, "split_by_row_group") else [part]:
            yield from group.to_batches(schema=table.schema, columns=names, batch_size=ROWS, batch_readahead=2)


def _parquet(table: Any) -> Source | None:
    """A Parquet file, a group of rows after the other: asked for all of them, it may hold them all."""
    if not hasattr(table, "iter_batches"):
        return None

    def read(names: list[str]) -> Batches:
        for group in range(table.num_row_groups):
            yield from table.iter_batches(batch_size=ROWS, row_groups=[group], columns=names)

    return Source(table.schema_arrow.names, read, again=True)


def _own(table: Any) -> Source | None:
    """A table of this package, whose columns have the names of roles."""
    if not (hasattr(table, "batches") and hasattr(table, "schema")):
        return None
    roles = [name for name in table.schema.names if name != "row"]
    return Source(roles, lambda names: (part.select(names) for part in table.batches(names, ROWS)), again=True)


def _reader(table: Any) -> Source | None:
    if not isinstance(table, pa.RecordBatchReader):
        return None
    return Source(table.schema.names, lambda names: (part.select(names) for part in table), again=False)


def _iterable(table: Any) -> Source | None:
    """Record batches one after another."""
    if isinstance(table, Sequence):
        if not table or not all(isinstance(part, pa.RecordBatch) for part in table):
            return None
        names: list[str] = table[0].schema.names
        return Source(names, lambda chosen: (part.select(chosen) for part in table), again=True)
    if not isinstance(table, Iterator):
        return None
    first = next(table, None)
    if not isinstance(first, pa.RecordBatch):
        return None
    return Source(
        first.schema.names, lambda chosen: (part.select(chosen) for part in chain([first], table)), again=False
    )
