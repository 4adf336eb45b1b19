"""Places on the sphere and on the plane: what is checked of them, and what is said of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, StudyError

__all__ = ["Metric", "Site", "checked_points", "degrees", "is_one_of"]

Floats = npt.NDArray[np.float64]

Metric = Literal["sphere", "plane"]


@dataclass(frozen=True)
class Site:
    """A place, what it costs, and how far that can be from the best.

    Attributes:
        place: latitude and longitude in degrees, or x and y.
        objective: sum of weight times distance.
        bound: no place can be better than this.
        proven: whether ``bound`` meets ``objective`` but for the tolerance.
        iterations: how often all points were gone through.
        metric: "sphere" or "plane".
        point: the number of the point that the place lies on, -1 where it lies on none.
    """

    place: tuple[float, float]
    objective: float
    bound: float
    proven: bool
    iterations: int
    metric: Metric = "sphere"
    point: int = -1

    @property
    def latitude(self) -> float:
        """Degrees, on the sphere."""
        return self.place[0]

    @property
    def longitude(self) -> float:
        """Degrees from -180 to 180, on the sphere."""
        return self.place[1]

    @property
    def x(self) -> float:
        """The first coordinate, on the plane."""
        return self.place[0]

    @property
    def y(self) -> float:
        """The second coordinate, on the plane."""
        return self.place[1]

    @property
    def gap(self) -> float:
        """How far the objective can be from the best, as a share of it."""
        return max(self.objective - self.bound, 0.0) / self.objective if self.objective > 0 else 0.0


def is_one_of(given: object, names: Iterable[str]) -> bool:
    """Whether something, of whatever type, is one of these names."""
    return isinstance(given, str) and given in names


def checked_points(points: npt.ArrayLike, metric: Metric = "sphere", key: str = "points") -> Floats:
    """Places as numbers, shape (n, 2): latitude and longitude in degrees, or x and y.

    Raises:
        DataError: there are none, they have another shape, are no numbers, or lie outside the globe; the fault says so
            where latitude and longitude look swapped.
        StudyError: no metric is called so.
    """
    if not is_one_of(metric, ("sphere", "plane")):
        said = f"the metric is {str(metric)[:60]!r}"
        raise StudyError(Fault("location.metric", said, 'expected "sphere" or "plane"', key="metric"))
    try:
        found = np.ascontiguousarray(points, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _bad("points are not numbers", "expected two numbers for each", key) from error
    if found.ndim != 2 or found.shape[1] != 2 or not len(found):
        mend = "Give one place as [[latitude, longitude]]" if found.shape == (2,) else ""
        mend = "Turn rows and columns round" if found.ndim == 2 and len(found) == 2 and found.shape[1] > 2 else mend
        raise _bad(f"points have shape {found.shape}", "expected two numbers for each of at least one", key, mend)
    if not np.isfinite(found).all():
        i = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        raise _bad(f"point {i} is {tuple(found[i].tolist())}", "expected finite numbers", key)
    if metric == "sphere":
        _on_the_globe(found, key)
    return found


def _on_the_globe(points: Floats, key: str) -> None:
    wrong = (np.abs(points[:, 0]) > 90) | (np.abs(points[:, 1]) > 360)
    if not wrong.any():
        return
    i = int(np.flatnonzero(wrong)[0])
    swapped = (np.abs(points[:, 1]) <= 90).all() and (np.abs(points[:, 0]) <= 360).all()
    mend = "Latitude and longitude look swapped: give latitude first" if swapped else ""
    latitude, longitude = points[i].tolist()
    raise _bad(f"point {i} has latitude {latitude:g} and longitude {longitude:g}", "latitudes reach from -90 to 90 and "
               "longitudes from -360 to 360", key, mend)  # fmt: skip


def _bad(found: str, expected: str, key: str, mend: str = "") -> DataError:
    return DataError(Fault("location.points", found, expected, mend, key=key))


def degrees(vectors: Floats) -> Floats:
    """Latitudes and longitudes (-180 to 180) of vectors, shapes (..., 3) and (..., 2)."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    longitude = np.degrees(np.arctan2(y, x))
    return np.stack([np.degrees(np.arctan2(z, np.hypot(x, y))), np.where(longitude >= 180.0, -180.0, longitude)], -1)
