"""Projections: back and forth, what they keep, and how wrong they say they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, great_circle
from potomac.geo.project import Projection, for_box

KINDS = ("mercator", "equirectangular")


@pytest.mark.parametrize("kind", KINDS)
@given(st.floats(-180, 180), st.floats(-80, 80), st.floats(-180, 180), st.floats(-80, 80))
def test_there_and_back(kind: str, lon: float, lat: float, lon0: float, lat0: float) -> None:
    plane = Projection(kind, lon0, lat0)  # type: ignore[arg-type]
    assert plane.inverse(*plane.forward(lon, lat)) == pytest.approx((lon, lat), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_origin_is_zero_and_north_is_up(kind: str) -> None:
    plane = Projection(kind, 5.0, 60.0)  # type: ignore[arg-type]
    assert plane.forward(5.0, 60.0) == pytest.approx((0, 0))
    x, y = plane.forward(np.array([5.0, 6.0]), np.array([61.0, 60.0]))
    assert (x[0], y[1]) == pytest.approx((0, 0))
    assert y[0] > 0 < x[1]


@pytest.mark.parametrize("kind", KINDS)
def test_distances_along_the_standard_parallel_are_true(kind: str) -> None:
    x, _ = Projection(kind, 0.0, 60.0).forward(1.0, 60.0)  # type: ignore[arg-type]
    assert x == pytest.approx(KM_PER_DEGREE * 0.5)  # cos 60 is 1/2


def test_snyders_mercator_of_a_sphere() -> None:
    # Snyder (1987), p. 266: sphere of radius 1, central meridian 180 W, latitude 35 N, longitude 75 W:
    # x = 1.8325957, y = 0.6528366
    x, y = Projection("mercator", -180.0, 0.0).forward(-75.0, 35.0)
    assert (x / EARTH_RADIUS_KM, y / EARTH_RADIUS_KM) == pytest.approx((1.8325957, 0.6528366), abs=5e-8)


def test_mercator_keeps_shapes() -> None:
    # a step of a thousandth of a degree north and one of the same length east stay equal and at right angles
    plane, d = Projection("mercator", 0.0, 30.0), 1e-3
    for lat in (0.0, 40.0, 70.0):
        (x0, y0), (x1, y1) = plane.forward(2.0, lat), plane.forward(2.0 + d / np.cos(np.radians(lat)), lat)
        (x2, y2) = plane.forward(2.0, lat + d)
        assert (y1 - y0, x2 - x0) == pytest.approx((0, 0), abs=1e-9)
        assert y2 - y0 == pytest.approx(x1 - x0, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("south", "north"), [(40, 60), (-10, 30), (-60, -50)])
def test_the_scale_error_is_the_worst_that_can_be_measured(kind: str, south: float, north: float) -> None:
    plane = Projection(kind, 0.0, (south + north) / 2)  # type: ignore[arg-type]
    lat = np.linspace(south, north, 401)
    x, _ = plane.forward(np.full_like(lat, 0.01), lat)
    drawn_over_true = x / great_circle(lat, 0, lat, 0.01)
    assert plane.scale_error(south, north) == pytest.approx(np.abs(drawn_over_true - 1).max(), rel=1e-4)


def test_which_projection_a_box_gets() -> None:
    assert for_box(0, 48, 4, 50) == Projection("mercator", 2.0, 49.0)
    assert for_box(-180, 60, 180, 90) == Projection("equirectangular", 0.0, 75.0)
    assert for_box(-180, -90, 180, 90) == Projection("equirectangular", 0.0, 0.0)
    assert for_box(0, 86, 4, 90).lat0 == 85.0  # at the pole itself nothing would be left of the width
