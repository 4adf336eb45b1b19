"""One run of a calibration: draw a truth and data, let the estimator see the data, and see where the truth lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer, PotomacError, StudyError
from potomac.simulation.hooks import fresh
from potomac.simulation.validity.probabilities import slope
from potomac.simulation.validity.readings import Bounds, Normal, Places, Point, Reading, of_truth, read_off
from potomac.stats.streams import Stream

__all__ = ["BINS", "Placed", "Probabilities", "Read", "Refused", "Trial", "is_classifier"]

Floats = npt.NDArray[np.float64]
Read = Callable[..., Any]

BINS = 10
"""Groups of probabilities."""


@dataclass(frozen=True)
class Placed:
    """Of one run: truth, estimate and sd, shape (d,); place (d,); whether covered, confidence -> (d,); names."""

    names: tuple[str, ...]
    truth: Floats
    estimate: Floats
    sd: Floats
    place: Floats
    covered: Mapping[float, Floats]


@dataclass(frozen=True)
class Probabilities:
    """Of one run of a classifier: intercept, slope, mean excess, and sums by group of n, predicted, true."""

    intercept: float
    slope: float
    bias: float
    sums: Floats


@dataclass(frozen=True)
class Refused:
    """The estimator gave no answer, for a reason of its own."""

    why: str


@dataclass(frozen=True)
class Trial:
    """Draw truth and data, fit, and see where the truth lies."""

    simulator: Callable[[np.random.Generator], Any]
    estimator: Any
    read: Read | None
    at: Any
    confidence: tuple[float, ...]
    stream: Stream
    classes: bool

    def __call__(self, run: int) -> Placed | Probabilities | Refused:
        """What came of the run of this number.

        Raises:
            StudyError: the simulator, the estimator or the reading fails.
        """
        own = self.stream.child(run)
        try:
            return self._classified(own) if self.classes else self._placed(own)
        except NoAnswer as error:
            return Refused(f"{error!s:.300}")
        except PotomacError:
            raise
        except Exception as error:
            found = f"run {run}: {type(error).__name__}: {error!s:.300}"
            raise StudyError(Fault("simulation.hook", found, "expected an answer for all data", key="run")) from error

    def _placed(self, own: Stream) -> Placed:
        drawn = self.simulator(own.child("data").generator())
        if not isinstance(drawn, tuple) or len(drawn) not in (2, 3):
            found = f"the simulator gives {type(drawn).__name__}"
            raise StudyError(Fault("simulation.simulator", found, "expected (truth, data) or (truth, X, y)"))
        names, truth = _truth(drawn[0])
        generator = own.child("draws").generator()
        fitted = self._fitted(drawn[1:], own)
        if self.read is not None:
            fitted = self.read(fitted)
        reading = read_off(fitted, self.confidence, self.at, generator)
        return _placed(names, truth, reading, self.confidence, generator)

    def _fitted(self, data: tuple[Any, ...], own: Stream) -> Any:
        if hasattr(self.estimator, "fit"):
            made = fresh(self.estimator, own.child("fit").seed32())
            fitted = made.fit(*data)
            return made if fitted is None else fitted
        return self.estimator(*data)

    def _classified(self, own: Stream) -> Probabilities:
        X, y, _ = _labelled(self.simulator(own.child("data").generator()))
        fitted = self._fitted((X, y), own)
        X, _, p = _labelled(self.simulator(own.child("test").generator()))
        said = self.read(fitted, X) if self.read is not None else fitted.predict_proba(X)
        q = np.asarray(said, float)
        q = q[:, 1] if q.ndim == 2 and q.shape[1] == 2 else q
        if q.shape != p.shape or not ((q >= 0) & (q <= 1)).all():
            found = f"the estimator gives probabilities of the shape {q.shape}" if q.shape != p.shape else "not all are"
            expected = f"expected {len(p):,} probabilities between 0 and 1"
            raise StudyError(Fault("simulation.estimator", found, expected, key="estimator"))
        intercept, steep = slope(p, q)
        group = np.minimum((q * BINS).astype(int), BINS - 1)
        sums = np.stack([np.bincount(group, w, minlength=BINS).astype(float) for w in (np.ones_like(q), q, p)])
        return Probabilities(intercept, steep, float((q - p).mean()), sums)


def is_classifier(estimator: Any, read: Read | None, simulator: Any, stream: Stream) -> bool:
    """Whether probabilities are what is looked at: the simulator's third part are then true ones."""
    if not hasattr(estimator, "fit") or not (hasattr(estimator, "predict_proba") or _takes_two(read)):
        return False
    drawn = simulator(stream.child("pilot").generator())
    if not isinstance(drawn, tuple) or len(drawn) != 3:
        return False
    _labelled(drawn)
    return True


