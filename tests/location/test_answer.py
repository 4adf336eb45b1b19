"""Answers to small studies, their expected numbers by hand from the table of travel times in conftest."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from potomac import studies
from potomac.engine import Figure
from potomac.errors import NoAnswer
from potomac.geo.distance import great_circle
from potomac.location import live

PEOPLE = np.array([100.0, 50.0, 80.0, 20.0])
MINUTES = np.array([[0.0, 10.0, 15.0], [11.0, 0.0, 25.0], [14.0, 26.0, 0.0], [20.0, 22.0, 30.0]])
TOTAL = 250.0


def test_the_mean_is_least_at_a(by_pair: Any) -> None:
    """a: 0*100 + 11*50 + 14*80 + 20*20 = 2,070; over 250 people 8.28 minutes."""
    run = by_pair()
    assert run.facts["objective"] == pytest.approx(2070.0)
    assert run.facts["bound"] == pytest.approx(2070.0)
    assert (run.facts["gap"], run.facts["proven"], run.facts["status"]) == (0.0, True, "optimal")
    assert run.facts["mean_minutes"] == pytest.approx(2070 / TOTAL)
    assert run.facts["worst_minutes"] == 20.0
    assert run.facts["p90_minutes"] == 14.0  # 230 of 250 are within 14
    assert run.tables["sites"]["site"].to_pylist() == ["a"]
    assert run.answer == "Put it at a: 8.28 minutes on average for 250 people; no other choice does better."


def test_two_sites_serve_whom_they_are_nearest_to(by_pair: Any) -> None:
    """a and c: 0 + 550 + 0 + 400 = 950; a and b: 0 + 0 + 1,120 + 400 = 1,520; b and c: 1,000 + 0 + 0 + 440 = 1,440."""
    run = by_pair(problem={"p": 2})
    assert run.tables["sites"]["site"].to_pylist() == ["a", "c"]
    assert run.facts["objective"] == pytest.approx(950.0)
    served = run.tables["assignments"]
    assert served["site"].to_pylist() == ["a", "a", "c", "a"]
    assert served["minutes"].to_pylist() == [0.0, 11.0, 0.0, 20.0]
    assert served["next_site"].to_pylist() == ["c", "c", "a", "c"]


def test_the_objective_is_that_of_the_assignment(by_pair: Any) -> None:
    for p in (1, 2, 3):
        run = by_pair(problem={"p": p})
        served = run.tables["assignments"]
        again = float(np.dot(served["weight"].to_numpy(), served["minutes"].to_numpy()))
        assert run.facts["objective"] == pytest.approx(again)
        assert run.facts["bound"] <= run.facts["objective"] + 1e-9


def test_the_farthest_are_as_near_as_can_be_whatever_their_weight(by_pair: Any) -> None:
    """The longest time: a 20, b 26, c 30."""
    run = by_pair(problem={"objective": "minimax"})
    assert run.tables["sites"]["site"].to_pylist() == ["a"]
    assert run.facts["objective"] == 20.0
    assert "nobody has further than 20 minutes" in run.answer


def test_a_quantile_counts_a_share_of_the_people(by_pair: Any) -> None:
    """Half of the people are 125: at a within 11 (150), at b within 10 (150), at c within 15 (180)."""
    run = by_pair(problem={"objective": "quantile", "share": 0.5})
    assert run.tables["sites"]["site"].to_pylist() == ["b"]
    assert run.facts["objective"] == 10.0


def test_most_people_are_within_the_radius(by_pair: Any) -> None:
    """Within 12 minutes: a 150, b 150, c 80; with two sites b and c 230, as a and c; the first by id is taken."""
    run = by_pair(problem={"objective": "max_coverage", "service_radius": 12, "p": 2})
    assert run.tables["sites"]["site"].to_pylist() == ["a", "c"]
    assert run.facts["objective"] == 230.0
    assert run.facts["within_radius"] == pytest.approx(100 * 230 / TOTAL)
    assert run.facts["equal_choices"] == 1
    assert run.tables["equal"]["sites"].to_pylist() == ["b; c"]
    assert run.tables["assignments"]["site"].to_pylist() == ["a", "a", "c", None]


def test_all_are_within_the_radius_of_as_few_as_can_be(by_pair: Any) -> None:
    """Within 20 minutes a reaches all; within 13.9 d is out of reach of all."""
    assert by_pair(problem={"objective": "set_cover", "service_radius": 20}).facts["objective"] == 1
    with pytest.raises(NoAnswer) as caught:
        by_pair(problem={"objective": "set_cover", "service_radius": 13.9})
    fault = caught.value.faults[0]
    assert (fault.code, fault.key) == ("location.out-of-reach", "problem.service_radius")
    assert "d; the smallest radius that reaches all is 20.00 minutes" in fault.found


def test_expected_attendance_halves_with_the_half_life(by_pair: Any) -> None:
    """With a half-life of 10 minutes w 2^(-t/10) at each candidate."""
    expected = PEOPLE @ np.exp2(-MINUTES / 10)
    run = by_pair(problem={"objective": "attendance", "half_life": 10})
    assert run.facts["objective"] == pytest.approx(expected.max())
    assert run.tables["sites"]["site"].to_pylist() == [["a", "b", "c"][int(expected.argmax())]]


def test_sites_that_are_there_stay_and_forbidden_ones_are_not_chosen(by_pair: Any, sites: pa.Table) -> None:
    """With b there: a and b 1,520, b and c 1,440. Without a: c 3,350, b 3,520."""
    there = by_pair({"candidates": sites.append_column("fixed", pa.array(["", "yes", "0"]))}, problem={"p": 2})
    assert there.tables["sites"]["site"].to_pylist() == ["b", "c"]
    assert there.tables["sites"]["fixed"].to_pylist() == [True, False]
    assert there.facts["against_present"] == pytest.approx(100 * (3520 - 1440) / 3520)
    barred = by_pair({"candidates": sites.append_column("forbidden", pa.array([1, 0, 0]))})
    assert barred.tables["sites"]["site"].to_pylist() == ["c"]
    assert barred.facts["objective"] == pytest.approx(3350.0)


def test_what_somebody_else_would_have_chosen_is_told(by_pair: Any) -> None:
    compared = {row["choice"]: row for row in by_pair(problem={"p": 2}).tables["compared"].to_pylist()}
    assert compared["the answer"]["objective"] == pytest.approx(950.0)
    assert all(row["objective"] >= 950.0 - 1e-9 for row in compared.values())


def test_scenarios_say_how_often_it_stays_the_best(by_pair: Any) -> None:
    travel = {"model": "matrix", "profile": [1.0] * 8 + [2.0] * 2 + [1.0] * 14}
    run = by_pair(scenarios={"count": 50, "hours": [8, 17]}, travel=travel)
    again = by_pair(scenarios={"count": 50, "hours": [8, 17]}, travel=travel)
    fact = run.fact("stays_best")
    assert fact.low <= fact.value <= fact.high
    assert run.tables["stability"].equals(again.tables["stability"])
    assert run.tables["hours"]["hour"].to_pylist() == [8.0, 17.0]
    assert "Over 50 scenarios" in run.answer


def test_every_picture_can_be_drawn(by_pair: Any) -> None:
    travel = {"model": "matrix", "profile": [1.5] * 24}
    drawn = by_pair(problem={"p": 2}, scenarios={"count": 20, "hours": [8]}, travel=travel).figures
    assert sum(figure.role == "lead" for figure in drawn) == 1
    assert len({figure.name for figure in drawn}) == len(drawn)
    for figure in drawn:
        check(figure)


def check(figure: Figure) -> None:
    assert len(figure.alt) > 20
    assert figure.layers
    for layer in figure.layers:
        looks = {layer.color, layer.series, layer.size, layer.label, *layer.tip}
        assert ({layer.x, layer.y, layer.x2, layer.y2} | looks) - {None} <= set(layer.data.column_names)
        assert layer.data.num_rows > 0


def test_words_and_facts_are_whole(by_pair: Any) -> None:
    result = by_pair(scenarios={"count": 20}).result()
    assert "nan" not in result.answer.lower()
    assert all(fact.meaning.endswith(".") for fact in result.facts)
    assert all(text.endswith(".") for text in (*result.notes, *result.method, *result.sources))
    assert re.search(r"\d", result.answer)
    for show in result.show:
        assert set(show.columns) <= set(result.tables[show.table].schema.names)


# ---- travel times from places -------------------------------------------------------------------------------------

CROSS = pa.table(
    {
        "id": ["north", "east", "south", "west"],
        "latitude": [1.0, 0.0, -1.0, 0.0],
        "longitude": [0.0, 1.0, 0.0, -1.0],
        "people": [1.0, 1.0, 1.0, 1.0],
    }
)
"""Four places a degree from (0, 0), where all great circles between opposite ones meet."""

DEGREE = 6371.0088 * np.pi / 180
"""Km of a degree on the great circle."""


@pytest.mark.parametrize("objective", ["minisum", "minimax"])
def test_the_best_place_anywhere_is_the_middle_of_a_cross(ask: Any, objective: str) -> None:
    """Each of the four is a degree away: at 60 km/h as many minutes as km."""
    run = ask({"demand": CROSS}, problem={"objective": objective, "site": "anywhere"},
              travel={"model": "great_circle", "speed_kmh": 60})  # fmt: skip
    site = run.tables["sites"].to_pylist()[0]
    assert (site["latitude"], site["longitude"]) == pytest.approx((0.0, 0.0), abs=1e-5)
    assert run.facts["objective"] == pytest.approx(DEGREE * (4 if objective == "minisum" else 1))
    assert run.facts["proven"]
    assert "no other place does better" in run.answer


def test_a_constant_factor_multiplies_the_straight_line(ask: Any) -> None:
    travel = {"model": "circuity", "speed_kmh": 30, "factor": 1.5}
    run = ask({"demand": CROSS}, problem={"site": "anywhere"}, travel=travel)
    assert run.facts["mean_minutes"] == pytest.approx(DEGREE * 1.5 * 60 / 30)


def test_rush_hour_takes_longer_by_its_factor(ask: Any) -> None:
    """A profile of twos doubles what an empty road takes."""
    travel = {"model": "great_circle"}
    empty = ask({"demand": CROSS}, travel=travel)
    full = ask({"demand": CROSS}, travel={**travel, "departure": 8, "profile": [2.0] * 24})
    assert full.facts["objective"] == pytest.approx(2 * empty.facts["objective"])


def trips(pace: Any, count: int = 120) -> pa.Table:
    """Trips around (0, 0) with minutes by ``pace`` of their km."""
    random = np.random.default_rng(3)
    ends = random.uniform(-0.5, 0.5, (count, 4))
    km = great_circle(ends[:, 0], ends[:, 1], ends[:, 2], ends[:, 3])
    names = ("from_latitude", "from_longitude", "to_latitude", "to_longitude")
    return pa.table({**dict(zip(names, ends.T, strict=True)), "minutes": pace(km)})


def test_a_model_is_calibrated_by_trips(ask: Any) -> None:
    """Trips of 1.5 minutes a straight km: the four places of the cross are a degree from its middle."""
    run = ask({"demand": CROSS, "travel.sample": trips(lambda km: 1.5 * km)}, problem={"site": "anywhere"},
              travel={"model": "great_circle"})  # fmt: skip
    assert run.facts["mean_minutes"] == pytest.approx(1.5 * DEGREE, rel=1e-6)
    assert run.facts["travel_error"] == pytest.approx(0.0, abs=1e-6)
    assert run.tables["calibration"]["trips_held_out"].to_pylist() == [60]
    assert not any("are an estimate" in note for note in run.manifest["notes"])


@pytest.mark.parametrize("model", ["circuity", "circuity_distance", "minkowski"])
def test_a_calibrated_model_answers_live_as_in_the_run(ask: Any, model: str) -> None:
    sample = trips(lambda km: 3.0 + 1.2 * km + 0.3 * np.sin(km))
    run = ask({"demand": CROSS, "travel.sample": sample}, travel={"model": model})
    loaded = live.load(run.model)
    for row in run.tables["assignments"].to_pylist():
        found = live.assign(loaded, row["latitude"], row["longitude"])
        assert (found["site"], found["minutes"]) == (row["site"], pytest.approx(row["minutes"]))


LINE = pa.table({"from": ["1", "2", "3"], "to": ["2", "3", "4"], "minutes": [5.0, 7.0, 2.0]})
"""Nodes 1 to 4 in a row."""


def test_a_network_without_places_goes_by_ids(ask: Any) -> None:
    """From 1, 2 and 4 with weights 1, 1 and 3: to 2 it is 5 + 0 + 27, to 3 12 + 7 + 6, to 4 14 + 9 + 0."""
    demand = pa.table({"id": ["1", "2", "4"], "people": [1.0, 1.0, 3.0]})
    sites = pa.table({"id": ["2", "3", "4"]})
    run = ask({"demand": demand, "candidates": sites, "travel.links": LINE}, travel={"model": "road"})
    assert run.tables["sites"]["site"].to_pylist() == ["4"]
    assert run.facts["objective"] == pytest.approx(23.0)


def test_a_road_falls_into_parts_and_who_is_cut_off_is_named(ask: Any) -> None:
    """Two roads a degree apart: candidates on one, somebody lives on the other."""
    ends = {
        "from_latitude": [0.0, 1.0],
        "from_longitude": [0.0, 0.0],
        "to_latitude": [0.0, 1.0],
        "to_longitude": [0.1, 0.1],
    }
    links = pa.table({"from": ["a", "c"], "to": ["b", "d"], "minutes": [10.0, 10.0], **ends})
    demand = pa.table(
        {"id": ["near", "cut off"], "latitude": [0.0, 1.0], "longitude": [0.0, 0.0], "people": [9.0, 1.0]}
    )
    sites = pa.table({"id": ["b"], "latitude": [0.0], "longitude": [0.1]})
    run = ask({"demand": demand, "candidates": sites, "travel.links": links}, travel={"model": "road"})
    lost = run.tables["unreached"].to_pylist()
    assert [one["id"] for one in lost] == ["cut off"]
    assert lost[0]["nearest"] in ("a", "b")
    assert lost[0]["nearest_km"] == pytest.approx(DEGREE, rel=1e-3)
    assert run.facts["objective"] == pytest.approx(9 * 10.0)
    assert "1 demand point (cut off) with 10 % of the weight has no way to any candidate." in run.answer
    assert run.figures[0].finding.endswith("1 demand point without a way to any site lies off the map.")


def test_where_nobody_has_a_way_there_is_no_answer(ask: Any) -> None:
    links = pa.table({"from": ["1"], "to": ["2"], "minutes": [5.0]})
    demand, sites = pa.table({"id": ["2"]}), pa.table({"id": ["1"]})
    travel = {"model": "road", "oneway": True}
    with pytest.raises(NoAnswer) as caught:
        ask({"demand": demand, "candidates": sites, "travel.links": links}, travel=travel)
    assert caught.value.faults[0].code == "location.unreached"


# ---- capacities and costs -----------------------------------------------------------------------------------------


def test_opening_costs_are_weighed_against_travel(by_pair: Any, sites: pa.Table) -> None:
    """a 1,000, b 700, c 600. a and c: 950 + 1,600; a: 2,070 + 1,000; b and c: 1,440 + 1,300; all: 400 + 2,300."""
    costs = sites.append_column("cost", pa.array([1000.0, 700.0, 600.0]))
    run = by_pair({"candidates": costs}, problem={"objective": "fixed_charge"})
    assert run.tables["sites"]["site"].to_pylist() == ["a", "c"]
    assert run.facts["objective"] == pytest.approx(2550.0)
    assert run.answer.startswith("Open the 2 sites at a and c: 2,550 in all, with 3.80 minutes on average")


def test_no_site_serves_more_than_its_capacity(by_pair: Any, sites: pa.Table) -> None:
    """a and c are nearest for all (950), but a holds 150 of the 170 who would come: d with its 20 goes elsewhere.

    With a 150, b 60 and c 130, two sites: a and c hold all, c takes d in 30 minutes in place of 20: 950 + 200.
    """
    held = sites.append_column("capacity", pa.array([150.0, 60.0, 130.0]))
    run = by_pair({"candidates": held}, problem={"p": 2})
    assert run.facts["objective"] == pytest.approx(1150.0)
    assert run.tables["assignments"]["site"].to_pylist() == ["a", "a", "c", "c"]
    load = {row["site"]: row["weight"] for row in run.tables["sites"].to_pylist()}
    assert load == {"a": 150.0, "c": 100.0}


def test_capacities_that_do_not_suffice_are_told_with_what_is_short(by_pair: Any, sites: pa.Table) -> None:
    """The two largest hold 150 + 80 of 250 people."""
    with pytest.raises(NoAnswer) as caught:
        by_pair({"candidates": sites.append_column("capacity", pa.array([150.0, 60.0, 80.0]))}, problem={"p": 2})
    fault = caught.value.faults[0]
    assert fault.code == "location.infeasible"
    assert "230" in fault.found
    assert "250" in fault.found


# ---- other kinds of tables ----------------------------------------------------------------------------------------


def test_geojson_brings_its_places(tmp_path: Path) -> None:
    """Points on the equator at 0, 1 and 3 degrees: the middle one has 1 + 2 degrees of ways."""
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": {"type": "Point", "coordinates": [east, 0.0]}}
        for name, east in (("a", 0.0), ("b", 1.0), ("c", 3.0))
    ]
    (tmp_path / "places.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    run = studies.run(
        {"kind": "location", "name": "geo", "demand": {"source": "places.geojson", "columns": {"id": "name"}},
         "travel": {"model": "great_circle", "speed_kmh": 60}, "scenarios": {"count": 0}},
        tmp_path / "runs", base=tmp_path,
    )  # fmt: skip
    assert run.tables["sites"]["site"].to_pylist() == ["b"]
    assert run.facts["objective"] == pytest.approx(3 * DEGREE)


# ---- the same answer, however it is asked -------------------------------------------------------------------------


def test_another_order_of_rows_changes_no_objective(by_pair: Any, places: pa.Table, sites: pa.Table) -> None:
    turned = {"demand": places.take([3, 1, 0, 2]), "candidates": sites.take([2, 0, 1])}
    for problem in ({"p": 2}, {"objective": "minimax"}, {"objective": "quantile", "share": 0.5}):
        one, other = by_pair(problem=problem), by_pair(turned, problem=problem)
        assert other.facts["objective"] == pytest.approx(one.facts["objective"])
        assert sorted(other.tables["sites"]["site"].to_pylist()) == sorted(one.tables["sites"]["site"].to_pylist())


def test_of_equals_the_first_id_is_taken_wherever_it_stands(ask: Any) -> None:
    """Two places with the same weight: either is as good."""
    for ids, first in ((["b", "a"], "a"), (["10", "9"], "9")):
        table = pa.table({"id": ids, "latitude": [0.0, 0.0], "longitude": [0.0, 1.0], "people": [1.0, 1.0]})
        run = ask({"demand": table}, travel={"model": "great_circle"})
        assert run.tables["sites"]["site"].to_pylist() == [first]
        assert run.facts["equal_choices"] == 1
        assert run.tables["assignments"]["id"].to_pylist() == ids


def test_more_sites_are_never_worse(ask: Any) -> None:
    random = np.random.default_rng(4)
    north, west, people = random.uniform(38, 39, 30), random.uniform(-78, -77, 30), random.integers(1, 50, 30) * 1.0
    table = pa.table({"id": [str(i) for i in range(30)], "latitude": north, "longitude": west, "people": people})
    for objective in ("minisum", "minimax", "attendance"):
        values = [
            ask({"demand": table}, problem={"objective": objective, "p": p}).facts["objective"] for p in (1, 2, 3, 4)
        ]
        steps = np.diff(values)
        assert ((steps >= -1e-9) if objective == "attendance" else (steps <= 1e-9)).all()


def test_the_same_seed_gives_the_same_tables(by_pair: Any) -> None:
    parts: dict[str, Any] = {"problem": {"p": 2}, "scenarios": {"count": 30}}
    one, other = by_pair(**parts), by_pair(**parts)
    for name in one.tables:
        assert one.tables[name].equals(other.tables[name]), name


# ---- a network whose answers are known ----------------------------------------------------------------------------

DATA = Path(os.environ.get("POTOMAC_LOCATION_DATA", Path(__file__).parents[3] / "shared" / "data" / "location"))


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="the Chicago sketch network is not there")
@pytest.mark.parametrize(
    ("objective", "departure", "site", "value"),
    [("minisum", None, "147", 27.1807), ("minisum", 17, "89", 33.2667), ("minimax", 17, "146", 91.3779)],
)
def test_chicago(ask: Any, objective: str, departure: float | None, site: str, value: float) -> None:
    """Brute force over all 387 zones (bstabler/TransportationNetworks): minutes without traffic and in the peak."""
    links = pq.read_table(DATA / "road_chicago_sketch_links.parquet")
    trips = pq.read_table(DATA / "road_chicago_sketch_trips.parquet").group_by("origin").aggregate([("trips", "sum")])
    text = pa.string()
    demand = pa.table({"id": trips["origin"].cast(text), "people": trips["trips_sum"].cast(pa.float64())})
    roads = {"from": links["u"].cast(text), "to": links["v"].cast(text), "minutes": links["free_flow_time"]}
    roads |= {name: links[name] for name in ("capacity", "volume", "b", "power")}
    travel = {"model": "road", "oneway": True} | ({} if departure is None else {"departure": departure})
    zones = pa.table({"id": [str(i) for i in range(1, 388)]})
    tables = {"demand": demand, "candidates": zones, "travel.links": pa.table(roads)}
    run = ask(tables, problem={"objective": objective}, travel=travel)
    assert run.tables["sites"]["site"].to_pylist() == [site]
    assert run.facts["mean_minutes" if objective == "minisum" else "objective"] == pytest.approx(value, abs=5e-5)
    assert run.facts["proven"]
