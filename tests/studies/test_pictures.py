"""A figure that is written as JSON comes back as it was."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa

from potomac.engine import Axis, Figure, Layer
from potomac.studies import pictures, write


def figure() -> Figure:
    data = pa.table(
        {
            "t": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC), None], pa.timestamp("us", "UTC")),
            "y": [1.5, float("inf")],
            "n": pa.array([2**53 + 1, None]),
            "word": ["<script>", None],
            "flag": [True, False],
        }
    )
    layer = Layer("point", data, "t", "y", tip=("word", "n"), emphasis=True)
    panel = Figure("small", "Small", "A point.", (layer,), kind="map", width_km=3.0)
    return Figure("all", "All", "Points.", (layer,), x=Axis("time", scale="time", domain=(0.0, 1.0)), panels=(panel,))


def test_a_figure_comes_back_as_it_was() -> None:
    again = pictures.decode(json.loads(write.json_text(pictures.encode(figure()))))
    before = figure()
    assert again.layers[0].data.equals(before.layers[0].data)
    assert again.panels[0].layers[0].data.equals(before.layers[0].data)
    for one, other in ((again, before), (again.panels[0], before.panels[0])):
        assert (one.x, one.y, one.title, one.alt, one.kind, one.width_km) == (
            other.x, other.y, other.title, other.alt, other.kind, other.width_km,
        )  # fmt: skip
        assert (one.layers[0].tip, one.layers[0].emphasis) == (other.layers[0].tip, other.layers[0].emphasis)
