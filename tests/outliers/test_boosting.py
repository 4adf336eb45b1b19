"""A forest is scikit-learn's model to the last bit that matters, however it is walked, saved or fitted."""

from __future__ import annotations

import io
import pickle

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from potomac.outliers import boosting
from potomac.outliers.boosting import Forest, fit_forest


def _table(seed: int, n: int = 1500, p: int = 4, *, levels: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Rows with NaN, both infinities and ties, and classes that depend on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    x[:, 1] = np.round(x[:, 1])
    real = x[:, 0] * x[:, 1] + 0.5 * rng.normal(size=n) > 0
    if levels:
        x[:, 2] = rng.choice([0, 3, 17, 64, 130, 254], n)
        real ^= np.isin(x[:, 2], [3, 130])
    odd = rng.random((n, p))
    odd[:, 2] = odd[:, 2] if not levels else 0.5
    x[odd < 0.02] = np.inf
    x[odd > 0.98] = -np.inf
    x[rng.random((n, p)) < 0.1] = np.nan
    real ^= np.isnan(x[:, 3]) & (rng.random(n) < 0.7)
    return x, real


def _sklearn(x: np.ndarray, real: np.ndarray, **options: object) -> HistGradientBoostingClassifier:
    """The same model, fitted by its own package (whose bins cannot bear infinities)."""
    x = np.clip(x.astype(float), -1e300, 1e300)
    return HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=31, min_samples_leaf=20, early_stopping=False, random_state=3, **options
    ).fit(x, real)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_forest_is_the_model_it_was_taken_from(dtype: type) -> None:
    x, real = _table(0)
    x = x.astype(dtype)
    forest = fit_forest(x, real, iterations=40, seed=3)
    new = _table(1)[0].astype(dtype)
    np.testing.assert_allclose(forest.log_odds(new), _sklearn(x, real).decision_function(new), rtol=0, atol=1e-9)


def test_missing_goes_right_or_left_as_it_was_learned() -> None:
    # x is missing only in real rows, then only in fake rows: both directions are exercised
    x = np.concatenate([np.full(300, np.nan), np.linspace(0, 1, 300)])[:, None]
    for real in (np.isnan(x[:, 0]), ~np.isnan(x[:, 0])):
        forest = fit_forest(x, real, iterations=20)
        assert np.sign(forest.log_odds([[np.nan]])[0]) == (1 if real[0] else -1)
        assert np.sign(forest.log_odds([[0.5]])[0]) == (-1 if real[0] else 1)


def test_values_at_a_threshold_go_left_as_in_scikit_learn() -> None:
    x, real = _table(2)
    forest, model = fit_forest(x, real, iterations=40, seed=3), _sklearn(x, real)
    asks = ~forest.is_leaf & np.isfinite(forest.threshold)
    probe = np.zeros((int(asks.sum()), x.shape[1]))
    probe[np.arange(len(probe)), forest.feature[asks]] = forest.threshold[asks]
    np.testing.assert_allclose(forest.log_odds(probe), model.decision_function(probe), rtol=0, atol=1e-9)


def test_levels_seen_unseen_missing_and_out_of_range() -> None:
    x, real = _table(4, levels=True)
    forest = fit_forest(x, real, iterations=40, seed=3, categorical=[2])
    model = _sklearn(x, real, categorical_features=[2])
    new = _table(5, levels=True)[0]
    new[:50, 2] = 5  # a level that no row had
    assert forest.levels.size  # the split by level is in use
    np.testing.assert_allclose(forest.log_odds(new), model.decision_function(new), rtol=0, atol=1e-9)
    strange = np.tile(np.where(np.isnan(new[60]), 0.0, new[60]), (5, 1))
    strange[:, 2] = [np.nan, 5, -1, 1e9, np.inf]
    assert np.unique(forest.log_odds(strange)).size == 1  # all of them are missing


@given(n=st.integers(0, 600), seed=st.integers(0, 5))
def test_a_row_scores_alone_as_it_does_among_others(n: int, seed: int) -> None:
    forest = _FORESTS[seed % 2]
    x = _table(seed, n + 1, levels=True)[0]
    together = forest.log_odds(x)
    assert together.shape == (n + 1,)
    np.testing.assert_array_equal(together[-1:], forest.log_odds(x[-1:]))
    np.testing.assert_array_equal(together[::-1], forest.log_odds(x[::-1]))


_FORESTS = [fit_forest(*_table(6, levels=True), iterations=5, categorical=c) for c in (None, [2])]


