"""Tables larger than memory: the same scores as in memory, whatever the batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from potomac import tables
from potomac.engine import Quiet, Result, Rows
from potomac.outliers import answer as answering
from potomac.outliers import reading, streaming
from potomac.outliers.detectors import ranks
from potomac.outliers.streaming import _Ranks
from potomac.outliers.study import ROLES
from potomac.outliers.summary import Settings
from potomac.stats.streams import Stream
from potomac.tables import Table, covariate

STREAM = Stream(3, ("outliers",))
QUICK = Settings(bags=1, folds=2, fakes=1, top=15, sample=100_000)
NAMES = ("latitude", "longitude", "speed", "heading", "time", "entity")
Array = npt.NDArray[Any]


def opened(table: pa.Table, *covariates: str) -> Table:
    given = {name: name for name in (*NAMES, *covariates) if name in table.column_names}
    roles = [role for role in ROLES if role.name in given] + [covariate(name) for name in covariates]
    return tables.open(table, given, roles)


def whole(result: Result) -> dict[str, pa.Table]:
    return {
        name: pa.Table.from_batches(list(t.batches()), t.schema) if isinstance(t, Rows) else t
        for name, t in result.tables.items()
    }


def streamed(table: pa.Table, settings: Settings = QUICK, *covariates: str) -> dict[str, pa.Table]:
    return whole(answering.answer(opened(table, *covariates), settings, STREAM, Quiet(), memory_rows=100))


def in_memory(table: pa.Table, settings: Settings = QUICK, *covariates: str) -> dict[str, pa.Table]:
    return whole(answering.answer(opened(table, *covariates), settings, STREAM, Quiet()))


@pytest.fixture(scope="module")
def nameless(table: pa.Table) -> pa.Table:
    """Without entities there are no tracks and no meetings, so that both ways see the same."""
    return table.drop_columns(["entity"])


@pytest.mark.parametrize("method", ["contrast", "logistic"])
def test_streams_score_as_memory_does(nameless: pa.Table, method: str) -> None:
    """To the 24 bits that streams keep of each part."""
    settings = replace(QUICK, method=method)
    one, other = in_memory(nameless, settings)["scores"], streamed(nameless, settings)["scores"]
    assert other.num_rows == one.num_rows
    np.testing.assert_array_equal(other["row"], one["row"])
    np.testing.assert_array_equal(other["cell"], one["cell"])
    np.testing.assert_allclose(other["log_odds"], one["log_odds"], rtol=1e-6, atol=1e-6)
    assert other["time"].equals(one["time"])


def test_the_strangest_and_the_cells_agree_too(nameless: pa.Table) -> None:
    settings = replace(QUICK, method="logistic")
    one, other = in_memory(nameless, settings), streamed(nameless, settings)
    assert other["top"]["row"].to_pylist() == one["top"]["row"].to_pylist()
    np.testing.assert_array_equal(other["cells"]["records"], one["cells"]["records"])
    np.testing.assert_allclose(other["cells"]["mean_log_odds"], one["cells"]["mean_log_odds"], rtol=1e-4)


def test_ranks_are_a_permutation_with_ties_by_row(table: pa.Table) -> None:
    """Equal rows far apart in the table tie, and the earlier one comes first."""
    twice = pa.concat_tables([table, table])
    found = streamed(twice, replace(QUICK, method="logistic", sample=2000))["scores"]
    np.testing.assert_array_equal(found["rank"], ranks(found["outlier_score"].to_numpy()))
    assert sorted(found["rank"].to_pylist()) == list(range(1, twice.num_rows + 1))


@pytest.mark.parametrize("method", ["contrast", "logistic"])
def test_the_size_of_batches_changes_no_bit(table: pa.Table, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(QUICK, method=method, sample=700, prevalence=0.01, plant=("speed",), plant_count=20)
    first = streamed(table, settings, "type")
    original = Table.batches

    def small(self: Table, names: Any = None, size: int = 0) -> Any:
        return original(self, names, 97)

    monkeypatch.setattr(Table, "batches", small)
    second = streamed(table, settings, "type")
    assert set(first) == set(second) == {"scores", "top", "entities", "cells", "detection", "planted"}
    for name, one in first.items():
        assert second[name].equals(one), name


def test_the_table_may_be_streamed_again_and_again(table: pa.Table) -> None:
    result = answering.answer(opened(table), replace(QUICK, method="logistic"), STREAM, Quiet(), memory_rows=100)
    scores = result.tables["scores"]
    assert isinstance(scores, Rows)
    one, other = (pa.Table.from_batches(list(scores.batches()), scores.schema) for _ in range(2))
    assert one.equals(other)
    assert one.schema.names[:4] == ["row", "entity", "time", "latitude"]


def test_entities_are_summed_over_all_batches(table: pa.Table) -> None:
    """Each has as many records as in the table; its strangest is the one of smallest rank among its rows."""
    found = streamed(table, replace(QUICK, method="logistic", sample=500))
    people, scores = found["entities"].to_pylist(), found["scores"].to_pandas()
    grouped = scores.groupby("entity")["rank"]
    assert {p["entity"]: p["records"] for p in people} == grouped.size().to_dict()
    assert {p["entity"]: p["strangest_rank"] for p in people} == grouped.min().to_dict()
    best = scores.set_index("rank")["row"]
    assert all(p["strangest_row"] == best[p["strangest_rank"]] for p in people)
    values = [p["p_value"] for p in people]
    assert values == sorted(values)
    assert all(0 < p["p_value"] <= p["q_value"] <= 1 for p in people)


def test_rows_outside_all_cells_of_the_sample_are_odd_and_explained(table: pa.Table) -> None:
    """One row of 1,500 lies on the other side of the Earth, and not in the sample of 100."""
    lat = table["latitude"].to_numpy().copy()
    chosen = reading.read(opened(table), (), STREAM, Quiet(), most=100, sample=100).positions.row
    far = int(np.setdiff1d(np.arange(table.num_rows), chosen)[10])
    lat[far] = -45.0
    moved = table.set_column(table.schema.get_field_index("latitude"), "latitude", pa.array(lat))
    for method in ("logistic", "contrast"):
        found = streamed(moved, replace(QUICK, method=method, sample=100))
        scores = found["scores"].to_pandas()
        assert scores["cell"][far] == -1
        assert found["cells"]["records"].to_numpy().sum() == (scores["cell"] >= 0).sum() < table.num_rows
        assert all(found["top"]["why"].to_pylist())
        if method == "contrast":
            assert scores["odds_place"][far] <= np.float32(-np.log(100))
        else:
            assert scores["log_odds"][far] == scores["log_odds"].min()
            why = dict(zip(found["top"]["row"].to_pylist(), found["top"]["why"].to_pylist(), strict=True))
            assert why[far] == "In a cell where none of the records is that the model was fitted on."


def test_what_streams_leave_out_is_said(table: pa.Table) -> None:
    settings = replace(QUICK, method="logistic", drop_repeats=True)
    result = answering.answer(opened(table), settings, STREAM, Quiet(), memory_rows=100)
    assert "repeats were not set aside" in result.notes[0]
    assert "meetings" not in result.tables


def test_ranks_of_values_that_come_in_parts() -> None:
    rng = np.random.default_rng(2)
    odds = rng.integers(0, 30, 500).astype(np.float32)
    for size in (1, 7, 500):
        given = _Ranks(np.sort(odds))
        for _ in range(2):
            given.restart()
            parts = [given.of(odds[i : i + size]) for i in range(0, 500, size)]
            np.testing.assert_array_equal(np.concatenate(parts), ranks(-odds.astype(float)))


def test_a_stream_of_streams_is_bounded(table: pa.Table) -> None:
    """Nothing but four bytes a part and row, and the cell, is kept of all rows."""
    settings = replace(QUICK, method="logistic", sample=300)
    got = reading.read(opened(table), (), STREAM, Quiet(), most=100, sample=300)
    model = answering.fit_local_model(got.positions, answering.design_of(
        "logistic", cell_km=50, fakes=1, bags=1, folds=2, fold_by="row", terms="linear", ridge=1.0
    ), STREAM)  # fmt: skip
    first = streaming._FirstPass(opened(table), got, model, settings)
    first.run(Quiet())
    kept = [first.log_odds, first.cell_of, *first.parts.values()]
    assert all(array.dtype.itemsize == 4 and array.shape == (table.num_rows,) for array in kept)
    assert len(first.best) == settings.top
