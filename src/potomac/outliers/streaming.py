"""Tables that are larger than memory: a model of a sample keyed by row, and all rows scored in streams.

The first pass scores every row, along its track where the table says whose its records are and when, and keeps eight
bytes a row in memory and its evidence on disk; the second one gives out the rows in their order with their ranks.
Neither depends on the size of the batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Result, Rows
from potomac.outliers import told
from potomac.outliers.along import MEETING_ROWS, Along, Part, has_tracks
from potomac.outliers.celled import CellDesign
from potomac.outliers.contrast import Design
from potomac.outliers.density import Density
from potomac.outliers.detectors import score_table
from potomac.outliers.entities import EntitySums, summed
from potomac.outliers.evidence import explain
from potomac.outliers.explained import explain_cells
from potomac.outliers.live import kept
from potomac.outliers.model import LocalModel, fit_local_model, log_odds_of
from potomac.outliers.positions import Positions, concatenate
from potomac.outliers.reading import Read, aside_of, stream_positions
from potomac.outliers.summary import Settings, cells_of, check, entities_in, histogram, panels
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream
from potomac.tables import Ordered, Table

__all__ = ["stream_answer"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


_AT_ONCE = 1 << 20


def stream_answer(
    table: Table,
    got: Read,
    settings: Settings,
    design: Callable[[int], Design | CellDesign],
    stream: Stream,
    progress: Progress,
) -> Result:
    """The result of a table that is larger than memory; see ``answer``.

    Args:
        table: the rows.
        got: a sample of them.
        settings: what is asked for.
        design: of the models, from the number of rows.
        stream: names all draws.
        progress: told what is done.
    """
    along = Along(table, got, settings, stream, progress) if has_tracks(table) else None
    sample = got.positions if along is None else along.sample
    rows = got.rows if along is None else along.rows
    tracks = Tracks.build(sample) if along is None else along.tracks
    plan = design(rows)
    if along is None and isinstance(plan, Design):
        plan = replace(plan, tracks=False)
    model = fit_local_model(sample, plan, stream, sample=settings.sample, progress=progress, tracks=tracks)
    first = _FirstPass(table, got.rows, along, model, settings, progress, sample.take(np.empty(0, np.int64)))
    ordered = first.ordered()
    both = concatenate([sample, first.best])
    order = np.arange(len(sample), len(both))
    beside = Tracks.build(both) if first.tracks is None else Tracks.joined([tracks, first.tracks])
    progress("explaining the strangest", 0)
    if model.method == "logistic":
        top = explain_cells(model, both, order, first.best_odds.astype(float))
    else:
        top = explain(model, both, order, {k: v.astype(float) for k, v in first.best_parts.items()}, beside)
    found = check(model, sample, tracks, ordered, settings, stream)
    people = [] if along is None else along.entities(first.log_odds, ordered, progress)
    tables: dict[str, Any] = {
        "scores": first.scores(ordered),
        "top": top,
        "entities": summed(people, first.rank_of(people, ordered)),
        "cells": cells_of(model, first.rows_in, first.total_in(), first.odd_in(ordered), first.entities_in),
    }
    if along is not None and along.meetings is not None:
        tables["meetings"] = along.meetings.find()
    if along is not None and settings.drop_repeats:
        tables["set_aside"] = first.set_aside()
    if found is not None:
        tables["detection"], tables["planted"] = found.detection, found.planted
    pictured = {
        "density": first.density.table(),
        "panels": panels(both, top, order),
        "histogram": histogram(ordered, None if found is None else found.log_odds),
        **kept(model, ordered),
    }
    notes = (_note(got.rows, len(sample), along, settings),)
    return told.result(
        settings, model, tables, pictured, rows, tables["entities"].num_rows, notes, aside=got.rows - rows
    )  # fmt: skip


def _note(rows: int, sample: int, along: Along | None, settings: Settings) -> str:
    """What was done otherwise than in memory."""
    told_first = (
        f"The table has {rows:,} records, more than are held in memory: models were fitted on a sample of {sample:,}"
    )
    left = []
    if along is None and settings.drop_repeats:
        left.append("repeats were not set aside, for the table does not say whose its records are")
    if along is None and settings.method == "contrast":
        left.append("there are no tracks and meetings, for the table does not say whose its records are")
    if along is not None and along.meetings is None:
        left.append(f"meetings were not looked for, with more than {MEETING_ROWS:,} slow records or stays")
    shown = "The small maps of surroundings show the sample, the large one all records."
    return f"{'; '.join([told_first, *left])}. {shown}"


class _FirstPass:
    """Scores all rows once, and keeps what the second pass and the summary need.

    What is kept of a row in memory is its log odds and its cell; the parts of its evidence lie on disk.
    """

    def __init__(
        self,
        table: Table,
        rows: int,
        along: Along | None,
        model: LocalModel,
        settings: Settings,
        progress: Progress,
        nobody: Positions,
    ) -> None:
        self.table, self.along, self.model, self.settings, self.rows = table, along, model, settings, rows
        self.density = Density()
        self.log_odds = np.full(rows, np.nan, np.float32)
        self.cell_of = np.full(rows, -1, np.int32)
        self.rows_in = np.zeros(len(model.grid), np.int64)
        self.entities_in = np.zeros(len(model.grid), np.int64)
        self.best = nobody
        self.best_odds: Singles = np.empty(0, np.float32)
        self.best_parts: dict[str, Singles] = {}
        self.tracks: Tracks | None = None
        scored = self._scored(progress)
        first = next(scored)
        self.evidence = Ordered(chain([first], scored), first.schema, () if along is None else ("at",))

    def positions(self) -> Iterator[tuple[slice, Positions]]:
        """The rows in batches, with their places among all."""
        s, start = self.settings, 0
        for p in stream_positions(self.table, s.covariates, self.model.levels, categories=s.categories):
            yield slice(start, start + len(p)), p
            start += len(p)

    def _scored(self, progress: Progress) -> Iterator[pa.RecordBatch]:
        """Score; the evidence of all rows, in the order in which they are scored."""
        for part, tracks in self._parts(progress):
            found = self.model.evidence(part.positions, fitted=True, tracks=tracks)
            if self.along is not None and "place" in found:
                found["meeting"] = self.along.evidence_of_meetings(part, found["place"])
            evidence = {k: v.astype(np.float32) for k, v in found.items()}
            self._note(part, evidence, tracks)
            yield pa.RecordBatch.from_pydict({"at": part.at, **evidence})

    def _parts(self, progress: Progress) -> Iterator[tuple[Part, Tracks | None]]:
        if self.along is not None:
            yield from self.along.parts(self.model.levels, progress)
            return
        for place, p in self.positions():
            at = np.arange(place.start, place.stop)
            yield Part(at, p.entity, p), None
            progress("scoring rows", place.stop, self.rows)

    def _note(self, part: Part, evidence: Mapping[str, Singles], tracks: Tracks | None) -> None:
        p, odds = part.positions, _log_odds(evidence)
        self.log_odds[part.at] = odds
        self.density.add(p.latitude, p.longitude)
        cell = self.model.cell(p)
        self.cell_of[part.at] = cell
        self.rows_in += np.bincount(cell[cell >= 0], minlength=len(self.rows_in))
        self.entities_in += entities_in(cell, part.who, len(self.entities_in))
        self._keep(p, odds, evidence, tracks)

    def _keep(self, p: Positions, odds: Singles, evidence: Mapping[str, Singles], tracks: Tracks | None) -> None:
        """Keep the strangest rows seen so far; ties in the order of the rows."""
        chosen = np.lexsort((p.row, odds))[: self.settings.top]
        merged = concatenate([self.best, p.take(chosen)])
        both = np.append(self.best_odds, odds[chosen])
        order = np.lexsort((merged.row, both))[: self.settings.top]
        parts = {k: np.append(self.best_parts.get(k, np.empty(0, np.float32)), v[chosen]) for k, v in evidence.items()}
        self.best, self.best_odds = merged.take(order), both[order]
        self.best_parts = {k: v[order] for k, v in parts.items()}
        if tracks is not None:
            some = tracks.around(chosen)
            self.tracks = (some if self.tracks is None else Tracks.joined([self.tracks, some])).around(order)

    def ordered(self) -> Singles:
        """The log odds of all rows that were scored, ascending."""
        found = np.sort(self.log_odds)  # NaN, of those that were set aside, come last
        return found[: len(found) - np.count_nonzero(np.isnan(self.log_odds))]

    def total_in(self) -> Floats:
        """Sum of the log odds in each cell, row after row, so that batches change no digit."""
        total = np.zeros(len(self.rows_in))
        for first in range(0, self.rows, _AT_ONCE):
            cell, odds = self.cell_of[first : first + _AT_ONCE], self.log_odds[first : first + _AT_ONCE]
            total += np.bincount(cell[cell >= 0], weights=odds[cell >= 0], minlength=len(total))
        return total

    def odd_in(self, ordered: Singles) -> Ints:
        """How many of the strangest hundredth lie in each cell."""
        limit = ordered[int(0.01 * (len(ordered) - 1))]
        odd = self.cell_of[(self.log_odds <= limit) & (self.cell_of >= 0)]
        return np.bincount(odd, minlength=len(self.rows_in))

    def rank_of(self, people: Sequence[EntitySums], ordered: Singles) -> Ints:
        """Rank of the strangest record of each entity; ties in the order of the rows."""
        at = np.concatenate([part.first for part in people] or [np.empty(0, np.int64)])
        odds = self.log_odds[at]
        rank: Ints = np.searchsorted(ordered, odds, side="left") + 1 + self._before(at, np.unique(odds))
        return rank

    def _before(self, at: Ints, values: Singles) -> Ints:
        """How many rows before each of ``at`` have the same log odds, which are among ``values``."""
        if not len(at):
            return np.zeros(0, np.int64)
        found = []
        for first in range(0, self.rows, _AT_ONCE):
            part = self.log_odds[first : first + _AT_ONCE]
            place = np.minimum(np.searchsorted(values, part), len(values) - 1)
            found.append(first + np.flatnonzero(values[place] == part))
        same = np.concatenate(found)
        order = np.argsort(self.log_odds[same], kind="stable")
        alike = self.log_odds[same][order]
        turn = np.empty(len(same), np.int64)
        turn[order] = np.arange(len(same)) - np.searchsorted(alike, alike, side="left")
        return turn[np.searchsorted(same, at)]

    def scores(self, ordered: Singles) -> Rows:
        """The table ``scores`` as a stream."""
        ranks = _Ranks(ordered)
        nobody = {name: np.empty(0, np.float32) for name in self.evidence.schema.names[1:]}
        schema = self._table(self.best.take(np.empty(0, np.int64)), nobody, np.empty(0, np.float32), ranks).schema

        def batches() -> Iterator[pa.RecordBatch]:
            ranks.restart()
            evidence = _Cursor(self.evidence.batches(self.evidence.schema.names[1:]))
            for place, p in self.positions():
                odds = self.log_odds[place]
                scored = ~np.isnan(odds)
                found = evidence.take(int(np.count_nonzero(scored)))
                yield from self._table(p.take(scored), found, odds[scored], ranks).cast(schema).to_batches()

        return Rows(schema, batches)

    def set_aside(self) -> Rows:
        """The table ``set_aside`` as a stream."""

        def batches() -> Iterator[pa.RecordBatch]:
            for place, p in self.positions():
                yield from aside_of(p.take(np.isnan(self.log_odds[place]))).to_batches()

        return Rows(aside_of(self.best.take(np.empty(0, np.int64))).schema, batches)

    def _table(self, p: Positions, evidence: Mapping[str, Singles], odds: Singles, ranks: _Ranks) -> pa.Table:
        ranked = odds.astype(float), ranks.of(odds)  # both of one number, so that they agree to the last digit
        parts = {part: values.astype(float) for part, values in evidence.items()}
        return score_table(self.model, p, parts, self.settings.prevalence, ranked)


class _Cursor:
    """Columns of a stream of batches, as many rows at a time as are asked for."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._rest: pa.Table | None = None

    def take(self, rows: int) -> dict[str, Singles]:
        """The next rows."""
        parts = [] if self._rest is None else [self._rest]
        while sum(part.num_rows for part in parts) < rows or not parts:
            parts.append(pa.Table.from_batches([next(self._batches)]))
        whole = pa.concat_tables(parts)
        self._rest = whole.slice(rows)
        return {name: whole[name].slice(0, rows).to_numpy() for name in whole.column_names}


class _Ranks:
    """Ranks of scores that come in the order of the rows; ties in that order."""

    def __init__(self, ordered: Singles) -> None:
        self.ordered = ordered
        self.given = np.zeros(len(ordered), np.int32)

    def restart(self) -> None:
        """Begin with the first row again."""
        self.given[:] = 0

    def of(self, log_odds: Singles) -> Ints:
        """The ranks of the next rows."""
        first = np.searchsorted(self.ordered, log_odds, side="left")
        order = np.argsort(first, kind="stable")
        runs = np.flatnonzero(np.diff(first[order], prepend=-1))
        turn = np.arange(len(order)) - np.repeat(runs, np.diff(np.append(runs, len(order))))
        rank = np.empty(len(order), np.int64)
        rank[order] = first[order] + self.given[first[order]] + turn + 1
        self.given[first[order[runs]]] += np.diff(np.append(runs, len(order))).astype(np.int32)
        return rank


def _log_odds(parts: Mapping[str, Singles]) -> Singles:
    return log_odds_of({part: odds.astype(float) for part, odds in parts.items()}).astype(np.float32)
