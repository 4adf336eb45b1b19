"""What is counted, as measures: sums over what they are divided by."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.simulation.distributions import deterministic, exponential
from potomac.simulation.executors.execute import replications
from potomac.simulation.executors.measures import measured, parts, quantile_name, ratios, series
from potomac.simulation.executors.replication import Counts, Window, histogram_quantiles, histogram_share
from potomac.simulation.loop import world as W  # noqa: N812
from potomac.simulation.model import Model
from potomac.stats.streams import Stream


def two_kinds() -> Model:
    m = Model().source("a", interarrival=exponential(2.0), to="s").source("b", interarrival=exponential(2.0), to="s")
    return m.station("s", servers=2, service={"a": exponential(1.0), "b": exponential(2.0)})


def clockwork() -> Model:
    """A customer each second from 1 on, served for .5: known without any statistics."""
    return Model().source("a", interarrival=deterministic(1.0), to="s").station("s", service=deterministic(0.5))


def test_clockwork() -> None:
    d, window = clockwork().checked(), Window.of(100.25, slices=1)
    x = measured(d, replications(d, [0], window, Stream(1)), window)
    assert x["s", "wait"][0] == 0
    assert x["s", "time_in_station"][0] == pytest.approx(0.5)
    assert x["s", "utilization"][0] == pytest.approx((99 * 0.5 + 0.25) / 100.25)  # the last one has been there for .25
    assert x["s", "throughput"][0] == pytest.approx(99 / 100.25)
    assert x["system", "number_in_system"][0] == pytest.approx(x["s", "number_in_station"][0])
    assert np.isnan(x["s", "p_wait"][0]) or x["s", "p_wait"][0] == 0


def test_kinds_add_up_to_the_whole() -> None:
    d, window = two_kinds().checked(), Window.of(500.0, 50.0)
    found = parts(d, replications(d, range(3), window, Stream(1)), window)
    for measure in ("wait", "time_in_station", "queue_length", "p_wait"):
        above, below = found["s", measure]
        each = [found[f"s:{kind}", measure] for kind in "ab"]
        assert above == pytest.approx(sum(a for a, _ in each))
        if measure in ("wait", "p_wait"):
            assert below == pytest.approx(sum(b for _, b in each))
    whole = ratios(found)
    assert whole["system", "number_in_system"] == pytest.approx(
        whole["a", "number_in_system"] + whole["b", "number_in_system"]
    )


def test_slices_average_to_the_whole() -> None:
    d, window = two_kinds().checked(), Window.of(500.0, slices=20)
    runs = replications(d, range(3), window, Stream(1))
    for measure in ("queue_length", "number_in_station", "busy_servers"):
        curve = series(d, runs, window.edges, "s", measure)
        assert curve.shape == (3, 20)
        assert curve.mean(1) == pytest.approx(measured(d, runs, window)["s", measure])


def test_quantiles_have_names_of_their_own() -> None:
    assert quantile_name("wait", 0.9) == "wait_q90"
    assert quantile_name("wait", 0.995) == "wait_q99.5"
    d, window = two_kinds().checked(), Window.of(200.0)
    x = measured(d, replications(d, range(2), window, Stream(1), quantiles=(0.9,)), window, (0.9,))
    assert ("s:a", "wait_q90") in x
    assert ("b", "time_in_system_q90") in x


def test_quantiles_of_a_histogram_are_those_of_the_sample() -> None:
    """An exponential sample: bins are a 64th of a power of two, so quantiles are told to 1.6 %."""
    x = np.random.default_rng(1).exponential(size=100_000)
    power = np.floor(np.log2(x))
    at = np.maximum(((power - W.LOWEST + x / 2**power - 1) * (1 << W.BITS)).astype(int) + 1, 0)
    histogram = np.bincount(at, minlength=W.HISTOGRAM)
    for q in (0.1, 0.5, 0.9, 0.99):
        found = histogram_quantiles(histogram[None], [q])[0, 0]
        assert found == pytest.approx(np.quantile(x, q), rel=0.002)
        assert histogram_share(histogram, found) / x.size == pytest.approx(q, abs=1e-6)


def test_counts_hold_what_is_not_empty() -> None:
    dense = np.zeros((3, 7), np.int64)
    dense[0, 0], dense[1, 6], dense[2, [0, 3]] = 4, 5, (6, 7)
    kept = Counts.of(dense)
    assert kept.bins.size == 4
    assert np.array_equal([kept.row(j) for j in range(3)], dense)
