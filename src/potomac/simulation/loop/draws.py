"""Random numbers inside compiled loops: one row of state a stream, one table of distributions, no objects.

The generator is xoshiro256++ (Blackman and Vigna 2021), keyed by (seed, name, replication) through
``potomac.stats.streams``; a row may run the Lehmer generator of Leemis and Park instead. Times are drawn by inversion
where that is cheap, so that common random numbers and antithetic ones do their work.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, floor, log, log1p, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.simulation.distributions import Distribution
from potomac.simulation.lehmer import MODULUS, MULTIPLIER
from potomac.simulation.loop.memory import FLOAT, hot, inner, layout, records
from potomac.simulation.quantiles import lognormal_parameters, table
from potomac.stats.streams import Stream

__all__ = ["DRAW", "EXHAUSTED", "draw", "keyed", "normal_quantile", "seeded", "table_of", "uniform_of"]

Floats = npt.NDArray[np.float64]

DRAW = layout(
    "family generator offset length cursor",
    "a b c d",
    addresses=("s0", "s1", "s2", "s3", "values"),
)
"""A distribution and its stream: family, parameters, state of the generator, address of its values and how many there
are, how many of a trace are through."""

(DETERMINISTIC, EXPONENTIAL, UNIFORM, GAMMA, ERLANG, WEIBULL, LOGNORMAL, NORMAL, TRIANGULAR, PARETO, BETA, MIXTURE,
 TABLE, EMPIRICAL, TRACE, GEOMETRIC) = range(16)  # fmt: skip

EXHAUSTED = np.inf
"""What a trace gives after its last value."""

XOSHIRO, LEHMER, MIRRORED = 0, 1, 2

real = records(FLOAT)


def keyed(stream: Stream, mirrored: bool = False) -> npt.NDArray[np.uint64]:
    """The state at the start of a stream, shape (5,): four words and which generator they belong to."""
    whole = stream.integer()
    words = [*_spread(whole & 0xFFFFFFFFFFFFFFFF), *_spread(whole >> 64)]
    return np.array([*words, MIRRORED if mirrored else XOSHIRO], np.uint64)


def _spread(word: int) -> tuple[int, int]:
    """Two words of SplitMix64 (Steele, Lea and Flood 2014) from one."""
    out = []
    for _ in range(2):
        word = (word + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        z = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        out.append(z ^ (z >> 31))
    return out[0], out[1]


def table_of(distributions: Sequence[Distribution]) -> tuple[npt.NDArray[Any], Floats]:
    """The rows of ``distributions`` and the common list of values, which ``seeded`` gives their places in memory."""
    rows, values = np.zeros(len(distributions), DRAW), [np.zeros(0)]
    at = 0
    for row, d in zip(rows, distributions, strict=True):
        family, parameters, own = _row(d)
        row["family"], row["offset"], row["length"] = family, at, own.shape[-1] if own.size else 0
        row["a"], row["b"], row["c"], row["d"] = (*parameters, *(0.0,) * (4 - len(parameters)))
        values.append(own.ravel())
        at += own.size
    return rows, np.concatenate(values)


def _row(d: Distribution) -> tuple[int, tuple[float, ...], Floats]:
    """Family, parameters and values as the loops read them; of two lists of values the second one is cumulative."""
    none = np.zeros(0)
    if d.family in _PLAIN:
        return _PLAIN[d.family], tuple(value for _, value in d.parameters), none
    if d.family == "lognormal":
        return LOGNORMAL, lognormal_parameters(d), none
    if d.family == "normal":  # a share of below is cut off
        from scipy.special import ndtr

        return NORMAL, (d["mean"], d["sd"], float(ndtr(-d["mean"] / d["sd"]))), none
    if d.family == "hyperexponential":
        return MIXTURE, (), np.stack([np.asarray(d.values), np.cumsum(d.shares)])
    if d.family in ("empirical", "trace"):
        return EMPIRICAL if d.family == "empirical" else TRACE, (), np.asarray(d.values, float)
    return TABLE, (), np.stack(table(d))


_PLAIN = {
    "deterministic": DETERMINISTIC, "exponential": EXPONENTIAL, "uniform": UNIFORM, "gamma": GAMMA, "erlang": ERLANG,
    "weibull": WEIBULL, "triangular": TRIANGULAR, "pareto": PARETO, "beta": BETA, "geometric": GEOMETRIC,
}  # fmt: skip


def seeded(rows: npt.NDArray[Any], values: Floats, states: npt.NDArray[np.uint64]) -> npt.NDArray[Any]:
    """The rows with their streams at the start; ``values`` must live as long as they do.

    Args:
        rows: of ``table_of``, shape (draws,).
        values: of ``table_of``.
        states: of ``keyed``, shape (draws, 5).
    """
    out = rows.copy()
    out["values"] = values.ctypes.data + 8 * out["offset"]
    for at, name in enumerate(("s0", "s1", "s2", "s3", "generator")):
        out[name] = states[:, at]
    return out


@inner
def _rotated(x: Any, k: Any) -> Any:
    return (x << k) | (x >> (np.uint64(64) - k))


@inner
def uniform_of(d: Any) -> float:
    """The next number of a stream, at least 0 and below 1."""
    if d.generator == LEHMER:
        x = np.int64(d.s0) * MULTIPLIER % MODULUS
        d.s0 = np.uint64(x)
        return x / MODULUS
    s0, s1, s2, s3 = d.s0, d.s1, d.s2, d.s3
    word = _rotated(s0 + s3, np.uint64(23)) + s0
    t = s1 << np.uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    d.s0, d.s1, d.s2, d.s3 = s0, s1, s2, _rotated(s3, np.uint64(45))
    u = np.float64(word >> np.uint64(11)) * 2.0**-53
    if d.generator == MIRRORED:
        return 1.0 - 2.0**-53 - u
    return u


@inner
def normal_quantile(p: float) -> float:
    """Quantile of the standard normal, 16 digits (Wichura 1988, algorithm AS 241)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
                     + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
                  + 1.3314166789178437745e2) * r + 3.3871328727963666080)  # fmt: skip
        below = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
                     + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
                  + 4.2313330701600911252e1) * r + 1.0)  # fmt: skip
        return q * above / below
    r = sqrt(-log(max(p if q < 0 else 1 - p, 1e-300)))
    if r <= 5.0:
        r -= 1.6
        above = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
                     + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.76949722146069140550) * r
                  + 4.63033784615654529590) * r + 1.42343711074968357734)  # fmt: skip
        below = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
                     + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940) * r
                  + 2.05319162663775882187) * r + 1.0)  # fmt: skip
    else:
        r -= 5.0
        above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
                     + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580) * r
                  + 5.46378491116411436990) * r + 6.65790464350110377720)  # fmt: skip
        below = (((((((2.04426310323993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
                     + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
                  + 5.99832206555887937690e-1) * r + 1.0)  # fmt: skip
    return -above / below if q < 0 else above / below


@inner
def _standard_gamma(shape: float, d: Any) -> float:
    """By rejection (Marsaglia and Tsang 2000); most are accepted by the squeeze, which takes no logarithm."""
    k = shape if shape >= 1 else shape + 1
    e = k - 1 / 3
    c = 1 / sqrt(9 * e)
    while True:
        x = normal_quantile(uniform_of(d))
        v = (1 + c * x) ** 3
        if v <= 0:
            continue
        u = 1 - uniform_of(d)
        if u < 1 - 0.0331 * (x * x) * (x * x) or log(u) < 0.5 * x * x + e - e * v + e * log(v):
            break
    if shape < 1:
        return e * v * (1 - uniform_of(d)) ** (1 / shape)
    return e * v


@inner
def _place(d: Any, u: float) -> int:
    """Which of the values it is whose cumulative share is the first above ``u``; the shares follow the values."""
    low, high = 0, d.length - 1
    while low < high:
        middle = (low + high) // 2
        if real(d.values, d.length + middle).v <= u:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def _triangular(a: float, c: float, b: float, u: float) -> float:
    if u * (b - a) < c - a:
        return a + sqrt(u * (b - a) * (c - a))
    return b - sqrt((1 - u) * (b - a) * (b - c))


@inner
def _played(d: Any) -> float:
    if d.cursor >= d.length:
        return EXHAUSTED
    value = real(d.values, d.cursor).v
    d.cursor += 1
    return value


@inner
def _rare(d: Any) -> float:
    """The families that cost more than a call."""
    f = d.family
    if f == GAMMA:
        return d.b * _standard_gamma(d.a, d)
    if f == ERLANG:
        total = 0.0
        for _ in range(int(d.a)):
            total -= log(1 - uniform_of(d))
        return d.b / d.a * total
    if f == BETA:
        x, y = _standard_gamma(d.a, d), _standard_gamma(d.b, d)
        return d.c + (d.d - d.c) * x / (x + y)
    u = uniform_of(d)
    if f == WEIBULL:
        return d.b * (-log(1 - u)) ** (1 / d.a)
    if f == LOGNORMAL:
        return exp(d.a + d.b * normal_quantile(u))
    if f == NORMAL:
        return max(d.a + d.b * normal_quantile(d.c + u * (1 - d.c)), 0.0)
    if f == TRIANGULAR:
        return _triangular(d.a, d.b, d.c, u)
    if f == PARETO:
        return d.b * (1 - u) ** (-1 / d.a)
    if f == GEOMETRIC:
        return 1.0 if d.a >= 1 else floor(log1p(-u) / log1p(-d.a)) + 1
    if f == EMPIRICAL:
        return real(d.values, int(u * d.length)).v
    k = _place(d, u)
    if f == TABLE:
        return real(d.values, k).v
    return -real(d.values, k).v * log(1 - uniform_of(d))


@hot
def draw(d: Any) -> float:
    """The next draw of a distribution from its own stream, or ``EXHAUSTED`` where a trace is through."""
    f = d.family
    if f == EXPONENTIAL:
        return -d.a * log(1.0 - uniform_of(d))
    if f == DETERMINISTIC:
        return d.a
    if f == UNIFORM:
        return d.a + (d.b - d.a) * uniform_of(d)
    if f == TRACE:
        return _played(d)
    return _rare(d)
