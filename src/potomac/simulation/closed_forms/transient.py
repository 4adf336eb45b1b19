"""M/M/1 from its first customer on: what a run that starts empty shows before it has settled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.simulation.closed_forms.checks import positive, whole

__all__ = ["mm1_transient_waits"]

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
    from scipy.special import betainc

    lam, mu = positive("arrival_rate", arrival_rate), positive("service_rate", service_rate)
    k = np.arange(1.0, whole("customers", customers))
    p = lam / (lam + mu)
    return np.concatenate([[0.0], np.cumsum(betainc(k, k + 1, p) / mu - betainc(k + 1, k, p) / lam)])