def _takes_two(read: Read | None) -> bool:
    if read is None:
        return False
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and p.default is Parameter.empty for p in signature(read).parameters.values()) == 2


def _labelled(drawn: Any) -> tuple[Any, Any, Floats]:
    X, y, p = drawn
    p = np.asarray(p, float)
    rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if p.shape != (rows,) or not ((p >= 0) & (p <= 1)).all():
        found = f"for {rows:,} rows the simulator gives true probabilities of the shape {p.shape}"
        expected = "expected (X, y, p) with one probability from 0 to 1 a row"
        raise StudyError(Fault("simulation.simulator", found, expected))
    return X, y, p


def _truth(truth: Any) -> tuple[tuple[str, ...], Floats]:
    names: tuple[str, ...] = ()
    if isinstance(truth, Mapping):
        names, truth = tuple(str(name) for name in truth), list(truth.values())
    try:
        x = np.ravel(np.asarray(truth, float))
    except (TypeError, ValueError):
        x = np.full(1, nan)
    if not x.size or not np.isfinite(x).all():
        raise StudyError(Fault("simulation.simulator", f"the truth is {truth!r:.80}", "expected numbers"))
    return names or (("",) if x.size == 1 else tuple(str(i) for i in range(x.size))), x


def _placed(
    names: tuple[str, ...], truth: Floats, reading: Reading, confidence: tuple[float, ...],
    generator: np.random.Generator,
) -> Placed:  # fmt: skip
    """Where the truth lies in what the estimator believes."""
    d = truth.size
    none = np.full(d, nan)
    if isinstance(reading, Point):
        return Placed(names, truth, of_truth(reading.estimate, d, "the estimate"), none, none, {})
    if isinstance(reading, Places):
        place = of_truth(reading.values, d, "the place")
        if not ((place >= 0) & (place <= 1)).all():
            raise StudyError(Fault("simulation.estimator", f"a place is {place}", "expected 0 to 1", key="estimator"))
        return Placed(names, truth, none, none, place, {})
    if isinstance(reading, Bounds):
        estimate = none if reading.estimate is None else of_truth(reading.estimate, d, "the estimate")
        covered = {}
        for c, (low, high) in reading.ends.items():
            a, b = of_truth(low, d, "a lower end"), of_truth(high, d, "an upper end")
            covered[float(c)] = ((a <= truth) & (truth <= b)).astype(float)
        return Placed(names, truth, estimate, none, none, covered)
    if isinstance(reading, Normal):
        from scipy.special import ndtr

        mean, sd = of_truth(reading.mean, d, "the estimate"), of_truth(reading.sd, d, "the standard error")
        if not (sd > 0).all():
            raise NoAnswer(Fault("simulation.estimator", "a standard error is not above 0", key="estimator"))
        return _by_place(names, truth, mean, sd, np.asarray(ndtr((truth - mean) / sd)), confidence)
    draws = np.asarray(reading.values, float)
    draws = draws[:, None] if draws.ndim == 1 else draws
    if draws.ndim != 2 or draws.shape[1] != d or len(draws) < 20 or np.isnan(draws).any():
        found = "a draw is NaN" if np.isnan(draws).any() else f"the draws have the shape {draws.shape}"
        kind = NoAnswer if np.isnan(draws).any() else StudyError
        raise kind(Fault("simulation.estimator", found, f"expected (20 or more, {d})", key="estimator"))
    below, upto = (draws < truth).sum(0), (draws <= truth).sum(0)
    place = (below + generator.random(d) * (upto - below + 1)) / (len(draws) + 1)
    return _by_place(names, truth, draws.mean(0), draws.std(0, ddof=1), place, confidence)


def _by_place(
    names: tuple[str, ...], truth: Floats, mean: Floats, sd: Floats, place: Floats, confidence: tuple[float, ...]
) -> Placed:
    covered = {c: (np.abs(place - 0.5) <= c / 2).astype(float) for c in confidence}
    return Placed(names, truth, mean, sd, place, covered)
