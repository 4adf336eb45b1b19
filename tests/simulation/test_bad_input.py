"""What is wrong with studies and models: each by the code of its fault, its exit code, and the key that it is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from potomac import studies
from potomac.errors import DataError, Fault, NoAnswer, PotomacError, StudyError
from potomac.simulation import Model, empirical, exponential, pareto, trace, uniform
from potomac.studies.check import check

HEAD = 'kind = "simulation"\nname = "bad"\n'

DESK = """
[[source]]
name = "walkin"
to = "triage"
interarrival = { exponential = { mean = 1.0 } }

[[station]]
name = "triage"
servers = 2
service = { exponential = { mean = 1.5 } }
"""

ARRIVING, SERVED = "interarrival = { exponential = { mean = 1.0 } }", "{ exponential = { mean = 1.5 } }"

TABLE = """
[data.times]
source = "times.csv"
columns.value = "minutes"
"""

SHORT = "\n[run]\nreplications = 5\nuntil = 3000\n"

Study = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Study:
    """A study file with a table of observed minutes beside it."""

    def made(text: str, *minutes: Any) -> Path:
        if minutes:
            (tmp_path / "times.csv").write_text("\n".join(["minutes", *map(str, minutes)]) + "\n")
        path = tmp_path / "study.toml"
        path.write_text(HEAD + text, encoding="utf-8")
        return path

    return made


def told(path: Path, *, run: bool) -> PotomacError:
    """What is said when a study is checked or run."""
    with pytest.raises(PotomacError) as caught:
        studies.run(path, path.parent / "runs") if run else check(path)
    return caught.value


def line_of(path: Path, words: str) -> int:
    return next(n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if words in line)


CYCLE = """
[[station]]
name = "recall"
service = 0.1
[[route]]
start = "triage"
to = "recall"
[[route]]
start = "recall"
to = "triage"
"""

KNOWN = {
    "an unstable station": (DESK.replace("1.5", "2.1"), NoAnswer, "simulation.unstable", "station.0",
        "station triage is unstable: offered load 2.1 for 2 servers", "[[station]]"),
    "a scenario that is unstable": (
        DESK + '[[scenario]]\nname = "slow"\nset = { "station.triage.service" = 2.5 }\n', NoAnswer,
        "simulation.unstable", "scenario.0.set", "scenario slow: station triage is unstable", "set ="),
    "routes that sum to 1.1": (DESK + '[[route]]\nstart = "triage"\nto = { exit = 0.9, triage = 0.2 }\n', StudyError,
        "simulation.route", "route.0.to", "sum to 1.1", "to = { exit"),
    "routes that sum to .8": (DESK + '[[route]]\nstart = "triage"\nto = { exit = 0.7, triage = 0.1 }\n', StudyError,
        "simulation.route", "route.0.to", "sum to 0.8", "to = { exit"),
    "a cycle without exit": (DESK + CYCLE, StudyError, "simulation.endless", "route.1",
        "customers of 'walkin' never leave: triage -> recall", ""),
    "s that is S": (DESK + '[[stock]]\nname = "shelf"\ns = 60\nS = 60\n', StudyError, "simulation.stock", "stock.0.s",
        "s is 60 and S is 60", "s = 60"),
    "s and Q": (DESK + '[[stock]]\nname = "shelf"\ns = 60\nQ = 60\n', StudyError, "simulation.stock", "stock.0",
        "Q, s", "[[stock]]"),
    "a negative service": (DESK.replace(SERVED, "{ empirical = [1, -2, 3] }"), StudyError, "simulation.negative",
        "station.0.service", "row 1 of the values", "service ="),
    "a service that is no number": (DESK.replace(SERVED, "{ empirical = [1, 2, nan] }"), PotomacError,
        "simulation.values", "station.0.service", "row 2 is nan", "service ="),
    "a service that may be negative": (DESK.replace(SERVED, "{ uniform = { low = -1, high = 2 } }"), StudyError,
        "simulation.negative", "station.0.service", "can be -1", "service ="),
    "an infinite variance": (DESK.replace(SERVED, "{ pareto = { shape = 1.5, scale = 0.2 } }"), NoAnswer,
        "simulation.infinite-variance", "station.0.service", "infinite variance: no valid mean interval", "service ="),
    "an infinite mean": (DESK.replace(SERVED, "{ pareto = { shape = 0.9, scale = 0.2 } }"), NoAnswer,
        "simulation.infinite-variance", "station.0.service", "infinite mean", "service ="),
    "no servers": (DESK.replace("servers = 2", "servers = 0"), StudyError, "simulation.servers", "station.0.servers",
        "0 servers", "servers ="),
    "a calendar without servers": (DESK + "calendar = [[10, 0]]\n", StudyError, "simulation.servers",
        "station.0.calendar", "no servers at any time", "calendar ="),
    "half a piece of a calendar": (DESK + "calendar = [[10]]\n", StudyError, "simulation.calendar",
        "station.0.calendar", "[10.0]", "calendar ="),
    "half a server": (DESK + "calendar = [[10, 1.5]]\n", StudyError, "simulation.calendar", "station.0.calendar",
        "1.5 servers", "calendar ="),
    "a trace that goes back": (DESK.replace(ARRIVING, "trace = [1, 3, 2]"), StudyError, "simulation.trace",
        "source.0.trace", "row 2 of the trace is 2, after 3", "trace ="),
    "a trace with an arrival twice": (DESK.replace(ARRIVING, "trace = [1, 3, 3]"), StudyError, "simulation.times",
        "source.0.trace", "row 2 is 3, as row 1 is", "trace ="),
    "an empty trace": (DESK.replace(ARRIVING, "trace = []"), StudyError, "simulation.trace", "source.0.trace", "empty",
        "trace ="),
    "an unknown family": (DESK.replace("exponential = { mean = 1.5", "exponental = { mean = 1.5"), StudyError,
        "simulation.distribution", "station.0.service", "no family of distributions", "service ="),
    "an unknown parameter": (DESK.replace("mean = 1.5", "mena = 1.5"), StudyError, "simulation.distribution",
        "station.0.service", "does not take", "service ="),
    "text that is no distribution": (DESK.replace(SERVED, '"soon"'), StudyError, "simulation.distribution",
        "station.0.service", "'soon' is no distribution", "service ="),
    "a table that is not there": (DESK.replace(SERVED, '{ fit = "time" }'), StudyError, "simulation.table",
        "station.0.service", "no table is called 'time'", "service ="),
    "a place that is not there": (DESK.replace('to = "triage"', 'to = "traige"'), StudyError, "simulation.unknown",
        "source.0.to", "'traige'", "to ="),
    "two stations of a name": (DESK + DESK[DESK.index("[[station]]"):], StudyError, "simulation.name", "station.1",
        "two parts are called 'triage'", ""),
    "a name of two lines": (DESK.replace('"triage"', '"tri\\nage"'), StudyError, "simulation.name", "station.0.name",
        "tri\\nage", 'name = "tri'),
    "a long name": (DESK.replace("triage", "x" * 5000), StudyError, "simulation.name", "station.0.name", "xxx",
        'name = "xxx'),
    "a measure that is not there": (DESK + '[run]\nof = "wiat"\n', StudyError, "simulation.measure", "run.of", "'wiat'",
        "of ="),
    "a measure elsewhere": (DESK + '[run]\nof = "desk:wait"\n', StudyError, "simulation.measure", "run.of",
        "no place 'desk'", "of ="),
    "something observed elsewhere": (DESK + '[[observed]]\nwhere = "desk"\nmeasure = "wait"\nvalue = 3\n', StudyError,
        "simulation.measure", "observed.0.where", "no place 'desk'", "where ="),
    "a run that is too short": (DESK + "[run]\nuntil = 30\n", NoAnswer, "simulation.short", "run.until",
        "20 replications until 30 are too short", "until ="),
    "rates of no length": (DESK.replace(ARRIVING, "rate = [1, 2]"), StudyError, "simulation.rate", "source.0",
        "how long each rate holds", "[[source]]"),
    "two ways to arrive": (DESK.replace(ARRIVING, f"rate = 2\n{ARRIVING}"), StudyError, "simulation.source",
        "source.0.rate", "interarrival and rate", "rate ="),
    "customers and components": (DESK + '[[component]]\nname = "pump"\nlife = 3\n', StudyError, "simulation.mixed", "",
        "components and customers", ""),
    "nothing": ("", StudyError, "simulation.empty", "", "no source", ""),
    "a crew that is not there": ('[[component]]\nname = "pump"\nlife = 3\nrepair = 1\ncrew = "x"\n', StudyError,
        "simulation.unknown", "component.0.crew", "no crew 'x'", "crew ="),
    "a value of a scenario that is none": (
        DESK + '[[scenario]]\nname = "x"\nset = { "station.triage.servers" = "three" }\n', StudyError,
        "simulation.scenario", "scenario.0.set", "servers of station triage is 'three'", "set ="),
    "no servers in a scenario": (DESK + '[[scenario]]\nname = "x"\nset = { "station.triage.servers" = 0 }\n',
        StudyError, "simulation.servers", "scenario.0.set", "0 servers", "set ="),
}  # fmt: skip
"""What is known without running: study, kind of error, code, key, words of what was found, words of its line."""


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_beforehand_is_told_by_check_and_by_run(write: Study, name: str) -> None:
    text, kind, code, key, words, line = KNOWN[name]
    path = write(text)
    for run in (False, True):
        error = told(path, run=run)
        assert isinstance(error, kind)
        fault = error.faults[0]
        assert (fault.code, words in fault.found) == (code, True), fault
        assert fault.key == key
        assert fault.file.endswith("study.toml")
        if line:
            assert fault.line == line_of(path, line)


def test_what_to_do_about_an_unstable_station_is_said_in_one_line(write: Study) -> None:
    said = str(told(write(DESK.replace("1.5", "2.1")), run=True))
    assert re.search(
        r"study\.toml:9: station\.0: station triage is unstable: offered load 2\.1 for 2 servers. "
        r"Give until, or add servers$", said
    )  # fmt: skip


def test_an_unstable_station_is_simulated_until_an_end_that_is_given(write: Study) -> None:
    path = write(DESK.replace("1.5", "2.1") + SHORT)
    run = studies.run(path, path.parent / "runs")
    assert any("no long run" in note for note in run.manifest["notes"])


@pytest.mark.parametrize(
    ("key", "near"),
    [("servrs = 2", "servers"), ("disipline = 'fcfs'", "discipline"), ("time_unit = 'hours'", "above the first")],
)
def test_unknown_keys_are_told_with_what_was_meant(write: Study, key: str, near: str) -> None:
    error = told(write(DESK + f"{key}\n"), run=False)
    assert isinstance(error, StudyError)
    assert near in str(error)
    assert error.faults[0].line == line_of(write(DESK + f"{key}\n"), key)


@pytest.mark.parametrize(
    ("line", "key"),
    [("servers = 2.5", "servers"), ('servers = "two"', "servers"), ("capacity = nan", "capacity"),
     ('discipline = "fifo"', "discipline"), ("calendar = [10]", "calendar.0")],
)  # fmt: skip
def test_values_of_another_type_are_told(write: Study, line: str, key: str) -> None:
    error = told(write(DESK.replace("servers = 2\n", "") + f"{line}\n"), run=False)
    assert isinstance(error, StudyError)
    assert error.faults[0].key == f"station.0.{key}"


@pytest.mark.parametrize(
    "line", ["confidence = 95", "precision = 0", "quantiles = [90]", "most = 1", "until = -1", "replications = 0",
             "budget = 0"],
)  # fmt: skip
def test_ways_to_run_that_make_no_sense_are_told_by_the_key(write: Study, line: str) -> None:
    error = told(write(DESK + f"[run]\n{line}\n"), run=False)
    assert isinstance(error, StudyError)
    assert error.faults[0].key.startswith(f"run.{line.split(maxsplit=1)[0]}")


# ---- tables -------------------------------------------------------------------------------------------------------


def test_rows_that_are_no_times_are_left_out_and_told_by_row(write: Study) -> None:
    """Rows 2 and 4 of six: the other four are drawn from."""
    path = write(DESK.replace(SERVED, '{ data = "times" }') + TABLE + SHORT, 1, 2, -3, 1, "x", 1.5)
    run = studies.run(path, path.parent / "runs")
    assert run.rejected["row"].to_pylist() == [2, 4]
    assert run.manifest["rows"]["data.times"]["rejected"] == 2


@pytest.mark.parametrize(
    ("how", "minutes", "code", "words"),
    [("trace", (1, 3, 2), "simulation.trace", "row 2 is 2, after 3 in row 1"),
     ("trace", (1, 3, 3), "simulation.times", "row 2 is 3, as row 1 is"),
     ("rate", (1, 2, 3), "simulation.times", "3 arrivals tell no rate")],
)  # fmt: skip
def test_times_that_cannot_be_played_are_told_by_row(
    write: Study, how: str, minutes: tuple[float, ...], code: str, words: str
) -> None:
    path = write(DESK.replace(ARRIVING, f'{how} = "times"') + TABLE, *minutes)
    for run in (False, True):
        error = told(path, run=run)
        assert isinstance(error, DataError)
        assert (error.faults[0].code, error.faults[0].key) == (code, f"source.0.{how}")
        assert words in error.faults[0].found
        assert error.faults[0].line == line_of(path, f"{how} =")


def test_a_table_without_rows_is_told(write: Study) -> None:
    path = write(DESK.replace(ARRIVING, 'trace = "times"') + TABLE)
    (path.parent / "times.csv").write_text("minutes\n")
    error = told(path, run=True)
    assert isinstance(error, DataError)
    assert error.faults[0].key == "data.times.source"


def test_services_that_are_played_back_may_end_before_the_run(write: Study) -> None:
    path = write(DESK.replace(SERVED, '{ trace = "times" }') + TABLE + SHORT, 1, 2, 1.5)
    error = told(path, run=True)
    assert isinstance(error, NoAnswer)
    assert (error.faults[0].code, error.faults[0].key) == ("simulation.trace-exhausted", "station.0.service")
    assert "ends after 3 values" in error.faults[0].found


def test_a_table_without_values_is_told(write: Study) -> None:
    text = DESK.replace(SERVED, '{ fit = "times" }') + TABLE.replace('columns.value = "minutes"\n', "")
    error = told(write(text, 1, 2), run=False)
    assert isinstance(error, StudyError)
    assert (error.faults[0].code, error.faults[0].key) == ("simulation.table", "data.times.columns")


# ---- what an answer says ------------------------------------------------------------------------------------------


def test_a_precision_that_was_not_reached_is_told_with_the_half_width(write: Study) -> None:
    path = write(DESK + '[run]\nof = "wait"\nuntil = 600\nprecision = 0.0001\nmost = 24\n')
    run = studies.run(path, path.parent / "runs")
    assert run.facts["reached"] is False
    assert run.facts["replications"] == 24
    assert run.facts["precision"] > 0.01
    note = next(n for n in run.manifest["notes"] if "not reached" in n)
    assert note.startswith("The precision of 0.0001 was not reached with 24 replications: the half-width is ")
    assert "was not reached: the half-width is" in run.answer


def test_quantiles_are_told_where_means_are_none(write: Study) -> None:
    long = SHORT.replace("3000", "6000")
    text = DESK.replace(SERVED, "{ pareto = { shape = 1.5, scale = 0.2 } }") + long + 'of = "wait_q90"\n'
    path = write(text)
    run = studies.run(path, path.parent / "runs")
    assert run.answer.startswith("Wait, 90 % within of triage: ")
    means = {r["measure"]: r["low"] for r in run.tables["measures"].to_pylist() if r["where"] == "triage"}
    assert means["wait"] is None
    assert means["wait_q90"] is not None


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "приёмная", "受付", "ضيوف", 'a & b\'s \\"desk\\"'])
def test_names_are_text_and_nothing_else(write: Study, name: str) -> None:
    path = write(DESK.replace('"triage"', f'"{name}"') + SHORT)
    run = studies.run(path, path.parent / "runs")
    plain = name.replace('\\"', '"')
    assert plain in run.answer
    assert plain in run.tables["measures"]["where"].to_pylist()
    assert "<script>alert" not in run.report.read_text(encoding="utf-8")


# ---- from Python --------------------------------------------------------------------------------------------------


def arriving(**how: Any) -> Model:
    return Model().source("walkin", to="triage", **how)


def served(service: Any, **how: Any) -> Model:
    return arriving(interarrival=exponential(mean=1.0)).station("triage", **{"servers": 2, "service": service, **how})


MADE: dict[str, tuple[Callable[[], Any], type[PotomacError], str, str]] = {
    "unstable": (lambda: served(exponential(mean=2.1)).run(), NoAnswer, "simulation.unstable",
                 "station triage is unstable: offered load 2.1 for 2 servers"),
    "routes": (lambda: served(1.0).route("triage", {"exit": 0.9, "triage": 0.2}), StudyError, "simulation.route",
               "sum to 1.1"),
    "cycle": (lambda: served(1.0).route("triage", "triage").run(), StudyError, "simulation.endless", "never leave"),
    "s is S": (lambda: Model().stock("shelf", s=60, S=60), StudyError, "simulation.stock", "s is 60 and S is 60"),
    "negative": (lambda: served(empirical([1.0, -2.0])), StudyError, "simulation.negative", "row 1 of the values"),
    "negative by law": (lambda: served(uniform(-1, 2)), StudyError, "simulation.negative", "can be -1"),
    "no number": (lambda: served(empirical([1.0, nan])), DataError, "simulation.values", "row 1 is nan"),
    "unsorted": (lambda: arriving(trace=[1.0, 3.0, 2.0]), DataError, "simulation.trace", "row 2 of the trace is 2"),
    "twice": (lambda: arriving(trace=[1.0, 3.0, 3.0]), DataError, "simulation.times", "row 2 is 3"),
    "empty": (lambda: arriving(trace=[]), DataError, "simulation.trace", "empty"),
    "no times": (lambda: arriving(trace=["soon"]), DataError, "simulation.trace", "no list of numbers"),
    "nan": (lambda: arriving(trace=[1.0, nan]), DataError, "simulation.trace", "row 1"),
    "exhausted": (lambda: served(trace([1.0, 1.0])).run(until=100.0, warmup=0), NoAnswer,
                  "simulation.trace-exhausted", "ends after 2 values"),
    "infinite variance": (lambda: served(pareto(1.5, 0.2)).run(), NoAnswer, "simulation.infinite-variance",
                          "no valid mean interval"),
    "no servers": (lambda: served(1.0, servers=0), StudyError, "simulation.servers", "0 servers"),
    "half a server": (lambda: served(1.0, servers=1.5), StudyError, "simulation.servers", "1.5 servers"),
    "text for a number": (lambda: served(1.0, servers="two"), StudyError, "simulation.number", "servers is 'two'"),
    "yes for a number": (lambda: served(1.0, capacity=True), StudyError, "simulation.number", "capacity is True"),
    "below no queue": (lambda: served(1.0, balk=-1), StudyError, "simulation.balk", "balk is -1"),
    "no text for a name": (lambda: Model().station(None, service=1.0), StudyError, "simulation.name",  # type: ignore[arg-type]
                           "None"),
    "no one": (lambda: served(1.0, servers=inf).source("vip", to="triage", rate=0), StudyError, "simulation.rate",
               "the rate is 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_models_that_are_wrong_are_told_from_python_too(name: str) -> None:
    make, kind, code, words = MADE[name]
    with pytest.raises(kind) as caught:
        make()
    fault: Fault = caught.value.faults[0]
    assert fault.code == code
    assert words in fault.found
