"""The answers that a search meets: what they cost, who serves whom in them, and how each is made better."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from potomac.location.asked import Asked, Met, nearest_site
from potomac.location.facility.nearest import interchanged
from potomac.location.facility.problem import Facilities
from potomac.location.facility.relaxation import FREE, IN
from potomac.location.facility.shared import transport
from potomac.location.facility.single import SWAPS, assign, wander
from potomac.location.placement import Ties, rounding
from potomac.location.ties import sought
from potomac.stats.streams import Stream

__all__ = ["Answers", "Found"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POLISH = 4e9
"""Work (about ns) that local search may take before branch and bound begins."""


@dataclass(frozen=True)
class Found:
    """The best answers, what no answer can be below, and who serves whom in the best.

    Attributes:
        met: the best sites and those that equal them.
        bound: of the objective.
        assignment: the candidate that serves each demand point, or most of it, shape (n,).
        shares: how much of each demand point each site serves, shape (n, sites); None where each has one site.
        notes: what the reader should know.
        ties: how equal placements were sought.
    """

    met: Met
    bound: float
    assignment: Ints
    shares: Floats | None = None
    notes: tuple[str, ...] = ()
    ties: Ties = "met"


@dataclass
class Answers:
    """The best answers so far.

    Attributes:
        f: the problem.
        gap: relative gap that is near enough.
        seed: of the draws.
        met: the best sites and those that equal them.
        who: of each of these, the candidate that serves each demand point, where demand points have one site alone.
        price: of a unit of demand above capacity, at first.
        work: what local search may still take (about ns).
        every: whether all placements were looked at.
    """

    f: Facilities
    gap: float
    seed: int
    met: Met = field(default_factory=Met)
    who: dict[tuple[int, ...], Ints] = field(default_factory=dict)
    price: float = 1.0
    work: float = POLISH
    every: bool = False

    def __post_init__(self) -> None:
        self.whole = self.f.whole
        self.order = np.argsort(-self.f.demand, kind="stable")
        self.random = np.array([Stream(self.seed, ("location", "facility")).integer() % 2**63 + 1], np.uint64)

    @property
    def near(self) -> float:
        """Least difference of objectives that counts."""
        best = self.met.objective
        return 1e-10 * abs(best) if np.isfinite(best) else 0.0

    @property
    def goal(self) -> float:
        """A bound of this proves the best answer, or comes as near as was asked."""
        best = self.met.objective
        if not self.met.any:
            return np.inf
        exact = best - 1.0 + 1e-6 if self.whole else best - 0.5e-9 * abs(best)
        return min(exact, best - self.gap * (1 - 1e-9) * abs(best)) if self.gap > 0 else exact

    def stated(self, bound: float) -> float:
        """The bound as it may be stated: whole objectives round it up."""
        if not self.met.any:
            return bound
        best = self.met.objective
        if self.whole and np.isfinite(bound):
            bound = float(np.ceil(bound - 5e-7))  # the goal lies 1e-6 above the whole number below the best
        return best if bound >= best - 0.6e-9 * abs(best) else bound

    def offer(self, sites: Ints, who: Ints | None = None) -> float:
        """Note sites, with who is served by which of them (places) where that is a question; their objective."""
        f = self.f
        if f.service == "single":
            assert who is not None  # noqa: S101
            return self._offer_single(sites, who)
        sites = np.sort(np.asarray(sites, dtype=np.int64))
        value = self._served(sites)
        if value < np.inf:
            self.met.offer(sites, value)
        return value

    def _served(self, sites: Ints) -> float:
        """Objective of sites whose service is found exactly."""
        f = self.f
        if not len(sites):
            return np.inf
        if f.service == "nearest":
            return float(f.cost[:, sites].min(axis=1).sum() + f.opening[sites].sum())
        return float(transport(f.cost, f.demand, f.capacity, sites)[0] + f.opening[sites].sum())

    def _offer_single(self, sites: Ints, who: Ints) -> float:
        f = self.f
        served = sites[who]
        load = np.bincount(served, f.demand, len(f.capacity))
        if (load > f.capacity * (1 + 1e-9)).any():
            return np.inf
        value = float(f.cost[np.arange(len(who)), served].sum() + f.opening[sites].sum())
        if value == np.inf:
            return value
        if self.met.offer(sites, value):
            self.who = {}
        if value <= self.met.objective + rounding(value):  # as near as those that are met count as equal
            self.who.setdefault(tuple(sorted(map(int, sites))), served)
        return value

    def assigned(self, sites: Ints, who: Ints, move: bool) -> float:
        """Serve everyone from ``sites`` alone (single), those with a place in ``who`` there at first; offer it."""
        f = self.f
        sites, who = sites.copy(), who.copy()
        value = assign(
            f.cost, f.demand, f.capacity, f.opening, f.status, sites, who, self.order, self.price, self.near, move
        )
        return self.offer(sites, who) if value < np.inf else value

    def tried(self, sites: Ints) -> None:
        """Offer sites; where each demand point has one of them, after the answer in which they are shared."""
        f = self.f
        if f.service != "single":
            self.offer(sites)
            return
        value, shares, _ = transport(f.cost, f.demand, f.capacity, sites)
        if value + f.opening[sites].sum() >= self.met.objective - self.near:
            return  # no better when they are not shared
        self.work -= self.effort(len(sites))
        self.assigned(sites, np.where(shares.max(axis=1) > 0.999, shares.argmax(axis=1), -1), True)

    def effort(self, sites: int) -> float:
        """About how many ns it takes to find who serves whom."""
        n, m = self.f.cost.shape
        many = {
            "nearest": n * sites,
            "shared": n * (20 * sites + n / 5),
            "single": n * (20 * sites + m + 20 * min(n, SWAPS)),
        }
        return 1e4 + 2.0 * float(many[self.f.service])

    def interchange(self, sites: Ints) -> None:
        """Open, close or exchange one site after the other, as long as that is better; where capacity is no matter."""
        self.offer(self.exchanged(self.met.sites if self.met.any else sites))

    def exchanged(self, sites: Ints) -> Ints:
        """What interchange makes of sites, as if they had no limits."""
        f = self.f
        there = np.isfinite(f.cost)
        far = 2.0 * float(np.where(there, np.abs(f.cost), 0.0).max(axis=1).sum() + f.opening.sum()) or 1.0
        cost = f.cost if there.all() else np.where(there, f.cost, far)
        moves = int(np.clip(POLISH / (4.0 * cost.size), 2, 500))
        found = interchanged(cost, f.opening, f.status, sites, f.least, f.most, far, self.near, moves)
        return np.asarray(found, dtype=np.int64)

    def wandered(self, rounds: int) -> None:
        """Iterated search from the best."""
        f = self.f
        sites = self.met.sites
        who = np.searchsorted(sites, self.who[tuple(map(int, sites))])
        rounds = int(np.clip(0.5 * POLISH / self.effort(len(sites)), 5, rounds))
        self.work -= rounds * self.effort(len(sites))
        wander(
            f.cost, f.demand, f.capacity, f.opening, f.status, sites, who, self.met.objective, self.order, self.price,
            self.near, rounds, self.random,
        )  # fmt: skip
        self.offer(sites, who)

    def found(self, bound: float) -> Found:
        """The answer, with who serves whom."""
        f = self.f
        ties: Ties = "all" if self.every else "met"
        if f.service == "nearest" and not self.every:
            free = np.flatnonzero(f.status == FREE)
            ask = Asked(np.flatnonzero(f.status == IN), free, f.least if f.least == f.most else None)
            ties = sought(self.met, bound, ask, f.cost, opening=f.opening)
        sites = self.met.sites
        shares: Floats | None = None
        notes: tuple[str, ...] = ()
        if f.service == "nearest":
            who = nearest_site(f.cost, sites)
        elif f.service == "single":
            who = self.who[tuple(map(int, sites))].copy()
        else:
            _, shares, _ = transport(f.cost, f.demand, f.capacity, sites)
            who, notes = sites[shares.argmax(axis=1)], _split(shares)
        who[f.idle] = nearest_site(f.given[f.idle], sites)
        return Found(self.met, bound, who, shares, notes, ties)


def _split(shares: Floats) -> tuple[str, ...]:
    """What is to be said of demand points that several sites serve."""
    many = int(((shares > 0).sum(axis=1) > 1).sum())
    if not many:
        return ()
    who = "1 demand point is" if many == 1 else f"{many} demand points are"
    return (f"{who} shared by several sites, and listed with the one that serves most",)
