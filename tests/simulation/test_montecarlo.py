"""Monte Carlo against textbooks: games, geometry, collective risk, options; intervals, stopping, refusals."""

import itertools
import threading
from math import comb, exp, log, pi, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.simulation.distributions import exponential, lognormal, normal, pareto, poisson, uniform
from potomac.simulation.montecarlo import Drawn, cards, dice, monte_carlo
from potomac.simulation.montecarlo.estimating import clopper_pearson
from potomac.simulation.montecarlo.moments import Grouped, Moments
from potomac.simulation.montecarlo.tails import endless, tail

N = NormalDist()


def held(e, exact):
    """Within one and a half half-widths: three standard errors."""
    assert abs(e.mean - exact) <= 1.55 * e.half_width, (e, exact)


# ---- games and geometry -------------------------------------------------------------------------------------------


def craps(generator, n):
    """Win at once with 7 or 11, lose with 2, 3 or 12, else throw until the point or 7 comes."""
    throw = lambda: generator.integers(1, 7, (2, n)).sum(axis=0)  # noqa: E731
    first = throw()
    won = np.isin(first, (7, 11))
    playing = ~won & ~np.isin(first, (2, 3, 12))
    while playing.any():
        again = throw()
        won |= playing & (again == first)
        playing &= (again != first) & (again != 7)
    return won


def test_craps_is_won_244_times_in_495():
    found = monte_carlo(craps, 0.01, seed=1)
    assert found.reached
    assert found.estimate().half_width <= 0.01 * found.estimate().mean
    held(found.estimate("value", "probability"), 244 / 495)


def test_de_mere_is_right_about_four_throws_and_wrong_about_twenty_four():
    def games(x):
        two = x["pairs"].reshape(-1, 24, 2)
        return {"six": (x["throws"] == 6).any(axis=1), "double": (two == 6).all(axis=2).any(axis=1)}

    found = monte_carlo(games, inputs={"throws": dice(6, 4), "pairs": dice(6, 48)}, samples=40_000, seed=2)
    held(found.estimate("six"), 1 - (5 / 6) ** 4)
    held(found.estimate("double"), 1 - (35 / 36) ** 24)


def test_two_of_23_people_share_a_birthday():
    def shared(generator, n):
        days = np.sort(generator.integers(0, 365, (n, 23)), axis=1)
        return (np.diff(days, axis=1) == 0).any(axis=1)

    held(monte_carlo(shared, samples=40_000, seed=3).estimate(), 1 - np.prod(1 - np.arange(23) / 365))


def test_hands_of_poker_are_as_often_as_they_are_counted():
    def hand(x):
        ranks, suits = np.sort(x["hand"] % 13, axis=1), x["hand"] // 13
        same = (np.diff(ranks, axis=1) == 0).sum(axis=1)
        return {"flush": (suits == suits[:, :1]).all(axis=1), "nothing_alike": same == 0, "one_pair": same == 1}

    found = monte_carlo(hand, inputs={"hand": cards(52, 5)}, samples=80_000, seed=4)
    hands = comb(52, 5)
    held(found.estimate("flush"), 4 * comb(13, 5) / hands)
    held(found.estimate("nothing_alike"), comb(13, 5) * 4**5 / hands)
    held(found.estimate("one_pair"), 13 * comb(4, 2) * comb(12, 3) * 4**3 / hands)


@pytest.mark.parametrize("method", ["plain", "antithetic", "stratified", "sobol"])
def test_a_needle_of_buffon_crosses_a_line(method):
    """A needle as long as the lines are apart crosses one with probability 2 / pi."""

    def crosses(u):
        return u[:, 0] / 2 <= np.sin(u[:, 1] * pi / 2) / 2

    found = monte_carlo(crosses, inputs=2, samples=32_768, method=method, seed=5)
    held(found.estimate("value", "probability"), 2 / pi)


# ---- insurance and options ----------------------------------------------------------------------------------------


