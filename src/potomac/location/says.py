"""Numbers in sentences: the digits they deserve, thousands separated, with their unit."""

from __future__ import annotations

import math

__all__ = ["amount", "minutes_of", "percent", "plain", "say"]

_LARGE = ((1e9, "billion"), (1e6, "million"))


def say(value: float) -> str:
    """Three significant digits, all digits before the point."""
    if not math.isfinite(value):
        return "unknown"
    if value == 0 or abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    places = 2 - math.floor(math.log10(abs(value)))
    return f"{value:,.{min(max(places, 0), 6)}f}"


def plain(value: float) -> str:
    """A sum as it is: six significant digits at least, thousands separated, never a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,g}"


def amount(value: float) -> str:
    """A large number in words: 5.46 million; else as :func:`say`."""
    for size, word in _LARGE:
        if abs(value) >= size:
            return f"{value / size:.2f} {word}"
    return say(value)


def minutes_of(value: float) -> str:
    """17.4 minutes."""
    return f"{say(value)} minute{'' if say(value) == '1' else 's'}"


def percent(value: float) -> str:
    """83.2 %; no more than one decimal, and never 100 or 0 where it is not quite."""
    value = round(value, 9)  # 28.000000000000004 is 28
    if 99.95 <= value < 100:
        return "over 99.9 %"
    if 0 < value < 0.05:
        return "under 0.1 %"
    return f"{value:.0f} %" if value.is_integer() else f"{value:.1f} %"
