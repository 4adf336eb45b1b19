"""Ids are compared by what they look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError
from potomac.recommend import Interactions, Items, Popular
from potomac.recommend.matrix import ids as ids_module
from potomac.recommend.matrix.ids import Index, array_of, fits

IDS = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), unique=True),
    st.lists(st.integers(-5, 30), unique=True),
    st.lists(st.text("07-aé ", max_size=3), unique=True),
    st.lists(st.integers(-5, 30).map(str), unique=True),
)


@settings(max_examples=200, deadline=None)
@given(known=IDS, wanted=IDS, few=st.sampled_from([0, 64]))
def test_ids_are_found_by_what_they_look_like(known: list[Any], wanted: list[Any], few: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids_module, "FEW", few)
        places = {str(one): place for place, one in enumerate(known)}
        kind = pa.string() if known and isinstance(known[0], str) else pa.int64()
        found = Index(pa.array(known, kind)).rows(wanted)
    assert found.tolist() == [places.get(str(one), -1) for one in wanted]


def test_an_id_that_is_missing_is_nowhere() -> None:
    assert Index(pa.array([0, 5])).rows(pa.array([None, 5])).tolist() == [-1, 1]
    assert Index(pa.array(["a", "b"])).rows(pa.array([None, "b"])).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1, "a"], ["1", "a"]),
        (np.array([3, 4], np.uint16), [3, 4]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.chunked_array([[1], [2]]), [1, 2]),
        ([1.0, 2.0], [1, 2]),
    ],
)
def test_ids_become_integers_or_text(given: Any, expected: list[Any]) -> None:
    assert array_of(given).to_pylist() == expected


@pytest.mark.parametrize("given", [[1.5], [True], [b"x"], pa.array([0], pa.date32())])
def test_other_types_are_no_ids(given: Any) -> None:
    with pytest.raises(DataError) as caught:
        array_of(given)
    assert caught.value.faults[0].code == "recommend.ids"


def test_what_looks_the_same_in_another_type() -> None:
    assert fits(pa.array(["7", "10"]), pa.int64())
    assert not fits(pa.array(["007"]), pa.int64())
    assert fits(pa.array([7]), pa.string())


def test_numbers_in_one_table_and_text_in_the_other() -> None:
    model = Popular().fit({"user": ["1", "2"], "item": [7, 8]}, {"item": ["7", "8", "9"], "title": ["a", "b", "c"]})
    assert model.items_.ids.to_pylist() == [7, 8, 9]
    assert model.items_.titles.to_pylist() == ["a", "b", "c"]
    assert model.recommend([1], n=1).to_pylist() == [{"user": "1", "item": 8, "rank": 1, "score": 1.0}]
    assert model.recommend(["1"], allowed=["9"], n=1)["item"].to_pylist() == [9]


@pytest.mark.parametrize(
    ("items", "catalogue", "said"),
    [
        ([7, 8], ["007", "008"], '7 and "007" are different ids'),
        (["007", "x"], [7, 9], '"007" and 7 are different ids'),
        (["a", "b", "c", "d"], [1, 2, 3, 4], 'the table of interactions has "a", "b", "c"; the catalogue has 1, 2, 3'),
        ([" 7"], ["7"], '" 7" and "7" are different ids'),
    ],
)
def test_tables_without_a_common_id_say_so(items: list[Any], catalogue: list[Any], said: str) -> None:
    interactions = {"user": list(range(len(items))), "item": items}
    with pytest.raises(DataError) as caught:
        Popular().fit(interactions, {"item": catalogue, "title": ["t"] * len(catalogue)})
    assert caught.value.faults[0].code == "recommend.apart"
    assert said in str(caught.value)


def test_items_that_the_catalogue_lacks_are_counted() -> None:
    model = Popular().fit({"user": [1, 2, 3], "item": [7, 8, 9]}, {"item": [7, 20], "title": ["a", "b"]})
    assert model.items_.ids.to_pylist() == [7, 8, 9, 20]
    assert model.items_.listed.to_pylist() == [True, False, False, True]
    assert model.items_.unlisted == 2
    assert model.items_.titles.to_pylist() == ["a", "8", "9", "b"]


def test_new_items_of_another_type_come_in_the_type_that_holds_all() -> None:
    known = Interactions.of({"user": [1], "item": [7]})
    assert known.with_items(["7", "8"]).items.to_pylist() == [7, 8]
    assert known.with_items(["7", "x"]).items.to_pylist() == ["7", "x"]
    assert known.with_items([7]) is known


@pytest.mark.parametrize(
    "catalogue",
    [{"item": [1, 1], "title": ["a", "b"]}, {"item": [1, None], "title": ["a", "b"]}],
)
def test_a_catalogue_has_each_item_once(catalogue: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        Items.of(catalogue)
    assert caught.value.faults[0].code == "recommend.items"
