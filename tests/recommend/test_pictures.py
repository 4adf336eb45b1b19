"""Pictures of a result: what they show is what the tables say, and they can be drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.recommend.study_cases import camps, catalogue, run

from potomac.engine import Figure
from potomac.recommend.telling.pictures import figures
from potomac.studies.opened import Run


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in which taste is all there is."""
    more: dict[str, Any] = {"model": {"method": "ease"}, "evaluation": {"methods": ["content"]}}
    return run(tmp_path_factory.mktemp("built"), camps(), catalogue(), **more)


@pytest.fixture(scope="module")
def untested(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of people with one interaction each: nothing can be held out."""
    rows = {"user": np.arange(40), "item": np.arange(40) % 7}
    return run(tmp_path_factory.mktemp("untested"), rows, model={"method": "auto"})


def named(found: Run) -> dict[str, Figure]:
    """The figures by name."""
    return {figure.name: figure for figure in found.figures}


def test_the_test_leads_and_the_rest_supports(built: Run) -> None:
    pictures = named(built)
    assert list(pictures) == ["test", "curve", "coverage", "tail"]
    assert [figure.role for figure in pictures.values()] == ["lead", "support", "support", "support"]


def test_without_a_test_the_long_tail_leads(untested: Run) -> None:
    assert [(figure.name, figure.role) for figure in untested.figures] == [("tail", "lead")]


def test_dots_are_the_figures_of_the_table(built: Run) -> None:
    methods = {row["method"]: row for row in built.tables["methods"].to_pylist()}
    drawn = [row for layer in named(built)["test"].layers if layer.mark == "point" for row in layer.data.to_pylist()]
    assert {row["method"]: (row["low"], row["ndcg"], row["high"]) for row in drawn} == {
        name: (row["low"], row["ndcg"], row["high"]) for name, row in methods.items()
    }
    (own,) = (layer for layer in named(built)["test"].layers if layer.emphasis)
    assert own.data["method"].to_pylist() == ["EASE"]


def test_every_category_stands_in_the_order_of_the_figures(built: Run) -> None:
    first = named(built)["test"].layers[0].data["y"].to_pylist()
    means = {row["method"]: row["ndcg"] for row in built.tables["methods"].to_pylist()}
    assert first == sorted(means, key=lambda name: -means[name])


def test_the_curve_has_its_interval_and_the_line_of_no_gain(built: Run) -> None:
    band, line, zero = named(built)["curve"].layers
    assert (band.mark, line.mark, zero.mark) == ("area", "line", "line")
    assert band.data.equals(built.tables["curve"])
    assert set(zero.data["gain"].to_pylist()) == {0.0}
    assert named(built)["curve"].x.scale == "log"


def test_the_tail_ends_with_everything(built: Run) -> None:
    (line,) = (layer for layer in named(built)["tail"].layers if layer.emphasis)
    assert (line.data["items"][0].as_py(), line.data["share"][0].as_py()) == (0.0, 0.0)
    assert line.data["items"][-1].as_py() == pytest.approx(100.0)
    assert line.data["share"][-1].as_py() == pytest.approx(100.0)
    share = line.data["share"].to_numpy()
    assert (np.diff(share) >= 0).all()
    assert (np.diff(share, 2) <= 1e-9).all() or len(share) > 400  # the most popular first: ever flatter


def test_figures_say_in_words_what_they_show(built: Run, untested: Run) -> None:
    for figure in (*built.figures, *untested.figures):
        assert len(figure.alt) > 40
        assert figure.finding.endswith(".")
        for layer in figure.layers:
            used = {layer.x, layer.y, layer.x2, layer.y2, layer.color, layer.label, layer.series, *layer.tip}
            assert used - {None} <= set(layer.data.column_names)


def test_a_title_with_markup_is_drawn_as_text(tmp_path: Path) -> None:
    items = {**catalogue(20), "title": ["<b>Tale</b>" if i == 0 else f"Tale {i}" for i in range(20)]}
    rows = {"user": np.arange(30), "item": np.where(np.arange(30) < 20, 0, np.arange(30) % 20)}
    found = run(tmp_path, rows, items)
    assert "<b>Tale" not in found.report.read_text(encoding="utf-8")
    assert "&lt;b&gt;Tale&lt;/b&gt; comes first" in found.report.read_text(encoding="utf-8")


def test_pictures_follow_the_result(built: Run) -> None:
    """Drawn again from what lies in the directory they are the same."""
    again = list(figures(replace(built.result())))
    assert [figure.finding for figure in again] == [figure.finding for figure in built.figures]
