"""A figure of places -> SVG that reads without script, on paper and in a file of its own."""

from __future__ import annotations

from potomac.engine import Figure
from potomac.report import axes, multiples, sheet
from potomac.report.draw import Part

__all__ = ["svg"]


def svg(figure: Figure, *, width: float = axes.WIDTH, alone: bool = True) -> Part:
    """The map as an ``svg`` element ``width`` wide; see :func:`potomac.report.sheet.chart`."""
    draw = multiples.together if figure.panels else sheet.chart
    return draw(figure, width=width, alone=alone)
