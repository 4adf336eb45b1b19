"""Surroundings: what others do near a place, as seen from a record or from what might have been reported in its stead.

A record is compared with a reference: for each entity one record a square kilometre and sector of course, so that a
vessel that lies at its berth for a day counts once there and not a thousand times. Records of the same entity never
count. Distances to the k-th nearest other say how lonely a place, or a place with this behaviour, is (Loftsgaarden and
Quesenberry 1965, A nonparametric estimate of a multivariate density function, Annals of Mathematical Statistics 36);
shares and means over the nearest say what is done there.
"""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, unit_vectors
from potomac.outliers.positions import Positions
from potomac.stats.compiled import compiled
from potomac.stats.streams import Stream, row_uniform

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

__all__ = ["NAMES", "Surroundings", "identity", "thinned"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NAMES = (
    "lonely_5",  # log km to the 5th nearest other
    "lonely_20",
    "faster",  # mean speed of the 20 nearest others less own speed, kn
    "moving",  # share of them that moves
    "slower",  # share of them that is slower
    "agree",  # mean cosine between their courses and the own
    "agree_moving",  # the same among those that move
    "strange_5",  # log km to the 5th nearest other, where a knot of difference in velocity counts as half a km
    "strange_20",
)

NEAR, FAR = 5, 20
ASKED = 32
"""Neighbours that are looked for; among them at least ``FAR`` should be others."""

KM_PER_KN = 0.5
MOVING_KN = 2.0
CLOSEST_KM = 0.01
BEYOND = 1.5
"""The k-th other is this many times farther than the last neighbour looked at, where fewer than k others were seen."""


@dataclass(frozen=True)
class Surroundings:
    """The reference of m records, ready to be asked.

    Attributes:
        place: unit vectors times the radius of the Earth, km, shape (m, 3).
        velocity: east and north in kn, shape (m, 2); NaN where unknown.
        entity: whose record it is, shape (m,): the code of an entity, or -2 less the row where it is unknown, so that a
            record without entity stands for an entity of its own.
    """

    place: Floats
    velocity: Floats
    entity: Ints

    names = NAMES

    @classmethod
    def build(cls, positions: Positions, stream: Stream, most: int = 50_000) -> Surroundings:
        """Choose at most ``most`` records of ``positions``, by a draw keyed by row."""
        p = positions.take(thinned(positions, stream, most))
        return cls(_places(p.latitude, p.longitude), _velocity(p.speed, p.heading), identity(p))

    @cached_property
    def _trees(self) -> tuple[cKDTree, cKDTree, Ints]:
        """By place; by place and velocity, with the record of each point of that tree."""
        from scipy.spatial import cKDTree

        known = np.flatnonzero(np.isfinite(self.velocity[:, 0]))
        state = np.hstack([self.place[known], self.velocity[known] * KM_PER_KN])
        by_state = cKDTree(state if len(known) else np.zeros((1, 5)), leafsize=32)  # a fifth faster in five dimensions
        return cKDTree(self.place), by_state, known

    def features(self, entity: Ints, latitude: Floats, longitude: Floats, speed: Floats, heading: Floats) -> Floats:
        """Look around k places.

        Args:
            entity: whose records do not count (see ``identity``), -1 where all do, shape (k,).
            latitude: degrees, shape (k,).
            longitude: degrees, shape (k,).
            speed: kn, NaN where unknown, shape (k,).
            heading: degrees, NaN where unknown, shape (k,).

        Returns:
            Shape (k, len(names)).
        """
        where = _places(latitude, longitude)
        if len(where) == 1:
            return self._look_around(entity, where, speed, heading)
        order = _walk(where)  # neighbours are asked one after the other, so that the trees stay in the cache
        out = np.empty((len(latitude), len(NAMES)))
        out[order] = self._look_around(entity[order], where[order], speed[order], heading[order])
        return out

    def _look_around(self, entity: Ints, where: Floats, speed: Floats, heading: Floats) -> Floats:
        out = np.full((len(entity), len(NAMES)), np.nan)
        by_place, by_state, known = self._trees
        velocity = _velocity(speed, heading)
        workers = -1 if len(where) > 1 else 1  # a thread costs more than one place
        distance, near = by_place.query(where, k=_ranks(len(self.place)), workers=workers)
        _look(distance, near, entity, self.entity, self.velocity, velocity, speed, out)
        sure = np.flatnonzero(np.isfinite(velocity[:, 0]))
        if len(known) and len(sure):
            state = np.hstack([where[sure], velocity[sure] * KM_PER_KN])
            distance, near = by_state.query(state, k=_ranks(len(known)), workers=workers)
            lonely = np.full((len(sure), 2), np.nan)
            _lonely(distance, known[near], entity[sure], self.entity, lonely)
            out[sure, 7:9] = lonely
        return out

    def nearest(self, owner: Ints, latitude: Floats, longitude: Floats, most: int = FAR) -> tuple[Floats, Ints]:
        """The nearest records of others around k places.

        Args:
            owner: whose records do not count, -1 where all do, shape (k,).
            latitude: degrees, shape (k,).
            longitude: degrees, shape (k,).
            most: how many are wanted.

        Returns:
            Distance in km and record, each of shape (k, most), nearest first; infinite and -1 where there are fewer.
        """
        distance, near = self._trees[0].query(_places(latitude, longitude), k=_ranks(len(self.place)), workers=-1)
        mine = self.entity[near] == owner[:, None]
        order = np.argsort(mine, axis=1, kind="stable")[:, :most]
        distance, near, mine = (np.take_along_axis(a, order, axis=1) for a in (distance, near, mine))
        missing = most - near.shape[1]
        return (
            np.pad(np.where(mine, np.inf, distance), ((0, 0), (0, max(missing, 0))), constant_values=np.inf),
            np.pad(np.where(mine, -1, near), ((0, 0), (0, max(missing, 0))), constant_values=-1),
        )

    def behaviour(self, records: Ints) -> tuple[Floats, Floats]:
        """Speed (kn) and heading (degrees) of records of the reference, NaN where unknown."""
        east, north = self.velocity[records, 0], self.velocity[records, 1]
        speed = np.hypot(east, north)
        return speed, np.where(speed > 0, np.degrees(np.arctan2(east, north)) % 360.0, np.nan)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The reference as named arrays."""
        return {"place": self.place, "velocity": self.velocity, "entity": self.entity}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Surroundings:
        """The reference that :meth:`to_arrays` gave."""
        return cls(arrays["place"], arrays["velocity"], arrays["entity"])


def thinned(positions: Positions, stream: Stream, most: int) -> Ints:
    """Rows (indices, ascending) of which each entity has one a square kilometre and sector of course.

    A row without entity stands for an entity of its own. Where more than ``most`` are left, those with the smallest
    draws stay.
    """
    p = positions
    band = np.floor(p.latitude * KM_PER_DEGREE)
    scale = np.cos(np.radians(band / KM_PER_DEGREE))  # one for a band, so that its cells are squares
    resting = ~(p.speed >= 0.5)  # unknown speed counts as resting: its course says nothing
    sector = np.where(resting | np.isnan(p.heading), -1.0, np.floor(p.heading / 45.0))
    draw = row_uniform(p.row, stream.child("thinned"))
    keys = (p.entity, band, np.floor(p.longitude * scale * KM_PER_DEGREE), sector)
    order = np.lexsort((p.row, draw, *keys))
    same = np.ones(max(len(p) - 1, 0), bool)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    same &= p.entity[order][1:] >= 0
    kept = order[np.concatenate([np.ones(min(len(p), 1), bool), ~same])]
    if len(kept) > most:
        kept = kept[np.lexsort((p.row[kept], draw[kept]))[:most]]
    return np.sort(kept)


def identity(positions: Positions) -> Ints:
    """The entity of each row, or -2 less its row where the entity is unknown, shape (n,)."""
    return np.asarray(np.where(positions.entity >= 0, positions.entity, -2 - positions.row), np.int64)


def _ranks(size: int) -> int | list[int]:
    """How many neighbours are asked for; one as a list, so that the answer keeps its second axis."""
    return min(ASKED, size) if size > 1 else [1]


def _places(latitude: Floats, longitude: Floats) -> Floats:
    return np.asarray(unit_vectors(latitude, longitude) * EARTH_RADIUS_KM)


def _walk(where: Floats) -> Ints:
    """An order in which places that follow each other are mostly near: strips of 20 km, up and down in turn."""
    strip = np.floor(where[:, 2] / 20.0)
    along = np.arctan2(where[:, 1], where[:, 0])
    return np.lexsort((np.where(strip % 2 == 0, along, -along), strip))


def _velocity(speed: Floats, heading: Floats) -> Floats:
    """East and north in kn; a vessel at rest needs no course."""
    course = np.radians(np.where((speed == 0) & np.isnan(heading), 0.0, heading))
    return np.stack([speed * np.sin(course), speed * np.cos(course)], axis=1)


@compiled(nogil=True)
def _kth(distance, near, i, own, entity, k):
    """Log of the distance to the k-th neighbour that belongs to another entity."""
    seen = 0
    for j in range(near.shape[1]):
        if entity[near[i, j]] != own:
            seen += 1
            if seen == k:
                return np.log(distance[i, j] + CLOSEST_KM)
    return np.log(distance[i, -1] * BEYOND + CLOSEST_KM)


@compiled(nogil=True)
def _lonely(distance, near, own, entity, out):
    for i in range(len(own)):
        out[i, 0] = _kth(distance, near, i, own[i], entity, NEAR)
        out[i, 1] = _kth(distance, near, i, own[i], entity, FAR)


@compiled(nogil=True)
def _look(distance, near, own, entity, velocity, mine, speed, out):
    """Fill the columns that the nearest by place give."""
    for i in range(len(own)):
        out[i, 0] = _kth(distance, near, i, own[i], entity, NEAR)
        out[i, 1] = _kth(distance, near, i, own[i], entity, FAR)
        others = fast = moving = slower = agreeing = 0
        speeds = agree = agree_moving = 0.0
        for j in range(near.shape[1]):
            one = near[i, j]
            if entity[one] == own[i]:
                continue
            east, north = velocity[one, 0], velocity[one, 1]
            if np.isnan(east):
                continue
            others += 1
            there = np.hypot(east, north)
            speeds += there
            slower += there < speed[i]
            dot = east * mine[i, 0] + north * mine[i, 1]
            if there > 0.0 and speed[i] > 0.0 and not np.isnan(dot):
                cosine = dot / (there * speed[i])
                agreeing += 1
                agree += cosine
                if there > MOVING_KN:
                    fast += 1
                    agree_moving += cosine
            moving += there > MOVING_KN
            if others == FAR:
                break
        if others > 0:
            out[i, 2] = speeds / others - speed[i]
            out[i, 3] = moving / others
            if not np.isnan(speed[i]):
                out[i, 4] = slower / others
        if agreeing > 0:
            out[i, 5] = agree / agreeing
        if fast > 0:
            out[i, 6] = agree_moving / fast
