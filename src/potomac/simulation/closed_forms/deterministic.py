"""M/D/c: Poisson arrivals, c servers, every service as long. Crommelin's queue, from three sides.

Customers go to the servers in turn, as none overtakes another, so that each server sees E_c/D/1: Spitzer's identity
gives means as sums of positive terms. Near saturation these sums are long, and the roots of the generating function of
the number inside are used. The distribution of the wait is Franx's, which only adds as well.
"""

from __future__ import annotations

from functools import cached_property
from math import ceil, log

import numpy as np
import numpy.typing as npt

from potomac.simulation.closed_forms.checks import positive, stable, whole
from potomac.simulation.closed_forms.station import Station, of_wait

__all__ = ["md1", "mdc"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

TERMS = 100_000
"""Spitzer's sum is taken where it needs no more terms."""
POINTS = 1 << 22
"""The most points on the unit circle, times servers, that the distribution of the wait is taken from."""


def md1(arrival_rate: float, service: float) -> Station:
    """M/D/1: Poisson arrivals, one server, each service as long; Wq = rho D / (2 (1 - rho)). See :func:`mdc`."""
    return mdc(arrival_rate, service, 1)


def mdc(arrival_rate: float, service: float, servers: int = 1) -> Station:
    """M/D/c (Crommelin 1932; Tijms, A First Course in Stochastic Models, ch. 9; Franx 2001, A simple solution).

    Args:
        arrival_rate: lambda, customers a unit of time.
        service: D, the time that each service takes.
        servers: c.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below the number of servers.
    """
    lam, D, c = positive("arrival_rate", arrival_rate), positive("service", service), whole("servers", servers)
    a = lam * D
    stable(a, c)
    terms = 40 / (c * (a / c - 1 - log(a / c))) + 10  # Chernoff: the l-th term is below e^(-l c (rho - 1 - ln rho))
    Lq, p_wait = _by_sums(c, a, ceil(terms)) if terms <= TERMS else _by_roots(c, a)
    franx = _Franx(c, a)
    known = franx.points * c <= POINTS
    return of_wait(lam, Lq / lam, D, c, p_wait=p_wait, tail=(lambda t: franx.beyond(t / D)) if known else None)


def _by_sums(c: int, a: float, terms: int) -> tuple[float, float]:
    """Mean queue and chance of a wait: E W = sum E (l D - G_l)^+ / l and P(W = 0) = exp(-sum P(l D > G_l) / l).

    G_l is the time of l c arrivals, so that l D > G_l where a Poisson number N of mean l a is l c or more (Asmussen,
    Applied Probability and Queues, ch. VIII).
    """
    from scipy.special import pdtrc

    step = np.arange(1.0, terms + 1)
    reached, passed = pdtrc(step * c - 1, step * a), pdtrc(step * c, step * a)  # N >= l c, N > l c
    return float(np.sum(a * reached - c * passed)), float(-np.expm1(-np.sum(reached / step)))


def _by_roots(c: int, a: float) -> tuple[float, float]:
    """The same from the roots z_1 .. z_(c-1) of z^c = e^(a (z - 1)) inside the unit circle.

    Lq = a / (2 (c - a)) - (c - 1 + a) / 2 + sum 1 / (1 - z_k); P(number < c) = (c - a) / prod (1 - z_k).
    """
    z = _roots(c, a)
    Lq = a / (2 * (c - a)) - (c - 1 + a) / 2 + float((1 / (1 - z)).sum().real)
    return Lq, 1 - (c - a) * float(np.exp(-np.log(1 - z).sum()).real)


def _roots(c: int, a: float) -> Complexes:
    """z_k = w_k e^(a (z_k - 1) / c) with w_k the c-th roots of 1, by Newton from inside the circle."""
    w = np.exp(2j * np.pi * np.arange(1, c) / c)
    z = np.zeros(c - 1, complex)
    for _ in range(20):  # the map contracts by at least a / c; it brings Newton's start near
        z = w * np.exp(a / c * (z - 1))
    for _ in range(50):
        image = w * np.exp(a / c * (z - 1))
        z, before = z - (z - image) / (1 - a / c * image), z
        if np.abs(z - before).max(initial=0.0) < 1e-15:
            break
    return z


class _Franx:
    """The distribution of the wait, in services: P(W <= x) = sum over j < k c of Q(k c - 1 - j) Poisson(j; a (k - x)).

    Here k - 1 <= x < k, and Q(j) is the chance that at most j are in the queue.
    """

    def __init__(self, c: int, a: float) -> None:
        self.c, self.a = c, a
        low, high = 1.0, 2.0  # the root z > 1 of z^c = e^(a (z - 1)): the chance of n inside falls as z^-n
        while c * log(high) > a * (high - 1):
            low, high = high, 2 * high
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if c * log(middle) > a * (middle - 1) else (low, middle)
        need = c + 40 / log(high) if high < 1e6 else c + 40
        self.points = 1 << ceil(log(need, 2))

    @cached_property
    def queue(self) -> Floats:
        """Q(0), Q(1), ..., from the generating function of the number inside, on the unit circle."""
        c, a, n = self.c, self.a, self.points
        roots = _roots(c, a)
        z = np.exp(2j * np.pi * np.arange(1, n) / n)
        A = np.exp(a * (z - 1))
        product = (c - a) * (z - 1)
        for root in roots:
            product *= (z - root) / (1 - root)
        inside = np.fft.fft(np.concatenate([[1.0], A * product / (z**c - A)])).real / n
        return np.asarray(np.cumsum(np.maximum(inside, 0.0))[c:])

    def beyond(self, x: Floats) -> Floats:
        """The chance that a wait is longer than ``x`` services, of any shape."""
        return np.vectorize(self._beyond, otypes=[float])(x)  # type: ignore[no-any-return]

    def _beyond(self, x: float) -> float:
        from scipy.special import gammaln

        k = int(x) + 1
        rate = self.a * (k - x)
        j = np.arange(min(k * self.c, ceil(rate + 12 * rate**0.5 + 40)))
        weights = np.exp(j * np.log(rate) - rate - gammaln(j + 1))
        at = k * self.c - 1 - j
        Q = np.where(at < len(self.queue), self.queue[np.minimum(at, len(self.queue) - 1)], 1.0)
        return max(0.0, 1.0 - float(weights @ Q))
