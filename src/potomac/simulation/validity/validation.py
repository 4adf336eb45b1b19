"""Is the model right? What was observed against what the model says would be, with what could have been found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import DataError, Fault, NoAnswer, StudyError, listing
from potomac.simulation.arrow import table_of
from potomac.simulation.distributions import Distribution
from potomac.simulation.hooks import fresh, spread_over
from potomac.simulation.inputs.checked import numbers
from potomac.simulation.model import Model
from potomac.simulation.validity.discrepancies import COVERED, Statistics, covered
from potomac.simulation.validity.judged import (
    AGREES,
    DIFFERS,
    UNSURE,
    Check,
    Tried,
    check_table,
    draws_for,
    in_columns,
    judged,
)
from potomac.simulation.validity.observing import Stretch, compared, seen_of, window_for
from potomac.simulation.validity.predictive import METHODS, Categorical, Predictive, Sampled, predictive_of, unusable
from potomac.simulation.validity.probabilities import brier, reliability
from potomac.simulation.validity.uniformity import ecdf_table
from potomac.stats.intervals import proportion_interval
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Validation", "validate"]

Floats = npt.NDArray[np.float64]

DRAWS = 999
"""Draws of a model, at least."""

LEAST = 5
"""Values below which nothing can be said of their law."""

GROUPS = 50
"""Groups of rows at most."""


@dataclass(frozen=True, repr=False)
class Validation:
    """What came of holding a model against what was observed.

    Attributes:
        verdict: in words; begins with "agrees", "does not agree" or "cannot tell".
        agrees: True, False, or None where it cannot be told.
        each: the checks.
        draws: how often the model was drawn from.
        confidence: 1 less the chance that a model that is right does not pass.
        tables: ``pit``, ``coverage``, ``reliability``, ``scores``, as far as there are; for pictures.
        notes: what a reader must know, in sentences.
    """

    verdict: str
    agrees: bool | None
    each: tuple[Check, ...]
    draws: int
    confidence: float
    tables: Mapping[str, pa.Table] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        head = ("check", "observed", "low", "high", "p", "together", "verdict")
        rows = [(c.name, c.observed, c.low, c.high, c.p, c.p_holm, c.verdict.partition(":")[0]) for c in self.each]
        return "\n".join([self.verdict, "", in_columns([head, *rows]), *self.notes])

    @property
    def checks(self) -> pa.Table:
        """Arrow table, one row a check.

        ``check``, ``observed``, ``predicted`` (mean under the model), ``low`` and ``high`` (between which the model's
        values lie with the confidence), ``p`` (how often the model gives a value as far out) with its interval
        ``p_low`` to ``p_high``, ``p_holm`` (raised for the number of checks), ``detectable`` (shift that would be
        found in four of five cases), ``share`` (the same, of the statistic's scale), ``verdict``.
        """
        return check_table(self.each)

    def check(self, name: str) -> Check:
        """One of the checks.

        Raises:
            StudyError: there is none of that name.
        """
        for each in self.each:
            if each.name == name:
                return each
        expected = f"expected one of {listing((c.name for c in self.each), 30)}"
        raise StudyError(Fault("simulation.measure", f"there is no check {name!r:.60}", expected))


def validate(
    model: Any, observed: Any, *, of: str = "", until: float | None = None, warmup: float | Literal["auto"] = "auto",
    periods: int = 1, statistics: Mapping[str, Callable[[Floats], float]] | None = None, groups: Any = None,
    family: Literal["", "normal", "poisson"] = "", spread: Any = None, read: Callable[[Any, Any], Any] | None = None,
    refit: bool = False, draws: int | None = None, confidence: float = 0.95, tolerance: float = 0.5, seed: int = 0,
    jobs: int = 1, progress: Progress | None = None,
) -> Validation:  # fmt: skip
    """Hold a model against what was observed.

    The model is drawn from again and again, and statistics of what was observed are ranked among those of the draws
    (Monte Carlo tests; for a fitted model a parametric bootstrap, Efron and Tibshirani 1993, ch. 6 and 16). All checks
    hold together: a model that is right passes all of them with the confidence (Holm 1979). To pass means something
    only where a wrong model would have failed, so the discrepancy that would have been found is told as well.

    The model may be:

    - a ``Model``; observed is ``{(where, measure): value}`` or ``{"desk:wait": value}``, a table of where, measure and
      value, or times of customers in their order (``{"desk:wait": array}``, or one array and ``of``). Replications
      are as long as the observation was, so that waits that lean on each other are compared with waits that do.
    - a fitted estimator in the manner of scikit-learn; observed is ``(X, y)``, best rows that were not fitted. What it
      says is taken at its word: one that was fitted to few rows and does not say how unsure its parameters are fails
      for that. It needs ``sample(X, generator)``, ``predict_proba(X)``, ``predict(X, return_std=True)`` (normal),
      ``predict_interval(X, confidence)``, or ``predict(X)`` with ``family``.
    - a distribution, or ``simulator(generator, n)`` that gives n values; observed is an array of n values.

    Args:
        model: what is to be right.
        observed: what was seen.
        of: ``desk:wait``: where and what, for one array of times.
        until: length of the observation, in the model's unit of time; not needed where a model ends by itself, and
            found from the number of customers where times are given.
        warmup: time of the model between its empty start and the begin of the observation; ``auto``: until it has
            forgotten the start, and nothing where it ends by itself.
        periods: how many stretches of that length the observed values are averages of.
        statistics: further ones: name -> function of the values, shape (n,), to a number.
        groups: group of each row, shape (n,), whose means are checked too.
        family: what ``predict`` alone is the mean of.
        spread: standard deviation for the normal family, a number or shape (n,).
        read: function of the estimator and of X to probabilities, of the second of two classes, shape (n,), or of
            each, shape (n, K); for detectors and others that have no ``predict_proba``.
        refit: whether the rows are those that were fitted: then each draw is fitted anew, since a model lies nearer
            to its own rows than to others.
        draws: of the model; default 999, or as many as the number of checks takes.
        confidence: 1 less the chance that a model that is right fails.
        tolerance: a check "agrees" only where a discrepancy of this share (of the value predicted, or of the values'
            standard deviation) would have been found.
        seed: the same seed gives the same answer.
        jobs: processes, for replications and for fits.
        progress: hears how far it is.

    Raises:
        StudyError: the model or an argument is of the wrong kind.
        DataError: a value is missing or no number, with its row, or shapes do not fit.
        NoAnswer: the model cannot be run, or the estimator fails.
    """
    _check(confidence, tolerance, draws)
    tell, stream = progress or Quiet(), Stream(seed).child("simulation", "validate")
    if isinstance(model, Model):
        d = model.checked()
        seen = seen_of(observed, of, d)
        window, notes = window_for(d, seen, Stretch(until, warmup, periods), stream, tell)
        runs = draws or draws_for(len(seen.values) + 6 * len(seen.times), confidence, DRAWS)
        tried = compared(d, seen, window, periods, runs, stream, jobs, tell)
        return _told(tried, runs, confidence, tolerance, {}, notes)
    kit = _Kit(dict(statistics or {}), groups, confidence, tolerance, draws, stream, jobs, tell)
    if isinstance(model, Distribution) or (callable(model) and not hasattr(model, "fit")):
        drawn = model.sample if isinstance(model, Distribution) else model
        y = _enough(numbers(observed, "observed values"))
        return _held(Sampled(lambda generator: drawn(generator, y.size), y.size, stream, alike=True), y, kit)
    if read is None and not any(hasattr(model, method) for method in METHODS):
        raise StudyError(unusable(model))
    X, y = _pair(observed)
    n = len(y)
    if hasattr(model, "predict_interval") and not hasattr(model, "sample") and not family and read is None:
        return _intervals(model, X, _enough(numbers(y, "observed y")), kit)
    law = predictive_of(model, X, n, stream, family=family, spread=spread, read=read)
    y = _enough(_labelled(y, law) if isinstance(law, Categorical) else numbers(y, "observed y"))
    if not refit:
        return _held(law, y, kit)
    return _held(law, y, kit, _Refit(model, X, family, spread, read))


@dataclass(frozen=True)
class _Kit:
    """What all kinds of models need."""

    statistics: Mapping[str, Callable[[Floats], float]]
    groups: Any
    confidence: float
    tolerance: float
    draws: int | None
    stream: Stream
    jobs: int
    tell: Progress


@dataclass(frozen=True)
class _Refit:
    """An estimator that is fitted to each draw anew."""

    estimator: Any
    X: Any
    family: str
    spread: Any
    read: Callable[[Any, Any], Any] | None

    def __call__(self, law: Predictive, y: Floats, stream: Stream) -> Predictive:
        labels = np.asarray(law.classes)[y.astype(int)] if isinstance(law, Categorical) else y
        seed = stream.child("fit").seed32()
        fitted = fresh(self.estimator, seed).fit(self.X, labels)
        said = {"family": self.family, "spread": self.spread, "read": self.read}
        return predictive_of(fitted, self.X, y.size, stream, **said)


def _check(confidence: float, tolerance: float, draws: int | None) -> None:
    wrong = ""
    if not 0.5 <= confidence < 1:
        wrong, key, expected = f"confidence is {confidence!r:.40}", "confidence", "a share of at least .5 and below 1"
    elif not tolerance > 0:
        wrong, key, expected = f"tolerance is {tolerance!r:.40}", "tolerance", "a share above 0"
    elif draws is not None and (isinstance(draws, bool) or draws < 20):
        wrong, key, expected = f"draws is {draws!r:.40}", "draws", "20 or more"
    if wrong:
        raise StudyError(Fault("simulation.run", wrong, f"expected {expected}", key=key))


def _enough(y: Floats) -> Floats:
    if y.size < LEAST:
        found = f"there {'is one value' if y.size == 1 else f'are {y.size} values'}"
        raise DataError(Fault("simulation.values", found, f"expected {LEAST} at least", key="observed"))
    return y


def _pair(observed: Any) -> tuple[Any, Any]:
    if not (isinstance(observed, (tuple, list)) and len(observed) == 2):
        found = f"observed is {type(observed).__name__}"
        raise StudyError(Fault("simulation.observed", found, "expected (X, y) for an estimator", key="observed"))
    X, y = observed
    if not len(y) or np.ndim(y) != 1:
        raise DataError(Fault("simulation.values", f"y has the shape {np.shape(y)}", "expected one column", key="y"))
    rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if rows != len(y):
        raise DataError(Fault("simulation.values", f"X has {rows:,} rows, y {len(y):,}", "expected as many", key="y"))
    return X, y


def _labelled(y: Any, law: Categorical) -> Floats:
    """The number of each row's class."""
    at = {name: k for k, name in enumerate(law.classes)}
    labels = np.asarray(y).tolist()
    for row, label in enumerate(labels):
        if label not in at:
            found, expected = f"row {row} of y is {label!r:.40}", f"expected one of {listing(law.classes)}"
            raise DataError(Fault("simulation.values", found, expected, key="y"))
    return np.array([at[label] for label in labels], float)


def _statistics(law: Predictive, y: Floats, kit: _Kit) -> Statistics:
    names, group = tuple[str, ...](), np.zeros(0, np.int64)
    if kit.groups is not None:
        labels = np.asarray(kit.groups)
        if labels.shape != y.shape:
            found = f"groups has the shape {labels.shape}"
            raise DataError(Fault("simulation.values", found, f"expected ({y.size},)", key="groups"))
        each, group = np.unique(labels, return_inverse=True)
        names = tuple(str(name) for name in each.tolist())
        if len(names) > GROUPS:
            found = f"there are {len(names):,} groups"
            raise DataError(Fault("simulation.values", found, f"expected {GROUPS} at most", key="groups"))
    some = np.stack([law.draw(kit.stream.child("pilot", b).generator()) for b in range(5)])
    zeros = bool(y.min() >= 0 and some.min() >= 0 and ((y == 0).any() or (some == 0).any()))
    return Statistics(kit.statistics, names, group, zeros, float(some.std()) or 1.0)


def _held(law: Predictive, y: Floats, kit: _Kit, refit: _Refit | None = None) -> Validation:
    """Statistics of the observed values among those of draws."""
    taken = _statistics(law, y, kit)
    mine = _numbers(taken, law, y, kit.stream.child("observed"))
    least = 99 if refit else DRAWS
    draws = kit.draws or draws_for(len(mine), kit.confidence, least, 1 if refit else 4)
    one = _Draw(law, taken, kit.stream, refit)
    rows = spread_over(one, draws, kit.jobs if refit else 1, kit.tell, "draws of the model")
    tried = [
        Tried(name, x, np.array([row.get(name, nan) for row in rows]), taken.scale(name), taken.side(name))
        for name, x in mine.items()
    ]
    notes = ("Each draw was fitted anew, as the rows are those that were fitted.",) if refit else ()
    return _told(tried, draws, kit.confidence, kit.tolerance, _tables(law, y, kit), notes)


@dataclass(frozen=True)
class _Draw:
    """Statistics of one draw, fitted anew where that is wanted."""

    law: Predictive
    taken: Statistics
    stream: Stream
    refit: _Refit | None

    def __call__(self, b: int) -> dict[str, float]:
        own = self.stream.child("draw", b)
        y = self.law.draw(own.generator())
        law = self.law if self.refit is None else self.refit(self.law, y, own)
        return _numbers(self.taken, law, y, own.child("pit"))


def _numbers(taken: Statistics, law: Predictive, y: Floats, stream: Stream) -> dict[str, float]:
    try:
        return taken.of(law, y, stream.generator())
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        found = f"a statistic fails: {type(error).__name__}: {error!s:.200}"
        raise StudyError(Fault("simulation.hook", found, "expected a number from values", key="statistics")) from error


def _tables(law: Predictive, y: Floats, kit: _Kit) -> dict[str, pa.Table]:
    """What pictures are made of."""
    if isinstance(law, Categorical):
        z, p, group = law.came(y), law.likely, law.groups
        parts = brier(z, p, group)
        scores: dict[str, list[Any]] = {"score": [*parts], "value": [*parts.values()]}
        return {"reliability": reliability(z, p, group, kit.confidence), "scores": table_of(scores)}
    u = law.pit(y, kit.stream.child("observed").generator())
    if u is None:
        return {}
    return {"pit": ecdf_table(u[:: -(-u.size // 5000)], kit.confidence), "coverage": _coverage(u, kit.confidence)}


def _coverage(u: Floats, confidence: float) -> pa.Table:
    shares = [covered(u, c) for c in COVERED]
    ends = [proportion_interval(round(s * u.size), u.size, confidence) for s in shares]
    return table_of({"confidence": [*COVERED], "covered": shares, "low": [a for a, _ in ends],
                     "high": [b for _, b in ends], "rows": [int(u.size)] * len(shares)})  # fmt: skip


def _intervals(model: Any, X: Any, y: Floats, kit: _Kit) -> Validation:
    """Coverage of intervals, where an estimator has nothing else: binomial if they are right and rows independent."""
    draws = kit.draws or draws_for(len(COVERED), kit.confidence, 4 * DRAWS)
    tried, rows = [], []
    for c in COVERED:
        low, high = _ends(model.predict_interval(X, c), y.size)
        inside = (low <= y) & (y <= high)
        binomial = kit.stream.child("coverage", round(1000 * c)).generator().binomial(y.size, c, draws) / y.size
        tried.append(Tried(f"{100 * c:g} % intervals cover", float(inside.mean()), binomial, 1.0))
        rows.append((c, float(inside.mean()), *proportion_interval(int(inside.sum()), y.size, kit.confidence), y.size))
    names = ("confidence", "covered", "low", "high", "rows")
    coverage = table_of({name: [row[n] for row in rows] for n, name in enumerate(names)})
    notes = ("Rows are taken to be independent: the estimator gives intervals and no law to draw from.",)
    return _told(tried, draws, kit.confidence, kit.tolerance, {"coverage": coverage}, notes)


def _ends(found: Any, n: int) -> tuple[Floats, Floats]:
    x = np.asarray(found, float)
    x = x.T if x.shape == (n, 2) and n != 2 else x
    if x.shape != (2, n) or not np.isfinite(x).all():
        said = f"predict_interval gives the shape {x.shape}" if x.shape != (2, n) else "an interval has no end"
        raise NoAnswer(Fault("simulation.estimator", said, f"expected low and high for {n:,} rows", key="model"))
    return x[0], x[1]


# ---- in words -----------------------------------------------------------------------------------------------------


def _told(
    tried: Sequence[Tried], draws: int, confidence: float, tolerance: float, tables: Mapping[str, pa.Table],
    notes: tuple[str, ...],
) -> Validation:  # fmt: skip
    checks = judged(tried, confidence, tolerance)
    agrees = False if any(c.verdict == DIFFERS for c in checks) else any(c.verdict == AGREES for c in checks) or None
    return Validation(
        _verdict(checks, agrees),
        agrees,
        checks,
        draws,
        confidence,
        tables,
        (*notes, *_notes(checks, draws, confidence)),
    )


def _verdict(checks: Sequence[Check], agrees: bool | None) -> str:
    if agrees is False:
        wrong = sorted((c for c in checks if c.verdict == DIFFERS), key=lambda c: c.p_holm)
        said = "; ".join(
            f"{c.name} is {c.observed:.3g}, where the model gives {c.low:.3g} to {c.high:.3g}" for c in wrong[:3]
        )
        more = f"; and {len(wrong) - 3} more checks fail" if len(wrong) > 3 else ""
        return f"{DIFFERS}: {said}{more}"
    told = [c for c in checks if isfinite(c.share)]
    if agrees:
        able = [c for c in told if c.verdict == AGREES]
        blind = sum(c.verdict == UNSURE for c in checks)
        count = len(checks) - blind
        many = f" in {count} check{'s' * (count > 1)}" if len(checks) > 1 else ""
        many += f" ({blind} more cannot tell)" if blind else ""
        first = f"; a difference of {able[0].detectable:.3g} in {able[0].name} would mostly be found" if able else ""
        return f"{AGREES}{many}{first}"
    best = min(told, key=lambda c: c.share, default=None)
    if best is None:
        return UNSURE
    return f"{UNSURE}: a difference of less than {best.detectable:.3g} in {best.name} would not surely be found"


def _notes(checks: Sequence[Check], draws: int, confidence: float) -> Sequence[str]:
    level, out = 1 - confidence, []
    blind = [c.name for c in checks if c.verdict == UNSURE]
    if blind and len(blind) < len(checks):
        out.append(f"Too few to tell: {listing(blind)}.")
    if 2 * len(checks) / (1 + draws) > level:
        out.append(f"With {draws} draws and {len(checks)} checks no p-value can be small enough: give more draws.")
    near = [c.name for c in checks if c.p_low * len(checks) < level < c.p_high * len(checks) and c.p_holm < 4 * level]
    if near:
        out.append(f"Near the border; more draws would tell more surely: {listing(near)}.")
    return out
