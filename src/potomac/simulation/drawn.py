"""Times as they are drawn: of a normal distribution, what lies below 0 is cut off."""

from __future__ import annotations

import numpy as np

from potomac.simulation.distributions import Distribution

__all__ = ["mean_of", "variance_of"]

CERTAIN = 9.0
"""Standard deviations above 0 from which nothing of a normal distribution is cut off."""


def mean_of(d: Distribution) -> float:
    """Mean of the times that are drawn: of a normal one, what lies below 0 is cut off."""
    return _cut(d)[0] if _is_cut(d) else d.mean


def variance_of(d: Distribution) -> float:
    """Variance of the times that are drawn."""
    return _cut(d)[1] if _is_cut(d) else d.variance


def _is_cut(d: Distribution) -> bool:
    return d.family == "normal" and d["mean"] < CERTAIN * d["sd"]


def _cut(d: Distribution) -> tuple[float, float]:
    """Mean and variance of a normal time above 0 (Johnson and Kotz 1970, ch. 13)."""
    from scipy.special import log_ndtr

    mean, sd = d["mean"], d["sd"]
    a = -mean / sd
    hazard = float(np.exp(-a * a / 2 - log_ndtr(-a))) / np.sqrt(2 * np.pi)
    return mean + sd * hazard, sd * sd * (1 + a * hazard - hazard * hazard)
