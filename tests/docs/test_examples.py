"""What the pages say can be typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

ROWS = 1_500
"""First rows of the tutorial's table that the test keeps."""


@pytest.mark.slow
def test_the_tutorial_runs_as_written(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def smaller(block: Any) -> None:
        if "simulate_strait" in block.text:
            lines = Path("strait.csv").read_text().splitlines()
            assert len(lines) > 10_000
            Path("strait.csv").write_text("\n".join(lines[: ROWS + 1]) + "\n")

    reader.follow(DOCS / "tutorials" / "outliers.md", smaller)
    assert {"new", "check", "run", "show", "report", "runs"} <= set(reader.done)
    assert "cannot be used" in capsys.readouterr().out
    last, checked = reader.names["cells"], reader.names["run"]
    assert "coefficient_cos_course" in last.column_names
    assert checked.tables["top"].num_rows == 100
    assert len(reader.names["scores"]) <= ROWS
