"""An engine from another distribution, installed as users install it, is seen in every command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SRC = HERE.parents[1] / "src"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory into which pip has installed the distribution; no network is asked."""
    work = tmp_path_factory.mktemp("sixth")
    ignored = shutil.ignore_patterns("__pycache__", "test_*")
    shutil.copytree(HERE, work / "source", ignore=ignored)
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    words = [sys.executable, "-m", "pip", "install", *options, "--target", work / "site", work / "source"]
    subprocess.run(words, check=True, capture_output=True, text=True)
    return work / "site"


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def potomac(site: Path, tmp_path: Path) -> Command:
    """Run the command in a folder with a table, with more directories of packages if need be."""
    rows = "\n".join(map(str, range(1, 101)))
    (tmp_path / "values.csv").write_text(f"value\n{rows}\n")

    def call(*words: str, before: Path | None = None) -> subprocess.CompletedProcess[str]:
        places = [str(before) if before else "", str(SRC), str(site), os.environ.get("PYTHONPATH", "")]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
        words = (sys.executable, "-m", "potomac", *words)
        return subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)

    return call


def install(folder: Path, dist: str, kind: str, source: str) -> Path:
    """A second distribution beside it, with an engine of its own."""
    module = dist.replace("-", "_")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[potomac.engines]\n{kind} = {module}:engine\n")
    return folder


def test_the_way_from_new_to_the_report(potomac: Command, tmp_path: Path) -> None:
    assert potomac("new", "toy", "study.toml").stdout.splitlines()[-1] == "study.toml"
    study = tmp_path / "study.toml"
    study.write_text(study.read_text().replace('"data.csv"', '"values.csv"'))
    assert "The study my-toy of kind toy is right." in potomac("check", "study.toml").stdout
    done = potomac("run", "study.toml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The mean is 50.5, give or take 5.7.")  # of 1 to 100; 1.96 * 29.01 / 10
    run = tmp_path / done.stdout.splitlines()[-1]
    told = json.loads((run / "run.json").read_text())
    assert told["versions"]["potomac-toy"] == "0.1.0"
    report = tmp_path / potomac("report", "my-toy").stdout.strip()
    assert "The mean is 50.5, give or take 5.7." in report.read_text()


def test_its_schema_its_help_and_its_demo(potomac: Command, tmp_path: Path) -> None:
    schema = json.loads(potomac("schema", "toy").stdout)
    assert set(schema["properties"]) == {"kind", "name", "title", "seed", "data", "jitter", "level"}
    assert "the kinds here are" in potomac("schema", "tyo").stderr
    assert "engine toy" in potomac("doctor").stdout
    demo = potomac("demo", "toy", "--quiet")
    assert "What is the mean of the numbers from 1 to 100?" in demo.stdout
    assert (tmp_path / "potomac-demo/runs/hundred/latest/report.html").is_file()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nowhere_to_be_found", "needs the module nowhere_to_be_found, which is not installed"),
        ("raise SystemError('kaputt')", "cannot be loaded: SystemError: kaputt"),
        ("class engine: api = 99", "is made for interface 99"),
    ],
)
def test_a_broken_or_foreign_neighbour_is_named_and_harms_nobody(
    potomac: Command, tmp_path: Path, source: str, says: str
) -> None:
    other = install(tmp_path / "other", "neighbour", "seventh", source)
    doctor = potomac("doctor", before=other)
    assert doctor.returncode == 1
    assert f'the engine "seventh" of the distribution neighbour {says}' in doctor.stdout
    asked = potomac("new", "seventh", before=other)
    assert asked.returncode == 2
    assert says in asked.stderr
    assert potomac("new", "toy", before=other).returncode == 0


def test_a_doubled_kind_is_refused_with_both_names(potomac: Command, tmp_path: Path) -> None:
    other = install(tmp_path / "other", "usurper", "toy", "engine = None")
    asked = potomac("new", "toy", before=other)
    assert asked.returncode == 2
    assert "potomac-toy and usurper is declared 2 times" in asked.stderr
    assert "Traceback" not in asked.stderr
