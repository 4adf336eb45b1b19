"""One list, arranged as it is wished: known or novel, varied, and with the person's own mix of popular and rare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from potomac.recommend.offering.rerank import calibrated, diversified, novel, shares_of, tiers_of

__all__ = ["Tiers", "arranged", "mix_of", "shares_of_all"]

Columns = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.int8]


def arranged(
    numbers: Columns,
    scores: Floats,
    n: int,
    *,
    counts: npt.NDArray[np.int64],
    likeness: Callable[[Columns], Floats],
    novelty: float = 0.0,
    diversity: float = 0.0,
    calibration: float = 0.0,
    mix: tuple[Bytes, Doubles] | None = None,
) -> tuple[Columns, Floats]:
    """The ``n`` that are shown of more candidates, in the order in which they are shown.

    Novelty puts the candidates in order first; variety is sought in that order; of what is varied, so many popular,
    middling and rare ones are taken as the person chose before.

    Args:
        numbers: item numbers of the candidates, the best first, shape (c,); -1: no more.
        scores: theirs, shape (c,).
        n: how many are wanted.
        counts: people who had to do with each item, shape (n_items,).
        likeness: of items among each other, shape (c, c), given their numbers.
        novelty, diversity, calibration: how much of each; 0 leaves it away.
        mix: :func:`mix_of`; where calibration is wanted.

    Returns:
        Item numbers and their own scores.
    """
    there = numbers >= 0
    numbers, scores = numbers[there], scores[there]
    if not len(numbers):
        return numbers, scores
    order, calibrate = scores, calibration if mix is not None else 0.0
    if novelty:
        numbers, scores = novel(numbers, scores, counts, len(numbers) if diversity or calibrate else n, novelty)
        order = _falling(len(numbers))
    if diversity:
        at, _ = diversified(_places(numbers), order, likeness(numbers), 3 * n if calibrate else n, diversity)
        numbers, scores, order = numbers[at], scores[at], _falling(len(at))
    if calibrate and mix is not None:
        tiers, shares = mix
        at, _ = calibrated(_places(numbers), order, tiers[numbers], shares, n, calibrate)
        numbers, scores = numbers[at], scores[at]
    return numbers, scores


@dataclass(frozen=True, eq=False)
class Tiers:
    """Which items are popular, middling or rare, and how much of each people choose.

    Attributes:
        of: tier of each item, shape (n_items,): :func:`rerank.tiers_of`.
        shares: of all interactions, shape (3,).
    """

    of: Bytes
    shares: Doubles

    @classmethod
    def by(cls, counts: npt.NDArray[np.int64]) -> Self:
        """By how many people had to do with each item, shape (n_items,)."""
        of = tiers_of(counts)
        return cls(of, shares_of_all(of, counts))

    def mix(self, history: npt.NDArray[np.int32]) -> tuple[Bytes, Doubles]:
        """:func:`mix_of` somebody with these items."""
        return mix_of(self.of, history, self.shares)


def mix_of(tiers: Bytes, history: npt.NDArray[np.int32], usual: Doubles) -> tuple[Bytes, Doubles]:
    """What calibration holds a list against: the tiers, and how much of each a person chose.

    Args:
        tiers: popular, middling or rare, of all items, shape (n_items,): :func:`rerank.tiers_of`.
        history: item numbers.
        usual: shares of everybody, :func:`shares_of_all`; they count as much as five entries of the person's own.
    """
    return tiers, shares_of(tiers, history, usual, 5.0)


def shares_of_all(tiers: Bytes, counts: npt.NDArray[np.int64]) -> Doubles:
    """Share of each tier in all interactions, shape (3,)."""
    found = np.bincount(tiers, counts, minlength=3)
    return np.asarray(found / max(1.0, found.sum()))


def _places(numbers: Columns) -> Columns:
    return np.arange(len(numbers), dtype=np.int32)


def _falling(many: int) -> Floats:
    """Scores of a list that is in order already."""
    return -np.arange(many, dtype=np.float32)
