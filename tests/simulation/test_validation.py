"""Models that are right agree as often as they should; those that are wrong, in the usual ways, are found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from potomac.errors import DataError, NoAnswer, PotomacError, StudyError
from potomac.simulation.distributions import deterministic, exponential, gamma, poisson
from potomac.simulation.executors.execute import replications
from potomac.simulation.executors.measures import measured
from potomac.simulation.executors.replication import Window
from potomac.simulation.model import Model
from potomac.simulation.validity.validation import validate
from potomac.stats.streams import Stream

Floats = np.ndarray


def desk(service: Any, **source: Any) -> Model:
    m = Model().source("walkin", interarrival=exponential(1.0), to="desk", **source)
    return m.station("desk", servers=1, service=service)


def waits(n: int, service: Callable[[int], Floats], seed: int = 1) -> Floats:
    """Lindley's recursion, W = C - min C of the partial sums, after 2,000 customers."""
    rng = np.random.default_rng(seed)
    steps = service(n + 2000) - rng.exponential(1.0, n + 2000)
    total = np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    return np.asarray(total - np.minimum.accumulate(total))[2000:]


# ---- a model of queues --------------------------------------------------------------------------------------------


def test_a_right_model_fails_seldom_and_a_wrong_one_is_found() -> None:
    """Days of a desk that closes after 60; the truth is the model itself, then one whose service is slower."""
    model = desk(exponential(0.7), stop=60.0)
    window = Window(np.array([np.inf]))
    runs = replications(model.checked(), range(60), window, Stream(99))
    days = measured(model.checked(), runs, window)["desk", "wait"]
    failed = 0
    for seed, day in enumerate(days):
        found = validate(model, {("desk", "wait"): day}, draws=60, seed=seed, tolerance=10)
        failed += found.agrees is False
    assert binomtest(failed, days.size, 0.05, alternative="greater").pvalue > 1e-3
    slow = validate(model, {"desk:wait": 6.0}, seed=1)
    assert slow.agrees is False
    assert slow.verdict.startswith("does not agree: wait of desk is 6, where the model gives")


def test_averages_of_days_are_held_against_averages() -> None:
    """The mean of 100 days lies ten times nearer to the model's mean than a day does."""
    model = desk(exponential(0.7), stop=60.0)
    one = validate(model, {"desk:wait": 1.2}).each[0]
    many = validate(model, {"desk:wait": 1.2}, periods=100).each[0]
    assert many.high - many.low == pytest.approx((one.high - one.low) / 10, rel=0.3)
    assert many.predicted == pytest.approx(one.predicted, rel=0.05)
    assert many.detectable < 0.2 * one.detectable


def test_waits_in_a_row_are_compared_with_waits_in_a_row() -> None:
    rng = np.random.default_rng(2)
    right = validate(desk(exponential(0.7)), waits(3000, lambda n: rng.exponential(0.7, n)), draws=500)
    assert right.agrees is not False
    mean = right.check("wait of desk: mean")
    assert mean.predicted == pytest.approx(0.7**2 / 0.3, rel=0.05)  # Wq of M/M/1 at rate 1: s^2 / (1 - s)
    naive = 1.96 * 0.7 * np.sqrt(2 - 0.7**2) / 0.3 / np.sqrt(3000)  # as if the waits were independent
    assert mean.high - mean.low > 4 * 2 * naive
    assert any("about 3000" in note for note in right.notes)
    wrong = validate(desk(exponential(0.7)), waits(3000, lambda n: np.full(n, 0.7)), draws=500)
    assert wrong.agrees is False
    assert wrong.check("wait of desk: standard deviation").verdict == "does not agree"


def test_the_same_service_times_by_another_law_are_found() -> None:
    """Service of mean .7 that never varies: half the wait (Pollaczek and Khinchine)."""
    observed = waits(3000, lambda n: np.random.default_rng(3).exponential(0.7, n))
    found = validate(desk(deterministic(0.7)), observed, draws=500)
    assert found.agrees is False
    assert found.check("wait of desk: mean").predicted == pytest.approx(0.7**2 / 0.3 / 2, rel=0.05)


def test_a_short_look_cannot_tell() -> None:
    """Half an hour at load .9: relaxation takes (1 - sqrt(.9))^-2 = 380 units."""
    found = validate(desk(exponential(0.9)), {"desk:wait": 5.0}, until=30.0, warmup=0.0)
    assert found.agrees is None
    assert found.verdict.startswith("cannot tell: too few: a difference of less than")


