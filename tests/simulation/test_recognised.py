"""What is exactly known of declared models: by the textbook, against the event loop, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log

import pytest

from potomac.simulation import closed_forms as exact
from potomac.simulation.distributions import (
    Distribution,
    discrete,
    erlang,
    exponential,
    gamma,
    trace,
    uniform,
    weibull,
)
from potomac.simulation.model import Model
from potomac.simulation.recognised import recognised

Known = dict[tuple[str, str], float]


def known(m: Model) -> Known:
    return recognised(m.checked())


def one(rate: float = 0.8, **station: object) -> Model:
    """Poisson arrivals at one station."""
    return Model().source("a", interarrival=exponential(rate=rate), to="s").station("s", **station)  # type: ignore[arg-type]


def two(rates: tuple[float, float], urgent: int = 0, **station: object) -> Model:
    """Two kinds of customers at one station; ``urgent`` is how much less urgent the second is."""
    m = Model().source("vip", interarrival=exponential(rate=rates[0]), to="s")
    m.source("std", interarrival=exponential(rate=rates[1]), to="s", priority=urgent)
    return m.station("s", **station)  # type: ignore[arg-type]


MIXED = {"vip": gamma(mean=1, cv=0.5), "std": exponential(1.5)}
WIDE = gamma(mean=1, cv=2.0)


def fed(interarrival: object, batch: Distribution | None = None, **station: object) -> Model:
    """One source that is no Poisson process, or brings groups."""
    return Model().source("a", interarrival=interarrival, to="s", batch=batch).station("s", **station)  # type: ignore[arg-type]


def three() -> Model:
    m = Model().source("a", interarrival=exponential(1.0), to="x")
    m.station("x", service=exponential(0.5)).station("y", service=exponential(1 / 1.5))
    m.station("z", service=exponential(1 / 1.5)).route("x", {"y": 0.6, "z": 0.4})
    return m.route("y", {"z": 0.5, "exit": 0.5}).route("z", {"x": 0.1, "exit": 0.9})


def product_form() -> Model:
    """Two kinds on ways of their own, a shared station and a line of two servers."""
    m = Model().source("a", interarrival=exponential(1.0), to="x").source("b", interarrival=exponential(2.0), to="y")
    m.station("x", service={"a": uniform(0, 1), "b": exponential(0.4)}, discipline="sharing")
    m.station("y", service=exponential(0.4), servers=2)
    m.route("x", "y", kind="a").route("y", "exit", kind="a")
    return m.route("y", {"x": 0.5, "exit": 0.5}, kind="b").route("x", "exit", kind="b")


def round_trip() -> Model:
    m = Model().source("a", population=10, to="out")
    m.station("out", servers=inf, service=uniform(0, 2)).station("x", service=exponential(0.2))
    m.station("y", service=exponential(0.5), servers=2).route("out", "x")
    return m.route("x", {"y": 0.5, "out": 0.5}).route("y", "out")


def store(rate: float, **stock: object) -> Model:
    return Model().source("d", interarrival=exponential(rate=rate), to="shelf").stock("shelf", **stock)  # type: ignore[arg-type]


SIMULATED: dict[str, Callable[[], Model]] = {
    "M/M/3": lambda: one(2.4, servers=3, service=exponential(1.0)),
    "M/M/3 at random": lambda: one(2.4, servers=3, service=exponential(1.0), discipline="random"),
    "M/G/1, last first": lambda: one(service=gamma(mean=1, cv=0.5), discipline="lcfs"),
    "M/D/3": lambda: one(2.4, servers=3, service=1.0),
    "M/G/2 shared": lambda: one(1.4, servers=2, service=WIDE, discipline="sharing"),
    "M/G/1, newest at once": lambda: one(0.7, service=WIDE, discipline="lcfs", preemption="resume"),
    "M/G/inf": lambda: one(5.0, servers=inf, service=uniform(0, 2)),
    "M/M/2/5": lambda: one(2.0, servers=2, service=exponential(1.0), capacity=5),
    "M/G/3/3": lambda: one(2.0, servers=3, service=WIDE, capacity=3),
    "Erlang A": lambda: one(2.4, servers=2, service=exponential(1.0), patience=exponential(2.0)),
    "two kinds, one line": lambda: two((0.3, 0.3), service=MIXED),
    "two kinds shared": lambda: two((0.3, 0.3), service={"vip": WIDE, "std": exponential(1.5)}, discipline="sharing"),
    "priority": lambda: two((0.3, 0.3), 1, service=MIXED, discipline="priority"),
    "preemptive": lambda: two((0.3, 0.3), 1, service=MIXED, discipline="priority", preemption="resume"),
    "priority at two": lambda: two((0.8, 0.8), 1, servers=2, service=exponential(1.0), discipline="priority"),
    "preemptive at two": lambda: two(
        (0.8, 0.8), 1, servers=2, service=exponential(1.0), discipline="priority", preemption="resume"
    ),
    "D/M/1": lambda: fed(1.25, service=exponential(1.0)),
    "E2/M/3": lambda: fed(erlang(2, 0.5), service=exponential(1.0), servers=3),
    "discrete/M/1": lambda: fed(discrete([0.5, 2.5], [0.5, 0.5]), service=exponential(1.0)),
    "groups": lambda: fed(exponential(4.0), discrete([1, 3, 5], [0.5, 0.3, 0.2]), service=gamma(mean=1, cv=0.5)),
    "Jackson": three,
    "product form": product_form,
    "closed": round_trip,
    "(r, Q)": lambda: store(5.0, r=10, Q=20, lead=2.0, holding=1, shortage=5, order=10, unit=2),
    "(s, S)": lambda: store(30.0, s=20, S=80),
    "base stock": lambda: store(3.0, base=4, lead=uniform(0, 2)),
    "base stock, lost": lambda: store(3.0, base=4, lead=uniform(0, 2), lost=True, penalty=3),
}  # fmt: skip


@pytest.mark.parametrize("name", SIMULATED)
def test_the_event_loop_agrees(name: str) -> None:
    """Each exact value lies within six standard errors of the simulated one, or a five-hundredth of it."""
    m = SIMULATED[name]()
    told = known(m)
    run = m.run(until=2500.0, replications=16, warmup=250.0, seed=5)
    found = {(row["where"], row["measure"]): row for row in run.measures.to_pylist()}
    assert len(told) >= 9
    assert set(told) <= set(found)
    for key, value in told.items():
        error = found[key]["half_width"] / 2.131  # Student's 97.5 % point, 15 degrees of freedom
        assert abs(found[key]["mean"] - value) <= max(6 * error, abs(value) / 500, 1e-9), key


# ---- by the textbook ------------------------------------------------------------------------------------------------


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-10, abs=1e-12)


def test_mm1_is_told_whole() -> None:
    told = known(one(0.75, service=exponential(1.0)))
    assert told["s", "wait"] == near(3.0)
    assert told["s", "time_in_station"] == told["system", "time_in_system"] == near(4.0)
    assert told["s", "queue_length"] == near(2.25)
    assert told["s", "wait_q90"] == near(4 * log(7.5))
    assert told["s", "utilization"] == told["s", "busy_servers"] == near(0.75)
    assert told["system", "p_lost"] == 0.0


@pytest.mark.parametrize(
    "service", [exponential(1.0), gamma(shape=1, scale=1.0), weibull(1.0, 1.0), erlang(1, 1.0)], ids=lambda d: d.family
)
def test_the_exponential_has_many_names(service: Distribution) -> None:
    assert known(one(1.5, servers=2, service=service))["s", "wait"] == near(exact.mmc(1.5, 1.0, 2).wait)
    arrivals = Model().source("a", interarrival=service, to="s").station("s", service=uniform(0, 1))
    assert known(arrivals)["s", "wait"] == near(exact.mg1(1.0, 0.5, 1 / 12).wait)


def test_a_station_that_is_fed_by_poisson_departures_is_known() -> None:
    """Burke (1956): what leaves M/M/c is Poisson; what leaves M/G/1 is not."""
    m = Model().source("a", interarrival=exponential(1.0), to="x").station("x", service=exponential(0.5))
    m.station("y", service=uniform(0, 1.4)).station("z", service=exponential(0.5)).route("x", "y").route("y", "z")
    told = known(m)
    assert told["y", "wait"] == near(exact.mg1(1.0, 0.7, 1.4**2 / 12).wait)
    assert ("x", "wait") in told
    assert not any(where in ("z", "system") for where, measure in told if measure not in LOADS)
    assert told["z", "utilization"] == near(0.5)


def test_machine_repair_is_a_closed_network() -> None:
    m = Model().source("machines", population=20, to="work").station("work", servers=inf, service=exponential(100.0))
    m.station("shop", service=exponential(8.0), servers=2).route("work", "shop").route("shop", "work")
    told, expected = known(m), exact.machine_repair(20, 0.01, 1 / 8, 2)
    assert told["shop", "number_in_station"] == near(expected.mean_down)
    assert told["shop", "wait"] == near(expected.station.wait)
    assert told["shop", "utilization"] == near(expected.station.utilization)
    assert told["work", "number_in_station"] == near(expected.mean_running)


def test_quantiles_near_the_share_of_those_who_do_not_wait_are_not_told() -> None:
    told = known(
        one(0.5, service=exponential(1.0))
    )  # half of them do not wait: the median is 0, and a hair beyond it is not
    assert ("s", "wait_q50") not in told
    assert told["s", "wait_q90"] == near(2 * log(5))


def test_costs_add_up() -> None:
    told = known(store(5.0, r=10, Q=20, lead=2.0, holding=1, shortage=5, order=10, unit=2))
    expected = exact.rq(10, 20, 5.0, 2.0)
    assert told["shelf", "cost_per_time"] == near(expected.on_hand + 5 * expected.backorders + 10 / 4 + 2 * 5)
    assert told["shelf", "order_size"] == near(20.0)
    assert told["shelf", "wait"] == near(expected.backorders / 5)
    lost = known(store(3.0, base=2, lead=1.0, lost=True, penalty=4))
    B = (3.0**2 / 2) / (1 + 3 + 3.0**2 / 2)
    assert lost["shelf", "cost_per_time"] == near(4 * 3 * B)
    assert lost["shelf", "fill_rate"] == near(1 - B)


def test_a_kind_that_takes_longer_waits_no_longer_in_line() -> None:
    told = known(two((0.3, 0.3), service=MIXED))
    W0 = (0.3 * (1 + 0.25) + 0.3 * 2 * 1.5**2) / 2
    assert told["s:vip", "wait"] == told["s:std", "wait"] == near(W0 / (1 - 0.75))
    assert told["s:std", "time_in_station"] == near(W0 / 0.25 + 1.5)
    assert told["std", "number_in_system"] == near(0.3 * (W0 / 0.25 + 1.5))


# ---- nothing where nothing is known ---------------------------------------------------------------------------------

UNKNOWN: dict[str, Callable[[], Model]] = {
    "M/G/2": lambda: one(1.5, servers=2, service=uniform(0, 2)),
    "G/G/1": lambda: fed(uniform(0.5, 2), service=uniform(0, 2)),
    "D/G/1": lambda: fed(1.2, service=uniform(0, 2)),
    "a trace": lambda: one(service=trace([1.0, 2.0, 0.5])),
    "priority that repeats": lambda: two((0.3, 0.3), 1, service=MIXED, discipline="priority", preemption="repeat"),
    "two means, two servers": lambda: two(
        (0.3, 0.3), service={"vip": exponential(1.0), "std": exponential(2.0)}, servers=2
    ),
    "a calendar": lambda: one(service=exponential(1.0), calendar=[(8.0, 2), (16.0, 1)]),
    "servers that fail": lambda: one(service=exponential(1.0), uptime=exponential(100.0), repair=uniform(0, 10)),
    "some turn back": lambda: one(service=uniform(0, 2), balk=5),
    "patience and service that are not exponential": lambda: one(service=uniform(0, 2), patience=2.0),
    "patience, last first": lambda: one(service=exponential(1.0), patience=2.0, discipline="lcfs"),
    "room and patience": lambda: one(service=uniform(0, 2), patience=exponential(2.0), capacity=4),
    "doors close": lambda: (
        Model().source("a", interarrival=exponential(2.0), to="s", stop=100).station("s", service=1.0)
    ),
    "an unstable station": lambda: one(1.2, service=exponential(1.0)),
    "feedback to M/G/1": lambda: one(0.5, service=uniform(0, 2)).route("s", {"s": 0.2, "exit": 0.8}),
    "the shortest queue": lambda: (
        Model().source("a", interarrival=exponential(1.0), to="x").station("x", service=0.1)
        .station("y", service=1.0).station("z", service=1.0).route("x", ["y", "z"])
    ),
    "demand of several": lambda: store(2.0, r=10, Q=20, lead=1.0, quantity=discrete([2, 4], [0.5, 0.5])),
    "demand of parts": lambda: store(2.0, r=10, Q=20, lead=1.0, quantity=uniform(0, 2)),
    "periodic review, lost": lambda: store(2.0, s=3, S=9, review=1.0, lost=True),
    "lots with a random lead time": lambda: store(2.0, r=10, Q=20, lead=exponential(1.0)),
    "lots, lost": lambda: store(2.0, r=20, Q=20, lead=1.0, lost=True),
}  # fmt: skip


LOADS = {"throughput", "utilization", "busy_servers", "availability", "p_block", "p_renege", "p_balk", "p_lost"}


@pytest.mark.parametrize("name", UNKNOWN)
def test_nothing_is_told_that_is_not_known(name: str) -> None:
    """How much comes, and how busy servers are, is known of all that lose nobody."""
    told = {key for key in known(UNKNOWN[name]()) if key[1] not in LOADS}
    if name == "the shortest queue":
        assert {where for where, _ in told} == {"x"}
    else:
        assert told == set()


def test_who_overflows_is_no_poisson_process() -> None:
    m = Model().source("a", interarrival=exponential(1.0), to="x").source("b", interarrival=exponential(4.0), to="y")
    m.station("x", service=exponential(1.0), capacity=1, overflow="y").station("y", service=exponential(0.5))
    assert {where for where, _ in known(m)} == {"x"}
    assert known(m)["x", "p_block"] == near(0.5)


def test_several_kinds_that_go_round_are_not_known() -> None:
    m = Model().source("a", population=3, to="x").source("b", population=2, to="x")
    assert known(m.station("x", service=exponential(1.0)).route("x", "x")) == {}


def test_a_closed_network_has_all_its_customers() -> None:
    told = known(round_trip())
    assert sum(told[place, "number_in_station"] for place in ("out", "x", "y")) == near(10.0)
    assert told["y", "throughput"] == near(told["x", "throughput"] / 2)


def test_waits_of_large_systems_are_quick_to_tell() -> None:
    told = known(one(9_900.0, servers=10_000, service=exponential(1.0)))
    # Halfin and Whitt (1981), beta = (1 - rho) sqrt(c) = 1: P(W > 0) near 1 / (1 + beta Phi(beta) / phi(beta)) = .2234
    assert told["s", "p_wait"] == pytest.approx(0.2234, abs=3e-3)
    assert ("s", "wait") not in known(one(9.9e8, servers=10**9, service=exponential(1.0)))
