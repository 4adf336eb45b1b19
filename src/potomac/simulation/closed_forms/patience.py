"""M/M/c+G: customers who wait give up after a time of any distribution."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma

import numpy as np
import numpy.typing as npt

from potomac.simulation.closed_forms.checks import given
from potomac.simulation.closed_forms.limited import Limited

__all__ = ["mmc_patience"]

Floats = npt.NDArray[np.float64]

ORDER = 16
"""Points of Gauss and Legendre in each piece."""


def mmc_patience(
    arrival_rate: float, service_rate: float, servers: int, beyond: Callable[[Floats], Floats], ends: npt.ArrayLike
) -> Limited:
    """M/M/c+G: the wait that a customer with endless patience would have, V, has a density that is known.

    f(x) = lambda e^(lambda H(x) - c mu x) p, x > 0, with H(x) the integral of P(patience > u) up to x and p the chance
    that c - 1 servers are busy (Baccelli and Hebuterne 1981; Zeltyn and Mandelbaum 2005). Who gives up has V beyond the
    patience, waits are min(V, patience): E W = lambda p times the integral of H e^(lambda H - c mu x).

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_rate: mu, of each server.
        servers: c.
        beyond: times, any shape, to the chance of a patience longer than that.
        ends: of the pieces on which integrals are added up, rising from 0; ``beyond`` must be smooth inside them, and
            nobody wait beyond the last.

    Returns:
        ``wait`` is of all arrivals, those who give up included.

    Raises:
        StudyError: the rates and servers are no such numbers.
    """
    lam, mu, c = given(arrival_rate, service_rate, servers)
    x, w, H = _integrated(beyond, np.asarray(ends, float))
    height = lam * H - c * mu * x
    scale = float(height.max())
    density = w * np.exp(height - scale)
    a, j = lam / mu, np.arange(c)
    before = (j - (c - 1)) * np.log(a) - np.array([lgamma(k + 1) - lgamma(c) for k in range(c)])  # p_j / p_(c - 1)
    idle = float(np.exp(before - scale).sum())
    p = 1 / (idle + lam * float(density.sum()))
    stays = beyond(x)
    p_wait, wait = lam * p * float(density.sum()), lam * p * float(density @ H)
    gives_up = lam * p * float(density @ (1 - stays))
    served = lam * (1 - gives_up)
    wait_served = lam * p * float(density @ (x * stays)) / (1 - gives_up)
    busy = served / mu
    return Limited(
        wait=wait, time_in_station=wait + busy / lam, queue_length=lam * wait, number_in_station=lam * wait + busy,
        utilization=busy / c, throughput=lam, p_wait=p_wait, p_renege=gives_up, busy=busy, served=served,
        wait_served=wait_served,
    )  # fmt: skip


def _integrated(beyond: Callable[[Floats], Floats], ends: Floats) -> tuple[Floats, Floats, Floats]:
    """Points, weights, and the integral of ``beyond`` from 0 to each point: exact for polynomials in each piece."""
    x, w = np.polynomial.legendre.leggauss(ORDER)
    V = np.polynomial.legendre.legvander(x, ORDER - 1)
    up = np.polynomial.legendre.legint(np.eye(ORDER), lbnd=-1, axis=0)  # of each Legendre polynomial, from -1
    to = np.polynomial.legendre.legvander(x, ORDER) @ up @ np.linalg.inv(V)
    half = np.diff(ends)[:, None] / 2
    at = ends[:-1, None] + half * (1 + x)
    G = beyond(at)
    whole = (half * w * G).sum(1)
    H = np.concatenate([[0.0], np.cumsum(whole)[:-1]])[:, None] + half * (G @ to.T)
    return at.ravel(), (half * w).ravel(), H.ravel()
