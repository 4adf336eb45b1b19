"""Scenarios and hours on Chicago's sketch network, where it is on this machine; answers by brute force (its README)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from potomac.location.question import Problem
from potomac.location.scenarios import Spread, by_hour, over_roads, stability
from potomac.location.travel.network import RoadNetwork

from .orlib import DATA, known

Floats = npt.NDArray[np.float64]
ZONES = np.arange(1, 388)


@pytest.fixture(scope="module")
def chicago() -> tuple[RoadNetwork, Floats]:
    """The network, zones may be passed through; trips by origin."""
    links = pq.read_table(DATA / "road_chicago_sketch_links.parquet")
    links = links.rename_columns({"u": "from", "v": "to", "free_flow_time": "minutes"})
    trips = pq.read_table(DATA / "road_chicago_sketch_trips.parquet")
    by_origin = np.bincount(trips["origin"].to_numpy(), trips["trips"].to_numpy(), 388)[1:]
    return RoadNetwork(None, links.drop_columns(["length", "speed"]), oneway=True), by_origin


@known
def test_the_straight_line_is_four_per_cent_off_in_the_peak(chicago) -> None:
    """Zone 80 is the best by straight lines and takes 34.5843 min; zone 89 takes 33.2667, by night zone 147 27.1807."""
    network, trips = chicago
    times = {3.0: network.between(ZONES, ZONES), 17.0: network.between(ZONES, ZONES, 17)}
    night, peak = by_hour(times, trips, [79], Problem("minisum"))
    assert (ZONES[night.sites[0]], night.best) == (147, pytest.approx(27.1807, abs=5e-5))
    assert ZONES[peak.sites[0]] == 89
    assert (peak.best, peak.chosen) == pytest.approx((33.2667, 34.5843), abs=5e-5)
    assert peak.regret / peak.best == pytest.approx(0.040, abs=5e-4)
    assert peak.exact


@known
def test_the_least_worst_time_in_the_peak(chicago) -> None:
    network, trips = chicago
    (peak,) = by_hour({17.0: network.between(ZONES, ZONES, 17)}, trips, [145], Problem("minimax"))
    assert (ZONES[peak.sites[0]], peak.best, peak.regret) == (146, pytest.approx(91.3779, abs=5e-5), 0)


@known
def test_the_best_zone_of_the_peak_mostly_stays_it_where_links_vary(chicago) -> None:
    network, trips = chicago
    spread, usual = Spread(travel=0.2, common=0.5, demand=0.0), network.between(ZONES, ZONES, 17)
    drawn = over_roads(network, ZONES, ZONES, spread, 17, ids=True)
    road, straight = (
        stability(usual, trips, [j], Problem("minisum"), count=40, spread=spread, drawn=drawn) for j in (88, 79)
    )
    assert road.wins.argmax() == 88
    assert (road.least == straight.least).all()  # the same scenarios
    assert road.mean_regret[0] < 0.5 * straight.mean_regret[0]
    none = Spread(travel=0.0, demand=0.0)
    same = stability(
        usual, trips, [88], Problem("minisum"), count=2, spread=none,
        drawn=over_roads(network, ZONES, ZONES, none, 17, ids=True),
    )  # fmt: skip
    assert same.least == pytest.approx([33.2667, 33.2667], abs=5e-5)
