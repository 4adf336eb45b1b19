"""The frontier over numbers of sites: against all placements, and what must hold of any frontier."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location.frontier import equity_frontier
from potomac.location.outcome import weighted_quantile


def towns(seed: int, n: int = 12, m: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 60, (n, 2)), rng.uniform(0, 60, (m, 2))
    return np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)), rng.integers(0, 9, n) + (np.arange(n) == 0.0)


def figures(minutes, w, sites) -> tuple[float, float, float]:
    near = minutes[:, list(sites)].min(axis=1)
    some = w > 0
    return float(w @ near / w.sum()), weighted_quantile(near, w, 0.9), float(near[some].max())


def test_four_towns_on_a_line_by_hand() -> None:
    """Places 0, 10, 20, 100 with 5, 1, 1, 1 people.

    One site: the least mean is at 0 (130 / 8), the least worst time at 20 (80 min). Two: 0 and 100 in both (30 / 8).
    """
    x = np.array([0.0, 10, 20, 100])
    found = equity_frontier(np.abs(x[:, None] - x[None]), [5, 1, 1, 1], 2, radius=15)
    one, two = found.of("minisum")
    assert (one.sites.tolist(), two.sites.tolist()) == ([0], [0, 3])
    assert (one.mean, one.worst, one.q90) == pytest.approx((130 / 8, 100, 100))
    assert one.within == pytest.approx(6 / 8)
    assert two.mean == pytest.approx(30 / 8)
    center = found.of("minimax")[0]
    assert center.sites.tolist() == [2]
    assert center.worst == pytest.approx(80)
    assert center.mean == pytest.approx((5 * 20 + 10 + 0 + 80) / 8)
    assert found.marginal[0].minutes == pytest.approx(100)
    assert found.marginal[0].a_person == pytest.approx(12.5)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_every_row_is_the_best_of_its_aim(seed: int) -> None:
    minutes, w = towns(seed)
    found = equity_frontier(minutes, w, 3, between=2)
    for row in found.rows:
        every = [figures(minutes, w, sites) for sites in combinations(range(7), row.p)]
        assert (row.mean, row.q90, row.worst) == pytest.approx(figures(minutes, w, row.sites))
        worst = min(f[2] for f in every)
        allowed = np.inf if row.aim == "minisum" else worst if row.aim == "minimax" else row.limit
        assert row.mean == pytest.approx(min(f[0] for f in every if f[2] <= allowed * (1 + 1e-12)))
        if row.aim == "minimax":
            assert row.worst == pytest.approx(worst)
        assert row.proven


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_more_sites_are_never_worse_and_what_is_beaten_is_marked(seed: int) -> None:
    minutes, w = towns(seed)
    found = equity_frontier(minutes, w, 5)
    means, worst = ([row.mean for row in found.of("minisum")], [row.worst for row in found.of("minimax")])
    assert (np.diff(means) <= 1e-9).all()
    assert (np.diff(worst) <= 1e-9).all()
    assert all(one.low - 1e-9 <= one.a_person <= one.high + 1e-9 for one in found.marginal)
    assert sum(one.minutes for one in found.marginal) == pytest.approx((means[0] - means[-1]) * w.sum())
    for row in found.rows:
        mine = np.array([row.mean, row.q90, row.worst])
        others = [np.array([o.mean, o.q90, o.worst]) for o in found.rows if o.p <= row.p]
        beaten = any((o <= mine + 1e-7).all() and (o < mine - 1e-7).any() for o in others)
        assert row.efficient == (not beaten)


def test_without_time_the_bounds_hold_and_nothing_is_called_proven_that_is_not() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(0, 60, (150, 2))
    minutes = np.hypot(*(a[:, None] - a[None]).transpose(2, 0, 1))
    hasty, careful = (equity_frontier(minutes, None, [8, 9], between=0, time_limit=s) for s in (0.0, 60.0))
    for aim in ("minisum", "minimax"):
        for one, best in zip(hasty.of(aim), careful.of(aim), strict=True):
            assert best.proven or aim == "minimax"
            if aim == "minisum":
                assert one.mean_bound <= best.mean * (1 + 1e-9)
                assert one.mean >= best.mean * (1 - 1e-9)
            else:
                assert one.worst_bound <= best.worst * (1 + 1e-9)


def test_who_has_no_weight_is_not_the_worst_off() -> None:
    found = equity_frontier([[0.0, 9.0], [9.0, 0.0], [500.0, 400.0]], [3, 1, 0], [1])
    assert found.rows[0].worst == pytest.approx(9)


def test_a_number_of_sites_that_does_not_reach_everyone_is_left_out_and_said() -> None:
    far = np.array([[1.0, np.inf], [np.inf, 2.0]])
    found = equity_frontier(far, None, 2)
    assert {row.p for row in found.rows} == {2}
    assert "p = 1 is left out" in found.notes[0]
    with pytest.raises(NoAnswer):
        equity_frontier(far, None, [1])


def test_the_table_has_a_row_an_answer() -> None:
    minutes, w = towns(1)
    found = equity_frontier(minutes, w, 3)
    table = found.table()
    assert table.num_rows == len(found.rows)
    assert table["within"].null_count == table.num_rows  # no radius was given
    row = table.to_pylist()[0]
    assert row["saved_by_one_more"] == pytest.approx(found.marginal[0].a_person)
    assert row["sites"] == found.rows[0].sites.tolist()


def test_fixed_sites_are_in_all_rows_and_forbidden_in_none() -> None:
    minutes, w = towns(2)
    found = equity_frontier(minutes, w, 3, fixed=[2, 4], forbidden=[0])
    assert {row.p for row in found.rows} == {2, 3}
    assert all({2, 4} <= set(row.sites.tolist()) and 0 not in row.sites for row in found.rows)


@pytest.mark.parametrize(
    ("minutes", "ps", "options", "error"),
    [
        ([[1.0, -1.0]], 1, {}, DataError),
        ([[1.0, 2.0]], [], {}, StudyError),
        ([[1.0, 2.0]], 1, {"fixed": [0, 1]}, StudyError),
        ([[1.0, 2.0]], 3, {}, NoAnswer),
        ([[1.0, 2.0]], 1, {"radius": -1}, StudyError),
    ],
)
def test_what_makes_no_sense_is_said(minutes, ps, options, error) -> None:
    with pytest.raises(error):
        equity_frontier(minutes, None, ps, **options)
