"""Positions: who was where, when, how fast and which way, as checked arrays that every part of the engine shares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, did_you_mean, listing

__all__ = ["FIELDS", "MOST_LEVELS", "Positions", "concatenate", "positions_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIELDS = ("row", "latitude", "longitude", "speed", "heading", "time", "entity")
"""Names with a meaning of their own; every other column is a covariate."""

MOST_LEVELS = 254
"""So many levels of a categorical covariate keep their name; with the others, taken together, trees hold 255."""

_RANGES = {"latitude": (-90.0, 90.0), "longitude": (-180.0, 180.0), "speed": (0.0, np.inf), "heading": (0.0, 360.0)}
_UNKNOWN = {"speed": (102.3,), "heading": (360.0, 511.0)}  # AIS's codes (ITU-R M.1371, table 48)


@dataclass(frozen=True)
class Positions:
    """n positions, each with its behaviour, time, entity and covariates.

    Attributes:
        row: row of the source, shape (n,).
        latitude: degrees, shape (n,).
        longitude: degrees in [-180, 180], shape (n,).
        speed: kn, NaN where unknown, shape (n,).
        heading: degrees in [0, 360), NaN where unknown, shape (n,).
        time: seconds since 1970 UTC, NaN where there is none, shape (n,).
        entity: code of the entity, an index into ``entities``, -1 where unknown, shape (n,).
        covariates: name -> numbers, or codes of ``levels``; NaN where missing, each of shape (n,).
        entities: names of the entities by code, sorted.
        levels: name of a categorical covariate -> its levels by code.
        folded: name of a categorical covariate -> how many rare levels its last level stands for.
    """

    row: Ints
    latitude: Floats
    longitude: Floats
    speed: Floats
    heading: Floats
    time: Floats
    entity: Ints
    covariates: Mapping[str, Floats] = field(default_factory=dict)
    entities: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folded: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: npt.ArrayLike) -> Positions:
        """The positions at ``index`` (integers or a mask), with the same codes."""
        chosen = np.asarray(index)
        chosen = chosen if chosen.dtype == bool else chosen.astype(np.int64)
        return replace(
            self,
            **{name: getattr(self, name)[chosen] for name in FIELDS},
            covariates={name: values[chosen] for name, values in self.covariates.items()},
        )

    def names(self) -> pa.Array:
        """Name of each row's entity, shape (n,); null where unknown."""
        return pa.array(self.entities, pa.string()).take(pa.array(self.entity, mask=self.entity < 0))

    def words(self, covariate: str) -> pa.Array:
        """Level of each row in a categorical covariate, shape (n,); null where missing."""
        codes = self.covariates[covariate]
        missing = np.isnan(codes)
        index = np.where(missing, 0, codes).astype(np.int64)
        return pa.array(self.levels[covariate], pa.string()).take(pa.array(index, mask=missing))


def positions_of(
    source: Any,
    *,
    categories: Collection[str] = (),
    levels: Mapping[str, Sequence[str]] | None = None,
    most: int = MOST_LEVELS,
) -> Positions:
    """Positions from a mapping of arrays, or an Arrow, pandas, Polars or DuckDB table.

    Columns ``latitude`` and ``longitude`` (degrees) are needed. ``speed`` (kn), ``heading`` (degrees), ``time``
    (timestamps, or seconds since 1970 UTC), ``entity`` (any labels) and ``row`` (default: 0, 1, ...) may be missing;
    all other columns are covariates. AIS's codes for "unknown" (speed 102.3, heading 360 and 511) become NaN. Text
    is categorical: its levels are coded by how often they occur, the most frequent first and ties by name.

    Args:
        source: the table; ``Positions`` come back as they are.
        categories: covariates that are categorical although their values are numbers.
        levels: levels to code by instead of those found, as of the positions that a model was fitted on; what is not
            among them becomes the last level where that stands for the rare ones, else missing.
        most: most levels of a covariate that keep their name; the others become one level "other".

    Raises:
        DataError: a column is missing or has the wrong shape or type, or a value lies outside its range.
    """
    if isinstance(source, Positions):
        return source
    table = _table(source)
    for name in ("latitude", "longitude"):
        if name not in table.column_names:
            raise _no_column(name, table.column_names)
    n = table.num_rows
    given = {name: _measured(table, name) for name in _RANGES}
    entity, entities = _entities(table["entity"]) if "entity" in table.column_names else (np.full(n, -1), ())
    coded = _Covariates(table, frozenset(categories), dict(levels or {}), most)
    return Positions(
        row=_rows(table),
        **given,
        time=_seconds(table["time"], "time") if "time" in table.column_names else np.full(n, np.nan),
        entity=entity,
        covariates=coded.values,
        entities=entities,
        levels=coded.levels,
        folded=coded.folded,
    )


