"""Arrow -> what a page shows of a table: the top rows, each cell as text with its exact value beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Rows, Show
from potomac.report.draw import clean
from potomac.report.numbers import MISSING, decimals, fixed, number, word
from potomac.report.scales import Floats, numeric

__all__ = ["LONGEST", "MOST", "Cell", "Column", "Shown", "columns", "shown", "top"]

MOST = 10_000
"""Rows of one table that a page holds at most."""

LONGEST = 600
"""Characters of one cell."""

_NAMES = {
    "row",
    "rank",
    "cell",
    "year",
    "mmsi",
    "imo",
    "entity",
    "id",
    "index",
    "user",
    "post",
    "item",
    "icao",
    "icao24",
}
_NAMED = re.compile(r"(^|_)(id|mmsi|imo|row|year|code)$")
_ANGLES = {"latitude": 4, "longitude": 4, "lat": 4, "lon": 4, "lng": 4}
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_INTERVAL = {"low": "high", "lower": "upper"}


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of a cell; ``value`` is what sorts and what is downloaded, where it differs from the text."""

    text: str
    value: str | None = None
    turned: bool = False  # holds letters that are written from right to left


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table on a page: its ``names`` in the data (two for an interval), heading and cells."""

    names: tuple[str, ...]
    label: str
    unit: str
    kind: str  # "n" number, "l" long text, "" else
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as a page shows it; ``total`` are its rows in all, where that is known."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: int
    total: int | None
    order: str

    @property
    def lines(self) -> Iterator[tuple[tuple[str, Cell], ...]]:
        """The cells row by row, each with the kind of its column."""
        return zip(*([(column.kind, cell) for cell in column.cells] for column in self.columns), strict=True)


def shown(data: pa.Table | Rows, show: Show, total: int | None = None) -> Shown:
    """What a page shows of ``data``: the columns and the first rows that ``show`` asks for, in its order."""
    rows = top(data, show)
    total = data.num_rows if isinstance(data, pa.Table) else total
    labels = {**show.labels}
    order = ""
    if show.sort and show.sort in data.schema.names:
        order = f"{_label(show.sort, labels)}, {'largest' if show.descending else 'smallest'} first"
    return Shown(show.table, show.title, show.caption, columns(rows, show), rows.num_rows, total, order)


def top(data: pa.Table | Rows, show: Show) -> pa.Table:
    """The first rows in the order of ``show.sort`` (equal ones in the order they come, nulls last).

    A stream is read once and only the rows that may be shown are kept; without an order it is read no further
    than need be.
    """
    most = max(0, min(show.rows, MOST))
    names = [name for name in (show.columns or tuple(data.schema.names)) if name in data.schema.names]
    sort = show.sort if show.sort in data.schema.names else ""
    wanted = list(dict.fromkeys([*names, *([sort] if sort else [])]))
    batches = data.batches() if isinstance(data, Rows) else iter(data.to_batches())
    kept = pa.schema([data.schema.field(name) for name in wanted]).empty_table()
    for batch in batches:
        if not sort and kept.num_rows >= most:
            break
        more = pa.Table.from_batches([batch]).select(wanted).cast(kept.schema)
        kept = _first(pa.concat_tables([kept, more]), sort, show.descending, most)
    return kept.select(names)


def _first(table: pa.Table, sort: str, descending: bool, most: int) -> pa.Table:
    """The first rows of a table; those that came first stay first among equals."""
    if not sort:
        return table.slice(0, most)
    column = table.column(sort)
    plain = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    if pa.types.is_floating(plain.type):
        plain = pc.if_else(pc.is_nan(plain), None, plain)
    order = pc.array_sort_indices(plain, order="descending" if descending else "ascending")
    return table.take(order[:most]).combine_chunks()


def columns(rows: pa.Table, show: Show) -> tuple[Column, ...]:
    """The columns of a page; the two ends of an interval become one column."""
    found = []
    pairs = _pairs(rows.column_names)
    skipped = set(pairs.values())
    for name in rows.column_names:
        if name in pairs:
            found.append(_interval(rows, name, pairs[name], show))
        elif name not in skipped:
            found.append(_column(rows, name, show))
    return tuple(found)


def _pairs(names: Sequence[str]) -> dict[str, str]:
    """Names of lower ends with those of their upper ends."""
    found = {}
    for name in names:
        for low, high in _INTERVAL.items():
            other = name.removesuffix(low) + high
            if (name == low or name.endswith(f"_{low}")) and other in names:
                found[name] = other
    return found


def _interval(rows: pa.Table, low: str, high: str, show: Show) -> Column:
    a, b = numeric(rows.column(low)), numeric(rows.column(high))
    places = _places(np.concatenate([a, b]), low)
    cells = tuple(_span(x, y, places) for x, y in zip(a.tolist(), b.tolist(), strict=True))
    what = _label(low.rpartition("_")[0], show.labels) if "_" in low else ""
    label = show.labels.get(low) or f"{what} interval".strip()
    return Column((low, high), label, show.units.get(low, ""), "n", cells)


def _span(low: float, high: float, places: int | None) -> Cell:
    if not math.isfinite(low + high):
        return Cell(MISSING, "\t")
    text = [number(end) if places is None else fixed(end, places) for end in (low, high)]
    return Cell(f"{text[0]} to {text[1]}", f"{low:.9g}\t{high:.9g}")


def _column(rows: pa.Table, name: str, show: Show) -> Column:
    column = rows.column(name)
    kind, cells = _cells(name, column)
    unit = "UTC" if pa.types.is_timestamp(column.type) else "°" if name.lower() in _ANGLES else ""
    return Column((name,), _label(name, show.labels), show.units.get(name, unit), kind, tuple(cells))


def _label(name: str, labels: Any) -> str:
    return clean(labels.get(name) or name.replace("_", " ")).strip()


def _cells(name: str, column: pa.ChunkedArray) -> tuple[str, list[Cell]]:
    """Kind of a column and its cells."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "n", _numbers(name, numeric(column))
    if pa.types.is_integer(kind):
        named = name.lower() in _NAMES or _NAMED.search(name.lower())
        return "n", [_whole(value, bool(named)) for value in column.to_pylist()]
    if pa.types.is_timestamp(kind):
        return "", [_moment(value) for value in column.to_pylist()]
    texts = [_text(value) for value in column.to_pylist()]
    return "l" if max((len(cell.text) for cell in texts), default=0) > 40 else "", texts


