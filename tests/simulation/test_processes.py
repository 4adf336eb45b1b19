"""The user's own processes in SimPy: the event loop's numbers, closed forms, and what is said of faulty code."""

from __future__ import annotations

import inspect
import threading
from math import exp, factorial, log
from typing import Any

import numpy as np
import pytest
import simpy

from potomac.errors import NoAnswer, StudyError
from potomac.simulation import processes
from potomac.simulation.books import Draws
from potomac.simulation.distributions import deterministic, exponential, trace, uniform
from potomac.simulation.executors.replication import Window
from potomac.simulation.model import Model
from potomac.simulation.processed import Processed, memory, simulate_processes
from potomac.simulation.processes import World, observe
from potomac.stats.streams import Stream


def arrivals(world: World, name: str, rate: float, come: Any) -> Any:
    """A Poisson source, whose stream is called as that of a declared source."""
    while True:
        yield world.timeout(world.draw(f"{name}/interarrival", exponential(rate=rate)))
        world.process(come())


def clinic(world: World) -> None:
    desk = world.resource("desk", capacity=2)

    def patient() -> Any:
        with world.customer(), desk.request() as turn:
            yield turn
            yield world.timeout(world.draw("desk/service", exponential(mean=1.5)))

    world.process(arrivals(world, "walkin", 1.0, patient))


def declared() -> Model:
    m = Model().source("walkin", interarrival=exponential(rate=1.0), to="desk")
    return m.station("desk", servers=2, service=exponential(mean=1.5))


def test_streams_and_counting_are_those_of_the_event_loop() -> None:
    asked: dict[str, Any] = {"until": 500.0, "warmup": 100.0, "replications": 6, "seed": 7}
    own, loop = simulate_processes(clinic, **asked), declared().run(**asked)
    for key, values in own.values.items():
        if key != ("desk", "p_renege") and key in loop.values:
            np.testing.assert_allclose(values, loop.values[key], rtol=1e-9, err_msg=str(key))
    assert {("desk", "wait"), ("system", "time_in_system"), ("desk", "utilization"), ("desk", "wait_q90")} < {
        *own.values
    }


def test_two_servers_as_erlang_has_it() -> None:
    # M/M/2, offered load 1.5: C = (a^2/2!)(2/(2 - a)) / (1 + a + (a^2/2!)(2/(2 - a))) = 9/14; W = C E[S] / (2 - a).
    r = simulate_processes(clinic, until=2000, replications=20, seed=1, confidence=0.99)
    wait, late, used = (r.estimate("desk", m) for m in ("wait", "p_wait", "utilization"))
    assert wait.low < 9 / 14 * 1.5 / 0.5 < wait.high
    assert late.low < 9 / 14 < late.high
    assert used.low < 0.75 < used.high
    assert r.warmup.steady
    assert r.warmup.time > 0
    assert r.measures.column_names[:3] == ["where", "measure", "mean"]


def urgent(world: World) -> None:
    desk = world.resource("desk", priority=True)

    def somebody(kind: str, level: int) -> Any:
        def come() -> Any:
            with world.customer(kind), desk.request(priority=level) as turn:
                yield turn
                yield world.timeout(world.draw("desk/service", exponential(mean=1.0)))

        return come

    world.process(arrivals(world, "vip", 0.3, somebody("vip", 0)))
    world.process(arrivals(world, "other", 0.4, somebody("other", 1)))


def test_priorities_as_the_event_loop_has_them() -> None:
    m = Model().source("vip", interarrival=exponential(rate=0.3), to="desk", priority=0)
    m.source("other", interarrival=exponential(rate=0.4), to="desk", priority=1)
    m.station("desk", service=exponential(mean=1.0), discipline="priority")
    asked: dict[str, Any] = {"until": 400.0, "warmup": 50.0, "replications": 4, "seed": 2}
    own, loop = simulate_processes(urgent, **asked), m.run(**asked)
    for key in (("desk:vip", "wait"), ("desk:other", "wait"), ("vip", "time_in_system"), ("desk", "queue_length")):
        np.testing.assert_allclose(own.values[key], loop.values[key], rtol=1e-9)


