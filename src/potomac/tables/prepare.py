"""A source and its declaration, looked at before the first pass: types settled, faults of whole columns found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from potomac import units
from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.tables import sniff, suspicion, times, values
from potomac.tables.check import Check, Checker
from potomac.tables.chunk import Chunk, Source, shown
from potomac.tables.roles import Column, Role

__all__ = ["Prepared", "declared", "prepare"]

_LOOK = 2000
"""Words that are looked at for a decimal comma."""
_ENOUGH = 100
"""So many values that cannot be read (or half of the first rows) make a fault of the column; fewer are rejected."""
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass
class Prepared:
    """What is known of a table before its first pass."""

    name: str
    label: str
    columns: Mapping[str, Column]
    checker: Checker
    found: tuple[str, ...] = ()
    met: tuple[str, ...] = ()
    example: Mapping[str, str] = field(default_factory=dict)  # reason -> a value that was rejected for it

    def notes(self) -> Iterator[str]:
        """Notes of the first look, and what the clocks have met so far."""
        yield from self.found
        yield from self.met

    def learn(self, checker: Checker) -> None:
        """Keep what the clocks of a pass have met."""
        times_of = [check for check in checker.checks if check.kind == "time"]
        self.met = tuple(note for check in times_of for note in _clock_notes(check))

    def useless(self, read: int, reasons: Mapping[str, int]) -> Fault:
        """The fault of a table of which no row can be used."""
        if not read:
            found = f"{shown(self.label)} has no rows"
            return Fault("data.no-rows", found, "expected at least one", "Look whether the right file is named")
        reason = max(reasons, key=lambda one: (reasons[one], one))
        role = next((c.role for c in self.checker.checks if f"no {c.role.name}" == reason), None)
        if role is not None and reasons[reason] == read:
            return self._all_null(role)
        value = f', for example "{shown(self.example[reason], 40)}"' if self.example.get(reason) else ""
        told = f"{reason} in {reasons[reason]:,} of {read:,} rows{value}"
        hint = next((one for one in (suspicion.SWAP, suspicion.DEGREES) if any(one in n for n in self.found)), "")
        mend = hint[:1].upper() + hint[1:] or "Look at the column, its unit and the file"
        return Fault("data.no-usable-rows", f"no row of {shown(self.label)} can be used", told, mend)

    def _all_null(self, role: Role) -> Fault:
        column = self.columns[role.name].column
        found = f'column "{shown(column)}" of {shown(self.label)} holds no value'
        key = f"{self.name}.columns.{role.name}"
        return Fault(
            "data.column-null", found, f"expected {_expected(role, 'a value')}", "Name another column", key=key
        )


def _clock_notes(check: Check) -> Iterator[str]:
    clock, name = check.clock, f'{check.role.name} "{shown(check.column.column)}"'
    if clock.naive and clock.zoned:
        mixed = f"{clock.zoned:,} times carry their zone and {clock.naive:,} do not"
        yield f"{name}: {mixed}; the latter are taken in {clock.zone}"
    elif clock.naive:
        yield f"{name}: times carry no zone and are taken in {clock.zone}"
    if len(clock.offsets) > 1:
        yield f"{name}: times carry several zones ({listing(sorted(clock.offsets), 5)}); all are brought to UTC"
    if clock.twice:
        yield f"{name}: {clock.twice:,} local times occur twice, as clocks go back; the first of the two is taken"


def declared(columns: Mapping[str, Column | str], roles: Sequence[Role], name: str) -> dict[str, Column]:
    """The declaration in the order of the roles, checked as far as it can be without the data.

    Raises:
        StudyError: a role is unknown; a unit or a zone is unknown or stands where none can.
    """
    given = {role: Column(column) if isinstance(column, str) else column for role, column in columns.items()}
    known = [role.name for role in roles]
    faults = [_no_role(role, known, name) for role in given if role not in known]
    for role in roles:
        if role.name in given:
            faults += _unit_faults(role, given[role.name], f"{name}.columns.{role.name}")
    if faults:
        raise StudyError(faults)
    return {role.name: given[role.name] for role in roles if role.name in given}


def _no_role(role: str, known: Sequence[str], name: str) -> Fault:
    found, expected = f'no role is called "{shown(role)}" here', f"the roles of [{name}] are {listing(known, 30)}"
    return Fault("data.role-unknown", found, expected, did_you_mean(role, known), key=f"{name}.columns.{role}")


def _unit_faults(role: Role, column: Column, key: str) -> Iterator[Fault]:
    if column.unit and role.kind == "time":
        if column.unit not in times.EPOCHS:
            found = f'no unit of time since 1970 is called "{shown(column.unit)}"'
            yield Fault("data.unit-of-time", found, f"valid are {listing(times.EPOCHS)}", "", key=f"{key}.unit")
    elif column.unit and not role.dimension:
        found = f'{role.name} has no unit, and "{shown(column.unit)}" is given'
        yield Fault("data.unit-needless", found, "", "Take the unit out", key=f"{key}.unit")
    elif column.unit:
        try:
            units.parse(column.unit, role.dimension)
        except StudyError as error:
            yield from (replace(fault, key=f"{key}.unit") for fault in error.faults)
    if column.timezone and role.kind != "time":
        found = f"{role.name} is no time, and a time zone is given"
        yield Fault("data.timezone-needless", found, "", "Take the time zone out", key=f"{key}.timezone")
    elif column.timezone:
        try:
            times.zone(column.timezone, f"{key}.timezone")
        except StudyError as error:
            yield from error.faults


def prepare(source: Source, columns: dict[str, Column], roles: Sequence[Role], name: str) -> Prepared:
    """Look at the first rows.

    Raises:
        StudyError: a role that is required has no column.
        DataError: a column is missing or named twice; one cannot be what its role asks for; no row is of use.
    """
    of_same_name = [role.name for role in roles if role.required and role.name not in columns]
    source.find([*(column.column for column in columns.values()), *of_same_name])
    columns = _completed(columns, roles, source)
    faults = [fault for role in roles if role.name in columns for fault in _column_faults(source, role, columns, name)]
    if faults:
        raise DataError(faults)
    lacking = [role for role in roles if role.required and role.name not in columns]
    if lacking:
        raise StudyError(_no_column_for(role, source, name) for role in lacking)
    return _first_look(source, columns, roles, name)


def _completed(columns: Mapping[str, Column], roles: Sequence[Role], source: Source) -> dict[str, Column]:
    """A role without a column takes the one of its own name where it is required, or lies in the source's nature."""

    def by_name(role: Role) -> bool:
        return (role.required or role.name in source.positions) and role.name in source.names

    of_same_name = {role.name: Column(role.name) for role in roles if by_name(role)}
    both = {**of_same_name, **columns}
    return {role.name: both[role.name] for role in roles if role.name in both}


