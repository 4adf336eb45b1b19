"""The quantile problem: nine people in ten (or any share) shall be within the least travel time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import listing
from potomac.location.asked import Asked, Met, asked, effort, every_placement, nearest_site, one_number, placed
from potomac.location.coverage import Covered, most_covered
from potomac.location.highs import Clock
from potomac.location.placement import Placement, checked_cost, checked_weights, infeasible, rounding
from potomac.location.radii import Radii
from potomac.location.ties import sought

__all__ = ["p_quantile"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def p_quantile(
    cost: npt.ArrayLike, p: int, share: float = 0.9, weights: npt.ArrayLike | None = None, fixed: Iterable[int] = (),
    time_limit: float = 60.0, *, forbidden: Iterable[int] = (), gap: float = 0.0, seed: int = 0,
    progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place p sites so that the least cost within which ``share`` of the weight is served is as small as can be.

    The optimum is one of the distinct costs: bisection asks of each whether p sites cover enough weight within it. With
    share 1 this is the p-center problem.

    Args:
        cost: of serving each demand point from each candidate, shape (n, m); infinite where it cannot.
        p: sites in all, the fixed ones included.
        share: of the weight, above 0 and at most 1.
        weights: of the demand points, shape (n,).
        fixed: candidates that are sites already.
        forbidden: candidates that may not be sites.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of HiGHS.
        progress: told what is done.

    Raises:
        DataError: costs or weights are no such numbers.
        StudyError: p, share, fixed or forbidden make no sense.
        NoAnswer: p sites cannot reach that share at any cost; the message says how much they can.
    """
    may = effort(time_limit, gap, seed, progress)
    share = one_number(share, "share", 0.0, 1.0, above=True)
    costs = checked_cost(cost)
    ask = asked(costs.shape[1], p, fixed, forbidden, counted=True)
    weight = checked_weights(weights, len(costs))
    target = share * float(weight.sum()) * (1 - 1e-12)
    met = Met()
    every = every_placement(ask, len(costs))
    bound = np.inf if every is None else _looked_at(costs, weight, target, every, met)
    if not np.isfinite(bound):  # with infinite costs the search tells who is out of reach of the widest sites
        bound = _Shares(costs, weight, target, ask, met, may.clock, may.seed).search(may.gap)
    beyond = np.where(costs <= met.objective + rounding(met.objective), 0.0, weight[:, None])
    ties = sought(met, bound, ask, beyond, most=float(weight.sum()) - target)
    return placed(met, nearest_site(costs, met.sites), bound, gap=may.gap, ties=ties)


def _beyond(costs: Floats, weight: Floats, sites: Ints, ask: Asked) -> Exception:
    there = np.isfinite(costs[:, sites]).any(axis=1)
    reached, lost = float(weight[there].sum() / weight.sum()), np.flatnonzero(~there & (weight > 0))
    they = "1 site does" if ask.p == 1 else f"{ask.p} sites do"
    said = f"p = {they} not reach that share of the weight; those found reach {reached:.3g} of it"
    said = f"{said}, and not demand point {listing(map(int, lost), 5)}"
    return infeasible(said, "Lower share or raise p", key="share")


def _quantiles(least: Floats, weight: Floats, target: float) -> Floats:
    """Of each column of ``least``: the cost within which ``target`` of the weight lies, shape (k,)."""
    order = np.argsort(least, axis=0, kind="stable")
    within = np.cumsum(weight[order], axis=0)
    last = np.minimum((within < target).sum(axis=0), len(least) - 1)
    found = np.take_along_axis(least, np.take_along_axis(order, last[None, :], axis=0), axis=0)
    return np.asarray(found[0], dtype=np.float64)


def _looked_at(costs: Floats, weight: Floats, target: float, every: Ints, met: Met) -> float:
    some = np.array_split(every, len(every) // 500 + 1)
    found = np.concatenate([_quantiles(costs[:, sites].min(axis=2), weight, target) for sites in some])
    least = float(found.min())
    for sites in every[found <= least + rounding(least)][:1000] if np.isfinite(least) else ():
        met.offer(sites, least)
    return least


class _Shares(Radii):
    """Whether p sites cover enough weight within a radius."""

    def __init__(
        self, costs: Floats, weight: Floats, target: float, ask: Asked, met: Met, clock: Clock, seed: int
    ) -> None:
        super().__init__(met, clock)
        self.costs, self.weight, self.target, self.ask, self.seed = costs, weight, target, ask, seed
        allowed = costs[:, ask.allowed]
        first = self._widest(float(allowed[np.isfinite(allowed)].max(initial=0.0)))
        most = self.reach(first)
        least = float(_quantiles(allowed.min(axis=1)[:, None], weight, target)[0])
        inside = (allowed >= least) & (allowed <= most) & np.isfinite(allowed)
        self.between(np.unique(np.append(allowed[inside], most)))
        self.take(first)

    def reach(self, sites: Ints) -> float:
        return float(_quantiles(self.costs[:, sites].min(axis=1)[:, None], self.weight, self.target)[0])

    def within(self, radius: float, exact: bool) -> tuple[Ints | None, bool]:
        found, held = self._most(radius, exact)
        enough = held + found.total >= self.target
        none = held + found.bound < self.target
        return (np.union1d(self.ask.fixed, self.ask.free[found.columns]) if enough else None), none

    def _most(self, radius: float, exact: bool) -> tuple[Covered, float]:
        bare = ~(self.costs[:, self.ask.fixed] <= radius).any(axis=1)
        held = float(self.weight[~bare].sum())
        near = self.costs[np.ix_(bare, self.ask.free)] <= radius
        found = most_covered(
            near, self.weight[bare], self.ask.more, self.clock, enough=self.target - held, exact=exact,
            seed=self.seed, what="searching the radius",
        )  # fmt: skip
        return found, held

    def _widest(self, radius: float) -> Ints:
        """Sites that reach enough weight at all."""
        found, held = self._most(radius, True)
        sites = np.union1d(self.ask.fixed, self.ask.free[found.columns])
        if held + found.total < self.target:
            if held + found.bound >= self.target:
                raise infeasible("no placement that reaches that share was found in time", "Raise time_limit or p")
            raise _beyond(self.costs, self.weight, sites, self.ask)
        return sites
