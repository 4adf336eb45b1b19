"""Fits, arrivals and counts against published numbers, SciPy's own fits, and data whose process is known."""

from __future__ import annotations

import os
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from potomac.errors import DataError, StudyError
from potomac.simulation.distributions import distribution
from potomac.simulation.inputs import arrivals, counts, fit
from potomac.simulation.inputs.arriving import best_width
from potomac.simulation.inputs.families import FAMILIES
from potomac.simulation.inputs.goodness import anderson_darling, kolmogorov_smirnov, p_values, statistics
from potomac.stats.streams import Stream

DATA = Path(os.environ.get("POTOMAC_SIMULATION_DATA", Path(__file__).parents[3] / "shared" / "data" / "simulation"))

published = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/simulation"),
]


def column(name: str) -> np.ndarray:
    return pyarrow.csv.read_csv(DATA / f"{name}.csv.gz").column(0).to_numpy()


# ---- published answers ----------------------------------------------------------------------------------------------


class TestPublished:
    """Tyler's Grill (simEd 2.0.2) and the bank's call centre (Brown et al. 2005), to the digits that are printed."""

    pytestmark = published

    def test_service_at_tylers_grill(self) -> None:
        fits = fit(column("tylers_service"))
        assert (f"{fits.mean:.3f}", f"{fits.sd:.3f}") == ("59.709", "32.046")
        moments, likeliest = fits.of("gamma", "moments"), fits["gamma"]
        assert (f"{moments['shape']:.3f}", f"{moments['scale']:.3f}") == ("3.472", "17.199")
        assert (f"{likeliest['shape']:.3f}", f"{likeliest['scale']:.3f}") == ("3.982", "14.995")
        aic = [(each.family, f"{each.aic:.2f}") for each in fits.fits if each.method == "ml"]
        assert aic[:3] == [("gamma", "1044.25"), ("weibull", "1055.17"), ("lognormal", "1056.50")]
        assert ("exponential", "1121.69") in aic
        assert fits.best.family == "gamma"
        assert fits["exponential"].rejected
        assert "gamma(shape=3.982" in fits.verdict

    def test_arrivals_at_tylers_grill(self) -> None:
        found = arrivals(column("tylers_arrivals"), 48_600, width=3600)
        assert found.count == 1434
        assert int(found.ks * 1000) == 245
        assert found.ks_p < 0.01
        by_hour = [50, 143, 129, 134, 249, 228, 116, 95, 72, 35, 64, 63, 34, 22]
        assert found.rates["count"].to_pylist() == by_hour
        assert found.rates["end"].to_pylist()[-2:] == [46_800, 48_600]
        assert "Poisson process of one rate is rejected" in found.verdict
        assert "non-homogeneous process is needed" in found.verdict
        assert found.rate.mean == pytest.approx(1434 / 48_600)
        assert "93 times are equal" in found.notes[0]
        assert "row 14 (1490)" in found.notes[0]

    def test_calls_at_the_bank(self) -> None:
        calls = pq.read_table(DATA / "bank_calls_6min.parquet").to_pandas()
        week = calls[~calls.weekday.isin(["Friday", "Saturday"])].assign(hour=lambda rows: rows.bin // 10)
        opened = week.groupby("date").calls.transform("sum") >= 200  # 1, 6 and 7 April 1999: Passover
        hours = week[opened & week.hour.between(8, 17)].groupby(["date", "hour"], as_index=False).calls.sum()
        found = counts(hours, day="date", bin="hour", count="calls")
        assert found.days == 170
        ratio = found.intervals["ratio"].to_numpy()
        assert (round(ratio.min()), round(ratio.max())) == (6, 21)
        assert "plain Poisson process is rejected: counts vary 6 to 21 times as much as it allows" in found.verdict
        assert found.process == "doubly stochastic"
        hours = week.groupby(["date", "hour"], as_index=False).calls.sum()
        everything = counts(hours, day="date", bin="hour", count="calls")
        assert "1999-04-01 (122), 1999-04-06 (89), 1999-04-07 (185)" in everything.notes[0]


# ---- fits -----------------------------------------------------------------------------------------------------------

SAMPLES = {
    "exponential": lambda g, n: g.exponential(3.0, n),
    "gamma": lambda g, n: g.gamma(2.5, 4.0, n),
    "weibull": lambda g, n: 5.0 * g.weibull(1.7, n),
    "lognormal": lambda g, n: g.lognormal(1.0, 0.6, n),
    "normal": lambda g, n: g.normal(50.0, 4.0, n),
    "uniform": lambda g, n: g.uniform(2.0, 9.0, n),
}

SCIPY = {
    "exponential": lambda x, p: (stats.expon(scale=p["mean"]), stats.expon.fit(x, floc=0)[1:]),
    "gamma": lambda x, p: (stats.gamma(p["shape"], scale=p["scale"]), stats.gamma.fit(x, floc=0)[::2]),
    "weibull": lambda x, p: (stats.weibull_min(p["shape"], scale=p["scale"]), stats.weibull_min.fit(x, floc=0)[::2]),
    "lognormal": lambda x, p: (stats.lognorm(p["log_sd"], scale=exp(p["log_mean"])), None),
    "normal": lambda x, p: (stats.norm(p["mean"], p["sd"]), stats.norm.fit(x)),
    "uniform": lambda x, p: (stats.uniform(p["low"], p["high"] - p["low"]), None),
}


@pytest.mark.parametrize("family", SAMPLES)
def test_the_likelihood_and_both_distances_are_scipys(family: str) -> None:
    x = SAMPLES[family](np.random.default_rng(4), 300)
    found = fit(x, [family], draws=1)[family]
    law, parameters = SCIPY[family](x, dict(found.parameters))
    if parameters is not None:
        assert [value for _, value in found.parameters] == pytest.approx(list(parameters), rel=1e-4)
    assert found.log_likelihood == pytest.approx(float(law.logpdf(x).sum()), rel=1e-9)
    assert found.aic == pytest.approx(2 * len(found.parameters) - 2 * float(law.logpdf(x).sum()), rel=1e-9)
    assert found.ks == pytest.approx(float(stats.kstest(x, law.cdf).statistic), rel=1e-9)
    if family != "uniform":  # where u is 0 and 1 at the ends
        u = np.sort(law.cdf(x))
        i = np.arange(1, 301)
        A2 = -300 - float(np.mean((2 * i - 1) * (np.log(u) + np.log(1 - u[::-1]))))
        assert found.ad == pytest.approx(A2, rel=1e-9)


@pytest.mark.parametrize("family", SAMPLES)
def test_what_was_drawn_is_found_again(family: str) -> None:
    """The right family wins by AIC and holds; the distribution that is handed on has the data's mean."""
    x = SAMPLES[family](np.random.default_rng(8), 1500)
    fits = fit(x, draws=99)
    assert fits.best.family == family
    assert not fits.best.rejected
    assert fits.recommended == fits.best.distribution
    assert fits.recommended.mean == pytest.approx(x.mean(), rel=0.02)
    assert f"{family}(" in fits.verdict
    assert "is not rejected" in fits.verdict


@pytest.mark.parametrize("family", ["gamma", "weibull", "erlang"])
def test_no_parameters_are_likelier(family: str) -> None:
    x = np.random.default_rng(2).gamma(3.0, 2.0, (5, 80))
    each = FAMILIES[family]
    p = each.fit(x)
    likelihood = each.log_density(x, p).sum(axis=1)
    for at, step in ((0, 0.01), (0, -0.01), (1, 0.01), (1, -0.01)):
        other = p.copy()
        other[:, at] = p[:, at] + 100 * step if family == "erlang" and at == 0 else p[:, at] * (1 + step)
        assert (each.log_density(x, np.maximum(other, 1e-9)).sum(axis=1) <= likelihood).all()


def test_a_tiny_and_a_huge_shape_are_found() -> None:
    g = np.random.default_rng(5)
    for shape in (0.05, 300.0, 1e5):
        x = np.maximum(g.gamma(shape, 1.0, 4000), 1e-300)
        assert fit(x, ["gamma"], draws=1)["gamma"]["shape"] == pytest.approx(shape, rel=0.1)
    x = 3.0 * g.weibull(0.2, 4000)
    assert fit(x, ["weibull"], draws=1)["weibull"]["shape"] == pytest.approx(0.2, rel=0.1)


@given(st.floats(1e-6, 1e6), st.integers(0, 5))
def test_units_change_scales_alone(unit: float, seed: int) -> None:
    x = np.random.default_rng(seed).gamma(2.0, 1.0, 60)
    here, there = (fit(values, ["gamma", "weibull"], draws=9) for values in (x, unit * x))
    for family in ("gamma", "weibull"):
        assert there[family]["shape"] == pytest.approx(here[family]["shape"], rel=1e-6)
        assert there[family]["scale"] == pytest.approx(unit * here[family]["scale"], rel=1e-6)
        assert there[family].ad == pytest.approx(here[family].ad, rel=1e-5)


def test_p_values_respect_that_parameters_were_fitted() -> None:
    """Critical values at 5 % of the tables for fitted parameters: their p-value is 5 %."""
    draws, n = 4000, 50
    within = 4 * sqrt(0.05 * 0.95 / draws) + 0.004
    # exponential: Stephens (1974), (D - 0.2 / n) (sqrt n + 0.26 + 0.5 / sqrt n) = 1.094; A^2 (1 + 0.6 / n) = 1.341
    D = 1.094 / (sqrt(n) + 0.26 + 0.5 / sqrt(n)) + 0.2 / n
    family = FAMILIES["exponential"]
    got = p_values(family, family.fit, np.array([7.0]), (D, 1.341 / (1 + 0.6 / n)), n, Stream(1), draws)
    assert got == pytest.approx((0.05, 0.05), abs=within)
    # normal: D (sqrt n - 0.01 + 0.85 / sqrt n) = 0.895; A^2 (1 + 0.75 / n + 2.25 / n^2) = 0.752
    family = FAMILIES["normal"]
    found = (0.895 / (sqrt(n) - 0.01 + 0.85 / sqrt(n)), 0.752 / (1 + 0.75 / n + 2.25 / n**2))
    assert p_values(family, family.fit, np.array([3.0, 2.0]), found, n, Stream(2), draws) == pytest.approx(
        (0.05, 0.05), abs=within
    )


def test_p_values_of_large_samples_are_those_of_the_limit() -> None:
    n, draws = 200_000, 1500
    family = FAMILIES["exponential"]
    found = (1.094 / (sqrt(n) + 0.26), 1.341)
    assert p_values(family, family.fit, np.array([1.0]), found, n, Stream(3), draws) == pytest.approx(
        (0.05, 0.05), abs=0.02
    )


def test_p_values_are_even_where_the_family_is_right() -> None:
    g = np.random.default_rng(11)
    p = np.array([fit(g.gamma(0.7, 2.0, 40), ["gamma"], seed=i, draws=99)["gamma"].ad_p for i in range(200)])
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.045)


