"""Intervals from replications: Student's, corrected for skewness, of means and of ratios of means."""

from __future__ import annotations

from functools import lru_cache
from math import atan2, cos, exp, inf, isfinite, lgamma, pi, sin, sqrt, tan
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["half_of", "pseudo_values", "skewed_interval", "student"]

Floats = npt.NDArray[np.float64]


@lru_cache(maxsize=4096)
def student(p: float, degrees: int) -> float:
    """Quantile of Student's distribution, for p of at least .5 and whole degrees of freedom.

    Newton's steps from Hill's first approximation (Hill 1970, algorithm 396), on the finite series of the distribution
    function (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4). SciPy's is the same to 12 digits and takes half a second
    to import.
    """
    if degrees > 10_000:  # Cornish and Fisher's expansion is exact to 16 digits there
        return _expanded(NormalDist().inv_cdf(p), degrees)
    x = _expanded(NormalDist().inv_cdf(p), max(degrees, 5)) if degrees > 2 else _few(p, degrees)
    for _ in range(60):
        step = (_below(x, degrees) - p) / _density(x, degrees)
        x -= min(max(step, -0.5 * abs(x) - 0.1), 0.5 * abs(x) + 0.1)
        if abs(step) <= 1e-13 * (1 + abs(x)):
            break
    return x


def _expanded(z: float, n: int) -> float:
    """The first terms in powers of 1/n (Abramowitz and Stegun 1964, 26.7.5)."""
    a = (z**3 + z) / 4
    b = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    c = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + a / n + b / n**2 + c / n**3


def _few(p: float, degrees: int) -> float:
    """One and two degrees of freedom have closed forms."""
    if degrees == 1:
        return tan(pi * (p - 0.5))
    return (2 * p - 1) / sqrt(2 * p * (1 - p))


def _density(x: float, n: int) -> float:
    return exp(lgamma((n + 1) / 2) - lgamma(n / 2)) / sqrt(n * pi) * float((1 + x * x / n) ** (-(n + 1) / 2))


def _below(x: float, n: int) -> float:
    """Student's distribution function, n whole."""
    theta = atan2(x, sqrt(n))
    c2 = cos(theta) ** 2
    term, total = 1.0, 1.0
    for k in range(2 + n % 2, n - 1, 2):
        term *= (k - 1) / k * c2
        total += term
    if n % 2 == 0:
        return 0.5 + sin(theta) * total / 2
    return 0.5 + (theta + (sin(theta) * cos(theta) * total if n > 1 else 0.0)) / pi


def skewed_interval(values: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a mean whose values may be skewed: Student's, its ends moved by the skewness that is seen.

    Averages of a busy queue are skewed to the right, and Student's interval then misses on one side. The pivot
    t + a t^2 (times a cubic term that makes it invertible), a = skewness / (6 sqrt(n)), is nearly symmetric (Johnson
    1978; Hall 1992; Willink 2005): an end lies at mean - G(+-t) s / sqrt(n), G(r) = ((1 + 6 a (r - a))^(1/3) - 1) / 2a.

    Args:
        values: shape (n,).
        confidence: share.

    Returns:
        (-inf, inf) for fewer than two values.
    """
    n = values.size
    if n < 2:
        return -inf, inf
    mean, spread = float(values.mean()), float(values.std())
    if spread <= 1e-14 * abs(mean):
        return mean, mean
    s = float(values.std(ddof=1)) / sqrt(n)
    t = student(0.5 + confidence / 2, n - 1)
    a = float((((values - mean) / spread) ** 3).mean()) / (6 * sqrt(n))
    if abs(a) < 1e-6:
        return mean - t * s, mean + t * s
    low, high = ((np.cbrt(1 + 6 * a * (r - a)) - 1) / (2 * a) for r in (t, -t))
    return mean - float(low) * s, mean - float(high) * s


def pseudo_values(above: Floats, below: Floats) -> Floats:
    """Jackknife pseudo-values of the ratio of two means, whose mean has little bias (Quenouille 1956; Tukey 1958).

    A mean over customers is a ratio of sums, both of which are random; the mean of the ratios of short replications is
    biased, that of the pseudo-values R theta - (R - 1) theta_(without r) far less. Where ``below`` is the same in all
    replications the pseudo-values are the ratios themselves.

    Args:
        above: sums, shape (R,).
        below: counts or times, shape (R,).

    Returns:
        Shape (R,), or (0,) where nothing was counted.
    """
    n, total = above.size, float(below.sum())
    if not total > 0:
        return np.zeros(0)
    if n == 1 or np.ptp(below) == 0:
        return np.asarray(above / below)
    rest = total - below
    if not (rest > 0).all():  # all in one replication: there is no other to compare it with
        return np.array([above.sum() / total])
    return np.asarray(n * above.sum() / total - (n - 1) * (above.sum() - above) / rest)


def half_of(low: float, high: float) -> float:
    """Half the width of an interval; infinite where an end is."""
    return (high - low) / 2 if isfinite(low) and isfinite(high) else inf
