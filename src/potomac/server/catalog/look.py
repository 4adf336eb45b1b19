"""A look at a source that somebody brings: is it what it says, how large does it become, what are its columns.

It runs in the worker's limited child and knows no Django: :func:`look` takes plain values and gives plain values.
Every byte is suspect. Limits are kept while the file is read, and counted on what it unpacks to, not on its size.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, PotomacError, listing, masked_address
from potomac.server.catalog.endings import ENDINGS, ending
from potomac.tables import sniff, streams, times, values
from potomac.tables.chunk import Chunk, Source, shown
from potomac.tables.delimited import Delimited
from potomac.tables.files import open_named
from potomac.tables.jsonrows import JsonRows
from potomac.tables.parquet import Parquet
from potomac.tables.sources import open_source

__all__ = ["LONGEST_NAME", "discreet", "look"]

LONGEST_NAME = 200
"""Letters of a column's name."""

_EXTRACTS = (".osm.pbf", ".pbf")
_BINARY = (".parquet", *_EXTRACTS)
_ROWS = 20
_SEEN = 5_000  # rows of the first chunk that types are guessed from
_LETTERS = 60  # of a value in the preview
_EXAMPLES = 3
_ENOUGH = 0.95  # of the known values: numbers among a few words are still a column of numbers
_LINES = 50  # line ends in one value that make one suspicious of its quotation marks
_LONG = 1 << 20
_BATCH = 1 << 26
_MARKUP = re.compile(r"\s*<(!doctype|html|head|body|svg|\?xml|!--|script)", re.IGNORECASE)
_FORMULA = re.compile(r"[=@+-]\S*[A-Za-z(|]")
_OWN_NAMES = "Give each column a name of its own and one value a row"


