"""From values to places on a picture: linear, log, time and category scales with at most five ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from potomac.engine import Axis
from potomac.report.numbers import decimals, fixed, number, word

__all__ = ["Scale", "numeric", "scale_for", "ticks_linear", "ticks_log", "ticks_time", "words"]

Floats = NDArray[np.float64]
Tick = tuple[float, str]
_DAY = 86400.0
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, _DAY, 2 * _DAY, 7 * _DAY)
_EPOCH_LIMIT = 253402300799.0  # the year 9999


@dataclass(frozen=True, slots=True)
class Scale:
    """A mapping of values to pixels between ``start`` and ``end``; ``names`` are the categories."""

    kind: str
    low: float
    high: float
    start: float
    end: float
    ticks: tuple[Tick, ...] = ()
    names: tuple[str, ...] = ()

    def __call__(self, values: Floats | float) -> Floats:
        """Pixels of numbers (of categories: their index)."""
        values = np.asarray(values, float)
        low, high = self.low, self.high
        if self.kind == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.where(values > 0, np.log10(values), np.nan)
            low, high = math.log10(low), math.log10(high)
        with np.errstate(over="ignore"):  # what lies too far out for a number has no place
            share = values / high - low / high if high - low == math.inf else (values - low) / (high - low)
            return np.asarray(self.start + share * (self.end - self.start))

    @property
    def band(self) -> float:
        """Pixels of one category."""
        return abs(self.end - self.start) / max(1, len(self.names))

    def place(self, column: pa.ChunkedArray) -> Floats:
        """Pixels of a column; NaN where it has no value that this scale can show."""
        if self.kind == "category":
            index = {name: i for i, name in enumerate(self.names)}
            return self(np.array([index.get(name, np.nan) for name in words(column)], float))
        placed = self(numeric(column))
        return np.where(np.isfinite(placed), placed, np.nan)


def numeric(column: pa.ChunkedArray | pa.Array) -> Floats:
    """A column as floats: times as seconds since 1970 in UTC; what is no finite number becomes NaN."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        ticks = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        values = ticks.to_numpy(zero_copy_only=False) if isinstance(ticks, pa.Array) else ticks.to_numpy()
        return np.asarray(values, float) / 1e6
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        plain = column.cast(pa.float64(), safe=False) if not pa.types.is_boolean(kind) else column.cast(pa.int8())
        values = plain.to_numpy(zero_copy_only=False) if isinstance(plain, pa.Array) else plain.to_numpy()
        values = np.asarray(values, float)
    else:
        values = np.array([_float(value) for value in column.to_pylist()], float)
    return np.where(np.isfinite(values), values, np.nan)


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def words(column: pa.ChunkedArray | pa.Array) -> list[str]:
    """A column as text."""
    return [word(value) for value in column.to_pylist()]


def scale_for(axis: Axis, columns: Sequence[pa.ChunkedArray], start: float, end: float, zero: bool = False) -> Scale:
    """The scale that shows all values of ``columns`` along ``axis``."""
    if axis.scale == "category":
        names = tuple(dict.fromkeys(name for column in columns for name in words(column))) or ("",)
        ticks = tuple((float(i), name) for i, name in enumerate(names))
        return Scale("category", -0.5, len(names) - 0.5, start, end, ticks, names)
    values = np.concatenate([numeric(column) for column in columns]) if columns else np.empty(0)
    values = values[np.isfinite(values)]
    if axis.scale == "log":
        values = values[values > 0]
    if axis.scale == "time":
        values = values[np.abs(values) < _EPOCH_LIMIT]
    low, high = _domain(axis, values, zero)
    if axis.scale == "log":
        return Scale("log", low, high, start, end, ticks_log(low, high))
    if axis.scale == "time":
        return Scale("time", low, high, start, end, ticks_time(low, high))
    low, high = _rounded(low, high) if axis.domain is None else (low, high)
    return Scale("linear", low, high, start, end, ticks_linear(low, high))


def _domain(axis: Axis, values: Floats, zero: bool) -> tuple[float, float]:
    """Lowest and highest value shown; never equal, and both above zero on a log scale."""
    log = axis.scale == "log"
    if axis.domain is not None and axis.domain[0] < axis.domain[1] and (axis.domain[0] > 0 or not log):
        return axis.domain
    if len(values) == 0:
        return (1.0, 10.0) if log else (0.0, _DAY) if axis.scale == "time" else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        low, high = _decade(low, up=False), _decade(high, up=True)
        return (max(low, 5e-324), high) if low < high else (low / 10, high * 10)
    if (zero or axis.zero) and axis.scale == "linear":
        low, high = min(low, 0.0), max(high, 0.0)
    if low < high and high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    if axis.scale == "time":
        return low - 1800, high + 1800
    if (zero or axis.zero) and low == high == 0:
        return 0.0, 1.0
    room = abs(low) * 0.5 or 1.0
    return low - room, high + room


