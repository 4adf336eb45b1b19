"""The door: help, version, errors inside, interruption, a reader who goes away; in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from potomac.cli import main as cli

SLOW = """
import time
import potomac_toy.study as study
from potomac.engine import Engine
def slow(asked, tables, stream, progress):
    while True:
        progress("waiting", 0)
        time.sleep(0.01)
engine = Engine(kind="toy", study=study.ToyStudy, run=slow, figures=study.figures, summary="Never ends.")
"""


def test_help_teaches_within_eighty_columns(potomac) -> None:
    code, out, _ = potomac("--help")
    assert code == 0
    assert "potomac new outliers study.toml" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    first = ("new", "check", "run", "runs", "show", "report", "schema", "demo", "doctor")
    for command in (*first, "serve", "publish", "worker", "backup", "restore", "user"):
        assert f"\n  {command} " in out
    for later in cli.LATER:
        assert f"\n  {later} " not in out
    assert "..." not in out.replace("[ARGS]...", "")  # no help is cut
    assert "130 stopped" in out


@pytest.mark.parametrize("command", [*cli.names()])
def test_every_command_has_help_with_an_example(potomac, command: str) -> None:
    code, out, _ = potomac(command, "--help")
    assert code == 0
    assert f"Example: potomac {command}" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_version(potomac) -> None:
    from potomac import __version__

    assert potomac("--version") == (0, f"potomac {__version__}\n", "")


def test_no_words_show_the_help(potomac) -> None:
    code, out, _ = potomac()
    assert code == 2
    assert "Usage: potomac" in out


def test_an_error_inside_is_one_sentence_and_debug_shows_it(potomac, monkeypatch: pytest.MonkeyPatch) -> None:
    from potomac.studies import scaffold

    def fail(kind: str) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(scaffold, "schema", fail)
    code, out, err = potomac("schema", "toy")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "potomac: an error inside Potomac (RuntimeError: two lines). "
        "Add --debug to see where; the data and earlier runs are as they were"
    ]
    code, _, err = potomac("schema", "toy", "--debug")
    assert code == 1
    assert "Traceback" in err
    assert 'raise RuntimeError("two' in err


def test_debug_keeps_the_exit_code_and_the_sentence(potomac) -> None:
    plain = potomac("run", "nothing.toml")
    code, out, err = potomac("run", "nothing.toml", "--debug")
    assert (code, out) == plain[:2] == (2, "")
    assert err.endswith(plain[2])
    assert "Traceback" in err
    assert "Traceback" not in plain[2]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rnu",), "Did you mean 'run'? See \"potomac --help\""),
        (("run",), 'See "potomac run --help"'),
        (("run", "a", "b"), 'See "potomac run --help"'),
        (("run", "a", "--nope"), "--nope"),
        (("--nope",), "--nope"),
    ],
)
def test_a_wrong_use_is_one_line(potomac, words: tuple[str, ...], says: str) -> None:
    code, out, err = potomac(*words)
    assert (code, out) == (2, "")
    assert err.startswith("potomac: ")
    assert says in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("command", ["add", "list", "password", "remove"])
def test_every_command_about_people_has_help_with_an_example(potomac, command: str) -> None:
    code, out, _ = potomac("user", command, "--help")
    assert code == 0
    assert f"Example: potomac user {command}" in out
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize("words", [(), ("--help",), ("x", "--host", "127.0.0.1")])
@pytest.mark.parametrize("command", cli.LATER)
def test_commands_of_later_versions_say_so(potomac, command: str, words: tuple[str, ...]) -> None:
    code, out, err = potomac(command, *words)
    assert (code, out) == (2, "")
    assert f'"{command}" is not in this version of Potomac' in err


def test_python_m_potomac_is_the_same(spawn) -> None:
    process = spawn("run", "study.toml", "--quiet")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert Path(out.strip(), "report.html").is_file()


@pytest.fixture
def endless(spawn, toy: Path, numbers: Path) -> subprocess.Popen[str]:
    """A run that waits for ever, in a process of its own."""
    site = numbers / "site"
    site.mkdir()
    (site / "slow_toy.py").write_text(SLOW)
    info = site / "potomac_toy-0.1.0.dist-info"  # stands before the toy's own
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: potomac-toy\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[potomac.engines]\ntoy = slow_toy:engine\n")
    path = os.pathsep.join([str(site), str(toy), *sys.path])
    process = spawn("run", "study.toml", "--set", "seed=5", PYTHONPATH=path)
    assert process.stderr is not None
    while "waiting" not in (line := process.stderr.readline()):
        assert line, "the run ended by itself"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_a_run(spawn, endless: subprocess.Popen[str], number: int) -> None:
    process = endless
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    (last,) = [line for line in err.splitlines() if line.startswith("potomac:")]
    assert last.endswith("nothing of it is kept. Start it again: potomac run study.toml --set seed=5")
    listing = spawn("runs", "--json").communicate(timeout=60)[0]
    assert [entry["status"] for entry in json.loads(listing)] == ["interrupted"]
    assert not Path("runs/numbers/latest").exists()


def test_a_run_that_is_killed_is_an_interrupted_one_and_half_of_it_is_seen_nowhere(spawn, endless) -> None:
    assert [entry["status"] for entry in json.loads(spawn("runs", "--json").communicate(timeout=60)[0])] == ["running"]
    endless.kill()
    endless.communicate(timeout=60)
    (entry,) = json.loads(spawn("runs", "--json").communicate(timeout=60)[0])
    assert (entry["status"], entry["command"]) == ("interrupted", "potomac run study.toml --set seed=5")
    assert [path.name for path in Path("runs/numbers").iterdir() if not path.name.startswith(".")] == []
    again = spawn("run", "study.toml", "--quiet")  # the next run tidies up, and is whole
    path = Path(again.communicate(timeout=60)[0].strip())
    assert Path("runs/numbers/latest").resolve() == path.resolve()
    assert sorted(p.name for p in next(Path("runs/numbers").glob(".*.partial")).iterdir()) == [
        "status.json",
        "study.toml",
    ]


def test_a_reader_who_goes_away_is_no_error(spawn) -> None:
    process = spawn("schema", "toy")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_closed_ends_are_no_error(numbers: Path, toy: Path, closed: str) -> None:
    sign = {"stdout": ">&-", "stderr": "2>&-"}[closed]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(cli.__file__).parents[2]), str(toy)])}
    words = f'"{sys.executable}" -m potomac run study.toml --quiet {sign}'
    done = subprocess.run(words, shell=True, env=environ, capture_output=True, text=True)  # noqa: S602
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("runs/numbers/latest/report.html").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_onto_a_full_disk(spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "potomac", "runs"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"potomac: the output cannot be written: no space left on device\n"


def test_a_file_whose_name_is_not_utf8(spawn, numbers: Path) -> None:
    name = os.fsdecode(b"b\xffd.toml")
    try:
        Path(name).write_bytes(Path("study.toml").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such names")
    out, err = spawn("run", name, "--quiet").communicate(timeout=60)
    assert err == ""
    assert json.loads((Path(out.strip()) / "run.json").read_text())["study_file"] == name


def test_completion_of_commands_and_kinds(spawn) -> None:
    asked = {"_POTOMAC_COMPLETE": "complete_bash", "COMP_WORDS": "potomac new t", "COMP_CWORD": "2"}
    out = spawn("", **asked).communicate(timeout=60)[0]
    assert "toy" in out.split()


def test_no_locale_is_no_error(spawn) -> None:
    text = Path("study.toml").read_text()
    Path("study.toml").write_text(text.replace("mean?", "me\N{LATIN SMALL LETTER A WITH ACUTE}n?"))
    process = spawn("run", "study.toml", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "What is the me?n?" in out


def test_import_of_the_command_is_light() -> None:
    code = "import sys, potomac.cli.main; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pydantic", "pyarrow", "duckdb", "django", "pandas"} & set(found)
