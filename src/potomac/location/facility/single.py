"""Who serves whom where each demand point has one site alone: a generalised assignment that is improved step by step.

Capacity may be exceeded on the way, at a price a unit that rises until nothing is (as in tabu search for the
capacitated p-median, Franca, Sosa and Pureza 1999). Moves are those
of Martello and Toth's heuristic: a demand point changes its site, two exchange theirs; then each site may move to
another candidate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["SWAPS", "assign", "placed_out", "wander"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]

SWAPS = 3000
"""Demand points up to which any two may exchange their sites."""

FITS = 1e-10
"""By so much, relatively, a load may exceed a capacity: it is kept up to date by sums."""


@compiled(nogil=True)
def _over(load: float, room: float) -> float:
    return max(load - room, 0.0)


@compiled(nogil=True)
def _begin(cost: Floats, demand: Floats, capacity: Floats, sites: Ints, order: Ints, who: Ints, load: Floats) -> None:
    """Those without a site (who = -1) get the cheapest with room, in the given order; else the one least exceeded."""
    for i in order:
        if who[i] >= 0:
            continue
        best, least, spare = -1, np.inf, -np.inf
        fallback = -1
        for k in range(len(sites)):
            c, rest = cost[i, sites[k]], capacity[sites[k]] - load[k] - demand[i]
            if c == np.inf:
                continue
            if rest >= -FITS * capacity[sites[k]] and c < least:
                best, least = k, c
            if rest > spare:
                fallback, spare = k, rest
        k = best if best >= 0 else fallback
        if k >= 0:
            who[i] = k
            load[k] += demand[i]


@compiled(nogil=True)
def _shift(
    cost: Floats, demand: Floats, capacity: Floats, sites: Ints, who: Ints, load: Floats, price: float, near: float
) -> bool:
    """One round in which each demand point goes where it is cheapest."""
    moved = False
    for i in range(len(who)):
        a = who[i]
        if a < 0:
            continue
        saved = cost[i, sites[a]] + price * (
            _over(load[a], capacity[sites[a]]) - _over(load[a] - demand[i], capacity[sites[a]])
        )
        best, least = -1, saved - near
        for k in range(len(sites)):
            c = cost[i, sites[k]]
            if k == a or c >= least:
                continue
            c += price * (_over(load[k] + demand[i], capacity[sites[k]]) - _over(load[k], capacity[sites[k]]))
            if c < least:
                best, least = k, c
        if best >= 0:
            load[a] -= demand[i]
            load[best] += demand[i]
            who[i] = best
            moved = True
    return moved


@compiled(nogil=True)
def _swap(
    cost: Floats, demand: Floats, capacity: Floats, sites: Ints, who: Ints, load: Floats, price: float, near: float
) -> bool:
    """One round in which any two demand points exchange their sites where that is cheaper."""
    moved = False
    n = len(who)
    for i in range(n):
        for h in range(i + 1, n):
            a, b = who[i], who[h]
            if a == b or a < 0 or b < 0:
                continue
            change = cost[i, sites[b]] + cost[h, sites[a]] - cost[i, sites[a]] - cost[h, sites[b]]
            if (
                change == np.inf
                or change >= price * (_over(load[a], capacity[sites[a]]) + _over(load[b], capacity[sites[b]])) - near
            ):
                continue
            gap = demand[h] - demand[i]
            change += price * (
                _over(load[a] + gap, capacity[sites[a]]) - _over(load[a], capacity[sites[a]])
                + _over(load[b] - gap, capacity[sites[b]]) - _over(load[b], capacity[sites[b]])
            )  # fmt: skip
            if change < -near:
                load[a] += gap
                load[b] -= gap
                who[i], who[h] = b, a
                moved = True
    return moved


@compiled(nogil=True)
def _settle(
    cost: Floats, demand: Floats, capacity: Floats, sites: Ints, who: Ints, load: Floats, price: float, near: float
) -> bool:
    """Shift and swap until nothing is gained, at a price of capacity that rises; whether none is exceeded."""
    for _ in range(6):
        for _ in range(100):
            if _shift(cost, demand, capacity, sites, who, load, price, near):
                continue
            if len(who) > SWAPS or not _swap(cost, demand, capacity, sites, who, load, price, near):
                break
        fits = True
        for k in range(len(sites)):
            fits = fits and load[k] <= capacity[sites[k]] * (1 + FITS)
        if fits:
            return True
        price *= 4.0
    return False


@compiled(nogil=True)
def _relocate(
    cost: Floats, capacity: Floats, opening: Floats, status: Bytes, sites: Ints, who: Ints, load: Floats, near: float
) -> bool:
    """Each site that is not fixed moves to the candidate that serves its demand points most cheaply."""
    n, m = cost.shape
    total = np.zeros((len(sites), m))
    for i in range(n):
        if who[i] >= 0:
            for j in range(m):
                total[who[i], j] += cost[i, j]
    open_ = np.zeros(m, np.bool_)
    for j in sites:
        open_[j] = True
    moved = False
    for k in range(len(sites)):
        here = sites[k]
        if status[here] == 1:
            continue
        best, least = -1, total[k, here] + opening[here] - near
        for j in range(m):
            if open_[j] or status[j] == -1 or load[k] > capacity[j] * (1 + FITS):
                continue
            if total[k, j] + opening[j] < least:
                best, least = j, total[k, j] + opening[j]
        if best >= 0:
            open_[here], open_[best] = False, True
            sites[k] = best
            moved = True
    return moved


@compiled(nogil=True)
def assign(
    cost: Floats, demand: Floats, capacity: Floats, opening: Floats, status: Bytes, sites: Ints, who: Ints,
    order: Ints, price: float, near: float, move: bool,
) -> float:  # fmt: skip
    """Serve every demand point from one of ``sites``, near a local optimum; the cost, infinite where that failed.

    Args:
        cost: of serving each demand point in full, (n, m).
        demand: (n,).
        capacity: (m,).
        opening: (m,).
        status: 1 where a candidate must be a site and -1 where it may not, (m,).
        sites: (k,); where ``move``, those found are written.
        who: place among ``sites`` for each demand point, -1 where it is yet to be found, (n,); written.
        order: in which those without a site get one, (n,).
        price: of a unit of demand above capacity, at first.
        near: gains that are smaller are none.
        move: whether sites may move.
    """
    load = np.zeros(len(sites))
    for i in range(len(who)):
        if who[i] >= 0:
            load[who[i]] += demand[i]
    _begin(cost, demand, capacity, sites, order, who, load)
    for _ in range(50):
        if not _settle(cost, demand, capacity, sites, who, load, price, near):
            return np.inf
        if not move or not _relocate(cost, capacity, opening, status, sites, who, load, near):
            break
    return placed_out(cost, opening, sites, who)


@compiled(nogil=True)
def placed_out(cost: Floats, opening: Floats, sites: Ints, who: Ints) -> float:
    """Cost of the sites and of serving every demand point, infinite where one is not served."""
    value = 0.0
    for j in sites:
        value += opening[j]
    for i in range(len(who)):
        if who[i] < 0:
            return np.inf
        value += cost[i, sites[who[i]]]
    return value


@compiled(nogil=True)
def _draw(random: npt.NDArray[np.uint64], many: int) -> int:
    """A number from 0 to many - 1 (Marsaglia's xorshift)."""
    x = random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    random[0] = x
    return int((x >> np.uint64(11)) % np.uint64(many))


@compiled(nogil=True)
def wander(
    cost: Floats, demand: Floats, capacity: Floats, opening: Floats, status: Bytes, sites: Ints, who: Ints,
    value: float, order: Ints, price: float, near: float, rounds: int, random: npt.NDArray[np.uint64],
) -> float:  # fmt: skip
    """Iterated search: one site moves to a candidate drawn by chance, and everything settles anew.

    ``sites`` and ``who`` are the best known, of cost ``value``; better ones are written into them.
    """
    n, m = cost.shape
    pool = np.empty(m, np.int64)
    for _ in range(rounds):
        now, serves = sites.copy(), who.copy()
        out = _draw(random, len(now))
        free = 0
        for j in range(m):
            pool[free] = j
            free += status[j] == 0 and not (now == j).any()
        if free == 0 or status[now[out]] == 1:
            continue
        into = pool[_draw(random, free)]
        for i in range(n):
            if serves[i] == out or cost[i, into] < cost[i, now[serves[i]]]:
                serves[i] = -1
        now[out] = into
        found = assign(cost, demand, capacity, opening, status, now, serves, order, price, near, True)
        if found <= value + near:
            sites[:], who[:] = now, serves
            value = min(value, found)
    return value
