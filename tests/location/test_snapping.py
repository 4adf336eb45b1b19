"""The nearest road of a point, against all roads one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, great_circle, unit_vectors
from potomac.location.travel.snapping import Roads

Floats = npt.NDArray[np.float64]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_the_nearest_road_is_the_nearest_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, n = int(rng.integers(1, 80)), 30
    first = np.column_stack([rng.uniform(-90, 90, k), rng.uniform(-180, 180, k)])
    second = first + rng.normal(size=(k, 2)) * 10.0 ** rng.uniform(-4, 1, (k, 1))
    second[:, 0] = second[:, 0].clip(-90, 90)
    points = np.column_stack([rng.uniform(-90, 90, n), rng.uniform(-180, 180, n)])
    points[:10] = first[rng.integers(0, k, 10)] * 0.999
    found = Roads(first, second).nearest(points)
    alone = np.array([Roads(first[[j]], second[[j]]).nearest(points).km for j in range(k)])  # no box is left out
    np.testing.assert_allclose(found.km, alone.min(axis=0), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found.km, alone[found.road, np.arange(n)], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found.km, _to_foot(first, second, found, points), rtol=1e-6, atol=1e-7)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):  # no other place of any road is nearer
        there = _along(first, second, np.full(k, share))
        chord = np.linalg.norm(unit_vectors(*points.T)[:, None] - there[None], axis=2).min(axis=1)
        assert (found.km <= 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1)) + 1e-7).all()


def _along(first: Floats, second: Floats, share: Floats) -> Floats:
    """Unit vectors at a share of arcs (Shoemake 1985, spherical linear interpolation)."""
    a, b = unit_vectors(*first.T), unit_vectors(*second.T)
    angle = 2 * np.arcsin(np.minimum(np.linalg.norm(b - a, axis=1) / 2, 1))
    angle = np.maximum(angle, 1e-12)
    there: Floats = (np.sin((1 - share) * angle)[:, None] * a + np.sin(share * angle)[:, None] * b) / np.sin(angle)[
        :, None
    ]
    return there


def _to_foot(first: Floats, second: Floats, found: Any, points: Floats) -> Floats:
    feet = _along(first[found.road], second[found.road], found.share)
    chord = np.linalg.norm(unit_vectors(*points.T) - feet, axis=1)
    km: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1))
    return km


def test_beyond_its_end_a_road_is_met_at_the_end() -> None:
    found = Roads(np.array([[0.0, 0.0]]), np.array([[0.0, 1.0]])).nearest(
        np.array([[0.0, 2.0], [1.0, -1.0], [1.0, 0.5]])
    )
    np.testing.assert_allclose(found.share, [1, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(found.km, [KM_PER_DEGREE, great_circle(1, -1, 0, 0), KM_PER_DEGREE], rtol=1e-12)


def test_where_there_is_no_road() -> None:
    found = Roads(np.empty((0, 2)), np.empty((0, 2))).nearest(np.zeros((2, 2)))
    assert (found.road.tolist(), np.isinf(found.km).all()) == ([-1, -1], True)
