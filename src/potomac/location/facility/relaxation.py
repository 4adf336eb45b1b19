"""Lagrangian bound of facility location: every demand point pays for being served, and sites open where that pays.

The assignment constraints are relaxed with multipliers lambda (Geoffrion and McBride 1978; Pirkul 1987; Beasley 1988):

    L(lambda) = sum_i lambda_i + min over sets of sites of sum_j w_j,      w_j = f_j - K_j(lambda),
    K_j(lambda) = max sum_i (lambda_i - c_ij) x_ij   with  sum_i d_i x_ij <= b_j,

where x_ij is 0 or 1 if a demand point has one site alone, and between them otherwise. The first knapsack is solved by
branch and bound (Horowitz and Sahni 1974), the second by the order of profit a unit (Dantzig 1957).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.location.fixing import FREE, IN, OUT, fix
from potomac.stats.compiled import compiled

__all__ = ["FREE", "IN", "NODES", "OUT", "Pairs", "ascend", "dearer", "listed"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]


FLAT = 1e-9
"""What is served of a demand point differs from all of it by rounding alone."""

SLACK = 1e-6
"""Relative profit that is not sought any more in a knapsack."""

NODES = 300
"""Steps of branch and bound in a knapsack, after which its linear relaxation has to do."""


class Pairs(NamedTuple):
    """Which demand points each candidate may serve, and at what cost: those of j are start[j] to start[j + 1]."""

    start: Ints
    row: Int32s
    cost: Floats


@compiled(nogil=True)
def _filled(cost: Floats, status: Bytes, start: Ints, row: Int32s, value: Floats) -> None:
    """Count the pairs of each candidate into ``start``, and list them where there is room."""
    n, m = cost.shape
    at = start.copy()
    for i in range(n):
        for j in range(m):
            if status[j] != -1 and cost[i, j] < np.inf:
                if len(row):
                    row[at[j]], value[at[j]] = i, cost[i, j]
                at[j] += 1
    if not len(row):
        start[1:] = np.cumsum(at[:-1])


def listed(cost: Floats, status: Bytes) -> Pairs:
    """The pairs of ``cost`` (n, m) that are finite, by candidate; none of those that are out."""
    start = np.zeros(cost.shape[1] + 1, np.int64)
    _filled(cost, status, start, np.zeros(0, np.int32), np.zeros(0))
    row, value = np.empty(start[-1], np.int32), np.empty(start[-1])
    _filled(cost, status, start, row, value)
    return Pairs(start, row, value)


@compiled(nogil=True)
def _packed(profit: Floats, weight: Floats, ratio: Floats, many: int, room: float, nodes: int, out: Floats) -> float:
    """Pack items of the most profit into ``room``; an upper bound of it, which is met unless ``nodes`` ran out.

    Args:
        profit: above 0, (many,) used.
        weight: at least 0, each at most ``room`` where items are whole.
        ratio: profit a unit of weight.
        many: how many items.
        room: most weight.
        nodes: most steps; 0: items may be cut.
        out: share of each item that is packed, written.
    """
    total, held = 0.0, 0.0
    for k in range(many):
        total += weight[k]
        held += profit[k]
    if total <= room:
        out[:many] = 1.0
        return held
    order = np.argsort(-ratio[:many])
    out[:many] = 0.0
    if nodes == 0:
        left, value = room, 0.0
        for k in order:
            share = 1.0 if weight[k] <= left else left / weight[k]
            out[k] = share
            value += share * profit[k]
            left -= share * weight[k]
            if share < 1.0:
                break
        return value
    return _searched(profit, weight, order, room, nodes, out)


@compiled(nogil=True)
def _searched(profit: Floats, weight: Floats, order: Ints, room: float, nodes: int, out: Floats) -> float:
    """Depth first over items in order of ratio; see ``_packed``."""
    many = len(order)
    inside = np.zeros(many, np.bool_)
    best, value, left, k, made, root = -1.0, 0.0, room, 0, 0, -1.0
    while True:
        bound, rest, i = value, left, k
        while i < many and weight[order[i]] <= rest:
            rest -= weight[order[i]]
            bound += profit[order[i]]
            i += 1
        if i < many:
            bound += rest * profit[order[i]] / weight[order[i]]
        if root < 0.0:
            root = bound
        made += 1
        if made > nodes:
            return root
        if bound > best + SLACK * root:
            while k < i:  # they fit one after another
                left -= weight[order[k]]
                value += profit[order[k]]
                inside[k] = True
                k += 1
            if k < many:  # the next does not
                k += 1
                if k < many:
                    continue
            if value > best:
                best = value
                for a in range(many):
                    out[order[a]] = 1.0 if inside[a] else 0.0
        k = min(k, many) - 1
        while k >= 0 and not inside[k]:
            k -= 1
        if k < 0:
            return min(best + SLACK * root, root)
        inside[k] = False
        left += weight[order[k]]
        value -= profit[order[k]]
        k += 1


@compiled(nogil=True)
def _worth(
    pairs: Any, demand: Floats, capacity: Floats, opening: Floats, status: Bytes, multiplier: Floats, nodes: int,
    worth: Floats, served: Floats,
) -> None:  # fmt: skip
    """Set w_j of all candidates that are not out, and the share of each pair that is served."""
    most = 0
    for j in range(len(worth)):
        most = max(most, pairs.start[j + 1] - pairs.start[j])
    profit, weight, ratio, out = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    place = np.empty(most, np.int64)
    for j in range(len(worth)):
        worth[j] = np.inf
        if status[j] == -1:
            continue
        many = 0
        for k in range(pairs.start[j], pairs.start[j + 1]):
            served[k] = 0.0
            i = pairs.row[k]
            gain = multiplier[i] - pairs.cost[k]
            if gain > 0.0 and (nodes == 0 or demand[i] <= capacity[j]):
                profit[many], weight[many], place[many] = gain, demand[i], k
                ratio[many] = gain / demand[i] if demand[i] > 0.0 else np.inf
                many += 1
        worth[j] = opening[j] - _packed(profit, weight, ratio, many, capacity[j], nodes, out)
        for a in range(many):
            served[place[a]] = out[a]


@compiled(nogil=True)
def _chosen(worth: Floats, status: Bytes, least: int, most: int, taken: Any) -> tuple[float, float, float]:
    """Choose the sites that are in, and the cheapest free ones: as many as pay, at least ``least``, at most ``most``.

    Returns:
        The sum of their w, what dropping the dearest saves, and what another one in place of one that is dropped costs:
        0 where their number is not forced.
    """
    m, inside, free, value = len(worth), 0, 0, 0.0
    pool = np.empty(m)
    place = np.empty(m, np.int64)
    for j in range(m):
        taken[j] = status[j] == 1
        if status[j] == 1:
            inside += 1
            value += worth[j]
        elif status[j] == 0:
            pool[free], place[free] = worth[j], j
            free += 1
    order = np.argsort(pool[:free])
    count = 0
    for a in order:
        if inside + count >= most or (inside + count >= least and pool[a] >= 0.0):
            break
        taken[place[a]] = True
        value += pool[a]
        count += 1
    last = pool[order[count - 1]] if count > 0 else -np.inf
    after = pool[order[count]] if count < free else np.inf
    if inside + count > least:  # one may be dropped and none put in its place
        after = min(after, 0.0) if inside + count == most else 0.0
    if inside + count < most:  # one may be added and none dropped
        last = max(last, 0.0) if inside + count == least else 0.0
    return value, last, after


@compiled(nogil=True)
def _error(worth: Floats, taken: Any, multiplier: Floats) -> float:
    """By how much rounding may have raised the bound: much only where multipliers have grown beyond all costs."""
    size = np.abs(multiplier).sum()
    for j in range(len(worth)):
        if taken[j]:
            size += abs(worth[j])
    return 1e-13 * float(size)


@compiled(nogil=True)
def ascend(
    pairs: Any, demand: Floats, capacity: Floats, opening: Floats, status: Bytes, least: int, most: int,
    multiplier: Floats, floor: Floats, goal: float, rounds: int, nodes: int, theta: float, patience: int,
    memory: float, share: Floats, worth_best: Floats, served_best: Floats, direction: Floats,
) -> tuple[float, float, int]:  # fmt: skip
    """Raise the bound by subgradient steps whose direction remembers the last (Camerini, Fratta and Maffioli 1975).

    Args:
        pairs: costs, by candidate.
        demand: of each demand point, (n,).
        capacity: of each candidate, infinite where there is no limit, (m,).
        opening: cost of each candidate as a site, (m,).
        status: FREE, IN or OUT for each candidate, (m,); what is fixed by reduced cost is written into it.
        least, most: how many sites there may be.
        multiplier: where to start, (n,); the best is written into it.
        floor: least multiplier worth having (cost of the cheapest candidate), (n,).
        goal: stop at this bound: what is proven worse than the goal is not sought.
        rounds: most steps.
        nodes: of the knapsacks; 0 where a demand point may be shared by sites.
        theta: length of the first step as a share of the step to the goal.
        patience: steps without a better bound after which theta is halved.
        memory: weight of the last direction in the next, 0 <= memory < 1.
        share: running mean of how often each candidate is chosen, (m,); read and written.
        worth_best: w at the best multipliers, (m,); written.
        served_best: share of each pair that is served at the best multipliers, by pair; written.
        direction: of the last step, (n,); read and written.

    Returns:
        The best bound met, theta at the end, and the steps made. A bound of at least ``goal`` (infinite where what is
        fixed leaves no way to open enough sites) proves that nothing better than the goal is left.
    """
    n, m = len(multiplier), len(status)
    worth, taken, served = np.zeros(m), np.zeros(m, np.bool_), np.zeros(len(pairs.row))
    now, step = multiplier.copy(), np.empty(n)
    best, stale, made = -np.inf, 0, 0
    for made in range(1, rounds + 1):
        inside, free = 0, 0
        for j in range(m):
            inside += status[j] == 1
            free += status[j] == 0
        if inside > most or inside + free < least:
            return np.inf, theta, made
        _worth(pairs, demand, capacity, opening, status, now, nodes, worth, served)
        value, last, after = _chosen(worth, status, least, most, taken)
        value += now.sum() - _error(worth, taken, now)
        for j in range(m):
            share[j] += 0.05 * (taken[j] - share[j])
        if value > best:
            if value > best + 1e-6 * abs(value):
                stale = 0
            best = value
            multiplier[:], worth_best[:], served_best[:] = now, worth, served
            if best >= goal:
                return best, theta, made
            fix(worth, status, taken, value, goal, last, after)
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
                for k in range(pairs.start[j], pairs.start[j + 1]):
                    step[pairs.row[k]] -= served[k]
        square, slope = 0.0, 0.0
        for i in range(n):
            if abs(step[i]) < FLAT:
                step[i] = 0.0
            slope += abs(step[i])
            direction[i] = step[i] + memory * direction[i]
            square += direction[i] * direction[i]
        if slope == 0.0 or square == 0.0:
            break
        beyond = 1e-4 * max(abs(goal), abs(value))  # who aims at the goal itself comes near it, but never there
        aim = goal + beyond if goal < np.inf else value + 0.05 * abs(value) + 1e-6 * np.abs(now).sum()
        length = theta * (aim - value) / square
        for i in range(n):
            now[i] = max(now[i] + length * direction[i], floor[i])
    return best, theta, made


@compiled(nogil=True)
def _pool(
    pairs: Any, demand: Floats, room: float, multiplier: Floats, j: int, skip: int,
    profit: Floats, weight: Floats, ratio: Floats,
) -> int:  # fmt: skip
    """Set the items of a whole knapsack, without pair ``skip``; how many there are."""
    many = 0
    for k in range(pairs.start[j], pairs.start[j + 1]):
        i = pairs.row[k]
        gain = multiplier[i] - pairs.cost[k]
        if k != skip and gain > 0.0 and demand[i] <= room:
            profit[many], weight[many] = gain, demand[i]
            ratio[many] = gain / demand[i] if demand[i] > 0.0 else np.inf
            many += 1
    return many


@compiled(nogil=True)
def _last_ratio(weight: Floats, ratio: Floats, many: int, room: float) -> float:
    """Profit of a unit of room: the ratio of the item that is cut, 0 where there is room for all."""
    left = room
    for k in np.argsort(-ratio[:many]):
        left -= weight[k]
        if left < 0.0:
            return float(ratio[k])
    return 0.0


@compiled(nogil=True)
def dearer(
    pairs: Any, demand: Floats, capacity: Floats, opening: Floats, status: Bytes, least: int, most: int,
    multiplier: Floats, nodes: int, goal: float, anew: bool,
) -> Floats:  # fmt: skip
    """For each pair a bound of all answers that use it, where demand points have one site alone.

    Site j with demand point i takes d_i from the room of the others. In the linear relaxation a unit of room is worth
    mu_j, so that the answers cost at least c_ij - lambda_i + mu_j d_i more; where that does not reach the goal, the
    knapsack without it is packed ``anew``.
    """
    n, m = len(multiplier), len(status)
    worth, taken, served = np.zeros(m), np.zeros(m, np.bool_), np.zeros(len(pairs.row))
    _worth(pairs, demand, capacity, opening, status, multiplier, nodes, worth, served)
    value, last, _ = _chosen(worth, status, least, most, taken)
    value += multiplier.sum() - _error(worth, taken, multiplier)
    out = np.full(len(pairs.row), np.inf)
    profit, weight, ratio, share = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for j in range(m):
        if status[j] == -1:
            continue
        base = value if taken[j] else value + worth[j] - last
        packed = opening[j] - worth[j]
        many = _pool(pairs, demand, capacity[j], multiplier, j, -1, profit, weight, ratio)
        relaxed = _packed(profit, weight, ratio, many, capacity[j], 0, share)
        mu = _last_ratio(weight, ratio, many, capacity[j])
        for k in range(pairs.start[j], pairs.start[j + 1]):
            i = pairs.row[k]
            gain, room = multiplier[i] - pairs.cost[k], capacity[j] - demand[i]
            if served[k] == 1.0:
                out[k] = base
            elif room >= 0.0:
                out[k] = base + packed - relaxed - gain + mu * demand[i]
                if anew and out[k] < goal:
                    many = _pool(pairs, demand, room, multiplier, j, k, profit, weight, ratio)
                    out[k] = base + packed - gain - _packed(profit, weight, ratio, many, room, nodes, share)
    return out
