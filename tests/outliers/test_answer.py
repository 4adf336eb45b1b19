"""The answer in memory and in streams, its words and its pictures, from one table with less and less in it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac import tables
from potomac.engine import Figure, Quiet, Result, Rows
from potomac.errors import DataError, StudyError
from potomac.outliers import answer as answering
from potomac.outliers.pictures import figures
from potomac.outliers.study import ROLES
from potomac.outliers.summary import Settings
from potomac.stats.streams import Stream
from potomac.tables import covariate

QUICK = Settings(method="logistic", top=15)
NAMES = ("latitude", "longitude", "speed", "heading", "time", "entity")


def ask(table: pa.Table, settings: Settings = QUICK, memory_rows: int | None = None) -> Result:
    given = {name: name for name in (*NAMES, *settings.covariates) if name in table.column_names}
    roles = [role for role in ROLES if role.name in given] + [covariate(name) for name in settings.covariates]
    opened = tables.open(table, given, roles)
    return answering.answer(opened, settings, Stream(1), Quiet(), memory_rows=memory_rows)


LESS: dict[str, tuple[str, ...]] = {
    "everything": NAMES,
    "no entity": ("latitude", "longitude", "speed", "heading", "time"),
    "no time": ("latitude", "longitude", "speed", "heading", "entity"),
    "places only": ("latitude", "longitude"),
}
WAYS: dict[str, tuple[Settings, int | None]] = {
    "logistic": (QUICK, None),
    "logistic in streams": (QUICK, 100),
    "contrast": (replace(QUICK, method="contrast", bags=1, folds=2, fakes=1), None),
    "contrast in streams": (replace(QUICK, method="contrast", bags=1, folds=2, fakes=1), 100),
}


@pytest.fixture(scope="module", params=[(less, way) for less in LESS for way in WAYS], ids=lambda p: f"{p[0]}, {p[1]}")
def result(request: pytest.FixtureRequest, table: pa.Table) -> Result:
    less, way = request.param
    return ask(table.select(list(LESS[less])).slice(0, 600), *WAYS[way])


def test_the_answer_is_whole(result: Result) -> None:
    """A sentence with a number, facts with a meaning, tables of as many rows, a way it was done and by whom."""
    assert result.answer.endswith(".")
    assert "600 records" in result.answer
    assert "nan" not in result.answer.lower()
    assert all(fact.meaning.endswith(".") for fact in result.facts)
    assert result.fact("records").value == 600
    assert {"scores", "top", "entities", "cells"} <= set(result.tables)
    assert all(paragraph.endswith(".") for paragraph in (*result.notes, *result.method, *result.sources))
    scores = result.tables["scores"]
    whole = pa.Table.from_batches(list(scores.batches()), scores.schema) if isinstance(scores, Rows) else scores
    assert sorted(whole["rank"].to_pylist()) == list(range(1, 601))
    for show in result.show:
        shown = result.tables[show.table]
        names = shown.schema.names
        assert set(show.columns) <= set(names)
        assert not show.sort or show.sort in names


def test_every_picture_can_be_drawn(result: Result) -> None:
    drawn = list(figures(result))
    assert sum(figure.role == "lead" for figure in drawn) == 1
    assert len({figure.name for figure in drawn}) == len(drawn)
    for figure in drawn:
        for one in (figure, *figure.panels):
            check(one)


def check(figure: Figure) -> None:
    assert len(figure.alt) > 20
    assert figure.title
    assert bool(figure.layers) != bool(figure.panels)
    for layer in figure.layers:
        looks = {layer.color, layer.series, layer.size, layer.label, layer.heading, *layer.tip}
        assert ({layer.x, layer.y, layer.x2, layer.y2} | looks) - {None} <= set(layer.data.column_names)
        assert layer.data.num_rows > 0


def test_there_are_nine_neighbourhoods_at_most(result: Result) -> None:
    panels = next(figure.panels for figure in figures(result) if figure.name == "neighbourhoods")
    assert 1 <= len(panels) <= 9


def test_what_was_planted_is_a_line_with_an_interval(table: pa.Table) -> None:
    result = ask(table, replace(QUICK, plant=("speed", "loiter"), plant_count=20))
    figure = next(f for f in figures(result) if f.name == "detection")
    assert {layer.mark for layer in figure.layers} >= {"line", "interval"}
    detection = result.tables["detection"]
    assert isinstance(detection, pa.Table)
    rates = {(r["kind"], r["list_length"]): r for r in detection.to_pylist()}
    fact = result.fact("found")
    assert fact.value == pytest.approx(100 * rates["all", 15]["rate"])
    assert (fact.low, fact.high) == pytest.approx((100 * rates["all", 15]["low"], 100 * rates["all", 15]["high"]))
    percent = re.search(r"holds (\d+) % \((\d+) to (\d+) %\)", result.answer)
    assert percent
    assert [int(n) for n in percent.groups()] == pytest.approx([fact.value, fact.low, fact.high], abs=0.5)


def test_a_list_longer_than_the_table_is_the_table(table: pa.Table) -> None:
    few = table.slice(0, 50)
    result = ask(few, replace(QUICK, top=5000, plant=("speed",), plant_count=10))
    top = result.tables["top"]
    assert isinstance(top, pa.Table)
    assert top.num_rows == 50
    assert "list of 50" in result.answer


def test_nobody_named_is_told_by_the_row(table: pa.Table) -> None:
    result = ask(table.drop_columns(["entity", "time"]))
    top = result.tables["top"]
    assert isinstance(top, pa.Table)
    row = top["row"][0].as_py()
    assert result.answer.startswith(f"The strangest of {table.num_rows:,} records is row {row:,}: ")


def test_the_method_told_is_the_method_used(table: pa.Table) -> None:
    logistic = " ".join(ask(table, replace(QUICK, fakes=3, terms="quadratic", cell_km=25.0)).method)
    for words in ("25 km", "3 fake", "quadratic terms", "case-control"):
        assert words in logistic
    contrast = " ".join(ask(table.slice(0, 300), WAYS["contrast"][0]).method)
    assert "no record was scored by a model that saw it" in contrast
    assert "2 folds" in contrast


def test_prevalence_is_said_to_be_the_studys(table: pa.Table) -> None:
    with_it, without = ask(table, replace(QUICK, prevalence=0.03)), ask(table)
    assert any("prevalence of 0.03" in note for note in with_it.notes)
    assert any("no probability" in note for note in without.notes)


def test_what_cannot_be_planted_is_said(table: pa.Table) -> None:
    with pytest.raises((DataError, StudyError)) as caught:
        ask(table.select(["latitude", "longitude"]), replace(QUICK, plant=("speed",)))
    assert "speed" in str(caught.value)


@pytest.mark.parametrize("role", ["speed", "heading"])
def test_a_column_that_never_holds_a_value_is_said(table: pa.Table, role: str) -> None:
    empty = pa.nulls(table.num_rows, pa.float64())
    with pytest.raises(DataError) as caught:
        ask(table.set_column(table.schema.get_field_index(role), role, empty))
    fault = caught.value.faults[0]
    assert (fault.code, fault.key) == ("data.column-null", f"data.columns.{role}")


def test_scores_do_not_depend_on_what_else_is_asked(table: pa.Table) -> None:
    def scores(**changed: Any) -> Any:
        found = ask(table, replace(QUICK, **changed)).tables["scores"]
        assert isinstance(found, pa.Table)
        return found["log_odds"].to_numpy()

    plain = scores()
    np.testing.assert_array_equal(scores(top=3), plain)
    np.testing.assert_array_equal(scores(prevalence=0.2), plain)
    np.testing.assert_array_equal(scores(plant=("loiter",), plant_count=15), plain)
