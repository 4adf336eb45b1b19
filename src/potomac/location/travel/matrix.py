"""Travel times that are known already: a matrix, of one hour or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, StudyError, listing
from potomac.geo.distance import EARTH_RADIUS_KM, unit_vectors
from potomac.location.crs import is_frame
from potomac.location.placement import checked_cost
from potomac.location.travel.congestion import hour_of, usual_or
from potomac.location.travel.model import checked_places, rushed

__all__ = ["Matrix", "ids_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEAR_KM = 0.01
"""A place that is asked for is one of the matrix where it lies within 10 m of it."""


class Matrix:
    """Minutes from each of n origins to each of m destinations, asked for by id or by place.

    Args:
        minutes: shape (n, m), infinite where there is no way; or (h, n, m), one matrix for each of ``hours``.
        origins: n ids (numbers or texts, each once), or n places, see
            :func:`~potomac.location.travel.model.checked_places`; default 0 to n - 1.
        destinations: m ids or places; by default those of the origins, and the matrix is square.
        hours: hours of the day of the matrices, ascending, from 0 and below 24; in between times are interpolated, over
            midnight too. Without a departure the shortest of all hours counts.
        profile: factor of the travel time for each hour of the day where there is one matrix; empty for the usual one.
        repeated: how many entries were there more than once (see :meth:`from_pairs`).

    Attributes:
        repeated: as given.

    Raises:
        DataError: the matrix is empty, of another shape than its ends, or holds NaN or negative times; an id is there
            twice; one set of ends is given and the matrix is not square.
        StudyError: the hours are none.
    """

    def __init__(
        self,
        minutes: npt.ArrayLike,
        origins: Any = None,
        destinations: Any = None,
        *,
        hours: Sequence[float] = (),
        profile: tuple[float, ...] = (),
        repeated: int = 0,
    ) -> None:
        self.hours = _checked_hours(hours)
        self._times = _checked(minutes, len(self.hours))
        usual_or(profile)
        self.profile, self.repeated = profile, repeated
        n, m = self.shape
        if destinations is None and origins is not None and n != m:
            said = f"the matrix has {n} rows and {m} columns"
            mend = "Give the ids of the destinations too"
            raise _bad(said, "expected a square one, as only one set of ids is given", mend)
        self._from = _Ends(origins, n, "origins")
        self._to = self._from if destinations is None and n == m else _Ends(destinations, m, "destinations")

    @classmethod
    def from_pairs(
        cls,
        origins: npt.ArrayLike,
        destinations: npt.ArrayLike,
        minutes: npt.ArrayLike,
        *,
        profile: tuple[float, ...] = (),
    ) -> Matrix:
        """From a row a pair; of pairs that are there more than once the shortest time counts, others are infinite.

        Args:
            origins: ids, shape (k,).
            destinations: ids, shape (k,).
            minutes: shape (k,).
            profile: as of the class.

        Raises:
            DataError: there are no rows, not as many of each, or times are NaN or negative.
        """
        start, end = ids_of(origins, "origins"), ids_of(destinations, "destinations")
        times = checked_cost(np.atleast_2d(_flat(minutes)))[0]
        if not len(start) == len(end) == len(times):
            said = f"there are {len(start)} origins, {len(end)} destinations and {len(times)} times"
            raise _bad(said, "expected one of each in a row")
        first, second = start.dictionary_encode(), end.dictionary_encode()
        rows, columns = (np.asarray(part.indices).astype(np.int64) for part in (first, second))
        found = np.full((len(first.dictionary), len(second.dictionary)), np.inf)
        np.minimum.at(found, (rows, columns), times)
        pairs = np.unique(rows * np.int64(found.shape[1]) + columns)
        return cls(found, first.dictionary, second.dictionary, profile=profile, repeated=len(rows) - len(pairs))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of origins and of destinations."""
        n, m = self._times.shape[-2:]
        return int(n), int(m)

    @property
    def origins(self) -> pa.Array | Floats:
        """Ids of the rows as texts, or their places, shape (n, 2)."""
        return self._from.known

    @property
    def destinations(self) -> pa.Array | Floats:
        """Ids of the columns as texts, or their places, shape (m, 2)."""
        return self._to.known

    def minutes(self, origins: Any = None, destinations: Any = None, departure: float | None = None) -> Floats:
        """Travel times of those asked for, shape (n, m).

        Args:
            origins: ids, or places that lie within 10 m of those of the matrix; default all.
            destinations: likewise.
            departure: hour of the day, 0 to 24.

        Raises:
            DataError: one is not in the matrix.
            StudyError: the departure is no hour of the day.
        """
        rows, columns = self._from.find(origins), self._to.find(destinations)
        if not self.hours:
            return np.asarray(self._times[np.ix_(rows, columns)] * rushed(departure, self.profile))
        if departure is None:
            return np.asarray(self._times[np.ix_(np.arange(len(self.hours)), rows, columns)].min(axis=0))
        before, after, share = self._around(hour_of(departure) % 24.0)
        one, other = self._times[before][np.ix_(rows, columns)], self._times[after][np.ix_(rows, columns)]
        closed = np.isinf(one) | np.isinf(other)
        with np.errstate(invalid="ignore"):
            between = (1 - share) * one + share * other
        return np.asarray(np.where(closed, one if share < 0.5 else other, between))  # some ways are shut for an hour

    def _around(self, hour: float) -> tuple[int, int, float]:
        """The matrices before and after an hour, and the share of the second."""
        after = int(np.searchsorted(self.hours, hour, side="right")) % len(self.hours)
        before = (after - 1) % len(self.hours)
        apart = (self.hours[after] - self.hours[before]) % 24.0 or 24.0
        return before, after, ((hour - self.hours[before]) % 24.0) / apart


