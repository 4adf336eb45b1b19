"""Scales and their ticks."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.engine import Axis
from potomac.report.scales import numeric, scale_for, ticks_linear, ticks_log, ticks_time, words

finite = st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: round(value, 6))


def test_ticks_are_round_and_in_the_same_decimals() -> None:
    assert ticks_linear(0, 1) == ((0.0, "0.00"), (0.25, "0.25"), (0.5, "0.50"), (0.75, "0.75"), (1.0, "1.00"))
    assert [text for _, text in ticks_linear(-30, 45)] == ["−20", "0", "20", "40"]
    assert [text for _, text in ticks_linear(0, 4e6)] == ["0", "1,000,000", "2,000,000", "3,000,000", "4,000,000"]
    assert [text for _, text in ticks_linear(0, 4e7)] == ["0", "10 m", "20 m", "30 m", "40 m"]


@given(finite, finite)
def test_at_most_five_ticks_inside_and_evenly_apart(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-3):
        return
    values = [value for value, _ in ticks_linear(low, high)]
    room = 1e-6 * (high - low)
    assert 1 <= len(values) <= 5
    assert all(low - room <= value <= high + room for value in values)
    steps = np.diff(values)
    assert np.allclose(steps, steps[:1].sum() if len(steps) else 0, rtol=1e-6)


@given(st.floats(-300, 300), st.floats(0.01, 300))
def test_ticks_of_a_log_scale_lie_inside(exponent: float, decades: float) -> None:
    low, high = 10.0**exponent, 10.0 ** min(307.0, exponent + decades)
    if low < high:
        assert all(low * (1 - 1e-6) <= value <= high * (1 + 1e-6) for value, _ in ticks_log(low, high))
        assert len(ticks_log(low, high)) <= 5


@given(st.floats(-2e9, 4e9), st.floats(1, 4e9))
def test_ticks_of_time_lie_inside_and_are_at_most_five(start: float, span: float) -> None:
    values = [value for value, _ in ticks_time(start, start + span)]
    assert len(values) <= 5
    assert all(start - 1e-3 <= value <= start + span + 1e-3 for value in values)


def test_ticks_of_a_day_name_the_day_once() -> None:
    start = datetime(2026, 3, 14, tzinfo=UTC).timestamp()
    assert [text for _, text in ticks_time(start, start + 86400)] == [
        "00:00\n14 Mar 2026",
        "06:00",
        "12:00",
        "18:00",
        "00:00\n15 Mar",
    ]


def test_ticks_of_years_fall_on_first_days() -> None:
    start, end = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2020, 2026))
    values = ticks_time(start, end)
    assert all(datetime.fromtimestamp(value, UTC).day == 1 for value, _ in values)


columns = st.lists(st.one_of(st.floats(), st.none()), min_size=1, max_size=30).map(
    lambda values: pa.chunked_array([pa.array(values, pa.float64())])
)


@given(columns, st.sampled_from(["linear", "log", "time"]))
def test_every_value_has_a_place_within_the_scale_or_none(column: pa.ChunkedArray, kind: str) -> None:
    scale = scale_for(Axis("x", scale=kind), [column], 40.0, 640.0)  # type: ignore[arg-type]
    placed = scale.place(column)
    seen = placed[np.isfinite(placed)]
    values = numeric(column)
    assert scale.low < scale.high
    assert (
        (seen >= 40 - 1e-6) & (seen <= 640 + 1e-6)
    ).all() or kind == "time"  # beyond the year 9999 there is no place
    assert np.isnan(placed[np.isnan(values)]).all()


def test_zero_is_on_the_scale_of_bars() -> None:
    scale = scale_for(Axis("y"), [pa.chunked_array([[3.0, 9.0]])], 0, 100, zero=True)
    assert scale.low == 0
    assert float(scale(0.0)) == 0


def test_a_single_value_gets_room() -> None:
    scale = scale_for(Axis("y"), [pa.chunked_array([[7.0, 7.0]])], 0, 100)
    assert scale.low < 7 < scale.high


def test_categories_keep_their_order() -> None:
    scale = scale_for(Axis("x", scale="category"), [pa.chunked_array([["b", "a", "b", None]])], 0, 90)
    assert scale.names == ("b", "a", "–")
    assert scale.place(pa.chunked_array([["a", "c"]]))[0] == pytest.approx(45)
    assert math.isnan(scale.place(pa.chunked_array([["c"]]))[0])


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300))
def test_a_log_axis_ends_within_one_step_of_its_values(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    scale = scale_for(Axis("x", scale="log"), [pa.chunked_array([[low, high]])], 0, 100)
    assert scale.low <= low * (1 + 1e-8)
    assert scale.high >= high * (1 - 1e-8)
    if low < high * 0.09:
        assert scale.low > low / 2.6  # the widest step of 1, 2, 5, 10 is 2.5
        assert scale.high < high * 2.6


def test_columns_of_any_kind_become_numbers_or_nothing() -> None:
    times = pa.chunked_array([pa.array([datetime(1970, 1, 2, tzinfo=UTC)], pa.timestamp("ns", "UTC"))])
    assert numeric(times).tolist() == [86400.0]
    assert numeric(pa.chunked_array([[True, None]])).tolist()[0] == 1.0
    assert np.isnan(numeric(pa.chunked_array([["x", "2"]]))).tolist() == [True, False]
    assert words(pa.chunked_array([[1.0, None]])) == ["1", "–"]
