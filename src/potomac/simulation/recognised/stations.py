"""A station whose arrivals are Poisson, or come from one source, by the closed form that it has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite

import numpy as np
import numpy.typing as npt

from potomac.simulation import closed_forms as exact
from potomac.simulation.declared import Station
from potomac.simulation.distributions import Distribution, exponential
from potomac.simulation.loop.plan import Declared
from potomac.simulation.recognised.comers import (
    Comers,
    common_mean,
    first_come,
    in_line,
    is_exponential,
    is_known,
    is_newest_first,
    is_plain,
    links,
    services,
)
from potomac.simulation.recognised.laws import mean_of, numeric_transform, pieces, survival, variance_of, whole_chances

__all__ = ["Solved", "with_one_source", "with_poisson_arrivals"]

Floats = npt.NDArray[np.float64]

MOST_SERVERS = 100_000
"""More are not worth the time of a closed form."""


@dataclass(frozen=True, slots=True)
class Solved:
    """A station with its measures: of all, and of each kind of customers."""

    whole: exact.Station
    kinds: tuple[exact.Station, ...]
    waits: bool = True  # whether there is a queue apart from those in service

    @property
    def lossless(self) -> bool:
        """Whether everybody who comes is served."""
        return self.lost == 0

    @property
    def lost(self) -> float:
        """Share of the arrivals that are not served."""
        turned = self.whole.p_balk if isinstance(self.whole, exact.Limited) else 0.0
        return self.whole.p_block + self.whole.p_renege + turned


def with_poisson_arrivals(s: Station, comers: Comers) -> Solved | None:
    """The station with Poisson arrivals; None where it has no closed form here.

    Raises:
        NoAnswer: it is unstable.
    """
    each = services(s, comers.kinds)
    if not all(map(is_known, each)) or s.calendar or MOST_SERVERS < s.servers < inf:
        return None
    m = np.array([mean_of(one) for one in each])
    if s.uptime is not None:
        return _failing(s, comers)
    if is_plain(s):
        return _unlimited(s, comers, m, np.array([variance_of(one) for one in each]))
    if not s.patience and not any(s.balk) and (s.capacity == s.servers or not isfinite(s.servers)):
        return _without_room_to_wait(s, comers, m)
    if not isfinite(s.servers):
        return None
    return _shared(s, comers, m) if s.discipline == "sharing" else _limited(s, comers)


def _unlimited(s: Station, comers: Comers, m: Floats, variance: Floats) -> Solved | None:
    lam, load, c = comers.rate, float(comers.rates @ m), s.servers
    if not isfinite(c):
        return Solved(exact.mm_infinity(lam, lam / load), _unhindered(comers.rates, m))
    c = int(c)
    if s.discipline == "sharing" or is_newest_first(s):
        whole = exact.processor_sharing(lam, load / lam, c)
        slow = whole.number_in_station / load  # a customer's time is so much longer than his service
        return Solved(whole, _unhindered(comers.rates, slow * m), waits=False)
    common = common_mean(s, comers)
    if in_line(s, comers):
        return _one_line(s, comers, m, variance, common)
    if s.discipline == "priority" and s.preemption in ("none", "resume"):
        return _by_priority(s, comers, m, variance, common)
    return None


def _one_line(s: Station, comers: Comers, m: Floats, variance: Floats, common: float | None) -> Solved | None:
    lam, load, c = comers.rate, float(comers.rates @ m), int(s.servers)
    first = first_come(s)
    if common is not None:
        q = exact.mmc(lam, 1 / common, c)
        return _alike(q if first else _untailed(q), comers)
    if first and not variance.any() and (m == m[0]).all():
        return _alike(exact.mdc(lam, float(m[0]), c), comers)
    if c > 1 or not np.isfinite(variance).all():
        return None
    second = float(comers.rates @ (variance + m * m)) / lam
    q = exact.mg1(lam, load / lam, second - (load / lam) ** 2)
    return Solved(q, tuple(_kind(r, q.wait, t, q.p_wait) for r, t in zip(comers.rates, m, strict=True)))


def _by_priority(s: Station, comers: Comers, m: Floats, variance: Floats, common: float | None) -> Solved | None:
    """The kinds of one priority are a class; within it they wait alike."""
    levels = sorted(set(comers.priorities))
    of = np.array([levels.index(p) for p in comers.priorities])
    lam = np.asarray(np.bincount(of, weights=comers.rates), float)
    c, resumes = int(s.servers), s.preemption == "resume"
    if common is not None:
        solve = exact.mmc_preemptive if resumes else exact.mmc_priority
        classes = solve(lam, 1 / common, c)
        kinds = [_kind(r, classes[k].wait, common, classes[k].p_wait) for r, k in zip(comers.rates, of, strict=True)]
    elif c == 1 and np.isfinite(variance).all():
        kinds = _mixed_priority(comers, of, lam, m, variance, resumes=resumes)
    else:
        return None
    load = float(comers.rates @ m)
    return Solved(_sum(kinds, load / c, None if resumes else exact.erlang_c(c, load)), tuple(kinds))


def _mixed_priority(
    comers: Comers, of: npt.NDArray[np.int64], lam: Floats, m: Floats, variance: Floats, *, resumes: bool
) -> list[exact.Station]:
    """One server, classes that mix kinds: a class is served as the mixture, each kind in its own time."""
    mean = np.bincount(of, weights=comers.rates * m) / lam
    spread = np.maximum(np.bincount(of, weights=comers.rates * (variance + m * m)) / lam - mean**2, 0.0)
    classes = (exact.mg1_preemptive if resumes else exact.mg1_priority)(lam, mean, spread)
    before = np.concatenate([[0.0], np.cumsum(lam * mean)[:-1]])
    kinds = []
    for rate, t, k in zip(comers.rates, m, of, strict=True):
        slower = (t - mean[k]) * before[k] / (1 - before[k]) if resumes else 0.0  # interrupted for longer
        kinds.append(_kind(rate, classes[k].wait + slower, t, None if resumes else classes[k].p_wait))
    return kinds


def _without_room_to_wait(s: Station, comers: Comers, m: Floats) -> Solved | None:
    """Erlang's loss system, whatever the service: who comes is served at once or not at all."""
    if s.discipline == "priority" and s.preemption != "none" and not comers.alike:
        return None
    q = exact.mgcc(comers.rate, float(comers.rates @ m) / comers.rate, int(s.capacity))
    shared = s.discipline == "sharing"
    return Solved(q, _unhindered(comers.rates * (1 - q.p_block), m, q.p_block), waits=not shared)