def _no_column_for(role: Role, source: Source, name: str) -> Fault:
    found = f"no column of {shown(source.label)} is named for {role.name}: {role.meaning}"
    guess = _guess(role, source.names)
    near = did_you_mean(role.name, source.names) or f'Add columns.{role.name} = "..."'
    mend = f'Add columns.{role.name} = "{shown(guess)}"' if guess else near
    expected = _columns_of(source)
    return Fault("data.role-missing", found, expected, mend, key=f"{name}.columns")


def _columns_of(source: Source) -> str:
    return f"its columns are {listing(map(shown, source.names))}" if source.names else "it has no named columns"


def _guess(role: Role, names: Sequence[str]) -> str:
    """The column that is called as such columns usually are."""
    folded = {one.casefold().strip(): one for one in names}
    return next((folded[guess.casefold()] for guess in (role.name, *role.guesses) if guess.casefold() in folded), "")


def _column_faults(source: Source, role: Role, columns: Mapping[str, Column], name: str) -> Iterator[Fault]:
    column, key = columns[role.name].column, f"{name}.columns.{role.name}"
    label = shown(source.label)
    if source.names.count(column) > 1:
        found = f'{source.names.count(column)} columns of {label} are called "{shown(column)}"'
        mend = "Give them names of their own in the header"
        yield Fault("data.column-double", found, "expected one", mend, key=key)
    if column in source.names:
        return
    found = f'no column "{shown(column)}" in {label}'
    expected = _columns_of(source)
    guess = _guess(role, source.names)
    mend = did_you_mean(column, source.names) or (f'For {role.name}, "{shown(guess)}" looks right' if guess else "")
    if sniff.looks_like_data(source.names):
        mend = "The first line looks like data: put a line of names above it"
    yield Fault("data.column-missing", found, expected, mend, key=key)


