"""A run's model kept as Arrow tables: it answers as the model in memory does, and says when it is damaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import DataError, NoAnswer
from potomac.outliers.celled import CellDesign
from potomac.outliers.detectors import LocalContrastDetector
from potomac.outliers.live import caution, cell_at, kept, load_live, score
from potomac.outliers.model import LocalModel, fit_local_model
from potomac.outliers.positions import positions_of
from potomac.stats.streams import Stream

Tables = dict[str, pa.Table]


@pytest.fixture(scope="module", params=["contrast", "logistic"])
def tables(
    request: pytest.FixtureRequest, detector: LocalContrastDetector, sea: dict[str, Any]
) -> tuple[LocalModel, Tables]:
    if request.param == "contrast":
        return detector.model_, kept(detector.model_, detector.score_samples())
    p = positions_of(sea)
    model = fit_local_model(p, CellDesign(), Stream(1))
    return model, kept(model, model.evidence(p)["odds"])


def test_it_answers_as_the_model_does(tables: tuple[LocalModel, Tables]) -> None:
    model, stored = tables
    live = load_live(stored)
    for lat, lon, speed, heading in ((56.3, 11.0, 10.0, 0.0), (56.3, 11.0, 28.0, 0.0), (0.0, 0.0, 3.0, 90.0)):
        said = score(live, lat, lon, speed, heading)
        asked = {"latitude": [lat], "longitude": [lon], "speed": [speed], "heading": [heading]}
        asked |= {name: [np.nan] for name in model.covariates if name not in model.levels}
        asked |= {name: [None] for name in model.levels}
        evidence = model.evidence(positions_of(asked, levels=model.levels))
        assert said["evidence"] == pytest.approx({part: values[0] for part, values in evidence.items()}, rel=1e-12)
        assert said["outlier_score"] == -said["log_odds"]


def test_stranger_than_is_a_share_of_the_run(tables: tuple[LocalModel, Tables]) -> None:
    live = load_live(tables[1])
    said = [score(live, 56.3, 11.0, speed, 0.0) for speed in (10.0, 15.0, 20.0, 30.0, 300.0)]
    odds, share = np.array([s["log_odds"] for s in said]), np.array([s["stranger_than"] for s in said])
    assert ((share >= 0) & (share <= 1)).all()
    order = np.argsort(-odds)
    assert (np.diff(share[order]) >= 0).all()
    quantiles = tables[1]["quantiles"]["log_odds"].to_numpy()
    assert len(quantiles) == 1001
    assert (np.diff(quantiles) >= 0).all()


def test_a_score_that_no_record_carries_says_so(tables: tuple[LocalModel, Tables]) -> None:
    model, live = tables[0], load_live(tables[1])
    lowest = tables[1]["quantiles"]["log_odds"].to_numpy()[0]
    assert caution(live, cell_at(live, 56.3, 11.0), 10.0) == caution(live, cell_at(live, 56.3, 11.0)) == ""
    outside = caution(live, cell_at(live, 0.0, 0.0), 3.0)
    assert "this place" in outside
    if model.cells is None:
        assert caution(live, cell_at(live, 56.3, 11.0), 1e4) == "", "trees end with the fastest that they saw"
        return
    assert "no estimate" in outside
    assert score(live, 0.0, 0.0, 3.0, 90.0)["log_odds"] == pytest.approx(lowest, rel=1e-12)
    assert caution(live, cell_at(live, 56.3, 11.0), model.cells.fastest) == ""
    assert f"{model.cells.fastest:.3g} knots" in caution(live, cell_at(live, 56.3, 11.0), model.cells.fastest * 1.01)
    odds = [score(live, 56.3, 11.0, speed * model.cells.fastest, 0.0)["log_odds"] for speed in (2.0, 3.0, 4.0)]
    assert odds[0] - odds[1] == pytest.approx(odds[1] - odds[2], rel=1e-9), "beyond the fakes it is the line alone"


def test_a_cell_without_records_of_both_kinds_has_no_estimate(tables: tuple[LocalModel, Tables]) -> None:
    live = load_live(tables[1])
    if live.model.cells is None:
        return
    cell = int(live.model.grid.locate([56.3], [11.0])[0])
    live.model.cells.regressions.fake[cell] = 0
    assert "no estimate" in caution(live, cell_at(live, 56.3, 11.0), 10.0)


def test_a_heading_of_360_is_north(tables: tuple[LocalModel, Tables]) -> None:
    live = load_live(tables[1])
    assert score(live, 56.3, 11.0, 10.0, 360.0) == score(live, 56.3, 11.0, 10.0, 0.0)


def test_nothing_is_pickled_and_no_object_is_read(tables: tuple[LocalModel, Tables]) -> None:
    stored = tables[1]
    types = stored["arrays"]["type"].to_pylist()
    assert not any(np.dtype(kind).hasobject for kind in types)
    evil = stored["arrays"].set_column(1, "type", pa.array(["|O"] * len(types)))
    with pytest.raises(NoAnswer, match="damaged"):
        load_live({**stored, "arrays": evil})


def test_damaged_and_foreign_models_are_said(tables: tuple[LocalModel, Tables]) -> None:
    stored = tables[1]
    with pytest.raises(NoAnswer, match="no model of positions"):
        load_live({})
    with pytest.raises(DataError) as few:
        load_live({**stored, "arrays": stored["arrays"].slice(0, 1)})
    assert few.value.faults[0].code == "outliers.model-foreign"
    short = pa.array([data[:-1] for data in stored["arrays"]["data"].to_pylist()], pa.large_binary())
    with pytest.raises((NoAnswer, DataError)):
        load_live({**stored, "arrays": stored["arrays"].set_column(3, "data", short)})
