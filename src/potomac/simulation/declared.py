"""What a model is made of, as plain values: sources, stations, routes, stocks, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite, isnan
from typing import Literal

from potomac.errors import Fault
from potomac.simulation.distributions import Distribution
from potomac.simulation.drawn import mean_of

__all__ = ["EXIT", "Discipline", "Rate", "Route", "Source", "Station", "Stock", "lowest"]

EXIT = "exit"
"""Where customers go who leave the system."""

MOST = 1_000_000_000
"""Servers of a station; more are unlimited ones."""

Discipline = Literal["fcfs", "lcfs", "priority", "sharing", "random"]
Preemption = Literal["none", "resume", "repeat"]


@dataclass(frozen=True)
class Rate:
    """A rate of arrivals that changes with time, constant by pieces.

    Attributes:
        durations: of the pieces.
        rates: arrivals a unit of time in each.
        repeat: whether it begins again after the last piece; else nobody comes after it.
        factor: drawn for each round of all pieces, by which all rates of that round are multiplied (doubly stochastic).
    """

    durations: tuple[float, ...]
    rates: tuple[float, ...]
    repeat: bool = True
    factor: Distribution | None = None

    @property
    def mean(self) -> float:
        """Arrivals a unit of time in the long run."""
        if not self.repeat:
            return 0.0
        whole = sum(d * r for d, r in zip(self.durations, self.rates, strict=True)) / sum(self.durations)
        return whole * (self.factor.mean if self.factor else 1.0)

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it."""
        if len(self.durations) != len(self.rates) or not self.rates:
            found = f"{len(self.durations)} durations and {len(self.rates)} rates"
            yield Fault("simulation.rate", found, "expected one duration for each rate", key="rate")
            return
        for name, values in (("durations", self.durations), ("rates", self.rates)):
            for at, value in enumerate(values):
                if not isfinite(value) or value < 0 or (name == "durations" and value == 0):
                    yield Fault("simulation.rate", f"piece {at + 1} of the {name} is {value:g}", "expected more than 0"
                                if name == "durations" else "expected 0 or more", key="rate")  # fmt: skip
        if not any(self.rates):
            yield Fault(
                "simulation.rate", "all rates are 0", "expected one above 0", "Take the source away", key="rate"
            )


