"""Closed networks: customers who go round for ever."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.simulation import closed_forms as exact
from potomac.simulation.declared import Source
from potomac.simulation.loop.plan import Declared
from potomac.simulation.recognised.comers import (
    Comers,
    in_line,
    is_exponential,
    is_known,
    is_newest_first,
    is_plain,
    quasi_reversible,
)
from potomac.simulation.recognised.laws import mean_of
from potomac.simulation.recognised.named import Known, told
from potomac.simulation.recognised.stations import Solved

__all__ = ["closed_model", "loss_model"]

Floats = npt.NDArray[np.float64]

MOST, MOST_SEVERAL = 1_000_000, 5_000
"""Customers whose network is solved at once, with single servers and with several."""


def closed_model(d: Declared) -> Known:
    """One kind of customers who go round for ever, all stations of product form."""
    if len(d.sources) != 1 or d.stocks or d.sources[0].start > 0 or d.sources[0].batch is not None:
        return {}
    source, kind = d.sources[0], d.kinds[0]
    v = _visits(d, source, kind)
    there = [i for i in range(len(d.stations)) if v is not None and v[i] > 0]
    comers = Comers((kind,), np.ones(1), (source.priority,))
    if v is None or not all(quasi_reversible(d.stations[i], comers) for i in there):
        return {}
    m = np.array([mean_of(service) if (service := s.service_of(kind)) is not None else 0.0 for s in d.stations])
    queues = [i for i in there if isfinite(d.stations[i].servers)]
    ample = [i for i in there if i not in queues]
    several = any(d.stations[i].servers > 1 for i in queues)
    if not queues or source.population > (MOST_SEVERAL if several else MOST):
        return {}
    think = float(sum(v[i] * m[i] for i in ample))
    found = exact.closed_network(
        v[queues] * m[queues], source.population, think, [d.stations[i].servers for i in queues]
    )
    number = dict(zip(queues, found.number_in_station, strict=True)) | {
        i: found.throughput * v[i] * m[i] for i in ample
    }
    out: Known = {("system", "number_in_system"): float(source.population)}
    for i in there:
        s, rate = d.stations[i], found.throughput * v[i]
        busy = rate * m[i]
        waits = i in ample or not (s.discipline == "sharing" or is_newest_first(s))
        q = exact.Station(
            (number[i] - busy) / rate, number[i] / rate, number[i] - busy, number[i], busy / s.servers, rate
        )
        out |= told(s, comers, Solved(q, (q,), waits))
    return out


def loss_model(d: Declared) -> Known:
    """Customers who think, and find a station with limited room: who finds it full thinks again (Engset 1918).

    Without room to wait the service may be of any distribution, with it exponential; thinking may be either way.
    """
    limited = [s for s in d.stations if isfinite(s.capacity)]
    think = [s for s in d.stations if not isfinite(s.servers)]
    if len(d.sources) != 1 or len(d.stations) != 2 or len(limited) != 1 or len(think) != 1 or d.stocks:
        return {}
    source, s, t, kind = d.sources[0], limited[0], think[0], d.kinds[0]
    ways = {r.start: dict(r.to) for r in d.routes}
    around = ways == {s.name: {t.name: 1.0}, t.name: {s.name: 1.0}} and s.overflow == t.name
    refused = s.calendar or s.uptime or s.patience or any(s.balk) or s is t or source.start > 0
    service, thought = s.service_of(kind), t.service_of(kind)
    if not around or refused or source.batch is not None or service is None or thought is None or not is_plain(t):
        return {}
    comers = Comers((kind,), np.ones(1), (source.priority,))
    waits = s.capacity > s.servers
    if not (is_known(service) and is_known(thought) and in_line(s, comers)) or (waits and not is_exponential(service)):
        return {}
    q = exact.finite_source(
        source.population, 1 / mean_of(thought), 1 / mean_of(service), int(s.servers), int(s.capacity)
    )
    if not waits:
        q = replace(q, tail=None)
    thinking = source.population - q.number_in_station
    rate = thinking / mean_of(thought)
    outside = exact.Station(0.0, mean_of(thought), 0.0, thinking, np.nan, rate)
    out: Known = {("system", "number_in_system"): float(source.population)}
    return out | told(s, comers, Solved(q, (q,))) | told(t, comers, Solved(outside, (outside,)))


def _visits(d: Declared, source: Source, kind: str) -> Floats | None:
    """Visits to each station in a round, in proportion; None where customers leave or choose their way."""
    at = {s.name: i for i, s in enumerate(d.stations)}
    P = np.zeros((len(at), len(at)))
    routes = {r.start: r for r in d.routes if not r.kind} | {r.start: r for r in d.routes if r.kind == kind}
    for route in routes.values():
        if route.rule != "shares" and len(route.to) > 1:
            return None
        for to, part in route.to.items():
            if to in at:
                P[at[route.start], at[to]] = part if route.rule == "shares" else 1.0
    reached = np.array([name in source.to for name in at])
    for _ in at:
        reached |= (P[reached] > 0).any(axis=0)
    if not np.allclose(P[reached].sum(axis=1), 1):
        return None
    among = P[np.ix_(reached, reached)]
    n = int(reached.sum())
    system = np.vstack([among.T - np.eye(n), np.ones(n)])
    v = np.zeros(len(at))
    v[reached], _, rank, _ = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)
    return np.where(v > 1e-12, v, 0.0) if rank == n else None
