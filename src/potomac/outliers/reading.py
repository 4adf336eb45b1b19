"""Rows of a table -> positions in memory, or a sample of them where the table is larger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.outliers.detectors import timestamps
from potomac.outliers.draws import smallest
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.tracks import repeats
from potomac.stats.streams import Stream
from potomac.tables import Table

__all__ = ["Read", "aside_of", "names_of", "read", "schema_of", "stream_positions", "thinned"]

Ints = npt.NDArray[np.int64]

PLACE = ("row", "latitude", "longitude", "speed", "heading", "time", "entity")


@dataclass(frozen=True)
class Read:
    """What was read of a table.

    Attributes:
        positions: all usable rows, or a sample of them, in the order of ``row``.
        rows: how many usable rows the table has, those that are set aside left out.
        whole: whether ``positions`` are all of them.
        aside: rows that the study sets aside: row, entity, time, reason.
    """

    positions: Positions
    rows: int
    whole: bool
    aside: pa.Table


def read(
    table: Table,
    covariates: Sequence[str],
    stream: Stream,
    progress: Progress,
    *,
    most: int,
    sample: int,
    categories: Sequence[str] = (),
    drop_repeats: bool = False,
) -> Read:
    """Read a table once.

    Args:
        table: with latitude and longitude, and as far as there are speed, heading, time, entity.
        covariates: names of columns that are covariates.
        stream: names the draws of the sample, keyed by row.
        progress: told how many rows are read.
        most: rows up to which all are kept in memory.
        sample: rows that are kept of a larger table.
        categories: covariates that are categorical although they are numbers.
        drop_repeats: whether rows that repeat the place of the entity's row before are set aside; of a larger table
            they are still there (see ``along``).
    """
    names = names_of(table, covariates)
    kept: list[pa.RecordBatch] = []
    rows = held = 0
    limit = most
    for batch in table.batches(names):
        kept.append(batch)
        rows, held = rows + batch.num_rows, held + batch.num_rows
        progress("reading rows", rows)
        if rows > most:
            limit = sample
        if held > max(limit, most if rows <= most else 4 * sample):
            kept = thinned(kept, stream, sample)
            held = sum(batch.num_rows for batch in kept)
    if rows > most:
        kept = thinned(kept, stream, sample)
    arrow = pa.Table.from_batches(kept, schema_of(table, names))
    positions = positions_of(arrow, categories=categories)
    if drop_repeats and rows <= most:
        positions, aside = _without_repeats(positions)
        return Read(positions, len(positions), True, aside)
    return Read(positions, rows, rows <= most, aside_of(positions.take(np.empty(0, np.int64))))


def names_of(table: Table, covariates: Sequence[str]) -> list[str]:
    """The columns that are read, as far as the table has them."""
    return [name for name in (*PLACE, *covariates) if name in table.schema.names]


def schema_of(table: Table, names: Sequence[str]) -> pa.Schema:
    """The types of columns of a table."""
    return pa.schema([table.schema.field(name) for name in names]).remove_metadata()


def thinned(batches: list[pa.RecordBatch], stream: Stream, most: int) -> list[pa.RecordBatch]:
    """The rows with the smallest draws, whatever batches they came in."""
    whole = pa.Table.from_batches(batches)
    chosen = smallest(whole["row"].to_numpy().astype(np.int64), stream.child("sample"), most)
    return whole.take(pa.array(chosen)).combine_chunks().to_batches()  # type: ignore[no-any-return]


def _without_repeats(positions: Positions) -> tuple[Positions, pa.Table]:
    p = positions
    again = repeats(p.entity, p.time, p.latitude, p.longitude)
    return p.take(~again), aside_of(p.take(again))


def aside_of(positions: Positions) -> pa.Table:
    """The table ``set_aside`` of repeats."""
    p = positions
    reason = pa.array(["repeats the place of the record before"] * len(p), pa.string())
    return pa.table({"row": p.row, "entity": p.names(), "time": timestamps(p.time), "reason": reason})


def stream_positions(
    table: Table,
    covariates: Sequence[str],
    levels: Mapping[str, Sequence[str]],
    *,
    categories: Sequence[str] = (),
    size: int = 262_144,
) -> Iterator[Positions]:
    """The usable rows of a table in batches, coded by the levels of the fitted rows."""
    for batch in table.batches(names_of(table, covariates), size):
        if batch.num_rows:
            yield positions_of(pa.Table.from_batches([batch]), categories=categories, levels=levels)
