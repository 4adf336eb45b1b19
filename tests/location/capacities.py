"""The capacitated instances of OR-Library (Beasley 1988; Osman and Christofides 1994), where this machine has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .orlib import DATA

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Median:
    """A capacitated p-median: costs are Euclidean distances rounded down; each demand point has one site."""

    cost: Floats
    demand: Floats
    p: int
    capacity: float
    optimum: float


@dataclass(frozen=True)
class Warehouses:
    """A capacitated warehouse problem: costs serve all demand of a customer, which warehouses may share."""

    cost: Floats
    demand: Floats
    opening: Floats
    capacity: Floats
    optimum: float


def median(name: str) -> Median:
    """One of pmedcap."""
    points = _rows("pmedcap_points", name)
    xy = np.column_stack([points["x"], points["y"]])
    meta = _meta("pmedcap_meta", name)
    cost = np.floor(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)))
    return Median(cost, np.array(points["demand"]), meta["p"], float(meta["capacity"]), float(meta["best_known"]))


def warehouses(name: str) -> Warehouses:
    """One of cap."""
    sites, customers, costs = (_rows(f"cap_{what}", name) for what in ("facilities", "customers", "costs"))
    cost = np.empty((len(customers["customer"]), len(sites["facility"])))
    cost[costs["customer"], costs["facility"]] = costs["cost"]
    demand, opening, capacity = np.empty(cost.shape[0]), np.empty(cost.shape[1]), np.empty(cost.shape[1])
    demand[customers["customer"]] = customers["demand"]
    opening[sites["facility"]], capacity[sites["facility"]] = sites["fixed_cost"], sites["capacity"]
    return Warehouses(cost, demand, opening, capacity, float(_meta("cap_meta", name)["optimum"]))


def _rows(table: str, name: str) -> dict[str, Any]:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(DATA / f"{table}.parquet", filters=[("instance", "==", name)]).to_pydict()


def _meta(table: str, name: str) -> dict[str, Any]:
    import pyarrow.csv

    return next(row for row in pyarrow.csv.read_csv(DATA / f"{table}.csv").to_pylist() if row["instance"] == name)
