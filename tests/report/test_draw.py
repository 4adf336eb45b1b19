"""SVG as text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from potomac.report.draw import Part, clean, document, element, fitted, num, polyline, style, text_width, wrapped


@given(st.text(), st.text())
def test_whatever_is_written_is_well_formed_and_reads_back(parse, inner: str, value: str) -> None:
    tree = parse(element("text", inner, aria_label=value))
    clean = [text.replace("\r\n", "\n").replace("\r", "\n") for text in (tree.text or "", tree.get("aria-label") or "")]
    for shown, given_ in zip(clean, (inner, value), strict=True):
        kept = "".join(char for char in given_ if char.isprintable() and char != "�")
        assert "".join(char for char in shown if char.isprintable() and char != "�") == kept


def test_only_parts_are_taken_as_markup() -> None:
    assert element("g", "<script>", Part("<b/>")) == "<g>&lt;script&gt;<b/></g>"
    assert element("g", title='"><script>') == '<g title="&quot;&gt;&lt;script&gt;"/>'


def test_coordinates_are_short() -> None:
    assert [num(value) for value in (1.0, -0.04, 2.25, 1234.56)] == ["1", "0", "2.2", "1234.6"]


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=2, max_size=40))
def test_a_line_of_steps_ends_where_its_points_do(points: list[tuple[float, float]]) -> None:
    data = polyline(np.array(points))
    if not data:
        return
    head, _, rest = data.removeprefix("M").partition("l")
    numbers = [float(value) for value in rest.split()]
    x, y = (float(value) for value in head.split())
    assert np.allclose([x + sum(numbers[::2]), y + sum(numbers[1::2])], points[-1], atol=0.05 + 1e-6 * len(points))


def test_points_that_fall_together_are_left_out() -> None:
    assert polyline(np.array([[0, 0], [0.01, 0.02], [5, 0]])) == "M0 0l5 0"
    assert polyline(np.array([[0, 0], [0.01, 0.02]])) == ""


@given(st.text(max_size=400), st.floats(30, 400))
def test_text_is_cut_to_its_width(text: str, width: float) -> None:
    assert text_width(fitted(text, width)) <= max(width, text_width("…"))
    assert len(wrapped(text, width, most=3)) <= 3


def test_a_picture_of_its_own_has_no_variables_left() -> None:
    assert "var(" not in style()
    assert "#1f6f8b" in style()


def test_a_picture_of_its_own_stands_alone(parse) -> None:
    tree = parse(document([element("text", "a")], 100, 50, alone=True, role="img", aria_label="A"))
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert tree.get("viewBox") == "0 0 100 50"


def test_templates_take_parts_as_they_are() -> None:
    from markupsafe import escape

    assert escape(element("g", "<")) == "<g>&lt;</g>"
    assert escape("<g>") == "&lt;g&gt;"


def test_signs_that_turn_the_direction_of_writing_round_are_taken_out() -> None:
    """x U+202E gpj.exe would look like a picture (Boucher and Anderson 2021, Trojan Source)."""
    assert clean("x\u202egpj.exe\u2066") == "x\N{REPLACEMENT CHARACTER}gpj.exe\N{REPLACEMENT CHARACTER}"
    assert clean("שלום") == "שלום"
