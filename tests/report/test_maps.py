"""Maps: windows, land, marks, and all of it together."""

from __future__ import annotations

import math
import re
import struct
import zlib
from base64 import b64decode

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.engine import Figure, Layer
from potomac.geo.distance import great_circle
from potomac.report import land, maps, multiples
from potomac.report.raster import SHARP
from potomac.report.window import window

WORLD = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


def places(points: list[tuple[float, float]], mark: str = "point", **more: object) -> Figure:
    lon, lat = (list(side) for side in zip(*points, strict=True)) if points else ([], [])
    data = pa.table({"lon": pa.array(lon, pa.float64()), "lat": pa.array(lat, pa.float64())})
    return Figure("m", "M", "", (Layer(mark, data, "lon", "lat", **more),), kind="map")  # type: ignore[arg-type]


def opacity(png: bytes) -> np.ndarray:
    """The pixels of one of our pictures: its header and data stand where they always do (see test_raster)."""
    width, height = struct.unpack(">II", png[16:24])
    data = png[png.index(b"IDAT") + 4 :]
    return np.frombuffer(zlib.decompressobj().decompress(data), np.uint8).reshape(height, width + 1)[:, 1:]


def spots(text: str) -> list[tuple[float, float]]:
    """Where the single marks of a map are."""
    found = re.findall(r'<g transform="translate\(([\d.-]+) ([\d.-]+)\)[^"]*"><path d="[^"]*" class="k mark', text)
    return [(float(x), float(y)) for x, y in found]


@given(st.lists(WORLD, min_size=1, max_size=30), st.sampled_from([310.0, 350.0, 968.0]))
def test_every_place_lies_in_the_window(points: list[tuple[float, float]], width: float) -> None:
    figure = places(points)
    shown = window(figure, width)
    x, y = shown(*(np.array(side) for side in zip(*points, strict=True)))
    left, top, right, bottom = shown.frame
    assert ((x >= left - 0.1) & (x <= right + 0.1)).all()
    assert ((y >= top - 0.1) & (y <= bottom + 0.1)).all()
    assert shown.height <= max(650, width * 2)


@given(st.lists(WORLD, min_size=1, max_size=12))
def test_any_places_make_a_well_formed_map(parse, points: list[tuple[float, float]]) -> None:
    text = maps.svg(places(points), width=350, alone=False)
    parse(text)
    assert not re.search(r"(?<![a-zA-Z])(nan|inf)", re.sub(r">[^<]*<", "><", text))


def test_north_is_up_and_east_is_right() -> None:
    (x, y), (x_east, _), (_, y_north) = spots(maps.svg(places([(5, 50), (6, 50), (5, 51)])))
    assert x_east > x
    assert y_north < y


def test_a_map_over_the_date_line_is_the_short_way_round() -> None:
    shown = window(places([(179, -18), (-179, -17)]), 900)
    west, _, east, _ = shown.box
    assert east - west < 4
    (x, _), (x_east, _) = spots(maps.svg(places([(179, -18), (-179, -17)])))
    assert x < x_east


def test_a_track_over_the_date_line_does_not_cross_the_map() -> None:
    text = maps.svg(places([(178, 0), (179, 0.5), (-179, 1), (-178, 1.5)], "line"), alone=False)
    (data,) = re.findall(r'd="(M[^"]*)" class="track s0"', text)
    steps = [float(value) for value in data.partition("l")[2].split()][::2]
    assert all(step > 0 for step in steps)


def test_a_track_around_the_whole_earth_breaks_where_the_map_ends() -> None:
    lon = [*range(0, 360, 10), 0]
    text = maps.svg(places([((x + 180) % 360 - 180, 10.0) for x in lon], "line"), alone=False)
    (data,) = re.findall(r'd="(M[^"]*)" class="track s0"', text)
    assert data.count("M") >= 1
    width = 680
    steps = [abs(float(value)) for part in data.split("M")[1:] for value in part.partition("l")[2].split()[::2]]
    assert max(steps) < width / 10


def test_the_scale_bar_tells_the_distance() -> None:
    """The bar is as long as it says, compared with the great circle between two points at its height."""
    shown = window(places([(10, 57), (11, 58)]), 900)
    text = str(land.scale_bar(shown))
    km = float(re.search(r">([\d,]+) km", text)[1].replace(",", ""))  # type: ignore[index]
    units = float(re.search(r"M0-5V0H([\d.]+)", text)[1])  # type: ignore[index]
    west = shown.projection.inverse(0.0, 0.0)
    east = shown.projection.inverse(units * shown.km, 0.0)
    assert float(great_circle(west[1], west[0], east[1], east[0])) == pytest.approx(km, rel=0.01)


