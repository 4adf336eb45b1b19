"""The next item: a linear model from what somebody had, in its order, to what they had next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import Fault, NoAnswer, StudyError
from potomac.recommend.matrix.bounds import hold
from potomac.recommend.matrix.gram import inverted, multiplied
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.popular import ages
from potomac.recommend.regression.linear import Linear
from potomac.recommend.regression.succession import succession

__all__ = ["NextItem"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

EXACT = 4096
"""Items up to which the equations are solved in double precision."""


class NextItem(Linear):
    """What comes next: weights from each item that was had before to each that came after it.

    EASE asks which items go together; this asks which follow. Over all entries t of everybody, with z_t what the
    person had before, an item of k entries ago counting ``0.5 ** (k / recency)``, and y_t what they had then, weights
    B and what is popular anyway, b, minimise

        sum_t w_t |y_t - b - z_t B|^2 + lambda |B|^2,

    a ridge regression: ``B = (Z'Z + lambda I)^-1 Z'Y`` with Z and Y centred. (Steck's regression of items on items,
    WWW 2019, with the history alone for regressors, as in a vector autoregression.) So a series is offered in its
    order, and what is new or in season to those who had what came just before.

    Args:
        regularization: lambda, more than 0; in interactions of an item. More where there are more users.
        recency: after how many later entries of a person one counts half, in fitting and in scores; more than 0.
        half_life: days after which an entry counts half in fitting (w); None: all alike.
        max_items: so many items at most have weights, those that most users had to do with; the others are never
            offered. Memory is 8 bytes for each pair of them, and time grows with their number cubed.

    Attributes:
        weights_: B, row by the item that was had, shape (c, c).
        base_: b, shape (n,).
        columns_: numbers of the items that have weights, shape (c,).
        note: what was left out, "" where nothing was.
    """

    name: ClassVar[str] = "next_item"
    _state: ClassVar[tuple[str, ...]] = ("weights_", "base_", "columns_")

    base_: Floats
    recency: float

    def __init__(
        self, regularization: float = 300.0, *, recency: float = 8.0, half_life: float | None = None,
        max_items: int = 10_000,
    ) -> None:  # fmt: skip
        self.regularization = regularization
        self.recency = recency
        self.half_life = half_life
        self.max_items = max_items

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        """Values of the parameters that are worth trying, the best guess first."""
        guess = 300.0 * max(interactions.n_users / 1000, 0.1) ** (1 / 3)  # as EASE's grows
        span = float(ages(interactions.times).max(initial=0)) if interactions.times is not None else 0.0
        return {
            "regularization": [round(guess * step, 1) for step in (1.0, 2.5, 0.4, 0.15, 6.0)],
            "recency": [8.0, 16.0, 4.0, 2.0, 32.0],
            "half_life": [None, *([round(span / 4, 3), round(span / 16, 3)] if span > 1 else [])],
        }

    # ---------------------------------------------------------------------------------- fitting

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        if interactions.times is None:
            found, mend = "what comes next, but interactions without times", "Name the column of times, or take EASE"
            raise StudyError(Fault("recommend.parameter", found, "expected times", mend, key="method"))
        self._begin(interactions)
        known = self._with_weights(interactions)
        w = np.ones(known.nnz)
        if self.half_life is not None and known.times is not None:
            w = 0.5 ** (ages(known.times) / self.half_life)
            w *= known.nnz / w.sum()  # so that lambda means the same
        progress("training", 0, 3)
        sums = succession(known, self.recency, w)
        progress("training", 1, 3)
        a, c = sums.gram, sums.after
        if len(a) <= EXACT:
            a, c = a.astype(np.float64), c.astype(np.float64)
        share, following = sums.before / sums.weight, sums.following
        a -= np.outer(share, sums.before).astype(a.dtype)
        c -= np.outer(share, following).astype(c.dtype)
        np.einsum("ii->i", a)[:] += self.regularization
        try:
            inverted(a, lambda done, of: progress("training", 1 + done / of, 3))
        except np.linalg.LinAlgError:
            found = f"a regularization of {self.regularization:g} leaves the items' equations without a solution"
            raise NoAnswer(Fault("recommend.singular", found, "", "Take a larger one", key="regularization")) from None
        progress("training", 2, 3)
        multiplied(a, c)
        np.negative(c, out=c)
        base = (following - sums.before @ c) / sums.weight
        np.einsum("ii->i", c)[:] = 0
        self.weights_ = c.astype(np.float32, copy=False)
        self.base_ = np.zeros(interactions.n_items, np.float32)
        self.base_[self.columns_] = base
        progress("training", 3, 3)

    def _check(self) -> None:
        hold(
            self,
            regularization=(self.regularization > 0, "more than 0"),
            recency=(self.recency > 0, "more than 0 entries"),
            half_life=(self.half_life is None or self.half_life > 0, "more than 0 days"),
            max_items=(self.max_items >= 1, "1 or more"),
        )

    def _with_weights(self, interactions: Interactions) -> Interactions:
        """The entries of the items that have weights, numbered as these are."""
        known = interactions.keep(self._place[interactions.indices] >= 0)
        items = interactions.items.take(pa.array(self.columns_))
        return replace(known, indices=self._place[known.indices], items=items)

    # ---------------------------------------------------------------------------------- answers

    def _scores(self, histories: Histories) -> Floats:
        return np.asarray(super()._scores(histories) + self.base_)

    def _scores_at(self, histories: Histories, items: Ints) -> Floats:
        return np.asarray(super()._scores_at(histories, items) + self.base_[items])

    def _column(self, item: int) -> Floats:
        return np.asarray(super()._column(item) + self.base_[item])
