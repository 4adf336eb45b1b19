"""How alike items are by the people who had to do with them, and the nearest of each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.recommend.matrix.gram import weighted_by_item, work_of
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.threads import in_parts
from potomac.stats.compiled import compiled

__all__ = ["METRICS", "Likeness", "Rule", "likeness", "nearest"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]

Likeness = Literal["bm25", "cosine", "tfidf", "jaccard", "conditional", "rp3beta"]
METRICS: tuple[Likeness, ...] = get_args(Likeness)

WORK = 1 << 31
"""Multiplications between two words of progress."""


@dataclass(frozen=True)
class Rule:
    """The likeness of item i to j: ``c_ji / (own_j other_i + size_j + size_i - share c_ji + shrinkage)``.

    Attributes:
        values: of the interactions, of which ``c_ji = sum_u weight_u values_uj values_ui``, shape (nnz,).
        weight: of each user, shape (m,).
        own, other, size: of each item, shape (n,).
        share: 1 for Jaccard, else 0.
        shrinkage: at least 0.
    """

    values: Floats
    weight: Floats
    own: Floats
    other: Floats
    size: Floats
    share: float
    shrinkage: float


def likeness(
    metric: Likeness, known: Interactions, values: Floats, *, shrinkage: float, user_power: float, item_power: float,
    k1: float, b: float,
) -> Rule:  # fmt: skip
    """The rule of a metric; see :class:`ItemKNN` for what they are."""
    items = known.n_items
    size, _ = _sums(known.indptr, known.indices, values, np.ones(known.n_users), items)
    of_users = np.maximum(known.of_users, 1).astype(float)
    weight: Doubles = of_users**-user_power
    own: Doubles = np.ones(items)
    other, sizes, share = own, np.zeros(items), 0.0
    if metric == "jaccard":
        own, other, sizes, share = sizes, sizes, size, 1.0
    elif metric == "conditional":
        own, other = size, size**item_power
    elif metric == "rp3beta":
        own, other, shrinkage = size**user_power, size**item_power, 0.0
    elif metric == "bm25":
        idf = np.log1p((items - of_users + 0.5).clip(0.5) / (of_users + 0.5))
        weight, shrinkage = weight * idf**2, 0.0
        length = 1 - b + b * size / size.mean(where=size > 0) if (size > 0).any() else np.ones(items)
        if (values == 1).all():  # the weight of an item is that of all its values
            own = other = (k1 * length + 1) / (k1 + 1)
        else:
            values = (values * (k1 + 1) / (k1 * length[known.indices] + values)).astype(np.float32)
    else:
        if metric == "tfidf":
            weight = weight * np.log1p(items / of_users) ** 2
        own = other = np.sqrt(_sums(known.indptr, known.indices, values, weight, items)[1])
    single = np.float32
    return Rule(
        values, weight.astype(single), own.astype(single), other.astype(single), sizes.astype(single), share, shrinkage
    )


@compiled(nogil=True)
def _sums(indptr: Ints, indices: Columns, values: Floats, weight: Doubles, items: int) -> tuple[Doubles, Doubles]:
    """Of each item the sum of its values, and the weighted sum of their squares."""
    plain, squares = np.zeros(items), np.zeros(items)
    for user in range(len(indptr) - 1):
        for e in range(indptr[user], indptr[user + 1]):
            plain[indices[e]] += values[e]
            squares[indices[e]] += weight[user] * values[e] * values[e]
    return plain, squares


def nearest(known: Interactions, rule: Rule, k: int, progress: Progress) -> tuple[Ints, Columns, Floats]:
    """The ``k`` items most like each, itself left out: a sparse product, of which only the best of a row are kept.

    Returns:
        Compressed sparse rows: indptr of shape (n + 1,), numbers and likeness, the most alike first; of equals the
        smaller number.
    """
    items = known.n_items
    starts, people, amounts = weighted_by_item(known.indptr, known.indices, rule.values, rule.weight, items)
    plain = bool((rule.values == 1).all())
    work = work_of(known.indptr, known.indices, items)
    found: list[tuple[Ints, Columns, Floats]] = []
    edges = [0, *(np.flatnonzero(np.diff(np.cumsum(work) // WORK)) + 1).tolist(), items]
    for base, last in pairwise(edges):

        def run(a: int, b: int, base: int = base) -> tuple[Ints, Columns, Floats]:
            return _nearest(
                base + a, base + b, k, starts, people, amounts, known.indptr, known.indices, rule.values, plain, work,
                rule.own, rule.other, rule.size, rule.share, rule.shrinkage,
            )  # fmt: skip

        progress("training", base, items)
        found += in_parts(work[base:last], run)
    progress("training", items, items)
    lengths, numbers, alike = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return np.concatenate(([0], np.cumsum(lengths))), numbers, alike


@compiled(nogil=True, error_model="numpy")
def _nearest(
    first: int, last: int, k: int, starts: Ints, people: Columns, amounts: Floats, indptr: Ints, indices: Columns,
    values: Floats, plain: bool, work: Ints, own: Floats, other: Floats, size: Floats, share: float, shrinkage: float,
) -> tuple[Ints, Columns, Floats]:  # fmt: skip
    items = len(own)
    common = np.zeros(items, np.float32)
    touched = np.empty(items, np.int32)
    lengths = np.zeros(last - first, np.int64)
    room = 0
    for j in range(first, last):
        room += min(k, work[j], items - 1)
    numbers, alike = np.empty(room, np.int32), np.empty(room, np.float32)
    end = 0
    for j in range(first, last):
        most = min(k, items - 1)
        key, heap, held = alike[end : end + most], numbers[end : end + most], 0
        if work[j] < items:  # few: those that were met are noted
            met = _common_few(starts[j], starts[j + 1], people, amounts, indptr, indices, values, common, touched)
            among = np.sort(touched[:met])
        else:
            _common(starts[j], starts[j + 1], people, amounts, indptr, indices, values, plain, common)
            among = touched[:0]
        dense = work[j] >= items
        for place in range(items if dense else len(among)):
            i = place if dense else among[place]
            c = common[i]
            if c == 0:
                continue
            common[i] = 0
            if i == j:
                continue
            s = np.float32(c / (own[j] * other[i] + size[j] + size[i] - share * c + shrinkage))
            if held < most:
                held += 1
                _rise(key, heap, held, s, i)
            elif s > key[0]:
                _sink(key, heap, held, s, i)
        lengths[j - first] = held
        while held > 1:  # the least goes to the end
            held -= 1
            s, i = key[held], heap[held]
            key[held], heap[held] = key[0], heap[0]
            _sink(key, heap, held, s, i)
        end += lengths[j - first]
    return lengths, numbers[:end].copy(), alike[:end].copy()


@compiled(nogil=True)
def _common(
    low: int, high: int, people: Columns, amounts: Floats, indptr: Ints, indices: Columns, values: Floats,
    plain: bool, common: Floats,
) -> None:  # fmt: skip
    """What each item has in common with one, which the entries ``low`` to ``high`` by item are of."""
    for at in range(low, high):
        user, amount = people[at], amounts[at]
        if plain:
            for e in range(indptr[user], indptr[user + 1]):
                common[indices[e]] += amount
        else:
            for e in range(indptr[user], indptr[user + 1]):
                common[indices[e]] += amount * values[e]


@compiled(nogil=True)
def _common_few(
    low: int, high: int, people: Columns, amounts: Floats, indptr: Ints, indices: Columns, values: Floats,
    common: Floats, touched: Columns,
) -> int:  # fmt: skip
    """The same, and which items they are; returns how many."""
    met = 0
    for at in range(low, high):
        user, amount = people[at], amounts[at]
        for e in range(indptr[user], indptr[user + 1]):
            i = indices[e]
            if common[i] == 0:
                touched[met] = i
                met += 1
            common[i] += amount * values[e]
    return met


@compiled(nogil=True)
def _rise(key: Floats, heap: Columns, held: int, s: float | np.float32, i: int) -> None:
    """Add (s, i) to a heap whose root is the least; of equals the greater number is less."""
    at = held - 1
    while at > 0:
        above = (at - 1) // 2
        if key[above] < s or (key[above] == s and heap[above] > i):
            break
        key[at], heap[at] = key[above], heap[above]
        at = above
    key[at], heap[at] = s, i


@compiled(nogil=True)
def _sink(key: Floats, heap: Columns, held: int, s: float | np.float32, i: int) -> None:
    """Put (s, i) in the place of the root."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= held:
            break
        if child + 1 < held and (
            key[child + 1] < key[child] or (key[child + 1] == key[child] and heap[child + 1] > heap[child])
        ):
            child += 1
        if not (key[child] < s or (key[child] == s and heap[child] > i)):
            break
        key[at], heap[at] = key[child], heap[child]
        at = child
    key[at], heap[at] = s, i
