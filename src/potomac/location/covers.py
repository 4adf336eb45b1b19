"""The cheapest set of columns that covers every row: reductions, a Lagrangian bound, HiGHS for what is left.

Beasley 1987, An algorithm for set covering problem; Caprara, Fischetti and Toth 1999, A heuristic method for the set
covering problem.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from potomac.errors import listing
from potomac.location.highs import Clock, Program, solve
from potomac.location.placement import rounding

__all__ = ["Cover", "apart", "beyond", "cheapest_cover", "reduced", "spare_sets"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ROUNDS = 250
"""Steps of the subgradient."""

EXACT = 2.0**30
"""Whole totals up to this tell a bound from the next whole number."""

HEAVY = 4e9
"""Multiplications that a search for dominated rows or columns may take."""


@dataclass(frozen=True)
class Cover:
    """Columns that cover every row (None where none were found), what they cost, and the least that any can cost."""

    columns: Ints | None
    total: float
    bound: float


def cheapest_cover(
    near: Flags, price: Floats, clock: Clock, *, enough: float | None = None, exact: bool = True, seed: int = 0,
    gap: float = 0.0, what: str = "covering",
) -> Cover:  # fmt: skip
    """Cover every row of ``near`` at the least price.

    Args:
        near: which columns cover which rows, shape (n, m).
        price: of each column, 0 or more, shape (m,).
        clock: the time that is left.
        enough: the question is only whether a cover at no more than this exists: stop as soon as that is known.
        exact: whether HiGHS may close what reductions and the Lagrangian leave open.
        seed: of HiGHS.
        gap: relative gap at which it may stop.
        what: told as progress.

    Returns:
        No columns and an infinite bound where a row has no column at all.
    """
    if not near.any(axis=1).all():
        return Cover(None, np.inf, np.inf)
    whole = bool((price == np.round(price)).all()) and float(price.sum()) <= EXACT
    rows, columns, forced = reduced(near, price)
    paid = float(price[forced].sum())
    if not len(rows):
        return Cover(np.sort(forced), paid, paid)
    inside = sparse.csr_matrix(near[np.ix_(rows, columns)], dtype=np.float64)
    aim = None if enough is None else enough - paid
    found = _relaxed(inside, price[columns], whole, aim, clock, what)
    if exact and not _settled(found.cover, aim, gap):
        found = _closed(inside, price[columns], whole, found, aim, clock, seed, gap, what)
    cover = found.cover
    chosen = None if cover.columns is None else np.sort(np.concatenate([forced, columns[cover.columns]]))
    return Cover(chosen, paid + cover.total, paid + cover.bound)


def apart(near: Flags, enough: int) -> Ints:
    """Rows no two of which share a column, so that each takes a column of its own, shape (k,); at most ``enough``.

    Greedy, those of the fewest columns first: more of them than columns may be chosen is a proof that none cover all.
    """
    left: Flags = np.asarray(near.any(axis=1))
    found = np.zeros(0, np.int64)
    order = np.argsort(near.sum(axis=1), kind="stable")
    for i in order:
        if left[i] and len(found) < enough:
            found = np.append(found, i)
            left &= ~near[:, near[i]].any(axis=1)
    return np.sort(found)


def beyond(near: Flags, fixed: Ints, free: Ints, more: int, names: Ints) -> str:
    """Why ``more`` of the columns ``free`` beside those ``fixed`` cannot cover all rows, in words; empty if unclear.

    Args:
        near: which columns (candidates) cover which rows (demand points), shape (n, m).
        fixed: columns that are taken.
        free: columns that may be.
        more: how many of them.
        names: what rows are called, shape (n,).
    """
    bare = np.flatnonzero(~near[:, fixed].any(axis=1))
    if more <= 0 and len(bare):
        return f"the fixed sites do not reach demand point {listing(map(int, names[bare]), 8)}"
    alone = bare[apart(near[np.ix_(bare, free)], more + 1)]
    if len(alone) <= more:
        return ""
    who = f"no candidate {'but the fixed ones ' if len(fixed) else ''}reaches two of demand points"
    return f"{who} {listing(map(int, names[alone]), 8)}, and {more} can be chosen"


def reduced(near: Flags, price: Floats) -> tuple[Ints, Ints, Ints]:
    """Rows and columns that matter, and columns that any cheapest cover may as well hold.

    A row goes whose columns include those of another; a column goes whose rows are among those of one that costs no
    more; the only column of a row is taken.
    """
    rows, columns = np.arange(near.shape[0]), np.flatnonzero(near.any(axis=0))
    forced: list[int] = []
    for _ in range(6):
        before = (len(rows), len(columns))
        inside = near[np.ix_(rows, columns)]
        only = np.unique(inside[inside.sum(axis=1) == 1].argmax(axis=1)) if len(rows) else np.zeros(0, np.int64)
        if len(only):
            forced += columns[only].tolist()
            left = ~inside[:, only].any(axis=1)
            rows, inside = rows[left], inside[left]
            keep = inside.any(axis=0)
            columns, inside = columns[keep], inside[:, keep]
        if not len(rows):
            return rows, columns[:0], np.array(sorted(forced), dtype=np.int64)
        stay = ~spare_sets(sparse.csr_matrix(inside.T), price[columns], larger=False)
        columns, inside = columns[stay], inside[:, stay]
        rows = rows[~spare_sets(sparse.csr_matrix(inside), np.zeros(len(rows)), larger=True)]
        if (len(rows), len(columns)) == before:
            break
    return rows, columns, np.array(sorted(forced), dtype=np.int64)


def spare_sets(sets: sparse.csr_matrix, price: Floats, *, larger: bool) -> Flags:
    """Which sets (rows) lie within another that costs no more, or (``larger``) hold one; of equals the first stays."""
    many = sets.shape[0]
    size = np.diff(sets.indptr)
    gone = np.zeros(many, dtype=bool)
    work = float((np.diff(sets.tocsc().indptr).astype(np.float64) ** 2).sum())
    thin = work < many * many * sets.shape[1] / 30  # else the dense product is the faster one
    if many < 2 or min(20 * work if thin else np.inf, many * many * sets.shape[1]) > HEAVY:
        return gone
    order = np.lexsort((np.arange(many), price, size if larger else -size))
    ordered, size, price = sets[order].astype(np.float32), size[order], price[order]
    whole = ordered if thin else ordered.toarray()
    for begin in range(0, many, 2000):
        part = slice(begin, begin + 2000)
        common = whole[part] @ whole.T
        held = (common.toarray() if thin else common) == size[part, None]  # [a, b]: a lies within b
        held &= price[None, :] <= price[part, None]
        if larger:
            gone[order] |= np.triu(held, begin + 1).any(axis=0)
        else:
            gone[order[part]] = np.tril(held, begin - 1).any(axis=1)
    return gone


@dataclass(frozen=True)
class _Relaxed:
    cover: Cover
    dear: Floats  # reduced costs at the best multipliers
    raw: float  # their bound before it is rounded up


def _settled(cover: Cover, aim: float | None, gap: float) -> bool:
    near = rounding(cover.total)
    if aim is not None and (cover.total <= aim + near or cover.bound > aim + near):
        return True
    return cover.bound >= cover.total - near or cover.total - cover.bound <= gap * cover.total


def _relaxed(
    inside: sparse.csr_matrix, price: Floats, whole: bool, aim: float | None, clock: Clock, what: str
) -> _Relaxed:
    """Subgradient over the rows' multipliers, and greedy covers by reduced cost on the way."""
    across = inside.T.tocsr()
    share = price / np.maximum(np.diff(across.indptr), 1)
    multiplier = np.minimum.reduceat(share[inside.indices], inside.indptr[:-1])
    best = _Relaxed(Cover(None, np.inf, -np.inf), price, -np.inf)
    cover, step, since = _greedy(inside, across, price, price), 1.0, 0
    total = float(price[cover].sum())
    bound, dear = -np.inf, price
    for turn in range(ROUNDS):
        if turn % 25 == 0:
            clock.tell(what, turn / ROUNDS)
        left = price - across @ multiplier
        value = float(multiplier.sum() + np.minimum(left, 0).sum())
        since += 1
        if value > bound + rounding(total):
            since = since if value < bound * (1 + 1e-4) else 0
            bound, dear = value, left
        if turn % 10 == 0:
            tried = _greedy(inside, across, price, np.maximum(left, 1e-3 * price + 1e-12 * total))
            if price[tried].sum() < total * (1 - 1e-12):
                cover, total = tried, float(price[tried].sum())
        told = float(np.ceil(bound - 1e-6)) if whole else bound
        best = _Relaxed(Cover(cover, total, min(told, total)), dear, bound)
        if _settled(best.cover, aim, 0.0) or step < 0.005 or clock.over():
            break
        slope = 1 - inside @ (left < 0)
        size = float(slope @ slope)
        if size == 0:
            break
        if since >= 15:
            step, since = step / 2, 0
        multiplier = np.maximum(0, multiplier + step * (1.03 * total - value) / size * slope)
    return best


