"""Bad input: each has an error that says where and what to do, or a reject with its reason, or a note."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.recommend.study_cases import camps, catalogue, faults, run, study

from potomac import studies
from potomac.errors import PotomacError


def rejects(found: Any) -> list[tuple[int, str]]:
    """Row and reason of what was rejected."""
    return [(row["row"], row["reason"]) for row in found.rejected.to_pylist()]


def table(*rows: tuple[Any, ...]) -> dict[str, list[Any]]:
    """Columns user, item, value, as far as the rows go."""
    return {name: [row[k] for row in rows] for k, name in enumerate(("user", "item", "value", "time")[: len(rows[0])])}


FEW = table(("ann", "a", 5.0), ("ann", "b", 4.0), ("ben", "a", 3.0), ("ben", "c", 1.0))


# ---- rows that cannot be used -------------------------------------------------------------------------------------


def test_a_rating_out_of_range_is_rejected(tmp_path: Path) -> None:
    rows = {**FEW, "value": [5.0, 44.0, 3.0, 1.0]}
    found = run(tmp_path, rows, interactions_keys={"value_range": [0.5, 5.0]})
    assert rejects(found) == [(1, "value outside 0.5 to 5")]
    assert found.facts["interactions"] == 3


def test_text_in_value_is_rejected(tmp_path: Path) -> None:
    assert rejects(run(tmp_path, {**FEW, "value": ["5", "good", "3", "1"]})) == [(1, "value not a number")]


def test_a_column_of_text_for_values_is_an_error(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, {**FEW, "value": ["good", "bad", "good", "fair"]})
    assert (code, fault.code, fault.key) == (3, "data.column-not-numbers", "interactions.columns.value")


def test_a_time_in_the_future_is_rejected_and_one_of_today_is_not(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    times = [now, now + dt.timedelta(days=400), now - dt.timedelta(days=3), now - dt.timedelta(days=2)]
    assert rejects(run(tmp_path, {**FEW, "time": times})) == [(1, "time in the future")]


def test_a_row_without_an_id_is_rejected(tmp_path: Path) -> None:
    rows = {**FEW, "user": ["ann", None, "ben", ""]}
    assert rejects(run(tmp_path, rows)) == [(1, "no user"), (3, "no user")]


# ---- duplicates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "likes"), [("last", 1), ("sum", 2), ("max", 2)])
def test_the_study_says_which_of_several_rows_counts(tmp_path: Path, how: str, likes: int) -> None:
    """a: 3, then 1 (sum 4, largest 3); b: 5 (alone). A like is 3 or more: the last of a is none."""
    rows = table(("ann", "a", 3.0, 100), ("ann", "a", 1.0, 200), ("ann", "b", 5.0, 300))
    found = run(tmp_path, rows, interactions_keys={"duplicates": how, "like": 3.0})
    assert found.facts["interactions"] == likes
    assert found.facts["repeated"] == 1
    assert any(note.startswith("1 row repeat") for note in found.manifest["notes"])


def test_duplicates_may_be_an_error(tmp_path: Path) -> None:
    rows = table(("ann", "a"), ("ann", "a"), ("ben", "b"))
    code, fault = faults(tmp_path, rows, interactions_keys={"duplicates": "error"})
    assert (code, fault.code, fault.key) == (3, "recommend.duplicates", "interactions.duplicates")


# ---- the catalogue ------------------------------------------------------------------------------------------------


def test_items_that_the_catalogue_lacks_have_their_ids_for_titles(tmp_path: Path) -> None:
    found = run(tmp_path, FEW, {"item": ["a", "b"], "title": ["Anna", "Berta"]})
    titles = dict(zip(*found.tables["popularity"].select(["item", "title"]).to_pydict().values(), strict=True))
    assert titles == {"a": "Anna", "b": "Berta", "c": "c"}
    assert any("1 item that people had to do with is not in the catalogue" in note for note in found.manifest["notes"])


def test_items_without_interactions_are_counted_and_no_fault(tmp_path: Path) -> None:
    found = run(tmp_path, FEW, {"item": ["a", "b", "c", "d"], "title": ["A", "B", "C", "D"]})
    assert found.facts["items"] == 4
    assert any("1 item of the catalogue is new to everybody" in note for note in found.manifest["notes"])


def test_ids_that_are_numbers_in_one_table_and_text_in_the_other_are_the_same(tmp_path: Path) -> None:
    rows = {"user": [1, 1, 2], "item": [10, 11, 10]}
    found = run(tmp_path, rows, {"item": ["10", "11"], "title": ["Ten", "Eleven"]})
    assert set(found.tables["popularity"]["title"].to_pylist()) == {"Ten", "Eleven"}
    assert any("numbers in one table and text in the other" in note for note in found.manifest["notes"])


def test_a_catalogue_of_other_ids_is_an_error(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, FEW, {"item": ["tt01", "tt02"], "title": ["A", "B"]})
    assert (code, fault.code) == (3, "recommend.items-strange")
    assert "tt01" in fault.found
    assert "items.columns.item" in fault.mend


def test_an_item_that_stands_twice_in_the_catalogue_is_an_error(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, FEW, {"item": ["a", "a", "b"], "title": ["A", "A", "B"]})
    assert (code, fault.code, fault.key) == (3, "recommend.items", "items.columns.item")


def test_titles_with_markup_do_no_harm(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    found = run(tmp_path, FEW, {"item": ["a", "b", "c"], "title": [evil, "B\x1b[31m", "C"]})
    report = found.report.read_text(encoding="utf-8")
    assert evil in found.tables["popularity"]["title"].to_pylist()
    assert "<script>alert" not in report
    assert "<img src=x" not in report
    assert "&lt;script&gt;alert(1)" in report


def test_a_value_of_available_that_is_neither_is_an_error(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, FEW, {"item": ["a", "b", "c"], "available": ["yes", "soon", "no"]})
    assert (code, fault.code) == (3, "recommend.available")
    assert '"soon"' in fault.found


def test_a_feature_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    items = {"item": ["a", "b"], "genre": ["x", "y"]}
    told = {"source": "in memory", "columns": {"item": "item"}, "features": ["gendre"]}
    code, fault = _with_items(tmp_path, items, told)
    assert (code, fault.code) == (3, "data.column-missing")
    assert fault.mend == 'Did you mean "genre"?'


def _with_items(out: Path, items: dict[str, Any], told: dict[str, Any]) -> tuple[int, Any]:
    """Exit code and first fault of a study whose catalogue is declared so."""
    tables = {"interactions": pa.table(FEW), "items": pa.table(items)}
    with pytest.raises(PotomacError) as caught:
        studies.run({**study(FEW), "items": told}, out=out, tables=tables)
    return caught.value.exit_code, caught.value.faults[0]


# ---- too little ---------------------------------------------------------------------------------------------------


def test_one_user_is_told_not_yet(tmp_path: Path) -> None:
    found = run(tmp_path, table(("ann", "a"), ("ann", "b"), ("ann", "c")), model={"method": "auto"})
    assert found.facts["verdict"] == "not_yet"
    assert any("one user alone" in note for note in found.manifest["notes"])
    assert found.tables["recommendations"].num_rows == 0  # there is nothing that she has not had


def test_one_item_is_told_not_yet(tmp_path: Path) -> None:
    found = run(tmp_path, table(("ann", "a"), ("ben", "a"), ("cleo", "a")), model={"method": "auto"})
    assert found.facts["verdict"] == "not_yet"
    assert any("one item alone" in note for note in found.manifest["notes"])


def test_ratings_that_are_all_equal_are_noted(tmp_path: Path) -> None:
    found = run(tmp_path, {**FEW, "value": [4.0] * 4})
    assert any(note.startswith("All values are 4") for note in found.manifest["notes"])


def test_no_value_that_is_a_like_is_no_answer(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, FEW, interactions_keys={"like": 9.0})
    assert (code, fault.code, fault.key) == (4, "recommend.no-likes", "interactions.like")
    assert "the highest is 5" in fault.found


def test_nothing_that_may_be_offered_is_no_answer(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, FEW, rules={"exclude": ["a", "b", "c"]})
    assert (code, fault.code, fault.key) == (4, "recommend.rules", "rules.exclude")
    items = {"item": ["a", "b", "c"], "available": ["no", "no", "no"]}
    assert faults(tmp_path, FEW, items)[1].key == "rules.available"


def test_no_usable_row_is_an_error(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, {**FEW, "value": [9.0] * 4}, interactions_keys={"value_range": [1.0, 5.0]})
    assert (code, fault.code) == (3, "data.no-usable-rows")


def test_a_test_with_nobody_in_it_is_told_where_the_study_asks_for_it(tmp_path: Path) -> None:
    alone = table(*((f"u{k}", f"i{k % 7}") for k in range(40)))
    code, fault = faults(tmp_path, alone, evaluation={"split": "leave_last_out"})
    assert (code, fault.code, fault.key) == (3, "recommend.split-empty", "evaluation.split")
    assert fault.mend


def test_a_test_with_nobody_in_it_is_no_reason_not_to_answer(tmp_path: Path) -> None:
    alone = table(*((f"u{k}", f"i{k % 7}") for k in range(40)))
    found = run(tmp_path, alone, model={"method": "auto"})
    assert found.facts["verdict"] == "not_yet"
    assert any(note.startswith("Nothing was tested") for note in found.manifest["notes"])
    assert "evaluation" not in found.tables


# ---- what the study asks ------------------------------------------------------------------------------------------


def test_a_pick_that_is_not_in_the_catalogue_is_an_error(tmp_path: Path) -> None:
    items = {"item": ["book-1", "book-2", "book-3"], "title": ["Emma", "Persuasion", "Sanditon"]}
    rows = table(("ann", "book-1"), ("ann", "book-2"), ("ben", "book-1"))
    code, fault = faults(tmp_path, rows, items, editors_picks=["Persuasian"])
    assert (code, fault.code, fault.key) == (3, "recommend.pick", "editors_picks")
    assert fault.mend.casefold() == 'did you mean "persuasion"?'


def test_a_rule_of_an_unknown_item_is_an_error(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, FEW, rules={"exclude": ["z"]})
    assert (code, fault.code, fault.key) == (3, "recommend.rules", "rules.exclude")


def test_somebody_unknown_is_served_as_somebody_new(tmp_path: Path) -> None:
    found = run(tmp_path, camps(), model={"users": [3, 9_999], "n": 4})
    rows = found.tables["recommendations"].to_pylist()
    assert {row["user"] for row in rows} == {3, 9_999}
    assert sum(row["user"] == 9_999 for row in rows) == 4
    assert any("Nothing is known of 9999" in note for note in found.manifest["notes"])


@pytest.mark.parametrize(
    ("more", "code", "key"),
    [
        ({"interactions_keys": {"like": 4.0}}, "recommend.value-missing", "interactions.like"),
        ({"interactions_keys": {"value_range": [1.0, 5.0]}}, "recommend.value-missing", "interactions.value_range"),
        ({"model": {"method": "content"}}, "recommend.features", "model.method"),
        ({"model": {"method": "picks"}}, "recommend.picks", "model.method"),
        ({"model": {"method": "factors"}}, "recommend.value-missing", "model.method"),
        ({"evaluation": {"split": "time"}}, "recommend.split-times", "evaluation.split"),
        ({"rules": {"max_per": {"genre": 2}}}, "recommend.features", "rules.max_per.genre"),
        ({"model": {"method": "popular", "neighbours": 9}}, "recommend.parameter", "model.neighbours"),
        ({"model": {"method": "auto", "factors": 9}}, "recommend.auto", "model.factors"),
    ],
)
def test_what_does_not_fit_together_is_told_with_its_key(
    tmp_path: Path, more: dict[str, Any], code: str, key: str
) -> None:
    exit_code, fault = faults(tmp_path, table(("ann", "a"), ("ann", "b"), ("ben", "a")), **more)
    assert (exit_code, fault.code, fault.key) == (2, code, key)
    assert fault.mend or fault.expected


def test_a_range_the_wrong_way_round_is_told(tmp_path: Path) -> None:
    code, fault = faults(tmp_path, FEW, interactions_keys={"value_range": [5.0, 1.0]})
    assert (code, fault.code) == (2, "recommend.range")
    code, fault = faults(tmp_path, FEW, interactions_keys={"value_range": [1.0, 5.0], "like": 6.0})
    assert (code, fault.code) == (2, "recommend.like")


def test_what_is_not_liked_is_not_offered_again(tmp_path: Path) -> None:
    rows = camps(people=60, items=40)
    value = np.where(np.arange(len(rows["user"])) % 3 == 0, 1.0, 5.0)
    keys = {"like": 4.0}
    found = run(tmp_path, {**rows, "value": value}, catalogue(40), interactions_keys=keys, model={"n": 40})
    had = set(zip(rows["user"].tolist(), rows["item"].tolist(), strict=True))
    offered = found.tables["recommendations"]
    assert not had & set(zip(offered["user"].to_pylist(), offered["item"].to_pylist(), strict=True))
