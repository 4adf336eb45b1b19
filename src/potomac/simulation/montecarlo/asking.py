"""What is asked of a Monte Carlo run, and whether it makes sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from typing import Any

from potomac.errors import Fault, PotomacError, StudyError, did_you_mean, listing
from potomac.simulation.distributions import Distribution, distribution
from potomac.simulation.montecarlo.inputs import WIDEST, Drawn, Inputs
from potomac.simulation.montecarlo.sampling import METHODS, Method

__all__ = ["Asked", "asked"]

USUAL, FIRST = 65_536, 8192
"""Draws where no number is given; those of the first wave where a precision is."""

TINIEST = 16
"""Fewest draws of a run."""


@dataclass(frozen=True)
class Asked:
    """What is asked, in order; see :func:`potomac.simulation.montecarlo.monte_carlo`."""

    inputs: Inputs | int | None
    precision: float | None
    samples: int
    of: str
    method: Method
    quantiles: tuple[float, ...]
    control: Mapping[str, float]
    strata: Mapping[str, int]
    allocation: str
    proposal: Mapping[str, Distribution]
    normalised: bool
    exact: Mapping[str, float] = field(default_factory=dict)
    confidence: float = 0.95
    seed: int = 0
    most: int = 10_000_000
    budget: float = inf
    jobs: int = 1

    @property
    def where(self) -> str:
        """Value whose precision is meant; empty for all."""
        return self.of.partition(":")[0]

    @property
    def measure(self) -> str:
        """Measure of it; empty for its mean or probability."""
        return self.of.partition(":")[2]

    @property
    def reduced(self) -> bool:
        """Whether anything is done to make the variance smaller."""
        return self.method != "plain" or bool(self.control)


def asked(
    inputs: Mapping[str, object] | Inputs | int | None, *, method: Method, samples: int | None,
    precision: float | None, quantiles: Sequence[float], control: Mapping[str, float | None] | Sequence[str],
    strata: Mapping[str, int] | None, proposal: Mapping[str, object] | None, exact: Mapping[str, float] | None,
    **more: Any,
) -> Asked:  # fmt: skip
    """Put what is asked in order.

    Raises:
        StudyError: it makes no sense; all faults together, keyed by the arguments.
    """
    if method not in METHODS:
        mend = did_you_mean(str(method), METHODS)
        found, expected = f"there is no method {method!r:.40}", f"expected one of {listing(METHODS)}"
        raise StudyError(Fault("simulation.method", found, expected, mend, key="method"))
    read = _inputs(inputs)
    usual = USUAL if precision is None else min(FIRST, max(more["most"], TINIEST))
    draws = usual if samples is None else samples
    if not isinstance(draws, bool) and draws % 1 == 0:  # 1e5 is meant as 100000
        draws = int(draws)
    made = Asked(
        read, precision, draws, method=method, quantiles=tuple(quantiles), control=_controls(control, read),
        strata=dict(strata or {}), proposal=_proposals(proposal or {}), exact=dict(exact or {}), **more,
    )  # fmt: skip
    faults = [*_numbers(made), *_fitting(made)]
    if faults:
        raise StudyError(faults)
    return made


def _inputs(given: Mapping[str, object] | Inputs | int | None) -> Inputs | int | None:
    if given is None or isinstance(given, Inputs):
        return given
    if isinstance(given, Mapping):
        try:
            return Inputs.read(given)
        except StudyError as error:
            raise StudyError(replace(f, key=f"inputs.{f.key}" if f.key else "inputs") for f in error.faults) from None
    if isinstance(given, bool) or given < 1:
        expected = "expected distributions by name, or a number of uniforms of at least 1"
        raise StudyError(Fault("simulation.input", f"inputs are {given!r:.60}", expected, key="inputs"))
    return given


def _controls(given: Mapping[str, float | None] | Sequence[str], inputs: Inputs | int | None) -> dict[str, float]:
    """Control variates with their means; that of an input is known."""
    if isinstance(given, str):
        given = (given,)
    wanted = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given)
    out = {}
    for name, told in wanted.items():
        known_input = told is None and isinstance(inputs, Inputs) and name in inputs.of
        mean = inputs.mean(name) if known_input and isinstance(inputs, Inputs) else told
        if mean is None or not isfinite(mean):
            known = listing(inputs.of) if isinstance(inputs, Inputs) else "there are no inputs by name"
            found = f"the mean of the control {name!r:.60} is not known"
            expected = f"expected a number, or one of the inputs: {known}"
            raise StudyError(Fault("simulation.control", found, expected, key="control"))
        out[name] = float(mean)
    return out


def _proposals(given: Mapping[str, object]) -> dict[str, Distribution]:
    out, faults = dict[str, Distribution](), list[Fault]()
    for name, what in given.items():
        try:
            out[name] = distribution(what)
        except PotomacError as error:
            faults += [replace(f, key=f"proposal.{name}") for f in error.faults]
    if faults:
        raise StudyError(faults)
    return out


def _numbers(a: Asked) -> Iterator[Fault]:
    """Numbers that are out of their ranges."""

    def wrong(name: str, expected: str) -> Fault:
        return Fault("simulation.run", f"{name} is {getattr(a, name)!r:.60}", f"expected {expected}", key=name)

    if isinstance(a.samples, bool) or a.samples % 1 or a.samples < TINIEST:
        yield wrong("samples", f"a whole number of draws, {TINIEST} at least")
    if a.precision is not None and not 0 < a.precision < 1:
        yield wrong("precision", "a share between 0 and 1")
    if any(not 0 < q < 1 for q in a.quantiles):
        yield wrong("quantiles", "shares between 0 and 1")
    if not 0.5 <= a.confidence < 1:
        yield wrong("confidence", "a share of at least .5 and below 1")
    if a.most < TINIEST:
        yield wrong("most", f"{TINIEST} draws at least")
    if not a.budget > 0:
        yield wrong("budget", "seconds above 0")
    if a.jobs == 0 or isinstance(a.jobs, bool):
        yield wrong("jobs", "1 or more, or -1 for all there are")
    if a.allocation not in ("proportional", "neyman"):
        yield wrong("allocation", "proportional or neyman")


def _fitting(a: Asked) -> Iterator[Fault]:
    """What does not go together."""

    def wrong(found: str, expected: str, key: str, mend: str = "") -> Fault:
        return Fault("simulation.method", found, expected, mend, key=key)

    if a.inputs is None and a.method in ("antithetic", "stratified", "sobol"):
        mend = "Give inputs: distributions by name, or how many uniforms a draw takes"
        yield wrong(f"{a.method} sampling of an experiment that draws for itself", "expected inputs", "method", mend)
    if a.control and a.method in ("stratified", "sobol"):
        yield wrong(f"control variates with {a.method} sampling", "expected plain, antithetic or importance", "control")
    if a.normalised and (a.method != "importance" or a.control):
        yield wrong("normalised weights", "expected method = importance without control", "normalised")
    if a.strata and a.method != "stratified":
        yield wrong(f"strata with {a.method} sampling", "expected method = stratified", "strata")
    if a.allocation == "neyman" and a.method != "stratified":
        yield wrong(f"allocation with {a.method} sampling", "expected method = stratified", "allocation")
    if a.proposal and a.method != "importance":
        yield wrong(f"a proposal with {a.method} sampling", "expected method = importance", "proposal")
    if a.measure.startswith("q") and not any(a.measure == f"q{100 * q:g}" for q in a.quantiles):
        have = listing(f"q{100 * q:g}" for q in a.quantiles) or "none"
        yield wrong(f"{a.of!r:.60} is wanted", f"expected one of the quantiles that are asked for: {have}", "of")
    width = a.inputs.width if isinstance(a.inputs, Inputs) else a.inputs or 0
    if a.method == "sobol" and width > WIDEST:
        yield wrong(f"Sobol' points of {width:,} dimensions", f"expected at most {WIDEST:,}", "method")
    yield from _proposed(a)


def _proposed(a: Asked) -> Iterator[Fault]:
    for name in a.proposal:
        each = a.inputs.of.get(name) if isinstance(a.inputs, Inputs) else None
        if not isinstance(each, Drawn) or each.total:
            single = [n for n, x in a.inputs.of.items() if isinstance(x, Drawn)] if isinstance(a.inputs, Inputs) else []
            expected = f"expected one of {listing(single) or 'the inputs, of which there are none'}"
            mend = did_you_mean(name, single)
            yield Fault("simulation.method", f"a proposal for {name!r:.60}", expected, mend, key=f"proposal.{name}")
