"""The methods by the word that a study calls them by."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from potomac.errors import Fault, StudyError, did_you_mean, listing

if TYPE_CHECKING:
    from potomac.recommend.recommender import Recommender

__all__ = ["METHODS", "arguments_of", "method_named", "signature_of"]

METHODS: Mapping[str, tuple[str, str]] = {
    "als": ("factorisation.als", "ALS"),
    "auto": ("choice.auto", "Auto"),
    "content": ("attributes.content", "Content"),
    "ease": ("regression.ease", "EASE"),
    "factors": ("factorisation.factors", "Factors"),
    "hybrid": ("blends.hybrid", "Hybrid"),
    "item_knn": ("regression.neighbours", "ItemKNN"),
    "next_item": ("regression.next_item", "NextItem"),
    "picks": ("offering.picks", "Picks"),
    "popular": ("popular", "Popular"),
}
"""Module and class of each method."""


def method_named(name: str) -> type[Recommender]:
    """The class of a method.

    Raises:
        StudyError: there is no such method.
    """
    if name not in METHODS:
        found, near = f'no method "{name}"', did_you_mean(name, list(METHODS))
        raise StudyError(
            Fault("recommend.method-name", found, f"there are {listing(list(METHODS))}", near, key="method")
        )
    module, kind = METHODS[name]
    found_class: type[Recommender] = getattr(import_module(f"potomac.recommend.{module}"), kind)
    return found_class


def arguments_of(model: object) -> dict[str, Any]:
    """The constructor's arguments of a model, as they are now."""
    return {name: getattr(model, name) for name in signature_of(model)}


def signature_of(model: object) -> Mapping[str, inspect.Parameter]:
    """The parameters of a model's constructor, by name; none where it has none of its own."""
    return inspect.signature(type(model)).parameters
