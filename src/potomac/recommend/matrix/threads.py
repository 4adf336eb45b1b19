"""Work on many rows, one thread a core: parts never meet, so what comes out does not depend on how rows are cut."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

__all__ = ["cores", "cuts", "in_parts", "shared_out"]

Ints = npt.NDArray[np.int64]
Part = TypeVar("Part")

SMALL = 1 << 22
"""Work (multiplications) that a second thread is not worth."""

PARTS = 4
"""Parts a thread: who is through takes the next."""


def cores() -> int:
    """How many threads compute at once."""
    return int(get_num_threads())


def cuts(indptr: Ints, parts: int) -> list[int]:
    """Where to cut rows, so that each part has about as many entries: from 0 to the number of rows, ascending."""
    goals = np.linspace(0, indptr[-1], parts + 1)[1:-1]
    return [0, *np.searchsorted(indptr, goals).clip(0, len(indptr) - 1).tolist(), len(indptr) - 1]


def shared_out(work: Callable[[int, int], Part], edges: list[int], threads: int | None = None) -> list[Part]:
    """What ``work(first, last)`` gives for each pair of neighbouring edges that differ, in order.

    In threads, where there are several pairs: ``work`` must let go of the GIL for others to go on.
    """
    pairs = [(a, b) for a, b in pairwise(edges) if a < b]
    most = threads or cores()
    if most == 1 or len(pairs) <= 1:
        return [work(first, last) for first, last in pairs]
    with ThreadPoolExecutor(most) as pool:
        return list(pool.map(lambda pair: work(*pair), pairs))


def in_parts(work: Ints, run: Callable[[int, int], Part]) -> list[Part]:
    """What ``run(first, last)`` gives for ranges of rows that are about equal in work, in order.

    Args:
        work: multiplications of each row, shape (n,).
        run: does rows ``first`` up to but without ``last``; once for all, where there is little to do.
    """
    done = np.cumsum(work)
    if cores() < 2 or not len(done) or done[-1] < SMALL:
        return [run(0, len(work))]
    ends = np.searchsorted(done, np.linspace(0, done[-1], cores() * PARTS + 1)[1:-1], side="right")
    return shared_out(run, [0, *ends.tolist(), len(work)])
