"""Meetings: slow records of two entities close together in space and time, where few others are.

Two vessels side by side in a harbour are nothing; in open water they may hand something over. A pair is the odder
the closer it is and the fewer slow vessels usually are around: if others lay at random with their usual density, how
probable would a neighbour as near as this be?

Sources:
    Clark and Evans (1954), Distance to nearest neighbor, Ecology 35(4): P(nearest <= d) = 1 - exp(-density pi d^2).
    Miller, Roan, Hochberg, Amos and Kroodsma (2018), Identifying global patterns of transshipment behavior,
    Frontiers in Marine Science 5: within 500 m, at least two hours, below two knots.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.geo.distance import EARTH_RADIUS_KM, great_circle, unit_vectors
from potomac.outliers import nearby
from potomac.outliers.positions import Positions

__all__ = ["NAMES", "Meetings", "MeetingsOfMany"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NAMES = (
    "nearest_km",  # to the nearest record of another entity within the window; the radius where there is none
    "nearest_slow_km",  # to the nearest slow one
    "others_near",  # log(1 + other entities within radius and window)
    "slow_near",  # log(1 + slow ones)
    "usual_traffic",  # log(1 + hours that others than these two spent there, over all the data)
    "usual_slow",  # log(1 + hours of slow ones)
    "meeting",  # surprise in powers of ten at a slow neighbour as near as this; 0 where there is none
)

WATERS = ("open water", "lane", "anchorage", "berth")
"""Where two meet, by who else is usually there: less than one entity at a time; less than one slow one; more. At a
berth one of the two was never seen anywhere else."""

COARSE_KM, FINE_KM = 5.0, 1.0
"""Sides of the cells in which usual traffic is counted; three by three of them are "there". The fine ones tell a
harbour from the water before it."""

LEFT_KM = 2.0
"""Who was never seen farther apart from himself than this has not left his berth."""

CLOSEST_KM = 0.02
"""Nearer than a ship's length nothing is more surprising."""


