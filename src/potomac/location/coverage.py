"""The most weight that a number of columns can cover: greedy and interchange, a Lagrangian bound, HiGHS for the rest.

Church and ReVelle 1974, The maximal covering location problem; Galvao and ReVelle 1996, A Lagrangean heuristic for the
maximal covering location problem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from potomac.location.covers import EXACT, spare_sets
from potomac.location.highs import Clock, Program, solve
from potomac.location.placement import rounding

__all__ = ["Covered", "most_covered"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ROUNDS = 250
"""Steps of the subgradient."""

SLACK = 1e-8
"""Columns are left out where all that hold them cover less than is wanted by this share."""


@dataclass(frozen=True)
class Covered:
    """Columns, the weight that they cover, and the most that any as many can cover."""

    columns: Ints
    total: float
    bound: float


def most_covered(
    near: Flags, weight: Floats, count: int, clock: Clock, *, enough: float | None = None, exact: bool = True,
    seed: int = 0, gap: float = 0.0, what: str = "covering",
) -> Covered:  # fmt: skip
    """Cover as much weight as ``count`` columns of ``near`` can.

    Args:
        near: which columns cover which rows, shape (n, m) with count <= m.
        weight: of each row, shape (n,).
        count: of columns.
        clock: the time that is left.
        enough: the question is only whether this much can be covered: stop as soon as that is known.
        exact: whether HiGHS may close what the Lagrangian leaves open.
        seed: of HiGHS.
        gap: relative gap at which it may stop.
        what: told as progress.
    """
    whole = bool((weight == np.round(weight)).all()) and float(weight.sum()) <= EXACT
    if enough is not None and whole:
        enough = float(np.ceil(enough - 1e-6))
    inside, merged, names = _merged(near, weight)
    if count <= 0 or not len(merged):
        return Covered(np.arange(count), 0.0, 0.0)
    if len(names) <= count:  # the others cover nothing that these do not
        return Covered(_filled(names, count), float(merged.sum()), float(merged.sum()))
    found = _relaxed(inside, merged, count, whole, enough, clock, what)
    if exact and not _settled(found.covered, enough, gap):
        found = _closed(inside, merged, count, whole, found, enough, clock, seed, gap, what)
    return replace(found.covered, columns=_filled(names[found.covered.columns], count))


def _filled(columns: Ints, count: int) -> Ints:
    """As many as asked: the first of those that are missing beside them."""
    beside = np.setdiff1d(np.arange(len(columns) + count), columns)[: count - len(columns)]
    return np.sort(np.concatenate([columns, beside]))


def _merged(near: Flags, weight: Floats) -> tuple[sparse.csr_matrix, Floats, Ints]:
    """Rows of the same columns are one; columns within another are left out."""
    rows = np.flatnonzero((weight > 0) & near.any(axis=1))
    if not len(rows):
        return sparse.csr_matrix((0, near.shape[1])), np.zeros(0), np.arange(near.shape[1])
    packed = np.packbits(near[rows], axis=1)
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    inside = near[rows[first]]
    stay = np.flatnonzero(inside.any(axis=0))
    stay = stay[~spare_sets(sparse.csr_matrix(inside[:, stay].T), np.zeros(len(stay)), larger=False)]
    merged = np.asarray(np.bincount(which.ravel(), weights=weight[rows]), dtype=np.float64)
    return sparse.csr_matrix(inside[:, stay], dtype=np.float64), merged, np.asarray(stay, dtype=np.int64)


@dataclass(frozen=True)
class _Relaxed:
    covered: Covered
    worth: Floats  # of each column at the best multipliers
    raw: float  # their bound before it is rounded down


def _settled(covered: Covered, enough: float | None, gap: float) -> bool:
    if enough is not None and (covered.total >= enough or covered.bound < enough):
        return True
    return covered.bound - covered.total <= max(rounding(covered.total), gap * covered.total)


def _relaxed(
    inside: sparse.csr_matrix, weight: Floats, count: int, whole: bool, enough: float | None, clock: Clock, what: str
) -> _Relaxed:
    """Subgradient over the rows' multipliers; the columns that it likes are improved by interchange."""
    across = inside.T.tocsr()
    columns, total = _swapped(inside, across, weight, _greedy(inside, across, weight, count))
    multiplier = weight / np.maximum(1, np.minimum(count, np.diff(inside.indptr)))
    step, since, raw, worth = 1.0, 0, np.inf, np.zeros(inside.shape[1])
    for turn in range(ROUNDS):
        if turn % 25 == 0:
            clock.tell(what, turn / ROUNDS)
        gain = across @ multiplier
        top = np.argpartition(-gain, count - 1)[:count]
        value = float((weight - multiplier).sum() + gain[top].sum())
        since += 1
        if value < raw - rounding(total):
            since = 0 if value < raw * (1 - 1e-5) else since
            raw, worth = value, gain
        if turn % 50 == 25:
            tried, covered = _swapped(inside, across, weight, np.sort(top))
            if covered > total * (1 + 1e-12):
                columns, total = tried, covered
        best = _Relaxed(Covered(columns, total, _told(raw, total, whole)), worth, raw)
        if _settled(best.covered, enough, 0.0) or step < 0.003 or clock.over():
            break
        times = np.bincount(across[top].indices, minlength=len(weight))
        slope = times - np.where(multiplier < weight, 1, np.minimum(1, times))
        size = float(slope @ slope)
        if size == 0:
            break
        if since >= 12:
            step, since = step / 2, 0
        multiplier = np.clip(multiplier - step * (value - 0.999 * total) / size * slope, 0, weight)
    return best


