"""The contrasts: fakes that keep what they should, and no row scored by a model that saw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from threadpoolctl import threadpool_limits

from potomac.outliers import contrast
from potomac.outliers.contrast import WEIGHTS, Design, Frame, LocalContrast, Records, combined, fit_local_contrast
from potomac.outliers.positions import Positions, positions_of
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream

STREAM = Stream(1, ("outliers",))
Array = npt.NDArray[Any]
Columns = dict[str, Array]


@pytest.fixture(scope="module")
def fitted(positions: Positions, quick: Design) -> LocalContrast:
    return fit_local_contrast(positions, quick, STREAM)


def without(sea: Columns, *names: str) -> Positions:
    return positions_of({name: values for name, values in sea.items() if name not in ("type", "length", *names)})


def fakes_of(part: str, p: Positions, design: Design) -> tuple[Records, Array]:
    frame, grid = Frame.of(p), design.grid(p)
    fold = np.asarray(np.arange(len(p)) % 2)
    return contrast._fakes(part, p, np.arange(len(p)), fold, grid, frame, design, STREAM.child(part, 0)), fold


def same_trees(one: Any, other: Any) -> bool:
    mine, its = one.to_arrays(), other.to_arrays()
    return all(np.array_equal(mine[name], its[name]) for name in mine)


# Fakes


def test_fakes_of_place_lie_in_the_cell_and_behave_as_some_real_row_of_the_same_fold(
    positions: Positions, quick: Design
) -> None:
    p, (fake, fold) = positions, fakes_of("place", positions, quick)
    grid = quick.grid(p)
    assert len(fake.row) == quick.fakes * len(p)
    np.testing.assert_array_equal(
        grid.locate(fake.latitude, fake.longitude), grid.locate(p.latitude, p.longitude)[fake.row]
    )
    np.testing.assert_array_equal(fake.speed, p.speed[fake.donor])
    np.testing.assert_array_equal(fake.heading, p.heading[fake.donor])
    np.testing.assert_array_equal(fold[fake.donor], fold[fake.row])
    assert (fake.donor != fake.row).mean() > 0.99
    assert (fake.latitude != p.latitude[fake.row]).all()


def test_fakes_of_behaviour_stay_and_have_any_speed_and_course(positions: Positions, quick: Design) -> None:
    p = replace(positions, speed=positions.speed.copy(), heading=positions.heading.copy())
    p.speed[::10], p.heading[3::10] = np.nan, np.nan
    fake, _ = fakes_of("behaviour", p, quick)
    np.testing.assert_array_equal(fake.latitude, p.latitude[fake.row])
    np.testing.assert_array_equal(fake.longitude, p.longitude[fake.row])
    np.testing.assert_array_equal(np.isnan(fake.speed), np.isnan(p.speed)[fake.row])
    np.testing.assert_array_equal(np.isnan(fake.heading), np.isnan(p.heading)[fake.row])
    fastest = Frame.of(p).fastest
    assert 0 <= np.nanmin(fake.speed) < 0.01 * fastest < 0.99 * fastest < np.nanmax(fake.speed) <= fastest
    assert np.nanmean(fake.heading) == pytest.approx(180, abs=4 * 360 / np.sqrt(12 * len(fake.row)))


def test_fakes_of_track_keep_their_own_behaviour_elsewhere_in_the_cell(positions: Positions, quick: Design) -> None:
    fake, _ = fakes_of("track", positions, quick)
    np.testing.assert_array_equal(fake.donor, fake.row)
    np.testing.assert_array_equal(fake.speed, positions.speed[fake.row])
    assert (fake.latitude != positions.latitude[fake.row]).all()


def test_one_wrong_speed_does_not_spread_the_fakes(positions: Positions) -> None:
    """99.9 % of 2,000 rows are at most 30 kn, so fakes go up to 45 kn and not to 5,000."""
    speed = np.append(np.full(1990, 10.0), [30.0] * 10 + [5000.0])
    p = positions_of({"latitude": np.zeros(2001), "longitude": np.zeros(2001), "speed": speed})
    assert Frame.of(p).fastest == pytest.approx(1.5 * 30.0)
    assert Frame.of(without({"latitude": np.zeros(3), "longitude": np.zeros(3)})).fastest == 1e-6


# Held out


def test_no_row_is_scored_by_a_model_that_saw_it(sea: Columns, quick: Design) -> None:
    """A covariate is seen by nobody but the row itself, and by fakes that take it over. Change it in a whole fold.

    The models that score this fold stay the same to the last bit, and those of the others notice.
    """
    design = replace(quick, bags=1, iterations=40, leaves=31)
    plain = {name: values for name, values in sea.items() if name != "type"}
    one = fit_local_contrast(positions_of(plain), design, STREAM)
    assert one.parts == ("place", "behaviour", "track")
    mine = one.fold(np.arange(len(sea["time"])), positions_of(plain).entity, 0) == 1
    noise = np.random.default_rng(0).uniform(0, 300, len(mine))
    other = fit_local_contrast(
        positions_of({**plain, "length": np.where(mine, noise, plain["length"])}), design, STREAM
    )
    for part in one.parts:
        before, after = one.forests[part][0], other.forests[part][0]
        assert same_trees(before[1], after[1])
        if part != "track":  # one look at the track tells these fakes from real rows, whatever the covariate
            assert not same_trees(before[0], after[0])


def test_folds_are_drawn_by_row_and_used_for_scoring(fitted: LocalContrast, positions: Positions) -> None:
    """The score is the mean over the bags of what the model of the row's fold says, plus the log of fakes a row."""
    evidence = fitted.evidence(positions)
    records = Records.real(positions, np.arange(len(positions)))
    features = contrast.plain_features(
        fitted.frame, fitted.surroundings, positions, records, contrast.identity(positions)
    )
    total = np.zeros(len(positions))
    for bag in range(fitted.design.bags):
        fold = fitted.fold(positions.row, positions.entity, bag)
        assert set(fold) == {0, 1}
        first = np.unique(positions.entity, return_index=True)[1]
        assert abs(fold[first].mean() - 0.5) < 4 * 0.5 / np.sqrt(len(first))
        assert (fold != fold[first][positions.entity]).any()  # by row: an entity's records lie in different folds
        for f in (0, 1):
            total[fold == f] += fitted.forests["behaviour"][bag][f].log_odds(features[fold == f])
    np.testing.assert_allclose(evidence["behaviour"], total / fitted.design.bags + np.log(fitted.design.fakes))
    assert (fitted.fold(positions.row, positions.entity, 0) != fitted.fold(positions.row, positions.entity, 1)).any()


