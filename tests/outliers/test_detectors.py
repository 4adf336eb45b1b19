"""The detector as an estimator: fit, score, keep, load; probabilities by Bayes' rule; ranks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from potomac.errors import DataError, StudyError
from potomac.outliers.contrast import Design, fit_local_contrast
from potomac.outliers.detectors import LocalContrastDetector, design_of, free_name, is_large, odd_probability, ranks
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.tracks import Tracks

# Probabilities


@given(st.floats(1e-6, 1 - 1e-6), st.floats(-30, 30))
def test_the_probability_of_being_odd_is_bayes_rule(prevalence: float, log_odds: float) -> None:
    """P(odd | x) = pi / (pi + (1 - pi) p_real(x) / p_odd(x)), with the ratio of densities exp(log odds)."""
    found = odd_probability(np.array([log_odds]), prevalence)[0]
    assert found == pytest.approx(prevalence / (prevalence + (1 - prevalence) * np.exp(log_odds)), rel=1e-6, abs=1e-12)


def test_probabilities_fall_with_the_odds_and_reach_their_limits() -> None:
    p = odd_probability(np.linspace(-20, 20, 201), 0.01)
    assert (np.diff(p) < 0).all()
    np.testing.assert_array_equal(odd_probability(np.array([-np.inf, -1e4, 1e4, np.inf]), 0.01), [1, 1, 0, 0])
    assert odd_probability(np.zeros(1), 0.01)[0] == pytest.approx(0.01)  # no evidence: what was known before
    assert (odd_probability(np.array([1.0]), 0.5) > odd_probability(np.array([1.0]), 0.1)).all()


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, 2.0, np.nan, np.inf])
def test_a_prevalence_is_a_share(wrong: float) -> None:
    with pytest.raises(StudyError) as caught:
        odd_probability(np.zeros(3), wrong)
    assert (caught.value.faults[0].code, caught.value.faults[0].key) == ("outliers.prevalence", "prevalence")


# Ranks


@given(st.lists(st.integers(-3, 3), max_size=40))
def test_ranks_are_a_permutation_with_ties_in_the_order_of_rows(scores: list[int]) -> None:
    values = np.array(scores, float)
    rank = ranks(values)
    assert sorted(rank) == list(range(1, len(scores) + 1))
    order = np.argsort(rank)
    assert [(-values[i], i) for i in order] == sorted((-v, i) for i, v in enumerate(values))


def test_a_covariates_column_gets_a_name_that_no_other_has() -> None:
    assert free_name("flag", {"row"}) == "flag"
    assert free_name("rank", {"rank", "covariate_rank"}) == "covariate_covariate_rank"


# Fit and score


def test_the_table_of_scores(detector: LocalContrastDetector, positions: Positions) -> None:
    t = detector.scores()
    names = "row entity time latitude longitude speed heading cell log_odds outlier_score rank"
    assert t.column_names[:11] == names.split()
    np.testing.assert_array_equal(t["row"], positions.row)
    np.testing.assert_array_equal(t["outlier_score"], -t["log_odds"].to_numpy())
    np.testing.assert_array_equal(t["rank"], ranks(t["outlier_score"].to_numpy()))
    assert t["entity"].to_pylist() == positions.names().to_pylist()
    np.testing.assert_array_equal(t["latitude"], positions.latitude)
    assert t.schema.field("time").type == pa.timestamp("us", "UTC")
    np.testing.assert_array_equal(detector.score_samples(), t["log_odds"])
    assert "probability" not in t.column_names
    with_prior = detector.scores(prevalence=0.02)
    np.testing.assert_array_equal(with_prior["probability"], odd_probability(t["log_odds"].to_numpy(), 0.02))


def test_the_odd_ones_come_first(detector: LocalContrastDetector, sea: dict[str, Any]) -> None:
    """Three vessels are odd all the time, with 27 of 1,500 records: all three are among the strangest forty."""
    strange = set(sea["entity"][np.argsort(detector.score_samples())[:40]])
    assert {"fast", "against", "lonely"} <= strange


def test_new_rows_are_scored_in_the_order_given_and_whatever_their_number(
    detector: LocalContrastDetector, sea: dict[str, Any]
) -> None:
    new = {name: values[:200] for name, values in sea.items() if name not in ("entity", "time", "type", "length")}
    odds = detector.score_samples(new)
    np.testing.assert_array_equal(detector.score_samples({n: v[::-1] for n, v in new.items()}), odds[::-1])
    np.testing.assert_array_equal(detector.scores(new)["log_odds"], odds)
    one = {name: values[7:8] for name, values in new.items()}
    np.testing.assert_array_equal(detector.score_samples(one), odds[7:8])
    assert np.isfinite(odds).all()


def test_a_new_boat_is_judged_by_what_is_usual_where_it_is(detector: LocalContrastDetector) -> None:
    """In the northbound lane: as all do, far too fast, against the lane; in open water; and off Africa.

    No row lies in a cell there, so that its place counts as one in all rows at best: log odds of -log 1,500 = -7.3.
    """
    new = {
        "latitude": [56.3, 56.3, 56.3, 56.4, 0.0], "longitude": [11.0, 11.0, 11.0, 10.4, 0.0],
        "speed": [10.0, 28.0, 10.0, 10.0, 10.0], "heading": [0.0, 0.0, 180.0, 0.0, 0.0],
    }  # fmt: skip
    usual, *odd = detector.score_samples(new)
    assert max(odd) < usual
    place = detector.scores(new)["odds_place"].to_pylist()
    assert place[4] == -np.log(detector.model_.rows)
    assert place[0] > 0 > place[3]


def test_frames_arrow_and_mappings_give_the_same(sea: dict[str, Any]) -> None:
    some = {name: values[::5] for name, values in sea.items()}
    make = {"method": "logistic", "cell_km": 30.0}
    found = [
        LocalContrastDetector(**make).fit(given).score_samples()
        for given in (some, pd.DataFrame(some), pa.table({n: pa.array(v) for n, v in some.items()}), positions_of(some))
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_the_seed_and_nothing_else_decides(sea: dict[str, Any]) -> None:
    def scores(seed: int) -> Any:
        return LocalContrastDetector(method="logistic", seed=seed).fit(sea).score_samples()

    np.testing.assert_array_equal(scores(1), scores(1))
    assert (scores(1) != scores(2)).any()


# Keep and load


@pytest.mark.parametrize("method", ["contrast", "logistic"])
def test_a_loaded_detector_answers_as_the_one_that_was_saved(
    method: str, detector: LocalContrastDetector, sea: dict[str, Any], tmp_path: Path
) -> None:
    if method == "logistic":
        detector = LocalContrastDetector(method="logistic", terms="quadratic", categories=("length",)).fit(sea)
    file = str(tmp_path / "strait.model")
    detector.save(file)
    assert Path(file).is_file()
    loaded = LocalContrastDetector.load(file)
    assert loaded.get_params() == detector.get_params()
    new = {name: values[::7] for name, values in sea.items()}
    np.testing.assert_array_equal(loaded.score_samples(new), detector.score_samples(new))
    memory = io.BytesIO()
    detector.save(memory)
    memory.seek(0)
    assert LocalContrastDetector.load(memory).scores(new).equals(detector.scores(new))
    with pytest.raises(DataError, match="does not hold the rows"):
        loaded.scores()


def foreign(kept: bytes) -> dict[str, bytes]:
    def npz(**arrays: Any) -> bytes:
        memory = io.BytesIO()
        np.savez(memory, **arrays)
        return memory.getvalue()

    def npy() -> bytes:
        memory = io.BytesIO()
        np.save(memory, np.zeros(3))
        return memory.getvalue()

    with np.load(io.BytesIO(kept)) as arrays:
        whole = {name: arrays[name] for name in arrays.files}
    middle = len(kept) // 2
    unknown = {**whole, "params": np.array(["colour='red'"])}
    evil = {**whole, "params": np.array(["seed=__import__('os').getpid()"])}
    fewer = {name: values for name, values in whole.items() if not name.startswith("grid")}
    return {
        "empty": b"",
        "text": b"latitude,longitude\n1,2\n",
        "an array": npy(),
        "other arrays": npz(a=np.zeros(3)),
        "cut": kept[:middle],
        "damaged": kept[:middle] + bytes(200) + kept[middle + 200 :],
        "unknown argument": npz(**unknown),
        "code for an argument": npz(**evil),
        "an array is missing": npz(**fewer),
        "another form": npz(**{**whole, "told": np.frombuffer(b'{"format": 999}', np.uint8)}),
        "pickled": npz(params=np.array([{"a": 1}], object)),
    }


@pytest.fixture(scope="module")
def kept(sea: dict[str, Any]) -> bytes:
    memory = io.BytesIO()
    LocalContrastDetector(method="logistic").fit(sea).save(memory)
    return memory.getvalue()


@pytest.mark.parametrize("case", [
    "empty", "text", "an array", "other arrays", "cut", "damaged", "unknown argument", "code for an argument",
    "an array is missing", "another form", "pickled",
])  # fmt: skip
def test_a_foreign_file_is_said_to_be_one(case: str, kept: bytes) -> None:
    with pytest.raises(DataError) as caught:
        LocalContrastDetector.load(io.BytesIO(foreign(kept)[case]))
    assert caught.value.faults[0].code == "outliers.model-foreign"


# Arguments and wrong use


def test_arguments_are_read_set_and_cloned() -> None:
    detector = LocalContrastDetector(bags=3)
    assert detector.set_params(folds=5, method="logistic") is detector
    assert (detector.bags, detector.folds, detector.method) == (3, 5, "logistic")
    assert clone(detector).get_params() == detector.get_params()
    assert "bags=3" in repr(detector)
    with pytest.raises(ValueError, match='Did you mean "folds"'):
        detector.set_params(fold=3)


def test_what_is_not_fitted_says_so() -> None:
    for ask in (LocalContrastDetector().scores, LocalContrastDetector().score_samples):
        with pytest.raises(NotFittedError, match="call fit first"):
            ask()
    with pytest.raises(NotFittedError):
        LocalContrastDetector().save(io.BytesIO())


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("method", "contrasts", "outliers.method-unknown"), ("cell_km", 0.0, "outliers.argument"),
        ("cell_km", np.nan, "outliers.argument"), ("fakes", 0, "outliers.argument"), ("bags", 0, "outliers.argument"),
        ("folds", 1, "outliers.argument"), ("ridge", -1.0, "outliers.argument"), ("sample", 3, "outliers.argument"),
        ("terms", "cubic", "outliers.argument"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(name: str, value: Any, code: str, sea: dict[str, Any]) -> None:
    with pytest.raises(StudyError) as caught:
        LocalContrastDetector(**{name: value}).fit(sea)
    assert caught.value.faults[0].code == code
    assert str(value) in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "code", "says"),
    [
        ({"latitude": [], "longitude": []}, "outliers.too-few", "0 usable rows"),
        ({"latitude": [1.0], "longitude": [2.0]}, "outliers.too-few", "1 usable row;"),
        ({"latitude": [1.0] * 99, "longitude": [2.0] * 99, "speed": [3.0] * 99}, "outliers.one-point", "one point"),
        ({"latitude": [91.0] * 50, "longitude": [2.0] * 50}, "positions.range", "91"),
        ({"latitude": [1.0] * 50}, "positions.column-missing", "longitude"),
        ({"latitude": ["x"] * 50, "longitude": [2.0] * 50}, "positions.not-a-number", "latitude"),
        ({"latitude": [np.inf] * 50, "longitude": [2.0] * 50}, "positions.range", "inf"),
        ({"latitude": [1.0] * 50, "longitude": [2.0] * 49}, "positions.length", "49"),
    ],
)  # fmt: skip
def test_rows_from_which_nothing_is_learned(rows: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        LocalContrastDetector().fit(rows)
    assert caught.value.faults[0].code == code
    assert says in str(caught.value)


def test_rows_in_one_point_that_behave_differently_are_ranked() -> None:
    rng = np.random.default_rng(0)
    speed = np.append(rng.normal(10, 1, 199), 29.0)
    rows = {"latitude": [56.0] * 200, "longitude": [11.0] * 200, "speed": speed, "heading": rng.uniform(0, 90, 200)}
    for method in ("contrast", "logistic"):
        odds = LocalContrastDetector(method=method, bags=1, folds=2, terms="quadratic").fit(rows).score_samples()
        assert np.isfinite(odds).all()
        assert (odds < odds[-1]).sum() < 20


def test_new_rows_need_the_covariates_that_were_fitted(sea: dict[str, Any]) -> None:
    detector = LocalContrastDetector(method="logistic").fit(sea)
    bare = {name: values for name, values in sea.items() if name != "length"}
    with pytest.raises(DataError, match='no covariate "length"'):
        detector.score_samples(bare)
    with pytest.raises(DataError, match='the covariate "length" holds text'):
        detector.score_samples({**sea, "length": np.full(len(sea["length"]), "long")})
    unseen = {**sea, "type": np.full(len(sea["type"]), "submarine")}
    assert np.isfinite(detector.score_samples(unseen)).all()


@pytest.mark.parametrize("levels", [254, 255, 256, 900])
def test_a_huge_number_of_levels_is_no_obstacle(levels: int) -> None:
    rng = np.random.default_rng(1)
    n = 900
    rows = {
        "latitude": rng.uniform(56, 57, n), "longitude": rng.uniform(11, 12, n), "speed": rng.uniform(0, 9, n),
        "name": np.array([f"ship {i % levels}" for i in range(n)]),
    }  # fmt: skip
    detector = LocalContrastDetector(bags=1, folds=2, fakes=1).fit(rows)
    assert np.isfinite(detector.score_samples()).all()


def test_large_tables_have_a_cheaper_design() -> None:
    """Where it is not said otherwise; most of their rows no model has seen anyway."""
    given = {"cell_km": 50.0, "fakes": None, "bags": None, "folds": None, "fold_by": "row", "terms": "linear"}
    usual = design_of("contrast", **given, ridge=1.0)
    large = design_of("contrast", **given, ridge=1.0, large=True)
    assert isinstance(usual, Design)
    assert isinstance(large, Design)
    assert large.fakes * large.folds * large.bags * large.iterations < usual.fakes * usual.folds * usual.bags * 20
    own = design_of("contrast", **{**given, "fakes": 3, "bags": 5, "folds": 6}, ridge=1.0, large=True)
    assert isinstance(own, Design)
    assert (own.fakes, own.bags, own.folds) == (3, 5, 6)
    assert is_large(500_001, 50_000)
    assert not is_large(500_000, 50_000)


def test_a_sample_is_compared_with_the_tracks_of_all_rows(positions: Positions) -> None:
    """Else models would learn gaps between records that scored rows do not have."""
    seen: list[Tracks] = []

    def watched(*given: Any, **more: Any) -> Any:
        seen.append(given[4])
        return fit_local_contrast(*given, **more)

    with mock.patch("potomac.outliers.model.fit_local_contrast", watched):
        LocalContrastDetector(bags=1, folds=2, fakes=1, sample=200).fit(positions)
    whole, (some,) = Tracks.build(positions), seen
    assert len(some.record) == 200
    assert len(some.time) == len(whole.time)
