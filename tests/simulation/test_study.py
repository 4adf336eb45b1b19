"""The declaration: what a study asks, as the engine hears it, and what its runs hold."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from potomac import studies
from potomac.simulation import Model, exponential
from potomac.simulation.telling.answer import asked_of
from potomac.simulation.telling.question import Observed, Question, Scenario
from potomac.studies import registry, scaffold
from potomac.studies.load import load

DESK = """
kind = "simulation"
name = "desk"
seed = 7
[[source]]
name = "walkin"
to = "desk"
interarrival = { exponential = { mean = 1.0 } }
[[station]]
name = "desk"
servers = 2
service = { exponential = { mean = 1.5 } }
[run]
until = 3000
replications = 12
"""


def question(text: str) -> Question:
    loaded = load(tomllib.loads(text))
    module = __import__("potomac.simulation.study", fromlist=["question_of"])
    found = module.question_of(loaded.study)
    assert isinstance(found, Question)
    return found


def answered(text: str, out: Path, **more: Any) -> studies.Run:
    return studies.run(tomllib.loads(text), out, **more)


def test_how_it_is_run_reaches_the_engine_under_its_names() -> None:
    keys = 'precision = 0.05\nof = "desk:wait"\nwarmup = 100\nconfidence = 0.9\n'
    keys += "quantiles = [0.8]\nmost = 50\nbudget = 9\n"
    asked = asked_of(question(DESK + keys))
    assert (asked.until, asked.replications, asked.seed) == (3000, 12, 7)
    assert (asked.precision, asked.of, asked.warmup, asked.confidence) == (0.05, "desk:wait", 100, 0.9)
    assert (asked.quantiles, asked.most, asked.budget) == ((0.8,), 50, 9)


def test_a_quantile_that_is_told_first_is_among_the_quantiles() -> None:
    asked = asked_of(question(DESK + 'of = "wait_q95"\nquantiles = [0.5]\n'))
    assert asked.quantiles == (0.5, 0.95)
    assert asked_of(question(DESK + 'of = "wait_q90"\n')).quantiles == (0.5, 0.9, 0.99)


def test_scenarios_and_what_was_observed_are_plain_values() -> None:
    found = question(
        DESK + '[[scenario]]\nname = "three"\nset = { "station.desk.servers" = 3 }\n'
        '[[observed]]\nwhere = "desk"\nmeasure = "wait"\nvalue = 2.5\n'
    )
    assert found.scenarios == (Scenario("three", {"station.desk.servers": 3}),)
    assert found.observed == (Observed("desk", "wait", 2.5),)
    assert found.ties == {}


def test_only_what_the_study_gives_is_a_part() -> None:
    parts = question(DESK).parts
    assert set(parts["station"][0]) == {"name", "servers", "service"}
    assert set(parts["source"][0]) == {"name", "to", "interarrival"}


def test_a_new_study_runs_as_it_is_written(tmp_path: Path) -> None:
    path = scaffold.new("simulation", tmp_path / "study.toml")
    run = studies.run(path, tmp_path / "runs", ["run.until=3000"])
    assert run.answer.startswith("With 2 at desk people wait ")


def test_tables_under_names_are_shown_by_a_new_study() -> None:
    assert "\n# [data.name]\n" in scaffold.text("simulation")


def test_a_study_and_the_library_come_to_the_same_numbers(tmp_path: Path) -> None:
    m = Model("desk").source("walkin", interarrival=exponential(mean=1.0), to="desk")
    m.station("desk", servers=2, service=exponential(mean=1.5))
    plain = m.run(until=3000, replications=12, seed=7)
    run = answered(DESK, tmp_path)
    assert run.tables["measures"].equals(plain.measures)


def test_the_same_study_has_the_same_tables(tmp_path: Path) -> None:
    more = '[[scenario]]\nname = "three"\nset = { "station.desk.servers" = 3 }\n'
    one, two = (answered(DESK + more, tmp_path / name) for name in ("a", "b"))
    assert one.answer == two.answer
    for name in one.tables:
        assert one.tables[name].equals(two.tables[name]), name


def test_the_tables_of_a_run_have_the_columns_of_the_contract(tmp_path: Path) -> None:
    run = answered(DESK + '[[observed]]\nwhere = "desk"\nmeasure = "wait"\nvalue = 1.93\n', tmp_path)
    contract = ["where", "measure", "mean", "low", "high", "half_width", "replications", "exact"]
    assert run.tables["measures"].column_names == contract
    assert {"measures", "timeline", "waits", "convergence", "validation"} <= set(run.tables)
    rows = {(r["where"], r["measure"]): r for r in run.tables["measures"].to_pylist()}
    for row in rows.values():
        if row["low"] is not None:
            assert row["low"] <= row["mean"] <= row["high"]
    # M/M/2 with load .75: wait rho^2 / (1 - rho^2) times the mean service
    assert rows["desk", "wait"]["exact"] == pytest.approx(1.5 * 0.75**2 / (1 - 0.75**2))
    assert rows["desk", "utilization"]["exact"] == pytest.approx(0.75)


def test_a_scenario_is_told_by_its_difference_on_common_random_numbers(tmp_path: Path) -> None:
    run = answered(DESK + '[[scenario]]\nname = "three"\nset = { "station.desk.servers" = 3 }\n', tmp_path)
    rows = [r for r in run.tables["scenarios"].to_pylist() if (r["where"], r["measure"]) == ("desk", "wait")]
    as_is, three = rows
    assert (as_is["scenario"], three["scenario"]) == ("as it is", "three")
    assert as_is["difference"] is None
    assert three["difference"] == pytest.approx(three["mean"] - as_is["mean"], rel=0.05)
    assert three["difference_low"] <= three["difference"] <= three["difference_high"] < 0
    assert "; three: " in run.answer


def test_what_was_observed_is_held_against_the_model(tmp_path: Path) -> None:
    more = "".join(f'[[observed]]\nwhere = "desk"\nmeasure = "wait"\nvalue = {value}\n' for value in (1.93, 9.0))
    table = answered(DESK + more, tmp_path).tables["validation"].to_pylist()
    assert [row["observed"] for row in table] == [1.93, 9.0]
    assert table[1]["difference"] == pytest.approx(table[1]["mean"] - 9.0)


def test_times_of_day_are_counted_in_the_unit_of_the_study(tmp_path: Path) -> None:
    """Twelve people, five minutes apart: the last comes after 55 minutes, and is served for one."""
    stamps = "\n".join(f"2026-05-01T10:{5 * k:02d}:00" for k in range(12))
    (tmp_path / "seen.csv").write_text(f"when\n{stamps}\n")
    text = DESK.replace("interarrival = { exponential = { mean = 1.0 } }", 'trace = "seen"').replace(
        "{ exponential = { mean = 1.5 } }", "1.0"
    )
    text = text.split("[run]")[0] + '[data.seen]\nsource = "seen.csv"\ncolumns.time = "when"\n'
    path = tmp_path / "study.toml"
    path.write_text(text)
    run = studies.run(path, tmp_path / "runs")
    rows = {(r["where"], r["measure"]): r["mean"] for r in run.tables["measures"].to_pylist()}
    assert rows["desk", "time_in_station"] == pytest.approx(1.0)
    assert rows["desk", "throughput"] == pytest.approx(12 / 56)


def test_the_engine_declares_what_server_and_docs_need() -> None:
    engine = registry.engine("simulation")
    assert [e.name for e in engine.endpoints] == ["what-if"]
    assert engine.extra == "simulation"
    assert engine.check is not None
    assert engine.demo


def test_distributions_that_were_fitted_are_short_enough_to_read(tmp_path: Path) -> None:
    (tmp_path / "seen.csv").write_text("minutes\n" + "\n".join(f"{1 + k % 7 + k / 90:.3f}" for k in range(60)) + "\n")
    text = DESK.replace("{ exponential = { mean = 1.5 } }", '{ fit = "seen" }').replace("mean = 1.0", "mean = 4.0")
    path = tmp_path / "study.toml"
    path.write_text(f'{text}\n[data.seen]\nsource = "seen.csv"\ncolumns.value = "minutes"\n')
    run = studies.run(path, tmp_path / "runs")
    fits = run.tables["fits"].to_pylist()
    assert {row["table"] for row in fits} == {"seen"}
    assert all(len(number) <= 8 for row in fits for number in re.findall(r"\d+\.\d+", row["distribution"]))
