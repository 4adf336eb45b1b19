"""What a table of interactions holds before anything is learnt from it, and what in it is no person's taste."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.stats.streams import Stream

__all__ = ["Counts", "counts_of", "judged"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

COPIED = 5
"""Items from which on two people who had exactly the same are taken for one."""
ALL = 0.5
"""Share of the catalogue above which somebody is no customer but a machine, or a member of staff."""
MOST = 0.2
"""Share of the people who may be left out so; were it more, then that is how people are."""
NEW_PERSON = 3
"""Interactions below which little is known of a person."""
NEW_ITEM = 5
"""People below whom little is known of an item."""


@dataclass(frozen=True)
class Counts:
    """Counts of interactions and catalogue.

    Attributes:
        users: people. items: of the catalogue, those without interactions among them. interactions: distinct pairs.
        testable: people with two interactions at least. density: share of all pairs that had to do with each other.
        per_user: median interactions of a person. per_item: median people of an item.
        cold_users: share of people with fewer than 3. cold_items: share of items with fewer than 5.
        head: share of the interactions with the ten most popular items.
        repeats: share of the rows that repeat a pair.
        features: columns of the catalogue that are filled for half of the items or more.
        timed: whether times are known.
    """

    users: int
    items: int
    interactions: int
    testable: int
    density: float
    per_user: float
    per_item: float
    cold_users: float
    cold_items: float
    head: float
    repeats: float
    features: tuple[str, ...]
    timed: bool


def counts_of(interactions: Interactions, items: Items | None, head: int = 10) -> Counts:
    """Counts; those who have nothing (any more) are no people."""
    people = interactions.of_users[interactions.of_users > 0]
    each = np.sort(interactions.of_items)[::-1]
    rows = interactions.nnz + interactions.repeated
    return Counts(
        users=len(people),
        items=interactions.n_items,
        interactions=interactions.nnz,
        testable=int((people >= 2).sum()),
        density=interactions.nnz / max(1, len(people) * interactions.n_items),
        per_user=float(np.median(people)) if len(people) else 0.0,
        per_item=float(np.median(each)) if len(each) else 0.0,
        cold_users=float((people < NEW_PERSON).mean()) if len(people) else 0.0,
        cold_items=float((each < NEW_ITEM).mean()) if len(each) else 0.0,
        head=float(each[:head].sum() / max(1, interactions.nnz)),
        repeats=interactions.repeated / max(1, rows),
        features=() if items is None else _filled(items),
        timed=interactions.times is not None,
    )


def _filled(items: Items) -> tuple[str, ...]:
    there = items.features
    half = there.num_rows / 2
    return tuple(name for name in there.column_names if there.num_rows - there.column(name).null_count >= max(half, 1))


def judged(interactions: Interactions, most: int, seed: int) -> tuple[Interactions, tuple[str, ...]]:
    """The people by whom readiness is judged, each interaction worth the same, and what was left out, in sentences.

    Left out are people who had over half of the catalogue (bots, testers, staff), and all but one of those who had
    exactly the same five items or more (a bot with many names); they would be foretold with ease, and nobody served.
    Of very many interactions a sample of the people is taken.
    """
    known = replace(interactions.binary(), repeated=0)
    had = known.of_users > 0
    notes = []
    greedy = had & (known.of_users > ALL * known.n_items) & (known.of_users >= 2 * COPIED)
    copies = _copies(known) & had & ~greedy
    for which, what in (
        (greedy, f"had over {ALL:.0%} of the catalogue"),
        (copies, "had exactly what somebody else had"),
    ):
        if not which.any():
            continue
        left_out = which is copies or which.sum() <= MOST * had.sum()
        if left_out:
            had &= ~which
            n = int(which.sum())
            who, left = ("person", "was") if n == 1 else ("people", "were")
            notes.append(f"{n:,} {who} who {what} {left} left out, as machines, staff or copies.")
    rows = np.flatnonzero(had)
    total = int(known.of_users[rows].sum())
    if total > most:
        order = Stream(seed).child("recommend", "readiness", "sample").generator().permutation(rows)
        size = max(1, int(np.searchsorted(np.cumsum(known.of_users[order]), most)))
        notes.append(f"Judged by {size:,} of {len(rows):,} people, drawn at random: enough to know.")
        rows = np.sort(order[:size])
    return known.take_users(rows), tuple(notes)


def _copies(interactions: Interactions) -> Mask:
    """Marks people who had the same items, five at least, as somebody before them, shape (m,)."""
    draws = Stream(0).child("recommend", "readiness", "signature").generator()
    key = draws.integers(np.iinfo(np.int64).max, size=interactions.n_items, dtype=np.int64)
    sums = np.concatenate(([0], np.cumsum(key[interactions.indices], dtype=np.int64)))  # of 64 bits, round and round
    signature = sums[interactions.indptr[1:]] - sums[interactions.indptr[:-1]]
    first = np.zeros(interactions.n_users, np.bool_)
    first[np.unique(signature, return_index=True)[1]] = True
    return np.asarray(~first & (interactions.of_users >= COPIED))
