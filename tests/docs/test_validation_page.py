"""The tutorial on validation runs as written, and prints what it says that it prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "validation.md"


@pytest.mark.slow
def test_the_tutorial_on_validation_prints_what_it_says(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told = iter(re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S))

    said: list[str] = []

    def heard(block: Any) -> None:
        if block.language == "python":
            said.append(capsys.readouterr().out)
        elif block.language == "text":
            printed, written = said.pop(), next(told)
            assert alike(printed, written), printed

    reader.follow(PAGE, heard)
    assert next(told, None) is None


def alike(found: str, told: str) -> bool:
    """The same words, and numbers that differ by rounding at most."""
    number = r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?"
    if re.sub(r"\s+", " ", re.sub(number, "#", found)) != re.sub(r"\s+", " ", re.sub(number, "#", told)):
        return False
    pairs = zip(re.findall(number, found), re.findall(number, told), strict=True)
    each = [(float(a.replace(",", "")), float(b.replace(",", ""))) for a, b in pairs]
    return all(a == pytest.approx(b, rel=0.02, abs=1e-3) for a, b in each)
