"""Stations with general service or general arrivals: M/G/1 and its disciplines, GI/M/c, M/G/c/c, batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, expm1, lgamma, log, log1p

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.simulation.closed_forms.checks import not_less, positive, positives, shares, stable, whole
from potomac.simulation.closed_forms.markovian import erlang_b, mmc
from potomac.simulation.closed_forms.station import Station, exponential_tail, of_wait

__all__ = [
    "BusyPeriod", "Transform", "batch_mg1", "batch_mm1", "busy_period", "deterministic_transform",
    "exponential_transform", "gamma_transform", "gi_m_1", "gi_m_c", "hyperexponential_transform", "lcfs_preemptive",
    "mg1", "mgcc", "processor_sharing", "renewal_root", "uniform_transform",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Transform = Callable[[float], float]
"""Laplace transform of a positive random time X: s to E[e^(-s X)], for s of 0 and more."""


def mg1(arrival_rate: float, service_mean: float, service_variance: float) -> Station:
    """M/G/1, Pollaczek and Khinchine: Wq = lambda E[S^2] / (2 (1 - rho)) (Gross and Harris, ch. 5; Kleinrock I, ch. 5).

    The mean holds for every discipline that looks at no service time and lets each be finished (FCFS, LCFS, random).

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_mean: E[S].
        service_variance: Var S, 0 or more.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below 1.
    """
    lam, m = positive("arrival_rate", arrival_rate), positive("service_mean", service_mean)
    variance = not_less("service_variance", service_variance)
    rho = lam * m
    stable(rho)
    return of_wait(lam, lam * (variance + m * m) / (2 * (1 - rho)), m, p_wait=rho)


def processor_sharing(arrival_rate: float, service_mean: float, servers: int = 1) -> Station:
    """M/G/c under processor sharing: the number inside is as in M/M/c, whatever the service (Kelly 1979, ch. 3).

    With one server W = E[S] / (1 - rho). ``wait`` is what sharing adds to the service, ``queue_length`` those above
    the number of servers; nobody waits unserved.

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_mean: E[S], alone on a server.
        servers: c; n customers go on at the rate min(1, c / n) each.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below the number of servers.
    """
    alike = mmc(arrival_rate, 1 / positive("service_mean", service_mean), servers)
    return replace(alike, p_wait=None, tail=None)


def lcfs_preemptive(arrival_rate: float, service_mean: float) -> Station:
    """M/G/1, last come first served, the one in service put off and resumed: W = E[S] / (1 - rho) (Kelly 1979, ch. 3).

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below 1.
    """
    return processor_sharing(arrival_rate, service_mean)


def mgcc(arrival_rate: float, service_mean: float, servers: int) -> Station:
    """M/G/c/c, Erlang's loss system, which the form of the service does not change (Gross and Harris, ch. 5).

    Raises:
        StudyError: they are no such numbers.
    """
    lam, m, c = (
        positive("arrival_rate", arrival_rate),
        positive("service_mean", service_mean),
        whole("servers", servers),
    )
    B = erlang_b(c, lam * m)
    entering = lam * (1 - B)
    return replace(of_wait(entering, 0.0, m, c, p_wait=0.0, tail=exponential_tail(0.0, 1.0)), p_block=B)


def batch_mg1(
    batch_rate: float, batch_mean: float, batch_variance: float, service_mean: float, service_variance: float
) -> Station:
    """M^[X]/G/1: groups come together. The wait is that of a group's first member and of those before one in it.

    Wq = lambda E[B^2] / (2 (1 - rho)) + E[S] E[X (X - 1)] / (2 E[X]), where B is the work of a group (Gross and
    Harris, ch. 5; Burke 1975, Delays in single-server queues with batch input).

    Args:
        batch_rate: lambda, groups a unit of time.
        batch_mean: E[X], customers in a group, at least 1.
        batch_variance: Var X.
        service_mean: E[S] of a customer.
        service_variance: Var S.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below 1.
    """
    lam, x = positive("batch_rate", batch_rate), not_less("batch_mean", batch_mean, 1.0)
    x_variance, m = not_less("batch_variance", batch_variance), positive("service_mean", service_mean)
    variance = not_less("service_variance", service_variance)
    rho = lam * x * m
    stable(rho)
    x2 = x_variance + x * x
    B2 = x * variance + x2 * m * m
    wait = lam * B2 / (2 * (1 - rho)) + m * (x2 - x) / (2 * x)
    return of_wait(lam * x, wait, m, p_wait=1 - (1 - rho) / x)


def batch_mm1(batch_rate: float, service_rate: float, batch_mean: float, batch_variance: float) -> Station:
    """M^[X]/M/1: :func:`batch_mg1` with exponential service (Gross and Harris, ch. 3).

    Raises:
        StudyError: the arguments are no such numbers.
        NoAnswer: the load is not below 1.
    """
    m = 1 / positive("service_rate", service_rate)
    return batch_mg1(batch_rate, batch_mean, batch_variance, m, m * m)


@dataclass(frozen=True, slots=True)
class BusyPeriod:
    """From an arrival at an idle server until it is idle again.

    Attributes:
        mean: of its length.
        variance: of its length.
        served: mean number of customers served in it.
        cycle: mean time from the begin of one to the begin of the next.
    """

    mean: float
    variance: float
    served: float
    cycle: float


def busy_period(arrival_rate: float, service_mean: float, service_variance: float | None = None) -> BusyPeriod:
    """The busy period of M/G/1: E = E[S] / (1 - rho), Var = (Var S + rho E[S]^2) / (1 - rho)^3 (Kleinrock I, ch. 5).

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_mean: E[S].
        service_variance: Var S; default E[S]^2, exponential service (M/M/1).

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below 1.
    """
    lam, m = positive("arrival_rate", arrival_rate), positive("service_mean", service_mean)
    variance = m * m if service_variance is None else not_less("service_variance", service_variance)
    rho = lam * m
    stable(rho)
    idle = 1 - rho
    return BusyPeriod(m / idle, (variance + rho * m * m) / idle**3, 1 / idle, m / idle + 1 / lam)


# ---- general arrivals -----------------------------------------------------------------------------------------------


def exponential_transform(mean: float) -> Transform:
    """1 / (1 + s mean)."""
    m = positive("mean", mean)
    return lambda s: 1 / (1 + s * m)


def deterministic_transform(value: float) -> Transform:
    """e^(-s value)."""
    d = positive("value", value)
    return lambda s: exp(-s * d)


def uniform_transform(low: float, high: float) -> Transform:
    """(e^(-s low) - e^(-s high)) / (s (high - low)).

    Raises:
        StudyError: it is not 0 <= low < high.
    """
    a, b = not_less("low", low), positive("high", high)
    width = positive("high - low", b - a)
    return lambda s: exp(-s * a) * (-expm1(-s * width) / (s * width) if s else 1.0)


def gamma_transform(shape: float, scale: float) -> Transform:
    """(1 + s scale)^(-shape); a whole shape k is Erlang's, E_k."""
    k, theta = positive("shape", shape), positive("scale", scale)
    return lambda s: exp(-k * log1p(s * theta))


