"""Arrow tables from plain lists, without the packages that Arrow looks for first when it is handed a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["table_of"]


def table_of(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """A table of words, whole numbers and numbers; None and NaN are null.

    Its arrays are made from their buffers: ``pa.array`` of a list imports pandas where it is installed, which takes
    longer than most simulations.

    Args:
        columns: name -> values of one kind: str, int, or float and None.
    """
    import pyarrow as pa

    arrays = {name: _array(list(values)) for name, values in columns.items()}
    return pa.Table.from_arrays(list(arrays.values()), names=list(arrays))


def _array(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    if values and all(isinstance(v, str) for v in values):
        each = [v.encode() for v in values]
        ends = np.concatenate([[0], np.cumsum([len(v) for v in each])]).astype(np.int32)
        return pa.Array.from_buffers(pa.string(), len(each), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(each))])
    if values and all(isinstance(v, int) for v in values):
        whole = np.array(values, np.int64)
        return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(whole)])
    there = np.array([v is not None and v == v for v in values], bool)  # what is not known is not a number
    real = np.array([0.0 if v is None else v for v in values], float)
    valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.float64(), len(values), [valid, pa.py_buffer(real)])
