"""What a study found, before it is put into words and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Rows
from potomac.recommend.judging.verdict import Readiness
from potomac.recommend.recommender import Recommender
from potomac.recommend.telling.lists import Lists
from potomac.recommend.telling.question import Question
from potomac.recommend.telling.reading import Read
from potomac.recommend.testing.evaluation import Evaluation

__all__ = ["Found"]


@dataclass(frozen=True, eq=False)
class Found:
    """What a study found.

    Attributes:
        question: what was asked.
        read: interactions and catalogue.
        judged: whether to build a recommender.
        model: that made the lists, fitted to everything.
        why: why it is this one, in a sentence.
        choice: how it was chosen, where it was.
        chosen: its name in the test.
        test: of several models on what was held out; None where nobody could be tested.
        untested: why not.
        lists: who is offered what.
        picks: numbers of the editor's picks.
        tables: of the result.
        notes: of the way here.
    """

    question: Question
    read: Read
    judged: Readiness
    model: Recommender
    why: str
    choice: str
    chosen: str
    test: Evaluation | None
    untested: str
    lists: Lists
    picks: npt.NDArray[np.int64]
    tables: Mapping[str, pa.Table | Rows]
    notes: tuple[str, ...] = ()

    @property
    def personal(self) -> bool:
        """Whether different people are offered different things."""
        return self.model.name not in ("popular", "picks")
