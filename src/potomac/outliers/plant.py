"""Simulated odd behaviour, planted beside the user's own rows to see how much of it is found.

No labels exist in the field. So rows are made up from real ones, odd in a known way, and scored by models that have not
seen them; where they would stand among the real rows says how long a list must be to hold them. All is measured in
the data's own terms (what is slow, fast or near here), so that it holds for vessels and for aircraft.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, great_circle, unit_vectors
from potomac.outliers.land import on_land
from potomac.outliers.positions import Positions, concatenate
from potomac.stats.intervals import proportion_interval
from potomac.stats.streams import Stream, row_uniform

__all__ = ["KINDS", "Planted", "detection", "plant"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Random = np.random.Generator

REFERENCE = 100_000
"""What is usual is taken from so many rows at most."""

SLOW, MOVING = 0.1, 0.2
"""Slow is up to, and moving is from, this share of the speed that 95 % of the rows do not exceed."""

VOID = 6.0
"""Nobody goes where the nearest record is this many times farther than records are from each other around there."""

TRIES = 40
"""Places that are drawn for each one that is needed."""

CLOSEST_KM = 0.05
"""Records are never taken to be closer to each other than this."""


@dataclass(frozen=True)
class Planted:
    """Rows made up from real ones.

    Attributes:
        positions: m rows; ``row`` is the row of the source that each was made from.
        kind: what is odd about each, shape (m,).
        origin: index of the real position that each was made from, shape (m,).
        partner: index of the other row of a rendezvous among the m, -1 for other kinds, shape (m,).
    """

    positions: Positions
    kind: npt.NDArray[np.str_]
    origin: Ints
    partner: Ints


def plant(positions: Positions, kinds: Sequence[str], count: int, stream: Stream) -> Planted:
    """Make up ``count`` rows of each kind.

    - off_lane: under way where nobody goes, with the speed and course of others under way;
    - rendezvous: two slow ones of different entities side by side where nobody goes (``count`` rounded up to pairs);
    - loiter: slow, with any course, where nobody goes;
    - across_lane: in a lane, where courses agree, with a course across it;
    - wrong_way: in a lane of one direction, with the opposite course;
    - speed: faster than anybody around, and than half of all under way;
    - jump: far from where the entity is at that time, at a place and with a behaviour that are usual for others.

    Each row keeps the entity, time and covariates of a real one. "Where nobody goes" is beside the places where records
    are, and not on land if most of those under way are on water.

    Args:
        positions: the real rows, which stay as they are.
        kinds: some of the above.
        count: rows a kind, at least 1.
        stream: the same stream gives the same rows, in whatever order the real ones come.

    Raises:
        StudyError: a kind is unknown.
        DataError: the rows do not have what a kind needs (speeds, headings, several entities).
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        found = f'no behaviour is called "{unknown[0]}"'
        raise StudyError(
            Fault("outliers.plant-unknown", found, f"valid are {listing(KINDS)}", did_you_mean(unknown[0], [*KINDS]))
        )
    usual = _Usual(positions, stream)
    parts = [KINDS[kind](usual, count, stream.child("plant", kind).generator()) for kind in kinds]
    if not parts:
        nothing = np.empty(0, np.int64)
        return Planted(positions.take(nothing), np.empty(0, np.str_), nothing, nothing)
    starts = np.cumsum([0] + [len(part.origin) for part in parts])
    partners = [np.where(p.partner >= 0, p.partner + start, -1) for p, start in zip(parts, starts, strict=False)]
    return Planted(
        concatenate([part.positions for part in parts]),
        np.concatenate([np.full(len(p.origin), kind) for kind, p in zip(kinds, parts, strict=True)]),
        np.concatenate([part.origin for part in parts]),
        np.concatenate(partners),
    )


