"""Draws belong to rows: neither order nor company changes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from potomac.geo.cells import adaptive_grid, fixed_grid
from potomac.outliers.draws import draws, smallest, within_cells
from potomac.stats.streams import Stream

STREAM = Stream(7, ("test",))
ROWS = st.lists(st.integers(0, 10**9), min_size=1, max_size=60, unique=True)


@given(ROWS, st.randoms(use_true_random=False))
def test_a_row_and_turn_draw_the_same_in_any_order_and_company(rows: list[int], random: object) -> None:
    row = np.repeat(np.array(rows, np.int64), 3)
    turn = np.tile(np.arange(3), len(rows))
    every = draws(row, turn, STREAM)
    order = np.random.default_rng(rows[0]).permutation(len(row))
    np.testing.assert_array_equal(draws(row[order], turn[order], STREAM), every[order])
    alone = [draws(row[i : i + 1], turn[i : i + 1], STREAM)[0] for i in range(len(row))]
    np.testing.assert_array_equal(alone, every)


def test_draws_are_even_and_differ_by_turn_and_stream() -> None:
    row, turn = np.repeat(np.arange(5000), 2), np.tile([0, 1], 5000)
    u = draws(row, turn, STREAM)
    assert ((u >= 0) & (u < 1)).all()
    assert kstest(u, "uniform").pvalue > 0.01  # of one fixed stream
    assert len(np.unique(u)) == len(u)
    assert abs(np.corrcoef(u[::2], u[1::2])[0, 1]) < 0.04  # 1.96 / sqrt(5000) is 0.028
    assert not (draws(row, turn, STREAM.child("other")) == u).any()
    assert draws(np.empty(0, np.int64), np.empty(0, np.int64), STREAM).shape == (0,)


@given(ROWS, st.integers(0, 70))
def test_the_smallest_are_those_of_any_order_and_of_any_two_steps(rows: list[int], most: int) -> None:
    """Thinning a part first never loses a row that the whole would keep."""
    row = np.array(rows, np.int64)
    chosen = set(row[smallest(row, STREAM, most)])
    assert len(chosen) == min(most, len(row))
    order = np.random.default_rng(most).permutation(len(row))
    assert set(row[order][smallest(row[order], STREAM, most)]) == chosen
    half = len(row) // 2
    first = row[:half][smallest(row[:half], STREAM, most)]
    both = np.concatenate([first, row[half:]])
    assert set(both[smallest(both, STREAM, most)]) == chosen


def test_the_smallest_come_in_the_order_given_and_each_row_as_often() -> None:
    row = np.arange(1000)
    index = smallest(row, STREAM, 100)
    assert (np.diff(index) > 0).all()
    kept = np.zeros(1000)
    for seed in range(200):
        kept[smallest(row, Stream(seed), 100)] += 1
    assert abs(kept.mean() - 20) < 1e-9
    # Binomial(200, 1/10): variance 18; of the mean of 1,000 squared deviations about 18 * sqrt(2 / 1000)
    assert np.mean((kept - 20) ** 2) == pytest.approx(18, abs=4 * 18 * np.sqrt(2 / 1000))


@given(
    st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 0.999999), st.floats(0, 0.999999),
    st.sampled_from([1.0, 50.0, 500.0, 5000.0]), st.floats(0, 0.99),
)  # fmt: skip
def test_places_stay_in_their_cell(lat: float, lon: float, u: float, v: float, cell_km: float, offset: float) -> None:
    grid = fixed_grid([lat], [lon], cell_km, offset)
    place = within_cells(grid, np.array([lat]), np.array([lon]), np.array([u]), np.array([v]))
    south, north, west, east = (bound[0] for bound in grid.bounds([0]))
    assert south - 1e-6 <= place[0][0] <= north + 1e-6
    assert -180 <= place[1][0] < 180
    assert min((place[1][0] - west) % 360, (west - place[1][0]) % 360) <= east - west + 1e-6


def test_places_are_even_by_area_and_not_by_degrees() -> None:
    """In a cell from 60 to 90 degrees north half the area lies south of asin((sin 60 + sin 90) / 2) = 68.9 degrees."""
    n, lat, lon = 20_000, np.full(20_000, 75.0), np.full(20_000, 10.0)
    grid = fixed_grid(lat, lon, 111.195 * 30)
    south, north, west, east = (bound[0] for bound in grid.bounds([0]))
    made = within_cells(
        grid, lat, lon, draws(np.arange(n), np.zeros(n, int), STREAM), np.random.default_rng(1).random(n)
    )
    half = np.degrees(np.arcsin((np.sin(np.radians(south)) + np.sin(np.radians(north))) / 2))
    assert abs(np.mean(made[0] < half) - 0.5) < 4 * 0.5 / np.sqrt(n)
    assert half - (south + north) / 2 < -1
    assert kstest(((made[1] - west) % 360) / (east - west), "uniform").pvalue > 0.01


def test_a_cell_over_the_antimeridian_is_one_cell() -> None:
    lat, lon = np.array([10.0, 10.0]), np.array([179.99, -179.99])
    grid = adaptive_grid(lat, lon, base_km=100, min_km=100, most=10, offset=0.5)
    assert len(grid) == 1
    rng = np.random.default_rng(2)
    made = within_cells(grid, np.full(500, 10.0), np.full(500, 179.99), rng.random(500), rng.random(500))
    assert (made[1] > 179).sum() > 200
    assert (made[1] < -179).sum() > 200
    assert (grid.locate(*made) == 0).all()
