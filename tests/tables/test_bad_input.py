"""Every bad input has a fault that names the file, what was found, what was expected and how to mend it."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from potomac import tables
from potomac.errors import DataError, Fault, PotomacError, StudyError
from potomac.tables import ENTITY, HEADING, LATITUDE, LONGITUDE, SPEED, TIME, Column, Role, covariate, streams
from potomac.tables.files import open_named
from potomac.tables.parquet import Parquet

FLAG = replace(covariate("flag"), required=False)
ROLES = (ENTITY, TIME, LATITUDE, LONGITUDE, SPEED, HEADING, FLAG)
COLUMNS = {"entity": "mmsi", "time": "t", "latitude": "lat", "longitude": "lon", "speed": "speed", "heading": "cog"}
HEADER = "mmsi,t,lat,lon,speed,cog\n"
ROW = "7,2020-01-01T00:00:00Z,48,2,5,90\n"


def write(folder: Path, name: str, data: bytes | str) -> str:
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return name


def read(source: Any, folder: Path, columns: dict[str, Any] = COLUMNS, roles: Any = ROLES, **options: Any) -> pa.Table:
    return tables.open(source, columns, roles, base=folder, **options).to_arrow()


def fault(error: type[PotomacError], source: Any, folder: Path, *arguments: Any, **options: Any) -> Fault:
    with pytest.raises(error) as caught:
        read(source, folder, *arguments, **options)
    assert type(caught.value) is error
    return caught.value.faults[0]


def parquet(folder: Path) -> bytes:
    pq.write_table(pa.table({name: np.arange(5000.0) for name in COLUMNS.values()}), folder / "whole.parquet")
    return (folder / "whole.parquet").read_bytes()


def zst(text: str) -> bytes:
    return zstandard.ZstdCompressor().compress(text.encode())


MANY = HEADER + ROW * 200_000
FILES: dict[str, tuple[str, Callable[[Path], bytes | str], str, str]] = {
    "empty csv": ("a.csv", lambda d: "", "data.empty", "a.csv is empty"),
    "only a byte order mark": ("a.csv", lambda d: b"\xef\xbb\xbf", "data.empty", "a.csv is empty"),
    "empty parquet": ("a.parquet", lambda d: "", "data.empty", "a.parquet is empty"),
    "empty json": ("a.json", lambda d: " \n", "data.empty", "a.json is empty"),
    "empty gz": ("a.csv.gz", lambda d: gzip.compress(b""), "data.empty", "a.csv.gz is empty"),
    "header only": ("a.csv", lambda d: HEADER, "data.no-rows", "a.csv has no rows"),
    "empty array": ("a.json", lambda d: "[]", "data.column-missing", 'no column "mmsi" in a.json'),
    "garbage": ("a.csv", lambda d: bytes(range(256)) * 4, "data.not-text", "a.csv is no text"),
    "nul bytes": ("a.csv", lambda d: HEADER + "1,\0\0\0\0,48,2,5,90\n", "data.not-text", "byte 27 is the first NUL"),
    "gz ends early": (
        "a.csv.gz",
        lambda d: gzip.compress(MANY.encode())[:-50],
        "data.ends-early",
        "a.csv.gz ends early",
    ),
    "gz without its end": ("a.csv.gz", lambda d: gzip.compress(ROW.encode())[:-4], "data.ends-early", "ends early"),
    "gz of one byte": (
        "a.csv.gz",
        lambda d: gzip.compress(MANY.encode())[:12],
        "data.ends-early",
        "a.csv.gz ends early",
    ),
    "zst ends early": ("a.csv.zst", lambda d: zst(MANY)[:-5], "data.ends-early", "a.csv.zst ends early"),
    "gz damaged": (
        "a.csv.gz",
        lambda d: gzip.compress(ROW.encode())[:10] + b"\xff" * 99,
        "data.compression",
        "damaged",
    ),
    "zip": ("a.csv", lambda d: b"PK\x03\x04" + bytes(50), "data.archive", "a.csv is a zip archive"),
    "parquet ends early": ("a.parquet", lambda d: parquet(d)[:-100], "data.ends-early", "a.parquet ends early"),
    "parquet of four bytes": ("a.parquet", lambda d: b"PAR1", "data.ends-early", "a.parquet ends early"),
    "parquet that is none": ("a.parquet", lambda d: MANY, "data.not-parquet", "6d 6d 73 69"),
    "array ends early": ("a.json", lambda d: '[{"a":1},{"a":2', "data.ends-early", "a.json ends early"),
    "columns end early": ("a.json", lambda d: '{"a":{"0":1,', "data.ends-early", "a.json ends early"),
    "no json": ("a.json", lambda d: "<html>", "data.json", "a.json is no JSON"),
    "one object": ("a.json", lambda d: '{"a":{"x":1},"b":2}', "data.json-form", "no table"),
    "nested without end": ("a.json", lambda d: '{"a":' * 100_000, "data.json-form", "nested too deeply"),
    "quote never closed": ("a.csv", lambda d: HEADER + ROW * 2 + '7,"2020,1\n' + ROW * 3, "data.quotes", "in row 2"),
    "quote far from the end": (
        "a.csv",
        lambda d: HEADER + ROW + '"' + ROW * 500_000,
        "data.quotes",
        "longer than 4 MB",
    ),
    "line without end": ("a.csv", lambda d: HEADER + "a" * (20 << 20), "data.quotes", "longer than 4 MB"),
    "all rows ragged": (
        "a.csv",
        lambda d: HEADER + "1,2\n" * 9,
        "data.no-usable-rows",
        "too few fields in 9 of 9 rows",
    ),
    "latitude 91": ("a.csv", lambda d: HEADER + ROW.replace("48", "91"), "data.no-usable-rows", 'example "91"'),
    "words for numbers": (
        "a.csv",
        lambda d: HEADER + ROW.replace("48", "N"),
        "data.column-not-numbers",
        '"lat" of a.csv',
    ),
    "words for times": ("a.csv", lambda d: HEADER + "7,noon,48,2,5,9\n", "data.column-not-times", 'value is "noon"'),
    "all null": (
        "a.csv",
        lambda d: HEADER + "7,2020-01-01,,2,5,90\n" * 3,
        "data.column-null",
        '"lat" of a.csv holds no',
    ),
    "double header": ("a.csv", lambda d: "lat," + HEADER + "1," + ROW, "data.column-double", 'are called "lat"'),
}


@pytest.mark.parametrize("case", FILES)
def test_files(tmp_path: Path, case: str) -> None:
    name, make, code, says = FILES[case]
    found = fault(DataError, write(tmp_path, name, make(tmp_path)), tmp_path)
    assert found.code == code
    assert says in str(found)
    assert found.expected or found.mend
    assert found.key.startswith("data.")


def test_a_missing_column_is_said_as_the_contract_says(tmp_path: Path) -> None:
    write(tmp_path, "positions.csv", "mmsi,t,lat,lon,speed\n1,2020-01-01,1,2,3\n")
    columns = {"entity": "mmsi", "time": "t", "latitude": "lat", "longitude": "lon", "speed": "sped"}
    found = fault(DataError, "positions.csv", tmp_path, columns)
    assert str(found) == (
        'data.columns.speed: no column "sped" in positions.csv; '
        'its columns are mmsi, t, lat, lon, speed. Did you mean "speed"?'
    )


def test_all_missing_columns_are_told_at_once_with_what_they_may_be(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "mmsi,t,lat,lon,SOG,cog\n" + ROW)
    with pytest.raises(DataError) as caught:
        read("a.csv", tmp_path, {**COLUMNS, "speed": "velocita", "heading": "rotta"})
    assert [found.key for found in caught.value.faults] == ["data.columns.speed", "data.columns.heading"]
    assert [found.mend for found in caught.value.faults] == [
        'For speed, "SOG" looks right', 'For heading, "cog" looks right'
    ]  # fmt: skip


def test_a_file_without_header_is_told(tmp_path: Path) -> None:
    found = fault(DataError, write(tmp_path, "a.csv", ROW * 3), tmp_path)
    assert found.code == "data.column-missing"
    assert "The first line looks like data" in found.mend


def test_required_roles_need_a_column(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", HEADER.replace("speed", "SOG") + ROW)
    found = fault(StudyError, "a.csv", tmp_path, {"latitude": "lat", "longitude": "lon"}, (LATITUDE, LONGITUDE, SPEED))
    assert (found.code, found.key) == ("data.role-missing", "data.columns")
    assert found.mend == 'Add columns.speed = "SOG"'


def test_paths(tmp_path: Path) -> None:
    write(tmp_path, "positions.csv", HEADER + ROW)
    near = fault(DataError, "postions.csv", tmp_path)
    assert (near.code, near.mend) == ("data.source-missing", 'Did you mean "positions.csv"?')
    far = fault(DataError, "other/a.csv", tmp_path)
    assert "no directory" in far.found
    empty = fault(DataError, "*.parquet", tmp_path)
    assert (empty.code, empty.expected) == ("data.glob-empty", "there are positions.csv")
    (tmp_path / "inner").mkdir()
    write(tmp_path, "inner/README.md", "text")
    assert fault(DataError, "inner", tmp_path).code == "data.directory-empty"
    write(tmp_path, "inner/a.csv", HEADER + ROW)
    write(tmp_path, "inner/b.jsonl", "{}")
    mixed = fault(DataError, "inner", tmp_path)
    assert (mixed.code, "json, text" in mixed.found) == ("data.directory-mixed", True)
    os.mkfifo(tmp_path / "pipe.csv")
    assert fault(DataError, "pipe.csv", tmp_path).code == "data.not-a-file"
    assert fault(DataError, "x" * 300, tmp_path).code == "data.unreadable"
    assert fault(DataError, "a\0b.csv", tmp_path).code == "data.source-missing"


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl"])
def test_a_file_without_permission(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, name, HEADER + ROW)

    def refuse(self: Path, *arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    found = fault(DataError, name, tmp_path)
    assert (found.code, name in found.found, "chmod" in found.mend) == ("data.permission", True, True)


def test_a_disk_that_fails_midway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.csv", MANY)
    table = tables.open("a.csv", COLUMNS, ROLES, base=tmp_path)

    class Broken:
        def read(self, size: int) -> bytes:
            raise OSError(5, "Input/output error")

        def close(self) -> None:
            pass

    monkeypatch.setattr(streams, "opened", lambda path: Broken())
    with pytest.raises(DataError, match=r"a\.csv cannot be read: input/output error"):
        table.to_arrow()


def test_files_of_one_glob_with_different_columns(tmp_path: Path) -> None:
    whole = pa.table({name: [1.0, 2.0] for name in COLUMNS.values()})
    pq.write_table(whole, tmp_path / "a.parquet")
    pq.write_table(whole.drop_columns(["speed"]), tmp_path / "b.parquet")
    found = fault(DataError, "*.parquet", tmp_path)
    assert found.code == "data.columns-differ"
    assert 'no column "speed" in b.parquet, which a.parquet has' in found.found


def test_parquet_that_is_damaged_inside(tmp_path: Path) -> None:
    data = bytearray(parquet(tmp_path))
    data[100:4000] = os.urandom(3900)
    found = fault(DataError, write(tmp_path, "a.parquet", bytes(data)), tmp_path)
    assert found.code in ("data.damaged", "data.unreadable", "data.compression", "data.ends-early")


def test_declarations(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", HEADER + ROW)

    def told(role: str, column: Column) -> Fault:
        return fault(StudyError, "a.csv", tmp_path, {**COLUMNS, role: column})

    unit = told("speed", Column("speed", "knts"))
    assert (unit.code, unit.key) == ("units.unknown", "data.columns.speed.unit")
    assert 'Did you mean "knots"?' in unit.mend or 'Did you mean "kn"?' in unit.mend
    assert told("speed", Column("speed", "deg")).code == "units.dimension"
    assert told("entity", Column("mmsi", "kn")).code == "data.unit-needless"
    assert told("speed", Column("speed", timezone="UTC")).code == "data.timezone-needless"
    zone = told("time", Column("t", timezone="Europe/Pariss"))
    assert (zone.code, zone.mend) == ("data.timezone", 'Did you mean "Europe/Paris"?')
    assert told("time", Column("t", timezone="paris")).mend == 'Did you mean "Europe/Paris"?'
    assert told("time", Column("t", unit="fortnight")).code == "data.unit-of-time"
    assert told("spead", Column("speed")).code == "data.role-unknown"


def test_queries(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", HEADER + ROW)
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE p (x REAL)")
    connection.close()
    needless = fault(StudyError, "a.csv", tmp_path, query="SELECT 1")
    assert (needless.code, needless.key) == ("data.query-needless", "data.query")
    assert fault(StudyError, "sqlite:///a.db", tmp_path).code == "data.query-missing"
    wrong = fault(DataError, "sqlite:///a.db", tmp_path, query="SELEKT")
    assert (wrong.code, 'near "SELEKT"' in wrong.found) == ("data.database", True)
    assert fault(DataError, "sqlite:///b.db", tmp_path, query="SELECT 1").mend == 'Did you mean "a.db"?'
    assert fault(DataError, "sqlite:///a.csv", tmp_path, query="SELECT * FROM p").code == "data.database"
    assert fault(DataError, "sqlite:///a.db", tmp_path, query="CREATE TABLE q (x)").code == "data.database"  # read only
    assert fault(DataError, "sqlite:///a.db", tmp_path, query="ATTACH 'x.db' AS x").code == "data.database"
    assert not (tmp_path / "x.db").exists()
    assert (
        fault(DataError, "sqlite:///a.db", tmp_path, {"latitude": "x"}, (LATITUDE,), query="SELECT * FROM p").code
        == "data.no-rows"
    )


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("postgres://me:pässwörd@host/db", "data.scheme", 'Did you mean "postgresql"?'),
        ("postgresql+nothing://me:pässwörd@host/db", "data.scheme", "Leave out what follows the +"),
        ("http://me:pässwörd@host/a.csv", "data.scheme", "Fetch the file first"),
        ("cassandra://me:pässwörd@host/db", "data.scheme", "valid are sqlite, postgresql"),
        ("postgresql://me:pässwörd@host:port/db", "data.url", "scheme://user:password@host:port/database"),
        ("mysql+mysqldb://me:pässwörd@host/db", "data.driver-missing", "pip install 'mysqlclient'"),
        ("postgresql+psycopg2://me:pässwörd@host/db", "data.driver-missing", "pip install 'psycopg2-binary'"),
    ],
)
def test_databases_that_are_not_to_be_had(tmp_path: Path, url: str, code: str, says: str) -> None:
    found = fault(StudyError, url, tmp_path, query="SELECT 1")
    assert found.code == code
    assert says in str(found)
    assert "pässwörd" not in str(found)


def test_a_password_is_told_nowhere(tmp_path: Path) -> None:
    url = "sqlite+pysqlite://me:hun%40ter2@/nowhere/hun@ter2.db"
    with pytest.raises(PotomacError) as caught:
        read(url, tmp_path, query="SELECT 1")
    assert "hun%40ter2" not in str(caught.value)


def test_sources_that_are_none(tmp_path: Path) -> None:
    assert fault(StudyError, 7, tmp_path).code == "data.source-kind"
    assert fault(StudyError, {"lat": [1.0], "lon": [1.0, 2.0]}, tmp_path).code == "data.lengths"
    assert fault(StudyError, {"lat": np.zeros((2, 2))}, tmp_path).code == "data.shape"
    assert (
        fault(DataError, pa.table({name: pa.array([], pa.float64()) for name in COLUMNS.values()}), tmp_path).code
        == "data.no-rows"
    )


def test_geometries_that_are_no_points(tmp_path: Path) -> None:
    line = {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": [[0, 1], [2, 3]]}}
    point = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [2, 48]}}
    none = {"type": "Feature", "properties": {}, "geometry": None}
    odd = {"type": "Feature", "properties": {}, "geometry": {"type": "<b>", "coordinates": [2, 48]}}
    collection = {"type": "FeatureCollection", "features": [line, point, none, odd]}
    write(tmp_path, "a.geojson", json.dumps(collection))
    table = tables.open("a.geojson", {}, (LATITUDE, LONGITUDE), base=tmp_path)
    assert table.to_arrow().to_pylist() == [{"row": 1, "latitude": 48.0, "longitude": 2.0}]
    assert table.rejected().read_all().select(["row", "reason"]).to_pylist() == [
        {"row": 0, "reason": "geometry is a LineString, not a Point"},
        {"row": 2, "reason": "no latitude"},
        {"row": 3, "reason": "geometry is not a Point"},
    ]
    write(tmp_path, "b.geojson", json.dumps({**collection, "features": [line]}))
    found = fault(DataError, "b.geojson", tmp_path, {}, (LATITUDE, LONGITUDE))
    assert (found.code, "geometry is a LineString" in found.expected) == ("data.no-usable-rows", True)


def test_metres_are_told_as_metres(tmp_path: Path) -> None:
    write(tmp_path, "utm.csv", "lat,lon\n4300000,320000\n4300100,320100\n")
    found = fault(DataError, "utm.csv", tmp_path, {"latitude": "lat", "longitude": "lon"}, (LATITUDE, LONGITUDE))
    assert (found.code, found.mend) == ("data.no-usable-rows", "Transform them to degrees (EPSG:4326)")


@pytest.mark.parametrize(
    ("asked", "mend"),
    [
        ("site.csv", 'Did you mean "sites.csv"?'),
        ("sites.tsv", 'Did you mean "sites.csv"?'),
        ("nodes.csv", "Paths are relative to the study file"),
    ],
)
def test_only_a_file_of_nearly_the_same_name_is_meant(tmp_path: Path, asked: str, mend: str) -> None:
    """That both end in .csv says nothing."""
    for name in ("sites.csv", "codes.csv" if asked != "nodes.csv" else "links.csv"):
        write(tmp_path, name, "a\n1\n")
    assert fault(DataError, asked, tmp_path, {"latitude": "lat"}).mend == mend


REJECTS = [
    ("7,2020-01-01,91,2,5,90", "lat", "latitude outside -90 to 90"),
    ("7,2020-01-01,-90.001,2,5,90", "lat", "latitude outside -90 to 90"),
    ("7,2020-01-01,48,181,5,90", "lon", "longitude outside -180 to 180"),
    ("7,2020-01-01,48,2,-0.5,90", "speed", "speed below 0"),
    ("7,2020-01-01,48,2,5,361", "cog", "heading outside 0 to 360"),
    ("7,2020-01-01,48,2,inf,90", "speed", "speed not a finite number"),
    ("7,2020-01-01,-Infinity,2,5,90", "lat", "latitude not a finite number"),
    ("7,2020-01-01,48,2,5,north", "cog", "heading not a number"),
    ("7,2020-01-01,,2,5,90", "lat", "no latitude"),
    ("7,2020-01-01,NaN,2,5,90", "lat", "no latitude"),
    ("7,,48,2,5,90", "t", "no time"),
    (",2020-01-01,48,2,5,90", "mmsi", "no entity"),
    ("7,2020-02-30,48,2,5,90", "t", "time not readable"),
    ("7,0000-01-01,48,2,5,90", "t", "time not readable"),
    ("7,junk,95,2,5,90", "t", "time not readable"),  # the first role that fails says why
    ("7,2020-01-01,48", "", "too few fields"),
    ("7,2020-01-01,48,2,5,90,8", "", "too many fields"),
]


@pytest.mark.parametrize(("row", "column", "reason"), REJECTS)
def test_rows(tmp_path: Path, row: str, column: str, reason: str) -> None:
    write(tmp_path, "a.csv", HEADER + ROW + row + "\n" + ROW)
    table = tables.open("a.csv", COLUMNS, ROLES, base=tmp_path)
    (told,) = table.rejected().read_all().to_pylist()
    assert (told["source"], told["row"], told["column"], told["reason"]) == ("a.csv", 1, column, reason)
    assert told["value"] in row
    assert table.to_arrow()["row"].to_pylist() == [0, 2]


@pytest.mark.parametrize(
    ("row", "role"),
    [
        ("7,2020-01-01,48,2,102.3,90", "speed"),
        ("7,2020-01-01,48,2,5,511", "heading"),
        ("7,2020-01-01,48,2,5,360", "heading"),
    ],
)
def test_what_ais_does_not_know_is_unknown(tmp_path: Path, row: str, role: str) -> None:
    table = read(write(tmp_path, "a.csv", HEADER + row + "\n"), tmp_path)
    assert table[role].to_pylist() == [None]


@pytest.mark.parametrize(
    ("unit", "raw", "speed"),
    [
        ("kn", 102.3, None),
        ("kn", np.float32(102.3), None),
        ("0.1 kn", 1023, None),
        ("0.1 kn", 102.3, 10.23),
        ("m/s", 102.3, 102.3 * 3600 / 1852),
        ("km/h", 102.3, 102.3 / 1.852),
    ],
)
def test_the_code_for_unknown_counts_only_where_ais_writes_it(unit: str, raw: float, speed: float | None) -> None:
    table = tables.open({"v": np.array([raw])}, {"speed": Column("v", unit)}, (SPEED,)).to_arrow()
    assert table["speed"].to_pylist() == [pytest.approx(speed) if speed else None]


def test_infinities_in_memory_are_rejected() -> None:
    table = tables.open({"v": np.array([1.0, np.inf, -np.inf, np.nan])}, {"speed": "v"}, (SPEED,))
    assert table.counts().reasons == {"speed not a finite number": 2}
    assert table.to_arrow()["speed"].to_pylist() == [1.0, None]


def test_one_row_and_all_rows_alike_are_tables(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.csv", HEADER + ROW.rstrip()), tmp_path).num_rows == 1
    table = tables.open(write(tmp_path, "b.csv", HEADER + ROW * 50), COLUMNS, ROLES, base=tmp_path)
    assert (table.counts().used, table.counts().duplicates) == (50, 49)


def test_a_double_name_that_no_role_uses_is_a_note(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,x," + HEADER + "1,2," + ROW)
    assert any("names x more than once" in note for note in tables.open("a.csv", COLUMNS, ROLES, base=tmp_path).notes)


def test_a_covariate_that_is_never_known_is_a_note(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", HEADER.rstrip() + ",flag\n" + (ROW.rstrip() + ",\n") * 3)
    table = tables.open("a.csv", {**COLUMNS, "flag": "flag"}, ROLES, base=tmp_path)
    table.counts()
    assert any('"flag"' in note and "holds no value" in note for note in table.notes)


def test_many_levels_of_a_covariate(tmp_path: Path) -> None:
    rows = "".join(f"{ROW.rstrip()},level{number}\n" for number in range(20_000))
    write(tmp_path, "a.csv", HEADER.rstrip() + ",flag\n" + rows)
    table = read("a.csv", tmp_path, {**COLUMNS, "flag": "flag"})
    assert len(table["flag"].unique()) == 20_000


HOSTILE = ["'; DROP TABLE v; --", '"', "a/b~c", "$.a", "\x1b[31m", "=1+1", "s[1]", "<script>", "a.b", "ü\n", "*", "0"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "sqlite", "memory"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_columns(tmp_path: Path, kind: str, name: str) -> None:
    source: Any = pa.table({"x": [9.0, 9.0], name: [1.5, 2.5]})
    options = {}
    if kind == "csv":
        quoted = '"' + name.replace('"', '""') + '"'
        source = write(tmp_path, "a.csv", f"x,{quoted}\n9,1.5\n9,2.5\n")
    elif kind == "jsonl":
        source = write(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in source.to_pylist()))
    elif kind == "parquet":
        pq.write_table(source, tmp_path / "a.parquet")
        source = "a.parquet"
    elif kind == "sqlite":
        with sqlite3.connect(tmp_path / "a.db") as connection:
            quoted = '"' + name.replace('"', '""') + '"'
            connection.execute(f"CREATE TABLE p (x, {quoted})")
            connection.execute("INSERT INTO p VALUES (9, 1.5), (9, 2.5)")
        connection.close()
        source, options = "sqlite:///a.db", {"query": "SELECT * FROM p"}
    roles = (Role("value", "number", "a value", high=2),)
    column = name.strip() if kind == "csv" else name
    table = tables.open(source, {"value": column}, roles, base=tmp_path, **options)
    assert table.to_arrow()["value"].to_pylist() == [1.5]
    assert table.rejected().read_all()["column"].to_pylist() == [column]
    found = fault(DataError, source, tmp_path, {"value": "missing"}, roles, **options)
    assert str(found).isprintable()


@pytest.mark.parametrize("name", ["a*.csv", "[a].csv", "a?.csv", "'; --.csv", "\x1b[31m.csv", "sp ace.csv", "a.b.csv"])
def test_hostile_names_of_files_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    write(tmp_path, "a1.csv", "x\n1\n")
    write(tmp_path, "a.csv", "x\n2\n")
    write(tmp_path, name, "x\n3\n")
    table = tables.open(name, {"v": "x"}, (Role("v", "number", "a value"),), base=tmp_path)
    assert table.to_arrow()["v"].to_pylist() == [3.0]


def test_a_few_unreadable_values_among_many_unknown_ones_are_rejected(tmp_path: Path) -> None:
    rows = ROW.replace("90", "") * 50 + ROW.replace("90", "north")
    table = tables.open(write(tmp_path, "a.csv", HEADER + rows), COLUMNS, ROLES, base=tmp_path)
    assert table.counts().reasons == {"heading not a number": 1}


def test_formulas_stay_text() -> None:
    formulas = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(1)", "-2+3"]
    table = tables.open({"v": formulas}, {"entity": "v"}, (ENTITY,))
    assert table.to_arrow()["entity"].to_pylist() == formulas


def test_a_bomb_is_read_as_a_stream(tmp_path: Path) -> None:
    bomb = gzip.compress(b"a" * (32 << 20))  # one line that expands a thousandfold
    found = fault(DataError, write(tmp_path, "a.csv.gz", bomb), tmp_path, {"speed": "a"}, (SPEED,))
    assert (found.code, "longer than 256 kB" in found.found) == ("data.csv", True)


def test_a_header_that_does_not_end_is_none(tmp_path: Path) -> None:
    names = ",".join(f"column{number}" for number in range(40_000))
    found = fault(DataError, write(tmp_path, "a.csv", names + "\n1\n"), tmp_path)
    assert (found.code, "the first line of a.csv is longer than 256 kB" in found.found) == ("data.csv", True)


def test_broken_rows_without_end_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potomac.tables.delimited._ASIDE", 1000)
    write(tmp_path, "a.csv", "x,y\n" + "1\n" * 5000)
    found = fault(DataError, "a.csv", tmp_path, {"v": "x"}, (Role("v", "number", "a value"),))
    assert (found.code, found.expected) == ("data.csv", "expected 2 fields, as in the first line")
    assert "1,000 rows on end with too few or too many fields" in found.found


def test_a_meter_stops_a_pass_that_gives_no_rows(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", b"x\n1\n" + b"\n" * (5 << 20))
    seen: list[int] = []

    def meter(total: int) -> None:
        seen.append(total)
        if total > 2 << 20:
            raise DataError(Fault("data.csv", "enough"))

    with streams.metered(meter):
        assert fault(DataError, "a.csv", tmp_path, {"v": "x"}, (Role("v", "number", "a value"),)).found == "enough"
    assert max(seen) == 3 << 20


def test_features_whose_properties_are_no_record(tmp_path: Path) -> None:
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [2, 48]}}
    features = [{**point, "properties": one} for one in (5, "ab", [1], None, {"v": 7})]
    write(tmp_path, "a.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    roles = (Role("v", "number", "a value", nulls=True), LATITUDE, LONGITUDE)
    table = tables.open("a.geojson", {"v": "v"}, roles, base=tmp_path)
    assert table.to_arrow()["v"].to_pylist() == [None, None, None, None, 7.0]


@pytest.mark.parametrize("text", ['{"columns": ["a", "b"], "data": [[1], [2]]}', '{"columns": 5, "data": [[1]]}'])
def test_a_table_by_columns_that_is_none(tmp_path: Path, text: str) -> None:
    assert fault(DataError, write(tmp_path, "a.json", text), tmp_path).code == "data.json-form"


def test_parquet_whose_words_are_not_utf8(tmp_path: Path) -> None:
    offsets = pa.array([0, 1, 2], pa.int32()).buffers()[1]
    words = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"\xff\xfe"))
    pq.write_table(pa.table({"a": words}), tmp_path / "a.parquet")
    found = fault(DataError, "a.parquet", tmp_path, {"entity": "a"}, (ENTITY,))
    assert (found.code, "not UTF-8" in found.found) == ("data.damaged", True)


def test_parquet_with_a_footer_of_nonsense(tmp_path: Path) -> None:
    data = bytearray(parquet(tmp_path))
    data[-8:-4] = (0).to_bytes(4, "little")
    assert fault(DataError, write(tmp_path, "a.parquet", bytes(data)), tmp_path).code == "data.damaged"


def test_words_of_parquet_may_come_as_dictionaries(tmp_path: Path) -> None:
    """A word of a megabyte that stands in 500 rows takes two megabytes so, and 500 as words."""
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 500, pa.int32()), pa.array(["x" * (1 << 20)]))
    pq.write_table(pa.table({"w": words, "n": range(500)}), tmp_path / "a.parquet", store_schema=False)
    chunks = list(Parquet(tmp_path / "a.parquet", "a.parquet").encoded(["w", "n"], 1 << 26))
    assert [chunk.length for chunk in chunks] == [500]
    assert chunks[0].columns[0].nbytes < 4 << 20
    assert chunks[0].columns[1].to_pylist() == list(range(500))


def test_a_file_is_what_its_name_says_wherever_it_lies(tmp_path: Path) -> None:
    place = tmp_path / "0a1b2c"
    place.write_text('{"a": {"b": 1}, "c": 2}\n')
    assert open_named(place, "a.jsonl").names == ("a", "c")
    with pytest.raises(DataError, match=r"^a\.json is one JSON object and no table"):
        open_named(place, "a.json")
