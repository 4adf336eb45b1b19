"""Costs between demand points and candidates: a matrix that is there, or points whose distances are found when needed.

The kernels of this package read costs in two ways. ``between`` gives any one of them. ``Lists`` hold, for each demand
point, the candidates that are nearer than its reach, nearest first, and the same pairs again by candidate. A list is
its own certificate: what it leaves out costs at least the reach, so that a row whose nearest open site is in its list
is served exactly, and a bound whose multiplier stays below the reach is valid for all candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault
from potomac.location.placement import checked_cost, checked_weights, floats, sized
from potomac.stats.compiled import compiled

__all__ = [
    "Lists",
    "Nearby",
    "Source",
    "all_pairs",
    "assigned",
    "between",
    "by_site",
    "counted",
    "dense",
    "expected",
    "limited",
    "nearest_pairs",
    "reaching",
    "second",
    "source_of",
]

Floats = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG), km."""

MATRIX, PLANE, SPHERE = 0, 1, 2


class Nearby:
    """Costs that are distances between points, found when they are needed.

    Args:
        points: demand points, shape (n, 2): x and y, or latitude and longitude in degrees.
        candidates: shape (m, 2); default: the demand points.
        metric: "plane" (straight line, in the unit of the points) or "sphere" (great circle, km).
        scale: cost of a unit of distance, e.g. minutes a kilometre.

    Raises:
        DataError: points are not numbers in two columns, are none, or lie off the globe.
    """

    def __init__(
        self,
        points: npt.ArrayLike,
        candidates: npt.ArrayLike | None = None,
        metric: Literal["plane", "sphere"] = "plane",
        scale: float = 1.0,
    ) -> None:
        if metric not in ("plane", "sphere"):
            raise _wrong(f"metric is {metric!r}", "expected plane or sphere", "metric")
        if not (np.isfinite(scale) and scale > 0):
            raise _wrong(f"scale is {scale}", "expected a number above 0", "scale")
        self.metric, self.scale = metric, float(scale)
        self.rows = _placed(points, metric, "points")
        self.columns = self.rows if candidates is None else _placed(candidates, metric, "candidates")

    @property
    def shape(self) -> tuple[int, int]:
        """How many demand points and candidates there are."""
        return len(self.rows), len(self.columns)


def _placed(points: npt.ArrayLike, metric: str, name: str) -> Floats:
    """Points as the tree of neighbours needs them: (x, y), or (x, y, z) on the unit sphere."""
    found = floats(points, name, "expected two numbers for each point", name)
    if found.ndim != 2 or found.shape[1] != 2 or not len(found):
        raise _wrong(f"{name} have shape {found.shape}", "expected two columns and at least one row", name)
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        raise _wrong(f"point {row} of {name} is {found[row].tolist()}", "expected numbers", name)
    if metric == "plane":
        return sized(found, name, name)
    if (np.abs(found[:, 0]) > 90).any():
        row = int(np.flatnonzero(np.abs(found[:, 0]) > 90)[0])
        said = f"latitude {found[row, 0]} of point {row} of {name}"
        raise _wrong(said, "expected -90 to 90; are latitude and longitude swapped", name)
    latitude, longitude = np.radians(found).T
    level = np.cos(latitude)
    return np.column_stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)])


def _wrong(found: str, expected: str, key: str) -> DataError:
    return DataError(Fault("location.points", found, expected, key=key))


class Source(NamedTuple):
    """What ``between`` reads: the kind of costs, matrix or points, and the weights of demand points.

    Attributes:
        kind: MATRIX, PLANE or SPHERE.
        matrix: (n, m), or (0, 0) where points are given.
        rows: places of the demand points, (n, 2 or 3), or (0, 0).
        columns: places of the candidates.
        scale: cost of a unit of distance.
        weight: of the demand points, (n,).
        radius: what costs more cannot serve.
        far: stands for the weighted cost of a demand point that nobody serves.
    """

    kind: int
    matrix: Floats
    rows: Floats
    columns: Floats
    scale: float
    weight: Floats
    radius: float
    far: float


class Lists(NamedTuple):
    """Weighted costs, by demand point (nearest first) and by candidate.

    Attributes:
        start: row i has entries start[i] to start[i + 1], (n + 1,).
        site: candidate of each entry.
        cost: weighted cost of each entry.
        reach: weighted cost below which row i is complete, (n,); infinite where all that can serve are in it.
        below: the same for candidates, (m + 1,).
        row: demand point of each entry.
        toll: weighted cost of each entry.
    """

    start: Ints
    site: Int32s
    cost: Floats
    reach: Floats
    below: Ints
    row: Int32s
    toll: Floats


@dataclass(frozen=True)
class _Halves:
    """A row-wise part of ``Lists`` on its way."""

    start: Ints
    site: Int32s
    cost: Floats
    reach: Floats


