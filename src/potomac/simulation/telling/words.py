"""What came of a model in a sentence: the digits a number deserves, its interval, its unit."""

from __future__ import annotations

from math import floor, isfinite, log10

from potomac.simulation.declared import Station, Stock
from potomac.simulation.estimates.estimate import Estimate
from potomac.simulation.output import Simulated
from potomac.simulation.telling.found import part_of

__all__ = [
    "LABELS", "MEANINGS", "SHARES", "between", "brief", "is_share", "label", "meaning_of", "outcome", "percent", "say",
    "time", "unit_of", "valued",
]  # fmt: skip

SHARES = frozenset(
    {"utilization", "p_wait", "p_block", "p_balk", "p_renege", "p_lost", "p_stockout", "fill_rate", "availability"}
)
"""Measures that are shares, told in per cent."""

TIMES = ("wait", "time_in_station", "time_in_system", "mttf", "mean_down_time", "mean_up_time")
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
    "mttf": "mean time to the first failure", "mean_down_time": "mean time down", "mean_up_time": "mean time up",
    "mean_down": "units down", "mean_up": "units that work", "mean_running": "units that run",
    "failures_per_time": "failures a unit of time", "reliability": "works at its time",
}  # fmt: skip

MEANINGS = {
    "wait": "Mean time that customers wait at {}", "time_in_station": "Mean time that customers spend at {}",
    "time_in_system": "Mean time from coming to leaving", "queue_length": "Mean number who wait at {}",
    "number_in_station": "Mean number of customers at {}", "number_in_system": "Mean number of customers inside",
    "utilization": "Share of the time of its servers that is spent serving, at {}",
    "busy_servers": "Mean number of servers who serve at {}", "throughput": "Customers who leave {} a unit of time",
    "p_wait": "Share of customers who have to wait at {}", "p_block": "Share of customers who find {} full",
    "p_balk": "Share of customers who turn back at {}", "p_renege": "Share of customers who give up at {}",
    "p_lost": "Share of customers who leave unserved", "on_hand": "Mean stock on hand at {}",
    "backorders": "Mean of what {} owes", "p_stockout": "Share of the time in which {} is empty",
    "fill_rate": "Share of the demand on {} that is met at once", "cost_per_time": "Mean cost of {} a unit of time",
    "orders_per_time": "Orders of {} a unit of time", "order_size": "Mean size of an order of {}",
    "lost_per_time": "Demand on {} that is lost a unit of time", "demand_per_time": "Demand on {} a unit of time",
    "availability": "Share of the time that {} works", "mttf": "Mean time to the first failure of {}",
    "mean_down_time": "Mean time until {} works again", "mean_up_time": "Mean time that {} works until it fails",
    "mean_down": "Mean number of units of {} that are down", "mean_up": "Mean number of units of {} that work",
    "mean_running": "Mean number of units of {} that run", "failures_per_time": "Failures of {} a unit of time",
}  # fmt: skip
"""What a measure of a place is, as a sentence without its full stop."""


def is_share(measure: str) -> bool:
    """Whether a measure is a share or a probability, which is told in per cent."""
    return measure in SHARES or measure.startswith("reliability")


def meaning_of(e: Estimate) -> str:
    """What an estimate is of, as a sentence without its full stop."""
    what, quantile, share = e.measure.partition("_q")
    if quantile and what in MEANINGS:
        return f"{MEANINGS[what].format(e.where).replace('Mean time', 'Time')} which {share} in 100 do not exceed"
    if e.measure.startswith("reliability_at_"):
        return f"Probability that {e.where} has not failed by {e.measure.removeprefix('reliability_at_')}"
    if e.measure == "reliability":
        return f"Probability that {e.where} works"
    where, said = "the system" if e.where == "system" else e.where, label(e.measure)
    return MEANINGS[e.measure].format(where) if e.measure in MEANINGS else f"{said[:1].upper()}{said[1:]} of {where}"


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
        return f"{LABELS.get(what, what)}, {share} % within"
    if measure.startswith("reliability_at_"):
        return f"no failure by {measure.removeprefix('reliability_at_')}"
    return LABELS.get(measure, measure.replace("_", " "))


def unit_of(measure: str, unit: str) -> str:
    """Of a measure as it stands in the tables."""
    return unit if measure.startswith(TIMES) else ""