def concatenate(parts: Sequence[Positions]) -> Positions:
    """All parts in one, in their order; names of entities and levels are coded anew where they differ.

    Raises:
        ValueError: there is no part, or they do not have the same covariates.
    """
    if not parts:
        raise ValueError("there are no positions to put together")
    first = parts[0]
    for part in parts[1:]:
        if set(part.covariates) != set(first.covariates) or set(part.levels) != set(first.levels):
            raise ValueError(f"covariates differ: {listing(first.covariates)} and {listing(part.covariates)}")
    entities = tuple(sorted(set().union(*(part.entities for part in parts))))
    levels = {name: tuple(dict.fromkeys(w for p in parts for w in p.levels[name])) for name in first.levels}
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS if name != "entity"}
    return Positions(
        **columns,
        entity=np.concatenate([_recoded(part.entity, part.entities, entities) for part in parts]),
        covariates={
            name: np.concatenate([_levelled(part, name, levels) for part in parts]) for name in first.covariates
        },
        entities=entities,
        levels=levels,
        folded={name: max(part.folded.get(name, 0) for part in parts) for name in first.folded},
    )


def _recoded(codes: Ints, old: Sequence[str], new: Sequence[str]) -> Ints:
    if tuple(old) == tuple(new):
        return codes
    place = {word: code for code, word in enumerate(new)}
    return np.array([place[word] for word in old] + [-1], np.int64)[codes]  # the last one is code -1


def _levelled(part: Positions, name: str, levels: Mapping[str, tuple[str, ...]]) -> Floats:
    values = part.covariates[name]
    if name not in levels:
        return values
    missing = np.isnan(values)
    codes = _recoded(np.where(missing, -1, values).astype(np.int64), part.levels[name], levels[name])
    return np.where(missing, np.nan, codes)


def _table(source: Any) -> pa.Table:
    if isinstance(source, pa.Table):
        table = source
    elif isinstance(source, pa.RecordBatch):
        table = pa.Table.from_batches([source])
    elif isinstance(source, Mapping):
        table = _from_mapping(source)
    elif hasattr(source, "__arrow_c_stream__"):
        table = _from_frame(source)
    else:
        found = f"positions are of type {type(source).__name__}"
        raise DataError(Fault("positions.type", found, "a mapping of arrays or an Arrow, pandas or Polars table"))
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise DataError(Fault("positions.column-twice", f"more than one column is called {listing(twice)}"))
    return table


def _from_frame(source: Any) -> pa.Table:
    """A pandas, Polars or DuckDB table; the index of pandas is none of its columns."""
    try:
        table = pa.table(source)
    except (pa.ArrowException, ValueError) as error:
        raise DataError(Fault("positions.mixed", f"the table cannot be read: {error}")) from error
    return table.select([name for name in table.column_names if not name.startswith("__index_level_")])