def test_the_same_seed_gives_the_same_p_values() -> None:
    x = np.random.default_rng(0).gamma(2.0, 1.0, 100)
    assert fit(x, seed=3, draws=50).table.equals(fit(x, seed=3, draws=50).table)
    one, more = fit(x, ["gamma"], seed=3, draws=50), fit(x, ["weibull", "gamma"], seed=3, draws=50)
    assert one["gamma"] == more["gamma"]  # whatever else is fitted
    assert fit(x[::-1], seed=3, draws=50).table.equals(fit(x, seed=3, draws=50).table)


def test_nothing_holds_for_a_mixture() -> None:
    g = np.random.default_rng(6)
    fits = fit(np.concatenate([g.normal(10, 1, 300), g.normal(60, 2, 300)]), draws=99)
    assert all(each.rejected for each in fits.fits)
    assert fits.recommended.family == "empirical"
    assert "and so are the other 5. Draw from the values themselves" in fits.verdict


def test_a_second_family_is_taken_where_the_first_is_rejected() -> None:
    """Pareto's ends fit the least value exactly, so that its AIC can win where it does not hold."""
    x = np.random.default_rng(7).gamma(40.0, 1.0, 200)
    fits = fit(x, ["pareto", "gamma"], draws=99)
    assert fits["pareto"].rejected
    assert fits.recommended.family == "gamma"


