"""A person's page: what they liked, what they are offered and why; for a few people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, listing
from potomac.recommend.found import Found
from potomac.recommend.ids import array_of

__all__ = ["SCHEMA", "examples_of"]

Ints = npt.NDArray[np.int64]

SHOWN = 8
"""Entries of a history that are shown, the last ones where times are known."""
QUANTILES = (0.25, 0.5, 0.9, 0.75, 0.1)
"""Where in the order of history lengths the people stand that are shown."""

SCHEMA = pa.schema(
    [
        ("person", pa.string()),
        ("what", pa.string()),
        ("place", pa.int64()),
        ("item", pa.string()),
        ("title", pa.string()),
        ("reason", pa.string()),
    ]
)
"""A row for each thing that somebody liked or is offered; people are told by how much is known of them."""


def examples_of(found: Found) -> pa.Table | None:
    """What a few people liked and are offered; None where nobody shall be shown.

    Raises:
        DataError: the study names somebody of whom nothing is known.
    """
    rows = _rows(found)
    if not len(rows):
        return None
    table = [
        line for row, name in zip(rows.tolist(), _names(found, rows), strict=True) for line in _page(found, row, name)
    ]
    return pa.Table.from_pylist(table, SCHEMA)


def _rows(found: Found) -> Ints:
    """Rows of the people who are shown: those who are named, or some from short to long histories."""
    asked, every = found.question.examples, found.read.likes
    if not isinstance(asked, int):
        ids = array_of(list(asked))
        rows = every.user_rows(ids)
        if (rows < 0).any():
            names = listing(ids[int(i)].as_py() for i in np.flatnonzero(rows < 0))
            fault = Fault("recommend.user", f"no user {names}", "expected ids of users", "", key="report.examples")
            raise DataError(fault)
        return rows
    lengths = every.of_users
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    wanted = [*QUANTILES, *np.linspace(0.05, 0.95, max(0, asked - len(QUANTILES)))][:asked]
    at = sorted({int(q * (len(order) - 1)) for q in wanted}) if len(order) else []
    return order[at].astype(np.int64)


def _names(found: Found, rows: Ints) -> list[str]:
    """What people are called: by how much is known of them, and by id where the study wishes so."""
    counts = found.read.likes.of_users[rows]
    said = [f"person {chr(65 + k % 26)}{'' if k < 26 else k // 26}, {n:,} known" for k, n in enumerate(counts.tolist())]
    if not found.question.ids and isinstance(found.question.examples, int):
        return said
    ids = found.read.every.users.take(pa.array(rows)).to_pylist()
    return [f"{one}, {n:,} known" for one, n in zip(ids, counts.tolist(), strict=True)]


def _page(found: Found, row: int, name: str) -> Iterator[dict[str, Any]]:
    history = found.read.likes.histories([row])
    items = found.read.items
    order = np.arange(len(history.indices)) if history.times is None else np.argsort(-history.times, kind="stable")
    for place, entry in enumerate(order[:SHOWN].tolist(), 1):
        at = int(history.indices[entry])
        yield _line(name, "liked", place, items, at, "")
    numbers, _ = found.lists.best(np.array([row]))
    for place, at in enumerate(numbers[0][numbers[0] >= 0].tolist(), 1):
        yield _line(name, "offered", place, items, at, found.lists.reason(history, at))


def _line(name: str, what: str, place: int, items: Any, at: int, reason: str) -> dict[str, Any]:
    item, title = str(items.ids[at].as_py()), items.titles[at].as_py()
    return {"person": name, "what": what, "place": place, "item": item, "title": title, "reason": reason}
