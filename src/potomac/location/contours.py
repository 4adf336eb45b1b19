"""Where the values on a grid are at most a level, as polygons: isochrones.

Marching squares: the outline crosses each side of a square whose ends lie on both sides of the level, where a straight
line between the two values meets it (Lorensen and Cline 1987, Marching cubes, in the plane). Where two corners across a
square are within and the other two are not, the two are kept apart.
"""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["Polygon", "within"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Polygon = list[Floats]
"""Closed rings of places in the grid, row and column, shape (k, 2): the outer one, then those of its holes."""

_BOTTOM, _RIGHT, _TOP, _LEFT = range(4)
_LINES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((_BOTTOM, _LEFT),), 2: ((_RIGHT, _BOTTOM),), 4: ((_TOP, _RIGHT),), 8: ((_LEFT, _TOP),),
    3: ((_RIGHT, _LEFT),), 6: ((_TOP, _BOTTOM),), 12: ((_LEFT, _RIGHT),), 9: ((_BOTTOM, _TOP),),
    14: ((_LEFT, _BOTTOM),), 13: ((_BOTTOM, _RIGHT),), 11: ((_RIGHT, _TOP),), 7: ((_TOP, _LEFT),),
    5: ((_BOTTOM, _LEFT), (_TOP, _RIGHT)), 10: ((_RIGHT, _BOTTOM), (_LEFT, _TOP)),
}  # fmt: skip
"""From which side of a square to which the outline leads, what is within on its left, by which corners are within: 1 is
the first of both rows, 2 the next in its row, 4 the one across, 8 the one in the next row."""

_LEAST = 1e-3  # share of a side that the outline keeps from its ends, so that no ring has a point twice


def within(values: Floats, level: float) -> list[Polygon]:
    """Polygons that hold the places where ``values`` are at most ``level``.

    Args:
        values: on a grid, NaN or infinite where nothing is, shape (r, c) with rows from south to north. The outline
            keeps half a step away from what is nothing, and from outside the grid.
        level: at least one value is below it, or there are no polygons.
    """
    field = np.pad(np.where(np.isnan(values), np.inf, values), 1, constant_values=np.inf)
    inside = field <= level
    if not inside.any():
        return []
    to = _following(inside)
    start = np.flatnonzero(to >= 0)
    order, ends = _rings(to, start)
    places, owner = _crossings(field, inside, level, order)
    found: dict[int, Polygon] = {}
    for first, last in pairwise(ends.tolist()):
        ring = np.concatenate([places[first:last], places[first : first + 1]])
        polygon = found.setdefault(int(owner[first]), [])
        polygon.insert(0 if _area(ring) > 0 else len(polygon), ring)
    return list(found.values())


def _following(inside: Bools) -> Ints:
    """For each side of a square that the outline crosses the next one that it crosses, -1 for the others.

    Sides along rows come first, row by row; then those from row to row.
    """
    rows, columns = inside.shape
    along = rows * (columns - 1)
    i, j = np.mgrid[: rows - 1, : columns - 1]
    bottom, left = i * (columns - 1) + j, along + i * columns + j
    sides = (bottom, left + 1, bottom + columns - 1, left)
    a, b, c, d = inside[:-1, :-1], inside[:-1, 1:], inside[1:, 1:], inside[1:, :-1]
    case = a + 2 * b + 4 * c + 8 * d
    to = np.full(along + (rows - 1) * columns, -1)
    for kind, lines in _LINES.items():
        here = case == kind
        for one, other in lines:
            to[sides[one][here]] = sides[other][here]
    return to


@compiled()
def _rings(to, start):
    """Sides in the order in which the outline crosses them, ring by ring; where each ring begins, and the last ends."""
    seen = np.zeros(len(to), np.bool_)
    order = np.empty(len(start), np.int64)
    ends = np.empty(len(start) + 1, np.int64)
    k, rings = 0, 0
    for first in start:
        if seen[first]:
            continue
        ends[rings] = k
        rings += 1
        side = first
        while not seen[side]:
            seen[side] = True
            order[k] = side
            k += 1
            side = to[side]
    ends[rings] = k
    return order, ends[: rings + 1].copy()


def _crossings(field: Floats, inside: Bools, level: float, sides: Ints) -> tuple[Floats, Ints]:
    """Where the outline crosses sides, in rows and columns of the grid without its border, and whose outline it is."""
    from scipy.ndimage import label

    rows, columns = field.shape
    along = rows * (columns - 1)
    flat = sides < along
    i = np.where(flat, sides // (columns - 1), (sides - along) // columns)
    j = np.where(flat, sides % (columns - 1), (sides - along) % columns)
    first, second = (i, j), (i + ~flat, j + flat)
    low, high = field[first], field[second]
    within_first = inside[first]
    least, most = np.where(within_first, low, high), np.where(within_first, high, low)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(np.isfinite(most), (level - least) / (most - least), 0.5)
    share = np.clip(share, _LEAST, 1 - _LEAST)
    share = np.where(within_first, share, 1 - share)
    places = np.column_stack([i + share * ~flat, j + share * flat]) - 1.0
    owners = label(inside)[0]
    return places, np.where(within_first, owners[first], owners[second])


def _area(ring: Floats) -> float:
    """Positive where a ring leads round what is within anticlockwise."""
    y, x = ring[:, 0], ring[:, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())
