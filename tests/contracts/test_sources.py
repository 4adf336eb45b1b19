"""One table, every kind of source: the same Arrow table comes out, in every batch size, on every pass."""

from __future__ import annotations

import bz2
import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import zstandard

from potomac import tables
from potomac.tables import ENTITY, HEADING, LATITUDE, LONGITUDE, SPEED, TIME, covariate

ROLES = (ENTITY, TIME, LATITUDE, LONGITUDE, SPEED, HEADING, covariate("flag"), covariate("draught"))
COLUMNS = {
    "entity": "mmsi", "time": "t", "latitude": "lat", "longitude": "lon", "speed": "sog", "heading": "cog",
    "flag": "flag", "draught": "draught",
}  # fmt: skip
ROWS = 100


def plain() -> pa.Table:
    """The table as a program would hold it; rows 10, 20, ... have a latitude that does not exist."""
    row = np.arange(ROWS)
    latitude = np.where((row % 10 == 0) & (row > 0), 91.5, 48 + row / 128)
    return pa.table(
        {
            "mmsi": pa.array([f"m{number % 7}" for number in row]),
            "t": pa.array(1_577_836_800_000_000 + row * 60_500_000, pa.timestamp("us", "UTC")),
            "lat": latitude,
            "lon": -5 - row / 64,
            "sog": pa.array(row / 8, mask=row % 9 == 5),
            "cog": pa.array(row * 3.5 % 360, mask=row % 11 == 5),
            "flag": pa.array(
                [None if number % 13 == 3 else f'{"FR,É;"[: 2 + number % 3]} "{number % 3}"' for number in row]
            ),
            "draught": pa.array(row / 4, mask=row % 5 == 1),
            "not asked for": row,
        }
    )


def spelled() -> list[dict[str, Any]]:
    """The same as objects of JSON: times as words."""
    return [{**record, "t": record["t"].isoformat()} for record in plain().to_pylist()]


def delimited(delimiter: str = ",", comma: bool = False) -> str:
    """The same as text with a header."""
    sink = pa.BufferOutputStream()
    table = plain().set_column(1, "t", pa.array([record["t"] for record in spelled()]))
    if comma:
        for name in ("lat", "lon", "sog", "cog", "draught"):
            words = pa.array([None if v is None else str(v).replace(".", ",") for v in table[name].to_pylist()])
            table = table.set_column(table.schema.get_field_index(name), name, words)
    arrow_csv.write_csv(table, sink, arrow_csv.WriteOptions(delimiter=delimiter))
    return sink.getvalue().to_pybytes().decode()


Made = tuple[Any, dict[str, Any]]
MAKERS: dict[str, Callable[[Path], Made]] = {}


def source(make: Callable[[Path], Made]) -> Callable[[Path], Made]:
    MAKERS[make.__name__] = make
    return make


def text_file(folder: Path, name: str, data: bytes | str) -> Made:
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return name, {}


for suffix, pack in {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    ".bz2": bz2.compress,
}.items():
    MAKERS[f"csv{suffix}"] = lambda d, s=suffix, p=pack: text_file(d, f"a.csv{s}", p(delimited().encode()))
for suffix, sign in {".csv": ";", ".tsv": "\t", ".txt": "|"}.items():
    MAKERS[f"delimiter{suffix}"] = lambda d, s=suffix, g=sign: text_file(d, f"a{s}", delimited(g))
for code in ("utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"):
    MAKERS[f"csv {code}"] = lambda d, c=code: text_file(d, "a.csv", delimited().encode(c))
MAKERS["decimal comma"] = lambda d: text_file(d, "a.csv", delimited(";", comma=True))
MAKERS["decimal comma quoted"] = lambda d: text_file(d, "a.csv", delimited(",", comma=True))
MAKERS["csv with line ends of Windows"] = lambda d: text_file(d, "a.csv", delimited().replace("\n", "\r\n"))
MAKERS["sep line"] = lambda d: text_file(d, "a.csv", "sep=;\n" + delimited(";"))


@source
def jsonl(folder: Path) -> Made:
    return text_file(folder, "a.jsonl", "".join(json.dumps(one) + "\n" for one in spelled()))


