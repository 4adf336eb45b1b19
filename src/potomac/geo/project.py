"""Projections of a small part of the Earth onto a plane, and how wrong they are.

Both are cylindrical: meridians and parallels are straight, so that a cell of degrees stays a rectangle, and
north is up everywhere. Distances are right along the parallel ``lat0``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from potomac.geo.distance import EARTH_RADIUS_KM

__all__ = ["Projection", "for_box"]

MERCATOR_LIMIT = 80.0
"""Degrees of latitude beyond which Mercator's picture is stretched more than 5.7 times and is not used."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Projection:
    """Degrees to kilometres east and north of (``lon0``, ``lat0``).

    ``mercator`` keeps shapes (angles) everywhere and lets the scale grow with latitude; ``equirectangular``
    keeps north-south distances and lets shapes be stretched away from ``lat0``.

    Source:
        Snyder (1987), Map Projections: A Working Manual, USGS Professional Paper 1395, pp. 38-47, 90-91.
    """

    kind: Literal["mercator", "equirectangular"]
    lon0: float
    lat0: float

    def forward(self, longitude: ArrayLike, latitude: ArrayLike) -> tuple[Floats, Floats]:
        """Kilometres east and north on the plane; arrays of one shape, or numbers."""
        lam = np.radians(np.asarray(longitude, float) - self.lon0)
        phi = np.radians(np.asarray(latitude, float))
        phi0 = np.radians(self.lat0)
        x = EARTH_RADIUS_KM * np.cos(phi0) * lam
        if self.kind == "equirectangular":
            return x, EARTH_RADIUS_KM * (phi - phi0)
        return x, EARTH_RADIUS_KM * np.cos(phi0) * (_stretched(phi) - _stretched(phi0))

    def inverse(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Longitude and latitude in degrees of a point of the plane (kilometres)."""
        phi0 = np.radians(self.lat0)
        lam = np.asarray(x, float) / (EARTH_RADIUS_KM * np.cos(phi0))
        if self.kind == "equirectangular":
            phi = np.asarray(y, float) / EARTH_RADIUS_KM + phi0
        else:
            phi = np.arctan(np.sinh(np.asarray(y, float) / (EARTH_RADIUS_KM * np.cos(phi0)) + _stretched(phi0)))
        return np.degrees(lam) + self.lon0, np.degrees(phi)

    def scale_error(self, south: float, north: float) -> float:
        """Largest relative error of an east-west distance read off the plane between two latitudes.

        A distance along the parallel phi is drawn cos(lat0) / cos(phi) times too long in both projections.
        """
        phi = np.radians(np.clip([south, north], -89.9, 89.9))
        low = 0.0 if south <= 0 <= north else float(np.min(np.abs(phi)))
        ratios = np.cos(np.radians(self.lat0)) / np.cos([low, float(np.max(np.abs(phi)))])
        return float(np.max(np.abs(ratios - 1)))


def _stretched(phi: ArrayLike) -> Floats:
    """Mercator's latitude ln tan(pi/4 + phi/2), written as arsinh(tan phi), which is exact near the equator."""
    return np.asarray(np.arcsinh(np.tan(phi)), float)


def for_box(west: float, south: float, east: float, north: float) -> Projection:
    """The projection for a picture of this box: Mercator, and equirectangular where the box nears a pole."""
    polar = max(abs(south), abs(north)) > MERCATOR_LIMIT
    lat0 = 0.0 if polar and north - south > 90 else (south + north) / 2
    return Projection("equirectangular" if polar else "mercator", (west + east) / 2, float(np.clip(lat0, -85, 85)))
