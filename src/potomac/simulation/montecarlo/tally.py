"""Draws are counted block by block: moments of all, and the values themselves of as many as memory is meant for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError, listing
from potomac.simulation.montecarlo.experiment import Block, Experiment
from potomac.simulation.montecarlo.moments import Grouped, Moments
from potomac.simulation.montecarlo.sampling import Design, Method, Task

__all__ = ["Part", "Tally", "counted"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """A block that was counted.

    Attributes:
        n: draws.
        names, truth: of its values, as of a :class:`Block`.
        moments: of its units.
        values, weights, group: of its draws, where they are kept.
    """

    n: int
    names: tuple[str, ...]
    truth: tuple[bool, ...]
    moments: Moments | Grouped
    values: Floats | None = None
    weights: Floats | None = None
    group: Ints | None = None


@dataclass
class Tally:
    """What was counted so far.

    Units of the moments have, in this order: values, controls, and of ``antithetic`` pairs the square of half the
    difference of each value; of ``importance`` weight times square of each value, and the weight.

    Attributes:
        method: of the design.
        controls: how many.
        n: draws.
        names, truth: of the values.
        moments: of the units.
        kept: draws whose values are kept, the first of all.
    """

    method: Method
    controls: int = 0
    n: int = 0
    names: tuple[str, ...] = ()
    truth: tuple[bool, ...] = ()
    moments: Any = None
    kept: int = 0
    _values: list[Floats] = field(default_factory=list)
    _weights: list[Floats] = field(default_factory=list)
    _groups: list[Ints] = field(default_factory=list)

    def add(self, part: Part) -> None:
        """Count a block.

        Raises:
            StudyError: it has other values than those before.
        """
        if self.moments is not None and (part.names, part.truth) != (self.names, self.truth):
            found = f"the experiment gives {listing(part.names)} now and {listing(self.names)} before"
            expected = "expected the same values of the same kind each time"
            raise StudyError(Fault("simulation.experiment", found, expected))
        self.names, self.truth = part.names, part.truth
        self.moments = part.moments if self.moments is None else self.moments + part.moments
        self.n += part.n
        if part.values is not None:
            self.kept += part.n
            self._values.append(part.values)
            if part.weights is not None:
                self._weights.append(part.weights)
            if part.group is not None:
                self._groups.append(part.group)

    def values(self, j: int) -> Floats:
        """Of one measure, those that are kept, shape (kept,)."""
        return np.concatenate([block[:, j] for block in self._values]) if self._values else np.zeros(0)

    @property
    def weights(self) -> Floats | None:
        """Of the draws that are kept, shape (kept,); None without importance sampling."""
        return np.concatenate(self._weights) if self._weights else None

    @property
    def group(self) -> Ints:
        """Stratum or randomisation of the draws that are kept, shape (kept,)."""
        return np.concatenate(self._groups)


def counted(experiment: Experiment, design: Design, task: Task, keep: bool) -> Part:
    """Do the experiment for a block, and count it.

    Raises:
        StudyError, DataError: as :meth:`Experiment.block`.
    """
    block = experiment.block(design, task)
    grouped = design.method in ("stratified", "sobol")
    units = block.values if grouped else _units(block, design.method)
    moments = Grouped.of(units, block.group, design.groups) if grouped else Moments.of(units)
    kept: tuple[Any, ...] = (block.values, block.weights, block.group if grouped else None) if keep else ()
    return Part(task.n, block.names, block.truth, moments, *kept)


def _units(block: Block, method: Method) -> Floats:
    """The independent units of a block, shape (units, dimensions), see :class:`Tally`."""
    y, c = block.values, block.controls
    if method == "antithetic":
        first, second = y[0::2], y[1::2]
        return np.concatenate([(first + second) / 2, (c[0::2] + c[1::2]) / 2, ((first - second) / 2) ** 2], axis=1)
    if block.weights is None:
        return np.concatenate([y, c], axis=1)
    w = block.weights[:, None]
    return np.concatenate([w * y, w * c, w * y**2, w], axis=1)
