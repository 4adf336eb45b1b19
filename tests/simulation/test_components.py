"""Components: structures, standby, repair crews beside their closed forms, and what is refused."""

from __future__ import annotations

import json
from math import exp
from pathlib import Path
from typing import Any

import pytest

from potomac.errors import StudyError
from potomac.simulation import closed_forms
from potomac.simulation.distributions import deterministic, discrete, exponential, gamma, uniform, weibull
from potomac.simulation.model import Model
from potomac.simulation.output import Simulated

DATA = Path(__file__).parents[3] / "shared" / "data" / "simulation"


def within(run: Simulated, *measures: tuple[str, str], widths: float = 2.0) -> None:
    """Each measure has its exact value, no further than so many half-widths (of 95 %) from the mean."""
    for where, measure in measures:
        e = run.estimate(where, measure)
        assert e.exact is not None, (where, measure)
        assert abs(e.mean - e.exact) <= widths * e.half_width + 1e-12, e


def repairable(count: int, k: int, crews: int, suspended: bool = False, **more: Any) -> Model:
    m = (
        Model()
        .crew("fitters", crews)
        .component("pump", life=exponential(mean=100), repair=exponential(mean=2), count=count, crew="fitters", **more)
    )
    return m.system("plant", of="pump", k=k, suspended=suspended)


LONG = ("availability", "failures_per_time", "mean_up_time", "mean_down_time", "mean_down", "mttf")


@pytest.mark.parametrize("suspended", [False, True])
def test_two_out_of_three_with_one_crew_is_a_birth_death_chain(suspended: bool) -> None:
    run = repairable(3, 2, 1, suspended).run(seed=1, replications=40)
    within(run, *(("plant", name) for name in LONG))
    found = closed_forms.repairable_k_out_of_n(2, 3, 0.01, 0.5, 1, suspended=suspended)
    assert run.estimate("plant", "mttf").exact == pytest.approx(found.mttf)
    assert found.mttf == pytest.approx((0.03 + 0.02 + 0.5) / (0.03 * 0.02))  # (5 lambda + mu) / (6 lambda^2)


@pytest.mark.parametrize("dormant", [None, exponential(mean=200)])
def test_standby_with_repair_cold_and_warm(dormant: Any) -> None:
    run = repairable(3, 1, 1, running=1, dormant=dormant).run(seed=2, replications=40, until=400_000)
    within(run, ("plant", "availability"), ("plant", "mean_down"), ("plant", "mttf"), ("plant", "failures_per_time"))
    rate = 1 / 200 if dormant else 0.0
    found = closed_forms.repairable_k_out_of_n(1, 3, 0.01, 0.5, 1, standby_rate=rate)
    assert run.estimate("plant", "mttf").exact == pytest.approx(found.mttf)


def test_a_standby_system_is_a_component_with_running_units() -> None:
    a = Model().component("unit", life=exponential(mean=1), count=3, running=1).system("s", of="unit", k=1)
    b = Model().component("unit", life=exponential(mean=1), count=3).system("s", standby="unit")
    assert a.run(seed=4).estimate("s", "mttf") == b.run(seed=4).estimate("s", "mttf")
    within(a.run(seed=4), ("s", "mttf"))  # three lives one after the other: 3
    assert a.analytic()["s", "mttf"] == pytest.approx(3)


def test_a_switch_that_fails_ends_standby() -> None:
    m = Model().component("unit", life=exponential(mean=1), count=3, running=1, switch=0.9, dormant=exponential(mean=2))
    run = m.system("s", of="unit", k=1, times=[0.5]).run(seed=5)
    within(run, ("s", "mttf"))
    assert run.estimate("s", "mttf").exact == pytest.approx(closed_forms.standby_mttf(3, 1, 1, 0.5, 0.9))


def test_machines_and_their_repairman() -> None:
    m = Model().crew("man").component("machine", life=exponential(mean=100), repair=exponential(mean=1.5), count=60,
                                      crew="man")  # fmt: skip
    run = m.run(seed=1, replications=40)
    within(run, ("machine", "mean_down"), ("machine", "mean_down_time"), ("machine", "wait"), ("man", "utilization"))
    queue = run.estimate("machine", "queue_length")
    assert queue == run.estimate("man", "queue_length").__class__(**{**vars(run.estimate("man", "queue_length")),
                                                                     "where": "machine"})  # fmt: skip