def interrupted(world: World) -> None:
    desk = world.resource("desk", preemptive=True)

    def somebody(kind: str, level: int) -> Any:
        def come() -> Any:
            left = world.draw("desk/service", exponential(mean=1.0))
            with world.customer(kind), desk.visit():
                while left > 0:
                    with desk.request(priority=level) as turn:
                        try:
                            yield turn
                            begun = world.now
                            yield world.timeout(left)
                            left = 0.0
                        except simpy.Interrupt:
                            left -= world.now - begun

        return come

    world.process(arrivals(world, "vip", 0.3, somebody("vip", 0)))
    world.process(arrivals(world, "other", 0.4, somebody("other", 1)))


def test_whoever_is_interrupted_stays_on_one_visit() -> None:
    # Preemptive resume, M/M/1: T1 = E[S]/(1 - r1), T2 = (E[S](1 - r1 - r2) + R)/((1 - r1)(1 - r1 - r2)),
    # R = (r1 + r2) E[S].
    r = simulate_processes(interrupted, until=3000, replications=10, seed=5, confidence=0.99)
    vip, other = r.estimate("desk:vip", "time_in_station"), r.estimate("desk:other", "time_in_station")
    assert vip.low < 1 / 0.7 < vip.high
    assert other.low < (0.3 + 0.7) / (0.7 * 0.3) < other.high
    inside, busy = r.estimate("desk", "number_in_station"), r.estimate("desk", "busy_servers")
    assert inside.low < 0.7 / 0.3 < inside.high  # M/M/1 at load .7, whoever is interrupted
    assert busy.low < 0.7 < busy.high
    assert r.estimate("desk", "p_preempt").mean == 0


def test_requests_that_are_interrupted_without_a_visit_are_counted() -> None:
    def model(world: World) -> None:
        desk = world.resource("desk", preemptive=True)

        def one(at: float, level: int, lasts: float) -> Any:
            yield world.timeout(at)
            with desk.request(priority=level) as turn:
                try:
                    yield turn
                    yield world.timeout(lasts)
                except simpy.Interrupt:
                    pass

        world.process(one(0, 1, 5))
        world.process(one(2, 0, 1))

    r = simulate_processes(model, replications=2)
    assert r.estimate("desk", "p_preempt").mean == pytest.approx(0.5)
    assert r.estimate("desk", "utilization").mean == pytest.approx(3 / 5)  # the timeout of 5 is the last event


def shop(world: World) -> None:
    shelf = world.container("shelf", init=4)

    def order() -> Any:
        yield world.timeout(world.draw("shelf/lead", exponential(mean=2.0)))
        yield shelf.put(1)

    def buyer() -> Any:
        world.process(order())
        yield shelf.get(1)

    world.process(arrivals(world, "buyers", 1.5, buyer))


def test_a_container_is_reported_like_a_stock() -> None:
    # Base stock S with Poisson demand: what is on order is Poisson(m), m = rate times lead time (Palm 1938).
    m, base = 3.0, 4
    p = [exp(-m) * m**n / factorial(n) for n in range(base)]
    exact = {
        "on_hand": sum((base - n) * p[n] for n in range(base)), "p_stockout": 1 - sum(p), "fill_rate": sum(p),
        "backorders": m - base + sum((base - n) * p[n] for n in range(base)), "demand_per_time": 1.5,
    }  # fmt: skip
    r = simulate_processes(shop, until=1500, replications=10, seed=1, confidence=0.99)
    for measure, value in exact.items():
        e = r.estimate("shelf", measure)
        assert e.low < value < e.high, measure
    wait = r.estimate("shelf", "wait")
    assert wait.low < exact["backorders"] / 1.5 < wait.high  # Little
    loop = Model().source("buyers", interarrival=exponential(rate=1.5), to="shelf")
    loop.stock("shelf", base=base, lead=exponential(mean=2.0))
    same = loop.run(until=1500, replications=10, seed=1, warmup=r.warmup.time)
    for measure in exact:
        np.testing.assert_allclose(r.values["shelf", measure], same.values["shelf", measure], rtol=1e-9)


