"""Tables of a study -> the result: whether a recommender pays, how good it is, and who is offered what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Result
from potomac.errors import DataError, Fault, PotomacError
from potomac.recommend.attributes.features import described
from potomac.recommend.judging.verdict import Readiness, readiness
from potomac.recommend.matrix.bounds import held
from potomac.recommend.methods import method_named
from potomac.recommend.offering.picks import picked
from potomac.recommend.offering.rules import Resolved
from potomac.recommend.parameters import fresh
from potomac.recommend.popular import Popular
from potomac.recommend.recommender import Recommender
from potomac.recommend.telling import told
from potomac.recommend.telling.examples import examples_of
from potomac.recommend.telling.found import Found
from potomac.recommend.telling.lists import Lists, asked
from potomac.recommend.telling.live import kept
from potomac.recommend.telling.question import Question
from potomac.recommend.telling.reading import Read, catalogue, read
from potomac.recommend.testing.evaluation import Evaluation, evaluate
from potomac.tables import Table

__all__ = ["answer", "check"]

Ints = npt.NDArray[np.int64]

REASONED = 10_000
"""People up to whom every list says why: a reason takes longer than a list."""
COMPARED = 5_000_000
"""Interactions up to which other methods are tested beside the one that is chosen."""
SHARES = ("density", "new people", "new items", "concentration", "repeats")
"""Checks of readiness whose values are shares."""
METHODS = pa.schema(
    [("key", pa.string()), ("method", pa.string()), ("made", pa.bool_())]
    + [(name, pa.float64()) for name in ("ndcg", "low", "high", "gain", "gain_low", "gain_high", "coverage", "recall",
                                         "novelty", "diversity", "popularity")]
)  # fmt: skip
TAIL = 100_000
"""Items of which the table of popularity has a row; of more, the most popular."""


def answer(tables: Mapping[str, Table], question: Question, progress: Progress) -> Result:
    """Answer a study.

    Args:
        tables: ``interactions``, and where there is a catalogue ``items``.
        question: what is asked.
        progress: is told what is done.

    Raises:
        StudyError: what is asked does not fit together.
        DataError: a table is wrong.
        NoAnswer: there is nothing to learn from, or nothing may be offered.
    """
    _made(question.method, question)  # what is wrong with it is told before anything is read
    known = read(tables["interactions"], tables.get("items"), question, progress)
    rules, picks = _resolved(known, question)
    judged = _judged(known, question, progress)
    method, why = _method(judged, known, question)
    test, untested = _tested(method, known, question, progress)
    model = _fitted(method, test, known, progress)
    users, unknown = asked(question.users, known)
    many = len(known.every.users) if users is None else len(users)
    lists = Lists(model, known, question.ordering, rules, users, reasons=many <= REASONED)
    choice = _choice(method, test, model)
    notes = (*known.notes, *unknown, *(_unreasoned(many) if many > REASONED else ()))
    found = Found(question, known, judged, model, why, choice, method.name, test, untested, lists, picks, {}, notes)
    o = question.ordering
    stored = kept(model, rules, seen=o.seen, novelty=o.novelty, diversity=o.diversity, calibration=o.calibration)
    return told.result(replace(found, tables=dict(_tables(found, progress))), stored)


def check(tables: Mapping[str, Table], question: Question) -> None:
    """Say what a run would say of the method, the picks and the rules before it learns anything.

    Raises:
        StudyError: the method has no such parameter.
        DataError: a pick or an item of a rule is not in the catalogue.
        NoAnswer: the rules leave nothing to offer.
    """
    _made(question.method, question)
    if "items" in tables:
        items = catalogue(tables["items"], question)
        question.rules.resolved(items)
        picked(question.picks, items)


# ---- what may be offered ------------------------------------------------------------------------------------------


def _resolved(known: Read, question: Question) -> tuple[Resolved, Ints]:
    """The rules, and the editor's picks, in item numbers."""
    rules = replace(question.rules, available=known.may) if question.available else question.rules
    return rules.resolved(known.items), picked(question.picks, known.items)


# ---- the verdict --------------------------------------------------------------------------------------------------


def _judged(known: Read, question: Question, progress: Progress) -> Readiness:
    items = known.items if known.listed else None
    return readiness(known.likes, items, n=question.test.k, seed=question.seed, progress=progress)


