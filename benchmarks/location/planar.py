"""p-median among thousands of points: how near to the best, certified, in a minute.

``python -m benchmarks.location.planar [--limit S] [--problems NAME:P ...]``. Every point is demand and candidate, costs
are straight lines. ``POTOMAC_LOCATION_DATA`` names the folder with the points of TSPLIB.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np

from benchmarks import markdown
from benchmarks.child import measured, peak_mb
from benchmarks.location.instances import drawn_points, planar
from benchmarks.machine import load

HERE = "benchmarks.location.planar"

PROBLEMS = [*(f"{name}:{p}" for name in ("u1060", "fl1400", "rl5934") for p in (10, 100, 500)), "even13500:100"]


def potomac_task(name: str, p: int, limit: float) -> dict[str, Any]:
    """Seconds, objective, bound, and the objective of the sites counted anew."""
    from scipy.spatial import cKDTree

    from potomac.location import Nearby, p_median

    p_median(Nearby(drawn_points(300, "even", 1)), 5, time_limit=5)  # compiled loops are read from disk
    points = drawn_points(int(name[4:]), "even", 1) if name.startswith("even") else planar(name)
    begun = time.perf_counter()
    found = p_median(Nearby(points), p, time_limit=limit)
    seconds = time.perf_counter() - begun
    again = float(cKDTree(points[found.sites]).query(points)[0].sum())
    return {
        "seconds": seconds, "n": len(points), "objective": again, "bound": found.bound, "proven": found.proven,
        "apart": abs(again - found.objective) / again, "peak": peak_mb(),
    }  # fmt: skip


def _row(problem: str, limit: float) -> list[str]:
    name, _, p = problem.partition(":")
    v = measured(f"{HERE}:potomac_task", name=name, p=int(p), limit=limit).value
    if not np.isclose(v["apart"], 0.0, atol=1e-9):
        raise RuntimeError(f"{problem}: the objective is not that of the sites")
    gap = 0.0 if v["proven"] else (v["objective"] - v["bound"]) / v["objective"]
    told = "proven" if v["proven"] else f"{gap:.3%}"
    return [
        name, f"{v['n']:,}", p, f"{v['objective']:,.2f}", f"{v['bound']:,.2f}", told,
        markdown.seconds(v["seconds"]), f"{v['peak']:,.0f} MB",
    ]  # fmt: skip


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="benchmarks.location.planar", description=__doc__)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one problem")
    parser.add_argument("--problems", nargs="*", default=PROBLEMS, help="e.g. u1060:10 even13500:100")
    given = parser.parse_args(argv)
    before = load()
    rows = [_row(problem, given.limit) for problem in given.problems]
    head = ["points", "n", "p", "objective", "bound", "gap", "time", "memory, Python and all"]
    return f"Load average {before} before and {load()} after.\n\n{markdown.table(head, rows)}\n"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
