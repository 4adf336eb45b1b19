"""The squares of the map: they hold all records, and neither batches nor order change them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.geo.cells import fixed_grid
from potomac.geo.distance import KM_PER_DEGREE
from potomac.outliers.density import HALVINGS, Density

PLACES = st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=60)
Floats = npt.NDArray[np.float64]


def counted(latitude: npt.ArrayLike, longitude: npt.ArrayLike, most: int, parts: int = 1) -> Density:
    density = Density(most)
    lat, lon = np.asarray(latitude, float), np.asarray(longitude, float)
    for some in np.array_split(np.arange(len(lat)), parts):
        density.add(lat[some], lon[some])
    return density


@pytest.fixture(scope="module")
def scattered() -> tuple[Floats, Floats]:
    """A harbour, where half of all are, and a lane of 100 km."""
    random = np.random.default_rng(3)
    n = 4000
    away = np.where(np.arange(n) % 2, random.uniform(0, 0.9, n), 0.0)
    return 56.0 + away + random.normal(0, 1e-4, n), 11.0 + random.normal(0, 1e-4, n) * (1 + 100 * away)


@given(PLACES, st.integers(1, 80), st.integers(1, 9), st.randoms(use_true_random=False))
def test_neither_batches_nor_order_change_a_digit(
    places: list[tuple[float, float]], most: int, parts: int, random: object
) -> None:
    lat, lon = np.array(places).T
    one = counted(lat, lon, most)
    order = np.random.default_rng(len(places)).permutation(len(lat))
    other = counted(lat[order], lon[order], most, parts)
    assert other.halvings == one.halvings
    assert other.table().equals(one.table())
    assert sum(one.table()["records"].to_pylist()) == len(places)


def test_squares_are_the_finest_that_are_few_enough(scattered: tuple[Floats, Floats]) -> None:
    """Counted by the cells of :mod:`potomac.geo.cells`, which are made in another way."""
    most = 500
    density = counted(*scattered, most)
    side = 160.0 * 0.5**density.halvings
    filled = [_filled(scattered, km) for km in (side, side / 2)]
    assert density.table().num_rows == filled[0] <= most < filled[1]


def _filled(places: tuple[Floats, Floats], side_km: float) -> int:
    """Squares of a quadtree over 160 km with something in them."""
    lat, lon = places
    bands = 160.0 / KM_PER_DEGREE
    v = (lat + 90) / bands
    around = np.round(360 * np.cos(np.radians((np.floor(v) + 0.5) * bands - 90)) * KM_PER_DEGREE / 160)
    u = (lon + 180) / 360 * around
    parts = 160.0 / side_km
    return len(np.unique(np.column_stack([np.floor(v * parts), np.floor(u * parts)]), axis=0))


def test_squares_hold_their_own_records(scattered: tuple[Floats, Floats]) -> None:
    lat, lon = (places[:, None] for places in scattered)
    table = counted(*scattered, 300).table()
    west, south, east, north = (table[name].to_numpy()[None, :] for name in ("west", "south", "east", "north"))
    fine = 6e-6  # sides are rounded to 1e-5 degrees
    held = (lon > west + fine) & (lon < east - fine) & (lat > south + fine) & (lat < north - fine)
    near = (lon > west - fine) & (lon < east + fine) & (lat > south - fine) & (lat < north + fine)
    records = table["records"].to_numpy()
    assert (held.sum(axis=0) <= records).all()
    assert (records <= near.sum(axis=0)).all()


def test_memory_is_bounded_by_the_squares() -> None:
    random = np.random.default_rng(2)
    density = Density(1000)
    for _ in range(20):
        density.add(random.uniform(50, 60, 5000), random.uniform(0, 20, 5000))
        assert density.table().num_rows <= 1000
    assert density.halvings < HALVINGS


def test_records_all_around_the_earth_fill_no_less_than_the_largest_squares() -> None:
    lat, lon = np.array([0.0, 45.0, 90.0, -90.0, 0.0]), np.array([0.0, 100.0, 0.0, 0.0, 180.0])
    density = counted(lat, lon, 1)
    assert density.halvings == 0
    assert density.table().num_rows == len(np.unique(fixed_grid(lat, lon, 160.0).locate(lat, lon)))


def test_both_sides_of_the_antimeridian_are_one_place() -> None:
    (square,) = counted([10.0, 10.0], [180.0, -180.0], 9).table().to_pylist()
    assert square["west"] <= -180.0 < square["east"] < -179.9
    assert square["records"] == 2


def test_nothing_gives_a_table_of_nothing() -> None:
    table = counted([], [], 9).table()
    assert table.num_rows == 0
    sides = {name: pa.float64() for name in ("west", "south", "east", "north")}
    assert table.schema == pa.schema({**sides, "records": pa.int64()})
