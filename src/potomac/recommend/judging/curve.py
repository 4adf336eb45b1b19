"""The learning curve: what a personal list gains as more people are known, and when it would be worth having."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.recommend.judging.impersonal import ListForAll
from potomac.recommend.judging.trial import Half, crossed, from_list, served
from potomac.recommend.matrix.items import Items
from potomac.recommend.parameters import fresh
from potomac.recommend.recommender import Recommender
from potomac.recommend.testing.splits import Split
from potomac.stats.bootstrap import replicates
from potomac.stats.streams import Stream

__all__ = ["CURVE", "Curve", "Until", "learning_curve", "until"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the people who are learnt from."""
FEWEST = 20
"""People below whom there is no point of the curve."""
LAST = 4
"""Points from which the line goes on."""
FAR = 32.0
"""Times as many interactions as there are, beyond which nothing is foretold."""
DRAWS = 1_000
BETTER, SURE = 1.28, 2.81
"""Standard errors at which a gain is likely (nine in ten), and sure (399 in 400)."""

CURVE = pa.schema(
    [
        ("people", pa.int64()),
        ("interactions", pa.int64()),
        ("personal", pa.float64()),
        ("impersonal", pa.float64()),
        ("gain", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)
"""Columns of a learning curve: means of nDCG, their difference and its interval."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Gains at growing shares of the people, always over the same test people.

    Attributes:
        people: who are learnt from, shape (j,).
        interactions: that are learnt from, shape (j,).
        personal: nDCG of each test person from the model, shape (k, j). impersonal: from the list for all.
    """

    people: Ints
    interactions: Ints
    personal: Array
    impersonal: Array

    def table(self, stream: Stream, confidence: float = 0.95) -> pa.Table:
        """As :data:`CURVE`, with intervals by bootstrap over the test people."""
        drawn = resampled(self.personal - self.impersonal, stream)
        ends = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        difference = self.personal - self.impersonal
        columns = (self.people, self.interactions, self.personal.mean(0), self.impersonal.mean(0), difference.mean(0))
        return pa.Table.from_arrays([pa.array(x) for x in (*columns, *ends)], schema=CURVE)


@dataclass(frozen=True)
class Until:
    """How many interactions it would take until a personal list is worth having.

    Attributes:
        interactions: in all, if people come as they came; None where nothing says that it ever would.
        low: lower end of the interval. high: upper end; infinite where it may never come.
        have: interactions that are learnt from now.
        early: whether it is too early to say, as a gain that is worth having is still possible.
    """

    interactions: float | None
    low: float
    high: float
    have: int
    early: bool = True


def learning_curve(
    split: Split, items: Items | None, model: Recommender, which: ListForAll, half: Half, n: int, *,
    shares: Sequence[float] = SHARES, seed: int = 0, progress: Progress | None = None,
) -> Curve:  # fmt: skip
    """What the test people get when only some of the people are learnt from.

    The smaller parts are within the larger ones. Test people who are not among them come with their history all the
    same, as somebody new would.

    Args:
        split: what is held out.
        items: the catalogue, or None.
        model: fitted anew to each part.
        which: the list for all that it is blended and compared with, counted anew of each part.
        half: that each test person belongs to, shape (k,): blends are chosen by the other one.
        n: length of the lists.
        shares: of the people, ascending.
        seed: draws people.
        progress: is told how far it is.
    """
    there = np.flatnonzero(split.train.of_users)
    order = Stream(seed).child("recommend", "readiness", "curve").generator().permutation(there)
    sizes = sorted({max(1, round(share * len(order))) for share in shares if share * len(order) >= FEWEST})
    parts = [_learnt_from(split, np.sort(order[:size])) for size in sizes]
    personal, impersonal = [], []
    for done, part in enumerate(parts):
        if progress:
            progress("drawing the learning curve", done, len(parts))
        personal.append(crossed(served(fresh(model).fit(part.train, items), which, part, n), half))
        impersonal.append(from_list(which, part, n))
    many = np.array([part.train.nnz for part in parts], np.int64)
    none = np.zeros((len(split.held), 0))
    return Curve(np.array(sizes, np.int64), many, *(np.column_stack([none, *each]) for each in (personal, impersonal)))


def _learnt_from(split: Split, rows: Ints) -> Split:
    """The same test people, when only the people at these rows of the train set are learnt from."""
    place = np.full(split.train.n_users, -1, np.int64)
    place[rows] = np.arange(len(rows))
    known = split.histories.rows
    histories = replace(split.histories, rows=np.where(known >= 0, place[known], -1))
    return replace(split, train=split.train.take_users(rows), histories=histories)


def until(curve: Curve, worth: float, stream: Stream) -> Until:
    """Where the curve would reach a gain that is worth having.

    With d = personal - (1 + worth) impersonal of each test person, a line d = a + b log2(interactions) through the
    last points is followed to d = 0; resampled test people give the interval. Where a gain seems there and is not sure
    yet, it takes as many more people as make it 2.8 standard errors. Nothing is foretold where the personal list is
    not better than the list for all by now (1.28 standard errors, nine in ten): a model that has nothing to find
    comes closer to the list for all with more data and never beyond. Nor where the line does not rise, or gets there
    only at more than 32 times the interactions.

    Args:
        curve: of :func:`learning_curve`.
        worth: relative gain that is worth having.
        stream: of the resamples.
    """
    have = int(curve.interactions[-1]) if len(curve.interactions) else 0
    never = Until(None, np.inf, np.inf, have, _possible(curve, worth))
    x = np.log2(np.maximum(curve.interactions[-LAST:], 1).astype(float))
    if len(x) < 3 or np.ptp(x) == 0:
        return never
    difference = (curve.personal - curve.impersonal)[:, -1]
    error = float(difference.std(ddof=1)) / np.sqrt(len(difference)) if len(difference) > 1 else np.inf
    z = float(difference.mean()) / error if error > 0 else 0.0
    d = (curve.personal - (1 + worth) * curve.impersonal)[:, -LAST:]
    reached = _crossing(x, np.column_stack([d.mean(axis=0), resampled(d, stream).T]))
    low, middle, high = np.quantile(reached[1:], [0.025, 0.5, 0.975], method="inverted_cdf")
    if z < BETTER or not np.isfinite(middle):
        return never
    if z < SURE:  # errors fall with the root of the number of people; z itself is known to 1
        with np.errstate(divide="ignore"):
            sure = x[-1] + 2 * np.log2(SURE / np.maximum([z, z + 1.96, z - 1.96], 0.0))
        reached[0], low, high = np.maximum([reached[0], low, high], [sure[0], max(sure[1], x[-1]), sure[2]])
    if reached[0] > x[-1] + np.log2(FAR):
        return never
    far = high > x[-1] + np.log2(FAR)
    return Until(float(np.exp2(reached[0])), float(np.exp2(low)), np.inf if far else float(np.exp2(high)), have)


def _possible(curve: Curve, worth: float) -> bool:
    """Whether a gain that is worth having is within 1.96 standard errors of what the last point shows."""
    if not len(curve.interactions) or len(curve.personal) < 2:
        return True
    d = (curve.personal - (1 + worth) * curve.impersonal)[:, -1]
    return bool(d.mean() + 1.96 * d.std(ddof=1) / np.sqrt(len(d)) > 0)


def resampled(values: Array, stream: Stream) -> Array:
    """Means of the columns of ``values``, shape (k, j), over resampled test people, shape (draws, j)."""
    return replicates(lambda counts: np.asarray(counts @ values / len(values)), len(values), stream, draws=DRAWS)


def _crossing(x: Array, y: Array) -> Array:
    """Where y comes up to 0 to stay, shape (b,), of points (x, y), y of shape (j, b).

    Between the points where it is up at the last, at the first point where it always was; else where the line of
    least squares gets there, and infinite where that falls.
    """
    centred = x - x.mean()
    slope = centred @ y / (centred @ centred)
    since = np.argmax(np.flip(np.logical_and.accumulate(np.flip(y >= 0, axis=0), axis=0), axis=0), axis=0)
    before, column = np.maximum(since - 1, 0), np.arange(y.shape[1])
    low, high = y[before, column], y[since, column]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.where(since > 0, x[before] - low * (x[since] - x[before]) / (high - low), x[0])
        ahead = np.where(slope > 0, np.maximum(x.mean() - y.mean(axis=0) / slope, x[-1]), np.inf)
    return np.asarray(np.where(y[-1] >= 0, between, ahead))