def outcome(run: Simulated, main: Estimate, unit: str) -> str:
    """The main measure in a clause without its full stop."""
    place, _, kind = main.where.partition(":")
    part = part_of(run.declared, place)
    if isinstance(part, Station) and main.measure == "wait":
        return _waiting(run, main, part, kind, unit)
    if isinstance(part, Stock) and main.measure == "fill_rate":
        return _stocked(run, main, part, unit)
    if main.measure == "availability":
        where = "the system" if main.where == "system" else main.where
        return f"{where} works {_share(main)} of the time ({_shares(main)})"
    where = "" if main.where == "system" else f" of {main.where}"
    return f"{label(main.measure)}{where}: {valued(main, unit)}"


def valued(e: Estimate, unit: str) -> str:
    """An estimate with its interval: 3.4 minutes (3.2 to 3.6)."""
    if is_share(e.measure):
        return f"{_share(e)} ({_shares(e)})"
    shown = time(e.mean, unit) if e.measure.startswith(TIMES) else say(e.mean)
    return f"{shown} ({between(e.low, e.high)})"


def brief(run: Simulated, main: Estimate, unit: str) -> str:
    """The main measure with its interval, of a wait what one in ten exceeds, of a stock its cost: for scenarios."""
    said = valued(main, unit)
    tenth = _of(run, main.where, "wait_q90") if main.measure == "wait" else None
    if tenth is not None:
        said += f", one in ten more than {say(tenth.mean)}"
    return said + (_cost(run, main.where, unit) if main.measure == "fill_rate" else "")


def _waiting(run: Simulated, main: Estimate, part: Station, kind: str, unit: str) -> str:
    who = kind or "people"
    tenth, busy = _of(run, main.where, "wait_q90"), _of(run, part.name, "utilization")
    wait = f"wait {time(main.mean, unit)} on average ({between(main.low, main.high)})"
    if part.servers > 1e9 and not part.calendar:
        return f"{who} {wait} at {part.name}, where all are served at once"
    said = f"with {_servers(part)} at {part.name} {who} {wait}"
    if tenth is not None:
        said += f", one in ten more than {say(tenth.mean)}"
    if busy is not None:
        said += f"; {part.name} is busy {_share(busy)} of the time"
    return said


def _servers(part: Station) -> str:
    if not part.calendar:
        return f"{part.servers:,.0f}"
    least, most = (f(n for _, n in part.calendar) for f in (min, max))
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _stocked(run: Simulated, main: Estimate, part: Stock, unit: str) -> str:
    levels = {"up_to": f"s = {part.s:g} and S = {part.S:g}", "lots": f"r = {part.s:g} and Q = {part.Q:g}"}
    how = levels.get(part.policy, f"a base stock of {part.S:g}")
    said = f"with {how}, {_share(main)} of the demand on {part.name} is met at once ({_shares(main)})"
    hand = _of(run, part.name, "on_hand")
    if hand is not None:
        said += f", with {say(hand.mean)} on hand on average"
    return said + _cost(run, part.name, unit)


def _cost(run: Simulated, where: str, unit: str) -> str:
    cost = _of(run, where, "cost_per_time")
    if cost is None or not cost.mean:
        return ""
    return f", at a cost of {say(cost.mean)} a {unit.removesuffix('s')} ({between(cost.low, cost.high)})"


def _of(run: Simulated, where: str, measure: str) -> Estimate | None:
    return next((e for e in run.estimates if (e.where, e.measure) == (where, measure) and isfinite(e.mean)), None)


def _share(e: Estimate) -> str:
    return f"{percent(e.mean)} %"


def percent(share: float) -> str:
    """A share in per cent: three significant digits, and two of what it lacks to 100."""
    value = 100 * share
    lacks = abs(100 - value)
    if value <= 0 or lacks < 1e-9 or value >= 100:
        return say(round(value, 2))
    places = max(2 - floor(log10(value)), 1 - floor(log10(lacks)), 0)
    return f"{value:.{min(places, 6)}f}"


def _shares(e: Estimate) -> str:
    return f"{between(100 * max(e.low, 0.0), 100 * min(e.high, 1.0))} %" if isfinite(e.low) else "no interval"
