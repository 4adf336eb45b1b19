"""Tables in memory, of any make, as the columns that interactions and items have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing, shown
from potomac.recommend.matrix.ids import array_of
from potomac.recommend.matrix.source import Source, arrow_of

__all__ = ["arrow_of", "columns_of", "known_roles", "named", "numbers_of", "text_of", "times_of"]

GUESSES: Mapping[str, tuple[str, ...]] = {
    "user": ("user", "user_id", "userid", "userId", "visitor", "customer", "customer_id", "person"),
    "item": ("item", "item_id", "itemid", "itemId", "movie_id", "movieId", "book_id", "product", "product_id"),
    "value": ("value", "rating", "score", "count", "quantity", "amount", "weight"),
    "time": ("time", "timestamp", "date", "datetime", "when"),
    "title": ("title", "name", "movie_title"),
}
"""Usual names of a column by its role, the role's own first."""

LARGEST = 1e15
"""Values up to here can be squared and added up in single precision."""

FIRST, LAST = -62_135_596_800, 253_402_300_799
"""Seconds since 1970 of the years 1 to 9999."""


def known_roles(columns: Any, roles: Sequence[str]) -> Mapping[str, str]:
    """Names of columns by role; none where nothing is given.

    Raises:
        StudyError: it is no mapping, or a role is none of ``roles``.
    """
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        expected = 'expected names by role, such as {"user": "member"}'
        raise StudyError(Fault("recommend.columns", f"columns is a {type(columns).__name__}", expected, key="columns"))
    for role, name in columns.items():
        if role not in roles:
            found, mend = f'no role "{shown(role)}"', did_you_mean(str(role), roles)
            raise StudyError(Fault("recommend.columns", found, f"there are {listing(roles)}", mend, key="columns"))
        if not isinstance(name, str):
            found = f"the column for {role} is {shown(name)}"
            raise StudyError(Fault("recommend.columns", found, "expected the name of a column", key="columns"))
    return dict(columns)


def named(table: pa.Table | Source, role: str, columns: Mapping[str, str], *, required: bool) -> str | None:
    """Name of the column that plays ``role``: the one given, else one of the usual names.

    Raises:
        StudyError: the column given is not there, or a role that is needed has none.
    """
    there = table.column_names
    if role in columns:
        if columns[role] in there:
            return _once(columns[role], there, role)
        found, near = f'no column "{columns[role]}"', did_you_mean(columns[role], there)
        raise StudyError(Fault("data.column-missing", found, f"there are {listing(there)}", near, key=role))
    for guess in GUESSES.get(role, (role,)):
        if guess in there:
            return _once(guess, there, role)
    if not required:
        return None
    found, mend = f'no column "{role}"; there are {listing(there)}', f'Name it: columns={{"{role}": "..."}}'
    raise StudyError(Fault("data.column-missing", found, f"expected one for {role}", mend, key=role))


def _once(name: str, there: Sequence[str], role: str) -> str:
    if there.count(name) > 1:
        found = f'{there.count(name)} columns are called "{name}"'
        raise StudyError(Fault("data.column-double", found, f"expected one for {role}", "Rename the others", key=role))
    return name


def columns_of(
    source: Any, columns: Mapping[str, str]
) -> tuple[pa.Array, pa.Array, npt.NDArray[np.float32] | None, npt.NDArray[np.int64] | None]:
    """User, item, value and time of each row; value or time is None where the table has none.

    Raises:
        StudyError: a column is missing.
        DataError: there is no row, an id is null, or a value is not a number.
    """
    columns = known_roles(columns, ("user", "item", "value", "time"))
    table = arrow_of(source)
    if not table.num_rows:
        raise DataError(Fault("recommend.empty", "the table of interactions has no row", "expected one at least"))
    user = _ids(table, "user", columns)
    item = _ids(table, "item", columns)
    value, time = (named(table, role, columns, required=False) for role in ("value", "time"))
    return (
        user,
        item,
        None if value is None else numbers_of(table.column(value), value),
        None if time is None else times_of(table.column(time), time),
    )


