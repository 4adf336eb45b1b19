"""check validates the study and looks at the first rows of its tables."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from potomac.errors import DataError
from potomac.studies import check


def test_check_says_what_it_found(numbers: Path) -> None:
    loaded, (found,) = check("study.toml")
    assert loaded.study.name == "numbers"
    assert (found.name, found.source, found.columns["value"].column) == ("data", "numbers.csv", "value")
    assert found.rows.column("value").to_pylist()[:3] == [1, 2, 3]
    assert found.rejected == 0


def test_check_of_tables_in_memory(numbers: Path) -> None:
    _, (found,) = check("study.toml", tables={"data": pa.table({"value": [1.0]})})
    assert found.rows.num_rows == 1


def test_check_writes_nothing(numbers: Path) -> None:
    before = sorted(numbers.rglob("*"))
    check("study.toml")
    assert sorted(numbers.rglob("*")) == before


def test_no_source_is_a_fault_with_its_line(numbers: Path) -> None:
    Path("numbers.csv").unlink()
    with pytest.raises(DataError, match=r"study\.toml:6: data\.source: .*numbers\.csv"):
        check("study.toml")


def test_a_source_without_a_usable_row(numbers: Path) -> None:
    Path("numbers.csv").write_text("value\n")
    with pytest.raises(DataError, match=r"study\.toml:6: data\.source: "):
        check("study.toml")
