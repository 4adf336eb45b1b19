"""How long a model takes to forget its empty start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.simulation.declared import Station
from potomac.simulation.drawn import mean_of
from potomac.simulation.estimates.intervals import student
from potomac.simulation.executors.execute import replications
from potomac.simulation.executors.measures import series
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.plan import Declared
from potomac.simulation.traffic import traffic
from potomac.stats.streams import Stream

__all__ = ["Warmup", "mser", "relaxation", "rising", "truncated"]

Floats = npt.NDArray[np.float64]

PILOTS, SLICES, PILOT, FORGET = 10, 200, 40, 5
"""Pilot runs, their slices, their length and the least warm-up, the last two in relaxation times."""


@dataclass(frozen=True)
class Warmup:
    """What is left out at the start.

    Attributes:
        time: up to which nothing counts.
        steady: whether what is left is meant to be the long run.
        why: how it was found, in a few words.
        curve: mean over the pilot runs by slice of time, for the picture; empty where there was none.
        edges: ends of those slices.
        notes: what a reader must know.
    """

    time: float
    steady: bool
    why: str
    curve: tuple[float, ...] = ()
    edges: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def moved(self, time: float) -> Warmup:
        """The same, up to another time."""
        return replace(self, time=time)


def relaxation(d: Declared) -> float:
    """How long the slowest part of a model takes to forget, roughly.

    Of a queue G/G/c it is E[S] (1 + cv^2) / (c (1 - rho)^2), the unit of time of the Brownian motion that a busy queue
    comes near to (Abate and Whitt 1987); the relaxation time of M/M/1, (1 + sqrt(rho))^2 / (1 - rho)^2 services, is at
    most twice that. Where room, patience or balking keep customers away it is bounded by them. Of stocks it is the time
    from order to order, of what repeats its period, of what fails its life and repair.
    """
    flow = traffic(d)
    scale = max((_station(s, flow.loads[i], flow.servers[i]) for i, s in enumerate(d.stations)), default=0.0)
    for stock in d.stocks:
        rate = max(float(flow.rates[d.places.index(stock.name)].sum()), 1e-300)
        cycle = max(stock.S - stock.s, stock.Q, 1.0) / rate
        scale = max(scale, cycle, stock.lead.mean if stock.lead else 0.0, stock.review)
    slowest = max((_mean(s) / min(s.mean_servers or 1.0, 1e9) for s in d.stations), default=0.0)
    for source in d.sources:
        scale = max(scale, source.population * slowest)
        if source.rate is not None:
            scale = max(scale, sum(source.rate.durations))
        elif source.interarrival is not None:
            scale = max(scale, mean_of(source.interarrival))
    for station in d.stations:
        if station.calendar:
            scale = max(scale, sum(length for length, _ in station.calendar))
        if station.uptime is not None and station.repair is not None:
            scale = max(scale, station.uptime.mean + station.repair.mean)
    return scale


def _mean(s: Station) -> float:
    return max((mean_of(service) for service in s.service.values()), default=0.0)


def _station(s: Station, load: float, servers: float) -> float:
    """Relaxation time of one station at its offered load."""
    if not isfinite(servers) or servers <= 0:
        return _mean(s)
    rho, bound = load / servers, inf
    if isfinite(s.capacity):
        bound = (s.capacity - min(servers, s.capacity) + 1) ** 2
    if s.patience:
        bound = min(bound, max(p.mean for p in s.patience.values()) / max(_mean(s), 1e-300) * servers + servers)
    if s.balk and s.balk[-1] > 0:
        bound = min(bound, float(len(s.balk) + 1) ** 2 / s.balk[-1])
    times = min(1 / max((1 - rho) ** 2, 1e-12), bound)
    spread = max((min(x.cv**2, 100.0) if isfinite(x.cv) else 100.0 for x in s.service.values()), default=1.0)
    return max(_mean(s), _mean(s) * (1 + spread) / servers * times)


def mser(x: Floats, group: int = 5) -> int:
    """Where to cut a series so that the mean of the rest is told best (White 1997, MSER-5).

    Args:
        x: averages by slice, shape (n,).
        group: slices that are averaged first.

    Returns:
        Number of values to leave out, at most half of them.
    """
    n = x.size // group
    if n < 4:
        return 0
    y = x[: n * group].reshape(n, group).mean(1)
    back = y[::-1]
    count = np.arange(1, n + 1)
    mean = np.cumsum(back) / count
    spread = np.cumsum(back**2) / count - mean**2
    value = (np.maximum(spread, 0) / count)[::-1]
    return int(np.argmin(value[: n // 2 + 1])) * group


def truncated(d: Declared, until: float, scale: float, stream: Stream, progress: Progress) -> Warmup:
    """A warm-up by MSER-5 over the mean of pilot runs, and no shorter than the model is known to need.

    Five relaxation times leave less than 2 % of what an empty start lacks; of a short run at most a third is left out.
    The pilots run until MSER-5 cuts less than a third of them.

    Args:
        d: the model.
        until: end of a run.
        scale: ``relaxation`` of the model.
        stream: keys the draws; the pilot runs are replications 0 to 9.
        progress: hears of the pilot runs.
    """
    end = min(until, PILOT * scale)
    while True:
        curve, edges = _pilot(d, end, stream, progress)
        cut = mser(curve)
        if cut <= SLICES / 3 or end >= until / 2:
            break
        end = min(2 * end, until)
    found = float(edges[cut - 1]) if cut else 0.0
    time = min(max(FORGET * scale, found), until / 3)
    return Warmup(time, True, "MSER-5 over pilot runs", tuple(curve.tolist()), tuple(edges.tolist()))


def _pilot(d: Declared, end: float, stream: Stream, progress: Progress) -> tuple[Floats, Floats]:
    """Customers inside (and goods on hand) by slice of time, the mean of pilot runs; and the ends of the slices."""
    window = Window.of(end, slices=SLICES)
    runs = replications(d, range(PILOTS), window, stream, progress=progress)
    curve = series(d, runs, window.edges, "system", "number_in_system").mean(0)
    for stock in d.stocks:
        curve = curve + series(d, runs, window.edges, stock.name, "on_hand").mean(0)
    return np.asarray(curve), window.edges


def rising(x: Floats) -> bool:
    """Whether a curve goes on rising over the time that counts: the model does not settle.

    Args:
        x: averages by replication and slice, shape (R, B).

    Returns:
        The last half is above the first by a quarter, and by more than happens by chance once in 100,000 times.
    """
    half = x.shape[1] // 2
    if x.shape[0] < 2 or half < 2:
        return False
    first, last = x[:, :half].mean(1), x[:, -half:].mean(1)
    more = last - first
    chance = student(1 - 1e-5, more.size - 1) * more.std(ddof=1) / np.sqrt(more.size)
    return bool(more.mean() > max(0.25 * first.mean(), chance))