def _numbers(name: str, values: Floats) -> list[Cell]:
    places = _places(values, name)
    return [_number(value, places) for value in values.tolist()]


def _places(values: Floats, name: str) -> int | None:
    """Digits after the point for a whole column: three significant of a usual value; None for each its own."""
    if name.lower() in _ANGLES:
        return _ANGLES[name.lower()]
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if len(sizes) == 0:
        return 0
    usual, smallest, largest = float(np.median(sizes)), float(sizes.min()), float(sizes.max())
    if largest >= 1e9 or usual < 1e-4 or largest / smallest > 1e5:
        return None
    return 0 if (values[np.isfinite(values)] % 1 == 0).all() else min(6, decimals(usual))


def _number(value: float, places: int | None) -> Cell:
    if math.isnan(value):
        return Cell(MISSING, "")
    text, exact = number(value) if places is None else fixed(value, places), f"{value:.9g}"
    return Cell(text, None if text == exact else exact)


def _whole(value: int | None, named: bool) -> Cell:
    if value is None:
        return Cell(MISSING, "")
    text = str(value) if named else number(value)
    return Cell(text, None if text == str(value) else str(value))


def _moment(value: datetime | None) -> Cell:
    if value is None:
        return Cell(MISSING, "")
    there = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return Cell(word(value).removesuffix(" UTC"), there.isoformat(timespec="seconds").replace("+00:00", "Z"))


def _text(value: Any) -> Cell:
    if value is None:
        return Cell(MISSING, "")
    text = clean(word(value))
    cut = text if len(text) <= LONGEST else text[:LONGEST].rstrip() + "…"
    return Cell(cut, None if cut == text else text, bool(_RIGHT_TO_LEFT.search(cut)))
