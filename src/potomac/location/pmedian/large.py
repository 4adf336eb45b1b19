"""Large p-median problems of points: placed among groups of points, bettered and bounded among all of them.

Demand points that lie together are gathered into groups (Hillsman and Rhoda 1978 name the error), among which the
iterated search places sites. Each site then moves to the candidate that is best for those it serves (Maranzana 1964),
and prices that are found for groups are the start of those of all points: the objective and the bound that are stated
are those of the points themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.location.asked import Asked
from potomac.location.fixing import FREE, IN, OUT, fix
from potomac.location.highs import Clock
from potomac.location.pmedian.costs import Source, assigned, between
from potomac.location.pmedian.exact import Node
from potomac.location.pmedian.leaves import gathered
from potomac.location.pmedian.prices import Ascent, Prices
from potomac.stats.compiled import compiled

__all__ = ["NEAR", "ROUGH", "Coarse", "Fine", "coarse_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GROUPS = 2_000
"""Groups among which sites are placed first, at least; 40 a site where that is more."""

TIMES = (1, 3, 10, 30, 100)
"""How many times as many groups the prices are raised for, one after the other."""

BLOCK = 12
"""Steps of prices after which it is seen what they leave."""

ROUGH = 2e-4
"""Gap among groups, as a share of the objective, that is small enough for the next."""

NEAR = 0.05
"""Length of steps, as a share of that to the goal, at which prices are near enough."""

LONGER = 4.0
"""First steps with more groups than before beside the last with fewer."""


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
    """The same candidates, and groups in the place of demand points.

    No placement costs groups more than their points: distances are convex, along the sphere too, as arcs grow convexly
    with chords; a centre of gravity of points on the sphere lies within it.
    """
    some = np.flatnonzero(source.weight > 0)
    if len(some) <= many:
        return source._replace(rows=np.ascontiguousarray(source.rows[some]), weight=source.weight[some])
    _, weight, centre = gathered(source.rows[some], source.weight[some], many)
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
        self.status = np.full(len(source.columns), OUT, np.int8)
        self.status[ask.free], self.status[ask.fixed] = FREE, IN
        self.theta = 1.0
        self.places, self.price = np.zeros((0, source.columns.shape[1])), np.zeros(0)

    def known(self, places: Floats, price: Floats) -> None:
        """Prices are known at some places, in units of cost."""
        self._known(places, price, 1.0)

    def moved(self, sites: Ints) -> float:
        """Each site where it is best for those whom it serves, among groups and then among all; the objective."""
        sites = self._settled(_grouped(self.source, 10 * self.groups), np.sort(sites), 30)
        self.sites = self._settled(self.source, sites, 1)
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

    def levels(self) -> Iterator[Source]:
        """More and more groups, and at last the points themselves."""
        for times in TIMES:
            few = _grouped(self.source, times * self.groups)
            if 2 * len(few.weight) > len(self.source.weight):
                break
            yield few
        yield self.source

    def begun(self, source: Source) -> Ascent:
        """Prices of groups or points, laid between those that are known, among the candidates that are left."""
        prices = Prices(source, *self._left(), self.ask.p or 1, self.pool)
        price = _interpolated(self.places, self.price, prices.rows.places.T) / source.scale
        return Ascent(prices, price, theta=self.theta)

    def climbed(self, ascent: Ascent, best: float, goal: float, share: float) -> float:
        """Prices rise by some steps, and candidates that no answer below ``goal`` has are left out; the bound.

        Bounds of groups hold for their points.

        Args:
            ascent: the prices.
            best: the objective of a known answer, of these groups or points.
            goal: a bound that is enough.
            share: of the time that is left, what may be used.
        """
        ascent.climb(best, goal, BLOCK, 12, self._more(ascent, best, share), NEAR)
        if ascent.bound < goal and ascent.bound > -np.inf:
            self._fixed(ascent, goal)
        self._known(ascent.prices.rows.places.T, ascent.price * self.source.scale, LONGER * ascent.theta)
        return ascent.bound

    def node(self, source: Source, names: Ints) -> Node:
        """What is left of all answers, with the prices of groups or points."""
        price = _interpolated(self.places, self.price, source.rows)
        m = len(names)
        share = np.full(m, (self.ask.p or 1) / m)
        return Node(self.status[names].copy(), source.weight * price, -np.inf, share, np.zeros(m))

    def took(self, source: Source, names: Ints, node: Node) -> None:
        """Learn what was found with lists: prices, and which candidates are out."""
        self.status[:] = OUT
        self.status[names] = node.status
        some = source.weight > 0
        self._known(source.rows[some], node.multiplier[some] / source.weight[some], 0.2)

    def _known(self, places: Floats, price: Floats, theta: float) -> None:
        self.places, self.price, self.theta = np.ascontiguousarray(places), price, min(1.0, theta)

    def _left(self) -> tuple[Ints, Ints]:
        """Candidates that are sites, and those that may be."""
        return np.flatnonzero(self.status == IN), np.flatnonzero(self.status == FREE)

    def _fixed(self, ascent: Ascent, goal: float) -> None:
        """Leave out, or fix, what no answer below ``goal`` has otherwise."""
        prices, status = ascent.prices, self.status
        (inside, free), more = self._left(), prices.more
        if not 0 < more < len(free):
            return
        rho = np.zeros(len(status))
        rho[np.concatenate([inside, free])[prices.columns.order]] = prices.rho(ascent.price) * self.source.scale
        order = free[np.argsort(rho[free], kind="stable")]
        taken = status == IN
        taken[order[:more]] = True
        if fix(rho, status, taken, ascent.bound, goal, float(rho[order[more - 1]]), float(rho[order[more]])):
            ascent.prices = prices.among(self.source.columns, *self._left(), self.ask.p or 1)

    def _more(self, ascent: Ascent, best: float, share: float) -> Callable[[], bool]:
        """Whether there is time for another step: ``share`` of what is left now may be used."""
        until = (1.0 - share) * self.clock.left()

        def more() -> bool:
            gap = (best - ascent.bound) / max(abs(best), 1e-300)
            told = f", at most {100 * gap:.2f} % above it" if np.isfinite(gap) else ""
            self.clock.tell(f"placing sites: the bound{told}", 0.5)
            return self.clock.left() > until

        return more


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