@pytest.mark.parametrize("form", ["mapping", "columns", "arrow", "pandas"])
def test_observations_come_in_several_forms(form: str) -> None:
    columns = {"where": ["desk", "desk"], "measure": ["wait", "wait_q90"], "value": [1.5, 4.0]}
    forms: dict[str, Any] = {
        "mapping": {("desk", "wait"): 1.5, "desk:wait_q90": 4.0}, "columns": columns, "arrow": pa.table(columns),
        "pandas": pd.DataFrame(columns),
    }  # fmt: skip
    found = validate(desk(exponential(0.7), stop=60.0), forms[form], draws=100)
    assert [c.name for c in found.each] == ["wait of desk", "wait_q90 of desk"]
    assert [c.observed for c in found.each] == [1.5, 4.0]


def test_a_plant_is_held_against_its_availability() -> None:
    """Up 9, down 1 on average: availability .9."""
    m = Model().component("pump", life=exponential(9.0), repair=exponential(1.0))
    m.system("plant", series=["pump"])
    right = validate(m, {"plant:availability": 0.9}, until=2000.0, draws=200)
    assert right.agrees is True
    assert right.each[0].predicted == pytest.approx(0.9, abs=0.005)
    assert validate(m, {"plant:availability": 0.8}, until=2000.0, draws=200).agrees is False


# ---- distributions and simulators ---------------------------------------------------------------------------------


def test_a_right_simulator_fails_seldom() -> None:
    rng = np.random.default_rng(7)
    found = [validate(gamma(shape=2.0, scale=1.5), rng.gamma(2, 1.5, 40), draws=380, seed=s) for s in range(40)]
    failed = sum(v.agrees is False for v in found)
    assert binomtest(failed, 40, 0.05, alternative="greater").pvalue > 1e-3
    low = sum(c.p <= 0.2 for v in found for c in v.each if c.name == "mean")
    assert binomtest(low, 40, 0.2).pvalue > 1e-3


def test_counts_that_vary_too_much_for_poisson_are_found() -> None:
    """Negative binomial of mean 4 and variance 4 + 16/4 = 8."""
    y = np.random.default_rng(8).negative_binomial(4, 0.5, 300)
    found = validate(poisson(4.0), y)
    assert found.check("standard deviation").verdict == "does not agree"
    assert found.check("mean").verdict == "agrees"
    assert found.agrees is False


def test_dependence_is_found_where_the_law_is_right() -> None:
    """A first-order autoregression of correlation .6, whose marginal law is the standard normal."""
    rng, x = np.random.default_rng(9), np.zeros(400)
    for i in range(1, 400):
        x[i] = 0.6 * x[i - 1] + 0.8 * rng.standard_normal()
    found = validate(lambda generator, n: generator.standard_normal(n), x)
    c = found.check("autocorrelation")
    assert (c.verdict, c.observed) == ("does not agree", pytest.approx(0.6, abs=0.12))


def test_a_statistic_of_ones_own_is_checked_too() -> None:
    y = np.random.default_rng(10).exponential(1.0, 200)
    own = {"share above 3": lambda x: float((x > 3).mean())}
    found = validate(exponential(1.0), y, statistics=own)
    assert found.check("share above 3").predicted == pytest.approx(np.exp(-3), rel=0.1)
    with pytest.raises(StudyError, match="a statistic fails: KeyError") as error:
        validate(exponential(1.0), y, statistics={"broken": lambda x: {}["x"]})
    assert error.value.faults[0].code == "simulation.hook"


def test_the_answer_follows_the_seed() -> None:
    y = np.random.default_rng(11).exponential(1.0, 50)
    first, again, other = (validate(exponential(1.0), y, draws=400, seed=s) for s in (1, 1, 2))
    assert first.each == again.each
    assert first.each != other.each
    assert first.checks.equals(again.checks)


# ---- fitted estimators --------------------------------------------------------------------------------------------


class Mean:
    """Predicts the mean of what it was fitted to."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}

    def fit(self, X: Floats, y: Floats) -> Mean:
        self.mean_, self.sd_ = float(np.mean(y)), float(np.std(y, ddof=1))
        return self

    def predict(self, X: Floats) -> Floats:
        return np.full(len(X), self.mean_)


class WithSpread(Mean):
    def predict(self, X: Floats, return_std: bool = False) -> Any:
        mean = np.full(len(X), self.mean_)
        return (mean, np.full(len(X), self.sd_)) if return_std else mean


class Odds:
    """Probabilities of a logistic model, made more extreme by a factor."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def predict_proba(self, X: Floats) -> Floats:
        p = 1 / (1 + np.exp(-self.factor * X[:, 0]))
        return np.column_stack([1 - p, p])


