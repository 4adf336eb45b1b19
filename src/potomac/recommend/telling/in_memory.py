"""A run in memory: its fitted model, its rules, and what is made of them when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.recommend.keeping import restored, to_tables
from potomac.recommend.offering.arranging import Tiers
from potomac.recommend.offering.rules import Resolved
from potomac.recommend.recommender import Recommender
from potomac.recommend.suggestion.suggest import Suggester

if TYPE_CHECKING:
    from potomac.recommend.attributes.content import Content

__all__ = ["Live", "held", "kept", "topics_of"]

Mask = npt.NDArray[np.bool_]

READY = 50_000
"""Titles from which on what suggestions need is kept with the run; of fewer it is made in the blink of an eye."""

WORD = 60
"""Letters of a value of a feature that is a topic; what is longer is text."""


@dataclass(frozen=True, eq=False)
class Live:
    """A run in memory.

    Attributes:
        model: fitted.
        rules: of the house, in item numbers.
        seen: whether what somebody had to do with may be offered again.
        novelty, diversity, calibration: of the run's lists.
        tables: of the run's model, for what is made when it is first asked for.
    """

    model: Recommender
    rules: Resolved
    seen: bool
    novelty: float
    diversity: float
    calibration: float
    tables: Mapping[str, pa.Table]

    @cached_property
    def suggester(self) -> Suggester:
        """Titles, and topics that the catalogue has."""
        if "suggest_texts" in self.tables:
            return Suggester.from_tables(self.tables)
        return suggester_of(self.model)

    @cached_property
    def content(self) -> Content | None:
        """What items are like, where the catalogue says so: the model itself, a part of it, or one fitted for this."""
        from potomac.recommend.attributes.content import Content
        from potomac.recommend.attributes.features import described

        model = getattr(self.model, "chosen_", self.model)
        for one in (model, *getattr(model, "models_", ())):
            if isinstance(one, Content):
                return one
        if not described(self.model.items_):
            return None
        return Content().fit(self.model.interactions_, self.model.items_)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """People who had to do with each item, shape (n,)."""
        return self.model.interactions_.of_items

    @cached_property
    def tiers(self) -> Tiers:
        """Which items are popular, middling or rare."""
        return Tiers.by(self.counts)

    def title(self, row: int) -> str:
        """Of an item."""
        return str(self.model.items_.titles[row].as_py())

    def id(self, row: int) -> int | str:
        """Of an item."""
        found: int | str = self.model.items_.ids[row].as_py()
        return found


def kept(
    model: Recommender, rules: Resolved | None = None, *, seen: bool = False, novelty: float = 0.0,
    diversity: float = 0.0, calibration: float = 0.0,
) -> dict[str, pa.Table]:  # fmt: skip
    """The tables from which :func:`held` makes a run again.

    Args:
        model: fitted.
        rules: of the house, in item numbers; None: everything may be offered.
        seen, novelty, diversity, calibration: as the run's lists were made.
    """
    caps = () if rules is None else rules.caps
    wish = {"novelty": novelty, "diversity": diversity, "calibration": calibration}
    about = {"seen": seen, **wish, "caps": [most for _, _, most in caps]}
    tables = to_tables(model)
    tables["live"] = pa.table({"about": [json.dumps(about)]})
    if rules is not None:
        tables["allowed"] = pa.table({"value": np.asarray(rules.allowed, np.bool_), "lift": rules.lift})
        tables["pins"] = pa.table({"item": rules.pins})
    for place, (indptr, kinds, _) in enumerate(caps):
        tables[f"cap_{place}"] = pa.table({"kinds": np.split(kinds, indptr[1:-1])})
    if len(model.items_) >= READY:
        tables |= suggester_of(model).to_tables()
    return tables


def held(tables: Mapping[str, pa.Table]) -> Live:
    """The run from its tables; those of a model alone do, too.

    Raises:
        DataError: they are damaged.
    """
    about = json.loads(tables["live"]["about"][0].as_py()) if "live" in tables else {}
    usual = {"seen": False, "novelty": 0.0, "diversity": 0.0, "calibration": 0.0}
    model = restored(tables)
    rules = _rules(tables, about.pop("caps", []), len(model.items_))
    return Live(model, rules, **{**usual, **about}, tables=tables)


def _rules(tables: Mapping[str, pa.Table], most: list[int], items: int) -> Resolved:
    """The rules of the house as they were kept."""
    if "allowed" not in tables:
        return Resolved(np.ones(items, np.bool_), (), np.zeros(items, np.float32), np.zeros(0, np.int32))
    kinds = [tables[f"cap_{place}"]["kinds"].combine_chunks() for place in range(len(most))]
    caps = tuple(
        (one.offsets.to_numpy().astype(np.int64), one.values.to_numpy().astype(np.int32), many)
        for one, many in zip(kinds, most, strict=True)
    )
    allowed, lift = (tables["allowed"][name].to_numpy() for name in ("value", "lift"))
    return Resolved(allowed, caps, lift, tables["pins"]["item"].to_numpy())


def suggester_of(model: Recommender) -> Suggester:
    """Titles by popularity, and beside them the values of features that are words."""
    items = model.items_
    topics = {name: values for name in items.features.column_names if (values := topics_of(items.features[name]))}
    return Suggester(items.titles, model.interactions_.of_items, topics)


def topics_of(column: pa.ChunkedArray) -> pa.Array | None:
    """A feature as topics, or None: words, or lists of words, some of which several items have."""
    values = column.combine_chunks()
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if pa.types.is_string(values.type) and pc.any(pc.match_substring(values, "|")).as_py():
        values = pc.split_pattern(values, "|")
    words = pc.list_flatten(values) if pa.types.is_list(values.type) else values
    if not (pa.types.is_string(words.type) or pa.types.is_large_string(words.type)):
        return None
    there = words.drop_null()
    few = len(there) and len(pc.unique(there)) < len(there)
    return values if few and pc.max(pc.utf8_length(there)).as_py() <= WORD else None
