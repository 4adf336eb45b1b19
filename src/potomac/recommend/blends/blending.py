"""Scores of several methods standardised and added up, in one pass each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["blend", "moments", "standardised"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ALIKE = 1e-6
"""Scores that differ by less, in parts of their mean, are the same."""


@compiled(nogil=True)
def moments(scores: Floats) -> tuple[Doubles, Doubles]:
    """Mean and deviation of the finite scores of each row; a deviation of infinity where all are the same.

    Args:
        scores: shape (k, n).
    """
    rows, items = scores.shape
    mean, deviation = np.zeros(rows), np.full(rows, np.inf)
    for k in range(rows):
        total, many = 0.0, 0
        for i in range(items):
            if np.isfinite(scores[k, i]):
                total += scores[k, i]
                many += 1
        if not many:
            continue
        mean[k] = total / many
        square = 0.0
        for i in range(items):
            if np.isfinite(scores[k, i]):
                square += (scores[k, i] - mean[k]) ** 2
        found = np.sqrt(square / many)
        if found > ALIKE * abs(mean[k]):
            deviation[k] = found
    return mean, deviation


@compiled(nogil=True)
def blend(scores: Floats, weights: Floats, step: Ints, total: Floats, known: Mask) -> None:
    """Add the standardised scores of one method to ``total``, and note which items it knows.

    Args:
        scores: shape (k, n); what is not finite adds nothing. weights: by step and item, shape (s, n).
        step: of each row, shape (k,). total: shape (k, n). known: shape (k, n).
    """
    mean, deviation = moments(scores)
    for k in range(scores.shape[0]):
        middle, per, weight = mean[k], 1 / deviation[k], weights[step[k]]
        for i in range(scores.shape[1]):
            if np.isfinite(scores[k, i]):
                total[k, i] += np.float32(weight[i] * ((scores[k, i] - middle) * per))
                known[k, i] = True


def standardised(scores: Floats) -> Floats:
    """Scores of each row less their mean, by their deviation, shape (k, n); 0 where unknown, or where all are equal."""
    total = np.zeros(scores.shape, np.float32)
    one = np.ones((1, scores.shape[1]), np.float32)
    blend(scores, one, np.zeros(len(scores), np.int64), total, np.zeros(scores.shape, np.bool_))
    return total
