"""A model of travel time as Arrow tables, and made again from them: nothing is pickled.

Models without a table are told by what the study asks and what was fitted, which is kept anyway. A road network is kept
by its links, a fitted surface by its numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from potomac.location.journeys import Journeys, plain_model, road_network
from potomac.location.question import Travel

if TYPE_CHECKING:
    from potomac.location.travel.surface import CircuitySurface

__all__ = ["LINKS", "model_of", "parameters_of"]

LINKS = 1_000_000
"""Links of a network that are kept for live questions, at most."""

_SURFACE = "circuity_surface"


def parameters_of(journeys: Journeys) -> dict[str, pa.Table]:
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
