"""Small studies of kind recommend, made for tests: two tastes that do not meet, or what a test gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from potomac import studies
from potomac.errors import PotomacError
from potomac.studies.opened import Run

EPOCH = 1_700_000_000
ROLES = ("user", "item", "value", "time")


def camps(people: int = 400, items: int = 160, each: int = 16, seed: int = 1) -> dict[str, Any]:
    """Half of the people choose among the first half of the items, the others among the rest: taste is all there is.

    Nothing is more popular than anything else within a half, so a list for all does half as well as one of one's own.
    """
    draws = np.random.default_rng(seed)
    half = items // 2
    user = np.repeat(np.arange(people), each)
    item = np.concatenate([draws.permutation(half)[:each] + half * (u % 2) for u in range(people)])
    time = EPOCH + draws.permutation(len(user)) * 60
    return {"user": user, "item": item, "time": time}


def catalogue(items: int = 160) -> dict[str, Any]:
    """A title and a kind for each item of :func:`camps`; the kind is the half it belongs to."""
    number = np.arange(items)
    kinds = np.where(number < items // 2, "sea", "hill")
    return {"item": number, "title": [f"Tale {i}" for i in number], "kind": kinds}


def study(interactions: Mapping[str, Any], items: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A study of tables in memory; further keys by the name of their table."""
    own = more.pop("interactions_keys", {})
    there = {role: role for role in ROLES if role in interactions}
    found: dict[str, Any] = {
        "kind": "recommend",
        "name": "small",
        "interactions": {"source": "in memory", "columns": there, **own},
        "model": {"method": "popular", **more.pop("model", {})},
        "evaluation": {"methods": [], **more.pop("evaluation", {})},
        **more,
    }
    if items is not None:
        told = {role: role for role in ("item", "title", "available") if role in items}
        features = [name for name in items if name not in told]
        found["items"] = {"source": "in memory", "columns": told, "features": features}
    return found


def run(out: Path, interactions: Mapping[str, Any], items: Mapping[str, Any] | None = None, **more: Any) -> Run:
    """The run of such a study."""
    tables = {"interactions": pa.table(dict(interactions))}
    if items is not None:
        tables["items"] = pa.table(dict(items))
    return studies.run(study(interactions, items, **more), out=out, tables=tables)


def faults(out: Path, *given: Any, **more: Any) -> tuple[int, Any]:
    """Exit code and first fault of a run that ends with an error."""
    try:
        run(out, *given, **more)
    except PotomacError as error:
        return error.exit_code, error.faults[0]
    raise AssertionError("the run ended without an error")
