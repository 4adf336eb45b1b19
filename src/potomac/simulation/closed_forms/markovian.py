"""Stations with Poisson arrivals and exponential service: M/M/c and its kin."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer
from potomac.simulation.closed_forms.birth_death import stationary
from potomac.simulation.closed_forms.checks import given, not_less, positive, stable, whole
from potomac.simulation.closed_forms.station import Station, exponential_tail, of_wait

__all__ = [
    "FiniteSource", "Impatient", "Repair", "erlang_a", "erlang_b", "erlang_c", "erlang_mixture", "finite_source",
    "impatient_tail", "machine_repair", "mm_infinity", "mmc", "mmck",
]  # fmt: skip

Floats = npt.NDArray[np.float64]

STATES = 20_000_000
"""The most states of a chain that is solved."""
TOLD = 100_000
"""The most of them that the distribution of the wait is added up from."""


def erlang_b(servers: int, load: float) -> float:
    """Share of the arrivals that c servers without a queue turn away, Erlang's B.

    B(0) = 1, B(k) = a B(k-1) / (k + a B(k-1)), which is stable for any size (Gross and Harris, ch. 2; Kleinrock,
    Queueing Systems I, ch. 3). It holds for any distribution of the service time (M/G/c/c).

    Args:
        servers: c, 0 or more.
        load: a, arrival rate times mean service time, 0 or more.

    Raises:
        StudyError: they are no such numbers.
    """
    c, a = whole("servers", servers, 0), not_less("load", load)
    B = 1.0
    for k in range(1, c + 1):
        B = a * B / (k + a * B)
    return B


def erlang_c(servers: int, load: float) -> float:
    """Chance that an arrival at M/M/c must wait, Erlang's C = c B / (c - a (1 - B)).

    Args:
        servers: c, at least 1.
        load: a, arrival rate times mean service time.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below the number of servers.
    """
    c, a = whole("servers", servers), not_less("load", load)
    stable(a, c)
    B = erlang_b(c, a)
    return c * B / (c - a * (1 - B))


def mmc(arrival_rate: float, service_rate: float, servers: int = 1) -> Station:
    """M/M/c: Poisson arrivals, exponential service, c servers, nobody is turned away.

    Wq = C / (c mu - lambda), and P(W > t) = C e^(-(c mu - lambda) t) with Erlang's C (Gross and Harris, ch. 2).

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_rate: mu, of each server.
        servers: c.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below the number of servers.
    """
    lam, mu, c = given(arrival_rate, service_rate, servers)
    C = erlang_c(c, lam / mu)
    spare = c * mu - lam
    return of_wait(lam, C / spare, 1 / mu, c, p_wait=C, tail=exponential_tail(C, spare))


def mm_infinity(arrival_rate: float, service_rate: float) -> Station:
    """M/M/infinity, and M/G/infinity with the same mean service: nobody waits, the number is Poisson of mean a.

    Gross and Harris, ch. 2. ``utilization`` is 0: of infinitely many servers a are busy.

    Raises:
        StudyError: the rates are not above 0.
    """
    lam, mu = positive("arrival_rate", arrival_rate), positive("service_rate", service_rate)
    return Station(0.0, 1 / mu, 0.0, lam / mu, 0.0, lam, 0.0, tail=exponential_tail(0.0, 1.0))


def mmck(arrival_rate: float, service_rate: float, servers: int, capacity: int) -> Station:
    """M/M/c/K: as M/M/c, but who finds K customers inside is turned away (Gross and Harris, ch. 2).

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_rate: mu, of each server.
        servers: c.
        capacity: K, customers inside at most, those in service included; at least c.

    Returns:
        Measures of those who come in; ``p_block`` is the share of the others.

    Raises:
        StudyError: they are no such numbers.
    """
    lam, mu, c = given(arrival_rate, service_rate, servers)
    K = whole("capacity", capacity, c)
    n = np.arange(K + 1)
    p = stationary(np.full(K, lam), mu * np.minimum(n[1:], c))
    entering = lam * float(p[:-1].sum())
    Lq, busy = float(p @ np.maximum(n - c, 0)), float(p @ np.minimum(n, c))
    met = p[:-1] / p[:-1].sum()  # what those who come in find
    return Station(
        wait=Lq / entering, time_in_station=Lq / entering + 1 / mu, queue_length=Lq, number_in_station=Lq + busy,
        utilization=busy / c, throughput=entering, p_wait=float(met[c:].sum()), p_block=float(p[-1]),
        tail=lambda t: erlang_mixture(met[c:], c * mu, t),
    )  # fmt: skip


def erlang_mixture(weights: Floats, rate: float, t: Floats) -> Floats:
    """Tail of a sum of j + 1 exponential times of this rate, j with the chance ``weights[j]``."""
    from scipy.special import pdtr

    j = np.arange(len(weights))
    return np.asarray(pdtr(j, rate * np.asarray(t, float)[..., None]) @ weights)


@dataclass(frozen=True, slots=True)
class Impatient(Station):
    """A station that impatient customers leave.

    Attributes:
        busy: mean number of busy servers.
        wait_served: mean wait of those who do not give up.
        served: customers who are served in a unit of time.
        p_abandon: share of the arrivals that give up, which is ``p_renege`` too.
    """

    busy: float = 0.0
    wait_served: float = 0.0
    served: float = 0.0

    @property
    def p_abandon(self) -> float:
        """The share of the arrivals that give up waiting."""
        return self.p_renege


def erlang_a(arrival_rate: float, service_rate: float, servers: int, renege_rate: float) -> Impatient:
    """M/M/c+M, Erlang A: each who waits gives up after an exponential time.

    A birth-death chain that no load makes unstable (Palm 1957; Garnett, Mandelbaum and Reiman 2002, Designing a call
    center with impatient customers). ``wait`` is of all arrivals, those who give up included. Of the customer who
    finds j waiting, e^(-theta V) is Beta(c mu / theta, j + 1), where V is the wait offered.

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_rate: mu, of each server.
        servers: c.
        renege_rate: theta, one over the mean patience.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: patience is so long that the chain has too many states.
    """
    lam, mu, c = given(arrival_rate, service_rate, servers)
    theta = positive("renege_rate", renege_rate)
    x, y = c * mu / theta, lam / theta
    queue = ceil(max(y - x, 0.0) + 10 * sqrt(y) + 100)  # beyond, the weights are below e^-50 of the largest
    if c + queue > STATES:
        found = f"the chain has {c + queue:,} states that matter, at a renege_rate of {theta:g}"
        raise NoAnswer(Fault("simulation.parameter", found, f"expected {STATES:,} at most", key="renege_rate"))
    n = np.arange(c + queue + 1)
    p = stationary(np.full(c + queue, lam), mu * np.minimum(n[1:], c) + theta * np.maximum(n[1:] - c, 0))
    j, waiting = n[: queue + 1], p[c:]
    Lq, busy = float(waiting @ j), float(p @ np.minimum(n, c))
    served = waiting * x / (x + j + 1)
    stages = np.cumsum(1 / (theta * (x + j + 1)))
    W = Lq / lam
    return Impatient(
        wait=W, time_in_station=W + busy / lam, queue_length=Lq, number_in_station=Lq + busy, utilization=busy / c,
        throughput=lam, p_wait=float(waiting.sum()), p_renege=theta * W, busy=busy, served=mu * busy,
        wait_served=float(served @ stages) * lam / (mu * busy),
        tail=(lambda t: impatient_tail(waiting, x, theta, t)) if queue <= TOLD else None,
    )  # fmt: skip


def impatient_tail(waiting: Floats, x: float, theta: float, t: Floats) -> Floats:
    """Chance of a wait beyond ``t`` where j are found waiting with the chance ``waiting[j]``; x = c mu / theta."""
    from scipy.special import betainc

    still = np.exp(-theta * np.asarray(t, float))
    some = np.flatnonzero(waiting > 1e-18)
    return np.asarray(still * (betainc(x, some + 1.0, still[..., None]) @ waiting[some]))


@dataclass(frozen=True, slots=True)
class FiniteSource(Station):
    """A station that a finite number of customers come back to.

    Attributes:
        shares: long-run shares of 0, 1, ... customers inside.
    """

    shares: tuple[float, ...] = ()


def finite_source(
    customers: int, arrival_rate: float, service_rate: float, servers: int = 1, capacity: int | None = None
) -> FiniteSource:
    """M/M/c//M: each of M customers outside comes at a rate of its own; Engset's loss system where K = c.

    Gross and Harris, ch. 2; Kleinrock, Queueing Systems I, ch. 3.

    Args:
        customers: M.
        arrival_rate: of each customer who is outside.
        service_rate: mu, of each server.
        servers: c.
        capacity: K, customers inside at most; who finds it full goes on as if he had not come. Default: M.

    Returns:
        Measures of those who come in; ``p_block`` is the share of the arrivals that find it full.

    Raises:
        StudyError: they are no such numbers.
    """
    M, lam, mu = (
        whole("customers", customers),
        positive("arrival_rate", arrival_rate),
        positive("service_rate", service_rate),
    )
    c = whole("servers", servers)
    K = M if capacity is None else min(M, whole("capacity", capacity))
    n = np.arange(K + 1)
    coming = lam * (M - n)
    p = stationary(coming[:-1], mu * np.minimum(n[1:], c))
    entering = float(p[:-1] @ coming[:-1])
    Lq, busy = float(p @ np.maximum(n - c, 0)), float(p @ np.minimum(n, c))
    met = p[:-1] * coming[:-1] / entering
    return FiniteSource(
        wait=Lq / entering, time_in_station=Lq / entering + 1 / mu, queue_length=Lq, number_in_station=Lq + busy,
        utilization=busy / c, throughput=entering, p_wait=float(met[c:].sum()),
        p_block=float(p[-1] * coming[-1] / (entering + p[-1] * coming[-1])), shares=tuple(p.tolist()),
        tail=lambda t: erlang_mixture(met[c:], c * mu, t),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Repair:
    """Machines and their repair crews in the long run.

    Attributes:
        mean_down: machines that are not in order, waiting or under repair.
        mean_running: machines at work.
        availability: share of the machines wanted that are at work.
        shares: of 0, 1, ... machines down.
        station: the workshop, where a machine is a customer.
    """

    mean_down: float
    mean_running: float
    availability: float
    shares: tuple[float, ...]
    station: Station


def machine_repair(machines: int, fail_rate: float, repair_rate: float, crews: int = 1, spares: int = 0) -> Repair:
    """The machine repair problem: M machines at work that fail, Y cold spares, c crews (Gross and Harris, ch. 2).

    Args:
        machines: M wanted at work.
        fail_rate: of each machine at work.
        repair_rate: of each crew.
        crews: c.
        spares: Y, which do not fail.

    Raises:
        StudyError: they are no such numbers.
    """
    M, lam, mu = whole("machines", machines), positive("fail_rate", fail_rate), positive("repair_rate", repair_rate)
    c, Y = whole("crews", crews), whole("spares", spares, 0)
    n = np.arange(M + Y + 1)
    running = np.minimum(M, M + Y - n)
    p = stationary(lam * running[:-1], mu * np.minimum(n[1:], c))
    failures = lam * float(p @ running)
    Lq, busy = float(p @ np.maximum(n - c, 0)), float(p @ np.minimum(n, c))
    met = p * running * lam / failures
    workshop = Station(
        wait=Lq / failures, time_in_station=Lq / failures + 1 / mu, queue_length=Lq, number_in_station=Lq + busy,
        utilization=busy / c, throughput=failures, p_wait=float(met[c:].sum()),
        tail=lambda t: erlang_mixture(met[c:-1], c * mu, t),
    )  # fmt: skip
    return Repair(Lq + busy, float(p @ running), float(p @ running) / M, tuple(p.tolist()), workshop)
