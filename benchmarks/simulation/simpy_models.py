"""The same models as SimPy's users write them: one replication each, measures by the names that ours have.

Customers who come between ``warmup`` and ``until`` count, and are followed to their end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping
from math import inf
from typing import Any

import simpy

__all__ = ["MODELS", "Found", "Sampler", "line", "machines", "network", "shelf"]

Found = dict[str, float]
Sampler = Callable[[], float]
AFTER = 1.1
"""How much longer than ``until`` the clock runs, so that those who count are through."""


class _Sums:
    """Sums of what is averaged, and how many."""

    def __init__(self) -> None:
        self.total: dict[str, float] = {}
        self.number: dict[str, int] = {}

    def add(self, name: str, value: float) -> None:
        self.total[name] = self.total.get(name, 0.0) + value
        self.number[name] = self.number.get(name, 0) + 1

    def means(self) -> Found:
        return {name: self.total[name] / self.number[name] for name in self.total}


def line(
    until: float, warmup: float, between: Mapping[str, Sampler], service: Mapping[str, Sampler], servers: int = 1,
    capacity: float = inf, patience: Sampler | None = None, priority: Mapping[str, int] | None = None,
    preempts: bool = False,
) -> Found:  # fmt: skip
    """One station: several kinds, limited room, impatience, priorities that interrupt or not."""
    env, sums = simpy.Environment(), _Sums()
    desk = (simpy.PreemptiveResource if preempts else simpy.PriorityResource)(env, capacity=servers)
    inside = 0

    def customer(kind: str) -> Generator[Any, Any, None]:
        nonlocal inside
        came, counts = env.now, warmup <= env.now < until
        full = inside >= capacity
        if counts and capacity < inf:
            sums.add("s p_block", float(full))
        if full:
            return
        inside += 1
        need, waited = service[kind](), 0.0
        gave_up = False
        while need > 0 and not gave_up:
            asked = env.now
            with desk.request(priority=(priority or {}).get(kind, 0)) as mine:
                first = env.timeout(patience()) if patience else None
                yield mine | first if first is not None else mine
                waited += env.now - asked
                gave_up = not mine.triggered
                began = env.now
                if not gave_up:
                    try:
                        yield env.timeout(need)
                        need = 0.0
                    except simpy.Interrupt:
                        need -= env.now - began
        inside -= 1
        if counts:
            where = f"s:{kind}" if len(between) > 1 else "s"
            sums.add(f"{where} wait", waited)
            if patience:
                sums.add("s p_renege", float(gave_up))
            if not gave_up:
                sums.add(f"{where} time_in_station", env.now - came)

    def source(kind: str) -> Generator[Any, Any, None]:
        while True:
            yield env.timeout(between[kind]())
            env.process(customer(kind))

    for kind in between:
        env.process(source(kind))
    env.run(until=AFTER * until)
    return sums.means()


def network(
    until: float, warmup: float, between: Sampler, service: Mapping[str, Sampler], servers: Mapping[str, int],
    routing: Callable[[str], str], first: str,
) -> Found:  # fmt: skip
    """Stations in any order; ``routing`` gives the next, or ``exit``."""
    env, sums = simpy.Environment(), _Sums()
    desks = {name: simpy.Resource(env, servers[name]) for name in service}

    def customer() -> Generator[Any, Any, None]:
        entered, at = env.now, first
        while at != "exit":
            came = env.now
            with desks[at].request() as mine:
                yield mine
                if warmup <= came < until:
                    sums.add(f"{at} wait", env.now - came)
                yield env.timeout(service[at]())
            at = routing(at)
        if warmup <= entered < until:
            sums.add("system time_in_system", env.now - entered)

    def source() -> Generator[Any, Any, None]:
        while True:
            yield env.timeout(between())
            env.process(customer())

    env.process(source())
    env.run(until=AFTER * until)
    return sums.means()


def machines(until: float, warmup: float, number: int, life: Sampler, repair: Sampler, crew: int) -> Found:
    """Machines that fail, and a crew that repairs."""
    env = simpy.Environment()
    men, area, down, since = simpy.Resource(env, crew), 0.0, 0, 0.0

    def change(step: int) -> None:
        nonlocal area, down, since
        area += down * max(0.0, env.now - max(since, warmup))
        since, down = env.now, down + step

    def machine() -> Generator[Any, Any, None]:
        while True:
            yield env.timeout(life())
            change(1)
            with men.request() as mine:
                yield mine
                yield env.timeout(repair())
            change(-1)

    for _ in range(number):
        env.process(machine())
    env.run(until=until)
    change(0)
    return {"m mean_down": area / (until - warmup)}


def shelf(until: float, warmup: float, between: Sampler, r: int, Q: int, lead: Sampler) -> Found:
    """(r, Q): demand one by one, backorders, lots under way for a lead time."""
    env = simpy.Environment()
    net, position, since = r + Q, r + Q, 0.0
    on_hand = owed = 0.0

    def change(step: int) -> None:
        nonlocal net, since, on_hand, owed
        span = max(0.0, env.now - max(since, warmup))
        on_hand, owed = on_hand + span * max(net, 0), owed + span * max(-net, 0)
        since, net = env.now, net + step

    def order() -> Generator[Any, Any, None]:
        yield env.timeout(lead())
        change(Q)

    def demand() -> Generator[Any, Any, None]:
        nonlocal position
        while True:
            yield env.timeout(between())
            change(-1)
            position -= 1
            if position <= r:
                position += Q
                env.process(order())

    env.process(demand())
    env.run(until=until)
    change(0)
    return {"k on_hand": on_hand / (until - warmup), "k backorders": owed / (until - warmup)}


def _exponential(g: random.Random, rate: float) -> Sampler:
    return lambda: g.expovariate(rate)


def _gamma(g: random.Random, mean: float, cv: float) -> Sampler:
    return lambda: g.gammavariate(1 / cv**2, mean * cv**2)


def _jackson(g: random.Random, until: float, warmup: float) -> Found:
    ways = {"x": (("y", 0.6), ("z", 0.4)), "y": (("z", 0.5), ("exit", 0.5)), "z": (("x", 0.1), ("exit", 0.9))}

    def routing(at: str) -> str:
        (one, share), (other, _) = ways[at]
        return one if g.random() < share else other

    service = {"x": _exponential(g, 2.0), "y": _exponential(g, 1.5), "z": _exponential(g, 1.5)}
    return network(until, warmup, _exponential(g, 1.0), service, dict.fromkeys(service, 1), routing, "x")


MODELS: dict[str, Callable[[random.Random, float, float], Found]] = {
    "M/M/2": lambda g, u, w: line(u, w, {"a": _exponential(g, 1.6)}, {"a": _exponential(g, 1.0)}, 2),
    "G/G/2": lambda g, u, w: line(u, w, {"a": _gamma(g, 0.6, 0.5)}, {"a": _gamma(g, 1.0, 1.5)}, 2),
    "M/M/1/5": lambda g, u, w: line(u, w, {"a": _exponential(g, 0.9)}, {"a": _exponential(g, 1.0)}, 1, 5),
    "impatience": lambda g, u, w: line(
        u, w, {"a": _exponential(g, 2.4)}, {"a": _exponential(g, 1.0)}, 2, patience=_exponential(g, 0.5)
    ),
    "priority": lambda g, u, w: line(
        u, w, {"vip": _exponential(g, 0.3), "std": _exponential(g, 0.4)},
        {"vip": _gamma(g, 1.0, 0.5), "std": _exponential(g, 1.0)}, priority={"vip": 0, "std": 1},
    ),
    "preemptive resume": lambda g, u, w: line(
        u, w, {"vip": _exponential(g, 0.3), "std": _exponential(g, 0.4)},
        {"vip": _gamma(g, 1.0, 0.5), "std": _exponential(g, 1.0)}, priority={"vip": 0, "std": 1}, preempts=True,
    ),
    "Jackson": _jackson,
    "machine repair": lambda g, u, w: machines(u, w, 20, _exponential(g, 0.05), _exponential(g, 0.6), 2),
    "(r, Q)": lambda g, u, w: shelf(u, w, _exponential(g, 4.0), 3, 10, lambda: 1.0),
}  # fmt: skip
