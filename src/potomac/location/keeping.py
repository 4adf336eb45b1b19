"""A run as Arrow tables, from which live questions are answered and pictures are drawn: nothing is pickled.

Kept are the sites and the candidates, the demand points with the nearest two sites of each, and the model of travel
time. Models without a table are told by what the study asks and what was fitted. A road network is kept by its links, a
fitted surface by its numbers, times by pair as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.location.compared import opening_of
from potomac.location.found import Found
from potomac.location.journeys import Journeys, plain_model, road_network
from potomac.location.question import Travel
from potomac.location.reading import Candidates, Demand
from potomac.location.worth import worth

if TYPE_CHECKING:
    from potomac.location.travel.surface import CircuitySurface

__all__ = ["LINKS", "POINTS", "kept", "model_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POINTS = 200_000
"""Demand points that are kept for live questions; of more, the heaviest."""

CANDIDATES = 200_000
"""Candidates up to which they are kept."""

PAIRS = 5_000_000
"""Times by pair up to which they are kept (40 MB)."""

LINKS = 1_000_000
"""Links up to which a network is kept."""

_SURFACE = "circuity_surface"


# ---- what was found -----------------------------------------------------------------------------------------------


def kept(found: Found, drawn: Mapping[str, pa.Table | None]) -> dict[str, pa.Table]:
    """The tables from which :func:`load` makes the answer again, and those of pictures; nothing is pickled."""
    candidates, about = found.candidates, _about(found)
    tables = {
        "sites": _places_table(candidates.take(found.placement.sites)),
        "points": _points_table(found),
        "about": pa.table({"name": [*about], "value": [json.dumps(value) for value in about.values()]}),
        "histogram": histogram(found),
        **_candidates_tables(found),
        **_parameters_of(found.journeys),
    }
    return tables | {name: table for name, table in drawn.items() if table is not None and table.num_rows}


def _places_table(sites: Candidates) -> pa.Table:
    columns: dict[str, Any] = {"id": sites.id, "latitude": sites.latitude, "longitude": sites.longitude}
    optional = {name: getattr(sites, name) for name in ("density", "cost", "capacity", "attractiveness")}
    return pa.table(columns | {name: values for name, values in optional.items() if values is not None})


def _points_table(found: Found) -> pa.Table:
    """The demand points with the nearest two sites of each, whatever the answer assigns."""
    d, rows = found.demand, _rows(found.demand)
    to_sites = found.journeys.to(found.placement.sites)[rows]
    first, second = _two_least(to_sites)
    some = d.take(rows)
    columns: dict[str, Any] = {
        "id": some.id, "latitude": some.latitude, "longitude": some.longitude, "weight": some.weight,
        "serves": np.where(np.isfinite(first[1]), first[0], -1), "minutes": first[1], "second_minutes": second,
    }  # fmt: skip
    optional = {"density": some.density, "elsewhere": _elsewhere(found, rows)}
    return pa.table(columns | {name: values for name, values in optional.items() if values is not None})


def _elsewhere(found: Found, rows: Ints) -> Floats | None:
    """What draws people to rivals and keeps them at home, where the share of a market is sought."""
    problem, rivals, minutes = found.question.problem, found.journeys.rivals, found.journeys.rival_minutes
    if problem.objective != "market_share":
        return None
    if rivals is None or minutes is None:
        return np.full(len(rows), problem.staying)
    from potomac.location.gravity import Decay

    each = np.ones(len(rivals)) if rivals.attractiveness is None else rivals.attractiveness
    return np.asarray(Decay(problem.distance_decay)(minutes[rows]) @ each + problem.staying)


def _rows(demand: Demand) -> Ints:
    """The demand points that are kept: all, or the heaviest."""
    if len(demand) <= POINTS:
        return np.arange(len(demand))
    return np.sort(np.argsort(-demand.weight, kind="stable")[:POINTS])


def _candidates_tables(found: Found) -> dict[str, pa.Table]:
    """Where a site could have been, and the times from there where they are given by pair and are not too many."""
    c = found.candidates
    if found.question.problem.anywhere or len(c) > CANDIDATES:
        return {}
    tables = {"candidates": _places_table(c)}
    rows = _rows(found.demand)
    if found.journeys.model is None and len(rows) * len(c) <= PAIRS:
        tables["times"] = pa.table({"minutes": found.journeys.minutes[rows].ravel()})
    return tables


def _two_least(to_sites: Floats) -> tuple[tuple[Ints, Floats], Floats]:
    """Which site is nearest and how far, and how far the second is (infinite where there is one only)."""
    rows = np.arange(len(to_sites))
    nearest = np.argmin(to_sites, axis=1)
    minutes = to_sites[rows, nearest]
    others = to_sites.copy()
    others[rows, nearest] = np.inf
    return (nearest, minutes), others.min(axis=1)


def _about(found: Found) -> dict[str, Any]:
    problem, sites = found.question.problem, found.placement.sites
    opening = opening_of(found.candidates, sites, problem)
    everyone = found.served.everyone
    return {
        "problem": asdict(problem),
        "travel": asdict(found.journeys.travel),
        "before": asdict(
            worth(everyone.minutes, everyone.weight, problem, opening, found.whole, found.placement.objective)
        ),
        "all": found.whole,
        "opening": opening,
        "whole": len(found.demand) <= POINTS,
    }


def histogram(found: Found, most: int = 24) -> pa.Table:
    """Share of the weight by travel time, in bins of whole, half or quarter minutes: low, high, share."""
    _, minutes, weight = found.served.parts
    minutes, weight = minutes[weight > 0], weight[weight > 0]
    if not len(minutes):
        return pa.table(
            {"low": pa.array([], pa.float64()), "high": pa.array([], pa.float64()), "share": pa.array([], pa.float64())}
        )
    top = float(minutes.max())
    steps = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 240, 480, 960, 1920)
    step = next((one for one in steps if top / one <= most), top / most)
    edges = np.arange(int(top // step) + 2) * step
    held, _ = np.histogram(minutes, edges, weights=weight)
    return pa.table({"low": edges[:-1], "high": edges[1:], "share": 100 * held / found.whole})


# ---- the model of travel time -------------------------------------------------------------------------------------


def _parameters_of(journeys: Journeys) -> dict[str, pa.Table]:
    """Tables from which :func:`model_of` makes the model again, as far as what the study asks does not say it."""
    if journeys.travel.model == _SURFACE:
        return {"surface_model": _surface_table(journeys.model)}
    links = journeys.links
    if links is None or links.num_rows > LINKS:
        return {}
    return {"links": links} | ({} if journeys.nodes is None else {"nodes": journeys.nodes})


def model_of(tables: Mapping[str, pa.Table], travel: Travel) -> Any:
    """The model of travel time; None where the times are given by pair, or the network was too large to be kept."""
    if travel.model == "matrix" or (travel.model == "road" and "links" not in tables):
        return None
    if travel.model == "road":
        return road_network(tables.get("nodes"), tables["links"], travel)
    if travel.model == _SURFACE:
        return _surface_of(tables["surface_model"], travel)
    return plain_model(travel)


def _surface_table(model: Any) -> pa.Table:
    raster = model.raster
    numbers = {
        "centre": model.centre, "base": model.base, "scales": model.scales, "fastest": model.fastest,
        "slowest": model.slowest, "raster": raster[:-1], "shape": raster[-1].shape,
    }  # fmt: skip
    return pa.table(
        {"numbers": [json.dumps(numbers)], "values": pa.array([raster[-1].ravel()], pa.list_(pa.float64()))}
    )


def _surface_of(table: pa.Table, travel: Travel) -> CircuitySurface:
    from potomac.location.travel.surface import CircuitySurface, Raster

    told = json.loads(table["numbers"][0].as_py())
    values = np.array(table["values"][0].as_py(), np.float64).reshape(told["shape"])
    pairs = {name: tuple(told[name]) for name in ("centre", "base", "scales", "slowest")}
    west, south, step = told["raster"]
    raster = Raster(west, south, step, values)
    return CircuitySurface(raster=raster, fastest=told["fastest"], profile=travel.profile, **pairs)
