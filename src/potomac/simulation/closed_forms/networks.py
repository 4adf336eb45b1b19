"""Networks of stations: Jackson's open networks, closed networks, stations in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer, StudyError
from potomac.simulation.closed_forms.checks import not_less, positive, positives, stable, whole
from potomac.simulation.closed_forms.markovian import mmc
from potomac.simulation.closed_forms.station import Station

__all__ = ["ClosedNetwork", "OpenNetwork", "closed_network", "jackson", "tandem", "traffic"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OpenNetwork:
    """An open network in the long run.

    Attributes:
        stations: measures of each.
        rates: customers that come to each station, from outside and from other stations, in a unit of time.
        throughput: customers who come from outside, and leave, in a unit of time.
        number_in_system: mean number inside.
        time_in_system: mean time from coming to leaving.
    """

    stations: tuple[Station, ...]
    rates: tuple[float, ...]
    throughput: float
    number_in_system: float
    time_in_system: float


def traffic(external_rates: npt.ArrayLike, routing: npt.ArrayLike) -> Floats:
    """The traffic equations, lambda = gamma + lambda P: how many customers come to each station.

    Gross and Harris, ch. 4. They hold for any service.

    Args:
        external_rates: gamma, customers that come from outside to each station in a unit of time, shape (n,).
        routing: P, the share of those who leave station i for station j; the rest of a row leaves. Shape (n, n).

    Returns:
        lambda, shape (n,).

    Raises:
        StudyError: a row of shares sums to more than 1, or the arguments are no such numbers.
        NoAnswer: customers come to stations that none can leave.
    """
    gamma = positives("external_rates", external_rates, zero=True)
    n = len(gamma)
    P = np.asarray(routing, float)
    if P.shape != (n, n) or not np.isfinite(P).all() or (P < 0).any():
        found = f"routing is no table of {n} by {n} shares"
        raise StudyError(Fault("simulation.route", found, "expected shares between 0 and 1", key="routing"))
    sums = P.sum(axis=1)
    over = np.flatnonzero(sums > 1 + 1e-9)
    if over.size:
        found = f"the routes from station {over[0]} sum to {sums[over[0]]:.10g}"
        mend = "What is missing to 1 leaves"
        raise StudyError(Fault("simulation.route", found, "expected 1 at most", mend, key="routing"))
    _exits(gamma, P, sums)
    return np.asarray(np.linalg.solve(np.eye(n) - P.T, gamma))


def _exits(gamma: Floats, P: Floats, sums: Floats) -> None:
    """Pass where every station has a way out."""
    step = P > 0
    out = sums < 1 - 1e-9
    for _ in range(len(P)):
        out = out | (step & out[None, :]).any(axis=1)
    if not out.all():
        stuck = ", ".join(map(str, np.flatnonzero(~out)))
        found = f"there is no way out of station {stuck}" if (~out).sum() == 1 else f"no way out of stations {stuck}"
        mend = "Let a share of some station's customers leave"
        raise NoAnswer(Fault("simulation.route", found, "expected routes that end", mend, key="routing"))


def jackson(
    external_rates: npt.ArrayLike, routing: npt.ArrayLike, service_rates: npt.ArrayLike,
    servers: npt.ArrayLike | None = None,
) -> OpenNetwork:  # fmt: skip
    """An open Jackson network: each station is as an M/M/c of its own (Jackson 1957; Gross and Harris, ch. 4).

    Args:
        external_rates: Poisson arrivals from outside at each station, shape (n,).
        routing: the share of those who leave station i for station j; the rest of a row leaves. Shape (n, n).
        service_rates: of each server of each station, shape (n,).
        servers: of each station, shape (n,); default 1.

    Raises:
        StudyError: the arguments are no such numbers.
        NoAnswer: a station's load is not below the number of its servers, or customers cannot leave.
    """
    gamma = positives("external_rates", external_rates, zero=True)
    positive("the sum of external_rates", float(gamma.sum()))
    lam = traffic(gamma, routing)
    mu = positives("service_rates", service_rates, len(lam))
    c = [1] * len(lam) if servers is None else [whole("servers", s) for s in _listed("servers", servers, len(lam))]
    for i in range(len(lam)):
        stable(float(lam[i] / mu[i]), c[i], f"station {i}")
    stations = tuple(
        mmc(float(lam[i]), float(mu[i]), c[i]) if lam[i] > 0 else Station(0.0, 1 / mu[i], 0.0, 0.0, 0.0, 0.0, 0.0)
        for i in range(len(lam))
    )
    L = sum(station.number_in_station for station in stations)
    total = float(gamma.sum())
    return OpenNetwork(stations, tuple(lam.tolist()), total, L, L / total)


def tandem(arrival_rate: float, service_rates: npt.ArrayLike, servers: npt.ArrayLike | None = None) -> OpenNetwork:
    """Stations in a row, each an M/M/c with the same Poisson arrivals (Burke 1956; Gross and Harris, ch. 4).

    Raises:
        StudyError: the arguments are no such numbers.
        NoAnswer: a station's load is not below the number of its servers.
    """
    mu = positives("service_rates", service_rates)
    first = np.zeros(len(mu))
    first[0] = positive("arrival_rate", arrival_rate)
    return jackson(first, np.eye(len(mu), k=1), mu, servers)


@dataclass(frozen=True, slots=True)
class ClosedNetwork:
    """A closed network in the long run. ``demand`` is visits times mean service, per round.

    Attributes:
        throughput: rounds in a unit of time, all customers together.
        time_in_system: mean time of a round without the think time.
        number_in_station: mean number at each station.
        time_in_station: mean time of a customer at each station in a round.
        utilization: share of each station's servers that are busy.
    """

    throughput: float
    time_in_system: float
    number_in_station: tuple[float, ...]
    time_in_station: tuple[float, ...]
    utilization: tuple[float, ...]


def closed_network(
    demands: npt.ArrayLike, customers: int, think: float = 0.0, servers: npt.ArrayLike | None = None
) -> ClosedNetwork:
    """A closed product-form network (Gordon and Newell 1967): N customers go round, think, and go round again.

    Single servers by mean value analysis, R_i(n) = D_i (1 + Q_i(n - 1)) (Reiser and Lavenberg 1980; Gross and Harris,
    4.3.3). Where a station has several servers, by Buzen's convolution (1973) of D_i^n / prod min(k, c_i), added as
    logarithms: mean value analysis with several servers loses all digits near saturation, and this does not.

    Args:
        demands: D_i, mean number of visits in a round times mean service, shape (m,).
        customers: N.
        think: Z, mean time that a customer spends outside the stations in each round, 0 or more.
        servers: of each station, shape (m,); default 1.

    Raises:
        StudyError: they are no such numbers.
    """
    D, N, Z = positives("demands", demands), whole("customers", customers), not_less("think", think)
    c = np.ones(len(D), int)
    if servers is not None:
        c = np.array([whole("servers", s) for s in _listed("servers", servers, len(D))])
    X, Q = _mean_values(D, N, Z) if (c == 1).all() else _convolution(D, N, Z, c)
    return ClosedNetwork(X, N / X - Z, tuple(Q.tolist()), tuple((Q / X).tolist()), tuple((X * D / c).tolist()))


def _mean_values(D: Floats, N: int, Z: float) -> tuple[float, Floats]:
    """Throughput and mean numbers, by adding one customer after the other."""
    X, Q = 0.0, np.zeros(len(D))
    for n in range(1, N + 1):
        R = D * (1 + Q)
        X = n / (Z + float(R.sum()))
        Q = X * R
    return X, Q


def _convolution(D: Floats, N: int, Z: float, c: npt.NDArray[np.int64]) -> tuple[float, Floats]:
    """Throughput and mean numbers from the normalising constants G(N - 1) and G(N), all as logarithms."""
    n = np.arange(N + 1)
    weights = [_log_weights(float(d), np.minimum(n[1:], s)) for d, s in zip(D, c, strict=True)]
    thinking = _log_weights(Z, n[1:]) if Z > 0 else np.concatenate([[0.0], np.full(N, -np.inf)])
    before = [thinking]  # convolutions of thinking and the stations before each
    for w in weights:
        before.append(_convolved(before[-1], w))
    X = float(np.exp(before[-1][N - 1] - before[-1][N]))
    Q, after = np.empty(len(D)), np.concatenate([[0.0], np.full(N, -np.inf)])
    for i in reversed(range(len(D))):
        others = _convolved(before[i], after)
        share = np.exp(weights[i] + others[::-1] - before[-1][N])
        Q[i] = share @ n
        after = _convolved(after, weights[i])
    return X, Q


def _log_weights(demand: float, rates: npt.NDArray[np.int64]) -> Floats:
    """Logarithms of demand^n / (rates_1 ... rates_n), n = 0..N."""
    return np.concatenate([[0.0], np.cumsum(np.log(demand) - np.log(rates))])


def _convolved(a: Floats, b: Floats) -> Floats:
    """Logarithm of the convolution of two series that are given as logarithms, as far as they go."""
    from scipy.special import logsumexp

    return np.array([logsumexp(a[: n + 1] + b[n::-1]) for n in range(len(a))])


def _listed(name: str, values: npt.ArrayLike, size: int) -> list[float]:
    return [float(value) for value in positives(name, np.full(size, values) if np.ndim(values) == 0 else values, size)]
