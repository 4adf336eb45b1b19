"""Studies with hostile input: rows that cannot count are counted, what is told names the right key."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.recommend.study_cases import camps, faults, run


def rated(values: list[float]) -> dict[str, object]:
    """The first rows of :func:`camps` with these values."""
    rows = camps(people=40, items=20, each=5)
    count = len(rows["user"])
    return {**rows, "value": (values + [3.0, 4.0] * count)[:count]}


@pytest.mark.parametrize("value", [1e30, -1e30])
def test_a_value_that_cannot_be_squared_is_a_reject_that_is_counted(tmp_path: Path, value: float) -> None:
    found = run(tmp_path, rated([value]))
    assert found.rejected.num_rows == 1
    assert found.rejected["row"].to_pylist() == [0]


def test_a_fault_of_the_ratings_is_told_at_their_column(tmp_path: Path) -> None:
    same = {**rated([]), "value": [3.0] * 200}
    code, fault = faults(tmp_path, same, model={"method": "factors"})
    assert code == 3
    assert fault.key == "interactions.columns.value"


def test_one_item_is_one_item(tmp_path: Path) -> None:
    found = run(tmp_path, {"user": list(range(20)), "item": [1] * 20})
    assert "one item can be looked through" in found.answer
