"""The walls between the rooms hold, and every engine stands behind them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
KINDS = sorted(
    point.module.split(".")[1]
    for point in metadata.entry_points(group="potomac.engines")
    if point.module.startswith("potomac.")
)


@pytest.fixture(scope="module")
def contracts() -> dict[str, dict[str, Any]]:
    """The import contracts by id."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract for contract in told["tool"]["importlinter"]["contracts"]}


def rooms(layers: list[str]) -> set[str]:
    """Names of the rooms on all floors; those in parentheses are not there yet."""
    return {room.strip(" ()") for layer in layers for room in re.split(r"[|:]", layer)}


def test_the_contracts_hold() -> None:
    words = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_every_engine_stands_in_every_list(contracts: dict[str, dict[str, Any]], kind: str) -> None:
    assert kind in rooms(contracts["floors"]["layers"])
    for wall in ("numerics", "faces"):
        assert f"potomac.{kind}" in contracts[wall]["source_modules"]


def test_every_room_that_exists_is_behind_the_wall_of_faces(contracts: dict[str, dict[str, Any]]) -> None:
    faces = {"cli", "server", "deploy", "client"}
    there = {path.name for path in (ROOT / "src/potomac").iterdir() if (path / "__init__.py").is_file()}
    there |= {path.stem for path in (ROOT / "src/potomac").glob("*.py") if not path.stem.startswith("__")}
    assert {f"potomac.{room}" for room in there - faces} <= set(contracts["faces"]["source_modules"])


def test_a_room_in_parentheses_is_really_not_there(contracts: dict[str, dict[str, Any]]) -> None:
    waiting = re.findall(r"\((\w+)\)", " ".join(contracts["floors"]["layers"]))
    assert [room for room in waiting if (ROOT / "src/potomac" / room / "__init__.py").exists()] == []
