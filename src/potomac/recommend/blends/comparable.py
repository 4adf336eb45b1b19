"""Scores of several methods as they are blended, and their means and deviations by person, exact or estimated."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.recommend.blends.blending import moments
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.popular import Popular
from potomac.recommend.recommender import Recommender

__all__ = ["SOME", "Estimates", "raw"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SOME = 256
"""Items by which means and deviations are estimated."""
PEOPLE = 8192
"""People at once, in that."""


def raw(model: Recommender, histories: Histories) -> Floats:
    """Scores as they are blended: popularity as its logarithm, so that one hit does not outweigh all differences."""
    return _comparable(model, model._scores(histories))


def _raw_at(model: Recommender, histories: Histories, items: Ints) -> Floats:
    """The same of some items, shape (k, i)."""
    return _comparable(model, model._scores_at(histories, items))


def _comparable(model: Recommender, scores: Floats) -> Floats:
    found = _logarithm(scores) if isinstance(model, Popular) else scores
    return np.ascontiguousarray(found, np.float32)


def _logarithm(counts: Any) -> Any:
    return np.log1p(np.maximum(counts, 0))


@dataclass(frozen=True, eq=False)
class Estimates:
    """Standardised scores of an item for everybody, by means and deviations that are estimated from some items.

    Attributes:
        known: what the methods were fitted to.
        seed: of the items.
        moments: mean and deviation of each person's scores, by method, as far as they were asked for; shapes (m,).
    """

    known: Interactions
    seed: int
    moments: dict[int, tuple[Doubles, Doubles]] = field(default_factory=dict)

    def standardised(self, place: int, model: Recommender, item: int) -> Doubles:
        """Scores of one item by the method at a place, shape (m,); 0 where it knows nothing of it."""
        found = _logarithm(model.counts_[item]) if isinstance(model, Popular) else model._column(item)
        if place not in self.moments:
            self.moments[place] = self._estimated(model)
        mean, deviation = self.moments[place]
        with np.errstate(invalid="ignore"):  # of an item that is unknown, for somebody to whom all are alike
            z = (found - mean) / deviation
        return np.where(np.isfinite(z), z, 0)

    def _estimated(self, model: Recommender) -> tuple[Doubles, Doubles]:
        some = np.sort(np.random.default_rng(self.seed).permutation(self.known.n_items)[:SOME])
        edges = [*range(0, self.known.n_users, PEOPLE), self.known.n_users]
        people = (self.known.histories(np.arange(first, last)) for first, last in pairwise(edges))
        found = [moments(_raw_at(model, part, some)) for part in people]
        mean, deviation = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return mean, deviation
