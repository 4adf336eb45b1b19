"""Tables that are larger than memory: a model of a sample keyed by row, and all rows scored in streams.

The first pass scores every row and keeps four bytes a part and row; the second one gives out the rows with their
ranks. Neither depends on the size of the batches. What needs all records of an entity at once (tracks) or all records
around a place at once (meetings) is left out, and the result says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Result, Rows
from potomac.outliers import told
from potomac.outliers.detectors import score_table
from potomac.outliers.entities import benjamini_hochberg, sidak
from potomac.outliers.evidence import explain
from potomac.outliers.explained import explain_cells
from potomac.outliers.live import kept
from potomac.outliers.model import LocalModel, log_odds_of
from potomac.outliers.positions import Positions, concatenate
from potomac.outliers.reading import Read, stream_positions
from potomac.outliers.summary import Settings, cells_of, check, histogram, panels, points
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream
from potomac.tables import Table

__all__ = ["stream_answer"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


_AT_ONCE = 1 << 20


class _Entities:
    """Sums by entity, as rows come."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.records = np.zeros(0, np.int64)
        self.lowest = np.zeros(0, np.float32)
        self.row = np.zeros(0, np.int64)
        self.at = np.zeros(0, np.int64)

    def add(self, start: int, p: Positions, log_odds: Singles) -> None:
        """Count the rows of a batch, the first of which is the ``start``-th of all."""
        place = np.array([self.codes.setdefault(name, len(self.codes)) for name in p.entities] + [-1], np.int64)
        more = len(self.codes) - len(self.records)
        self.records = np.append(self.records, np.zeros(more, np.int64))
        self.lowest = np.append(self.lowest, np.full(more, np.inf, np.float32))
        self.row, self.at = np.append(self.row, np.full(more, -1)), np.append(self.at, np.full(more, -1))
        code = place[p.entity]
        order = np.lexsort((p.row, log_odds, code))
        order = order[code[order] >= 0]
        first = order[np.flatnonzero(np.diff(code[order], prepend=-1))]
        self.records += np.bincount(code[order], minlength=len(self.records))
        better = log_odds[first] < self.lowest[code[first]]
        first = first[better]
        self.lowest[code[first]], self.row[code[first]] = log_odds[first], p.row[first]
        self.at[code[first]] = start + first

    def table(self, ordered: Singles, log_odds: Singles) -> pa.Table:
        """One row an entity; every record counts as one that tells something new, so p-values are on the safe side."""
        names = np.array(list(self.codes), object)
        rank = np.searchsorted(ordered, self.lowest, side="left") + 1 + self._before(log_odds)
        share = np.searchsorted(ordered, self.lowest, side="right") / max(len(ordered), 1)
        p = np.clip(sidak(share, self.records), 0.0, 1.0) if len(names) else np.empty(0)
        best = np.lexsort((self.row, rank, p))
        columns: dict[str, Any] = {
            "entity": pa.array(names[best], pa.string()), "records": self.records[best],
            "effective_records": self.records[best].astype(float), "strangest_rank": rank[best],
            "strangest_row": self.row[best], "p_value": p[best],
            "q_value": benjamini_hochberg(p)[best] if len(p) else p,
            "evidence": -self.lowest[best].astype(float),
        }  # fmt: skip
        return pa.table(columns)

    def _before(self, log_odds: Singles) -> Ints:
        """How many rows before the strangest of each entity have the same log odds."""
        values = np.unique(self.lowest)
        if not len(values):
            return np.zeros(0, np.int64)
        found = []
        for first in range(0, len(log_odds), _AT_ONCE):
            part = log_odds[first : first + _AT_ONCE]
            at = np.minimum(np.searchsorted(values, part), len(values) - 1)
            found.append(first + np.flatnonzero(values[at] == part))
        same = np.concatenate(found)
        order = np.argsort(log_odds[same], kind="stable")
        values = log_odds[same][order]
        place = np.empty(len(same), np.int64)
        place[order] = np.arange(len(same)) - np.searchsorted(values, values, side="left")
        return place[np.searchsorted(same, self.at)]


def stream_answer(
    table: Table, got: Read, model: LocalModel, settings: Settings, stream: Stream, progress: Progress
) -> Result:
    """The result of a table that is larger than memory; see ``answer``."""
    first = _FirstPass(table, got, model, settings)
    first.run(progress)
    ordered = np.sort(first.log_odds)
    sample, best = got.positions, first.best
    both = concatenate([sample, best])
    order = np.arange(len(sample), len(both))
    tracks = Tracks.build(both)
    progress("explaining the strangest", 0)
    if model.method == "logistic":
        top = explain_cells(model, both, order, first.best_odds.astype(float))
    else:
        top = explain(model, both, order, {k: v.astype(float) for k, v in first.best_parts.items()}, tracks)
    found = check(model, sample, Tracks.build(sample), ordered, settings, stream)
    tables: dict[str, Any] = {
        "scores": first.scores(ordered),
        "top": top,
        "entities": first.people.table(ordered, first.log_odds),
        "cells": cells_of(model, first.rows_in, first.total_in(), first.odd_in(ordered), None),
    }
    if found is not None:
        tables["detection"], tables["planted"] = found.detection, found.planted
    pictured = {
        "points": points(sample, stream),
        "panels": panels(both, top, order),
        "histogram": histogram(first.log_odds, None if found is None else found.log_odds),
        **kept(model, ordered),
    }
    aside = "repeats were not set aside, " if settings.drop_repeats else ""
    note = (
        f"The table has {got.rows:,} records, more than are held in memory: models were fitted on a sample of "
        f"{len(sample):,}, and {aside}tracks and meetings were not looked at. Pictures show the sample."
    )
    return told.result(settings, model, tables, pictured, got.rows, len(first.people.codes), (note,))


