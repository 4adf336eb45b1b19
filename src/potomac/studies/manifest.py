"""run.json: what was asked, of what, by what, and what came out."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING, Any

from potomac import __version__
from potomac.engine import Fact, Result, Show
from potomac.studies import registry
from potomac.studies.dump import literal
from potomac.studies.toml import dotted

if TYPE_CHECKING:
    from potomac.studies.load import Loaded
    from potomac.tables import Table

__all__ = ["FORMAT", "command", "fact_of", "facts", "question", "rows", "show_of", "version", "versions"]

FORMAT = 1
"""Number of the form of run.json."""

_LIBRARIES = {
    "numpy": "numpy", "scipy": "scipy", "pyarrow": "pyarrow", "duckdb": "duckdb", "pydantic": "pydantic",
    "sklearn": "scikit-learn", "numba": "numba", "pandas": "pandas", "polars": "polars",
}  # fmt: skip


def versions(kind: str) -> dict[str, str]:
    """Versions of Potomac, the engine's distribution, Python and the libraries that took part."""
    found = {"potomac": __version__, "python": platform.python_version(), "platform": platform.platform()}
    entry = registry.listed().get(kind)
    if entry is not None:
        found[entry.distribution] = entry.version
    loaded = {name: version(name) for module, name in _LIBRARIES.items() if module in sys.modules}
    return {**found, **loaded}


def version(distribution: str) -> str:
    """The installed version of a distribution, or ``not installed``."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def question(loaded: Loaded) -> dict[str, Any]:
    """The study as resolved: every key with its value, and what the command line changed."""
    study = loaded.study
    return {
        "kind": study.kind,
        "name": study.name,
        "title": study.title,
        "seed": study.seed,
        "study": study.model_dump(mode="json", by_alias=True),
        "study_file": loaded.document.file,
        "settings": {dotted(path): value for path, value in loaded.settings.items()},
        "command": command(loaded),
    }


def command(loaded: Loaded, out: str = "runs") -> str:
    """What to type to run the study again (into ``out``); nothing where it did not come from a file."""
    if not loaded.document.file:
        return ""
    settings = [f"{dotted(path)}={literal(value)}" for path, value in loaded.settings.items()]
    words = [word for setting in settings for word in ("--set", setting)]
    place = [] if out == "runs" else ["--out", out]
    return shlex.join(["potomac", "run", loaded.document.file, *words, *place])


def rows(tables: Mapping[str, Table]) -> dict[str, Any]:
    """Rows read, used and rejected of each table."""
    counts = {name: table.counts() for name, table in tables.items()}
    return {
        name: {
            "read": count.read,
            "used": count.used,
            "rejected": count.rejected,
            "reasons": dict(count.reasons),
            "duplicates": count.duplicates,
        }
        for name, count in counts.items()
    }


def facts(result: Result) -> dict[str, Any]:
    """Facts by name."""
    return {fact.name: {k: v for k, v in asdict(fact).items() if k != "name"} for fact in result.facts}


def fact_of(name: str, value: Mapping[str, Any]) -> Fact:
    """The fact that :func:`facts` wrote."""
    numbers = {key: _number(value.get(key)) for key in ("value", "low", "high")}
    return Fact(**{**value, **numbers, "name": name})


def _number(value: Any) -> Any:
    return float(value) if value in ("Infinity", "-Infinity") else value


def show_of(values: Iterable[Mapping[str, Any]]) -> tuple[Show, ...]:
    """How the report shows its tables, as run.json keeps it."""
    return tuple(Show(**{**value, "columns": tuple(value["columns"])}) for value in values)
