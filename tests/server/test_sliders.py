"""Live questions asked by sliders: the form, its answer in numbers with intervals, what is refused, and by REST."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from shutil import copytree, rmtree
from time import process_time
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from potomac import studies
from potomac.server import live
from potomac.server.flows import products
from potomac.server.pages import estimates, questions, shown
from potomac.studies import registry

ROOMS: dict[str, Any] = {
    "kind": "simulation", "name": "rooms", "title": "How many rooms?",
    "source": [{"name": "guests", "interarrival": {"exponential": {"mean": 1.0}}, "to": "door"}],
    "station": [
        {"name": "door", "servers": 1, "service": {"exponential": {"mean": 0.5}}},
        {"name": "room", "servers": 2, "service": {"exponential": {"mean": 1.5}}},
    ],
    "route": [{"start": "door", "to": "room"}],
}  # fmt: skip
"""A door, and two rooms that are busy three quarters of the time."""


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run."""
    return studies.run(ROOMS, tmp_path_factory.mktemp("runs")).path


@pytest.fixture
def slug(ada: Any, finished: Any, rooms: Path, home: Path) -> Iterator[str]:
    """A public product of it."""
    run = finished(ada.user, kind="simulation", name="rooms", title="How many rooms?")
    directory = home / "runs" / run.directory
    rmtree(directory)
    copytree(rooms, directory)
    products.publish(ada, run.pk, "rooms", visibility="public")
    live.forget()
    yield "rooms"
    live.forget()


def part(client: Client, **values: Any) -> str:
    """What the page's script gets."""
    response = client.get("/p/rooms/ask/what-if/", values, headers={"X-Part": "1"})
    assert response.status_code == 200
    return response.content.decode()


def numbers(page: str) -> list[str]:
    return re.findall(r'<span class="number">([^<]+)</span>', page)


def slider(page: str, name: str) -> dict[str, str]:
    """The attributes of a slider."""
    found = re.search(rf'<input type="range" data-of="what-if-f-{name}"([^>]*)>', page)
    assert found, f"no slider for {name}"
    return dict(re.findall(r'([a-z-]+)="([^"]*)"', found[1]))


# ---- the page -------------------------------------------------------------------------------------------------------


def test_the_page_has_the_sliders_of_its_run_and_the_answer_of_the_run(client: Client, slug: str) -> None:
    page = client.get("/p/rooms/").content.decode()
    servers = slider(page, "servers")
    assert (servers["min"], servers["max"], servers["value"], servers["step"]) == ("1", "7", "2", "1")
    assert servers["aria-labelledby"] in re.findall(r' id="([^"]+)"', page)
    assert "<option selected>room</option>" in page  # the busiest
    assert "As in the run" in page
    assert numbers(page)
    assert not re.search(r"<script>|style=|onclick=|oninput=", page)  # what the policy of the page forbids


def test_a_move_is_answered_with_its_interval_beside_that_of_the_run(client: Client, slug: str) -> None:
    page = part(client, servers=3, arrivals=100, service=100, station="room", _station="room")
    before, reply = client.get("/p/rooms/").content.decode(), client.get("/api/v1/products/rooms/what-if?servers=3")
    wait = reply.json()["measures"][0]
    drawn = re.search(r'<span class="number">([^<]+)</span>.*?<span class="span">([^<]+)</span>', page, re.DOTALL)
    assert drawn
    assert float(drawn[1]) == pytest.approx(wait["mean"], rel=0.01)
    low, high = map(float, drawn[2].split(" to "))
    assert (low, high) == pytest.approx((wait["low"], wait["high"]), rel=0.05)
    assert f"In the run {numbers(before)[0]}" in page
    assert 'href="/p/rooms/ask/what-if/?servers=3&amp;' in page


def test_without_script_the_whole_page_comes_with_the_answer(client: Client, slug: str) -> None:
    response = client.get("/p/rooms/ask/what-if/", {"servers": "3"})
    page = response.content.decode()
    assert "<title>" in page
    assert numbers(page) == numbers(part(client, servers=3))
    assert slider(page, "servers")["value"] == "3"
    assert 'href="/p/rooms/tables/measures/"' in page  # links lead where they lead from the product's own page


def test_another_choice_has_its_own_sliders(client: Client, slug: str) -> None:
    """The values of the station that the form was drawn for are not those of the other."""
    page = part(client, station="door", _station="room", servers=2, service=80)
    assert (slider(page, "servers")["value"], slider(page, "service")["value"]) == ("1", "100")
    assert "nothing is changed" in page.lower()
    assert questions.moved({"station": "b", "_station": "a", "servers": "3"}) == ({"station": "b"}, {"station": "b"})
    assert questions.moved({"station": "a", "_station": "a", "servers": "3"})[0] == {"station": "a", "servers": "3"}


