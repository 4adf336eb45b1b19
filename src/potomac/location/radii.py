"""The least radius that will do: bisection over distinct radii, first with what is quickly known, then exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from potomac.location.asked import Met
from potomac.location.highs import Clock

__all__ = ["Radii"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Radii(ABC):
    """A search for the least of ``steps`` (ascending) within which a placement is found.

    The optimum is ``steps[k]`` with ``low <= k <= high``, and ``met`` holds a placement for ``high``.
    """

    steps: Floats
    low: int
    high: int

    def __init__(self, met: Met, clock: Clock) -> None:
        self.met, self.clock = met, clock

    @abstractmethod
    def within(self, radius: float, exact: bool) -> tuple[Ints | None, bool]:
        """Sites that do within ``radius`` (None: none found), and whether it is shown that none can."""

    @abstractmethod
    def reach(self, sites: Ints) -> float:
        """The radius that these sites need."""

    def between(self, steps: Floats) -> None:
        """Search among these; the last is that of the best placement met."""
        self.steps, self.low, self.high = steps, 0, len(steps) - 1

    def take(self, sites: Ints) -> None:
        """Note a placement."""
        radius = self.reach(sites)
        self.met.offer(sites, radius)
        self.high = min(self.high, int(np.searchsorted(self.steps, radius)))

    def search(self, gap: float) -> float:
        """Narrow until the optimum is known, it is as near as ``gap``, or time is up; returns the bound."""
        for exact, unknown in ((False, "no"), (False, "yes"), (True, "stop")):
            low, high = self.low, self.high
            while low < high and not self.clock.over() and not self._near(gap):
                k = (low + high) // 2
                known = self._known(k, exact)
                if known is None and unknown == "stop":
                    break
                if known or (known is None and unknown == "yes"):
                    high = min(k, self.high)
                else:
                    low = max(k + 1, self.low)
                low, high = max(low, self.low), min(high, self.high)
        return float(self.steps[self.low]) if self.low < self.high else self.met.objective

    def _known(self, k: int, exact: bool) -> bool | None:
        """Whether the optimum is at most steps[k]; None where it stays open."""
        self.clock.tell("searching the radius", 1 - (self.high - self.low) / max(1, len(self.steps)))
        sites, none = self.within(float(self.steps[k]), exact)
        if sites is not None:
            self.take(sites)
            return True
        if none:
            self.low = max(self.low, k + 1)
            return False
        return None

    def _near(self, gap: float) -> bool:
        return bool(gap) and self.met.objective - self.steps[self.low] <= gap * self.met.objective
