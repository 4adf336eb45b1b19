"""Items: the catalogue with its titles and features, in the item numbers of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.recommend.matrix.columns import arrow_of, known_roles, named, text_of
from potomac.recommend.matrix.ids import array_of, rows_of

__all__ = ["Items"]


@dataclass(frozen=True, eq=False)
class Items:
    """A catalogue of n items.

    Attributes:
        ids: distinct, shape (n,).
        titles: text, shape (n,); the id where the catalogue has no title for it.
        features: n rows and a column for each feature: numbers, words, lists of words, or text; null where an item
            lacks it.
        listed: whether the catalogue has the item, shape (n,); others came with interactions alone.
    """

    ids: pa.Array
    titles: pa.Array
    features: pa.Table
    listed: pa.Array

    @classmethod
    def of(
        cls, source: Any, *, columns: Mapping[str, str] | None = None, features: Sequence[str] | None = None
    ) -> Self:
        """The catalogue of a table with a row for each item.

        Args:
            source: as of :meth:`Interactions.of`, or Items.
            columns: names of the columns ``item`` and ``title`` in the source, where they are others.
            features: columns that say what an item is like; default all but id and title.

        Raises:
            StudyError: a column is missing.
            DataError: an id is null or stands twice.
        """
        if isinstance(source, cls):
            return source
        table, given = arrow_of(source), known_roles(columns, ("item", "title"))
        item, title = named(table, "item", given, required=True), named(table, "title", given, required=False)
        ids = array_of(table.column(item))
        if ids.null_count or len(pc.unique(ids)) < len(ids):
            found = f'column "{item}" has {len(ids):,} rows and {len(pc.unique(ids.drop_null())):,} distinct ids'
            raise DataError(Fault("recommend.items", found, "expected one row for each item", key="items"))
        if features is None:
            features = [name for name in table.column_names if name not in (item, title)]
        chosen = [features] if isinstance(features, str) else list(features)
        for name in chosen:
            if chosen.count(name) > 1 or table.column_names.count(name) > 1:
                found, mend = f'the feature "{name}" stands twice', "Name it once; rename a column of the same name"
                raise StudyError(Fault("recommend.twice", found, "expected each feature once", mend, key="features"))
            if name not in table.column_names:
                found, there = f'no column "{name}"', f"there are {listing(table.column_names)}"
                raise StudyError(
                    Fault("data.column-missing", found, there, did_you_mean(name, table.column_names), key="features")
                )
        own = ids.cast(pa.string())
        titles = own if title is None else pc.coalesce(text_of(table.column(title), title, "title"), own)
        told = pa.table([_plain(table.column(name)) for name in chosen], chosen) if chosen else table.select([])
        return cls(ids, titles, told, pa.array([True] * len(ids)))

    @classmethod
    def nameless(cls, ids: pa.Array) -> Self:
        """Items of which nothing but the id is known."""
        bare = pa.Table.from_batches([], pa.schema([]))
        return cls(ids, ids.cast(pa.string()), bare, pa.array([False] * len(ids), pa.bool_()))

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, ids: Any) -> npt.NDArray[np.int64]:
        """Number of each item id, -1 where there is none; numbers and text that look alike are the same id."""
        return rows_of(self.ids, ids)

    @property
    def unlisted(self) -> int:
        """How many items the catalogue lacks: they came with interactions alone."""
        return len(self) - int(pc.sum(self.listed).as_py() or 0)

    def aligned(self, ids: pa.Array) -> Items:
        """The catalogue with its rows in the order of ``ids``; those it lacks have their id for a title."""
        rows = self.rows(ids)
        at = pa.array(rows, mask=rows < 0)
        titles = pc.coalesce(self.titles.take(at), ids.cast(pa.string()))
        return Items(ids, titles, self.features.take(at), pc.fill_null(self.listed.take(at), False))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of a type from which rows can be taken."""
    if pa.types.is_run_end_encoded(column.type):
        return pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], column.type.value_type)
    return column.cast(pa.string()) if pa.types.is_string_view(column.type) else column
