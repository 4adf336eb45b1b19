"""Splits: what a model may see, and what it is asked about afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.stats.streams import Stream, row_uniform

__all__ = ["KINDS", "Kind", "Split", "leave_last_out", "split_of", "strong", "time_ordered"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

Kind = Literal["leave_last_out", "time", "strong"]
KINDS: tuple[Kind, ...] = ("leave_last_out", "time", "strong")
"""The ways to hold something out."""

_SAMPLE = 1 << 22  # times that are sorted to find a cut


@dataclass(frozen=True, eq=False)
class Split:
    """A train set and k test people with what they did before and what they did then.

    Attributes:
        kind: how it was made.
        train: what models are fitted to; its items are all items.
        users: ids of the test people, shape (k,).
        histories: what is known of them, in the item numbers of ``train``; their rows there, or -1 for people who
            are held out whole.
        held: what is held out of each, at least one item; rows are those of all interactions.
        untested: people and items that cannot be tested, by the reason.
        notes: what a reader must know about how it was made, in sentences.
        options: how it was made, so that the train set can be split alike.
    """

    kind: Kind
    train: Interactions
    users: pa.Array
    histories: Histories
    held: Histories
    untested: Mapping[str, int]
    notes: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Split {self.kind}: {self.train.nnz:,} to learn from, {len(self.held):,} people to test>"

    def inner(self, seed: int = 0, test_users: int | None = None) -> Split:
        """A split of the train set made like this one, to choose parameters without a look at the test.

        Raises:
            DataError: nobody is left to be tested in it.
        """
        return split_of(self.train, self.kind, **{**self.options, "seed": seed, "test_users": test_users})


def split_of(
    interactions: Interactions,
    kind: str,
    *,
    last: int = 2,
    share: float | None = None,
    test_users: int | None = None,
    seed: int = 0,
) -> Split:
    """A split by the name of its kind; the other arguments are those of the functions below.

    Raises:
        StudyError: there is no such kind, or an argument is out of range.
        DataError: times are needed and missing, or nobody is left to be tested.
    """
    if kind == "leave_last_out":
        return leave_last_out(interactions, last, test_users=test_users, seed=seed)
    if kind == "time":
        return time_ordered(interactions, 0.1 if share is None else share, test_users=test_users, seed=seed)
    if kind == "strong":
        return strong(interactions, 0.2 if share is None else share, test_users=test_users, seed=seed)
    found, mend = f'no split is called "{kind}"; there are {listing(KINDS)}', did_you_mean(kind, KINDS)
    raise StudyError(Fault("recommend.split", found, "expected one of these", mend, key="split"))


def leave_last_out(interactions: Interactions, last: int = 2, *, test_users: int | None = None, seed: int = 0) -> Split:
    """Hold out the ``last`` interactions of each test person; one at least stays to be known of them.

    Others' later interactions stay in the train set, as they would not in use; the time-ordered split has none.

    Args:
        interactions: all there are.
        last: how many of each; where there are no times, they are drawn.
        test_users: at most so many people, drawn by ``seed``; from the others nothing is held out.
        seed: draws people, entries without times, and which of several at the same time is the last.

    Raises:
        StudyError: ``last`` is less than 1.
        DataError: nobody has two interactions.
    """
    if last < 1:
        raise StudyError(Fault("recommend.split", f"last is {last}", "expected 1 or more", key="last"))
    entries = interactions.of_users
    fit = np.flatnonzero(entries >= 2)
    rows = _drawn(fit, test_users, seed)
    _somebody(rows, "nobody has two interactions, one to learn from and one to hold out")
    held = _newest(interactions, rows, np.minimum(last, entries[rows] - 1), seed)
    untested = {
        "people with a single interaction": int((entries == 1).sum()),
        "people who were not drawn": len(fit) - len(rows),
    }
    return _split("leave_last_out", interactions, rows, held, untested, _drawn_note(interactions), {"last": last})


def time_ordered(
    interactions: Interactions, share: float = 0.1, *, test_users: int | None = None, seed: int = 0
) -> Split:
    """Cut time once for all: what comes at the cut or later is held out, what came before is learnt from.

    Args:
        interactions: all there are, with times.
        share: of the interactions that comes after the cut; those of the cut's own time are among it.
        test_users: at most so many people, drawn by ``seed``.
        seed: draws people.

    Raises:
        StudyError: ``share`` is not between 0 and 1.
        DataError: there are no times; or nobody has interactions on both sides.
    """
    _share(share)
    times = interactions.times
    if times is None:
        found, mend = "the interactions have no times", "Name the column of time, or split by leave_last_out"
        raise DataError(Fault("recommend.split-times", found, "expected times to cut at", mend, key="split"))
    late = times >= _cut(times, share)
    before, after = (_by_user(interactions, mask) for mask in (~late, late))
    fit = np.flatnonzero((before > 0) & (after > 0))
    rows = _drawn(fit, test_users, seed)
    _somebody(rows, "nobody has interactions both before and after the cut")
    untested = {
        "people without an interaction before the cut": int(((before == 0) & (after > 0)).sum()),
        "people without an interaction after the cut": int(((before > 0) & (after == 0)).sum()),
        "people who were not drawn": len(fit) - len(rows),
    }
    return _split("time", interactions, rows, late, untested, (), {"share": share})


def strong(interactions: Interactions, share: float = 0.2, *, test_users: int | None = None, seed: int = 0) -> Split:
    """Hold out people whole: nothing of them is learnt from, and they come with a part of their history.

    Strong generalisation (Marlin 2004): it asks how somebody new is served.

    Args:
        interactions: all there are.
        share: of the people that is held out, and of each one's interactions, the last by time (drawn where there
            are no times), that must be foretold from the others.
        test_users: at most so many people.
        seed: draws people, and entries without times.

    Raises:
        StudyError: ``share`` is not between 0 and 1.
        DataError: nobody is left to be tested, or to learn from.
    """
    _share(share)
    entries = interactions.of_users
    fit = np.flatnonzero(entries >= 2)
    most = max(1, int(np.ceil(share * len(fit))))
    rows = _drawn(fit, most if test_users is None else min(most, test_users), seed)
    _somebody(rows, "nobody has two interactions, one to know and one to foretell")
    held = _newest(interactions, rows, np.maximum(1, (share * entries[rows]).astype(np.int64)), seed)
    others = np.setdiff1d(np.flatnonzero(entries), rows)
    _somebody(others, "nobody is left to learn from")
    known = interactions.keep(~held).histories(rows)
    histories = Histories(known.indptr, known.indices, known.values, known.times, np.full(len(rows), -1))
    train = interactions.take_users(others)
    untested = {"people with a single interaction": int((entries == 1).sum())}
    return Split(
        "strong", train, interactions.users.take(pa.array(rows)), histories, interactions.keep(held).histories(rows),
        _counted(untested, train, interactions.keep(held).indices), _drawn_note(interactions), {"share": share},
    )  # fmt: skip


def _split(
    kind: Kind, all_of: Interactions, rows: Ints, held: Mask, untested: dict[str, int], notes: tuple[str, ...],
    options: dict[str, Any],
) -> Split:  # fmt: skip
    """A split whose test people are users of the train set."""
    train, test = all_of.keep(~held), all_of.keep(held).histories(rows)
    counted = _counted(untested, train, test.indices)
    return Split(kind, train, all_of.users.take(pa.array(rows)), train.histories(rows), test, counted, notes, options)


def _counted(untested: dict[str, int], train: Interactions, held: npt.NDArray[np.int32]) -> dict[str, int]:
    """What cannot be tested, and which of the held-out items collaboration cannot know; only what there is."""
    cold = int((train.of_items[np.unique(held)] == 0).sum())
    every = {**untested, "held-out items that nobody had before": cold}
    return {reason: count for reason, count in every.items() if count}


def _newest(interactions: Interactions, rows: Ints, count: Ints, seed: int) -> Mask:
    """Marks the ``count`` last entries of each of the users at ``rows``, shape (nnz,); without times any of them."""
    lengths = interactions.of_users[rows]
    ends = np.cumsum(lengths)
    at = np.repeat(interactions.indptr[rows] - (ends - lengths), lengths) + np.arange(int(lengths.sum()))
    person = np.repeat(np.arange(len(rows)), lengths)
    chance = row_uniform(at, Stream(seed, ("recommend", "ties")))
    keys = (chance, person) if interactions.times is None else (chance, interactions.times[at], person)
    order = np.lexsort(keys)
    from_end = np.repeat(ends, lengths) - np.arange(len(at))  # 1 for the last of a person
    held = np.zeros(interactions.nnz, np.bool_)
    held[at[order[from_end <= np.repeat(count, lengths)]]] = True
    return held


def _cut(times: Ints, share: float) -> int:
    """The time at which the last ``share`` begins; of very many times, every so many-th is looked at."""
    some = np.sort(times[:: max(1, len(times) // _SAMPLE)])
    return int(some[min(int(np.ceil((1 - share) * len(some))), len(some) - 1)])


def _by_user(interactions: Interactions, mask: Mask) -> Ints:
    return np.diff(np.concatenate(([0], np.cumsum(mask)))[interactions.indptr])


def _drawn(rows: Ints, most: int | None, seed: int) -> Ints:
    """At most so many of ``rows``, ascending."""
    if most is not None and most < 1:
        raise StudyError(Fault("recommend.split", f"test_users is {most}", "expected 1 or more", key="test_users"))
    if most is None or len(rows) <= most:
        return rows
    chance = row_uniform(rows, Stream(seed, ("recommend", "people")))
    return np.sort(rows[np.argsort(chance, kind="stable")[:most]])


def _drawn_note(interactions: Interactions) -> tuple[str, ...]:
    if interactions.times is not None:
        return ()
    return ("The interactions have no times: what is held out of each person was drawn, and is not their last.",)


def _share(share: float) -> None:
    if not 0 < share < 1:
        raise StudyError(Fault("recommend.split", f"share is {share}", "expected between 0 and 1", key="share"))


def _somebody(rows: Ints, found: str) -> None:
    if not len(rows):
        mend = "Take another split, or gather more interactions first"
        raise DataError(
            Fault("recommend.split-empty", found, "a test split with nobody in it tells nothing", mend, key="split")
        )
