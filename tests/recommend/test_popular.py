"""Popularity, and editor's picks in a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.recommend import Interactions, Items, Popular
from potomac.recommend.offering.picks import Picks

from .manners import Manner, manners, small_world

DAY = 86_400


@pytest.mark.parametrize("manner", manners(similar=False, audience=False, explains=False), ids=str)
@pytest.mark.parametrize("half_life", [None, 3.0])
def test_manners_of_popularity(manner: Manner, half_life: float | None) -> None:
    manner(lambda: Popular(half_life))


@pytest.mark.parametrize("manner", manners(similar=False, audience=False, explains=False), ids=str)
@pytest.mark.parametrize("how", [{"share": 1.0}, {"share": 0.4}, {"places": (2, 5)}], ids=str)
def test_manners_of_picks(manner: Manner, how: dict[str, Any]) -> None:
    manner(lambda: Picks([100, "Travel 5", 480], **how))


def test_an_interaction_counts_half_after_a_half_life() -> None:
    table = {"user": [1, 2, 3], "item": ["old", "old", "new"], "time": [0, 10 * DAY, 20 * DAY]}
    model = Popular(half_life=10).fit(table)
    ids = model.items_.ids.to_pylist()
    assert dict(zip(ids, model.counts_.tolist(), strict=True)) == pytest.approx({"new": 1, "old": 1 / 2 + 1 / 4})
    assert Popular().fit(table).recommend([9], n=1)["item"].to_pylist() == ["old"]
    assert model.recommend([9], n=1)["item"].to_pylist() == ["new"]


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan")])
def test_a_half_life_is_positive(half_life: float) -> None:
    with pytest.raises(StudyError) as caught:
        Popular(half_life).fit(small_world()[0])
    assert caught.value.faults[0].code == "recommend.parameter"


def test_a_half_life_needs_times() -> None:
    with pytest.raises(StudyError, match="times"):
        Popular(3.0).fit({"user": [1], "item": [2]})


def test_popularity_knows_nothing_of_single_people() -> None:
    model = Popular().fit(small_world()[0])
    for ask in (model.audience, model.similar):
        with pytest.raises(NoAnswer):
            ask([100])
    assert model.recommend(["u001"], n=2, reasons=True)["reason"].to_pylist() == ["because many people liked it"] * 2


# -------------------------------------------------------------------------------------- picks

SHELF = {"item": [*range(1, 9)], "title": ["One", "Two", "Three", "Four", "Five", "Six", "Same", "Same"]}
LOANS = Interactions.of(
    {"user": [i for k in range(1, 7) for i in range(k)], "item": [k for k in range(1, 7) for _ in range(k)]}
)
"""Item k has k loans: the most popular are 6, 5, 4, 3, 2, 1."""


def listed(model: Picks, n: int = 8, **how: Any) -> list[int]:
    return model.fit(LOANS, Items.of(SHELF)).recommend(["newcomer"], n=n, **how)["item"].to_pylist()


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, [2, 7, 6, 5, 4, 3, 1, 8]),
        ({"share": 1 / 2}, [2, 6, 7, 5, 4, 3, 1, 8]),
        ({"share": 1 / 3}, [2, 6, 5, 7, 4, 3, 1, 8]),
        ({"places": [3, 4]}, [6, 5, 2, 7, 4, 3, 1, 8]),
        ({"places": [2]}, [6, 2, 5, 4, 3, 1, 7, 8]),
        ({"places": [7, 8]}, [6, 5, 4, 3, 1, 8, 2, 7]),
    ],
)
def test_picks_stand_where_they_are_told_to(how: dict[str, Any], expected: list[int]) -> None:
    assert listed(Picks(["two", 7], **how)) == expected
    assert listed(Picks(["two", 7], **how), n=3) == expected[:3]


def test_a_pick_that_was_seen_makes_room_for_the_next() -> None:
    model = Picks([6, 2, 7], places=[1, 2]).fit(LOANS, Items.of(SHELF))
    reader = LOANS.users[5]  # who had item 6 alone
    assert model.recommend([reader], n=3)["item"].to_pylist() == [2, 7, 5]
    assert model.recommend([reader], n=3, seen=True)["item"].to_pylist() == [6, 2, 5]
    assert model.recommend([reader], n=3, allowed=[7, 5, 4])["item"].to_pylist() == [7, 5, 4]


def test_picks_say_so() -> None:
    model = Picks([2]).fit(LOANS, Items.of(SHELF))
    table = model.recommend(["newcomer"], n=2, reasons=True)
    assert table["reason"].to_pylist() == ["an editor's pick", "because many people liked it"]


def test_every_pick_that_is_nowhere_is_named() -> None:
    with pytest.raises(DataError) as caught:
        listed(Picks(["Too", 99, "Same", 3]))
    said = [str(fault) for fault in caught.value.faults]
    assert len(said) == 3
    assert '"Too"' in said[0]
    assert "two" in said[0]
    assert '"99"' in said[1]
    assert "title of 2 items" in said[2]


@pytest.mark.parametrize("how", [{"share": 0.0}, {"share": 1.5}, {"places": [0]}])
def test_places_and_shares_have_bounds(how: dict[str, Any]) -> None:
    with pytest.raises(StudyError) as caught:
        listed(Picks([1], **how))
    assert caught.value.faults[0].code == "recommend.parameter"


def test_all_may_be_picks() -> None:
    assert listed(Picks(list(np.arange(1, 9)))) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert listed(Picks([])) == [6, 5, 4, 3, 2, 1, 7, 8]
