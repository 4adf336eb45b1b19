"""Families of distributions and how each is fitted: maximum likelihood, many samples at once.

A sample is a row: fits take values of shape (b, n) and give parameters of shape (b, k), so that the refits of a
bootstrap are one call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.simulation import distributions
from potomac.simulation.distributions import Distribution

__all__ = ["DEFAULT", "FAMILIES", "MOMENTS", "Family"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Family:
    """How a family is fitted, evaluated and drawn from. ``p`` are parameters of shape (b, k), ``x`` values (b, n).

    Attributes:
        name: as in :mod:`potomac.simulation.distributions`.
        parameters: their names.
        fit: values to parameters.
        log_density: of values, (b, n); of counts the logarithm of the probability.
        cdf: of values, (b, n).
        draw: a generator, one row of parameters and a shape to values.
        made: one row of parameters to the distribution.
        positive: whether a value of 0 is impossible.
        counts: whether it is of whole numbers.
    """

    name: str
    parameters: tuple[str, ...]
    fit: Callable[[Floats], Floats]
    log_density: Callable[[Floats, Floats], Floats]
    cdf: Callable[[Floats, Floats], Floats]
    draw: Callable[[np.random.Generator, Floats, tuple[int, int]], Floats]
    made: Callable[..., Distribution]
    positive: bool = False
    counts: bool = False


def _columns(p: Floats) -> list[Floats]:
    return [p[:, i : i + 1] for i in range(p.shape[1])]


# ---- exponential, normal, lognormal, uniform, Pareto: in closed form ------------------------------------------------


def _fit_mean(x: Floats) -> Floats:
    return np.asarray(x.mean(axis=1, keepdims=True))


def _fit_normal(x: Floats) -> Floats:
    return np.column_stack([x.mean(axis=1), x.std(axis=1)])


def _normal_log_density(x: Floats, p: Floats) -> Floats:
    m, s = _columns(p)
    return np.asarray(-0.5 * ((x - m) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi))


def _normal_cdf(x: Floats, p: Floats) -> Floats:
    from scipy.special import ndtr

    m, s = _columns(p)
    return np.asarray(ndtr((x - m) / s))


def _lognormal_made(m: float, s: float) -> Distribution:
    mean = float(np.exp(m + s * s / 2))
    return distributions.lognormal(mean, mean * float(np.sqrt(np.expm1(s * s))))


def _fit_uniform(x: Floats) -> Floats:
    return np.column_stack([x.min(axis=1), x.max(axis=1)])


def _uniform_log_density(x: Floats, p: Floats) -> Floats:
    a, b = _columns(p)
    return np.broadcast_to(-np.log(b - a), x.shape)


def _uniform_cdf(x: Floats, p: Floats) -> Floats:
    a, b = _columns(p)
    return np.asarray(np.clip((x - a) / (b - a), 0, 1))


def _fit_pareto(x: Floats) -> Floats:
    least = x.min(axis=1)
    return np.column_stack([1 / np.log(x / least[:, None]).mean(axis=1), least])


def _pareto_log_density(x: Floats, p: Floats) -> Floats:
    a, m = _columns(p)
    return np.asarray(np.log(a) + a * np.log(m) - (a + 1) * np.log(x))


def _pareto_cdf(x: Floats, p: Floats) -> Floats:
    a, m = _columns(p)
    return np.asarray(-np.expm1(-a * np.log(np.maximum(x / m, 1))))


# ---- gamma, Erlang, Weibull: by Newton's method ---------------------------------------------------------------------


def _fit_gamma(x: Floats) -> Floats:
    """The root of ln k - digamma(k) = ln mean - mean ln, by Minka's (2002) iteration in 1 / k."""
    from scipy.special import digamma, polygamma

    m = x.mean(axis=1)
    s = np.log(m) - np.log(x).mean(axis=1)
    k = (3 - s + np.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s)
    for _ in range(30):
        step = (np.log(k) - digamma(k) - s) / (k * k * (1 / k - polygamma(1, k)))
        k, before = 1 / (1 / k + step), k
        if np.all(np.abs(k - before) <= 1e-12 * k):
            break
    return np.column_stack([k, m / k])


def _gamma_by_moments(x: Floats) -> Floats:
    m, variance = x.mean(axis=1), x.var(axis=1, ddof=1)
    return np.column_stack([m * m / variance, variance / m])


def _gamma_log_density(x: Floats, p: Floats) -> Floats:
    from scipy.special import gammaln

    k, theta = _columns(p)
    return np.asarray((k - 1) * np.log(x) - x / theta - gammaln(k) - k * np.log(theta))


def _gamma_cdf(x: Floats, p: Floats) -> Floats:
    from scipy.special import gammainc

    k, theta = _columns(p)
    return np.asarray(gammainc(k, x / theta))


def _fit_erlang(x: Floats) -> Floats:
    """The likelihood is concave in the shape, so that the best whole one is beside the best gamma's."""
    k, m = _fit_gamma(x)[:, 0], x.mean(axis=1)
    both = [np.column_stack([kk, m]) for kk in (np.maximum(np.floor(k), 1), np.ceil(k))]
    likelihood = [_erlang_log_density(x, p).sum(axis=1) for p in both]
    return np.where((likelihood[0] >= likelihood[1])[:, None], *both)


def _scaled(p: Floats) -> Floats:
    return np.column_stack([p[:, 0], p[:, 1] / p[:, 0]])


