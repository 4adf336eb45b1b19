"""The tables of the demo, and that its studies run."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow.csv as csv
import pytest

from potomac import studies
from potomac.engine import Quiet
from potomac.errors import StudyError
from potomac.simulation import demo
from potomac.studies import registry
from potomac.studies.check import check

DEMO = ("demo-desk.toml", "demo-inventory.toml", "demo-repair.toml")


def shipped(name: str) -> str:
    return resources.files("potomac.simulation").joinpath(name).read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The demo as a user has it: its studies and its tables."""
    for name in DEMO:
        (tmp_path / name).write_text(shipped(name), encoding="utf-8")
    demo.prepare(str(tmp_path), Quiet())
    return tmp_path


def test_the_engine_names_its_studies() -> None:
    assert registry.engine("simulation").demo == DEMO


def test_arrivals_rise_within_the_hour_and_are_about_as_many_as_their_rates_give(folder: Path) -> None:
    """The rates sum to 69 people; a Poisson number of that mean lies within 4 sqrt(69)."""
    minutes = csv.read_csv(folder / demo.ARRIVALS)["minute"].to_numpy()
    expected = demo.DOORS * sum(demo.RATES)
    assert expected == pytest.approx(69)
    assert abs(minutes.size - expected) < 4 * np.sqrt(expected)
    assert (np.diff(minutes) > 0).all()
    assert 0 <= minutes[0] < minutes[-1] <= demo.DOORS * len(demo.RATES)


def test_check_ins_are_drawn_with_the_mean_that_is_said(folder: Path) -> None:
    """200 values of mean 1.2 and coefficient of variation .6: the mean lies within 4 x 1.2 x .6 / sqrt(200)."""
    minutes = csv.read_csv(folder / demo.CHECKINS)["minutes"].to_numpy()
    assert minutes.size == 200
    assert abs(minutes.mean() - 1.2) < 4 * 1.2 * 0.6 / np.sqrt(200)
    assert minutes.min() > 0


def test_tables_are_the_same_each_time_and_what_is_there_stays(folder: Path) -> None:
    before = (folder / demo.CHECKINS).read_bytes()
    (folder / demo.ARRIVALS).write_bytes(b"mine")
    (folder / demo.CHECKINS).unlink()
    demo.prepare(str(folder), Quiet())
    assert (folder / demo.ARRIVALS).read_bytes() == b"mine"
    assert (folder / demo.CHECKINS).read_bytes() == before


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        demo.prepare(str(tmp_path / "nowhere"), Quiet())
    assert caught.value.faults[0].code == "demo.unwritable"


@pytest.mark.parametrize("name", DEMO)
def test_its_studies_are_right_and_name_tables_that_are_prepared(folder: Path, name: str) -> None:
    study = tomllib.loads(shipped(name))
    assert study["kind"] == "simulation"
    assert {table["source"] for table in study.get("data", {}).values()} <= {demo.ARRIVALS, demo.CHECKINS}
    check(folder / name)


@pytest.mark.parametrize("name", DEMO)
def test_its_studies_answer_with_scenarios(folder: Path, name: str) -> None:
    study = tomllib.loads(shipped(name))
    run = studies.run(folder / name, folder / "runs", ["run.replications=6"] if "run" not in study else [])
    for scenario in study["scenario"]:
        assert f"; {scenario['name']}: " in run.answer
    assert "Alarm" not in run.answer
    assert run.report.stat().st_size > 10_000
