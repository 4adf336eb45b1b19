"""From a stream of rows to a sparse matrix: the first pass counts, the second puts each entry in its place.

Where the rows are few, or cannot be read again, they are held between the passes; else they are read twice, and
what is held is the matrix alone: 8 bytes an entry, 16 with times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault
from potomac.recommend.matrix.columns import known_roles, named, numbers_of, times_of
from potomac.recommend.matrix.numbering import Numbering, compact, numbering_of
from potomac.recommend.matrix.source import Source
from potomac.recommend.matrix.sparse import NO_TIMES, NO_VALUES, combined, ordered, placed

__all__ = ["Gathered", "gathered"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]

HELD = 1 << 23
"""Rows that are held between the passes, where they could be read again."""


@dataclass(frozen=True, eq=False)
class Gathered:
    """A matrix in compressed sparse rows and the ids of its rows and columns; see Interactions."""

    users: pa.Array
    items: pa.Array
    indptr: Ints
    indices: Columns
    values: Floats
    times: Ints | None
    rated: bool
    repeated: int


@dataclass(frozen=True, eq=False)
class _Part:
    """A batch: ids as they are numbered, values and times where the table has them."""

    user: Any
    item: Any
    value: Floats
    time: Ints

    def __len__(self) -> int:
        return len(self.user)


class _Rows:
    """The rows of a source by role."""

    def __init__(self, source: Source, columns: Mapping[str, str]) -> None:
        self.source = source
        columns = known_roles(columns, ROLES)
        self.names = {role: named(source, role, columns, required=role in ("user", "item")) for role in ROLES}
        self.rated, self.timed = self.names["value"] is not None, self.names["time"] is not None

    def __iter__(self) -> Iterator[_Part]:
        chosen = [name for name in self.names.values() if name is not None]
        for batch in self.source.read(list(dict.fromkeys(chosen))):
            if batch.num_rows:
                yield self._part(batch)

    def _part(self, batch: pa.RecordBatch) -> _Part:
        value, time = self.names["value"], self.names["time"]
        return _Part(
            self._ids(batch, "user"),
            self._ids(batch, "item"),
            NO_VALUES if value is None else numbers_of(batch.column(value), value),
            NO_TIMES if time is None else times_of(batch.column(time), time),
        )

    def _ids(self, batch: pa.RecordBatch, role: str) -> Any:
        column = batch.column(self.names[role])
        if pa.types.is_dictionary(column.type) and column.dictionary.null_count:
            column = column.dictionary_decode()
        if column.null_count:
            found = f"{column.null_count:,} of {batch.num_rows:,} rows have no {role}"
            raise DataError(Fault("recommend.ids", found, "expected an id each", key=role))
        return compact(column)


ROLES = ("user", "item", "value", "time")


def gathered(source: Source, columns: Mapping[str, str], duplicates: str) -> Gathered:
    """The matrix of a table of interactions.

    Args:
        source: the table.
        columns: names of its columns by role, where they are not the usual ones.
        duplicates: see Interactions.

    Raises:
        StudyError: a column is missing.
        DataError: there is no row, an id is null or neither integer nor text, a value is not a number, or the source
            gives other rows when it is read again.
    """
    rows = _Rows(source, columns)
    user, item, held, count = _counted(rows)
    users, of_users = user.close()
    items, _ = item.close()
    indptr = np.concatenate(([0], np.cumsum(of_users)))
    indices = np.empty(count, np.int32)
    values = np.empty(count if rows.rated else 0, np.float32)
    times = np.empty(count if rows.timed else 0, np.int64)
    at = indptr[:-1].copy()
    for part in _released(held) if held is not None else rows:
        row, column = user.numbers(part.user), item.numbers(part.item)
        if not placed(row, column, part.value, part.time, indptr, at, indices, values, times):
            raise _changed(count)
    if (at != indptr[1:]).any():
        raise _changed(count)
    ordered(indptr, indices, values, times)
    values = values if rows.rated else np.ones(count, np.float32)
    indptr, indices, values, moments, repeated = combined(
        indptr, indices, values, times if rows.timed else None, duplicates
    )
    return Gathered(users, items, indptr, indices, values, moments, rows.rated, repeated)


def _counted(rows: _Rows) -> tuple[Numbering, Numbering, list[_Part] | None, int]:
    """The first pass: ids, and the rows themselves where they are held."""
    held: list[_Part] | None = []
    user: Numbering | None = None
    item: Numbering | None = None
    count = 0
    for part in rows:
        user, item = user or numbering_of(part.user), item or numbering_of(part.item)
        user.add(part.user)
        item.add(part.item)
        count += len(part)
        if held is not None:
            held.append(part)
        if count > HELD and rows.source.again:
            held = None
    if user is None or item is None:
        raise DataError(Fault("recommend.empty", "the table of interactions has no row", "expected one at least"))
    return user, item, held, count


def _released(parts: list[_Part]) -> Iterator[_Part]:
    """One part after the other; what has been given is not held any more."""
    parts.reverse()
    while parts:
        yield parts.pop()


def _changed(count: int) -> DataError:
    found = f"the table of {count:,} rows has other rows when it is read again"
    mend = "Copy it to a Parquet file, or write the query so that it gives the same each time"
    return DataError(Fault("recommend.changed", found, "expected the same rows at each reading", mend))
