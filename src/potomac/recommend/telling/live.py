"""The live questions of a run: for a person, a basket, a title, an audience, while somebody types, and why.

What an answer says of reasons is read from the model that made it, or from the interactions themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Slider
from potomac.errors import DataError, Fault, NoAnswer, StudyError, listing, shown
from potomac.recommend.matrix.interactions import Histories
from potomac.recommend.offering.arranging import arranged
from potomac.recommend.offering.rerank import likeness_of
from potomac.recommend.offering.rules import Resolved
from potomac.recommend.recommender import Recommender
from potomac.recommend.telling.in_memory import WORD, Live, held, kept, topics_of
from potomac.recommend.telling.meant import Taken, history_of, mask_of, rows_of, taken
from potomac.recommend.topn import best

__all__ = [
    "Live", "Taken", "audience", "basket", "explain", "kept", "load", "recommend", "similar", "sliders", "suggest",
    "taken",
]  # fmt: skip

Floats = npt.NDArray[np.float32]
Columns = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Reply = dict[str, Any]

POOL = 50
"""Candidates among which a list is put in another order."""


def load(tables: Mapping[str, pa.Table]) -> Live:
    """The run from its tables, ready: what a first answer has to make or to compile is made.

    Raises:
        DataError: they are damaged.
    """
    live = held(tables)
    users = live.model.interactions_.users
    title = live.title(int(np.argmax(live.counts)))
    suggest(live, text=title[:2])
    with suppress(StudyError, DataError, NoAnswer):  # what cannot be answered is said to those who ask
        recommend(live, user=str(users[0].as_py()), also=[title])
    with suppress(StudyError, DataError, NoAnswer):
        similar(live)
    return live


# ---- answers ------------------------------------------------------------------------------------------------------


def recommend(
    live: Live, *, user: str = "", items: Sequence[str] = (), also: Sequence[str] = (), n: int = 10,
    allowed: Sequence[str] = (), features: Mapping[str, Any] | None = None, novelty: float | None = None,
    diversity: float | None = None, calibration: float | None = None, seen: bool | None = None,
) -> Reply:  # fmt: skip
    """What to offer to a person, known or not.

    Args:
        live: the run.
        user: id; empty for somebody of whom only ``items`` are known, or nothing.
        items: ids or titles of what somebody anonymous had to do with.
        also: ids or titles of what came since the run; they count at once.
        n: length of the list.
        allowed: ids of the only items that may be offered; empty: all that the run may offer.
        features: values that an item must have, by feature: ``{"genre": ["Drama", "War"]}``.
        novelty: -1 what most know, 0 as scored, 1 what few know; None as in the run.
        diversity: 0 by score alone, 1 as varied as can be; None as in the run.
        calibration: 0 as it comes, 1 as many popular and rare items as they chose before; None as in the run.
        seen: whether what they had to do with may be offered again; None as in the run.

    Returns:
        answer (a sentence), note (what to know of it; may be empty), and offers: rank, item, title, score, reason.

    Raises:
        StudyError: a title or feature is not there.
        NoAnswer: nothing may be offered.
    """
    rows, note = rows_of(live, [*items, *also], "items")
    model, history, unknown = history_of(live, user, rows)
    mask = mask_of(live, allowed, features or {})
    again = live.seen if seen is None else seen
    may = np.ones(len(live.counts), np.bool_) if mask is None else mask.copy()
    if not again:
        may[history.indices] = False
    wish = _wish(live, novelty, diversity, calibration)
    found = _candidates(live, model, history, _pool(live, n, wish), may)
    mix = live.tiers.mix(history.indices) if wish["calibration"] else None
    ranked = _ordered(live, *_first(found), n, wish, live.rules, may, mix)
    reasons = model.reasons(history, [row for _, row, _ in ranked])
    offers = [
        _offer(live, k, row, score, reason or _fame(live, row))
        for (k, row, score), reason in zip(ranked, reasons, strict=True)
    ]
    whom = f'"{shown(user)}"' if user and not unknown else "somebody new" if not rows else _titles(live, rows)
    answer = f"For {whom}: {_listed(offers)}." if offers else f"There is nothing left to offer to {whom}."
    notes = unknown, note, _short(live, len(offers), n)
    return {"answer": answer, "note": " ".join(filter(None, notes)), "offers": offers}


def basket(live: Live, *, items: Sequence[str], n: int = 10, **more: Any) -> Reply:
    """What goes with some items: as :func:`recommend` for somebody of whom only these are known.

    Raises:
        StudyError: no item is given, or one is not there.
    """
    if not [one for one in items if str(one).strip()]:
        expected = "expected one title or id at least"
        raise StudyError(Fault("recommend.title", "the basket is empty", expected, key="items"))
    return recommend(live, items=items, n=n, **more)


def similar(
    live: Live, *, item: str = "", n: int = 10, allowed: Sequence[str] = (), features: Mapping[str, Any] | None = None,
    novelty: float | None = None, diversity: float | None = None,
) -> Reply:  # fmt: skip
    """What is most like an item.

    Args:
        live: the run.
        item: id or title, also mistyped or unfinished; empty: the most popular.
        n, allowed, features, novelty, diversity: as of :func:`recommend`. Of the rules of the house hold those on
            what may be offered and how many of a kind; nothing is put first or lifted.

    Returns:
        answer, note, item, title (that was taken), and offers: rank, item, title, score, reason. A reason says how
        many people chose both, and what the catalogue says of both.

    Raises:
        StudyError: no title is like it.
        NoAnswer: neither the model nor the catalogue knows which items are alike.
    """
    one = taken(live, item) if item.strip() else Taken(int(np.argmax(live.counts)))
    model, note = _knowing(live)
    mask = mask_of(live, allowed, features or {})
    own = (np.array([0, 1]), np.array([one.row], np.int32))
    alike, wish = model._alike(np.array([one.row])), _wish(live, novelty, diversity)
    numbers, scores = _first(best(alike, _pool(live, n, wish), without=own, allowed=mask))
    near = scores > 0  # others are not alike, whoever knows them
    rules = replace(live.rules, pins=live.rules.pins[:0])  # a list of what is alike has no place for others
    ranked = _ordered(live, numbers[near], scores[near], n, wish, rules)
    offers = [_offer(live, k, row, score, _shared(live, one.row, row)) for k, row, score in ranked]
    title = live.title(one.row)
    answer = f'Most like "{shown(title)}": {_listed(offers)}.' if offers else f'Nothing is like "{shown(title)}".'
    notes = " ".join(filter(None, (one.note, note)))
    return {"answer": answer, "note": notes, "item": live.id(one.row), "title": title, "offers": offers}


def audience(
    live: Live, *, item: str = "", title: str = "", features: Mapping[str, Any] | None = None, n: int = 10
) -> Reply:
    """Who may be interested in an item of the catalogue, or in one that is not there yet.

    Args:
        live: the run.
        item: id or title of one that is there.
        title, features: of a new one, by the names of the catalogue's columns.
        n: how many people.

    Returns:
        answer, note, and people: rank, user, score, reason.

    Raises:
        StudyError: neither an item nor what a new one is like is given; a feature is none of the catalogue's.
        NoAnswer: the run cannot tell people apart by an item.
    """
    if item.strip():
        one = taken(live, item)
        model, note = _knowing(live)
        found = model.audience([live.id(one.row)], n)
        people = [_person(live, model, row, one.row) for row in found.to_pylist()]
        return {
            "answer": _interested(people, live.title(one.row)),
            "note": f"{one.note} {note}".strip(),
            "people": people,
        }
    told = {name: _cell(live, name, value) for name, value in (features or {}).items()}
    told |= {"title": title} if title.strip() else {}
    if not told:
        expected = "expected one of the catalogue, or what a new one is like"
        raise StudyError(Fault("recommend.title", "no item was named", expected, key="item"))
    content = live.content
    if content is None:
        found_, mend = "the catalogue does not say what items are like", "Name an item that is in it"
        raise NoAnswer(Fault("recommend.features", found_, "expected features of the items", mend, key="features"))
    like = content.likeness_to(told)
    people = [_newly(live, content, row, like) for row in content.audience_of(told, n).to_pylist()]
    note = "By what the item is like: nobody has had to do with it yet."
    return {"answer": _interested(people, title or "such an item"), "note": note, "people": people}


def _cell(live: Live, name: str, value: Any) -> Any:
    """A feature of a new item as the catalogue has it: one value where it has no lists."""
    table = live.model.items_.features
    if isinstance(value, str) or not isinstance(value, Sequence) or name not in table.column_names:
        return value
    if pa.types.is_list(table.schema.field(name).type):
        return list(value)
    if any(isinstance(one, str) for one in value) and topics_of(table[name]) is not None:
        return "|".join(map(str, value))
    return value[0] if len(value) == 1 else ", ".join(map(str, value))


def suggest(live: Live, *, text: str = "", n: int = 10, topics: bool = False) -> Reply:
    """What may be meant by what was typed so far.

    Returns:
        suggestions: text, kind (``title``, or the feature whose value it is), item (None for a topic), how.
    """
    found = live.suggester.suggest(text, n, topics=topics)
    rows = [
        {"text": one["text"], "kind": one["kind"], "item": None if one["row"] is None else live.id(one["row"]),
         "how": one["how"]}
        for one in found.to_pylist()
    ]  # fmt: skip
    return {"suggestions": rows}


def explain(live: Live, *, item: str, user: str = "", items: Sequence[str] = (), n: int = 10) -> Reply:
    """Why an item is or would be offered to a person, or to somebody of whom some items are known.

    Returns:
        answer, note, item, title, score, rest, and because: item, title, contribution, the largest first, at most
        ``n``. All contributions and the rest add up to the score.

    Raises:
        StudyError: a title is not there.
        DataError: neither the user nor one of the items is known.
    """
    rows, note = rows_of(live, items, "items")
    model, history, unknown = history_of(live, user, rows)
    if unknown or not len(history.indices):
        found, mend = unknown.rstrip(".") or "nobody was named", "Name a user, or items"
        raise DataError(Fault("recommend.user", found, "expected somebody with interactions", mend, key="user"))
    one = taken(live, item)
    told = model.explained(history, one.row, user or None)
    sentence = told.sentence or "by its popularity, not by anything that they chose"
    return {
        "answer": f'"{shown(told.title)}": {sentence}.', "note": f"{note} {one.note}".strip(), "item": told.item,
        "title": told.title, "score": _finite(told.score), "rest": _finite(told.rest),
        "because": told.because.slice(0, n).to_pylist(),
    }  # fmt: skip


def sliders(live: Live, chosen: Mapping[str, Any]) -> Iterator[Slider]:
    """How a page asks what is similar: a title is typed, and popular slides to novel."""
    counts = live.counts
    yield Slider("item", value=live.title(int(np.argmax(counts))) if len(counts) else "")
    yield Slider("novelty", -1.0, 1.0, 0.1, live.novelty)


# ---- how they are made --------------------------------------------------------------------------------------------


def _knowing(live: Live) -> tuple[Recommender, str]:
    """A model that knows which items are alike and tells people apart, and what to say of it."""
    model = getattr(live.model, "chosen_", live.model)
    if type(model)._alike is not Recommender._alike:
        return live.model, ""
    if live.content is not None:
        return live.content, "By what the catalogue says of the items: the run offers everybody the same."
    found = "the run offers everybody the same, and its catalogue does not say what items are like"
    mend = 'Run it with another method, or with [items] features = ["..."]'
    raise NoAnswer(Fault("recommend.method", found, "", mend))


def _wish(
    live: Live, novelty: float | None, diversity: float | None, calibration: float | None = 0.0
) -> dict[str, float]:
    """What a list shall be like: as in the run where nothing is said."""
    asked = {"novelty": novelty, "diversity": diversity, "calibration": calibration}
    return {name: getattr(live, name) if value is None else value for name, value in asked.items()}


def _pool(live: Live, n: int, wish: Mapping[str, float]) -> int:
    """Candidates for a list of n."""
    return max(live.rules.needed(n), max(POOL, 5 * n) if any(wish.values()) else 1)


def _candidates(live: Live, model: Recommender, history: Histories, many: int, may: Mask) -> tuple[Columns, Floats]:
    """The best items of one person and their scores, shape (1, many), with what the house lifts."""
    if not len(history.indices):  # nothing tells this person from others
        return best(live.rules.boosted(live.counts[None, :].astype(np.float32)), many, allowed=may)
    if live.rules.lift.any():
        return best(live.rules.boosted(model.scores(history)), many, allowed=may)
    return model.best(history, many, seen=True, allowed=may)


def _short(live: Live, found: int, n: int) -> str:
    """Why a list is shorter than asked for, where the house limits it."""
    if found >= n or not (live.rules.caps or not live.rules.allowed.all()):
        return ""
    return f"The rules of the house leave {found} of {n}."


def _first(found: tuple[Columns, Floats]) -> tuple[Columns, Floats]:
    return found[0][0], found[1][0]


def _ordered(
    live: Live, numbers: Columns, scores: Floats, n: int, wish: Mapping[str, float], rules: Resolved,
    may: Mask | None = None, mix: tuple[npt.NDArray[np.int8], npt.NDArray[np.float64]] | None = None,
) -> list[tuple[int, int, float]]:  # fmt: skip
    """Rank, item number and score of a list, put in order as it is wished and as the rules have it."""
    numbers, scores = arranged(
        numbers, scores, rules.needed(n), counts=live.counts,
        likeness=lambda items: likeness_of(_knowing(live)[0], items), mix=mix, **wish,
    )  # fmt: skip
    numbers, scores = rules.built(numbers, scores, n, had=() if may is None else np.flatnonzero(~may))
    pairs = zip(numbers.tolist(), scores.tolist(), strict=True)
    return [(k, int(row), float(score)) for k, (row, score) in enumerate(pairs, 1)]


def _offer(live: Live, rank: int, row: int, score: float, reason: str) -> Reply:
    return {"rank": rank, "item": live.id(row), "title": live.title(row), "score": _finite(score), "reason": reason}


def _fame(live: Live, row: int) -> str:
    """What is true of an item for which the model gives no reason."""
    count = int(live.counts[row])
    return f"chosen by {count:,} {'person' if count == 1 else 'people'}" if count else "new in the catalogue"


def _shared(live: Live, one: int, other: int) -> str:
    """What two items have in common: how many people chose both, and what the catalogue says of both."""
    indptr, people, _ = live.model.interactions_.by_item
    mine, theirs = (people[indptr[row] : indptr[row + 1]] for row in (one, other))
    both = len(np.intersect1d(mine, theirs, assume_unique=True))
    said = [f"chosen by {both:,} of the {len(mine):,} who chose it"] if both else []
    common = [name for column in live.model.items_.features.column_names for name in _both(live, column, one, other)]
    if common:
        said.append(f"both {listing(common, 4)}")
    return "; ".join(said)


def _both(live: Live, column: str, one: int, other: int) -> list[str]:
    """Values of a feature that two items share, in words."""
    a, b = (live.model.items_.features[column][row].as_py() for row in (one, other))
    if a is None or b is None:
        return []
    if isinstance(a, str) and isinstance(b, str) and "|" in a + b:
        a, b = a.split("|"), b.split("|")
    if isinstance(a, list):
        return [str(value) for value in a if value in set(b if isinstance(b, list) else [b])]
    if isinstance(a, bool) or a != b or len(str(a)) > WORD:
        return []
    value = int(a) if isinstance(a, float) and a.is_integer() else a
    return [value if isinstance(value, str) else f"{column.replace('_', ' ')} {value}"]


def _person(live: Live, model: Recommender, row: Mapping[str, Any], item: int) -> Reply:
    reason = model.reasons(model.histories([row["user"]]), [item])[0]
    return {"rank": row["rank"], "user": row["user"], "score": row["score"], "reason": _theirs(reason)}


def _newly(live: Live, content: Recommender, row: Mapping[str, Any], like: Floats) -> Reply:
    """Somebody for a new item, and what of theirs it is most like."""
    chosen = content.histories([row["user"]]).indices
    top = chosen[np.argsort(-like[chosen], kind="stable")[:3]]
    titles = [live.title(int(i)) for i in top if like[i] > 0]
    reason = f"because they chose {listing(titles, 3)}" if titles else ""
    return {"rank": row["rank"], "user": row["user"], "score": row["score"], "reason": reason}


def _theirs(reason: str) -> str:
    """A reason as it is told of somebody else."""
    return reason.replace("because you liked", "because they liked", 1)


def _interested(people: Sequence[Reply], title: str) -> str:
    if not people:
        return f'Nobody is left who may be interested in "{shown(title)}".'
    names = listing([str(one["user"]) for one in people[:3]], 3)
    return f'In "{shown(title)}" may be interested: {names}{" and others" if len(people) > 3 else ""}.'


def _listed(offers: Sequence[Reply]) -> str:
    names = listing([one["title"] for one in offers[:3]], 3)
    return f"{names} and others" if len(offers) > 3 else names


def _titles(live: Live, rows: Sequence[int]) -> str:
    return f"somebody who chose {listing([live.title(row) for row in rows[:3]], 3)}"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
