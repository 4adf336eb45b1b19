"""From replications to estimates: intervals that hold, runs that are long enough, and what is said if they are not."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest

from potomac.errors import NoAnswer, StudyError
from potomac.simulation.distributions import discrete, exponential, gamma, pareto, uniform
from potomac.simulation.estimates.estimate import Way, _leaning, pooled
from potomac.simulation.estimates.intervals import pseudo_values, skewed_interval, student
from potomac.simulation.estimates.stopping import enough
from potomac.simulation.executors.execute import replications
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop import world
from potomac.simulation.model import Model
from potomac.simulation.output import Asked, Simulated, simulate
from potomac.stats.streams import Stream


def queue(load: float = 0.5, **station: object) -> Model:
    """M/M/1 whose services last 1 on average."""
    m = Model().source("a", interarrival=exponential(rate=load), to="s")
    return m.station("s", **{"service": exponential(1.0), **station})  # type: ignore[arg-type]


def asked(m: Model, **how: object) -> Simulated:
    return simulate(m.checked(), Asked(**how))  # type: ignore[arg-type]


class TestIntervals:
    def test_students_quantiles_are_scipys(self) -> None:
        from scipy.stats import t

        for n in (1, 2, 3, 4, 5, 9, 19, 30, 99, 1000, 10_000, 10_001, 50_000):
            for p in (0.5, 0.75, 0.9, 0.975, 0.9995):
                assert student(p, n) == pytest.approx(float(t.ppf(p, n)), rel=1e-10, abs=1e-12)

    def test_values_that_are_not_skewed_have_students_interval(self) -> None:
        x = np.array([1.0, 2.0, 4.0, 5.0])
        half = student(0.975, 3) * x.std(ddof=1) / 2
        assert skewed_interval(x) == pytest.approx((3 - half, 3 + half))

    def test_skewed_values_are_covered_better_than_by_student(self) -> None:
        """20 exponential values: Student covers about 91.5 %, the corrected interval about 93.5 %."""
        rng = np.random.default_rng(7)
        x = rng.exponential(size=(4000, 20))
        half = student(0.975, 19) * x.std(1, ddof=1) / np.sqrt(20)
        plain = (np.abs(x.mean(1) - 1) <= half).mean()
        ends = np.array([skewed_interval(row) for row in x])
        corrected = ((ends[:, 0] <= 1) & (ends[:, 1] >= 1)).mean()
        assert corrected > plain + 0.01
        assert corrected > 0.925

    def test_of_one_value_and_of_equal_values(self) -> None:
        assert skewed_interval(np.array([3.0])) == (-inf, inf)
        assert skewed_interval(np.full(5, 0.1)) == pytest.approx((0.1, 0.1))

    def test_pseudo_values_take_the_bias_of_a_ratio_away(self) -> None:
        """E[X/Y] with Y near 1 is off by var(Y) (here 9 %), the jackknife's mean by a small part of it."""
        rng = np.random.default_rng(3)
        y = rng.gamma(1 / 0.09, 0.09, size=(4000, 10))
        x = np.full_like(y, 2.0)
        assert abs(np.mean([pseudo_values(a, b).mean() for a, b in zip(x, y, strict=True)]) / 2 - 1) < 0.005
        assert np.mean(x / y) / 2 - 1 > 0.05

    def test_pseudo_values_of_equal_times_are_the_averages(self) -> None:
        x = np.array([1.0, 5.0, 6.0])
        assert pseudo_values(x, np.full(3, 2.0)).tolist() == [0.5, 2.5, 3.0]
        assert pseudo_values(x, np.zeros(3)).size == 0

    def test_the_interval_of_a_quantile_holds(self) -> None:
        """Customers of a replication are alike (a factor of its own); the pooled quantile is held in 95 % of cases."""
        rng = np.random.default_rng(11)
        factor = rng.gamma(25, 1 / 25, size=(600, 20, 1))
        values = factor * rng.exponential(size=(600, 20, 200))
        truth = float(np.quantile(rng.gamma(25, 1 / 25, 10**6) * rng.exponential(size=10**6), 0.9))
        held = 0
        for case in values:
            power = np.floor(np.log2(case))
            at = ((power - world.LOWEST + case / 2**power - 1) * (1 << world.BITS)).astype(int) + 1
            counts = [np.bincount(row, minlength=world.HISTOGRAM) for row in at]
            _, low, high, _ = pooled(counts, 0.9, Way())
            held += low <= truth <= high
        assert 0.92 < held / 600 < 0.975