def test_counts_have_families_of_their_own() -> None:
    g = np.random.default_rng(9)
    x = g.poisson(4.0, 400).astype(float)
    found = fit(x, ["poisson", "geometric"], draws=99)
    assert found["poisson"]["mean"] == pytest.approx(x.mean())
    assert not found["poisson"].rejected
    assert "0, which has no chance there" in found["geometric"].note
    y = g.geometric(0.3, 400).astype(float)
    found = fit(y, ["poisson", "geometric"], draws=99)
    assert found.best.family == "geometric"
    assert found["poisson"].rejected
    assert found["geometric"].log_likelihood == pytest.approx(float(stats.geom(1 / y.mean()).logpmf(y).sum()))
    # D of a step function: the largest of |F_n - F| over the whole numbers
    steps = np.arange(0, 40)
    by_hand = max(abs(np.mean(y <= k) - stats.poisson(y.mean()).cdf(k)) for k in steps)
    assert found["poisson"].ks == pytest.approx(by_hand)
    assert "not all values are whole" in fit(x + 0.5, ["poisson"]).fits[0].note


def test_zeros_leave_the_families_that_allow_them() -> None:
    x = np.concatenate([np.zeros(3), np.random.default_rng(1).exponential(1.0, 60)])
    fits = fit(x, draws=50)
    assert fits["gamma"].note == "3 values are 0, which has no chance there"
    assert fits["gamma"].distribution is None
    assert fits["exponential"]["mean"] == pytest.approx(x.mean())
    table = fits.table.to_pylist()
    assert [row["distribution"] is None for row in table if row["family"] == "gamma"] == [True, True]
    assert all(row["aic"] is None for row in table if row["family"] == "gamma")
    assert fit(x, ["gamma"]).recommended.family == "empirical"


