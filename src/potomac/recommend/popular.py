"""Popularity: what most people had to do with, of late if time counts; the baseline of everything personal."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.recommend.interactions import Histories, Interactions
from potomac.recommend.items import Items
from potomac.recommend.recommender import Recommender

__all__ = ["Popular", "ages"]

DAY = 86_400_000_000
"""Microseconds of a day."""


def ages(times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Days from each time to the last of them, shape (e,)."""
    return np.asarray((times.max(initial=0) - times) / DAY)


class Popular(Recommender):
    """The same list for everybody: items by how many people had to do with them.

    Args:
        half_life: days after which an interaction counts half; None: all count alike. Needs times.
    """

    name: ClassVar[str] = "popular"
    _state: ClassVar[tuple[str, ...]] = ("counts_",)

    def __init__(self, half_life: float | None = None) -> None:
        self.half_life = half_life

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        weight = None
        if self.half_life is not None and interactions.times is not None:
            weight = 0.5 ** (ages(interactions.times) / self.half_life)
        counts = np.bincount(interactions.indices, weight, minlength=interactions.n_items)
        self.counts_ = counts.astype(np.float32)

    def _scores(self, histories: Histories) -> npt.NDArray[np.float32]:
        return np.broadcast_to(self.counts_, (len(histories), len(self.counts_)))

    def _sentence(self, because: pa.Table) -> str:
        return "because many people liked it"
