"""The event loop beside SimPy, Ciw and Cimba: events a second on M/M/1, and on a network of impatient customers.

``python -m benchmarks simulation.kernel [--time T]``. Each side runs the same model for the same model time, in a
process of its own; what is compiled is compiled before. An event is an arrival, an end of service or an end of
patience, as the event loop counts them: how many there are in a unit of time belongs to the model, so that events a
second compare how much model time each side gets through. Ratios are of processor time. The answers of all sides must
agree within 99.9 % intervals, or the run fails.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import markdown
from benchmarks.child import measured
from benchmarks.machine import load
from potomac.simulation.distributions import exponential
from potomac.simulation.estimates.intervals import student
from potomac.simulation.executors.execute import replicate
from potomac.simulation.executors.measures import measured as measures_of
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.plan import planned
from potomac.simulation.model import Model
from potomac.stats.streams import Stream

HERE = "benchmarks.simulation.kernel"
CONFIDENCE = 0.999

Answers = dict[str, list[float]]
"""Measure -> one value a replication."""

LOAD = 0.8

SERVERS = {"a": 2, "b": 1, "c": 1}
SERVICE = {"a": 1.2, "b": 0.8, "c": 0.7}
PATIENCE = {"a": 8.0, "c": 6.0}
RATES = {"vip": 0.4, "other": 0.9}
ROUTES = {"a": (("b", 0.6), ("c", 0.4)), "b": (("c", 0.3), ("exit", 0.7)), "c": (("a", 0.1), ("exit", 0.9))}
BALK = 6
"""Length of the queue at ``a`` at which arrivals turn back."""


def single() -> Model:
    """M/M/1 at load .8, services last 1."""
    m = Model().source("a", interarrival=exponential(rate=LOAD), to="s")
    return m.station("s", service=exponential(1.0))


def network() -> Model:
    """Three stations, two kinds: vip first; who finds six waiting at ``a`` turns back, who waits too long gives up."""
    m = Model()
    for level, (kind, rate) in enumerate(RATES.items()):
        m.source(kind, interarrival=exponential(rate=rate), to="a", priority=level)
    for name, servers in SERVERS.items():
        m.station(
            name, servers=servers, service=exponential(SERVICE[name]), discipline="priority",
            balk=BALK if name == "a" else (), patience=exponential(PATIENCE[name]) if name in PATIENCE else None,
        )  # fmt: skip
        m.route(name, dict(ROUTES[name]))
    return m


MODELS: dict[str, Callable[[], Model]] = {"M/M/1": single, "network": network}


def timed(runs: int, one: Callable[[int], dict[str, float]], warm: Callable[[], object]) -> dict[str, Any]:
    """Processor and clock seconds of some replications after a warm start, and their answers."""
    warm()
    answers: Answers = {}
    clock, processor = time.perf_counter(), time.process_time()
    for number in range(runs):
        for name, value in one(number).items():
            answers.setdefault(name, []).append(value)
    return {"processor": time.process_time() - processor, "clock": time.perf_counter() - clock, "answers": answers}


def potomac_task(model: str, until: float, runs: int) -> dict[str, Any]:
    """The event loop (for M/M/1 too, which Potomac otherwise takes as a recursion)."""
    plan, window, stream = planned(MODELS[model]().checked()), Window.of(until), Stream(1)
    each = [Window.of(10.0), window]
    done = []

    def one(number: int) -> dict[str, float]:
        done.append(replicate(plan, number, each[1], stream, (0.5, 0.9, 0.99)))
        values = measures_of(plan.declared, done[-1:], window)
        if model == "M/M/1":
            return {"wait": float(values["s", "wait"][0])}
        return {
            "time of vip": float(values["vip", "time_in_system"][0]),
            "time of others": float(values["other", "time_in_system"][0]),
            "give up at a": float(values["a", "p_renege"][0]), "turn back at a": float(values["a", "p_balk"][0]),
        }  # fmt: skip

    found = timed(runs, one, lambda: replicate(plan, 0, each[0], stream, (0.5,)))
    return {**found, "events": sum(r.events for r in done) / (runs * until)}


def simpy_task(model: str, until: float, runs: int) -> dict[str, Any]:
    """Generators in SimPy, as its documentation writes them, with sums of what is compared."""
    one = simpy_single if model == "M/M/1" else simpy_network
    return timed(runs, lambda number: one(until, number), lambda: one(10.0, 0))


def simpy_single(until: float, seed: int) -> dict[str, float]:
    import simpy

    draw, env, waits, served = random.Random(seed), simpy.Environment(), 0.0, 0
    desk = simpy.Resource(env)

    def customer() -> Any:
        nonlocal waits, served
        came = env.now
        with desk.request() as turn:
            yield turn
            waits += env.now - came
            served += 1
            yield env.timeout(draw.expovariate(1.0))

    def source() -> Any:
        while True:
            yield env.timeout(draw.expovariate(LOAD))
            env.process(customer())

    env.process(source())
    env.run(until)
    return {"wait": waits / max(served, 1)}


def simpy_network(until: float, seed: int) -> dict[str, float]:
    import simpy

    draw, env = random.Random(seed), simpy.Environment()
    desks = {name: simpy.PriorityResource(env, n) for name, n in SERVERS.items()}
    stay, through = dict.fromkeys(RATES, 0.0), dict.fromkeys(RATES, 0)
    came = turned = tired = 0

    def customer(kind: str, level: int) -> Any:
        nonlocal came, turned, tired
        entered, at = env.now, "a"
        while at != "exit":
            desk, here = desks[at], at == "a"
            came += here
            if here and len(desk.queue) >= BALK:
                turned += 1
                return
            with desk.request(priority=level) as turn:
                if at in PATIENCE and not turn.triggered:
                    found = yield turn | env.timeout(draw.expovariate(1 / PATIENCE[at]))
                    if turn not in found:
                        tired += here
                        return
                else:
                    yield turn
                yield env.timeout(draw.expovariate(1 / SERVICE[at]))
            (first, share), (second, _) = ROUTES[at]
            at = first if draw.random() < share else second
        stay[kind] += env.now - entered
        through[kind] += 1

    def source(kind: str, level: int) -> Any:
        while True:
            yield env.timeout(draw.expovariate(RATES[kind]))
            env.process(customer(kind, level))

    for level, kind in enumerate(RATES):
        env.process(source(kind, level))
    env.run(until)
    return {
        "time of vip": stay["vip"] / max(through["vip"], 1), "time of others": stay["other"] / max(through["other"], 1),
        "give up at a": tired / max(came, 1), "turn back at a": turned / max(came, 1),
    }  # fmt: skip


def processes_task(model: str, until: float, runs: int) -> dict[str, Any]:
    """SimPy with Potomac's monitored resources, which write down what the event loop does: queues, waits, quantiles."""
    from potomac.simulation.observed import parts_of, quantiles_of
    from potomac.simulation.processes import observe

    window, stream = Window.of(until), Stream(2)

    def one(number: int) -> dict[str, float]:
        run = observe(processes, number, window, stream)
        quantiles_of([run], (0.5, 0.9, 0.99))
        above, below = parts_of([run])["s", "wait"]
        return {"wait": float(above[0] / below[0])}

    return timed(runs, one, lambda: observe(processes, 0, Window.of(10.0), stream))