class _Ends:
    """Rows or columns: by id or by place."""

    def __init__(self, given: Any, n: int, what: str) -> None:
        self.what = what
        self.places = given is not None and _are_places(given)
        if self.places:
            self.known: Any = checked_places(given, what)
        else:
            self.known = ids_of(range(n) if given is None else given, what)
            _each_once(self.known, what)
        if len(self.known) != n:
            said = f"there are {len(self.known)} {what} and {n} {'rows' if what == 'origins' else 'columns'}"
            raise _bad(said, "expected as many", key=what)

    def find(self, asked: Any) -> Ints:
        """The numbers of those asked for.

        Raises:
            DataError: one is not known.
        """
        if asked is None:
            return np.arange(len(self.known))
        if _are_places(asked):
            return self._by_place(checked_places(asked, self.what))
        if self.places:
            raise _bad(f"{self.what} are asked for by id", "expected places: the matrix was made with places",
                       key=self.what)  # fmt: skip
        ids = ids_of(asked, self.what)
        at = pc.index_in(ids, self.known)
        self._all_known(np.asarray(at.is_null()), ids)
        return np.asarray(at.to_numpy(zero_copy_only=False)).astype(np.int64)

    def _by_place(self, asked: Floats) -> Ints:
        if not self.places:
            raise _bad(f"{self.what} are asked for by place", "expected ids: the matrix was made without places",
                       "Give origins and destinations as places, or ask by id", self.what)  # fmt: skip
        from scipy.spatial import cKDTree

        chord, at = cKDTree(unit_vectors(*self.known.T)).query(unit_vectors(*asked.T))
        self._all_known(chord * EARTH_RADIUS_KM > NEAR_KM, [f"({a:g}, {b:g})" for a, b in asked.tolist()])
        return np.asarray(at, np.int64)

    def _all_known(self, strange: npt.NDArray[np.bool_], names: Any) -> None:
        if strange.any():
            some = [str(names[int(k)]) for k in np.flatnonzero(strange)[:5]]
            more = f" and {strange.sum() - 5} more" if strange.sum() > 5 else ""
            said = f"{listing(some)}{more} of the {self.what} are not in the matrix"
            known = self.known[:3].tolist() if self.places else self.known.slice(0, 3).to_pylist()
            raise DataError(
                Fault("location.matrix-foreign", said, f"its own are such as {listing(known)}", key=self.what)
            )


