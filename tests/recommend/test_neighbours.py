"""Item-KNN: every metric against its formula on dense arrays, and the manners."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from potomac.errors import StudyError
from potomac.recommend import Histories, Interactions, ItemKNN
from potomac.recommend.matrix import threads
from potomac.recommend.regression.likeness import METRICS

from .manners import Manner, manners, small_world

Doubles = npt.NDArray[np.float64]


@pytest.mark.parametrize("manner", manners(), ids=str)
@pytest.mark.parametrize(
    "settings", [{"k": 9}, {"metric": "cosine", "k": 50, "recency": 3.0, "user_power": 0.5, "half_life": 9.0}]
)
def test_manners(manner: Manner, settings: dict[str, Any]) -> None:
    manner(lambda: ItemKNN(**settings))


@pytest.fixture(scope="module")
def rated() -> Interactions:
    return small_world()[0]


def dense(known: Interactions) -> Doubles:
    """X, shape (m, n)."""
    x = np.zeros((known.n_users, known.n_items))
    x[np.repeat(np.arange(known.n_users), known.of_users), known.indices] = known.values
    return x


def likeness(metric: str, x: Doubles, shrinkage: float) -> Doubles:
    """Row j, column i: how much j speaks for i, by the formulas in the docstring; 0 where nobody had both."""
    n, of_users, items = x.sum(0), (x > 0).sum(1), x.shape[1]
    w = np.ones(len(x))
    if metric == "tfidf":
        w = np.log(1 + items / of_users) ** 2
    elif metric == "rp3beta":
        w = 1 / of_users
    elif metric == "bm25":  # Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75; an item is a document, users its terms
        idf = np.log(1 + (items - of_users + 0.5) / (of_users + 0.5))
        x = idf[:, None] * x * 2.2 / (1.2 * (0.25 + 0.75 * n / n[n > 0].mean()) + x)
    c = (x * w[:, None]).T @ x
    with np.errstate(divide="ignore", invalid="ignore"):
        below = {
            "cosine": np.sqrt(np.outer(np.diag(c), np.diag(c))) + shrinkage,
            "tfidf": np.sqrt(np.outer(np.diag(c), np.diag(c))) + shrinkage,
            "bm25": 1.0,
            "jaccard": n[:, None] + n - c + shrinkage,
            "conditional": np.outer(n, np.sqrt(n)) + shrinkage,
            "rp3beta": np.outer(n, np.sqrt(n)),
        }[metric]
        alike = np.where(c > 0, c / below, 0.0)
    np.fill_diagonal(alike, 0)
    return alike


def matrix(model: ItemKNN, n: int) -> Doubles:
    """All neighbours, row by the item that was had."""
    out = np.zeros((n, n))
    out[np.repeat(np.arange(n), np.diff(model.indptr_)), model.neighbours_] = model.likeness_
    return out


@pytest.mark.parametrize("values", ["ones", "ratings"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shrinkage", [0.0, 4.0])
def test_likeness_is_its_formula(rated: Interactions, metric: Any, values: str, shrinkage: float) -> None:
    known = rated.binary() if values == "ones" else rated
    model = ItemKNN(metric, known.n_items, shrinkage=shrinkage).fit(known)
    expected = likeness(metric, dense(known), shrinkage)
    np.testing.assert_allclose(matrix(model, known.n_items), expected, rtol=2e-5, atol=1e-7)


def test_three_users_by_hand() -> None:
    # a: users 1, 2; b: users 1, 2, 3; c: user 3. cos(a, b) = 2 / sqrt(2 * 3), cos(b, c) = 1 / sqrt(3 * 1)
    known = Interactions.of({"user": [1, 1, 2, 2, 3, 3], "item": ["a", "b", "a", "b", "b", "c"]})
    model = ItemKNN("cosine", 2).fit(known)
    ab, bc = 2 / 6**0.5, 1 / 3**0.5
    np.testing.assert_allclose(matrix(model, 3), [[0, ab, 0], [ab, 0, bc], [0, bc, 0]], rtol=1e-6)
    np.testing.assert_allclose(model.scores(Histories.of_basket([0, 2], [1, 3])), [[0, ab + 3 * bc, 0]], rtol=1e-6)


@pytest.mark.parametrize("k", [1, 5])
def test_only_the_nearest_are_kept(rated: Interactions, k: int) -> None:
    known = rated.binary()
    full = matrix(ItemKNN("cosine", known.n_items).fit(known), known.n_items)
    order = np.argsort(-full, axis=1, kind="stable")[:, :k]  # of equals the smaller number
    expected = np.zeros_like(full)
    np.put_along_axis(expected, order, np.take_along_axis(full, order, 1), 1)
    model = ItemKNN("cosine", k).fit(known)
    np.testing.assert_array_equal(matrix(model, known.n_items), expected)
    for i in range(known.n_items):
        assert (np.diff(model.likeness_[model.indptr_[i] : model.indptr_[i + 1]]) <= 0).all()


def test_scores_are_sums_over_what_was_had(rated: Interactions) -> None:
    model = ItemKNN(k=7).fit(rated)
    rows = np.arange(10)
    expected = dense(rated)[rows] @ matrix(model, rated.n_items)
    expected[:, rated.of_items == 0] = -np.inf
    np.testing.assert_allclose(model.scores(rated.histories(rows)), expected, rtol=1e-5)


def test_the_busy_count_less(rated: Interactions) -> None:
    known = rated.binary()
    w = known.of_users**-1.0
    x = np.sqrt(w)[:, None] * dense(known)
    found = matrix(ItemKNN("cosine", 99, user_power=1.0).fit(known), known.n_items)
    np.testing.assert_allclose(found, likeness("cosine", x, 0.0), rtol=2e-5, atol=1e-7)


def test_items_that_few_had_are_met_one_by_one() -> None:
    # 4,000 items, each with far less work than there are items; pairs (0, 1), (2, 3), ... had by the same two users
    pair = np.arange(2000)
    item = np.concatenate([2 * pair, 2 * pair + 1] * 2)
    user = np.concatenate([np.repeat(pair[None], 2, 0).ravel(), np.repeat(pair[None] + 2000, 2, 0).ravel()])
    model = ItemKNN("jaccard", 3).fit(Interactions.of({"user": user, "item": item}))
    assert model.neighbours_.tolist() == (np.arange(4000) ^ 1).tolist()
    assert (model.likeness_ == 1).all()


def test_threads_change_no_bit(rated: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "SMALL", 0)
    most, found = numba.get_num_threads(), []
    for many in (1, most):
        numba.set_num_threads(many)
        try:
            found.append(ItemKNN(k=6).fit(rated))
        finally:
            numba.set_num_threads(most)
    np.testing.assert_array_equal(found[0].neighbours_, found[1].neighbours_)
    np.testing.assert_array_equal(found[0].likeness_, found[1].likeness_)


def test_similar_are_the_neighbours(rated: Interactions) -> None:
    model = ItemKNN("cosine", 4).fit(rated)
    table = model.similar([rated.items[3]], n=10)
    assert table["similar"].to_pylist() == [rated.items[int(i)].as_py() for i in model.neighbours_[12:16]]


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({"metric": "euclid", "k": 0}, ["metric", "k"]),
        ({"shrinkage": -1.0}, ["shrinkage"]),
        ({"k1": 0.0, "b": 2.0}, ["k1", "b"]),
        ({"half_life": 0.0, "recency": 0.0}, ["half_life", "recency"]),
    ],
)
def test_parameters_out_of_bounds(rated: Interactions, settings: dict[str, Any], keys: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        ItemKNN(**settings).fit(rated)
    assert [(fault.code, fault.key) for fault in caught.value.faults] == [("recommend.parameter", key) for key in keys]


def test_space_names_parameters(rated: Interactions) -> None:
    space = ItemKNN.space(rated)
    assert set(space) <= set(vars(ItemKNN()))
    assert set(space["metric"]) <= set(METRICS)