def _decade(value: float, up: bool) -> float:
    """The next of 1, 2 and 5 times a power of ten, up or down."""
    power = 10.0 ** min(307, math.floor(math.log10(value) + 1e-12))
    steps = [m * power for m in (1, 2, 5, 10)]
    near = 1e-9 * value
    return min(s for s in steps if s >= value - near) if up else max(s for s in steps if s <= value + near)


def _step(low: float, high: float, most: int = 5) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that gives at most ``most`` ticks."""
    rough = max(high / (most - 1) - low / (most - 1), 5e-300)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9)), 10 * power)


def _rounded(low: float, high: float) -> tuple[float, float]:
    """The domain widened to whole half steps, so that the outermost marks have room and zero stays zero."""
    step = _step(low, high) / 2
    below, above = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return (below, above) if math.isfinite(below) and math.isfinite(above) else (low, high)


def ticks_linear(low: float, high: float, most: int = 5) -> tuple[Tick, ...]:
    """At most ``most`` round values between ``low`` and ``high``."""
    step = _step(low, high, most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [i * step for i in range(first, last + 1)]
    largest = max(map(abs, values), default=0)
    if largest >= 1e7 or 0 < largest < 1e-4:
        return tuple((value, _short(value)) for value in values)
    places = decimals(step, 1)
    places += 0 if math.isclose(round(step, places), step, rel_tol=1e-6) else 1
    return tuple((value, fixed(value, places)) for value in values)


def _short(value: float) -> str:
    """Large and tiny tick values: millions and billions in words, the rest as powers of ten."""
    for size, name in ((1e9, "bn"), (1e6, "m")):
        if size <= abs(value) < 1000 * size:
            return f"{number(value / size)} {name}"
    return "0" if value == 0 else number(value, 2) if abs(value) < 1e15 and abs(value) >= 1e-5 else _power(value)


def _power(value: float) -> str:
    text = number(value, 2)
    return text.replace(".0 ×", " ×")


def ticks_log(low: float, high: float, most: int = 5) -> tuple[Tick, ...]:
    """Powers of ten, every so many; within less than two decades also 2 and 5 times them."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / most))
    values = [10.0**i for i in range(first, last + 1, every)]
    if len(values) <= 2:
        power = 10.0 ** math.floor(math.log10(low))
        fine = [m * power * 10**i for i in range(3) for m in (1, 2, 5)]
        values = [value for value in fine if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)][:most] or values
    return tuple((value, _short(value) if not 1e-4 <= value < 1e7 else number(value)) for value in values)


def ticks_time(low: float, high: float, most: int = 5) -> tuple[Tick, ...]:
    """Round times in UTC between two moments (seconds since 1970)."""
    span = high - low
    if span > 40 * _DAY:
        return _calendar(low, high, most)
    step = next((s for s in _STEPS if span / s <= most - 1), 7 * _DAY)
    step = step if span / step <= most else math.ceil(span / most / _DAY) * _DAY
    first = math.ceil(low / step) * step
    values = np.arange(first, high + 1e-6, step)[:most].tolist()
    pattern = "%H:%M:%S" if step < 60 else "%H:%M" if step < _DAY else "%-d %b"
    labels: list[Tick] = []
    day = ""
    for value in values:
        there = datetime.fromtimestamp(value, UTC)
        shown = there.strftime(pattern)
        if step < _DAY and there.strftime("%-d %b") != day:
            day = there.strftime("%-d %b")
            shown = f"{shown}\n{day} {there.year}" if not labels else f"{shown}\n{day}"
        elif step >= _DAY and not labels:
            shown = f"{shown}\n{there.year}"
        labels.append((value, shown))
    return tuple(labels)


def _calendar(low: float, high: float, most: int) -> tuple[Tick, ...]:
    """Firsts of months or of Januaries."""
    start, end = (datetime.fromtimestamp(max(-6e10, min(moment, _EPOCH_LIMIT)), UTC) for moment in (low, high))
    months = (end.year - start.year) * 12 + end.month - start.month
    every = next((m for m in (1, 2, 3, 6, 12) if months / m <= most - 0.5), 0) or 12 * math.ceil(months / 12 / most)
    found: list[Tick] = []
    for index in range(start.year * 12 + start.month - 1, end.year * 12 + end.month):
        if index % every == 0:
            there = datetime(max(1, index // 12), index % 12 + 1, 1, tzinfo=UTC)
            label = there.strftime("%b") + (f"\n{there.year}" if not found or there.month == 1 else "")
            found.append((there.timestamp(), str(there.year) if every >= 12 else label))
    return tuple(tick for tick in found if low <= tick[0] <= high)[:most]
