"""Figures with axes."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.engine import Axis, Figure, Layer
from potomac.report import charts

HOSTILE = '<script>alert("1")</script>&\x00'


def bars(names: list[str], values: list[float], **more: object) -> Figure:
    data = pa.table({"name": names, "value": pa.array(values, pa.float64())})
    return Figure(
        "f", "F", "", (Layer("bar", data, "name", "value"),), x=Axis("", scale="category"), y=Axis("v", "km"), **more
    )  # type: ignore[arg-type]


def marks(tree: object, name: str = "rect") -> list[dict[str, str]]:
    return [one.attrib for one in tree.iter() if one.tag.rpartition("}")[2] == name and "mark" in one.get("class", "")]  # type: ignore[attr-defined]


def test_bars_start_at_zero_and_are_as_high_as_their_values(parse) -> None:
    found = marks(parse(charts.svg(bars(["a", "b"], [10, 40]), alone=False)))
    heights = [float(one["height"]) for one in found]
    feet = [float(one["y"]) + float(one["height"]) for one in found]
    assert heights[1] == pytest.approx(4 * heights[0], abs=0.3)
    assert feet[0] == pytest.approx(feet[1], abs=0.2)


def test_bars_with_long_names_lie_down(parse) -> None:
    names = [f"a station with a rather long name {i}" for i in range(8)]
    found = marks(parse(charts.svg(bars(names, [float(i) for i in range(1, 9)]), alone=False)))
    assert len({one["x"] for one in found}) == 1  # all start at the same place on the left
    widths = [float(one["width"]) for one in found]
    assert widths[7] == pytest.approx(8 * widths[0], rel=0.02)


def test_a_line_follows_its_points(parse) -> None:
    data = pa.table({"x": [0.0, 1.0, 2.0], "y": [0.0, 10.0, 0.0]})
    figure = Figure("f", "F", "", (Layer("line", data, "x", "y", name="rate"),), x=Axis("x"), y=Axis("y"))
    text = charts.svg(figure, alone=False)
    data_ = re.search(r'd="M([\d.-]+) ([\d.-]+)l([\d. -]+)" class="line s0"', text)
    assert data_ is not None
    steps = [float(value) for value in data_[3].split()]
    assert steps[0] == pytest.approx(steps[2], abs=0.11)
    assert steps[1] == pytest.approx(-steps[3], abs=0.11)
    assert steps[1] < 0  # up is towards the top
    assert ">rate</text>" in text


def test_a_gap_in_a_line_is_a_gap(parse) -> None:
    data = pa.table({"x": [0.0, 1, 2, 3, 4], "y": [1.0, 2, None, 4, 5]})
    text = charts.svg(Figure("f", "F", "", (Layer("line", data, "x", "y"),)), alone=False)
    assert len(re.findall(r'class="line s0"', text)) == 2
    assert "1 of 5 rows has no value that can be shown here." in text


def test_an_interval_reaches_from_low_to_high(parse) -> None:
    data = pa.table({"x": [1.0], "low": [0.0], "high": [10.0]})
    figure = Figure("f", "F", "", (Layer("interval", data, "x", "low", y2="high"),), y=Axis("", domain=(0, 10)))
    found = re.search(r'd="M[\d.]+ ([\d.]+)V([\d.]+)', charts.svg(figure, width=680, alone=False))
    assert found is not None
    assert float(found[1]) - float(found[2]) == pytest.approx(340 * 1.0, abs=35)  # the plot is about 340 high


def test_marks_of_every_kind_on_every_scale_are_well_formed(parse) -> None:
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(6)]
    data = pa.table(
        {
            "n": [1.0, 2, 3, 5, None, 1e9],
            "t": times,
            "c": ["a", "b", "c", "a", "b", HOSTILE],
            "m": [2.0, 3, 4, 9, 1, 2e9],
        }
    )
    for mark in ("point", "line", "bar", "area", "rule", "interval", "cell", "text"):
        for x, kind in (("n", "linear"), ("n", "log"), ("t", "time"), ("c", "category")):
            layer = Layer(
                mark, data, x, "m", y2="n" if mark in ("interval", "area") else None, label="c", tip=("c",), series="c"
            )  # type: ignore[arg-type]
            figure = Figure("f", HOSTILE, HOSTILE, (layer,), x=Axis(HOSTILE, "km", kind), y=Axis("y", HOSTILE))  # type: ignore[arg-type]
            for alone in (True, False):
                tree = parse(charts.svg(figure, width=400, alone=alone))
                assert not [one for one in tree.iter() if one.tag.rpartition("}")[2] == "script"]


def test_what_is_hostile_is_text() -> None:
    text = charts.svg(bars([HOSTILE, "b"], [1, 2], finding=HOSTILE), alone=True)
    assert "<script" not in text
    assert "\x00" not in text
    assert "&lt;script&gt;" in text


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=20), st.floats(200, 1200))
def test_no_coordinate_is_ever_no_number(parse, values: list[float | None], width: float) -> None:
    data = pa.table({"x": pa.array(range(len(values)), pa.float64()), "y": pa.array(values, pa.float64())})
    layers = (Layer("point", data, "x", "y"), Layer("line", data, "x", "y"), Layer("bar", data, "x", "y"))
    text = charts.svg(Figure("f", "F", "", layers), width=width, alone=False)
    parse(text)
    assert not re.search(r"(?<![a-zA-Z])(nan|inf)", re.sub(r">[^<]*<", "><", text))


def test_an_empty_figure_says_so() -> None:
    data = pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.float64())})
    assert "There is nothing to show here." in charts.svg(Figure("f", "F", "", (Layer("point", data, "x", "y"),)))


def test_very_many_points_become_a_picture_of_their_density() -> None:
    data = pa.table({"x": np.arange(6000.0), "y": np.arange(6000.0)})
    text = charts.svg(Figure("f", "F", "", (Layer("point", data, "x", "y"),)), alone=False)
    assert "data:image/png;base64," in text
    assert len(text) < 200_000


def test_a_picture_says_in_words_what_it_shows() -> None:
    assert 'role="img" aria-label="F. Two bars."' in charts.svg(Figure("f", "F", "Two bars."))


def test_names_of_lines_have_room_and_do_not_touch(parse) -> None:
    names = ["across the lane", "off the lanes", "meetings"]
    rows = {"x": [1.0, 2.0] * 3, "y": [0.1, 0.5, 0.1, 0.51, 0.1, 0.52], "s": [name for name in names for _ in range(2)]}
    tree = parse(
        charts.svg(Figure("f", "F", "", (Layer("line", pa.table(rows), "x", "y", series="s"),)), width=600, alone=False)
    )
    texts = [one for one in tree.iter("text") if one.text in names]
    heights = sorted(float(one.get("y", "nan")) for one in texts)
    assert len(texts) == 3
    assert all(b - a >= 13.9 for a, b in pairwise(heights))
    assert all(float(one.get("x", "nan")) + 7 * len(one.text or "") < 600 for one in texts)


def test_a_log_axis_shows_no_value_below_zero() -> None:
    data = pa.table({"x": [1.0, 2, 3], "y": [-1.0, 10, 1000]})
    text = charts.svg(Figure("f", "F", "", (Layer("point", data, "x", "y"),), y=Axis("y", scale="log")), alone=False)
    assert "1 of 3 rows has no value" in text
    assert not math.isnan(float(text.partition('cy="')[2].partition('"')[0]))


def test_small_points_lie_over_large_ones() -> None:
    data = pa.table({"x": [1.0, 2.0, 3.0], "y": [1.0, 1.0, 1.0], "z": [1.0, 100.0, 25.0]})
    text = charts.svg(Figure("f", "F", "", (Layer("point", data, "x", "y", size="z"),)), alone=False)
    radii = [float(r) for r in re.findall(r' r="([\d.]+)"', text)]
    assert radii == pytest.approx([11, 5.5, 2])  # areas as 100 : 25 : 1, the smallest still seen
