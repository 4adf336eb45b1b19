"""Travel time to the nearest site as a surface: a grid of cells over where people are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.geo.distance import EARTH_RADIUS_KM, great_circle, local_plane
from potomac.location.journeys import Journeys, between, has_places
from potomac.location.reading import Candidates, Demand
from potomac.location.worth import least

if TYPE_CHECKING:
    from potomac.location.travel.network import RoadNetwork

__all__ = ["Grid", "as_demand", "grid", "onto_roads", "roads", "surface"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ACROSS = 36
"""Cells along the longer side."""

ROADS = 4_000
"""Roads of a network that are drawn, at most."""

_MARGIN = 0.04  # of the extent, on each side
_WIDE, _HIGH, _ROOM = 1.6, 1.1, 0.1  # width over height of a map at most and at least; share of it that is free
_WIDEST = 160.0  # degrees of longitude beyond which no grid is laid
_NEAR = 1 / 9  # share of the longer side around a demand point that is of interest


@dataclass(frozen=True)
class Grid:
    """Cells that are about square, over where people and sites are.

    Attributes:
        latitude: edges of the rows from south to north, degrees, shape (r + 1,).
        longitude: edges of the columns from west to east, degrees, may pass 180, shape (c + 1,).
        near: cells that a demand point is in or near to, shape (r, c).
    """

    latitude: Floats
    longitude: Floats
    near: npt.NDArray[np.bool_]

    @property
    def middles(self) -> tuple[Floats, Floats]:
        """Latitudes of the middles of rows, longitudes of those of columns."""
        lat, lon = self.latitude, self.longitude
        return (lat[1:] + lat[:-1]) / 2, (lon[1:] + lon[:-1]) / 2

    @property
    def side(self) -> float:
        """Length of a cell from south to north, km."""
        return float(np.radians(self.latitude[1] - self.latitude[0])) * EARTH_RADIUS_KM

    @property
    def places(self) -> Floats:
        """Latitude and longitude of the middles of all cells, row by row, shape (r * c, 2)."""
        lat, lon = self.middles
        i, j = np.indices(self.near.shape).reshape(2, -1)
        return np.column_stack([lat[i], (lon[j] + 180) % 360 - 180])


def grid(demand: Demand, sites: Candidates, across: int = ACROSS, *, framed: bool = False) -> Grid | None:
    """Cells over demand points and sites, ``across`` of them along the longer side.

    None where there are no places, and where they go round the globe. ``framed``: as far as the frame of a map of them.
    """
    if not len(sites) or not (has_places(demand) and has_places(sites)):
        return None
    box = _box(np.vstack([demand.places, sites.places]))
    if box is None:
        return None
    west, south, east, north = _framed(box) if framed else box
    columns, rows = _shape(west, south, east, north, across)
    lon, lat = np.linspace(west, east, columns + 1), np.linspace(south, north, rows + 1)
    return Grid(lat, lon, _peopled(demand, lat, lon, rows, columns))


def surface(journeys: Journeys, sites: Candidates) -> pa.Table | None:
    """Minutes from the middle of each cell to the nearest site: west, south, east, north, minutes, site.

    Cells that no demand point is near are left out, as are those without a way. None where the travel times are given
    by pair, and where the points go round the globe.
    """
    cells = grid(journeys.demand, sites) if journeys.model is not None else None
    if cells is None:
        return None
    minutes = between(
        journeys.model, journeys.travel, as_demand(journeys.demand, cells.places[cells.near.ravel()]), sites
    )
    time = least(minutes)
    there = np.isfinite(time)
    i, j = (at[there] for at in np.nonzero(cells.near))
    lat, lon = cells.latitude, cells.longitude
    return pa.table(
        {
            "west": lon[j],
            "south": lat[i],
            "east": lon[j + 1],
            "north": lat[i + 1],
            "minutes": time[there],
            "site": sites.id.take(pa.array(np.argmin(minutes, axis=1)[there])),
        }
    )


def roads(journeys: Journeys, sites: Candidates) -> pa.Table | None:
    """The roads of a network as lines from latitude and longitude to to_latitude and to_longitude; None of others.

    Those about demand points and sites are told; of a network with too many of them to be seen the fastest.
    """
    if journeys.travel.model != "road":
        return None
    network = cast("RoadNetwork", journeys.model)
    ends, minutes = network.node_places[network.road_nodes], network.road_minutes
    seen = np.isfinite(ends).all(axis=(1, 2)) & np.isfinite(minutes) & _within(ends, journeys.demand, sites)
    ends, minutes = ends[seen], minutes[seen]
    if len(ends) > ROADS:
        ends = ends[_fastest(ends, minutes)]
    if not len(ends):
        return None
    names = ("latitude", "longitude", "to_latitude", "to_longitude")
    return pa.table(dict(zip(names, ends.reshape(-1, 4).T, strict=True)))


def _within(ends: Floats, demand: Demand, sites: Candidates) -> npt.NDArray[np.bool_]:
    """Which roads are about where people and sites are; all where these are nodes without a place, shape (r,)."""
    box = _box(np.vstack([demand.places, sites.places])) if has_places(demand) and has_places(sites) else None
    if box is None:
        return np.ones(len(ends), bool)
    west, south, east, north = _framed(box)
    middle = (ends[:, 0] + ends[:, 1]) / 2
    return np.asarray((middle[:, 0] >= south) & (middle[:, 0] <= north) & ((middle[:, 1] - west) % 360 <= east - west))


def _fastest(ends: Floats, minutes: Floats) -> Ints:
    """The roads of the highest speeds of which no more than can be seen share one or a higher one."""
    km = great_circle(ends[:, 0, 0], ends[:, 0, 1], ends[:, 1, 0], ends[:, 1, 1])
    speed = np.round(60 * km / np.maximum(minutes, 1e-9))
    speeds, counts = np.unique(-speed, return_counts=True)
    many = np.searchsorted(np.cumsum(counts), ROADS, side="right")
    return np.flatnonzero(-speed < speeds[many]) if many < len(speeds) else np.arange(len(ends))


def onto_roads(network: RoadNetwork, places: Floats, km: float) -> Floats:
    """Places of which those that are no farther than ``km`` from a road are moved onto it, shape (n, 2)."""
    road, share, away = network.snapped(places)
    near = away <= km
    first, second = (network.node_places[network.road_nodes[road[near], end]] for end in (0, 1))
    east = (second[:, 1] - first[:, 1] + 180) % 360 - 180
    moved = places.copy()
    moved[near, 0] = first[:, 0] + share[near] * (second[:, 0] - first[:, 0])
    moved[near, 1] = (first[:, 1] + share[near] * east + 180) % 360 - 180
    return moved


def _box(places: Floats) -> tuple[float, float, float, float] | None:
    """West, south, east, north of all places with a margin; east may pass 180; None where they go round the globe."""
    lon = np.sort(places[:, 1])
    gaps = np.diff(np.append(lon, lon[0] + 360))
    k = int(np.argmax(gaps))
    west = float(lon[(k + 1) % len(lon)])
    wide = 360 - float(gaps[k])
    if wide > _WIDEST:
        return None
    south, north = float(places[:, 0].min()), float(places[:, 0].max())
    cosine = max(float(np.cos(np.radians((south + north) / 2))), 0.05)
    margin = max(_MARGIN * max(wide * cosine, north - south), 0.005)
    south, north = max(south - margin, -89.0), min(north + margin, 89.0)
    return west - margin / cosine, south, west + wide + margin / cosine, north


def _framed(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A wider or higher box, with room at each side, that holds what maps of the box show beside it."""
    west, south, east, north = box
    cosine = max(float(np.cos(np.radians((south + north) / 2))), 0.05)
    wide, high = (east - west) * cosine, north - south
    more = (1 + _ROOM) * max(wide, _WIDE * high) - wide, (1 + _ROOM) * max(high, wide / _HIGH) - high
    side, end = more[0] / 2 / cosine, more[1] / 2
    return west - side, max(south - end, -89.0), east + side, min(north + end, 89.0)