def detection(ranks: npt.ArrayLike, kinds: npt.ArrayLike, list_lengths: Sequence[int], total: int) -> pa.Table:
    """How much of what was planted a list of the strangest rows holds.

    Args:
        ranks: where each planted row would stand among the real rows, 1 is the strangest, shape (m,).
        kinds: its kind, shape (m,).
        list_lengths: how many of the real rows one looks at.
        total: number of real rows.

    Returns:
        Columns kind ("all" comes last), list_length, list_share (of all rows), found, planted, rate, and its 95 %
        Wilson interval low and high.
    """
    rank, kind, lengths = np.asarray(ranks), np.asarray(kinds, np.str_), np.asarray(list_lengths, np.int64)
    groups = [*((name, rank[kind == name]) for name in dict.fromkeys(kind.tolist())), ("all", rank)]
    found = np.concatenate([np.searchsorted(np.sort(mine), lengths, side="right") for _, mine in groups])
    planted = np.repeat([len(mine) for _, mine in groups], len(lengths))
    low, high = proportion_interval(found, planted)
    length = np.tile(lengths, len(groups))
    return pa.table(
        {
            "kind": pa.array(np.repeat([name for name, _ in groups], len(lengths)), pa.string()),
            "list_length": length,
            "list_share": length / max(total, 1),
            "found": found,
            "planted": planted,
            "rate": pa.array(found / np.maximum(planted, 1), mask=planted == 0),
            "low": low,
            "high": high,
        }
    )


