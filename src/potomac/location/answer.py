"""Tables of a study -> the result: sites, whom each serves, how far that can be from the best, and what if."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Result
from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location import told
from potomac.location.compared import choices
from potomac.location.found import Found, tables_of
from potomac.location.journeys import Journeys, between, journeys_of
from potomac.location.keeping import kept
from potomac.location.outcome import outcome
from potomac.location.placement import Placement
from potomac.location.question import Question
from potomac.location.reach import check_radius, in_words_of_the_study, reached
from potomac.location.reading import Candidates, candidates_of, demand_of
from potomac.location.robust import robust
from potomac.location.solve import of_study, solve
from potomac.location.surface import roads, surface
from potomac.stats.streams import Stream
from potomac.tables import Table

if TYPE_CHECKING:
    from potomac.location.anywhere import Aim

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
    whole = float(demand.weight.sum())
    candidates = candidates_of(tables.get("candidates"), demand)
    drawn = stream.child("sample").seed32()
    journeys = journeys_of(tables, question.travel, question.problem, demand, candidates, progress, drawn)
    journeys, unreached = reached(journeys, question.problem)
    check_radius(journeys, question.problem)
    journeys, placement = _placed(journeys, question, stream, progress)
    served = outcome(journeys.to(placement.sites), placement, journeys.demand, journeys.candidates, whole)
    custom = placement.objective if question.problem.objective == "market_share" else None
    compared = choices(served, journeys, question.problem, progress, custom)
    sure = robust(journeys, question, placement, whole, stream.child("scenarios"), progress)
    found = Found(question, journeys, placement, served, unreached, compared, people_of(tables["demand"]), sure)
    progress("drawing travel times", 0)
    sites = journeys.candidates.take(placement.sites)
    shown = {"surface": surface(journeys, sites), "roads": roads(journeys, sites)}
    return told.result(found, tables_of(found), kept(found, shown))


def _placed(journeys: Journeys, question: Question, stream: Stream, progress: Progress) -> tuple[Journeys, Placement]:
    """The sites; those anywhere become the candidates of the journeys."""
    seed = stream.child("solve").seed32()
    try:
        if question.problem.anywhere:
            return _anywhere(journeys, question, seed, progress)
        task = of_study(journeys.minutes, journeys.demand, journeys.candidates, seed)
        if journeys.rivals is not None:
            theirs = journeys.rivals.attractiveness
            task = replace(task, rivals=journeys.rival_minutes, rival_attractiveness=theirs)
        return journeys, solve(task, question.problem, question.solver, progress)
    except (DataError, NoAnswer, StudyError) as error:
        raise in_words_of_the_study(error, journeys.demand, journeys.candidates) from error


def _anywhere(journeys: Journeys, question: Question, seed: int, progress: Progress) -> tuple[Journeys, Placement]:
    """Sites at the best places, called site 1, 2, ... from west to east after those that are there."""
    from potomac.location.anywhere import CLOSE, sites_anywhere

    problem, solver, demand, c = question.problem, question.solver, journeys.demand, journeys.candidates
    assert journeys.model is not None  # noqa: S101 - the study was checked
    there = c.take(np.flatnonzero(c.fixed))
    aside = _left_aside(len(c) - len(there)) if c.own else ()
    found = sites_anywhere(
        demand.places, demand.weight, problem.p or 1, cast("Aim", problem.objective), journeys.model,
        half_life=problem.half_life, fixed_points=there.places if len(there) else None,
        departure=journeys.travel.departure, time_limit=solver.time_limit, seed=seed, progress=progress,
        gap=solver.gap or CLOSE,
    )  # fmt: skip
    sites = _sites_at(found.points, there)
    minutes = between(journeys.model, journeys.travel, demand, sites)
    made = replace(journeys, candidates=sites, minutes=minutes)
    placement = Placement(
        np.arange(len(sites)), found.assignment, found.objective, found.bound, found.proven, found.status, found.goal,
        notes=(*found.notes, *aside),
    )  # fmt: skip
    return made, placement


def _left_aside(many: int) -> tuple[str, ...]:
    """Candidates that are not there yet say nothing where sites may be anywhere."""
    if not many:
        return ()
    return (f"{many:,} candidate{' that is' if many == 1 else 's that are'} not there yet "
            f"{'is' if many == 1 else 'are'} left aside: sites may be anywhere",)  # fmt: skip


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
