"""A run in memory, and the first live question: which site serves a place and how long that takes.

The others are :mod:`potomac.location.otherwise` (what if a site were elsewhere) and :mod:`potomac.location.isochrones`
(from where one is there within how many minutes).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import Fault, NoAnswer, StudyError, did_you_mean, listing
from potomac.geo.distance import great_circle
from potomac.location.journeys import between, has_places
from potomac.location.keeping import model_of
from potomac.location.question import Problem, Travel
from potomac.location.reading import Candidates, Demand
from potomac.location.surface import Grid, as_demand, grid, onto_roads
from potomac.location.worth import Worth, worth

__all__ = ["Live", "Spot", "assign", "load", "no_places", "site_called", "spot"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ACROSS = 72
"""Cells along the longer side on which isochrones are drawn."""


@dataclass(frozen=True)
class Live:
    """A run in memory.

    Attributes:
        sites: p of them.
        candidates: where sites could have been; None where they may be anywhere, or were too many to be kept.
        demand: n demand points.
        serves: place among ``sites`` of the nearest of each demand point, -1 where none is reached, shape (n,).
        minutes: how long that takes, infinite where none is reached, shape (n,).
        second_minutes: how long it takes to the second nearest, shape (n,).
        problem: what was asked.
        travel: how people travel.
        model: of travel time; None where times are given by pair, or its network was too large to be kept.
        times: where times are given by pair, those of each demand point from each candidate, shape (n, m); None where
            there is a model, or they were too many to be kept.
        elsewhere: what draws each demand point to rivals and keeps it at home, shape (n,); None where there are none.
        run: what the sites are worth as the run assigns people to them.
        opening: what the sites cost in all, or their number where fewest are sought.
        whole: whether all demand points of the run that can be reached are here.
        all: weight of all demand of the run.
    """

    sites: Candidates
    candidates: Candidates | None
    demand: Demand
    serves: Ints
    minutes: Floats
    second_minutes: Floats
    problem: Problem
    travel: Travel
    model: Any
    times: Floats | None
    elsewhere: Floats | None
    run: Worth
    opening: float
    whole: bool
    all: float

    @cached_property
    def longest(self) -> float:
        """The longest time of those who reach a site, minutes; 0 where nobody does."""
        return float(self.minutes[np.isfinite(self.minutes)].max(initial=0.0))

    @cached_property
    def before(self) -> Worth:
        """What the sites are worth to the demand points that are here."""
        if self.whole:
            return self.run
        here = self.custom(self.to_sites, self.sites.attractiveness) if self.elsewhere is not None else None
        return worth(self.minutes, self.demand.weight, self.problem, self.opening, objective=here)

    @cached_property
    def to_sites(self) -> Floats:
        """Minutes of each demand point from each site, shape (n, p)."""
        if self.times is not None:
            at = [self.row_of(name) for name in self.sites.id.to_pylist()]
            return self.times[:, at]
        return between(self.model, self.travel, self.demand, self.sites)

    @cached_property
    def grid(self) -> Grid | None:
        """Cells as far as a map shows them; None where there are no places."""
        return grid(self.demand, self.sites, ACROSS, framed=True)

    @cached_property
    def cells(self) -> Demand | None:
        """The cells, as if somebody set out from the middle of each, or from a road that leads through it."""
        if self.grid is None:
            return None
        places = self.grid.places
        if self.travel.model == "road" and self.model is not None:
            places = onto_roads(self.model, places, self.grid.side / 2)
        return as_demand(self.demand, places)

    def custom(self, to_sites: Floats, attractiveness: Floats | None) -> float:
        """The custom that sites win beside rivals and staying at home, by Huff's model.

        Args:
            to_sites: minutes of each demand point from each site, shape (n, p).
            attractiveness: of the sites, shape (p,); None for 1 each.
        """
        from potomac.location.gravity import Decay

        pull = Decay(self.problem.distance_decay)(to_sites)
        own = pull.sum(axis=1) if attractiveness is None else pull @ attractiveness
        whole = own + (0.0 if self.elsewhere is None else self.elsewhere)
        return float(self.demand.weight @ np.divide(own, whole, out=np.zeros_like(own), where=whole > 0))

    def to(self, there: Candidates) -> Floats:
        """Minutes of each demand point from one site, shape (n,)."""
        if self.times is not None:
            return self.times[:, self.row_of(there.id[0].as_py())]
        return between(self.model, self.travel, self.demand, there)[:, 0]

    def row_of(self, name: str) -> int:
        """The number of a candidate."""
        return self._rows[name]

    @cached_property
    def _rows(self) -> dict[str, int]:
        known = self.sites if self.candidates is None else self.candidates
        return {name: row for row, name in enumerate(known.id.to_pylist())}


# ---- made again ---------------------------------------------------------------------------------------------------


def load(tables: Mapping[str, pa.Table]) -> Live:
    """The run from its tables.

    Raises:
        NoAnswer: they are damaged.
    """
    try:
        about = {row["name"]: json.loads(row["value"]) for row in tables["about"].to_pylist()}
        travel = Travel(**(about["travel"] | {"profile": tuple(about["travel"]["profile"])}))
        points = tables["points"]
        times = tables["times"]["minutes"].to_numpy() if "times" in tables else None
        return Live(
            sites=_places(tables["sites"]),
            candidates=_places(tables["candidates"]) if "candidates" in tables else None, demand=_demand(points),
            serves=points["serves"].to_numpy(), minutes=points["minutes"].to_numpy(),
            second_minutes=points["second_minutes"].to_numpy(),
            problem=Problem(**about["problem"]), travel=travel, model=model_of(tables, travel),
            times=None if times is None else times.reshape(points.num_rows, -1),
            elsewhere=_numbers(points, "elsewhere"), run=Worth(**about["before"]), opening=about["opening"],
            whole=about["whole"], all=about["all"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        damaged = Fault("location.no-model", "the model's tables are damaged", "", "Run the study again")
        raise NoAnswer(damaged) from error


def _numbers(table: pa.Table, name: str) -> Floats | None:
    return table[name].to_numpy() if name in table.column_names else None


def _places(table: pa.Table) -> Candidates:
    p = table.num_rows
    none = np.zeros(p, bool)
    return Candidates(
        np.arange(p), table["id"].combine_chunks(), table["latitude"].to_numpy(), table["longitude"].to_numpy(),
        _numbers(table, "capacity"), _numbers(table, "cost"), none, none, density=_numbers(table, "density"),
        attractiveness=_numbers(table, "attractiveness"),
    )  # fmt: skip


def _demand(table: pa.Table) -> Demand:
    n = table.num_rows
    return Demand(
        np.arange(n), table["id"].combine_chunks(), table["latitude"].to_numpy(), table["longitude"].to_numpy(),
        table["weight"].to_numpy(), density=_numbers(table, "density"),
    )  # fmt: skip


# ---- a place ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spot:
    """Where a site would be.

    Attributes:
        site: one candidate; with its own capacity and cost where it is one of the study.
        known: whether it is one of the study.
        note: what the reader should know; empty where nothing.
    """

    site: Candidates
    known: bool
    note: str = ""


def spot(live: Live, latitude: float | None, longitude: float | None, candidate: str = "") -> Spot:
    """A candidate by its id, or a place; where times are given by pair, the candidate that is nearest to the place.

    Raises:
        StudyError: no candidate is called so, or neither a candidate nor a place is given.
        NoAnswer: the run knows nothing of places.
    """
    if candidate:
        return Spot(_named(live, candidate), known=True)
    if latitude is None or longitude is None:
        key = "latitude" if latitude is None else "longitude"
        raise StudyError(Fault("live.value", f"the {key} is missing", "expected a place, or an id", key=key))
    if live.times is not None and live.candidates is not None:
        return _nearest_candidate(live, live.candidates, latitude, longitude)
    place = _place(live, latitude, longitude)
    bare = Candidates(
        place.row, place.id, place.latitude, place.longitude, None, None, np.zeros(1, bool), np.zeros(1, bool),
        density=place.density,
    )  # fmt: skip
    return Spot(bare, known=False)


def _named(live: Live, name: str) -> Candidates:
    known = live.sites if live.candidates is None else live.candidates
    _can_tell(live)
    ids: list[str] = known.id.to_pylist()
    if name not in ids:
        found, valid = f'no candidate is called "{name[:60]}"', f"the candidates are {listing(ids)}"
        raise StudyError(Fault("location.site-unknown", found, valid, did_you_mean(name, ids), key="candidate"))
    return known.take(np.array([ids.index(name)]))


def _nearest_candidate(live: Live, known: Candidates, latitude: float, longitude: float) -> Spot:
    if not has_places(known):
        raise NoAnswer(no_places("this run has travel times by pair and no places to ask about"))
    away = great_circle(latitude, longitude, known.latitude, known.longitude)
    j = int(np.argmin(away))
    note = f"Times are given by pair: told is the candidate {known.id[j].as_py()}, {float(away[j]):.3g} km away."
    return Spot(known.take(np.array([j])), known=True, note=note)


def _can_tell(live: Live) -> None:
    """Whether times to a place that is no site are known.

    Raises:
        NoAnswer: they are not.
    """
    if live.model is None and live.times is None:
        what = "matrix" if live.travel.model == "matrix" else "road network"
        raise NoAnswer(no_places(f"the {what} of this run is too large to be kept for questions"))


def no_places(found: str) -> Fault:
    """A question about a place that this run cannot answer."""
    return Fault("location.no-places", found)


def _place(live: Live, latitude: float, longitude: float) -> Demand:
    """A place as a demand point; it is as densely settled as the demand point nearest to it."""
    _can_tell(live)
    if not (has_places(live.demand) and has_places(live.sites)):
        raise NoAnswer(no_places("this run knows nodes of a network and no places to ask about"))
    return as_demand(live.demand, np.array([[latitude, longitude]]))


def site_called(live: Live, name: str) -> int:
    """The number of a site.

    Raises:
        StudyError: no site is called so.
    """
    ids: list[str] = live.sites.id.to_pylist()
    if name not in ids:
        found = f'no site is called "{name[:60]}"'
        raise StudyError(
            Fault("location.site-unknown", found, f"the sites are {listing(ids)}", did_you_mean(name, ids), key="site")
        )
    return ids.index(name)


# ---- which site ---------------------------------------------------------------------------------------------------


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
    limited = live.sites.capacity is not None
    return "The nearest site is told; capacities may send people elsewhere." if limited else ""


def _as_the_nearest(live: Live, latitude: float, longitude: float) -> dict[str, Any]:
    """Without a model of travel time: what the demand point says that is nearest by the straight line."""
    if not (has_places(live.demand) and has_places(live.sites)):
        raise NoAnswer(no_places("this run has travel times by pair and no places to ask about"))
    away = great_circle(latitude, longitude, live.demand.latitude, live.demand.longitude)
    i = int(np.argmin(away))
    k, minutes = int(live.serves[i]), float(live.minutes[i])
    why = "Times are given by pair" if live.travel.model == "matrix" else "The road network is too large to be kept"
    note = f"{why}: these are those of {live.demand.id[i].as_py()}, {float(away[i]):.3g} km away."
    second = {"next_site": None, "next_minutes": None}
    if k < 0:
        return {"site": None, "minutes": None, "km": None, **second, "note": note}
    return {
        "site": live.sites.id[k].as_py(), "minutes": minutes, "km": _km(live, latitude, longitude, k), **second,
        "note": note,
    }  # fmt: skip
