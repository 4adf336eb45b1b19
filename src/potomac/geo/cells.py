"""Grids of cells over the sphere, fixed or adaptive, and which cell a point is in.

Bands of equal latitude are cut into columns of about equal width in km, so a cell is as wide at 60 degrees as
at the equator and the antimeridian is a border like any other. An adaptive grid splits cells into four where
many points lie (a quadtree: Finkel and Bentley 1974), so that dense water is cut fine and open water coarse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import KM_PER_DEGREE

__all__ = ["Grid", "adaptive_grid", "fixed_grid"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DEPTH = 14  # most splits of a base cell: 500 km / 2**14 is 30 m


@dataclass(frozen=True)
class Grid:
    """Cells that cover every base cell in which points were seen.

    Attributes:
        base_km: side of the unsplit cells.
        offset: shift of the bands and columns, in base cells, 0 <= offset < 1.
        starts: first code of each cell, ascending, shape (m,).
        levels: how often each cell was split, shape (m,).
    """

    base_km: float
    offset: float
    starts: Ints
    levels: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.starts)

    def locate(self, latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> Ints:
        """Cell of each point, shape (n,): an index into this grid, -1 where no base cell was seen."""
        code = self.codes(latitude, longitude)
        if len(self) == 0:
            return np.full(code.shape, -1)
        index = np.searchsorted(self.starts, code, side="right") - 1
        size = np.int64(1) << (2 * (_DEPTH - self.levels[index].astype(np.int64)))
        inside = (index >= 0) & (code < self.starts[index] + size)
        return np.where(inside, index, -1)

    def codes(self, latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> Ints:
        """Base cell and interleaved fractions of each point (Morton 1966), shape (n,)."""
        lat, lon = np.asarray(latitude, float), np.asarray(longitude, float)
        v = (lat + 90.0) / self._band_height + self.offset
        band = np.floor(v).astype(np.int64)
        columns = self._columns(band)
        u = ((lon + 180.0) / 360.0 % 1.0) * columns + self.offset
        column = np.floor(u).astype(np.int64)
        fraction_u, fraction_v = u - column, v - band
        base = band * np.int64(1 << 20) + column % columns
        side = 1 << _DEPTH
        i = np.minimum((fraction_u * side).astype(np.int64), side - 1)
        j = np.minimum((fraction_v * side).astype(np.int64), side - 1)
        return (base << (2 * _DEPTH)) | _interleave(i) | (_interleave(j) << 1)

    def bounds(self, cells: npt.ArrayLike | None = None) -> tuple[Floats, Floats, Floats, Floats]:
        """South, north, west and east of cells in degrees; east may pass 180 where a cell spans the antimeridian."""
        index = np.arange(len(self)) if cells is None else np.asarray(cells, np.int64)
        start, level = self.starts[index], self.levels[index].astype(np.int64)
        base = start >> (2 * _DEPTH)
        band, column = base >> 20, base & ((1 << 20) - 1)
        side = 2.0**-_DEPTH
        u, v = _deinterleave(start) * side, _deinterleave(start >> 1) * side
        step = 0.5**level
        width = 360.0 / self._columns(band)
        south = (band - self.offset + v) * self._band_height - 90.0
        north = south + step * self._band_height
        west = (column - self.offset + u) * width - 180.0
        return np.maximum(south, -90.0), np.minimum(north, 90.0), west, west + step * width

    def sides_km(self, cells: npt.ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Width (along the middle parallel) and height of cells in km."""
        south, north, west, east = self.bounds(cells)
        scale = np.cos(np.radians((south + north) / 2))
        return (east - west) * scale * KM_PER_DEGREE, (north - south) * KM_PER_DEGREE

    @property
    def _band_height(self) -> float:
        return self.base_km / KM_PER_DEGREE

    def _columns(self, band: Ints) -> Ints:
        middle = np.clip((band + 0.5 - self.offset) * self._band_height - 90.0, -89.9, 89.9)
        around = 360.0 * np.cos(np.radians(middle)) * KM_PER_DEGREE
        return np.asarray(np.maximum(np.round(around / self.base_km), 1), np.int64)


def fixed_grid(latitude: npt.ArrayLike, longitude: npt.ArrayLike, cell_km: float, offset: float = 0.0) -> Grid:
    """Cells of one size wherever a point lies.

    Args:
        latitude: degrees, shape (n,).
        longitude: degrees, shape (n,).
        cell_km: side of a cell in km.
        offset: shift of the grid in cells, 0 <= offset < 1.
    """
    return adaptive_grid(latitude, longitude, base_km=cell_km, min_km=cell_km, most=1, offset=offset)


def adaptive_grid(
    latitude: npt.ArrayLike,
    longitude: npt.ArrayLike,
    *,
    base_km: float,
    min_km: float,
    most: int,
    offset: float = 0.0,
) -> Grid:
    """Split cells into four while they hold more than ``most`` points and the parts stay at least ``min_km`` wide.

    Args:
        latitude: degrees, shape (n,).
        longitude: degrees, shape (n,).
        base_km: side of the unsplit cells in km.
        min_km: smallest side in km.
        most: most points that a cell may hold unless it is at its smallest.
        offset: shift of the grid in base cells, 0 <= offset < 1.
    """
    empty = Grid(base_km, offset, np.empty(0, np.int64), np.empty(0, np.int8))
    code = np.sort(empty.codes(latitude, longitude))
    depth = min(_DEPTH, max(0, int(np.floor(np.log2(base_km / min_km) + 1e-9))))
    nodes = np.unique(code >> (2 * _DEPTH)) << (2 * _DEPTH)
    starts: list[Ints] = []
    levels: list[npt.NDArray[np.int8]] = []
    for level in range(depth + 1):
        size = np.int64(1) << (2 * (_DEPTH - level))
        held = np.searchsorted(code, nodes + size) - np.searchsorted(code, nodes)
        split = (held > most) & (level < depth)
        starts.append(nodes[~split])
        levels.append(np.full(int((~split).sum()), level, np.int8))
        nodes = (nodes[split][:, None] + np.arange(4) * (size >> 2)).ravel()
    start, lev = np.concatenate(starts), np.concatenate(levels)
    order = np.argsort(start)
    return Grid(base_km, offset, start[order], lev[order])


def _interleave(x: Ints) -> Ints:
    """Spread the low 16 bits of ``x`` so that a zero stands between each two."""
    x = (x | (x << 8)) & 0x00FF00FF
    x = (x | (x << 4)) & 0x0F0F0F0F
    x = (x | (x << 2)) & 0x33333333
    return (x | (x << 1)) & 0x55555555


def _deinterleave(x: Ints) -> Ints:
    """The even bits of the low 28 bits of ``x``, closed up."""
    x = x & ((1 << (2 * _DEPTH)) - 1) & 0x55555555
    x = (x | (x >> 1)) & 0x33333333
    x = (x | (x >> 2)) & 0x0F0F0F0F
    x = (x | (x >> 4)) & 0x00FF00FF
    return (x | (x >> 8)) & 0x0000FFFF
