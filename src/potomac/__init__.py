"""Potomac: questions asked of tables of places, times and people, answered with their uncertainty.

The names below are loaded when they are first used: ``import potomac`` itself loads nothing heavy.
"""

import importlib as _importlib

__version__ = "0.1.0"

_PARTS = (
    "cluster",
    "engine",
    "errors",
    "geo",
    "location",
    "outliers",
    "recommend",
    "report",
    "simulation",
    "social",
    "spec",
    "stats",
    "studies",
    "tables",
    "units",
)

__all__ = [
    "__version__",
    "engine",
    "errors",
    "geo",
    "location",
    "outliers",
    "recommend",
    "report",
    "simulation",
    "spec",
    "stats",
    "studies",
    "tables",
    "units",
]


def __getattr__(name: str) -> object:
    if name in _PARTS:
        try:
            return _importlib.import_module(f"potomac.{name}")
        except ModuleNotFoundError as error:
            if error.name == f"potomac.{name}":
                raise AttributeError(f"potomac {__version__} has no part {name!r} yet") from None
            raise
    raise AttributeError(f"module 'potomac' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
