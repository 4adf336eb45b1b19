"""Of equal placements the one of the smallest numbers: all are looked at, or exchanges lead from the best to others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.location.asked import Asked, Met, every_placement
from potomac.location.placement import Ties, rounding
from potomac.stats.compiled import compiled

__all__ = ["sought"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WORK = 3e8
"""Costs that exchanges may look at in one round (about ns); exchanges of two sites are left out where it takes more."""

SLACK = 1e-9
"""Share by which a bound is let off for rounding."""

ALL = 1.2e9
"""Costs that all rounds may look at (about ns)."""


def sought(
    met: Met, bound: float, ask: Asked, cost: Floats, *, opening: Floats | None = None, worst: bool = False,
    most: float | None = None,
) -> Ties:  # fmt: skip
    """After a proof, look for equal placements that come first, and note them.

    Where there are few placements all are looked at. Otherwise one or two sites are exchanged for candidates of smaller
    numbers as long as the placement stays as good, and of all such exchanges the one whose placement comes first is
    taken: the answer then depends less on the way of the search, yet an equal placement that no exchange leads to may
    come before it.

    Args:
        met: the best placements.
        bound: of the objective; nothing is sought where it is no proof.
        ask: what was asked.
        cost: what each demand point costs at each candidate, infinite where it may not be served there, shape (n, m).
        opening: what each candidate costs as a site, shape (m,).
        worst: whether the greatest cost counts, not the sum.
        most: costs that are as good as the best; default the objective of the best, but for rounding.
    """
    if not met.any or abs(met.objective - bound) > rounding(met.objective):
        return "met"
    most = met.objective + rounding(met.objective) if most is None else most
    price = np.zeros(cost.shape[1]) if opening is None else opening
    every = every_placement(ask, len(cost)) if ask.p is not None else None
    if every is not None:
        for sites in every[_values(cost, price, every, worst) <= most][:1000]:
            met.offer(sites, met.objective)
        return "all"
    return "exchange" if _moved(met, ask, cost, price, worst, most) else "met"


def _values(cost: Floats, price: Floats, every: Ints, worst: bool) -> Floats:
    some = np.array_split(every, len(every) // 500 + 1)
    served = [cost[:, sites].min(axis=2) for sites in some]
    costs = np.concatenate([each.max(axis=0) if worst else each.sum(axis=0) for each in served])
    return np.asarray(costs + price[every].sum(axis=1))


def _moved(met: Met, ask: Asked, cost: Floats, price: Floats, worst: bool, most: float) -> bool:
    """Exchange as long as that leads to what comes first; False where it would take too long."""
    n, m, sites = len(cost), cost.shape[1], met.sites
    p = len(sites)
    work = float(p * n * (p + m))
    if work > WORK or not p:
        return False
    two = 0.25 * p * work * m <= WORK
    rounds = int(ALL / (work * (1 + 0.25 * p * m if two else 1)))
    toll = np.ascontiguousarray(cost.T)
    fixed = np.zeros(m, bool)
    fixed[ask.fixed] = True
    for _ in range(rounds):
        closed = np.setdiff1d(ask.free, sites)
        before, sites = sites, _exchanged(toll, price, sites, fixed, closed, worst, most, two)
        if np.array_equal(before, sites):
            return True
        met.offer(sites, met.objective)
    return False


@compiled(nogil=True)
def _exchanged(
    toll: Floats, price: Floats, sites: Ints, fixed: npt.NDArray[np.bool_], closed: Ints, worst: bool, most: float,
    two: bool,
) -> Ints:  # fmt: skip
    """The first placement that is as good, of those one or (``two``) two exchanges away; the same where there is none.

    Args:
        toll: costs by candidate, (m, n).
        price: of each candidate, (m,).
        sites: ascending, (p,).
        fixed: which candidates stay, (m,).
        closed: candidates that may come in, ascending.
        worst: whether the greatest cost counts, not the sum.
        most: costs that are as good.
        two: whether two sites are exchanged at a time.
    """
    p, n = len(sites), toll.shape[1]
    best, other, near, single = sites.copy(), np.empty(p, np.int64), np.empty(n), np.empty(len(closed))
    for a in range(p):
        if fixed[sites[a]]:
            continue
        for b in range(a, p if two else a + 1):
            if b > a and fixed[sites[b]]:
                continue
            near[:] = np.inf
            paid = 0.0
            for t in range(p):
                if t not in (a, b):
                    paid += price[sites[t]]
                    for i in range(n):
                        near[i] = min(near[i], toll[sites[t], i])
            bare = near.sum() if b > a and not worst else np.inf
            if np.isfinite(bare):
                for x in range(len(closed)):
                    single[x] = _cost(toll, near, closed[x], closed[x], False, np.inf)
            for x in range(len(closed)):
                if closed[x] > sites[a]:
                    break  # the first site that is not the same would be greater
                for y in range(x if b == a else x + 1, x + 1 if b == a else len(closed)):
                    paid_now = paid + price[closed[x]] + (price[closed[y]] if b > a else 0.0)
                    # what two bring together is no more than what each brings alone (Nemhauser et al. 1978)
                    if np.isfinite(bare) and single[x] + single[y] - bare > (most - paid_now) + SLACK * bare:
                        continue
                    _put(sites, a, b, closed[x], closed[y], other)
                    if not _before(other, best):
                        break  # with a greater y it comes later still
                    if _cost(toll, near, closed[x], closed[y], worst, most - paid_now) <= most - paid_now:
                        best[:] = other
    return best


@compiled(nogil=True)
def _put(sites: Ints, a: int, b: int, x: int, y: int, other: Ints) -> None:
    """Sites without those at a and b, and with x and y, ascending; a = b and x = y where it is one."""
    at, new = 0, 0
    count = 1 if a == b else 2
    for t in range(len(sites)):
        if t in (a, b):
            continue
        while new < count and (x if new == 0 else y) < sites[t]:
            other[at] = x if new == 0 else y
            at += 1
            new += 1
        other[at] = sites[t]
        at += 1
    while new < count:
        other[at] = x if new == 0 else y
        at += 1
        new += 1


@compiled(nogil=True)
def _before(one: Ints, other: Ints) -> bool:
    for t in range(len(one)):
        if one[t] != other[t]:
            return bool(one[t] < other[t])
    return False


@compiled(nogil=True)
def _cost(toll: Floats, near: Floats, x: int, y: int, worst: bool, most: float) -> float:
    """What everyone costs with x and y beside the sites that stay; for the worst, something above ``most`` will do."""
    total = -np.inf if worst else 0.0
    for i in range(len(near)):
        c = min(near[i], toll[x, i], toll[y, i])
        if not worst:
            total += c
        elif c > total:
            total = c
            if c > most:
                break
    return total
