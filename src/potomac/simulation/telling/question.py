"""What a study of a simulation asks, as plain values: the parts of its model, how it is run, which scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Literal

from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.simulation.model import Model

__all__ = ["PARTS", "Observed", "Parts", "Question", "Scenario", "changed", "keys_of", "place_of"]

PARTS = ("source", "station", "route", "stock", "component", "system", "crew")
"""The lists of a model, each added by the method of that name."""

Parts = Mapping[str, Sequence[Mapping[str, Any]]]
"""What stands in each list: the arguments of the method that adds a part."""


@dataclass(frozen=True)
class Scenario:
    """The model with some of its values changed.

    Attributes:
        name: of the scenario.
        set: ``station.desk.servers`` -> value.
    """

    name: str
    set: Mapping[str, Any]


@dataclass(frozen=True)
class Observed:
    """A value that was measured on the real system."""

    where: str
    measure: str
    value: float


@dataclass(frozen=True)
class Question:
    """All of it.

    Attributes:
        name: of the study.
        parts: of the model.
        time_unit: in which all its times are.
        until, replications, precision, of, warmup, confidence, quantiles, most, seed: as ``Model.run`` takes them.
        budget: seconds after which the search for precision stops.
        scenarios: with which the model is compared.
        observed: what was measured on the real system.
        ties: table of arrivals -> what equal times mean there.
        antithetic: whether replications come in pairs of opposite draws.
        log: whether all events are kept in a table.
    """

    name: str
    parts: Parts
    time_unit: str = "minutes"
    until: float | None = None
    replications: int | None = None
    precision: float | None = None
    of: str = ""
    warmup: float | Literal["auto"] = "auto"
    confidence: float = 0.95
    quantiles: tuple[float, ...] = (0.5, 0.9, 0.99)
    most: int = 1000
    budget: float = 300.0
    seed: int = 0
    scenarios: tuple[Scenario, ...] = ()
    observed: tuple[Observed, ...] = ()
    ties: Mapping[str, Literal["auto", "keep", "error"]] = field(default_factory=dict)
    antithetic: bool = False
    log: bool = False


def keys_of(what: str) -> tuple[str, ...]:
    """The keys of a part, as its method takes them."""
    return tuple(name for name in signature(getattr(Model, what)).parameters if name != "self")


def _called(what: str, part: Mapping[str, Any]) -> str:
    return str(part.get("start" if what == "route" else "name", "system" if what == "system" else ""))


def place_of(parts: Parts, key: str) -> tuple[str, int, str] | None:
    """Which part ``station.desk.servers`` means, by its name or its number: list, place in it, key of the part."""
    what, _, rest = key.partition(".")
    found: list[tuple[int, int, str]] = []
    for n, part in enumerate(parts.get(what, ())):
        names = [name for name in (_called(what, part), str(n)) if rest == name or rest.startswith(f"{name}.")]
        found += [(len(name), n, rest[len(name) + 1 :]) for name in names if name]
    if not found:
        return None
    _, n, inner = max(found, key=lambda each: each[0])
    return what, n, inner


def changed(parts: Parts, changes: Mapping[str, Any], key: str = "set") -> Parts:
    """The parts with some of their values changed.

    Args:
        parts: of the model.
        changes: ``station.desk.servers`` -> value.
        key: under which what is wrong is said.

    Raises:
        StudyError: a change names no part, or no key of one.
    """
    made: dict[str, list[dict[str, Any]]] = {w: [dict(deepcopy(dict(p))) for p in each] for w, each in parts.items()}
    faults = []
    for name, value in changes.items():
        at = place_of(parts, name)
        if at is None or not at[2]:
            faults.append(_no_part(parts, name, key))
            continue
        what, n, inner = at
        first, _, rest = inner.partition(".")
        if first not in keys_of(what):
            expected = f"expected one of {listing(keys_of(what), 30)}"
            mend = did_you_mean(first, keys_of(what))
            faults.append(Fault("simulation.scenario", f"a {what} has no {first!r:.60}", expected, mend, key=key))
            continue
        _put(made[what][n], first, rest, value)
    if faults:
        raise StudyError(faults)
    return made


def _put(part: dict[str, Any], first: str, rest: str, value: Any) -> None:
    """Set a key, or one inside its table."""
    if rest and isinstance(part.get(first), dict):
        inside, _, deeper = rest.partition(".")
        _put(part[first], inside, deeper, value)
    else:
        part[f"{first}.{rest}" if rest else first] = value


def _no_part(parts: Parts, name: str, key: str) -> Fault:
    known = [f"{what}.{_called(what, part)}" for what, each in parts.items() for part in each]
    near = did_you_mean(".".join(name.split(".")[:2]), known)
    expected = f"expected a key of {listing(known)}, e.g. station.desk.servers"
    return Fault("simulation.scenario", f"{name!r:.80} names no key of a part", expected, near, key=key)