def test_a_bridge_is_a_structure_whose_paths_share_components() -> None:
    """Reliability of a bridge of five alike: 2 p^2 + 2 p^3 - 5 p^4 + 2 p^5 (Barlow and Proschan 1975, ch. 1)."""
    m, p = Model(), 0.9
    for name in "abcde":
        m.component(name, reliability=p)
    for path in ("ad", "be", "ace", "bcd"):
        m.system(path, series=list(path))
    run = m.system("bridge", parallel=["ad", "be", "ace", "bcd"]).run(seed=1, replications=20)
    e = run.estimate("bridge", "reliability")
    assert e.low <= 2 * p**2 + 2 * p**3 - 5 * p**4 + 2 * p**5 <= e.high
    assert e.exact is None  # a component in two places is no tree


def test_nested_systems_of_independent_components_whatever_the_distributions() -> None:
    m = Model().component("pump", life=gamma(mean=10, cv=0.5), repair=uniform(0.5, 1.5), count=2)
    m.component("valve", life=weibull(2.0, 40.0), repair=exponential(mean=2))
    m.system("pumps", parallel="pump").system("plant", series=["pumps", "valve"])
    run = m.run(seed=3, replications=40)
    a, b = 10 / 11, (v := 40 * 0.886226925452758) / (v + 2)  # Gamma(3 / 2) is sqrt(pi) / 2
    assert run.estimate("plant", "availability").exact == pytest.approx((1 - (1 - a) ** 2) * b)
    within(
        run,
        *((name, x) for name in ("plant", "pumps") for x in ("availability", "failures_per_time", "mean_down_time")),
    )
    within(run, ("pump", "availability"), ("valve", "failures_per_time"))


def test_units_never_repaired_live_as_their_structure() -> None:
    m = Model().component("a", life=exponential(mean=1), count=5).system("s", of="a", k=3, times=[0.1, 1.0])
    run = m.run(seed=1)
    within(run, ("s", "mttf"), ("s", "reliability_at_0.1"), ("s", "reliability_at_1"))
    assert run.estimate("s", "mttf").exact == pytest.approx(1 / 5 + 1 / 4 + 1 / 3)
    assert {e.where for e in run.estimates} == {"s"}  # no long run: they all die


def test_a_series_fails_with_its_first_unit_and_time_is_counted_to_the_end() -> None:
    m = (
        Model()
        .component("a", life=deterministic(2.0), repair=deterministic(1.0))
        .component("b", life=deterministic(5.0))
    )
    run = m.system("s", series=["a", "b"]).run(until=10, replications=2, warmup=0)
    assert run.estimate("s", "mttf").mean == 2
    assert run.estimate("s", "availability").mean == pytest.approx(0.4)  # works in (0, 2) and (3, 5), b ends it
    assert run.estimate("a", "mean_up").mean == pytest.approx(0.7)
    assert run.estimate("a", "failures_per_time").mean == pytest.approx(0.3)


def test_nothing_fails_while_a_suspended_system_is_down() -> None:
    """a fails at 3 and is repaired for 2; b, which would fail at 4, does so at 6, is repaired for 1 till 7."""
    m = Model().component("a", life=discrete([3.0], [1.0]), repair=deterministic(2.0))
    m.component("b", life=deterministic(4.0), repair=deterministic(1.0))
    run = m.system("s", series=["a", "b"], suspended=True).run(until=8, replications=2, warmup=0)
    assert run.estimate("s", "availability").mean == pytest.approx((3 + 1 + 1) / 8)
    assert run.estimate("b", "mean_down").mean == pytest.approx(1 / 8)


def test_a_crew_with_priorities_takes_the_urgent_first() -> None:
    """All three fail at 1 and are repaired for 1 each, the two urgent ones after the first that is under way."""
    m = Model().crew("man", discipline="priority")
    m.component("late", life=deterministic(1.0), repair=deterministic(1.0), count=2, crew="man", priority=1)
    m.component("urgent", life=deterministic(1.0), repair=deterministic(1.0), crew="man", priority=0)
    run = m.run(until=3, replications=2, warmup=0)
    assert run.estimate("urgent", "queue_length").mean == pytest.approx(1 / 3)  # 1 to 2; first of late is under way
    assert run.estimate("late", "queue_length").mean == pytest.approx((1 + 1) / 3)  # the second one, 1 to 3


def test_replications_stand_alone_and_jobs_do_not_matter() -> None:
    one, two = (repairable(3, 2, 1).run(seed=9, replications=4, until=1000, jobs=n) for n in (1, 2))
    assert one.estimates == two.estimates
    many = repairable(3, 2, 1).run(seed=9, replications=8, until=1000)
    key = ("plant", "availability")
    assert many.values[key][:4].tolist() == one.values[key].tolist()


def test_a_system_that_hardly_fails_says_so() -> None:
    from potomac.simulation.executors import reliability

    m = (
        Model()
        .component("a", life=exponential(mean=1e4), repair=exponential(mean=1e-3), count=3)
        .system("s", parallel="a")
    )
    before, reliability.MOST = reliability.MOST, 10_000
    try:
        run = m.run(until=100, replications=2)
    finally:
        reliability.MOST = before
    assert any("not told" in note for note in run.notes)
    assert ("s", "mttf") not in run.values


