"""Benchmarks of fits: what they simulate, hold out and judge by; small runs without peers. No timing decides here."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def of(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    return lambda name: import_module(f"benchmarks.recommend.{name}")


def test_simulated_ratings_are_half_stars(of: Any) -> None:
    data = of("ratings").drawn(20_000)
    assert set(data["values"]) <= set(np.arange(0.5, 5.5, 0.5))
    pairs = set(zip(data["users"].tolist(), data["items"].tolist(), strict=True))
    assert len(pairs) == len(data["users"])


def test_what_is_held_out_is_not_kept(of: Any) -> None:
    data = of("ratings").drawn(20_000)
    split = of("ratings").parted(data, 0.2, 5)
    held, kept = len(split["held_users"]), len(split["users"])
    assert held + kept == len(data["users"])
    assert held / (held + kept) == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / (held + kept)) ** 0.5)
    pairs = [set(zip(split[f"{part}users"], split[f"{part}items"], strict=True)) for part in ("", "held_")]
    assert not pairs[0] & pairs[1]


def test_error_by_hand(of: Any) -> None:
    assert of("ratings").rmse([3, 1, 2], np.array([3.0, 2.0, 4.0])) == pytest.approx((5 / 3) ** 0.5)


def test_ratings_without_peers(of: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    room = of("ratings")
    monkeypatch.setattr(room, "interpreter_of", lambda library: None)
    told = room.section(room.drawn(20_000), tmp_path)
    error = {line.split("|")[1].strip(): float(line.split("|")[3]) for line in told.splitlines()[4:]}
    assert error["**Potomac Factors**"] < 0.9 * error["the mean"]


def test_fits_without_peers(of: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    room = of("items")
    monkeypatch.setattr(room, "interpreter_of", lambda library: None)
    indptr, indices = of("shape").simulated(20_000, 300, 400, seed=1)
    told = room.section(room.interactions_of(indptr, indices), tmp_path)
    assert [line.split("|")[1].strip() for line in told.splitlines()[4:]] == ["BM25", "EASE", "cosine"]


def test_weights_that_differ_are_refused(of: Any) -> None:
    own = np.array([[0.0, 2.0], [1.0, 0.0]])
    of("items")._agree(own, own + 1e-3, "a peer")
    with pytest.raises(RuntimeError, match="a peer differ"):
        of("items")._agree(own, own + 3e-3, "a peer")


@pytest.mark.parametrize("kind", ["plain", "rated", "text"])
def test_all_ways_to_read_a_table_agree(of: Any, tmp_path: Path, kind: str) -> None:
    room = of("ingest")
    rows = room.written_task(str(tmp_path), 20_000, kind)
    read = [room.read_task(str(tmp_path), way) for way in room.WAYS]
    assert len({(one["entries"], one["mixed"]) for one in read}) == 1
    assert 0 < read[0]["entries"] <= rows


def test_what_is_compared_of_tables_depends_on_every_entry(of: Any) -> None:
    indptr, indices = np.array([0, 2, 3]), np.array([0, 2, 1])
    assert of("ingest")._mixed(indptr, indices) == 1 * 1 + 1 * 3 + 2 * 2
