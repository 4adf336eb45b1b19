"""Estimators that say what is so, and those whose intervals, draws or probabilities do not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from potomac.errors import Fault, NoAnswer, StudyError
from potomac.simulation.distributions import exponential
from potomac.simulation.inputs import fit
from potomac.simulation.model import Model
from potomac.simulation.validity.calibration import calibrate
from potomac.simulation.validity.readings import Bounds, Draws, Normal, Places, Point, read_off

Floats = np.ndarray
N, PRIOR = 5, 2.0


def truth_and_values(generator: np.random.Generator) -> tuple[float, Floats]:
    """A mean from N(0, 2^2), and five values of N(mean, 1)."""
    mean = generator.normal(0, PRIOR)
    return mean, generator.normal(mean, 1, N)


class Conjugate:
    """The posterior, in closed form: N(v sum x, v), v = 1 / (1/4 + n); made narrower or shifted where asked."""

    def __init__(self, width: float = 1.0, shift: float = 0.0) -> None:
        self.width, self.shift = width, shift

    def fit(self, x: Floats) -> Conjugate:
        v = 1 / (1 / PRIOR**2 + len(x))
        self.estimate_, self.standard_error_ = v * x.sum() + self.shift, self.width * np.sqrt(v)
        return self


class Sampling(Conjugate):
    def sample(self, n: int, generator: np.random.Generator) -> Floats:
        return generator.normal(self.estimate_, self.standard_error_, n)


class Ranging(Conjugate):
    def interval(self, confidence: float) -> tuple[float, float]:
        half = norm.ppf(0.5 + confidence / 2) * self.standard_error_
        return self.estimate_ - half, self.estimate_ + half


@pytest.mark.parametrize("kind", [Conjugate, Sampling, Ranging])
def test_the_right_posterior_agrees_in_each_form(kind: type[Conjugate]) -> None:
    found = calibrate(truth_and_values, kind(), runs=400)
    assert found.agrees is True
    assert found.verdict.startswith("agrees: coverage 95 % is")
    assert found.finding("bias").low < 0 < found.finding("bias").high
    if kind is not Ranging:
        assert found.ecdf is not None
        inside = found.ecdf.to_pydict()
        assert all(a <= e <= b for a, e, b in zip(inside["low"], inside["ecdf"], inside["high"], strict=True))
        z = np.array(found.ranks["z"].to_pylist())
        assert z.std() == pytest.approx(1, abs=0.15)


def test_a_right_posterior_fails_as_seldom_as_it_may() -> None:
    from scipy.stats import binomtest

    failed = sum(calibrate(truth_and_values, Conjugate(), runs=60, seed=s).agrees is False for s in range(100))
    assert binomtest(failed, 100, 0.05, alternative="greater").pvalue > 1e-3


@pytest.mark.parametrize("kind", [Conjugate, Sampling, Ranging])
def test_intervals_of_half_the_width_are_found(kind: type[Conjugate]) -> None:
    """Of 95 %, P(|Z| < 1.96 / 2) = 67.3 % are held."""
    found = calibrate(truth_and_values, kind(width=0.5), runs=400)
    c = found.finding("coverage 95 %")
    assert found.agrees is False
    assert c.low < 0.673 < c.high
    assert found.verdict.startswith("does not agree: intervals are too narrow: nominal 95 % cover 6")
    assert found.coverage is not None
    assert found.coverage["high"].to_pylist()[-1] < 0.95
    if kind is not Ranging:
        assert "crowd at both ends" in found.verdict


def test_intervals_that_are_too_wide_are_found_too() -> None:
    found = calibrate(truth_and_values, Sampling(width=1.6), runs=400)
    assert found.agrees is False
    assert "too wide" in found.verdict
    assert "crowd in the middle" in found.verdict


def test_a_biased_estimator_is_found() -> None:
    found = calibrate(truth_and_values, Conjugate(shift=0.3), runs=400)
    c = found.finding("bias")
    assert c.low < 0.3 < c.high
    assert "biased upwards by" in found.verdict
    assert "places of the truth lie too low" in found.verdict


def test_waits_in_a_row_make_the_textbook_interval_far_too_narrow() -> None:
    """M/M/1 at load .9: nominal 95 % cover about 8 %.

    The variance of the mean of n waits is their variance times c / n, c = (2 + 5 r - 4 r^2 + r^3) / ((2 - r)(1 - r)^2)
    at the load r (Daley 1968; Whitt 1989): c = 363, and P(|Z| < 1.96 / sqrt(c)) = .082.
    """
    r, n = 0.9, 20_000
    c = (2 + 5 * r - 4 * r**2 + r**3) / ((2 - r) * (1 - r) ** 2)
    expected = 2 * norm.cdf(1.96 / np.sqrt(c)) - 1
    assert expected == pytest.approx(0.082, abs=0.001)

    def queue(generator: np.random.Generator) -> tuple[float, Floats]:
        first = generator.exponential(r / (1 - r)) * (generator.random() < r)  # stationary: no wait, or Exp(1/r - 1)
        steps = generator.exponential(r, n) - generator.exponential(1.0, n)
        total = np.concatenate([[0.0], np.cumsum(steps)[:-1]])
        waits = np.maximum(total + first, total - np.minimum.accumulate(total))
        return r * r / (1 - r), waits

    found = calibrate(queue, lambda x: Normal(x.mean(), x.std(ddof=1) / np.sqrt(x.size)), runs=500, confidence=[0.95])
    seen = found.finding("coverage 95 %")
    assert found.agrees is False
    assert seen.value == pytest.approx(expected, abs=3.5 * np.sqrt(0.082 * 0.918 / 500))


def test_the_engines_own_intervals_hold_the_exact_wait() -> None:
    """Wq = s^2 / (1 - s) of M/M/1 at rate 1, services of mean s = .8: 3.2."""

    def intervals(seed: int) -> Bounds:
        m = Model().source("walkin", interarrival=exponential(1.0), to="desk")
        e = m.station("desk", servers=1, service=exponential(0.8)).run(1000.0, 20, warmup=200.0, seed=seed)
        e = e.estimate("desk", "wait")
        return Bounds({0.95: (e.low, e.high)}, e.mean)

    found = calibrate(lambda g: (3.2, int(g.integers(1 << 31))), intervals, runs=60)
    assert found.agrees is True
    assert found.finding("coverage 95 %").high > 0.93


def test_what_maximum_likelihood_does_to_a_shape_is_told() -> None:
    """Of gamma's shape 2 from 30 values it is high by about 3 k / n = .2 (Bowman and Shenton 1988)."""

    def estimated(x: Floats) -> Point:
        return Point(fit(x, ["gamma"], draws=19)["gamma"]["shape"])

    found = calibrate(lambda g: (2.0, g.gamma(2.0, 1.0, 30)), estimated, runs=300)
    bias = found.finding("bias")
    assert found.agrees is False
    assert bias.low < 3 * 2 / 30 < bias.high + 0.1
    assert found.coverage is None


