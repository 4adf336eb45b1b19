"""The manners of all models that tell a travel time from the two ends of a pair.

Places are checked, pairs are taken a block at a time over threads, and the hour of the day multiplies all times by the
factor of the profile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, StudyError
from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, unit_vectors
from potomac.location.travel.model import checked_places, rushed

__all__ = ["ByPair", "checked_pair", "chord_km", "displacement", "number", "over_threads"]

Floats = npt.NDArray[np.float64]

BLOCK = 1 << 16
"""Pairs at a time: what is in between stays in the cache."""
_FEW = 1 << 17
"""With no more pairs than this, threads are not worth it."""


class ByPair:
    """A model that tells the time of a pair from its two ends.

    A model gives :meth:`_times`; ``profile`` holds 24 factors of the travel time by hour of the day, or nothing for the
    usual ones.
    """

    profile: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the profile, and keep it as a tuple."""
        from potomac.location.travel.congestion import usual_or

        given: Any = self.profile
        checked = usual_or(given)
        kept = () if given is None or not len(given) else tuple(checked.tolist())
        object.__setattr__(self, "profile", kept)  # models are frozen

    def minutes(self, origins: Any, destinations: Any, departure: float | None = None) -> Floats:
        """Travel times in minutes from each origin to each destination, shape (n, m).

        Args:
            origins: n places, as :func:`~potomac.location.travel.model.checked_places` takes them.
            destinations: m places.
            departure: hour of the day, 0 to 24; None without traffic.

        Raises:
            DataError: a place is none.
            StudyError: the departure is no hour of the day, or the profile has not 24 factors.
        """
        start = self._ends(checked_places(origins, "origins"))
        end = self._ends(checked_places(destinations, "destinations"))
        return self._all(start, end, departure)

    def rowwise(self, origins: Any, destinations: Any, departure: float | None = None) -> Floats:
        """Travel times in minutes from each origin to the destination of the same row, shape (n,).

        Raises:
            DataError: a place is none, or there are more of one than of the other.
            StudyError: as :meth:`minutes`.
        """
        start, end = self._both(origins, destinations)
        return self._rows(self._ends(start), self._ends(end), departure)

    def _both(self, origins: Any, destinations: Any) -> tuple[Floats, Floats]:
        """Places of pairs: as many origins as destinations."""
        start, end = checked_places(origins, "origins"), checked_places(destinations, "destinations")
        if len(start) != len(end):
            said = f"there are {len(start)} origins and {len(end)} destinations"
            raise DataError(Fault("location.points", said, "expected a destination for each origin", key="origins"))
        return start, end

    def _rows(self, start: Floats, end: Floats, departure: float | None) -> Floats:
        factor = rushed(departure, self.profile)
        parts = [
            self._times(start[:, a : a + BLOCK], end[:, a : a + BLOCK]) for a in range(0, start.shape[1], BLOCK)
        ]  # fmt: skip
        return np.asarray(np.concatenate(parts) * factor)

    def _all(self, start: Floats, end: Floats, departure: float | None) -> Floats:
        factor = rushed(departure, self.profile)
        n, m = start.shape[1], end.shape[1]
        out = np.empty((n, m))
        rows = max(1, BLOCK // m)

        def work(first: int) -> None:
            part = slice(first, first + rows)
            np.multiply(self._times(start[:, part, None], end[:, None, :]), factor, out=out[part])

        over_threads(work, range(0, n, rows), n * m)
        return out

    def _ends(self, places: Floats) -> Floats:
        """What is known of each place: latitude, longitude and its unit vector, shape (5, n)."""
        return np.vstack([places.T, unit_vectors(places[:, 0], places[:, 1]).T])

    def _times(self, start: Floats, end: Floats) -> Floats:
        """Minutes without traffic; the ends as of :meth:`_ends`, and what follows their first axis broadcasts."""
        raise NotImplementedError


def chord_km(start: Floats, end: Floats) -> Floats:
    """Great-circle distance in km from the chord between unit vectors, 2 R asin(|u - v| / 2).

    It is exact for places a metre apart, where 1 - u v is not, and symmetric to the last digit.

    Args:
        start: latitude, longitude, x, y, z; what follows the first axis broadcasts.
        end: likewise.
    """
    square = np.asarray((start[2] - end[2]) ** 2, np.float64)
    square += (start[3] - end[3]) ** 2
    square += (start[4] - end[4]) ** 2
    half = np.sqrt(square, out=square)
    half *= 0.5
    np.minimum(half, 1.0, out=half)  # rounding may lift that of antipodes above 1
    arc: Floats = np.arcsin(half, out=half)
    arc *= 2 * EARTH_RADIUS_KM
    return arc


def displacement(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """East and north in km at the latitude midway, the short way round; arguments as of :func:`chord_km`."""
    d_lon = end[1] - start[1]
    d_lon = d_lon - 360.0 * np.rint(d_lon / 360.0)
    midway = np.radians((start[0] + end[0]) / 2)
    return d_lon * np.cos(midway) * KM_PER_DEGREE, (end[0] - start[0]) * KM_PER_DEGREE


def over_threads(work: Callable[[int], None], parts: range, pairs: int) -> None:
    """Call ``work`` for all parts, over as many threads as Numba would take where there are many pairs."""
    if pairs <= _FEW or len(parts) < 2:
        for part in parts:
            work(part)
        return
    from numba import get_num_threads

    with ThreadPoolExecutor(get_num_threads()) as pool:
        for _ in pool.map(work, parts):
            pass


def number(value: float, name: str, *, above: float = -np.inf, least: float = -np.inf, most: float = 1e300) -> float:
    """A number of a model.

    Raises:
        StudyError: it is none, or outside its range.
    """
    try:
        found = float("nan" if isinstance(value, str | bytes | bool) else value)
    except (TypeError, ValueError, OverflowError):
        found = np.nan
    if not (above < found and least <= found <= most):
        limits = (("above", above), ("from", least), ("to", most))
        said = [f"{word} {limit:g}" for word, limit in limits if abs(limit) < 1e300]
        expected = " ".join(["expected a number", *said])
        raise StudyError(Fault("location.travel", f"{name} is {str(value)[:60]}", expected, key=name))
    return found


def checked_pair(given: Any, name: str) -> tuple[float, float]:
    """The least and the greatest speed, km an hour.

    Raises:
        StudyError: they are no two numbers above 0 in this order.
    """
    listed = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str | bytes)
    if not listed or getattr(given, "ndim", 1) != 1 or len(given) != 2:
        expected = "expected the least and the greatest, two numbers"
        raise StudyError(Fault("location.travel", f"{name} is {str(given)[:60]}", expected, key=name))
    low, high = given
    greatest = number(high, name, above=0.0)
    return number(low, name, above=0.0, most=greatest), greatest
