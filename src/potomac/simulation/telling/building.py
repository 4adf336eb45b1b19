"""Parts of a study -> a model: distributions by name, fitted to a table, drawn from it or played back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, PotomacError, StudyError, did_you_mean, listing
from potomac.simulation.distributions import FAMILIES, Distribution, deterministic, distribution, empirical, trace
from potomac.simulation.inputs import Arrivals, Fits, arrivals, fit
from potomac.simulation.model import Model
from potomac.simulation.telling.question import PARTS, Parts, place_of

__all__ = ["Data", "Series", "found_in", "model_of"]

Floats = npt.NDArray[np.float64]

FROM_TABLE = ("fit", "data", "empirical", "trace")
"""What ``{ fit = "services" }`` may say: fitted, drawn from (data, empirical), played back."""

DRAWN = {
    "source": ("interarrival", "factor", "batch"), "station": ("service", "patience", "uptime", "repair"),
    "stock": ("quantity", "lead"), "component": ("life", "repair", "dormant"),
}  # fmt: skip
"""Keys that take a distribution."""

FEW = 10
"""Arrivals of which nothing is told: there are too few."""

BY_KIND = ("service", "patience")
"""Those of them that may have one for each kind of customers."""


@dataclass(frozen=True)
class Series:
    """Observed values, in their order.

    Attributes:
        values: shape (n,).
        rows: of the source, 0-based, shape (n,).
        times: whether they are times of events, from the first on.
        ties: what equal times mean.
    """

    values: Floats
    rows: npt.NDArray[np.int64]
    times: bool = False
    ties: str = "auto"


@dataclass
class Data:
    """Tables of a study, and what was found out about those that a model is fitted to.

    Attributes:
        series: by name of the table; None while only the study is looked at, and stand-ins are drawn.
        names: of the tables that the study declares.
        seed: of the samples behind p-values.
        fits: what was fitted, by name of the table.
        arrivals: what arrivals are like, by name of the table.
    """

    names: Sequence[str] = ()
    series: Mapping[str, Series] | None = None
    seed: int = 0
    fits: dict[str, Fits] = field(default_factory=dict)
    arrivals: dict[str, Arrivals] = field(default_factory=dict)
    stood_in: bool = False

    def of(self, name: str, stand_in: Floats) -> Series:
        """The values of a table.

        Raises:
            StudyError: there is no such table.
        """
        if name not in self.names:
            known = listing(self.names) if self.names else "there is none"
            mend = did_you_mean(name, list(self.names)) or f"Add [data.{name}] with source and columns.value"
            raise StudyError(Fault("simulation.table", f"no table is called {name!r:.60}", f"tables: {known}", mend))
        if self.series is None:
            self.stood_in = True
            return Series(stand_in, np.arange(stand_in.size))
        return self.series[name]

    def drawn(self, how: str, name: str) -> Distribution:
        """A distribution from a table: fitted, drawn from, or played back."""
        found = self.of(name, np.ones(1))
        if self.series is None:
            return deterministic(1.0)
        values = _gaps(found) if found.times else found.values
        if how != "fit":
            return trace(values) if how == "trace" else empirical(values)
        if name not in self.fits:
            self.fits[name] = fit(values, seed=self.seed)
        return self.fits[name].recommended

    def times(self, name: str) -> Floats:
        """Times of arrivals to be played back, rising.

        Raises:
            DataError: the table is empty, or its times do not rise; with the row of the source.
        """
        found = self.of(name, np.array([1.0]))
        self.look(name)
        return found.values

    def look(self, name: str) -> Arrivals | None:
        """What the arrivals of a table are like; None where they are too few to tell."""
        found = self.of(name, np.array([1.0]))
        _check_times(found, name)
        if name not in self.arrivals and self.series is not None and found.values.size >= FEW:
            try:
                self.arrivals[name] = arrivals(found.values, ties=found.ties, seed=self.seed)  # type: ignore[arg-type]
            except PotomacError as error:
                raise type(error)(replace(f, found=f"table {name}: {f.found}", key="") for f in error.faults) from error
        return self.arrivals.get(name)


def _gaps(found: Series) -> Floats:
    _check_times(found)
    return np.diff(found.values)


def _check_times(found: Series, name: str = "") -> None:
    t, rows, lead = found.values, found.rows, f"table {name}: " if name else ""
    if not t.size:
        raise DataError(Fault("simulation.trace", f"{lead}the trace is empty", "expected times of arrivals, rising"))
    back = np.flatnonzero(np.diff(t) < 0)
    if back.size:
        at = int(back[0]) + 1
        said = f"{lead}row {rows[at]} is {t[at]:.9g}, after {t[at - 1]:.9g} in row {rows[at - 1]}"
        raise DataError(Fault("simulation.trace", said, "expected times that rise", "Sort the arrivals by time"))
    same = np.flatnonzero(np.diff(t) == 0)
    if same.size and (found.ties == "error" or (found.ties == "auto" and t.size < FEW)):
        at = int(same[0]) + 1
        said = f"{lead}row {rows[at]} is {t[at]:.9g}, as row {rows[at - 1]} is"
        mend = 'Take rows out that stand twice, or give ties = "keep"'
        raise DataError(Fault("simulation.times", said, "expected each arrival once", mend))


def model_of(name: str, parts: Parts, data: Data) -> Model:
    """The model of these parts.

    Args:
        name: of the model.
        parts: by list, each with the arguments of the method that adds it.
        data: the tables; what was fitted is kept there.

    Raises:
        StudyError: parts are wrong or do not fit together, all faults together, with keys such as
            ``station.0.service``.
        DataError: a table is wrong.
    """
    model, wrong = Model(name), list[PotomacError]()
    kinds = {str(s.get("kind") or s.get("name")) for s in parts.get("source", ())}
    for what in PARTS:
        for n, part in enumerate(parts.get(what, ())):
            given, faulty = _arguments(what, part, f"{what}.{n}", data, kinds)
            wrong += faulty
            if faulty:
                continue
            try:
                getattr(model, what)(**given)
            except PotomacError as error:
                wrong.append(_keyed(error, what, n, part))
            except (TypeError, ValueError) as error:
                fault = Fault("simulation.key", f"the {what} cannot be made: {error}", key=f"{what}.{n}")
                wrong.append(StudyError(fault))
    if not wrong:
        try:
            model.checked()
        except StudyError as error:
            wrong.append(StudyError(found_in(parts, fault) for fault in error.faults))
    _raise(wrong)
    return model


def _raise(wrong: Sequence[PotomacError]) -> None:
    if wrong:
        kind = StudyError if any(isinstance(each, StudyError) for each in wrong) else type(wrong[0])
        raise kind(fault for each in wrong for fault in each.faults)


def _arguments(
    what: str, part: Mapping[str, Any], at: str, data: Data, kinds: Iterable[str]
) -> tuple[dict[str, Any], list[PotomacError]]:
    """The arguments of the method that adds a part, and what is wrong with them."""
    made, wrong = dict[str, Any](), list[PotomacError]()
    for key, value in part.items():
        try:
            made[key] = _argument(what, key, value, data, kinds)
            if (what, key) == ("source", "trace") and isinstance(value, str):
                made["ties"] = "keep"  # those of a table were looked at with its rows
        except PotomacError as error:
            wrong.append(type(error)(replace(f, key=f"{at}.{key}") for f in error.faults))
    return made, wrong


def _argument(what: str, key: str, value: Any, data: Data, kinds: Iterable[str]) -> Any:
    if what == "source" and key in ("trace", "data", "rate") and isinstance(value, str):
        return _of_source(key, value, data)
    if what == "station" and key == "servers" and value == "unlimited":
        return float("inf")
    if what == "station" and key == "calendar":
        return [_piece(each) for each in value]
    if key not in DRAWN.get(what, ()) or value is None:
        return value
    if key in BY_KIND and isinstance(value, Mapping) and value:
        families = {*FAMILIES, *FROM_TABLE}
        if not set(value) <= families:
            return {kind: _drawn(each, data) for kind, each in _of_kinds(value, kinds)}
    return _drawn(value, data)


def _of_kinds(value: Mapping[str, Any], kinds: Iterable[str]) -> Iterable[tuple[str, Any]]:
    """A distribution for each kind of customers.

    Raises:
        StudyError: a name is that of no kind, and of no family.
    """
    known = [*kinds]
    for name in value:
        if name not in known:
            found = f"{name!r:.60} is no family of distributions and no kind of customers"
            expected = f"expected one of the families {listing(FAMILIES, 20)}; or of the kinds {listing(known)}"
            raise StudyError(Fault("simulation.distribution", found, expected, did_you_mean(name, [*known, *FAMILIES])))
    return value.items()


def _of_source(key: str, name: str, data: Data) -> Any:
    """What a source takes from a table: times to play back, gaps to draw from, or rates by intervals."""
    if key == "trace":
        return data.times(name)
    if key == "data":
        found = data.of(name, np.ones(2))
        data.look(name) if found.times else None
        return _gaps(found) if found.times else found.values
    seen = data.look(name)
    if seen is None:
        if data.series is None:
            return 1.0
        few = data.of(name, np.ones(1)).values.size
        raise DataError(Fault("simulation.times", f"{few} arrivals tell no rate", "expected 10 at least"))
    return seen.rate


def _piece(each: Any) -> tuple[float, int]:
    try:
        length, servers = each
        return float(length), int(servers) if servers == int(servers) else servers
    except (TypeError, ValueError, OverflowError):
        found, expected = f"a piece of the calendar is {each!r:.60}", "expected [duration, servers]"
        raise StudyError(Fault("simulation.calendar", found, expected)) from None


def _drawn(value: Any, data: Data) -> Distribution:
    if isinstance(value, Mapping) and len(value) == 1:
        how, name = next(iter(value.items()))
        if how in FROM_TABLE and isinstance(name, str):
            return data.drawn(how, name)
        if how in ("empirical", "trace", "data") and isinstance(name, Mapping) and "values" in name:
            name = name["values"]
        if how == "data":
            return empirical(name)
    if isinstance(value, Mapping) and len(value) != 1:
        found = f"{len(value)} names in place of a distribution"
        expected = 'expected one family, e.g. { exponential = { mean = 1.5 } }, or { fit = "table" }'
        raise StudyError(Fault("simulation.distribution", found, expected))
    return distribution(value)


def _keyed(error: PotomacError, what: str, n: int, part: Mapping[str, Any]) -> PotomacError:
    """Keys that count from the part's place in its list."""

    def faults() -> Iterator[Fault]:
        for fault in error.faults:
            key, name = fault.key, str(part.get("start" if what == "route" else "name", ""))
            for lead in (f"{what}.{name}.", f"{what}.{name}"):
                if key.startswith(lead):
                    key = key[len(lead) :]
                    break
            first = key.split(".")[0]
            inner = first if first in part else "name" if fault.code == "simulation.name" else ""
            yield replace(fault, key=f"{what}.{n}" + (f".{inner}" if inner else ""))

    return type(error)(faults())


def found_in(parts: Parts, fault: Fault) -> Fault:
    """A fault of the whole model with the place in the study: by its key, else by the part that it names."""
    at = place_of(parts, fault.key) if fault.key else None
    if at is not None:
        what, n, inner = at
        first = inner.split(".")[0]
        return replace(fault, key=f"{what}.{n}" + (f".{first}" if first in parts[what][n] else ""))
    for what in ("route", "station", "stock", "source", "component", "system"):
        for n, part in reversed([*enumerate(parts.get(what, ()))]):
            name = str(part.get("start" if what == "route" else "name", ""))
            drawn = next((key for key in DRAWN.get(what, ()) if f"'{name}/{key}" in fault.found), "")
            if drawn in parts[what][n]:
                return replace(fault, key=f"{what}.{n}.{drawn}")
            if name and any(said in fault.found for said in (f"'{name}'", f" {name} ")):
                return replace(fault, key=f"{what}.{n}")
    return fault
