"""The toy study, as for the tests of studies; and the command, run in this process or in one of its own."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_fixtures = runpy.run_path(str(Path(__file__).parents[1] / "studies" / "conftest.py"))
toy_site, toy, numbers = _fixtures["toy_site"], _fixtures["toy"], _fixtures["numbers"]

SRC = Path(__file__).parents[2] / "src"


@pytest.fixture
def potomac(numbers: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: exit code, stdout, stderr."""
    from potomac.cli.main import main

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def spawn(numbers: Path, toy: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start ``python -m potomac`` in a process of its own, with the toy engine."""
    path = os.pathsep.join(filter(None, [str(SRC), str(toy), os.environ.get("PYTHONPATH", "")]))

    def start(*words: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "potomac", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, **environ},
        )

    return start