def _greedy(inside: sparse.csr_matrix, across: sparse.csr_matrix, price: Floats, dear: Floats) -> Ints:
    """Columns by what a newly covered row costs; those that turn out to be spare are dropped again."""
    missing = np.ones(inside.shape[0], dtype=bool)
    news = np.diff(across.indptr).astype(np.float64)
    chosen: list[int] = []
    while missing.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            j = int(np.argmin(np.where(news > 0, dear / news, np.inf)))
        chosen.append(j)
        rows = across.indices[across.indptr[j] : across.indptr[j + 1]]
        rows = rows[missing[rows]]
        missing[rows] = False
        news -= np.bincount(inside[rows].indices, minlength=len(news))
    return _without_spare(across, price, np.array(chosen), inside.shape[0])


def _without_spare(across: sparse.csr_matrix, price: Floats, chosen: Ints, rows: int) -> Ints:
    times = np.bincount(across[chosen].indices, minlength=rows)
    kept = []
    for j in chosen[np.argsort(-price[chosen], kind="stable")]:
        served = across.indices[across.indptr[j] : across.indptr[j + 1]]
        if (times[served] > 1).all():
            times[served] -= 1
        else:
            kept.append(int(j))
    return np.array(sorted(kept), dtype=np.int64)


def _closed(
    inside: sparse.csr_matrix, price: Floats, whole: bool, relaxed: _Relaxed, aim: float | None, clock: Clock,
    seed: int, gap: float, what: str,
) -> _Relaxed:  # fmt: skip
    """Columns too dear for any better cover are left out, and HiGHS chooses among the others."""
    cover = relaxed.cover
    most = cover.total - (1 if whole else 0) if aim is None else aim
    worth = relaxed.raw + np.maximum(relaxed.dear, 0) <= most + (1e-6 if whole else rounding(most))
    kept = np.flatnonzero(worth)
    small = inside[:, kept]
    if not (np.diff(small.indptr) > 0).all():
        return _Relaxed(Cover(cover.columns, cover.total, _none_below(cover, most, whole)), relaxed.dear, relaxed.raw)
    count = len(kept)
    program = Program(
        price[kept], np.zeros(count), np.ones(count), np.ones(count, dtype=bool), small, np.ones(small.shape[0]),
        np.full(small.shape[0], np.inf),
    )  # fmt: skip
    done = solve(program, clock, what, gap=gap, step=1.0 if whole else 0.0, seed=seed, enough=aim)
    columns, total = cover.columns, cover.total
    if done.values is not None and done.objective < total * (1 - 1e-12):
        columns = kept[done.values > 0.5]
        total = float(price[columns].sum())
    beyond = _none_below(cover, most, whole)  # what was left out costs more than `most`
    bound = max(cover.bound, min(done.bound, beyond, total))
    if whole:
        bound = float(np.ceil(bound - 1e-6))
    return _Relaxed(Cover(columns, total, bound), relaxed.dear, relaxed.raw)


def _none_below(cover: Cover, most: float, whole: bool) -> float:
    """Covers with a column that was left out cost at least this."""
    return min(cover.total, most + (1 if whole else rounding(most))) if most < cover.total else cover.total
