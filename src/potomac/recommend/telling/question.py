"""What a study asks, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from potomac.recommend.matrix.interactions import Duplicates
from potomac.recommend.offering.rules import Rules
from potomac.recommend.testing.splits import Kind

__all__ = ["Ordering", "Question", "Test"]

Id = int | str


@dataclass(frozen=True)
class Ordering:
    """How a list is put together of scores.

    Attributes:
        n: its length.
        seen: whether items that a person had to do with may be offered.
        diversity: 0 by score alone, 1 as varied as can be.
        novelty: -1 what most know, 0 as scored, 1 what few know.
        calibration: 0 as it comes, 1 as many popular and rare items as the person chose before.
    """

    n: int = 10
    seen: bool = False
    diversity: float = 0.0
    novelty: float = 0.0
    calibration: float = 0.0

    @property
    def arranged(self) -> bool:
        """Whether lists are more than the best by score."""
        return bool(self.diversity or self.novelty or self.calibration)


@dataclass(frozen=True)
class Test:
    """How models are tested on what was held out.

    Attributes:
        split: leave_last_out, time or strong; ``asked`` where the study says so itself.
        k: length of the lists.
        last: how many are held out of each person (leave_last_out).
        share: that is held out, of the interactions (time) or of the people (strong).
        test_users: at most so many people.
        confidence: of the intervals, a share.
        methods: that are compared beside the one that is chosen; None: those that fit the data.
    """

    split: Kind = "leave_last_out"
    asked: bool = False
    k: int = 10
    last: int = 2
    share: float | None = None
    test_users: int = 10_000
    confidence: float = 0.95
    methods: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        method: word of a method, or auto.
        parameters: of the method, by name.
        users: ids of those who get lists; None for everybody.
        picks: ids or titles of the editor's picks.
        like: least value that is a like; None where values are weights.
        duplicates: which of several rows of a pair counts.
        examples: how many people the report shows, or their ids.
        ids: whether the report shows ids of people.
        features: columns of the catalogue.
        rules: of the house; what is available is in the catalogue.
        available: whether only items are offered that the catalogue says are available.
        seed: of all draws.
    """

    method: str = "auto"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    users: tuple[Id, ...] | None = None
    picks: tuple[Id, ...] = ()
    like: float | None = None
    duplicates: Duplicates = "last"
    examples: int | tuple[Id, ...] = 3
    ids: bool = False
    features: Sequence[str] = ()
    ordering: Ordering = Ordering()
    rules: Rules = field(default_factory=Rules)
    available: bool = True
    test: Test = Test()
    seed: int = 0
