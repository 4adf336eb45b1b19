"""Travel times without a graph: closed forms, what holds of every model, and what is said of bad places."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, StudyError
from potomac.geo.distance import KM_PER_DEGREE, great_circle
from potomac.location.travel.circuity import Circuity, CircuityDensity, CircuityDistance
from potomac.location.travel.congestion import PROFILE
from potomac.location.travel.matrix import Matrix
from potomac.location.travel.model import blocks, checked_places
from potomac.location.travel.plain import GreatCircle, Minkowski

CHICAGO = [[41.88, -87.63], [41.79, -87.58], [42.05, -87.68]]
latitudes, longitudes = st.floats(-89, 89), st.floats(-180, 180)
places = st.lists(st.tuples(latitudes, longitudes), min_size=3, max_size=6).map(np.array)


def code(error: pytest.ExceptionInfo[DataError] | pytest.ExceptionInfo[StudyError]) -> str:
    return error.value.faults[0].code


# ---- the great circle


def test_a_degree_of_the_equator_at_its_own_length_an_hour_takes_an_hour() -> None:
    minutes = GreatCircle(KM_PER_DEGREE).minutes([[0, 0]], [[0, 1], [1, 0], [0, 0]])
    assert minutes == pytest.approx(np.array([[60.0, 60.0, 0.0]]))


def test_the_short_way_goes_over_the_antimeridian_and_the_poles() -> None:
    model = GreatCircle(KM_PER_DEGREE)
    assert model.minutes([[0, 179.5]], [[0, -179.5]])[0, 0] == pytest.approx(60)
    assert model.minutes([[89.5, 0]], [[89.5, 180]])[0, 0] == pytest.approx(60)
    assert model.minutes([[0, 0]], [[0, 180]])[0, 0] == pytest.approx(180 * 60)


def test_places_a_metre_apart_are_a_metre_apart() -> None:
    north = 1e-3 / KM_PER_DEGREE
    assert GreatCircle(60.0).minutes([[52.0, 13.0]], [[52 + north, 13.0]])[0, 0] == pytest.approx(1e-3, rel=1e-6)


@given(places)
@settings(max_examples=40, deadline=None)
def test_times_are_those_of_the_haversine_symmetric_and_no_leg_more_is_a_shortcut(p: np.ndarray) -> None:
    t = GreatCircle(60.0).minutes(p, p)
    assert t == pytest.approx(great_circle(p[:, None, 0], p[:, None, 1], p[None, :, 0], p[None, :, 1]), abs=1e-6)
    assert (t == t.T).all()
    assert (t[:, None, :] <= t[:, :, None] + t[None, :, :] + 1e-9).all()


# ---- along a grid of streets


def test_exponent_2_is_the_great_circle_and_so_is_factor_1() -> None:
    p = np.array(CHICAGO)
    straight = GreatCircle(30.0).minutes(p, p)
    assert Minkowski(30.0, 2.0, 17.0).minutes(p, p) == pytest.approx(straight)
    assert Circuity(30.0, 1.0).minutes(p, p) == pytest.approx(straight)


@pytest.mark.parametrize("latitude", [0.0, 41.9, -60.0])
def test_streets_make_a_diagonal_longer_by_the_square_root_of_2_at_any_latitude(latitude: float) -> None:
    """North and east by as many km each: |x| + |y| = sqrt(2) sqrt(x^2 + y^2)."""
    north = 0.01
    east = north / np.cos(np.radians(latitude + north / 2))
    ends = [[latitude, 10.0]], [[latitude + north, 10 + east]]
    straight = GreatCircle(60.0).minutes(*ends)[0, 0]
    grid = Minkowski(60.0, 1.0).minutes(*ends)[0, 0]
    assert grid == pytest.approx(2 * north * KM_PER_DEGREE, rel=1e-5)
    assert grid / straight == pytest.approx(np.sqrt(2), rel=1e-6)
    assert Minkowski(60.0, 1.0, 45.0).minutes(*ends)[0, 0] == pytest.approx(straight, rel=1e-6)
    assert Minkowski(60.0, np.inf).minutes(*ends)[0, 0] == pytest.approx(straight / np.sqrt(2), rel=1e-6)
    assert Minkowski(60.0, 1.5).minutes(*ends)[0, 0] == pytest.approx(straight * 2 ** (2 / 3 - 1 / 2), rel=1e-6)


def test_a_grid_turned_clockwise_has_its_streets_where_they_then_lead() -> None:
    """Streets that lead to bearings of 30 and 120 degrees: one goes straight at 30, and |cos| + |sin| farther else."""
    model = Minkowski(60.0, 1.0, 30.0)
    for bearing in (30.0, 120.0, 0.0, 75.0):
        north, east = 0.001 * np.cos(np.radians(bearing)), 0.001 * np.sin(np.radians(bearing))
        stretch = model.minutes([[0, 0]], [[north, east]])[0, 0] / GreatCircle(60.0).minutes([[0, 0]], [[north, east]])
        turned = np.radians(bearing - 30)
        assert stretch == pytest.approx(abs(np.cos(turned)) + abs(np.sin(turned)), rel=1e-6)


def test_a_grid_goes_over_the_antimeridian_too() -> None:
    here = Minkowski(40.0).minutes([[10, 5.0]], [[10.2, 5.3]])
    assert Minkowski(40.0).minutes([[10, 179.9]], [[10.2, -179.8]]) == pytest.approx(here)


@given(st.floats(1, 8), st.floats(0, 90), st.lists(st.tuples(st.floats(-.2, .2), st.floats(-.2, .2)), min_size=3,
                                                    max_size=5).map(np.array))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_along_a_grid_times_are_symmetric_and_a_detour_takes_longer(
    exponent: float, turn: float, p: np.ndarray
) -> None:
    t = Minkowski(60.0, exponent, turn).minutes(p, p)
    assert t == pytest.approx(t.T)
    assert (t[:, None, :] <= (t[:, :, None] + t[None, :, :]) * (1 + 1e-4) + 1e-9).all()  # the plane is not quite one
    assert (t <= np.sqrt(2) * GreatCircle(60.0).minutes(p, p) + 1e-9).all()


# ---- all of them


@pytest.mark.parametrize("model", [GreatCircle(), Minkowski(), Circuity(), CircuityDistance(near_kmh=20.0)])
def test_an_hour_multiplies_all_times_by_the_factor_of_the_profile(model: GreatCircle) -> None:
    free = model.minutes(CHICAGO, CHICAGO)
    assert model.minutes(CHICAGO, CHICAGO, 17.0) == pytest.approx(free * PROFILE[17])
    own = type(model)(profile=(2.0,) * 8 + (4.0,) + (2.0,) * 15)
    assert own.minutes(CHICAGO, CHICAGO, 8.5) == pytest.approx(type(model)().minutes(CHICAGO, CHICAGO) * 3.0)
    with pytest.raises(StudyError) as error:
        model.minutes(CHICAGO, CHICAGO, 25.0)
    assert code(error) == "location.departure"


def test_blocks_and_pairs_say_what_the_whole_says() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform([41, -88], [42, -87], (700, 2)), rng.uniform([41, -88], [42, -87], (300, 2))
    for model in (GreatCircle(), Minkowski(rotation=10.0), CircuityDistance()):
        whole = model.minutes(a, b, 8.0)
        parts = list(blocks(model, a, b, 128, 8.0))
        assert [(part.start, part.stop) for part, _ in parts][-1] == (640, 700)
        assert np.vstack([times for _, times in parts]) == pytest.approx(whole, rel=1e-13)
        assert model.rowwise(a[:300], b, 8.0) == pytest.approx(whole[:300].diagonal(), rel=1e-13)
    assert len(list(blocks(GreatCircle(), a, b))) == 1


@pytest.mark.parametrize(
    ("made", "key"),
    [(lambda: GreatCircle(0.0), "speed_kmh"), (lambda: GreatCircle(float("nan")), "speed_kmh"),
     (lambda: Minkowski(40.0, 0.9), "exponent"), (lambda: Circuity(40.0, 0.99), "factor"),
     (lambda: CircuityDistance(near=1.2, far=1.3), "near"), (lambda: CircuityDistance(decay_km=-1), "decay_km"),
     (lambda: CircuityDistance(40.0, near_kmh=50.0), "near_kmh"), (lambda: CircuityDensity(speeds=(9, 8)), "speeds")],
)  # fmt: skip
def test_numbers_that_no_model_has_are_refused(made: object, key: str) -> None:
    with pytest.raises(StudyError) as error:
        made()  # type: ignore[operator]
    assert (code(error), error.value.faults[0].key) == ("location.travel", key)


# ---- places


def test_places_come_from_whatever_holds_them() -> None:
    latitude, longitude = np.array(CHICAGO).T
    columns = {"name": ["a", "b", "c"], "longitude": longitude, "latitude": latitude}
    for given_ in (CHICAGO, pa.table(columns), pl.DataFrame(columns), columns):
        assert checked_places(given_).tolist() == CHICAGO


@pytest.mark.parametrize(
    ("points", "words"),
    [([[-87.6, 41.9], [-87.7, 41.8]], "look swapped"), ([[139.7, 35.7]], "look swapped"),
     ([[-0.1, 51.5], [139.7, 35.7]], "look swapped"), ([[41.9, np.nan]], "finite"), ([[95.0, 200.0]], "from -90 to 90"),
     (np.empty((0, 2)), "at least one"), ([1.0, 2.0], "[[latitude, longitude]]"),
     (np.zeros((2, 5)), "Turn rows and columns round"),
     ([["a", "b"]], "numbers"), ({"north": [1.0], "lon": [2.0]}, "no column latitude")],
)  # fmt: skip
def test_places_that_are_none_are_refused_and_it_is_said_why(points: object, words: str) -> None:
    with pytest.raises(DataError) as error:
        checked_places(points, "origins")
    assert code(error) == "location.points"
    assert words in str(error.value)
    assert error.value.faults[0].key == "origins"


def test_in_antarctica_a_longitude_once_round_is_believed() -> None:
    station = {"latitude": [-75.58], "longitude": [26.66]}
    with pytest.raises(DataError, match="-350 for 10"):
        checked_places(station)
    assert checked_places({"latitude": [-75.58], "longitude": [26.66 - 360]}).tolist() == [[-75.58, 26.66 - 360]]
    assert checked_places([[-77.85, 166.67]]).tolist() == [[-77.85, 166.67]]  # turned round it is nowhere


# ---- a matrix


def test_a_matrix_is_asked_by_id_and_by_place() -> None:
    m = Matrix([[1, 2, 3], [4, 5, 6]], ["a", "b"], [7, 8, 9])
    assert m.minutes(["b"], ["9", "7"]).tolist() == [[6, 4]]
    assert m.minutes().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert m.minutes([*"ab"], [7.0, 8.0], 17.0) == pytest.approx(np.array([[1, 2], [4, 5]]) * PROFILE[17])
    here = Matrix([[0, 2], [3, 0]], CHICAGO[:2])
    assert here.minutes([CHICAGO[1]], [[CHICAGO[0][0] + 1e-6, CHICAGO[0][1]]]).tolist() == [[3]]
    for model, ids in ((m, ["c"]), (m, CHICAGO), (here, [[41.0, -87.0]]), (here, ["a"])):
        with pytest.raises(DataError):
            model.minutes(ids, None)


def test_of_pairs_that_are_there_more_than_once_the_shortest_counts_and_they_are_counted() -> None:
    m = Matrix.from_pairs([1, 1, 2, 1], ["x", "x", "y", "x"], [5, 3, 2, 4])
    assert m.minutes([1, 2], ["x", "y"]).tolist() == [[3, np.inf], [np.inf, 2]]
    assert m.repeated == 2


def test_between_hours_times_are_interpolated_over_midnight_too() -> None:
    m = Matrix(np.array([[[10.0]], [[20.0]]]), ["a"], ["b"], hours=(6, 22))
    assert m.minutes(departure=6)[0, 0] == 10
    assert m.minutes(departure=14)[0, 0] == pytest.approx(15)
    assert m.minutes(departure=2)[0, 0] == pytest.approx(15)  # half of the eight hours from 22 to 6
    assert m.minutes()[0, 0] == 10


@pytest.mark.parametrize(
    ("made", "words"),
    [(lambda: Matrix(np.empty((0, 3))), "shape"), (lambda: Matrix([[1, np.nan]]), "nan"),
     (lambda: Matrix([[1, -2]]), "-2 minutes"), (lambda: Matrix([[1, 2, 3]], ["a"]), "square"),
     (lambda: Matrix([[1, 2], [3, 4]], ["a", "a"]), "more than once"),
     (lambda: Matrix([[1, 2]], ["a", "b"], [1, 2]), "2 origins"),
     (lambda: Matrix([[1]], [None]), "no id"), (lambda: Matrix([["x"]]), "not numbers"),
     (lambda: Matrix.from_pairs([1, 2], [3], [4, 5]), "2 origins, 1 destinations")],
)  # fmt: skip
def test_a_matrix_that_is_none_is_refused_and_it_is_said_why(made: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        made()  # type: ignore[operator]
