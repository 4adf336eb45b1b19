"""One regression a cell: the coefficients that scikit-learn finds on the same fakes; every way to lack something."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from potomac.outliers import celled
from potomac.outliers.celled import CellDesign, CellModel, fit_cell_model
from potomac.outliers.positions import Positions, positions_of
from potomac.stats.streams import Stream

STREAM = Stream(4)
Array = npt.NDArray[Any]


def fit(p: Positions, **design: Any) -> CellModel:
    return fit_cell_model(p, CellDesign(**design), STREAM)


def everything(model: CellModel, p: Positions) -> tuple[Array, Array, Array]:
    """Features, truth and cell of the real rows and of their fakes, which are drawn again from the same stream."""
    fake = celled._fakes(model, p, STREAM)
    cell = np.concatenate(
        [model.grid.locate(p.latitude, p.longitude), model.grid.locate(fake.latitude, fake.longitude)]
    )
    x = np.vstack([model.features(p, cell[: len(p)]), model.features(fake, cell[len(p) :])])
    return x, np.repeat([1, 0], [len(p), len(fake)]), cell


@pytest.fixture(scope="module")
def rich(sea: dict[str, Array]) -> Positions:
    """With covariates, and some of everything unknown."""
    speed, heading = sea["speed"].copy(), sea["heading"].copy()
    speed[::11], heading[::7] = np.nan, np.nan
    return positions_of({**sea, "speed": speed, "heading": heading})


@pytest.mark.parametrize("design", [{}, {"terms": "quadratic", "fakes": 3, "ridge": 0.1, "cell_km": 20.0}])
def test_coefficients_are_those_of_scikit_learn(rich: Positions, design: dict[str, Any]) -> None:
    model = fit(rich, **design)
    x, real, cell = everything(model, rich)
    assert x.shape[1] == len(model.names) == len(model.pieces)
    fitted = model.regressions
    full = np.flatnonzero((fitted.real >= 5) & fitted.converged)
    assert len(full) >= 2
    for c in full:
        mine = cell == c
        assert (fitted.real[c], fitted.fake[c]) == (real[mine].sum(), (1 - real[mine]).sum())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = LogisticRegression(C=1 / model.design.ridge, tol=1e-10, max_iter=10_000).fit(x[mine], real[mine])
        np.testing.assert_allclose(fitted.coefficients[c], [*peer.intercept_, *peer.coef_[0]], atol=2e-4)


def test_standard_errors_are_those_of_the_penalised_information(rich: Positions) -> None:
    """The inverse of X' W X + ridge, whose intercept is not penalised (Hastie et al. 4.4.1)."""
    model = fit(rich, ridge=2.0)
    x, _, cell = everything(model, rich)
    c = int(np.argmax(model.regressions.real))
    design = np.column_stack([np.ones((cell == c).sum()), x[cell == c]])
    mu = 1 / (1 + np.exp(-design @ model.regressions.coefficients[c]))
    information = (design * (mu * (1 - mu))[:, None]).T @ design + 2.0 * np.diag([0, *[1] * x.shape[1]])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    np.testing.assert_allclose(model.regressions.standard_errors[c], errors, rtol=1e-6)


def test_more_fakes_shift_the_intercept_which_is_taken_back(positions: Positions) -> None:
    """Evidence is the log ratio of densities: log odds of the design less log(real / fake), here less log(1 / 4)."""
    model = fit(positions, fakes=4)
    cell = model.grid.locate(positions.latitude, positions.longitude)
    design = model.regressions.log_odds(model.features(positions, cell), cell)
    np.testing.assert_allclose(model.evidence(positions)["odds"], design + np.log(4))
    one = fit(positions)
    assert abs(np.median(model.evidence(positions)["odds"]) - np.median(one.evidence(positions)["odds"])) < 0.5


