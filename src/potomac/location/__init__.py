"""Where should it be, so that people get there quickly? Sites by travel time, with a bound beside each answer.

Names are loaded when they are first used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potomac.location.geometry import Circle as Circle
    from potomac.location.geometry import Site as Site
    from potomac.location.geometry import geometric_median as geometric_median
    from potomac.location.geometry import smallest_circle as smallest_circle
    from potomac.location.placement import Placement as Placement
    from potomac.location.pmedian.costs import Nearby as Nearby
    from potomac.location.pmedian.search import p_median as p_median

_HOMES = {
    "Circle": "geometry",
    "Nearby": "pmedian.costs",
    "Placement": "placement",
    "Site": "geometry",
    "geometric_median": "geometry",
    "p_median": "pmedian.search",
    "smallest_circle": "geometry",
}

__all__ = ["Circle", "Nearby", "Placement", "Site", "geometric_median", "p_median", "smallest_circle"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(_import_module(f"potomac.location.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'potomac.location' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