def _told(bound: float, total: float, whole: bool) -> float:
    return max(float(np.floor(bound + 1e-6)) if whole else bound, total)


def _greedy(inside: sparse.csr_matrix, across: sparse.csr_matrix, weight: Floats, count: int) -> Ints:
    left, chosen = weight.copy(), np.zeros(inside.shape[1], dtype=bool)
    for _ in range(count):
        j = int(np.argmax(np.where(chosen, -1.0, across @ left)))
        chosen[j] = True
        left[across.indices[across.indptr[j] : across.indptr[j + 1]]] = 0
    return np.flatnonzero(chosen)


def _swapped(inside: sparse.csr_matrix, across: sparse.csr_matrix, weight: Floats, columns: Ints) -> tuple[Ints, float]:
    """Exchange one column for another as long as that covers more."""
    chosen = columns.tolist()
    times = np.bincount(across[columns].indices, minlength=len(weight))
    better = True
    while better:
        better = False
        for place, out in enumerate(chosen):
            served = across.indices[across.indptr[out] : across.indptr[out + 1]]
            times[served] -= 1
            gain = across @ np.where(times == 0, weight, 0.0)
            gain[[j for k, j in enumerate(chosen) if k != place]] = -1.0
            into = int(np.argmax(gain))
            into = into if gain[into] > gain[out] + rounding(gain[out]) else out
            better |= into != out
            chosen[place] = into
            times[across.indices[across.indptr[into] : across.indptr[into + 1]]] += 1
    return np.sort(np.array(chosen, dtype=np.int64)), float(weight[times > 0].sum())


def _closed(
    inside: sparse.csr_matrix, weight: Floats, count: int, whole: bool, relaxed: _Relaxed, enough: float | None,
    clock: Clock, seed: int, gap: float, what: str,
) -> _Relaxed:  # fmt: skip
    """Columns that no better choice holds are left out, and HiGHS chooses among the others."""
    covered, worth = relaxed.covered, relaxed.worth
    least = covered.total + (1 if whole else 0) if enough is None else enough
    last = np.sort(worth)[-count]
    kept = np.flatnonzero(relaxed.raw - np.maximum(0, last - worth) >= least - (1e-6 if whole else SLACK * least))
    small = inside[:, kept]
    many, rows = len(kept), small.shape[0]
    # One variable a column, one a row that says how much of it is covered.
    tie = sparse.hstack([small, -sparse.identity(rows)])
    pick = sparse.csr_matrix((np.ones(many), (np.zeros(many, dtype=int), np.arange(many))), (1, many + rows))
    program = Program(
        np.concatenate([np.zeros(many), -weight]), np.zeros(many + rows), np.ones(many + rows),
        np.arange(many + rows) < many, sparse.vstack([tie, pick]).tocsr(), np.append(np.zeros(rows), count),
        np.append(np.full(rows, np.inf), count),
    )  # fmt: skip
    done = solve(
        program, clock, what, gap=gap, step=1.0 if whole else 0.0, seed=seed, enough=None if enough is None else -enough
    )
    columns, total = covered.columns, covered.total
    if done.values is not None and -done.objective > total * (1 + 1e-12):
        columns = kept[np.argsort(-done.values[:many], kind="stable")[:count]]
        total = float(weight[small[:, np.searchsorted(kept, columns)].sum(axis=1).A1 > 0].sum())
    beyond = least - 1 if whole else least if enough is None else least * (1 - SLACK)  # by what was left out
    bound = min(covered.bound, max(-done.bound, min(beyond, covered.bound), total))
    return replace(relaxed, covered=Covered(np.sort(columns), total, _told(bound, total, whole)))
