"""Popularity: what most people had to do with, of late if time counts; the baseline of everything personal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import NoAnswer
from potomac.recommend.matrix.bounds import hold
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.recommender import Recommender
from potomac.stats.compiled import compiled

__all__ = ["Popular", "ages"]

Floats = npt.NDArray[np.float32]

DAY = 86_400_000_000
"""Microseconds of a day."""


def ages(times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Days from each time to the last of them, shape (e,)."""
    return np.asarray((times.max(initial=0) - times) / DAY)


class Popular(Recommender):
    """The same list for everybody: items by how many people had to do with them.

    It knows nothing of single people: whom an item matters to and which items are alike are questions that it does
    not answer.

    Args:
        half_life: days, more than 0, after which an interaction counts half; None: all count alike. Needs times.

    Attributes:
        counts_: of people for each item, those of long ago counting less, shape (n,).
    """

    name: ClassVar[str] = "popular"
    _state: ClassVar[tuple[str, ...]] = ("counts_",)

    def __init__(self, half_life: float | None = None) -> None:
        self.half_life = half_life

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        """Values of the parameters that are worth a trial, the best guess first."""
        return {"half_life": (None,) if interactions.times is None else (None, 365.0, 90.0, 30.0, 7.0)}

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        if self.half_life is None:
            self.counts_ = interactions.of_items.astype(np.float32)
            return
        hold(self, half_life=(self.half_life > 0, "more than 0 days"))
        assert interactions.times is not None  # noqa: S101 - else fit refuses a half-life
        rate = np.log(2) / (self.half_life * DAY)
        weights = _decayed(interactions.indices, interactions.times, interactions.last_time, rate, interactions.n_items)
        self.counts_ = np.asarray(weights, np.float32)

    def _scores(self, histories: Histories) -> Floats:
        return np.broadcast_to(self.counts_, (len(histories), len(self.counts_)))

    def _scores_at(self, histories: Histories, items: npt.NDArray[np.int64]) -> Floats:
        return np.broadcast_to(self.counts_[items], (len(histories), len(items)))

    def _column(self, item: int) -> Floats:
        raise NoAnswer(self._cannot("has the same list for everybody, so nobody is more likely to want an item"))

    def _sentence(self, because: pa.Table) -> str:
        return "because many people liked it"


@compiled(nogil=True)
def _decayed(
    indices: npt.NDArray[np.int32], times: npt.NDArray[np.int64], last: int, rate: float, items: int
) -> npt.NDArray[np.float64]:
    """The sum over each item's entries of exp(-rate * age)."""
    found = np.zeros(items)
    for e in range(len(indices)):
        found[indices[e]] += np.exp(-rate * (last - times[e]))
    return found
