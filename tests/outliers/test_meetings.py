"""Who is near whom: against every pair by brute force, and the surprise in closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.geo.distance import KM_PER_DEGREE, great_circle
from potomac.outliers.meetings import COARSE_KM, NAMES, Meetings
from potomac.outliers.positions import Positions, positions_of

HOUR = 3600.0


def named(features: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    return features[:, NAMES.index(name)]


def vessel(name: str, km_east: float, km_north: float, hours: npt.ArrayLike, speed: float = 0.5) -> dict[str, Any]:
    """A vessel that lies near (0, 0) and reports at the hours given."""
    n = len(np.atleast_1d(hours))
    return {
        "entity": [name] * n,
        "latitude": [km_north / KM_PER_DEGREE] * n,
        "longitude": [km_east / KM_PER_DEGREE] * n,
        "time": (np.atleast_1d(hours) * HOUR).tolist(),
        "speed": [speed] * n,
        "heading": [0.0] * n,
    }


def fleet(*vessels: dict[str, Any]) -> Positions:
    return positions_of({name: [value for v in vessels for value in v[name]] for name in vessels[0]})


places = st.tuples(
    st.floats(-4, 4), st.floats(-4, 4), st.sampled_from([0.0, 0.1, 0.2, 0.4]), st.sampled_from([0.5, 9.0])
)


@given(st.lists(places, min_size=1, max_size=12), st.sampled_from([0.0, 80.0, -89.99]), st.sampled_from([0.0, 179.99]))
def test_neighbours_are_those_of_brute_force(some: list[Any], lat0: float, lon0: float) -> None:
    n = len(some)
    north, east, hour, speed = np.array(some, float).T
    lat = np.clip(lat0 + north / KM_PER_DEGREE, -90, 90)
    lon = (lon0 + east / KM_PER_DEGREE / np.cos(np.radians(lat0)) + 180) % 360 - 180
    p = positions_of({"latitude": lat, "longitude": lon, "time": hour * HOUR, "speed": speed, "entity": np.arange(n)})
    f = Meetings.build(p, radius_km=3.0).features()
    km = great_circle(lat[:, None], lon[:, None], lat, lon)
    near = (np.abs(hour[:, None] - hour) <= 0.25 + 1e-9) & (km <= 3.0) & ~np.eye(n, dtype=bool)
    for name, among in (("nearest_km", near), ("nearest_slow_km", near & (speed <= 2))):
        np.testing.assert_allclose(named(f, name), np.where(among, km, 3.0).min(axis=1), atol=1e-6, err_msg=name)
    np.testing.assert_allclose(np.expm1(named(f, "others_near")), near.sum(axis=1))
    np.testing.assert_allclose(np.expm1(named(f, "slow_near")), (near & (speed <= 2)).sum(axis=1))


def test_the_surprise_is_that_of_a_random_neighbour() -> None:
    """Two alone for one hour: density of one vessel in three by three cells, P = 1 - exp(-density pi d^2)."""
    m = Meetings.build(fleet(vessel("a", 2.5, 0, [0, 0.5]), vessel("b", 2.8, 0, [0, 0.5])))
    density = 1 / (3 * COARSE_KM) ** 2
    expected = -np.log10(1 - np.exp(-density * np.pi * 0.3**2))
    np.testing.assert_allclose(named(m.features([0]), "meeting"), expected, rtol=1e-3)


def test_a_pair_in_open_water_is_odder_than_one_in_a_harbour() -> None:
    rng = np.random.default_rng(1)
    hours = np.arange(0, 6, 0.2)
    harbour = [vessel(f"h{k}", 40 + rng.uniform(-1, 1), rng.uniform(-1, 1), hours) for k in range(30)]
    pair = [vessel("a", 0, 0, hours), vessel("b", 0.3, 0, hours)]
    moored = [vessel("c", 40, 0, hours), vessel("d", 40.3, 0, hours)]
    p = fleet(*harbour, *pair, *moored)
    surprise = named(Meetings.build(p).features(), "meeting")
    of = {name: surprise[np.array(p.names().to_pylist()) == name].mean() for name in ("a", "c")}
    assert of["a"] > 3 > 1 > of["c"]


def test_who_moves_meets_nobody_and_who_is_alone_neither() -> None:
    m = Meetings.build(fleet(vessel("a", 0, 0, 0.0), vessel("b", 0.3, 0, 0.0), vessel("c", 90, 0, 0.0)))
    f = m.features(speed=[9.0, 0.5, 0.5])
    assert named(f, "meeting")[0] == 0.0  # passes b at nine knots
    assert named(f, "meeting")[1] > 0.0
    assert named(f, "meeting")[2] == 0.0
    assert named(f, "nearest_km")[2] == 5.0  # nobody within the radius


def test_a_hypothetical_record_is_judged_where_it_is_put() -> None:
    m = Meetings.build(fleet(vessel("a", 0, 0, 0.0), vessel("b", 60, 0, 0.0), vessel("c", 60, 9, 0.0)))
    f = m.features([0], latitude=[0.0], longitude=[59.8 / KM_PER_DEGREE])
    assert named(f, "nearest_slow_km")[0] == pytest.approx(0.2, rel=1e-6)
    assert named(m.features([0]), "nearest_slow_km")[0] == 5.0


def test_own_records_do_not_count_but_a_copied_identity_does() -> None:
    """Two transmitters with one number at one second are two vessels; two reports of one vessel are not."""
    own = fleet(vessel("a", 0, 0, 0.0), vessel("a", 0.3, 0, 0.1))
    assert named(Meetings.build(own).features(), "nearest_km").tolist() == [5.0, 5.0]
    copied = fleet(vessel("a", 0, 0, 0.0), vessel("a", 0.3, 0, 0.0))
    np.testing.assert_allclose(named(Meetings.build(copied).features(), "nearest_slow_km"), 0.3, rtol=1e-6)
    jitter = fleet(vessel("a", 0, 0, 0.0), vessel("a", 0.05, 0, 0.0))  # 50 m: one vessel heard by two stations
    assert named(Meetings.build(jitter).features(), "nearest_km").tolist() == [5.0, 5.0]


def test_unknown_entities_are_somebody_else_each_time() -> None:
    p = fleet(vessel("a", 0, 0, 0.0), vessel("a", 0.3, 0, 0.0))
    p = replace(p, entity=np.array([-1, -1]))
    np.testing.assert_allclose(named(Meetings.build(p).features(), "nearest_km"), 0.3, rtol=1e-6)


def test_without_a_time_there_is_no_meeting() -> None:
    p = fleet(vessel("a", 0, 0, 0.0), vessel("b", 0.3, 0, 0.0))
    m = Meetings.build(replace(p, time=np.array([np.nan, 0.0])))
    f = m.features()
    assert np.isnan(f[0]).all()
    assert named(f, "nearest_km")[1] == 5.0
    assert Meetings.build(p.take([])).features().shape == (0, len(NAMES))


@given(st.permutations(range(12)))
def test_the_order_of_the_rows_changes_nothing(order: list[int]) -> None:
    p = fleet(vessel("a", 0, 0, [0, 0.05, 1, 2]), vessel("b", 0.3, 0, [0, 0.05, 1, 2]), vessel("c", 1, 1, [0, 1, 2, 3]))
    shuffled = p.take(order)
    one, two = Meetings.build(p), Meetings.build(shuffled)
    np.testing.assert_array_equal(two.features(), one.features()[order])
    assert two.find(shortest_s=0).equals(one.find(shortest_s=0))


def test_new_records_are_compared_with_those_that_are_there() -> None:
    p = fleet(vessel("a", 0, 0, [0, 1, 2]), vessel("b", 0.3, 0, [0, 1, 2]), vessel("c", 1, 1, [0, 1, 2]))
    new = fleet(vessel("new", 0.2, 0, 1.0))
    f = Meetings.build(p).features_of([-1], new)
    assert named(f, "nearest_slow_km")[0] == pytest.approx(0.1, rel=1e-6)
    assert named(f, "others_near")[0] == pytest.approx(np.log1p(3))


def rendezvous() -> Positions:
    """Two vessels come from afar, lie 200 m apart for three hours far from everybody, and leave."""
    hours = np.arange(0, 3.01, 0.1)
    there = [vessel("a", 0, 0, 10 + hours), vessel("b", 0.2, 0, 10 + hours)]
    before = [vessel("a", -50, 0, 0.0, 12.0), vessel("b", 50, 0, 0.0, 12.0)]
    bystanders = [vessel("c", 20, 20, np.arange(0, 24.0)), vessel("d", 60, 0, 10 + hours)]
    return fleet(*there, *before, *bystanders)


def test_a_meeting_is_found_with_its_place_and_times() -> None:
    p = rendezvous()
    (found,) = Meetings.build(p).find().to_pylist()
    assert (found["entity"], found["other"], found["where"]) == ("a", "b", "open water")
    assert found["start"].timestamp() == 10 * HOUR
    assert found["end"].timestamp() == pytest.approx(13 * HOUR)
    assert found["hours"] == pytest.approx(3.0)
    assert found["distance_km"] == pytest.approx(0.2, rel=1e-6)
    assert (p.names()[found["row"]].as_py(), p.names()[found["other_row"]].as_py()) == ("a", "b")
    assert found["slow_usually"] == pytest.approx(0.0, abs=1e-12)
    assert found["surprise"] > 4


def test_short_meetings_and_passing_vessels_are_none() -> None:
    hours = np.arange(0, 1.01, 0.1)
    short = fleet(vessel("a", 0, 0, hours), vessel("b", 0.2, 0, hours))
    assert Meetings.build(short).find().num_rows == 0
    assert Meetings.build(short).find(shortest_s=1800).num_rows == 1
    fast = fleet(vessel("a", 0, 0, np.arange(9.0), 8.0), vessel("b", 0.2, 0, np.arange(9.0)))
    assert Meetings.build(fast).find(shortest_s=0).num_rows == 0


def test_a_long_pause_makes_two_meetings() -> None:
    hours = np.r_[np.arange(0, 3, 0.25), np.arange(10, 14, 0.25)]
    p = fleet(vessel("a", 0, 0, hours), vessel("b", 0.2, 0, hours))
    found = Meetings.build(p).find().to_pydict()
    assert sorted(found["hours"]) == [2.75, 3.75]
    assert found["where"] == ["berth", "berth"]  # neither was ever seen elsewhere


def test_a_raft_of_vessels_meets_nobody() -> None:
    hours = np.arange(0, 4, 0.25)
    raft = fleet(*(vessel(f"r{k}", 0.02 * k, 0, hours) for k in range(12)))
    assert Meetings.build(raft).find().num_rows == 0
    assert Meetings.build(raft).find(most_company=11).num_rows == 12 * 11 / 2
    with pytest.raises(ValueError, match="most_company"):
        Meetings.build(raft).find(most_company=16)


def test_a_pair_at_an_anchorage_is_said_to_be_there() -> None:
    hours = np.arange(0, 4, 0.25)
    lying = [vessel(f"r{k}", 2.0 + k, 3.0, hours) for k in range(4)]
    come = [vessel("a", -50, 0, -5.0, 12.0), vessel("b", 50, 0, -5.0, 12.0)]
    p = fleet(*lying, *come, vessel("a", 0, 0, hours), vessel("b", 0.2, 0, hours))
    (found,) = Meetings.build(p).find().to_pylist()
    assert found["where"] == "anchorage"
    assert found["slow_usually"] == pytest.approx(4 * 4 / 5)  # four vessels in four of the five hours with records


def test_distances_and_times_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        Meetings.build(rendezvous(), radius_km=0)


def test_slow_ones_alone_tell_of_the_same_meetings() -> None:
    """Moving vessels are no partners, but the hours that they spent somewhere count all the same."""
    p = fleet(vessel("a", 0, 0, [0, 0.2, 0.1]), vessel("b", 0.4, 0, [0, 0.1, 0.0]), vessel("c", 3, 0, [0, 40, 80]))
    p = replace(p, speed=np.where(p.entity == 2, 15.0, p.speed))
    one, other = Meetings.build(p), Meetings.build(p, slow_only=True)
    np.testing.assert_array_equal(named(other.features(), "meeting"), named(one.features(), "meeting"))
    np.testing.assert_array_equal(named(other.features(), "nearest_slow_km"), named(one.features(), "nearest_slow_km"))
    assert other.find(shortest_s=0).equals(one.find(shortest_s=0))
    assert len(other.cells.time) < len(one.cells.time)
