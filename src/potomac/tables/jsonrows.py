"""JSON lines, arrays of objects and GeoJSON as sources."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault
from potomac.tables import jsontext
from potomac.tables.chunk import Broken, Chunk, Source, shown
from potomac.tables.duck import connect
from potomac.tables.memory import Memory, array
from potomac.tables.sniff import HEAD, encoding
from potomac.tables.streams import Text, compression, ends_early, head, reading

__all__ = ["JsonRows", "open_json"]

POSITION = {"longitude": "/geometry/coordinates/0", "latitude": "/geometry/coordinates/1"}
LARGEST = 1 << 28
"""Bytes of a table by columns, unpacked, at most: its values take many times as much once they are read."""
_FIRST = 500  # objects whose keys are looked at
_FEATURES = re.compile(r'"features"\s*:\s*(?=\[)')
_CRS = re.compile(r'"crs"\s*:\s*\{[^{}]*\{[^{}]*"name"\s*:\s*"([^"]{1,100})"')
_DEGREES = re.compile(r"CRS:?84$|(?<!\d)(4326|4269|4258|4979|7844|4283)$", re.IGNORECASE)
"""WGS 84, NAD 83, ETRS 89 and GDA, which agree within 2 m."""
_GEOMETRIES = ("LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection")


@dataclass(frozen=True, slots=True)
class Form:
    """How the objects stand in a file: one a line, or in an array that begins at ``start`` (counted in bytes).

    ``crs`` is the coordinate reference system that the file says it has, as before RFC 7946.
    """

    name: str
    array: bool = False
    start: int = 0
    geo: bool = False
    crs: str = ""


def open_json(path: Path, label: str) -> JsonRows | Memory:
    """The rows of a JSON file, whatever its form.

    Raises:
        DataError: it is empty, no JSON, or of a form that is no table.
    """
    with reading(label):
        packed = compression(path, label)
        data = head(path, HEAD)
    name = encoding(data, label) if data.strip() else "utf-8"
    text = data.decode(name, "replace")
    form = _form(text, label, lined=_is_lined(Path(label)))
    if form is None:
        return _columns(path, label, name)
    return JsonRows(path, label, name, form, packed)


def _is_lined(path: Path) -> bool:
    """Whether the ending says that there is one object a line."""
    return any(suffix.casefold() in (".jsonl", ".ndjson", ".geojsonl") for suffix in path.suffixes[-2:])


def _form(text: str, label: str, lined: bool) -> Form | None:
    body = text.lstrip()
    if not body:
        raise DataError(Fault("data.empty", f"{shown(label)} is empty", "expected JSON", "Write the file again"))
    start = len(text[: len(text) - len(body)].encode())
    if body[0] == "[":
        return Form("an array of objects", True, start)
    if body[0] != "{":
        found = f"{shown(label)} is no JSON: it begins with {shown(body, 20)!r}"
        raise DataError(Fault("data.json", found, "expected objects, one a line or in an array", "Look at the file"))
    try:
        first, end = json.JSONDecoder().raw_decode(body)
    except RecursionError as error:
        raise DataError(_too_deep(label)) from error
    except ValueError:  # the first object is damaged, or longer than what is looked at
        ends = text.lstrip().split("\n", 1)[0].rstrip().endswith("}")
        return _features(text) or (Form("one object a line") if lined or ends else None)
    if lined or body[end:].strip() or not _is_whole(first):
        return Form("one object a line", geo=first.get("type") == "Feature")
    return _features(text)


def _is_whole(first: dict[str, Any]) -> bool:
    """Whether one object is a whole table: columns of values, or a collection of features."""
    return "features" in first or any(isinstance(value, dict | list) for value in first.values())


def _features(text: str) -> Form | None:
    """The form of a collection of features; nothing where ``text`` shows none."""
    found = _FEATURES.search(text)
    if found is None:
        return None
    said = _CRS.search(text[: found.end()])
    start = len(text[: found.end()].encode())
    return Form("a collection of features", True, start, geo=True, crs=_called(said[1]) if said else "")


def _called(name: str) -> str:
    """``EPSG:3067`` of ``urn:ogc:def:crs:EPSG::3067``; any other name as it is."""
    code = re.search(r"EPSG:(?:[\d.]*:)?(\d+)$", name, re.IGNORECASE)
    return f"EPSG:{code[1]}" if code else name


class JsonRows(Source):
    """Objects of one file as rows; their values come as they are written, strings without quotes."""

    def __init__(self, path: Path, label: str, encoding: str, form: Form, packed: str) -> None:
        self.label = label
        self._path = path
        self._files = ((label, path),)
        self._encoding = encoding
        self._form = form
        self._packed = packed
        self.positions = tuple(POSITION) if form.geo else ()
        self.names, self.worded = self._first()

    @property
    def notes(self) -> tuple[str, ...]:
        """How it is written."""
        packed = f", compressed with {self._packed}" if self._packed else ""
        crs = f", coordinates in {shown(self._form.crs)}" if self._form.crs else ""
        return (f"{shown(self.label)}: {self._form.name}, encoding {self._encoding.upper()}{packed}{crs}",)

    def _first(self) -> tuple[tuple[str, ...], frozenset[str]]:
        """The names of the first objects' values, in order, and which of them are words."""
        names: dict[str, None] = {}
        worded: set[str] = set()
        self._numbered = False
        for value in self._some():
            self._numbered |= "id" in value
            inner = value.get("properties") if self._form.geo else value
            if not isinstance(inner, dict):
                continue
            names.update(dict.fromkeys(inner))
            worded.update(name for name, item in inner.items() if isinstance(item, str))
        if self._form.geo:
            self._numbered |= "id" not in names  # features without ids of their own may have a property of that name
            names.update(dict.fromkeys(("id", *POSITION)))
        return tuple(names), frozenset(worded)

    def _some(self) -> Iterator[dict[str, Any]]:
        for block in self._blocks():
            for line in block.split(b"\n")[:_FIRST]:
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(value, dict):
                    yield value
            return

    def find(self, columns: Sequence[str]) -> None:
        """Look through the whole file for names that its first objects do not have."""
        if not set(columns) - set(self.names):
            return
        where = "/properties" if self._form.geo else ""
        sane = "CASE WHEN json_valid(line) THEN line END"
        keys = f"unnest(json_keys(line, '{where}'))"
        sql = f"SELECT DISTINCT {keys} AS name FROM (SELECT {sane} AS line FROM v)"  # noqa: S608  no words of the user
        names = dict.fromkeys(self.names)
        with connect() as duck:
            for block in self._blocks():
                held = pa.table({"line": _split(block)})
                names.update(dict.fromkeys(sorted(row[0] for row in duck.from_arrow(held).query("v", sql).fetchall())))
        self.names = tuple(names)

    def _blocks(self) -> Iterator[bytes]:
        text = Text(self._path, self._encoding, self.label)
        try:
            stream: jsontext.Readable = text
            if self._form.array:
                text.read(self._form.start)
                stream = jsontext.ArrayLines(text, self.label)
            yield from jsontext.lines(stream, self.label)
        finally:
            text.close()

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the objects; what is no object is broken.

        Raises:
            DataError: positions are asked for, and the file says that they are not in degrees.
        """
        if self._form.crs and not _DEGREES.search(self._form.crs) and set(columns) & set(self.positions):
            raise DataError(_projected(self.label, self._form.crs))
        first = 0
        sql = self._sql(columns)
        with connect() as duck:
            for block in self._blocks():
                held = pa.table({"line": _split(block)})
                read = duck.from_arrow(held).query("v", sql).to_arrow_table().combine_chunks()
                if read.num_rows:
                    chunk = self._chunk(held.column("line"), read, first, len(columns))
                    yield chunk
                    first += chunk.length

    def _sql(self, columns: Sequence[str]) -> str:
        """One row a line: is it JSON, is it an object, of what geometry, and the text of each column."""
        pointers = ", ".join(_literal(self._pointer(name)) for name in columns)
        values = "".join(f", s[{index + 1}] AS c{index}" for index in range(len(columns)))
        kind = "json_extract_string(line, '/geometry/type')" if self._form.geo else "NULL"
        return f"""
            WITH checked AS (SELECT CASE WHEN json_valid(line) THEN line END AS line FROM v),
            typed AS (SELECT line, coalesce(json_type(line) = 'OBJECT', false) AS ok FROM checked),
            split AS (
                SELECT line IS NOT NULL AS valid, ok, CASE WHEN ok THEN {kind} END::VARCHAR AS kind,
                    json_extract_string(line, [{pointers}]::VARCHAR[]) AS s
                FROM typed
            )
            SELECT valid, ok, kind{values} FROM split
        """  # noqa: S608  pointers are literals

    def _pointer(self, name: str) -> str:
        if self._form.geo:
            if name in POSITION:
                return POSITION[name]
            return "/id" if name == "id" and self._numbered else f"/properties/{_step(name)}"
        return f"/{_step(name)}"

    def _chunk(self, line: pa.ChunkedArray, read: pa.Table, first: int, count: int) -> Chunk:
        table = read.to_batches()[0]
        columns = tuple(table.column(f"c{index}") for index in range(count))
        reasons = self._reasons(table)
        bad = np.asarray(reasons.is_valid())
        if not bad.any():
            return Chunk(self.label, first, table.num_rows, columns)
        numbers = first + np.arange(table.num_rows)
        mask = pa.array(bad)
        values = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(line.combine_chunks()), 0, 500)
        broken = Broken(numbers[bad], values.filter(mask), reasons.filter(mask))
        kept = tuple(column.filter(pa.array(~bad)) for column in columns)
        return Chunk(self.label, first, table.num_rows, kept, numbers[~bad], broken)

    def _reasons(self, table: pa.RecordBatch) -> pa.Array:
        """Why an object is no row; null where it is one."""
        none = pa.scalar(None, pa.string())
        other = pc.if_else(table.column("valid"), "not a JSON object", "not JSON")
        reasons = pc.if_else(table.column("ok"), none, other)
        if not self._form.geo:
            return reasons
        kind = table.column("kind")
        known = pc.is_in(kind, pa.array(_GEOMETRIES))
        told = pc.binary_join_element_wise("geometry is a ", kind, ", not a Point", "")
        misplaced = pc.if_else(known, told, "geometry is not a Point")
        is_point = pc.fill_null(pc.equal(kind, "Point"), True)
        return pc.if_else(pc.and_(table.column("ok"), pc.invert(is_point)), misplaced, reasons)


def _split(block: bytes) -> pa.Array:
    """The lines of a block, each with its end; lines with nothing in them left out."""
    signs = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(signs == ord("\n")) + 1
    if not len(ends) or ends[-1] != len(block):
        ends = np.append(ends, len(block))
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    held = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(block))
    short = np.diff(offsets) < 32
    if not short.any():
        return held
    blank = pc.equal(pc.utf8_trim_whitespace(held), "")
    return held.filter(pc.invert(blank)) if pc.any(blank).as_py() else held


def _step(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _columns(path: Path, label: str, encoding: str) -> Memory:
    """A table by columns, as pandas writes it (``{"speed": {"0": 1.5, ...}, ...}``); read as a whole.

    Raises:
        DataError: it is no such table, or so large that it would not fit into memory.
    """
    with reading(label):
        data = head(path, LARGEST + 1)
    if len(data) > LARGEST:
        raise DataError(_too_large(label))
    try:
        value = json.loads(data.decode(encoding, "replace"))
    except ValueError as error:
        raise DataError(_no_json(label, error)) from error
    except RecursionError as error:
        raise DataError(_too_deep(label)) from error
    columns = _by_columns(value)
    if columns is None or len({len(column) for column in columns.values()}) != 1:
        found = f"{shown(label)} is one JSON object and no table"
        expected = "expected objects one a line, an array of objects, GeoJSON, or columns of one length"
        raise DataError(Fault("data.json-form", found, expected, "Write it as JSON lines"))
    note = f"{shown(label)}: a table by columns, read as a whole"
    return Memory(pa.table({name: array(column) for name, column in columns.items()}), label, (note,), ((label, path),))


def _too_large(label: str) -> Fault:
    found = f"{shown(label)} is one JSON object of more than {LARGEST >> 20} MB, which can only be read as a whole"
    expected = "expected a file that can be read piece by piece"
    return Fault("data.json-form", found, expected, "Write it as JSON lines, one object a row, or as Parquet")


def _too_deep(label: str) -> Fault:
    mend = "Write its values one object a line"
    return Fault("data.json-form", f"{shown(label)} is nested too deeply", "expected a table", mend)


def _projected(label: str, crs: str) -> Fault:
    found = f"{shown(label)} says that its coordinates are in {shown(crs)}"
    mend = "Write it anew in degrees: ogr2ogr -t_srs EPSG:4326, or GeoPandas' to_crs(4326)"
    return Fault("data.crs", found, "expected degrees, longitude first, as GeoJSON has them (RFC 7946)", mend)


def _no_json(label: str, error: ValueError) -> Fault:
    position = getattr(error, "pos", 0)
    if position >= len(getattr(error, "doc", "")) - 1 or "Unterminated" in str(error):
        return ends_early(label)
    return Fault("data.json", f"{shown(label)} is no JSON: {shown(error)}", "expected JSON", "Write the file again")


def _by_columns(value: Any) -> dict[str, list[Any]] | None:
    if not isinstance(value, dict) or not value:
        return None
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list):
        if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
            return None
        return {str(name): [row[i] for row in rows] for i, name in enumerate(names)}
    take: dict[type, Callable[[Any], list[Any]]] = {dict: lambda column: list(column.values()), list: list}
    if {type(column) for column in value.values()} not in ({dict}, {list}):
        return None
    return {str(name): take[type(column)](column) for name, column in value.items()}
