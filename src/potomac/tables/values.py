"""Values as a source gives them -> numbers, whole numbers and words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Numbers", "exact", "is_number", "is_text", "numbers", "plain", "spaced_out", "words"]

Mask = npt.NDArray[np.bool_]

_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
_NUMBER = r"^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?|[+-]?(?i:inf|infinity))$"
_WHOLE = r"^[+-]?\d{1,18}(\.0*)?$"


@cache
def _unknown() -> pa.Array:
    """What people and programs write for "not known" among numbers and times, in lower case.

    Made at its first use: ``pa.array`` imports pandas where there is one, and no command shall wait for that.
    """
    return pa.array(["", "null", "na", "n/a", "nan", "none", "\\n"])


def plain(column: pa.Array) -> pa.Array:
    """``column`` without dictionary, extension or wide offsets; text as string."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        column = column.cast(kind.value_type) if pa.types.is_dictionary(kind) else pc.run_end_decode(column)
        kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if any(is_so(kind) for is_so in _BYTES):
        return _decoded(column)
    return column


def _decoded(column: pa.Array) -> pa.Array:
    """Bytes as text, where all are UTF-8; else as hexadecimal digits."""
    try:
        return column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this type are words."""
    return bool(pa.types.is_string(kind))


def is_number(kind: pa.DataType) -> bool:
    """Whether values of this type are numbers (true and false count as 1 and 0)."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind))


def words(column: pa.Array) -> pa.Array:
    """Any column as trimmed words; empty and ``null`` are not known. Whole floats are written without a point."""
    column = plain(column)
    kind = column.type
    if is_text(kind):
        return _known_words(column)
    if pa.types.is_floating(kind):
        return _float_words(column.cast(pa.float64()))
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _known_words(column: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(column)
    unknown = pc.or_(pc.equal(pc.binary_length(trimmed), 0), pc.is_in(trimmed, pa.array(["null", "NULL"])))
    return pc.if_else(unknown, pa.scalar(None, pa.string()), trimmed) if pc.any(unknown).as_py() else trimmed


def _float_words(column: pa.Array) -> pa.Array:
    values = column.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        whole = (np.abs(values) < 2.0**53) & (np.floor(values) == values)
    integers = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    spelled = pc.if_else(pa.array(whole), integers, column.cast(pa.string()))
    return pc.if_else(pa.array(np.isnan(values)), pa.scalar(None, pa.string()), spelled)


def spaced_out(text: pa.Array) -> pa.Array:
    """Words for numbers or times: trimmed, and null where they say that nothing is known."""
    trimmed = pc.utf8_trim_whitespace(text)
    unknown = pc.is_in(pc.utf8_lower(trimmed), _unknown())
    return pc.if_else(unknown, pa.scalar(None, pa.string()), trimmed)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of some rows, NaN where they are not known; which ones cannot be read."""

    values: npt.NDArray[np.float64]
    unreadable: Mask


def numbers(column: pa.Array, comma: bool = False) -> Numbers:
    """A column as floating-point numbers; ``comma`` where they are written with a decimal comma."""
    column = plain(column)
    kind = column.type
    if is_text(kind):
        return _read_numbers(column, comma)
    if is_number(kind):
        return Numbers(_floats(column), np.zeros(len(column), bool))
    return Numbers(np.full(len(column), np.nan), np.asarray(column.is_valid()))


def _floats(column: pa.Array) -> npt.NDArray[np.float64]:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    made = column if pa.types.is_float64(column.type) else column.cast(pa.float64(), safe=False)
    return np.asarray(made.to_numpy(zero_copy_only=False))


def _read_numbers(text: pa.Array, comma: bool) -> Numbers:
    """Text as numbers: at once where it can be, else value by value (vectorised)."""
    filled = pc.if_else(pc.equal(pc.binary_length(text), 0), pa.scalar(None, pa.string()), text)
    if comma:
        filled = pc.replace_substring(filled, ",", ".")
    try:
        return Numbers(_floats(filled.cast(pa.float64())), np.zeros(len(text), bool))
    except pa.ArrowInvalid:
        pass
    known = spaced_out(filled)
    readable = pc.fill_null(pc.match_substring_regex(known, _NUMBER), False)
    bare = pc.replace_substring_regex(known, r"^\+", "")
    made = pc.if_else(readable, bare, pa.scalar(None, pa.string())).cast(pa.float64())
    return Numbers(_floats(made), np.asarray(known.is_valid()) & ~np.asarray(readable))


def exact(column: pa.Array) -> npt.NDArray[np.int64] | None:
    """The column's integers without loss, 0 where unknown; nothing where it holds no integers."""
    column = plain(column)
    if pa.types.is_integer(column.type):
        return np.asarray(column.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False))
    if is_text(column.type):
        known = spaced_out(column)
        whole = pc.fill_null(pc.match_substring_regex(known, _WHOLE), False)
        digits = pc.replace_substring_regex(known, r"^\+|\.0*$", "")
        return np.asarray(pc.if_else(whole, digits, "0").cast(pa.int64()).to_numpy(zero_copy_only=False))
    return None
