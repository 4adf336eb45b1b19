"""Ids of users and items: integers or text, numbered in ascending order, compared by what they look like.

The number 7 and the text "7" are the same id; "007" is another, as the zeros may well mean something.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, StudyError, listing, shown

__all__ = ["Index", "alike", "array_of", "fits", "nothing_shared", "rows_of"]

Ints = npt.NDArray[np.int64]

FEW = 64
"""Texts that are looked up one by one; of more a table is made."""

EXACT = 2.0**53
"""Up to here every integer is a floating-point number of its own."""

NUMBER = r"^(0|-?[1-9][0-9]{0,17})$"
"""Text that looks as an integer is written."""


def array_of(ids: Any) -> pa.Array:
    """Ids as one Arrow array of int64 or string.

    Raises:
        StudyError: what was given is no list.
        DataError: they are neither integers nor text, or integers that are too large to be told apart.
    """
    found = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else _listed(ids)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    if pa.types.is_integer(found.type) or pa.types.is_null(found.type):
        return _within(found)
    if pa.types.is_string(found.type) or pa.types.is_large_string(found.type) or pa.types.is_string_view(found.type):
        return found.cast(pa.string())
    if pa.types.is_floating(found.type) and _whole(found):
        return _exact(found)
    raise DataError(Fault("recommend.ids", f"ids of the type {found.type}", "expected integers or text"))


def _listed(ids: Any) -> pa.Array:
    """Ids of a list or an array; text where numbers and text stand beside each other."""
    try:
        return pa.array(ids)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if one is None else str(one) for one in ids], pa.string())
    except TypeError:
        raise StudyError(Fault("recommend.ids", f"a {type(ids).__name__}", "expected a list of ids")) from None


def _whole(numbers: pa.Array) -> bool:
    return bool(pc.all(pc.equal(pc.floor(numbers), numbers)).as_py() is not False)


def _within(integers: pa.Array) -> pa.Array:
    """Integers of 64 bits."""
    try:
        return integers.cast(pa.int64())
    except pa.ArrowInvalid:
        raise _too_large(pc.max(integers).as_py(), 2**63) from None


def _exact(numbers: pa.Array) -> pa.Array:
    """Integers that came as floating-point numbers, if each can be told from the next."""
    sizes = pc.abs(numbers.cast(pa.float64()))
    if pc.any(pc.greater(sizes, EXACT)).as_py():
        raise _too_large(pc.max(sizes).as_py(), 2**53)
    return numbers.cast(pa.int64())


def _too_large(largest: float, bound: int) -> DataError:
    mend = "Read the column as text, so that no digit is lost"
    return DataError(Fault("recommend.ids", f"an id of {largest:g}", f"expected numbers below {bound:,}", mend))


class Index:
    """Ids that are looked up again and again.

    Args:
        ids: distinct, int64 or string, shape (n,), in any order.
    """

    def __init__(self, ids: pa.Array) -> None:
        self.ids = ids
        self.text = pa.types.is_string(ids.type)

    @cached_property
    def _order(self) -> Ints | None:
        """Places of the ids in ascending order; None where that is the order in which they stand."""
        order = pc.array_sort_indices(self.ids).to_numpy().astype(np.int64)
        return None if (np.diff(order) == 1).all() else order

    @cached_property
    def _numbers(self) -> Ints:
        numbers = self.ids.to_numpy()
        return np.asarray(numbers if self._order is None else numbers[self._order])

    @cached_property
    def _texts(self) -> pa.Array:
        return self.ids if self._order is None else self.ids.take(pa.array(self._order))

    def rows(self, ids: Any) -> Ints:
        """Place of each of ``ids``, -1 where it is not there."""
        wanted = array_of(ids)
        if not len(self.ids) or not len(wanted):
            return np.full(len(wanted), -1, np.int64)
        if not self.text:
            return self._rows_of_numbers(_as_numbers(wanted))
        wanted = wanted if pa.types.is_string(wanted.type) else wanted.cast(pa.string())
        if len(wanted) > FEW:
            found = pc.index_in(wanted, self.ids)
            return np.array(found.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
        return np.array([self._row_of_text(text) for text in wanted.to_pylist()], np.int64)

    def _rows_of_numbers(self, wanted: pa.Array) -> Ints:
        numbers = wanted.fill_null(0).to_numpy()
        at = np.searchsorted(self._numbers, numbers).clip(max=len(self.ids) - 1)
        there = (self._numbers[at] == numbers) & wanted.is_valid().to_numpy(zero_copy_only=False)
        return np.where(there, at if self._order is None else self._order[at], -1)

    def _row_of_text(self, text: str | None) -> int:
        if text is None:
            return -1
        at = bisect_left(_Said(self._texts), text)
        if at == len(self.ids) or self._texts[at].as_py() != text:
            return -1
        return at if self._order is None else int(self._order[at])


class _Said:
    """An Arrow array of text as a sequence of Python's; Arrow orders it by bytes of UTF-8, Python by signs: alike."""

    def __init__(self, texts: pa.Array) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, at: int) -> str:
        return str(self.texts[at].as_py())


