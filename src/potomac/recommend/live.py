"""A run in memory and its live questions: for a person, a basket, a title, an audience, while somebody types, and why.

What an answer says of reasons is read from the model that made it, or from the interactions themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Slider
from potomac.errors import DataError, Fault, NoAnswer, StudyError, did_you_mean, listing, shown
from potomac.recommend.interactions import Histories
from potomac.recommend.keeping import restored, to_tables
from potomac.recommend.recommender import Recommender
from potomac.recommend.rerank import diversified, likeness_of, novel
from potomac.recommend.suggest import Suggester
from potomac.recommend.topn import best

__all__ = [
    "Live", "Taken", "audience", "basket", "explain", "kept", "load", "recommend", "similar", "sliders", "suggest",
]  # fmt: skip

Floats = npt.NDArray[np.float32]
Columns = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Reply = dict[str, Any]

POOL = 50
"""Candidates among which a list is put in another order."""

READY = 50_000
"""Titles from which on what suggestions need is kept with the run; of fewer it is made in the blink of an eye."""

WORD = 60
"""Letters of a value of a feature that is a topic; what is longer is text."""


@dataclass(frozen=True, eq=False)
class Live:
    """A run in memory.

    Attributes:
        model: fitted.
        allowed: items that may be offered, shape (n,); None: all.
        seen: whether what somebody had to do with may be offered again.
        novelty, diversity: of the run's lists.
        tables: of the run's model, for what is made when it is first asked for.
    """

    model: Recommender
    allowed: Mask | None
    seen: bool
    novelty: float
    diversity: float
    tables: Mapping[str, pa.Table]

    @cached_property
    def suggester(self) -> Suggester:
        """Titles, and topics that the catalogue has."""
        if "suggest_texts" in self.tables:
            return Suggester.from_tables(self.tables)
        return suggester_of(self.model)

    @cached_property
    def content(self) -> Recommender | None:
        """What items are like, where the catalogue says so: the model itself, a part of it, or one fitted for this."""
        from potomac.recommend.content import Content
        from potomac.recommend.features import described

        model = getattr(self.model, "chosen_", self.model)
        for one in (model, *getattr(model, "models_", ())):
            if isinstance(one, Content):
                return one
        if not described(self.model.items_):
            return None
        return Content().fit(self.model.interactions_, self.model.items_)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """People who had to do with each item, shape (n,)."""
        return self.model.interactions_.of_items

    def title(self, row: int) -> str:
        """Of an item."""
        return str(self.model.items_.titles[row].as_py())

    def id(self, row: int) -> int | str:
        """Of an item."""
        found: int | str = self.model.items_.ids[row].as_py()
        return found


# ---- kept in the run ----------------------------------------------------------------------------------------------


def kept(
    model: Recommender, allowed: Mask | None = None, *, seen: bool = False, novelty: float = 0.0, diversity: float = 0.0
) -> dict[str, pa.Table]:
    """The tables from which :func:`load` makes a run again.

    Args:
        model: fitted.
        allowed: items that may be offered, shape (n,); None: all.
        seen, novelty, diversity: as the run's lists were made.
    """
    about = {"seen": seen, "novelty": novelty, "diversity": diversity}
    tables = to_tables(model)
    tables["live"] = pa.table({"about": [json.dumps(about)]})
    if allowed is not None:
        tables["allowed"] = pa.table({"value": np.asarray(allowed, np.bool_)})
    if len(model.items_) >= READY:
        tables |= suggester_of(model).to_tables()
    return tables


def load(tables: Mapping[str, pa.Table]) -> Live:
    """The run from its tables; those of a model alone do, too.

    Raises:
        DataError: they are damaged.
    """
    about = json.loads(tables["live"]["about"][0].as_py()) if "live" in tables else {}
    allowed = tables["allowed"]["value"].to_numpy() if "allowed" in tables else None
    usual = {"seen": False, "novelty": 0.0, "diversity": 0.0}
    return Live(restored(tables), allowed, **{**usual, **about}, tables=tables)


def suggester_of(model: Recommender) -> Suggester:
    """Titles by popularity, and beside them the values of features that are words."""
    items = model.items_
    topics = {name: values for name in items.features.column_names if (values := _topics(items.features[name]))}
    return Suggester(items.titles, model.interactions_.of_items, topics)


def _topics(column: pa.ChunkedArray) -> pa.Array | None:
    """A feature as topics, or None: words, or lists of words, some of which several items have."""
    values = column.combine_chunks()
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if pa.types.is_string(values.type) and pc.any(pc.match_substring(values, "|")).as_py():
        values = pc.split_pattern(values, "|")
    words = pc.list_flatten(values) if pa.types.is_list(values.type) else values
    if not (pa.types.is_string(words.type) or pa.types.is_large_string(words.type)):
        return None
    there = words.drop_null()
    few = len(there) and len(pc.unique(there)) < len(there)
    return values if few and pc.max(pc.utf8_length(there)).as_py() <= WORD else None


# ---- what was meant -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """An item that was meant, and what to say of how it was found; nothing where it was named as it is."""

    row: int
    note: str = ""


def taken(live: Live, text: str, key: str = "item") -> Taken:
    """The item with this id, or the most popular with this very title, or the one that is most probably meant.

    Raises:
        StudyError: nothing is like it.
    """
    row = int(live.model.interactions_.item_rows([text])[0]) if text else -1
    if row >= 0:
        return Taken(row)
    same = np.flatnonzero(pc.equal(live.model.items_.titles, text).to_numpy(zero_copy_only=False))
    if text and len(same):
        return Taken(int(same[np.argmax(live.counts[same])]))
    found = live.suggester.suggest(text, 1, topics=False)
    if not found.num_rows:
        what = f'no title is like "{shown(text)}"' if text.strip() else "no title was given"
        raise StudyError(Fault("recommend.title", what, "expected a title or an id of the catalogue", key=key))
    row, title = found["row"][0].as_py(), found["text"][0].as_py()
    exact = found["how"][0].as_py() == "title"
    return Taken(row, "" if exact else f'"{shown(text)}" is taken for "{shown(title)}".')


def _rows(live: Live, items: Sequence[str], key: str) -> tuple[list[int], str]:
    """Numbers of items, and how they were found."""
    found = [taken(live, str(one), key) for one in items]
    return list(dict.fromkeys(one.row for one in found)), " ".join(one.note for one in found if one.note)


def _history(live: Live, user: str, also: Sequence[int]) -> tuple[Recommender, Histories, str]:
    """What somebody had to do with, items that came since among it; and what to say of it."""
    model = live.model
    known = bool(user) and int(model.interactions_.user_rows([user])[0]) >= 0
    if not known:
        note = f'Nothing is known of "{shown(user)}".' if user else ""
        return model, Histories.of_basket(np.array(also, np.int32)), note
    if also:
        ids = model.items_.ids.take(pa.array(also, pa.int64()))
        users = model.interactions_.users
        who = users.take(pa.array([int(model.interactions_.user_rows([user])[0])] * len(also)))
        model = model.with_interactions(pa.table({"user": who, "item": ids}))
    return model, model.histories([user]), ""


def _mask(live: Live, allowed: Sequence[str], features: Mapping[str, Any]) -> Mask | None:
    """Items that may be offered and that are asked for, shape (n,).

    Raises:
        StudyError: a feature is none of the catalogue's.
        NoAnswer: no item is left.
    """
    mask = live.allowed
    if allowed:
        rows = live.model.interactions_.item_rows([str(one) for one in allowed])
        only = np.zeros(len(live.counts), np.bool_)
        only[rows[rows >= 0]] = True
        mask = only if mask is None else mask & only
    for name, wanted in features.items():
        having = _having(live, name, [wanted] if isinstance(wanted, str | int | float) else list(wanted))
        mask = having if mask is None else mask & having
    if mask is not None and not mask.any():
        found = "no item may be offered that is asked for"
        raise NoAnswer(Fault("recommend.rules", found, "", "Ask for more kinds of items"))
    return mask


def _having(live: Live, name: str, wanted: Sequence[Any]) -> Mask:
    table = live.model.items_.features
    if name not in table.column_names:
        there = f"there are {listing(table.column_names)}" if table.column_names else "the catalogue has none"
        mend = did_you_mean(name, table.column_names)
        raise StudyError(Fault("recommend.features", f'no feature "{shown(name)}"', there, mend, key="features"))
    column = table[name].combine_chunks()
    values = _topics(table[name])
    column = column if values is None else values
    row = np.arange(len(column))
    if pa.types.is_list(column.type):
        row, column = pc.list_parent_indices(column).to_numpy(), pc.list_flatten(column)
    has = pc.is_in(column.cast(pa.string()), pa.array([str(one) for one in wanted], pa.string()))
    mask = np.zeros(table.num_rows, np.bool_)
    mask[row[has.to_numpy(zero_copy_only=False)]] = True
    return mask


# ---- answers ------------------------------------------------------------------------------------------------------


def recommend(
    live: Live, *, user: str = "", items: Sequence[str] = (), also: Sequence[str] = (), n: int = 10,
    allowed: Sequence[str] = (), features: Mapping[str, Any] | None = None, novelty: float | None = None,
    diversity: float | None = None, seen: bool | None = None,
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
        seen: whether what they had to do with may be offered again; None as in the run.

    Returns:
        answer (a sentence), note (what to know of it; may be empty), and offers: rank, item, title, score, reason.

    Raises:
        StudyError: a title or feature is not there.
        NoAnswer: nothing may be offered.
    """
    rows, note = _rows(live, [*items, *also], "items")
    model, history, unknown = _history(live, user, rows)
    mask = _mask(live, allowed, features or {})
    again = live.seen if seen is None else seen
    pool = _pool(live, n, novelty, diversity)
    if len(history.indices):
        found = model.best(history, pool, seen=again, allowed=mask)
    else:  # nothing tells this person from others
        found = best(live.counts[None, :].astype(np.float32), pool, allowed=mask)
    ranked = _ordered(live, *_first(found), n, novelty, diversity)
    offers = [_offer(live, k, row, score, _reason(model, history, row) or _fame(live, row)) for k, row, score in ranked]
    whom = f'"{shown(user)}"' if user and not unknown else "somebody new" if not rows else _titles(live, rows)
    answer = f"For {whom}: {_listed(offers)}." if offers else f"There is nothing left to offer to {whom}."
    return {"answer": answer, "note": " ".join(filter(None, (unknown, note))), "offers": offers}


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
        n, allowed, features, novelty, diversity: as of :func:`recommend`.

    Returns:
        answer, note, item, title (that was taken), and offers: rank, item, title, score, reason. A reason says how
        many people chose both, and what the catalogue says of both.

    Raises:
        StudyError: no title is like it.
        NoAnswer: neither the model nor the catalogue knows which items are alike.
    """
    one = taken(live, item) if item.strip() else Taken(int(np.argmax(live.counts)))
    model, note = _knowing(live)
    mask = _mask(live, allowed, features or {})
    own = (np.array([0, 1]), np.array([one.row], np.int32))
    alike = model._alike(np.array([one.row]))
    numbers, scores = _first(best(alike, _pool(live, n, novelty, diversity), without=own, allowed=mask))
    near = scores > 0  # others are not alike, whoever knows them
    ranked = _ordered(live, numbers[near], scores[near], n, novelty, diversity)
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
    like = _like(content, told)
    people = [_newly(live, content, row, like) for row in content.audience_of(told, n).to_pylist()]  # type: ignore[attr-defined]
    note = "By what the item is like: nobody has had to do with it yet."
    return {"answer": _interested(people, title or "such an item"), "note": note, "people": people}


def _cell(live: Live, name: str, value: Any) -> Any:
    """A feature of a new item as the catalogue has it: one value where it has no lists."""
    table = live.model.items_.features
    if isinstance(value, str) or not isinstance(value, Sequence) or name not in table.column_names:
        return value
    if pa.types.is_list(table.schema.field(name).type):
        return list(value)
    if any(isinstance(one, str) for one in value) and _topics(table[name]) is not None:
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
    rows, note = _rows(live, items, "items")
    model, history, unknown = _history(live, user, rows)
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


def _pool(live: Live, n: int, novelty: float | None, diversity: float | None) -> int:
    """Candidates for a list of n."""
    plain = not (live.novelty if novelty is None else novelty) and not (
        live.diversity if diversity is None else diversity
    )
    return n if plain else max(POOL, 5 * n)


def _first(found: tuple[Columns, Floats]) -> tuple[Columns, Floats]:
    return found[0][0], found[1][0]


def _ordered(
    live: Live, numbers: Columns, scores: Floats, n: int, novelty: float | None, diversity: float | None
) -> list[tuple[int, int, float]]:
    """Rank, item number and score of a list, put in order as it is wished."""
    new = live.novelty if novelty is None else novelty
    varied = live.diversity if diversity is None else diversity
    there = numbers >= 0
    numbers, scores = numbers[there], scores[there]
    if new and len(numbers):
        numbers, scores = novel(numbers, scores, live.counts, len(numbers) if varied else n, new)
    if varied and len(numbers):
        order = scores if not new else -np.arange(len(numbers), dtype=np.float32)  # as novelty has put them
        place = np.arange(len(numbers), dtype=np.int32)
        alike = likeness_of(_knowing(live)[0], numbers)
        at, _ = diversified(place, order, alike, n, varied)
        numbers, scores = numbers[at], scores[at]
    pairs = zip(numbers[:n].tolist(), scores[:n].tolist(), strict=True)
    return [(k, int(row), float(score)) for k, (row, score) in enumerate(pairs, 1)]


def _offer(live: Live, rank: int, row: int, score: float, reason: str) -> Reply:
    return {"rank": rank, "item": live.id(row), "title": live.title(row), "score": score, "reason": reason}


def _reason(model: Recommender, history: Histories, item: int) -> str:
    """Why an item is offered, from the parts of the model's own score."""
    own = getattr(model, "chosen_", model)
    if type(own).explained is not Recommender.explained:  # it has words of its own
        return str(own.explained(history, item).sentence)
    parts = own._parts(history, item)
    order = np.argsort(-parts, kind="stable")[:3]
    order = order[parts[order] != 0]
    at = pa.array(history.indices[order].astype(np.int64))
    because = {"title": own.items_.titles.take(at), "contribution": pa.array(parts[order].astype(float))}
    return str(own._sentence(pa.table(because)))


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
    return [a if isinstance(a, str) else f"{column.replace('_', ' ')} {a}"]


def _person(live: Live, model: Recommender, row: Mapping[str, Any], item: int) -> Reply:
    reason = _reason(model, model.histories([row["user"]]), item)
    return {"rank": row["rank"], "user": row["user"], "score": row["score"], "reason": _theirs(reason)}


def _like(content: Any, told: Mapping[str, Any]) -> Floats:
    """How alike every item is to one that is not in the catalogue, as the model of content weighs it, shape (n,)."""
    return np.asarray((content._augmented @ content._query(content._new(told)))[:, 0], np.float32)


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
