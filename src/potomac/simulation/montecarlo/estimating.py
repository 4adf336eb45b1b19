"""Means, probabilities and quantiles with their intervals, from draws by any of the designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, nan, sqrt

import numpy as np
import numpy.typing as npt

from potomac.simulation.estimates.estimate import Estimate
from potomac.simulation.estimates.intervals import half_of, skewed_interval, student
from potomac.simulation.montecarlo.moments import Grouped, Moments
from potomac.simulation.montecarlo.tally import Tally
from potomac.stats.intervals import proportion_interval, quantile_interval

__all__ = ["Chance", "Judged", "clopper_pearson", "mean_of", "quantile_of", "shares_of"]

Floats = npt.NDArray[np.float64]

FEW = 10
"""Hits, or misses, below which Wilson's interval of a probability gives way to Clopper and Pearson's."""


@dataclass(frozen=True)
class Chance(Estimate):
    """A measure of an experiment with its interval; ``replications`` are draws.

    Attributes:
        reduction: how many times smaller the variance is than that of as many plain draws; None where it is not known.
    """

    reduction: float | None = None


@dataclass(frozen=True)
class Judged:
    """A mean: its interval, its standard error, and the variance of a plain draw."""

    mean: float
    low: float
    high: float
    error: float
    plain: float


def mean_of(t: Tally, j: int, known: Sequence[float], confidence: float, normalised: bool = False) -> Judged:
    """The mean of a value, of a boolean its probability.

    Args:
        t: what was counted.
        j: which value.
        known: means of the controls.
        confidence: share.
        normalised: divide by the mean of the weights (importance sampling whose weights lack a factor).
    """
    if isinstance(t.moments, Grouped):
        found = (
            _by_strata(t.moments, j, confidence) if t.method == "stratified" else _by_groups(t.moments, j, confidence)
        )
    elif normalised:
        found = _ratio(t.moments, j, len(t.names), confidence)
    elif t.controls:
        found = _controlled(t, j, np.asarray(known, float), confidence)
    else:
        found = _simple(t, j, confidence)
    return _probability(t, found, confidence) if t.truth[j] else found


def _simple(t: Tally, j: int, confidence: float) -> Judged:
    """Student's interval, its ends moved by the skewness that is seen (Johnson 1978; Hall 1992; Willink 2005)."""
    m: Moments = t.moments
    mean, plain = float(m.mean[j]), _plain(t, j)
    if m.n < 2:
        return Judged(mean, nan, nan, nan, plain)
    error = sqrt(float(m.co[j, j]) / (m.n - 1) / m.n)
    low, high = _skewed(student(0.5 + confidence / 2, m.n - 1), m.skewness(j) / sqrt(m.n))
    return Judged(mean, mean - low * error, mean - high * error, error, plain)


def _skewed(t: float, skewness: float) -> tuple[float, float]:
    """Student's quantiles ``t`` and ``-t``, moved by the skewness of an estimate."""
    a = skewness / 6
    if abs(a) < 1e-6:
        return t, -t
    low, high = (float(np.cbrt(1 + 6 * a * (end - a)) - 1) / (2 * a) for end in (t, -t))
    return low, high


def _plain(t: Tally, j: int) -> float:
    """Variance of a plain draw.

    Of pairs it is that of their means and that within them; of weighted draws E(w y^2) - E(w y)^2.
    """
    m: Moments = t.moments
    v = len(t.names)
    between = float(m.co[j, j]) / max(m.n - 1, 1)
    if t.method == "antithetic":
        return between + float(m.mean[v + t.controls + j])
    if t.method == "importance":
        return max(float(m.mean[v + t.controls + j] - m.mean[j] ** 2), 0.0)
    return between


def _controlled(t: Tally, j: int, known: Floats, confidence: float) -> Judged:
    """Regression on control variates (Lavenberg and Welch 1981).

    The coefficients b = S_cc^-1 S_cy are estimated from the same draws, for which the interval pays: q degrees of
    freedom, and 1/n + (c - mu)' S_cc^-1 (c - mu) in place of 1/n, with S_cc the sums of products of deviations.
    """
    m: Moments = t.moments
    v, q = len(t.names), known.size
    c = slice(v, v + q)
    off = m.mean[c] - known
    inverse = np.linalg.pinv(m.co[c, c], hermitian=True)
    b = inverse @ m.co[c, j]
    mean = float(m.mean[j] - b @ off)
    free = m.n - 1 - q
    if free < 1:
        return Judged(mean, nan, nan, nan, _plain(t, j))
    left = max(float(m.co[j, j] - b @ m.co[c, j]), 0.0) / free
    error = sqrt(left * (1 / m.n + float(off @ inverse @ off)))
    half = student(0.5 + confidence / 2, free) * error
    return Judged(mean, mean - half, mean + half, error, _plain(t, j))