def test_a_scale_bar_that_is_not_right_everywhere_says_where_it_is() -> None:
    assert re.search(r"km at \d+°N", str(land.scale_bar(window(places([(0, 20), (5, 70)]), 900))))
    assert " at " not in str(land.scale_bar(window(places([(10, 57), (10.2, 57.1)]), 900)))


def test_one_place_has_surroundings() -> None:
    shown = window(places([(10, 57)]), 900)
    assert shown.width * shown.km == pytest.approx(40)


def test_a_map_is_as_wide_as_it_is_told_to_be() -> None:
    figure = places([(10, 57), (10.01, 57.01)])
    wide = window(Figure("m", "M", "", figure.layers, kind="map", width_km=24), 900)
    assert wide.width * wide.km == pytest.approx(24)


def test_no_place_is_a_map_of_the_world_that_says_so(parse) -> None:
    text = maps.svg(places([]))
    parse(text)
    assert "There is nothing to show here." in text


def test_places_that_are_none_are_counted() -> None:
    text = maps.svg(places([(10, 57), (10, 91), (math.nan, 3), (11, 58)]))
    assert "2 of 4 rows have no place on the Earth." in text


def test_near_a_pole_there_is_still_a_map(parse) -> None:
    around = [(float(lon), 80.0 + lon / 40) for lon in range(-180, 180, 7)]
    for points in (around, [(0, 89), (120, 89.5)], [(0, -90)], [(0, 90), (90, 85)]):
        parse(maps.svg(places(points)))


def test_nothing_beyond_a_pole_is_shown() -> None:
    for points in ([(0, 89)], [(lon, 88 + lon / 100) for lon in range(0, 180, 20)], [(0, -89), (170, 89)]):
        shown = window(places([(float(lon), float(lat)) for lon, lat in points]), 900)
        _, (south, north) = shown.projection.inverse([0, 0], [shown.y0 - shown.height * shown.km, shown.y0])
        assert -90 - 1e-9 <= south < north <= 90 + 1e-9


def test_places_all_around_the_earth_get_the_usual_map_of_it() -> None:
    west, _, east, _ = window(places([(float(lon), 10.0) for lon in range(-170, 190, 20)]), 900).box
    assert (west, east) == pytest.approx((-180, 180))


def test_land_is_drawn_where_land_is() -> None:
    """Jutland lies at 9 E 56.5 N; the middle of the Skagerrak at 9.5 E 58 N is water."""
    shown = window(places([(7, 55.5), (12, 58.5)]), 900)
    data = re.search(r'd="([^"]*)" class="land"', "".join(land.ground(shown)))
    assert data is not None
    assert _inside(data[1], *(float(v[0]) for v in shown(np.array([9.0]), np.array([56.5]))))
    assert not _inside(data[1], *(float(v[0]) for v in shown(np.array([9.5]), np.array([58.0]))))


def _inside(path: str, x: float, y: float) -> bool:
    """Whether a point is inside by the even-odd rule: a ray to the left crosses the outline an odd number of times."""
    crossings = 0
    for ring in path.split("M")[1:]:
        head, _, rest = ring.rstrip("z").partition("l")
        start = np.array([float(v) for v in head.split()])
        steps = np.array([float(v) for v in rest.split()]).reshape(-1, 2)
        points = start + np.vstack([[0, 0], np.cumsum(steps, axis=0)])
        a, b = points, np.roll(points, -1, axis=0)
        spans = (a[:, 1] > y) != (b[:, 1] > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
        crossings += int((spans & (at < x)).sum())
    return crossings % 2 == 1


def test_headings_point_where_they_should() -> None:
    """A heading of 90 degrees turns an arrow that points up by a right angle clockwise: to the east."""
    data = pa.table({"lon": [10.0, 11.0], "lat": [57.0, 57.5], "heading": [90.0, None]})
    text = maps.svg(Figure("m", "M", "", (Layer("point", data, "lon", "lat", heading="heading"),), kind="map"))
    assert len(re.findall(r"rotate\(90\)", text)) == 1
    assert "M 0 -" in text  # the arrow before it is turned begins at its point, up


def test_cells_are_rectangles_of_their_degrees() -> None:
    data = pa.table({"w": [10.0], "s": [57.0], "e": [10.5], "n": [57.25], "c": [3.0]})
    layer = Layer("cell", data, "w", "s", x2="e", y2="n", color="c")
    figure = Figure("m", "M", "", (layer,), kind="map")
    shown = window(figure, 679, 0.5, 0.5)
    text = maps.svg(figure, alone=False)
    ((x, y, width, height),) = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" class="mark cells', text
    )
    left, bottom = (float(side[0]) for side in shown(np.array([10.0]), np.array([57.0])))
    right, top = (float(side[0]) for side in shown(np.array([10.5]), np.array([57.25])))
    assert [float(x), float(y), float(width), float(height)] == pytest.approx(
        [left, top, right - left, bottom - top], abs=0.1
    )


