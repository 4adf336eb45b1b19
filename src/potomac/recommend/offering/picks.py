"""Editor's picks: what a person who knows the catalogue would offer, blended into the list of any model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing, shown
from potomac.recommend.explanation import Explanation
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.parameters import fresh
from potomac.recommend.popular import Popular
from potomac.recommend.recommender import Recommender
from potomac.recommend.topn import best
from potomac.stats.compiled import compiled

__all__ = ["Picks"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

PICK = "an editor's pick"


class Picks(Recommender):
    """The list of a model with an editor's picks in it, in the editor's order.

    A pick that somebody has had to do with already makes room for the next one. A pick has the score of the item that
    it goes ahead of. Picks that have no place are ordinary items, where the model puts them.

    Args:
        picks: ids or titles of items, in the order in which they shall be offered.
        model: whose list they are blended into; None for popularity.
        places: ranks, from 1, at which a pick stands; None: they follow from ``share``.
        share: the share of a list that are picks as long as there are some, more than 0 and at most 1, spread evenly
            and beginning with the first place; 1 puts all of them first.

    Attributes:
        picks_: numbers of the picks, shape (p,).
        model_: the fitted model.
    """

    name: ClassVar[str] = "picks"
    _state: ClassVar[tuple[str, ...]] = ("picks_", "model_")

    def __init__(
        self,
        picks: Sequence[int | str] = (),
        model: Recommender | None = None,
        places: Sequence[int] | None = None,
        share: float = 1.0,
    ) -> None:
        self.picks = picks
        self.model = model
        self.places = places
        self.share = share

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        self.picks_ = picked(self.picks, items)
        self.model_ = fresh(Popular() if self.model is None else self.model)
        self.model_.fit(interactions, items, progress=progress)

    def _check(self) -> None:
        if not 0 < self.share <= 1:
            found = f"a share of {self.share:g}"
            raise StudyError(Fault("recommend.parameter", found, "expected more than 0 and at most 1", key="share"))
        if self.places is not None and any(place < 1 for place in self.places):
            found = f"the places {listing(self.places)}"
            raise StudyError(Fault("recommend.parameter", found, "expected ranks from 1 on", key="places"))

    def _ranks(self) -> Ints:
        """The rank at which the first, the second ... pick stands, ascending."""
        if self.places is not None:
            return np.unique(np.asarray(self.places, np.int64))[: len(self.picks_)]
        return np.floor(np.arange(len(self.picks_)) / self.share + 1e-9).astype(np.int64) + 1

    # ---------------------------------------------------------------------------------- answers

    def _scores(self, histories: Histories) -> Floats:
        scores = np.array(self.model_.scores(histories))
        ranks = self._ranks()
        if len(ranks):
            numbers, values = self._blend(scores, histories, int(ranks[-1]), seen=False, allowed=None)
            _put(scores, numbers, values, self.picks_)
        return scores

    def best(self, histories: Histories, n: int, *, seen: bool = False, allowed: Any = None) -> tuple[Columns, Floats]:
        """See :meth:`Recommender.best`."""
        self._positive(n)
        mask = self.mask(allowed)
        return self._blend(self.model_.scores(histories), histories, n, seen=seen, allowed=mask)

    def _blend(
        self, scores: Floats, histories: Histories, n: int, *, seen: bool, allowed: Mask | None
    ) -> tuple[Columns, Floats]:
        """The first ``n`` places of each list."""
        placed, rows = self._placed(histories, seen=seen, allowed=allowed)
        indptr, indices = (np.zeros(rows + 1, np.int64), np.zeros(0, np.int32)) if seen else _had(histories)
        without = _joined(indptr, indices, placed)
        numbers, values = best(scores, n, without=without, allowed=allowed)
        return _woven(numbers, values, placed, self._ranks())

    def _placed(self, histories: Histories, *, seen: bool, allowed: Mask | None) -> tuple[Columns, int]:
        """The picks that have a place in each list, in order, shape (k, r); -1: there are no more."""
        rows = len(histories)
        may = np.ones((rows, len(self.picks_)), np.bool_)
        if allowed is not None:
            may &= np.atleast_2d(allowed)[:, self.picks_]
        if not seen:
            place = np.full(self.interactions_.n_items, -1, np.int64)
            place[self.picks_] = np.arange(len(self.picks_))
            person = np.repeat(np.arange(rows), histories.lengths)
            there = place[histories.indices]
            may[person[there >= 0], there[there >= 0]] = False
        order = np.argsort(~may, axis=1, kind="stable")  # those that may be offered first, in the editor's order
        found = np.where(np.take_along_axis(may, order, 1), self.picks_[order], -1)
        return found[:, : len(self._ranks())].astype(np.int32), rows

    def _alike(self, rows: Ints) -> Floats:
        return self.model_._alike(rows)

    def _parts(self, history: Histories, item: int) -> Floats:
        if self._is_placed(history, item):
            return np.zeros(len(history.indices), np.float32)
        return self.model_._parts(history, item)

    def _column(self, item: int) -> Floats:
        self.model_._column(item)  # where the model has no answer, neither has this one
        return super()._column(item)

    def reasons(self, history: Histories, items: npt.ArrayLike) -> list[str]:
        """See :meth:`Recommender.reasons`."""
        numbers = np.asarray(items, np.int64)
        placed, _ = self._placed(history, seen=False, allowed=None)
        own = np.isin(numbers, placed[0])
        said = iter(self.model_.reasons(history, numbers[~own]))
        return [PICK if pick else next(said) for pick in own.tolist()]

    def explained(self, history: Histories, item: int, user: object = None) -> Explanation:
        """See :meth:`Recommender.explained`."""
        if not self._is_placed(history, item):
            return self.model_.explained(history, item, user)
        score = float(self.scores(history)[0, item])
        nothing = pa.table(
            {"item": self.items_.ids[:0], "title": self.items_.titles[:0], "contribution": pa.array([], pa.float64())}
        )
        ident, title = self.items_.ids[item].as_py(), self.items_.titles[item].as_py()
        return Explanation(user, ident, title, score, nothing, score, self._sentence(nothing))

    def _sentence(self, because: pa.Table) -> str:
        return PICK

    def _is_placed(self, history: Histories, item: int) -> bool:
        placed, _ = self._placed(history, seen=False, allowed=None)
        return bool((placed[0] == item).any())


def picked(picks: Sequence[int | str], items: Items) -> Ints:
    """Numbers of items that are named by id or title, each once, in that order.

    Raises:
        DataError: some are not in the catalogue, or a title is that of several items; every one of them is named.
    """
    rows = items.rows(picks)
    titles: dict[str, list[int]] = {}
    if (rows < 0).any():
        for number, title in enumerate(items.titles.to_pylist()):
            titles.setdefault(title.casefold(), []).append(number)
    faults, found = [], []
    for pick, row in zip(picks, rows.tolist(), strict=True):
        named = [row] if row >= 0 else titles.get(str(pick).casefold(), [])
        if len(named) == 1:
            found.append(named[0])
        else:
            faults.append(_no_pick(pick, named, items, titles))
    if faults:
        raise DataError(faults)
    return np.array(list(dict.fromkeys(found)), np.int64)


def _no_pick(pick: object, named: list[int], items: Items, titles: dict[str, list[int]]) -> Fault:
    if named:
        ids = listing((items.ids[one].as_py() for one in named), 3)
        found, mend = f'the pick "{shown(pick)}" is the title of {len(named)} items', f"Name it by its id: {ids}"
        return Fault("recommend.pick", found, "expected one item", mend, key="editors_picks")
    found, mend = f'the pick "{shown(pick)}" is not in the catalogue', did_you_mean(str(pick).casefold(), list(titles))
    return Fault("recommend.pick", found, "expected ids or titles of items", mend, key="editors_picks")


def _had(histories: Histories) -> tuple[Ints, Columns]:
    return histories.indptr, histories.indices


def _joined(indptr: Ints, indices: Columns, more: Columns) -> tuple[Ints, Columns]:
    """Compressed rows, and those of ``more``, shape (k, r), behind each; -1 is nothing."""
    rows = len(indptr) - 1
    person = np.concatenate((np.repeat(np.arange(rows), np.diff(indptr)), np.nonzero(more >= 0)[0]))
    order = np.argsort(person, kind="stable")
    joined = np.concatenate((indices, more[more >= 0]))[order]
    return np.concatenate(([0], np.cumsum(np.bincount(person, minlength=rows)))), joined.astype(np.int32)


@compiled(nogil=True)
def _woven(numbers: Columns, values: Floats, placed: Columns, ranks: Ints) -> tuple[Columns, Floats]:
    """Lists of shape (k, n) with the picks, shape (k, r), at their ranks.

    A pick takes the score of the next of the list; at its end that of the last before it, or 0 where there is none.
    """
    found, score = np.full(numbers.shape, -1, np.int32), np.full(values.shape, -np.inf, np.float32)
    for k in range(len(numbers)):
        own, pick = 0, 0
        for place in range(numbers.shape[1]):
            more = own < numbers.shape[1] and numbers[k, own] >= 0
            waits = pick < len(ranks) and placed[k, pick] >= 0
            if waits and (ranks[pick] <= place + 1 or not more):
                found[k, place] = placed[k, pick]
                score[k, place] = values[k, own] if more else score[k, place - 1] if place else 0.0
                pick += 1
            elif more:
                found[k, place], score[k, place] = numbers[k, own], values[k, own]
                own += 1
    return found, score


@compiled(nogil=True)
def _put(scores: Floats, numbers: Columns, values: Floats, picks: Ints) -> None:
    """Give the picks that have a place in a list their score there, in place."""
    for k in range(len(numbers)):
        for place in range(numbers.shape[1]):
            if numbers[k, place] >= 0 and (picks == numbers[k, place]).any():
                scores[k, numbers[k, place]] = values[k, place]
