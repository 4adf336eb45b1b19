"""Outliers of a plain numeric table, by contrast with simulated rows.

A classifier that tells real rows from simulated ones learns the ratio of their densities (Hastie, Tibshirani and
Friedman, The Elements of Statistical Learning, 2nd ed., 14.2.4; Steinwart, Hush and Scovel 2005, A classification
framework for anomaly detection, JMLR 6, 211-232; Gutmann and Hyvärinen 2012, Noise-contrastive estimation, JMLR 13,
307-361). What the fakes are decides what it can see. The default asks two questions with fakes of their own:

- *near*: is there anything like this row? Fakes lie at any distance, no scale favoured (see ``landmarks``).
- *together*: do its columns go together? Fakes take each column from another row, so that every column alone looks
  right; boosted trees learn which combinations occur (see ``boosting``). Only evidence against a row counts:
  to fit together better than columns at random would is no merit of an extreme row.

The log odds of both are added. ``method="logistic"`` is the textbook: one set of fakes, uniform over the table's box,
and one logistic regression with squares and products.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import IO, Any, Protocol, Self
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from potomac.errors import DataError, Fault
from potomac.outliers.boosting import Forest, fit_forest
from potomac.outliers.landmarks import Landmarks, fit_landmarks
from potomac.outliers.logistic import corrected_log_odds, fit_cells
from potomac.outliers.logistic import probability as corrected_probability
from potomac.stats.streams import Stream

__all__ = ["ContrastDetector"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Arrays = dict[str, npt.NDArray[Any]]

_FORMAT = 1  # of saved detectors
_FAKES = 2  # fakes a real row
_TREE_ROWS = 20_000  # real rows that the trees are grown on, at most
_FEWEST_FOR_TREES = 50  # below, no tree could be told from chance
_PRODUCTS = 10  # most columns for which the logistic method uses products of two
_FENCE = 1.5  # interquartile ranges below the first quartile: a box plot's whisker (Tukey 1977)


@dataclass(frozen=True)
class _Rows:
    """Rows and who may judge them.

    ``keys`` are fingerprints of their values, shape (n,); ``others`` is (m - 1) / m for a row that the training table
    holds m times, and 1 for a new one, shape (n,); ``unseen_by`` are the folds it was kept from, shape (n, folds).
    """

    x: Floats
    keys: npt.NDArray[np.uint64]
    others: Floats
    unseen_by: Bools

    def mean_of_folds(self, judges: Sequence[Callable[[Floats], Floats]]) -> Floats:
        """Mean verdict of the folds that may judge a row, shape (n,)."""
        total = np.zeros(len(self.x))
        for k, judge in enumerate(judges):
            rows = self.unseen_by[:, k]
            total[rows] += judge(self.x[rows])
        return np.asarray(total / self.unseen_by.sum(axis=1))


class _Model(Protocol):
    """What a method learned."""

    def evidence(self, rows: _Rows) -> dict[str, Floats]: ...

    def to_arrays(self) -> Arrays: ...


@dataclass(frozen=True)
class _Contrast:
    """Both contrasts of the default method; no trees where the rows are too few or the column is single."""

    near: Landmarks
    together: tuple[Forest, ...]

    def evidence(self, rows: _Rows) -> dict[str, Floats]:
        judges = [lambda x, forest=forest: np.minimum(forest.log_odds(x), 0.0) for forest in self.together]
        together = rows.mean_of_folds(judges) if judges else np.zeros(len(rows.x))
        return {"near": self.near.log_odds(rows.x, rows.keys, rows.others), "together": together}

    def to_arrays(self) -> Arrays:
        arrays: Arrays = {f"near/{field.name}": getattr(self.near, field.name) for field in fields(Landmarks)}
        for k, forest in enumerate(self.together):
            arrays |= {f"together/{k}/{name}": array for name, array in forest.to_arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> _Contrast:
        near = Landmarks(**_below("near/", arrays))
        if near.points.ndim != 3 or not near.points.shape[2:] == near.centre.shape == near.scale.shape:
            raise ValueError("landmarks do not fit together")
        return cls(near, tuple(map(Forest.from_arrays, _by_fold(_below("together/", arrays)))))

    @classmethod
    def fit(cls, rows: _Rows, detector: ContrastDetector, stream: Stream) -> _Contrast:
        size = {"samples": detector.samples, "size": detector.landmarks}
        near = fit_landmarks(rows.x, rows.keys, rows.others, generator=stream.child("near").generator(), **size)
        learn = [rows.x[~rows.unseen_by[:, k]] for k in range(rows.unseen_by.shape[1])]
        if rows.x.shape[1] < 2 or min(map(len, learn)) < _FEWEST_FOR_TREES:
            return cls(near, ())
        streams = [stream.child("together", k) for k in range(len(learn))]
        return cls(near, tuple(_grow(x, detector.iterations, s) for x, s in zip(learn, streams, strict=True)))


def _below(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _by_fold(arrays: Arrays) -> list[Arrays]:
    folds = sorted({int(name.partition("/")[0]) for name in arrays})
    return [_below(f"{k}/", arrays) for k in folds]


@dataclass(frozen=True)
class _Textbook:
    """A logistic regression a fold."""

    folds: tuple[_Logistic, ...]

    def evidence(self, rows: _Rows) -> dict[str, Floats]:
        return {"textbook": rows.mean_of_folds([fold.log_odds for fold in self.folds])}

    def to_arrays(self) -> Arrays:
        pairs = [(k, field.name) for k in range(len(self.folds)) for field in fields(_Logistic)]
        return {f"{k}/{name}": getattr(self.folds[k], name) for k, name in pairs}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> _Textbook:
        return cls(tuple(_Logistic(**fold) for fold in _by_fold(arrays)))

    @classmethod
    def fit(cls, rows: _Rows, detector: ContrastDetector, stream: Stream) -> _Textbook:
        learn = [rows.x[~rows.unseen_by[:, k]] for k in range(rows.unseen_by.shape[1])]
        streams = [stream.child("uniform", k) for k in range(len(learn))]
        return cls(tuple(_Logistic.fit(x, s.generator()) for x, s in zip(learn, streams, strict=True)))


@dataclass(frozen=True)
class _Logistic:
    """One logistic regression on standardised columns, their squares and, of few columns, their products."""

    centre: Floats
    scale: Floats
    coefficients: Floats

    def log_odds(self, X: Floats) -> Floats:
        terms = self._terms(X, self.centre, self.scale)
        return np.asarray(self.coefficients[0] + terms @ self.coefficients[1:])

    @staticmethod
    def _terms(X: Floats, centre: Floats, scale: Floats) -> Floats:
        missing = np.isnan(X)
        z = np.clip(np.where(missing, 0.0, (X - centre) / scale), -1e6, 1e6)
        i, j = np.triu_indices(z.shape[1], k=1) if z.shape[1] <= _PRODUCTS else (np.empty(0, int),) * 2
        return np.hstack([z, z**2, z[:, i] * z[:, j], missing.astype(float)])

    @classmethod
    def fit(cls, X: Floats, generator: np.random.Generator) -> _Logistic:
        known = np.where(np.isnan(X).all(axis=0), 0.0, X)
        centre = np.nanmean(known, axis=0)
        scale = np.nanstd(known, axis=0)
        scale = np.where(np.isfinite(scale) & (scale > 0.0), scale, 1.0)
        n, p = X.shape
        low, high = np.nanmin(known, axis=0), np.nanmax(known, axis=0)
        fakes = low + (high - low) * generator.random((_FAKES * n, p))
        fakes[_columns_at_random(np.isnan(X), generator)] = np.nan
        terms = cls._terms(np.concatenate([X, fakes]), centre, scale)
        real = np.repeat([1.0, 0.0], [n, len(fakes)])
        beta = fit_cells(terms, real, np.zeros(len(real), np.int64), 1).coefficients[0]
        beta[0] = corrected_log_odds(beta[:1], n, len(fakes))[0]
        return cls(centre, scale, beta)


def _grow(x: Floats, iterations: int, stream: Stream) -> Forest:
    """Trees that tell rows from rows whose columns were drawn apart, as with one fake a real row."""
    real = x[:_TREE_ROWS]  # the rows come in random order
    fakes = _columns_at_random(real, stream.generator())
    return fit_forest(
        np.concatenate([real, fakes]),
        np.repeat([True, False], [len(real), len(fakes)]),
        weight=np.repeat([1.0, 1.0 / _FAKES], [len(real), len(fakes)]),
        iterations=iterations,
        leaves=8,
        learning_rate=0.1,
        l2=5.0,
        seed=stream.seed32(),
        early_stopping=True,
    )


def _columns_at_random(X: npt.NDArray[Any], generator: np.random.Generator) -> npt.NDArray[Any]:
    """Rows whose columns come from different rows of ``X``: the product of its marginal distributions."""
    return np.concatenate([generator.permuted(X, axis=0) for _ in range(_FAKES)])


def _fingerprints(X: Floats, stream: Stream) -> npt.NDArray[np.uint64]:
    """A 64-bit number for the values of each row, shape (n,); equal rows have equal numbers. SplitMix64's mixer."""
    key = np.full(len(X), stream.integer() & 0xFFFFFFFFFFFFFFFF, np.uint64)
    with np.errstate(over="ignore"):
        for column in X.T:
            value = np.where(np.isnan(column), np.nan, column + 0.0)  # one NaN, one zero
            key = (key ^ value.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            key ^= key >> np.uint64(31)
    return key


class ContrastDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Outlier detector for numeric tables, by contrast with simulated rows. Missing values are used.

    No row is scored by a model that saw it: the rows are split into folds, and a row of the training table is
    recognised by its values and scored by the fold that was kept from it, be it in ``fit_predict`` or later in
    ``score_samples``. A new row gets the mean of all folds. The result does not depend on the order of the rows nor on
    the number of threads.

    Parameters:
        method: "contrast", or "logistic" for the textbook (ESL 14.2.4).
        contamination: share of outliers in the training table, in (0, 0.5], or "auto": scores that a box
            plot would draw as points, 1.5 interquartile ranges below the first quartile of the training scores.
        folds: number of folds, at least 2.
        samples: samples of landmarks.
        landmarks: landmarks a sample.
        iterations: most trees a fold.
        random_state: int, RandomState or None.

    Attributes:
        training_scores_: scores of the training rows, shape (n,).
        offset_: what ``decision_function`` takes from the scores.
        n_features_in_: number of columns.
        feature_names_in_: their names, where the table had them.

    Examples:
        >>> import numpy as np
        >>> rows = np.random.default_rng(0).normal(size=(500, 2)) @ [[1.0, 0.9], [0.0, 0.4]]
        >>> detector = ContrastDetector(random_state=0).fit(rows)
        >>> usual, far, odd_together = detector.score_samples([[0.0, 0.0], [9.0, 9.0], [1.5, -1.5]])
        >>> bool(far < odd_together < usual)
        True
    """

    def __init__(
        self,
        *,
        method: str = "contrast",
        contamination: float | str = "auto",
        folds: int = 3,
        samples: int = 100,
        landmarks: int = 16,
        iterations: int = 60,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.method = method
        self.contamination = contamination
        self.folds = folds
        self.samples = samples
        self.landmarks = landmarks
        self.iterations = iterations
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: npt.ArrayLike, y: object = None) -> Self:
        """Learn from the rows of a table.

        Args:
            X: shape (n, p), n >= 2; NaN is missing.
            y: ignored.

        Raises:
            ValueError: a parameter is out of its range, or ``X`` has fewer than two rows, no column, or an infinity.
        """
        self._check_parameters()
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._stream = Stream(seed, ("outliers", "tabular"))
        self._know(x)
        rows = self._rows(x)
        order = np.argsort(rows.keys, kind="stable")  # a random order, and the same for any order the rows come in
        sorted_rows = _Rows(x[order], rows.keys[order], rows.others[order], self._folds_unseen_by_place(len(x)))
        kind = _Textbook if self.method == "logistic" else _Contrast
        self._model: _Model = kind.fit(sorted_rows, self, self._stream)
        self.training_scores_ = self._log_odds(rows)
        self.offset_ = self._threshold(self.training_scores_)
        return self

    def _know(self, x: Floats) -> None:
        """Fingerprints of the training rows, how often each occurs, and the folds that each is kept from."""
        keys = np.sort(_fingerprints(x, self._stream))
        self._keys, row, self._copies = np.unique(keys, return_inverse=True, return_counts=True)
        unseen_by = self._folds_unseen_by_place(len(x))
        self._unseen_by = np.zeros((len(self._keys), unseen_by.shape[1]), bool)
        np.logical_or.at(self._unseen_by, row, unseen_by)

    def _folds_unseen_by_place(self, n: int) -> Bools:
        """Folds are dealt out to the sorted rows like cards, so that copies of a row go to different folds."""
        folds = min(self.folds, n)
        return np.asarray(np.arange(n)[:, None] % folds == np.arange(folds))

    def _rows(self, x: Floats) -> _Rows:
        """Rows with what is known of them; a new row may be judged by everyone."""
        keys = _fingerprints(x, self._stream)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[place] == keys
        others = np.where(known, 1.0 - 1.0 / self._copies[place], 1.0)
        return _Rows(x, keys, others, np.where(known[:, None], self._unseen_by[place], True))

    def _check_parameters(self) -> None:
        if self.method not in ("contrast", "logistic"):
            raise ValueError(f'method is {self.method!r}; it is "contrast" or "logistic"')
        c = self.contamination
        if c != "auto" and (isinstance(c, str) or not 0.0 < c <= 0.5):
            raise ValueError(f'contamination is {c!r}; it is "auto" or a share in (0, 0.5]')
        for name, least in (("folds", 2), ("samples", 1), ("landmarks", 1), ("iterations", 1)):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it is a whole number, at least {least}")

    def _threshold(self, scores: Floats) -> float:
        if self.contamination != "auto":
            return float(np.percentile(scores, 100.0 * float(self.contamination)))
        low, high = np.quantile(scores, [0.25, 0.75])
        return float(low - _FENCE * (high - low))

    def evidence(self, X: npt.ArrayLike) -> dict[str, Floats]:
        """The parts of the log odds, each of shape (n,): "near" and "together", or "textbook"."""
        return self._model.evidence(self._validated(X))

    def _validated(self, X: npt.ArrayLike) -> _Rows:
        check_is_fitted(self, "offset_")
        return self._rows(validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False))

    def _log_odds(self, rows: _Rows) -> Floats:
        return np.asarray(np.sum(list(self._model.evidence(rows).values()), axis=0))

    def log_odds(self, X: npt.ArrayLike) -> Floats:
        """Log odds of being real, under one fake a real row, shape (n,)."""
        return self._log_odds(self._validated(X))

    def score_samples(self, X: npt.ArrayLike) -> Floats:
        """The log odds: higher is more normal, shape (n,)."""
        return self.log_odds(X)

    def decision_function(self, X: npt.ArrayLike) -> Floats:
        """Scores less ``offset_``: negative for outliers, shape (n,)."""
        return np.asarray(self.score_samples(X) - self.offset_)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """-1 for outliers and 1 for others, shape (n,)."""
        return np.where(self.decision_function(X) < 0.0, -1, 1)

    def fit_predict(self, X: npt.ArrayLike, y: object = None) -> npt.NDArray[np.int64]:
        """Fit, and label the same rows: -1 for outliers and 1 for others, shape (n,)."""
        self.fit(X)
        return np.where(self.training_scores_ - self.offset_ < 0.0, -1, 1)

    def probability(self, X: npt.ArrayLike, prevalence: float) -> Floats:
        """Probability of being real by the case-control correction, shape (n,) (see ``logistic.probability``).

        Args:
            X: shape (n, p).
            prevalence: share of rows in the field that are real.

        Raises:
            ValueError: ``prevalence`` is not between 0 and 1.
        """
        return np.asarray(corrected_probability(self.log_odds(X), prevalence))

    def save(self, file: str | IO[bytes]) -> None:
        """Write the fitted detector as NumPy's npz, without pickle. A RandomState is not kept.

        Args:
            file: path, or binary file open for writing.
        """
        check_is_fitted(self, "offset_")
        parameters = self.get_params()
        if not isinstance(self.random_state, int):
            parameters["random_state"] = None
        arrays: Arrays = {
            "format": np.array(_FORMAT),
            "what": np.array(type(self).__name__),
            "parameters": np.array(json.dumps(parameters, default=float)),
            "seed": np.array(self._stream.seed),
            "columns": np.array(self.n_features_in_),
            "names": np.array(getattr(self, "feature_names_in_", []), str),
            "offset": np.array(self.offset_),
            "training_scores": self.training_scores_,
            "keys": self._keys,
            "copies": self._copies,
            "unseen_by": self._unseen_by,
        } | {f"model/{name}": array for name, array in self._model.to_arrays().items()}
        if hasattr(file, "write"):
            np.savez_compressed(file, allow_pickle=False, **arrays)
            return
        with open(file, "wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, file: str | IO[bytes]) -> Self:
        """Read a detector that :meth:`save` wrote.

        Args:
            file: path, or binary file open for reading.

        Raises:
            DataError: the file cannot be read, is something else, or has a format of another version.
        """
        name = "" if hasattr(file, "read") else str(file)
        try:
            with np.load(file, allow_pickle=False) as opened:
                arrays = dict(opened)
        except (OSError, ValueError, BadZipFile, EOFError, AttributeError, TypeError) as error:
            raise _foreign(f"it cannot be read as npz ({type(error).__name__})", name) from error
        if str(arrays.get("what")) != cls.__name__:
            raise _foreign("it holds something else", name)
        if arrays["format"] != _FORMAT:
            raise _foreign(f"it has format {arrays['format']}", name)
        try:
            return cls()._restore(arrays)
        except (KeyError, ValueError, TypeError) as error:
            raise _foreign("its arrays do not fit together", name) from error

    def _restore(self, arrays: Arrays) -> Self:
        self.set_params(**json.loads(str(arrays["parameters"])))
        self._check_parameters()
        self.n_features_in_ = int(arrays["columns"])
        if arrays["names"].size:
            self.feature_names_in_ = arrays["names"].astype(object)
        self.offset_, self.training_scores_ = float(arrays["offset"]), arrays["training_scores"]
        self._stream = Stream(int(arrays["seed"]), ("outliers", "tabular"))
        self._keys, self._copies, self._unseen_by = (arrays[name] for name in ("keys", "copies", "unseen_by"))
        kind = _Textbook if self.method == "logistic" else _Contrast
        self._model = kind.from_arrays(_below("model/", arrays))
        return self


def _foreign(found: str, name: str) -> DataError:
    return DataError(
        Fault(
            "outliers.not-a-detector",
            found=f"not a saved detector: {found}",
            expected=f"a file that ContrastDetector.save wrote, format {_FORMAT}",
            mend="Fit and save it again with this version",
            file=name,
        )
    )
