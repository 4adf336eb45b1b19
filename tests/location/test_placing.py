"""Points, a model of travel time and a problem straight to sites: the same as the solvers on the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from potomac.errors import DataError, StudyError
from potomac.location import (
    Circuity,
    CircuityDistance,
    GreatCircle,
    Matrix,
    Problem,
    RoadNetwork,
    fixed_charge,
    max_coverage,
    p_center,
    p_median,
    place_sites,
)  # fmt: skip
from potomac.location.gravity import Decay, max_huff

RANDOM = np.random.default_rng(4)
TOWNS = np.column_stack([RANDOM.uniform(50, 51, 25), RANDOM.uniform(4, 6, 25)])
PEOPLE = RANDOM.integers(1, 100, 25).astype(float)
SITES = TOWNS[:9] + 0.01


def table() -> pd.DataFrame:
    return pd.DataFrame({"latitude": TOWNS[:, 0], "longitude": TOWNS[:, 1], "people": PEOPLE})


def test_without_more_it_is_one_site_of_the_least_mean_time() -> None:
    found = place_sites(table())
    assert found.sites.tolist() == p_median(Circuity().minutes(TOWNS, TOWNS), 1).sites.tolist()


def test_each_problem_is_that_of_its_solver() -> None:
    model = CircuityDistance(speed_kmh=60.0, near_kmh=30.0)
    minutes = model.minutes(TOWNS, SITES, 8.0)
    cost = np.full(9, 4000.0)
    given: dict[str, Any] = {"travel": model, "candidates": SITES, "weights": "people", "departure": 8.0}
    pairs = [
        (place_sites(table(), Problem(p=3), **given), p_median(minutes, 3, PEOPLE)),
        (place_sites(table(), Problem("minimax", 2), **given), p_center(minutes, 2)),
        (place_sites(table(), Problem("max_coverage", 2, service_radius=30.0), **given),
         max_coverage(minutes, 2, 30.0, PEOPLE)),
        (place_sites(table(), Problem("fixed_charge", None), **given, opening=cost),
         fixed_charge(minutes, cost, PEOPLE)),
    ]  # fmt: skip
    for found, expected in pairs:
        assert found.proven
        assert found.objective == pytest.approx(expected.objective, rel=1e-9)


def test_rivals_by_their_places() -> None:
    model, rivals = GreatCircle(50.0), pd.DataFrame({"latitude": [50.5], "longitude": [5.0], "size": [3.0]})
    problem = Problem("market_share", 2, distance_decay=1.5)
    found = place_sites(TOWNS, problem, model, SITES, weights=PEOPLE, rivals=rivals, rival_attractiveness="size")
    there = rivals[["latitude", "longitude"]].to_numpy()
    expected = max_huff(
        model.minutes(TOWNS, SITES), 2, PEOPLE, decay=Decay(1.5), rivals=model.minutes(TOWNS, there),
        rival_attractiveness=[3.0],
    )  # fmt: skip
    assert found.objective == pytest.approx(expected.objective, rel=1e-9)


@pytest.mark.parametrize(
    ("problem", "more", "code", "key"),
    [
        (Problem("set_cover"), {}, "location.radius-missing", "problem"),
        (Problem("fixed_charge"), {}, "location.cost-missing", "opening"),
        (Problem("market_share"), {}, "location.rivals-missing", "rivals"),
        (Problem(anywhere=True), {}, "location.anywhere", "problem"),
        (Problem("minimax"), {"capacity": np.ones(25)}, "location.needless", "capacity"),
        (Problem(), {"opening": np.ones(25)}, "location.needless", "opening"),
    ],
)
def test_what_does_not_fit_together(problem: Problem, more: dict[str, Any], code: str, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        place_sites(TOWNS, problem, **more)
    assert [(one.code, one.key) for one in caught.value.faults] == [(code, key)]


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(DataError) as caught:
        place_sites(table(), weights="peeple")
    fault = caught.value.faults[0]
    assert (fault.code, fault.key, fault.mend) == ("data.column-missing", "weights", 'Did you mean "people"?')
    with pytest.raises(DataError):
        place_sites(TOWNS, weights="people")


def test_points_by_their_ids_where_the_model_goes_by_them() -> None:
    """By people a costs 1 * 2 + 3 * 4 = 14, b 1 * 5 + 4 * 3 = 17, c 5 * 4 + 2 * 3 = 26: a is the best, c of b and c."""
    minutes, people = [[0.0, 5.0, 4.0], [2.0, 0.0, 3.0], [4.0, 3.0, 0.0]], [1.0, 1.0, 3.0]
    model = Matrix(minutes, ["a", "b", "c"])
    weighed = [sum(w * row[j] for w, row in zip(people, minutes, strict=True)) for j in range(3)]
    for points in (["a", "b", "c"], np.array(["a", "b", "c"]), pd.DataFrame({"id": ["a", "b", "c"]})):
        found = place_sites(points, Problem(), model, weights=people)
        assert (found.sites.tolist(), found.objective) == ([int(np.argmin(weighed))], min(weighed))
    some = place_sites(["a", "c"], Problem(), model, ["b"])
    assert some.objective == pytest.approx(5 + 3)


def test_points_by_the_nodes_of_a_network() -> None:
    """Along 1, 2, 3 it takes 2 and 5 minutes: from both ends to the middle 7, to an end 7 and 0."""
    net = RoadNetwork(None, {"from": [1, 2], "to": [2, 3], "minutes": [2.0, 5.0]})
    found = place_sites([1, 3], Problem("minimax"), net, [1, 2, 3])
    assert (found.sites.tolist(), found.objective) == ([1], pytest.approx(5.0))


def test_ids_that_the_model_does_not_know() -> None:
    with pytest.raises(DataError, match="demand are ids, and Circuity goes by places"):
        place_sites(["a", "b"])
    with pytest.raises(DataError, match="x of the origins are not in the matrix"):
        place_sites(["x"], travel=Matrix([[0.0]], ["a"]))
    with pytest.raises(DataError, match="no column 'id' for demand"):
        place_sites(table(), travel=Matrix([[0.0]], ["a"]))
