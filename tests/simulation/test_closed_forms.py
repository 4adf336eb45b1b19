"""Closed forms against textbooks, limits, and chains that are solved as linear equations."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Hashable, Iterable
from fractions import Fraction
from itertools import product
from math import comb, exp, factorial, inf, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import NoAnswer, StudyError
from potomac.simulation import closed_forms as exact

DATA = Path(os.environ.get("POTOMAC_SIMULATION_DATA", Path(__file__).parents[3] / "shared" / "data" / "simulation"))


def near(value: Any, rel: float = 1e-10) -> Any:
    return pytest.approx(value, rel=rel, abs=1e-13)


def long_run(states: Iterable[Hashable], jumps: Callable[[Any], Iterable[tuple[Any, float]]]) -> dict[Any, float]:
    """Long-run shares of a Markov chain in continuous time: p Q = 0 and sum p = 1, by elimination."""
    place = {state: i for i, state in enumerate(states)}
    Q = np.zeros((len(place), len(place)))
    for state, i in place.items():
        for to, rate in jumps(state):
            if to in place:
                Q[i, place[to]] += rate
                Q[i, i] -= rate
    Q[:, 0] = 1
    p = np.linalg.solve(Q.T, np.eye(len(place))[0])
    return dict(zip(place, p.tolist(), strict=True))


def mean(p: dict[Any, float], f: Callable[[Any], float]) -> float:
    return sum(share * f(state) for state, share in p.items())


# ---- the cases that come with the issue -----------------------------------------------------------------------------


def station(s: exact.Station, **more: float) -> dict[str, Any]:
    return {
        "Wq": s.wait, "W": s.time_in_station, "Lq": s.queue_length, "L": s.number_in_station, "util": s.utilization,
        "p_wait": s.p_wait, "p_block": s.p_block, "p_abandon": s.p_renege, "mean_wait_all": s.wait, **more,
    }  # fmt: skip


def mmc(m: dict[str, Any]) -> dict[str, Any]:
    load = m["arrival_rate"] / m["service_rate"]
    return station(exact.mmc(**m), erlang_b=exact.erlang_b(m["servers"], load))


def service(text: str) -> tuple[float, float]:
    """Mean and variance of "Uniform(1,2)", "Gamma mean 1 cv .5", "Exp mean 1 both"."""
    words = text.replace("(", " ").replace(")", "").replace(",", " ").split()
    if words[0] == "Uniform":
        low, high = float(words[1]), float(words[2])
        return (low + high) / 2, (high - low) ** 2 / 12
    average = float(words[words.index("mean") + 1])
    cv = float(words[words.index("cv") + 1]) if "cv" in words else 1.0
    return average, (cv * average) ** 2


def mg1(m: dict[str, Any]) -> dict[str, Any]:
    rate = m["arrival_rate"] if "arrival_rate" in m else 1 / service(m["arrival"])[0]
    return station(exact.mg1(rate, *service(m["service"])))


def gim1(m: dict[str, Any]) -> dict[str, Any]:
    between = m["interarrival"]
    if isinstance(between, str):
        average, variance = service(between)
        half = sqrt(3 * variance)
        transform = exact.uniform_transform(average - half, average + half)
    else:
        average, transform = between, exact.deterministic_transform(between)
    found = exact.gi_m_1(transform, average, m["service_rate"])
    return station(found, sigma=exact.renewal_root(transform, m["service_rate"]))


def impatient(m: dict[str, Any]) -> dict[str, Any]:
    found = exact.erlang_a(**m)
    return station(found, busy=found.busy)


def network(m: dict[str, Any]) -> dict[str, Any]:
    found = exact.jackson(**m)
    return {
        "lam": found.rates, "L": [s.number_in_station for s in found.stations], "W_total": found.time_in_system,
    }  # fmt: skip


def closed(m: dict[str, Any]) -> dict[str, Any]:
    found = exact.closed_network(**m)
    return {"X": found.throughput, "R": found.time_in_system, "Q": found.number_in_station}


def machines(m: dict[str, Any]) -> dict[str, Any]:
    found = exact.machine_repair(**m)
    return {"mean_down": found.mean_down, "W": found.station.time_in_station, "p": found.shares[:6]}


def structure(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "R": exact.k_out_of_n(m["k"], m["component_reliability"], m["n"]),
        "mttf_exp_rate1": exact.mttf_k_out_of_n(m["k"], 1.0, m["n"]),
    }


def repairable(m: dict[str, Any]) -> dict[str, Any]:
    found = exact.repairable_k_out_of_n(**m)
    return {"availability": found.availability, "mttf": found.mttf}


def stock(found: exact.Stock) -> dict[str, Any]:
    names = ("on_hand", "backorders", "p_stockout", "orders_per_time")
    return {name: getattr(found, name) for name in names} | {"mean_inventory": found.on_hand}


def newsvendor(found: exact.Newsvendor) -> dict[str, Any]:
    return {"critical_ratio": found.critical_ratio, "q": found.q, "profit": found.profit}


def transient(m: dict[str, Any]) -> dict[str, Any]:
    waits = exact.mm1_transient_waits(m["rho"] * m["service_rate"], m["service_rate"], m["n"])
    asked = [n - 1 for n in (1, 2, 5, 10, 25, 100, 200, 500, 1000) if n <= m["n"]]
    return {"mean_wait_customers": waits[asked], "mean_of_first_n": waits.mean()}


KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "M/M/c": mmc,
    "M/M/c/K": lambda m: station(exact.mmck(**m)),
    "M/G/1": mg1,
    "M/D/1": lambda m: station(exact.md1(**m)),
    "D/M/1": gim1,
    "U/M/1": gim1,
    "M/M/c+M (Erlang A)": impatient,
    "M/G/1 non-preemptive priority": lambda m: {
        "Wq_by_class": [s.wait for s in exact.mg1_priority(m["arrival_rates"], *service(m["service"]))]
    },
    "M/M/1 preemptive resume": lambda m: {
        "W_by_class": [s.time_in_station for s in exact.mg1_preemptive(m["arrival_rates"], *service(m["service"]))]
    },
    "open Jackson": network,
    "closed network (MVA, single servers)": closed,
    "machine repair": machines,
    "k-out-of-n": structure,
    "repairable k-out-of-n": repairable,
    "(s,S) zero lead": lambda m: stock(exact.ss(m["s"], m["S"], float(m["demand"].split()[1]))),
    "(r,Q) fixed lead, backorders": lambda m: stock(exact.rq(m["r"], m["Q"], m["demand_rate"], m["lead"])),
    "newsvendor normal": lambda m: newsvendor(exact.newsvendor_normal(**m)),
    "M/M/1 transient from empty (delay in queue)": transient,
    "gambler ruin": lambda m: {"p_ruin": exact.ruin(**m)},
    "craps": lambda m: {"p_win": float(exact.craps())},
    "poker": lambda m: {"p": float(exact.poker_hand(m["hand"]))},
    "three dice sum": lambda m: {f"p{total}": float(exact.dice_sum(3, total)) for total in m["total"]},
}


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/simulation")
def test_every_published_case_comes_out_to_nine_digits() -> None:
    cases = json.loads((DATA / "analytic.json").read_text())
    assert len(cases) >= 27
    for case in cases:
        found = KINDS[case["kind"]](case["model"])
        for name, value in case["truth"].items():
            if name != "customers":
                told = f"{case['id']} {case['kind']} {name}"
                assert np.asarray(found[name], float) == pytest.approx(np.asarray(value, float), rel=1e-9), told


# ---- Markovian stations ---------------------------------------------------------------------------------------------


def test_erlangs_tables() -> None:
    # Erlang (1917) and every table since: 10 lines at 5 erlangs lose 1.84 %; 1 line loses a / (1 + a)
    assert exact.erlang_b(10, 5.0) == pytest.approx(0.0184, abs=5e-5)
    assert exact.erlang_b(1, 0.7) == near(0.7 / 1.7)
    assert exact.erlang_b(0, 3.0) == 1.0
    for c, a in ((3, 2.0), (12, 9.5)):  # B = (a^c / c!) / sum a^k / k!
        assert exact.erlang_b(c, a) == near(a**c / factorial(c) / sum(a**k / factorial(k) for k in range(c + 1)))


def test_a_million_servers_are_no_trouble() -> None:
    # Jagerman (1974): 1 / B(n, n) = sqrt(pi n / 2) + 2 / 3 + sqrt(2 pi) / (24 sqrt n) + O(1 / n)
    n = 1_000_000
    inverse = 1 / exact.erlang_b(n, float(n))
    assert inverse == pytest.approx(sqrt(np.pi * n / 2) + 2 / 3 + sqrt(2 * np.pi / n) / 24, abs=1e-5)


def test_mm1_is_rho_over_one_minus_rho() -> None:
    q = exact.mmc(0.75, 1.0)
    assert (q.number_in_station, q.queue_length, q.wait, q.time_in_station) == near((3.0, 2.25, 3.0, 4.0))
    assert q.wait_beyond([0.0, 2.0]) == near(np.array([0.75, 0.75 * exp(-0.5)]))
    # the q-quantile of the wait is ln(rho / (1 - q)) / (mu - lambda), 0 up to q = 1 - rho
    assert [q.wait_quantile(x) for x in (0.2, 0.25, 0.9, 0.99)] == near([0, 0, 4 * log(7.5), 4 * log(75)])
    assert q.wait_quantile(1.0) == inf


def test_mm2_is_written_out_in_every_textbook() -> None:
    # Wq = rho^2 / (mu (1 - rho^2)), C = 2 rho^2 / (1 + rho)
    rho = 0.6
    q = exact.mmc(1.2, 1.0, 2)
    assert (q.wait, q.p_wait) == near((rho**2 / (1 - rho**2), 2 * rho**2 / (1 + rho)))


@pytest.mark.parametrize(
    ("lam", "mu", "c", "K"), [(2.0, 1.0, 3, 7), (5.0, 1.0, 2, 2), (0.3, 1.0, 1, 1), (9.0, 1.0, 4, 30)]
)
def test_mmck_is_its_chain(lam: float, mu: float, c: int, K: int) -> None:
    p = long_run(range(K + 1), lambda n: ((n + 1, lam), (n - 1, mu * min(n, c))))
    q = exact.mmck(lam, mu, c, K)
    assert q.p_block == near(p[K])
    assert q.number_in_station == near(mean(p, float))
    assert q.queue_length == near(mean(p, lambda n: max(n - c, 0)))
    assert q.throughput == near(mu * mean(p, lambda n: min(n, c)))
    assert q.utilization == near(mean(p, lambda n: min(n, c)) / c)
    assert q.time_in_station == near(q.number_in_station / q.throughput)
    assert q.p_wait == near(sum(p[n] for n in range(c, K)) / (1 - p[K]))


def test_the_wait_of_mmck_has_the_mean_that_it_has() -> None:
    q = exact.mmck(2.0, 1.0, 2, 9)
    t = np.linspace(0, 60, 60_001)
    assert np.trapezoid(q.wait_beyond(t), t) == pytest.approx(q.wait, rel=1e-6)
    assert q.wait_beyond(q.wait_quantile(0.9)) == near(0.1)


def test_mmck_becomes_mmc_and_erlang_b() -> None:
    assert exact.mmck(3.0, 1.0, 4, 400).wait == near(exact.mmc(3.0, 1.0, 4).wait, 1e-9)
    assert exact.mmck(3.0, 1.0, 4, 4).p_block == near(exact.erlang_b(4, 3.0))
    assert exact.mmck(2.0, 2.0, 1, 9).p_block == near(1 / 10)  # as many up as down: all states alike


def test_nobody_waits_for_infinitely_many() -> None:
    q = exact.mm_infinity(6.0, 2.0)
    assert (q.wait, q.number_in_station, q.time_in_station, q.wait_quantile(0.99)) == (0.0, 3.0, 0.5, 0.0)
    assert exact.mmc(6.0, 2.0, 40).number_in_station == near(3.0, 1e-9)


@pytest.mark.parametrize(("lam", "mu", "c", "theta"), [(12.0, 1.0, 10, 1.0), (4.0, 1.0, 2, 0.3), (0.5, 1.0, 1, 5.0)])
def test_erlang_a_is_its_chain(lam: float, mu: float, c: int, theta: float) -> None:
    p = long_run(range(150), lambda n: ((n + 1, lam), (n - 1, mu * min(n, c) + theta * max(n - c, 0))))
    q = exact.erlang_a(lam, mu, c, theta)
    assert q.p_wait == near(sum(p[n] for n in range(c, 150)))
    assert q.p_abandon == near(theta * mean(p, lambda n: max(n - c, 0)) / lam)
    assert q.busy == near(mean(p, lambda n: min(n, c)))
    assert q.throughput * (1 - q.p_renege) == near(mu * q.busy)
    t = np.linspace(0, 40, 40_001)
    assert np.trapezoid(q.wait_beyond(t), t) == pytest.approx(q.wait, rel=1e-5)
    # of all waiting, theta E W = P(gives up); those who are served waited less than those who met the patience
    assert 0 < q.wait_served < 1 / theta


def test_with_patience_as_long_as_service_erlang_a_is_an_infinite_station() -> None:
    # theta = mu: everyone leaves at the rate mu, whether served or not, so that the number is Poisson of mean a
    q = exact.erlang_a(8.0, 1.0, 5, 1.0)
    poisson = [exp(-8.0) * 8.0**n / factorial(n) for n in range(80)]
    assert q.number_in_station == near(8.0)
    assert q.p_wait == near(1 - sum(poisson[:5]))


def test_endless_patience_is_erlang_c() -> None:
    q, patient = exact.erlang_a(4.0, 1.0, 5, 1e-7), exact.mmc(4.0, 1.0, 5)
    assert q.p_wait == pytest.approx(patient.p_wait, rel=1e-5)
    assert q.wait_served == pytest.approx(patient.wait, rel=1e-5)
    assert exact.erlang_a(6.0, 1.0, 5, 1e-4).p_abandon == pytest.approx(1 / 6, rel=1e-3)  # overload: what does not fit


@pytest.mark.parametrize(("M", "c", "K"), [(5, 2, 5), (4, 1, 4), (6, 3, 3), (6, 2, 4)])
def test_a_finite_source_is_its_chain(M: int, c: int, K: int) -> None:
    lam, mu = 0.4, 1.0
    p = long_run(range(K + 1), lambda n: ((n + 1, lam * (M - n)), (n - 1, mu * min(n, c))))
    q = exact.finite_source(M, lam, mu, c, K)
    assert list(q.shares) == near(list(p.values()))
    asked = lam * mean(p, lambda n: M - n)
    assert q.p_block == near((lam * (M - K) * p[K]) / asked)
    assert q.time_in_station == near(mean(p, float) / (asked * (1 - q.p_block)))
    if c == K:  # Engset: arrivals see the system of one source less
        lost = comb(M - 1, c) * lam**c / sum(comb(M - 1, k) * lam**k for k in range(c + 1))
        assert q.p_block == near(lost)


@pytest.mark.parametrize("spares", [0, 2])
def test_machine_repair_is_its_chain(spares: int) -> None:
    M, lam, mu, c = 6, 0.2, 1.0, 2
    p = long_run(range(M + spares + 1), lambda n: ((n + 1, lam * min(M, M + spares - n)), (n - 1, mu * min(n, c))))
    q = exact.machine_repair(M, lam, mu, c, spares)
    running = mean(p, lambda n: min(M, M + spares - n))
    assert (q.mean_running, q.availability) == near((running, running / M))
    assert q.mean_down == near(mean(p, float))
    assert q.station.throughput == near(mu * mean(p, lambda n: min(n, c)))
    assert q.station.wait == near(mean(p, lambda n: max(n - c, 0)) / q.station.throughput)
    t = np.linspace(0, 60, 60_001)
    assert np.trapezoid(q.station.wait_beyond(t), t) == pytest.approx(q.station.wait, rel=1e-5)


# ---- general service and arrivals -----------------------------------------------------------------------------------


def test_pollaczek_and_khinchine() -> None:
    assert exact.mg1(0.8, 1.0, 1.0).wait == near(exact.mmc(0.8, 1.0).wait)
    # Gross and Harris, ch. 5: with the cv c_s the queue is that of M/M/1 times (1 + c_s^2) / 2
    assert exact.mg1(0.8, 1.0, 0.25).queue_length == near(3.2 * 1.25 / 2)


@pytest.mark.parametrize(("c", "a"), [(1, 0.6), (2, 1.5), (5, 4.0), (10, 7.0)])
def test_mdc_is_its_chain(c: int, a: float) -> None:
    """A service later are inside those who waited, and a Poisson number of new ones."""
    N = 260
    n = np.arange(N)
    new = np.array([exp(-a + k * log(a) - float(np.sum(np.log(np.arange(1, k + 1))))) for k in n])
    P = np.array([np.concatenate([np.zeros(max(i - c, 0)), new])[:N] for i in n])
    P[:, -1] += 1 - P.sum(axis=1)
    p = np.linalg.lstsq(np.vstack([P.T - np.eye(N), np.ones(N)]), np.append(np.zeros(N), 1), rcond=None)[0]
    q = exact.mdc(a / 2, 2.0, c)
    assert q.queue_length == near(float(p @ np.maximum(n - c, 0)), 1e-9)
    assert q.p_wait == near(1 - p[:c].sum(), 1e-9)
    t = np.linspace(0, 2 * 30, 30_001)
    assert np.trapezoid(q.wait_beyond(t), t) == pytest.approx(q.wait, rel=1e-5)
    assert q.wait_beyond(0.0) == near(q.p_wait, 1e-9)


def test_md1_has_erlangs_distribution() -> None:
    # Erlang (1909): P(W <= t) = (1 - rho) sum over k <= t of (rho (k - t))^k e^(rho (t - k)) / k!, service 1
    q, rho = exact.md1(0.7, 1.0), 0.7
    for t in (0.0, 0.4, 1.0, 2.5, 5.0):
        below = (1 - rho) * sum((rho * (k - t)) ** k * exp(rho * (t - k)) / factorial(k) for k in range(int(t) + 1))
        assert q.wait_beyond(t) == near(1 - below, 1e-9)
    assert q.wait_beyond(q.wait_quantile(0.9)) == near(0.1, 1e-9)


def test_the_two_ways_to_mdc_agree() -> None:
    from potomac.simulation.closed_forms.deterministic import _by_roots, _by_sums

    for c, a in ((1, 0.9), (2, 1.9), (7, 6.0), (50, 45.0)):
        assert _by_sums(c, a, 20_000) == near(_by_roots(c, a), 1e-9)
    # near saturation, (1 - rho) Lq -> 1 / 2 for any c, as the queue is then that of one fast server
    assert 1e-5 * exact.mdc(10 * (1 - 1e-5), 1.0, 10).queue_length == pytest.approx(0.5, rel=2e-3)
    assert exact.mdc(20.0, 1.0, 100).queue_length < 1e-20  # roots alone would leave rounding of 1e-14 there


@pytest.mark.parametrize(("lam", "c"), [(0.8, 1), (3.0, 5), (7.3, 9)])
def test_gi_m_c_with_poisson_arrivals_is_mmc(lam: float, c: int) -> None:
    q, m = exact.gi_m_c(exact.exponential_transform(1 / lam), 1 / lam, 1.0, c), exact.mmc(lam, 1.0, c)
    assert (q.wait, q.p_wait, q.queue_length) == near((m.wait, m.p_wait, m.queue_length), 1e-9)
    assert q.wait_beyond([0.5, 2.0]) == near(m.wait_beyond([0.5, 2.0]), 1e-9)


@pytest.mark.parametrize(("c", "rate"), [(1, 0.8), (2, 1.2), (3, 2.7)])
def test_erlang_arrivals_are_phases_of_a_chain(c: int, rate: float) -> None:
    """E_2/M/c: the state is the number inside and the phase of the next arrival; arrivals end phase 1."""
    N, phase = 220, 2 * rate

    def jumps(state: tuple[int, int]) -> Iterable[tuple[tuple[int, int], float]]:
        n, k = state
        yield ((n, 1) if k == 0 else (n + 1, 0)), phase
        yield (n - 1, k), float(min(n, c))

    p = long_run(product(range(N), range(2)), jumps)
    q = exact.gi_m_c(exact.gamma_transform(2, 1 / phase), 1 / rate, 1.0, c)
    met = {n: p[n, 1] for n in range(N)}
    assert q.p_wait == near(1 - sum(met[n] for n in range(c)) / sum(met.values()), 1e-8)
    assert q.queue_length == near(mean(p, lambda state: max(state[0] - c, 0)), 1e-8)


def test_hyperexponential_arrivals_and_their_root() -> None:
    # H_2 with p = (.5, .5), means (.5, 2): sigma solves a polynomial, here by numpy's companion matrix, mu = 1
    transform = exact.hyperexponential_transform([0.5, 2.0], [0.5, 0.5])
    sigma = exact.renewal_root(transform, 1.0)
    x = np.polynomial.Polynomial([1, -1])  # s = 1 - sigma
    one, two = 1 + 0.5 * x, 1 + 2 * x
    roots = (np.polynomial.Polynomial([0, 1]) * one * two - 0.5 * two - 0.5 * one).roots()
    assert any(abs(root - sigma) < 1e-12 for root in roots)
    assert exact.gi_m_1(transform, 1.25, 1.0).p_wait == sigma


def test_loss_and_sharing_look_at_the_mean_service_alone() -> None:
    assert exact.mgcc(4.0, 0.5, 3).p_block == near(exact.erlang_b(3, 2.0))
    assert exact.mgcc(4.0, 0.5, 3).number_in_station == near(2.0 * (1 - exact.erlang_b(3, 2.0)))
    assert exact.processor_sharing(0.6, 1.0).time_in_station == near(1 / 0.4)
    assert exact.lcfs_preemptive(0.6, 1.0).time_in_station == near(2.5)
    assert exact.processor_sharing(1.2, 1.0, 2).number_in_station == near(exact.mmc(1.2, 1.0, 2).number_in_station)


def test_batches_are_their_chain() -> None:
    """Groups of 1, 2 or 4, exponential service, one server."""
    sizes, lam, mu, N = {1: 0.5, 2: 0.3, 4: 0.2}, 0.25, 1.0, 400
    p = long_run(range(N), lambda n: [(n + k, lam * w) for k, w in sizes.items()] + [(n - 1, mu)])
    x = sum(k * w for k, w in sizes.items())
    variance = sum(k * k * w for k, w in sizes.items()) - x * x
    q = exact.batch_mm1(lam, mu, x, variance)
    assert q.number_in_station == near(mean(p, float), 1e-9)
    assert q.queue_length == near(mean(p, lambda n: max(n - 1, 0)), 1e-9)
    assert 1 - q.p_wait == near(p[0] / x, 1e-9)  # only the first of a group that finds nobody begins at once
    assert exact.batch_mg1(0.5, 1.0, 0.0, 1.0, 0.3).wait == near(exact.mg1(0.5, 1.0, 0.3).wait)


def test_a_busy_period_is_a_first_passage() -> None:
    lam, mu, N = 0.6, 1.0, 400
    A = np.zeros((N, N))  # states 1..N, 0 absorbs: moments m1 = -A^-1 1, m2 = -2 A^-1 m1
    for i in range(N):
        A[i, i] = -(lam * (i < N - 1) + mu)
        A[i, i + 1 : i + 2] = lam
        if i:
            A[i, i - 1] = mu
    m1 = np.linalg.solve(A, -np.ones(N))
    m2 = np.linalg.solve(A, -2 * m1)
    busy = exact.busy_period(lam, 1 / mu)
    assert (busy.mean, busy.variance) == near((m1[0], m2[0] - m1[0] ** 2), 1e-9)
    assert busy.served == near(busy.mean * mu)
    assert busy.cycle == near(busy.mean + 1 / lam)
    # M/D/1: the number served is Borel's, of mean 1 / (1 - rho) and variance rho / (1 - rho)^3
    assert exact.busy_period(0.5, 1.0, 0.0).variance == near(0.5 / 0.5**3)


# ---- priorities -----------------------------------------------------------------------------------------------------


def two_classes(lam: tuple[float, float], c: int, N: int, *, preempts: bool) -> tuple[float, float]:
    """Mean waits of two classes at M/M/c, mu = 1, from the chain of (in service 1, in service 2, queue 1, queue 2)."""

    def settled(a: int, b: int, i: int, j: int) -> tuple[int, int, int, int]:
        while a + b < c and i + j:
            a, b, i, j = (a + 1, b, i - 1, j) if i else (a, b + 1, i, j - 1)
        while preempts and i and b:
            a, b, i, j = a + 1, b - 1, i - 1, j + 1
        return a, b, i, j

    def jumps(state: tuple[int, int, int, int]) -> Iterable[tuple[tuple[int, int, int, int], float]]:
        a, b, i, j = state
        yield settled(a, b, i + 1, j), lam[0]
        yield settled(a, b, i, j + 1), lam[1]
        if a:
            yield settled(a - 1, b, i, j), float(a)
        if b:
            yield settled(a, b - 1, i, j), float(b)

    found = new = {(0, 0, 0, 0)}
    while new:
        new = {to for state in new for to, _ in jumps(state) if to[2] + to[3] <= N} - found
        found = found | new
    p = long_run(sorted(found), jumps)
    return mean(p, lambda s: s[2]) / lam[0], mean(p, lambda s: s[3]) / lam[1]


@pytest.mark.parametrize("c", [1, 2])
def test_priorities_are_their_chain(c: int) -> None:
    lam = (0.2 * c, 0.25 * c)
    kept = exact.mmc_priority(lam, 1.0, c)
    assert [s.wait for s in kept] == near(two_classes(lam, c, 26, preempts=False), 1e-6)
    broken = exact.mmc_preemptive(lam, 1.0, c)
    assert [s.wait for s in broken] == near(two_classes(lam, c, 26, preempts=True), 1e-6)
    if c == 1:
        assert [s.wait for s in exact.mg1_priority(lam, 1.0, 1.0)] == near([s.wait for s in kept])
        assert [s.wait for s in exact.mg1_preemptive(lam, 1.0, 1.0)] == near([s.wait for s in broken])


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.1, 3), st.floats(0, 4)), min_size=1, max_size=6))
def test_priorities_conserve_work(classes: list[tuple[float, float, float]]) -> None:
    # Kleinrock (1965): sum rho_k Wq_k = rho W_0 / (1 - rho), whatever the order
    lam, m, variance = (np.array(part) for part in zip(*classes, strict=True))
    lam *= 0.9 / float(lam @ m)
    W0 = float(lam @ (variance + m * m)) / 2
    waits = np.array([s.wait for s in exact.mg1_priority(lam, m, variance)])
    assert float((lam * m) @ waits) == near(0.9 * W0 / 0.1, 1e-8)
    assert (np.diff(waits) >= 0).all()
    # who interrupts sees nothing of those below
    first = exact.mg1_preemptive(lam, m, variance)[0]
    assert first.wait == near(exact.mg1(float(lam[0]), float(m[0]), float(variance[0])).wait, 1e-8)


# ---- transient and networks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rho", [0.5, 0.95, 1.0, 1.3])
def test_the_first_waits_are_those_of_the_embedded_chain(rho: float) -> None:
    """An arrival leaves one more; before the next, each service ends first with the chance mu / (lambda + mu)."""
    n, q = 60, 1 / (1 + rho)
    seen, waits = np.zeros(n + 2), []
    seen[0] = 1
    for _ in range(n):
        waits.append(float(seen @ np.arange(n + 2)))
        after = np.zeros(n + 2)
        for k in np.flatnonzero(seen):
            left = np.arange(k + 2)
            after[left] += seen[k] * np.where(left > 0, (1 - q) * q ** (k + 1 - left), q ** (k + 1))
        seen = after[: n + 2]
    assert exact.mm1_transient_waits(rho, 1.0, n) == near(np.array(waits))


def test_the_waits_settle_at_the_long_run() -> None:
    assert exact.mm1_transient_waits(1.0, 2.0, 2000)[-1] == near(exact.mmc(1.0, 2.0).wait)


def test_jackson_by_hand() -> None:
    # Gross and Harris, ch. 4: feedback with the chance 1/4 makes 4/3 visits
    found = exact.jackson([3.0], [[0.25]], [5.0])
    assert (found.rates[0], found.number_in_system, found.time_in_system) == near((4.0, 4.0, 4 / 3))


def test_jackson_is_its_chain() -> None:
    gamma, P, mu, c, N = (0.5, 0.3), np.array([[0.0, 0.6], [0.3, 0.0]]), (1.5, 0.7), (1, 2), 45

    def jumps(state: tuple[int, int]) -> Iterable[tuple[tuple[int, int], float]]:
        for i in range(2):
            come = (state[0] + (i == 0), state[1] + (i == 1))
            gone = (state[0] - (i == 0), state[1] - (i == 1))
            yield come, gamma[i]
            out = mu[i] * min(state[i], c[i])
            yield gone, out * (1 - P[i].sum())
            yield (gone[0] + (i == 1), gone[1] + (i == 0)), out * P[i, 1 - i]

    p = long_run(product(range(N), range(N)), jumps)
    found = exact.jackson(gamma, P, mu, c)
    assert found.stations[0].number_in_station == near(mean(p, lambda s: s[0]), 1e-5)
    assert found.stations[1].number_in_station == near(mean(p, lambda s: s[1]), 1e-5)


def test_a_tandem_adds_up() -> None:
    found = exact.tandem(0.5, [1.0, 0.8, 2.0], [1, 2, 1])
    each = [exact.mmc(0.5, 1.0), exact.mmc(0.5, 0.8, 2), exact.mmc(0.5, 2.0)]
    assert found.time_in_system == near(sum(s.time_in_station for s in each))


@pytest.mark.parametrize(("think", "servers"), [(0.0, (1, 1, 1)), (2.0, (1, 1, 1)), (0.0, (2, 1, 3)), (1.5, (2, 2, 1))])
def test_a_closed_network_is_its_chain(think: float, servers: tuple[int, ...]) -> None:
    """Customers go round stations 0, 1, 2 and, with think time, station 3."""
    D, N = (1.0, 0.7, 1.8), 5
    rates = [1 / d for d in D] + ([1 / think] if think else [])
    k = len(rates)

    def jumps(state: tuple[int, ...]) -> Iterable[tuple[tuple[int, ...], float]]:
        for i in range(k):
            if state[i]:
                to = list(state)
                to[i] -= 1
                to[(i + 1) % k] += 1
                yield tuple(to), rates[i] * (min(state[i], servers[i]) if i < 3 else state[i])

    p = long_run([s for s in product(range(N + 1), repeat=k) if sum(s) == N], jumps)
    found = exact.closed_network(D, N, think, servers)
    assert found.throughput == near(rates[0] * mean(p, lambda s: min(s[0], servers[0])))
    assert list(found.number_in_station) == near([mean(p, lambda s, i=i: s[i]) for i in range(3)])
    assert found.time_in_system == near(N / found.throughput - think)
    assert list(found.utilization) == near([found.throughput * d / s for d, s in zip(D, servers, strict=True)])


def test_many_customers_reach_the_bottleneck_and_lose_no_digits() -> None:
    found = exact.closed_network([0.4, 1.0, 0.6], 600, 50.0, [2, 3, 1])
    assert found.throughput == near(1 / 0.6, 1e-9)
    assert sum(found.number_in_station) + 50 * found.throughput == near(600.0, 1e-9)
    alone = exact.closed_network([1.0], 30, 20.0, 1)  # machine repair is a closed network with thinking machines
    assert alone.throughput == near(exact.machine_repair(30, 1 / 20, 1.0).station.throughput)
    several = exact.closed_network([1.0], 30, 6.0, 4)
    assert several.throughput == near(exact.machine_repair(30, 1 / 6, 1.0, 4).station.throughput)


# ---- reliability ----------------------------------------------------------------------------------------------------


def test_structures_are_all_their_states() -> None:
    r = np.array([0.9, 0.7, 0.5, 0.99])
    for k in range(1, 5):
        works = sum(float(np.prod(np.where(state, r, 1 - r))) for state in product((0, 1), repeat=4) if sum(state) >= k)
        assert exact.k_out_of_n(k, r) == near(works)
    assert exact.series(r) == near(exact.k_out_of_n(4, r))
    assert exact.parallel(r) == near(exact.k_out_of_n(1, r))
    assert exact.k_out_of_n(3, 0.9, 5) == near(10 * 0.9**3 * 0.01 + 5 * 0.9**4 * 0.1 + 0.9**5)


def test_mean_lives_by_inclusion_and_exclusion() -> None:
    # parallel of two: 1/a + 1/b - 1/(a + b); 2 of 3: sum of pairs 1/(a + b) - 2/(a + b + c)
    a, b, c = 0.5, 2.0, 0.01
    assert exact.mttf_k_out_of_n(1, [a, b]) == near(1 / a + 1 / b - 1 / (a + b))
    pairs = 1 / (a + b) + 1 / (a + c) + 1 / (b + c)
    assert exact.mttf_k_out_of_n(2, [a, b, c]) == near(pairs - 2 / (a + b + c))
    assert exact.mttf_k_out_of_n(3, [a, b, c]) == near(1 / (a + b + c))
    assert exact.mttf_k_out_of_n(2, 0.5, 3) == near(2 * (1 / 2 + 1 / 3))


def test_standby_from_cold_to_hot() -> None:
    assert exact.standby_mttf(3, 0.5) == near(6.0)
    assert exact.standby_mttf(3, 0.5, standby_rate=0.5) == near(exact.mttf_k_out_of_n(1, 0.5, 3))
    assert exact.standby_mttf(2, 0.5, standby_rate=0.1) == near(1 / 0.6 + 1 / 0.5)
    # a switch that works with the chance p: 1/lambda (1 + p)
    assert exact.standby_mttf(2, 0.5, switch=0.8) == near(2 * 1.8)
    assert exact.standby_mttf(5, 0.5, needed=3) == near(3 / 1.5)
    t = np.linspace(0, 80, 8001)
    survival = [exact.standby_reliability(float(x), 3, 0.5) for x in t]
    assert np.trapezoid(survival, t) == pytest.approx(6.0, rel=1e-4)


@pytest.mark.parametrize(("standby", "suspended"), [(None, False), (0.0, False), (0.1, True)])
def test_a_repairable_system_is_its_chain(standby: float | None, suspended: bool) -> None:
    k, n, lam, mu, crews = 2, 4, 0.3, 1.0, 2
    cold = lam if standby is None else standby

    def fails(i: int) -> float:
        good = n - i
        return 0.0 if suspended and good < k else min(good, k) * lam + max(good - k, 0) * cold

    p = long_run(range(n if suspended else n + 1), lambda i: ((i + 1, fails(i)), (i - 1, mu * min(i, crews))))
    found = exact.repairable_k_out_of_n(k, n, lam, mu, crews, standby_rate=standby, suspended=suspended)
    assert found.availability == near(sum(p[i] for i in range(n - k + 1)))
    assert found.failures == near(p[n - k] * fails(n - k))
    assert found.mean_up / (found.mean_up + found.mean_down) == near(found.availability)
    A = np.zeros((n - k + 1, n - k + 1))  # up states; the mean time to leave them from 0 is -A^-1 1
    for i in range(n - k + 1):
        A[i, i] = -fails(i) - mu * min(i, crews)
        A[i, i + 1 : i + 2] = fails(i)
        if i:
            A[i, i - 1] = mu * min(i, crews)
    assert found.mttf == near(np.linalg.solve(A, -np.ones(n - k + 1))[0])


def test_one_component_is_up_mtbf_of_the_time() -> None:
    assert exact.availability(90.0, 10.0) == 0.9
    found = exact.repairable_k_out_of_n(1, 1, 0.1, 0.5)
    assert found.availability == near(exact.availability(10.0, 2.0))
    assert (found.mttf, found.mean_up, found.mean_down) == near((10.0, 10.0, 2.0))


# ---- stocks ---------------------------------------------------------------------------------------------------------


def expected_profit(q: float, demand: np.ndarray, weights: np.ndarray, goodwill: float) -> float:
    sold = np.minimum(demand, q)
    return float(weights @ (10 * sold + 2 * (q - sold) - goodwill * (demand - sold))) - 6 * q


@pytest.mark.parametrize("goodwill", [0.0, 3.0])
def test_no_quantity_earns_more(goodwill: float) -> None:
    u = (np.arange(200_000) + 0.5) / 200_000
    even = np.full(len(u), 1 / len(u))
    d = np.arange(200)
    poisson = np.exp(d * log(40.0) - 40.0 - np.array([float(np.sum(np.log(np.arange(1, k + 1)))) for k in d]))
    cases = [
        (exact.newsvendor_uniform(10, 6, 2, 20, 80, goodwill), 20 + 60 * u, even),
        (exact.newsvendor_exponential(10, 6, 2, 50, goodwill), -50 * np.log(1 - u), even),
        (exact.newsvendor_poisson(10, 6, 2, 40, goodwill), d.astype(float), poisson),
        (exact.newsvendor_discrete(10, 6, 2, [30, 10, 20], [0.2, 0.5, 0.3], goodwill), np.array([30.0, 10, 20]),
         np.array([0.2, 0.5, 0.3])),
    ]  # fmt: skip
    for found, demand, weights in cases:
        assert found.critical_ratio == near((4 + goodwill) / (8 + goodwill))
        assert found.profit == pytest.approx(expected_profit(found.q, demand, weights, goodwill), rel=1e-4, abs=1e-3)
        for other in (found.q - 1, found.q + 1):
            assert expected_profit(other, demand, weights, goodwill) <= found.profit + 1e-3
        assert found.sold + found.left == near(found.q)
        assert found.sold + found.short == pytest.approx(float(weights @ demand), rel=1e-4)


def test_the_normal_newsvendor_of_the_textbooks() -> None:
    # at the median the profit is (p - c) mu - (p - s) sigma phi(0)
    found = exact.newsvendor_normal(10, 6, 2, 100, 20)
    assert (found.q, found.profit) == near((100.0, 400 - 8 * 20 / sqrt(2 * np.pi)))


def test_harris_lot() -> None:
    # Harris (1913): sqrt(2 K lambda / h), and the cost is flat there
    found = exact.economic_order_quantity(1200, 100, 6)
    assert (found.q, found.cost, found.cycle) == near((200.0, 1200.0, 1 / 6))
    assert found.cost == near(100 * 1200 / found.q + 6 * found.q / 2)
    short = exact.economic_order_quantity(1200, 100, 6, backorder_cost=18)
    assert short.q == near(200 * sqrt(24 / 18))
    assert short.most_on_hand + short.most_backorders == near(short.q)
    costs = 100 * 1200 / short.q + (6 * short.most_on_hand**2 + 18 * short.most_backorders**2) / (2 * short.q)
    assert short.cost == near(costs)
    made = exact.economic_order_quantity(1200, 100, 6, production_rate=4800)
    assert (made.q, made.most_on_hand) == near((200 / sqrt(0.75), 200 * sqrt(0.75)))


def test_a_discount_is_taken_where_it_pays() -> None:
    breaks = [(0, 5.0), (1000, 4.5), (5000, 4.4)]
    found = exact.quantity_discount(10_000, 50, 0.2, breaks)

    def cost(q: float) -> float:
        price = [price for least, price in breaks if q >= least][-1]
        return 10_000 * 50 / q + 0.2 * price * q / 2 + 10_000 * price

    assert found.cost == near(cost(found.q))
    assert found.cost <= min(cost(q) for q in np.arange(50, 9000, 1.0)) + 1e-3


@pytest.mark.parametrize(("r", "Q", "lam", "lead"), [(10, 20, 5.0, 2.0), (-2, 4, 3.0, 1.0), (0, 1, 2.5, 2.0)])
def test_rq_is_position_less_lead_time_demand(r: int, Q: int, lam: float, lead: float) -> None:
    m = lam * lead
    p = [exp(-m) * m**d / factorial(d) for d in range(120)]
    net = [(y - d, w / Q) for y in range(r + 1, r + Q + 1) for d, w in enumerate(p)]
    found = exact.rq(r, Q, lam, lead)
    assert found.on_hand == near(sum(w * max(x, 0) for x, w in net))
    assert found.backorders == near(sum(w * max(-x, 0) for x, w in net))
    assert found.p_stockout == near(sum(w for x, w in net if x <= 0))
    assert (found.fill_rate, found.orders_per_time) == near((1 - found.p_stockout, lam / Q))


def test_base_stock_is_a_queue_of_infinitely_many() -> None:
    found = exact.base_stock(4, 3.0, 1.0)
    assert found.on_hand - found.backorders == near(4 - 3.0)
    assert found == exact.rq(3, 1, 3.0, 1.0)
    lost = exact.base_stock_lost(4, 3.0, 1.0)
    p = long_run(range(5), lambda n: ((n + 1, 3.0), (n - 1, float(n))))
    assert (lost.p_stockout, lost.on_hand) == near((p[4], 4 - mean(p, float)))
    assert exact.base_stock(0, 3.0, 2.0).backorders == near(6.0)


def test_ss_with_no_lead_time_is_uniform() -> None:
    found = exact.ss(20, 80, 30.0)
    assert (found.on_hand, found.orders_per_time, found.backorders) == near(((21 + 80) / 2, 0.5, 0.0))


def test_periodic_ss_is_its_chain() -> None:
    s, S, f = 3, 9, np.array([0.2, 0.3, 0.1, 0.25, 0.15])
    levels = list(range(s + 1, S + 1))  # after ordering
    P = np.zeros((len(levels), len(levels)))
    for i, level in enumerate(levels):
        for d, w in enumerate(f):
            end = level - d
            P[i, levels.index(S if end <= s else end)] += w
    p = np.linalg.lstsq(np.vstack([P.T - np.eye(len(P)), np.ones(len(P))]), np.append(np.zeros(len(P)), 1), rcond=None)[
        0
    ]
    found = exact.ss_periodic(s, S, f)
    assert found.after_order == near(float(p @ levels))
    ends = [(level - d, a * w) for level, a in zip(levels, p, strict=True) for d, w in enumerate(f)]
    assert found.orders_per_time == near(sum(w for end, w in ends if end <= s))
    assert found.order_size == near(sum(w * (S - end) for end, w in ends if end <= s) / found.orders_per_time)
    assert found.on_hand_at_end == near(sum(w * max(end, 0) for end, w in ends))
    assert found.at_end == near(sum(w * end for end, w in ends))
    assert found.p_stockout == near(sum(w for end, w in ends if end < 0))
    # a demand of one each period: the uniform of continuous review
    assert exact.ss_periodic(20, 80, [0.0, 1.0]).after_order == near(50.5)


# ---- chances --------------------------------------------------------------------------------------------------------


def test_the_hands_are_all_there_are() -> None:
    assert sum(exact.HANDS.values()) == comb(52, 5)
    assert exact.poker_hand("full house") == Fraction(3744, 2598960)
    assert exact.poker_hand("pair") == Fraction(1098240, 2598960)  # Feller I, II: .4226
    assert exact.poker_hand("flush") == Fraction(5108, 2598960)


@pytest.mark.parametrize(("dice", "sides"), [(1, 6), (3, 6), (4, 8)])
def test_dice_are_counted(dice: int, sides: int) -> None:
    sums = [sum(throw) for throw in product(range(1, sides + 1), repeat=dice)]
    for total in range(dice * sides + 2):
        assert exact.dice_sum(dice, total, sides) == Fraction(sums.count(total), sides**dice)


def test_craps_is_244_of_495() -> None:
    assert exact.craps() == Fraction(244, 495)


@pytest.mark.parametrize("p", [0.49, 0.5, 0.6])
def test_ruin_is_a_linear_system(p: float) -> None:
    N = 30
    A, b = np.eye(N + 1), np.zeros(N + 1)
    b[0] = 1
    games = np.zeros(N + 1)
    for i in range(1, N):
        A[i, i + 1], A[i, i - 1], games[i] = -p, p - 1, 1
    lost, played = np.linalg.solve(A, b), np.linalg.solve(A, games)
    for start in (0, 1, 10, 29, 30):
        assert exact.ruin(p, start, N) == near(lost[start], 1e-9)
        assert exact.ruin_duration(p, start, N) == near(played[start], 1e-8)
    assert exact.ruin(p, 5) == near(1.0 if p <= 0.5 else ((1 - p) / p) ** 5)
    assert exact.ruin(0.4, 99_000, 100_000) == near(1.0)
    assert exact.ruin(0.6, 2, 10**7) == near((2 / 3) ** 2)


# ---- what has no answer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda: exact.mmc(2.1, 1.0, 2), lambda: exact.mmc(2.0, 1.0, 2), lambda: exact.mg1(1.0, 1.0, 0.0),
        lambda: exact.mdc(3.0, 1.0, 3), lambda: exact.gi_m_c(exact.deterministic_transform(0.4), 0.4, 1.0, 2),
        lambda: exact.mg1_priority([0.5, 0.6], 1.0, 1.0), lambda: exact.mmc_preemptive([1.0, 1.5], 1.0, 2),
        lambda: exact.processor_sharing(1.5, 1.0), lambda: exact.batch_mm1(0.5, 1.0, 2.0, 0.0),
        lambda: exact.busy_period(1.0, 1.0), lambda: exact.jackson([1.0], [[0.5]], [1.5]),
    ],
)  # fmt: skip
def test_what_never_settles_has_no_answer(ask: Callable[[], object]) -> None:
    with pytest.raises(NoAnswer, match="unstable: offered load") as caught:
        ask()
    assert caught.value.faults[0].code == "simulation.unstable"


def test_who_cannot_leave_is_told() -> None:
    with pytest.raises(NoAnswer, match="no way out of stations 1, 2"):
        exact.traffic([1.0, 0.0, 0.0], [[0.0, 0.5, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    with pytest.raises(StudyError, match=r"routes from station 0 sum to 1\.1"):
        exact.traffic([1.0, 0.0], [[0.0, 1.1], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("ask", "key"),
    [
        (lambda: exact.mmc(-1.0, 1.0), "arrival_rate"), (lambda: exact.mmc(1.0, float("nan")), "service_rate"),
        (lambda: exact.mmc(1.0, 2.0, 0), "servers"), (lambda: exact.mmc(1.0, 2.0, 1.5), "servers"),  # type: ignore[arg-type]
        (lambda: exact.mmck(1.0, 2.0, 3, 2), "capacity"), (lambda: exact.mg1(0.5, 1.0, -1.0), "service_variance"),
        (lambda: exact.k_out_of_n(4, [0.9, 0.9]), "k"), (lambda: exact.series([0.9, 1.1]), "reliabilities[1]"),
        (lambda: exact.mg1_priority([0.1, -0.2], 1.0, 1.0), "arrival_rates[1]"), (lambda: exact.ss(5, 5, 1.0), "s"),
        (lambda: exact.closed_network([1.0, 2.0], 3, 0.0, [1]), "servers"), (lambda: exact.ruin(1.2, 1, 2), "p"),
        (lambda: exact.newsvendor_normal(5, 6, 2, 10, 1), "cost"), (lambda: exact.poker_hand("full hose"), "hand"),
        (lambda: exact.economic_order_quantity(5, 6, 2, production_rate=4), "production_rate"),
        (lambda: exact.erlang_a(1e9, 1.0, 10, 1e-9), "renege_rate"), (lambda: exact.mmc(True, 2.0), "arrival_rate"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(ask: Callable[[], object], key: str) -> None:
    with pytest.raises((StudyError, NoAnswer)) as caught:
        ask()
    assert caught.value.faults[0].code == "simulation.parameter"
    assert caught.value.faults[0].key == key


def test_measures_go_by_their_names() -> None:
    told = exact.mmc(0.75, 1.0).measures()
    assert told["wait"] == near(3.0)
    assert told["wait_q90"] == near(4 * log(7.5))
    assert "wait_q50" not in exact.mg1(0.5, 1.0, 0.2).measures()
    with pytest.raises(ValueError, match="no closed form"):
        exact.mg1(0.5, 1.0, 0.2).wait_quantile(0.5)
