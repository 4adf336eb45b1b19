"""Compressed sparse rows: grouping by counting, duplicates, transposing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["combined", "grouped", "later", "transposed"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]


def grouped(
    row: npt.NDArray[np.int32], column: Columns, value: Floats | None, time: Ints | None, rows: int
) -> tuple[Ints, Columns, Floats, Ints | None]:
    """Entries by row, ascending by column within a row; of equals, the earlier in time (or in the table) first.

    Args:
        row: shape (e,). column: shape (e,). value: shape (e,) or None for 1 each. time: shape (e,) or None.
        rows: number of rows m.

    Returns:
        indptr of shape (m + 1,), and columns, values and times of shape (e,).
    """
    order = _by_column_then_time(column, time)
    indptr, place = _counting(row, order, rows)
    values = np.ones(len(row), np.float32) if value is None else value[place]
    return indptr, column[place], values, None if time is None else time[place]


def _by_column_then_time(column: Columns, time: Ints | None) -> Ints:
    keys = (column,) if time is None else (time, column)
    return np.lexsort(keys)


@compiled()
def _counting(row: npt.NDArray[np.int32], order: Ints, rows: int) -> tuple[Ints, Ints]:
    """A stable counting sort of ``order`` by row."""
    indptr = np.zeros(rows + 1, np.int64)
    for r in row:
        indptr[r + 1] += 1
    for r in range(rows):
        indptr[r + 1] += indptr[r]
    at = indptr[:-1].copy()
    place = np.empty(len(row), np.int64)
    for e in order:
        r = row[e]
        place[at[r]] = e
        at[r] += 1
    return indptr, place


def combined(
    indptr: Ints, indices: Columns, values: Floats, times: Ints | None, how: str
) -> tuple[Ints, Columns, Floats, Ints | None, int]:
    """One entry for each row and column: the last of equals, the largest, or their sum; and how many were repeats.

    The time is that of the last. "error" leaves all as they are.
    """
    if how not in ("last", "sum", "max", "error"):
        raise ValueError(f"duplicates must be last, sum, max or error, not {how!r}")
    fresh = np.ones(len(indices), bool)
    fresh[1:] = indices[1:] != indices[:-1]
    starts = indptr[:-1][np.diff(indptr) > 0]
    fresh[starts] = True
    repeated = int(len(fresh) - fresh.sum())
    if not repeated or how == "error":
        return indptr, indices, values, times, repeated
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(fresh)) - 1
    amounts = values[last] if how == "last" else (np.maximum if how == "max" else np.add).reduceat(values, first)
    kept = np.concatenate(([0], np.cumsum(fresh)))
    return kept[indptr], indices[first], amounts, None if times is None else times[last], repeated


@compiled()
def _transposed(indptr: Ints, indices: Columns, values: Floats, columns: int) -> tuple[Ints, Columns, Floats]:
    starts = np.zeros(columns + 1, np.int64)
    for c in indices:
        starts[c + 1] += 1
    for c in range(columns):
        starts[c + 1] += starts[c]
    at = starts[:-1].copy()
    rows = np.empty(len(indices), np.int32)
    out = np.empty(len(indices), np.float32)
    for r in range(len(indptr) - 1):
        for e in range(indptr[r], indptr[r + 1]):
            c = indices[e]
            rows[at[c]] = r
            out[at[c]] = values[e]
            at[c] += 1
    return starts, rows, out


def transposed(indptr: Ints, indices: Columns, values: Floats, columns: int) -> tuple[Ints, Columns, Floats]:
    """The transpose of a matrix in compressed sparse rows with so many columns; rows ascend within a column."""
    found: tuple[Ints, Columns, Floats] = _transposed(indptr, indices, values, columns)
    return found


@compiled(nogil=True)
def later(indptr: Ints, times: Ints) -> Columns:
    """How many entries of the same row are later than each entry, shape (e,); 0 for the last and those of its time."""
    out = np.empty(len(times), np.int32)
    for r in range(len(indptr) - 1):
        low, high = indptr[r], indptr[r + 1]
        order = np.argsort(times[low:high])
        after = 0
        for place in range(high - low - 1, -1, -1):
            e = low + order[place]
            if place < high - low - 1 and times[e] < times[low + order[place + 1]]:
                after = high - low - 1 - place
            out[e] = after
    return out
