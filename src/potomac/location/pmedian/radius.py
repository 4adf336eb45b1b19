"""The radius formulation, for many sites: is a demand point served within each of its distinct costs?

With costs D_1 < ... < D_K of demand point i and z_k = 1 where no site within D_k is open, it costs
D_1 + sum_k (D_{k+1} - D_k) z_k, where z_k + (sites open at D_k) >= z_{k-1} and z_0 = 1, z_K = 0 (Garcia, Labbe and
Marin, INFORMS Journal on Computing 23, 2011; the chain of z is Elloumi's, 2010). Only pairs that an improving answer
can use are in it, so that it is small where the Lagrangian is near.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from potomac.location.highs import Clock, Program, Solved, solve
from potomac.location.pmedian.costs import Lists
from potomac.location.pmedian.lagrangian import IN, OUT
from potomac.stats.compiled import compiled

__all__ = ["by_radius"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.int8]


def by_radius(
    lists: Lists, status: Bytes, p: int, clock: Clock, *, gap: float, step: float, seed: int,
    seconds: float = np.inf,
) -> tuple[Solved, Ints | None]:  # fmt: skip
    """The best p sites by branch and cut, and what HiGHS says.

    No start is handed over: HiGHS 1.16 counts the objective of one without what presolve has taken out, and then states
    that too small value as the optimum.

    Args:
        lists: the pairs that may be used; every demand point is served by one of them.
        status: IN, FREE or OUT for each candidate.
        p: sites to open.
        clock: time left.
        gap: relative gap at which it may stop.
        step: objectives are multiples of this (0: any number).
        seed: of HiGHS.
        seconds: most time.
    """
    sites = np.flatnonzero(status != OUT)
    column = np.full(len(status), -1, np.int64)
    column[sites] = np.arange(len(sites))
    row, col, value, low, cost, offset = _chains(lists, status == IN, column, len(sites))
    k = len(sites) + len(cost)
    row = np.concatenate([row, np.full(len(sites), len(low))])
    col, value = np.concatenate([col, np.arange(len(sites))]), np.concatenate([value, np.ones(len(sites))])
    matrix = sparse.csr_matrix((value, (row, col)), shape=(len(low) + 1, k))
    lower, whole = np.zeros(k), np.zeros(k, bool)
    lower[: len(sites)] = status[sites] == IN
    whole[: len(sites)] = True
    program = Program(
        np.concatenate([np.zeros(len(sites)), cost]), lower, np.ones(k), whole, matrix, np.append(low, p),
        np.append(np.full(len(low), np.inf), p), offset,
    )  # fmt: skip
    found = solve(program, clock, "placing sites: closing the gap", gap=gap, step=step, seed=seed, seconds=seconds)
    chosen = None if found.values is None else sites[found.values[: len(sites)] > 0.5]
    return found, chosen


@compiled(nogil=True)
def _chains(lists: Any, inside: Any, column: Ints, many: int) -> Any:
    """Rows, columns, values and right sides of the chains, the cost of each z, and the constant."""
    pairs = len(lists.site)
    row, col, value = np.empty(3 * pairs, np.int64), np.empty(3 * pairs, np.int64), np.empty(3 * pairs)
    low, cost, offset, at, rows, z = np.empty(pairs), np.empty(pairs), 0.0, 0, 0, 0
    for i in range(len(lists.start) - 1):
        k, last = lists.start[i], lists.start[i + 1]
        if k == last:
            continue
        offset += lists.cost[k]
        chain = False
        while k < last:
            here, always = lists.cost[k], False
            first = at
            while k < last and lists.cost[k] == here:
                row[at], col[at], value[at] = rows, column[lists.site[k]], 1.0
                always = always or inside[lists.site[k]]
                at += 1
                k += 1
            if always:  # served at this cost whatever else is open
                at = first
                break
            low[rows] = 0.0 if chain else 1.0
            if chain:
                row[at], col[at], value[at] = rows, many + z - 1, -1.0
                at += 1
            if k < last:
                row[at], col[at], value[at] = rows, many + z, 1.0
                at += 1
                cost[z] = lists.cost[k] - here
                z += 1
                chain = True
            rows += 1
    return row[:at], col[:at], value[:at], low[:rows], cost[:z], offset
