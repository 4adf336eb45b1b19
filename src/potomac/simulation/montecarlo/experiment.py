"""An experiment is called with a block of draws, and what it gives is checked: names, shapes, numbers, weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, StudyError, listing
from potomac.simulation.distributions import Distribution
from potomac.simulation.montecarlo.density import log_density
from potomac.simulation.montecarlo.inputs import Drawn, Inputs
from potomac.simulation.montecarlo.sampling import Design, Task

__all__ = ["ALONE", "Block", "Experiment"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALONE = "value"
"""Name of the value of an experiment that gives an array without a name."""


@dataclass(frozen=True)
class Block:
    """What came of a block of draws.

    Attributes:
        names: of the values.
        values: shape (n, values).
        truth: which values are booleans, whose means are probabilities.
        controls: shape (n, controls).
        weights: of importance sampling, shape (n,); None without it.
        group: stratum or randomisation of each draw, shape (n,).
    """

    names: tuple[str, ...]
    values: Floats
    truth: tuple[bool, ...]
    controls: Floats
    weights: Floats | None
    group: Ints


@dataclass(frozen=True)
class Experiment:
    """A function of random draws, and how it is called.

    Attributes:
        call: the user's function.
        inputs: named inputs, which it takes as a mapping; a number of uniforms, which it takes as a matrix; or None: it
            takes a generator and a number of draws.
        proposal: inputs that are drawn from another distribution than is meant.
        weighted: it gives logarithms of weights beside its values.
        control: names of inputs or values whose means are known.
    """

    call: Callable[..., Any]
    inputs: Inputs | int | None = None
    proposal: Mapping[str, Distribution] = field(default_factory=dict)
    weighted: bool = False
    control: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Uniforms that a draw takes."""
        return self.inputs.width if isinstance(self.inputs, Inputs) else int(self.inputs or 0)

    def block(self, design: Design, task: Task) -> Block:
        """Do the experiment.

        Raises:
            StudyError: it gives something else than one number for each draw.
            DataError: it gives NaN or an infinite number; the message has the draw.
        """
        logs: Floats | None = None
        group = np.zeros(task.n, np.int64)
        x: dict[str, Floats] = {}
        if self.inputs is None:
            given = self.call(design.generator(task), task.n)
        else:
            u, group = design.uniforms(task)
            if isinstance(self.inputs, Inputs):
                x, logs = self._inputs(u)
                given = self.call(x)
            else:
                given = self.call(u)
        if self.weighted:
            given, logs = self._weights(given, task)
        return self._checked(given, x, logs, group, task)

    def at(self, u: Floats, start: int = 0) -> tuple[tuple[str, ...], Floats]:
        """What it gives for named inputs at uniforms, shape (n, width): names, and values of shape (n, values).

        Raises:
            StudyError, DataError: as :meth:`block`; draws count from ``start``.
        """
        x, _ = self._inputs(u)
        block = self._checked(self.call(x), x, None, np.zeros(len(u), np.int64), Task(0, start, len(u)))
        return block.names, block.values

    def _inputs(self, u: Floats) -> tuple[dict[str, Floats], Floats | None]:
        """The values of the inputs, and the logarithms of their weights where some come from another distribution."""
        assert isinstance(self.inputs, Inputs)  # noqa: S101
        if not self.proposal:
            return self.inputs.values(u), None
        meant = {name: self.inputs.of[name] for name in self.proposal}
        other = {n: Drawn(d, each.draws) for (n, d), each in zip(self.proposal.items(), meant.values(), strict=True)}
        x = Inputs({**self.inputs.of, **other}).values(u)
        logs = np.zeros(u.shape[0])
        for name, each in meant.items():
            assert isinstance(each, Drawn)  # noqa: S101 - seen when it was asked
            ratio = log_density(each.distribution, x[name]) - log_density(self.proposal[name], x[name])
            logs += ratio.reshape(u.shape[0], -1).sum(axis=1)
        return x, logs

    def _weights(self, given: Any, task: Task) -> tuple[Any, Floats]:
        if not isinstance(given, tuple) or len(given) != 2:
            expected = "expected a pair: values, and logarithms of weights"
            raise _wrong(f"the experiment gives {type(given).__name__} for importance sampling", expected)
        return given[0], np.asarray(given[1], float)

    def _checked(self, given: Any, x: Mapping[str, Floats], logs: Floats | None, group: Ints, task: Task) -> Block:
        values = dict(given) if isinstance(given, Mapping) else {ALONE: given}
        if not values:
            raise _wrong("the experiment gives no values", "expected an array, or arrays by name")
        arrays = {str(name): self._array(str(name), each, task) for name, each in values.items()}
        controls = [self._control(name, arrays, x, task) for name in self.control]
        told = [name for name in arrays if name not in self.control] or [*arrays]
        return Block(
            tuple(told), np.stack([arrays[n].astype(float) for n in told], axis=1),
            tuple(arrays[n].dtype == bool for n in told),
            np.stack(controls, axis=1) if controls else np.zeros((task.n, 0)), _weights_of(logs, task), group,
        )  # fmt: skip

    def _control(self, name: str, arrays: Mapping[str, Any], x: Mapping[str, Floats], task: Task) -> Floats:
        """A control variate; of an input of several draws their mean."""
        if name in arrays:
            return np.asarray(arrays[name], float)
        if name in x:
            return np.asarray(x[name].reshape(task.n, -1).mean(axis=1))
        known = [*arrays, *x]
        raise StudyError(
            Fault("simulation.control", f"there is no value or input {name!r:.60}", f"expected one of {listing(known)}",
                  key="control")
        )  # fmt: skip

    def _array(self, name: str, given: Any, task: Task) -> npt.NDArray[Any]:
        try:
            array = np.asarray(given)
            array = array if array.dtype == bool else array.astype(float)
        except (TypeError, ValueError):
            raise _wrong(f"{name!r:.60} is {type(given).__name__}", "expected an array of numbers") from None
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.shape != (task.n,):
            found = f"{name!r:.60} has shape {array.shape} for {task.n:,} draws"
            raise _wrong(found, f"expected ({task.n},), one number for each draw")
        wrong = np.flatnonzero(~np.isfinite(array))
        if wrong.size:
            row = int(wrong[0])
            more = f", and {wrong.size - 1:,} more in a block of {task.n:,}" if wrong.size > 1 else ""
            found = f"{name!r:.60} is {array[row]:g} in draw {task.start + row:,}{more}"
            raise DataError(Fault("simulation.values", found, "expected a number", "Mend the experiment there"))
        return array


def _weights_of(logs: Floats | None, task: Task) -> Floats | None:
    if logs is None:
        return None
    if logs.shape != (task.n,):
        raise _wrong(f"the weights have shape {logs.shape} for {task.n:,} draws", f"expected ({task.n},)")
    with np.errstate(over="ignore"):
        weights = np.exp(logs)
    wrong = np.flatnonzero(~np.isfinite(weights))
    if wrong.size:
        row = int(wrong[0])
        found = f"the logarithm of the weight is {logs[row]:g} in draw {task.start + row:,}"
        raise DataError(Fault("simulation.values", found, "expected a number below 709"))
    return weights


def _wrong(found: str, expected: str) -> StudyError:
    return StudyError(Fault("simulation.experiment", found, expected))