def test_a_cell_over_the_date_line_is_small() -> None:
    data = pa.table({"w": [179.0, 175.0], "s": [0.0, 0.0], "e": [-179.0, 177.0], "n": [1.0, 1.0]})
    text = maps.svg(Figure("m", "M", "", (Layer("cell", data, "w", "s", x2="e", y2="n"),), kind="map"), alone=False)
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="[\d.]+" class="mark cells', text)]
    assert widths[0] == pytest.approx(widths[1], abs=0.1)  # both are two degrees wide


@pytest.mark.parametrize(("rows", "sign"), [(300, "k mark point"), (3_000, 'class="dust'), (8_000, "data:image/png")])
def test_the_more_places_the_plainer_they_are(rows: int, sign: str) -> None:
    random = np.random.default_rng(1)
    text = maps.svg(
        places(list(zip(random.uniform(8, 12, rows), random.uniform(56, 59, rows), strict=True))), alone=False
    )
    assert sign in text
    assert len(text) < 250_000


def test_colour_of_very_many_places_is_averaged() -> None:
    random = np.random.default_rng(1)
    data = pa.table(
        {"lon": random.uniform(8, 12, 20_000), "lat": random.uniform(56, 59, 20_000), "v": random.uniform(0, 1, 20_000)}
    )
    text = maps.svg(Figure("m", "M", "", (Layer("point", data, "lon", "lat", color="v"),), kind="map"), alone=False)
    assert re.search(r'd="M[^"]*h5v5h-5z" class="q4"|h5v5h-5z', text)
    assert len(text) < 700_000


def test_positions_counted_before_are_drawn_as_if_they_were_there() -> None:
    random = np.random.default_rng(1)
    bins = pa.table({"lon": random.uniform(8, 12, 7000), "lat": random.uniform(56, 59, 7000), "many": [1000] * 7000})
    layer = Layer("point", bins, "lon", "lat", size="many", name="Positions")
    text = maps.svg(Figure("m", "M", "", (layer,), kind="map"), alone=False)
    assert "Positions: 7,000,000, deeper where there are more" in text
    assert "data:image/png" in text


def test_flagged_places_have_shape_and_label_on_top() -> None:
    random = np.random.default_rng(1)
    crowd = pa.table({"lon": random.uniform(8, 12, 9000), "lat": random.uniform(56, 59, 9000)})
    few = pa.table({"lon": [9.0, 10.0], "lat": [57.0, 58.0], "name": ["<b>one</b>", "two"]})
    layers = (
        Layer("point", few, "lon", "lat", label="name", shape="diamond", emphasis=True, name="flagged"),
        Layer("point", crowd, "lon", "lat", name="all"),
    )
    text = maps.svg(Figure("m", "M", "", layers, kind="map"), alone=False)
    assert text.index("data:image/png") < text.index("k mark point em")
    assert "&lt;b&gt;one&lt;/b&gt;</text>" in text
    assert "all: 9,000, deeper where there are more" in text


def test_labels_on_one_place_do_not_cover_each_other() -> None:
    data = pa.table({"lon": [10.0] * 30, "lat": [57.0] * 30, "name": [f"vessel {i}" for i in range(30)]})
    text = maps.svg(
        Figure("m", "M", "", (Layer("point", data, "lon", "lat", label="name", emphasis=True),), kind="map")
    )
    assert 'off"' in text  # what has no room waits until the map is enlarged


@pytest.mark.parametrize("mark", ["point", "line", "rule", "interval", "area", "cell", "text", "bar"])
def test_every_mark_has_a_meaning_on_a_map(parse, mark: str) -> None:
    data = pa.table(
        {
            "x": [10.0, 10.5, 11.0],
            "y": [57.0, 57.2, None],
            "x2": [10.2, 10.7, 11.2],
            "y2": [57.1, 57.3, 57.4],
            "t": ["a", "b", "<"],
        }
    )
    layer = Layer(mark, data, "x", "y", x2="x2", y2="y2", label="t", series="t")  # type: ignore[arg-type]
    for width in (310.0, 968.0):
        parse(maps.svg(Figure("m", "M", "", (layer,), kind="map"), width=width, alone=False))


