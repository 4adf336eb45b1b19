"""What came of an experiment: estimates, how they converged, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from potomac.errors import Fault, StudyError, listing
from potomac.simulation.arrow import table_of
from potomac.simulation.montecarlo.asking import Asked
from potomac.simulation.montecarlo.estimating import Chance
from potomac.simulation.montecarlo.moments import Moments
from potomac.simulation.montecarlo.sampling import Method
from potomac.simulation.montecarlo.tally import Tally

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MonteCarlo", "notes"]

WORSE = 0.9
"""Reduction of the variance below which a method is said not to help: less than noise explains."""


@dataclass(frozen=True)
class MonteCarlo:
    """What came of an experiment.

    Attributes:
        estimates: of each value its mean (of a boolean its probability) and its quantiles.
        samples: draws, pilot draws included.
        method: design of the draws.
        reached: whether the precision that was asked for was reached.
        half_width: over mean, of the measure that was worst.
        notes: what a reader must know, in sentences.
        convergence: draws, mean, low, high of the first measure as draws were added.
        tally: what was counted; its values are those of the first draws.
        effective: draws that weighted ones are worth (Kish); None without importance sampling.
    """

    estimates: tuple[Chance, ...]
    samples: int
    method: Method
    reached: bool = True
    half_width: float = nan
    notes: tuple[str, ...] = ()
    convergence: tuple[tuple[int, float, float, float], ...] = ()
    tally: Tally = field(default_factory=lambda: Tally("plain"), repr=False)
    effective: float | None = None

    @property
    def measures(self) -> pa.Table:
        """Arrow table: where (name of the value), measure, mean, low, high, half_width, replications (draws), exact."""
        names = ("where", "measure", "mean", "low", "high", "half_width", "replications", "exact")
        return table_of({name: [getattr(e, name) for e in self.estimates] for name in names})

    def estimate(self, where: str = "", measure: str = "") -> Chance:
        """One of the estimates: of a value and a measure (``mean``, ``probability``, ``q90``), or the first that fits.

        Raises:
            StudyError: there is none.
        """
        for e in self.estimates:
            if where in ("", e.where) and measure in ("", e.measure):
                return e
        there = [f"{e.where}:{e.measure}" for e in self.estimates]
        found = f"there is no {measure or 'measure'} of {where or 'any value'}"
        raise StudyError(Fault("simulation.measure", found, f"expected one of {listing(there, 30)}"))


def notes(
    done: MonteCarlo, asked: Asked, late: bool, endless: Mapping[str, Fault], alike: Sequence[str] = ()
) -> Iterator[str]:
    """Sentences on what was not reached, has no interval, or did not help.

    Args:
        done: what came of it.
        asked: what was asked.
        late: whether time was up.
        endless: values whose variance is infinite, and how it was seen.
        alike: values that were the same in all draws.
    """
    n = done.tally.n
    if not done.reached and asked.precision is not None:
        why = f"{asked.budget:g} seconds" if late else f"{n:,} draws"
        width = f"{done.half_width:.3g} of the mean" if isfinite(done.half_width) else "unknown: nothing was seen"
        yield f"The precision of {asked.precision:.3g} was not reached with {why}: the half-width is {width}."
    yield from (f"{name} has {fault.found}; only its quantiles have one." for name, fault in endless.items())
    yield from (
        f"{name} was the same in all {n:,} draws: its interval says nothing of what was not seen." for name in alike
    )
    if asked.method == "importance":
        yield from _weighed(done, asked.normalised)
    if asked.quantiles and done.tally.kept < n:
        yield f"Quantiles rest on the first {done.tally.kept:,} of {n:,} draws, which memory is meant for."
    for e in done.estimates:
        if e.missed:
            held = f"{e.low:.6g} to {e.high:.6g}"
            yield f"The exact {e.measure} of {e.where} is {e.exact:.6g}, outside the interval {held}."
        if e.reduction is not None and e.reduction < WORSE:
            worse = f"{1 / e.reduction:.3g} times that of plain draws"
            yield f"The variance of {e.where} is {worse}: {asked.method} sampling does not help it."


def _weighed(done: MonteCarlo, normalised: bool) -> Iterator[str]:
    """What weights give rise to."""
    m: Moments = done.tally.moments
    weight, worth = float(m.mean[-1]), done.effective or 0.0
    error = float(np.sqrt(m.co[-1, -1] / max(m.n - 1, 1) / m.n))
    if not normalised and abs(weight - 1) > 4 * error + 1e-9:
        yield (
            f"The weights average {weight:.4g} and should average 1: the proposal misses what the inputs can be, or "
            "weights lack a factor."
        )
    for j, name in enumerate(done.tally.names):
        squares = float(m.co[j, j]) / m.n + float(m.mean[j]) ** 2
        carried = m.n * float(m.mean[j]) ** 2 / squares if squares > 0 else 0.0
        if max(carried, worth) < max(100.0, m.n / 1000):
            yield (
                f"{name}: {m.n:,} weighted draws are worth {max(carried, worth):,.0f}; a few carry nearly all weight "
                "and the interval cannot be trusted. Choose a proposal nearer to the inputs, or with heavier tails."
            )
    kind = "self-normalised: divided by the mean of the weights" if normalised else "not normalised"
    yield f"Weighted means are {kind}; the {m.n:,} draws are worth {worth:,.0f} (Kish)."
