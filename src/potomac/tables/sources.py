"""What a study or a program names as a source -> something that streams rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from potomac.errors import Fault, StudyError
from potomac.tables.chunk import Source, shown
from potomac.tables.database import is_url, open_database
from potomac.tables.duck import reader
from potomac.tables.files import open_files
from potomac.tables.formats import open_download
from potomac.tables.memory import ArrowDataset, Memory, from_arrays, from_frame, is_geo
from potomac.tables.spool import Spool

__all__ = ["open_source"]

_ROWS = 131_072


def open_source(source: Any, query: str | None, base: Path, form: str = "") -> Source:
    """The rows of a path, glob, directory, database address or object; or of a download of a known ``form``.

    Raises:
        StudyError: it is nothing that rows can be read of; a query is missing or of no use.
        DataError: it is not there, or cannot be read.
    """
    address = isinstance(source, str) and is_url(source)
    if query is not None and not address:
        found = "a query is given, and the source is no database"
        mend = "Take query out, or give the address of a database as source"
        raise StudyError(Fault("data.query-needless", found, "", mend, key="query"))
    if form:
        return open_download(form, source, base)
    if address:
        if not (query or "").strip():
            found = "the source is a database, and no query is given"
            mend = 'Add query = "SELECT ... FROM ... ORDER BY ..."'
            if str(source).lower().startswith(("sqlite", "postgres", "mysql", "maria", "mssql", "oracle")):
                raise StudyError(Fault("data.query-missing", found, "expected SQL that selects rows", mend))
        return open_database(source, query or "", base)
    if isinstance(source, str | Path):
        return open_files(str(source), base)
    return _opener(source)(source)


def _opener(source: Any) -> Callable[[Any], Source]:
    """The opener for an object in memory."""
    root = type(source).__module__.partition(".")[0]
    if isinstance(source, pa.Table):
        return Memory
    if isinstance(source, pa.RecordBatch):
        return lambda batch: Memory(pa.Table.from_batches([batch]))
    if isinstance(source, pa.RecordBatchReader):
        return _reader
    if hasattr(source, "to_batches") and hasattr(source, "schema") and hasattr(source, "scanner"):
        return ArrowDataset
    if root == "duckdb":
        return _relation
    if root == "polars" and hasattr(source, "collect"):
        return _lazy
    if (root in ("pandas", "polars") or is_geo(source)) and hasattr(source, "columns"):
        return from_frame
    if isinstance(source, Mapping) or (isinstance(source, np.ndarray) and source.dtype.names):
        return from_arrays
    if hasattr(source, "__arrow_c_stream__"):
        return lambda held: _reader(pa.RecordBatchReader.from_stream(held))
    found = f"a {type(source).__name__} is no source of rows"
    expected = "expected a path, an address, or an Arrow, pandas, Polars, DuckDB or NumPy table"
    raise StudyError(Fault("data.source-kind", found, expected, f"Found {shown(repr(source), 60)}"))


def _reader(reader: pa.RecordBatchReader) -> Spool:
    return Spool(_small(reader), reader.schema.names, "the stream of record batches")


def _small(batches: Any) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for first in range(0, batch.num_rows, _ROWS):
            yield batch.slice(first, _ROWS)


def _relation(relation: Any) -> Spool:
    """A DuckDB relation, executed once and now.

    Its order is promised for one execution only, and the next query of its connection would end the stream.
    """
    rows = reader(relation, _ROWS)
    return Spool(_small(rows), rows.schema.names, "the DuckDB relation").drain()


def _lazy(frame: Any) -> Spool:
    """A lazy Polars frame, collected in batches where this version can."""
    names = list(frame.collect_schema().names())

    def batches() -> Iterator[pa.RecordBatch]:
        parts = frame.collect_batches(maintain_order=True) if hasattr(frame, "collect_batches") else [frame.collect()]
        for part in parts:
            yield from _small(part.to_arrow().to_batches())

    return Spool(batches(), names, "the lazy Polars frame")
