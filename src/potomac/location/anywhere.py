"""Sites anywhere on the globe, not at candidates only: the best place for one, good places for several, with a bound.

One site at the least mean distance is the geometric median, at the least longest one the centre of the smallest circle;
both are proven. Attendance, a site beside others, or times that are not proportional to distance take a search over
cells, to a proof or a small gap. Several sites are a problem with many local optima: alternate location and allocation
(Cooper 1964) from many starts gives good ones, and a Lagrangian over cells says how far from the best they can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import DataError, Fault, StudyError
from potomac.geo.distance import EARTH_RADIUS_KM, unit_vectors
from potomac.location.alternation import Alternation
from potomac.location.asked import one_number, whole_number
from potomac.location.attendance import checked_half_life, coming
from potomac.location.cellular import (
    FIRST,
    Demand,
    covering_cells,
    far_apart,
    gathered,
    lagrangian_bound,
    one_site,
    worst_bound,
)
from potomac.location.geometry import geometric_median, smallest_circle
from potomac.location.highs import Clock
from potomac.location.placement import NEAR, Goal, Status, checked_weights, infeasible
from potomac.location.places import degrees, is_one_of
from potomac.location.travel.model import TravelModel, believed, checked_model, checked_places
from potomac.location.ways import Ways
from potomac.stats.streams import Stream

__all__ = ["Anywhere", "sites_anywhere"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Aim = Literal["minisum", "minimax", "attendance"]

CLOSE = 1e-3
"""Gap at which a search over cells stops."""

SAMPLE = 1000
"""Demand points among which a first answer is chosen, which is a good start where all are."""

DISCRETE = 1e-3
"""Gap at which the choice among demand points stops."""

FEW = 4000
"""Demand points from which starts go on; the best of them goes on with all."""


@dataclass(frozen=True)
class Anywhere:
    """Where sites are, whom each serves, and how far that can be from the best.

    Attributes:
        points: latitude and longitude in degrees, those that are fixed first, shape (p, 2).
        assignment: which of the points serves each demand point, the first among equals; -1 where none does, (n,).
        minutes: how long that takes, shape (n,).
        objective: minutes times weight (minisum), the longest minutes of anybody who counts (minimax), or the expected
            attendance.
        bound: no places can be better than this; 0, or all people, where nothing is known.
        proven: whether ``bound`` meets ``objective`` but for rounding.
        status: "optimal" (proven), "within_gap" (the gap is at most what was asked, or 0.1 %), "heuristic" (good
            places by many starts, of which the bound says how good they surely are) or "time_limit".
        goal: whether less is better.
        notes: what the reader should know, one sentence each.
    """

    points: Floats
    assignment: Ints
    minutes: Floats
    objective: float
    bound: float
    proven: bool
    status: Status
    goal: Goal = "minimise"
    notes: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """How far the objective can be from the best, as a share of it; 0 where it is proven."""
        if self.proven or self.objective == self.bound:
            return 0.0
        return abs(self.objective - self.bound) / max(abs(self.objective), 1e-300)


def sites_anywhere(
    demand_points: Any, weights: npt.ArrayLike | None, p: int, objective: Aim, model: TravelModel, *,
    half_life: float = 15.0, fixed_points: Any = None, departure: float | None = None,
    starts: int = 40, time_limit: float = 60.0, gap: float = CLOSE, seed: int = 0, progress: Progress | None = None,
) -> Anywhere:  # fmt: skip
    """Place p sites anywhere.

    Args:
        demand_points: latitude and longitude in degrees, shape (n, 2), or what ``checked_places`` takes.
        weights: people of each demand point, shape (n,); those of weight 0 do not count. Default 1 each.
        p: sites in all, the fixed ones included.
        objective: the least sum of weight times minutes, the least longest time, or the most attendance.
        model: of travel time. Bounds are known for the great circle, circuity, circuity by distance and Minkowski.
        half_life: minutes at which half as many attend as next door.
        fixed_points: sites that are there already, shape (k, 2).
        departure: hour of the day.
        starts: of the alternation, where there are several sites to place.
        time_limit: seconds; the best found until then is returned.
        gap: relative gap at which a search over cells stops.
        seed: of the draws; the same gives the same places unless time runs out.
        progress: told what is done.

    Raises:
        DataError: points or weights are no such numbers, or a demand point has no way to anywhere.
        StudyError: p, objective, half_life, starts or gap make no sense, or the model is none.
        NoAnswer: p is below the number of fixed sites.
    """
    checked_model(model)
    points = checked_places(demand_points, "demand_points")
    w = checked_weights(weights, len(points))
    fixed = np.empty((0, 2)) if fixed_points is None else checked_places(fixed_points, "fixed_points")
    p = _checked(p, len(fixed), objective, starts, gap)
    search = _Search(
        Ways(model, points[w > 0], departure), w[w > 0], p, objective, checked_half_life(half_life), fixed, starts,
        Clock(time_limit, progress), gap, Stream(seed, ("location", "anywhere")),
    )  # fmt: skip
    places, bound, exact = search.run()
    return search.answer(model, points, w, np.vstack([fixed, places]), bound, exact, departure)


def _checked(p: int, fixed: int, objective: str, starts: int, gap: float) -> int:
    """The number of sites, after all that is asked is checked."""
    p = whole_number(p, "p", 1)
    if p < fixed:
        raise infeasible(f"p = {p} is below the number of fixed sites, {fixed}", "Raise p or fix fewer", key="p")
    if not is_one_of(objective, ("minisum", "minimax", "attendance")):
        raise StudyError(Fault("location.anywhere", f"{str(objective)[:60]} is answered at candidates only",
                               "expected minisum, minimax or attendance", key="objective"))  # fmt: skip
    whole_number(starts, "starts", 1)
    one_number(gap, "gap")
    return p


class _Search:
    """Places by the method that fits, and their bound, both as something to make small."""

    def __init__(
        self, ways: Ways, weight: Floats, p: int, aim: Aim, half_life: float, fixed: Floats, starts: int, clock: Clock,
        gap: float, stream: Stream,
    ) -> None:  # fmt: skip
        self.aim, self.ways, self.p, self.fixed, self.starts = aim, ways, p, fixed, starts
        self.clock, self.gap, self.stream, self.half_life = clock, gap, stream, half_life
        self.weight, self.worst = weight, aim == "minimax"
        self.more = p - len(fixed)
        self.cost, self.slope = costs_of(aim, half_life)
        self.notes: list[str] = []
        self.turns = Alternation(ways, self.weight, fixed, self.cost, self.slope, self.worst, clock)
        if len(fixed) and not np.isfinite(self.turns.base).all() and self.more == 0:
            raise DataError(Fault("location.points", "a demand point has no way to any fixed site", "expected a way"))

    def run(self) -> tuple[Floats, float, bool]:
        """New places, what no places are below, and whether the search was one that ends in a proof."""
        self.clock.tell("placing sites anywhere")
        if self.more == 0:
            return np.empty((0, 2)), self.turns.total(self.turns.base), True
        spots = np.unique(self.ways.points, axis=0)
        if len(spots) <= self.more:  # nobody has to travel
            return spots[np.arange(self.more) % len(spots)], 0.0, True
        if self.more == 1 and not len(self.fixed) and self.ways.rate is not None and self.aim == "minisum":
            site = geometric_median(self.ways.points, self.weight, progress=self.clock.progress)
            return np.array([site.place]), site.bound * self.ways.rate, True
        if self.more == 1 and not len(self.fixed) and self.ways.radial and self.worst:
            circle = smallest_circle(self.ways.points)
            places = np.array([circle.place])
            return places, self.turns.value(places), True
        places, value = self._alternated()
        if not self.ways.bounded:
            self.notes.append("of this model of travel time no bound is known for sites anywhere")
            return places, 0.0, False
        half_life = self.half_life if self.aim == "attendance" else None
        demand = Demand(self.ways, self.weight, self.turns.base, self.cost, half_life)
        if self.more == 1:
            return self._searched(demand, places, value)
        return places, self._bounded(demand, value), False

    def _alternated(self) -> tuple[Floats, float]:
        """The best of several starts: a third anew, the others from the best with one site moved."""
        turns = self._thinned()
        best, least = turns.settled(self._discrete())
        some = self.starts if self.ways.radial else min(self.starts, 6)
        for k in range(1, some):
            if self.clock.over():
                break
            self.clock.tell("placing sites anywhere", k / some)
            stream, anew = self.stream.child("start", k), 3 * k < some
            places, value = turns.settled(turns.spread(self.more, stream) if anew else turns.shaken(best, stream))
            if value < least:
                best, least = places, value
        return self.turns.polished(best)

    def _thinned(self) -> Alternation:
        """The alternation for some of the demand points where there are many."""
        n = len(self.weight)
        if n <= FEW:
            return self.turns
        some = np.sort(self.stream.child("thinned").generator().choice(n, FEW, replace=False))
        return Alternation(
            self.ways.some(some), self.weight[some], self.fixed, self.cost, self.slope, self.worst, self.clock
        )

    def _discrete(self) -> Floats:
        """Sites at some of the demand points: those of the p-center, or of the p-median."""
        n = len(self.weight)
        rows = np.arange(n)
        if n > SAMPLE:
            rows = np.sort(self.stream.child("rows").generator().choice(n, SAMPLE, replace=False))
        places = np.vstack([self.fixed, self.ways.points[rows]])
        if len(rows) < self.more:
            return places[len(self.fixed) + np.arange(self.more) % len(rows)]
        minutes, kept = self.ways.some(rows).minutes(places), np.arange(len(self.fixed))
        if self.worst:
            return places[_centers(minutes, self.p, kept, self.clock)]
        return places[_medians(self.cost(minutes), self.p, self.weight[rows], kept, self.clock)]

    def _tolerance(self, value: float, gap: float) -> float:
        """The gap as a share of what is made small: of attendance that is who stays at home."""
        if self.aim != "attendance":
            return gap
        return gap * (float(self.weight.sum()) - value) / max(value, 1e-300)

    def _searched(self, demand: Demand, places: Floats, value: float) -> tuple[Floats, float, bool]:
        """One site by cells; what they find is bettered from there."""
        gap = self.gap if self.worst or self.ways.rate is None else min(self.gap, 0.5 * NEAR)
        found = one_site(demand, value, self._tolerance(value, gap), self.clock, worst=self.worst)
        if found.place is not None:
            better, least = self.turns.polished(degrees(found.place)[None])
            if least < value:
                places, value = better, least
        return places, min(found.bound, value), True

    def _bounded(self, demand: Demand, value: float) -> float:
        """Several sites: the better of what half of the way between points says, and the cells."""
        circle = smallest_circle(self.ways.points)
        cap = reach = circle.radius / EARTH_RADIUS_KM
        if not self.ways.radial:  # a site so far off is worse for everyone than the centre
            reach *= 1 + self.ways.stretch[1] / self.ways.stretch[0]
        if cap > np.pi / 3:  # up to here the nearest place of the cap is nearer to all of it than any place outside
            reach = np.pi
        cells = covering_cells(unit_vectors(*circle.place), min(reach, np.pi), FIRST)
        if self.worst:
            half = self._halfway()
            if half >= value * (1 - self.gap):
                return min(half, value)
            return max(half, worst_bound(demand, self.more, cells, value, self.gap, self.clock))
        return lagrangian_bound(gathered(demand), self.more, cells, value, self._tolerance(value, self.gap), self.clock)

    def _halfway(self) -> float:
        """Of p + 1 demand points two share a site, and one of these is half as far from it as from the other at least.

        It holds where nobody is served by a fixed site.
        """
        if len(self.fixed) or not self.ways.radial:
            return 0.0
        _, apart = far_apart(self.ways.vectors, self.more + 1)
        if len(apart) <= self.more:
            return 0.0
        return float(self.ways.along(np.array([EARTH_RADIUS_KM * apart[-1] / 2 * (1 - 1e-9)]))[0])

    def answer(
        self, model: TravelModel, points: Floats, w: Floats, sites: Floats, least: float, exact: bool,
        departure: float | None,
    ) -> Anywhere:  # fmt: skip
        """The places as an answer, its objective summed anew."""
        minutes = np.asarray(model.minutes(believed(points), believed(sites), departure))
        near, who = minutes.min(axis=1), minutes.argmin(axis=1)
        some = w > 0
        if not np.isfinite(near[some]).all():
            i = int(np.flatnonzero(some & ~np.isfinite(near))[0])
            raise DataError(Fault("location.points", f"demand point {i} has no way to any of the places",
                                  "expected a way", key="demand_points"))  # fmt: skip
        if self.aim == "attendance":
            everyone = float(w.sum())
            objective, bound = float(w @ coming(near, self.half_life)), everyone - least
        else:
            objective = float(near[some].max()) if self.worst else float(w[some] @ near[some])
            bound = least
        apart = abs(objective - bound)
        proven = apart <= NEAR * max(objective, 1e-12)
        close = apart <= max(self.gap, CLOSE) * objective
        late: Status = "time_limit" if exact else "heuristic"
        status: Status = "optimal" if proven else "within_gap" if close else late
        goal: Goal = "maximise" if self.aim == "attendance" else "minimise"
        bound = objective if proven else max(bound, objective) if goal == "maximise" else min(bound, objective)
        who = np.where(np.isfinite(near), who, -1)
        return Anywhere(sites, who, near, objective, bound, proven, status, goal, tuple(self.notes))


def _centers(minutes: Floats, p: int, fixed: Ints, clock: Clock) -> Ints:
    """The sites of the p-center besides the fixed."""
    from potomac.location.center import p_center

    found = p_center(minutes, p, fixed=fixed, time_limit=min(5.0, clock.left()), progress=clock.progress)
    return np.setdiff1d(found.sites, fixed)


def _medians(costs: Floats, p: int, weight: Floats, fixed: Ints, clock: Clock) -> Ints:
    """The sites of the p-median besides the fixed; who cannot be reached costs more than all others together."""
    from potomac.location.pmedian.search import p_median

    there = np.isfinite(costs)
    if not there.all():
        costs = np.where(there, costs, len(costs) * float(costs[there].max(initial=1.0)))
    found = p_median(costs, p, weight, fixed, 0.3 * clock.left(), gap=DISCRETE, progress=clock.progress)
    return np.setdiff1d(found.sites, fixed)


def costs_of(aim: str, half_life: float) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """Minutes -> what they cost a unit of weight, and what a further minute costs."""
    if aim != "attendance":
        return (lambda t: t), np.ones_like
    rate = np.log(2) / half_life
    return (lambda t: 1 - coming(t, half_life)), (lambda t: rate * coming(t, half_life))
