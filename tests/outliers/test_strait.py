"""The simulated strait: on water, with lanes of opposite courses, and odd where it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from potomac.geo.basemap import outlines
from potomac.geo.distance import great_circle
from potomac.outliers.meetings import Meetings
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.strait import KINDS, Strait, simulate_strait
from potomac.stats.streams import Stream

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def strait() -> Strait:
    return simulate_strait(Stream(2))


@pytest.fixture(scope="module")
def reports(strait: Strait) -> dict[str, Array]:
    return {name: strait.reports[name].to_numpy() for name in strait.reports.column_names}


@pytest.fixture(scope="module")
def kind(strait: Strait) -> Array:
    kinds = np.full(strait.reports.num_rows, "", "U10")
    kinds[strait.truth["row"].to_numpy()] = strait.truth["kind"].to_pylist()
    return kinds


@pytest.fixture(scope="module")
def usable(reports: dict[str, Array]) -> Array:
    return np.asarray((np.abs(reports["lat"]) <= 90) & (np.abs(reports["lon"]) <= 180))


@pytest.fixture(scope="module")
def positions(reports: dict[str, Array], usable: Array) -> Positions:
    names = {"lat": "latitude", "lon": "longitude", "sog": "speed", "cog": "heading", "time": "time", "mmsi": "entity"}
    row = {"row": np.flatnonzero(usable)}
    return positions_of({**row, **{new: reports[old][usable] for old, new in names.items()}})


def on_land(lon: Array, lat: Array) -> Array:
    """Even-odd rule against all rings of land near the points."""
    inside = np.zeros(len(lon), bool)
    box = (lon.min() - 0.1, lat.min() - 0.1, lon.max() + 0.1, lat.max() + 0.1)
    for ring in outlines(*box, "10m"):
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if y0 != y1:
                crosses = (y0 > lat) != (y1 > lat)
                inside ^= crosses & (lon < (x1 - x0) * (lat - y0) / (y1 - y0) + x0)
    return inside


def test_the_same_stream_gives_the_same_strait(strait: Strait) -> None:
    again = simulate_strait(Stream(2))
    assert again.reports.equals(strait.reports)
    assert again.truth.equals(strait.truth)
    assert not simulate_strait(Stream(3)).reports.equals(strait.reports)


def test_it_is_about_as_large_as_promised(strait: Strait, reports: dict[str, Array]) -> None:
    assert 35_000 < strait.reports.num_rows < 45_000
    assert 200 < len(set(reports["mmsi"])) < 400
    assert (np.diff(reports["time"]) >= np.timedelta64(0)).all()
    assert np.ptp(reports["time"]) < np.timedelta64(3, "D")


def test_every_vessel_is_on_water(reports: dict[str, Array], usable: Array) -> None:
    assert not on_land(reports["lon"][usable], reports["lat"][usable]).any()


def test_the_lanes_have_opposite_courses(positions: Positions, kind: Array) -> None:
    """Ships keep to starboard: southbound ones west of the line between the lanes, northbound ones east of it."""
    p = positions
    usual = (kind[p.row] == "") & (p.speed > 7) & (np.abs(p.latitude - 56.85) < 0.05)
    line = 11.79 - (56.85 - 56.72) / 0.38 * 0.24  # at 56.85 degrees north; a kilometre is 0.0164 degrees of longitude
    west = usual & (np.abs(p.longitude - (line - 2.5 * 0.0164)) < 0.01)
    east = usual & (np.abs(p.longitude - (line + 2.5 * 0.0164)) < 0.01)
    assert min(west.sum(), east.sum()) > 200
    south = np.cos(np.radians(p.heading)) < 0
    assert np.mean(south[west & ~np.isnan(p.heading)]) > 0.97
    assert np.mean(~south[east & ~np.isnan(p.heading)]) > 0.97


def test_it_is_broken_as_real_data_is(reports: dict[str, Array], strait: Strait, kind: Array) -> None:
    assert (reports["lat"] == 91).sum() == 6
    assert (reports["lon"] == 181).sum() == 6
    assert (reports["sog"] == 102.3).sum() > 100
    assert (reports["cog"] == 360).sum() > 100
    assert (reports["cog"] == 511).sum() > 50
    twice = strait.reports.num_rows - strait.reports.group_by(strait.reports.column_names).aggregate([]).num_rows
    assert 10 < twice <= 25
    odd = kind != ""
    assert (reports["lat"][odd] < 91).all()
    assert (reports["sog"][odd] < 102).all()


def test_each_kind_of_oddity_is_there(strait: Strait, kind: Array, reports: dict[str, Array]) -> None:
    assert set(strait.truth["kind"].to_pylist()) == set(KINDS)
    assert 0.01 < strait.truth.num_rows / strait.reports.num_rows < 0.04
    assert (strait.truth["mmsi"].to_numpy() == reports["mmsi"][strait.truth["row"].to_numpy()]).all()


def test_the_fast_ones_are_faster_than_all_others(positions: Positions, kind: Array) -> None:
    fast = kind[positions.row] == "speed"
    assert positions.speed[fast].min() > np.nanmax(positions.speed[~fast])


def test_jumps_lead_far_away(positions: Positions, kind: Array) -> None:
    p = positions
    for row in np.flatnonzero(kind[p.row] == "jump"):
        own = np.flatnonzero(p.entity == p.entity[row])
        before = own[own < row][-1]
        assert great_circle(p.latitude[row], p.longitude[row], p.latitude[before], p.longitude[before]) > 10


def test_the_transfers_are_the_meetings_in_open_water(positions: Positions, strait: Strait) -> None:
    odd = strait.truth.filter(np.array(strait.truth["kind"].to_pylist()) == "transfer")
    vessels = {str(mmsi) for mmsi in odd["mmsi"].to_pylist()}
    assert len(vessels) == 6
    found = Meetings.build(positions).find().to_pylist()
    open_water = [m for m in found if m["where"] == "open water"]
    assert {name for m in open_water for name in (m["entity"], m["other"])} >= vessels
    assert all({m["entity"], m["other"]} <= vessels for m in found[:3])


def test_what_vessels_say_fits_where_they_go(positions: Positions, kind: Array) -> None:
    """Half of the moving vessels' speeds lie within a knot of the way they make."""
    from potomac.outliers.tracks import NAMES, Tracks

    f = Tracks.build(positions).features()
    moving = (kind[positions.row] == "") & (positions.speed > 2)
    gap = np.abs(f[moving, NAMES.index("speed_gap_kn")])
    course = f[moving, NAMES.index("course_gap_deg")]
    assert np.nanmedian(gap) < 1.0
    assert np.nanmedian(course) < 10.0