def test_p_values_of_the_fits_are_uniform() -> None:
    """Anderson and Darling's by refitted samples; a p-value of 99 draws is one of .01, .02, ..."""

    def place(x: Floats) -> Places:
        p = fit(x, ["exponential"], draws=99, seed=int(1e6 * x[0]))["exponential"].ad_p
        return Places(p - np.random.default_rng(int(1e6 * x[1])).random() / 100)

    found = calibrate(lambda g: (1.0, g.exponential(1.0, 25)), place, runs=200)
    assert found.finding("ranks").p > 0.01
    assert found.agrees is True


# ---- estimators of scikit-learn, and detectors --------------------------------------------------------------------


def line(generator: np.random.Generator) -> tuple[dict[str, float], Floats, Floats]:
    slope, level = generator.normal(size=2)
    X = generator.normal(size=(30, 1))
    return {"slope": slope}, X, slope * X[:, 0] + 0.0 * level + generator.normal(size=30)


def test_a_bayesian_regression_of_scikit_learn_is_read_by_its_covariance() -> None:
    from sklearn.linear_model import BayesianRidge

    model = BayesianRidge(fit_intercept=False)
    found = calibrate(line, model, runs=20)
    assert {f.parameter for f in found.findings} == {"slope"}
    assert not hasattr(model, "coef_")  # copies were fitted
    _, X, y = line(np.random.default_rng(1))
    model.fit(X, y)
    read = read_off(model, [0.95], None, np.random.default_rng(2))
    assert isinstance(read, Normal)
    assert (read.mean, read.sd) == (pytest.approx(model.coef_), pytest.approx(np.sqrt(model.sigma_[0])))


