"""Whether draws have a finite variance, without which no interval of a mean is valid: by the index of their tail."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, inf, sqrt

import numpy as np
import numpy.typing as npt

__all__ = ["Tail", "endless", "tail"]

Floats = npt.NDArray[np.float64]

SHARE, DEEPER = 50, 8
"""The tail is the largest fiftieth of the draws; the deeper tail an eighth of that."""

LEAST = 50
"""Draws that the deeper tail holds at least, before a variance is called infinite by the draws alone."""


@dataclass(frozen=True)
class Tail:
    """Index of a tail that falls like x to the minus ``index``, with its standard error, from ``n`` draws."""

    index: float
    error: float
    n: int


def tail(x: Floats, k: int) -> Tail:
    """Hill's estimate (Hill 1975) from the ``k`` draws that lie farthest from the median, shape (n,).

    Infinite where they are all alike.
    """
    far = np.abs(x - np.median(x))
    k = min(k, far.size - 1)
    top = np.partition(far, far.size - k - 1)[far.size - k - 1 :]
    if k < 1 or not top.min() > 0:
        return Tail(inf, 0.0, max(k, 0))
    mean = float(np.log(top / top.min()).sum()) / k
    index = 1 / mean if mean > 1e-12 else inf
    return Tail(index, index / sqrt(k) if index < inf else 0.0, k)


def endless(x: Floats, known: bool = False) -> Tail | None:
    """The tail where the variance is infinite (an index below 2), else None.

    A lognormal distribution has finite moments although its tail looks heavy as far as draws go; but the deeper one
    looks, the faster it falls. So the index must lie below 2 by twice its error both in the tail and deeper in it, and
    not rise on the way.

    Args:
        x: draws, shape (n,).
        known: whether an input is known to have infinite variance; then it is enough that the tail does not exclude it.
    """
    k = x.size // SHARE
    if known and x.size >= 2:
        deep = tail(x, max(k // DEEPER, min(LEAST, x.size // 4)))
        return deep if deep.index - 2 * deep.error < 2 else None
    if k // DEEPER < LEAST:
        return None
    near, deep = tail(x, k), tail(x, k // DEEPER)
    heavy = max(near.index + 2 * near.error, deep.index + 2 * deep.error) < 2
    rising = deep.index - near.index > 2 * hypot(deep.error, near.error)
    return deep if heavy and not rising else None
