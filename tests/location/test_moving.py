"""Scenarios for sites anywhere: by hand where the best place is known, by a grid where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.errors import StudyError
from potomac.geo.distance import great_circle
from potomac.location.attendance import coming
from potomac.location.geometry import geometric_median
from potomac.location.moving import drift, drift_by_hour
from potomac.location.question import Problem
from potomac.location.scenarios import Spread, scenario
from potomac.location.travel.circuity import CircuityDistance
from potomac.location.travel.model import TravelModel
from potomac.location.travel.plain import GreatCircle
from potomac.stats.streams import Stream

STREAM = Stream(3, ("drift",))
SPREAD = Spread(0.3, 0.4, 0.6, 0.0, 0.2)


def towns(seed: int, n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(38.5, 39.2, n), rng.uniform(-77.5, -76.6, n)]), rng.uniform(1, 9, n)


def drawn(n: int, w: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    factors, weight = scenario(np.ones((n, 1)), w, k, STREAM, SPREAD)
    return factors[:, 0], weight


def test_the_best_place_of_a_scenario_is_the_median_of_its_weights_times_factors() -> None:
    points, w = towns(0)
    site = np.array([geometric_median(points, w).place])
    found = drift(points, w, site, Problem("minisum"), GreatCircle(60), count=10, spread=SPREAD, stream=STREAM)
    assert found.exact
    for k in range(10):
        f, d = drawn(12, w, k)
        best = geometric_median(points, d * f).place
        assert great_circle(found.places[k, 0, 0], found.places[k, 0, 1], best[0], best[1]) < 0.01
        km = great_circle(points[:, 0], points[:, 1], *site[0])
        assert found.chosen[k] == pytest.approx(d @ (f * km) / d.sum(), rel=1e-9)
        assert found.km[k, 0] == pytest.approx(great_circle(*site[0], *found.places[k, 0]))
    assert (found.regret >= 0).all()
    assert found.near(0.05) == np.mean(found.regret <= 0.05 * found.least + 1e-12)
    assert found.moved(0.5)[0] == np.sort(found.km[:, 0])[4]


@pytest.mark.parametrize("objective", ["minimax", "attendance"])
@pytest.mark.parametrize("model", [GreatCircle(60), CircuityDistance()])
def test_no_place_of_a_grid_is_much_better_than_what_is_found(objective: str, model: TravelModel) -> None:
    points, w = towns(1)
    problem = Problem(objective, half_life=40.0)  # type: ignore[arg-type]
    site = points.mean(axis=0, keepdims=True)
    found = drift(points, w, site, problem, model, count=4, spread=SPREAD, stream=STREAM)
    north, east = np.meshgrid(np.linspace(38.5, 39.2, 60), np.linspace(-77.5, -76.6, 60))
    minutes = model.minutes(points, np.column_stack([north.ravel(), east.ravel()]))
    for k in range(4):
        f, d = drawn(12, w, k)
        slow = minutes * f[:, None]
        grid = slow.max(axis=0) if objective == "minimax" else 1 - d @ coming(slow, 40.0) / d.sum()
        mine = model.minutes(points, site)[:, 0] * f
        told = mine.max() if objective == "minimax" else 1 - d @ coming(mine, 40.0) / d.sum()
        assert found.chosen[k] == pytest.approx(told, rel=1e-9)
        assert found.least[k] <= grid.min() * 1.01
        assert found.least[k] >= grid.min() * 0.97  # a step of the grid is 1.3 km


def test_several_sites_keep_their_names_and_fixed_ones_stay() -> None:
    """Two towns far apart: each site stays with its own, whatever the order in which they are found."""
    points = np.array([[38.0, -77.0], [38.1, -77.1], [38.0, -77.1], [41.0, -74.0], [41.1, -74.1], [41.0, -74.1]])
    places = np.array([[41.03, -74.07], [38.03, -77.07]])
    found = drift(points, None, places, Problem("minisum", 2), GreatCircle(), count=20, stream=STREAM)
    assert (found.km < 20).all()
    one = drift(
        points, None, places[:1], Problem("minisum", 2), GreatCircle(), fixed_points=places[1:], count=5, stream=STREAM
    )
    assert one.places.shape == (5, 1, 2)
    assert (one.km < 20).all()
    assert not one.exact
    none = drift(
        points, None, np.empty((0, 2)), Problem("minisum", 2), GreatCircle(), fixed_points=places, count=5,
        stream=STREAM,
    )  # fmt: skip
    assert none.unbeaten[0] == 1


def test_without_any_spread_nothing_moves() -> None:
    points, w = towns(2)
    site = np.array([geometric_median(points, w).place])
    still = Spread(0.0, 0.5, 0.5, 0.0, 0.0)
    found = drift(points, w, site, Problem("minisum"), GreatCircle(), count=3, spread=still)
    assert found.km.max() < 0.01
    assert found.mean_regret[0] == pytest.approx(0, abs=1e-9)


def test_a_rush_that_slows_all_alike_moves_nobody_where_time_is_summed_but_keeps_people_at_home() -> None:
    points, w = towns(3)
    profile = (1.0,) * 8 + (2.0,) * 16
    model = GreatCircle(60, profile=profile)
    site = np.array([geometric_median(points, w).place])
    (night, there), (day, here) = drift_by_hour([12, 3], points, w, site, Problem("minisum"), model)
    assert (night.hour, day.hour) == (3, 12)
    assert day.chosen == pytest.approx(2 * night.chosen)
    assert great_circle(*here[0], *there[0]) < 0.01
    stay = drift_by_hour([3, 12], points, w, site, Problem("attendance"), model)
    assert stay[1][0].chosen > stay[0][0].chosen
    assert stay[1][0].best <= stay[1][0].chosen


def test_other_objectives_have_candidates() -> None:
    points, w = towns(0)
    with pytest.raises(StudyError, match="candidates only"):
        drift(points, w, points[:1], Problem("quantile"), GreatCircle())
    with pytest.raises(StudyError, match="count is 0"):
        drift(points, w, points[:1], Problem("minisum"), GreatCircle(), count=0)
