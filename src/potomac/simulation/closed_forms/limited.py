"""Stations that keep customers out or lose them: limited room, turning back, impatience, servers that fail, groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, log, sqrt

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer
from potomac.simulation.closed_forms.birth_death import stationary
from potomac.simulation.closed_forms.checks import given, not_less, positive, shares, stable, whole
from potomac.simulation.closed_forms.markovian import Impatient, erlang_mixture, impatient_tail
from potomac.simulation.closed_forms.station import Station, of_wait

__all__ = ["Limited", "batch_mmc", "mmc_failing", "mmc_limited"]

Floats = npt.NDArray[np.float64]

STATES, TOLD = 2_000_000, 100_000
"""The most states of a chain, and the most of them that the distribution of the wait is added up from."""


@dataclass(frozen=True, slots=True)
class Limited(Impatient):
    """A station that not everybody enters, and not everybody who does is served.

    Attributes:
        p_balk: share of the arrivals that turn back before they see whether there is room.
    """

    p_balk: float = 0.0


def mmc_limited(
    arrival_rate: float, service_rate: float, servers: int, capacity: float = inf, renege_rate: float = 0.0,
    balk: Sequence[float] = (),
) -> Limited:  # fmt: skip
    """M/M/c/K+M with balking: who finds j waiting turns back with a probability that depends on j.

    A birth-death chain: up from n with lambda (1 - b(n - c)), down with mu min(n, c) + theta (n - c)^+ (Gross and
    Harris, ch. 2; Ancker and Gafarian 1963). Who finds j waiting is served with the chance
    c mu / (c mu + (j + 1) theta), and then waits the sum of 1 / (c mu + (i + 1) theta), i = 0..j, on average.

    Args:
        arrival_rate: lambda, customers a unit of time.
        service_rate: mu, of each server.
        servers: c.
        capacity: K, customers inside at most, those in service included; infinite where there is always room.
        renege_rate: theta, one over the mean patience in the queue; 0 where nobody gives up.
        balk: probability to turn back who finds 0, 1, 2, ... waiting, the last one for all beyond.

    Returns:
        ``wait`` and ``p_wait`` are of those who come in; ``p_block``, ``p_balk`` and ``p_renege`` are shares of all.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: nothing limits the queue; or the chain has too many states.
    """
    lam, mu, c = given(arrival_rate, service_rate, servers)
    theta = not_less("renege_rate", renege_rate)
    turn = shares("balk", balk) if len(balk) else np.zeros(1)
    room = inf if capacity == inf else whole("capacity", capacity, c)
    K = int(min(room, c + _longest(lam * (1 - float(turn[-1])), c * mu, theta, turn)))
    if K > STATES:
        found = f"the chain has {K:,} states that matter"
        raise NoAnswer(Fault("simulation.parameter", found, f"expected {STATES:,} at most", key="capacity"))
    n = np.arange(K + 1)
    j = np.maximum(n - c, 0)
    back = turn[np.minimum(j, len(turn) - 1)]
    p = stationary(lam * (1 - back[:-1]), mu * np.minimum(n[1:], c) + theta * j[1:])
    found_by = p * (1 - back)
    found_by[-1] *= room > K  # the last state is full, or so rare that nobody sees it
    enters, Lq, busy = float(found_by.sum()), float(p @ j), float(p @ np.minimum(n, c))
    entering, served = lam * enters, mu * busy
    waiting = found_by[c:] / enters
    after = theta * np.arange(1, len(waiting) + 1)
    reaches = waiting * c * mu / (c * mu + after)
    tail = None
    if len(waiting) <= TOLD:
        x = c * mu / theta if theta else inf
        tail = lambda t: impatient_tail(waiting, x, theta, t) if theta else erlang_mixture(waiting, c * mu, t)  # noqa: E731
    return Limited(
        wait=Lq / entering, time_in_station=(Lq + busy) / entering, queue_length=Lq, number_in_station=Lq + busy,
        utilization=busy / c, throughput=entering, p_wait=float(waiting.sum()), p_renege=theta * Lq / lam,
        p_block=float(p[-1] * (1 - back[-1])) if room == K else 0.0, p_balk=float(p @ back), busy=busy, served=served,
        wait_served=float(reaches @ np.cumsum(1 / (c * mu + after))) * entering / served, tail=tail,
    )  # fmt: skip


def _longest(lam: float, most: float, theta: float, turn: Floats) -> int:
    """A queue beyond which no state matters: where all turn back, or the shares have fallen below 1e-20."""
    if lam == 0:
        return int(np.flatnonzero(turn >= 1)[0])
    if theta:
        return ceil(max(lam - most, 0.0) / theta + 10 * sqrt(lam / theta) + 100) + len(turn)
    if lam < most:
        return ceil(log(1e-20) / log(lam / most)) + len(turn) + 1
    return STATES + 1


# ---- groups ---------------------------------------------------------------------------------------------------------


def batch_mmc(batch_rate: float, service_rate: float, servers: int, probabilities: npt.ArrayLike) -> Station:
    """M^[X]/M/c: groups come together, their members are served one by one by c servers.

    Between n - 1 and n as many go up as down: p_n mu min(n, c) = lambda sum over k < n of p_k P(X >= n - k) (Kabak
    1970; Cromie, Chaudhry and Grassmann 1979); all terms are positive.

    Args:
        batch_rate: lambda, groups a unit of time.
        service_rate: mu, of each server.
        servers: c.
        probabilities: of 1, 2, ... members, summing to 1.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below the number of servers, or so near to it that there are too many states.
    """
    lam, mu, c = given(batch_rate, service_rate, servers)
    f = shares("probabilities", probabilities)
    size = float(f @ np.arange(1, len(f) + 1))
    stable(lam * size / mu, c)
    beyond = np.append(np.cumsum(f[::-1])[::-1], 0.0)  # P(X >= 1), P(X >= 2), ...
    p = _upwards(lam, mu, c, np.trim_zeros(beyond, "b"))
    n = np.arange(len(p))
    Lq = float(p @ np.maximum(n - c, 0))
    return of_wait(lam * size, Lq / (lam * size), 1 / mu, c)


def _upwards(lam: float, mu: float, c: int, beyond: Floats) -> Floats:
    """Shares of the states, from 0 on until none matters."""
    most = 200_000
    p = np.zeros(most)
    p[0], highest, total = 1.0, 1.0, 1.0
    width = len(beyond)
    for n in range(1, most):
        k = max(0, n - width)
        p[n] = lam / (mu * min(n, c)) * float(p[k:n] @ beyond[: n - k][::-1])
        highest, total = max(highest, p[n]), total + p[n]
        if n > c + width and p[n] * n < 1e-17 * highest:
            return np.asarray(p[: n + 1] / total)
        if highest > 1e200:
            p[: n + 1] /= highest
            total, highest = total / highest, 1.0
    found = f"the chain has more than {most:,} states that matter"
    raise NoAnswer(Fault("simulation.parameter", found, "expected a load further below the servers", key="batch_rate"))


# ---- servers that fail ----------------------------------------------------------------------------------------------


def mmc_failing(
    arrival_rate: float, service_rate: float, servers: int, fail_rate: float, repair_rate: float
) -> Station:
    """M/M/c whose servers fail, idle or busy, and are repaired, each on its own; who is interrupted waits in front.

    The number inside and the number of servers in order are a quasi-birth-death process: above c the shares are
    pi_(n+1) = pi_n R with R the least solution of lambda I + R A1 + R^2 A2 = 0 (Neuts 1981, Matrix-Geometric Solutions
    in Stochastic Models, ch. 6; Mitrany and Avi-Itzhak 1968), by logarithmic reduction (Latouche and Ramaswami 1993).

    Args:
        arrival_rate: lambda.
        service_rate: mu, of each server.
        servers: c.
        fail_rate: of each server in order.
        repair_rate: of each server that has failed.

    Raises:
        StudyError: they are no such numbers.
        NoAnswer: the load is not below the servers that are in order on average.
    """
    lam, mu, c = given(arrival_rate, service_rate, servers)
    fail, repair = positive("fail_rate", fail_rate), positive("repair_rate", repair_rate)
    ready = c * repair / (fail + repair)
    if not lam / mu < ready:
        found = f"the queue is unstable: offered load {lam / mu:.10g} for {ready:.10g} servers in order on average"
        raise NoAnswer(Fault("simulation.unstable", found, "expected a load below it", "Add servers"))
    u = np.arange(c + 1.0)
    moves = np.diag(fail * u[1:], -1) + np.diag(repair * (c - u[:-1]), 1)
    moves -= np.diag(moves.sum(1))

    def here(n: int) -> Floats:
        return moves - np.diag(lam + mu * np.minimum(n, u))

    up, down = lam * np.eye(c + 1), np.diag(mu * u)
    G = _reduced(up, here(c), down)
    R = up @ np.linalg.inv(-(here(c) + up @ G))
    levels = _boundary(lam, mu, u, here, R, c)
    far = np.linalg.inv(np.eye(c + 1) - R)
    top = levels[c]
    total = float(levels[:c].sum() + (top @ far).sum())
    weighted = float(np.arange(c) @ levels[:c].sum(1)) + float((top @ (c * far + R @ far @ far)).sum())
    L = weighted / total
    return replace(of_wait(lam, (L - lam / mu) / lam, 1 / mu), utilization=lam / mu / ready)


def _reduced(up: Floats, here: Floats, down: Floats) -> Floats:
    """G: where the process first is a level lower."""
    inverse = np.linalg.inv(-here)
    high, low = inverse @ up, inverse @ down
    G, T = low.copy(), high.copy()
    for _ in range(64):
        inverse = np.linalg.inv(np.eye(len(here)) - high @ low - low @ high)
        high, low = inverse @ high @ high, inverse @ low @ low
        G += T @ low
        T = T @ high
        if np.abs(T).max() < 1e-16:
            break
    return G


def _boundary(lam: float, mu: float, u: Floats, here: Callable[[int], Floats], R: Floats, c: int) -> Floats:
    """Shares of the levels 0..c up to a factor, shape (c + 1, c + 1): level n is U_n times the one above, from 0 on."""
    back: list[Floats] = []  # pi_n = pi_(n+1) back[n]
    for n in range(c):
        below = here(n) + (lam * back[-1] if back else 0.0)
        back.append(np.diag(mu * np.minimum(n + 1, u)) @ np.linalg.inv(-below))
    last = here(c) + lam * back[-1] + R @ np.diag(mu * u)
    system = np.vstack([last.T[:-1], np.ones(c + 1)])
    level = np.linalg.solve(system, np.append(np.zeros(c), 1.0))
    levels = [level]
    for n in range(c - 1, -1, -1):
        level = level @ back[n]
        levels.insert(0, level)
    return np.array(levels)
