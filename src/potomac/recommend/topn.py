"""The n best of many scores, exactly, with what may not be offered left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.threads import cores, shared_out
from potomac.stats.compiled import compiled

__all__ = ["best", "best_of_rows"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

MANY = 1 << 20
"""Scores from which on it pays to wake more than one thread."""


def best(
    scores: Floats, n: int, *, without: tuple[Ints, Columns] | None = None, allowed: Mask | None = None
) -> tuple[Columns, Floats]:
    """The ``n`` best items of each row, the best first; of equals the one with the smaller number.

    Args:
        scores: shape (k, m); minus infinity and NaN are never offered.
        n: how many, at least 1.
        without: in compressed sparse rows, items that are left out of each row.
        allowed: items that may be offered, shape (m,) for all rows alike or (k, m).

    Returns:
        Item numbers and scores, shape (k, min(n, m)); -1 and minus infinity where there are no more.
    """
    rows, items = scores.shape
    most = min(n, items)
    indptr, indices = without if without is not None else (np.zeros(rows + 1, np.int64), np.zeros(0, np.int32))
    mask = np.ones((1, items), np.bool_) if allowed is None else np.atleast_2d(np.asarray(allowed, np.bool_))
    found, value = np.full((rows, most), -1, np.int32), np.full((rows, most), -np.inf, np.float32)
    given = np.ascontiguousarray(scores, np.float32), indptr, indices, mask
    parts = 1 if scores.size < MANY else 4 * cores()
    edges = np.linspace(0, rows, parts + 1).astype(int).tolist()
    shared_out(lambda first, last: best_of_rows(*given, first, last, found, value), edges)
    return found, value


@compiled(nogil=True)
def best_of_rows(
    scores: Floats, indptr: Ints, indices: Columns, allowed: Mask, first: int, last: int, found: Columns, value: Floats
) -> None:
    """Fill the rows ``first`` up to but without ``last`` of ``found`` and ``value``: see :func:`best`.

    A heap of the n best so far, its root the worst of them: most items are looked at once and no more.
    """
    items, n = scores.shape[1], found.shape[1]
    barred = np.zeros(items, np.bool_)
    for row in range(first, last):
        mask = allowed[row if allowed.shape[0] > 1 else 0]
        for e in range(indptr[row], indptr[row + 1]):
            barred[indices[e]] = True
        heap, key, size = found[row], value[row], 0
        for i in range(items):
            s = scores[row, i]
            if not s > -np.inf or (size == n and s <= key[0]) or barred[i] or not mask[i]:
                continue
            if size < n:
                at = size
                size += 1
                while at > 0 and s <= key[(at - 1) // 2]:  # a later item of the same score is worse
                    key[at], heap[at] = key[(at - 1) // 2], heap[(at - 1) // 2]
                    at = (at - 1) // 2
                key[at], heap[at] = s, i
            else:
                _sink(heap, key, size, s, i)
        while size > 1:  # the worst goes to the end
            size -= 1
            s, i = key[size], heap[size]
            key[size], heap[size] = key[0], heap[0]
            _sink(heap, key, size, s, i)
        for e in range(indptr[row], indptr[row + 1]):
            barred[indices[e]] = False


@compiled(nogil=True)
def _sink(heap: Columns, key: Floats, size: int, s: float, i: int) -> None:
    """Put (s, i) in the place of the root of a heap whose root is the worst."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and (key[right] < key[child] or (key[right] == key[child] and heap[right] > heap[child])):
            child = right
        if not (key[child] < s or (key[child] == s and heap[child] > i)):
            break
        key[at], heap[at] = key[child], heap[child]
        at = child
    key[at], heap[at] = s, i
