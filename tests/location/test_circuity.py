"""Circuity by distance, density and place: closed forms, and what holds of every way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, StudyError
from potomac.geo.distance import KM_PER_DEGREE, great_circle
from potomac.location.travel.circuity import Circuity, CircuityDensity, CircuityDistance
from potomac.location.travel.density import DensitySurface
from potomac.location.travel.plain import GreatCircle
from potomac.location.travel.surface import CircuitySurface, Raster, design_of, fitted_surface, solved

Array = np.ndarray


def town(n: int, seed: int = 0, size: float = 0.2) -> Array:
    return np.random.default_rng(seed).uniform([50 - size, 8 - size], [50 + size, 8 + size], (n, 2))


# ---- by distance


def test_the_factor_decays_from_near_to_far() -> None:
    model = CircuityDistance(60.0, 1.8, 1.2, 10.0)
    assert model.factor([0.0, 10.0, 1e4]) == pytest.approx([1.8, 1.2 + 0.6 / np.e, 1.2])
    km = great_circle(50.0, 8.0, 50.2, 8.1)
    assert model.minutes([[50, 8]], [[50.2, 8.1]])[0, 0] == pytest.approx(km * model.factor(km))


def test_near_and_far_alike_are_the_constant_factor() -> None:
    p = town(8)
    assert CircuityDistance(50.0, 1.3, 1.3).minutes(p, p) == pytest.approx(Circuity(50.0, 1.3).minutes(p, p))


def test_inverse_speeds_are_averaged_and_not_speeds() -> None:
    """Half way between near and far: 1 / v = (1 / 20 + 1 / 60) / 2, v = 30."""
    model = CircuityDistance(60.0, 1.0, 1.0, 10.0, near_kmh=20.0)
    assert 60 / model.pace(10 * np.log(2)) == pytest.approx(30.0)


@given(st.floats(1, 1.5), st.floats(0, 2), st.floats(0.5, 50), st.floats(0.5, 1))
@settings(max_examples=60, deadline=None)
def test_a_longer_way_takes_longer_and_no_leg_more_is_a_shortcut(
    far: float, more: float, decay: float, slow: float
) -> None:
    model = CircuityDistance(40.0, far + more, far, decay, near_kmh=40.0 * slow)
    km = np.linspace(0, 8 * decay, 400)
    times = model.pace(km) * km
    assert (np.diff(times) > 0).all()
    p = town(6)
    t = model.minutes(p, p)
    assert (t == t.T).all()
    assert (t[:, None, :] <= t[:, :, None] + t[None, :, :] + 1e-9).all()
    assert (t >= GreatCircle(40.0).minutes(p, p) - 1e-9).all()


def test_a_decay_that_would_make_a_longer_way_a_shorter_time_is_refused() -> None:
    """d (1 + a exp(-d / L)) has its least slope, 1 - a exp(-2), at 2 L."""
    CircuityDistance(40.0, 1 + np.exp(2.0) - 1e-9, 1.0)
    with pytest.raises(StudyError):
        CircuityDistance(40.0, 1 + np.exp(2.0) + 1e-6, 1.0)


# ---- by density


def test_ten_times_as_dense_at_both_ends_is_slower_by_the_elasticity() -> None:
    model = CircuityDensity(45.0, 1.3, -0.1, -0.02)
    a, b = [[50.0, 8.0]], [[50.1, 8.0]]
    usual = model.minutes(a, b, origin_density=[1000], destination_density=[1000])
    assert usual == pytest.approx(Circuity(45.0, 1.3).minutes(a, b))
    dense = model.minutes(a, b, origin_density=[10_000], destination_density=[10_000])
    assert dense / usual == pytest.approx(10 ** (0.1 - 0.02))
    mixed = model.minutes(a, b, origin_density=[100], destination_density=[10_000])
    assert mixed == pytest.approx(usual)  # the geometric mean of both is 1000
    assert model.rowwise(a, b, origin_density=[10_000], destination_density=[10_000]) == pytest.approx(dense[0])


def test_circuity_is_never_below_1_nor_the_speed_outside_its_limits() -> None:
    a, b = [[50.0, 8.0]], [[50.1, 8.0]]
    straight = GreatCircle(60.0).minutes(a, b)

    def minutes(model: CircuityDensity, density: float) -> Array:
        return model.minutes(a, b, origin_density=[density], destination_density=[density])

    assert minutes(CircuityDensity(60.0, 1.3, 0.0, -0.5), 1e9) == pytest.approx(straight)
    assert minutes(CircuityDensity(60.0, 1.0, -1.0, 0.0), 1e9) == pytest.approx(straight * 60 / 8)
    assert minutes(CircuityDensity(60.0, 1.0, -1.0, 0.0), 0.0) == pytest.approx(straight / 2)


def test_without_a_density_it_is_said_what_to_give() -> None:
    with pytest.raises(DataError, match="origin_density"):
        CircuityDensity().minutes([[50, 8]], [[51, 8]])
    with pytest.raises(DataError, match="destination_density"):
        CircuityDensity().minutes([[50, 8]], [[51, 8]], origin_density=[5.0])
    with pytest.raises(DataError, match="expected 0 or more"):
        CircuityDensity().minutes([[50, 8]], [[51, 8]], origin_density=[-5.0], destination_density=[1.0])


@pytest.mark.parametrize("centre", [(0.0, 0.0), (60.0, 180.0), (-45.0, -179.99)])
def test_a_point_with_people_makes_a_hill_whose_top_is_twice_its_mean(centre: tuple[float, float]) -> None:
    """2 / (pi h^2) (1 - r^2 / h^2): at the middle twice the mean over the disc, 3/4 of that at half the radius."""
    surface = DensitySurface([centre], [314.0], 10.0)
    half = 5.0 / KM_PER_DEGREE
    at = surface.at([centre, (centre[0] + half, centre[1]), (centre[0] + 2.01 * half, centre[1])])
    top = 2 * 314.0 / (np.pi * 100)
    assert at == pytest.approx([top, 0.75 * top, 0.0], rel=1e-4)


def test_people_spread_evenly_have_one_density() -> None:
    """A lattice with a person every 0.5 km: 4 a square km."""
    side = np.arange(-60, 61) * 0.5 / KM_PER_DEGREE
    points = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    surface = DensitySurface(points, np.ones(len(points)), 6.0)
    inner = np.random.default_rng(1).uniform(-0.1, 0.1, (50, 2))
    assert surface.at(inner) == pytest.approx(np.full(50, 4.0), rel=0.03)
    model = CircuityDensity(density=surface)
    known = model.minutes(inner, inner, origin_density=surface.at(inner), destination_density=surface.at(inner))
    assert model.minutes(inner, inner) == pytest.approx(known)


# ---- by place


def flat(base: tuple[float, ...], **more: object) -> CircuitySurface:
    raster = Raster(-100.0, -100.0, 1.0, np.zeros((201, 201, 5)))
    given_ = {"fastest": 0.0, "slowest": (1e9, 1e9)} | more
    return CircuitySurface((50.0, 8.0), base, (1.0, 1.0), raster, **given_)  # type: ignore[arg-type]


def test_a_flat_surface_is_a_constant_pace_and_so_long_at_the_ends() -> None:
    p = town(5)
    km = great_circle(p[:, None, 0], p[:, None, 1], p[None, :, 0], p[None, :, 1])
    off = ~np.eye(5, dtype=bool)
    t = flat((3.0, 1.5, 0, 0, 0, 0, 0, 0)).minutes(p, p)
    assert t[off] == pytest.approx((3 + 1.5 * km)[off])
    assert (t.diagonal() == 0).all()


def test_next_door_one_is_spared_what_it_takes_to_get_out_and_in() -> None:
    """3 (1 - exp(-D / L)) + 1.5 D with L a quarter of the shorter scale, 8 km: 100 m take 18 s and not 3 minutes."""
    raster = Raster(-100.0, -100.0, 1.0, np.zeros((201, 201, 5)))
    model = CircuitySurface((50.0, 8.0), (3.0, 1.5, 0, 0, 0, 0, 0, 0), (8.0, 32.0), raster, 0.0, (1e9, 1e9))
    km = np.array([0.1, 1.0, 20.0])
    found = model.minutes([[50.0, 8.0]], np.column_stack([50.0 + km / KM_PER_DEGREE, np.full(3, 8.0)]))[0]
    assert found == pytest.approx(3 * (1 - np.exp(-km / 2)) + 1.5 * km, rel=1e-6)


def test_a_grid_of_streets_is_slow_across_its_diagonals() -> None:
    """The cosine of 4 theta is 1 along the axes and -1 across."""
    model = flat((0, 1.0, 0, 0, 0, 0, -0.2, 0))
    east = 0.05 / np.cos(np.radians(50.0))
    along, across = model.minutes([[50, 8]], [[50.05, 8], [50.05, 8 + east]])[0]
    assert along == pytest.approx(0.8 * 0.05 * KM_PER_DEGREE, rel=1e-6)
    assert across == pytest.approx(1.2 * great_circle(50, 8, 50.05, 8 + east), rel=1e-3)


def test_what_is_slow_on_half_of_a_line_slows_it_by_half() -> None:
    model = flat((0, 1.0, 0, 0, 0, 0, 0, 0))
    model.raster.values[101:, :, 0] = 2.0  # from 1 km north of the centre on
    degree = 20.0 / KM_PER_DEGREE
    minutes = model.minutes([[50.0 - degree, 8.0]], [[50.0 + degree, 8.0]])[0, 0]
    assert minutes == pytest.approx(40 + 2 * 19.5, rel=0.02)


def test_a_motorway_speeds_up_the_ways_along_it_and_not_those_across() -> None:
    model = flat((0, 1.0, 0, 0, 0, 0, 0, 0))
    model.raster.values[:, :, 1] = -0.5  # cos 2 theta: 1 to the east, -1 to the north
    d = 0.1
    east, north = model.minutes([[50, 8]], [[50, 8 + d], [50 + d, 8]])[0]
    assert east == pytest.approx(0.5 * great_circle(50, 8, 50, 8 + d), rel=1e-3)
    assert north == pytest.approx(1.5 * d * KM_PER_DEGREE, rel=1e-6)


def test_times_stay_within_what_was_seen() -> None:
    p = town(20)
    km = great_circle(p[:, None, 0], p[:, None, 1], p[None, :, 0], p[None, :, 1])
    wild = flat((0, -5.0, 0, 0, 0, 0, 0, 0), fastest=0.6, slowest=(4.0, 2.0))
    assert wild.minutes(p, p) == pytest.approx(0.6 * km)
    slow = flat((0, 50.0, 0, 0, 0, 0, 0, 0), fastest=0.6, slowest=(4.0, 2.0))
    assert slow.minutes(p, p) == pytest.approx(np.where(km > 0, 4 + 2 * km, 0))


def ways(n: int, seed: int) -> tuple[Array, Array, Array, Array]:
    a, b = town(n, seed), town(n, seed + 1)
    km = great_circle(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    middle = (a + b)[:, 0] / 2
    return a, b, km, km * np.where(middle > 50, 1.0, 2.0) + 2  # the south is slow


def test_the_model_says_what_its_terms_add_up_to() -> None:
    """The raster that ways are read from, against the sums of bumps that were fitted."""
    a, b, km, t = ways(150, 1)
    design = design_of(a, b)
    few = solved(design, t, (1.0,))[0]
    model = fitted_surface(design, few, km, t)
    assert model.rowwise(a, b) == pytest.approx(np.clip(design.columns @ few, model.fastest * km, None), rel=0.03)


def test_few_and_many_equations_have_one_solution() -> None:
    """beta = (X'WX + I)^-1 X'W1 = X' (X X' + W^-1)^-1 1, on either side of as many pairs as terms."""
    from potomac.location.travel import surface

    rng = np.random.default_rng(0)
    x, base = rng.normal(size=(60, 40)), np.arange(40) < 8
    one, other = (np.stack(list(f(x, base, (0.5, 2.0), 3))) for f in (surface._primal, surface._dual))
    assert one == pytest.approx(other)


@pytest.mark.parametrize("n", [1, 3, 4, 7, 40, 66])
def test_systems_are_solved_whatever_their_size(n: int) -> None:
    from potomac.location.travel import surface

    rng = np.random.default_rng(n)
    root = rng.normal(size=(n, n))
    matrix, right = root @ root.T + np.eye(n), rng.normal(size=n)
    found = right.copy()
    surface._cholesky_solved(matrix.copy(), found)  # type: ignore[no-untyped-call]
    assert matrix @ found == pytest.approx(right)


def test_far_away_it_falls_back_on_distance_within_the_paces_that_were_seen() -> None:
    a, b, km, t = ways(400, 5)
    design = design_of(a, b)
    model = fitted_surface(design, solved(design, t, (1.0,))[0], km, t)
    far = np.array([[55.0, 20.0], [-30.0, 100.0], [50.0, -171.9]])
    d = great_circle(50.0, 8.0, far[:, 0], far[:, 1])
    minutes = model.minutes([[50.0, 8.0]], far)[0]
    assert (minutes >= d * (t / km).min() - 1e-9).all()
    assert (minutes <= t.max() + d * (t / km).max()).all()


@pytest.mark.parametrize("north", [0.0, 1e-9])
def test_places_along_a_line_have_a_surface_too(north: float) -> None:
    rng = np.random.default_rng(4)
    a, b = (np.stack([50 + north * rng.random(90), rng.uniform(179, 181, 90)], axis=1) for _ in range(2))
    km = great_circle(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    slow = np.abs(np.clip(a[:, 1], 180, 181) - np.clip(b[:, 1], 180, 181)) / np.abs(a[:, 1] - b[:, 1])
    t = 3 + km * (1 + slow)  # twice the pace east of the antimeridian
    design = design_of(a, b)
    model = fitted_surface(design, solved(design, t, (1.0,))[0], km, t)
    error = np.abs(model.rowwise(a, b) / t - 1).mean()
    best = np.abs((3 + 1.5 * km) / t - 1).mean()
    assert error < 0.25 * best
