"""Sites without limits, where everyone is served by the cheapest: dual ascent, and local search that adds and drops.

Dual ascent raises what each demand point pays in turn until sites pay for themselves (Bilde and Krarup 1977;
Erlenkotter 1978). The search opens, closes or exchanges the site by which most is saved; what each saves follows from
the cheapest and the second cheapest site of every demand point (Whitaker 1983; Resende and Werneck 2006).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["interchanged", "raised"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

EXCHANGES = 20_000_000
"""Pairs of an open site and a candidate up to which exchanges are looked at."""


@compiled(nogil=True)
def raised(cost: Floats, opening: Floats, status: Bytes) -> Floats:
    """What each demand point pays (multipliers) when none can pay more without a site being paid twice, (n,).

    Args:
        cost: infinite where a candidate cannot serve, (n, m).
        opening: (m,).
        status: 1 where a candidate is a site anyway, and -1 where it may not be, (m,).
    """
    n, m = cost.shape
    slack, pays = np.empty(m), np.empty(n)
    rank, place = np.empty((n, m), np.int32), np.empty(n, np.int64)
    for j in range(m):
        slack[j] = opening[j] if status[j] == 0 else 0.0 if status[j] == 1 else np.inf
    row = np.empty(m)
    for i in range(n):
        for j in range(m):
            row[j] = cost[i, j] if status[j] != -1 else np.inf
        rank[i] = np.argsort(row)
        pays[i] = row[rank[i, 0]]
        place[i] = 1
    going = np.ones(n, np.bool_)
    left = n
    while left > 0:
        for i in range(n):
            if not going[i]:
                continue
            while place[i] < m and cost[i, rank[i, place[i]]] <= pays[i] and status[rank[i, place[i]]] != -1:
                place[i] += 1  # as cheap
            most = np.inf
            for k in range(place[i]):
                most = min(most, slack[rank[i, k]])
            following = np.inf
            if place[i] < m and status[rank[i, place[i]]] != -1:
                following = cost[i, rank[i, place[i]]] - pays[i]
            rise = min(most, following)
            for k in range(place[i]):
                slack[rank[i, k]] -= rise
            pays[i] += rise
            if most <= following:
                going[i] = False
                left -= 1
    return pays


@compiled(nogil=True)
def _two(cost: Floats, inside: Bools, first: Ints, d1: Floats, d2: Floats) -> None:
    """Cheapest and second cheapest open site of every demand point."""
    n, m = cost.shape
    for i in range(n):
        first[i], d1[i], d2[i] = -1, np.inf, np.inf
        for j in range(m):
            if inside[j] and cost[i, j] < d2[i]:
                if cost[i, j] < d1[i]:
                    first[i], d1[i], d2[i] = j, cost[i, j], d1[i]
                else:
                    d2[i] = cost[i, j]


@compiled(nogil=True)
def _savings(
    cost: Floats, opening: Floats, inside: Bools, first: Ints, d1: Floats, d2: Floats, slot: Ints, far: float,
    gain: Floats, loss: Floats, extra: Floats,
) -> None:  # fmt: skip
    """What opening each candidate saves, what closing each site loses, and what an exchange saves beyond both."""
    n, m = cost.shape
    gain[:], loss[:] = -opening, -opening
    extra[:] = 0.0
    exchange = extra.shape[0] > 1
    for i in range(n):
        second = min(d2[i], far)
        loss[first[i]] += second - d1[i]
        s = slot[first[i]]
        for j in range(m):
            c = cost[i, j]
            if c >= second or inside[j]:
                continue
            gain[j] += max(d1[i] - c, 0.0)
            if exchange:
                extra[s, j] += second - max(c, d1[i])


@compiled(nogil=True)
def interchanged(
    cost: Floats, opening: Floats, status: Bytes, sites: Ints, least: int, most: int, far: float, near: float,
    moves: int,
) -> Ints:  # fmt: skip
    """Open, close or exchange sites as long as that saves more than ``near``, ascending.

    Args:
        cost: ``far`` or more where a candidate cannot serve, (n, m).
        opening: (m,).
        status: 1 where a candidate must be a site and -1 where it may not, (m,).
        sites: where to begin.
        least, most: how many sites there may be.
        far: more than all that can be saved.
        near: savings that are smaller are none.
        moves: most steps.
    """
    n, m = cost.shape
    inside = np.zeros(m, np.bool_)
    inside[sites] = True
    first, d1, d2 = np.empty(n, np.int64), np.empty(n), np.empty(n)
    gain, loss, slot = np.empty(m), np.empty(m), np.full(m, -1, np.int64)
    for _ in range(moves):
        count = 0
        for j in range(m):
            slot[j] = count if inside[j] else -1
            count += inside[j]
        extra = np.zeros((count if count * m <= EXCHANGES else 1, m))
        _two(cost, inside, first, d1, d2)
        _savings(cost, opening, inside, first, d1, d2, slot, far, gain, loss, extra)
        best, opened, closed = near, -1, -1
        for k in range(m):
            if not inside[k] or status[k] == 1:
                continue
            if count > least and -loss[k] > best:
                best, opened, closed = -loss[k], -1, k
            if len(extra) < count:
                continue
            for j in range(m):
                if not inside[j] and status[j] == 0 and gain[j] - loss[k] + extra[slot[k], j] > best:
                    best, opened, closed = gain[j] - loss[k] + extra[slot[k], j], j, k
        for j in range(m):
            if count < most and not inside[j] and status[j] == 0 and gain[j] > best:
                best, opened, closed = gain[j], j, -1
        if opened < 0 and closed < 0:
            break
        if opened >= 0:
            inside[opened] = True
        if closed >= 0:
            inside[closed] = False
    return np.flatnonzero(inside)