def hyperexponential_transform(means: npt.ArrayLike, probabilities: npt.ArrayLike) -> Transform:
    """The sum of p_i / (1 + s m_i).

    Raises:
        StudyError: the probabilities do not sum to 1.
    """
    m = positives("means", means)
    p = shares("probabilities", probabilities, len(m))
    if abs(p.sum() - 1) > 1e-9:
        raise StudyError(Fault("simulation.parameter", f"probabilities sum to {p.sum():.10g}", "expected a sum of 1"))
    return lambda s: float(np.sum(p / (1 + s * m)))


def renewal_root(transform: Transform, rate: float) -> float:
    """sigma, the root in (0, 1) of sigma = A*(rate (1 - sigma)), with A* the transform of the time between arrivals.

    Gross and Harris, ch. 5. It is sought as u = 1 - sigma, bisected to the last digits; the caller has seen to it that
    there is one (rate times the mean time between arrivals above 1).
    """

    def above(u: float) -> bool:
        return transform(rate * u) > 1 - u

    low = high = 1.0
    while above(low):
        low, high = low / 2, low
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if above(middle) else (middle, high)
    return 1 - low


def gi_m_1(transform: Transform, interarrival_mean: float, service_rate: float) -> Station:
    """GI/M/1: sigma is the chance of a wait, Wq = sigma / (mu (1 - sigma)). See :func:`gi_m_c`."""
    return gi_m_c(transform, interarrival_mean, service_rate, 1)


def gi_m_c(transform: Transform, interarrival_mean: float, service_rate: float, servers: int = 1) -> Station:
    """GI/M/c: independent times between arrivals of any distribution, exponential service, c servers.

    A wait is 0, or exponential with the rate c mu (1 - sigma): P(W > t) = D / (1 - sigma) e^(-c mu (1 - sigma) t)
    (Takács 1962, Introduction to the Theory of Queues, ch. 2; Gross and Harris, ch. 5), with phi_j = A*(j mu),
    C_j = prod over i <= j of phi_i / (1 - phi_i) and

    1 / D = 1 / (1 - sigma) + sum over j of binom(c, j) / (C_j (1 - phi_j)) (c (1 - phi_j) - j) / (c (1 - sigma) - j).

    Args:
        transform: A*, the Laplace transform of the time between arrivals, s to E[e^(-s A)].
        interarrival_mean: E[A], which must be that of the transform.
        service_rate: mu, of each server.
        servers: c.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below the number of servers.
    """
    m, mu, c = (
        positive("interarrival_mean", interarrival_mean),
        positive("service_rate", service_rate),
        whole("servers", servers),
    )
    stable(1 / (m * mu), c)
    sigma = renewal_root(transform, c * mu)
    p_wait = sigma if c == 1 else _takacs(transform, mu, c, sigma)
    rate = c * mu * (1 - sigma)
    return of_wait(1 / m, p_wait / rate, 1 / mu, c, p_wait=p_wait, tail=exponential_tail(p_wait, rate))


def _takacs(transform: Transform, mu: float, c: int, sigma: float) -> float:
    """D / (1 - sigma). All terms of the sum are positive, so that nothing cancels; they are added as logarithms."""
    total, log_C = 0.0, 0.0
    for j in range(1, c + 1):
        phi = transform(j * mu)
        if phi <= 0:  # below the least number: nobody ever waits
            return 0.0
        log_C += log(phi) - log1p(-phi)
        binomial = lgamma(c + 1) - lgamma(j + 1) - lgamma(c - j + 1)
        factor = _slope(lambda s: c * (1 - transform(s * mu)) - s, float(j), c * (1 - sigma))
        total = float(np.logaddexp(total, binomial - log_C - log1p(-phi) + log(factor * (1 - sigma))))
    return exp(-total)


def _slope(g: Callable[[float], float], s: float, root: float) -> float:
    """g(s) / (root - s), where g(root) = 0; near the root, minus the derivative in the middle (five points)."""
    if abs(root - s) > 1e-5:
        return g(s) / (root - s)
    middle, h = (s + root) / 2, 2e-3
    return -(8 * (g(middle + h) - g(middle - h)) - (g(middle + 2 * h) - g(middle - 2 * h))) / (12 * h)
