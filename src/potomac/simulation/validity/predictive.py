"""What a fitted estimator says of rows, as a law from which they can be drawn again.

An estimator needs one of these: ``sample(X, generator)``, one draw for each row; ``predict_proba(X)`` with
``classes_``; ``predict(X, return_std=True)``, taken for normal; or ``predict(X)`` together with the family it means.
scikit-learn's own estimators have them; nothing of scikit-learn is needed here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from inspect import signature
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer, StudyError, listing
from potomac.simulation.inputs.checked import numbers
from potomac.simulation.validity.probabilities import bins_of
from potomac.stats.streams import Stream

__all__ = [
    "FAMILIES", "METHODS", "Categorical", "Normal", "Poisson", "Predictive", "Sampled", "predictive_of", "unusable",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FAMILIES = ("normal", "poisson")
"""What ``predict(X)`` alone may be the mean of."""

METHODS = ("sample", "predict_proba", "predict_interval", "predict")
"""By which an estimator may tell a law."""

SEEN, REFERENCES = 5000, 199
"""Rows, and draws of each, by which the place of a value is known where the law has no formula."""


class Predictive(Protocol):
    """A law of n values."""

    @property
    def n(self) -> int:
        """How many."""

    @property
    def mean(self) -> Floats | None:
        """Expected value of each row, shape (n,); None where it has none."""

    def draw(self, generator: np.random.Generator) -> Floats:
        """One draw of all rows, shape (n,)."""

    def pit(self, y: Floats, generator: np.random.Generator) -> Floats | None:
        """Where each value lies in its own law, uniform between 0 and 1 if the law is right; None if that says nothing.

        Values that have a probability of their own are spread over it (randomised quantile residuals, Dunn and Smyth
        1996).
        """


class Categorical:
    """Classes with probabilities.

    Args:
        p: shape (n, K).
        classes: names of them.
    """

    def __init__(self, p: Floats, classes: tuple[Any, ...]) -> None:
        self.p, self.classes = p, classes
        self._below = np.cumsum(p[:, :-1], axis=1)

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.p)

    @property
    def mean(self) -> Floats | None:
        """Of two classes the probability of the second."""
        return self.p[:, 1] if self.p.shape[1] == 2 else None

    @cached_property
    def likely(self) -> Floats:
        """Of two classes the probability of the second, of several that of the likeliest, shape (n,)."""
        return self.p[:, 1] if self.p.shape[1] == 2 else np.asarray(self.p.max(1))

    @cached_property
    def groups(self) -> Ints:
        """Groups of rows by that probability, shape (n,)."""
        return bins_of(self.likely)

    def came(self, y: Floats) -> Floats:
        """Whether that class came, 0 or 1, from numbers of classes, shape (n,)."""
        return y if self.p.shape[1] == 2 else np.asarray(y == self.p.argmax(1), float)

    def draw(self, generator: np.random.Generator) -> Floats:
        """The number of a class for each row."""
        return np.asarray((generator.random((self.n, 1)) > self._below).sum(1), float)

    def pit(self, y: Floats, generator: np.random.Generator) -> Floats | None:
        """None: classes have no order."""
        return None


class Normal:
    """Independent normal values, ``mean`` and ``sd`` of shape (n,)."""

    def __init__(self, mean: Floats, sd: Floats) -> None:
        self.mean: Floats | None = mean
        self._mean, self.sd = mean, sd

    @property
    def n(self) -> int:
        """Rows."""
        return self._mean.size

    def draw(self, generator: np.random.Generator) -> Floats:
        """One draw."""
        return np.asarray(self._mean + self.sd * generator.standard_normal(self.n))

    def pit(self, y: Floats, generator: np.random.Generator) -> Floats | None:
        """The normal distribution function."""
        from scipy.special import ndtr

        return np.asarray(ndtr((y - self._mean) / self.sd))


class Poisson:
    """Independent Poisson counts, ``mean`` of shape (n,)."""

    def __init__(self, mean: Floats) -> None:
        self.mean: Floats | None = mean
        self._mean = mean

    @property
    def n(self) -> int:
        """Rows."""
        return self._mean.size

    def draw(self, generator: np.random.Generator) -> Floats:
        """One draw."""
        return generator.poisson(self._mean).astype(float)

    def pit(self, y: Floats, generator: np.random.Generator) -> Floats | None:
        """Spread over the step of each count."""
        from scipy.special import pdtr

        k = np.floor(y)
        before = np.where(k > 0, pdtr(np.maximum(k - 1, 0), self._mean), 0.0)
        return np.asarray(before + generator.random(self.n) * (pdtr(np.maximum(k, 0), self._mean) - before))


class Sampled:
    """A law that is only known by its draws.

    Args:
        drawn: generator -> one draw of all rows, shape (n,).
        n: rows.
        stream: keys the draws by which the place of a value is known.
        alike: all rows have one law, so that a value has its place among all draws together.
    """

    def __init__(
        self, drawn: Callable[[np.random.Generator], Any], n: int, stream: Stream, alike: bool = False
    ) -> None:
        self._drawn, self.n, self._alike = drawn, n, alike
        self._rows = np.arange(n) if n <= SEEN else np.sort(stream.child("rows").generator().permutation(n)[:SEEN])
        among, total = np.empty((REFERENCES, self._rows.size)), np.zeros(n)
        for b in range(REFERENCES):
            y = self.draw(stream.child("reference", b).generator())
            among[b], total = y[self._rows], total + y
        self.mean: Floats | None = None if alike else total / REFERENCES
        self._among = np.sort(among.ravel()[:, None] if alike else among, axis=0)

    def draw(self, generator: np.random.Generator) -> Floats:
        """One draw.

        Raises:
            StudyError: it has another shape, or holds what is no number.
        """
        y = np.asarray(self._drawn(generator))
        if y.shape != (self.n,):
            found, expected = f"a draw has the shape {y.shape}", f"expected {self.n:,} values, as many as were observed"
            raise StudyError(Fault("simulation.simulator", found, expected))
        try:
            y = y.astype(float)
        except (TypeError, ValueError):
            raise StudyError(Fault("simulation.simulator", "a draw holds what is no number")) from None
        wrong = np.flatnonzero(~np.isfinite(y))
        if wrong.size:
            row = int(wrong[0])
            raise StudyError(Fault("simulation.simulator", f"row {row} of a draw is {y[row]}", "expected a number"))
        return y

    def pit(self, y: Floats, generator: np.random.Generator) -> Floats | None:
        """The place among the reference draws; equal ones in random order."""
        y = y[self._rows]
        if self._alike:
            pool = self._among[:, 0]
            below, upto = np.searchsorted(pool, y, side="left"), np.searchsorted(pool, y, side="right")
        else:
            below, upto = (self._among < y).sum(0), (self._among <= y).sum(0)
        place = below + generator.random(y.size) * (upto - below + 1)
        return np.asarray(place / (len(self._among) + 1))


def predictive_of(
    estimator: Any, X: Any, n: int, stream: Stream, *, family: str = "", spread: Any = None,
    read: Callable[[Any, Any], Any] | None = None,
) -> Predictive:  # fmt: skip
    """The law that a fitted estimator gives to rows.

    Args:
        estimator: fitted.
        X: rows, as it takes them.
        n: how many there are.
        stream: keys draws where the law is only known by them.
        family: ``normal`` or ``poisson``, where ``predict`` alone is to be read.
        spread: standard deviation of the normal family, a number or one a row.
        read: function of the estimator and of rows to probabilities of classes, where ``predict_proba`` has none.

    Raises:
        StudyError: it has no method that tells a law; the message says which would.
        NoAnswer: it fails, or what it gives has another shape, or is no probability.
    """
    if family and family not in FAMILIES:
        found, expected = f"family is {family!r:.40}", f"expected one of {listing(FAMILIES)}"
        raise StudyError(Fault("simulation.estimator", found, expected, key="family"))
    if read is not None:
        return _classes(estimator, _asked(lambda: read(estimator, X), "read"), n, "read")
    if _takes(getattr(estimator, "sample", None), "X") and not family:
        return Sampled(lambda generator: estimator.sample(X, generator), n, stream)
    if hasattr(estimator, "predict_proba") and not family:
        said = _asked(lambda: estimator.predict_proba(X), "predict_proba")
        return _classes(estimator, said, n, "predict_proba")
    predict = getattr(estimator, "predict", None)
    if _takes(predict, "return_std") and not family:
        mean, sd = _asked(lambda: estimator.predict(X, return_std=True), "predict")
        return Normal(_of(mean, n, "predict"), _above(_of(sd, n, "predict (std)"), "standard deviations"))
    if predict is not None and family:
        mean = _of(_asked(lambda: predict(X), "predict"), n, "predict")
        if family == "poisson":
            return Poisson(_above(mean, "means"))
        if spread is not None:
            each = np.full(n, float(spread)) if np.ndim(spread) == 0 else numbers(spread, "spread")
            return Normal(mean, _above(_of(each, n, "spread"), "spread"))
        mend = "Give spread=, e.g. the root of the mean squared residual of rows that were not fitted"
        raise StudyError(Fault("simulation.estimator", "the normal family has no spread", "", mend, key="spread"))
    raise StudyError(unusable(estimator))


def unusable(estimator: Any) -> Fault:
    """What is said of an estimator that tells no law."""
    name, mend = type(estimator).__name__, ""
    has = [m for m in METHODS if hasattr(estimator, m)]
    found = f"{name} has {listing(has) if has else 'no method that predicts'}"
    if has == ["predict"]:
        found = f"{name} only predicts a value, not how far it may be off"
        mend = 'Say what predict is the mean of: family="poisson", or family="normal" with spread='
    expected = (
        "expected sample(X, generator), predict_proba(X), predict(X, return_std=True), "
        "predict_interval(X, confidence), or predict(X) with family="
    )
    return Fault("simulation.estimator", found, expected, mend, key="model")


def _takes(method: Any, name: str) -> bool:
    """Whether a method has an argument of this name."""
    if not callable(method):
        return False
    try:
        return name in signature(method).parameters
    except (TypeError, ValueError):
        return False


def _asked(ask: Callable[[], Any], method: str) -> Any:
    """What the estimator answers; that it fails is said with the method's name.

    Raises:
        NoAnswer: it fails.
    """
    try:
        return ask()
    except Exception as error:
        found = f"{method} fails: {type(error).__name__}: {error!s:.200}"
        raise NoAnswer(Fault("simulation.estimator", found, key="model")) from error


def _of(values: Any, n: int, method: str) -> Floats:
    x = np.asarray(values, float)
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.shape != (n,):
        found = f"{method} gives the shape {x.shape}"
        raise NoAnswer(Fault("simulation.estimator", found, f"expected one value for each of {n:,} rows", key="model"))
    wrong = np.flatnonzero(~np.isfinite(x))
    if wrong.size:
        row = int(wrong[0])
        raise NoAnswer(Fault("simulation.estimator", f"{method} gives {x[row]} for row {row}", key="model"))
    return x


def _above(x: Floats, what: str) -> Floats:
    wrong = np.flatnonzero(~(x > 0))
    if wrong.size:
        row = int(wrong[0])
        found = f"of the {what}, row {row} is {x[row]:.6g}"
        raise NoAnswer(Fault("simulation.estimator", found, "expected a number above 0", key="model"))
    return x


def _classes(estimator: Any, said: Any, n: int, method: str) -> Categorical:
    p = np.asarray(said, float)
    if p.ndim == 1:  # of the second of two classes
        p = np.column_stack([1 - p, p])
    classes = tuple(np.asarray(getattr(estimator, "classes_", np.arange(p.shape[-1]))).tolist())
    if p.shape != (n, len(classes)) or len(classes) < 2:
        found, expected = f"{method} gives the shape {p.shape}", f"expected ({n}, {len(classes)})"
        raise NoAnswer(Fault("simulation.estimator", found, expected, key="model"))
    wrong = np.flatnonzero(~((p >= -1e-9) & (p <= 1 + 1e-9)).all(1) | (np.abs(p.sum(1) - 1) > 1e-3))
    if wrong.size:
        row = int(wrong[0])
        found = f"{method} gives {listing(f'{x:.4g}' for x in p[row])} for row {row}"
        raise NoAnswer(Fault("simulation.estimator", found, "expected probabilities that sum to 1", key="model"))
    p = np.clip(p, 0.0, 1.0)
    return Categorical(p / p.sum(1, keepdims=True), classes)
