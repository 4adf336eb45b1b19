"""Distributions by the names of the field: what is drawn between arrivals, for a service, a lead time, a demand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import gamma as gamma_function
from math import inf, isfinite, isnan, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.simulation.columns import column

__all__ = [
    "Distribution", "beta", "binomial", "deterministic", "discrete", "distribution", "empirical", "erlang",
    "exponential", "gamma", "geometric", "hyperexponential", "lognormal", "normal", "pareto", "poisson", "trace",
    "triangular", "uniform", "weibull",
]  # fmt: skip

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Distribution:
    """A distribution, or a list of numbers that is played back.

    Attributes:
        family: its name, e.g. ``exponential``.
        parameters: name and value of each, as they were given, completed.
        values: what is drawn from (empirical, trace, discrete, hyperexponential), else empty.
        shares: how likely each of the values is; empty where all are alike.
    """

    family: str
    parameters: tuple[tuple[str, float], ...] = ()
    values: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    def __getitem__(self, name: str) -> float:
        return dict(self.parameters)[name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distribution) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        return self.family, self.parameters, self.values, self.shares

    def __str__(self) -> str:
        parts = [f"{name}={value:.12g}" for name, value in self.parameters]
        if self.values:
            parts.append(f"{len(self.values):,} values")
        return f"{self.family}({', '.join(parts)})"

    __repr__ = __str__

    @cached_property
    def mean(self) -> float:
        """The mean; infinite where there is none."""
        return float(_MOMENTS[self.family](self)[0])

    @cached_property
    def variance(self) -> float:
        """The variance; infinite where there is none."""
        return float(_MOMENTS[self.family](self)[1])

    @property
    def cv(self) -> float:
        """Coefficient of variation: standard deviation over mean."""
        return sqrt(self.variance) / self.mean if self.mean else inf

    @property
    def is_trace(self) -> bool:
        """Whether the values are played back one after the other."""
        return self.family == "trace"

    def ppf(self, u: npt.ArrayLike) -> Floats:
        """The quantiles.

        Args:
            u: shares between 0 and 1, any shape.

        Returns:
            The same shape.

        Raises:
            StudyError: a trace has none.
        """
        if self.is_trace:
            raise StudyError(Fault("simulation.distribution", "a trace has no quantiles", "", "Use empirical(values)"))
        from potomac.simulation.quantiles import ppf

        return ppf(self, np.asarray(u, float))

    def sample(self, generator: np.random.Generator, n: int) -> Floats:
        """``n`` draws by inversion, so that the same numbers give draws that grow with them.

        Raises:
            DataError: a trace has fewer values.
        """
        if self.is_trace:
            if n > len(self.values):
                raise DataError(exhausted(len(self.values), n))
            return np.asarray(self.values[:n], float)
        return self.ppf(generator.random(n))


def exhausted(have: int, need: int) -> Fault:
    """What is said where a trace is too short."""
    mend = "Give more values, a shorter run, or empirical(values), which draws from them again and again"
    return Fault("simulation.trace-exhausted", f"the trace has {have:,} values and {need:,} are needed", "", mend)


def _wrong(family: str, name: str, value: object, expected: str) -> StudyError:
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return StudyError(
        Fault("simulation.distribution", f"{family}: {name} is {shown}", f"expected {expected}", key=name)
    )


def _number(family: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise _wrong(family, name, repr(value), "a number")
    if not isfinite(value):
        raise _wrong(family, name, float(value), "a finite number")
    return float(value)


def _positive(family: str, name: str, value: object) -> float:
    number = _number(family, name, value)
    if number <= 0:
        raise _wrong(family, name, number, "more than 0")
    return number


def _made(family: str, **parameters: float) -> Distribution:
    return Distribution(family, tuple(parameters.items()))


def _one_of(family: str, a: tuple[str, Any], b: tuple[str, Any]) -> None:
    if (a[1] is None) == (b[1] is None):
        found = f"{family}: {'neither' if a[1] is None else 'both'} {a[0]} {'nor' if a[1] is None else 'and'} {b[0]}"
        raise StudyError(Fault("simulation.distribution", found, f"expected one of {a[0]} and {b[0]}"))


def exponential(mean: float | None = None, *, rate: float | None = None) -> Distribution:
    """Exponential, by its mean or its rate (one over the mean)."""
    _one_of("exponential", ("mean", mean), ("rate", rate))
    if rate is not None:
        return _made("exponential", mean=1 / _positive("exponential", "rate", rate))
    return _made("exponential", mean=_positive("exponential", "mean", mean))


def deterministic(value: float) -> Distribution:
    """Always the same value."""
    return _made("deterministic", value=_number("deterministic", "value", value))


def uniform(low: float, high: float) -> Distribution:
    """Uniform between ``low`` and ``high``."""
    low, high = _number("uniform", "low", low), _number("uniform", "high", high)
    if high < low:
        raise _wrong("uniform", "high", high, f"at least low, which is {low:g}")
    return _made("uniform", low=low, high=high)


def gamma(
    shape: float | None = None, scale: float | None = None, *, mean: float | None = None, cv: float | None = None
) -> Distribution:
    """Gamma, by shape and scale or by mean and coefficient of variation."""
    _one_of("gamma", ("shape", shape), ("mean", mean))
    if mean is not None:
        spread = _positive("gamma", "cv", cv)
        shape = 1 / spread**2
        scale = _positive("gamma", "mean", mean) / shape
    return _made("gamma", shape=_positive("gamma", "shape", shape), scale=_positive("gamma", "scale", scale))


def erlang(k: int, mean: float) -> Distribution:
    """Erlang: the sum of ``k`` exponential phases, with the mean of the whole."""
    phases = _number("erlang", "k", k)
    if phases % 1 or phases < 1:
        raise _wrong("erlang", "k", k, "a whole number of at least 1")
    return _made("erlang", k=phases, mean=_positive("erlang", "mean", mean))


def weibull(shape: float, scale: float) -> Distribution:
    """Weibull: survival beyond x is exp(-(x / scale)^shape)."""
    return _made("weibull", shape=_positive("weibull", "shape", shape), scale=_positive("weibull", "scale", scale))


def lognormal(mean: float, sd: float) -> Distribution:
    """Lognormal, by the mean and the standard deviation of the values themselves (not of their logarithms)."""
    return _made("lognormal", mean=_positive("lognormal", "mean", mean), sd=_positive("lognormal", "sd", sd))


def normal(mean: float, sd: float) -> Distribution:
    """Normal. Where a time is drawn, values below 0 are cut off and the rest is scaled up."""
    return _made("normal", mean=_number("normal", "mean", mean), sd=_positive("normal", "sd", sd))


def triangular(low: float, mode: float, high: float) -> Distribution:
    """Triangular between ``low`` and ``high``, likeliest at ``mode``."""
    low, mode, high = (_number("triangular", n, v) for n, v in (("low", low), ("mode", mode), ("high", high)))
    if not low <= mode <= high or low == high:
        raise _wrong("triangular", "mode", mode, f"low <= mode <= high, which are {low:g} and {high:g}")
    return _made("triangular", low=low, mode=mode, high=high)


def pareto(shape: float, scale: float) -> Distribution:
    """Pareto: survival beyond x is (scale / x)^shape, from ``scale`` on. No mean for a shape of 1 or less."""
    return _made("pareto", shape=_positive("pareto", "shape", shape), scale=_positive("pareto", "scale", scale))


def beta(a: float, b: float, low: float = 0.0, high: float = 1.0) -> Distribution:
    """Beta with shapes ``a`` and ``b``, stretched from ``low`` to ``high``."""
    low, high = _number("beta", "low", low), _number("beta", "high", high)
    if high <= low:
        raise _wrong("beta", "high", high, f"more than low, which is {low:g}")
    return _made("beta", a=_positive("beta", "a", a), b=_positive("beta", "b", b), low=low, high=high)


def hyperexponential(means: Iterable[float], probabilities: Iterable[float]) -> Distribution:
    """A mixture of exponentials."""
    each = tuple(_positive("hyperexponential", "means", m) for m in means)
    return Distribution("hyperexponential", (), each, _shares("hyperexponential", probabilities, len(each)))


def poisson(mean: float) -> Distribution:
    """Poisson counts."""
    return _made("poisson", mean=_positive("poisson", "mean", mean))


def geometric(p: float) -> Distribution:
    """Number of trials until the first success: 1, 2, 3, ..."""
    p = _positive("geometric", "p", p)
    if p > 1:
        raise _wrong("geometric", "p", p, "at most 1")
    return _made("geometric", p=p)


def binomial(n: int, p: float) -> Distribution:
    """Number of successes among ``n`` trials."""
    if isinstance(n, bool) or n != int(n) or n < 1:
        raise _wrong("binomial", "n", n, "a whole number of at least 1")
    p = _number("binomial", "p", p)
    if not 0 <= p <= 1:
        raise _wrong("binomial", "p", p, "a share between 0 and 1")
    return _made("binomial", n=float(n), p=p)


def discrete(values: Iterable[float], probabilities: Iterable[float]) -> Distribution:
    """Each of ``values`` with its probability."""
    each = tuple(_number("discrete", "values", v) for v in values)
    return Distribution("discrete", (), each, _shares("discrete", probabilities, len(each)))


def empirical(values: Any) -> Distribution:
    """Draws from observed values (a list, or a column of any kind), each as likely as the others."""
    return Distribution("empirical", (), _observed("empirical", values))


def trace(values: Any) -> Distribution:
    """Observed values (a list, or a column of any kind) played back in their order, once."""
    return Distribution("trace", (), _observed("trace", values))


def _observed(family: str, values: Any) -> tuple[float, ...]:
    try:
        each = column(values)
    except (TypeError, ValueError):
        raise DataError(Fault("simulation.values", f"{family}: the values are not all numbers")) from None
    if each.ndim != 1 or not each.size:
        raise DataError(Fault("simulation.values", f"{family}: there are no values", "expected a list of numbers"))
    wrong = np.flatnonzero(~np.isfinite(each))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(Fault("simulation.values", f"{family}: row {row} is {each[row]:g}", "expected a number"))
    return tuple(each.tolist())


def _shares(family: str, probabilities: Iterable[float], n: int) -> tuple[float, ...]:
    each = tuple(_number(family, "probabilities", p) for p in probabilities)
    if len(each) != n or not n:
        raise _wrong(family, "probabilities", f"{len(each)} numbers", f"one for each of the {n} values")
    if min(each) < 0 or abs(sum(each) - 1) > 1e-9:
        raise _wrong(family, "probabilities", f"a list that sums to {sum(each):.10g}", "shares that sum to 1")
    return each


def _weighted(d: Distribution) -> tuple[float, float]:
    x = np.asarray(d.values)
    w = np.asarray(d.shares) if d.shares else np.full(x.size, 1 / x.size)
    mean = float(w @ x)
    return mean, float(w @ (x - mean) ** 2)


def _hyperexponential_moments(d: Distribution) -> tuple[float, float]:
    m, w = np.asarray(d.values), np.asarray(d.shares)
    mean = float(w @ m)
    return mean, 2 * float(w @ m**2) - mean**2


def _weibull_moments(d: Distribution) -> tuple[float, float]:
    k, scale = d["shape"], d["scale"]
    one, two = gamma_function(1 + 1 / k), gamma_function(1 + 2 / k)
    return scale * one, scale**2 * (two - one**2)


def _pareto_moments(d: Distribution) -> tuple[float, float]:
    a, m = d["shape"], d["scale"]
    return (a * m / (a - 1) if a > 1 else inf), (a * m**2 / ((a - 1) ** 2 * (a - 2)) if a > 2 else inf)


def _triangular_moments(d: Distribution) -> tuple[float, float]:
    a, c, b = d["low"], d["mode"], d["high"]
    return (a + b + c) / 3, (a * a + b * b + c * c - a * b - a * c - b * c) / 18


def _beta_moments(d: Distribution) -> tuple[float, float]:
    a, b, width = d["a"], d["b"], d["high"] - d["low"]
    return d["low"] + width * a / (a + b), width**2 * a * b / ((a + b) ** 2 * (a + b + 1))


_MOMENTS: Mapping[str, Any] = {
    "deterministic": lambda d: (d["value"], 0.0),
    "exponential": lambda d: (d["mean"], d["mean"] ** 2),
    "uniform": lambda d: ((d["low"] + d["high"]) / 2, (d["high"] - d["low"]) ** 2 / 12),
    "gamma": lambda d: (d["shape"] * d["scale"], d["shape"] * d["scale"] ** 2),
    "erlang": lambda d: (d["mean"], d["mean"] ** 2 / d["k"]),
    "weibull": _weibull_moments,
    "lognormal": lambda d: (d["mean"], d["sd"] ** 2),
    "normal": lambda d: (d["mean"], d["sd"] ** 2),
    "triangular": _triangular_moments,
    "pareto": _pareto_moments,
    "beta": _beta_moments,
    "hyperexponential": _hyperexponential_moments,
    "poisson": lambda d: (d["mean"], d["mean"]),
    "geometric": lambda d: (1 / d["p"], (1 - d["p"]) / d["p"] ** 2),
    "binomial": lambda d: (d["n"] * d["p"], d["n"] * d["p"] * (1 - d["p"])),
    "discrete": _weighted,
    "empirical": _weighted,
    "trace": _weighted,
}

_FAMILIES = {
    f.__name__: f
    for f in (
        beta, binomial, deterministic, discrete, empirical, erlang, exponential, gamma, geometric, hyperexponential,
        lognormal, normal, pareto, poisson, trace, triangular, uniform, weibull,
    )
}  # fmt: skip

FAMILIES = tuple(sorted(_FAMILIES))
"""Names of the families, as they are written in a study."""

_CALL = re.compile(r"\s*([A-Za-z_]\w*)\s*\((.*)\)\s*", re.DOTALL)


def distribution(what: object) -> Distribution:
    """The distribution that is meant.

    Args:
        what: one of them; a number, which is always drawn; ``{exponential = {mean = 1.0}}`` of a study file or
            ``{exponential = 1.0}``; or the text ``exponential(mean=1.0)``.

    Raises:
        StudyError: it is none of these; the message has the families.
    """
    if isinstance(what, Distribution):
        return what
    if isinstance(what, (int, float, np.integer, np.floating)) and not isinstance(what, bool):
        if isnan(float(what)):
            raise _wrong("deterministic", "value", float(what), "a finite number")
        return deterministic(float(what))
    if isinstance(what, Mapping) and len(what) == 1:
        name, given = next(iter(what.items()))
        return _call(str(name), given)
    if isinstance(what, str) and (match := _CALL.fullmatch(what)):
        return _call(match[1], _arguments(match[2], what))
    expected = "expected a number or one family with its parameters, e.g. { exponential = { mean = 1.5 } }"
    raise StudyError(Fault("simulation.distribution", f"{what!r:.60} is no distribution", expected))


def _arguments(inside: str, whole: str) -> Any:
    named, bare = {}, []
    for part in filter(None, (p.strip() for p in inside.split(","))):
        name, equals, value = part.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            found = f"{part!r:.60} in {whole!r:.60}"
            raise StudyError(Fault("simulation.distribution", found, "expected name=number")) from None
        if equals:
            named[name.strip()] = number
        else:
            bare.append(number)
    return bare or named


def _call(name: str, given: Any) -> Distribution:
    maker: Callable[..., Distribution] | None = _FAMILIES.get(name)
    if maker is None:
        mend = did_you_mean(name, FAMILIES)
        expected = f"expected one of {listing(FAMILIES, 20)}"
        raise StudyError(Fault("simulation.distribution", f"there is no distribution {name!r:.60}", expected, mend))
    try:
        if isinstance(given, Mapping):
            return maker(**given)
        if isinstance(given, (list, tuple)) and name not in ("empirical", "trace"):
            return maker(*given)
        return maker(given)
    except TypeError:
        found = f"{name} does not take {given!r:.60}"
        raise StudyError(Fault("simulation.distribution", found, f"expected {_signature(maker)}")) from None


def _signature(maker: Any) -> str:
    from inspect import signature

    return f"{maker.__name__}({', '.join(signature(maker).parameters)})"
