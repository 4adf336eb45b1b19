"""``potomac check``: is the study valid, and do its tables hold what it says?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potomac.errors import DataError, Fault, PotomacError
from potomac.spec import Study
from potomac.studies import sources
from potomac.studies.load import Loaded, load

if TYPE_CHECKING:
    import pyarrow as pa

    from potomac.tables import Column, Table

__all__ = ["Found", "check"]

FIRST = 1000
"""Rows of each table that are looked at."""


@dataclass(frozen=True)
class Found:
    """What was found in one table: its columns by role, notes, the first usable rows and how many were passed over."""

    name: str
    source: str
    columns: Mapping[str, Column]
    notes: tuple[str, ...]
    rows: pa.Table
    rejected: int


def check(
    study: str | Path | Mapping[str, Any] | Study,
    overrides: Iterable[str] | Mapping[str, Any] = (),
    *,
    tables: Mapping[str, Any] | None = None,
) -> tuple[Loaded, tuple[Found, ...]]:
    """Validate a study and look at the first rows of its tables.

    Raises:
        StudyError: the study is wrong.
        DataError: a table is wrong, or its first rows hold none that can be used.
        NoAnswer: the engine sees that the study has no answer.
    """
    given = dict(tables or {})
    loaded = load(study, overrides, given=given)
    opened = sources.open_all(loaded, given)
    specs = sources.specs(loaded)
    found = tuple(_look(name, table, str(specs[name].source), loaded) for name, table in opened.items())
    if loaded.engine.check is not None:
        try:
            loaded.engine.check(loaded.study, opened)
        except PotomacError as error:
            raise loaded.locate(error) from error
    return loaded, found


def _look(name: str, table: Table, source: str, loaded: Loaded) -> Found:
    import pyarrow as pa

    batch = next(iter(table.batches(size=FIRST)), None)
    if batch is None or batch.num_rows == 0:
        fault = Fault("data.no-rows", f"no row of {source} can be used", key=f"{name}.source")
        raise loaded.locate(DataError(fault))
    rows = pa.Table.from_batches([batch])
    passed = rows.column("row")[-1].as_py() + 1 - rows.num_rows if "row" in rows.column_names else 0
    return Found(name, source, dict(table.columns), tuple(table.notes), rows, passed)
