"""How often nominal 95 % intervals hold the exact value, over many seeds: by load, by model, by what was asked for.

    python -m benchmarks simulation.coverage [--seeds 1000] [--jobs 2] [--only NAME]

The exact values are closed forms, those of the column ``exact``. With
1000 seeds a coverage of 95 % is seen with a standard error of 0.7.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import sqrt
from time import perf_counter

import numpy as np

from benchmarks import markdown
from potomac.errors import NoAnswer
from potomac.simulation.distributions import (
    Distribution,
    deterministic,
    exponential,
    gamma,
    hyperexponential,
    lognormal,
)
from potomac.simulation.model import Model

MEASURES = (
    ("s", "wait"), ("s", "queue_length"), ("system", "time_in_system"), ("s", "wait_q90"), ("s", "utilization"),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A model, and how it is run."""

    name: str
    model: Callable[[], Model]
    asked: dict[str, object] = field(default_factory=dict)
    measures: tuple[tuple[str, str], ...] = MEASURES


def mm(load: float, servers: int = 1) -> Callable[[], Model]:
    """M/M/c whose services last 1 on average."""

    def made() -> Model:
        m = Model().source("a", interarrival=exponential(rate=load * servers), to="s")
        return m.station("s", servers=servers, service=exponential(1.0))

    return made


def mg(load: float, cv: float) -> Callable[[], Model]:
    """M/G/1 with gamma services."""

    def made() -> Model:
        m = Model().source("a", interarrival=exponential(rate=load), to="s")
        return m.station("s", service=gamma(mean=1.0, cv=cv))

    return made


def cases() -> Iterator[Case]:
    """What is measured."""
    for load in (0.5, 0.9, 0.95):
        scale = 2 / (1 - load) ** 2
        ways: tuple[tuple[str, dict[str, object]], ...] = (
            ("20 x 50 relaxation times", {"until": 50 * scale}),
            ("20 x 16", {"until": 16 * scale}),
            ("50 x 12", {"until": 12 * scale, "replications": 50}),
            ("5 x 60", {"until": 60 * scale, "replications": 5}),
            ("100 x 12", {"until": 12 * scale, "replications": 100}),
            ("one of 1000", {"until": 1000 * scale, "replications": 1}),
            ("to 5 %", {"until": 50 * scale, "precision": 0.05, "of": "wait"}),
        )
        for name, asked in ways:
            yield Case(f"M/M/1 at {load}: {name}", mm(load), asked)
        yield Case(f"M/M/3 at {load}: 20 x 50", mm(load, 3), {"until": 50 * scale / 3})
        yield Case(f"M/G/1, cv .5, at {load}: 20 x 50", mg(load, 0.5), {"until": 31 * scale})
        yield Case(f"M/G/1, cv 2, at {load}: 20 x 50", mg(load, 2.0), {"until": 125 * scale})
    for load in (0.5, 0.9):
        yield Case(f"M/M/1 at {load}: defaults", mm(load))
    yield Case("M/M/1 at 0.95: 20 until 1000", mm(0.95), {"until": 1000.0})
    yield Case("M/M/1 at 0.95: one until 10,000", mm(0.95), {"until": 10_000.0, "replications": 1})


def others() -> Iterator[Case]:
    """Other services and arrivals, classes, whole networks, rare things, stocks, machines, and days that end."""
    wait = (("s", "wait"),)
    yield Case("M/D/1 at 0.9", one(0.9, deterministic(1.0)), measures=(*wait, ("s", "wait_q90")))
    yield Case("M/H2/1, cv 3, at 0.9", one(0.9, uneven(3.0)), measures=wait)
    yield Case("M/lognormal/1, cv 2, at 0.8", one(0.8, lognormal(1.0, 2.0)), measures=wait)
    yield Case("D/M/1 at 0.9", lambda: Model().source("a", interarrival=1 / 0.9, to="s")
               .station("s", service=exponential(1.0)), measures=wait)  # fmt: skip
    yield Case("M/G/1 shared, cv 2, at 0.8", one(0.8, gamma(mean=1.0, cv=2.0), discipline="sharing"),
               measures=(("s", "time_in_station"),))  # fmt: skip
    for preemption in ("none", "resume"):
        yield Case(f"priority, {preemption}, at 0.9", two(preemption),
                   measures=(("s:lo", "wait"), ("s:hi", "wait"), ("lo", "time_in_system")))  # fmt: skip
    yield Case("three stations at 0.85", network, measures=(("system", "time_in_system"), ("z", "wait")))
    yield Case("M/M/1/12, hardly ever full", one(0.5, exponential(1.0), capacity=12), measures=(("s", "p_block"),))
    yield Case("M/M/5 at 0.3, few wait", lambda: Model().source("a", interarrival=exponential(rate=1.5), to="s")
               .station("s", servers=5, service=exponential(1.0)), measures=(("s", "p_wait"), *wait))  # fmt: skip
    yield Case("M/M/1/3, five times too many", one(5.0, exponential(1.0), capacity=3),
               measures=(("s", "p_block"), ("s", "p_wait")))  # fmt: skip
    yield Case("impatience", impatience, measures=(("s", "p_renege"), *wait, ("s", "wait_q90")))
    yield Case("(r, Q)", shelf, measures=(("k", "on_hand"), ("k", "backorders"), ("k", "p_stockout")))
    yield Case("two of three machines, one crew", machines, measures=(("sys", "availability"), ("sys", "mttf")))
    for n, runs in ((50, 5), (50, 10), (10, 10), (200, 10), (50, 20)):
        yield Case(f"{runs} days of {n} customers at 0.9", first(n), {"replications": runs}, wait)


