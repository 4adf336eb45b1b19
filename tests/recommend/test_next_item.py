"""The next item: the regression that it says it solves, order where there is one, and the manners."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from tests.recommend.manners import Manner, manners, small_world

from potomac.errors import StudyError
from potomac.recommend import EASE, Histories, Interactions, NextItem
from potomac.recommend.regression.succession import succession
from potomac.recommend.testing.evaluation import evaluate

Doubles = npt.NDArray[np.float64]
DAY = 86_400_000_000


@pytest.mark.parametrize("manner", manners(), ids=str)
@pytest.mark.parametrize("settings", [{}, {"recency": 2.0, "half_life": 3.0, "max_items": 30}])
def test_manners(manner: Manner, settings: dict[str, float]) -> None:
    manner(lambda: NextItem(5.0, **settings))  # type: ignore[arg-type]


def before_and_then(known: Interactions, recency: float) -> tuple[Doubles, Doubles]:
    """Z and Y, a row for each entry: what the person had at earlier times, newest first, and the entry."""
    z, y = np.zeros((known.nnz, known.n_items)), np.zeros((known.nnz, known.n_items))
    assert known.times is not None
    for user in range(known.n_users):
        own = np.arange(known.indptr[user], known.indptr[user + 1])
        for t in own:
            y[t, known.indices[t]] = known.values[t]
            past = [p for p in own if known.times[p] < known.times[t]]
            for p in past:
                between = sum(known.times[q] > known.times[p] for q in past)
                z[t, known.indices[p]] = known.values[p] * 0.5 ** (between / recency)
    return z, y


@pytest.fixture(scope="module")
def world() -> Interactions:
    """Some of whose entries have the same time."""
    known = small_world(30, 15, 6)[0]
    assert known.times is not None
    return replace(known, times=known.times // (6 * DAY) * 6 * DAY)


def test_sums_are_those_of_histories_built_one_by_one(world: Interactions) -> None:
    z, y = before_and_then(world, 3.0)
    w = np.random.default_rng(0).uniform(0.5, 2.0, world.nnz)
    sums = succession(world, 3.0, w)
    np.testing.assert_allclose(sums.gram, np.tril(z.T @ (w[:, None] * z)), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(sums.after, z.T @ (w[:, None] * y), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(sums.before, w @ z, rtol=1e-9)
    np.testing.assert_allclose(sums.following, w @ y, rtol=1e-9)
    assert sums.weight == pytest.approx(w.sum())


@pytest.mark.parametrize("half_life", [None, 10.0])
def test_weights_are_those_of_a_ridge_regression_with_an_intercept(
    world: Interactions, half_life: float | None
) -> None:
    z, y = before_and_then(world, 4.0)
    w = np.ones(world.nnz)
    if half_life is not None:
        assert world.times is not None
        w = 0.5 ** ((world.times.max() - world.times) / DAY / half_life)
        w *= world.nnz / w.sum()
    known = world.of_items > 0
    z, y = z[:, known], y[:, known]
    zc, yc = z - w @ z / w.sum(), y - w @ y / w.sum()
    b = np.linalg.solve(zc.T @ (w[:, None] * zc) + 7.0 * np.eye(z.shape[1]), zc.T @ (w[:, None] * yc))
    model = NextItem(7.0, recency=4.0, half_life=half_life).fit(world)
    apart = ~np.eye(len(b), dtype=bool)  # what somebody has is never offered
    np.testing.assert_allclose(model.weights_[apart], b[apart], atol=1e-5)
    np.testing.assert_allclose(model.base_[known], (w @ y - w @ z @ b) / w.sum(), atol=1e-5)


def in_order(people: int = 300, items: int = 40, each: int = 8, seed: int = 0) -> Interactions:
    """People who read a series on from where they came in, two of ten volumes left out."""
    rng = np.random.default_rng(seed)
    user, item, time = [], [], []
    for person in range(people):
        volumes = (rng.integers(items) + np.flatnonzero(rng.random(2 * each) < 0.8)[:each]) % items
        user += [person] * len(volumes)
        item += volumes.tolist()
        time += (rng.integers(100) * DAY + np.arange(len(volumes)) * DAY).tolist()
    return Interactions.of({"user": user, "item": item, "time": np.array(time).astype("datetime64[us]")})


def test_a_series_is_offered_in_its_order() -> None:
    known = in_order()
    model = NextItem(5.0, recency=2.0).fit(known)
    at = known.item_rows([20, 21, 22])
    basket = Histories(np.array([0, 3]), at.astype(np.int32), np.ones(3, np.float32), np.arange(3), np.array([-1]))
    numbers, _ = model.best(basket, 2)
    assert known.items[int(numbers[0, 0])].as_py() == 23
    assert 19 not in [known.items[int(i)].as_py() for i in numbers[0]]


def test_order_foretells_more_than_what_goes_together() -> None:
    found = evaluate({"ease": EASE(20.0, recency=2.0), "next": NextItem(20.0, recency=2.0)}, in_order(), last=1)
    assert found.mean("next", "ndcg@10") > found.mean("ease", "ndcg@10") + 0.05


def test_nobody_known_is_offered_what_is_popular_next() -> None:
    known = small_world()[0].binary()
    model = NextItem(1e12).fit(known)  # so large that no weight is left: what comes next is what there is
    scores = model.scores(Histories.of_basket(np.zeros(0, np.int32)))[0]
    had = known.of_items > 0
    np.testing.assert_allclose(scores[had], known.of_items[had] / known.nnz, rtol=1e-4)


def test_long_histories_keep_their_precision() -> None:
    # 2,000 entries of one person and a half-life of one: powers of two beyond what numbers hold, were they taken apart
    n = 2000
    time = np.arange(n).astype("datetime64[s]").astype("datetime64[us]")
    known = Interactions.of({"user": np.zeros(n, int), "item": np.arange(n), "time": time})
    sums = succession(known, 1.0, np.ones(n))
    assert np.isfinite(sums.gram).all()
    assert sums.gram[0, 0] == pytest.approx(4 / 3)  # 1 + 1/4 + 1/16 + ...
    assert sums.after[0, 1] == 1
    assert sums.before[0] == pytest.approx(2)


def test_without_times_there_is_no_next() -> None:
    with pytest.raises(StudyError) as caught:
        NextItem().fit(Interactions.of({"user": [1, 1, 2], "item": [1, 2, 1]}))
    assert caught.value.faults[0].code == "recommend.parameter"
    assert "times" in caught.value.faults[0].expected


@pytest.mark.parametrize("wrong", [{"regularization": 0.0}, {"recency": 0.0}, {"half_life": -1.0}, {"max_items": 0}])
def test_parameters_out_of_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(StudyError) as caught:
        NextItem(**wrong).fit(small_world()[0])  # type: ignore[arg-type]
    assert caught.value.faults[0].key == next(iter(wrong))


def test_only_the_most_frequent_have_weights() -> None:
    known = small_world()[0]
    model = NextItem(5.0, max_items=10).fit(known)
    assert len(model.columns_) == 10
    assert "10 most frequent of 38" in model.note
    assert np.isinf(model.scores(known.histories([0]))[0]).sum() == known.n_items - 10
