"""How much memory a hundred million customers take above what an idle process has: the peak of each executor.

python -m benchmarks.simulation.memory [--customers 100000000]
"""

from __future__ import annotations

import argparse
import resource
from time import perf_counter

from potomac.simulation.distributions import exponential
from potomac.simulation.executors.execute import executor, replications
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.plan import Declared
from potomac.simulation.model import Model
from potomac.stats.streams import Stream

LIMIT = 50
"""Megabytes above the baseline that are allowed."""


def one(name: str) -> Declared:
    """M/M/1 at load .9, by the recursion; or with priorities, by the event loop."""
    m = Model(name).source("a", interarrival=exponential(1.0), to="s")
    return m.station("s", service=exponential(0.9), discipline="fcfs" if name == "recursion" else "random").checked()


def peak() -> float:
    """Most memory that the process ever had, megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=float, default=1e8)
    asked = parser.parse_args()
    print("| executor | customers | baseline, MB | above it, MB | allowed | million customers a second |")
    print("|---|---|---|---|---|---|")
    for name in ("recursion", "event loop"):
        model = one(name)
        assert (executor(model).__name__ == "replicate") == (name == "event loop")
        replications(model, [0], Window.of(1000.0), Stream(1), quantiles=(0.9,))  # compiled, or read from the cache
        before, begun = peak(), perf_counter()
        (r,) = replications(model, [0], Window.of(asked.customers), Stream(1), quantiles=(0.9,))
        came, spent = float(r.tally[0, :, 0].sum()), perf_counter() - begun
        print(f"| {name} | {came:,.0f} | {before:.0f} | {peak() - before:.1f} | {LIMIT} | {came / spent / 1e6:.1f} |")


if __name__ == "__main__":
    main()
