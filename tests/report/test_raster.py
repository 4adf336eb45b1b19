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


def test_what_lies_evenly_in_a_rectangle_is_spread_over_its_pixels() -> None:
    """Twelve points in 2 x 3 pixels are two in each, whichever corner comes first."""
    even = picture(dots(np.repeat([1.25, 1.75], 6), np.repeat([4.25, 4.75, 5.25] * 2, 2), BOX))
    assert (even > 0).sum() == 6
    for x, x2, y, y2 in ((1.0, 2.0, 4.0, 5.5), (2.0, 1.0, 5.5, 4.0)):
        far = (np.array([x2]), np.array([y2]))
        assert (picture(dots(np.array([x]), np.array([y]), BOX, far=far, many=np.array([12.0]))) == even).all()


def test_squares_beside_each_other_leave_no_seam() -> None:
    """A plain cut into squares of 1.7 pixels, a point for each pixel of them, is as deep everywhere as it can be."""
    side = 1.7 / SHARP
    x, y = (line.ravel() for line in np.meshgrid(np.arange(0, 40, side), np.arange(0, 20, side)))
    seen = picture(dots(x, y, BOX, far=(x + side, y + side), many=np.full(len(x), 1.7**2), width=3))
    inner = seen[2:-4, 2:-4]
    assert inner.min() > 0
    assert np.ptp(inner.astype(int)) < 0.15 * inner.max()


def test_less_than_a_pixel_has_the_pixel_of_its_middle() -> None:
    x, y = np.array([10.1, 10.4]), np.array([5.1, 5.4])
    seen = picture(dots(x, y, BOX, far=(x + 0.01, y + 0.01)))
    assert (seen == picture(dots(x, y, BOX))).all()
    edge = picture(dots(np.array([39.99]), np.array([19.99]), BOX, far=(np.array([40.0]), np.array([20.0]))))
    assert np.argwhere(edge).tolist() == [[20 * SHARP - 1, 40 * SHARP - 1]]


def test_a_rectangle_that_is_nowhere_or_outside_is_not_drawn() -> None:
    x, y = np.array([np.nan, 41.0, -9.0]), np.array([1.0, 1.0, 1.0])
    assert not picture(dots(x, y, BOX, far=(x + 1, y + 1))).any()