def test_a_store_and_levels_and_observations_of_the_users_own() -> None:
    def model(world: World) -> Any:
        shelf = world.store("shelf", order="filter")
        world.level("door", 1)

        def eater() -> Any:
            item = yield shelf.get(lambda x: x == "pear")
            world.observe("eaten", 2.0 if item == "pear" else 0.0)

        world.process(eater())
        yield world.timeout(4)
        yield shelf.put("apple")
        yield shelf.put("pear")
        world.level("door", 0)
        yield world.timeout(6)
        world.observe("eaten", 4.0)

    r = simulate_processes(model, replications=2)
    expected = {
        ("shelf", "wait"): 4.0, ("shelf", "on_hand"): 0.6, ("shelf", "p_stockout"): 0.4, ("shelf", "fill_rate"): 0.0,
        ("shelf", "backorders"): 0.4, ("door", "level"): 0.4, ("eaten", "value"): 3.0,
    }  # fmt: skip
    assert {key: pytest.approx(r.estimate(*key).mean) for key in expected} == expected
    assert r.estimate("eaten", "value_q90").mean == pytest.approx(4.0, rel=0.02)  # a bin is a 64th of a power of two
    assert r.warmup.why == "the processes end by themselves"


def test_those_who_are_still_inside_at_the_end_are_not_left_out() -> None:
    def model(world: World) -> Any:
        desk = world.resource("desk")

        def one() -> Any:
            with desk.request() as turn:
                yield turn
                yield world.timeout(6)

        world.process(one())
        yield world.timeout(9)
        world.process(one())  # until 15, past the end

    r = simulate_processes(model, until=10, warmup=0, replications=2)
    assert r.estimate("desk", "time_in_station").mean == pytest.approx(6)
    assert r.estimate("desk", "utilization").mean == pytest.approx(0.7)
    assert r.estimate("desk", "throughput").mean == pytest.approx(0.1)  # one left before the end


def test_who_gives_up_turns_back_or_finds_no_room_is_counted() -> None:
    def model(world: World) -> Any:
        desk = world.resource("desk")

        def one(lasts: float, patience: float) -> Any:
            with desk.request() as turn:
                found = yield turn | world.timeout(patience)
                if turn in found:
                    yield world.timeout(lasts)

        world.process(one(10, 1))
        world.process(one(1, 3))
        desk.balk()
        desk.block()
        yield world.timeout(20)

    r = simulate_processes(model, replications=2)
    for measure in ("p_renege", "p_balk", "p_block"):
        assert r.estimate("desk", measure).mean == pytest.approx(0.25)
    assert r.estimate("desk", "wait").mean == pytest.approx((0 + 3) / 2)


def test_one_replication_alone_is_that_of_many_and_two_processes_give_the_same() -> None:
    def model(world: World) -> Any:  # a function within another travels as a whole; the tests are no package
        desk = world.resource("desk")

        def one() -> Any:
            with world.customer(), desk.request() as turn:
                yield turn
                yield world.timeout(world.draw("desk/service", exponential(mean=0.8)))

        while True:
            yield world.timeout(world.draw("walkin/interarrival", exponential(mean=1.0)))
            world.process(one())

    asked: dict[str, Any] = {"until": 60, "warmup": 10, "replications": 8, "seed": 4}
    one, two = simulate_processes(model, **asked), simulate_processes(model, jobs=2, **asked)
    assert one.estimates == two.estimates
    alone = observe(model, 5, Window.of(60, 10), Stream(4).child("simulation"))
    for key, (above, _) in alone.sums.items():
        if key in one.values:
            np.testing.assert_array_equal(above, one.observed[5].sums[key][0])


