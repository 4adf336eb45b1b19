"""Files that mean harm, or come from programs that do harm without meaning it; each made when it is asked for."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["CASES", "Case"]

MB = 1 << 20
_ROW = b"7,48.5,2.5\n"
_HEAD = b"id,lat,lon\n"
_GOOD = _HEAD + _ROW * 20


@dataclass(frozen=True)
class Case:
    """A file, and what a look must say of it.

    Attributes:
        id: what is hostile about it.
        name: what its owner calls it.
        make: its bytes.
        codes: of the fault that it may be refused with; none where it is read.
        rows: how many it has, where it is read.
        note: words of a note.
    """

    id: str
    name: str
    make: Callable[[], bytes]
    codes: tuple[str, ...] = ()
    rows: int | None = None
    note: str = ""


def refused(id: str, name: str, make: Callable[[], bytes] | bytes, *codes: str) -> Case:
    """It must be refused, with one of these codes."""
    return Case(id, name, make if callable(make) else lambda: make, codes)


def read(id: str, name: str, make: Callable[[], bytes] | bytes, rows: int, note: str = "") -> Case:
    """It must be read, with that note."""
    return Case(id, name, make if callable(make) else lambda: make, (), rows, note)


# ---- makers ---------------------------------------------------------------------------------------------------------


def gzipped(parts: Iterable[bytes]) -> bytes:
    """Compressed piece by piece: a bomb is never whole here."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as file:
        for part in parts:
            file.write(part)
    return out.getvalue()


def zstd(parts: Iterable[bytes]) -> bytes:
    """The same with zstd."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as file:
        for part in parts:
            file.write(part)
    return bytes(sink.getvalue())


def repeated(block: bytes, mb: int, first: bytes = b"") -> Iterator[bytes]:
    """``first``, then so many megabytes of ``block``."""
    yield first
    block = block * (MB // len(block))
    for _ in range(mb):
        yield block


def zipped(**files: bytes) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return out.getvalue()


def outside_zip() -> bytes:
    """An archive whose files would land above the folder."""
    return zipped(**{"../../etc/cron.d/x": b"* * * * * root id\n", "/abs.csv": _GOOD, "..\\w.csv": _GOOD})


def tar() -> bytes:
    """A tar with a file above the folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        info = tarfile.TarInfo("../../a.csv")
        info.size = len(_GOOD)
        file.addfile(info, io.BytesIO(_GOOD))
    return out.getvalue()


def parquet(table: pa.Table, **options: object) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


def dictionary_bomb() -> bytes:
    """Some 600 bytes: one word of a megabyte, stored once, that stands in 2,000 rows: 2 GB."""
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * MB]))
    made = parquet(pa.table({"word": words}), compression="zstd", store_schema=False)
    assert len(made) < 1000
    return made


def view_bomb() -> bytes:
    """The same with a schema that asks for views."""
    words = pa.array(["y" * MB] * 60).cast(pa.string_view())
    return parquet(pa.table({"word": words}), compression="zstd")


def constant_bomb() -> bytes:
    """400 columns of 20,000 equal numbers: 64 MB from some 100 kB."""
    column = pa.repeat(pa.scalar(1.0), 20_000)
    return parquet(pa.table({f"c{i}": column for i in range(400)}), compression="zstd")


def page_bomb() -> bytes:
    """One value of 40 MB, which compresses to nothing."""
    return parquet(pa.table({"word": ["z" * (40 * MB)]}), compression="zstd", use_dictionary=False)


def wide_bomb() -> bytes:
    """Values of a fixed width of a megabyte: every row takes one."""
    value = pa.array([b"\0" * MB] * 30, pa.binary(MB))
    return parquet(pa.table({"wide": value}), compression="zstd")


def not_utf8() -> bytes:
    """Words that say they are UTF-8 and are not."""
    offsets = pa.py_buffer(struct.pack("<3i", 0, 2, 4))
    words = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"\xff\xfe\xc3\x28"))
    return parquet(pa.table({"word": words}))


