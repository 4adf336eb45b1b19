"""A record beside its own track: closed forms on a straight course, and what a wrong neighbour may not spoil."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.geo.distance import KM_PER_DEGREE
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.tracks import LONGEST_FLOOR_S, NAMES, Tracks, floor_of, gaps, repeats

KN = 1.852 / 3600  # km/s
STEP = 120.0  # seconds between records


def straight(n: int = 9, speed: float = 12.0, start: float = 10.0, step: float = STEP) -> Positions:
    """A vessel that keeps its speed (kn) eastward along the equator, which is a great circle."""
    time = np.arange(n) * step
    longitude = start + time * speed * KN / KM_PER_DEGREE
    return positions_of(
        {
            "latitude": np.zeros(n),
            "longitude": (longitude + 180.0) % 360.0 - 180.0,
            "speed": np.full(n, speed),
            "heading": np.full(n, 90.0),
            "time": time,
            "entity": ["a"] * n,
        }
    )


def named(features: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    return features[:, NAMES.index(name)]


def moved(positions: Positions, row: int, km_north: float) -> Positions:
    latitude = positions.latitude.copy()
    latitude[row] += km_north / KM_PER_DEGREE
    return replace(positions, latitude=latitude)


@pytest.mark.parametrize("start", [10.0, 179.995], ids=["anywhere", "over the antimeridian"])
def test_a_straight_course_fits_itself(start: float) -> None:
    f = Tracks.build(straight(start=start)).features()
    middle = f[2:-2]
    np.testing.assert_allclose(named(middle, "gap_s"), STEP)
    np.testing.assert_allclose(named(middle, "gap_other_s"), STEP)
    for name in ("implied_speed_kn", "implied_speed_second_kn", "implied_speed_most_kn"):
        np.testing.assert_allclose(named(middle, name), 12.0, rtol=1e-6)
    np.testing.assert_allclose(named(middle, "implied_course_deg"), 90.0)
    for name in NAMES[5:10] + NAMES[11:]:
        np.testing.assert_allclose(named(middle, name), 0.0, atol=1e-5, err_msg=name)


def test_a_teleported_record_is_far_from_both_sides_and_its_neighbours_from_one() -> None:
    f = Tracks.build(moved(straight(), 4, 30.0)).features()
    off = named(f, "off_track_km")
    assert off[4] == pytest.approx(30.0, rel=1e-6)
    assert np.delete(off, 4).max() < 1e-5
    nearest_km = np.hypot(30.0, 12.0 * KN * STEP)  # to the record before, and to the one after
    assert named(f, "implied_speed_most_kn")[4] == pytest.approx(nearest_km / STEP / KN, rel=1e-4)
    assert named(f, "implied_speed_kn")[4] > 15 * 12  # over two steps instead of one, about half as fast
    np.testing.assert_allclose(np.delete(named(f, "implied_speed_second_kn"), 4), 12.0, rtol=1e-6)


@given(
    st.integers(0, 8),
    st.floats(-60, 60),
    st.floats(-179, 179),
    st.floats(0, 40),
    st.floats(0, 359),
)
def test_a_hypothetical_record_is_judged_as_if_it_had_been_reported(
    row: int, lat: float, lon: float, speed: float, heading: float
) -> None:
    honest = straight()
    columns = {}
    for name, value in {"latitude": lat, "longitude": lon, "speed": speed, "heading": heading}.items():
        columns[name] = getattr(honest, name).copy()
        columns[name][row] = value
    supposed = Tracks.build(honest).features([row], [lat], [lon], [speed], [heading])
    reported = Tracks.build(replace(honest, **columns)).features([row])
    np.testing.assert_allclose(supposed, reported, rtol=1e-9, atol=1e-9)


def test_a_row_says_nothing_about_itself() -> None:
    honest = straight()
    lie = moved(replace(honest, speed=np.where(honest.row == 4, 40.0, honest.speed)), 4, 30.0)
    supposed = [getattr(honest, name)[[4]] for name in ("latitude", "longitude", "speed", "heading")]
    truth = Tracks.build(honest).features([4])
    np.testing.assert_allclose(Tracks.build(lie).features([4], *supposed), truth, atol=1e-9)


@given(st.permutations(range(9)))
def test_the_order_of_the_rows_changes_nothing(order: list[int]) -> None:
    p = moved(straight(), 3, 5.0)
    shuffled = p.take(order)
    np.testing.assert_array_equal(Tracks.build(shuffled).features(), Tracks.build(p).features()[order])


def test_reported_speed_and_heading_are_held_against_the_movement() -> None:
    p = straight()
    f = Tracks.build(p).features([4, 4], speed=[30.0, 12.0], heading=[90.0, 200.0])
    assert named(f, "speed_gap_kn")[0] == pytest.approx(30 - 12)
    assert named(f, "speed_gap_second_kn")[0] == pytest.approx(30 - 12)
    assert named(f, "speed_change_kn")[0] == pytest.approx(30 - 12)
    np.testing.assert_allclose(f[1, [NAMES.index("course_gap_deg"), NAMES.index("heading_change_deg")]], 200 - 90)


def test_headings_on_either_side_of_north_are_neighbours() -> None:
    p = straight(3)
    p = replace(p, heading=np.array([359.0, 1.0, 359.0]))
    assert named(Tracks.build(p).features([1]), "heading_change_deg")[0] == pytest.approx(2.0)


def test_a_vessel_that_hardly_moves_has_no_course() -> None:
    f = Tracks.build(straight(speed=0.1)).features()  # 6 m in two minutes
    assert np.isnan(named(f, "course_gap_deg")).all()
    assert np.isnan(named(f, "bend_deg")).all()
    assert np.isfinite(named(f, "speed_gap_kn")).all()


def test_a_turn_back_is_a_bend_of_180_degrees() -> None:
    p = positions_of({"latitude": [0, 0.1, 0.0], "longitude": [0.0] * 3, "time": [0, 600, 1200], "entity": ["a"] * 3})
    assert named(Tracks.build(p).features([1]), "bend_deg")[0] == pytest.approx(180.0)


def test_with_neighbours_on_one_side_the_place_is_reckoned() -> None:
    p = straight(5)
    f = Tracks.build(moved(p, 4, 7.0)).features([4])
    assert named(f, "off_track_km")[0] == pytest.approx(7.0, rel=1e-4)
    assert named(f, "reckoned_km")[0] == pytest.approx(7.0, rel=1e-4)
    assert np.isnan(named(f, "gap_other_s")[0])


def test_two_places_at_one_time_are_divided_by_the_floor() -> None:
    p = positions_of({"latitude": [0.0, 0.3], "longitude": [0.0, 0.0], "time": [50.0, 50.0], "entity": ["a", "a"]})
    tracks = Tracks.build(p)
    assert tracks.floor_s == LONGEST_FLOOR_S  # no two records are apart in time
    expected = 0.3 * KM_PER_DEGREE / 60.0 / KN
    np.testing.assert_allclose(named(tracks.features(), "implied_speed_kn"), expected)
    assert named(Tracks.build(p, floor_s=1.0).features(), "implied_speed_kn")[0] == pytest.approx(60 * expected)


def test_the_floor_is_the_usual_time_between_records() -> None:
    assert Tracks.build(straight(step=15.0)).floor_s == 15.0
    assert Tracks.build(straight(step=0.1)).floor_s == 10.0
    assert Tracks.build(straight(step=600.0)).floor_s == 60.0


def test_from_second_to_second_neighbours_are_taken_farther_away() -> None:
    """A fix is 10 m wrong: from one second to the next that is 20 kn or more, over ten seconds a tenth of it."""
    rng = np.random.default_rng(0)
    p = straight(n=200, step=1.0)
    p = replace(p, latitude=rng.normal(0.0, 0.01 / KM_PER_DEGREE, 200))
    f = Tracks.build(p).features()[30:-30]
    np.testing.assert_array_equal(named(f, "gap_s"), 10.0)
    assert np.abs(named(f, "speed_gap_kn")).max() < 2.0
    raw = Tracks.build(p, apart_s=0.0, floor_s=1.0).features()[30:-30]
    assert np.median(named(raw, "implied_speed_most_kn")) > 20.0


def test_a_track_shorter_than_the_distance_of_neighbours_has_neighbours_still() -> None:
    f = Tracks.build(straight(n=3, step=1.0)).features()
    np.testing.assert_array_equal(named(f, "gap_s"), [2.0, 1.0, 2.0])


def test_a_record_sent_twice_does_not_vouch_for_itself() -> None:
    p = moved(straight(), 4, 30.0)
    twice = Tracks.build(p.take([0, 1, 2, 3, 4, 4, 5, 6, 7, 8]))
    np.testing.assert_allclose(twice.features([4, 5]), Tracks.build(p).features([4, 4]))


def test_days_without_data_imply_little_speed() -> None:
    p = positions_of({"latitude": [0.0, 1.0], "longitude": [0.0, 0.0], "time": [0, 5 * 86400], "entity": ["a", "a"]})
    f = Tracks.build(replace(p, speed=np.full(2, 10.0), heading=np.zeros(2))).features()
    np.testing.assert_allclose(named(f, "implied_speed_kn"), KM_PER_DEGREE / (5 * 86400) / KN)
    assert np.isnan(named(f, "reckoned_km")).all()  # nobody is reckoned over five days


def test_who_stands_alone_or_is_unknown_has_nothing_to_compare_with() -> None:
    p = positions_of(
        {
            "latitude": [0.0, 1.0, 2.0, 3.0],
            "longitude": [0.0] * 4,
            "time": [0.0, 1.0, 2.0, np.nan],
            "entity": ["a", None, None, "a"],
        }
    )
    assert np.isnan(Tracks.build(p).features()).all()
    assert Tracks.build(p.take([])).features().shape == (0, len(NAMES))
    assert np.isnan(Tracks.build(p.take([1])).features()).all()


def test_tracks_of_different_entities_do_not_touch() -> None:
    one, other = straight(), straight(start=50.0)
    both = replace(one.take(np.r_[:9, :9]), entities=("a", "b"), entity=np.repeat([0, 1], 9))
    both = replace(both, longitude=np.r_[one.longitude, other.longitude])
    np.testing.assert_allclose(Tracks.build(both).features()[9:], Tracks.build(other).features(), atol=1e-6)


def test_new_records_are_compared_with_the_tracks_that_are_there() -> None:
    p = straight()
    without = Tracks.build(p.take(np.delete(np.arange(9), 4)))
    with_it = Tracks.build(p).features([4])
    np.testing.assert_allclose(without.features_of(p.entity[[4]], p.take([4])), with_it, atol=1e-9)
    assert np.isnan(without.features_of([-1, 7], p.take([4, 4]))).all()


def test_carried_forward_positions_are_repeats() -> None:
    entity = ["a", "a", "b", "a", "a", "b"]
    time = [0.0, 1.0, 1.0, 2.0, 3.0, 2.0]
    latitude = [5.0, 5.0, 5.0, 5.0, 6.0, 7.0]
    mask = repeats(entity, time, latitude, [1.0] * 6)
    assert mask.tolist() == [False, True, False, True, False, False]


def test_unknown_entities_repeat_nobody() -> None:
    assert not repeats([-1, -1], [0.0, 1.0], [5.0, 5.0], [1.0, 1.0]).any()
    assert repeats([], [], [], []).tolist() == []


@pytest.mark.realdata
def test_the_aircraft_that_were_lost_are_found(aircraft: object) -> None:
    """The count of docs/decisions/0006-demo-positions.md."""
    import gzip
    import json

    with gzip.open(str(aircraft)) as stream:
        rows = json.load(stream)
    columns = [np.array([row[name] for row in rows]) for name in ("icao24", "timestamp", "latitude", "longitude")]
    assert repeats(*columns).sum() == 53_929


def test_a_track_around_rows_answers_as_the_whole(fleet_of_tracks: Positions) -> None:
    """Without the records that the rows are not compared with, and in parts of whole entities."""
    p = fleet_of_tracks
    whole, some = Tracks.build(p), np.array([3, 40, 41, 77, 120, 199])
    np.testing.assert_array_equal(whole.take(some).features(), whole.features(some))
    around = whole.around(some)
    np.testing.assert_array_equal(around.features(), whole.features(some))
    assert len(around.time) <= 5 * len(some) < len(whole.time)
    parts = [np.flatnonzero(p.entity <= 1), np.flatnonzero(p.entity > 1)]
    joined = Tracks.joined([Tracks.build(p.take(part), floor_s=whole.floor_s) for part in parts])
    np.testing.assert_array_equal(joined.features(), whole.features(np.concatenate(parts)))


def test_tracks_of_different_kinds_are_not_joined() -> None:
    one, other = Tracks.build(straight(), floor_s=10.0), Tracks.build(straight(), floor_s=20.0)
    with pytest.raises(ValueError, match="floors"):
        Tracks.joined([one, other])


def test_the_floor_is_the_median_gap_of_all_parts() -> None:
    """Gaps of 12, 12, 30 and 40 s; those of different entities do not count, nor those of no time."""
    entity, time = np.array([0, 0, 0, 1, 1, 1, 1]), np.array([0.0, 12, 24, 5, 35, 75, 75])
    counts = gaps(entity, time)
    assert counts.sum() == 4
    assert floor_of(counts) == 12.0
    assert floor_of(gaps(entity[:3], time[:3]) + gaps(entity[3:], time[3:])) == 12.0
    assert floor_of(np.zeros_like(counts)) == 60.0


@pytest.fixture
def fleet_of_tracks() -> Positions:
    """Four vessels that wander, in rows of no order, some at one second and some without a name."""
    rng = np.random.default_rng(4)
    n = 200
    entity = rng.integers(-1, 4, n)
    return Positions(
        np.arange(n), 50 + rng.normal(0, 0.1, n), rng.normal(0, 0.1, n), rng.uniform(0, 20, n), rng.uniform(0, 360, n),
        np.round(rng.uniform(0, 3000, n), -1), entity, {}, ("a", "b", "c", "d"),
    )  # fmt: skip
