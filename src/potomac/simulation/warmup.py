"""How long a model takes to forget its empty start."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.simulation.execute import replications
from potomac.simulation.measures import series
from potomac.simulation.plan import Declared
from potomac.simulation.replication import Window
from potomac.simulation.traffic import traffic
from potomac.stats.streams import Stream

__all__ = ["Warmup", "mser", "relaxation", "truncated"]

Floats = npt.NDArray[np.float64]

PILOTS, SLICES = 10, 200


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


def relaxation(d: Declared) -> float:
    """How long the slowest station takes to forget, roughly: E[S] (1 + cv^2) / (c (1 - rho)^2) of a queue M/G/c.

    The relaxation time of M/M/1 is (1 + sqrt(rho))^2 / (1 - rho)^2 service times (Cohen 1982); other stations alike.
    """
    flow, scale = traffic(d), 0.0
    for i, station in enumerate(d.stations):
        c = flow.servers[i]
        for service in station.service.values():
            spread = min(service.cv**2, 100.0) if isfinite(service.cv) else 100.0
            rho = min(flow.loads[i] / c, 0.99) if isfinite(c) and c > 0 else 0.0
            many = c if isfinite(c) and c > 0 else 1.0
            scale = max(scale, service.mean, service.mean * (1 + spread) / (many * (1 - rho) ** 2))
    for stock in d.stocks:
        rate = max(float(flow.rates[d.places.index(stock.name)].sum()), 1e-300)
        cycle = max(stock.S - stock.s, stock.Q, 1.0) / rate
        scale = max(scale, cycle, stock.lead.mean if stock.lead else 0.0, stock.review)
    for source in d.sources:
        if source.rate is not None:
            scale = max(scale, sum(source.rate.durations))
        elif source.interarrival is not None:
            scale = max(scale, source.interarrival.mean)
    for station in d.stations:
        if station.calendar:
            scale = max(scale, sum(length for length, _ in station.calendar))
        if station.uptime is not None and station.repair is not None:
            scale = max(scale, station.uptime.mean + station.repair.mean)
    return scale


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

    Args:
        d: the model.
        until: end of a run.
        scale: ``relaxation`` of the model.
        stream: keys the draws; the pilot runs are replications 0 to 9.
        progress: hears of the pilot runs.
    """
    window = Window.of(until, slices=SLICES)
    runs = replications(d, range(PILOTS), window, stream)
    curve = series(d, runs, window.edges, "system", "number_in_system").mean(0)
    if d.stocks:
        curve = curve + series(d, runs, window.edges, d.stocks[0].name, "on_hand").mean(0)
    known, cut = 3 * scale, float(window.edges[mser(curve) - 1]) if mser(curve) else 0.0
    time = max(known, cut)
    notes: tuple[str, ...] = ()
    if time > until / 2:
        notes = (f"A run of {until:.4g} is short for this model, which needs about {scale:.3g} to forget its start.",)
        time = until / 2
    return Warmup(time, True, "MSER-5 over pilot runs", tuple(curve.tolist()), tuple(window.edges.tolist()), notes)