def test_both_ways_down_the_trees_agree() -> None:
    x, real = _table(7)
    forest = fit_forest(x, real, iterations=30)
    plain = np.full(len(x), forest.baseline[0])
    arrays = forest.to_arrays()
    names = ("feature", "threshold", "missing_left", "left", "value", "category", "levels", "starts")
    boosting._walk_plain(x, *(arrays[name] for name in names), plain)
    np.testing.assert_allclose(forest.log_odds(x), plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_bits_on_one_thread_and_two(weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "_SMALL", 0)  # threads for a table of any size
    x, real = _table(8, 20_000, 6)
    weight = np.random.default_rng(0).exponential(size=len(x)) if weighted else None
    forests = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="openmp"):
            forests.append(fit_forest(x, real, weight=weight, iterations=30, leaves=63, features_per_split=0.5, seed=9))
    for name, array in forests[0].to_arrays().items():
        np.testing.assert_array_equal(array, forests[1].to_arrays()[name], err_msg=name)
    scores, before = [], numba.get_num_threads()
    for threads in {1, before}:
        numba.set_num_threads(threads)
        scores.append(forests[0].log_odds(x))
    numba.set_num_threads(before)
    np.testing.assert_array_equal(scores[0], scores[-1])


def test_the_seed_and_only_the_seed_decides() -> None:
    x, real = _table(9)
    one, same, other = (fit_forest(x, real, iterations=10, features_per_split=0.5, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.log_odds(x), same.log_odds(x))
    assert np.any(one.log_odds(x) != other.log_odds(x))


def test_without_a_split_the_log_odds_are_those_of_the_counts() -> None:
    # no feature says anything: log(30 / 10) for everybody
    forest = fit_forest(np.zeros((40, 2)), np.arange(40) < 30, iterations=5)
    np.testing.assert_allclose(forest.log_odds(np.zeros((3, 2))), np.log(30 / 10), atol=1e-6)


def test_a_weight_of_two_is_the_row_twice() -> None:
    # equal bins for both: few distinct values, so that no quantile is interpolated
    rng = np.random.default_rng(1)
    x = rng.integers(0, 10, (400, 2)).astype(float)
    real = rng.random(400) < x[:, 0] / 10
    twice = np.repeat(np.arange(400), 2)
    weighted = fit_forest(x, real, weight=np.full(400, 2.0), iterations=5, min_leaf=1)
    doubled = fit_forest(x[twice], real[twice], iterations=5, min_leaf=1)
    np.testing.assert_allclose(weighted.log_odds(x), doubled.log_odds(x), atol=1e-5)  # gradients are kept in 32 bits


@pytest.mark.parametrize("categorical", [None, [2]])
def test_saved_without_pickle_and_with_it(categorical: list[int] | None) -> None:
    x, real = _table(10, levels=True)
    forest = fit_forest(x, real, iterations=10, categorical=categorical)
    file = io.BytesIO()
    np.savez(file, **forest.to_arrays())
    file.seek(0)
    back = Forest.from_arrays(np.load(file, allow_pickle=False))
    for copy in (back, pickle.loads(pickle.dumps(forest))):
        np.testing.assert_array_equal(copy.log_odds(x), forest.log_odds(x))


@pytest.mark.parametrize(
    ("name", "index", "value"),
    [("left", 0, 0), ("left", 0, 10_000), ("feature", 0, 99), ("starts", -1, 7), ("category", 0, 0)],
)
def test_arrays_that_are_no_forest_are_refused(name: str, index: int, value: int) -> None:
    x, real = _table(11)
    arrays = {key: array.copy() for key, array in fit_forest(x, real, iterations=3).to_arrays().items()}
    arrays[name][index] = value
    if (name, value) == ("left", 0):
        arrays["left"][1] = 0  # a ring
    with pytest.raises(ValueError, match="not a forest"):
        Forest.from_arrays(arrays)
    del arrays[name]
    with pytest.raises(ValueError, match=f"no array '{name}'"):
        Forest.from_arrays(arrays)


def test_wrong_shapes_and_classes_are_said() -> None:
    x, real = _table(12)
    with pytest.raises(ValueError, match="first dimension"):
        fit_forest(x, real[:-1])
    with pytest.raises(ValueError, match="1500 real and 0 fake"):
        fit_forest(x, np.ones(len(x)))
    with pytest.raises(ValueError, match="column 0 is categorical"):
        fit_forest(x, real, categorical=[0])
    forest = fit_forest(x, real, iterations=2)
    with pytest.raises(ValueError, match="fitted with 4 columns"):
        forest.log_odds(x[:, :3])


def test_early_stopping_keeps_fewer_trees_where_there_is_nothing_to_learn() -> None:
    rng = np.random.default_rng(13)
    noise, coin = rng.normal(size=(2000, 3)), rng.random(2000) < 0.5
    assert fit_forest(noise, coin, iterations=200, early_stopping=True).trees < 50


def test_a_column_without_any_value_tells_nothing() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    real = x[:, 0] + rng.normal(size=400) > 0
    blank = np.column_stack([x, np.full(400, np.nan), np.full(400, np.nan)])
    forest = fit_forest(blank, real, iterations=5, categorical=[3])
    np.testing.assert_array_equal(forest.log_odds(blank), fit_forest(x, real, iterations=5).log_odds(x))
    filled = np.column_stack([x, rng.normal(size=400), np.zeros(400)])
    np.testing.assert_array_equal(forest.log_odds(filled), forest.log_odds(blank))
