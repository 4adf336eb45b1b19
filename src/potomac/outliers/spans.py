"""Rows in spans, a span a thread: for compiled loops that release the interpreter's lock.

Numba's own layer of threads may end the process when two threads of a server use it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import get_num_threads

__all__ = ["in_spans"]

_LEAST = 20_000


def in_spans(rows: int, work: Callable[[int, int], object], least: int = _LEAST) -> None:
    """Call ``work(start, end)`` for spans that make up ``rows``; the results must not depend on how they are cut."""
    parts = min(4 * get_num_threads(), rows // least)
    if parts <= 1:
        work(0, rows)
        return
    edges = np.linspace(0, rows, parts + 1).astype(int).tolist()
    with ThreadPoolExecutor(get_num_threads()) as threads:
        list(threads.map(work, edges[:-1], edges[1:]))
