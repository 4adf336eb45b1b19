"""Features: what items are like, as one sparse matrix with a group of columns for each feature.

A group is of one of five kinds, found out from the values: words (one of several: an author), lists (several of
many: subjects, also written as "Drama|Comedy"), flags (all columns of 0 and 1 together), numbers (years, prices, days)
and text. Within a group a row has the length 1 or about 1, so groups can be weighed against each other; a row is zero
where the item has no value there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing, shown
from potomac.recommend.attributes.reading_features import (
    ADDRESS,
    CELLS,
    flag_of,
    folded,
    is_number,
    is_text,
    numbers_of,
    pieces_of,
    separator_of,
    style_of,
    words_of,
)
from potomac.recommend.matrix.items import Items

__all__ = ["Features", "Group", "described"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Kind = Literal["words", "lists", "flags", "number", "text"]

KNOTS = 12
"""Places along the ranks of a number at which likeness is measured."""
LONGEST = 20_000
"""Most words that the vocabulary of one text has."""
COMMON = 0.3
"""A word that stands in more than this share of the texts says nothing: stop words of any language."""
FLAGS = "flags"
"""Name of the group that all columns of 0 and 1 are."""


@dataclass(frozen=True, eq=False)
class Group:
    """One feature, or the columns of 0 and 1 together.

    Attributes:
        name: of the column.
        kind: see the module.
        first: its first column in the matrix.
        size: how many it has.
        keys: words, folded, ascending; empty for numbers.
        labels: the words as the catalogue writes them.
        scale: inverse document frequency of each word, shape (size,); for numbers the values at even ranks.
        style: how a text is to be read: the separator of a list, the form of a date; "" else.
        columns: names of the columns it is made of.
    """

    name: str
    kind: Kind
    first: int
    size: int
    keys: pa.Array
    labels: pa.Array
    scale: npt.NDArray[np.float64]
    style: str
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Features:
    """Groups of features and the catalogue's own rows.

    Attributes:
        groups: in the order of the columns.
        matrix: shape (n, d).
        schema: types of the catalogue's columns, the titles among them where they are used.
    """

    groups: tuple[Group, ...]
    matrix: sparse.csr_array
    schema: pa.Schema

    @classmethod
    def of(cls, items: Items, *, titles: bool = True) -> Features:
        """Features of a catalogue. A column without any value, or with the same one everywhere, is no feature.

        Args:
            items: the catalogue.
            titles: whether the words of the titles are a feature, too.

        Raises:
            DataError: a column is of a type that cannot be compared.
        """
        table = _table(items, titles=titles)
        groups: list[Group] = []
        first = 0
        for name, kind, style, columns in _kinds(table):
            group = _group(table, name, kind, style, columns, first)
            if group is not None:
                groups.append(group)
                first += group.size
        made = tuple(groups)
        return cls(made, _encoded(made, table), table.schema)

    @cached_property
    def of_column(self) -> npt.NDArray[np.int32]:
        """Group of each column, shape (d,)."""
        return np.repeat(np.arange(len(self.groups), dtype=np.int32), [group.size for group in self.groups])

    def row_of(self, features: Mapping[str, Any]) -> sparse.csr_array:
        """An item that is not in the catalogue, by its attributes, shape (1, d).

        Raises:
            StudyError: an attribute is none of the catalogue's.
            DataError: a value cannot be read as that column's are, or nothing of it is known.
        """
        names = self.schema.names
        for name in features:
            if name not in names:
                found, there = f'no feature "{shown(name)}"', f"there are {listing(names)}"
                raise StudyError(Fault("recommend.features", found, there, did_you_mean(str(name), names), key=name))
        table = pa.table({name: _cell(features.get(name), self.schema.field(name)) for name in names})
        row = _encoded(self.groups, table)
        if not row.nnz:
            found = "nothing that the item has occurs in the catalogue"
            raise DataError(Fault("recommend.features", found, "expected one attribute that other items share"))
        return row

    def label(self, column: int) -> str:
        """What a column stands for, in words."""
        group = self.groups[self.of_column[column]]
        return str(group.labels[column - group.first]) if len(group.labels) else group.name


def described(items: Items) -> bool:
    """Whether the catalogue says anything by which items can be compared."""
    table = _table(items, titles=True)
    return any(_group(table, *found, 0) is not None for found in _kinds(table))


def _table(items: Items, *, titles: bool) -> pa.Table:
    """The columns of the catalogue, and its titles as one more column, null for items it does not list."""
    table = items.features
    if not titles:
        return table
    name = "title" if "title" not in table.column_names else "title "
    named = pc.if_else(items.listed, items.titles, pa.scalar(None, pa.string()))
    return pa.table({name: named}) if not table.num_columns else table.append_column(name, named)


# -------------------------------------------------------------------------------------- kinds


def _kinds(table: pa.Table) -> Iterator[tuple[str, Kind, str, tuple[str, ...]]]:
    """Name, kind, style and columns of each group."""
    flags = []
    for name in table.column_names:
        column = _whole(table.column(name))
        kind = column.type
        if column.null_count == len(column):
            continue
        if name.rstrip() == "title":
            yield name, "text", "", (name,)
        elif flag_of(column) is not None:
            flags.append(name)
        elif _of_words(kind):
            yield name, "lists", "", (name,)
        elif not words_of(kind):
            if not is_number(kind):
                found, expected = f'column "{shown(name)}" of the type {kind}', "expected numbers, words or lists"
                mend = "Name the features that say what an item is like"
                raise DataError(Fault("recommend.features", found, expected, mend, key=name))
            yield name, "number", "", (name,)
        elif pc.match_substring_regex(column.drop_null(), ADDRESS)[0].as_py():
            continue
        elif (style := style_of(column)) is not None:
            yield name, "number", style, (name,)
        elif is_text(column):
            yield name, "text", "", (name,)
        elif separator := separator_of(column):
            yield name, "lists", separator, (name,)
        else:
            yield name, "words", "", (name,)
    if flags:
        yield FLAGS, "flags", "", tuple(flags)


def _of_words(kind: pa.DataType) -> bool:
    """Whether a column holds lists of what can be written as words."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    return not (pa.types.is_nested(kind.value_type) or pa.types.is_binary(kind.value_type))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return column.cast(pa.string()) if words_of(column.type) else column


