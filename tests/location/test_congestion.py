"""Travel time by the hour of the day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import DataError, StudyError
from potomac.location.travel.congestion import PROFILE, VOLUMES, bpr, checked_profile, delay_share, hourly, rush

STEPS = tuple(1 + k / 100 for k in range(24))


def test_bpr_is_its_formula() -> None:
    # Bureau of Public Roads 1964: 15 % more at capacity, 0.15 * 2 ** 4 = 240 % more at twice that.
    np.testing.assert_allclose(bpr(10.0, [0.0, 50.0, 100.0, 200.0], 100.0), [10, 10.09375, 11.5, 34])
    np.testing.assert_allclose(bpr([1.0, 2.0], 1.0, [1.0, 2.0], 1.0, 2.0), [2.0, 2.5])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((1.0, 1.0, 0.0), "the capacity of link 0 is 0"), ((1.0, [1.0, -1.0], 1.0), "the volume of link 1 is -1"),
        ((-1.0, 1.0, 1.0), "the free-flow time of link 0 is -1"), ((1.0, 1.0, 1.0, -0.1), "the b of link 0"),
        ((1.0, float("nan"), 1.0), "the volume of link 0 is nan"), ((1.0, 1.0, 1.0, 0.1, -1.0), "the power of link 0"),
    ],
)  # fmt: skip
def test_bpr_says_what_cannot_be(values: tuple[Any, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        bpr(*values)


def test_the_usual_profile_is_that_of_the_usual_traffic() -> None:
    assert sum(VOLUMES) == pytest.approx(1.0)
    assert len(PROFILE) == len(VOLUMES) == 24
    assert (int(np.argmax(PROFILE)), max(PROFILE)) == (17, 1.35)
    assert min(PROFILE) == pytest.approx(1.0, abs=1e-3)
    morning = (VOLUMES[7] + VOLUMES[8]) / (VOLUMES[16] + VOLUMES[17])
    assert PROFILE[8] == pytest.approx(1 + 0.35 * morning**4, abs=1e-4)


def test_factors_hold_at_full_hours_and_are_joined_by_lines() -> None:
    assert [rush(hour, STEPS) for hour in range(24)] == list(STEPS)
    assert rush(8.25, STEPS) == pytest.approx(1.0825)
    assert rush(23.5, STEPS) == pytest.approx((1.23 + 1.0) / 2)  # on towards midnight
    assert rush(24, STEPS) == rush(0, STEPS) == 1.0
    assert rush(None, STEPS) == 1.0


@given(st.floats(0, 24))
def test_times_and_not_speeds_are_interpolated(hour: float) -> None:
    before, after = STEPS[int(hour) % 24], STEPS[(int(hour) + 1) % 24]
    part = hour - int(hour)
    assert rush(hour, STEPS) == pytest.approx((1 - part) * before + part * after)


@given(st.floats(0, 24), st.floats(0.5, 8))
def test_the_share_of_delay_is_bpr_with_the_volumes_of_the_hour(hour: float, power: float) -> None:
    """Whatever the power: volumes follow from the profile, and the delay of a link from its volume."""
    volume = ((rush(hour) - 1) / (max(PROFILE) - 1)) ** (1 / power)  # of that in the peak
    of_the_hour = bpr(1.0, volume * 3.0, 2.0, 0.2, power) - 1
    assert of_the_hour == pytest.approx(delay_share(hour) * (bpr(1.0, 3.0, 2.0, 0.2, power) - 1), abs=1e-12)


def test_links_with_a_volume_have_their_own_delay_and_others_the_profile() -> None:
    free, peak = np.array([10.0, 10.0]), np.array([30.0, np.nan])
    np.testing.assert_allclose(hourly(free, peak, None), [10, 10])
    np.testing.assert_allclose(hourly(free, peak, 17), [30, 13.5])
    np.testing.assert_allclose(hourly(free, peak, 8), [10 + 20 * (rush(8) - 1) / 0.35, 10 * rush(8)])
    np.testing.assert_allclose(hourly(free, None, 17), [13.5, 13.5])


def test_a_profile_without_a_peak_has_no_delay() -> None:
    flat = [0.9] * 24
    assert delay_share(8, flat) == 0.0
    assert delay_share(None) == 0.0
    assert rush(8, flat) == pytest.approx(0.9)


@pytest.mark.parametrize("hour", [-0.1, 24.5, float("nan")])
def test_hours_are_of_the_day(hour: float) -> None:
    with pytest.raises(StudyError, match="expected an hour of the day"):
        rush(hour)


@pytest.mark.parametrize(
    ("profile", "words"),
    [([1.0] * 23, "23 factors"), ([1.0] * 23 + [0.0], "hour 23 is 0"), ([float("nan")] * 24, "hour 0 is nan")],
)
def test_a_profile_has_24_factors_above_0(profile: list[float], words: str) -> None:
    with pytest.raises(StudyError, match=words):
        checked_profile(profile)