def test_values_that_are_all_alike_need_no_fit() -> None:
    fits = fit([7.0] * 6)
    assert str(fits.recommended) == "deterministic(value=7)"
    assert "there is nothing to fit" in fits.verdict
    assert fits.table.num_rows == 0


def test_the_table_can_be_read_back() -> None:
    fits = fit(np.random.default_rng(1).gamma(2.0, 1.0, 50), draws=20)
    table = fits.table
    assert table["aic"].to_pylist() == sorted(table["aic"].to_pylist())
    assert table.num_rows == 7
    again = distribution(table["distribution"][0].as_py())
    assert again.mean == pytest.approx(fits.fits[0].distribution.mean, rel=1e-9)
    with pytest.raises(StudyError, match="no fit of 'pareto' by 'ml'"):
        fits["pareto"]


@pytest.mark.parametrize(
    ("values", "words", "code"),
    [
        ([1.0, 2.0, float("nan"), 4.0, 5.0], "row 2 of the values is nan", "simulation.values"),
        ([1.0, 2.0, 3.0, -4.0, -5.0], "row 3 of the values is -4, and 1 more rows are like it", "simulation.negative"),
        ([1.0, 2.0], "there are 2 values", "simulation.values"),
        (["a", "b", "c", "d", "e"], "not all numbers", "simulation.values"),
        ([[1.0, 2.0, 3.0]], "have the shape", "simulation.values"),
        (pa.array([1.0, None, 3.0, 4.0, 5.0]), "row 1 of the values is nan", "simulation.values"),
        (np.ma.masked_equal([1.0, 2.0, 3.0, 9.0, 5.0], 9.0), "row 3 of the values is nan", "simulation.values"),
        (np.array(["2024-01-01", "2024-01-02"], "datetime64[s]"), "are dates", "simulation.values"),
    ],
)
def test_bad_values_are_told_with_their_row(values: Any, words: str, code: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        fit(values)
    assert caught.value.faults[0].code == code


def test_families_are_known_by_name() -> None:
    with pytest.raises(StudyError, match='Did you mean "weibull"'):
        fit([1.0, 2.0, 3.0, 4.0, 5.0], ["weibul"])
    with pytest.raises(StudyError, match="families is empty"):
        fit([1.0, 2.0, 3.0, 4.0, 5.0], [])
    with pytest.raises(StudyError, match="draws is 0"):
        fit([1.0, 2.0, 3.0, 4.0, 5.0], draws=0)


# ---- arrivals -------------------------------------------------------------------------------------------------------


def poisson_times(g: np.random.Generator, rates: list[float], long: float = 100.0) -> np.ndarray:
    parts = [i * long + long * np.sort(g.random(g.poisson(rate * long))) for i, rate in enumerate(rates)]
    return np.concatenate(parts)


def test_a_poisson_process_of_one_rate_is_seldom_rejected() -> None:
    g = np.random.default_rng(21)
    found = [arrivals(poisson_times(g, [1.0] * 4), 400.0, seed=i, draws=199).process for i in range(100)]
    assert found.count("poisson") >= 92  # three tests at 1 % each
    words = arrivals(np.cumsum(g.exponential(2.0, 500)))
    assert "is not rejected" in words.verdict
    assert words.cv == pytest.approx(1.0, abs=0.2)
    assert words.rates.num_rows == 1


def test_a_rate_that_changes_is_found_and_is_poisson_inside() -> None:
    g = np.random.default_rng(22)
    for seed in range(10):
        found = arrivals(poisson_times(g, [0.5, 3.0, 1.0, 6.0]), 400.0, width=100.0, seed=seed, draws=99)
        assert found.process == "nonhomogeneous"
    assert found.dispersion > 10
    rates = found.rates.to_pylist()
    assert sum(row["low"] <= rate <= row["high"] for row, rate in zip(rates, [0.5, 3, 1, 6], strict=True)) >= 3
    assert found.rate.durations == (100.0,) * 4
    assert found.rate.rates == tuple(row["rate"] for row in rates)
    assert "give the source their rates" in found.verdict


def test_the_interval_of_a_rate_is_garwoods() -> None:
    # Garwood (1936): of 10 events the 95 % interval is 4.795 to 18.39; of 0 it is 0 to 3.689
    t = np.concatenate([np.linspace(1, 9, 10), np.linspace(21, 29, 12)])
    rows = arrivals(t, 30.0, width=10.0).rates.to_pylist()
    assert (10 * rows[0]["low"], 10 * rows[0]["high"]) == pytest.approx((4.795, 18.39), abs=5e-3)
    assert (rows[1]["low"], 10 * rows[1]["high"]) == pytest.approx((0.0, 3.689), abs=5e-4)


def test_appointments_are_no_poisson_process() -> None:
    g = np.random.default_rng(23)
    planned = np.sort(10.0 * np.arange(300) + g.normal(0, 1, 300) + 5)
    found = arrivals(planned, 3000.0, width=500.0)
    assert found.process == "renewal"
    assert found.ks_p < 0.01
    assert found.cv < 0.3
    assert "gaps are not exponential" in found.verdict


def grouped(g: np.random.Generator, rates: list[float]) -> np.ndarray:
    """Three at a time, a moment apart."""
    t = np.repeat(poisson_times(g, rates), 3)
    return np.minimum(np.sort(t + 0.05 * g.random(len(t))), 100.0 * len(rates))


def test_groups_that_come_together_are_clumped() -> None:
    g = np.random.default_rng(24)
    changing = arrivals(grouped(g, [0.3, 3.0, 1.0, 2.0]), 400.0, width=50.0, ties="keep")
    assert changing.process == "other"
    assert "A non-homogeneous process is needed" in changing.verdict
    assert "clumped more than a Poisson process" in changing.verdict
    # at one rate, too, counts vary three times as much as a Poisson process allows: no rate changes for it
    found = [arrivals(grouped(g, [1.0] * 4), 400.0, width=25.0, draws=9, ties="keep") for _ in range(100)]
    unsteady = [each for each in found if each.process == "other"]
    assert len(unsteady) > 70
    assert sum("one rate of batches may do" not in each.verdict for each in unsteady) <= 6  # 1 or 2 are expected
    assert np.mean([each.dispersion for each in found]) == pytest.approx(3.0, rel=0.1)


def test_times_in_whole_seconds_do_not_look_like_clumps() -> None:
    g = np.random.default_rng(25)
    t = np.floor(60 * poisson_times(g, [4.0, 9.0, 2.0], 60.0))
    found = arrivals(t, 3 * 3600.0, width=3600.0)
    assert found.process == "nonhomogeneous"
    assert "all times lie on a grid of" in found.notes[0]


@pytest.mark.parametrize(("rate", "step"), [(0.1, 1.0), (1.0, 1.0), (1 / 60, 60.0)])
def test_rounding_does_not_reject_the_poisson_process(rate: float, step: float) -> None:
    """Half of the gaps may be 0 by rounding; spread over their cells the times are the process again."""
    g = np.random.default_rng(29)
    long = 500 / rate
    found = [
        arrivals(np.floor(poisson_times(g, [rate], long) / step) * step, long, seed=i, draws=99).process
        for i in range(40)
    ]
    assert found.count("poisson") >= 34  # 39 are expected


def test_rounded_values_are_judged_in_their_cells() -> None:
    """Of waits in whole minutes a fifth is 0; sizes of the tests stay near 5 %, and the wrong family is found."""
    g = np.random.default_rng(30)
    p = [fit(np.round(g.exponential(3.0, 200)), ["exponential"], seed=i, draws=99).fits[0] for i in range(100)]
    assert np.mean([each.ks_p < 0.05 for each in p]) == pytest.approx(0.05, abs=0.065)
    assert np.mean([each.ad_p < 0.05 for each in p]) == pytest.approx(0.05, abs=0.065)
    wrong = fit(np.round(g.gamma(4.0, 2.0, 300)), ["exponential"], draws=99).fits[0]
    assert wrong.ks_p == wrong.ad_p == 0.01


def test_the_transformed_gaps_are_exponential_by_hand() -> None:
    # one interval [0, 10] with arrivals at 2 and 5: R_1 = 2 ln(10 / 8), R_2 = ln(8 / 5)
    from potomac.simulation.inputs.arriving import _within

    R = np.sort([2 * log(10 / 8), log(8 / 5)])
    D, _, _ = _within(np.array([2.0, 5.0]), np.array([0.0, 10.0]))
    assert pytest.approx(float(stats.kstest(R, "expon").statistic)) == D
    two, _, _ = _within(np.array([2.0, 5.0, 12.0, 15.0]), np.array([0.0, 10.0, 20.0]))
    assert two == pytest.approx(float(stats.kstest(np.tile(R, 2), "expon").statistic))


def test_the_width_is_the_one_that_costs_least() -> None:
    g = np.random.default_rng(26)
    flat = best_width(poisson_times(g, [1.0] * 5), 0.0, 500.0)
    hilly = best_width(poisson_times(g, [8.0, 0.5] * 5, 50.0), 0.0, 500.0)
    assert hilly <= 50.0 < flat


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: np.concatenate([t[:5], t[6:7], t[5:6], t[7:]]), "row 6 is .*, before row 5"),
        (lambda t: np.insert(t, 8, t[7]), "row 8 is .*, as row 7 is"),
        (lambda t: np.where(np.arange(len(t)) == 3, np.nan, t), "row 3 of the times is nan"),
        (lambda t: t - 0.5, "row 0 is -.*; expected times from 0 to 40"),
        (lambda t: t + 20, "row .*expected times from 0 to 40"),
        (lambda t: t[:4], "there are 4 times"),
    ],
)
def test_bad_times_are_told_with_their_row(change: Any, words: str) -> None:
    t = np.sort(0.25 + 39 * np.random.default_rng(27).random(30))
    t[0] = 0.3
    with pytest.raises(DataError, match=words):
        arrivals(change(t), 40.0)


