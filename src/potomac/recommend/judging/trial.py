"""The decisive trial: does a personal list beat the best list for all, on what people did next?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.recommend.attributes.content import Content
from potomac.recommend.judging.impersonal import ListForAll, lists_for_all, mixtures, shown_by, steps
from potomac.recommend.matrix.interactions import Histories
from potomac.recommend.matrix.items import Items
from potomac.recommend.parameters import fresh
from potomac.recommend.recommender import Recommender
from potomac.recommend.testing.metrics import hits_of, ndcg
from potomac.recommend.testing.splits import Split
from potomac.recommend.topn import best
from potomac.stats.bootstrap import Statistic, percentile_interval
from potomac.stats.streams import Stream

__all__ = ["Blend", "Gain", "Trial", "best_for_all", "crossed", "flipped", "from_list", "gain_of", "served", "tried"]

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Half = npt.NDArray[np.int8]
Key = TypeVar("Key")

FLIPS, MANY = 20_000, 500
DRAWS = 4_000
A_HIT = 0.289
"""Worth of a hit at the tenth place, 1 / log2(11)."""
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Blend:
    """How a personal list takes account of what everybody is shown.

    With m the model's share of each item for a person, and p and q the shares of the list for all at that moment and
    of all time, items are ranked by (1 - weight) m p / q + weight p, or without p / q. So a model that knows little of
    somebody stays near the list for all, and one that was fitted to a whole year goes with the season.

    Attributes:
        lately: whether with the season, or as the model was fitted.
        weight: of the list for all.
    """

    lately: bool = False
    weight: float = 0.0


WEIGHTS = (0.0, 0.5, 0.8)


@dataclass(frozen=True, eq=False)
class Trial:
    """What each test person got from each candidate, and which candidate each half of them would choose.

    Attributes:
        split: what was held out.
        n: length of the lists.
        half: the half that each person belongs to, 0 or 1, shape (k,).
        which: the best list for all. impersonal: nDCG of each person from it, shape (k,).
        personal: nDCG of each person by kind (collaborative, content), and by number of the model and blend.
        models: the models, fitted to the train set, by kind.
    """

    split: Split
    n: int
    half: Half
    which: ListForAll
    impersonal: Array
    personal: Mapping[str, Mapping[tuple[int, Blend], Array]]
    models: Mapping[str, Sequence[Recommender]]

    def of(self, kind: str) -> Array | None:
        """What each person got from the candidate that does best for the other half; None where there is none."""
        return crossed(self.personal[kind], self.half) if self.personal.get(kind) else None

    def chosen(self, kind: str) -> Recommender:
        """The model of a kind that does best for all test people."""
        named = self.personal[kind]
        return self.models[kind][_highest(named)[0]]


@dataclass(frozen=True)
class Gain:
    """How much better a personal list is than the best list for all, over the test people.

    Attributes:
        method: the personal model. list: the list for all.
        people: who were tested.
        personal: mean nDCG of the model. impersonal: mean nDCG of the list.
        personal_hits: share of the people who took something next that the model's list had. impersonal_hits: that the
            list for all had.
        relative: personal over impersonal less 1; a list that never hits anything counts as if it had, once, at the
            tenth place.
        low: lower end of the interval of ``relative``. high: upper end.
        confidence: of the interval, a share.
        p: probability of a difference as large were it only chance which of the two served a person better, by
            flipping the signs of the differences (Fisher 1935); one-sided.
    """

    method: str
    list: str
    people: int
    personal: float
    impersonal: float
    personal_hits: float
    impersonal_hits: float
    relative: float
    low: float
    high: float
    confidence: float
    p: float

    @property
    def sure(self) -> bool:
        """Whether it is above chance: by the interval, and, as few hits make that too short, by the flips too."""
        return self.low > 0 and self.p <= (1 - self.confidence) / 2


def tried(
    split: Split, items: Items | None, candidates: Mapping[str, Sequence[Recommender]], n: int, *, seed: int,
    progress: Progress,
) -> Trial:  # fmt: skip
    """Fit every candidate once, and see what each test person gets.

    Nothing that is held out is learnt from, of nobody. People are parted in halves: each half is judged with the
    model and the blend that do best for the other half, so that no one is judged with what was chosen by them. The
    list for all is the one that does best for all of them: if anything, that is too good.

    Args:
        split: what is held out.
        items: the catalogue, or None.
        candidates: models by kind.
        n: length of the lists.
        seed: parts the people.
        progress: is told how far it is.
    """
    draws = Stream(seed).child("recommend", "readiness", "halves").generator()
    half = np.zeros(len(split.held), np.int8)
    half[draws.permutation(len(half))[: len(half) // 2]] = 1
    which, impersonal = best_for_all(split, n)
    total = sum(len(models) for models in candidates.values())
    personal: dict[str, dict[tuple[int, Blend], Array]] = {}
    fitted: dict[str, list[Recommender]] = {}
    for kind, models in candidates.items():
        personal[kind], fitted[kind] = {}, []
        for number, model in enumerate(models):
            progress("judging whether it pays", sum(map(len, fitted.values())), total)
            fitted[kind].append(fresh(model).fit(split.train, items))
            got = served(fitted[kind][-1], which, split, n)
            personal[kind] |= {(number, blend): values for blend, values in got.items()}
    return Trial(split, n, half, which, impersonal, personal, fitted)


def best_for_all(split: Split, n: int) -> tuple[ListForAll, Array]:
    """The list for all that does best for the test people, and the nDCG of each from it, shape (k,)."""
    each = {which: from_list(which, split, n) for which in lists_for_all(split)}
    each |= {which: from_list(which, split, n) for which in mixtures(_highest(each), list(each))}
    which = _highest(each)
    return which, each[which]


def from_list(which: ListForAll, split: Split, n: int) -> Array:
    """What each test person gets from a list for all: nDCG, shape (k,)."""
    shown = shown_by(which, split)
    parts = steps(len(split.held), split.train.n_items)
    return np.concatenate([_ndcg(shown.chances(a, b), split, a, b, n) for a, b in parts])


def served(model: Recommender, which: ListForAll, split: Split, n: int) -> dict[Blend, Array]:
    """What each test person gets from a fitted model in each blend with a list for all: nDCG, shape (k,)."""
    shown = shown_by(which, split)
    seasons = (False,) if len(shown.counts) == 1 else (False, True)
    found: dict[Blend, list[Array]] = {Blend(lately, w): [] for lately in seasons for w in WEIGHTS}
    for a, b in steps(len(split.held), split.train.n_items):
        mine, theirs = _shares(model, split.histories.part(a, b)), shown.chances(a, b)
        own = {lately: _to_one(mine * shown.lift(a, b)) if lately else mine for lately in seasons}
        for blend, values in found.items():
            w = np.float32(blend.weight)
            values.append(_ndcg((1 - w) * own[blend.lately] + w * theirs, split, a, b, n))
    return {blend: np.concatenate(values) for blend, values in found.items()}


def _shares(model: Recommender, people: Histories) -> Floats:
    """The scores of a model as shares that add up to 1 for each person, shape (k, n).

    A content-based model scores in log odds; the others in what is, but for noise, proportional to a chance.
    """
    scores = model.scores(people)
    if isinstance(model, Content):
        most = scores.max(axis=1, keepdims=True)
        return _to_one(np.exp(scores - np.where(np.isfinite(most), most, np.float32(0))))
    return _to_one(np.maximum(scores, np.float32(0)))


def _to_one(x: Floats) -> Floats:
    total = x.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(x, total, out=np.zeros_like(x), where=total > 0), np.float32)


def _ndcg(scores: Floats, split: Split, first: int, last: int, n: int) -> Array:
    """The nDCG of each of these people, by scores of shape (last - first, items)."""
    known, held = split.histories.part(first, last), split.held.part(first, last)
    lists, _ = best(scores, n, without=(known.indptr, known.indices))
    return ndcg(hits_of(lists, held), held.lengths, n)


def crossed(values: Mapping[Key, Array], half: Half) -> Array:
    """Each half's values of what does best for the other half, shape (k,)."""
    out = np.zeros(len(half))
    for side in (0, 1):
        others = half != side
        scored = others if others.any() else ~others
        key = _highest({key: each[scored] for key, each in values.items()})
        out[half == side] = values[key][half == side]
    return out


