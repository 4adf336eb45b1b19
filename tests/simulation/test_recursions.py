"""Lindley's and Kiefer and Wolfowitz's recursions: by hand, against their definition, and against the event loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from potomac.errors import NoAnswer
from potomac.simulation import distributions as of
from potomac.simulation.distributions import exponential, gamma, trace, uniform
from potomac.simulation.executors.execute import replicate
from potomac.simulation.executors.recursions import in_a_row, recur
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop import world
from potomac.simulation.loop.plan import planned
from potomac.simulation.model import Model
from potomac.stats.streams import Stream


def queue(servers: int = 1, service: Any = None, **source: Any) -> Model:
    m = Model().source("a", **{"interarrival": exponential(1.0), **source}, to="s")
    return m.station("s", servers=servers, service=service or exponential(0.9 * servers))


def row_of_three() -> Model:
    m = queue(service=gamma(mean=0.7, cv=0.4)).station("t", service=uniform(0, 1.5))
    m.station("u", servers=2, service=exponential(1.6))
    return m.route("s", "t").route("t", "u")


BOTH = [
    queue(), queue(servers=4), queue(servers=2, service=of.lognormal(1.5, 2.0)), queue(service=gamma(mean=0.8, cv=0.3)),
    row_of_three(), queue(interarrival=of.hyperexponential([0.2, 3.0], [0.7, 0.3]), service=of.weibull(0.8, 0.5)),
    queue(interarrival=None, trace=np.cumsum(np.linspace(0.1, 2.0, 500))), queue(stop=150.0),
    queue(servers=200, interarrival=exponential(0.02), service=exponential(3.8)),
]  # fmt: skip
NAMES = ["M/M/1", "M/M/4", "M/G/2", "M/G/1", "a row", "G/G/1", "trace", "doors", "M/M/200"]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("model", BOTH, ids=NAMES)
def test_both_executors_count_the_same_on_the_same_streams(model: Model, mirrored: bool) -> None:
    d = model.checked()
    plan, row, window = planned(d), in_a_row(d), Window.of(400.0, 30.0)
    assert row is not None
    for number in (0, 3):
        fast = recur(plan, row, number, window, Stream(7), (0.5, 0.9), mirrored, keep=True)
        slow = replicate(plan, number, window, Stream(7), (0.5, 0.9), mirrored, keep=True)
        assert fast.tally == pytest.approx(slow.tally, rel=1e-9, abs=1e-9)
        assert fast.quantiles == pytest.approx(slow.quantiles, rel=1e-9, nan_ok=True)
        assert fast.greatest[:, 0] == pytest.approx(slow.greatest[:, 0], rel=1e-9)  # the longest wait
        assert slow.unfinished == 0


def test_a_single_server_by_hand() -> None:
    """Arrivals 15, 47, 71, 111, 123, services 43, 36, 34, 30, 38: delays 0, 11, 23, 17, 35."""
    m = queue(interarrival=None, trace=[15, 47, 71, 111, 123], service=trace([43, 36, 34, 30, 38]))
    run = m.run(replications=2)
    assert run.values["s", "wait"].tolist() == [(0 + 11 + 23 + 17 + 35) / 5] * 2
    assert run.values["s", "time_in_station"][0] == pytest.approx((43 + 47 + 57 + 47 + 73) / 5)
    assert run.runs[0].end == 196  # 123 + 35 + 38


@pytest.mark.parametrize("servers", [1, 2, 3, 10])
def test_waits_are_those_of_the_definition(servers: int) -> None:
    """A customer begins when the first of c servers is free: the sorted workloads of Kiefer and Wolfowitz (1955)."""
    rng = np.random.default_rng(servers)
    times, services = np.cumsum(rng.exponential(size=300)), rng.gamma(0.5, 1.8 * servers, 300)
    work, last, total = np.zeros(servers), 0.0, 0.0
    for t, s in zip(times, services, strict=True):
        work = np.sort(np.maximum(work - (t - last), 0))
        total += work[0]
        work[0], last = work[0] + s, t
    m = queue(servers, trace(services), interarrival=None, trace=times)
    assert m.run(replications=2).values["s", "wait"][0] == pytest.approx(total / 300, rel=1e-9)


def station(**keys: Any) -> Model:
    m = Model().source("a", interarrival=exponential(1.0), to="s")
    return m.station("s", service=exponential(0.5), **keys)


@pytest.mark.parametrize(
    "model",
    [
        queue().route("s", {"s": 0.1, "exit": 0.9}),
        queue(batch=of.geometric(0.5)),
        queue(interarrival=None, rate=[1.0, 2.0], every=5.0),
        queue().source("b", interarrival=exponential(3.0), to="s"),
        station(capacity=3),
        station(patience=1.0),
        station(discipline="lcfs"),
        queue(servers=2).station("t", service=exponential(0.5)).route("s", "t"),
    ],
    ids=["a way back", "batches", "rates", "two sources", "room", "patience", "lcfs", "customers overtake"],
)
def test_what_is_no_row_is_left_to_the_event_loop(model: Model) -> None:
    assert in_a_row(model.checked()) is None


def test_memory_does_not_grow_with_the_customers() -> None:
    d = queue().checked()
    plan, row = planned(d), in_a_row(d)
    assert row is not None
    found = recur(plan, row, 0, Window.of(3e5), Stream(1))
    assert found.tally[0, :, world.ARRIVED].sum() == pytest.approx(3e5, rel=0.01)
    assert sum(x.nbytes for x in (found.tally, found.quantiles, found.greatest)) < 20_000


@pytest.mark.parametrize("executor", ["recursion", "loop"])
def test_a_trace_of_services_that_ends_too_soon_is_told(executor: str) -> None:
    m = queue(service=trace([0.5] * 20))
    if executor == "loop":
        m = m.source("b", interarrival=exponential(50.0), to="s")
    with pytest.raises(NoAnswer) as caught:
        m.run(until=100.0, warmup=0, replications=2)
    assert caught.value.faults[0].code == "simulation.trace-exhausted"
    assert "20" in caught.value.faults[0].found
