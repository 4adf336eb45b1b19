"""doctor names what is there, what is wrong, and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from potomac.cli import host
from potomac.errors import Fault
from potomac.studies import registry
from potomac.studies.home import home


def test_doctor_lists_engines_and_libraries(potomac, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "faults", tuple)
    code, out, _ = potomac("doctor")
    assert code == 0
    assert "engine toy" in out
    assert "potomac-toy 0.1.0" in out
    assert "POTOMAC_HOME" in out


def test_a_broken_engine_is_shown_and_makes_the_exit_code_one(potomac, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault("engine.broken", "the engine cannot be loaded", "", "Reinstall potomac-toy", key="toy")
    monkeypatch.setattr(registry, "faults", lambda: (fault,))
    code, out, _ = potomac("doctor")
    assert code == 1
    assert "wrong  engine toy" in out
    assert "Reinstall potomac-toy" in out


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.os, "access", lambda path, mode: False)
    found = host._home(tmp_path / "state")
    assert (found.state, found.mend) == ("wrong", "Set POTOMAC_HOME to a directory that can be written")


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert host._disk().state == "wrong"
    monkeypatch.chdir(tmp_path)
    assert host._disk().state in ("good", "note")


def test_where_state_lives(tmp_path: Path) -> None:
    assert home({"POTOMAC_HOME": str(tmp_path)}) == tmp_path
    assert home({"XDG_DATA_HOME": str(tmp_path)}).name == "potomac"
