"""Values of an experiment as formulas of its inputs, and of the values before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.simulation.expressions import CONSTANTS, FUNCTIONS, Formula, formula
from potomac.simulation.montecarlo.experiment import ALONE
from potomac.simulation.montecarlo.inputs import Inputs

__all__ = ["Formulas", "function_of", "name_faults"]


@dataclass(frozen=True)
class Formulas:
    """Values by name, each a formula of inputs and of the values before it. It can be pickled."""

    of: Mapping[str, Formula]

    @classmethod
    def read(cls, values: Mapping[str, str], inputs: Inputs | tuple[str, ...]) -> Formulas:
        """Read formulas; each may use the inputs and the values before it.

        Raises:
            StudyError: one is wrong; all faults together, keyed by ``values.NAME``.
        """
        known = [*(inputs.of if isinstance(inputs, Inputs) else inputs)]
        made, faults = dict[str, Formula](), list[Fault]()
        for name, text in values.items():
            faults += [replace(f, key=f"values.{name}") for f in name_faults(name, known)]
            try:
                made[name] = formula(text, known)
            except StudyError as error:
                faults += [replace(f, key=f"values.{name}") for f in error.faults]
            known.append(name)
        if faults:
            raise StudyError(faults)
        return cls(made)

    def __call__(self, x: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """The values for inputs, each of shape (n,) or (n, columns).

        Raises:
            StudyError: a formula has several columns left, or has no input in it.
        """
        known = {name: each.reshape(each.shape[0], -1) for name, each in x.items()}
        n = next(iter(known.values())).shape[0]
        out = {}
        for name, each in self.of.items():
            value = each(known)
            if value.shape[1] != 1:
                found = f"{each.text!r:.60} has {value.shape[1]} numbers in each draw"
                mend = "Take sum, mean, min, max, any or all of them"
                raise StudyError(Fault("simulation.experiment", found, "expected one", mend, key=f"values.{name}"))
            known[name] = np.broadcast_to(value, (n, 1))
            out[name] = known[name][:, 0]
        return out


def name_faults(name: str, known: Sequence[str]) -> Iterator[Fault]:
    """What is wrong with the name of an input or a value, where others are known."""
    if not name.isidentifier():
        yield Fault("simulation.input", f"{name!r:.60} is no name", "expected letters, digits and _")
    elif name in known:
        yield Fault("simulation.input", f"{name!r:.60} is there twice", "expected another name")
    elif name in FUNCTIONS or name in CONSTANTS:
        yield Fault("simulation.input", f"{name!r:.60} is a function or constant of formulas", "expected another name")


def function_of(experiment: Callable[..., Any] | Formula) -> Callable[..., Any]:
    """A function of arrays by name; a formula becomes one."""
    return Formulas({ALONE: experiment}) if isinstance(experiment, Formula) else experiment
