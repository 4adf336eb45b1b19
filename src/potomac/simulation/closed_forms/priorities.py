"""Priority stations: classes of customers, the first of them served first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.simulation.closed_forms.checks import positive, positives, stable, whole
from potomac.simulation.closed_forms.markovian import erlang_c, mmc
from potomac.simulation.closed_forms.station import Station, of_wait

__all__ = ["mg1_preemptive", "mg1_priority", "mmc_preemptive", "mmc_priority"]

Floats = npt.NDArray[np.float64]


def mg1_priority(
    arrival_rates: npt.ArrayLike, service_means: npt.ArrayLike, service_variances: npt.ArrayLike
) -> tuple[Station, ...]:
    """M/G/1 with non-preemptive priorities: Wq_k = W_0 / ((1 - sigma_(k-1)) (1 - sigma_k)).

    W_0 = sum lambda_i E[S_i^2] / 2 over all classes, sigma_k is the load of the classes 1..k (Cobham 1954; Gross and
    Harris, ch. 3; Kleinrock, Queueing Systems II, ch. 3). Within a class first come, first served.

    Args:
        arrival_rates: of the classes, the most urgent first, shape (k,).
        service_means: shape (k,), or one number for all.
        service_variances: shape (k,), or one number for all.

    Returns:
        A station for each class: its own customers there.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load of all classes is not below 1.
    """
    lam, m, variance = _classes(arrival_rates, service_means, service_variances)
    before, upto = _loads(lam * m)
    W0 = float(lam @ (variance + m * m)) / 2
    waits = W0 / ((1 - before) * (1 - upto))
    return tuple(
        of_wait(*row, p_wait=float(upto[-1])) for row in zip(lam.tolist(), waits.tolist(), m.tolist(), strict=True)
    )


def mg1_preemptive(
    arrival_rates: npt.ArrayLike, service_means: npt.ArrayLike, service_variances: npt.ArrayLike
) -> tuple[Station, ...]:
    """M/G/1 with preemptive priorities, service resumed where it was left.

    W_k = E[S_k] / (1 - sigma_(k-1)) + R_k / ((1 - sigma_(k-1)) (1 - sigma_k)), where R_k = sum lambda_i E[S_i^2] / 2
    over the classes 1..k (Kleinrock, Queueing Systems II, ch. 3; Conway, Maxwell and Miller 1967). ``wait`` is the
    whole time that a customer is not in service, interruptions included.

    Args:
        arrival_rates: of the classes, the most urgent first, shape (k,).
        service_means: shape (k,), or one number for all.
        service_variances: shape (k,), or one number for all.

    Returns:
        A station for each class: its own customers there.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load of all classes is not below 1.
    """
    lam, m, variance = _classes(arrival_rates, service_means, service_variances)
    before, upto = _loads(lam * m)
    R = np.cumsum(lam * (variance + m * m)) / 2
    waits = m * before / (1 - before) + R / ((1 - before) * (1 - upto))
    return tuple(of_wait(*row) for row in zip(lam.tolist(), waits.tolist(), m.tolist(), strict=True))


def mmc_priority(arrival_rates: npt.ArrayLike, service_rate: float, servers: int = 1) -> tuple[Station, ...]:
    """M/M/c with non-preemptive priorities and one service rate: Wq_k = C / (c mu (1 - sigma_(k-1)) (1 - sigma_k)).

    C is Erlang's for all classes together (Cobham 1954; Davis 1966; Kella and Yechiali 1985; Gross and Harris, ch. 3).

    Args:
        arrival_rates: of the classes, the most urgent first, shape (k,).
        service_rate: mu, of each server and for every class.
        servers: c.

    Returns:
        A station for each class: its own customers there.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load of all classes is not below the number of servers.
    """
    lam, mu, c = (
        positives("arrival_rates", arrival_rates),
        positive("service_rate", service_rate),
        whole("servers", servers),
    )
    load = float(lam.sum()) / mu
    stable(load, c)
    before, upto = _loads(lam / (c * mu))
    C = erlang_c(c, load)
    waits = C / (c * mu * (1 - before) * (1 - upto))
    return tuple(
        of_wait(rate, wait, 1 / mu, c, p_wait=C) for rate, wait in zip(lam.tolist(), waits.tolist(), strict=True)
    )


def mmc_preemptive(arrival_rates: npt.ArrayLike, service_rate: float, servers: int = 1) -> tuple[Station, ...]:
    """M/M/c with preemptive-resume priorities and one service rate.

    The classes 1..k together are an M/M/c of their own, and class k is what they have more inside than 1..k-1 (Buzen
    and Bondi 1983, The response times of priority classes under preemptive resume in M/M/m queues).

    Args:
        arrival_rates: of the classes, the most urgent first, shape (k,).
        service_rate: mu, of each server and for every class.
        servers: c.

    Returns:
        A station for each class: its own customers there; ``wait`` is their whole time out of service.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load of all classes is not below the number of servers.
    """
    lam, mu, c = (
        positives("arrival_rates", arrival_rates),
        positive("service_rate", service_rate),
        whole("servers", servers),
    )
    stable(float(lam.sum()) / mu, c)
    queues = [mmc(float(rate), mu, c).queue_length for rate in np.cumsum(lam)]
    waits = np.diff(queues, prepend=0.0) / lam
    return tuple(of_wait(rate, wait, 1 / mu, c) for rate, wait in zip(lam.tolist(), waits.tolist(), strict=True))


def _classes(rates: npt.ArrayLike, means: npt.ArrayLike, variances: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    lam = positives("arrival_rates", rates)
    k = len(lam)
    m = positives("service_means", np.full(k, means) if np.ndim(means) == 0 else means, k)
    variance = np.full(k, variances) if np.ndim(variances) == 0 else variances
    stable(float(lam @ m))
    return lam, m, positives("service_variances", variance, k, zero=True)


def _loads(each: Floats) -> tuple[Floats, Floats]:
    """The load of the classes before each, and with it."""
    upto = np.cumsum(each)
    return np.concatenate([[0.0], upto[:-1]]), upto
