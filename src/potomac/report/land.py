"""What lies under the data of a map: land, borders, the net of degrees, the frame and the scale bar."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from potomac.geo import basemap
from potomac.report.draw import Part, element, num, polyline, text_width
from potomac.report.numbers import number
from potomac.report.scales import Floats
from potomac.report.window import Window

__all__ = ["angle", "frame", "ground", "scale_bar", "thinned"]

FINE = 0.5
"""Points of a coast closer together than this (units of the drawing) are drawn as one."""

STEPS = (60, 30, 20, 10, 5, 2, 1, 1 / 2, 1 / 6, 1 / 12, 1 / 30, 1 / 60, 1 / 120, 1 / 360, 1 / 720, 1 / 1800, 1 / 3600)
"""Distances between the lines of the net in degrees: whole degrees, minutes, seconds."""

WRONG = 0.05
"""A scale bar that is off by more than this somewhere on the map says where it is right."""


def ground(window: Window) -> list[Part]:
    """Water, land with its coast, borders between countries, and the net of degrees."""
    left, top, right, bottom = window.frame
    water = element("rect", x=left, y=top, width=right - left, height=bottom - top, class_="water")
    box = _larger(window.box)
    land = _path(basemap.outlines(*box), window, True)
    borders = _path(basemap.borders(*box), window, False)
    parts = [water, element("path", d=_net(window), class_="graticule")]
    parts += [element("path", d=land, class_="land")] if land else []
    return parts + ([element("path", d=borders, class_="border")] if borders else [])


def _larger(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A box a little larger than the window, so that its own edge is never drawn as a coast."""
    west, south, east, north = box
    room_x, room_y = 0.02 * (east - west) + 1e-3, 0.02 * (north - south) + 1e-3
    room_x = min(room_x, (360 - 1e-9 - (east - west)) / 2)  # below zero where the window is once around the Earth
    return west - room_x, max(-90.0, south - room_y), east + room_x, min(90.0, north + room_y)


def _path(lines: list[Floats], window: Window, closed: bool) -> str:
    return "".join(polyline(thinned(_placed(line, window)), closed) for line in lines)


def _placed(line: Floats, window: Window) -> Floats:
    """Points of the basemap, whose longitudes are in the window's own range already."""
    x, y = window.projection.forward(line[:, 0], line[:, 1])
    placed = np.column_stack([window.left + (x - window.x0) / window.km, window.top + (window.y0 - y) / window.km])
    return np.clip(placed, -1e4, 1e4)


def thinned(points: Floats) -> Floats:
    """A line without points that share a square of side FINE with the one before."""
    squares = np.floor(points / FINE)
    kept = np.ones(len(points), bool)
    kept[1:] = (np.diff(squares, axis=0) != 0).any(axis=1)
    kept[-1:] = True
    return points[kept]


def step(span: float, most: float) -> float:
    """The smallest step of the net that gives at most ``most`` lines in ``span`` degrees."""
    return float(next((s for s in reversed(STEPS) if span / s <= most), STEPS[0]))


def _lines(window: Window) -> tuple[list[float], list[float], float]:
    """Longitudes and latitudes of the net, and their distance."""
    west, south, east, north = window.box
    gap = step(east - west, max(2.0, window.width / 105))
    return _multiples(west, east, gap), [lat for lat in _multiples(south, north, gap) if abs(lat) < 90], gap


def _multiples(low: float, high: float, gap: float) -> list[float]:
    return [i * gap for i in range(math.ceil(low / gap), math.floor(high / gap) + 1)]


def _spots(window: Window, longitudes: list[float], latitudes: list[float]) -> tuple[list[float], list[float]]:
    """Where meridians and parallels lie on the drawing."""
    x, _ = window.projection.forward(longitudes, np.zeros(len(longitudes)))
    _, y = window.projection.forward(np.full(len(latitudes), window.projection.lon0), latitudes)
    return (window.left + (x - window.x0) / window.km).tolist(), (window.top + (window.y0 - y) / window.km).tolist()


def _net(window: Window) -> str:
    longitudes, latitudes, _ = _lines(window)
    left, top, right, bottom = window.frame
    x, y = _spots(window, longitudes, latitudes)
    return "".join(
        [f"M{num(at)} {num(top)}V{num(bottom)}" for at in x] + [f"M{num(left)} {num(at)}H{num(right)}" for at in y]
    )


def angle(value: float, gap: float, letters: str) -> str:
    """``12°E``, ``12°30′N`` or ``12°30′20″W``: as fine as the net; ``letters`` are those of plus and minus."""
    if letters == "EW":
        value = (value + 180) % 360 - 180
    seconds = round(abs(value) * 3600)
    whole, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    letter = "" if seconds == 0 or (letters == "EW" and seconds == 180 * 3600) else letters[value < 0]
    text = f"{whole}°"
    text += f"{minutes:02d}′" if gap < 1 else ""
    return text + (f"{rest:02d}″" if gap < 1 / 60 else "") + letter