def test_folds_of_entities_hold_all_their_records(sea: Columns, quick: Design) -> None:
    p = without(sea)
    model = fit_local_contrast(p, replace(quick, bags=1, iterations=2, together=True), STREAM)
    fold = model.fold(p.row, p.entity, 0)
    first = np.unique(p.entity, return_index=True)[1]
    assert set(fold) == {0, 1}
    assert (fold == fold[first][p.entity]).all()


def test_folds_are_of_rows_where_a_few_entities_have_the_records(sea: Columns, quick: Design) -> None:
    """One vessel has no second fold; and who has no name is an entity of its own."""
    for entity in (np.full(len(sea["time"]), "x"), np.arange(len(sea["time"])) % 5, np.full(len(sea["time"]), None)):
        p = positions_of({**{n: v for n, v in sea.items() if n not in ("type", "length", "time")}, "entity": entity})
        model = fit_local_contrast(p, replace(quick, bags=1, iterations=2, together=True), STREAM)
        assert model.design.together == (p.entity < 0).all()
        assert 0.4 < model.fold(p.row, p.entity, 0).mean() < 0.6


def test_a_vessel_does_not_make_what_it_does_usual_by_doing_it_often(sea: Columns, quick: Design) -> None:
    """Seven records at 30 kn: models that have learned from six of them think nothing of the seventh."""
    p = without(sea)
    mine = sea["entity"] == "fast"
    design = replace(quick, iterations=60)
    together, apart = (
        fit_local_contrast(p, replace(design, together=one), STREAM).evidence(p)["behaviour"][mine]
        for one in (True, False)
    )
    assert np.median(together) < np.median(apart)


