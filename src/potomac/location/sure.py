"""How sure the answer is, in words: scenarios, one more site, and the tables of both."""

from __future__ import annotations

import math
from collections.abc import Iterator

from potomac.engine import Fact
from potomac.location.found import Found
from potomac.location.question import Objective
from potomac.location.rivals import SHARE
from potomac.location.robust import NEAR, Wins
from potomac.location.says import percent, say

__all__ = ["about_frontier", "facts", "labels", "sentence", "shown", "units"]


def sentence(found: Found) -> str:
    """How often the answer stays the best when times and demand are otherwise, or how far the best place moves."""
    wins, drifted = found.robust.wins, found.robust.drifted
    if wins is None:
        return ""
    begin = f"Over {wins.scenarios:,} scenarios of travel times and demand"
    near = f"within {percent(100 * NEAR)} of the best in {percent(100 * wins.near)}"
    if drifted is not None:
        places = "the best place is" if len(found.placement.sites) == 1 else "the best places are"
        half, most = say(drifted.median), say(drifted.most)
        return f"{begin} {places} within {half} km in half of them and within {most} km in 95 %; it stays {near}."
    return f"{begin} it stays the best in {percent(100 * (wins.share or 0.0))}, and {near}.{_keeps(found, wins)}"


def _keeps(found: Found, wins: Wins) -> str:
    """Whether it leaves somebody out, where that can be."""
    if wins.keeps is None:
        return ""
    does, could = _kept(found)
    told = f" It {does} in {percent(100 * wins.keeps[0])}"
    if wins.possible < 1:
        return f"{told}; in {percent(100 * (1 - wins.possible))} no choice that was met {could}."
    return f"{told}."


def _kept(found: Found) -> tuple[str, str]:
    radius = found.question.problem.service_radius is not None
    room = found.candidates.capacity is not None
    if radius and room:
        return "has room for everyone within the radius", "has"
    return ("has room for everyone", "has") if room else ("has everyone within the radius", "has")


# ---- facts --------------------------------------------------------------------------------------------------------

_ONE_MORE: dict[str, tuple[str, str]] = {
    "minisum": ("one more site shortens the mean by", "min"),
    "minimax": ("one more site shortens the longest way by", "min"),
    "quantile": ("one more site shortens the quantile by", "min"),
    "max_coverage": ("one more site brings within the radius", "%"),
    "attendance": ("one more site brings to come", "%"),
    "market_share": ("one more site wins of the market", "%"),
    "fixed_charge": ("one more site lowers the cost by", ""),
}
"""What one more site brings, and its unit."""


def facts(found: Found) -> Iterator[Fact]:
    """Facts of the scenarios, and of one more site."""
    wins = found.robust.wins
    if wins is not None:
        yield from _scenarios(wins)
    drifted = found.robust.drifted
    if drifted is not None:
        meaning = "How far the best place is from the answer in half of the scenarios at most; of several the farthest."
        yield Fact("moves_median", drifted.median, meaning, unit="km", label="best place is within (half)")
        meaning = "How far the best place is from the answer in 19 of 20 scenarios at most; of several the farthest."
        yield Fact("moves_95", drifted.most, meaning, unit="km", label="best place is within (95 %)")
    yield from _more(found)


def _scenarios(wins: Wins) -> Iterator[Fact]:
    if wins.share is not None:
        meaning = "Share of the scenarios in which these sites are the best, with its 95 % interval."
        ends = (100 * wins.low, 100 * wins.high)
        yield Fact("stays_best", 100 * wins.share, meaning, *ends, "%", "Wilson (1927)", label="stays the best")
    meaning = "Share of the scenarios in which they are within 5 % of the best."
    yield Fact("near_best", 100 * wins.near, meaning, unit="%", key=True, label="within 5 % of the best")
    if wins.keeps is not None:
        value, low, high = (100 * one for one in wins.keeps)
        meaning = "Share of the scenarios in which these sites leave nobody out, with its 95 % interval."
        yield Fact(
            "leaves_none_out", value, meaning, low, high, "%", "Wilson (1927)", key=True, label="leaves nobody out"
        )
    if not math.isfinite(wins.regret):
        return
    scale, unit = (100, "%") if wins.unit == SHARE else (1, wins.unit)
    least = scale * wins.regret_low
    most = scale * wins.regret_high if math.isfinite(wins.regret_high) else None
    if wins.keeps is None:
        meaning = "By how much the answer is worse than the best of each scenario, on average, with its 95 % interval."
        yield Fact("regret", scale * wins.regret, meaning, least, most, unit)
    else:
        meaning = (
            "By how much the answer is worse than the best of each scenario in which it leaves out no more people, on "
            "average, with its 95 % interval."
        )
        yield Fact("regret", scale * wins.regret, meaning, least, most, unit)