def one(rate: float, service: Distribution, **station: object) -> Callable[[], Model]:
    """A single server with Poisson arrivals."""
    return lambda: (
        Model()
        .source("a", interarrival=exponential(rate=rate), to="s")
        .station(
            "s",
            service=service,
            **station,  # type: ignore[arg-type]
        )
    )


def uneven(cv: float) -> Distribution:
    """Hyperexponential of mean 1, both phases with the same load."""
    p = (1 + sqrt((cv * cv - 1) / (cv * cv + 1))) / 2
    return hyperexponential([1 / (2 * p), 1 / (2 - 2 * p)], [p, 1 - p])


def two(preemption: str) -> Callable[[], Model]:
    """Two classes at a load of .9."""
    return lambda: (
        Model().source("hi", interarrival=exponential(rate=0.45), to="s")
        .source("lo", interarrival=exponential(rate=0.45), to="s", priority=1)
        .station("s", service=exponential(1.0), discipline="priority", preemption=preemption)  # type: ignore[arg-type]
    )  # fmt: skip


def network() -> Model:
    """A line of three stations, with a way back."""
    m = Model().source("a", interarrival=exponential(rate=0.85), to="x").station("x", service=exponential(1.0))
    m.station("y", service=exponential(1.0)).station("z", servers=2, service=exponential(1.0))
    return m.route("x", "y").route("y", {"z": 0.8, "exit": 0.2}).route("z", {"z": 0.3, "exit": 0.7})


def impatience() -> Model:
    """Erlang A, overloaded."""
    m = Model().source("a", interarrival=exponential(rate=12.0), to="s")
    return m.station("s", servers=10, service=exponential(1.0), patience=exponential(1.0))


def shelf() -> Model:
    """(r, Q) with a fixed lead time."""
    return Model().source("d", interarrival=exponential(rate=5.0), to="k").stock("k", r=10, Q=20, lead=2.0)


def machines() -> Model:
    """Two of three must work."""
    m = Model().crew("men", 1).component("u", life=exponential(100.0), repair=exponential(2.0), count=3, crew="men")
    return m.system("sys", of="u", k=2)


def first(customers: int) -> Callable[[], Model]:
    """So many customers of an M/M/1 that begins empty: a day."""
    return lambda: (
        Model().source("a", interarrival=exponential(rate=0.9), to="s", limit=customers)
        .station("s", service=exponential(1.0))
    )  # fmt: skip


def held(case: Case, seed: int) -> tuple[list[float], list[float]] | None:
    """Whether each measure's interval holds, and its half-width over the mean; None where it was refused."""
    try:
        r = case.model().run(seed=seed, quantiles=(0.9,), **case.asked)  # type: ignore[arg-type]
    except NoAnswer:
        return None
    each = [r.estimate(*key) for key in case.measures]
    return [float("nan") if e.exact is None or e.low != e.low else float(not e.missed) for e in each], [
        e.half_width / e.mean if e.mean else float("nan") for e in each
    ]


def measured(case: Case, seeds: int, jobs: int) -> tuple[list[str], str, str, str]:
    """Shares held, half-width of the first measure, share refused, seconds."""
    from joblib import Parallel, delayed

    begun = perf_counter()
    found = Parallel(n_jobs=jobs)(delayed(held)(case, seed) for seed in range(seeds))
    seen = [f for f in found if f is not None]
    refused, seconds = f"{100 * (1 - len(seen) / len(found)):.1f} %", f"{perf_counter() - begun:.0f}"
    if not seen:
        return [""] * len(case.measures), "", refused, seconds
    cover = 100 * np.nanmean([f[0] for f in seen], axis=0)
    width = f"{100 * float(np.nanmean([f[1][0] for f in seen])):.1f} %"
    return [f"{c:.1f}" if c == c else "" for c in cover], width, refused, seconds


def main(argv: list[str] | None = None) -> str:
    """The two tables: M/M/c and M/G/1 by load and length, and other models as they run by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulation.coverage", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of a case's name")
    asked = parser.parse_args(argv)
    lines = []
    for case in cases():
        if asked.only in case.name:
            shares, width, refused, seconds = measured(case, asked.seeds, asked.jobs)
            lines.append([case.name, *shares, width, refused, seconds])
    head = [
        "case",
        "wait",
        "queue length",
        "time in system",
        "q90 of wait",
        "utilization",
        "half-width",
        "refused",
        "s",
    ]
    more = []
    for case in others():
        if asked.only in case.name:
            shares, width, refused, seconds = measured(case, asked.seeds, asked.jobs)
            named = ", ".join(
                f"{where} {measure} {share}" for (where, measure), share in zip(case.measures, shares, strict=True)
            )
            more.append([case.name, named, width, refused, seconds])
    tables = [markdown.table(head, lines)] if lines else []
    tables += [markdown.table(["case", "held (%)", "half-width", "refused", "s"], more)] if more else []
    return "\n\n".join(tables)


if __name__ == "__main__":
    print(main())