def _shape(west: float, south: float, east: float, north: float, across: int) -> tuple[int, int]:
    """Columns and rows of cells that are about square."""
    x, y = local_plane([south, north], [west, east], (south + north) / 2, (west + east) / 2)
    wide, high = float(x[1] - x[0]), float(y[1] - y[0])
    side = max(wide, high) / across
    return max(1, round(wide / side)), max(1, round(high / side))


def _peopled(demand: Demand, lat: Floats, lon: Floats, rows: int, columns: int) -> npt.NDArray[np.bool_]:
    """Which cells have a demand point within a few cells, shape (rows, columns)."""
    from scipy.ndimage import binary_dilation, binary_fill_holes

    shifted = (demand.longitude - lon[0]) % 360 + lon[0]
    i = np.clip(np.searchsorted(lat, demand.latitude, side="right") - 1, 0, rows - 1)
    j = np.clip(np.searchsorted(lon, shifted, side="right") - 1, 0, columns - 1)
    seen = np.zeros((rows, columns), bool)
    seen[i, j] = True
    reach = max(1, round(_NEAR * max(rows, columns)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(binary_fill_holes(binary_dilation(seen, structure=x * x + y * y <= reach * reach)))


def as_demand(demand: Demand, cells: Floats) -> Demand:
    """Cells as if people were there; each is as densely settled as the demand point nearest to it."""
    density = None
    if demand.density is not None:
        from scipy.spatial import cKDTree

        from potomac.geo.distance import unit_vectors

        tree = cKDTree(unit_vectors(demand.latitude, demand.longitude))
        density = demand.density[tree.query(unit_vectors(cells[:, 0], cells[:, 1]))[1]]
    ids = pa.array([""] * len(cells))
    ones = np.ones(len(cells))
    return Demand(np.arange(len(cells)), ids, cells[:, 0], cells[:, 1], ones, density=density)
