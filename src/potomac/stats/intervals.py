"""Intervals for means, proportions, ratios and quantiles, from their textbooks.

All return ``(low, high)`` and take the confidence as a share (0.95).
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import Any, overload

import numpy as np
import numpy.typing as npt

__all__ = ["mean_interval", "proportion_interval", "quantile_interval", "ratio_interval"]

Floats = npt.NDArray[np.float64]


@overload
def proportion_interval(successes: int, trials: int, confidence: float = ...) -> tuple[float, float]: ...
@overload
def proportion_interval(
    successes: npt.NDArray[Any], trials: npt.NDArray[Any], confidence: float = ...
) -> tuple[Floats, Floats]: ...
def proportion_interval(successes: npt.ArrayLike, trials: npt.ArrayLike, confidence: float = 0.95) -> tuple[Any, Any]:
    """Score interval of a proportion (Wilson 1927), which holds near 0 and 1 as well; (0, 1) of no trials.

    Args:
        successes: a number, or numbers of any shape, whose intervals are then arrays of that shape.
        trials: as many as ``successes``.
        confidence: share.

    Raises:
        ValueError: ``successes`` is not between 0 and ``trials``.
    """
    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    wrong = ~((k >= 0) & (k <= n))
    if wrong.any():
        found, most = k[wrong][0], n[wrong][0]
        raise ValueError(f"successes is {found:g}; it must lie between 0 and trials, which is {most:g}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(k * (n - k) / np.maximum(n, 1) + z * z / 4)
    low, high = np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half)
    return (low, high) if low.ndim else (float(low), float(high))


def mean_interval(values: npt.ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval of a mean; (-inf, inf) for fewer than two values."""
    from scipy.stats import t

    x = np.asarray(values, float)
    n = x.size
    if n < 2:
        return -np.inf, np.inf
    half = float(t.ppf(0.5 + confidence / 2, n - 1)) * float(x.std(ddof=1)) / sqrt(n)
    return float(x.mean()) - half, float(x.mean()) + half


def ratio_interval(
    numerator: npt.ArrayLike, denominator: npt.ArrayLike, confidence: float = 0.95
) -> tuple[float, float]:
    """Fieller's interval of the ratio of two means that were measured together (Fieller 1954).

    It holds the ratios r for which the mean of ``numerator - r * denominator`` is not told from 0 by Student's test;
    (-inf, inf) where the mean of the denominator itself is not told from 0, or there are fewer than two pairs.

    Args:
        numerator: shape (n,).
        denominator: shape (n,), the pairs' other halves.
        confidence: share.

    Raises:
        ValueError: the two have different shapes.
    """
    from scipy.stats import t

    x, y = np.asarray(numerator, float), np.asarray(denominator, float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"numerator {x.shape} and denominator {y.shape} must be of one length")
    n = x.size
    if n < 2:
        return -np.inf, np.inf
    (s_xx, s_xy), (_, s_yy) = np.cov(x, y) / n
    t2 = float(t.ppf(0.5 + confidence / 2, n - 1)) ** 2
    # the ends solve (x - r y)^2 = t^2 (s_xx - 2 r s_xy + r^2 s_yy), with x and y the means
    a = y.mean() ** 2 - t2 * s_yy
    b = x.mean() * y.mean() - t2 * s_xy
    c = x.mean() ** 2 - t2 * s_xx
    if a <= 0:
        return -np.inf, np.inf
    half = sqrt(max(b * b - a * c, 0.0))
    return float((b - half) / a), float((b + half) / a)


def quantile_interval(values: npt.ArrayLike, q: float, confidence: float = 0.95) -> tuple[float, float]:
    """Distribution-free interval of a quantile by order statistics (Conover, Practical Nonparametric Statistics 3.2).

    Where the sample is too small for the confidence asked, an end is infinite.
    """
    from scipy.stats import binom

    x = np.sort(np.asarray(values, float))
    n = x.size
    alpha = (1 - confidence) / 2
    low = int(binom.ppf(alpha, n, q)) if n else 0
    high = int(binom.ppf(1 - alpha, n, q)) if n else 0
    left = x[low - 1] if 0 < low <= n else -np.inf
    right = x[high] if 0 <= high < n else np.inf
    return float(left), float(right)
