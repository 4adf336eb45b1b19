"""Quantiles of each distribution, by SciPy or in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from potomac.simulation.distributions import Distribution

__all__ = ["lognormal_parameters", "ppf", "table"]

Floats = npt.NDArray[np.float64]


def lognormal_parameters(d: Distribution) -> tuple[float, float]:
    """Mean and standard deviation of the logarithms."""
    variance = float(np.log1p((d["sd"] / d["mean"]) ** 2))
    return float(np.log(d["mean"])) - variance / 2, float(np.sqrt(variance))


def ppf(d: Distribution, u: Floats) -> Floats:
    """Quantiles of ``d`` at ``u``, the same shape."""
    return np.asarray(_PPF[d.family](d, u), float)


def table(d: Distribution) -> tuple[Floats, Floats]:
    """Values and cumulative probabilities of a discrete distribution, as far as they are told from 1."""
    if d.family in ("discrete", "empirical"):
        x = np.asarray(d.values)
        return _sorted(x, np.asarray(d.shares) if d.shares else np.full(x.size, 1 / x.size))
    far = 10 * np.sqrt(d.variance) + 40  # beyond it lies less than 1e-20 of either
    x = np.arange(max(np.floor(d.mean - far), 0.0), d.mean + far)
    return x, _closed(np.asarray(_law(d).cdf(x), float))


def _sorted(x: Floats, p: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(x, kind="stable")
    return x[order], _closed(np.cumsum(p[order]))


def _closed(cumulative: Floats) -> Floats:
    cumulative = cumulative / cumulative[-1]
    cumulative[-1] = 1.0
    return cumulative


def _law(d: Distribution) -> Any:
    from scipy import stats

    return stats.poisson(d["mean"]) if d.family == "poisson" else stats.binom(int(d["n"]), d["p"])


def _tabled(d: Distribution, u: Floats) -> Floats:
    x, cumulative = table(d)
    return x[np.minimum(np.searchsorted(cumulative, u, side="right"), x.size - 1)]


def _triangular(d: Distribution, u: Floats) -> Floats:
    a, c, b = d["low"], d["mode"], d["high"]
    left = a + np.sqrt(u * (b - a) * (c - a))
    return np.where(u * (b - a) < c - a, left, b - np.sqrt((1 - u) * (b - a) * (b - c)))


def _hyperexponential(d: Distribution, u: Floats) -> Floats:
    """By bisection on the survival function, which falls."""
    m, w = np.asarray(d.values)[:, None], np.asarray(d.shares)[:, None]
    flat = np.atleast_1d(u).ravel()
    low = np.zeros(flat.size)
    with np.errstate(divide="ignore"):
        high = -m.max() * np.log1p(-flat)  # the slowest phase alone takes longer
    for _ in range(200):
        middle = (low + high) / 2
        below = (w * -np.expm1(-middle / m)).sum(0) < flat
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(np.isinf(high), np.inf, high).reshape(np.shape(u))


def _gamma(shape: float, u: Floats) -> Any:
    from scipy.special import gammaincinv

    return gammaincinv(shape, u)


def _ndtri(u: Floats) -> Any:
    from scipy.special import ndtri

    return ndtri(u)


def _lognormal(d: Distribution, u: Floats) -> Floats:
    mu, sigma = lognormal_parameters(d)
    return np.asarray(np.exp(mu + sigma * _ndtri(u)))


def _beta(d: Distribution, u: Floats) -> Floats:
    from scipy.special import betaincinv

    return np.asarray(d["low"] + (d["high"] - d["low"]) * betaincinv(d["a"], d["b"], u))


_PPF: dict[str, Any] = {
    "deterministic": lambda d, u: np.full(u.shape, d["value"]),
    "exponential": lambda d, u: -d["mean"] * np.log1p(-u),
    "uniform": lambda d, u: d["low"] + (d["high"] - d["low"]) * u,
    "gamma": lambda d, u: d["scale"] * _gamma(d["shape"], u),
    "erlang": lambda d, u: d["mean"] / d["k"] * _gamma(d["k"], u),
    "weibull": lambda d, u: d["scale"] * (-np.log1p(-u)) ** (1 / d["shape"]),
    "lognormal": _lognormal,
    "normal": lambda d, u: d["mean"] + d["sd"] * _ndtri(u),
    "triangular": _triangular,
    "pareto": lambda d, u: d["scale"] * (1 - u) ** (-1 / d["shape"]),
    "beta": _beta,
    "hyperexponential": _hyperexponential,
    "geometric": lambda d, u: np.floor(np.log1p(-u) / np.log1p(-d["p"])) + 1 if d["p"] < 1 else np.ones(u.shape),
    "poisson": _tabled,
    "binomial": _tabled,
    "discrete": _tabled,
    "empirical": _tabled,
}