class TestCoverage:
    @pytest.mark.parametrize(("load", "until"), [(0.5, 160.0), (0.9, 4000.0)])
    def test_intervals_of_short_runs_hold(self, load: float, until: float) -> None:
        """The whole table is in benchmarks/simulation/coverage.py; here 150 seeds, within three standard errors."""
        m, wait = queue(load), load / (1 - load)
        held = [asked(m, until=until, seed=s, quantiles=()).estimate("s", "wait") for s in range(150)]
        share = np.mean([e.low <= wait <= e.high for e in held])
        assert share > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 150)

    def test_defaults_are_long_enough(self) -> None:
        r = asked(queue(0.9))
        e = r.estimate("s", "wait")
        assert e.exact == pytest.approx(9.0)
        assert e.half_width < 0.05 * e.mean
        assert r.window.start > 0

    def test_a_run_too_short_for_the_long_run_is_refused(self) -> None:
        with pytest.raises(NoAnswer, match="too short for the long run: this model forgets in about 800") as e:
            asked(queue(0.95), until=1000.0)
        assert e.value.faults[0].code == "simulation.short"

    def test_averages_after_an_empty_start_are_given_where_they_are_asked_for(self) -> None:
        r = asked(queue(0.95), until=1000.0, warmup=0.0)
        assert not r.warmup.steady
        assert r.estimate("s", "wait").exact is None
        assert "after an empty start" in r.notes[0]


class TestSingleRun:
    def test_a_long_run_is_cut_into_pieces(self) -> None:
        r = asked(queue(0.5), replications=1)
        e = r.estimate("s", "wait")
        assert e.replications == 32
        assert e.low < 1.0 < e.high
        assert isnan(r.estimate("s", "wait_q90").low)
        assert r.estimate("s", "wait_q90").mean == pytest.approx(np.log(0.5 / 0.1) / 0.5, rel=0.1)

    def test_a_short_one_is_refused_in_words(self) -> None:
        with pytest.raises(NoAnswer, match="one replication until 1000 is too short"):
            asked(queue(0.9), replications=1, until=1000.0)

    def test_pieces_that_lean_on_each_other_are_seen(self) -> None:
        rng = np.random.default_rng(1)
        walk = np.convolve(rng.normal(size=40), np.ones(4) / 4, "valid")
        assert _leaning(walk)
        assert np.mean([_leaning(rng.normal(size=32)) for _ in range(1000)]) < 0.03

    def test_a_model_that_ends_needs_more_than_one(self) -> None:
        m = (
            Model()
            .source("a", interarrival=exponential(1.0), to="s", stop=100.0)
            .station("s", service=exponential(0.5))
        )
        with pytest.raises(StudyError, match="2 or more"):
            asked(m, replications=1)