@dataclass(frozen=True)
class Source:
    """Where customers come from.

    Attributes:
        name: of the source, and of the kind of customers where ``kind`` is empty.
        to: station or stock where they go first, or shares of several.
        interarrival: time between arrivals.
        rate: arrivals a unit of time, where it changes.
        times: of the arrivals themselves, rising.
        population: so many are there from the start, and no more come (closed networks).
        batch: how many come at once.
        kind: name under which they are served and counted.
        priority: smaller is more urgent.
        start: time from which they come.
        stop: time at which the doors close.
        limit: how many come at most.
    """

    name: str
    to: Mapping[str, float]
    interarrival: Distribution | None = None
    rate: Rate | None = None
    times: tuple[float, ...] = ()
    population: int = 0
    batch: Distribution | None = None
    kind: str = ""
    priority: int = 0
    start: float = 0.0
    stop: float = inf
    limit: int | None = None

    @property
    def mean_rate(self) -> float:
        """Customers a unit of time in the long run; 0 where they end."""
        if self.population or self.times or isfinite(self.stop) or self.limit is not None:
            return 0.0
        size = self.batch.mean if self.batch else 1.0
        if self.rate is not None:
            return self.rate.mean * size
        mean = mean_of(self.interarrival) if self.interarrival else inf
        return size / mean if mean else inf

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it."""
        ways = {
            "interarrival": self.interarrival is not None, "rate": self.rate is not None, "trace": bool(self.times),
            "population": self.population != 0,
        }  # fmt: skip
        given = [name for name, there in ways.items() if there]
        if len(given) != 1:
            found = f"it has {' and '.join(given)}" if given else "nothing says when customers come"
            mend = "" if given else "Add interarrival, e.g. { exponential = { mean = 1.0 } }"
            yield Fault("simulation.source", found, "expected one of interarrival, rate, trace, population", mend)
        if self.interarrival is not None:
            yield from _times(self.interarrival, "interarrival")
            if self.interarrival.mean <= 0:
                yield Fault("simulation.source", "the mean time between arrivals is 0", "expected more than 0",
                            key="interarrival")  # fmt: skip
        if self.rate is not None:
            yield from self.rate.faults()
        if self.batch is not None and lowest(self.batch) < 1:
            found = f"batches of {self.batch} can be smaller than 1"
            yield Fault("simulation.source", found, "expected whole numbers of at least 1", key="batch")
        if self.population < 0:
            yield Fault(
                "simulation.source", f"the population is {self.population}", "expected 1 or more", key="population"
            )
        if not self.start >= 0 or not self.stop > self.start:
            found = f"it starts at {self.start:g} and stops at {self.stop:g}"
            yield Fault("simulation.source", found, "expected 0 <= start < stop", key="stop")
        if self.limit is not None and self.limit < 1:
            yield Fault("simulation.source", f"the limit is {self.limit}", "expected 1 or more", key="limit")


@dataclass(frozen=True)
class Station:
    """Where customers are served.

    Attributes:
        name: of the station.
        service: time it takes, by kind; the empty name is everybody's.
        servers: how many; infinite where nobody waits.
        discipline: who is next: fcfs, lcfs, priority, random, or sharing (all at once, each at its share).
        preemption: whether somebody more urgent (the newest, with lcfs) interrupts, and how the other goes on.
        capacity: most customers there, served ones included.
        patience: how long they wait before they give up, by kind.
        balk: probability to turn back at each length of the queue, the last one for all beyond.
        overflow: where they go who find it full.
        balk_to: where they go who turn back.
        renege_to: where they go who give up.
        calendar: pieces (duration, servers), again and again.
        uptime: time until a server fails.
        repair: time until it works again.
    """

    name: str
    service: Mapping[str, Distribution]
    servers: float = 1
    discipline: Discipline = "fcfs"
    preemption: Preemption = "none"
    capacity: float = inf
    patience: Mapping[str, Distribution] = field(default_factory=dict)
    balk: tuple[float, ...] = ()
    overflow: str = EXIT
    balk_to: str = EXIT
    renege_to: str = EXIT
    calendar: tuple[tuple[float, int], ...] = ()
    uptime: Distribution | None = None
    repair: Distribution | None = None

    def service_of(self, kind: str) -> Distribution | None:
        """Service time of a kind of customers."""
        return self.service.get(kind, self.service.get(""))

    @property
    def mean_servers(self) -> float:
        """Servers in the long run: the calendar's mean, less those that are down."""
        c = self.servers
        if self.calendar:
            c = sum(d * n for d, n in self.calendar) / sum(d for d, _ in self.calendar)
        if self.uptime is not None and self.repair is not None:
            c *= self.uptime.mean / (self.uptime.mean + self.repair.mean)
        return c

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it."""
        if not self.calendar and not (self.servers == inf or (self.servers >= 1 and self.servers % 1 == 0)):
            yield Fault("simulation.servers", f"it has {self.servers:g} servers", "expected 1 or more",
                        "Give a calendar where nobody serves for a while", key="servers")  # fmt: skip
        elif isfinite(self.servers) and self.servers > MOST:
            found = f"it has {self.servers:,.0f} servers"
            yield Fault("simulation.servers", found, f"expected at most {MOST:,}",
                        'Give "unlimited" (from Python inf) where nobody waits', key="servers")  # fmt: skip
        if not self.service:
            yield Fault("simulation.service", "nothing says how long a service takes", "",
                        "Add service, e.g. { exponential = { mean = 1.5 } }", key="service")  # fmt: skip
        for d in self.service.values():
            yield from _times(d, "service")
        for d in self.patience.values():
            yield from _times(d, "patience")
        if self.capacity < 1 or isnan(self.capacity):
            yield Fault(
                "simulation.capacity", f"the capacity is {self.capacity:g}", "expected 1 or more", key="capacity"
            )
        elif not self.calendar and isfinite(self.servers) and self.capacity < self.servers:
            found = f"the capacity is {self.capacity:g} for {self.servers:g} servers"
            expected = "expected room for all who are served: customers in service count"
            yield Fault("simulation.capacity", found, expected, key="capacity")
        for p in self.balk:
            if not 0 <= p <= 1:
                yield Fault("simulation.balk", f"a probability to turn back is {p:g}", "expected 0 to 1", key="balk")
        for length, n in self.calendar:
            if not length > 0 or n < 0 or n != int(n):
                found = f"a piece of the calendar lasts {length:g} with {n} servers"
                yield Fault("simulation.calendar", found, "expected more than 0, and 0 or more servers", key="calendar")
        if self.calendar and not any(n for _, n in self.calendar):
            yield Fault("simulation.servers", "the calendar has no servers at any time", "", key="calendar")
        if (self.uptime is None) != (self.repair is None):
            yield Fault(
                "simulation.failures", "uptime and repair go together", "expected both, or neither", key="uptime"
            )
        for name, clock in (("uptime", self.uptime), ("repair", self.repair)):
            if clock is not None:
                yield from _times(clock, name)
        if self.uptime is not None and self.servers > 10_000:
            found = f"{self.servers:g} servers that fail"
            yield Fault("simulation.failures", found, "expected at most 10,000, each with its own clock", key="servers")
        if self.preemption != "none" and self.discipline not in ("priority", "lcfs"):
            found = f"nobody interrupts with {self.discipline}"
            yield Fault("simulation.preemption", found, "expected discipline priority or lcfs", key="preemption")
        if self.discipline == "sharing" and self.patience:
            yield Fault("simulation.patience", "nobody waits where all are served at once", "", "Take patience away",
                        key="patience")  # fmt: skip


@dataclass(frozen=True)
class Route:
    """Where customers go from a station.

    Attributes:
        start: the station or stock.
        kind: of customers it is for; empty for all who have no route of their own.
        to: station (or exit) and share.
        rule: by these shares, to the shortest of these queues, or to each in turn.
    """

    start: str
    to: Mapping[str, float]
    kind: str = ""
    rule: Literal["shares", "shortest", "cycle"] = "shares"

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it."""
        wrong = [(name, share) for name, share in self.to.items() if not 0 <= share <= 1]
        for name, share in wrong:
            yield Fault("simulation.route", f"the share of {name!r:.60} is {share:g}", "expected 0 to 1", key="to")
        total = sum(self.to.values())
        if self.rule == "shares" and not wrong and abs(total - 1) > 1e-9:
            found = f"the shares from {self.start!r:.60} sum to {total:.4g}"
            mend = 'Add "exit" with the rest' if total < 1 else ""
            yield Fault("simulation.route", found, "expected 1", mend, key="to")
        if not self.to:
            yield Fault("simulation.route", "it leads nowhere", "expected a station, a stock or exit", key="to")


