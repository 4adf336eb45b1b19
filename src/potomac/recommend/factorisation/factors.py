"""Factors: what somebody would rate an item, from biases and a product of factors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import DataError, Fault
from potomac.recommend.factorisation.factorise import Side, drawn, solved
from potomac.recommend.matrix.bounds import hold
from potomac.recommend.matrix.gram import times_matrix
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.recommender import Recommender

__all__ = ["Factors"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST = 4
"""Iterations before it is asked whether they still pay: the first ones may stand on a ridge."""


class Factors(Recommender):
    """Ratings by matrix factorisation with biases: ``r = mu + b_u + b_i + p_u . q_i``.

    The model of Koren, Bell and Volinsky (2009), fitted by variational Bayes (Lim and Teh 2007): biases and factors
    keep their uncertainty, and how far they are held down is learned from the ratings, factor by factor, so that
    nothing has to be tuned. Users and items are solved in turn; somebody new is solved like everybody else.

    Scores are predicted ratings, not clipped. Offers by them are worse than those of methods that learn who has what
    (EASE, ALS): an item that few people rated, and rated well, comes first, though hardly anybody would take it. Use
    likes for offers, and this class where the rating itself is asked for.

    Args:
        factors: length of p_u and q_i, at least 1; factors that the ratings do not support fade out by themselves.
        iterations: of both sides at most, at least 1.
        tolerance: it ends when an iteration lowers the noise by a smaller share than this. What is gained later is
            mostly noise itself: posteriors of factors that know nothing of each other are too sure of themselves.
        seed: of the factors that the first iteration begins with.

    Attributes:
        mean_: mu, the mean of the ratings.
        scale_: the least and the greatest rating, shape (2,); predictions are clipped to them.
        noise_: variance of ratings about the model.
        prior_: variances of a user's bias and factors, shape (1 + factors,).
        item_mean_: bias and factors of each item, shape (n, 1 + factors).
        item_spread_: variance of the bias, and its covariance with 1 and the factors, shape (n, 2 + factors).
        item_moments_: lower triangle of the expected ``z z^T`` with ``z = (1, q_i)``, row by row.
    """

    name: ClassVar[str] = "factors"
    _state: ClassVar[tuple[str, ...]] = (
        "mean_", "scale_", "noise_", "prior_", "item_mean_", "item_spread_", "item_moments_",
    )  # fmt: skip

    mean_: float
    scale_: Doubles
    noise_: float
    prior_: Doubles
    item_mean_: Floats
    item_spread_: Floats
    item_moments_: Floats

    def __init__(
        self, factors: int = 10, *, iterations: int = 20, tolerance: float = 0.03, seed: int = 0
    ) -> None:  # fmt: skip
        self.factors = factors
        self.iterations = iterations
        self.tolerance = tolerance
        self.seed = seed

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        """Values of the parameters that are worth trying, the best guess first."""
        return {"factors": [10, 6, 20] if interactions.nnz < 1_000_000 else [20, 10, 40]}

    # ---------------------------------------------------------------------------------- fitting

    def _check(self) -> None:
        hold(
            self,
            factors=(self.factors >= 1, "1 or more"),
            iterations=(self.iterations >= 1, "1 or more"),
            tolerance=(0 <= self.tolerance < 1, "at least 0 and less than 1"),
        )

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        """Users and items in turn, and between them how much of what is seen is noise.

        Raises:
            DataError: there are no ratings, or all are equal.
        """
        _refuse(interactions)
        for name in ("_people", "_given", "_ahead"):  # of what was fitted before
            self.__dict__.pop(name, None)
        values, f = interactions.values, 1 + self.factors
        self.mean_ = float(values.mean(dtype=float))
        self.scale_ = np.array([values.min(), values.max()], float)
        target = (values - np.float32(self.mean_)).astype(np.float32)
        starts, people, given = interactions.by_item
        by_item = (given - np.float32(self.mean_)).astype(np.float32)
        noise = float(target.var(dtype=float))
        start = (noise / self.factors) ** 0.25  # as if p . q were all that ratings differ by
        users = drawn(interactions.n_users, f, start, self.seed)
        prior = item_prior = np.full(f, start**2)
        for done in range(self.iterations):
            progress("training", done, self.iterations)
            items_, item_prior, _ = solved(starts, people, by_item, users, item_prior, noise)
            self.prior_, self.noise_ = prior, noise
            users, prior, off = solved(interactions.indptr, interactions.indices, target, items_, prior, noise)
            noise = max(off / interactions.nnz, 1e-6 * self.noise_)
            if done >= LEAST and noise > (1 - self.tolerance) * self.noise_:
                break
        progress("training", self.iterations, self.iterations)
        self.item_mean_, self.item_spread_, self.item_moments_ = items_.mean, items_.spread, items_.moments

    # ---------------------------------------------------------------------------------- ratings

    def predict(self, users: Any, items: Any) -> Floats:
        """Predicted rating of each pair, within the scale of the ratings that were fitted.

        Args:
            users: ids, shape (k,); for those who are not known, the rating of somebody without history.
            items: ids, shape (k,); for those that are not known, the mean of the user's predictions.

        Raises:
            StudyError: the model has not been fitted.
            DataError: there are not as many users as items.
        """
        self._fitted()
        row = self._user_rows(self._asked(users))
        column = self.interactions_.item_rows(self._asked(items))
        if len(row) != len(column):
            found = f"{len(row):,} users and {len(column):,} items"
            raise DataError(Fault("recommend.pairs", found, "expected a user for each item", key="items"))
        distinct, place = np.unique(row, return_inverse=True)
        mine = self._solved(self._histories(distinct))[place]
        theirs = np.where(column[:, None] >= 0, self.item_mean_[column], np.float32(0))
        rating = self.mean_ + mine[:, 0] + theirs[:, 0] + np.einsum("ij,ij->i", mine[:, 1:], theirs[:, 1:])
        return np.asarray(rating.clip(*self.scale_), np.float32)

    def rmse(self, interactions: Any) -> float:
        """Root mean square of what predictions are off ratings that are held out.

        Args:
            interactions: as :meth:`Recommender.fit` takes them, with values.

        Raises:
            DataError: they have no values.
        """
        held = Interactions.of(interactions)
        if not held.rated:
            raise DataError(_NO_RATINGS)
        users = held.users.take(np.repeat(np.arange(held.n_users), held.of_users))
        off = self.predict(users, held.items.take(held.indices)) - held.values
        return float(np.sqrt(np.mean(np.square(off, dtype=float))))

    # ---------------------------------------------------------------------------------- answers

    @cached_property
    def _given(self) -> Side:
        return Side(self.item_mean_, self.item_spread_, self.item_moments_)

    @cached_property
    def _ahead(self) -> Floats:
        """What (1, b_u, p_u) is multiplied by for the scores of all items, shape (1 + f, n)."""
        out = np.concatenate([np.ones((len(self.item_mean_), 1), np.float32), self._z(slice(None))], axis=1).T
        out[0] = np.float32(self.mean_) + self.item_mean_[:, 0]
        out[0, self.interactions_.of_items == 0] = -np.inf
        return np.ascontiguousarray(out, np.float32)

    @cached_property
    def _people(self) -> Floats:
        """Bias and factors of everybody who was fitted, shape (m, f)."""
        known = self.interactions_
        return self._rows(known.indptr, known.indices, known.values)

    def _z(self, rows: Any) -> Floats:
        """(1, q_i) of items."""
        z = self.item_mean_[rows]
        return np.concatenate([np.ones_like(z[..., :1]), z[..., 1:]], axis=-1)

    def _rows(self, indptr: Ints, indices: npt.NDArray[np.int32], values: Floats) -> Floats:
        target = (values - np.float32(self.mean_)).astype(np.float32)
        return solved(indptr, indices, target, self._given, self.prior_, self.noise_)[0].mean

    def _solved(self, histories: Histories) -> Floats:
        return self._rows(histories.indptr, histories.indices, histories.values)

    def _scores(self, histories: Histories) -> Floats:
        mine = self._solved(histories)
        full = np.concatenate([np.ones((len(mine), 1), np.float32), mine], axis=1)
        k, width = full.shape
        columns = np.tile(np.arange(width, dtype=np.int32), k)
        return times_matrix(np.arange(k + 1) * width, columns, full.ravel(), self._ahead)

    def _alike(self, rows: Ints) -> Floats:
        """Cosine of the factors."""
        q = self.item_mean_[:, 1:].astype(float)
        q /= np.maximum(np.sqrt(np.square(q).sum(1, keepdims=True)), 1e-12)
        found = np.asarray(q[rows] @ q.T, np.float32)
        found[:, self.interactions_.of_items == 0] = -np.inf
        return found

    def _parts(self, history: Histories, item: int) -> Floats:
        """``b_u + p_u . q_i`` is linear in the ratings less what was expected of their items."""
        f = self.item_mean_.shape[1]
        a, b = np.tril_indices(f)
        summed = np.zeros((f, f))
        summed[a, b] = self.item_moments_[history.indices].sum(0, dtype=float)
        precision = np.diag(1 / self.prior_) + (summed + np.tril(summed, -1).T) / self.noise_
        towards = np.linalg.solve(precision, self._z(item).astype(float)) / self.noise_
        off = history.values.astype(float) - self.mean_ - self.item_mean_[history.indices, 0]
        right = off[:, None] * self._z(history.indices) - self.item_spread_[history.indices, 1:]
        return np.asarray(right @ towards, np.float32)

    def _column(self, item: int) -> Floats:
        mine = self._people
        if not self.interactions_.of_items[item]:
            return np.full(len(mine), -np.inf, np.float32)
        return np.asarray(mine @ self._z(item) + np.float32(self.mean_ + self.item_mean_[item, 0]), np.float32)

    def _sentence(self, because: Any) -> str:
        """Why, in words: which ratings raise the prediction."""
        return super()._sentence(because).replace("because you liked", "because of your ratings of")


_NO_RATINGS = Fault(
    "recommend.ratings", "the interactions have no values", "expected ratings",
    "Take ALS or EASE, which learn from who has what", key="value",
)  # fmt: skip


def _refuse(interactions: Interactions) -> None:
    if not interactions.rated:
        raise DataError(_NO_RATINGS)
    least, most = float(interactions.values.min()), float(interactions.values.max())
    if least == most:
        found, mend = f"all {interactions.nnz:,} ratings are {least:g}", "Take ALS or EASE: there is nothing to predict"
        raise DataError(Fault("recommend.ratings", found, "expected ratings that differ", mend, key="value"))
