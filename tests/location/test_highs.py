"""HiGHS behind its face: known optima, bounds that hold, and answers that are not believed unless they fulfil all."""

from __future__ import annotations

from inspect import signature
from itertools import product
from types import SimpleNamespace
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from potomac.errors import Fault, Interrupted
from potomac.location import highs
from potomac.location.highs import Clock, Program, ended, fulfilling, solve

Floats = npt.NDArray[np.float64]


def programme(
    cost: npt.ArrayLike, rows: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, whole: bool = True,
    offset: float = 0.0,
) -> Program:  # fmt: skip
    """Variables from 0 to 1."""
    c = np.asarray(cost, float)
    return Program(
        c, np.zeros(len(c)), np.ones(len(c)), np.full(len(c), whole), sparse.csr_matrix(np.asarray(rows, float)),
        np.asarray(low, float), np.asarray(high, float), offset,
    )  # fmt: skip


KNAPSACK = programme([-10, -13, -7], [[3, 4, 2]], [-np.inf], [6])
"""Room for 6: the second and third fill it and are worth 20; the first and third are worth 17."""


def test_knapsack_and_its_relaxation() -> None:
    """Shared out: 7 / 2 and 10 / 3 are the best ratios, then 1 of 4 parts of 13: 7 + 10 + 13 / 4."""
    found = solve(KNAPSACK, Clock(10), "")
    assert found.values is not None
    assert found.values.tolist() == [0, 1, 1]
    assert found.objective == found.bound == -20
    assert found.ending == "optimal"
    loose = Program(
        KNAPSACK.cost, KNAPSACK.lower, KNAPSACK.upper, np.zeros(3, bool), KNAPSACK.rows, KNAPSACK.low, KNAPSACK.high
    )
    assert solve(loose, Clock(10), "").objective == pytest.approx(-(7 + 10 + 13 / 4))


def test_no_values_fulfil_it() -> None:
    found = solve(programme([1, 1], [[1, 1]], [3], [3]), Clock(10), "")
    assert found.values is None
    assert found.ending == "infeasible"
    assert found.bound == np.inf


@given(st.integers(0, 10_000))
def test_equals_brute_force(seed: int) -> None:
    draw = np.random.default_rng(seed)
    k, r = int(draw.integers(1, 7)), int(draw.integers(1, 4))
    rows, cost = draw.integers(-5, 6, (r, k)), draw.integers(-9, 10, k)
    low = draw.integers(-8, 3, r)
    program = programme(cost, rows, low, low + draw.integers(0, 9, r), offset=2.5)
    every = np.array(list(product([0, 1], repeat=k)))
    reached = every @ rows.T
    fits = ((reached >= program.low) & (reached <= program.high)).all(axis=1)
    found = solve(program, Clock(10), "")
    if fits.any():
        assert found.values is not None
        assert found.objective == pytest.approx((every[fits] @ cost).min() + 2.5)
        assert found.objective == pytest.approx(cost @ found.values + 2.5)
        assert found.bound <= found.objective
    else:
        assert found.ending == "infeasible"


def test_nothing_is_handed_over_to_begin_with() -> None:
    assert "start" not in signature(solve).parameters


def test_values_must_be_whole_and_fulfil_the_rows() -> None:
    near = np.array([0.0, 1.0 - 1e-9, 1.0])
    exact = fulfilling(KNAPSACK, near)
    assert exact is not None
    assert exact.tolist() == [0, 1, 1]
    assert fulfilling(KNAPSACK, np.array([0.0, 0.5, 1.0])) is None
    assert fulfilling(KNAPSACK, np.array([1.0, 1.0, 0.0])) is None  # 7 of 6


def told(values: Floats, objective: float, bound: float) -> Any:
    """A solver that says so, and calls it optimal."""
    info = SimpleNamespace(
        primal_solution_status=highspy.SolutionStatus.kSolutionStatusFeasible, objective_function_value=objective,
        mip_dual_bound=bound,
    )  # fmt: skip
    return SimpleNamespace(
        getModelStatus=lambda: highspy.HighsModelStatus.kOptimal, getInfo=lambda: info,
        getSolution=lambda: SimpleNamespace(col_value=values),
    )  # fmt: skip


def test_an_objective_that_is_not_that_of_the_values_is_no_proof() -> None:
    good = np.array([0.0, 1.0, 1.0])
    assert highs._read(highspy, told(good, -20.0, -20.0), KNAPSACK).ending == "optimal"
    wrong = highs._read(highspy, told(good, -23.0, -23.0), KNAPSACK)
    assert wrong.objective == -20
    assert wrong.bound == -np.inf
    assert wrong.ending == "time_limit"
    broken = highs._read(highspy, told(np.ones(3), -30.0, -30.0), KNAPSACK)
    assert broken.values is None
    assert broken.bound == -np.inf
    assert broken.ending == "time_limit"


def split(seed: int) -> Program:
    """Market split (Cornuejols and Dawande 1999): equal halves in six ways at once, which takes long."""
    draw = np.random.default_rng(seed)
    rows = draw.integers(0, 100, (5, 40)).astype(float)
    half = np.floor(rows.sum(axis=1) / 2)
    slack = np.hstack([np.eye(5), -np.eye(5)])
    k = 50
    cost, upper = np.concatenate([np.zeros(40), np.ones(10)]), np.concatenate([np.ones(40), np.full(10, 1e4)])
    return Program(cost, np.zeros(k), upper, np.arange(k) < 40, sparse.csr_matrix(np.hstack([rows, slack])), half, half)


def test_a_bound_holds_when_time_is_up() -> None:
    found = solve(split(1), Clock(0.3), "")
    assert found.bound <= found.objective
    assert found.ending != "infeasible"
    if found.ending == "time_limit":
        assert found.bound < found.objective


def test_who_is_told_may_stop_it() -> None:
    def stop(what: str, done: float, total: float) -> None:
        raise Interrupted(Fault("run.interrupted", "stopped"))

    with pytest.raises(Interrupted):
        solve(split(2), Clock(30, stop), "")


@pytest.mark.parametrize(
    ("objective", "bound", "step", "stated", "proven"),
    [(10.0, 9.2, 1.0, 10.0, True), (10.0, 8.9, 1.0, 9.0, False), (10.0, 9.2, 0.0, 9.2, False), (7.0, 7.0, 0, 7.0, 1)],
)  # fmt: skip
def test_a_bound_is_rounded_up_to_what_objectives_can_be(
    objective: float, bound: float, step: float, stated: float, proven: bool
) -> None:
    assert ended(objective, bound, 0.0, step) == (stated, proven)
