"""A model as tables of numbers: what the event loop reads, and what it writes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.simulation.components import Component, Crew, System
from potomac.simulation.declared import EXIT, Rate, Route, Source, Station, Stock
from potomac.simulation.distributions import Distribution, exponential, uniform
from potomac.simulation.lehmer import Lehmer
from potomac.simulation.loop import world
from potomac.simulation.loop.draws import keyed, seeded, table_of
from potomac.stats.streams import Stream

__all__ = ["Declared", "Plan", "planned"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MANY = 2**62
"""As many servers, or as much room, as anybody could want."""


@dataclass(frozen=True)
class Declared:
    """All parts of a model.

    Attributes:
        name: of the model.
        sources, stations, routes, stocks: its parts, where customers go through it.
        components, systems, crews: its parts, where units fail and are repaired.
        streams: number of the Lehmer stream of each random thing, by its name; empty for keyed streams.
    """

    name: str = "model"
    sources: tuple[Source, ...] = ()
    stations: tuple[Station, ...] = ()
    routes: tuple[Route, ...] = ()
    stocks: tuple[Stock, ...] = ()
    components: tuple[Component, ...] = ()
    systems: tuple[System, ...] = ()
    crews: tuple[Crew, ...] = ()
    lehmer: Lehmer | None = None
    streams: Mapping[str, int] = field(default_factory=dict)

    @property
    def places(self) -> tuple[str, ...]:
        """Names of stations and stocks, in their order."""
        return (*(s.name for s in self.stations), *(s.name for s in self.stocks))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of customers, in the order of their first source."""
        return tuple(dict.fromkeys(s.kind or s.name for s in self.sources))


@dataclass
class _Draws:
    """Distributions with the name of the stream each is drawn from."""

    names: list[str] = field(default_factory=list)
    distributions: list[Distribution] = field(default_factory=list)

    def add(self, name: str, d: Distribution) -> int:
        self.names.append(name)
        self.distributions.append(d)
        return len(self.names) - 1


@dataclass
class _Lists:
    """Lists that records point into."""

    rows: list[tuple[float, float]] = field(default_factory=list)

    def add(self, rows: Iterable[tuple[float, float]]) -> tuple[int, int]:
        start = len(self.rows)
        self.rows.extend(rows)
        return start, len(self.rows) - start


@dataclass(frozen=True)
class Plan:
    """A model's tables, from which the world of each replication is made.

    Attributes:
        declared: the model.
        tables: what a World has that does not depend on the replication.
        names: of the random streams, one a distribution.
        reserve: unused records that must be there before an event.
    """

    declared: Declared
    tables: Mapping[str, Any]
    names: tuple[str, ...]
    reserve: int

    @property
    def rows(self) -> int:
        """J: stations times kinds, and one row a kind."""
        return (len(self.declared.places) + 1) * len(self.declared.kinds)

    def generators(self, stream: Stream, replication: int, mirrored: bool = False) -> npt.NDArray[np.uint64]:
        """State of each random stream at the start of a replication, shape (draws, 5)."""
        d = self.declared
        if d.lehmer is not None:
            return _lehmer(d.lehmer, d.streams, self.names)
        each = [keyed(stream.child(name, replication), mirrored) for name in self.names]
        return np.stack(each) if each else np.zeros((0, 5), np.uint64)

    def world(
        self, rng: npt.NDArray[np.uint64], edges: Floats, *, limit: float = inf, counted_from: int = 0,
        customers: int = 256, log: int = 0,
    ) -> world.World:  # fmt: skip
        """The world at time 0.

        Args:
            rng: from ``generators``.
            edges: ends of the slices of time that count, rising; the last may be infinite.
            limit: time at which the run ends, whoever is still inside.
            counted_from: slice from which on histograms count.
            customers: records to begin with.
            log: rows of the log; 0 for none.
        """
        clock = np.zeros(1, world.CLOCK)
        k = clock[0]
        tables = {name: table.copy() for name, table in self.tables.items()}
        tables["draws"] = seeded(tables["draws"], tables["values"], rng)
        k["edge"], k["limit"], k["batches"] = edges[0], limit, edges.size
        k["rows"], k["stores"] = log, tables["stocks"].size
        k["fixed"], k["kinds"] = tables["occasions"].size, len(self.declared.kinds)
        k["stations"], k["levels"] = len(self.declared.places), tables["queues"].shape[1]
        k["histogram_from"], k["free"] = counted_from, world.NONE
        w = world.World(
            clock=clock, edges=np.ascontiguousarray(edges, float), heap=np.zeros(tables["occasions"].size, world.EVENT),
            where=np.full(tables["occasions"].size, world.NONE), customers=np.zeros(0, world.CUSTOMER),
            counts=np.zeros(self.rows, world.COUNT), tally=np.zeros((self.rows, edges.size, len(world.COLUMNS))),
            histogram=np.zeros((self.rows, world.HISTOGRAM), np.int64), greatest=np.zeros((self.rows, 2)),
            log=np.zeros(log, world.LOG), **tables,
        )  # fmt: skip
        return grown(w, max(customers, 2 * self.reserve))


