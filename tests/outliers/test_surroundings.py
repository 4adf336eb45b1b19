"""What others do near a place: never the entity itself, and as a plain computation has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from potomac.geo.distance import KM_PER_DEGREE, great_circle
from potomac.outliers import surroundings
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.surroundings import CLOSEST_KM, KM_PER_KN, NAMES, Surroundings, identity, thinned
from potomac.stats.streams import Stream

STREAM = Stream(3)
Array = npt.NDArray[Any]


def crowd(n: int = 120, longitude: float = 11.0, entities: int = 12, seed: int = 1) -> Positions:
    """Rows around a place, each entity with a tenth of them; a few know no speed or heading."""
    rng = np.random.default_rng(seed)
    lon = longitude + rng.normal(0, 0.3, n)
    speed, heading = rng.uniform(0, 20, n), rng.uniform(0, 359, n)
    speed[::17], heading[5::13] = np.nan, np.nan
    return positions_of(
        {
            "latitude": 56 + rng.normal(0, 0.2, n), "longitude": (lon + 180) % 360 - 180, "speed": speed,
            "heading": heading, "entity": rng.integers(0, entities, n).astype(str),
        }
    )  # fmt: skip


def ask(around: Surroundings, p: Positions, owner: Array | None = None) -> dict[str, Array]:
    found = around.features(identity(p) if owner is None else owner, p.latitude, p.longitude, p.speed, p.heading)
    return dict(zip(NAMES, found.T, strict=True))


def whole(p: Positions) -> Surroundings:
    """A reference of all rows, none thinned away."""
    places, velocity = surroundings._places(p.latitude, p.longitude), surroundings._velocity(p.speed, p.heading)
    return Surroundings(places, velocity, identity(p))


@pytest.mark.parametrize("longitude", [11.0, 180.0])
def test_loneliness_is_the_distance_to_the_kth_record_of_another(longitude: float) -> None:
    """Against all distances, sorted; at the antimeridian as elsewhere. A chord of 60 km is 60 km to 1 part in 10^5."""
    p = crowd(longitude=longitude)
    found = ask(whole(p), p)
    km = great_circle(p.latitude[:, None], p.longitude[:, None], p.latitude[None, :], p.longitude[None, :])
    km[p.entity[:, None] == p.entity[None, :]] = np.inf
    ordered = np.sort(km, axis=1)
    for name, k in (("lonely_5", 5), ("lonely_20", 20)):
        np.testing.assert_allclose(np.exp(found[name]) - CLOSEST_KM, ordered[:, k - 1], rtol=1e-5)


def test_strangeness_counts_a_knot_of_difference_as_half_a_kilometre() -> None:
    p = crowd()
    found = ask(whole(p), p)
    course = np.radians(p.heading)
    v = np.stack([p.speed * np.sin(course), p.speed * np.cos(course)], axis=1)
    km = great_circle(p.latitude[:, None], p.longitude[:, None], p.latitude[None, :], p.longitude[None, :])
    apart = np.sqrt(km**2 + KM_PER_KN**2 * ((v[:, None, :] - v[None, :, :]) ** 2).sum(axis=2))
    apart[(p.entity[:, None] == p.entity[None, :]) | np.isnan(apart)] = np.inf
    ordered = np.sort(apart, axis=1)
    known = np.isfinite(v[:, 0])
    np.testing.assert_allclose(np.exp(found["strange_5"][known]) - CLOSEST_KM, ordered[known, 4], rtol=1e-5)
    np.testing.assert_allclose(np.exp(found["strange_20"][known]) - CLOSEST_KM, ordered[known, 19], rtol=1e-5)
    assert np.isnan(found["strange_5"][~known]).all()


def test_what_the_nearest_twenty_do() -> None:
    p = crowd(entities=40)  # few own records, so that twenty others are among the forty neighbours looked at
    found = ask(whole(p), p)
    km = great_circle(p.latitude[:, None], p.longitude[:, None], p.latitude[None, :], p.longitude[None, :])
    km[(p.entity[:, None] == p.entity[None, :]) | np.isnan(p.speed * p.heading)[None, :]] = np.inf
    near = np.argsort(km, axis=1)[:, :20]
    speed, heading = p.speed[near], p.heading[near]
    np.testing.assert_allclose(found["faster"], speed.mean(axis=1) - p.speed)
    np.testing.assert_allclose(found["moving"], (speed > 2).mean(axis=1))
    known = ~np.isnan(p.speed)
    np.testing.assert_allclose(found["slower"][known], (speed < p.speed[:, None]).mean(axis=1)[known])
    cosine = np.cos(np.radians(heading - p.heading[:, None]))
    both = known & ~np.isnan(p.heading)
    np.testing.assert_allclose(found["agree"][both], cosine.mean(axis=1)[both], atol=1e-12)
    assert np.isnan(found["agree"][~both]).all()


def test_an_entitys_own_records_count_for_nothing() -> None:
    """However many there are and whatever they do, its surroundings are those without them."""
    p = crowd()
    mine = p.entity == 3
    others = whole(p.take(~mine))
    with_own, without = ask(whole(p), p.take(mine)), ask(others, p.take(mine))
    for name in NAMES:
        np.testing.assert_array_equal(with_own[name], without[name])


def test_a_row_without_entity_counts_for_all_but_itself() -> None:
    p = crowd(entities=1)
    nobody = positions_of({"latitude": p.latitude, "longitude": p.longitude, "speed": p.speed, "heading": p.heading})
    assert (nobody.entity == -1).all()
    km = great_circle(p.latitude[:, None], p.longitude[:, None], p.latitude[None, :], p.longitude[None, :])
    np.fill_diagonal(km, np.inf)
    found = ask(whole(nobody), nobody)
    np.testing.assert_allclose(np.exp(found["lonely_5"]) - CLOSEST_KM, np.sort(km, axis=1)[:, 4], rtol=1e-5)
    new = ask(whole(nobody), nobody, np.full(len(p), -1))  # a new row at the same place has the old one as neighbour
    np.fill_diagonal(km, 0.0)
    np.testing.assert_allclose(np.exp(new["lonely_5"]) - CLOSEST_KM, np.sort(km, axis=1)[:, 4], rtol=1e-5)


def test_where_too_few_others_are_the_kth_is_taken_to_be_farther() -> None:
    p = crowd(n=4, entities=1)
    other = positions_of({"latitude": [56.0], "longitude": [11.0], "entity": ["x"]})
    km = great_circle(56.0, 11.0, p.latitude, p.longitude)
    found = whole(p).features(np.array([9]), other.latitude, other.longitude, other.speed, other.heading)
    assert np.exp(found[0, 0]) - CLOSEST_KM == pytest.approx(1.5 * km.max(), rel=1e-5)
    assert not np.isinf(found).any()


def test_thinning_keeps_one_record_of_each_entity_square_and_sector() -> None:
    rng = np.random.default_rng(4)
    n = 3000
    p = positions_of(
        {
            "latitude": 56 + rng.uniform(0, 0.05, n), "longitude": 170 + rng.uniform(0, 0.08, n),
            "speed": rng.choice([0.0, 8.0], n), "heading": rng.uniform(0, 360, n) % 360,
            "entity": rng.integers(0, 5, n),
        }
    )  # fmt: skip
    kept = thinned(p, STREAM, 10**6)
    band = np.floor(p.latitude * KM_PER_DEGREE)
    column = np.floor(p.longitude * np.cos(np.radians(band / KM_PER_DEGREE)) * KM_PER_DEGREE)
    sector = np.where(p.speed < 0.5, -1, p.heading // 45)
    key = np.stack([p.entity, band, column, sector], axis=1)
    assert len(np.unique(key[kept], axis=0)) == len(kept)
    assert len(np.unique(key, axis=0)) == len(kept)
    assert (np.diff(kept) > 0).all()
    few = thinned(p, STREAM, 50)
    assert len(few) == 50
    assert set(few) <= set(kept)


def test_rows_without_entity_are_never_thinned_together() -> None:
    same = positions_of({"latitude": [56.0] * 40, "longitude": [11.0] * 40, "speed": [5.0] * 40, "heading": [9.0] * 40})
    assert len(thinned(same, STREAM, 100)) == 40
    assert len(np.unique(identity(same))) == 40
    assert identity(same).max() < -1


def test_the_order_of_rows_changes_nothing() -> None:
    p = crowd(n=600, entities=5)
    order = np.random.default_rng(0).permutation(len(p))
    q = p.take(order)
    assert set(p.row[thinned(p, STREAM, 200)]) == set(q.row[thinned(q, STREAM, 200)])
    one, other = Surroundings.build(p, STREAM, 200), Surroundings.build(q, STREAM, 200)
    first, second = ask(one, p), ask(other, q)
    for name in NAMES:
        np.testing.assert_allclose(second[name], first[name][order], rtol=1e-12)


def test_the_nearest_others_come_first_and_behave_as_they_did() -> None:
    p = crowd()
    around = whole(p)
    distance, near = around.nearest(identity(p), p.latitude, p.longitude, 10)
    assert distance.shape == near.shape == (len(p), 10)
    assert (np.diff(distance, axis=1) >= 0).all()
    assert (p.entity[near] != p.entity[:, None]).all()
    speed, heading = around.behaviour(near[:, 0])
    known = np.isfinite(speed)
    np.testing.assert_allclose(speed[known], p.speed[near[:, 0]][known])
    np.testing.assert_allclose(heading[known], p.heading[near[:, 0]][known])
    alone = whole(p.take(p.entity == 3))
    distance, near = alone.nearest(np.array([3]), np.array([56.0]), np.array([11.0]), 50)
    assert (near == -1).all()
    assert np.isinf(distance).all()


def test_a_vessel_at_rest_without_heading_is_known_and_one_adrift_is_not() -> None:
    v = surroundings._velocity(np.array([0.0, 3.0, np.nan]), np.array([np.nan, np.nan, 90.0]))
    np.testing.assert_array_equal(v[0], [0.0, 0.0])
    assert np.isnan(v[1:]).all()


def test_it_is_kept_as_arrays() -> None:
    p = crowd()
    around = Surroundings.build(p, STREAM)
    again = ask(Surroundings.from_arrays(around.to_arrays()), p)
    for name, values in ask(around, p).items():
        np.testing.assert_array_equal(again[name], values)
