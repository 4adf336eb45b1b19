"""Who would want what, and should we build this at all? Recommenders, their honest test, and a verdict before them.

Names are loaded when they are first used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potomac.recommend.attributes.content import Content as Content
    from potomac.recommend.blends.hybrid import Hybrid as Hybrid
    from potomac.recommend.choice.auto import Auto as Auto
    from potomac.recommend.explanation import Explanation as Explanation
    from potomac.recommend.factorisation.als import ALS as ALS
    from potomac.recommend.factorisation.factors import Factors as Factors
    from potomac.recommend.judging.verdict import Readiness as Readiness
    from potomac.recommend.judging.verdict import readiness as readiness
    from potomac.recommend.keeping import restored as restored
    from potomac.recommend.keeping import to_tables as to_tables
    from potomac.recommend.matrix.interactions import Histories as Histories
    from potomac.recommend.matrix.interactions import Interactions as Interactions
    from potomac.recommend.matrix.items import Items as Items
    from potomac.recommend.methods import method_named as method_named
    from potomac.recommend.offering.picks import Picks as Picks
    from potomac.recommend.offering.rules import Rules as Rules
    from potomac.recommend.popular import Popular as Popular
    from potomac.recommend.recommender import Recommender as Recommender
    from potomac.recommend.regression.ease import EASE as EASE
    from potomac.recommend.regression.neighbours import ItemKNN as ItemKNN
    from potomac.recommend.regression.next_item import NextItem as NextItem
    from potomac.recommend.suggestion.suggest import Suggester as Suggester
    from potomac.recommend.testing.evaluation import Evaluation as Evaluation
    from potomac.recommend.testing.evaluation import evaluate as evaluate
    from potomac.recommend.testing.leakage import Leak as Leak
    from potomac.recommend.testing.leakage import leaks as leaks
    from potomac.recommend.testing.splits import Split as Split
    from potomac.recommend.testing.splits import split_of as split_of
    from potomac.recommend.worlds import World as World
    from potomac.recommend.worlds import shuffled as shuffled
    from potomac.recommend.worlds import simulated as simulated

_HOMES = {
    "ALS": "factorisation.als",
    "Auto": "choice.auto",
    "Content": "attributes.content",
    "EASE": "regression.ease",
    "Evaluation": "testing.evaluation",
    "Explanation": "explanation",
    "Factors": "factorisation.factors",
    "Histories": "matrix.interactions",
    "Hybrid": "blends.hybrid",
    "Interactions": "matrix.interactions",
    "ItemKNN": "regression.neighbours",
    "Items": "matrix.items",
    "Leak": "testing.leakage",
    "NextItem": "regression.next_item",
    "Picks": "offering.picks",
    "Popular": "popular",
    "Readiness": "judging.verdict",
    "Recommender": "recommender",
    "Rules": "offering.rules",
    "Split": "testing.splits",
    "Suggester": "suggestion.suggest",
    "World": "worlds",
    "evaluate": "testing.evaluation",
    "leaks": "testing.leakage",
    "method_named": "methods",
    "readiness": "judging.verdict",
    "restored": "keeping",
    "shuffled": "worlds",
    "simulated": "worlds",
    "split_of": "testing.splits",
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
