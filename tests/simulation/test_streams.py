"""Random streams: the generators to the last bit, keyed by what draws, and the same for all scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from scipy import stats

from potomac.simulation import distributions as of
from potomac.simulation.distributions import Distribution, deterministic, exponential, gamma, uniform
from potomac.simulation.executors.recursions import _drawn, _uniforms
from potomac.simulation.lehmer import JUMP, MODULUS, MULTIPLIER, Lehmer
from potomac.simulation.loop.draws import _spread, keyed, seeded, table_of
from potomac.simulation.loop.plan import planned
from potomac.simulation.model import Model
from potomac.stats.streams import Stream

Floats = npt.NDArray[np.float64]


def numbers(state: Any, n: int, d: Distribution | None = None) -> Floats:
    """The first draws of a stream in this state: of ``d``, or uniform ones."""
    rows, values = table_of([d or uniform(0, 1)])
    draws, out = seeded(rows, values, np.asarray(state, np.uint64)[None]), np.empty(n)
    (_uniforms if d is None else _drawn)(draws, 0, out)
    return out


class TestGenerators:
    def test_xoshiro_gives_the_words_of_its_authors(self) -> None:
        """Reference output of xoshiro256++ from the state 1, 2, 3, 4 (Blackman and Vigna 2021)."""
        words = [
            41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162,
            14011001112246962877, 12406186145184390807, 15849039046786891736, 10450023813501588000,
        ]  # fmt: skip
        assert numbers([1, 2, 3, 4, 0], 10).tolist() == [(word >> 11) * 2.0**-53 for word in words]

    def test_splitmix_gives_the_words_of_its_authors(self) -> None:
        """The first outputs of SplitMix64 from 1234567 (Steele, Lea and Flood 2014)."""
        assert _spread(1234567) == (6457827717110365317, 3203168211198807973)

    def test_mirrored_numbers_are_what_is_left_to_one(self) -> None:
        u, v = numbers([1, 2, 3, 4, 0], 1000), numbers([1, 2, 3, 4, 2], 1000)
        assert np.array_equal(u + v, np.full(1000, 1 - 2.0**-53))

    def test_streams_of_lehmer_lie_as_far_apart_as_in_the_book(self) -> None:
        """256 streams, 8,367,782 steps from one to the next (Leemis and Park 2006, section 3.2)."""
        assert pow(MULTIPLIER, 8_367_782, MODULUS) == JUMP
        states = [Lehmer().state(j) for j in range(256)]
        assert states[0] == 123456789
        assert len(set(states)) == 256

    def test_lehmer_in_the_loop_is_lehmer_in_numpy(self) -> None:
        lehmer = Lehmer(987654321)
        inside = numbers([lehmer.state(3), 0, 0, 0, 1], 10_000)
        assert np.array_equal(inside, lehmer.uniforms(3, 10_000))
        x = lehmer.state(3)
        for u in inside[:50]:
            x = 48271 * x % 2147483647
            assert u == x / 2147483647


class TestKeys:
    def test_every_part_of_a_key_matters_and_nothing_else(self) -> None:
        base = Stream(5).child("simulation")
        states = [
            keyed(base.child("desk/service", 17)), keyed(base.child("desk/service", 18)),
            keyed(base.child("desk/patience", 17)), keyed(Stream(6).child("simulation").child("desk/service", 17)),
        ]  # fmt: skip
        assert len({s.tobytes() for s in states}) == 4
        assert np.array_equal(states[0], keyed(Stream(5).child("simulation").child("desk/service", 17)))

    def test_neighbouring_streams_are_not_alike(self) -> None:
        """Correlations of 45 pairs of 10,000 numbers: the largest of so many is below 4 standard errors."""
        u = np.stack([numbers(keyed(Stream(1).child("a/b", r)), 10_000) for r in range(10)])
        off = np.atleast_2d(np.corrcoef(u))[np.triu_indices(10, 1)]
        assert np.abs(off).max() < 4 / np.sqrt(10_000)
        assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3


def arrivals(m: Model, name: str = "a") -> list[float]:
    """When the customers of a kind come in replication 1, by the event log."""
    t = pa.Table.from_batches(m.run(until=200.0, warmup=0, replications=2, seed=8).events([1]))
    rows = zip(
        t["event"].to_pylist(), t["kind"].to_pylist(), t["where"].to_pylist(), t["time"].to_pylist(), strict=True
    )
    return [time for event, kind, where, time in rows if (event, kind, where) == ("arrival", name, "s") and time < 200]


class TestCommonNumbers:
    @staticmethod
    def base(**station: Any) -> Model:
        m = Model().source("a", interarrival=gamma(mean=1.0, cv=0.5), to="s")
        return m.station("s", **{"service": exponential(0.7), **station})

    def test_customers_are_the_same_whatever_serves_them(self) -> None:
        """Gammas are drawn by rejection, of a number of draws that is not known before."""
        first = arrivals(self.base())
        assert len(first) > 150
        assert arrivals(self.base(servers=3)) == first
        assert arrivals(self.base(service=gamma(mean=0.9, cv=2.0))) == first
        assert arrivals(self.base(patience=uniform(0, 1))) == first
        fails = self.base(service=deterministic(0.1), uptime=exponential(5.0), repair=exponential(1.0))
        assert arrivals(fails) == first

    def test_and_whoever_else_comes(self) -> None:
        first = arrivals(self.base())
        crowd = self.base(servers=4).source("b", interarrival=exponential(0.2), to="t").station("t", service=0.1)
        assert arrivals(crowd.route("t", {"s": 0.3, "exit": 0.7})) == first

    def test_the_order_in_which_parts_are_added_does_not_matter(self) -> None:
        m = Model().station("z", service=1.0).station("s", service=exponential(0.7))
        m.source("y", interarrival=exponential(3.0), to="z").source("a", interarrival=gamma(mean=1.0, cv=0.5), to="s")
        assert arrivals(m) == arrivals(self.base())

    def test_one_replication_has_the_streams_that_it_has_among_many(self) -> None:
        plan, stream = planned(self.base().checked()), Stream(2)
        assert np.array_equal(plan.generators(stream, 17), plan.generators(stream, 17))
        assert not np.array_equal(plan.generators(stream, 17), plan.generators(stream, 16))


INVERTED = [
    of.exponential(mean=2.0), of.uniform(1, 4), of.weibull(1.7, 3.0), of.lognormal(mean=2.0, sd=1.0),
    of.normal(1.0, 2.0), of.triangular(1, 2, 5), of.pareto(2.5, 1.0), of.geometric(0.3), of.poisson(4.2),
    of.binomial(9, 0.4), of.discrete([1, 5, 7], [0.2, 0.5, 0.3]), of.empirical([3.0, 1.0, 8.0]),
]  # fmt: skip


@pytest.mark.parametrize("d", INVERTED, ids=lambda d: d.family)
def test_draws_by_inversion_are_quantiles_of_the_stream(d: Distribution) -> None:
    state = keyed(Stream(4).child(d.family))
    u, x = numbers(state, 5000), numbers(state, 5000, d)
    if d.family == "empirical":
        expected = np.asarray(d.values)[(u * len(d.values)).astype(int)]
    elif d.family == "normal":  # a time: what lies below 0 is cut off
        below = stats.norm.cdf(-0.5)
        expected = d.ppf(below + u * (1 - below))
    else:
        expected = d.ppf(u)
    assert x == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("d", "law"),
    [
        (of.gamma(shape=0.4, scale=2.0), stats.gamma(0.4, scale=2.0)),
        (of.gamma(shape=3.7, scale=0.5), stats.gamma(3.7, scale=0.5)),
        (of.erlang(3, mean=2.0), stats.gamma(3, scale=2 / 3)),
        (of.beta(2.0, 3.5, 1.0, 5.0), stats.beta(2.0, 3.5, loc=1.0, scale=4.0)),
    ],
    ids=["gamma below 1", "gamma", "erlang", "beta"],
)
def test_draws_by_rejection_have_their_law(d: Distribution, law: Any) -> None:
    """20,000 draws against the law: p-values below 1 in 1000 would be a fault, of one fixed stream."""
    assert stats.kstest(numbers(keyed(Stream(4).child("law")), 20_000, d), law.cdf).pvalue > 1e-3


def test_a_mixture_has_the_mean_and_variance_of_its_parts() -> None:
    """Hyperexponential: mean p1 m1 + p2 m2, second moment 2 (p1 m1^2 + p2 m2^2)."""
    x = numbers(keyed(Stream(4).child("mix")), 200_000, of.hyperexponential([1.0, 5.0], [0.8, 0.2]))
    assert x.mean() == pytest.approx(0.8 + 0.2 * 5, abs=4 * x.std() / np.sqrt(x.size))
    second = 2 * (0.8 * 1 + 0.2 * 25)
    assert (x**2).mean() == pytest.approx(second, abs=4 * (x**2).std() / np.sqrt(x.size))


def test_a_trace_is_played_in_its_order_and_ends() -> None:
    assert numbers([1, 2, 3, 4, 0], 4, of.trace([3.0, 1.0, 2.0])).tolist() == [3.0, 1.0, 2.0, np.inf]
