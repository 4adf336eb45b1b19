"""What a site elsewhere would be worth, asked of a run's stored tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from potomac import studies
from potomac.errors import NoAnswer, StudyError
from potomac.location import live, otherwise
from potomac.location.question import Problem

from .equator import DEGREE, EQUATOR, TRAVEL


@pytest.fixture
def run(ask: Any) -> studies.Run:
    return ask({"demand": EQUATOR}, problem={"p": 2}, travel=TRAVEL)


def asked(
    run: studies.Run, latitude: float | None = None, longitude: float | None = None, site: str = "", candidate: str = ""
) -> dict[str, Any]:
    model = live.load(run.model)
    return otherwise.what_if(model, live.spot(model, latitude, longitude, candidate), site)


def test_a_site_that_stays_where_it_is_changes_nothing(run: studies.Run) -> None:
    found = asked(run, 0.0, 5.0, "d")
    assert found["objective"] == pytest.approx(run.facts["objective"])
    assert found["change"] == pytest.approx(0.0)


def test_a_site_that_is_moved_costs_what_it_costs(run: studies.Run) -> None:
    """d at longitude 4: c is there, d with weight 2 a degree away, b a degree from a: 3 degrees in place of 2."""
    found = asked(run, 0.0, 4.0, "d")
    assert found["before"] == pytest.approx(2 * DEGREE)
    assert found["objective"] == pytest.approx(3 * DEGREE)
    assert found["change"] == pytest.approx(50.0)
    assert found["points"] == 2


def test_one_more_site_saves_what_it_saves(run: studies.Run) -> None:
    """Another site at b: only c is still a degree away."""
    found = asked(run, 0.0, 1.0)
    assert found["objective"] == pytest.approx(1 * DEGREE)
    assert found["mean_minutes"] == pytest.approx(DEGREE / 5)
    assert found["points"] == 1


def test_moving_a_site_is_what_a_run_with_it_there_costs(ask: Any) -> None:
    """Against a study whose only candidates are those two places."""
    run = ask({"demand": EQUATOR}, problem={"p": 2}, travel=TRAVEL)
    there = pa.table({"id": ["a", "new"], "latitude": [0.0, 0.7], "longitude": [0.0, 3.3]})
    again = ask({"demand": EQUATOR, "candidates": there}, problem={"p": 2}, travel=TRAVEL)
    found = asked(run, 0.7, 3.3, "d")
    assert found["objective"] == pytest.approx(again.facts["objective"])
    assert found["p90_minutes"] == pytest.approx(again.facts["p90_minutes"])
    assert found["worst_minutes"] == pytest.approx(again.facts["worst_minutes"])


def test_a_site_that_is_none_is_told_with_those_there_are(run: studies.Run) -> None:
    with pytest.raises(StudyError) as caught:
        asked(run, 0.0, 4.0, "e")
    assert caught.value.faults[0].code == "location.site-unknown"
    assert "a, d" in caught.value.faults[0].expected


def test_neither_a_place_nor_a_candidate_is_told(run: studies.Run) -> None:
    with pytest.raises(StudyError) as caught:
        asked(run, 0.0)
    assert (caught.value.faults[0].code, caught.value.faults[0].key) == ("live.value", "longitude")
    with pytest.raises(StudyError) as caught:
        asked(run, candidate="e")
    assert caught.value.faults[0].key == "candidate"


# ---- every objective ----------------------------------------------------------------------------------------------

RNG = np.random.default_rng(4)
PEOPLE = pa.table(
    {
        "id": [f"{i:02d}" for i in range(30)],
        "latitude": 38.9 + RNG.normal(0, 0.05, 30),
        "longitude": -77.0 + RNG.normal(0, 0.07, 30),
        "people": RNG.integers(1, 60, 30).astype(float),
    }
)
TOTAL = float(PEOPLE["people"].to_numpy().sum())
PLACES = pa.table(
    {
        "id": [f"s{j}" for j in range(8)],
        "latitude": 38.9 + RNG.normal(0, 0.05, 8),
        "longitude": -77.0 + RNG.normal(0, 0.07, 8),
    }
)
SIZES = {"capacity": pa.array(np.full(8, TOTAL / 3.4))}
DRAWS = {"attractiveness": pa.array(RNG.uniform(1, 4, 8).round(1))}
COSTS = {"cost": pa.array(RNG.uniform(200, 900, 8).round(2))}
KM = 111.2 * np.hypot(
    PEOPLE["latitude"].to_numpy()[:, None] - PLACES["latitude"].to_numpy(),
    0.78 * (PEOPLE["longitude"].to_numpy()[:, None] - PLACES["longitude"].to_numpy()),
)
TIMES = pa.table(
    {
        "origin": np.repeat(PEOPLE["id"].to_pylist(), 8),
        "destination": PLACES["id"].to_pylist() * 30,
        "minutes": 2 + 1.5 * KM.ravel(),
    }
)

ASKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "minisum": ({"p": 3}, {}),
    "minisum within a radius": ({"p": 4, "service_radius": 90}, {}),
    "minimax": ({"objective": "minimax", "p": 2}, {}),
    "quantile": ({"objective": "quantile", "p": 2, "share": 0.7}, {}),
    "max_coverage": ({"objective": "max_coverage", "p": 2, "service_radius": 9}, {}),
    "set_cover": ({"objective": "set_cover", "service_radius": 40}, {}),
    "set_cover at a cost": ({"objective": "set_cover", "service_radius": 40}, COSTS),
    "fixed_charge": ({"objective": "fixed_charge"}, COSTS),
    "attendance": ({"objective": "attendance", "p": 2, "half_life": 9}, {}),
    "market_share": ({"objective": "market_share", "p": 2, "staying": 0.02}, DRAWS),
    "capacities": ({"p": 4}, SIZES),
    "shared capacities": ({"p": 4, "single_source": False}, SIZES),
    "capacities at a cost": ({"objective": "fixed_charge"}, SIZES | COSTS),
    "shared capacities at a cost": ({"objective": "fixed_charge", "single_source": False}, SIZES | COSTS),
}


def studied(ask: Any, name: str, model: str) -> studies.Run:
    problem, more = ASKED[name]
    candidates = PLACES
    for role, values in more.items():
        candidates = candidates.append_column(role, values)
    tables = {"demand": PEOPLE, "candidates": candidates}
    if name == "market_share":  # the same places, under other names
        tables["rivals"] = PLACES.slice(0, 2).set_column(0, "id", pa.array(["r0", "r1"]))
    if model == "matrix":
        theirs = TIMES.filter(pc.is_in(TIMES["destination"], pa.array(["s0", "s1"])))
        named = pc.replace_substring(theirs["destination"], "s", "r")
        tables["travel.matrix"] = pa.concat_tables([TIMES, theirs.set_column(1, "destination", named)])
    return ask(tables, problem=problem, travel={"model": model})


@pytest.mark.parametrize("model", ["circuity", "matrix"])
@pytest.mark.parametrize("name", ASKED)
def test_the_sites_as_they_are_are_worth_what_the_run_says(ask: Any, name: str, model: str) -> None:
    """Each site moved to where it is, one after another, changes nothing: objective, mean, nine in ten, longest."""
    run = studied(ask, name, model)
    assert run.facts["proven"], "or the run may not be the best there is"
    for site in run.tables["sites"]["site"].to_pylist():
        found = asked(run, candidate=site, site=site)
        assert found["objective"] == pytest.approx(run.facts["objective"], rel=1e-9)
        assert found["before"] == pytest.approx(run.facts["objective"], rel=1e-9)
        assert found["change"] == 0.0
        for what in ("mean_minutes", "p90_minutes", "worst_minutes"):
            if "shared" not in name:  # of the ways to share at the same cost any may be taken
                assert found[what] == pytest.approx(run.facts[what], rel=1e-9)
        assert found["note"] == ""


@pytest.mark.parametrize(
    "name", ["minisum", "attendance", "market_share", "capacities", "capacities at a cost", "set_cover at a cost"]
)
def test_a_site_elsewhere_is_no_better_than_the_best(ask: Any, name: str) -> None:
    run = studied(ask, name, "circuity")
    sites = run.tables["sites"]["site"].to_pylist()
    for other in PLACES["id"].to_pylist():
        found = asked(run, candidate=other, site=sites[0])["objective"]
        if found is not None and name in ("attendance", "market_share"):
            assert found <= run.facts["objective"] * (1 + 1e-9)
        elif found is not None:
            assert found >= run.facts["objective"] * (1 - 1e-9)


def test_a_site_more_costs_one_where_fewest_are_sought(ask: Any) -> None:
    found = asked(studied(ask, "set_cover", "circuity"), 38.9, -77.0)
    assert found["objective"] == found["before"] + 1


def test_a_candidate_brings_its_cost_and_a_place_does_not(ask: Any) -> None:
    run = studied(ask, "set_cover at a cost", "circuity")
    other = next(one for one in PLACES["id"].to_pylist() if one not in run.tables["sites"]["site"].to_pylist())
    found = asked(run, candidate=other)
    cost = COSTS["cost"][PLACES["id"].to_pylist().index(other)].as_py()
    assert found["objective"] == pytest.approx(found["before"] + cost)
    assert "left aside" in asked(run, 38.9, -77.0)["note"]


def test_a_site_more_beside_rivals_is_as_attractive_as_the_others(ask: Any) -> None:
    """Where a site is there is another: its pull is doubled, for one of the same attractiveness as the mean of one."""
    tables = {"demand": PEOPLE, "candidates": PLACES.append_column("attractiveness", DRAWS["attractiveness"])}
    run = ask(tables, problem={"objective": "market_share", "staying": 0.02}, travel=TRAVEL)
    [site] = run.tables["sites"].to_pylist()
    found = asked(run, site["latitude"], site["longitude"])
    draws = DRAWS["attractiveness"][PLACES["id"].to_pylist().index(site["site"])].as_py()
    at = (np.radians([site["latitude"], site["longitude"]]), np.radians([PEOPLE["latitude"], PEOPLE["longitude"]]))
    (north, east), (lat, lon) = at
    cosine = np.sin(north) * np.sin(lat) + np.cos(north) * np.cos(lat) * np.cos(lon - east)
    pull = draws / np.maximum(6371.0088 * np.arccos(np.minimum(cosine, 1)), 1) ** 2
    people = PEOPLE["people"].to_numpy()
    assert found["before"] == pytest.approx(people @ (pull / (pull + 0.02)), rel=1e-6)
    assert found["objective"] == pytest.approx(people @ (2 * pull / (2 * pull + 0.02)), rel=1e-6)
    assert found["note"] == "The new site is taken to be as attractive as the others are on average."


# ---- capacities ---------------------------------------------------------------------------------------------------


def test_people_go_where_there_is_room(ask: Any) -> None:
    """Two sites for 5 people; the one at 5 degrees holds 2. Moved to 4 it keeps its size: d (2 people) fills it.

    Without capacities c would go there too. The other site holds a, b and, 3 degrees from b's site, c.
    """
    sites = EQUATOR.select(["id", "latitude", "longitude"]).append_column("capacity", pa.array([5.0, 3.0, 2.0, 2.0]))
    run = ask({"demand": EQUATOR, "candidates": sites}, problem={"p": 2}, travel=TRAVEL)
    assert run.tables["sites"]["site"].to_pylist() == ["b", "d"]  # a: 1, c: 3 degrees
    found = asked(run, 0.0, 4.0, "d")
    assert found["before"] == pytest.approx(4 * DEGREE)
    assert found["objective"] == pytest.approx((1 + 3 + 2 * 1) * DEGREE)
    assert found["points"] == 1
    more = asked(run, 0.0, 4.0)
    assert more["objective"] == pytest.approx(1 * DEGREE)
    assert "room for all who would come" in more["note"]


def test_no_room_is_said_with_what_is_lacking(ask: Any) -> None:
    """At c there is room for 2 of 3 who are nearest, and b holds 2 more: 4 places for 5 people."""
    sites = EQUATOR.select(["id", "latitude", "longitude"]).append_column("capacity", pa.array([1.0, 2.0, 2.0, 3.0]))
    run = ask({"demand": EQUATOR, "candidates": sites}, problem={"p": 2}, travel=TRAVEL)
    assert run.tables["sites"]["site"].to_pylist() == ["b", "d"]
    found = asked(run, candidate="c", site="d")
    assert found["objective"] is None
    assert found["mean_minutes"] == pytest.approx((1 + 2 * 1) * DEGREE / 5)  # a to b, d's two people to c
    assert "the new one would serve 1 more than its capacity" in found["note"]


def test_sites_that_may_share_are_sent_the_rest(ask: Any) -> None:
    """5 people, 2.5 a site. The nearest are 2 and 3: half a person of c has 3 degrees to b in place of 1."""
    to_sites = DEGREE * np.abs(EQUATOR["longitude"].to_numpy()[:, None] - np.array([1.0, 5.0]))
    weight = EQUATOR["people"].to_numpy()
    found = otherwise.allotted(to_sites, weight, np.full(2, 2.5), Problem(p=2, single_source=False))
    assert found.fits
    assert found.parts.minutes @ found.parts.weight == pytest.approx((1 + 0.5 * 3 + 0.5 * 1) * DEGREE)
    assert np.bincount(found.parts.site, found.parts.weight) == pytest.approx([2.5, 2.5])


# ---- times by pair ------------------------------------------------------------------------------------------------


def test_a_pin_of_times_by_pair_is_the_candidate_that_is_nearest(by_pair: Any) -> None:
    """By people a 0, b 550, c 1,120 and d 400 go to a; with c as well c goes 0: 950."""
    run = by_pair()
    assert run.facts["objective"] == 2070.0
    found = asked(run, 38.801, -77.05)
    assert found["objective"] == pytest.approx(950.0)
    assert "told is the candidate c, 0.11" in found["note"]
    moved = asked(run, candidate="c", site="a")
    assert moved["objective"] == pytest.approx(3350.0)


def test_times_by_pair_without_places_are_asked_by_candidate(by_pair: Any, places: pa.Table, sites: pa.Table) -> None:
    bare = {"demand": places.select(["id", "people"]), "candidates": sites.select(["id"])}
    run = by_pair(bare)
    assert asked(run, candidate="b")["objective"] == pytest.approx(2070.0 - 50 * 11.0)
    with pytest.raises(NoAnswer) as caught:
        asked(run, 38.9, -77.0)
    assert caught.value.faults[0].code == "location.no-places"


def test_times_that_were_too_many_are_said_to_be(by_pair: Any) -> None:
    tables = {name: by_pair().model[name] for name in by_pair().model}
    model = live.load({name: table for name, table in tables.items() if name != "times"})
    with pytest.raises(NoAnswer) as caught:
        live.spot(model, None, None, "b")
    assert "too large to be kept" in caught.value.faults[0].found
