"""What a fitted estimator believes about the truth, in one of five forms, and how it is read off an estimator.

Whoever has an estimator of another make writes a function that gives one of these; the usual ones are read by
``read_off``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer, StudyError, listing

__all__ = ["Bounds", "Draws", "Normal", "Places", "Point", "Reading", "of_truth", "read_off"]

Floats = npt.NDArray[np.float64]

DRAWN = 199
"""Draws of the truth that are asked for."""


@dataclass(frozen=True)
class Draws:
    """Draws of the truth, e.g. from a posterior: shape (S,) of one number, (S, d) of several; about independent."""

    values: Any


@dataclass(frozen=True)
class Normal:
    """Estimate and standard error, a number each or shape (d,)."""

    mean: Any
    sd: Any


@dataclass(frozen=True)
class Bounds:
    """Intervals: confidence -> (low, high), numbers or shape (d,) each; and the estimate, where there is one."""

    ends: Mapping[float, tuple[Any, Any]]
    estimate: Any = None


@dataclass(frozen=True)
class Point:
    """An estimate alone, whose bias can be told."""

    estimate: Any


@dataclass(frozen=True)
class Places:
    """Numbers that are uniform between 0 and 1 if all is right: p-values, the place of the truth in its law."""

    values: Any


Reading = Draws | Normal | Bounds | Point | Places

_PAIRS = (
    ("estimate_", "standard_error_"), ("coef_", "standard_error_"), ("coef_", "coef_std_"), ("params", "bse"),
)  # fmt: skip
"""Attributes that hold estimates and their standard errors; statsmodels' results are the last."""


def read_off(fitted: Any, confidence: Sequence[float], at: Any, generator: np.random.Generator) -> Reading:
    """What a fitted estimator says of the truth.

    Args:
        fitted: the estimator, or what a function gave in its place.
        confidence: levels of intervals.
        at: rows whose expected values are the truth; None where the truth is what the estimator estimates.
        generator: for its draws.

    Raises:
        StudyError: it says nothing that is known how to read.
    """
    if isinstance(fitted, Reading):
        return fitted
    if at is not None:
        if hasattr(fitted, "predict_interval"):
            return Bounds({c: tuple(fitted.predict_interval(at, c)) for c in confidence})
        if hasattr(fitted, "predict") and "return_std" in signature(fitted.predict).parameters:
            return Normal(*fitted.predict(at, return_std=True))
        if hasattr(fitted, "predict"):
            return Point(fitted.predict(at))
        raise StudyError(_unreadable(fitted, "predict_interval(X, confidence), or predict(X) with return_std"))
    sample = getattr(fitted, "sample", None)
    if callable(sample) and "generator" in signature(sample).parameters:
        return Draws(sample(DRAWN, generator=generator))
    if hasattr(fitted, "interval"):
        return Bounds({c: tuple(fitted.interval(c)) for c in confidence}, getattr(fitted, "estimate_", None))
    for mean, sd in _PAIRS:
        if hasattr(fitted, mean) and hasattr(fitted, sd):
            return Normal(np.ravel(getattr(fitted, mean)), np.ravel(getattr(fitted, sd)))
    covariance = np.asarray(getattr(fitted, "sigma_", np.nan), float)
    if hasattr(fitted, "coef_") and covariance.ndim == 2:  # BayesianRidge, ARDRegression
        return Normal(np.ravel(fitted.coef_), np.sqrt(np.diag(covariance)))
    for mean in ("estimate_", "coef_"):
        if hasattr(fitted, mean):
            return Point(np.ravel(getattr(fitted, mean)))
    raise StudyError(
        _unreadable(fitted, "sample(n, generator), interval(confidence), or estimate_ with standard_error_")
    )


def _unreadable(fitted: Any, expected: str) -> Fault:
    has = [name for name in dir(fitted) if not name.startswith("_") and callable(getattr(fitted, name, None))]
    found = f"{type(fitted).__name__} says nothing of the truth (it has {listing(has[:12]) or 'no method'})"
    mend = "Give read=, a function of the fitted estimator to Draws, Normal, Bounds, Point or Places"
    return Fault("simulation.estimator", found, f"expected {expected}", mend, key="estimator")


def of_truth(values: Any, d: int, what: str) -> Floats:
    """Values as shape (d,).

    Raises:
        StudyError: they have another shape, or are no numbers.
        NoAnswer: one is NaN: the estimator has no answer to this.
    """
    try:
        x = np.ravel(np.asarray(values, float))
    except (TypeError, ValueError):
        raise StudyError(Fault("simulation.estimator", f"{what} is no number", key="estimator")) from None
    if x.shape != (d,):
        found = f"{what} has the shape {np.shape(values)}"
        raise StudyError(Fault("simulation.estimator", found, f"the truth has {d} values", key="estimator"))
    if np.isnan(x).any():
        raise NoAnswer(Fault("simulation.estimator", f"{what} is NaN", key="estimator"))
    return x
