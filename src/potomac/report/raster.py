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

PARTS = 1 << 20
"""What one point is divided into, so that whole numbers count it where it is spread over many pixels."""


def dots(
    x: Floats,
    y: Floats,
    box: tuple[float, float, float, float],
    *,
    far: tuple[Floats, Floats] | None = None,
    many: Floats | None = None,
    width: int = 1,
    class_: str = "density",
) -> Part:
    """A picture over ``box`` (left, top, right, bottom): opacity grows with the log of the count.

    ``many`` says how many each point stands for (default one), ``far`` the other corners (x, y) of the rectangles
    in which they lie evenly. A point counts in ``width`` x ``width`` pixels of the picture, so that a lonely one is
    still seen. The picture is a mask over a rectangle of ``class_``, so that its colour is the page's, light or dark.
    """
    left, top, right, bottom = box
    parts = _counts((x, y), far or (x, y), box, np.ones(len(x)) if many is None else np.nan_to_num(many))
    counts = _spread(_spread(parts, width).T, width).T / PARTS
    share = np.log1p(counts) / np.log1p(max(1.0, counts.max()))
    picture = png(np.where(counts > 0, 110 + 145 * share, 0).astype(np.uint8))
    address = "data:image/png;base64," + b64encode(picture).decode("ascii")
    size = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    name = f"density-{zlib.crc32(picture):08x}"
    image = element("image", href=address, **size, preserveAspectRatio="none")
    mask = element("mask", image, id=name, maskUnits="userSpaceOnUse", **size)
    return element("g", mask, element("rect", **size, mask=f"url(#{name})", class_=class_))


def _counts(
    near: tuple[Floats, Floats], far: tuple[Floats, Floats], box: tuple[float, float, float, float], many: Floats
) -> NDArray[np.int64]:
    """Points in each pixel of the picture, in ``PARTS`` of one, shape (height, width).

    Each rectangle is added at its upper left corner and its lower right one, and taken away at the other two: sums
    over both axes then hold it in all of its pixels (Crow 1984, summed-area tables). Whole parts keep that exact.
    """
    left, top, right, bottom = box
    width, height = max(1, round((right - left) * SHARP)), max(1, round((bottom - top) * SHARP))
    columns = _pixels((near[0] - left) / (right - left) * width, (far[0] - left) / (right - left) * width, width)
    rows = _pixels((near[1] - top) / (bottom - top) * height, (far[1] - top) / (bottom - top) * height, height)
    seen = (columns[0] < columns[1]) & (rows[0] < rows[1])
    (west, east), (north, south) = columns[:, seen], rows[:, seen]
    parts = np.rint(many[seen] * PARTS / ((east - west) * (south - north)))
    size = (height + 1) * (width + 1)
    corners = ((north, west, 1), (north, east, -1), (south, west, -1), (south, east, 1))
    changes = sum(sign * np.bincount(row * (width + 1) + at, parts, size) for row, at, sign in corners)
    added = np.asarray(changes).astype(np.int64).reshape(height + 1, width + 1)[:-1, :-1]
    found: NDArray[np.int64] = np.cumsum(np.cumsum(added, axis=0), axis=1)
    return found


def _pixels(near: Floats, far: Floats, count: int) -> NDArray[np.int64]:
    """First pixel between two places along an axis, and the one after the last; alike where none is in the picture.

    Neighbours share no pixel, and what is smaller than a pixel has that of its middle. Shape (2, n).
    """
    low, high = np.minimum(near, far), np.maximum(near, far)
    with np.errstate(invalid="ignore"):
        outside = ~((high >= 0) & (low <= count))
    low, high = np.where(outside, 0, np.clip([low, high], 0, count))
    middle = np.minimum(np.floor((low + high) / 2), count - 1)
    first, last = np.rint(low), np.rint(high)
    small = first >= last
    first, last = np.where(small, middle, first), np.where(small, middle + 1, last)
    return np.stack([first, np.where(outside, first, last)]).astype(np.int64)


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