def test_predictions_with_a_spread_are_held_at_given_rows() -> None:
    """The posterior of a line through 0 with a known prior and noise, predicted at x = 1 and x = -2."""

    class Line:
        def fit(self, X: Floats, y: Floats) -> Line:
            v = 1 / (1 + (X[:, 0] ** 2).sum())
            self.coef_, self.v = v * (X[:, 0] * y).sum(), v
            return self

        def predict(self, X: Floats, return_std: bool = False) -> Any:
            mean = X[:, 0] * self.coef_
            return (mean, np.abs(X[:, 0]) * np.sqrt(self.v)) if return_std else mean

    at = np.array([[1.0], [-2.0]])

    def drawn(g: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        truth, X, y = line(g)
        return truth["slope"] * at[:, 0], X, y

    found = calibrate(drawn, Line(), at=at, runs=300)
    assert found.agrees is True
    assert {f.parameter for f in found.findings} == {"0", "1"}


def logits(generator: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    X = generator.normal(size=(250, 2))
    p = 1 / (1 + np.exp(-X @ [1.0, -1.0]))
    return X, (generator.random(250) < p).astype(int), p


def test_a_logistic_regression_is_calibrated_and_naive_bayes_of_copies_is_not() -> None:
    """Of three copies of a column naive Bayes counts the evidence three times: slope 1/3."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB

    right = calibrate(logits, LogisticRegression(), runs=40)
    assert right.agrees is True
    assert right.reliability is not None

    def copied(g: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x = g.normal(size=400)
        p = 1 / (1 + np.exp(-1.5 * x))
        return np.repeat(x[:, None], 3, axis=1), (g.random(400) < p).astype(int), p

    wrong = calibrate(copied, GaussianNB(), runs=40)
    assert wrong.agrees is False
    assert wrong.finding("slope").value == pytest.approx(1 / 3, abs=0.06)
    assert wrong.verdict.startswith(
        "does not agree: probabilities are too extreme: calibration slope .3".replace(" .", " 0.")
    )


def test_a_detector_finds_the_odds_under_which_rows_were_drawn() -> None:
    """Real rows are normal within a box and others uniform over it; the prevalence of the field is known."""
    from potomac.outliers import ContrastDetector

    def drawn(g: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        X = np.clip(g.normal(size=(1200, 2)), -3, 3)
        X[:2] = [[-3, -3], [3, 3]]  # the box that fakes are drawn from
        X[600:] = g.uniform(-3, 3, (600, 2))
        f, u = np.exp(-(X**2).sum(1) / 2) / (2 * np.pi), 1 / 36
        return X, np.arange(1200) < 600, f / (f + u)

    class OnReal:
        """Learns from the rows that are real, as a detector does."""

        def fit(self, X: Floats, y: Floats) -> OnReal:
            self.detector_ = ContrastDetector(method="logistic", random_state=0).fit(X[y])
            return self

    right = calibrate(drawn, OnReal(), read=lambda fitted, X: fitted.detector_.probability(X, 0.5), runs=12)
    assert right.finding("slope").value == pytest.approx(1, abs=0.12)
    assert right.agrees is True
    wrong = calibrate(drawn, OnReal(), read=lambda fitted, X: fitted.detector_.probability(X, 0.9), runs=12)
    assert wrong.agrees is False
    assert wrong.finding("bias").value > 0.1


def test_a_new_row_ranks_among_the_rows_of_a_detector_as_one_of_them() -> None:
    """No row is scored by a model that saw it; so the place of a new one among them is uniform."""
    from potomac.outliers import ContrastDetector

    def place(X: Floats) -> Places:
        detector = ContrastDetector(random_state=0, samples=20, iterations=10).fit(X[1:])
        return among(detector.training_scores_, detector.score_samples(X[:1]))

    found = calibrate(lambda g: (0.0, g.normal(size=(121, 2)) @ [[1.0, 0.9], [0.0, 0.4]]), place, runs=60)
    assert found.agrees is True
    seen = calibrate(
        lambda g: (0.0, g.normal(size=(121, 2))), lambda X: among(-np.abs(X[1:, 0]), -np.abs(2 * X[:1, 0])), runs=60
    )
    assert "lie too low" in seen.verdict  # of a row from a wider law


def test_a_new_position_ranks_among_the_others_by_its_local_odds() -> None:
    from potomac.outliers import LocalContrastDetector

    def positions(g: np.random.Generator) -> tuple[float, dict[str, Floats]]:
        n = 301
        place = {"latitude": 37 + 0.2 * g.random(n), "longitude": -76 + 0.2 * g.random(n)}
        return 0.0, {**place, "speed": np.abs(g.normal(12, 2, n)), "heading": (90 + 20 * g.normal(size=n)) % 360}

    def place(table: dict[str, Floats]) -> Places:
        detector = LocalContrastDetector(method="logistic", seed=1, cell_km=30)
        detector.fit({name: x[1:] for name, x in table.items()})
        new = detector.score_samples({name: x[:1] for name, x in table.items()})
        return among(detector.score_samples(), new)

    assert calibrate(positions, place, runs=200).agrees is True


def among(scores: Floats, new: Floats) -> Places:
    return Places(((scores < new[0]).sum() + 0.5) / (len(scores) + 1))


# ---- the same answer, and what is wrong ---------------------------------------------------------------------------


def test_one_process_or_two_give_the_same() -> None:
    def drawn(g: np.random.Generator) -> tuple[float, Floats]:  # inner functions are sent whole, not by their module
        mean = g.normal()
        return mean, g.normal(mean, 1, 5)

    def sampled(x: Floats) -> Draws:
        return Draws(np.random.default_rng(int(1e6 * abs(x[0]))).normal(x.sum() / 6, 6**-0.5, 99))

    one, two = (calibrate(drawn, sampled, runs=30, jobs=jobs, seed=4) for jobs in (1, 2))
    assert one.ranks.equals(two.ranks)
    assert one.findings == two.findings
    assert one.ranks["run"].to_pylist() == list(range(30))


def test_what_another_process_cannot_import_is_said(only_here: Any) -> None:
    with pytest.raises(StudyError, match="another process could not read it") as error:
        calibrate(only_here(truth_and_values), Conjugate(), runs=20, jobs=2)
    assert error.value.faults[0].code == "simulation.hook"


def test_few_runs_cannot_tell() -> None:
    found = calibrate(truth_and_values, Conjugate(), runs=20)
    assert found.agrees is None
    assert found.verdict.startswith("cannot tell: too few: coverage")


def test_a_tolerance_lets_small_departures_pass() -> None:
    strict, lenient = (
        calibrate(truth_and_values, Ranging(width=0.9), runs=2000, tolerance=t, confidence=[0.95]) for t in (0.0, 0.04)
    )
    assert strict.finding("coverage 95 %").verdict == "does not agree"  # P(|Z| < .9 x 1.96) = 92.2 %
    assert lenient.agrees is True


def test_runs_without_an_answer_are_counted() -> None:
    def seldom(x: Floats) -> Normal:
        if x[0] > 1.5:
            raise NoAnswer(Fault("simulation.short", "the run is too short"))
        return Normal(x.mean(), 0.5)

    found = calibrate(truth_and_values, seldom, runs=50)
    assert 0 < found.refused < 25
    assert found.notes == (f"In {found.refused} of 50 runs there was no answer: the run is too short",)

    def never(x: Floats) -> Normal:
        raise NoAnswer(Fault("simulation.short", "the run is too short"))

    with pytest.raises(NoAnswer, match="no answer in 50 of 50 runs"):
        calibrate(truth_and_values, never, runs=50)


def odd(generator: np.random.Generator) -> tuple[Floats, int]:
    size = 2 if generator.random() < 0.5 else 3
    return np.zeros(size), size


WRONG: list[tuple[str, str, Callable[[], Any]]] = [
    ("simulation.run", "runs is 3", lambda: calibrate(truth_and_values, Conjugate(), runs=3)),
    ("simulation.run", "confidence is [95]", lambda: calibrate(truth_and_values, Conjugate(), confidence=[95])),
    ("simulation.run", "tolerance is 2", lambda: calibrate(truth_and_values, Conjugate(), tolerance=2)),
    ("simulation.simulator", "the simulator gives float", lambda: calibrate(lambda g: 1.0, Conjugate())),
    ("simulation.simulator", "the truth is nan", lambda: calibrate(lambda g: (np.nan, np.ones(3)), Conjugate())),
    ("simulation.simulator", "the truth is 'a'", lambda: calibrate(lambda g: ("a", np.ones(3)), Conjugate())),
    ("simulation.simulator", "values of the truth, and then", lambda: calibrate(odd, lambda k: Point(np.zeros(k)))),
    ("simulation.estimator", "dict says nothing of the truth", lambda: calibrate(truth_and_values, lambda x: {})),
    ("simulation.estimator", "the draws have the shape (50, 3)",
     lambda: calibrate(truth_and_values, lambda x: Draws(np.zeros((50, 3))))),
    ("simulation.estimator", "the estimate has the shape (2,)",
     lambda: calibrate(truth_and_values, lambda x: Normal([0, 1], [1, 1]))),
    ("simulation.estimator", "a place is [2.]", lambda: calibrate(truth_and_values, lambda x: Places(2.0))),
    ("simulation.estimator", "gives no estimate, no", lambda: calibrate(truth_and_values, lambda x: Bounds({}))),
    ("simulation.hook", "run 0: ZeroDivisionError", lambda: calibrate(truth_and_values, lambda x: 1 / 0)),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words", "ask"), WRONG, ids=[f"{w[0]}: {w[1]}" for w in WRONG])
def test_what_is_wrong_is_said(code: str, words: str, ask: Callable[[], Any]) -> None:
    with pytest.raises(StudyError) as error:
        ask()
    assert error.value.faults[0].code == code
    assert words in str(error.value)


def test_true_probabilities_must_be_probabilities() -> None:
    class Classifier:
        def fit(self, X: Floats, y: Floats) -> Classifier:
            return self

        def predict_proba(self, X: Floats) -> Floats:
            return np.full((len(X), 2), 0.5)

    with pytest.raises(StudyError, match="expected \\(X, y, p\\)"):
        calibrate(lambda g: (np.zeros((5, 1)), np.zeros(5), np.full(5, 2.0)), Classifier())


def test_a_hook_that_cannot_be_sent_is_refused() -> None:
    import threading

    lock = threading.Lock()
    with pytest.raises(StudyError, match="cannot be sent to another process") as error:
        calibrate(lambda g: (0.0, lock), Conjugate(), runs=20, jobs=2)
    assert error.value.faults[0].code == "simulation.hook"
