"""Cells that cover the sphere or a square of the plane, and the search that leaves out those that hold no best place.

Big squares small squares (Hansen, Peeters, Richard and Thisse 1985): a cell whose bound is worse than a place already
known holds nothing better; any other is cut in four.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.location.kernels import cell_bounds
from potomac.location.looks import Points, in_spans
from potomac.location.places import Metric

__all__ = ["Cells", "Searched", "angle_bound", "search", "whole"]

Floats = npt.NDArray[np.float64]
Bounds = Callable[[Floats, Floats], tuple[Floats, Floats]]

_EDGE = np.pi / 4  # half an edge of the cube seen from its centre
_ACROSS = [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]  # where the four upright faces look, going round
_FACES = np.array(
    [[_ACROSS[k], _ACROSS[(k + 1) % 4], [0, 0, 1]] for k in range(4)]
    + [[[0, 0, 1], [0, 1, 0], [-1, 0, 0]], [[0, 0, -1], [0, 1, 0], [1, 0, 0]]],
    dtype=np.float64,
)  # each: outwards, and its two edges
_WORK = 3e9  # distances between cells and points until a search gives what it has
_MANY = 40_000  # cells at a time: where so many are as good, so is all that they cover


@dataclass(frozen=True)
class Cells:
    """Squares: of the plane, or of the faces of a cube around the sphere by the angles from the face's middle.

    Attributes:
        face: which face, shape (k,); 0 on the plane.
        middle: shape (k, 2).
        half: half an edge, shape (k,).
        metric: "sphere" or "plane".
    """

    face: npt.NDArray[np.int64]
    middle: Floats
    half: Floats
    metric: Metric

    def __len__(self) -> int:
        return len(self.half)

    def chosen(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Cells:
        """Some of them."""
        return Cells(self.face[which], self.middle[which], self.half[which], self.metric)

    def joined(self, other: Cells) -> Cells:
        """These and others."""
        return Cells(np.r_[self.face, other.face], np.vstack([self.middle, other.middle]),
                     np.r_[self.half, other.half], self.metric)  # fmt: skip

    def quartered(self) -> Cells:
        """Each in four."""
        signs = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
        middle = self.middle[:, None] + signs * (self.half / 2)[:, None, None]
        return Cells(np.repeat(self.face, 4), middle.reshape(-1, 2), np.repeat(self.half / 2, 4), self.metric)

    def places(self) -> Floats:
        """The middles as places: x and y, or unit vectors."""
        return self._placed(self.middle)

    def radii(self) -> Floats:
        """The distance (angle) from the middle that nothing in the cell exceeds, which is that of a corner."""
        if self.metric == "plane":
            return np.asarray(self.half * np.sqrt(2.0))
        centre, most = self.places(), np.zeros(len(self))
        for sign in ((-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)):
            corner = self._placed(self.middle + np.array(sign) * self.half[:, None])
            chord = np.sqrt(((corner - centre) ** 2).sum(1))
            most = np.maximum(most, 2 * np.arcsin(np.minimum(chord / 2, 1.0)))
        return most * (1 + 1e-12)

    def _placed(self, spots: Floats) -> Floats:
        if self.metric == "plane":
            return spots
        local = np.stack([np.ones(len(spots)), np.tan(spots[:, 0]), np.tan(spots[:, 1])], axis=1)
        local /= np.sqrt((local * local).sum(1, keepdims=True))
        return np.asarray(np.einsum("ki,kij->kj", local, _FACES[self.face]))


def whole(metric: Metric, points: Floats) -> Cells:
    """The sphere in six, or the square of the plane that holds all points (and so all places worth a look)."""
    if metric == "sphere":
        return Cells(np.arange(6), np.zeros((6, 2)), np.full(6, _EDGE), metric)
    low, high = points.min(0), points.max(0)
    half = max(float((high - low).max()) / 2, 1e-300) * (1 + 1e-12)
    return Cells(np.zeros(1, dtype=np.int64), ((low + high) / 2)[None], np.array([half]), metric)


@dataclass(frozen=True)
class Searched:
    """What a search over cells found: the least value seen and where, and the bound on all others."""

    value: float
    place: Floats | None
    bound: float
    cells: int


def search(
    cells: Cells, bounds: Bounds, least: float, tolerance: float, points: int, progress: Progress, work: float = _WORK
) -> Searched:
    """The least value over cells.

    Args:
        cells: which cover all places.
        bounds: middles (k, d) and radii (k,) -> the value at each middle, and what no place of the cell is below.
        least: a value that is known.
        tolerance: gap, as a share of the value, at which to stop.
        points: how many the value is a sum over.
        progress: told of each round.
        work: distances after which to give what there is.
    """
    place: Floats | None = None
    done = 0
    value, low = bounds(cells.places(), cells.radii())
    settled = np.inf  # the least bound of cells that were let go
    while True:
        done += len(value)
        if value.min() < least:
            least, place = float(value.min()), cells.places()[int(value.argmin())]
        enough = least - tolerance * abs(least)
        over = low >= enough
        settled = min(settled, float(low[over].min(initial=np.inf)))
        cells, low = cells.chosen(~over), low[~over]
        progress("leaving out cells without the best place", done)
        if not len(cells):
            return Searched(least, place, min(settled, least), done)
        if (done + 4 * len(cells)) * points > work or 4 * len(cells) > _MANY:
            return Searched(least, place, min(settled, least, float(low.min())), done)
        parents = np.repeat(low, 4)
        cells = cells.quartered()
        value, low = bounds(cells.places(), cells.radii())
        low = np.maximum(low, parents)


def angle_bound(p: Points, value: float, tolerance: float, progress: Progress) -> float:
    """What no weighted sum of angles to all points is below, anywhere on the sphere."""

    def bounds(centres: Floats, radii: Floats) -> tuple[Floats, Floats]:
        out = np.empty((len(radii), 2))
        in_spans(p.threads, len(radii), lambda a, b: cell_bounds(p.lines, centres, radii, a, b, out))
        return out[:, 0], out[:, 1]

    return search(whole("sphere", p.lines[:3].T), bounds, value, tolerance / 2, p.n, progress).bound
