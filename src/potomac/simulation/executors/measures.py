"""What the loop counted, as the measures of the field: one value a replication, or one a slice of time."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.simulation.declared import Station, Stock
from potomac.simulation.executors import reliability
from potomac.simulation.executors.replication import Replication, Window
from potomac.simulation.loop import world
from potomac.simulation.loop.plan import Declared

__all__ = ["Parts", "Values", "measured", "parts", "quantile_name", "quantile_rows", "ratios", "series"]

Floats = npt.NDArray[np.float64]
Values = dict[tuple[str, str], Floats]
"""(where, measure) -> one value a replication; NaN where there is nothing to average."""

Parts = dict[tuple[str, str], tuple[Floats, Floats]]
"""(where, measure) -> a sum and what it is divided by, one value a replication each: customers, or time."""


def _over(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


class _Sums:
    """Sums over the slices that count, replication by replication."""

    def __init__(self, runs: Sequence[Replication], window: Window) -> None:
        self.tally = np.stack([r.tally[:, window.first :].sum(1) for r in runs])
        self.time = np.array([r.end - window.start for r in runs])

    def of(self, rows: Sequence[int]) -> Floats:
        """Sums of several rows together, shape (replications, columns)."""
        return np.asarray(self.tally[:, list(rows)].sum(1))


def parts(d: Declared, runs: Sequence[Replication], window: Window) -> Parts:
    """All measures of a model as ratios: what was summed, and over how many customers or how much time.

    Args:
        d: the model.
        runs: its replications.
        window: the time that counts.
    """
    sums, kinds, out = _Sums(runs, window), d.kinds, Parts()
    for i, name in enumerate(d.places):
        part = d.stations[i] if i < len(d.stations) else d.stocks[i - len(d.stations)]
        rows = [i * len(kinds) + k for k in range(len(kinds))]
        visited = _visited(sums, rows)
        out |= _place(part, name, sums.of(rows), sums.time, sums.of(rows[:1])[:, world.CAPACITY])
        for k in visited if len(visited) > 1 else ():
            out |= _visits(f"{name}:{kinds[k]}", sums.of([rows[k]]), sums.time)
    return out | _system(d, sums)


def ratios(found: Parts) -> Values:
    """One value a replication of each measure; NaN where there is nothing to average over."""
    return {key: _over(above, below) for key, (above, below) in found.items()}


def measured(d: Declared, runs: Sequence[Replication], window: Window, quantiles: Sequence[float] = ()) -> Values:
    """All measures of a model, one value a replication, its quantiles too.

    Args:
        d: the model.
        runs: its replications.
        window: the time that counts.
        quantiles: shares, as the replications kept them.
    """
    if d.components:
        return reliability.measured(d, runs, window)
    out = ratios(parts(d, runs, window))
    if quantiles:
        kept = np.stack([r.quantiles for r in runs])
        for (where, what), row in quantile_rows(d, runs, window).items():
            out |= {(where, quantile_name(what, q)): kept[:, row, n] for n, q in enumerate(quantiles)}
    return out


def quantile_rows(d: Declared, runs: Sequence[Replication], window: Window) -> dict[tuple[str, str], int]:
    """(where, what is measured) -> the row in which it is counted, of all whose quantiles are known."""
    sums, k, out = _Sums(runs, window), len(d.kinds), dict[tuple[str, str], int]()
    for i, name in enumerate(d.places):
        visited = _visited(sums, [i * k + n for n in range(k)])
        for n in visited:
            out[name if len(visited) == 1 else f"{name}:{d.kinds[n]}", "wait"] = i * k + n
    for n, kind in enumerate(d.kinds):
        out["system" if k == 1 else kind, "time_in_system"] = len(d.places) * k + n
    return out


def quantile_name(what: str, q: float) -> str:
    """``wait_q90`` of ``wait`` and .9."""
    return f"{what}_q{100 * q:.4g}"


def _visited(sums: _Sums, rows: Sequence[int]) -> list[int]:
    return [k for k, row in enumerate(rows) if sums.tally[:, row, world.ARRIVED].any()]


def _place(part: Station | Stock, name: str, x: Floats, time: Floats, capacity: Floats) -> Parts:
    if isinstance(part, Stock):
        return _stock(part, name, x, time)
    busy = x[:, world.BUSY] if part.discipline == "sharing" else x[:, world.SERVICE]
    out = _visits(name, x, time)
    if isfinite(part.servers) or part.calendar:
        out[name, "utilization"] = busy, capacity
    if part.uptime is not None and not part.calendar:
        out[name, "availability"] = capacity, time * part.servers
    return out


def _visits(where: str, x: Floats, time: Floats) -> Parts:
    """Measures of a station, of all its customers or of one kind."""
    return {
        (where, "wait"): (x[:, world.WAIT], x[:, world.WAITS]),
        (where, "time_in_station"): (x[:, world.STAY], x[:, world.SERVED]),
        (where, "queue_length"): (x[:, world.QUEUE], time),
        (where, "number_in_station"): (x[:, world.QUEUE] + x[:, world.SERVICE], time),
        (where, "busy_servers"): (x[:, world.SERVICE], time),
        (where, "throughput"): (x[:, world.LEFT], time),
        (where, "p_wait"): (x[:, world.DELAYED], x[:, world.WAITS]),
        (where, "p_block"): (x[:, world.BLOCKED], x[:, world.ARRIVED]),
        (where, "p_balk"): (x[:, world.BALKED], x[:, world.ARRIVED]),
        (where, "p_renege"): (x[:, world.RENEGED], x[:, world.ARRIVED]),
    }


def _stock(part: Stock, name: str, x: Floats, time: Floats) -> Parts:
    cost = (
        part.holding * x[:, world.ON_HAND] + part.shortage * x[:, world.OWED] + part.order * x[:, world.ORDERS]
        + part.unit * x[:, world.ORDERED] + part.penalty * x[:, world.LOST]
    )  # fmt: skip
    return {
        (name, "on_hand"): (x[:, world.ON_HAND], time),
        (name, "backorders"): (x[:, world.OWED], time),
        (name, "p_stockout"): (x[:, world.OUT], time),
        (name, "fill_rate"): (x[:, world.FILLED], x[:, world.DEMAND]),
        (name, "demand_per_time"): (x[:, world.DEMAND], time),
        (name, "orders_per_time"): (x[:, world.ORDERS], time),
        (name, "order_size"): (x[:, world.ORDERED], x[:, world.ORDERS]),
        (name, "lost_per_time"): (x[:, world.LOST], time),
        (name, "wait"): (x[:, world.WAIT], x[:, world.WAITS]),
        (name, "cost_per_time"): (cost, time),
    }


def _system(d: Declared, sums: _Sums) -> Parts:
    """Measures of the whole, and of each kind of customers where there are several."""
    k, first = len(d.kinds), len(d.places) * len(d.kinds)
    inside = sums.tally[:, :first, [world.QUEUE, world.SERVICE]].sum(2).reshape(len(sums.time), len(d.places), k).sum(1)
    out = _whole("system", sums.of(range(first, first + k)), inside.sum(1), sums.time)
    for n, kind in enumerate(d.kinds if k > 1 else ()):
        out |= _whole(kind, sums.of([first + n]), inside[:, n], sums.time)
    return out


def _whole(where: str, x: Floats, inside: Floats, time: Floats) -> Parts:
    lost = x[:, world.BLOCKED] + x[:, world.BALKED] + x[:, world.RENEGED]
    return {
        (where, "time_in_system"): (x[:, world.STAY], x[:, world.SERVED]),
        (where, "number_in_system"): (inside, time),
        (where, "throughput"): (x[:, world.LEFT], time),
        (where, "p_lost"): (lost, x[:, world.ARRIVED]),
    }


_CURVES = {
    "queue_length": (world.QUEUE,), "number_in_station": (world.QUEUE, world.SERVICE), "busy_servers": (world.SERVICE,),
    "on_hand": (world.ON_HAND,), "backorders": (world.OWED,),
}  # fmt: skip


def series(d: Declared, runs: Sequence[Replication], edges: Floats, where: str, measure: str) -> Floats:
    """A measure by slice of time and replication, shape (replications, slices): for warm-up, for pictures.

    Args:
        d: the model.
        runs: its replications.
        edges: ends of the slices.
        where: a place, or ``system``.
        measure: ``wait`` and ``time_in_system`` (of those who came in the slice), or an average over time.
    """
    if d.components:
        return reliability.series(d, runs, edges, where, measure)
    widths = np.diff(np.concatenate([[0.0], edges]))
    k = len(d.kinds)
    if where == "system":
        rows = range(len(d.places) * k, (len(d.places) + 1) * k)
    else:
        at = d.places.index(where)
        rows = range(at * k, (at + 1) * k)
    x = np.stack([r.tally[list(rows)].sum(0) for r in runs])
    if measure == "time_in_system" or measure == "time_in_station":
        return _over(x[:, :, world.STAY], x[:, :, world.SERVED])
    if measure == "wait":
        return _over(x[:, :, world.WAIT], x[:, :, world.WAITS])
    if measure == "number_in_system":
        inside = np.stack([r.tally[: len(d.places) * k] for r in runs])
        return np.asarray(inside[:, :, :, [world.QUEUE, world.SERVICE]].sum((1, 3)) / widths)
    return np.asarray(x[:, :, list(_CURVES[measure])].sum(2) / widths)