def test_equal_times_can_be_kept_or_refused() -> None:
    t = np.sort(np.random.default_rng(28).random(40)) * 50
    t[11] = t[10]
    with pytest.raises(DataError, match=r"row 11 is .*, as row 10 is.*give ties=\"keep\""):
        arrivals(t, 50.0)
    assert "in row 11" in arrivals(t, 50.0, ties="keep").notes[0]
    whole = np.floor(poisson_times(np.random.default_rng(29), [0.8], 1000.0))
    assert arrivals(whole, 1000.0).notes  # rounding makes about as many equal
    with pytest.raises(DataError, match="rows are like it"):
        arrivals(whole, 1000.0, ties="error")
    with pytest.raises(DataError, match="each arrival once"):
        arrivals(np.repeat(100 * whole, 2), 100_000.0)  # no rounding makes as many
    with pytest.raises(StudyError, match="ties is 'never'"):
        arrivals(whole, 1000.0, ties="never")  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="width is 0"):
        arrivals(whole, 1000.0, width=0.0, ties="keep")


# ---- counts ---------------------------------------------------------------------------------------------------------

PROFILE = np.array([4.0, 20.0, 60.0, 35.0, 10.0])


def test_poisson_counts_are_seldom_rejected() -> None:
    g = np.random.default_rng(31)
    found = [counts(g.poisson(PROFILE, (40, 5)).astype(float)).process for _ in range(300)]
    assert found.count("poisson") >= 288  # 2 % are expected at the two sides
    words = counts(g.poisson(PROFILE, (40, 5)).astype(float))
    assert words.factor is None
    assert "is not rejected" in words.verdict