def test_copies_in_its_own_fold_do_not_make_an_outlier_usual(sea: Columns, quick: Design) -> None:
    """Copies of a row under its own number share its fold, so the models that score it see none of them. They are its
    own entity's, so they are no company either."""
    p = without(sea, "time")
    odd = int(np.flatnonzero(sea["entity"] == "lonely")[3])
    many = p.take(np.sort(np.append(np.arange(len(p)), np.full(100, odd))))
    before = fit_local_contrast(p, quick, STREAM).evidence(p)["place"][odd]
    after = fit_local_contrast(many, quick, STREAM).evidence(many)["place"][many.row == odd]
    assert len(after) == 101
    assert np.ptp(after) == 0
    assert before < 0
    assert after[0] < 0


def test_new_rows_are_scored_by_all_models_whatever_their_number(fitted: LocalContrast, positions: Positions) -> None:
    p = positions
    q = replace(p, row=p.row[::-1] + 5)
    one, other = (fitted.evidence(some, fitted=False, owner=p.entity) for some in (p, q))
    for part in fitted.parts:
        np.testing.assert_array_equal(one[part], other[part])
    assert any((fitted.evidence(p)[part] != one[part]).any() for part in fitted.parts)


# The same numbers, however they are asked for


def test_the_order_of_rows_changes_nothing(fitted: LocalContrast, positions: Positions) -> None:
    """The rows keep their numbers; only their turn changes."""
    order = np.random.default_rng(3).permutation(len(positions))
    every, shuffled = fitted.evidence(positions), fitted.evidence(positions.take(order))
    for part in fitted.parts:
        np.testing.assert_array_equal(shuffled[part], every[part][order])


@pytest.mark.parametrize("size", [1, 37, 500])
def test_blocks_of_any_size_change_nothing(
    fitted: LocalContrast, positions: Positions, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = positions.take(np.arange(0, len(positions), {1: 50, 37: 3}.get(size, 1)))
    every = fitted.evidence(p)
    monkeypatch.setattr(contrast, "BLOCK", size)
    for part, values in fitted.evidence(p).items():
        np.testing.assert_array_equal(values, every[part])


def test_some_rows_alone_score_as_among_all(fitted: LocalContrast, positions: Positions) -> None:
    """Beside their tracks, which belong to all rows."""
    tracks, some = Tracks.build(positions), np.array([900, 3, 77])
    alone = fitted.evidence(positions, Records.real(positions, some), tracks=tracks)
    every = fitted.evidence(positions, tracks=tracks)
    for part in fitted.parts:
        np.testing.assert_array_equal(alone[part], every[part][some])


def test_one_thread_or_two_fit_the_same(positions: Positions, quick: Design) -> None:
    design = replace(quick, bags=1, iterations=5)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(fit_local_contrast(positions, design, STREAM).evidence(positions))
    for part, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][part])


