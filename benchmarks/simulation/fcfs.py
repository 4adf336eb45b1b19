"""First come, first served by recursions beside SimPy: customers a second of G/G/1 and G/G/10, at load .9.

``python -m benchmarks simulation.fcfs [--customers N]``. Times between arrivals are exponential, or gamma (cv .7);
services are exponential, or lognormal (cv .8). SimPy draws them by Python's ``random``. Each side runs in a process of
its own; compiled loops are warm. Ratios are of processor time a customer. Mean waits must agree within 99.9 %
intervals, or the run fails.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from math import log, sqrt
from typing import Any

from benchmarks import markdown
from benchmarks.child import measured
from benchmarks.machine import load
from benchmarks.simulation.kernel import CONFIDENCE, agreeing, interval, timed
from potomac.simulation.distributions import exponential, gamma, lognormal
from potomac.simulation.executors.execute import executor
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.plan import planned
from potomac.simulation.loop.world import WAIT, WAITS
from potomac.simulation.model import Model
from potomac.stats.streams import Stream

HERE = "benchmarks.simulation.fcfs"
LOAD, SHAPE, SPREAD = 0.9, 1 / 0.7**2, 0.8
MORE = 200
"""So many times more customers for Potomac than for SimPy."""


def declared(law: str, servers: int) -> Model:
    """Services last ``servers`` on average, and a customer comes every 1 / .9."""
    gap, mean = 1 / LOAD, float(servers)
    between = exponential(gap) if law == "M/M" else gamma(SHAPE, gap / SHAPE)
    service = exponential(mean) if law == "M/M" else lognormal(mean, SPREAD * mean)
    m = Model().source("a", interarrival=between, to="s")
    return m.station("s", servers=servers, service=service)


def potomac_task(law: str, servers: int, customers: float, runs: int) -> dict[str, Any]:
    """The recursion that Potomac chooses by itself."""
    model = declared(law, servers).checked()
    plan, stream, window = planned(model), Stream(1), Window.of(customers / LOAD)
    recursion = executor(model)
    assert recursion.__name__ != "replicate", "the event loop was chosen"

    def one(number: int) -> dict[str, float]:
        tally = recursion(plan, number, window, stream, (0.5, 0.9, 0.99)).tally[0].sum(0)
        return {"wait": float(tally[WAIT] / tally[WAITS])}

    return timed(runs, one, lambda: recursion(plan, 0, Window.of(100.0), stream, (0.5,)))


def simpy_task(law: str, servers: int, customers: float, runs: int) -> dict[str, Any]:
    until = customers / LOAD
    return timed(runs, lambda n: simpy_queue(law, servers, until, n), lambda: simpy_queue(law, servers, 10.0, 0))


def simpy_queue(law: str, servers: int, until: float, seed: int) -> dict[str, float]:
    import simpy

    draw, env, waits, served = random.Random(seed), simpy.Environment(), 0.0, 0
    desk = simpy.Resource(env, servers)
    between, service = laws(draw, law, servers)

    def customer() -> Any:
        nonlocal waits, served
        came = env.now
        with desk.request() as turn:
            yield turn
            waits += env.now - came
            served += 1
            yield env.timeout(service())

    def source() -> Any:
        while True:
            yield env.timeout(between())
            env.process(customer())

    env.process(source())
    env.run(until)
    return {"wait": waits / max(served, 1)}


def laws(draw: random.Random, law: str, servers: int) -> tuple[Callable[[], float], Callable[[], float]]:
    """What SimPy's processes draw."""
    gap, mean = 1 / LOAD, float(servers)
    if law == "M/M":
        return (lambda: draw.expovariate(LOAD)), (lambda: draw.expovariate(1 / mean))
    variance = log(1 + SPREAD**2)
    mu, sigma = log(mean) - variance / 2, sqrt(variance)
    return (lambda: draw.gammavariate(SHAPE, gap / SHAPE)), (lambda: draw.lognormvariate(mu, sigma))


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulation.fcfs", description=__doc__)
    parser.add_argument("--customers", type=float, default=20_000, help="of a replication of SimPy")
    parser.add_argument("--runs", type=int, default=10, help="replications of each")
    given = parser.parse_args(argv)
    before, lines, wrong = load(), [], []
    for law in ("M/M", "G/G"):
        for servers, target in ((1, 1000.0), (10, 300.0)):
            asked = {"law": law, "servers": servers, "runs": given.runs}
            many = MORE * given.customers
            ours = measured(f"{HERE}:potomac_task", customers=many, **asked).value
            theirs = measured(f"{HERE}:simpy_task", customers=given.customers, **asked).value
            each = [ours["processor"] / many / given.runs, theirs["processor"] / given.customers / given.runs]
            wrong += [f"{law}/{servers}, {w}" for w in agreeing(ours["answers"], theirs["answers"])]
            waits = [" ± ".join(f"{x:.4g}" for x in interval(side["answers"]["wait"])) for side in (ours, theirs)]
            lines.append([
                f"{law}/{servers}", f"{1e-6 / each[0]:.3g}", f"{1e-6 / each[1]:.3g}", markdown.times(each[1] / each[0]),
                markdown.times(target), *waits,
            ])  # fmt: skip
    if wrong:
        raise SystemExit("answers do not agree: " + "; ".join(wrong))
    head = ["queue", "million customers a second, Potomac", "SimPy", "ratio", "to be reached", "mean wait, Potomac",
            "SimPy"]  # fmt: skip
    told = (
        f"Load average {before} before and {load()} after. All answers agree within {100 * CONFIDENCE:.4g} % intervals."
    )
    return f"{told}\n\n{markdown.table(head, lines)}"


if __name__ == "__main__":
    import sys

    print(main(sys.argv[1:]))