def _more(found: Found) -> Iterator[Fact]:
    """What one more site brings; the ends are what it is at least and at most by the bounds of both answers."""
    more = found.robust.one_more
    if more is None:
        return
    label, unit = _ONE_MORE[more.aim]
    scale = 100.0 if unit == "%" else 1.0
    if more.proven:
        meaning = "What one more site brings: minutes a person, per cent of the people, or cost saved; it is proven."
        yield Fact("one_more_site", scale * more.gain, meaning, unit=unit, label=label)
        return
    meaning = (
        "What one more site brings: minutes a person, per cent of the people, or cost saved; where that is not proven, "
        "by the best that were found, between the least and the most that their bounds leave."
    )
    low, high = (scale * end if math.isfinite(end) else None for end in (more.low, more.high))
    yield Fact("one_more_site", scale * more.gain, meaning, low, high, unit, label=label)


# ---- tables -------------------------------------------------------------------------------------------------------

_VALUES: dict[Objective, str] = {
    "minimax": "longest", "max_coverage": "in radius", "attendance": "come", "market_share": "won",
    "fixed_charge": "cost", "set_cover": "cover",
}  # fmt: skip
"""What the objective counts, as a heading."""


def shown(found: Found) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Titles, columns and captions of the tables, by name."""
    objective = found.question.problem.objective
    aside = ("minisum", "minimax", "max_coverage")  # which have a column of their own in the frontier
    value = () if objective in aside else ("value",)
    hour = ("mean_minutes", "best_mean_minutes")
    if objective != "minisum":
        hour = ("value", "best_value")
    left = ("left_out",) if found.robust.wins is not None and found.robust.wins.keeps is not None else ()
    return {
        "frontier": (
            "More or fewer sites",
            ("p", "aim", *value, "mean_minutes", "p90_minutes", "worst_minutes", "within_radius", "saved_by_one_more",
             "proven", "sites"),
            about_frontier(found),
        ),
        "stability": (
            "When it is otherwise",
            ("site", "chosen", "wins", "low", "high"),
            "In which share of the scenarios each candidate is among the best sites, with 95 % intervals.",
        ),
        "moves": (
            "When it is otherwise",
            ("site", "latitude", "longitude", "median_km", "p95_km", "worst_km"),
            "How far the best place is from the site: in half of the scenarios, in 19 of 20, and in all.",
        ),
        "hours": (
            "By the hour",
            ("hour", *hour, "p90_minutes", *left, "best_sites"),
            "What these sites bring at each hour, and what those that are the best then.",
        ),
    }  # fmt: skip


def labels(found: Found) -> dict[str, str]:
    """Headings of columns whose meaning depends on the objective."""
    problem = found.question.problem
    value = _VALUES.get(problem.objective, f"{percent(100 * problem.share)} within")
    return {
        "value": value, "best_value": "best then", "within_radius": "in radius",
        "saved_by_one_more": _SAVED.get(problem.objective, "one more"), "left_out": "left out",
        "median_km": "half", "p95_km": "95 %", "worst_km": "farthest",
    }  # fmt: skip


_SAVED: dict[Objective, str] = {
    "max_coverage": "one more adds", "attendance": "one more adds", "market_share": "one more adds",
}  # fmt: skip


def units(found: Found) -> dict[str, str]:
    """Units of such columns."""
    minutes = "min" if found.question.problem.objective in ("minisum", "minimax", "quantile") else ""
    return {
        "value": minutes, "best_value": minutes, "saved_by_one_more": minutes, "median_km": "km", "p95_km": "km",
        "worst_km": "km",
    }  # fmt: skip


_LEAST: dict[str, str] = {
    "minisum": "The least mean", "minimax": "The least worst time",
    "quantile": "The least time within which the share of the people is that is asked for",
    "max_coverage": "The most people within the radius", "attendance": "The most people who come",
    "market_share": "The largest share of the market", "fixed_charge": "The least cost of sites and ways",
}  # fmt: skip


def about_frontier(found: Found) -> str:
    """What stands in the frontier."""
    table, problem = found.robust.frontier, found.question.problem
    aims = set() if table is None else set(table["aim"].to_pylist())
    if "combined" in aims or len(aims) > 1:
        own = "" if problem.objective != "quantile" else f" {_LEAST['quantile']} (quantile)."
        return (
            "The least mean (minisum), the least worst time (minimax), and the least mean within a worst time between "
            f"the two (combined), for each number of sites.{own}"
        )
    what = f"{_LEAST.get(problem.objective, _LEAST['minisum'])} for each number of sites"
    rough = "" if problem.equity else ", to within 0.2 %"
    far = " How far people have is told to the nearest site, for those beyond the radius as well."
    return f"{what}{rough}.{far if problem.objective == 'max_coverage' else ''}"
