"""Why this one, where each cell has a regression: what each term takes from the odds, against the cell's mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.outliers.detectors import told_of, with_covariates
from potomac.outliers.model import LocalModel
from potomac.outliers.positions import Positions

__all__ = ["explain_cells"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TELLING = 0.3


def explain_cells(model: LocalModel, positions: Positions, index: Ints, log_odds: Floats) -> pa.Table:
    """The pieces of evidence of some rows under ``method = "logistic"``.

    A term takes coefficient times (the cell's mean of real rows less the value). Squares and products count with the
    term they are named after first. A row outside all cells has none: its place is all that speaks against it.

    Args:
        model: a fitted model with regressions.
        positions: the rows that were fitted.
        index: which of them, strangest first, shape (k,).
        log_odds: of these rows, shape (k,).
    """
    assert model.cells is not None  # noqa: S101 - the caller has chosen the method
    p = positions.take(index)
    cell, mine = model.cell(positions), model.cell(p)
    inside, outside = cell >= 0, mine < 0
    features = model.cells.features(positions, np.maximum(cell, 0))
    rows = np.maximum(np.bincount(cell[inside], minlength=len(model.grid)), 1)
    taken: dict[str, Floats] = {}
    coefficients = np.where(outside[:, None], 0.0, model.cells.regressions.coefficients[mine, 1:])
    for j, piece in enumerate(model.cells.pieces):
        mean = np.bincount(cell[inside], weights=features[inside, j], minlength=len(model.grid)) / rows
        taken[piece] = taken.get(piece, np.zeros(len(index))) + coefficients[:, j] * (mean[mine] - features[index, j])
    taken["place"] = np.where(outside, np.maximum(-log_odds, 0.0), taken["place"])
    columns: dict[str, Any] = {
        "rank": np.arange(1, len(index) + 1),
        **told_of(p, mine, log_odds),
        **{f"why_{name}": values for name, values in taken.items()},
        "why": [_OUTSIDE if outside[i] else _sentence(i, p, taken) for i in range(len(index))],
    }
    return with_covariates(columns, p)


_OUTSIDE = "In a cell where none of the records is that the model was fitted on."


def _sentence(i: int, p: Positions, taken: dict[str, Floats]) -> str:
    order = sorted(taken, key=lambda name: -taken[name][i])
    said = [_WORDS[name](i, p) for name in order if taken[name][i] >= TELLING]
    return " ".join(said) or "A little odd in several ways, in none of them much."


_WORDS: dict[str, Callable[[int, Positions], str]] = {
    "place": lambda i, p: "A part of the cell where few are.",
    "speed": lambda i, p: f"A speed of {p.speed[i]:.3g} kn, which few have in this cell.",
    "course": lambda i, p: f"A course of {p.heading[i]:.0f}°, which few keep in this cell.",
    "time": lambda i, p: "At a time at which few are in this cell.",
    "covariates": lambda i, p: "A kind that is rare in this cell.",
}