@pytest.mark.parametrize(
    ("value", "gap", "letters", "text"),
    [
        (12.5, 1 / 2, "EW", "12°30′E"),
        (-12, 5, "EW", "12°W"),
        (0, 5, "NS", "0°"),
        (181, 1, "EW", "179°W"),
        (180, 10, "EW", "180°"),
        (57 + 20 / 60 + 30 / 3600, 1 / 120, "NS", "57°20′30″N"),
        (-33.9999999, 1, "NS", "34°S"),
    ],
)
def test_angles_are_written_as_on_a_chart(value: float, gap: float, letters: str, text: str) -> None:
    assert land.angle(value, gap, letters) == text


@given(st.floats(1e-4, 360), st.floats(2, 10))
def test_the_net_has_a_few_lines(span: float, most: float) -> None:
    gap = land.step(span, most)
    assert span / gap <= max(most, 6) or gap == land.STEPS[-1]


def test_small_multiples_stand_in_rows(parse, example, strait) -> None:
    figure = example.small_maps(strait)
    tree = parse(maps.svg(figure, width=960))
    inner = [one for one in tree if one.tag.endswith("svg")]
    texts = [one.text for one in tree.iter() if one.tag.endswith("text")]
    assert texts.count("Its own track") == 1  # one key for all
    assert len(inner) == 6
    assert len({one.get("y") for one in inner}) == 2
    assert len({one.get("x") for one in inner}) == 3


def test_panels_of_charts_share_their_axes() -> None:
    def one(top: float) -> Figure:
        data = pa.table({"x": [0.0, 1.0], "y": [0.0, top]})
        return Figure("p", "P", "", (Layer("line", data, "x", "y"),))

    first, second = multiples.alike((one(1), one(9)))
    assert first.y.domain == second.y.domain == (0, 9)


def test_the_map_of_a_million_places_is_small(example) -> None:
    sea = example.sea(rows=1_000_000)
    assert len(maps.svg(example.lead(sea), width=968, alone=False)) < 700_000


def test_very_many_of_anything_stay_small() -> None:
    random = np.random.default_rng(1)
    lon, lat = random.uniform(8, 12, 60_000), random.uniform(56, 59, 60_000)
    data = pa.table(
        {
            "lon": lon,
            "lat": lat,
            "lon2": lon + 0.01,
            "lat2": lat + 0.01,
            "v": lat,
            "s": [["a", "b"][i % 2] for i in range(60_000)],
        }
    )
    for layer, most in (
        (Layer("point", data, "lon", "lat", series="s"), 600_000),
        (Layer("point", data, "lon", "lat", emphasis=True), 400_000),
        (Layer("cell", data, "lon", "lat", x2="lon2", y2="lat2", color="v"), 2_000_000),
    ):
        text = maps.svg(Figure("m", "M", "", (layer,), kind="map"), alone=False)
        assert text.count("<") < 2_000
        assert len(text) < most


def test_squares_of_counts_are_spread_over_the_date_line_and_not_around_the_earth() -> None:
    """A plain of 100 by 100 squares from 179 E to 179 W, seen from a place at 160 E, is ink without a gap."""
    column, row = (side.ravel() for side in np.meshgrid(np.arange(100), np.arange(100)))
    west = (179.0 + column * 0.02 + 180) % 360 - 180
    sides = {"west": west, "south": row * 0.02, "east": west + 0.02, "north": (row + 1) * 0.02}
    squares = Layer("point", pa.table({**sides, "many": np.full(10_000, 5)}), "west", "south", x2="east", y2="north",
                    size="many", name="all")  # fmt: skip
    figure = Figure("m", "M", "", (squares, places([(160.0, 1.0)]).layers[0]), kind="map")
    text = maps.svg(figure, width=900, alone=False)
    assert "all: 50,000, deeper where there are more" in text
    image = re.search(r'base64,([^"]+)', text)
    assert image is not None
    ink = np.argwhere(opacity(b64decode(image[1])))
    assert len(ink) == np.prod(np.ptp(ink, axis=0) + 1)  # a full rectangle
    east = window(figure, 899, 0.5, 0.5)(np.array([179.0, 181.0]), np.array([1.0, 1.0]))[0]
    assert np.ptp(ink[:, 1]) == pytest.approx(SHARP * (east[1] - east[0]), abs=4)


def test_a_series_of_a_crowd_keeps_its_colour() -> None:
    random = np.random.default_rng(1)
    data = pa.table(
        {"lon": random.uniform(8, 12, 9000), "lat": random.uniform(56, 59, 9000), "s": ["a"] * 4000 + ["b"] * 5000}
    )
    text = maps.svg(Figure("m", "M", "", (Layer("point", data, "lon", "lat", series="s"),), kind="map"), alone=False)
    assert re.findall(r'mask="url\(#density-[0-9a-f]+\)" class="(\w+)"', text) == ["s0", "s1"]
