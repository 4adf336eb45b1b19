"""The commands: what they print where, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_run_prints_the_finding_first_and_the_directory_last(potomac) -> None:
    code, out, err = potomac("run", "study.toml")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "What is the mean?"
    assert lines[1] == "The mean is 50.5, give or take 5.7."
    assert Path(lines[-1], "run.json").is_file()
    assert any(line.startswith("mean  50.5") for line in lines)
    assert all(len(line) <= 80 for line in lines if "/" not in line)
    assert "opening tables" in err


def test_run_with_json_prints_run_json_and_nothing_else(potomac) -> None:
    code, out, _ = potomac("run", "study.toml", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["facts"]["mean"]["value"] == 50.5
    assert out == Path("runs/numbers/latest/run.json").read_text()


def test_run_quietly_prints_only_where_the_run_is(potomac) -> None:
    code, out, err = potomac("run", "study.toml", "--quiet", "--out", "elsewhere", "--set", "seed=3")
    assert (code, err) == (0, "")
    assert Path(out.strip()).parent == Path("elsewhere/numbers")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "none.toml"], 2, "none.toml: there is no such study file"),
        (["run", "study.toml", "--set", "sed=1"], 2, '--set: sed: no key is called "sed" here'),
        (["run", "study.toml", "--set", "data.source=none.csv"], 3, "data.source"),
        (["run", "study.toml", "--on", "spark"], 2, "Spark is not in this version"),
        (["run", "study.toml", "--on", "moon"], 2, "valid are local, spark"),
        (["run", "study.toml", "--quiet", "--json"], 2, "expected one of them"),
        (["run", "study.toml", "--sett", "x=1"], 2, "--sett"),
        (["run"], 2, 'See "potomac run --help"'),
        (["rnu"], 2, "rnu"),
        (["publish", "x", "--as", "y"], 2, 'no run is called "x"'),
        (["ingest", "a", "b"], 2, '"ingest" is not in this version'),
        (["deploy", "plan"], 2, '"deploy" is not in this version'),
        (["new", "tyo"], 2, 'Did you mean "toy"?'),
        (["new", "toy", "study.toml"], 2, "study.toml: there is a file of this name"),
        (["schema", "tyo"], 2, 'Did you mean "toy"?'),
        (["show", "nothing"], 2, 'no run is called "nothing"'),
    ],
)
def test_what_is_wrong_is_said_on_stderr_with_its_exit_code(potomac, words: list[str], code: int, says: str) -> None:
    found, out, err = potomac(*words)
    assert found == code
    assert says in err
    assert "Traceback" not in err
    assert "--json" in words or out == ""


def test_several_faults_are_several_lines(potomac) -> None:
    Path("study.toml").write_text('kind = "toy"\nname = "x y"\nsead = 1\n[data]\nsource = "numbers.csv"\n')
    code, _, err = potomac("check", "study.toml")
    assert code == 2
    assert [line.split(": ")[0] for line in err.splitlines()] == ["study.toml:2", "study.toml:3"]


def test_errors_as_json(potomac) -> None:
    code, out, _ = potomac("run", "none.toml", "--json")
    told = json.loads(out)
    assert (code, told["status"], told["exit_code"]) == (2, "failed", 2)
    assert told["faults"][0]["code"] == "study.file-missing"


def test_new_check_and_run_follow_each_other(potomac) -> None:
    code, out, _ = potomac("new", "toy", "mine.toml")
    assert (code, out.splitlines()[-1]) == (0, "mine.toml")
    Path("data.csv").write_text(Path("numbers.csv").read_text())
    code, out, _ = potomac("check", "mine.toml")
    assert code == 0
    assert "The study my-toy of kind toy is right." in out
    assert "value  value   1, 2, 3" in out
    assert potomac("run", "mine.toml")[0] == 0


def test_runs_lists_them_newest_first_with_the_stopped_ones(potomac) -> None:
    from potomac.studies import rundir

    assert 'Run a study: "potomac run study.toml"' in potomac("runs")[1]
    potomac("run", "study.toml")
    rundir.begin(Path("runs"), "numbers", {"command": "potomac run study.toml"}).interrupt()
    code, out, _ = potomac("runs")
    assert code == 0
    assert "The mean is 50.5" in out
    assert "interrupted" in out
    assert "Start it again: potomac run study.toml" in out
    told = json.loads(potomac("runs", "--json")[1])
    assert sorted(entry["status"] for entry in told) == ["done", "interrupted"]


def test_show_and_report(potomac) -> None:
    run = Path(potomac("run", "study.toml", "--quiet")[1].strip())
    for name in (str(run), "numbers", "numbers/latest", run.name):
        assert potomac("report", name)[1].strip() == str(run / "report.html")
    out = potomac("show", "numbers")[1]
    assert "mean: The mean of the values." in out
    assert "The interval takes the values as independent." in out
    assert potomac("show", "numbers", "--json")[1] == (run / "run.json").read_text()


def test_a_report_drawn_again_goes_into_a_new_file(potomac) -> None:
    potomac("run", "study.toml")
    assert potomac("report", "numbers", "--to", "again.html")[:2] == (0, "again.html\n")
    assert Path("again.html").read_text() == Path("runs/numbers/latest/report.html").read_text()
    code, _, err = potomac("report", "numbers", "--to", "again.html")
    assert code == 2
    assert "it is left as it is" in err


def test_a_damaged_run_is_said_to_be(potomac) -> None:
    run = Path(potomac("run", "study.toml", "--quiet")[1].strip())
    (run / "report.html").unlink()
    assert potomac("report", "numbers")[::2] == (
        2,
        f"{run}: the run has no report.html. Draw it again with --to FILE\n",
    )
    assert potomac("report", "numbers", "--to", "again.html")[0] == 0
    (run / "tables" / "summary.parquet").write_bytes(b"PAR1 no")
    code, _, err = potomac("report", "numbers", "--to", "third.html")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "a file of the run cannot be read" in err
    (run / "run.json").write_text("[]")
    assert [entry["status"] for entry in json.loads(potomac("runs", "--json")[1])] == ["unreadable"]
    assert potomac("runs")[1] == f"numbers/{run.name}  unreadable\n"
    assert potomac("show", "numbers")[0] == 2


def test_schema_prints_json(potomac) -> None:
    code, out, _ = potomac("schema", "toy")
    assert code == 0
    assert json.loads(out)["properties"]["kind"]["const"] == "toy"


def test_signs_that_steer_a_terminal_are_not_passed_on(potomac) -> None:
    Path("study.toml").write_text(Path("study.toml").read_text().replace("What", "\\u001b[31mWhat"))
    out = potomac("run", "study.toml")[1]
    assert "\x1b" not in out
