"""New interactions beside a fitted model: they count at once, and nothing is fitted again.

The matrix that a model was fitted to stays as it is. What is new lies beside it, by person; the two are put together
for the people that are asked about. A person about whom something is new has no row in the fitted matrix any more
(``Histories.rows`` is -1), so that a method works from the history and not from what it had learned of the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, listing, shown
from potomac.recommend.matrix.columns import columns_of
from potomac.recommend.matrix.ids import Index, alike, rows_of
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.sparse import combined, grouped

__all__ = ["Additions", "Unknown"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]

Unknown = Literal["error", "leave_out"]
"""What becomes of interactions with an item that a model was not fitted to."""

LATE = 1000
"""New users that are looked for one by one, before all of them are put in order again."""


@dataclass(frozen=True, eq=False)
class Additions:
    """What came after fitting, e entries in the numbers of the fitted matrix of m users.

    Attributes:
        fitted: what the model was fitted to.
        users: ids of those who are new, in the order in which they came; their rows are m, m + 1 and so on.
        rows: row of the user, ascending, shape (e,); of one user in the order in which they came.
        columns: item numbers, shape (e,).
        values: shape (e,).
        times: microseconds since 1970 UTC, shape (e,); None where the fitted matrix has no times.
        left_out: interactions that were left out, because their item is not known.
        index: of the first of ``users``; the others are few.
    """

    fitted: Interactions
    users: pa.Array
    rows: Ints
    columns: Columns
    values: Floats
    times: Ints | None
    left_out: int
    index: Index

    @classmethod
    def none(cls, fitted: Interactions) -> Self:
        """Nothing new yet."""
        times = None if fitted.times is None else np.zeros(0, np.int64)
        nobody = fitted.users.slice(0, 0)
        rows, columns, values = np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
        return cls(fitted, nobody, rows, columns, values, times, 0, Index(nobody))

    @property
    def n_users(self) -> int:
        """Number of users, those who are new included."""
        return self.fitted.n_users + len(self.users)

    @property
    def changed(self) -> Ints:
        """Rows of the people about whom something is new, ascending."""
        return np.unique(self.rows)

    def user_ids(self) -> pa.Array:
        """Ids of all users by row, those who are new last."""
        return pa.concat_arrays([self.fitted.users, self.users]) if len(self.users) else self.fitted.users

    def user_rows(self, ids: pa.Array) -> Ints:
        """Row of each user id, -1 where nothing is known of such a user."""
        rows = self.fitted.user_rows(ids)
        if not len(self.users) or (rows >= 0).all():
            return rows
        indexed = len(self.index.ids)
        new, late = self.index.rows(ids), rows_of(self.users[indexed:], ids)
        new = np.where((new < 0) & (late >= 0), indexed + late, new)
        return np.where((rows < 0) & (new >= 0), self.fitted.n_users + new, rows)

    def with_events(self, new: Any, columns: Mapping[str, str], unknown: Unknown) -> Self:
        """The same with more interactions: see :meth:`Recommender.with_interactions`."""
        user, item, value, time = columns_of(new, columns)
        column = self.fitted.item_rows(item)
        known = column >= 0
        if unknown == "error" and not known.all():
            raise _no_such(item, column)
        left_out = self.left_out + int((~known).sum())
        if not known.all():
            user = user.filter(pa.array(known))
            column = column[known]
            value = None if value is None else value[known]
            time = None if time is None else time[known]
        users, rows = self._numbered(user)
        values = np.ones(len(rows), np.float32) if value is None else value
        index = self.index if len(users) - len(self.index.ids) <= LATE else Index(users)
        other = replace(self, users=users, index=index, left_out=left_out)
        return other._merged(rows, column.astype(np.int32), values, time)

    def _numbered(self, ids: pa.Array) -> tuple[pa.Array, Ints]:
        """Users with those that are new, and the row of each id."""
        rows = self.user_rows(ids)
        if (rows >= 0).all():
            return self.users, rows
        new = alike(pc.unique(ids.filter(pa.array(rows < 0))), self.users.type, "user")
        own = self.n_users + rows_of(new, ids)
        return pa.concat_arrays([self.users, new]), np.where(rows < 0, own, rows)

    def _merged(self, rows: Ints, columns: Columns, values: Floats, times: Ints | None) -> Self:
        order = np.argsort(np.concatenate((self.rows, rows)), kind="stable")
        joined: Ints | None = None
        if self.times is not None:
            came = self._after(len(rows)) if times is None else times
            joined = np.concatenate((self.times, came))[order]
        return replace(
            self,
            rows=np.concatenate((self.rows, rows))[order],
            columns=np.concatenate((self.columns, columns))[order],
            values=np.concatenate((self.values, values))[order],
            times=joined,
        )

    def _after(self, entries: int) -> Ints:
        """Times after all others, for interactions that come without one."""
        assert self.times is not None  # noqa: S101 - the caller has looked
        last = max(self.fitted.last_time, int(self.times.max(initial=0)))
        return last + 1 + np.arange(entries, dtype=np.int64)

    def histories(self, rows: npt.ArrayLike) -> Histories:
        """What the users at ``rows`` have had to do with by now; a row of -1 is a person without history."""
        wanted = np.asarray(rows, np.int64)
        old = self.fitted.histories(np.where(wanted < self.fitted.n_users, wanted, -1))
        first, last = np.searchsorted(self.rows, wanted), np.searchsorted(self.rows, wanted, side="right")
        more = np.where(wanted < 0, 0, last - first)
        if not more.any():
            return old
        starts = np.concatenate(([0], np.cumsum(more)))
        new = np.repeat(first - starts[:-1], more) + np.arange(starts[-1])
        people = np.arange(len(wanted), dtype=np.int32)
        times = None
        if old.times is not None and self.times is not None:
            times = np.concatenate((old.times, self.times[new]))
        indptr, indices, values, times = grouped(
            np.concatenate((np.repeat(people, old.lengths), np.repeat(people, more))),
            np.concatenate((old.indices, self.columns[new])),
            np.concatenate((old.values, self.values[new])),
            times,
            len(wanted),
        )
        how = "last" if self.fitted.duplicates == "error" else self.fitted.duplicates
        indptr, indices, values, times, _ = combined(indptr, indices, values, times, how)
        return Histories(indptr, indices, values, times, np.where(more > 0, -1, old.rows))

    def who_had(self, item: int) -> Columns:
        """Rows of the users who had to do with an item, ascending."""
        indptr, people, _ = self.fitted.by_item
        old = people[indptr[item] : indptr[item + 1]]
        new = self.rows[self.columns == item]
        return np.union1d(old, new).astype(np.int32) if len(new) else old


def _no_such(item: pa.Array, column: Ints) -> DataError:
    unknown = pc.unique(item.filter(pa.array(column < 0))).to_pylist()
    found = f"{int((column < 0).sum()):,} interactions with items that the model does not know: " + listing(
        [shown(one) for one in unknown[:3]], 3
    )
    mend = 'Leave them out (unknown="leave_out"), or fit again with a catalogue that has them'
    return DataError(Fault("recommend.item", found, "expected items that were fitted", mend, key="item"))