def _as_numbers(ids: pa.Array) -> pa.Array:
    """Integers; null in place of text that does not look as one is written."""
    if not pa.types.is_string(ids.type):
        return ids
    plain = pc.match_substring_regex(ids, NUMBER)
    return pc.if_else(plain, ids, None).cast(pa.int64())


def rows_of(known: pa.Array, ids: Any) -> Ints:
    """Place of each of ``ids`` in ``known``, -1 where it is not there."""
    return Index(known).rows(ids)


def fits(ids: pa.Array, to: pa.DataType) -> bool:
    """Whether ids can be brought to another type of ids and still look the same."""
    try:
        return bool(ids.cast(to).cast(ids.type).equals(ids))
    except pa.ArrowInvalid:
        return False


def alike(ids: pa.Array, to: pa.DataType, what: str) -> pa.Array:
    """Ids in the type of others.

    Raises:
        DataError: an id is text that does not look like a number, where the others are integers.
    """
    if ids.type == to or fits(ids, to):
        return ids.cast(to)
    bad = shown(next(one for one in ids.to_pylist() if not fits(pa.array([one]), to)))
    expected = f"expected a whole number without zeros before it, as every {what} has it"
    raise DataError(Fault("recommend.ids", f'{what} "{bad}" is text', expected, key=what))


def nothing_shared(one: pa.Array, other: pa.Array, names: tuple[str, str], key: str) -> Fault:
    """That two tables have no id in common: three of each, and whether they are numbers that are written otherwise."""
    said = [
        f"{name} has {listing([_quoted(value) for value in ids[:3].to_pylist()])}"
        for name, ids in zip(names, (one, other), strict=True)
    ]
    found = f"no id is in both tables: {said[0]}; {said[1]}"
    pair = _same_number(one, other)
    if pair is None:
        return Fault(
            "recommend.apart", found, "expected the same ids", "Look whether the right columns are named", key=key
        )
    mend = f"{_quoted(pair[0])} and {_quoted(pair[1])} are different ids: write them alike in both tables"
    return Fault("recommend.apart", found, "expected the same ids", mend, key=key)


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _same_number(one: pa.Array, other: pa.Array) -> tuple[object, object] | None:
    """An id of each that are the same but for zeros before it and blanks around it."""
    bare = [pc.utf8_ltrim(pc.utf8_trim_whitespace(ids.cast(pa.string())), characters="0") for ids in (one, other)]
    at = pc.index_in(bare[0], bare[1])
    hits = np.flatnonzero(at.is_valid().to_numpy(zero_copy_only=False))
    if not len(hits):
        return None
    first = int(hits[0])
    return one[first].as_py(), other[at[first].as_py()].as_py()
