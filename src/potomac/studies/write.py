"""Tables, figures and rejected rows -> files of a run directory. The same rows give the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from potomac.engine import Figure, Rows
from potomac.errors import Fault, StudyError, masked
from potomac.studies import pictures

if TYPE_CHECKING:
    from potomac.tables import Table

__all__ = ["figures", "json_text", "masked", "rejected", "table", "tables"]

GROUP = 262_144
"""Rows of a Parquet row group; fixed, so that files do not depend on how rows arrived."""

REJECTED = pa.schema(
    [
        ("source", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
    ]
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def json_text(value: Any, indent: int | None = 2) -> str:
    """JSON for people and programs: indented, UTF-8, numbers that are none as words, passwords taken out."""
    return masked(json.dumps(_plain(value), indent=indent, ensure_ascii=False, allow_nan=False)) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, pa.Scalar):  # a NumPy number
        value = value.item()
    if isinstance(value, float) and value - value != 0:
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value))
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def tables(folder: Path, given: Mapping[str, pa.Table | Rows], wrote: Callable[[str, int], None]) -> dict[str, Any]:
    """Write each table as ``<folder>/<name>.parquet``; returns rows and columns of each for the manifest."""
    folder.mkdir(exist_ok=True)
    return {name: table(folder / f"{_safe(name)}.parquet", given[name], partial(wrote, name)) for name in given}


def _safe(name: str) -> str:
    if not _NAME.fullmatch(name):
        found = f"a table or figure is called {name!r}"
        raise StudyError(Fault("engine.name", found, "expected letters, digits, _ and -", "Tell the engine's makers"))
    return name


def table(file: Path, given: pa.Table | Rows, wrote: Callable[[int], None] | None = None) -> dict[str, Any]:
    """Write one table as Parquet, batch by batch."""
    import pyarrow.parquet as pq

    batches = given.batches() if isinstance(given, Rows) else iter(given.to_batches())
    schema = given.schema.remove_metadata()
    done = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _regrouped(batches, schema):
            writer.write_table(group, row_group_size=GROUP)
            done += group.num_rows
            if wrote is not None:
                wrote(done)
    columns = {name: str(schema.field(name).type) for name in schema.names}
    return {"rows": done, "columns": columns, "file": f"{file.parent.name}/{file.name}"}


def _regrouped(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The same rows in groups of one size."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= GROUP:
            held = pa.Table.from_batches([b.replace_schema_metadata(None) for b in waiting], schema)
            whole = rows - rows % GROUP
            yield held.slice(0, whole)
            waiting, rows = held.slice(whole).to_batches(), rows - whole
    if rows:
        yield pa.Table.from_batches([b.replace_schema_metadata(None) for b in waiting], schema)


def rejected(file: Path, opened: Iterable[Table]) -> int:
    """Write the rejected rows of all tables into one file; returns how many."""

    def batches() -> Iterator[pa.RecordBatch]:
        for one in opened:
            for batch in one.rejected():
                yield from pa.Table.from_batches([batch]).select(REJECTED.names).cast(REJECTED).to_batches()

    return int(table(file, Rows(REJECTED, batches))["rows"])


def figures(folder: Path, drawn: Iterable[Figure]) -> list[dict[str, Any]]:
    """Write each figure as JSON and SVG; returns what the manifest says of each."""
    folder.mkdir(exist_ok=True)
    return [_figure(folder, figure) for figure in drawn]


def _figure(folder: Path, figure: Figure) -> dict[str, Any]:
    name = _safe(figure.name)
    (folder / f"{name}.json").write_text(json_text(pictures.encode(figure), None), encoding="utf-8")
    (folder / f"{name}.svg").write_text(pictures.svg(figure), encoding="utf-8")
    shown = {key: getattr(figure, key) for key in ("name", "title", "alt", "finding", "role", "kind")}
    return {**shown, "data": f"figures/{name}.json", "svg": f"figures/{name}.svg"}
