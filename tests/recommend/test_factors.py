"""Factors: the posterior against dense formulas, ratings of a known world, RMSE by hand, refusals, and the manners."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from potomac.errors import DataError, StudyError
from potomac.recommend import Factors, Interactions
from potomac.recommend.factorisation.factorise import drawn, solved
from potomac.recommend.matrix import threads

from .manners import Manner, manners, small_world

Doubles = npt.NDArray[np.float64]


@pytest.mark.parametrize("manner", manners(tolerance=1e-3), ids=str)
def test_manners(manner: Manner) -> None:
    manner(lambda: Factors(3, iterations=6))


def ratings(seed: int, noise: float, users: int = 400, items: int = 120, each: int = 40) -> dict[str, Any]:
    """Ratings 3 + b_u + b_i + p_u . q_i with two factors, of standard deviation sqrt(.16 + .16 + .5), plus noise."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), each)
    item = np.concatenate([rng.choice(items, each, replace=False) for _ in range(users)])
    b_u, b_i = rng.normal(0, 0.4, users), rng.normal(0, 0.4, items)
    p, q = rng.normal(0, 0.5**0.5, (users, 2)), rng.normal(0, 0.5**0.5, (items, 2))
    value = 3 + b_u[user] + b_i[item] + (p[user] * q[item]).sum(1) + noise * rng.normal(size=len(user))
    return {"user": user, "item": item, "value": value}


def split(table: dict[str, Any], share: float = 0.2) -> tuple[Interactions, Interactions]:
    known = Interactions.of(table)
    held = np.random.default_rng(9).random(known.nnz) < share
    return known.keep(~held), known.keep(held)


def test_posterior_of_a_row_is_the_dense_formula() -> None:
    # S = (diag(1 / prior) + sum E[z z^T] / noise)^-1, m = S (sum y z - Cov(b, z)) / noise, y less the bias
    known, f, noise = small_world()[0], 4, 0.7
    prior = np.array([0.3, 0.2, 0.1, 0.4])
    starts, people, values = known.by_item
    items, _, _ = solved(starts, people, values - 3, drawn(known.n_users, f, 0.5, 0), prior, noise)
    users, square, off = solved(known.indptr, known.indices, known.values - 3, items, prior, noise)
    squares, total = np.zeros((known.n_users, f)), 0.0
    for row in range(known.n_users):
        span = slice(known.indptr[row], known.indptr[row + 1])
        at, precision, right, constant, moments = known.indices[span], np.diag(1 / prior), np.zeros(f), 0.0, 0.0
        for i, r in zip(at, known.values[span].astype(float) - 3, strict=True):
            both = np.zeros((f, f))
            both[np.tril_indices(f)] = items.moments[i]
            both += np.tril(both, -1).T
            z = np.append(1, items.mean[i, 1:])
            y = r - items.mean[i, 0]
            precision = precision + both / noise
            right += y * z - items.spread[i, 1:]
            constant += y * y + items.spread[i, 0]
            moments = moments + both
        s = np.linalg.inv(precision)
        m = s @ right / noise
        np.testing.assert_allclose(users.mean[row], m, atol=2e-5)
        np.testing.assert_allclose(users.spread[row], [s[0, 0], 0, *s[0, 1:]], atol=1e-5)
        squares[row] = m**2 + np.diag(s)
        total += constant - 2 * m @ right + ((np.outer(m, m) + s) * moments).sum()
    np.testing.assert_allclose(square, squares.mean(0), rtol=1e-4)
    assert off == pytest.approx(total, rel=1e-4)


def test_moments_are_those_of_one_and_the_factors() -> None:
    known, f = small_world()[0], 3
    side, _, _ = solved(
        known.indptr, known.indices, known.values - 3, drawn(known.n_items, f, 0.5, 1), np.full(f, 0.5), 1.0
    )
    both = np.zeros((known.n_users, f, f))
    a, b = np.tril_indices(f)
    both[:, a, b] = side.moments
    assert (both[:, 0, 0] == 1).all()
    np.testing.assert_array_equal(both[:, 1:, 0], side.mean[:, 1:])
    spread = both[:, 1:, 1:] - np.tril(side.mean[:, 1:, None] * side.mean[:, None, 1:])
    assert (np.einsum("rii->ri", spread) > 0).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_ratings_of_a_known_world_are_found_but_for_their_noise(seed: int) -> None:
    # noise .4 is what no model can know; the mean alone is off by sqrt(.16 + .16 + .5 + .16) = .99
    train, test = split(ratings(seed, 0.4))
    model = Factors(8).fit(train)
    assert model.rmse(test) < 0.4 * 1.25
    assert model.noise_ == pytest.approx(0.16, rel=0.25)


