"""The nearest road of a point: a tree of boxes over the roads of a network.

Roads are arcs of great circles between the places of their ends. Boxes are packed bottom-up along a Z-order curve
(Kamel and Faloutsos 1993, On packing R-trees), in the space of unit vectors, so that neither the antimeridian nor the
poles are special.
"""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import EARTH_RADIUS_KM, unit_vectors
from potomac.stats.compiled import compiled

__all__ = ["Roads", "Snapped"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FAN = 8  # boxes in a box
_END = 1e-9  # share of a road within which a foot is its end
_BLOCK = 4096  # points that a thread takes at a time


class Snapped(NamedTuple):
    """Where points meet the nearest road.

    Attributes:
        road: number of the road, -1 where there is none, shape (n,).
        share: of the road's length from its first end to the foot, exactly 0 or 1 at an end, shape (n,).
        km: from the point to the foot, infinite where there is no road, shape (n,).
    """

    road: Ints
    share: Floats
    km: Floats


class Roads:
    """Roads as arcs between two places each.

    Args:
        first: latitude and longitude of the first end of each road in degrees, shape (k, 2).
        second: of the other end, shape (k, 2).
    """

    def __init__(self, first: Floats, second: Floats) -> None:
        a, b = unit_vectors(first[:, 0], first[:, 1]), unit_vectors(second[:, 0], second[:, 1])
        self._order = np.argsort(_z_order((a + b) / 2), kind="stable")
        self._a, self._b = a[self._order], b[self._order]
        chord = ((b - a) ** 2).sum(axis=1)[self._order]
        sag = (1 - np.sqrt(np.maximum(1 - chord / 4, 0)))[:, None]  # how far the arc bulges out of its chord
        low, high = np.minimum(self._a, self._b) - sag, np.maximum(self._a, self._b) + sag
        levels_low, levels_high, starts = [low], [high], [0, len(low)]
        while len(low) > 1:
            edges = np.arange(0, len(low), _FAN)
            low, high = np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)
            levels_low.append(low)
            levels_high.append(high)
            starts.append(starts[-1] + len(low))
        self._low, self._high = np.concatenate(levels_low), np.concatenate(levels_high)
        self._starts = np.array(starts, np.int64)

    def nearest(self, places: Floats) -> Snapped:
        """The nearest road of each place (latitude, longitude in degrees), shape (n, 2)."""
        n = len(places)
        road, share, chord = np.full(n, -1, np.int64), np.zeros(n), np.full(n, np.inf)
        if not len(self._a):
            return Snapped(road, share, chord)
        points = unit_vectors(places[:, 0], places[:, 1])

        def work(first: int) -> None:
            part = slice(first, first + _BLOCK)
            _nearest(
                points[part],
                self._a,
                self._b,
                self._low,
                self._high,
                self._starts,
                road[part],
                share[part],
                chord[part],
            )

        with ThreadPoolExecutor() as pool:
            list(pool.map(work, range(0, n, _BLOCK)))
        km = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1))
        return Snapped(self._order[road], share, km)


def _z_order(middles: Floats) -> npt.NDArray[np.uint64]:
    """Number of each place along a Z-order curve through the cube around the globe."""
    cells = ((np.clip(middles, -1, 1) + 1) * (((1 << 21) - 1) / 2)).astype(np.uint64)
    for shift, mask in (
        (32, 0x1F00000000FFFF), (16, 0x1F0000FF0000FF), (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3), (2, 0x1249249249249249),
    ):  # fmt: skip
        cells = (cells | (cells << np.uint64(shift))) & np.uint64(mask)
    return np.asarray(cells[:, 0] | (cells[:, 1] << np.uint64(1)) | (cells[:, 2] << np.uint64(2)))


@compiled(nogil=True)
def _box_distance(p, low, high):
    """Square of the distance from a point to a box, 0 within."""
    total = 0.0
    for k in range(3):
        out = max(low[k] - p[k], 0.0, p[k] - high[k])
        total += out * out
    return total


@compiled(nogil=True)
def _foot(p, a, b):
    """Share of the arc from a to b at which it is nearest to p, and the square of the chord from there to p.

    With d = b - a and m = d + a |d|^2 / 2, the part of d that is tangent in a, the plane of the arc holds
    q = alpha a + beta d; the ray through q meets the chord at t = beta / alpha.
    """
    dd = wm = mm = pa = 0.0
    for k in range(3):
        dd += (b[k] - a[k]) ** 2
    for k in range(3):
        m = b[k] - a[k] + a[k] * dd / 2
        wm += (p[k] - a[k]) * m
        mm += m * m
        pa += p[k] * a[k]
    t = 0.0
    if mm > 0:
        beta = wm / mm
        alpha = pa + beta * dd / 2
        t = min(max(beta / alpha, 0.0), 1.0) if alpha > 0 else (1.0 if beta > 0 else 0.0)
    scale = 1 / np.sqrt(1 - t * (1 - t) * dd)
    near = along = 0.0
    for k in range(3):
        f = (a[k] + t * (b[k] - a[k])) * scale
        near += (p[k] - f) ** 2
        along += (f - a[k]) ** 2
    share = t
    if 0 < t < 1:
        share = np.arcsin(min(np.sqrt(along) / 2, 1.0)) / np.arcsin(min(np.sqrt(dd) / 2, 1.0))
        share = 0.0 if share < _END else (1.0 if share > 1 - _END else share)
    return share, near


@compiled(nogil=True)
def _nearest(points, a, b, low, high, starts, road, share, chord):
    """Depth first, nearest boxes first, leaving out boxes that are no nearer than what was found."""
    top = len(starts) - 2
    boxes, depths, nears = np.empty(256, np.int64), np.empty(256, np.int64), np.empty(256)
    for i in range(len(points)):
        p = points[i]
        best = np.inf
        size = 1
        boxes[0], depths[0], nears[0] = 0, top, 0.0
        while size:
            size -= 1
            box, depth = boxes[size], depths[size]
            if nears[size] >= best:
                continue
            if depth == 0:
                at, near = _foot(p, a[box], b[box])
                if near < best:
                    best, road[i], share[i] = near, box, at
                continue
            bottom = size
            below = starts[depth - 1]
            for child in range(_FAN * box, min(_FAN * box + _FAN, starts[depth] - below)):
                near = _box_distance(p, low[below + child], high[below + child])
                if near >= best:
                    continue
                place = size  # the nearest comes last, and is looked at first
                while place > bottom and nears[place - 1] < near:
                    boxes[place], depths[place], nears[place] = boxes[place - 1], depths[place - 1], nears[place - 1]
                    place -= 1
                boxes[place], depths[place], nears[place] = child, depth - 1, near
                size += 1
        chord[i] = np.sqrt(best)
