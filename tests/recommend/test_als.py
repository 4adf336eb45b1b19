"""Alternating least squares: against normal equations in double precision, one solver against another."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from potomac.errors import StudyError
from potomac.recommend.factorisation.als import ALS
from potomac.recommend.factorisation.alternation import Side, Weights, gram_of, loss
from potomac.recommend.factorisation.half_steps import diagonal
from potomac.recommend.factorisation.tiles import add_products, factored, multiplied, room, solved
from potomac.recommend.matrix.interactions import Histories, Interactions

from .manners import manners, small_world

FIVE = [("exact", 5), ("cg", 5), ("ials++", 5), ("exact", 20), ("cg", 20), ("ials++", 20)]


def known_of(values: npt.ArrayLike) -> Interactions:
    """Interactions of a dense matrix in which NaN is nothing."""
    dense = np.asarray(values, float)
    user, item = np.nonzero(~np.isnan(dense))
    return Interactions.of({"user": user, "item": item, "value": dense[user, item]})


def dense_of(known: Interactions) -> npt.NDArray[np.float64]:
    """Strengths with 0 where there is no entry."""
    out = np.zeros((known.n_users, known.n_items))
    out[np.repeat(np.arange(known.n_users), np.diff(known.indptr)), known.indices] = known.values
    return out


def drawn(users: int, items: int, seed: int = 1, low: int = 1, high: int = 6) -> Interactions:
    rng = np.random.default_rng(seed)
    values = rng.integers(low, high, (users, items)).astype(float)
    values[rng.random((users, items)) > 0.3] = np.nan
    values[:, 0] = 1.0
    values[0] = 1.0
    return known_of(values)


def dense_loss(model: ALS, known: Interactions) -> float:
    """The loss as its definition has it, pair by pair."""
    r, X, Y = dense_of(known), model.user_factors_.astype(float), model.item_factors_.astype(float)
    c = 1 + model.alpha * np.abs(r)
    squares = (c * ((r > 0) - X @ Y.T) ** 2).sum()
    penalties = [
        model.regularization * (c.sum(axis) ** model.power * (Z**2).sum(axis=1)).sum() for axis, Z in ((1, X), (0, Y))
    ]
    return float(squares + sum(penalties))


def best_row(model: ALS, r: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(Y'CY + lambda_u I)^-1 Y'Cp: Hu, Koren and Volinsky 2008, equation 4."""
    Y, c = model.item_factors_.astype(float), 1 + model.alpha * np.abs(r)
    A = (Y.T * c) @ Y + model.regularization * c.sum() ** model.power * np.eye(model.factors)
    return np.asarray(np.linalg.solve(A, (Y.T * c) @ (r > 0)))


# -------------------------------------------------------------------------------------- small dense algebra


@pytest.mark.parametrize("f", [16, 48, 64])
def test_products_factor_and_solution_are_numpy_s(f: int) -> None:
    rng = np.random.default_rng(f)
    B, b = rng.normal(size=(37, f)).astype(np.float32), rng.normal(size=f).astype(np.float32)
    A, start, x, inverse = room(f, f), np.eye(f, dtype=np.float32), np.empty(f, np.float32), np.empty(f, np.float32)
    add_products(A, start, B, 37, 0, f)
    expected = np.eye(f) + B.T.astype(float) @ B
    np.testing.assert_allclose(np.triu(A), np.triu(expected), rtol=1e-5, atol=1e-4)
    factored(A, inverse, 0, f)
    np.testing.assert_allclose(np.triu(A), np.linalg.cholesky(expected).T, rtol=1e-4, atol=1e-4)
    solved(A, inverse, b.copy(), x, 0, f)
    np.testing.assert_allclose(x, np.linalg.solve(expected, b), rtol=1e-4, atol=1e-5)


def test_rows_are_turned_in_place() -> None:
    rng = np.random.default_rng(3)
    X, Q = rng.normal(size=(29, 32)).astype(np.float32), rng.normal(size=(32, 32)).astype(np.float32)
    expected = X.copy()
    expected[3:27] = X[3:27] @ Q
    multiplied(X, Q, 3, 27)
    np.testing.assert_allclose(X, expected, rtol=1e-4, atol=1e-4)


