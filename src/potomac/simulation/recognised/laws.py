"""What closed forms ask of a distribution: moments as it is drawn, chances of whole numbers, survival, transform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.simulation.closed_forms import Transform
from potomac.simulation.distributions import Distribution
from potomac.simulation.drawn import mean_of, variance_of
from potomac.simulation.quantiles import lognormal_parameters, table

__all__ = [
    "Nodes", "Survival", "mean_of", "nodes", "numeric_transform", "pieces", "survival", "variance_of", "whole_chances",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Survival = Callable[[Floats], Floats]
"""Times, any shape, to the chance that what is drawn is longer."""


def whole_chances(d: Distribution) -> Floats | None:
    """Chances of 0, 1, 2, ..., where only whole numbers are drawn."""
    if d.family == "deterministic":
        x, p = np.array([d["value"]]), np.ones(1)
    elif d.family in ("discrete", "empirical", "poisson", "binomial"):
        x, cumulative = table(d)
        p = np.diff(cumulative, prepend=0.0)
    elif d.family == "geometric":
        x = np.arange(1.0, np.ceil(-45 / np.log1p(-d["p"])) + 2) if d["p"] < 1 else np.ones(1)
        p = d["p"] * (1 - d["p"]) ** (x - 1)
        p /= p.sum()
    else:
        return None
    if (x % 1 != 0).any() or x.min() < 0 or x.max() > 100_000:
        return None
    return np.asarray(np.bincount(x.astype(np.int64), weights=p), float)


def survival(d: Distribution) -> Survival | None:
    """P(X > t) of a time, continuous; None where it is not."""
    made = _SURVIVAL.get(d.family)
    return None if made is None or (d.family == "uniform" and d["high"] == d["low"]) else made(d)


def _gamma(shape: float, scale: float) -> Survival:
    from scipy.special import gammaincc

    return lambda t: np.asarray(gammaincc(shape, t / scale))


def _lognormal(d: Distribution) -> Survival:
    from scipy.special import ndtr

    mu, sigma = lognormal_parameters(d)

    def at(t: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(ndtr((mu - np.log(t)) / sigma))

    return at


def _normal(d: Distribution) -> Survival:
    from scipy.special import ndtr

    mean, sd = d["mean"], d["sd"]
    return lambda t: np.asarray(ndtr((mean - t) / sd) / ndtr(mean / sd))


def _triangular(d: Distribution) -> Survival:
    a, c, b = d["low"], d["mode"], d["high"]

    def at(t: Floats) -> Floats:
        left = 1 - (t - a) ** 2 / ((b - a) * (c - a)) if c > a else np.ones_like(t)
        right = (b - t) ** 2 / ((b - a) * (b - c)) if b > c else np.zeros_like(t)
        return np.where(t <= a, 1.0, np.where(t < c, left, np.where(t < b, right, 0.0)))

    return at


def _beta(d: Distribution) -> Survival:
    from scipy.special import betaincc

    low, width = d["low"], d["high"] - d["low"]
    return lambda t: np.asarray(betaincc(d["a"], d["b"], np.clip((t - low) / width, 0.0, 1.0)))


def _mixture(d: Distribution) -> Survival:
    m, w = np.asarray(d.values), np.asarray(d.shares)
    return lambda t: np.asarray(np.exp(-np.asarray(t)[..., None] / m) @ w)


_SURVIVAL: dict[str, Callable[[Distribution], Survival]] = {
    "exponential": lambda d: lambda t: np.exp(-t / d["mean"]),
    "gamma": lambda d: _gamma(d["shape"], d["scale"]),
    "erlang": lambda d: _gamma(d["k"], d["mean"] / d["k"]),
    "weibull": lambda d: lambda t: np.exp(-((t / d["scale"]) ** d["shape"])),
    "lognormal": _lognormal,
    "normal": _normal,
    "uniform": lambda d: lambda t: np.clip((d["high"] - t) / (d["high"] - d["low"]), 0.0, 1.0),
    "triangular": _triangular,
    "beta": _beta,
    "pareto": lambda d: lambda t: np.minimum(t / d["scale"], np.inf).clip(1.0) ** -d["shape"],
    "hyperexponential": _mixture,
}


@dataclass(frozen=True, slots=True)
class Nodes:
    """Points and weights of an integral over all times above 0."""

    at: Floats
    weights: Floats


KINKS = {"uniform": ("low", "high"), "triangular": ("low", "mode", "high"), "beta": ("low", "high"),
         "pareto": ("scale",)}  # fmt: skip


def pieces(laws: list[Distribution]) -> Floats:
    """Ends of pieces that double from very short ones, parted where a survival has a kink."""
    least = min(mean_of(d) for d in laws) * 2.0**-40
    most = max(mean_of(d) for d in laws) * 2.0**12
    ends = least * 2.0 ** np.arange(0, np.ceil(np.log2(most / least)) + 0.5, 0.5)
    kinks = [d[name] for d in laws for name in KINKS.get(d.family, ())]
    ends = np.unique(np.concatenate([[0.0], ends, [k for k in kinks if k > 0]]))
    for k in kinks:  # a power of the distance from an end, such as that of beta, is as steep as one from 0
        near = max(k, least) * 2.0 ** -np.arange(1.0, 45.0)
        ends = np.unique(np.concatenate([ends, k + near, np.maximum(k - near, 0.0)]))
    return np.asarray(ends)


def nodes(laws: list[Distribution]) -> Nodes:
    """Gauss and Legendre's points on these pieces."""
    ends = pieces(laws)
    x, w = np.polynomial.legendre.leggauss(16)
    half = np.diff(ends) / 2
    return Nodes(((ends[:-1] + half)[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel())


def numeric_transform(d: Distribution) -> Transform | None:
    """E e^(-s X) = 1 - s times the integral of e^(-s t) P(X > t), added up on points that are found once."""
    beyond = survival(d)
    if beyond is None:
        return None
    points = nodes([d])
    left = points.weights * beyond(points.at)

    def transform(s: float) -> float:
        return float(1 - s * (left @ np.exp(-s * points.at)))

    return transform
