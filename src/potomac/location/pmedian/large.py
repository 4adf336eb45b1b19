"""Large p-median problems of points: placed among groups of points, bettered and bounded among all of them.

Demand points that lie together are gathered into groups (Hillsman and Rhoda 1978 name the error), among which the
iterated search places sites. Each site then moves to the candidate that is best for those it serves (Maranzana 1964),
and prices that are found for groups are the start of those of all points: the objective and the bound that are stated
are those of the points themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.location.asked import Asked
from potomac.location.highs import Clock
from potomac.location.pmedian.costs import SPHERE, Source, assigned, between
from potomac.location.pmedian.leaves import gathered
from potomac.location.pmedian.prices import Ascent, Prices
from potomac.stats.compiled import compiled

__all__ = ["Coarse", "Fine", "coarse_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GROUPS = 12_000
"""Groups among which sites are placed first, at least; 40 a site where that is more."""

STEPS = ((3, 250), (10, 150))
"""How many times as many groups the prices are raised for next, and the steps that they have there."""


@dataclass(frozen=True)
class Coarse:
    """A smaller problem in the place of a large one.

    Attributes:
        source: groups and some of the candidates.
        ask: what is asked of those candidates.
        names: the candidates' numbers in the large problem, ascending, (k,).
    """

    source: Source
    ask: Asked
    names: Ints


def coarse_of(source: Source, ask: Asked) -> Coarse:
    """Groups of demand points, and the candidates that are nearest to one (and those that are sites already)."""
    from scipy.spatial import cKDTree

    p = ask.p or 1
    few = _grouped(source, max(GROUPS, 40 * p))
    names = ask.allowed
    if len(names) > len(few.weight):
        near = cKDTree(source.columns[names]).query(few.rows)[1]
        spare = names[np.linspace(0, len(names) - 1, min(len(names), 8 * p)).astype(np.int64)]  # p of them at least
        names = np.unique(np.concatenate([names[near], ask.fixed, spare]))
    fixed = np.searchsorted(names, ask.fixed)
    part = Asked(fixed, np.setdiff1d(np.arange(len(names)), fixed), ask.p)
    return Coarse(few._replace(columns=np.ascontiguousarray(source.columns[names])), part, names)


def _grouped(source: Source, many: int) -> Source:
    """The same candidates, and groups in the place of demand points."""
    some = np.flatnonzero(source.weight > 0)
    if len(some) <= many:
        return source._replace(rows=np.ascontiguousarray(source.rows[some]), weight=source.weight[some])
    _, weight, centre = gathered(source.rows[some], source.weight[some], many)
    if source.kind == SPHERE:
        centre /= np.maximum(np.sqrt((centre * centre).sum(axis=1, keepdims=True)), 1e-300)
    return source._replace(rows=np.ascontiguousarray(centre), weight=weight)


class Fine:
    """What is done among all candidates: sites move, prices rise.

    Args:
        source: all demand points and candidates.
        ask: what is asked.
        offer: notes an answer and gives its objective.
        clock: time left.
        pool: the threads.
    """

    def __init__(
        self, source: Source, ask: Asked, offer: Callable[[Ints], float], clock: Clock, pool: ThreadPoolExecutor
    ) -> None:
        self.source, self.ask, self.offer, self.clock, self.pool = source, ask, offer, clock, pool
        self.groups = max(GROUPS, 40 * (ask.p or 1))
        self.sites = ask.fixed

    def moved(self, sites: Ints) -> float:
        """Each site where it is best for those whom it serves, among groups and then among all; the objective."""
        sites = self._settled(_grouped(self.source, 10 * self.groups), np.sort(sites), 30)
        self.sites = self._settled(self.source, sites, 3)
        return self.offer(self.sites)

    def _settled(self, source: Source, sites: Ints, rounds: int) -> Ints:
        """Sites after some rounds in which each moves, or fewer where that saves nothing."""
        best = np.inf
        for _ in range(rounds):
            who, what = assigned(source, sites)
            value = float(what.sum())
            if value >= best - 1e-9 * abs(best) or self.clock.over():
                break
            self.clock.tell(f"placing sites: {value:.6g}, each goes where it is best for those it serves", 0.3)
            best, sites = value, self._moved(source, sites, who)
        return sites

    def _moved(self, source: Source, sites: Ints, who: Ints) -> Ints:
        """Each site that is not fixed at the candidate, of those nearest to it, that serves its demand points best."""
        p, free = len(sites), self.ask.free
        rows, start = _by(np.searchsorted(sites, who), p)
        turned = source._replace(rows=source.columns[free], columns=source.columns[sites], weight=np.ones(len(free)))
        near, head = _by(assigned(turned, np.arange(p))[0], p)
        near, next_ = free[near], sites.copy()
        some = np.flatnonzero(~np.isin(sites, self.ask.fixed))

        def best(t: int) -> int:
            return _best_of(source, near[head[t] : head[t + 1]], rows[start[t] : start[t + 1]], int(sites[t]))

        next_[some] = list(self.pool.map(best, some.tolist()))
        return np.sort(next_)

    def bound(self, best: float, places: Floats, price: Floats, goal: float) -> float:
        """Prices rise among more and more groups, then among all demand points: a bound of these.

        Args:
            best: the objective of the sites that were moved last.
            places: where prices are known, (k, axes).
            price: in units of cost, (k,).
            goal: a bound that is enough, in units of cost.
        """
        for times, steps in STEPS:
            few = _grouped(self.source, times * self.groups)
            if 2 * len(few.weight) > len(self.source.weight):
                break
            objective = float(assigned(few, self.sites)[1].sum())
            ascent = self._ascent(few, places, price)
            # what groups leave out is about the same in objective and bound; half of the gap is left to the points
            enough = objective - 0.3 * (best - goal)
            ascent.climb(objective, enough, steps, 12, self._more("the bound among groups", ascent, objective, 0.4))
            places, price = _priced(ascent)
        ascent = self._ascent(self.source, places, price)
        ascent.climb(best, goal, 400, 12, self._more("the bound", ascent, best, 1.0))
        return ascent.bound

    def _ascent(self, source: Source, places: Floats, price: Floats) -> Ascent:
        prices = Prices(source, self.ask.fixed, self.ask.free, self.ask.p or 1, self.pool)
        return Ascent(prices, _interpolated(places, price, prices.rows.places.T) / source.scale)

    def _more(self, what: str, ascent: Ascent, best: float, share: float) -> Callable[[], bool]:
        """Whether there is time for another step: ``share`` of what is left now may be used."""
        until = (1.0 - share) * self.clock.left()

        def more() -> bool:
            gap = (best - ascent.bound) / max(abs(best), 1e-300)
            told = f", at most {gap:.2%} above it" if np.isfinite(gap) else ""
            self.clock.tell(f"placing sites: {what}{told}", 0.5)
            return self.clock.left() > until

        return more


def _priced(ascent: Ascent) -> tuple[Floats, Floats]:
    """Places and prices in units of cost."""
    return np.ascontiguousarray(ascent.prices.rows.places.T), ascent.price * ascent.prices.scale


def _interpolated(places: Floats, price: Floats, where: Floats) -> Floats:
    """Prices between those that are known, each with the inverse square of its distance."""
    from scipy.spatial import cKDTree

    k = min(4, len(places))
    away, near = cKDTree(places).query(where, k=k)
    away, near = away.reshape(len(where), k), near.reshape(len(where), k)
    pull = 1.0 / np.maximum(away, 1e-12 * max(float(away.max()), 1e-300)) ** 2
    return np.asarray((pull * price[near]).sum(axis=1) / pull.sum(axis=1))


def _by(group: Ints, many: int) -> tuple[Ints, Ints]:
    """Members group after group, and where each begins."""
    order = np.argsort(group, kind="stable")
    return order, np.searchsorted(group[order], np.arange(many + 1))


@compiled(nogil=True)
def _best_of(source: Source, candidates: Ints, rows: Ints, site: int) -> int:
    """Of a site and some candidates the one of least cost for some demand points."""
    least, best = 0.0, site
    for i in rows:
        least += between(source, i, site)
    for j in candidates:
        cost = 0.0
        for i in rows:
            cost += between(source, i, j)
            if cost >= least:
                break
        if cost < least:
            least, best = cost, j
    return best
