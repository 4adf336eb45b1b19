"""A simulated strait: every vessel in it is invented, and so is whatever it does.

It lies in the Kattegat, so that maps have coasts. Two lanes of opposite courses, ferries that cross them on schedule,
two fishing grounds, an anchorage and a pilot station make up the usual traffic; a few vessels do what an analyst looks
for, and a second table says which rows these are. Reports look like AIS (ITU-R M.1371): irregular times, rounded
numbers, codes for "unknown", a few rows that are broken or come twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.geo.distance import KM_PER_DEGREE
from potomac.stats.streams import Stream

__all__ = ["KINDS", "Strait", "simulate_strait"]

Floats = npt.NDArray[np.float64]
Random = np.random.Generator

KINDS = ("transfer", "off_lane", "wrong_way", "loiter", "speed", "jump")
"""Transfer: two vessels side by side in open water. Off lane: a ship where no ship goes. Wrong way: against the lane.
Loiter: adrift for hours outside the anchorage. Speed: a boat faster than all others. Jump: reports from elsewhere."""

START = datetime(2024, 3, 4, tzinfo=UTC).timestamp()
MIDDLE = (56.65, 11.75)  # latitude, longitude

_KN = 1.852 / 3600.0  # km/s
_KM_PER_LONGITUDE = KM_PER_DEGREE * np.cos(np.radians(MIDDLE[0]))
_FLAGS = ("DK", "SE", "NO", "FI", "DE", "NL", "LR", "PA", "MT", "CY")
_LANE = ((57.10, 11.55), (56.72, 11.79), (56.30, 12.02))  # the line between the two lanes
_LANE_KM = 2.5  # of each lane's middle from that line
_HARBOURS = ((56.42, 11.03), (56.655, 12.66))  # where ferries turn
_GROUNDS = ((56.60, 11.28), (56.90, 12.02))
_ANCHORAGE = (56.40, 11.55)
_PILOTS = (57.05, 11.46)
_QUIET = ((56.84, 11.22), (56.45, 12.38), (56.33, 11.78))  # nobody goes there
_DETOUR = ((57.08, 11.12), (56.80, 11.38), (56.50, 11.72), (56.30, 11.85))


@dataclass(frozen=True)
class Strait:
    """The reports, as a receiver would have written them down, and which of them are odd.

    ``reports`` has columns mmsi, time, lat, lon, sog, cog, type, flag, length; ``truth`` has row (0-based, of the
    reports), mmsi and kind, one row for each odd report.
    """

    reports: pa.Table
    truth: pa.Table


@dataclass
class _Vessel:
    """One vessel's reports: hours since the start, km east and north, kn, degrees, and what is odd."""

    hour: Floats
    x: Floats
    y: Floats
    sog: Floats
    cog: Floats
    type: str
    kind: npt.NDArray[np.str_] | str = ""
    flag: str = ""
    length: float = 0.0


def simulate_strait(stream: Stream, days: int = 3) -> Strait:
    """Simulate the strait for some days, about 13,000 reports a day.

    Args:
        stream: the same stream gives the same reports.
        days: how long.
    """
    hours = 24.0 * days
    fleets = (_lane_traffic, _ferries, _fishing, _anchored, _pilots, _odd)
    vessels = [v for fleet in fleets for v in fleet(stream.child(fleet.__name__).generator(), hours)]
    _christen(vessels, stream.child("names").generator())
    return _written(vessels, hours, stream.child("receiver").generator())


def _plane(place: tuple[float, float]) -> tuple[float, float]:
    return (place[1] - MIDDLE[1]) * _KM_PER_LONGITUDE, (place[0] - MIDDLE[0]) * KM_PER_DEGREE


def _times(start: float, end: float, every_min: float, random: Random) -> Floats:
    """Hours of reports between two hours, at irregular intervals."""
    n = int((end - start) * 60 / every_min * 1.5) + 10
    steps = every_min / 60 * random.uniform(0.6, 1.4, n)
    hour = start + np.cumsum(steps)
    return hour[hour < end]


def _wander(n: int, memory: float, size: float, random: Random) -> Floats:
    """An autoregressive series with standard deviation ``size``."""
    from scipy.signal import lfilter

    noise = random.normal(size=n) * np.sqrt(1 - memory**2)
    noise[:1] /= np.sqrt(1 - memory**2)
    return np.asarray(size * lfilter([1.0], [1.0, -memory], noise))


