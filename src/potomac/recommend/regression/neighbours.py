"""Item-KNN: items that the same people had to do with, and the nearest neighbours of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.recommend.matrix.bounds import hold
from potomac.recommend.matrix.gram import times_matrix, times_vector
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.matrix.sparse import transposed
from potomac.recommend.popular import ages
from potomac.recommend.recommender import Recommender
from potomac.recommend.regression.likeness import METRICS, Likeness, likeness, nearest
from potomac.stats.compiled import compiled

__all__ = ["ItemKNN"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]


class ItemKNN(Recommender):
    """Item-based nearest neighbours: what is like what somebody had.

    The score of an item is the sum over what the person had of value times likeness, where each of those speaks for
    its ``k`` nearest neighbours only (Deshpande and Karypis 2004). With ``c_ji`` the sum over users of their values of
    both items, and ``n`` the sum of an item's values, the likeness of i to j is

    - ``cosine``: ``c_ji / (sqrt(c_jj c_ii) + shrinkage)``
    - ``tfidf``: the same, users weighted by how few items they had
    - ``bm25``: the product of both items' BM25 weights (Robertson and Zaragoza 2009), with users for terms: popular
      items and busy users count less
    - ``jaccard``: ``c_ji / (n_j + n_i - c_ji + shrinkage)``
    - ``conditional``: ``c_ji / (n_j n_i^item_power + shrinkage)``
    - ``rp3beta``: a walk of three steps from user to item, ``sum_u n_u^-user_power / (n_j^user_power n_i^item_power)``
      (Paudel and others 2017)

    Args:
        metric: one of these words.
        k: neighbours of an item that are kept, at least 1.
        shrinkage: holds down what rests on few users, at least 0; of cosine, tfidf, jaccard and conditional.
        user_power: a user of n items counts ``n ** -user_power``; alpha of rp3beta, default there 1, else 0.
        item_power: how much the popularity of what is offered counts against it; beta of rp3beta, and of conditional.
        k1: saturation of values, of bm25.
        b: how much the popularity of an item counts against it, 0 to 1, of bm25.
        half_life: days after which an interaction counts half in fitting; None: all alike. Needs times.
        recency: after how many later entries of a person one counts half in their scores; None: all alike. Needs
            times.

    Attributes:
        indptr_: where the neighbours of each item begin and end, shape (n + 1,).
        neighbours_: their numbers, the most alike first.
        likeness_: how alike they are.
    """

    name: ClassVar[str] = "item_knn"
    _state: ClassVar[tuple[str, ...]] = ("indptr_", "neighbours_", "likeness_")

    indptr_: Ints
    neighbours_: Columns
    likeness_: Floats

    def __init__(
        self, metric: Likeness = "bm25", k: int = 100, *, shrinkage: float = 0.0, user_power: float | None = None,
        item_power: float = 0.5, k1: float = 1.2, b: float = 0.75, half_life: float | None = None,
        recency: float | None = None,
    ) -> None:  # fmt: skip
        self.metric = metric
        self.k = k
        self.shrinkage = shrinkage
        self.user_power = user_power
        self.item_power = item_power
        self.k1 = k1
        self.b = b
        self.half_life = half_life
        self.recency = recency

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        """Values of the parameters that are worth trying, the best guess first."""
        return {
            "metric": ["bm25", "cosine", "rp3beta", "jaccard", "conditional"],
            "recency": [None] if interactions.times is None else [None, 25.0, 12.0, 6.0, 3.0, 50.0, 100.0],
            "k": [100, 30, 300],
            "user_power": [None, 0.5],
            "shrinkage": [0.0, 10.0],
        }

    # ---------------------------------------------------------------------------------- fitting

    def _check(self) -> None:
        hold(
            self,
            metric=(self.metric in METRICS, f"one of {', '.join(METRICS)}"),
            k=(self.k >= 1, "1 or more"),
            shrinkage=(self.shrinkage >= 0, "0 or more"),
            k1=(self.k1 > 0, "more than 0"),
            b=(0 <= self.b <= 1, "0 to 1"),
            half_life=(self.half_life is None or self.half_life > 0, "more than 0 days"),
            recency=(self.recency is None or self.recency > 0, "more than 0 entries"),
        )

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        for name in ("_recent", "_by_target"):  # of what was fitted before
            self.__dict__.pop(name, None)
        values = interactions.values
        if self.half_life is not None and interactions.times is not None:
            values = (values * 0.5 ** (ages(interactions.times) / self.half_life)).astype(np.float32)
        user_power = self.user_power if self.user_power is not None else float(self.metric == "rp3beta")
        rule = likeness(
            self.metric, interactions, values, shrinkage=self.shrinkage, user_power=user_power,
            item_power=self.item_power, k1=self.k1, b=self.b,
        )  # fmt: skip
        self.indptr_, self.neighbours_, self.likeness_ = nearest(interactions, rule, self.k, progress)

    # ---------------------------------------------------------------------------------- answers

    @cached_property
    def _recent(self) -> Floats:
        """Values of all that was fitted, the older ones less."""
        return self.interactions_.recent(self.recency)

    @cached_property
    def _by_target(self) -> tuple[Ints, Columns, Floats]:
        """Whose neighbour each item is, and how alike they are."""
        return transposed(self.indptr_, self.neighbours_, self.likeness_, self.interactions_.n_items)

    def _scores(self, histories: Histories) -> Floats:
        recent = histories.recent(self.recency)
        out = np.zeros((len(histories), self.interactions_.n_items), np.float32)
        _add_up(recent.indptr, recent.indices, recent.values, self.indptr_, self.neighbours_, self.likeness_, out)
        out[:, self.interactions_.of_items == 0] = -np.inf
        return out

    def _scores_at(self, histories: Histories, items: Ints) -> Floats:
        recent = histories.recent(self.recency)
        towards = np.stack([self._towards(int(item)) for item in items], axis=1)
        found = times_matrix(recent.indptr, recent.indices, recent.values, towards)
        found[:, self.interactions_.of_items[items] == 0] = -np.inf
        return found

    def _alike(self, rows: Ints) -> Floats:
        out = np.full((len(rows), self.interactions_.n_items), -np.inf, np.float32)
        for place, row in enumerate(rows.tolist()):
            span = slice(self.indptr_[row], self.indptr_[row + 1])
            out[place, self.neighbours_[span]] = self.likeness_[span]
        return out

    def _parts(self, history: Histories, item: int) -> Floats:
        recent = history.recent(self.recency)
        return recent.values * self._towards(item)[recent.indices]

    def _column(self, item: int) -> Floats:
        known = self.interactions_
        if not known.of_items[item]:
            return np.full(known.n_users, -np.inf, np.float32)
        return times_vector(known.indptr, known.indices, self._recent, self._towards(item))

    def _towards(self, item: int) -> Floats:
        """How much each item speaks for this one, shape (n,)."""
        indptr, sources, alike = self._by_target
        span = slice(indptr[item], indptr[item + 1])
        out = np.zeros(self.interactions_.n_items, np.float32)
        out[sources[span]] = alike[span]
        return out


@compiled(nogil=True)
def _add_up(
    indptr: Ints, indices: Columns, values: Floats, starts: Ints, neighbours: Columns, alike: Floats, out: Floats
) -> None:
    for row in range(len(indptr) - 1):
        for e in range(indptr[row], indptr[row + 1]):
            for at in range(starts[indices[e]], starts[indices[e] + 1]):
                out[row, neighbours[at]] += values[e] * alike[at]
