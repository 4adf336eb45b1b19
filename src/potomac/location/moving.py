"""How far the best places move when travel times and demand are otherwise: scenarios for sites anywhere.

There are no candidates that could win. A scenario multiplies the travel times of each demand point by a lognormal
factor f_i of mean 1, a share c of whose variance all have in common, and its weight by another; ways have no part of
their own, as there are as many as places. The best places of the scenario are then sought from the chosen ones: with

    minisum      sum w_i f_i t_i       weights w_i f_i, by Weiszfeld's step
    minimax      max f_i t_i           places tried around the present ones
    attendance   sum w_i 2^(-f_i t_i / h)      the same

and matched with the chosen ones so that they move as little as can be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, StudyError
from potomac.geo.distance import great_circle
from potomac.location.alternation import Alternation
from potomac.location.anywhere import costs_of
from potomac.location.highs import Clock
from potomac.location.placement import checked_weights
from potomac.location.question import Problem
from potomac.location.rivals import SAME, SHARE, Verdict
from potomac.location.scenarios import USUAL, Compared, Hour, Spread, scenario, verdicts
from potomac.location.travel.model import TravelModel, checked_places
from potomac.location.ways import Ways
from potomac.stats.streams import Stream

__all__ = ["Drift", "drift", "drift_by_hour"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PLAIN = Spread()

LOCAL = "the best places of a scenario are what was found from the chosen ones; regret is at least what is told"


@dataclass(frozen=True)
class Drift(Compared):
    """How the chosen places stand up to scenarios, and how far off the best ones are.

    Attributes:
        chosen_places: latitude and longitude of the sites that are not fixed, degrees, shape (k, 2).
        places: the best ones of each scenario, in the same order, shape (count, k, 2).
        km: how far each is from the chosen one, great circle, shape (count, k).
    """

    chosen_places: Floats
    places: Floats
    km: Floats

    def moved(self, share: float) -> Floats:
        """Km by which each site moves at most in that share of the scenarios, shape (k,)."""
        return np.asarray(np.quantile(self.km, share, axis=0, method="inverted_cdf"))


def drift(
    demand_points: npt.ArrayLike, weights: npt.ArrayLike | None, places: npt.ArrayLike, problem: Problem,
    model: TravelModel, *, fixed_points: npt.ArrayLike | None = None, departure: float | None = None,
    count: int = 200, spread: Spread = PLAIN, stream: Stream = USUAL, progress: Progress | None = None,
) -> Drift:  # fmt: skip
    """Compare places with the best ones of each of ``count`` scenarios.

    One place of the least mean time, where times are proportional to distance and nothing is fixed, is the best of
    all; others are a local optimum, from the chosen places on.

    Args:
        demand_points: latitude and longitude in degrees, shape (n, 2).
        weights: shape (n,); default 1 each.
        places: of the chosen sites besides the fixed ones, degrees, shape (k, 2).
        problem: its objective is minisum, minimax or attendance.
        model: of travel time.
        fixed_points: sites that are there in any case, shape (f, 2).
        departure: hour of the day.
        count: scenarios.
        spread: how much they differ; what is not common to all belongs to demand points.
        stream: of the draws.
        progress: told of scenarios that are through.

    Raises:
        DataError: points or weights are no such numbers.
        StudyError: the objective is another, or count makes no sense.
        Interrupted: the work shall stop.
    """
    if count < 1:
        raise StudyError(Fault("location.problem", f"count is {count}", "expected 1 or more scenarios", key="count"))
    search = _search(demand_points, weights, places, problem, model, fixed_points, departure)
    spread = Spread(spread.travel, spread.common, 1 - spread.common, 0.0, spread.demand, spread.law)
    ones, tell = np.ones((len(search.points), 1)), progress or Quiet()
    found, best = [], np.empty((count, *search.places.shape))
    for k in range(count):
        tell("scenarios", k, count)
        factors, w = scenario(ones, search.w, k, stream, spread)
        verdict, best[k] = search.compared(factors[:, 0], w)
        found.append(verdict)
    tell("scenarios", count, count)
    km = great_circle(search.places[:, 0], search.places[:, 1], best[..., 0], best[..., 1])
    exact = all(one.proven for one in found)
    return Drift(
        **verdicts(found), unit=SHARE if problem.objective == "attendance" else "min", limited=False, exact=exact,
        notes=() if exact else (LOCAL,), chosen_places=search.places, places=best, km=np.asarray(km),
    )  # fmt: skip


def drift_by_hour(
    hours: Iterable[float], demand_points: npt.ArrayLike, weights: npt.ArrayLike | None, places: npt.ArrayLike,
    problem: Problem, model: TravelModel, *, fixed_points: npt.ArrayLike | None = None,
) -> tuple[tuple[Hour, Floats], ...]:  # fmt: skip
    """The best places at each hour of the day beside the chosen ones; arguments and errors as of :func:`drift`.

    Returns:
        For each hour, in their order, what the chosen places cost then and the best, and where these are, shape (k, 2).
    """
    found = []
    for hour in sorted(hours):
        search = _search(demand_points, weights, places, problem, model, fixed_points, hour)
        one, at = search.compared(np.ones(len(search.points)), search.w)
        found.append((Hour(float(hour), np.arange(len(at)), one.chosen, one.least, one.proven), at))
    return tuple(found)


def _search(
    demand_points: npt.ArrayLike, weights: npt.ArrayLike | None, places: npt.ArrayLike, problem: Problem,
    model: TravelModel, fixed_points: npt.ArrayLike | None, departure: float | None,
) -> _Search:  # fmt: skip
    if problem.objective not in ("minisum", "minimax", "attendance"):
        said = f"{problem.objective} is answered at candidates only"
        raise StudyError(Fault("location.anywhere", said, "expected minisum, minimax or attendance", key="objective"))
    points = checked_places(demand_points, "demand_points")
    w = checked_weights(weights, len(points))
    fixed = np.empty((0, 2)) if fixed_points is None else checked_places(fixed_points, "fixed_points")
    ways = Ways(model, points[w > 0], departure)
    mine = np.empty((0, 2)) if not np.size(places) else checked_places(places, "places")
    return _Search(ways, w[w > 0], mine, fixed, problem)


class _Search:
    """The chosen places, and the search for better ones."""

    def __init__(self, ways: Ways, w: Floats, places: Floats, fixed: Floats, problem: Problem) -> None:
        self.ways, self.w, self.places, self.fixed, self.problem = ways, w, places, fixed, problem
        self.points, self.worst = ways.points, problem.objective == "minimax"
        self.cost, self.slope = costs_of(problem.objective, problem.half_life)
        self.even = problem.objective == "minisum"

    def compared(self, factors: Floats, w: Floats) -> tuple[Verdict, Floats]:
        """The verdict of a scenario, and the best places in the order of the chosen ones."""
        plain = self.even or bool((factors == 1).all())
        ways = self.ways if plain else _Slowed(self.ways, factors)
        turns = Alternation(
            ways, w * factors if self.even else w, self.fixed, self.cost, self.slope, self.worst, Clock(np.inf)
        )
        whole = 1.0 if self.worst else float(w.sum())
        chosen = self._value(turns, self.places) / whole
        if not len(self.places):
            return _verdict(chosen, chosen, True), self.places
        proven = turns.linear and len(self.places) == 1 and not len(self.fixed)
        places, least = turns.polished(self.places)
        least /= whole
        if not least < chosen - SAME * abs(chosen):
            return _verdict(chosen, chosen, proven), self.places
        return _verdict(chosen, least, proven), _matched(self.places, places)

    def _value(self, turns: Alternation, places: Floats) -> float:
        return turns.value(places) if len(places) else turns.total(turns.base)


def _verdict(chosen: float, least: float, proven: bool) -> Verdict:
    return Verdict(chosen, least, np.zeros(0, np.int64), 0.0, 0.0, max(chosen - least, 0.0), proven)


def _matched(places: Floats, found: Floats) -> Floats:
    """The found places in the order in which they are nearest to the others in sum."""
    from scipy.optimize import linear_sum_assignment

    km = great_circle(places[:, 0, None], places[:, 1, None], found[:, 0], found[:, 1])
    return np.asarray(found[linear_sum_assignment(km)[1]])


class _Slowed(Ways):
    """Ways that take longer by a factor of each demand point: there time depends on distance alone no more."""

    def __init__(self, ways: Ways, factors: Floats) -> None:
        super().__init__(ways.model, ways.points, ways.departure, ways.slack)
        self.factors = factors
        self.radial, self.rate, self.bounded = False, None, False

    def some(self, which: Ints | Bools) -> Ways:
        """From some of the points."""
        return _Slowed(super().some(which), self.factors[which])

    def minutes(self, places: Floats) -> Floats:
        """To places, shape (k, 2) -> (n, k)."""
        return np.asarray(super().minutes(places) * self.factors[:, None])
