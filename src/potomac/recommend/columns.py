"""Tables in memory, of any make, as the columns that interactions and items have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.recommend.ids import array_of
from potomac.recommend.source import Source, arrow_of

__all__ = ["arrow_of", "columns_of", "named", "numbers_of", "times_of"]

GUESSES: Mapping[str, tuple[str, ...]] = {
    "user": ("user", "user_id", "userid", "userId", "visitor", "customer", "customer_id", "person"),
    "item": ("item", "item_id", "itemid", "itemId", "movie_id", "movieId", "book_id", "product", "product_id"),
    "value": ("value", "rating", "score", "count", "quantity", "amount", "weight"),
    "time": ("time", "timestamp", "date", "datetime", "when"),
    "title": ("title", "name", "movie_title"),
}
"""Usual names of a column by its role, the role's own first."""


def named(table: pa.Table | Source, role: str, columns: Mapping[str, str], *, required: bool) -> str | None:
    """Name of the column that plays ``role``: the one given, else one of the usual names.

    Raises:
        StudyError: the column given is not there, or a role that is needed has none.
    """
    there = table.column_names
    if role in columns:
        if columns[role] in there:
            return columns[role]
        found, near = f'no column "{columns[role]}"', did_you_mean(columns[role], there)
        raise StudyError(Fault("data.column-missing", found, f"there are {listing(there)}", near, key=role))
    for guess in GUESSES.get(role, (role,)):
        if guess in there:
            return guess
    if not required:
        return None
    found, mend = f'no column "{role}"; there are {listing(there)}', f'Name it: columns={{"{role}": "..."}}'
    raise StudyError(Fault("data.column-missing", found, f"expected one for {role}", mend, key=role))


def columns_of(
    source: Any, columns: Mapping[str, str]
) -> tuple[pa.Array, pa.Array, npt.NDArray[np.float32] | None, npt.NDArray[np.int64] | None]:
    """User, item, value and time of each row; value or time is None where the table has none.

    Raises:
        StudyError: a column is missing.
        DataError: there is no row, an id is null, or a value is not a number.
    """
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
        raise DataError(Fault("recommend.value", f'{bad:,} rows of "{name}" are no finite number', "expected numbers"))
    return numbers


def times_of(column: pa.Array | pa.ChunkedArray, name: str) -> npt.NDArray[np.int64]:
    """A column of times as microseconds since 1970 UTC; numbers are seconds.

    Raises:
        DataError: it holds something else than times.
    """
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us"))
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):  # seconds since 1970
        column = pc.multiply(column.cast(pa.int64()), 1_000_000).cast(pa.timestamp("us"))
    elif not pa.types.is_timestamp(kind):
        found, expected = f'column "{name}" of the type {kind}', "expected times, or seconds since 1970"
        raise DataError(Fault("recommend.time", found, expected, key="time"))
    if column.null_count:
        raise DataError(Fault("recommend.time", f'{column.null_count:,} rows of "{name}" are empty', "expected times"))
    kind = pa.timestamp("us", column.type.tz)
    return np.asarray(_flat(column.cast(kind, safe=False).cast(pa.int64())))


def _flat(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    whole = isinstance(column, pa.ChunkedArray)
    return np.asarray(column.to_numpy() if whole else column.to_numpy(zero_copy_only=False))
