"""Many points as a picture of their density: a PNG inside the SVG, where single marks would only hide each other."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from potomac.report.draw import Part, element
from potomac.report.scales import Floats

__all__ = ["dots", "png"]

SHARP = 2
"""Pixels of the picture per unit of the drawing."""


def dots(
    x: Floats,
    y: Floats,
    box: tuple[float, float, float, float],
    *,
    many: Floats | None = None,
    width: int = 1,
    class_: str = "density",
) -> Part:
    """A picture over ``box`` (left, top, right, bottom): opacity grows with the log of the count.

    ``many`` says how many each point stands for (default one). A point counts in ``width`` x ``width`` pixels of
    the picture, so that a lonely one is still seen. The picture is a mask over a rectangle of ``class_``, so
    that its colour is the page's, light or dark.
    """
    left, top, right, bottom = box
    counts = _counts(x, y, box, np.ones(len(x)) if many is None else np.nan_to_num(many))
    counts = _spread(_spread(counts, width).T, width).T
    share = np.log1p(counts) / np.log1p(max(1, int(counts.max())))
    picture = png(np.where(counts > 0, 110 + 145 * share, 0).astype(np.uint8))
    address = "data:image/png;base64," + b64encode(picture).decode("ascii")
    size = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    name = f"density-{zlib.crc32(picture):08x}"
    image = element("image", href=address, **size, preserveAspectRatio="none")
    mask = element("mask", image, id=name, maskUnits="userSpaceOnUse", **size)
    return element("g", mask, element("rect", **size, mask=f"url(#{name})", class_=class_))


def _counts(x: Floats, y: Floats, box: tuple[float, float, float, float], many: Floats) -> NDArray[np.int64]:
    """Points in each pixel of the picture, shape (height, width)."""
    left, top, right, bottom = box
    width, height = max(1, round((right - left) * SHARP)), max(1, round((bottom - top) * SHARP))
    with np.errstate(invalid="ignore"):
        fine = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    column = np.minimum(((x[fine] - left) / (right - left) * width).astype(np.int64), width - 1)
    row = np.minimum(((y[fine] - top) / (bottom - top) * height).astype(np.int64), height - 1)
    counts = np.bincount(row * width + column, many[fine], minlength=width * height)
    return np.rint(counts).astype(np.int64).reshape(height, width)


def _spread(counts: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Sums over ``width`` neighbours in each row."""
    before = (width - 1) // 2
    total = np.cumsum(np.pad(counts, ((0, 0), (before + 1, width - 1 - before))), axis=1)
    return total[:, width:] - total[:, :-width]


def png(alpha: NDArray[np.uint8]) -> bytes:
    """A PNG in white with the given opacity (height, width).

    Source:
        W3C, Portable Network Graphics Specification (third edition), palette images with transparency.
    """
    height, width = alpha.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row starts with its filter, 0 = none
    rows[:, 1:] = alpha
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", b"\xff" * 768),
        (b"tRNS", bytes(range(256))),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
