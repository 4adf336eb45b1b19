"""The result in words: plain sentences, numbers with what they mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from potomac.outliers import told
from potomac.outliers.plant import detection


def top(**changed: Any) -> pa.Table:
    row = {"entity": "NORTH STAR", "row": 1233, "time": datetime(2024, 3, 4, 5, 6, tzinfo=UTC), "why": "Few come here."}
    schema = pa.schema(
        [("entity", pa.string()), ("row", pa.int64()), ("time", pa.timestamp("us", "UTC")), ("why", pa.string())]
    )
    return pa.Table.from_pylist([{**row, **changed}], schema)


def test_the_sentence_names_who_when_and_why() -> None:
    said = told._sentence(12_345, top(), 0, 0, ())
    assert said == "The strangest of 12,345 records is NORTH STAR on 4 March 2024 at 05:06 UTC: few come here."


def test_who_has_no_name_is_a_row_and_without_time_there_is_none() -> None:
    said = told._sentence(12_345, top(entity=None, time=None), 0, 0, ())
    assert said == "The strangest of 12,345 records is row 1,233: few come here."


def test_rates_are_told_with_their_interval() -> None:
    """3 of 4 found: Wilson's interval is 30 to 95 %."""
    table = detection([1, 2, 3, 500], ["speed", "speed", "jump", "jump"], [10, 100], 1000)
    facts = told.detection_facts(table, 100)
    assert facts[0].name == "found"
    assert {fact.name for fact in facts} == {"found", "found_speed", "found_jump"}
    every = facts[0]
    assert (every.value, every.unit, every.key) == (75.0, "%", True)
    assert every.low == pytest.approx(30.06, abs=0.01)
    assert every.high == pytest.approx(95.44, abs=0.01)
    assert every.meaning == "Share of the odd behaviour simulated here that a list of 100 records holds."
    assert "holds 75 % (30 to 95 %)" in told._sentence(1000, top(), 0, 0, facts)


def test_a_list_longer_than_any_that_was_counted_is_the_longest() -> None:
    table = detection([1, 2], ["speed", "speed"], [10, 50], 50)
    assert "a list of 50 records" in told.detection_facts(table, 5000)[0].meaning


def test_meetings_and_repeats_are_counted_where_there_are_any() -> None:
    met = told._meetings(pa.table({"where": ["open water", "berth", "open water"]}))
    assert [(fact.name, fact.value) for fact in met] == [("meetings", 3), ("meetings_open_water", 2)]
    assert [fact.value for fact in told._meetings(pa.table({"where": pa.array([], pa.string())}))] == [0, 0]
    assert told._meetings(None) == ()
    assert told._aside(0) == ()
    assert told._aside(2)[0].value == 2


def test_every_source_is_a_work_with_its_year() -> None:
    assert len(told.SOURCES) >= 3
    assert all(any(year in source for year in map(str, range(1950, 2027))) for source in told.SOURCES)
