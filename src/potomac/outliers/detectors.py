"""The detector of odd positions as an estimator: fit, scores, score new rows, save, load."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.outliers.celled import CellDesign, Terms
from potomac.outliers.contrast import Design
from potomac.outliers.meetings import Meetings
from potomac.outliers.model import LocalModel, Method, fit_local_model, log_odds_of
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream

__all__ = ["LocalContrastDetector", "free_name", "odd_probability", "ranks", "score_table"]

Floats = npt.NDArray[np.float64]
FoldBy = Literal["row", "entity"]
Ints = npt.NDArray[np.int64]


class LocalContrastDetector:
    """Odd positions among vessels, aircraft or vehicles, judged by what is usual where they are.

    ``method="contrast"`` fits boosted trees that tell real records from fakes of two kinds, which together say how
    probable a place is and how probable a behaviour is at that place, and a third kind beside the entity's own track.
    ``method="logistic"`` fits one logistic regression a cell against even fakes.

    Args:
        method: "contrast" or "logistic".
        cell_km: side of a cell in km; of an unsplit one for "contrast".
        fakes: fakes a real row; default 4 for "contrast" (2 for a large table), 1 for "logistic".
        bags: how often the contrasts are made anew, on shifted grids; default 4, or 2 for a large table.
        folds: parts of the rows, each scored by models that have not seen it; default 3, or 2 for a large table: one
            of more than ten times ``sample`` rows, most of which no model has seen anyway.
        fold_by: "row"; or "entity", where no record is judged by models that saw others of its entity, which finds who
            is odd all along and is weaker for single odd records.
        sample: most rows that contrasts are fitted on, chosen by a draw keyed by row.
        terms: for "logistic": linear, or quadratic with squares and products.
        ridge: for "logistic": weight of the penalty.
        categories: covariates that are categorical although they are numbers.
        seed: the same seed and rows give the same numbers.

    Attributes:
        model_: the fitted :class:`~potomac.outliers.model.LocalModel`.

    Source:
        Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 14.2.4.

    Example:
        >>> detector = LocalContrastDetector(seed=1).fit(positions)          # doctest: +SKIP
        >>> detector.scores().slice(0, 10)                                   # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        method: Method = "contrast",
        cell_km: float = 50.0,
        fakes: int | None = None,
        bags: int | None = None,
        folds: int | None = None,
        fold_by: FoldBy = "row",
        sample: int = 50_000,
        terms: Terms = "linear",
        ridge: float = 1.0,
        categories: tuple[str, ...] = (),
        seed: int = 0,
    ) -> None:
        self.method = method
        self.cell_km = cell_km
        self.fakes = fakes
        self.bags = bags
        self.folds = folds
        self.fold_by = fold_by
        self.sample = sample
        self.terms = terms
        self.ridge = ridge
        self.categories = categories
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments, by name."""
        names = (
            "method", "cell_km", "fakes", "bags", "folds", "fold_by", "sample", "terms", "ridge", "categories", "seed",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def set_params(self, **changed: Any) -> LocalContrastDetector:
        """Change arguments by name.

        Raises:
            ValueError: there is no such argument.
        """
        for name, value in changed.items():
            if name not in self.get_params():
                raise ValueError(f"no argument is called {name!r}. {did_you_mean(name, [*self.get_params()])}".strip())
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"LocalContrastDetector({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def fit(self, positions: Any, y: Any = None, progress: Progress | None = None) -> LocalContrastDetector:
        """Learn what is usual where.

        Args:
            positions: latitude and longitude (degrees), and as far as known speed (kn), heading (degrees), time,
                entity; other columns are covariates. A mapping of arrays, Arrow, pandas, Polars.
            y: not used.
            progress: told how far it is.

        Raises:
            StudyError: an argument is wrong.
            DataError: a column or a value is wrong, or there are too few rows to learn from.
        """
        self._design(0)
        given = positions_of(positions, categories=self.categories)
        check_enough(given)
        self._fitted = _sorted(given)
        self._tracks = None if self.method == "logistic" else Tracks.build(self._fitted)
        self.model_ = fit_local_model(
            self._fitted, self._design(len(given)), Stream(self.seed, ("outliers",)), sample=self.sample,
            progress=progress, tracks=self._tracks,
        )  # fmt: skip
        return self

    def scores(self, positions: Any = None, *, prevalence: float | None = None) -> pa.Table:
        """Scores of the rows that were fitted, none by a model that saw it; or of new rows.

        Args:
            positions: new rows; default the fitted ones.
            prevalence: share of all records in the field that are odd. With it there is a column ``probability`` (of
                being odd), by the case-control correction.

        Returns:
            A row each, in the order of ``row``: row, entity, time, latitude, longitude, speed, heading, cell,
            log_odds (of being real), outlier_score (higher is stranger), rank (1 is the strangest), and the
            evidence that the log odds are made of.
        """
        given = self._given(positions)
        return score_table(self.model_, given, self._evidence(given, positions is None), prevalence)

    def score_samples(self, positions: Any = None) -> Floats:
        """Log odds of being real of rows in the order given (higher is more normal), shape (n,)."""
        model = self._model()
        if positions is None:
            return log_odds_of(self._evidence(self._fitted, True))
        given = positions_of(positions, categories=self.categories, levels=model.levels)
        return log_odds_of(self._evidence(given, False))

    def save(self, file: str | IO[bytes]) -> None:
        """Keep the model and its arguments in a file (NumPy's npz, nothing pickled); the fitted rows are not kept."""
        arrays = self._model().to_arrays()
        params = np.array([f"{k}={v!r}" for k, v in self.get_params().items()], str)
        if isinstance(file, str):
            with open(file, "wb") as opened:  # NumPy itself would write to another name where this has no .npz
                np.savez_compressed(opened, params=params, **arrays)  # type: ignore[arg-type]
        else:
            np.savez_compressed(file, params=params, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, file: str | IO[bytes]) -> LocalContrastDetector:
        """The detector that :meth:`save` kept; it scores new rows.

        Raises:
            DataError: the file holds no detector.
        """
        from ast import literal_eval
        from zipfile import BadZipFile
        from zlib import error as Damaged  # noqa: N812

        try:
            with np.load(file, allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files}
            params = {k: literal_eval(v) for k, v in (word.split("=", 1) for word in arrays["params"].tolist())}
            detector = cls(**params)
        except (BadZipFile, Damaged, ValueError, KeyError, AttributeError, EOFError, SyntaxError, TypeError) as error:
            raise DataError(Fault("outliers.model-foreign", f"the file holds no detector ({error})")) from error
        detector.model_ = LocalModel.from_arrays(arrays)
        return detector

    def _design(self, rows: int) -> Design | CellDesign:
        if not self.sample >= FEWEST:
            found = f"sample is {self.sample}"
            raise StudyError(Fault("outliers.argument", found, f"expected at least {FEWEST}", key="sample"))
        return design_of(
            self.method, cell_km=self.cell_km, fakes=self.fakes, bags=self.bags, folds=self.folds,
            fold_by=self.fold_by, terms=self.terms, ridge=self.ridge, large=is_large(rows, self.sample),
        )  # fmt: skip

    def _model(self) -> LocalModel:
        if not hasattr(self, "model_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("this detector is not fitted yet; call fit first")
        return self.model_

    def _given(self, positions: Any) -> Positions:
        model = self._model()
        if positions is None:
            if not hasattr(self, "_fitted"):
                found = "a loaded detector does not hold the rows that it was fitted on"
                raise DataError(Fault("outliers.rows-missing", found, "", "Give the rows to score"))
            return self._fitted
        return _sorted(positions_of(positions, categories=self.categories, levels=model.levels))

    def _evidence(self, positions: Positions, fitted: bool) -> dict[str, Floats]:
        model = self._model()
        check_covariates(model, positions)
        if model.method == "logistic":
            return model.evidence(positions)
        tracks = self._tracks if fitted else Tracks.build(positions)
        return model.evidence(
            positions, fitted=fitted, tracks=tracks, meetings=Meetings.build(positions, slow_only=True)
        )


LARGE = 10
"""A table is large with more than so many times the rows of the sample."""


def is_large(rows: int, sample: int) -> bool:
    """Whether models that see a sample have not seen most of the rows anyway."""
    return rows > LARGE * sample


def design_of(
    method: str,
    *,
    cell_km: float,
    fakes: int | None,
    bags: int | None,
    folds: int | None,
    fold_by: str,
    terms: Terms,
    ridge: float,
    large: bool = False,
) -> Design | CellDesign:
    """The design of a method from its arguments; where they are None, what suits a large table or another one.

    Raises:
        StudyError: an argument is wrong.
    """
    if method not in ("contrast", "logistic"):
        mend = did_you_mean(str(method), ["contrast", "logistic"])
        raise StudyError(
            Fault("outliers.method-unknown", f'no method is called "{method}"', "valid are contrast, logistic", mend)
        )
    limits: dict[str, tuple[float | None, float]] = {
        "cell_km": (cell_km, 0.1), "fakes": (fakes, 1), "bags": (bags, 1), "folds": (folds, 2), "ridge": (ridge, 0.0),
    }  # fmt: skip
    for name, (value, least) in limits.items():
        if value is not None and not value >= least:
            found = f"{name} is {value}"
            raise StudyError(Fault("outliers.argument", found, f"expected at least {least:g}", key=name))
    if fold_by not in ("row", "entity"):
        raise StudyError(Fault("outliers.argument", f'fold_by is "{fold_by}"', "valid are row, entity", key="fold_by"))
    if terms not in ("linear", "quadratic"):
        raise StudyError(Fault("outliers.argument", f'terms is "{terms}"', "valid are linear, quadratic", key="terms"))
    if method == "logistic":
        return CellDesign(cell_km=cell_km, fakes=fakes or 1, ridge=ridge, terms=terms)
    usual = FOR_LARGE if large else Design()
    return replace(
        usual, cell_km=cell_km, min_km=min(cell_km, 12.5), fakes=fakes or usual.fakes, bags=bags or usual.bags,
        folds=folds or usual.folds, together=fold_by == "entity",
    )  # fmt: skip


FOR_LARGE = Design(fakes=2, bags=2, folds=2, iterations=40, learning_rate=0.3)
"""For large tables: as accurate there as the usual design (see the benchmarks), and four times as fast to fit."""

FEWEST = 30
"""Rows below which nothing can be said to be usual."""


def check_enough(positions: Positions) -> None:
    """Refuse rows from which nothing can be learned.

    Raises:
        DataError: there are too few, or all lie in one point and behave alike.
    """
    p = positions
    if len(p) < FEWEST:
        found = f"there {'is 1 usable row' if len(p) == 1 else f'are {len(p)} usable rows'}"
        mend = "Give more rows; what is usual cannot be told from so few"
        raise DataError(Fault("outliers.too-few", found, f"expected at least {FEWEST}", mend, key="data.source"))
    still = all(np.ptp(v) == 0 for v in (p.latitude, p.longitude))
    alike = all(len(v := values[~np.isnan(values)]) == 0 or np.ptp(v) == 0 for values in (p.speed, p.heading))
    if still and alike:
        found = "all rows lie in one point and report the same speed and heading"
        raise DataError(Fault("outliers.one-point", found, "expected rows that differ", "", key="data.source"))


def check_covariates(model: LocalModel, positions: Positions) -> None:
    """Refuse rows that lack a covariate, or have words where the fitted rows had numbers.

    Raises:
        DataError: a covariate of the fitted rows is missing, or of another type.
    """
    missing = [name for name in model.covariates if name not in positions.covariates]
    if missing:
        found = f'there is no covariate "{missing[0]}"'
        raise DataError(
            Fault("outliers.covariate-missing", found, f"the model was fitted with {listing(model.covariates)}")
        )
    words = [name for name in model.covariates if name in positions.levels and name not in model.levels]
    if words:
        found = f'the covariate "{words[0]}" holds text'
        raise DataError(Fault("outliers.covariate-type", found, "the model was fitted with numbers"))


def odd_probability(log_odds: Floats, prevalence: float) -> Floats:
    """Probability of being odd: the case-control correction, pi / (pi + (1 - pi) exp(log odds)).

    Sampling by outcome shifts the intercept only (Prentice and Pyke 1979; King and Zeng 2001): with one fake a real
    row the odds are the ratio of the densities, which the odds in the field multiply.

    Args:
        log_odds: of being real, as one fake a real row would give them.
        prevalence: share of all records in the field that are odd.

    Raises:
        StudyError: the prevalence is not between 0 and 1.
    """
    if not 0.0 < prevalence < 1.0:
        found = f"the prevalence is {prevalence}"
        raise StudyError(Fault("outliers.prevalence", found, "expected a share between 0 and 1", key="prevalence"))
    logit = np.log(prevalence) - np.log1p(-prevalence) - log_odds
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)))