def test_collective_risk_has_walds_mean_and_its_variance():
    """E S = E N E X, and Var S = E N E X^2 for a Poisson number of claims."""
    claims = {"claims": poisson(30), "loss": Drawn(lognormal(1000, 800), total="claims")}
    found = monte_carlo(
        lambda x: {"loss": x["loss"], "square": (x["loss"] - 30_000) ** 2}, inputs=claims, samples=40_000, seed=6
    )
    held(found.estimate("loss"), 30 * 1000)
    held(found.estimate("square"), 30 * (1000**2 + 800**2))


S, K, R, SIGMA = 100.0, 130.0, 0.05, 0.2
D1 = (log(S / K) + (R + SIGMA**2 / 2)) / SIGMA
CALL = S * N.cdf(D1) - K * exp(-R) * N.cdf(D1 - SIGMA)
"""Black and Scholes (1973): a call for a year, far out of the money."""


def option(x):
    share = S * np.exp(R - SIGMA**2 / 2 + SIGMA * x["z"])
    return {"call": exp(-R) * np.maximum(share - K, 0), "share": share}


def call(x):
    return option(x)["call"]


WAYS = {
    "antithetic": {"method": "antithetic"},
    "control": {"control": {"share": S * exp(R)}},
    "stratified": {"method": "stratified"},
    "neyman": {"method": "stratified", "allocation": "neyman"},
    "sobol": {"method": "sobol"},
    "importance": {"method": "importance", "proposal": {"z": normal(1.8, 1)}},
    "both": {"method": "importance", "proposal": {"z": normal(1.5, 1)}, "control": {"share": S * exp(R)}},
}


@pytest.mark.parametrize("way", WAYS)
def test_each_method_finds_the_price_of_black_and_scholes(way):
    experiment = option if "control" in WAYS[way] else call
    found = monte_carlo(experiment, inputs={"z": normal(0, 1)}, samples=32_768, seed=7, **WAYS[way])
    held(found.estimates[0], CALL)
    least = {
        "antithetic": 1,
        "control": 1.3,
        "stratified": 20,
        "neyman": 500,
        "sobol": 100,
        "importance": 10,
        "both": 8,
    }
    assert found.estimates[0].reduction > least[way]


def test_weights_of_the_experiment_itself_and_without_their_factor():
    """A mean of 3 under a normal law, drawn from one at 2; twice the weights change nothing once normalised."""

    def shifted(generator, n):
        z = generator.normal(2, 1, n)
        return z, ((z - 2) ** 2 - (z - 3) ** 2) / 2

    def twice(generator, n):
        z, logs = shifted(generator, n)
        return z, logs + log(2)

    plain = monte_carlo(shifted, samples=40_000, method="importance", seed=8)
    held(plain.estimates[0], 3)
    held(monte_carlo(twice, samples=40_000, method="importance", normalised=True, seed=8).estimates[0], 3)
    wrong = monte_carlo(twice, samples=40_000, method="importance", seed=8)
    assert any("should average 1" in note for note in wrong.notes)


def test_a_probability_of_three_in_a_million_is_found_by_importance_sampling():
    found = monte_carlo(
        lambda x: x["z"] > 4.5, 0.02, inputs={"z": normal(0, 1)}, method="importance",
        proposal={"z": normal(4.5, 1)}, seed=9,
    )  # fmt: skip
    assert found.reached
    held(found.estimates[0], N.cdf(-4.5))
    assert found.estimates[0].reduction > 10_000


def test_a_bad_proposal_is_told():
    found = monte_carlo(
        lambda x: x["z"] ** 2, inputs={"z": normal(0, 1)}, samples=4096, method="importance",
        proposal={"z": normal(6, 1)},
    )  # fmt: skip
    assert any("cannot be trusted" in note for note in found.notes)
    assert found.effective < 100


# ---- quantiles ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["plain", "antithetic", "stratified", "sobol", "importance"])
def test_quantiles_of_an_exponential_are_logarithms(method):
    proposal = {"proposal": {"x": exponential(3)}} if method == "importance" else {}
    found = monte_carlo(
        lambda x: x["x"], inputs={"x": exponential(1)}, samples=32_768, method=method, quantiles=(0.5, 0.99), seed=10,
        **proposal,
    )  # fmt: skip
    held(found.estimate("value", "q50"), log(2))
    held(found.estimate("value", "q99"), log(100))


