"""Why this one, under a regression a cell: what each term takes from the odds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from potomac.outliers.celled import CellDesign
from potomac.outliers.explained import explain_cells
from potomac.outliers.model import LocalModel, fit_local_model
from potomac.outliers.positions import Positions, positions_of
from potomac.stats.streams import Stream

Array = npt.NDArray[Any]


def fit(p: Positions, **design: Any) -> tuple[LocalModel, Array]:
    model = fit_local_model(p, CellDesign(**design), Stream(1))
    return model, model.evidence(p)["odds"]


@pytest.mark.parametrize("terms", ["linear", "quadratic"])
def test_pieces_add_up_to_the_distance_from_the_mean_log_odds_of_the_cell(sea: dict[str, Array], terms: str) -> None:
    """Terms are linear in the features, so that the pieces of a row sum to the cell's mean log odds less its own."""
    p = positions_of(sea)
    model, odds = fit(p, terms=terms, fakes=2)
    index = np.arange(0, len(p), 7)
    table = explain_cells(model, p, index, odds[index])
    total = sum(table[n].to_numpy() for n in table.column_names if n.startswith("why_"))
    cell = model.cell(p)
    mean = np.bincount(cell, weights=odds) / np.bincount(cell)
    np.testing.assert_allclose(total, mean[cell[index]] - odds[index], atol=1e-9)
    assert {n for n in table.column_names if n.startswith("why_")} == {
        "why_place", "why_speed", "why_course", "why_time", "why_covariates"
    }  # fmt: skip


def test_a_covariate_counts_as_one_whatever_it_is_called(sea: dict[str, Array]) -> None:
    """Not as a place because it begins with y, nor as a speed because it begins so."""
    some = {name: sea[name] for name in ("latitude", "longitude", "speed", "heading")}
    odd = np.where(np.arange(len(sea["speed"])) % 50 == 0, 9.0, 0.0)
    for name in ("year_built", "x", "speed_limit", "time_zone"):
        p = positions_of({**some, name: odd})
        model, odds = fit(p)
        table = explain_cells(model, p, np.array([0]), odds[:1])
        assert abs(table["why_covariates"][0].as_py()) > 0.1
        assert "why_time" not in table.column_names


def test_the_fast_one_is_told_by_its_speed(sea: dict[str, Array]) -> None:
    p = positions_of({name: sea[name] for name in ("latitude", "longitude", "speed", "heading", "entity")})
    model, odds = fit(p, terms="quadratic", fakes=4)
    index = np.flatnonzero(sea["entity"] == "fast")
    table = explain_cells(model, p, index, odds[index])
    pieces = {n: table[n].to_numpy().sum() for n in table.column_names if n.startswith("why_")}
    assert max(pieces, key=lambda n: pieces[n]) == "why_speed"
    assert all("kn, which few have in this cell." in why for why in table["why"].to_pylist())


def test_a_row_outside_all_cells_is_told_so(sea: dict[str, Array]) -> None:
    p = positions_of({name: sea[name] for name in ("latitude", "longitude", "speed", "heading")})
    model, _ = fit(p)
    far = positions_of(
        {"latitude": [56.3, -40.0], "longitude": [11.0, 100.0], "speed": [10.0, 10.0], "heading": [0.0, 0.0]}
    )
    odds = model.evidence(far)["odds"]
    row = explain_cells(model, far, np.arange(2), odds).to_pylist()[1]
    assert row["cell"] == -1
    assert row["why"] == "In a cell where none of the records is that the model was fitted on."
    assert row["why_place"] == pytest.approx(max(-odds[1], 0.0))
    assert row["why_speed"] == row["why_course"] == 0.0
