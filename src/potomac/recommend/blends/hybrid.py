"""Hybrid: several methods whose scores are added, each with the weight that the evidence gives it.

A method's scores of one person are standardised over the items that it knows, z = (s - mean) / deviation, and

    score(u, i) = sum over methods m of w_m(b) z_m(u, i),

where b is how much is known of the person: nothing, a few interactions, many (Burke 2002's weighted and switching
hybrids at once). A method that knows nothing of somebody without history gives them the same score for every item, and
so counts nothing there; popularity and editor's picks remain. Of an item with c interactions the scores of all methods
but content are believed as far as c / (c + few); for the rest stands what the content's score lets expect of them (a
regression on items that all know). So a new item is offered to people who like what it is like.

The weights are those that put what people did last, left out, nearest to the top (mean of 1 / log2(1 + rank)), among
everything, with histories cut to the length that the step is meant for; the likelihood of a softmax was tried and does
worse, as it cares for the many that nobody looks at. None is below zero; a step has weights of its own only where they
gain two standard errors more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import Fault, NoAnswer, StudyError
from potomac.recommend.attributes.content import Content
from potomac.recommend.attributes.features import described
from potomac.recommend.blends.asking import ASKED, asked_otherwise, learned_alike
from potomac.recommend.blends.blending import blend, moments, standardised
from potomac.recommend.blends.comparable import Estimates, raw
from potomac.recommend.blends.trials import EACH, Trials, trials_of
from potomac.recommend.blends.weighing import STARTS, best_weights, competitors, surely_better
from potomac.recommend.explanation import Explanation
from potomac.recommend.matrix.bounds import hold
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.methods import arguments_of, method_named
from potomac.recommend.parameters import fresh
from potomac.recommend.popular import Popular, ages
from potomac.recommend.recommender import BLOCK, NAMED, Recommender
from potomac.recommend.topn import best

__all__ = ["Hybrid", "raw"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
By = Literal["evidence", "nothing"]

LENGTHS = (0, 1, 4, 16, 64)
"""Shortest history of each step of evidence."""
ENOUGH = 30
"""Choices from which weights of a step are learned; with fewer those of the step before hold."""
RECENCY = 10.0
"""After how many later entries of a person one counts half."""
EXACT = 1 << 28
"""Scores up to which those of an item for everybody are all computed."""
POOL = 300
"""People, of very many, whose scores of an item are computed, at least."""
MOST_ITEMS = 12_000
"""Catalogues up to this size have EASE among the methods, larger ones ALS."""


class Hybrid(Recommender):
    """Popularity where nobody is known, attributes for what is new, other people's taste where there is enough of it.

    Args:
        models: methods, not fitted; None: popularity, of all time and of late, EASE (ALS for large catalogues), and
            content where the catalogue has features.
        by: ``evidence``: weights by how much is known of a person; ``nothing``: the same weights for all.
        weights: of the models, for everybody; None: learned.
        few: interactions of an item at which what other people's taste says of it counts half.
        seed: of the people that weights are learned from.

    Attributes:
        models_: the fitted methods.
        weights_: of each method at each step of evidence, shape (steps, methods); see :attr:`weights_by_name`.
        lengths_: shortest history of each step, shape (steps,).
        shares_: what the score of one method (column) lets expect of another's (row), shape (methods, methods).
        choices_: how many choices each step's weights were learned from, shape (steps,).
    """

    name: ClassVar[str] = "hybrid"
    _state: ClassVar[tuple[str, ...]] = ("models_", "weights_", "lengths_", "shares_", "choices_")

    def __init__(
        self,
        models: Sequence[Recommender] | None = None,
        by: By = "evidence",
        weights: Sequence[float] | None = None,
        few: float = 2.0,
        seed: int = 0,
    ) -> None:
        self.models = models
        self.by = by
        self.weights = weights
        self.few = few
        self.seed = seed

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        """Values worth trying, the best guess first."""
        return {"by": ("evidence", "nothing")}

    # ---------------------------------------------------------------------------------- fit

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        self._checked()
        self._forget()
        chosen = [fresh(model) for model in self.models] if self.models else _usual(interactions, items)
        self.lengths_ = np.array(LENGTHS if self.by == "evidence" else LENGTHS[:1])
        steps, methods = len(self.lengths_), len(chosen)
        self.shares_ = np.zeros((methods, methods))
        self.choices_ = np.zeros(steps, np.int64)
        self.weights_ = np.ones((steps, methods))
        if self.weights is not None:
            self.weights_ *= self.weights
        learn = methods > 1 and self.weights is None
        stages = _Stages(progress, methods * (1 + learn))
        if learn:
            self._learn(chosen, interactions, items, stages)
        self.models_ = stages.all_fitted(chosen, interactions, items)
        if not learn:
            some = np.flatnonzero(interactions.of_users)
            drawn = np.random.default_rng(self.seed).permutation(some)[:EACH]
            self.shares_ = self._regressed(interactions, interactions.histories(np.sort(drawn)))
        self._forget()

    def _forget(self) -> None:
        """What follows from other models than those that are fitted now."""
        for name in ("_trust", "_coefficients", "_estimates"):
            self.__dict__.pop(name, None)

    def _checked(self) -> None:
        hold(self, few=(self.few >= 0, "0 or more"))
        if self.by not in ("evidence", "nothing"):
            raise StudyError(
                Fault("recommend.parameter", f'by is "{self.by}"', 'expected "evidence" or "nothing"', key="by")
            )
        if self.models is not None and not len(self.models):
            raise StudyError(Fault("recommend.parameter", "there are no models", "expected one at least", key="models"))
        if self.weights is None:
            return
        many = len(self.models or ())
        wrong = len(self.weights) != many or any(not 0 <= float(w) < np.inf for w in self.weights)
        if wrong or not any(self.weights):
            found, expected = f"weights are {list(self.weights)}", f"expected {many}, one for each model, none below 0"
            raise StudyError(Fault("recommend.parameter", found, expected, key="weights"))

    def _learn(self, chosen: list[Recommender], interactions: Interactions, items: Items, stages: _Stages) -> None:
        """Weights by what people did last, which the methods have not seen."""
        trials = trials_of(interactions, self.lengths_, self.seed)
        if trials is None:
            return
        self.models_ = stages.all_fitted([fresh(model) for model in chosen], trials.train, items)
        self.shares_ = self._regressed(trials.train, trials.steps[-1])
        options = [self._options(trials, step) for step in range(len(trials.steps))]
        steps = options[: len(self.lengths_)]
        self.choices_ = np.array([len(stands) for _, stands in steps])
        if len(options[-1][1]) < ENOUGH:
            return
        single = list(np.eye(len(chosen)))
        drawn = list(np.random.default_rng(self.seed).dirichlet(np.ones(len(chosen)), STARTS))
        everybody = best_weights(options[-1], [np.ones(len(chosen)), *single, *drawn])
        self.weights_[:] = everybody
        for step, one in enumerate(steps):
            if len(one[1]) >= ENOUGH and len(steps) > 1:
                own = best_weights(one, [everybody, *single, *drawn])
                if surely_better(one, own, everybody):
                    self.weights_[step] = own

    def _options(self, trials: Trials, step: int) -> tuple[Floats, Floats]:
        """What was chosen, first, and what was not: the methods' scores, and how many items each stands for.

        Returns:
            shapes (methods, choices, o) and (choices, o).
        """
        people, whole, chosen = trials.steps[step], trials.whole[step], trials.chosen[step]
        rng = np.random.default_rng(self.seed)
        found = []
        size = max(1, BLOCK // max(1, trials.train.n_items * len(self.models_)))
        for first in range(0, len(people), size):
            last = min(first + size, len(people))
            z = self._mixed(self._standardised(people.part(first, last)))
            at, stands = competitors(z, chosen[first:last], whole.part(first, last), rng)
            found.append((np.take_along_axis(z, at[None], axis=2), stands))
        if not found:
            return np.zeros((len(self.models_), 0, 1), np.float32), np.zeros((0, 1), np.float32)
        return np.concatenate([z for z, _ in found], axis=1), np.concatenate([stands for _, stands in found])

    def _regressed(self, train: Interactions, people: Histories) -> Doubles:
        """How the scores of methods that do not know new items follow from those of methods that do."""
        methods, new = len(self.models_), self._know_new
        shares, gram = np.zeros((methods, methods)), np.zeros((methods, methods))
        if not new.any() or new.all():
            return shares
        warm = train.of_items > 0
        size = max(1, BLOCK // max(1, train.n_items * methods))
        for first in range(0, len(people), size):
            z = self._standardised(people.part(first, min(first + size, len(people))))[:, :, warm]
            for one in range(methods):  # sums that are the same on any number of cores
                gram[one] += [float((z[one] * other).sum(dtype=np.float64)) for other in z]
        own = gram[np.ix_(new, new)]
        own += (1e-3 * np.trace(own) / new.sum() + 1e-12) * np.eye(int(new.sum()))
        shares[np.ix_(~new, new)] = np.maximum(np.linalg.solve(own, gram[np.ix_(new, ~new)]).T, 0)
        return shares

    # ---------------------------------------------------------------------------------- answers

    def _scores(self, histories: Histories) -> Floats:
        scores = np.empty((len(histories), self._trust.shape[0]), np.float32)
        size = max(1, BLOCK // max(1, scores.shape[1] * len(self.models_)))
        for first in range(0, len(histories), size):
            part = histories.part(first, min(first + size, len(histories)))
            scores[first : first + len(part)] = self._blended(part)
        return scores

    def _blended(self, histories: Histories) -> Floats:
        total = np.zeros((len(histories), self._trust.shape[0]), np.float32)
        known = np.zeros(total.shape, np.bool_)
        step = self._evidence(histories)
        for m, model in enumerate(self.models_):
            blend(raw(model, histories), self._coefficients[m], step, total, known)
        total[~known] = -np.inf
        return total

    def _likeliest(self, item: int, n: int, had: Columns) -> tuple[Columns, Floats]:
        """The users with the highest score of an item; of very many, those among the likeliest by an estimate.

        To standardise a person's scores takes all of them. Where that is too much to do for everybody, mean and
        deviation are estimated from some items; the scores of those who are first by that are then exact.
        """
        known = self.interactions_
        if known.n_users * known.n_items * len(self.models_) <= EXACT:
            return super()._likeliest(item, n, had)
        about, without = self._about(item), (np.array([0, len(had)]), had)
        changed = np.zeros(0, np.int64)
        if self.added_ is not None:
            changed = self.added_.changed
            about = np.concatenate((about, np.full(len(self.added_.users), -np.inf, np.float32)))
            about[changed] = -np.inf
        first = best(about[None, :], max(POOL, 5 * n), without=without)[0][0]
        pool = np.concatenate((first[first >= 0], changed))
        scores = np.full(len(about), -np.inf, np.float32)
        if len(pool):
            scores[pool] = np.concatenate([self._scores(part)[:, item] for part in self._blocks(pool)])
        return best(scores[None, :], n, without=without)

    def _about(self, item: int) -> Floats:
        """Score of one item for everybody who was fitted, as it is estimated, shape (m,)."""
        step = np.searchsorted(self.lengths_, self.interactions_.of_users, side="right") - 1
        total = np.zeros(len(step), np.float32)
        for m, model in enumerate(self.models_):
            z = self._estimates.standardised(m, model, item)
            total += (self._coefficients[m, step, item] * z).astype(np.float32)
        return total

    @cached_property
    def _estimates(self) -> Estimates:
        return Estimates(self.interactions_, self.seed)

    def _parts(self, history: Histories, item: int) -> Floats:
        return np.asarray(self._parts_of(history, np.array([item]))[0])

    def _parts_of(self, history: Histories, items: Ints) -> Floats:
        return np.asarray(self._parts_of_models(history, items).sum(axis=0), np.float32)

    def _parts_of_models(self, history: Histories, items: Ints) -> Doubles:
        """What each entry adds to the scores through each method, shape (methods, i, e)."""
        found = np.zeros((len(self.models_), len(items), len(history.indices)))
        step = int(self._evidence(history)[0])
        for m, model in enumerate(self.models_):
            if isinstance(model, Popular):  # nothing of it comes from the history
                continue
            scores = raw(model, history)
            weight = np.where(np.isfinite(scores[0, items]), self._coefficients[m, step, items], 0)
            if weight.any():
                found[m] = (weight / moments(scores)[1][0])[:, None] * model._parts_of(history, items)
        return found

    def _alike(self, rows: Ints) -> Floats:
        total = np.zeros((len(rows), self._trust.shape[0]), np.float32)
        known = np.zeros(total.shape, np.bool_)
        last = np.full(len(rows), len(self.lengths_) - 1)
        answered = False
        for m, model in enumerate(self.models_):
            try:
                alike = model._alike(rows)
            except NoAnswer:
                continue
            answered = True
            blend(np.ascontiguousarray(alike, np.float32), self._coefficients[m], last, total, known)
        if not answered:
            raise NoAnswer(self._cannot("has no method that knows which items are alike"))
        total[~known] = -np.inf
        return total

    def explained(self, history: Histories, item: int, user: object = None) -> Explanation:
        """Why an item is offered to the one person of ``history``, and, where that counts, what it shares."""
        return replace(super().explained(history, item, user), sentence=self.reasons(history, [item])[0])

    def reasons(self, history: Histories, items: npt.ArrayLike) -> list[str]:
        """See :meth:`Recommender.reasons`; where most of it comes from content, what the items share."""
        numbers = np.asarray(items, np.int64)
        parts = self._parts_of_models(history, numbers)
        return [self._said(history, parts[:, k], item) for k, item in enumerate(numbers.tolist())]

    def _said(self, history: Histories, parts: Doubles, item: int) -> str:
        """The reason, of what each entry adds through each method, shape (methods, e)."""
        total = parts.sum(axis=0).astype(np.float32)
        if not (total > 0).any():
            return "because many people liked it"
        because, top = self._because(history, total, NAMED), int(total.argmax())
        for m, model in enumerate(self.models_):
            if isinstance(model, Content) and parts[m, top] >= 0.5 * total[top]:
                return model.reason(because, item)
        return self._sentence(because)

    def audience_of(self, features: Mapping[str, Any], n: int = 10) -> pa.Table:
        """The ``n`` people who are most likely interested in an item that is not in the catalogue yet.

        See :meth:`Content.audience_of`.

        Raises:
            NoAnswer: there is no content among the methods.
            StudyError: an attribute is none of the catalogue's.
            DataError: a value cannot be read, or nothing of the item is known.
        """
        return self._content().audience_of(features, n)

    def alike_to(self, features: Mapping[str, Any], n: int = 10) -> pa.Table:
        """The ``n`` items of the catalogue that are most like one that is not in it: see :meth:`Content.alike_to`.

        Raises:
            NoAnswer: there is no content among the methods.
            StudyError: an attribute is none of the catalogue's.
            DataError: a value cannot be read, or nothing of the item is known.
        """
        return self._content().alike_to(features, n)

    def _content(self) -> Content:
        self._fitted()
        for model in self.models_:
            if isinstance(model, Content):
                return model
        raise NoAnswer(self._cannot("has no content among its methods, and so knows nothing of what is new"))

    @property
    def weights_by_name(self) -> list[dict[str, float]]:
        """For each step of evidence: ``from``, its shortest history, and the methods' weights, which add up to 1."""
        self._fitted()
        names = _names(self.models_)
        share = self.weights_ / self.weights_.sum(axis=1, keepdims=True)
        return [
            {"from": float(length), **dict(zip(names, map(float, row), strict=True))}
            for length, row in zip(self.lengths_, share, strict=True)
        ]

    # ---------------------------------------------------------------------------------- what follows from the fit

    @property
    def _know_new(self) -> npt.NDArray[np.bool_]:
        """Which methods know items without interactions, shape (methods,)."""
        return np.array([isinstance(model, Content) for model in self.models_])

    @cached_property
    def _trust(self) -> Doubles:
        """How far the methods that do not know new items are believed of each item, shape (n,)."""
        counts = self.models_[0].interactions_.of_items
        if not self._know_new.any():
            return np.ones(len(counts))
        return np.where(counts > 0, counts / np.maximum(counts + self.few, 1e-12), 0)

    @cached_property
    def _coefficients(self) -> Floats:
        """Weight of each method's score of each item, shape (methods, steps, n)."""
        trust, new = self._trust, self._know_new
        found = self.weights_.T[:, :, None] * np.where(new[:, None, None], 1, trust)
        lent = np.einsum("sm,mc->cs", self.weights_ * ~new, self.shares_)
        return np.ascontiguousarray(found + lent[:, :, None] * (1 - trust), np.float32)

    def _evidence(self, histories: Histories) -> Ints:
        return np.searchsorted(self.lengths_, histories.lengths, side="right") - 1

    def _standardised(self, histories: Histories) -> Floats:
        """Scores of each method with mean 0 and deviation 1 for each person, 0 where unknown: (methods, k, n)."""
        return np.stack([standardised(raw(model, histories)) for model in self.models_])

    def _mixed(self, z: Floats) -> Floats:
        """The same with what is lent to items that only some methods know well."""
        trust, new = self._trust.astype(np.float32), self._know_new
        if not new.any():
            return z
        mixed = z.copy()
        for m in np.flatnonzero(~new):
            mixed[m] *= trust
            for c in np.flatnonzero(self.shares_[m]):
                mixed[m] += np.float32(self.shares_[m, c]) * (1 - trust) * z[c]
        return mixed


