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
from potomac.outliers import along, density, reading, streaming
from potomac.outliers import answer as answering
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


def alike(one: pa.Table, other: pa.Table) -> None:
    """The same columns and rows, numbers to what streams keep of them."""
    assert other.schema == one.schema
    for name in one.column_names:
        if pa.types.is_floating(one.schema.field(name).type):
            np.testing.assert_allclose(other[name].to_numpy(), one[name].to_numpy(), rtol=1e-4, atol=1e-6, err_msg=name)
        else:
            assert other[name].equals(one[name]), name


@pytest.fixture(scope="module")
def nameless(table: pa.Table) -> pa.Table:
    """Without entities there are no tracks and no meetings."""
    return table.drop_columns(["entity"])


@pytest.fixture(autouse=True)
def _many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracks come in many parts, as those of a large table do."""
    monkeypatch.setattr(along, "ROWS", 150)


@pytest.mark.parametrize("method", ["contrast", "logistic"])
@pytest.mark.parametrize("whose", ["table", "nameless"])
def test_streams_score_as_memory_does(request: pytest.FixtureRequest, whose: str, method: str) -> None:
    """To the 24 bits that streams keep of each part; tracks and meetings are those of all rows."""
    given: pa.Table = request.getfixturevalue(whose)
    settings = replace(QUICK, method=method)
    one, other = in_memory(given, settings), streamed(given, settings)
    if whose == "table" and method == "contrast":
        assert {"odds_track", "odds_meeting"} <= set(one["scores"].column_names)
        assert other["meetings"].equals(one["meetings"])
    alike(one["entities"], other["entities"])
    alike(one["cells"], other["cells"])
    one, other = one["scores"], other["scores"]
    assert other.num_rows == one.num_rows
    np.testing.assert_array_equal(other["row"], one["row"])
    np.testing.assert_array_equal(other["cell"], one["cell"])
    np.testing.assert_allclose(other["log_odds"], one["log_odds"], rtol=1e-6, atol=1e-6)
    assert other["time"].equals(one["time"])
    if "odds_track" in one.column_names:
        np.testing.assert_allclose(other["odds_track"], one["odds_track"], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(other["odds_meeting"], one["odds_meeting"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("whose", ["table", "nameless"])
def test_the_map_shows_all_records_in_streams_too(
    request: pytest.FixtureRequest, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the sample of 200 that models are fitted on, and in the same squares as in memory."""
    monkeypatch.setattr(density, "SQUARES", 400)
    given = request.getfixturevalue(whose)
    settings = replace(QUICK, method="logistic", sample=200)
    one = answering.answer(opened(given), settings, STREAM, Quiet()).model["density"]
    other = answering.answer(opened(given), settings, STREAM, Quiet(), memory_rows=100).model["density"]
    assert 200 < other.num_rows <= 400
    assert sum(other["records"].to_pylist()) == given.num_rows
    assert other.equals(one)


@pytest.mark.parametrize("method", ["contrast", "logistic"])
def test_repeats_are_set_aside_in_streams_too(table: pa.Table, method: str) -> None:
    """Every second record of an entity, said again ten seconds later."""
    later = pa.array(table["time"].cast(pa.int64()).to_numpy() + 10_000_000).cast(table["time"].type)
    again = table.set_column(table.schema.get_field_index("time"), "time", later).filter(
        pa.array(np.arange(table.num_rows) % 2 == 0)
    )
    both = pa.concat_tables([table, again])
    settings = replace(QUICK, method=method, drop_repeats=True)
    one, other = in_memory(both, settings), streamed(both, settings)
    assert one["set_aside"].num_rows > 0
    assert other["set_aside"].equals(one["set_aside"])
    np.testing.assert_array_equal(other["scores"]["row"], one["scores"]["row"])
    np.testing.assert_allclose(other["scores"]["log_odds"], one["scores"]["log_odds"], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(np.sort(other["scores"]["rank"]), np.arange(1, one["scores"].num_rows + 1))


def test_more_slow_ones_than_are_kept_are_said(table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(along, "MEETING_ROWS", 10)
    result = answering.answer(opened(table), QUICK, STREAM, Quiet(), memory_rows=100)
    assert "meetings" not in result.tables
    assert "meetings were not looked for" in result.notes[0]


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
    assert set(first) == set(second) == {"scores", "top", "entities", "cells", "meetings", "detection", "planted"}
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


@pytest.mark.parametrize("method", ["contrast", "logistic"])
def test_what_streams_leave_out_is_said(nameless: pa.Table, method: str) -> None:
    settings = replace(QUICK, method=method, drop_repeats=True)
    result = answering.answer(opened(nameless), settings, STREAM, Quiet(), memory_rows=100)
    assert "repeats were not set aside" in result.notes[0]
    assert ("no tracks and meetings" in result.notes[0]) == (method == "contrast")
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


def test_a_stream_of_streams_is_bounded(table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but eight bytes a row is kept in memory of all rows: the log odds and the cell."""
    seen: list[Any] = []
    original = streaming._FirstPass.ordered

    def watched(self: Any) -> Any:
        seen.append(self)
        return original(self)

    monkeypatch.setattr(streaming._FirstPass, "ordered", watched)
    result = answering.answer(opened(table), replace(QUICK, sample=300), STREAM, Quiet(), memory_rows=100)
    (first,) = seen
    arrays = {name: value for name, value in vars(first).items() if isinstance(value, np.ndarray)}
    large = {name: value for name, value in arrays.items() if len(value) >= table.num_rows}
    assert set(large) == {"log_odds", "cell_of"}
    assert all(value.dtype.itemsize == 4 and value.shape == (table.num_rows,) for value in large.values())
    assert len(first.best) == QUICK.top == result.tables["top"].num_rows
