"""Sites with capacities: OR-Library's warehouses and capacitated p-medians, beside HiGHS on the whole model.

``python -m benchmarks.location.capacitated [--limit SECONDS] [--only NAME ...]``. Every figure comes from a process of
its own; compiled loops are warm, as they are from the second run on a machine on. ``POTOMAC_LOCATION_DATA`` names the
folder of the instances; without it problems of their kind are drawn, whose optima are not known.
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.child import Measured, measured
from benchmarks.location.networks import DATA
from benchmarks.machine import load
from potomac.location.capacitated import capacitated_p_median
from potomac.location.charges import fixed_charge
from potomac.location.facility.closing import closed
from potomac.location.facility.relaxation import listed
from potomac.location.highs import Clock
from potomac.location.placement import Placement

Floats = npt.NDArray[np.float64]

HERE = "benchmarks.location.capacitated"


@dataclass(frozen=True)
class Instance:
    """Costs of serving all demand of a demand point, and what sites cost and hold; p where it is asked for."""

    cost: Floats
    demand: Floats
    opening: Floats
    capacity: Floats
    p: int | None
    optimum: float

    @property
    def single(self) -> bool:
        """Whether each demand point has one site alone."""
        return self.p is not None


def names() -> list[str]:
    """Of the instances that are there, else of those that are drawn."""
    if not (DATA / "cap_meta.csv").is_file():
        return ["drawn-warehouses", "drawn-medians"]
    return [row["instance"] for table in ("cap_meta", "pmedcap_meta") for row in _told(table)]


def instance(name: str) -> Instance:
    """The instance called so."""
    if name.startswith("drawn-"):
        return _drawn(name == "drawn-medians")
    return _medians(name) if name.startswith("pmedcap") else _warehouses(name)


def _medians(name: str) -> Instance:
    points = _rows("pmedcap_points", name)
    meta = next(row for row in _told("pmedcap_meta") if row["instance"] == name)
    xy, n = np.column_stack([points["x"], points["y"]]), len(points["x"])
    cost = np.floor(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)))
    capacity = np.full(n, float(meta["capacity"]))
    return Instance(cost, points["demand"], np.zeros(n), capacity, int(meta["p"]), float(meta["best_known"]))


def _warehouses(name: str) -> Instance:
    sites, customers, costs = (_rows(f"cap_{what}", name) for what in ("facilities", "customers", "costs"))
    meta = next(row for row in _told("cap_meta") if row["instance"] == name)
    cost = np.empty((len(customers["customer"]), len(sites["facility"])))
    cost[costs["customer"], costs["facility"]] = costs["cost"]
    row, column = np.argsort(customers["customer"]), np.argsort(sites["facility"])
    return Instance(
        cost, customers["demand"][row], sites["fixed_cost"][column], sites["capacity"][column], None,
        float(meta["optimum"]),
    )  # fmt: skip


def _drawn(medians: bool) -> Instance:
    draw = np.random.default_rng(1)
    points, demand = np.floor(100 * draw.random((50, 2))), draw.integers(1, 20, 50).astype(float)
    cost = np.floor(np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)))
    capacity = np.full(50, np.ceil(1.15 * demand.sum() / 5))
    if medians:
        return Instance(cost, demand, np.zeros(50), capacity, 5, np.nan)
    return Instance(cost * demand[:, None], demand, draw.uniform(500, 2000, 50), capacity, None, np.nan)


def _rows(table: str, name: str) -> dict[str, npt.NDArray[Any]]:
    import pyarrow.parquet as pq

    found = pq.read_table(DATA / f"{table}.parquet", filters=[("instance", "==", name)])
    return {column: found[column].to_numpy() for column in found.column_names}


def _told(table: str) -> list[dict[str, str]]:
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def potomac_task(name: str, limit: float) -> dict[str, Any]:
    """Seconds and answer of Potomac."""
    one = instance(name)
    _solved(_drawn(one.single), limit)  # compiled from here on
    begun = time.perf_counter()
    found = _solved(one, limit)
    return {
        "seconds": time.perf_counter() - begun, "objective": found.objective, "bound": found.bound, "gap": found.gap,
        "proven": found.proven,
    }  # fmt: skip


def _solved(one: Instance, limit: float) -> Placement:
    if one.p is not None:
        return capacitated_p_median(one.cost, one.p, one.demand, one.capacity, time_limit=limit)
    return fixed_charge(
        one.cost, one.opening, demand=one.demand, capacity=one.capacity, single_source=False, time_limit=limit
    )


def highs_task(name: str, limit: float) -> dict[str, Any]:
    """Seconds and answer of HiGHS, given the strong formulation with all pairs."""
    one, m = instance(name), len(instance(name).opening)
    least, most = (1, m) if one.p is None else (one.p, one.p)
    status = np.zeros(m, np.int8)
    pairs = listed(np.ascontiguousarray(one.cost), status)
    begun = time.perf_counter()
    found, _, _ = closed(
        pairs, one.demand, one.capacity, one.opening, status, least, most, one.single, Clock(limit),
        step=1.0 if one.single else 0.0,
    )  # fmt: skip
    apart = (found.objective - found.bound) / max(abs(found.objective), 1e-300)
    return {
        "seconds": time.perf_counter() - begun, "objective": found.objective, "bound": found.bound, "gap": apart,
        "proven": found.ending == "optimal",
    }  # fmt: skip


def _row(name: str, limit: float) -> list[str]:
    one = instance(name)
    ours = measured(f"{HERE}:potomac_task", name=name, limit=limit)
    theirs = measured(f"{HERE}:highs_task", name=name, limit=limit)
    size = f"{one.cost.shape[0]} x {one.cost.shape[1]}" + (f", p = {one.p}" if one.p is not None else "")
    known = f"{one.optimum:,.10g}" if np.isfinite(one.optimum) else ""
    ratio = markdown.times(theirs.value["seconds"] / ours.value["seconds"])
    return [name, size, known, *_columns(ours), *_columns(theirs), ratio]


def _columns(run: Measured) -> list[str]:
    told = run.value
    proven = "proven" if told["proven"] else f"{told['gap']:.2%}"
    return [f"{told['objective']:,.10g}", proven, markdown.seconds(told["seconds"]), f"{run.peak_mb:,.0f} MB"]


def main(argv: list[str] | None = None) -> str:
    """The benchmark as Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.location.capacitated", description=__doc__)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for each problem (default %(default)s)")
    parser.add_argument("--only", nargs="*", default=None, metavar="NAME", help="only these instances")
    options = parser.parse_args(argv)
    before = load()
    rows = [_row(name, options.limit) for name in names() if options.only is None or name in options.only]
    head = [
        "instance", "size", "known optimum", "Potomac", "gap", "time", "memory", "HiGHS, all pairs", "gap", "time",
        "memory", "ratio",
    ]  # fmt: skip
    return f"Load average {before} before and {load()} after.\n\n{markdown.table(head, rows)}\n"


if __name__ == "__main__":
    print(main())
