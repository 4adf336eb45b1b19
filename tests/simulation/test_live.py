"""What if it were otherwise: the model that is meant, the size of an answer, and what is refused at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from time import process_time
from typing import Any

import pyarrow as pa
import pytest

from potomac import studies
from potomac.engine import Slider
from potomac.errors import NoAnswer, StudyError
from potomac.simulation.telling import live
from potomac.studies import registry

exponential = {name: {"exponential": {"mean": mean}} for name, mean in {"minute": 1.0, "service": 1.5}.items()}

DESK: dict[str, Any] = {
    "source": [{"name": "guests", "interarrival": exponential["minute"], "to": "desk"}],
    "station": [{"name": "desk", "servers": 2, "service": exponential["service"]}],
}
ROOMS: dict[str, Any] = {
    "source": [{"name": "guests", "interarrival": exponential["minute"], "to": "door"}],
    "station": [
        {"name": "door", "servers": 1, "service": {"exponential": {"mean": 0.5}}},
        {"name": "room", "servers": 2, "service": {"exponential": {"mean": 1.2}}, "capacity": 6},
    ],
    "route": [{"start": "door", "to": {"room": 0.8, "exit": 0.2}}],
}
SHELF: dict[str, Any] = {
    "source": [{"name": "buyers", "interarrival": {"exponential": {"mean": 0.1}}, "to": "shelf"}],
    "stock": [{"name": "shelf", "s": 20, "S": 60, "lead": {"uniform": {"low": 0.5, "high": 1}}, "holding": 1}],
}
PUMPS: dict[str, Any] = {
    "component": [
        {"name": "pump", "count": 3, "life": {"exponential": {"mean": 700}}, "repair": {"exponential": {"mean": 36}}}
    ],
    "system": [{"name": "water", "of": ["pump"], "k": 2}],
}
EVENING: dict[str, Any] = {
    "source": [{"name": "guests", "interarrival": exponential["minute"], "to": "desk", "stop": 60.0}],
    "station": [{"name": "desk", "servers": 2, "service": exponential["service"]}],
    "run": {"replications": 40},
}
MODELS = {"desk": DESK, "rooms": ROOMS, "shelf": SHELF, "pumps": PUMPS, "evening": EVENING}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, pa.Table]]:
    """What each run keeps for its live questions."""
    folder = tmp_path_factory.mktemp("runs")
    found = {name: studies.run({"kind": "simulation", "name": name, **MODELS[name]}, folder) for name in MODELS}
    return {name: {each: run.model[each] for each in run.model} for name, run in found.items()}


@pytest.fixture
def ask(runs: Mapping[str, Mapping[str, pa.Table]]) -> Any:
    """Asks a run as the server does: values checked, reply typed."""
    endpoint = registry.engine("simulation").endpoints[0]

    def asked(name: str, **values: Any) -> Any:
        return endpoint.answer(live.load(runs[name]), endpoint.ask(**values))

    return asked


def of(reply: Any, measure: str) -> Any:
    return next(one for one in reply.measures if one.measure == measure)


def erlang_c(c: int, a: float) -> float:
    """Share of customers who wait in M/M/c at offered load a (Erlang 1917)."""
    last = a**c / math.factorial(c) * c / (c - a)
    return last / (sum(a**k / math.factorial(k) for k in range(c)) + last)


@pytest.mark.parametrize(
    ("change", "servers", "rate", "service"),
    [({"servers": 3}, 3, 1.0, 1.5), ({"arrivals": 80}, 2, 0.8, 1.5), ({"service": 50}, 2, 1.0, 0.75)],
)
def test_a_changed_queue_has_the_wait_of_the_formula(
    ask: Any, change: dict[str, Any], servers: int, rate: float, service: float
) -> None:
    """W = C(c, a) E[S] / (c - a); the interval is one of 95 %, and three times as wide holds it surely."""
    wait = of(ask("desk", **change), "wait")
    load = rate * service
    expected = erlang_c(servers, load) * service / (servers - load)
    assert wait.exact == pytest.approx(expected, rel=1e-9)
    assert abs(wait.mean - expected) <= 1.5 * (wait.high - wait.low)
    assert wait.low < wait.mean < wait.high


def test_nothing_changed_gives_the_figures_of_the_run(ask: Any) -> None:
    for name, values in (("desk", {}), ("desk", {"servers": 2, "arrivals": 100, "service": 100}), ("shelf", {"s": 20})):
        reply = ask(name, **values)
        assert all((one.mean, one.low, one.high) == (one.before, one.before_low, one.before_high)
                   for one in reply.measures)  # fmt: skip
        assert "Nothing is changed" in reply.note
        assert reply.replications == 20


def test_the_same_question_has_the_same_answer(ask: Any) -> None:
    for name, values in (("desk", {"servers": 3}), ("shelf", {"S": 90}), ("pumps", {"count": 4})):
        assert ask(name, **values) == ask(name, **values)


def test_more_stock_meets_more_demand_and_stands_longer(ask: Any) -> None:
    before, after = ask("shelf"), ask("shelf", s=30, S=90)
    assert of(after, "fill_rate").low > of(before, "fill_rate").high - 1e-9
    assert of(after, "on_hand").low > of(before, "on_hand").high
    assert of(after, "fill_rate").unit == "%"
    assert of(after, "fill_rate").high <= 100


def test_a_fourth_pump_makes_water_surer(ask: Any) -> None:
    """Each pump works 700 / 736 of the time by itself: 2 of 4 do but for 4 (1-p)^3 p + (1-p)^4."""
    p = 700 / 736
    works = of(ask("pumps", count=4), "availability")
    assert works.exact == pytest.approx(100 * (1 - 4 * (1 - p) ** 3 * p - (1 - p) ** 4), rel=1e-9)
    assert abs(works.mean - works.exact) <= 1.5 * (works.high - works.low)


def test_an_evening_is_simulated_as_one(ask: Any) -> None:
    reply = ask("evening", servers=4)
    assert 10 <= reply.replications <= live.EVENINGS
    assert of(reply, "wait").high < of(reply, "wait").before_low


# ---- sliders --------------------------------------------------------------------------------------------------------


def sliders(runs: Mapping[str, Any], name: str, **chosen: str) -> dict[str, Slider]:
    return {one.name: one for one in live.sliders(live.load(runs[name]), chosen)}


def test_sliders_stand_where_the_run_does(runs: Any) -> None:
    desk = sliders(runs, "desk")
    assert {name: one.value for name, one in desk.items()} == {"servers": 2, "service": 100, "arrivals": 100}
    assert {n: o.value for n, o in sliders(runs, "shelf").items()} == {"s": 20, "S": 60, "arrivals": 100}
    assert all(one.low <= one.value <= one.high for name in ("desk", "shelf") for one in sliders(runs, name).values())


def test_units_go_no_lower_than_the_structure_stands(runs: Any) -> None:
    assert (sliders(runs, "pumps")["count"].low, sliders(runs, "pumps")["count"].value) == (2, 3)


def test_another_station_has_other_sliders_within_its_room(runs: Any) -> None:
    assert sliders(runs, "rooms", station="room")["servers"].value == 2
    assert sliders(runs, "rooms", station="room")["servers"].high == 6  # no more are served than have room
    assert sliders(runs, "rooms", station="door")["servers"].value == 1
    assert sliders(runs, "rooms")["station"].choices == ("door", "room")


def test_the_place_that_is_changed_is_told(ask: Any) -> None:
    assert ask("rooms", station="door", servers=3).measures[0].where == "door"
    assert ask("rooms", station="room", servers=3).measures[0].where == "room"


# ---- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("desk", {"servers": 1}, "simulation.unstable"),
        ("desk", {"arrivals": 1000}, "simulation.unstable"),
        ("desk", {"station": "dek"}, "simulation.unknown"),
        ("desk", {"s": 3.0}, "simulation.unknown"),
        ("shelf", {"s": 60.0, "S": 20.0}, None),
        ("shelf", {"S": 1e9}, "simulation.live"),
        ("shelf", {"s": -1e9, "S": 1e9}, "simulation.live"),
        ("pumps", {"count": 1}, None),
        ("evening", {"servers": 3, "component": "x"}, "simulation.unknown"),
    ],
)
def test_what_makes_no_sense_or_takes_too_long_is_refused_at_once(
    ask: Any, name: str, values: dict[str, Any], code: str | None
) -> None:
    ask(name)
    begun = process_time()
    with pytest.raises((StudyError, NoAnswer)) as caught:
        ask(name, **values)
    assert process_time() - begun < 2
    fault = caught.value.faults[0]
    assert fault.found
    assert code in (None, fault.code)
    assert "." not in fault.key  # the name of a value that was asked, if any


def test_a_load_near_one_is_answered_by_the_formula(ask: Any) -> None:
    """At load .9975 a queue takes too long to settle; M/M/2 has W = C(2, a) E[S] / (2 - a)."""
    reply = ask("desk", arrivals=133)
    load = 1.33 * 1.5
    wait = of(reply, "wait")
    assert wait.mean == pytest.approx(erlang_c(2, load) * 1.5 / (2 - load))
    assert (reply.replications, "exact" in reply.note) == (0, True)


@pytest.mark.parametrize("arrivals", [50.0, 120.0, 300.0, 1000.0])
def test_an_evening_has_as_many_replications_as_its_events_allow(ask: Any, arrivals: float) -> None:
    reply = ask("evening", arrivals=arrivals)
    assert live.LEAST <= reply.replications <= live.EVENINGS
    assert reply.replications * 60 * arrivals / 100 <= max(live.EVENTS, live.LEAST * 60 * arrivals / 100)


def test_a_thousand_pumps_break_nothing(ask: Any) -> None:
    """Failures are rarer then than floats can tell: their mean distance is no number, and is not told."""
    reply = ask("pumps", count=1000)
    assert of(reply, "availability").mean == pytest.approx(100)
    assert all(math.isfinite(one.mean) for one in reply.measures)
