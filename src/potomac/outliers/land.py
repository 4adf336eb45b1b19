"""Which places lie on land, by the outlines of the base map."""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.geo.basemap import outlines
from potomac.stats.compiled import compiled

__all__ = ["on_land"]


def on_land(latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether each place lies on land, shape (n,), to about the half kilometre of the outlines.

    Even-odd rule over all rings of land (Shimrat 1962, Algorithm 112, CACM 5(8)); lakes are land unless the outlines
    have them as holes.

    Args:
        latitude: degrees, shape (n,).
        longitude: degrees in [-180, 180], shape (n,).
    """
    lat, lon = np.asarray(latitude, np.float64), np.asarray(longitude, np.float64)
    inside = np.zeros(len(lat), np.bool_)
    if len(lat) == 0:
        return inside
    west, east = float(lon.min()) - 0.1, float(lon.max()) + 0.1
    south, north = max(float(lat.min()) - 0.1, -90.0), min(float(lat.max()) + 0.1, 90.0)
    if east - west > 360.0:
        west, east = -180.0, 180.0
    for ring in outlines(west, south, east, north, "10m"):
        _cross(inside, lat, lon, np.ascontiguousarray(ring), ring.min(axis=0), ring.max(axis=0))
    return inside


@compiled(nogil=True)
def _cross(inside, latitude, longitude, ring, low, high):
    """Turn ``inside`` for each side of the ring that a ray to the east crosses."""
    for i in range(len(latitude)):
        y, x = latitude[i], longitude[i]
        if y < low[1] or y > high[1] or x > high[0]:
            continue
        before = len(ring) - 1
        for k in range(len(ring)):
            x0, y0, x1, y1 = ring[before, 0], ring[before, 1], ring[k, 0], ring[k, 1]
            before = k
            if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
                inside[i] = not inside[i]
