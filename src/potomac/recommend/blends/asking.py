"""Parameters of asking: they change what a fitted model answers, not what it learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potomac.recommend.methods import arguments_of
from potomac.recommend.parameters import fresh
from potomac.recommend.recommender import Recommender

__all__ = ["ASKED", "apart", "asked_otherwise", "learned_alike"]

ASKED: Mapping[str, frozenset[str]] = {name: frozenset({"recency"}) for name in ("als", "ease", "item_knn")}
"""By method; a model that is fitted has them changed without another fit."""


def apart(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a method's parameters that what it learns depends on."""
    asked = ASKED.get(name, frozenset())
    return {key: value for key, value in parameters.items() if key not in asked}


def learned_alike(one: Recommender, other: Recommender) -> bool:
    """Whether two models learn the same from the same data."""
    return type(one) is type(other) and apart(one.name, arguments_of(one)) == apart(other.name, arguments_of(other))


def asked_otherwise(model: Recommender, changes: Mapping[str, Any]) -> Recommender:
    """The same fitted model with other parameters of asking."""
    other = fresh(model, **changes)
    for name in ("interactions_", "items_", *model._state):
        setattr(other, name, getattr(model, name))
    return other
