"""Ids of users and items: integers or text, numbered in ascending order, compared by what they look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, shown

__all__ = ["alike", "array_of", "codes_of", "rows_of"]

Ints = npt.NDArray[np.int64]


def array_of(ids: Any) -> pa.Array:
    """Ids as one Arrow array of int64 or string.

    Raises:
        DataError: they are neither integers nor text.
    """
    found = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else _listed(ids)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    if pa.types.is_integer(found.type) or pa.types.is_null(found.type):
        return found.cast(pa.int64())
    if pa.types.is_string(found.type) or pa.types.is_large_string(found.type) or pa.types.is_string_view(found.type):
        return found.cast(pa.string())
    if pa.types.is_floating(found.type) and _whole(found):
        return found.cast(pa.int64())
    raise DataError(Fault("recommend.ids", f"ids of the type {found.type}", "expected integers or text"))


def _listed(ids: Any) -> pa.Array:
    """Ids of a list or an array; text where numbers and text stand beside each other."""
    try:
        return pa.array(ids)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if one is None else str(one) for one in ids], pa.string())


def _whole(numbers: pa.Array) -> bool:
    return bool(pc.all(pc.equal(pc.floor(numbers), numbers)).as_py() is not False)


def codes_of(ids: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """The distinct ids in ascending order, and the number of each row's id, shape (e,)."""
    coded = pc.dictionary_encode(ids)
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    names = coded.dictionary
    order = pc.array_sort_indices(names)
    place = np.empty(len(names), np.int32)
    place[order.to_numpy()] = np.arange(len(names), dtype=np.int32)
    return names.take(order), place[coded.indices.to_numpy()]


def alike(ids: pa.Array, to: pa.DataType, what: str) -> pa.Array:
    """Ids in the type of others.

    Raises:
        DataError: an id is text where the others are integers.
    """
    if ids.type == to:
        return ids
    try:
        found = ids.cast(to)
    except pa.ArrowInvalid:
        bad = shown(next(one for one in ids.to_pylist() if not _integer(one)))
        fault = Fault("recommend.ids", f'{what} "{bad}" is text', f"expected a whole number, as every {what} has it")
        raise DataError(fault) from None
    return found


def _integer(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()


def rows_of(known: pa.Array, ids: Any) -> Ints:
    """Place of each of ``ids`` in ``known``, -1 where it is not there."""
    wanted = array_of(ids)
    if wanted.type != known.type:
        wanted, known = wanted.cast(pa.string()), known.cast(pa.string())
    found = pc.index_in(wanted, known)
    return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
