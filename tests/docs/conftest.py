"""Pages of the documentation: their blocks, and a table for the examples to read."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)

OF_THE_SHELL = ("make", "pip", "export", "cd", "mkdir", "python3", ".", "git")
"""Commands of a page that are not Potomac's and are not run."""


@dataclass(frozen=True)
class Block:
    """A fenced block: language, the file that it is the content of, text."""

    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*found.groups(default="")) for found in FENCE.finditer(page.read_text(encoding="utf-8"))]


def commands(block: Block) -> Iterator[list[str]]:
    """Words of each command in a block of the shell; lines that end in a backslash go on."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


class Reader:
    """Someone who types what a page says, in a directory of their own."""

    def __init__(self, quick: bool) -> None:
        self.quick = quick
        self.names: dict[str, Any] = {}
        self.done: list[str] = []

    def follow(self, page: Path, after: Callable[[Block], None] = lambda block: None) -> None:
        """Run the blocks of a page in order; ``after`` is called when a block is done."""
        for block in blocks(page):
            if block.file:
                Path(block.file).write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                exec(compile(block.text, str(page), "exec"), self.names)  # noqa: S102
            elif block.language == "sh":
                for words in commands(block):
                    self.type(words)
            after(block)

    def type(self, words: list[str]) -> None:
        """Run a command of Potomac; it has to succeed."""
        from potomac.cli.main import main

        if words[0] != "potomac":
            assert words[0] in OF_THE_SHELL, f"{words} is neither Potomac's nor known"
            return
        small = ["--set", "model.bags=1", "--set", "model.folds=2"] if words[1] == "run" and self.quick else []
        assert main([*words[1:], *small]) == 0, words
        self.done.append(words[1])


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A reader in an empty directory, whose models are small."""
    from potomac.outliers import detectors
    from potomac.outliers.contrast import Design

    monkeypatch.setattr(detectors, "Design", partial(Design, iterations=10))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "POTOMAC_HOME", str(tmp_path / "home"))
    return Reader(quick=True)
