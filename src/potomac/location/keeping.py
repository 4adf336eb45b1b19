"""A model of travel time as Arrow tables, and made again from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from potomac.location.question import Travel
from potomac.location.ways import Ways, plain_model

__all__ = ["model_of", "parameters_of"]


def parameters_of(ways: Ways) -> dict[str, pa.Table]:
    """Tables from which :func:`model_of` makes the model again."""
    return {}


def model_of(tables: Mapping[str, pa.Table], travel: Travel) -> Any:
    """The model of travel time; None where the times are given by pair."""
    if travel.model == "matrix":
        return None
    return plain_model(travel)
