"""Records by their address, so that compiled functions hand on one pointer and not thirty arrays.

An array that is handed from one compiled function to the next is seven numbers and a count of its owners; a world of
thirty arrays made the loop ten times slower and its compilation last minutes. Here a record holds the addresses of
the tables; who made it keeps the arrays alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from potomac.simulation.loop.compiling import part

__all__ = ["FLOAT", "INTEGER", "WORD", "bits_of", "hot", "inner", "layout", "records", "table"]


def inner(function: Any) -> Any:
    """Decorate a function that only compiled code calls: it is compiled as a part of those, and owns no array."""
    return part(function)


def hot(function: Any) -> Any:
    """As ``inner``, and copied into each caller: for what happens at every event."""
    return part(function, copied=True)


FLOAT = np.dtype([("v", "f8")])
INTEGER = np.dtype([("v", "i8")])
WORD = np.dtype([("v", "u8")])


def layout(wholes: str, numbers: str = "", addresses: Sequence[str] = ()) -> np.dtype[Any]:
    """A record of whole numbers, then of real ones, then of addresses, by their names."""
    fields = [(name, "i8") for name in wholes.split()] + [(name, "f8") for name in numbers.split()]
    return np.dtype([*fields, *((name, "u8") for name in addresses)], align=True)


def records(dtype: Any) -> Any:
    """A function for compiled code: ``(address, i)`` -> the ``i``-th record of ``dtype`` from that address on."""
    from numba import from_dtype, types
    from numba.extending import intrinsic

    kind, size = from_dtype(dtype), dtype.itemsize

    @intrinsic
    def record(typing: Any, address: Any, i: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            start, index = arguments
            there = builder.add(start, builder.mul(index, index.type(size)))
            return builder.inttoptr(there, context.get_value_type(kind))

        return kind(types.uint64, types.int64), code

    return record


def table(name: str, dtype: Any) -> Any:
    """A function for compiled code: ``(record, i)`` -> record ``i`` of the table whose address is its ``name``.

    The record may be of any layout that has such an address.
    """
    from numba import from_dtype, types
    from numba.extending import intrinsic

    kind, size = from_dtype(dtype), dtype.itemsize

    @intrinsic
    def record(typing: Any, holder: Any, i: Any) -> Any:
        offset = holder.offset(name)

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = context.get_value_type(types.int64)
            held = builder.add(builder.ptrtoint(arguments[0], word), word(offset))
            start = builder.load(builder.inttoptr(held, word.as_pointer()))
            there = builder.add(start, builder.mul(arguments[1], word(size)))
            return builder.inttoptr(there, context.get_value_type(kind))

        return kind(holder, types.int64), code

    return record


def _bits_of() -> Any:
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def bits(typing: Any, x: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(types.int64))

        return types.int64(types.float64), code

    return bits


bits_of = _bits_of()
"""For compiled code: the 64 bits of a number as they are kept, as an integer."""
