"""What all recommenders share: the manners. A method brings the mathematics."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Quiet
from potomac.errors import DataError, Fault, NoAnswer, StudyError, listing, shown
from potomac.recommend.explanation import Explanation
from potomac.recommend.matrix.bounds import held, times_hold
from potomac.recommend.matrix.folding import Additions, Unknown
from potomac.recommend.matrix.ids import array_of, fits, nothing_shared
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.topn import best

__all__ = ["BLOCK", "Recommender"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

BLOCK = 1 << 22
"""Scores held in memory at once."""

NAMED = 3
"""Parts of a score that a reason names, at most."""

ROWS = 1 << 16
"""Rows of a batch of recommendations, at least, as long as there are more."""


class Recommender:
    """Base of all methods.

    A method overrides ``_fit`` and ``_scores``, and where it can, ``_alike``, ``_parts`` and ``_column``. Scores are
    asked for by history, never by id: so somebody new, a basket and a person with new interactions are served by the
    same code as everybody else, without fitting again.

    Attributes:
        interactions_: what was fitted.
        items_: the catalogue, in the item numbers of ``interactions_``.
        added_: what came after fitting; None where nothing did.
    """

    name: ClassVar[str] = ""
    _state: ClassVar[tuple[str, ...]] = ()
    """Names of the fitted attributes that, with the constructor's arguments, are the model: see keeping."""

    interactions_: Interactions
    items_: Items
    added_: Additions | None = None

    # ---------------------------------------------------------------------------------- what a method brings

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        """Learn. ``items`` has a row for each column of ``interactions``."""
        raise NotImplementedError

    def _check(self) -> None:
        """Refuse parameters that are out of their bounds; that numbers are numbers is known by then."""

    def _scores(self, histories: Histories) -> Floats:
        """Score of every item for each person, shape (k, n); minus infinity where the method knows nothing of it."""
        raise NotImplementedError

    def _alike(self, rows: Ints) -> Floats:
        """How alike every item is to those at ``rows``, shape (k, n)."""
        raise NoAnswer(self._cannot("does not know which items are alike"))

    def _parts(self, history: Histories, item: int) -> Floats:
        """What each entry of one person's history adds to the score of an item, shape (e,)."""
        return np.zeros(len(history.indices), np.float32)

    def _parts_of(self, history: Histories, items: Ints) -> Floats:
        """The same for several items, shape (i, e)."""
        found = [self._parts(history, int(item)) for item in items]
        return np.stack(found) if found else np.zeros((0, len(history.indices)), np.float32)

    def _scores_at(self, histories: Histories, items: Ints) -> Floats:
        """Scores of some items for each person, shape (k, i)."""
        return self._scores(histories)[:, items]

    def _column(self, item: int) -> Floats:
        """Score of one item for every user that was fitted, shape (m,)."""
        found = [self._scores(part)[:, item] for part in self._blocks(np.arange(self.interactions_.n_users))]
        return np.concatenate(found)

    # ---------------------------------------------------------------------------------- what users meet

    def fit(self, interactions: Any, items: Any = None, *, progress: Progress | None = None) -> Self:
        """Learn from who had to do with what.

        Args:
            interactions: Interactions, or a table as :meth:`Interactions.of` takes it.
            items: Items, or a table with columns item and title and features; None where there is no catalogue.
            progress: is told how far it is.

        Raises:
            StudyError: a column is missing, or times where the method has a half-life.
            DataError: there is nothing to learn from, or no item of the interactions is in the catalogue.
        """
        held(self)
        catalogue = None if items is None else Items.of(items)
        known = Interactions.of(interactions)
        if not known.nnz:
            raise DataError(Fault("recommend.empty", "there are no interactions", "expected one at least"))
        times_hold(self, known.times is not None)
        if catalogue is not None:
            used = known.items.filter(pa.array(known.of_items > 0))
            if (catalogue.rows(used) < 0).all():
                names = "the table of interactions", "the catalogue"
                raise DataError(nothing_shared(used, catalogue.ids, names, "items"))
            known = known.with_items(catalogue.ids)
        self.interactions_ = known
        self.items_ = Items.nameless(known.items) if catalogue is None else catalogue.aligned(known.items)
        self.added_ = None
        self._fit(known, self.items_, progress or Quiet())
        return self

    def with_interactions(
        self, new: Any, *, columns: Mapping[str, str] | None = None, unknown: Unknown = "error"
    ) -> Self:
        """The same model, for which these interactions count, too: at once, and without fitting again.

        People who were fitted and people who are new are served by what they have had to do with by now; what was
        learned from everybody stays as it is until the model is fitted again. Of several interactions of a user and
        an item that counts which ``Interactions.of(..., duplicates=)`` chose; one without a time comes last.

        Args:
            new: a table as :meth:`Interactions.of` takes it.
            columns: names of its columns by role, where they are others.
            unknown: whether an item that was not fitted is an error, or its interactions are left out and counted
                (``added_.left_out``).

        Returns:
            Another model that shares everything with this one; this one stays as it is.

        Raises:
            StudyError: a column is missing.
            DataError: an item is not known; a user's id is text where ids are numbers.
        """
        fitted = self._fitted()
        other = copy.copy(self)
        other.added_ = (self.added_ or Additions.none(fitted)).with_events(new, columns or {}, unknown)
        return other

    def histories(self, users: Any) -> Histories:
        """What these users, by id, have had to do with by now; nothing for users who are not known."""
        return self._histories(self._user_rows(self._asked(users)))

    def scores(self, histories: Histories) -> Floats:
        """Score of every item for each person, shape (k, n), higher is better; minus infinity: cannot be scored."""
        self._fitted()
        return self._scores(histories)

    def recommend(
        self, users: Any = None, n: int = 10, *, seen: bool = False, allowed: Any = None, reasons: bool = False
    ) -> pa.Table:
        """The ``n`` best items for each user.

        Args:
            users: ids; None for everybody who was fitted.
            n: how many each; fewer where there are no more.
            seen: whether items they already had to do with may be offered.
            allowed: ids of the items that may be offered, or a mask of shape (n_items,); None for all.
            reasons: whether to say why, from the model's own score.

        Returns:
            Columns user, item, rank (from 1), score, and reason where asked for. Users the model does not know are
            served as somebody without history.
        """
        batches = list(self.recommend_batches(users, n, seen=seen, allowed=allowed, reasons=reasons))
        return pa.Table.from_batches(batches)

    def recommend_batches(
        self, users: Any = None, n: int = 10, *, seen: bool = False, allowed: Any = None, reasons: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """What :meth:`recommend` gives, a batch of some thousand rows at a time: memory does not grow with users.

        The first batch always comes, if need be without a row.
        """
        self._fitted()
        self._positive(n)
        known, mask = self._users(), self.mask(allowed)
        ids = known if users is None else self._asked(users, known)
        rows = np.arange(len(ids)) if users is None else self._user_rows(ids)
        waiting: list[pa.Table] = []
        step = self._step()
        for first in range(0, max(1, len(rows)), step):
            part = slice(first, first + step)
            waiting.append(self._offers(ids[part], rows[part], n, seen, mask, reasons))
            if sum(map(len, waiting)) >= ROWS or first + step >= len(rows):
                yield _one(waiting)
                waiting = []

    def _offers(self, ids: pa.Array, rows: Ints, n: int, seen: bool, allowed: Mask | None, reasons: bool) -> pa.Table:
        """Lists of a few people."""
        histories = self._histories(rows)
        numbers, scores = self.best(histories, n, seen=seen, allowed=allowed) if len(rows) else _none(n)
        table = self._long("user", ids, numbers, scores)
        return table.append_column("reason", self._reasons(rows, numbers)) if reasons else table

    def for_basket(self, items: Any, n: int = 10, *, allowed: Any = None) -> pa.Table:
        """The ``n`` best items for somebody of whom only these items are known: item, rank, score.

        Raises:
            DataError: none of the items is known.
        """
        rows = self._known(items)
        numbers, scores = self.best(Histories.of_basket(np.unique(rows)), n, allowed=allowed)
        return self._long("user", pa.array([None], pa.string()), numbers, scores).drop_columns("user")

    def best(
        self, histories: Histories, n: int, *, seen: bool = False, allowed: Any = None
    ) -> tuple[npt.NDArray[np.int32], Floats]:
        """Numbers and scores of the ``n`` best items for each history, shape (k, min(n, n_items)); -1: no more."""
        self._positive(n)
        without = None if seen else (histories.indptr, histories.indices)
        return best(self._scores(histories), n, without=without, allowed=self.mask(allowed))

    def similar(self, items: Any, n: int = 10) -> pa.Table:
        """The ``n`` items most like each of ``items``: item, similar, rank, score.

        Raises:
            DataError: an item is not known.
            NoAnswer: the method does not know which items are alike.
        """
        ids, rows = self._asked(items, self._fitted().items), self._known(items, every=True)
        own = (np.arange(len(rows) + 1), rows.astype(np.int32))
        numbers, scores = best(self._alike(rows), n, without=own)
        return self._long("item", ids, numbers, scores, "similar")

    def audience(self, items: Any, n: int = 10) -> pa.Table:
        """The ``n`` users to whom each of ``items`` matters most and who have not had to do with it.

        Returns:
            Columns item, user, rank, score.

        Raises:
            DataError: an item is not known.
        """
        ids, rows = self._asked(items, self._fitted().items), self._known(items, every=True)
        added = self.added_ or Additions.none(self._fitted())
        found = [self._likeliest(item, n, added.who_had(item)) for item in rows.tolist()]
        numbers, scores = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else _none(n)
        return self._long("item", ids, numbers, scores, "user", of=self._users())

    def explain(self, user: Any, item: Any) -> Explanation:
        """Why ``item`` is offered to ``user``: the parts of the model's own score.

        Raises:
            DataError: the user or the item is not known.
        """
        rows = self._user_rows(self._asked(user))
        row = int(rows[0]) if len(rows) == 1 else -1
        if row < 0:
            found, mend = f'no user "{shown(user)}"', "Ask for a basket of items, where the person is new"
            raise DataError(Fault("recommend.user", found, "expected somebody with interactions", mend, key="user"))
        return self.explained(self._histories([row]), int(self._known([item], every=True)[0]), user)

    def explained(self, history: Histories, item: int, user: object = None) -> Explanation:
        """Why an item is offered to the one person of ``history``."""
        parts = self._parts(history, item)
        score = float(self._scores(history)[0, item])
        because = self._because(history, parts)
        title = self.items_.titles[item].as_py()
        rest = score - float(parts.sum())
        sentence = self.reason(because, item)
        return Explanation(user, self.items_.ids[item].as_py(), title, score, because, rest, sentence)

    def reasons(self, history: Histories, items: npt.ArrayLike) -> list[str]:
        """Why each of ``items``, by number, is offered to the one person of ``history``: see :meth:`reason`.

        They are the sentences of :meth:`explained`, without its scores and all but the largest parts: much quicker.
        """
        numbers = np.asarray(items, np.int64)
        parts = self._parts_of(history, numbers)
        pairs = zip(parts, numbers.tolist(), strict=True)
        return [self.reason(self._because(history, own, NAMED), item) for own, item in pairs]

    def reason(self, because: pa.Table, item: int) -> str:
        """Why the item of this number is offered, in words.

        Args:
            because: the parts of its score, the largest first, with ``item``, ``title`` and ``contribution``; no more
                than the first three are named.
            item: its number.
        """
        return self._sentence(because)

    def _because(self, history: Histories, parts: Floats, most: int | None = None) -> pa.Table:
        """The parts of a score that are not 0, the largest first, ``most`` of them at most."""
        order = np.argsort(-parts, kind="stable")[:most]
        order = order[parts[order] != 0]
        at = pa.array(history.indices[order].astype(np.int64))
        return pa.table(
            {
                "item": self.items_.ids.take(at),
                "title": self.items_.titles.take(at),
                "contribution": pa.array(parts[order].astype(float)),
            }
        )

    # ---------------------------------------------------------------------------------- manners

    def mask(self, allowed: Any) -> Mask | None:
        """Which items may be offered, shape (n,); None for all."""
        if allowed is None:
            return None
        n_items = self._fitted().n_items
        if isinstance(allowed, np.ndarray) and allowed.dtype == np.bool_:
            if allowed.shape[-1:] != (n_items,):
                found, expected = (
                    f"a mask of the shape {allowed.shape}",
                    f"expected ({n_items},), a place for each item",
                )
                raise StudyError(Fault("recommend.allowed", found, expected, "Give ids instead", key="allowed"))
            return allowed
        mask = np.zeros(n_items, np.bool_)
        rows = self.interactions_.item_rows(self._asked(allowed))
        mask[rows[rows >= 0]] = True
        return mask

    def _sentence(self, because: pa.Table) -> str:
        """Why, in words, of the parts of a score, the largest first."""
        liked = [row["title"] for row in because.slice(0, NAMED).to_pylist() if row["contribution"] > 0]
        return f"because you liked {listing(liked, 3)}" if liked else ""

    def _reasons(self, rows: Ints, numbers: npt.NDArray[np.int32]) -> pa.Array:
        said = []
        for row, found in zip(rows, numbers, strict=True):
            said += self.reasons(self._histories([row]), found[found >= 0])
        return pa.array(said, pa.string())

    def _fitted(self) -> Interactions:
        if not hasattr(self, "interactions_"):
            raise StudyError(
                Fault("recommend.not-fitted", f"{type(self).__name__} has not been fitted", "", "Call fit")
            )
        return self.interactions_

    def _users(self) -> pa.Array:
        """Ids of all users, those who came after fitting last."""
        return self._fitted().users if self.added_ is None else self.added_.user_ids()

    def _user_rows(self, ids: pa.Array) -> Ints:
        fitted = self._fitted()
        return fitted.user_rows(ids) if self.added_ is None else self.added_.user_rows(ids)

    def _histories(self, rows: npt.ArrayLike) -> Histories:
        fitted = self._fitted()
        return fitted.histories(rows) if self.added_ is None else self.added_.histories(rows)

    def _likeliest(self, item: int, n: int, had: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], Floats]:
        """Rows and scores of the ``n`` users with the highest score of an item, but for those who ``had`` it."""
        return best(self._by_user(item)[None, :], n, without=(np.array([0, len(had)]), had))

    def _by_user(self, item: int) -> Floats:
        """Score of one item for every user, those who came after fitting last."""
        if self.added_ is None:
            return self._column(item)
        scores = np.concatenate((self._column(item), np.full(len(self.added_.users), -np.inf, np.float32)))
        changed = self.added_.changed
        parts = [self._scores(part)[:, item] for part in self._blocks(changed)]
        scores[changed] = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return scores

    @staticmethod
    def _positive(n: Any) -> None:
        if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
            expected = "expected a whole number, 1 or more"
            raise StudyError(Fault("recommend.n", f"n is {shown(n)}", expected, key="n"))

    @staticmethod
    def _asked(ids: Any, like: pa.Array | None = None) -> pa.Array:
        """Ids that were asked for; in the type of others, where they look the same in it."""
        one = ids is None or isinstance(ids, str | bytes | float | int | np.number)
        asked = array_of([ids] if one else ids)
        return asked.cast(like.type) if like is not None and fits(asked, like.type) else asked

    def _known(self, items: Any, *, every: bool = False) -> Ints:
        """Numbers of items; all of them, or at least one, must be known."""
        asked = self._asked(items)
        rows = self._fitted().item_rows(asked)
        if (rows < 0).any() and (every or (rows < 0).all()):
            unknown = [shown(asked[int(i)].as_py()) for i in np.flatnonzero(rows < 0)[:3]]
            found = f"no item {listing(unknown)}" if unknown else "no item was named"
            raise DataError(Fault("recommend.item", found, "expected ids of items that the model knows", key="item"))
        return rows[rows >= 0]

    def _step(self) -> int:
        """How many people are scored at once."""
        return max(1, BLOCK // max(1, self.interactions_.n_items))

    def _blocks(self, rows: Ints) -> Iterator[Histories]:
        """Histories of users, a few at a time."""
        step = self._step()
        for first in range(0, len(rows), step):
            yield self._histories(rows[first : first + step])

    def _long(
        self, key: str, ids: pa.Array, numbers: npt.NDArray[np.int32], scores: Floats, what: str = "item",
        of: pa.Array | None = None,
    ) -> pa.Table:  # fmt: skip
        """A row for each of the numbers that are there."""
        there = numbers >= 0
        row, column = np.nonzero(there)
        return pa.table(
            {
                key: ids.take(pa.array(row)),
                what: (self.interactions_.items if of is None else of).take(pa.array(numbers[there].astype(np.int64))),
                "rank": pa.array(column + 1),
                "score": pa.array(scores[there].astype(float)),
            }
        )

    def _cannot(self, what: str) -> Fault:
        return Fault("recommend.method", f"{type(self).__name__} {what}", "", "Take another method for this question")


def _one(tables: list[pa.Table]) -> pa.RecordBatch:
    whole = pa.concat_tables(tables).combine_chunks()
    return pa.record_batch([_chunk(column) for column in whole.columns], whole.schema.names)


def _chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _none(n: int) -> tuple[npt.NDArray[np.int32], Floats]:
    return np.zeros((0, n), np.int32), np.zeros((0, n), np.float32)
