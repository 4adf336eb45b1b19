"""Interactions: who had to do with what, how much and when, as one sparse matrix with its ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, StudyError, listing, shown
from potomac.recommend.matrix.gathering import gathered
from potomac.recommend.matrix.ids import Index, array_of, fits
from potomac.recommend.matrix.source import source_of
from potomac.recommend.matrix.sparse import counted, later, transposed

__all__ = ["DUPLICATES", "Duplicates", "Histories", "Interactions"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

Duplicates = Literal["last", "sum", "max", "error"]
DUPLICATES: tuple[Duplicates, ...] = ("last", "sum", "max", "error")
"""What becomes of several rows of one user and one item."""


@dataclass(frozen=True, eq=False)
class Histories:
    """What k people had to do with, in the item numbers of a fitted model.

    Attributes:
        indptr: where each person's entries begin and end, shape (k + 1,).
        indices: item numbers, ascending within a person, shape (e,).
        values: how much, shape (e,).
        times: when, microseconds since 1970 UTC, shape (e,); None where not known.
        rows: row of each person among the users a model was fitted to, shape (k,); -1 for somebody whom it has not
            seen, or about whom more is known by now than it has seen.
    """

    indptr: Ints
    indices: Columns
    values: Floats
    times: Ints | None
    rows: Ints

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def lengths(self) -> Ints:
        """Entries of each person, shape (k,)."""
        return np.diff(self.indptr)

    def part(self, first: int, last: int) -> Histories:
        """Persons ``first`` up to but without ``last``."""
        low, high = self.indptr[first], self.indptr[last]
        times = None if self.times is None else self.times[low:high]
        indptr = self.indptr[first : last + 1] - low
        return Histories(indptr, self.indices[low:high], self.values[low:high], times, self.rows[first:last])

    def recent(self, half_life: float | None) -> Histories:
        """The same with older entries counting less: values times 0.5 ** (later entries of the person / half-life).

        Age is counted in entries, not in days: what somebody did last says most about what comes next, whether that
        was yesterday or a year ago. As it is, where times are not known or ``half_life`` is None.

        Args:
            half_life: after how many later entries one counts half, more than 0.
        """
        if half_life is None or self.times is None:
            return self
        weight = np.exp2(later(self.indptr, self.times) / np.float32(-half_life))
        return replace(self, values=self.values * weight.astype(np.float32))

    @classmethod
    def of_basket(cls, indices: npt.ArrayLike, values: npt.ArrayLike | None = None) -> Histories:
        """One person of whom only these items are known (item numbers, no two alike)."""
        found = np.asarray(indices, np.int32)
        amounts = np.ones(len(found), np.float32) if values is None else np.asarray(values, np.float32)
        order = np.argsort(found, kind="stable")
        return cls(np.array([0, len(found)]), found[order], amounts[order], None, np.array([-1]))


@dataclass(frozen=True, eq=False)
class Interactions:
    """A sparse matrix of m users and n items, and the ids of both.

    Attributes:
        users: ids, shape (m,), distinct and ascending.
        items: ids, shape (n,), distinct; those without any interaction have an empty column.
        indptr: where each user's entries begin and end, shape (m + 1,).
        indices: item numbers, ascending within a user, shape (nnz,).
        values: how much or how good, shape (nnz,); 1 each where the table has no value.
        times: when, microseconds since 1970 UTC, shape (nnz,); None where the table has no time.
        rated: whether the table had values.
        repeated: rows of the table that repeated user and item of another.
        duplicates: which of several rows of a user and an item counts, in the table and in what comes after it.
    """

    users: pa.Array
    items: pa.Array
    indptr: Ints
    indices: Columns
    values: Floats
    times: Ints | None = None
    rated: bool = False
    repeated: int = 0
    duplicates: Duplicates = "last"

    @classmethod
    def of(
        cls,
        source: Any,
        *,
        columns: Mapping[str, str] | None = None,
        duplicates: Duplicates = "last",
        items: Any = None,
    ) -> Self:
        """Interactions of a table with a row for each.

        Args:
            source: an Arrow, pandas or Polars table, a DuckDB relation, a stream of record batches, a mapping of
                arrays, or Interactions. Columns ``user`` and ``item`` (integers or text), and, where there are any,
                ``value`` and ``time``.
            columns: names of the columns in the source, by role, where they are others.
            duplicates: which of several rows of a user and an item counts: the last by time (without times, the last
                in the table), the largest value, or the sum of the values; ``error`` refuses them.
            items: ids that shall have a column, too, although nobody had to do with them yet.

        Raises:
            StudyError: a column is missing, or ``duplicates`` is none of the words.
            DataError: there is no row; ids are neither integers nor text; a value is not a number; rows repeat each
                other and ``duplicates`` is "error".
        """
        if isinstance(source, cls):
            return source if items is None else source.with_items(items)
        if duplicates not in DUPLICATES:
            sentence, expected = f"duplicates is {shown(duplicates)}", f"expected one of {listing(DUPLICATES)}"
            raise StudyError(Fault("recommend.duplicates", sentence, expected, key="duplicates"))
        found = gathered(source_of(source), {} if columns is None else columns, duplicates)
        if found.repeated and duplicates == "error":
            sentence = f"{found.repeated:,} rows repeat user and item of another row"
            mend = "Say which of them counts: last, sum or max"
            raise DataError(Fault("recommend.duplicates", sentence, "expected each pair once", mend, key="duplicates"))
        made = cls(**{one.name: getattr(found, one.name) for one in fields(found)}, duplicates=duplicates)
        return made if items is None else made.with_items(items)

    def __repr__(self) -> str:
        return f"<Interactions: {self.nnz:,} of {self.n_users:,} users and {self.n_items:,} items>"

    @property
    def n_users(self) -> int:
        """Number of users m."""
        return len(self.indptr) - 1

    @property
    def n_items(self) -> int:
        """Number of items n, those without interactions included."""
        return len(self.items)

    @property
    def nnz(self) -> int:
        """Number of pairs of user and item that had to do with each other."""
        return len(self.indices)

    @property
    def density(self) -> float:
        """Share of all pairs of user and item."""
        return self.nnz / (self.n_users * self.n_items) if self.n_users and self.n_items else 0.0

    @cached_property
    def of_users(self) -> Ints:
        """Entries of each user, shape (m,)."""
        return np.diff(self.indptr)

    @cached_property
    def of_items(self) -> Ints:
        """Entries of each item, shape (n,)."""
        return np.asarray(counted(self.indices, self.n_items))

    @cached_property
    def by_item(self) -> tuple[Ints, Columns, Floats]:
        """The transpose: indptr of shape (n + 1,), user numbers ascending within an item, values."""
        return transposed(self.indptr, self.indices, self.values, self.n_items)

    @cached_property
    def last_time(self) -> int:
        """The latest of the times; 0 where there are none."""
        return 0 if self.times is None else int(self.times.max(initial=0))

    @cached_property
    def _users(self) -> Index:
        return Index(self.users)

    @cached_property
    def _items(self) -> Index:
        return Index(self.items)

    def user_rows(self, ids: Any) -> Ints:
        """Row of each user id, -1 where there is none; numbers and text that look alike are the same id."""
        return self._users.rows(ids)

    def item_rows(self, ids: Any) -> Ints:
        """Number of each item id, -1 where there is none; numbers and text that look alike are the same id."""
        return self._items.rows(ids)

    def histories(self, rows: npt.ArrayLike) -> Histories:
        """What the users at ``rows`` had to do with; a row of -1 is a person without history."""
        wanted = np.asarray(rows, np.int64)
        known = wanted >= 0
        lengths = np.where(known, self.of_users[wanted], 0)
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        starts = np.where(known, self.indptr[wanted], 0)
        at = np.repeat(starts - indptr[:-1], lengths) + np.arange(indptr[-1])
        times = None if self.times is None else self.times[at]
        return Histories(indptr, self.indices[at], self.values[at], times, wanted)

    def recent(self, half_life: float | None) -> Floats:
        """Values with older entries of each person counting less, shape (nnz,): see :meth:`Histories.recent`."""
        if half_life is None or self.times is None:
            return self.values
        return self.histories(np.arange(self.n_users)).recent(half_life).values

    def keep(self, mask: Mask) -> Self:
        """The entries that ``mask``, shape (nnz,), marks; users and items stay as they are."""
        kept = np.concatenate(([0], np.cumsum(mask)))
        times = None if self.times is None else self.times[mask]
        return replace(
            self, indptr=kept[self.indptr], indices=self.indices[mask], values=self.values[mask], times=times
        )

    def take_users(self, rows: npt.ArrayLike) -> Self:
        """Only the users at ``rows``, in that order; items stay as they are."""
        wanted = np.asarray(rows, np.int64)
        part = self.histories(wanted)
        users = self.users.take(pa.array(wanted))
        return replace(
            self, users=users, indptr=part.indptr, indices=part.indices, values=part.values, times=part.times
        )

    def with_items(self, ids: Any) -> Self:
        """The same with columns for these items, too: those that are new come last, in their own order."""
        given = array_of(ids)
        new = given.filter(pc.less(pa.array(self.item_rows(given)), 0))
        new = pc.unique(new.drop_null())
        if not len(new):
            return self
        if new.type != self.items.type:
            new = new.cast(self.items.type) if fits(new, self.items.type) else new.cast(pa.string())
        old = self.items if self.items.type == new.type else self.items.cast(new.type)
        return replace(self, items=pa.concat_arrays([old, new]))

    def binary(self) -> Self:
        """The same with the value 1 everywhere."""
        return replace(self, values=np.ones(self.nnz, np.float32), rated=False)