class TestStopping:
    def test_the_precision_is_reached(self) -> None:
        r = asked(queue(0.5), until=500.0, precision=0.04, of="wait")
        e = r.estimate("s", "wait")
        assert r.reached
        assert e.half_width / e.mean <= 0.04
        assert e.low < 1.0 < e.high

    def test_one_that_cannot_be_reached_is_said_with_the_half_width(self) -> None:
        r = asked(queue(0.5), until=200.0, precision=0.001, of="s:wait", most=40)
        assert not r.reached
        assert len(r.runs) == 40
        e = r.estimate("s", "wait")
        assert any(f"the half-width is {e.half_width / e.mean:.3g} of the mean" in note for note in r.notes)

    def test_time_is_up(self) -> None:
        """A clock that goes on a second at each look: the first wave is all that five seconds afford."""
        ticks = iter(range(1000))
        r = simulate(queue(0.5).checked(), Asked(200.0, precision=0.001, of="wait", budget=1.5),
                     clock=lambda: float(next(ticks)))  # fmt: skip
        assert not r.reached
        assert len(r.runs) < 40
        assert any("1.5 seconds" in note for note in r.notes)

    def test_stopping_early_does_not_break_coverage(self) -> None:
        """Skewed values, a precision that takes 20 to 40 replications: 94 % and more are covered."""
        rng, held = np.random.default_rng(2), 0
        for _ in range(1500):
            x: list[float] = []

            def more(start: int, stop: int, x: list[float] = x) -> list[float]:
                x.extend(rng.gamma(1 / 0.09, 0.09, stop - start))
                return x[start:stop]

            def worst(runs: list[float]) -> float:
                low, high = skewed_interval(np.array(runs))
                return (high - low) / 2 / float(np.mean(runs))

            s = enough(more, worst, 0.11, first=20, most=500, budget=inf, clock=lambda: 0.0)  # type: ignore[arg-type]
            low, high = skewed_interval(np.array(s.runs))
            held += low <= 1 <= high
        assert held / 1500 > 0.93

    def test_a_quantile_can_be_what_is_meant(self) -> None:
        r = asked(queue(0.5), until=500.0, precision=0.05, of="wait_q90")
        e = r.estimate("s", "wait_q90")
        assert e.half_width / e.mean <= 0.05

    def test_an_unknown_measure_is_refused(self) -> None:
        with pytest.raises(StudyError, match="no measure 'wiat'"):
            asked(queue(0.5), precision=0.1, of="wiat", until=200.0)


class TestInfinite:
    def test_means_without_a_valid_interval_are_refused(self) -> None:
        with pytest.raises(NoAnswer, match="infinite variance: no valid mean interval"):
            asked(queue(0.3, service=pareto(1.8, 0.4)))

    def test_quantiles_are_given_all_the_same(self) -> None:
        r = asked(queue(0.3, service=pareto(1.8, 0.4)), until=2000.0, of="wait_q90", warmup=100.0)
        assert isnan(r.estimate("s", "wait").low)
        e = r.estimate("s", "wait_q90")
        assert e.low < e.mean < e.high
        assert any("only quantiles" in note for note in r.notes)


class TestCounting:
    def test_customers_inside_at_the_end_are_not_discarded(self) -> None:
        """At load .95 those who leave before the end waited less: leaving the others out biases the mean downwards."""
        d, end = queue(0.95).checked(), 200.0
        runs = replications(d, range(4000), Window.of(end, slices=1), Stream(5))
        followed = np.array([r.tally[0, 0] for r in runs])
        mean = followed[:, world.WAIT].sum() / followed[:, world.WAITS].sum()
        # the same customers, by Lindley's recursion from the streams' law: E[mean wait of those who come by 200]
        rng = np.random.default_rng(1)
        waits, short = [], []
        for _ in range(4000):
            t = np.cumsum(rng.exponential(1 / 0.95, 320))
            s = rng.exponential(1.0, 320)
            x = np.concatenate([[0.0], np.cumsum(s[:-1] - np.diff(t))])
            w = x - np.minimum.accumulate(x)
            inside = t < end
            waits.append(w[inside])
            short.append(w[inside & (t + w + s < end)])
        truth, naive = np.concatenate(waits).mean(), np.concatenate(short).mean()
        assert mean == pytest.approx(truth, rel=0.05)
        assert naive < 0.93 * truth

    @pytest.mark.parametrize(
        "station",
        [{"servers": 2, "service": gamma(mean=1.5, cv=1.5)}, {"discipline": "sharing"}, {"capacity": 4}, {"balk": 3},
         {"patience": exponential(2.0)}, {"discipline": "lcfs", "preemption": "resume"}],
    )  # fmt: skip
    def test_littles_law(self, station: dict[str, object]) -> None:
        """L = lambda W, each side counted in its own way: areas over time, sums over customers (Little 1961)."""
        r = asked(queue(0.8, **station), until=5000.0, warmup=200.0)
        number, time, rate = (
            r.estimate("system", m).mean for m in ("number_in_system", "time_in_system", "throughput")
        )
        lost = r.estimate("system", "p_lost").mean
        entered = r.estimate("s", "time_in_station").mean
        if "patience" not in station:  # else those who give up are inside too
            assert number == pytest.approx(rate * entered, rel=0.02)
            assert number == pytest.approx(rate * time, rel=0.02)
        assert rate == pytest.approx(0.8 * (1 - lost), rel=0.02)

    def test_what_never_happened_has_an_interval(self) -> None:
        """M/M/1/30 at load .3 blocks with probability about 3e-16: never seen, and below 3 over the customers."""
        e = asked(queue(0.3, capacity=30), until=2000.0).estimate("s", "p_block")
        assert e.mean == 0
        assert 0 < e.high < 1e-3
        assert asked(queue(0.3), until=2000.0).estimate("s", "p_block").high == 0  # there is room for all


