"""The best single place: closed forms, brute force, and what must not change when the world is turned."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from potomac.errors import DataError, StudyError
from potomac.geo.distance import EARTH_RADIUS_KM, great_circle, unit_vectors
from potomac.location.geometry import geometric_median, smallest_circle
from potomac.location.places import degrees

QUARTER = np.pi / 2 * EARTH_RADIUS_KM


def cost(points, place, weights=1.0, metric="plane"):
    p = np.asarray(points, float)
    d = np.hypot(*(p - place).T) if metric == "plane" else great_circle(p[:, 0], p[:, 1], *place)
    return float((weights * d).sum())


# ---- the sum of distances


def test_corners_of_a_square_meet_in_its_centre() -> None:
    site = geometric_median([[0, 0], [2, 0], [0, 2], [2, 2]], metric="plane")
    assert (site.x, site.y) == pytest.approx((1, 1), abs=1e-9)
    assert site.objective == pytest.approx(4 * np.sqrt(2))
    assert site.proven


def test_lines_to_the_corners_of_a_triangle_meet_at_120_degrees() -> None:
    """Torricelli's point; the sum of distances is sqrt((a^2 + b^2 + c^2) / 2 + 2 sqrt(3) F), F the area."""
    corners = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]])
    site = geometric_median(corners, metric="plane")
    assert site.objective == pytest.approx(np.sqrt((9 + 16 + 25) / 2 + 2 * np.sqrt(3) * 6))
    ways = corners - site.place
    ways /= np.hypot(*ways.T)[:, None]
    assert [a @ b for a, b in combinations(ways, 2)] == pytest.approx([-0.5] * 3, abs=1e-6)


def test_a_corner_of_120_degrees_or_more_is_the_median_itself() -> None:
    site = geometric_median([[0, 0], [1, 0], [-1, 0.3]], metric="plane")
    assert (site.place, site.point) == ((0.0, 0.0), 0)
    assert site.gap == 0


def test_the_answer_of_vardi_and_zhang_where_weiszfeld_stops_at_a_point_that_is_no_median() -> None:
    """A start (the mean) that falls on a demand point: (0, 0) is one here, and no median."""
    points = np.array([[0.0, 0.0], [1.0, 0.0], [-2.0, 1.0], [-2.0, -1.0], [3.0, 0.0]])
    assert points.mean(0) == pytest.approx([0, 0])
    tilted = np.vstack([points, [[0.5, 2.0], [-0.5, -2.0]]])
    site = geometric_median(tilted, [0.1, 4, 1, 1, 1, 1, 1], metric="plane")
    assert site.place == (1.0, 0.0)  # 4 > the pull of all others
    assert site.proven


def test_half_of_the_weight_holds_the_median() -> None:
    site = geometric_median([[0, 0], [10, 3], [-4, 8]], [2, 1, 1], metric="plane")
    assert (site.place, site.point, site.gap) == ((0.0, 0.0), 0, 0)


@pytest.mark.parametrize("width", [0.0, 1e-13, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("n", [2, 3, 40, 401])
def test_points_that_all_but_lie_on_a_line_have_their_median_there(n: int, width: float) -> None:
    rng = np.random.default_rng(n)
    t, off = rng.normal(size=n), width * rng.normal(size=n)
    points = np.stack([3 * t - 4 * off, 4 * t + 3 * off], axis=1)
    w = rng.uniform(0.5, 2, n)
    site = geometric_median(points, w, metric="plane")
    best = min(cost(points, p, w) for p in points)
    assert site.proven
    assert site.objective <= best * (1 + 1e-9)


coordinates = st.floats(-100, 100, allow_nan=False, width=32)
weighted = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (n, 2), elements=coordinates), arrays(np.float64, n, elements=st.integers(1, 9))
    )
)


@given(weighted)
def test_on_the_plane_every_median_is_proven_and_no_place_near_is_better(case) -> None:
    points, w = case
    site = geometric_median(points, w, metric="plane")
    assert site.proven
    assert site.bound <= site.objective
    assert site.objective == pytest.approx(cost(points, site.place, w), rel=1e-9, abs=1e-9)
    for step in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3), (1, 1), (-1, 2)):
        assert cost(points, np.add(site.place, step), w) >= site.bound - 1e-9


@given(weighted, st.floats(0, 6), st.floats(-50, 50))
def test_turned_and_moved_points_have_the_turned_and_moved_sum(case, angle: float, by: float) -> None:
    points, w = case
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    one, other = (geometric_median(p, w, metric="plane") for p in (points, points @ turn + by))
    assert other.objective == pytest.approx(one.objective, rel=1e-8, abs=1e-8)


def test_weights_are_repetitions() -> None:
    points = np.array([[50.0, 3.0], [48.0, 11.0], [52.5, 13.4], [45.4, 9.2]])
    w = np.array([1, 3, 2, 5])
    one, many = geometric_median(points, w), geometric_median(np.repeat(points, w, axis=0))
    assert one.objective == pytest.approx(many.objective, rel=1e-12)


