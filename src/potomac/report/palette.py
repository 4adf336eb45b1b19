"""Which colour, dash and shape a series has, and which step of the ramp a value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potomac.engine import Figure, Layer
from potomac.report.draw import Part, element, num, text_width
from potomac.report.numbers import number
from potomac.report.scales import Floats, numeric, ticks_linear, ticks_log, words

__all__ = ["STEPS", "Ramp", "Series", "assign", "ramp_for", "shape"]

STEPS = 9
COLOURS = 6
SHAPES = ("circle", "diamond", "triangle", "square", "cross")
_OUTLINES = {
    "diamond": "M0-1.3L1.3 0L0 1.3L-1.3 0z",
    "triangle": "M0-1.25L1.15.85L-1.15.85z",
    "square": "M-.95-.95h1.9v1.9h-1.9z",
    "cross": "M-1.2-.4h.8v-.8h.8v.8h.8v.8h-.8v.8h-.8v-.8h-.8z",
    "arrow": "M0-1.7L1.05 1.3L0 .7L-1.05 1.3z",
}


@dataclass(frozen=True, slots=True)
class Series:
    """One named group of marks: class names for colour and dash, and a shape for points."""

    name: str
    colour: str
    dash: str
    shape: str


def assign(figure: Figure) -> list[dict[str, Series]]:
    """For each layer, its series by name; a layer without series, and one of the ground, has one under its own name."""
    order: dict[str, int] = {}
    found = []
    for layer in figure.layers:
        if layer.ground:
            found.append({layer.name: Series(layer.name, "ground", "", layer.shape)})
            continue
        names = list(dict.fromkeys(words(layer.data.column(layer.series)))) if layer.series else [layer.name]
        for name in names:
            order.setdefault(name, len(order))
        found.append({name: _series(name, order[name], layer) for name in names})
    return found


def _series(name: str, index: int, layer: Layer) -> Series:
    colour = "em" if layer.emphasis and not layer.series else f"s{index % COLOURS}"
    dash = f"d{min(3, index // COLOURS)}" if index >= COLOURS else ""
    default = layer.shape != "circle" or not layer.series
    return Series(name, colour, dash, layer.shape if default else SHAPES[index % len(SHAPES)])


def shape(
    name: str, x: float, y: float, radius: float, class_: str, title: str = "", turn: float | None = None
) -> Part:
    """One point: a circle, diamond, triangle, square, cross or arrow around (x, y)."""
    tip = [element("title", title)] if title else []
    if name == "circle":
        return element("circle", *tip, cx=x, cy=y, r=float(radius), class_=class_)
    rotate = f" rotate({num(turn)})" if turn is not None else ""
    place = f"translate({num(x)} {num(y)}){rotate} scale({num(radius, 2)})"
    return element("path", *tip, d=_OUTLINES[name], transform=place, class_=f"{class_} map-mark")


def outline(name: str, radius: float) -> str:
    """Path data of a shape around the origin."""
    if name == "circle":
        r = num(radius, 2)
        return f"M-{r} 0a{r} {r} 0 1 0 {num(2 * radius, 2)} 0a{r} {r} 0 1 0 -{num(2 * radius, 2)} 0z"
    return _scaled(_OUTLINES[name], radius)


def _scaled(path: str, factor: float) -> str:
    import re

    return re.sub(r" ?-?\d*\.?\d+", lambda found: " " + num(float(found[0]) * factor, 2), path)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Nine steps of one hue between two values."""

    low: float
    high: float
    log: bool
    label: str

    def step(self, values: Floats) -> NDArray[np.int64]:
        """The step (0 to 8) of each value; -1 where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            shown = np.log10(np.where(values > 0, values, np.nan)) if self.log else values
            low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
            share = np.zeros(len(values)) if high <= low else (shown - low) / (high - low)
        steps = np.clip(np.floor(np.nan_to_num(share) * STEPS), 0, STEPS - 1).astype(np.int64)
        return np.where(np.isfinite(shown), steps, -1)

    def legend(self, x: float, y: float, width: float) -> list[Part]:
        """The ramp as a row of boxes with its ends and at most four values between; 36 px high."""
        box = width / STEPS
        parts = [element("text", self.label, x=x, y=y + 10, class_="tick")] if self.label else []
        parts += [
            element("rect", x=x + i * box, y=y + 16.0, width=box + 0.3, height=8.0, class_=f"q{i}")
            for i in range(STEPS)
        ]
        return parts + self._ticks(x, y + 36, width)

    def _ticks(self, x: float, y: float, width: float) -> list[Part]:
        if self.high <= self.low:
            return [element("text", number(self.low), x=x, y=y, class_="tick")]
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        ticks = ticks_log(self.low, self.high, 4) if self.log else ticks_linear(self.low, self.high, 4)
        last = number(self.high)
        parts = [
            element("text", number(self.low), x=x, y=y, class_="tick"),
            element("text", last, x=x + width, y=y, class_="tick end"),
        ]
        free, end = x + text_width(number(self.low)) + 8, x + width - text_width(last) - 8
        for value, text in ticks:
            at = x + width * ((math.log10(value) if self.log else value) - low) / (high - low)
            half = text_width(text) / 2
            if at - half > free and at + half < end:
                parts.append(element("text", text, x=at, y=y, class_="tick middle"))
                free = at + half + 8
        return parts


def ramp_for(layers: list[Layer]) -> Ramp | None:
    """One ramp for all layers that have a colour column; None where there is none."""
    coloured = [layer for layer in layers if layer.color]
    if not coloured:
        return None
    values = np.concatenate([numeric(layer.data.column(layer.color)) for layer in coloured if layer.color])
    log = any(layer.color_log for layer in coloured)
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
    label = next((layer.color_label for layer in coloured if layer.color_label), coloured[0].color or "")
    return Ramp(low, high, log, label)