def _method(judged: Readiness, known: Read, question: Question) -> tuple[Recommender, str]:
    """The method that makes the lists, not fitted, and why it is this one."""
    if question.method != "auto":
        return _made(question.method, question), "The study names it."
    if judged.verdict == "not_yet":
        if question.picks:
            why = "No personal list pays yet, so everybody is offered the editor's picks and the most popular."
            return _made("picks", question), why
        return _made("popular", question), "No personal list pays yet, so everybody is offered the most popular."
    if judged.verdict == "content_based":
        why = "Attributes of the items foretell what people choose, and other people's choices do not do better."
        return _auto(question, ("popular", "content")), why
    return _auto(question, None), "Of several methods it did best on what was held out to choose among them."


def _auto(question: Question, methods: tuple[str, ...] | None) -> Recommender:
    """The choice among methods, by a test of the kind that the study asks for."""
    test = question.test
    return method_named("auto")(methods=methods, split=test.split, last=test.last, k=test.k, seed=question.seed)  # type: ignore[call-arg]


def _made(name: str, question: Question) -> Recommender:
    """A method with the parameters that the study gives."""
    kind = method_named(name)
    own = OWN_NAMES.get(name, {})
    given = {own.get(key, key): value for key, value in question.parameters.items()}
    with _told_of_model(own):
        if name == "picks":
            return held(kind(picks=list(question.picks), **given))  # type: ignore[call-arg]
        made = kind()
        return held(fresh(made, **({"seed": question.seed} if hasattr(made, "seed") else {}), **given))


OWN_NAMES = {"item_knn": {"neighbours": "k"}}
"""What parameters of a study are called where a method calls them otherwise."""


@contextmanager
def _told_of_model(own: Mapping[str, str]) -> Iterator[None]:
    """Faults of a method's parameters are told at the keys of the study."""
    keys = {name: key for key, name in own.items()}
    try:
        yield
    except PotomacError as error:
        if not all(fault.code in ("recommend.parameter", "recommend.singular") for fault in error.faults):
            raise
        keyed = (replace(fault, key=f"model.{keys.get(fault.key, fault.key)}") for fault in error.faults)
        raise type(error)(keyed) from error


# ---- the test -----------------------------------------------------------------------------------------------------


def _tested(
    method: Recommender, known: Read, question: Question, progress: Progress
) -> tuple[Evaluation | None, str]:  # fmt: skip
    """The test of the method beside popularity and other methods, or why there is none."""
    test = question.test
    try:
        found = evaluate(
            _competitors(method, known, question), known.likes, known.items if known.listed else None,
            split=test.split, k=test.k, last=test.last, share=test.share, test_users=test.test_users,
            confidence=test.confidence, seed=question.seed, baseline="popular", progress=progress,
        )  # fmt: skip
    except DataError as error:
        if test.asked or any(fault.code not in ("recommend.split-empty",) for fault in error.faults):
            raise DataError(replace(fault, key=_key_of(fault)) for fault in error.faults) from error
        return None, error.faults[0].found
    return found, ""


def _key_of(fault: Fault) -> str:
    """The key of the study that a fault of the test is about."""
    table = {"value": "interactions.columns.value", "items": "items"}
    return table.get(fault.key, f"evaluation.{fault.key}")


def _competitors(method: Recommender, known: Read, question: Question) -> dict[str, Recommender]:
    """What is tested: popularity, the method, and others beside it."""
    named: dict[str, Recommender] = {"popular": Popular()}
    names = question.test.methods
    if names is None:
        names = tuple(_fitting(known)) if known.likes.nnz <= COMPARED else ()
    for name in names:
        named.setdefault(name, method if name == method.name else method_named(name)())
    return {**named, method.name: method} if method.name != "popular" else {**named, "popular": method}


def _fitting(known: Read) -> Iterator[str]:
    """Methods that the data allow."""
    if known.likes.n_users < 2 or known.likes.n_items < 2:
        return
    yield "item_knn"
    if known.likes.n_items <= 20_000:
        yield "ease"
    yield "als"
    if known.listed and described(known.items):
        yield "content"


def _fitted(method: Recommender, test: Evaluation | None, known: Read, progress: Progress) -> Recommender:
    """The method, fitted to everything; what was chosen in the test is not chosen again."""
    tested = test.models.get(method.name) if test is not None else None
    chosen = getattr(tested, "chosen_", None)
    made = method if chosen is None else fresh(chosen)
    progress("fitting", 0)
    return made.fit(known.likes, known.items if known.listed else None, progress=progress)


def _choice(method: Recommender, test: Evaluation | None, model: Recommender) -> str:
    """How a method was chosen, where it was."""
    tested = test.models.get(method.name) if test is not None else None
    return str(getattr(tested, "note", "") or getattr(model, "note", ""))


