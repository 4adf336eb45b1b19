"""Replications: each by itself, in any company, in one process or many, and stopped in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.errors import Interrupted
from potomac.simulation.distributions import exponential, gamma
from potomac.simulation.executors.execute import replications
from potomac.simulation.executors.replication import Replication, Window
from potomac.simulation.loop.plan import Declared
from potomac.simulation.model import Model
from potomac.simulation.output import Asked, simulate
from potomac.stats.streams import Stream

WINDOW = Window.of(200.0, 20.0)


def row() -> Declared:
    """Runs by the recursion."""
    m = Model().source("a", interarrival=exponential(1.0), to="s")
    return m.station("s", servers=2, service=gamma(mean=1.4, cv=0.7)).checked()


def loop() -> Declared:
    """Runs by the event loop."""
    m = Model().source("a", interarrival=exponential(1.0), to="s").source("b", interarrival=exponential(4.0), to="s")
    m.station("s", servers=2, service=exponential(1.2), patience=exponential(3.0), balk=6)
    return m.route("s", {"s": 0.1, "exit": 0.9}).checked()


def same(a: Replication, b: Replication) -> bool:
    assert a.histogram is not None
    assert b.histogram is not None
    return (
        a.number == b.number and a.tally.tobytes() == b.tally.tobytes() and a.events == b.events
        and a.quantiles.tobytes() == b.quantiles.tobytes() and np.array_equal(a.histogram.counts, b.histogram.counts)
    )  # fmt: skip


@pytest.mark.parametrize("made", [row, loop])
def test_seventeen_alone_is_the_seventeen_of_a_hundred(made: object) -> None:
    d = made()  # type: ignore[operator]
    every = replications(d, range(100), WINDOW, Stream(3), quantiles=(0.9,), histograms=True)
    (alone,) = replications(d, [17], WINDOW, Stream(3), quantiles=(0.9,), histograms=True)
    assert same(alone, every[17])
    assert not same(alone, every[18])


@pytest.mark.parametrize("made", [row, loop])
def test_any_number_of_processes_gives_the_same_bits(made: object) -> None:
    d = made()  # type: ignore[operator]
    one = replications(d, range(9), WINDOW, Stream(3), quantiles=(0.9,), histograms=True)
    for jobs in (2, 8):
        many = replications(d, range(9), WINDOW, Stream(3), quantiles=(0.9,), histograms=True, jobs=jobs)
        assert all(same(a, b) for a, b in zip(one, many, strict=True))


def test_as_many_processes_as_there_are() -> None:
    found = replications(row(), range(4), WINDOW, Stream(3), jobs=-1)
    assert [r.number for r in found] == [0, 1, 2, 3]


def test_progress_comes_to_its_end_and_never_goes_back() -> None:
    seen: list[float] = []
    replications(loop(), range(5), WINDOW, Stream(3), progress=lambda what, done, total=None: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == 5


def test_an_interruption_ends_it_at_once() -> None:
    heard = []

    def stop(what: str, done: float, total: float | None = None) -> None:
        heard.append(done)
        if done > 2:
            raise Interrupted([])

    with pytest.raises(Interrupted):
        simulate(loop(), Asked(until=100.0, warmup=0.0, replications=50), stop)
    assert max(heard) < 5
    again = simulate(loop(), Asked(until=100.0, warmup=0.0, replications=5))  # nothing is left behind
    fresh = simulate(loop(), Asked(until=100.0, warmup=0.0, replications=5))
    assert again.estimates == fresh.estimates


def test_mirrored_draws_are_the_other_side_of_the_same() -> None:
    """Where u is small 1 - u is large: the two means lie on either side of what is expected."""
    d = row()
    plain = replications(d, range(200), WINDOW, Stream(3))
    other = replications(d, range(200), WINDOW, Stream(3), mirrored=True)
    came = [np.array([r.tally[0, 1:, 0].sum() for r in runs]) for runs in (plain, other)]
    assert np.corrcoef(came[0], came[1])[0, 1] < -0.3
    assert np.mean(came) == pytest.approx(180, rel=0.02)


def test_another_seed_gives_other_numbers() -> None:
    a, b = (replications(row(), [0], WINDOW, Stream(s))[0] for s in (1, 2))
    assert a.tally.tobytes() != b.tally.tobytes()
