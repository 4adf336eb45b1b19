"""What is asked of sites that cost something or hold no more than so much, and why it may have no answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from potomac.errors import NoAnswer, listing
from potomac.location.asked import Asked, numbers
from potomac.location.facility.relaxation import FREE, IN, OUT
from potomac.location.facility.shared import transport
from potomac.location.placement import checked_cost, checked_weights, infeasible
from potomac.location.says import plain

__all__ = ["Facilities", "Service", "facilities"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]

Service = Literal["nearest", "single", "shared"]
"""Who serves a demand point: the cheapest site; one site, which has room; several sites, which have room."""


ROUNDING = 1e-11
"""By so much, relatively, whole demand points may exceed a capacity: sums of demand are not exact."""

LOOKED_AT = 1_000_000
"""Pairs of demand points and candidates up to which it is looked at who could be served with all candidates open."""

EXACT = 2.0**30
"""Whole objectives up to this tell a bound from the next whole number."""


@dataclass(frozen=True)
class Facilities:
    """Minimise opening costs and the costs of serving every demand point.

    Attributes:
        cost: of serving each demand point in full, infinite where it cannot be served, shape (n, m).
        demand: shape (n,); 0 where there are no capacities.
        capacity: shape (m,); infinite where there is no limit.
        opening: shape (m,).
        status: IN, FREE or OUT for each candidate, shape (m,).
        least, most: how many sites there may be.
        service: who serves a demand point.
        idle: demand points that neither cost nor take anything, and need not be served; their costs are 0.
        given: the costs as they were told, shape (n, m).
    """

    cost: Floats
    demand: Floats
    capacity: Floats
    opening: Floats
    status: Bytes
    least: int
    most: int
    service: Service
    idle: Ints
    given: Floats

    @property
    def whole(self) -> bool:
        """Whether every objective is a whole number."""
        costs = self.cost[np.isfinite(self.cost)]
        there = self.opening[self.status != OUT]
        if self.service == "shared" or np.abs(costs).max(initial=0.0) * len(self.cost) + there.sum() > EXACT:
            return False
        return all(bool((some == np.round(some)).all()) for some in (costs, there))


def facilities(
    cost: npt.ArrayLike, weights: npt.ArrayLike | None, demand: npt.ArrayLike | None, capacity: npt.ArrayLike | None,
    opening: npt.ArrayLike | None, ask: Asked, single: bool,
) -> Facilities:  # fmt: skip
    """The problem as numbers; a demand point that neither costs nor takes anything need not be served.

    Raises:
        DataError: something is negative or no number.
        NoAnswer: no placement can fulfil it, for a reason that is plain: what can be seen without a search.
    """
    raw = checked_cost(cost)
    n, m = raw.shape
    weight = checked_weights(weights, n)
    # copies: kernels are compiled anew for arrays that may not be written or lie otherwise
    limit = numbers(capacity, m, "capacity", np.inf, infinite=True).copy()
    need = numbers(demand, n, "demand").copy()
    need[:] = need if capacity is not None else 0.0
    price = numbers(opening, m, "opening").copy()
    status = np.full(m, OUT, np.int8)
    status[ask.free], status[ask.fixed] = FREE, IN
    needs = (weight > 0) | (need > 0)
    with np.errstate(invalid="ignore"):
        costs = np.ascontiguousarray(np.where(np.isfinite(raw), raw * weight[:, None], np.inf))
    costs[~needs] = 0.0
    bound = bool((np.isfinite(limit) & (status != OUT)).any()) and bool(need.any())
    service: Service = "nearest" if not bound else "single" if single else "shared"
    if service == "single":
        limit *= 1 + ROUNDING
        costs[need[:, None] > limit[None, :]] = np.inf
    made = Facilities(costs, need, limit, price, status, 0, m, service, np.flatnonzero(~needs), raw)
    _reachable(made, ask)
    least, most = _many(made, ask)
    made = replace(made, least=least, most=most)
    if bound:
        _holdable(made)
    return made


def _reachable(f: Facilities, ask: Asked) -> None:
    """Every demand point has a candidate that reaches it and is large enough."""
    some = ask.allowed
    lost = np.flatnonzero(~np.isfinite(f.cost[:, some]).any(axis=1))
    if not len(lost):
        return
    far = lost[~np.isfinite(f.given[np.ix_(lost, some)]).any(axis=1)] if len(some) else lost
    if len(far):
        said = f"no candidate reaches demand point {listing(map(int, far), 5)}"
        raise infeasible(said, "Give them weight 0 and demand 0, or add candidates that reach them", key="cost")
    i = int(lost[0])
    largest = float(f.capacity[some][np.isfinite(f.given[i, some])].max())
    said = f"the demand of demand point {i} is {plain(f.demand[i])}, and the largest candidate that reaches it holds"
    said = f"{said} {plain(largest)}" + (f"; so it is with {len(lost) - 1} more" if len(lost) > 1 else "")
    raise infeasible(said, "Split the demand point, or raise capacity", key="capacity")


def _many(f: Facilities, ask: Asked) -> tuple[int, int]:
    """How many sites there may be: p, or as many as hold all demand at least."""
    total = float(f.demand.sum())
    room = np.sort(f.capacity[ask.free])[::-1]
    held = float(f.capacity[ask.fixed].sum()) + np.concatenate([[0.0], np.cumsum(room)])
    if ask.p is not None:
        best = float(held[ask.more])
        if best < total * (1 - ROUNDING):
            who = "1 site that holds most holds" if ask.p == 1 else f"{ask.p} sites that hold most hold"
            said = f"the {who} {plain(best)} of a demand of {plain(total)}: {plain(total - best)} too little"
            enough = np.flatnonzero(held >= total * (1 - ROUNDING))
            mend = f"{len(ask.fixed) + int(enough[0])} sites could hold it; raise p or capacity" if len(enough) else ""
            raise infeasible(said, mend or "Raise capacity or add candidates", key="capacity")
        return ask.p, ask.p
    enough = np.flatnonzero(held >= total * (1 - ROUNDING))
    if not len(enough):
        short = plain(total - held[-1])
        said = f"all candidates together hold {plain(held[-1])} of a demand of {plain(total)}: {short} too little"
        raise infeasible(said, "Raise capacity or add candidates", key="capacity")
    needed = len(ask.fixed) + int(enough[0])
    return max(needed, 1), len(ask.allowed)


def _holdable(f: Facilities) -> None:
    """With every candidate open, and demand shared at will, there must be room for it where it can go."""
    sites = np.flatnonzero(f.status != OUT)
    if np.isfinite(f.cost[:, sites]).all() or f.cost.size > LOOKED_AT:  # total capacity says it all, or it takes long
        return
    value, _, blocked = transport(f.cost, f.demand, f.capacity, sites)
    if value < np.inf or not blocked.any():
        return
    raise _too_small(f, sites[blocked], np.setdiff1d(sites, sites[blocked]))


def _too_small(f: Facilities, small: Ints, others: Ints) -> NoAnswer:
    only = np.flatnonzero((f.demand > 0) & ~np.isfinite(f.cost[:, others]).any(axis=1))
    asks, holds = float(f.demand[only].sum()), float(f.capacity[small].sum())
    who = f"demand point {listing(map(int, only), 5)} can be served by candidate {listing(map(int, small), 5)} only"
    said = f"{who}, which hold {plain(holds)} of their demand of {plain(asks)}: {plain(asks - holds)} too little"
    return infeasible(said, "Raise capacity or add candidates that reach them", key="capacity")
