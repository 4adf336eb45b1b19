"""The part of the Earth that a map shows, and how degrees become places on the drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from potomac.engine import Figure, Layer
from potomac.geo.distance import EARTH_RADIUS_KM
from potomac.geo.project import Projection, for_box
from potomac.report.scales import Floats, numeric

__all__ = ["Window", "degrees", "window"]

LEAST_KM = 4.0
"""A map of one point, or of points close together, shows at least this width."""

ALONE_KM = 40.0
"""The width of a map of a single point."""

MARGIN = 0.06
FLATTEST, TALLEST = 0.5, 1.0  # height of a map, as a share of its width
UPRIGHT = 0.85  # the flattest one on a phone, whose width is all there is
AROUND = 45.0
"""Degrees of longitude without any place, below which places lie all around the Earth."""

HIGHEST = 640.0
"""A map is no higher than this, so that a window of a desktop shows it whole."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the drawing (``left``, ``top``, ``width``, ``height``) onto the plane of a projection.

    ``x0``, ``y0`` are the kilometres of its upper left corner, ``km`` the kilometres of one unit of the
    drawing along the parallel ``projection.lat0``. Longitudes are taken within half a turn of the middle.
    """

    projection: Projection
    x0: float
    y0: float
    km: float
    left: float
    top: float
    width: float
    height: float

    def __call__(self, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
        """Units of the drawing; NaN where a place is unknown or none."""
        x, y = self.projection.forward(self.turned(longitude), np.where(np.abs(latitude) <= 90, latitude, np.nan))
        with np.errstate(invalid="ignore"):
            return self.left + (x - self.x0) / self.km, np.clip(self.top + (self.y0 - y) / self.km, -1e5, 1e5)

    def turned(self, longitude: Floats) -> Floats:
        """Longitudes moved by whole turns to within half a turn of the middle; NaN where they are none."""
        start = self.projection.lon0 - 180
        with np.errstate(invalid="ignore"):
            return np.where(np.abs(longitude) <= 540, (longitude - start) % 360 + start, np.nan)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The degrees that the window shows: west, south, east, north."""
        x, y = [self.x0, self.x0 + self.width * self.km], [self.y0 - self.height * self.km, self.y0]
        (west, east), (south, north) = self.projection.inverse(x, y)
        return float(west), max(-90.0, float(south)), float(east), min(90.0, float(north))

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """The window on the drawing: left, top, right, bottom."""
        return self.left, self.top, self.left + self.width, self.top + self.height


def degrees(layer: Layer) -> tuple[Floats, Floats]:
    """All places of a layer, both ends: longitudes and latitudes, those that are none left out."""
    x, y = numeric(layer.data.column(layer.x)), numeric(layer.data.column(layer.y))
    if layer.x2 and layer.y2:
        x = np.concatenate([x, numeric(layer.data.column(layer.x2))])
        y = np.concatenate([y, numeric(layer.data.column(layer.y2))])
    with np.errstate(invalid="ignore"):
        fine = (np.abs(x) <= 540) & (np.abs(y) <= 90)
    return x[fine], y[fine]


def window(figure: Figure, width: float, left: float = 0.0, top: float = 0.0, ratio: float | None = None) -> Window:
    """The window ``width`` wide that shows all places of a figure; ``ratio`` fixes its height as a share of it."""
    found = [degrees(layer) for layer in figure.layers]
    x = np.concatenate([one for one, _ in found]) if found else np.empty(0)
    y = np.concatenate([one for _, one in found]) if found else np.empty(0)
    if len(x) == 0:
        return _world(width, left, top)
    west, east = _arc(x)
    south, north = float(y.min()), float(y.max())
    projection = for_box(west, max(south, -89.0), max(east, west + 1e-9), min(max(north, south + 1e-9), 89.999))
    return _fitted(projection, (west, south, east, north), figure.width_km, (left, top, width), ratio)


def _world(width: float, left: float, top: float) -> Window:
    """Where there is nothing to show, the whole Earth from 60 S to 80 N."""
    projection = Projection("equirectangular", 0.0, 0.0)
    turn = 2 * math.pi * EARTH_RADIUS_KM
    km = turn / width
    north = projection.forward(0.0, 80.0)[1]
    return Window(projection, -turn / 2, float(north), km, left, top, width, turn * 140 / 360 / km)


def _arc(longitude: Floats) -> tuple[float, float]:
    """The shortest arc that holds all longitudes: it leaves out the largest gap between neighbours.

    Places all around the Earth get the usual map of it, from 180 W to 180 E.
    """
    seen = np.unique(longitude % 360)
    gaps = np.diff(np.append(seen, seen[0] + 360))
    if gaps.max() < AROUND:
        return -180.0, 180.0
    after = (int(np.argmax(gaps)) + 1) % len(seen)
    west = float(seen[after])
    east = west + 360 - float(gaps.max())
    west = west - 360 if west + east > 360 else west
    return west, west + 360 - float(gaps.max())


def _fitted(
    projection: Projection,
    box: tuple[float, float, float, float],
    least: float | None,
    place: tuple[float, float, float],
    ratio: float | None,
) -> Window:
    """Widen a box to the shape of the picture, with a margin, no wider than the Earth is round."""
    west, south, east, north = box
    (x0, x1), (y0, y1) = projection.forward([west, east], [south, north])
    left, top, width = place
    across, up = float(x1 - x0) * (1 + 2 * MARGIN), float(y1 - y0) * (1 + 2 * MARGIN)
    across = max(across, least or (ALONE_KM if across == up == 0 else LEAST_KM))
    share = ratio or min(TALLEST, HIGHEST / width, max(UPRIGHT if width < 500 else FLATTEST, up / across))
    across = min(max(across, up / share), _turn(projection))
    share = max(share, up / across) if ratio is None else share
    km, middle = across / width, float(x0 + x1) / 2
    high, y0 = _between_the_poles(projection, float(y0 + y1) / 2, share * across)
    return Window(projection, middle - across / 2, y0, km, left, top, width, high / km)


def _between_the_poles(projection: Projection, middle: float, high: float) -> tuple[float, float]:
    """Height and upper edge (km) of a window around ``middle`` that shows nothing beyond a pole."""
    if projection.kind == "mercator":
        return high, middle + high / 2  # the poles are infinitely far
    south, north = (float(projection.forward(projection.lon0, pole)[1]) for pole in (-90.0, 90.0))
    high = min(high, north - south)
    return high, min(max(middle + high / 2, south + high), north)


def _turn(projection: Projection) -> float:
    """Kilometres of the plane once around the Earth."""
    return 2 * math.pi * EARTH_RADIUS_KM * math.cos(math.radians(projection.lat0))
