"""p-median of a million demand points and a hundred thousand candidates: a certified gap, time and memory.

``python -m benchmarks.location.large [--points N] [--candidates M] [--sites P] [--kinds even crowded sphere]``.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from benchmarks import markdown
from benchmarks.child import measured, peak_mb
from benchmarks.location.instances import Kind, drawn_points
from benchmarks.machine import load

HERE = "benchmarks.location.large"


def potomac_task(points: int, candidates: int, sites: int, kind: Kind, gap: float, limit: float) -> dict[str, Any]:
    """Seconds, objective, bound and peak memory."""
    from potomac.location import Nearby, p_median

    cost = Nearby(
        drawn_points(points, kind, 1), drawn_points(candidates, kind, 2), "sphere" if kind == "sphere" else "plane"
    )
    held, begun = peak_mb(), time.perf_counter()
    found = p_median(cost, sites, gap=gap, time_limit=limit)
    return {
        "seconds": time.perf_counter() - begun, "objective": found.objective, "bound": found.bound, "gap": found.gap,
        "status": found.status, "held": held,
    }  # fmt: skip


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="benchmarks.location.large", description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--kinds", nargs="+", default=["even", "crowded", "sphere"])
    parser.add_argument("--gap", type=float, default=0.01, help="gap at which to stop")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for one problem")
    given = parser.parse_args(argv)
    before, rows = load(), []
    for kind in given.kinds:
        run = measured(
            f"{HERE}:potomac_task", points=given.points, candidates=given.candidates, sites=given.sites, kind=kind,
            gap=given.gap, limit=given.limit,
        )  # fmt: skip
        v = run.value
        rows.append([
            kind, f"{v['objective']:,.6g}", f"{v['bound']:,.6g}", f"{v['gap']:.2%}", v["status"],
            markdown.seconds(v["seconds"]), f"{run.peak_mb:,.0f} MB",
        ])  # fmt: skip
    head = ["points", "objective", "bound", "gap", "status", "time", "memory, Python and all"]
    about = f"{given.points:,} demand points, {given.candidates:,} candidates, {given.sites} sites."
    return f"{about} Load average {before} before and {load()} after.\n\n{markdown.table(head, rows)}\n"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
