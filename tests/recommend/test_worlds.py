"""Worlds of simulated people: they do what they are said to do, by the formulas of the module."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import StudyError
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.worlds import BEGIN, DAY, DAYS, PERIODS, World, made_up, shuffled, simulated


def pairs(known: Interactions) -> np.ndarray:
    return np.repeat(np.arange(known.n_users), known.of_users) * known.n_items + known.indices


def softmax(s: np.ndarray) -> np.ndarray:
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_people_do_as_much_as_is_said_on_average() -> None:
    """Lognormal: the standard deviation is the mean times sqrt(exp(spread^2) - 1)."""
    known = simulated(4000, 3000, per_user=20.0, spread=0.8, seed=1).interactions
    error = 20.0 * np.sqrt(np.exp(0.64) - 1) / np.sqrt(4000)
    assert known.of_users.mean() == pytest.approx(20.0, abs=4 * error)
    assert known.of_users.max() > 5 * np.median(known.of_users)  # a long tail


def test_where_only_popularity_matters_items_are_taken_in_proportion_to_its_exponential() -> None:
    """20,000 people with one item each are a multinomial sample: chi-square of 9 degrees of freedom, 99.9 %: 27.9."""
    world = simulated(20_000, 10, per_user=1.0, spread=0.0, popularity=0.8, seed=4)
    expected = 20_000 * softmax(world.popularity)
    assert ((world.interactions.of_items - expected) ** 2 / expected).sum() < 27.9


@pytest.mark.parametrize("strengths", [{"taste": 1.5}, {"attributes": 1.5}, {"taste": 1.0, "attributes": 1.0}])
def test_people_take_what_they_like_as_often_as_their_odds_say(strengths: dict[str, float]) -> None:
    """Each takes one of 40 items; the mean liking of what was taken is that of the softmax, within 4 errors."""
    world = simulated(5000, 40, per_user=1.0, spread=0.0, seed=2, **strengths)
    s = world.tastes.of(np.arange(5000))
    chance = softmax(s + world.popularity)
    mean = (chance * s).sum(axis=1)
    variance = (chance * s**2).sum(axis=1) - mean**2
    got = s[np.arange(5000), world.interactions.indices]
    assert abs((got - mean).mean()) < 4 * np.sqrt(variance.mean() / 5000)
    assert mean.mean() > 0.5  # so that it says something


def test_tastes_have_the_strength_that_is_given_for_everybody() -> None:
    s = simulated(50, 300, taste=1.7, seed=1).tastes.of(np.arange(50))
    np.testing.assert_allclose(s.std(axis=1), 1.7, rtol=1e-4)
    np.testing.assert_allclose(s.mean(axis=1), 0.0, atol=1e-4)


def test_nobody_takes_anything_twice() -> None:
    for options in ({"taste": 2.0}, {"drift": 3.0, "stay": 0.3}):
        known = simulated(300, 60, per_user=25.0, seed=3, **options).interactions
        assert known.repeated == 0
        assert len(np.unique(pairs(known))) == known.nnz


def test_the_same_seed_gives_the_same_world_and_another_another() -> None:
    one, same, other = (simulated(100, 50, taste=1.0, drift=1.0, seed=seed).interactions for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.indices, same.indices)
    np.testing.assert_array_equal(one.times, same.times)
    assert one.nnz != other.nnz or (one.indices != other.indices).any()


def test_cold_items_stand_in_the_catalogue_and_nobody_has_them() -> None:
    world = simulated(500, 200, per_user=30.0, popularity=0.0, cold=0.25, seed=1)
    assert world.interactions.n_items == len(world.items) == 200
    assert (~np.isfinite(world.popularity)).sum() == 50
    assert (world.interactions.of_items[~np.isfinite(world.popularity)] == 0).all()
    assert (world.interactions.of_items[np.isfinite(world.popularity)] > 0).all()


def test_with_drift_what_is_new_is_taken_more_than_it_would_be_by_chance() -> None:
    """Without drift the mean time of an item's interactions is that of the year; with it items have their season."""

    def seasons(world: World) -> float:
        known = world.interactions
        assert known.times is not None
        day = (known.times - BEGIN) / DAY
        mean = np.bincount(known.indices, day, minlength=known.n_items) / np.maximum(known.of_items, 1)
        return float(mean[known.of_items >= 20].std())

    still, moving = (seasons(simulated(2000, 200, per_user=15.0, drift=drift, seed=2)) for drift in (0.0, 5.0))
    assert still < DAYS / np.sqrt(12 * 20)  # at most the error of a mean of 20 uniform times
    assert moving > 2 * still


def test_people_come_for_the_share_of_the_year_that_is_given() -> None:
    known = simulated(500, 200, per_user=10.0, stay=0.2, seed=1).interactions
    assert known.times is not None
    first = np.minimum.reduceat(known.times, known.indptr[:-1])
    last = np.maximum.reduceat(known.times, known.indptr[:-1])
    assert ((last - first) / (DAYS * DAY) <= 0.2 + 2 / PERIODS).all()  # times are even within a period
    assert (first - BEGIN).min() >= 0
    assert (last - BEGIN).max() <= DAYS * DAY


