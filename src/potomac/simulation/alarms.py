"""Exact values that lie outside their intervals: how many are to be expected by chance, and which are too far out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite

from potomac.simulation.estimates.estimate import Estimate

__all__ = ["FALSE", "Alarms", "alarms"]

FALSE = 0.01
"""Chance of a false alarm, all exact values of a run together."""


@dataclass(frozen=True)
class Alarms:
    """What exact values say of a run.

    Attributes:
        known: estimates whose exact value is known and that have an interval.
        missed: those whose interval does not hold it.
        far: those of them that chance does not explain (Bonferroni over all that are known).
        confidence: of the intervals.
    """

    known: tuple[Estimate, ...]
    missed: tuple[Estimate, ...]
    far: tuple[Estimate, ...]
    confidence: float

    @property
    def expected(self) -> float:
        """How many intervals miss by chance, in the mean over many runs."""
        return len(self.known) * (1 - self.confidence)

    @property
    def chance(self) -> str:
        """The same in words."""
        said = f"{self.expected:.2g}"
        return f"{said} {'is' if float(said) <= 1 else 'are'} expected by chance"

    def notes(self) -> Iterator[str]:
        """Sentences for a reader; none where all is as it should be."""
        if not self.missed:
            return
        m, few = len(self.known), len(self.missed) == 1
        lie = f"value{'' if m == 1 else 's'} {'lies outside its' if few else 'lie outside their'}"
        yield (
            f"{len(self.missed)} of {m} exact {lie} {100 * self.confidence:g} % interval{'' if few else 's'}, where "
            f"{self.chance}: measures of a run rise and fall together, so that several miss at once. {self._verdict()}"
        )
        for e in self.missed:
            said = " That is too far for chance." if e in self.far else ""
            yield (
                f"The exact {e.measure} of {e.where} is {e.exact:.6g}, outside the interval {e.low:.6g} to "
                f"{e.high:.6g}.{said}"
            )

    def _verdict(self) -> str:
        if not self.far:
            return "None is too far out for chance."
        return (
            f"Alarm: {len(self.far)} of them {'is' if len(self.far) == 1 else 'are'} too far out for chance (less than "
            f"{FALSE:g}, all {len(self.known)} together): the model or the run is not what the formula supposes."
        )


def alarms(found: Sequence[Estimate], confidence: float) -> Alarms:
    """Hold the intervals against the exact values that are known.

    How far out is too far: with t the distance in standard errors, and m values that are looked at, where
    m P(|T| > t) < 0.01, T of Student's law with one degree of freedom less than replications (Bonferroni).

    Args:
        found: all estimates of a run.
        confidence: of their intervals.
    """
    known = tuple(e for e in found if e.exact is not None and isfinite(e.low) and isfinite(e.high))
    missed = tuple(e for e in known if e.missed)
    far = tuple(e for e in missed if len(known) * _chance(e, confidence) < FALSE)
    return Alarms(known, missed, far, confidence)


def _chance(e: Estimate, confidence: float) -> float:
    """Probability that an estimate is as far from its exact value as this one."""
    from scipy.special import stdtr, stdtrit

    exact = e.mean if e.exact is None else e.exact
    side = e.high - e.mean if exact > e.mean else e.mean - e.low
    off = abs(exact - e.mean) / side if side > 0 else inf
    free = max(e.replications - 1, 1)
    return float(2 * stdtr(free, -off * stdtrit(free, (1 + confidence) / 2)))
