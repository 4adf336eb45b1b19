"""Tracks: how well a record fits the other records of its own entity.

A record is compared with the two before and the two after it, never with itself. One wrong neighbour must not spoil
an honest record, so each comparison is given twice: the smallest of the four, and the second smallest. A record that is
far from its track is far from all four; its innocent neighbours are far from one.
"""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import EARTH_RADIUS_KM, unit_vectors
from potomac.outliers.positions import Positions
from potomac.outliers.spans import in_spans
from potomac.stats.compiled import compiled

__all__ = ["NAMES", "Tracks", "floor_of", "gaps", "repeats"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NAMES = (
    "gap_s",  # time to the nearer one of the records before and after
    "gap_other_s",  # time to the farther one
    "implied_speed_kn",  # distance by time to each of the four: smallest
    "implied_speed_second_kn",  # second smallest
    "implied_speed_most_kn",  # larger one of the records just before and just after
    "off_track_km",  # distance from the place between a record before and one after: smallest of the four pairs
    "off_track_second_km",
    "reckoned_km",  # distance from where the record before (after) leads by its speed and heading: smallest
    "speed_gap_kn",  # reported less implied speed: the one nearest to zero
    "speed_gap_second_kn",  # size of the second
    "implied_course_deg",  # from the record before, or to the one after
    "course_gap_deg",  # between reported heading and implied course: smallest
    "course_gap_second_deg",
    "bend_deg",  # between the course from the record before and that to the record after
    "speed_change_kn",  # between the speed reported here and there: smallest
    "speed_change_second_kn",
    "heading_change_deg",  # between the heading reported here and there: smallest
    "heading_change_second_deg",
)

RECKON_S = 3 * 3600.0
"""Longest time over which speed and heading say where an entity will be."""

MOVED_KM = 0.1
"""Shortest way that has a course; below it noise of the receiver decides."""

SHORTEST_FLOOR_S, LONGEST_FLOOR_S = 10.0, 60.0

_KN = 3600.0 / 1.852  # km/s to kn


@dataclass(frozen=True)
class Tracks:
    """The records of all entities in the order of their time.

    Records of one entity at one time and place are one. Those at one time and different places are neighbours, in
    the order of their latitude and longitude.

    Attributes:
        places: unit vectors of the m records, shape (m, 3).
        speed: kn, shape (m,).
        heading: degrees, shape (m,).
        time: seconds, shape (m,).
        edges: first record of each entity code; one more at the end.
        record: record of each row of the positions, -1 where its entity or time is unknown, shape (n,).
        apart_s: neighbours keep this time from a record and from each other, as far as the track is long enough: from
            second to second, speed and course would be those of the receiver's errors.
        floor_s: shortest time by which a distance is divided, so that two places at one time give a number.
        own: latitude, longitude, speed and heading of each row of the positions, each of shape (n,).
    """

    places: Floats
    speed: Floats
    heading: Floats
    time: Floats
    edges: Ints
    record: Ints
    apart_s: float
    floor_s: float
    own: tuple[Floats, ...]

    names = NAMES

    @classmethod
    def build(cls, positions: Positions, *, apart_s: float = 10.0, floor_s: float | None = None) -> Tracks:
        """Sort positions into tracks.

        Args:
            positions: n positions in any order.
            apart_s: see above.
            floor_s: see above; default is the median time between records, 10 s at least and a minute at most.
        """
        p = positions
        order = np.lexsort((p.row, p.longitude, p.latitude, p.time, p.entity))
        order = order[(p.entity[order] >= 0) & ~np.isnan(p.time[order])]
        same = np.ones(len(order), bool)
        for values in (p.entity, p.time, p.latitude, p.longitude):
            same[1:] &= values[order][1:] == values[order][:-1]
        same[:1] = False
        record = np.full(len(p), -1)
        record[order] = np.cumsum(~same) - 1
        first = order[~same]
        entity, time = p.entity[first], p.time[first]
        edges = np.searchsorted(entity, np.arange(int(entity.max(initial=-1)) + 2))
        floor = floor_of(gaps(entity, time)) if floor_s is None else floor_s
        places = unit_vectors(p.latitude[first], p.longitude[first])
        own = (p.latitude, p.longitude, p.speed, p.heading)
        return cls(places, p.speed[first], p.heading[first], time, edges, record, apart_s, floor, own)

    def features(
        self,
        index: npt.ArrayLike | None = None,
        latitude: npt.ArrayLike | None = None,
        longitude: npt.ArrayLike | None = None,
        speed: npt.ArrayLike | None = None,
        heading: npt.ArrayLike | None = None,
    ) -> Floats:
        """Compare rows, or what might have been reported in their stead, with the rest of their tracks.

        Args:
            index: rows of the positions whose entity, time and neighbours are meant; default all. Shape (k,).
            latitude: degrees, shape (k,); default is what the row says, as for the following.
            longitude: degrees, shape (k,).
            speed: kn, shape (k,).
            heading: degrees, shape (k,).

        Returns:
            Shape (k, len(names)); NaN where the entity has no record to compare with.
        """
        rows = np.arange(len(self.record)) if index is None else np.asarray(index, np.int64)
        given = (latitude, longitude, speed, heading)
        lat, lon, v, course = (
            own[rows] if value is None else np.asarray(value, np.float64)
            for own, value in zip(self.own, given, strict=True)
        )
        return self._compare(self._near(rows), self._times(rows), lat, lon, v, course)

    def _times(self, rows: Ints) -> Floats:
        record = self.record[rows]
        known = record >= 0
        time = np.full(len(rows), np.nan)
        time[known] = self.time[record[known]]
        return time

    def _near(self, rows: Ints) -> Ints:
        """The neighbours of rows among the records, -1 where there is none, shape (k, 4)."""
        record = self.record[rows]
        entity = np.where(record >= 0, np.searchsorted(self.edges, record, side="right") - 1, -1)
        return np.asarray(
            _around(self.edges, self.time, entity, self._times(rows), record - 1, record + 1, self.apart_s)
        )

    def take(self, index: npt.ArrayLike) -> Tracks:
        """The same tracks, asked by the rows at ``index`` of the positions only."""
        rows = np.asarray(index, np.int64)
        return replace(self, record=self.record[rows], own=tuple(values[rows] for values in self.own))

    def around(self, index: npt.ArrayLike) -> Tracks:
        """As :meth:`take`, without the records that these rows are not compared with.

        Neighbours are the nearest records of a track that keep their times, and all of these are kept.
        """
        some = self.take(index)
        records = np.unique(np.append(some._near(np.arange(len(some.record))), some.record))
        records = records[records >= 0]
        place = np.append(np.full(len(self.time), -1), -1)
        place[records] = np.arange(len(records))
        return replace(
            some, places=self.places[records], speed=self.speed[records], heading=self.heading[records],
            time=self.time[records], edges=np.searchsorted(records, self.edges), record=place[some.record],
        )  # fmt: skip

    @staticmethod
    def joined(parts: Sequence[Tracks]) -> Tracks:
        """Tracks of different entities in one; rows follow each other as the parts do.

        Raises:
            ValueError: there is no part, or their times apart or floors differ.
        """
        if len({(part.apart_s, part.floor_s) for part in parts}) != 1:
            raise ValueError("tracks can be joined where their times apart and their floors are the same")
        before = np.cumsum([0] + [len(part.time) for part in parts])
        ahead = list(zip(parts, before, strict=False))
        return Tracks(
            places=np.concatenate([t.places for t in parts]),
            speed=np.concatenate([t.speed for t in parts]),
            heading=np.concatenate([t.heading for t in parts]),
            time=np.concatenate([t.time for t in parts]),
            edges=np.concatenate([*(t.edges[:-1] + n for t, n in ahead), before[-1:]]),
            record=np.concatenate([np.where(t.record < 0, -1, t.record + n) for t, n in ahead]),
            apart_s=parts[0].apart_s,
            floor_s=parts[0].floor_s,
            own=tuple(np.concatenate(values) for values in zip(*(t.own for t in parts), strict=True)),
        )

    def features_of(self, entity: npt.ArrayLike, positions: Positions) -> Floats:
        """Compare new positions with the tracks.

        Args:
            entity: code of each position's entity in these tracks, -1 where it has none, shape (k,).
            positions: k positions, none of them in the tracks.

        Returns:
            Shape (k, len(names)).
        """
        p, code = positions, np.asarray(entity, np.int64)
        after = _first_after(self.edges, self.time, code, p.time)
        near = _around(self.edges, self.time, code, p.time, after - 1, after, self.apart_s)
        return self._compare(near, p.time, p.latitude, p.longitude, p.speed, p.heading)

    def _compare(self, near: Ints, time: Floats, lat: Floats, lon: Floats, speed: Floats, heading: Floats) -> Floats:
        here = unit_vectors(lat, lon)
        known = (self.places, self.time, self.speed, self.heading, self.floor_s)
        reported = (np.ascontiguousarray(speed), np.ascontiguousarray(heading))
        out = np.full((len(time), len(NAMES)), np.nan)
        in_spans(len(time), lambda a, b: _compare(out, a, b, near, time, here, *reported, *known))
        return out


def repeats(
    entity: npt.ArrayLike, time: npt.ArrayLike, latitude: npt.ArrayLike, longitude: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Which rows repeat the place of the row before to the last digit.

    "Before" is by time in the track of the same entity; rows of one time keep their order. A receiver that has lost
    an aircraft carries its last position forward; a vessel at its berth may repeat itself truthfully.

    Args:
        entity: code or label of each row's entity, -1 where unknown (never a repeat), shape (n,).
        time: seconds, shape (n,).
        latitude: degrees, shape (n,).
        longitude: degrees, shape (n,).

    Returns:
        Shape (n,).
    """
    code, when = np.asarray(entity), np.asarray(time, np.float64)
    lat, lon = np.asarray(latitude, np.float64), np.asarray(longitude, np.float64)
    order = np.lexsort((when, code))
    same = np.ones(max(len(order) - 1, 0), bool)
    for values in (code, lat, lon):
        same &= values[order][1:] == values[order][:-1]
    mask = np.zeros(len(order), bool)
    mask[order[1:]] = same
    return np.asarray(mask & (code != -1) & ~np.isnan(when))


def gaps(entity: Ints, time: Floats) -> Ints:
    """How many times between records of one entity are 0 to 0.1 s, 0.1 to 0.2 s, ..., and in the end longer.

    Args:
        entity: code of each record's entity, sorted, shape (n,).
        time: seconds, ascending within an entity, shape (n,).

    Returns:
        Shape (1 + 10 ``LONGEST_FLOOR_S``,); parts that hold whole entities add up.
    """
    apart = np.diff(time)[np.diff(entity) == 0]
    tenths = np.minimum(np.floor(10.0 * apart[apart > 0]), 10.0 * LONGEST_FLOOR_S)
    return np.bincount(tenths.astype(np.int64), minlength=int(10 * LONGEST_FLOOR_S) + 1)


def floor_of(counts: Ints) -> float:
    """The median of times counted by :func:`gaps`, to a tenth of a second, 10 s at least and a minute at most."""
    if not counts.sum():
        return LONGEST_FLOOR_S
    median = np.searchsorted(np.cumsum(counts), (counts.sum() + 1) // 2) / 10.0
    return float(np.clip(median, SHORTEST_FLOOR_S, LONGEST_FLOOR_S))


@compiled(nogil=True)
def _around(edges, times, entity, time, last, first, apart):
    """Two records before and two after each time, nearest first, -1 where the entity has none: shape (k, 4).

    ``last`` is the last record before and ``first`` the first one after. Neighbours keep ``apart`` seconds from the
    record and from each other as far as the track is long enough; one of the very same time is always a neighbour.
    """
    near = np.full((len(entity), 4), -1)
    for i in range(len(entity)):
        e, t = entity[i], time[i]
        if e < 0 or e >= len(edges) - 1 or np.isnan(t):
            continue
        a, b = edges[e], edges[e + 1]
        for k in range(2):
            end = last[i] + 1 if k == 0 else near[i, 0]
            if end > a:
                same = k == 0 and times[end - 1] == t
                j = end - 1 if same else a + np.searchsorted(times[a:end], t - apart, side="right") - 1
                near[i, k] = max(j, a)
                t = times[near[i, k]]
        t = time[i]
        for k in range(2, 4):
            start = first[i] if k == 2 else near[i, 2] + 1
            if start < b and (k == 2 or near[i, 2] >= 0):
                same = k == 2 and times[start] == t
                j = start if same else start + np.searchsorted(times[start:b], t + apart)
                near[i, k] = min(j, b - 1)
                t = times[near[i, k]]
    return near


@compiled()
def _first_after(edges, times, entity, time):
    """First record of the entity after a time (its end where there is none)."""
    found = np.full(len(entity), -1)
    for i in range(len(entity)):
        if 0 <= entity[i] < len(edges) - 1 and not np.isnan(time[i]):
            a, b = edges[entity[i]], edges[entity[i] + 1]
            found[i] = a + np.searchsorted(times[a:b], time[i], side="right")
    return found


@compiled()
def _keep(best, second, value):
    """The two smallest seen so far; NaN is none."""
    if np.isnan(value):
        return best, second
    if np.isnan(best) or value < best:
        return value, best
    if np.isnan(second) or value < second:
        return best, value
    return best, second


@compiled()
def _arc_km(a0, a1, a2, b0, b1, b2):
    chord = np.sqrt((a0 - b0) ** 2 + (a1 - b1) ** 2 + (a2 - b2) ** 2)
    return 2.0 * EARTH_RADIUS_KM * np.arcsin(min(chord / 2.0, 1.0))


@compiled()
def _course(a, b):
    """Initial bearing from unit vector a to b in degrees: components of b along east and north at a."""
    r = np.sqrt(a[0] ** 2 + a[1] ** 2)
    if r == 0.0:
        return np.nan
    east = (-a[1] * b[0] + a[0] * b[1]) / r
    north = -(a[0] * b[0] + a[1] * b[1]) * a[2] / r + r * b[2]
    return np.degrees(np.arctan2(east, north)) % 360.0


@compiled()
def _turn(one, two):
    """Angle between two courses, 0 to 180 degrees."""
    return abs((one - two + 180.0) % 360.0 - 180.0)


@compiled()
def _between_km(here, t, a, ta, b, tb):
    """Distance from the place on the way from a to b at time t."""
    share = (t - ta) / (tb - ta) if tb > ta else 0.5
    x, y, z = (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2]))
    r = np.sqrt(x * x + y * y + z * z)
    if r == 0.0:
        return np.nan
    return _arc_km(here[0], here[1], here[2], x / r, y / r, z / r)


@compiled()
def _reckoned_km(here, a, dt, speed, heading):
    """Distance from where a leads within dt seconds (negative: where it came from)."""
    if speed == 0.0:
        heading = 0.0
    if np.isnan(speed) or np.isnan(heading) or abs(dt) > RECKON_S:
        return np.nan
    r = np.sqrt(a[0] ** 2 + a[1] ** 2)
    if r == 0.0:
        return np.nan
    arc = speed / _KN * dt / EARTH_RADIUS_KM
    s, c, h = np.sin(arc), np.cos(arc), np.radians(heading)
    e, n = np.sin(h), np.cos(h)
    x = a[0] * c + s * (-a[1] / r * e - a[0] * a[2] / r * n)
    y = a[1] * c + s * (a[0] / r * e - a[1] * a[2] / r * n)
    z = a[2] * c + s * r * n
    return _arc_km(here[0], here[1], here[2], x, y, z)


@compiled()
def _fit_place(out, here, t, near, places, times, speeds, headings):
    """Distances from the places where the neighbours expect the record."""
    best, second, reckoned, spare = np.nan, np.nan, np.nan, np.nan
    for p in range(2):
        for q in range(2, 4):
            a, b = near[p], near[q]
            if a >= 0 and b >= 0:
                best, second = _keep(best, second, _between_km(here, t, places[a], times[a], places[b], times[b]))
    for k in range(4):
        j = near[k]
        if j >= 0:
            d = _reckoned_km(here, places[j], t - times[j], speeds[j], headings[j])
            reckoned, spare = _keep(reckoned, spare, d)
    if np.isnan(best):  # neighbours on one side only
        best, second = reckoned, spare
    out[5], out[6], out[7] = best, second, reckoned


@compiled()
def _fit_behaviour(out, here, t, speed, heading, near, places, times, speeds, headings, floor):
    """Implied speed and course beside the reported ones, and reported ones beside each other."""
    v1, v2, gap1, gap2, signed = np.nan, np.nan, np.nan, np.nan, np.nan
    c1, c2, dv1, dv2, dh1, dh2 = np.nan, np.nan, np.nan, np.nan, np.nan, np.nan
    before, after = np.nan, np.nan
    for k in range(4):
        j = near[k]
        if j < 0:
            continue
        there = places[j]
        km = _arc_km(here[0], here[1], here[2], there[0], there[1], there[2])
        implied = km / max(abs(t - times[j]), floor) * _KN
        v1, v2 = _keep(v1, v2, implied)
        if k == 0 or k == 2:
            out[4] = implied if np.isnan(out[4]) else max(out[4], implied)
        difference = speed - implied
        if not np.isnan(difference) and (np.isnan(gap1) or abs(difference) < gap1):
            signed = difference
        gap1, gap2 = _keep(gap1, gap2, abs(difference))
        if km >= MOVED_KM and times[j] != t:
            course = _course(there, here) if k < 2 else _course(here, there)
            c1, c2 = _keep(c1, c2, _turn(heading, course))
            if k == 0:
                before = course
            elif k == 2:
                after = course
        dv1, dv2 = _keep(dv1, dv2, abs(speed - speeds[j]))
        dh1, dh2 = _keep(dh1, dh2, _turn(heading, headings[j]))
    out[2], out[3], out[8], out[9] = v1, v2, signed, gap2
    out[10] = after if np.isnan(before) else before
    out[11], out[12], out[13] = c1, c2, _turn(after, before)
    out[14], out[15], out[16], out[17] = dv1, dv2, dh1, dh2


@compiled(nogil=True)
def _compare(out, start, end, near, time, here, speed, heading, places, times, speeds, headings, floor):
    for i in range(start, end):
        t = time[i]
        if np.isnan(t):
            continue
        for k in (0, 2):
            j = near[i, k]
            if j >= 0:
                out[i, 0], out[i, 1] = _keep(out[i, 0], out[i, 1], abs(t - times[j]))
        _fit_place(out[i], here[i], t, near[i], places, times, speeds, headings)
        _fit_behaviour(out[i], here[i], t, speed[i], heading[i], near[i], places, times, speeds, headings, floor)