def test_what_has_no_answer_says_why_and_what_to_do(client: Client, slug: str) -> None:
    page = part(client, station="room", _station="room", servers=1)
    assert "Station room is unstable: offered load 1.5 for 1 server. Move the sliders: more servers" in page
    assert not numbers(page)


@pytest.mark.parametrize("servers", ["0", "-1", "x", "1e308", "nan", "1000000000", "9" * 400])
def test_a_value_that_cannot_be_is_told_at_its_slider(client: Client, slug: str, servers: str) -> None:
    page = part(client, servers=servers)
    fault = re.search(r'id="what-if-fault-servers">([^<]+)</p>', page)
    assert fault
    assert "Input should be" in fault[1] or "valid integer" in fault[1]
    assert "see what is said at the sliders" in page


def test_a_name_that_is_markup_stays_text(client: Client, slug: str) -> None:
    page = part(client, station="<script>alert(1)</script>")
    assert "<script>" not in page
    assert "There is no station" in page


def test_a_product_whose_engine_cannot_load_has_a_plain_form(
    client: Client, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from potomac.errors import Fault, StudyError

    def broken(*_: Any) -> Any:
        raise StudyError(Fault("simulation.unknown", "it is damaged"))

    monkeypatch.setattr(live, "sliders", broken)
    page = client.get("/p/rooms/").content.decode()
    assert 'id="ask-what-if"' in page
    assert 'type="range"' not in page


def test_any_engine_has_sliders(monkeypatch: pytest.MonkeyPatch) -> None:
    """One from elsewhere, whose interval is half a unit to each side of its mean of 2, moved by 1."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "sixth_engine" / "src"))
    study = import_module("potomac_toy.study")
    endpoint = next(one for one in study.engine.endpoints if one.sliders)
    model = pa.table({"mean": [2.0], "half": [0.5]})
    reply = endpoint.answer(model, endpoint.ask(by=1))
    form = questions.question(endpoint, {"by": "1"}, (), endpoint.sliders(model, {}), reply)
    [by] = form.sliders
    assert (by.low, by.high, by.step, by.begin, by.value) == ("-10", "10", "1", "0", "1")
    assert form.moved
    [mean] = form.moved.estimates
    assert (mean.name, mean.value, mean.span, mean.before) == ("mean", "3.00", "2.50 to 3.50", "2")
    assert form.moved.sentence == "The mean is 3."
    assert mean.marks == estimates.Marks("0", "5", 60.0, 50.0, 70.0, 40.0)


# ---- by REST --------------------------------------------------------------------------------------------------------


def test_it_is_described(client: Client) -> None:
    described = client.get("/api/v1/openapi.json").json()
    path = described["paths"]["/api/v1/products/{slug}/what-if"]
    asked = json.dumps(path["post"]["requestBody"])
    assert "SimulationWhatIfAsk" in asked
    assert "422" in path["post"]["responses"]
    schemas = described["components"]["schemas"]
    change = schemas["SimulationWhatIfAsk"]
    assert change["properties"]["arrivals"]["maximum"] == 1000
    assert any({"mean", "low", "high", "before_low"} <= set(one.get("properties", ())) for one in schemas.values())


def test_programs_get_the_same_numbers(client: Client, slug: str) -> None:
    asked = client.post("/api/v1/products/rooms/what-if", {"servers": 3}, content_type="application/json")
    assert asked.json() == client.get("/api/v1/products/rooms/what-if?servers=3").json()
    first = asked.json()["measures"][0]
    assert (first["where"], first["measure"], first["unit"]) == ("room", "wait", "minutes")
    assert first["low"] < first["mean"] < first["high"] < first["before_low"]


@pytest.mark.django_db(transaction=True)
def test_the_client_asks_and_is_told_what_is_wrong(live_server: Any, slug: str) -> None:
    from potomac.client import Client as Remote
    from potomac.errors import NoAnswer, StudyError

    product = Remote(live_server.url).product(slug)
    wait = product.ask("what-if", servers=3)["measures"][0]
    assert wait["mean"] < wait["before"]
    with pytest.raises(StudyError) as wrong:
        product.ask("what-if", servers=0)
    assert wrong.value.faults[0].key == "servers"
    with pytest.raises((NoAnswer, StudyError)) as none:
        product.ask("what-if", servers=1)
    assert none.value.faults[0].code == "simulation.unstable"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"servers": 1e308}', "live.value"),
        ('{"servers": NaN}', "live.value"),
        ('{"servers": -1}', "live.value"),
        ('{"servers": 1000000000}', "live.value"),
        ('{"arrivals": 100000000000}', "live.value"),
        ('{"arrivals": -5}', "live.value"),
        ('{"servers": "3"}', "live.value"),
        ('{"service": 1000, "arrivals": 1000}', "simulation.unstable"),
        ('{"stock": "shelf", "S": 10}', "simulation.unknown"),
        ('{"station": "rom"}', "simulation.unknown"),
        ('{"speed": 3}', "live.value"),
        ("[" * 5000, "live.value"),
    ],
)
def test_hostile_questions_are_refused_with_a_code_at_once(client: Client, slug: str, body: str, code: str) -> None:
    client.get("/p/rooms/")
    begun = process_time()
    response = client.post("/api/v1/products/rooms/what-if", body, content_type="application/json")
    assert process_time() - begun < 2
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["faults"][0]["code"] == code


def test_an_answer_is_kept_and_shared_by_page_and_programs(
    client: Client, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/api/v1/products/rooms/what-if?servers=4").json()
    monkeypatch.setattr(live, "_replied", lambda *given: pytest.fail("it was asked before"))
    assert (
        client.post("/api/v1/products/rooms/what-if", {"servers": 4}, content_type="application/json").json() == first
    )
    assert numbers(part(client, servers=4))


# ---- drawn ----------------------------------------------------------------------------------------------------------

SOME = st.floats(-1e9, 1e9).map(lambda x: float(f"{x:.6g}"))


@given(st.lists(SOME, min_size=1, max_size=6))
def test_a_scale_holds_its_values_and_zero(values: list[float]) -> None:
    low, high = estimates.scale(values)
    assert low <= min(*values, 0.0)
    assert max(*values, 0.0) <= high
    assert low < high


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_a_scale_of_shares_ends_at_all(values: list[float]) -> None:
    low, high = estimates.scale(values, per_cent=True)
    assert high == 100
    assert 0 <= low < high
    assert low <= max(min(values), 99.999)


def test_exact_values_have_the_digits_of_the_estimate() -> None:
    class Row(BaseModel):
        mean: float
        low: float
        high: float
        exact: float

    told = [estimates.drawn(Row(mean=m, low=a, high=b, exact=e)) for m, a, b, e in (
        (98.63, 98.57, 98.69, 98.5712), (2846.9, 2810, 2888, 2852.4), (1e-9, 1e-9, 2e-9, 1.5e-9),
    )]  # fmt: skip
    assert [(one.value, one.exact) for one in told[:2]] == [("98.63", "98.57"), ("2,847", "2,852")]
    assert told[2].exact == "1.50 × 10⁻⁹"


def test_marks_stand_where_the_numbers_are(rooms: Path) -> None:
    live.forget()
    reply = live.answer(rooms, registry.engine("simulation"), "what-if", {"servers": "3"})
    for row, drawn in zip(reply.measures, map(estimates.drawn, reply.measures), strict=True):
        marks = drawn.marks
        assert marks
        start, end = (float(text.replace(",", "")) for text in (marks.start, marks.end))
        for place, value in ((marks.now, row.mean), (marks.low, row.low), (marks.was, row.before)):
            assert start + place / 100 * (end - start) == pytest.approx(value, abs=1e-4 * (end - start))
    assert json.loads(reply.model_dump_json())["measures"]


def test_a_picture_that_is_flatter_than_a_card_stands_whole_in_its_middle() -> None:
    """A card is 16 to 9 and shows the middle of what is wider."""
    flat = '<svg xmlns="x" width="468" height="180" viewBox="0 0 468 180" class="figure"><g/></svg>'
    made = shown._carded(flat)
    found = re.match(
        r'<svg xmlns="x" width="(\d+)" height="(\d+)" viewBox="(-\d+) (-\d+) (\d+) (\d+)" class="figure">', made
    )
    assert found
    wide, tall, left, top, *_ = map(int, found.groups())
    assert wide / tall == pytest.approx(16 / 9, rel=0.01)
    assert (wide + 2 * left, tall + 2 * top) == (468, 180)  # as much on each side
    tall_one = flat.replace("180", "400")
    assert shown._carded(tall_one) == tall_one
