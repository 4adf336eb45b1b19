"""Who serves whom where demand points may share their demand among sites: the transportation problem (Hitchcock 1941).

Everyone begins at the cheapest site, whatever its capacity. Demand that is too much is then moved along the cheapest
ways from site to site, each step of which takes the demand point that loses the least a unit (successive shortest
paths; Jewell 1958; Ford and Fulkerson 1962), so that each flow on the way is the cheapest of its loads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["transport"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@compiled(nogil=True)
def _edges(unit: Floats, flow: Floats, a: int, step: Floats, by: Ints, small: float) -> None:
    """What a unit moved from site a to each other costs at least, and whose it is."""
    n, s = unit.shape
    step[a] = np.inf
    for i in range(n):
        if flow[i, a] > small:
            for b in range(s):
                c = unit[i, b] - unit[i, a]
                if c < step[a, b] and b != a:
                    step[a, b], by[a, b] = c, i


@compiled(nogil=True)
def _ways(step: Floats, source: int, length: Floats, before: Ints) -> None:
    """Shortest ways from one site (Bellman 1958; Ford 1956)."""
    s = len(step)
    length[:], before[:] = np.inf, -1
    length[source] = 0.0
    for _ in range(s):
        changed = False
        for a in range(s):
            if length[a] == np.inf:
                continue
            for b in range(s):
                far = length[a] + step[a, b]
                if b != source and far < length[b] - 1e-12 * (abs(length[a]) + abs(far)):
                    length[b], before[b] = far, a
                    changed = True
        if not changed:
            return


@compiled(nogil=True)
def _moved(flow: Floats, by: Ints, before: Ints, source: int, sink: int, most: float) -> float:
    """Move as much as can be, at most ``most``, along a way; how much it was."""
    b, steps = sink, 0
    while b != source and steps <= len(before):
        a = before[b]
        most = min(most, flow[by[a, b], a])
        b = a
        steps += 1
    if steps > len(before):  # a ring: rounding alone can have made it
        return 0.0
    b = sink
    while b != source:
        a = before[b]
        flow[by[a, b], a] -= most
        flow[by[a, b], b] += most
        b = a
    return most


@compiled(nogil=True)
def transport(cost: Floats, demand: Floats, capacity: Floats, sites: Ints) -> tuple[float, Floats, Bools]:
    """The cheapest way to serve all demand from some sites.

    Args:
        cost: of serving each demand point in full from each candidate, infinite where it cannot, (n, m).
        demand: at least 0, (n,).
        capacity: of each candidate, (m,).
        sites: which candidates are sites, (s,).

    Returns:
        The cost, the share of each demand point that each site serves, (n, s), and where the cost is infinite the
        sites, (s,), that are too small for the demand points which only they can serve.
    """
    n, s = len(demand), len(sites)
    unit, flow, share = np.empty((n, s)), np.zeros((n, s)), np.zeros((n, s))
    load, blocked, total, fixed = np.zeros(s), np.zeros(s, np.bool_), 0.0, 0.0
    for i in range(n):
        best = 0
        for a in range(s):
            c = cost[i, sites[a]]
            unit[i, a] = c / demand[i] if demand[i] > 0.0 else c
            if unit[i, a] < unit[i, best]:
                best = a
        if unit[i, best] == np.inf:
            return np.inf, share, blocked
        if demand[i] > 0.0:
            flow[i, best] = demand[i]
            load[best] += demand[i]
            total += demand[i]
        else:
            share[i, best] = 1.0
            fixed += unit[i, best]
    small = 1e-12 * total
    step, by = np.empty((s, s)), np.zeros((s, s), np.int64)
    length, before = np.empty(s), np.empty(s, np.int64)
    for a in range(s):
        _edges(unit, flow, a, step, by, small)
    for _ in range(200 * (n + s)):
        source = -1
        for a in range(s):
            if load[a] - capacity[sites[a]] > small * n and (
                source < 0 or load[a] - capacity[sites[a]] > load[source] - capacity[sites[source]]
            ):
                source = a
        if source < 0:
            break
        _ways(step, source, length, before)
        sink = -1
        for b in range(s):
            if capacity[sites[b]] - load[b] > small and length[b] < np.inf and (sink < 0 or length[b] < length[sink]):
                sink = b
        if sink < 0:
            for b in range(s):
                blocked[b] = length[b] < np.inf
            return np.inf, share, blocked
        most = min(load[source] - capacity[sites[source]], capacity[sites[sink]] - load[sink])
        most = _moved(flow, by, before, source, sink, most)
        if most == 0.0:
            return np.inf, share, blocked
        load[source] -= most
        load[sink] += most
        _edges(unit, flow, source, step, by, small)
        while sink != source:
            _edges(unit, flow, sink, step, by, small)
            sink = before[sink]
    value = fixed
    for i in range(n):
        for a in range(s):
            if flow[i, a] > small:
                share[i, a] = flow[i, a] / demand[i]
                value += share[i, a] * cost[i, sites[a]]
    return value, share, blocked