def rows(n: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 1.5, (n, 1))
    return X, np.where(rng.random(n) < 1 / (1 + np.exp(-X[:, 0])), "yes", "no")


def test_probabilities_that_are_right_fail_seldom() -> None:
    found = [validate(Odds(), rows(120, seed), draws=300, seed=seed) for seed in range(40)]
    failed = sum(v.agrees is False for v in found)
    assert binomtest(failed, 40, 0.05, alternative="greater").pvalue > 1e-3


def test_an_overconfident_classifier_is_found() -> None:
    """Log odds twice what they are: slope .5."""
    found = validate(Odds(2.0), rows(800, 1))
    assert found.agrees is False
    assert found.check("calibration slope").observed == pytest.approx(0.5, abs=0.08)
    for name in ("calibration slope", "Hosmer-Lemeshow", "Spiegelhalter z", "Brier score"):
        assert found.check(name).verdict == "does not agree", name
    assert found.check("share of yes").verdict == "agrees"
    table = found.tables["reliability"].to_pydict()
    assert table["predicted"][0] < table["low"][0]
    assert table["predicted"][-1] > table["high"][-1]
    score = dict(zip(*found.tables["scores"].to_pydict().values(), strict=True))
    assert score["brier"] == pytest.approx(
        score["reliability"] - score["resolution"] + score["uncertainty"] + score["within"]
    )


def test_classes_beyond_two_are_held_by_their_likeliest() -> None:
    rng = np.random.default_rng(12)
    p = rng.dirichlet([1, 1, 1], 600)
    y = (rng.random((600, 1)) > p.cumsum(1)[:, :-1]).sum(1)
    read = lambda model, X: X  # noqa: E731
    assert validate(object(), (p, y), read=read).agrees is True
    sharp = p**2 / (p**2).sum(1, keepdims=True)
    found = validate(object(), (sharp, y), read=read)
    assert found.agrees is False
    assert {"share of 0", "share of 1", "share of 2"} <= {c.name for c in found.each}


def test_counts_of_a_poisson_regression_that_vary_too_much_are_found() -> None:
    rng = np.random.default_rng(13)
    X = np.zeros((400, 1))
    right, wide = rng.poisson(3.0, 400), rng.negative_binomial(3, 0.5, 400)
    assert validate(Mean().fit(X, right), (X, rng.poisson(3.0, 400)), family="poisson").agrees is True
    found = validate(Mean().fit(X, wide), (X, rng.negative_binomial(3, 0.5, 400)), family="poisson")
    assert found.agrees is False
    assert found.check("standard deviation").verdict == "does not agree"
    assert found.check("share of zeros").verdict == "does not agree"


def test_intervals_of_half_the_width_are_found() -> None:
    """95 % intervals of half the width hold P(|Z| < .98) = 67 %."""
    rng, X = np.random.default_rng(14), np.zeros((500, 1))
    model = WithSpread()
    model.mean_, model.sd_ = 0.0, 1.0
    assert validate(model, (X, rng.normal(size=500))).agrees is True
    model.sd_ /= 2
    found = validate(model, (X, rng.normal(size=500)))
    c = found.check("95 % intervals cover")
    assert (c.observed, c.verdict) == (pytest.approx(0.673, abs=0.06), "does not agree")
    coverage = found.tables["coverage"].to_pydict()
    assert coverage["high"][2] < 0.95
    pit = found.tables["pit"].to_pydict()
    assert any(e < a or e > b for e, a, b in zip(pit["ecdf"], pit["low"], pit["high"], strict=True))


def test_an_estimator_with_intervals_alone_is_held_by_their_coverage() -> None:
    class Ranges:
        def __init__(self, width: float) -> None:
            self.width = width

        def predict_interval(self, X: Floats, confidence: float) -> Any:
            from scipy.stats import norm

            half = self.width * norm.ppf(0.5 + confidence / 2)
            return np.full(len(X), -half), np.full(len(X), half)

    X, y = np.zeros((400, 1)), np.random.default_rng(15).normal(size=400)
    assert validate(Ranges(1.0), (X, y)).agrees is True
    narrow = validate(Ranges(0.5), (X, y))
    assert narrow.agrees is False
    assert narrow.tables["coverage"]["covered"][2].as_py() == pytest.approx(0.673, abs=0.07)


