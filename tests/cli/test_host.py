"""doctor names what is there, what is wrong, and how to mend it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from potomac.cli import host
from potomac.errors import Fault
from potomac.studies import registry
from potomac.studies.home import home


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was never started, whatever this machine has."""
    for name in ("DATABASE_URL", "POTOMAC_PUBLIC_URL", "POTOMAC_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POTOMAC_HOME", str(tmp_path / "server"))


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


def checked(**environ: str) -> dict[str, host.Check]:
    """Checks of the server, in a process of its own: Django is set up once a process."""
    code = (
        "from potomac.cli import host; import json, dataclasses\n"
        "print(json.dumps([*map(dataclasses.asdict, host.checks())]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environ}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return {told["what"]: host.Check(**told) for told in json.loads(done.stdout)}


def test_a_server_that_was_never_started_is_a_note_and_nothing_is_made(tmp_path: Path) -> None:
    found = checked()
    assert (found["server"].state, found["server"].evidence) == ("note", "not started here yet")
    assert found["server settings"].state == "good"
    assert not (tmp_path / "server").exists()


def test_settings_that_lock_everybody_out_are_wrong() -> None:
    found = checked(POTOMAC_PUBLIC_URL="https://answers.example.org")
    assert found["server https"].state == "wrong"
    assert checked(POTOMAC_WORKERS="many")["server settings"].state == "wrong"


def test_a_server_that_was_started(tmp_path: Path) -> None:
    code = "from potomac.server.setup import prepare; prepare(); from potomac.server.ops import start; start.tables()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    found = checked()
    assert found["server database"].state == found["server migrations"].state == found["server disk"].state == "good"
    assert (found["server worker"].state, found["server worker"].evidence) == ("note", "none was ever seen")
    assert found["server static"].evidence == "not collected"
    (tmp_path / "server" / "potomac.sqlite3").write_bytes(b"no database at all" * 1000)
    assert checked()["server database"].state == "wrong"
