"""Compressed sparse rows: rows by counting, columns in order, duplicates, the transpose; a hundred million entries."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.threads import cores, cuts, shared_out
from potomac.stats.compiled import compiled

__all__ = ["combined", "counted", "grouped", "later", "ordered", "placed", "transposed"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]

MANY = 1 << 18
"""Entries from which on it pays to wake more than one thread."""

NO_VALUES = np.zeros(0, np.float32)
NO_TIMES = np.zeros(0, np.int64)


def grouped(
    row: Columns, column: Columns, value: Floats | None, time: Ints | None, rows: int
) -> tuple[Ints, Columns, Floats, Ints | None]:
    """Entries by row, ascending by column within a row; of equals, the earlier in time (or in the table) first.

    Args:
        row: shape (e,). column: shape (e,). value: shape (e,) or None for 1 each. time: shape (e,) or None.
        rows: number of rows m.

    Returns:
        indptr of shape (m + 1,), and columns, values and times of shape (e,).
    """
    indptr = np.concatenate(([0], np.cumsum(counted(row, rows))))
    indices = np.empty(len(row), np.int32)
    values = NO_VALUES if value is None else np.empty(len(row), np.float32)
    times = NO_TIMES if time is None else np.empty(len(row), np.int64)
    given = NO_VALUES if value is None else value, NO_TIMES if time is None else time
    placed(row, column, *given, indptr, indptr[:-1].copy(), indices, values, times)
    ordered(indptr, indices, values, times)
    return indptr, indices, np.ones(len(row), np.float32) if value is None else values, None if time is None else times


@compiled(nogil=True)
def counted(numbers: Columns, most: int) -> Ints:
    """How often each of the numbers below ``most`` occurs."""
    found = np.zeros(most, np.int64)
    for number in numbers:
        found[number] += 1
    return found


@compiled(nogil=True)
def placed(
    row: Columns, column: Columns, value: Floats, time: Ints, indptr: Ints, at: Ints,
    indices: Columns, values: Floats, times: Ints,
) -> bool:  # fmt: skip
    """Put entries behind those of the same row that are there already; ``at`` is each row's next free place.

    Returns:
        Whether all found a place: False at the first whose row or column is -1, or whose row is full.
    """
    for e in range(len(row)):
        r = row[e]
        if r < 0 or column[e] < 0 or at[r] >= indptr[r + 1]:
            return False
        place = at[r]
        at[r] = place + 1
        indices[place] = column[e]
        if len(values):
            values[place] = value[e]
        if len(times):
            times[place] = time[e]
    return True


def ordered(indptr: Ints, indices: Columns, values: Floats, times: Ints) -> None:
    """Put each row in order of its columns, in place; of equals, the earlier in time (or as they came) first.

    ``values`` and ``times`` may be empty.
    """
    parts = 1 if len(indices) < MANY else 8 * cores()
    shared_out(lambda a, b: _ordered(indptr, indices, values, times, a, b), cuts(indptr, parts))


@compiled(nogil=True)
def _ordered(indptr: Ints, indices: Columns, values: Floats, times: Ints, first: int, last: int) -> None:
    longest = 0
    for r in range(first, last):
        longest = max(longest, indptr[r + 1] - indptr[r])
    key = np.empty(longest, np.int64)  # column and place in one number: its order is stable
    amount = np.empty(longest if len(values) else 0, np.float32)
    moment = np.empty(longest if len(times) else 0, np.int64)
    for r in range(first, last):
        low, n = indptr[r], indptr[r + 1] - indptr[r]
        rising, repeats = True, False
        for j in range(n):
            key[j] = (np.int64(indices[low + j]) << 32) | j
            if j and indices[low + j] <= indices[low + j - 1]:
                repeats = repeats or indices[low + j] == indices[low + j - 1]
                rising = rising and indices[low + j] == indices[low + j - 1]
        if not rising:
            key[:n].sort()
            for j in range(1, n):
                repeats = repeats or (key[j] >> 32) == (key[j - 1] >> 32)
        if len(times) and repeats:
            _by_time(key[:n], times[low : low + n])
        elif rising:
            continue
        for j in range(n):
            place = low + (key[j] & 0xFFFFFFFF)
            indices[low + j] = key[j] >> 32
            if len(values):
                amount[j] = values[place]
            if len(times):
                moment[j] = times[place]
        if len(values):
            values[low : low + n] = amount[:n]
        if len(times):
            times[low : low + n] = moment[:n]


@compiled(nogil=True)
def _by_time(key: Ints, times: Ints) -> None:
    """Put keys of the same column in order of the times at their places."""
    start = 0
    for j in range(1, len(key) + 1):
        if j < len(key) and (key[j] >> 32) == (key[start] >> 32):
            continue
        if j - start > 1:
            run = key[start:j].copy()
            moments = np.empty(len(run), np.int64)
            for i in range(len(run)):
                moments[i] = times[run[i] & 0xFFFFFFFF]
            key[start:j] = run[np.argsort(moments, kind="mergesort")]
        start = j


def combined(
    indptr: Ints, indices: Columns, values: Floats, times: Ints | None, how: str
) -> tuple[Ints, Columns, Floats, Ints | None, int]:
    """One entry for each row and column: the last of equals, the largest, or their sum; and how many were repeats.

    The time is that of the last. "error" leaves all as they are. The arrays given may be written over.
    """
    if how not in ("last", "sum", "max", "error"):
        raise ValueError(f"duplicates must be last, sum, max or error, not {how!r}")
    repeated = int(_repeats(indptr, indices))
    if not repeated or how == "error":
        return indptr, indices, values, times, repeated
    starts = _squeezed(indptr, indices, values, NO_TIMES if times is None else times, ("last", "sum", "max").index(how))
    kept = len(indices) - repeated
    indices, values, times = indices[:kept], values[:kept], None if times is None else times[:kept]
    if repeated > kept:  # do not hold what is not needed any more
        indices, values, times = indices.copy(), values.copy(), None if times is None else times.copy()
    return starts, indices, values, times, repeated


@compiled(nogil=True)
def _repeats(indptr: Ints, indices: Columns) -> int:
    found = 0
    for r in range(len(indptr) - 1):
        for e in range(indptr[r] + 1, indptr[r + 1]):
            found += indices[e] == indices[e - 1]
    return found


@compiled(nogil=True)
def _squeezed(indptr: Ints, indices: Columns, values: Floats, times: Ints, how: int) -> Ints:
    """Write equal entries of a row over by one: ``how`` is 0 for the last, 1 for the sum, 2 for the largest."""
    starts = np.zeros(len(indptr), np.int64)
    out = 0
    for r in range(len(indptr) - 1):
        e = indptr[r]
        while e < indptr[r + 1]:
            amount, end = np.float64(values[e]), e + 1
            while end < indptr[r + 1] and indices[end] == indices[e]:
                new = np.float64(values[end])
                amount = new if how == 0 else amount + new if how == 1 else max(amount, new)
                end += 1
            indices[out], values[out] = indices[e], amount
            if len(times):
                times[out] = times[end - 1]
            out += 1
            e = end
        starts[r + 1] = out
    return starts


def transposed(indptr: Ints, indices: Columns, values: Floats, columns: int) -> tuple[Ints, Columns, Floats]:
    """The transpose of a matrix in compressed sparse rows with so many columns; rows ascend within a column."""
    edges = cuts(indptr, 1 if len(indices) < MANY else cores())
    counts = np.zeros((len(edges) - 1, columns), np.int64)
    part = {a: i for i, (a, b) in enumerate(pairwise(edges)) if a < b}

    def count(first: int, last: int) -> None:
        counts[part[first]] = counted(indices[indptr[first] : indptr[last]], columns)

    shared_out(count, edges)
    starts = np.concatenate(([0], np.cumsum(counts.sum(axis=0))))
    at = starts[:-1] + np.cumsum(counts, axis=0) - counts  # where each part begins in each column
    rows, out = np.empty(len(indices), np.int32), np.empty(len(indices), np.float32)
    shared_out(lambda a, b: _turned(indptr, indices, values, a, b, at[part[a]], rows, out), edges)
    return starts, rows, out


@compiled(nogil=True)
def _turned(
    indptr: Ints, indices: Columns, values: Floats, first: int, last: int, at: Ints, rows: Columns, out: Floats
) -> None:
    for r in range(first, last):
        for e in range(indptr[r], indptr[r + 1]):
            place = at[indices[e]]
            at[indices[e]] = place + 1
            rows[place] = r
            out[place] = values[e]


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
