"""Words and numbers on the terminal: 80 columns, no control signs from data, numbers with the digits they deserve."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from math import floor, isfinite, log10
from typing import Any

from potomac.errors import PotomacError, masked

__all__ = ["clean", "columns", "count", "error_json", "interval", "number", "paragraph"]

WIDTH = 80
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """``text`` without signs that steer a terminal, and without passwords of database addresses."""
    return masked(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))


def number(value: Any) -> str:
    """A value as a reader wants it: three significant digits, thousands separated."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return clean(str(value))
    if value - value != 0:
        return {"inf": "infinite", "-inf": "minus infinite"}.get(str(value), "not known")
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def interval(low: Any, high: Any) -> str:
    """``4.1 to 5.2``, ``at least 4.1``, or nothing."""
    if low is not None and high is not None:
        if low != high and number(low) == number(high) and isinstance(low, float) and isfinite(high - low):
            places = min(-floor(log10(high - low)), 12) if high > low else 12
            return f"{low:,.{max(places, 0)}f} to {high:,.{max(places, 0)}f}"  # as many digits as tell them apart
        return f"{number(low)} to {number(high)}"
    if low is not None:
        return f"at least {number(low)}"
    return f"at most {number(high)}" if high is not None else ""


def count(amount: int, one: str, many: str = "") -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def paragraph(text: str, indent: str = "") -> str:
    """``text`` in lines of at most 80 columns."""
    return textwrap.fill(clean(text), WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def columns(rows: Iterable[Sequence[str]], heads: Sequence[str] = (), right: Sequence[int] = ()) -> str:
    """A table of at most 80 columns: the last column is cut where it would not fit."""
    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    body = [list(heads), *cells] if heads else cells
    if not body:
        return ""
    widths = [max(len(row[index]) for row in body) for index in range(len(body[0]))]
    room = WIDTH - sum(widths[:-1]) - 2 * (len(widths) - 1)
    lines = []
    for row in body:
        *first, last = row
        fixed = [
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(first, widths[:-1], strict=True))
        ]
        lines.append("  ".join([*fixed, _cut(last, max(room, 12))]).rstrip())
    return "\n".join(lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def error_json(error: PotomacError) -> str:
    """An error for programs."""
    told = {"status": "failed", "exit_code": error.exit_code, "faults": [fault.to_dict() for fault in error.faults]}
    return clean(json.dumps(told, indent=2, ensure_ascii=True))
