"""How the geometric median is found: Newton, Weiszfeld and cuts over sums of all points (see ``geometry``)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.geo.distance import EARTH_RADIUS_KM
from potomac.location.cells import angle_bound
from potomac.location.cuts import Cuts
from potomac.location.looks import Descent, Look, Points, laid, take
from potomac.location.places import Metric, Site, degrees

__all__ = ["CONVEX", "descend", "solve"]

Floats = npt.NDArray[np.float64]

CONVEX = np.pi / 4
"""Angle: in a cap of less radius the sum of distances is convex, and its minimum is unique (Afsari 2011)."""

_THIN = 16  # each sample holds one point in so many of the next
_SMALL = 1 << 13  # points that need no sample
_PATIENCE = 25  # passes until cuts take over
_MOST = 300  # passes; cuts halve what is left at each
_STARTS = 12


def solve(points: Floats, weights: Floats, metric: Metric, tolerance: float, progress: Progress) -> Site:
    """The geometric median of checked points."""
    with laid(points, weights, metric) as p:
        centre = p.mean()
        radius = p.reach(centre)
        convex = metric == "plane" or radius < CONVEX * (1 - 1e-9)
        if convex:
            found = _through_samples(p, centre, radius, tolerance, progress)
        else:
            found = _from_many(p, tolerance, progress)
        at = found.best.frame[-1]
        at_point = p.nearest(at) if found.best.here > 0 else -1
    scale = 1.0 if metric == "plane" else EARTH_RADIUS_KM
    place = at if metric == "plane" else degrees(at)
    objective = scale * found.best.value
    bound = min(scale * found.bound, objective)
    proven = objective - bound <= tolerance * objective
    number = int(np.flatnonzero(weights > 0)[at_point]) if at_point >= 0 else -1
    spot = tuple(map(float, points[number] if number >= 0 else place))
    return Site((spot[0], spot[1]), objective, bound, proven, found.passes, metric, number)


def _through_samples(p: Points, centre: Floats, radius: float, tolerance: float, progress: Progress) -> Descent:
    """The median of all points, from that of samples of them."""
    steps = [1]
    while p.n // steps[-1] > _SMALL:
        steps.append(steps[-1] * _THIN)
    at = p.frame(centre)
    for step in reversed(steps[1:]):
        at = descend(p.thinned(step), at, centre, radius, 1e-4, progress).best.frame
    return descend(p, at, centre, radius, tolerance, progress)


def _from_many(p: Points, tolerance: float, progress: Progress) -> Descent:
    """The best local median of several starts, where points lie around the globe; the bound is found over cells."""
    thin = p.thinned(max(p.n // _SMALL, 1))
    axes = np.vstack([np.eye(3), -np.eye(3), p.mean()[None], *_spread_places(thin)])
    local = [descend(thin, p.frame(v), v, np.pi, 1e-6, progress) for v in axes]
    order = np.argsort([d.best.value for d in local], kind="stable")
    tried: list[Descent] = []
    for k in order:
        place = local[k].best.frame[-1]
        if len(tried) < _STARTS and all(((place - d.best.frame[-1]) ** 2).sum() > 1e-6 for d in tried):
            tried.append(descend(p, p.frame(place), place, np.pi, tolerance, progress))
    best = min(tried, key=lambda d: d.best.value)
    best.bound = angle_bound(p, best.best.value, tolerance, progress)
    best.passes = sum(d.passes for d in tried)
    return best


def _spread_places(p: Points) -> Floats:
    """Points far from one another, shape (8, 3)."""
    v = p.lines[:3].T
    places = [v[0]]
    closest = ((v - v[0]) ** 2).sum(1)
    for _ in range(7):
        places.append(v[int(closest.argmax())])
        closest = np.minimum(closest, ((v - places[-1]) ** 2).sum(1))
    return np.array(places)


def descend(p: Points, start: Floats, centre: Floats, radius: float, tolerance: float, progress: Progress) -> Descent:
    """Go down from a frame until the bound of convexity meets the value, or nothing gets lower.

    Args:
        p: the points.
        start: a frame.
        centre: a place.
        radius: all points lie within so much of ``centre``.
        tolerance: gap at which to stop.
        progress: told of each pass.
    """
    look = p.look(start)
    found = Descent(look, -np.inf, 1)
    tried: set[int] = set()
    cuts = None
    while found.passes < _MOST:
        progress("looking for the median", found.passes)
        look = found.best
        reach = radius + float(np.hypot(*p.towards(look.frame, centre)))
        found.bound = max(found.bound, look.value - look.least_slope * reach)
        if look.value - found.bound <= tolerance * look.value:
            break
        if _at_a_point(p, found, tried):
            continue
        if found.passes < _PATIENCE and _lower(p, found):
            continue
        if p.metric == "sphere" and radius >= CONVEX:
            break
        cuts = cuts or Cuts(p, centre, radius)
        if not cuts.closer(p, found, tolerance, progress):
            break
    return found


def _at_a_point(p: Points, found: Descent, tried: set[int]) -> bool:
    """Whether the point that bends the sum most is the minimum, or at least lower; looked at once."""
    look, k = found.best, found.best.heavy
    if k in tried or not look.weight:
        return False
    step = p.towards(look.frame, p.lines[:-1, k])
    far = float(np.hypot(*step))
    if far <= p.near:
        return False
    along = step / far
    rest = look.slope + look.weight * along
    across = np.array([-along[1], along[0]])
    bend = look.curvature - look.weight / far * np.outer(across, across)
    if float(np.hypot(*(rest + bend @ step))) > 1.5 * look.weight:
        return False
    tried.add(k)
    return take(found, p.look(p.at(k)))


def _lower(p: Points, found: Descent) -> bool:
    """Whether Newton's step, halved where it overshoots, or else Weiszfeld's, leads lower."""
    look = found.best
    if look.here == 0.0:
        step = _newton(look)
        for _ in range(4):
            if take(found, p.look(p.moved(look.frame, step))):
                return True
            step = step / 4
    return take(found, p.look(p.moved(look.frame, _weiszfeld(look))))


def _newton(look: Look) -> Floats:
    """Against the slope by the curvature, whose sign is turned where the sum bends down."""
    values, axes = np.linalg.eigh(look.curvature)
    stiff = np.maximum(np.abs(values), 1e-9 * np.abs(values).max() + 1e-300)
    step = axes @ (-(look.slope @ axes) / stiff)
    long, most = float(np.hypot(*step)), 4 * look.value / max(look.over, 1e-300)
    most = np.sqrt(most) if look.frame.shape == (3, 3) else np.inf
    return np.asarray(step * min(1.0, most / long)) if long > 0 else step


def _weiszfeld(look: Look) -> Floats:
    """Weiszfeld's step; at a demand point that of Vardi and Zhang, shorter by what the point holds back."""
    slope = float(np.hypot(*look.slope))
    if slope == 0.0:
        return np.zeros(2)
    return np.asarray(-look.slope * (max(1.0 - look.here / slope, 0.0) / max(look.over, 1e-300)))
