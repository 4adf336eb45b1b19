"""Numbers, times and sizes as a reader wants them: the digits they deserve, separated, with their unit."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

__all__ = ["MISSING", "decimals", "duration", "filesize", "fixed", "interval", "moment", "number", "quantity", "word"]

MISSING = "–"
"""What stands where there is no value."""

MINUS = "\N{MINUS SIGN}"
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_TIGHT = ("°", "′", "″")


def decimals(value: float, digits: int = 3) -> int:
    """Digits after the point that give ``value`` that many significant digits; never negative."""
    if value == 0 or not math.isfinite(value):
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))


def fixed(value: float, places: int) -> str:
    """``value`` with exactly ``places`` digits after the point, thousands separated, a true minus sign."""
    text = f"{value:,.{places}f}"
    negative = text.startswith("-")
    return (MINUS if negative and float(text.replace(",", "")) != 0 else "") + text.removeprefix("-")


def number(value: float | Decimal | None, digits: int = 3) -> str:
    """A number with ``digits`` significant digits; whole numbers are known to the last one and keep them.

    ``number(17.36) == "17.4"``, ``number(5_460_000) == "5,460,000"``, ``number(0.00123456) == "0.00123"``.
    """
    if value is None:
        return MISSING
    if isinstance(value, int) and abs(value) < 10**15:
        return fixed(value, 0)
    if isinstance(value, int):
        return _scientific(Decimal(value), digits)  # more than a float may hold
    size = float(value)
    if math.isnan(size):
        return MISSING
    if math.isinf(size):
        return "∞" if size > 0 else f"{MINUS}∞"
    if size != 0 and not 1e-5 <= abs(size) < 1e15:
        return _scientific(size, digits)
    if size.is_integer() and abs(size) < 1e6:
        return fixed(size, 0)
    return fixed(size, decimals(float(f"{size:.{digits - 1}e}"), digits))


def _scientific(value: float | Decimal, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa.replace('-', MINUS)} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def quantity(value: Any, unit: str = "", digits: int = 3) -> str:
    """A value of a fact with its unit."""
    text = word(value, digits)
    if not unit or text == MISSING:
        return text
    return f"{text}{unit}" if unit in _TIGHT else f"{text}\N{NO-BREAK SPACE}{unit}"


def interval(value: Any, low: float | None, high: float | None) -> tuple[str, str]:
    """The value and its interval or bound in words, with the same number of decimals.

    The decimals are those of three significant digits of the value, or as many as the width of the
    interval needs to be told from nothing: ``interval(17.36, 16.9, 17.8) == ("17.4", "16.9 to 17.8")``.
    """
    ends = [float(end) for end in (low, high) if end is not None and math.isfinite(end)]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or not ends:
        return word(value), _span(*(None if end is None else number(end) for end in (low, high)))
    if not 1e-5 <= max(map(abs, [value, *ends])) < 1e15:
        return number(value), _span(*(None if end is None else number(end) for end in (low, high)))
    gap = max(abs(float(value) - end) for end in ends)
    whole = isinstance(value, int) and all(end.is_integer() for end in ends)
    places = 0 if whole else max(decimals(value), 0 if gap == 0 else min(12, -math.floor(math.log10(gap))))
    texts = [None if end is None else fixed(end, places) if math.isfinite(end) else number(end) for end in (low, high)]
    return fixed(value, places), _span(*texts)


def _span(low: str | None, high: str | None) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def word(value: Any, digits: int = 3) -> str:
    """Any value of a cell or a fact as text."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float, Decimal)):
        return number(value, digits)
    if isinstance(value, (datetime, date)):
        return moment(value)
    if isinstance(value, timedelta):
        return duration(value.total_seconds())
    return str(value)


def moment(value: date) -> str:
    """A time in UTC, to the minute, or to the second where it has some: ``2026-11-24 17:08 UTC``."""
    if not isinstance(value, datetime):
        return value.isoformat()
    there = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return there.strftime("%Y-%m-%d %H:%M:%S UTC" if there.second else "%Y-%m-%d %H:%M UTC")


def duration(seconds: float) -> str:
    """``0.35 s``, ``42 s``, ``2 min 4 s``, ``1 h 12 min``, ``3 d 4 h``."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 59.5:
        return f"{number(round(seconds, 2), 2) if seconds < 10 else round(seconds)} s"
    rest = round(seconds)
    for big, small, size, part in (("d", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if rest >= size:
            many, few = divmod(rest, size)
            tail = f" {few // part} {small}" if few // part else ""
            return f"{many:,} {big}{tail}"
    return f"{rest} s"


def filesize(size: float) -> str:
    """Bytes in decimal units: ``1.2 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{number(size)} {unit}"
        size /= 1000
    return f"{number(size)} TB"
