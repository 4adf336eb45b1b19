"""Content: people by what the items they liked are like; serves items that nobody has had to do with yet.

The likeness of two items is a weighted sum over groups of features g
(see :mod:`potomac.recommend.attributes.features`),

    L(i, j) = sum over g of w_g <x_ig - mu_g, x_jg - mu_g>,

with mu the mean over all interactions, so that what everything liked has in common says nothing; a group counts only
where both items have a value. A person's score is the mean of the likeness to what they liked, drawn towards zero
where little is known (Lops, de Gemmis and Semeraro 2011, section 3.3, with shrinkage), and what the item's popularity
adds; that of an item without interactions is foretold from its features by a ridge regression.

The weights and that of popularity maximise the likelihood that something a person liked, left out of their history, is
preferred to something drawn at random (pairwise logistic, Rendle et al. 2009), drawn towards equal weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from potomac.engine import Progress
from potomac.errors import DataError, Fault, StudyError, listing, shown
from potomac.recommend.attributes.contrasts import contrasts, drawn, preferred
from potomac.recommend.attributes.features import Features
from potomac.recommend.matrix.bounds import hold
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.popular import ages
from potomac.recommend.recommender import Recommender
from potomac.recommend.topn import best

__all__ = ["Content"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ENOUGH = 50
"""Choices from which weights are learned; with fewer all groups count alike."""
CHOICES = 20_000
"""Most choices that weights are learned from."""
DENSE = 1 << 22
"""Numbers of profiles held at once."""


class Content(Recommender):
    """Items by their attributes and texts.

    Args:
        shrinkage: amount of history, in likes, at which a profile counts half.
        recency: after how many later entries of a person an entry counts half; None: all count alike.
        popularity: weight of an item's popularity, in logarithms; None: learned, 0.1 where it cannot be; 0: taste
            alone.
        half_life: days after which an interaction counts half for popularity; None: all alike.
        weights: of the groups of features, by name (``flags`` for all columns of 0 and 1, ``title``); None: learned.
        titles: whether words of the titles count.
        seed: of the choices that weights are learned from.

    Attributes:
        matrix_: features of the items, shape (n, d).
        weights_: of each group, shape (g,); see :attr:`weights_by_name`.
        mean_: of the features over all interactions, shape (d,).
        quality_: logarithm of 1 + popularity, foretold for items without interactions, shape (n,).
        popularity_: weight of ``quality_``.
        centre_: mean rating where values are ratings, else NaN.
    """

    name: ClassVar[str] = "content"
    _state: ClassVar[tuple[str, ...]] = ("matrix_", "weights_", "mean_", "quality_", "popularity_", "centre_")

    def __init__(
        self,
        shrinkage: float = 5.0,
        recency: float | None = None,
        popularity: float | None = None,
        half_life: float | None = None,
        weights: Mapping[str, float] | None = None,
        titles: bool = True,
        seed: int = 0,
    ) -> None:
        self.shrinkage = shrinkage
        self.recency = recency
        self.popularity = popularity
        self.half_life = half_life
        self.weights = weights
        self.titles = titles
        self.seed = seed

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        """Values worth trying, the best guess first."""
        timed = interactions.times is not None
        return {
            "recency": (10.0, None, 30.0, 3.0) if timed else (None,),
            "shrinkage": (5.0, 1.0, 20.0),
            "half_life": (None, 365.0, 90.0, 30.0) if timed else (None,),
        }

    # ---------------------------------------------------------------------------------- fit

    def _check(self) -> None:
        hold(
            self,
            shrinkage=(self.shrinkage >= 0, "0 or more"),
            recency=(self.recency is None or self.recency > 0, "more than 0 entries"),
            half_life=(self.half_life is None or self.half_life > 0, "more than 0 days"),
        )

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        of_another_fit = "features", "_group", "_present", "_augmented", "_lengths", "_known_of", "_sorted"
        for name in of_another_fit:
            self.__dict__.pop(name, None)
        features = self.features
        if not features.groups:
            found = "the catalogue has no column by which its items differ"
            mend = "Give the items attributes (kind, author, year, a text), or take a method that needs none"
            raise DataError(Fault("recommend.features", found, "expected one feature at least", mend, key="items"))
        progress("training", 0, 3)
        self.matrix_ = features.matrix
        self.centre_ = _centre(interactions)
        self.mean_ = _mean(self.matrix_, self._present, self._group, interactions)
        progress("training", 1, 3)
        counts, own = self._counts(interactions)
        self.quality_ = _quality(counts, self.matrix_)
        progress("training", 2, 3)
        self.weights_, self.popularity_ = self._learned(interactions, counts, own)
        progress("training", 3, 3)

    def _counts(self, interactions: Interactions) -> tuple[Doubles, Doubles]:
        """Popularity of each item, shape (n,), and what each interaction adds to it, shape (nnz,)."""
        own = np.ones(interactions.nnz)
        if self.half_life is not None and interactions.times is not None:
            own = 0.5 ** (ages(interactions.times) / self.half_life)
        return np.bincount(interactions.indices, own, minlength=interactions.n_items).astype(float), own

    def _learned(self, interactions: Interactions, counts: Doubles, own: Doubles) -> tuple[Doubles, float]:
        """Weights of the groups and of popularity."""
        groups = self.features.groups
        if self.weights is not None:
            unknown = set(self.weights) - {group.name for group in groups}
            if unknown or any(not 0 <= float(w) < np.inf for w in self.weights.values()):
                found, names = f"weights are {dict(self.weights)}", listing(group.name for group in groups)
                raise StudyError(Fault("recommend.parameter", found, f"expected 0 or more for {names}", key="weights"))
            fixed = np.array([float(self.weights.get(group.name, 0.0)) for group in groups])
            return fixed, 0.1 if self.popularity is None else self.popularity
        amounts = self._liking(interactions.histories(np.arange(interactions.n_users)))
        targets, others = drawn(interactions.indptr, amounts, interactions.n_items, CHOICES, self.seed)
        if len(targets) < ENOUGH:
            return np.ones(len(groups)), 0.1 if self.popularity is None else self.popularity
        matrix = self.matrix_
        differences = contrasts(
            interactions.indptr, interactions.indices, amounts, targets, others, self.shrinkage,
            matrix.indptr, matrix.indices, matrix.data, self._group, self.mean_, self._present,
        )  # fmt: skip
        item = interactions.indices[targets]
        without = np.log1p(np.maximum(counts[item] - own[targets], 0))  # as if the choice had not been made
        popular = np.repeat(without, others.shape[1]) - self.quality_[others.ravel()].astype(float)
        return preferred(differences, popular, self.popularity)

    # ---------------------------------------------------------------------------------- answers

    def _scores(self, histories: Histories) -> Floats:
        scores = np.empty((len(histories), len(self.quality_)), np.float32)
        step = max(1, DENSE // max(1, self._augmented.shape[1]))
        for first in range(0, len(histories), step):
            part = histories.part(first, min(first + step, len(histories)))
            profiles = (self._amounts(part) @ self._augmented).toarray()
            scores[first : first + step] = (self._augmented @ self._query(profiles)).T
        scores += np.float32(self.popularity_) * self.quality_
        scores[:, ~self._known_of] = -np.inf
        return scores

    def _scores_at(self, histories: Histories, items: Ints) -> Floats:
        like = self._augmented @ self._query(self._augmented[items].toarray())
        scores = self._amounts(histories) @ like + np.float32(self.popularity_) * self.quality_[items]
        return np.asarray(np.where(self._known_of[items], scores, -np.inf), np.float32)

    def _parts(self, history: Histories, item: int) -> Floats:
        return np.asarray(self._parts_of(history, np.array([item]))[0])

    def _parts_of(self, history: Histories, items: Ints) -> Floats:
        amounts = self._amounts(history)
        like = self._augmented[history.indices] @ self._query(self._augmented[items].toarray())
        parts = np.where(self._known_of[items][:, None], amounts.data * like.T, 0)
        return np.asarray(parts, np.float32)

    def _alike(self, rows: Ints) -> Floats:
        dots = (self._augmented @ self._query(self._augmented[rows].toarray())).T
        length = self._lengths
        with np.errstate(divide="ignore", invalid="ignore"):
            cosine = dots / (length[rows][:, None] * length)
        cosine = np.where(np.isfinite(cosine), cosine, 0).astype(np.float32)
        cosine[:, ~self._known_of] = -np.inf
        return np.asarray(cosine, np.float32)

    def likeness_between(self, rows: npt.ArrayLike) -> Floats:
        """How alike the items at ``rows`` are to each other, shape (c, c): cosines, 0 for those without features."""
        at = np.asarray(rows, np.int64)
        part = self.matrix_[at]
        weight = self.weights_[self._group]
        weighed = part.copy()
        weighed.data = part.data * weight[part.indices]
        along, squares = self._means(part)
        there = self._present[at].astype(float)
        dots = (weighed @ part.T).toarray() - along @ there.T - there @ along.T + (there * squares) @ there.T
        length = self._lengths[at]
        length = np.where(length > 0, length, 1)
        return np.asarray(dots / (length[:, None] * length), np.float32)

    def _means(self, part: sparse.csr_array) -> tuple[Doubles, Doubles]:
        """By group: dot product of rows with the mean, shape (c, g), and of the mean with itself, shape (g,)."""
        groups, rows = len(self.weights_), part.shape[0]
        weight = self.weights_[self._group]
        row = np.repeat(np.arange(rows), np.diff(part.indptr))
        each = part.data * (weight * self.mean_)[part.indices]
        along = np.bincount(row * groups + self._group[part.indices], each, minlength=rows * groups).astype(float)
        squares = np.bincount(self._group, weight * self.mean_**2, minlength=groups).astype(float)
        return along.reshape(rows, groups), squares

    def _column(self, item: int) -> Floats:
        scores = self._of_everybody(self._augmented[[item]].toarray())
        known = self._known_of[item]
        scores = scores + np.float32(self.popularity_ * self.quality_[item])
        return scores if known else np.full_like(scores, -np.inf)

    def audience_of(self, features: Mapping[str, Any], n: int = 10) -> pa.Table:
        """The ``n`` people who are most likely interested in an item that is not in the catalogue yet.

        Args:
            features: its attributes, by the names of the catalogue's columns; ``title`` for its title.
            n: how many.

        Returns:
            Columns user, rank, score.

        Raises:
            StudyError: an attribute is none of the catalogue's.
            DataError: a value cannot be read, or nothing of the item is known.
        """
        scores = self._of_everybody(self._new(features))
        numbers, found = best(scores[None, :], n)
        ids = pa.array([None], pa.string())
        return self._long("item", ids, numbers, found, "user", of=self.interactions_.users).drop_columns("item")

    def likeness_to(self, features: Mapping[str, Any]) -> Floats:
        """How alike every item is to one that is not in the catalogue, as its weights have it, shape (n,).

        Raises:
            StudyError: an attribute is none of the catalogue's.
            DataError: a value cannot be read, or nothing of the item is known.
        """
        return np.asarray((self._augmented @ self._query(self._new(features)))[:, 0], np.float32)

    def alike_to(self, features: Mapping[str, Any], n: int = 10) -> pa.Table:
        """The ``n`` items of the catalogue that are most like an item that is not in it: similar, rank, score.

        Raises:
            StudyError: an attribute is none of the catalogue's.
            DataError: a value cannot be read, or nothing of the item is known.
        """
        row = self._new(features)
        query = self._query(row)
        length = np.sqrt(np.maximum(float((row @ query)[0, 0]), 0)) * self._lengths
        dots = (self._augmented @ query)[:, 0]
        cosine = np.where(length > 0, dots / np.where(length > 0, length, 1), 0).astype(np.float32)
        cosine[~self._known_of] = -np.inf
        numbers, scores = best(cosine[None, :], n)
        return self._long("item", pa.array([None], pa.string()), numbers, scores, "similar").drop_columns("item")

    @property
    def weights_by_name(self) -> dict[str, float]:
        """Weight of each group of features."""
        self._fitted()
        return {group.name: float(w) for group, w in zip(self.features.groups, self.weights_, strict=True)}

    # ---------------------------------------------------------------------------------- reasons

    def reason(self, because: pa.Table, item: int) -> str:
        """In words, of the parts of a score, the largest first: what was liked, and what the item shares with it."""
        top = because.slice(0, 3)
        liked = top.filter(pc.greater(top.column("contribution"), 0))
        if not len(liked):
            return "because many people like such items" if self.popularity_ else ""
        titles = liked.column("title").to_pylist()
        shared = self.shared(int(self.interactions_.item_rows(liked.column("item").slice(0, 1))[0]), item)
        if not shared:
            return self._sentence(because)
        also = f"; and {listing(titles[1:])}" if titles[1:] else ""
        return f"because you liked {shown(titles[0])}: {listing(shared)}{also}"

    def shared(self, one: int, other: int) -> list[str]:
        """What two items have in common, in words, what counts most first."""
        columns, products = self._common(one, other)
        worth = products * self.weights_[self._group[columns]]
        said: list[tuple[float, str]] = []
        n = self.matrix_.shape[0]
        telling = np.log((1 + n) / (1 + max(0.01 * n, 10))) + 1  # a word that more have is no reason to name
        for g, group in enumerate(self.features.groups):
            of = np.flatnonzero((self._group[columns] == g) & (worth > 0))
            if not len(of):
                continue
            if group.kind == "text":
                of = of[group.scale[columns[of] - group.first] >= telling]
            of = of[np.argsort(-worth[of], kind="stable")]
            total = float(worth[of].sum())
            name = group.name.strip().replace("_", " ")
            words = [self.features.label(int(columns[at])) for at in of[:3]]
            if group.kind == "number":
                if total > 0.5 * self.weights_[g]:
                    said.append((total, f"about the same {name}"))
            elif group.kind == "words":
                said.append((total, f"the same {name} ({words[0]})"))
            elif group.kind == "text":
                telling_words = [word for word in words if not word.isdigit()]
                if telling_words:
                    said.append((total, f'in the {name} of both "{" ".join(telling_words)}"'))
            else:
                said.append((total, f"both {' and '.join(words)}"))
        said.sort(key=lambda pair: -pair[0])
        return [text for worth_of, text in said[:3] if worth_of > 0.1 * said[0][0]]

    def _common(self, one: int, other: int) -> tuple[npt.NDArray[np.int32], Floats]:
        """Features that two items have, ascending, and the products of their values."""
        starts, indices, data = self._sorted.indptr, self._sorted.indices, self._sorted.data
        a, b = slice(starts[one], starts[one + 1]), slice(starts[other], starts[other + 1])
        columns, of_one, of_other = np.intersect1d(indices[a], indices[b], assume_unique=True, return_indices=True)
        return columns, data[a][of_one] * data[b][of_other]

    # ---------------------------------------------------------------------------------- what follows from the fit

    @cached_property
    def _sorted(self) -> sparse.csr_array:
        """The features, each row's in order and each once."""
        found = self.matrix_.copy()
        found.sum_duplicates()
        return found

    @cached_property
    def features(self) -> Features:
        """What the items are like."""
        return Features.of(self.items_, titles=self.titles)

    @cached_property
    def _group(self) -> npt.NDArray[np.int32]:
        return self.features.of_column

    @cached_property
    def _present(self) -> npt.NDArray[np.bool_]:
        """Which groups an item has a value in, shape (n, g)."""
        present = np.zeros((self.matrix_.shape[0], len(self.features.groups)), np.bool_)
        row = np.repeat(np.arange(self.matrix_.shape[0]), np.diff(self.matrix_.indptr))
        present[row, self._group[self.matrix_.indices]] = True
        return present

    @cached_property
    def _augmented(self) -> sparse.csr_array:
        """Features and, beside them, which groups an item has, shape (n, d + g)."""
        return sparse.csr_array(sparse.hstack([self.matrix_, sparse.csr_array(self._present)]), dtype=np.float32)

    @cached_property
    def _lengths(self) -> Doubles:
        """Length of each item in the metric of the weights, shape (n,)."""
        weight = self.weights_[self._group]
        row = np.repeat(np.arange(self.matrix_.shape[0]), np.diff(self.matrix_.indptr))
        own = self.matrix_.data.astype(float) ** 2 * weight[self.matrix_.indices]
        along, squares = self._means(self.matrix_)
        total = np.bincount(row, own, minlength=self.matrix_.shape[0]) - 2 * along.sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(total + (self._present * squares).sum(axis=1), 0)))

    @cached_property
    def _known_of(self) -> npt.NDArray[np.bool_]:
        return np.asarray(np.diff(self.matrix_.indptr) > 0)

    def _query(self, profiles: npt.NDArray[Any]) -> Floats:
        """Sums of augmented rows, shape (k, d + g), as what augmented rows are multiplied by, shape (d + g, k)."""
        d = len(self.mean_)
        weight = self.weights_[self._group]
        centred = profiles[:, :d] - profiles[:, d:][:, self._group] * self.mean_
        weighed = centred * weight
        at = np.array([group.first for group in self.features.groups])
        common = -np.add.reduceat(weighed * self.mean_, at, axis=1)
        return np.ascontiguousarray(np.concatenate([weighed, common], axis=1).T, np.float32)

    def _liking(self, histories: Histories) -> Floats:
        """How much each entry says that the person likes the item, shape (e,): 1 for a like, less where it is old."""
        amounts = histories.values
        if np.isfinite(self.centre_):
            amounts = _centred(histories, self.centre_)
        weight = replace(histories, values=np.ones(len(amounts), np.float32)).recent(self.recency).values
        return amounts * weight

    def _amounts(self, histories: Histories) -> sparse.csr_array:
        """Share of each entry in the profile, shape (k, n)."""
        amounts = self._liking(histories)
        row = np.repeat(np.arange(len(histories)), histories.lengths)
        total = np.bincount(row, np.abs(amounts), minlength=len(histories)) + self.shrinkage
        shape = (len(histories), len(self.quality_))
        shares = amounts / np.where(total > 0, total, 1)[row]
        return sparse.csr_array((shares.astype(np.float32), histories.indices, histories.indptr), shape)

    def _of_everybody(self, augmented: npt.NDArray[Any]) -> Floats:
        """Taste of everybody who was fitted for one item, shape (m,)."""
        like = (self._augmented @ self._query(augmented))[:, 0]
        everybody = self.interactions_.histories(np.arange(self.interactions_.n_users))
        return np.asarray(self._amounts(everybody) @ like, np.float32)

    def _new(self, features: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        """An item that is not in the catalogue as an augmented row, shape (1, d + g)."""
        self._fitted()
        row = self.features.row_of(features).toarray().astype(np.float32)
        at = np.array([group.first for group in self.features.groups])
        return np.concatenate([row, np.add.reduceat(np.abs(row), at, axis=1) > 0], axis=1)


def _centre(interactions: Interactions) -> float:
    """Mean rating; NaN where values are none, or amounts: most amounts are the smallest, ratings are not."""
    values = interactions.values
    if not interactions.rated or values.min() == values.max():
        return float("nan")
    often = np.unique(values, return_counts=True)[1]
    return float("nan") if often.argmax() == 0 else float(values.mean(dtype=np.float64))


def _centred(histories: Histories, centre: float, prior: float = 5.0) -> Floats:
    """Ratings less the person's mean, which is drawn towards that of all; a basket (new, all ones) is liked."""
    row = np.repeat(np.arange(len(histories)), histories.lengths)
    total = np.bincount(row, histories.values, minlength=len(histories))
    mean = (total + prior * centre) / (histories.lengths + prior)
    least = np.ones(len(histories), bool)
    np.logical_and.at(least, row, histories.values == 1)
    basket = (histories.rows < 0) & least & (histories.lengths > 0)
    return np.where(basket[row], 1.0, histories.values - mean[row]).astype(np.float32)


def _mean(
    matrix: sparse.csr_array, present: npt.NDArray[np.bool_], group: npt.NDArray[np.int32], interactions: Interactions
) -> Doubles:
    """Mean over interactions of each feature among the items that have its group, shape (d,)."""
    often = interactions.of_items.astype(float)
    total = often @ present
    return np.asarray((matrix.T @ often) / np.where(total > 0, total, 1)[group])


def _quality(counts: Doubles, matrix: sparse.csr_array, ridge: float = 3.0) -> Floats:
    """Logarithm of 1 + popularity, shape (n,); of items without any, as a ridge regression on features foretells."""
    quality = np.log1p(counts)
    warm, cold = counts > 0, counts <= 0
    if cold.any():
        mean = quality[warm].mean()
        found = _ridge(matrix[warm].astype(float), quality[warm] - mean, ridge)
        quality[cold] = np.clip(mean + matrix[cold] @ found, 0, quality[warm].max())
    return quality.astype(np.float32)


def _ridge(X: sparse.csr_array, y: Doubles, ridge: float) -> Doubles:
    """Minimiser of ``|y - X b|^2 + ridge |b|^2`` by conjugate gradients, shape (d,)."""
    b, residual = np.zeros(X.shape[1]), X.T @ y
    direction, size = residual.copy(), float((residual**2).sum())
    for _ in range(200):
        if size <= 1e-12 * len(y):
            break
        image = X.T @ (X @ direction) + ridge * direction
        step = size / float((direction * image).sum())
        b += step * direction
        residual -= step * image
        before, size = size, float((residual**2).sum())
        direction = residual + size / before * direction
    return b
