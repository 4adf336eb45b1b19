"""The newsvendor with any demand: what to buy before it is known, and what that earns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.simulation.closed_forms.stock import (
    Newsvendor,
    bought,
    newsvendor_discrete,
    newsvendor_exponential,
    newsvendor_normal,
    newsvendor_poisson,
    newsvendor_uniform,
)
from potomac.simulation.distributions import Distribution
from potomac.simulation.quantiles import lognormal_parameters, table

__all__ = ["newsvendor"]

Floats = npt.NDArray[np.float64]


def newsvendor(price: float, cost: float, salvage: float, demand: Distribution, goodwill: float = 0.0) -> Newsvendor:
    """Any demand: q is its quantile at the critical ratio, (p - c + g) / (p - s + g) (Zipkin 2000, ch. 6).

    What is left over, E (q - D)^+, is q F(q) less the integral of the quantiles up to F(q): in closed form for gamma
    and lognormal demand, else added up. A normal demand is not cut off at 0.

    Args:
        price: p of one sold.
        cost: c of one bought.
        salvage: s for one left over.
        demand: continuous, or of a few values or whole numbers.
        goodwill: g, lost with one that is asked for and not there.

    Raises:
        StudyError: it is not salvage < cost < price, or the demand has no mean or is a trace.
    """
    prices = price, cost, salvage
    if demand.is_trace or not np.isfinite(demand.mean):
        found = f"the demand {demand} has no {'quantiles' if demand.is_trace else 'mean'}"
        raise StudyError(Fault("simulation.parameter", found, "expected a distribution with a mean", key="demand"))
    if demand.family == "normal":
        return newsvendor_normal(*prices, demand["mean"], demand["sd"], goodwill)
    if demand.family == "uniform" and demand["low"] < demand["high"]:
        return newsvendor_uniform(*prices, demand["low"], demand["high"], goodwill)
    if demand.family == "exponential":
        return newsvendor_exponential(*prices, demand.mean, goodwill)
    if demand.family == "poisson":
        return newsvendor_poisson(*prices, demand.mean, goodwill)
    if demand.variance == 0 or demand.family in ("discrete", "empirical", "binomial", "geometric"):
        return newsvendor_discrete(*prices, *_values(demand), goodwill)
    ratio = bought(*prices, goodwill).ratio
    q = float(demand.ppf(ratio))
    return bought(*prices, goodwill).answer(q, demand.mean, q * ratio - _below(demand, ratio, q))


def _values(d: Distribution) -> tuple[Floats, Floats]:
    if d.variance == 0:
        return np.array([d.mean]), np.ones(1)
    if d.family == "geometric":
        x = np.arange(1.0, np.ceil(-45 / np.log1p(-d["p"])) + 2)
        p = d["p"] * (1 - d["p"]) ** (x - 1)
        return x, p / p.sum()
    x, cumulative = table(d)
    return x, np.diff(cumulative, prepend=0.0)


def _below(d: Distribution, ratio: float, q: float) -> float:
    """E D over the demands up to q, the integral of the quantiles from 0 to the ratio."""
    from scipy.special import gammainc, ndtr

    if d.family in ("gamma", "erlang"):
        shape = 1 / d.cv**2
        return float(d.mean * gammainc(shape + 1, q * shape / d.mean))
    if d.family == "lognormal":
        mu, sigma = lognormal_parameters(d)
        return float(d.mean * ndtr((np.log(q) - mu) / sigma - sigma))
    ends = np.append(0.0, ratio * 2.0 ** np.arange(-60.0, 1.0))  # quantiles may be steep at 0
    x, w = np.polynomial.legendre.leggauss(20)
    half = np.diff(ends) / 2
    u = (ends[:-1] + half)[:, None] + half[:, None] * x
    return float((half[:, None] * w * d.ppf(u)).sum())
