"""Labels that do not cover each other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from potomac.report.draw import text_width
from potomac.report.labels import beside, spread

BOX = (0.0, 0.0, 400.0, 300.0)
heights = st.lists(st.floats(0, 300), min_size=1, max_size=15)


@given(heights)
def test_lines_of_text_never_touch_and_keep_their_order(y: list[float]) -> None:
    placed = spread(np.array(y), 0, 300)
    order = np.argsort(y, kind="stable")
    assert (np.diff(placed[order]) >= 14 - 1e-9).all()
    assert (placed >= -1e-9).all()


def test_heights_that_have_room_stay_where_they_are() -> None:
    assert spread(np.array([10.0, 50.0, 90.0]), 0, 300).tolist() == [10, 50, 90]


def test_two_at_one_height_part_evenly() -> None:
    assert spread(np.array([100.0, 100.0]), 0, 300).tolist() == [93, 107]


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), min_size=1, max_size=25))
def test_labels_lie_in_the_box_and_over_no_other(points: list[tuple[float, float]]) -> None:
    x, y = np.array(points).T
    areas = []
    for spot in beside(x, y, ["vessel"] * len(x), BOX):
        if spot is None:
            continue
        at, base, anchor = spot
        width = text_width("vessel")
        left = at - {"": 0, "middle": width / 2, "end": width}[anchor]
        areas.append((left, base - 10, left + width, base + 2))
    for i, a in enumerate(areas):
        assert a[0] >= 0
        assert a[2] <= 400
        for b in areas[:i]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_a_point_without_a_place_has_no_label() -> None:
    assert beside(np.array([np.nan]), np.array([1.0]), ["a"], BOX) == [None]
