"""Maximal covering and set covering: as much demand as can be within a radius, or all of it with the cheapest sites."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import NoAnswer, listing
from potomac.location.asked import (
    FEW,
    Asked,
    Effort,
    Met,
    asked,
    effort,
    every_placement,
    nearest_site,
    numbers,
    one_number,
    placed,
)
from potomac.location.coverage import most_covered
from potomac.location.covers import cheapest_cover
from potomac.location.placement import Placement, Ties, checked_cost, checked_weights, infeasible, rounding
from potomac.location.ties import sought

__all__ = ["max_coverage", "set_cover"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def max_coverage(
    cost: npt.ArrayLike, p: int, radius: float, weights: npt.ArrayLike | None = None, fixed: Iterable[int] = (),
    time_limit: float = 60.0, *, forbidden: Iterable[int] = (), gap: float = 0.0, seed: int = 0,
    progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place p sites so that as much weight as can be lies within ``radius`` of one (Church and ReVelle 1974).

    Args:
        cost: of serving each demand point from each candidate, shape (n, m); infinite where it cannot.
        p: sites in all, the fixed ones included.
        radius: a demand point is covered by a site whose cost is at most this.
        weights: of the demand points, shape (n,).
        fixed: candidates that are sites already.
        forbidden: candidates that may not be sites.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of HiGHS.
        progress: told what is done.

    Returns:
        The objective is the weight covered, and the bound is above it; demand that is not covered is assigned -1.

    Raises:
        DataError: costs or weights are no such numbers.
        StudyError: p, radius, fixed or forbidden make no sense.
        NoAnswer: p is below the number of fixed sites or above that of candidates.
    """
    may = effort(time_limit, gap, seed, progress)
    within = one_number(radius, "radius", infinite=True)
    costs = checked_cost(cost)
    ask = asked(costs.shape[1], p, fixed, forbidden, counted=True)
    weight = checked_weights(weights, len(costs))
    near = (costs <= within) & np.isfinite(costs)
    met = Met("maximise")
    every = every_placement(ask, len(costs))
    bound = _most(near, weight, ask, met, may) if every is None else _looked_at(near, weight, every, met)
    beyond = np.where(near, 0.0, weight[:, None])
    ties = sought(met, bound, ask, beyond, most=float(weight.sum()) - met.objective + rounding(met.objective))
    return placed(met, nearest_site(costs, met.sites, within), bound, gap=may.gap, ties=ties)


def _looked_at(near: Flags, weight: Floats, every: Ints, met: Met) -> float:
    some = np.array_split(every, len(every) // 500 + 1)
    total = np.concatenate([weight @ near[:, sites].any(axis=2) for sites in some])
    most = float(total.max())
    for sites in every[total >= most - rounding(most)][:1000]:
        met.offer(sites, most)
    return most


def _most(near: Flags, weight: Floats, ask: Asked, met: Met, may: Effort) -> float:
    bare = ~near[:, ask.fixed].any(axis=1)
    held = float(weight[~bare].sum())
    found = most_covered(near[np.ix_(bare, ask.free)], weight[bare], ask.more, may.clock, seed=may.seed, gap=may.gap)
    sites = np.union1d(ask.fixed, ask.free[found.columns])
    met.offer(sites, float(weight[near[:, sites].any(axis=1)].sum()))
    return max(held + found.bound, met.objective)


def set_cover(
    cost: npt.ArrayLike, radius: float, opening: npt.ArrayLike | None = None, weights: npt.ArrayLike | None = None,
    fixed: Iterable[int] = (), time_limit: float = 60.0, *, forbidden: Iterable[int] = (), gap: float = 0.0,
    seed: int = 0, progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Cover every demand point within ``radius`` with the fewest sites, or the cheapest (Toregas and others 1971).

    Args:
        cost: of serving each demand point from each candidate, shape (n, m); infinite where it cannot.
        radius: a demand point is covered by a site whose cost is at most this.
        opening: what each candidate costs as a site, shape (m,) or one for all; default 1: their number counts.
        weights: demand points of weight 0 need not be covered, shape (n,).
        fixed: candidates that are sites already; what they cost counts.
        forbidden: candidates that may not be sites.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of HiGHS.
        progress: told what is done.

    Raises:
        DataError: costs, opening or weights are no such numbers.
        StudyError: radius, fixed or forbidden make no sense.
        NoAnswer: demand points have no candidate within the radius; the message says which, and which radius would do.
    """
    may = effort(time_limit, gap, seed, progress)
    within = one_number(radius, "radius", infinite=True)
    costs = checked_cost(cost)
    ask = asked(costs.shape[1], None, fixed, forbidden)
    price = numbers(opening, costs.shape[1], "opening", 1.0)
    needs = np.flatnonzero(checked_weights(weights, len(costs)) > 0)
    near = (costs <= within) & np.isfinite(costs)
    _within_reach(costs, needs, ask, within)
    met = Met()
    bound = _subsets(near[needs], price, ask, met)
    ties: Ties = "all"
    if bound is None:
        bound = _cheapest(near[needs], price, ask, met, may)
        ties = sought(met, bound, ask, np.where(near[needs], 0.0, np.inf), opening=price)
    return placed(met, nearest_site(costs, met.sites, within), bound, gap=may.gap, ties=ties)


def _within_reach(costs: Floats, needs: Ints, ask: Asked, radius: float) -> None:
    """Every demand point has a candidate within the radius, or else which have not and what radius would do."""
    nearest = costs[np.ix_(needs, ask.allowed)].min(axis=1) if len(ask.allowed) else np.full(len(needs), np.inf)
    lost = needs[(nearest > radius) | ~np.isfinite(nearest)]
    if len(lost):
        raise _out_of_reach(lost, float(nearest.max()), radius)


def _out_of_reach(lost: Ints, needed: float, radius: float) -> NoAnswer:
    who = f"demand point {listing(map(int, lost), 5)} " + ("has" if len(lost) == 1 else "have")
    said = f"{who} no candidate within {radius:g}"
    if not np.isfinite(needed):
        return infeasible(f"{said}, and no radius reaches all", "Give them weight 0, or add candidates", key="radius")
    return infeasible(f"{said}; the smallest radius that reaches all is {needed!r}", "Raise the radius", key="radius")


def _subsets(near: Flags, price: Floats, ask: Asked, met: Met) -> float | None:
    """The cheapest of all sets of candidates without a spare site; None where they are too many."""
    if 2 ** min(len(ask.free), 60) * len(near) > 10 * FEW or len(ask.free) > 14:
        return None
    some = chain.from_iterable(combinations(ask.free.tolist(), k) for k in range(len(ask.free) + 1))
    for chosen in some:
        sites = np.union1d(ask.fixed, np.array(chosen, dtype=np.int64))
        times = near[:, sites].sum(axis=1)
        if times.all() and not any((times[near[:, j]] > 1).all() for j in chosen):
            met.offer(sites, float(price[sites].sum()))
    return met.objective


def _cheapest(near: Flags, price: Floats, ask: Asked, met: Met, may: Effort) -> float:
    bare = ~near[:, ask.fixed].any(axis=1)
    held = float(price[ask.fixed].sum())
    found = cheapest_cover(near[np.ix_(bare, ask.free)], price[ask.free], may.clock, seed=may.seed, gap=may.gap)
    chosen = ask.free[found.columns] if found.columns is not None and bare.any() else np.zeros(0, np.int64)
    sites = np.union1d(ask.fixed, chosen)
    met.offer(sites, float(price[sites].sum()))
    return min(held + (found.bound if bare.any() else 0.0), met.objective)