def grown(w: world.World, more: int) -> world.World:
    """The world with ``more`` records for customers."""
    k = w.clock[0]
    have = w.customers.size
    customers = np.zeros(have + more, world.CUSTOMER)
    customers[:have] = w.customers
    customers["next"][have:] = [*range(have + 1, have + more), k["free"]]
    k["free"], k["spare"] = have, k["spare"] + more
    heap = np.zeros(w.heap.size + 2 * more, world.EVENT)
    heap[: w.heap.size] = w.heap
    where = np.concatenate([w.where, np.full(2 * more, world.NONE)])
    w.customers, w.heap, w.where = customers, heap, where
    w.addressed()
    return w


def _lehmer(lehmer: Lehmer, streams: Mapping[str, int], names: Sequence[str]) -> npt.NDArray[np.uint64]:
    """One Lehmer stream each, numbered as the model says, else one after the other."""
    out = np.zeros((len(names), 5), np.uint64)
    for row, name in enumerate(names):
        out[row, 0], out[row, 4] = lehmer.state(streams.get(name, row % 256)), 1
    return out


_DISCIPLINES = {
    "fcfs": world.FCFS,
    "lcfs": world.LCFS,
    "priority": world.FCFS,
    "sharing": world.SHARING,
    "random": world.RANDOM,
}
_PREEMPTIONS = {"none": world.NO_PREEMPTION, "resume": world.RESUME, "repeat": world.REPEAT}
_RULES = {"shares": world.SHARES, "shortest": world.SHORTEST, "cycle": world.CYCLE}
_POLICIES = {"up_to": world.UP_TO, "lots": world.LOTS, "base": world.BASE}


