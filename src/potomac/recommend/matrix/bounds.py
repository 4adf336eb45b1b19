"""Bounds of a method's parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from potomac.errors import Fault, StudyError, shown
from potomac.recommend.methods import arguments_of, signature_of

if TYPE_CHECKING:
    from potomac.recommend.recommender import Recommender

__all__ = ["held", "hold", "times_hold"]

NUMBERS: Mapping[str, tuple[Any, str]] = {"int": (Integral, "a whole number"), "float": (Real, "a finite number")}
"""Types of parameters that are numbers, as signatures write them."""


LARGEST = 1e15
"""Parameters up to here can be multiplied by values and counts in single precision."""


def held(model: Recommender) -> Recommender:
    """A model whose parameters are of their types and within their bounds.

    Raises:
        StudyError: one is not.
    """
    _numbers_hold(model)
    model._check()
    return model


def _numbers_hold(model: object) -> None:
    """Refuse parameters that are no numbers, or no whole ones, where the constructor's signature asks for them."""
    given = arguments_of(model)
    wrong = {}
    for name, parameter in signature_of(model).items():
        kind, _, rest = str(parameter.annotation).partition(" | ")
        if kind not in NUMBERS or rest not in ("", "None") or (rest and given[name] is None):
            continue
        number, expected = NUMBERS[kind]
        value = given[name]
        right = isinstance(value, number) and not isinstance(value, bool) and math.isfinite(value)
        if right and kind == "float" and abs(value) > LARGEST:
            right, expected = False, f"{LARGEST:g} at most"
        if name == "seed":
            right, expected = right and value >= 0, "a whole number, at least 0"
        wrong[name] = (right, expected)
    hold(model, **wrong)


def times_hold(model: object, timed: bool) -> None:
    """Refuse a half-life of interactions without times.

    Raises:
        StudyError: there is one.
    """
    if getattr(model, "half_life", None) is not None and not timed:
        found, mend = "a half-life, but interactions without times", "Name the column of times, or leave it away"
        raise StudyError(Fault("recommend.parameter", found, "expected times", mend, key="half_life"))


def hold(model: object, **bounds: tuple[bool, str]) -> None:
    """Refuse parameters that are out of their bounds, all at once.

    Args:
        model: whose parameters they are.
        bounds: by name, whether the parameter is right, and what is expected of it.

    Raises:
        StudyError: one is not right.
    """
    faults = [
        Fault("recommend.parameter", f"{name} is {shown(getattr(model, name))}", f"expected {expected}", key=name)
        for name, (right, expected) in bounds.items()
        if not right
    ]
    if faults:
        raise StudyError(faults)
