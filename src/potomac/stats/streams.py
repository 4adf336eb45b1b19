"""Keyed random streams: the same key gives the same numbers, whatever else is drawn elsewhere.

A stream is named by (seed, path of names and integers). Child streams are independent by construction
(Salmon, Moraes, Dror and Shaw 2011, counter-based generators; here NumPy's Philox keyed through SeedSequence),
so replication 17 alone equals replication 17 of 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

__all__ = ["Stream", "row_uniform"]


def _key(part: int | str) -> int:
    data = f"{type(part).__name__}:{part}".encode()
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Stream:
    """A place in the tree of random streams. Cheap to make and to pass on; draws nothing itself."""

    seed: int
    path: tuple[int | str, ...] = ()

    def child(self, *names: int | str) -> Stream:
        """The stream below this one called ``names``."""
        return Stream(self.seed, self.path + names)

    def generator(self) -> np.random.Generator:
        """A fresh generator at the start of this stream."""
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self.integer())))

    def integer(self) -> int:
        """A 128-bit integer that stands for this stream, for libraries that want a seed."""
        data = b"".join(_key(part).to_bytes(8, "little") for part in (self.seed, *self.path))
        return int.from_bytes(blake2b(data, digest_size=16).digest(), "little")

    def seed32(self) -> int:
        """A 31-bit seed for libraries that take no more."""
        return self.integer() % (2**31 - 1)


def row_uniform(rows: npt.NDArray[np.int64], stream: Stream, draw: int = 0) -> npt.NDArray[np.float64]:
    """A uniform number in [0, 1) for each row number, independent of order and batch size.

    Args:
        rows: row numbers, shape (n,).
        stream: the stream that keys the draws.
        draw: which of the row's numbers.

    Returns:
        Shape (n,). SplitMix64 (Steele, Lea and Flood 2014) of row and key.
    """
    key = np.uint64(stream.child("row", draw).integer() & 0xFFFFFFFFFFFFFFFF)
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + key
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
