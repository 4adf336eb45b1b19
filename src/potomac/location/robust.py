"""How sure the answer is: the frontier over the number of sites, and what if times and demand are otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from potomac.engine import Progress
from potomac.location.outcome import Outcome
from potomac.location.placement import Placement
from potomac.location.question import Question
from potomac.location.ways import Ways
from potomac.stats.streams import Stream

__all__ = ["Robust", "Wins", "robust"]


@dataclass(frozen=True)
class Wins:
    """How the answer fares over the scenarios.

    Attributes:
        share: of the scenarios in which it is the best.
        low: lower end of its 95 % interval.
        high: upper end.
        regret: mean share by which its objective is worse than the best of the scenario.
        scenarios: how many there were.
    """

    share: float
    low: float
    high: float
    regret: float
    scenarios: int


@dataclass(frozen=True)
class Robust:
    """What the frontier and the scenarios say.

    Attributes:
        frontier: a row a number of sites; None where it was not asked for.
        stability: a row a candidate that wins some scenario; None without scenarios.
        hours: a row an hour of the day; None where none were asked for.
        wins: how the answer fares over the scenarios.
        one_more: minutes by which one more site shortens the mean travel time.
        notes: what to know of them.
        method: how they were made.
    """

    frontier: pa.Table | None = None
    stability: pa.Table | None = None
    hours: pa.Table | None = None
    wins: Wins | None = None
    one_more: float | None = None
    notes: tuple[str, ...] = ()
    method: tuple[str, ...] = ()


def robust(
    ways: Ways, question: Question, placement: Placement, served: Outcome, stream: Stream, progress: Progress
) -> Robust:
    """Ask for the frontier and the scenarios, as far as the study does and the problem has them."""
    return Robust()