def processes(world: Any) -> Any:
    """M/M/1 as the user's own processes."""
    desk, between, service = world.resource("s"), exponential(rate=LOAD), exponential(1.0)

    def customer() -> Any:
        with world.customer(), desk.request() as turn:
            yield turn
            yield world.timeout(world.draw("s/service", service))

    while True:
        yield world.timeout(world.draw("a/interarrival", between))
        world.process(customer())


def ciw_task(model: str, until: float, runs: int) -> dict[str, Any]:
    one = ciw_single if model == "M/M/1" else ciw_network
    return timed(runs, lambda number: one(until, number), lambda: one(10.0, 0))


def ciw_single(until: float, seed: int) -> dict[str, float]:
    import ciw

    network_ = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(LOAD)], service_distributions=[ciw.dists.Exponential(1.0)],
        number_of_servers=[1],
    )  # fmt: skip
    ciw.seed(seed)
    run = ciw.Simulation(network_)
    run.simulate_until_max_time(until)
    waits = [r.waiting_time for r in run.get_all_records(only=["service"])]
    return {"wait": float(np.mean(waits)) if waits else 0.0}


def ciw_network(until: float, seed: int) -> dict[str, float]:
    import ciw

    names, kinds = [*SERVERS], [*RATES]

    def turns_back(n: int, Q: Any = None, next_ind: Any = None, **_: Any) -> float:
        return float(n >= SERVERS["a"] + BALK)

    def row(name: str) -> list[float]:
        return [dict(ROUTES[name]).get(to, 0.0) for to in names]

    exp = ciw.dists.Exponential
    patience = [exp(1 / PATIENCE[n]) if n in PATIENCE else None for n in names]
    network_ = ciw.create_network(
        arrival_distributions={k: [exp(RATES[k]), None, None] for k in kinds},
        service_distributions={k: [exp(1 / SERVICE[n]) for n in names] for k in kinds},
        number_of_servers=[SERVERS[n] for n in names], routing={k: [row(n) for n in names] for k in kinds},
        priority_classes={k: level for level, k in enumerate(kinds)},
        baulking_functions={k: [turns_back, None, None] for k in kinds},
        reneging_time_distributions=dict.fromkeys(kinds, patience),
    )  # fmt: skip
    ciw.seed(seed)
    run = ciw.Simulation(network_)
    run.simulate_until_max_time(until)
    records = run.get_all_records(only=["service", "renege", "baulk"])
    at_a = [r for r in records if r.node == 1]
    entered: dict[int, float] = {}
    stay, through = dict.fromkeys(kinds, 0.0), dict.fromkeys(kinds, 0)
    for r in sorted(records, key=lambda r: r.arrival_date):
        entered.setdefault(r.id_number, r.arrival_date)
        if r.record_type == "service" and r.destination == -1:
            stay[r.customer_class] += r.exit_date - entered[r.id_number]
            through[r.customer_class] += 1
    return {
        "time of vip": stay["vip"] / max(through["vip"], 1), "time of others": stay["other"] / max(through["other"], 1),
        "give up at a": sum(r.record_type == "renege" for r in at_a) / max(len(at_a), 1),
        "turn back at a": sum(r.record_type == "baulk" for r in at_a) / max(len(at_a), 1),
    }  # fmt: skip


