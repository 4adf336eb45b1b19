"""Are these numbers uniform between 0 and 1? A band for their whole distribution function, and a p-value.

At each of K points the number of values below is binomial; the band holds all points together with the confidence, and
leaves equal chances at each (Aldor-Noiman, Brown, Buja, Rolke and Stine 2013; Säilynoja, Bürkner and Vehtari 2022,
"Graphical test for discrete uniformity and its applications in goodness-of-fit evaluation and multiple sample
comparison"). Unlike Kolmogorov and Smirnov's, the test that belongs to it sees the ends as well as the middle.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from potomac.simulation.arrow import table_of
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["band", "chi_square", "departure", "ecdf_table", "uniform_p"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POINTS = 100
"""Points at which the distribution is compared, at most."""

SETS = 3999
"""Sets of uniform numbers from which the band comes: the level .05 is then met to .0035 (one standard error)."""


def _points(n: int) -> Floats:
    """Where the distribution is looked at: between 0 and 1, evenly."""
    K = max(min(n, POINTS), 2)
    return np.arange(1, K) / K


def _below(u: Floats, z: Floats) -> Ints:
    """How many values lie at or below each point, shape (points,)."""
    return np.searchsorted(np.sort(u), z, side="right")


@lru_cache(maxsize=64)
def _tails(n: int) -> Floats:
    """Chance of a count as far out at each point, both sides, shape (n + 1, points)."""
    from scipy.special import bdtr, bdtrc

    k, z = np.arange(n + 1, dtype=float)[:, None], _points(n)[None]
    upper = np.ones((n + 1, z.size))
    upper[1:] = bdtrc(k[:-1], n, z)  # P(count >= k)
    return np.asarray(np.minimum(2 * np.minimum(bdtr(k, n, z), upper), 1.0))


@lru_cache(maxsize=64)
def _chances(n: int) -> Floats:
    """The smallest of these chances in each of many sets of n uniform numbers, sorted, shape (SETS,)."""
    K = _points(n).size + 1
    counts = Stream(0, ("simulation", "uniformity", n)).generator().multinomial(n, np.full(K, 1 / K), SETS)
    below = counts.cumsum(1)[:, :-1]
    return np.sort(_tails(n)[below, np.arange(K - 1)].min(1))


def departure(u: Floats) -> float:
    """How far the values are from uniform: less the logarithm of the smallest chance at any point; larger is farther.

    Args:
        u: shape (n,), n of at least 1.
    """
    z = _points(u.size)
    chance = _tails(u.size)[_below(u, z), np.arange(z.size)].min()
    return float(-np.log(max(float(chance), 1e-300)))


def uniform_p(u: Floats) -> float:
    """How often independent uniform numbers lie as far from uniform (see ``departure``).

    Args:
        u: shape (n,).
    """
    as_far = np.searchsorted(_chances(u.size), np.exp(-departure(u)) * (1 + 1e-9), side="right")
    return float((1 + as_far) / (1 + SETS))


def band(n: int, confidence: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Points, and the ends between which the shares of n uniform values below them all lie with the confidence.

    Args:
        n: number of values.
        confidence: share.
    """
    least = _chances(n)[max(int((1 - confidence) * (SETS + 1)) - 1, 0)]
    held = _tails(n) >= least
    low, high = held.argmax(0), n - held[::-1].argmax(0)
    return _points(n), low / n, high / n


def chi_square(u: Floats) -> float:
    """P-value of Pearson's test of equal counts in the bins of a histogram, at least 5 values in each on average."""
    from scipy.special import chdtrc

    bins = int(np.clip(u.size // 10, 2, 20))
    counts = np.bincount(np.minimum((u * bins).astype(int), bins - 1), minlength=bins)
    expected = u.size / bins
    return float(chdtrc(bins - 1, float(((counts - expected) ** 2).sum() / expected)))


def ecdf_table(u: Floats, confidence: float = 0.95) -> pa.Table:
    """Their distribution with its band: z, ecdf, low, high, difference (ecdf - z, which shows departures better)."""
    z, low, high = band(u.size, confidence)
    share = _below(u, z) / u.size
    return table_of({"z": z.tolist(), "ecdf": share.tolist(), "low": low.tolist(), "high": high.tolist(),
                     "difference": (share - z).tolist()})  # fmt: skip
