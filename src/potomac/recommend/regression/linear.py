"""Linear models from what somebody had to what they would like: how they answer, whatever they are fitted by."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.gram import times_matrix, times_vector
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.recommender import Recommender

__all__ = ["Linear"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


DIGIT = np.float32(2.0**-24)
"""What is less than this share of a number is beyond its last digit in single precision."""


class Linear(Recommender):
    """Base of methods whose scores are what somebody had, the older the less, times weights between items.

    Attributes:
        weights_: row by the item that was had, shape (c, c), zeros on the diagonal.
        columns_: numbers of the items that have weights, shape (c,).
        note: what was left out, "" where nothing was.
    """

    weights_: Floats
    columns_: Ints
    recency: float | None
    max_items: int

    @property
    def note(self) -> str:
        """What was left out, "" where nothing was."""
        known, kept = int((self._fitted().of_items > 0).sum()), len(self.columns_)
        if kept == known:
            return ""
        return f"only the {kept:,} most frequent of {known:,} items have weights; the others are never offered"

    # ---------------------------------------------------------------------------------- fitting

    def _begin(self, interactions: Interactions) -> None:
        """Which items shall have weights; what was fitted before is forgotten."""
        counts = interactions.of_items
        kept = np.argsort(-counts, kind="stable")[: self.max_items]
        self.columns_ = np.sort(kept[counts[kept] > 0])
        for name in ("_place", "_recent"):
            self.__dict__.pop(name, None)

    # ---------------------------------------------------------------------------------- answers

    @cached_property
    def _place(self) -> npt.NDArray[np.int32]:
        """The place of each item among those with weights, -1 where it has none."""
        place = np.full(self.interactions_.n_items, -1, np.int32)
        place[self.columns_] = np.arange(len(self.columns_), dtype=np.int32)
        return place

    @cached_property
    def _recent(self) -> Floats:
        """Values of all that was fitted, the older ones less."""
        return self.interactions_.recent(self.recency)

    def _scores(self, histories: Histories) -> Floats:
        recent = histories.recent(self.recency)
        places = self._place[recent.indices]
        if recent is not histories:  # of a long history most entries are too old to change a digit
            places = np.where(np.abs(recent.values) < DIGIT * np.abs(histories.values), np.int32(-1), places)
        return self._spread(times_matrix(recent.indptr, places, recent.values, self.weights_))

    def _scores_at(self, histories: Histories, items: Ints) -> Floats:
        recent, at = histories.recent(self.recency), self._place[items]
        weights = np.ascontiguousarray(self.weights_[:, at])
        found = times_matrix(recent.indptr, self._place[recent.indices], recent.values, weights)
        found[:, at < 0] = -np.inf
        return found

    def _spread(self, found: Floats) -> Floats:
        """Scores of the items with weights as scores of all."""
        if len(self.columns_) == len(self._place):
            return found
        out = np.full((len(found), len(self._place)), -np.inf, np.float32)
        out[:, self.columns_] = found
        return out

    def _alike(self, rows: Ints) -> Floats:
        """Partial correlation of items, all others held: ``-P_ij / sqrt(P_ii P_jj)``, from weights either way."""
        at = self._place[rows]
        ahead, back = self.weights_[at], self.weights_[:, at].T
        found = np.sign(ahead) * np.sqrt(np.abs(ahead * back))
        found[at < 0] = -np.inf
        return self._spread(found)

    def _parts(self, history: Histories, item: int) -> Floats:
        recent, at, to = history.recent(self.recency), self._place[history.indices], self._place[item]
        if to < 0:
            return np.zeros(len(at), np.float32)
        return np.where(at >= 0, recent.values * self.weights_[at, to], np.float32(0))

    def _column(self, item: int) -> Floats:
        known, at = self.interactions_, self._place[item]
        if at < 0:
            return np.full(known.n_users, -np.inf, np.float32)
        weights = np.zeros(known.n_items, np.float32)
        weights[self.columns_] = self.weights_[:, at]
        return times_vector(known.indptr, known.indices, self._recent, weights)
