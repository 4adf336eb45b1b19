"""Do probabilities come true? Reliability, the parts of Brier's score, and the tests of Hosmer, Spiegelhalter and Cox.

The chi-square law of Hosmer and Lemeshow's statistic (1980) is rough; here every statistic is compared with those of
outcomes that are drawn with the probabilities themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from potomac.simulation.arrow import table_of
from potomac.stats.intervals import proportion_interval

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["bins_of", "brier", "hosmer_lemeshow", "logit", "reliability", "slope", "spiegelhalter"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS = 10
"""Groups of rows by their probability, of equal size."""

EDGE = 1e-12
"""How near to 0 and 1 a probability may come where its logarithm is taken."""


def bins_of(p: Floats, bins: int = BINS) -> Ints:
    """The group of each row, by quantiles of the probabilities; equal ones lie in one group, shape (n,)."""
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)[1]


def hosmer_lemeshow(y: Floats, p: Floats, group: Ints) -> float:
    """Sum over groups of (observed - expected)^2 / (n p (1 - p)), p the group's mean probability.

    Args:
        y: outcomes, 0 or 1, shape (n,).
        p: probabilities, shape (n,).
        group: of each row, shape (n,).
    """
    n, expected = np.bincount(group), np.bincount(group, p)
    variance = expected * (1 - expected / n)
    apart = (np.bincount(group, y, minlength=len(n)) - expected) ** 2
    return float((apart / np.maximum(variance, 1e-9)).sum())


def spiegelhalter(y: Floats, p: Floats) -> float:
    """Z of Brier's score: sum (y - p)(1 - 2p), standardised; above 0 where it is worse than promised.

    Spiegelhalter 1986, "Probabilistic prediction in patient management and clinical trials". 0 where all
    probabilities are 0, one half or 1.
    """
    variance = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    return float(((y - p) * (1 - 2 * p)).sum() / np.sqrt(variance)) if variance > 0 else 0.0


def logit(p: Floats) -> Floats:
    """Logarithm of the odds; probabilities of 0 and 1 are taken as very near to them."""
    p = np.clip(p, EDGE, 1 - EDGE)
    return np.asarray(np.log(p) - np.log1p(-p))


def slope(y: Floats, p: Floats) -> tuple[float, float]:
    """Intercept and slope of the logistic regression of outcomes on the log odds that were promised (Cox 1958).

    (0, 1) where the probabilities are right; a slope below 1 says that they are too extreme.

    Args:
        y: outcomes, 0 or 1, or the true probabilities, shape (n,).
        p: promised, shape (n,).

    Returns:
        NaN where outcomes or probabilities are all alike, or the outcomes are parted by them.
    """
    x = logit(p)
    if np.ptp(x) < 1e-9 or np.ptp(y) == 0:
        return float("nan"), float("nan")
    beta = np.zeros(2)
    for _ in range(50):
        mu = 1 / (1 + np.exp(-np.clip(beta[0] + beta[1] * x, -500, 500)))
        w, r = mu * (1 - mu), y - mu
        a, b, c = w.sum(), (w * x).sum(), (w * x * x).sum()
        det = a * c - b * b
        if not det > 1e-12 * a * c or not a > 0:
            return float("nan"), float("nan")
        g, h = r.sum(), (r * x).sum()
        step = np.array([c * g - b * h, a * h - b * g]) / det  # Newton's
        beta += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-8:
            return float(beta[0]), float(beta[1])
    return float("nan"), float("nan")


def reliability(y: Floats, p: Floats, group: Ints, confidence: float = 0.95) -> pa.Table:
    """One row a group: n, predicted (mean probability), observed (share), low, high (Wilson's interval of it)."""
    n = np.bincount(group)
    came = np.bincount(group, y, minlength=len(n))
    low, high = proportion_interval(came, n, confidence)
    promised = np.bincount(group, p) / n
    columns = {"predicted": promised, "observed": came / n, "low": low, "high": high}
    return table_of({"n": n.tolist()} | {name: values.tolist() for name, values in columns.items()})


def brier(y: Floats, p: Floats, group: Ints) -> dict[str, float]:
    """Brier's score and its parts (Murphy 1973): score = reliability - resolution + uncertainty + within groups.

    Reliability (smaller is better) is how far shares lie from the probabilities, resolution (larger is better) how far
    they lie apart, uncertainty what would be left by always promising the mean.
    """
    n, mean = np.bincount(group), float(y.mean())
    share, promised = np.bincount(group, y, minlength=len(n)) / n, np.bincount(group, p) / n
    score = float(((y - p) ** 2).mean())
    parts = {
        "reliability": float((n * (promised - share) ** 2).sum() / len(y)),
        "resolution": float((n * (share - mean) ** 2).sum() / len(y)),
        "uncertainty": mean * (1 - mean),
    }
    within = score - (parts["reliability"] - parts["resolution"] + parts["uncertainty"])
    return {"brier": score, **parts, "within": within}
