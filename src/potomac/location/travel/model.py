"""What every model of travel time can do, and what it checks of the places that it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault
from potomac.location.crs import frame_places, is_frame
from potomac.location.places import checked_points

__all__ = ["TravelModel", "blocks", "checked_places", "rushed"]

Floats = npt.NDArray[np.float64]

ENTRIES = 1 << 22
"""Travel times of a block, at most, where no size is asked for: 32 MB."""

_INHABITED = -60.0
"""South of it nobody lives but at research stations."""


_FAR = 1000.0
"""No degree comes near it."""


class TravelModel(Protocol):
    """A model of travel time: the one thing that solvers know of how people travel."""

    def minutes(self, origins: Any, destinations: Any, departure: float | None = None) -> Floats:
        """Travel times in minutes from each origin to each destination, infinite where there is no way, shape (n, m).

        Args:
            origins: latitude and longitude in degrees, shape (n, 2), or what :func:`checked_places` takes.
            destinations: likewise, shape (m, 2).
            departure: hour of the day, 0 to 24; None for a road without traffic.
        """
        ...


def checked_places(points: Any, what: str = "points") -> Floats:
    """Latitude and longitude in degrees, shape (n, 2).

    Args:
        points: an array of shape (n, 2); an Arrow table, pandas or Polars frame or mapping with columns ``latitude``
            and ``longitude``; a GeoDataFrame or GeoSeries of points, whose CRS is read; or several of these in a list.
        what: what they are called where something is wrong with them.

    Raises:
        DataError: there are none, they have another shape, are no numbers, lie outside the globe, look swapped, or
            have no CRS or one that is not known. As swapped count places of which all would lie in Antarctica and,
            were they turned round, on inhabited latitudes; columns that are called latitude and longitude are believed.
    """
    if is_frame(points):
        return checked_points(frame_places(points, what), key=what)
    if isinstance(points, Sequence) and points and all(map(is_frame, points)):
        return np.concatenate([checked_places(part, f"{what}[{k}]") for k, part in enumerate(points)])
    _in_degrees(points, what)
    found = checked_points(points, key=what)
    latitude, longitude = found.T
    if (latitude < _INHABITED).all() and (longitude > _INHABITED).all() and (longitude < 80).all():
        said = f"all {len(found)} latitudes are below {_INHABITED:g}" if len(found) > 1 else (
            f"the latitude is {latitude[0]:g}")  # fmt: skip
        mend = "Latitude and longitude look swapped: give latitude first"
        raise DataError(Fault("location.points", said, "expected inhabited places", mend, key=what))
    return found


def _in_degrees(points: Any, what: str) -> None:
    """Say so where coordinates are metres or feet of a projection."""
    try:
        found = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        return  # told by others
    if not found.size or not np.abs(found).max() > _FAR:
        return
    if np.isfinite(found).all() and np.median(np.abs(found)) > _FAR:
        said = f"{what} look like metres or feet of a projection: they reach {np.abs(found).max():,.0f}"
        mend = "Transform them to latitude and longitude (EPSG:4326), or give a GeoDataFrame with its CRS"
        raise DataError(Fault("location.points", said, "expected degrees", mend, key=what))


def blocks(
    model: TravelModel, origins: Any, destinations: Any, size: int | None = None, departure: float | None = None
) -> Iterator[tuple[slice, Floats]]:
    """Travel times a block of origins at a time, so that a million by a thousand need not be in memory at once.

    Args:
        model: of travel time.
        origins: as for :func:`checked_places`, n of them.
        destinations: m of them.
        size: origins in a block; as many as make four million times where it is not given.
        departure: hour of the day.

    Yields:
        Which origins, and their minutes to all destinations, shape (size, m).
    """
    start, end = checked_places(origins, "origins"), checked_places(destinations, "destinations")
    rows = max(1, ENTRIES // len(end)) if size is None else max(1, int(size))
    for first in range(0, len(start), rows):
        part = slice(first, min(first + rows, len(start)))
        yield part, model.minutes(start[part], end, departure)


def rushed(departure: float | None, profile: Sequence[float] | None = None) -> float:
    """By what travel times are multiplied at an hour of the day; 1 without one.

    Raises:
        StudyError: the hour is none, or the profile has not 24 factors.
    """
    if departure is None:
        return 1.0
    from potomac.location.travel.congestion import PROFILE, rush

    return float(rush(departure, PROFILE if profile is None or not len(profile) else profile))
