"""How a column of a catalogue is to be read: as flags, numbers, dates, one word, a list of words, or text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "ADDRESS", "CELLS", "flag_of", "folded", "is_number", "is_text", "numbers_of", "pieces_of", "separator_of",
    "style_of", "words_of",
]  # fmt: skip

CELLS = "|"
"""What separates words that were given as a list where the catalogue has text."""
SEPARATORS = (CELLS, ";", ",", "/")
FORMS = ("%Y-%m-%d", "%d-%b-%Y", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
"""Dates as text."""
ADDRESS = r"^\s*(?:https?|ftp)://"
NUMBER = r"^\s*[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\s*$"
LONG = 20_000
"""Signs of a text that are read."""
NEARLY = 0.95
"""Share of the values that must look like numbers or dates for the column to be of them."""
HUGE = 1e150
"""Numbers beyond it count as this: differences of larger ones cannot be told."""
FEW = 12
"""So many different numbers written as text may be names of kinds; more are numbers."""
SINGLE = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}])"
"""Signs of writing without spaces: each is a word."""


def words_of(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def folded(words: pa.Array) -> pa.Array:
    """Words without accents, in small letters, without blanks around them."""
    plain = pc.utf8_lower(pc.utf8_normalize(words.cast(pa.string()), "NFKD"))
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, "[\u0300-\u036f]", ""))


def flag_of(column: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Where a column of 0 and 1, or of yes and no, is 1; None if it is no such column."""
    if pa.types.is_boolean(column.type):
        return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), bool)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return None
    values = np.asarray(column.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy(zero_copy_only=False))
    return values == 1 if np.isin(values, (0, 1)).all() else None


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers, dates or times."""
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(plain or (pa.types.is_temporal(kind) and kind != pa.month_day_nano_interval()))


def numbers_of(column: pa.Array, style: str) -> npt.NDArray[np.float64]:
    """Values of a column as numbers, dates as days, shape (n,), NaN where there is none.

    Args:
        column: numbers, dates, times, or text that holds them.
        style: the form of dates as text; "" for numbers.
    """
    kind = column.type
    if words_of(kind):
        column = _dates(column, style) if style.startswith("%") else _numerals(column)
    elif pa.types.is_temporal(kind):
        fine = pa.timestamp("us", getattr(kind, "tz", None))
        column = column.cast(fine, safe=False) if pa.types.is_date(kind) or pa.types.is_timestamp(kind) else column
        column = column.cast(pa.int64(), safe=False) if not pa.types.is_time32(kind) else column.cast(pa.int32())
    values = np.asarray(column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False), float)
    return np.where(np.isfinite(values), np.clip(values, -HUGE, HUGE), np.nan)


def _numerals(column: pa.Array) -> pa.Array:
    good = pc.match_substring_regex(column, NUMBER)
    bare = pc.utf8_ltrim(pc.utf8_trim_whitespace(column), characters="+")
    return pc.if_else(good, bare, pa.scalar(None, pa.string())).cast(pa.float64())


def _dates(column: pa.Array, form: str) -> pa.Array:
    found = pc.strptime(pc.utf8_trim_whitespace(column), format=form, unit="s", error_is_null=True)
    return pc.divide(found.cast(pa.int64()).cast(pa.float64()), 86_400.0)


def style_of(column: pa.Array) -> str | None:
    """How to read a column of text as numbers ("") or as dates (their form); None if it is neither."""
    there = column.filter(pc.not_equal(pc.utf8_trim_whitespace(column), ""))
    if not len(there):
        return None
    enough = NEARLY * len(there)
    if len(there) - _numerals(there).null_count >= enough:
        return "" if len(pc.unique(there)) > FEW else None
    for form in FORMS:
        if len(there) - _dates(there, form).null_count >= enough:
            return form
    return None


def is_text(column: pa.Array) -> bool:
    """Whether most values are sentences: more than three words by average, hardly one twice, no short pieces."""
    there = column.drop_null()
    if separator_of(column) or len(pc.unique(there)) < 0.5 * len(there):
        return False
    return _words_each(there) > 3


def _words_each(values: pa.Array) -> float:
    cut = pc.utf8_slice_codeunits(values, 0, LONG)
    return float(np.mean(pc.count_substring_regex(cut, r"[\pL\pN\pM]+|" + SINGLE).to_numpy())) if len(cut) else 0.0


def separator_of(column: pa.Array) -> str:
    """What separates the words of a list written as text; "" if the column is of no such lists.

    A list has pieces of a few words, of which most occur again elsewhere, and not always the same number of them:
    "Smith, Ann" is a name.
    """
    there = pc.utf8_slice_codeunits(column.drop_null(), 0, LONG)
    if not len(there):
        return ""
    for separator in SEPARATORS:
        pieces = pc.list_value_length(pc.split_pattern(there, separator)).to_numpy()
        if (pieces > 1).mean() < 0.1 or pieces.min() == pieces.max():
            continue
        words = pc.utf8_trim_whitespace(pc.list_flatten(pc.split_pattern(there, separator)))
        if len(pc.unique(words)) <= 0.7 * len(words) and _words_each(words) <= 3:
            return separator
    return ""


def pieces_of(column: pa.Array, style: str) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Row and text of each word: of a text ("text"), of lists ("lists" or their separator), or whole ("words")."""
    if style == "text":
        cut = pc.utf8_slice_codeunits(column, 0, LONG)
        apart = pc.replace_substring_regex(folded(cut), SINGLE, r" \1 ")
        column = pc.split_pattern_regex(apart, r"[^\pL\pN\pM]+")
    elif words_of(column.type) and style not in ("lists", "words"):
        column = pc.split_pattern(column, style)
    if words_of(column.type):
        rows, words = np.arange(len(column)), column
    else:
        rows = pc.list_parent_indices(column).to_numpy().astype(np.int64)
        words = pc.list_flatten(column).cast(pa.string())
    words = pc.utf8_trim_whitespace(words)
    good = pc.fill_null(pc.not_equal(words, ""), False)
    return rows[good.to_numpy(zero_copy_only=False)], words.filter(good)
