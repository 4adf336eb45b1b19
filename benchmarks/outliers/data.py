"""Positions to measure on: labelled areas of a folder, or the simulated strait; and many rows made from few."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from potomac.outliers.plant import KINDS, plant
from potomac.outliers.positions import Positions, concatenate, positions_of
from potomac.outliers.strait import simulate_strait
from potomac.stats.streams import Stream

Floats = npt.NDArray[np.float64]

DATA = "POTOMAC_BENCH_DATA"

_ROLES = {
    "mmsi": "entity",
    "timestamp": "time",
    "lat": "latitude",
    "lon": "longitude",
    "sog": "speed",
    "cog": "heading",
}
_CODES = ("ship_type",)
_PLANTED = 60

FLEET = 50
"""How often the same vessels come before others take their place."""


@dataclass(frozen=True)
class Area:
    """Positions with what is odd about each.

    Attributes:
        name: of the area.
        about: one sentence on what it is.
        positions: n rows.
        kind: "normal", or what is odd, shape (n,).
    """

    name: str
    about: str
    positions: Positions
    kind: npt.NDArray[np.str_]

    @property
    def odd(self) -> npt.NDArray[np.bool_]:
        """Which rows are odd, shape (n,)."""
        return np.asarray(self.kind != "normal")


def folder_of(given: str | None) -> Path | None:
    """The folder that was named, or that the environment names, where it holds labelled areas."""
    name = given or os.environ.get(DATA)
    return Path(name) if name and any(Path(name).glob("*_labels.parquet")) else None


def areas(folder: Path | None) -> Iterator[Area]:
    """The labelled areas of a folder; without one the simulated strait.

    An area is ``<area>.parquet`` (mmsi, timestamp, lat, lon, sog, cog, covariates) beside ``<area>_labels.parquet``
    (row, kind).
    """
    if folder is None:
        yield strait()
        return
    for labels in sorted(folder.glob("*_labels.parquet")):
        name = labels.stem.removesuffix("_labels")
        table = pq.read_table(folder / f"{name}.parquet")
        told = pq.read_table(labels)
        kind = np.full(table.num_rows, "normal", "U20")
        kind[told["row"].to_numpy()] = np.array(told["kind"].to_pylist(), np.str_)
        positions = positions_of(_renamed(table), categories=[c for c in _CODES if c in table.column_names])
        yield Area(
            name, f"`{name}`: {len(kind):,} positions, {(kind != 'normal').sum():,} of them odd", positions, kind
        )


def strait(days: int = 2, planted: int = _PLANTED) -> Area:
    """The simulated strait with what is odd in it, and more oddities planted."""
    made = simulate_strait(Stream(7, ("benchmarks", "strait")), days)
    kind = np.full(made.reports.num_rows, "normal", "U20")
    kind[made.truth["row"].to_numpy()] = np.array(made.truth["kind"].to_pylist(), np.str_)
    lat, lon = made.reports["lat"].to_numpy(), made.reports["lon"].to_numpy()
    sound = np.flatnonzero((np.abs(lat) <= 90) & (np.abs(lon) <= 180))
    usual = positions_of(_renamed(made.reports.take(pa.array(sound)), time="time"))
    kind = kind[sound]
    if planted:
        odd = plant(usual.take(kind == "normal"), [*KINDS], planted, Stream(7, ("benchmarks", "plant")))
        more = replace(odd.positions, row=len(usual) + np.arange(len(odd.kind)))
        usual, kind = concatenate([usual, more]), np.concatenate([kind, odd.kind])
        order = np.random.default_rng(7).permutation(len(kind))
        usual, kind = replace(usual.take(order), row=np.arange(len(kind))), kind[order]
    about = f"A simulated strait, no vessel in it real: {len(kind):,} positions, {(kind != 'normal').sum():,} odd"
    return Area("strait (simulated)", about, usual, kind)


def _renamed(table: pa.Table, **more: str) -> pa.Table:
    roles = {**_ROLES, **more}
    return table.rename_columns([roles.get(name, name) for name in table.column_names]).replace_schema_metadata()


def without_entities(p: Positions) -> Positions:
    """The same positions with nothing said about whose they are, and no covariates."""
    return replace(p, entity=np.full(len(p), -1), entities=(), covariates={}, levels={}, folded={})


def features(p: Positions) -> Floats:
    """What peers see: x and y (km), speed (kn), sine and cosine of the course, hour; standardised, shape (n, 6).

    An unknown speed is the median, an unknown course has sine and cosine 0.
    """
    course = np.radians(p.heading)
    columns = [
        np.radians(p.longitude - p.longitude.mean()) * np.cos(np.radians(p.latitude.mean())) * 6371.0,
        np.radians(p.latitude - p.latitude.mean()) * 6371.0,
        np.nan_to_num(p.speed, nan=float(np.nanmedian(p.speed))),
        np.nan_to_num(np.sin(course)), np.nan_to_num(np.cos(course)),
        np.nan_to_num(p.time % 86_400 / 3600, nan=12.0),
    ]  # fmt: skip
    X = np.stack(columns, axis=1)
    spread = X.std(axis=0)
    return np.asarray((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def base(folder: str | None) -> Positions:
    """Real positions to make many from: the first area's normal ones."""
    area = next(areas(folder_of(folder)))
    usual = area.positions.take(~area.odd)
    return replace(usual, row=np.arange(len(usual)))


def many(p: Positions, first: int, count: int) -> dict[str, Any]:
    """Rows ``first`` to ``first + count`` of an endless table made from p: the same traffic time after time, jittered.

    Each time round is some days later, with places about half a kilometre, speeds 0.3 kn, courses three degrees and
    times ten minutes off; a new fleet comes every ``FLEET`` times. A row depends on its number alone.
    """
    row = np.arange(first, first + count)
    i, turn = row % len(p), row // len(p)
    noise = _normal(row)
    days = np.ceil((np.nanmax(p.time) - np.nanmin(p.time) + 1.0) / 86_400.0)
    latitude = np.clip(p.latitude[i] + noise[0] * 0.5 / 111.2, -89.9, 89.9)
    longitude = p.longitude[i] + noise[1] * 0.5 / 111.2 / np.cos(np.radians(p.latitude[i]))
    return {
        "entity": turn // FLEET * (len(p.entities) + 1) + p.entity[i] + 1,
        "time": p.time[i] + turn * days * 86_400.0 + 600.0 * noise[2],
        "latitude": latitude,
        "longitude": (longitude + 180.0) % 360.0 - 180.0,
        "speed": np.maximum(p.speed[i] + 0.3 * noise[3], 0.0),
        "heading": (p.heading[i] + 3.0 * noise[4]) % 360.0,
    }


def many_positions(p: Positions, count: int) -> Positions:
    """The first rows of :func:`many` as positions without covariates."""
    return positions_of(many(p, 0, count))


def _normal(row: npt.NDArray[np.int64]) -> Floats:
    """Five draws a row, keyed by it: sums of four even ones, with variance 1, shape (5, n)."""
    key = row.astype(np.uint64) * np.uint64(20) + np.arange(20, dtype=np.uint64)[:, None]
    with np.errstate(over="ignore"):  # the finaliser of splitmix64
        z = key * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    even = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.asarray((even.reshape(5, 4, -1).sum(axis=1) - 2.0) * np.sqrt(3.0))


def arrow(columns: Mapping[str, Any]) -> pa.Table:
    """Rows of :func:`many` as a study reads them."""
    micro = np.round(columns["time"] * 1e6).astype(np.int64)
    return pa.table({**columns, "time": pa.array(micro).cast(pa.timestamp("us", "UTC"))})
