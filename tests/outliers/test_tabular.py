"""The detector for numeric tables: scikit-learn's contract, and what contrasts must be able to see."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, spearmanr
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from potomac.errors import DataError
from potomac.outliers.tabular import ContrastDetector

METHODS = ("contrast", "logistic")


@parametrize_with_checks([ContrastDetector(method=method, samples=20, iterations=10) for method in METHODS])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_contract(estimator: ContrastDetector, check: object) -> None:
    check(estimator)


def _correlated(n: int = 1000, seed: int = 0, rho: float = 0.95) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal([0.0, 0.0], [[1.0, rho], [rho, 1.0]], n)


def _fitted(x: np.ndarray, **options: object) -> ContrastDetector:
    return ContrastDetector(**{"random_state": 0, "samples": 50, "iterations": 30} | options).fit(x)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_odds_is_the_order_of_the_density(method: str) -> None:
    # log p_real - log p_fake rises with p_real where the fakes are even: a Gaussian in its principal units
    density = multivariate_normal([0.0, 0.0], np.eye(2))
    x = density.rvs(3000, random_state=1)
    new = np.random.default_rng(2).uniform(-4, 4, (2000, 2))
    order = spearmanr(_fitted(x, method=method).score_samples(new), density.logpdf(new)).statistic
    assert order > 0.97


def test_the_textbook_learns_the_quadratic_of_a_gaussian() -> None:
    # real N(0, s²) against a uniform fake: log odds = constant - x² / (2 s²), so 0 and 2 s lie 2 apart
    s = 3.0
    detector = _fitted(s * np.random.default_rng(0).normal(size=(20_000, 1)), method="logistic")
    centre, off = detector.log_odds([[0.0], [2.0 * s]])
    assert centre - off == pytest.approx(2.0, rel=0.1)


def test_fakes_drawn_as_the_rows_were_give_flat_odds() -> None:
    # rows uniform on the unit square, fakes uniform on its box: odds 1 everywhere, log odds 0
    square = np.random.default_rng(3).random((20_000, 2))
    odds = _fitted(square, method="logistic").log_odds(square)
    assert np.abs(odds).max() < 0.3
    assert np.abs(odds).mean() < 0.05


def test_probability_is_bayes_rule() -> None:
    x = _correlated()
    detector = _fitted(x, method="logistic")
    ratio, prevalence = np.exp(detector.log_odds(x[:20])), 0.9
    bayes = prevalence * ratio / (prevalence * ratio + 1.0 - prevalence)
    np.testing.assert_allclose(detector.probability(x[:20], prevalence), bayes, rtol=1e-10)
    with pytest.raises(ValueError, match="between 0 and 1"):
        detector.probability(x, 1.0)


def test_a_row_odd_only_by_its_combination_is_seen_by_the_trees() -> None:
    detector = _fitted(_correlated(3000))
    evidence = detector.evidence([[1.2, 1.2], [1.2, -1.2], [8.0, 8.0]])
    usual, combination, far = range(3)
    assert evidence["together"][combination] < evidence["together"][usual] - 1.0
    assert evidence["near"][far] < evidence["near"][combination] < evidence["near"][usual]
    assert (evidence["together"] <= 0.0).all()


def test_the_parts_add_up_to_the_score() -> None:
    x = _correlated(300)
    detector = _fitted(x)
    parts = detector.evidence(x)
    np.testing.assert_allclose(parts["near"] + parts["together"], detector.score_samples(x))


def test_outliers_of_every_kind_are_found() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([_correlated(2000, 5), rng.exponential(size=2000)])
    kinds = {
        "global": rng.uniform(-8, 8, (40, 3)),
        "dependency": np.column_stack([x[:40, 0], -x[:40, 0], x[:40, 2]])[np.abs(x[:40, 0]) > 0.7],
        "tail": x[:40] + np.array([0.0, 0.0, 10.0]),
    }
    for kind, odd in kinds.items():
        both = np.concatenate([x, odd])
        area = roc_auc_score(np.repeat([0, 1], [len(x), len(odd)]), -_fitted(both).training_scores_)
        assert area > 0.95, kind


@pytest.mark.parametrize("copies", [2, 5])
def test_a_copied_outlier_does_not_hide_itself(copies: int) -> None:
    x = _correlated(500)
    odd = np.tile([[6.0, -6.0]], (copies, 1))
    detector = _fitted(np.concatenate([x, odd]))
    assert detector.training_scores_[500:].max() < np.quantile(detector.training_scores_[:500], 0.02)
    assert np.ptp(detector.training_scores_[500:]) == 0.0  # equal rows, equal scores


def test_training_rows_are_scored_by_what_never_saw_them() -> None:
    # trees that memorise and landmarks that hold the row would make it look normal; a twin next to it is judged
    # by all models and shows what they think of the place
    rng = np.random.default_rng(6)
    x = rng.normal(size=(300, 2))
    x[0] = [9.0, -9.0]
    detector = _fitted(x, samples=200)
    own, twin = detector.score_samples([x[0], x[0] + 1e-9])
    assert twin > own  # the models that saw the row vouch for its place
    assert own == detector.training_scores_[0]


def test_the_order_of_rows_changes_nothing() -> None:
    x = np.round(_correlated(400), 1)  # copies too
    order = np.random.default_rng(8).permutation(400)
    one, other = _fitted(x), _fitted(x[order])
    np.testing.assert_array_equal(one.training_scores_[order], other.training_scores_)
    np.testing.assert_array_equal(one.score_samples(x + 0.5), other.score_samples(x + 0.5))


def test_the_same_numbers_on_one_thread_and_two() -> None:
    x, results, before = _correlated(800), [], numba.get_num_threads()
    for threads in (1, 2):
        numba.set_num_threads(min(threads, before))
        with threadpool_limits(threads, user_api="openmp"):
            results.append(_fitted(x).score_samples(x))
    numba.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])


def test_missing_values_are_evidence() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(1000, 3))
    x[:500, 1] = np.nan  # usual in the second column, and never in the third
    detector = _fitted(x)
    whole, usual, strange = detector.score_samples([[0.0, 0.0, 0.0], [0.0, np.nan, 0.0], [0.0, 0.0, np.nan]])
    assert strange < min(whole, usual) - 0.5
    assert np.isfinite(_fitted(np.where(np.isnan(x), np.nan, x), method="logistic").training_scores_).all()


def test_contamination_is_the_share_of_rows_marked() -> None:
    x = _correlated(1000)
    assert (_fitted(x, contamination=0.07).fit_predict(x) == -1).sum() == 70
    assert 0 < (_fitted(x).predict(x) == -1).sum() < 100


def test_auto_is_the_fence_of_a_box_plot() -> None:
    detector = _fitted(_correlated(300))
    low, high = np.quantile(detector.training_scores_, [0.25, 0.75])
    assert detector.offset_ == pytest.approx(low - 1.5 * (high - low))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "forest"}, 'method is \'forest\'; it is "contrast" or "logistic"'),
        ({"contamination": 0.6}, "contamination is 0.6"),
        ({"contamination": "some"}, "contamination is 'some'"),
        ({"folds": 1}, "folds is 1; it is a whole number, at least 2"),
    ],
)
def test_wrong_parameters_are_said(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ContrastDetector(**options).fit(_correlated(50))


@pytest.mark.parametrize("rows", [2, 3, 7, 60])
@pytest.mark.parametrize("method", METHODS)
def test_tiny_tables_are_scored(rows: int, method: str) -> None:
    assert np.isfinite(_fitted(_correlated(rows), method=method).training_scores_).all()


@pytest.mark.parametrize("method", METHODS)
def test_saved_and_loaded_it_gives_the_same_answers(method: str, tmp_path: Path) -> None:
    x = pd.DataFrame(_correlated(200), columns=["speed", "<b>depth"])
    detector = _fitted(x, method=method, contamination=0.1)
    detector.save(str(tmp_path / "model"))
    held = io.BytesIO()
    detector.save(held)
    held.seek(0)
    for copy in (
        ContrastDetector.load(str(tmp_path / "model")),
        ContrastDetector.load(held),
        pickle.loads(pickle.dumps(detector)),
    ):
        assert copy.get_params() == detector.get_params()
        assert list(copy.feature_names_in_) == ["speed", "<b>depth"]
        np.testing.assert_array_equal(copy.predict(x), detector.predict(x))
        np.testing.assert_array_equal(copy.score_samples(x + 0.01), detector.score_samples(x + 0.01))
        with pytest.raises(ValueError, match="feature names"):
            copy.predict(x.rename(columns={"speed": "sog"}))


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    detector = _fitted(_correlated(100))
    saved = io.BytesIO()
    detector.save(saved)
    arrays = dict(np.load(io.BytesIO(saved.getvalue())))

    def stored(**changes: object) -> io.BytesIO:
        file = io.BytesIO()
        np.savez(file, **{name: value for name, value in (arrays | changes).items() if value is not None})
        return io.BytesIO(file.getvalue())

    object_array = io.BytesIO()
    np.savez(object_array, what=np.array([print], object), allow_pickle=True)
    object_array.seek(0)
    files = {
        "cannot be read": [
            io.BytesIO(b"not a zip"), io.BytesIO(saved.getvalue()[:-100]), io.BytesIO(), object_array,
            str(tmp_path / "nothing"), str(tmp_path),
        ],
        "something else": [stored(what="Kettle"), stored(what=None)],
        "format 99": [stored(format=99)],
        "do not fit": [stored(parameters="{"), stored(keys=None), stored(**{"model/near/rate": None})],
    }  # fmt: skip
    for said, cases in files.items():
        for file in cases:
            with pytest.raises(DataError, match=said) as caught:
                ContrastDetector.load(file)
            assert caught.value.faults[0].code == "outliers.not-a-detector"