class _Usual:
    """What is usual: a sample of the rows, in the order of their numbers, and what is around places in it."""

    def __init__(self, positions: Positions, stream: Stream) -> None:
        p = positions
        drawn = row_uniform(p.row, stream.child("reference"))
        chosen = np.flatnonzero(drawn < REFERENCE / max(len(p), 1))
        self.index = chosen[np.lexsort((p.time[chosen], p.longitude[chosen], p.latitude[chosen], p.row[chosen]))]
        self.p = p.take(self.index)
        speeds = self.p.speed[~np.isnan(self.p.speed)]
        top = float(np.quantile(speeds, 0.95)) if len(speeds) else np.nan
        self.slow_limit, self.moving_limit = SLOW * top, MOVING * top

    @cached_property
    def moving(self) -> Ints:
        """Rows of the sample that are under way and say where to."""
        found = np.flatnonzero((self.p.speed >= self.moving_limit) & (self.p.speed > 0) & ~np.isnan(self.p.heading))
        if not len(found):
            raise _impossible("no row has a speed above zero and a heading")
        return found

    @cached_property
    def spots(self) -> Ints:
        """Rows of the sample, at most one of an entity in a stretch of ``CLOSEST_KM``."""
        cells = [np.floor(v * KM_PER_DEGREE / CLOSEST_KM) for v in (self.p.latitude, self.p.longitude)]
        _, first = np.unique(np.stack([self.p.entity, *cells], axis=1), axis=0, return_index=True)
        return np.asarray(first)

    @cached_property
    def where(self) -> Floats:
        """Places of the sample as unit vectors, shape (n, 3)."""
        return unit_vectors(self.p.latitude, self.p.longitude)

    def nearest(self, among: Ints, latitude: Floats, longitude: Floats, k: int) -> tuple[Floats, Ints]:
        """Distance in km to the k nearest of some rows of the sample, and which these are, shape (n, k) or less."""
        from scipy.spatial import cKDTree

        ranks = [*range(1, min(k, len(among)) + 1)]
        chord, near = cKDTree(self.where[among]).query(unit_vectors(latitude, longitude), k=ranks, workers=-1)
        return chord * EARTH_RADIUS_KM, np.asarray(among[near])

    def around(self, latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
        """Distance in km to the nearest spot, and the usual distance between spots around it."""
        p, near_km = self.p, self.nearest(self.spots, latitude, longitude, 9)
        wanted, place = np.unique(near_km[1], return_inverse=True)
        apart = self.nearest(self.spots, p.latitude[wanted], p.longitude[wanted], 4)[0][:, -1]
        spacing = np.median(apart[place.reshape(near_km[1].shape)], axis=1)
        return near_km[0][:, 0], np.maximum(spacing, CLOSEST_KM)

    @cached_property
    def at_sea(self) -> bool:
        """Whether most rows under way are on water (berths and rivers are often on land by coarse outlines)."""
        some = self.p.take(self.moving[:: max(len(self.moving) // 2000, 1)])
        return bool(np.mean(on_land(some.latitude, some.longitude)) < 0.5)

    def neighbours(self, rows: Ints, k: int) -> Ints:
        """The k nearest moving rows of the sample to some of its rows, these included, shape (len(rows), k)."""
        return self.nearest(self.moving, self.p.latitude[rows], self.p.longitude[rows], k)[1]

    def voids(self, count: int, random: Random) -> tuple[Ints, Floats, Floats, Floats]:
        """Places where nobody goes: a row of the sample near each, latitude, longitude, km to the nearest record."""
        row = random.integers(0, len(self.p), count * TRIES)
        _, spacing = self.around(self.p.latitude[row], self.p.longitude[row])
        km = spacing * VOID * random.uniform(1.0, 4.0, len(row))
        lat, lon = _displaced(self.p.latitude[row], self.p.longitude[row], km, random.uniform(0, 360, len(row)))
        nearest, spacing = self.around(lat, lon)
        lonely = np.minimum(nearest / (VOID * spacing), 1.0)
        if self.at_sea:
            lonely = np.where(on_land(lat, lon), lonely - 2.0, lonely)
        best = np.argsort(-lonely, kind="stable")[:count]
        return row[best], lat[best], lon[best], nearest[best]

    def made(self, rows: Ints, partner: Ints | None = None, **changed: Floats) -> Planted:
        """Rows of the sample with some values changed."""
        alone = np.full(len(rows), -1)
        made = replace(self.p.take(rows), **changed)  # type: ignore[arg-type]
        return Planted(made, np.full(len(rows), ""), self.index[rows], alone if partner is None else partner)


def _impossible(why: str) -> DataError:
    return DataError(Fault("outliers.plant-impossible", f"nothing can be planted: {why}", key="check.plant"))


def _displaced(latitude: Floats, longitude: Floats, km: Floats, bearing: Floats) -> tuple[Floats, Floats]:
    """Places at a distance and bearing from others, on the sphere."""
    phi, arc, b = np.radians(latitude), km / EARTH_RADIUS_KM, np.radians(bearing)
    new = np.arcsin(np.clip(np.sin(phi) * np.cos(arc) + np.cos(phi) * np.sin(arc) * np.cos(b), -1.0, 1.0))
    east = np.arctan2(np.sin(b) * np.sin(arc) * np.cos(phi), np.cos(arc) - np.sin(phi) * np.sin(new))
    return np.degrees(new), (longitude + np.degrees(east) + 180.0) % 360.0 - 180.0


def _off_lane(usual: _Usual, count: int, random: Random) -> Planted:
    other = random.choice(usual.moving, count)
    rows, lat, lon, _ = usual.voids(count, random)
    speed, heading = usual.p.speed[other], usual.p.heading[other]
    return usual.made(rows, latitude=lat, longitude=lon, speed=speed, heading=heading)


def _loiter(usual: _Usual, count: int, random: Random) -> Planted:
    rows, lat, lon, _ = usual.voids(count, random)
    speed, heading = random.uniform(0.0, usual.moving_limit, count), random.uniform(0.0, 360.0, count)
    return usual.made(rows, latitude=lat, longitude=lon, speed=speed, heading=heading)


def _rendezvous(usual: _Usual, count: int, random: Random) -> Planted:
    """The second of each pair is made from a record of another entity that is near."""
    pairs = -(-count // 2)
    rows, lat, lon, void = usual.voids(pairs, random)
    other = _companions(usual, rows, random)
    beside, bearing = np.minimum(void * random.uniform(0.03, 0.1, pairs), 0.5), random.uniform(0.0, 360.0, pairs)
    lat2, lon2 = _displaced(lat, lon, beside, bearing)
    if usual.at_sea:
        bearing = np.where(on_land(lat2, lon2), bearing + 180.0, bearing)
        lat2, lon2 = _displaced(lat, lon, beside, bearing)
    order = np.arange(2 * pairs).reshape(2, pairs).T.ravel()  # pairs beside each other
    partner = np.arange(2 * pairs) ^ 1
    return usual.made(
        np.concatenate([rows, other])[order],
        partner,
        latitude=np.concatenate([lat, lat2])[order],
        longitude=np.concatenate([lon, lon2])[order],
        time=np.concatenate([usual.p.time[rows]] * 2)[order],
        speed=random.uniform(0.0, usual.slow_limit, 2 * pairs),
        heading=random.uniform(0.0, 360.0, 2 * pairs),
    )


def _companions(usual: _Usual, rows: Ints, random: Random) -> Ints:
    """For each row one of another entity: of those near it the next in time, or any where there is none near."""
    p = usual.p
    who = np.where(p.entity >= 0, p.entity, -2 - np.arange(len(p)))
    if len(np.unique(who)) < 2:
        raise _impossible("a rendezvous needs two entities, and there is one")
    _, near = usual.nearest(usual.spots, p.latitude[rows], p.longitude[rows], 200)
    some = np.concatenate([near, random.choice(usual.spots, (len(rows), TRIES))], axis=1)
    gap = np.nan_to_num(np.abs(p.time[some] - p.time[rows, None]))
    gap[:, near.shape[1] :] += 1e12  # only where nobody else is near
    gap[who[some] == who[rows, None]] = np.inf
    best = np.argmin(gap, axis=1)
    other = some[np.arange(len(rows)), best]
    lonely = np.isinf(gap[np.arange(len(rows)), best])
    first, last = np.argmin(who), np.argmax(who)
    return np.where(lonely, np.where(who[rows] == who[first], last, first), other)


def _lanes(usual: _Usual, count: int, random: Random, order: int) -> tuple[Ints, Floats]:
    """Moving rows around which courses agree best (``order`` 1) or but for the direction (2), and the mean course."""
    rows = random.choice(usual.moving, count * TRIES)
    angle = np.radians(usual.p.heading[usual.neighbours(rows, 20)]) * order
    cosine, sine = np.cos(angle).mean(axis=1), np.sin(angle).mean(axis=1)
    own = np.cos(np.arctan2(sine, cosine) - np.radians(usual.p.heading[rows]) * order)  # is the row itself of the lane?
    agree = np.minimum(np.minimum(np.hypot(cosine, sine), own), 0.95)
    best = np.argsort(-agree, kind="stable")[:count]
    return rows[best], (np.degrees(np.arctan2(sine, cosine)) / order)[best]


def _across_lane(usual: _Usual, count: int, random: Random) -> Planted:
    rows, course = _lanes(usual, count, random, 2)
    turn = random.choice([-90.0, 90.0], count) + random.uniform(-20.0, 20.0, count)
    return usual.made(rows, heading=(course + turn) % 360.0)


def _wrong_way(usual: _Usual, count: int, random: Random) -> Planted:
    rows, course = _lanes(usual, count, random, 1)
    return usual.made(rows, heading=(course + 180.0 + random.uniform(-10.0, 10.0, count)) % 360.0)


def _speed(usual: _Usual, count: int, random: Random) -> Planted:
    rows = random.choice(usual.moving, count)
    fastest = usual.p.speed[usual.neighbours(rows, 50)].max(axis=1)
    fast = np.maximum(fastest, np.median(usual.p.speed[usual.moving]))
    return usual.made(rows, speed=fast * random.uniform(1.3, 2.0, count))


def _jump(usual: _Usual, count: int, random: Random) -> Planted:
    """To the place of another entity, twice as far away as the own track reaches, or the farthest of some tries."""
    p = usual.p
    several = np.flatnonzero((p.entity >= 0) & (np.bincount(p.entity[p.entity >= 0], minlength=1)[p.entity] >= 3))
    if not len(several) or len(np.unique(p.entity)) < 2:
        raise _impossible("a jump needs two entities, and three records of one of them")
    rows = random.choice(several, count)
    known = np.flatnonzero(~np.isnan(p.speed))
    other = random.choice(known if len(known) else np.arange(len(p)), (count, TRIES))
    km = great_circle(p.latitude[rows, None], p.longitude[rows, None], p.latitude[other], p.longitude[other])
    fits = np.where(p.entity[other] != p.entity[rows, None], np.minimum(km / (2 * _reach(p)[rows, None]), 1.0), -1.0)
    there = other[np.arange(count), np.argmax(fits, axis=1)]
    place = {"latitude": p.latitude[there], "longitude": p.longitude[there]}
    return usual.made(rows, **place, speed=p.speed[there], heading=p.heading[there])


def _reach(p: Positions) -> Floats:
    """Diagonal in km of the box that holds the track of each row's entity, shape (n,)."""
    where, code = unit_vectors(p.latitude, p.longitude), np.maximum(p.entity, 0)
    low, high = np.full((code.max(initial=0) + 1, 3), 2.0), np.full((code.max(initial=0) + 1, 3), -2.0)
    np.minimum.at(low, code, where)
    np.maximum.at(high, code, where)
    diagonal = np.sqrt(((high - low) ** 2).sum(axis=1)) * EARTH_RADIUS_KM
    return np.asarray(np.maximum(diagonal, CLOSEST_KM)[code])


KINDS: dict[str, Callable[[_Usual, int, Random], Planted]] = {
    "off_lane": _off_lane,
    "rendezvous": _rendezvous,
    "across_lane": _across_lane,
    "wrong_way": _wrong_way,
    "speed": _speed,
    "loiter": _loiter,
    "jump": _jump,
}
"""What can be planted."""
