"""Tables as JSON, CSV, Parquet and Arrow. No value becomes a formula, and no row is touched one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field
from pydantic_core import to_json

from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.server import live
from potomac.server.flows.base import Missing

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["FORMATS", "Limit", "Page", "as_json", "asked", "chunks", "described", "file_of", "page", "row"]

FORMATS = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}

SHARE = 4
"""A table larger than this part of the memory for live answers is read from its file, page by page."""

FORMULA = "^([=+\\-@\t\r\n＝＋－＠])"
"""How a cell begins that a spreadsheet would compute (OWASP, CSV injection)."""


@dataclass(frozen=True)
class Page:
    """Which rows and columns of a table."""

    offset: int = 0
    limit: int = 100
    columns: tuple[str, ...] = ()
    sort: str = ""
    descending: bool = False


Limit = Annotated[int, Field(ge=1, le=1000, description="how many rows, at most")]


def asked(limit: int, offset: int, columns: Sequence[str], sort: str) -> Page:
    """A page as an address says it: ``sort=-score`` sorts downwards."""
    return Page(offset, limit, tuple(columns), sort.removeprefix("-"), sort.startswith("-"))


def file_of(directory: str | Path, name: str) -> Path:
    """The file of a table; its name is one of those that the run lists.

    Raises:
        Missing: the run has no such table.
    """
    run = live.opened(directory)
    if name not in list(run.tables):  # `in run.tables` would read the file
        raise Missing
    return run.path / "tables" / f"{name}.parquet"


def described(directory: str | Path) -> list[dict[str, Any]]:
    """The tables of a run: names, rows, columns and their types."""
    import pyarrow.parquet as pq

    run = live.opened(directory)
    return [_described(name, pq.ParquetFile(file_of(directory, name))) for name in run.tables]


def _described(name: str, file: pq.ParquetFile) -> dict[str, Any]:
    columns = [{"name": field.name, "type": str(field.type)} for field in file.schema_arrow]
    return {"name": name, "rows": file.metadata.num_rows, "columns": columns}


def page(directory: str | Path, name: str, asked: Page) -> tuple[int, list[dict[str, Any]], list[str]]:
    """Number of rows of the table, the rows of the page, the names of their columns.

    Raises:
        Missing: there is no such table.
        StudyError: there is no such column.
    """
    names = _about(str(file_of(directory, name))).columns
    columns = list(asked.columns or names)
    _known([*columns, *([asked.sort] if asked.sort else [])], names)
    total, rows = _rows(directory, name, asked, columns)
    return total, _plain(rows).to_pylist(), columns


class _About(NamedTuple):
    """What a Parquet file says of itself."""

    rows: int
    columns: tuple[str, ...]
    size: int  # of its values, bytes


@lru_cache(1024)
def _about(file: str) -> _About:
    import pyarrow.parquet as pq

    found = pq.ParquetFile(file)
    groups = [found.metadata.row_group(i) for i in range(found.metadata.num_row_groups)]
    return _About(found.metadata.num_rows, tuple(found.schema_arrow.names), sum(one.total_byte_size for one in groups))


def row(directory: str | Path, name: str, number: int) -> dict[str, Any]:
    """One row of a table, counted from 0.

    Raises:
        Missing: there is no such table or row.
    """
    total, rows, _ = page(directory, name, Page(offset=number, limit=1))
    if number >= total:
        raise Missing
    return rows[0]


def _known(names: Sequence[str], valid: Sequence[str]) -> None:
    faults = [
        Fault("request.column", f'no column is called "{name}"', f"valid are {listing(valid)}",
              did_you_mean(name, valid), key="columns")
        for name in names if name not in valid
    ]  # fmt: skip
    if faults:
        raise StudyError(faults)


def _rows(directory: str | Path, name: str, asked: Page, columns: list[str]) -> tuple[int, pa.Table]:
    file = file_of(directory, name)
    about = _about(str(file))
    if about.size > live.shelf.most() / SHARE:
        return about.rows, _from_file(file, asked, columns)
    table = live.table(directory, name)
    if not asked.sort:
        return table.num_rows, table.select(columns).slice(asked.offset, asked.limit)
    order = live.order(directory, name, asked.sort, descending=asked.descending)
    return table.num_rows, table.select(columns).take(order.slice(asked.offset, asked.limit))


def _from_file(file: Path, asked: Page, columns: list[str]) -> pa.Table:
    """The page of a large table: DuckDB reads what it needs of the file."""
    import duckdb

    chosen = ", ".join(map(_quoted, columns))
    direction = "DESC" if asked.descending else "ASC"
    by = f"ORDER BY {_quoted(asked.sort)} {direction} NULLS LAST" if asked.sort else ""
    query = f"SELECT {chosen} FROM read_parquet(?) {by} LIMIT {asked.limit:d} OFFSET {asked.offset:d}"  # noqa: S608 - names are the table's own and quoted
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(query, params=[str(file)]).to_arrow_table()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(table: pa.Table) -> pa.Table:
    """Times as texts of ISO 8601 in UTC, so that none is out of Python's range."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(i, field.name, _iso(table.column(i)))
    return table