class TestAntithetic:
    def test_pairs_are_counted_once_and_narrow_the_interval(self) -> None:
        m = queue(0.7, service=uniform(0.5, 1.5))
        plain = asked(m, until=2000.0, replications=40, seed=1).estimate("s", "wait")
        pairs = asked(m, until=2000.0, replications=40, antithetic=True, seed=1).estimate("s", "wait")
        assert (plain.replications, pairs.replications) == (40, 20)
        assert pairs.half_width < 0.9 * plain.half_width

    def test_an_odd_number_is_refused(self) -> None:
        with pytest.raises(StudyError, match="even number"):
            asked(queue(), replications=21, antithetic=True)


class TestTable:
    def test_columns_and_kinds(self) -> None:
        t = asked(queue(), until=500.0).measures
        assert t.column_names == ["where", "measure", "mean", "low", "high", "half_width", "replications", "exact"]
        assert [str(x) for x in t.schema.types] == ["string", "string", *["double"] * 4, "int64", "double"]
        rows = {(r["where"], r["measure"]): r for r in t.to_pylist()}
        assert rows["s", "utilization"]["exact"] == pytest.approx(0.5)
        assert (
            rows["system", "time_in_system_q99"]["exact"] is None or rows["system", "time_in_system_q99"]["exact"] > 0
        )

    def test_an_exact_value_outside_is_said(self) -> None:
        r = asked(queue(), until=500.0)
        far = [e for e in r.estimates if e.missed]
        assert len(far) == sum("outside the interval" in note for note in r.notes)


@pytest.mark.parametrize(
    ("how", "key"),
    [({"until": -1.0}, "until"), ({"until": inf}, "until"), ({"replications": 0}, "replications"),
     ({"replications": True}, "replications"), ({"precision": 0.0}, "precision"), ({"precision": 1.5}, "precision"),
     ({"confidence": 1.0}, "confidence"), ({"warmup": -1.0}, "warmup"), ({"until": 10.0, "warmup": 10.0}, "warmup"),
     ({"quantiles": (1.0,)}, "quantiles"), ({"budget": 0.0}, "budget"), ({"jobs": 0}, "jobs"), ({"most": 1}, "most")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(how: dict[str, object], key: str) -> None:
    with pytest.raises(StudyError) as e:
        asked(queue(), **how)
    assert e.value.faults[0].key == f"run.{key}"


def test_discrete_services_of_zero_do_not_trouble_it() -> None:
    r = asked(queue(0.5, service=discrete([0.0, 2.0], [0.5, 0.5])), until=1000.0)
    assert r.estimate("s", "wait").mean == pytest.approx(0.5 * 2 / (2 * 0.5), rel=0.2)  # lambda E[S^2] / 2 (1 - rho)
