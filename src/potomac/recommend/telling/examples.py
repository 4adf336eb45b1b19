"""A person's page: what they liked, what they are offered and why; for a few people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, listing
from potomac.recommend.matrix.ids import array_of
from potomac.recommend.telling.found import Found

__all__ = ["SCHEMA", "examples_of"]

Ints = npt.NDArray[np.int64]

FEWEST = 5
"""Lines of a page, where so much was liked and less is offered."""
QUANTILES = (0.25, 0.5, 0.9, 0.75, 0.1)
"""Where in the order of history lengths the people stand that are shown."""

LIKED = "because you liked "
"""What most reasons begin with: here it stands in the heading."""

SCHEMA = pa.schema(
    [
        ("person", pa.string()),
        ("place", pa.int64()),
        ("liked", pa.string()),
        ("offered", pa.string()),
        ("reason", pa.string()),
    ]
)
"""Titles of what somebody liked (the last first, where times are known), beside it what is offered and why."""


def examples_of(found: Found) -> pa.Table | None:
    """What a few people liked and are offered; None where nobody shall be shown.

    Raises:
        DataError: the study names somebody of whom nothing is known.
    """
    if not found.personal and isinstance(found.question.examples, int):
        return None  # everybody is offered the same
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
    said = [f"{chr(65 + k % 26)}{'' if k < 26 else k // 26} ({n:,} known)" for k, n in enumerate(counts.tolist())]
    if not found.question.ids and isinstance(found.question.examples, int):
        return said
    ids = found.read.every.users.take(pa.array(rows)).to_pylist()
    return [f"{one} ({n:,} known)" for one, n in zip(ids, counts.tolist(), strict=True)]


def _page(found: Found, row: int, name: str) -> Iterator[dict[str, Any]]:
    """A line for each place: what was liked, beside it what is offered and why."""
    history = found.read.likes.histories([row])
    titles = found.read.items.titles
    order = np.arange(len(history.indices)) if history.times is None else np.argsort(-history.times, kind="stable")
    liked = history.indices[order].tolist()
    numbers, _ = found.lists.best(np.array([row]))
    offered = numbers[0][numbers[0] >= 0].tolist()
    lines = max(len(offered), min(len(liked), FEWEST))
    for place in range(lines):
        had = liked[place] if place < len(liked) else None
        new = offered[place] if place < len(offered) else None
        yield {
            "person": name,
            "place": place + 1,
            "liked": None if had is None else titles[had].as_py(),
            "offered": None if new is None else titles[new].as_py(),
            "reason": None if new is None else found.lists.reason(history, new).removeprefix(LIKED),
        }
