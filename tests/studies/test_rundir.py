"""Run directories: unique, renamed once, found by path, name or id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from potomac.errors import StudyError
from potomac.studies import rundir


def finished(out: Path, name: str = "strait") -> Path:
    partial = rundir.begin(out, name, {"command": "potomac run study.toml"})
    (partial.path / "run.json").write_text("{}")
    return partial.finish()


def test_ids_are_utc_time_and_a_hash_and_never_the_same(tmp_path: Path) -> None:
    ids = {rundir.begin(tmp_path, "strait", {}).run_id for _ in range(20)}
    assert len(ids) == 20
    for run_id in ids:
        assert len(run_id) == len("20260101T000000Z-abcdef")


def test_a_run_is_not_there_until_it_is_finished(tmp_path: Path) -> None:
    partial = rundir.begin(tmp_path, "strait", {})
    (partial.path / "run.json").write_text("{}")
    assert list(rundir.finished(tmp_path)) == []
    final = partial.finish()
    assert list(rundir.finished(tmp_path)) == [final]
    assert not partial.path.exists()
    assert not (final / "status.json").exists()


def test_latest_is_the_newest_finished_run(tmp_path: Path) -> None:
    finished(tmp_path)
    second = finished(tmp_path)
    assert (tmp_path / "strait/latest").resolve() == second.resolve()
    assert rundir.resolve("strait", tmp_path) == second
    assert rundir.resolve("strait/latest", tmp_path) == second
    assert rundir.resolve(tmp_path / "strait/latest") == second


def test_latest_alone_is_the_newest_of_all_studies(tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        rundir.resolve("latest", tmp_path)
    for name in ("strait", "airport", "bay"):
        (tmp_path / name / f"2026010{len(name)}T000000Z-abcdef").mkdir(parents=True)
        (tmp_path / name / f"2026010{len(name)}T000000Z-abcdef" / "run.json").write_text("{}")
    assert rundir.resolve("latest", tmp_path).parent.name == "airport"


def test_latest_is_a_text_file_where_links_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *arguments: object, **named: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    finished(tmp_path)
    run = finished(tmp_path)
    assert (tmp_path / "strait/latest").read_text().strip() == run.name
    assert rundir.resolve("strait/latest", tmp_path) == run
    assert rundir.resolve("strait", tmp_path) == run


def test_something_else_called_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "strait/latest").mkdir(parents=True)
    (tmp_path / "strait/latest/mine.txt").write_text("mine")
    run = finished(tmp_path)
    assert (tmp_path / "strait/latest/mine.txt").read_text() == "mine"
    assert rundir.resolve("strait", tmp_path) == run
    assert sorted(path.name for path in (tmp_path / "strait").iterdir()) == sorted(["latest", run.name])


def test_a_run_is_found_by_path_id_and_the_beginning_of_its_id(tmp_path: Path) -> None:
    run = finished(tmp_path)
    for name in (run, f"strait/{run.name}", run.name, run.name[:-1]):
        assert rundir.resolve(name, tmp_path) == run


def test_runs_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no finished run"):
        rundir.resolve("strait", tmp_path)
    finished(tmp_path)
    with pytest.raises(StudyError, match='Did you mean "strait"'):
        rundir.resolve("strat", tmp_path)
    finished(tmp_path)
    with pytest.raises(StudyError, match='2 runs begin with "20"') as caught:
        rundir.resolve("20", tmp_path)
    assert caught.value.faults[0].code == "run.ambiguous"


def test_what_is_interrupted_keeps_only_its_status_and_study(tmp_path: Path) -> None:
    partial = rundir.begin(tmp_path, "strait", {"command": "potomac run study.toml"})
    (partial.path / "tables").mkdir()
    (partial.path / "study.toml").write_text("")
    partial.interrupt()
    assert sorted(path.name for path in partial.path.iterdir()) == ["status.json", "study.toml"]
    assert json.loads((partial.path / "status.json").read_text())["status"] == "interrupted"


def test_what_is_discarded_leaves_no_trace_but_other_runs_stay(tmp_path: Path) -> None:
    run = finished(tmp_path)
    rundir.begin(tmp_path, "strait", {}).discard()
    assert list(rundir.finished(tmp_path)) == [run]
    rundir.begin(tmp_path, "other", {}).discard()
    assert not (tmp_path / "other").exists()
