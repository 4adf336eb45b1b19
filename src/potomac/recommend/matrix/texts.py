"""Texts that are looked up by hashing as they stream by: the table grows with what is new, and is never made anew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.stats.compiled import compiled

__all__ = ["Texts"]

Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]

BASIS, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""Of the FNV-1a hash of 64 bits (Fowler, Noll and Vo)."""


class Texts:
    """Distinct texts, and the place of each.

    Attributes:
        known: the texts in the order in which they came.
    """

    def __init__(self, known: pa.Array | None = None) -> None:
        self.known: pa.Array = pa.array([], pa.string())
        self._hashes: Hashes = np.zeros(0, np.uint64)
        self._slots: Columns = np.full(64, -1, np.int32)
        if known is not None:
            self.append(known)

    def __len__(self) -> int:
        return len(self.known)

    def append(self, new: pa.Array) -> None:
        """Texts, no two alike and none of them known, behind the others."""
        first = len(self.known)
        self.known = pa.concat_arrays([self.known, new])
        self._hashes = np.concatenate((self._hashes, _hashes(*_bytes_of(new))))
        if 2 * len(self.known) > len(self._slots):
            self._slots = np.full(4 << len(self.known).bit_length(), -1, np.int32)
            first = 0
        _entered(self._hashes, first, self._slots)

    def places(self, texts: pa.Array) -> Ints:
        """Place of each text, -1 where it is not known; none may be null."""
        return _places(*_bytes_of(texts), *_bytes_of(self.known), self._hashes, self._slots)


def _bytes_of(texts: pa.Array) -> tuple[Columns, Bytes]:
    """Where each text begins and ends, shape (n + 1,), and all their bytes."""
    _, offsets, data = texts.buffers()
    ends = np.zeros(1, np.int32) if offsets is None else np.frombuffer(offsets, np.int32)
    ends = ends[texts.offset : texts.offset + len(texts) + 1] if len(texts) else ends[:0]
    given = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    for array in (ends, given):
        array.flags.writeable = False  # one compiled function for all
    return ends, given


@compiled(nogil=True)
def _hash(data: Bytes, begin: int, end: int) -> np.uint64:
    found = BASIS
    for at in range(begin, end):
        found = (found ^ np.uint64(data[at])) * PRIME
    return found ^ (found >> np.uint64(32))


@compiled(nogil=True)
def _hashes(ends: Columns, data: Bytes) -> Hashes:
    out = np.empty(max(0, len(ends) - 1), np.uint64)
    for i in range(len(out)):
        out[i] = _hash(data, ends[i], ends[i + 1])
    return out


@compiled(nogil=True)
def _entered(hashes: Hashes, first: int, slots: Columns) -> None:
    """Put the texts from ``first`` on into the table, by linear probing."""
    mask = np.uint64(len(slots) - 1)
    for i in range(first, len(hashes)):
        at = hashes[i] & mask
        while slots[at] >= 0:
            at = (at + np.uint64(1)) & mask
        slots[at] = i


@compiled(nogil=True)
def _places(ends: Columns, data: Bytes, known_ends: Columns, known: Bytes, hashes: Hashes, slots: Columns) -> Ints:
    out = np.full(max(0, len(ends) - 1), -1, np.int64)
    mask = np.uint64(len(slots) - 1)
    for i in range(len(out)):
        begin, size = ends[i], ends[i + 1] - ends[i]
        wanted = _hash(data, begin, ends[i + 1])
        at = wanted & mask
        while slots[at] >= 0:
            k = slots[at]
            start = known_ends[k]
            if hashes[k] == wanted and known_ends[k + 1] - start == size:
                same = True
                for j in range(size):
                    if data[begin + j] != known[start + j]:
                        same = False
                        break
                if same:
                    out[i] = k
                    break
            at = (at + np.uint64(1)) & mask
    return out
