"""Statistics by which observed values and those of a law are held against each other.

Posterior predictive checks in the manner of Rubin 1984 and Gelman, Meng and Stern 1996: any function of the data may
be a check, and those stand here that find the usual faults: too narrow, too few zeros, tails, dependence, groups that
differ, probabilities that do not come true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import nan

import numpy as np
import numpy.typing as npt

from potomac.simulation.validity.judged import Side
from potomac.simulation.validity.predictive import SEEN, Categorical, Predictive
from potomac.simulation.validity.probabilities import brier, hosmer_lemeshow, slope, spiegelhalter
from potomac.simulation.validity.uniformity import departure

__all__ = ["COVERED", "Statistics", "autocorrelation", "covered"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COVERED = (0.5, 0.8, 0.95)
"""Central intervals whose coverage is checked."""


@dataclass(frozen=True)
class Statistics:
    """Which statistics are taken.

    Attributes:
        names: label -> function of all values, shape (n,) to a number, beside the usual ones.
        groups: names of groups of rows.
        group: of each row, shape (n,); empty where there are none.
        zeros: whether the share of zeros is one.
        spread: standard deviation of the values, the scale of discrepancies of means.
    """

    names: Mapping[str, Callable[[Floats], float]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    group: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    zeros: bool = False
    spread: float = 1.0

    def of(self, law: Predictive, y: Floats, generator: np.random.Generator) -> dict[str, float]:
        """All of them.

        Args:
            law: to which the values are said to belong.
            y: values, or numbers of classes, shape (n,).
            generator: spreads values that have a probability of their own.
        """
        if isinstance(law, Categorical):
            out = self._classes(law, y)
        else:
            out = self._values(law, y)
            u = law.pit(y, generator)
            if u is not None:
                u = u[:: -(-u.size // SEEN)]
                out |= {f"{100 * c:g} % intervals cover": covered(u, c) for c in COVERED}
                out["distribution (PIT)"] = departure(u)
        for name, statistic in self.names.items():
            out[name] = float(statistic(y))
        return out

    def _values(self, law: Predictive, y: Floats) -> dict[str, float]:
        mean = law.mean if law.mean is not None else np.full(y.size, y.mean())
        out = {"mean": float(y.mean()), "standard deviation": float(y.std(ddof=1)) if y.size > 1 else nan}
        if self.zeros:
            out["share of zeros"] = float((y == 0).mean())
        out["largest"] = float(y.max())
        if not self.zeros:
            out["smallest"] = float(y.min())
        out["autocorrelation"] = autocorrelation(y - mean)
        return out | self._by_group(y)

    def _classes(self, law: Categorical, y: Floats) -> dict[str, float]:
        z, p, group = law.came(y), law.likely, law.groups
        names = law.classes[1:] if len(law.classes) == 2 else law.classes
        first = len(law.classes) - len(names)
        out = {f"share of {name}": float((y == k + first).mean()) for k, name in enumerate(names)}
        steps = slice(None, None, -(-z.size // (4 * SEEN)))
        intercept, steep = slope(z[steps], p[steps])
        out |= {
            "calibration slope": steep, "calibration intercept": intercept,
            "Hosmer-Lemeshow": hosmer_lemeshow(z, p, group), "Spiegelhalter z": spiegelhalter(z, p),
            "Brier score": brier(z, p, group)["brier"], "autocorrelation": autocorrelation(z - p),
        }  # fmt: skip
        return out | self._by_group(z)

    def _by_group(self, y: Floats) -> dict[str, float]:
        if not self.groups:
            return {}
        n = np.bincount(self.group, minlength=len(self.groups))
        means = np.bincount(self.group, y, minlength=len(self.groups)) / n
        return {f"mean of {name}": float(m) for name, m in zip(self.groups, means, strict=True)}

    def scale(self, name: str) -> float | None:
        """Of what a discrepancy of a statistic is told as a share (see ``judged.Tried``)."""
        if name in ("mean", "standard deviation") or name.startswith("mean of "):
            return self.spread
        if name in _PLAIN or name.endswith("intervals cover") or name.startswith("share of "):
            return 1.0
        return nan if name in _UPPER or name == "Spiegelhalter z" else None

    @staticmethod
    def side(name: str) -> Side:
        """Whether small values of a statistic speak against the model too."""
        return "upper" if name in _UPPER else "both"


_PLAIN = frozenset({"share of zeros", "autocorrelation", "calibration slope", "calibration intercept"})
_UPPER = frozenset({"distribution (PIT)", "Hosmer-Lemeshow"})


def covered(u: Floats, confidence: float) -> float:
    """Share of values within the central intervals of their laws, from their places u in these, shape (n,)."""
    return float((np.abs(u - 0.5) <= confidence / 2).mean())


def autocorrelation(x: Floats) -> float:
    """Of neighbours in the order of the rows: sum x_i x_(i+1) / sum x_i^2, shape (n,); 0 where all are 0."""
    total = float(x @ x)
    return float(x[:-1] @ x[1:]) / total if total > 0 else 0.0
