"""Numbers, whole numbers and words out of whatever a source holds."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac import tables
from potomac.tables import ENTITY, SPEED, Column, Role, covariate, delimited, values

COUNT = Role("count", "integer", "how many", low=0)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.5", 1.5), (" 1.5 ", 1.5), ("+1.5", 1.5), ("-.5", -0.5), ("5.", 5.0), ("1e3", 1000.0), ("1E-3", 0.001),
        ("", None), ("null", None), ("NULL", None), ("NaN", None), ("n/a", None), ("None", None), ("  ", None),
        ("1e400", math.inf), ("-inf", -math.inf),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text: str, number: float | None) -> None:
    for beside in ("2", "junk"):  # at once, and value by value
        read = values.numbers(pa.array([text, beside]))
        assert not read.unreadable[0]
        assert read.values[0] == number or (number is None and math.isnan(read.values[0]))


@pytest.mark.parametrize(
    "text", ["junk", "1,5", "1 000", "0x10", "1.2.3", "--1", "1e", "5 kn", "½", "१२", "1_000", "=1+1"]
)
def test_words_are_no_numbers(text: str) -> None:
    assert values.numbers(pa.array([text, "1"])).unreadable.tolist() == [True, False]


def test_a_decimal_comma() -> None:
    read = values.numbers(pa.array(["1,5", "-,25", "2", "1.5", "1.000,5"]), comma=True)
    assert read.values[:4].tolist() == [1.5, -0.25, 2.0, 1.5]
    assert read.unreadable.tolist() == [False, False, False, False, True]


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_every_number_survives_its_text(numbers: list[float]) -> None:
    read = values.numbers(pa.array([repr(number) for number in numbers]))
    assert read.values.tolist() == numbers
    assert values.numbers(pa.array([*map(repr, numbers), "junk"])).values.tolist()[:-1] == numbers


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None, 3], pa.int8()), pa.array([1, None, 3], pa.uint64()), pa.array([1, None, 3], pa.float32()),
        pa.array([Decimal("1.00"), None, Decimal("3.00")]), pa.array([1.0, None, 3.0], pa.float16()),
        pa.array(["1", None, "3"]).dictionary_encode(), pa.array(["1", None, "3"], pa.large_string()),
        pa.array([b"1", None, b"3"]), pa.array(["1", "", "3"]), pa.array(["1", None, "3"], pa.string_view()),
        pa.array([b"1", None, b"3"], pa.binary_view()),
    ],
)  # fmt: skip
def test_numbers_of_every_type(column: pa.Array) -> None:
    assert np.array_equal(values.numbers(column).values, [1, np.nan, 3], equal_nan=True)


def test_true_is_one_and_lists_are_no_numbers() -> None:
    assert values.numbers(pa.array([True, False])).values.tolist() == [1.0, 0.0]
    assert values.numbers(pa.array([[1], None])).unreadable.tolist() == [True, False]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([" a ", "", None, "null", "NA"]), ["a", None, None, None, "NA"]),  # NA is Namibia
        (pa.array([211_000_001.0, 1.5, np.nan, None]), ["211000001", "1.5", None, None]),
        (pa.array([7, None]), ["7", None]),
        (pa.array([True, None]), ["true", None]),
        (pa.nulls(2), [None, None]),
        (pa.array(["x", None]).dictionary_encode(), ["x", None]),
        (pa.array([b"\xff", b"a"]), ["ff", "61"]),
        (pa.array([[1, 2], None]), ["[1, 2]", None]),
    ],
)
def test_words_of_every_type(column: pa.Array, words: list[str | None]) -> None:
    assert values.words(column).to_pylist() == words


def test_whole_numbers() -> None:
    table = tables.open({"n": ["1", "2.0", "2.5", "-1", "x", "", "9007199254740993"]}, {"count": "n"}, (COUNT,))
    assert table.to_arrow()["count"].to_pylist() == [1, 2, 9_007_199_254_740_993]  # 2^53 + 1 is no float
    assert table.counts().reasons == {
        "count below 0": 1, "count not a number": 1, "count not a whole number": 1, "no count": 1
    }  # fmt: skip


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=20))
def test_whole_numbers_are_exact(numbers: list[int]) -> None:
    for column in (numbers, np.array(numbers)):
        table = tables.open({"n": column}, {"count": "n"}, (COUNT,)).to_arrow()
        assert table["count"].to_pylist() == numbers
    unsigned = tables.open({"n": np.array(numbers, np.uint64)}, {"count": "n"}, (COUNT,)).to_arrow()
    assert unsigned["count"].to_pylist() == numbers
    if max(numbers) < 10**18:
        words = tables.open({"n": list(map(str, numbers))}, {"count": "n"}, (COUNT,)).to_arrow()
        assert words["count"].to_pylist() == numbers


def test_units_are_brought_to_the_base() -> None:
    """1 m/s is 3600 / 1852 knots: a nautical mile has 1852 m, an hour 3600 s."""
    table = tables.open({"v": [1.0, 10.0]}, {"speed": Column("v", "m/s")}, (SPEED,)).to_arrow()
    assert table["speed"].to_pylist() == pytest.approx([3600 / 1852, 36000 / 1852])


def test_any_is_numbers_where_the_first_values_are() -> None:
    roles = (ENTITY, covariate("draught"), covariate("flag"))
    given_columns = {"id": ["a", "b", "c"], "draught": ["", "5.5", "6"], "flag": ["FR", "7", ""]}
    table = tables.open(given_columns, {"entity": "id"}, roles)
    assert table.schema.field("draught").type == pa.float64()
    assert table.to_arrow().select(["draught", "flag"]).to_pylist() == [
        {"draught": None, "flag": "FR"}, {"draught": 5.5, "flag": "7"}, {"draught": 6.0, "flag": None}
    ]  # fmt: skip
    assert "taken as numbers, as the first values are: draught" in table.notes


def test_words_of_json_stay_words(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text('{"squawk": "1000", "n": 5}\n{"squawk": "7000", "n": 6}\n')
    roles = (covariate("squawk"), covariate("n"))
    assert tables.open("a.jsonl", {}, roles, base=tmp_path).to_arrow().to_pylist() == [
        {"row": 0, "squawk": "1000", "n": 5.0}, {"row": 1, "squawk": "7000", "n": 6.0}
    ]  # fmt: skip


def test_a_covariate_whose_numbers_come_late(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(delimited, "_LONGEST", 1 << 12)  # the first block holds no value
    rows = "".join(f"{number},{'' if number < 9000 else number}\n" for number in range(10_000))
    (tmp_path / "a.csv").write_text(f"id,late\n{rows}")
    table = tables.open("a.csv", {"entity": "id"}, (ENTITY, covariate("late")), base=tmp_path)
    assert table.schema.field("late").type == pa.float64()
