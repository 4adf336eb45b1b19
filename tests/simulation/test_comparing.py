"""Scenarios side by side: the same customers for all, and what that is worth."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.errors import NoAnswer, StudyError
from potomac.simulation.comparing import compare, differences
from potomac.simulation.distributions import exponential
from potomac.simulation.model import Model


def desk(servers: int = 1, service: float = 0.8, rework: float = 0.0) -> Model:
    m = Model().source("walkin", interarrival=exponential(1.0), to="desk")
    m.station("desk", servers=servers, service=exponential(service))
    return m.route("desk", {"desk": rework, "exit": 1 - rework}) if rework else m


def test_common_numbers_narrow_the_difference_of_two_desks() -> None:
    models = {"plain": desk(service=0.8), "faster": desk(service=0.75)}
    common = compare(models, "wait", until=3000.0, replications=30)
    own = compare(models, "wait", until=3000.0, replications=30, common=False)
    (d,), (e,) = common.differences, own.differences
    assert d.correlation > 0.9 > 0.5 > abs(e.correlation)
    assert d.half_width < 0.5 * e.half_width
    assert d.reduction == pytest.approx(1 - (d.half_width / _apart(common)) ** 2, abs=0.2)
    truth = 0.64 / 0.2 - 0.75**2 / 0.25  # Wq of M/M/1 at rate 1, services of mean s: s^2 / (1 - s)
    assert d.mean == pytest.approx(truth, abs=2 * d.half_width)  # four standard errors
    assert d.real
    assert common.best == ("faster",)


def _apart(c: object) -> float:
    """Half-width if the two scenarios were independent: by the sum of their variances, normal."""
    values = [r.values["desk", "wait"] for r in c.runs.values()]  # type: ignore[attr-defined]
    return float(2.045 * np.sqrt(sum(v.var(ddof=1) for v in values) / values[0].size))


def test_streams_keep_step_when_one_scenario_draws_more() -> None:
    """One in five comes back in one scenario: it draws more services, and the arrivals stay the same."""
    c = compare({"once": desk(2), "rework": desk(2, rework=0.2)}, "wait", until=2000.0, replications=5)
    arrivals = [[run.tally[-1, :, 0].sum() for run in r.runs] for r in c.runs.values()]
    assert arrivals[0] == arrivals[1]


def test_all_run_over_the_same_time() -> None:
    c = compare({"busy": desk(service=0.8), "idle": desk(service=0.3)}, "wait", replications=5)
    windows = {(r.window.start, r.window.end) for r in c.runs.values()}
    assert len(windows) == 1


def test_intervals_of_all_pairs_hold_together() -> None:
    """Bonferroni: three scenarios that are alike; in 95 % of cases no difference is declared real."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(1000):
        shared = rng.normal(size=15)
        found = differences({name: shared + rng.normal(size=15) for name in "abc"})
        assert len(found) == 3
        wrong += any(d.real for d in found)
    assert wrong / 1000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)
    assert wrong > 5  # nor do they hold by being endless


def test_the_table_has_a_row_a_pair() -> None:
    c = compare({"1": desk(1), "2": desk(2), "3": desk(3)}, until=4000.0, replications=4, warmup=0.0)
    assert c.table.num_rows == 3
    assert c.table["first"].to_pylist() == ["1", "1", "2"]
    assert set(c.best) <= {"2", "3"}


def test_larger_may_be_better() -> None:
    models = {"slow": desk(2, 1.8), "lossy": Model().source("walkin", interarrival=exponential(1.0), to="desk").station(
        "desk", servers=1, capacity=1, service=exponential(0.8))}  # fmt: skip
    c = compare(models, "system:throughput", better="larger", until=6000.0, replications=10)
    assert c.best == ("slow",)  # all are served; of the other's customers 0.8 / 1.8 are turned away


def test_what_is_wrong_is_said_with_the_name_of_the_scenario() -> None:
    with pytest.raises(NoAnswer, match="one desk"):
        compare({"one desk": desk(service=1.2), "two": desk(2, 1.2)})
    with pytest.raises(StudyError, match="no measure 'waits'"):
        compare({"a": desk(), "b": desk(2)}, "waits", until=4000.0, replications=4)
    with pytest.raises(StudyError, match="two or more"):
        compare({"a": desk()})
    with pytest.raises(StudyError, match="replications differ"):
        differences({"a": [1.0, 2.0], "b": [1.0]})