def test_quadratic_terms_are_squares_and_products(positions: Positions) -> None:
    model = fit(positions, terms="quadratic")
    cell = model.grid.locate(positions.latitude, positions.longitude)
    f = dict(zip(model.names, model.features(positions, cell).T, strict=True))
    assert set(model.names) == {
        *("x", "y", "speed", "sin_course", "cos_course", "time"),
        *("x_squared", "y_squared", "speed_squared", "cos_course_squared"),
        *("x_y", "x_speed", "x_sin_course", "x_cos_course", "y_speed", "y_sin_course", "y_cos_course"),
        *("speed_sin_course", "speed_cos_course", "sin_course_cos_course"),
    }
    np.testing.assert_allclose(f["x_squared"], f["x"] ** 2)
    np.testing.assert_allclose(f["cos_course_squared"], f["cos_course"] ** 2)
    np.testing.assert_allclose(f["speed_cos_course"], f["speed"] * f["cos_course"])
    pieces = dict(zip(model.names, model.pieces, strict=True))
    assert (pieces["x_speed"], pieces["speed_sin_course"], pieces["time"]) == ("place", "speed", "time")


def test_places_run_from_minus_one_to_one_in_a_cell_and_time_over_all(positions: Positions) -> None:
    model = fit(positions)
    cell = model.grid.locate(positions.latitude, positions.longitude)
    f = dict(zip(model.names, model.features(positions, cell).T, strict=True))
    for name in ("x", "y", "time"):
        assert -1 <= f[name].min() < f[name].max() <= 1
    south, north, west, east = (bound[0] for bound in model.grid.bounds([0]))
    corner = positions_of({"latitude": [north], "longitude": [west], "time": [model.start]})
    np.testing.assert_allclose(model.features(corner, np.array([0]))[0, [0, 1, 5]], [-1, 1, -1], atol=1e-9)
    middle = positions_of({"latitude": [(south + north) / 2], "longitude": [(west + east) / 2], "time": [1e12]})
    np.testing.assert_allclose(model.features(middle, np.array([0]))[0, [0, 1, 5]], [0, 0, 1], atol=1e-9)


def test_covariates_have_terms_of_their_own(rich: Positions) -> None:
    """Of two levels the rarer one has a column, of numbers the distance from the median in standard deviations."""
    model = fit(rich)
    assert model.names[-2:] == ("length", "type_tanker")
    cell = model.grid.locate(rich.latitude, rich.longitude)
    f = dict(zip(model.names, model.features(rich, cell).T, strict=True))
    np.testing.assert_array_equal(f["type_tanker"], np.array(rich.words("type").to_pylist()) == "tanker")
    length = rich.covariates["length"]
    np.testing.assert_allclose(f["length"], (length - np.median(length)) / length.std())
    c = int(np.argmax(np.bincount(cell[f["type_tanker"] == 1], minlength=len(model.grid))))
    assert model.regressions.coefficients[c, -1] != 0


def test_levels_are_named_by_their_words_safely_and_each_by_its_own(sea: dict[str, Array]) -> None:
    """The most frequent word, here ``usual``, is the base; hostile words, and words that differ in case, keep apart."""
    words = ["usual", "a b", "a-b", "A_B", "<script>alert(1)</script>", "length", "\n", "x" * 1000]
    n = len(sea["time"])
    kinds = np.repeat(words, [n - sum(range(1, 8)), *range(7, 0, -1)])
    model = fit(positions_of({**sea, "type": kinds, "type_length": np.arange(n) * 1.0}))
    assert model.names[-8:] == (
        "type_length", "type_a_b", "type_a_b_2", "type_A_B_3", "type_script_alert_1_script", "type_length_5", "type_6",
        "type_" + "x" * 40,
    )  # fmt: skip


@pytest.mark.parametrize("lacking", ["speed", "heading", "time", "length", "type"])
def test_what_all_rows_lack_tells_nothing(sea: dict[str, Array], lacking: str) -> None:
    """A column without any value scores as no column does: fakes lack it too."""
    empty = np.full(len(sea["time"]), None, object) if lacking == "type" else np.full(len(sea["time"]), np.nan)
    with_it = positions_of({**sea, lacking: empty})
    without = positions_of({name: values for name, values in sea.items() if name != lacking})
    one, other = fit(with_it), fit(without)
    np.testing.assert_allclose(one.evidence(with_it)["odds"], other.evidence(without)["odds"], atol=1e-6)
    if lacking in one.names:
        assert np.abs(one.regressions.coefficients[:, 1 + one.names.index(lacking)]).max() == 0


