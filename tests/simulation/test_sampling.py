"""Designs of draws, inputs from uniforms, densities behind weights."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from potomac.errors import StudyError
from potomac.simulation.distributions import (
    beta,
    binomial,
    deterministic,
    discrete,
    distribution,
    empirical,
    erlang,
    exponential,
    gamma,
    geometric,
    lognormal,
    normal,
    pareto,
    poisson,
    triangular,
    uniform,
    weibull,
)  # fmt: skip
from potomac.simulation.montecarlo import Cards, Drawn, Inputs, cards, coins, dice
from potomac.simulation.montecarlo.density import log_density
from potomac.simulation.montecarlo.sampling import Design, Task, cells_of, power
from potomac.stats.streams import Stream

STREAM = Stream(1)


def design(method, width=2, **more):
    return Design(method, width, STREAM, **more)


# ---- designs ------------------------------------------------------------------------------------------------------


def test_pairs_mirror_each_other():
    u, group = design("antithetic").uniforms(Task(3, 300, 100))
    assert u.shape == (100, 2)
    assert not group.any()
    assert np.allclose(u[0::2] + u[1::2], 1)


def test_strata_are_filled_alike_and_hold_their_draws():
    u, strata = design("stratified", cells=(4, 8)).uniforms(Task(0, 0, 96))
    assert (np.bincount(strata, minlength=32) == 3).all()
    assert (np.floor(u[:, 0] * 4) * 8 + np.floor(u[:, 1] * 8) == strata).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(0, 99), st.lists(st.floats(0.01, 1), min_size=6, max_size=6))
def test_draws_are_allotted_to_the_last_one(n, number, weights):
    shares = tuple((np.array(weights) / sum(weights)).tolist())
    _, strata = design("stratified", cells=(6, 1), shares=shares).uniforms(Task(number, number * n, n))
    counts = np.bincount(strata, minlength=6)
    assert counts.sum() == n
    assert (np.abs(counts - n * np.array(shares)) <= 2 + 1e-9).all()


def test_allotment_is_right_on_average():
    shares = (0.15, 0.35, 0.5)
    counts = [
        np.bincount(design("stratified", 1, cells=(3,), shares=shares).uniforms(Task(b, 0, 7))[1], minlength=3)
        for b in range(2000)
    ]
    assert np.mean(counts, axis=0) == pytest.approx(7 * np.array(shares), abs=0.05)


def test_sobol_points_fill_each_dyadic_interval_once():
    """The first 2^m points of a scrambled sequence have one in each of 2^m intervals of each dimension (Owen 1995)."""
    u, group = design("sobol", 5).uniforms(Task(2, 0, 256))
    assert (group == 2).all()
    for column in u.T:
        assert (np.bincount((column * 256).astype(int), minlength=256) == 1).all()
    assert u.min() > 0
    assert u.max() < 1


def test_a_later_piece_of_a_sequence_is_what_the_whole_has_there():
    whole = design("sobol").uniforms(Task(1, 0, 128))[0]
    later = design("sobol").uniforms(Task(1, 64, 64))[0]
    assert (whole[64:] == later).all()
    assert not (whole == design("sobol").uniforms(Task(0, 0, 128))[0]).any()


def test_tasks_cover_all_draws_once():
    tasks = [*design("plain").tasks(0, 1000, 256)]
    assert [(t.number, t.start, t.n) for t in tasks] == [(0, 0, 256), (1, 256, 256), (2, 512, 256), (3, 768, 232)]
    points = [*design("sobol", scrambles=3).tasks(64, 128, 64)]
    assert [(t.number, t.start, t.n) for t in points] == [(0, 64, 64), (1, 64, 64), (2, 64, 64)]


def test_cells_are_as_many_as_fit():
    columns = {"a": slice(0, 1), "b": slice(1, 4), "c": slice(4, 5)}
    assert cells_of(columns, 5, {}, 100_000) == (16, 1, 1, 1, 16)
    assert cells_of(columns, 5, {"c": 10}, 100_000) == (1, 1, 1, 1, 10)
    assert cells_of({}, 2, {}, 1000) == (5, 5)  # 31 strata at most
    for wanted in ({"b": 2}, {"d": 2}, {"a": 0}, {"a": 1000}):
        with pytest.raises(StudyError) as error:
            cells_of(columns, 5, wanted, 1000)
        assert error.value.faults[0].code == "simulation.strata"


def test_powers():
    assert [power(n) for n in (0.5, 1, 2, 3, 1000)] == [1, 1, 2, 4, 1024]


# ---- inputs -------------------------------------------------------------------------------------------------------


def test_inputs_have_columns_of_their_own():
    one = Inputs.read({"a": exponential(1), "b": (normal(0, 1), 3)})
    other = Inputs.read({"a": exponential(1), "b": (normal(5, 1), 3), "c": uniform(0, 1)})
    assert one.widths == {"a": 1, "b": 3}
    assert other.width == 5
    u = np.random.default_rng(1).random((50, 5))
    x, y = one.values(u[:, :4]), other.values(u)
    assert (x["a"] == y["a"]).all()
    assert np.allclose(x["b"] + 5, y["b"])


def test_the_ends_of_the_unit_interval_are_finite():
    x = Inputs.read({"z": normal(0, 1)}).values(np.array([[0.0], [1.0]]))["z"]
    assert np.isfinite(x).all()
    assert x[0] == -x[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.data())
def test_cards_are_dealt_once(deck, seed, data):
    draws = data.draw(st.integers(1, deck))
    hand = Inputs.read({"hand": cards(deck, draws)}).values(np.random.default_rng(seed).random((40, draws)))["hand"]
    hand = hand.reshape(40, draws)
    assert ((hand >= 0) & (hand < deck) & (hand == np.floor(hand))).all()
    assert all(len(set(row)) == draws for row in hand.tolist())


def test_each_hand_is_as_likely_as_the_others():
    """Ordered pairs of 4 cards: 12, each with probability 1/12; a grid of uniforms meets each of them equally often."""
    first, second = np.meshgrid((np.arange(12) + 0.5) / 12, (np.arange(12) + 0.5) / 12)
    hands = Inputs.read({"hand": cards(4, 2)}).values(np.column_stack([first.ravel(), second.ravel()]))["hand"]
    _, counts = np.unique(hands, axis=0, return_counts=True)
    assert counts.tolist() == [12] * 12


def test_a_random_sum_adds_as_many_as_its_count_says():
    inputs = Inputs.read({"n": discrete([0, 1, 2], [0.2, 0.3, 0.5]), "s": Drawn(uniform(1, 2), total="n")})
    u = np.array([[0.1, 0.5, 0.5], [0.4, 0.5, 0.9], [0.9, 0.5, 0.25]])
    assert inputs.widths == {"n": 1, "s": 2}
    assert inputs.values(u)["s"].tolist() == pytest.approx([0, 1.5, 1.5 + 1.25])
    assert inputs.mean("s") == pytest.approx(1.3 * 1.5)  # Wald
    assert inputs.mean("n") == pytest.approx(1.3)


def test_games_and_tables_are_read():
    read = Inputs.read({
        "a": {"dice": {"sides": 4, "draws": 2}}, "b": {"cards": {"deck": 10, "draws": 3}}, "c": {"coins": {"p": 0.2}},
        "d": {"exponential": {"mean": 2}, "draws": 4}, "e": "poisson(mean=3)", "f": 7,
        "g": {"gamma": [2, 3], "total": "e"},
    }).of  # fmt: skip
    assert read["a"] == dice(4, 2)
    assert read["b"] == Cards(10, 3)
    assert read["c"] == coins(0.2)
    assert read["d"] == Drawn(exponential(2), 4)
    assert read["e"] == Drawn(poisson(3))
    assert read["f"] == Drawn(deterministic(7))
    assert read["g"] == Drawn(gamma(2, 3), 1, "e")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"2x": exponential(1)}, "is no name"),
        ({"x": {"trace": [1.0, 2.0]}}, "is a trace"),
        ({"x": (exponential(1), 0)}, "0 draws"),
        ({"x": (exponential(1), 1.5)}, "1.5 draws"),
        ({"x": Drawn(exponential(1), total="y"), "why": poisson(2)}, "adds up 'y'"),
        ({"x": Drawn(exponential(1), total="x")}, "adds up 'x'"),
        ({"x": Drawn(exponential(1), 2, "n"), "n": poisson(2)}, "draws and total"),
        ({"x": Drawn(exponential(1), total="n"), "n": exponential(1e9)}, "counts"),
        ({"x": Drawn(exponential(1), total="n"), "n": normal(0, 1)}, "counts"),
        ({"x": Drawn(exponential(1), total="n"), "n": dice(6, 2)}, "single number"),
        ({"x": {"cards": {"deck": 5, "draws": 6}}}, "6 cards"),
        ({"x": {"cards": {"decks": 5}}}, "does not take"),
        ({"x": {"cards": {}, "total": "n"}}, "cannot be added up"),
        ({"x": {"dice": {"sides": 0}}}, "0 sides"),
        ({}, "without inputs"),
    ],
)
def test_inputs_that_are_wrong_are_said_by_name(wrong, said):
    with pytest.raises(StudyError) as error:
        Inputs.read(wrong)
    assert said in str(error.value)


# ---- densities ----------------------------------------------------------------------------------------------------

LAWS = [
    (exponential(2), stats.expon(scale=2)), (uniform(1, 3), stats.uniform(1, 2)),
    (gamma(2.5, 3), stats.gamma(2.5, scale=3)),
    (erlang(3, 6), stats.gamma(3, scale=2)), (weibull(1.5, 2), stats.weibull_min(1.5, scale=2)),
    (lognormal(3, 2), stats.lognorm(np.sqrt(np.log(13 / 9)), scale=9 / np.sqrt(13))), (normal(1, 2), stats.norm(1, 2)),
    (triangular(0, 1, 4), stats.triang(0.25, 0, 4)), (pareto(2.5, 1), stats.pareto(2.5)),
    (beta(2, 3, 1, 5), stats.beta(2, 3, 1, 4)), (poisson(4), stats.poisson(4)), (geometric(0.3), stats.geom(0.3)),
    (binomial(9, 0.4), stats.binom(9, 0.4)),
]  # fmt: skip


@pytest.mark.parametrize(("d", "law"), LAWS, ids=lambda x: getattr(x, "family", ""))
def test_densities_are_those_of_scipy(d, law):
    x = np.array([-1.0, 0.0, 0.5, 1.0, 1.7, 2.0, 3.0, 4.0, 4.5, 9.0, 10.0])
    with np.errstate(divide="ignore"):
        expected = np.log(
            law.pmf(x) if hasattr(law, "pmf") and d.family in ("poisson", "geometric", "binomial") else law.pdf(x)
        )
    inside = np.isfinite(expected)
    got = log_density(d, x)
    edge = {"uniform": (1, 3), "triangular": (0, 4), "beta": (1, 5), "gamma": (0,), "erlang": (0,), "weibull": (0,)}
    inner = ~np.isin(x, edge.get(d.family, ()))
    assert np.allclose(got[inside & inner], expected[inside & inner])
    assert (got[~inside] == -np.inf).all()


def test_what_is_listed_has_its_probability_and_what_is_sure_has_no_density():
    d = discrete([3, 1, 3], [0.2, 0.5, 0.3])
    assert np.exp(log_density(d, np.array([1.0, 2.0, 3.0]))) == pytest.approx([0.5, 0, 0.5])
    assert np.exp(log_density(empirical([1, 1, 2, 5]), np.array([1.0, 5.0]))) == pytest.approx([0.5, 0.25])
    with pytest.raises(StudyError):
        log_density(deterministic(1), np.ones(3))


def test_a_binomial_counts_the_ways():
    assert np.exp(log_density(binomial(5, 0.5), np.arange(6.0))) == pytest.approx([comb(5, k) / 32 for k in range(6)])
    assert distribution("binomial(n=5, p=0.5)") == binomial(5, 0.5)
