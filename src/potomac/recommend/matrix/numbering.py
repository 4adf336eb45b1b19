"""Ids numbered as they stream by: one pass counts them, the next gives each its place in ascending order."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.recommend.matrix.ids import array_of
from potomac.recommend.matrix.texts import Texts
from potomac.stats.compiled import compiled

__all__ = ["Numbering", "compact", "numbering_of"]

Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]

DENSE = 1 << 25
"""Integers that lie within so many of one another are looked up in a table, others by hashing."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2 ** 64 over the golden ratio: it spreads neighbouring integers (Knuth, volume 3, section 6.4)."""


class Numbering(Protocol):
    """First all ids are added, then it is closed, then numbers are asked for."""

    def add(self, ids: Any) -> None:
        """Count ids as :func:`compact` gives them."""

    def close(self) -> tuple[pa.Array, Ints]:
        """The distinct ids in ascending order, and how often each came."""

    def numbers(self, ids: Any) -> Columns:
        """Place of each id among the distinct ones; -1 for one that was not added."""


def compact(ids: pa.Array) -> Any:
    """A batch of ids as it is numbered: integers of 32 or 64 bits, or text as an Arrow dictionary. None may be null.

    Raises:
        DataError: they are neither integers nor text.
    """
    if pa.types.is_dictionary(ids.type) and not pa.types.is_integer(ids.type.value_type):
        return pa.DictionaryArray.from_arrays(ids.indices, array_of(ids.dictionary))
    if pa.types.is_int32(ids.type):
        return ids.to_numpy()
    found = array_of(ids)
    return found.dictionary_encode() if pa.types.is_string(found.type) else found.to_numpy()


def numbering_of(first: Any) -> Numbering:
    """An empty numbering for ids such as these."""
    return _Text() if isinstance(first, pa.Array) else _Integers()


# -------------------------------------------------------------------------------------- text


class _Text:
    def __init__(self) -> None:
        self.texts = Texts()
        self.counts: Ints = np.zeros(0, np.int64)

    def add(self, ids: Any) -> None:
        counts = np.bincount(ids.indices.to_numpy(), minlength=len(ids.dictionary))
        places = self.texts.places(ids.dictionary)
        new = np.flatnonzero((places < 0) & (counts > 0))
        places[new] = len(self.texts) + np.arange(len(new))
        if len(new):
            self.texts.append(ids.dictionary.take(pa.array(new)))
        self.counts = np.concatenate((self.counts, np.zeros(len(new), np.int64)))
        there = counts > 0
        self.counts[places[there]] += counts[there]

    def close(self) -> tuple[pa.Array, Ints]:
        order = pc.array_sort_indices(self.texts.known)
        self.texts, self.counts = Texts(self.texts.known.take(order)), self.counts[order.to_numpy()]
        return self.texts.known, self.counts

    def numbers(self, ids: Any) -> Columns:
        found: Columns = self.texts.places(ids.dictionary).astype(np.int32)[ids.indices.to_numpy()]
        return found


# -------------------------------------------------------------------------------------- integers


