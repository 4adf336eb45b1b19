"""How far data lie from a fitted distribution, and how often they would by chance.

The parameters were fitted to the same data, so that tables of the Kolmogorov-Smirnov test do not hold (Lilliefors
1967); the chance is found by drawing samples from the fit and fitting each anew (Stute, Gonzales and Presedo 1993).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from potomac.simulation.inputs.families import Family
from potomac.stats.streams import Stream

__all__ = ["anderson_darling", "kolmogorov_smirnov", "on_grid", "p_values", "statistics"]

Floats = npt.NDArray[np.float64]

MOST = 2000
"""Values in a drawn sample at most; the statistics of larger samples are compared as scaled, near their limit."""


def kolmogorov_smirnov(u: Floats, before: Floats | None = None) -> Floats:
    """D, the largest distance between the steps of the data and the distribution.

    Args:
        u: the distribution at the sorted values, shape (b, n).
        before: its limit from below there, where it has steps as well. Default: ``u``.

    Returns:
        Shape (b,).
    """
    n = u.shape[1]
    i = np.arange(1, n + 1)
    below = u if before is None else before
    return np.asarray(np.maximum((i / n - u).max(axis=1), (below - (i - 1) / n).max(axis=1)))


def _ties(x: Floats, u: Floats, before: Floats) -> tuple[Floats, Floats]:
    """Of equal values the steps are one: the last looks up, the first looks down."""
    new, end = x[:, 1:] != x[:, :-1], np.ones((len(x), 1), bool)
    last, first = np.hstack([new, end]), np.hstack([end, new])
    return np.where(last, u, np.inf), np.where(first, before, -np.inf)


def anderson_darling(u: Floats) -> Floats:
    """A^2 = -n - sum (2 i - 1) (ln u_i + ln(1 - u_(n + 1 - i))) / n (Anderson and Darling 1954), (b, n) to (b,)."""
    n = u.shape[1]
    v = np.clip(u, 1e-300, 1 - 2**-53)
    odd = 2 * np.arange(1, n + 1) - 1
    return np.asarray(-n - (odd * (np.log(v) + np.log1p(-v[:, ::-1]))).sum(axis=1) / n)


def statistics(family: Family, x: Floats, p: Floats) -> tuple[Floats, Floats]:
    """D and A^2 of each row of sorted values, shape (b, n), against its parameters, (b, k); A^2 of counts is NaN."""
    u = family.cdf(x, p)
    if family.counts:
        return kolmogorov_smirnov(*_ties(x, u, family.cdf(x - 1, p))), np.full(len(x), np.nan)
    return kolmogorov_smirnov(u), anderson_darling(u)


def on_grid(family: Family, x: Floats, p: Floats, step: float, stream: Stream) -> tuple[float, float]:
    """D and A^2 of sorted values, shape (n,), that were rounded to multiples of ``step``.

    Each is placed at random in its cell, as the distribution spreads there (randomized probability integral transform,
    Brockwell 2007), so that rounding does not look like a departure.
    """
    high = family.cdf((x + step / 2)[None], p)
    low = np.where(x > step / 2, family.cdf(np.maximum(x - step / 2, 0.0)[None], p), 0.0)
    u = np.sort(low + (high - low) * stream.child("grid").generator().random(len(x)), axis=1)
    return float(kolmogorov_smirnov(u)[0]), float(anderson_darling(u)[0])


def p_values(
    family: Family, fitted: Callable[[Floats], Floats], p: Floats, found: tuple[float, float], n: int, stream: Stream,
    draws: int,
) -> tuple[float, float]:  # fmt: skip
    """The chances that samples of the fitted distribution lie as far from their own fits.

    Args:
        family: the family.
        fitted: how it was fitted, values (b, n) to parameters (b, k).
        p: the parameters, shape (k,).
        found: D and A^2 of the data.
        n: number of data.
        stream: where the randomness comes from.
        draws: number of samples.

    Returns:
        Of D and of A^2, each (1 + those as far) / (1 + draws).
    """
    size = min(n, MOST)
    x = np.sort(family.draw(stream.generator(), p, (draws, size)), axis=1)
    with np.errstate(all="ignore"):
        D, A = statistics(family, x, fitted(x))
    far = (_scale(size) * D >= _scale(n) * found[0], found[1] <= A)
    d, a = (float((1 + np.count_nonzero(each)) / (1 + draws)) for each in far)
    return d, (a if np.isfinite(found[1]) else np.nan)


def _scale(n: int) -> float:
    """sqrt(n) D depends on n a little still (Stephens 1974)."""
    return float(np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n))
