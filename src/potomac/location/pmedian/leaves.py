"""Points in leaves: small groups that lie together, cut again and again across their longest side.

Bentley 1975, Multidimensional binary search trees used for associative searching.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["Leaves", "gathered", "leaves_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Leaves(NamedTuple):
    """Points in the order of leaves.

    Attributes:
        order: the number that each point had before, (n,).
        start: leaf k holds the points start[k] to start[k + 1], (l + 1,).
        places: coordinates in the new order, a line an axis, (axes, n).
        low, high: the box around each leaf, (l, axes).
    """

    order: Ints
    start: Ints
    places: Floats
    low: Floats
    high: Floats


def leaves_of(places: Floats, most: int) -> Leaves:
    """Leaves of at most ``most`` points each, unless more lie at one place; ``places`` has a row a point."""
    order, start = _cut(places, np.ones(len(places)), 2 * (len(places) // most + 1), most)
    moved = np.ascontiguousarray(places[order].T)
    low = np.minimum.reduceat(moved, start[:-1], axis=1).T
    high = np.maximum.reduceat(moved, start[:-1], axis=1).T
    return Leaves(order, start, moved, np.ascontiguousarray(low), np.ascontiguousarray(high))


def gathered(places: Floats, weight: Floats, many: int) -> tuple[Ints, Floats, Floats]:
    """About ``many`` groups of points that lie together, so that weight times spread is about the same in each.

    Returns:
        The group of each point, the weights of the groups, and their centres of gravity.
    """
    order, start = _cut(places, weight, many, 0)
    size = np.diff(start)
    group = np.empty(len(places), np.int64)
    group[order] = np.repeat(np.arange(len(size)), size)
    total = np.bincount(group, weights=weight)
    share = weight / np.maximum(total, 1e-300)[group]
    share = np.where(total[group] > 0, share, 1.0 / size[group])
    centre = np.stack([np.bincount(group, weights=share * axis) for axis in places.T], axis=1)
    return group, np.asarray(total, dtype=np.float64), np.asarray(centre, dtype=np.float64)


@compiled(nogil=True)
def _spread(places: Floats, weight: Floats, order: Ints, first: int, last: int) -> tuple[float, int, float]:
    """Weight times standard deviation of some points, the axis along which it is largest, and their mean there."""
    total = 0.0
    for k in range(first, last):
        total += weight[order[k]]
    worst, axis, middle = 0.0, 0, 0.0
    for a in range(places.shape[1]):
        origin = places[order[first], a]
        once, twice, low, high = 0.0, 0.0, 0.0, 0.0
        for k in range(first, last):
            x, w = places[order[k], a] - origin, weight[order[k]]
            once += w * x
            twice += w * x * x
            low, high = min(low, x), max(high, x)
        if total > 0.0 and low < high:
            mean = once / total
            spread = max(twice / total - mean * mean, 0.0)
            if spread > worst:
                worst, axis, middle = spread, a, origin + mean
    return total * np.sqrt(worst), axis, middle


@compiled(nogil=True)
def _cut(places: Floats, weight: Floats, many: int, most: int) -> tuple[Ints, Ints]:
    """Cut the group of most weight times spread until there are ``many``, or (``most`` above 0) the largest.

    Returns:
        The order of the points and where each group starts in it.
    """
    n = len(places)
    order = np.arange(n)
    spread, axis, middle = _spread(places, weight, order, 0, n)
    heap = [(-(float(n) if most > 0 else spread), 0, n, axis, middle, spread)]
    done = [(0, 0)][:0]
    while len(heap) > 0 and (most > 0 or len(heap) + len(done) < many):
        _, first, last, axis, middle, spread = heappop(heap)
        if spread == 0.0 or last - first <= most:
            done.append((first, last))
            continue
        at = first
        for k in range(first, last):  # those below the middle to the front
            if places[order[k], axis] < middle:
                order[at], order[k] = order[k], order[at]
                at += 1
        if at in (first, last):
            done.append((first, last))
            continue
        for a, b in ((first, at), (at, last)):
            spread, axis, middle = _spread(places, weight, order, a, b)
            heappush(heap, (-(float(b - a) if most > 0 else spread), a, b, axis, middle, spread))
    for _, first, last, _, _, _ in heap:
        done.append((first, last))
    heads = np.array([first for first, _ in done])
    heads.sort()
    return order, np.append(heads, n)
