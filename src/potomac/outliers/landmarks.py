"""How far is a row from others: the contrast against fakes whose distance is spread over all scales alike.

Distances are taken to the nearest of a few rows drawn at random, many times over. Few rows do it better than many:
a small group of strange rows is hardly ever drawn, so that it cannot vouch for itself (Sugiyama and Borgwardt 2013,
Rapid distance-based outlier detection via sampling; Bandaragoda et al. 2018, isolation by nearest neighbours).

The fakes are known in closed form and need not be drawn: a is the mean logarithm of those distances, and a fake's a
is uniform, since no scale is favoured. Above the median of the real rows, a is taken as exponential, which is to say
that distances have a Pareto tail (Hill 1975, The Annals of Statistics 3, 1163-1174). The log odds are then a line,

    log p_real(a) - log p_fake(a) = constant - rate (a - median),    rate = log 2 / (third quartile - median),

which never levels off, however far a row lies, where a tree has a last leaf.

A sample of landmarks that holds a row says nothing about that row. Rows are known by a key of their values: of a row
that occurs m times, a sample that holds it counts (m - 1) / m, the chance that it is one of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.outliers.spans import in_spans
from potomac.stats.compiled import compiled

__all__ = ["Landmarks", "fit_landmarks"]

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

_SPAN = 1_024  # fewest rows that are worth a thread
_ROWS = 64  # rows a block: the innermost loop runs over them and is vectorised
_LARGEST = 1e100  # in robust units; beyond, sums of distances could overflow
_TAIL = 0.1  # the scale of a column is its range without this share at either end
_NORMAL_RANGE = 2.5631031310892007  # that range of the standard normal distribution, twice its 0.9 quantile
_TIE = 1e-3  # distances below this share of the mean distance count as equal
_ROUNDING = 1e-9  # differences of a, a logarithm, that mean nothing
_UNKNOWN = 1.0  # distance, in robust units, of a missing value from one that is known
_QUARTILE_ROWS = 4096  # rows on which median and quartile are measured


@dataclass(frozen=True)
class Landmarks:
    """The fitted contrast for p columns.

    Attributes:
        centre: median of each column, shape (p,).
        scale: robust spread of each column, 1 for the standard normal, shape (p,).
        points: s samples of k landmarks in robust units, shape (s, k, p); NaN is missing.
        keys: their rows' keys, shape (s, k).
        median: median a of real rows, shape (1,).
        rate: log odds lost for each unit of a, shape (1,).
        tie: least distance told from none, shape (1,).
    """

    centre: Floats
    scale: Floats
    points: Floats
    keys: Keys
    median: Floats
    rate: Floats
    tie: Floats

    def log_odds(self, X: Floats, keys: Keys, others: Floats) -> Floats:
        """Log odds against a fake of any distance, shape (n,); 0 for the median real row.

        Args:
            X: shape (n, p); NaN is missing.
            keys: key of each row's values, shape (n,).
            others: weight of a sample that holds the row, shape (n,).
        """
        z = _standardise(X, self.centre, self.scale)
        a = _mean_log_distance(z, keys, others, self.points, self.keys, self.tie[0])
        return np.asarray(-self.rate[0] * (a - self.median[0]))


def fit_landmarks(
    X: Floats, keys: Keys, others: Floats, *, samples: int, size: int, generator: np.random.Generator
) -> Landmarks:
    """Draw landmarks from the rows of ``X`` and measure how far these rows lie from each other's landmarks.

    Args:
        X: at least two rows, shape (n, p); NaN is missing.
        keys: key of each row's values, shape (n,).
        others: weight of a sample that holds the row, shape (n,).
        samples: number of samples.
        size: landmarks a sample; at most half of the rows are taken.
        generator: draws the samples.

    Raises:
        ValueError: fewer than two rows.
    """
    n = len(X)
    if n < 2:
        raise ValueError(f"landmarks need at least two rows; found {n}")
    centre, scale = _robust(X)
    z = _standardise(X, centre, scale)
    members = np.array([generator.choice(n, min(size, n // 2), replace=False) for _ in range(samples)])
    points = z[members]
    rows = np.arange(n) if n <= _QUARTILE_ROWS else generator.choice(n, _QUARTILE_ROWS, replace=False)
    tie = _TIE * _mean_distance(z[rows], points[0])
    a = _mean_log_distance(z[rows], keys[rows], others[rows], points, keys[members], tie)
    median, rate = _tail(a)
    return Landmarks(centre, scale, points, keys[members], np.array([median]), np.array([rate]), np.array([tie]))


def _robust(X: Floats) -> tuple[Floats, Floats]:
    """Median and spread of each column without its missing values, both (p,); a constant column has spread 1."""
    p = X.shape[1]
    centre, scale = np.zeros(p), np.ones(p)
    for j in range(p):
        x = X[:, j][~np.isnan(X[:, j])]
        if x.size == 0:
            continue
        low, centre[j], high = np.quantile(x, [_TAIL, 0.5, 1.0 - _TAIL])
        with np.errstate(over="ignore", invalid="ignore"):
            spreads = (high / _NORMAL_RANGE - low / _NORMAL_RANGE, np.std(x))
        scale[j] = next((s for s in spreads if np.isfinite(s) and s > 0.0), 1.0)
    return centre, scale


def _standardise(X: Floats, centre: Floats, scale: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(np.clip((X - centre) / scale, -_LARGEST, _LARGEST))


def _mean_distance(z: Floats, points: Floats) -> float:
    """Mean distance of rows and landmarks; 1 where all are the same."""
    total = 0.0
    for point in points:
        difference = np.abs(z - point)
        both = np.isnan(z) & np.isnan(point)
        total += float(np.mean(np.where(both, 0.0, np.where(np.isnan(difference), _UNKNOWN, difference)).sum(axis=1)))
    return total / len(points) or 1.0


def _tail(a: Floats) -> tuple[float, float]:
    """Median of a, and the rate of the exponential law above it that has the same third quartile."""
    median, quartile = np.quantile(a, [0.5, 0.75])
    if quartile - median > _ROUNDING:
        return float(median), float(np.log(2.0) / (quartile - median))
    excess = float(np.mean(np.maximum(a - median, 0.0)))  # more than a quarter of ties
    return float(median), 0.5 / excess if excess > _ROUNDING else 1.0


def _mean_log_distance(z: Floats, own: Keys, others: Floats, points: Floats, keys: Keys, tie: float) -> Floats:
    """The mean over the samples of the log distance to the nearest landmark, shape (n,)."""
    out = np.zeros(len(z))
    in_spans(
        len(z), lambda a, b: _mean_log_distances(z[a:b], own[a:b], others[a:b], points, keys, tie, out[a:b]), _SPAN
    )
    return out


@compiled(nogil=True)
def _mean_log_distances(
    z: Floats, own: Keys, others: Floats, points: Floats, keys: Keys, tie: float, out: Floats
) -> None:
    """Fill a, shape (n,): the mean over the samples of log(tie + distance to the nearest landmark).

    The distance is the sum of absolute differences. A missing value is at 0 from another, and at ``_UNKNOWN`` from
    one that is known, so that a rare gap counts as a rare value does.
    """
    n, p = z.shape
    for block in range((n + _ROWS - 1) // _ROWS):
        first = block * _ROWS
        rows = min(n, first + _ROWS) - first
        x = np.zeros((p, _ROWS))
        for i in range(rows):
            for j in range(p):
                x[j, i] = z[first + i, j]
        total, count = np.zeros(_ROWS), np.zeros(_ROWS)
        for sample in range(points.shape[0]):
            nearest, inside = np.full(_ROWS, np.inf), np.zeros(_ROWS, np.bool_)
            for k in range(points.shape[1]):
                distance = np.zeros(_ROWS)
                for j in range(p):
                    y = points[sample, k, j]
                    if np.isnan(y):
                        for i in range(_ROWS):
                            distance[i] += 0.0 if np.isnan(x[j, i]) else _UNKNOWN
                    else:
                        for i in range(_ROWS):
                            difference = abs(x[j, i] - y)
                            distance[i] += difference if difference == difference else _UNKNOWN
                for i in range(_ROWS):
                    nearest[i] = min(nearest[i], distance[i])
                for i in range(rows):
                    inside[i] |= own[first + i] == keys[sample, k]
            for i in range(rows):
                weight = others[first + i] if inside[i] else 1.0
                total[i] += weight * np.log(tie + nearest[i])
                count[i] += weight
        for i in range(rows):
            out[first + i] = total[i] / count[i] if count[i] > 0.0 else np.log(tie)