def _shared(s: Station, comers: Comers, m: Floats) -> Solved | None:
    """Sharing with limited room has the numbers of M/M/c/K, whatever the service (Cohen 1979)."""
    if s.patience or any(s.balk):
        return None
    mean = float(comers.rates @ m) / comers.rate
    q = exact.mmck(comers.rate, 1 / mean, int(s.servers), int(s.capacity))
    enter = comers.rates * (1 - q.p_block)
    slow = q.number_in_station / float(enter @ m)
    return Solved(replace(q, tail=None), _unhindered(enter, slow * m, q.p_block), waits=False)


def _limited(s: Station, comers: Comers) -> Solved | None:
    """Limited room, turning back and impatience, all exponential and alike."""
    common = common_mean(s, comers)
    if common is None or not in_line(s, comers):
        return None
    theta = 0.0
    if s.patience:
        patience = [s.patience.get(kind, s.patience.get("")) for kind in comers.kinds]
        first = patience[0]
        if first is None or any(p != first for p in patience):
            return None
        if not is_exponential(first):
            return _impatient(s, comers, common, first)
        theta = 1 / first.mean
    q: exact.Station
    if isfinite(s.capacity) and not theta and not any(s.balk):
        q = exact.mmck(comers.rate, 1 / common, int(s.servers), int(s.capacity))
    else:
        q = exact.mmc_limited(comers.rate, 1 / common, int(s.servers), s.capacity, theta, s.balk)
    return _alike(q if first_come(s) else _untailed(q), comers)


def _impatient(s: Station, comers: Comers, common: float, patience: Distribution) -> Solved | None:
    """Patience that is not exponential, first come first served: who waits longest is next, whoever gave up."""
    if isfinite(s.capacity) or any(s.balk) or not first_come(s) or s.servers > MOST_PATIENT or not is_known(patience):
        return None
    beyond, ends = survival(patience), pieces([patience, exponential(common)])
    if patience.variance == 0:
        limit = patience.mean
        beyond, ends = (lambda t: np.where(t < limit, 1.0, 0.0)), np.unique(np.append(ends, limit))
    if beyond is None:
        return None
    return _alike(exact.mmc_patience(comers.rate, 1 / common, int(s.servers), beyond, ends), comers)


MOST_FAILING, MOST_PATIENT = 60, 5000
"""Servers that fail, of a station that is solved."""


def _failing(s: Station, comers: Comers) -> Solved | None:
    """Servers that fail and are repaired, each on its own, all times exponential."""
    common, up, down = common_mean(s, comers), s.uptime, s.repair
    limited = isfinite(s.capacity) or s.patience or any(s.balk)
    if common is None or up is None or down is None or limited or not in_line(s, comers):
        return None
    if not (is_exponential(up) and is_exponential(down)) or s.servers > MOST_FAILING:
        return None
    return _alike(exact.mmc_failing(comers.rate, 1 / common, int(s.servers), 1 / up.mean, 1 / down.mean), comers)