def frame(window: Window, labelled: bool) -> Part:
    """The neat line; with ``labelled`` also the black and white border of a chart, and the degrees."""
    left, top, right, bottom = window.frame
    line = f"M{num(left)} {num(top)}H{num(right)}V{num(bottom)}H{num(left)}z"
    neat = element("path", d=line, class_="neat")
    if not labelled:
        return neat
    projection = window.projection
    told = {"lon": projection.lon0, "lat": projection.lat0, "x": window.x0, "y": window.y0, "km": window.km}
    numbers = {f"data_{name}": f"{value:.9g}" for name, value in told.items()}  # what the script draws it anew from
    rim = element("g", *_border(window), *_degrees(window), class_="rim", data_kind=projection.kind, **numbers)
    return element("g", rim, neat)


def _border(window: Window) -> list[Part]:
    """Bars of half a step of the net, black and white in turn, along all four sides."""
    west, south, east, north = window.box
    gap = _lines(window)[2] / 2
    x, y = _spots(window, _edges(west, east, gap), _edges(south, north, gap))
    left, top, right, bottom = window.frame
    first_x, first_y = math.floor(west / gap) % 2, math.floor(south / gap) % 2
    wide = [(a, b) for i, (a, b) in enumerate(pairwise(x)) if (i + first_x) % 2 == 0]
    high = [(a, b) for i, (a, b) in enumerate(pairwise(y)) if (i + first_y) % 2 == 0]
    data = "".join(f"M{num(a)} {num(at)}H{num(b)}" for a, b in wide for at in (top + 2, bottom - 2))
    data += "".join(f"M{num(at)} {num(a)}V{num(b)}" for a, b in high for at in (left + 2, right - 2))
    under = f"M{num(left + 2)} {num(top + 2)}H{num(right - 2)}V{num(bottom - 2)}H{num(left + 2)}z"
    inner = f"M{num(left + 4)} {num(top + 4)}H{num(right - 4)}V{num(bottom - 4)}H{num(left + 4)}z"
    return [
        element("path", d=under, class_="margin"),
        element("path", d=data, class_="zebra"),
        element("path", d=inner, class_="neat thin"),
    ]


def _edges(low: float, high: float, gap: float) -> list[float]:
    return [low, *(value for value in _multiples(low, high, gap) if low < value < high), high]


def _degrees(window: Window) -> list[Part]:
    """Names of meridians along the top, of parallels along the left side, inside the frame."""
    longitudes, latitudes, gap = _lines(window)
    x, y = _spots(window, longitudes, latitudes)
    left, top, right, bottom = window.frame
    parts: list[Part] = []
    free = left + 8
    for at, value in zip(x, longitudes, strict=True):
        text = angle(value, gap, "EW")
        half = text_width(text, 11) / 2
        if at - half > free and at + half < right - 6:
            parts.append(element("text", text, x=at, y=top + 17, class_="degree halo middle"))
            free = at + half + 8
    for at, value in zip(y, latitudes, strict=True):
        if top + 30 < at < bottom - 44:
            parts.append(element("text", angle(value, gap, "NS"), x=left + 8, y=at - 3, class_="degree halo"))
    return parts


def scale_bar(window: Window) -> Part:
    """Kilometres, in two halves, in the lower left corner."""
    length = _round(window.width * window.km * min(0.25, 140 / window.width))
    width = length / window.km
    _, south, _, north = window.box
    off = window.projection.scale_error(south, north)
    text = f"{number(length)} km" if length >= 1 else f"{number(length * 1000)} m"
    text += f" at {angle(round(window.projection.lat0), 1, 'NS')}" if off > WRONG else ""
    left, bottom = window.left + 14, window.top + window.height - 14
    return element(
        "g",
        element("text", text, x=0, y=-10, class_="halo"),
        element("path", d=bar(width), class_="bar halo-line"),
        element("path", d=bar(width), class_="bar"),
        element("path", d=f"M0-2.5H{num(width / 2)}", class_="bar half"),
        transform=f"translate({num(left)} {num(bottom)})",
        class_="scale",
        data_km=f"{window.km:.6g}",
    )


def bar(width: float) -> str:
    """Path data of a scale bar."""
    return f"M0-5V0H{num(width)}V-5M{num(width / 2)}-5V0"


def _round(length: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is no longer."""
    power = 10.0 ** math.floor(math.log10(length))
    return next(m * power for m in (5, 2, 1) if m * power <= length * (1 + 1e-9))
