"""Lagrangian bound of the p-median: every demand point pays for being served, and sites open where that pays.

The assignment constraints are relaxed with multipliers lambda (Cornuejols, Fisher and Nemhauser 1977; Beasley 1985):

    L(lambda) = sum_i lambda_i + min over p sites of sum_j rho_j,   rho_j = sum_i min(0, c_ij - lambda_i).

It is raised by subgradient steps whose direction remembers the last (Camerini, Fratta and Maffioli 1975). At each new
best the sites whose reduced cost proves that they are, or are not, in any better answer are fixed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.location.fixing import FREE, IN, OUT, fix
from potomac.stats.compiled import compiled

__all__ = ["FREE", "IN", "OUT", "ascend"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]


@compiled(nogil=True)
def _sums(lists: Any, multiplier: Floats, rho: Floats) -> None:
    """Set rho of all candidates; a row is read as far as it pays."""
    rho[:] = 0.0
    for i in range(len(multiplier)):
        most = multiplier[i]
        for k in range(lists.start[i], lists.start[i + 1]):
            c = lists.cost[k]
            if c >= most:
                break
            rho[lists.site[k]] += c - most


@compiled(nogil=True)
def _chosen(rho: Floats, status: Bytes, p: int, taken: Any) -> tuple[float, float, float]:
    """Choose the sites that are in, and of the free ones the cheapest to make p.

    Returns:
        The sum of their rho, the largest rho of a free one chosen, and the smallest of a free one left.
    """
    m, inside, free = len(rho), 0, 0
    pool = np.empty(m)
    value = 0.0
    for j in range(m):
        taken[j] = status[j] == 1
        if status[j] == 1:
            inside += 1
            value += rho[j]
        elif status[j] == 0:
            pool[free] = rho[j]
            free += 1
    need = p - inside
    if need == 0:
        least = np.inf
        for k in range(free):
            least = min(least, pool[k])
        return value, -np.inf, least
    pool = pool[:free]
    if need < free:
        pool = np.partition(pool, need)
        limit = pool[:need].max()
        after = pool[need]
    else:
        limit, after = pool.max(), np.inf
    left = need
    for j in range(m):
        if status[j] == 0 and rho[j] < limit:
            taken[j] = True
            value += rho[j]
            left -= 1
    for j in range(m):
        if left > 0 and status[j] == 0 and rho[j] == limit:
            taken[j] = True
            value += rho[j]
            left -= 1
    return value, limit, after


@compiled(nogil=True)
def ascend(
    lists: Any, status: Bytes, p: int, multiplier: Floats, floor: Floats, goal: float, rounds: int, theta: float,
    patience: int, share: Floats, rho_best: Floats, memory: float,
) -> tuple[float, float, int]:  # fmt: skip
    """Raise the bound by subgradient steps.

    Args:
        lists: costs; rows are valid below ``lists.reach``, and so multipliers stay below it.
        status: FREE, IN or OUT for each candidate, (m,); what is fixed by reduced cost is written into it.
        p: sites to open.
        multiplier: where to start, (n,); the best is written into it.
        floor: least multiplier worth having (cost of the nearest candidate), (n,).
        goal: stop at this bound: what is proven worse than the goal is not sought.
        rounds: most steps.
        theta: length of the first step as a share of the step to the goal.
        patience: steps without a better bound after which theta is halved.
        share: running mean of how often each candidate is chosen, (m,); read and written.
        rho_best: rho at the best multipliers, (m,); written.
        memory: weight of the last direction in the next, 0 <= memory < 1.

    Returns:
        The bound, theta at the end, and the steps made. A bound of at least ``goal`` (infinite where the sites that
        are fixed leave no way to open p) proves that nothing better than the goal is left.
    """
    n, m = len(multiplier), len(status)
    rho, taken = np.empty(m), np.zeros(m, np.bool_)
    now, direction, step = multiplier.copy(), np.zeros(n), np.empty(n)
    best, stale, made = -np.inf, 0, 0
    for made in range(1, rounds + 1):
        inside, free = 0, 0
        for j in range(m):
            inside += status[j] == 1
            free += status[j] == 0
        if inside > p or inside + free < p:
            return np.inf, theta, made
        _sums(lists, now, rho)
        value, limit, after = _chosen(rho, status, p, taken)
        value += now.sum()
        for j in range(m):
            share[j] += 0.05 * (taken[j] - share[j])
        if value > best:
            if value > best + 1e-7 * abs(value):
                stale = 0
            best = value
            multiplier[:], rho_best[:] = now, rho
            if best >= goal:
                return best, theta, made
            fix(rho, status, taken, value, goal, limit, after)
        else:
            stale += 1
        if stale >= patience:
            stale = 0
            theta *= 0.5
            now[:] = multiplier
            direction[:] = 0.0
            if theta < 1e-4:
                break
            continue
        step[:] = 1.0
        for j in range(m):
            if taken[j]:
                for k in range(lists.below[j], lists.below[j + 1]):
                    if lists.toll[k] < now[lists.row[k]]:
                        step[lists.row[k]] -= 1.0
        square = 0.0
        for i in range(n):
            direction[i] = step[i] + memory * direction[i]
            square += direction[i] * direction[i]
        if square == 0.0:
            break
        beyond = 1e-6 * max(abs(goal), abs(value))  # steps to the goal itself would come near it and never reach it
        length = theta * (goal + beyond - value) / square
        for i in range(n):
            now[i] = min(max(now[i] + length * direction[i], floor[i]), lists.reach[i])
    return best, theta, made
