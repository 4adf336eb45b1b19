"""Hostile files: each is refused with a sentence or read with a note, in little memory and time, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from .hostile import CASES, Case, parquet

LIMITS = {"rows": 200_000, "columns": 500, "decoded_mb": 24, "check_s": 30}
MEMORY_MB = 600
"""Of which some 150 are the libraries themselves."""
HERE = Path(__file__).parent

Look = Callable[[Path, str], dict[str, Any]]


@pytest.fixture(scope="module")
def looked() -> Iterator[Look]:
    """Looks at a file in a limited process; what was told, how it ended, and its memory."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "looker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def look(path: Path, name: str) -> dict[str, Any]:
            stdin.write(json.dumps({"path": str(path), "name": name, "limits": LIMITS}) + "\n")
            stdin.flush()
            found: dict[str, Any] = json.loads(stdout.readline())
            return found

        yield look
        stdin.close()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_hostile_file(case: Case, looked: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "0123456789abcdef"  # as it is kept: a hash, without ending
    path.write_bytes(case.make())
    found = looked(path, case.name)
    assert found["status"] == 0, "the process died"
    assert found["mb"] < MEMORY_MB
    told = found["told"]
    assert str(tmp_path) not in json.dumps(told)
    assert path.name not in json.dumps(told)
    if case.codes:
        assert told["state"] == "refused", told
        assert {fault["code"] for fault in told["faults"]} <= set(case.codes), told["reason"]
        assert told["reason"].isprintable()
        assert "Traceback" not in told["reason"]
    else:
        assert told["state"] == "ready", told["reason"]
        assert told["rows"] == case.rows
        assert case.note in "\n".join(told["preview"]["notes"])
        _is_harmless(told["preview"])


def _is_harmless(preview: dict[str, Any]) -> None:
    """What is shown is short and printable; names stay as studies must write them."""
    assert len(preview["rows"]) <= 20
    for row in preview["rows"]:
        assert len(row) == len(preview["columns"])
        assert all(value is None or (len(value) <= 60 and value.isprintable()) for value in row)
    for column in preview["columns"]:
        assert column["shown"].isprintable()
        assert all(len(value) <= 60 and value.isprintable() for value in column["examples"])
        column["name"].encode()  # no lone surrogates
        assert "\0" not in column["name"]
    assert all(note.isprintable() for note in preview["notes"])


def test_nothing_was_unpickled(looked: Look, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.id == "words to unpickle")
    path = tmp_path / "a"
    path.write_bytes(case.make())
    looked(path, "a.parquet")
    assert not Path("potomac-was-here").exists()


@pytest.mark.parametrize("seed", range(8))
def test_parquet_with_random_damage(seed: int, looked: Look, tmp_path: Path) -> None:
    """Any few bytes may be wrong; a reader that dies of it takes only its own process along."""
    random = np.random.default_rng(seed)
    table = pa.table({"a": list(range(3000)), "w": [f"word {i % 50}" for i in range(3000)], "f": [0.5] * 3000})
    data = bytearray(parquet(table, compression="snappy"))
    for place in random.integers(4, len(data) - 8, 6):
        data[place] = int(random.integers(0, 256))
    path = tmp_path / "a"
    path.write_bytes(bytes(data))
    found = looked(path, "a.parquet")
    if found["told"] is None:
        assert found["status"] != 0
    else:
        assert found["told"]["state"] == "ready" or found["told"]["reason"]
        assert "upload.unreadable" not in {fault["code"] for fault in found["told"]["faults"]}


def test_the_child_of_a_look_knows_no_django() -> None:
    code = "import sys; from potomac.server.catalog.look import look; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_time_is_kept_where_rows_never_come(tmp_path: Path) -> None:
    from potomac.server.catalog.look import look

    path = tmp_path / "a"
    path.write_bytes(b"a,b\n" + b"\n" * (3 << 20))
    told = look(str(path), "a.csv", {**LIMITS, "check_s": 0})
    assert [fault["code"] for fault in told["faults"]] == ["upload.time"]


def test_progress_tells_rows(tmp_path: Path) -> None:
    from potomac.server.catalog.look import look

    path = tmp_path / "a"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 9)
    seen: list[int] = []
    assert look(str(path), "a.csv", LIMITS, progress=seen.append)["rows"] == 9
    assert seen[-1] == 9