def test_common_random_numbers_hold_when_one_scenario_draws_more() -> None:
    def more(world: World) -> None:
        clinic(world)
        world.draw("something/else", exponential(1.0))
        world.draw("desk/lunch", exponential(1.0))

    asked: dict[str, Any] = {"until": 50, "warmup": 0, "replications": 3}
    one, other = simulate_processes(clinic, **asked), simulate_processes(more, **asked)
    np.testing.assert_array_equal(one.values["desk", "wait"], other.values["desk", "wait"])


def test_a_stream_goes_on_where_it_stood_whatever_is_drawn_from_it() -> None:
    plain = Draws(Stream(1), 0)
    u = [plain.draw("x", uniform(0, 1)) for _ in range(50)]
    mixed = Draws(Stream(1), 0)
    for i, expected in enumerate(u):
        d = uniform(0, 1) if i % 7 < 4 else exponential(mean=2.0)
        x = mixed.draw("x", d)
        assert x == pytest.approx(expected if i % 7 < 4 else -2.0 * log(1 - expected), rel=1e-12)


def test_antithetic_pairs_draw_one_less_u() -> None:
    one, other = Draws(Stream(1), 3), Draws(Stream(1), 3, mirrored=True)
    for _ in range(20):
        assert one.draw("x", uniform(0, 1)) + other.draw("x", uniform(0, 1)) == pytest.approx(1.0, abs=1e-15)
    r = simulate_processes(clinic, until=200, warmup=20, replications=8, antithetic=True)
    assert r.estimate("desk", "wait").replications == 4


def test_precision_is_searched_for_and_told_where_it_is_not_reached() -> None:
    near = simulate_processes(clinic, until=400, warmup=50, precision=0.2, of="desk:wait", seed=2)
    e = near.estimate("desk", "wait")
    assert near.reached
    assert e.half_width / e.mean <= 0.2
    far = simulate_processes(clinic, until=100, warmup=20, precision=0.001, of="desk:wait", most=20)
    assert not far.reached
    assert any("was not reached" in n for n in far.notes)


def test_runs_that_are_too_short_for_the_long_run_are_refused() -> None:
    def busy(world: World) -> None:
        desk = world.resource("desk")

        def one() -> Any:
            with desk.request() as turn:
                yield turn
                yield world.timeout(world.draw("desk/service", exponential(mean=1.0)))

        world.process(arrivals(world, "a", 0.9, one))

    with pytest.raises(NoAnswer, match="too short for the long run"):
        simulate_processes(busy, until=300, replications=5)
    assert simulate_processes(busy, until=300, replications=5, warmup=0).notes[0].startswith("The averages are of the")


def test_the_memory_of_a_curve_is_its_integrated_autocorrelation_time() -> None:
    # x' = a x + e has r_k = a^k, so 1/2 + the sum of r_k is 1/2 + a / (1 - a).
    a, draw = 0.8, np.random.default_rng(1)
    x = np.zeros((40, 400))
    for i in range(1, 400):
        x[:, i] = a * x[:, i - 1] + draw.normal(size=40)
    assert memory(x[:, 50:], 2.0) == pytest.approx(2.0 * (0.5 + a / (1 - a)), rel=0.1)


def test_a_model_that_does_not_settle_is_told() -> None:
    def flooded(world: World) -> None:
        desk = world.resource("desk")

        def one() -> Any:
            with desk.request() as turn:
                yield turn
                yield world.timeout(1.0)

        world.process(arrivals(world, "a", 2.0, one))

    r = simulate_processes(flooded, until=200, replications=10)
    assert any("does not settle" in n for n in r.notes)


