"""Models that come to an end by themselves: the time after the last customer does not count, whatever goes on in it."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.simulation.distributions import deterministic, exponential, pareto
from potomac.simulation.executors.execute import replicate
from potomac.simulation.executors.recursions import in_a_row, recur
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.plan import planned
from potomac.simulation.loop.world import ARRIVED
from potomac.simulation.model import Model
from potomac.simulation.telling.building import Data
from potomac.simulation.telling.found import Found, main_of, tables_of
from potomac.simulation.telling.question import Question
from potomac.stats.streams import Stream


def three(servers: int = 1) -> Model:
    """Who come at 1, 2 and 3 take 2 each: with one server they go at 3, 5 and 7."""
    m = Model("three").source("guests", trace=[1.0, 2.0, 3.0], to="desk")
    return m.station("desk", servers=servers, service=deterministic(2.0))


def test_by_hand() -> None:
    """Until 7 the server works for 6; they wait 0, 1 and 2, so 3 in all, and stay 9."""
    found = three().run(replications=2, seed=1)
    assert found.estimate("desk", "utilization").mean == pytest.approx(6 / 7)
    assert found.estimate("desk", "queue_length").mean == pytest.approx(3 / 7)
    assert found.estimate("desk", "wait").mean == pytest.approx(1.0)
    assert found.estimate("system", "time_in_system").mean == pytest.approx(3.0)


def test_time_that_is_given_counts_whole() -> None:
    """Until 21 the server works for 6 and is idle for 15."""
    found = three().run(until=21.0, replications=2, seed=1)
    assert found.estimate("desk", "utilization").mean == pytest.approx(6 / 21)
    assert found.estimate("system", "number_in_system").mean == pytest.approx(9 / 21)


@pytest.mark.parametrize("window", [Window.of(30.0), Window.ending(3.0), Window.of(np.inf)])
def test_both_ways_to_run_it_count_the_same(window: Window) -> None:
    declared = three().checked()
    plan, row = planned(declared), in_a_row(declared)
    assert row is not None
    a = replicate(plan, 0, window, Stream(1))
    b = recur(plan, row, 0, window, Stream(1))
    assert a.tally == pytest.approx(b.tally)


def test_failures_that_go_on_for_ever_end_with_the_last_customer() -> None:
    m = Model("park").source("jobs", interarrival=exponential(mean=1.0), limit=50, to="saw")
    m.station("saw", service=exponential(mean=0.5), uptime=exponential(mean=10.0), repair=exponential(mean=1.0))
    found = m.run(replications=20, seed=2)
    assert all(run.end < 1000 for run in found.runs)
    assert found.estimate("saw", "throughput").low < 1.0


def test_a_few_who_come_at_times_without_a_mean() -> None:
    """When the last one comes cannot be foreseen (Pareto times of shape .9), and all ten are served."""
    m = Model("rare").source("guests", interarrival=pareto(0.9, 1.0), limit=10, to="desk")
    found = m.station("desk", service=deterministic(0.5)).run(replications=4, seed=1)
    assert {run.tally[0, :, ARRIVED].sum() for run in found.runs} == {10.0}
    assert found.estimate("desk", "wait").mean == 0.0  # nobody comes sooner than 1 after another


def test_a_calendar_that_goes_on_for_ever_ends_with_the_last_customer() -> None:
    """Two in the first hour, then one: the calendar turns at 60, 120 ..., the last customer is through before 60."""
    m = Model("day").source("guests", trace=[1.0, 2.0, 3.0], to="desk")
    m.station("desk", service=deterministic(2.0), calendar=[(60.0, 2), (60.0, 1)])
    found = m.run(replications=2, seed=1)
    assert {run.end for run in found.runs} == {5.0}  # 1 to 3, 2 to 4, 3 to 5


def test_the_queue_is_drawn_over_the_evening() -> None:
    """Slices of 1.5 * 3 / 48: from 2 to 3 one waits, from 3 to 5 the second or the third does."""
    run = three().run(replications=2, seed=1)
    found = Found(Question("three", {}), Data(), run, main_of(run))
    line = tables_of(found)["timeline"]
    at = dict(zip(np.round(line["start"].to_numpy() + 4.5 / 96, 6).tolist(), line["mean"].to_pylist(), strict=True))
    assert {round(mean, 9) for time, mean in at.items() if 2.05 < time < 2.95} == {1.0}
    assert {round(mean, 9) for time, mean in at.items() if time < 1.95} == {0.0}
