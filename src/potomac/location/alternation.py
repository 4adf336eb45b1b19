"""Sites anywhere by turns: each demand point goes to its nearest site, each site to the best place for those it has.

Cooper 1964, Heuristic methods for location-allocation problems, SIAM Review 6. Where time depends on distance alone,
the best place for a sum of costs is approached by Weiszfeld's step along great circles (Fletcher, Venkatasubramanian
and Joshi 2009), each point weighed by what a further km costs it over its distance; that of the longest time is the
centre of the smallest circle. For other models places are tried around the present one, nearer and nearer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import EARTH_RADIUS_KM, unit_vectors
from potomac.location.geometry import geometric_median, smallest_circle
from potomac.location.highs import Clock
from potomac.location.looks import tangents
from potomac.location.places import degrees
from potomac.location.ways import Ways, angles
from potomac.stats.streams import Stream

__all__ = ["Alternation"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TURNS = 200
"""Turns of a start, at most."""

SAME = 1e-9
"""A lower objective by no more than this share is none."""

NEAR_KM = 1e-3
"""Nearer than a metre a point counts as a metre away while places are approached."""


class Alternation:
    """The search for sites anywhere, from given places to the nearest local optimum.

    Args:
        ways: from the demand points that count.
        weight: shape (n,).
        fixed: places of sites that are there, degrees, shape (k, 2).
        cost: minutes -> cost of a unit of weight.
        slope: minutes -> cost of a further minute.
        worst: whether the greatest cost counts, not the weighted sum.
        clock: where progress is told, and when to stop.
    """

    def __init__(
        self, ways: Ways, weight: Floats, fixed: Floats, cost: Callable[[Floats], Floats],
        slope: Callable[[Floats], Floats], worst: bool, clock: Clock,
    ) -> None:  # fmt: skip
        self.ways, self.weight, self.fixed, self.clock = ways, weight, fixed, clock
        self.cost, self.slope, self.worst = cost, slope, worst
        self.base = cost(ways.minutes(fixed).min(axis=1)) if len(fixed) else np.full(len(ways), np.inf)
        self.linear = ways.rate is not None and not worst and float(cost(np.array([1.0]))[0]) == 1.0

    def total(self, costs: Floats) -> float:
        """The objective of the costs of all demand points, each at its nearest site."""
        return float(costs.max() if self.worst else self.weight @ costs)

    def value(self, places: Floats) -> float:
        """The objective with new sites at these places."""
        return self.total(self._costs(places).min(axis=1))

    def _costs(self, places: Floats) -> Floats:
        return np.asarray(np.minimum(self.cost(self.ways.minutes(places)), self.base[:, None]))

    # ---- starts

    def spread(self, k: int, stream: Stream) -> Floats:
        """Demand points as starts, each drawn by what it costs beside those before (Arthur and Vassilvitskii 2007)."""
        draw = stream.generator()
        places = np.empty((0, 2))
        near = self.base.copy()
        for _ in range(k):
            mine = np.where(np.isfinite(near), near, 1.0)
            mine = mine**2 if self.worst else mine * self.weight  # for the longest time everybody counts the same
            chance = mine / mine.sum() if mine.sum() > 0 else self.weight / self.weight.sum()
            i = int(draw.choice(len(near), p=chance))
            places = np.vstack([places, self.ways.points[i]])
            near = np.minimum(near, self._costs(places[-1:])[:, 0])
        return places

    def shaken(self, places: Floats, stream: Stream) -> Floats:
        """One of the places, drawn, moved to a demand point: of those whom the worst site serves, or by its cost."""
        draw, out = stream.generator(), places.copy()
        costs = self._costs(places)
        near, least = costs.argmin(axis=1), costs.min(axis=1)
        mine = (near == near[least.argmax()]) * 1.0 if self.worst else least * self.weight
        chance = mine / mine.sum() if mine.sum() > 0 else self.weight / self.weight.sum()
        out[draw.integers(len(places))] = self.ways.points[draw.choice(len(near), p=chance)]
        return out

    # ---- turns

    def settled(self, places: Floats) -> tuple[Floats, float]:
        """Places after as many turns as help, and their objective."""
        best, least = places, self.value(places)
        turn = self._turn_of()
        for _ in range(TURNS):
            places = turn(best)
            now = self.value(places)
            if not now < least * (1 - SAME):
                break
            best, least = places, now
            if self.clock.over():
                break
        return best, least

    def polished(self, places: Floats) -> tuple[Floats, float]:
        """The same from exact places, and from demand points near by."""
        best, least = self.settled(places)
        if self.linear:
            for _ in range(TURNS):
                places = self._each(best, self._median)
                now = self.value(places)
                if not now < least * (1 - 1e-12):
                    break
                best, least = places, now
        return self._at_points(best, least)

    def _turn_of(self) -> Callable[[Floats], Floats]:
        if self.ways.radial:
            return (lambda places: self._each(places, self._circle)) if self.worst else self._weiszfeld
        return lambda places: self._each(places, self._tried)

    def _nearest(self, places: Floats) -> Ints:
        """Which of the places serves each demand point, -1 where a fixed site does."""
        costs = self._costs(places)
        return np.where(costs.min(axis=1) < self.base, costs.argmin(axis=1), -1)

    def _each(self, places: Floats, better: Callable[[Ints, Floats], Floats]) -> Floats:
        """Each place moved to what is better for those whom it serves; one that serves nobody to who is worst off."""
        near, out = self._nearest(places), places.copy()
        for k in range(len(places)):
            mine = np.flatnonzero(near == k)
            out[k] = better(mine, places[k]) if len(mine) else self._worst_off(places)
        return out

    def _worst_off(self, places: Floats) -> Floats:
        costs = self._costs(places).min(axis=1)
        return np.asarray(self.ways.points[int((costs if self.worst else costs * self.weight).argmax())])

    def _median(self, mine: Ints, place: Floats) -> Floats:
        return np.array(geometric_median(self.ways.points[mine], self.weight[mine]).place)

    def _circle(self, mine: Ints, place: Floats) -> Floats:
        return np.array(smallest_circle(self.ways.points[mine]).place)

    def _weiszfeld(self, places: Floats) -> Floats:
        """A few steps of Weiszfeld for all sites at a time, between which points stay with their sites."""
        near = self._nearest(places)
        mine, k = np.flatnonzero(near >= 0), len(places)
        v, at, w = self.ways.vectors[mine], near[mine], self.weight[mine]
        sites = _vectors(places)
        empty = np.bincount(at, minlength=k) == 0
        for _ in range(5):
            cosine = np.clip((v * sites[at]).sum(1), -1, 1)
            chord = np.sqrt(((v - sites[at]) ** 2).sum(1))
            angle = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
            km = np.maximum(EARTH_RADIUS_KM * angle, NEAR_KM)
            pull = w * self._costs_a_km(km) / km
            long = pull * np.where(angle > 1e-9, angle / np.maximum(np.sin(angle), 1e-9), 1.0)
            flat = (v - cosine[:, None] * sites[at]) * long[:, None]  # logarithm of each point, by its pull
            whole = np.maximum(np.bincount(at, pull, k), 1e-300)
            step = np.stack([np.bincount(at, flat[:, c], k) / whole for c in range(3)], axis=1)
            far = np.sqrt((step * step).sum(1, keepdims=True))
            ahead = np.divide(step, far, out=np.zeros_like(step), where=far > 0)
            sites = np.cos(far) * sites + np.sin(far) * ahead
            sites /= np.sqrt((sites * sites).sum(1, keepdims=True))
        out = degrees(sites)
        if empty.any():
            out[empty] = self._worst_off(places)
        return out

    def _costs_a_km(self, km: Floats) -> Floats:
        if self.linear:
            return np.full(len(km), self.ways.rate)
        minutes = self.ways.rate * km if self.ways.rate is not None else self.ways.along(km)
        return np.maximum(self.slope(minutes) * self.ways.slope(km), 0.0)

    def _tried(self, mine: Ints, place: Floats) -> Floats:
        """The best of places around the present one, in circles that shrink where none is better."""
        ways, w = self.ways.some(mine), self.weight[mine]

        def values(places: Floats) -> Floats:
            costs = self.cost(ways.minutes(places))
            return np.asarray(costs.max(axis=0) if self.worst else w @ costs)

        at, now = place, float(values(place[None])[0])
        size = float(angles(ways.vectors, _vectors(place[None])).max()) / 4
        turns = np.radians(np.arange(16) * 22.5 + float(getattr(self.ways.model, "rotation", 0.0)))
        while size > 1e-9:  # 6 mm
            places = _around(at, size, turns)
            found = values(places)
            k = int(found.argmin())
            if found[k] < now * (1 - 1e-12):
                at, now = places[k], float(found[k])
            else:
                size /= 3
        return at

    def _at_points(self, places: Floats, value: float) -> tuple[Floats, float]:
        """A sum of distances bends at demand points: the one next to each place is tried in its stead."""
        if self.worst:
            return places, value
        nearest = angles(_vectors(places), self.ways.vectors).argmin(axis=1)
        for k, i in enumerate(nearest):
            other = places.copy()
            other[k] = self.ways.points[i]
            now = self.value(other)
            if now < value:
                places, value = other, now
        return places, value


def _vectors(places: Floats) -> Floats:
    return unit_vectors(places[:, 0], places[:, 1])


def _around(place: Floats, angle: float, turns: Floats) -> Floats:
    """Places at an angle from a place, in directions clockwise from north, degrees, shape (k, 2)."""
    at = _vectors(place[None])[0]
    east = np.array([-at[1], at[0], 0.0])
    size = float(np.hypot(east[0], east[1]))
    east = east / size if size > 1e-12 else tangents(at)[0]
    north = np.cross(at, east)
    ahead = np.cos(turns)[:, None] * north + np.sin(turns)[:, None] * east
    return degrees(np.cos(angle) * at + np.sin(angle) * ahead)
