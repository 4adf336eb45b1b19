"""Mixing: scores of several fitted methods added with weights that were seen to foretell best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.recommend.blends.blending import standardised
from potomac.recommend.blends.comparable import raw
from potomac.recommend.choice.tuning import Candidate
from potomac.recommend.matrix.interactions import Histories
from potomac.recommend.recommender import BLOCK, Recommender
from potomac.recommend.testing.metrics import hits_of, ndcg
from potomac.recommend.testing.splits import Split
from potomac.recommend.topn import best

__all__ = ["Blend", "mixed"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Counts = tuple[int, ...]

MOST = 1 << 25
"""Standardised scores held in memory at once; fewer people are asked where there would be more."""
MEMBERS = 4
"""Methods in a blend at most: each is fitted, and asked at every question."""
POOL = 8
ROUNDS = 15
PATIENCE = 4
"""Rounds without gain after which no more are tried."""


@dataclass(frozen=True, eq=False)
class Blend:
    """Which methods, with which weights.

    Attributes:
        members: candidates with a weight.
        weights: of these, adding up to 1.
        values: nDCG of each person who was asked, with weights chosen by others, shape (k,).
        alone: the same of the best candidate by itself.
    """

    members: list[Candidate]
    weights: tuple[float, ...]
    values: Doubles
    alone: Doubles


def mixed(found: Sequence[Candidate], folds: Sequence[Split], n: int) -> Blend:
    """Weights by forward selection with replacement (Caruana et al. 2004).

    It begins with the best alone; in each round the candidate is added once more whose addition to the sum of scores
    does best. A candidate's weight is how often it was added; the best round counts. How good such a blend is, is
    asked of people who had no part in the choice: each half is judged with the weights of the other half.

    Args:
        found: candidates with fitted models, the best first.
        folds: the validation splits that they were fitted to.
        n: length of the lists whose nDCG counts.
    """
    pool = [one for one in found if one.models][:POOL]
    mixes = _Mixes(_scores(pool, folds), len(pool), n)
    alone = mixes.values(mixes.first)
    even = np.arange(len(alone)) % 2 == 0
    values = np.where(even, mixes.values(mixes.grown(~even)), mixes.values(mixes.grown(even)))
    counts = np.array(mixes.grown(np.ones(len(alone), np.bool_)))
    there = np.flatnonzero(counts)
    weights = tuple(float(w) for w in counts[there] / counts.sum())
    return Blend([pool[i] for i in there], weights, values, alone)


class _Mixes:
    """What blends were seen to give."""

    def __init__(self, asked: Sequence[_Asked], candidates: int, n: int) -> None:
        self.asked, self.n = asked, n
        self.first = tuple(int(at == 0) for at in range(candidates))
        self.seen: dict[Counts, Doubles] = {}

    def values(self, counts: Counts) -> Doubles:
        """The nDCG of each person with a blend, shape (k,)."""
        if counts not in self.seen:
            self.seen[counts] = _values(self.asked, np.array(counts), self.n)
        return self.seen[counts]

    def grown(self, people: npt.NDArray[np.bool_]) -> Counts:
        """The blend that does best for these people."""
        here = top = self.first
        for _ in range(ROUNDS):
            if sum(here) - sum(top) >= PATIENCE:
                break
            more = [tuple(c + (at == i) for i, c in enumerate(here)) for at in range(len(here))]
            here = max((one for one in more if sum(map(bool, one)) <= MEMBERS), key=lambda one: self._mean(one, people))
            if self._mean(here, people) > self._mean(top, people):
                top = here
        return top

    def _mean(self, counts: Counts, people: npt.NDArray[np.bool_]) -> float:
        return float(self.values(counts)[people].mean()) if people.any() else 0.0


@dataclass(frozen=True, eq=False)
class _Asked:
    """People of one fold, and each candidate's standardised scores for them, shape (candidates, k, n)."""

    known: Histories
    held: Histories
    z: Floats


def _scores(pool: Sequence[Candidate], folds: Sequence[Split]) -> list[_Asked]:
    room = max(1, MOST // (len(pool) * len(folds) * folds[0].train.n_items))
    asked = []
    for at, fold in enumerate(folds):
        k = min(len(fold.held), room)
        known, held = fold.histories.part(0, k), fold.held.part(0, k)
        asked.append(_Asked(known, held, np.stack([_in_blocks(one.models[at], known) for one in pool])))
    return asked


def _in_blocks(model: Recommender, known: Histories) -> Floats:
    step = max(1, BLOCK // model.interactions_.n_items)
    parts = [known.part(first, min(first + step, len(known))) for first in range(0, len(known), step)]
    return np.concatenate([standardised(raw(model, part)) for part in parts])


def _values(asked: Sequence[_Asked], counts: npt.NDArray[np.int64], n: int) -> Doubles:
    """The nDCG of each person with the sum of scores that these weights give, shape (k,)."""
    found = []
    for one in asked:
        total = np.tensordot(counts.astype(np.float32), one.z, axes=1)
        lists = best(total, n, without=(one.known.indptr, one.known.indices))[0]
        found.append(ndcg(hits_of(lists, one.held), one.held.lengths, n))
    return np.concatenate(found)