# ---- tables -------------------------------------------------------------------------------------------------------


def _tables(found: Found, progress: Progress) -> Iterator[tuple[str, pa.Table]]:
    yield "recommendations", found.lists.table(progress)
    yield "readiness", _readiness(found.judged.checks)
    if found.test is not None:
        yield "evaluation", found.test.table
        yield "gains", found.test.gains
        yield "methods", _methods(found.test, found.chosen)
    if found.judged.curve.num_rows:
        yield "curve", found.judged.curve
    yield "popularity", _popularity(found.read)
    yield "everybody", _everybody(found)
    people = examples_of(found)
    if people is not None:
        yield "people", people


def _readiness(checks: pa.Table) -> pa.Table:
    """The checks, their values as a reader has them beside the numbers: shares and gains in per cent."""

    def said(check: str, value: float | None) -> str:
        if value is None:
            return ""
        return f"{100 * value:.3g} %" if check in SHARES or check.startswith("gain") else f"{value:,.10g}"

    pairs = zip(checks["check"].to_pylist(), checks["value"].to_pylist(), strict=True)
    return checks.append_column("found", pa.array([said(*pair) for pair in pairs], pa.string()))


def _methods(test: Evaluation, chosen: str) -> pa.Table:
    """A row for each method: what it reached at the longest list, with its gain over popularity in per cent."""
    k = test.k[-1]
    figure = {(row["method"], row["metric"]): row for row in test.table.to_pylist()}
    gains = {row["method"]: row for row in test.gains.to_pylist() if row["metric"] == f"ndcg@{k}"}
    base = figure[test.baseline, f"ndcg@{k}"]["mean"]

    def percent(row: Mapping[str, Any] | None, name: str) -> float | None:
        return None if row is None or row[name] is None or not base else 100 * row[name] / base

    rows = []
    for key in test.models:
        ndcg, gain = figure[key, f"ndcg@{k}"], gains.get(key)
        rows.append(
            {"key": key, "method": _label(key, test.models[key]), "made": key == chosen, "ndcg": ndcg["mean"],
             "low": ndcg["low"], "high": ndcg["high"], "gain": percent(gain, "gain"), "gain_low": percent(gain, "low"),
             "gain_high": percent(gain, "high"), "coverage": 100 * figure[key, f"coverage@{k}"]["mean"],
             **{name: figure[key, f"{name}@{k}"]["mean"] for name in ("recall", "novelty", "diversity", "popularity")}}
        )  # fmt: skip
    return pa.Table.from_pylist(rows, METHODS)


def _label(key: str, model: Recommender) -> str:
    """What a method is called; of what was chosen, which it is."""
    chosen = getattr(model, "chosen_", None)
    return told.NAMES.get(key, key) if chosen is None else f"{told.NAMES.get(chosen.name, chosen.name)}, tuned"


def _everybody(found: Found) -> pa.Table:
    """The list for people of whom nothing is known: the editor's picks, then the most popular that may be offered."""
    known, allowed = found.read, found.lists.rules.allowed
    counts = known.likes.of_items
    picks = found.picks[allowed[found.picks]]
    order = np.argsort(-counts, kind="stable")
    order = order[allowed[order] & ~np.isin(order, picks)]
    at = np.concatenate((picks, order))[: max(found.question.ordering.n, len(picks))]
    why = ["an editor's pick" if k < len(picks) else "popular" for k in range(len(at))]
    return pa.table(
        {
            "rank": np.arange(1, len(at) + 1),
            "item": known.every.items.take(pa.array(at)),
            "title": known.items.titles.take(pa.array(at)),
            "people": counts[at],
            "why": why,
        }
    )


def _popularity(known: Read) -> pa.Table:
    """Items by how many people had to do with them, and the share of all interactions that the first so many have."""
    counts = known.likes.of_items
    order = np.argsort(-counts, kind="stable")[:TAIL]
    at = pa.array(order)
    return pa.table(
        {
            "rank": np.arange(1, len(order) + 1),
            "item": known.every.items.take(at),
            "title": known.items.titles.take(at),
            "people": counts[order],
            "share": np.cumsum(counts[order]) / max(1, counts.sum()),
        }
    )


def _unreasoned(many: int) -> tuple[str, ...]:
    mend = "ask the product for one person's, or name users in [model]."
    return (f"For as many as {many:,} people reasons are not written beside the lists: {mend}",)
