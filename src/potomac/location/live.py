"""Live questions: which site serves a place and how long that takes, and what it costs to have a site elsewhere.

What they need is kept as Arrow tables: the sites, the demand points with the nearest two sites of each, the model of
travel time as named numbers. For a road network its nodes and links are kept too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import Fault, NoAnswer, StudyError, did_you_mean, listing
from potomac.geo.distance import great_circle
from potomac.location.found import Found
from potomac.location.journeys import between, has_places
from potomac.location.keeping import model_of, parameters_of
from potomac.location.question import Problem, Travel
from potomac.location.reading import Candidates, Demand
from potomac.location.worth import Worth, worth

__all__ = ["POINTS", "Live", "assign", "kept", "load", "what_if"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POINTS = 200_000
"""Demand points that are kept for live questions; of more, the heaviest."""


@dataclass(frozen=True)
class Live:
    """A run in memory.

    Attributes:
        sites: p of them.
        demand: n demand points.
        serves: place among ``sites`` of the nearest of each demand point, -1 where none is reached, shape (n,).
        minutes: how long that takes, infinite where none is reached, shape (n,).
        second_minutes: how long it takes to the second nearest, shape (n,).
        problem: what was asked.
        travel: how people travel.
        model: of travel time; None where times are given by pair.
        by_pair: where times are given by pair, those of each demand point to each site, shape (n, p).
        objective: of the run.
        opening: what the sites cost in all.
        whole: whether all demand points of the run are here.
    """

    sites: Candidates
    demand: Demand
    serves: Ints
    minutes: Floats
    second_minutes: Floats
    problem: Problem
    travel: Travel
    model: Any
    objective: float
    opening: float
    whole: bool
    capacities: bool

    @cached_property
    def longest(self) -> float:
        """The longest time of those who reach a site, minutes; 0 where nobody does."""
        return float(self.minutes[np.isfinite(self.minutes)].max(initial=0.0))


# ---- kept in the run ----------------------------------------------------------------------------------------------


def kept(found: Found, drawn: Mapping[str, pa.Table | None]) -> dict[str, pa.Table]:
    """The tables from which :func:`load` makes the answer again, and those of pictures; nothing is pickled."""
    sites, about = found.candidates.take(found.placement.sites), _about(found)
    tables = {
        "sites": _sites_table(sites),
        "points": _points_table(found),
        "about": pa.table({"name": [*about], "value": [json.dumps(value) for value in about.values()]}),
        "histogram": histogram(found),
        **parameters_of(found.journeys),
    }
    return tables | {name: table for name, table in drawn.items() if table is not None and table.num_rows}


def _sites_table(sites: Candidates) -> pa.Table:
    columns: dict[str, Any] = {"id": sites.id, "latitude": sites.latitude, "longitude": sites.longitude}
    optional = {"density": sites.density, "cost": sites.cost, "capacity": sites.capacity}
    return pa.table(columns | {name: values for name, values in optional.items() if values is not None})


def _points_table(found: Found) -> pa.Table:
    """The demand points with the nearest two sites of each, whatever the answer assigns."""
    d = found.demand
    rows = np.arange(len(d))
    if len(d) > POINTS:
        rows = np.sort(np.argsort(-d.weight, kind="stable")[:POINTS])
    to_sites = found.journeys.to(found.placement.sites)[rows]
    first, second = _two_least(to_sites)
    some = d.take(rows)
    columns: dict[str, Any] = {
        "id": some.id, "latitude": some.latitude, "longitude": some.longitude, "weight": some.weight,
        "serves": np.where(np.isfinite(first[1]), first[0], -1), "minutes": first[1], "second_minutes": second,
    }  # fmt: skip
    return pa.table(columns | ({} if some.density is None else {"density": some.density}))


def _two_least(to_sites: Floats) -> tuple[tuple[Ints, Floats], Floats]:
    """Which site is nearest and how far, and how far the second is (infinite where there is one only)."""
    rows = np.arange(len(to_sites))
    nearest = np.argmin(to_sites, axis=1)
    minutes = to_sites[rows, nearest]
    others = to_sites.copy()
    others[rows, nearest] = np.inf
    return (nearest, minutes), others.min(axis=1)


def _about(found: Found) -> dict[str, Any]:
    p = found.placement
    c = found.candidates
    return {
        "problem": asdict(found.question.problem),
        "travel": asdict(found.journeys.travel),
        "objective": p.objective,
        "opening": 0.0 if c.cost is None else float(c.cost[p.sites].sum()),
        "whole": len(found.demand) <= POINTS,
        "capacities": c.capacity is not None,
    }


def histogram(found: Found, most: int = 24) -> pa.Table:
    """Share of the weight by travel time, in bins of whole, half or quarter minutes: low, high, share."""
    s = found.served
    some = s.served & (s.weight > 0)
    minutes, weight = s.minutes[some], s.weight[some]
    if not len(minutes):
        return pa.table(
            {"low": pa.array([], pa.float64()), "high": pa.array([], pa.float64()), "share": pa.array([], pa.float64())}
        )
    top = float(minutes.max())
    steps = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 240, 480, 960, 1920)
    step = next((one for one in steps if top / one <= most), top / most)
    edges = np.arange(int(top // step) + 2) * step
    held, _ = np.histogram(minutes, edges, weights=weight)
    return pa.table({"low": edges[:-1], "high": edges[1:], "share": 100 * held / found.demand.weight.sum()})


# ---- made again ---------------------------------------------------------------------------------------------------


def load(tables: Mapping[str, pa.Table]) -> Live:
    """The run from its tables.

    Raises:
        NoAnswer: they are damaged.
    """
    try:
        about = {row["name"]: json.loads(row["value"]) for row in tables["about"].to_pylist()}
        travel = Travel(**(about["travel"] | {"profile": tuple(about["travel"]["profile"])}))
        points, sites = tables["points"], tables["sites"]
        return Live(
            sites=_sites(sites), demand=_demand(points),
            serves=points["serves"].to_numpy(), minutes=points["minutes"].to_numpy(),
            second_minutes=points["second_minutes"].to_numpy(),
            problem=Problem(**about["problem"]), travel=travel, model=model_of(tables, travel),
            objective=about["objective"], opening=about["opening"], whole=about["whole"],
            capacities=about["capacities"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        damaged = Fault("location.no-model", "the model's tables are damaged", "", "Run the study again")
        raise NoAnswer(damaged) from error


def _numbers(table: pa.Table, name: str) -> Floats | None:
    return table[name].to_numpy() if name in table.column_names else None


def _sites(table: pa.Table) -> Candidates:
    p = table.num_rows
    none = np.zeros(p, bool)
    return Candidates(
        np.arange(p), table["id"].combine_chunks(), table["latitude"].to_numpy(), table["longitude"].to_numpy(),
        _numbers(table, "capacity"), _numbers(table, "cost"), none, none, density=_numbers(table, "density"),
    )  # fmt: skip


def _demand(table: pa.Table) -> Demand:
    n = table.num_rows
    return Demand(
        np.arange(n), table["id"].combine_chunks(), table["latitude"].to_numpy(), table["longitude"].to_numpy(),
        table["weight"].to_numpy(), density=_numbers(table, "density"),
    )  # fmt: skip


# ---- asked --------------------------------------------------------------------------------------------------------


def assign(live: Live, latitude: float, longitude: float) -> dict[str, Any]:
    """The site that is reached soonest from a place, and the second: site, minutes, km, next_site, next_minutes, note.

    Raises:
        NoAnswer: the run has no places, only travel times by pair.
    """
    if live.model is None:
        return _as_the_nearest(live, latitude, longitude)
    place = _place(live, latitude, longitude)
    minutes = np.asarray(between(live.model, live.travel, place, live.sites)[0])
    order = np.lexsort((np.arange(len(minutes)), minutes))
    found: dict[str, Any] = {"site": None, "minutes": None, "km": None, "next_site": None, "next_minutes": None}
    for k, name in zip(order[:2].tolist(), ("", "next_"), strict=False):
        if np.isfinite(minutes[k]):
            found[f"{name}site"], found[f"{name}minutes"] = live.sites.id[k].as_py(), float(minutes[k])
    if found["site"] is None:
        return {**found, "note": "There is no way from there to any site."}
    return {**found, "km": _km(live, latitude, longitude, int(order[0])), "note": _caution(live, found["minutes"])}


def _km(live: Live, latitude: float, longitude: float, k: int) -> float:
    return float(great_circle(latitude, longitude, live.sites.latitude[k], live.sites.longitude[k]))


def _caution(live: Live, minutes: float) -> str:
    """What to know of an answer; empty where there is nothing."""
    radius = live.problem.service_radius
    if radius is not None and minutes > radius:
        return f"That is beyond the service radius of {radius:g} minutes."
    if minutes > 2 * live.longest > 0:
        return f"That is outside the study: nobody in it has more than {live.longest:.3g} minutes to a site."
    return "The nearest site is told; capacities may send people elsewhere." if live.capacities else ""


def _as_the_nearest(live: Live, latitude: float, longitude: float) -> dict[str, Any]:
    """Where times are given by pair: what the demand point says that is nearest by the straight line."""
    if not (has_places(live.demand) and has_places(live.sites)):
        raise NoAnswer(_no_places("this run has travel times by pair and no places to ask about"))
    away = great_circle(latitude, longitude, live.demand.latitude, live.demand.longitude)
    i = int(np.argmin(away))
    k, minutes = int(live.serves[i]), float(live.minutes[i])
    note = f"Times are given by pair: these are those of {live.demand.id[i].as_py()}, {float(away[i]):.3g} km away."
    second = {"next_site": None, "next_minutes": None}
    if k < 0:
        return {"site": None, "minutes": None, "km": None, **second, "note": note}
    return {
        "site": live.sites.id[k].as_py(), "minutes": minutes, "km": _km(live, latitude, longitude, k), **second,
        "note": note,
    }  # fmt: skip


def _no_places(found: str) -> Fault:
    return Fault("location.no-places", found)


def _place(live: Live, latitude: float, longitude: float) -> Demand:
    """A place as a demand point; it is as densely settled as the demand point nearest to it."""
    d = live.demand
    if live.model is None:
        raise NoAnswer(
            _no_places("this run has travel times by pair: they say nothing of a place that is not among them")
        )
    if not (has_places(d) and has_places(live.sites)):
        raise NoAnswer(_no_places("this run knows nodes of a network and no places to ask about"))
    density = None
    if d.density is not None:
        near = int(np.argmin(great_circle(latitude, longitude, d.latitude, d.longitude)))
        density = d.density[[near]]
    one = np.ones(1)
    return Demand(np.zeros(1, np.int64), pa.array([""]), one * latitude, one * longitude, one, density=density)


def what_if(live: Live, latitude: float, longitude: float, site: str | None = None) -> dict[str, Any]:
    """What it is worth to have a site at a place: ``site`` is moved there, or without one a site is added.

    Raises:
        StudyError: no site is called so.
        NoAnswer: the run has no places.
    """
    place = _place(live, latitude, longitude)
    k = _site(live, site) if site else None
    there = replace(live.sites.take(np.zeros(1, np.int64)), latitude=place.latitude, longitude=place.longitude,
                    density=place.density)  # fmt: skip
    new = between(live.model, live.travel, live.demand, there)[:, 0]
    rest = live.minutes if k is None else np.where(live.serves == k, live.second_minutes, live.minutes)
    now, then = (
        worth(t, live.demand.weight, live.problem, live.opening) for t in (live.minutes, np.minimum(rest, new))
    )
    return _changed(live, now, then, k, int((new < rest).sum()))


def _site(live: Live, name: str) -> int:
    ids: list[str] = live.sites.id.to_pylist()
    if name not in ids:
        found = f'no site is called "{name[:60]}"'
        raise StudyError(
            Fault("location.site-unknown", found, f"the sites are {listing(ids)}", did_you_mean(name, ids), key="site")
        )
    return ids.index(name)


def _changed(live: Live, now: Worth, then: Worth, k: int | None, gained: int) -> dict[str, Any]:
    notes = []
    if not live.whole:
        notes.append(f"It rests on the {POINTS:,} heaviest demand points.")
    if live.capacities:
        notes.append("Capacities are left aside: everyone goes to the nearest site.")
    if live.opening and k is None:
        notes.append("What the site itself costs is left aside.")
    if then.served < now.served - 1e-9:
        notes.append("Some who were reached are not any more.")

    def known(value: float) -> float | None:
        return value if np.isfinite(value) else None

    change = then.objective - now.objective
    return {
        "objective": known(then.objective),
        "before": known(now.objective),
        "change": known(100 * change / now.objective) if now.objective else None,
        "mean_minutes": known(then.mean),
        "mean_before": known(now.mean),
        "p90_minutes": known(then.q90),
        "worst_minutes": known(then.worst),
        "points": gained,
        "note": " ".join(notes),
    }