def test_rotations_find_the_eigenvalues() -> None:
    rng = np.random.default_rng(4)
    B = rng.normal(size=(50, 24)) * np.logspace(0, -3, 24)
    S = B.T @ B
    found, Q = diagonal(S, 30)
    np.testing.assert_allclose(np.sort(np.diagonal(found)), np.linalg.eigvalsh(S), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(Q.T @ Q, np.eye(24), atol=1e-12)
    np.testing.assert_allclose(Q.T @ S @ Q, found, atol=1e-8)


def test_gram_matrix_has_ones_for_empty_columns() -> None:
    Y = np.zeros((300, 16), np.float32)
    Y[:, :5] = np.random.default_rng(5).normal(size=(300, 5))
    expected = Y.T.astype(float) @ Y
    expected[range(5, 16), range(5, 16)] = 1
    np.testing.assert_allclose(gram_of(Y, 5), expected, rtol=1e-5, atol=1e-4)


# -------------------------------------------------------------------------------------- the loss and its minimum


@pytest.mark.parametrize(("solver", "factors"), FIVE)
@pytest.mark.parametrize("power", [0.0, 1.0])
def test_loss_is_its_definition_and_never_rises(solver: str, factors: int, power: float) -> None:
    known = drawn(70, 50)
    model = ALS(factors, solver=solver, power=power, regularization=0.05, tolerance=0.0, block=16, iterations=12).fit(
        known
    )
    assert (np.diff(model.losses_) <= 1e-4 * model.losses_[0]).all()
    exact = dense_loss(model, known)
    assert exact <= model.losses_[-1] * (1 + 1e-5)  # users are solved exactly after the last iteration
    if solver == "exact":
        assert model.losses_[-1] == pytest.approx(exact, rel=1e-5)
    weights = Weights(model.alpha, 0.05, power, "linear")
    side = Side(known.indptr, known.indices, weights.strengths(known.values), known.n_items)
    assert loss(side, model.user_factors_, model.item_factors_, weights) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(("solver", "factors"), FIVE)
def test_users_are_the_solution_of_their_equations(solver: str, factors: int) -> None:
    """In both ways of having strengths: of all entries, one for all; with rows longer than a buffer."""
    for known in (drawn(70, 50), drawn(40, 700), drawn(40, 700, low=1, high=2)):
        model = ALS(factors, solver=solver, iterations=2, regularization=0.1, power=0.0).fit(known)
        r = dense_of(known)
        for u in (0, 7, 33):
            np.testing.assert_allclose(model.user_factors_[u], best_row(model, r[u]), rtol=5e-3, atol=2e-4)


def test_items_are_the_solution_of_theirs() -> None:
    """With one more exact half-step of items nothing moves when all has converged."""
    known = drawn(30, 25, seed=8)
    model = ALS(4, solver="exact", iterations=400, tolerance=0.0, regularization=1.0, power=0.0).fit(known)
    r, X = dense_of(known).T, model.user_factors_.astype(float)
    for i in (0, 3, 20):
        c = 1 + model.alpha * r[i]
        expected = np.linalg.solve((X.T * c) @ X + np.eye(4), (X.T * c) @ (r[i] > 0))
        np.testing.assert_allclose(model.item_factors_[i], expected, rtol=0.02, atol=2e-3)


def test_solvers_agree_where_they_end() -> None:
    known = drawn(60, 45, seed=2)
    ends = []
    for solver in ("exact", "cg", "ials++"):
        model = ALS(20, solver=solver, block=16, iterations=300, tolerance=0.0, regularization=2.0, power=0.0)
        ends.append(dense_loss(model.fit(known), known))
    np.testing.assert_allclose(ends, ends[0], rtol=2e-3)


def test_rank_one_without_noise_is_found() -> None:
    """Everybody has everything: with lambda small, x_u y_i is 1 everywhere."""
    model = ALS(1, regularization=1e-4, power=0.0, iterations=50, solver="exact").fit(known_of(np.ones((20, 30))))
    scores = model.scores(model.interactions_.histories(np.arange(20)))
    np.testing.assert_allclose(scores, 1.0, atol=1e-3)


def test_what_was_not_wanted_is_pulled_to_zero() -> None:
    """A strength below 0 is confidence in 0, more than no entry is."""
    values = np.full((12, 8), np.nan)
    values[:, :6] = 1.0
    values[0, 5] = -20.0
    known = known_of(values)
    model = ALS(2, regularization=0.1, power=0.0, solver="exact").fit(known)
    r = dense_of(known)[0]
    np.testing.assert_allclose(model.user_factors_[0], best_row(model, r), rtol=1e-3, atol=1e-5)
    assert model.scores(known.histories([0]))[0, 5] < model.scores(known.histories([1]))[0, 5]


@pytest.mark.parametrize(("confidence", "strength"), [("binary", 1.0), ("log", np.log1p(4.0)), ("linear", 4.0)])
def test_confidence_says_what_a_value_counts(confidence: str, strength: float) -> None:
    fours = known_of(np.where(np.isnan(dense := dense_with_gaps()), np.nan, 4.0))
    units = replace(fours, values=np.full(fours.nnz, strength, np.float32))
    one = ALS(4, confidence=confidence, iterations=3).fit(fours)
    other = ALS(4, iterations=3).fit(units)
    np.testing.assert_allclose(one.user_factors_, other.user_factors_, rtol=1e-4, atol=1e-6)
    assert dense.shape == (20, 15)


def dense_with_gaps() -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(9)
    return np.where(rng.random((20, 15)) < 0.5, 1.0, np.nan)


# -------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("manner", manners(), ids=str)
@pytest.mark.parametrize("solver", ["cg", "exact", "ials++"])
def test_manners(manner, solver: str) -> None:
    manner(lambda: ALS(8, solver=solver, iterations=4))


@pytest.mark.parametrize("manner", manners(), ids=str)
def test_manners_with_recency(manner) -> None:
    manner(lambda: ALS(8, iterations=4, recency=5.0))


def test_fold_in_is_what_was_stored_to_the_last_bit() -> None:
    known = drawn(200, 80, seed=5)
    model = ALS(24, iterations=3).fit(known)
    histories = known.histories(np.arange(200))
    np.testing.assert_array_equal(model._folded(histories), model.user_factors_)
    one = replace(known.histories([11]), rows=np.array([-1]))
    np.testing.assert_array_equal(model._factors_of(one)[0], model.user_factors_[11])


def test_contributions_are_those_of_the_history() -> None:
    """Without an entry in b, but with A as it is, the score lacks just the entry's part."""
    known = drawn(60, 40, seed=6)
    model = ALS(6, iterations=5, regularization=0.2, power=0.0).fit(known)
    history, item = known.histories([9]), 17
    parts = model._parts(history, item)
    assert parts.sum() == pytest.approx(float(model.scores(history)[0, item]), rel=1e-3)
    r, Y = dense_of(known)[9], model.item_factors_.astype(float)
    c = 1 + 4 * r
    A = (Y.T * c) @ Y + 0.2 * np.eye(6)
    j = history.indices[3]
    assert parts[3] == pytest.approx(float(Y[item] @ np.linalg.solve(A, c[j] * Y[j])), rel=1e-3, abs=1e-6)


def test_recency_lets_the_last_entries_speak() -> None:
    """Solved with strengths 0.5 ** (later entries / half-life)."""
    interactions, _ = small_world()
    model = ALS(8, iterations=4, recency=2.0, confidence="binary").fit(interactions)
    history = interactions.histories([5])
    later = len(history.times) - 1 - np.argsort(np.argsort(history.times))
    r = np.zeros(interactions.n_items)
    r[history.indices] = 0.5 ** (later / 2.0)
    np.testing.assert_allclose(model._factors_of(history)[0], best_row(model, r), rtol=5e-3, atol=1e-4)


@pytest.mark.parametrize("solver", ["cg", "exact", "ials++"])
def test_one_thread_or_two_give_the_same_bits(solver: str) -> None:
    known = drawn(900, 300, seed=7)  # parts enough for both threads
    most, found = numba.get_num_threads(), []
    for threads in (1, most):
        numba.set_num_threads(threads)
        try:
            model = ALS(20, solver=solver, iterations=3).fit(known)
        finally:
            numba.set_num_threads(most)
        found.append((model.user_factors_.tobytes(), model.item_factors_.tobytes(), model.losses_.tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("solver", ["cg", "exact", "ials++"])
def test_strengths_that_differ_a_millionfold_leave_numbers_that_fit(solver: str) -> None:
    """Single precision cannot solve such equations to the last: what weighs most must fit, and nothing runs away."""
    rng = np.random.default_rng(10)
    values = np.where(rng.random((60, 45)) < 0.4, np.exp(rng.uniform(0, np.log(1e6), (60, 45))), np.nan)
    values[:, 0] = values[0] = 1.0
    known = known_of(values)
    model = ALS(32, alpha=40.0, regularization=0.01, power=0.0, solver=solver, iterations=10, tolerance=0.0).fit(known)
    assert np.isfinite(model.losses_).all()
    assert model.losses_[-1] < model.losses_[0]
    r = dense_of(known)
    for u in (9, 41):
        heavy = r[u] > 0.01 * r[u].max()
        fits = model.item_factors_[heavy].astype(float) @ model.user_factors_[u]
        np.testing.assert_allclose(fits, 1.0, atol=0.1)


def test_it_stops_where_the_loss_hardly_falls() -> None:
    known = drawn(60, 40)
    model = ALS(4, iterations=200, tolerance=1e-3).fit(known)
    falls = -np.diff(model.losses_) / model.losses_[:-1]
    assert model.converged_
    assert len(model.losses_) < 200
    assert (falls[:-1] >= 1e-3).all()
    assert falls[-1] < 1e-3
    assert not ALS(4, iterations=2, tolerance=0.0).fit(known).converged_


def test_items_without_anybody_are_not_scored() -> None:
    known = drawn(20, 10).with_items(pa.array([777]))
    model = ALS(3, iterations=2).fit(known)
    assert (model.scores(known.histories([0, 1]))[:, -1] == -np.inf).all()
    assert (model._column(10) == -np.inf).all()
    assert (model._alike(np.array([2]))[0, 10]) == -np.inf
    assert np.isfinite(model.scores(Histories.of_basket([10]))[0, :10]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"factors": 0}, {"alpha": 0.0}, {"regularization": 0.0}, {"solver": "lsqr"}, {"confidence": "cubic"},
        {"iterations": 0}, {"recency": 0.0}, {"tolerance": -1.0}, {"power": 3.0}, {"steps": 0}, {"block": 0},
    ],
)  # fmt: skip
def test_parameters_out_of_bounds_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(StudyError) as caught:
        ALS(**wrong).fit(drawn(5, 4))
    assert (caught.value.faults[0].code, caught.value.faults[0].key) == ("recommend.parameter", next(iter(wrong)))


def test_better_than_the_popular_where_tastes_differ() -> None:
    """In four groups of people the hidden choice is mostly of their own group."""
    interactions, _ = small_world(users=120, items=60, each=12)
    rng = np.random.default_rng(0)
    hidden = interactions.indptr[:-1] + rng.integers(1, 12, 120)
    rest = interactions.keep(~np.isin(np.arange(interactions.nnz), hidden))
    target = interactions.indices[hidden]
    popular = np.broadcast_to(np.bincount(rest.indices, minlength=60).astype(float), (120, 60)).copy()
    ranks = []
    for scores in (ALS(8, confidence="binary").fit(rest).scores(rest.histories(np.arange(120))).astype(float), popular):
        for u in range(120):
            scores[u, rest.indices[rest.indptr[u] : rest.indptr[u + 1]]] = -np.inf
        ranks.append((scores > scores[np.arange(120), target][:, None]).sum(axis=1).mean())
    assert ranks[0] < 0.8 * ranks[1]


@pytest.mark.parametrize(("users", "items", "each", "factors"), [(300, 150, 12, 16), (900, 1700, 50, 32)])
def test_the_best_guess_goes_by_the_size_of_the_data(users: int, items: int, each: int, factors: int) -> None:
    """Twice as many factors as entries of a row, and of the penalty at which chance has no factor half."""
    rng = np.random.default_rng(0)
    indices = np.sort(rng.permuted(np.tile(np.arange(items, dtype=np.int32), (users, 1)), axis=1)[:, :each], axis=1)
    known = Interactions(
        pa.array(np.arange(users)), pa.array(np.arange(items)), np.arange(users + 1) * each, indices.ravel(),
        np.ones(users * each, np.float32),
    )  # fmt: skip
    space = ALS.space(known)
    assert space["factors"][0] == factors
    assert max(space["factors"]) <= max(8, min(users, items) // 2)
    edge = space["regularization"][0] / 0.5
    of_items = users * each / items
    largest = 5 * (each**0.5 + of_items**0.5)
    assert edge**2 * (items + 4 * each) * (users + 4 * of_items) == pytest.approx(largest**2, rel=0.02)


def test_beyond_the_edge_of_noise_chance_has_no_factor_but_popularity() -> None:
    rng = np.random.default_rng(1)
    indices = np.sort(rng.permuted(np.tile(np.arange(200, dtype=np.int32), (400, 1)), axis=1)[:, :20], axis=1)
    known = Interactions(
        pa.array(np.arange(400)), pa.array(np.arange(200)), np.arange(401) * 20, indices.ravel(),
        np.ones(8000, np.float32),
    )  # fmt: skip
    edge = ALS.space(known)["regularization"][0] / 0.5

    def factors(share: float) -> int:
        model = ALS(16, regularization=share * edge, iterations=60, tolerance=0, solver="exact").fit(known)
        sizes = np.linalg.svd(model.user_factors_ @ model.item_factors_.T, compute_uv=False)
        return int((sizes > 0.01 * sizes[0]).sum())

    assert factors(1.3) <= 1
    assert factors(0.4) == 16