def test_an_estimator_that_samples_may_have_any_law() -> None:
    class Shocks:
        def __init__(self, degrees: float) -> None:
            self.degrees = degrees

        def sample(self, X: Floats, generator: np.random.Generator) -> Floats:
            return X[:, 0] + generator.standard_t(self.degrees, len(X))

    rng = np.random.default_rng(16)
    X = rng.normal(size=(300, 1))
    y = X[:, 0] + rng.standard_t(3, 300)
    assert validate(Shocks(3), (X, y)).agrees is True
    assert validate(Shocks(100), (X, y)).agrees is False


def test_groups_that_differ_are_found() -> None:
    rng, group = np.random.default_rng(17), np.repeat(["a", "b"], 150)
    X, y = np.zeros((300, 1)), rng.normal(size=300) + np.where(group == "a", -0.5, 0.5)
    model = WithSpread().fit(X, y)
    found = validate(model, (X, y), groups=group)
    assert found.check("mean of a").verdict == found.check("mean of b").verdict == "does not agree"
    assert found.check("mean").verdict == "agrees"


def test_rows_that_were_fitted_are_fitted_again_in_each_draw() -> None:
    """The mean of fitted rows is always the fitted mean: drawn again without refitting it varies by sd / sqrt(n)."""
    rng, X = np.random.default_rng(18), np.zeros((100, 1))
    y = rng.normal(size=100)
    model = WithSpread().fit(X, y)
    plain, again = validate(model, (X, y)), validate(model, (X, y), refit=True)
    assert "autocorrelation" in {c.name for c in again.each}
    spread = lambda v: v.check("95 % intervals cover").high - v.check("95 % intervals cover").low  # noqa: E731
    assert spread(again) < spread(plain)  # the fit follows each draw
    assert again.agrees is not False
    assert "fitted anew" in again.notes[0]


def test_a_detector_is_held_by_its_corrected_probabilities() -> None:
    """Real rows are standard normal within a box, others uniform over it: the textbook's contrast is then exact."""
    from potomac.outliers import ContrastDetector

    X, y, p = field(np.random.default_rng(19), 1500)
    real, _, _ = field(np.random.default_rng(20), 3000, prevalence=1.0)
    detector = ContrastDetector(method="logistic", random_state=0).fit(np.concatenate([real, CORNERS]))
    found = validate(detector, (X, y), read=lambda d, X: d.probability(X, 0.5))
    assert found.agrees is True
    assert np.corrcoef(detector.log_odds(X), np.log(p / (1 - p)))[0, 1] > 0.98
    wrong = validate(detector, (X, y), read=lambda d, X: d.probability(X, 0.9))
    assert wrong.agrees is False
    assert wrong.check("share of 1").verdict == "does not agree"


CORNERS = np.array([[-3.0, -3.0], [3.0, 3.0]])


def field(rng: np.random.Generator, n: int, prevalence: float = 0.5) -> tuple[Floats, Floats, Floats]:
    """Rows of a field within [-3, 3]^2, which are real (1), and how probable that is."""
    real = rng.random(n) < prevalence
    normal = rng.normal(size=(4 * n, 2))
    normal = normal[(np.abs(normal) <= 3).all(1)][:n]
    X = np.where(real[:, None], normal, rng.uniform(-3, 3, (n, 2)))
    inside = 0.9973002**2  # of the normal law
    f, u = np.exp(-(X**2).sum(1) / 2) / (2 * np.pi) / inside, 1 / 36
    return X, real.astype(int), prevalence * f / (prevalence * f + (1 - prevalence) * u)


# ---- what is wrong is said ----------------------------------------------------------------------------------------