def _sail(
    places: tuple[tuple[float, float], ...],
    start: float,
    speed: float,
    kind: str,
    random: Random,
    *,
    aside_km: float = 0.0,
    every_min: float = 3.0,
) -> _Vessel:
    """Along a line from place to place at about one speed, ``aside_km`` to starboard of it."""
    x, y = np.array([_plane(place) for place in places]).T
    legs = np.hypot(np.diff(x), np.diff(y))
    at = np.concatenate([[0.0], np.cumsum(legs)])
    hour = _times(start, start + at[-1] / (speed * 1.852), every_min, random)
    gone = (hour - start) * speed * 1.852
    east, north = np.interp(gone, at, x), np.interp(gone, at, y)
    leg = np.clip(np.searchsorted(at, gone, side="right") - 1, 0, len(legs) - 1)
    course = np.degrees(np.arctan2(np.diff(x), np.diff(y)))[leg]
    side = aside_km + _wander(len(hour), 0.97, 0.08, random)
    right = np.radians(course + 90.0)
    sog = speed + _wander(len(hour), 0.9, 0.25, random)
    cog = course + _wander(len(hour), 0.6, 1.5, random)
    return _Vessel(hour, east + side * np.sin(right), north + side * np.cos(right), sog, cog, kind)


def _lie(
    place: tuple[float, float],
    start: float,
    end: float,
    kind: str,
    random: Random,
    *,
    swing_km: float = 0.08,
    every: float = 9.0,
) -> _Vessel:
    """Stay at one place, at anchor or at a berth."""
    x, y = _plane(place)
    hour = _times(start, end, every, random)
    n = len(hour)
    sog = np.abs(random.normal(0.0, 0.12, n))
    east, north = (middle + _wander(n, 0.8, swing_km, random) for middle in (x, y))
    return _Vessel(hour, east, north, sog, random.uniform(0.0, 360.0, n), kind)


def _joined(*parts: _Vessel) -> _Vessel:
    """One vessel that does several things after each other."""

    def column(name: str) -> Floats:
        return np.concatenate([getattr(part, name) for part in parts])

    kinds = np.concatenate([np.full(len(part.hour), part.kind, "U10") for part in parts])
    return _Vessel(column("hour"), column("x"), column("y"), column("sog"), column("cog"), parts[0].type, kinds)


def _lane_traffic(random: Random, hours: float) -> list[_Vessel]:
    vessels = []
    for southbound in (True, False):
        line = _LANE if southbound else _LANE[::-1]
        start = -4.5
        while start < hours:
            start += random.exponential(0.62)
            kind = str(random.choice(["cargo", "tanker", "passenger"], p=[0.68, 0.27, 0.05]))
            speed = float(np.clip(random.normal({"cargo": 12.5, "tanker": 11.5}.get(kind, 16.0), 1.3), 8.0, 20.0))
            vessels.append(_sail(line, start, speed, kind, random, aside_km=_LANE_KM + random.normal(0.0, 0.45)))
    return vessels


def _ferries(random: Random, hours: float) -> list[_Vessel]:
    """Three ferries that leave either harbour every few hours and lie at the berth between."""
    vessels = []
    for ferry in range(3):
        parts, start = [], -2.0 + 2.7 * ferry
        line, aside = _HARBOURS if ferry % 2 == 0 else _HARBOURS[::-1], 0.25
        while start < hours:
            crossing = _sail(line, start, 17.5, "passenger", random, aside_km=aside)
            late = start + 3.25 + random.normal(0.0, 0.04)
            parts += [crossing, _lie(line[1], late, late + 0.85, "passenger", random, swing_km=0.01, every=6.0)]
            start, line = late + 0.9, line[::-1]
        vessels.append(_joined(*parts))
    return vessels


def _fishing(random: Random, hours: float) -> list[_Vessel]:
    """Boats that trawl in wide turns around the middle of their ground, and lie still to haul."""
    return [_trawl(_GROUNDS[boat % 2], random, hours) for boat in range(22)]


def _trawl(ground: tuple[float, float], random: Random, hours: float) -> _Vessel:
    hour = _times(0.0, hours, 6.0, random)
    n = len(hour)
    dt = np.diff(hour, prepend=hour[0]) * 3600.0
    hauling = np.sin(hour * 2 * np.pi / random.uniform(4.0, 6.0) + random.uniform(0, 6)) > 0.75
    speed = np.where(hauling, random.uniform(0.2, 1.3, n), 3.2 + _wander(n, 0.9, 0.4, random))
    x0, y0 = _plane(ground)
    radius = random.uniform(3.0, 6.0) * (1 + 0.25 * _wander(n, 0.998, 1.0, random))
    turn = float(random.choice([-1.0, 1.0]))
    angle = random.uniform(0, 6) + np.cumsum(turn * speed * _KN * dt / np.maximum(radius, 1.5))
    course = np.degrees(angle) + turn * 90.0 + random.normal(0.0, 8.0, n)
    x, y = x0 + radius * np.sin(angle), y0 + radius * np.cos(angle)
    return _Vessel(hour, x, y, speed, course, "fishing")


