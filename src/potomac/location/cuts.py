"""Cuts through the centre of gravity of where the median can still be (Levin 1965; Newman 1965).

Each subgradient leaves less than 1 - 1/e of the area. On the sphere the area is drawn in the gnomonic projection,
in which great circles are straight.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.location.looks import Descent, Look, Points, take

__all__ = ["Cuts"]

Floats = npt.NDArray[np.float64]

_MOST = 150


class Cuts:
    """The polygon in which all minima lie."""

    def __init__(self, p: Points, centre: Floats, radius: float) -> None:
        self.base = p.frame(centre)
        half = radius if p.metric == "plane" else float(np.tan(radius))
        middle = centre if p.metric == "plane" else np.zeros(2)
        self.polygon = middle + half * 1.0000001 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])

    def closer(self, p: Points, found: Descent, tolerance: float, progress: Progress) -> bool:
        """Cut until a bound meets the best value; whether that was reached."""
        self._cut(p, found.best)
        for k in range(_MOST):
            progress("cutting towards the median", k, _MOST)
            area, centre = _centroid(self.polygon)
            if not area > 0.0:
                return False
            look = p.look(self._frame(p, centre))
            take(found, look)
            if not self._cut(p, look):
                found.bound = max(found.bound, look.value)
                return True
            found.bound = max(found.bound, self._bound(p, look))
            if found.best.value - found.bound <= tolerance * found.best.value:
                return True
        return False

    def _frame(self, p: Points, spot: Floats) -> Floats:
        return p.frame(self._places(p, spot[None])[0])

    def _places(self, p: Points, spots: Floats) -> Floats:
        if p.metric == "plane":
            return spots
        v = self.base[2] + spots @ self.base[:2]
        return np.asarray(v / np.sqrt((v * v).sum(1, keepdims=True)))

    def _bound(self, p: Points, look: Look) -> float:
        """No place within the polygon is better than the slope falls until the furthest corner."""
        steps = np.array([p.towards(look.frame, v) for v in self._places(p, self.polygon)])
        if p.metric == "plane":
            return look.value + float((steps @ _subgradient(look)).min())
        return look.value - look.least_slope * float(np.sqrt((steps * steps).sum(1).max()))

    def _cut(self, p: Points, look: Look) -> bool:
        """Keep the side that the sum falls to; False where the place is a minimum."""
        slope = _subgradient(look)
        if not slope.any():
            return False
        if p.metric == "plane":
            side = (self.polygon - look.frame[0]) @ slope
        else:
            side = (self.base[2] + self.polygon @ self.base[:2]) @ (slope @ look.frame[:2])
        self.polygon = _clipped(self.polygon, side)
        return True


def _subgradient(look: Look) -> Floats:
    slope = float(np.hypot(*look.slope))
    return np.asarray(look.slope * (look.least_slope / slope)) if slope > 0 else look.slope


def _clipped(polygon: Floats, side: Floats) -> Floats:
    """The part of a convex polygon where a linear function is at most 0."""
    out: list[Floats] = []
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        if side[i] <= 0:
            out.append(polygon[i])
        if side[i] * side[j] < 0:
            t = side[i] / (side[i] - side[j])
            out.append(polygon[i] + t * (polygon[j] - polygon[i]))
    return np.array(out) if len(out) > 2 else np.zeros((3, 2))


def _centroid(polygon: Floats) -> tuple[float, Floats]:
    first = polygon[0]
    a, b = polygon[1:-1] - first, polygon[2:] - first
    areas = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    total = float(areas.sum())
    if not total > 0:
        return 0.0, first
    return total, np.asarray(first + (areas[:, None] * (a + b)).sum(0) / (3 * total))
