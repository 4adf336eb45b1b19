"""Who can be reached at all: demand points without a way are set aside by name, and what cannot be is said with ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, NoAnswer, PotomacError, StudyError, listing, shown
from potomac.location.journeys import OFF_ROAD, Journeys
from potomac.location.question import Problem, Travel
from potomac.location.reading import Candidates, Demand

__all__ = ["UNREACHED", "check_radius", "in_words_of_the_study", "reached"]

Floats = npt.NDArray[np.float64]

UNREACHED = pa.schema(
    [
        ("row", pa.int64()), ("id", pa.string()), ("latitude", pa.float64()), ("longitude", pa.float64()),
        ("weight", pa.float64()), ("reason", pa.string()), ("nearest", pa.string()), ("nearest_km", pa.float64()),
    ]
)  # fmt: skip
"""Demand points that no candidate reaches: why, and the nearest node (or candidate) from which there is a way."""

_NAMED = 3
"""Points that a message names."""


def reached(journeys: Journeys, problem: Problem) -> tuple[Journeys, pa.Table]:
    """The journeys of the demand points that some candidate reaches, and a table of the others.

    Raises:
        NoAnswer: no demand point that counts is reached.
    """
    if not journeys.listed or problem.anywhere:
        return journeys, UNREACHED.empty_table()
    some = np.isfinite(journeys.minutes[:, ~journeys.candidates.forbidden]).any(axis=1)
    if some.all():
        return journeys, UNREACHED.empty_table()
    lost = journeys.demand.take(np.flatnonzero(~some))
    table = _unreached(journeys, lost)
    if not (journeys.demand.weight[some] > 0).any():
        raise NoAnswer(_nobody(table, journeys.travel))
    return journeys.of(journeys.demand.take(np.flatnonzero(some)), some), table


def _nobody(table: pa.Table, travel: Travel) -> Fault:
    """That no demand point has a way: which they are, why, and the nearest node of a road."""
    points = table.slice(0, _NAMED).to_pylist()
    more = f"; and {table.num_rows - _NAMED:,} more" if table.num_rows > _NAMED else ""
    found = f"no demand point has a way to any candidate: {'; '.join(map(_point, points))}{more}"
    mend = "See that demand, candidates and travel times are of the same area and use the same ids"
    if any(OFF_ROAD in one["reason"] for one in points):
        mend = f"Raise travel.access_km, which is {travel.access_km:g}, or give the roads that lead there"
    return Fault("location.unreached", found, "expected a way for some of them", mend, key="travel")


def _point(one: Mapping[str, Any]) -> str:
    """A demand point, why it has no way, and the nearest node that has one."""
    near = ""
    if one["nearest"] is not None:
        near = f", and {one['nearest_km']:.3g} km from node {shown(one['nearest'])}, from which a way leads there"
    return f"{shown(one['id'])} (row {one['row']}; the first row is 0): {one['reason']}{near}"


def _unreached(journeys: Journeys, lost: Demand) -> pa.Table:
    reasons, nearest, km = _why(journeys, lost)
    columns = [
        pa.array(lost.row), lost.id, pa.array(lost.latitude, from_pandas=True),
        pa.array(lost.longitude, from_pandas=True), pa.array(lost.weight), reasons, nearest,
        pa.array(km, from_pandas=True),
    ]  # fmt: skip
    return pa.table(columns, schema=UNREACHED)


def _why(journeys: Journeys, lost: Demand) -> tuple[pa.Array, pa.Array, Floats]:
    """In words, and the nearest node (of a network) or candidate, with its distance."""
    n = len(lost)
    if journeys.explain is not None:
        return journeys.explain(lost.places)
    reason = "no row of the matrix gives a time to a candidate that may be chosen"
    return pa.array([reason] * n), pa.nulls(n, pa.string()), np.full(n, np.nan)


def check_radius(journeys: Journeys, problem: Problem) -> None:
    """Every demand point that counts has a candidate within the service radius, where all have to be served.

    Raises:
        NoAnswer: one has none; told are the ids, and the smallest radius that would do.
    """
    radius = problem.service_radius
    if radius is None or not journeys.listed or problem.objective in ("max_coverage", "attendance", "quantile"):
        return
    nearest = journeys.minutes[:, ~journeys.candidates.forbidden].min(axis=1)
    out = np.flatnonzero((nearest > radius) & (journeys.demand.weight > 0))
    if len(out):
        out = out[np.argsort(-nearest[out], kind="stable")]
        ids = listing(journeys.demand.id.take(pa.array(out)).to_pylist(), 5)
        one = len(out) == 1
        found = (
            f"{len(out):,} demand point{' has' if one else 's have'} no candidate within {radius:g} minutes: {ids}; "
            f"the smallest radius that reaches all is {_rounded_up(float(nearest.max()))} minutes"
        )
        mend = "Raise service_radius, add candidates near them, or ask for max_coverage"
        raise NoAnswer(Fault("location.out-of-reach", found, "", mend, key="problem.service_radius"))


def _rounded_up(minutes: float) -> str:
    """With two decimals, not below."""
    return f"{np.ceil(minutes * 100) / 100:.2f}"


# ---- errors of the solvers, in words of the study -----------------------------------------------------------------

_KEYS = {
    "p": "problem.p", "radius": "problem.service_radius", "service_radius": "problem.service_radius",
    "share": "problem.share",
    "half_life": "problem.half_life", "fixed": "candidates.columns.fixed",
    "forbidden": "candidates.columns.forbidden", "weights": "demand.columns.weight",
    "demand": "demand.columns.weight", "capacity": "candidates.columns.capacity",
    "opening": "candidates.columns.cost", "costs": "candidates.columns.cost", "cost": "travel",
    "single_source": "problem.single_source", "points": "demand",
}  # fmt: skip
"""What solvers call by the names of their arguments has keys in a study."""

_NUMBERED = re.compile(r"\b(demand points?|candidates?) (\d+(?:, \d+)*)")


def in_words_of_the_study(error: PotomacError, demand: Demand, candidates: Candidates) -> PotomacError:
    """The same error with the study's keys, and ids where solvers count rows."""
    ids: Mapping[str, pa.Array] = {"d": demand.id, "c": candidates.id}

    def named(found: re.Match[str]) -> str:
        known = ids[found[1][0]]
        numbers = [int(one) for one in found[2].split(", ")]
        if max(numbers) >= len(known):
            return found[0]
        return f"{found[1]} {', '.join(known[one].as_py() for one in numbers)}"

    def told(fault: Fault) -> Fault:
        return replace(fault, found=_NUMBERED.sub(named, fault.found), key=_KEYS.get(fault.key, fault.key))

    kind = type(error) if isinstance(error, StudyError | DataError | NoAnswer) else NoAnswer
    return kind(told(fault) for fault in error.faults)
