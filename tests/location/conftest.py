"""Studies of a few invented places, whose answers can be followed by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from potomac import studies

Ask = Callable[..., studies.Run]

PLACES = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "latitude": [38.90, 38.95, 38.80, 39.00],
        "longitude": [-77.03, -77.10, -77.05, -76.95],
        "people": [100.0, 50.0, 80.0, 20.0],
    }
)
"""Four places around Washington."""

TIMES = pa.table(
    {
        "origin": ["a", "a", "a", "b", "b", "b", "c", "c", "c", "d", "d", "d"],
        "destination": ["a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c"],
        "minutes": [0.0, 10.0, 15.0, 11.0, 0.0, 25.0, 14.0, 26.0, 0.0, 20.0, 22.0, 30.0],
    }
)
"""Minutes from each place to the candidates a, b and c. By people: a 2,070 in all, b 3,520, c 3,350."""

SITES = PLACES.slice(0, 3).select(["id", "latitude", "longitude"])
"""The candidates a, b and c."""


ROLES = {"people": "weight", "lon": "latitude", "lat": "longitude"}
"""Columns that are not called as their role; two of them are exchanged."""


def columns(table: pa.Table) -> dict[str, str]:
    """The column of each role."""
    return {ROLES.get(name, name): name for name in table.column_names}


def study(tables: Mapping[str, pa.Table], **parts: Any) -> dict[str, Any]:
    """The keys of a study over tables in memory."""
    keys: dict[str, Any] = {"kind": "location", "name": "small", "scenarios": {"count": 0}, **parts}
    for name, table in tables.items():
        place = keys
        for part in name.split("."):
            place = place.setdefault(part, {})
        place |= {"source": "memory", "columns": {**columns(table), **place.get("columns", {})}}
    return keys


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Run a study over tables: ``ask({"demand": table}, problem={...})``."""

    def run(tables: Mapping[str, pa.Table], **parts: Any) -> studies.Run:
        return studies.run(study(tables, **parts), tmp_path / "runs", tables=tables)

    return run


@pytest.fixture
def by_pair(ask: Ask) -> Ask:
    """The four places, the three candidates and their travel times; what is given is asked for."""

    def run(tables: Mapping[str, pa.Table] | None = None, **parts: Any) -> studies.Run:
        given = {"demand": PLACES, "candidates": SITES, "travel.matrix": TIMES, **(tables or {})}
        return ask(given, **{"travel": {"model": "matrix"}, **parts})

    return run


@pytest.fixture
def places() -> pa.Table:
    """The four places."""
    return PLACES


@pytest.fixture
def sites() -> pa.Table:
    """The three candidates."""
    return SITES


@pytest.fixture
def times() -> pa.Table:
    """Their travel times, a row a pair."""
    return TIMES
