"""A stock seen period by period, its demand spread evenly within each (Leemis and Park 2006, section 1.3)."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite, nan
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, StudyError
from potomac.simulation.declared import lowest
from potomac.simulation.distributions import Distribution, distribution
from potomac.simulation.estimates.estimate import Estimate
from potomac.simulation.estimates.intervals import half_of, skewed_interval
from potomac.simulation.estimates.warmup import Warmup
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.plan import Declared
from potomac.simulation.output import Asked, Simulated
from potomac.stats.compiled import compiled
from potomac.stats.streams import Stream

__all__ = ["periodic"]

Floats = npt.NDArray[np.float64]

DEMAND, ORDERED, ORDERS, HELD, SHORT, OUT, MET = range(7)


@compiled(nogil=True)
def _part(level: float, slope: float, length: float, x: Any) -> None:
    """Add what is held and short while a level falls evenly by ``slope`` a period, for a part of it."""
    end = level - slope * length
    if end >= 0:
        x[HELD] += (level + end) / 2 * length
    elif level <= 0:
        x[SHORT] -= (level + end) / 2 * length
        x[OUT] += length
    else:
        x[HELD] += level * level / (2 * slope)
        x[SHORT] += end * end / (2 * slope)
        x[OUT] += length - level / slope


@compiled(nogil=True)
def _run(demand: Any, lead: Any, s: float, S: float, initial: float, first: int, returned: bool) -> Any:
    """Sums over the periods from ``first`` on, shape (replications, 7); the level may fall below 0 (owed)."""
    out = np.zeros((demand.shape[0], 7))
    for r in range(demand.shape[0]):
        level, x = initial, np.zeros(7)
        for n in range(demand.shape[1]):
            if n == first:
                x[:] = 0
            order = S - level if level <= s else 0.0
            if order > 0:
                x[ORDERS] += 1
                x[ORDERED] += order
            d, late = demand[r, n], min(lead[r, n], 1.0) if order > 0 else 0.0
            before = max(level, 0.0)
            _part(level, d, late, x)
            _part(level - d * late + order, d, 1 - late, x)
            x[DEMAND] += d
            x[MET] += min(d, before + order)
            level += order - d
        if returned and level < initial:
            x[ORDERS] += 1
            x[ORDERED] += initial - level
        out[r] = x
    return out


def periodic(
    demand: Any, *, s: float, S: float, initial: float | None = None, lead: Any = None, periods: int | None = None,
    replications: int = 100, warmup: int = 0, returned: bool = False, holding: float = 0.0, shortage: float = 0.0,
    order: float = 0.0, unit: float = 0.0, confidence: float = 0.95, seed: int = 0, name: str = "stock",
) -> Simulated:  # fmt: skip
    """A stock that is reviewed at the start of each period: at or below ``s``, order up to ``S``.

    The demand of a period is spread evenly over it, and what is held and owed is integrated exactly; what is short is
    owed. An order is there at once, or after a part of the period.

    Args:
        demand: of each period: observed numbers, which are played back once, or a distribution that is drawn from.
        s: reorder point; with whole numbers "below 20" is s = 19.
        S: order-up-to level.
        initial: level at the start; default ``S``.
        lead: distribution of the time from an order to its arrival, in periods, at most 1; default none.
        periods: how many, where demand is drawn; default 1000.
        replications: how many, where demand is drawn.
        warmup: periods left out at the start.
        returned: whether a last order brings the level back to ``initial`` at the end, so that as much is ordered as is
            asked for.
        holding: cost of a unit on hand a period.
        shortage: cost of a unit owed a period.
        order: cost of an order.
        unit: cost of a unit ordered.
        confidence: of the intervals.
        seed: the same seed gives the same numbers.
        name: of the stock.

    Returns:
        Measures of the stock a period: ``demand_per_time``, ``ordered_per_time``, ``orders_per_time``, ``on_hand``,
        ``backorders``, ``p_stockout`` (share of the time), ``order_size``, ``cost_per_time``. Of observed demand there
        is one replication, and the interval is its value.

    Raises:
        StudyError: the policy, or what is asked, makes no sense.
        DataError: a demand is no number of at least 0, with its row.
    """
    start = S if initial is None else initial
    _check(s, S, start, replications, warmup, {"holding": holding, "shortage": shortage, "order": order, "unit": unit})
    stream = Stream(seed).child("simulation", name)
    d, given = _demand(demand, periods, replications, stream)
    if not 0 <= warmup < d.shape[1]:
        raise _wrong("warmup", warmup, f"0 to {d.shape[1] - 1} periods")
    x = _run(d, _lead(lead, d.shape, stream), float(s), float(S), float(start), warmup, returned)
    n = d.shape[1] - warmup
    cost = (holding * x[:, HELD] + shortage * x[:, SHORT] + order * x[:, ORDERS] + unit * x[:, ORDERED]) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(x[:, ORDERS] > 0, x[:, ORDERED] / x[:, ORDERS], np.nan)
        filled = np.where(x[:, DEMAND] > 0, x[:, MET] / x[:, DEMAND], np.nan)
    values = {
        (name, "on_hand"): x[:, HELD] / n, (name, "backorders"): x[:, SHORT] / n, (name, "p_stockout"): x[:, OUT] / n,
        (name, "demand_per_time"): x[:, DEMAND] / n, (name, "ordered_per_time"): x[:, ORDERED] / n,
        (name, "orders_per_time"): x[:, ORDERS] / n, (name, "order_size"): size, (name, "fill_rate"): filled,
        (name, "cost_per_time"): cost,
    }  # fmt: skip
    asked = Asked(float(d.shape[1]), len(x), warmup=float(warmup), confidence=confidence, seed=seed)
    found = tuple(_estimate(key, v, given, confidence) for key, v in values.items())
    window = Window.of(float(d.shape[1]), float(warmup), 1)
    return Simulated(Declared(name), asked, window, found, values, (), Warmup(float(warmup), not given, "given"))


def _estimate(key: tuple[str, str], x: Floats, given: bool, confidence: float) -> Estimate:
    """The interval over replications; of observed demand the value itself."""
    seen = x[np.isfinite(x)]
    if given or not seen.size:
        value = float(x[0])
        return Estimate(*key, value, value, value, 0.0 if isfinite(value) else nan, 1)
    low, high = skewed_interval(seen, confidence)
    return Estimate(*key, float(seen.mean()), low, high, half_of(low, high), int(seen.size))


def _wrong(name: str, value: object, expected: str) -> StudyError:
    return StudyError(Fault("simulation.stock", f"{name} is {value!r:.60}", f"expected {expected}", key=name))


def _check(s: float, S: float, start: float, replications: int, warmup: int, costs: Mapping[str, float]) -> None:
    for name, value in {"s": s, "S": S, "initial": start, "warmup": warmup, **costs}.items():
        if not isfinite(value):
            raise _wrong(name, value, "a finite number")
    if not s < S:
        found = f"s is {s:g} and S is {S:g}"
        raise StudyError(Fault("simulation.stock", found, "expected s < S: at or below s, order up to S", key="s"))
    if isinstance(replications, bool) or replications < 2:
        raise _wrong("replications", replications, "2 or more, so that there is an interval")


def _demand(demand: Any, periods: int | None, replications: int, stream: Stream) -> tuple[Floats, bool]:
    """Demand by replication and period, and whether it was observed."""
    drawn = isinstance(demand, (Distribution, Mapping, str, int, float))
    what = distribution(demand) if drawn else None
    if what is not None and not what.is_trace:
        n = 1000 if periods is None else periods
        if isinstance(n, bool) or n < 1:
            raise _wrong("periods", n, "1 or more")
        if lowest(what) < 0:
            found = f"the demand {what} can be {lowest(what):g}"
            raise StudyError(Fault("simulation.negative", found, "expected 0 or more", key="demand"))
        each = [what.sample(stream.child("demand", r).generator(), n) for r in range(replications)]
        return np.stack(each), False
    try:
        seen = np.asarray(what.values if what is not None else demand, float)
    except (TypeError, ValueError):
        raise DataError(Fault("simulation.values", "the demands are not all numbers", key="demand")) from None
    if seen.ndim != 1 or not seen.size:
        raise DataError(Fault("simulation.values", "there are no demands", "expected a list of numbers", key="demand"))
    bad = np.flatnonzero(~(np.isfinite(seen) & (seen >= 0)))
    if bad.size:
        found = f"row {bad[0]} of the demands is {seen[bad[0]]:g}"
        raise DataError(Fault("simulation.values", found, "expected a number of at least 0", key="demand"))
    if periods is not None and not 1 <= periods <= seen.size:
        raise _wrong("periods", periods, f"1 to {seen.size}, as many demands as there are")
    return seen[None, :periods], True


def _lead(lead: Any, shape: tuple[int, int], stream: Stream) -> Floats:
    """Part of a period that each order would take, by replication and period."""
    if lead is None:
        return np.zeros(shape)
    d = distribution(lead)
    bound = {"uniform": "high", "triangular": "high", "beta": "high", "deterministic": "value"}.get(d.family)
    most = d[bound] if bound else max(d.values, default=inf) if d.family in ("discrete", "empirical") else inf
    if lowest(d) < 0 or most > 1:
        raise _wrong("lead", str(d), "a part of a period, between 0 and 1")
    return np.stack([d.sample(stream.child("lead", r).generator(), shape[1]) for r in range(shape[0])])
