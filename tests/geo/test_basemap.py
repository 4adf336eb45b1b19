"""Outlines: land where there is land, cut to the box, over the date line."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.errors import StudyError
from potomac.geo.basemap import borders, outlines, resolution_for


def on_land(lat: float, lon: float, resolution: str) -> bool:
    """Even-odd rule: a ray to the east crosses the outlines an odd number of times."""
    crossings = 0
    for ring in outlines(-180, -90, 180, 90, resolution):  # type: ignore[arg-type]
        x, y = ring.T
        x2, y2 = np.roll(x, -1), np.roll(y, -1)
        spans = (y > lat) != (y2 > lat)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x + (lat - y) / (y2 - y) * (x2 - x)
        crossings += int((spans & (at > lon)).sum())
    return crossings % 2 == 1


@pytest.mark.parametrize("resolution", ["110m", "50m", "10m"])
@pytest.mark.parametrize(
    ("place", "lat", "lon", "land"),
    [
        ("Paris", 48.86, 2.35, True),
        ("Moscow", 55.75, 37.62, True),
        ("Alice Springs", -23.7, 133.88, True),
        ("the South Pole, nearly", -89.5, 100.0, True),
        ("Lapland, between the latitudes of Chukotka", 67.0, 20.0, True),
        ("Alaska, between them", 67.0, -150.0, True),
        ("Baffin Bay, between them", 67.5, -59.5, False),
        ("Chukotka west of the date line", 67.0, 178.0, True),
        ("Chukotka east of it", 66.5, -178.0, True),
        ("the middle of the Atlantic", 45.0, -30.0, False),
        ("the middle of the Pacific", 0.0, -140.0, False),
        ("the North Pole, nearly", 89.5, 100.0, False),
    ],
)
def test_land_and_sea(place: str, lat: float, lon: float, land: bool, resolution: str) -> None:
    assert on_land(lat, lon, resolution) is land, place


@pytest.mark.parametrize("resolution", ["110m", "50m", "10m"])
def test_a_small_box_says_the_same_as_the_whole_earth(resolution: str) -> None:
    # one corner of each box is at the place; even-odd by the area of the clipped rings
    for lat, lon, land in ((67.0, 20.0, True), (66.5, -178.0, True), (-85.5, 100.0, True), (67.5, -59.5, False)):
        rings = outlines(lon, lat, lon + 0.01, lat + 0.01, resolution)  # type: ignore[arg-type]
        assert (abs(sum(map(area, rings))) > 0.99e-4) is land, (lat, lon)


def area(ring: np.ndarray) -> float:
    """Shoelace formula, from the first point so that little is lost in rounding."""
    x, y = (ring - ring[0]).T
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def test_the_caspian_sea_is_a_hole_in_the_land() -> None:
    assert not on_land(42.0, 50.5, "50m")


@pytest.mark.parametrize("box", [(-10, 35, 30, 60), (1.5, 48, 3, 49.5), (170, -50, 190, -30), (-180, -90, 180, 90)])
def test_clipping_keeps_inside_the_box(box: tuple[float, float, float, float]) -> None:
    west, south, east, north = box
    for line in (*outlines(*box), *borders(*box)):
        assert line.shape[1] == 2
        assert len(line) >= 2
        assert (line >= [west, south]).all()
        assert (line <= [east, north]).all()


def test_clipping_keeps_the_area_of_a_box_inland() -> None:
    # a box in the middle of the Sahara is land and nothing else: one ring, its area the box's
    (ring,) = outlines(10, 20, 12, 22)
    assert area(ring) == pytest.approx(2 * 2)


def test_a_box_at_sea_has_no_outlines() -> None:
    assert outlines(-31, 44, -29, 46) == []
    assert borders(-31, 44, -29, 46) == []


def test_over_the_date_line_land_stands_on_both_sides() -> None:
    # Chukotka ends at 170 W: in a box of 170 to 195 it goes on past 180
    here = outlines(170, 60, 195, 72, "50m")
    assert any(ring[:, 0].min() <= 170 and ring[:, 0].max() > 189 for ring in here)
    # the same land, asked for from the other side
    there = outlines(-190, 60, -165, 72, "50m")
    assert sum(map(area, there)) == pytest.approx(sum(map(area, here)))


@pytest.mark.parametrize("resolution", ["110m", "50m", "10m"])
def test_no_outline_jumps_across_the_earth(resolution: str) -> None:
    # only the edge along the south pole is that long; nothing is drawn twice either
    for ring in outlines(-180, -90, 180, 90, resolution):  # type: ignore[arg-type]
        closed = np.vstack([ring, ring[:1]])
        long = np.abs(np.diff(closed[:, 0])) > 90
        assert (closed[:-1][long, 1] == -90).all()


def test_the_share_of_land_is_known() -> None:
    # 29.2 % of the Earth's surface is land (CIA World Factbook: 148.94 of 510.07 million square km)
    random = np.random.default_rng(7)
    lat, lon = np.degrees(np.arcsin(random.uniform(-1, 1, 4000))), random.uniform(-180, 180, 4000)
    odd = np.zeros(4000, bool)
    for ring in outlines(-180, -90, 180, 90, "110m"):
        x, y = ring.T
        x2, y2 = np.roll(x, -1), np.roll(y, -1)
        for i in np.flatnonzero(y != y2):
            spans = (y[i] > lat) != (y2[i] > lat)
            odd ^= spans & (x[i] + (lat - y[i]) / (y2[i] - y[i]) * (x2[i] - x[i]) > lon)
    assert odd.mean() == pytest.approx(0.292, abs=3 * np.sqrt(0.292 * 0.708 / 4000))


def test_borders_are_cut_into_pieces_where_they_leave_the_box() -> None:
    # between France and Spain: within 43.4 N they run along the Pyrenees
    pieces = borders(-2, 42, 3.5, 43.4, "10m")
    assert pieces
    for piece in pieces:
        assert (np.abs(np.diff(piece, axis=0)).max(axis=1) < 1.0).all()  # no jump across the box


def test_wider_pictures_take_coarser_outlines() -> None:
    assert [resolution_for(0, 0, span, 10) for span in (20, 60, 200)] == ["10m", "50m", "110m"]


@pytest.mark.parametrize("box", [(10, 0, 10, 5), (0, 5, 10, 5), (0, -91, 1, 0), (-200, 0, 200, 10), (np.nan, 0, 1, 1)])
def test_what_is_no_box_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(StudyError) as caught:
        outlines(*box)
    assert caught.value.faults[0].code == "basemap.box"


def test_a_resolution_that_is_not_there() -> None:
    with pytest.raises(StudyError) as caught:
        outlines(0, 0, 1, 1, "20m")  # type: ignore[arg-type]
    assert caught.value.faults[0].code == "basemap.resolution"
