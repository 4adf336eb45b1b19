"""Leaks that are built into a split must be found, and what is no leak must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import DataError
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.popular import Popular
from potomac.recommend.testing.evaluation import evaluate
from potomac.recommend.testing.leakage import leaks, partial_correlation
from potomac.recommend.testing.splits import KINDS, leave_last_out, split_of, strong, time_ordered
from potomac.recommend.worlds import World, simulated


@pytest.fixture(scope="module")
def world() -> World:
    return simulated(400, 120, per_user=15, taste=1.0, rated=True, seed=8)


def catalogue(world: World, **features: np.ndarray) -> Items:
    return Items.of(pa.table({"item": world.interactions.items, **features}))


def means(world: World) -> np.ndarray:
    x = world.interactions
    return np.bincount(x.indices, x.values, minlength=x.n_items) / np.maximum(x.of_items, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_proper_split_has_no_grave_leak(kind: str, world: World) -> None:
    found = leaks(split_of(world.interactions, kind), world.items)
    assert not [leak for leak in found if leak.grave or leak.what == "feature"]


def test_a_held_out_pair_that_is_learnt_from(world: World) -> None:
    split = leave_last_out(world.interactions, 1)
    (leak,) = (leak for leak in leaks(replace(split, train=world.interactions)) if leak.what == "seen")
    assert leak.grave
    assert leak.count == len(split.held)


def test_a_held_out_pair_that_is_known(world: World) -> None:
    split = leave_last_out(world.interactions, 1)
    (leak,) = (leak for leak in leaks(replace(split, histories=split.held)) if leak.what == "seen")
    assert leak.grave
    assert leak.count == len(split.held)


def test_new_people_who_are_learnt_from(world: World) -> None:
    split = strong(world.interactions)
    (leak,) = leaks(replace(split, train=world.interactions))
    assert leak.grave
    assert leak.count == len(split.users)


def test_a_cut_that_does_not_hold(world: World) -> None:
    split = leave_last_out(world.interactions, 1)
    (leak,) = leaks(replace(split, kind="time"))
    assert (leak.what, leak.grave) == ("future", True)
    assert not leaks(time_ordered(world.interactions))


def test_others_later_choices_are_told_of(world: World) -> None:
    (leak,) = leaks(leave_last_out(world.interactions, 1))
    assert (leak.what, leak.grave) == ("future", False)


def test_a_grave_leak_ends_the_test(world: World) -> None:
    split = replace(leave_last_out(world.interactions, 1), train=world.interactions)
    with pytest.raises(DataError) as caught:
        evaluate(Popular(), split=split)
    assert caught.value.faults[0].code == "recommend.leak"


def whole_count(world: World) -> np.ndarray:
    return world.interactions.of_items


def log_count(world: World) -> np.ndarray:
    return np.log1p(world.interactions.of_items)


@pytest.mark.parametrize("make", [whole_count, log_count, means], ids=lambda make: make.__name__)
def test_a_feature_that_was_counted_over_everything(make: object, world: World) -> None:
    items = catalogue(world, told=make(world))  # type: ignore[operator]
    (leak,) = (leak for leak in leaks(leave_last_out(world.interactions), items) if leak.what == "feature")
    assert '"told"' in leak.sentence
    assert ("mean value" if make is means else "number of interactions") in leak.sentence


def test_a_feature_that_goes_with_popularity_is_no_leak(world: World) -> None:
    rng = np.random.default_rng(1)
    split = leave_last_out(world.interactions)
    near = split.train.of_items + rng.normal(0, 5, split.train.n_items)
    items = catalogue(world, near=near, trained=split.train.of_items, noise=rng.random(split.train.n_items))
    assert not [leak for leak in leaks(split, items) if leak.what == "feature"]


def test_missing_numbers_and_words_are_passed_over(world: World) -> None:
    count = world.interactions.of_items.astype(float)
    told = pa.array(np.where(np.arange(len(count)) % 3 == 0, np.nan, count), from_pandas=True)
    words = pa.array(["word"] * len(count))
    found = leaks(leave_last_out(world.interactions), catalogue(world, words=words, told=told))
    assert [leak.count for leak in found if leak.what == "feature"] == [80]


def test_partial_correlation_by_hand() -> None:
    # ranks x 1 2 3 4, y 2 1 4 3, z 1 3 2 4: r_xy = .6, r_xz = .8, r_yz = 0
    x, y, z = (np.array(one, float) for one in ([1, 2, 3, 4], [2, 1, 4, 3], [1, 3, 2, 4]))
    assert partial_correlation(x, y, z) == pytest.approx((0.6 - 0.8 * 0) / np.sqrt((1 - 0.64) * (1 - 0)))
    assert partial_correlation(x, y, x) == 0
    assert partial_correlation(x, np.ones(4), z) == 0


def test_interactions_of_few_items_tell_nothing_of_features() -> None:
    few = Interactions.of({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2]})
    items = Items.of({"item": [1, 2], "count": [2, 2]})
    assert not leaks(leave_last_out(few, 1), items)