def _from_mapping(source: Mapping[str, Any]) -> pa.Table:
    arrays = {str(name): _array(str(name), values) for name, values in source.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = listing(f"{name} {length}" for name, length in lengths.items())
        raise DataError(Fault("positions.length", f"columns have different lengths: {found}"))
    return pa.table(arrays)


def _array(name: str, values: Any) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    array = np.asarray(values)
    if array.ndim != 1:
        found = f"{name} has shape {array.shape}"
        raise DataError(Fault("positions.shape", found, "one value a row", key=name))
    try:
        return pa.array(array, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(Fault("positions.mixed", f"{name} mixes types: {error}", key=name)) from error


def _no_column(name: str, columns: Sequence[str]) -> DataError:
    found = f'there is no column "{name}"; the columns are {listing(columns)}'
    return DataError(Fault("positions.column-missing", found, "", did_you_mean(name, columns), key=name))


def _measured(table: pa.Table, name: str) -> Floats:
    """A column with a range, NaN for what is unknown; latitude and longitude are never unknown."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    values = _numbers(table[name], name)
    for code in _UNKNOWN.get(name, ()):
        values = np.where(values == code, np.nan, values)
    low, high = _RANGES[name]
    unknown = np.isnan(values) if name in _UNKNOWN else np.zeros(len(values), bool)
    bad = ~(unknown | ((values >= low) & (values <= high) & np.isfinite(values)))
    if bad.any():
        found = f"{int(bad.sum())} of {len(bad)} values of {name} are out of range, the first is {values[bad][0]:g}"
        raise DataError(Fault("positions.range", found, f"finite numbers from {low:g} to {high:g}", key=name))
    return values


def _numbers(column: pa.ChunkedArray, name: str) -> Floats:
    """A column as float64; null is NaN."""
    plain = _plain(column)
    if not (pa.types.is_primitive(plain.type) or pa.types.is_null(plain.type)):
        raise DataError(Fault("positions.not-a-number", f"{name} holds {plain.type}", "numbers", key=name))
    return _floats(plain)


def _floats(column: pa.ChunkedArray) -> Floats:
    """Numbers as they are; timestamps and durations in seconds."""
    scale = 1.0
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("us"))
    if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type) or pa.types.is_time64(column.type):
        scale = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
        column = pc.cast(column, pa.int64())
    numbers = pc.cast(column, pa.float64(), safe=False).combine_chunks()
    return np.array(numbers.to_numpy(zero_copy_only=False), np.float64) / scale


def _seconds(column: pa.ChunkedArray, name: str) -> Floats:
    """Seconds since 1970 UTC from timestamps (without a zone: UTC), dates or numbers of seconds."""
    values = _numbers(column, name)
    if np.isinf(values).any():
        raise DataError(Fault("positions.range", f"{name} is infinite", "timestamps, or seconds since 1970", key=name))
    return values


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without dictionary encoding; booleans and decimals as numbers, views as text."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_boolean(column.type):
        return pc.cast(column, pa.int8())
    if pa.types.is_decimal(column.type):
        return pc.cast(column, pa.float64())
    return pc.cast(column, pa.string()) if pa.types.is_string_view(column.type) else column


def _rows(table: pa.Table) -> Ints:
    if "row" not in table.column_names:
        return np.arange(table.num_rows, dtype=np.int64)
    values = _numbers(table["row"], "row")
    if not (np.isfinite(values).all() and (values == np.floor(values)).all() and (values >= 0).all()):
        raise DataError(Fault("positions.row", "row holds something else than row numbers", "0, 1, 2, ...", key="row"))
    return np.asarray(values.astype(np.int64))


def _words(column: pa.ChunkedArray, name: str) -> tuple[Ints, list[str]]:
    """Codes (-1 where null) of a column's distinct values, and these as words; integers without a decimal point."""
    plain = _plain(column)
    if pa.types.is_floating(plain.type):
        plain = pc.if_else(pc.is_nan(plain), None, plain)
        whole = pc.all(pc.and_(pc.equal(plain, pc.floor(plain)), pc.less(pc.abs(plain), 2.0**53))).as_py()
        plain = pc.cast(plain, pa.int64()) if whole else plain
    if pa.types.is_nested(plain.type) or pa.types.is_binary(plain.type):
        raise DataError(Fault("positions.nested", f"{name} holds {plain.type}", "numbers or text", key=name))
    encoded = plain.dictionary_encode().combine_chunks()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, [str(word) for word in encoded.dictionary.to_pylist()]


def _entities(column: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    codes, words = _words(column, "entity")
    labels = tuple(sorted(set(words)))
    return _recoded(codes, words, labels), labels


class _Covariates:
    """All columns without a meaning of their own, as numbers or codes."""

    def __init__(
        self, table: pa.Table, categories: frozenset[str], fixed: Mapping[str, Sequence[str]], most: int
    ) -> None:
        self.values: dict[str, Floats] = {}
        self.levels: dict[str, tuple[str, ...]] = {}
        self.folded: dict[str, int] = {}
        names = [name for name in table.column_names if name not in FIELDS]
        for name in sorted(categories - set(names)):
            raise _no_column(name, names)
        for name in names:
            column = table[name]
            kind = _plain(column).type
            if name in categories or name in fixed or not (pa.types.is_primitive(kind) or pa.types.is_null(kind)):
                self._code(name, column, fixed.get(name), most)
            else:
                values = _floats(_plain(column))
                self.values[name] = np.where(np.isinf(values), np.nan, values)

    def _code(self, name: str, column: pa.ChunkedArray, fixed: Sequence[str] | None, most: int) -> None:
        codes, words = _words(column, name)
        kept, rare = _most_frequent(codes, words, most) if fixed is None else (list(fixed), [])
        self.levels[name] = tuple(kept)
        self.folded[name] = len(rare)
        place = {word: code for code, word in enumerate(kept)}
        other = float(len(kept) - 1) if rare or (kept and kept[-1] == _other(kept[:-1])) else np.nan
        lookup = np.array([place.get(word, other) for word in words] + [np.nan])  # the last one is code -1
        self.values[name] = lookup[codes]


def _most_frequent(codes: Ints, words: list[str], most: int) -> tuple[list[str], list[str]]:
    """Levels that keep their name (with one more for the others, if any), and the rare ones."""
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    order = sorted(range(len(words)), key=lambda code: (-int(counts[code]), words[code]))
    ranked = [words[code] for code in order]
    kept, rare = ranked[:most], ranked[most:]
    return ([*kept, _other(kept)] if rare else kept), rare


def _other(kept: Sequence[str]) -> str:
    """A name for all other levels that is none of ``kept``."""
    name = "other"
    while name in kept:
        name = f"({name})"
    return name
