"""The checks of readiness and its verdict in words that whoever pays for it understands."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pyarrow as pa

from potomac.recommend.judging.counts import NEW_ITEM, NEW_PERSON, Counts
from potomac.recommend.judging.curve import Until
from potomac.recommend.judging.trial import Gain

__all__ = ["CHECKS", "advice_of", "checks_of", "sentence_of"]

CHECKS = pa.schema(
    [
        ("check", pa.string()),
        ("value", pa.float64()),
        ("needed", pa.string()),
        ("verdict", pa.string()),
        ("why", pa.string()),
    ]
)
"""A row for each check: a number, what is needed, whether it is ok, short or for information, and why it matters."""

PER_USER, PER_ITEM = 5, 10
"""Median interactions of a person and of an item that collaboration thrives on."""
COLD, HEAD = 0.5, 0.5

_Row = tuple[str, float | None, str, str, str]


def checks_of(
    counts: Counts, gain: Gain | None, content: Gain | None, when: Until | None, *, tested: int, browse: int,
    people: int, worth: float,
) -> pa.Table:  # fmt: skip
    """The table of :data:`CHECKS`."""
    rows: list[_Row] = [
        *_sizes(counts, tested, browse, people),
        *_evidence(counts),
        _gained("gain of collaboration", gain, worth, "what similar people did"),
        *([_gained("gain of attributes", content, worth, "what the catalogue says")] if counts.features else []),
        *([_growth(when)] if when is not None else []),
    ]
    return pa.Table.from_pylist([dict(zip(CHECKS.names, row, strict=True)) for row in rows], CHECKS)


def _ok(fine: bool) -> str:
    return "ok" if fine else "short"


def _sizes(c: Counts, tested: int, browse: int, people: int) -> Iterator[_Row]:
    big = c.items > browse
    said = f"{c.items:,} items are more than anybody looks through" if big else (
        f"a person can look through {c.items:,} items: show them all, in a good order"
    )  # fmt: skip
    yield "catalogue", c.items, f"over {browse:,} items", _ok(big), f"{said}."
    said = f"{c.testable:,} of {c.users:,} people did two things or more, and only from them can taste be learnt"
    yield "people", c.testable, f"{people:,} with two interactions", _ok(c.testable >= people), f"{said}."
    said = f"the verdict rests on {tested:,} people of whom it was known what they did next"
    yield "people tested", tested, f"{people:,}", _ok(tested >= people), f"{said}."
    yield "interactions", c.interactions, "", "info", f"{c.interactions:,} pairs of a person and an item."


def _evidence(c: Counts) -> Iterator[_Row]:
    said = f"of all pairs of person and item {c.density:.2%} are known; that alone decides nothing"
    yield "density", c.density, "", "info", f"{said}."
    said = f"half of the people did {c.per_user:g} thing{_s(c.per_user)} or fewer"
    yield "interactions per person", c.per_user, f"{PER_USER} (median)", _ok(c.per_user >= PER_USER), f"{said}."
    few = f"{c.per_item:g} {'person' if c.per_item == 1 else 'people'} or fewer" if c.per_item else "nobody"
    said = f"half of the items were chosen by {few}"
    yield "interactions per item", c.per_item, f"{PER_ITEM} (median)", _ok(c.per_item >= PER_ITEM), f"{said}."
    said = f"{c.cold_users:.0%} of the people did fewer than {NEW_PERSON} things, too few to know their taste"
    yield "new people", c.cold_users, f"at most {COLD:.0%}", _ok(c.cold_users <= COLD), f"{said}."
    said = (
        f"{c.cold_items:.0%} of the items were chosen by fewer than {NEW_ITEM} people: collaboration cannot place them"
    )
    yield "new items", c.cold_items, f"at most {COLD:.0%}", _ok(c.cold_items <= COLD), f"{said}."
    said = (
        f"the ten most popular items take {c.head:.0%} of all interactions; where it is most, a list of them is enough"
    )
    yield "concentration", c.head, f"at most {HEAD:.0%}", _ok(c.head <= HEAD), f"{said}."
    said = (
        f"{c.repeats:.0%} of the rows repeat a pair; people who come back for the same need a list of their own things"
    )
    yield "repeats", c.repeats, "", "info", f"{said}."
    many = len(c.features)
    said = f"the catalogue tells {many} things of most items" if many else "the catalogue tells nothing of the items"
    yield "attributes", many, "1 for a content-based one", _ok(many > 0), f"{said}."


def _gained(check: str, gain: Gain | None, worth: float, by: str) -> _Row:
    needed = f"{worth:.0%} at least, and surely above 0"
    if gain is None:
        return check, None, needed, "short", "It could not be tested."
    said = (
        f"a list for each person, by {by}, had what came next for {_in_hundred(gain.personal_hits)} of 100 people, and "
        f"the best list for all for {_in_hundred(gain.impersonal_hits)}; with the places in the list it is "
        f"{_percent(gain.relative)} ({_percent(gain.low)} to {_percent(gain.high)}, {gain.confidence:.1%} interval)"
    )
    return check, gain.relative, needed, _ok(gain.sure and gain.relative >= worth), f"{said}."


def _percent(share: float) -> str:
    """As a share up to twice as good, beyond as a multiple."""
    if share > 1.995:
        return f"{_few(share + 1)} times as good"
    return f"{abs(share):.0%} {'better' if share >= 0 else 'worse'}"


def _few(times: float) -> str:
    return f"{times:.1f}" if times < 10 else f"{times:,.0f}"


def _in_hundred(share: float) -> str:
    return f"{100 * share:.1f}" if share < 0.1 else f"{100 * share:.0f}"


def _s(count: float) -> str:
    return "" if count == 1 else "s"


def _growth(when: Until) -> _Row:
    if when.interactions is None and when.early:
        return "growth", None, "", "short", "It is too early to say how much more would make collaboration pay."
    if when.interactions is None:
        said = (
            "nothing says that more data of this kind would make collaboration pay: there is no sign that it ever would"
        )
        return "growth", None, "", "short", f"{said}."
    enough = _rounded(when.interactions)
    if when.interactions <= when.have:
        said = f"about {enough} interactions would have been enough"
        return "growth", when.have, f"about {enough} interactions", "ok", f"{said}."
    more = _rounded(when.interactions - when.have)
    near = _rounded(max(when.low - when.have, 0.0))
    far = f"to {_rounded(when.high - when.have)}" if math.isfinite(when.high) else "or more than can be foretold"
    said = f"as the curve goes, about {more} more interactions would make collaboration surely pay ({near} {far})"
    return "growth", when.have, f"about {enough} interactions", "short", f"{said}."


def _rounded(x: float) -> str:
    """Two digits: more would be a lie."""
    if x <= 0:
        return "0"
    step = 10 ** max(0, math.floor(math.log10(x)) - 1)
    return f"{round(x / step) * step:,.0f}"


# ---- the verdict --------------------------------------------------------------------------------------------------


def sentence_of(reason: str, counts: Counts, gain: Gain | None, content: Gain | None) -> str:
    """The verdict in a sentence."""
    if reason == "browse":
        can = f"{counts.items:,} items can" if counts.items != 1 else "one item can"
        return f"Not yet: {can} be looked through, and nobody needs a machine for that."
    if reason == "few":
        return f"Not yet: {counts.testable:,} people who did two things or more are too few to know whether it pays."
    best = max((one for one in (gain, content) if one is not None), key=lambda one: one.relative, default=None)
    by = "" if best is None else _better(best)
    if reason == "chance":
        return f"Not yet: a list for each person is not surely better than one list for all; it was {by}."
    if reason == "small":
        return f"Not yet: a list for each person is better than one list for all, but by too little: {by}."
    if reason == "content" and content is not None:
        return f"Build it from attributes: lists by what items are like beat one for all; they are {_better(content)}."
    assert gain is not None  # noqa: S101 - the verdict rests on it
    return f"Build it: lists by what similar people did beat one list for all; they are {_better(gain)}."


def _better(gain: Gain) -> str:
    return f"{_percent(gain.relative)} ({_percent(gain.low)} to {_percent(gain.high)})"


def advice_of(reason: str, counts: Counts, when: Until | None) -> tuple[str, ...]:
    """What to do, in sentences."""
    if reason == "collaborative":
        return (
            "Begin with one model, show its lists beside the most popular, and count what people choose.",
            "Serve new people and new items by popularity and attributes until something is known of them.",
        )
    if reason == "content":
        return (
            "Offer items like those somebody had, by what the catalogue says; it needs no crowd and places new items.",
            "Keep recording who chose what and when: judge again when there is twice as much.",
        )
    if reason == "browse":
        return (
            "Show the whole catalogue on one page, with good pictures, order and search.",
            "Put the most popular and an editor's picks on top.",
        )
    listed = "Show the most popular" + (" of late" if counts.timed else "") + ", what is new, and an editor's picks."
    search = "A good search and topics to browse help everybody from the first day."
    return (listed, search, _again(counts, when))


def _again(counts: Counts, when: Until | None) -> str:
    if when is not None and when.interactions is not None and when.interactions > when.have:
        return f"Judge again at about {_rounded(when.interactions)} interactions."
    if when is not None and when.interactions is None and not when.early:
        return "Spend the money elsewhere: nothing in these data says that a recommender would ever pay."
    kept = "" if counts.timed else ", with the time"
    return f"Keep recording who chose what{kept}, and judge again when there is four times as much."
