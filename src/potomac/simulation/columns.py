"""Observed values from wherever they are: NumPy, Arrow, pandas, Polars, DuckDB, or a plain list."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["column"]


def column(values: Any) -> npt.NDArray[np.float64]:
    """Values, or the one column of a table, as numbers; missing ones are NaN.

    Args:
        values: an array, series, column or list of numbers; a table, frame or relation that has one column.

    Returns:
        Shape (n,) of a column; whatever shape an array has that is none.

    Raises:
        TypeError, ValueError: they are no numbers; dates are none either.
    """
    if hasattr(values, "__arrow_c_stream__") and not hasattr(values, "__array__"):  # DuckDB's relations
        import pyarrow as pa

        values = pa.table(values)
    if not hasattr(values, "__len__") and hasattr(values, "__iter__"):
        values = list(values)
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(float), np.nan)
    plain = np.asarray(values)
    if plain.dtype.kind in "mM":
        raise TypeError("dates are no numbers")
    if plain.dtype == object:  # None among numbers, pandas.NA, decimals
        plain = np.array([_number(value) for value in plain.ravel()], float).reshape(plain.shape)
    x = plain.astype(float, copy=False)
    return x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x


def _number(value: Any) -> float:
    missing = value is None or type(value).__name__ == "NAType"
    if not missing and hasattr(value, "isoformat"):
        raise TypeError("dates are no numbers")
    return np.nan if missing else float(value)
