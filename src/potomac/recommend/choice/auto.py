"""Auto: the method that does best on a held-out part of the data, tuned, or a blend of the best."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import DataError, Fault, StudyError
from potomac.recommend.blends.hybrid import Hybrid
from potomac.recommend.choice.mixing import mixed
from potomac.recommend.choice.tuning import Candidate, Search, folds_of, sample_of, space_of
from potomac.recommend.explanation import Explanation
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.methods import method_named
from potomac.recommend.popular import Popular
from potomac.recommend.recommender import Recommender
from potomac.stats.intervals import mean_interval

__all__ = ["Auto"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

PERSONAL = ("item_knn", "ease", "next_item", "als")
"""Methods that learn from who had to do with what."""
PERSONAL_ERRORS = 3.0
"""Standard errors by which a personal method must beat popularity: it is the best of many that were tried, of which one
in ten or so would seem better by two where there is no taste at all."""
MIXED_ERRORS = 0.0
"""Standard errors by which a blend must beat the best alone: none, as it is judged by people who did not choose it, and
of two that are as good the blend errs less on other data."""
_WORK = 60.0
"""Seconds, about, that a method may take in all whose time grows with the number of items cubed."""
_CHOICES = pa.schema(
    [
        ("method", pa.string()), ("parameters", pa.string()), ("score", pa.float64()), ("low", pa.float64()),
        ("high", pa.float64()), ("seconds", pa.float64()), ("chosen", pa.bool_()), ("fault", pa.string()),
    ]
)  # fmt: skip


class Auto(Recommender):
    """Whatever does best on what is held out of the train set: a method with its parameters, or a blend of several.

    Methods are tuned on validation splits made within the data that is fitted, like the test's kind of split (see
    tuning); nDCG decides. The best of each method are then blended (see mixing), and the blend is taken where it is
    better than the best alone for people who had no part in its choice. A personal method that is not better
    than popularity by three gives way to popularity. What was chosen is fitted to everything.

    Args:
        methods: words for the methods to choose from; None: popular, item_knn, ease, als, next_item where there are
            times, and content where the catalogue has features.
        fits: about how many fits are tried; None: 40, or 24 above 250,000 interactions. What needs no fit is not
            counted.
        split: which kind of split is to be done well on: leave_last_out, time or strong.
        last: how many are held out of each, in leave_last_out.
        k: length of the lists that are to be good; twice as many are looked at, which is less noisy.
        test_users: people who are asked about in validation, at most.
        blend: whether several may be blended.
        seed: draws people, and is handed to methods that draw.

    Attributes:
        chosen_: the fitted model that answers.
        choices_: columns method, parameters (JSON), score, low and high (95 %), seconds, chosen, and fault where a
            method could not learn from the data; the best first.
        note: what was done to choose, in a sentence.
    """

    name: ClassVar[str] = "auto"
    _state: ClassVar[tuple[str, ...]] = ("chosen_", "choices_", "note")

    chosen_: Recommender
    choices_: pa.Table
    note: str

    def __init__(
        self,
        methods: Sequence[str] | None = None,
        *,
        fits: int | None = None,
        split: str = "leave_last_out",
        last: int = 2,
        k: int = 10,
        test_users: int = 5_000,
        blend: bool = True,
        seed: int = 0,
    ) -> None:
        self.methods = methods
        self.fits = fits
        self.split = split
        self.last = last
        self.k = k
        self.test_users = test_users
        self.blend = blend
        self.seed = seed

    # ---------------------------------------------------------------------------------- choosing

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        methods = self._methods(interactions, items)
        some = sample_of(interactions, self.seed)
        options = {"last": self.last} if self.split == "leave_last_out" else {}
        try:
            folds = folds_of(some, self.split, seed=self.seed, test_users=self.test_users, **options)
        except DataError as error:
            self._settle(Popular(), interactions, items, progress)
            self.choices_ = _CHOICES.empty_table()
            self.note = f"Popularity, without a choice: {error.faults[0].found}"
            return
        search = Search(folds, items, 2 * self.k, {"seed": self.seed}, progress)
        search.run(methods, self._fits(some), _caps(some))
        model, won, said = self._winner(search, interactions)
        self.choices_ = _table(search, won)
        of = "" if some is interactions else f" in a sample of {some.n_users:,} people"
        asked = sum(len(fold.held) for fold in folds)
        self.note = f"{said}, of {len(search.tried)} that were tried on {asked:,} held-out lists{of}"
        self._settle(model, interactions, items, progress)

    def _methods(self, interactions: Interactions, items: Items) -> list[type[Recommender]]:
        words = self.methods
        if words is None:
            words = ("popular", *PERSONAL, *(("content",) if items.features.num_columns else ()))
            words = tuple(word for word in words if word != "next_item" or interactions.times is not None)
        if not words or "auto" in words:
            found = f"methods are {list(words)}"
            raise StudyError(Fault("recommend.methods", found, "expected one at least, and not auto", key="methods"))
        if self.fits is not None and self.fits < 1:
            raise StudyError(Fault("recommend.methods", f"fits is {self.fits}", "expected 1 or more", key="fits"))
        return [method_named(word) for word in words]

    def _fits(self, interactions: Interactions) -> int:
        if self.fits is not None:
            return self.fits
        return 40 if interactions.nnz <= 250_000 else 24

    def _winner(self, search: Search, interactions: Interactions) -> tuple[Recommender, list[Candidate], str]:
        """What is to be fitted to everything, of which candidates, and a few words."""
        found = sorted((one for name in _names(search) if (one := search.best(name))), key=lambda one: -one.score)
        if not found:
            return Popular(), [], "Popularity, as no method could learn from the data"
        best = found[0]
        plain = next((one for one in found if one.name == "popular"), None)
        if plain is not None and plain is not best and not _surely(best.values - plain.values, PERSONAL_ERRORS):
            return self._anew(plain, interactions), [plain], "Popularity, which no personal method surely beats"
        errors = PERSONAL_ERRORS if best is plain else MIXED_ERRORS
        if self.blend and len(found) > 1:
            others = [other for one in found if (other := search.otherwise(one))]
            mix = mixed(sorted([*found, *others], key=lambda one: -one.score), search.folds, search.n)
            if len(mix.members) > 1 and _surely(mix.values - mix.alone, errors):
                models = [self._anew(one, interactions) for one in mix.members]
                hybrid = Hybrid(models, by="nothing", weights=mix.weights, few=0.0)  # adds up what was judged
                parts = ", ".join(
                    f"{weight:.0%} {one.name}" for one, weight in zip(mix.members, mix.weights, strict=True)
                )
                return hybrid, mix.members, f"A blend of {parts}"
        return self._anew(best, interactions), [best], best.method.__name__

    def _anew(self, candidate: Candidate, interactions: Interactions) -> Recommender:
        """The method with its values, or, of those that grow with the data, with the ones at the same places."""
        parameters = dict(candidate.parameters)
        for (name, values), at in zip(space_of(candidate.method, interactions).items(), candidate.choice, strict=True):
            if parameters[name] not in values and len(values) == candidate.lengths[name]:
                parameters[name] = values[at]
        made = candidate.method(**parameters)
        if hasattr(made, "seed"):
            made.seed = self.seed
        return made

    def _settle(self, model: Recommender, interactions: Interactions, items: Items, progress: Progress) -> None:
        self.chosen_ = model.fit(interactions, items, progress=progress)
        self.items_ = self.chosen_.items_

    # ---------------------------------------------------------------------------------- what was chosen answers

    def _scores(self, histories: Histories) -> Floats:
        return self.chosen_._scores(histories)

    def _alike(self, rows: Ints) -> Floats:
        return self.chosen_._alike(rows)

    def _parts(self, history: Histories, item: int) -> Floats:
        return self.chosen_._parts(history, item)

    def _column(self, item: int) -> Floats:
        return self.chosen_._column(item)

    def _parts_of(self, history: Histories, items: Ints) -> Floats:
        return self.chosen_._parts_of(history, items)

    def _scores_at(self, histories: Histories, items: Ints) -> Floats:
        return self.chosen_._scores_at(histories, items)

    def reasons(self, history: Histories, items: npt.ArrayLike) -> list[str]:
        """Why each of ``items`` is offered to the one person of ``history``, as the chosen model has it."""
        return self.chosen_.reasons(history, items)

    def reason(self, because: pa.Table, item: int) -> str:
        """See :meth:`Recommender.reason`."""
        return self.chosen_.reason(because, item)

    def explained(self, history: Histories, item: int, user: object = None) -> Explanation:
        """Why an item is offered to the one person of ``history``, as the chosen model has it."""
        return self.chosen_.explained(history, item, user)


def _names(search: Search) -> list[str]:
    return [*dict.fromkeys(name for name, _ in search.tried)]


def _surely(differences: npt.NDArray[np.float64], errors: float) -> bool:
    """Whether a mean difference is more than so many standard errors above 0."""
    error = float(differences.std(ddof=1)) / np.sqrt(len(differences)) if len(differences) > 1 else 0.0
    return float(differences.mean()) > errors * error


def _caps(interactions: Interactions) -> dict[str, int]:
    """How many fits of methods are affordable that take so many seconds times the thousands of items cubed."""
    some = {"ease": (0.02, 20_000), "next_item": (0.05, 10_000)}
    thousands = {name: min(interactions.n_items, most) / 1000 for name, (_, most) in some.items()}
    return {name: max(1, int(_WORK / (one * max(thousands[name], 0.1) ** 3))) for name, (one, _) in some.items()}


def _table(search: Search, won: Sequence[Candidate]) -> pa.Table:
    rows = []
    for one in sorted(search.tried.values(), key=lambda one: -one.score):
        low, high = mean_interval(one.values) if len(one.values) > 1 else (None, None)
        rows.append(
            {
                "method": one.name,
                "parameters": json.dumps(one.parameters),
                "score": one.score if len(one.values) else None,
                "low": low,
                "high": high,
                "seconds": one.seconds,
                "chosen": any((one.name, one.choice) == (other.name, other.choice) for other in won),
                "fault": one.fault,
            }
        )
    return pa.Table.from_pylist(rows, _CHOICES)