def test_the_same_stream_fits_the_same_and_another_one_does_not(positions: Positions, quick: Design) -> None:
    design = replace(quick, bags=1, iterations=5)
    one, again, other = (
        fit_local_contrast(positions, design, stream).evidence(positions)["place"]
        for stream in (STREAM, STREAM, Stream(2))
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


# Less than everything


CASES: dict[str, tuple[Callable[[Columns], Positions], tuple[str, ...]]] = {
    "no entity": (lambda sea: without(sea, "entity"), ("place", "behaviour")),
    "no time": (lambda sea: without(sea, "time"), ("place", "behaviour")),
    "no speed": (lambda sea: without(sea, "speed"), ("place", "behaviour", "track")),
    "no heading": (lambda sea: without(sea, "heading"), ("place", "behaviour", "track")),
    "places only": (lambda sea: without(sea, "speed", "heading", "time", "entity"), ("place",)),
    "all speeds zero": (
        lambda sea: without({**sea, "speed": np.zeros(len(sea["speed"]))}, "time"),
        ("place", "behaviour"),
    ),
    "one entity": (
        lambda sea: without({**sea, "entity": np.full(len(sea["speed"]), "x")}, "time"),
        ("place", "behaviour"),
    ),
    "antimeridian": (
        lambda sea: without({**sea, "longitude": (sea["longitude"] - 11.05 + 360) % 360 - 180}),
        ("place", "behaviour", "track"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_less_than_everything_is_enough(sea: Columns, quick: Design, case: str) -> None:
    make, parts = CASES[case]
    p = make(sea)
    model = fit_local_contrast(p, replace(quick, bags=1, iterations=5), STREAM)
    assert model.parts == parts
    evidence = model.evidence(p)
    assert all(np.isfinite(values).all() for values in evidence.values())
    lonely = sea["entity"] == "lonely"
    total = combined(evidence)
    assert np.median(total[lonely]) < np.quantile(total, 0.35)


def test_where_nobody_moves_speed_tells_nothing_and_courses_still_do(sea: Columns, quick: Design) -> None:
    """Any speed above zero would give fakes away, and real rows would all seem equally real."""
    p = without({**sea, "speed": np.zeros(len(sea["speed"]))}, "time", "entity")
    behaviour = fit_local_contrast(p, quick, STREAM).evidence(p)["behaviour"]
    against = sea["entity"] == "against"
    north = np.char.startswith(sea["entity"].astype(str), "north")
    assert np.median(behaviour[against]) < np.quantile(behaviour[north], 0.1)


def test_the_antimeridian_is_a_place_like_any_other(sea: Columns) -> None:
    """The sea moved round the globe is, seen from its middle, what it was."""
    here, there = without(sea), CASES["antimeridian"][0](sea)
    assert (there.longitude < 0).any()
    assert (there.longitude > 0).any()
    columns = [Frame.of(p).columns(p, Records.real(p, np.arange(len(p)))) for p in (here, there)]
    np.testing.assert_allclose(columns[0], columns[1], atol=1e-6)


def test_a_few_records_beside_others_of_their_entity_teach_no_track(quick: Design) -> None:
    rng = np.random.default_rng(1)
    n = 40
    entity = np.array(["pair"] * 5 + [f"single {i}" for i in range(n - 5)])
    p = positions_of(
        {
            "latitude": rng.uniform(56, 57, n), "longitude": rng.uniform(11, 12, n), "entity": entity,
            "time": np.arange(n) * 60.0, "speed": rng.uniform(0, 9, n),
        }
    )  # fmt: skip
    assert fit_local_contrast(p, quick, STREAM).parts == ("place", "behaviour")


def test_who_has_no_other_record_has_no_track(sea: Columns, fitted: LocalContrast, positions: Positions) -> None:
    alone = positions.take(np.array([5]))
    assert fitted.evidence(alone)["track"][0] == 0.0
    assert (fitted.evidence(positions)["track"] != 0).mean() > 0.9


# Together


def test_a_busy_place_excuses_half_of_what_a_lonely_one_costs() -> None:
    """Below zero a place counts fully, above zero half; behaviour always fully, a track with its weight."""
    parts = {
        "place": np.array([2.0, -2.0, 0.0]),
        "behaviour": np.array([-1.0, 1.0, 0.5]),
        "track": np.array([1, -1, 10.0]),
    }
    w = WEIGHTS["track"]
    np.testing.assert_allclose(combined(parts), [1.0 - 1.0 + w, -2.0 + 1.0 - w, 0.5 + 10 * w])
    np.testing.assert_allclose(combined({"place": np.array([-3.0])}), [-3.0])


def test_more_of_any_evidence_is_never_odder() -> None:
    grid = np.linspace(-5, 5, 41)
    for part in WEIGHTS:
        zero = {other: np.zeros(41) for other in WEIGHTS}
        assert (np.diff(combined({**zero, part: grid})) > 0).all()
