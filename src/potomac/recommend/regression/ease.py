"""EASE: a linear model from all items to each, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import Fault, NoAnswer
from potomac.recommend.matrix.bounds import hold
from potomac.recommend.matrix.gram import gram, inverted
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.popular import ages
from potomac.recommend.regression.linear import Linear

__all__ = ["EASE"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

EXACT = 4096
"""Items up to which the inverse is taken in double precision."""


class EASE(Linear):
    """Embarrassingly shallow autoencoder: what somebody had, times weights between items, is what they would like.

    The weights B minimise ``|X - X B|^2 + lambda |B|^2`` with zeros on the diagonal, so that an item does not speak
    for itself. With ``P = (X^T X + Lambda)^-1`` they are ``B_ji = -P_ji / P_ii`` (Steck, WWW 2019). Of the users'
    values some may be dropped at random in fitting; in expectation that is ``Lambda = lambda I + p / (1 - p)
    diag(X^T X)`` (Steck, NeurIPS 2020).

    Args:
        regularization: lambda, more than 0; in interactions of an item. More where there are more users.
        dropout: p, share of a user's values that are dropped; at least 0, less than 1.
        user_power: a user of n interactions counts ``n ** -user_power``: more than 0 holds down the busiest.
        item_power: values of an item of n interactions are divided by ``n ** item_power``: more than 0 holds down
            the most popular, in fitting and in what is offered.
        half_life: days after which an interaction counts half in fitting; None: all alike. Needs times.
        recency: after how many later entries of a person one counts half in their scores; None: all alike. Needs
            times.
        max_items: so many items at most have weights, those that most users had to do with; the others are never
            offered. Memory is 4 bytes for each pair of them, and time grows with their number cubed.

    Attributes:
        weights_: B, row by the item that was had, shape (c, c).
        precision_: diagonal of P, shape (c,).
        columns_: numbers of the items that have weights, shape (c,).
        note: what was left out, "" where nothing was.
    """

    name: ClassVar[str] = "ease"
    _state: ClassVar[tuple[str, ...]] = ("weights_", "precision_", "columns_")

    precision_: Floats

    def __init__(
        self, regularization: float = 200.0, *, dropout: float = 0.0, user_power: float = 0.0, item_power: float = 0.0,
        half_life: float | None = None, recency: float | None = None, max_items: int = 20_000,
    ) -> None:  # fmt: skip
        self.regularization = regularization
        self.dropout = dropout
        self.user_power = user_power
        self.item_power = item_power
        self.half_life = half_life
        self.recency = recency
        self.max_items = max_items

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        """Values of the parameters that are worth trying, the best guess first."""
        guess = 150.0 * max(interactions.n_users / 1000, 0.1) ** (1 / 3)  # 700 at 10^5 users; Steck has 200 to 1,000
        recency: list[float | None] = [None]
        if interactions.times is not None:
            recency = [None, 25.0, 12.0, 6.0, 3.0, 50.0, 100.0]
        return {
            "regularization": [round(guess * step, 1) for step in (1.0, 2.5, 0.4, 6.0, 0.15)],
            "recency": recency,
            "item_power": [0.0, 0.15, 0.3],
            "dropout": [0.0, 0.3],
        }

    # ---------------------------------------------------------------------------------- fitting

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        counts = interactions.of_items
        self._begin(interactions)
        a = self._gram(interactions)
        scale = self._item_scale(counts)
        a *= scale[:, None]
        a *= scale
        diagonal = np.einsum("ii->i", a)
        diagonal *= 1 + self.dropout / (1 - self.dropout)
        diagonal += self.regularization
        if len(a) <= EXACT:
            a = a.astype(np.float64)
        try:
            inverted(a, lambda done, of: progress("training", done, of))
        except np.linalg.LinAlgError:
            found = f"a regularization of {self.regularization:g} leaves the items' equations without a solution"
            raise NoAnswer(Fault("recommend.singular", found, "", "Take a larger one", key="regularization")) from None
        precision = -np.einsum("ii->i", a)
        a /= precision  # -P / (-P_ii) is -B where B is taken from the negative inverse: -P_ji / P_ii
        np.einsum("ii->i", a)[:] = 0
        a *= scale[:, None]
        self.weights_, self.precision_ = a.astype(np.float32, copy=False), precision.astype(np.float32)
        progress("training", 1, 1)

    def _check(self) -> None:
        hold(
            self,
            regularization=(self.regularization > 0, "more than 0"),
            dropout=(0 <= self.dropout < 1, "at least 0 and less than 1"),
            max_items=(self.max_items >= 1, "1 or more"),
            half_life=(self.half_life is None or self.half_life > 0, "more than 0 days"),
            recency=(self.recency is None or self.recency > 0, "more than 0 entries"),
        )

    def _gram(self, interactions: Interactions) -> Floats:
        """X^T W X of the items that have weights, lower triangle; its trace is that of X^T X."""
        known, numbers = interactions, interactions.indices
        if len(self.columns_) < known.n_items:
            known = known.keep(self._place[known.indices] >= 0)
            numbers = self._place[known.indices]
        values = known.values
        if self.half_life is not None and known.times is not None:
            values = (values * 0.5 ** (ages(known.times) / self.half_life)).astype(np.float32)
        weight = np.maximum(known.of_users, 1) ** -float(self.user_power)
        a = gram(known.indptr, numbers, values, weight.astype(np.float32), len(self.columns_))
        trace = float(np.einsum("ii->i", a).sum(dtype=float))
        full = float(np.einsum("i,i->", known.values, known.values, dtype=float))
        if trace > 0 and trace != full:
            a *= np.float32(full / trace)
        return a

    def _item_scale(self, counts: Ints) -> Floats:
        """What values of each item are multiplied by; it leaves the sum of their squares as it is."""
        had = counts[self.columns_].astype(float)
        scale = had**-self.item_power
        return np.asarray(scale * np.sqrt(had.sum() / (scale**2 * had).sum()), np.float32)