def _ratio(m: Moments, j: int, values: int, confidence: float) -> Judged:
    """Self-normalised: E(w y) / E(w), its variance to first order (Owen 2013, 9.2)."""
    w = m.mean.size - 1
    weight = float(m.mean[w])
    if not weight > 0 or m.n < 2:
        return Judged(nan, nan, nan, nan, nan)
    mean = float(m.mean[j]) / weight
    spread = float(m.co[j, j] - 2 * mean * m.co[j, w] + mean**2 * m.co[w, w]) / (m.n - 1)
    error = sqrt(max(spread, 0.0) / m.n) / weight
    half = student(0.5 + confidence / 2, m.n - 1) * error
    plain = max(float(m.mean[w - values + j]) / weight - mean**2, 0.0)
    return Judged(mean, mean - half, mean + half, error, plain)


def _by_strata(g: Grouped, j: int, confidence: float) -> Judged:
    """Strata of equal probability (Cochran 1977, 5.3 and 5.4, with Satterthwaite's degrees of freedom)."""
    share = 1 / g.n.size
    means, within = g.mean[:, j], g.variance()[:, j]
    mean = float(share * means.sum())
    plain = float(share * (within + (means - mean) ** 2).sum())
    if (g.n < 2).any():
        return Judged(mean, nan, nan, nan, plain)
    each = share**2 * within / g.n
    error = sqrt(float(each.sum()))
    free = float(each.sum()) ** 2 / max(float((each**2 / (g.n - 1)).sum()), 1e-300) if error > 0 else inf
    third = float((share**3 * g.cubes[:, j] / g.n**3).sum())  # third cumulant of the estimate
    t = student(0.5 + confidence / 2, max(floor(min(free, 1e9)), 1))
    low, high = _skewed(t, third / error**3 if error > 0 else 0.0)
    return Judged(mean, mean - low * error, mean - high * error, error, plain)


def _by_groups(g: Grouped, j: int, confidence: float) -> Judged:
    """From the means of independent randomisations of one sequence.

    For smooth experiments their law is symmetric with heavy tails, where Student's interval holds and one that follows
    the skewness that is seen does not; for experiments without bounds it is skewed, and the other way round. Each end
    is that of the two that lies further out. Measured with 32 of 256 points, of 95 %: 97 where Student's alone has 97
    and the other 86 (a product of uniforms), 93 where they have 90 and 93 (a lognormal).
    """
    means, groups = g.mean[:, j], g.n.size
    mean = float(means.mean())
    squares = float(g.squares[:, j].sum()) + float((g.n * (means - mean) ** 2).sum())
    error = float(means.std(ddof=1)) / sqrt(groups)
    half = student(0.5 + confidence / 2, groups - 1) * error
    low, high = skewed_interval(means, confidence)
    low, high = min(low, mean - half), max(high, mean + half)
    return Judged(mean, low, high, error, squares / max(int(g.n.sum()) - 1, 1))


def _probability(t: Tally, found: Judged, confidence: float) -> Judged:
    """Within 0 and 1; where hits or misses are few, or nothing reduces the variance, by the law of their number."""
    p, n = found.mean, t.n // 2 if t.method == "antithetic" else t.n
    if t.method == "importance":  # hits that were not seen bound nothing: their weights are not known
        none = p <= 0
        return Judged(
            p, nan if none else max(found.low, 0.0), nan if none else min(found.high, 1.0), found.error, found.plain
        )
    few = min(p, 1 - p) * t.n < FEW
    if few and not t.controls:
        k = min(max(p, 0.0), 1.0) * n
        low = clopper_pearson(floor(k + 1e-9), n, confidence)[0]
        high = clopper_pearson(ceil(k - 1e-9), n, confidence)[1]
    elif t.method == "plain" and not t.controls:
        low, high = proportion_interval(round(p * n), n, confidence)
    else:
        low, high = max(found.low, 0.0), min(found.high, 1.0)
    return Judged(p, low, high, found.error, found.plain)


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a probability that never covers less than it says (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    alpha = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, alpha))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1 - alpha))
    return low, high


