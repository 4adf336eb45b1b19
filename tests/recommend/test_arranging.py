"""What is shown of many candidates, as it is wished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.recommend.study_cases import camps, catalogue, run

from potomac.recommend.offering.arranging import arranged, mix_of, shares_of_all
from potomac.recommend.offering.rerank import distance, diversified, novel, tiers_of

NUMBERS = np.arange(12, dtype=np.int32)
SCORES = np.linspace(1.0, 0.4, 12).astype(np.float32)
COUNTS = np.array([90, 80, 70, 60, 50, 40, 5, 4, 3, 2, 1, 1])


def alike(items: Any) -> Any:
    """Neighbours in number are alike."""
    return np.exp(-np.abs(items[:, None] - items[None, :]).astype(np.float32))


def listed(**wish: Any) -> list[int]:
    return arranged(NUMBERS, SCORES, 4, counts=COUNTS, likeness=alike, **wish)[0].tolist()


def test_without_a_wish_nothing_is_moved() -> None:
    held = np.append(NUMBERS, np.int32(-1)), np.append(SCORES, np.float32(-np.inf))
    numbers, scores = arranged(*held, 4, counts=COUNTS, likeness=alike)
    assert numbers.tolist() == NUMBERS.tolist()
    assert scores.tolist() == SCORES.tolist()


def test_each_wish_alone_is_what_it_says() -> None:
    assert listed(novelty=0.7) == novel(NUMBERS, SCORES, COUNTS, 4, 0.7)[0].tolist()
    assert listed(diversity=0.5) == diversified(NUMBERS, SCORES, alike(NUMBERS), 4, 0.5)[0].tolist()


def test_calibration_gives_somebody_the_mix_they_chose() -> None:
    """Somebody who chose the rare alone; the plain list has the popular alone."""
    tiers = tiers_of(COUNTS)
    rare = np.flatnonzero(tiers == 2).astype(np.int32)
    mix = mix_of(tiers, np.tile(rare, 5), shares_of_all(tiers, COUNTS))
    made = listed(calibration=0.9, mix=mix)
    assert distance(mix[1], tiers[made]) < distance(mix[1], tiers[NUMBERS[:4]])
    assert listed(calibration=0.0, mix=mix)[:4] == [0, 1, 2, 3]


def test_shares_of_all_are_of_interactions() -> None:
    """406 interactions; the tail has the last fifth of them, the head the first."""
    tiers = tiers_of(COUNTS)
    shares = shares_of_all(tiers, COUNTS)
    assert shares == pytest.approx([COUNTS[tiers == tier].sum() / 406 for tier in range(3)])


def test_all_wishes_together_give_as_many_as_are_wanted() -> None:
    tiers = tiers_of(COUNTS)
    mix = mix_of(tiers, np.array([0, 11], np.int32), shares_of_all(tiers, COUNTS))
    numbers = listed(novelty=0.3, diversity=0.3, calibration=0.5, mix=mix)
    assert len(set(numbers)) == len(numbers) == 4


def test_nobody_to_choose_from_is_no_list() -> None:
    none = np.full(3, -1, np.int32), np.full(3, -np.inf, np.float32)
    assert len(arranged(*none, 4, counts=COUNTS, likeness=alike, novelty=0.5, diversity=0.5)[0]) == 0


def test_a_study_calibrates_its_lists(tmp_path: Path) -> None:
    rows = camps(people=120, items=60)
    plain = run(tmp_path / "a", rows, catalogue(60), model={"method": "ease", "n": 5})
    mixed = run(tmp_path / "b", rows, catalogue(60), model={"method": "ease", "n": 5, "calibration": 1.0})
    one, other = (found.tables["recommendations"] for found in (plain, mixed))
    assert one.num_rows == other.num_rows
    assert not one.column("item").equals(other.column("item"))
