"""Choices that people made: what was liked against what was not, by the likeness to the rest of the history."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import optimize

from potomac.stats.compiled import compiled

__all__ = ["contrasts", "drawn", "preferred"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]

EACH = 5
"""Most choices of one person, so that the busiest do not decide for all."""
OTHERS = 3
"""Items that a choice is compared with."""
LONG = 200
"""Most entries of a history that a choice is compared by."""
TOWARDS_EQUAL = 5.0
"""How many choices' worth the belief in equal weights is."""
LEAST = 0.1
"""Smallest weight that all groups are believed to have."""
TRACE = 1e-3
"""Smallest weight of a group, so that likeness means something even where it foretells nothing."""


def drawn(indptr: Ints, amounts: Floats, items: int, most: int, seed: int) -> tuple[Ints, Ints]:
    """Entries that were liked, of people with two entries at least, and items drawn at random.

    Args:
        indptr: of users. amounts: how much each entry is liked, shape (nnz,). items: how many there are.
        most: choices. seed: of the draw.

    Returns:
        Entries, ascending, shape (s,), and item numbers, shape (s, 3).
    """
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    good = np.flatnonzero((amounts > 0) & (np.diff(indptr)[user] > 1))
    good = good[rng.permutation(len(good))]
    by_user = good[np.argsort(user[good], kind="stable")]
    first = np.flatnonzero(np.diff(user[by_user], prepend=-1))
    rank = np.arange(len(by_user)) - np.repeat(first, np.diff(np.append(first, len(by_user))))
    found = by_user[rank < EACH]
    if len(found) > most:
        found = found[rng.permutation(len(found))[:most]]
    found = np.sort(found)
    return found, rng.integers(0, items, (len(found), OTHERS))


@compiled(nogil=True)
def contrasts(
    indptr: Ints, indices: Columns, amounts: Floats, targets: Ints, others: Ints, shrinkage: float,
    starts: Columns, columns: Columns, data: Floats, group: Columns, mean: Doubles, present: npt.NDArray[np.bool_],
) -> Doubles:  # fmt: skip
    """Likeness of a liked item to the rest of the history less that of another item, by group.

    Args:
        indptr: of users, with ``indices`` and ``amounts`` the entries.
        targets: entries that are left out, shape (s,). others: items compared with, shape (s, o).
        shrinkage: added to the sum of the amounts.
        starts: of items, with ``columns`` and ``data`` their features.
        group: of each column, shape (d,). mean: of each column, shape (d,). present: shape (n, g).

    Returns:
        shape (s * o, g).
    """
    groups, each = present.shape[1], others.shape[1]
    out = np.zeros((len(targets) * each, groups))
    profile = np.zeros(len(group))
    squares = np.zeros(groups)
    for c in range(len(group)):
        squares[group[c]] += mean[c] * mean[c]
    user = 0
    for s in range(len(targets)):
        target = targets[s]
        while indptr[user + 1] <= target:
            user += 1
        low, high = indptr[user], indptr[user + 1]
        step = max(1, (high - low) // LONG)
        amount, along, total = np.zeros(groups), np.zeros(groups), shrinkage
        for e in range(low, high, step):
            if e == target:
                continue
            j, a = indices[e], amounts[e]
            total += abs(a)
            for g in range(groups):
                if present[j, g]:
                    amount[g] += a
            for at in range(starts[j], starts[j + 1]):
                c = columns[at]
                profile[c] += a * data[at]
                along[group[c]] += a * data[at] * mean[c]
        for o in range(each):
            for which in range(2):
                i = indices[target] if which == 0 else others[s, o]
                sign = (1.0 if which == 0 else -1.0) / total
                for at in range(starts[i], starts[i + 1]):
                    c = columns[at]
                    out[s * each + o, group[c]] += sign * data[at] * (profile[c] - amount[group[c]] * mean[c])
                for g in range(groups):
                    if present[i, g]:
                        out[s * each + o, g] -= sign * (along[g] - amount[g] * squares[g])
        for e in range(low, high, step):
            j = indices[e]
            for at in range(starts[j], starts[j + 1]):
                profile[columns[at]] = 0.0
    return out


def preferred(differences: Doubles, popular: Doubles, fixed: float | None) -> tuple[Doubles, float]:
    """Weights, none below zero, that make choices likeliest: first one for all groups, then each drawn towards it.

    Args:
        differences: as :func:`contrasts` gives them, shape (p, g).
        popular: how much more popular the chosen item is, in logarithms, shape (p,).
        fixed: weight of popularity; None: that, too.

    Returns:
        Weights of the groups, shape (g,), and of popularity.
    """
    pairs, groups = differences.shape

    def loss(theta: Doubles, X: Doubles, offset: Doubles, equal: float) -> tuple[float, Doubles]:
        margin = (X * theta).sum(axis=1) + offset  # sums that are the same on any number of cores
        slope = -1 / (1 + np.exp(np.clip(margin, -500, 500)))
        away = (theta[:groups] / equal - 1) if len(theta) >= groups and equal else np.zeros(0)
        gradient = (X * slope[:, None]).sum(axis=0)
        gradient[: len(away)] += 2 * TOWARDS_EQUAL * away / equal if equal else 0
        return float(np.logaddexp(0, -margin).sum() + TOWARDS_EQUAL * (away**2).sum()) / pairs, gradient / pairs

    def fitted(X: Doubles, start: Doubles, equal: float) -> Doubles:
        offset = np.zeros(pairs) if fixed is None else fixed * popular
        X = X if fixed is not None else np.column_stack([X, popular])
        start = start if fixed is not None else np.append(start, 0.5)
        bounds = [(0.0, None)] * len(start)
        found = optimize.minimize(loss, start, (X, offset, equal), "L-BFGS-B", jac=True, bounds=bounds)
        return np.asarray(found.x)

    one = fitted(differences.sum(axis=1, keepdims=True), np.ones(1), 0.0)
    equal = max(float(one[0]), LEAST)
    each = fitted(differences, np.full(groups, equal), equal)
    return np.maximum(each[:groups], TRACE), float(each[groups]) if fixed is None else fixed
