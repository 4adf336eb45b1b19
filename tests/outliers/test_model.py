"""A fitted model: whose records count, what it is kept as, and what it says of places where nobody was."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from potomac.errors import DataError
from potomac.outliers.celled import CellDesign
from potomac.outliers.contrast import Design, Records, combined
from potomac.outliers.meetings import Meetings
from potomac.outliers.model import BUSY, LocalModel, as_positions, fit_local_model, log_odds_of
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream

STREAM = Stream(6)
Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def rich(sea: dict[str, Array]) -> Positions:
    return positions_of(sea)


@pytest.fixture(scope="module")
def contrasts(rich: Positions, quick: Design) -> LocalModel:
    return fit_local_model(rich, replace(quick, bags=2), STREAM)


@pytest.fixture(scope="module")
def cells(rich: Positions) -> LocalModel:
    return fit_local_model(rich, CellDesign(terms="quadratic"), STREAM)


@pytest.mark.parametrize("method", ["contrasts", "cells"])
def test_it_is_kept_as_arrays_without_pickles(method: str, rich: Positions, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(method)
    arrays = model.to_arrays()
    assert all(isinstance(a, np.ndarray) and not a.dtype.hasobject for a in arrays.values())
    again = LocalModel.from_arrays(arrays)
    assert (again.method, again.rows, again.entities) == (model.method, model.rows, model.entities)
    assert (again.levels, again.covariates) == (model.levels, model.covariates)
    for fitted in (True, False):
        for part, values in model.evidence(rich, fitted=fitted).items():
            np.testing.assert_array_equal(again.evidence(rich, fitted=fitted)[part], values)
    np.testing.assert_array_equal(again.cell(rich), model.cell(rich))


def test_models_travel_between_processes(contrasts: LocalModel, rich: Positions) -> None:
    again = pickle.loads(pickle.dumps(contrasts))
    np.testing.assert_array_equal(again.evidence(rich)["place"], contrasts.evidence(rich)["place"])


@pytest.mark.parametrize("method", ["contrasts", "cells"])
def test_foreign_arrays_are_refused(method: str, request: pytest.FixtureRequest) -> None:
    arrays = request.getfixturevalue(method).to_arrays()
    wrong = [
        {},
        {"told": arrays["told"]},
        {**arrays, "told": np.frombuffer(b"no json", np.uint8)},
        {**arrays, "told": np.frombuffer(b'{"format": 0}', np.uint8)},
        {name: a for name, a in arrays.items() if name != "grid.starts"},
    ]
    for case in wrong:
        with pytest.raises(DataError) as caught:
            LocalModel.from_arrays(case)
        assert caught.value.faults[0].code == "outliers.model-foreign"


# Whose records do not count


def test_fitted_rows_are_their_own_and_new_rows_are_known_by_name(contrasts: LocalModel, rich: Positions) -> None:
    np.testing.assert_array_equal(contrasts.owner(rich, True), rich.entity)
    names = ["north 3", "a stranger", None]
    new = positions_of({"latitude": [56.0] * 3, "longitude": [11.0] * 3, "entity": names, "row": [10, 11, 12]})
    known = contrasts.entities.index("north 3")
    assert contrasts.owner(new, False).tolist() == [known, -1, -1]
    assert contrasts.owner(new, True).tolist() == [known, -1, -2 - 12]


def test_a_vessel_that_comes_again_does_not_vouch_for_itself(contrasts: LocalModel, sea: dict[str, Array]) -> None:
    """Its record at its own old place is as lonely as when it was fitted; a stranger's there is not."""
    i = int(np.flatnonzero(sea["entity"] == "lonely")[4])
    row = {name: values[i : i + 1] for name, values in sea.items()}
    own = positions_of(row, levels=contrasts.levels)
    other = positions_of({**row, "entity": ["a stranger"]}, levels=contrasts.levels)
    around = contrasts.contrast.surroundings if contrasts.contrast else None
    assert around is not None
    far = around.nearest(contrasts.owner(own, False), own.latitude, own.longitude)[0][0, 0]
    near = around.nearest(contrasts.owner(other, False), other.latitude, other.longitude)[0][0, 0]
    assert far > 20 > 2 > near


# Evidence


def test_a_place_outside_all_cells_counts_as_one_in_all_rows(contrasts: LocalModel, rich: Positions) -> None:
    new = {"latitude": [56.3, -20.0], "longitude": [11.0, 100.0], "speed": [10.0] * 2, "heading": [0.0] * 2}
    more = {"length": [150.0] * 2, "type": ["cargo"] * 2}
    odds = contrasts.evidence(positions_of({**new, **more}, levels=contrasts.levels))["place"]
    assert odds[1] == -np.log(len(rich))
    assert odds[0] > odds[1]
    records = Records(np.array([0]), np.array([0]), *(np.array([v]) for v in (-20.0, 100.0, 10.0, 0.0)))
    assert contrasts.evidence(rich, records, fitted=True)["place"][0] <= -np.log(len(rich))


def test_records_are_what_might_have_been_reported(cells: LocalModel, rich: Positions) -> None:
    index = np.array([5, 50, 500])
    same = cells.evidence(rich, Records.real(rich, index))["odds"]
    np.testing.assert_array_equal(same, cells.evidence(rich)["odds"][index])
    moved = replace(Records.real(rich, index), latitude=rich.latitude[index] + 0.01, donor=np.array([0, 1, 2]))
    p = as_positions(rich, moved)
    np.testing.assert_array_equal(p.latitude, rich.latitude[index] + 0.01)
    np.testing.assert_array_equal(p.time, rich.time[index])
    np.testing.assert_array_equal(p.entity, rich.entity[index])
    np.testing.assert_array_equal(p.covariates["length"], rich.covariates["length"][:3])


def test_a_meeting_takes_its_surprise_from_the_odds(contrasts: LocalModel, rich: Positions) -> None:
    tracks, meetings = Tracks.build(rich), Meetings.build(rich)
    without = contrasts.evidence(rich, fitted=True, tracks=tracks)
    found = contrasts.evidence(rich, fitted=True, tracks=tracks, meetings=meetings)
    assert set(found) - set(without) == {"meeting"}
    surprise = np.nan_to_num(meetings.features()[:, meetings.names.index("meeting")])
    surprise[(without["place"] >= BUSY) | ~(rich.speed <= meetings.slow_kn)] = 0  # where others lie, it is no news
    assert (surprise > 0).any()
    np.testing.assert_array_equal(found["meeting"], -surprise)
    np.testing.assert_allclose(log_odds_of(found), combined(without) - surprise)
    np.testing.assert_array_equal(log_odds_of({"odds": surprise}), surprise)


# Samples


def test_a_sample_is_drawn_by_row(rich: Positions, quick: Design) -> None:
    """The same rows are fitted in whatever order they come."""
    design = replace(quick, bags=1, iterations=3, tracks=False)
    order = np.random.default_rng(0).permutation(len(rich))
    one = fit_local_model(rich, design, STREAM, sample=300)
    assert one.rows == 300
    again = rich.take(order)
    again = again.take(np.argsort(again.row))
    other = fit_local_model(again, design, STREAM, sample=300)
    np.testing.assert_array_equal(one.evidence(rich)["place"], other.evidence(rich)["place"])
    assert fit_local_model(rich, design, STREAM, sample=10**6).rows == len(rich)


def test_regressions_are_fitted_on_all_rows(rich: Positions) -> None:
    assert fit_local_model(rich, CellDesign(), STREAM, sample=100).rows == len(rich)
