"""The benchmarks: they import, small runs of them work, and what they judge by is right. No timing decides here."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[1]
QUICK = {"model.bags": 1, "model.folds": 2, "model.sample": 1000}


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    monkeypatch.delenv("POTOMAC_BENCH_DATA", raising=False)


def of(name: str) -> Any:
    return import_module(f"benchmarks.{name}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An area of 300 vessels on a line, three of which are beside it."""
    random = np.random.default_rng(1)
    n = 300
    east = random.uniform(0.0, 1.0, n)
    north = 50.0 + random.normal(0.0, 0.001, n)
    north[:3] += 0.3
    table = {
        "mmsi": np.arange(n) % 50, "timestamp": np.datetime64("2024-01-01", "s") + np.arange(n) * 60,
        "lat": north, "lon": east, "sog": random.uniform(9, 11, n), "cog": random.uniform(89, 91, n),
        "ship_type": np.repeat([70, 80, 30], 100), "length": random.uniform(50, 200, n),
    }  # fmt: skip
    pq.write_table(pa.table(table), tmp_path / "line.parquet")
    kind = ["beside"] * 3 + ["normal"] * (n - 3)
    pq.write_table(pa.table({"row": np.arange(n)[::-1], "kind": kind[::-1]}), tmp_path / "line_labels.parquet")
    return tmp_path


def test_each_benchmark_can_be_asked_for() -> None:
    for name in of("__main__").NAMES:
        assert callable(of(name).main)


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        of("__main__").main(["outliers.nothing"])
    assert "outliers.positions" in capsys.readouterr().err


def test_what_follows_a_name_is_its_own_argument(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    main, given = of("__main__"), []
    monkeypatch.setattr(of("outliers.positions"), "main", lambda argv: given.append(argv) or "the table")
    assert main.main(["outliers.positions", str(folder), "--seeds", "2"]) == 0
    assert given == [[str(folder), "--seeds", "2"]]


def test_labels_are_read_by_their_row(folder: Path) -> None:
    (area,) = of("outliers.data").areas(folder)
    assert area.odd.tolist() == [True] * 3 + [False] * 297
    assert area.positions.levels["ship_type"] == ("30", "70", "80")  # codes of ships are no quantities


def test_positions_are_judged_by_kind(folder: Path) -> None:
    positions = of("outliers.positions")
    (area,) = of("outliers.data").areas(folder)
    scores = {"Potomac, by hand": lambda p, seed: p.latitude, "even": lambda p, seed: np.zeros(len(p))}
    found = positions.measure(area, scores, seeds=2)
    assert tuple(found["Potomac, by hand"]["kinds"]["beside"]) == (1.0, 1.0)  # all three are before all others
    assert tuple(found["even"]["kinds"]["all"]) == (0.5, 0.01)  # ties: one half, and the share of odd rows
    assert found["Potomac, by hand"]["list"] == 0.03  # three of a hundred
    assert "| 100 × | 0.03 |" in positions.report(area, found, 2)  # 1.0 against the best peer's 0.01


def test_precision_of_a_list() -> None:
    strange = np.array([0.1, 0.9, 0.8, 0.2])
    odd = np.array([True, True, False, False])
    assert of("outliers.positions").precision_at(strange, odd, 2) == 0.5


def test_a_detector_runs_on_an_area(folder: Path) -> None:
    told = of("outliers.positions").main([str(folder), "--only", "logistic, linear"])
    assert "300 positions, 3 of them odd" in told
    assert re.search(r"\| Potomac, logistic, linear \| \d\.\d{3} \|", told)


def test_the_strait_says_that_it_is_simulated() -> None:
    area = of("outliers.data").strait(days=1, planted=20)
    assert "simulated" in area.about
    assert set(area.kind) >= {"normal", "off_lane", "jump", "transfer"}
    assert (area.kind == "across_lane").sum() == 20  # planted only
    assert area.positions.row.tolist() == list(range(len(area.kind)))


def test_rows_do_not_depend_on_the_chunk_they_are_made_in(folder: Path) -> None:
    data = of("outliers.data")
    p = data.base(str(folder))
    whole, part = data.many(p, 0, 1000), data.many(p, 400, 100)
    for name, values in part.items():
        np.testing.assert_array_equal(whole[name][400:500], values)


def test_jitter_has_variance_one(folder: Path) -> None:
    z = of("outliers.data")._normal(np.arange(40_000))
    assert abs(z.mean()) < 5 / np.sqrt(z.size)  # five standard errors
    assert abs(z.var() - 1.0) < 5 * np.sqrt(2 / z.size)  # the variance of a variance is at most that of normal draws
    assert np.abs(np.corrcoef(z) - np.eye(5)).max() < 5 / np.sqrt(z.shape[1])


def test_the_same_traffic_comes_day_after_day(folder: Path) -> None:
    data = of("outliers.data")
    p = data.base(str(folder))
    made = data.many(p, 0, (data.FLEET + 1) * len(p))
    day = np.round((made["time"] - p.time[np.arange(len(made["time"])) % len(p)]) / 86_400)
    assert sorted(set(day)) == list(range(data.FLEET + 1))
    sets = [set(made["entity"][day == d]) for d in (0, 1, data.FLEET)]
    assert sets[0] == sets[1]
    assert not sets[0] & sets[2]


def test_all_cells_at_once_have_the_coefficients_of_one_by_one(folder: Path) -> None:
    value = of("outliers.speed").logistic_task(None, str(folder), 25.0, "quadratic")
    assert value["cells"] > 1
    assert value["apart"] < 1e-6


def test_a_process_of_its_own_tells_its_memory(folder: Path) -> None:
    run = of("child").measured("benchmarks.outliers.speed:forest_task", rows=500, folder=str(folder), jobs=None)
    assert set(run.value) == {"fit", "score", "processor", "held"}
    assert 10 < run.value["held"] <= run.peak_mb < 4000


def test_a_process_that_fails_is_no_figure(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="no_such_task"):
        of("child").measured("benchmarks.outliers.speed:no_such_task")


def test_a_study_of_many_rows_goes_in_streams(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from potomac.outliers import answer

    scale = of("outliers.scale")
    monkeypatch.setattr(answer, "MEMORY_ROWS", answer.MEMORY_ROWS)  # given back after the test
    monkeypatch.setattr(scale, "CHUNK", 700)
    assert scale.generate_task(str(tmp_path / "big"), 2000, str(folder)) > 0
    assert len([*(tmp_path / "big").rglob("*.parquet")]) == 3
    told = scale.study_task(str(tmp_path / "big"), 0, QUICK)
    scores = pq.read_table(Path(told["path"]) / "tables" / "scores.parquet")
    assert sorted(scores["rank"].to_pylist()) == list(range(1, 2001))
    assert "more than are held in memory" in (Path(told["path"]) / "run.json").read_text(encoding="utf-8")


def test_the_heading_says_what_was_measured_on() -> None:
    told = of("machine").described()
    assert re.search(r"\d{4}-\d\d-\d\d .* cores, \d+ GB of memory, .*Python 3\.\d+.*numpy \d", told)
