"""A model of travel time as Arrow tables, and made again from them: nothing is pickled.

Models without a table are told by what the study asks, which is kept anyway. A road network is kept by its links.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from potomac.location.journeys import Journeys, plain_model, road_network
from potomac.location.question import Travel

__all__ = ["LINKS", "model_of", "parameters_of"]

LINKS = 1_000_000
"""Links of a network that are kept for live questions, at most."""


def parameters_of(journeys: Journeys) -> dict[str, pa.Table]:
    """Tables from which :func:`model_of` makes the model again, as far as what the study asks does not say it."""
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
    return plain_model(travel)
