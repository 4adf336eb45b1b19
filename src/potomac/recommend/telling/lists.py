"""Lists for many people: what each is offered and why, a block of people at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Rows
from potomac.errors import listing
from potomac.recommend.matrix.ids import array_of
from potomac.recommend.matrix.interactions import Histories
from potomac.recommend.offering.arranging import Tiers, arranged
from potomac.recommend.offering.rerank import likeness_of
from potomac.recommend.offering.rules import Resolved
from potomac.recommend.recommender import BLOCK, Recommender
from potomac.recommend.telling.question import Ordering
from potomac.recommend.telling.reading import Read
from potomac.recommend.topn import best

__all__ = ["MANY", "Lists"]

Floats = npt.NDArray[np.float32]
Columns = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CANDIDATES = 100
"""Of which a list is put together anew."""
MANY = 1_000_000
"""Rows up to which lists are one table in memory; more are streamed."""


@dataclass(frozen=True, eq=False)
class Lists:
    """Who is offered what.

    Attributes:
        model: fitted.
        read: all interactions and the catalogue, in the item numbers of the model.
        ordering: how long lists are, and how they are put together.
        rules: of the house, in item numbers.
        users: ids of the people; None for everybody.
        reasons: whether each row says why.
    """

    model: Recommender
    read: Read
    ordering: Ordering
    rules: Resolved
    users: pa.Array | None
    reasons: bool

    @property
    def ids(self) -> pa.Array:
        """Ids of those who get a list."""
        return self.read.every.users if self.users is None else self.users

    def table(self, progress: Progress) -> pa.Table | Rows:
        """Columns user, item, title, rank, score and reason; a stream where there are many."""
        most = len(self.ids) * min(self.ordering.n, self.read.every.n_items)
        if most > MANY:
            return Rows(self.schema, lambda: self._batches(progress))
        return pa.Table.from_batches(list(self._batches(progress)), self.schema)

    @property
    def schema(self) -> pa.Schema:
        """Of the table."""
        user, item = self.ids.type, self.read.every.items.type
        return pa.schema(
            [("user", user), ("item", item), ("title", pa.string()), ("rank", pa.int64()), ("score", pa.float64()),
             ("reason", pa.string())]
        )  # fmt: skip

    def _batches(self, progress: Progress) -> Iterator[pa.RecordBatch]:
        rows = self.read.every.user_rows(self.ids)
        step = max(1, BLOCK // max(1, self.read.every.n_items))
        for first in range(0, len(rows), step):
            progress("making lists", first, len(rows))
            part = rows[first : first + step]
            numbers, scores = self.best(part)
            yield self._batch(self.ids.slice(first, len(part)), part, numbers, scores)
        progress("making lists", len(rows), len(rows))

    def best(self, rows: Ints) -> tuple[Columns, Floats]:
        """Numbers and scores of what the people at ``rows`` are offered, shape (k, n); -1: no more."""
        n, histories, may = self.ordering.n, self._histories(rows), self._may(rows)
        if self._as_scored:
            return self.model.best(histories, n, seen=True, allowed=may)
        many = max(self.rules.needed(n), CANDIDATES if self.ordering.arranged else 0)
        if self.rules.lift.any():
            numbers, scores = best(self.rules.boosted(self.model.scores(histories)), many, allowed=may)
        else:
            numbers, scores = self.model.best(histories, many, seen=True, allowed=may)
        had = (histories.part(k, k + 1).indices for k in range(len(histories)))
        made = [self._built(*one) for one in zip(numbers, scores, may, had, strict=True)]
        return _filled([one[0] for one in made], n, -1), _filled([one[1] for one in made], n, -np.inf)

    @property
    def _as_scored(self) -> bool:
        """Whether lists are simply the best by score."""
        rules, ordering = self.rules, self.ordering
        return not (ordering.arranged or rules.caps or len(rules.pins) or rules.lift.any())

    def _may(self, rows: Ints) -> Mask:
        """What each person may be offered, shape (k, n): what somebody did not like is not offered again either."""
        may = np.repeat(self.rules.allowed[None, :], len(rows), axis=0)
        if not self.ordering.seen:
            seen = self.read.every.histories(rows)
            may[np.repeat(np.arange(len(rows)), seen.lengths), seen.indices] = False
        return may

    def _built(self, numbers: Columns, scores: Floats, may: Mask, had: Columns) -> tuple[Columns, Floats]:
        """One list, as it is wished and as the rules have it."""
        n, wish = self.ordering.n, self.ordering
        numbers, scores = arranged(
            numbers, scores, self.rules.needed(n), counts=self.read.likes.of_items,
            likeness=lambda items: likeness_of(self.model, items), novelty=wish.novelty, diversity=wish.diversity,
            calibration=wish.calibration, mix=self._tiers.mix(had) if wish.calibration else None,
        )  # fmt: skip
        return self.rules.built(numbers, scores, n, had=np.flatnonzero(~may))

    @cached_property
    def _tiers(self) -> Tiers:
        return Tiers.by(self.read.likes.of_items)

    def _histories(self, rows: Ints) -> Histories:
        """What is learnt from of each; the model has all people of the table, with and without likes."""
        return self.read.likes.histories(rows)

    def _batch(self, ids: pa.Array, rows: Ints, numbers: Columns, scores: Floats) -> pa.RecordBatch:
        there = numbers >= 0
        row, place = np.nonzero(there)
        items = pa.array(numbers[there].astype(np.int64))
        arrays = [
            ids.take(pa.array(row)),
            self.read.every.items.take(items),
            self.read.items.titles.take(items),
            pa.array(place + 1),
            pa.array(scores[there].astype(float)),
            self._reasons(rows[row], numbers[there]),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _reasons(self, rows: Ints, items: Columns) -> pa.Array:
        """Why each of ``items`` is offered to the person at the same place of ``rows``."""
        if not self.reasons:
            return pa.nulls(len(rows), pa.string())
        said: list[str] = []
        edges = [0, *(np.flatnonzero(np.diff(rows)) + 1).tolist(), len(rows)]
        for first, last in pairwise(edges):
            if first < last:
                said += self.model.reasons(self._histories(rows[[first]]), items[first:last])
        return pa.array(said, pa.string())

    def reason(self, history: Histories, item: int) -> str:
        """Why an item is offered to the one person of ``history``, from the parts of the model's own score."""
        return self.model.reasons(history, [item])[0]


def _filled(lists: list[npt.NDArray[Any]], n: int, nothing: float) -> npt.NDArray[Any]:
    """Lists of up to n as one array, shape (k, n)."""
    found = np.full((len(lists), n), nothing, lists[0].dtype if lists else np.float32)
    for row, one in enumerate(lists):
        found[row, : len(one)] = one
    return found


def asked(users: tuple[int | str, ...] | None, read: Read) -> tuple[pa.Array | None, tuple[str, ...]]:
    """The people who are asked for, by id, and a note where some are not known."""
    if users is None:
        return None, ()
    ids = array_of(list(users))
    unknown = np.flatnonzero(read.every.user_rows(ids) < 0)
    if not len(unknown):
        return ids, ()
    names = listing((ids[int(i)].as_py() for i in unknown), 5)
    return ids, (f"Nothing is known of {names}: they are served as somebody new.",)