def test_a_busy_day_is_busy_all_day() -> None:
    g = np.random.default_rng(32)
    shapes, residuals = [], []
    for _ in range(40):
        factor = g.gamma(8.0, 1 / 8.0, (120, 1))
        found = counts(g.poisson(PROFILE * factor).astype(float))
        assert found.process == "doubly stochastic"
        shapes.append(found.factor_shape)
        residuals.append(found.residual)
    assert np.median(shapes) == pytest.approx(8.0, rel=0.12)
    assert np.mean(residuals) == pytest.approx(1.0, abs=0.03)  # the factor says all
    assert found.factor.mean == pytest.approx(1.0)
    assert found.factor.cv == pytest.approx(1 / sqrt(found.factor_shape))
    assert found.intervals["expected"].to_numpy() == pytest.approx(1 + np.array(found.means) / found.factor_shape)
    assert "The rate itself is random from day to day" in found.verdict
    assert "course varies" not in found.verdict


def test_the_shape_is_the_likeliest() -> None:
    g = np.random.default_rng(33)
    X = g.poisson(PROFILE * g.gamma(5.0, 0.2, (60, 1))).astype(float)
    k, totals = counts(X).factor_shape, X.sum(axis=1)

    def likelihood(shape: float) -> float:
        return float(stats.nbinom(shape, shape / (shape + totals.mean())).logpmf(totals).sum())

    assert likelihood(k) >= max(likelihood(k * 1.01), likelihood(k / 1.01))


