"""p-center: the farthest demand point shall be as near as can be."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import NoAnswer, listing
from potomac.location.asked import Asked, Met, asked, effort, every_placement, nearest_site, placed
from potomac.location.covers import Cover, beyond, cheapest_cover
from potomac.location.highs import Clock
from potomac.location.placement import Placement, checked_cost, checked_weights, infeasible, rounding
from potomac.location.radii import Radii
from potomac.location.ties import sought

__all__ = ["farthest_first", "p_center"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def p_center(
    cost: npt.ArrayLike, p: int, weights: npt.ArrayLike | None = None, fixed: Iterable[int] = (),
    time_limit: float = 60.0, *, forbidden: Iterable[int] = (), gap: float = 0.0, seed: int = 0,
    progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place p sites so that the largest weighted cost of any demand point is the least.

    The optimum is one of the distinct costs: bisection asks of each whether p sites cover every demand point within it
    (Minieka 1970; Daskin 2013, Network and Discrete Location, chapter 5).

    Args:
        cost: of serving each demand point from each candidate, shape (n, m); infinite where it cannot.
        p: sites in all, the fixed ones included.
        weights: the cost of a demand point is multiplied by its weight, shape (n,); weight 0: need not be served.
        fixed: candidates that are sites already.
        forbidden: candidates that may not be sites.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of HiGHS.
        progress: told what is done.

    Raises:
        DataError: costs or weights are no such numbers.
        StudyError: p, fixed or forbidden make no sense.
        NoAnswer: demand points are out of reach of p sites; the message says which.
    """
    may = effort(time_limit, gap, seed, progress)
    costs = checked_cost(cost)
    ask = asked(costs.shape[1], p, fixed, forbidden, counted=True)
    weight = checked_weights(weights, len(costs))
    needs = weight > 0
    with np.errstate(invalid="ignore"):
        far = costs[needs] * weight[needs, None]
    _reachable(far, np.flatnonzero(needs), ask)
    met = Met()
    bound = _looked_at(far, ask, met)
    if bound is None:
        bound = _Centers(far, np.flatnonzero(needs), ask, met, may.clock, may.seed).search(may.gap)
    ties = sought(met, bound, ask, far, worst=True)
    return placed(met, nearest_site(costs, met.sites), bound, gap=may.gap, ties=ties)


def _reachable(far: Floats, names: Ints, ask: Asked) -> None:
    lost = names[~np.isfinite(far[:, ask.allowed]).any(axis=1)]
    if len(lost):
        said = f"no candidate reaches demand point {listing(map(int, lost), 5)}"
        raise infeasible(said, "Give them weight 0, or add candidates that reach them")


def _farthest(far: Floats, sites: Ints) -> float:
    return float(far[:, sites].min(axis=1).max())


def _looked_at(far: Floats, ask: Asked, met: Met) -> float | None:
    """The optimum from all placements; None where they are too many, or none reaches everyone."""
    every = every_placement(ask, len(far))
    if every is None:
        return None
    some = np.array_split(every, len(every) // 500 + 1)
    worst = np.concatenate([far[:, sites].min(axis=2).max(axis=0) for sites in some])
    least = float(worst.min())
    if not np.isfinite(least):
        return None  # the search over radii says how many sites it takes
    for sites in every[worst <= least + rounding(least)][:1000]:
        met.offer(sites, least)
    return least


class _Centers(Radii):
    """Whether p sites reach every demand point within a radius."""

    def __init__(self, far: Floats, names: Ints, ask: Asked, met: Met, clock: Clock, seed: int) -> None:
        super().__init__(met, clock)
        self.far, self.names, self.ask, self.seed = far, names, ask, seed
        self.least = float(far[:, ask.allowed].min(axis=1).max())
        first = farthest_first(far, ask)
        most = self.reach(first)
        if not np.isfinite(most):
            first, most = self._anywhere(first)
        allowed = far[:, ask.allowed]
        self.between(np.unique(allowed[(allowed >= self.least) & (allowed <= most)]))
        self.take(first)

    def reach(self, sites: Ints) -> float:
        return _farthest(self.far, sites)

    def within(self, radius: float, exact: bool) -> tuple[Ints | None, bool]:
        found, more = self._cover(radius, exact), self.ask.more
        if found.columns is not None and found.total <= more + 1e-9:
            return self._filled(self.ask.free[found.columns]), False
        return None, found.bound > more + 1e-9

    def _cover(self, radius: float, exact: bool) -> Cover:
        bare = ~(self.far[:, self.ask.fixed] <= radius).any(axis=1)
        if not bare.any():
            return Cover(np.zeros(0, np.int64), 0.0, 0.0)
        near = self.far[np.ix_(bare, self.ask.free)] <= radius
        return cheapest_cover(
            near, np.ones(near.shape[1]), self.clock, enough=float(self.ask.more), exact=exact, seed=self.seed,
            what="searching the radius",
        )  # fmt: skip

    def _filled(self, sites: Ints) -> Ints:
        """With p sites: the candidates of the smallest numbers beside those that are needed."""
        spare = np.setdiff1d(self.ask.free, sites)[: self.ask.more - len(sites)]
        return np.sort(np.concatenate([self.ask.fixed, sites, spare]))

    def _anywhere(self, tried: Ints) -> tuple[Ints, float]:
        """Some p sites that reach everyone, however far."""
        found, ask = self._cover(float(self.far[np.isfinite(self.far)].max()), True), self.ask
        if found.bound > ask.more + 1e-9:
            raise self._too_few(tried, found.bound)
        if found.columns is None or found.total > ask.more + 1e-9:
            raise infeasible("no placement that reaches every demand point was found in time", "Raise time_limit or p")
        sites = self._filled(ask.free[found.columns])
        return sites, self.reach(sites)

    def _too_few(self, tried: Ints, bound: float) -> NoAnswer:
        ask, there = self.ask, np.isfinite(self.far)
        said = f"p = {ask.p} site{'s' if ask.p != 1 else ''} cannot reach every demand point"
        if np.isfinite(bound):
            said += f"; it takes at least {len(ask.fixed) + int(np.ceil(bound - 1e-6))}"
        lost = self.names[~there[:, tried].any(axis=1)]
        why = beyond(there, ask.fixed, ask.free, ask.more, self.names)
        why = why or f"out of reach of those that were tried is demand point {listing(map(int, lost), 8)}"
        return infeasible(f"{said}; {why}", "Raise p, or add candidates that reach them", key="p")


def farthest_first(far: Floats, ask: Asked) -> Ints:
    """The demand point that is worst off gets the candidate that is best for it, again and again (Gonzalez 1985)."""
    sites, free = ask.fixed.tolist(), ask.free
    away = far[:, ask.fixed].min(axis=1) if sites else np.full(len(far), np.inf)
    for _ in range(ask.more):
        if sites:
            j = int(free[np.argmin(far[int(np.argmax(away)), free])])
        else:
            j = int(free[np.argmin(far[:, free].max(axis=0))])
        sites.append(j)
        free = free[free != j]
        away = np.minimum(away, far[:, j])
    return np.sort(np.array(sites, dtype=np.int64))
