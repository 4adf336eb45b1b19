"""Studies with hostile input: rows that cannot count are counted, what is told names the right key."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.recommend.study_cases import camps, faults, run, study

from potomac.errors import StudyError
from potomac.recommend.study import RecommendStudy, question_of
from potomac.recommend.telling.answer import _made


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


@pytest.mark.parametrize(
    ("method", "key", "value"),
    [
        ("popular", "half_life", 30.0), ("item_knn", "half_life", 30.0), ("item_knn", "recency", 5.0),
        ("item_knn", "neighbours", 20), ("item_knn", "shrinkage", 5.0), ("ease", "half_life", 30.0),
        ("ease", "regularization", 50.0), ("als", "factors", 8), ("als", "iterations", 3),
        ("als", "regularization", 0.1),
        ("factors", "factors", 4), ("factors", "iterations", 3), ("content", "shrinkage", 2.0),
        ("content", "half_life", 30.0),
    ],
)  # fmt: skip
def test_a_parameter_that_the_reference_names_for_a_method_reaches_it(method: str, key: str, value: float) -> None:
    """As the descriptions of the keys of ``[model]`` have it."""
    rows, items = rated([]), {"item": [1], "kind": ["sea"]}
    asked = question_of(RecommendStudy.model_validate(study(rows, items, model={"method": method, key: value}, seed=7)))
    made = _made(method, asked)
    assert getattr(made, {"neighbours": "k"}.get(key, key)) == value
    assert getattr(made, "seed", 7) == 7, "the seed of the study is that of its method"


def test_a_parameter_out_of_its_bounds_is_told_at_its_key_before_anything_is_learnt(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, rated([]), model={"method": "als", "regularization": 0.0})
    assert (code, fault.key) == (2, "model.regularization")
    code, fault = faults(tmp_path, rated([]), model={"method": "als", "neighbours": 5})
    assert (code, fault.key) == (2, "model.neighbours")


def test_a_wrong_key_of_the_interactions_is_one_fault(tmp_path: Path) -> None:
    """The catalogue that a download brings depends on them, and says nothing where they are wrong."""
    with pytest.raises(StudyError) as caught:
        run(tmp_path, rated([]), interactions_keys={"duplicates": "first"})
    assert [fault.key for fault in caught.value.faults] == ["interactions.duplicates"]
    assert "Pydantic" not in str(caught.value)
