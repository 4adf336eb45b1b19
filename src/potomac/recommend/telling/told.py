"""The result in words: the verdict first, facts, notes, method, and how the report shows the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

import pyarrow as pa

from potomac.engine import Fact, Result, Show
from potomac.recommend.judging.trial import Gain
from potomac.recommend.recommender import Recommender
from potomac.recommend.telling.found import Found

__all__ = ["NAMES", "result"]

NAMES: Mapping[str, str] = {
    "popular": "the most popular", "picks": "editor's picks", "item_knn": "similar items",
    "ease": "EASE", "als": "ALS", "factors": "matrix factors", "content": "what items are like", "hybrid": "a blend",
    "auto": "what was chosen", "next_item": "what comes next",
}  # fmt: skip
"""What a method is called in a sentence and beside a mark."""


def result(found: Found, model: Mapping[str, pa.Table]) -> Result:
    """Put tables and words together."""
    return Result(
        answer=_answer(found),
        facts=(*_verdict(found), *_tested(found), *_counted(found)),
        tables=found.tables,
        notes=tuple(_notes(found)),
        method=tuple(_method(found)),
        sources=SOURCES,
        show=tuple(_show(found)),
        model=model,
    )


# ---- the sentence -------------------------------------------------------------------------------------------------


def _answer(found: Found) -> str:
    """The verdict, what to do, and what was made."""
    judged = found.judged
    parts = [judged.sentence]
    if judged.verdict == "not_yet" and judged.advice:
        parts.append(judged.advice[0])
    return " ".join((*parts, _made(found)))


def _made(found: Found) -> str:
    people, n = len(found.lists.ids), found.question.ordering.n
    many = "one person gets" if people == 1 else f"{people:,} people get"
    if not found.personal:
        what = "the editor's picks, then the most popular" if found.model.name == "picks" else NAMES[found.model.name]
        return f"{many[:1].upper()}{many[1:]} the same list of {n:,}: {what}."
    all_the_same = ", as the study asks all the same" if found.judged.verdict == "not_yet" else ""
    return f"{many[:1].upper()}{many[1:]} lists of {n:,} by {_called(found.model)}{all_the_same}."


def _called(model: Recommender) -> str:
    chosen = getattr(model, "chosen_", None)
    return _called(chosen) if chosen is not None else NAMES.get(model.name, model.name)


# ---- facts --------------------------------------------------------------------------------------------------------


def _verdict(found: Found) -> Iterator[Fact]:
    judged = found.judged
    meaning = "Whether to build a recommender: not_yet, content_based or collaborative."
    yield Fact("verdict", judged.verdict, meaning, key=True)
    if judged.gain is not None:
        yield _gain("gain", judged.gain, "what similar people did", key=True, label="gain of collaboration")
    if judged.content_gain is not None:
        key = judged.verdict == "content_based"
        yield _gain("content_gain", judged.content_gain, "what items are like", key=key, label="gain of attributes")
    u = judged.until
    if judged.verdict == "not_yet" and u is not None and u.interactions is not None and u.interactions > u.have:
        meaning = "Interactions at which lists from other people would be worth having, if the learning curve goes on."
        high = u.high if isfinite(u.high) else None
        yield Fact("interactions_needed", round(u.interactions), meaning, min(u.low, u.interactions), high)


def _gain(name: str, gain: Gain, by: str, *, key: bool, label: str) -> Fact:
    value, low, high = (100 * x if isfinite(x) else None for x in (gain.relative, gain.low, gain.high))
    meaning = (
        f"By how much lists from {by} foretell better than the best list for all (nDCG), with its "
        f"{100 * gain.confidence:g} % interval over {gain.people:,} people."
    )
    if value is not None:  # a bootstrap interval need not hold the estimate
        low, high = None if low is None else min(low, value), None if high is None else max(high, value)
    return Fact(name, value, meaning, low, high, "%", key=key, label=label)


def _tested(found: Found) -> Iterator[Fact]:
    """What the lists that are offered reached in the test."""
    yield Fact("method", found.model.name, f"The method that makes the lists. {found.why}", label="method of the lists")
    if found.test is None:
        return
    k, at = found.test.k[-1], found.chosen
    if (f := _figure(found, at, "ndcg")) is not None:
        said = f"Normalised discounted gain of the first {k} (1: what was held out stands first), mean over the people."
        yield Fact("ndcg", f[0], said, f[1], f[2], label=f"accuracy (nDCG @ {k})")
    if (f := _figure(found, at, "recall")) is not None:
        said = f"Share of what was held out that is among the first {k}, mean over the people."
        yield Fact("recall", f[0], said, f[1], f[2], label=f"recall @ {k}")
    if (f := _figure(found, at, "coverage")) is not None:
        yield Fact("coverage", 100 * f[0], f"Share of the catalogue that is in somebody's first {k}.", unit="%",
                   label=f"coverage @ {k}")  # fmt: skip
    if at != "popular" and (f := _figure(found, "popular", "ndcg")) is not None:
        said = f"Normalised discounted gain of the first {k} of the most popular, mean over the people."
        yield Fact("ndcg_popular", f[0], said, f[1], f[2], label=f"accuracy of popularity (nDCG @ {k})")
    yield Fact("tested", len(found.test.split.held), "People of whom something was held out.", label="people tested")


def _figure(found: Found, method: str, metric: str) -> tuple[float, float | None, float | None] | None:
    """A figure of the test with its interval, which holds it."""
    assert found.test is not None  # noqa: S101 - asked by the caller
    wanted = (method, f"{metric}@{found.test.k[-1]}")
    for row in found.test.table.to_pylist():
        if (row["method"], row["metric"]) == wanted and row["mean"] is not None:
            value, low, high = row["mean"], row["low"], row["high"]
            return value, None if low is None else min(low, value), None if high is None else max(high, value)
    return None


def _counted(found: Found) -> Iterator[Fact]:
    c, every = found.judged.counts, found.read.every
    yield Fact("people", c.users, "People with an interaction that is learnt from.", key=True)
    yield Fact("items", c.items, "Items of the catalogue, those that nobody chose yet among them.", key=True)
    yield Fact("interactions", c.interactions, "Pairs of a person and an item that are learnt from.", key=True)
    yield Fact("density", 100 * c.density, "Share of all pairs of a person and an item that is known.", unit="%")
    if found.read.likes.nnz < every.nnz:
        yield Fact("ratings", every.nnz, "Pairs of a person and an item with a rating, likes among them.")
    if every.repeated:
        yield Fact("repeated", every.repeated, "Rows that repeat user and item of another.", label="repeated rows")


# ---- notes and method ---------------------------------------------------------------------------------------------


def _notes(found: Found) -> Iterator[str]:
    yield from found.judged.advice
    yield from found.notes
    judged = (note if note.endswith(".") else f"{note}." for note in found.judged.notes)
    yield from (note for note in judged if note not in found.notes)
    if found.test is None:
        yield f"Nothing was tested: {found.untested}."
    else:
        yield from found.test.notes
    if found.choice:
        yield f"How the method was chosen: {found.choice}."
    if found.question.picks and found.personal:
        yield (
            "The editor's picks stand first in the list for everybody, not in the lists of persons; rules.pins puts "
            "items first in every list."
        )
    yield (
        "What people choose depends on what they are shown. A held-out test says what a list foretells, not what it "
        "changes; that only a trial with people tells."
    )


def _method(found: Found) -> Iterator[str]:
    judged, question = found.judged, found.question
    yield (
        "The verdict: what each person did last was held out. Models from other people's choices and from attributes "
        "must foretell it better than the best list that is the same for everybody (the most popular of all time or of "
        "those days), by 10 % at least and beyond chance. Each half of the people is judged with the models that did "
        "best for the other half."
    )  # fmt: skip
    if judged.curve.num_rows:
        yield (
            "The learning curve: the same people are foretold by models that learnt from a part of the others; the "
            "smaller parts are within the larger ones."
        )
    if found.test is not None:
        t = question.test
        how = {
            "leave_last_out": f"the last {t.last} of each person are held out",
            "time": "everything after one moment is held out",
            "strong": "people are held out whole, and a part of their history is foretold from the rest",
        }[t.split]
        yield (
            f"The test: {how}; models are fitted to the rest and rank all items, none is drawn. Intervals "
            f"({100 * t.confidence:g} %) are percentiles of a bootstrap over the people, the same resamples for all."
        )
    yield f"The lists come from {_called(found.model)}. {found.why} It was fitted to everything."


SOURCES = (
    "Steck, Embarrassingly shallow autoencoders for sparse data, WWW (2019).",
    "Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets, ICDM (2008).",
    "Krichene and Rendle, On sampled metrics for item recommendation, KDD (2020).",
    "Ferrari Dacrema, Cremonesi and Jannach, Are we really making much progress? RecSys (2019).",
    "Efron and Tibshirani, An Introduction to the Bootstrap (1993).",
)


# ---- what the report shows ----------------------------------------------------------------------------------------

LABELS = {
    "ndcg": "nDCG", "gain": "gain", "gain_low": "its interval", "gain_high": "its interval", "reason": "why",
}  # fmt: skip


def _show(found: Found) -> Iterator[Show]:
    yield Show(
        "readiness", "Should we build it?", ("check", "found", "needed", "verdict", "why"),
        caption="What was looked at, what is needed, and why it matters. One that is short alone decides nothing: the "
        "gains do.",
    )  # fmt: skip
    if "methods" in found.tables:
        k = found.question.test.k
        yield Show(
            "methods", "How well each method foretells",
            ("method", "ndcg", "low", "high", "gain", "gain_low", "gain_high", "recall", "coverage", "novelty"),
            caption=f"Of what was held out, lists of {k}. Gains are over the most popular. Coverage: share of the "
            "catalogue that is in somebody's list. Novelty: bits, more where fewer people know the items. All figures "
            "are in the table evaluation.",
            units={"gain": "%", "gain_low": "%", "gain_high": "%", "coverage": "%"}, labels=LABELS,
        )  # fmt: skip
    yield Show(
        "everybody", "What to show to everybody", ("rank", "title", "people", "why"), rows=20, labels=LABELS,
        caption="For people of whom nothing is known, and for all as long as the verdict is not yet.",
    )  # fmt: skip
    if "people" in found.tables:
        yield Show(
            "people", "What somebody liked, and is offered", ("person", "liked", "offered", "reason"), rows=120,
            caption="A few people, from short to long histories. What they liked last stands first.",
            labels={"reason": "because of"},
        )  # fmt: skip
    if found.question.ids:
        yield Show(
            "recommendations", "Who is offered what", ("user", "rank", "title", "score", "reason"), rows=100,
            caption="The whole table is in tables/recommendations.parquet.",
        )  # fmt: skip