def ranks(outlier_score: Floats) -> Ints:
    """1 for the strangest; ties in the order of the rows, shape (n,)."""
    order = np.argsort(-outlier_score, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return rank


def score_table(
    model: LocalModel,
    positions: Positions,
    evidence: Mapping[str, Floats],
    prevalence: float | None = None,
    ranked: tuple[Floats, Ints] | None = None,
) -> pa.Table:
    """The result table ``scores`` of rows in the order of ``row``.

    ``ranked`` are their log odds and ranks where they are a part of a larger table.
    """
    p = positions
    if ranked is None:
        odds = log_odds_of(evidence)
        ranked = odds, ranks(-odds)
    log_odds, rank = ranked
    columns: dict[str, Any] = {
        **told_of(p, model.cell(p), log_odds),
        "rank": rank,
        **{f"odds_{part}": odds for part, odds in evidence.items() if part != "odds"},
    }
    if prevalence is not None:
        columns["probability"] = odd_probability(log_odds, prevalence)
    return with_covariates(columns, p)


def told_of(positions: Positions, cell: Ints, log_odds: Floats) -> dict[str, Any]:
    """The columns by which every list of records begins."""
    p = positions
    return {
        "row": p.row,
        "entity": p.names(),
        "time": timestamps(p.time),
        "latitude": p.latitude,
        "longitude": p.longitude,
        "speed": known(p.speed),
        "heading": known(p.heading),
        "cell": cell,
        "log_odds": log_odds,
        "outlier_score": -log_odds,
    }


def with_covariates(columns: dict[str, Any], positions: Positions) -> pa.Table:
    """A table of columns, and of the covariates behind them."""
    for name in sorted(positions.covariates):
        columns[free_name(name, columns)] = covariate_column(positions, name)
    return pa.table(columns)


def free_name(name: str, taken: Container[str]) -> str:
    """A name for the column of a covariate that none of the others has."""
    while name in taken:
        name = f"covariate_{name}"
    return name


def covariate_column(positions: Positions, name: str) -> pa.Array:
    """A covariate as it was given: words, or numbers with nulls."""
    return positions.words(name) if name in positions.levels else known(positions.covariates[name])


def known(values: Floats) -> pa.Array:
    """Numbers, null where NaN."""
    return pa.array(values, from_pandas=True)


def timestamps(seconds: Floats) -> pa.Array:
    """Seconds since 1970 as timestamps in UTC, null where NaN."""
    missing = np.isnan(seconds)
    ticks = np.where(missing, 0.0, np.round(seconds * 1e6)).astype(np.int64)
    return pa.array(ticks, mask=missing).cast(pa.timestamp("us", "UTC"))


def _sorted(positions: Positions) -> Positions:
    p = positions
    return p if (np.diff(p.row) > 0).all() else p.take(np.argsort(p.row, kind="stable"))
