"""Is what was observed usual under a model? Monte Carlo tests, several of them together, and what they would find.

A statistic of the observed data is ranked among those of data that the model gives (Barnard 1963; Besag and Clifford
1989): with b of them as far out on one side, the chance of that is at most (1 + b) / (1 + B), whatever the law of the
statistic. Several checks are held together by Holm's steps (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, isfinite, nan
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from potomac.simulation.arrow import table_of
from potomac.stats.intervals import proportion_interval

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "AGREES",
    "DIFFERS",
    "UNSURE",
    "Check",
    "Tried",
    "another",
    "check_table",
    "draws_for",
    "holm",
    "in_columns",
    "judged",
]

Floats = npt.NDArray[np.float64]
Side = Literal["both", "upper"]

AGREES, DIFFERS, UNSURE = "agrees", "does not agree", "cannot tell: too few"
"""Verdicts of a check, and how that of all begins."""

POWER = 0.8
"""Share of cases in which a discrepancy of the size that is told would be found."""

FEWEST = 20
"""Draws of a statistic below which nothing is said of it."""


@dataclass(frozen=True)
class Tried:
    """A statistic of what was observed, and of what the model gives.

    Attributes:
        name: what is checked.
        observed: its value.
        simulated: its values under the model, shape (B,); NaN where it has none.
        scale: of what a discrepancy is told as a share; None for the statistic's own mean; NaN where there is no such
            thing.
        side: whether a value that is too small speaks against the model as well.
    """

    name: str
    observed: float
    simulated: Floats
    scale: float | None = nan
    side: Side = "both"


@dataclass(frozen=True)
class Check:
    """What came of one check.

    Attributes:
        name: what was checked.
        observed: value of the data.
        predicted: mean under the model.
        low, high: the model's values lie between them with the confidence.
        p: how often the model gives a value as far out.
        p_low, p_high: interval of that, as it comes from so many draws.
        p_holm: p, raised for the number of checks.
        detectable: shift of the statistic that would be found in four of five cases; NaN where none is told.
        share: the same as a share of the statistic's scale.
        verdict: ``agrees``, ``does not agree`` or ``cannot tell: too few``.
    """

    name: str
    observed: float
    predicted: float
    low: float
    high: float
    p: float
    p_low: float
    p_high: float
    p_holm: float
    detectable: float
    share: float
    verdict: str


def draws_for(checks: int, confidence: float, least: int, factor: int = 4) -> int:
    """Draws with which the smallest two-sided p-value is a ``factor`` below what Holm's first step asks for."""
    return max(least, ceil(2 * factor * checks / (1 - confidence) - 1e-9))


