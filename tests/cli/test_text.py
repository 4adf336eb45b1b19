"""Words and numbers on the terminal."""

from __future__ import annotations

import pytest

from potomac.cli.text import clean, columns, count, interval, number


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "not known"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.0123456, "0.0123"),
        (17.44, "17.4"),
        (12345.6, "12,346"),
        (float("nan"), "not known"),
        (float("-inf"), "minus infinite"),
        ("a\x1b[31mb", "a\N{REPLACEMENT CHARACTER}[31mb"),
    ],
)
def test_numbers(value: object, says: str) -> None:
    assert number(value) == says


def test_intervals() -> None:
    assert interval(1.0, 2.5) == "1 to 2.5"
    assert interval(99.588, 99.604) == "99.59 to 99.60"  # apart by 0.016: two digits after the point
    assert interval(1.0, 1.0) == "1 to 1"
    assert interval(1.0, None) == "at least 1"
    assert interval(None, 2.0) == "at most 2"
    assert interval(None, None) == ""


def test_counts() -> None:
    assert (count(1, "row"), count(2000, "row")) == ("1 row", "2,000 rows")


def test_columns_fit_eighty() -> None:
    text = columns([("a", "b" * 200), ("long name", "c")], ("x", "y"))
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "..." in text


def test_secrets_and_steering_signs_are_taken_out() -> None:
    assert clean("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    assert clean("right\N{RIGHT-TO-LEFT OVERRIDE}left") == "right\N{REPLACEMENT CHARACTER}left"
