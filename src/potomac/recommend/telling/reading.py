"""Tables of a study -> interactions and the catalogue, in one numbering of items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Progress
from potomac.errors import DataError, Fault, NoAnswer, listing, shown
from potomac.recommend.matrix.ids import rows_of
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.telling.question import Question
from potomac.tables import Table

__all__ = ["Read", "catalogue", "read"]

Mask = npt.NDArray[np.bool_]

ROLES = ("user", "item", "value", "time")

_YES, _NO = ("1", "true", "t", "yes", "y", "x"), ("0", "false", "f", "no", "n", "")


@dataclass(frozen=True, eq=False)
class Read:
    """What was read.

    Attributes:
        every: all interactions, with a column for each item of the catalogue, too.
        likes: those that are learnt from: all, or those whose value is a like.
        items: the catalogue in the order of the columns; items that it lacks have their id for a title.
        listed: whether there is a catalogue.
        may: which items may be offered by what the catalogue says, shape (n,).
        notes: what a reader must know, in sentences.
    """

    every: Interactions
    likes: Interactions
    items: Items
    listed: bool
    may: Mask
    notes: tuple[str, ...]


def read(interactions: Table, items: Table | None, question: Question, progress: Progress) -> Read:
    """Read the tables of a study.

    Args:
        interactions: with user and item, and as far as there are value and time.
        items: with item, and as far as there are title, available and features.
        question: says what counts as a like, and which of several rows of a pair.
        progress: is told how many rows are read.

    Raises:
        DataError: a pair stands twice where that is an error; no item is in the catalogue; an id stands twice there.
        NoAnswer: no value is a like.
    """
    every = _interactions(interactions, question, progress)
    listed = None if items is None else catalogue(items, question)
    bare = every
    if listed is not None:
        _some_listed(bare, listed)
        every = every.with_items(listed.ids)
    known = Items.nameless(every.items) if listed is None else listed.aligned(every.items)
    likes = _likes(every, question)
    may = np.ones(every.n_items, np.bool_) if items is None else _available(items, every)
    notes = (*_of_interactions(bare, likes, question), *_of_catalogue(bare, listed))
    return Read(every, likes, known, listed is not None, may, notes)


# ---- interactions -------------------------------------------------------------------------------------------------


def _interactions(table: Table, question: Question, progress: Progress) -> Interactions:
    try:
        return Interactions.of(_Telling(table, progress), duplicates=question.duplicates)
    except DataError as error:
        keyed = (replace(fault, key=f"interactions.{fault.key}".rstrip(".")) for fault in error.faults)
        raise DataError(keyed) from error


class _Telling:
    """A table that tells how far it is read."""

    def __init__(self, table: Table, progress: Progress) -> None:
        self.schema = pa.schema([field for field in table.schema if field.name in ROLES])
        self._table, self._progress = table, progress

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """The rows in batches of ``size``."""
        rows = 0
        for batch in self._table.batches(columns, size):
            rows += batch.num_rows
            self._progress("reading interactions", rows)
            yield batch


def _likes(every: Interactions, question: Question) -> Interactions:
    """What is learnt from: values that are likes, or all of them."""
    if question.like is None or not every.rated:
        return every
    mask = every.values >= question.like
    if not mask.any():
        found = f"no value is a like: the highest is {every.values.max():g}"
        expected, mend = f"expected some of {question.like:g} or more", "Give a lower like"
        raise NoAnswer(Fault("recommend.no-likes", found, expected, mend, key="interactions.like"))
    return replace(every.keep(mask), rated=False, values=np.ones(int(mask.sum()), np.float32))


def _of_interactions(every: Interactions, likes: Interactions, question: Question) -> Iterator[str]:
    if every.repeated:
        what = {"last": "the last of each counts", "sum": "their values are added", "max": "the largest of each counts"}
        yield f"{_many(every.repeated, 'row')} repeat user and item of another; {what[question.duplicates]}."
    if likes.nnz < every.nnz:
        people = int((every.of_users > 0).sum() - (likes.of_users > 0).sum())
        none = f" {_many(people, 'person has', 'people have')} none." if people else ""
        yield (f"Of {every.nnz:,} ratings {likes.nnz:,} are likes ({question.like:g} or more); the others are not "
               f"learnt from, and what they were given to is not offered again.{none}")  # fmt: skip
    if every.rated and question.like is None and every.nnz > 1 and every.values.min() == every.values.max():
        yield f"All values are {every.values[0]:g}: they tell nothing beyond who had to do with what."
    elif every.rated and question.like is None and question.method != "factors":
        yield "Values count as weights; where they are ratings, like = 4 says from which one on somebody likes it."
    if every.n_users == 1:
        yield "There is one user alone: nothing can be learnt from others."
    if every.n_items == 1:
        yield "There is one item alone: there is nothing to choose from."


def _many(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


# ---- the catalogue ------------------------------------------------------------------------------------------------


def catalogue(table: Table, question: Question) -> Items:
    """The catalogue of a table.

    Raises:
        DataError: an id stands twice.
    """
    found = table.to_arrow()
    ids = found.column("item").combine_chunks()
    own = ids.cast(pa.string())
    double = len(ids) - len(pc.unique(own))
    if double:
        counted = pc.value_counts(own)
        first = counted.filter(pc.greater(counted.field("counts"), 1))[0].as_py()["values"]
        said = f'{_many(double, "row")} of the catalogue repeat an id, the first is "{shown(first)}"'
        raise DataError(Fault("recommend.items", said, "expected one row for each item", key="items.columns.item"))
    titles = own
    if "title" in found.column_names:
        titles = pc.coalesce(found.column("title").cast(pa.string()).combine_chunks(), own)
    names = [name for name in question.features if name in found.column_names]
    return Items(ids, titles, found.select(names), pa.array([True] * len(ids)))


def _some_listed(every: Interactions, items: Items) -> None:
    """Refuse a catalogue that has not one of the items: its ids are others."""
    if (rows_of(items.ids, every.items) >= 0).any():
        return
    theirs, ours = (listing(ids.slice(0, 3).to_pylist()) for ids in (items.ids, every.items))
    found = f"no item of the interactions is in the catalogue: they are {ours}, the catalogue has {theirs}"
    mend = "Name the column that holds the same ids: items.columns.item"
    raise DataError(Fault("recommend.items-strange", found, "expected the same ids in both", mend, key="items"))


def _of_catalogue(every: Interactions, items: Items | None) -> Iterator[str]:
    """What the two tables do not have in common."""
    if items is None:
        return
    if every.items.type != items.ids.type:
        yield "Ids of items are numbers in one table and text in the other; those that look alike are the same."
    here = rows_of(items.ids, every.items)
    lacking = int((here < 0).sum())
    if lacking:
        first = shown(every.items[int(np.flatnonzero(here < 0)[0])])
        yield (f"{_many(lacking, 'item')} that people had to do with "
               f"{'is' if lacking == 1 else 'are'} not in the catalogue (such as {first}): "
               f"{'its id stands' if lacking == 1 else 'their ids stand'} for the title.")  # fmt: skip
    idle = len(items) - (every.n_items - lacking)
    if idle:
        yield f"{_many(idle, 'item')} of the catalogue {'is' if idle == 1 else 'are'} new to everybody so far."


def _available(table: Table, every: Interactions) -> Mask:
    """Which items may be offered by the column ``available``; those that the catalogue lacks may."""
    may = np.ones(every.n_items, np.bool_)
    if "available" not in table.schema.names:
        return may
    found = table.to_arrow(["item", "available"])
    words = pc.utf8_lower(pc.coalesce(found.column("available").cast(pa.string()), pa.scalar("")))
    yes, no = (np.asarray(pc.is_in(words, pa.array(some)).to_numpy()) for some in (_YES, _NO))
    if not (yes | no).all():
        value = words[int(np.flatnonzero(~(yes | no))[0])].as_py()
        said = f'a value of available is "{shown(value)}"'
        key = "items.columns.available"
        raise DataError(Fault("recommend.available", said, "expected true or false, yes or no, 1 or 0", key=key))
    may[every.item_rows(found.column("item"))] = yes
    return may
