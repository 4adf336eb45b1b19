"""Tables of any make as a stream of record batches, read again where the source can be read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError, listing, shown

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
        return _side_by_side({str(name): _column(values, str(name)) for name, values in table.items()})
    if hasattr(table, "collect_schema") and hasattr(table, "collect"):  # a lazy frame of Polars
        table = table.collect()
    if hasattr(table, "to_arrow"):
        found = table.to_arrow()
        return found if isinstance(found, pa.Table) else found.read_all()
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        return _of_pandas(table)
    found, expected = f"a {type(table).__name__}", "expected a table: Arrow, pandas, Polars, DuckDB or named arrays"
    raise StudyError(Fault("recommend.table", found, expected))


def _side_by_side(columns: Mapping[str, Any]) -> pa.Table:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        found = listing(f"{name} has {length:,}" for name, length in lengths.items())
        raise StudyError(Fault("recommend.table", found, "expected as many rows in each column"))
    return pa.table(dict(columns))


def _of_pandas(frame: Any) -> pa.Table:
    names = [str(name) for name in frame.columns]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        found, mend = f'{names.count(double[0])} columns are called "{double[0]}"', "Give each its own name"
        raise StudyError(Fault("data.column-double", found, "expected one", mend))
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _side_by_side({name: _column(frame.iloc[:, at], name) for at, name in enumerate(names)})


def _column(values: Any, name: str) -> pa.Array | pa.ChunkedArray:
    """A column of values of any make; text where numbers and text stand beside each other.

    Raises:
        StudyError: the values are no column.
        DataError: they are of several types.
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if hasattr(values, "to_arrow"):
        return values.to_arrow()
    try:
        return pa.array(values, from_pandas=hasattr(values, "iloc"))
    except TypeError:
        found, expected = f'"{name}" is a {type(values).__name__}', "expected a list or an array"
        raise StudyError(Fault("recommend.table", found, expected, key=name)) from None
    except (pa.ArrowException, OverflowError):
        return _mixed(list(values), name)


def _mixed(values: list[Any], name: str) -> pa.Array:
    there = [None if value is None or value != value else value for value in values]  # NaN is not itself
    kinds = {type(value).__name__ for value in there if value is not None}
    if not all(isinstance(value, str | int | float) for value in there if value is not None):
        found, mend = f'column "{name}" holds values of {listing(sorted(kinds))}', "Cast it to one type, or drop it"
        raise DataError(Fault("recommend.table", found, "expected one type", mend, key=name))
    return pa.array([None if value is None else str(value) for value in there], pa.string())


def _relation(table: Any) -> Source | None:
    """A DuckDB relation: its query runs at each reading."""
    if not (hasattr(table, "project") and hasattr(table, "sql_query")):
        return None

    def read(names: list[str]) -> Batches:
        wanted = table.project(", ".join('"' + name.replace('"', '""') + '"' for name in names))
        try:
            yield from (
                wanted.to_arrow_reader(ROWS) if hasattr(wanted, "to_arrow_reader") else wanted.fetch_record_batch(ROWS)
            )
        except Exception as error:
            if "duckdb" not in type(error).__module__ and not isinstance(error, OSError):
                raise
            found = f"the query cannot be read: {shown(str(error).strip())}"
            raise DataError(Fault("recommend.table", found, "expected rows", "Correct the query")) from error

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
