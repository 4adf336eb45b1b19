"""How long components are watched: so many lives and repairs, the first few of which do not count."""

from __future__ import annotations

from math import inf, isfinite

from potomac.simulation.components import Plant
from potomac.simulation.estimates.warmup import Warmup
from potomac.simulation.executors.replication import Window

__all__ = ["window_of"]

FEWEST, CYCLES, UNIT_CYCLES, FORGET = 50, 1000, 200_000, 5
"""Cycles of life and repair in a long run: at least, at most, of all units together; those that forget the start."""


def window_of(plant: Plant, until: float | None, warmup: float | None) -> tuple[Window, Warmup]:
    """The time that counts in the long run.

    Args:
        plant: the parts.
        until: its end; None for as long as the plant needs, and none where something is never repaired.
        warmup: time left out at the start; None to find it.
    """
    if not plant.repaired:
        given = warmup or 0.0
        return Window.of(until or inf, given), Warmup(given, False, "what fails is not always repaired")
    cycle = max(c.life.mean + (c.repair.mean if c.repair else 0.0) for c in plant.components)
    cycle = max(cycle, _waiting(plant), *(c.dormant.mean for c in plant.components if c.dormant), 0.0)
    if not isfinite(cycle):
        cycle = max((c.life.ppf(0.5).item() for c in plant.components), default=1.0)
    units = sum(c.count for c in plant.components)
    end = until or cycle * min(max(UNIT_CYCLES / units, FEWEST), CYCLES)
    if warmup is not None:
        return Window.of(end, warmup), Warmup(warmup, True, "given")
    start, notes = FORGET * cycle, tuple[str, ...]()
    if start > end / 2:
        start = end / 2
        notes = (f"A run of {end:.4g} is short for this plant, whose units live and are repaired in {cycle:.3g}.",)
    return Window.of(end, start), Warmup(
        start, True, f"{FORGET} lives and repairs of the slowest component", notes=notes
    )


def _waiting(plant: Plant) -> float:
    """Time in which each crew could repair all its units once."""
    return max(
        (sum(c.count * c.repair.mean for c in plant.components if c.crew == crew.name and c.repair) / crew.number
         for crew in plant.crews), default=0.0,
    )  # fmt: skip