WRONG: list[tuple[str, type[PotomacError], str, Callable[[], Any]]] = [
    ("simulation.measure", StudyError, "there is no 'waits' of 'desk'",
     lambda: validate(desk(exponential(0.5), stop=9.0), {"desk:waits": 1.0}, draws=20)),
    ("simulation.measure", StudyError, "there is no 'queue_length' of 'desk' customer by customer",
     lambda: validate(desk(exponential(0.5), stop=9.0), {"desk:queue_length": [1.0, 2.0]}, draws=20)),
    ("simulation.observed", StudyError, "nothing says how long was observed",
     lambda: validate(desk(exponential(0.5)), {"desk:wait": 1.0})),
    ("simulation.values", DataError, "row 1 of the wait of desk is nan",
     lambda: validate(desk(exponential(0.5)), {"desk:wait": [1.0, np.nan, 2.0]})),
    ("simulation.negative", DataError, "row 2 of wait of desk is -1",
     lambda: validate(desk(exponential(0.5)), {"desk:wait": [1.0, 0.0, -1.0]})),
    ("simulation.observed", DataError, "nothing was observed", lambda: validate(desk(exponential(0.5)), {})),
    ("simulation.observed", DataError, "row 1 is wait of desk again",
     lambda: validate(desk(exponential(0.5)), {"where": ["desk"] * 2, "measure": ["wait"] * 2, "value": [1.0, 2.0]})),
    ("data.column-missing", DataError, 'no column "value"',
     lambda: validate(desk(exponential(0.5)), pa.table({"where": ["desk"], "measure": ["wait"], "values": [1.0]}))),
    ("simulation.run", StudyError, "until is -1", lambda: validate(desk(1.0), {"desk:wait": 1.0}, until=-1)),
    ("simulation.run", StudyError, "confidence is 1.5", lambda: validate(exponential(1.0), [1.0] * 9, confidence=1.5)),
    ("simulation.run", StudyError, "draws is 3", lambda: validate(exponential(1.0), [1.0] * 9, draws=3)),
    ("simulation.values", DataError, "there is one value", lambda: validate(exponential(1.0), [1.0])),
    ("simulation.values", DataError, "there are 0 values", lambda: validate(exponential(1.0), [])),
    ("simulation.estimator", StudyError, "str has no method that predicts", lambda: validate("model", [1.0] * 9)),
    ("simulation.values", DataError, "row 1 of the observed values is nan",
     lambda: validate(exponential(1.0), [1.0, np.nan])),
    ("simulation.simulator", StudyError, "a draw has the shape (3,)",
     lambda: validate(lambda generator, n: np.ones(3), np.ones(5))),
    ("simulation.simulator", StudyError, "row 0 of a draw is nan",
     lambda: validate(lambda generator, n: np.full(n, np.nan), np.ones(5))),
    ("simulation.estimator", StudyError, "Mean only predicts a value",
     lambda: validate(Mean().fit(np.zeros((5, 1)), np.ones(5)), (np.zeros((5, 1)), np.ones(5)))),
    ("simulation.estimator", StudyError, "object has no method that predicts",
     lambda: validate(object(), (np.zeros((5, 1)), np.ones(5)))),
    ("simulation.estimator", StudyError, "the normal family has no spread",
     lambda: validate(Mean().fit(np.zeros((5, 1)), np.ones(5)), (np.zeros((5, 1)), np.ones(5)), family="normal")),
    ("simulation.estimator", NoAnswer, "predict_proba fails: IndexError",
     lambda: validate(Odds(), (np.zeros(5), np.array(["no"] * 5)))),
    ("simulation.values", DataError, "row 1 of y is 'maybe'",
     lambda: validate(Odds(), (np.zeros((2, 1)), np.array(["no", "maybe"])))),
    ("simulation.values", DataError, "X has 5 rows, y 4", lambda: validate(Odds(), (np.zeros((5, 1)), np.ones(4)))),
    ("simulation.observed", StudyError, "observed is ndarray", lambda: validate(Odds(), np.ones(4))),
    ("simulation.estimator", NoAnswer, "read gives 0.2, 0.2 for row 0",
     lambda: validate(object(), (np.full((3, 2), 0.2), np.zeros(3)), read=lambda m, X: X)),
    ("simulation.values", DataError, "groups has the shape (3,)",
     lambda: validate(Odds(), rows(20, 1), groups=[1, 2, 3])),
    ("simulation.observed", StudyError, "does not say how many lives",
     lambda: validate(Model().component("pump", life=exponential(9.0)).system("plant", series=["pump"]),
                      {"plant:mttf": 9.0})),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "words", "ask"), WRONG, ids=[f"{w[0]}: {w[2]}" for w in WRONG])
def test_what_is_wrong_is_said(code: str, kind: type[PotomacError], words: str, ask: Callable[[], Any]) -> None:
    with pytest.raises(kind) as error:
        ask()
    assert error.value.faults[0].code == code
    assert words in str(error.value)


def test_a_hook_that_cannot_be_sent_is_refused_before_work_begins() -> None:
    import threading

    class Locked(Mean):
        def __init__(self) -> None:
            self.lock = threading.Lock()

    X, y = np.zeros((30, 1)), np.arange(30.0)
    with pytest.raises(StudyError, match="cannot be sent to another process: TypeError") as error:
        validate(Locked().fit(X, y), (X, y), family="normal", spread=1.0, refit=True, jobs=2)
    assert error.value.faults[0].code == "simulation.hook"