def test_precision_of_a_quantile_is_reached_and_memory_is_bounded(monkeypatch):
    from potomac.simulation.montecarlo import run

    monkeypatch.setattr(run, "KEPT", 30_000)
    draw = lambda g, n: {"x": g.exponential(size=n)}  # noqa: E731
    found = monte_carlo(draw, 0.05, of="x:q90", quantiles=(0.9,), seed=11)
    assert found.reached
    held(found.estimate("x", "q90"), log(10))
    capped = monte_carlo(draw, samples=60_000, quantiles=(0.9,), seed=11)
    assert capped.estimate("x", "q90").replications <= 30_000 < capped.estimate("x", "mean").replications
    assert any("first" in note for note in capped.notes)


# ---- intervals ----------------------------------------------------------------------------------------------------


COVERED = {
    "plain": {},
    "antithetic": {"method": "antithetic"},
    "control": {"control": ["z"]},
    "stratified": {"method": "stratified", "strata": {"z": 8}},
    "neyman": {"method": "stratified", "allocation": "neyman"},
    "sobol": {"method": "sobol"},
    "importance": {"method": "importance", "proposal": {"z": normal(0.7, 1.2)}},
}


@pytest.mark.parametrize("way", COVERED)
def test_intervals_of_a_lognormal_cover_as_often_as_they_say(way):
    """E exp(Z/2) = exp(1/8). Of 200 intervals at 95 %, between 180 and 199 hold it but for one time in a thousand."""
    inputs = {"z": normal(0, 1)}
    runs = [
        monte_carlo(lambda x: np.exp(x["z"] / 2), inputs=inputs, samples=512, seed=s, **COVERED[way]).estimates[0]
        for s in range(200)
    ]
    assert 180 <= sum(e.low <= exp(1 / 8) <= e.high for e in runs) <= 199


def test_intervals_of_sobol_points_cover_where_their_means_have_heavy_tails():
    """E U V = 1/4, where the means of scrambled sequences are far from normal."""
    inputs = {"u": uniform(0, 1), "v": uniform(0, 1)}
    runs = [
        monte_carlo(lambda x: x["u"] * x["v"], inputs=inputs, samples=2048, method="sobol", seed=s).estimates[0]
        for s in range(100)
    ]
    assert sum(e.low <= 1 / 4 <= e.high for e in runs) >= 88


def test_intervals_of_a_rare_probability_cover():
    p = 0.004
    runs = [monte_carlo(lambda g, n: g.random(n) < p, samples=512, seed=s).estimates[0] for s in range(200)]
    assert sum(e.low <= p <= e.high for e in runs) >= 185
    assert all(0 <= e.low <= e.mean <= e.high <= 1 and e.high > 0 for e in runs)


def test_what_was_never_seen_is_bounded_by_clopper_and_pearson():
    e = monte_carlo(lambda g, n: np.zeros(n, bool), samples=1000).estimates[0]
    assert (e.mean, e.low) == (0, 0)
    assert e.high == pytest.approx(1 - 0.025 ** (1 / 1000))
    assert clopper_pearson(10, 10) == (pytest.approx(0.025**0.1), 1)
    # 2 of 20: Clopper and Pearson (1934), read off their chart as .012 to .317
    assert clopper_pearson(2, 20) == (pytest.approx(0.0123, abs=1e-4), pytest.approx(0.3170, abs=1e-4))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_moments_of_blocks_are_those_of_all(sizes, seed):
    x = np.random.default_rng(seed).gamma(2, size=(sum(sizes), 2)) + 1e3
    group = np.arange(len(x)) % 3
    ends = np.cumsum([0, *sizes])
    blocks = [Moments.of(x[a:b]) for a, b in itertools.pairwise(ends)]
    parts = [Grouped.of(x[a:b], group[a:b], 3) for a, b in itertools.pairwise(ends)]
    whole, grouped = sum(blocks[1:], blocks[0]), sum(parts[1:], parts[0])
    d = x - x.mean(axis=0)
    assert whole.n == len(x)
    assert np.allclose(whole.mean, x.mean(axis=0))
    assert np.allclose(whole.co, d.T @ d)
    assert np.allclose(whole.third, (d**3).sum(axis=0), atol=1e-6)
    for g in np.unique(group):
        mine = x[group == g]
        assert np.allclose(grouped.mean[g], mine.mean(axis=0))
        assert np.allclose(grouped.squares[g], ((mine - mine.mean(axis=0)) ** 2).sum(axis=0))
        assert np.allclose(grouped.cubes[g], ((mine - mine.mean(axis=0)) ** 3).sum(axis=0), atol=1e-6)


