"""Other choices of sites beside the answer: those that are there, the largest places, the middle, by the straight line.

They say what the answer gains over what one would do without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from potomac.engine import Progress
from potomac.geo.distance import great_circle, unit_vectors
from potomac.location.attendance import coming
from potomac.location.journeys import Journeys, has_places
from potomac.location.outcome import Outcome
from potomac.location.question import Objective, Problem
from potomac.location.reading import Candidates, Demand
from potomac.location.worth import Worth, least, worth

__all__ = ["CHOICES", "Choice", "choices"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WORK = 4e8
"""Entries that are looked at for the choice of one site after another, at most."""

PAIRS = 4_000_000
"""Pairs up to which the choice by the straight line is made."""

_OPEN: tuple[Objective, ...] = ("minisum", "minimax", "quantile", "max_coverage", "attendance")
"""Objectives with p sites, each of which serves whoever is nearest."""


CHOICES = {
    "answer": "the answer",
    "present": "the sites that are there already",
    "largest": "the places of the greatest weight",
    "middle": "the candidate nearest to the middle of all",
    "straight line": "the best by the straight line",
    "one by one": "one site after another",
}
"""Choices in words."""


@dataclass(frozen=True)
class Choice:
    """Sites that somebody could have chosen.

    Attributes:
        name: how they were chosen: "answer", "present", "largest", "middle", "straight line", "one by one".
        sites: candidates, ascending, shape (p,).
        worth: what they are worth, each demand point at the nearest.
    """

    name: str
    sites: Ints
    worth: Worth


def choices(
    found: Outcome, journeys: Journeys, problem: Problem, progress: Progress, objective: float | None = None
) -> tuple[Choice, ...]:
    """The answer and, for problems in which the nearest site serves, what else one could have chosen.

    Args:
        found: the answer.
        journeys: the travel times.
        problem: what was asked.
        progress: told what is done.
        objective: of the answer, where it does not follow from the nearest site.
    """
    weight = journeys.demand.weight
    candidates = journeys.candidates
    opening = opening_of(candidates, found.sites, problem)
    everyone = found.everyone
    value = worth(everyone.minutes, everyone.weight, problem, opening, found.whole, objective)
    made = [Choice("answer", found.sites, value)]
    if problem.anywhere or problem.objective not in _OPEN or candidates.capacity is not None:
        return tuple(made)
    for name, sites in _others(journeys, problem, len(found.sites), progress):
        minutes = least(journeys.to(sites))
        made.append(Choice(name, sites, worth(minutes, weight, problem, whole=found.whole)))
    return tuple(made)


def opening_of(candidates: Candidates, sites: Ints, problem: Problem) -> float:
    """What sites cost in all; their number where no costs are given."""
    if problem.objective == "set_cover" and candidates.cost is None:
        return float(len(sites))
    return float(candidates.cost[sites].sum()) if candidates.cost is not None else 0.0


def _others(journeys: Journeys, problem: Problem, p: int, progress: Progress) -> Iterator[tuple[str, Ints]]:
    progress("comparing other choices", 0)
    c, d = journeys.candidates, journeys.demand
    present, allowed = np.flatnonzero(c.fixed), np.flatnonzero(~c.forbidden)
    placed = has_places(d) and has_places(c)
    if 0 < len(present) < p:
        yield "present", present
    if not c.own and d.weighted:
        at = pc.fill_null(pc.index_in(c.id, d.id), -1).to_numpy()
        weight = np.where(at >= 0, d.weight[at], 0.0)  # who is out of reach has no row in the demand any more
        yield "largest", np.sort(allowed[np.argsort(-weight[allowed], kind="stable")[:p]])
    if p == 1 and placed and not len(present):
        yield "middle", allowed[[_nearest_the_middle(d, c.places[allowed])]]
    if placed and not _along(journeys) and len(d) * len(c) <= PAIRS:
        yield "straight line", _by_straight_line(journeys, problem, p, progress)
    if p > 1 and journeys.listed and p * journeys.minutes.size <= WORK and problem.objective in _GAINS:
        yield "one by one", _one_by_one(journeys, problem, p)


def _along(journeys: Journeys) -> bool:
    """Whether what is nearer is reached sooner, always."""
    return journeys.travel.model in ("great_circle", "circuity", "circuity_distance")


def _nearest_the_middle(demand: Demand, places: Floats) -> int:
    """The place that is nearest to the weighted mean of the points (of their unit vectors)."""
    mean = demand.weight @ unit_vectors(demand.latitude, demand.longitude)
    return int(np.argmax(unit_vectors(places[:, 0], places[:, 1]) @ mean))


def _by_straight_line(journeys: Journeys, problem: Problem, p: int, progress: Progress) -> Ints:
    """The same problem, with kilometres in place of minutes."""
    from potomac.location.question import Solver
    from potomac.location.solve import of_study, solve

    d, c = journeys.demand, journeys.candidates
    km = great_circle(d.latitude[:, None], d.longitude[:, None], c.latitude, c.longitude)
    kind: Objective = problem.objective if problem.objective in ("minisum", "minimax", "quantile") else "minisum"
    plain = replace(problem, objective=kind, service_radius=None)
    return solve(of_study(km, d, c, 0), plain, Solver(time_limit=10.0, gap=1e-3), progress).sites


# ---- one after another --------------------------------------------------------------------------------------------

_GAINS: dict[str, Callable[[Floats, Floats, Problem], Floats]] = {
    "minisum": lambda t, w, problem: -(w @ t),
    "max_coverage": lambda t, w, problem: w @ (t <= (problem.service_radius or np.inf)),
    "attendance": lambda t, w, problem: w @ coming(t, problem.half_life),
}
"""What minutes are worth for each column, the more the better."""


def _one_by_one(journeys: Journeys, problem: Problem, p: int) -> Ints:
    """The best first site, then the best second beside it, and so on."""
    counts = journeys.demand.weight > 0
    minutes, weight = journeys.minutes[counts], journeys.demand.weight[counts]
    far = 2 * float(minutes[np.isfinite(minutes)].max()) + 1
    minutes = np.minimum(minutes, far)
    gain = _GAINS[problem.objective]
    sites = np.flatnonzero(journeys.candidates.fixed).tolist()
    away = minutes[:, sites].min(axis=1, initial=far)
    while len(sites) < p:
        value = gain(np.minimum(away[:, None], minutes), weight, problem)
        value[[*sites, *np.flatnonzero(journeys.candidates.forbidden).tolist()]] = -np.inf
        sites.append(int(np.argmax(value)))
        away = np.minimum(away, minutes[:, sites[-1]])
    return np.sort(np.array(sites, dtype=np.int64))
