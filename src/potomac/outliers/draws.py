"""Draws that are keyed by row: the same rows get the same fakes, whatever else is read beside them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.geo.cells import Grid
from potomac.stats.streams import Stream, row_uniform

__all__ = ["draws", "smallest", "within_cells"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def draws(row: Ints, turn: Ints, stream: Stream) -> Floats:
    """A uniform number for each row and turn (the how manieth fake of the row), shape (n,)."""
    out = np.empty(len(row))
    for r in range(int(turn.max(initial=-1)) + 1):
        mine = turn == r
        out[mine] = row_uniform(row[mine], stream, r)
    return out


def within_cells(grid: Grid, latitude: Floats, longitude: Floats, u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Even places in the cells of the given ones; even by area, so the sine of latitude is drawn.

    Args:
        grid: the cells; every given place lies in one.
        latitude: degrees, shape (n,).
        longitude: degrees, shape (n,).
        u: uniform numbers for the longitude, shape (n,).
        v: uniform numbers for the latitude, shape (n,).

    Returns:
        Latitude and longitude in degrees, longitude in [-180, 180).
    """
    south, north, west, east = grid.bounds(grid.locate(latitude, longitude))
    low, high = np.sin(np.radians(south)), np.sin(np.radians(north))
    lat = np.degrees(np.arcsin(np.clip(low + v * (high - low), -1.0, 1.0)))
    return lat, (west + u * (east - west) + 180.0) % 360.0 - 180.0


def smallest(row: Ints, stream: Stream, most: int) -> Ints:
    """Indices (ascending) of the ``most`` rows with the smallest draws; a sample that no order of reading changes."""
    if len(row) <= most:
        return np.arange(len(row))
    draw = row_uniform(row, stream)
    return np.sort(np.lexsort((row, draw))[:most])