# ---- streams and stopping -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["plain", "sobol"])
def test_one_job_or_two_give_the_same_numbers(method):
    inputs = {"a": exponential(1), "b": normal(0, 1)}

    def done(seed, jobs=1):
        value = lambda x: x["a"] + x["b"] ** 2  # noqa: E731
        return monte_carlo(
            value, inputs=inputs, samples=4096, method=method, quantiles=(0.9,), seed=seed, jobs=jobs
        ).estimates

    assert done(12) == done(12, jobs=2) != done(13)


def test_precision_that_is_not_reached_is_told_with_what_was():
    found = monte_carlo(lambda g, n: g.normal(1, 30, n), 0.001, most=20_000, seed=14)
    assert not found.reached
    assert "not reached with 20,000 draws" in found.notes[0]
    assert found.half_width == pytest.approx(1.96 * 30 / sqrt(20_000) / found.estimate().mean, rel=0.05)


def test_time_that_is_up_ends_the_search():
    ticks = iter(range(10_000))
    found = monte_carlo(lambda g, n: g.normal(1, 30, n), 0.001, budget=3, clock=lambda: float(next(ticks)), seed=15)
    assert not found.reached
    assert "3 seconds" in found.notes[0]


def test_waves_stop_where_the_precision_is_reached():
    found = monte_carlo(lambda g, n: g.exponential(size=n), 0.005, seed=16)
    needed = (1.96 / 0.005) ** 2
    assert needed <= found.samples <= 1.3 * needed + 8192
    assert [n for n, *_ in found.convergence] == sorted(n for n, *_ in found.convergence)


def test_what_was_always_the_same_is_not_called_precise():
    """An indicator as a number has no law of its own: of draws that are all 0 nothing follows."""
    rare = lambda g, n: {"hit": np.zeros(n), "other": g.exponential(size=n)}  # noqa: E731
    found = monte_carlo(rare, 0.05, of="hit", most=20_000, seed=19)
    assert not found.reached
    assert any("the same in all" in note for note in found.notes)
    assert monte_carlo(rare, 0.05, most=100_000, seed=19).reached


def test_fewer_draws_than_a_first_wave_are_kept_to():
    found = monte_carlo(lambda g, n: g.exponential(size=n), 1e-6, most=1000)
    assert found.samples == 1000
    assert not found.reached


def test_an_exact_value_outside_its_interval_is_an_alarm():
    found = monte_carlo(lambda g, n: g.normal(1, 1, n), samples=10_000, exact={"value": 2.0})
    assert found.estimates[0].missed
    assert "outside the interval" in found.notes[0]


# ---- refusals -----------------------------------------------------------------------------------------------------


def code(error):
    return error.value.faults[0].code


@pytest.mark.parametrize(
    "draw",
    [
        lambda g, n: g.pareto(1.5, n),
        lambda g, n: g.standard_cauchy(n),
        lambda g, n: 2.0 ** g.geometric(0.5, n),  # the game of St. Petersburg
    ],
)
def test_means_of_infinite_variance_are_refused(draw):
    with pytest.raises(NoAnswer) as error:
        monte_carlo(draw, samples=100_000, seed=17)
    assert code(error) == "simulation.infinite-variance"
    assert "no valid mean interval" in str(error.value)
    found = monte_carlo(draw, samples=100_000, quantiles=(0.5,), of="value:q50", seed=17)
    assert np.isnan(found.estimate("value", "mean").low)
    assert np.isfinite(found.estimate("value", "q50").low)
    assert any("infinite variance" in note for note in found.notes)