@dataclass(frozen=True)
class Stock:
    """Goods that customers take, and that are ordered again.

    Attributes:
        name: of the stock.
        policy: up_to (s, S): at or below s, order up to S; lots (Q, r): at or below r, order lots of Q; base: order
            whatever leaves, up to S.
        s: reorder point.
        S: order-up-to level.
        Q: size of a lot.
        initial: on hand at the start; None for S, or r + Q.
        quantity: what a customer asks for; one where there is none.
        lead: time from the order to its arrival; none where it is there at once.
        review: time between looks at the stock; 0 where it is always known.
        lost: whether demand that is not met is lost; else it is owed.
        lost_to: where a customer goes whose demand is lost.
        holding, shortage, order, unit, penalty: costs of a unit a unit of time on hand, of one owed, of an order, of a
            unit ordered, of a unit lost.
    """

    name: str
    policy: Literal["up_to", "lots", "base"] = "up_to"
    s: float = 0.0
    S: float = 0.0
    Q: float = 0.0
    initial: float | None = None
    quantity: Distribution | None = None
    lead: Distribution | None = None
    review: float = 0.0
    lost: bool = False
    lost_to: str = EXIT
    holding: float = 0.0
    shortage: float = 0.0
    order: float = 0.0
    unit: float = 0.0
    penalty: float = 0.0

    @property
    def begins(self) -> float:
        """On hand at the start."""
        if self.initial is not None:
            return self.initial
        return self.s + self.Q if self.policy == "lots" else self.S

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it."""
        for name in ("s", "S", "Q", "review", "holding", "shortage", "order", "unit", "penalty"):
            if not isfinite(getattr(self, name)):
                yield Fault(
                    "simulation.stock", f"{name} is {getattr(self, name):g}", "expected a finite number", key=name
                )
                return
        if self.policy == "up_to" and not self.s < self.S:
            found = f"s is {self.s:g} and S is {self.S:g}"
            yield Fault("simulation.stock", found, "expected s < S: at or below s, order up to S", key="s")
        if self.policy == "lots" and not self.Q > 0:
            yield Fault("simulation.stock", f"Q is {self.Q:g}", "expected more than 0", key="Q")
        if self.policy == "base" and not self.S >= 0:
            yield Fault("simulation.stock", f"the base stock is {self.S:g}", "expected 0 or more", key="S")
        if self.review < 0:
            yield Fault(
                "simulation.stock", f"the time between reviews is {self.review:g}", "expected 0 or more", key="review"
            )
        if self.begins < 0:
            yield Fault(
                "simulation.stock", f"there are {self.begins:g} at the start", "expected 0 or more", key="initial"
            )
        for name in ("lead", "quantity"):
            d = getattr(self, name)
            if d is not None:
                yield from _times(d, name)


def lowest(d: Distribution) -> float:
    """The smallest value a distribution can give."""
    if d.values and d.family != "hyperexponential":
        return min(d.values)
    if d.family in ("uniform", "triangular", "beta"):
        return d["low"]
    return {"deterministic": lambda: d["value"], "geometric": lambda: 1.0, "pareto": lambda: d["scale"]}.get(
        d.family, lambda: 0.0
    )()


def _times(d: Distribution, key: str) -> Iterator[Fault]:
    if lowest(d) < 0:
        row = f"; row {d.values.index(min(d.values))} of the values" if d.values else ""
        found = f"{key} {d} can be {lowest(d):g}{row}"
        yield Fault("simulation.negative", found, "expected 0 or more", key=key)
