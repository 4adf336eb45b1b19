"""Many points as a picture."""

from __future__ import annotations

import re
import struct
import zlib
from base64 import b64decode

import numpy as np

from potomac.report.raster import SHARP, dots, png

BOX = (0.0, 0.0, 40.0, 20.0)


def opacity(data: bytes) -> np.ndarray:
    """Read the picture back, chunk by chunk (PNG specification, 5.3)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + body)
        chunks[name] = body
        at += 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    return np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)[:, 1:]


def picture(part: str) -> np.ndarray:
    found = re.search(r"base64,([^\"]+)", part)
    assert found is not None
    return opacity(b64decode(found[1]))


def test_the_file_reads_back() -> None:
    alpha = np.arange(60, dtype=np.uint8).reshape(5, 12)
    assert (opacity(png(alpha)) == alpha).all()


def test_a_point_lies_where_it_should() -> None:
    seen = picture(dots(np.array([10.0]), np.array([5.0]), BOX))
    assert seen.shape == (20 * SHARP, 40 * SHARP)
    assert np.argwhere(seen).tolist() == [[5 * SHARP, 10 * SHARP]]


def test_a_wider_dot_is_centred() -> None:
    seen = picture(dots(np.array([10.0]), np.array([5.0]), BOX, width=3))
    assert np.argwhere(seen).mean(axis=0).tolist() == [5 * SHARP, 10 * SHARP]
    assert (seen > 0).sum() == 9


def test_more_points_are_deeper_and_places_outside_are_not_drawn() -> None:
    x = np.array([1.0, 1, 1, 30, np.nan, 41, -1])
    seen = picture(dots(x, np.full(7, 2.0), BOX))
    assert seen[2 * SHARP, SHARP] > seen[2 * SHARP, 30 * SHARP] > 0
    assert (seen > 0).sum() == 2


def test_a_point_may_stand_for_many() -> None:
    x, y = np.array([1.0, 30.0]), np.array([2.0, 2.0])
    binned = picture(dots(x, y, BOX, many=np.array([1.0, 500.0])))
    single = picture(dots(np.repeat(x, (1, 500)), np.repeat(y, (1, 500)), BOX))
    assert (binned == single).all()


def test_no_points_make_an_empty_picture() -> None:
    assert not picture(dots(np.empty(0), np.empty(0), BOX)).any()
