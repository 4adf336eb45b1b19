"""Tables of a study as interactions and a catalogue: numbering, likes, what may be offered, what is noted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac import tables
from potomac.engine import Quiet
from potomac.errors import DataError
from potomac.recommend.study import InteractionsSpec, ItemsSpec
from potomac.recommend.telling.question import Question
from potomac.recommend.telling.reading import Read, catalogue, read
from potomac.tables import Table


def opened(
    columns: dict[str, Any], spec: type[InteractionsSpec] | type[ItemsSpec], features: Sequence[str] = ()
) -> Table:
    """A table in memory, opened with the roles of a study."""
    more: dict[str, Any] = {"features": tuple(features)} if features else {}
    told = spec(source="in memory", query=None, **more)
    there = {role.name: role.name for role in told.all_roles() if role.name in columns}
    return tables.open(pa.table(columns), there, told.all_roles(), name="interactions")


def made(rows: dict[str, Any], items: dict[str, Any] | None = None, **question: Any) -> Read:
    """What is read of these columns."""
    features = [name for name in items or {} if name not in ("item", "title", "available")]
    listed = None if items is None else opened(items, ItemsSpec, features)
    return read(opened(rows, InteractionsSpec), listed, Question(features=features, **question), Quiet())


ROWS: dict[str, Any] = {
    "user": [7, 7, 3, 3, 9],
    "item": [20, 10, 10, 30, 40],
    "value": [5.0, 2.0, 4.0, 4.0, 1.0],
}


def test_integers_stay_integers_and_text_stays_text() -> None:
    assert made(ROWS).every.users.type == pa.int64()
    words = made({**ROWS, "user": ["007", "007", "3", "3", "x"]}).every.users
    assert words.to_pylist() == ["007", "3", "x"]  # what is written with zeros is no number


def test_floats_that_are_whole_are_integers() -> None:
    """As pandas gives integers among which some are not known."""
    found = made({**ROWS, "item": [20.0, 10.0, 10.0, None, 40.0]}).every
    assert found.items.to_pylist() == [10, 20, 40]
    assert found.nnz == 4


def test_the_matrix_is_that_of_the_rows() -> None:
    every = made(ROWS).every
    assert every.users.to_pylist() == [3, 7, 9]
    assert every.items.to_pylist() == [10, 20, 30, 40]
    dense = np.zeros((3, 4))
    dense[np.repeat(np.arange(3), every.of_users), every.indices] = every.values
    assert dense.tolist() == [[4, 0, 4, 0], [2, 5, 0, 0], [0, 0, 0, 1]]


def test_likes_are_values_at_or_above_the_threshold_and_everybody_keeps_a_row() -> None:
    found = made(ROWS, like=4.0)
    assert found.likes.nnz == 3
    assert found.likes.of_users.tolist() == [2, 1, 0]
    assert found.likes.values.tolist() == [1.0, 1.0, 1.0]
    assert not found.likes.rated
    assert found.every.nnz == 5
    assert any("Of 5 ratings 3 are likes (4 or more)" in note and "1 person has none" in note for note in found.notes)


def test_without_values_everything_is_a_like() -> None:
    found = made({name: ROWS[name] for name in ("user", "item")}, like=4.0)
    assert found.likes is found.every


def test_the_catalogue_is_in_the_order_of_the_columns() -> None:
    items = {"item": [50, 40, 10], "title": ["Fifty", None, "Ten"], "genre": ["a", "b", "c"]}
    found = made(ROWS, items)
    assert found.every.items.to_pylist() == [10, 20, 30, 40, 50]
    assert found.items.titles.to_pylist() == ["Ten", "20", "30", "40", "Fifty"]
    assert found.items.features["genre"].to_pylist() == ["c", None, None, "b", "a"]
    assert found.items.listed.to_pylist() == [True, False, False, True, True]


def test_what_is_not_available_may_not_be_offered_and_what_is_not_listed_may() -> None:
    items = {"item": [10, 40, 50], "available": ["Yes", "FALSE", None]}
    assert made(ROWS, items).may.tolist() == [True, True, True, False, False]
    assert made(ROWS, {**items, "available": [True, False, True]}).may.tolist() == [True, True, True, False, True]
    assert made(ROWS, {**items, "available": [1, 0, 1]}).may.tolist() == [True, True, True, False, True]


def test_equal_ids_are_told_with_the_first() -> None:
    with pytest.raises(DataError, match='the first is "2"'):
        catalogue(opened({"item": [1, 2, 2, 3]}, ItemsSpec), Question())


def test_numbers_of_another_type_are_the_same_id() -> None:
    found = made(ROWS, {"item": ["10", "20", "30", "40"], "title": list("abcd")})
    assert found.items.titles.to_pylist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize(("how", "value"), [("last", 1.0), ("max", 6.0), ("sum", 12.0)])
def test_of_several_rows_one_is_made(how: str, value: float) -> None:
    """In the order of time: 6, 5, 1; in the table the last is 6."""
    rows = {"user": [1, 1, 1], "item": [2, 2, 2], "value": [5.0, 1.0, 6.0], "time": [200.0e6, 300.0e6, 100.0e6]}
    found = made(rows, duplicates=how).every
    assert (found.nnz, found.repeated) == (1, 2)
    assert found.values.tolist() == [value]
    assert found.times is not None
    assert found.times.tolist() == [300_000_000_000_000]  # when it was last, in microseconds


def test_progress_counts_the_rows() -> None:
    told: list[tuple[str, float]] = []
    read(opened(ROWS, InteractionsSpec), None, Question(), lambda what, done, total=None: told.append((what, done)))
    assert told[-1] == ("reading interactions", 5)
