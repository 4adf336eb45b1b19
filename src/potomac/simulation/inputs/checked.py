"""Observed values and times as arrays of numbers; what is wrong with them is said with its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault
from potomac.simulation.columns import column

__all__ = ["grid", "numbers", "observed", "shown"]

Floats = npt.NDArray[np.float64]


def shown(value: float) -> str:
    """The number as a reader writes it."""
    return f"{value:.10g}"


def numbers(values: Any, what: str) -> Floats:
    """A column as numbers, shape (n,): NumPy, Arrow, pandas, Polars, DuckDB or a list.

    Raises:
        DataError: it is no column of numbers, or one of them is missing or infinite.
    """
    if getattr(getattr(values, "dtype", None), "kind", "") in ("m", "M"):
        mend = "Give them as seconds, or another unit, since the begin"
        raise DataError(Fault("simulation.values", f"the {what} are dates", "expected numbers", mend, key=what))
    try:
        x = column(values)
    except (TypeError, ValueError):
        raise DataError(Fault("simulation.values", f"the {what} are not all numbers", key=what)) from None
    if x.ndim != 1:
        found = f"the {what} have the shape {x.shape}"
        raise DataError(Fault("simulation.values", found, "expected one column of numbers", key=what))
    if found := _first(~np.isfinite(x), x, what):
        mend = "Leave the row out, or mend it"
        raise DataError(Fault("simulation.values", found, "expected a number", mend, key=what))
    return x


def observed(values: Any, what: str = "values", least: int = 5) -> Floats:
    """Durations or amounts, 0 or more, shape (n,).

    Raises:
        DataError: one is missing, infinite or negative, or there are fewer than ``least``.
    """
    x = numbers(values, what)
    if found := _first(x < 0, x, what):
        mend = "Leave the row out, or mend it"
        raise DataError(Fault("simulation.negative", found, "expected 0 or more", mend, key=what))
    if len(x) < least:
        found = f"there are {len(x)} {what}"
        raise DataError(Fault("simulation.values", found, f"expected {least} at least", key=what))
    return x


def grid(x: Floats) -> float:
    """The coarsest of a few common steps that all times are multiples of; 0 where there is none."""
    for step in (3600.0, 1800.0, 900.0, 600.0, 300.0, 60.0, 30.0, 15.0, 10.0, 5.0, 1.0, 0.5, 0.25, 0.1, 0.01, 1 / 60):
        if np.allclose(x / step, np.round(x / step), rtol=0, atol=1e-6):
            return step
    return 0.0


def _first(wrong: npt.NDArray[np.bool_], x: Floats, what: str) -> str:
    """The first row that is wrong, in words; empty where none is."""
    rows = np.flatnonzero(wrong)
    if not rows.size:
        return ""
    row = int(rows[0])
    more = f", and {rows.size - 1:,} more rows are like it" if rows.size > 1 else ""
    return f"row {row} of the {what} is {shown(x[row])}{more}"