def holm(p: Sequence[float]) -> list[float]:
    """P-values raised so that all of them hold together: the smallest times m, the next times m - 1, ... (Holm 1979).

    Args:
        p: shape (m,).
    """
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(np.asarray(p, float)[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(raised, 1.0)
    return [float(x) for x in out]


def judged(tried: Sequence[Tried], confidence: float = 0.95, tolerance: float = 0.5) -> tuple[Check, ...]:
    """Each statistic against its draws, all together.

    A check that does not reject only means something where it could have: ``agrees`` is said where a shift of
    ``tolerance`` times the statistic's scale would have been found in four of five cases.

    Args:
        tried: the statistics.
        confidence: 1 less the chance that a model that is right fails any of the checks.
        tolerance: share of the scale.
    """
    found = [_tested(t, confidence) for t in tried]
    raised = holm([p for p, _, _ in found])
    checks = [
        _check(t, *p, together, 1 - confidence, len(tried), tolerance)
        for t, p, together in zip(tried, found, raised, strict=True)
    ]
    measured = [c.verdict for c in checks if isfinite(c.share)]
    if measured and AGREES not in measured:  # what has no scale can tell no more than what has one
        checks = [replace(c, verdict=UNSURE) if c.verdict == AGREES else c for c in checks]
    return tuple(checks)


def _check(
    t: Tried, p: float, p_low: float, p_high: float, together: float, level: float, checks: int, tolerance: float
) -> Check:
    x = t.simulated[np.isfinite(t.simulated)]
    low, high, shift, mean = nan, nan, inf, float(x.mean()) if x.size else nan
    if x.size >= FEWEST and isfinite(t.observed):
        low, high = _between(x, level, t.side)
        shift = _detectable(x, level / checks, t.side)
    own = (
        abs(mean) if x.size and (x.min() >= 0 or abs(mean) > 2 * float(x.std())) else nan
    )  # not of what varies about 0
    scale = own if t.scale is None else t.scale
    share = shift / scale if isfinite(scale) and scale > 0 else nan
    sides = 1 if t.side == "upper" else 2
    unsure = share > tolerance or not isfinite(shift) or sides * checks > level * (1 + x.size)  # no p so small
    verdict = DIFFERS if together <= level else UNSURE if unsure else AGREES
    return Check(t.name, t.observed, mean, low, high, p, p_low, p_high, together, shift, share, verdict)


def _tested(t: Tried, confidence: float) -> tuple[float, float, float]:
    """The p-value with the interval that its draws leave; (1, 0, 1) where there are too few."""
    x = t.simulated[np.isfinite(t.simulated)]
    if x.size < FEWEST or not isfinite(t.observed):
        return 1.0, 0.0, 1.0
    near = 1e-12 * max(abs(t.observed), float(np.abs(x).max()))  # sums of the same numbers in another order are equal
    above, below = int((x >= t.observed - near).sum()), int((x <= t.observed + near).sum())
    out, sides = (above, 1) if t.side == "upper" else (min(above, below), 2)
    low, high = proportion_interval(out, x.size, confidence)
    p = (1 + out) / (1 + x.size)
    return min(sides * p, 1.0), min(sides * low, 1.0), min(sides * high, 1.0)


def another(x: Floats, observed: float, confidence: float = 0.95) -> tuple[float, float, float]:
    """Where one more value like these lies with the confidence, and how often it would be as far out as the observed.

    By their ranks where there are enough, else as if they were normal (Student's law of one more value).

    Args:
        x: values of replications, shape (R,).
        observed: value of the real system, over the same length.

    Returns:
        Low, high and p; NaN for fewer than three values.
    """
    from scipy.special import stdtr, stdtrit

    x = x[np.isfinite(x)]
    if x.size < 3 or not isfinite(observed):
        return nan, nan, nan
    if 2 / (1 + x.size) < (1 - confidence) / 2:
        low, high = _between(x, 1 - confidence, "both")
        return low, high, _tested(Tried("", observed, x), confidence)[0]
    mean, spread = float(x.mean()), float(x.std(ddof=1) * np.sqrt(1 + 1 / x.size))
    half = spread * float(stdtrit(x.size - 1, 0.5 + confidence / 2))
    away = abs(observed - mean) / spread if spread > 0 else (0.0 if observed == mean else inf)
    return mean - half, mean + half, 2 * float(stdtr(x.size - 1, -away))


def _between(x: Floats, level: float, side: Side) -> tuple[float, float]:
    shares = [0.0, 1 - level] if side == "upper" else [level / 2, 1 - level / 2]
    low, high = np.quantile(x, shares)
    return float(low), float(high)


def _detectable(x: Floats, level: float, side: Side) -> float:
    """The least shift of the statistic's law, in the worse direction, that lies outside with the power."""
    if side == "upper":
        last, weak = np.quantile(x, [1 - level, 1 - POWER])
        return float(last - weak)
    first, weak, strong, last = np.quantile(x, [level / 2, 1 - POWER, POWER, 1 - level / 2])
    return float(max(last - weak, strong - first))


def check_table(checks: Sequence[Check]) -> pa.Table:
    """One row a check: check, observed, predicted, low, high, p, p_low, p_high, p_holm, detectable, share, verdict."""
    names = [name for name in Check.__dataclass_fields__ if name != "name"]
    columns = {"check": [c.name for c in checks]} | {n: [_known(getattr(c, n)) for c in checks] for n in names}
    return table_of(columns)


def _known(value: float | str) -> float | str | None:
    return value if isinstance(value, str) or isfinite(value) else None


def in_columns(rows: Sequence[Sequence[str | float]]) -> str:
    """Rows of words and numbers, the first row their heads, in columns of even width."""
    said = [[x if isinstance(x, str) else f"{x:.3g}" if isfinite(x) else "" for x in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*said, strict=True)]
    words = [any(isinstance(row[i], str) for row in rows[1:]) for i in range(len(widths))]
    pad = [str.ljust if word else str.rjust for word in words]
    return "\n".join("  ".join(f(x, w) for f, x, w in zip(pad, row, widths, strict=True)).rstrip() for row in said)