class _FirstPass:
    """Scores all rows once, and keeps what the second pass and the summary need."""

    def __init__(self, table: Table, got: Read, model: LocalModel, settings: Settings) -> None:
        self.table, self.model, self.settings, self.rows = table, model, settings, got.rows
        self.people = _Entities()
        self.log_odds = np.empty(got.rows, np.float32)
        self.parts: dict[str, Singles] = {}
        cells = len(model.grid)
        self.rows_in = np.zeros(cells, np.int64)
        self.cell_of = np.empty(got.rows, np.int32)
        self.best = got.positions.take(np.empty(0, np.int64))
        self.best_odds: Singles = np.empty(0, np.float32)
        self.best_parts: dict[str, Singles] = {}

    def positions(self) -> Iterator[tuple[slice, Positions]]:
        """The rows in batches, with their places among all."""
        s, start = self.settings, 0
        for p in stream_positions(self.table, s.covariates, self.model.levels, categories=s.categories):
            yield slice(start, start + len(p)), p
            start += len(p)

    def run(self, progress: Progress) -> None:
        """Score."""
        for place, p in self.positions():
            evidence = {k: v.astype(np.float32) for k, v in self.model.evidence(p, fitted=True).items()}
            for part, odds in evidence.items():
                self.parts.setdefault(part, np.empty(self.rows, np.float32))[place] = odds
            odds = _log_odds(evidence)
            self.log_odds[place] = odds
            cell = self.model.cell(p)
            self.cell_of[place] = cell
            self.rows_in += np.bincount(cell[cell >= 0], minlength=len(self.rows_in))
            self.people.add(place.start, p, odds)
            self._keep(p, odds, evidence)
            progress("scoring rows", place.stop, self.rows)

    def _keep(self, p: Positions, odds: Singles, evidence: Mapping[str, Singles]) -> None:
        """Keep the strangest rows seen so far; ties in the order of the rows."""
        chosen = np.argsort(odds, kind="stable")[: self.settings.top]
        merged = concatenate([self.best, p.take(chosen)])
        both = np.append(self.best_odds, odds[chosen])
        order = np.argsort(both, kind="stable")[: self.settings.top]
        parts = {k: np.append(self.best_parts.get(k, np.empty(0, np.float32)), v[chosen]) for k, v in evidence.items()}
        self.best, self.best_odds = merged.take(order), both[order]
        self.best_parts = {k: v[order] for k, v in parts.items()}

    def total_in(self) -> Floats:
        """Sum of the log odds in each cell, row after row, so that batches change no digit."""
        total = np.zeros(len(self.rows_in))
        for first in range(0, self.rows, _AT_ONCE):
            cell, odds = self.cell_of[first : first + _AT_ONCE], self.log_odds[first : first + _AT_ONCE]
            total += np.bincount(cell[cell >= 0], weights=odds[cell >= 0], minlength=len(total))
        return total

    def odd_in(self, ordered: Singles) -> Ints:
        """How many of the strangest hundredth lie in each cell."""
        limit = np.quantile(ordered, 0.01)
        odd = self.cell_of[(self.log_odds <= limit) & (self.cell_of >= 0)]
        return np.bincount(odd, minlength=len(self.rows_in))

    def scores(self, ordered: Singles) -> Rows:
        """The table ``scores`` as a stream."""
        ranks = _Ranks(ordered)
        empty = self._table(self.best.take(np.empty(0, np.int64)), slice(0, 0), np.empty(0, np.int64))

        def batches() -> Iterator[pa.RecordBatch]:
            ranks.restart()
            for place, p in self.positions():
                rank = ranks.of(self.log_odds[place])
                yield from self._table(p, place, rank).cast(empty.schema).to_batches()

        return Rows(empty.schema, batches)

    def _table(self, p: Positions, place: slice, rank: Ints) -> pa.Table:
        evidence = {part: odds[place].astype(float) for part, odds in self.parts.items()}
        ranked = self.log_odds[place].astype(float), rank  # both of one number, so that they agree to the last digit
        return score_table(self.model, p, evidence, self.settings.prevalence, ranked)


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