# ---- quantiles ----------------------------------------------------------------------------------------------------


def quantile_of(t: Tally, j: int, q: float, confidence: float, normalised: bool = False) -> tuple[float, float, float]:
    """A quantile of the draws that are kept, with its interval; NaN for ends that so few draws do not tell.

    Of plain draws by order statistics, whatever the distribution (Conover). Otherwise the share of draws at or below
    the quantile is estimated like any mean, and the ends of its interval, turned over at q, are read off the
    distribution (Woodruff 1952).
    """
    x = t.values(j)
    if x.size < 2:
        return nan, nan, nan
    if t.method == "plain":
        place = min(max(ceil(q * x.size - 1e-9), 1), x.size) - 1
        at = float(np.partition(x, place)[place])
        low, high = quantile_interval(x, q, confidence)
        return (at, low, high) if isfinite(low) and isfinite(high) else (at, nan, nan)
    law = _Law.of(t, x, upper=q >= 0.5, normalised=normalised)
    at = law.at(q)
    error, free = _share_error(t, x <= at, law, q)
    if not isfinite(error):
        return at, nan, nan
    half = student(0.5 + confidence / 2, max(free, 1)) * error
    if q - half <= 0 or q + half >= 1:
        return at, nan, nan
    # a share that hardly varies leaves the quantile anywhere between two draws: an end goes on to the next one
    return at, min(law.at(q - half, -1), at), max(law.at(q + half, 1), at)


@dataclass(frozen=True)
class _Law:
    """Draws in rising order, and the probability at or below each.

    Weights of importance sampling are summed from the side on which the quantile lies, where the draws are (Glynn
    1996).
    """

    x: Floats
    below: Floats
    weights: Floats
    normalised: bool

    @classmethod
    def of(cls, t: Tally, x: Floats, *, upper: bool, normalised: bool) -> _Law:
        normalised = normalised or t.method != "importance"
        w = shares_of(t) if normalised else _weights(t, x.size)
        order = np.argsort(x, kind="stable")
        summed = np.cumsum(w[order])
        below = 1 - (summed[-1] - summed) if upper else summed
        return cls(x[order], below, w, normalised)

    def at(self, q: float, further: int = 0) -> float:
        """The smallest draw at or below which lies a share of ``q``, or the draw so much further up."""
        place = int(np.searchsorted(self.below, q - 1e-12)) + further
        return float(self.x[min(max(place, 0), self.x.size - 1)])


def shares_of(t: Tally) -> Floats:
    """The probability that each draw stands for that is kept; they sum to 1. Shape (kept,)."""
    w = _weights(t, t.kept)
    total = float(w.sum())
    return w / total if total > 0 else w


def _weights(t: Tally, n: int) -> Floats:
    """What each kept draw stands for."""
    weights = t.weights
    if weights is not None:
        return weights / n
    if t.method != "stratified":
        return np.full(n, 1 / n)
    counts = np.bincount(t.group, minlength=t.moments.n.size)
    return np.asarray(1 / (np.maximum(counts, 1)[t.group] * counts.size))


def _share_error(t: Tally, below: npt.NDArray[np.bool_], law: _Law, q: float) -> tuple[float, int]:
    """Standard error of the share of kept draws that lie below, and its degrees of freedom."""
    n = below.size
    if t.method == "antithetic":
        pairs = below.reshape(-1, 2).mean(axis=1)
        return float(pairs.std(ddof=1)) / sqrt(pairs.size), pairs.size - 1
    if t.method == "importance":
        if law.normalised:
            return sqrt(float((law.weights**2 * (below - q) ** 2).sum())), n - 1
        counted = ~below if q >= 0.5 else below
        return float((law.weights * n * counted).std(ddof=1)) / sqrt(n), n - 1
    counts = np.maximum(np.bincount(t.group, minlength=t.moments.n.size), 1)
    shares = np.bincount(t.group, below, counts.size) / counts
    if t.method == "sobol":
        return float(shares.std(ddof=1)) / sqrt(counts.size), counts.size - 1
    return sqrt(float((shares * (1 - shares) / counts).sum())) / counts.size, n - counts.size


def half(low: float, high: float) -> float:
    """Half the width; NaN where there is no interval."""
    width = half_of(low, high)
    return width if isfinite(width) else nan