def test_an_input_that_is_known_to_be_endless_is_refused_sooner_and_cut_off_it_is_not():
    inputs = {"size": pareto(1.9, 1)}
    with pytest.raises(NoAnswer) as error:
        monte_carlo(lambda x: x["size"], inputs=inputs, samples=20_000)
    assert "pareto" in str(error.value)
    held(monte_carlo(lambda x: np.minimum(x["size"], 10), inputs=inputs, samples=20_000).estimates[0],
         1 + (1 - 10**-0.9) / 0.9)  # fmt: skip
    held(monte_carlo(lambda x: x["size"] > 2, inputs=inputs, samples=20_000).estimates[0], 2**-1.9)


def test_lognormals_and_students_of_three_degrees_have_a_variance():
    generator = np.random.default_rng(18)
    for sigma in (1, 2, 3):
        assert endless(generator.lognormal(0, sigma, 200_000)) is None
    assert endless(generator.standard_t(3, 200_000)) is None
    assert tail(generator.pareto(1.5, 100_000) + 1, 2000).index == pytest.approx(1.5, rel=0.15)


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        (lambda g, n: g.random(n + 1), "has shape"),
        (lambda g, n: 1.0, "has shape ()"),
        (lambda g, n: "text", "array of numbers"),
        (lambda g, n: {}, "no values"),
        (lambda g, n: {"a" if n % 2 else "b": g.random(n)}, "gives a now and b before"),
    ],
)
def test_what_is_no_number_for_each_draw_is_refused(experiment, message):
    with pytest.raises(StudyError) as error:
        monte_carlo(experiment, samples=16_001)
    assert code(error) == "simulation.experiment"
    assert message in str(error.value)


def test_a_value_that_is_no_number_is_told_with_its_draw():
    def broken(generator, n):
        x = generator.random(n)
        x[3:5] = np.nan
        return x

    with pytest.raises(DataError) as error:
        monte_carlo(broken, samples=1000)
    assert code(error) == "simulation.values"
    assert "draw 3, and 1 more" in str(error.value)


def test_a_hook_that_cannot_be_pickled_is_refused_with_several_jobs():
    lock = threading.Lock()

    def locked(generator, n):
        with lock:
            return generator.random(n)

    held(monte_carlo(locked, samples=1000).estimates[0], 0.5)
    with pytest.raises(StudyError) as error:
        monte_carlo(locked, samples=1000, jobs=2)
    assert code(error) == "simulation.hook"


@pytest.mark.parametrize(
    ("asked", "where", "expected"),
    [
        ({"method": "sobol"}, "method", "simulation.method"),
        ({"method": "sobl"}, "method", "simulation.method"),
        ({"inputs": 1, "method": "sobol", "control": {"value": 1}}, "control", "simulation.method"),
        ({"inputs": {}}, "inputs", "simulation.input"),
        ({"inputs": {"x": "nonsense(1)"}}, "inputs.x", "simulation.distribution"),
        (
            {"inputs": {"x": uniform(0, 1)}, "proposal": {"y": 1}, "method": "importance"},
            "proposal.y",
            "simulation.method",
        ),
        ({"control": ["x"]}, "control", "simulation.control"),
        ({"inputs": 30_000, "method": "sobol"}, "method", "simulation.method"),
        ({"precision": 2}, "precision", "simulation.run"),
        ({"samples": 3}, "samples", "simulation.run"),
        ({"quantiles": (0.5, 1.5)}, "quantiles", "simulation.run"),
        ({"jobs": 0}, "jobs", "simulation.run"),
        ({"of": "value:q90"}, "of", "simulation.method"),
        ({"strata": {"x": 3}}, "strata", "simulation.method"),
        ({"normalised": True}, "normalised", "simulation.method"),
    ],
)
def test_what_makes_no_sense_is_said_by_its_argument(asked, where, expected):
    with pytest.raises(StudyError) as error:
        monte_carlo(lambda g, n: g.random(n), **asked)
    assert (error.value.faults[0].key, code(error)) == (where, expected)


def test_an_unknown_value_is_told_with_those_there_are():
    with pytest.raises(StudyError) as error:
        monte_carlo(lambda g, n: {"loss": g.random(n)}, 0.1, of="lost")
    assert code(error) == "simulation.measure"
    assert 'Did you mean "loss"' in str(error.value)
