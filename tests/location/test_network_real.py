"""Real networks, where they are on this machine; Chicago's answers were found by brute force (README of the data)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from potomac.location.travel.congestion import bpr
from potomac.location.travel.network import RoadNetwork

from .orlib import DATA, known

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def chicago() -> tuple[RoadNetwork, Floats]:
    """The sketch network, zones may be passed through; trips by origin."""
    links = pq.read_table(DATA / "road_chicago_sketch_links.parquet")
    links = links.rename_columns({"u": "from", "v": "to", "free_flow_time": "minutes"})
    links = links.drop_columns(["length", "speed"])
    trips = pq.read_table(DATA / "road_chicago_sketch_trips.parquet")
    by_origin = np.bincount(trips["origin"].to_numpy(), trips["trips"].to_numpy(), 388)[1:]
    return RoadNetwork(None, links, oneway=True), by_origin


@known
@pytest.mark.parametrize(("departure", "zone", "mean"), [(None, 147, 27.1807), (17, 89, 33.2667)])
def test_chicago_minisum(chicago: tuple[RoadNetwork, Floats], departure: float | None, zone: int, mean: float) -> None:
    network, trips = chicago
    zones = np.arange(1, 388)
    means = trips @ network.between(zones, zones, departure) / trips.sum()
    assert (zones[means.argmin()], means.min()) == (zone, pytest.approx(mean, abs=5e-5))


@known
def test_chicago_minimax_in_the_peak(chicago: tuple[RoadNetwork, Floats]) -> None:
    network, trips = chicago
    zones = np.arange(1, 388)
    worst = network.between(zones, zones, 17)[trips > 0].max(axis=0)
    assert (zones[worst.argmin()], worst.min()) == (146, pytest.approx(91.3779, abs=5e-5))


@known
def test_chicago_times_in_the_peak_are_those_of_the_equilibrium() -> None:
    links = pq.read_table(DATA / "road_chicago_sketch_links.parquet").to_pandas()
    t = bpr(links["free_flow_time"], links["volume"], links["capacity"], links["b"], links["power"])
    assert np.abs(t - links["free_flow_time"]).max() > 1
    # cost = time + 0.04 * length + 0.02 * toll in this network (Transportation Networks for Research)
    np.testing.assert_allclose(t + 0.04 * links["length"] + 0.02 * links["toll"], links["cost"], rtol=1e-6, atol=1e-6)


def directed(name: str) -> Any:
    """Links of a network of Chicago, without lengths: times are told."""
    links = pq.read_table(DATA / f"{name}_links.parquet")
    return links.rename_columns({"u": "from", "v": "to", "free_flow_time": "minutes"}).drop_columns(["length", "speed"])


@known
@pytest.mark.parametrize("departure", [None, 8.0])
def test_a_region_with_zones_against_dijkstra(departure: float | None) -> None:
    """Zones 1 to 1790 may not be passed through; connectors have no length."""
    network = RoadNetwork(None, directed("road_chicago"), oneway=True, first_through=1791)
    origins, destinations = np.arange(1, 1791, 60), np.arange(7, 1791, 9)
    found = network.between(origins, destinations, departure)
    np.testing.assert_allclose(found, network.between(origins, destinations, departure, by="scipy"), rtol=1e-12)
    assert np.isfinite(found).all()
    through = RoadNetwork(None, directed("road_chicago"), oneway=True).between(origins, destinations, departure)
    assert (through <= found + 1e-9).all()
    assert (through < found - 1e-9).any()


@known
def test_highways_from_town_to_town() -> None:
    """Miles, classes of which one sign may be blank, and points that are no nodes."""
    links, nodes = pq.read_table(DATA / "us_highway_links.parquet"), pq.read_table(DATA / "us_highway_nodes.parquet")
    table = {
        "from": links["u"], "to": links["v"], "class": links["function_class"],
        "length": links["miles"].to_numpy() * 1609.344,
    }  # fmt: skip
    places = {"id": np.arange(nodes.num_rows), "latitude": nodes["lat"], "longitude": nodes["lon"]}
    network = RoadNetwork(places, table, access_km=20.0)
    towns = np.array(
        [[38.9, -77.04], [40.71, -74.01], [41.88, -87.63], [34.05, -118.24]]
    )  # Washington, ..., Los Angeles
    found = network.minutes(towns, towns)
    np.testing.assert_allclose(found, found.T, rtol=1e-9)  # all links lead both ways
    # By road 225, 700 and 2,670 miles from Washington, on interstates at 58 to 70 mph.
    for minutes, miles in zip(found[0, 1:], (225, 700, 2670), strict=True):
        assert 60 * miles / 70 * 0.95 < minutes < 60 * miles / 50
    assert (network.minutes(towns, towns, 17)[0, 1:] > 1.3 * found[0, 1:]).all()