def odd_footer(length: int) -> bytes:
    """A footer that says it is so long."""
    good = parquet(pa.table({"a": [1, 2, 3]}))
    return good[:-8] + struct.pack("<I", length & 0xFFFFFFFF) + b"PAR1"


def torn_metadata() -> bytes:
    """The footer's own bytes are nonsense."""
    good = parquet(pa.table({"a": list(range(1000)), "b": ["x"] * 1000}))
    length = struct.unpack("<I", good[-8:-4])[0]
    footer = bytes((byte * 7 + 13) & 0xFF for byte in good[-8 - length : -8])
    return good[: -8 - length] + footer + good[-8:]


def absurd_counts() -> bytes:
    """The metadata speak of a number of rows that is not there (a varint of the footer is replaced, same length)."""
    good = bytearray(parquet(pa.table({"a": list(range(16_000))}), store_schema=False))
    length = struct.unpack("<I", good[-8:-4])[0]
    footer = bytes(good[-8 - length : -8])
    told = b"\x80\xfa\x01"  # 16,000 as zigzag varint: 32,000
    assert told in footer
    return bytes(good[: -8 - length]) + footer.replace(told, b"\xfe\xff\x7f") + bytes(good[-8:])


def pickled() -> bytes:
    """Metadata that ask old readers of Arrow to unpickle (CVE-2023-47248)."""
    call = b"cos\nsystem\n(S'touch potomac-was-here'\ntR."
    field = pa.field(
        "a",
        pa.int64(),
        metadata={b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": call},
    )
    return parquet(pa.Table.from_arrays([pa.array([1, 2, 3])], schema=pa.schema([field])))


def far_times() -> bytes:
    """Times that no calendar of Python's has."""
    far = pa.array([2**62, -(2**62), 0], pa.timestamp("us"))
    return parquet(pa.table({"t": far, "d": pa.array([2**30, -(2**30), 0], pa.date32())}))


def doubled_parquet() -> bytes:
    """Two columns of one name, and one of its own."""
    arrays = [pa.array([1, 2]), pa.array([3, 4]), pa.array([5, 6])]
    return parquet(pa.Table.from_arrays(arrays, names=["a", "a", "b"]))


def nested_parquet(flat: bool) -> bytes:
    """Lists and records, beside a plain column or alone."""
    columns = {"list": pa.array([[1, 2], [3]]), "record": pa.array([{"x": 1}, {"x": 2}])}
    return parquet(pa.table({**columns, **({"plain": pa.array([1, 2])} if flat else {})}))


def long_list() -> bytes:
    """One row with a list of 10 million equal numbers: 80 MB from a few kB."""
    count = 10_000_000
    values = pa.repeat(pa.scalar(1, pa.int64()), count)
    lists = pa.LargeListArray.from_arrays(pa.array([0, count], pa.int64()), values)
    return parquet(pa.table({"list": lists, "plain": pa.array([1])}), compression="zstd")


def rows_of_json(*lines: str) -> bytes:
    """JSON lines."""
    return "".join(f"{line}\n" for line in lines).encode()


def feature(**more: object) -> dict[str, object]:
    """A feature at a place."""
    place = {"type": "Point", "coordinates": [2.5, 48.5]}
    return {"type": "Feature", "properties": {"a": 1}, "geometry": place, **more}


def collection(*features: object) -> bytes:
    """A collection of features."""
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def late_bytes() -> bytes:
    """UTF-8 as far as anybody looks, and latin-1 beyond."""
    return _HEAD + _ROW * 30_000 + "7,48.5,Köln\n".encode("latin-1")


def swallowed() -> bytes:
    """A quotation mark that is opened, and another one 900 rows on, which closes it."""
    return _HEAD + _ROW * 5 + b'7,48.5,"2.5\n' + _ROW * 900 + b'7,48.5,2.5"\n' + _ROW * 5


def quoted(name: str) -> bytes:
    """A CSV whose only column has a name."""
    return ('"' + name.replace('"', '""') + '"\n1\n2\n').encode()


_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
_HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form>a,b</form></body></html>\n"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>\n'
_XML = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>\n'
_OVERRIDE = "gpj.\u202eexe"
_NAMES = ("<script>alert(1)</script>", "'; DROP TABLE sources; --", "=cmd|' /C calc'!A0", "../../etc/passwd", "\x1b[2J")


def extract(first: int = 1, **tags: str) -> bytes:
    """An OpenStreetMap extract of one way over three nodes that are numbered from ``first``."""
    import osmium
    from osmium.osm.mutable import Node, Way

    with TemporaryDirectory() as folder:
        file = f"{folder}/a.osm.pbf"
        with osmium.SimpleWriter(file) as writer:
            for k in range(3):
                writer.add_node(Node(id=first + k, location=(25.0, 60 + k / 100)))
            writer.add_way(Way(id=7, nodes=[first, first + 1, first + 2], tags=tags or {"highway": "primary"}))
        return Path(file).read_bytes()


def extracts() -> list[Case]:
    """OpenStreetMap extracts; their blocks are compressed, of a length that is told before each."""
    name, damaged = "a.osm.pbf", ("data.damaged", "data.ends-early")
    return [
        read("an extract", name, extract, 2, "OpenStreetMap"),
        read("nodes with numbers of 40 bits", name, lambda: extract(2**40), 2),
        refused("words for an extract", name, b"from,to\n1,2\n", "data.not-osm"),
        refused("an extract cut off", name, lambda: extract()[:-20], *damaged),
        refused("an extract with a damaged block", name, lambda: _damaged(extract()), *damaged),
        refused("a header of 2 GB", name, b"\x7f\xff\xff\xff\n\tOSMHeader" + b"\0" * 99, *damaged),
        refused("no road", name, lambda: extract(highway="footway"), "data.no-roads"),
        refused("nodes with numbers of 62 bits", name, lambda: extract(2**62), "data.damaged", "upload.memory"),
        refused("nodes with negative numbers", name, lambda: extract(-9), "data.damaged"),
    ]


CASES = [
    # nothing, or next to nothing
    refused("no bytes", "a.csv", b"", "data.empty"),
    refused("only blanks", "a.csv", b" \r\n\t\n" * 40, "data.empty"),
    refused("only a byte order mark", "a.csv", b"\xef\xbb\xbf", "data.empty"),
    refused("only a header", "a.csv", _HEAD, "data.no-rows"),
    refused("no bytes as Parquet", "a.parquet", b"", "data.empty"),
    refused(
        "no rows in Parquet", "a.parquet", lambda: parquet(pa.table({"a": pa.array([], pa.int64())})), "data.no-rows"
    ),
    refused("no columns in Parquet", "a.parquet", lambda: parquet(pa.table({})), "upload.columns"),
    refused("an empty list", "a.json", b"[]", "upload.columns", "data.no-rows"),
    # something else under a table's name
    refused("a web page", "a.csv", _HTML, "upload.kind"),
    refused("a web page after blanks and a mark", "a.csv", b"\xef\xbb\xbf \n" + _HTML, "upload.kind"),
    refused("a web page in UTF-16", "a.csv", _HTML.decode().encode("utf-16"), "upload.kind"),
    refused("a web page as JSON", "a.json", _HTML, "upload.kind"),
    refused("a picture with a script", "a.csv", _SVG, "upload.kind"),
    refused("XML with an entity", "a.csv", _XML, "upload.kind"),
    refused("a picture", "a.csv", _PNG, "data.not-text"),
    refused("JSON as CSV", "a.csv", b'[{"a": 1}, {"a": 2}]', "upload.kind"),
    refused("Parquet as CSV", "a.csv", lambda: parquet(pa.table({"a": [1]})), "upload.kind"),
    refused("CSV as Parquet", "a.parquet", _GOOD, "data.not-parquet"),
    refused("encrypted Parquet", "a.parquet", b"PARE" + bytes(100) + b"PARE", "data.not-parquet"),
    refused("an archive as CSV", "a.csv", lambda: zipped(**{"a.csv": _GOOD}), "data.archive"),
    refused("an archive that climbs", "a.csv", outside_zip, "data.archive"),
    refused("a spreadsheet as CSV", "a.csv", lambda: zipped(**{"xl/workbook.xml": b"<x/>"}), "data.archive"),
    refused("a tar as CSV", "a.csv", tar, "data.not-text"),
    refused("a program", "a.csv", b"\x7fELF" + bytes(range(256)) * 40, "data.not-text"),
    # quotation marks, lines and columns
    refused("a quotation mark that stays open", "a.csv", _GOOD + b'7,"48.5,2.5\n' + _ROW * 9, "data.quotes"),
    refused(
        "a quotation mark opened in the header", "a.csv", b'id,"lat,lon\n' + _ROW * 30_000, "data.csv", "data.quotes"
    ),
    read("a quotation mark that closes 900 rows on", "a.csv", swallowed, 11, "runs over 901 lines"),
    refused("one line of 8 MB", "a.csv", lambda: b"x" * (8 * MB), "data.csv"),
    refused("a cell of 10 MB", "a.csv", lambda: _GOOD + b"7,48.5," + b"9" * (10 * MB) + b"\n", "data.quotes"),
    refused(
        "a header of 100,000 names",
        "a.csv",
        lambda: b",".join(b"c%d" % i for i in range(100_000)) + b"\n1\n",
        "data.csv",
    ),
    refused(
        "2,000 columns",
        "a.csv",
        lambda: b",".join(b"c%d" % i for i in range(2000)) + b"\n" + b"1," * 1999 + b"1\n",
        "upload.columns",
    ),
    refused("more rows than may be", "a.csv", lambda: _HEAD + _ROW * 300_000, "upload.rows"),
    read(
        "half of the rows with a field too few",
        "a.csv",
        _HEAD + (_ROW + b"7,48.5\n") * 50,
        100,
        "50 of 100 lines are set aside: too few fields",
    ),
    refused("no row but broken ones", "a.csv", b"a,b\n" + b"1,2,3\n" * 100, "upload.rows-broken"),
    read("old line ends", "a.csv", _GOOD.replace(b"\n", b"\r"), 20),
    read("columns of one name", "a.csv", b"a,a,b\n1,2,3\n4,5,6\n", 2, "names a more than once"),
    refused("columns of one name only", "a.csv", b"a,a\n1,2\n", "upload.columns"),
    read("a column without a name", "a.csv", b"a,\n1,2\n", 1, "no name"),
    read("no header", "a.csv", _ROW * 9, 8, "first line looks like data"),
    refused("a name of 10,000 letters", "a.csv", quoted("n" * 10_000), "upload.names"),
    # letters
    read("UTF-16 with a mark", "a.csv", _GOOD.decode().encode("utf-16"), 20, "UTF-16"),
    read("UTF-16 without a mark", "a.csv", _GOOD.decode().encode("utf-16-le"), 20, "UTF-16"),
    read("UTF-32", "a.csv", _GOOD.decode().encode("utf-32"), 20, "UTF-32"),
    read("latin-1", "a.csv", "id,name\n1,Köln\n2,Nîmes\n".encode("latin-1"), 2, "LATIN-1"),
    read("Shift JIS", "a.csv", "id,name\n1,東京\n".encode("shift_jis"), 1, "encoding"),
    read("other bytes later", "a.csv", late_bytes, 30_001, "replacement character"),
    read("NUL in values", "a.csv", lambda: _HEAD + _ROW * 500 + b"7,48\0,2.5\n", 501, "replacement character"),
    read("overlong UTF-8", "a.csv", _HEAD + b"7,48.5,\xc0\xaf\n", 1, "encoding"),
    # names and values that mean something elsewhere
    *(read(f"the name {name!r}", "a.csv", quoted(name), 2) for name in _NAMES),
    read("a name that reads backwards", "a.csv", quoted(_OVERRIDE), 2),
    read("values that are formulas", "a.csv", b"x,y\n=SUM(A1:A9),1\n@cmd,2\n+cmd|x,3\n", 3, "formulas"),
    read("values that are markup", "a.csv", b"x,y\n<img src=x onerror=alert(1)>,1\n{{7*7}},2\n", 2),
    # compression
    refused(
        "a bomb of rows in gzip",
        "a.csv.gz",
        lambda: gzipped(repeated(b"8,9\n", 32, b"a,b\n")),
        "upload.decoded",
        "upload.rows",
    ),
    refused("a bomb of blank lines in gzip", "a.csv.gz", lambda: gzipped(repeated(b"\n", 32, _GOOD)), "upload.decoded"),
    refused("a bomb of one line in gzip", "a.csv.gz", lambda: gzipped(repeated(b"a", 32)), "data.csv"),
    refused("a bomb in zstd", "a.csv.zst", lambda: zstd(repeated(b"\n", 256, _GOOD)), "upload.decoded"),
    refused("a bomb without gzip's ending", "a.csv", lambda: gzipped(repeated(b"\n", 32, _GOOD)), "upload.decoded"),
    refused(
        "a bomb of blanks in a list", "a.json", lambda: gzipped(repeated(b" ", 32, b'[{"a": 1},')), "upload.decoded"
    ),
    refused(
        "a bomb of blank lines of JSON",
        "a.jsonl.gz",
        lambda: gzipped(repeated(b"\n", 32, b'{"a": 1}\n')),
        "upload.decoded",
    ),
    refused("gzip in gzip", "a.csv.gz", gzipped([gzipped([_GOOD * 99])]), "data.not-text"),
    refused("gzip cut off", "a.csv.gz", lambda: gzipped([late_bytes()])[:-30], "data.ends-early"),
    refused(
        "gzip with damage", "a.csv.gz", lambda: _damaged(gzipped([late_bytes()])), "data.compression", "data.not-text"
    ),
    refused("gzip with nothing in it", "a.csv.gz", gzipped([]), "data.empty"),
    read("text with gzip's ending", "a.csv.gz", _GOOD, 20),
    # JSON
    read("bare NaN", "a.jsonl", rows_of_json('{"a": 1}', '{"a": NaN}', '{"a": -Infinity}'), 3),
    read("nothing but NaN", "a.jsonl", rows_of_json(*['{"a": NaN}'] * 9), 9),
    read(
        "lines that are no JSON",
        "a.jsonl",
        rows_of_json('{"a": 1}', "{'a': 1}", "a"),
        3,
        "2 of 3 lines are set aside: not JSON",
    ),
    refused(
        "100,000 brackets",
        "a.json",
        b"[" * 100_000,
        "data.ends-early",
        "upload.columns",
        "data.json-form",
        "upload.rows-broken",
        "data.no-rows",
    ),
    refused(
        "100,000 braces",
        "a.json",
        b'{"a":' * 100_000,
        "data.json-form",
        "data.json",
        "data.ends-early",
        "upload.columns",
    ),
    read(
        "depth in a later line", "a.jsonl", rows_of_json('{"a": 1}', '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"), 2
    ),
    refused("a number alone", "a.json", b"5", "data.json"),
    refused("one record that is no table", "a.json", b'{"a": {"b": 1}, "c": 2}', "data.json-form"),
    refused("columns of several lengths", "a.json", b'{"a": [1, 2], "b": [1]}', "data.json-form"),
    refused("columns that are not there", "a.json", b'{"columns": ["a", "b"], "data": [[1], [2]]}', "data.json-form"),
    refused("columns that are a number", "a.json", b'{"columns": 5, "data": [[1]]}', "data.json-form"),
    refused("a list cut off", "a.json", b'[{"a": 1}, {"a": 2}, {"a"', "data.ends-early"),
    refused("a list of numbers", "a.json", b"[1, 2, 3]", "upload.columns", "upload.rows-broken"),
    refused("a lone surrogate as name", "a.jsonl", rows_of_json('{"\\ud800": 1}'), "upload.names"),
    refused("NUL in a name", "a.jsonl", rows_of_json('{"a\\u0000b": 1}'), "upload.names"),
    read("a lone surrogate as value", "a.jsonl", rows_of_json('{"a": "\\ud800"}', '{"a": "b"}'), 2),
    read("NUL in a value", "a.jsonl", rows_of_json('{"a": "x\\u0000y"}', '{"a": "b"}'), 2),
    read(
        "a number of 5,000 digits",
        "a.jsonl",
        rows_of_json('{"a": 1, "b": 1}', '{"a": ' + "9" * 5000 + "}", '{"a": 1e999}'),
        3,
    ),
    read("names twice in a record", "a.jsonl", rows_of_json('{"a": 1, "a": 2}'), 1),
    read("names of prototypes", "a.jsonl", rows_of_json('{"__proto__": {"x": 1}, "constructor": 2}'), 1),
    read(
        "a value of 10 MB",
        "a.jsonl",
        lambda: rows_of_json('{"a": "' + "x" * (10 * MB) + '"}', '{"a": "b"}'),
        2,
        "longest value",
    ),
    refused(
        "20,000 names in a record",
        "a.jsonl",
        lambda: rows_of_json(json.dumps({f"k{i}": i for i in range(20_000)})),
        "upload.columns",
    ),
    read(
        "features with odd properties",
        "a.geojson",
        collection(feature(), feature(properties=5), feature(properties="ab")),
        3,
    ),
    refused(
        "features without places",
        "a.geojson",
        collection(feature(geometry={"type": "LineString", "coordinates": [[0, 0], [1, 1]]})),
        "upload.rows-broken",
    ),
    read(
        "places that are words",
        "a.geojson",
        collection(feature(), feature(geometry={"type": "Point", "coordinates": "<b>"})),
        2,
    ),
    # Parquet
    refused("2 GB from 600 bytes", "a.parquet", dictionary_bomb, "upload.decoded"),
    refused("60 MB by views", "a.parquet", view_bomb, "upload.decoded"),
    refused("64 MB of constants", "a.parquet", constant_bomb, "upload.decoded"),
    refused("a value of 40 MB", "a.parquet", page_bomb, "upload.decoded"),
    refused("rows of a megabyte", "a.parquet", wide_bomb, "upload.decoded"),
    read("a list of 10 million", "a.parquet", long_list, 1, "lists or records"),
    refused("words that are not UTF-8", "a.parquet", not_utf8, "data.damaged"),
    refused(
        "Parquet cut off", "a.parquet", lambda: parquet(pa.table({"a": list(range(999))}))[:-20], "data.ends-early"
    ),
    refused(
        "Parquet of noise", "a.parquet", b"PAR1" + bytes(range(256)) * 9 + b"PAR1", "data.ends-early", "data.damaged"
    ),
    refused("a footer of 4 GB", "a.parquet", lambda: odd_footer(-1), "data.ends-early", "data.damaged"),
    refused("a footer of 0 bytes", "a.parquet", lambda: odd_footer(0), "data.ends-early", "data.damaged"),
    refused("torn metadata", "a.parquet", torn_metadata, "data.damaged", "data.ends-early"),
    read("metadata that tell of rows that are not there", "a.parquet", absurd_counts, 16_000),
    read("words to unpickle", "a.parquet", pickled, 3),
    read("times of no calendar", "a.parquet", far_times, 3),
    read("two columns of one name in Parquet", "a.parquet", doubled_parquet, 2, "named more than once"),
    read("lists beside a column", "a.parquet", lambda: nested_parquet(True), 2, "lists or records"),
    refused("nothing but lists", "a.parquet", lambda: nested_parquet(False), "upload.columns"),
    *(extracts() if find_spec("osmium") else ()),
]


def _damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(byte ^ 0x5A for byte in data[middle : middle + 200]) + data[middle + 200 :]
