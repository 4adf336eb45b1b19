"""Travel times between demand points and sites anywhere, and what they are at least to any place of a cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, unit_vectors
from potomac.location.places import degrees
from potomac.location.travel.circuity import Circuity, CircuityDistance
from potomac.location.travel.model import believed
from potomac.location.travel.plain import GreatCircle, Minkowski

__all__ = ["Ways", "angles"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

HALF_ROUND = np.pi * EARTH_RADIUS_KM
"""Km between opposite places."""

_BLOCK = 1 << 20


def angles(a: Floats, b: Floats) -> Floats:
    """Angles between unit vectors, shapes (n, 3) and (k, 3) -> (n, k)."""
    squares = np.maximum(2.0 - 2.0 * (a @ b.T), 0.0)
    close = squares < 1e-4  # there the difference has lost its digits
    if close.any():
        i, j = np.nonzero(close)
        squares[i, j] = ((a[i] - b[j]) ** 2).sum(1)
    return np.asarray(2 * np.arcsin(np.minimum(np.sqrt(squares) / 2, 1.0)))


class Ways:
    """From demand points to places.

    Args:
        model: of travel time.
        points: latitude and longitude in degrees, shape (n, 2).
        departure: hour of the day.
        slack: km within which what a point stands for lies around it, shape (n,).

    Attributes:
        vectors: the points on the unit sphere, shape (n, 3).
        radial: whether the time depends on the distance alone and grows with it.
        rate: minutes a km where they are proportional, otherwise None.
        bounded: whether times to any place of a cell can be bounded.
        stretch: least and greatest minutes over those of the same distance in a straight line.
    """

    def __init__(
        self, model: Any, points: Floats, departure: float | None = None, slack: Floats | None = None
    ) -> None:  # fmt: skip
        self.model, self.points, self.departure = model, points, departure
        self.vectors = unit_vectors(points[:, 0], points[:, 1])
        self.slack = np.zeros(len(points)) if slack is None else slack
        self.rate, self.stretch = None, (1.0, 1.0)
        self.radial = isinstance(model, GreatCircle | Circuity | CircuityDistance)
        if isinstance(model, GreatCircle | Circuity):
            self.rate = float(self.along(np.array([1.0]))[0])
        if isinstance(model, Minkowski):
            q = model.exponent
            corner = 2.0 ** (1 / q - 0.5)  # of the l_q length of the diagonal over its own
            self.stretch = (min(1.0, corner), max(1.0, corner))
        self.bounded = self.radial or isinstance(model, Minkowski)

    def __len__(self) -> int:
        return len(self.points)

    def some(self, which: Ints | Bools) -> Ways:
        """From some of the points."""
        return Ways(self.model, self.points[which], self.departure, self.slack[which])

    def minutes(self, places: Floats) -> Floats:
        """To places, latitude and longitude in degrees, shape (k, 2) -> (n, k)."""
        return np.asarray(self.model.minutes(believed(self.points), believed(places), self.departure))

    def along(self, km: Floats) -> Floats:
        """Minutes of ways so long, where the distance alone counts, of any shape."""
        flat = np.minimum(np.ravel(km), HALF_ROUND) / KM_PER_DEGREE
        out = np.empty(len(flat))
        origin = np.zeros((1, 2))
        for start in range(0, len(flat), _BLOCK):
            part = flat[start : start + _BLOCK]
            ends = np.column_stack([np.zeros(len(part)), part])
            out[start : start + _BLOCK] = self.model.minutes(origin, believed(ends), self.departure)[0]
        return out.reshape(np.shape(km))

    def slope(self, km: Floats) -> Floats:
        """Minutes a further km."""
        if self.rate is not None:
            return np.full(np.shape(km), self.rate)
        step = 1e-3
        return np.asarray((self.along(km + step) - self.along(np.maximum(km - step, 0.0))) / (
            km + step - np.maximum(km - step, 0.0)))  # fmt: skip

    def least(self, middles: Floats, radii: Floats) -> Floats:
        """What no time to a place of a cell is below.

        Args:
            middles: of the cells on the unit sphere, shape (k, 3).
            radii: angles that nothing in a cell exceeds, shape (k,).

        Returns:
            Minutes, shape (n, k).
        """
        reach = EARTH_RADIUS_KM * (radii + 1e-9) + self.slack[:, None]
        km = np.maximum(EARTH_RADIUS_KM * angles(self.vectors, middles) - reach, 0.0)
        if self.rate is not None:
            return np.asarray(self.rate * km)
        if self.radial:
            return self.along(km)
        straight = km * float(60.0 / self.model.speed_kmh) * self._rush()
        return np.asarray(straight * self._least_stretch(middles, reach))

    def _rush(self) -> float:
        one = np.array([[0.0, 0.0], [0.0, 1.0]])
        times = [self.model.minutes(one[:1], one[1:], hour)[0, 0] for hour in (self.departure, None)]
        return float(times[0] / times[1])

    def _least_stretch(self, middles: Floats, reach: Floats) -> Floats:
        """How much longer than straight a way by Minkowski's distance is at least, by intervals of its components."""
        east, north = self._boxes(degrees(middles), np.degrees(np.minimum(reach / EARTH_RADIUS_KM, np.pi)))
        turn = np.radians(self.model.rotation)
        c, s = float(np.cos(turn)), float(np.sin(turn))
        a = _size(_sum(_times(c, north), _times(s, east)))
        b = _size(_sum(_times(c, east), _times(-s, north)))
        q = self.model.exponent
        with np.errstate(divide="ignore", invalid="ignore"):
            low = np.nan_to_num(np.minimum(a[0] / b[1], b[0] / a[1]), nan=0.0)
            high = np.nan_to_num(np.maximum(np.minimum(a[1] / b[0], b[1] / a[0]), 0.0), nan=1.0, posinf=1.0)
        # the longer a way is for its length the nearer its components are to one another, below q = 2, and above less
        ratio = np.clip(low if q < 2 else high, 0.0, 1.0)
        if np.isinf(q):
            return np.asarray(1 / np.sqrt(1 + ratio**2))
        return np.asarray((1 + ratio**q) ** (1 / q) / np.sqrt(1 + ratio**2))

    def _boxes(self, middles: Floats, reach: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Least and greatest displacement, east and north, to places within ``reach`` degrees of the middles."""
        latitude = self.points[:, :1]
        low, high = np.maximum(middles[:, 0] - reach, -90.0), np.minimum(middles[:, 0] + reach, 90.0)
        edge = np.maximum(np.abs(low), np.abs(high))
        at = np.abs(middles[:, 0]) if not self.slack.any() else np.maximum(np.abs(middles[:, 0]), np.abs(latitude))
        with np.errstate(invalid="ignore", divide="ignore"):
            wide = np.degrees(np.arcsin(np.sin(np.radians(np.minimum(reach, 90.0))) / np.cos(np.radians(at))))
        wide = np.where((edge >= 89.9) | np.isnan(wide), 360.0, wide) * (1 + 1e-9)
        apart = middles[:, 1] - self.points[:, 1:]
        apart = apart - 360.0 * np.rint(apart / 360.0)
        around = np.abs(apart) + wide > 180.0  # the short way may lead round either side
        west, east = np.where(around, -180.0, apart - wide), np.where(around, 180.0, apart + wide)
        ends = np.radians((latitude + low) / 2), np.radians((latitude + high) / 2)
        small = np.minimum(np.cos(ends[0]), np.cos(ends[1]))
        large = np.where((ends[0] <= 0) & (ends[1] >= 0), 1.0, np.maximum(np.cos(ends[0]), np.cos(ends[1])))
        left = np.minimum(west * small, west * large)
        right = np.maximum(east * small, east * large)
        return (left, right), (low - latitude, high - latitude)


def _times(factor: float, span: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    return (factor * span[0], factor * span[1]) if factor >= 0 else (factor * span[1], factor * span[0])


def _sum(a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    return a[0] + b[0], a[1] + b[1]


def _size(span: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Least and greatest absolute value."""
    least = np.maximum(np.maximum(span[0], -span[1]), 0.0)
    return least, np.maximum(np.abs(span[0]), np.abs(span[1]))