class _Planner:
    """Fills the tables, part by part."""

    def __init__(self, d: Declared) -> None:
        self.d = d
        self.draws, self.pairs = _Draws(), _Lists()
        self.place = {name: i for i, name in enumerate(d.places)} | {EXIT: world.NONE}
        self.kind = {name: i for i, name in enumerate(d.kinds)}
        self.levels = sorted({s.priority for s in d.sources})
        n, k = len(d.places), max(len(d.kinds), 1)
        self.nodes, self.sources = np.zeros(n, world.NODE), np.zeros(len(d.sources), world.SOURCE)
        self.stocks = np.zeros(len(d.stocks), world.STOCK)
        self.service, self.patience = np.full((n, k), world.NONE), np.full((n, k), world.NONE)
        self.way = np.full((n, k), world.NONE)
        self.routes: list[tuple[int, int, int, int]] = []
        self.targets: list[int] = []
        self.shares: list[float] = []
        self.fixed: list[tuple[int, int, int, float]] = []

    def event(self, kind: int, index: int, first: float = inf) -> int:
        self.fixed.append((kind, index, 0, first))
        return len(self.fixed) - 1

    def route(self, to: Mapping[str, float], rule: int) -> int:
        """Number of a route, whose shares are made cumulative."""
        each = {name: share for name, share in to.items() if share > 0 or rule != world.SHARES}
        kind = world.ONE if len(each) == 1 else rule
        self.routes.append((kind, len(self.targets), len(each), 0))
        self.targets += [self.place[name] for name in each]
        cumulative = np.cumsum(list(each.values()))
        self.shares += [*cumulative[:-1].tolist(), inf]
        return len(self.routes) - 1

    def source(self, i: int, s: Source) -> None:
        row = self.sources[i]
        kind = s.kind or s.name
        row["kind"], row["level"] = self.kind[kind], self.levels.index(s.priority)
        row["left"] = s.population or (-1 if s.limit is None else s.limit)
        row["start"], row["stop"], row["factor"] = s.start, s.stop, 1.0
        row["size"] = row["factor_draw"] = row["draw"] = world.NONE
        if s.interarrival is not None:
            row["type"], row["draw"] = world.RENEWAL, self.draws.add(f"{s.name}/interarrival", s.interarrival)
        elif s.rate is not None:
            self.rate(row, s.name, s.rate)
        elif s.times:
            played = Distribution("trace", (), s.times)
            row["type"], row["draw"] = world.TIMES, self.draws.add(f"{s.name}/trace", played)
        else:
            row["type"] = world.POPULATION
        if s.batch is not None:
            row["size"] = self.draws.add(f"{s.name}/batch", s.batch)
        row["route"] = self.route(s.to, world.SHARES)
        row["route_draw"] = self.chance(f"{s.name}/route", len(s.to) > 1)
        self.event(world.ARRIVAL, i, s.start)

    def rate(self, row: Any, name: str, rate: Rate) -> None:
        row["type"], row["draw"] = world.RATE, self.draws.add(f"{name}/arrivals", exponential(1.0))
        row["offset"], row["length"] = self.pairs.add(zip(rate.durations, rate.rates, strict=True))
        row["period"] = sum(rate.durations) if rate.repeat else 0.0
        row["turn"] = row["start"] + rate.durations[0]
        if rate.factor is not None:
            row["factor_draw"] = self.draws.add(f"{name}/factor", rate.factor)
            row["factor"] = world.NONE  # drawn at the first arrival

    def chance(self, name: str, needed: bool) -> int:
        return self.draws.add(name, uniform(0.0, 1.0)) if needed else world.NONE

    def station(self, i: int, s: Station) -> None:
        row = self.nodes[i]
        row["type"], row["discipline"] = world.STATION, _DISCIPLINES[s.discipline]
        row["ranked"], row["preempt"] = s.discipline == "priority", _PREEMPTIONS[s.preemption]
        row["planned"] = s.calendar[0][1] if s.calendar else _whole(s.servers)
        row["servers"], row["capacity"] = row["planned"], _whole(s.capacity)
        row["tracked"] = s.preemption != "none" or s.uptime is not None
        row["serving"] = row["root"] = row["balk"] = row["calendar"] = row["event"] = row["stock"] = world.NONE
        row["fail"] = row["repair"] = world.NONE
        row["overflow"], row["balk_to"] = self.place[s.overflow], self.place[s.balk_to]
        row["renege_to"] = self.place[s.renege_to]
        for kind, k in self.kind.items():
            d = s.service_of(kind)
            if d is not None:
                self.service[i, k] = self.drawn(f"{s.name}/service", s.service, kind)
            if kind in s.patience or "" in s.patience:
                self.patience[i, k] = self.drawn(f"{s.name}/patience", s.patience, kind)
        if s.balk:
            row["balk"], row["balk_length"] = self.pairs.add((p, 0.0) for p in s.balk)
            row["balk_draw"] = self.chance(f"{s.name}/balk", True)
        if s.calendar:
            row["calendar"], row["calendar_length"] = self.pairs.add((d, float(n)) for d, n in s.calendar)
            self.event(world.CALENDAR, i, s.calendar[0][0] if len(s.calendar) > 1 else inf)
        if s.uptime is not None and s.repair is not None:
            row["fail"] = self.draws.add(f"{s.name}/uptime", s.uptime)
            row["repair"] = self.draws.add(f"{s.name}/repair", s.repair)
            for _ in range(int(max([n for _, n in s.calendar] or [int(s.servers)]))):
                self.event(world.FAILURE, i)
        if s.discipline == "sharing":
            row["event"] = self.event(world.SHARED, i)

    def drawn(self, name: str, by_kind: Mapping[str, Distribution], kind: str) -> int:
        """One stream for all kinds that share a distribution, one of its own for each that has another."""
        full = f"{name}/{kind}" if kind in by_kind else name
        if full in self.draws.names:
            return self.draws.names.index(full)
        return self.draws.add(full, by_kind.get(kind, by_kind.get("")))  # type: ignore[arg-type]

    def stock(self, i: int, s: Stock) -> None:
        at = len(self.d.stations) + i
        node, row = self.nodes[at], self.stocks[i]
        node["type"], node["stock"], node["capacity"] = world.STORE, i, MANY
        for name in (
            "serving",
            "root",
            "balk",
            "calendar",
            "event",
            "fail",
            "repair",
            "overflow",
            "balk_to",
            "renege_to",
        ):
            node[name] = world.NONE
        row["node"], row["policy"], row["lost"] = at, _POLICIES[s.policy], s.lost
        row["lost_to"], row["on_hand"], row["review"] = self.place[s.lost_to], s.begins, s.review
        row["s"], row["S"], row["Q"] = (s.S if s.policy == "base" else s.s), s.S, s.Q
        row["lead"] = world.NONE if s.lead is None else self.draws.add(f"{s.name}/lead", s.lead)
        row["quantity"] = world.NONE if s.quantity is None else self.draws.add(f"{s.name}/quantity", s.quantity)
        if s.review > 0:
            self.event(world.REVIEW, i, s.review)

    def ways(self) -> None:
        """The route of each kind from each place; out, where there is none."""
        out = self.route({EXIT: 1.0}, world.SHARES)
        numbers = {(r.start, r.kind): self.route(r.to, _RULES[r.rule]) for r in self.d.routes}
        by_chance = {r.start for r in self.d.routes if r.rule == "shares" and len(r.to) > 1}
        by_chance |= {s.name for s in self.d.stations if s.discipline == "random"}
        for name, i in self.place.items():
            if i == world.NONE:
                continue
            self.nodes[i]["route_draw"] = self.chance(f"{name}/route", name in by_chance)
            for kind, k in self.kind.items():
                self.way[i, k] = numbers.get((name, kind), numbers.get((name, ""), out))


def _whole(x: float) -> int:
    return int(x) if isfinite(x) and x < MANY else MANY


def planned(d: Declared) -> Plan:
    """The tables of a model that is in order."""
    p = _Planner(d)
    for i, station in enumerate(d.stations):
        p.station(i, station)
    for i, stock in enumerate(d.stocks):
        p.stock(i, stock)
    p.ways()
    for i, source in enumerate(d.sources):
        p.source(i, source)
    draws, values = table_of(p.draws.distributions)
    n, levels = len(d.places), max(len(p.levels), 1)
    tables = {
        "occasions": np.array(p.fixed, world.FIXED), "nodes": p.nodes, "sources": p.sources, "stocks": p.stocks,
        "routes": np.array(p.routes, world.ROUTE), "service": p.service, "patience": p.patience, "way": p.way,
        "queues": np.full((n, levels, 2), world.NONE), "targets": np.array(p.targets, np.int64),
        "shares": np.array(p.shares, float), "pairs": np.array(p.pairs.rows, float).reshape(-1, 2), "draws": draws,
        "values": values,
    }  # fmt: skip
    return Plan(d, tables, tuple(p.draws.names), 2 + len(d.stocks))
