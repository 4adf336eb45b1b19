"""What came of a model in a sentence: the digits a number deserves, its interval, its unit."""

from __future__ import annotations

from math import floor, isfinite, log10

from potomac.simulation.declared import Station, Stock
from potomac.simulation.estimate import Estimate
from potomac.simulation.found import part_of
from potomac.simulation.output import Simulated

__all__ = ["LABELS", "SHARES", "between", "brief", "label", "outcome", "say", "time", "unit_of"]

SHARES = frozenset(
    {"utilization", "p_wait", "p_block", "p_balk", "p_renege", "p_lost", "p_stockout", "fill_rate", "availability"}
)
"""Measures that are shares, told in per cent."""

TIMES = ("wait", "time_in_station", "time_in_system", "mttf", "mean_down")
"""Measures that are times, and how names of their quantiles begin."""

LABELS = {
    "wait": "wait", "time_in_station": "time at the station", "time_in_system": "time in the system",
    "queue_length": "queue", "number_in_station": "customers there", "number_in_system": "customers in the system",
    "utilization": "busy", "busy_servers": "busy servers", "throughput": "customers a unit of time",
    "p_wait": "have to wait", "p_block": "find it full", "p_balk": "turn back", "p_renege": "give up",
    "p_lost": "are lost", "on_hand": "on hand", "backorders": "owed", "p_stockout": "time without stock",
    "fill_rate": "demand met at once", "cost_per_time": "cost a unit of time",
    "orders_per_time": "orders a unit of time", "order_size": "size of an order",
    "lost_per_time": "lost a unit of time", "demand_per_time": "demand a unit of time", "availability": "works",
    "mttf": "mean time to the first failure", "mean_down": "mean time down", "mean_up": "units that work",
}  # fmt: skip


def say(value: float) -> str:
    """Three significant digits, all digits before the point."""
    if not isfinite(value):
        return "unknown"
    if value == 0 or abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{min(max(2 - floor(log10(abs(value))), 0), 6)}f}"


def between(low: float, high: float) -> str:
    """3.2 to 3.6, with as many digits as tell the two apart."""
    gap = abs(high - low)
    if not (isfinite(low) and isfinite(high)):
        return "no interval"
    size = max(abs(low), abs(high))
    fine = 0 if gap == 0 else -floor(log10(gap))
    usual = 0 if size == 0 else 2 - floor(log10(size))
    places = min(max(fine, usual, 0), 6)
    return f"{low:,.{places}f} to {high:,.{places}f}"


def time(value: float, unit: str) -> str:
    """3.4 minutes; 1 minute."""
    said = say(value)
    return f"{said} {unit.removesuffix('s') if said == '1' else unit}"


def label(measure: str) -> str:
    """``wait_q90`` as a reader knows it."""
    what, quantile, share = measure.partition("_q")
    if quantile and share.replace(".", "").isdigit():
        return f"{LABELS.get(what, what)}: {share} in 100 within"
    return LABELS.get(measure, measure.replace("_", " "))


def unit_of(measure: str, unit: str) -> str:
    """Of a measure as it stands in the tables."""
    return unit if measure.startswith(TIMES) else ""


def outcome(run: Simulated, main: Estimate, unit: str) -> str:
    """The main measure in a clause without its full stop."""
    part = part_of(run.declared, main.where)
    if isinstance(part, Station) and main.measure == "wait":
        return _waiting(run, main, part, unit)
    if isinstance(part, Stock) and main.measure == "fill_rate":
        return _stocked(run, main, part, unit)
    if main.measure == "availability":
        return f"{main.where} works {_share(main)} of the time ({_shares(main)})"
    where = "" if main.where == "system" else f" of {main.where}"
    if main.measure in SHARES:
        return f"{label(main.measure)}{where}: {_share(main)} ({_shares(main)})"
    shown = time(main.mean, unit) if main.measure.startswith(TIMES) else say(main.mean)
    return f"{label(main.measure)}{where}: {shown} ({between(main.low, main.high)})"


def brief(run: Simulated, main: Estimate, unit: str) -> str:
    """The main measure with its interval, and of a wait what one in ten exceeds: for scenarios beside each other."""
    if main.measure in SHARES:
        return f"{_share(main)} ({_shares(main)})"
    shown = time(main.mean, unit) if main.measure.startswith(TIMES) else say(main.mean)
    tenth = _of(run, main.where, "wait_q90") if main.measure == "wait" else None
    more = f", one in ten more than {say(tenth.mean)}" if tenth is not None else ""
    return f"{shown} ({between(main.low, main.high)}){more}"


def _waiting(run: Simulated, main: Estimate, part: Station, unit: str) -> str:
    many = "several" if part.calendar else "everybody served" if part.servers > 1e9 else f"{part.servers:,.0f}"
    said = f"with {many} at {part.name} people wait {time(main.mean, unit)} on average ({between(main.low, main.high)})"
    tenth = _of(run, main.where, "wait_q90")
    if tenth is not None:
        said += f", one in ten more than {say(tenth.mean)}"
    busy = _of(run, main.where, "utilization")
    if busy is not None:
        said += f"; {part.name} is busy {_share(busy)} of the time"
    return said


def _stocked(run: Simulated, main: Estimate, part: Stock, unit: str) -> str:
    levels = {"up_to": f"s = {part.s:g} and S = {part.S:g}", "lots": f"r = {part.s:g} and Q = {part.Q:g}"}
    how = levels.get(part.policy, f"a base stock of {part.S:g}")
    said = f"with {how}, {_share(main)} of the demand on {part.name} is met at once ({_shares(main)})"
    hand, cost = _of(run, part.name, "on_hand"), _of(run, part.name, "cost_per_time")
    if hand is not None:
        said += f", with {say(hand.mean)} on hand on average"
    if cost is not None and cost.mean:
        said += f", at a cost of {say(cost.mean)} a {unit.removesuffix('s')} ({between(cost.low, cost.high)})"
    return said


def _of(run: Simulated, where: str, measure: str) -> Estimate | None:
    return next((e for e in run.estimates if (e.where, e.measure) == (where, measure) and isfinite(e.mean)), None)


def _share(e: Estimate) -> str:
    value = 100 * e.mean
    if 99.95 <= value < 100:
        return f"{value:.3f} %"
    return f"{say(round(value, 2))} %"


def _shares(e: Estimate) -> str:
    return f"{between(100 * max(e.low, 0.0), 100 * min(e.high, 1.0))} %" if isfinite(e.low) else "no interval"