def test_across_the_antimeridian_the_median_is_that_of_the_same_points_elsewhere() -> None:
    here = np.array([[-17.7, 178.0], [-13.8, -171.8], [-21.1, -175.2], [-16.5, 179.4]])
    there = np.stack([here[:, 0], (here[:, 1] - 200 + 180) % 360 - 180], 1)
    one, other = geometric_median(here), geometric_median(there)
    assert one.objective == pytest.approx(other.objective, rel=1e-12)
    assert (one.longitude - other.longitude) % 360 == pytest.approx(200, abs=1e-5)
    assert -180 <= one.longitude < 180


def test_around_the_pole_the_median_is_the_pole() -> None:
    site = geometric_median([[80, 0], [80, 90], [80, 180], [80, -90]])
    assert site.latitude == pytest.approx(90, abs=1e-6)
    assert site.objective == pytest.approx(4 * QUARTER / 9, rel=1e-12)
    assert site.proven


def test_in_a_small_area_sphere_and_plane_agree() -> None:
    rng = np.random.default_rng(5)
    xy = rng.normal(size=(200, 2)) * 5  # km
    flat = geometric_median(xy, metric="plane")
    round_ = geometric_median(xy / (np.pi * EARTH_RADIUS_KM / 180))
    assert round_.objective == pytest.approx(flat.objective, rel=1e-5)
    assert (round_.longitude, round_.latitude) == pytest.approx(
        (flat.y / (np.pi * EARTH_RADIUS_KM / 180), flat.x / (np.pi * EARTH_RADIUS_KM / 180)), abs=1e-4
    )


def around(seed: int, n: int):
    v = np.random.default_rng(seed).normal(size=(n, 3))
    return degrees(v / np.linalg.norm(v, axis=1, keepdims=True))


@pytest.mark.parametrize("seed", range(6))
def test_around_the_globe_the_best_of_all_local_medians_is_found_and_proven(seed: int) -> None:
    points = around(seed, 40)
    w = np.random.default_rng(seed).uniform(0.2, 3, 40)
    site = geometric_median(points, w)
    grid = around(99, 20_000)
    best = min(cost(points, place, w, "sphere") for place in grid[:: 20 - seed])
    assert site.bound <= site.objective <= best
    assert site.gap < 1e-6


@pytest.mark.parametrize("points", [[[0, 0], [0, 180]], [[0, 0], [0, 180], [90, 0], [-90, 0]]])
def test_between_opposite_points_every_place_is_as_good_and_the_bound_holds(points) -> None:
    """d(v, a) + d(v, -a) is half of the circumference for every v."""
    site = geometric_median(points)
    assert site.objective == pytest.approx(len(points) * QUARTER)
    assert site.bound <= len(points) * QUARTER * (1 + 1e-12)
    assert site.gap < 0.02


@pytest.mark.parametrize("metric", ["plane", "sphere"])
def test_many_points_give_the_same_on_one_thread_and_on_several(metric, monkeypatch) -> None:
    from potomac.location import looks

    points = np.random.default_rng(1).normal(40, 5, size=(200_000, 2))
    one = geometric_median(points, metric=metric)
    monkeypatch.setattr(looks, "get_num_threads", lambda: 3)
    assert geometric_median(points, metric=metric) == one
    assert one.proven
    assert one.objective == pytest.approx(cost(points, one.place, 1.0, metric), rel=1e-10)


def test_points_without_weight_do_not_count_but_keep_their_numbers() -> None:
    site = geometric_median([[50, 0], [1, 1], [2, 2]], [0, 1, 5], metric="plane")
    assert (site.place, site.point) == ((2.0, 2.0), 2)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([[48.1, 11.5], [-122.4, 37.8]], "swapped"),
        ([[95.0, 400.0]], "latitude 95"),
        ([[np.nan, 1.0]], "finite"),
        ([[1.0, 2.0, 3.0]], "shape"),
        (np.empty((0, 2)), "shape"),
        ([["a", "b"]], "not numbers"),
    ],
)
def test_bad_points_are_named(points, said: str) -> None:
    for function in (geometric_median, smallest_circle):
        with pytest.raises(DataError, match=said):
            function(points)


def test_points_are_laid_out_as_unit_vectors_to_the_last_digits() -> None:
    """The sine of what is left of quarter turns: as NumPy has it but for 4 last places of 1, and exact at quarters."""
    from potomac.location.looks import laid

    draw = np.random.default_rng(3)
    points = np.column_stack([draw.uniform(-90, 90, 5000), draw.uniform(-360, 360, 5000)])
    quarters = np.array([[90.0, 0.0], [-90.0, 77.0], [0.0, 180.0], [0.0, -180.0], [0.0, 90.0], [0.0, 360.0]])
    with laid(np.vstack([points, quarters]), np.ones(5006), "sphere") as p:
        assert np.abs(p.lines[:3, :5000].T - unit_vectors(*points.T)).max() <= 4 * np.finfo(float).eps
        exact = [[0, 0, 1], [0, 0, -1], [-1, 0, 0], [-1, 0, 0], [0, 1, 0], [1, 0, 0]]
        assert p.lines[:3, 5000:].T.tolist() == exact


