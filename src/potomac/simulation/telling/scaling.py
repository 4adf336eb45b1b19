"""A distribution whose values are all longer or shorter by a factor."""

from __future__ import annotations

from dataclasses import replace

from potomac.errors import Fault, StudyError
from potomac.simulation.distributions import Distribution

__all__ = ["scaled"]

_SCALES = {
    "deterministic": ("value",), "exponential": ("mean",), "uniform": ("low", "high"), "gamma": ("scale",),
    "erlang": ("mean",), "weibull": ("scale",), "lognormal": ("mean", "sd"), "normal": ("mean", "sd"),
    "triangular": ("low", "mode", "high"), "pareto": ("scale",), "beta": ("low", "high"),
}  # fmt: skip
"""Parameters that grow with the values; the others are shapes."""


def scaled(d: Distribution, factor: float) -> Distribution:
    """The distribution of ``factor`` times its values.

    Args:
        d: of times or amounts.
        factor: above 0.

    Raises:
        StudyError: it is one of counts, which have no other scale.
    """
    if factor == 1:
        return d
    if d.values:  # observed, discrete, or the means of a mixture of exponentials
        return replace(d, values=tuple(factor * v for v in d.values))
    if d.family not in _SCALES:
        raise StudyError(Fault("simulation.distribution", f"{d} counts, and has no other scale", "expected a time"))
    grown = _SCALES[d.family]
    return replace(d, parameters=tuple((n, factor * v if n in grown else v) for n, v in d.parameters))
