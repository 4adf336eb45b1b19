"""Cells: every point in exactly one, bounds that hold it, parts that are fine where it is crowded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from potomac.geo.cells import Grid, adaptive_grid, fixed_grid

CORNERS = np.array([[90.0, 0], [-90, 0], [90, 180], [0, 180], [0, -180], [0, 179.9999999], [89.9999, -180], [0, 0]])


def everywhere(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Points spread evenly over the sphere, poles and antimeridian among them."""
    random = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    lon = random.uniform(-180, 180, n)
    return np.concatenate([lat, CORNERS[:, 0]]), np.concatenate([lon, CORNERS[:, 1]])


def inside(grid: Grid, cell: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Whether points lie within the bounds of their cells, longitudes taken modulo a turn."""
    south, north, west, east = grid.bounds(cell)
    ahead = (lon - west + 1e-9) % 360
    return (lat >= south - 1e-9) & (lat <= north + 1e-9) & (ahead <= east - west + 2e-9)


@pytest.mark.parametrize("offset", [0.0, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("km", [50.0, 700.0])
def test_every_point_is_in_a_cell_and_the_cells_bounds_hold_it(km: float, offset: float) -> None:
    lat, lon = everywhere(4000)
    grid = adaptive_grid(lat, lon, base_km=km, min_km=km / 8, most=3, offset=offset)
    cell = grid.locate(lat, lon)
    assert cell.min() >= 0
    assert inside(grid, cell, lat, lon).all()


@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_no_point_is_in_two_cells(offset: float) -> None:
    lat, lon = everywhere(600)
    grid = adaptive_grid(lat, lon, base_km=900, min_km=100, most=4, offset=offset)
    south, north, west, east = grid.bounds()
    shrunk = (lat[:, None] > south + 1e-9) & (lat[:, None] < north - 1e-9)
    ahead = (lon[:, None] - west) % 360
    shrunk &= (ahead > 1e-9) & (ahead < east - west - 1e-9)
    assert shrunk.sum(axis=1).max() == 1


def test_the_whole_earth_is_covered_once() -> None:
    # areas of cells on the unit sphere, (sin north - sin south) times width, add up to 4 pi
    lat, lon = everywhere(200_000)
    grid = fixed_grid(lat, lon, 500)
    south, north, west, east = np.radians(grid.bounds())
    assert ((np.sin(north) - np.sin(south)) * (east - west)).sum() == pytest.approx(4 * np.pi, rel=1e-9)


def test_both_names_of_the_antimeridian_are_one_meridian() -> None:
    lat = np.linspace(-89, 89, 50)
    grid = fixed_grid(lat, np.full(50, 180.0), 100)
    assert (grid.locate(lat, np.full(50, 180.0)) == grid.locate(lat, np.full(50, -180.0))).all()


def test_cells_are_about_as_wide_as_high_at_every_latitude() -> None:
    lat = np.linspace(-80, 80, 300)
    width, height = fixed_grid(lat, np.zeros(300), 50).sides_km()
    assert height == pytest.approx(50)
    # a row has round(circumference / 50) columns: off by half a column of at least 2 pi R cos(80) / 50 = 139
    assert width == pytest.approx(50, rel=0.5 / 138)


def test_where_nobody_was_there_is_no_cell() -> None:
    grid = fixed_grid([50.0], [8.0], 10)
    assert len(grid) == 1
    assert grid.locate([50.0, -50.0, 50.0, 90.0, -90.0], [8.0, 8.0, 9.0, 0.0, 0.0]).tolist() == [0, -1, -1, -1, -1]


def test_an_empty_grid_holds_nothing() -> None:
    grid = fixed_grid([], [], 10)
    assert len(grid) == 0
    assert grid.locate([1.0, 2.0], [3.0, 4.0]).tolist() == [-1, -1]


def test_a_crowd_is_split_and_open_water_is_not() -> None:
    random = np.random.default_rng(3)
    lat = np.concatenate([random.normal(40, 0.1, 5000), random.uniform(-40, -30, 50)])
    lon = np.concatenate([random.normal(5, 0.1, 5000), random.uniform(60, 90, 50)])
    grid = adaptive_grid(lat, lon, base_km=400, min_km=1, most=100)
    cell = grid.locate(lat, lon)
    width, _ = grid.sides_km()
    assert np.median(width[cell[:5000]]) < 10
    assert width[cell[5000:]].min() > 390
    held = np.bincount(cell, minlength=len(grid))
    assert (held <= 100).all()
    assert held.sum() == len(lat)


def test_a_cell_at_its_smallest_may_hold_more() -> None:
    grid = adaptive_grid(np.full(1000, 10.0), np.full(1000, 10.0), base_km=64, min_km=16, most=10)
    width, height = grid.sides_km(grid.locate([10.0], [10.0]))
    assert height == pytest.approx(16)  # two splits of 64; a third would be below 16
    assert width == pytest.approx(16, rel=0.01)


@given(st.permutations(range(64)))
def test_the_grid_does_not_depend_on_the_order_of_points(order: list[int]) -> None:
    lat, lon = everywhere(56, seed=5)
    one = adaptive_grid(lat, lon, base_km=3000, min_km=200, most=2)
    two = adaptive_grid(lat[order], lon[order], base_km=3000, min_km=200, most=2)
    assert (one.starts == two.starts).all()
    assert (one.levels == two.levels).all()


@given(
    npst.arrays(float, 20, elements=st.floats(-90, 90)),
    npst.arrays(float, 20, elements=st.floats(-180, 180)),
    st.floats(0, 1, exclude_max=True),
    st.floats(1, 5000),
)
def test_any_points_any_shift_any_size(lat: np.ndarray, lon: np.ndarray, offset: float, km: float) -> None:
    grid = adaptive_grid(lat, lon, base_km=km, min_km=km / 4, most=2, offset=offset)
    cell = grid.locate(lat, lon)
    assert cell.min() >= 0
    assert inside(grid, cell, lat, lon).all()
    assert (np.diff(grid.starts) > 0).all()


def test_codes_are_written_down() -> None:
    # band floor((0 + 90) / height), column 0 of its row; the fractions interleaved, u in the even bits
    grid = Grid(500.0, 0.0, np.empty(0, np.int64), np.empty(0, np.int8))
    height = 500 / (np.pi * 6371.0088 / 180)
    band = int(90 / height)
    columns = round(360 * np.cos(np.radians((band + 0.5) * height - 90)) / height)
    u, v = 0.0, 90 / height - band
    j = int(v * 2**14)
    spread = sum(((j >> bit) & 1) << (2 * bit + 1) for bit in range(14))
    assert grid.codes([0.0], [-180.0]).tolist() == [(band << 20 << 28) | spread]
    assert int(u * columns) == 0
