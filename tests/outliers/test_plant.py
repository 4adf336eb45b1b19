"""What is planted is odd in the way it says, is made from real rows, and leaves these as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from potomac.errors import DataError, StudyError
from potomac.geo.distance import EARTH_RADIUS_KM, great_circle, unit_vectors
from potomac.outliers.land import on_land
from potomac.outliers.plant import KINDS, Planted, detection, plant
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.strait import simulate_strait
from potomac.outliers.tracks import Tracks
from potomac.stats.intervals import proportion_interval
from potomac.stats.streams import Stream

COUNT = 60


@pytest.fixture(scope="module")
def real() -> Positions:
    """A day in the simulated strait without its own oddities."""
    strait = simulate_strait(Stream(4), days=1)
    usual = np.ones(strait.reports.num_rows, bool)
    usual[strait.truth["row"].to_numpy()] = False
    names = {"lat": "latitude", "lon": "longitude", "sog": "speed", "cog": "heading", "mmsi": "entity"}
    table = strait.reports.rename_columns([names.get(name, name) for name in strait.reports.column_names]).filter(usual)
    lat, lon = table["latitude"].to_numpy(), table["longitude"].to_numpy()
    return positions_of(table.filter((lat <= 90) & (lon <= 180)))


@pytest.fixture(scope="module")
def planted(real: Positions) -> Planted:
    return plant(real, [*KINDS], COUNT, Stream(1))


def of_kind(planted: Planted, kind: str) -> tuple[Positions, npt.NDArray[np.int64]]:
    return planted.positions.take(planted.kind == kind), planted.origin[planted.kind == kind]


def nearest_km(real: Positions, some: Positions) -> npt.NDArray[np.float64]:
    tree = cKDTree(unit_vectors(real.latitude, real.longitude))
    return np.asarray(tree.query(unit_vectors(some.latitude, some.longitude))[0] * EARTH_RADIUS_KM)


def local(real: Positions, some: Positions, k: int, moving: bool = True) -> npt.NDArray[np.int64]:
    """The k nearest real rows, of those under way."""
    among = np.flatnonzero((real.speed > 4) & ~np.isnan(real.heading)) if moving else np.arange(len(real))
    tree = cKDTree(unit_vectors(real.latitude[among], real.longitude[among]))
    return np.asarray(among[tree.query(unit_vectors(some.latitude, some.longitude), k=k)[1]])


def test_there_are_as_many_of_each_kind_as_asked_for(planted: Planted) -> None:
    assert {kind: int((planted.kind == kind).sum()) for kind in KINDS} == dict.fromkeys(KINDS, COUNT)


def test_every_row_keeps_what_it_was_made_from(real: Positions, planted: Planted) -> None:
    origin = real.take(planted.origin)
    np.testing.assert_array_equal(planted.positions.row, origin.row)
    np.testing.assert_array_equal(planted.positions.entity, origin.entity)
    for name, values in planted.positions.covariates.items():
        np.testing.assert_array_equal(values, origin.covariates[name])
    alone = planted.kind != "rendezvous"
    np.testing.assert_array_equal(planted.positions.time[alone], origin.time[alone])
    assert planted.positions.entities == real.entities


def test_the_real_rows_stay_as_they_are(real: Positions) -> None:
    before = {name: getattr(real, name).copy() for name in ("latitude", "longitude", "speed", "heading", "time")}
    plant(real, [*KINDS], 5, Stream(1))
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(real, name), values)


@pytest.mark.parametrize("kind", ["off_lane", "rendezvous", "loiter"])
def test_where_nobody_goes_is_lonely_and_on_water(real: Positions, planted: Planted, kind: str) -> None:
    """Farther from the nearest record than 99 % of the records are from the next one; and near enough to be there."""
    some, _ = of_kind(planted, kind)
    tree = cKDTree(unit_vectors(real.latitude, real.longitude))
    usual = tree.query(unit_vectors(real.latitude, real.longitude), k=2)[0][:, 1] * EARTH_RADIUS_KM
    lonely = nearest_km(real, some)
    assert np.median(lonely) > np.quantile(usual, 0.99)
    assert lonely.min() > 3 * np.median(usual)
    assert lonely.max() < 20
    assert not on_land(some.latitude, some.longitude).any()


def test_off_lane_is_under_way(real: Positions, planted: Planted) -> None:
    some, _ = of_kind(planted, "off_lane")
    assert (some.speed >= 0.2 * np.nanquantile(real.speed, 0.95) * 0.99).all()
    assert set(some.speed) <= set(real.speed)


def test_a_rendezvous_is_two_slow_ones_side_by_side(real: Positions, planted: Planted) -> None:
    p = planted.positions
    one = np.flatnonzero(planted.kind == "rendezvous")
    other = planted.partner[one]
    np.testing.assert_array_equal(planted.partner[other], one)
    assert (planted.kind[other] == "rendezvous").all()
    assert (p.entity[one] != p.entity[other]).all()
    np.testing.assert_array_equal(p.time[one], p.time[other])
    apart = great_circle(p.latitude[one], p.longitude[one], p.latitude[other], p.longitude[other])
    assert apart.max() <= 0.5 + 1e-9
    assert (apart < 0.2 * nearest_km(real, p.take(one))).all()
    assert p.speed[one].max() <= 0.1 * np.nanquantile(real.speed, 0.95) * 1.01
    assert (planted.partner[planted.kind != "rendezvous"] == -1).all()


def test_across_the_lane_is_across_courses_that_agree(real: Positions, planted: Planted) -> None:
    some, origin = of_kind(planted, "across_lane")
    twice = np.radians(2 * real.heading[local(real, some, 15)])
    agree = np.hypot(np.cos(twice).mean(axis=1), np.sin(twice).mean(axis=1))
    axis = np.degrees(np.arctan2(np.sin(twice).mean(axis=1), np.cos(twice).mean(axis=1))) / 2
    angle = np.abs((some.heading - axis + 90) % 180 - 90)  # between two lines, 0 to 90
    assert np.median(agree) > 0.9
    assert np.quantile(angle, 0.1) > 60
    np.testing.assert_array_equal(some.latitude, real.latitude[origin])
    np.testing.assert_array_equal(some.speed, real.speed[origin])


def test_the_wrong_way_is_against_the_courses_around(real: Positions, planted: Planted) -> None:
    some, _ = of_kind(planted, "wrong_way")
    turn = np.radians(real.heading[local(real, some, 15)] - some.heading[:, None])
    assert np.median(np.cos(turn).mean(axis=1)) < -0.9


def test_fast_is_faster_than_the_local_99th_percentile(real: Positions, planted: Planted) -> None:
    some, _ = of_kind(planted, "speed")
    around = real.speed[local(real, some, 100, moving=False)]
    assert (some.speed > np.nanquantile(around, 0.99, axis=1)).all()


def test_loitering_is_slower_than_who_is_under_way(real: Positions, planted: Planted) -> None:
    some, _ = of_kind(planted, "loiter")
    assert some.speed.max() <= 0.2 * np.nanquantile(real.speed, 0.95) * 1.01
    assert np.ptp(some.heading) > 300


def test_a_jump_is_farther_than_anybody_gets_in_the_time(real: Positions, planted: Planted) -> None:
    """By the track of the entity itself, to a place where others are."""
    some, origin = of_kind(planted, "jump")
    assert nearest_km(real, some).max() == 0.0
    moved = great_circle(real.latitude[origin], real.longitude[origin], some.latitude, some.longitude)
    assert moved.min() > 10
    needed = Tracks.build(real).features(origin, some.latitude, some.longitude)[
        :, Tracks.names.index("implied_speed_kn")
    ]
    assert np.quantile(needed, 0.1) > np.nanmax(real.speed)


def test_the_same_stream_plants_the_same_rows_in_whatever_order(real: Positions, planted: Planted) -> None:
    shuffled = np.random.default_rng(0).permutation(len(real))
    again = plant(real.take(shuffled), [*KINDS], COUNT, Stream(1))
    for name in ("row", "latitude", "longitude", "speed", "heading", "time", "entity"):
        np.testing.assert_array_equal(getattr(again.positions, name), getattr(planted.positions, name), err_msg=name)
    other = plant(real, [*KINDS], COUNT, Stream(2))
    assert not np.array_equal(other.positions.latitude, planted.positions.latitude)


def test_a_kind_is_the_same_whatever_else_is_planted(real: Positions, planted: Planted) -> None:
    alone = plant(real, ["speed"], COUNT, Stream(1))
    np.testing.assert_array_equal(alone.positions.speed, planted.positions.speed[planted.kind == "speed"])


def test_the_terms_are_the_datas_own(real: Positions) -> None:
    """Thirty times faster, as aircraft are: the same rows, thirty times faster."""
    fast = replace(real, speed=real.speed * 30)
    slow_plants, fast_plants = (plant(p, ["speed", "loiter", "off_lane"], 20, Stream(1)) for p in (real, fast))
    np.testing.assert_allclose(fast_plants.positions.speed, 30 * slow_plants.positions.speed)
    np.testing.assert_array_equal(fast_plants.positions.latitude, slow_plants.positions.latitude)


def test_a_kind_that_is_none_is_named() -> None:
    p = positions_of({"latitude": [1.0], "longitude": [1.0]})
    with pytest.raises(StudyError, match='Did you mean "loiter"'):
        plant(p, ["loitering"], 5, Stream(0))


@pytest.mark.parametrize("kind", KINDS)
def test_data_without_behaviour_is_refused_with_a_reason(kind: str) -> None:
    p = positions_of({"latitude": [1.0, 1.1], "longitude": [1.0, 1.0]})
    with pytest.raises(DataError, match="nothing can be planted"):
        plant(p, [kind], 5, Stream(0))


def test_all_rows_in_one_point_and_one_row_are_no_reason_to_fall() -> None:
    n = 30
    point = positions_of(
        {
            "latitude": np.full(n, 57.0),
            "longitude": np.full(n, 11.5),
            "speed": np.full(n, 5.0),
            "heading": np.full(n, 90.0),
            "time": np.arange(n, dtype=float),
            "entity": np.arange(n) // 10,
        }
    )
    made = plant(point, [*KINDS], 3, Stream(0))
    assert len(made.positions) == 3 * len(KINDS) + 1  # a rendezvous comes in pairs
    assert np.isfinite(made.positions.latitude).all()
    assert len(plant(point.take([0]), ["off_lane", "speed"], 3, Stream(0)).positions) == 6
    assert len(plant(point, [], 3, Stream(0)).positions) == 0


def test_detection_counts_what_a_list_holds() -> None:
    table = detection([1, 5, 100, 2], ["speed", "speed", "loiter", "loiter"], [1, 10], 1000).to_pylist()
    found = {(row["kind"], row["list_length"]): row["found"] for row in table}
    assert found == {
        ("speed", 1): 1,
        ("speed", 10): 2,
        ("loiter", 1): 0,
        ("loiter", 10): 1,
        ("all", 1): 1,
        ("all", 10): 3,
    }
    last = table[-1]
    assert (last["kind"], last["planted"], last["rate"], last["list_share"]) == ("all", 4, 3 / 4, 10 / 1000)
    assert (last["low"], last["high"]) == proportion_interval(3, 4)
    assert detection([], [], [10], 0)["rate"].to_pylist() == [None]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=50))
def test_longer_lists_hold_no_less(ranks: list[int]) -> None:
    rates = detection(ranks, ["a"] * len(ranks), [1, 10, 100, 1000], 1000).column("rate").to_pylist()[:4]
    assert rates == sorted(rates)
    assert rates[-1] == 1.0


def test_land_and_water() -> None:
    """Paris, Berlin and the middle of Australia; the Kattegat, the Atlantic and the date line."""
    assert on_land([48.85, 52.52, -25.0], [2.35, 13.4, 133.0]).all()
    assert not on_land([56.9, 30.0, 0.0], [11.7, -40.0, 180.0]).any()
    assert on_land([], []).tolist() == []
