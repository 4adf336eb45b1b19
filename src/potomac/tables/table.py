"""Table: roles over a source; streams checked rows and keeps the rejected ones with their reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, PotomacError, did_you_mean, listing
from potomac.tables import identity
from potomac.tables.check import REJECTED, Checked, Checker
from potomac.tables.chunk import Source, shown
from potomac.tables.distinct import Distinct
from potomac.tables.prepare import Prepared, declared, prepare
from potomac.tables.roles import Column, Role
from potomac.tables.sources import open_source

__all__ = ["Counts", "Table", "open"]

_KEPT = 100_000
"""So many rejected rows are kept in memory; more are streamed from the source again when asked for."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows were read, used and rejected (by reason), and how many of those used repeat another."""

    read: int
    used: int
    rejected: int
    reasons: Mapping[str, int]
    duplicates: int


@dataclass
class _Tally:
    """What a pass counts."""

    read: int = 0
    used: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)  # values that are known, by role
    rejects: list[pa.RecordBatch] | None = field(default_factory=list)
    kept: int = 0

    def add(self, part: Checked) -> None:
        self.read += part.read
        self.used += part.used.num_rows
        for reason, count in part.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        for name in part.used.schema.names[1:]:
            column = part.used.column(name)
            self.known[name] = self.known.get(name, 0) + len(column) - column.null_count
        self.kept += part.rejected.num_rows
        if self.kept > _KEPT:
            self.rejects = None
        elif self.rejects is not None and part.rejected.num_rows:
            self.rejects.append(part.rejected)


class Table:
    """Rows with roles. Every pass streams from the source in the same order; memory holds one batch.

    A batch has the column ``row`` (int64, 0-based row of the source, counting every data row) and one column a
    role, of the role's type, in base units. Only usable rows come through. :func:`potomac.tables.open` makes one.
    """

    def __init__(self, name: str, source: Source, prepared: Prepared) -> None:
        self.name = name
        self.columns: Mapping[str, Column] = MappingProxyType(dict(prepared.columns))
        self.schema: pa.Schema = prepared.checker.schema
        self._source = source
        self._checker: Checker = prepared.checker
        self._prepared = prepared
        self._tally: _Tally | None = None
        self._duplicates = 0
        self._files: list[dict[str, Any]] | None = None

    def __repr__(self) -> str:
        return f"<Table {self.name} of {shown(self._source.label)}: {', '.join(self.schema.names)}>"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out: delimiter, encoding, decimal comma, time zone, swapped ...; grows with the first pass."""
        return tuple(dict.fromkeys((*self._source.notes, *self._prepared.notes(), *self._found())))

    def _found(self) -> Iterator[str]:
        """Notes of a whole pass."""
        if self._tally is not None:
            for role, count in self._tally.known.items():
                if count == 0:
                    yield f'column "{shown(self.columns[role].column)}" ({role}) holds no value in any usable row'

    def batches(self, columns: Sequence[str] | None = None, size: int = 262_144) -> Iterator[pa.RecordBatch]:
        """Stream the usable rows in batches of ``size`` rows (the last one less); the size changes no value.

        Args:
            columns: roles that are wanted beside ``row``; all of them by default. Rows are checked by all roles.
            size: rows of a batch, at least 1.

        Raises:
            DataError: the source breaks off or is damaged; at the end, if no row could be used.
        """
        names = self._names(columns)
        if size < 1:
            raise ValueError(f"size must be at least 1, not {size}")
        return _sized((part.used.select(names) for part in self._pass()), size)

    def _names(self, columns: Sequence[str] | None) -> list[str]:
        valid = self.schema.names
        if columns is None:
            return list(valid)
        unknown = [name for name in columns if name not in valid]
        if unknown:
            near = did_you_mean(unknown[0], valid)
            there = f"there are {listing(valid)}. {near}".strip()
            raise KeyError(f"no role called {unknown[0]} in table {self.name}; {there}")
        return list(dict.fromkeys(("row", *columns)))

    def _pass(self) -> Iterator[Checked]:
        """Check all rows; the first pass that comes to the end counts them."""
        tally = _Tally()
        distinct = Distinct() if self._tally is None else None
        checker = self._checker.fresh()
        try:
            for chunk in self._source.chunks(self._checker.columns):
                part = checker(chunk)
                tally.add(part)
                if distinct is not None:
                    distinct.add(part.used.select(self.schema.names[1:]))
                yield part
            if distinct is not None:
                self._duplicates = distinct.repeated()
                self._tally = tally
                self._prepared.learn(checker)
        finally:
            if distinct is not None:
                distinct.close()
        if tally.used == 0:
            raise DataError(self._prepared.useless(tally.read, tally.reasons))

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All usable rows in memory."""
        names = self._names(columns)
        batches = [part.used.select(names) for part in self._pass()]
        return pa.Table.from_batches(batches, pa.schema([self.schema.field(name) for name in names]))

    def to_numpy(self, columns: Sequence[str] | None = None) -> dict[str, npt.NDArray[Any]]:
        """All usable rows in memory, a NumPy array a column.

        Numbers are float64 with NaN where not known; whole numbers int64 (float64 where some are not known); times
        datetime64[us] in UTC with NaT; words object arrays with None.
        """
        table = self.to_arrow(columns)
        return {name: _numpy(table.column(name)) for name in table.column_names}

    def counts(self) -> Counts:
        """Counts of a whole pass (makes one where none was finished yet)."""
        tally = self._counted()
        by_count = sorted(tally.reasons.items(), key=lambda item: (-item[1], item[0]))
        return Counts(tally.read, tally.used, sum(tally.reasons.values()), dict(by_count), self._duplicates)

    def _counted(self) -> _Tally:
        if self._tally is None:
            for _ in self._pass():
                pass
        if self._tally is None:  # pragma: no cover  a pass that ends has counted
            raise RuntimeError("a finished pass has not been counted")
        return self._tally

    def rejected(self) -> pa.RecordBatchReader:
        """Stream of the rejected rows in their order: source, row, column, value, reason."""
        rejects = self._counted().rejects
        if rejects is None:
            stream = (part.rejected for part in self._pass() if part.rejected.num_rows)
            return pa.RecordBatchReader.from_batches(REJECTED, stream)
        return pa.RecordBatchReader.from_batches(REJECTED, iter(rejects))

    def describe(self) -> dict[str, Any]:
        """For the manifest: source, files with size and SHA-256, columns, counts, notes.

        Objects in memory and databases have no file; what was read of them is hashed instead.
        """
        counts = self.counts()
        if self._files is None:
            self._files = identity.files(self._source, self._checker.columns)
        return {
            "source": shown(self._source.label, 500),
            "files": self._files,
            "columns": {role: self._column(role) for role in self.schema.names[1:]},
            "counts": {
                "read": counts.read,
                "used": counts.used,
                "rejected": counts.rejected,
                "reasons": dict(counts.reasons),
                "duplicates": counts.duplicates,
            },
            "notes": list(self.notes),
        }

    def _column(self, role: str) -> dict[str, str]:
        column = self.columns[role]
        told = {"column": column.column, "unit": column.unit, "timezone": column.timezone}
        return {**{key: value for key, value in told.items() if value}, "type": str(self.schema.field(role).type)}


