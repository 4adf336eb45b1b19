"""Rules of the house: what may be offered, what is put first, and how many of a kind a list may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, NoAnswer, StudyError, did_you_mean, listing, shown
from potomac.recommend.attributes.reading_features import flag_of, folded, pieces_of, separator_of, words_of
from potomac.recommend.matrix.ids import array_of, rows_of
from potomac.recommend.matrix.items import Items
from potomac.stats.compiled import compiled

__all__ = ["Resolved", "Rules"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

Which = Sequence[Any] | Mapping[str, Any]
"""Items by id or title, or by the values of features: ``{"genre": ["Horror", "War"]}``."""


@dataclass(frozen=True)
class Rules:
    """Rules in the words of the catalogue; :meth:`resolved` brings them to item numbers.

    Attributes:
        available: items that can be had: ids, a mask of shape (n,), or the name of a column of yes and no; None: all.
        exclude: items that are never offered.
        only: the only ones that are; None: all.
        max_per: most items in a list that share a value of a feature: ``{"author": 1, "genre": 3}``. An item of
            several kinds counts for each of them.
        boost: added to the score of items, in standard deviations of the person's scores, by the value of a feature
            (``{"genre": {"Poetry": 0.5}}``) or by id or title (``{"item": {"17": 1.0}}``); below 0 holds them back.
        pins: items that stand first in every list, in this order, unless the person had them or another rule bars them.
    """

    available: Any = None
    exclude: Which = ()
    only: Which | None = None
    max_per: Mapping[str, int] = field(default_factory=dict)
    boost: Mapping[str, Mapping[Any, float]] = field(default_factory=dict)
    pins: Sequence[Any] = ()

    def resolved(self, items: Items) -> Resolved:
        """The rules in the item numbers of a catalogue.

        Raises:
            StudyError: a feature is not in the catalogue, or a number makes no sense.
            DataError: an item or a value of a feature is not in the catalogue.
            NoAnswer: nothing is left to offer; the fault names the rule that took the last.
        """
        n = len(items)
        allowed = np.ones(n, bool)
        steps = (
            ("available", None if self.available is None else _available(items, self.available)),
            ("only", None if self.only is None else _mask(items, self.only, "only")),
            ("exclude", ~_mask(items, self.exclude, "exclude") if len(self.exclude) else None),
        )
        for rule, mask in steps:
            if mask is None:
                continue
            before, allowed = int(allowed.sum()), allowed & mask
            if not allowed.any():
                found = f'the rule "{rule}" leaves none of {before:,} items'
                raise NoAnswer(
                    Fault("recommend.rules", found, "expected one at least", "Loosen it", key=f"rules.{rule}")
                )
        caps = tuple(_cap(items, name, most) for name, most in self.max_per.items())
        return Resolved(allowed, caps, _lift(items, self.boost), _numbers(items, self.pins, "pins"))


@dataclass(frozen=True, eq=False)
class Resolved:
    """Rules in item numbers.

    Attributes:
        allowed: which items may be offered, shape (n,).
        caps: for each feature of ``max_per``, the kinds of each item in compressed sparse rows and the most of a kind.
        lift: added to the scores, in standard deviations, shape (n,).
        pins: item numbers that come first.
    """

    allowed: Mask
    caps: tuple[tuple[Ints, Columns, int], ...]
    lift: Floats
    pins: Columns

    def boosted(self, scores: Floats) -> Floats:
        """Scores of one or several people, shape (n,) or (k, n), with what is boosted."""
        if not self.lift.any():
            return scores
        there = np.isfinite(scores)
        many = np.maximum(there.sum(axis=-1, keepdims=True), 1)
        mean = np.where(there, scores, 0).sum(axis=-1, keepdims=True, dtype=np.float64) / many
        square = (np.where(there, scores - mean, 0) ** 2).sum(axis=-1, keepdims=True) / many
        deviation = np.sqrt(square)
        return np.asarray(scores + np.where(deviation > 0, deviation, 1) * self.lift, np.float32)

    def built(self, numbers: Columns, scores: Floats, n: int, *, had: npt.ArrayLike = ()) -> tuple[Columns, Floats]:
        """A list of one person that keeps to the rules.

        Args:
            numbers: candidates, the best first, more than n where ``max_per`` bars some; -1 is passed over.
            scores: shape (c,).
            n: most items.
            had: item numbers that are not pinned, as the person had them.

        Returns:
            Item numbers and scores, at most n. A pin that is no candidate has the score NaN.
        """
        pins = self.pins[self.allowed[self.pins] & ~np.isin(self.pins, np.asarray(had, np.int64))]
        at = np.flatnonzero(numbers >= 0)
        own = dict(zip(numbers[at].tolist(), scores[at].tolist(), strict=True)) if len(pins) else {}
        rest = at[self.allowed[numbers[at]] & ~np.isin(numbers[at], pins)]
        candidates = np.concatenate([pins, numbers[rest]]).astype(np.int32)
        worth = np.concatenate([[own.get(int(pin), np.nan) for pin in pins], scores[rest]]).astype(np.float32)
        good = np.ones(len(candidates), bool)
        if self.caps:
            good = _kept(candidates, n, *self._stacked)
        chosen = np.flatnonzero(good)[:n]
        return candidates[chosen], worth[chosen]

    def needed(self, n: int) -> int:
        """How many candidates to ask for, for a list of n: many more where kinds are limited."""
        return max(20 * n, 200) if self.caps else n + len(self.pins)

    @cached_property
    def _stacked(self) -> tuple[Ints, Columns, Columns]:
        """All limits as one: kinds of each item, and the most of each kind."""
        items = len(self.allowed)
        most = np.concatenate([np.full(int(kind.max(initial=-1)) + 1, k, np.int32) for _, kind, k in self.caps])
        row, kinds, before = [], [], 0
        for indptr, kind, _ in self.caps:
            row.append(np.repeat(np.arange(items), np.diff(indptr)))
            kinds.append(kind + before)
            before += int(kind.max(initial=-1)) + 1
        rows = np.concatenate(row)
        order = np.argsort(rows, kind="stable")
        indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=items))))
        return indptr.astype(np.int64), np.concatenate(kinds)[order].astype(np.int32), most


@compiled(nogil=True)
def _kept(candidates: Columns, n: int, indptr: Ints, kinds: Columns, most: Columns) -> Mask:
    """Which candidates a list of n takes, from the first on, with at most so many of each kind."""
    count = np.zeros(len(most), np.int64)
    kept = np.zeros(len(candidates), np.bool_)
    size = 0
    for c in range(len(candidates)):
        if size == n:
            break
        i = candidates[c]
        full = False
        for e in range(indptr[i], indptr[i + 1]):
            full = full or count[kinds[e]] >= most[kinds[e]]
        if full:
            continue
        kept[c] = True
        size += 1
        for e in range(indptr[i], indptr[i + 1]):
            count[kinds[e]] += 1
    return kept


# -------------------------------------------------------------------------------------- by the catalogue


def _numbers(items: Items, which: Sequence[Any], rule: str) -> Columns:
    """Numbers of items given by id or by title, in that order.

    Raises:
        DataError: there is no such item, or several have the title.
    """
    given = [which] if isinstance(which, str) else list(which)
    if not given:
        return np.zeros(0, np.int32)
    found = rows_of(items.ids, array_of(given))
    titles = folded(items.titles)
    for place in np.flatnonzero(found < 0):
        at = np.flatnonzero(pc.equal(titles, folded(pa.array([str(given[place])]))[0]).to_numpy(zero_copy_only=False))
        if len(at) == 1:
            found[place] = at[0]
            continue
        said = shown(given[place])
        if len(at):
            ids = listing([items.ids[int(i)].as_py() for i in at], 5)
            found_many, mend = f'{len(at)} items are called "{said}"', "Name it by its id"
            fault = Fault("recommend.rules", found_many, f"their ids are {ids}", mend, key=f"rules.{rule}")
        else:
            near = did_you_mean(said, items.titles.slice(0, 100_000).to_pylist())
            expected = "expected ids or titles of the catalogue"
            fault = Fault("recommend.rules", f'no item "{said}"', expected, near, key=f"rules.{rule}")
        raise DataError(fault)
    return found.astype(np.int32)


def _mask(items: Items, which: Which, rule: str) -> Mask:
    mask = np.zeros(len(items), bool)
    if not isinstance(which, Mapping):
        mask[_numbers(items, which, rule)] = True
        return mask
    for name, values in which.items():
        wanted = [values] if isinstance(values, str | int | float) else list(values)
        for value in wanted:
            mask[_having(items, name, value, rule)] = True
    return mask


def _available(items: Items, available: Any) -> Mask:
    if isinstance(available, np.ndarray) and available.dtype == np.bool_:
        if available.shape != (len(items),):
            found = f"a mask of shape {available.shape}"
            raise StudyError(Fault("recommend.rules", found, f"expected ({len(items):,},)", key="rules.available"))
        return available
    if isinstance(available, str) and available in items.features.column_names:
        flags = flag_of(items.features.column(available).combine_chunks())
        if flags is None:
            found = f'the column "{shown(available)}" has other values than yes and no'
            raise DataError(Fault("recommend.rules", found, "expected true or false", key="rules.available"))
        return flags
    return _mask(items, [available] if isinstance(available, str) else available, "available")


def _kinds(items: Items, name: str, rule: str) -> tuple[Ints, Columns, pa.Array]:
    """Rows and kinds of the values of a feature, and the values, folded.

    Raises:
        StudyError: the catalogue has no such feature.
    """
    names = items.features.column_names
    if name not in names:
        found, there = f'no feature "{shown(name)}"', f"there are {listing(names)}" if names else "there are none"
        raise StudyError(Fault("recommend.rules", found, there, did_you_mean(name, names), key=f"rules.{rule}"))
    column = items.features.column(name).combine_chunks()
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if words_of(column.type):
        column = column.cast(pa.string())
        row, word = pieces_of(column, separator_of(column) or "words")
    elif pa.types.is_nested(column.type):
        row, word = pieces_of(column, "lists")
    else:
        row = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        word = column.drop_null().cast(pa.string())
    coded = folded(word).dictionary_encode()
    pairs = np.unique(np.stack([row, coded.indices.to_numpy().astype(np.int64)], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1].astype(np.int32), coded.dictionary


def _having(items: Items, name: str, value: Any, rule: str) -> Ints:
    row, kind, values = _kinds(items, name, rule)
    code = pc.index_in(folded(_text(value)), values)[0].as_py()
    if code is None:
        near = did_you_mean(shown(value), values.slice(0, 100_000).to_pylist())
        found, expected = (
            f'no item has {name} "{shown(value)}"',
            f"there are {listing(values.slice(0, 13).to_pylist())}",
        )
        raise DataError(Fault("recommend.rules", found, expected, near, key=f"rules.{rule}"))
    return np.asarray(row[kind == code])


def _text(value: Any) -> pa.Array:
    """A value as the column of its kind writes it, shape (1,)."""
    try:
        return pa.array([value]).cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([str(value)])


def _cap(items: Items, name: str, most: Any) -> tuple[Ints, Columns, int]:
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
        raise StudyError(
            Fault("recommend.rules", f"at most {shown(most)}", "expected 1 or more", key=f"rules.max_per.{name}")
        )
    row, kind, _ = _kinds(items, name, "max_per")
    indptr = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=len(items))))).astype(np.int64)
    return indptr, kind, int(most)


def _lift(items: Items, boost: Mapping[str, Mapping[Any, Any]]) -> Floats:
    lift = np.zeros(len(items), np.float32)
    for name, values in boost.items():
        for value, amount in values.items():
            if isinstance(amount, bool) or not isinstance(amount, int | float) or not np.isfinite(amount):
                found, key = f'a boost of "{shown(amount)}"', f"rules.boost.{name}"
                raise StudyError(Fault("recommend.rules", found, "expected a number", key=key))
            at = _numbers(items, [value], "boost") if name == "item" else _having(items, name, value, "boost")
            lift[at] += np.float32(amount)
    return lift
