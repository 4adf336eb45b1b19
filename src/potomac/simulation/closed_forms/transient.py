"""A single server from its first customer on: what a run that starts empty shows before it has settled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.simulation.closed_forms.checks import not_less, positive, whole

__all__ = ["gg1_transient_waits", "mm1_transient_waits"]

Floats = npt.NDArray[np.float64]


def mm1_transient_waits(arrival_rate: float, service_rate: float, customers: int) -> Floats:
    """Mean waits in the queue of the customers 1..n of an M/M/1 that is empty when the first of them comes.

    By Spitzer's identity E W_(n+1) = sum over k <= n of E (X_k - Y_k)^+ / k, where X_k and Y_k are k service times and
    k times between arrivals. They are gamma, so that with p = lambda / (lambda + mu)

    E (X_k - Y_k)^+ / k = I_p(k, k + 1) / mu - I_p(k + 1, k) / lambda

    with the regularised incomplete beta function (Asmussen, Applied Probability and Queues, ch. VIII). It holds for any
    load, above 1 too. The mean of the first n waits is the mean of the array.

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_rate: mu.
        customers: n.

    Returns:
        Shape (n,); the first is 0.

    Raises:
        StudyError: they are no such numbers.
    """
    lam, mu = positive("arrival_rate", arrival_rate), positive("service_rate", service_rate)
    return gg1_transient_waits(1 / lam, 1 / mu, customers)


def gg1_transient_waits(
    interarrival: float, service: float, customers: int, interarrival_cv: float = 1.0, service_cv: float = 1.0
) -> Floats:
    """Mean waits of the customers 1..n of a server that begins empty, gamma times between arrivals and of service.

    Spitzer's identity as of :func:`mm1_transient_waits`: sums of k gamma times are gamma, and with a = k / c_X^2,
    b = k / c_Y^2, E (X - Y)^+ = E X P(X' > Y) - E Y P(X > Y'), where X' and Y' have a shape that is greater by 1, and
    P(X > Y) = I_q(b, a) with q = theta_X / (theta_X + theta_Y).

    Args:
        interarrival: mean time between arrivals.
        service: mean time of a service.
        customers: n.
        interarrival_cv: coefficient of variation; 0 where all are alike, 1 where they are exponential.
        service_cv: the same of services.

    Returns:
        Shape (n,); the first is 0.

    Raises:
        StudyError: they are no such numbers.
    """
    mean_y, mean_x = positive("interarrival", interarrival), positive("service", service)
    cy, cx = not_less("interarrival_cv", interarrival_cv), not_less("service_cv", service_cv)
    k = np.arange(1.0, whole("customers", customers))
    more = mean_x * _greater(k, mean_x, cx, mean_y, cy, 1, 0) - mean_y * _greater(k, mean_x, cx, mean_y, cy, 0, 1)
    return np.concatenate([[0.0], np.cumsum(more)])


def _greater(k: Floats, mean_x: float, cx: float, mean_y: float, cy: float, one_x: int, one_y: int) -> Floats:
    """P(X > Y) of sums of k times, their shapes greater by ``one_x`` and ``one_y``."""
    from scipy.special import betainc, gammainc, gammaincc

    if cx == cy == 0:
        return np.full(k.shape, float(mean_x > mean_y))
    if cx == 0:
        return np.asarray(gammainc(k / cy**2 + one_y, k * mean_x / (mean_y * cy**2)))
    if cy == 0:
        return np.asarray(gammaincc(k / cx**2 + one_x, k * mean_y / (mean_x * cx**2)))
    x, y = mean_x * cx**2, mean_y * cy**2
    return np.asarray(betainc(k / cy**2 + one_y, k / cx**2 + one_x, x / (x + y)))
