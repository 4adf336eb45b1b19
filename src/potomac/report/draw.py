"""SVG as text: elements with everything escaped, short coordinates, the style of a picture that stands alone."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

__all__ = ["Part", "coordinates", "document", "element", "fitted", "num", "polyline", "style", "text_width", "wrapped"]

Floats = NDArray[np.float64]
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]|[\u202a-\u202e\u2066-\u2069]")


class Part(str):
    """Markup that is ready: only what :func:`element` and its friends made."""

    __slots__ = ()

    def __html__(self) -> str:
        """Taken as it is by templates that escape everything else."""
        return str(self)


def clean(value: object) -> str:
    """Text without the characters that no SVG or HTML may hold, and without those that turn its direction round."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", str(value))


def element(name: str, *children: object, **attributes: object) -> Part:
    """``<name a="...">...</name>``. Children that are no :class:`Part` and all attributes are escaped.

    ``class_`` means class, other underscores hyphens; attributes that are None or empty are left out.
    """
    parts = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(num(value) if isinstance(value, float) else clean(value))}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    ]
    inner = "".join(child if isinstance(child, Part) else escape(clean(child), quote=False) for child in children)
    return Part(f"<{name}{''.join(parts)}>{inner}</{name}>" if inner else f"<{name}{''.join(parts)}/>")


def num(value: float, places: int = 1) -> str:
    """A coordinate, as short as it can be."""
    text = f"{value:.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def coordinates(values: Floats, places: int = 1) -> list[str]:
    """Many coordinates."""
    return [num(value, places) for value in np.asarray(values, float).tolist()]


def polyline(points: Floats, closed: bool = False, places: int = 1) -> str:
    """Path data of a line through ``points`` (n, 2), without points that would fall on the one before."""
    rounded = np.round(points, places)
    moved = np.ones(len(rounded), bool)
    moved[1:] = (np.diff(rounded, axis=0) != 0).any(axis=1)
    rounded = rounded[moved]
    if len(rounded) < (3 if closed else 2):
        return ""
    start = rounded[0]
    steps = np.diff(rounded, axis=0)
    head = f"M{num(start[0], places)} {num(start[1], places)}l"
    across, down = coordinates(steps[:, 0], places), coordinates(steps[:, 1], places)
    body = " ".join(f"{x} {y}" for x, y in zip(across, down, strict=True))
    return head + body + ("z" if closed else "")


def text_width(text: str, size: float = 12) -> float:
    """About how wide ``text`` is at a font size; wide scripts count double."""
    return size * sum(1.0 if ord(char) > 0x2E7F else 0.3 if char in "il.,:;'|! " else 0.58 for char in text)


def fitted(text: str, width: float, size: float = 12) -> str:
    """``text``, cut with an ellipsis where it is wider than ``width``."""
    text = " ".join(clean(text).split())
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[: min(len(text) - 1, int(len(text) * width / text_width(text + "…", size)) + 1)]
    return text.rstrip() + "…"


def wrapped(text: str, width: float, size: float = 12, most: int = 2) -> list[str]:
    """``text`` in at most ``most`` lines of ``width``; the last one is cut."""
    lines: list[str] = []
    words = clean(text).split()
    while words and len(lines) < most - 1:
        line = words.pop(0)
        while words and text_width(f"{line} {words[0]}", size) <= width:
            line += f" {words.pop(0)}"
        lines.append(fitted(line, width, size))
    if words:
        lines.append(fitted(" ".join(words), width, size))
    return lines


@cache
def style() -> str:
    """The style sheet of pictures with the light colours filled in, for viewers that know no variables."""
    folder = files("potomac.report") / "static"
    sheet = (folder / "figure.css").read_text(encoding="utf-8")
    tokens = (folder / "tokens.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"(--[\w-]+):\s*([^;]+);", tokens.split("}")[0]))
    light |= {"--k": "1"}
    return re.sub(r"var\((--[\w-]+)(?:,[^()]*)?\)", lambda found: light.get(found[1], "inherit"), sheet)


def document(parts: list[Part], width: float, height: float, *, alone: bool, **attributes: object) -> Part:
    """The ``svg`` element around ``parts``; ``alone`` adds what a file of its own needs."""
    own = {"xmlns": "http://www.w3.org/2000/svg", "width": width, "height": height} if alone else {}
    head = [Part(f"<style>{style()}</style>"), element("rect", class_="paper", width=width, height=height)]
    attributes["class_"] = f"figure {attributes.get('class_') or ''}".strip()
    view = f"0 0 {num(width)} {num(height)}"
    return element("svg", *(head if alone else []), *parts, **own, viewBox=view, **attributes)
