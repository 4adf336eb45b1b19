"""The same model from TOML and from Python, and what is wrong with parts of a study."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from inspect import signature
from math import inf
from typing import Any

import numpy as np
import pytest

from potomac.errors import DataError, PotomacError, StudyError
from potomac.simulation import (
    Model,
    binomial,
    deterministic,
    discrete,
    empirical,
    erlang,
    exponential,
    gamma,
    geometric,
    hyperexponential,
    lognormal,
    trace,
    triangular,
    uniform,
    weibull,
)  # fmt: skip
from potomac.simulation.telling.building import DRAWN, Data, Series, model_of
from potomac.simulation.telling.question import PARTS, changed, keys_of
from potomac.studies import registry
from potomac.studies.load import load


def parts(text: str) -> dict[str, Any]:
    """The parts of a study, as its declaration reads them."""
    study = load({"kind": "simulation", "name": "here", **tomllib.loads(text)}).study
    module = __import__("potomac.simulation.study", fromlist=["parts_of"])
    return dict(module.parts_of(study))


def said(text: str, data: Data | None = None) -> Any:
    """What a study declares."""
    return model_of("here", parts(text), data or Data()).checked()


DESK = """
[[source]]
name = "walkin"
to = "desk"
interarrival = { exponential = { mean = 1.0 } }
[[station]]
name = "desk"
servers = 2
service = { exponential = { mean = 1.5 } }
"""


def desk(**more: Any) -> Model:
    m = Model("here").source("walkin", interarrival=exponential(mean=1.0), to="desk")
    return m.station("desk", **{"servers": 2, "service": exponential(mean=1.5), **more})


def source(**how: Any) -> Model:
    m = Model("here").source("walkin", **{"to": "desk", **how})
    return m.station("desk", servers=2, service=exponential(mean=1.5))


def arriving(key: str) -> str:
    return DESK.replace("interarrival = { exponential = { mean = 1.0 } }", key)


TWO = """
[[source]]
name = "urgent"
to = "ward"
rate = 0.3
priority = 0
[[source]]
name = "routine"
to = { ward = 0.75, exit = 0.25 }
interarrival = "uniform(low=1, high=3)"
kind = "usual"
priority = 1
start = 5
stop = 480
limit = 100
batch = { geometric = { p = 0.5 } }
[[station]]
name = "ward"
"""


def two(**ward: Any) -> Model:
    m = Model("here").source("urgent", to="ward", rate=0.3)
    m.source("routine", to={"ward": 0.75, "exit": 0.25}, interarrival=uniform(1, 3), kind="usual", priority=1,
             start=5, stop=480, limit=100, batch=geometric(0.5))  # fmt: skip
    return m.station("ward", **ward)


NETWORK = """
[[source]]
name = "orders"
to = "saw"
interarrival = { erlang = { k = 2, mean = 2.0 } }
[[station]]
name = "saw"
service = 0.5
capacity = 10
overflow = "paint"
[[station]]
name = "paint"
servers = "unlimited"
service = { triangular = { low = 0.2, mode = 0.5, high = 1.5 } }
[[station]]
name = "check"
service = { lognormal = { mean = 0.3, sd = 0.2 } }
[[route]]
start = "saw"
to = ["paint", "check"]
[[route]]
start = "paint"
to = "check"
[[route]]
start = "check"
to = { exit = 0.9, saw = 0.1 }
"""


def network() -> Model:
    m = Model("here").source("orders", to="saw", interarrival=erlang(2, 2.0))
    m.station("saw", service=0.5, capacity=10, overflow="paint")
    m.station("paint", servers=inf, service=triangular(0.2, 0.5, 1.5)).station("check", service=lognormal(0.3, 0.2))
    return m.route("saw", ["paint", "check"]).route("paint", "check").route("check", {"exit": 0.9, "saw": 0.1})


SHOP = """
[[source]]
name = "customers"
to = "shelf"
rate = 10
[[stock]]
name = "shelf"
"""


def shop(**stock: Any) -> Model:
    return Model("here").source("customers", to="shelf", rate=10).stock("shelf", **stock)


PLANT = """
[[component]]
name = "pump"
count = 3
running = 2
life = { weibull = { shape = 1.5, scale = 900.0 } }
repair = 24
dormant = { exponential = { mean = 5000 } }
switch = 0.95
crew = "mechanics"
priority = 1
[[component]]
name = "valve"
reliability = 0.98
[[crew]]
name = "mechanics"
number = 2
discipline = "priority"
[[system]]
name = "flow"
of = "pump"
k = 2
[[system]]
series = ["flow", "valve"]
suspended = true
times = [100, 720]
"""


def plant() -> Model:
    m = Model("here").component("pump", count=3, running=2, life=weibull(1.5, 900), repair=24, switch=0.95,
                                dormant=exponential(mean=5000), crew="mechanics", priority=1)  # fmt: skip
    m.component("valve", reliability=0.98).crew("mechanics", 2, "priority").system("flow", of="pump", k=2)
    return m.system(series=["flow", "valve"], suspended=True, times=[100, 720])


def _cycled(model: Model) -> Any:
    from dataclasses import replace

    first, *others = model.declared.routes
    return replace(model.declared, routes=(replace(first, rule="cycle"), *others))


def _without_valve() -> Model:
    m = Model("here").component("pump", count=3, running=2, life=weibull(1.5, 900), repair=24, switch=0.95,
                                dormant=exponential(mean=5000), crew="mechanics", priority=1)  # fmt: skip
    m.crew("mechanics", 2, "priority").system("flow", of="pump", k=2)
    return m.system(series=["flow"], suspended=True, times=[100, 720])


SAME: dict[str, tuple[str, Callable[[], Model]]] = {
    "first come, first served": (DESK, desk),
    "distribution as text": (DESK.replace("{ exponential = { mean = 1.5 } }", '"gamma(mean=1.2, cv=0.6)"'),
                             lambda: desk(service=gamma(mean=1.2, cv=0.6))),
    "a number": (DESK.replace("{ exponential = { mean = 1.5 } }", "1.5"), lambda: desk(service=1.5)),
    "a list of parameters": (DESK.replace("{ mean = 1.5 }", "[1.5]"), desk),
    "last come": (DESK + 'discipline = "lcfs"\npreemption = "resume"\n',
                  lambda: desk(discipline="lcfs", preemption="resume")),
    "sharing": (DESK + 'discipline = "sharing"\n', lambda: desk(discipline="sharing")),
    "random": (DESK + 'discipline = "random"\n', lambda: desk(discipline="random")),
    "capacity": (DESK + "capacity = 10\n", lambda: desk(capacity=10)),
    "balking at a length": (DESK + "balk = 3\n", lambda: desk(balk=3)),
    "balking by chance": (DESK + 'balk = [0, 0.2, 0.5]\nbalk_to = "exit"\n', lambda: desk(balk=[0, 0.2, 0.5])),
    "reneging": (DESK + "patience = { hyperexponential = { means = [1, 9], probabilities = [0.5, 0.5] } }\n",
                 lambda: desk(patience=hyperexponential([1, 9], [0.5, 0.5]))),
    "a calendar": (DESK + "calendar = [[240, 1], [240.0, 3]]\n", lambda: desk(calendar=[(240, 1), (240, 3)])),
    "failures": (DESK + 'uptime = "exponential(mean=100)"\nrepair = 5\n',
                 lambda: desk(uptime=exponential(mean=100), repair=5)),
    "priorities, kinds, batches": (
        TWO + 'discipline = "priority"\npreemption = "repeat"\n'
        "service = { urgent = { exponential = { mean = 0.5 } }, usual = 1.5 }\npatience = { usual = 20 }\n",
        lambda: two(discipline="priority", preemption="repeat", patience={"usual": 20},
                    service={"urgent": exponential(mean=0.5), "usual": deterministic(1.5)}),
    ),
    "rates by pieces": (arriving("rate = [0.5, 2, 1]\nevery = 30\nrepeat = false"),
                        lambda: source(rate=[0.5, 2, 1], every=30, repeat=False)),
    "doubly stochastic": (arriving("rate = [0.5, 1]\nevery = 30\nfactor = { gamma = { mean = 1, cv = 0.4 } }"),
                          lambda: source(rate=[0.5, 1], every=30, factor=gamma(mean=1, cv=0.4))),
    "data that are written": (arriving("data = [1, 2, 2, 1.5]"), lambda: source(data=[1, 2, 2, 1.5])),
    "a trace that is written": (arriving('trace = [1, 2, 2]\nties = "keep"'),
                                lambda: source(trace=[1, 2, 2], ties="keep")),
    "services played back": (arriving("rate = 1").replace("{ exponential = { mean = 1.5 } }", "{ trace = [1, 2] }"),
                             lambda: Model("here").source("walkin", rate=1, to="desk").station(
                                 "desk", servers=2, service=trace([1, 2]))),
    "a closed population": (
        arriving("population = 6") + '[[route]]\nstart = "desk"\nto = "desk"\n',
        lambda: source(population=6).route("desk", "desk"),
    ),
    "batches": (arriving("rate = 0.1\nbatch = { discrete = { values = [1, 2], probabilities = [0.5, 0.5] } }"),
                lambda: source(rate=0.1, batch=discrete([1, 2], [0.5, 0.5]))),
    "a network": (NETWORK, network),
    "each in turn": (NETWORK.replace('to = ["paint", "check"]', 'to = ["paint", "check"]\nrule = "cycle"'),
                     lambda: Model.of(_cycled(network()))),
    "(s, S)": (SHOP + "s = 20\nS = 60\ninitial = 30\nlead = 2\nquantity = { binomial = { n = 4, p = 0.5 } }\n"
               "holding = 0.1\nshortage = 5\norder = 32\nunit = 3\n",
               lambda: shop(s=20, S=60, initial=30, lead=2, quantity=binomial(4, 0.5), holding=0.1, shortage=5,
                            order=32, unit=3)),
    "(Q, r), lost": (SHOP + "Q = 40\nr = 20\nlost = true\nlost_to = \"exit\"\npenalty = 5\nreview = 1\n",
                     lambda: shop(Q=40, r=20, lost=True, penalty=5, review=1)),
    "base stock": (SHOP + "base = 50\n", lambda: shop(base=50)),
    "a newsvendor": (SHOP.replace("rate = 10", "interarrival = 1.0") + "base = 50\nlost = true\nreview = 1\n"
                     "quantity = { poisson = { mean = 45 } }\nholding = 1\npenalty = 4\n",
                     lambda: Model("here").source("customers", to="shelf", interarrival=1.0).stock(
                         "shelf", base=50, lost=True, review=1, quantity={"poisson": {"mean": 45}}, holding=1,
                         penalty=4)),
    "components": (PLANT.replace("[[component]]\nname = \"valve\"\nreliability = 0.98\n", "").replace(
        'series = ["flow", "valve"]', 'series = ["flow"]'), _without_valve),
    "mission": ('[[component]]\nname = "valve"\nreliability = 0.98\n[[system]]\nparallel = "valve"\n',
                lambda: Model("here").component("valve", reliability=0.98).system(parallel="valve")),
    "standby": ('[[component]]\nname = "a"\nlife = 3\n[[component]]\nname = "b"\nlife = 4\n[[system]]\n'
                'standby = ["a", "b"]\nswitch = 0.9\n',
                lambda: Model("here").component("a", life=3).component("b", life=4).system(
                    standby=["a", "b"], switch=0.9)),
}  # fmt: skip
"""A study in TOML, and the model from Python."""


@pytest.mark.parametrize("name", SAME)
def test_toml_and_python_make_the_same_model(name: str) -> None:
    text, made = SAME[name]
    assert said(text) == made().checked()


def test_units_that_work_or_not_and_units_that_live_are_two_models() -> None:
    """A mission has no time: lives have."""
    for make in (lambda: said(PLANT), lambda: plant().checked()):
        with pytest.raises(StudyError) as caught:
            make()
        assert caught.value.faults[0].code.startswith("simulation.")


def test_every_argument_of_a_part_is_a_key_of_the_study() -> None:
    schema = registry.engine("simulation").study.model_json_schema()["$defs"]
    for what in PARTS:
        spec = schema[f"{what.capitalize()}Spec"]["properties"]
        assert set(spec) == set(keys_of(what)) == set(signature(getattr(Model, what)).parameters) - {"self"}, what
        assert set(DRAWN.get(what, ())) <= set(spec)


def series(values: Any, *, times: bool = False, ties: str = "auto") -> Series:
    return Series(np.asarray(values, float), np.arange(len(values)) + 3, times, ties)


def tables(**given: Series) -> Data:
    return Data([*given], given)


def with_table(service: Any) -> dict[str, Any]:
    return {
        "source": [{"name": "walkin", "to": "desk", "interarrival": 1.0}],
        "station": [{"name": "desk", "servers": 2, "service": service}],
    }


@pytest.mark.parametrize("how", ["data", "empirical"])
def test_a_table_is_drawn_from(how: str) -> None:
    found = model_of("here", with_table({how: "t"}), tables(t=series([1, 2, 1.5]))).checked()
    assert found.stations[0].service[""] == empirical([1, 2, 1.5])


def test_a_table_is_played_back() -> None:
    found = model_of("here", with_table({"trace": "t"}), tables(t=series([1, 2, 1.5]))).checked()
    assert found.stations[0].service[""] == trace([1, 2, 1.5])


def test_what_fits_a_table_is_drawn() -> None:
    """1000 draws of a gamma distribution are fitted by a distribution of nearly their mean, or drawn from."""
    x = np.random.default_rng(3).gamma(4.0, 0.5, 1000)
    data = tables(t=series(x))
    found = model_of("here", with_table({"fit": "t"}), data).checked().stations[0].service[""]
    assert found == data.fits["t"].recommended
    assert found.mean == pytest.approx(x.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("key", "table", "code", "row"),
    [("trace", series([1, 3, 2]), "simulation.trace", "row 5 is 2, after 3 in row 4"),
     ("trace", series([1, 3, 3]), "simulation.times", "row 5 is 3, as row 4 is"),
     ("trace", series([1, 3, 3], ties="error"), "simulation.times", "row 5 is 3"),
     ("trace", series([]), "simulation.trace", "empty"),
     ("data", series([1, 3, 2], times=True), "simulation.trace", "row 5 is 2"),
     ("rate", series([1, 2, 3]), "simulation.times", "3 arrivals tell no rate")],
)  # fmt: skip
def test_wrong_times_are_told_by_the_row_of_their_source(key: str, table: Series, code: str, row: str) -> None:
    """Rows of these tables count from 3."""
    given: dict[str, Any] = {
        "source": [{"name": "walkin", "to": "desk", key: "t"}],
        "station": [{"name": "desk", "service": 0.1}],
    }
    with pytest.raises(DataError) as caught:
        model_of("here", given, tables(t=table))
    fault = caught.value.faults[0]
    assert (fault.code, fault.key) == (code, f"source.0.{key}")
    assert row in fault.found


def test_equal_times_are_kept_where_it_is_said_so() -> None:
    given: dict[str, Any] = {
        "source": [{"name": "walkin", "to": "desk", "trace": "t"}],
        "station": [{"name": "desk", "service": 0.1}],
    }
    found = model_of("here", given, tables(t=series([1, 3, 3], ties="keep"))).checked()
    assert found.sources[0].times == (1.0, 3.0, 3.0)


def test_all_faults_are_told_together_each_at_its_key() -> None:
    text = DESK.replace("servers = 2", "servers = 0").replace("mean = 1.0", "mean = -1.0")
    with pytest.raises(StudyError) as caught:
        parts(text)
    assert {f.key for f in caught.value.faults} == {"source.0.interarrival", "station.0.servers"}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("station.dsk.servers", 3, "simulation.scenario"), ("station.desk.server", 3, "simulation.scenario"),
     ("station.desk", 3, "simulation.scenario")],
)  # fmt: skip
def test_what_names_no_key_of_a_part_is_told_with_what_was_meant(name: str, value: Any, code: str) -> None:
    with pytest.raises(StudyError) as caught:
        changed(parts(DESK), {name: value})
    assert caught.value.faults[0].code == code
    assert caught.value.faults[0].expected


def test_a_scenario_changes_one_value_and_leaves_the_model_as_it_is() -> None:
    before = parts(DESK)
    for name in ("station.desk.servers", "station.0.servers"):
        after = changed(before, {name: 3, "source.walkin.interarrival.exponential.mean": 0.8})
        m = Model("here").source("walkin", interarrival=exponential(mean=0.8), to="desk")
        assert model_of("here", after, Data()).checked() == m.station(
            "desk", servers=3, service=exponential(mean=1.5)
        ).checked()  # fmt: skip
    assert model_of("here", before, Data()).checked() == desk().checked()


def test_faults_are_of_potomac_whatever_is_written() -> None:
    wrong: list[Mapping[str, Any]] = [
        {"service": {}}, {"service": []}, {"service": {"gamma": {"shape": "x", "scale": 1}}}, {"calendar": [["a", 1]]},
        {"service": True}, {"servers": "many"}, {"balk": "x"}, {"patience": {"walkin": "soon"}},
    ]  # fmt: skip
    for each in wrong:
        part = {"name": "desk", "service": 1.0, **each}
        with pytest.raises(PotomacError) as caught:
            model_of("here", {**with_table("1"), "station": [part]}, Data())
        assert caught.value.faults[0].key.startswith("station.0")
