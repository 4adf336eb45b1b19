"""Tables of a study -> the result: measures with intervals, scenarios side by side, what was fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from potomac.engine import Progress, Result, Rows
from potomac.errors import Fault, PotomacError
from potomac.simulation.comparing import compare
from potomac.simulation.executors.log import loggable, schema
from potomac.simulation.output import Asked, Simulated, simulate
from potomac.simulation.telling import told
from potomac.simulation.telling.building import Data, found_in, model_of
from potomac.simulation.telling.foreseen import foresee, named, with_quantile
from potomac.simulation.telling.found import AS_IS, Found, Told, main_of, tables_of
from potomac.simulation.telling.live import kept
from potomac.simulation.telling.question import Parts, Question, changed
from potomac.simulation.telling.reading import data_of
from potomac.tables import Table

__all__ = ["answer", "asked_of", "check"]

T = TypeVar("T")


def answer(tables: Mapping[str, Table], question: Question, progress: Progress) -> Result:
    """Answer a study.

    Args:
        tables: ``data.NAME``, each with observed values.
        question: what is asked.
        progress: told what is done.

    Raises:
        StudyError: the model, or what is asked, is wrong.
        DataError: a table is wrong.
        NoAnswer: a station is unstable and no end is given; a trace ended; runs are too short for the long run.
    """
    progress("fitting tables", 0)
    data = data_of(tables, question)
    declared, asked = model_of(question.name, question.parts, data).checked(), asked_of(question)
    if question.log:
        loggable(declared, question.until)
    named(declared, asked, question.observed)
    run = _in_words_of(question.parts, lambda: simulate(declared, asked, progress))
    main = main_of(run, question.of)
    scenarios = _scenarios(question, data, run, f"{main.where}:{main.measure}", progress)
    found = Found(question, data, run, main, scenarios)
    result = told.result(found, tables_of(found), kept(found))
    if not question.log:
        return result
    return replace(result, tables={**result.tables, "events": Rows(schema(), lambda: run.events(progress=progress))})


def check(tables: Mapping[str, Table], question: Question) -> None:
    """See whether the model, its tables fitted, and its scenarios have an answer, as far as it is known beforehand.

    Raises:
        NoAnswer: a station is unstable and no end is given; a mean has no valid interval; the runs are too short.
        DataError, StudyError: a table, the model or what is asked of it is wrong.
    """
    data, asked = data_of(tables, question), asked_of(question)
    declared = model_of(question.name, question.parts, data).checked()
    if question.log:
        loggable(declared, question.until)
    _in_words_of(question.parts, lambda: foresee(declared, asked))
    named(declared, asked, question.observed)
    for n, scenario in enumerate(question.scenarios):
        try:
            foresee(model_of(question.name, changed(question.parts, scenario.set), data).checked(), asked)
        except PotomacError as error:
            raise type(error)(_said_of(scenario.name, n, f) for f in error.faults) from error


def asked_of(q: Question) -> Asked:
    """How the model is run."""
    asked = Asked(
        q.until, q.replications, q.precision, q.of, q.warmup, q.confidence, tuple(q.quantiles), q.most, q.seed,
        budget=q.budget, antithetic=q.antithetic,
    )  # fmt: skip
    return with_quantile(asked)


def _in_words_of(parts: Parts, do: Callable[[], T]) -> T:
    """Run the model, or look at it; faults have the keys of the study."""
    try:
        return do()
    except PotomacError as error:
        raise type(error)(f if f.key.startswith("run.") else found_in(parts, f) for f in error.faults) from error


def _scenarios(question: Question, data: Data, run: Simulated, main: str, progress: Progress) -> tuple[Told, ...]:
    """Each scenario beside the model as it is, by common random numbers."""
    if not question.scenarios:
        return ()
    models = {AS_IS: model_of(question.name, question.parts, data)}
    for n, scenario in enumerate(question.scenarios):
        try:
            models[scenario.name] = model_of(question.name, changed(question.parts, scenario.set), data)
        except PotomacError as error:
            raise type(error)(replace(f, key=f"scenario.{n}.set") for f in error.faults) from error
    try:
        compared = compare(
            models, main, until=question.until, replications=max(len(run.runs), 2), warmup=question.warmup,
            confidence=question.confidence, seed=question.seed, progress=progress,
        )  # fmt: skip
    except PotomacError as error:
        raise type(error)(_of_scenario(question, f) for f in error.faults) from error
    apart = {d.second: d for d in compared.differences if d.first == AS_IS}
    return tuple(
        Told(name, each) if name == AS_IS else Told(name, each, -apart[name].mean, -apart[name].high, -apart[name].low)
        for name, each in compared.runs.items()
    )


def _of_scenario(question: Question, fault: Fault) -> Fault:
    """A fault of one of the scenarios, at its place in the study."""
    for n, scenario in enumerate(question.scenarios):
        if fault.key == scenario.name or fault.key.startswith(f"{scenario.name}."):
            return _said_of(scenario.name, n, fault)
    return found_in(question.parts, replace(fault, key=fault.key.removeprefix(f"{AS_IS}.").removeprefix(AS_IS)))


def _said_of(name: str, n: int, fault: Fault) -> Fault:
    return replace(fault, found=f"scenario {name}: {fault.found}", key=f"scenario.{n}.set")
