"""Implicit matrix factorisation by alternating least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import listing
from potomac.recommend.factorisation.alternation import (
    CONFIDENCE,
    SOLVERS,
    Alternation,
    Confidence,
    Side,
    Solver,
    Weights,
    folded,
    gram_of,
    wide,
    zeros,
)
from potomac.recommend.matrix.bounds import hold
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.matrix.products import inner_products, weighted_gram
from potomac.recommend.recommender import Recommender

__all__ = ["ALS"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class ALS(Recommender):
    """Users and items as vectors whose inner product says how much who wants what.

    With strengths r_ui the loss is, over all pairs of user and item,

        sum c_ui (p_ui - x_u'y_i)^2 + sum lambda_u |x_u|^2 + sum lambda_i |y_i|^2,

    where p_ui is 1 for what a user had to do with (r_ui > 0) and else 0, with confidence c_ui = 1 + alpha |r_ui|: what
    somebody did not touch is weak evidence that they did not want it (Hu, Koren and Volinsky, ICDM 2008). A strength
    below 0 is evidence that it was not wanted. The penalty grows with the confidence of a row's pairs, lambda_u =
    regularization (sum_i c_ui)^power, which Rendle, Krichene, Zhang and Koren (RecSys 2022) found to matter; power 0
    is the plain one. (Their weight of what was not observed is 1 / alpha.)

    Each side is solved in turn. What is stored of a user is the least of the loss for the items' factors as they
    are, so a new person with the same history has the same factors.

    Args:
        factors: length of the vectors.
        alpha: confidence that one unit of strength adds, more than 0.
        regularization: lambda, more than 0.
        power: 0 for the same penalty everywhere, 1 for one in proportion to a row's confidence.
        confidence: what of a value is the strength: the value ("linear"), log(1 + value) ("log"), or 1 for every value
            above 0 ("binary").
        iterations: of both sides, at most.
        tolerance: stops when an iteration lowers the loss by less than this share of it; 0 never stops early.
        solver: "cg", conjugate gradients from where the last iteration ended (Takacs, Pilaszy and Tikk, RecSys 2011);
            "exact", twice the time, better where strengths are very unequal; or "ials++", exact in some coordinates
            at a time (Rendle, Krichene, Zhang and Koren, 2021).
        steps: of conjugate gradients in an iteration.
        block: coordinates at a time in iALS++.
        recency: after how many later entries of a person one counts half in their scores; None: all alike. Needs
            times.
        seed: of the items' first factors.

    Attributes:
        user_factors_: shape (m, factors).
        item_factors_: shape (n, factors); 0 for items that nobody had to do with.
        losses_: after each iteration.
        converged_: whether the last iteration's fall of the loss was below ``tolerance``.
    """

    name: ClassVar[str] = "als"
    _state: ClassVar[tuple[str, ...]] = ("user_factors_", "item_factors_", "losses_")

    user_factors_: Floats
    item_factors_: Floats
    losses_: npt.NDArray[np.float64]

    def __init__(
        self, factors: int = 64, *, alpha: float = 4.0, regularization: float = 0.005, power: float = 1.0,
        confidence: Confidence = "linear", iterations: int = 15, tolerance: float = 1e-3, solver: Solver = "cg",
        steps: int = 3, block: int = 64, recency: float | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.factors = factors
        self.alpha = alpha
        self.regularization = regularization
        self.power = power
        self.confidence = confidence
        self.iterations = iterations
        self.tolerance = tolerance
        self.solver = solver
        self.steps = steps
        self.block = block
        self.recency = recency
        self.seed = seed

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        """Values of the parameters that are worth trying, the best guess first."""
        recency: list[float | None] = [None]
        if interactions.times is not None:
            recency = [None, 25.0, 8.0, 100.0]
        m, n = interactions.n_users, interactions.n_items
        most = max(8, min(m, n) // 2)
        factors = [f for f in (8, 16, 32, 64, 128, 256) if f <= most]
        per_row = interactions.nnz / max(m + n, 1)  # what is known of a row bounds how many numbers it can have
        edge = _noise_edge(interactions, 4.0)
        return {
            "regularization": [float(f"{edge * share:.3g}") for share in (0.5, 0.6, 0.75, 0.9, 0.4, 0.25, 0.1, 0.04)],
            "factors": _nearest_first(factors, min(2 * per_row, 128)),
            "alpha": [4.0, 1.0, 10.0, 30.0, 0.4],
            "recency": recency,
        }

    # ---------------------------------------------------------------------------------- fitting

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        self._check()
        for name in ("_items", "_gram", "_learned", "_unknown", "_people", "_directions"):  # of what was fitted before
            self.__dict__.pop(name, None)
        work = Alternation.of(
            interactions, self._weights, self.solver, self.factors, np.random.default_rng(self.seed),
            min(self.steps, self.factors), self.block,
        )  # fmt: skip
        losses: list[float] = []
        for done in range(self.iterations):
            progress("training", done, self.iterations)
            losses.append(work.epoch())
            if len(losses) > 1 and losses[-2] - losses[-1] < self.tolerance * losses[-2]:
                break
        if self.solver != "exact":
            work.half(users=True, solver="exact")
        self.losses_ = np.array(losses)
        self.user_factors_, self.item_factors_ = work.X[:, : self.factors], work.Y[:, : self.factors]
        progress("training", self.iterations, self.iterations)

    def _check(self) -> None:
        hold(
            self,
            factors=(self.factors >= 1, "1 or more"),
            alpha=(self.alpha > 0, "more than 0"),
            regularization=(self.regularization > 0, "more than 0"),
            power=(0 <= self.power <= 2, "0 to 2"),
            confidence=(self.confidence in CONFIDENCE, listing(list(CONFIDENCE))),
            iterations=(self.iterations >= 1, "1 or more"),
            tolerance=(self.tolerance >= 0, "0 or more"),
            solver=(self.solver in SOLVERS, listing(list(SOLVERS))),
            steps=(self.steps >= 1, "1 or more"),
            block=(self.block >= 1, "1 or more"),
            recency=(self.recency is None or self.recency > 0, "more than 0 entries"),
        )

    @property
    def converged_(self) -> bool:
        """Whether the last iteration's fall of the loss was below ``tolerance``."""
        last = self.losses_[-2:]
        return bool(len(last) == 2 and last[0] - last[1] < self.tolerance * last[0])

    @property
    def _weights(self) -> Weights:
        return Weights(self.alpha, self.regularization, self.power, self.confidence)

    # ---------------------------------------------------------------------------------- people

    @cached_property
    def _items(self) -> Floats:
        """The items' factors as the solvers want them: aligned, and empty columns up to a whole vector."""
        return _widened(self.item_factors_)

    @cached_property
    def _gram(self) -> Floats:
        return gram_of(self._items, self.factors)

    @cached_property
    def _learned(self) -> Mask:
        """Items of which something was learned, shape (n,)."""
        return np.asarray(self.item_factors_.any(axis=1))

    @cached_property
    def _unknown(self) -> Ints:
        """Numbers of the other items."""
        return np.flatnonzero(~self._learned)

    @cached_property
    def _directions(self) -> Floats:
        """The items' factors at length 1, or 0."""
        length = np.linalg.norm(self.item_factors_, axis=1)
        return np.asarray(self.item_factors_ / np.where(length > 0, length, 1)[:, None])

    @cached_property
    def _people(self) -> Floats:
        """Factors of all users as their scores have them, shape (m, factors)."""
        if self.recency is None or self.interactions_.times is None:
            return self.user_factors_
        return self._folded(self.interactions_.histories(np.arange(self.interactions_.n_users)))

    def _strengths(self, histories: Histories) -> Floats:
        """Strengths of entries times alpha, the older ones less, shape (e,)."""
        of_values = self._weights.strengths(histories.values)
        found = np.broadcast_to(of_values, histories.values.shape)
        if self.recency is None or histories.times is None:
            return found
        alike = replace(histories, values=np.ones(len(found), np.float32))
        return found * alike.recent(self.recency).values

    def _folded(self, histories: Histories) -> Floats:
        """Factors of people by their histories, shape (k, factors)."""
        side = Side(
            histories.indptr, histories.indices, np.ascontiguousarray(self._strengths(histories)),
            len(self.item_factors_),
        )  # fmt: skip
        return folded(side, self._items, self._gram, self._weights)[:, : self.factors]

    def _factors_of(self, histories: Histories) -> Floats:
        """Stored factors where people are as they were fitted, others folded in; shape (k, factors)."""
        if self.recency is not None and histories.times is not None:
            there = "_people" in self.__dict__ and bool((histories.rows >= 0).all())
            return self._people[histories.rows] if there else self._folded(histories)
        if (histories.rows < 0).any():  # folded in, the others are as they were stored, too
            return self._folded(histories)
        return self.user_factors_[histories.rows]

    # ---------------------------------------------------------------------------------- answers

    def _scores(self, histories: Histories) -> Floats:
        scores = inner_products(self._factors_of(histories), self.item_factors_)
        scores[:, self._unknown] = -np.inf
        return np.asarray(scores)

    def _scores_at(self, histories: Histories, items: Ints) -> Floats:
        scores = inner_products(self._factors_of(histories), self.item_factors_[items])
        scores[:, ~self._learned[items]] = -np.inf
        return np.asarray(scores)

    def _column(self, item: int) -> Floats:
        if not self._learned[item]:
            return np.full(self.interactions_.n_users, -np.inf, np.float32)
        return np.asarray(inner_products(self.item_factors_[[item]], self._people)[0])

    def _alike(self, rows: Ints) -> Floats:
        """Cosine of the items' factors."""
        found = inner_products(self._directions[rows], self._directions)
        found[:, self._unknown] = -np.inf
        found[~self._learned[rows]] = -np.inf
        return np.asarray(found)

    def _parts(self, history: Histories, item: int) -> Floats:
        return np.asarray(self._parts_of(history, np.array([item]))[0])

    def _parts_of(self, history: Histories, items: Ints) -> Floats:
        """Section 5 of Hu, Koren and Volinsky: the score is a sum over the history, sum_j b_uj y_i'A^-1 y_j.

        A = Y'Y + lambda_u I + sum_j d_uj y_j y_j' is what the user's factors were solved with.
        """
        f, r = self.factors, self._strengths(history).astype(float)
        Y = self.item_factors_[history.indices].astype(float)
        penalty = self.regularization * (len(self.item_factors_) + np.abs(r).sum()) ** self.power
        A = self._gram[:f, :f].astype(float) + penalty * np.eye(f) + weighted_gram(Y, np.abs(r))
        towards = np.linalg.solve(A, self.item_factors_[items].astype(float).T)  # 0 where nothing was learned
        return np.asarray(np.where(r > 0, 1 + r, 0) * inner_products(towards.T, Y), np.float32)


def _noise_edge(interactions: Interactions, alpha: float) -> float:
    """The regularization (with power 1) above which a factor that is mere chance does not survive.

    A component of the data is kept where its singular value is above sqrt(lambda_u lambda_i) of the penalties of a
    mean user and item, and chance alone has singular values up to (1 + alpha)(sqrt(a) + sqrt(b)), with a and b the
    mean numbers of entries of a user and an item (Marchenko and Pastur 1967).
    """
    m, n = int((interactions.of_users > 0).sum()), int((interactions.of_items > 0).sum())
    a, b = interactions.nnz / max(m, 1), interactions.nnz / max(n, 1)
    penalty = np.sqrt((n + alpha * a) * (m + alpha * b))
    return float((1 + alpha) * (np.sqrt(a) + np.sqrt(b)) / max(penalty, 1.0))


def _nearest_first(values: list[Any], guess: float) -> list[Any]:
    """The values, the one first that is nearest in proportion to a guess."""
    return sorted(values, key=lambda value: abs(np.log(value / max(guess, 1e-9))))


def _widened(factors: Floats) -> Floats:
    """The same in a matrix whose rows are whole vectors."""
    f = factors.shape[1]
    out = zeros(len(factors), wide(f))
    out[:, :f] = factors
    return out