def look(
    path: str,
    name: str,
    limits: Mapping[str, int],
    query: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """What a source holds, or why it is refused. Never raises.

    Args:
        path: where the file lies; the database's URL where there is a ``query``.
        name: what its owner calls it; the ending says what it is.
        limits: ``rows``, ``columns``, ``decoded_mb`` and ``check_s`` of the configuration.
        query: SQL, for a database.
        progress: told how many rows have been read.

    Returns:
        ``state`` ("ready" or "refused"), ``reason`` (sentences), ``faults`` (as :class:`~potomac.errors.Fault` tells
        them), ``rows``, and ``preview``: ``columns`` (``name``, ``shown``, ``type``, ``examples``, ``nulls``, and
        ``low`` and ``high`` of numbers), the first ``rows`` as short words, and ``notes``. All is JSON.
    """
    try:
        watch = _Watch(name, limits, progress)
        with streams.metered(watch.unpacked):
            source = _opened(path, name, query, watch)
            return _read(source, name, watch)
    except PotomacError as error:
        return _refused(discreet(error.faults, path, name) if query is not None else error.faults, name)
    except (MemoryError, RecursionError):
        return _refused([_memory(name)], name)
    except Exception as error:  # a library's own words for what a hostile file does to it
        return _refused([_memory(name) if "memory" in str(error).casefold() else _unreadable(name, error)], name)


def _refused(faults: Sequence[Fault], name: str) -> dict[str, Any]:
    reason = " ".join(f"{_sentence(fault, name)}." for fault in faults[:5])
    told = [fault.to_dict() for fault in faults[:5]]
    return {"state": "refused", "reason": reason, "faults": told, "rows": None, "preview": {}}


def _sentence(fault: Fault, name: str) -> str:
    text = str(fault).rstrip(".")
    return text if text.startswith(shown(name)) else text[:1].upper() + text[1:]


def _memory(name: str) -> Fault:
    found = f"{shown(name)} takes more memory than there is for looking at a file"
    extract = ending(name) in _EXTRACTS
    mend = "Cut a smaller region out of it" if extract else "Write it as Parquet or as JSON lines, with shorter values"
    return Fault("upload.memory", found, "", mend)


def _unreadable(name: str, error: Exception) -> Fault:
    found = f"{shown(name)} cannot be read ({type(error).__name__})"
    return Fault("upload.unreadable", found, "", "Write the file again with another program")


@dataclass
class _Watch:
    """The limits, and what has been used of them."""

    name: str
    limits: Mapping[str, int]
    progress: Callable[[int], None] | None = None
    rows: int = 0
    decoded: int = 0
    begun: float = field(default_factory=time.monotonic)

    def unpacked(self, total: int) -> None:
        """So many bytes of a text have been read in this pass."""
        self.decoded = max(self.decoded, total)
        self._check()

    def grown(self, rows: int, decoded: int = 0) -> None:
        """So many more rows, and bytes that no stream has counted."""
        self.rows += rows
        self.decoded += decoded
        if self.rows > self.limits["rows"]:
            found = f"{shown(self.name)} has more than {self.limits['rows']:,} rows"
            mend = "Bring fewer rows, or a sample of them; an administrator may raise the limit"
            raise DataError(Fault("upload.rows", found, "", mend))
        self._check()
        if self.progress is not None:
            self.progress(self.rows)

    def _check(self) -> None:
        if self.decoded > self.limits["decoded_mb"] << 20:
            found = f"{shown(self.name)} has more than {self.limits['decoded_mb']:,} MB once it is unpacked"
            mend = "Bring fewer rows or columns; an administrator may raise the limit"
            raise DataError(Fault("upload.decoded", found, "", mend))
        if time.monotonic() - self.begun > self.limits["check_s"]:
            found = f"looking at {shown(self.name)} takes longer than {self.limits['check_s']:,} seconds"
            mend = "Bring fewer rows, or the same as Parquet, which is read faster"
            raise DataError(Fault("upload.time", found, "", mend))


def _opened(path: str, name: str, query: str | None, watch: _Watch) -> Source:
    """The source, opened as what its name says and its first bytes confirm."""
    if query is not None:
        return open_source(path, query, Path("/"))
    kind = ending(name)
    if not kind:
        found = f"{shown(name)} is of no kind that can be read"
        raise DataError(Fault("upload.format", found, f"expected a name ending in {listing(ENDINGS)}"))
    start = _start(Path(path), name, kind)
    faults = list(_other_kind(start, name, kind))
    if faults:
        raise DataError(faults)
    return open_named(Path(path), name)


def _start(path: Path, name: str, kind: str) -> bytes:
    with streams.reading(name):
        if path.stat().st_size == 0:
            raise DataError(Fault("data.empty", f"{shown(name)} is empty", "expected a table", "Write the file again"))
        if kind in _BINARY:
            with path.open("rb") as file:
                return file.read(64)
        streams.compression(path, name)  # archives are refused here
        return streams.head(path, 4096)


def _other_kind(start: bytes, name: str, kind: str) -> Iterator[Fault]:
    """Faults of a file whose content is not what its ending says."""
    if kind in _EXTRACTS:
        if b"OSMHeader" not in start:
            found = f"{shown(name)} is no OpenStreetMap extract: it does not begin with an OSMHeader"
            yield Fault("data.not-osm", found, f"expected what ends in {kind}", "Give it its own ending")
        return
    if kind == ".parquet":
        if not start.startswith(b"PAR1"):
            found = f"{shown(name)} is no Parquet file: it begins with the bytes {start[:4].hex(' ')}"
            yield Fault("data.not-parquet", found, "expected the bytes 50 41 52 31 (PAR1)", "Give it its own ending")
        return
    if start.startswith(b"PAR1"):
        yield _is_rather(name, "Parquet", ".parquet")
        return
    text = start.decode(sniff.encoding(start, name), "replace") if start.strip() else ""
    if _MARKUP.match(text):
        found = f"{shown(name)} is a web page or a picture (it begins with {shown(text.strip(), 20)!r}) and no table"
        mend = "Download the table itself; a sign-in page may have come in its place"
        yield Fault("upload.kind", found, f"expected what ends in {kind}", mend)
    elif kind.startswith(".csv") and re.match(r'\s*(\{\s*"|\[\s*[{\[])', text):
        yield _is_rather(name, "JSON", ".jsonl where one object stands in each line, else .json")


def _is_rather(name: str, what: str, rather: str) -> Fault:
    return Fault("upload.kind", f"{shown(name)} holds {what}", "", f"Give it a name that ends in {rather}")


def discreet(faults: Sequence[Fault], url: str, name: str) -> list[Fault]:
    """What an analyst may know of the faults of a database: what it says of the query, and not where it is."""
    return [_without_address(fault, url, name) for fault in faults]


def _without_address(fault: Fault, url: str, name: str) -> Fault:
    of_query = fault.code == "data.query" or fault.expected.startswith("the query was")
    if not (of_query or fault.code.startswith("upload.")):
        found = f"the database of {shown(name)} cannot be reached"
        return Fault("upload.database", found, "", "Ask an administrator to look at how it is registered")
    found, address = fault.found, masked_address(url)
    for as_told in (shown(address, 500), shown(address)):  # messages cut it
        found = found.replace(as_told, shown(name))
    return Fault(fault.code, found, fault.expected, fault.mend)


@dataclass
class _Column:
    """What is known of a column so far."""

    name: str
    type: str = "empty"
    nulls: int = 0
    examples: list[str] = field(default_factory=list)
    low: float | None = None
    high: float | None = None
    longest: int = 0
    lines: int = 0

    def told(self) -> dict[str, Any]:
        """As JSON."""
        found: dict[str, Any] = {"name": self.name, "shown": shown(self.name, 80), "type": self.type}
        found |= {"examples": self.examples, "nulls": self.nulls}
        return found | ({"low": self.low, "high": self.high} if self.low is not None else {})


def _read(source: Source, name: str, watch: _Watch) -> dict[str, Any]:
    """Read it from end to end."""
    _fit_names(source, name, watch)
    twice = {one for one, count in Counter(source.names).items() if count > 1}
    nested = source.nested if isinstance(source, Parquet) else frozenset()
    used = [one for one in source.names if one not in twice and one not in nested]
    if not used:
        raise DataError(Fault("upload.columns", f"{shown(name)} has no column that can be used", "", _OWN_NAMES))
    columns = [_Column(one) for one in used]
    rows: list[list[str | None]] = []
    broken: Counter[str] = Counter()
    for chunk in _chunks(source, used):
        watch.grown(chunk.length, _bytes(source, chunk))
        if not rows and len(chunk.numbers()):
            _settle(columns, chunk, source)
            rows = _preview(chunk)
        _count(columns, chunk)
        if chunk.broken is not None:
            broken.update(chunk.broken.reasons.to_pylist())
    _refuse_useless(name, watch.rows, broken)
    notes = [*_source_notes(source), *_notes(columns, twice, nested, source, watch.rows, broken)]
    preview = {"columns": [one.told() for one in columns], "rows": rows, "notes": notes}
    return {"state": "ready", "reason": "", "faults": [], "rows": watch.rows, "preview": preview}


def _fit_names(source: Source, name: str, watch: _Watch) -> None:
    if not source.names:
        raise DataError(Fault("upload.columns", f"{shown(name)} has no columns", "expected named columns"))
    if len(source.names) > watch.limits["columns"]:
        found = f"{shown(name)} has {len(source.names):,} columns"
        expected = f"expected at most {watch.limits['columns']:,}"
        raise DataError(Fault("upload.columns", found, expected, "Leave out what no study needs"))
    for one in source.names:
        if len(one) > LONGEST_NAME or "\0" in one or any("\ud800" <= sign <= "\udfff" for sign in one):
            found = f'a column of {shown(name)} is called "{shown(one, 40)}", which cannot be written in a study'
            expected = f"expected names of at most {LONGEST_NAME} signs of Unicode without NUL"
            raise DataError(Fault("upload.names", found, expected, "Rename the column"))


def _chunks(source: Source, names: Sequence[str]) -> Iterator[Chunk]:
    return source.encoded(names, _BATCH) if isinstance(source, Parquet) else source.chunks(names)


def _bytes(source: Source, chunk: Chunk) -> int:
    """Bytes that the values take once they are decoded; 0 where the stream of the text has counted them."""
    if isinstance(source, Delimited | JsonRows):
        return 0
    return sum(_decoded(column) for column in chunk.columns)


def _decoded(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if not pa.types.is_binary_view(column.dictionary.type) and _is_words(column.dictionary.type):
        lengths = pc.binary_length(column.dictionary)
        return int(pc.sum(lengths.cast(pa.int64()).take(column.indices)).as_py() or 0) + 4 * len(column)
    return 8 * len(column) + int(column.dictionary.nbytes)


def _is_words(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )


def _short(column: pa.Array, count: int, letters: int = _LETTERS) -> pa.Array:
    """The first values as plain ones; words cut before they are unfolded, for one may be long and often there."""
    column = column.slice(0, count)
    if isinstance(column, pa.DictionaryArray):
        return _cut(column.dictionary, letters).take(column.indices)
    return _cut(column, letters)


def _cut(column: pa.Array, letters: int) -> pa.Array:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return values.plain(pc.utf8_slice_codeunits(column, 0, letters + 1))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return values.plain(pc.binary_slice(column, 0, letters + 1))
    return values.plain(column)


def _settle(columns: Sequence[_Column], chunk: Chunk, source: Source) -> None:
    """Types, examples and ranges, by the first rows."""
    for column, array in zip(columns, chunk.columns, strict=True):
        first = _short(array, _SEEN)
        column.type, numbers = _type(first, column.name in source.worded)
        known = values.words(first).drop_null()
        distinct = known.slice(0, 200).unique().slice(0, _EXAMPLES).to_pylist()
        column.examples = [shown(value, _LETTERS) for value in distinct]
        finite = numbers[np.isfinite(numbers)]
        if len(finite):
            column.low, column.high = float(finite.min()), float(finite.max())


def _type(column: pa.Array, worded: bool) -> tuple[str, np.ndarray]:
    """Number, integer, time, text, true or false, or empty; and the numbers."""
    none = np.array([])
    kind = column.type
    if pa.types.is_boolean(kind):
        return "true or false", none
    if pa.types.is_temporal(kind):
        return ("time" if pa.types.is_timestamp(kind) or pa.types.is_date(kind) else "text"), none
    if values.is_number(kind):
        found = values.numbers(column).values
        return ("integer" if pa.types.is_integer(kind) else "number"), found
    if not values.is_text(kind):
        return ("empty" if pa.types.is_null(kind) else "text"), none
    known = values.spaced_out(column)
    if known.null_count == len(known):
        return "empty", none
    return _type_of_words(known, worded)


def _type_of_words(known: pa.Array, worded: bool) -> tuple[str, np.ndarray]:
    count = len(known) - known.null_count
    read = values.numbers(known, sniff.decimal_comma(known.drop_null().slice(0, 2000).to_pylist()))
    if not worded and read.unreadable.sum() <= (1 - _ENOUGH) * count:
        finite = read.values[np.isfinite(read.values)]
        whole = len(finite) and bool(
            (finite == np.floor(finite)).all() and not pc.any(pc.match_substring(known, ".")).as_py()
        )
        return ("integer" if whole else "number"), read.values
    clock = times.Clock(first=times.day_or_month(known))
    bad = sum(int(mask.sum()) for _, mask in clock.written(known).faults)
    return ("time" if bad <= (1 - _ENOUGH) * count else "text"), np.array([])


def _preview(chunk: Chunk) -> list[list[str | None]]:
    """The first rows as short words."""
    parts = [values.words(_short(column, _ROWS)).to_pylist() for column in chunk.columns]
    return [[None if value is None else shown(value, _LETTERS) for value in row] for row in zip(*parts, strict=True)]


def _count(columns: Sequence[_Column], chunk: Chunk) -> None:
    for column, array in zip(columns, chunk.columns, strict=True):
        column.nulls += _unknown(array)
        held = array.dictionary if isinstance(array, pa.DictionaryArray) else array
        if _is_words(held.type) and len(held):
            longest = int(pc.max(pc.binary_length(held)).as_py() or 0)
            column.longest = max(column.longest, longest)
            if longest > 10 * _LINES and not pa.types.is_binary(held.type):
                column.lines = max(column.lines, int(pc.max(pc.count_substring(held, "\n")).as_py() or 0))


def _unknown(array: pa.Array) -> int:
    """How many values are not known: null, empty, or not a number."""
    nulls = int(array.null_count)
    if isinstance(array, pa.DictionaryArray):
        if not _is_words(array.dictionary.type):
            return nulls
        empty = pc.equal(pc.binary_length(array.dictionary), 0)
        return nulls + int(pc.sum(pc.cast(empty.take(array.indices), pa.int64())).as_py() or 0)
    if _is_words(array.type):
        return nulls + int(pc.sum(pc.equal(pc.binary_length(array), 0)).as_py() or 0)
    if pa.types.is_floating(array.type):
        return nulls + int(pc.sum(pc.is_nan(array)).as_py() or 0)
    return nulls


def _refuse_useless(name: str, rows: int, broken: Mapping[str, int]) -> None:
    lost = sum(broken.values())
    if not rows:
        found = f"{shown(name)} has no rows"
        raise DataError(Fault("data.no-rows", found, "expected at least one", "Look whether the right file is named"))
    if lost >= rows:
        why = listing(f"{reason} ({count:,})" for reason, count in broken.items())
        found = f"no line of {shown(name)} is a row: {why}"
        raise DataError(Fault("upload.rows-broken", found, "", "Look whether it is what its name says"))


def _source_notes(source: Source) -> list[str]:
    """The source's own notes, without the name before them and without an address."""
    notes = [note.removeprefix(f"{shown(source.label)}: ") for note in source.notes]
    return [shown(note, 300) for note in notes]


def _notes(
    columns: Sequence[_Column],
    twice: set[str],
    nested: frozenset[str],
    source: Source,
    rows: int,
    broken: Mapping[str, int],
) -> Iterator[str]:
    """What its owner should know."""
    if twice and not any("more than once" in note for note in source.notes):
        yield f"{_names(twice)}: named more than once, and of no use so"
    if nested:
        yield f"{_names(nested)}: lists or records, which no role takes"
    for reason, count in broken.items():
        yield f"{count:,} of {rows:,} lines are set aside: {reason}"
    if sniff.looks_like_data(source.names):
        yield "the first line looks like data and is taken as names: put a line of names above it"
    if "" in source.names:
        yield "a column has no name, and of no use so"
    yield from _value_notes(columns)


def _value_notes(columns: Sequence[_Column]) -> Iterator[str]:
    for one in columns:
        if one.lines > _LINES:
            told = f"a value runs over {one.lines:,} lines; a quotation mark may be missing in the file"
            yield f'"{shown(one.name, 40)}": {told}'
        if one.longest > _LONG:
            yield f'"{shown(one.name, 40)}": its longest value has {one.longest:,} bytes'
    formulas = [
        one.name for one in columns if any(_FORMULA.match(value) for value in one.examples) and one.type == "text"
    ]
    if formulas:
        yield f"{_names(formulas)}: values look like formulas of a spreadsheet; they stay text here"


def _names(names: Any) -> str:
    return listing((f'"{shown(one, 40)}"' for one in sorted(names)), 6)
