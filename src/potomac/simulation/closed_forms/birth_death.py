"""Birth-death chains: long-run shares and mean first passages, which most Markovian stations and systems are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["passage_up", "stationary"]

Floats = npt.NDArray[np.float64]


def stationary(birth: npt.ArrayLike, death: npt.ArrayLike) -> Floats:
    """Long-run shares of the states 0..n: p_k proportional to the product of birth_i / death_i over i < k.

    Gross and Harris, Fundamentals of Queueing Theory, ch. 2. The products are taken as sums of logarithms in extended
    precision, so that no number of states over- or underflows.

    Args:
        birth: rates from state i to i + 1, i = 0..n-1, shape (n,), 0 or more.
        death: rates from state i + 1 to i, shape (n,), above 0.

    Returns:
        Shape (n + 1,), summing to 1.
    """
    with np.errstate(divide="ignore"):
        steps = np.log(np.asarray(birth, np.longdouble)) - np.log(np.asarray(death, np.longdouble))
    heights = np.concatenate([np.zeros(1, np.longdouble), np.cumsum(steps)])
    weights = np.exp(heights - heights.max())
    return np.asarray(weights / weights.sum(), float)


def passage_up(birth: npt.ArrayLike, death: npt.ArrayLike) -> Floats:
    """Mean times from each state i to i + 1 for the first time, h_i = 1 / birth_i + (death_i / birth_i) h_(i-1).

    Ross, Introduction to Probability Models, ch. 6. Only sums of positive numbers, so nothing cancels.

    Args:
        birth: rates from state i to i + 1, i = 0..n-1, shape (n,), above 0.
        death: rates from state i to i - 1, i = 0..n-1; that of state 0 is not looked at. Shape (n,).

    Returns:
        Shape (n,); the mean time from 0 to n is their sum.
    """
    b, d = np.asarray(birth, float), np.asarray(death, float)
    h = np.empty_like(b)
    before = 0.0
    with np.errstate(over="ignore"):  # infinite where it is longer than floats can tell
        for i in range(len(b)):
            before = h[i] = (1 + d[i] * before) / b[i] if i else 1 / b[i]
    return h
