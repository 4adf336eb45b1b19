"""What the loop counted, as the measures of the field: one value a replication, or one a slice of time."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.simulation import reliability
from potomac.simulation import world as W
from potomac.simulation.declared import Station, Stock
from potomac.simulation.plan import Declared
from potomac.simulation.replication import Replication, Window

__all__ = ["CUSTOMER", "Values", "measured", "series"]

Floats = npt.NDArray[np.float64]
Values = dict[tuple[str, str], Floats]
"""(where, measure) -> one value a replication; NaN where there is nothing to average."""

CUSTOMER = frozenset({"wait", "time_in_station", "time_in_system", "p_wait"})
"""Averages over customers; all others are averages over time, or counts."""


def _over(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


class _Sums:
    """Sums over the slices that count, replication by replication."""

    def __init__(self, runs: Sequence[Replication], window: Window) -> None:
        self.tally = np.stack([r.tally[:, window.first :].sum(1) for r in runs])
        self.time = np.array([r.end - window.start for r in runs])
        self.quantiles = np.stack([r.quantiles for r in runs])

    def of(self, rows: Sequence[int]) -> Floats:
        """Sums of several rows together, shape (replications, columns)."""
        return np.asarray(self.tally[:, list(rows)].sum(1))


def measured(d: Declared, runs: Sequence[Replication], window: Window, quantiles: Sequence[float] = ()) -> Values:
    """All measures of a model.

    Args:
        d: the model.
        runs: its replications.
        window: the time that counts.
        quantiles: shares, as the replications kept them.
    """
    if d.components:
        return reliability.measured(d, runs, window)
    sums, kinds, out = _Sums(runs, window), d.kinds, Values()
    for i, name in enumerate(d.places):
        part = d.stations[i] if i < len(d.stations) else d.stocks[i - len(d.stations)]
        rows = [i * len(kinds) + k for k in range(len(kinds))]
        visited = [k for k in range(len(kinds)) if sums.tally[:, rows[k], W.ARRIVED].any()]
        out |= _place(part, name, sums.of(rows), sums.time, _capacity(part, sums.of(rows[:1])))
        if len(visited) > 1:
            for k in visited:
                out |= _visits(f"{name}:{kinds[k]}", sums.of([rows[k]]), sums.time)
                out |= _quantiles(f"{name}:{kinds[k]}", "wait", sums.quantiles[:, rows[k]], quantiles)
        elif visited:
            out |= _quantiles(name, "wait", sums.quantiles[:, rows[visited[0]]], quantiles)
    return out | _system(d, sums, quantiles)


def _place(part: Station | Stock, name: str, x: Floats, time: Floats, capacity: Floats) -> Values:
    if isinstance(part, Stock):
        return _stock(part, name, x, time)
    busy = x[:, W.BUSY] if part.discipline == "sharing" else x[:, W.SERVICE]
    out = _visits(name, x, time)
    if isfinite(part.servers) or part.calendar:
        out[name, "utilization"] = _over(busy, capacity)
    if part.uptime is not None and not part.calendar:
        out[name, "availability"] = capacity / time / part.servers
    return out


def _capacity(part: Station | Stock, x: Floats) -> Floats:
    return x[:, W.CAPACITY]


def _visits(where: str, x: Floats, time: Floats) -> Values:
    """Measures of a station, of all its customers or of one kind."""
    return {
        (where, "wait"): _over(x[:, W.WAIT], x[:, W.WAITS]),
        (where, "time_in_station"): _over(x[:, W.STAY], x[:, W.SERVED]),
        (where, "queue_length"): x[:, W.QUEUE] / time,
        (where, "number_in_station"): (x[:, W.QUEUE] + x[:, W.SERVICE]) / time,
        (where, "busy_servers"): x[:, W.SERVICE] / time,
        (where, "throughput"): x[:, W.LEFT] / time,
        (where, "p_wait"): _over(x[:, W.DELAYED], x[:, W.WAITS]),
        (where, "p_block"): _over(x[:, W.BLOCKED], x[:, W.ARRIVED]),
        (where, "p_balk"): _over(x[:, W.BALKED], x[:, W.ARRIVED]),
        (where, "p_renege"): _over(x[:, W.RENEGED], x[:, W.ARRIVED]),
    }


def _stock(part: Stock, name: str, x: Floats, time: Floats) -> Values:
    hand, owed, orders = x[:, W.ON_HAND] / time, x[:, W.OWED] / time, x[:, W.ORDERS] / time
    ordered, lost = x[:, W.ORDERED] / time, x[:, W.LOST] / time
    cost = part.holding * hand + part.shortage * owed + part.order * orders + part.unit * ordered + part.penalty * lost
    return {
        (name, "on_hand"): hand,
        (name, "backorders"): owed,
        (name, "p_stockout"): x[:, W.OUT] / time,
        (name, "fill_rate"): _over(x[:, W.FILLED], x[:, W.DEMAND]),
        (name, "demand_per_time"): x[:, W.DEMAND] / time,
        (name, "orders_per_time"): orders,
        (name, "order_size"): _over(x[:, W.ORDERED], x[:, W.ORDERS]),
        (name, "lost_per_time"): lost,
        (name, "wait"): _over(x[:, W.WAIT], x[:, W.WAITS]),
        (name, "cost_per_time"): cost,
    }


def _quantiles(where: str, what: str, values: Floats, of: Sequence[float]) -> Values:
    return {(where, f"{what}_q{100 * q:.4g}"): values[:, n] for n, q in enumerate(of)}


def _system(d: Declared, sums: _Sums, quantiles: Sequence[float]) -> Values:
    """Measures of the whole, and of each kind of customers where there are several."""
    k, first = len(d.kinds), len(d.places) * len(d.kinds)
    inside = sums.tally[:, :first, [W.QUEUE, W.SERVICE]].sum(2).reshape(len(sums.time), len(d.places), k).sum(1)
    out = _whole("system", sums.of(range(first, first + k)), inside.sum(1), sums.time)
    if k == 1:
        return out | _quantiles("system", "time_in_system", sums.quantiles[:, first], quantiles)
    for n, kind in enumerate(d.kinds):
        out |= _whole(kind, sums.of([first + n]), inside[:, n], sums.time)
        out |= _quantiles(kind, "time_in_system", sums.quantiles[:, first + n], quantiles)
    return out


def _whole(where: str, x: Floats, inside: Floats, time: Floats) -> Values:
    lost = x[:, W.BLOCKED] + x[:, W.BALKED] + x[:, W.RENEGED]
    return {
        (where, "time_in_system"): _over(x[:, W.STAY], x[:, W.SERVED]),
        (where, "number_in_system"): inside / time,
        (where, "throughput"): x[:, W.LEFT] / time,
        (where, "p_lost"): _over(lost, x[:, W.ARRIVED]),
    }


_CURVES = {
    "queue_length": (W.QUEUE,), "number_in_station": (W.QUEUE, W.SERVICE), "busy_servers": (W.SERVICE,),
    "on_hand": (W.ON_HAND,), "backorders": (W.OWED,),
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
        return _over(x[:, :, W.STAY], x[:, :, W.SERVED])
    if measure == "wait":
        return _over(x[:, :, W.WAIT], x[:, :, W.WAITS])
    if measure == "number_in_system":
        inside = np.stack([r.tally[: len(d.places) * k] for r in runs])
        return np.asarray(inside[:, :, :, [W.QUEUE, W.SERVICE]].sum((1, 3)) / widths)
    return np.asarray(x[:, :, list(_CURVES[measure])].sum(2) / widths)