def _first_look(source: Source, columns: Mapping[str, Column], roles: Sequence[Role], name: str) -> Prepared:
    wanted = [columns[role.name].column for role in roles if role.name in columns]
    chunks = source.chunks(wanted)
    held: list[Chunk] = []
    for chunk in chunks:
        held.append(chunk)
        if len(chunk.numbers()):
            break
    whole = next(chunks, None) is None
    first = held[-1].columns if held else tuple(pa.nulls(0) for _ in wanted)
    used = [role for role in roles if role.name in columns]
    checks = [_check(role, columns[role.name], array, source) for role, array in zip(used, first, strict=True)]
    prepared = Prepared(name, source.label, columns, Checker(checks), tuple(_look_notes(columns, checks, first)))
    _refuse_useless(prepared, held, whole)
    return prepared


def _refuse_useless(prepared: Prepared, held: Sequence[Chunk], whole: bool) -> None:
    """Faults of columns that hold nothing of what their role asks for; of a table without a usable row."""
    faults: list[Fault] = []
    read = used = 0
    reasons: dict[str, int] = {}
    checker = prepared.checker.fresh()
    for chunk in held:
        for check, column in zip(prepared.checker.checks, chunk.columns, strict=True):
            faults += _unreadable(prepared, check, column)
        part = checker(chunk)
        read, used = read + part.read, used + part.used.num_rows
        for reason, count in part.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
        prepared.example = {**_examples(part.rejected), **prepared.example}
    prepared.learn(checker)
    if faults:
        raise DataError(faults)
    if whole and not used:
        raise DataError(prepared.useless(read, reasons))


def _examples(rejected: pa.RecordBatch) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rejected.slice(0, 1000).to_pylist():
        found.setdefault(row["reason"], row["value"] or "")
    return found


def _no_times(prepared: Prepared, check: Check, found: str, column: pa.Array) -> Fault:
    key = f"{prepared.name}.columns.{check.role.name}"
    if values.is_text(column.type) and times.is_ambiguous(column):
        expected = "whether the day or the month stands first cannot be told"
        return Fault("data.times-ambiguous", found, expected, "Write them like 2024-05-01T12:00:00Z", key=key)
    expected = "expected times like 2024-05-01T12:00:00Z, or seconds since 1970"
    return Fault("data.column-not-times", found, expected, "Name another column, or write its times so", key=key)


def _unreadable(prepared: Prepared, check: Check, column: pa.Array) -> Iterator[Fault]:
    """A column of words where numbers or times are expected: not one value can be read."""
    name = check.role.name
    made = dict(check(column).faults)
    wrong = made.get(f"{name} not a number") if check.kind != "time" else made.get(f"{name} not readable")
    known = int(pc.count(values.spaced_out(column) if values.is_text(column.type) else column).as_py())
    if wrong is None or not known or int(wrong.sum()) < known or known < min(_ENOUGH, len(column) / 2):
        return
    value = values.words(column.filter(pa.array(wrong)).slice(0, 1))[0].as_py()
    place = f'column "{shown(check.column.column)}" of {shown(prepared.label)}'
    what = "times that can be read" if check.kind == "time" else "numbers"
    found = f'{place} holds no {what}; its first value is "{shown(value, 40)}"'
    if check.kind == "time":
        yield _no_times(prepared, check, found, column)
    else:
        key = f"{prepared.name}.columns.{name}"
        expected = f"expected {_expected(check.role, 'a number')}"
        yield Fault("data.column-not-numbers", found, expected, "Name another column", key=key)


def _expected(role: Role, what: str) -> str:
    return f"{what} for {role.name} ({role.meaning})"


