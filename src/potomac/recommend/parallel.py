"""Rows in parts, a thread each: the parts never meet, so their number changes no result."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

__all__ = ["in_parts"]

Part = TypeVar("Part")

SMALL = 1 << 22
"""Work (multiplications) that a second thread is not worth."""

PARTS = 4
"""Parts a thread: who is through takes the next."""


def in_parts(work: npt.NDArray[np.int64], run: Callable[[int, int], Part]) -> list[Part]:
    """What ``run(first, last)`` gives for ranges of rows that are about equal in work, in order.

    Args:
        work: multiplications of each row, shape (n,).
        run: does rows ``first`` up to but without ``last``; it must let other threads go on (``nogil``).
    """
    done = np.cumsum(work)
    total, threads = int(done[-1]) if len(done) else 0, int(get_num_threads())
    if threads < 2 or total < SMALL:
        return [run(0, len(work))]
    ends = np.searchsorted(done, np.linspace(0, total, threads * PARTS + 1)[1:-1], side="right")
    edges = np.unique(np.concatenate(([0], ends, [len(work)]))).tolist()
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, edges[:-1], edges[1:]))
