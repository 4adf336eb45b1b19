"""A small invented sea: two lanes, an anchorage, and a few vessels that are odd in one way each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from potomac.outliers.contrast import Design
from potomac.outliers.detectors import LocalContrastDetector
from potomac.outliers.positions import Positions, positions_of

Sea = dict[str, npt.NDArray[Any]]

KM_LAT = 1 / 111.2
KM_LON = KM_LAT / np.cos(np.radians(56.3))
START = 1_700_000_000.0


def track(name: str, x: float, y: float, speed: float, course: float, n: int, start: float, sigma: float) -> Sea:
    """A record every ten minutes on a straight line from (x, y) km, each with noise of its own."""
    random = np.random.default_rng(abs(hash_of(name)))
    hours = np.arange(n) / 6
    knots = speed + random.normal(0, sigma * 0.05 * max(speed, 0.0), n)
    km = speed * 1.852 * hours
    east = x + km * np.sin(np.radians(course)) + random.normal(0, 0.05, n)
    north = y + km * np.cos(np.radians(course)) + random.normal(0, 0.05, n)
    return {
        "latitude": 56.0 + north * KM_LAT,
        "longitude": 11.0 + east * KM_LON,
        "speed": np.maximum(knots, 0.0),
        "heading": (course + random.normal(0, 3 * sigma, n)) % 360.0,
        "time": START + start + hours * 3600.0,
        "entity": np.full(n, name, object),
        "type": np.full(n, "cargo" if speed > 0 else "tanker", object),
        "length": np.full(n, float(100 + hash_of(name) % 100)),
    }


def hash_of(name: str) -> int:
    """A number of a name that is the same in every process."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(name)) % 2**31


def the_sea() -> Sea:
    """About 1,500 records. Northbound lane at x = 0 km, southbound at 8 km, anchorage at (20, 30)."""
    random = np.random.default_rng(5)
    vessels = []
    for i in range(30):
        north, south = random.normal(0, 0.6), 8 + random.normal(0, 0.6)
        when = random.uniform(0, 6 * 3600)
        vessels.append(track(f"north {i}", north, random.uniform(0, 3), 10.0, 0.0, 21, when, 1.0))
        vessels.append(track(f"south {i}", south, random.uniform(62, 65), 10.0, 180.0, 21, when, 1.0))
    for i in range(16):
        x, y = 20 + random.uniform(-2, 2), 30 + random.uniform(-2, 2)
        vessels.append(track(f"anchored {i}", x, y, 0.0, random.uniform(0, 360), 12, random.uniform(0, 1e4), 1.0))
    vessels += [
        track("fast", 0.0, 2.0, 30.0, 0.0, 7, 3600.0, 1.0),
        track("against", 0.2, 60.0, 10.0, 180.0, 12, 7200.0, 1.0),
        track("lonely", -25.0, 10.0, 10.0, 0.0, 8, 5000.0, 1.0),
    ]
    vessels += [track(f"stray {i}", 36.0 + 2 * i, 18.0 + 9 * i, 10.0, 0.0, 1, 4000.0 * i, 1.0) for i in range(5)]
    jumping = track("jumping", 0.1, 0.0, 10.0, 0.0, 21, 1800.0, 1.0)
    jumping["longitude"][10], jumping["latitude"][10] = 11.0 + 8 * KM_LON, 56.0 + 60 * KM_LAT  # in the other lane ...
    jumping["heading"][10] = 180.0  # ... and behaving as one does there
    vessels.append(jumping)
    together = {name: np.concatenate([vessel[name] for vessel in vessels]) for name in vessels[0]}
    order = np.argsort(together["time"], kind="stable")
    return {name: values[order] for name, values in together.items()}


@pytest.fixture(scope="session")
def sea() -> Sea:
    """The columns of the sea, in the order of time."""
    return the_sea()


@pytest.fixture(scope="session")
def positions(sea: Sea) -> Positions:
    """The sea without covariates."""
    return positions_of({name: values for name, values in sea.items() if name not in ("type", "length")})


@pytest.fixture(scope="session")
def quick() -> Design:
    """A design that is fitted in a moment."""
    return Design(bags=2, folds=2, fakes=2, iterations=15, leaves=15)


@pytest.fixture(scope="session")
def detector(positions: Positions) -> LocalContrastDetector:
    """Fitted on the sea."""
    return LocalContrastDetector(bags=1, folds=2, seed=1).fit(positions)


@pytest.fixture(scope="session")
def table(sea: Sea) -> pa.Table:
    """The sea as a study's table, with timestamps."""
    time = pa.array((sea["time"] * 1e6).astype(np.int64)).cast(pa.timestamp("us", "UTC"))
    rest = {name: pa.array(values) for name, values in sea.items() if name != "time"}
    return pa.table({**rest, "time": time})


@pytest.fixture(scope="session")
def study() -> Callable[..., dict[str, Any]]:
    """The keys of a study of positions; what is given is merged in, ``None`` takes a key away."""

    def merged(old: dict[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(old)
        for key, value in new.items():
            if value is None:
                out.pop(key, None)
            else:
                out[key] = merged(out[key], value) if isinstance(value, Mapping) and key in out else value
        return out

    def keys(**changed: Any) -> dict[str, Any]:
        roles = ("latitude", "longitude", "speed", "heading", "time", "entity")
        plain = {
            "kind": "outliers",
            "name": "sea",
            "data": {"source": "sea.parquet", "columns": {role: role for role in roles}},
            "model": {"bags": 1, "folds": 2},
            "top": 20,
        }
        return merged(plain, changed)

    return keys