def _check(role: Role, column: Column, array: pa.Array, source: Source) -> Check:
    """The check of a role, settled by the first rows of its column."""
    array = values.plain(array)
    words = array.drop_null().slice(0, _LOOK).to_pylist() if values.is_text(array.type) else []
    comma = role.kind in ("number", "integer", "any") and sniff.decimal_comma(words)
    kind: str = role.kind
    if kind == "any":
        kind = _settled(column.column, array, source, comma)
    elif kind == "id":
        kind = _kind_of_ids(column.column, array, source)
    unit = units.parse(column.unit, role.dimension) if column.unit and role.dimension else None
    check = Check(role, column, kind, unit, comma=comma)
    if kind == "time":
        _settle_time(check, array)
    return check


def _settled(name: str, array: pa.Array, source: Source, comma: bool) -> str:
    """``number`` where the first known values are numbers, else ``text``."""
    if name in source.worded:
        return "text"
    if array.null_count == len(array) or not _known(array):
        later = (values.plain(chunk.columns[0]) for chunk in source.chunks([name]))
        array = next((one for one in later if _known(one)), array)
    if values.is_number(array.type):
        return "number"
    if not values.is_text(array.type) or not _known(array):
        return "text"
    return "text" if values.numbers(array, comma).unreadable.any() else "number"


def _kind_of_ids(name: str, array: pa.Array, source: Source) -> str:
    """``integer`` where the source has integers (or whole floats), else ``text``: 007 is no 7 where it is written."""
    kind = array.type
    if name in source.worded or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return "text"
    if pa.types.is_integer(kind):
        return "integer"
    return "integer" if pc.all(pc.equal(pc.floor(array), array)).as_py() else "text"


def _known(array: pa.Array) -> int:
    return int(pc.count(values.spaced_out(array) if values.is_text(array.type) else array).as_py())


def _settle_time(check: Check, array: pa.Array) -> None:
    zone = times.zone(check.column.timezone, "")
    check.clock = times.Clock(check.role.name, zone)
    if not (values.is_text(array.type) or values.is_number(array.type)):
        return
    if values.is_text(array.type):
        check.clock.first = times.day_or_month(array)
    read = values.numbers(array)
    known = read.values[np.isfinite(read.values)]
    if not len(known) or read.unreadable.any():
        return
    if not check.column.unit and _are_dates(known):
        check.dates = True
        return
    check.counts = True
    check.clock.unit = check.column.unit or times.epoch_unit(known)


def _are_dates(numbers: np.ndarray) -> bool:
    """Whether all are like 20240501."""
    month, day = numbers // 100 % 100, numbers % 100
    plausible = (numbers > 19000000) & (numbers < 21000000) & (numbers % 1 == 0)
    return bool((plausible & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _time_notes(check: Check) -> Iterator[str]:
    name = f'{check.role.name} "{shown(check.column.column)}"'
    if check.counts:
        yield f"{name}: numbers taken as {_UNITS[check.clock.unit]} since 1970"
    if check.dates:
        yield f"{name}: numbers taken as dates, year month day"
    if check.clock.first:
        yield f"{name}: dates are written {check.clock.first} first"


def _look_notes(columns: Mapping[str, Column], checks: Sequence[Check], first: Sequence[pa.Array]) -> Iterator[str]:
    commas = [check.column.column for check in checks if check.comma]
    if commas:
        yield f"decimal comma in {listing(map(shown, commas))}"
    for check in checks:
        if check.kind == "time":
            yield from _time_notes(check)
    for kind, what in (("number", "numbers"), ("text", "words")):
        names = [check.column.column for check in checks if check.role.kind == "any" and check.kind == kind]
        if names:
            yield f"taken as {what}, as the first values are: {listing(map(shown, names))}"
    numeric = [(check, array) for check, array in zip(checks, first, strict=True) if check.kind == "number"]
    for check, array in numeric:
        yield from filter(None, [suspicion.fast(check.role, check.column, check(array).values)])
    raw = {check.role.name: values.numbers(array, check.comma).values for check, array in numeric}
    yield from suspicion.all_notes(columns, raw)