@source
def jsonl_gz(folder: Path) -> Made:
    lines = "\n\n".join(json.dumps(one, ensure_ascii=False) for one in spelled())  # blank lines are no rows
    return text_file(folder, "a.jsonl.gz", gzip.compress(lines.encode()))


@source
def json_array_gz(folder: Path) -> Made:
    return text_file(folder, "a.json.gz", gzip.compress(json.dumps(spelled()).encode()))


@source
def json_array_pretty(folder: Path) -> Made:
    return text_file(folder, "a.json", "\n " + json.dumps(spelled(), indent=2))


@source
def json_columns(folder: Path) -> Made:
    return text_file(folder, "a.json", pd.DataFrame(spelled()).to_json(orient="columns"))


@source
def json_split(folder: Path) -> Made:
    return text_file(folder, "a.json", pd.DataFrame(spelled()).to_json(orient="split"))


@source
def geojson(folder: Path) -> Made:
    features = [
        {
            "type": "Feature",
            "properties": {k: v for k, v in one.items() if k not in ("lat", "lon")},
            "geometry": {"type": "Point", "coordinates": [one["lon"], one["lat"], 0.0]},
        }
        for one in spelled()
    ]
    text_file(folder, "a.geojson", json.dumps({"type": "FeatureCollection", "features": features, "bbox": [0, 0]}))
    return "a.geojson", {"columns": {k: v for k, v in COLUMNS.items() if k not in ("latitude", "longitude")}}


@source
def parquet(folder: Path) -> Made:
    pq.write_table(plain(), folder / "a.parquet", row_group_size=17)
    return "a.parquet", {}


@source
def parquet_glob(folder: Path) -> Made:
    for begin in range(0, ROWS, 30):
        pq.write_table(plain().slice(begin, 30), folder / f"part-{begin:02d}.parquet")
    return "part-*.parquet", {}


@source
def parquet_partitioned(folder: Path) -> Made:
    for begin in range(0, ROWS, 50):
        inner = folder / "set" / f"half={begin}"
        inner.mkdir(parents=True)
        pq.write_table(plain().slice(begin, 50), inner / "a.parquet")
    (folder / "set" / "_SUCCESS").touch()
    return "set", {}


@source
def parquet_dictionary(folder: Path) -> Made:
    table = plain()
    pq.write_table(table.set_column(0, "mmsi", table["mmsi"].dictionary_encode()), folder / "a.pq")
    return folder / "a.pq", {}


@source
def csv_glob(folder: Path) -> Made:
    header, *rows = delimited().splitlines(keepends=True)
    for begin in range(0, ROWS, 40):
        (folder / f"p{begin:02d}.csv.gz").write_bytes(
            gzip.compress("".join([header, *rows[begin : begin + 40]]).encode())
        )
    return "p*.csv.gz", {}


@source
def arrow_table(folder: Path) -> Made:
    return plain(), {}


@source
def arrow_batch(folder: Path) -> Made:
    return plain().combine_chunks().to_batches()[0], {}


@source
def arrow_reader(folder: Path) -> Made:
    return plain().to_reader(max_chunksize=13), {}


@source
def arrow_dataset(folder: Path) -> Made:
    pq.write_table(plain(), folder / "a.parquet")
    return ds.dataset(folder / "a.parquet"), {}


@source
def arrow_views(folder: Path) -> Made:
    table = plain()
    views = table["flag"].cast(pa.string_view())
    return table.set_column(6, "flag", views).set_column(0, "mmsi", table["mmsi"].cast(pa.large_string())), {}


@source
def pandas_frame(folder: Path) -> Made:
    return plain().to_pandas(), {}


@source
def pandas_objects(folder: Path) -> Made:
    return plain().to_pandas().astype({"mmsi": object, "flag": object}), {}


@source
def polars_frame(folder: Path) -> Made:
    return pl.from_arrow(plain()), {}


@source
def polars_lazy(folder: Path) -> Made:
    return pl.from_arrow(plain()).lazy().with_columns(pl.col("mmsi")), {}