def ids_of(given: Any, what: str) -> pa.Array:
    """Ids as texts, shape (n,); 7 and 7.0 and "7" are one.

    Raises:
        DataError: one is missing.
    """
    values = array_of_ids(given, what)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_floating(values.type):
        whole = pc.floor(values)
        if pc.all(pc.equal(whole, values)).as_py():
            values = pc.cast(values, pa.int64())
    found = pc.cast(values, pa.string())
    if found.null_count:
        first = int(np.flatnonzero(np.asarray(found.is_null()))[0])
        raise _bad(f"{what} {first} has no id", "expected a number or text", key=what)
    return found


def array_of_ids(given: Any, what: str) -> Any:
    """Ids as an Arrow array.

    Raises:
        DataError: they are no list of numbers or texts.
    """
    if isinstance(given, pa.Array | pa.ChunkedArray):
        values = given
    else:
        whole = isinstance(given, str | bytes | Mapping) or is_frame(given) or _dimensions(given) > 1
        try:
            values = None if whole else pa.array(list(given), from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            values = None
    if values is None or pa.types.is_nested(values.type):
        said = (
            f"{what} is {type(given).__name__}"
            if _dimensions(given) < 2
            else f"{what} has {_dimensions(given)} dimensions"
        )
        raise _bad(said, "expected a list of ids, numbers or texts", "Give one column of the table", what)
    return values


def _each_once(ids: pa.Array, what: str) -> None:
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    if twice:
        said = f"{len(twice)} of the {what} are there more than once: {listing(twice, 5)}"
        raise DataError(Fault("location.id-twice", said, "expected each id once", "Take the others away", key=what))


def _are_places(given: Any) -> bool:
    """Whether there are two numbers for each, or a frame."""
    if isinstance(given, pa.Array | pa.ChunkedArray | range):
        return False
    return is_frame(given) or _dimensions(given) == 2


def _dimensions(given: Any) -> int:
    """Of an array or nested lists; 1 where they are of several lengths."""
    try:
        return int(np.ndim(given))
    except ValueError:
        return 1


def _checked(minutes: npt.ArrayLike, hours: int) -> Floats:
    if isinstance(minutes, np.ma.MaskedArray):
        minutes = np.ma.filled(minutes.astype(np.float64), np.nan)  # then told as missing
    if hours:
        try:
            found = np.asarray(minutes, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise _bad("the matrices are not numbers", f"expected {hours} matrices, one for each hour") from error
        if found.ndim != 3 or len(found) != hours:
            raise _bad(f"the matrices have shape {found.shape}", f"expected {hours} matrices, one for each hour")
        times = np.stack([checked_cost(one) for one in found])
    else:
        times = checked_cost(minutes)
    if (times < 0).any():
        *_, i, j = map(int, np.argwhere(times < 0)[0])
        said = f"it takes {times[..., i, j].min():g} minutes from origin {i} to destination {j}"
        raise _bad(said, "expected 0 or more; infinity where there is no way")
    return times


def _flat(minutes: Any) -> Any:
    """One time a row.

    Raises:
        DataError: they are no numbers in a row.
    """
    try:
        found = np.asarray(minutes, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _bad("minutes are not numbers", "expected one for each pair") from error
    if found.ndim != 1:
        raise _bad(f"minutes have shape {found.shape}", "expected one for each pair")
    return found


def _checked_hours(hours: Sequence[float]) -> tuple[float, ...]:
    try:
        found = np.asarray(hours, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.array([np.nan])
    if found.ndim != 1:
        found = np.array([np.nan])
    if len(found) and not ((found >= 0).all() and (found < 24).all() and (np.diff(found) > 0).all()):
        said = f"the hours are {str(hours)[:60] if np.isnan(found).any() else listing(found.tolist(), 5)}"
        raise StudyError(Fault("location.departure", said, "expected hours from 0, ascending, below 24", key="hours"))
    return tuple(found.tolist())


def _bad(found: str, expected: str, mend: str = "", key: str = "minutes") -> DataError:
    return DataError(Fault("location.matrix", found, expected, mend, key=key))
