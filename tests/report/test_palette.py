"""Colours, dashes, shapes and the ramp."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.engine import Figure, Layer
from potomac.report.palette import STEPS, Ramp, assign, outline, ramp_for, shape


def test_colours_come_in_the_stated_order_and_repeat_with_a_dash() -> None:
    names = [f"s{i}" for i in range(8)]
    layer = Layer("line", pa.table({"x": range(8), "y": range(8), "s": names}), "x", "y", series="s")
    own = assign(Figure("f", "F", "", (layer,)))[0]
    assert [one.colour for one in own.values()] == ["s0", "s1", "s2", "s3", "s4", "s5", "s0", "s1"]
    assert own["s6"].dash
    assert not own["s0"].dash


def test_what_lies_beneath_takes_no_colour_of_the_series() -> None:
    data = pa.table({"x": [0.0], "y": [0.0]})
    ground = Layer("rule", data, "x", "y", "x", "y", name="roads", ground=True)
    roads, points = assign(Figure("f", "F", "", (ground, Layer("point", data, "x", "y", name="people")), kind="map"))
    assert roads["roads"].colour == "ground"
    assert points["people"].colour == "s0"


def test_series_differ_by_shape_too() -> None:
    layer = Layer("point", pa.table({"x": range(5), "y": range(5), "s": list("abcde")}), "x", "y", series="s")
    assert len({one.shape for one in assign(Figure("f", "F", "", (layer,)))[0].values()}) == 5


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.booleans())
def test_steps_rise_with_the_values(values: list[float], log: bool) -> None:
    seen = np.sort(np.abs(values) + 1e-3)
    steps = Ramp(float(seen[0]), float(seen[-1]), log, "").step(seen)
    assert (np.diff(steps) >= 0).all()
    assert steps[0] == 0
    assert ((steps >= 0) & (steps < STEPS)).all()


def test_no_value_has_no_step() -> None:
    assert Ramp(1, 100, True, "").step(np.array([np.nan, 0.0, -1.0, 1.0])).tolist() == [-1, -1, -1, 0]


def test_one_ramp_serves_all_layers_of_a_figure() -> None:
    layers = [Layer("cell", pa.table({"x": [0.0], "c": [c]}), "x", "x", color="c") for c in (2.0, 8.0)]
    ramp = ramp_for(layers)
    assert ramp is not None
    assert (ramp.low, ramp.high, ramp.label) == (2, 8, "c")


def test_the_ends_of_a_ramp_are_named() -> None:
    texts = re.findall(r">([^<]+)</text>", "".join(Ramp(2.2, 38.0, False, "waiting, min").legend(0, 0, 260)))
    assert texts == ["waiting, min", "2.20", "38", "20"]


def test_an_outline_is_scaled() -> None:
    assert outline("diamond", 10) == "M 0 -13L 13 0L 0 13L -13 0z"
    assert 'transform="translate(1 2) rotate(90) scale(3)"' in shape("arrow", 1, 2, 3, "", turn=90)


def _colours(block: str) -> dict[str, tuple[float, ...]]:
    found = re.findall(r"--([\w-]+): #([0-9a-f]{3,6});", block)
    whole = {name: value if len(value) == 6 else "".join(2 * c for c in value) for name, value in found}
    return {name: tuple(int(value[i : i + 2], 16) / 255 for i in (0, 2, 4)) for name, value in whole.items()}


def _luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """(L1 + 0.05) / (L2 + 0.05), the lighter one above (WCAG 2.2, 1.4.3)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_contrast_is_enough_in_every_theme(theme: str) -> None:
    sheet = (files("potomac.report") / "static" / "tokens.css").read_text(encoding="utf-8")
    start = {"light": ":root {", "dark": ':root[data-theme="dark"] {', "print": "@media print"}[theme]
    colours = _colours(sheet[sheet.index(start) :].partition("}")[0])
    for text in ("ink", "soft", "accent", "warning", "error", "good", "t1", "t2", "t4", "flag"):
        for ground in ("paper", "raised"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for mark in ("s0", "s1", "s2", "s3", "s5", "edge"):
        assert _contrast(colours[mark], colours["paper"]) >= 3, mark
    for ground in ("water", "land"):
        assert _contrast(colours["flag"], colours[ground]) >= 3, ground
        assert _contrast(colours["soft"], colours[ground]) >= 4.5, ground


def test_dark_is_the_same_whether_chosen_or_preferred() -> None:
    sheet = (files("potomac.report") / "static" / "tokens.css").read_text(encoding="utf-8")
    preferred = sheet[sheet.index('not([data-theme="light"])') :].partition("}")[0]
    chosen = sheet[sheet.index(':root[data-theme="dark"] {') :].partition("}")[0]
    assert _colours(preferred) == _colours(chosen)