def source_of(
    cost: npt.ArrayLike | Nearby, weights: npt.ArrayLike | None, radius: float | None
) -> tuple[Source, int, int]:
    """The costs as kernels read them, and how many demand points and candidates there are.

    Raises:
        DataError: costs, points or weights are wrong.
    """
    limit = np.inf if radius is None else float(radius)
    none = np.zeros((0, 0))
    if isinstance(cost, Nearby):
        n, m = cost.shape
        kind = PLANE if cost.metric == "plane" else SPHERE
        scale = cost.scale * (EARTH_KM if kind == SPHERE else 1.0)
        w = checked_weights(weights, n)
        whole = float(
            np.ptp(
                np.vstack([cost.rows.min(0), cost.rows.max(0), cost.columns.min(0), cost.columns.max(0)]), axis=0
            ).sum()
        )
        far = 4.0 * (whole or 1.0) * scale * float(w.sum())
        if not 0.0 < far < 1e290:
            said = f"weighted distances of these points add up to about {far:g}"
            raise _wrong(said, "expected numbers that neither overflow nor vanish", "scale")
        return Source(kind, none, cost.rows, cost.columns, scale, w, limit, far), n, m
    matrix = checked_cost(cost)
    n, m = matrix.shape
    w = checked_weights(weights, n)
    far = _largest(matrix, w) or 1.0
    return Source(MATRIX, matrix, none, none, 1.0, w, limit, far), n, m


@compiled(nogil=True)
def _largest(matrix: Floats, weight: Floats) -> float:
    """Twice the sum over demand points of the largest weighted cost that is finite."""
    total = 0.0
    for i in range(matrix.shape[0]):
        most = 0.0
        for j in range(matrix.shape[1]):
            if matrix[i, j] < np.inf and abs(matrix[i, j]) > most:
                most = abs(matrix[i, j])
        total += 2.0 * weight[i] * most
    return total


@compiled(nogil=True)
def between(source: Any, i: int, j: int) -> float:
    """The weighted cost of demand point i from candidate j; infinite where it cannot serve."""
    w = source.weight[i]
    if w == 0.0:
        return 0.0
    if source.kind == 0:
        c = source.matrix[i, j]
    else:
        square = 0.0
        for axis in range(source.rows.shape[1]):
            apart = source.rows[i, axis] - source.columns[j, axis]
            square += apart * apart
        c = np.sqrt(square)
        if source.kind == 2:
            c = 2.0 * np.arcsin(min(1.0, 0.5 * c))  # chord to arc
        c *= source.scale
    if c > source.radius:
        return np.inf
    return float(w * c)


@compiled(nogil=True)
def dense(source: Any) -> Floats:
    """All weighted costs, shape (n, m)."""
    n = len(source.weight)
    m = source.matrix.shape[1] if source.kind == 0 else len(source.columns)
    out = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            out[i, j] = between(source, i, j)
    return out


def all_pairs(source: Source, allowed: Bools) -> Lists:
    """Lists of everything that can serve; for problems whose n by m fits well into memory."""
    n = len(source.weight)
    return reaching(source, allowed, np.full(n, np.inf))


def reaching(source: Source, allowed: Bools, reach: Floats) -> Lists:
    """Lists of what is nearer than a weighted reach for each demand point.

    A demand point of weight 0 has an empty list and reach 0, so that no multiplier grows on what need not be served.
    """
    reach = np.where(source.weight > 0, reach, 0.0)
    if source.kind == MATRIX or len(allowed) <= 512 or not np.isfinite(reach).all():
        columns = np.flatnonzero(allowed).astype(np.int32)
        start = _counts(source, columns, reach)
        half = _Halves(start, *_filled(source, columns, reach, start), reach)
    else:
        half = _within(source, allowed, reach)
    return by_site(half.start, half.site, half.cost, half.reach, len(allowed))


def expected(source: Source, allowed: Bools, reach: Floats, few: int = 200) -> float:
    """About how many pairs ``reaching`` would list, from some of the demand points."""
    rows = np.flatnonzero(source.weight > 0)
    part = rows[np.linspace(0, len(rows) - 1, min(few, len(rows))).astype(np.int64)] if len(rows) else rows
    start = _counts(
        source._replace(
            weight=source.weight[part],
            rows=source.rows if source.kind == MATRIX else source.rows[part],
            matrix=source.matrix[part] if source.kind == MATRIX else source.matrix,
        ),
        np.flatnonzero(allowed).astype(np.int32),
        reach[part],
    )
    return float(start[-1]) * len(rows) / max(1, len(part))


