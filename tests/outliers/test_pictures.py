"""Pictures as data: what is labelled, what is a ramp, and that hostile names stay names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac import tables
from potomac.engine import Figure, Quiet, Result
from potomac.outliers import answer as answering
from potomac.outliers.pictures import LABELLED, SHADED, figures
from potomac.outliers.study import ROLES
from potomac.outliers.summary import Settings
from potomac.report import plotted, sheet
from potomac.stats.streams import Stream

NAMES = ("latitude", "longitude", "speed", "heading", "time", "entity")


@pytest.fixture(scope="module")
def result(table: pa.Table) -> Result:
    names = [f"<b>{name}</b>" for name in table["entity"].to_pylist()]
    hostile = table.set_column(table.schema.get_field_index("entity"), "entity", pa.array(names))
    opened = tables.open(hostile, {name: name for name in NAMES}, ROLES)
    settings = Settings(method="logistic", top=30, plant=("speed", "loiter"), plant_count=15)
    return answering.answer(opened, settings, Stream(1), Quiet())


@pytest.fixture(scope="module")
def drawn(result: Result) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(result)}


def test_the_map_leads_and_labels_the_strangest(drawn: dict[str, Figure]) -> None:
    lead = drawn["map"]
    assert (lead.role, lead.kind) == ("lead", "map")
    strongest = next(layer for layer in lead.layers if layer.emphasis)
    assert strongest.data.num_rows == LABELLED
    assert strongest.data["label"].to_pylist() == [str(rank) for rank in range(1, LABELLED + 1)]
    rest = next(layer for layer in lead.layers if layer.shape == "cross")
    assert rest.data["rank"].to_pylist() == list(range(LABELLED + 1, 31))


def test_the_map_shows_all_records(drawn: dict[str, Figure], result: Result, table: pa.Table) -> None:
    """Few places are dots of one size; more than that are shading, which counts what each stands for."""
    where = drawn["map"].layers[0]
    assert where.name == "all records"
    assert where.size is None
    assert sum(where.data["records"].to_pylist()) == table.num_rows
    n = SHADED + 1
    west, south = np.linspace(11, 12, n), np.full(n, 56.0)
    sides = {"west": west, "south": south, "east": west + 0.01, "north": south + 0.01}
    many = pa.table({**sides, "records": np.full(n, 3)})
    facts = (replace(result.fact("records"), value=3 * n), *(one for one in result.facts if one.name != "records"))
    lead = next(iter(figures(replace(result, facts=facts, model={**result.model, "density": many}))))
    assert lead.layers[0].size == "records"
    assert plotted.many(lead.layers[0])
    assert not plotted.many(replace(lead.layers[0], data=many.slice(1)))
    for told in (lead.alt, lead.finding, sheet.chart(lead)):
        assert f"all {3 * n:,}" in told or f"all records: {3 * n:,}" in told


def test_each_neighbourhood_is_of_another_entity(drawn: dict[str, Figure], result: Result) -> None:
    panels = drawn["neighbourhoods"].panels
    records = [layer.data["entity"][0].as_py() for panel in panels for layer in panel.layers if layer.emphasis]
    assert len(records) == len(panels) == len(set(records)) <= 9
    assert panels[0].title.startswith("1. ")
    assert all(panel.width_km and 6 < panel.width_km < 140 for panel in panels)


def test_names_are_data_and_escaped_by_who_draws_them(drawn: dict[str, Figure]) -> None:
    assert drawn["neighbourhoods"].panels[0].title.startswith("1. <b>")


def test_reasons_are_never_negative_and_one_a_piece(drawn: dict[str, Figure], result: Result) -> None:
    layer = drawn["reasons"].layers[0]
    assert (layer.data["taken"].to_numpy() >= 0).all()
    top = result.tables["top"]
    assert isinstance(top, pa.Table)
    pieces = [name for name in top.column_names if name.startswith("why_")]
    rows = layer.data.num_rows
    assert rows % len(pieces) == 0
    assert len(set(zip(layer.data["record"].to_pylist(), layer.data["piece"].to_pylist(), strict=True))) == rows


def test_the_curve_of_what_is_found_rises(drawn: dict[str, Figure]) -> None:
    line = next(layer for layer in drawn["detection"].layers if layer.emphasis)
    lengths, rates = line.data["list_length"].to_numpy(), line.data["rate"].to_numpy()
    assert (np.diff(lengths) > 0).all()
    assert (np.diff(rates) >= 0).all()
    assert rates.min() >= 0
    assert rates.max() <= 100


def test_cells_without_records_are_not_drawn(drawn: dict[str, Figure]) -> None:
    layer = drawn["cells"].layers[0]
    assert (layer.data["records"].to_numpy() > 0).all()
    ends: list[Any] = [layer.x, layer.y, layer.x2, layer.y2]
    west, south, east, north = (layer.data[name].to_numpy() for name in ends)
    assert (west < east).all()
    assert (south < north).all()
