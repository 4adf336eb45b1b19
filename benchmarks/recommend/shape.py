"""Simulated interactions of the Netflix shape: 480,000 users, 18,000 items, long tails on both sides, tastes in groups.

A user draws items from what everybody likes and from three of many groups; a group prefers some items much to others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

USERS, ITEMS = 480_000, 18_000
GROUPS = 60
SHARES = np.cumsum([0.25, 0.4, 0.2, 0.15])
"""Of a user's draws, how many come from what everybody likes and from each of the three groups, cumulated."""

Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]


def simulated(
    interactions: int, users: int = USERS, items: int = ITEMS, seed: int = 0
) -> tuple[Ints, Columns]:  # fmt: skip
    """About so many interactions as compressed sparse rows: indptr of shape (users + 1,), and items."""
    rng = np.random.default_rng(seed)
    activity = rng.lognormal(0.0, 1.0, users)
    counts = np.clip(activity * (interactions / activity.sum()), 2, items / 4).astype(np.int64)
    counts = np.clip(counts * (interactions / counts.sum()), 2, items / 4).astype(np.int64)
    popularity = 1.0 / (20 + rng.permutation(items)) ** 0.9
    weights = np.vstack([popularity, *(popularity * rng.lognormal(0.0, 2.0, items) for _ in range(GROUPS))])
    tables = [_alias(one / one.mean()) for one in weights]
    keep, other = np.vstack([one[0] for one in tables]), np.vstack([one[1] for one in tables])
    groups = rng.integers(1, GROUPS + 1, (users, 3))
    indptr = np.concatenate(([0], np.cumsum(counts)))
    return _drawn(indptr, groups, keep, other, SHARES, seed)


@njit(cache=True)
def _alias(weights: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], Columns]:
    """Walker's tables for draws with weights of mean 1."""
    n = len(weights)
    keep, other = weights.copy(), np.arange(n).astype(np.int32)
    small, large, s, g = np.empty(n, np.int32), np.empty(n, np.int32), 0, 0
    for i in range(n):
        if keep[i] < 1:
            small[s] = i
            s += 1
        else:
            large[g] = i
            g += 1
    while s and g:
        s -= 1
        a, b = small[s], large[g - 1]
        other[a] = b
        keep[b] -= 1 - keep[a]
        if keep[b] < 1:
            g -= 1
            small[s] = b
            s += 1
    return keep, other


@njit(cache=True)
def _drawn(
    indptr: Ints, groups: Ints, keep: npt.NDArray[np.float64], other: Columns, shares: npt.NDArray[np.float64],
    seed: int,
) -> tuple[Ints, Columns]:  # fmt: skip
    np.random.seed(seed)  # noqa: NPY002 - in compiled code
    n, at = keep.shape[1], 0
    out, starts = np.empty(indptr[-1], np.int32), np.zeros(len(indptr), np.int64)
    had = np.full(n, -1, np.int32)
    for u in range(len(indptr) - 1):
        begin = at
        for _ in range(3 * (indptr[u + 1] - indptr[u])):
            if at - begin == indptr[u + 1] - indptr[u]:
                break
            share, table = np.random.random(), 0  # noqa: NPY002
            for g in range(3):
                if share > shares[g]:
                    table = groups[u, g]
            i = int(np.random.random() * n)  # noqa: NPY002
            if np.random.random() >= keep[table, i]:  # noqa: NPY002
                i = other[table, i]
            if had[i] != u:
                had[i] = u
                out[at] = i
                at += 1
        out[begin:at].sort()
        starts[u + 1] = at
    return starts, out[:at].copy()
