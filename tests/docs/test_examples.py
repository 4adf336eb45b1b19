"""What the pages say can be typed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

ROWS = 1_500
"""First rows of the tutorial's table that the test keeps."""


@pytest.mark.slow
def test_the_tutorial_runs_as_written(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def smaller(block: Any) -> None:
        if "simulate_strait" in block.text:
            lines = Path("strait.csv").read_text().splitlines()
            assert len(lines) > 10_000
            Path("strait.csv").write_text("\n".join(lines[: ROWS + 1]) + "\n")

    reader.follow(DOCS / "tutorials" / "outliers.md", smaller)
    from potomac import studies

    assert {"new", "check", "run", "show", "report", "runs"} <= set(reader.done)
    assert "cannot be used" in capsys.readouterr().out
    last, checked = reader.names["cells"], reader.names["run"]
    described(checked)
    described(studies.open_run("strait/latest"))
    assert "coefficient_cos_course" in last.column_names
    assert checked.tables["top"].num_rows == 100
    assert len(reader.names["scores"]) <= ROWS


SIMULATED = """
from pyarrow import csv
from potomac.outliers.strait import simulate_strait
from potomac.stats.streams import Stream
import pyarrow as pa

table = simulate_strait(Stream(2), days=1).reports.slice(0, 600)
table = table.append_column("timestamp", table["time"])
csv.write_csv(table, "data.csv")
csv.write_csv(table, "strait.csv")
"""


def described(run: Any) -> None:
    """Every table, column and fact of a run, and key of its manifest, is described in the reference."""
    reference = DOCS / "reference"
    results = (reference / f"results-{run.manifest['kind']}.md").read_text(encoding="utf-8")
    facts = re.findall(r"^\| `([^`]+)`", (reference / "facts.md").read_text(encoding="utf-8"), re.M)
    patterns = [re.escape(name).replace(r"\{kind\}", r"\w+") for name in facts]
    for fact in run.facts:
        measured = "{measure}" in facts and f"`{fact}`" in results  # a measure of the place that is told first
        assert measured or any(re.fullmatch(pattern, fact) for pattern in patterns), fact
    for table, told in run.manifest["tables"].items():
        assert re.search(rf"^## .*`{table}`", results, re.M), table
        for column in told["columns"]:
            plain = re.sub(r"^(coefficient|error)_(?!intercept$)", "", column)  # in words: "`coefficient_...`"
            assert f"`{plain}`" in results or plain.startswith(COVARIATES), (table, column)
    directory = (reference / "run-directory.md").read_text(encoding="utf-8")
    for key in run.manifest:
        assert f"`{key}`" in directory, key
    for entry in run.path.iterdir():
        assert f"`{entry.name}" in directory, entry


COVARIATES = ("type", "flag", "length")


def test_the_tutorial_on_sites_runs_as_written(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    reader.quick = False
    reader.follow(DOCS / "tutorials" / "location.md")
    from potomac import studies

    assert {"new", "check", "run", "show"} <= set(reader.done)
    said = capsys.readouterr().out
    assert "no other choice does better" in said
    for name in ("meetup", "calibrated"):
        described(studies.open_run(f"{name}/latest"))
    assert reader.names["found"].status == "optimal"
    assert studies.open_run("calibrated/latest").facts["travel_error"] < 15


@pytest.mark.slow
def test_the_tutorial_on_the_desk_runs_as_written(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    reader.quick = False
    reader.follow(DOCS / "tutorials" / "simulation.md")
    from potomac import studies

    assert {"new", "check", "run", "show"} <= set(reader.done)
    assert "one at the desk:" in capsys.readouterr().out
    for name in ("desk", "office", "measured"):
        described(studies.open_run(f"{name}/latest"))
    wait = reader.names["wait"]
    # M/M/2 at 1 and 1/1.5 a minute: P(wait) = 9/14 by Erlang's C, times 1.5 / (2 - 1.5)
    assert wait.low < 9 / 14 * 1.5 / 0.5 < wait.high


def test_the_page_on_simpy_runs_as_written(reader: Any) -> None:
    reader.follow(DOCS / "how-to" / "simpy.md")
    own, declared = (reader.names[name].estimate("desk", "wait") for name in ("found", "same"))
    assert own.mean == pytest.approx(declared.mean, rel=1e-9)


def table_here() -> None:
    """A small table under the names that pages use."""
    exec(SIMULATED, {})  # noqa: S102


def test_the_readme_runs_as_written(reader: Any) -> None:
    table_here()
    reader.follow(ROOT / "README.md")
    assert reader.done == ["new", "check", "run"]
    assert reader.names["run"].facts["records"] > 500
    assert 0 <= reader.names["run"].facts["found"] <= 100
    described(reader.names["run"])


def test_rejected_rows_are_read_as_the_page_on_bad_data_says(reader: Any) -> None:
    import pyarrow as pa

    from potomac import studies

    Path("data.csv").write_text("lat,lon\n" + "".join(f"{50 + i / 100},{i / 50}\n" for i in range(60)) + "91,2\nx,3\n")
    columns = {"latitude": "lat", "longitude": "lon"}
    study = {"kind": "outliers", "name": "strait", "data": {"source": "data.csv", "columns": columns}}
    studies.run({**study, "model": {"method": "logistic"}})
    reader.follow(DOCS / "how-to" / "bad-data.md")
    rejected: pa.Table = reader.names["rejected"]
    assert rejected["reason"].to_pylist() == ["latitude outside -90 to 90", "latitude not a number"]


def test_what_the_page_on_bad_data_says_of_values_is_so(tmp_path: Path) -> None:
    """Its rows on unknown words, tenths of knots, AIS codes and needed roles."""
    from potomac import tables
    from potomac.tables import HEADING, LATITUDE, LONGITUDE, SPEED, Column

    file = tmp_path / "rows.csv"
    words = ["n/a", "NA", "None", "null", "nan", "\\N", "", "-", "missing", "1023", "120"]
    file.write_text("lat,lon,sog,cog\n" + "".join(f"1,2,{word},511\n" for word in ["50", *words]))
    columns = {"latitude": "lat", "longitude": "lon", "speed": Column("sog", unit="0.1 kn"), "heading": "cog"}
    table = tables.open(file, columns, roles=(LATITUDE, LONGITUDE, SPEED, HEADING))
    rows = table.to_arrow()
    assert rows["speed"].to_pylist() == [5.0, *[None] * 7, None, 12.0]
    assert set(rows["heading"].to_pylist()) == {None}
    assert table.rejected().read_all()["value"].to_pylist() == ["-", "missing"]


STUDY = """kind = "outliers"
name = "strait"
[data]
source = "strait.csv"
columns.latitude = "lat"
columns.longitude = "lon"
[model]
method = "logistic"
"""


def test_a_scheduled_run_ends_as_its_page_says(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from potomac.cli.main import main

    page = (DOCS / "how-to" / "schedule.md").read_text(encoding="utf-8")
    line = re.search(r"potomac (run strait\.toml --quiet)", page)
    assert line is not None
    words = line[1].split()
    table_here()
    Path("strait.toml").write_text(STUDY)
    assert main(words) == 0
    said = capsys.readouterr()
    assert Path(said.out.strip()).is_dir()  # the run's directory and nothing else
    assert said.err == ""
    Path("strait.csv").write_text("lat,lon\n95,200\n")
    assert main(words) == 3
    assert capsys.readouterr().err.startswith("strait.toml:")
    Path("strait.toml").write_text("kind = ")
    assert main(words) == 2


@pytest.mark.parametrize(("code", "told", "end"), [(0, "report.html", 0), (3, "cannot be used", 0), (2, "", 1)])
def test_the_wrapper_tells_the_ends_of_a_run_apart(reader: Any, code: int, told: str, end: int) -> None:
    import os
    import subprocess

    page = (DOCS / "how-to" / "schedule.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)
    Path("bin").mkdir()
    Path("bin/potomac").write_text(f"#!/bin/sh\nexit {code}\n")  # stands for the command
    Path("bin/potomac").chmod(0o755)
    environ = {**os.environ, "PATH": f"{Path('bin').resolve()}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, text=True)
    assert (done.returncode, told in done.stdout) == (end, True)


def test_the_page_on_engines_is_taken_from_the_sixth_one() -> None:
    page = (DOCS / "how-to" / "add-an-engine.md").read_text(encoding="utf-8")
    home = ROOT / "tests" / "sixth_engine"
    files = [home / "pyproject.toml", home / "src" / "potomac_toy" / "study.py"]
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    shown = re.findall(r"^```(?:toml|python)\n(.*?)^```$", page, re.M | re.S)
    assert len(shown) == 4
    for block in shown:
        for piece in block.strip().split("\n\n\n"):
            assert piece in source


def test_the_picture_is_small_enough_for_a_first_page() -> None:
    assert (DOCS / "assets" / "report.png").stat().st_size <= 250_000