# ---- a station that one source feeds --------------------------------------------------------------------------------


def with_one_source(d: Declared, s: Station) -> Solved | None:
    """Groups, or arrivals that are not Poisson, of one source that goes nowhere else and to which nobody else comes.

    Raises:
        NoAnswer: it is unstable.
    """
    sources = [source for source in d.sources if s.name in source.to]
    led = any(to == s.name for _, to, _ in links(d))
    if led or len(sources) != 1 or sources[0].to != {s.name: 1.0} or not is_plain(s) or not isfinite(s.servers):
        return None
    if s.servers > MOST_SERVERS:
        return None
    source, service = sources[0], s.service_of(sources[0].kind or sources[0].name)
    comers = Comers((source.kind or source.name,), np.ones(1), (source.priority,))
    endless = source.start == 0 and source.stop == inf and source.limit is None
    if service is None or source.interarrival is None or not endless or not is_known(service) or not in_line(s, comers):
        return None
    between = source.interarrival
    if source.batch is not None:
        return _in_groups(s, comers, between, source.batch, service)
    transform = _transform(between)
    if transform is None or not is_exponential(service):
        return None
    q = exact.gi_m_c(transform, mean_of(between), 1 / service.mean, int(s.servers))
    return _alike(q if first_come(s) else _untailed(q), comers)


def _in_groups(s: Station, comers: Comers, between: Distribution, size: Distribution, service: Distribution
) -> Solved | None:  # fmt: skip
    finite = isfinite(size.variance) and isfinite(service.variance)
    if not is_exponential(between) or not finite:
        return None
    rate = 1 / between.mean
    if s.servers == 1:
        return _alike(exact.batch_mg1(rate, size.mean, size.variance, mean_of(service), variance_of(service)), comers)
    chances = whole_chances(size)
    if chances is None or not is_exponential(service):
        return None
    return _alike(exact.batch_mmc(rate, 1 / service.mean, int(s.servers), chances[1:]), comers)


def _transform(d: Distribution) -> exact.Transform | None:
    """The Laplace transform of a distribution, where it has a closed form."""
    if d.family == "deterministic":
        return exact.deterministic_transform(d["value"])
    if d.family == "uniform" and d["high"] > d["low"]:
        return exact.uniform_transform(d["low"], d["high"])
    if d.family == "gamma":
        return exact.gamma_transform(d["shape"], d["scale"])
    if d.family == "erlang":
        return exact.gamma_transform(d["k"], d["mean"] / d["k"])
    if d.family == "hyperexponential":
        return exact.hyperexponential_transform(np.array(d.values), np.array(d.shares))
    if d.family in ("discrete", "empirical"):
        x = np.array(d.values)
        w = np.array(d.shares) if d.shares else np.full(len(x), 1 / len(x))
        return lambda s: float(w @ np.exp(-s * x))
    return numeric_transform(d)


# ---- kinds of customers ---------------------------------------------------------------------------------------------


def _kind(rate: float, wait: float, service: float, p_wait: float | None) -> exact.Station:
    L = rate * (wait + service)
    return exact.Station(wait, wait + service, rate * wait, L, np.nan, rate, p_wait)


def _unhindered(rates: Floats, times: Floats, p_block: float = 0.0) -> tuple[exact.Station, ...]:
    """Kinds of which nobody waits before service begins."""
    return tuple(
        exact.Station(0.0, time, 0.0, rate * time, np.nan, rate, 0.0, p_block)
        for rate, time in zip(rates.tolist(), times.tolist(), strict=True)
    )


def _untailed(q: exact.Station) -> exact.Station:
    """The means hold for other disciplines, the distribution of the wait does not."""
    return replace(q, tail=None)


def _alike(q: exact.Station, comers: Comers) -> Solved:
    """All kinds wait and are served alike."""
    parts = comers.rates / comers.rate
    each = (
        replace(
            q, queue_length=q.queue_length * p, number_in_station=q.number_in_station * p, throughput=q.throughput * p
        )
        for p in parts.tolist()
    )
    return Solved(q, tuple(each))


def _sum(kinds: list[exact.Station], utilization: float, p_wait: float | None) -> exact.Station:
    lam, Lq = sum(q.throughput for q in kinds), sum(q.queue_length for q in kinds)
    L = sum(q.number_in_station for q in kinds)
    return exact.Station(Lq / lam, L / lam, Lq, L, utilization, lam, p_wait)