@source
def duckdb_relation(folder: Path) -> Made:
    connection = duckdb.connect()
    return connection.from_arrow(plain()).order("lon DESC"), {}


@source
def numpy_mapping(folder: Path) -> Made:
    frame = plain().to_pandas()
    arrays = {name: frame[name].to_numpy() for name in frame if name != "t"}
    return {**arrays, "t": plain()["t"].cast(pa.timestamp("us")).to_numpy()}, {}


@source
def numpy_structured(folder: Path) -> Made:
    frame = plain().to_pandas()
    frame["t"] = frame["t"].dt.tz_localize(None)
    return frame.to_records(index=False).view(np.ndarray), {}


def database(folder: Path) -> None:
    with sqlite3.connect(folder / "a.db") as connection:
        connection.execute(
            "CREATE TABLE p (mmsi TEXT, t TEXT, lat REAL, lon REAL, sog REAL, cog REAL, flag TEXT, draught REAL)"
        )
        rows = [tuple(one[name] for name in COLUMNS.values()) for one in spelled()]
        connection.executemany("INSERT INTO p VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()


@source
def sqlite(folder: Path) -> Made:
    database(folder)
    return "sqlite:///a.db", {"query": "SELECT * FROM p ORDER BY rowid"}


@source
def sql_alchemy(folder: Path) -> Made:
    database(folder)
    return f"sqlite+pysqlite:///{folder}/a.db", {"query": "SELECT * FROM p WHERE t <> '12:30' ORDER BY rowid"}


@pytest.fixture(params=sorted(MAKERS))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> tables.Table:
    given, options = MAKERS[request.param](tmp_path)
    columns = options.pop("columns", COLUMNS)
    return tables.open(given, columns, ROLES, base=tmp_path, **options)


def expected() -> pa.Table:
    """What must come out: every row but those at a latitude of 91.5."""
    table = plain()
    names = {column: role for role, column in COLUMNS.items()}
    roles = table.select(list(COLUMNS.values())).rename_columns([names[name] for name in COLUMNS.values()])
    whole = roles.add_column(0, "row", pa.array(range(ROWS), pa.int64()))
    return whole.filter(pa.array(np.asarray(table["lat"]) < 90))


def test_the_same_rows_come_out(opened: tables.Table) -> None:
    assert opened.to_arrow().combine_chunks().equals(expected().combine_chunks())
    assert opened.schema.equals(expected().schema)


def test_rejected_rows_say_where_and_why(opened: tables.Table) -> None:
    rejected = opened.rejected().read_all()
    assert rejected["row"].to_pylist() == list(range(10, ROWS, 10))
    assert set(rejected["reason"].to_pylist()) == {"latitude outside -90 to 90"}
    assert {value.replace(",", ".") for value in rejected["value"].to_pylist()} == {"91.5"}
    assert set(rejected["column"].to_pylist()) <= {"lat", "latitude"}
    counts = opened.counts()
    assert (counts.read, counts.used, counts.rejected, counts.duplicates) == (ROWS, ROWS - 9, 9, 0)
    assert counts.reasons == {"latitude outside -90 to 90": 9}


def test_the_size_of_batches_changes_nothing(opened: tables.Table) -> None:
    for size in (1, 7, 64, 10**6):
        batches = list(opened.batches(size=size))
        assert {batch.num_rows for batch in batches[:-1]} <= {size}
        assert pa.Table.from_batches(batches).combine_chunks().equals(expected().combine_chunks())


def test_a_pass_that_is_given_up_harms_no_later_one(opened: tables.Table) -> None:
    next(iter(opened.batches(size=3)))
    assert opened.to_arrow(["speed"]).column_names == ["row", "speed"]
    assert opened.to_arrow(["speed"])["speed"].equals(expected()["speed"])


def test_the_description_is_complete(opened: tables.Table) -> None:
    told = opened.describe()
    assert list(told) == ["source", "files", "columns", "counts", "notes"]
    assert told["counts"]["read"] == ROWS
    assert told["files"]
    assert all(len(file["sha256"]) == 64 and file["size"] > 0 for file in told["files"])
    json.dumps(told)