def nearest_pairs(source: Source, allowed: Bools, rows: Ints, k: int) -> Lists:
    """Lists of the k nearest candidates, for points, of some demand points (the others have empty rows)."""
    columns = np.flatnonzero(allowed)
    k = min(k, len(columns))
    weight = source.weight[rows]
    cost, found = _tree(source, columns).query(source.rows[rows], k=k)
    cost, found = cost.reshape(len(rows), k), found.reshape(len(rows), k)
    cost = weight[:, None] * _along(source, cost)
    reach = cost[:, -1].copy() if k < len(columns) else np.full(len(rows), np.inf)
    start = np.arange(len(rows) + 1, dtype=np.int64) * k
    return by_site(start, columns[found].astype(np.int32).ravel(), cost.ravel(), reach, len(allowed))


def _tree(source: Source, columns: Ints) -> Any:
    from scipy.spatial import cKDTree

    return cKDTree(source.columns[columns])


def _along(source: Source, straight: Floats) -> Floats:
    """Distances as the tree has them (chords on the sphere) to costs without weight."""
    if source.kind == SPHERE:
        straight = 2.0 * np.arcsin(np.minimum(1.0, 0.5 * straight))
    return straight * source.scale


def _within(source: Source, allowed: Bools, reach: Floats) -> _Halves:
    """As ``reaching``, for points: candidates lie in a grid, so that few that are too far are looked at."""
    columns = np.flatnonzero(allowed)
    radius = np.minimum(
        np.divide(reach, source.weight, out=np.zeros_like(reach), where=source.weight > 0), source.radius
    )
    straight = radius / source.scale
    if source.kind == SPHERE:
        straight = 2.0 * np.sin(np.minimum(straight, np.pi) / 2.0)
    low = source.columns[columns].min(0)
    high = source.columns[columns].max(0)
    side = max(
        float(np.prod(np.maximum(high - low, 1e-300)[:2]) * 8.0 / len(columns)) ** 0.5,
        float((high - low).max()) / 200,
        1e-300,
    )
    shape = np.floor((high - low) / side).astype(np.int64) + 1
    place = np.floor((source.columns[columns] - low) / side).astype(np.int64)
    cell = np.zeros(len(columns), np.int64)
    for axis in range(place.shape[1]):
        cell = cell * shape[axis] + place[:, axis]
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], np.arange(int(np.prod(shape)) + 1))
    members = columns[order].astype(np.int32)
    start = _grid_counts(source, reach, straight, low, side, shape, first, members)
    site, cost = _grid_filled(source, reach, straight, low, side, shape, first, members, start)
    return _Halves(start, site, cost, reach)


@compiled(nogil=True)
def _span(source: Any, i: int, straight: float, low: Floats, side: float, shape: Ints) -> Any:
    """The cells, along three axes, that the ball around demand point i touches."""
    first, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for axis in range(source.rows.shape[1]):
        a = np.floor((source.rows[i, axis] - straight - low[axis]) / side)
        b = np.floor((source.rows[i, axis] + straight - low[axis]) / side)
        first[axis] = np.int64(max(0.0, a))
        last[axis] = np.int64(min(shape[axis] - 1.0, b))
    return first, last


@compiled(nogil=True)
def _grid_counts(
    source: Any, reach: Floats, straight: Floats, low: Floats, side: float, shape: Ints, head: Ints, members: Int32s
) -> Ints:
    n = len(reach)
    start = np.zeros(n + 1, np.int64)
    deep = shape[2] if len(shape) == 3 else 1
    for i in range(n):
        count = 0
        if source.weight[i] > 0.0:
            first, last = _span(source, i, straight[i], low, side, shape)
            for x in range(first[0], last[0] + 1):
                for y in range(first[1], last[1] + 1):
                    for z in range(first[2], last[2] + 1):
                        cell = (x * shape[1] + y) * deep + z
                        for k in range(head[cell], head[cell + 1]):
                            if between(source, i, members[k]) < reach[i]:
                                count += 1
        start[i + 1] = start[i] + count
    return start


@compiled(nogil=True)
def _grid_filled(
    source: Any,
    reach: Floats,
    straight: Floats,
    low: Floats,
    side: float,
    shape: Ints,
    head: Ints,
    members: Int32s,
    start: Ints,
) -> tuple[Int32s, Floats]:
    site, cost = np.empty(start[-1], np.int32), np.empty(start[-1])
    deep = shape[2] if len(shape) == 3 else 1
    for i in range(len(reach)):
        if source.weight[i] == 0.0:
            continue
        at = start[i]
        first, last = _span(source, i, straight[i], low, side, shape)
        for x in range(first[0], last[0] + 1):
            for y in range(first[1], last[1] + 1):
                for z in range(first[2], last[2] + 1):
                    cell = (x * shape[1] + y) * deep + z
                    for k in range(head[cell], head[cell + 1]):
                        c = between(source, i, members[k])
                        if c < reach[i]:
                            site[at], cost[at] = members[k], c
                            at += 1
        _sorted(site, cost, start[i], at)
    return site, cost


