"""What the event loop works on: a few tables of records, all of them arrays, so that a new model compiles nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from potomac.simulation.draws import DRAW
from potomac.simulation.memory import FLOAT, INTEGER, inner, records, table

__all__ = [
    "BINS", "CLOCK", "COLUMNS", "COUNT", "CUSTOMER", "EVENT", "FIXED", "HISTOGRAM", "NODE", "NONE", "ROUTE", "SOURCE",
    "STOCK", "World",
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
    "edges", "heap", "where", "occasions", "nodes", "customers", "sources", "stocks", "routes", "service", "patience", "way",
    "queues", "targets", "shares", "pairs", "draws", "counts", "tally", "histogram", "greatest", "log",
)  # fmt: skip
"""Tables whose addresses the first record holds."""

CLOCK = np.dtype(
    [*((name, "u8") for name in TABLES), ("now", "f8"), ("edge", "f8"), ("limit", "f8"), ("size", "i8"), ("sequence", "i8"), ("free", "i8"),
     ("spare", "i8"), ("batch", "i8"), ("batches", "i8"), ("visits", "i8"), ("tags", "i8"), ("events", "i8"),
     ("inside", "i8"), ("most", "i8"), ("status", "i8"), ("fixed", "i8"), ("kinds", "i8"), ("levels", "i8"),
     ("stations", "i8"), ("histogram_from", "i8"), ("logged", "i8"), ("short", "i8"),      ("born", "i8"), ("rows", "i8"), ("begun", "i8"), ("stores", "i8")], align=True,
)  # fmt: skip
"""The record that all others are found by. ``batch`` is the slice of time that counts now, NONE past the end; ``visits`` and ``tags`` how many that
came within it are still at a station, in the system; ``free`` heads the list of unused customers."""

NODE = np.dtype(
    [("type", "i8"), ("discipline", "i8"), ("ranked", "i8"), ("preempt", "i8"), ("servers", "i8"), ("planned", "i8"), ("down", "i8"),
     ("busy", "i8"), ("inside", "i8"), ("waiting", "i8"), ("capacity", "i8"), ("tracked", "i8"), ("serving", "i8"),
     ("balk", "i8"), ("balk_length", "i8"), ("balk_draw", "i8"), ("balk_to", "i8"), ("overflow", "i8"),
     ("renege_to", "i8"), ("calendar", "i8"), ("calendar_length", "i8"), ("piece", "i8"), ("event", "i8"),
     ("fail", "i8"), ("repair", "i8"), ("root", "i8"), ("stock", "i8"), ("route_draw", "i8"), ("last", "f8"),
     ("period", "f8"), ("turn", "f8"), ("virtual", "f8"), ("virtual_at", "f8")], align=True,
)  # fmt: skip

CUSTOMER = np.dtype(
    [("node", "i8"), ("kind", "i8"), ("level", "i8"), ("next", "i8"), ("prev", "i8"), ("batch", "i8"),
     ("batch_in", "i8"), ("waits", "i8"), ("number", "i8"), ("order", "i8"), ("arrived", "f8"), ("entered", "f8"),
     ("since", "f8"), ("waited", "f8"), ("need", "f8"), ("ends", "f8"), ("amount", "f8")], align=True,
)  # fmt: skip
"""A customer, or a replenishment under way (``order``, the stock's node). ``next`` and ``prev`` link a queue, those in
service, the heap of a shared station, or the unused."""

SOURCE = np.dtype(
    [("type", "i8"), ("draw", "i8"), ("size", "i8"), ("kind", "i8"), ("level", "i8"), ("route", "i8"),
     ("route_draw", "i8"), ("left", "i8"), ("pending", "i8"), ("offset", "i8"), ("length", "i8"), ("piece", "i8"),
     ("factor_draw", "i8"), ("start", "f8"), ("stop", "f8"), ("period", "f8"), ("turn", "f8"),
     ("factor", "f8")], align=True,
)  # fmt: skip

STOCK = np.dtype(
    [("node", "i8"), ("policy", "i8"), ("lost", "i8"), ("lost_to", "i8"), ("lead", "i8"), ("quantity", "i8"),
     ("on_hand", "f8"), ("on_order", "f8"), ("owed", "f8"), ("s", "f8"), ("S", "f8"), ("Q", "f8"), ("review", "f8"),
     ("last", "f8")], align=True,
)  # fmt: skip

ROUTE = np.dtype([("type", "i8"), ("offset", "i8"), ("length", "i8"), ("turn", "i8")], align=True)
EVENT = np.dtype([("time", "f8"), ("order", "i8"), ("event", "i8")], align=True)
FIXED = np.dtype([("type", "i8"), ("index", "i8"), ("state", "i8"), ("first", "f8")], align=True)
COUNT = np.dtype([("queue", "f8"), ("service", "f8"), ("last", "f8")], align=True)

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
"""Bins of a histogram on a scale of powers of two, 64 a power from 2^-40 to 2^40; bin 0 holds what is nearly nothing."""



customer_of, node_of = table(CLOCK, "customers", CUSTOMER), table(CLOCK, "nodes", NODE)
source_of, stock_of = table(CLOCK, "sources", SOURCE), table(CLOCK, "stocks", STOCK)
way_of, fixed_of = table(CLOCK, "routes", ROUTE), table(CLOCK, "occasions", FIXED)
count_of, draw_of = table(CLOCK, "counts", COUNT), table(CLOCK, "draws", DRAW)
coming, place_of = table(CLOCK, "heap", EVENT), table(CLOCK, "where", INTEGER)
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
def cell(k: Any, j: int, b: int, column: int) -> Any:
    """A sum of row ``j`` in slice of time ``b``."""
    return real(k.tally, (j * k.batches + b) * WIDTH + column)


@dataclass
class World:
    """The tables as arrays, and their addresses in ``clock``. J = stations times kinds, and a row a kind for the whole
    system; B slices of time.

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
        log: events, where they are kept, shape (rows, 5).
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
