"""How many replications: a fixed number, or as many as the precision wanted takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, inf, isfinite

from potomac.simulation.executors.replication import Replication

__all__ = ["LEAST", "Stopped", "enough"]

LEAST = 20
"""Replications before the first look. With 10 the search stops too early where the spread is underestimated, and a 95 %
interval covers 92 to 95 % (skewness 0 to 1.6, 12 to 100 replications needed); with 20 it covers 94 to 95.5 %."""


@dataclass(frozen=True)
class Stopped:
    """What the search came to.

    Attributes:
        runs: the replications.
        reached: whether the precision was.
        half_width: over mean, of the measure that was worst.
        late: whether time was up.
    """

    runs: tuple[Replication, ...]
    reached: bool = True
    half_width: float = 0.0
    late: bool = False


def enough(
    more: Callable[[int, int], Sequence[Replication]], worst: Callable[[Sequence[Replication]], float],
    precision: float, *, first: int, most: int, budget: float, clock: Callable[[], float],
) -> Stopped:  # fmt: skip
    """Replications until the half-width over mean is what is wanted (Law 2015, section 9.4.1; Chow and Robbins 1965).

    Each wave aims at the number that the spread seen so far would take, and 5 % more, at most four times as many as
    there are; so there are few looks, and the interval keeps its coverage.

    Args:
        more: replications from one number up to another.
        worst: half-width over mean of these.
        precision: that is wanted.
        first: replications before the first look.
        most: of all.
        budget: seconds; waves are made as long as is left of it.
        clock: seconds.
    """
    begun = clock()
    runs = [*more(0, min(first, most))]
    while True:
        at, spent = worst(runs), clock() - begun
        if at <= precision:
            return Stopped(tuple(runs), True, at)
        if len(runs) >= most:
            return Stopped(tuple(runs), False, at)
        n = len(runs)
        aim = min(ceil(n * min((at / precision) ** 2, 4.0) * 1.05) + 1, most)
        if isfinite(budget):
            affordable = (budget - spent) * n / spent if spent > 0 else inf
            aim = min(aim, n + int(min(affordable, most)))
            aim -= aim % 2 and n % 2 == 0  # antithetic pairs stay whole
            if aim <= n:
                return Stopped(tuple(runs), False, at, late=n + affordable < most - 1)
        runs += more(n, aim)