@compiled(nogil=True)
def _counts(source: Any, columns: Int32s, reach: Floats) -> Ints:
    start = np.zeros(len(reach) + 1, np.int64)
    for i in range(len(reach)):
        count = 0
        if source.weight[i] > 0.0:
            for j in columns:
                if between(source, i, j) < reach[i]:
                    count += 1
        start[i + 1] = start[i] + count
    return start


@compiled(nogil=True)
def _filled(source: Any, columns: Int32s, reach: Floats, start: Ints) -> tuple[Int32s, Floats]:
    site, cost = np.empty(start[-1], np.int32), np.empty(start[-1])
    for i in range(len(reach)):
        if source.weight[i] == 0.0:
            continue
        at = start[i]
        for j in columns:
            c = between(source, i, j)
            if c < reach[i]:
                site[at], cost[at] = j, c
                at += 1
        _sorted(site, cost, start[i], at)
    return site, cost


@compiled(nogil=True)
def _sorted(site: Int32s, cost: Floats, first: int, last: int) -> None:
    """Put entries first to last in the order of cost, then of candidate."""
    by = np.argsort(site[first:last], kind="mergesort")
    names, values = site[first:last][by], cost[first:last][by]
    order = np.argsort(values, kind="mergesort")
    site[first:last] = names[order]
    cost[first:last] = values[order]


def by_site(start: Ints, site: Int32s, cost: Floats, reach: Floats, m: int) -> Lists:
    """Rows completed by the same pairs in the order of candidates."""
    return Lists(start, site, cost, reach, *_turned(start, site, cost, m))


@compiled(nogil=True)
def _turned(start: Ints, site: Int32s, cost: Floats, m: int) -> tuple[Ints, Int32s, Floats]:
    below = np.zeros(m + 1, np.int64)
    for j in site:
        below[j + 1] += 1
    for j in range(m):
        below[j + 1] += below[j]
    at = below[:-1].copy()
    row, toll = np.empty(len(site), np.int32), np.empty(len(site))
    for i in range(len(start) - 1):
        for k in range(start[i], start[i + 1]):
            j = site[k]
            row[at[j]], toll[at[j]] = i, cost[k]
            at[j] += 1
    return below, row, toll


def limited(lists: Lists, keep: Bools, reach: Floats) -> Lists:
    """Lists of the candidates to keep, each row up to a weighted reach (or its own, where that is less)."""
    start, site, cost = _limited(lists, keep, reach)
    return by_site(start, site, cost, np.minimum(lists.reach, reach), len(keep))


@compiled(nogil=True)
def counted(lists: Any, keep: Bools, reach: Floats) -> int:
    """How many pairs ``limited`` would list."""
    count = 0
    for i in range(len(reach)):
        for k in range(lists.start[i], lists.start[i + 1]):
            if lists.cost[k] >= reach[i]:
                break
            count += keep[lists.site[k]]
    return count


@compiled(nogil=True)
def _limited(lists: Any, keep: Bools, reach: Floats) -> tuple[Ints, Int32s, Floats]:
    n = len(lists.start) - 1
    start = np.zeros(n + 1, np.int64)
    for i in range(n):
        count = 0
        for k in range(lists.start[i], lists.start[i + 1]):
            if lists.cost[k] >= reach[i]:
                break
            count += keep[lists.site[k]]
        start[i + 1] = start[i] + count
    site, cost = np.empty(start[-1], np.int32), np.empty(start[-1])
    for i in range(n):
        at = start[i]
        for k in range(lists.start[i], lists.start[i + 1]):
            if lists.cost[k] >= reach[i]:
                break
            if keep[lists.site[k]]:
                site[at], cost[at] = lists.site[k], lists.cost[k]
                at += 1
    return start, site, cost


@compiled(nogil=True)
def assigned(source: Any, sites: Ints) -> tuple[Ints, Floats]:
    """The nearest of ``sites`` (ascending; the first of equals) for each demand point, and its weighted cost."""
    n = len(source.weight)
    who, what = np.full(n, -1, np.int64), np.full(n, np.inf)
    for i in range(n):
        for j in sites:
            c = between(source, i, j)
            if c < what[i]:
                who[i], what[i] = j, c
    return who, what


@compiled(nogil=True)
def second(source: Any, sites: Ints) -> Floats:
    """The weighted cost from the second nearest of ``sites`` for each demand point, infinite where there is none."""
    n = len(source.weight)
    out = np.full(n, np.inf)
    for i in range(n):
        first = np.inf
        for j in sites:
            c = between(source, i, j)
            if c < first:
                first, out[i] = c, first
            elif c < out[i]:
                out[i] = c
    return out