def test_where_nobody_moves_speed_tells_nothing(positions: Positions) -> None:
    still = replace(positions, speed=np.zeros(len(positions)))
    unknown = replace(positions, speed=np.full(len(positions), np.nan))
    np.testing.assert_allclose(fit(still).evidence(still)["odds"], fit(unknown).evidence(unknown)["odds"], atol=1e-6)


def test_what_a_row_lacks_its_fakes_lack(rich: Positions) -> None:
    fake = celled._fakes(fit(rich, fakes=2), rich, STREAM)
    origin = np.repeat(np.arange(len(rich)), 2)
    for name in ("speed", "heading", "time"):
        np.testing.assert_array_equal(np.isnan(getattr(fake, name)), np.isnan(getattr(rich, name))[origin])


def test_a_cell_of_one_row_and_a_cell_without_variance_have_an_answer() -> None:
    """A row alone in its cell, and 50 equal rows in another; both are scored, and nothing is infinite."""
    p = positions_of(
        {
            "latitude": [56.2] * 50 + [10.0], "longitude": [11.3] * 50 + [20.0], "speed": [7.0] * 51,
            "heading": [90.0] * 51, "time": [1e9] * 51,
        }
    )  # fmt: skip
    model = fit(p, terms="quadratic")
    assert "time" not in model.names
    assert sorted(model.regressions.real.tolist()) == [1, 50]
    odds = model.evidence(p)["odds"]
    assert np.isfinite(odds).all()
    assert np.ptp(odds[:50]) == 0
    assert model.regressions.converged.all()


def test_new_rows_outside_all_cells_are_as_odd_as_the_oddest(positions: Positions) -> None:
    model = fit(positions)
    far = positions_of(
        {"latitude": [-40.0, 56.3], "longitude": [100.0, 11.0], "speed": [10.0, 10.0], "heading": [0.0, 0.0]}
    )
    odds = model.evidence(far)["odds"]
    assert odds[0] == model.evidence(positions)["odds"].min()
    assert odds[1] > odds[0]


def test_unknown_speed_and_course_stand_in_the_middle(positions: Positions) -> None:
    model = fit(positions)
    asked = positions_of({"latitude": [56.3] * 2, "longitude": [11.0] * 2, "speed": [np.nan, model.usual_speed]})
    one, other = model.evidence(asked)["odds"]
    assert one == other
    f = model.features(asked, np.zeros(2, np.int64))
    np.testing.assert_array_equal(f[:, 3:6], 0.0)  # sine and cosine of the course, and the time


def test_shuffled_rows_keep_their_numbers_and_their_scores(rich: Positions) -> None:
    order = np.random.default_rng(1).permutation(len(rich))
    again = rich.take(order)
    one, other = fit(rich).evidence(rich)["odds"], fit(again).evidence(again)["odds"]
    np.testing.assert_allclose(other, one[order], rtol=1e-6, atol=1e-8)


def test_a_fake_on_the_border_stays_in_the_cell_that_it_was_made_for(
    positions: Positions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounding may put a place on the far side of a border, where there may be no cell at all."""

    def beyond(grid: Any, latitude: Array, longitude: Array, u: Array, v: Array) -> tuple[Array, Array]:
        return grid.bounds(grid.locate(latitude, longitude))[1] + 60.0 - 60.0, longitude

    monkeypatch.setattr(celled, "within_cells", beyond)
    model = fit(positions)
    assert (model.regressions.real == model.regressions.fake).all()


def test_the_odd_ones_in_a_lane_are_found(positions: Positions, sea: dict[str, Array]) -> None:
    """A straight line through a cell cannot say much; with squares it says more (14.2.4: any classifier will do)."""
    model = fit(positions, terms="quadratic", fakes=4, cell_km=30.0)
    odds = model.evidence(positions)["odds"]
    fast = sea["entity"] == "fast"
    assert np.median(odds[fast]) < np.quantile(odds, 0.1)