def _sized(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of one size."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= size:
            held = pa.Table.from_batches(waiting)
            whole = rows - rows % size
            for first in range(0, whole, size):
                yield _one(held.slice(first, size))
            waiting, rows = held.slice(whole).to_batches(), rows - whole
    if rows:
        yield _one(pa.Table.from_batches(waiting))


def _one(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def _numpy(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    if pa.types.is_timestamp(column.type):
        micros = column.cast(pa.int64())
        filled = micros.fill_null(np.iinfo(np.int64).min).to_numpy()
        return np.asarray(filled).view("datetime64[us]")
    return np.asarray(column.to_numpy())


def open(
    source: Any,
    columns: Mapping[str, Column | str],
    roles: Sequence[Role],
    *,
    query: str | None = None,
    base: Path | None = None,
    name: str = "data",
    form: str = "",
) -> Table:
    """A Table over a source. Looks at the first rows only; a pass reads the rest.

    Args:
        source: path, glob, directory, database address, or an Arrow, pandas, Polars, DuckDB or NumPy table.
        columns: the column of the source that plays each role, by its name or with unit and time zone.
        roles: the roles that the table may have, in the order in which rows are checked.
        query: SQL, where the source is a database.
        base: directory that paths are relative to; default the working directory.
        name: what the study calls the table; begins the keys of faults.
        form: which part of which download the source is, such as "movielens ratings"; its columns have the names of
            the roles that they play.

    Raises:
        StudyError: the declaration is wrong, whatever the data.
        DataError: the source cannot be read, or is not what the declaration says.
    """
    given = declared(columns, roles, name)
    try:
        opened = open_source(source, query, base or Path(), form)
    except PotomacError as error:
        raise _keyed(error, name) from error
    try:
        return Table(name, opened, prepare(opened, given, roles, name))
    except PotomacError as error:
        raise _keyed(error, name) from error


def _keyed(error: PotomacError, name: str) -> PotomacError:
    """Faults with the key that they belong to."""

    def keyed(fault: Fault) -> Fault:
        if fault.key in ("query", "format"):
            return replace(fault, key=f"{name}.{fault.key}")
        return fault if fault.key else replace(fault, key=f"{name}.source")

    return type(error)(map(keyed, error.faults))