def _anchored(random: Random, hours: float) -> list[_Vessel]:
    """Ships that leave the southbound lane, lie at anchor for a day or so, and go on."""
    vessels = []
    for _ in range(int(hours / 5)):
        place = tuple(np.array(_ANCHORAGE) + random.normal(0.0, 1.0, 2) * [0.014, 0.026])
        kind = str(random.choice(["cargo", "tanker"]))
        begin = float(random.uniform(-20.0, hours))
        end = begin + float(random.uniform(10.0, 36.0))
        to, off = ((57.10, 11.51), (56.72, 11.75), place), (place, (56.33, 11.98))
        arriving = _sail(to, begin - 4.3, 11.0, kind, random)
        leaving = _sail(off, end, 9.0, kind, random)
        vessels.append(_joined(arriving, _lie(place, begin, end, kind, random), leaving))
    return vessels


def _pilots(random: Random, hours: float) -> list[_Vessel]:
    """Boats that wait at their station, and run to a ship at the entrance of the lane and back."""
    vessels = []
    for _ in range(2):
        parts, now = [], 0.0
        while now < hours:
            out = now + float(random.uniform(1.0, 4.0))
            ship = (57.05 + random.normal(0.0, 0.012), 11.54 + random.normal(0.0, 0.015))
            there = _sail((_PILOTS, ship), out, 18.0, "pilot", random, every_min=2.0)
            back = _sail((ship, _PILOTS), out + 0.45, 18.0, "pilot", random, every_min=2.0)
            parts += [_lie(_PILOTS, now, out, "pilot", random, swing_km=0.15), there, back]
            now = out + 0.8
        vessels.append(_joined(*parts))
    return vessels


def _odd(random: Random, hours: float) -> list[_Vessel]:
    """What an analyst looks for; each with its kind on the rows that are odd, and ordinary before and after."""
    at = iter(hours * np.array([0.08, 0.42, 0.7, 0.15, 0.55, 0.3, 0.65, 0.25, 0.6, 0.35, 0.8, 0.2, 0.5]))
    lanes = (_LANE, _LANE[::-1])
    across = (((57.02, 12.25), (56.75, 11.30)), ((56.36, 11.35), (56.70, 12.40)))

    def sail(line: tuple[tuple[float, float], ...], speed: float, kind: str, **options: float) -> _Vessel:
        return _sail(line, float(next(at)), speed, kind, random, **options)

    return [
        *(v for place in _QUIET for v in _transfer(place, float(next(at)), random)),
        *(_marked(sail(_DETOUR, 11.5, "tanker"), "off_lane") for _ in range(2)),
        *(_marked(sail(lane, 12.0, "cargo", aside_km=-_LANE_KM), "wrong_way") for lane in lanes),
        *(_marked(_drift(place, float(next(at)), 7.0, random), "loiter") for place in ((56.97, 11.25), (56.50, 12.22))),
        *(_marked(sail(line, 38.0, "other", every_min=1.0), "speed") for line in across),
        *(_jumping(sail(lane, 12.0, "cargo", aside_km=_LANE_KM), random) for lane in lanes),
    ]


def _marked(vessel: _Vessel, kind: str) -> _Vessel:
    vessel.kind = np.full(len(vessel.hour), kind, "U10")
    return vessel


def _transfer(place: tuple[float, float], start: float, random: Random) -> list[_Vessel]:
    """One waits at the place; the other comes from the lane, lies beside it for hours and goes back."""
    beside = (place[0] + 0.0012, place[1] + 0.001)
    end = start + float(random.uniform(3.0, 5.0))
    pair = []
    for spot, wait, back in ((place, 2.0, 1.0), (beside, 0.0, 0.0)):
        entry = (56.95, 11.61) if spot[0] > 56.7 else (56.40, 11.93)
        way = float(np.hypot(*np.subtract(_plane(entry), _plane(spot)))) / (9.0 * 1.852)
        come = _sail((entry, spot), start - wait - way, 9.0, "tanker", random)
        lie = _marked(_lie(spot, start - wait, end + back, "tanker", random, swing_km=0.02, every=6.0), "transfer")
        lie.sog = np.abs(random.normal(0.6, 0.3, len(lie.hour)))
        pair.append(_joined(come, lie, _sail((spot, entry), end + back, 9.0, "tanker", random)))
    return pair


def _drift(place: tuple[float, float], start: float, hours: float, random: Random) -> _Vessel:
    """Adrift: slow, with a course that says nothing."""
    hour = _times(start, start + hours, 6.0, random)
    n = len(hour)
    x, y = _plane(place)
    sog = np.clip(1.0 + _wander(n, 0.8, 0.4, random), 0.1, 2.2)
    course = random.uniform(0, 360) + np.cumsum(random.normal(0.0, 35.0, n))
    step = sog * _KN * np.diff(hour, prepend=start) * 3600.0
    east, north = (np.cumsum(step * f(np.radians(course))) for f in (np.sin, np.cos))
    return _Vessel(hour, x + east, y + north, sog, course, "cargo")


