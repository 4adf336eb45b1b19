"""Nominal 95 % intervals hold the exact value about as often as they say: a small share of what is measured by

python -m benchmarks simulation.coverage, where 1000 seeds are looked at.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from potomac.simulation.distributions import deterministic, exponential, gamma
from potomac.simulation.estimates.estimate import Way, estimated
from potomac.simulation.model import Model

SEEDS = 60
LEAST = int(stats.binom(SEEDS, 0.95).ppf(1e-4))
"""What 60 intervals that hold 95 % fall below once in ten thousand times."""


def line(rate: float, **station: object) -> Model:
    return Model().source("a", interarrival=exponential(rate=rate), to="s").station("s", **station)  # type: ignore[arg-type]


def day(customers: int) -> Model:
    m = Model().source("a", interarrival=exponential(rate=0.9), to="s", limit=customers)
    return m.station("s", service=exponential(1.0))


def classes() -> Model:
    m = Model().source("hi", interarrival=exponential(rate=0.35), to="s")
    m.source("lo", interarrival=exponential(rate=0.35), to="s", priority=1)
    return m.station("s", service=exponential(1.0), discipline="priority")


def round_about() -> Model:
    m = Model().source("a", interarrival=exponential(rate=0.6), to="x").station("x", service=exponential(1.0))
    return m.station("y", service=exponential(1.0)).route("x", "y").route("y", {"x": 0.2, "exit": 0.8})


Key = tuple[str, str]
CASES: dict[str, tuple[Callable[[], Model], dict[str, object], tuple[Key, ...]]] = {
    "M/D/1": (lambda: line(0.7, service=deterministic(1.0)), {}, (("s", "wait"), ("s", "utilization"))),
    "M/G/1, cv 2": (lambda: line(0.5, service=gamma(mean=1.0, cv=2.0)), {}, (("s", "wait"), ("s", "p_wait"))),
    "M/M/1/12, hardly ever full": (lambda: line(0.5, service=exponential(1.0), capacity=12), {}, (("s", "p_block"),)),
    "M/M/1/3, five times too many": (
        lambda: line(5.0, service=exponential(1.0), capacity=3), {}, (("s", "p_block"), ("s", "p_wait")),
    ),
    "the less urgent": (classes, {}, (("s:lo", "wait"), ("lo", "time_in_system"))),
    "a network": (round_about, {}, (("system", "time_in_system"), ("y", "wait"))),
    "five days of 50": (lambda: day(50), {"replications": 5}, (("s", "wait"),)),
    "ten days of 10": (lambda: day(10), {"replications": 10}, (("s", "wait"),)),
    "ten days of 200": (lambda: day(200), {"replications": 10}, (("s", "wait"),)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_intervals_hold_what_is_exact(name: str) -> None:
    made, how, keys = CASES[name]
    m = made()
    runs = [m.run(seed=seed, quantiles=(), **how) for seed in range(SEEDS)]  # type: ignore[arg-type]
    for key in keys:
        each = [r.estimate(*key) for r in runs]
        assert sum(not e.missed for e in each) >= LEAST, key


def test_quantiles_of_few_days_have_no_interval() -> None:
    """A tenth of 10 days is seen; a hundredth of them is not."""
    r = day(50).run(seed=0, replications=10)
    near, far = r.estimate("s", "wait_q90"), r.estimate("s", "wait_q99")
    assert near.low <= near.mean <= near.high
    assert np.isfinite(far.mean)
    assert np.isnan([far.low, far.high, far.half_width]).all()
    assert any("wait_q99 of s" in note and "more replications" in note for note in r.notes)


def test_the_quantile_of_many_days_is_held() -> None:
    """The truth is that of 100,000 days by Lindley's recursion, whose own error is a fifth of an interval's."""
    g = np.random.default_rng(5)
    days, n = 100_000, 50
    waits = np.zeros((days, n))
    for i in range(1, n):
        waits[:, i] = np.maximum(waits[:, i - 1] + g.exponential(1.0, days) - g.exponential(1 / 0.9, days), 0.0)
    truth = float(np.quantile(waits, 0.9))
    each = [day(n).run(seed=seed, replications=20, quantiles=(0.9,)).estimate("s", "wait_q90") for seed in range(SEEDS)]
    assert sum(e.low <= truth <= e.high for e in each) >= LEAST


def test_what_was_always_seen_may_not_be_so() -> None:
    """Servers that were never idle in the runs are idle in fewer than 3 of so many services (Hanley 1983)."""
    r = line(5.0, service=exponential(2.0), servers=4, capacity=20).run(seed=1, quantiles=())
    for measure in ("utilization", "p_wait"):
        e = r.estimate("s", measure)
        assert e.mean == 1.0
        assert e.exact is not None
        assert e.low < e.exact < 1.0
        assert not e.missed
    up = estimated(("system", "availability"), np.ones(20), 1 - 1e-8, Way(), trials=1e6)
    assert (up.mean, up.high) == (1.0, 1.0)
    assert up.low == pytest.approx(1 + np.log(0.05) / 1e6)
    never = estimated(("s", "p_block"), np.zeros(20), None, Way(), trials=100)
    assert (never.low, never.high) == (0.0, pytest.approx(-np.log(0.05) / 100))


def test_long_services_that_rule_the_waits_are_told() -> None:
    from potomac.simulation.distributions import lognormal, pareto
    from potomac.simulation.estimates.tails import fourth_moment

    assert fourth_moment(pareto(6.0, 1.0)) == pytest.approx(6 / 2 / (6 / 5) ** 4)  # E X^n = a / (a - n)
    assert fourth_moment(pareto(3.5, 1.0)) == np.inf
    assert fourth_moment(lognormal(2.0, 4.0)) == pytest.approx(5.0**6)
    told = line(0.3, service=lognormal(1.0, 4.0)).run(seed=0, replications=4, until=20_000.0).notes
    assert any(note.startswith("A few long services of s, lognormal") for note in told)
    plain = line(0.3, service=lognormal(1.0, 1.0)).run(seed=0).notes
    assert not any("long services" in note for note in plain)
