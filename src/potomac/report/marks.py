"""The marks of a chart: points, lines, bars, areas, rules, intervals, cells and text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from potomac.engine import Axis, Figure, Layer
from potomac.report.draw import Part, element, fitted, num, polyline, text_width
from potomac.report.palette import Ramp, Series, shape
from potomac.report.scales import Floats, Scale, numeric, words

__all__ = ["MOST", "Frame", "draw", "places", "radii", "tips"]

MOST = 1500
"""Marks of one layer that are drawn one by one, with a tip each."""

LONGEST = 80
"""Letters of a value in a tip."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The plotting area of a chart."""

    x: Scale
    y: Scale
    left: float
    right: float
    top: float
    bottom: float
    ramp: Ramp | None


def draw(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    """The marks of one layer."""
    if layer.data.num_rows == 0:
        return []
    return _MARKS[layer.mark](layer, series, frame, figure)


def tips(layer: Layer, x: Axis, y: Axis) -> list[str]:
    """For each row, what is shown on hover: the tip columns, or the place."""
    names = layer.tip or tuple(name for name in (layer.x, layer.y) if name)
    heads = {layer.x: (x.label, x.unit), layer.y: (y.label, y.unit)} if not layer.tip else {}
    columns = [[_short(value) for value in words(layer.data.column(name))] for name in names]
    labels = [heads.get(name, ("", "")) for name in names]
    labels = [(label or name.replace("_", " "), unit) for (label, unit), name in zip(labels, names, strict=True)]
    return [
        "\n".join(
            f"{label}: {value}{f' {unit}' if unit else ''}" for (label, unit), value in zip(labels, row, strict=True)
        )
        for row in zip(*columns, strict=True)
    ]


def _short(text: str) -> str:
    """What fits into a tip: a name of thousands of letters would stand there once for each mark."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def radii(layer: Layer, default: float) -> Floats:
    """Radius of each point; areas are proportional to the size column, the largest 11 px wide."""
    if layer.size is None:
        return np.full(layer.data.num_rows, default)
    sizes = numeric(layer.data.column(layer.size))
    top = np.nanmax(sizes) if np.isfinite(sizes).any() else 0
    with np.errstate(invalid="ignore"):
        return (
            np.nan_to_num(np.clip(11 * np.sqrt(np.maximum(sizes, 0) / top), 2, 11), nan=2)
            if top > 0
            else np.full(len(sizes), 2.0)
        )


def places(layer: Layer, frame: Frame, name: str | None, axis: str) -> Floats:
    """Pixels of a column along an axis; NaN throughout where the layer has none."""
    if not name:
        return np.full(layer.data.num_rows, np.nan)
    return (frame.x if axis == "x" else frame.y).place(layer.data.column(name))


def _groups(layer: Layer, series: dict[str, Series]) -> Iterator[tuple[Series, np.ndarray]]:
    """Series of the layer with the numbers of their rows."""
    if not layer.series:
        yield next(iter(series.values())), np.arange(layer.data.num_rows)
        return
    names = np.array(words(layer.data.column(layer.series)), object)
    for name, one in series.items():
        yield one, np.flatnonzero(names == name)


def _dodge(layer: Layer, series: dict[str, Series], frame: Frame) -> tuple[Floats, float]:
    """Pixels to move each row within its category, and the width that is left for it."""
    scale = frame.x if frame.x.kind == "category" else frame.y
    width = scale.band * 0.72 if scale.kind == "category" else 0.0
    shift = np.zeros(layer.data.num_rows)
    if not layer.series or len(series) < 2 or scale.kind != "category":
        return shift, min(width, 46)
    part = width / len(series)
    for i, (_, rows) in enumerate(_groups(layer, series)):
        shift[rows] = (i - (len(series) - 1) / 2) * part
    return shift, part * 0.92


def _moved(layer: Layer, series: dict[str, Series], frame: Frame, axis: str, name: str | None) -> Floats:
    """Places along an axis, dodged where that axis is one of categories."""
    found = places(layer, frame, name, axis)
    scale = frame.x if axis == "x" else frame.y
    return found + _dodge(layer, series, frame)[0] if scale.kind == "category" else found


def _class(layer: Layer, one: Series, *more: str) -> str:
    return " ".join(filter(None, (*more, one.colour, one.dash)))


def _points(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    from potomac.report.raster import dots

    x, y = (_moved(layer, series, frame, axis, name) for axis, name in (("x", layer.x), ("y", layer.y)))
    if layer.data.num_rows > MOST:
        return [dots(x, y, (frame.left, frame.top, frame.right, frame.bottom), width=3)]
    size, text = radii(layer, 5 if layer.emphasis else 4), tips(layer, figure.x, figure.y)
    steps = frame.ramp.step(numeric(layer.data.column(layer.color))) if frame.ramp and layer.color else None
    turns = numeric(layer.data.column(layer.heading)) if layer.heading else np.full(len(x), np.nan)
    parts = []
    for one, rows in _groups(layer, series):
        seen = rows[np.isfinite(x[rows] + y[rows])]
        for i in seen[np.argsort(-size[seen], kind="stable")].tolist():  # small ones over large ones
            colour = f"q{steps[i]}" if steps is not None and steps[i] >= 0 else one.colour
            kind = "arrow" if math.isfinite(turns[i]) else one.shape
            turn = turns[i] if kind == "arrow" else None
            parts.append(shape(kind, x[i], y[i], float(size[i]), f"mark point {colour}", text[i], turn))
    return parts + _labels(layer, x, y, frame)


def _labels(layer: Layer, x: Floats, y: Floats, frame: Frame) -> list[Part]:
    """The label column beside the marks, left out where it would cover one that is there."""
    if not layer.label:
        return []
    from potomac.report.labels import beside

    texts = words(layer.data.column(layer.label))
    box = (frame.left, frame.top, frame.right, frame.bottom)
    spots = beside(x, y, [fitted(text, 160) for text in texts], box)
    return [
        element("text", text, x=spot[0], y=spot[1], class_=f"label halo {spot[2]}".strip())
        for text, spot in ((fitted(text, 160), spot) for text, spot in zip(texts, spots, strict=True))
        if spot is not None
    ]


def _lines(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    x, y = places(layer, frame, layer.x, "x"), places(layer, frame, layer.y, "y")
    text = tips(layer, figure.x, figure.y) if layer.data.num_rows <= MOST else []
    parts = []
    for one, rows in _groups(layer, series):
        for run in _runs(x, y, rows):
            data = polyline(np.column_stack([x[run], y[run]]))
            parts.append(element("path", d=data, class_=_class(layer, one, "line"))) if data else None
            if len(run) == 1:
                parts.append(shape("circle", x[run[0]], y[run[0]], 3, f"point {one.colour}"))
        seen = rows[np.isfinite(x[rows] + y[rows])] if text else rows[:0]
        parts += [_target(x[i], y[i], f"{one.name}\n{text[i]}".strip()) for i in seen.tolist()]
    return parts


def _target(x: float, y: float, title: str) -> Part:
    """An unseen spot that shows a tip."""
    return element(
        "circle", element("title", title), cx=float(x), cy=float(y), r=7, class_="mark target", fill_opacity=0
    )


def _runs(x: Floats, y: Floats, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Stretches of rows without a gap."""
    fine = np.isfinite(x[rows] + y[rows])
    for run in np.split(rows, np.flatnonzero(~fine)):
        kept = run[np.isfinite(x[run] + y[run])]
        if len(kept):
            yield kept


def _zero(scale: Scale) -> float:
    """Where bars and areas start: zero, or the lower end of a log scale or of a domain above zero."""
    if scale.kind == "log" or not scale.low <= 0 <= scale.high:
        return scale.start
    return float(scale(0.0))


def _upright(frame: Frame) -> bool:
    return frame.y.kind != "category"


def _bars(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    upright = _upright(frame)
    across, along = ("x", "y") if upright else ("y", "x")
    columns = {"x": (layer.x, layer.x2), "y": (layer.y, layer.y2)}
    _, width = _dodge(layer, series, frame)
    side = _moved(layer, series, frame, across, columns[across][0])
    other = places(layer, frame, columns[across][1], across)
    width = width or _spacing(side)
    low, high = (
        np.where(np.isfinite(other), side, side - width / 2),
        np.where(np.isfinite(other), other, side + width / 2),
    )
    end, start = (places(layer, frame, name, along) for name in columns[along])
    start = np.where(np.isfinite(start), start, _zero(frame.y if upright else frame.x))
    text = tips(layer, figure.x, figure.y)
    parts = []
    for one, rows in _groups(layer, series):
        fine = rows[np.isfinite(low[rows] + high[rows] + start[rows] + end[rows])]
        for i in fine.tolist():
            box = (low[i], start[i], high[i], end[i]) if upright else (start[i], low[i], end[i], high[i])
            gap = 0.5 if layer.x2 and upright else 0.0
            parts.append(_rect(box, f"mark {one.colour}", text[i], gap))
    return parts + _ends(layer, side, end, upright)


def _spacing(side: Floats) -> float:
    """Width of bars on a scale of numbers: the smallest distance between two."""
    seen = np.unique(side[np.isfinite(side)])
    return float(max(1.0, 0.9 * np.diff(seen).min())) if len(seen) > 1 else 24.0


def _rect(box: tuple[float, float, float, float], class_: str, title: str, gap: float = 0.0) -> Part:
    x, y, x2, y2 = min(box[0], box[2]) + gap, min(box[1], box[3]), max(box[0], box[2]) - gap, max(box[1], box[3])
    width, height = max(0.5, x2 - x), max(0.5, y2 - y)
    return element(
        "rect", element("title", title), x=float(x), y=float(y), width=float(width), height=float(height), class_=class_
    )


def _ends(layer: Layer, side: Floats, end: Floats, upright: bool) -> list[Part]:
    """The label column at the ends of bars."""
    if not layer.label:
        return []
    texts = words(layer.data.column(layer.label))
    rows = np.flatnonzero(np.isfinite(side + end)).tolist()
    if upright:
        return [element("text", texts[i], x=float(side[i]), y=float(end[i] - 5), class_="tick middle") for i in rows]
    return [element("text", texts[i], x=float(end[i] + 5), y=float(side[i] + 4), class_="tick") for i in rows]


def _areas(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    x, y = places(layer, frame, layer.x, "x"), places(layer, frame, layer.y, "y")
    base = places(layer, frame, layer.y2, "y")
    base = base if layer.y2 else np.full(len(x), _zero(frame.y))
    parts = []
    for one, rows in _groups(layer, series):
        for run in _runs(x, y + base, rows):
            over, under = np.column_stack([x[run], y[run]]), np.column_stack([x[run], base[run]])[::-1]
            data = polyline(np.vstack([over, under]), closed=True)
            parts.append(element("path", d=data, class_=f"area {one.colour}")) if data else None
    return parts


def _rules(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    """A line across the chart at x, or at y, or from (x, y) to (x2, y2)."""
    x, y = places(layer, frame, layer.x, "x"), places(layer, frame, layer.y, "y")
    x2, y2 = places(layer, frame, layer.x2, "x"), places(layer, frame, layer.y2, "y")
    segment = bool(layer.x2 or layer.y2)
    upright = (bool(layer.x) and not layer.y) or not np.isfinite(y).any()
    texts = words(layer.data.column(layer.label)) if layer.label else [layer.name] * len(x)
    parts = []
    for i in np.flatnonzero(np.isfinite(x) | np.isfinite(y)).tolist():
        if segment:
            ends = (x[i], y[i], x2[i] if layer.x2 else x[i], y2[i] if layer.y2 else y[i])
        else:
            ends = (x[i], frame.top, x[i], frame.bottom) if upright else (frame.left, y[i], frame.right, y[i])
        if not all(math.isfinite(end) for end in ends):
            continue
        parts.append(element("path", d=f"M{num(ends[0])} {num(ends[1])}L{num(ends[2])} {num(ends[3])}", class_="rule"))
        parts += _rule_label(texts[i], ends, frame, upright)
    return parts


def _rule_label(text: str, ends: tuple[float, float, float, float], frame: Frame, upright: bool) -> list[Part]:
    text = fitted(text, frame.right - frame.left - 8)
    if not text:
        return []
    if not upright:
        return [element("text", text, x=float(frame.right), y=float(ends[3] - 5), class_="halo end")]
    left = ends[0] + 5 + text_width(text) > frame.right
    return [
        element(
            "text",
            text,
            x=float(ends[0] + (-5 if left else 5)),
            y=frame.top + 11.0,
            class_="halo end" if left else "halo",
        )
    ]


def _intervals(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    flat = bool(layer.x2) and not layer.y2
    x, y = (_moved(layer, series, frame, axis, name) for axis, name in (("x", layer.x), ("y", layer.y)))
    far = places(layer, frame, layer.x2 if flat else layer.y2, "x" if flat else "y")
    text = tips(layer, figure.x, figure.y)
    parts = []
    for one, rows in _groups(layer, series):
        for i in rows[np.isfinite(x[rows] + y[rows] + far[rows])].tolist():
            a, b, c = num(x[i]), num(y[i]), num(far[i])
            data = (
                f"M{a} {b}H{c}M{a} {num(y[i] - 4)}v8M{c} {num(y[i] - 4)}v8"
                if flat
                else (f"M{a} {b}V{c}M{num(x[i] - 4)} {b}h8M{num(x[i] - 4)} {c}h8")
            )
            over = "ink" if not layer.series and _over_bars(figure) else one.colour
            parts.append(element("path", element("title", text[i]), d=data, class_=f"mark whisker {over}"))
    return parts


def _over_bars(figure: Figure) -> bool:
    """Intervals on bars are drawn in ink, since the bar's own colour would hide their lower half."""
    return any(layer.mark == "bar" for layer in figure.layers)


def _cells(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    low_x, high_x = _edges(layer, frame, "x", layer.x, layer.x2)
    low_y, high_y = _edges(layer, frame, "y", layer.y, layer.y2)
    steps = frame.ramp.step(numeric(layer.data.column(layer.color))) if frame.ramp and layer.color else None
    fine = np.flatnonzero(np.isfinite(low_x + high_x + low_y + high_y)).tolist()
    text = tips(layer, figure.x, figure.y)
    colour = next(iter(series.values())).colour
    parts = []
    for i in fine:
        if steps is not None and steps[i] < 0:
            continue
        shade = colour if steps is None else f"q{steps[i]}"
        parts.append(_rect((low_x[i], low_y[i], high_x[i], high_y[i]), f"mark cells {shade}", text[i]))
    return parts + _cell_labels(layer, steps, (low_x + high_x) / 2, (low_y + high_y) / 2)


def _edges(layer: Layer, frame: Frame, axis: str, near: str, far: str | None) -> tuple[Floats, Floats]:
    scale = frame.x if axis == "x" else frame.y
    start = places(layer, frame, near, axis)
    if far:
        return start, places(layer, frame, far, axis)
    width = scale.band if scale.kind == "category" else _spacing(start) / 0.9
    return start - width / 2, start + width / 2


def _cell_labels(layer: Layer, steps: np.ndarray | None, x: Floats, y: Floats) -> list[Part]:
    if not layer.label:
        return []
    texts = words(layer.data.column(layer.label))
    deep = steps >= 5 if steps is not None else np.zeros(len(x), bool)
    rows = np.flatnonzero(np.isfinite(x + y)).tolist()
    return [
        element("text", texts[i], x=float(x[i]), y=float(y[i] + 4), class_="middle deep" if deep[i] else "middle")
        for i in rows
    ]


def _texts(layer: Layer, series: dict[str, Series], frame: Frame, figure: Figure) -> list[Part]:
    x, y = places(layer, frame, layer.x, "x"), places(layer, frame, layer.y, "y")
    texts = words(layer.data.column(layer.label)) if layer.label else [layer.name] * len(x)
    rows = np.flatnonzero(np.isfinite(x + y)).tolist()
    return [element("text", fitted(texts[i], 240), x=float(x[i]), y=float(y[i]), class_="halo middle") for i in rows]


_MARKS: dict[str, Callable[[Layer, dict[str, Series], Frame, Figure], list[Part]]] = {
    "point": _points,
    "line": _lines,
    "bar": _bars,
    "area": _areas,
    "rule": _rules,
    "interval": _intervals,
    "cell": _cells,
    "text": _texts,
}
