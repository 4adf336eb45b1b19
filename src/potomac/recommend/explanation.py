"""Why an item is offered: what the model's own score is made of."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

__all__ = ["Explanation"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a score is made of.

    Attributes:
        user: id of the person; None for a basket.
        item: id of the item.
        title: of the item.
        score: the model's score.
        because: columns ``item``, ``title`` and ``contribution``, the largest first; the parts add up to the score
            less ``rest``.
        rest: the part of the score that comes from no item of the history (popularity, a bias).
        sentence: in words.
    """

    user: object
    item: object
    title: str
    score: float
    because: pa.Table
    rest: float
    sentence: str
