"""Work on many rows, one thread a core: what comes out must not depend on how the rows are cut."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

__all__ = ["cores", "cuts", "shared_out"]

Ints = npt.NDArray[np.int64]


def cores() -> int:
    """How many threads compute at once."""
    return int(get_num_threads())


def cuts(indptr: Ints, parts: int) -> list[int]:
    """Where to cut rows, so that each part has about as many entries: from 0 to the number of rows, ascending."""
    goals = np.linspace(0, indptr[-1], parts + 1)[1:-1]
    return [0, *np.searchsorted(indptr, goals).clip(0, len(indptr) - 1).tolist(), len(indptr) - 1]


def shared_out(work: Callable[[int, int], object], edges: list[int], threads: int | None = None) -> None:
    """Call ``work(first, last)`` for each pair of neighbouring edges; in threads, where ``work`` lets go of the GIL."""
    pairs = [(a, b) for a, b in pairwise(edges) if a < b]
    most = threads or cores()
    if most == 1 or len(edges) <= 2:
        for first, last in pairs:
            work(first, last)
        return
    with ThreadPoolExecutor(most) as pool:
        list(pool.map(lambda pair: work(*pair), pairs))
