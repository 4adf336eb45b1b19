"""Weighing methods by what people chose: a choice gains by how near to the top the blend puts it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.interactions import Histories

__all__ = ["STARTS", "best_weights", "competitors", "gains", "surely_better"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DEPTH = 50
"""Ranks beyond this gain nothing."""
FACTORS = (4.0, 2.0, 2.0, 1.4, 1.4, 1.2)
"""By how much a weight is changed, in turn."""
STARTS = 20
"""Weights drawn at random from which the search may start."""
LEAST = 1e-6
"""Smallest gain for which a weight is changed."""
TOP = 50
"""Items that a method prefers most, with which a choice is compared."""
REST = 100
"""Items drawn at random with which a choice is compared, for all others."""


def competitors(
    z: Floats, chosen: Ints, barred: Histories, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The chosen item, then those that compete with it most, then some of the rest.

    Returns:
        Item numbers, shape (k, o), and how many items each stands for, shape (k, o): none for what the person had
        already, or what stands in the row already.
    """
    people, items = z.shape[1:]
    top = min(TOP, items)
    by_method = [np.argpartition(-one, top - 1, axis=1)[:, :top] for one in (*z, z.sum(axis=0))]
    rest = rng.integers(0, items, (people, REST))
    at = np.concatenate([chosen[:, None], *by_method, rest], axis=1)
    had = np.zeros((people, items), bool)
    had[np.repeat(np.arange(people), barred.lengths), barred.indices] = True
    order = np.argsort(at, axis=1, kind="stable")
    ranked = np.take_along_axis(at, order, axis=1)
    again = np.zeros(at.shape, bool)
    np.put_along_axis(again, order[:, 1:], ranked[:, 1:] == ranked[:, :-1], axis=1)
    stands = (~again & ~np.take_along_axis(had, at, axis=1)).astype(np.float32)
    hard, drawn = stands[:, :-REST].sum(axis=1), stands[:, -REST:].sum(axis=1)
    unseen = items - barred.lengths - hard
    stands[:, -REST:] *= (np.maximum(unseen, 0) / np.maximum(drawn, 1))[:, None]
    return at, stands


def gains(options: tuple[Floats, Floats], weights: Doubles) -> Doubles:
    """Gain of each choice: 1 / log2(1 + rank) within the first ``DEPTH``, else 0; equals count half.

    Args:
        options: scores of what was chosen, first, and of its competitors, shape (methods, choices, o), and how many
            items each stands for, shape (choices, o).
        weights: of the methods, shape (methods,).
    """
    z, stands = options
    score = np.zeros(stands.shape, np.float32)
    for one, weight in zip(z, weights, strict=True):
        if weight:
            score += np.float32(weight) * one
    own = score[:, :1]
    rank = ((score > own) * stands).sum(axis=1) + 0.5 * ((score[:, 1:] == own) * stands[:, 1:]).sum(axis=1)
    return np.where(rank < DEPTH, 1 / np.log2(2 + rank), 0)


def best_weights(options: tuple[Floats, Floats], starts: Sequence[Doubles]) -> Doubles:
    """Weights with the largest mean gain: from the best of ``starts``, one after the other, in ever smaller steps."""

    def gain(weights: Doubles) -> float:
        return float(gains(options, weights).mean())

    found = [(gain(weights), weights) for weights in starts]
    most, weights = max(found, key=lambda pair: pair[0])
    for factor in FACTORS:
        for m in range(len(weights)):
            rest = float(np.delete(weights, m).sum())
            if not rest:
                continue
            tried = (0.0, weights[m] / factor, weights[m] * factor, 0.25 * rest) if weights[m] else (0.25 * rest,)
            for value in tried:
                other = weights.copy()
                other[m] = value
                reached = gain(other)
                if reached > most + LEAST:
                    most, weights = reached, other
    return np.asarray(weights / weights.sum())


def surely_better(options: tuple[Floats, Floats], weights: Doubles, before: Doubles) -> bool:
    """Whether weights gain more than others by more than two standard errors of the difference."""
    more = gains(options, weights) - gains(options, before)
    return bool(more.mean() > 2 * more.std(ddof=1) / np.sqrt(len(more)))
