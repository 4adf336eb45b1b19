"""What the event loop works on: a few tables of records, all of them arrays, so that a new model compiles nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from potomac.simulation.loop.draws import DRAW
from potomac.simulation.loop.memory import FLOAT, INTEGER, inner, layout, records, table

__all__ = [
    "BINS", "CLOCK", "COLUMNS", "COUNT", "CUSTOMER", "EVENT", "FIXED", "HISTOGRAM", "LOG", "NODE", "NONE", "ROUTE",
    "SOURCE", "STOCK", "World",
]  # fmt: skip

NONE = -1

# What a station may be asked to do, as numbers that loops compare.
FCFS, LCFS, SHARING, RANDOM = range(4)
STATION, STORE = range(2)
RENEWAL, RATE, TIMES, POPULATION = range(4)
ONE, SHARES, SHORTEST, CYCLE = range(4)
UP_TO, LOTS, BASE = range(3)
ARRIVAL, REVIEW, CALENDAR, FAILURE, SHARED = range(5)
RUNNING, DONE, EMPTY, CROWDED, LOGGED, SHORT = range(6)
NO_PREEMPTION, RESUME, REPEAT = range(3)

TABLES = (
    "edges", "heap", "where", "occasions", "nodes", "customers", "sources", "stocks", "routes", "service", "patience",
    "way", "queues", "targets", "shares", "pairs", "draws", "counts", "tally", "histogram", "greatest", "log",
)  # fmt: skip
"""Tables whose addresses the first record holds."""

CLOCK = layout(
    "size sequence free spare batch batches visits tags events inside most status fixed kinds levels "
    "stations histogram_from logged short born rows begun stores",
    "now edge limit",
    addresses=TABLES,
)
"""The record that all others are found by. ``batch`` is the slice of time that counts now, NONE past the end;
``visits`` and ``tags`` are how many who came within such a slice are still at a station, in the system; ``free`` heads
the list of unused customers."""

NODE = layout(
    "type discipline ranked preempt servers planned down busy inside waiting capacity tracked serving "
    "balk balk_length balk_draw balk_to overflow renege_to calendar calendar_length piece event fail "
    "repair root stock route_draw",
    "last period turn virtual virtual_at",
)

CUSTOMER = layout(
    "node kind level next prev batch batch_in waits number order",
    "arrived entered since waited need ends amount",
)
"""A customer, or a replenishment under way (``order``, the stock's node). ``next`` and ``prev`` link a queue, those in
service, the heap of a shared station, or the unused."""

SOURCE = layout(
    "type draw size kind level route route_draw left pending offset length piece factor_draw",
    "start stop period turn factor",
)

STOCK = layout(
    "node policy lost lost_to lead quantity",
    "on_hand on_order owed s S Q review last",
)

ROUTE = layout(
    "type offset length turn",
)
EVENT = layout(
    "order event",
    "time",
)
FIXED = layout(
    "type index state",
    "first",
)
COUNT = layout("", "queue service last")
LOG = layout("event where customer kind level", "time amount")

COLUMNS = (
    "arrived", "blocked", "balked", "reneged", "waits", "wait", "wait2", "delayed", "served", "stay", "left", "queue",
    "service", "capacity", "busy", "on_hand", "owed", "out", "orders", "ordered", "demand", "lost", "filled",
)  # fmt: skip
(ARRIVED, BLOCKED, BALKED, RENEGED, WAITS, WAIT, WAIT2, DELAYED, SERVED, STAY, LEFT, QUEUE, SERVICE, CAPACITY, BUSY,
 ON_HAND, OWED, OUT, ORDERS, ORDERED, DEMAND, LOST, FILLED) = range(len(COLUMNS))  # fmt: skip
WIDTH = len(COLUMNS)

BITS = 6
LOWEST = -40
BINS = (40 - LOWEST) << BITS
HISTOGRAM = BINS + 1
"""Bins of a histogram on a scale of powers of two, 64 a power from 2^-40 to 2^40; bin 0 is nearly nothing."""


customer_of, node_of = table("customers", CUSTOMER), table("nodes", NODE)
source_of, stock_of = table("sources", SOURCE), table("stocks", STOCK)
way_of, fixed_of = table("routes", ROUTE), table("occasions", FIXED)
count_of, draw_of = table("counts", COUNT), table("draws", DRAW)
coming, place_of, logged = table("heap", EVENT), table("where", INTEGER), table("log", LOG)
real, whole = records(FLOAT), records(INTEGER)


@inner
def queue(k: Any, i: int, level: int, end: int) -> Any:
    """Who is first (``end`` 0) or last (1) in a queue."""
    return whole(k.queues, (i * k.levels + level) * 2 + end)


@inner
def of_kind(k: Any, table: Any, i: int, kind: int) -> Any:
    """What a table by station and kind says."""
    return whole(table, i * k.kinds + kind)


@inner
def sums_of(k: Any, j: int, b: int) -> Any:
    """Where the sums of row ``j`` in slice of time ``b`` begin in the tally."""
    return (j * k.batches + b) * WIDTH


@inner
def cell(k: Any, j: int, b: int, column: int) -> Any:
    """A sum of row ``j`` in slice of time ``b``."""
    return real(k.tally, (j * k.batches + b) * WIDTH + column)


@dataclass
class World:
    """The tables as arrays, and their addresses in ``clock``.

    J stands for the rows: stations times kinds, then one a kind for the whole system; B for the slices of time.

    Attributes:
        clock: one record of CLOCK.
        edges: ends of the slices of time, shape (B,).
        heap: what is to come, in a 4-ary heap, and ``where`` each event lies in it (NONE: nowhere).
        occasions: events that do not belong to customers.
        nodes, customers, sources, stocks, routes: records.
        service, patience: distribution of each kind at each station, shape (stations, kinds).
        way: route of each kind from each station.
        queues: first and last who wait, by station and level, shape (stations, levels, 2).
        targets, shares: of the routes.
        pairs: what else comes in lists: rates, calendars, balking, shape (rows, 2).
        draws: distributions and the state of their streams; ``values`` are the lists that they draw from.
        counts: who waits and is served now, shape (J,).
        tally: sums by slice of time, shape (J, B, columns).
        histogram: of waits by station and kind, of time in system by kind, shape (J, HISTOGRAM).
        greatest: longest wait, longest queue, shape (J, 2).
        log: events, where they are kept, shape (rows,).
    """

    clock: Any
    edges: Any
    heap: Any
    where: Any
    occasions: Any
    nodes: Any
    customers: Any
    sources: Any
    stocks: Any
    routes: Any
    service: Any
    patience: Any
    way: Any
    queues: Any
    targets: Any
    shares: Any
    pairs: Any
    draws: Any
    values: Any
    counts: Any
    tally: Any
    histogram: Any
    greatest: Any
    log: Any

    def __post_init__(self) -> None:
        self.addressed()

    def addressed(self) -> None:
        """Write the addresses of the tables into the clock, after one of them was replaced."""
        for name in TABLES:
            table = np.ascontiguousarray(getattr(self, name))
            setattr(self, name, table)
            self.clock[name] = table.ctypes.data
