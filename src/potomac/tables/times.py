"""Times as they are written -> microseconds since 1970 in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import Fault, StudyError

__all__ = ["EPOCHS", "Clock", "Times", "day_or_month", "epoch_unit", "is_ambiguous", "zone"]

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

EPOCHS = {"s": 1_000_000.0, "ms": 1000.0, "us": 1.0, "ns": 0.001}
"""Microseconds in a unit of numbers that count from 1970."""
UTC = frozenset({"", "UTC", "Etc/UTC", "Z", "GMT"})
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999

_SLASHED = r"^\s*(?P<a>\d{2})[/.](?P<b>\d{2})[/.](?P<y>\d{4})"
_ISO = (
    r"^\s*(?P<y>\d{4})[-/]?(?P<mo>\d{2})[-/]?(?P<d>\d{2})"
    r"(?:[T ](?P<h>\d{2})(?::?(?P<mi>\d{2})(?::?(?P<s>\d{2})(?:[.,](?P<f>\d+))?)?)?)?"
    r"\s*(?P<z>[Zz]|UTC|GMT|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?\s*$"
)


def zone(name: str, key: str) -> str:
    """``name`` if it is a time zone.

    Raises:
        StudyError: there is none of that name.
    """
    from zoneinfo import available_timezones

    if name in UTC:
        return "UTC"
    known = available_timezones()
    if name in known:
        return name
    cities = {one.rpartition("/")[2].casefold(): one for one in sorted(known)}
    folded = {one.casefold(): one for one in known} | cities
    close = get_close_matches(name.casefold().replace(" ", "_"), list(folded), n=1, cutoff=0.6)
    mend = f'Did you mean "{folded[close[0]]}"?' if close else ""
    found = f'there is no time zone "{name}"'
    raise StudyError(Fault("data.timezone", found, "expected a name such as Europe/Paris or UTC", mend, key=key))


def day_or_month(text: pa.Array) -> str:
    """``day`` or ``month``, whichever stands first in dates like 31/12/2024; nothing where there are none."""
    first, second = _slashed(text)
    if len(first) and first.max() > 12 and second.max() <= 12:
        return "day"
    return "month" if len(first) and second.max() > 12 and first.max() <= 12 else ""


def is_ambiguous(text: pa.Array) -> bool:
    """Whether there are dates like 01/02/2024, and none that tells which is the day."""
    first, _ = _slashed(text)
    return len(first) > 0 and not day_or_month(text)


def _slashed(text: pa.Array) -> tuple[Integers, Integers]:
    """The two numbers before the year in dates written with strokes or full stops."""
    parts = pc.extract_regex(text, _SLASHED).drop_null()
    first, second = (parts.field(name).cast(pa.int64()).to_numpy(zero_copy_only=False) for name in ("a", "b"))
    return first, second


def epoch_unit(numbers: npt.NDArray[np.float64]) -> str:
    """The unit of numbers that count from 1970, by the size of their median: s, ms, us or ns.

    Seconds reach 1e11 in the year 5138; milliseconds are past it from March 1973 on.
    """
    known = np.abs(numbers[np.isfinite(numbers)])
    middle = float(np.median(known)) if len(known) else 0.0
    return next((unit for unit, below in (("s", 1e11), ("ms", 1e14), ("us", 1e17)) if middle < below), "ns")


@dataclass(frozen=True, slots=True)
class Times:
    """Times of some rows: microseconds, which are known, and for which reason others are none."""

    micros: Integers
    known: Mask
    faults: tuple[tuple[str, Mask], ...] = ()


@dataclass
class Clock:
    """Reads the times of one column: in ``zone`` where they carry none, numbers in ``unit``.

    What was met is kept for the notes: ``naive`` and ``zoned`` count written times, ``offsets`` are the zones seen,
    ``twice`` counts local times that occur twice when clocks go back (the first is taken).
    """

    name: str = "time"
    zone: str = "UTC"
    unit: str = "s"
    first: str = ""  # day or month, where dates are written 31/12/2024 or 12/31/2024
    naive: int = 0
    zoned: int = 0
    offsets: set[str] = field(default_factory=set)
    twice: int = 0

    def fresh(self) -> Clock:
        """The same clock, which has met nothing yet."""
        return Clock(self.name, self.zone, self.unit, self.first)

    def numbers(self, values: npt.NDArray[np.float64], exact: Integers | None = None) -> Times:
        """Numbers that count from 1970; ``exact`` are the same as integers, where they are."""
        factor = EPOCHS[self.unit]
        known = ~np.isnan(values)
        finite = np.isfinite(values)
        with np.errstate(invalid="ignore", over="ignore"):
            rough = values * factor
            outside = known & ~((rough >= EARLIEST) & (rough <= LATEST))
        whole = exact if exact is not None and factor >= 1 else None
        safe = np.where(outside | ~known, 0, whole) if whole is not None else None
        micros = (
            safe * int(factor) if safe is not None else np.rint(np.where(outside | ~known, 0, rough)).astype(np.int64)
        )
        return Times(micros, known, ((f"{self.name} not readable", known & ~finite), self._years(outside)))

    def _years(self, outside: Mask) -> tuple[str, Mask]:
        return f"{self.name} outside the years 1 to 9999", outside

    def stamps(self, values: pa.Array) -> Times:
        """Arrow timestamps and dates."""
        known = np.asarray(values.is_valid())
        stamps = values.cast(pa.timestamp("ms")) if pa.types.is_date(values.type) else values
        naive = stamps.type.tz is None
        ticks = stamps.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        unit = stamps.type.unit
        factor = EPOCHS[unit]
        limit = min(LATEST / factor, 2.0**63 - 1)
        outside = known & ~((ticks >= EARLIEST / factor) & (ticks <= limit))
        ticks = np.where(outside, 0, ticks) if outside.any() else ticks
        micros = ticks * int(factor) if factor >= 1 else ticks // 1000
        times = Times(micros, known, (self._years(outside),))
        return self._local(times, known & ~outside) if naive else times

    def written(self, text: pa.Array) -> Times:
        """ISO 8601, with or without a zone; ``text`` is trimmed and null where nothing is known."""
        if self.first:
            text = pc.replace_substring_regex(text, _SLASHED, r"\3-\2-\1" if self.first == "day" else r"\3-\1-\2")
        known = np.asarray(text.is_valid())
        count = int(known.sum())
        for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
            try:
                stamps = text.cast(kind)
            except pa.ArrowInvalid:
                continue
            micros = stamps.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
            if kind.tz is None:
                self.naive += count
                return self._local(Times(micros, known), known)
            self.zoned += count
            self._offsets(text)
            return Times(micros, known)
        return self._parsed(text, known)

    def _offsets(self, text: pa.Array) -> None:
        if len(self.offsets) < 100:
            ends = pc.extract_regex(text, r"(?P<z>[Zz]|[+-]\d{2}(?::?\d{2})?)$").field("z")
            self.offsets.update(_offset_name(end) for end in pc.unique(ends).to_pylist() if end)

    def _parsed(self, text: pa.Array, known: Mask) -> Times:
        """Field by field, for columns that no single form fits."""
        parts = pc.extract_regex(text, _ISO)
        matched = np.asarray(parts.is_valid())
        field_of = {name: _integers(parts.field(name), matched) for name in ("y", "mo", "d", "h", "mi", "s")}
        micros, valid = _civil(field_of, _micros(parts.field("f"), matched))
        ends = pc.if_else(pa.array(matched), parts.field("z"), None)
        offset, zoned = _offset(ends)
        readable = matched & valid
        self.offsets.update(_offset_name(end) for end in pc.unique(ends).to_pylist() if end)
        self.zoned += int((readable & zoned).sum())
        self.naive += int((readable & ~zoned).sum())
        unread = (f"{self.name} not readable", known & ~readable)
        times = Times(np.where(readable, micros - offset, 0), known, (unread,))
        return self._local(times, readable & ~zoned)

    def _local(self, times: Times, naive: Mask) -> Times:
        """Times without a zone, taken in ours. The first of a time that occurs twice; none that does not exist."""
        if self.zone in UTC or not naive.any():
            return times
        local = pa.array(times.micros[naive]).cast(pa.timestamp("us"))
        first, last = (
            pc.assume_timezone(local, self.zone, ambiguous=which, nonexistent="earliest")
            for which in ("earliest", "latest")
        )
        there = pc.equal(pc.local_timestamp(first), local).to_numpy(zero_copy_only=False)
        self.twice += int(pc.sum(pc.not_equal(first, last)).as_py() or 0)
        micros = times.micros.copy()
        micros[naive] = first.cast(pa.int64()).to_numpy()
        gone = np.zeros(len(micros), bool)
        gone[naive] = ~there
        reason = f"{self.name} does not exist in {self.zone}, where clocks go forward"
        return Times(micros, times.known, (*times.faults, (reason, gone)))


def _integers(digits: pa.Array, matched: Mask) -> Integers:
    filled = pc.if_else(pc.equal(digits, ""), "0", digits)
    values = pc.if_else(pa.array(matched), filled, "0").cast(pa.int64())
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _micros(digits: pa.Array, matched: Mask) -> Integers:
    """A fraction of a second, cut at microseconds."""
    six = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.fill_null(digits, ""), 6, "0"), 0, 6)
    return _integers(six, matched)


def _civil(part: dict[str, Integers], micros: Integers) -> tuple[Integers, Mask]:
    """Microseconds since 1970 of a date and time of day, and whether the calendar has it."""
    months = (part["y"] - 1970) * 12 + part["mo"] - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]") + (part["d"] - 1)
    same_month = days.astype("datetime64[M]").astype(np.int64) == months
    valid = same_month & (part["y"] > 0) & (part["mo"] >= 1) & (part["mo"] <= 12) & (part["d"] >= 1)
    valid &= (part["h"] < 24) & (part["mi"] < 60) & (part["s"] < 60)
    seconds = days.astype(np.int64) * 86400 + part["h"] * 3600 + part["mi"] * 60 + part["s"]
    return seconds * 1_000_000 + micros, valid


def _offset(ends: pa.Array) -> tuple[Integers, Mask]:
    """Microseconds that each written zone is ahead of UTC, and whether there is one."""
    coded = pc.fill_null(ends, "").dictionary_encode()
    names = coded.dictionary.to_pylist()
    index = coded.indices.to_numpy()
    ahead = np.array([_ahead(name) for name in names] or [0], dtype=np.int64)
    there = np.array([bool(name) for name in names] or [False])
    return ahead[index], there[index]


def _ahead(name: str) -> int:
    digits = name[1:].replace(":", "")
    if not digits.isdigit():
        return 0
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return (-minutes if name[0] == "-" else minutes) * 60_000_000


def _offset_name(name: str) -> str:
    minutes: Any = _ahead(name) // 60_000_000
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}" if minutes else "UTC"
