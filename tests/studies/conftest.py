"""A study of the toy engine (tests/sixth_engine), which is put on the path as an installed distribution would be."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SIXTH = Path(__file__).parents[1] / "sixth_engine"
STUDY = """\
kind = "toy"
name = "numbers"
title = "What is the mean?"

[data]
source = "numbers.csv"
columns.value = "value"
"""


def announce(site: Path, name: str, entry_points: str, version: str = "0.1.0") -> None:
    """Make ``site`` look as if the distribution ``name`` were installed there."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[potomac.engines]\n{entry_points}\n")


@pytest.fixture(scope="session")
def toy_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of installed packages that holds potomac-toy."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(SIXTH / "src" / "potomac_toy", site / "potomac_toy", ignore=shutil.ignore_patterns("__pycache__"))
    announce(site, "potomac-toy", "toy = potomac_toy.study:engine")
    return site


@pytest.fixture
def toy(toy_site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The toy engine, installed while a test lasts."""
    from potomac.studies import registry

    monkeypatch.syspath_prepend(str(toy_site))
    registry.forget()
    yield toy_site
    registry.forget()
    for module in [name for name in sys.modules if name.split(".")[0] == "potomac_toy"]:
        del sys.modules[module]


@pytest.fixture
def numbers(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a toy study of the numbers 1 to 100; the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(STUDY)
    rows = "\n".join(f"{number},{'ab'[number % 2]}" for number in range(1, 101))
    (tmp_path / "numbers.csv").write_text(f"value,group\n{rows}\n")
    return tmp_path
