"""The same method anew: with its parameters, and not fitted."""

from __future__ import annotations

from typing import Any

from potomac.errors import Fault, StudyError, did_you_mean, listing, shown
from potomac.recommend.methods import arguments_of
from potomac.recommend.recommender import Recommender

__all__ = ["fresh"]


def fresh(model: Recommender, **changes: Any) -> Recommender:
    """The same method with the same parameters, but for ``changes``, and not fitted; so are methods within it.

    Raises:
        StudyError: there is no such parameter.

    Example:
        >>> from potomac.recommend import Popular
        >>> fresh(Popular(), half_life=30.0).half_life
        30.0
    """
    known = arguments_of(model)
    for name in changes:
        if name not in known:
            found = f'{type(model).__name__} has no parameter "{shown(name)}"'
            expected, mend = f"there are {listing(known)}" if known else "there are none", did_you_mean(name, [*known])
            raise StudyError(Fault("recommend.parameter", found, expected, mend, key=shown(name)))
    return type(model)(**{name: _anew(value) for name, value in {**known, **changes}.items()})


def _anew(value: Any) -> Any:
    """A parameter, with the models in it anew."""
    if isinstance(value, Recommender):
        return fresh(value)
    if isinstance(value, tuple | list):
        return type(value)(_anew(one) for one in value)
    if isinstance(value, dict):
        return {name: _anew(one) for name, one in value.items()}
    return value