def test_stars_are_1_to_5_and_higher_for_what_one_likes() -> None:
    world = simulated(800, 100, per_user=20.0, taste=1.5, rated=True, times=False, seed=1)
    known = world.interactions
    assert known.rated
    assert known.times is None
    assert set(np.unique(known.values)) == {1.0, 2.0, 3.0, 4.0, 5.0}
    person = np.repeat(np.arange(800), known.of_users)
    assert np.corrcoef(world.tastes.of(np.arange(800))[person, known.indices], known.values)[0, 1] > 0.4


def test_a_given_catalogue_drives_people_by_the_features_that_are_named() -> None:
    """All like items by genre alone: those of one genre are liked alike by a person."""
    genre = ["a", "b", "c", "d"] * 10
    films = pa.table({"item": range(40), "genre": genre, "noise": [f"n{i % 7}" for i in range(40)]})
    world = simulated(30, Items.of(films), attributes=1.0, driven_by=["genre"], seed=1)
    s = world.tastes.of(np.arange(30))
    for k in range(4):
        np.testing.assert_allclose(s[:, k::4], np.repeat(s[:, [k]], 10, axis=1), atol=1e-5)


def test_lists_of_words_and_missing_values_are_marks_as_well() -> None:
    films = pa.table({"item": [1, 2, 3, 4], "genres": [["x", "y"], ["y"], None, ["x"]], "year": [1, 2, 3, None]})
    world = simulated(20, Items.of(films), attributes=1.0, driven_by=["genres", "year"], per_user=2.0, seed=1)
    np.testing.assert_array_equal(world.tastes.marks[:, :2], [[1, 1], [0, 1], [0, 0], [1, 0]])
    assert world.tastes.marks.shape == (4, 3)


def test_made_up_items_tell_by_their_words_what_genre_they_are_of() -> None:
    items = made_up(300, seed=1)
    text, genre = (items.features.column(name).to_pylist() for name in ("description", "genre"))
    assert all(any(word.startswith(g) for word in words.split()) for words, g in zip(text, genre, strict=True))


def test_popularity_may_be_given() -> None:
    world = simulated(3000, 3, per_user=1.0, spread=0.0, popularity=np.log([6.0, 3.0, 1.0]), seed=1)
    np.testing.assert_allclose(world.interactions.of_items / 3000, [0.6, 0.3, 0.1], atol=4 * np.sqrt(0.25 / 3000))


@pytest.mark.parametrize(
    "wrong", [{"users": 0}, {"items": 0}, {"per_user": 0.0}, {"cold": 1.0}, {"stay": 0.0}, {"stay": 1.5}]
)
def test_worlds_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(StudyError) as caught:
        simulated(**{"users": 10, "items": 10, **wrong})  # type: ignore[arg-type]
    assert caught.value.faults[0].code == "recommend.world"


# ---- shuffling ----------------------------------------------------------------------------------------------------


def test_shuffling_keeps_all_counts_and_breaks_the_rest() -> None:
    known = simulated(300, 100, per_user=15.0, taste=2.0, rated=True, seed=1).interactions
    mixed = shuffled(known, seed=2)
    np.testing.assert_array_equal(mixed.of_users, known.of_users)
    np.testing.assert_array_equal(mixed.of_items, known.of_items)
    inside = np.repeat(np.arange(300), mixed.of_users)
    assert (np.diff(mixed.indices)[np.diff(inside) == 0] > 0).all()  # ascending, hence no pair twice
    kept = np.isin(pairs(mixed), pairs(known)).mean()
    alone = (known.of_users[inside] * known.of_items[known.indices]).sum() / known.nnz**2  # were both independent
    assert kept < 2 * alone


def test_a_persons_values_and_times_stay_theirs() -> None:
    known = simulated(40, 30, per_user=8.0, rated=True, seed=1).interactions
    mixed = shuffled(known, seed=1)
    assert known.times is not None
    assert mixed.times is not None
    for low, high in zip(known.indptr[:-1], known.indptr[1:], strict=True):
        np.testing.assert_array_equal(np.sort(mixed.values[low:high]), np.sort(known.values[low:high]))
        np.testing.assert_array_equal(np.sort(mixed.times[low:high]), np.sort(known.times[low:high]))


def test_all_tables_with_the_same_counts_are_as_likely() -> None:
    """Three people with one of three items each: 6 tables; chi-square of 5 degrees of freedom, 99.9 %: 20.5."""
    known = Interactions.of({"user": [1, 2, 3], "item": [1, 2, 3]})
    seen = [tuple(shuffled(known, seed=seed).indices.tolist()) for seed in range(600)]
    counts = np.array([seen.count(one) for one in sorted(set(seen))])
    assert len(counts) == 6
    assert ((counts - 100) ** 2 / 100).sum() < 20.5


def test_one_person_and_full_tables_stay_as_they_are() -> None:
    for table in ({"user": [1, 1], "item": [1, 2]}, {"user": [1, 1, 2, 2], "item": [1, 2, 1, 2]}):
        known = Interactions.of(table)
        np.testing.assert_array_equal(shuffled(known).indices, known.indices)
