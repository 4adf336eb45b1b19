"""Which movements are out of place here? Odds of being real against simulated rows, locally, with the reasons.

Names are loaded when they are first used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potomac.outliers.detectors import LocalContrastDetector as LocalContrastDetector
    from potomac.outliers.positions import Positions as Positions
    from potomac.outliers.positions import positions_of as positions_of
    from potomac.outliers.tabular import ContrastDetector as ContrastDetector

_HOMES = {
    "ContrastDetector": "tabular",
    "LocalContrastDetector": "detectors",
    "Positions": "positions",
    "positions_of": "positions",
}

__all__ = ["ContrastDetector", "LocalContrastDetector", "Positions", "positions_of"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(_import_module(f"potomac.outliers.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'potomac.outliers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
