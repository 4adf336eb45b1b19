"""From where one is there within how many minutes, as polygons: isochrones of a place, a site, or the nearest site.

Travel time is found from the middles of cells over the study's area, and the polygons are drawn between them. Where a
road leads through a cell, it is that from the road: of a place beside it the walk to the road comes on top.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import NoAnswer
from potomac.geo.distance import unit_vectors
from potomac.location.contours import Polygon, within
from potomac.location.journeys import between
from potomac.location.keeping import POINTS
from potomac.location.live import Live, no_places, site_called, spot
from potomac.location.outcome import weighted_quantile
from potomac.location.reading import Candidates
from potomac.location.surface import Grid
from potomac.location.worth import least

__all__ = ["isochrones"]

Floats = npt.NDArray[np.float64]

STEPS = (0.5, 1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 240, 480, 960)
"""Minutes from one isochrone to the next, of which one is taken where none is asked for."""

USUAL, MOST = 5, 24
"""How many isochrones hold most of the people, about; how many there are at most."""

NEIGHBOURS = 4
"""Demand points whose times make that of a cell, where times are given by pair."""

DIGITS = 5  # of degrees: a metre


def isochrones(
    live: Live, latitude: float | None = None, longitude: float | None = None, site: str = "", step: float | None = None
) -> dict[str, Any]:
    """Polygons from whose inside it takes at most so many minutes, as a GeoJSON FeatureCollection.

    Each feature has ``minutes``, and the ``weight`` and ``share`` (per cent) of the demand that is within. The polygons
    hold one another: what is within 10 minutes is within 20 too. Without a place and a site the minutes are those to
    the nearest site of the run.

    Raises:
        StudyError: no site is called so, or one of latitude and longitude is missing.
        NoAnswer: the run knows nothing of places.
    """
    if live.grid is None:
        raise NoAnswer(no_places("this run has no places, or they go round the globe"))
    to, notes = live.sites, []
    if site:
        to = live.sites.take(np.array([site_called(live, site)]))
    elif latitude is not None or longitude is not None:
        there = spot(live, latitude, longitude)
        to, notes = there.site, [there.note]
    minutes = live.minutes if to is live.sites else live.to(to)
    field = _field(live, live.grid, to, minutes)
    levels = _levels(minutes, live.demand.weight, step)
    if not live.whole:
        notes.append(f"Shares rest on the {POINTS:,} heaviest demand points.")
    if live.model is None:
        notes.append("Between demand points travel time is interpolated, and far from them it is not known.")
    return {
        "type": "FeatureCollection",
        "features": [_feature(live, field, live.grid, minutes, level) for level in levels],
        "note": " ".join(filter(None, notes)),
    }


def _field(live: Live, grid: Grid, to: Candidates, minutes: Floats) -> Floats:
    """Minutes from the middle of each cell to the nearest of ``to``, infinite where there is none, shape (r, c)."""
    if live.model is None or live.cells is None:
        field = np.full(grid.near.shape, np.inf)
        field[grid.near] = _interpolated(live, grid.places[grid.near.ravel()], minutes)
        return field
    return least(between(live.model, live.travel, live.cells, to)).reshape(grid.near.shape)


def _interpolated(live: Live, places: Floats, minutes: Floats) -> Floats:
    """Of each place the mean of the demand points next to it, by one over the square of the distance, shape (k,)."""
    from scipy.spatial import cKDTree

    known = np.flatnonzero(np.isfinite(minutes))
    if not len(known):
        return np.full(len(places), np.inf)
    d = live.demand
    tree = cKDTree(unit_vectors(d.latitude[known], d.longitude[known]))
    few = min(NEIGHBOURS, len(known))
    away, near = tree.query(unit_vectors(places[:, 0], places[:, 1]), k=[*range(1, few + 1)])
    pull = 1 / np.maximum(away, 1e-9) ** 2
    return np.asarray((pull * minutes[known[near]]).sum(axis=1) / pull.sum(axis=1))


def _levels(minutes: Floats, weight: Floats, step: float | None) -> list[float]:
    """Minutes at which isochrones lie: multiples of a step, until nearly everyone is within."""
    there = np.isfinite(minutes) & (weight > 0)
    most = weighted_quantile(minutes[there], weight[there], 0.98) if there.any() else 0.0
    if step is None:
        step = next((float(one) for one in STEPS if most / one <= USUAL), math.ceil(most / USUAL))
    many = min(max(1, math.ceil(most / step - 1e-9)), MOST)
    return [step * k for k in range(1, many + 1)]


def _feature(live: Live, field: Floats, grid: Grid, minutes: Floats, level: float) -> dict[str, Any]:
    weight = live.demand.weight
    held, whole = float(weight[minutes <= level].sum()), live.all if live.whole else float(weight.sum())
    polygons = [_on_the_globe(polygon, grid) for polygon in within(field, level)]
    return {
        "type": "Feature",
        "properties": {"minutes": level, "weight": held, "share": 100 * held / whole},
        "geometry": {"type": "MultiPolygon", "coordinates": polygons} if polygons else None,
    }


def _on_the_globe(polygon: Polygon, grid: Grid) -> list[list[list[float]]]:
    """Rings of places in the grid as rings of longitude and latitude."""
    lat, lon = grid.middles
    north, east = (float(edges[1] - edges[0]) for edges in (grid.latitude, grid.longitude))
    return [
        np.column_stack([lon[0] + east * ring[:, 1], lat[0] + north * ring[:, 0]]).round(DIGITS).tolist()
        for ring in polygon
    ]
