"""Small multiples: the same picture of several things, side by side on shared axes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from potomac.engine import Axis, Figure
from potomac.report import axes, sheet
from potomac.report.draw import Part, document, element, fitted, num, wrapped
from potomac.report.scales import numeric

__all__ = ["alike", "key", "panel", "together"]

GAP = 18.0
LEAST = 230.0
"""A panel is at least this wide, if the picture is."""


def panel(figure: Figure, *, width: float, alone: bool = False) -> Part:
    """One panel drawn by itself."""
    draw = sheet.chart if figure.kind == "map" else axes.chart
    return draw(figure, width=width, alone=alone)


def together(figure: Figure, *, width: float = axes.WIDTH, alone: bool = True) -> Part:
    """All panels in one ``svg``, in rows of as many as fit."""
    panels = alike(figure.panels)
    head, top = axes.heading(figure, width) if alone else ([], 0.0)
    many = max(1, min(len(panels), int((width + GAP) // (LEAST + GAP))))
    room = (width - GAP * (many - 1)) / many
    keys, top = _keys(panels, width, top)
    parts: list[Part] = [*head, *keys]
    for start in range(0, len(panels), many):
        row, height = _row(panels[start : start + many], room, top)
        parts += row
        top += height + GAP
    return document(parts, width, max(top, 20.0), alone=alone, role="img", aria_label=axes.spoken(figure))


def key(figure: Figure, *, width: float) -> Part:
    """The key of all maps among the panels as an ``svg`` element; empty where none needs one."""
    parts, height = _keys(figure.panels, width, 0.0)
    return document(parts, width, height, alone=False, aria_hidden="true") if parts else Part("")


def _keys(panels: tuple[Figure, ...], width: float, top: float) -> tuple[list[Part], float]:
    """One key for all maps; charts name their series themselves."""
    parts, end = sheet.keys(tuple(one for one in panels if one.kind == "map"), width, top)
    return parts, end + 6 if parts else top


def _row(panels: tuple[Figure, ...], room: float, top: float) -> tuple[list[Part], float]:
    parts: list[Part] = []
    tallest = 0.0
    for i, one in enumerate(panels):
        x = i * (room + GAP)
        parts.append(element("text", fitted(one.title, room, 13), x=x, y=top + 14, class_="head"))
        note = wrapped(one.finding, room, 12, 2)
        parts += [element("text", line, x=x, y=top + 30 + 15 * j, class_="note") for j, line in enumerate(note)]
        below = 22.0 + 15 * len(note)
        drawn = panel(one, width=room)
        height = _height(drawn)
        parts.append(
            Part(
                drawn.replace(
                    "<svg ", f'<svg x="{num(x)}" y="{num(top + below)}" width="{num(room)}" height="{num(height)}" ', 1
                )
            )
        )
        tallest = max(tallest, below + height)
    return parts, tallest


def _height(drawn: Part) -> float:
    """Height of an ``svg`` element, from its view box."""
    return float(drawn.partition('viewBox="')[2].partition('"')[0].split()[3])


def alike(panels: tuple[Figure, ...]) -> tuple[Figure, ...]:
    """Chart panels with the same axes get the same domain, so that they can be compared."""
    charts = [one for one in panels if one.kind == "chart"]
    shared = {axis: _shared(charts, axis) for axis in ("x", "y")} if len(charts) == len(panels) > 1 else {}
    given = {axis: domain for axis, domain in shared.items() if domain}
    return tuple(
        replace(one, **{axis: replace(getattr(one, axis), domain=given[axis]) for axis in given}) for one in panels
    )


def _shared(panels: list[Figure], axis: Literal["x", "y"] | str) -> tuple[float, float] | None:
    """Lowest and highest value of an axis over all panels; None where the axes differ or hold names."""
    first: Axis = getattr(panels[0], axis)
    if first.scale == "category" or any(getattr(one, axis) != first for one in panels) or first.domain:
        return None
    values = [
        numeric(layer.data.column(name))
        for one in panels
        for layer in one.layers
        for name in ((layer.x, layer.x2) if axis == "x" else (layer.y, layer.y2))
        if name and name in layer.data.column_names
    ]
    seen = [
        float(value)
        for many in values
        for value in (many[many > 0] if first.scale == "log" else many)
        if math.isfinite(value)
    ]
    based = axis == "y" and any(
        layer.mark in ("bar", "area") and not axes.band(layer) for one in panels for layer in one.layers
    )
    seen += [0.0] if seen and (first.zero or based) and first.scale == "linear" else []
    return (min(seen), max(seen)) if seen and min(seen) < max(seen) else None