def _group(table: pa.Table, name: str, kind: Kind, style: str, columns: tuple[str, ...], first: int) -> Group | None:
    """A group that tells items apart, or None."""
    none = pa.array([], pa.string())
    if kind == "number":
        found = numbers_of(_whole(table.column(name)), style)
        found = found[np.isfinite(found)]
        ranks = np.quantile(found, np.linspace(0, 1, 4 * KNOTS + 1)) if len(found) else np.zeros(1)
        return Group(name, kind, first, KNOTS, none, none, ranks, style, columns) if ranks[0] < ranks[-1] else None
    row, word = _tokens(table, kind, style, columns)
    keys, labels, often = _vocabulary(row, word, kind, table.num_rows)
    if not len(keys) or (len(keys) == 1 and often[0] == table.num_rows):
        return None
    scale = np.log((1 + table.num_rows) / (1 + often)) + 1
    if kind == "words":
        scale /= np.sqrt((often * scale**2).sum() / often.sum())
    return Group(name, kind, first, len(keys), keys, labels, scale, style, columns)


def _tokens(table: pa.Table, kind: Kind, style: str, columns: tuple[str, ...]) -> tuple[Ints, pa.Array]:
    """Row and text of each word of a group."""
    if kind != "flags":
        return pieces_of(_whole(table.column(columns[0])), "text" if kind == "text" else style or kind)
    flags = (flag_of(_whole(table.column(name))) for name in columns)
    rows = [np.flatnonzero(np.zeros(0, bool) if flag is None else flag) for flag in flags]
    words = np.repeat(np.arange(len(columns)), [len(found) for found in rows])
    return np.concatenate(rows), pa.array(list(columns), pa.string()).take(pa.array(words))


