"""A table that is larger than memory in the order of entity and time: tracks and meetings of all of its rows.

Rows are sorted on disk and come back in parts that hold whole entities, so that every row is compared with the
neighbours that it has in the table, as in memory. The first pass sets repeats aside and gathers what meetings need, the
second keeps the neighbours of the sample that models are fitted on, the third is for scoring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.outliers.entities import EntitySums, entity_sums
from potomac.outliers.meetings import MeetingsOfMany
from potomac.outliers.model import BUSY, SURPRISE
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.reading import PLACE, Read, names_of, schema_of, thinned
from potomac.outliers.summary import Settings
from potomac.outliers.tracks import Tracks, floor_of, gaps, repeats
from potomac.stats.streams import Stream
from potomac.tables import Ordered, Table

__all__ = ["Along", "Part", "has_tracks"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Odds = npt.NDArray[np.float32]

ROWS = 400_000
"""Least rows of a part."""

MEETING_ROWS = 5_000_000
"""Most slow records, and stays of an entity in a cell, that meetings are looked for among."""


def has_tracks(table: Table) -> bool:
    """Whether a table says whose its rows are."""
    return "entity" in table.schema.names


@dataclass(frozen=True)
class Part:
    """All rows of some entities.

    Attributes:
        at: number of each row among the usable rows of the table, shape (n,).
        who: identity of each row among all parts: the code of its entity, or a negative number of its own, shape (n,).
        positions: the rows, those that are set aside left out.
    """

    at: Ints
    who: Ints
    positions: Positions

    def take(self, index: npt.ArrayLike) -> Part:
        """The rows at ``index`` (integers or a mask)."""
        chosen = np.asarray(index)
        return Part(self.at[chosen], self.who[chosen], self.positions.take(chosen))


class Along:
    """The rows of a table along their tracks; see above.

    Attributes:
        sample: the rows that models are fitted on, by ``row``.
        tracks: asked by ``sample``, beside all records of the table.
        repeated: which of the usable rows of the table are set aside, shape (n,).
        meetings: None where too many were slow to keep them all.
    """

    def __init__(self, table: Table, got: Read, settings: Settings, stream: Stream, progress: Progress) -> None:
        self._table, self._settings, self._rows = table, settings, got.rows
        self._names = names_of(table, settings.covariates)
        self._ordered = self._sorted(progress)
        self.repeated = np.zeros(got.rows, np.bool_)
        many = MeetingsOfMany(most=MEETING_ROWS)
        counts = gaps(np.empty(0, np.int64), np.empty(0))
        chosen = _Sample(settings.sample, stream)
        for arrow, whole in self._parts("looking for repeats and meetings", progress, None):
            part = whole
            if settings.drop_repeats:
                again = self._repeats(part)
                self.repeated[part.at[again]] = True
                chosen.add(arrow.filter(pa.array(~again)))
                part = part.take(~again)
            counts += _gaps(part.positions)
            many.add(part.positions, part.who)
        self._floor_s = floor_of(counts)
        self.meetings = many.meetings()
        self.sample = chosen.positions(settings.categories) if settings.drop_repeats else got.positions
        self.tracks = self._beside(progress)

    @property
    def rows(self) -> int:
        """How many rows are scored."""
        return int(self._rows - np.count_nonzero(self.repeated))

    def parts(self, levels: Mapping[str, Sequence[str]], progress: Progress) -> Iterator[tuple[Part, Tracks]]:
        """All rows that are scored, and their tracks.

        Args:
            levels: of the categorical covariates, as models know them.
            progress: told how many rows have come.
        """
        for _, part in self._parts("scoring rows", progress, levels):
            yield self._kept(part)

    def entities(self, log_odds: Odds, ordered: Odds, progress: Progress) -> list[EntitySums]:
        """What is summed over the records of entities, part by part.

        Args:
            log_odds: of all usable rows of the table, NaN where they are set aside, shape (n,).
            ordered: those of the rows that were scored, ascending.
            progress: told how many rows have come.

        Returns:
            ``first`` is numbered among the usable rows of the table.
        """
        found = []
        for _, whole in self._parts("summing up entities", progress, None):
            part = whole.take(~self.repeated[whole.at])
            p, odds = part.positions, log_odds[part.at]
            share = np.searchsorted(ordered, odds, side="right") / len(ordered)
            sums = entity_sums(p.entity, p.entities, -odds.astype(float), p.time, p.row, share, len(ordered))
            found.append(replace(sums, first=part.at[sums.first]))
        return found

    def evidence_of_meetings(self, part: Part, place: Floats) -> Floats:
        """Log odds of being real from meetings, as ``LocalModel.evidence`` gives them, shape (n,)."""
        out = np.zeros(len(place))
        p = part.positions
        if self.meetings is not None:
            some = np.flatnonzero((p.speed <= self.meetings.slow_kn) & (place < BUSY))
            found = self.meetings.features_of(part.who[some], p.take(some))
            out[some] = -SURPRISE * np.nan_to_num(found[:, self.meetings.names.index("meeting")])
        return out

    def _sorted(self, progress: Progress) -> Ordered:
        schema = schema_of(self._table, self._names)
        numbered = pa.schema([pa.field("at", pa.int64()), *schema])
        by = ("entity", "time", "row") if "time" in self._names else ("entity", "row")

        def batches() -> Iterator[pa.RecordBatch]:
            start = 0
            for batch in self._table.batches(self._names):
                progress("sorting by entity and time", start, self._rows)
                at = pa.array(np.arange(start, start + batch.num_rows))
                yield pa.RecordBatch.from_arrays([at, *batch.columns], schema=numbered)
                start += batch.num_rows

        return Ordered(batches(), numbered, by)

    def _parts(
        self, doing: str, progress: Progress, levels: Mapping[str, Sequence[str]] | None
    ) -> Iterator[tuple[pa.Table, Part]]:
        """The rows as read, and as a part; this one with covariates where their levels are given."""
        s, done, codes = self._settings, 0, 0
        wanted = self._names if levels is not None else [name for name in self._names if name in PLACE]
        for arrow in self._ordered.groups("entity", ROWS):
            progress(doing, done, self._rows)
            p = positions_of(arrow.select(wanted), categories=s.categories, levels=levels)
            at = arrow["at"].to_numpy()
            who = np.where(p.entity >= 0, p.entity + codes, -2 - at)
            yield arrow.drop_columns(["at"]), Part(at, who, p)
            done, codes = done + len(p), codes + len(p.entities)

    def _repeats(self, part: Part) -> npt.NDArray[np.bool_]:
        p = part.positions
        return repeats(p.entity, p.time, p.latitude, p.longitude)

    def _kept(self, part: Part) -> tuple[Part, Tracks]:
        kept = part.take(~self.repeated[part.at])
        return kept, Tracks.build(kept.positions, floor_s=self._floor_s)

    def _beside(self, progress: Progress) -> Tracks:
        """The tracks of the sample."""
        found, rows = [], []
        for _, part in self._parts("looking along the tracks", progress, None):
            if np.isin(part.positions.row, self.sample.row).any():
                kept, tracks = self._kept(part)
                index = np.flatnonzero(np.isin(kept.positions.row, self.sample.row))
                found.append(tracks.around(index))
                rows.append(kept.positions.row[index])
        return Tracks.joined(found).take(np.argsort(np.concatenate(rows)))


class _Sample:
    """The rows with the smallest draws of those that have come."""

    def __init__(self, most: int, stream: Stream) -> None:
        self.most, self.stream = most, stream
        self.kept: list[pa.RecordBatch] = []

    def add(self, rows: pa.Table) -> None:
        self.kept += rows.to_batches()
        if sum(batch.num_rows for batch in self.kept) > 4 * self.most:
            self.kept = thinned(self.kept, self.stream, self.most)

    def positions(self, categories: Sequence[str]) -> Positions:
        arrow = pa.Table.from_batches(thinned(self.kept, self.stream, self.most))
        return positions_of(arrow.sort_by("row"), categories=categories)


def _gaps(p: Positions) -> Ints:
    known = (p.entity >= 0) & ~np.isnan(p.time)
    return gaps(p.entity[known], p.time[known])
