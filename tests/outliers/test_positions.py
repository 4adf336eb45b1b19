"""Positions come from any table, are checked at the door, and keep the names of what they code."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import DataError
from potomac.outliers.positions import Positions, concatenate, positions_of

NOON = datetime(1970, 1, 2, 12, tzinfo=UTC)  # 36 hours after the epoch

COLUMNS: dict[str, list[Any]] = {
    "latitude": [57.5, 57.6, 57.7],
    "longitude": [10.5, -180.0, 180.0],
    "speed": [12.0, None, 102.3],
    "heading": [359.9, 511.0, 0.0],
    "time": [NOON, None, NOON],
    "entity": ["b", None, "a"],
    "flag": ["DK", None, "SE"],
    "length": [100, 90, None],
}


def as_mapping() -> Any:
    return {
        name: np.array([v.replace(tzinfo=None) if v else None for v in values], "M8[s]") if name == "time" else values
        for name, values in COLUMNS.items()
    }


SOURCES = {
    "mapping": as_mapping,
    "arrow": lambda: pa.table(COLUMNS),
    "batch": lambda: pa.RecordBatch.from_pydict(COLUMNS),
    "pandas": lambda: pd.DataFrame(COLUMNS, index=[7, 8, 9]),
    "polars": lambda: pl.DataFrame(COLUMNS),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_table_gives_the_same_positions(kind: str) -> None:
    p = positions_of(SOURCES[kind]())
    assert len(p) == 3
    assert p.row.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(p.latitude, [57.5, 57.6, 57.7])
    np.testing.assert_array_equal(p.speed, [12.0, np.nan, np.nan])  # 102.3 kn is AIS's "unknown"
    np.testing.assert_array_equal(p.heading, [359.9, np.nan, 0.0])  # and so is 511 degrees
    np.testing.assert_array_equal(p.time, [36 * 3600.0, np.nan, 36 * 3600.0])
    assert p.entities == ("a", "b")
    assert p.entity.tolist() == [1, -1, 0]
    assert p.names().to_pylist() == ["b", None, "a"]
    assert p.words("flag").to_pylist() == ["DK", None, "SE"]
    np.testing.assert_array_equal(p.covariates["length"], [100, 90, np.nan])


def test_what_is_missing_is_unknown() -> None:
    p = positions_of({"latitude": [1.0, 2.0], "longitude": [3.0, 4.0]})
    assert np.isnan([p.speed, p.heading, p.time]).all()
    assert p.entity.tolist() == [-1, -1]
    assert p.covariates == {}
    assert p.names().to_pylist() == [None, None]


def test_positions_come_back_as_they_are() -> None:
    p = positions_of(COLUMNS)
    assert positions_of(p) is p


def test_numbers_that_name_entities_have_no_decimal_point() -> None:
    p = positions_of({"latitude": [1.0] * 3, "longitude": [1.0] * 3, "entity": [235099235.0, np.nan, 7.0]})
    assert p.entities == ("235099235", "7")
    assert p.entity.tolist() == [0, -1, 1]


def test_levels_are_coded_by_frequency_then_name() -> None:
    flags = ["SE", "DK", "NO", "NO", "PA", "SE"]
    p = positions_of({"latitude": [0.0] * 6, "longitude": [0.0] * 6, "flag": flags})
    assert p.levels["flag"] == ("NO", "SE", "DK", "PA")
    assert p.covariates["flag"].tolist() == [1, 2, 0, 0, 3, 1]


def test_rare_levels_are_taken_together_and_counted() -> None:
    flags = ["NO", "NO", "SE", "SE", "DK", "PA", None]
    p = positions_of({"latitude": [0.0] * 7, "longitude": [0.0] * 7, "flag": flags}, most=2)
    assert p.levels["flag"] == ("NO", "SE", "other")
    assert p.folded["flag"] == 2
    assert p.words("flag").to_pylist() == ["NO", "NO", "SE", "SE", "other", "other", None]


def test_a_level_called_other_is_not_taken_for_the_rare_ones() -> None:
    p = positions_of({"latitude": [0.0] * 4, "longitude": [0.0] * 4, "flag": ["other", "other", "x", "y"]}, most=1)
    assert p.levels["flag"] == ("other", "(other)")
    assert p.folded["flag"] == 2


def test_a_huge_number_of_levels_stays_bounded() -> None:
    n = 100_000
    p = positions_of({"latitude": np.zeros(n), "longitude": np.zeros(n), "name": [f"ship {i}" for i in range(n)]})
    assert len(p.levels["name"]) == 255  # codes 0 to 254, which is what boosted trees can hold
    assert p.folded["name"] == n - 254


def test_new_rows_are_coded_by_the_levels_of_the_fitted_ones() -> None:
    new = {"latitude": [0.0] * 3, "longitude": [0.0] * 3, "flag": ["SE", "XX", None]}
    np.testing.assert_array_equal(
        positions_of(new, levels={"flag": ("DK", "SE")}).covariates["flag"], [1, np.nan, np.nan]
    )
    with_rest = positions_of(new, levels={"flag": ("DK", "SE", "other")})
    np.testing.assert_array_equal(with_rest.covariates["flag"], [1, 2, np.nan])


def test_numbers_may_be_categories() -> None:
    p = positions_of({"latitude": [0.0] * 3, "longitude": [0.0] * 3, "type": [70, 30, 70]}, categories=["type"])
    assert p.levels["type"] == ("70", "30")


def test_infinite_covariates_are_missing() -> None:
    p = positions_of({"latitude": [0.0] * 2, "longitude": [0.0] * 2, "draught": [np.inf, 4.0]})
    np.testing.assert_array_equal(p.covariates["draught"], [np.nan, 4.0])


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"latitude": [91.0, 0.0, 0.0]}, "positions.range", "the first is 91"),
        ({"latitude": [np.nan, 0.0, 0.0]}, "positions.range", "latitude"),
        ({"longitude": [0.0, 181.0, 0.0]}, "positions.range", "-180 to 180"),
        ({"speed": [-1.0, 0.0, 0.0]}, "positions.range", "speed"),
        ({"speed": [np.inf, 0.0, 0.0]}, "positions.range", "finite"),
        ({"heading": [400.0, 0.0, 0.0]}, "positions.range", "0 to 360"),
        ({"latitude": ["north", "south", "x"]}, "positions.not-a-number", "latitude holds string"),
        ({"time": ["noon", "one", "two"]}, "positions.not-a-number", "time"),
        ({"time": [np.inf, 0.0, 1.0]}, "positions.range", "infinite"),
        ({"speed": [1.0, 2.0]}, "positions.length", "speed 2"),
        ({"speed": [[1.0], [2.0], [3.0]]}, "positions.shape", r"\(3, 1\)"),
        ({"row": [0.5, 1.0, 2.0]}, "positions.row", "row"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        positions_of({**COLUMNS, **change})
    assert caught.value.faults[0].code == code


def test_a_missing_column_is_named_with_its_neighbours() -> None:
    with pytest.raises(DataError, match='Did you mean "latitud"'):
        positions_of({"latitud": [0.0], "longitude": [0.0]})


def test_columns_with_one_name_and_nested_ones_are_refused() -> None:
    doubled = pa.Table.from_arrays([pa.array([1.0])] * 3, names=["latitude", "longitude", "latitude"])
    with pytest.raises(DataError, match="more than one column is called latitude"):
        positions_of(doubled)
    with pytest.raises(DataError, match="cannot be read"):
        positions_of(pd.DataFrame([[1.0, 1.0, 1.0]], columns=["latitude", "longitude", "latitude"]))
    with pytest.raises(DataError, match="numbers or text"):
        positions_of(pa.table({"latitude": [1.0], "longitude": [1.0], "parts": [[1, 2]]}))
    with pytest.raises(DataError, match="of type int"):
        positions_of(7)


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=20), st.integers(0, 20))
def test_parts_put_together_are_the_whole(names: list[str | None], cut: int) -> None:
    def part(some: list[str | None], start: int) -> Positions:
        rows = np.arange(start, start + len(some))
        zeros = np.zeros(len(some))
        columns = {"row": rows, "latitude": zeros, "longitude": zeros}
        return positions_of({**columns, "entity": pa.array(some, pa.string()), "flag": pa.array(some, pa.string())})

    whole = part(names, 0)
    both = concatenate([part(names[:cut], 0), part(names[cut:], min(cut, len(names)))])
    assert both.row.tolist() == whole.row.tolist()
    assert both.entities == whole.entities
    assert both.names().to_pylist() == names
    assert both.words("flag").to_pylist() == names


def test_taking_rows_keeps_the_codes() -> None:
    p = positions_of(COLUMNS)
    some = p.take([2, 0])
    assert some.row.tolist() == [2, 0]
    assert some.names().to_pylist() == ["a", "b"]
    assert len(p.take(np.array([True, False, False]))) == 1


def test_parts_must_have_the_same_covariates() -> None:
    one, two = positions_of(COLUMNS), positions_of({"latitude": [0.0], "longitude": [0.0]})
    with pytest.raises(ValueError, match="covariates differ"):
        concatenate([one, two])
    with pytest.raises(ValueError, match="no positions"):
        concatenate([])


def test_columns_without_any_value_are_missing() -> None:
    nothing = pa.nulls(2)
    p = positions_of(pa.table({"latitude": [0.0] * 2, "longitude": [0.0] * 2, "entity": nothing, "draught": nothing}))
    assert p.entity.tolist() == [-1, -1]
    assert np.isnan(p.covariates["draught"]).all()
    assert len(positions_of(pa.table(COLUMNS).slice(0, 0))) == 0
