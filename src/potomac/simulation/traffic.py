"""Traffic equations: how many customers each station sees in the long run, and whether its servers can do it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault
from potomac.simulation.declared import Station
from potomac.simulation.drawn import mean_of
from potomac.simulation.loop.plan import Declared

__all__ = ["Traffic", "endless", "traffic", "unstable", "visits"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """Long-run rates as the routes give them, nobody lost or giving up on the way.

    Attributes:
        rates: arrivals a unit of time, by place and kind, shape (places, kinds).
        loads: of each station: mean service time asked for a unit of time, shape (stations,).
        servers: of each station in the long run, shape (stations,).
    """

    rates: Floats
    loads: Floats
    servers: Floats


def _shares(d: Declared, kind: str) -> tuple[Floats, Floats]:
    """Where customers of a kind come in, a unit of time, and the share that goes from each place to each other."""
    at = {name: i for i, name in enumerate(d.places)}
    entering, moving = np.zeros(len(at)), np.zeros((len(at), len(at)))
    for source in d.sources:
        if (source.kind or source.name) == kind:
            for name, share in source.to.items():
                if name in at:
                    entering[at[name]] += source.mean_rate * share
    routes = {r.start: r for r in d.routes if not r.kind} | {r.start: r for r in d.routes if r.kind == kind}
    for route in routes.values():
        whole = sum(route.to.values()) if route.rule == "shares" else len(route.to)
        for name, share in route.to.items():
            if name in at and route.start in at:
                moving[at[route.start], at[name]] += (share if route.rule == "shares" else 1.0) / whole
    return entering, moving


def endless(d: Declared) -> Iterator[Fault]:
    """A fault for each kind of customers who come from outside and can never leave again."""
    closed = {s.kind or s.name for s in d.sources if s.population}
    for kind in d.kinds:
        if kind in closed:
            continue
        _entering, moving = _shares(d, kind)
        into = {n for s in d.sources if (s.kind or s.name) == kind for n in s.to if n in d.places}
        reached = _reached(moving > 0, [d.places.index(n) for n in into])
        leaves = moving.sum(1) < 1 - 1e-9
        stuck = [i for i in reached if not any(leaves[k] for k in _reached(moving > 0, [i]))]
        if stuck:
            names = " -> ".join(d.places[i] for i in stuck)
            found = f"customers of {kind!r:.60} never leave: {names} lead only to each other"
            yield Fault("simulation.endless", found, "", 'Add a route to "exit", or let them be a population')


def _reached(leads: npt.NDArray[np.bool_], start: list[int]) -> list[int]:
    seen, todo = set(start), list(start)
    while todo:
        for j in np.flatnonzero(leads[todo.pop()]).tolist():
            if j not in seen:
                seen.add(j)
                todo.append(j)
    return sorted(seen)


def visits(d: Declared) -> Iterator[tuple[Station, str]]:
    """Stations and the kinds of customers who may come there, by any way."""
    aside = {s.name: (s.overflow, s.balk_to, s.renege_to) for s in d.stations} | {
        s.name: (s.lost_to,) for s in d.stocks
    }
    for kind in d.kinds:
        _, moving = _shares(d, kind)
        leads = moving > 0
        for name, others in aside.items():
            for other in others:
                if other in d.places:
                    leads[d.places.index(name), d.places.index(other)] = True
        into = {n for s in d.sources if (s.kind or s.name) == kind for n in s.to if n in d.places}
        for i in _reached(leads, [d.places.index(n) for n in into]):
            if i < len(d.stations):
                yield d.stations[i], kind


def traffic(d: Declared) -> Traffic:
    """The rates solve lambda = entering + lambda P, kind by kind (Jackson 1957)."""
    rates = np.zeros((len(d.places), len(d.kinds)))
    loads = np.zeros(len(d.stations))
    for k, kind in enumerate(d.kinds):
        entering, moving = _shares(d, kind)
        if entering.any():
            rates[:, k] = np.linalg.solve(np.eye(len(d.places)) - moving.T, entering)
        for i, station in enumerate(d.stations):
            service = station.service_of(kind)
            if service is not None and rates[i, k] > 0:
                loads[i] += rates[i, k] * mean_of(service)
    return Traffic(rates, loads, np.array([s.mean_servers for s in d.stations], float))


def unstable(d: Declared, flow: Traffic) -> Iterator[Fault]:
    """A fault for each station whose servers cannot do what comes, where nothing keeps customers away."""
    for i, station in enumerate(d.stations):
        relieved = isfinite(station.capacity) or station.patience or (station.balk and station.balk[-1] > 0)
        if relieved or not isfinite(flow.servers[i]) or flow.loads[i] < flow.servers[i] * (1 - 1e-12):
            continue
        servers = f"{flow.servers[i]:.4g} server{'' if flow.servers[i] == 1 else 's'}"
        found = f"station {station.name} is unstable: offered load {flow.loads[i]:.4g} for {servers}"
        yield Fault("simulation.unstable", found, "", "Give until, or add servers", key=f"station.{station.name}")
