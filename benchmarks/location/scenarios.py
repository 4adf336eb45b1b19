"""Scenarios of the sketch network of Chicago: the best site of each and what the usual best one costs more.

``python -m benchmarks.location.scenarios [--scenarios N]``. The links of the network are drawn, or the matrix of times
by its common parts; without the network a grid of as many nodes stands for it. Every figure comes from a process of its
own; compiled loops are warm, as they are from the second run on a machine on.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from benchmarks import markdown
from benchmarks.child import measured
from benchmarks.location.networks import sketch
from benchmarks.machine import load
from potomac.location.question import Objective, Problem
from potomac.location.scenarios import Spread, over_roads, stability
from potomac.location.travel.network import RoadNetwork
from potomac.stats.streams import Stream

HERE = "benchmarks.location.scenarios"


def task(count: int, objective: Objective, p: int, roads: bool, threads: int) -> dict[str, Any]:
    """Seconds for the scenarios, how often the usual sites win and their regret."""
    links, zones = sketch()
    network = RoadNetwork(None, links, oneway=True)
    usual = network.between(zones, zones, 17)
    weight = Stream(0, ("benchmarks", "scenarios")).generator().gamma(1.0, 200.0, len(zones))
    sites = np.argsort(weight @ usual, kind="stable")[:1] if p == 1 else np.arange(0, len(zones), len(zones) // p)[:p]
    spread, problem = Spread(), Problem(objective)
    drawn = over_roads(network, zones, zones, spread, 17, ids=True) if roads else None

    def run(many: int) -> Any:
        return stability(usual, weight, sites, problem, count=many, spread=spread, drawn=drawn, threads=threads or None)

    run(4)
    begun = time.perf_counter()
    found = run(count)
    took = time.perf_counter() - begun
    return {"took": took, "unbeaten": found.unbeaten[0], "regret": found.mean_regret[0], "unit": found.unit}


TASKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("links drawn, one site, mean", {"objective": "minisum", "p": 1, "roads": True, "threads": 0}),
    ("the same on one thread", {"objective": "minisum", "p": 1, "roads": True, "threads": 1}),
    ("matrix drawn, one site, mean", {"objective": "minisum", "p": 1, "roads": False, "threads": 0}),
    ("matrix drawn, one site, attendance", {"objective": "attendance", "p": 1, "roads": False, "threads": 0}),
    ("matrix drawn, five sites, mean", {"objective": "minisum", "p": 5, "roads": False, "threads": 0}),
    ("matrix drawn, five sites, worst", {"objective": "minimax", "p": 5, "roads": False, "threads": 0}),
)


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks location.scenarios", description=__doc__)
    parser.add_argument("--scenarios", type=int, default=1000)
    count = parser.parse_args(argv).scenarios
    before, lines = load(), []
    for name, arguments in TASKS:
        run = measured(f"{HERE}:task", count=count, **arguments)
        v = run.value
        each = f"{1000 * v['took'] / count:.3g} ms"
        lines.append([name, markdown.seconds(v["took"]), each, f"{v['regret']:.3g} {v['unit']}", f"{run.peak_mb:,.0f}"])
    head = [f"{count:,} scenarios", "together", "each", "mean regret", "peak MB"]
    return f"Load average {before} before and {load()} after.\n\n{markdown.table(head, lines)}"


if __name__ == "__main__":
    import sys

    print(main(sys.argv[1:]))
