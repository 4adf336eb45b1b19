"""Spans cover every row once, however many threads there are."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.outliers.spans import in_spans


@pytest.mark.parametrize("rows", [0, 1, 7, 100])
@pytest.mark.parametrize("least", [1, 3, 1000])
def test_every_row_is_worked_on_once(rows: int, least: int) -> None:
    done = np.zeros(rows, int)

    def work(start: int, end: int) -> None:
        done[start:end] += 1

    in_spans(rows, work, least)
    assert (done == 1).all()


def test_what_goes_wrong_in_a_thread_is_raised() -> None:
    def work(start: int, end: int) -> None:
        raise OverflowError(f"rows {start} to {end}")

    with pytest.raises(OverflowError, match="rows"):
        in_spans(100, work, 10)