def _ids(table: pa.Table, role: str, columns: Mapping[str, str]) -> pa.Array:
    found = array_of(table.column(named(table, role, columns, required=True)))
    if found.null_count:
        raise DataError(Fault("recommend.ids", f"{found.null_count:,} rows without {role}", "expected an id each"))
    return found


def numbers_of(column: pa.Array | pa.ChunkedArray, name: str) -> npt.NDArray[np.float32]:
    """A column of values.

    Raises:
        DataError: it holds something else than finite numbers.
    """
    try:
        numbers = np.asarray(_flat(column.cast(pa.float32(), safe=False)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        found, expected = f'column "{name}" of the type {column.type}', "expected numbers"
        raise DataError(Fault("recommend.value", found, expected, key="value")) from None
    if not np.isfinite(numbers).all():
        bad = int((~np.isfinite(numbers)).sum())
        raise DataError(
            Fault("recommend.value", f'{bad:,} rows of "{name}" are no finite number', "expected numbers", key="value")
        )
    largest = max(-float(numbers.min(initial=0)), float(numbers.max(initial=0)))
    if largest > LARGEST:
        found, mend = f'a value of "{name}" is of the size {largest:g}', "Divide the column by a number, or cut it off"
        raise DataError(Fault("recommend.value", found, f"expected {LARGEST:g} at most", mend, key="value"))
    return numbers


def text_of(column: pa.Array | pa.ChunkedArray, name: str, key: str) -> pa.Array:
    """A column of words.

    Raises:
        DataError: it holds what cannot be written as text, or bytes that are none.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    try:
        return whole.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        found, mend = f'column "{name}" of the type {whole.type}', "Name another column, or cast it to text"
        raise DataError(Fault("recommend.items", found, "expected text", mend, key=key)) from None


def times_of(column: pa.Array | pa.ChunkedArray, name: str) -> npt.NDArray[np.int64]:
    """A column of times as microseconds since 1970 UTC; numbers are seconds.

    Raises:
        DataError: it holds something else than times.
    """
    kind = column.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not (number or pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        found, expected = f'column "{name}" of the type {kind}', "expected times, or seconds since 1970"
        raise DataError(Fault("recommend.time", found, expected, key="time"))
    if column.null_count:
        found = f'{column.null_count:,} rows of "{name}" are empty'
        raise DataError(Fault("recommend.time", found, "expected times", key="time"))
    if number:
        return _since_1970(column, name)
    fine = pa.timestamp("us", getattr(kind, "tz", None))
    try:  # nanoseconds are cut off; seconds and days may be too many
        column = column.cast(fine, safe=getattr(kind, "unit", "") != "ns")
    except pa.ArrowInvalid:
        found = f'a time of "{name}" is too far from 1970 for microseconds'
        raise DataError(Fault("recommend.time", found, "expected years 1 to 9999", key="time")) from None
    return np.asarray(_flat(column.cast(pa.int64())))


def _since_1970(column: pa.Array | pa.ChunkedArray, name: str) -> npt.NDArray[np.int64]:
    """Seconds as microseconds."""
    seconds = np.asarray(_flat(column))
    bad = ~((seconds >= FIRST) & (seconds <= LAST))  # no number is neither
    if bad.any():
        found = f'a time of "{name}" is {seconds[bad][0]:g}'
        expected, mend = "expected seconds since 1970, years 1 to 9999", "Divide milliseconds by 1,000"
        raise DataError(Fault("recommend.time", found, expected, mend, key="time"))
    if seconds.dtype.kind == "f":
        return np.rint(seconds.astype(np.float64) * 1e6).astype(np.int64)
    return seconds.astype(np.int64) * 1_000_000


def _flat(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    whole = isinstance(column, pa.ChunkedArray)
    return np.asarray(column.to_numpy() if whole else column.to_numpy(zero_copy_only=False))
