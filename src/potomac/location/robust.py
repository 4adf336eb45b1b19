"""How sure the answer is: the frontier over the number of sites, and what if times and demand are otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import NoAnswer
from potomac.location.frontier import Frontier, Marginal, Row, equity_frontier
from potomac.location.journeys import Journeys, has_places
from potomac.location.outcome import named, weighted_quantile
from potomac.location.placement import Placement, Status
from potomac.location.pmedian.search import p_median
from potomac.location.question import Question
from potomac.location.scenarios import Drawn, Hour, Spread, Stability, by_hour, over_roads, stability
from potomac.location.worth import least
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    from potomac.location.travel.network import RoadNetwork

__all__ = ["Robust", "Wins", "robust"]

Floats = npt.NDArray[np.float64]

NEAR = 0.05
"""Share by which what is worse than the best still counts as near it."""

LINKS = 40_000_000
"""Links that are drawn over all scenarios of a road network, at most."""

DRAWS = 2_000_000_000
"""Travel times that are drawn over all scenarios, at most: about a minute on two cores."""

PAIRS = 4_000_000
"""Travel times up to which numbers of sites are compared."""

QUICK_GAP = 0.002
"""Relative gap of a frontier that was not asked for."""

MANY = 12
"""Numbers of sites that are compared, about, where there are more."""

FEWEST = 20
"""Scenarios with fewer than these say little: none are made."""


@dataclass(frozen=True)
class Wins:
    """How the answer fares over the scenarios.

    Attributes:
        share: of the scenarios in which nothing is better.
        low: lower end of its 95 % interval.
        high: upper end.
        regret: mean of what it costs more than the best of a scenario.
        regret_low: lower end of its 95 % interval.
        regret_high: upper end.
        unit: of regret.
        scenarios: how many there were.
        near: share of the scenarios in which it is within ``NEAR`` of the best.
    """

    share: float
    low: float
    high: float
    regret: float
    regret_low: float
    regret_high: float
    unit: str
    scenarios: int
    near: float


@dataclass(frozen=True)
class Robust:
    """What the frontier and the scenarios say.

    Attributes:
        frontier: a row a number of sites; None where it was not asked for.
        stability: a row a candidate that wins some scenario; None without scenarios.
        hours: a row an hour of the day; None where none were asked for.
        wins: how the answer fares over the scenarios.
        one_more: minutes by which one more site shortens the mean travel time.
        notes: what to know of them.
        method: how they were made.
    """

    frontier: pa.Table | None = None
    stability: pa.Table | None = None
    hours: pa.Table | None = None
    wins: Wins | None = None
    one_more: float | None = None
    notes: tuple[str, ...] = ()
    method: tuple[str, ...] = ()


def robust(journeys: Journeys, question: Question, placement: Placement, stream: Stream, progress: Progress) -> Robust:
    """Ask for the frontier and the scenarios, as far as the study does and the problem has them."""
    kind, c = question.problem.objective, journeys.candidates
    anywhere, bounded = (
        question.problem.anywhere,
        c.capacity is not None or kind in ("set_cover", "fixed_charge", "market_share"),
    )
    bounded |= question.problem.service_radius is not None and kind in ("minisum", "minimax")  # nobody beyond is served
    if anywhere or bounded or not journeys.listed:
        return Robust(notes=tuple(_why_none(question, anywhere, bounded)))
    front, said = _frontier(journeys, question, stream, progress)
    count, notes = _count(question.scenarios.count, journeys.minutes.size)
    found = _scenarios(journeys, question, placement, count, stream, progress) if count else None
    hours = _by_hour(journeys, question, placement, progress)
    return Robust(
        frontier=None if front is None else _frontier_table(front, journeys),
        one_more=None if front is None else _one_more(front, len(placement.sites)),
        stability=None if found is None else _stability_table(found, journeys),
        hours=None if not hours else _hours_table(hours, journeys, placement),
        wins=None if found is None else _wins(found),
        notes=(*said, *notes, *(() if found is None else found.notes)),
        method=() if found is None else (_method(question, journeys, count),),
    )


def _why_none(question: Question, anywhere: bool, bounded: bool) -> Iterator[str]:
    """Why there are no scenarios, where they were asked for."""
    if not question.scenarios.count:
        return
    if anywhere:
        yield "Scenarios are made for sites at candidates; for sites anywhere there are none."
    elif bounded:
        yield "There are no scenarios with capacities, a radius, opening costs, a cover or rivals: each is a search."
    else:
        yield "There are no scenarios: travel times are too many to be drawn again and again."


# ---- more sites, or fewer -----------------------------------------------------------------------------------------


def _frontier(
    journeys: Journeys, question: Question, stream: Stream, progress: Progress
) -> tuple[Frontier | None, tuple[str, ...]]:
    """The frontier over the numbers of sites, for problems of travel time that are small enough; and notes."""
    problem, c = question.problem, journeys.candidates
    if problem.objective not in ("minisum", "minimax", "quantile") or journeys.minutes.size > PAIRS:
        return None, ()
    ps = _numbers(problem.p or 1, problem.equity, int(c.fixed.sum()), int((~c.forbidden).sum()))
    if len(ps) < 2:
        return None, ()
    limits: dict[str, Any] = {
        "fixed": np.flatnonzero(c.fixed), "forbidden": np.flatnonzero(c.forbidden),
        "time_limit": question.solver.time_limit, "gap": question.solver.gap,
        "seed": stream.child("frontier").seed32(), "progress": progress,
    }  # fmt: skip
    minutes, weight = journeys.minutes, journeys.demand.weight
    try:
        if not problem.equity:
            return _least_means(minutes, weight, ps, problem.service_radius, limits), ()
        found = equity_frontier(minutes, weight, ps, radius=problem.service_radius, **limits)
    except NoAnswer as error:
        return None, (f"There is no frontier: {error.faults[0].found}.",)
    return found, tuple(f"In the frontier {note}." for note in found.notes)


def _least_means(
    minutes: Floats, weight: Floats, ps: list[int], radius: float | None, limits: dict[str, Any]
) -> Frontier:
    """The least mean for each number of sites alone, near enough to be compared: nobody asked for more."""
    limits = {**limits, "gap": max(limits["gap"], QUICK_GAP), "time_limit": limits["time_limit"] / len(ps)}
    some, whole = weight > 0, float(weight.sum())
    w, rows = weight[some], []
    for p in ps:
        found = p_median(minutes, p, weight, **limits)
        near = minutes[np.ix_(some, found.sites)].min(axis=1)
        within = None if radius is None else float(w[near <= radius].sum()) / whole
        status: Status = "optimal" if found.proven else "time_limit"
        rows.append(
            Row(p, "minisum", found.sites, float(w @ near) / whole, weighted_quantile(near, w, 0.9), float(near.max()),
                within, None, found.bound / whole, None, found.proven, status)
        )  # fmt: skip
    return Frontier(tuple(rows), tuple(_saved(a, b, whole) for a, b in pairwise(rows) if b.p == a.p + 1), radius)


def _saved(a: Row, b: Row, whole: float) -> Marginal:
    """What the further site of ``b`` saves: at most what the bounds leave open, at least nothing."""
    saved = a.mean - b.mean
    return Marginal(a.p, saved * whole, saved, max(a.mean_bound - b.mean, 0.0), max(a.mean - b.mean_bound, saved))


def _numbers(p: int, upto: int, fixed: int, candidates: int) -> list[int]:
    """Numbers of sites that are compared: up to two more than p, or as asked; of many some, those near p among them."""
    low, high = max(1, fixed), min(upto or p + 2, candidates)
    every = list(range(low, high + 1))
    if len(every) <= MANY:
        return every
    spread = np.unique(np.round(np.geomspace(low, high, MANY)).astype(int)).tolist()
    return sorted({*spread, *(one for one in (p - 1, p, p + 1) if low <= one <= high)})


def _frontier_table(found: Frontier, journeys: Journeys) -> pa.Table:
    """The rows with ids of sites."""
    table = found.table()
    names = {"mean": "mean_minutes", "q90": "p90_minutes", "worst": "worst_minutes", "within": "within_radius",
             "limit": "worst_allowed", "mean_bound": "mean_bound", "worst_bound": "worst_bound",
             "saved_by_one_more": "saved_by_one_more"}  # fmt: skip
    ids = journeys.candidates.id
    sites = [named(ids, row.sites) for row in found.rows]
    at = table.schema.get_field_index("sites")
    table = table.set_column(at, "sites", pa.array(sites, pa.string()))
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def _one_more(found: Frontier, p: int) -> float | None:
    """Minutes that one more site than p saves a person."""
    return next((one.a_person for one in found.marginal if one.p == p), None)


# ---- scenarios ----------------------------------------------------------------------------------------------------


def _count(wanted: int, pairs: int) -> tuple[int, tuple[str, ...]]:
    """How many scenarios are made, and why no more."""
    most = DRAWS // max(pairs, 1)
    if wanted <= most:
        return wanted, ()
    if most < FEWEST:
        return 0, (f"No scenarios were made: {pairs:,} travel times are too many to be drawn again and again.",)
    return most, (f"There are {most:,} scenarios in place of {wanted:,}, as there are {pairs:,} travel times in each.",)


def _scenarios(
    journeys: Journeys, question: Question, placement: Placement, count: int, stream: Stream, progress: Progress
) -> Stability:
    c, spread = journeys.candidates, Spread.of(question.scenarios)
    return stability(
        journeys.minutes, journeys.demand.weight, placement.sites, question.problem, count=count, spread=spread,
        stream=stream, fixed=np.flatnonzero(c.fixed), forbidden=np.flatnonzero(c.forbidden),
        drawn=_drawn(journeys, spread, count), progress=progress,
    )  # fmt: skip


def _drawn(journeys: Journeys, spread: Spread, count: int) -> Drawn | None:
    """For a road network the links are drawn, so that ways over the same link are slow together."""
    if journeys.travel.model != "road" or journeys.links is None or count * journeys.links.num_rows > LINKS:
        return None
    d, c = journeys.demand, journeys.candidates
    network, departure = cast("RoadNetwork", journeys.model), journeys.travel.departure
    if has_places(d) and has_places(c):
        return over_roads(network, d.places, c.places, spread, departure)
    return over_roads(network, d.id, c.id, spread, departure, ids=True)


def _wins(found: Stability) -> Wins:
    share, low, high = found.unbeaten
    regret, regret_low, regret_high = found.mean_regret
    best = found.least if found.unit == "min" else 1 - found.least  # of those who come, or are in reach
    near = float((found.regret <= NEAR * best).mean())
    return Wins(share, low, high, regret, regret_low, regret_high, found.unit, found.count, near)


def _stability_table(found: Stability, journeys: Journeys) -> pa.Table:
    """Candidates that win, the most frequent first; the chosen sites in any case."""
    chosen = np.isin(np.arange(len(found.wins)), found.sites)
    rows = np.flatnonzero((found.wins > 0) | chosen)
    rows = rows[np.lexsort((rows, ~chosen[rows], -found.wins[rows]))]
    c = journeys.candidates
    return pa.table(
        {
            "site": c.id.take(pa.array(rows)),
            "row": c.row[rows],
            "chosen": chosen[rows],
            "wins": found.share[rows],
            "low": found.low[rows],
            "high": found.high[rows],
            "scenarios": np.full(len(rows), found.count),
        }
    )


def _method(question: Question, journeys: Journeys, count: int) -> str:
    s, spread = question.scenarios, Spread.of(question.scenarios)
    roads = _drawn(journeys, spread, count) is not None
    what = "times of links" if roads else "travel times"
    rest = "is of single links" if roads else "belongs half to where a way begins and half to the way itself"
    return (
        f"In each of {count:,} scenarios {what} are multiplied by lognormal factors of mean 1 and spread "
        f"{s.travel_spread:g} (log scale), of whose variance a share of {s.shared:g} is common to all and the rest "
        f"{rest}; weights are multiplied by factors of spread {s.demand_spread:g}. The chosen sites and all others "
        "meet the same scenarios."
    )


# ---- hours --------------------------------------------------------------------------------------------------------


def _by_hour(journeys: Journeys, question: Question, placement: Placement, progress: Progress) -> tuple[Hour, ...]:
    hours = sorted(set(question.scenarios.hours))
    if not hours:
        return ()
    c = journeys.candidates
    minutes = {hour: journeys.at(hour) for hour in hours}
    return by_hour(
        minutes, journeys.demand.weight, placement.sites, question.problem, fixed=np.flatnonzero(c.fixed),
        forbidden=np.flatnonzero(c.forbidden), progress=progress,
    )  # fmt: skip


def _hours_table(hours: tuple[Hour, ...], journeys: Journeys, placement: Placement) -> pa.Table:
    """The best sites of each hour, and how far people have then: to the chosen ones and to the best."""
    weight = journeys.demand.weight
    rows = []
    for one in hours:
        to = {
            name: least(journeys.at(one.hour, sites)) for name, sites in (("", placement.sites), ("best_", one.sites))
        }
        reached = {name: np.isfinite(t) & (weight > 0) for name, t in to.items()}
        means = {
            f"{name}mean_minutes": float(np.average(t[reached[name]], weights=weight[reached[name]]))
            for name, t in to.items()
        }
        chosen = weighted_quantile(to[""][reached[""]], weight[reached[""]], 0.9)
        sites = named(journeys.candidates.id, one.sites)
        same = bool(np.array_equal(one.sites, placement.sites))
        rows.append({"hour": one.hour, **means, "p90_minutes": chosen, "best_sites": sites, "same": same})
    return pa.Table.from_pylist(rows)
