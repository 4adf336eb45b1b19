"""What every model of travel time can do, and what it checks of the places that it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.location.crs import frame_places, is_frame, refuse_metres
from potomac.location.places import checked_points
from potomac.location.swapped import refuse_swapped

__all__ = ["TravelModel", "as_numbers", "believed", "blocks", "checked_model", "checked_places", "rushed"]

Floats = npt.NDArray[np.float64]

ENTRIES = 1 << 22
"""Travel times of a block, at most, where no size is asked for: 32 MB."""


class Believed(np.ndarray[Any, np.dtype[np.float64]]):
    """Places that were checked, or that are made by a search: nobody asks whether they are swapped."""


def believed(places: Floats) -> Floats:
    """Latitude and longitude in degrees, shape (n, 2), not to be looked at again for what is swapped."""
    return places.view(Believed)


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
        points: an array of shape (n, 2), latitude first; an Arrow table, pandas or Polars frame, DuckDB relation or
            mapping with columns ``latitude`` and ``longitude`` (or ``lat``, and ``lon``, ``lng`` or ``long``), in any
            order; a GeoDataFrame or GeoSeries of points, whose CRS is read; or several of these in a list.
        what: what they are called where something is wrong with them.

    Raises:
        DataError: there are none, they have another shape, are no numbers, lie outside the globe, look swapped, or
            have no CRS or one that is not known. As swapped count places of which all would lie where nobody lives,
            and rows far from all others that, were they turned round, would lie among them; a longitude once
            round (-350 for 10) is believed. Coordinates in metres count as an unknown CRS.
    """
    if isinstance(points, Sequence) and not isinstance(points, str | bytes) and points and all(map(is_frame, points)):
        return _all_of(points, what)
    found = frame_places(points, what) if is_frame(points) else as_numbers(points)
    if isinstance(found, np.ndarray) and found.dtype == np.float64:
        refuse_metres(found, what)
    found = checked_points(found, key=what)
    if isinstance(points, Believed):
        return found.view(np.ndarray)
    refuse_swapped(found, what)
    return found


def _all_of(parts: Sequence[Any], what: str) -> Floats:
    """Frames one after the other, each by its own CRS; or rows, each a mapping of a latitude and a longitude."""
    if all(isinstance(part, Mapping) and all(map(np.isscalar, part.values())) for part in parts):
        names = dict.fromkeys(name for part in parts for name in part)
        return checked_places({name: [part.get(name, np.nan) for part in parts] for name in names}, what)
    return np.concatenate([checked_places(part, f"{what}[{k}]") for k, part in enumerate(parts)])


def as_numbers(points: Any) -> Any:
    """An array of numbers, masked ones as NaN; what is none as it was given, for others to refuse."""
    if isinstance(points, np.ma.MaskedArray):
        points = np.ma.filled(points.astype(np.float64), np.nan) if points.dtype.kind in "iuf" else points
    try:
        found = np.asarray(points)
    except (TypeError, ValueError, OverflowError):
        return points
    return found.astype(np.float64, copy=False) if found.dtype.kind in "iuf" else points


def checked_model(model: Any) -> TravelModel:
    """A model of travel time.

    Raises:
        StudyError: it cannot tell minutes.
    """
    if isinstance(model, type) or not callable(getattr(model, "minutes", None)):
        said = f"the model is {str(model)[:60]}"
        expected = "expected one that tells minutes, such as Circuity() or a RoadNetwork"
        raise StudyError(Fault("location.travel", said, expected, key="model"))
    return cast("TravelModel", model)


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
        yield part, model.minutes(believed(start[part]), believed(end), departure)


def rushed(departure: float | None, profile: Sequence[float] | None = None) -> float:
    """By what travel times are multiplied at an hour of the day; 1 without one.

    Raises:
        StudyError: the hour is none, or the profile has not 24 factors.
    """
    if departure is None:
        return 1.0
    from potomac.location.travel.congestion import rush, usual_or

    return float(rush(departure, usual_or(profile)))
