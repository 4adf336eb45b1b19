"""What a result is summed up in: cells, histogram, neighbourhoods, and what planting shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from potomac.outliers.celled import CellDesign
from potomac.outliers.detectors import LocalContrastDetector
from potomac.outliers.model import LocalModel, fit_local_model
from potomac.outliers.plant import plant
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.summary import PANELS, Settings, cell_table, check, histogram, panels, planted_odds
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream

STREAM = Stream(2)
Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def model(positions: Positions) -> LocalModel:
    return fit_local_model(positions, CellDesign(cell_km=20.0), STREAM)


def test_cells_count_what_lies_in_them(model: LocalModel, positions: Positions) -> None:
    p, odds = positions, model.evidence(positions)["odds"]
    cells = cell_table(model, p, odds).to_pandas()
    where = model.cell(p)
    limit = np.quantile(odds, 0.01)
    for c in range(len(model.grid)):
        mine = where == c
        row = cells.iloc[c]
        assert (row["records"], row["entities"]) == (mine.sum(), len(np.unique(p.entity[mine])))
        assert row["among_strangest"] == (odds[mine] <= limit).sum()
        assert row["mean_log_odds"] == pytest.approx(odds[mine].mean())
        assert row["south"] <= p.latitude[mine].min() <= p.latitude[mine].max() <= row["north"]
    assert cells["records"].sum() == len(p)


def test_the_histogram_holds_every_row_once() -> None:
    odds = np.random.default_rng(0).normal(size=999)
    planted = np.array([-12.5, 0.3])
    bins = histogram(odds, planted)
    assert sum(bins["records"].to_pylist()) == pytest.approx(100)
    assert sum(bins["planted"].to_pylist()) == pytest.approx(100)
    assert bins["low"][0].as_py() <= -12.5
    assert "planted" not in histogram(odds, None).column_names
    assert sum(histogram(np.zeros(5), None)["records"].to_pylist()) == pytest.approx(100)
    assert sum(histogram(odds.astype(np.float32), None)["records"].to_pylist()) == pytest.approx(100)


def test_neighbourhoods_show_one_of_each_entity(positions: Positions, sea: dict[str, Array]) -> None:
    order = np.concatenate([np.flatnonzero(sea["entity"] == name) for name in ("fast", "against", "lonely")])
    top = pa.table({"lonely_km": np.full(len(order), 2.0)})
    made = panels(positions, top, order).to_pandas()
    records = made[made["what"] == "record"]
    assert records["entity"].tolist() == ["fast", "against", "lonely"]
    assert records["rank"].tolist() == [1, 8, 20]
    own = made[made["what"] == "own track"]
    assert (own["entity"] == own["rank"].map(dict(zip(records["rank"], records["entity"], strict=True)))).all()
    others = made[made["what"] == "others"]
    assert not set(others[others["rank"] == 1]["entity"]) & {"fast"}


def test_without_entities_there_are_no_more_neighbourhoods_than_fit_a_page(sea: dict[str, Array]) -> None:
    p = positions_of({name: sea[name] for name in ("latitude", "longitude", "speed", "heading")})
    order = np.arange(40)
    made = panels(p, pa.table({"x": order}), order)
    assert made["rank"].to_numpy().max() == PANELS
    records = made.filter(pa.compute.equal(made["what"], "record"))
    assert records.num_rows == PANELS
    assert "own track" not in made["what"].to_pylist()


def test_a_neighbourhood_reaches_over_the_antimeridian() -> None:
    p = positions_of({"latitude": [0.0, 0.0, 0.0], "longitude": [179.99, -179.99, 170.0], "entity": ["a", "b", "c"]})
    made = panels(p, pa.table({"lonely_km": [2.0]}), np.array([0])).to_pandas()
    assert made[made["what"] == "others"]["entity"].tolist() == ["b"]


# Planting


def test_nothing_is_planted_unasked(model: LocalModel, positions: Positions) -> None:
    assert check(model, positions, Tracks.build(positions), np.zeros(1), Settings(method="logistic"), STREAM) is None


def test_rates_are_those_of_the_ranks(detector: LocalContrastDetector, positions: Positions) -> None:
    """A planted row has the rank that it would have among the real ones, and is found by a list at least as long."""
    settings = Settings(plant=("speed", "off_lane"), plant_count=40, top=50)
    tracks, ordered = Tracks.build(positions), np.sort(detector.score_samples())
    found = check(detector.model_, positions, tracks, ordered, settings, STREAM)
    assert found is not None
    rank = found.planted["rank"].to_numpy()
    np.testing.assert_array_equal(rank, 1 + (ordered[None, :] < found.log_odds[:, None]).sum(axis=1))
    for row in found.detection.to_pylist():
        kind = np.array(found.planted["kind"].to_pylist())
        mine = rank if row["kind"] == "all" else rank[kind == row["kind"]]
        assert row["found"] == (mine <= row["list_length"]).sum()
        assert row["low"] <= row["rate"] <= row["high"]
    lengths = sorted(set(found.detection["list_length"].to_pylist()))
    assert lengths == [10, 20, 50, 100, 200, 500, 1000]
    speed = next(r for r in found.detection.to_pylist() if (r["kind"], r["list_length"]) == ("speed", 200))
    assert speed["rate"] > 0.5  # faster than anybody around: hard to miss among the strangest seventh


def test_the_list_is_no_longer_than_the_table(positions: Positions) -> None:
    few = positions.take(np.arange(60))
    model = fit_local_model(few, CellDesign(), STREAM)
    odds = np.sort(model.evidence(few)["odds"])
    settings = Settings(method="logistic", plant=("speed",), plant_count=10, top=5000)
    found = check(model, few, Tracks.build(few), odds, settings, STREAM)
    assert found is not None
    assert found.detection["list_length"].to_numpy().max() == 60
    assert found.detection["rate"].to_numpy().min() >= 0


def test_planted_rows_are_judged_without_the_track_of_the_row_they_were_made_from(
    detector: LocalContrastDetector, positions: Positions
) -> None:
    """A row that stays where its origin was, with the same behaviour, scores as its origin does but for the track."""
    tracks = Tracks.build(positions)
    made = plant(positions, ["speed"], 20, STREAM)
    odds = planted_odds(detector.model_, positions, tracks, made)
    assert odds.shape == (20,)
    assert np.isfinite(odds).all()
    evidence = detector.model_.evidence(positions, fitted=True, tracks=tracks)
    origin = made.origin
    assert np.median(odds) < np.median(evidence["behaviour"][origin])