def _vocabulary(row: Ints, word: pa.Array, kind: Kind, rows: int) -> tuple[pa.Array, pa.Array, npt.NDArray[np.int64]]:
    """Distinct words, ascending, as they are first written, and the number of rows that have each."""
    coded = folded(word).dictionary_encode()
    code, keys = coded.indices.to_numpy().astype(np.int64), coded.dictionary
    at = np.empty(len(keys), np.int64)
    at[code[::-1]] = np.arange(len(code))[::-1]  # the first of each
    pairs = sparse.csr_array((np.ones(len(row), np.int8), (row, code)), (rows, len(keys)))  # repeats are one
    often = np.bincount(pairs.indices, minlength=len(keys))
    kept = np.flatnonzero(often >= 2) if kind == "text" else np.arange(len(keys))
    if kind == "text":
        kept = kept[often[kept] <= max(COMMON * rows, 10)]
        kept = np.sort(kept[np.argsort(-often[kept], kind="stable")[:LONGEST]])
    order = pc.array_sort_indices(keys.take(pa.array(kept))).to_numpy().astype(np.int64)
    kept = kept[order]
    labels = folded(word).take(pa.array(at[kept])) if kind == "text" else word.take(pa.array(at[kept]))
    return keys.take(pa.array(kept)), labels, often[kept]


# -------------------------------------------------------------------------------------- rows


def _encoded(groups: tuple[Group, ...], table: pa.Table) -> sparse.csr_array:
    parts = [_rows_of(group, table) for group in groups]
    if not parts:
        return sparse.csr_array((table.num_rows, 0), dtype=np.float32)
    made = sparse.csr_array(sparse.hstack(parts, format="csr"), dtype=np.float32)
    made.sort_indices()
    return made


def _rows_of(group: Group, table: pa.Table) -> sparse.csr_array:
    if group.kind == "number":
        return _bumps(numbers_of(_whole(table.column(group.name)), group.style), group.scale)
    row, word = _tokens(table, group.kind, group.style, group.columns)
    code = pc.index_in(folded(word), group.keys).fill_null(-1).to_numpy().astype(np.int64)
    row, code = row[code >= 0], code[code >= 0]
    made = sparse.csr_array((np.ones(len(row)), (row, code)), (table.num_rows, group.size))  # repeats are summed
    made.data = 1 + np.log(made.data) if group.kind == "text" else np.ones(made.nnz)
    made.data *= group.scale[made.indices]
    return made if group.kind == "words" else _unit(made)


def _bumps(values: npt.NDArray[np.float64], ranks: npt.NDArray[np.float64]) -> sparse.csr_array:
    """Numbers on bells around even knots: near ones are alike, outliers are like the last.

    The place of a number is half its rank, half its place between the quantiles of about 4 % and 96 %: ranks alone hold
    1990 and 1991 for far apart where a catalogue has few of those years, distances alone are ruled by the tails.
    """
    distinct, at = np.unique(ranks, return_index=True)
    levels = np.add.reduceat(np.linspace(0, 1, len(ranks)), at) / np.diff(np.append(at, len(ranks)))
    there = np.isfinite(values)
    z = np.interp(np.where(there, values, 0), distinct, levels)
    low, high = (ranks[2], ranks[-3]) if ranks[2] < ranks[-3] else (ranks[0], ranks[-1])
    z = (z + np.clip((values / 2 - low / 2) / (high / 2 - low / 2), 0, 1)) / 2
    bells = np.exp(-0.5 * ((z[:, None] - np.linspace(0, 1, KNOTS)) * (KNOTS - 1)) ** 2)
    bells[bells < 0.01] = 0
    return _unit(sparse.csr_array(np.where(there[:, None], bells, 0)))


def _unit(matrix: sparse.csr_array) -> sparse.csr_array:
    """Each row divided by its length; a row of zeros stays."""
    length = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    matrix.data = matrix.data / np.repeat(np.where(length > 0, length, 1), np.diff(matrix.indptr))
    return matrix


def _cell(value: Any, field: pa.Field) -> pa.Array:
    """One value of an item as a column of the catalogue's type, or as text where that can be read as well."""
    if pa.types.is_dictionary(field.type):
        field = pa.field(field.name, field.type.value_type)
    lists = pa.types.is_list(field.type) or pa.types.is_large_list(field.type)
    if lists and isinstance(value, str | int | float):
        value = [value]
    if isinstance(value, list | tuple) and words_of(field.type):
        value = CELLS.join(map(str, value))
    if isinstance(value, bool) and is_number(field.type):
        value = int(value)
    try:
        return pa.array([value], field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError):
        pass
    try:
        return pa.array([str(value)], pa.string()).cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        found, expected = f'{field.name} is "{shown(value)}"', f"expected a value of the type {field.type}"
        raise DataError(Fault("recommend.features", found, expected, key=field.name)) from None