def _iso(times: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    unit = "us" if times.type.unit == "ns" else times.type.unit
    zone = "Z" if times.type.tz else ""
    plain = times.cast(pa.timestamp(unit, times.type.tz), safe=False).cast(pa.timestamp(unit))
    texts = pc.replace_substring(plain.cast(pa.string()), " ", "T", max_replacements=1)
    return pc.binary_join_element_wise(texts, zone, "")


def as_json(value: Any) -> bytes:
    """JSON; what is no number there (NaN, infinity) is null, bytes are base64."""
    return to_json(value, inf_nan_mode="null", bytes_mode="base64")


def chunks(file: Path, form: str) -> Iterator[bytes]:
    """A table as CSV or as a stream of Arrow batches, piece by piece."""
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(file)
    return _csv(parquet) if form == "csv" else _arrow(parquet)


class _Sink:
    """A file that is written here and read there."""

    closed = False

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, part: Any) -> int:
        self.parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        found, self.parts = b"".join(self.parts), []
        return found

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self.closed = True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def _arrow(parquet: pq.ParquetFile) -> Iterator[bytes]:
    import pyarrow as pa

    sink = _Sink()
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), parquet.schema_arrow) as writer:
        for batch in parquet.iter_batches():
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()


def _csv(parquet: pq.ParquetFile) -> Iterator[bytes]:
    import pyarrow as pa
    from pyarrow import csv

    names = pa.table({"name": parquet.schema_arrow.names}).column(0)
    harmless = _harmless(names).to_pylist()
    first = True
    for batch in parquet.iter_batches():
        columns = [_cells(column) for column in pa.Table.from_batches([batch]).columns]
        sink = pa.BufferOutputStream()
        csv.write_csv(pa.table(columns, names=harmless), sink, csv.WriteOptions(include_header=first))
        first = False
        yield sink.getvalue().to_pybytes()
    if first:
        sink = pa.BufferOutputStream()
        csv.write_csv(pa.table([pa.array([], pa.string())] * len(harmless), names=harmless), sink)
        yield sink.getvalue().to_pybytes()


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """What a cell of CSV can hold; texts that begin like a formula get an apostrophe before it."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _cells(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        return _iso(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _harmless(column)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _harmless(_as_text(column))
    return column


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import duckdb
    import pyarrow as pa

    cells = pa.table({"cell": column})
    how = "to_json(cell)::VARCHAR" if pa.types.is_nested(column.type) else "base64(cell)"
    with duckdb.connect() as connection:
        connection.register("cells", cells)
        return connection.sql(f"SELECT {how} AS cell FROM cells").to_arrow_table().column(0)  # noqa: S608


def _harmless(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.replace_substring_regex(texts, pattern=FORMULA, replacement="'\\1")
