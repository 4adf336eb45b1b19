"""One map: ground, data, labels, frame, scale bar and key, put together."""

from __future__ import annotations

import numpy as np

from potomac.engine import Figure, Layer
from potomac.report import axes, land, plotted
from potomac.report.draw import Part, document, element, fitted, num, text_width
from potomac.report.numbers import MISSING
from potomac.report.palette import Series, assign, ramp_for
from potomac.report.scales import numeric
from potomac.report.window import Window, degrees, window

__all__ = ["chart", "keys"]

SMALL = 330.0
"""Maps narrower than this are small multiples: no degrees, one shape for all."""


def chart(figure: Figure, *, width: float = axes.WIDTH, alone: bool = True) -> Part:
    """The map as an ``svg`` element ``width`` wide, north up, with a scale bar and without tiles.

    It shows all places of its layers and at least ``figure.width_km``, across the date line where that is
    shorter. ``alone`` adds title, caption, colours and name space. Rows that have no place on the Earth are
    counted in a note below.
    """
    head, top = axes.heading(figure, width) if alone else ([], 0.0)
    small = width < SMALL
    shown = window(figure, width - 1, 0.5, top + 0.5, 0.9 if small else None)
    ramp, series = ramp_for(list(figure.layers)), assign(figure)
    pairs = sorted(zip(figure.layers, series, strict=True), key=lambda pair: pair[0].emphasis)
    data = [part for layer, own in pairs for part in plotted.draw(layer, own, shown, ramp, figure)]
    view = _view(shown, [*land.ground(shown), *data, *plotted.labels(figure.layers, shown)])
    parts = [*head, view, land.frame(shown, not small), land.scale_bar(shown)]
    foot, height = _foot(figure, shown, width)
    return document(
        [*parts, *foot], width, height, alone=alone, role="img", aria_label=axes.spoken(figure), class_="map"
    )


def _view(shown: Window, parts: list[Part]) -> Part:
    """What is enlarged and moved: an ``svg`` of its own, so that nothing leaves the frame."""
    left, top = num(shown.left), num(shown.top)
    width, height = num(shown.width), num(shown.height)
    box = f"{left} {top} {width} {height}"
    return element("svg", *parts, x=left, y=top, width=width, height=height, viewBox=box, class_="view")


def _foot(figure: Figure, shown: Window, width: float) -> tuple[list[Part], float]:
    """The key, the ramp, and what could not be drawn; and where the picture ends."""
    ramp = ramp_for(list(figure.layers))
    y = shown.top + shown.height + 4
    parts: list[Part] = []
    if width >= SMALL:
        parts, y = keys((figure,), width, y)
    if ramp:
        parts += ramp.legend(0, y + 8, min(280.0, width - 10))
        y += 50
    note = left_out(figure)
    if note:
        parts.append(element("text", note, x=0, y=y + 16, class_="note"))
        y += 22
    return parts, y + 4


def keys(figures: tuple[Figure, ...], width: float, top: float) -> tuple[list[Part], float]:
    """One key for several maps: a sign and a name for each series; and where it ends."""
    parts: list[Part] = []
    x, y = 0.0, top + 14
    for layer, one, name in _entries(figures):
        text = fitted(name, width - 24)
        if x > 0 and x + 18 + text_width(text) > width:
            x, y = 0.0, y + 18
        parts += [_sign(layer, one, x + 6, y - 4), element("text", text, x=x + 17, y=y)]
        x += 34 + text_width(text)
    return parts, (y + 6 if parts else top)


def _entries(figures: tuple[Figure, ...]) -> list[tuple[Layer, Series, str]]:
    """What needs a key: each series or layer that has a name."""
    found: dict[str, tuple[Layer, Series, str]] = {}
    pairs = [pair for figure in figures for pair in zip(figure.layers, assign(figure), strict=True)]
    for layer, own in pairs:
        if layer.color or layer.mark == "text" or layer.data.num_rows == 0:
            continue
        for name, one in own.items():
            if name and name != MISSING and len(own) <= 8:
                found.setdefault(name, (layer, one, _named(layer, name)))
    return list(found.values())


def _named(layer: Layer, name: str) -> str:
    """The name of a layer in the key; of a crowd also how many it is."""
    if not plotted.many(layer):
        return name
    count = np.nansum(numeric(layer.data.column(layer.size))) if layer.size else layer.data.num_rows
    return f"{name}: {int(count):,}, deeper where there are more"


def _sign(layer: Layer, one: Series, x: float, y: float) -> Part:
    if layer.mark == "point" and layer.heading:
        return axes.key("point", Series(one.name, one.colour, one.dash, "arrow"), x, y)
    mark = {"rule": "line", "interval": "line", "bar": "line"}.get(layer.mark, layer.mark)
    return axes.key(mark, one, x, y)


def left_out(figure: Figure) -> str:
    """How many rows have no place on the Earth, in a sentence; empty where all have."""
    many = sum(layer.data.num_rows for layer in figure.layers)
    if many == 0:
        return "There is nothing to show here."
    missing = sum(_missing(layer) for layer in figure.layers)
    if missing == 0:
        return ""
    return f"{missing:,} of {many:,} rows {'has' if missing == 1 else 'have'} no place on the Earth."


def _missing(layer: Layer) -> int:
    rows = np.isfinite(numeric(layer.data.column(layer.x)) + numeric(layer.data.column(layer.y)))
    ends = 2 if layer.x2 and layer.y2 else 1
    return int(layer.data.num_rows) - (len(degrees(layer)[0]) // ends if rows.any() else 0)
