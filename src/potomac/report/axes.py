"""A figure with axes -> SVG that reads without script, on paper and in a file of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from potomac.engine import Axis, Figure, Layer
from potomac.report.draw import Part, document, element, fitted, num, text_width, wrapped
from potomac.report.labels import spread
from potomac.report.marks import Frame, draw, places
from potomac.report.numbers import MISSING
from potomac.report.palette import Ramp, Series, assign, ramp_for, shape
from potomac.report.scales import Scale, scale_for, words

__all__ = ["WIDTH", "chart", "heading", "key", "spoken"]

WIDTH = 680.0
BOLD = 1.12
"""How much wider the names of lines are for being bold."""

_BASED = ("bar", "area")


def chart(figure: Figure, *, width: float = WIDTH, alone: bool = True) -> Part:
    """The chart as an ``svg`` element ``width`` wide.

    ``alone`` adds title, caption, colours and name space, for a file of its own; inside a page these are
    the page's. Rows that cannot be placed (no value, not a number, not positive on a log axis) are
    counted in a note below the chart.
    """
    figure = _turned(figure, width)
    head = heading(figure, width) if alone else ([], 0.0)
    body, height = _chart(figure, width, head[1])
    return document([*head[0], *body], width, height, alone=alone, role="img", aria_label=spoken(figure))


def spoken(figure: Figure) -> str:
    """What is read aloud in place of the picture."""
    return f"{figure.title}. {figure.alt}" if figure.alt else figure.title


def heading(figure: Figure, width: float) -> tuple[list[Part], float]:
    """Title and caption at the top of a picture that stands alone, and their height."""
    title, caption = wrapped(figure.title, width - 16, 16), wrapped(figure.finding, width - 16, 12, 3)
    parts = [element("text", line, x=8, y=20.0 + 20 * i, class_="title") for i, line in enumerate(title)]
    y = 20.0 * len(title) + 20
    parts += [element("text", line, x=8, y=y + 16 * i, class_="note") for i, line in enumerate(caption)]
    return parts, y + 16 * len(caption)


def _turned(figure: Figure, width: float) -> Figure:
    """Bars whose names do not fit side by side lie down: x and y change places."""
    if figure.x.scale != "category" or figure.y.scale == "category":
        return figure
    names = _names(figure, "x")
    room = (width - 80) / max(1, len(names))
    if not names or (max(map(text_width, names)) <= 2 * room - 6 and all(_fits(name, room) for name in names)):
        return figure
    layers = tuple(replace(one, x=one.y, y=one.x, x2=one.y2, y2=one.x2) for one in figure.layers)
    return replace(figure, layers=layers, x=figure.y, y=figure.x)


def _fits(name: str, room: float) -> bool:
    """Whether a name stands in two lines of ``room``."""
    return "…" not in "".join(wrapped(name, room - 6))


def _names(figure: Figure, axis: str) -> list[str]:
    found: dict[str, None] = {}
    for layer in figure.layers:
        for name in _ends(layer, axis):
            found |= dict.fromkeys(words(layer.data.column(name)))
    return list(found)


def _ends(layer: Layer, axis: str) -> list[str]:
    """The columns of a layer that lie along an axis."""
    return [name for name in ((layer.x, layer.x2) if axis == "x" else (layer.y, layer.y2)) if name]


def _columns(figure: Figure, axis: str) -> list[Any]:
    return [layer.data.column(name) for layer in figure.layers for name in _ends(layer, axis)]


def _based(figure: Figure, axis: str) -> bool:
    """Whether bars or areas start at zero along this axis."""
    upright = figure.y.scale != "category"
    along = "y" if upright else "x"
    return axis == along and any(layer.mark in _BASED and not band(layer) for layer in figure.layers)


def band(layer: Layer) -> bool:
    """Whether an area lies between two curves, and so starts at neither axis."""
    return layer.mark == "area" and layer.y2 is not None


def _chart(figure: Figure, width: float, top: float) -> tuple[list[Part], float]:
    ramp, series = ramp_for(list(figure.layers)), assign(figure)
    y = scale_for(figure.y, _columns(figure, "y"), 1, 0, _based(figure, "y"))
    left, names = _left(figure, y, width)
    right = width - _right(figure, series, width)
    entries = _entries(figure, series)
    keys, keys_height = _keys(entries, left, right, top + 8)
    title = _axis_title(figure.y, names)
    top += 8 + keys_height + (20 if title else 8)
    bottom = top + _height(figure, y, right - left)
    frame = Frame(
        scale_for(figure.x, _columns(figure, "x"), left, right, _based(figure, "x")),
        replace(y, start=bottom, end=top) if figure.y.scale != "category" else replace(y, start=top, end=bottom),
        left,
        right,
        top,
        bottom,
        ramp,
    )
    parts = [*keys, *([element("text", title, x=0, y=top - 9, class_="axis")] if title else [])]
    parts += _grid(frame) + _y_labels(frame, names)
    for layer, own in zip(figure.layers, series, strict=True):
        parts += draw(layer, own, frame, figure)
    parts += _line_names(figure, series, frame)
    foot, height = _foot(figure, frame, width, ramp)
    return parts + foot, height


def _left(figure: Figure, y: Scale, width: float) -> tuple[float, list[str]]:
    """Left margin and the names of the ticks, cut where they would take more than 40 % of the width."""
    texts = [text for _, text in y.ticks]
    if figure.y.scale == "category":
        texts = [fitted(text, width * 0.4) for text in texts]
    return 14 + max(map(text_width, texts), default=0), texts


def _right(figure: Figure, series: list[dict[str, Series]], width: float) -> float:
    """Right margin: room for the names at the ends of lines and the labels at the ends of bars."""
    lines = [name for layer, own in zip(figure.layers, series, strict=True) if layer.mark == "line" for name in own]
    room = max((text_width(name) * BOLD for name in lines), default=0)
    for layer in figure.layers:
        if layer.mark == "bar" and layer.label and figure.y.scale == "category":
            room = max(room, max(map(text_width, words(layer.data.column(layer.label))), default=0))
    return min(width * 0.3, room + 10 if room else 14)


def _height(figure: Figure, y: Scale, width: float) -> float:
    if figure.y.scale == "category":
        least = 18 if any(layer.mark == "cell" for layer in figure.layers) else 26
        deepest = max((len(set(words(one.data.column(one.series)))) for one in figure.layers if one.series), default=1)
        return max(60.0, len(y.names) * (least + 12.0 * (min(deepest, 6) - 1)))
    return max(180.0, min(340.0, width * 0.5))


def _axis_title(axis: Axis, names: list[str] | None = None) -> str:
    unit = f", {axis.unit}" if axis.unit else ", UTC" if axis.scale == "time" else ""
    return f"{axis.label}{unit}" if axis.label else axis.unit


def _grid(frame: Frame) -> list[Part]:
    """Lines at the ticks of numbers, and the line on which the chart stands."""
    parts = []
    if frame.y.kind != "category":
        heights = [float(frame.y(value)) for value, _ in frame.y.ticks]
        data = "".join(f"M{num(frame.left)} {num(height)}H{num(frame.right)}" for height in heights)
        parts.append(element("path", d=data, class_="gridline"))
    if frame.y.kind == "category" or frame.x.kind in ("linear", "log"):
        spots = [float(frame.x(value)) for value, _ in frame.x.ticks] if frame.x.kind != "category" else []
        length = f"V{num(frame.bottom)}" if frame.y.kind == "category" else "v4"
        start = frame.top if frame.y.kind == "category" else frame.bottom
        data = "".join(f"M{num(spot)} {num(start)}{length}" for spot in spots)
        parts.append(element("path", d=data, class_="gridline" if frame.y.kind == "category" else "baseline"))
    line = f"M{num(frame.left)} {num(frame.bottom)}H{num(frame.right)}"
    return [*parts, element("path", d=line, class_="baseline")] if frame.y.kind != "category" else parts


def _y_labels(frame: Frame, names: list[str]) -> list[Part]:
    return [
        element("text", name, x=frame.left - 6, y=float(frame.y(value)) + 4, class_="tick end")
        for (value, _), name in zip(frame.y.ticks, names, strict=True)
    ]


def _x_labels(frame: Frame) -> tuple[list[Part], float]:
    """Names below the chart, those that would touch left out; and the height they take."""
    parts: list[Part] = []
    deepest, free = 1, -np.inf
    for value, text in frame.x.ticks:
        spot = float(frame.x(value))
        lines = wrapped(text, frame.x.band - 6) if frame.x.kind == "category" else text.split("\n")
        half = max(map(text_width, lines), default=0) / 2
        spot_text = min(spot, frame.right + 14 - half) if frame.x.kind != "category" else spot
        if spot_text - half < free:
            continue
        free, deepest = spot_text + half + 6, max(deepest, len(lines))
        parts += [
            element("text", line, x=spot_text, y=frame.bottom + 17 + 14 * i, class_="tick middle")
            for i, line in enumerate(lines)
        ]
    return parts, 8.0 + 14 * deepest


def _foot(figure: Figure, frame: Frame, width: float, ramp: Ramp | None) -> tuple[list[Part], float]:
    """Names and title of x, the ramp, and what could not be drawn."""
    parts, used = _x_labels(frame)
    height = frame.bottom + used
    title = _axis_title(figure.x)
    if title:
        title = fitted(title, width - 8)
        middle = max(min((frame.left + frame.right) / 2, width - text_width(title) / 2), text_width(title) / 2)
        parts.append(element("text", title, x=middle, y=height + 15, class_="axis middle"))
        height += 20
    if ramp:
        parts += ramp.legend(frame.left, height + 10, min(260, width - frame.left - 10))
        height += 52
    note = left_out(figure, frame)
    if note:
        parts.append(element("text", note, x=0, y=height + 16, class_="note"))
        height += 20
    return parts, height + 6


def left_out(figure: Figure, frame: Frame) -> str:
    """How many rows have no place on the chart, in a sentence; empty where all have."""
    missing = sum(_missing(layer, frame) for layer in figure.layers)
    if all(layer.data.num_rows == 0 for layer in figure.layers):
        return "There is nothing to show here."
    if missing == 0:
        return ""
    many = sum(layer.data.num_rows for layer in figure.layers)
    return f"{missing:,} of {many:,} rows {'has' if missing == 1 else 'have'} no value that can be shown here."


def _missing(layer: Layer, frame: Frame) -> int:
    needed = [places(layer, frame, name, axis) for axis in ("x", "y") for name in _ends(layer, axis)]
    if layer.mark == "rule" or not needed:
        return 0
    return int((~np.isfinite(np.sum(needed, axis=0))).sum())


def _entries(figure: Figure, series: list[dict[str, Series]]) -> list[tuple[str, Series]]:
    """What needs a key: named marks that have no label of their own on the chart."""
    lines = {name for layer, own in zip(figure.layers, series, strict=True) if layer.mark == "line" for name in own}
    seen: dict[str, tuple[str, Series]] = {}
    for layer, own in zip(figure.layers, series, strict=True):
        if layer.mark in ("line", "rule", "text") or layer.color:
            continue
        for name, one in own.items():
            if name and name != MISSING and name not in lines and (len(figure.layers) > 1 or len(own) > 1):
                seen.setdefault(name, (layer.mark, one))
    return list(seen.values())


def _keys(entries: list[tuple[str, Series]], left: float, right: float, top: float) -> tuple[list[Part], float]:
    """A row (or more) of shape and name; its height."""
    parts: list[Part] = []
    x, y = 0.0, top + 8
    for mark, one in entries:
        name = fitted(one.name, right - 20)
        if x > 0 and x + 16 + text_width(name) > right:
            x, y = 0.0, y + 18
        parts += [key(mark, one, x + 5, y - 4), element("text", name, x=x + 15, y=y)]
        x += 32 + text_width(name)
    return parts, (y - top + 10 if entries else 0.0)


def key(mark: str, one: Series, x: float, y: float) -> Part:
    """The small sign of a series in a key."""
    if mark == "interval":
        return element(
            "path",
            d=f"M{num(x)} {num(y - 6)}v12M{num(x - 3)} {num(y - 6)}h6M{num(x - 3)} {num(y + 6)}h6",
            class_=f"whisker {one.colour}",
        )
    if mark in ("line", "rule"):
        return element("path", d=f"M{num(x - 6)} {num(y)}h12", class_=f"line {one.colour} {one.dash}".strip())
    if mark == "point":
        return shape(one.shape, x, y, 4, f"point {one.colour}")
    return element(
        "rect", x=x - 5, y=y - 5, width=10, height=10, class_=f"{'area ' if mark == 'area' else ''}{one.colour}"
    )


def _line_names(figure: Figure, series: list[dict[str, Series]], frame: Frame) -> list[Part]:
    """Names of lines at their right ends, moved apart where they would touch."""
    ends: list[tuple[float, float, Series]] = []
    for layer, own in zip(figure.layers, series, strict=True):
        if layer.mark != "line":
            continue
        x, y = places(layer, frame, layer.x, "x"), places(layer, frame, layer.y, "y")
        names = np.array(words(layer.data.column(layer.series)) if layer.series else [layer.name] * len(x), object)
        for name, one in own.items():
            rows = np.flatnonzero((names == name) & np.isfinite(x + y))
            if name and len(rows):
                last = rows[np.argmax(x[rows])]
                ends.append((float(x[last]), float(y[last]), one))
    heights = spread(np.array([end[1] for end in ends], float), frame.top + 4, frame.bottom)
    room = max(60.0, frame.right * 0.3)
    return [
        element(
            "text",
            fitted(one.name, room / BOLD),
            x=min(x, frame.right) + 6,
            y=float(height) + 4,
            class_=f"label halo {one.colour}",
        )
        for (x, _, one), height in zip(ends, heights.tolist(), strict=True)
    ]
