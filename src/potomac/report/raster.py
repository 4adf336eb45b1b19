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

BLUE = (58, 132, 161)  # between the accents of the light and the dark page


def dots(x: Floats, y: Floats, box: tuple[float, float, float, float]) -> Part:
    """An ``image`` element over ``box`` (left, top, right, bottom): opacity grows with the log of the count."""
    left, top, right, bottom = box
    width, height = max(1, round((right - left) * SHARP)), max(1, round((bottom - top) * SHARP))
    fine = np.isfinite(x) & np.isfinite(y) & (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    column = np.minimum(((x[fine] - left) / (right - left) * width).astype(np.int64), width - 1)
    row = np.minimum(((y[fine] - top) / (bottom - top) * height).astype(np.int64), height - 1)
    counts = np.bincount(row * width + column, minlength=width * height).reshape(height, width)
    most = max(1, int(counts.max()))
    share = np.log1p(counts) / np.log1p(most)
    alpha = np.where(counts > 0, 90 + 165 * share, 0).astype(np.uint8)
    address = "data:image/png;base64," + b64encode(png(alpha, BLUE)).decode("ascii")
    return element("image", href=address, x=left, y=top, width=right - left, height=bottom - top, preserveAspectRatio="none")


def png(alpha: NDArray[np.uint8], colour: tuple[int, int, int]) -> bytes:
    """A PNG of one colour with the given opacity (height, width).

    Source:
        W3C, Portable Network Graphics Specification (third edition), palette images with transparency.
    """
    height, width = alpha.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row starts with its filter, 0 = none
    rows[:, 1:] = alpha
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", head),
        (b"PLTE", bytes(colour) * 256),
        (b"tRNS", bytes(range(256))),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
