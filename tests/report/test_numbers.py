"""Numbers as a reader wants them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.report.numbers import (
    MISSING,
    decimals,
    duration,
    filesize,
    fixed,
    interval,
    moment,
    number,
    quantity,
    word,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (17.36, "17.4"),  # three significant digits
        (0.00123456, "0.00123"),
        (5_460_000, "5,460,000"),  # a whole number is known to the last digit
        (5_460_123.4, "5,460,123"),
        (9.996, "10.0"),  # rounding up changes the number of digits before the point, not of those shown
        (-0.5, "−0.500"),
        (-0.0, "0"),
        (0, "0"),
        (2.0, "2"),
        (1e-9, "1.00 × 10⁻⁹"),
        (-6.02214076e23, "−6.02 × 10²³"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, MISSING),
        (None, MISSING),
        (999_999_999_999_999, "999,999,999,999,999"),
        (2**60, "1.15 × 10¹⁸"),
        (10**400, "1.00 × 10⁴⁰⁰"),  # no float is as large
    ],
)
def test_numbers_have_the_digits_they_deserve(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(-1e300, 1e300))
def test_a_number_read_back_is_within_half_a_unit_of_its_third_digit(value: float) -> None:
    text = number(value).replace(",", "").replace("−", "-")
    if "×" in text:
        mantissa, power = text.split(" × 10")
        back = float(mantissa + "e" + power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")))
    else:
        back = float(text)
    assert math.isclose(back, value, rel_tol=0.5e-2 + 1e-12)  # the worst case is 1.00 | 5


@given(st.floats(min_value=1e-12, max_value=1e12), st.integers(1, 8))
def test_decimals_give_that_many_significant_digits(value: float, digits: int) -> None:
    unit = 10.0 ** -decimals(value, digits)
    assert unit <= value * 10 ** (1 - digits) * (1 + 1e-9) or decimals(value, digits) == 0


def test_a_true_minus_sign_and_never_minus_zero() -> None:
    assert fixed(-1234.5, 1) == "−1,234.5"
    assert fixed(-0.04, 1) == "0.0"


@pytest.mark.parametrize(
    ("given_", "texts"),
    [
        ((17.36, 16.9, 17.8), ("17.4", "16.9 to 17.8")),
        ((17.36, None, 17.8), ("17.4", "at most 17.8")),
        ((17.36, 16.9, None), ("17.4", "at least 16.9")),
        ((100.0, 99.998, 100.002), ("100.000", "99.998 to 100.002")),  # a narrow interval wants more digits
        ((12, 10.0, 14.0), ("12", "10 to 14")),
        ((1.5, math.nan, math.nan), ("1.50", f"{MISSING} to {MISSING}")),
        (("proven", None, None), ("proven", "")),
        ((True, None, None), ("yes", "")),
        ((1.5, -math.inf, 2.0), ("1.50", "−∞ to 2.00")),
        ((3e20, 2e20, 4e20), ("3.00 × 10²⁰", "2.00 × 10²⁰ to 4.00 × 10²⁰")),
    ],
)
def test_an_interval_has_the_decimals_of_its_value(given_: tuple[float, ...], texts: tuple[str, str]) -> None:
    assert interval(*given_) == texts


@given(st.floats(-1e9, 1e9), st.floats(0, 1e6), st.floats(0, 1e6))
def test_both_ends_of_an_interval_have_as_many_decimals_as_the_value(value: float, below: float, above: float) -> None:
    shown, span = interval(value, value - below, value + above)
    if "×" not in shown + span:
        assert len({text.partition(".")[2].__len__() for text in (shown, *span.split(" to "))}) == 1


def test_units_stand_close_where_they_do_in_print() -> None:
    assert quantity(12.5, "kn") == "12.5\N{NO-BREAK SPACE}kn"
    assert quantity(71.0, "%") == "71\N{NO-BREAK SPACE}%"  # as sentences have it
    assert quantity(None, "kn") == MISSING


def test_moments_are_told_in_utc() -> None:
    there = datetime(2026, 11, 24, 18, 8, tzinfo=timezone(timedelta(hours=1)))
    assert moment(there) == "2026-11-24 17:08 UTC"
    assert moment(datetime(2026, 11, 24, 17, 8, 9, tzinfo=UTC)) == "2026-11-24 17:08:09 UTC"
    assert moment(date(2026, 11, 24)) == "2026-11-24"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.354, "0.35 s"),
        (42.4, "42 s"),
        (59.7, "1 min"),
        (124, "2 min 4 s"),
        (4320, "1 h 12 min"),
        (4 * 86400, "4 d"),
        (math.nan, MISSING),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sizes_are_decimal() -> None:
    assert [filesize(size) for size in (999, 1_240, 5_000_000, 2.5e12)] == ["999 B", "1.24 kB", "5 MB", "2.50 TB"]


def test_any_value_has_a_word() -> None:
    values = (None, True, 3, timedelta(seconds=90), "<b>", date(2026, 1, 2))
    assert [word(value) for value in values] == [MISSING, "yes", "3", "1 min 30 s", "<b>", "2026-01-02"]
