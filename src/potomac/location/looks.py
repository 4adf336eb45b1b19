"""What weighted points say of a place: the sum of distances to them, its slope and its curvature."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from potomac.location.kernels import CHUNK, SUMS, farthest, plane_lines, plane_sums, sphere_lines, sphere_sums
from potomac.location.places import Metric

__all__ = ["Descent", "Look", "Points", "in_spans", "laid", "take", "tangents"]

Floats = npt.NDArray[np.float64]

_SAME = 1e-13  # places nearer than this share of the extent are one


@dataclass(frozen=True)
class Look:
    """What the points say at a place: the sum of distances, its slope and curvature in the tangents there.

    Attributes:
        frame: (1, 2) x and y; or (3, 3) two tangents and the place as unit vectors.
        value: sum of weight times distance (angle, on the sphere).
        slope: gradient over the points elsewhere, shape (2,).
        curvature: Hessian over the points elsewhere, shape (2, 2).
        over: sum of weight over distance.
        here: weight of the points at the place.
        heavy: a point whose weight over distance is great (the greatest where it outweighs the rest), and its weight.
    """

    frame: Floats
    value: float
    slope: Floats
    curvature: Floats
    over: float
    here: float
    heavy: int
    weight: float

    @property
    def least_slope(self) -> float:
        """Length of the least subgradient: the weight at the place takes up as much."""
        return max(float(np.hypot(*self.slope)) - self.here, 0.0)


@dataclass(frozen=True)
class Points:
    """Weighted points in lines, and how sums over them are taken."""

    lines: Floats
    metric: Metric
    near: float
    threads: ThreadPoolExecutor | None

    @property
    def n(self) -> int:
        """How many."""
        return int(self.lines.shape[1])

    def thinned(self, step: int) -> Points:
        """One point in ``step``."""
        return replace(self, lines=np.ascontiguousarray(self.lines[:, ::step]))

    def look(self, frame: Floats) -> Look:
        """One pass over all points."""
        sums = np.empty((-(-self.n // CHUNK), SUMS))
        kernel = plane_sums if self.metric == "plane" else sphere_sums
        in_spans(self.threads, len(sums), lambda a, b: kernel(self.lines, frame, self.near, a, b, sums))
        total, pa, pb, aa, ab, bb, over, here, _ = sums.sum(0).tolist()
        heavy = self._heavy(frame, int(sums[:, 8].argmax()))
        slope, curvature = np.array([-pa, -pb]), np.array([[aa, ab], [ab, bb]])
        return Look(frame, total, slope, curvature, over, here, heavy, float(self.lines[-1, heavy]))

    def _heavy(self, frame: Floats, chunk: int) -> int:
        span = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        part = self.lines[:-1, span] - frame[-1][:, None]
        square = (part * part).sum(0)
        square[square <= self.near * self.near] = np.inf
        return chunk * CHUNK + int((self.lines[-1, span] ** 2 / square).argmax())

    def frame(self, place: Floats) -> Floats:
        """The place with its tangents."""
        return place[None].copy() if self.metric == "plane" else tangents(place)

    def at(self, i: int) -> Floats:
        """The frame at a point."""
        return self.frame(self.lines[:-1, i])

    def nearest(self, place: Floats) -> int:
        """The point nearest to a place, the first of those as near."""
        return int(((self.lines[:-1] - place[:, None]) ** 2).sum(0).argmin())

    def moved(self, frame: Floats, step: Floats) -> Floats:
        """The frame a step further along the tangents, on the sphere on the great circle."""
        if self.metric == "plane":
            return np.asarray(frame + step)
        angle = float(np.hypot(*step))
        if angle == 0.0:
            return frame
        place = np.cos(angle) * frame[2] + np.sin(angle) / angle * (step @ frame[:2])
        return tangents(place / np.sqrt(place @ place))

    def towards(self, frame: Floats, place: Floats) -> Floats:
        """The step that leads to a place."""
        if self.metric == "plane":
            return np.asarray(place - frame[0])
        rest = place - frame[2]
        flat = frame[:2] @ rest
        sine = float(np.hypot(*flat))
        return np.asarray(flat * (np.arctan2(sine, 1.0 + frame[2] @ rest) / sine)) if sine > 0 else np.zeros(2)

    def mean(self) -> Floats:
        """The weighted mean; on the sphere of the vectors, at unit length; the first point where it vanishes."""
        mean = self.lines[:-1] @ self.lines[-1] / self.lines[-1].sum()
        if self.metric == "plane":
            return np.asarray(mean)
        long = float(np.sqrt(mean @ mean))
        return np.asarray(mean / long if long > 1e-9 else self.lines[:-1, 0])

    def reach(self, centre: Floats) -> float:
        """The greatest distance (angle) of a point from a place."""
        squares = np.empty(-(-self.n // CHUNK))
        in_spans(self.threads, len(squares), lambda a, b: farthest(self.lines, centre, a, b, squares))
        far = float(np.sqrt(squares.max()))
        return far if self.metric == "plane" else float(2 * np.arcsin(min(far / 2, 1.0)))


def in_spans(threads: ThreadPoolExecutor | None, n: int, work: Callable[[int, int], object]) -> None:
    """Call ``work(start, end)`` for spans that make up n; the results must not depend on how they are cut."""
    if threads is None or n < 4:
        work(0, n)
        return
    edges = np.linspace(0, n, 2 * get_num_threads() + 1).astype(int).tolist()
    list(threads.map(work, edges[:-1], edges[1:]))


def tangents(place: Floats) -> Floats:
    """Two unit vectors across a place and across one another, and the place, shape (3, 3)."""
    axis = np.zeros(3)
    axis[int(np.abs(place).argmin())] = 1.0
    first = np.cross(place, axis)
    first /= np.sqrt(first @ first)
    return np.stack([first, np.cross(place, first), place])


@contextmanager
def laid(points: Floats, weights: Floats, metric: Metric) -> Iterator[Points]:
    """Points as the sums want them: those without weight left out, one thread a core where they are many."""
    if not (weights > 0).all():
        kept = np.flatnonzero(weights > 0)
        points, weights = points[kept], weights[kept]
    n = len(weights)
    lines = np.empty((3 if metric == "plane" else 4, n))
    write, flat = plane_lines if metric == "plane" else sphere_lines, points.reshape(-1)
    with _threads(n) as threads:
        in_spans(threads, n, lambda a, b: write(flat, weights, a, b, lines))
        low, high = lines[:2].min(1), lines[:2].max(1)
        size = max(float((high - low).max()), float(np.maximum(-low, high).max()) * 1e-2) if metric == "plane" else 1.0
        yield Points(lines, metric, _SAME * size, threads)


@contextmanager
def _threads(n: int) -> Iterator[ThreadPoolExecutor | None]:
    """One thread a core where there are many points."""
    if n < 4 * CHUNK:
        yield None
        return
    with ThreadPoolExecutor(get_num_threads()) as threads:
        yield threads


@dataclass
class Descent:
    """How far a descent came."""

    best: Look
    bound: float
    passes: int = 0


def take(found: Descent, look: Look) -> bool:
    """Keep a place that is lower; or as low, but for rounding, and less steep."""
    found.passes += 1
    room = 1e-14 * abs(found.best.value)
    lower = look.value < found.best.value - room
    if lower or (look.value <= found.best.value + room and look.least_slope < found.best.least_slope):
        found.best = look
        return True
    return False
