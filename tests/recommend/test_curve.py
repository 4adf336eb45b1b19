"""The learning curve and where it leads: lines and curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.recommend.judging.curve import CURVE, Curve, learning_curve, until
from potomac.recommend.judging.impersonal import ListForAll
from potomac.recommend.judging.trial import crossed, from_list, served
from potomac.recommend.regression.ease import EASE
from potomac.recommend.testing.splits import leave_last_out
from potomac.recommend.worlds import simulated
from potomac.stats.streams import Stream

STREAM = Stream(1)


def drawn(gains: list[float], base: float = 0.10, spread: float = 0.001, people: int = 400) -> Curve:
    """Means of the personal list are ``base + gains`` at 1,000, 2,000, 4,000 ... interactions."""
    noise = np.where(np.arange(people) % 2 == 0, spread, -spread)[:, None]
    impersonal = np.full((people, len(gains)), base)
    size = 1000 * 2 ** np.arange(len(gains))
    return Curve(size // 10, size, impersonal + np.array(gains) + noise, impersonal)


def test_a_line_is_followed_to_where_the_gain_is_worth_having() -> None:
    """.01 a doubling, .004 at 8,000 interactions, .010 needed: 8,000 x 2^.6."""
    found = until(drawn([-0.026, -0.016, -0.006, 0.004]), 0.10, STREAM)
    assert found.interactions == pytest.approx(8000 * 2**0.6, rel=1e-6)
    assert found.low <= found.interactions <= found.high
    assert found.high < 8000 * 2**0.7
    assert found.have == 8000


def test_what_is_worth_having_by_now_needs_no_more() -> None:
    """.005 a doubling, .010 at 4,000."""
    found = until(drawn([0.0, 0.005, 0.010, 0.015]), 0.10, STREAM)
    assert found.interactions == pytest.approx(4000)


def test_a_gain_that_was_there_and_stayed_needed_no_more_than_when_it_came() -> None:
    """Of the gain .010 is needed: it comes up from 0 to .030 between 1,000 and 2,000, a third of that doubling."""
    found = until(drawn([0.0, 0.03, 0.02, 0.012]), 0.10, STREAM)
    assert found.interactions == pytest.approx(1000 * 2 ** (1 / 3))


def test_a_model_that_comes_up_to_the_list_for_all_and_no_further_shows_no_sign() -> None:
    """A noisy copy of popularity: worse with little data, alike with much. A line alone would cross."""
    found = until(drawn([-0.04, -0.02, -0.01, -0.005]), 0.10, STREAM)
    assert found.interactions is None
    assert not found.early  # a gain that is worth having is beyond doubt out of reach of these points


def test_a_gain_that_does_not_grow_shows_no_sign() -> None:
    assert until(drawn([0.004, 0.004, 0.0035, 0.003]), 0.10, STREAM).interactions is None


def test_what_would_come_at_more_than_32_times_the_data_is_not_foretold() -> None:
    """.0005 a doubling, .0045 lacking: 9 doublings."""
    assert until(drawn([0.004, 0.0045, 0.005, 0.0055]), 0.10, STREAM).interactions is None


def test_a_gain_that_is_not_sure_takes_as_many_people_as_make_it_so() -> None:
    """Two standard errors now and 2.81 needed: (2.81 / 2)^2 times as many interactions."""
    people = 400
    spread = 0.02 / 2 * np.sqrt(people)  # the mean gain is 2 standard errors
    found = until(drawn([0.017, 0.018, 0.019, 0.02], spread=spread, people=people), 0.10, STREAM)
    assert found.interactions == pytest.approx(8000 * (2.81 / 2) ** 2, rel=0.01)
    assert found.high > found.interactions > found.low


def test_few_points_say_nothing() -> None:
    assert until(drawn([0.01, 0.02]), 0.10, STREAM).interactions is None
    assert until(Curve(*np.zeros((2, 0), int), *np.zeros((2, 5, 0))), 0.10, STREAM).early


def test_the_table_has_means_and_intervals_that_hold_them() -> None:
    table = drawn([0.0, 0.01], spread=0.02).table(STREAM)
    assert table.schema == CURVE
    for row, gain in zip(table.to_pylist(), (0.0, 0.01), strict=True):
        assert row["gain"] == pytest.approx(gain)
        assert row["personal"] - row["impersonal"] == pytest.approx(gain)
        half = 1.96 * 0.02 / np.sqrt(400)  # normal
        assert row["low"] == pytest.approx(gain - half, abs=0.3 * half)
        assert row["high"] == pytest.approx(gain + half, abs=0.3 * half)


@pytest.fixture(scope="module")
def grown() -> tuple[Curve, Curve]:
    """A curve, and its last point as one would have it without any curve."""
    world = simulated(500, 120, per_user=15.0, taste=2.0, seed=1)
    split, model, which = leave_last_out(world.interactions, 2), EASE(100.0), ListForAll()
    half = (np.arange(len(split.held)) % 2).astype(np.int8)
    curve = learning_curve(split, None, model, which, half, 10, shares=(0.01, 0.25, 1.0), seed=1)
    mine = crossed(served(EASE(100.0).fit(split.train), which, split, 10), half)[:, None]
    whole = Curve(np.array([500]), np.array([split.train.nnz]), mine, from_list(which, split, 10)[:, None])
    return curve, whole


def test_the_last_point_is_what_all_people_give(grown: tuple[Curve, Curve]) -> None:
    curve, whole = grown
    assert curve.interactions[-1] == whole.interactions[0]
    np.testing.assert_allclose(curve.personal[:, -1], whole.personal[:, 0])
    np.testing.assert_allclose(curve.impersonal[:, -1], whole.impersonal[:, 0])


def test_more_people_are_more_to_learn_from_and_five_are_none(grown: tuple[Curve, Curve]) -> None:
    curve, whole = grown
    np.testing.assert_array_equal(curve.people, [125, 500])  # a hundredth would be 5 people
    assert curve.personal.shape == curve.impersonal.shape == (len(whole.personal), 2)  # all are tested at each point
    assert curve.personal[:, 1].mean() > curve.personal[:, 0].mean()
