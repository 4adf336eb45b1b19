"""Tables in memory, with all that programs put into them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from potomac import tables
from potomac.errors import DataError
from potomac.tables import LATITUDE, LONGITUDE, Role, covariate

NUMBER = Role("v", "number", "a number", nulls=True)
WORD = Role("v", "text", "a word", nulls=True)
WHEN = Role("v", "time", "when", nulls=True)


def read(source: object, role: Role) -> list[object]:
    return tables.open(source, {}, (role,)).to_arrow()["v"].to_pylist()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1.0, None, 3.0]), pd.Series([1, pd.NA, 3], dtype="Int64"), pd.Series(["1", None, "3"]),
        pd.Series(["1", None, "3"], dtype="category"), pd.Series([Decimal(1), None, Decimal(3)]),
        pd.Series([1, None, "3"], dtype=object), pd.Series([np.float32(1), np.nan, 3]),
    ],
)  # fmt: skip
def test_columns_of_pandas(column: pd.Series) -> None:
    assert read(pd.DataFrame({"v": column}), NUMBER) == [1.0, None, 3.0]


def test_pandas_of_any_index_and_names() -> None:
    frame = pd.DataFrame({"v": [1.0, 2.0], 7: [3.0, 4.0]}, index=[5, 5])
    assert read(frame, NUMBER) == [1.0, 2.0]
    assert tables.open(frame, {"v": "7"}, (NUMBER,)).to_arrow()["v"].to_pylist() == [3.0, 4.0]
    double = pd.DataFrame([[1.0, 2.0]], columns=["v", "v"])
    with pytest.raises(DataError, match='2 columns of the pandas frame are called "v"'):
        read(double, NUMBER)


def test_times_of_pandas_and_polars() -> None:
    moment = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    naive = moment.replace(tzinfo=None)
    assert read(pd.DataFrame({"v": pd.to_datetime([naive, None])}), WHEN) == [moment, None]
    assert read(pd.DataFrame({"v": pd.to_datetime([moment]).tz_convert("Asia/Tokyo")}), WHEN) == [moment]
    assert read(pl.DataFrame({"v": [naive, None]}), WHEN) == [moment, None]
    assert read({"v": np.array([naive, "NaT"], "datetime64[s]")}, WHEN) == [moment, None]
    assert read({"v": [moment, None]}, WHEN) == [moment, None]


def test_polars_types() -> None:
    frame = pl.DataFrame({"v": ["a", None, "b"]})
    for column in (pl.col("v"), pl.col("v").cast(pl.Categorical), pl.col("v").cast(pl.Enum(["a", "b"]))):
        assert read(frame.with_columns(column), WORD) == ["a", None, "b"]
        assert read(frame.lazy().with_columns(column), WORD) == ["a", None, "b"]


def test_numpy_arrays() -> None:
    assert read({"v": np.ma.masked_array([1.0, 2.0], [False, True]).filled(np.nan)}, NUMBER) == [1.0, None]
    assert read({"v": np.arange(6)[::2]}, NUMBER) == [0.0, 2.0, 4.0]
    assert read({"v": np.array(["a", "b"])}, WORD) == ["a", "b"]
    assert read({"v": np.array([True, False])}, NUMBER) == [1.0, 0.0]
    assert read({"v": [[1], [1, 2]]}, covariate("v")) == ["[1]", "[1, 2]"]
    structured = np.array([(1, 2.5), (3, 4.5)], dtype=[("n", "i4"), ("v", "f8")])
    assert read(structured, NUMBER) == [2.5, 4.5]


def test_masked_arrays_hide_what_is_masked() -> None:
    assert read({"v": np.ma.masked_array([1.0, 2.0], [False, True])}, NUMBER) == [1.0, None]
    assert read({"v": np.ma.masked_array([1, 2], [False, True])}, NUMBER) == [1.0, None]


def test_values_of_several_kinds_become_words() -> None:
    assert read({"v": [1, "x", None, 2.5]}, WORD) == ["1", "x", None, "2.5"]


def test_arrow_types() -> None:
    column = pa.array([1, 1, None, 2])
    for one in (column, column.dictionary_encode(), pa.chunked_array([column[:1], column[1:]]), pc_encoded(column)):
        assert read(pa.table({"v": one}), NUMBER) == [1.0, 1.0, None, 2.0]


def pc_encoded(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.run_end_encode(column)


def test_what_no_role_takes() -> None:
    with pytest.raises(DataError, match="holds no numbers"):
        read(pa.table({"v": [{"a": 1}]}), NUMBER)
    with pytest.raises(DataError, match="holds no times"):
        read(pa.table({"v": [[1]]}), WHEN)


class Series:
    """What a GeoSeries says of itself: a point a row, of which one is missing."""

    name = "geometry"
    geom_type = ("Point", None, "Point")
    x, y = [2.35, float("nan"), 4.84], [48.86, float("nan"), 45.76]


class GeoFrame(pd.DataFrame):
    """What a GeoDataFrame is: a frame with a geometry that it turns into other coordinates itself."""

    crs: Any = "EPSG:2154"
    asked: Any = None

    @property
    def geometry(self) -> type[Series]:
        return Series

    def to_crs(self, crs: int) -> GeoFrame:
        GeoFrame.asked = crs
        return self


def test_a_geodataframe_gives_latitude_and_longitude_in_degrees() -> None:
    frame = GeoFrame({"name": ["Paris", "nowhere", "Lyon"], "geometry": [0, 1, 2]})
    roles = (LATITUDE, LONGITUDE, Role("id", "text", ""))
    table = tables.open(frame, {"id": "name"}, roles)
    assert table.to_arrow().select(["id", "latitude", "longitude"]).to_pylist() == [
        {"id": "Paris", "latitude": 48.86, "longitude": 2.35},
        {"id": "Lyon", "latitude": 45.76, "longitude": 4.84},
    ]
    assert GeoFrame.asked == 4326
    assert table.notes[0] == "the GeoDataFrame: coordinates in EPSG:2154, turned into latitude and longitude"
    assert table.rejected().read_all()["reason"].to_pylist() == ["no latitude"]


def test_a_geodataframe_of_lines_or_without_crs(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = GeoFrame({"name": ["a", "b", "c"], "geometry": [0, 1, 2]})
    monkeypatch.setattr(GeoFrame, "crs", None)
    with pytest.raises(DataError) as caught:
        tables.open(frame, {}, (LATITUDE, LONGITUDE))
    assert caught.value.faults[0].code == "data.crs-missing"
    monkeypatch.setattr(Series, "geom_type", ("Point", "LineString", "Polygon"))
    with pytest.raises(DataError) as caught:
        tables.open(frame, {}, (LATITUDE, LONGITUDE))
    assert (caught.value.faults[0].code, caught.value.faults[0].found) == (
        "data.geometry", "the frame holds LineString, Polygon"
    )  # fmt: skip