def test_a_fault_of_the_users_code_is_told_with_its_line() -> None:
    def broken(world: World) -> Any:
        yield world.timeout(3)
        raise KeyError("nurse")

    with pytest.raises(StudyError) as caught:
        simulate_processes(broken, until=10, warmup=0)
    (fault,) = caught.value.faults
    assert fault.code == "simulation.process"
    assert fault.file == __file__
    assert fault.line == inspect.getsourcelines(broken)[1] + 2
    assert "KeyError in a process in replication 0 at time 3" in fault.found
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (lambda world: world.timeout(float("nan")), "a delay is NaN"),
        (lambda world: world.timeout(-1.0), "Negative delay"),
        (lambda world: world.observe("x", float("inf")), "'x' is observed to be inf"),
        (lambda world: world.level("x", float("nan")), "the level 'x' is nan"),
        (lambda world: world.resource("a:b"), "without ':'"),
        (lambda world: [world.resource("a"), world.resource("a")], "a name of its own"),
        (lambda world: world.resource("a", capacity=0), "must be > 0"),
    ],
)
def test_what_makes_no_sense_is_told(code: Any, said: str) -> None:
    with pytest.raises(StudyError, match=said) as caught:
        simulate_processes(code, until=1, warmup=0)
    assert caught.value.faults[0].code == "simulation.process"


def test_an_interrupt_that_nobody_catches_is_told() -> None:
    def model(world: World) -> None:
        desk = world.resource("desk", preemptive=True)

        def one(at: float, level: int) -> Any:
            yield world.timeout(at)
            with desk.request(priority=level) as turn:
                yield turn
                yield world.timeout(5)

        world.process(one(0, 1))
        world.process(one(1, 0))

    with pytest.raises(StudyError, match=r"Catch simpy\.Interrupt"):
        simulate_processes(model, until=10, warmup=0)


def test_a_trace_that_ends_is_no_answer() -> None:
    def model(world: World) -> Any:
        while True:
            yield world.timeout(world.draw("gaps", trace([1.0, 2.0])))

    with pytest.raises(NoAnswer, match="the trace of 'gaps' ends after 2 values"):
        simulate_processes(model, until=10, warmup=0)


def test_processes_that_never_end_need_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST", 5000)
    with pytest.raises(NoAnswer, match="had not ended after 5,000 events"):
        simulate_processes(clinic)
    with pytest.raises(StudyError, match="Give until"):
        simulate_processes(clinic, warmup=5)


def test_what_cannot_be_sent_to_other_processes_is_refused() -> None:
    lock = threading.Lock()

    def model(world: World) -> Any:
        with lock:
            yield world.timeout(1)

    with pytest.raises(StudyError, match="cannot be sent to another process") as caught:
        simulate_processes(model, until=2, warmup=0, jobs=2)
    assert caught.value.faults[0].code == "simulation.hook"


def test_a_model_whose_module_other_processes_do_not_find_is_told(only_here: Any) -> None:
    with pytest.raises(StudyError, match="No module named") as caught:
        simulate_processes(only_here(clinic), until=2, warmup=0, jobs=2, replications=2)
    assert caught.value.faults[0].code == "simulation.hook"


def test_threads_need_no_sending() -> None:
    from joblib import parallel_config

    lock = threading.Lock()

    def model(world: World) -> Any:
        with lock:
            world.level("x", 1)
        yield world.timeout(2)

    with parallel_config(backend="threading", n_jobs=2):
        r = simulate_processes(model, until=2, warmup=0, jobs=2, replications=4)
    assert r.estimate("x", "level").mean == 1


def test_nothing_to_report_is_said() -> None:
    def model(world: World) -> Any:
        yield world.timeout(world.draw("x", deterministic(1.0)))

    with pytest.raises(NoAnswer, match="has no resource and observes nothing"):
        simulate_processes(model, until=2, warmup=0)


def test_measures_that_are_not_there_are_named() -> None:
    with pytest.raises(StudyError, match="there is no measure 'weight'"):
        simulate_processes(clinic, until=20, warmup=0, precision=0.5, of="weight")
    r = simulate_processes(clinic, until=20, warmup=0, replications=2)
    assert isinstance(r, Processed)
    with pytest.raises(StudyError, match="there is no weight of desk"):
        r.estimate("desk", "weight")


def test_numpys_generator_is_keyed_by_its_name() -> None:
    first, again = (Draws(Stream(1), 2).generator("x").normal() for _ in range(2))
    assert first == again != Draws(Stream(1), 3).generator("x").normal()
