"""Distances and bearings against values that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, bearing, great_circle, local_plane, unit_vectors

LATITUDE = st.floats(-90, 90)
LONGITUDE = st.floats(-180, 180)
QUARTER = np.pi / 2 * EARTH_RADIUS_KM


def test_the_radius_is_the_mean_of_the_axes_of_wgs84() -> None:
    a, f = 6378.137, 1 / 298.257223563
    b = a * (1 - f)
    assert pytest.approx((2 * a + b) / 3, abs=1e-4) == EARTH_RADIUS_KM
    assert pytest.approx(2 * np.pi * EARTH_RADIUS_KM / 360) == KM_PER_DEGREE


@pytest.mark.parametrize(
    ("one", "two", "arc"),
    [
        ((0, 0), (0, 90), np.pi / 2),  # a quarter of the equator
        ((0, 0), (90, 57), np.pi / 2),  # from the equator to the pole, whatever the pole's longitude
        ((45, 10), (-45, -170), np.pi),  # antipodes
        ((0, 179.5), (0, -179.5), np.radians(1)),  # over the antimeridian, the short way
        ((80, 0), (80, 180), np.radians(20)),  # over the pole, not along the parallel
        ((60, 0), (60, 180), np.radians(60)),
        ((12, 34), (12, 34), 0.0),
    ],
)
def test_arcs_that_are_known(one: tuple[float, float], two: tuple[float, float], arc: float) -> None:
    assert great_circle(*one, *two) == pytest.approx(arc * EARTH_RADIUS_KM, rel=1e-12, abs=1e-9)


def test_the_worked_example_of_los_angeles_and_new_york() -> None:
    # E. Williams, Aviation Formulary: LAX (33°57'N, 118°24'W) to JFK (40°38'N, 73°47'W) is 0.623585 radians,
    # on a first course of 1.150035 radians (66 degrees).
    lax, jfk = (33 + 57 / 60, -(118 + 24 / 60)), (40 + 38 / 60, -(73 + 47 / 60))
    assert great_circle(*lax, *jfk) / EARTH_RADIUS_KM == pytest.approx(0.623585, abs=5e-7)
    assert np.radians(bearing(*lax, *jfk)) == pytest.approx(1.150035, abs=5e-6)


def test_metres_are_not_lost_in_rounding() -> None:
    # acos of the spherical law of cosines would say 0 here; one metre of latitude is 1e-3 / KM_PER_DEGREE degrees
    assert great_circle(50, 8, 50 + 1e-3 / KM_PER_DEGREE, 8) == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize(
    ("one", "two", "course"),
    [
        ((0, 0), (1, 0), 0),
        ((0, 0), (0, 1), 90),
        ((0, 0), (-1, 0), 180),
        ((0, 0), (0, -1), 270),
        ((0, 179), (0, -179), 90),
    ],
)
def test_bearings_of_the_compass(one: tuple[float, float], two: tuple[float, float], course: float) -> None:
    assert bearing(*one, *two) == pytest.approx(course)


@given(LATITUDE, LONGITUDE, LATITUDE, LONGITUDE)
def test_a_distance_is_symmetric_and_at_most_half_the_earth(a: float, b: float, c: float, d: float) -> None:
    there, back = great_circle(a, b, c, d), great_circle(c, d, a, b)
    assert there == pytest.approx(back, abs=1e-6)
    assert 0 <= there <= 2 * QUARTER + 1e-9
    assert 0 <= bearing(a, b, c, d) < 360


@given(LATITUDE, LONGITUDE, LATITUDE, LONGITUDE)
def test_the_chord_of_unit_vectors_is_twice_the_sine_of_half_the_arc(a: float, b: float, c: float, d: float) -> None:
    chord = float(np.linalg.norm(unit_vectors(a, b) - unit_vectors(c, d)))
    arc = float(great_circle(a, b, c, d)) / EARTH_RADIUS_KM
    assert chord == pytest.approx(2 * np.sin(arc / 2), abs=1e-7)


def test_arguments_broadcast() -> None:
    matrix = great_circle(np.zeros((3, 1)), np.zeros((3, 1)), np.zeros(4), np.arange(4.0))
    assert matrix.shape == (3, 4)
    assert matrix[1] == pytest.approx(np.arange(4) * KM_PER_DEGREE)


@pytest.mark.parametrize("longitude", [10.0, 179.99, -180.0])
def test_the_local_plane_agrees_with_the_sphere_nearby(longitude: float) -> None:
    lat = np.array([50.1, 49.9, 50.0])
    lon = (longitude + np.array([0.1, -0.2, 0.3]) + 180) % 360 - 180
    east, north = local_plane(lat, lon, 50.0, longitude)
    assert np.hypot(east, north) == pytest.approx(great_circle(lat, lon, 50.0, longitude), rel=3e-3)
    assert np.sign(east).tolist() == [1, -1, 1]
    assert np.sign(np.round(north, 6)).tolist() == [1, -1, 0]


def test_the_error_of_the_local_plane_is_the_one_it_states() -> None:
    # 300 km north of 45 degrees: true width of a degree over the drawn one is cos(phi) / cos(lat0)
    phi = 45 + 300 / KM_PER_DEGREE
    east, _ = local_plane(phi, 1.0, 45.0, 0.0)
    true = np.cos(np.radians(phi)) * KM_PER_DEGREE
    assert 0.04 < 1 - true / float(east) < np.tan(np.radians(45)) * 300 / EARTH_RADIUS_KM + 0.002
