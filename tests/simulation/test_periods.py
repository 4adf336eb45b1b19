"""A stock period by period: levels that a reader can draw, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from potomac.errors import DataError, StudyError
from potomac.simulation.distributions import deterministic, discrete, exponential, uniform
from potomac.simulation.periods import periodic


def value(run: Any, measure: str) -> float:
    return float(run.estimate("stock", measure).mean)


def test_triangles_by_hand() -> None:
    """10 falls to 0, then 4 short of nothing: 0 to -4; an order of 14 brings 10 back, which falls to 6."""
    run = periodic([10, 4, 4], s=-1, S=10, holding=2, shortage=6, order=3, unit=1)
    assert value(run, "on_hand") == pytest.approx((5 + 0 + 8) / 3)
    assert value(run, "backorders") == pytest.approx((0 + 2 + 0) / 3)
    assert value(run, "p_stockout") == pytest.approx(1 / 3)
    assert value(run, "orders_per_time") == pytest.approx(1 / 3)
    assert value(run, "order_size") == 14
    assert value(run, "cost_per_time") == pytest.approx((2 * 13 + 6 * 2 + 3 + 14) / 3)
    assert value(run, "fill_rate") == pytest.approx((10 + 0 + 4) / 18)


def test_a_period_that_crosses_zero() -> None:
    """20 a period from a level of 5: a quarter on hand, 5 / 2 on average; three quarters short, 15 / 2 on average."""
    run = periodic([20], s=0, S=10, initial=5)
    assert value(run, "on_hand") == pytest.approx(0.25 * 2.5)
    assert value(run, "backorders") == pytest.approx(0.75 * 7.5)
    assert value(run, "p_stockout") == pytest.approx(0.75)


def test_an_order_on_its_way() -> None:
    """From 0 on, 4 a period: -2 when the order of 10 comes after half, then 8 falls to 6."""
    run = periodic([4], s=0, S=10, initial=0, lead=0.5)
    assert value(run, "backorders") == pytest.approx(0.5 * 1)
    assert value(run, "on_hand") == pytest.approx(0.5 * 7)


def test_an_even_demand_by_the_saw() -> None:
    """20 a period down from 100 to 20 and up again: levels 100, 80, 60, 40, ordered at 20."""
    run = periodic(deterministic(20.0), s=20, S=100, periods=400, replications=2)
    assert value(run, "on_hand") == pytest.approx((90 + 70 + 50 + 30) / 4)
    assert value(run, "orders_per_time") == pytest.approx(0.25, abs=1.01 / 400)


def test_renewal_reward_of_a_geometric_like_demand() -> None:
    """Exponential demand passes S - s with an overshoot of one mean: orders a period are mean / (S - s + mean)."""
    run = periodic(exponential(mean=5), s=20, S=70, periods=2000, replications=100, warmup=50, seed=3)
    e = run.estimate("stock", "orders_per_time")
    assert abs(e.mean - 5 / (50 + 5)) <= 2 * e.half_width
    ordered, asked = (run.estimate("stock", name) for name in ("ordered_per_time", "demand_per_time"))
    assert ordered.mean == pytest.approx(asked.mean, rel=1e-3)


def test_a_replication_stands_alone_and_the_last_order_returns_the_stock() -> None:
    few, many = (
        periodic(uniform(10, 50), s=20, S=80, periods=50, replications=n, seed=1, returned=True) for n in (3, 9)
    )
    key = ("stock", "on_hand")
    assert few.values[key].tolist() == many.values[key][:3].tolist()
    both = (many.values["stock", name] for name in ("ordered_per_time", "demand_per_time"))
    ordered, asked = both
    assert ordered == pytest.approx(asked)


@pytest.mark.parametrize(
    ("error", "words", "more"),
    [
        (StudyError, "s is 80", {"s": 80}),
        (DataError, "row 1 of the demands is -3", {"demand": [1, -3]}),
        (DataError, "row 0 of the demands is nan", {"demand": [float("nan")]}),
        (DataError, "no demands", {"demand": []}),
        (StudyError, "can be -1", {"demand": discrete([-1, 1], [0.5, 0.5])}),
        (StudyError, "lead", {"lead": exponential(mean=0.2)}),
        (StudyError, "lead", {"lead": 2.0}),
        (StudyError, "warmup", {"warmup": 9}),
        (StudyError, "periods", {"periods": 9}),
        (StudyError, "replications", {"replications": 1}),
        (StudyError, "S is inf", {"S": float("inf")}),
    ],
)
def test_what_is_wrong_is_said(error: type[Exception], words: str, more: dict[str, Any]) -> None:
    given = {"demand": [1, 2, 3], "s": 20, "S": 80} | more
    with pytest.raises(error, match=words):
        periodic(given.pop("demand"), **given)