def test_intervals_that_are_random_each_for_itself_have_no_factor_of_the_day() -> None:
    g = np.random.default_rng(34)
    found = counts(g.poisson(PROFILE[None] * g.gamma(3.0, 1 / 3.0, (100, 5))).astype(float))
    assert found.process == "doubly stochastic"
    assert found.residual > 2
    assert "the course varies too" in found.verdict


def test_planned_arrivals_vary_less() -> None:
    g = np.random.default_rng(35)
    found = counts(g.binomial(30, 0.95, (60, 4)).astype(float))
    assert found.process == "regular"
    assert "only" in found.verdict
    assert found.dispersion < 0.2


def test_the_ratio_is_variance_over_mean() -> None:
    X = np.array([[1.0, 10.0], [3.0, 14.0], [5.0, 12.0]])
    found = counts(X)
    assert found.intervals["ratio"].to_pylist() == pytest.approx([4 / 3, 4 / 12])
    # chi-square of each: (d - 1) ratio with d - 1 = 2 degrees of freedom, whose tail is e^(-x / 2)
    assert found.intervals["p_value"].to_pylist() == pytest.approx([exp(-4 / 3), exp(-1 / 3)])
    assert found.dispersion == pytest.approx((4 / 3 + 1 / 3) / 2)
    assert found.p_value == pytest.approx(float(stats.chi2(4).sf(2 * (4 / 3 + 1 / 3))))
    assert found.means == (3.0, 12.0)


