"""Logarithms of densities and probabilities: the weights of importance sampling are their differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError, listing
from potomac.simulation.distributions import Distribution
from potomac.simulation.quantiles import lognormal_parameters

__all__ = ["log_density"]

Floats = npt.NDArray[np.float64]


def log_density(d: Distribution, x: Floats) -> Floats:
    """Logarithm of the density of ``d`` (of the probability, where it counts) at ``x``; -inf where it cannot be.

    Raises:
        StudyError: the family has no density here (a constant, a trace, a mixture).
    """
    made = _LOG.get(d.family)
    if made is None:
        found = f"{d} has no density to weigh by"
        raise StudyError(Fault("simulation.input", found, f"expected one of {listing(sorted(_LOG), 20)}"))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log = np.asarray(made(d, x), float)
    return np.where(np.isnan(log), -np.inf, log)


def _gammaln(x: Floats | float) -> Floats:
    from scipy.special import gammaln

    return np.asarray(gammaln(x))


def _only(where: npt.NDArray[np.bool_], value: Floats | float) -> Floats:
    return np.where(where, value, -np.inf)


def _normal(m: float, s: float, x: Floats) -> Floats:
    return np.asarray(-(((x - m) / s) ** 2) / 2 - np.log(s * np.sqrt(2 * np.pi)))


def _lognormal(d: Distribution, x: Floats) -> Floats:
    y = np.log(np.where(x > 0, x, 1.0))
    return _only(x > 0, _normal(*lognormal_parameters(d), y) - y)


def _gamma(shape: float, scale: float, x: Floats) -> Floats:
    y = np.where(x > 0, x, 1.0) / scale
    return _only(x > 0, (shape - 1) * np.log(y) - y - _gammaln(shape) - np.log(scale))


def _weibull(d: Distribution, x: Floats) -> Floats:
    k, y = d["shape"], np.where(x > 0, x, 1.0) / d["scale"]
    return _only(x > 0, np.log(k / d["scale"]) + (k - 1) * np.log(y) - y**k)


def _pareto(d: Distribution, x: Floats) -> Floats:
    a, m = d["shape"], d["scale"]
    return _only(x >= m, np.log(a / m) - (a + 1) * np.log(np.where(x >= m, x, m) / m))


def _beta(d: Distribution, x: Floats) -> Floats:
    a, b, width = d["a"], d["b"], d["high"] - d["low"]
    y = (x - d["low"]) / width
    log_beta = _gammaln(a) + _gammaln(b) - _gammaln(a + b)
    return _only((y > 0) & (y < 1), (a - 1) * np.log(y) + (b - 1) * np.log1p(-y) - log_beta - np.log(width))


def _triangular(d: Distribution, x: Floats) -> Floats:
    a, c, b = d["low"], d["mode"], d["high"]
    rising = np.log(2 * (x - a) / ((b - a) * max(c - a, 1e-300)))
    falling = np.log(2 * (b - x) / ((b - a) * max(b - c, 1e-300)))
    return _only((x >= a) & (x <= b), np.where(x < c, rising, falling))


def _poisson(d: Distribution, x: Floats) -> Floats:
    return _only(_counts(x), x * np.log(d["mean"]) - d["mean"] - _gammaln(np.maximum(x, 0) + 1))


def _geometric(d: Distribution, x: Floats) -> Floats:
    return _only(_counts(x) & (x >= 1), np.log(d["p"]) + np.where(x > 1, (x - 1) * np.log1p(-d["p"]), 0.0))


def _binomial(d: Distribution, x: Floats) -> Floats:
    n, p, k = d["n"], d["p"], np.clip(x, 0, d["n"])
    ways = _gammaln(n + 1) - _gammaln(k + 1) - _gammaln(n - k + 1)
    hits, misses = np.where(k > 0, k * np.log(p), 0.0), np.where(k < n, (n - k) * np.log1p(-p), 0.0)
    return _only(_counts(x) & (x <= n), ways + hits + misses)


def _discrete(d: Distribution, x: Floats) -> Floats:
    values = np.asarray(d.values)
    shares = np.asarray(d.shares) if d.shares else np.full(values.size, 1 / values.size)
    each, place = np.unique(values, return_inverse=True)
    p = np.bincount(place, shares)
    at = np.minimum(np.searchsorted(each, x), each.size - 1)
    return np.where(each[at] == x, np.log(p[at]), -np.inf)


def _counts(x: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray((x >= 0) & (x == np.floor(x)))


_LOG: Mapping[str, Callable[[Distribution, Floats], Floats]] = {
    "exponential": lambda d, x: _only(x >= 0, -x / d["mean"] - np.log(d["mean"])),
    "uniform": lambda d, x: _only((x >= d["low"]) & (x <= d["high"]), -np.log(d["high"] - d["low"])),
    "gamma": lambda d, x: _gamma(d["shape"], d["scale"], x),
    "erlang": lambda d, x: _gamma(d["k"], d["mean"] / d["k"], x),
    "weibull": _weibull,
    "lognormal": _lognormal,
    "normal": lambda d, x: _normal(d["mean"], d["sd"], x),
    "triangular": _triangular,
    "pareto": _pareto,
    "beta": _beta,
    "poisson": _poisson,
    "geometric": _geometric,
    "binomial": _binomial,
    "discrete": _discrete,
    "empirical": _discrete,
}  # fmt: skip