def cimba_task(model: str, until: float, runs: int) -> dict[str, Any]:
    """M/M/1 as the front page of Cimba's Python package has it; replications in one call, in one process."""
    import cimba as cb

    from benchmarks.simulation.cimba_model import Single

    made = Single()

    def run(time_: float, number: int) -> list[float]:
        window = cb.Window(warmup=0, duration=time_)
        results = cb.Experiment(made, replications=number, window=window, seed=123).run()
        return [float(x) for x in np.asarray(results[made].mean_queue).ravel()]

    run(10.0, 1)
    clock, processor = time.perf_counter(), time.process_time()
    lengths = run(until, runs)
    spent = {"processor": time.process_time() - processor, "clock": time.perf_counter() - clock}
    return {**spent, "answers": {"wait": [x / LOAD for x in lengths]}}  # Little's law


def interval(x: list[float]) -> tuple[float, float]:
    """Mean and half-width."""
    values = np.array(x)
    half = student(0.5 + CONFIDENCE / 2, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return float(values.mean()), float(half)


def agreeing(ours: Answers, theirs: Answers) -> list[str]:
    """What does not agree: measures whose difference is larger than the interval of a difference."""
    out = []
    for name, x in theirs.items():
        (m, h), (n, g) = interval(ours[name]), interval(x)
        if abs(m - n) > np.hypot(h, g):
            out.append(f"{name}: {m:.5g} +- {h:.2g} and {n:.5g} +- {g:.2g}")
    return out


SIDES = (
    ("M/M/1", "SimPy", 100.0), ("M/M/1", "Processes", None), ("M/M/1", "Ciw", None), ("M/M/1", "Cimba", 2.0),
    ("network", "SimPy", 130.0), ("network", "Ciw", None),
)  # fmt: skip


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulation.kernel", description=__doc__)
    parser.add_argument("--time", type=float, default=20_000.0, help="model time of a replication of SimPy and Ciw")
    parser.add_argument("--runs", type=int, default=10, help="replications of each")
    given = parser.parse_args(argv)
    before, lines, wrong = load(), [], []
    ours: dict[str, dict[str, Any]] = {}
    for model in MODELS:
        until = 50 * given.time
        found = ours[model] = measured(f"{HERE}:potomac_task", model=model, until=until, runs=given.runs).value
        found["each"] = found["processor"] / (given.runs * until)
        lines.append(_line(model, "Potomac", found, found["events"] / found["each"], "", ""))
    for model, name, target in SIDES:
        until, mine = given.time * (50 if name == "Cimba" else 1), ours[model]
        found = measured(f"{HERE}:{name.lower()}_task", model=model, until=until, runs=given.runs).value
        each = found["processor"] / (given.runs * until)
        goal = "" if target is None else markdown.times(target)
        shown = "SimPy, all measures" if name == "Processes" else name
        lines.append(_line(model, shown, found, mine["events"] / each, markdown.times(each / mine["each"]), goal))
        wrong += [f"{name} on {model}, {w}" for w in agreeing(mine["answers"], found["answers"])]
    if wrong:
        raise SystemExit("answers do not agree: " + "; ".join(wrong))
    head = ["model, by", "million events a second", "Potomac's are", "to be reached", "processor", "clock", "answers"]
    told = (
        f"Load average {before} before and {load()} after. All answers agree within {100 * CONFIDENCE:.4g} % intervals."
    )
    return f"{told}\n\n{markdown.table(head, lines)}"


def _line(model: str, name: str, found: dict[str, Any], rate: float, ratio: str, goal: str) -> list[str]:
    answers = ", ".join(
        f"{key} {m:.4g} ± {h:.2g}" for key, (m, h) in ((k, interval(x)) for k, x in found["answers"].items())
    )
    return [f"{model}, {name}", f"{rate / 1e6:.3g}", ratio, goal, markdown.seconds(found["processor"]),
            markdown.seconds(found["clock"]), answers]  # fmt: skip


if __name__ == "__main__":
    import sys

    print(main(sys.argv[1:]))
