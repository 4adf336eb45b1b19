"""Who would want what, and should we build this at all? Recommenders, their honest test, and a verdict before them.

Names are loaded when they are first used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potomac.recommend.als import ALS as ALS
    from potomac.recommend.auto import Auto as Auto
    from potomac.recommend.content import Content as Content
    from potomac.recommend.ease import EASE as EASE
    from potomac.recommend.evaluation import Evaluation as Evaluation
    from potomac.recommend.evaluation import evaluate as evaluate
    from potomac.recommend.explanation import Explanation as Explanation
    from potomac.recommend.factors import Factors as Factors
    from potomac.recommend.hybrid import Hybrid as Hybrid
    from potomac.recommend.interactions import Histories as Histories
    from potomac.recommend.interactions import Interactions as Interactions
    from potomac.recommend.items import Items as Items
    from potomac.recommend.keeping import restored as restored
    from potomac.recommend.keeping import to_tables as to_tables
    from potomac.recommend.leakage import Leak as Leak
    from potomac.recommend.leakage import leaks as leaks
    from potomac.recommend.methods import method_named as method_named
    from potomac.recommend.neighbours import ItemKNN as ItemKNN
    from potomac.recommend.next_item import NextItem as NextItem
    from potomac.recommend.picks import Picks as Picks
    from potomac.recommend.popular import Popular as Popular
    from potomac.recommend.recommender import Recommender as Recommender
    from potomac.recommend.rules import Rules as Rules
    from potomac.recommend.splits import Split as Split
    from potomac.recommend.splits import split_of as split_of
    from potomac.recommend.suggest import Suggester as Suggester
    from potomac.recommend.verdict import Readiness as Readiness
    from potomac.recommend.verdict import readiness as readiness
    from potomac.recommend.worlds import World as World
    from potomac.recommend.worlds import shuffled as shuffled
    from potomac.recommend.worlds import simulated as simulated

_HOMES = {
    "ALS": "als",
    "Auto": "auto",
    "Content": "content",
    "EASE": "ease",
    "Evaluation": "evaluation",
    "Explanation": "explanation",
    "Factors": "factors",
    "Histories": "interactions",
    "Hybrid": "hybrid",
    "Interactions": "interactions",
    "ItemKNN": "neighbours",
    "Items": "items",
    "Leak": "leakage",
    "NextItem": "next_item",
    "Picks": "picks",
    "Popular": "popular",
    "Readiness": "verdict",
    "Recommender": "recommender",
    "Rules": "rules",
    "Split": "splits",
    "Suggester": "suggest",
    "World": "worlds",
    "evaluate": "evaluation",
    "leaks": "leakage",
    "method_named": "methods",
    "readiness": "verdict",
    "restored": "keeping",
    "shuffled": "worlds",
    "simulated": "worlds",
    "split_of": "splits",
    "to_tables": "keeping",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - a list all the same


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'potomac.recommend' has no attribute {name!r}")
    found = getattr(_import_module(f"potomac.recommend.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
