"""Labels that do not cover each other: beside points, and at the ends of lines."""

from __future__ import annotations

import numpy as np

from potomac.report.draw import text_width
from potomac.report.scales import Floats

__all__ = ["beside", "spread"]

Spot = tuple[float, float, str]
_HEIGHT = 13.0


def beside(
    x: Floats,
    y: Floats,
    texts: list[str],
    box: tuple[float, float, float, float],
    gap: float = 7,
    size: float = 12,
    kept: Floats | None = None,
) -> list[Spot | None]:
    """For each label a free place right, left, above or below its point, in the order given.

    Returns ``(x, y, class)`` with class "" (start), "end" or "middle"; None where no place is free. A label
    never covers one that has its place, nor a point that comes before it or is near the top of the list, nor
    the areas ``kept`` free (n, 4: left, top, right, bottom).
    """
    taken = np.empty((0, 4)) if kept is None else np.asarray(kept, float)
    points = np.column_stack([x - 5, y - 5, x + 5, y + 5])[:400]
    spots: list[Spot | None] = []
    for i, text in enumerate(texts):
        spot = None
        if text and np.isfinite(x[i] + y[i]) and len(taken) < 400:
            others = np.vstack([taken, np.delete(points, i, axis=0) if i < len(points) else points])
            spot, area = _first_free(float(x[i]), float(y[i]), text_width(text, size), others, box, gap)
            taken = np.vstack([taken, area]) if spot else taken
        spots.append(spot)
    return spots


def _first_free(
    x: float, y: float, width: float, others: Floats, box: tuple[float, float, float, float], gap: float
) -> tuple[Spot | None, Floats]:
    tries = (
        (x + gap, y + 4, "", x + gap),
        (x - gap, y + 4, "end", x - gap - width),
        (x, y - gap - 2, "middle", x - width / 2),
        (x, y + gap + 10, "middle", x - width / 2),
        (x + gap - 1, y - gap + 2, "", x + gap - 1),
        (x + gap - 1, y + gap + 6, "", x + gap - 1),
        (x - gap + 1, y - gap + 2, "end", x - gap + 1 - width),
        (x - gap + 1, y + gap + 6, "end", x - gap + 1 - width),
    )
    for at, base, class_, left in tries:
        area = np.array([left, base - _HEIGHT + 3, left + width, base + 2])
        inside = area[0] >= box[0] and area[1] >= box[1] and area[2] <= box[2] and area[3] <= box[3]
        if inside and not _meets(area, others):
            return (at, base, class_), area
    return None, np.empty(0)


def _meets(area: Floats, others: Floats) -> bool:
    apart = (others[:, 0] > area[2]) | (others[:, 2] < area[0]) | (others[:, 1] > area[3]) | (others[:, 3] < area[1])
    return bool((~apart).any())


def spread(y: Floats, low: float, high: float, height: float = 14.0) -> Floats:
    """Heights moved as little as need be so that lines of text ``height`` apart do not touch.

    Neighbours that touch form a block around their mean; blocks that touch are joined (the pool-adjacent-
    violators algorithm for isotonic regression, after taking ``i * height`` off).
    """
    order = np.argsort(y, kind="stable")
    wanted = y[order] - np.arange(len(y)) * height
    blocks: list[tuple[float, int]] = []
    for value in wanted.tolist():
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    placed = np.repeat([mean for mean, _ in blocks], [count for _, count in blocks]) if blocks else np.empty(0)
    placed = np.clip(placed, low, max(low, high - (len(y) - 1) * height)) + np.arange(len(y)) * height
    found = np.empty(len(y))
    found[order] = placed
    return found
