"""A report as the outliers engine makes it, from simulated positions in the Skagerrak and the Kattegat."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from potomac.engine import Axis, Fact, Figure, Layer, Result, Rows, Show
from potomac.geo.distance import bearing, great_circle

LANES = {
    "west": [(4.8, 57.4), (7.2, 57.55), (9.2, 57.85), (10.6, 57.95), (11.15, 57.5), (11.45, 56.9), (11.6, 56.35)],
    "Oslo": [(10.65, 59.05), (10.55, 58.7), (10.3, 58.2), (9.2, 57.85)],
    "Gothenburg": [(11.62, 57.62), (11.2, 57.7), (10.6, 57.95)],
    "Hirtshals": [(9.95, 57.65), (9.0, 57.88), (8.05, 58.08)],
    "Frederikshavn": [(10.6, 57.45), (11.1, 57.55), (11.65, 57.65)],
}
SHARES = {"west": 0.5, "Oslo": 0.12, "Gothenburg": 0.14, "Hirtshals": 0.1, "Frederikshavn": 0.14}
START = datetime(2026, 3, 14, tzinfo=UTC)


@dataclass(frozen=True)
class Sea:
    """Positions of one simulated day: one row a report of a ship."""

    lon: np.ndarray
    lat: np.ndarray
    speed: np.ndarray
    heading: np.ndarray
    mmsi: np.ndarray
    time: np.ndarray
    log_odds: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """Rows from the strangest on."""
        return np.argsort(self.log_odds, kind="stable")


def sea(rows: int = 40_000, seed: int = 7) -> Sea:
    """Ships on lanes and ferry lines, some fishing, one in two hundred odd."""
    random = np.random.default_rng(seed)
    parts = [_lane(random, LANES[name], round(rows * share * 0.86)) for name, share in SHARES.items()]
    parts.append(_fishing(random, round(rows * 0.14)))
    lon, lat, speed, heading, _ = (np.concatenate(column) for column in zip(*parts, strict=True))
    odd = random.choice(len(lon), len(lon) // 200, replace=False)
    heading[odd] = (heading[odd] + random.uniform(60, 120, len(odd))) % 360
    lon[odd] += random.normal(0, 0.12, len(odd))
    lat[odd] += random.normal(0, 0.07, len(odd))
    log_odds = random.gamma(3.0, 1.1, len(lon)) + 0.4
    log_odds[odd] -= random.gamma(5.0, 1.3, len(odd))
    mmsi = 219_000_000 + np.concatenate([1000 * i + part[4] for i, part in enumerate(parts)]).astype(np.int64)
    time = random.integers(0, 86_400, len(lon))
    return Sea(lon, lat, speed, heading, mmsi, time, log_odds)


def _lane(random: np.random.Generator, points: list[tuple[float, float]], rows: int) -> tuple[np.ndarray, ...]:
    """Both directions of a lane, the one to starboard of the other."""
    way = np.array(points)
    lengths = great_circle(way[:-1, 1], way[:-1, 0], way[1:, 1], way[1:, 0])
    leg = random.choice(len(lengths), rows, p=lengths / lengths.sum())
    share, back = random.uniform(size=rows), random.uniform(size=rows) < 0.5
    place = way[leg] + share[:, None] * (way[leg + 1] - way[leg])
    course = bearing(way[leg, 1], way[leg, 0], way[leg + 1, 1], way[leg + 1, 0])
    side = np.radians(course + 90)
    off = np.where(back, -1, 1) * 0.018 + random.normal(0, 0.011, rows)
    lon, lat = place[:, 0] + off * np.sin(side) / np.cos(np.radians(57.7)), place[:, 1] + off * np.cos(side)
    heading = (course + 180 * back + random.normal(0, 5, rows)) % 360
    return lon, lat, random.normal(13, 2.5, rows).clip(4, 24), heading, random.integers(0, 90, rows).astype(float)


def _fishing(random: np.random.Generator, rows: int) -> tuple[np.ndarray, ...]:
    middle = np.array([(8.6, 57.75), (7.4, 57.9), (11.35, 57.15), (10.2, 58.35)])[random.integers(0, 4, rows)]
    place = middle + random.normal(0, (0.3, 0.1), (rows, 2))
    speed = random.gamma(4, 0.8, rows).clip(0, 9)
    return place[:, 0], place[:, 1], speed, random.uniform(0, 360, rows), random.integers(0, 60, rows).astype(float)


def why(sea: Sea, row: int) -> str:
    """The sentence that tells an analyst why a record is on the list."""
    return (
        f"Course {sea.heading[row]:.0f}° where 95 % keep within 20° of the lane, {abs(sea.log_odds[row]) * 1.1:.1f} km "
        f"off its middle; {sea.speed[row]:.1f} kn is usual here."
    )


def scores(sea: Sea) -> pa.Table:
    """The result table of the engine."""
    order = sea.order
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return pa.table(
        {
            "row": np.arange(len(order)),
            "entity": sea.mmsi,
            "time": pa.array([START + timedelta(seconds=int(s)) for s in sea.time], pa.timestamp("us", "UTC")),
            "latitude": sea.lat,
            "longitude": sea.lon,
            "speed": sea.speed,
            "heading": sea.heading,
            "log_odds": sea.log_odds,
            "place": sea.log_odds * 0.3,
            "course": sea.log_odds * 0.6,
            "speed_here": sea.log_odds * 0.1,
            "rank": rank,
            "why": [why(sea, int(row)) if rank[row] <= 200 else None for row in range(len(order))],
        }
    )


def flagged(sea: Sea, many: int) -> pa.Table:
    """The strangest rows, with a label for the map."""
    rows = sea.order[:many]
    return pa.table(
        {
            "lon": sea.lon[rows],
            "lat": sea.lat[rows],
            "heading": sea.heading[rows],
            "label": [f"{i + 1}" for i in range(len(rows))],
            "vessel": [str(mmsi) for mmsi in sea.mmsi[rows]],
            "speed, kn": sea.speed[rows],
            "log odds": sea.log_odds[rows],
        }
    )


def lead(sea: Sea, name: str = "map") -> Figure:
    """Where everything is, and the strangest records."""
    everything = pa.table({"lon": sea.lon, "lat": sea.lat})
    layers = (
        Layer("point", everything, "lon", "lat", name="Positions"),
        Layer(
            "point",
            flagged(sea, 20),
            "lon",
            "lat",
            label="label",
            tip=("vessel", "speed, kn", "log odds"),
            shape="diamond",
            emphasis=True,
            name="The 20 strangest records, by rank",
        ),
    )
    return Figure(
        name,
        "Where ships go, and the 20 records least like the others around them",
        "A map of the Skagerrak and the Kattegat. Positions follow two lanes around Skagen and three ferry lines; "
        "twenty diamonds mark the strangest records, most of them near the lane off Skagen.",
        layers,
        kind="map",
        role="lead",
        finding="Most of the twenty cross the lane north of Skagen at a right angle to all the others.",
    )


def small_maps(sea: Sea, many: int = 6) -> Figure:
    """One map for each of the strangest records: who is near, its own track, its heading."""
    return Figure(
        "neighbours",
        "The six strangest, each among its neighbours",
        "Six small maps. In each an arrow shows the record and its heading, dots the other positions.",
        panels=tuple(_small(sea, i) for i in range(many)),
        kind="map",
        finding="The arrow is the record and where it heads; the red line is its own track on that day.",
    )


def _small(sea: Sea, i: int) -> Figure:
    row = sea.order[i]
    lon, lat = sea.lon[row], sea.lat[row]
    near = np.flatnonzero(great_circle(lat, lon, sea.lat, sea.lon) < 14)
    back = np.linspace(0, 1, 12)
    angle = np.radians(sea.heading[row]) + np.sin(back * 3) * 0.3
    track = pa.table({"lon": lon - 0.18 * back * np.sin(angle), "lat": lat - 0.1 * back * np.cos(angle)})
    one = pa.table({"lon": [lon], "lat": [lat], "heading": [sea.heading[row]], "why": [why(sea, row)]})
    return Figure(
        f"neighbours-{i + 1}",
        f"{i + 1}. {sea.mmsi[row]}",
        f"Record {i + 1} heads {sea.heading[row]:.0f} degrees.",
        (
            Layer("point", pa.table({"lon": sea.lon[near], "lat": sea.lat[near]}), "lon", "lat", name="Other ships"),
            Layer("line", track, "lon", "lat", emphasis=True, name="Its own track"),
            Layer("point", one, "lon", "lat", heading="heading", tip=("why",), emphasis=True),
        ),
        kind="map",
        width_km=24,
        finding=f"{sea.speed[row]:.1f} kn, {sea.heading[row]:.0f}°, log odds {sea.log_odds[row]:.1f}",
    )


def odds(sea: Sea) -> Figure:
    """The distribution of log odds, with the line above which a record is on the list."""
    counts, edges = np.histogram(sea.log_odds, 40)
    bars = pa.table({"low": edges[:-1], "high": edges[1:], "count": counts})
    cut = pa.table({"x": [float(np.sort(sea.log_odds)[200])], "y": [None], "label": ["the list of 200 begins"]})
    return Figure(
        "odds",
        "How odd is odd",
        "A histogram of log odds with one hump and a long tail to the left.",
        (
            Layer("bar", bars, "low", "count", x2="high", tip=("low", "high", "count")),
            Layer("rule", cut, "x", "y", label="label"),
        ),
        x=Axis("log odds of being real"),
        y=Axis("records", zero=True),
        finding="One hump and a thin tail: the list begins where the tail does.",
    )


def detection() -> Figure:
    """How much of what was planted is found, at each length of the list."""
    length = np.array([10, 20, 50, 100, 200, 500, 1000, 2000])
    rows = []
    for kind, slope in (("across the lane", 0.75), ("off the lanes", 0.55), ("meetings", 0.35)):
        rate = 1 - np.exp(-slope * np.sqrt(length) / 9)
        half = 1.96 * np.sqrt(rate * (1 - rate) / 200)
        rows += [
            (int(n), float(r), float(r - h), float(r + h), kind) for n, r, h in zip(length, rate, half, strict=True)
        ]
    table = pa.table(
        dict(zip(("length", "rate", "low", "high", "kind"), map(list, zip(*rows, strict=True)), strict=True))
    )
    return Figure(
        "detection",
        "What a list of this length finds",
        "Three rising curves with intervals.",
        (
            Layer("interval", table, "length", "low", y2="high", series="kind"),
            Layer("line", table, "length", "rate", series="kind"),
        ),
        x=Axis("length of the list", "records", scale="log"),
        y=Axis("found of what was planted", domain=(0, 1)),
        finding="Of crossings planted into these data, 200 places on the list find about seven in ten.",
        role="diagnostic",
    )


def cells(sea: Sea) -> Figure:
    """How many positions each cell has."""
    x, y = np.arange(4.5, 12.25, 0.25), np.arange(56.25, 59.25, 0.125)
    count, _, _ = np.histogram2d(sea.lon, sea.lat, (x, y))
    i, j = np.nonzero(count)
    data = pa.table(
        {"west": x[i], "south": y[j], "east": x[i + 1], "north": y[j + 1], "positions": count[i, j].astype(int)}
    )
    layer = Layer(
        "cell",
        data,
        "west",
        "south",
        x2="east",
        y2="north",
        color="positions",
        color_log=True,
        color_label="positions in a cell",
        tip=("positions",),
    )
    return Figure(
        "cells",
        "How much each cell knows",
        "Cells along the lanes hold thousands of positions.",
        (layer,),
        kind="map",
        role="diagnostic",
        finding="Cells with fewer than 30 positions borrow from their neighbours.",
    )


def figures(sea: Sea) -> tuple[Figure, ...]:
    """All figures of the report."""
    return lead(sea), small_maps(sea), odds(sea), cells(sea), detection()


def result(sea: Sea) -> Result:
    """What the engine answers."""
    table = scores(sea)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(max_chunksize=7_000)

    entities = pa.table(
        {
            "entity": sea.mmsi[sea.order[:40]],
            "records": np.arange(40) % 17 + 3,
            "evidence": -np.linspace(9, 2, 40),
            "evidence_low": -np.linspace(11, 3, 40),
            "evidence_high": -np.linspace(7, 1, 40),
        }
    )
    return Result(
        answer="Twenty records stand out, led by vessel 219000057 crossing the lane off Skagen at 14 knots; of "
        "crossings planted into the same data, a list of 200 finds 71 % (64 to 77 %).",
        facts=(
            Fact("rows", len(sea.lon), "Positions that were scored.", unit="positions", key=True),
            Fact(
                "detection",
                71.0,
                "Share of planted crossings that a list of 200 records holds.",
                64.2,
                77.1,
                "%",
                key=True,
                label="found at 200",
                source="Wilson interval",
            ),
            Fact(
                "false_per_hit",
                2.9,
                "Records on the list for each that was planted.",
                2.3,
                3.7,
                "records",
                key=True,
                label="looked at per find",
            ),
            Fact(
                "strangest",
                -9.41,
                "Log odds of the strangest record being real.",
                -10.2,
                None,
                label="strangest record",
                key=True,
            ),
            Fact("cells", 214, "Cells of the grid after dense ones were divided.", unit="cells"),
            Fact("vessels", 409, "Vessels with at least one position.", unit="vessels"),
            Fact("method", "local contrast", "What scored the records."),
            Fact("cross_fitted", True, "Whether no record was scored by a model that saw it."),
        ),
        tables={"scores": Rows(table.schema, batches), "entities": entities},
        notes=(
            "A high rank says that a record is unlike the others around it, not that anything is wrong with it.",
            "Positions are simulated; the coast is real.",
            "Within 5 km of the edge of the data the neighbourhood is one-sided, and scores are less sure.",
        ),
        method=(
            "Each record is compared with simulated ones that have the same place but a uniform speed and course, "
            "and with ones that behave the same at a uniform place in the cell. Two boosted trees tell them apart.",
            "The sum of the two log odds ranks the records. The intercept is the design's, so no probability is given.",
        ),
        sources=(
            "Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, 2nd ed., section 14.2.4.",
            "King and Zeng (2001), Logistic regression in rare events data, Political Analysis 9(2).",
        ),
        show=(
            Show(
                "scores",
                "The strangest records",
                (
                    "rank",
                    "entity",
                    "why",
                    "time",
                    "latitude",
                    "longitude",
                    "speed",
                    "heading",
                    "log_odds",
                    "place",
                    "course",
                    "speed_here",
                ),
                sort="log_odds",
                rows=100,
                caption="Evidence columns add up to the log odds; the lower, the stranger.",
                units={"speed": "kn", "heading": "°"},
                labels={"speed_here": "speed", "entity": "vessel", "speed": "speed made good"},
            ),
            Show("entities", "The strangest vessels", sort="evidence", rows=20, labels={"entity": "vessel"}),
        ),
    )


@dataclass(frozen=True)
class Finished:
    """A run as the report is given it."""

    path: Path
    manifest: Mapping[str, Any]
    answered: Result

    def result(self) -> Result:
        """What the engine answered."""
        return self.answered


def manifest(answered: Result, **changes: Any) -> dict[str, Any]:
    """What run.json says of the run."""
    return {
        "run_id": "20261124T221500Z-a1b2c3",
        "status": "done",
        "finished": "2026-11-24T22:15:04+00:00",
        "kind": "outliers",
        "name": "strait",
        "title": "Which ships behave strangely between Norway and Denmark?",
        "seed": 7,
        "study_file": "strait.toml",
        "settings": {"model.fakes": 4},
        "command": "potomac run strait.toml --set model.fakes=4",
        "answer": answered.answer,
        "notes": list(answered.notes),
        "rows": {
            "data": {
                "read": 40_411,
                "used": 39_999,
                "rejected": 412,
                "duplicates": 37,
                "reasons": {
                    "heading is unknown (511)": 268,
                    "speed is unknown (102.3 kn)": 121,
                    "latitude is above 90": 23,
                },
            }
        },
        "sources": {
            "data": {
                "source": "positions.csv.gz",
                "notes": ["Delimiter: semicolon; decimal comma.", "Times have no zone; UTC is assumed."],
                "files": [{"file": "positions.csv.gz", "size": 1_824_113, "sha256": hashlib.sha256(b"x").hexdigest()}],
            }
        },
        "tables": {"scores": {"rows": 39_999}, "entities": {"rows": 40}},
        "versions": {
            "potomac": "0.1.0",
            "python": "3.11.2",
            "numpy": "2.4.6",
            "pyarrow": "26.0.1",
            "lightgbm": "4.7.0",
        },
        "timings": {"open": 0.8, "answer": 42.3, "draw": 1.2, "write": 0.4},
        **changes,
    }


def finished(directory: Path, answered: Result, **changes: Any) -> Finished:
    """A run in a directory, with its study and its rejected rows."""
    (directory / "study.toml").write_text(
        'kind = "outliers"\nname = "strait"\n\n[data]\nsource = "positions.csv.gz"\n', encoding="utf-8"
    )
    rejects = [("data", 17 * i, "heading", "511", "heading is unknown (511)") for i in range(5)]
    rejects += [
        ("data", 19, "latitude", "91.5", "latitude is above 90"),
        ("data", 40, "speed", "<script>alert(1)</script>", "no number"),
    ]
    names = ("source", "row", "column", "value", "reason")
    pq.write_table(
        pa.table(dict(zip(names, map(list, zip(*rejects, strict=True)), strict=True))), directory / "rejected.parquet"
    )
    return Finished(directory, manifest(answered, **changes), answered)


def module(file: Path) -> ModuleType:
    """A module of the tests that is no test."""
    spec = importlib.util.spec_from_file_location(f"potomac_tests_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    found = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="session")
def example() -> ModuleType:
    """What this file makes: figures, results, runs."""
    return sys.modules[__name__]


@pytest.fixture(scope="session")
def strait() -> Sea:
    """The simulated day."""
    return sea()


@pytest.fixture(scope="session")
def parse() -> Callable[[str], Element]:
    """Markup of a picture as a tree; fails where it is not well formed."""
    return fromstring


@pytest.fixture
def run(tmp_path: Path, strait: Sea) -> Finished:
    """The run whose report is looked at."""
    return finished(tmp_path, result(strait))


@pytest.fixture(scope="session")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium; see ``tests/browser.py``."""
    client = module(Path(__file__).parent.parent / "browser.py")
    with client.Browser(chromium, tmp_path_factory.mktemp("profile")) as started:
        yield started
