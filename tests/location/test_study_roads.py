"""What a study says of roads: zones, density, speeds by class, and circuity that is calibrated by ways over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location import live

DETOUR = pa.table({"from": ["a", "z", "a", "c"], "to": ["z", "b", "c", "b"], "minutes": [5.0, 5.0, 10.0, 10.0]})
"""From a to b in 10 minutes through z, in 20 through c."""
ENDS = {"demand": pa.table({"id": ["a"]}), "candidates": pa.table({"id": ["b"]})}


def nodes(**more: Any) -> pa.Table:
    """Four nodes about a kilometre apart."""
    places = {"latitude": [50.0, 50.01, 50.0, 49.99], "longitude": [10.0, 10.0, 10.02, 10.0]}
    return pa.table({"id": ["a", "b", "c", "z"], **places, **more})


def minutes(run: Any) -> float:
    found = run.tables["assignments"]["minutes"].to_pylist()
    return float(found[0])


def test_a_way_passes_through_a_node_unless_it_is_a_zone(ask: Any) -> None:
    roads = {**ENDS, "travel.links": DETOUR}
    assert minutes(ask(roads, travel={"model": "road"})) == pytest.approx(10)
    assert minutes(ask(roads, travel={"model": "road", "zones": ["z"]})) == pytest.approx(20)
    flagged = roads | {"travel.nodes": nodes(zone=["", "", "no", "yes"])}
    assert minutes(ask(flagged, travel={"model": "road"})) == pytest.approx(20)


def test_a_zone_that_is_no_node_is_told(ask: Any) -> None:
    with pytest.raises(Exception, match="q") as caught:
        ask({**ENDS, "travel.links": DETOUR}, travel={"model": "road", "zones": ["q"]})
    fault = caught.value.faults[0]  # type: ignore[attr-defined]
    assert (fault.code, fault.key) == ("location.node-unknown", "travel.zones")


def test_speeds_by_class_of_road(ask: Any) -> None:
    """A kilometre at 30 km/h takes 2 minutes."""
    links = pa.table({"from": ["a"], "to": ["b"], "length": [1000.0], "class": ["residential"]})
    run = ask({**ENDS, "travel.links": links}, travel={"model": "road", "speeds": {"residential": 30.0}})
    assert minutes(run) == pytest.approx(2.0)


def test_roads_are_slower_where_more_people_live(ask: Any) -> None:
    """Of a speed (1 + d / 100) ** -0.1 is left: of 60 km/h at 900 people a square km 10 ** -0.1."""
    links = pa.table({"from": ["a"], "to": ["b"], "length": [1000.0], "class": ["primary"]})
    travel = {"model": "road", "speeds": {"primary": 60.0}}
    roads = {**ENDS, "travel.links": links}
    assert minutes(ask({**roads, "travel.nodes": nodes()}, travel=travel)) == pytest.approx(1.0)
    dense = {**roads, "travel.nodes": nodes(density=[900.0, 900.0, 0.0, 0.0])}
    assert minutes(ask(dense, travel=travel)) == pytest.approx(10**0.1)


def test_people_of_the_demand_are_the_density_around_a_node(ask: Any) -> None:
    """The peak of the Epanechnikov kernel is 2 / (pi h^2): 10,000 people and h = 2 km give 1,592 a square km."""
    people = pa.table({"id": ["a"], "latitude": [50.0], "longitude": [10.0], "people": [10_000.0]})
    there = pa.table({"id": ["b"], "latitude": [50.0], "longitude": [10.0001]})
    links = pa.table({"from": ["a"], "to": ["b"], "length": [1000.0], "class": ["primary"]})
    near = pa.table({"id": ["a", "b"], "latitude": [50.0, 50.0], "longitude": [10.0, 10.0001]})
    roads = {"demand": people, "candidates": there, "travel.nodes": near, "travel.links": links}
    travel = {"model": "road", "speeds": {"primary": 60.0}, "walk_kmh": 0.01}
    plain, dense = (ask(roads, travel=travel | more) for more in ({}, {"density_km": 2.0}))
    slower = (1 + 10_000 * 2 / (np.pi * 4) / 100) ** 0.1
    assert minutes(dense) / minutes(plain) == pytest.approx(slower, rel=1e-3)


@pytest.mark.parametrize("more", [{}, {"density_km": 3.0}])
def test_a_live_answer_knows_zones_and_density_too(ask: Any, more: dict[str, Any]) -> None:
    """The road of 2 km through z is shut by the zone; that of 6 km through c stays, as slow as the run says."""
    table = nodes(zone=["", "", "", "1"], **({} if more else {"density": [900.0, 900.0, 0.0, 0.0]}))
    links = pa.table(
        {"from": ["a", "z", "a", "c"], "to": ["z", "b", "c", "b"], "length": [1000.0, 1000.0, 3000.0, 3000.0],
         "class": ["street"] * 4}
    )  # fmt: skip
    there = table.select(["id", "latitude", "longitude"])
    tables = {
        "demand": there.slice(0, 1).append_column("people", pa.array([9000.0])), "candidates": there.slice(1, 1),
        "travel.nodes": table, "travel.links": links,
    }  # fmt: skip
    run = ask(tables, travel={"model": "road", "speeds": {"street": 36.0}, **more})
    assert minutes(run) > 10.0
    told = live.assign(live.load(run.model), 50.0, 10.0)
    assert told["minutes"] == pytest.approx(minutes(run))


def test_density_around_places_that_are_not_known(ask: Any) -> None:
    with pytest.raises(DataError) as caught:
        ask({**ENDS, "travel.links": DETOUR}, travel={"model": "road", "density_km": 5.0})
    assert [(one.code, one.key) for one in caught.value.faults] == [("location.place-missing", "travel.density_km")]


# ---- circuity by ways over roads ----------------------------------------------------------------------------------

SIDE = 12


def streets() -> tuple[pa.Table, pa.Table]:
    """A grid of streets, 12 by 12, about a kilometre apart at 45 degrees north, driven at 36 km/h."""
    k = np.arange(SIDE * SIDE)
    row, column = np.divmod(k, SIDE)
    at = {"latitude": 45 + row * 0.009, "longitude": 5 + column * 0.0127}
    east, north = k[column < SIDE - 1], k[row < SIDE - 1]
    tail, head = np.concatenate([east, north]), np.concatenate([east + 1, north + SIDE])
    text = pa.string()
    links = {"from": pa.array(tail).cast(text), "to": pa.array(head).cast(text), "length": np.full(len(tail), 1000.0)}
    speeds = {"class": ["street"] * len(tail)}
    return pa.table({"id": pa.array(k).cast(text), **at}), pa.table({**links, **speeds})


def test_circuity_is_calibrated_by_ways_over_roads(ask: Any) -> None:
    """On a grid the mean circuity is near 4 / pi (Fairthorne 1965): times are told with a few per cent of error."""
    places, links = streets()
    tables = {"demand": places, "travel.nodes": places, "travel.links": links}
    travel = {"speeds": {"street": 36.0}, "sample_pairs": 1500}
    fitted = ask(tables, travel={"model": "circuity", **travel})
    exact = ask(tables, travel={"model": "road", "speeds": {"street": 36.0}})
    assert fitted.tables["calibration"]["trips_fitted"].to_pylist() == [750]
    assert fitted.facts["travel_error"] < 20
    assert fitted.facts["mean_minutes"] == pytest.approx(exact.facts["mean_minutes"], rel=0.1)
    notes = fitted.manifest["notes"]
    assert any("calibrated by 1,500 ways over the roads" in note for note in notes)
    assert not any("makes nothing of" in note for note in notes)
    again = ask(tables, travel={"model": "circuity", **travel})
    assert again.facts["objective"] == fitted.facts["objective"]


@pytest.mark.parametrize("more", [{"model": "road"}, {"model": "matrix"}])
def test_what_is_not_calibrated_by_roads(ask: Any, more: dict[str, Any]) -> None:
    places, links = streets()
    with pytest.raises(StudyError) as caught:
        ask({"demand": places, "travel.links": links}, travel={"sample_pairs": 200, **more})
    assert ("location.travel", "travel.sample_pairs") in {(one.code, one.key) for one in caught.value.faults}


# ---- points without a road ----------------------------------------------------------------------------------------

ROAD = pa.table(
    {
        "from": ["n1"], "to": ["n2"], "length": [1112.0], "from_latitude": [50.0], "from_longitude": [10.0],
        "to_latitude": [50.01], "to_longitude": [10.0],
    }
)  # fmt: skip
"""A road along a meridian, a hundredth of a degree, which is 1.112 km, long."""
SITE = pa.table({"id": ["s"], "latitude": [50.005], "longitude": [10.0]})


def people(**latitudes: float) -> pa.Table:
    """Points due north of the road."""
    return pa.table({"id": [*latitudes], "latitude": [*latitudes.values()], "longitude": [10.0] * len(latitudes)})


def test_points_that_are_all_too_far_from_a_road_are_named_with_node_distance_and_remedy(ask: Any) -> None:
    """From 50.06 and 50.08 degrees to 50.01: 5.56 and 7.78 km."""
    roads = {"demand": people(a=50.06, b=50.08), "candidates": SITE, "travel.links": ROAD}
    with pytest.raises(NoAnswer) as caught:
        ask(roads, travel={"model": "road"})
    said = caught.value.faults[0]
    assert said.code == "location.unreached"
    assert "a (row 0; the first row is 0): it is 5.56 km from the nearest road, and 5.56 km from node n2" in said.found
    assert "b (row 1; the first row is 0): it is 7.78 km from the nearest road" in said.found
    assert said.mend == "Raise travel.access_km, which is 5, or give the roads that lead there"
    assert ask(roads, travel={"model": "road", "access_km": 8.0}).facts["unreached_points"] == 0


def test_some_that_are_too_far_are_told_with_the_key_that_mends_it(ask: Any) -> None:
    roads = {"demand": people(a=50.0, b=50.08), "candidates": SITE, "travel.links": ROAD}
    run = ask(roads, travel={"model": "road"})
    assert run.answer.endswith(
        "1 demand point (b) with 50 % of the weight has no way to any candidate: it is farther than 5 km "
        "(travel.access_km) from the nearest road."
    )
    (lost,) = run.tables["unreached"].to_pylist()
    assert (lost["id"], lost["row"], lost["nearest"]) == ("b", 1, "n2")
    assert lost["nearest_km"] == pytest.approx(7.78, rel=1e-3)


def test_candidates_that_are_too_far_from_a_road_are_told(ask: Any) -> None:
    far = pa.table({"id": ["t"], "latitude": [50.08], "longitude": [10.0]})
    roads = {"demand": people(a=50.0), "candidates": pa.concat_tables([SITE, far]), "travel.links": ROAD}
    notes = ask(roads, travel={"model": "road"}).manifest["notes"]
    assert "1 candidate is farther than 5 km (travel.access_km) from the nearest road: t." in notes
    with pytest.raises(NoAnswer) as caught:
        ask({**roads, "candidates": far}, travel={"model": "road"})
    said = caught.value.faults[0]
    assert "no candidate lies at a road; the one nearest to one, t, is 7.78 km from the nearest road" in said.found
    assert said.mend.startswith("Raise travel.access_km")