def _highest(values: Mapping[Key, Array]) -> Key:
    """The key of the highest mean, the first of equals."""
    return max(values, key=lambda key: float(values[key].mean()))


def gain_of(
    method: str, mine: Array, name: str, theirs: Array, *, confidence: float, stream: Stream
) -> Gain:  # fmt: skip
    """The gain over test people, with an interval by bootstrap over them and the probability by flips of signs.

    Args:
        method: name of the model. mine: nDCG of each person from it, shape (k,).
        name: of the list for all. theirs: nDCG of each person from it, shape (k,).
        confidence: of the interval, a share.
        stream: of the resamples.
    """
    k = len(mine)
    ratio = _relative(mine, theirs)
    low, high = percentile_interval(ratio, k, stream, confidence=confidence, draws=DRAWS)
    return Gain(
        method, name, k, float(mine.mean()), float(theirs.mean()), float((mine > 0).mean()), float((theirs > 0).mean()),
        float(ratio(np.ones((1, k)))[0]), low, high, confidence, flipped(mine - theirs, stream.child("flips")),
    )  # fmt: skip


def _relative(mine: Array, theirs: Array) -> Statistic:
    """The sum of one over the sum of the other, less 1."""

    def ratio(counts: Array) -> Array:
        return np.asarray((counts @ mine) / np.maximum(counts @ theirs, A_HIT) - 1)

    return ratio


def flipped(differences: Array, stream: Stream) -> float:
    """Share of random signs that give a sum at least as large; the signs as they are count as one draw.

    Phipson and Smyth (2010): so that it is never 0 and never too small.
    """
    d = differences[differences != 0]
    if not len(d):
        return 1.0
    if len(d) > MANY:  # the sum is normal by then
        return float(NormalDist().cdf(-float(d.sum()) / float(np.sqrt((d * d).sum()))))
    draws, step, above = stream.generator(), max(1, _BLOCK // len(d)), 0
    for first in range(0, FLIPS, step):
        signs = 2.0 * draws.integers(0, 2, (min(step, FLIPS - first), len(d))) - 1.0
        above += int((signs @ d >= d.sum() - 1e-12).sum())
    return (above + 1) / (FLIPS + 1)
