"""Who comes to each place, and where arrivals are surely Poisson."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
import numpy.typing as npt

from potomac.simulation.declared import Source, Station
from potomac.simulation.distributions import Distribution
from potomac.simulation.loop.plan import Declared

__all__ = [
    "Comers", "comers_of", "common_mean", "first_come", "in_line", "is_exponential", "is_known", "is_newest_first",
    "is_plain", "links", "poisson_places", "quasi_reversible", "services",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Comers:
    """Who comes to a place: kinds, how many of each a unit of time, and how urgent each is (smaller is more)."""

    kinds: tuple[str, ...]
    rates: Floats
    priorities: tuple[int, ...]

    @property
    def rate(self) -> float:
        """Of all together."""
        return float(self.rates.sum())

    @property
    def alike(self) -> bool:
        """Whether nobody is more urgent than others."""
        return len(set(self.priorities)) == 1


def comers_of(d: Declared, rates: Floats) -> Comers:
    """Who comes to a place, from its rate of each kind."""
    some = np.flatnonzero(rates > 0)
    urgent = {source.kind or source.name: source.priority for source in d.sources}
    names = tuple(d.kinds[k] for k in some)
    return Comers(names, rates[some], tuple(urgent[name] for name in names))


def is_poisson(source: Source) -> bool:
    """Whether the source is a Poisson process that never ends."""
    endless = source.start == 0 and source.stop == inf and source.limit is None
    return endless and source.batch is None and source.interarrival is not None and is_exponential(source.interarrival)


def is_exponential(d: Distribution) -> bool:
    """Whether the distribution is exponential, by whatever name."""
    one = {"exponential": "", "gamma": "shape", "weibull": "shape", "erlang": "k"}
    return d.family in one and (d.family == "exponential" or d[one[d.family]] == 1)


def links(d: Declared) -> Iterator[tuple[str, str, bool]]:
    """From, to and whether by plain shares, for all ways between places."""
    for route in d.routes:
        for to, share in route.to.items():
            if share > 0:
                yield route.start, to, route.rule == "shares" or len(route.to) == 1
    for s in d.stations:
        for to in (s.overflow, s.balk_to, s.renege_to):
            yield s.name, to, False
    for stock in d.stocks:
        yield stock.name, stock.lost_to, False


def poisson_places(d: Declared, quasi: Bools) -> Bools:
    """Which places see Poisson arrivals: from Poisson sources, through quasi-reversible stations alone."""
    at = {name: i for i, name in enumerate(d.places)}
    clean = np.ones(len(at), bool)
    for source in d.sources:
        if not is_poisson(source):
            clean[[at[name] for name in source.to if name in at]] = False
    ways = [(at[start], at[to], plain) for start, to, plain in links(d) if to in at and start in at]
    changed = True
    while changed:
        changed = False
        for i, j, plain in ways:
            if clean[j] and not (plain and quasi[i] and clean[i]):
                clean[j], changed = False, True
    return clean


def is_plain(s: Station) -> bool:
    """Whether its servers are always there, everybody comes in and everybody waits."""
    return not (s.calendar or s.uptime or any(s.balk) or isfinite(s.capacity) or s.patience)


def first_come(s: Station) -> bool:
    """Whether those who wait are served in the order of their arrival, where they wait in line."""
    return s.discipline in ("fcfs", "priority")


def services(s: Station, kinds: Iterable[str]) -> list[Distribution]:
    """Service times of the kinds at a station."""
    return [service for kind in kinds if (service := s.service_of(kind)) is not None]


def common_mean(s: Station, comers: Comers) -> float | None:
    """The mean service where it is exponential and alike for all, else None."""
    each = services(s, comers.kinds)
    return each[0].mean if all(is_exponential(one) and one.mean == each[0].mean for one in each) else None


def is_newest_first(s: Station) -> bool:
    """Whether the newest takes the server over and the other goes on later."""
    return s.discipline == "lcfs" and s.preemption == "resume" and s.servers == 1


def in_line(s: Station, comers: Comers) -> bool:
    """Whether customers wait in one line and nobody interrupts."""
    if s.discipline == "priority":
        return comers.alike
    return s.discipline in ("fcfs", "lcfs", "random") and s.preemption == "none"


def quasi_reversible(s: Station, comers: Comers) -> bool:
    """Whether what leaves the station is Poisson where what comes is."""
    if not is_plain(s) or not comers.kinds or not all(map(is_known, services(s, comers.kinds))):
        return False
    if not isfinite(s.servers) or s.discipline == "sharing" or is_newest_first(s):
        return True
    return in_line(s, comers) and common_mean(s, comers) is not None


def is_known(d: Distribution) -> bool:
    """Whether draws are independent of each other, and of a known mean."""
    return not d.is_trace and isfinite(d.mean) and d.mean > 0
