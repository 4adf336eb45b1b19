"""First come, first served, without an event list: Lindley's recursion, and that of Kiefer and Wolfowitz for c servers.

A customer's wait follows from that of the one before: W' = max(0, W + S - A) (Lindley 1952); with c servers a customer
begins when the first of them is free (Kiefer and Wolfowitz 1955). Stations in a row take each other's departures. The
streams are those of the event loop, drawn in the same order, so both give the same waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import NoAnswer
from potomac.simulation.declared import EXIT, Source, Station
from potomac.simulation.executors.replication import Counts, Replication, Window, exhausted, histogram_quantiles
from potomac.simulation.loop.draws import EXPONENTIAL, LOGNORMAL, TRACE, draw, normal_quantile, uniform_of
from potomac.simulation.loop.memory import bits_of, inner
from potomac.simulation.loop.plan import Declared, Plan
from potomac.simulation.loop.world import (
    ARRIVED,
    BINS,
    BITS,
    CAPACITY,
    DELAYED,
    LEFT,
    LOWEST,
    QUEUE,
    SERVED,
    SERVICE,
    STAY,
    WAIT,
    WAIT2,
    WAITS,
)  # fmt: skip
from potomac.stats.compiled import compiled
from potomac.stats.streams import Stream

__all__ = ["Row", "fill", "in_a_row", "recur"]

Floats = npt.NDArray[np.float64]

BLOCK = 1 << 15
"""Customers at a time: what they draw fits the second cache."""

IN_ORDER = 128
"""Most servers whose times are kept in order: moving so many is faster than the guesses that a heap takes."""


@dataclass(frozen=True)
class Row:
    """Stations in a row that one source feeds.

    Attributes:
        source: of all customers.
        stations: in the order in which customers pass.
        numbers: of these stations in the model.
    """

    source: Source
    stations: tuple[Station, ...]
    numbers: tuple[int, ...]


def in_a_row(d: Declared) -> Row | None:
    """The stations in a row, where the model is nothing but that and first come is first served; else None."""
    if len(d.sources) != 1 or d.stocks or not d.stations:
        return None
    source, stations = d.sources[0], {s.name: s for s in d.stations}
    if source.batch or source.population or source.rate or source.start or source.limit is not None:
        return None
    follows = {r.start: r for r in d.routes}
    order: list[str] = []
    to = dict(source.to)
    while True:
        if len(to) != 1:
            return None
        name = next(iter(to))
        if name == EXIT:
            break
        if name in order or not _plain(stations[name], source.kind or source.name):
            return None
        order.append(name)
        route = follows.get(name)
        if route is not None and route.rule != "shares":
            return None
        to = dict(route.to) if route else {EXIT: 1.0}
    if len(order) != len(stations) or any(stations[n].servers > 1 for n in order[:-1]):
        return None  # several servers let customers overtake each other
    numbers = tuple(d.places.index(n) for n in order)
    return Row(source, tuple(stations[n] for n in order), numbers)


def _plain(s: Station, kind: str) -> bool:
    return (
        s.discipline in ("fcfs", "priority") and s.preemption == "none" and not isfinite(s.capacity) and not s.patience
        and not s.balk and not s.calendar and s.uptime is None and isfinite(s.servers)
        and s.service_of(kind) is not None
    )  # fmt: skip


@compiled(nogil=True)
def _uniforms(draws: Any, s: int, out: Any) -> None:
    d = draws[s]
    for i in range(out.size):
        out[i] = uniform_of(d)


@compiled(nogil=True)
def _normals(draws: Any, s: int, out: Any) -> None:
    d = draws[s]
    for i in range(out.size):
        out[i] = normal_quantile(uniform_of(d))


@compiled(nogil=True)
def _drawn(draws: Any, s: int, out: Any) -> None:
    d = draws[s]
    for i in range(out.size):
        out[i] = draw(d)


def fill(draws: npt.NDArray[Any], s: int, out: Floats) -> None:
    """The next draws of stream ``s``; logarithms of exponentials and powers of lognormals are taken together."""
    family, a, b = (draws[name][s].item() for name in ("family", "a", "b"))
    if family == EXPONENTIAL:
        _uniforms(draws, s, out)
        np.subtract(1.0, out, out=out)
        np.log(out, out=out)
        out *= -a
    elif family == LOGNORMAL:
        _normals(draws, s, out)
        out *= b
        out += a
        np.exp(out, out=out)
    else:
        _drawn(draws, s, out)


@inner
def _bin(x: float) -> int:
    return min(max((bits_of(x) >> (52 - BITS)) - ((1023 + LOWEST) << BITS) + 1, 0), BINS)


@inner
def _spread(tally: Any, edges: Any, b: int, column: int, start: float, end: float) -> None:
    """Add the part of an interval that lies in each slice from ``b`` on."""
    while b < edges.size and start < end:
        until = min(end, edges[b])
        if until > start:
            tally[b, column] += until - start
            start = until
        b += 1


@inner
def _slice(edges: Any, b: int, t: float) -> int:
    """The slice of time, from ``b`` on, that ``t`` lies in."""
    while b < edges.size and t >= edges[b]:
        b += 1
    return b


@inner
def _left(tally: Any, edges: Any, b: int, end: float) -> None:
    b = _slice(edges, b, end)
    if b < edges.size:
        tally[b, LEFT] += 1


@inner
def _put_down(
    tally: Any, b: int, arrived: int, wait: float, wait2: float, delayed: int, stay: float, queue: float,
    service: float, left: int,
) -> None:  # fmt: skip
    """Add the sums of a slice of time at a station, which were kept in registers."""
    tally[b, ARRIVED] += arrived
    tally[b, WAIT] += wait
    tally[b, WAIT2] += wait2
    tally[b, DELAYED] += delayed
    tally[b, STAY] += stay
    tally[b, QUEUE] += queue
    tally[b, SERVICE] += service
    tally[b, LEFT] += left


@inner
def _put_down_whole(tally: Any, b: int, arrived: int, stay: float, left: int) -> None:
    """Add those of a slice for the way through the whole row."""
    tally[b, ARRIVED] += arrived
    tally[b, SERVED] += arrived
    tally[b, STAY] += stay
    tally[b, LEFT] += left


@inner
def _first_free(free: Any, c: int, end: float) -> None:
    """The server that is free first serves until ``end``: times in order where there are few, else a heap."""
    i = 0
    if c <= IN_ORDER:
        while i + 1 < c and free[i + 1] < end:
            free[i] = free[i + 1]
            i += 1
        free[i] = end
        return
    while True:
        child = 2 * i + 1
        if child >= c:
            break
        if child + 1 < c and free[child + 1] < free[child]:
            child += 1
        if end <= free[child]:
            break
        free[i] = free[child]
        i = child
    free[i] = end


@compiled(nogil=True)
def _serve(
    state: Any, free: Any, times: Any, services: Any, edges: Any, tally: Any, histogram: Any, first: int,
    stop: float,
) -> int:  # fmt: skip
    """Let a block of customers through one station.

    Args:
        state: slice of time that the last arrival fell into, longest wait, shape (2,).
        free: time at which each server is free, in order or in a heap, shape (c,).
        times: arrivals, shape (n,); departures afterwards.
        services: shape (n,).
        edges: ends of the slices, shape (B,).
        tally: shape (B, columns).
        histogram: of the waits.
        first: slice from which on the histogram counts.
        stop: nobody comes from here on.

    Returns:
        How many came before ``stop``.
    """
    b, c, longest = int(state[0]), free.size, state[1]
    arrived, wait, wait2, delayed, stay, queue, service, left = 0, 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0
    edge = edges[b] if b < edges.size else np.inf
    n = times.size
    for i in range(times.size):
        t, s = times[i], services[i]
        if t >= stop:
            n = i
            break
        if t >= edge:
            _put_down(tally, b, arrived, wait, wait2, delayed, stay, queue, service, left)
            arrived, wait, wait2, delayed, stay, queue, service, left = 0, 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0
            b = _slice(edges, b, t)
            edge = edges[b] if b < edges.size else np.inf
        begin = max(t, free[0])
        end = begin + s
        if c == 1:
            free[0] = end
        else:
            _first_free(free, c, end)
        times[i] = end
        if b == edges.size:
            continue
        w = begin - t
        arrived += 1
        wait += w
        wait2 += w * w
        delayed += w > 0
        stay += end - t
        longest = max(longest, w)
        if end < edge:
            queue += w
            service += s
            left += 1
        else:
            _spread(tally, edges, b, QUEUE, t, begin)
            _spread(tally, edges, b, SERVICE, begin, end)
            _left(tally, edges, b, end)
        if b >= first:
            histogram[_bin(w)] += 1
    if b < edges.size:
        _put_down(tally, b, arrived, wait, wait2, delayed, stay, queue, service, left)
    state[0], state[1] = b, longest
    return n


@compiled(nogil=True)
def _whole(times: Any, ends: Any, n: int, edges: Any, tally: Any, histogram: Any, first: int) -> None:
    """Tally the way through the whole row: who entered at ``times`` and left at ``ends``."""
    b = 0
    arrived, stay, left = 0, 0.0, 0
    edge = edges[b] if b < edges.size else np.inf
    for i in range(n):
        t, end = times[i], ends[i]
        if t >= edge:
            _put_down_whole(tally, b, arrived, stay, left)
            arrived, stay, left = 0, 0.0, 0
            b = _slice(edges, b, t)
            edge = edges[b] if b < edges.size else np.inf
        if b == edges.size:
            return
        arrived += 1
        stay += end - t
        if end < edge:
            left += 1
        else:
            _left(tally, edges, b, end)
        if b >= first:
            histogram[_bin(end - t)] += 1
    if b < edges.size:
        _put_down_whole(tally, b, arrived, stay, left)


def recur(
    plan: Plan, row: Row, number: int, window: Window, stream: Stream, quantiles: tuple[float, ...] = (),
    mirrored: bool = False, heard: Callable[[float], None] = lambda share: None, keep: bool = False,
) -> Replication:  # fmt: skip
    """One replication of stations in a row, as the event loop counts it; the longest queue is not known.

    Memory does not grow with the number of customers.

    Raises:
        NoAnswer: a trace of service times has ended.
    """
    w = plan.world(plan.generators(stream, number, mirrored), window.edges, counted_from=window.first, customers=8)
    edges, stop = w.edges, min(row.source.stop, window.end)
    states = [np.zeros(2) for _ in row.stations]
    free = [np.zeros(int(s.servers)) for s in row.stations]
    last, events = 0.0, 0
    system = w.tally[len(plan.declared.places)], w.histogram[len(plan.declared.places)]
    for entered in _arrivals(w, row, stop):
        times, n = entered.copy(), entered.size
        for at, i in enumerate(row.numbers):
            services = np.empty(n)
            fill(w.draws, int(w.service[i, 0]), services)
            if w.draws["family"][w.service[i, 0]] == TRACE and n and services[-1] == inf:
                _exhausted(plan, w, int(w.service[i, 0]), entered, services, stop)
            n = _serve(states[at], free[at], times, services, edges, w.tally[i], w.histogram[i], window.first,
                       stop if at == 0 else inf)  # fmt: skip
            times = times[:n]
        _whole(entered, times, n, edges, *system, window.first)
        last, events = max(last, float(times.max(initial=0.0))), events + (len(row.stations) + 1) * n
        heard(min(float(entered[n - 1]) / stop, 1.0) if n and isfinite(stop) else 0.0)
    end = window.end if isfinite(window.end) else last
    for i, station, state in zip(row.numbers, row.stations, states, strict=True):
        _completed(w.tally[i], edges, end, station.servers)
        w.greatest[i] = state[1], np.nan
    return Replication(
        number, w.tally, histogram_quantiles(w.histogram, quantiles), w.greatest, end, events, 0,
        Counts.of(w.histogram) if keep else None,
    )  # fmt: skip


def _exhausted(plan: Plan, w: Any, s: int, entered: Floats, services: Floats, stop: float) -> None:
    """Say so, where somebody comes whose service time the trace does not have."""
    if entered[np.flatnonzero(np.isinf(services))[0]] < stop:
        raise NoAnswer(exhausted(plan.names[s], int(w.draws["length"][s])))


def _completed(tally: Floats, edges: Floats, end: float, servers: float) -> None:
    """What follows from the rest: all who came are served, and the servers are always there."""
    tally[:, WAITS] = tally[:, SERVED] = tally[:, ARRIVED]
    tally[:, CAPACITY] = servers * np.diff(np.concatenate([[0.0], np.minimum(edges, end)]))


def _arrivals(w: Any, row: Row, stop: float) -> Iterator[Floats]:
    """Times of arrival, block by block, until the doors close."""
    t, s, source = 0.0, int(w.sources[0]["draw"]), row.source
    if source.times:
        every = np.asarray(source.times)
        for start in range(0, every.size, BLOCK):
            yield every[start : start + BLOCK].copy()
        return
    while t < stop:
        gaps = np.empty(BLOCK)
        fill(w.draws, s, gaps)
        gaps[0] += t
        times = np.cumsum(gaps)
        if not isfinite(times[-1]):  # a trace of the times between arrivals is through
            through = int(np.isfinite(times).sum())
            if through:
                yield times[:through]
            return
        t = float(times[-1])
        yield times