def test_precision_of_the_mean_time_to_failure() -> None:
    run = repairable(3, 2, 1).run(precision=0.02, of="plant:mttf", until=5000, seed=2)
    e = run.estimate("plant", "mttf")
    assert run.reached
    assert e.half_width <= 0.02 * e.mean


@pytest.mark.realdata
def test_the_cases_of_reliability() -> None:
    cases = {c["id"]: c["truth"] for c in json.loads((DATA / "analytic.json").read_text(encoding="utf-8"))}
    m = Model().component("unit", reliability=0.9, count=5).system(of="unit", k=3)
    run = m.run(seed=7)
    within(run, ("system", "reliability"))
    assert run.estimate("system", "reliability").exact == pytest.approx(cases["A34"]["R"])
    m = Model().component("unit", life=exponential(mean=1), count=5).system(of="unit", k=3)
    assert m.analytic()["system", "mttf"] == pytest.approx(cases["A34"]["mttf_exp_rate1"])
    within(m.run(seed=7), ("system", "mttf"))
    run = repairable(3, 2, 1).run(seed=7, replications=40)
    within(run, ("plant", "availability"), ("plant", "mttf"))
    assert run.estimate("plant", "availability").exact == pytest.approx(cases["A36"]["availability"])
    assert run.estimate("plant", "mttf").exact == pytest.approx(cases["A36"]["mttf"])
    m = Model().crew("man").component("machine", life=exponential(mean=100), repair=exponential(mean=1.5), count=60,
                                      crew="man")  # fmt: skip
    run = m.run(seed=7, replications=40)
    within(run, ("machine", "mean_down"), ("machine", "mean_down_time"))
    assert run.estimate("machine", "mean_down").exact == pytest.approx(cases["A32"]["mean_down"])
    assert run.estimate("machine", "mean_down_time").exact == pytest.approx(cases["A32"]["W"])


BAD: list[tuple[str, str, Any]] = [
    ("simulation.component", "neither life nor reliability", lambda m: m.component("x")),
    ("simulation.component", "count", lambda m: m.component("x", life=1.0, count=0)),
    ("simulation.component", "run", lambda m: m.component("x", life=1.0, running=2)),
    ("simulation.negative", "can be -1", lambda m: m.component("x", life=uniform(-1, 2))),
    ("simulation.component", "nothing to repair", lambda m: m.component("x", life=1.0, crew="men")),
    ("simulation.component", "the switch is 2", lambda m: m.component("x", life=1.0, switch=2)),
    ("simulation.crew", "0 members", lambda m: m.crew("men", 0)),
    ("simulation.system", "no parts", lambda m: m.system()),
    ("simulation.system", "of", lambda m: m.system(of=["a"])),
    ("simulation.system", "twice", lambda m: m.system(series=["a", "a"])),
    ("simulation.unknown", "no component or system 'b'", lambda m: m.system(series=["a", "b"])),
    ("simulation.unknown", "no crew", lambda m: m.component("x", life=1.0, repair=1.0, crew="men")),
    ("simulation.system", "k is 4 of 2", lambda m: m.system(of=["a"], k=4)),
    ("simulation.system", "parts of themselves", lambda m: m.system("p", series=["q"]).system("q", series=["p"])),
    ("simulation.name", "two parts", lambda m: m.system("a", series=["a"])),
    ("simulation.mixed", "customers", lambda m: m.station("desk", service=1.0)),
    ("simulation.component", "in two ways", lambda m: m.component("x", life=1.0, running=1).system(standby=["x"])),
    ("simulation.component", "nothing stands by", lambda m: m.component("x", life=1.0, dormant=1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words", "build"), BAD)
def test_what_is_wrong_is_said(code: str, words: str, build: Any) -> None:
    model = Model().component("a", life=1.0, count=2)
    with pytest.raises(StudyError) as caught:
        build(model).run()
    assert code in {fault.code for fault in caught.value.faults}
    assert words in str(caught.value)


def test_reliability_at_a_time_of_a_series_is_the_product() -> None:
    m = (
        Model()
        .component("a", life=exponential(mean=10), repair=1.0)
        .component("b", life=exponential(mean=20), repair=1.0)
    )
    run = m.system("s", series=["a", "b"], times=[3.0]).run(until=1000, seed=1)
    assert run.estimate("s", "reliability_at_3").exact == pytest.approx(exp(-3 * (1 / 10 + 1 / 20)))
    within(run, ("s", "reliability_at_3"), ("s", "mttf"))