def test_where_there_is_nothing_but_noise_the_mean_is_predicted() -> None:
    rng = np.random.default_rng(0)
    table = {**ratings(0, 0.0), "value": rng.normal(3, 1, 400 * 40)}
    train, test = split(table)
    alone = float(np.sqrt(np.mean((test.values - train.values.mean()) ** 2)))
    assert Factors(8).fit(train).rmse(test) < alone * 1.01


def test_biases_alone_by_hand() -> None:
    # one item of each user: with factors that are nothing, b_u is the ridge mean prior / (prior + noise) times the rest
    known = Interactions.of({"user": [1, 2], "item": ["a", "a"], "value": [5.0, 1.0]})
    model = Factors(1, iterations=1).fit(known)
    model.prior_, model.noise_ = np.array([1.0, 1e-12]), 1.0
    model.item_mean_[:], model.item_spread_[:], model.item_moments_[:] = 0, 0, [[1, 0, 0]]
    assert model.predict([1, 2], ["a", "a"]).tolist() == pytest.approx([3 + 2 / 2, 3 - 2 / 2])


def test_rmse_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Factors(1).fit(Interactions.of({"user": [1, 1, 2], "item": [1, 2, 1], "value": [1.0, 2.0, 5.0]}))
    monkeypatch.setattr(Factors, "predict", lambda self, users, items: np.array([4.0, 2.0, 3.0], np.float32))
    held = {"user": [1, 2, 2], "item": [1, 1, 2], "value": [3.0, 2.0, 5.0]}  # off by 1, 0 and 2
    assert model.rmse(held) == pytest.approx((5 / 3) ** 0.5)


def test_predictions_stay_within_the_scale() -> None:
    train, test = split(ratings(3, 0.4))
    model = Factors().fit(train)
    users = test.users.take(np.repeat(np.arange(test.n_users), test.of_users))
    found = model.predict(users, test.items.take(test.indices))
    assert found.min() >= train.values.min()
    assert found.max() <= train.values.max()


def test_the_score_of_an_item_is_its_predicted_rating() -> None:
    train, _ = split(ratings(3, 0.4))
    model = Factors().fit(train)
    scores = model.scores(train.histories([7]))[0]
    predicted = model.predict([train.users[7].as_py()] * train.n_items, train.items)
    np.testing.assert_allclose(scores.clip(*model.scale_), predicted, rtol=1e-5)


def test_somebody_unknown_is_predicted_the_mean_of_an_item() -> None:
    train, _ = split(ratings(3, 0.4))
    model = Factors().fit(train)
    expected = (model.mean_ + model.item_mean_[[5], 0]).clip(*model.scale_)
    assert model.predict([123456], [train.items[5].as_py()]) == pytest.approx(expected, abs=1e-6)
    assert model.predict([123456], [987654]) == pytest.approx(model.mean_)


def test_what_came_later_counts() -> None:
    train, _ = split(ratings(3, 0.4))
    model = Factors().fit(train)
    best = float(model.predict([0], [3])[0])
    angry = model.with_interactions({"user": [0] * 3, "item": [10, 11, 12], "value": [train.values.min()] * 3})
    assert float(angry.predict([0], [3])[0]) < best


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "SMALL", 0)
    known = Interactions.of(ratings(1, 0.4, users=90))
    most, found = numba.get_num_threads(), []
    for many in (1, most):
        numba.set_num_threads(many)
        try:
            found.append(Factors(5, iterations=4).fit(known).item_moments_)
        finally:
            numba.set_num_threads(most)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ({"user": [1, 2], "item": [1, 1]}, "no values"),
        ({"user": [1, 2, 3], "item": [1, 1, 2], "value": [4, 4, 4]}, "all 3 ratings are 4"),
    ],
)
def test_without_ratings_that_differ_there_is_nothing_to_learn(table: dict[str, Any], found: str) -> None:
    with pytest.raises(DataError) as caught:
        Factors().fit(table)
    assert caught.value.faults[0].code == "recommend.ratings"
    assert found in caught.value.faults[0].found


def test_held_out_ratings_need_values() -> None:
    model = Factors().fit({"user": [1, 2, 3], "item": [1, 1, 2], "value": [4, 3, 4]})
    with pytest.raises(DataError) as caught:
        model.rmse({"user": [1], "item": [1]})
    assert caught.value.faults[0].code == "recommend.ratings"


def test_pairs_have_a_user_for_each_item() -> None:
    model = Factors().fit({"user": [1, 2, 3], "item": [1, 1, 2], "value": [4, 3, 4]})
    with pytest.raises(DataError) as caught:
        model.predict([1, 2], [1])
    assert caught.value.faults[0].code == "recommend.pairs"


@pytest.mark.parametrize(
    ("settings", "key"),
    [({"factors": 0}, "factors"), ({"iterations": 0}, "iterations"), ({"tolerance": 1}, "tolerance")],
)
def test_parameters_out_of_bounds(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(StudyError) as caught:
        Factors(**settings).fit(small_world()[0])
    assert [(fault.code, fault.key) for fault in caught.value.faults] == [("recommend.parameter", key)]
