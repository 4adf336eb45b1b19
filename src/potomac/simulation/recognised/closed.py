"""Closed networks: customers who go round for ever."""

from __future__ import annotations

from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.simulation import closed_forms as exact
from potomac.simulation.declared import Source
from potomac.simulation.plan import Declared
from potomac.simulation.recognised.comers import Comers, is_newest_first, quasi_reversible
from potomac.simulation.recognised.named import Known, told
from potomac.simulation.recognised.stations import Solved

__all__ = ["closed_model"]

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
    m = np.array([service.mean if (service := s.service_of(kind)) is not None else 0.0 for s in d.stations])
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
