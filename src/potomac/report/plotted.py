"""The marks of a map: places, tracks, segments, cells and text, on a window of the Earth.

Marks keep their size while the map is enlarged: single ones stand in a group of class ``k``, which the page's
script scales back; the strokes of tracks and of many small dots do not scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potomac.engine import Axis, Figure, Layer
from potomac.report.draw import Part, element, fitted, num, polyline
from potomac.report.labels import beside
from potomac.report.land import angle, thinned
from potomac.report.marks import radii, tips
from potomac.report.palette import Ramp, Series, outline
from potomac.report.raster import dots
from potomac.report.scales import Floats, numeric, words
from potomac.report.window import Window

__all__ = ["Label", "draw", "labels", "many"]

SINGLE = 400
"""Points of one layer that are drawn one by one, with a tip each."""

FLAGGED = 1500
"""The same for points of a size, with a heading, or that the finding is about."""

DUST = 6000
"""Points that are drawn as dots of one path; more of them become a picture of their density."""

BIN = 5.0
"""Side of the squares over which the colour of very many points is averaged (units of the drawing)."""


@dataclass(frozen=True, slots=True)
class Label:
    """Text that wants a place beside a point."""

    x: float
    y: float
    text: str
    class_: str


@dataclass(frozen=True, slots=True)
class _Ground:
    window: Window
    ramp: Ramp | None
    figure: Figure

    @property
    def told(self) -> bool:
        """Whether some layer is what the finding is about."""
        return any(layer.emphasis for layer in self.figure.layers)


def draw(layer: Layer, series: dict[str, Series], window: Window, ramp: Ramp | None, figure: Figure) -> list[Part]:
    """The marks of one layer, without its labels."""
    if layer.data.num_rows == 0:
        return []
    return _MARKS[layer.mark](layer, series, _Ground(window, ramp, figure))


def many(layer: Layer) -> bool:
    """Whether a layer is drawn as a picture of its density; its ``size`` is then how many a point stands for."""
    return layer.mark == "point" and layer.color is None and layer.data.num_rows > DUST


def placed(layer: Layer, window: Window, far: bool = False) -> tuple[Floats, Floats]:
    """Where the rows lie on the drawing; with ``far`` their other ends."""
    x, y = (layer.x2 or layer.x, layer.y2 or layer.y) if far else (layer.x, layer.y)
    return window(numeric(layer.data.column(x)), numeric(layer.data.column(y)))


def _groups(layer: Layer, series: dict[str, Series]) -> Iterator[tuple[Series, NDArray[np.int64]]]:
    if not layer.series:
        yield next(iter(series.values())), np.arange(layer.data.num_rows)
        return
    names = np.array(words(layer.data.column(layer.series)), object)
    for name, one in series.items():
        yield one, np.flatnonzero(names == name)


def _points(layer: Layer, series: dict[str, Series], ground: _Ground) -> list[Part]:
    rows = layer.data.num_rows
    detailed = layer.emphasis or layer.size is not None or layer.heading is not None
    if rows <= (FLAGGED if detailed else SINGLE):
        return _single(layer, series, ground)
    x, y = placed(layer, ground.window)
    if many(layer):
        return _crowd(layer, series, x, y, ground)
    if layer.color and rows > 3 * DUST:
        return _averaged(layer, x, y, ground)
    return _dust(layer, series, x, y, ground)


def _crowd(layer: Layer, series: dict[str, Series], x: Floats, y: Floats, ground: _Ground) -> list[Part]:
    """Pictures of density, one for each series; what a point stands for is spread to its other end."""
    weights = numeric(layer.data.column(layer.size)) if layer.size else np.ones(len(x))
    x, y, x2, y2 = _corners(layer, ground.window) if layer.x2 and layer.y2 else (x, y, x, y)
    plain = not layer.series and not layer.emphasis
    return [
        dots(
            x[rows],
            y[rows],
            ground.window.frame,
            far=(x2[rows], y2[rows]),
            many=weights[rows],
            width=3,
            class_="density" if plain else one.colour,
        )
        for one, rows in _groups(layer, series)
    ]


def _single(layer: Layer, series: dict[str, Series], ground: _Ground) -> list[Part]:
    x, y = placed(layer, ground.window)
    size, told = radii(layer, (6 if ground.window.width > 500 else 5) if layer.emphasis else 3.5), _told(layer)
    steps = _steps(layer, ground)
    turns = numeric(layer.data.column(layer.heading)) if layer.heading else np.full(len(x), np.nan)
    parts = []
    for one, rows in _groups(layer, series):
        seen = rows[np.isfinite(x[rows] + y[rows])]
        for i in seen[np.argsort(-size[seen], kind="stable")].tolist():  # small ones over large ones
            colour = one.colour if steps is None or steps[i] < 0 else f"q{steps[i]}"
            kind = "arrow" if math.isfinite(turns[i]) else one.shape
            parts.append(_mark(kind, float(x[i]), float(y[i]), float(size[i]), colour, told[i], turns[i]))
    return parts


def _mark(kind: str, x: float, y: float, radius: float, colour: str, title: str, turn: float) -> Part:
    """One point that keeps its size; an arrow points to where its heading does."""
    rotate = f" rotate({num(turn)})" if kind == "arrow" else ""
    radius = radius * 1.15 if kind == "arrow" else radius
    path = element("path", element("title", title), d=outline(kind, radius), class_=f"k mark point {colour}")
    return element("g", path, transform=f"translate({num(x)} {num(y)}){rotate}")


def _told(layer: Layer) -> list[str]:
    """What is shown on hover: the label, then the tip columns, or the place."""
    texts = tips(layer, Axis(""), Axis("")) if layer.tip else _coordinates(layer)
    if not layer.label or layer.label in layer.tip:
        return texts
    return [f"{name}\n{text}" for name, text in zip(words(layer.data.column(layer.label)), texts, strict=True)]


def _coordinates(layer: Layer) -> list[str]:
    x, y = numeric(layer.data.column(layer.x)).tolist(), numeric(layer.data.column(layer.y)).tolist()
    return [
        f"{angle(b, 0.01, 'NS')} {angle(a, 0.01, 'EW')}" if math.isfinite(a + b) else ""
        for a, b in zip(x, y, strict=True)
    ]


def _steps(layer: Layer, ground: _Ground) -> NDArray[np.int64] | None:
    return ground.ramp.step(numeric(layer.data.column(layer.color))) if ground.ramp and layer.color else None


def _dust(layer: Layer, series: dict[str, Series], x: Floats, y: Floats, ground: _Ground) -> list[Part]:
    """Dots of a few sizes and colours, one path for each of them."""
    steps = _steps(layer, ground)
    size = np.round(radii(layer, 1.2 if layer.data.num_rows > 2000 else 1.6), 0 if layer.size else 1)
    parts = []
    for one, rows in _groups(layer, series):
        seen = rows[np.isfinite(x[rows] + y[rows])]
        shade = steps[seen] if steps is not None else np.full(len(seen), -1)
        for key in np.unique(np.column_stack([shade, size[seen]]), axis=0).tolist():
            own = seen[(shade == key[0]) & (size[seen] == key[1])]
            colour = one.colour if key[0] < 0 else f"q{int(key[0])}"
            parts.append(element("path", d=_specks(x[own], y[own]), class_=f"dust {colour}", stroke_width=2 * key[1]))
    return parts


def _specks(x: Floats, y: Floats) -> str:
    """Path data of a dot at each place; the round cap of an empty stroke is the dot."""
    spots = np.unique(np.round(np.column_stack([x, y]), 1), axis=0).tolist()
    return "".join(f"M{num(a)} {num(b)}h0" for a, b in spots)


def _averaged(layer: Layer, x: Floats, y: Floats, ground: _Ground) -> list[Part]:
    """Squares with the colour of the mean of the points in them."""
    values = numeric(layer.data.column(layer.color or ""))
    left, top, right, bottom = ground.window.frame
    seen = np.isfinite(x + y + values) & (x >= left) & (x < right) & (y >= top) & (y < bottom)
    columns = math.ceil((right - left) / BIN)
    square = ((y[seen] - top) // BIN).astype(np.int64) * columns + ((x[seen] - left) // BIN).astype(np.int64)
    places, inverse = np.unique(square, return_inverse=True)
    mean = np.bincount(inverse, values[seen]) / np.bincount(inverse)
    steps = ground.ramp.step(mean) if ground.ramp else np.zeros(len(mean), np.int64)
    boxes = np.column_stack([left + places % columns * BIN, top + places // columns * BIN])
    return [_squares(boxes[steps == i], f"q{i}") for i in np.unique(steps[steps >= 0]).tolist()]


def _squares(corners: Floats, class_: str) -> Part:
    data = "".join(f"M{num(x)} {num(y)}h5v5h-5z" for x, y in corners.tolist())
    return element("path", d=data, class_=class_)


def _tracks(layer: Layer, series: dict[str, Series], ground: _Ground) -> list[Part]:
    x, y = placed(layer, ground.window)
    quiet = "quiet" if ground.told and not layer.emphasis else ""
    turn = 2 * math.pi * 6371 * math.cos(math.radians(ground.window.projection.lat0)) / ground.window.km
    parts = []
    for one, rows in _groups(layer, series):
        data = "".join(polyline(thinned(np.column_stack([x[run], y[run]]))) for run in _runs(x, y, rows, turn / 2))
        name = element("title", one.name) if one.name else Part("")
        class_ = " ".join(filter(None, ("track", one.colour, one.dash, quiet)))
        parts += [element("path", name, d=data, class_=class_)] if data else []
    return parts


def _runs(x: Floats, y: Floats, rows: NDArray[np.int64], jump: float) -> Iterator[NDArray[np.int64]]:
    """Stretches without a gap that do not jump around the Earth."""
    seen = rows[np.isfinite(x[rows] + y[rows])]
    broken = np.diff(np.searchsorted(rows, seen)) > 1  # a row without a place lies between
    far = np.abs(np.diff(x[seen])) > jump
    yield from (run for run in np.split(seen, np.flatnonzero(broken | far) + 1) if len(run) > 1)


def _segments(layer: Layer, series: dict[str, Series], ground: _Ground) -> list[Part]:
    """Straight lines from each place to its other end, one path a series."""
    (x, y), (x2, y2) = placed(layer, ground.window), placed(layer, ground.window, far=True)
    parts = []
    for one, rows in _groups(layer, series):
        seen = rows[np.isfinite(x[rows] + y[rows] + x2[rows] + y2[rows])]
        ends = np.column_stack([x[seen], y[seen], x2[seen], y2[seen]]).tolist()
        data = "".join(f"M{num(a)} {num(b)}L{num(c)} {num(d)}" for a, b, c, d in ends)
        parts += [element("path", d=data, class_=f"track thin {one.colour}")] if data else []
    return parts


def _cells(layer: Layer, series: dict[str, Series], ground: _Ground) -> list[Part]:
    x, y, x2, y2 = _corners(layer, ground.window)
    steps = _steps(layer, ground)
    seen = np.isfinite(x + y + x2 + y2) & ((steps >= 0) if steps is not None else True)
    boxes = np.column_stack([np.minimum(x, x2), np.minimum(y, y2), np.abs(x2 - x), np.abs(y2 - y)])[seen]
    plain = f"{next(iter(series.values())).colour} clear"
    shades = [f"q{step}" for step in steps[seen].tolist()] if steps is not None else [plain] * len(boxes)
    if len(boxes) > FLAGGED:
        return _many_cells(boxes, np.array(shades))
    told = [text for text, one in zip(_told(layer), seen.tolist(), strict=True) if one]
    return [
        element("rect", element("title", text), x=x, y=y, width=width, height=height, class_=f"mark cells {shade}")
        for (x, y, width, height), text, shade in zip(boxes.tolist(), told, shades, strict=True)
    ]


def _many_cells(boxes: Floats, shades: NDArray[np.str_]) -> list[Part]:
    """One path for all cells of a shade, without tips."""
    parts = []
    for shade in np.unique(shades).tolist():
        own = boxes[shades == shade].tolist()
        data = "".join(f"M{num(x)} {num(y)}h{num(w)}v{num(h)}h{num(-w)}z" for x, y, w, h in own)
        parts.append(element("path", d=data, class_=f"cells {shade}"))
    return parts


def _corners(layer: Layer, window: Window) -> tuple[Floats, Floats, Floats, Floats]:
    """Corners of cells on the drawing; the far side lies to the east of the near one, over the date line too."""
    west, south = numeric(layer.data.column(layer.x)), numeric(layer.data.column(layer.y))
    east = numeric(layer.data.column(layer.x2)) if layer.x2 else west
    north = numeric(layer.data.column(layer.y2)) if layer.y2 else south
    across = (east - west) % 360
    middle = window.turned(west + across / 2)
    projection, km = window.projection, window.km
    x = [
        window.left + (projection.forward(lon, south)[0] - window.x0) / km
        for lon in (middle - across / 2, middle + across / 2)
    ]
    y = window(middle, np.clip(south, -89.9, 89.9))[1], window(middle, np.clip(north, -89.9, 89.9))[1]
    return x[0], y[0], x[1], y[1]


def _polygons(layer: Layer, series: dict[str, Series], ground: _Ground) -> list[Part]:
    """The corners of each series, joined to a closed shape."""
    x, y = placed(layer, ground.window)
    parts = []
    for one, rows in _groups(layer, series):
        seen = rows[np.isfinite(x[rows] + y[rows])]
        data = polyline(np.column_stack([x[seen], y[seen]]), closed=True)
        parts += [element("path", element("title", one.name), d=data, class_=f"area {one.colour}")] if data else []
    return parts


def _texts(layer: Layer, series: dict[str, Series], ground: _Ground) -> list[Part]:
    x, y = placed(layer, ground.window)
    texts = words(layer.data.column(layer.label)) if layer.label else [layer.name] * len(x)
    rows = np.flatnonzero(np.isfinite(x + y)).tolist()
    return [_text(float(x[i]), float(y[i]), fitted(texts[i], 240), "halo middle") for i in rows]


def _text(x: float, y: float, text: str, class_: str, dx: float = 0, dy: float = 0) -> Part:
    inner = element("text", text, x=float(dx) or None, y=float(dy) or None, class_=f"k {class_}")
    return element("g", inner, transform=f"translate({num(x)} {num(y)})")


def wanted(layer: Layer, window: Window) -> list[Label]:
    """The labels of a layer of points or cells, in the order of its rows."""
    if not layer.label or layer.mark not in ("point", "cell"):
        return []
    x, y = placed(layer, window)
    if layer.mark == "cell":
        a, b, c, d = _corners(layer, window)
        x, y = (a + c) / 2, (b + d) / 2
    texts = words(layer.data.column(layer.label))
    class_ = "label halo" if layer.emphasis else "halo"
    rows = np.flatnonzero(np.isfinite(x + y))[:400].tolist()
    return [Label(float(x[i]), float(y[i]), fitted(texts[i], 170), class_) for i in rows if texts[i].strip()]


def labels(layers: tuple[Layer, ...], window: Window) -> list[Part]:
    """Text beside the points, those of the finding first, none over another; a line of its own where all are set."""
    ordered = sorted(layers, key=lambda layer: not layer.emphasis)
    found = [label for layer in ordered for label in wanted(layer, window)]
    if not found:
        return []
    x, y = np.array([one.x for one in found]), np.array([one.y for one in found])
    left, top, right, bottom = window.frame
    bar = np.array([[left, bottom - 36, left + 165, bottom]])  # where the scale bar is
    inner = (left + 6, top + 22, right - 6, bottom - 6)
    spots = beside(x, y, [one.text for one in found], inner, gap=9, size=13, kept=bar)  # 13: they are bold
    parts = []
    for one, spot in zip(found, spots, strict=True):
        at, base, anchor = spot or (one.x + 9, one.y + 4, "")
        class_ = " ".join(filter(None, (one.class_, anchor, "" if spot else "off")))
        parts.append(_text(one.x, one.y, one.text, class_, at - one.x, base - one.y))
    return parts


_MARKS: dict[str, Callable[[Layer, dict[str, Series], _Ground], list[Part]]] = {
    "point": _points,
    "line": _tracks,
    "rule": _segments,
    "interval": _segments,
    "bar": _segments,
    "area": _polygons,
    "cell": _cells,
    "text": _texts,
}
