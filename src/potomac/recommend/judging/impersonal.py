"""The best list that is the same for everybody: what a recommender has to beat before it is worth having."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from potomac.recommend.recommender import BLOCK
from potomac.recommend.testing.splits import Split

__all__ = ["ListForAll", "Shown", "lists_for_all", "mixtures", "shown_by", "steps"]

Array = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

DAY = 86_400_000_000
"""Microseconds of a day."""
BINS = 256
"""Parts of the whole time in which people are counted as of one moment."""
MIXED = (0.25, 0.5, 0.75)
"""Shares of a second list in a mixture."""
FEW = 1e-12
"""Of an item that nobody had to do with."""
SHARES = (1 / 2, 1 / 8, 1 / 32, 1 / 128)
"""Half-lives that are tried, as shares of the whole time."""


@dataclass(frozen=True)
class ListForAll:
    """Items by how many people had to do with them, at the time at which somebody is asked.

    Attributes:
        half_life: days after which an interaction counts half; None: all count alike, whenever they were.
        around: whether those soon after count as those soon before. Where a person's last interactions are held out,
            other people's later ones are learnt from; a personal model takes the season of somebody from them, and
            seems to know the person. A list that may look both ways takes this away.
        other: another list that is mixed in, as what is popular for days and what is for months are not the same.
        share: of that other one.
    """

    half_life: float | None = None
    around: bool = False
    other: ListForAll | None = None
    share: float = 0.0

    @property
    def name(self) -> str:
        """In a few words."""
        if self.other is not None:
            return "the most popular, of those days and of longer"
        if self.half_life is None:
            return "the most popular"
        return f"the most popular of those days (half-life {self.half_life:.3g} days)"


def lists_for_all(split: Split) -> list[ListForAll]:
    """The lists that are tried for a split: of all time, and where there are times, of the time of the question."""
    times = split.train.times
    span = 0.0 if times is None or not len(times) else float(times.max() - times.min()) / DAY
    kinds: tuple[Literal[False], Literal[True]] = (False, True)
    lively = [ListForAll(share * span, around) for share in SHARES for around in kinds] if span > 0 else []
    return [ListForAll(), *lively]


def mixtures(which: ListForAll, others: Iterable[ListForAll]) -> list[ListForAll]:
    """A list with each of the others mixed in."""
    return [replace(which, other=other, share=share) for other in others if other != which for share in MIXED]


@dataclass(frozen=True, eq=False)
class Shown:
    """What everybody is shown, from moment to moment.

    Attributes:
        counts: faded counts of the items as seen from each part of the whole time, shape (moments, n).
        moment: the part at which each test person is asked, shape (k,).
        overall: plain counts, shape (n,).
    """

    counts: Array
    moment: Ints
    overall: Array

    def chances(self, first: int, last: int) -> Floats:
        """Share of each item at the moments of these people, shape (last - first, n); rows add up to 1."""
        return np.asarray(self.shares[self.moment[first:last]])

    def lift(self, first: int, last: int) -> Floats:
        """How much more of each item there is at those moments than over all time, shape (last - first, n)."""
        return np.asarray(self.lifts[self.moment[first:last]])

    @cached_property
    def shares(self) -> Floats:
        """Shares of the items, shape (moments, n)."""
        return np.asarray(self.counts / self.counts.sum(axis=1, keepdims=True), np.float32)

    @cached_property
    def lifts(self) -> Floats:
        """Shares over those of all time, shape (moments, n)."""
        usual = np.asarray(self.overall / max(self.overall.sum(), 1.0), np.float32)
        return np.divide(self.shares, usual, out=np.zeros_like(self.shares), where=usual > 0)


def shown_by(which: ListForAll, split: Split) -> Shown:
    """A list for all, counted from the train set of a split, at the moments of its test people."""
    if which.other is not None:
        one, other = shown_by(replace(which, other=None, share=0.0), split), shown_by(which.other, split)
        mixed = (1 - which.share) * one.shares + which.share * other.shares  # one row is as good as many
        return Shown(mixed.astype(float), one.moment if len(one.counts) > 1 else other.moment, one.overall)
    train, held = split.train, split.held
    overall = train.of_items.astype(float)
    if which.half_life is None or train.times is None or held.times is None:
        return Shown(np.maximum(overall, FEW)[None, :], np.zeros(len(held), np.int64), overall)
    first, span = int(train.times.min()), max(float(train.times.max() - train.times.min()), 1.0)
    counts = _by_moment(_bin(train.times, first, span), train.indices, train.n_items, which, span / DAY)
    counts += overall / (1e6 * (1.0 + overall.sum())) + FEW  # where nobody came lately
    return Shown(counts, _bin(np.minimum.reduceat(held.times, held.indptr[:-1]), first, span), overall)


def steps(people: int, items: int) -> Iterator[tuple[int, int]]:
    """People from and to, so many at a time as memory is meant to hold."""
    step = max(1, BLOCK // max(1, items))
    for first in range(0, people, step):
        yield first, min(first + step, people)


def _bin(times: Ints, first: int, span: float) -> Ints:
    """Which part of the whole time each falls in, shape (e,)."""
    return np.clip(((times - first) / span * BINS).astype(np.int64), 0, BINS - 1)


def _by_moment(at: Ints, items: Columns, n: int, which: ListForAll, days: float) -> Array:
    """Faded counts of the items as seen from each part of the whole time, shape (bins, n).

    Each count weighs 0.5^(age / half-life); what comes later weighs nothing, or as much as what came before.
    """
    half_life = max(which.half_life or days, 1e-9)
    there = np.bincount(at * n + items, minlength=BINS * n).reshape(BINS, n).astype(float)
    middle = np.arange(BINS) * (days / BINS)
    age = middle[:, None] - middle[None, :]
    weight = np.exp2(-np.abs(age) / half_life)
    return np.asarray((weight if which.around else np.where(age >= 0, weight, 0.0)) @ there)
