"""Isochrones: outlines on a grid whose shapes are known, and polygons of a run's travel times."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from potomac import studies
from potomac.errors import NoAnswer, StudyError
from potomac.geo.distance import great_circle
from potomac.location import live
from potomac.location.contours import within
from potomac.location.isochrones import isochrones

Floats = npt.NDArray[np.float64]

Y, X = np.mgrid[:60, :60]


def area(ring: Floats) -> float:
    """Of a ring of rows and columns, positive where it leads round anticlockwise (Gauss)."""
    return float((ring[:-1, 1] * ring[1:, 0] - ring[1:, 1] * ring[:-1, 0]).sum() / 2)


# ---- outlines -----------------------------------------------------------------------------------------------------


def test_a_cone_is_cut_in_a_circle() -> None:
    """Between neighbours on the grid a distance is nearly linear: the radius is right to a hundredth of a step."""
    [[ring]] = within(np.hypot(Y - 30.0, X - 25.0), 10.0)
    assert (ring[0] == ring[-1]).all()
    assert np.hypot(ring[:, 0] - 30, ring[:, 1] - 25) == pytest.approx(10, abs=0.013)  # 1 / (8 * 10): the sagitta
    assert area(ring) == pytest.approx(np.pi * 100, rel=3e-3)


def test_a_ring_has_a_hole_that_leads_the_other_way() -> None:
    [[outer, hole]] = within(np.abs(np.hypot(Y - 29.5, X - 29.5) - 15), 3.0)
    assert area(outer) == pytest.approx(np.pi * 18**2, rel=3e-3)
    assert area(hole) == pytest.approx(-np.pi * 12**2, rel=3e-3)


def test_an_island_within_a_hole_is_a_polygon_of_its_own() -> None:
    away = np.hypot(Y - 29.5, X - 29.5)
    found = within(np.minimum(away, np.abs(away - 15)), 3.0)
    assert sorted(len(polygon) for polygon in found) == [1, 2]


def test_corners_across_a_square_are_kept_apart() -> None:
    values = np.array([[0.0, 2.0], [2.0, 0.0]])
    assert [len(polygon) for polygon in within(values, 1.0)] == [1, 1]
    assert within(values, -1.0) == []


def test_what_is_nothing_is_outside_by_half_a_step() -> None:
    [[ring]] = within(np.array([[np.nan, np.nan, np.nan], [np.nan, 1.0, np.inf], [np.nan, np.nan, np.nan]]), 5.0)
    assert np.abs(ring - 1).sum(axis=1) == pytest.approx(0.5)


@pytest.mark.parametrize("level", [0.2, 0.5, 0.8])
def test_of_any_grid_the_rings_part_what_is_within_from_the_rest(level: float) -> None:
    """Winding numbers: each place of the grid is in exactly one polygon where it is within, and in none elsewhere."""
    rng = np.random.default_rng(int(10 * level))
    values = rng.random((14, 17))
    values[rng.random(values.shape) < 0.1] = np.inf
    rings = [ring for polygon in within(values, level) for ring in polygon]
    for i in range(14):
        for j in range(17):
            assert sum(turns(ring - (i, j)) for ring in rings) == (values[i, j] <= level)


def turns(ring: Floats) -> int:
    """How often a ring leads round the origin anticlockwise."""
    angle = np.unwrap(np.arctan2(ring[:, 0], ring[:, 1]))
    return round((angle[-1] - angle[0]) / (2 * np.pi))


# ---- of a run -----------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(8)
N = 60
PEOPLE = pa.table(
    {
        "id": [f"{i:02d}" for i in range(N)],
        "latitude": 38.9 + RNG.uniform(-0.1, 0.1, N),
        "longitude": -77.0 + RNG.uniform(-0.13, 0.13, N),
        "people": RNG.integers(1, 60, N).astype(float),
    }
)
SPEED = {"model": "great_circle", "speed_kmh": 60}  # a km a minute


@pytest.fixture
def run(ask: Any) -> studies.Run:
    return ask({"demand": PEOPLE}, problem={"p": 2}, travel=SPEED)


def rings(feature: dict[str, Any]) -> list[Floats]:
    return [np.array(ring) for polygon in feature["geometry"]["coordinates"] for ring in polygon]


def test_the_outline_is_so_many_minutes_away(run: studies.Run) -> None:
    """By the straight line at 60 km/h the 5 minute isochrone is a circle of 5 km: within a part of a cell of 0.5 km."""
    found = isochrones(live.load(run.model), 38.9, -77.0, step=2.5)
    five = next(one for one in found["features"] if one["properties"]["minutes"] == 5.0)
    [ring] = rings(five)
    assert great_circle(38.9, -77.0, ring[:, 1], ring[:, 0]) == pytest.approx(5.0, abs=0.03)
    assert found["type"] == "FeatureCollection"


def test_shares_are_those_of_the_people_within(run: studies.Run) -> None:
    found = isochrones(live.load(run.model), 38.9, -77.0, step=3)
    km = great_circle(38.9, -77.0, PEOPLE["latitude"].to_numpy(), PEOPLE["longitude"].to_numpy())
    people = PEOPLE["people"].to_numpy()
    for feature in found["features"]:
        told = feature["properties"]
        held = people[km <= told["minutes"]].sum()
        assert told["weight"] == held
        assert told["share"] == pytest.approx(100 * held / people.sum())
    shares = [feature["properties"]["share"] for feature in found["features"]]
    assert shares == sorted(shares)
    assert shares[-1] >= 98


def test_without_a_place_the_nearest_site_counts(run: studies.Run) -> None:
    model = live.load(run.model)
    found = isochrones(model)["features"]
    least = min(found, key=lambda one: one["properties"]["minutes"])
    assert len(rings(least)) >= 1
    minutes = least["properties"]["minutes"]
    assert least["properties"]["weight"] == model.demand.weight[model.minutes <= minutes].sum()
    site = model.sites.id[0].as_py()
    place = isochrones(model, float(model.sites.latitude[0]), float(model.sites.longitude[0]))
    assert isochrones(model, site=site) == place


def test_a_road_is_not_left_but_on_foot(ask: Any) -> None:
    """One road along the equator at 60 km/h, walks of 5 km/h: in 20 minutes 20 km along it, or 5 / 3 km across."""
    links = pa.table(
        {"from": ["1"], "to": ["2"], "minutes": [60 * 1.112], "from_latitude": [0.0], "from_longitude": [0.0],
         "to_latitude": [0.0], "to_longitude": [0.6]}
    )  # fmt: skip
    demand = pa.table({"id": ["a", "b", "c"], "latitude": [0.0, 0.02, -0.02], "longitude": [0.0, 0.3, 0.6]})
    run = ask({"demand": demand, "travel.links": links}, travel={"model": "road"})
    found = isochrones(live.load(run.model), 0.0, 0.3, step=20)["features"][0]
    ring = np.concatenate(rings(found))
    wide, high = np.ptp(ring, axis=0) * 111.2
    assert wide == pytest.approx(40, abs=2)
    assert high == pytest.approx(10 / 3, abs=0.2)


def test_times_by_pair_are_interpolated_between_demand_points(by_pair: Any) -> None:
    found = isochrones(live.load(by_pair().model), site="a", step=5)
    assert found["note"].startswith("Between demand points travel time is interpolated")
    shares = {one["properties"]["minutes"]: one["properties"]["share"] for one in found["features"]}
    place = {"a": (38.90, -77.03), "d": (39.00, -76.95)}  # 0 and 20 minutes
    outline = next(rings(one) for one in found["features"] if one["properties"]["minutes"] == 10)
    at = {name: sum(turns((ring - (lon, lat))[:, ::-1]) for ring in outline) for name, (lat, lon) in place.items()}
    assert at == {"a": 1, "d": 0}
    assert shares == {5: 40.0, 10: 40.0, 15: 92.0, 20: 100.0}  # a 0, b 11, c 14, d 20 minutes; of 250 people


def test_what_cannot_be_asked_is_said(run: studies.Run, by_pair: Any, places: pa.Table, sites: pa.Table) -> None:
    with pytest.raises(StudyError) as caught:
        isochrones(live.load(run.model), site="z")
    assert caught.value.faults[0].code == "location.site-unknown"
    with pytest.raises(StudyError) as caught:
        isochrones(live.load(run.model), longitude=1.0)
    assert caught.value.faults[0].key == "latitude"
    bare = {"demand": places.select(["id", "people"]), "candidates": sites.select(["id"])}
    with pytest.raises(NoAnswer) as none:
        isochrones(live.load(by_pair(bare).model))
    assert none.value.faults[0].code == "location.no-places"
