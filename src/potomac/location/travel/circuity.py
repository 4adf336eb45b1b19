"""Travel time from the great circle and the detour that roads make: constant, by distance, or by population density.

Circuity is the ratio of the way by road to the straight one. It is 1.2 to 1.4 in most countries (Ballou, Rahardja and
Sakai 2002, Selected country circuity factors for road travel distance estimation, Transportation Research A 36), and
higher for short trips than for long ones (Giacomin and Levinson 2015, Road network circuity in metropolitan areas,
Environment and Planning B 42).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault
from potomac.location.asked import numbers
from potomac.location.travel.density import DensitySurface, checked_surface
from potomac.location.travel.model import believed, checked_places
from potomac.location.travel.pairs import ByPair, checked_pair, chord_km, number

__all__ = ["Circuity", "CircuityDensity", "CircuityDistance"]

Floats = npt.NDArray[np.float64]

LEAST_DENSITY = 1.0
"""People a square kilometre: emptier land counts as this, as its logarithm has no end."""


@dataclass(frozen=True)
class Circuity(ByPair):
    """The great circle times a constant, at one speed.

    Attributes:
        speed_kmh: km an hour by road.
        factor: km by road a straight km, 1 or more.
        profile: factor of the travel time for each hour of the day, 24 of them; empty for the usual one.

    Raises:
        StudyError: the speed is not above 0, the factor below 1, or the profile has not 24 factors.
    """

    speed_kmh: float = 40.0
    factor: float = 1.3
    profile: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        number(self.speed_kmh, "speed_kmh", above=0.0)
        number(self.factor, "factor", least=1.0)

    def _times(self, start: Floats, end: Floats) -> Floats:
        return chord_km(start, end) * (60.0 * self.factor / self.speed_kmh)


@dataclass(frozen=True)
class CircuityDistance(ByPair):
    """The great circle times a factor that decays with its length d, at a speed that grows with it.

    factor(d) = far + (near - far) exp(-d / L), and likewise the time a road km takes, 1 / speed (inverse speeds are
    averaged, as times add up): the first and last kilometres go by local roads, what lies between by better ones. As
    both fall with d and the time grows, the time of two legs is never less than that of the direct way.

    Attributes:
        speed_kmh: km an hour by road on long ways.
        near: km by road a straight km on the shortest ways.
        far: the same on long ways, 1 or more and at most ``near``.
        decay_km: L; three times as far 5 % of what is near is left.
        near_kmh: km an hour by road on the shortest ways, at most ``speed_kmh``; None for the same speed.
        profile: factor of the travel time for each hour of the day, 24 of them; empty for the usual one.

    Raises:
        StudyError: a number is out of its range, the profile has not 24 factors, or together they would make a longer
            way a shorter time.
    """

    speed_kmh: float = 40.0
    near: float = 1.6
    far: float = 1.25
    decay_km: float = 5.0
    near_kmh: float | None = None
    profile: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        number(self.speed_kmh, "speed_kmh", above=0.0)
        number(self.far, "far", least=1.0)
        number(self.near, "near", least=self.far)
        number(self.decay_km, "decay_km", above=0.0)
        if self.near_kmh is not None:
            number(self.near_kmh, "near_kmh", above=0.0, most=self.speed_kmh)
        # (1 + a e)(1 + b e) with e = exp(-d / L): its time d (...) grows with d where a + b + a b <= exp(2)
        number(self.near / self.far * self._slowness(1.0), "near / far * speed_kmh / near_kmh", most=1 + np.exp(2.0))

    def factor(self, km: npt.ArrayLike) -> Floats:
        """Km by road a straight km, of ways so long in a straight line."""
        return np.asarray(self.far + (self.near - self.far) * self._nearness(km))

    def pace(self, km: npt.ArrayLike) -> Floats:
        """Minutes a straight km, of ways so long in a straight line."""
        return np.asarray(self.factor(km) * self._slowness(self._nearness(km)) * (60.0 / self.speed_kmh))

    def _nearness(self, km: npt.ArrayLike) -> Floats:
        return np.asarray(np.exp(-np.asarray(km, np.float64) / self.decay_km))

    def _slowness(self, nearness: npt.ArrayLike) -> Any:
        near_kmh = self.speed_kmh if self.near_kmh is None else self.near_kmh
        return 1.0 + (self.speed_kmh / near_kmh - 1.0) * np.asarray(nearness)

    def _times(self, start: Floats, end: Floats) -> Floats:
        d = chord_km(start, end)
        return np.asarray(self.pace(d) * d)


@dataclass(frozen=True)
class CircuityDensity(ByPair):
    """The great circle by a factor and at a speed that both fall with the population density at the ends.

    With x = ln(density / 1000), the mean of both ends, factor = factor_0 exp(e_c x) and speed = speed_0 exp(e_v x),
    both log-linear; the factor is cut at 1 and the speed at ``speeds``. Denser streets lead straighter and are slower.
    Speeds of constant elasticity are what Couture, Duranton and Turner (2018, Speed, Review of Economics and Statistics
    100) find among cities. The usual elasticities are assumptions, so calibrate: between ZIP areas 5 to 60 km apart on
    the US highway network (Oak Ridge 2008, Census 2010) e_c is -0.03 to -0.04, and e_v -0.02 without traffic.

    Attributes:
        speed_kmh: km an hour by road at 1,000 people a square km.
        factor: km by road a straight km there, 1 or more.
        speed_elasticity: e_v; -0.1: ten times as dense, 21 % slower.
        factor_elasticity: e_c.
        density: where the density of places is read that none is given for.
        speeds: the least and the greatest speed, km an hour.
        profile: factor of the travel time for each hour of the day, 24 of them; empty for the usual one.

    Raises:
        StudyError: a number is out of its range, the profile has not 24 factors, or the density is no surface.
    """

    speed_kmh: float = 45.0
    factor: float = 1.3
    speed_elasticity: float = -0.1
    factor_elasticity: float = -0.02
    density: DensitySurface | None = None
    speeds: tuple[float, float] = (8.0, 120.0)
    profile: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        number(self.speed_kmh, "speed_kmh", above=0.0)
        number(self.factor, "factor", least=1.0)
        number(self.speed_elasticity, "speed_elasticity", least=-2.0, most=2.0)
        number(self.factor_elasticity, "factor_elasticity", least=-2.0, most=2.0)
        limits = checked_pair(self.speeds, "speeds")
        object.__setattr__(self, "speeds", limits)
        checked_surface(self.density, "Give densities themselves to minutes(), as origin_density")

    def minutes(
        self,
        origins: Any,
        destinations: Any,
        departure: float | None = None,
        *,
        origin_density: npt.ArrayLike | None = None,
        destination_density: npt.ArrayLike | None = None,
    ) -> Floats:
        """Travel times in minutes from each origin to each destination, shape (n, m).

        Args:
            origins: n places.
            destinations: m places.
            departure: hour of the day, 0 to 24; None without traffic.
            origin_density: people a square km, shape (n,); by default that of ``density``.
            destination_density: the same of the destinations, shape (m,).

        Raises:
            DataError: a place is none, or its density is negative or not known.
            StudyError: the departure is no hour of the day.
        """
        start, end = checked_places(origins, "origins"), checked_places(destinations, "destinations")
        return self._all(
            self._with(start, origin_density, "origin_density"),
            self._with(end, destination_density, "destination_density"), departure,
        )  # fmt: skip

    def rowwise(
        self,
        origins: Any,
        destinations: Any,
        departure: float | None = None,
        *,
        origin_density: npt.ArrayLike | None = None,
        destination_density: npt.ArrayLike | None = None,
    ) -> Floats:
        """Travel times from each origin to the destination of the same row, shape (n,); otherwise as minutes."""
        start, end = self._both(origins, destinations)
        return self._rows(
            self._with(start, origin_density, "origin_density"),
            self._with(end, destination_density, "destination_density"), departure,
        )  # fmt: skip

    def _with(self, places: Floats, density: npt.ArrayLike | None, what: str) -> Floats:
        """The ends with x as a sixth line."""
        if density is None:
            if self.density is None:
                mend = f"Give {what}, people a square km, or the model a density surface"
                raise DataError(Fault("location.density-missing", "there is no density", "", mend, key=what))
            density = self.density.at(believed(places))
        x = np.log(np.maximum(numbers(density, len(places), what), LEAST_DENSITY) / 1000.0)
        return np.vstack([self._ends(places), x])

    def _times(self, start: Floats, end: Floats) -> Floats:
        x = (start[5] + end[5]) / 2
        factor = np.maximum(self.factor * np.exp(self.factor_elasticity * x), 1.0)
        speed = np.clip(self.speed_kmh * np.exp(self.speed_elasticity * x), *self.speeds)
        return np.asarray(chord_km(start, end) * factor * (60.0 / speed))
