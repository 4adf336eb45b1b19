"""How long a model takes to forget its start, and what is left out for it."""

from __future__ import annotations

from math import inf
from typing import Literal

import numpy as np
import pytest

from potomac.engine import Quiet
from potomac.errors import NoAnswer
from potomac.simulation.distributions import deterministic, exponential, uniform
from potomac.simulation.estimates.horizon import Horizon, ends, horizon, period_of
from potomac.simulation.estimates.warmup import mser, relaxation, rising, truncated
from potomac.simulation.loop.plan import Declared
from potomac.simulation.model import Model
from potomac.stats.streams import Stream


def queue(load: float = 0.5, **station: object) -> Declared:
    m = Model().source("a", interarrival=exponential(rate=load), to="s")
    return m.station("s", **{"service": exponential(1.0), **station}).checked()  # type: ignore[arg-type]


def found(
    d: Declared, until: float | None = None, warmup: float | Literal["auto"] = "auto", replications: int | None = None
) -> Horizon:
    return horizon(d, until, warmup, replications, Stream(1), Quiet())


@pytest.mark.parametrize("load", [0.5, 0.9, 0.99])
def test_relaxation_of_one_server_is_within_twice_the_exact_one(load: float) -> None:
    """M/M/1: 1 / (1 - sqrt(rho))^2 services (Cohen 1982, II.2.2)."""
    exact = 1 / (1 - np.sqrt(load)) ** 2
    assert exact / 2.5 < relaxation(queue(load)) < 2 * exact


def test_relaxation_does_not_explode_where_customers_are_kept_away() -> None:
    assert relaxation(queue(2.0, capacity=5)) < 100
    assert relaxation(queue(1.0, capacity=5)) < 100
    assert relaxation(queue(1.0, patience=exponential(3.0))) < 100
    assert relaxation(queue(1.0, balk=4)) < 100


def test_relaxation_knows_periods_lives_and_orders() -> None:
    assert relaxation(queue(0.5, servers=1, calendar=[(8.0, 2), (16.0, 1)])) >= 24
    assert relaxation(queue(0.5, uptime=exponential(300.0), repair=exponential(20.0))) >= 320
    m = (
        Model()
        .source("a", interarrival=exponential(rate=2.0), to="shelf")
        .stock("shelf", s=10, S=110, lead=uniform(1, 3))
    )
    assert relaxation(m.checked()) == pytest.approx(50)  # (S - s) / demand


def test_mser_cuts_where_a_series_has_settled() -> None:
    rng = np.random.default_rng(4)
    x = 10 - 10 * np.exp(-np.arange(400) / 20) + rng.normal(scale=0.3, size=400)
    assert 40 <= mser(x) <= 140
    assert mser(rng.normal(size=400)) <= 100
    assert mser(np.ones(3)) == 0


def test_the_start_is_left_out_of_a_busy_queue() -> None:
    d = queue(0.9)
    w = truncated(d, 200_000.0, relaxation(d), Stream(1), Quiet())
    assert w.time >= 5 * 200
    assert len(w.curve) == len(w.edges) == 200
    assert w.edges[-1] == pytest.approx(40 * 200)
    assert w.curve[0] < 0.5 * np.mean(w.curve[100:])


def test_models_that_end_have_no_warm_up() -> None:
    d = (
        Model()
        .source("a", interarrival=exponential(1.0), to="s", stop=50.0)
        .station("s", service=exponential(0.5))
        .checked()
    )
    assert ends(d)
    h = found(d)
    assert (h.window.start, h.window.end, h.warmup.steady) == (0.0, inf, False)


def test_what_repeats_is_run_in_whole_periods() -> None:
    m = Model().source("a", rate=[1.0, 3.0, 0.5], every=8.0, to="s").station("s", servers=4, service=exponential(1.0))
    d = m.checked()
    assert period_of(d) == 24
    h = found(d)
    assert h.window.start % 24 == pytest.approx(0, abs=1e-6)
    assert h.window.end % 24 == pytest.approx(0, abs=1e-6)
    assert h.window.start > 0


def test_a_day_of_what_repeats_is_taken_as_it_is() -> None:
    m = Model().source("a", rate=[1.0, 3.0, 0.5], every=8.0, to="s").station("s", servers=4, service=exponential(1.0))
    h = found(m.checked(), until=24.0)
    assert (h.window.start, h.window.end, h.warmup.steady) == (0.0, 24.0, False)
    assert "after an empty start" in h.notes[0]


def test_an_unstable_station_needs_an_end() -> None:
    with pytest.raises(NoAnswer, match=r"station s is unstable: offered load 1\.2 for 1 server"):
        found(queue(1.2))
    h = found(queue(1.2), until=100.0)
    assert not h.warmup.steady
    assert "no long run" in h.notes[0]


def test_more_replications_need_a_shorter_end() -> None:
    d = queue(0.9)  # forgets in 200
    with pytest.raises(NoAnswer, match="or 24 replications"):
        found(d, until=2600.0)
    assert found(d, until=2600.0, replications=24).warmup.steady


def test_a_warm_up_that_is_given_is_kept_and_judged() -> None:
    d = queue(0.9)
    long, short = found(d, 200_000.0, 0.0), found(d, 4000.0, 0.0, 500)
    assert long.window.start == short.window.start == 0
    assert long.warmup.steady
    assert not short.warmup.steady
    assert found(d, 4000.0, 1500.0, 500).warmup.steady


def test_a_model_that_never_settles_is_said() -> None:
    """Half of the customers find x full and go to y, whose load is then 1.25: the routes do not say so."""
    rng = np.random.default_rng(2)
    assert rising(np.cumsum(rng.normal(1.0, 0.3, size=(20, 32)), axis=1))
    assert not rising(rng.normal(5.0, 1.0, size=(20, 32)))
    m = Model().source("a", interarrival=deterministic(1.0), to="x").station("y", service=exponential(2.5))
    m.station("x", capacity=1, service=deterministic(1.5), overflow="y")
    r = m.run(until=2000.0, replications=10)
    assert not r.warmup.steady
    assert any("does not settle" in note for note in r.notes)