def long_table(X: np.ndarray) -> dict[str, Any]:
    days, bins = np.indices(X.shape)
    return {"day": [f"2024-01-{d + 1:02}" for d in days.ravel()], "bin": bins.ravel(), "count": X.ravel()}


def test_all_tables_say_the_same() -> None:
    X = np.random.default_rng(36).poisson(PROFILE, (20, 5)).astype(float)
    told = counts(X)
    table = pa.table(long_table(X))
    shuffled = table.take(pa.array(np.random.default_rng(1).permutation(table.num_rows)))
    for other in (long_table(X), table, table.to_pandas(), shuffled, X.tolist()):
        found = counts(other)
        assert found.intervals["ratio"].to_numpy() == pytest.approx(told.intervals["ratio"].to_numpy())
        assert found.verdict == told.verdict


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: {name: values[1:] for name, values in t.items()}, "no row for day 2024-01-01 and bin 0"),
        (
            lambda t: {name: [*values, values[7]] for name, values in t.items()},
            "row 20 is of day 2024-01-02 and bin 2 again",
        ),
        (lambda t: t | {"count": np.where(np.arange(20) == 6, -1.0, t["count"])}, "row 6 of the count is -1"),
        (lambda t: t | {"count": np.where(np.arange(20) == 6, np.nan, t["count"])}, "row 6 of the count is nan"),
        (lambda t: t | {"day": [None, *t["day"][1:]]}, "row 0 has no day"),
        (lambda t: {"day": t["day"], "bins": t["bin"], "count": t["count"]}, 'no column "bin".*Did you mean "bins"'),
        (lambda t: t | {"count": np.zeros(20)}, "all counts are 0"),
        (lambda t: {name: values[:10] for name, values in t.items()}, "there are 2 days"),
    ],
)
def test_bad_counts_are_told_with_their_row(spoil: Any, words: str) -> None:
    table = long_table(np.random.default_rng(37).poisson(PROFILE, (4, 5)).astype(float))
    with pytest.raises(DataError, match=words):
        counts(spoil(table))


def test_a_closed_day_is_pointed_out() -> None:
    X = np.random.default_rng(38).poisson(PROFILE, (20, 5)).astype(float)
    X[4] = [0, 1, 0, 0, 0]
    found = counts(pa.table(long_table(X)))
    assert "2024-01-05 (1)" in found.notes[0]
    assert "leave such days out" in found.notes[0]


# ---- statistics -----------------------------------------------------------------------------------------------------


@given(st.integers(2, 40), st.integers(0, 1000))
def test_distances_are_scipys(n: int, seed: int) -> None:
    u = np.sort(np.random.default_rng(seed).random((3, n)), axis=1)
    for row, D in zip(u, kolmogorov_smirnov(u), strict=True):
        assert pytest.approx(float(stats.kstest(row, "uniform").statistic)) == D
    x = np.sort(np.random.default_rng(seed).normal(size=(1, n + 5)), axis=1)
    p = FAMILIES["normal"].fit(x)
    # SciPy's Anderson-Darling test of normality takes the sd with n - 1
    p[:, 1] = x.std(axis=1, ddof=1)
    _, A = statistics(FAMILIES["normal"], x, p)
    z = np.sort(stats.norm.cdf((x[0] - x.mean()) / x.std(ddof=1)))
    assert float(A[0]) == pytest.approx(float(anderson_darling(z[None])[0]))
    i = np.arange(1, n + 6)
    assert float(A[0]) == pytest.approx(-(n + 5) - float(np.mean((2 * i - 1) * (np.log(z) + np.log(1 - z[::-1])))))
