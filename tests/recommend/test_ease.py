"""EASE: the constrained least squares that it says it solves, the published closed form, and the manners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from potomac.errors import NoAnswer, StudyError
from potomac.recommend import EASE, Histories, Interactions

from .manners import Manner, manners, small_world

Doubles = npt.NDArray[np.float64]


@pytest.mark.parametrize("manner", manners(), ids=str)
@pytest.mark.parametrize("settings", [{}, {"recency": 3.0, "item_power": 0.3, "user_power": 0.5, "half_life": 9.0}])
def test_manners(manner: Manner, settings: dict[str, float]) -> None:
    manner(lambda: EASE(5.0, **settings))


def dense(known: Interactions) -> Doubles:
    """X, shape (m, n)."""
    x = np.zeros((known.n_users, known.n_items))
    x[np.repeat(np.arange(known.n_users), known.of_users), known.indices] = known.values
    return x


def least_squares(x: Doubles, penalty: Doubles) -> Doubles:
    """min |X - X B|^2 + sum_j penalty_j |B_j.|^2 with B_ii = 0: a ridge regression of each item on the others."""
    n = x.shape[1]
    b = np.zeros((n, n))
    for i in range(n):
        others = np.arange(n) != i
        z = x[:, others]
        b[others, i] = np.linalg.solve(z.T @ z + np.diag(penalty[others]), z.T @ x[:, i])
    return b


@pytest.fixture(scope="module")
def world() -> Interactions:
    return small_world()[0].binary()


def weights(model: EASE, n: int) -> Doubles:
    """B among all items."""
    full = np.zeros((n, n))
    full[np.ix_(model.columns_, model.columns_)] = model.weights_
    return full


def test_weights_are_those_of_a_ridge_regression_on_all_other_items(world: Interactions) -> None:
    expected = least_squares(dense(world), np.full(world.n_items, 7.0))
    np.testing.assert_allclose(weights(EASE(7.0).fit(world), world.n_items), expected, atol=1e-6)


def test_dropout_is_a_penalty_in_proportion_to_how_often_an_item_was_had(world: Interactions) -> None:
    # Steck 2020: Lambda = lambda I + p / (1 - p) diag(X^T X); p = 1/4 makes it 1/3 of an item's count
    expected = least_squares(dense(world), 2.0 + world.of_items / 3)
    np.testing.assert_allclose(weights(EASE(2.0, dropout=0.25).fit(world), world.n_items), expected, atol=1e-6)


def test_an_item_does_not_speak_for_itself(world: Interactions) -> None:
    assert not np.diag(EASE(7.0).fit(world).weights_).any()


def test_two_items_by_hand() -> None:
    # three users: both, both, only b. X^T X = [[2, 2], [2, 3]]; with lambda 1, B_ab = 2 / (2 + 1), B_ba = 2 / (3 + 1)
    known = Interactions.of({"user": [1, 1, 2, 2, 3], "item": ["a", "b", "a", "b", "b"]})
    model = EASE(1.0).fit(known)
    np.testing.assert_allclose(model.weights_, [[0, 2 / 3], [2 / 4, 0]], rtol=1e-6)
    np.testing.assert_allclose(model.scores(Histories.of_basket([0])), [[0, 2 / 3]], rtol=1e-6)


def test_the_busy_count_less(world: Interactions) -> None:
    # of users n ** -power; the sum of squares of all values stays, so that lambda means the same
    x, w = dense(world), world.of_users**-0.5
    w = w * np.square(x).sum() / (w[:, None] * np.square(x)).sum()
    expected = least_squares(np.sqrt(w)[:, None] * x, np.full(world.n_items, 7.0))
    found = weights(EASE(7.0, user_power=0.5).fit(world), world.n_items)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_popular_items_are_held_down_in_fitting_and_in_offers(world: Interactions) -> None:
    had = world.of_items.astype(float)
    scale = np.divide(1, had**0.3, where=had > 0, out=np.zeros_like(had))
    scale *= np.sqrt(had.sum() / (scale**2 * had).sum())
    expected = scale[:, None] * least_squares(dense(world) * scale, np.full(world.n_items, 7.0))
    found = weights(EASE(7.0, item_power=0.3).fit(world), world.n_items)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_is_old_counts_less_in_fitting() -> None:
    # one user, two items; b is of today, a of one half-life ago: values 1/2 and 1, scaled to the sum of squares 2
    known = Interactions.of({"user": [1, 1], "item": ["a", "b"], "time": [0, 86_400]})
    a, b = np.array([0.5, 1.0]) * np.sqrt(2 / 1.25)
    expected = [[0, a * b / (a * a + 1)], [a * b / (b * b + 1), 0]]
    np.testing.assert_allclose(EASE(1.0, half_life=1.0).fit(known).weights_, expected, rtol=1e-6)


def test_what_somebody_did_last_counts_most() -> None:
    known = Interactions.of(
        {"user": [1, 1, 2, 2, 3, 3, 3], "item": [1, 2, 1, 2, 1, 2, 3], "time": [1, 2, 1, 2, 5, 3, 4]}
    )
    model = EASE(1.0, recency=1.0).fit(known)
    counted = np.array([[1.0, 0.25, 0.5]])  # the third user's entries are 0, 2 and 1 before the last
    np.testing.assert_allclose(model.scores(known.histories([2])), counted @ model.weights_, rtol=1e-6)


def test_similar_items_are_those_of_high_partial_correlation(world: Interactions) -> None:
    x, had = dense(world), world.of_items > 0
    p = np.linalg.inv(x.T @ x + 7.0 * np.eye(x.shape[1]))
    expected = -p / np.sqrt(np.outer(np.diag(p), np.diag(p)))
    np.fill_diagonal(expected, 0)
    found = EASE(7.0).fit(world)._alike(np.arange(world.n_items))
    np.testing.assert_allclose(found[np.ix_(had, had)], expected[np.ix_(had, had)], atol=1e-6)


def test_large_catalogues_keep_what_most_people_had(world: Interactions) -> None:
    model = EASE(7.0, max_items=12).fit(world)
    kept = np.sort(np.argsort(-world.of_items, kind="stable")[:12])
    assert model.columns_.tolist() == kept.tolist()
    assert model.note.startswith("only the 12 most frequent of ")
    part = EASE(7.0).fit(world.keep(np.isin(world.indices, kept)))
    np.testing.assert_allclose(model.weights_, part.weights_, atol=1e-6)
    scores = model.scores(world.histories([0, 5]))
    assert np.isfinite(scores).sum(1).tolist() == [12, 12]
    left_out = int(np.setdiff1d(np.flatnonzero(world.of_items), kept)[0])
    assert not model._parts(world.histories([0]), left_out).any()
    assert (model._column(left_out) == -np.inf).all()


def test_nothing_is_noted_where_nothing_is_left_out(world: Interactions) -> None:
    assert EASE(7.0).fit(world).note == ""


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"regularization": 0.0}, "regularization"),
        ({"dropout": 1.0}, "dropout"),
        ({"max_items": 0}, "max_items"),
        ({"half_life": 0.0}, "half_life"),
        ({"recency": -1.0}, "recency"),
    ],
)
def test_parameters_out_of_bounds(world: Interactions, settings: dict[str, float], key: str) -> None:
    with pytest.raises(StudyError) as caught:
        EASE(**settings).fit(world)
    assert [(fault.code, fault.key) for fault in caught.value.faults] == [("recommend.parameter", key)]


def test_a_regularization_that_vanishes_beside_the_counts() -> None:
    # two items that the same people had: X^T X is singular, and 1e-30 is nothing beside 3
    known = Interactions.of({"user": [1, 1, 2, 2, 3, 3], "item": [1, 2] * 3})
    with pytest.raises(NoAnswer) as caught:
        EASE(1e-30).fit(known)
    assert caught.value.faults[0].code == "recommend.singular"


def test_space_begins_with_the_published_size() -> None:
    known = small_world()[0]
    space = EASE.space(known)
    assert set(space) <= set(vars(EASE()))
    assert space["recency"][0] is None
    assert all(value > 0 for value in space["regularization"])
