"""Live questions from a run's stored tables: which site serves a place."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from potomac import studies
from potomac.errors import NoAnswer
from potomac.location import live
from potomac.studies import registry

from .equator import DEGREE, EQUATOR, TRAVEL


@pytest.fixture
def run(ask: Any) -> studies.Run:
    return ask({"demand": EQUATOR}, problem={"p": 2}, travel=TRAVEL)


def test_the_nearest_site_serves_a_place(run: studies.Run) -> None:
    found = live.assign(live.load(run.model), 0.0, 4.5)
    assert found["site"] == "d"
    assert found["minutes"] == pytest.approx(0.5 * DEGREE)
    assert found["km"] == pytest.approx(0.5 * DEGREE)
    assert (found["next_site"], found["next_minutes"]) == ("a", pytest.approx(4.5 * DEGREE))


def test_a_place_outside_the_study_is_said_to_be_outside(run: studies.Run) -> None:
    model = live.load(run.model)
    assert live.assign(model, 0.0, 4.5)["note"] == ""
    assert live.assign(model, 0.0, 7.1)["note"].startswith("That is outside the study: nobody in it has more than 111 ")


def test_a_demand_point_is_told_what_its_row_says(run: studies.Run) -> None:
    """Live answers are those of the table of assignments."""
    model = live.load(run.model)
    for row in run.tables["assignments"].to_pylist():
        found = live.assign(model, row["latitude"], row["longitude"])
        assert found["site"] == row["site"]
        assert found["minutes"] == pytest.approx(row["minutes"])
        assert found["next_minutes"] == pytest.approx(row["next_minutes"])


def test_a_road_network_answers_from_its_kept_links(ask: Any) -> None:
    """A road of a degree in an hour; from a tenth of the way to the site at its end 54 minutes."""
    links = pa.table(
        {"from": ["1"], "to": ["2"], "minutes": [60.0], "from_latitude": [0.0], "from_longitude": [0.0],
         "to_latitude": [0.0], "to_longitude": [1.0]}
    )  # fmt: skip
    demand = EQUATOR.slice(0, 2)
    sites = demand.slice(1, 1).drop_columns(["people"])
    run = ask({"demand": demand, "candidates": sites, "travel.links": links}, travel={"model": "road"})
    found = live.assign(live.load(run.model), 0.0, 0.1)
    assert found["site"] == "b"
    assert found["minutes"] == pytest.approx(54.0, rel=1e-6)
    away = live.assign(live.load(run.model), 40.0, 0.1)
    assert away["site"] is None
    assert away["note"] == "There is no way from there to any site."


def test_times_by_pair_say_the_time_of_the_nearest_point(by_pair: Any) -> None:
    """Beside b (11 minutes from a) the time of b is told, with how far that is."""
    found = live.assign(live.load(by_pair().model), 38.951, -77.10)
    assert (found["site"], found["minutes"]) == ("a", 11.0)
    assert "b" in found["note"]


def test_damaged_tables_are_said_to_be_damaged(run: studies.Run) -> None:
    tables = {name: run.model[name] for name in run.model}
    for name in ("about", "points", "sites"):
        with pytest.raises(NoAnswer) as caught:
            live.load({key: table for key, table in tables.items() if key != name})
        assert caught.value.faults[0].code == "location.no-model"


def test_endpoints_answer_with_their_models(run: studies.Run) -> None:
    engine = registry.engine("location")
    asked = {"latitude": 0.0, "longitude": 4.5}
    for endpoint in engine.endpoints:
        assert endpoint.load is not None
        reply = endpoint.answer(endpoint.load(run.model), endpoint.ask.model_validate(asked))
        assert endpoint.reply is not None
        assert isinstance(reply, endpoint.reply)