def _usual(interactions: Interactions, items: Items) -> list[Recommender]:
    """Popularity, of all time and of late, a collaborative method, and content where there are features."""
    other = method_named("als" if interactions.n_items > MOST_ITEMS else "ease")()
    if interactions.times is None:
        found: list[Recommender] = [Popular(), other]
    else:
        other = fresh(other, recency=RECENCY) if "recency" in arguments_of(other) else other
        span = float(ages(interactions.times).max(initial=0))
        found = [Popular(), Popular(half_life=max(span / 8, 1e-3)), other]
    taste = Content(recency=None if interactions.times is None else RECENCY)
    return [*found, taste] if described(items) else found


class _Stages:
    """Fits one model after the other and tells how many are done."""

    def __init__(self, progress: Progress, whole: int) -> None:
        self.progress, self.done, self.whole = progress, 0, whole

    def all_fitted(self, models: Sequence[Recommender], interactions: Interactions, items: Items) -> list[Recommender]:
        """Each of them; one that learns what another has learned is not fitted again."""
        found: list[Recommender] = []
        for model in models:
            near = next((one for one in found if learned_alike(one, model)), None)
            if near is None:
                found.append(self.fitted(model, interactions, items))
            else:
                asked = {name: getattr(model, name) for name in ASKED.get(model.name, ())}
                found.append(asked_otherwise(near, asked))
                self.done += 1
                self.progress("training", self.done, self.whole)
        return found

    def fitted(self, model: Recommender, interactions: Interactions, items: Items) -> Recommender:
        def inner(what: str, done: float, total: float | None = None) -> None:
            part = done / total if total else 0.0
            self.progress("training", self.done + min(part, 1.0), self.whole)

        model.fit(interactions, items, progress=inner)
        self.done += 1
        self.progress("training", self.done, self.whole)
        return model


def _names(models: Sequence[Recommender]) -> list[str]:
    """A name for each method, numbered where one occurs twice."""
    names = [model.name for model in models]
    return [name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}" for i, name in enumerate(names)]
