"""The strong formulation of facility location by branch and cut, over the pairs that an improving answer can use.

    min sum_j f_j y_j + sum_ij c_ij x_ij
    sum_j x_ij = 1,   x_ij <= y_j,   sum_i d_i x_ij <= b_j y_j,   least <= sum_j y_j <= most

(Balinski 1965; Daskin 2013, Network and Discrete Location, chapters 6 and 7).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from potomac.location.facility.relaxation import IN, OUT, Pairs
from potomac.location.highs import Clock, Program, Solved, solve

__all__ = ["closed"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]


def closed(
    pairs: Pairs, demand: Floats, capacity: Floats, opening: Floats, status: Bytes, least: int, most: int,
    whole: bool, clock: Clock, *, gap: float = 0.0, step: float = 0.0, seed: int = 0, seconds: float = np.inf,
) -> tuple[Solved, Floats | None, Ints]:  # fmt: skip
    """The best answer that uses these pairs alone.

    Args:
        pairs: by candidate; those of candidates that are out do not count.
        demand: (n,).
        capacity: (m,).
        opening: (m,).
        status: IN, FREE or OUT for each candidate, (m,).
        least, most: how many sites there may be.
        whole: whether each demand point has one site alone.
        clock: time left.
        gap: relative gap at which it may stop.
        step: objectives are multiples of this (0: any number).
        seed: of HiGHS.
        seconds: most time.

    Returns:
        What HiGHS says, the share of each pair (None where it found nothing), and the sites.
    """
    demand, capacity = _in_size(demand, capacity)
    sites = np.flatnonzero(status != OUT)
    column = np.repeat(np.arange(len(status)), np.diff(pairs.start))
    counts = np.flatnonzero(status[column] != OUT)
    column, row = column[counts], pairs.row[counts]
    y = np.searchsorted(sites, column)
    n, s, k = len(demand), len(sites), len(row)
    x = s + np.arange(k)
    limited = np.flatnonzero(np.isfinite(capacity[sites]))
    some = np.isfinite(capacity[column])
    served = sparse.csr_matrix((np.ones(k), (row, x)), (n, s + k))
    linked = sparse.csr_matrix(
        (np.repeat([1.0, -1.0], k), (np.tile(np.arange(k), 2), np.concatenate([x, y]))), (k, s + k)
    )
    held = sparse.csr_matrix(
        (
            np.concatenate([demand[row[some]], -capacity[sites[limited]]]),
            (np.concatenate([y[some], limited]), np.concatenate([x[some], limited])),
        ),
        (s, s + k),
    )[limited]
    count = sparse.csr_matrix((np.ones(s), (np.zeros(s, np.int64), np.arange(s))), (1, s + k))
    lower = np.zeros(s + k)
    lower[:s] = status[sites] == IN
    program = Program(
        np.concatenate([opening[sites], pairs.cost[counts]]), lower, np.ones(s + k), (np.arange(s + k) < s) | whole,
        sparse.vstack([served, linked, held, count]).tocsr(),
        np.concatenate([np.ones(n), np.full(k + len(limited), -np.inf), [least]]),
        np.concatenate([np.ones(n), np.zeros(k + len(limited)), [most]]),
    )  # fmt: skip
    found = solve(program, clock, "placing sites: closing the gap", gap=gap, step=step, seed=seed, seconds=seconds)
    if found.values is None:
        return found, None, sites
    share = np.zeros(len(pairs.row))
    share[counts] = found.values[s:]
    return found, share, sites[found.values[:s] > 0.5]


def _in_size(demand: Floats, capacity: Floats) -> tuple[Floats, Floats]:
    """Both in a unit in which HiGHS's absolute tolerances are small beside them; usual sizes stay as they are."""
    most = float(demand.max(initial=0.0))
    if most == 0.0 or 1.0 <= most <= 2.0**20:
        return demand, capacity
    unit = 2.0 ** float(12 - np.frexp(most)[1])
    return demand * unit, capacity * unit
