"""Suspicions that are said and change nothing: places swapped, speeds in another unit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.tables.chunk import shown
from potomac.tables.roles import Column, Role

__all__ = ["DEGREES", "SWAP", "all_notes", "fast"]

Floats = npt.NDArray[np.float64]
SWAP = "exchange the two names under columns"
DEGREES = "transform them to degrees (EPSG:4326)"
_METRES = 1000.0
_FAST = 60.0  # knots; few ships are faster, most aircraft and cars on motorways are
_MOVING = 0.5


def swapped(latitude: Floats, longitude: Floats) -> str:
    """A note where latitudes beyond the poles would all fit as longitudes, and the longitudes as latitudes."""
    known = np.isfinite(latitude) & np.isfinite(longitude) & (latitude != 91) & (longitude != 181)  # AIS: unknown
    latitude, longitude = latitude[known], longitude[known]
    beyond = np.abs(latitude) > 90
    fits = (np.abs(latitude) <= 180) & (np.abs(longitude) <= 90)
    if len(latitude) < 2 or beyond.mean() < 0.2 or fits.mean() < 0.95:
        return ""
    share = f"{int(beyond.sum()):,} of {len(latitude):,} latitudes are beyond the poles"
    return f"latitude and longitude look swapped: {share}, and every one would be a longitude; {SWAP}"


def projected(latitude: Floats, longitude: Floats) -> str:
    """A note where places are metres or feet of a projection: no degree comes near them."""
    known = np.isfinite(latitude) & np.isfinite(longitude)
    if not known.any() or max(np.median(np.abs(part[known])) for part in (latitude, longitude)) < _METRES:
        return ""
    return f"latitude and longitude look like metres or feet of a projection; {DEGREES}"


def named_swapped(columns: Mapping[str, Column]) -> str:
    """A note where the column of the latitude is called a longitude, and the other way round."""
    if not {"latitude", "longitude"} <= set(columns):
        return ""
    north, east = columns["latitude"].column, columns["longitude"].column
    if _means(north, "lon") and _means(east, "lat"):
        names = f'latitude is "{shown(north)}", longitude is "{shown(east)}"'
        return f"latitude and longitude look swapped by the names of their columns ({names}); {SWAP}"
    return ""


def _means(name: str, word: str) -> bool:
    folded = name.casefold()
    other = "lon" if word == "lat" else "lat"
    return word in folded and other not in folded


def fast(role: Role, column: Column, values: pa.Array) -> str:
    """A note where half of what moves is faster than ships are."""
    speeds = values.drop_null().to_numpy()
    moving = speeds[np.isfinite(speeds) & (speeds > _MOVING)]
    if role.dimension != "speed" or len(moving) < 10 or np.median(moving) <= _FAST:
        return ""
    median = f"half of the moving rows have a {role.name} above {np.median(moving):.3g} kn"
    given = f'the unit "{shown(column.unit)}" is given' if column.unit else "no unit is given, so knots are taken"
    return f"{median}, faster than ships are; {given}: give the column's unit if that is wrong"


def longitudes_from_zero(longitude: Floats) -> str:
    """A note where longitudes run from 0 to 360."""
    known = longitude[np.isfinite(longitude) & (longitude != 181)]
    beyond = (known > 180) & (known <= 360)
    if len(known) < 2 or beyond.mean() < 0.05 or (known < 0).any() or (known > 360).any():
        return ""
    return (
        f"longitudes look counted from 0 to 360 ({int(beyond.sum()):,} of {len(known):,}); give them from -180 to 180"
    )


def all_notes(columns: Mapping[str, Column], raw: Mapping[str, Floats]) -> tuple[str, ...]:
    """The notes about places of the first rows; ``raw`` are their numbers by role, before any is rejected."""
    if not {"latitude", "longitude"} <= set(raw):
        return ()
    named = named_swapped(columns)
    far = projected(raw["latitude"], raw["longitude"])
    if far:
        return (far,)
    seen = swapped(raw["latitude"], raw["longitude"])
    return tuple(filter(None, (seen or named, "" if seen else longitudes_from_zero(raw["longitude"]))))
