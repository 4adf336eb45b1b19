"""What a run would say of its tables before it looks for sites: ``potomac check`` says it at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from potomac.engine import Quiet
from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location.asked import asked
from potomac.location.journeys import journeys_of
from potomac.location.question import Problem, Question
from potomac.location.reach import check_radius, in_words_of_the_study, reached
from potomac.location.reading import Candidates, Demand, candidates_of, demand_of, rivals_of
from potomac.tables import Table

__all__ = ["PAIRS", "ROWS", "checked"]

ROWS = 100_000
"""Rows of a table up to which it is read whole."""

PAIRS = 4_000_000
"""Pairs of demand points and candidates up to which their travel times are found."""


def checked(tables: Mapping[str, Table], question: Question, rows: int = ROWS, pairs: int = PAIRS) -> None:
    """Read the tables of a study as its run does, and find who is reached, as far as that is soon done.

    A table of more than ``rows`` rows is read so far only, and what needs it whole is left to the run; so are travel
    times of more than ``pairs`` pairs.

    Args:
        tables: of the study, by name.
        question: what is asked.
        rows: of a table that are read at most.
        pairs: of demand points and candidates whose travel times are found at most.

    Raises:
        DataError: a table is wrong: an id is there twice, ids of a matrix are none of the tables, a flag is no flag.
        StudyError: a key does not fit the tables.
        NoAnswer: nobody is reached, some are out of reach, or there are fewer candidates than sites.
    """
    whole = {name for name, table in tables.items() if _ends(table, rows)}
    if "demand" not in whole:
        return
    demand = demand_of(tables["demand"])
    if "rivals" in whole:
        rivals_of(tables["rivals"], demand)
    if "candidates" in tables and "candidates" not in whole:
        return
    candidates = candidates_of(tables.get("candidates"), demand)
    _how_many(question.problem, demand, candidates)
    if whole == set(tables) and len(demand) * len(candidates) <= pairs:
        journeys = journeys_of(tables, question.travel, question.problem, demand, candidates, Quiet())
        check_radius(reached(journeys, question.problem)[0], question.problem)


def _ends(table: Table, rows: int) -> bool:
    """Whether it has no more usable rows than so many; those are read."""
    read = 0
    for batch in table.batches(size=10_000):
        read += batch.num_rows
        if read > rows:
            return False
    return True


def _how_many(problem: Problem, demand: Demand, candidates: Candidates) -> None:
    """There are as many candidates as sites are asked for, and no more sites that have to be."""
    if problem.p is None:
        return
    fixed, forbidden, m = np.flatnonzero(candidates.fixed), np.flatnonzero(candidates.forbidden), len(candidates)
    if problem.anywhere:  # places are without number
        forbidden, m = np.array([], np.int64), max(m, problem.p)
    try:
        asked(m, problem.p, fixed, forbidden)
    except (DataError, NoAnswer, StudyError) as error:
        raise in_words_of_the_study(error, demand, candidates) from error
