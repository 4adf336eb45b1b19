"""Where all records are: how many lie in each square of a grid that is as fine as a map can show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.geo.cells import Grid

__all__ = ["SQUARES", "Density"]

Ints = npt.NDArray[np.int64]

SQUARES = 100_000
"""Most squares that are kept; where they fill a tenth of a map that goes across a page, each is a pixel of it."""

HALVINGS = 14
_BASE = Grid(160.0, 0.0, np.empty(0, np.int64), np.empty(0, np.int8))
"""Squares of 160 km, which :class:`Density` halves up to 14 times: 10 m."""


class Density:
    """Counts records by square, batch by batch; squares are doubled while more than ``most`` of them hold records.

    Some of the records never fill more squares than all of them do, so neither the size of batches nor the order of
    records changes what comes out: the finest squares of which at most ``most`` are filled.

    Attributes:
        most: most squares, unless records fill more of the 160 km wide ones.
        halvings: how often those are halved so far.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most, self.halvings = SQUARES if most is None else most, HALVINGS
        self._square, self._records = np.empty(0, np.int64), np.empty(0, np.int64)

    def add(self, latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> None:
        """Count records.

        Args:
            latitude: degrees, shape (n,).
            longitude: degrees, shape (n,).
        """
        square = np.sort(_BASE.codes(latitude, longitude) >> self._coarser)
        both = np.concatenate([self._square, square])
        order = np.argsort(both, kind="stable")  # of two ascending runs: merges them
        records = np.append(self._records, np.ones(len(square), np.int64))
        self._square, self._records = _summed(both[order], records[order])
        while len(self._square) > self.most and self.halvings > 0:
            self.halvings -= 1
            self._square, self._records = _summed(self._square >> 2, self._records)  # four make the next larger one

    def table(self) -> pa.Table:
        """The filled squares: west, south, east and north (degrees; east may pass 180), and how many records lie there.

        Degrees are rounded to 1 m.
        """
        halvings = np.full(len(self._square), self.halvings, np.int8)
        grid = Grid(_BASE.base_km, _BASE.offset, self._square << self._coarser, halvings)
        south, north, west, east = (np.round(side, 5) for side in grid.bounds())
        return pa.table({"west": west, "south": south, "east": east, "north": north, "records": self._records})

    @property
    def _coarser(self) -> int:
        """Bits of the codes of the finest squares that do not matter."""
        return 2 * (HALVINGS - self.halvings)


def _summed(square: Ints, records: Ints) -> tuple[Ints, Ints]:
    """Each of the ascending squares once, with the sum of its records."""
    first = np.flatnonzero(np.diff(square, prepend=-1))
    return square[first], np.add.reduceat(records, first) if len(first) else records
