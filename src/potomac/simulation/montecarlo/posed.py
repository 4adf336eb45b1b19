"""An experiment as a study poses it, inputs and formulas by name, and the function of arrays that it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from potomac.errors import Fault, NoAnswer, PotomacError, StudyError, did_you_mean, listing
from potomac.simulation.montecarlo.asking import asked
from potomac.simulation.montecarlo.formulas import Formulas, name_faults
from potomac.simulation.montecarlo.inputs import Inputs
from potomac.simulation.montecarlo.sampling import Method
from potomac.simulation.montecarlo.sensitivity import Way
from potomac.simulation.telling.building import FROM_TABLE, Data

__all__ = ["KEY", "Posed", "checked", "inputs_of", "keyed"]

KEY = "experiment"
"""The table of the study."""

RUN = {"samples": "run.replications", "precision": "run.precision", "of": "run.of", "quantiles": "run.quantiles",
       "confidence": "run.confidence", "budget": "run.budget"}  # fmt: skip
"""Arguments of a Monte Carlo run that stand in another table of the study."""


@dataclass(frozen=True)
class Posed:
    """What a study asks of an experiment, as plain values.

    Attributes:
        name: of the study.
        inputs: name -> distribution, as the study has it.
        values: name -> formula.
        units: value -> unit.
        method, control, strata, allocation, proposal, exact, precision, samples, of, quantiles, confidence, most,
            budget, seed: as :func:`~potomac.simulation.montecarlo.monte_carlo` takes them.
        sensitivity: method; None for none.
    """

    name: str
    inputs: Mapping[str, Any]
    values: Mapping[str, str]
    units: Mapping[str, str] = field(default_factory=dict)
    method: Method = "plain"
    control: tuple[str, ...] = ()
    strata: Mapping[str, int] = field(default_factory=dict)
    allocation: str = "proportional"
    proposal: Mapping[str, Any] = field(default_factory=dict)
    exact: Mapping[str, float] = field(default_factory=dict)
    sensitivity: Way | None = None
    precision: float | None = None
    samples: int | None = None
    of: str = ""
    quantiles: tuple[float, ...] = (0.5, 0.9, 0.99)
    confidence: float = 0.95
    most: int = 10_000_000
    budget: float = 300.0
    seed: int = 0

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of the Monte Carlo run but for its inputs."""
        names = ("precision", "samples", "of", "method", "quantiles", "control", "strata", "allocation", "proposal",
                 "exact", "confidence", "seed", "most", "budget")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def inputs_of(posed: Posed, data: Data) -> Inputs:
    """The inputs, those of tables fitted or drawn from.

    Raises:
        StudyError, DataError: one is wrong; all faults together, keyed by ``inputs.NAME``.
    """
    made, wrong = dict[str, Any](), list[PotomacError]()
    for name, what in posed.inputs.items():
        try:
            for fault in name_faults(name, [*made]):
                raise StudyError(fault)
            made[name] = _from_table(what, data)
        except PotomacError as error:
            wrong.append(type(error)(replace(f, key=f"inputs.{name}") for f in error.faults))
    if not wrong:
        try:
            return Inputs.read(made)
        except StudyError as error:
            wrong.append(StudyError(replace(f, key=f"inputs.{f.key}" if f.key else "inputs") for f in error.faults))
    kind = StudyError if any(isinstance(each, StudyError) for each in wrong) else type(wrong[0])
    raise kind(fault for each in wrong for fault in each.faults)


def _from_table(what: Any, data: Data) -> Any:
    """``{ fit = "sizes" }``, with draws or total beside it; anything else as it is."""
    if not isinstance(what, Mapping):
        return what
    how = [key for key in what if key in FROM_TABLE and isinstance(what[key], str)]
    if not how:
        return what
    rest = {key: value for key, value in what.items() if key not in how}
    return {"from": data.drawn(how[0], what[how[0]]), **rest}


def checked(posed: Posed, data: Data) -> tuple[Inputs, Formulas]:
    """The inputs and the formulas of an experiment that is in order.

    Raises:
        StudyError, DataError: something is wrong, with its key in the study.
    """
    try:
        inputs = inputs_of(posed, data)
        made = Formulas.read(posed.values, inputs)
        if not made.of:
            raise StudyError(
                Fault("simulation.experiment", "no values", 'expected e.g. loss = "claims * size"', key="values")
            )
        made(inputs.values(np.full((2, inputs.width), 0.5)))
        asked(inputs, **posed.asked, normalised=False, jobs=1)
        faults = [*_faults(posed)]
        if faults:
            raise StudyError(faults)
    except PotomacError as error:
        raise keyed(error) from error
    return inputs, made


def _faults(posed: Posed) -> Iterator[Fault]:
    where = posed.of.partition(":")[0]
    for key, names in (("of", [where] if where else []), ("exact", posed.exact), ("units", posed.units)):
        for name in names:
            if name not in posed.values:
                mend = did_you_mean(name, [*posed.values])
                found = f"there is no value {name!r:.60}"
                yield Fault("simulation.measure", found, f"expected one of {listing(posed.values)}", mend, key=key)
    for name in posed.control:
        if name not in posed.inputs:
            mend = did_you_mean(name, [*posed.inputs])
            found, expected = f"there is no input {name!r:.60}", f"expected one of {listing(posed.inputs)}"
            yield Fault("simulation.control", found, expected, mend, key="control")


def keyed(error: PotomacError) -> PotomacError:
    """The error with the keys of the study."""

    def key(fault: Fault) -> str:
        if isinstance(error, NoAnswer) and fault.code == "simulation.infinite-variance":
            return f"{KEY}.values.{fault.key}"
        if fault.key in RUN:
            return RUN[fault.key]
        return (
            KEY
            if not fault.key
            else fault.key
            if fault.key.startswith((f"{KEY}.", "run.", "data."))
            else f"{KEY}.{fault.key}"
        )

    return type(error)(replace(fault, key=key(fault)) for fault in error.faults)
