"""Live questions of sites as the server asks them: by address and as JSON, right, wrong, and on a page."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from potomac import studies
from potomac.errors import StudyError
from potomac.server import live
from potomac.server.flows import studyform, studytext
from potomac.server.pages import questions
from potomac.studies import registry
from potomac.studies.load import load

MINUTES = 6371.0088 * 3.141592653589793 / 180
"""Of a degree on the great circle at 60 km/h."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sites at 0 and 4 degrees of the equator, for people at 0, 1, 3 and 4."""
    names = ("id", "latitude", "longitude", "weight")
    table = pa.table({"id": ["a", "b", "c", "d"], "latitude": [0.0] * 4, "longitude": [0.0, 1.0, 3.0, 4.0],
                      "weight": [2.0, 1.0, 1.0, 2.0]})  # fmt: skip
    study = {
        "kind": "location", "name": "sites", "problem": {"p": 2}, "scenarios": {"count": 0},
        "demand": {"source": "memory", "columns": {name: name for name in names}},
        "travel": {"model": "great_circle", "speed_kmh": 60},
    }  # fmt: skip
    return studies.run(study, tmp_path_factory.mktemp("runs"), tables={"demand": table}).path


def ask(run: Path, name: str, values: Any) -> dict[str, Any]:
    live.forget()
    return dict(live.answer(run, registry.engine("location"), name, values))


def test_which_site_serves_a_place(run: Path) -> None:
    by_address = ask(run, "assign", {"latitude": "0", "longitude": "0.5"})
    assert by_address == ask(run, "assign", json.dumps({"latitude": 0, "longitude": 0.5}).encode())
    assert (by_address["site"], by_address["next_site"]) == ("a", "d")
    assert by_address["minutes"] == pytest.approx(0.5 * MINUTES)


def test_what_if_a_site_were_there(run: Path) -> None:
    """One more at 1 degree: b no longer has a degree to go; a moved there: its two people have."""
    more = ask(run, "what-if", {"latitude": "0", "longitude": "1"})
    assert (more["before"], more["objective"]) == pytest.approx((2 * MINUTES, 1 * MINUTES))
    moved = ask(run, "what-if", {"latitude": "0", "longitude": "1", "site": "a"})
    assert moved["objective"] == pytest.approx(3 * MINUTES)


def test_isochrones_are_geojson_that_the_page_draws(run: Path) -> None:
    """The line of 120 minutes round 2 degrees holds b and c, who have 111 minutes: 2 of 6 people."""
    live.forget()
    reply = live.answer(
        run, registry.engine("location"), "isochrones", {"latitude": "0", "longitude": "2", "step": "120"}
    )
    told = json.loads(reply.model_dump_json())
    assert told["type"] == "FeatureCollection"
    first = told["features"][0]
    assert first["type"] == "Feature"
    assert first["properties"] == {"minutes": 120.0, "weight": 2.0, "share": pytest.approx(100 / 3)}
    [[ring]] = first["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    east = [lon for lon, _ in ring]
    assert (min(east), max(east)) == pytest.approx((2 - 120 / MINUTES, 2 + 120 / MINUTES), abs=0.03)
    assert json.loads(questions.shapes(reply)) == {"features": told["features"]}
    [part] = questions.answered(reply)
    assert (part.label, part.heads) == ("On the map", ("Within", "Weight", "Share"))
    assert [cell.value for cell in part.rows[0]] == ["120 min", "2", "33.3 %"]


def test_a_reply_is_told_in_the_words_of_the_report(run: Path) -> None:
    live.forget()
    reply = live.answer(run, registry.engine("location"), "what-if", {"latitude": "0", "longitude": "1"})
    told = {part.label: part.value for part in questions.answered(reply)}
    assert told["Mean travel time before"] == "37.1 min"  # 2 of 6 people have a degree to go
    assert {"Nine in ten within", "Longest travel time"} <= set(told)
    assert questions.shapes(reply) == ""


@pytest.mark.parametrize(
    ("values", "code", "key"),
    [
        ({"latitude": "north", "longitude": "1"}, "live.value", "latitude"),
        ({"latitude": "91", "longitude": "1"}, "live.value", "latitude"),
        ({"latitude": "0"}, "live.value", "longitude"),
        ({"latitude": "0", "longitude": "1", "site": "z"}, "location.site-unknown", "site"),
    ],
)
def test_a_wrong_question_is_told_by_its_field(run: Path, values: dict[str, str], code: str, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        ask(run, "what-if", values)
    fault = caught.value.faults[0]
    assert (fault.code, fault.key) == (code, key)


def test_its_forms_take_a_place_from_the_map() -> None:
    for endpoint in registry.engine("location").endpoints:
        assert questions.question(endpoint).place


SITES: dict[str, Any] = {
    "kind": "location",
    "name": "clinics",
    "demand": {"source": "people.csv", "columns": {"id": "zip", "latitude": "lat", "longitude": "lon", "weight": "n"}},
    "problem": {"objective": "max_coverage", "p": 3, "service_radius": 15.0},
    "travel": {
        "model": "road", "speeds": {"residential": 25.0}, "departure": 8.0,
        "links": {"source": "links.csv", "columns": {"from": "u", "to": "v", "length": {"column": "mi", "unit": "mi"}}},
    },
    "scenarios": {"count": 50, "hours": [8.0, 12.0]},
}  # fmt: skip
"""A study with a table inside of a part, and parts that are left away."""


def test_a_study_of_sites_is_written_in_the_form_as_in_the_file() -> None:
    engine = registry.engine("location")
    tables = {"people.csv": ["zip", "lat", "lon", "n"], "links.csv": ["u", "v", "mi"]}
    form = studyform.form(engine, SITES, tables)
    assert studyform.read(engine, sent(form)) == SITES
    study = load(tomllib.loads(studytext.write(studytext.differing(engine, SITES)))).study
    assert study.candidates is None  # type: ignore[attr-defined]
    assert study.travel.links.columns["length"].unit == "mi"  # type: ignore[attr-defined]


def sent(section: studyform.Section) -> dict[str, list[str]]:
    """What a browser sends of a form in which nothing is changed."""
    own = [*section.fields, *([section.source] if section.source else [])]
    own += [one for role in section.roles for one in (role.column, role.unit, role.zone) if one]
    found = {field.key: [field.value] for field in own if field.control != "checks"}
    found |= {field.key: list(field.values) for field in own if field.control == "checks" and field.values}
    for part in (*section.parts, *section.items):
        found |= sent(part)
    return found
