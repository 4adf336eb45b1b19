"""The benchmark of accuracy: what it tries, what it reads, and its table; without peers."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    return import_module("benchmarks.recommend.accuracy")


def test_as_many_settings_as_fits_and_the_default_first(accuracy: Any) -> None:
    for library, model in accuracy.GRIDS:
        default = {name: values[0] for name, values in accuracy.GRIDS[library, model].items()}
        some = accuracy.settings_of(library, model, 5)
        assert some[0] == default
        assert len(some) == 5
        assert len({tuple(one.items()) for one in some}) == 5
        assert some == accuracy.settings_of(library, model, 5)


@pytest.mark.parametrize("kind", ["parquet", "u.data", "ratings.csv"])
def test_ratings_of_four_and_more_are_likes(kind: str, accuracy: Any, tmp_path: Path) -> None:
    rows = [(1, 7, 5, 100), (1, 8, 3, 100), (1, 9, 4, 100), (2, 7, 4, 50)]
    if kind == "parquet":
        path = tmp_path / "found.parquet"
        names = ("user_id", "movie_id", "rating", "timestamp")
        pq.write_table(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), path)
    else:
        path, sign = tmp_path, "\t" if kind == "u.data" else ","
        head = [] if kind == "u.data" else ["userId,movieId,rating,timestamp"]
        (path / kind).write_text("\n".join([*head, *(sign.join(map(str, row)) for row in rows)]) + "\n")
    likes = accuracy.likes_of(path)
    assert likes.items.to_pylist() == [7, 9]
    assert likes.of_users.tolist() == [2, 1]
    assert np.diff(likes.times[:2]) == [1]  # of the same second: in the order of the items


def test_the_table_without_peers(accuracy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "interpreter_of", lambda library: None)
    monkeypatch.setitem(accuracy.WORLDS, "tiny", {"users": 400, "items": 40, "per_user": 10, "taste": 2.5})
    told = accuracy.main(["--worlds", "tiny", "--fits", "4"])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in told.splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == ["**Potomac auto**", "popularity"]
    gain = float(rows[1][2].split()[0])
    assert gain == pytest.approx(float(rows[0][1].split()[0]) - float(rows[1][1].split()[0]), abs=2e-4)
