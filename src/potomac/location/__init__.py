"""Where should it be, so that people get there quickly? Sites by travel time, with a bound beside each answer.

Names are loaded when they are first used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potomac.location.anywhere import Anywhere as Anywhere
    from potomac.location.anywhere import sites_anywhere as sites_anywhere
    from potomac.location.attendance import max_attendance as max_attendance
    from potomac.location.capacitated import capacitated_p_median as capacitated_p_median
    from potomac.location.center import p_center as p_center
    from potomac.location.charges import fixed_charge as fixed_charge
    from potomac.location.covering import max_coverage as max_coverage
    from potomac.location.covering import set_cover as set_cover
    from potomac.location.exchange import from_cost_matrix as from_cost_matrix
    from potomac.location.exchange import from_geodataframe as from_geodataframe
    from potomac.location.exchange import from_geojson as from_geojson
    from potomac.location.exchange import to_geojson as to_geojson
    from potomac.location.frontier import Frontier as Frontier
    from potomac.location.frontier import equity_frontier as equity_frontier
    from potomac.location.geometry import Circle as Circle
    from potomac.location.geometry import Site as Site
    from potomac.location.geometry import geometric_median as geometric_median
    from potomac.location.geometry import smallest_circle as smallest_circle
    from potomac.location.gravity import huff as huff
    from potomac.location.gravity import max_huff as max_huff
    from potomac.location.moving import Drift as Drift
    from potomac.location.moving import drift as drift
    from potomac.location.placement import Placement as Placement
    from potomac.location.placing import place_sites as place_sites
    from potomac.location.pmedian.costs import Nearby as Nearby
    from potomac.location.pmedian.search import p_median as p_median
    from potomac.location.quantile import p_quantile as p_quantile
    from potomac.location.question import Problem as Problem
    from potomac.location.rivals import Market as Market
    from potomac.location.scenarios import Areas as Areas
    from potomac.location.scenarios import Spread as Spread
    from potomac.location.scenarios import Stability as Stability
    from potomac.location.scenarios import by_hour as by_hour
    from potomac.location.scenarios import over_roads as over_roads
    from potomac.location.scenarios import stability as stability
    from potomac.location.travel.calibrate import Calibration as Calibration
    from potomac.location.travel.calibrate import Sample as Sample
    from potomac.location.travel.calibrate import calibrate as calibrate
    from potomac.location.travel.calibrate import drawn_sample as drawn_sample
    from potomac.location.travel.circuity import Circuity as Circuity
    from potomac.location.travel.circuity import CircuityDensity as CircuityDensity
    from potomac.location.travel.circuity import CircuityDistance as CircuityDistance
    from potomac.location.travel.density import DensitySurface as DensitySurface
    from potomac.location.travel.matrix import Matrix as Matrix
    from potomac.location.travel.model import TravelModel as TravelModel
    from potomac.location.travel.network import RoadNetwork as RoadNetwork
    from potomac.location.travel.osm import osm_network as osm_network
    from potomac.location.travel.plain import GreatCircle as GreatCircle
    from potomac.location.travel.plain import Minkowski as Minkowski

_HOMES = {
    "Anywhere": "anywhere",
    "Areas": "scenarios",
    "Calibration": "travel.calibrate",
    "Circle": "geometry",
    "Circuity": "travel.circuity",
    "CircuityDensity": "travel.circuity",
    "CircuityDistance": "travel.circuity",
    "DensitySurface": "travel.density",
    "Drift": "moving",
    "Frontier": "frontier",
    "GreatCircle": "travel.plain",
    "Market": "rivals",
    "Matrix": "travel.matrix",
    "Minkowski": "travel.plain",
    "Nearby": "pmedian.costs",
    "Placement": "placement",
    "Problem": "question",
    "RoadNetwork": "travel.network",
    "Sample": "travel.calibrate",
    "Site": "geometry",
    "Spread": "scenarios",
    "Stability": "scenarios",
    "TravelModel": "travel.model",
    "by_hour": "scenarios",
    "calibrate": "travel.calibrate",
    "capacitated_p_median": "capacitated",
    "drawn_sample": "travel.calibrate",
    "drift": "moving",
    "equity_frontier": "frontier",
    "fixed_charge": "charges",
    "from_cost_matrix": "exchange",
    "from_geodataframe": "exchange",
    "from_geojson": "exchange",
    "geometric_median": "geometry",
    "huff": "gravity",
    "max_attendance": "attendance",
    "max_coverage": "covering",
    "max_huff": "gravity",
    "osm_network": "travel.osm",
    "over_roads": "scenarios",
    "p_center": "center",
    "p_median": "pmedian.search",
    "p_quantile": "quantile",
    "place_sites": "placing",
    "set_cover": "covering",
    "sites_anywhere": "anywhere",
    "smallest_circle": "geometry",
    "stability": "scenarios",
    "to_geojson": "exchange",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - a list all the same


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'potomac.location' has no attribute {name!r}")
    found = getattr(_import_module(f"potomac.location.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
