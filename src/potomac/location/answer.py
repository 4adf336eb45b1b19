"""Tables of a study -> the result: sites, whom each serves, how far that can be from the best, and what if."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Result
from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location import told
from potomac.location.compared import choices
from potomac.location.found import Found, tables_of
from potomac.location.live import kept
from potomac.location.outcome import outcome
from potomac.location.placement import Goal, Placement
from potomac.location.question import Question
from potomac.location.reach import check_radius, in_words_of_the_study, reached
from potomac.location.reading import Candidates, candidates_of, demand_of
from potomac.location.robust import robust
from potomac.location.solve import of_study, solve
from potomac.location.surface import surface
from potomac.location.ways import Ways, between, ways_of
from potomac.stats.streams import Stream
from potomac.tables import Table

__all__ = ["answer"]

Floats = npt.NDArray[np.float64]


def answer(tables: Mapping[str, Table], question: Question, stream: Stream, progress: Progress) -> Result:
    """Answer a study.

    Args:
        tables: ``demand``, and where the study has them ``candidates``, ``travel.matrix``, ``travel.links``, ...
        question: what is asked.
        stream: names all draws.
        progress: told what is done.

    Raises:
        DataError: a table is wrong.
        StudyError: what is asked does not fit together.
        NoAnswer: nothing fulfils it; the message says why.
    """
    demand = demand_of(tables["demand"])
    candidates = candidates_of(tables.get("candidates"), demand)
    ways = ways_of(tables, question.travel, question.problem, demand, candidates, progress)
    ways, unreached = reached(ways, question.problem)
    check_radius(ways, question.problem)
    ways, placement = _placed(ways, question, stream, progress)
    served = outcome(ways.to(placement.sites), placement, ways.demand, ways.candidates)
    compared = choices(served, ways, question.problem, progress)
    sure = robust(ways, question, placement, stream.child("scenarios"), progress)
    found = Found(question, ways, placement, served, unreached, compared, people_of(tables["demand"]), sure)
    progress("drawing travel times", 0)
    shown = surface(ways, ways.candidates.take(placement.sites))
    return told.result(found, tables_of(found), kept(found, shown))


def _placed(ways: Ways, question: Question, stream: Stream, progress: Progress) -> tuple[Ways, Placement]:
    """The sites; those anywhere become the candidates of the ways."""
    seed = stream.child("solve").seed32()
    try:
        if question.problem.anywhere:
            return _anywhere(ways, question, seed, progress)
        task = of_study(ways.minutes, ways.demand, ways.candidates, seed)
        return ways, solve(task, question.problem, question.solver, progress)
    except (DataError, NoAnswer, StudyError) as error:
        raise in_words_of_the_study(error, ways.demand, ways.candidates) from error


def _anywhere(ways: Ways, question: Question, seed: int, progress: Progress) -> tuple[Ways, Placement]:
    """Sites at the best places, called site 1, 2, ... from west to east after those that are there."""
    from potomac.location.anywhere import sites_anywhere

    problem, demand, c = question.problem, ways.demand, ways.candidates
    there = c.take(np.flatnonzero(c.fixed))
    found = sites_anywhere(
        demand.places, demand.weight, problem.p or 1, problem.objective, ways.model, half_life=problem.half_life,
        seed=seed, progress=progress, fixed_points=there.places if len(there) else None,
    )  # fmt: skip
    sites = _sites_at(found.points, there)
    places = np.arange(len(sites))
    made = replace(ways, candidates=sites)
    made = replace(made, minutes=between(made.model, made.travel, demand, sites))
    goal: Goal = "maximise" if problem.objective == "attendance" else "minimise"
    return made, Placement(places, found.assignment, found.objective, found.bound, found.proven, found.status, goal)


def _sites_at(points: Floats, there: Candidates) -> Candidates:
    """Places as candidates; the first are those that are there already."""
    new = len(points) - len(there)
    names = pa.array([*there.id.to_pylist(), *(f"site {k + 1}" for k in range(new))], pa.string())
    fixed = np.arange(len(points)) < len(there)
    none = np.zeros(len(points), bool)
    rows = np.concatenate([there.row, np.full(new, -1)])
    return Candidates(rows, names, points[:, 0], points[:, 1], None, None, fixed, none)


PEOPLE = {
    "people": ("people", "population", "pop", "persons", "inhabitants", "residents"),
    "households": ("households", "housing"), "trips": ("trips",), "jobs": ("jobs", "employment"),
    "customers": ("customers",), "patients": ("patients",), "deliveries": ("deliveries",),
    "students": ("students", "pupils"),
}  # fmt: skip
"""What weights count, by the name of their column."""


def people_of(demand: Table) -> str:
    """What the weights count; empty where their column does not say."""
    column = demand.columns.get("weight")
    name = column.column.casefold() if column is not None else ""
    return next((word for word, names in PEOPLE.items() if name in names), "")
