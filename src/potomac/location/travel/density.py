"""Population density anywhere, from points with people."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, unit_vectors
from potomac.location.placement import checked_weights
from potomac.location.travel.model import checked_places
from potomac.location.travel.pairs import number

__all__ = ["DensitySurface", "checked_surface"]

Floats = npt.NDArray[np.float64]

_CELLS = 4  # a radius
_CHUNK = 20_000  # places whose neighbours are held at once


class DensitySurface:
    """People a square kilometre around a place, by the Epanechnikov kernel over what lies within a radius.

    k(r) = 2 / (pi h^2) (1 - r^2 / h^2) for r < h (Silverman 1986, Density Estimation for Statistics and Data Analysis,
    4.2): its integral over the plane is 1, so that the surface holds as many people as the points do. Points are first
    gathered in cells a quarter of the radius wide, at their weighted mean.

    Args:
        points: where people are, n places.
        people: how many, shape (n,).
        radius_km: h.

    Raises:
        DataError: a place is none, or people are negative or none at all.
        StudyError: the radius is not above 0.
    """

    def __init__(self, points: Any, people: npt.ArrayLike, radius_km: float = 5.0) -> None:
        from scipy.spatial import cKDTree

        self.radius_km = number(radius_km, "radius_km", above=0.0, most=2000.0)
        places = checked_places(points, "points")
        vectors, self._people = _gathered(places, checked_weights(people, len(places)), self.radius_km / _CELLS)
        self._tree = cKDTree(vectors)

    def at(self, places: Any) -> Floats:
        """People a square km at each place, shape (n,); 0 where nobody is within the radius.

        Raises:
            DataError: a place is none.
        """
        found = checked_places(places, "places")
        parts = [self._some(found[a : a + _CHUNK]) for a in range(0, len(found), _CHUNK)]
        return np.concatenate(parts)

    def _some(self, places: Floats) -> Floats:
        from scipy.spatial import cKDTree

        h = self.radius_km
        tree = cKDTree(unit_vectors(*places.T))
        near = tree.sparse_distance_matrix(self._tree, 2 * np.sin(h / EARTH_RADIUS_KM / 2), output_type="ndarray")
        r = 2 * EARTH_RADIUS_KM * np.arcsin(near["v"] / 2)
        share = 2 / (np.pi * h * h) * np.maximum(1 - (r / h) ** 2, 0.0)
        return np.asarray(np.bincount(near["i"], share * self._people[near["j"]], len(places)), np.float64)


def checked_surface(given: Any, mend: str) -> None:
    """Refuse what stands where a density surface, or none, is expected.

    Raises:
        StudyError: it is something else.
    """
    if given is not None and not isinstance(given, DensitySurface):
        said = f"density is {str(given)[:60]}"
        raise StudyError(Fault("location.travel", said, "expected a DensitySurface", mend, key="density"))


def _gathered(places: Floats, people: Floats, size_km: float) -> tuple[Floats, Floats]:
    """Unit vectors of the people of a cell, shape (c, 3), and how many they are, shape (c,)."""
    some = people > 0
    places, people = places[some], people[some]
    row = np.floor(places[:, 0] * KM_PER_DEGREE / size_km).astype(np.int64)
    around = np.maximum(np.cos(np.radians((row + 0.5) * size_km / KM_PER_DEGREE)), 1e-6) * 360.0 * KM_PER_DEGREE
    columns = np.maximum(np.floor(around / size_km), 1.0)  # whole cells on each parallel: none is cut at 180 degrees
    column = np.floor((places[:, 1] % 360.0) / 360.0 * columns).astype(np.int64)
    _, cell = np.unique(np.stack([row, column]), axis=1, return_inverse=True)
    total: Floats = np.asarray(np.bincount(cell, people))
    sums = [np.bincount(cell, people * axis) for axis in unit_vectors(*places.T).T]
    vectors = np.stack(sums, axis=1) / total[:, None]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), total
