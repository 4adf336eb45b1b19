"""Who followed whom: sums over each person's entries in their order, for models of what comes next.

Before an entry t a person's history is what they had earlier, an entry p of it weighing ``v_p d^k`` where k of it came
between p and t: that is the vector z_t. The sums over all t of ``z_t z_t'`` and ``z_t y_t'`` need not walk through
the histories one by one: with the sums R and Q below, each pair of a person's entries is looked at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.gram import work_of
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.sparse import later
from potomac.recommend.matrix.threads import in_parts
from potomac.stats.compiled import compiled

__all__ = ["Succession", "succession"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Succession:
    """Sums over all entries t, each of weight w_t, z_t what the person had before and y_t the entry itself.

    Attributes:
        gram: of w_t z_t z_t', lower triangle, shape (n, n).
        after: of w_t z_t y_t', row by the item that was had before, shape (n, n).
        before: of w_t z_t, shape (n,).
        following: of w_t y_t, shape (n,).
        weight: of w_t.
    """

    gram: Floats
    after: Floats
    before: Doubles
    following: Doubles
    weight: float


def succession(known: Interactions, recency: float, weight: Doubles) -> Succession:
    """The sums over all entries of everybody.

    Args:
        known: entries of the same time neither follow nor precede each other; without times nothing follows.
        recency: after how many later entries one counts half.
        weight: w of each entry, shape (nnz,).

    Returns:
        Of shape (n, n), n the items; time grows with the squares of the people's numbers of entries.
    """
    n = known.n_items
    age = np.zeros(known.nnz, np.int32) if known.times is None else later(known.indptr, known.times)
    decay = 0.5 ** (np.arange(int(known.of_users.max(initial=0)) + 1) / recency)
    twice, once, since = _later_sums(known.indptr, age, weight, decay)
    starts, people, at = _by_item(known.indptr, known.indices, n)
    gram, after = np.zeros((n, n), np.float32), np.zeros((n, n), np.float32)
    in_parts(
        work_of(known.indptr, known.indices, n),
        lambda first, last: _rows(
            first, last, starts, people, at, known.indptr, known.indices, known.values, age, since, weight, twice,
            decay, gram, after,
        ),
    )  # fmt: skip
    before, following = (
        np.asarray(np.bincount(known.indices, known.values * one, minlength=n), float) for one in (once, weight)
    )
    return Succession(gram, after, before, following, float(weight.sum()))


@compiled(nogil=True)
def _later_sums(indptr: Ints, age: Columns, weight: Doubles, decay: Doubles) -> tuple[Doubles, Doubles, Columns]:
    """Of each entry e: R, Q and how many are not before it.

    With a the number of later entries, and b that of those that are not earlier (its own time's included), over all
    later entries t of the person, ``R_e = sum w_t d^(2 (a_e - b_t))`` and ``Q_e = sum w_t d^(a_e - b_t)``. They follow
    from those of the next time, so that no power of d is ever below 0.
    """
    e = len(age)
    twice, once, since = np.zeros(e), np.zeros(e), np.zeros(e, np.int32)
    for user in range(len(indptr) - 1):
        low, high = indptr[user], indptr[user + 1]
        order = np.argsort(age[low:high], kind="mergesort")
        r, q, first = 0.0, 0.0, 0
        while first < high - low:
            now = age[low + order[first]]
            last, sum_of_time = first, 0.0
            while last < high - low and age[low + order[last]] == now:
                sum_of_time += weight[low + order[last]]
                last += 1
            for place in range(first, last):
                here = low + order[place]
                twice[here], once[here], since[here] = r, q, last
            span = decay[last - first]
            r, q = sum_of_time + span * span * r, sum_of_time + span * q
            first = last
    return twice, once, since


@compiled(nogil=True)
def _by_item(indptr: Ints, indices: Columns, items: int) -> tuple[Ints, Columns, Ints]:
    """Where each item's entries begin, the user of each, and its place among the entries."""
    starts = np.zeros(items + 1, np.int64)
    for i in indices:
        starts[i + 1] += 1
    starts = np.cumsum(starts)
    free = starts[:-1].copy()
    people, at = np.empty(len(indices), np.int32), np.empty(len(indices), np.int64)
    for user in range(len(indptr) - 1):
        for e in range(indptr[user], indptr[user + 1]):
            place = free[indices[e]]
            people[place], at[place] = user, e
            free[indices[e]] += 1
    return starts, people, at


@compiled(nogil=True)
def _rows(
    first: int, last: int, starts: Ints, people: Columns, at: Ints, indptr: Ints, indices: Columns, values: Floats,
    age: Columns, since: Columns, weight: Doubles, twice: Doubles, decay: Doubles, gram: Floats, after: Floats,
) -> None:  # fmt: skip
    for i in range(first, last):
        square, next_of = gram[i], after[i]
        for place in range(starts[i], starts[i + 1]):
            user, p = people[place], at[place]
            own, value = age[p], values[p]
            for e in range(indptr[user], indptr[user + 1]):
                j = indices[e]
                if j <= i:
                    newer = twice[p] if own <= age[e] else twice[e]
                    square[j] += np.float32(value * values[e] * decay[abs(own - age[e])] * newer)
                if age[e] < own:
                    next_of[j] += np.float32(value * values[e] * weight[e] * decay[own - since[e]])
