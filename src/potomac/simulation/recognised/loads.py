"""What is known of stations without a closed form: how much comes, and how busy the servers are.

Where nobody is lost, as many leave as come, and servers are busy for the load that they are asked for (Little 1961),
whatever the arrivals, the services and the order in which customers are served.
"""

from __future__ import annotations

from math import inf, isfinite

import numpy as np
import numpy.typing as npt

from potomac.simulation.declared import EXIT, Source, Station
from potomac.simulation.loop.plan import Declared
from potomac.simulation.recognised.comers import Comers, is_known, links, services
from potomac.simulation.recognised.laws import mean_of
from potomac.simulation.recognised.named import Known

__all__ = ["sure_places", "with_load"]

Bools = npt.NDArray[np.bool_]


def sure_places(d: Declared) -> Bools:
    """Places of which it is known how many come to them: nobody is lost before, or goes where it is shortest."""
    at = {name: i for i, name in enumerate(d.places)}
    sure = np.ones(len(at), bool)
    if not all(map(_steady, d.sources)):
        return ~sure
    ways = [(at[start], at[to]) for start, to, _ in links(d) if start in at and to in at]
    open_ = {r.start for r in d.routes if r.rule == "shortest" and len(r.to) > 1}
    doubtful = {at[s.name] for s in d.stations if _loses(s) or s.name in open_}
    doubtful |= {at[s.name] for s in d.stocks if s.lost or s.name in open_}
    todo = [*doubtful]
    while todo:
        i = todo.pop()
        for start, to in ways:
            if start == i and sure[to]:
                sure[to] = False
                todo.append(to)
    return sure


def _steady(source: Source) -> bool:
    """Whether its customers come at a rate that is known, the same at all times, and not at times fixed ahead."""
    endless = source.start == 0 and source.stop == inf and source.limit is None and not source.population
    fixed = source.interarrival is not None and (source.interarrival.is_trace or source.interarrival.variance == 0)
    cut = source.interarrival is not None and mean_of(source.interarrival) != source.interarrival.mean
    return endless and not source.times and not fixed and not cut and source.rate is None


def _loses(s: Station) -> bool:
    ways = {s.overflow, s.balk_to, s.renege_to}
    return bool(isfinite(s.capacity) or s.patience or any(s.balk)) or ways != {EXIT}


def with_load(s: Station, comers: Comers) -> Known:
    """Throughput and utilization of a station that nobody is lost at, and whose servers can do what comes."""
    each = services(s, comers.kinds)
    if _loses(s) or s.calendar or s.preemption == "repeat" or not all(map(is_known, each)):
        return {}
    load = float(comers.rates @ np.array([mean_of(one) for one in each]))
    if not load < s.mean_servers:
        return {}
    name = s.name
    out: Known = {(name, "throughput"): comers.rate}
    out |= {(name, lost): 0.0 for lost in ("p_block", "p_renege", "p_balk")}
    if len(comers.kinds) > 1:
        out |= {(f"{name}:{kind}", "throughput"): float(r) for kind, r in zip(comers.kinds, comers.rates, strict=True)}
    if s.discipline != "sharing":
        out[name, "busy_servers"] = load
    if s.uptime is not None and s.repair is not None:
        out[name, "availability"] = s.mean_servers / s.servers
    if not isfinite(s.servers):
        time = load / comers.rate
        out |= {(name, "wait"): 0.0, (name, "queue_length"): 0.0, (name, "p_wait"): 0.0}
        return out | {(name, "time_in_station"): time, (name, "number_in_station"): load}
    return out | {(name, "utilization"): load / s.mean_servers}