def _erlang_log_density(x: Floats, p: Floats) -> Floats:
    return _gamma_log_density(x, _scaled(p))


def _fit_weibull(x: Floats) -> Floats:
    """1 / k = sum x^k ln x / sum x^k - mean ln x, Newton in ln k; the scale is (mean x^k)^(1/k)."""
    y = np.log(x)
    top = y.max(axis=1, keepdims=True)
    y = y - top
    spread = y.std(axis=1)
    k = np.pi / np.sqrt(6) / spread
    average = y.mean(axis=1)
    for _ in range(60):
        w = np.exp(k[:, None] * y)
        total = w.sum(axis=1)
        first, second = (w * y).sum(axis=1) / total, (w * y * y).sum(axis=1) / total
        f = first - average - 1 / k
        slope = second - first**2 + 1 / k**2  # positive: f rises
        step = np.clip(f / slope / k, -0.7, 0.7)
        k = k * np.exp(-step)
        if np.all(np.abs(step) <= 1e-13):
            break
    scale = np.exp(top[:, 0] + np.log(np.exp(k[:, None] * y).mean(axis=1)) / k)
    return np.column_stack([k, scale])


def _weibull_log_density(x: Floats, p: Floats) -> Floats:
    k, scale = _columns(p)
    z = np.log(x / scale)
    return np.asarray(np.log(k / scale) + (k - 1) * z - np.exp(k * z))


def _weibull_cdf(x: Floats, p: Floats) -> Floats:
    k, scale = _columns(p)
    return np.asarray(-np.expm1(-((x / scale) ** k)))


# ---- counts ---------------------------------------------------------------------------------------------------------


def _poisson_log(x: Floats, p: Floats) -> Floats:
    from scipy.special import gammaln, xlogy

    return np.asarray(xlogy(x, p) - p - gammaln(x + 1))


def _poisson_cdf(x: Floats, p: Floats) -> Floats:
    from scipy.special import pdtr

    return np.where(x < 0, 0.0, pdtr(np.floor(np.maximum(x, 0)), p))


def _geometric_log(x: Floats, p: Floats) -> Floats:
    from scipy.special import xlog1py

    return np.asarray(np.log(p) + xlog1py(x - 1, -p))


def _geometric_cdf(x: Floats, p: Floats) -> Floats:
    return np.asarray(-np.expm1(np.maximum(np.floor(x), 0) * np.log1p(-np.minimum(p, 1 - 1e-16))))


_ALL = (
    Family(
        "exponential", ("mean",), _fit_mean,
        lambda x, p: -x / p - np.log(p), lambda x, p: -np.expm1(-x / p),
        lambda g, p, shape: g.exponential(p[0], shape), distributions.exponential,
    ),
    Family(
        "gamma", ("shape", "scale"), _fit_gamma, _gamma_log_density, _gamma_cdf,
        lambda g, p, shape: g.gamma(p[0], p[1], shape), distributions.gamma, positive=True,
    ),
    Family(
        "erlang", ("k", "mean"), _fit_erlang, _erlang_log_density, lambda x, p: _gamma_cdf(x, _scaled(p)),
        lambda g, p, shape: g.gamma(p[0], p[1] / p[0], shape), lambda k, mean: distributions.erlang(int(k), mean),
        positive=True,
    ),
    Family(
        "weibull", ("shape", "scale"), _fit_weibull, _weibull_log_density, _weibull_cdf,
        lambda g, p, shape: p[1] * g.weibull(p[0], shape), distributions.weibull, positive=True,
    ),
    Family(
        "lognormal", ("log_mean", "log_sd"), lambda x: _fit_normal(np.log(x)),
        lambda x, p: _normal_log_density(np.log(x), p) - np.log(x), lambda x, p: _normal_cdf(np.log(x), p),
        lambda g, p, shape: g.lognormal(p[0], p[1], shape), _lognormal_made, positive=True,
    ),
    Family(
        "normal", ("mean", "sd"), _fit_normal, _normal_log_density, _normal_cdf,
        lambda g, p, shape: g.normal(p[0], p[1], shape), distributions.normal,
    ),
    Family(
        "uniform", ("low", "high"), _fit_uniform, _uniform_log_density, _uniform_cdf,
        lambda g, p, shape: g.uniform(p[0], p[1], shape), distributions.uniform,
    ),
    Family(
        "pareto", ("shape", "scale"), _fit_pareto, _pareto_log_density, _pareto_cdf,
        lambda g, p, shape: p[1] * (1 + g.pareto(p[0], shape)), distributions.pareto, positive=True,
    ),
    Family(
        "poisson", ("mean",), _fit_mean, _poisson_log, _poisson_cdf,
        lambda g, p, shape: g.poisson(p[0], shape).astype(float), distributions.poisson, counts=True,
    ),
    Family(
        "geometric", ("p",), lambda x: 1 / _fit_mean(x), _geometric_log, _geometric_cdf,
        lambda g, p, shape: g.geometric(p[0], shape).astype(float), distributions.geometric, positive=True, counts=True,
    ),
)  # fmt: skip

FAMILIES = {family.name: family for family in _ALL}
DEFAULT = ("exponential", "gamma", "weibull", "lognormal", "normal", "uniform")
"""What is fitted where nothing else is asked for."""
MOMENTS = {"gamma": _gamma_by_moments}
"""Families whose fit by moments is told beside the likeliest."""
