"""Should we build it? The verdict before any recommender, with its reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from potomac.engine import Progress, Quiet
from potomac.errors import DataError, Fault, NoAnswer, StudyError
from potomac.recommend.attributes.content import Content
from potomac.recommend.judging.checks import advice_of, checks_of, sentence_of
from potomac.recommend.judging.counts import Counts, counts_of, judged
from potomac.recommend.judging.curve import CURVE, Until, learning_curve, until
from potomac.recommend.judging.trial import Gain, Trial, gain_of, tried
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.recommender import Recommender
from potomac.recommend.regression.ease import EASE
from potomac.recommend.regression.neighbours import ItemKNN
from potomac.recommend.testing.splits import Split, leave_last_out
from potomac.stats.streams import Stream

__all__ = ["BROWSE", "CONFIDENCE", "PEOPLE", "WORTH", "Readiness", "Reason", "Verdict", "readiness", "verdict_of"]

Verdict = Literal["not_yet", "content_based", "collaborative"]
Reason = Literal["browse", "few", "chance", "small", "content", "collaborative"]

BROWSE = 50
"""Items that a person can look through: a page or a few of them."""
PEOPLE = 100
"""Test people below whom a gain that is worth having cannot be told from chance."""
WORTH = 0.10
"""Relative gain in nDCG below which a model is not worth its upkeep."""
CONFIDENCE = 0.995
"""Of the interval of a gain: data in which nothing is to be found pass it once in four hundred times."""
TESTED = 5_000
"""People who are tested at most."""
INTERACTIONS = 1_000_000
"""That are judged by at most."""
EXACT = 3_000
"""Items that EASE knows at most; where there are more, neighbours are tried beside it."""
STEPS = (0.3, 1.0, 4.0)
"""Times the usual regularization of EASE."""


@dataclass(frozen=True, eq=False)
class Readiness:
    """Whether to build a recommender, and why.

    Attributes:
        verdict: not_yet, content_based or collaborative.
        reason: what decided: ``browse`` (a catalogue that one looks through), ``few`` (too few people to tell),
            ``chance`` (no personal list beats the list for all), ``small`` (one does, by too little), ``content``,
            ``collaborative``.
        sentence: the verdict in words.
        advice: what to do, in sentences.
        checks: columns check, value, needed, verdict (ok, short or info) and why.
        gain: of the best collaborative model over the best list for all; None where it could not be tested.
        content_gain: of the content-based model over it; None also where there are no attributes.
        curve: of the collaborative model, see :data:`potomac.recommend.judging.curve.CURVE`.
        until: interactions at which it would be worth having; None where there is no curve.
        counts: of the interactions and the catalogue.
        notes: what was left out, and how it was judged.
    """

    verdict: Verdict
    reason: Reason
    sentence: str
    advice: tuple[str, ...]
    checks: pa.Table
    gain: Gain | None
    content_gain: Gain | None
    curve: pa.Table
    until: Until | None
    counts: Counts
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Readiness {self.verdict}: {self.sentence}>"


def verdict_of(
    items: int, tested: int, collaborative: Gain | None, content: Gain | None, *, browse: int = BROWSE,
    people: int = PEOPLE, worth: float = WORTH,
) -> tuple[Verdict, Reason]:  # fmt: skip
    """The verdict, as a tree of decisions.

    1. Whoever can look through the catalogue needs no recommender, however well one would do.
    2. With few test people nobody can know.
    3. A personal list pays if it is better than the best list for all beyond chance, and by so much that it is worth
       its upkeep. What pays is built; of the two the one that does more for people.
    4. Attributes work from the first day and for new items: they are the answer where what others did is not better.

    Args:
        items: size of the catalogue.
        tested: people who were tested.
        collaborative: gain of what learns from others; None where there is none.
        content: gain of what learns from attributes; None where there is none.
        browse: items that a person can look through.
        people: test people who are needed.
        worth: relative gain that is worth having.
    """
    if items <= browse:
        return "not_yet", "browse"
    if tested < people:
        return "not_yet", "few"
    pays, helps = (gain is not None and gain.sure and gain.relative >= worth for gain in (collaborative, content))
    if (
        pays
        and collaborative is not None
        and (content is None or not helps or collaborative.personal >= content.personal)
    ):
        return "collaborative", "collaborative"
    if helps:
        return "content_based", "content"
    if any(gain is not None and gain.sure for gain in (collaborative, content)):
        return "not_yet", "small"
    return "not_yet", "chance"


def readiness(
    interactions: Any,
    items: Any = None,
    *,
    like: float | None = None,
    n: int = 10,
    browse: int = BROWSE,
    worth: float = WORTH,
    confidence: float = CONFIDENCE,
    models: Mapping[str, Sequence[Recommender]] | None = None,
    growth: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Readiness:
    """Whether a recommender pays, by what there is to learn from.

    What each person did last is held out. A personal list must foretell it better than the best list that is the same
    for everybody (the most popular of all time, or of those days): so much better that it is worth having, and more
    surely than by chance.

    Args:
        interactions: Interactions, or a table as :meth:`Interactions.of` takes it; each counts alike.
        items: the catalogue with its attributes, or None.
        like: where values are ratings, those at or above it count, and the others are left away.
        n: length of the lists.
        browse: items that a person can look through.
        worth: relative gain that is worth having, a share.
        confidence: of the intervals of gains, a share.
        models: what is tried, by kind (``collaborative``, ``content``); default by the size of the data.
        growth: whether to draw the learning curve; the verdict does not rest on it.
        seed: draws people and resamples.
        progress: is told how far it is.

    Raises:
        StudyError: an argument is out of range, or a column is missing.
        DataError: there is not a single interaction (that is liked).
    """
    _check(n, worth, confidence)
    told = progress or Quiet()
    catalogue = None if items is None else Items.of(items)
    known = _liked(Interactions.of(interactions, items=None if catalogue is None else catalogue.ids), like)
    counts = counts_of(known, catalogue, n)
    people, notes = judged(known, INTERACTIONS, seed)
    stream = Stream(seed).child("recommend", "readiness")
    split = _held_out(people, seed)
    if split is None:
        return _told(counts, None, None, CURVE.empty_table(), None, notes, browse, worth)
    candidates = _candidates(split, catalogue) if models is None else models
    trial = tried(split, catalogue, candidates, n, seed=seed, progress=told)
    gain, content = (_gain(trial, kind, confidence, stream) for kind in ("collaborative", "content"))
    curve, when = CURVE.empty_table(), None
    if gain is not None and growth:
        drawn = learning_curve(
            split, catalogue, trial.chosen("collaborative"), trial.which, trial.half, n, seed=seed, progress=told
        )
        curve, when = drawn.table(stream), until(drawn, worth, stream)
    return _told(counts, gain, content, curve, when, (*notes, *split.notes), browse, worth)


def _told(
    counts: Counts, gain: Gain | None, content: Gain | None, curve: pa.Table, when: Until | None,
    notes: tuple[str, ...], browse: int, worth: float,
) -> Readiness:  # fmt: skip
    tested = max((one.people for one in (gain, content) if one is not None), default=0)
    verdict, reason = verdict_of(counts.items, tested, gain, content, browse=browse, worth=worth)
    return Readiness(
        verdict, reason, sentence_of(reason, counts, gain, content), advice_of(reason, counts, when),
        checks_of(counts, gain, content, when, tested=tested, browse=browse, people=PEOPLE, worth=worth),
        gain, content, curve, when, counts, notes,
    )  # fmt: skip


def _check(n: int, worth: float, confidence: float) -> None:
    if n < 1:
        raise StudyError(Fault("recommend.n", f"n is {n}", "expected 1 or more", key="n"))
    if not worth >= 0:
        raise StudyError(Fault("recommend.worth", f"worth is {worth}", "expected a share of 0 or more", key="worth"))
    if not 0 < confidence < 1:
        found = f"confidence is {confidence}"
        raise StudyError(Fault("recommend.confidence", found, "expected between 0 and 1", key="confidence"))


def _liked(interactions: Interactions, like: float | None) -> Interactions:
    liked = interactions if like is None else interactions.keep(interactions.values >= like)
    if not liked.nnz:
        found = "there are no interactions" if like is None else f"no value is {like:g} or more"
        raise DataError(Fault("recommend.empty", found, "expected one at least", key="like" if like else ""))
    return liked


def _held_out(people: Interactions, seed: int) -> Split | None:
    """The last of each person held out: one of five, from one up to five; None where nobody can be tested."""
    entries = people.of_users[people.of_users > 0]
    last = min(max(int(sorted(entries.tolist())[len(entries) // 2]) // 5, 1), 5) if len(entries) else 1
    try:
        return leave_last_out(people, last, test_users=TESTED, seed=seed)
    except DataError:
        return None


def _candidates(split: Split, items: Items | None) -> dict[str, list[Recommender]]:
    """Cheap models that are strong: a few of each kind."""
    guess = EASE.space(split.train)["regularization"][0]
    many = int((split.train.of_items > 0).sum()) > EXACT
    collaborative: list[Recommender] = [EASE(guess * step, max_items=EXACT) for step in ((1.0,) if many else STEPS)]
    collaborative += [ItemKNN()] if many else []
    content: list[Recommender] = []
    if items is not None:
        content = [Content(), Content(popularity=1.0)]  # popularity as learnt, and as it is
        try:
            Content().fit(split.train, items)
        except (NoAnswer, DataError, StudyError):  # nothing by which items differ
            content = []
    return {"collaborative": collaborative, "content": content}


def _gain(trial: Trial, kind: str, confidence: float, stream: Stream) -> Gain | None:
    mine = trial.of(kind)
    if mine is None:
        return None
    name, made = trial.chosen(kind).name, stream.child(kind)
    return gain_of(name, mine, trial.which.name, trial.impersonal, confidence=confidence, stream=made)
