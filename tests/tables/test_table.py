"""Table: passes, batches, counts, rejected rows, description."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac import tables
from potomac.errors import DataError
from potomac.tables import ENTITY, HEADING, LATITUDE, LONGITUDE, SPEED, TIME, Column, Role, chunk, memory, table

VALUE = Role("value", "number", "a value", low=0)
COUNT = Role("count", "integer", "how many", required=False, nulls=True)


def numbers(*values: float | None) -> tables.Table:
    return tables.open({"v": pa.array(values, pa.float64())}, {"value": "v"}, (VALUE,))


def test_a_batch_has_the_row_and_a_column_a_role() -> None:
    opened = numbers(1, -1, 3)
    assert opened.schema.equals(pa.schema([("row", pa.int64()), ("value", pa.float64())]))
    (batch,) = opened.batches()
    assert batch.to_pylist() == [{"row": 0, "value": 1.0}, {"row": 2, "value": 3.0}]
    assert opened.columns == {"value": Column("v")}
    assert repr(opened) == "<Table data of the arrays: row, value>"


def test_rows_are_checked_by_all_roles_whatever_is_asked_for() -> None:
    given_columns = {"v": [1.0, -1.0], "n": [5, 6]}
    opened = tables.open(given_columns, {"value": "v", "count": "n"}, (VALUE, COUNT))
    assert opened.to_arrow(["count"]).to_pylist() == [{"row": 0, "count": 5}]
    with pytest.raises(KeyError, match="no role called cuont"):
        opened.to_arrow(["cuont"])
    with pytest.raises(ValueError, match="size must be at least 1"):
        next(opened.batches(size=0))


def test_roles_that_are_absent_are_not_in_the_schema() -> None:
    assert numbers(1).schema.names == ["row", "value"]


def test_numpy_has_nan_nat_and_none() -> None:
    given_columns = {
        "v": [1.5, None], "n": [7, 8], "m": [None, 9], "w": ["a", None],
        "t": pa.array([0, None], pa.timestamp("us", "UTC")),
    }  # fmt: skip
    roles = (
        Role("v", "number", "", nulls=True), Role("n", "integer", ""), Role("m", "integer", "", nulls=True),
        Role("w", "text", "", nulls=True), Role("t", "time", "", nulls=True),
    )  # fmt: skip
    arrays = tables.open(given_columns, {}, roles).to_numpy()
    assert {name: array.dtype.str[1:] for name, array in arrays.items()} == {
        "row": "i8", "v": "f8", "n": "i8", "m": "f8", "w": "O", "t": "M8[us]"
    }  # fmt: skip
    assert np.isnan(arrays["v"]).tolist() == [False, True]
    assert arrays["w"].tolist() == ["a", None]
    assert arrays["t"].tolist()[1] is None
    assert arrays["t"][0] == np.datetime64("1970-01-01")


def test_more_rejected_rows_than_are_kept_are_streamed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_KEPT", 3)
    opened = numbers(1, *[-1] * 10)
    assert opened.counts().rejected == 10
    assert opened.rejected().read_all()["row"].to_pylist() == list(range(1, 11))
    assert opened.rejected().read_all().num_rows == 10


def test_no_rejected_row_is_an_empty_stream() -> None:
    reader = numbers(1).rejected()
    assert reader.schema.names == ["source", "row", "column", "value", "reason"]
    assert reader.read_all().num_rows == 0


def test_counts_put_the_commonest_reason_first() -> None:
    counts = numbers(1, -1, -1, np.inf, None).counts()
    assert next(iter(counts.reasons.items())) == ("value below 0", 2)
    assert (counts.read, counts.used, counts.rejected) == (5, 1, 4)
    assert counts.used + counts.rejected == counts.read


def test_no_usable_row_after_a_long_way_is_a_fault_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ROWS", 4)
    opened = numbers(*[-1.0] * 9)
    with pytest.raises(DataError, match="value below 0 in 9 of 9 rows") as caught:
        opened.to_arrow()
    assert caught.value.faults[0].code == "data.no-usable-rows"


def test_rows_that_repeat_another_are_counted_and_kept() -> None:
    opened = tables.open({"v": [1.0, 2.0, 1.0, 1.0, -1.0, -1.0]}, {"value": "v"}, (VALUE,))
    assert opened.counts().duplicates == 2
    assert opened.to_arrow().num_rows == 4


cells = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([-1.0, 0.0, 90.5, 511.0]))


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=60), st.integers(1, 70), st.integers(1, 20))
def test_batches_and_chunks_of_any_size_give_what_a_loop_gives(rows: list, size: int, piece: int) -> None:
    """The definition, row by row, against the vectorised check."""
    roles = (LATITUDE, HEADING)
    meant, why = [], []
    for number, (latitude, heading) in enumerate(rows):
        reason = verdict(latitude, heading)
        if reason:
            why.append((number, reason))
        else:
            unknown = heading is None or heading != heading or heading in (360, 511)
            meant.append({"row": number, "latitude": latitude, "heading": None if unknown else heading})
    arrays = {name: pa.array([row[i] for row in rows], pa.float64()) for i, name in enumerate(("latitude", "heading"))}
    original, memory.ROWS = memory.ROWS, piece
    try:
        if not meant:
            with pytest.raises(DataError):
                tables.open(arrays, {}, roles).to_arrow()
            return
        opened = tables.open(arrays, {}, roles)
        assert [row for batch in opened.batches(size=size) for row in batch.to_pylist()] == meant
        assert [(row["row"], row["reason"]) for row in opened.rejected().read_all().to_pylist()] == why
    finally:
        memory.ROWS = original


def verdict(latitude: float | None, heading: float | None) -> str:
    """Why a row is rejected; the first role that fails says so."""
    if latitude is None or latitude != latitude:
        return "no latitude"
    if abs(latitude) == np.inf:
        return "latitude not a finite number"
    if abs(latitude) > 90:
        return "latitude outside -90 to 90"
    if heading is not None and abs(heading) == np.inf:
        return "heading not a finite number"
    if heading is not None and heading != 511 and not 0 <= heading <= 360 and heading == heading:
        return "heading outside 0 to 360"
    return ""


def test_the_description_has_the_hash_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("v,n\n1,2\n-1,3\n")
    opened = tables.open("a.csv", {"value": "v", "count": Column("n")}, (VALUE, COUNT), base=tmp_path)
    told = opened.describe()
    digest = hashlib.sha256((tmp_path / "a.csv").read_bytes()).hexdigest()
    assert told["files"] == [{"file": "a.csv", "size": 13, "sha256": digest}]
    assert told["columns"] == {
        "value": {"column": "v", "type": "double"}, "count": {"column": "n", "type": "int64"}
    }  # fmt: skip
    assert told["counts"]["reasons"] == {"value below 0": 1}


def test_objects_are_known_by_their_content() -> None:
    def digest(source: object) -> str:
        roles = (VALUE, Role("word", "text", "", nulls=True))
        return str(tables.open(source, {"value": "v", "word": "w"}, roles).describe()["files"][0]["sha256"])

    whole = pa.table({"v": [1.0, 2.0, None], "w": ["a", None, "bc"], "other": [1, 2, 3]})
    parts = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    assert digest(whole) == digest(parts) == digest(whole.to_reader())
    assert digest(whole) == digest(whole.drop_columns(["other"]))
    assert digest(whole) != digest(whole.set_column(1, "w", pa.array(["a", None, "b"])))
    assert digest(whole) != digest(whole.set_column(1, "w", pa.array(["a", "", "bc"])))
    assert digest(whole) != digest(whole.set_column(0, "v", pa.array([1.0, 2.0, 0.0])))


def test_places_that_look_swapped_are_said() -> None:
    latitude, longitude = np.linspace(-60, 60, 50), np.linspace(-170, 170, 50)
    roles = (LATITUDE, LONGITUDE)
    right = tables.open({"a": latitude, "b": longitude}, {"latitude": "a", "longitude": "b"}, roles)
    assert not any("swapped" in note for note in right.notes)
    wrong = tables.open({"a": latitude, "b": longitude}, {"latitude": "b", "longitude": "a"}, roles)
    assert any(
        "latitude and longitude look swapped" in note and "exchange the two names" in note for note in wrong.notes
    )
    named = tables.open({"lat": [1.0, 2.0], "lon": [3.0, 4.0]}, {"latitude": "lon", "longitude": "lat"}, roles)
    assert any("by the names of their columns" in note for note in named.notes)
    with pytest.raises(DataError, match="Exchange the two names under columns"):
        tables.open({"a": longitude[:9], "b": latitude[:9]}, {"latitude": "a", "longitude": "b"}, roles)


def test_the_code_of_ais_for_no_position_is_no_suspicion() -> None:
    source = {"a": [91.0, 91.0, 10.0], "b": [181.0, 2.0, 3.0]}
    opened = tables.open(source, {"latitude": "a", "longitude": "b"}, (LATITUDE, LONGITUDE))
    assert opened.notes == ()
    assert opened.counts().reasons == {"latitude outside -90 to 90": 2}


def test_longitudes_from_0_to_360_are_said() -> None:
    source = {"a": [1.0, 2.0, 3.0], "b": [10.0, 200.0, 350.0]}
    opened = tables.open(source, {"latitude": "a", "longitude": "b"}, (LATITUDE, LONGITUDE))
    assert any("from 0 to 360" in note for note in opened.notes)


def test_speeds_that_no_ship_has_are_said() -> None:
    tenths = np.full(20, 120.0)
    opened = tables.open({"v": tenths}, {"speed": "v"}, (SPEED,))
    assert any("faster than ships are" in note for note in opened.notes)
    assert tables.open({"v": tenths}, {"speed": Column("v", "0.1 kn")}, (SPEED,)).notes == ()


def test_opening_reads_the_beginning_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"v": np.arange(1000.0)}), tmp_path / "a.parquet", row_group_size=10)
    seen = []
    original = chunk.Chunk.numbers
    monkeypatch.setattr("potomac.tables.parquet.ROWS", 10)
    monkeypatch.setattr(chunk.Chunk, "numbers", lambda self: seen.append(self.first) or original(self))
    opened = tables.open("a.parquet", {"value": "v"}, (VALUE,), base=tmp_path)
    assert max(seen) == 0
    assert opened.counts().read == 1000


def test_a_table_of_positions_as_an_engine_declares_it(tmp_path: Path) -> None:
    rows = ["211000001,2024-05-01T12:00:00Z,54.5,10.2,12.5,90", "211000001,2024-05-01T12:01:00Z,54.5,10.21,102.3,511"]
    (tmp_path / "a.csv").write_text("mmsi,t,lat,lon,sog,cog\n" + "\n".join(rows))
    columns = {"entity": "mmsi", "time": "t", "latitude": "lat", "longitude": "lon", "speed": "sog", "heading": "cog"}
    opened = tables.open("a.csv", columns, (ENTITY, TIME, LATITUDE, LONGITUDE, SPEED, HEADING), base=tmp_path)
    arrays = opened.to_numpy()
    assert arrays["entity"].tolist() == ["211000001"] * 2
    assert np.isnan([arrays["speed"][1], arrays["heading"][1]]).all()
    json.dumps(opened.describe())


def test_memory_holds_a_few_blocks_whatever_the_size_of_the_file(tmp_path: Path) -> None:
    """64 MB of text, compressed: Arrow never holds more than 48 MB at a time."""
    row = b"211000001,2024-05-01T12:00:00Z,54.5,10.25,12.5,90.125\n"
    count = (64 << 20) // len(row)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"mmsi,t,lat,lon,sog,cog\n" + row * count, 1))
    columns = {"latitude": "lat", "longitude": "lon", "speed": "sog", "heading": "cog"}
    opened = tables.open("a.csv.gz", columns, (LATITUDE, LONGITUDE, SPEED, HEADING), base=tmp_path)
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in opened.batches(size=10_000)]
    assert len(held) == -(-count // 10_000)
    assert max(held) < 48 << 20
