"""What was meant by a question: the item of a title, the person, and what may be offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import Fault, NoAnswer, StudyError, did_you_mean, listing, shown
from potomac.recommend.matrix.interactions import Histories
from potomac.recommend.recommender import Recommender
from potomac.recommend.telling.in_memory import Live, topics_of

__all__ = ["Taken", "history_of", "mask_of", "rows_of", "taken"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Taken:
    """An item that was meant, and what to say of how it was found; nothing where it was named as it is."""

    row: int
    note: str = ""


def taken(live: Live, text: str, key: str = "item") -> Taken:
    """The item with this id, or the most popular with this very title, or the one that is most probably meant.

    Raises:
        StudyError: nothing is like it, or it is a topic and no title.
    """
    row = int(live.model.interactions_.item_rows([text])[0]) if text else -1
    if row >= 0:
        return Taken(row)
    same = np.flatnonzero(pc.equal(live.model.items_.titles, text).to_numpy(zero_copy_only=False))
    if text and len(same):
        return Taken(int(same[np.argmax(live.counts[same])]))
    found = live.suggester.suggest(text, 1, topics=False)
    exact = bool(found.num_rows) and found["how"][0].as_py() == "title"
    topic = None if exact else _topic(live, text)
    if topic is not None or not found.num_rows:
        raise StudyError(_no_title(live, text, topic, key))
    row, title = found["row"][0].as_py(), found["text"][0].as_py()
    return Taken(row, "" if exact else f'"{shown(text)}" is taken for "{shown(title)}".')


def _topic(live: Live, text: str) -> tuple[str, str] | None:
    """The feature of which this is a value, and the value as the catalogue writes it; None where it is none."""
    found = live.suggester.suggest(text, 1)
    if not found.num_rows or found["kind"][0].as_py() == "title" or found["how"][0].as_py() != "title":
        return None
    return found["kind"][0].as_py(), found["text"][0].as_py()


def _no_title(live: Live, text: str, topic: tuple[str, str] | None, key: str) -> Fault:
    """That no title is like what was given, and which may be meant."""
    expected = "expected a title or an id of the catalogue"
    if not text.strip():
        return Fault("recommend.title", "no title was given", expected, key=key)
    if topic is not None:
        name, value = topic
        rows = np.flatnonzero(having(live, name, [value]))
        first = rows[np.argsort(-live.counts[rows], kind="stable")[:3]]
        titles = " or ".join(f'"{shown(live.title(int(row)))}"' for row in first)
        found = f'"{shown(value)}" is no title: the catalogue has it as {name.replace("_", " ")}'
        return Fault("recommend.title", found, expected, f"Ask for one of its titles, such as {titles}", key=key)
    near = list(dict.fromkeys(_near(live, text)))[:3]
    mend = f"Did you mean {' or '.join(near)}?" if near else "Type its beginning, and choose among what is suggested"
    return Fault("recommend.title", f'no title is like "{shown(text)}"', expected, mend, key=key)


def _near(live: Live, text: str) -> Iterator[str]:
    """Titles that have one of the words, the longest of them first, or begin as one does."""
    words = sorted(text[:200].split(), key=len, reverse=True)[:5]
    for word in (*words, *(word[:size] for size in (5, 4, 3) for word in words if len(word) > size)):
        for title in live.suggester.suggest(word, 3, topics=False)["text"].to_pylist():
            yield f'"{shown(title)}"'


def rows_of(live: Live, items: Sequence[str], key: str) -> tuple[list[int], str]:
    """Numbers of items, and how they were found."""
    found = [taken(live, str(one), key) for one in items]
    return list(dict.fromkeys(one.row for one in found)), " ".join(one.note for one in found if one.note)


def history_of(live: Live, user: str, also: Sequence[int]) -> tuple[Recommender, Histories, str]:
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


def mask_of(live: Live, allowed: Sequence[str], features: Mapping[str, Any]) -> Mask | None:
    """Items that may be offered and that are asked for, shape (n,).

    Raises:
        StudyError: a feature is none of the catalogue's.
        NoAnswer: no item is left.
    """
    mask = None if live.rules.allowed.all() else live.rules.allowed
    if allowed:
        rows = live.model.interactions_.item_rows([str(one) for one in allowed])
        only = np.zeros(len(live.counts), np.bool_)
        only[rows[rows >= 0]] = True
        mask = only if mask is None else mask & only
    for name, wanted in features.items():
        those = having(live, name, [wanted] if isinstance(wanted, str | int | float) else list(wanted))
        mask = those if mask is None else mask & those
    if mask is not None and not mask.any():
        found = "no item may be offered that is asked for"
        raise NoAnswer(Fault("recommend.rules", found, "", "Ask for more kinds of items"))
    return mask


def having(live: Live, name: str, wanted: Sequence[Any]) -> Mask:
    table = live.model.items_.features
    if name not in table.column_names:
        there = f"there are {listing(table.column_names)}" if table.column_names else "the catalogue has none"
        mend = did_you_mean(name, table.column_names)
        raise StudyError(Fault("recommend.features", f'no feature "{shown(name)}"', there, mend, key="features"))
    column = table[name].combine_chunks()
    values = topics_of(table[name])
    column = column if values is None else values
    row = np.arange(len(column))
    if pa.types.is_list(column.type):
        row, column = pc.list_parent_indices(column).to_numpy(), pc.list_flatten(column)
    has = pc.is_in(column.cast(pa.string()), pa.array([str(one) for one in wanted], pa.string()))
    mask = np.zeros(table.num_rows, np.bool_)
    mask[row[has.to_numpy(zero_copy_only=False)]] = True
    return mask
