"""What the benchmark of suggestions types: titles that are the same each time, their beginnings, slips that are one."""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potomac.recommend import Suggester

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    return import_module("benchmarks.recommend.serving")


def test_words_and_titles_are_the_same_each_time(serving: Any) -> None:
    first, again = (serving.words(np.random.default_rng(0), 500) for _ in range(2))
    assert first.tolist() == again.tolist()
    assert len(set(first.tolist())) == 500
    made, popularity = serving.titles(200)
    assert (made, popularity.tolist()) == (serving.titles(200)[0], serving.titles(200)[1].tolist())
    assert all(1 <= len(title.split()) <= 9 for title in made)


def test_a_slip_is_forgiven_as_one(serving: Any) -> None:
    draw = np.random.default_rng(0)
    suggester = Suggester(["wonderfully"])
    for _ in range(200):
        assert suggester.suggest(serving.slipped(draw, "wonderfully")).num_rows == 1


def test_strokes_are_beginnings_of_what_is_meant(serving: Any) -> None:
    made, popularity = serving.titles(50)
    typed = serving.strokes(made, popularity, 10)
    ends = [k for k, text in enumerate(typed) if len(text) == 1]
    assert len(ends) == 10
    assert all(b.startswith(a) for a, b in pairwise(typed) if len(b) > 1)


def test_times_are_in_order(serving: Any) -> None:
    told = serving.times(lambda one: sum(range(one)), [10, 1000, 100_000])
    assert 0 < told["p50"] <= told["p99"] <= told["most"]
