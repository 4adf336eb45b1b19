"""A model that ends by itself: so many customers come to a single server that is empty at first."""

from __future__ import annotations

from math import inf, isfinite

import numpy as np

from potomac.simulation import closed_forms as exact
from potomac.simulation.distributions import Distribution
from potomac.simulation.loop.plan import Declared
from potomac.simulation.recognised.comers import Comers, in_line, is_plain
from potomac.simulation.recognised.named import Known

__all__ = ["known_until_the_last"]

MOST = 10_000_000
"""Customers at most."""


def known_until_the_last(d: Declared) -> Known:
    """Mean times of all customers together, where times between arrivals and of service are gamma, or all alike."""
    if len(d.sources) != 1 or len(d.stations) != 1 or d.stocks or d.routes:
        return {}
    source, s = d.sources[0], d.stations[0]
    n, between, service = source.limit, source.interarrival, s.service_of(source.kind or source.name)
    if n is None or n > MOST or between is None or service is None or source.batch is not None:
        return {}
    comers = Comers((source.kind or source.name,), np.ones(1), (source.priority,))
    alone = source.start == 0 and source.stop == inf and s.servers == 1 and is_plain(s) and in_line(s, comers)
    if not alone or not _is_gamma(between) or not _is_gamma(service) or between.cv == service.cv == 0:
        return {}
    waits = exact.gg1_transient_waits(between.mean, service.mean, n, between.cv, service.cv)
    wait = float(waits.mean())
    out = {(s.name, "wait"): wait, (s.name, "time_in_station"): wait + service.mean}
    return out | {("system", "time_in_system"): wait + service.mean, ("system", "p_lost"): 0.0}


def _is_gamma(d: Distribution) -> bool:
    known = d.family in ("exponential", "gamma", "erlang", "deterministic")
    return known and d.mean > 0 and isfinite(d.cv)
