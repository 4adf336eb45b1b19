"""What a result is summed up in: the settings, cells, histogram and neighbourhoods, and what planting shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.outliers.contrast import Records
from potomac.outliers.detectors import free_name
from potomac.outliers.meetings import Meetings
from potomac.outliers.model import SURPRISE, LocalModel, log_odds_of, surprise_at
from potomac.outliers.plant import Planted, detection, plant
from potomac.outliers.positions import Positions, concatenate
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream

__all__ = [
    "Check",
    "Settings",
    "cell_table",
    "cells_of",
    "check",
    "entities_in",
    "histogram",
    "panels",
    "planted_odds",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Odds = npt.NDArray[np.float64] | npt.NDArray[np.float32]

PANELS = 9


@dataclass(frozen=True)
class Settings:
    """What the study asks for; see its keys."""

    method: str = "contrast"
    fakes: int | None = None
    bags: int | None = None
    folds: int | None = None
    fold_by: str = "row"
    sample: int = 50_000
    terms: Any = "linear"
    ridge: float = 1.0
    cell_km: float = 50.0
    plant: tuple[str, ...] = ()
    plant_count: int = 200
    prevalence: float | None = None
    top: int = 100
    drop_repeats: bool = False
    covariates: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """What came of planting: how much a list finds, the planted rows, and their log odds."""

    detection: pa.Table
    planted: pa.Table
    log_odds: Floats


def check(
    model: LocalModel, positions: Positions, tracks: Tracks, ordered: Odds, settings: Settings, stream: Stream
) -> Check | None:
    """Plant odd behaviour beside the real rows, and see where it would stand among them.

    Args:
        model: the fitted model.
        positions: real rows, or a sample of them.
        tracks: of ``positions``.
        ordered: log odds of all real rows, ascending.
        settings: which behaviours, how many rows of each, and the length of the list.
        stream: names the draws.

    Returns:
        None where nothing is to be planted.
    """
    if not settings.plant:
        return None
    made = plant(positions, settings.plant, settings.plant_count, stream.child("check"))
    odds = planted_odds(model, positions, tracks, made)
    rank = np.searchsorted(ordered, odds, side="left") + 1
    n = len(ordered)
    lengths = [length for length in (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000) if length < n]
    lengths = sorted({*lengths, min(settings.top, n)})
    rates = detection(rank, made.kind, lengths, n)
    q = made.positions
    planted = pa.table(
        {
            "kind": made.kind, "row": q.row, "entity": q.names(), "latitude": q.latitude, "longitude": q.longitude,
            "speed": q.speed, "heading": q.heading, "log_odds": odds, "rank": rank,
        }
    )  # fmt: skip
    return Check(rates, planted, odds)


def planted_odds(model: LocalModel, positions: Positions, tracks: Tracks, made: Planted) -> Floats:
    """Log odds of planted rows, by models that have not seen the rows they were made from.

    Rows other than those of the kind ``jump`` are scored without their track: it belongs to the real row, and would
    give the planted one away.
    """
    q = made.positions
    records = Records(made.origin, made.origin, q.latitude, q.longitude, q.speed, q.heading)
    evidence = model.evidence(positions, records, fitted=True, tracks=tracks)
    if "track" in evidence:
        evidence["track"] = np.where(made.kind == "jump", evidence["track"], 0.0)
    if model.method == "contrast":
        both = concatenate([positions, replace(q, row=q.row + 1 + positions.row.max())])
        index = np.arange(len(positions), len(both))
        surprise = surprise_at(Meetings.build(both, slow_only=True), Records.real(both, index), evidence["place"])
        evidence["meeting"] = -SURPRISE * np.where(made.kind == "rendezvous", surprise, 0.0)
    return log_odds_of(evidence)


def cell_table(model: LocalModel, positions: Positions, log_odds: Floats) -> pa.Table:
    """One row a cell: where it is, how much was seen there, how odd it was, and for regressions what was fitted."""
    cell, m = model.cell(positions), len(model.grid)
    inside = cell >= 0
    rows = np.bincount(cell[inside], minlength=m)
    total = np.bincount(cell[inside], weights=log_odds[inside], minlength=m).astype(np.float64)
    limit = np.quantile(log_odds, 0.01)
    odd = np.bincount(cell[inside], weights=log_odds[inside] <= limit, minlength=m).astype(np.int64)
    return cells_of(model, rows, total, odd, entities_in(cell, positions.entity, m))


def entities_in(cell: Ints, entity: Ints, cells: int) -> Ints:
    """How many entities were seen in each cell, shape (cells,); negative codes are nobody."""
    pairs = np.unique(np.stack([cell, entity], axis=1)[(cell >= 0) & (entity >= 0)], axis=0)
    return np.bincount(pairs[:, 0], minlength=cells)


def cells_of(model: LocalModel, rows: Ints, total: Floats, odd: Ints, entities: Ints) -> pa.Table:
    """The table ``cells`` from sums by cell."""
    south, north, west, east = model.grid.bounds()
    columns: dict[str, Any] = {
        "cell": np.arange(len(rows)), "south": south, "north": north, "west": west, "east": east, "records": rows,
        "entities": entities,
    }  # fmt: skip
    columns["mean_log_odds"] = pa.array(
        np.divide(total, rows, out=np.full(len(rows), np.nan), where=rows > 0), from_pandas=True
    )
    columns["among_strangest"] = odd
    if model.cells is not None:
        fitted = model.cells.regressions
        columns |= {"real": fitted.real, "fake": fitted.fake, "converged": fitted.converged, "steps": fitted.steps}
        for j, name in enumerate(("intercept", *model.cells.names)):
            of = free_name(f"coefficient_{name}", columns)  # a covariate may be called as a term is
            columns[of] = fitted.coefficients[:, j]
            columns[of.replace("coefficient_", "error_", 1)] = pa.array(fitted.standard_errors[:, j], from_pandas=True)
    return pa.table(columns)


def histogram(log_odds: Odds, planted: Floats | None, bins: int = 60) -> pa.Table:
    """Shares of the real, and of the planted, rows by log odds."""
    low, high = np.floor(log_odds.min()), np.ceil(log_odds.max())
    if planted is not None and len(planted):
        low = min(low, float(np.floor(planted.min())))
    edges = np.linspace(low, max(high, low + 1.0), bins + 1)
    columns = {"low": edges[:-1], "high": edges[1:]}
    columns["records"] = np.histogram(log_odds, edges)[0] / max(len(log_odds), 1) * 100
    if planted is not None and len(planted):
        columns["planted"] = np.histogram(planted, edges)[0] / len(planted) * 100
    return pa.table(columns)


def panels(p: Positions, top: pa.Table, order: Ints) -> pa.Table:
    """The neighbourhoods of the strangest rows, at most one of each entity: others, own track, the record itself."""
    parts = list(_neighbourhoods(p, top, order))
    return pa.concat_tables(parts) if parts else _panel(0, "record", p.take(np.empty(0, np.int64)))


def _neighbourhoods(p: Positions, top: pa.Table, order: Ints, most: int = 600) -> Iterator[pa.Table]:
    seen: set[int] = set()
    given = 0
    lonely = top["lonely_km"].to_numpy() if "lonely_km" in top.column_names else np.full(len(order), 5.0)
    for rank, i in enumerate(order.tolist(), 1):
        who = int(p.entity[i])
        if who >= 0 and who in seen:
            continue
        seen.add(who)
        given += 1
        half = float(np.clip(2.0 * np.nan_to_num(lonely[rank - 1], nan=10.0), 3.0, 60.0)) / 111.2
        wide = half / max(np.cos(np.radians(p.latitude[i])), 0.05)
        east = (p.longitude - p.longitude[i] + 180.0) % 360.0 - 180.0
        near = (np.abs(p.latitude - p.latitude[i]) <= half) & (np.abs(east) <= wide)
        own = np.flatnonzero(near & (p.entity == who) & (who >= 0))
        others = np.flatnonzero(near & ((p.entity != who) | (who < 0)))
        others = others[others != i]
        yield _panel(rank, "others", p.take(others[:: max(len(others) // most, 1)]))
        yield _panel(rank, "own track", p.take(own[np.argsort(p.time[own], kind="stable")][:2000]))
        yield _panel(rank, "record", p.take(np.array([i])))
        if given == PANELS:
            return


def _panel(rank: int, what: str, p: Positions) -> pa.Table:
    n = len(p)
    return pa.table(
        {
            "rank": np.full(n, rank),
            "what": pa.array([what] * n, pa.string()),
            "longitude": np.round(p.longitude, 5),
            "latitude": np.round(p.latitude, 5),
            "heading": pa.array(p.heading, from_pandas=True),
            "speed": pa.array(p.speed, from_pandas=True),
            "entity": p.names(),
        }
    )
