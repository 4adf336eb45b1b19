"""Outlines of land and countries as plain arrays, offline.

Natural Earth (public domain) in three degrees of detail, as the npm package world-atlas ships it; see
``frontend/README.md`` for how the files are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from potomac.errors import Fault, StudyError, listing

__all__ = ["Resolution", "borders", "outlines", "resolution_for"]

Floats = NDArray[np.float64]
Resolution = Literal["10m", "50m", "110m"]
"""Scale of the source: 1 to 10, 50 or 110 million. Points of 10m lie about 0.4 km apart, of 110m 30 km."""


@dataclass(frozen=True, slots=True)
class _Lines:
    points: Floats  # (n, 2) longitude, latitude
    starts: NDArray[np.int64]  # first point of each line; one more at the end
    boxes: Floats  # (lines, 4) west, south, east, north


def resolution_for(west: float, south: float, east: float, north: float) -> Resolution:
    """The coarsest outlines that still look right in a picture of this box (degrees)."""
    span = max(east - west, north - south)
    return "10m" if span <= 30 else "50m" if span <= 120 else "110m"


def outlines(
    west: float, south: float, east: float, north: float, resolution: Resolution | None = None
) -> list[Floats]:
    """Land inside the box: closed rings, each (n, 2) longitude and latitude in degrees.

    Holes (the Caspian Sea) are rings too: fill by the even-odd rule. Where land reaches beyond the box the
    ring runs along the box, so draw outlines with a box a little larger than the picture. The box may reach
    over the date line (``east`` up to 540, ``west`` down to -540); longitudes come out in its own range.

    Source:
        Sutherland and Hodgman (1974), Reentrant polygon clipping, CACM 17(1).

    Raises:
        StudyError: the box is empty or no box, or there is no such resolution.
    """
    box = _checked(west, south, east, north)
    rings = []
    for ring in _near("land", resolution or resolution_for(*box), box):
        clipped = _clip_ring(ring, box)
        if len(clipped) >= 3:
            rings.append(clipped)
    return rings


def borders(west: float, south: float, east: float, north: float, resolution: Resolution | None = None) -> list[Floats]:
    """Borders between countries inside the box: open lines, each (n, 2) longitude and latitude in degrees.

    Source:
        Liang and Barsky (1984), A new concept and method for line clipping, ACM TOG 3(1).

    Raises:
        StudyError: as :func:`outlines`.
    """
    box = _checked(west, south, east, north)
    lines = _near("borders", resolution or resolution_for(*box), box)
    return [piece for line in lines for piece in _clip_line(line, box)]


def _checked(west: float, south: float, east: float, north: float) -> tuple[float, float, float, float]:
    inside = -540 <= west < east <= 540 and -90 <= south < north <= 90 and east - west <= 360
    if not inside:
        found = f"the box {west:g} to {east:g}, {south:g} to {north:g} is none"
        raise StudyError(Fault("basemap.box", found, "west < east, at most 360 apart, and south < north, in degrees"))
    return float(west), float(south), float(east), float(north)


@cache
def _load(resolution: str) -> dict[str, _Lines]:
    if resolution not in get_args(Resolution):
        found = f'there are no outlines "{resolution}"'
        raise StudyError(Fault("basemap.resolution", found, f"there are {listing(get_args(Resolution))}"))
    with (files("potomac.geo") / "data" / f"world-{resolution}.npz").open("rb") as stream:
        stored = np.load(stream, allow_pickle=False)
        return {kind: _unpacked(kind, stored) for kind in ("land", "borders")}


def _unpacked(kind: str, stored: np.lib.npyio.NpzFile) -> _Lines:
    """Undo the folding, the differences and the grid, in this order."""
    planes = np.ascontiguousarray(stored[f"{kind}_points"].transpose(0, 2, 1))
    folded = planes.view("<u4")[..., 0].astype(np.int64)
    grid = np.cumsum((folded >> 1) ^ -(folded & 1), axis=1).T
    scale, offset = stored["transform"]
    points = grid * scale + offset
    lines = np.split(points, np.cumsum(stored[f"{kind}_length"], dtype=np.int64)[:-1])
    if kind == "land":
        lines = [ring for ring in map(_unrolled, lines) if np.ptp(ring[:, 1]) > 0]
    points = np.concatenate(lines)
    starts = np.concatenate([[0], np.cumsum([len(line) for line in lines], dtype=np.int64)])
    low = np.minimum.reduceat(points, starts[:-1], axis=0)
    high = np.maximum.reduceat(points, starts[:-1], axis=0)
    return _Lines(points, starts, np.hstack([low, high]))


def _unrolled(ring: Floats) -> Floats:
    """The ring with longitudes that run on over the date line; one round a pole is closed along the pole."""
    turns = -np.round(np.diff(ring[:, 0], append=ring[0, 0]) / 360)
    if not turns.any():
        return ring
    lon = ring[:, 0] + 360 * np.concatenate([[0], np.cumsum(turns[:-1])])
    if turns.sum() == 0:
        return np.column_stack([lon, ring[:, 1]])
    pole = np.copysign(90.0, ring[0, 1])
    end = lon[0] + 360 * turns.sum()
    closing = np.array([[end, ring[0, 1]], [end, pole], [lon[0], pole]])
    return np.vstack([np.column_stack([lon, ring[:, 1]]), closing])


def _near(kind: str, resolution: str, box: tuple[float, float, float, float]) -> list[Floats]:
    """The lines whose own box meets the box, moved by whole turns where the box lies over the date line."""
    lines = _load(resolution)[kind]
    west, south, east, north = box
    found = []
    for turn in (-360.0, 0.0, 360.0):
        low, bottom, high, top = (lines.boxes + np.array([turn, 0, turn, 0])).T
        meets = (high >= west) & (low <= east) & (top >= south) & (bottom <= north)
        shift = np.array([turn, 0])
        found += [lines.points[lines.starts[i] : lines.starts[i + 1]] + shift for i in np.flatnonzero(meets)]
    return found


def _clip_ring(ring: Floats, box: tuple[float, float, float, float]) -> Floats:
    west, south, east, north = box
    for axis, limit, sign in ((0, west, 1), (0, east, -1), (1, south, 1), (1, north, -1)):
        ring = _half_plane(ring, axis, limit, sign)
        if len(ring) == 0:
            break
    return ring


def _half_plane(ring: Floats, axis: int, limit: float, sign: int) -> Floats:
    """The part of a ring on one side of a straight line: points inside, and crossings put before them."""
    inside = (ring[:, axis] - limit) * sign >= 0
    if inside.all():
        return ring
    before = np.roll(ring, 1, axis=0)
    crosses = inside != np.roll(inside, 1)
    step = ring[:, axis] - before[:, axis]
    share = np.divide(limit - before[:, axis], step, out=np.zeros(len(ring)), where=step != 0)
    crossing = before + share[:, None] * (ring - before)
    crossing[:, axis] = limit
    both = np.stack([crossing, ring], axis=1).reshape(-1, 2)
    return np.asarray(both[np.stack([crosses, inside], axis=1).ravel()])


def _clip_line(line: Floats, box: tuple[float, float, float, float]) -> list[Floats]:
    west, south, east, north = box
    start, step = line[:-1], np.diff(line, axis=0)
    enter, leave = np.zeros(len(start)), np.ones(len(start))
    for axis, low, high in ((0, west, east), (1, south, north)):
        with np.errstate(divide="ignore", invalid="ignore"):
            one, two = (low - start[:, axis]) / step[:, axis], (high - start[:, axis]) / step[:, axis]
        flat = step[:, axis] == 0
        out = flat & ((start[:, axis] < low) | (start[:, axis] > high))
        enter = np.maximum(enter, np.where(flat, np.where(out, 2.0, 0.0), np.fmin(one, two)))
        leave = np.minimum(leave, np.where(flat, 1.0, np.fmax(one, two)))
    kept = np.flatnonzero(enter < leave)
    if len(kept) == 0:
        return []
    first, last = start + enter[:, None] * step, start + leave[:, None] * step
    joined = (np.diff(kept) == 1) & (leave[kept[:-1]] == 1) & (enter[kept[1:]] == 0)
    runs = np.split(kept, np.flatnonzero(~joined) + 1)
    return [np.vstack([first[run[:1]], last[run]]) for run in runs]