class _Integers:
    """Counts in a table from the smallest to the largest id, as long as that is of a sensible size; else hashed."""

    def __init__(self) -> None:
        self.seen = 0
        self.low = 0
        self.counts: Columns = np.zeros(0, np.int32)
        self.keys: Ints | None = None
        self.used = 0

    def add(self, ids: Any) -> None:
        if not len(ids):
            return
        self.seen += len(ids)
        if self.keys is None and not self._reaches(int(ids.min()), int(ids.max())):
            self._hash()
        if self.keys is None:
            _count(ids, self.low, self.counts)
        else:
            self._add_hashed(ids)

    def _reaches(self, low: int, high: int) -> bool:
        """Make the table reach from ``low`` to ``high``; False where that would be too long."""
        size = len(self.counts)
        if size and self.low <= low and high < self.low + size:
            return True
        first = min(low, self.low) if size else low
        last = max(high, self.low + size - 1) if size else high
        if last - first >= min(DENSE, max(1 << 16, 64 * self.seen)):
            return False
        wider = np.zeros(max(last - first + 1, min(DENSE, 2 * size)), np.int32)
        if size:
            wider[self.low - first : self.low - first + size] = self.counts
        self.low, self.counts = first, wider
        return True

    def _hash(self) -> None:
        there = np.flatnonzero(self.counts)
        keys, counts = there + self.low, self.counts[there]
        self._room(max(1 << 12, 4 * len(keys)))
        self._insert(keys, counts)

    def _room(self, least: int) -> None:
        capacity = 1 << (least - 1).bit_length()
        self.keys, self.counts, self.used = np.zeros(capacity, np.int64), np.zeros(capacity, np.int32), 0

    def _insert(self, keys: Ints, counts: Columns) -> None:
        assert self.keys is not None  # noqa: S101 - a table was made
        self.used = int(_insert_hashed(keys, counts, self.keys, self.counts))

    def _add_hashed(self, ids: Any) -> None:
        assert self.keys is not None  # noqa: S101 - the caller has looked
        at = 0
        while True:
            at, self.used = _count_hashed(ids, at, self.keys, self.counts, self.used)
            if at == len(ids):
                return
            there = np.flatnonzero(self.counts)
            keys, counts = self.keys[there], self.counts[there]
            self._room(4 * len(self.keys))
            self._insert(keys, counts)

    def close(self) -> tuple[pa.Array, Ints]:
        there = np.flatnonzero(self.counts)
        ids = there + self.low if self.keys is None else self.keys[there]
        order = np.argsort(ids, kind="stable")
        counts = self.counts[there][order].astype(np.int64)
        self.counts[:] = -1  # from here on the table holds the numbers
        self.counts[there[order]] = np.arange(len(there), dtype=np.int32)
        return pa.array(ids[order]), counts

    def numbers(self, ids: Any) -> Columns:
        if self.keys is None:
            return _numbers(ids, self.low, self.counts)
        return _numbers_hashed(ids, self.keys, self.counts)


@compiled(nogil=True)
def _count(ids: Ints, low: int, counts: Columns) -> None:
    for i in ids:
        counts[i - low] += 1


@compiled(nogil=True)
def _numbers(ids: Ints, low: int, number: Columns) -> Columns:
    out = np.empty(len(ids), np.int32)
    for e in range(len(ids)):
        place = ids[e] - low
        out[e] = number[place] if 0 <= place < len(number) else -1
    return out


@compiled(nogil=True)
def _slot(key: int, keys: Ints, taken: Columns, empty: int) -> int:
    """Where a key is, or would be, by linear probing."""
    mask = len(keys) - 1
    at = int((np.uint64(key) * MULTIPLIER) >> np.uint64(32)) & mask
    while taken[at] != empty and keys[at] != key:
        at = (at + 1) & mask
    return at


@compiled(nogil=True)
def _count_hashed(ids: Ints, start: int, keys: Ints, counts: Columns, used: int) -> tuple[int, int]:
    """Count from ``start`` on, until half of the table is used; how far it came."""
    for e in range(start, len(ids)):
        at = _slot(ids[e], keys, counts, 0)
        if counts[at] == 0:
            if 2 * used >= len(keys):
                return e, used
            keys[at] = ids[e]
            used += 1
        counts[at] += 1
    return len(ids), used


@compiled(nogil=True)
def _insert_hashed(new: Ints, counts_of: Columns, keys: Ints, counts: Columns) -> int:
    for e in range(len(new)):
        at = _slot(new[e], keys, counts, 0)
        keys[at] = new[e]
        counts[at] = counts_of[e]
    return len(new)


@compiled(nogil=True)
def _numbers_hashed(ids: Ints, keys: Ints, number: Columns) -> Columns:
    out = np.empty(len(ids), np.int32)
    for e in range(len(ids)):
        at = _slot(ids[e], keys, number, -1)
        out[e] = number[at]  # -1 where the slot is empty
    return out
