"""Numbers with intervals as a page draws them: how much, how sure, and where they were before.

Rows of a reply that have ``mean``, ``low`` and ``high`` are such numbers; they may have ``before``, ``before_low``,
``before_high`` and ``exact`` too, a ``unit``, and texts that name them (``where``, ``label``, ``measure``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Any

from pydantic import BaseModel

from potomac.report.numbers import fixed, interval, number

__all__ = ["Drawn", "Marks", "are", "drawn", "scale"]

WIDE = (1.0, 2.0, 5.0, 10.0)
"""Ends of scales, times a power of ten: few, so that a scale stands still while a slider moves."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the marks stand, in per cent of the width of the drawing; None where there is none."""

    start: str  # what the ends of the scale mean
    end: str
    now: float
    low: float | None = None
    high: float | None = None
    was: float | None = None
    was_low: float | None = None
    was_high: float | None = None
    exact: float | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """One number in words and as marks."""

    name: str
    where: str
    unit: str
    value: str
    span: str
    before: str = ""
    before_span: str = ""
    exact: str = ""
    marks: Marks | None = None

    @property
    def same(self) -> bool:
        """Whether it is as it was."""
        return (self.value, self.span) == (self.before, self.before_span)


def are(value: Any) -> bool:
    """Whether this part of a reply is rows of numbers with intervals."""
    named = isinstance(value, list | tuple) and value and all(isinstance(one, BaseModel) for one in value)
    return bool(named) and {"mean", "low", "high"} <= set(type(value[0]).model_fields)


def drawn(row: BaseModel) -> Drawn:
    """A row in words and marks."""
    known = {name: getattr(row, name, None) for name in type(row).model_fields}
    mean, low, high = known["mean"], known["low"], known["high"]
    value, span = interval(mean, low, high)
    before, before_span = interval(known.get("before"), known.get("before_low"), known.get("before_high"))
    texts = [str(known[name]) for name in ("label", "measure") if known.get(name)]
    name, where, exact = texts[0] if texts else "", str(known.get("where") or ""), known.get("exact")
    return Drawn(
        name, "" if where in name else where, str(known.get("unit") or ""), value,
        "" if mean == low == high else span, before if known.get("before") is not None else "", before_span,
        _alike(exact, value), _marks(known),
    )  # fmt: skip


def _alike(exact: float | None, value: str) -> str:
    """The exact value with as many decimals as the other."""
    if exact is None:
        return ""
    whole, _, decimals = value.partition(".")
    return fixed(exact, len(decimals)) if (whole + decimals).replace(",", "").isdecimal() else number(exact)


def _marks(known: dict[str, Any]) -> Marks | None:
    names = ("mean", "low", "high", "before", "before_low", "before_high", "exact")
    at = {name: known.get(name) for name in names}
    shown = [float(x) for x in at.values() if x is not None and isfinite(x)]
    if at["mean"] is None:
        return None
    start, end = scale(shown, per_cent=known.get("unit") == "%")

    def place(name: str) -> float | None:
        x = at[name]
        return None if x is None else round(100 * min(max((x - start) / (end - start), 0.0), 1.0), 2)

    return Marks(number(start), number(end), place("mean") or 0.0, *map(place, names[1:]))


def scale(values: Iterable[float], *, per_cent: bool = False) -> tuple[float, float]:
    """Both ends of a scale that holds the values: from 0, or near to 100 % where all are.

    Args:
        values: finite.
        per_cent: whether they are shares of a hundred.
    """
    found = [*values] if per_cent else [*values, 0.0]
    least, most = min(found, default=0.0), max(found, default=0.0)
    if per_cent and least >= 0 and most <= 100:
        return (100 - _end(max(100 - least, 1e-3)), 100.0) if least > 90 else (0.0, 100.0)
    return -_end(-least), _end(most) or float(least == 0)


def _end(x: float) -> float:
    """The end of a scale for a value: 1, 2 or 5 times a power of ten; 0 where it is none."""
    if x <= 0:
        return 0.0
    power = 10.0 ** floor(log10(x))
    return next(power * step for step in WIDE if power * step >= x * (1 - 1e-12))
