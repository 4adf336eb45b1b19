"""The best single place: where the weighted sum of distances, or the greatest distance, is least.

On the sphere a place is a latitude and a longitude in degrees and distances are great circles in km; on the plane it
is x and y in whatever unit, which is that of the distances too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.geo.distance import EARTH_RADIUS_KM, unit_vectors
from potomac.location.asked import one_number
from potomac.location.crs import frame_plane, is_frame
from potomac.location.kernels import far_point
from potomac.location.placement import NEAR, checked_weights
from potomac.location.places import Metric, Site, checked_points, degrees, is_one_of
from potomac.location.travel.model import checked_places
from potomac.location.weber import solve

__all__ = ["Circle", "Site", "geometric_median", "smallest_circle"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Centres = Callable[[Floats], list[Floats]]


@dataclass(frozen=True)
class Circle:
    """The smallest circle (on the sphere: cap) that holds all points.

    Attributes:
        place: the centre: latitude and longitude in degrees, or x and y.
        radius: km, or the unit of the plane.
        support: numbers of the points on the rim that alone have the same circle, ascending: one, two or three.
        metric: "sphere" or "plane".
    """

    place: tuple[float, float]
    radius: float
    support: tuple[int, ...]
    metric: Metric = "sphere"

    latitude = Site.latitude
    longitude = Site.longitude
    x = Site.x
    y = Site.y


# ---- the sum of distances ----------------------------------------------------------------------------------------


def geometric_median(
    points: Any,
    weights: npt.ArrayLike | None = None,
    *,
    metric: Metric = "sphere",
    tolerance: float = NEAR,
    progress: Progress | None = None,
) -> Site:
    """The place whose weighted sum of distances to all points is least (Fermat, Weber).

    Newton's method from the median of a thinned sample; where it does not get down, the step of Weiszfeld with that of
    Vardi and Zhang (2000) at a demand point; where that is slow, cuts through the centre of gravity of what is left
    (Levin 1965), so that points that all but lie on a line are no trouble. The bound comes from convexity: with the
    least subgradient g at the place and all points within r of it, no place is better by more than |g| r.

    On the sphere this holds where the points lie within a cap of an eighth of the circumference (5,000 km) in radius.
    Points further apart have several local optima: the best of several starts is taken, and the bound comes from a
    search over cells of the sphere, which says how near it came.

    Args:
        points: latitude and longitude in degrees, in this order, or x and y, shape (n, 2); or a table with columns of
            these names, in any order (see :func:`~potomac.location.travel.model.checked_places`).
        weights: 0 or more, shape (n,); default 1 each.
        metric: "sphere" or "plane".
        tolerance: the gap, as a share of the objective, that counts as proven.
        progress: told of each pass over the points.

    Raises:
        DataError: points or weights are no such numbers, or latitude and longitude look swapped.
        StudyError: no metric is called so, or the tolerance is none.
    """
    found = _read(points, metric)
    w = checked_weights(weights, len(found))
    return solve(found, w, metric, one_number(tolerance, "tolerance"), progress or Quiet())


# ---- the greatest distance ---------------------------------------------------------------------------------------


def smallest_circle(points: Any, *, metric: Metric = "sphere") -> Circle:
    """The smallest circle that holds all points: its centre is the place whose greatest distance is least (Sylvester).

    Exact: the circle of few points grows by the point that lies furthest outside until none does (Welzl 1991 and
    Gärtner 1999 choose the same bases). On the sphere circles are caps. Points that no hemisphere holds have a cap
    beyond it, whose rim is the nearest facet of their convex hull; where that is tied, the first found is given.

    Args:
        points: latitude and longitude in degrees, in this order, or x and y, shape (n, 2); or a table, as of
            :func:`geometric_median`.
        metric: "sphere" or "plane".

    Raises:
        DataError: points are no such numbers, or latitude and longitude look swapped.
        StudyError: no metric is called so.
    """
    found = _read(points, metric)
    if metric == "plane":
        centre, support = _grown(found, _circle_of)
        radius = float(np.sqrt(far_point(found, centre)[1]))
        return Circle((float(centre[0]), float(centre[1])), radius, support, metric)
    v = unit_vectors(found[:, 0], found[:, 1])
    grown = _grown(v, _cap_of)
    centre, support = grown if grown[1] else _wide_cap(v)
    latitude, longitude = degrees(centre).tolist()
    return Circle((latitude, longitude), EARTH_RADIUS_KM * _furthest(v, centre), support, metric)


def _read(points: Any, metric: Metric) -> Floats:
    """Points as numbers, shape (n, 2): of a table its latitude and longitude, or its x and y."""
    if is_one_of(metric, ["sphere"]):
        return checked_places(points)
    return checked_points(frame_plane(points, "points") if is_frame(points) else points, metric)


def _furthest(v: Floats, centre: Floats) -> float:
    """The greatest angle from the centre to a point."""
    chord = float(np.sqrt(far_point(v, centre)[1]))
    if chord < 1.0:
        return float(2 * np.arcsin(chord / 2))
    return float(np.pi - 2 * np.arcsin(min(np.sqrt(((v + centre) ** 2).sum(1).min()) / 2, 1.0)))


def _grown(points: Floats, circle_of: _Centres) -> tuple[Floats, tuple[int, ...]]:
    """Centre and support; no support where no circle below a hemisphere holds the points."""
    basis: tuple[int, ...] = (0,)
    centre, square = points[0], 0.0
    while True:
        far, most = far_point(points, centre)
        if most <= square * (1 + 1e-13) or far in basis:
            return centre, basis
        found = _least(points, (*basis, far), circle_of)
        if found is None:
            return centre, ()
        if not found[1] > square:  # rounding: the circle grows no more
            return centre, basis
        centre, square, basis = found


def _least(points: Floats, few: tuple[int, ...], make: _Centres) -> tuple[Floats, float, tuple[int, ...]] | None:
    """The smallest circle of at most four points: through two or three of them, and holding the others."""
    best: tuple[Floats, float, tuple[int, ...]] | None = None
    mine = points[list(few)]
    for size in (2, 3):
        for chosen in combinations(sorted(few), size):
            for centre in make(points[list(chosen)]):
                square = float(((points[list(chosen)] - centre) ** 2).sum(1).max())
                holds = (((mine - centre) ** 2).sum(1) <= square * (1 + 1e-12) + 1e-30).all()
                if holds and (best is None or square < best[1]):
                    best = centre, square, chosen
    return best


def _circle_of(corners: Floats) -> list[Floats]:
    """Centres of the circle over two points as diameter, or through three; none of three in a line."""
    if len(corners) == 2:
        return [corners.mean(0)]
    a, b, c = corners
    u, v = b - a, c - a
    cross = 2 * (u[0] * v[1] - u[1] * v[0])
    uu, vv = u @ u, v @ v
    if abs(cross) <= 1e-14 * max(uu, vv):
        return []
    return [a + np.array([v[1] * uu - u[1] * vv, u[0] * vv - v[0] * uu]) / cross]


def _cap_of(corners: Floats) -> list[Floats]:
    """Centres of caps, below a hemisphere, over two unit vectors or through three."""
    u, v = corners[1] - corners[0], corners[-1] - corners[0]
    axis = corners.sum(0) if len(corners) == 2 else np.cross(u, v)
    long = float(np.sqrt(axis @ axis))
    if long <= (1e-15 if len(corners) == 2 else 1e-14 * float(np.sqrt((u @ u) * (v @ v)))):
        return []
    axis = axis / long
    height = float(axis @ corners[0])
    return [axis if height > 0 else -axis] if abs(height) > 1e-12 else []


def _wide_cap(v: Floats) -> tuple[Floats, tuple[int, ...]]:
    """The cap of points that no hemisphere holds.

    Of all u the greatest least u'v is that against the facet of the hull which is nearest to the origin. Only facets
    near that one matter, so the hull is that of a sample, to which points beyond its nearest facet are added.
    """
    from scipy.spatial import ConvexHull

    values, axes = np.linalg.eigh(v.T @ v)
    if values[0] <= 1e-24 * len(v):  # all on one great circle
        return axes[:, 0], _rim(v, axes[:, 0])
    chosen = np.unique(np.r_[_extremes(v), np.arange(0, len(v), max(len(v) // 2000, 1))])
    while True:
        hull = ConvexHull(v[chosen])
        nearest = int(np.argmax(hull.equations[:, 3]))  # offsets are minus the distance
        normal, offset = hull.equations[nearest, :3], -hull.equations[nearest, 3]
        beyond = np.flatnonzero(v @ normal > offset + 1e-13)
        new = np.setdiff1d(beyond, chosen)
        if not len(new):
            corners = chosen[hull.simplices[nearest]]
            return -normal, tuple(sorted(map(int, corners)))
        most = new[np.argsort(-(v[new] @ normal), kind="stable")[:200]]
        chosen = np.union1d(chosen, most)


def _extremes(v: Floats) -> Ints:
    return np.unique(np.r_[v.argmin(0), v.argmax(0)])


def _rim(v: Floats, normal: Floats) -> tuple[int, ...]:
    """Two or three points of a great circle that no open half of it holds."""
    first = v[0]
    turn = np.arctan2(v @ np.cross(normal, first), v @ first)
    opposite = int(np.abs(np.abs(turn) - np.pi).argmin())
    if abs(abs(turn[opposite]) - np.pi) < 1e-12:
        return 0, opposite
    left, right = np.where(turn > 0, turn, -1).argmax(), np.where(turn < 0, turn, 1).argmin()
    return tuple(sorted({0, int(left), int(right)}))
