"""The conductor: a run appears whole or not at all, and the same study, seed and data give the same tables."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from potomac.errors import DataError, Interrupted, NoAnswer, StudyError
from potomac.studies import open_run, registry, run, rundir, write


def digest(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def left(out: Path = Path("runs")) -> list[str]:
    return sorted(path.name for path in out.rglob("*")) if out.exists() else []


def test_the_run_directory_holds_what_the_contract_says(numbers: Path) -> None:
    done = run("study.toml")
    assert done.path.parent == Path("runs/numbers")
    for name in ("run.json", "study.toml", "report.html", "rejected.parquet", "tables/summary.parquet"):
        assert (done.path / name).is_file()
    assert (done.path / "figures/mean.svg").is_file()
    assert Path("runs/numbers/latest").resolve() == done.path.resolve()
    assert (done.path / "study.toml").read_text() == Path("study.toml").read_text()


def test_the_library_reads_tables_facts_and_figures_from_it(numbers: Path) -> None:
    done = run("study.toml")
    assert done.facts["mean"] == pytest.approx((1 + 100) / 2)
    assert done.fact("mean").low < 50.5 < done.fact("mean").high
    assert done.facts["rows"] == 100
    assert done.tables["values"].column("value").to_pylist() == list(range(1, 101))
    assert set(done.tables) == {"summary", "values"}
    assert done.answer.startswith("The mean is 50.5")
    assert done.figures[0].layers[1].data.column("value").to_pylist() == [pytest.approx(50.5)]
    with pytest.raises(KeyError):
        done.tables["nothing"]


def test_run_json_is_the_record_of_the_run(numbers: Path) -> None:
    done = run("study.toml", overrides=["seed=7", "jitter.scale=1"])
    told = json.loads((done.path / "run.json").read_text())
    assert told["status"] == "done"
    assert (told["kind"], told["name"], told["seed"], told["run_id"]) == ("toy", "numbers", 7, done.path.name)
    assert told["study"]["jitter"] == {"scale": 1.0, "shape": "normal"}
    assert told["settings"] == {"seed": 7, "jitter.scale": 1}
    assert told["command"] == "potomac run study.toml --set seed=7 --set jitter.scale=1"
    assert {"potomac", "python", "numpy", "pyarrow"} <= set(told["versions"])
    counts = told["rows"]["data"]
    assert (counts["read"], counts["used"], counts["rejected"]) == (100, 100, 0)
    assert told["tables"]["summary"] == {
        "rows": 1,
        "columns": {"mean": "double", "half_width": "double"},
        "file": "tables/summary.parquet",
    }
    assert set(told["timings"]) == {"open", "answer", "draw", "write", "report"}
    assert told["facts"]["mean"]["meaning"] == "The mean of the values."


def test_the_same_study_seed_and_data_give_the_same_bytes(numbers: Path) -> None:
    settings = ["jitter.scale=1", "seed=3"]
    first, second = run("study.toml", overrides=settings), run("study.toml", overrides=settings)
    other = run("study.toml", overrides=["jitter.scale=1", "seed=4"])
    assert first.path != second.path
    assert digest(first.path / "tables") == digest(second.path / "tables")
    assert digest(first.path / "tables") != digest(other.path / "tables")


def test_the_copy_of_the_study_runs_again_to_the_same_tables(numbers: Path) -> None:
    first = run("study.toml", overrides=["jitter.scale=1", "seed=3"])
    text = (first.path / "study.toml").read_text()
    assert text.startswith("# As run, with these keys set by the command: jitter.scale = 1, seed = 3\n")
    Path("again.toml").write_text(text)
    assert digest(run("again.toml").path / "tables") == digest(first.path / "tables")


def test_tables_in_memory_stand_for_sources(numbers: Path) -> None:
    study = {"kind": "toy", "name": "memory", "data": {"columns": {"value": "v"}}}
    done = run(study, tables={"data": pa.table({"v": [1.0, 2.0, 6.0]})})
    assert done.facts["mean"] == 3.0
    assert json.loads((done.path / "run.json").read_text())["command"] == ""


def test_a_table_that_the_study_does_not_have(numbers: Path) -> None:
    with pytest.raises(StudyError):
        run("study.toml", tables={"dta": pa.table({"value": [1.0]})})


def test_faults_of_the_data_have_the_line_of_the_study(numbers: Path) -> None:
    text = Path("study.toml").read_text().replace('"value"', '"valeu"')
    Path("study.toml").write_text(text)
    with pytest.raises((DataError, StudyError), match=r'study.toml:7: data.columns.value: .*"valeu"') as caught:
        run("study.toml")
    assert 'Did you mean "value"?' in str(caught.value)
    assert left() == []


def test_faults_of_the_engine_have_the_line_of_the_study(numbers: Path) -> None:
    Path("numbers.csv").write_text("value\n1\n")
    with pytest.raises(DataError) as caught:
        run("study.toml")
    (fault,) = caught.value.faults
    assert (fault.code, fault.file, fault.line, fault.key) == ("toy.too-few", "study.toml", 6, "data.source")
    assert left() == []


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), Interrupted(())])
def test_an_interrupted_run_says_so_and_can_be_started_again(numbers: Path, raised: BaseException) -> None:
    def stop(what: str, done: float, total: float | None = None) -> None:
        if what == "averaging":
            raise raised

    with pytest.raises(Interrupted, match=r"Start it again: potomac run study\.toml"):
        run("study.toml", progress=stop)
    (gone,) = rundir.stopped(Path("runs"))
    assert (gone.name, gone.status, gone.command) == ("numbers", "interrupted", "potomac run study.toml")
    assert sorted(path.name for path in gone.path.iterdir()) == ["status.json", "study.toml"]
    assert list(rundir.finished(Path("runs"))) == []
    assert run("study.toml").path.is_dir()


def test_what_starts_it_again_names_the_place(numbers: Path) -> None:
    def stop(what: str, done: float, total: float | None = None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"potomac run study\.toml --set seed=4 --out 'other place'$"):
        run("study.toml", "other place", ["seed=4"], progress=stop)
    (gone,) = rundir.stopped(Path("other place"))
    assert gone.command == "potomac run study.toml --set seed=4 --out 'other place'"


def test_a_run_whose_process_died_is_an_interrupted_one(numbers: Path) -> None:
    partial = rundir.begin(Path("runs"), "numbers", {})
    assert [entry.status for entry in rundir.stopped(Path("runs"))] == ["running"]
    status = json.loads((partial.path / "status.json").read_text())
    (partial.path / "status.json").write_text(json.dumps({**status, "born": "0"}))
    (partial.path / "tables").mkdir()
    assert [entry.status for entry in rundir.stopped(Path("runs"))] == ["interrupted"]
    run("study.toml")
    assert not (partial.path / "tables").exists()
    assert json.loads((partial.path / "status.json").read_text())["status"] == "interrupted"


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (ModuleNotFoundError("No module named 'heavy'", name="heavy"), StudyError, "engine.extra-missing"),
        (MemoryError(), NoAnswer, "run.memory"),
        (NoAnswer(()), NoAnswer, None),
    ],
)
def test_what_an_engine_may_raise(numbers: Path, monkeypatch, raised: Exception, kind: type, code: str | None) -> None:
    def fail(*arguments: object) -> None:
        raise raised

    engine = registry.engine("toy")
    broken = type(engine)(**{name: getattr(engine, name) for name in ("kind", "study", "figures", "summary")}, run=fail)
    monkeypatch.setattr(registry, "engine", lambda kind: broken)
    with pytest.raises(kind) as caught:
        run("study.toml")
    assert [fault.code for fault in caught.value.faults] == ([code] if code else [])
    assert left() == []


def test_a_full_disk_is_a_fault_and_leaves_nothing(numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(write, "tables", full)
    with pytest.raises(StudyError, match=r"no space left on device\. Free some space") as caught:
        run("study.toml")
    assert caught.value.faults[0].code == "run.unwritable"
    assert left() == []


def test_a_disk_that_is_full_while_the_engine_works(numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "spool")

    engine = registry.engine("toy")
    broken = type(engine)(**{name: getattr(engine, name) for name in ("kind", "study", "figures", "summary")}, run=full)
    monkeypatch.setattr(registry, "engine", lambda kind: broken)
    with pytest.raises(StudyError, match=r"^spool: .*no space left on device\. Free some space"):
        run("study.toml")
    assert left() == []


def test_a_place_that_cannot_be_written(numbers: Path) -> None:
    Path("runs").write_text("a file, not a directory")
    with pytest.raises(StudyError) as caught:
        run("study.toml")
    assert caught.value.faults[0].code == "run.unwritable"


def test_passwords_of_databases_are_written_nowhere(numbers: Path) -> None:
    study = {"kind": "toy", "name": "secret", "title": "of postgresql://me:hunter2@host/db", "data": {}}
    study["data"] = {"columns": {"value": "v"}, "source": "postgresql://me:hunter2@host/db"}
    done = run(study, tables={"data": pa.table({"v": [1.0, 2.0]})})
    for file in ("run.json", "study.toml"):
        assert "hunter2" not in (done.path / file).read_text()


def test_open_run_refuses_what_it_cannot_read(numbers: Path) -> None:
    done = run("study.toml")
    for text, code in (
        ("{", "run.unreadable"),
        ('{"format": 99}', "run.foreign"),
        ("[]", "run.foreign"),
        ('{"format": 1, "answer": "42"}', "run.unreadable"),
    ):
        (done.path / "run.json").write_text(text)
        with pytest.raises(StudyError) as caught:
            open_run(done.path)
        assert caught.value.faults[0].code == code


def test_rejected_rows_are_there_even_if_none(numbers: Path) -> None:
    done = run("study.toml")
    assert pq.read_schema(done.path / "rejected.parquet").names == ["source", "row", "column", "value", "reason"]
    assert done.rejected.num_rows == 0
