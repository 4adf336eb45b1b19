"""Numbers in sentences."""

from __future__ import annotations

import pytest

from potomac.location.says import plain


@pytest.mark.parametrize(
    ("value", "told"),
    [(9.0000000001, "9"), (0.5, "0.5"), (1234.5, "1,234.5"), (1639404.0, "1,639,404"), (-2e6, "-2,000,000"), (0, "0")],
)
def test_sums_have_thousands_and_no_powers_of_ten(value: float, told: str) -> None:
    assert plain(value) == told
