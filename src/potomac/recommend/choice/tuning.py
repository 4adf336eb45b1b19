"""Tuning: which method, with which parameters, foretells best what is held out of the train set.

Each method is searched along its own ``space``, one parameter at a time and uphill (coordinate search); the number of
fits is shared out by successive halving (Jamieson and Talwalkar 2016): all, then the better half, then the best two.
The budget is a number of fits and not of seconds, so that the same data and seed give the same choice everywhere.
Parameters of asking (see asking) need no fit and are tried first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import DataError, Interrupted, PotomacError
from potomac.recommend.blends.asking import ASKED, apart, asked_otherwise
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.methods import arguments_of
from potomac.recommend.recommender import Recommender
from potomac.recommend.testing.evaluation import lists_of
from potomac.recommend.testing.metrics import hits_of, ndcg
from potomac.recommend.testing.splits import Split, split_of
from potomac.stats.streams import Stream

__all__ = ["Candidate", "Search", "folds_of", "sample_of", "space_of", "value_of"]

Floats = npt.NDArray[np.float64]
Choice = tuple[int, ...]

MOST = 5_000_000
"""Interactions above which parameters are tuned on a sample of the people."""
SAMPLE = 3_000_000
"""Interactions that the sample has about."""
ENOUGH = 4_000
"""People over whom a figure is thought sharp enough; smaller data is held out of several times over."""
FOLDS = 3
FAR = 4.0
"""Ratio of two numbers of entries from which on models that forget so fast are two views of a person, not one."""
NEVER = 1000.0
"""Entries that stand for forgetting nothing."""
CHEAP = frozenset({"popular"})
"""Methods whose fits are not worth counting: all of their parameters are tried."""
_END = object()


def sample_of(interactions: Interactions, seed: int) -> Interactions:
    """All people, or, of more than five million interactions, the people of about three million."""
    if interactions.nnz <= MOST:
        return interactions
    people = np.flatnonzero(interactions.of_users)
    many = max(1, int(len(people) * SAMPLE / interactions.nnz))
    draws = Stream(seed, ("recommend", "sample")).generator()
    return interactions.take_users(np.sort(draws.choice(people, many, replace=False)))


def folds_of(interactions: Interactions, kind: str, *, seed: int, **options: Any) -> list[Split]:
    """Validation splits, each made like the test's: one, or as many as it takes to ask some thousand times.

    The second holds out what came before what the first held out, and so on; of people held out whole, others are
    drawn each time.

    Raises:
        DataError: nobody is left to be tested.
    """
    folds = [split_of(interactions, kind, seed=seed, **options)]
    while len(folds) < FOLDS and sum(len(fold.held) for fold in folds) < ENOUGH:
        try:
            if kind == "strong":
                folds.append(split_of(interactions, kind, **{**options, "seed": seed + len(folds)}))
            else:
                folds.append(folds[-1].inner(seed, options.get("test_users")))
        except DataError:
            break
    return folds


def space_of(method: type[Recommender], interactions: Interactions) -> dict[str, Sequence[Any]]:
    """Values of each parameter of a method that are worth a try, the best guess first; none where it has none."""
    space = getattr(method, "space", None)
    return {} if space is None else dict(space(interactions))


@dataclass(eq=False)
class Candidate:
    """A method with parameters that was tried.

    Attributes:
        method: the class.
        choice: the place of each parameter's value in its list.
        parameters: by name.
        lengths: of the lists that they are from.
        values: nDCG of each person of all folds, shape (k,); empty where the method could not be fitted.
        models: as fitted to each fold's train set; empty once it is not the best of its method.
        seconds: that fitting and ranking took.
        fault: why it could not be fitted.
    """

    method: type[Recommender]
    choice: Choice
    parameters: dict[str, Any]
    lengths: dict[str, int]
    values: Floats = field(default_factory=lambda: np.zeros(0))
    models: list[Recommender] = field(default_factory=list)
    seconds: float = 0.0
    fault: str = ""

    @property
    def name(self) -> str:
        """Word for the method."""
        return self.method.name

    @property
    def score(self) -> float:
        """Mean of the values; minus infinity where it could not be fitted."""
        return float(self.values.mean()) if len(self.values) else -np.inf


class Search:
    """All that was tried on some folds.

    Args:
        folds: what is learnt from and held out.
        items: the catalogue, or None.
        n: length of the lists whose nDCG counts.
        given: parameters by the method's name that stand firm, ``seed`` for instance.
        progress: is told how far it is.
    """

    def __init__(
        self, folds: Sequence[Split], items: Items | None, n: int, given: Mapping[str, Any], progress: Progress
    ) -> None:
        self.folds, self.items, self.n, self.given, self.progress = folds, items, n, given, progress
        self.tried: dict[tuple[str, Choice], Candidate] = {}
        self.fits: dict[str, int] = {}
        self.total = 0

    def best(self, name: str) -> Candidate | None:
        """The best of a method's candidates so far; of equals the first."""
        found = [one for (method, _), one in self.tried.items() if method == name and len(one.values)]
        return max(found, key=lambda one: one.score, default=None)

    def otherwise(self, best: Candidate) -> Candidate | None:
        """The best of those that learned what ``best`` did and forget much faster or slower; None where there is none.

        Somebody's last days and their whole life are two views of them: blended they may foretell more than either.
        """
        there = [one for one in self.tried.values() if _alike(one, best) and len(one.values) and _far(one, best)]
        found = max(there, key=lambda one: one.score, default=None)
        if found is None:
            return None
        changes = {name: found.parameters[name] for name in ASKED[found.name]}
        return replace(found, models=[asked_otherwise(model, changes) for model in best.models])

    def run(self, methods: Sequence[type[Recommender]], fits: int, caps: Mapping[str, int]) -> None:
        """Try them all; about ``fits`` fits, and of some methods at most so many as ``caps`` says."""
        self.total = max(fits, len(methods))
        self.fits = {method.name: 0 for method in methods}
        walks = {method.name: self._walk(method, caps.get(method.name, fits)) for method in methods}
        for walk in walks.values():  # the best guess of each
            _go(walk, 1)
        half = self._order(walks)[: -(-len(walks) // 2)]
        each = self._left(fits) // (2 * max(1, len(half)))
        for name in half:
            _go(walks[name], each)
        for name in self._order(walks)[:2]:
            _go(walks[name], -(-self._left(fits) // 2))
        for name in self._order(walks):
            _go(walks[name], self._left(fits))

    def _left(self, fits: int) -> int:
        return max(0, fits - sum(self.fits.values()))

    def _order(self, names: Iterable[str]) -> list[str]:
        """Those that could be fitted, the best first."""
        return sorted((name for name in names if self.best(name)), key=self._rank)

    def _rank(self, name: str) -> tuple[float, str]:
        found = self.best(name)
        return (-found.score if found else np.inf, name)

    def _walk(self, method: type[Recommender], cap: int) -> Iterator[None]:
        """Uphill along one parameter after the other, twice, those of asking first; a step for each fit."""
        space = space_of(method, self.folds[0].train)
        asked = ASKED.get(method.name, frozenset())
        names = sorted((name for name, values in space.items() if len(values) > 1), key=lambda name: name not in asked)
        here = tuple(0 for _ in space)
        at = {name: place for place, name in enumerate(space)}
        yield from self._try(method, space, here, cap)
        for name in (*names, *names):
            values, place = space[name], at[name]
            start = here
            for way in _ways(values, here[place]):
                if here != start and len(way) > 1:
                    break
                for step in way:
                    there = (*here[:place], step, *here[place + 1 :])
                    yield from self._try(method, space, there, cap)
                    if self._score(method, there) <= self._score(method, here):
                        break
                    here = there

    def _score(self, method: type[Recommender], choice: Choice) -> float:
        found = self.tried.get((method.name, choice))
        return found.score if found else -np.inf

    def _try(
        self, method: type[Recommender], space: Mapping[str, Sequence[Any]], choice: Choice, cap: int
    ) -> Iterator[None]:
        """Fit, where that is needed, and judge, unless this was tried before or the method has had its share."""
        key = (method.name, choice)
        if key in self.tried:
            return
        parameters = {name: values[at] for (name, values), at in zip(space.items(), choice, strict=True)}
        lengths = {name: len(values) for name, values in space.items()}
        candidate = Candidate(method, choice, parameters, lengths)
        near = self._near(candidate)
        free = bool(near) or method.name in CHEAP
        if not free:
            if self.fits[method.name] >= cap:
                return
            done = sum(self.fits.values())
            self.progress("choosing a method", done, max(self.total, done + 1))
            self.fits[method.name] += 1
        before = self.best(method.name)
        made = self.tried[key] = self._judged(candidate, near)
        if before is not None and made.score > before.score:
            before.models = []
        elif before is not None:
            made.models = []
        if not free:
            yield

    def _fitted(self, candidate: Candidate, fold: Split) -> Recommender:
        known = arguments_of(candidate.method())
        given = {name: value for name, value in self.given.items() if name in known}
        return candidate.method(**{**given, **candidate.parameters}).fit(fold.train, self.items)

    def _near(self, candidate: Candidate) -> list[Recommender]:
        """Models that differ from a candidate in asking alone, brought to its parameters; none where there are none."""
        for other in self.tried.values():
            if other.models and candidate.name in ASKED and _alike(other, candidate):
                changes = {name: candidate.parameters[name] for name in ASKED[candidate.name]}
                return [asked_otherwise(model, changes) for model in other.models]
        return []

    def _judged(self, candidate: Candidate, near: Sequence[Recommender]) -> Candidate:
        begun = time.perf_counter()
        values = []
        try:
            for at, fold in enumerate(self.folds):
                model = near[at] if near else self._fitted(candidate, fold)
                values.append(value_of(lists_of(model, fold, self.n), fold, self.n))
                candidate.models.append(model)
            candidate.values = np.concatenate(values)
        except Interrupted:
            raise
        except PotomacError as error:  # this method cannot learn from this data: others may
            candidate.models, candidate.fault = [], str(error)
        candidate.seconds = time.perf_counter() - begun
        return candidate


def _alike(one: Candidate, other: Candidate) -> bool:
    """Whether both learn the same."""
    return one.method is other.method and apart(one.name, one.parameters) == apart(other.name, other.parameters)


def _far(one: Candidate, other: Candidate) -> bool:
    """Whether one forgets so much faster than the other that they are two views."""
    few, many = sorted(float(each.parameters.get("recency") or NEVER) for each in (one, other))
    return one.name in ASKED and many >= FAR * few


def value_of(lists: npt.NDArray[np.int32], split: Split, n: int) -> Floats:
    """The nDCG of each person's list, shape (k,)."""
    return ndcg(hits_of(lists, split.held), split.held.lengths, n)


def _go(walk: Iterator[None], steps: int) -> None:
    for _ in range(steps):
        if next(walk, _END) is _END:
            return


def _ways(values: Sequence[Any], here: int) -> list[list[int]]:
    """Places to go from one of the values: up and then down numbers in their order, to any of other values."""
    if not all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
        return [[place] for place in range(len(values)) if place != here]
    order = sorted(range(len(values)), key=lambda place: np.inf if values[place] is None else float(values[place]))
    at = order.index(here)
    return [order[at + 1 :], order[:at][::-1]]
