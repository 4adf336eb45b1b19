"""Checks of roles: which rows of a chunk can be used, their values in base units, and why others cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import time_ns

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.tables import values
from potomac.tables.chunk import Chunk
from potomac.tables.roles import Column, Role
from potomac.tables.times import Clock, Times
from potomac.units import Unit

__all__ = ["REJECTED", "Check", "Checked", "Checker", "type_of"]

Mask = npt.NDArray[np.bool_]

REJECTED = pa.schema(
    [
        ("source", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
    ]
)
_TYPES = {"number": pa.float64(), "integer": pa.int64(), "time": pa.timestamp("us", "UTC"), "text": pa.string()}
_DAY = 86_400_000_000_000
"""Nanoseconds."""
_LONGEST = 500
"""Signs of a rejected value that are kept."""
_CLOSE = 1e-6
"""Relative difference within which a value is one of those that mean "not known" (AIS in single precision)."""


def type_of(kind: str) -> pa.DataType:
    """The Arrow type of a role's values; ``any`` must have been settled before."""
    return _TYPES[kind]


@dataclass(frozen=True, slots=True)
class Made:
    """Values of one role, and the rows that cannot be used for a reason each."""

    values: pa.Array
    faults: tuple[tuple[str, Mask], ...]


@dataclass
class Check:
    """The check of one role over one column.

    ``kind`` is the role's, ``any`` settled. ``comma``: numbers are written with a decimal comma.
    """

    role: Role
    column: Column
    kind: str
    unit: Unit | None = None
    clock: Clock = field(default_factory=Clock)
    comma: bool = False
    counts: bool = False  # times are numbers that count from 1970
    dates: bool = False  # times are numbers like 20240501
    latest: int = field(default_factory=lambda: (time_ns() + _DAY) // 1000)  # tomorrow, in whichever zone

    def __post_init__(self) -> None:
        self._make: Callable[[pa.Array], Made] = {
            "number": self._number, "integer": self._integer, "time": self._time, "text": self._text
        }[self.kind]  # fmt: skip

    def __call__(self, column: pa.Array) -> Made:
        """The column's values in the role's type and base unit; nulls where they are not known."""
        made = self._make(column)
        if self.role.nulls or made.values.null_count == 0:
            return made
        missing = (f"no {self.role.name}", ~np.asarray(made.values.is_valid()))
        return Made(made.values, (*made.faults, missing))

    def _number(self, column: pa.Array) -> Made:
        name = self.role.name
        read = values.numbers(column, self.comma)
        known = ~np.isnan(read.values) & ~self._unknown(read.values)
        scaled = read.values if self._factor == 1.0 else read.values * self._factor
        faults = [(f"{name} not a number", read.unreadable), (f"{name} not a finite number", np.isinf(scaled))]
        faults += self._range(scaled, known)
        return Made(_array(scaled, known), tuple(faults))

    def _integer(self, column: pa.Array) -> Made:
        name = self.role.name
        read = values.numbers(column, self.comma)
        known = ~np.isnan(read.values) & ~self._unknown(read.values)
        scaled = read.values * self._factor
        with np.errstate(invalid="ignore"):
            whole = (np.floor(scaled) == scaled) & (np.abs(scaled) < 2.0**63)
        faults = [(f"{name} not a number", read.unreadable), (f"{name} not a whole number", known & ~whole)]
        faults += self._range(scaled, known)
        kept = np.where(whole & known, scaled, 0).astype(np.int64)
        integers = values.exact(column) if self._factor == 1.0 else None
        if integers is not None:
            kept = np.where(np.abs(kept) < 2**53, kept, integers)
        return Made(_array(kept, known & whole), tuple(faults))

    @property
    def _factor(self) -> float:
        return self.unit.factor if self.unit else 1.0

    def _unknown(self, raw: npt.NDArray[np.float64]) -> Mask:
        """Values that mean "not known".

        The role states them in the base unit. They are codes, not measurements, so they count only where the column
        is in that unit or a decimal part of it, as AIS writes them (102.3 kn as 1023 tenths): never in m/s.
        """
        found = np.zeros(len(raw), bool)
        if not self.role.unknown or not _is_decimal(self._factor):
            return found
        for value in self.role.unknown:
            code = value / self._factor
            found |= np.abs(raw - code) <= abs(code) * _CLOSE
        return found

    def _range(self, scaled: npt.NDArray[np.float64], known: Mask) -> list[tuple[str, Mask]]:
        """Numbers outside the role's range; infinite ones have been told already."""
        low, high, name = self.role.low, self.role.high, self.role.name
        if low is None and high is None:
            return []
        outside = np.zeros(len(scaled), bool)
        if low is not None:
            outside |= scaled < low
        if high is not None:
            outside |= scaled > high
        return [(f"{name} {bounds(low, high)}", outside & known)]

    def _time(self, column: pa.Array) -> Made:
        times = self._read_times(values.plain(column))
        spoiled = np.zeros(len(column), bool)
        for _, rows in times.faults:
            spoiled |= rows
        known = times.known & ~spoiled
        faults = times.faults
        if self.role.past:
            faults = (*faults, (f"{self.role.name} in the future", known & (times.micros > self.latest)))
        return Made(_array(times.micros, known).cast(type_of("time")), faults)

    def _read_times(self, column: pa.Array) -> Times:
        kind = column.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return self.clock.stamps(column)
        if values.is_number(kind) and self.dates:
            return self.clock.written(values.words(column))
        if values.is_number(kind):
            return self.clock.numbers(values.numbers(column).values, values.exact(column))
        if values.is_text(kind):
            return self._written_times(values.spaced_out(column))
        known = np.asarray(column.is_valid())
        return Times(np.zeros(len(column), np.int64), known, ((f"{self.role.name} not readable", known),))

    def _written_times(self, text: pa.Array) -> Times:
        if not self.counts:
            return self.clock.written(text)
        read = values.numbers(text)
        times = self.clock.numbers(read.values, values.exact(text))
        unread = (f"{self.role.name} not readable", read.unreadable)
        return Times(times.micros, times.known | read.unreadable, (unread, *times.faults))

    def _text(self, column: pa.Array) -> Made:
        return Made(values.words(column), ())


def _is_decimal(factor: float) -> bool:
    power = np.log10(factor)
    return bool(abs(power - round(power)) < 1e-9)


def bounds(low: float | None, high: float | None) -> str:
    """``outside -90 to 90``, ``below 0`` or ``above 10``."""
    if low is not None and high is not None:
        return f"outside {low:g} to {high:g}"
    return f"below {low:g}" if low is not None else f"above {high:g}"


def _array(data: npt.NDArray[np.float64] | npt.NDArray[np.int64], known: Mask) -> pa.Array:
    return pa.array(data) if known.all() else pa.array(data, mask=~known)


@dataclass(frozen=True, slots=True)
class Checked:
    """A chunk's usable rows; the rejected ones with their reasons; how many rows there were."""

    used: pa.RecordBatch
    rejected: pa.RecordBatch
    reasons: dict[str, int]
    read: int


class Checker:
    """The checks of all roles, in their order: a row is rejected by the first role that it fails."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = tuple(checks)
        self.columns = tuple(check.column.column for check in checks)
        fields = [(check.role.name, type_of(check.kind)) for check in checks]
        self.schema = pa.schema([("row", pa.int64()), *fields])

    def fresh(self) -> Checker:
        """The same checks, whose clocks have met nothing yet."""
        return Checker([replace(check, clock=check.clock.fresh()) for check in self.checks])

    def __call__(self, chunk: Chunk) -> Checked:
        """Check one chunk."""
        numbers = chunk.numbers()
        arrays: list[pa.Array] = []
        told: list[tuple[int, str]] = [(0, "")]
        verdict = np.zeros(len(numbers), np.int32)  # index into told
        for index, (check, column) in enumerate(zip(self.checks, chunk.columns, strict=True)):
            made = check(column)
            arrays.append(made.values)
            for reason, rows in made.faults:
                if rows.any():
                    verdict[rows & (verdict == 0)] = len(told)
                    told.append((index, reason))
        batch = pa.RecordBatch.from_arrays([pa.array(numbers), *arrays], schema=self.schema)
        if len(told) == 1 and chunk.broken is None:
            return Checked(batch, _empty(), {}, chunk.length)
        return self._parted(chunk, batch, verdict, told)

    def _parted(
        self, chunk: Chunk, batch: pa.RecordBatch, verdict: npt.NDArray[np.int32], told: list[tuple[int, str]]
    ) -> Checked:
        parts = [self._rejects(chunk, verdict, code, *told[code]) for code in range(1, len(told))]
        if chunk.broken is not None and len(chunk.broken.rows):
            parts.append(_broken(chunk))
        rejected = pa.Table.from_batches(parts, REJECTED).sort_by("row").combine_chunks()
        reasons: dict[str, int] = {}
        for part in parts:
            for entry in part.column("reason").value_counts().to_pylist():
                reasons[entry["values"]] = reasons.get(entry["values"], 0) + entry["counts"]
        batches = rejected.to_batches()
        used = batch.filter(pa.array(verdict == 0))
        return Checked(used, batches[0] if batches else _empty(), reasons, chunk.length)

    def _rejects(
        self, chunk: Chunk, verdict: npt.NDArray[np.int32], code: int, index: int, reason: str
    ) -> pa.RecordBatch:
        mask = verdict == code
        count = int(mask.sum())
        raw = values.plain(chunk.columns[index].filter(pa.array(mask)))
        spelled = pc.utf8_slice_codeunits(raw if values.is_text(raw.type) else values.words(raw), 0, _LONGEST)
        return _reject_batch(chunk, chunk.numbers()[mask], [self.columns[index]] * count, spelled, [reason] * count)


def _reject_batch(
    chunk: Chunk, rows: npt.NDArray[np.int64], columns: list[str], spelled: pa.Array, reasons: list[str] | pa.Array
) -> pa.RecordBatch:
    sources = pa.array([chunk.source] * len(rows), pa.string())
    arrays = [sources, pa.array(rows), pa.array(columns, pa.string()), spelled, pa.array(reasons, pa.string())]
    return pa.RecordBatch.from_arrays(arrays, schema=REJECTED)


def _broken(chunk: Chunk) -> pa.RecordBatch:
    broken = chunk.broken
    assert broken is not None  # noqa: S101  asked by the caller
    return _reject_batch(chunk, broken.rows, [""] * len(broken.rows), broken.values, broken.reasons)


def _empty() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=REJECTED)
