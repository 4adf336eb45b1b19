"""Bootstrap intervals: percentile and BCa, of rows or of clusters of rows.

A resample is written as how often it holds each row, so a statistic is a function of counts: it takes counts of
shape (b, n) and returns b values. Many resamples are then one matrix product, and leaving a row out (the jackknife)
is a count of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from potomac.stats.streams import Stream

__all__ = ["Statistic", "bca_interval", "mean_of", "percentile_interval", "ratio_of", "replicates"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Statistic = Callable[[Floats], Floats]
"""Counts of the rows in b resamples, shape (b, n), to the b values of the statistic, shape (b,)."""

_BLOCK = 1 << 22  # counts held in memory at once


def mean_of(values: npt.ArrayLike) -> Statistic:
    """The mean of ``values``, shape (n,)."""
    x = np.asarray(values, float)
    return lambda counts: np.asarray(counts @ x / counts.sum(axis=1))


def ratio_of(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Statistic:
    """The sum of ``numerator`` over the sum of ``denominator``, both of shape (n,); NaN where that is 0 / 0."""
    x, y = np.asarray(numerator, float), np.asarray(denominator, float)

    def ratio(counts: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((counts @ x) / (counts @ y))

    return ratio


def replicates(
    statistic: Statistic, rows: int, stream: Stream, *, draws: int = 2000, clusters: npt.ArrayLike | None = None
) -> Floats:
    """The statistic of ``draws`` resamples, shape (draws,).

    Args:
        statistic: see :data:`Statistic`.
        rows: number of rows n.
        stream: where the randomness comes from.
        draws: number of resamples.
        clusters: a label a row, shape (n,), where rows of one cluster (a vessel's records) belong together: whole
            clusters are drawn (Davison and Hinkley 1997, 3.8). Default: each row for itself.

    Raises:
        ValueError: ``rows`` or ``draws`` is not positive, or ``clusters`` has another length.
    """
    member, units = _members(rows, clusters)
    if draws < 1:
        raise ValueError(f"draws is {draws}; it must be at least 1")
    blocks = [statistic(counts[:, member]) for counts in _counts(units, rows, draws, stream.child("bootstrap"))]
    return np.concatenate(blocks)


def percentile_interval(
    statistic: Statistic,
    rows: int,
    stream: Stream,
    *,
    confidence: float = 0.95,
    draws: int = 2000,
    clusters: npt.ArrayLike | None = None,
) -> tuple[float, float]:
    """Quantiles of the replicates (Efron and Tibshirani 1993, 13.3); (-inf, inf) for fewer than two units.

    Arguments and errors are those of :func:`replicates`; ``confidence`` is a share.
    """
    _, units = _members(rows, clusters)
    if units < 2:
        return -np.inf, np.inf
    values = replicates(statistic, rows, stream, draws=draws, clusters=clusters)
    alpha = (1 - confidence) / 2
    return _between(values, alpha, 1 - alpha)


def bca_interval(
    statistic: Statistic,
    rows: int,
    stream: Stream,
    *,
    confidence: float = 0.95,
    draws: int = 2000,
    clusters: npt.ArrayLike | None = None,
) -> tuple[float, float]:
    """Bias-corrected and accelerated interval (Efron 1987; Efron and Tibshirani 1993, 14.3).

    It keeps its level to second order where the percentile interval keeps it to first; (-inf, inf) for fewer than
    two units. Arguments and errors are those of :func:`replicates`; ``confidence`` is a share.
    """
    member, units = _members(rows, clusters)
    if units < 2:
        return -np.inf, np.inf
    values = replicates(statistic, rows, stream, draws=draws, clusters=clusters)
    estimate = float(statistic(np.ones((1, rows)))[0])
    z0 = _bias(values, estimate)
    a = _acceleration(_jackknife(statistic, member, units))
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + confidence / 2)
    low, high = (normal.cdf(z0 + (z0 + end) / (1 - a * (z0 + end))) for end in (-z, z))
    return _between(values, low, high)


def _members(rows: int, clusters: npt.ArrayLike | None) -> tuple[Ints, int]:
    """The unit of each row, and how many units there are."""
    if rows < 1:
        raise ValueError(f"rows is {rows}; it must be at least 1")
    if clusters is None:
        return np.arange(rows), rows
    labels = np.asarray(clusters)
    if labels.shape != (rows,):
        raise ValueError(f"clusters has shape {labels.shape}; it must be ({rows},), one label a row")
    names, member = np.unique(labels, return_inverse=True)
    return member.astype(np.int64), len(names)


def _counts(units: int, rows: int, draws: int, stream: Stream) -> Iterator[Floats]:
    """How often each unit is drawn, in blocks of resamples, (b, units)."""
    random = stream.generator()
    size = max(1, _BLOCK // max(units, rows))
    for start in range(0, draws, size):
        b = min(size, draws - start)
        drawn = random.integers(0, units, (b, units)) + units * np.arange(b)[:, None]
        yield np.bincount(drawn.ravel(), minlength=b * units).reshape(b, units).astype(float)


def _jackknife(statistic: Statistic, member: Ints, units: int) -> Floats:
    """The statistic with each unit left out in turn, shape (units,)."""
    size = max(1, _BLOCK // len(member))
    parts = [np.arange(start, min(start + size, units)) for start in range(0, units, size)]
    return np.concatenate([statistic((member != part[:, None]).astype(float)) for part in parts])


def _bias(values: Floats, estimate: float) -> float:
    """z0: how far the median of the replicates lies from the estimate, in normal units; ties count half."""
    finite = values[~np.isnan(values)]
    below = float((finite < estimate).sum() + 0.5 * (finite == estimate).sum())
    share = np.clip(below, 0.5, max(len(finite) - 0.5, 0.5)) / max(len(finite), 1)
    return NormalDist().inv_cdf(float(share))


def _acceleration(left_out: Floats) -> float:
    """a: a sixth of the skewness of the influence of the units; 0 where none has any."""
    finite = left_out[~np.isnan(left_out)]
    d = finite.sum() / max(len(finite), 1) - finite
    spread = float((d**2).sum()) ** 1.5
    return float((d**3).sum()) / (6 * spread) if spread > 0 else 0.0


def _between(values: Floats, low: float, high: float) -> tuple[float, float]:
    """Two quantiles, as the (B + 1) p-th order statistic; replicates that are no number are left out."""
    finite = values[~np.isnan(values)]
    if len(finite) == 0:
        return -np.inf, np.inf
    ends = np.quantile(finite, [low, high], method="weibull")
    return float(ends[0]), float(ends[1])
