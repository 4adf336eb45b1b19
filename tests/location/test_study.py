"""The declaration: what a study asks, as solvers hear it, and what it fills in."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from potomac.errors import StudyError
from potomac.location import methods, solve, told
from potomac.location.question import Objective, Question
from potomac.studies import registry
from potomac.studies.load import load

DEMAND = {"source": "demand.csv", "columns": {"id": "name", "latitude": "lat", "longitude": "lon"}}


def asked(**parts: Any) -> Question:
    """The question of a study with these parts."""
    loaded = load({"kind": "location", "name": "here", "demand": DEMAND, **parts})
    module = __import__("potomac.location.study", fromlist=["question_of"])
    found = module.question_of(loaded.study)
    assert isinstance(found, Question)
    return found


def test_one_site_is_looked_for_where_nothing_is_said() -> None:
    assert asked().problem.p == 1
    assert asked(problem={"p": 3}).problem.p == 3


@pytest.mark.parametrize("objective", ["set_cover", "fixed_charge"])
def test_where_the_objective_decides_the_number_none_is_asked_for(objective: str) -> None:
    more = {"candidates": {**DEMAND, "columns": {**DEMAND["columns"], "cost": "cost"}}}  # type: ignore[dict-item]
    assert asked(problem={"objective": objective, "service_radius": 9}, **more).problem.p is None


def test_an_extract_needs_no_columns_and_only_its_largest_part_is_used() -> None:
    found = asked(travel={"model": "road", "links": {"source": "region.osm.pbf"}})
    assert found.travel.largest_part
    links = {"source": "links.csv", "columns": {"from": "u", "to": "v", "length": "km"}}
    assert not asked(travel={"model": "road", "links": links}).travel.largest_part
    assert asked(travel={"model": "road", "links": links, "largest_part": True}).travel.largest_part


def test_links_without_ends_are_told() -> None:
    with pytest.raises(StudyError) as caught:
        asked(travel={"model": "road", "links": {"source": "links.csv", "columns": {"from": "u"}}})
    fault = caught.value.faults[0]
    assert (fault.code, fault.key) == ("location.link-missing", "travel.links.columns.to")


def test_keys_of_travel_reach_the_model_under_their_names() -> None:
    keys = {"speed_kmh": 55.0, "near": 2.0, "far": 1.1, "decay_km": 9.0, "near_kmh": 20.0, "departure": 7.5}
    travel = asked(travel={"model": "circuity_distance", **keys}).travel
    assert {name: getattr(travel, name) for name in keys} == keys


def test_every_objective_has_a_solver_and_words() -> None:
    for objective in get_args(Objective):
        assert objective in solve._SOLVERS
        assert objective in told._OBJECTIVES
        assert objective in methods._SOLVERS
    schema = registry.engine("location").study.model_json_schema()
    assert schema["$defs"]["ProblemSpec"]["properties"]["objective"]["enum"] == list(get_args(Objective))


def test_every_model_of_travel_has_a_maker_and_words() -> None:
    schema = registry.engine("location").study.model_json_schema()
    models = set(schema["$defs"]["TravelSpec"]["properties"]["model"]["enum"])
    assert models >= {"great_circle", "circuity", "circuity_density", "road", "matrix"}
    assert models <= set(methods._TRAVEL)
