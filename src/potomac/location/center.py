"""p-center: the farthest demand point shall be as near as can be."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import NoAnswer, listing
from potomac.location.asked import Asked, Met, asked, every_placement, nearest_site, placed
from potomac.location.covers import Cover, cheapest_cover
from potomac.location.highs import Clock
from potomac.location.placement import Placement, checked_cost, checked_weights, infeasible

__all__ = ["p_center"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def p_center(
    cost: npt.ArrayLike, p: int, weights: npt.ArrayLike | None = None, fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (), *, time_limit: float = 60.0, gap: float = 0.0, seed: int = 0,
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
    costs = checked_cost(cost)
    ask = asked(costs.shape[1], p, fixed, forbidden)
    weight = checked_weights(weights, len(costs))
    needs = weight > 0
    with np.errstate(invalid="ignore"):
        far = costs[needs] * weight[needs, None]
    _reachable(far, np.flatnonzero(needs), ask)
    met = Met()
    bound = _looked_at(far, ask, met)
    if bound is None:
        bound = _searched(far, ask, met, Clock(time_limit, progress), gap, seed)
    return placed(met, nearest_site(costs, met.sites), bound, gap=gap)


def _reachable(far: Floats, names: Ints, ask: Asked) -> None:
    lost = names[~np.isfinite(far[:, ask.allowed]).any(axis=1)]
    if len(lost):
        said = f"no candidate reaches demand point {listing(map(int, lost), 5)}"
        raise infeasible(said, "Give them weight 0, or add candidates that reach them")


def _farthest(far: Floats, sites: Ints) -> float:
    return float(far[:, sites].min(axis=1).max())


def _looked_at(far: Floats, ask: Asked, met: Met) -> float | None:
    """The optimum from all placements; None where they are too many."""
    every = every_placement(ask, len(far))
    if every is None:
        return None
    some = np.array_split(every, len(every) // 500 + 1)
    worst = np.concatenate([far[:, sites].min(axis=2).max(axis=0) for sites in some])
    least = float(worst.min())
    if not np.isfinite(least):
        raise _too_few(ask, len(ask.fixed) + 1 if ask.more == 0 else None)
    for sites in every[worst <= least + 1e-9 * max(1.0, abs(least))][:1000]:
        met.offer(sites, least)
    return least


def _too_few(ask: Asked, least: int | None) -> NoAnswer:
    said = f"p = {ask.p} sites cannot reach every demand point"
    return infeasible(said + (f"; it takes at least {least}" if least else ""), "Raise p", key="p")


class _Radii:
    """Whether p sites cover everything within a radius, asked of distinct radii and remembered."""

    def __init__(self, far: Floats, ask: Asked, met: Met, clock: Clock, seed: int) -> None:
        self.far, self.ask, self.met, self.clock, self.seed = far, ask, met, clock, seed
        self.steps = self._distinct()
        self.low, self.high = 0, len(self.steps) - 1  # the optimum is steps[k] with low <= k <= high

    def _distinct(self) -> Floats:
        """Radii between a bound and a first placement, ascending."""
        sites = _spread(self.far, self.ask)
        most = _farthest(self.far, sites)
        self.met.offer(sites, most)
        allowed = self.far[:, self.ask.allowed]
        least = float(allowed.min(axis=1).max())
        return np.unique(allowed[(allowed >= least) & (allowed <= most) & np.isfinite(allowed)])

    def ask_at(self, k: int, exact: bool) -> bool | None:
        """Narrow low and high by what is found at steps[k]; None where it is not known."""
        found = self._cover(float(self.steps[k]), exact)
        more = self.ask.more
        if found.columns is not None and found.total <= more + 1e-9:
            self._take(self.ask.free[found.columns])
            return True
        if found.bound > more + 1e-9:
            self.low = max(self.low, k + 1)
            return False
        return None

    def _cover(self, radius: float, exact: bool) -> Cover:
        bare = ~(self.far[:, self.ask.fixed] <= radius).any(axis=1)
        near = self.far[np.ix_(bare, self.ask.free)] <= radius
        if not bare.any():
            return Cover(np.zeros(0, np.int64), 0.0, 0.0)
        share = 1 - (self.high - self.low) / max(1, len(self.steps))
        self.clock.tell("searching the radius", share)
        return cheapest_cover(
            near, np.ones(near.shape[1]), self.clock, enough=float(self.ask.more), exact=exact, seed=self.seed,
            what="searching the radius",
        )  # fmt: skip

    def _take(self, sites: Ints) -> None:
        """Note a placement, filled up with the candidates of the smallest numbers."""
        spare = np.setdiff1d(self.ask.free, sites)[: self.ask.more - len(sites)]
        sites = np.sort(np.concatenate([self.ask.fixed, sites, spare]))
        radius = _farthest(self.far, sites)
        self.met.offer(sites, radius)
        self.high = min(self.high, int(np.searchsorted(self.steps, radius)))


def _spread(far: Floats, ask: Asked) -> Ints:
    """Farthest first: the demand point that is worst off gets the candidate that is best for it (Gonzalez 1985)."""
    sites = ask.fixed.tolist()
    away = far[:, ask.fixed].min(axis=1) if sites else np.full(len(far), np.inf)
    free = ask.free.copy()
    for turn in range(ask.more):
        if turn == 0 and not sites:
            j = int(free[np.argmin(far[:, free].max(axis=0))])
        else:
            j = int(free[np.argmin(far[int(np.argmax(away)), free])])
        sites.append(j)
        free = free[free != j]
        away = np.minimum(away, far[:, j])
    return np.sort(np.array(sites, dtype=np.int64))


def _searched(far: Floats, ask: Asked, met: Met, clock: Clock, gap: float, seed: int) -> float:
    """Bisect, first with what is quickly known, then with HiGHS; returns the bound."""
    radii = _Radii(far, ask, met, clock, seed)
    if not len(radii.steps) or not np.isfinite(met.objective):
        _must_reach(radii)
    for exact, when_unknown in ((False, "above"), (False, "below"), (True, "stop")):
        low, high = radii.low, radii.high
        while low < high and not clock.over() and not _near(radii, gap):
            k = (low + high) // 2
            known = radii.ask_at(k, exact)
            if known is None and when_unknown == "stop":
                break
            if known or (known is None and when_unknown == "below"):
                high = min(k, radii.high)
            else:
                low = max(k + 1, radii.low)
            if known is not None and exact:
                low, high = radii.low, radii.high
    return float(radii.steps[radii.low]) if radii.low < radii.high else met.objective


def _near(radii: _Radii, gap: float) -> bool:
    return bool(gap) and radii.met.objective - radii.steps[radii.low] <= gap * radii.met.objective


def _must_reach(radii: _Radii) -> None:
    """Where farthest first leaves someone out of reach, see whether any p sites reach all."""
    far, ask = radii.far, radii.ask
    found = radii._cover(float(far[np.isfinite(far)].max()), True)
    if found.columns is None or found.total > ask.more + 1e-9:
        if found.bound > ask.more + 1e-9:
            least = len(ask.fixed) + int(np.ceil(found.bound - 1e-6)) if np.isfinite(found.bound) else None
            raise _too_few(ask, least)
        raise infeasible("no placement that reaches every demand point was found in time", "Raise time_limit or p")
    allowed = far[:, ask.allowed]
    radii.steps = np.unique(allowed[np.isfinite(allowed) & (allowed >= allowed.min(axis=1).max())])
    radii.low, radii.high = 0, len(radii.steps) - 1
    radii._take(ask.free[found.columns])