@dataclass(frozen=True)
class Meetings:
    """Where and when everybody was, to be asked who is near.

    Attributes:
        positions: what this was built from.
        cells: its records; side of a cell: how far neighbours are looked for.
        presence: how many hours everybody spent where, by coarse and by fine cells.
        hours: in how many different hours there are records, at least one.
        extent: diagonal in km of the box in which each entity was seen, by code.
        window_s: neighbours are those up to this time before or after.
        slow_kn: a record is slow up to this speed.
    """

    positions: Positions
    cells: nearby.Cells
    presence: tuple[nearby.Presence, nearby.Presence]
    hours: int
    extent: Floats
    window_s: float
    slow_kn: float

    names = NAMES

    @classmethod
    def build(
        cls,
        positions: Positions,
        *,
        radius_km: float = 5.0,
        window_s: float = 900.0,
        slow_kn: float = 2.0,
        slow_only: bool = False,
    ) -> Meetings:
        """Sort positions into cells. Rows without a time take no part.

        Args:
            positions: n positions.
            radius_km: how far neighbours are looked for.
            window_s: how long before and after.
            slow_kn: a record is slow up to this speed.
            slow_only: whether only slow neighbours are looked for, which is all that meetings need and takes less time;
                ``nearest_km`` and ``others_near`` then speak of slow ones.

        Raises:
            ValueError: a length, time or speed is not positive.
        """
        if min(radius_km, window_s, slow_kn) <= 0:
            raise ValueError(f"radius {radius_km}, window {window_s} and slow {slow_kn} must be positive")
        p, who = positions, _identity(positions)
        slow = p.speed <= slow_kn
        asked = np.flatnonzero(slow) if slow_only else np.arange(len(p))
        lat, lon, time = p.latitude[asked], p.longitude[asked], p.time[asked]
        cells = nearby.sort_into_cells(lat, lon, time, who[asked], slow[asked], radius_km)
        cells = cells._replace(row=asked[cells.row])
        coarse = nearby.stay(p.latitude, p.longitude, p.time, who, slow, COARSE_KM)
        fine = nearby.stay(lat, lon, time, who[asked], slow[asked], FINE_KM)
        hours = max(len(np.unique(np.floor(p.time[~np.isnan(p.time)] / 3600.0))), 1)
        return cls(p, cells, (coarse, fine), hours, _extents(p), window_s, slow_kn)

    def features(
        self,
        index: npt.ArrayLike | None = None,
        latitude: npt.ArrayLike | None = None,
        longitude: npt.ArrayLike | None = None,
        speed: npt.ArrayLike | None = None,
        heading: npt.ArrayLike | None = None,
    ) -> Floats:
        """Who is near rows, or near what might have been reported in their stead.

        Records of the same entity do not count, except those of the same second in another place: one identity
        used by two.

        Args:
            index: rows of the positions whose entity and time are meant; default all. Shape (k,).
            latitude: degrees, shape (k,); default is what the row says, as for the following.
            longitude: degrees, shape (k,).
            speed: kn, shape (k,).
            heading: taken and not used, so that all features are asked in one way.

        Returns:
            Shape (k, len(names)); NaN where the time is unknown.
        """
        del heading
        p = self.positions
        rows = np.arange(len(p)) if index is None else np.asarray(index, np.int64)
        lat = p.latitude[rows] if latitude is None else np.asarray(latitude, np.float64)
        lon = p.longitude[rows] if longitude is None else np.asarray(longitude, np.float64)
        v = p.speed[rows] if speed is None else np.asarray(speed, np.float64)
        own = unit_vectors(p.latitude[rows], p.longitude[rows])
        return self._ask(rows, _identity(p)[rows], p.time[rows], own, lat, lon, v)

    def features_of(self, entity: npt.ArrayLike, positions: Positions) -> Floats:
        """Who is near new positions.

        Args:
            entity: code of each position's entity in the positions of ``build``, -1 where it has none, shape (k,).
            positions: k new positions.

        Returns:
            Shape (k, len(names)).
        """
        p, nobody = positions, np.full(len(positions), -1)
        own = unit_vectors(p.latitude, p.longitude)
        return self._ask(nobody, np.asarray(entity, np.int64), p.time, own, p.latitude, p.longitude, p.speed)

    def find(
        self, *, near_km: float = 0.5, shortest_s: float = 7200.0, longest_gap_s: float = 7200.0, most_company: int = 8
    ) -> pa.Table:
        """Meetings of pairs of entities: those in open water first, and the more surprising first.

        Slow records of two entities within ``near_km`` and the window are together; times together that follow each
        other within ``longest_gap_s`` are one meeting. A record with more than ``most_company`` other slow entities
        within ``near_km`` lies in a harbour and meets nobody.

        Args:
            near_km: largest distance.
            shortest_s: least duration.
            longest_gap_s: longest time without a record together.
            most_company: see above; bounds the work where thousands lie side by side. At most 31.

        Returns:
            Columns entity and other (names), start and end (timestamps, UTC), hours, latitude, longitude (of the
            closest moment), distance_km (smallest), records (of both), traffic_usually and slow_usually (other
            entities there at a time, on average), where (open water, lane, anchorage, or berth where one of the two
            never left), extent_km (diagonal of the smaller one of the two areas in which the entities were ever
            seen), surprise (powers of ten), row and other_row (of the source, at the closest moment).

        Raises:
            ValueError: ``most_company`` is more than can be counted.
        """
        if most_company >= nearby.MOST:
            raise ValueError(f"most_company is {most_company}; it must be less than {nearby.MOST}")
        p = self.positions
        slow = p.take(np.flatnonzero((p.speed <= self.slow_kn) & (p.entity >= 0)))
        everyone = np.ones(len(slow), bool)
        cells = nearby.sort_into_cells(slow.latitude, slow.longitude, slow.time, slow.entity, everyone, near_km)
        i, j, km = nearby.pairs(cells, self.window_s, most_company)
        return self._table(slow, _runs(slow, i, j, km, longest_gap_s, shortest_s))

    def _ask(self, row: Ints, who: Ints, time: Floats, own: Floats, lat: Floats, lon: Floats, speed: Floats) -> Floats:
        lat, lon = np.ascontiguousarray(lat), np.ascontiguousarray(lon)
        near, partner = nearby.nearest(self.cells, row, who, time, own, lat, lon, self.window_s)
        usual, density = self._usually(who, partner, lat, lon)
        now = (near[:, 3] - 1) / (np.pi * self.cells.cell_km**2)
        met = (near[:, 1] < self.cells.cell_km) & (speed <= self.slow_kn)
        surprise = np.where(met, _surprise(near[:, 1], np.maximum(density, now)), 0.0)
        out = np.column_stack([near[:, :2], np.log1p(near[:, 2:]), np.log1p(usual), surprise])
        out[np.isnan(time)] = np.nan
        return np.asarray(out)

    def _usually(self, who: Ints, partner: Ints, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
        """Hours of others than these two there, at any speed and slow, and slow others at a time per km2.

        The density is that of the coarse cells, as if one more had been there for an hour, or of the fine ones.
        """
        usual, area = nearby.presence_of_others(self.presence[0], who, partner, lat, lon)
        dense, small = nearby.presence_of_others(self.presence[1], who, partner, lat, lon)
        return usual, np.maximum((usual[:, 1] + 1.0) / area, dense[:, 1] / small) / self.hours

    def _table(self, slow: Positions, runs: tuple[Ints, Ints, Floats, Floats, Ints]) -> pa.Table:
        i, j, begin, end, records = runs
        one, two = slow.take(i), slow.take(j)
        km = great_circle(one.latitude, one.longitude, two.latitude, two.longitude)
        hours, density = self._usually(one.entity, two.entity, one.latitude, one.longitude)
        traffic, lying = hours[:, 0] / self.hours, hours[:, 1] / self.hours
        surprise = _surprise(km, density)
        smaller = np.minimum(self.extent[one.entity], self.extent[two.entity])
        water = np.select([smaller < LEFT_KM, lying >= 1, traffic >= 1], [3, 2, 1], 0)
        columns = {
            "entity": one.names(),
            "other": two.names(),
            "start": _timestamps(begin),
            "end": _timestamps(end),
            "hours": (end - begin) / 3600.0,
            "latitude": one.latitude,
            "longitude": one.longitude,
            "distance_km": km,
            "records": records,
            "traffic_usually": traffic,
            "slow_usually": lying,
            "where": pa.array(WATERS).take(pa.array(water)),
            "extent_km": smaller,
            "surprise": surprise,
            "row": one.row,
            "other_row": two.row,
        }
        order = np.lexsort((begin, two.entity, one.entity, begin - end, -surprise, water))
        return pa.table(columns).take(pa.array(order))


class MeetingsOfMany:
    """Meetings of more positions than are held in memory, which come in parts of whole entities.

    Slow records are kept, thinned as by :func:`nearby.sort_into_cells`, and the hours that entities spent in cells. All
    that is asked of slow records is answered as from all positions at once.

    Args:
        most: slow records, and pairs of entity and cell, that are kept; where there are more, nothing is.
    """

    def __init__(self, *, radius_km: float = 5.0, window_s: float = 900.0, slow_kn: float = 2.0, most: int) -> None:
        self.radius_km, self.window_s, self.slow_kn, self.most = radius_km, window_s, slow_kn, most
        self._slow: list[Positions] = []
        self._presence: list[tuple[nearby.Presence, nearby.Presence]] = []
        self._extents: list[Floats] = []
        self._names: list[str] = []
        self._hours = np.empty(0)
        self.full = False

    def add(self, positions: Positions, who: Ints) -> None:
        """Take a part.

        Args:
            positions: all records of some entities, whose codes follow on those of the part before.
            who: identity of each row over all parts: the code of its entity in all of them, or a negative number of its
                own. Shape (n,).
        """
        p = positions
        self._hours = np.union1d(self._hours, np.floor(p.time[~np.isnan(p.time)] / 3600.0))
        self._extents.append(_extents(p))
        self._names += p.entities
        if self.full:
            return
        slow = np.flatnonzero(p.speed <= self.slow_kn)
        q, one = p.take(slow), np.ones(len(slow), bool)
        kept = nearby.sort_into_cells(q.latitude, q.longitude, q.time, who[slow], one, self.radius_km).row
        self._slow.append(replace(q.take(np.sort(kept)), entity=who[slow][np.sort(kept)], covariates={}, entities=()))
        coarse = nearby.stay(p.latitude, p.longitude, p.time, who, p.speed <= self.slow_kn, COARSE_KM)
        fine = nearby.stay(q.latitude, q.longitude, q.time, who[slow], one, FINE_KM)
        self._presence.append((coarse, fine))
        pairs = sum(len(c.entity) + len(f.entity) for c, f in self._presence)
        if max(pairs, sum(map(len, self._slow))) > self.most:
            self.full, self._slow, self._presence = True, [], []

    def meetings(self) -> Meetings | None:
        """Of all parts; None where there were too many slow records."""
        if self.full or not self._slow:
            return None
        everyone = self._everyone()
        who, slow = everyone.entity, np.ones(len(everyone), bool)
        cells = nearby.sort_into_cells(
            everyone.latitude, everyone.longitude, everyone.time, who, slow, self.radius_km
        )  # fmt: skip
        coarse, fine = (nearby.presence_of_all(parts) for parts in zip(*self._presence, strict=True))
        known = replace(everyone, entity=np.maximum(who, -1))
        hours = max(len(self._hours), 1)
        return Meetings(
            known, cells, (coarse, fine), hours, np.concatenate(self._extents), self.window_s, self.slow_kn
        )  # fmt: skip

    def _everyone(self) -> Positions:
        def all_of(name: str) -> npt.NDArray[Any]:
            return np.concatenate([getattr(part, name) for part in self._slow])

        return Positions(
            row=all_of("row"), latitude=all_of("latitude"), longitude=all_of("longitude"), speed=all_of("speed"),
            heading=all_of("heading"), time=all_of("time"), entity=all_of("entity"), entities=tuple(self._names),
        )  # fmt: skip


def _surprise(km: Floats, density: Floats) -> Floats:
    """-log10 of the probability of a neighbour within ``km`` where ``density`` of them lie at random per km2."""
    expected = density * np.pi * np.maximum(km, CLOSEST_KM) ** 2
    return np.asarray(np.maximum(-np.log10(-np.expm1(-expected)), 0.0))


def _identity(p: Positions) -> Ints:
    """Entity of each row; who is unknown is somebody else each time."""
    return np.where(p.entity >= 0, p.entity, -2 - np.arange(len(p)))


def _runs(
    slow: Positions, i: Ints, j: Ints, km: Floats, gap_s: float, shortest_s: float
) -> tuple[Ints, Ints, Floats, Floats, Ints]:
    """Meetings as runs of pairs (i, j): the closest pair, start and end in seconds, and how many records."""
    a, b, time = slow.entity[i], slow.entity[j], (slow.time[i] + slow.time[j]) / 2
    order = np.lexsort((j, i, time, b, a))
    i, j, a, b = i[order], j[order], a[order], b[order]
    km, time = km[order], time[order]
    new = np.ones(len(i), bool)
    new[1:] = (np.diff(a) != 0) | (np.diff(b) != 0) | (np.diff(time) > gap_s)
    run, starts = np.cumsum(new) - 1, np.flatnonzero(new)
    if not len(starts):
        nothing = np.empty(0, np.int64)
        return nothing, nothing, np.empty(0), np.empty(0), nothing
    begin = np.minimum.reduceat(np.minimum(slow.time[i], slow.time[j]), starts)
    end = np.maximum.reduceat(np.maximum(slow.time[i], slow.time[j]), starts)
    closest = np.lexsort((time, km, run))[starts]
    records = _distinct(run, i, len(starts)) + _distinct(run, j, len(starts))
    long = end - begin >= shortest_s
    return i[closest][long], j[closest][long], begin[long], end[long], records[long]


def _distinct(run: Ints, record: Ints, runs: int) -> Ints:
    """How many different records each run has."""
    order = np.lexsort((record, run))
    new = np.ones(len(run), bool)
    new[1:] = (np.diff(run[order]) != 0) | (np.diff(record[order]) != 0)
    return np.bincount(run[order][new], minlength=runs)


def _extents(p: Positions) -> Floats:
    """Diagonal in km of the box in which each entity was seen, by code."""
    where, known = unit_vectors(p.latitude, p.longitude), p.entity >= 0
    low, high = np.full((len(p.entities), 3), 2.0), np.full((len(p.entities), 3), -2.0)
    np.minimum.at(low, p.entity[known], where[known])
    np.maximum.at(high, p.entity[known], where[known])
    return np.asarray(np.sqrt(((high - low) ** 2).sum(axis=1)) * EARTH_RADIUS_KM)


def _timestamps(seconds: Floats) -> pa.Array:
    return pa.array(np.round(seconds * 1e6).astype(np.int64)).cast(pa.timestamp("us", "UTC"))
