"""The benchmark of road networks: small runs of it work, and those whom it compares find the same."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def roads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The benchmark, on streets in a grid of 20 by 20."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    networks = import_module("benchmarks.location.networks")
    monkeypatch.setattr(networks, "DATA", tmp_path)
    small = networks._grid(20)
    monkeypatch.setattr(networks, "_grid", lambda side=20: small)
    networks.network.cache_clear()
    yield import_module("benchmarks.location.roads")
    networks.network.cache_clear()


def test_all_who_are_compared_find_the_same(roads: Any) -> None:
    asked = {"name": "grid", "size": 15, "runs": 1}
    ours = roads.potomac_task(**asked, threads=0)
    assert ours["reached"] == 225
    for task in (roads.scipy_task, *([roads.routingkit_task] if roads.find_spec("pyroutingkit") else [])):
        theirs = task(**asked)
        assert theirs["reached"] == 225
        assert theirs["sum"] == pytest.approx(ours["sum"], rel=1e-5)  # RoutingKit counts milliseconds


def test_scenarios_are_as_many_as_asked(roads: Any) -> None:
    found = roads.scenarios_task(3)
    assert found["took"] > 0
    assert np.isfinite(found["mean"])


def test_the_table_names_who_is_there(roads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"order": 1.0, "metric": 0.1, "matrix": 2.0, "held": 10.0, "sum": 4.0, "reached": 1.0}
    slow = {key: value[key] * (10 if key == "matrix" else 1) for key in ("matrix", "held", "sum", "reached")}
    monkeypatch.setattr(
        roads, "measured", lambda task, **_: roads.Measured(slow if "scipy" in task else value, 30.0, 1.0)
    )
    told = roads.matrix_part("grid", 15, 1)
    assert "| scipy, Dijkstra |  |  | 20 s | 10 × | 20 MB | 0e+00 |" in told
    assert "400 nodes" in told


def test_all_find_the_same_day_and_other_hours_have_other_times(roads: Any) -> None:
    ours = roads.potomac_day("grid", 12)
    assert ours["reached"] == 24 * 144
    for task in (roads.scipy_day, *([roads.routingkit_day] if roads.find_spec("pyroutingkit") else [])):
        theirs = task("grid", 12)
        assert theirs["reached"] == ours["reached"]
        assert theirs["sum"] == pytest.approx(ours["sum"], rel=1e-5)
    at_hour = [minutes.sum() for _, minutes in roads.hourly(roads.network("grid"))]
    assert int(np.argmax(at_hour)) in (8, 17)
    assert at_hour[3] < 1.05 * roads.network("grid").minutes.sum() < at_hour[8]


def test_the_day_has_a_row_for_each_who_is_there(roads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"order": 1.0, "day": 12.0, "sum": 4.0, "reached": 1.0, "size": 15.0}
    slow = value | {"order": 0.0, "day": 240.0}
    monkeypatch.setattr(
        roads, "measured", lambda task, **_: roads.Measured(slow if "scipy" in task else value, 30.0, 1.0)
    )
    told = roads.day_part("grid", 15)
    assert "| Potomac, one order of nodes for all hours | 1 s | 12 s | 0.5 s |  | 0e+00 |" in told
    assert "| scipy, Dijkstra at each hour |  | 240 s | 10 s | 20 × | 0e+00 |" in told
