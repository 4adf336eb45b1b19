"""Latitude and longitude that look exchanged: of all places, or of some among many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, listing

__all__ = ["all_swapped", "refuse_swapped", "swapped_rows"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SOUTH, _NORTH = -60.0, 74.0
"""South and north of them nobody lives but at research stations and, east to 17 degrees, on Svalbard."""
_SVALBARD_ENDS = 17.0

_MANY = 8
"""Places without which nothing stands out from among the others."""
_SAMPLE = 1000  # places that say where most are
_SMALL = 648.0  # square degrees, 1 % of all: what is elsewhere seldom falls into it by chance, and turned round

_NEAR = 0.1  # degrees around the others that are still among them

ESCAPE = "if they are right, write their longitudes once round (-350 for 10), which are then believed"


def all_swapped(points: Floats) -> bool:
    """Whether all places lie where nobody lives and would not if they were turned round.

    Args:
        points: latitude and longitude in degrees, shape (n, 2).
    """
    latitude, longitude = points[:, 0], points[:, 1]
    if latitude[0] < _SOUTH:
        return bool(latitude.max() < _SOUTH and longitude.min() > _SOUTH and longitude.max() < 80)
    if latitude[0] > _NORTH:
        return bool(latitude.min() > _NORTH and longitude.min() > _SVALBARD_ENDS and longitude.max() < 40)
    return False


def swapped_rows(points: Floats) -> Ints:
    """Rows that lie far from all others and, turned round, would lie among them, shape (k,).

    Only where the others lie within a part of the globe so small that this is no chance.

    Args:
        points: latitude and longitude in degrees, shape (n, 2).
    """
    none = np.empty(0, np.int64)
    if len(points) <= _MANY:
        return none
    some = points[:: -(-len(points) // _SAMPLE)]
    centre = np.median(some, axis=0)
    low, high = _box(points)
    if abs(centre[1]) > 90.0 or (np.maximum(high - centre, centre - low) < abs(centre[0] - centre[1]) / 2).all():
        return none  # turned round they would not be on the globe; or all are nearer to the centre as they are
    low, high = _box(some[~_suspect(some, centre)])
    if np.prod(high - low) >= _SMALL:
        return none
    suspect = _suspect(points, centre)
    rest = points[~suspect]
    if not suspect.any() or len(rest) < max(_MANY, 2 * suspect.sum()):
        return none
    low, high = _box(rest)
    rows = np.flatnonzero(suspect)
    given, turned = points[rows], points[rows][:, ::-1]
    inside = ((turned >= low - _NEAR) & (turned <= high + _NEAR)).all(axis=1)
    outside = np.maximum(np.maximum(low - given, given - high), 0.0).max(axis=1)
    if np.prod(high - low) >= _SMALL:
        return none
    return np.asarray(rows[inside & (outside > max(1.0, float((high - low).max())))], np.int64)


def _suspect(points: Floats, centre: Floats) -> npt.NDArray[np.bool_]:
    """Whether places are twice as far from the centre, in degrees of either kind, as turned round."""
    away = np.abs(points - centre).max(axis=1)
    return np.asarray(np.abs(points[:, ::-1] - centre).max(axis=1) < away / 2)


def _box(points: Floats) -> tuple[Floats, Floats]:
    """The least and the greatest of both coordinates; a column at a time, which is quicker than an axis."""
    columns = points.T
    return np.array([column.min() for column in columns]), np.array([column.max() for column in columns])


def refuse_swapped(points: Floats, what: str, names: Sequence[Any] | None = None) -> None:
    """Say so where latitude and longitude look exchanged.

    Args:
        points: latitude and longitude in degrees, shape (n, 2).
        what: what they are called.
        names: of the rows that look swapped, where they have others than their numbers.

    Raises:
        DataError: those of all places look so, or those of some rows.
    """
    if all_swapped(points):
        latitude = points[:, 0]
        edge = f"below {_SOUTH:g}" if latitude[0] < 0 else f"above {_NORTH:g}"
        said = f"all {len(points)} latitudes are {edge}" if len(points) > 1 else f"the latitude is {latitude[0]:g}"
        mend = f"Latitude and longitude look swapped: give latitude first; {ESCAPE}"
        raise DataError(Fault("location.points", said, "expected inhabited places", mend, key=what))
    rows = swapped_rows(points)
    if len(rows):
        known = rows.tolist() if names is None else names
        latitude, longitude = points[rows[0]].tolist()
        said = f"latitude and longitude look swapped in {len(rows):,} of {len(points):,} rows: {listing(known, 5)}"
        said += f"; {known[0]} is at ({latitude:g}, {longitude:g}), and turned round it would be among the others"
        mend = f"Exchange the two in these rows; {ESCAPE}"
        raise DataError(Fault("location.swapped", said, "expected latitude first in each", mend, key=what))
