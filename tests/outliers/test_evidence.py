"""Why this one: each vessel of the invented sea is odd in one way, and that piece of evidence is the largest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from potomac.outliers.detectors import LocalContrastDetector
from potomac.outliers.evidence import Usual, _quantiles, explain, usual_around
from potomac.outliers.meetings import Meetings
from potomac.outliers.model import log_odds_of
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.tracks import Tracks

Array = npt.NDArray[Any]


def told(detector: LocalContrastDetector, p: Positions, index: Array) -> pa.Table:
    model, tracks = detector.model_, Tracks.build(p)
    evidence = model.evidence(p, fitted=True, tracks=tracks, meetings=Meetings.build(p))
    return explain(model, p, index, {part: odds[index] for part, odds in evidence.items()}, tracks)


def of(sea: dict[str, Array], name: str) -> Array:
    return np.flatnonzero(sea["entity"] == name)


def pieces(table: pa.Table) -> dict[str, Array]:
    return {n.removeprefix("why_"): table[n].to_numpy() for n in table.column_names if n.startswith("why_")}


@pytest.mark.parametrize(
    ("vessel", "piece", "says"),
    [
        ("fast", "speed", "where others do"),
        ("against", "course", "where others go"),
        ("stray", "place", "Few come here: the fifth nearest place of another is"),
    ],
)
def test_the_largest_piece_is_what_is_odd(
    detector: LocalContrastDetector, positions: Positions, sea: dict[str, Array], vessel: str, piece: str, says: str
) -> None:
    """30 kn where others do 10; southward where others go north; far from everybody. Of the mean of all records."""
    table = told(detector, positions, np.flatnonzero(np.char.startswith(sea["entity"].astype(str), vessel)))
    taken = {name: np.mean(values) for name, values in pieces(table).items()}
    assert max(taken, key=lambda name: taken[name]) == piece, taken
    assert sum(says in why for why in table["why"].to_pylist()) >= table.num_rows / 2


def test_a_jump_is_told_by_the_track(
    detector: LocalContrastDetector, positions: Positions, sea: dict[str, Array]
) -> None:
    """A report from a usual place with a usual behaviour, 30 km from where the vessel is."""
    jump = of(sea, "jumping")[10:11]
    table = told(detector, positions, jump)
    taken = {name: values[0] for name, values in pieces(table).items()}
    assert max(taken, key=lambda name: taken[name]) == "track", taken
    off = table["off_track_km"][0].as_py()
    assert 25 < off < 35
    assert f"{off:.3g} km from where its own track puts it." in table["why"][0].as_py()


def test_the_columns_say_what_others_do(
    detector: LocalContrastDetector, positions: Positions, sea: dict[str, Array]
) -> None:
    table = told(detector, positions, of(sea, "fast")[2:4])
    assert table["rank"].to_pylist() == [1, 2]
    for row in table.to_pylist():
        assert row["usual_slow"] <= row["usual_speed"] <= row["usual_fast"]
        assert row["usual_speed"] == pytest.approx(10, abs=1)
        assert min(row["usual_course"], 360 - row["usual_course"]) < 10
        assert row["outlier_score"] == -row["log_odds"]
        assert 28 < row["speed"] < 35
        assert row["lonely_km"] > 0
    assert set(pieces(table)) == {"place", "speed", "course", "track", "meeting"}
    assert all((values >= 0).all() for values in pieces(table).values())


def test_the_score_told_is_the_score(detector: LocalContrastDetector, positions: Positions) -> None:
    odds = detector.score_samples()
    index = np.argsort(odds, kind="stable")[:30]
    table = told(detector, positions, index)
    np.testing.assert_allclose(table["log_odds"], odds[index])
    assert table["row"].to_pylist() == index.tolist()
    assert all(why.endswith(".") and (why[0].isupper() or why[0].isdigit()) for why in table["why"].to_pylist())


def test_usual_is_what_the_nearest_others_do(
    detector: LocalContrastDetector, positions: Positions, sea: dict[str, Array]
) -> None:
    contrast = detector.model_.contrast
    assert contrast is not None
    at = positions.take(of(sea, "north 3")[5:15])
    usual = usual_around(contrast, at.entity, at)
    assert usual.near.shape == (10, 20)
    assert ((usual.agreement > 0.85) & (usual.agreement <= 1)).all()
    assert (contrast.surroundings.entity[usual.near] != at.entity[0]).all()
    np.testing.assert_allclose(usual.middle, 10, atol=1.5)


def test_nobody_around_is_said_and_nothing_is_made_up(detector: LocalContrastDetector) -> None:
    from potomac.outliers.evidence import _course, _place, _speed, _track

    p = positions_of({"latitude": [56.0], "longitude": [11.0]})
    nan = np.array([np.nan])
    nobody = Usual(np.full((1, 20), -1), nan, nan, nan, nan, nan, nan)
    words = [say(0, p, nobody, nan) for say in (_place, _speed, _course, _track)]
    assert words == ["Nobody else was seen around here.", "", "", "It does not fit its own track."]


def test_quantiles_leave_out_what_is_unknown() -> None:
    values = np.array([[3.0, np.nan, 1.0, 2.0, np.nan], [np.nan] * 5, [4.0] * 5])
    low, middle, high = _quantiles(values, (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(low, [1, np.nan, 4])
    np.testing.assert_array_equal(middle, [2, np.nan, 4])
    np.testing.assert_array_equal(high, [3, np.nan, 4])


def test_hours_and_covariates_are_asked_about() -> None:
    """Cargo ships west of a line and tankers east of it, except for ten tankers; an hour of the day tells nothing."""
    rng = np.random.default_rng(6)
    n = 900
    lon = rng.uniform(11.0, 11.5, n)
    kind = np.where(lon < 11.25, "cargo", "tanker")
    odd = np.flatnonzero(lon < 11.15)[:10]
    kind[odd] = "tanker"
    p = positions_of(
        {
            "latitude": rng.uniform(56.0, 56.3, n), "longitude": lon, "speed": rng.normal(10, 1, n),
            "heading": rng.uniform(0, 359, n), "time": rng.uniform(0, 5 * 86_400, n), "type": kind,
        }
    )  # fmt: skip
    detector = LocalContrastDetector(bags=2, folds=2, seed=2).fit(p)
    table = told(detector, p, np.concatenate([odd, np.flatnonzero(lon < 11.15)[10:40]]))
    taken = pieces(table)
    assert {"time", "covariates"} <= set(taken)
    assert np.mean(taken["covariates"][:10]) > 2 * np.mean(taken["covariates"][10:])
    assert np.mean(taken["covariates"][:10]) > 2 * np.mean(taken["time"][:10])
    assert "Others of its kind do this elsewhere." in " ".join(table["why"].to_pylist()[:10])
    assert table["type"].to_pylist()[:10] == ["tanker"] * 10


def test_a_covariate_that_is_called_as_a_column_is_kept(sea: dict[str, Array]) -> None:
    some = {name: sea[name][::3] for name in ("latitude", "longitude", "speed", "heading")}
    p = positions_of({**some, "rank": some["speed"], "covariate_rank": some["heading"], "why": some["speed"]})
    detector = LocalContrastDetector(bags=1, folds=2, fakes=1).fit(p)
    table = told(detector, p, np.arange(3))
    assert {"covariate_rank", "covariate_covariate_rank", "covariate_why"} <= set(table.column_names)
    assert table["rank"].to_pylist() == [1, 2, 3]
    assert isinstance(table["why"][0].as_py(), str)
    scores = detector.scores()
    np.testing.assert_array_equal(scores["covariate_rank"], some["heading"])
    np.testing.assert_array_equal(scores["covariate_covariate_rank"], some["speed"])
    assert sorted(scores["rank"].to_pylist()) == list(range(1, len(p) + 1))


def test_evidence_of_parts_adds_up(detector: LocalContrastDetector) -> None:
    scores = detector.scores()
    parts = {n.removeprefix("odds_"): scores[n].to_numpy() for n in scores.column_names if n.startswith("odds_")}
    np.testing.assert_allclose(log_odds_of(parts), scores["log_odds"])
