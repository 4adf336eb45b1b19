"""All that an answer rests on, before it is put into words, and the tables of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from potomac.errors import shown
from potomac.location.compared import CHOICES, Choice
from potomac.location.journeys import Journeys
from potomac.location.market import market
from potomac.location.outcome import Outcome, assignment_table, named, site_table
from potomac.location.placement import Placement
from potomac.location.question import Question
from potomac.location.reading import Candidates, Demand
from potomac.location.robust import Robust

__all__ = ["Found", "tables_of"]


@dataclass(frozen=True)
class Found:
    """All that was found.

    Attributes:
        question: what was asked.
        journeys: the travel times of the demand points that some candidate reaches.
        placement: the sites.
        served: whom each serves.
        unreached: demand points that no candidate reaches, see :data:`potomac.location.reach.UNREACHED`.
        choices: the answer, then what else one could have chosen.
        people: what the weights count: "people", "trips"; empty where the points have no weights.
        robust: the frontier and the scenarios.
    """

    question: Question
    journeys: Journeys
    placement: Placement
    served: Outcome
    unreached: pa.Table
    choices: tuple[Choice, ...]
    people: str
    robust: Robust

    @property
    def whole(self) -> float:
        """Weight of all demand points, those that no candidate reaches included."""
        return float(self.demand.weight.sum()) + float(np.sum(self.unreached["weight"].to_numpy()))

    @property
    def demand(self) -> Demand:
        """The demand points that some candidate reaches."""
        return self.journeys.demand

    @property
    def candidates(self) -> Candidates:
        """Where sites may be; where they are, for sites anywhere."""
        return self.journeys.candidates

    @property
    def names(self) -> list[str]:
        """The ids of the sites, as sentences have them."""
        return [shown(name, 60) for name in self.candidates.id.take(pa.array(self.placement.sites)).to_pylist()]


def tables_of(found: Found) -> dict[str, pa.Table]:
    """The result's tables by name."""
    tables = {
        "sites": site_table(found.served, found.candidates),
        "assignments": assignment_table(found.served, found.demand, found.candidates),
        "compared": _compared(found),
    }
    others = {
        "equal": _equal(found),
        "market": market(found.journeys, found.placement, found.question.problem, found.whole),
        "frontier": found.robust.frontier,
        "stability": found.robust.stability,
        "moves": found.robust.moves,
        "hours": found.robust.hours,
        "unreached": found.unreached,
        "calibration": _calibration(found),
    }
    return tables | {name: table for name, table in others.items() if table is not None and table.num_rows}


def _compared(found: Found) -> pa.Table:
    """A row a choice of sites."""
    rows = [
        {
            "choice": CHOICES[choice.name],
            "sites": named(found.candidates.id, choice.sites),
            "objective": choice.worth.objective,
            "mean_minutes": choice.worth.mean,
            "p90_minutes": choice.worth.q90,
            "worst_minutes": choice.worth.worst,
            "within_radius": choice.worth.within,
            "served": choice.worth.served,
        }
        for choice in found.choices
    ]
    names = list(rows[0])
    return pa.table({name: _column([row[name] for row in rows]) for name in names})


def _column(values: list[object]) -> pa.Array:
    return pa.array([None if isinstance(v, float) and np.isnan(v) else v for v in values])


def _equal(found: Found) -> pa.Table | None:
    """Other choices of sites that are as good: a row each."""
    if not found.placement.equal:
        return None
    ids = [named(found.candidates.id, sites) for sites in found.placement.equal]
    return pa.table({"choice": np.arange(1, len(ids) + 1), "sites": ids})


def _calibration(found: Found) -> pa.Table | None:
    """How the model of travel time was fitted: one row."""
    fitted = found.journeys.calibration
    if fitted is None:
        return None
    told: Mapping[str, object] = {
        "model": found.journeys.travel.model,
        "trips_fitted": fitted.n_fit,
        "trips_held_out": fitted.n_held_out,
        "held_out_error": fitted.held_out_error,
        "low": fitted.interval[0],
        "high": fitted.interval[1],
        "constant_error": fitted.constant_error,
    }
    return pa.table({name: [value] for name, value in told.items()})