def test_a_metric_that_is_none_is_refused() -> None:
    with pytest.raises(StudyError, match="expected"):
        geometric_median([[0, 0]], metric="taxicab")  # type: ignore[arg-type]


# ---- the greatest distance


def brute_circle(points):
    """The least of all circles over two points or through three that hold the others."""
    best = np.inf if len(points) > 1 else 0.0
    for a, b in combinations(points, 2):
        best = min(best, held(points, (a + b) / 2, np.hypot(*(a - b)) / 2))
    for a, b, c in combinations(points, 3):
        m, rhs = 2 * np.array([b - a, c - a]), [b @ b - a @ a, c @ c - a @ a]
        if abs(np.linalg.det(m)) > 1e-9:
            centre = np.linalg.solve(m, rhs)
            best = min(best, held(points, centre, np.hypot(*(a - centre))))
    return best


def held(points, centre, radius):
    return radius if (np.hypot(*(points - centre).T) <= radius * (1 + 1e-9) + 1e-9).all() else np.inf


@given(st.integers(1, 9).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.integers(-20, 20))))
def test_the_circle_is_the_smallest_and_its_support_alone_has_the_same(points) -> None:
    circle = smallest_circle(points, metric="plane")
    assert circle.radius == pytest.approx(brute_circle(points), abs=1e-9)
    again = smallest_circle(points[list(circle.support)], metric="plane")
    assert again.radius == pytest.approx(circle.radius, abs=1e-9)
    assert len(circle.support) <= 3


def test_an_equilateral_triangle_has_its_circumcircle() -> None:
    """Side a: radius a / sqrt(3)."""
    circle = smallest_circle([[0, 0], [2, 0], [1, np.sqrt(3)], [1, 0.5]], metric="plane")
    assert circle.radius == pytest.approx(2 / np.sqrt(3))
    assert circle.support == (0, 1, 2)


def test_the_cap_around_the_pole_and_over_the_antimeridian() -> None:
    circle = smallest_circle([[70, 0], [70, 120], [70, -120], [85, 7]])
    assert circle.latitude == pytest.approx(90)
    assert circle.radius == pytest.approx(2 / 9 * QUARTER)
    pacific = smallest_circle([[0, 175], [0, -165]])
    assert (pacific.latitude, pacific.longitude) == pytest.approx((0, -175))
    assert pacific.radius == pytest.approx(QUARTER / 9)


@pytest.mark.parametrize(("below", "n"), [(60, 200), (-20, 300), (-50, 3000)])
def test_a_cap_with_a_hole_opposite_to_it_is_as_wide_as_the_hole_leaves(below: float, n: int) -> None:
    """Points on the parallel ``below`` and north of it: the cap reaches from the pole to it, however wide."""
    rng = np.random.default_rng(n)
    rim = np.stack([np.full(12, below), np.arange(12) * 30.0], 1)
    inner = np.degrees(np.arcsin(rng.uniform(np.sin(np.radians(below)), 1, n)))
    points = np.vstack([rim, np.stack([inner, rng.uniform(-180, 180, n)], 1)])
    circle = smallest_circle(points)
    assert circle.latitude == pytest.approx(90, abs=1e-6)
    assert circle.radius == pytest.approx((90 - below) / 90 * QUARTER, rel=1e-9)
    far = great_circle(points[:, 0], points[:, 1], circle.latitude, circle.longitude)
    assert far.max() == pytest.approx(circle.radius, rel=1e-9)
    assert far[list(circle.support)] == pytest.approx([circle.radius] * len(circle.support), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_centre_has_a_smaller_cap(seed: int) -> None:
    points = around(seed, 12 + 40 * seed)
    circle = smallest_circle(points)
    v, centres = unit_vectors(*points.T), unit_vectors(*around(7, 20_000).T)
    smallest = np.arccos(np.clip((centres @ v.T).min(1), -1, 1)).min() * EARTH_RADIUS_KM
    assert smallest * 0.9 < circle.radius <= smallest


def test_points_around_a_great_circle_have_a_hemisphere() -> None:
    circle = smallest_circle([[0, 0], [0, 100], [0, -120], [0, 30]])
    assert circle.radius == pytest.approx(QUARTER)
    assert abs(circle.latitude) == pytest.approx(90)
    assert set(circle.support) <= {0, 1, 2, 3}


def test_a_cap_of_a_few_metres_is_found_too() -> None:
    """1e-5 degrees are 1.1 m: half a side of 2.2 m of latitude."""
    circle = smallest_circle([[48.0, 11.0], [48.00002, 11.0], [48.00001, 11.000001]])
    assert circle.radius == pytest.approx(1e-5 * np.pi / 180 * EARTH_RADIUS_KM, rel=1e-6)
    assert circle.support == (0, 1)


def test_one_point_is_its_own_circle() -> None:
    circle = smallest_circle([[12.0, 34.0], [12.0, 34.0]])
    assert (circle.latitude, circle.longitude) == pytest.approx((12, 34))
    assert circle.radius == pytest.approx(0, abs=1e-6)
