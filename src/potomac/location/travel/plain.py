"""Travel time from distance alone, at one speed: along the great circle, or along the streets of a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.location.travel.pairs import ByPair, chord_km, displacement, number

__all__ = ["GreatCircle", "Minkowski"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GreatCircle(ByPair):
    """Straight over the sphere at one speed, the short way over the antimeridian and the poles.

    Attributes:
        speed_kmh: km an hour along the line.
        profile: factor of the travel time for each hour of the day, 24 of them; empty for the usual one.

    Raises:
        StudyError: the speed is not above 0, or the profile has not 24 factors.
    """

    speed_kmh: float = 40.0
    profile: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        number(self.speed_kmh, "speed_kmh", above=0.0)

    def _times(self, start: Floats, end: Floats) -> Floats:
        return chord_km(start, end) * (60.0 / self.speed_kmh)


@dataclass(frozen=True)
class Minkowski(ByPair):
    """Along streets: the l_p distance of the way's two components, at one speed.

    The great circle's length is kept and its direction taken from the local plane at the latitude midway, so that the
    scale is right at any latitude and exponent 2 is the great circle itself. With exponent 1 one goes along a grid of
    streets. Love and Morris (1972, Modelling inter-city road distances by mathematical functions, Operational Research
    Quarterly 23) fit exponents and rotations to road distances; Brimberg, Love and Walker (1995, European Journal of
    Operational Research 80) the rotation. The triangle inequality holds as far as the plane does, within some 100 km.

    Attributes:
        speed_kmh: km an hour along the streets.
        exponent: 1: a grid; 2: straight; infinity: the longer component alone.
        rotation: degrees by which the grid is turned clockwise from north; one of 90 is none.
        profile: factor of the travel time for each hour of the day, 24 of them; empty for the usual one.

    Raises:
        StudyError: the speed is not above 0, the exponent below 1, the rotation no number, or the profile has not 24
            factors.
    """

    speed_kmh: float = 40.0
    exponent: float = 1.0
    rotation: float = 0.0
    profile: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        number(self.speed_kmh, "speed_kmh", above=0.0)
        number(self.exponent, "exponent", least=1.0, most=np.inf)
        number(self.rotation, "rotation")

    def _times(self, start: Floats, end: Floats) -> Floats:
        along, across = self._components(*displacement(start, end))
        return chord_km(start, end) * (60.0 / self.speed_kmh) * self._stretch(along, across)

    def _components(self, east: Floats, north: Floats) -> tuple[Floats, Floats]:
        turn = np.radians(self.rotation)
        c, s = np.cos(turn), np.sin(turn)
        return np.abs(c * north + s * east), np.abs(c * east - s * north)

    def _stretch(self, a: Floats, b: Floats) -> Floats:
        """l_p over l_2 of (a, b), both 0 or more; 1 of (0, 0). The longer is taken out, so that no power overflows."""
        longer, shorter = np.maximum(a, b), np.minimum(a, b)
        ratio = np.divide(shorter, longer, out=np.zeros_like(longer), where=longer > 0)
        p = self.exponent
        if np.isinf(p):
            return np.asarray(1.0 / np.sqrt(1.0 + ratio**2))
        norm = 1.0 + ratio if p == 1.0 else (1.0 + ratio**p) ** (1.0 / p)
        return np.asarray(norm / np.sqrt(1.0 + ratio**2))