def _jumping(vessel: _Vessel, random: Random) -> _Vessel:
    """Every fourth report of the middle part lies somewhere else."""
    n = len(vessel.hour)
    away = (np.arange(n) > n * 0.3) & (np.arange(n) < n * 0.7) & (np.arange(n) % 4 == 0)
    east, north = _plane(_QUIET[1])
    vessel.x[away] = east + random.normal(0.0, 3.0, int(away.sum()))
    vessel.y[away] = north + random.normal(0.0, 3.0, int(away.sum()))
    vessel.kind = np.where(away, "jump", "").astype("U10")
    return vessel


def _christen(vessels: list[_Vessel], random: Random) -> None:
    """Flags and lengths that go with the type."""
    metres = {"cargo": (145, 45), "tanker": (170, 40), "passenger": (150, 30), "fishing": (24, 6), "pilot": (17, 2)}
    for vessel in vessels:
        middle, spread = metres.get(vessel.type, (14, 3))
        vessel.length = float(np.round(np.clip(random.normal(middle, spread), 8, 330)))
        near = vessel.type in ("fishing", "pilot", "passenger", "other")
        vessel.flag = str(random.choice(_FLAGS[:2] if near else _FLAGS))


def _written(vessels: list[_Vessel], hours: float, random: Random) -> Strait:
    """All reports in the order of their time, with what a receiver adds: rounding, gaps, unknown codes, breaks."""
    sizes = [len(v.hour) for v in vessels]
    number = np.repeat(np.arange(len(vessels)), sizes)
    mmsi = 100_000_001 + random.permutation(len(vessels))  # no country has the digits 100
    hour, x, y, sog, cog = (np.concatenate([getattr(v, c) for v in vessels]) for c in ("hour", "x", "y", "sog", "cog"))
    kind = np.concatenate([np.full(len(v.hour), v.kind, "U10") if isinstance(v.kind, str) else v.kind for v in vessels])
    heard = (hour >= 0) & (hour < hours) & ((random.uniform(size=len(hour)) < 0.97) | (kind != ""))
    order = np.lexsort((number, hour))
    order = order[heard[order]]
    again = np.sort(np.concatenate([order, random.choice(order, 25, replace=False)]))  # a few reports come twice
    place = np.empty(len(hour), np.int64)
    place[order] = np.arange(len(order))
    rows = again[np.argsort(place[again], kind="stable")]
    number, kind = number[rows], kind[rows]
    error = random.normal(0.0, 0.006, (2, len(hour)))  # km, of the satellite fix
    lat = np.round(MIDDLE[0] + (y + error[0])[rows] / KM_PER_DEGREE, 5)
    lon = np.round(MIDDLE[1] + (x + error[1])[rows] / _KM_PER_LONGITUDE, 5)
    speed, course = np.round(np.maximum(sog[rows], 0.0), 1), np.round(cog[rows] % 360.0, 1) % 360.0
    seconds = np.round(START + hour[rows] * 3600.0)
    _broken(lat, lon, speed, course, kind, random)
    reports = pa.table(
        {
            "mmsi": mmsi[number],
            "time": pa.array(seconds.astype(np.int64) * 1_000_000).cast(pa.timestamp("us", "UTC")),
            "lat": lat,
            "lon": lon,
            "sog": speed,
            "cog": course,
            "type": pa.array([vessels[k].type for k in range(len(vessels))]).take(pa.array(number)),
            "flag": pa.array([v.flag for v in vessels]).take(pa.array(number)),
            "length": np.array([v.length for v in vessels])[number],
        }
    )
    odd = np.flatnonzero(kind != "")
    truth = {"row": odd, "mmsi": mmsi[number[odd]], "kind": pa.array(kind[odd].tolist(), pa.string())}
    return Strait(reports, pa.table(truth))


def _broken(lat: Floats, lon: Floats, sog: Floats, cog: Floats, kind: npt.NDArray[np.str_], random: Random) -> None:
    """Codes for "unknown" here and there, and a few places that are none; odd rows stay whole."""
    plain = np.flatnonzero(kind == "")
    some = random.permutation(plain)
    n = len(plain)
    lat[some[:6]], lon[some[6:12]] = 91.0, 181.0
    sog[some[20 : 20 + n // 200]] = 102.3
    cog[some[n // 3 : n // 3 + n // 100]] = 360.0
    cog[some[n // 2 : n // 2 + n // 300]] = 511.0
