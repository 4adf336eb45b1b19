"""What will happen if, and is the model right? Queues, stocks and machines by simulation, with exact values beside.

Names are loaded when they are first used. ``closed_forms`` holds all exact answers.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potomac.simulation import closed_forms as closed_forms
    from potomac.simulation.closed_forms import Lot as Lot
    from potomac.simulation.closed_forms import Newsvendor as Newsvendor
    from potomac.simulation.closed_forms import economic_order_quantity as economic_order_quantity
    from potomac.simulation.closed_forms import newsvendor_discrete as newsvendor_discrete
    from potomac.simulation.closed_forms import newsvendor_exponential as newsvendor_exponential
    from potomac.simulation.closed_forms import newsvendor_normal as newsvendor_normal
    from potomac.simulation.closed_forms import newsvendor_poisson as newsvendor_poisson
    from potomac.simulation.closed_forms import newsvendor_uniform as newsvendor_uniform
    from potomac.simulation.closed_forms import quantity_discount as quantity_discount
    from potomac.simulation.comparing import Compared as Compared
    from potomac.simulation.comparing import Difference as Difference
    from potomac.simulation.comparing import compare as compare
    from potomac.simulation.comparing import differences as differences
    from potomac.simulation.components import Component as Component
    from potomac.simulation.components import Crew as Crew
    from potomac.simulation.components import Plant as Plant
    from potomac.simulation.components import System as System
    from potomac.simulation.declared import Rate as Rate
    from potomac.simulation.distributions import Distribution as Distribution
    from potomac.simulation.distributions import beta as beta
    from potomac.simulation.distributions import binomial as binomial
    from potomac.simulation.distributions import deterministic as deterministic
    from potomac.simulation.distributions import discrete as discrete
    from potomac.simulation.distributions import distribution as distribution
    from potomac.simulation.distributions import empirical as empirical
    from potomac.simulation.distributions import erlang as erlang
    from potomac.simulation.distributions import exponential as exponential
    from potomac.simulation.distributions import gamma as gamma
    from potomac.simulation.distributions import geometric as geometric
    from potomac.simulation.distributions import hyperexponential as hyperexponential
    from potomac.simulation.distributions import lognormal as lognormal
    from potomac.simulation.distributions import normal as normal
    from potomac.simulation.distributions import pareto as pareto
    from potomac.simulation.distributions import poisson as poisson
    from potomac.simulation.distributions import trace as trace
    from potomac.simulation.distributions import triangular as triangular
    from potomac.simulation.distributions import uniform as uniform
    from potomac.simulation.distributions import weibull as weibull
    from potomac.simulation.estimates.estimate import Estimate as Estimate
    from potomac.simulation.inputs import Arrivals as Arrivals
    from potomac.simulation.inputs import Counts as Counts
    from potomac.simulation.inputs import Fit as Fit
    from potomac.simulation.inputs import Fits as Fits
    from potomac.simulation.inputs import arrivals as arrivals
    from potomac.simulation.inputs import counts as counts
    from potomac.simulation.inputs import fit as fit
    from potomac.simulation.lehmer import Lehmer as Lehmer
    from potomac.simulation.model import Model as Model
    from potomac.simulation.montecarlo import Cards as Cards
    from potomac.simulation.montecarlo import Drawn as Drawn
    from potomac.simulation.montecarlo import Inputs as Inputs
    from potomac.simulation.montecarlo import MonteCarlo as MonteCarlo
    from potomac.simulation.montecarlo import cards as cards
    from potomac.simulation.montecarlo import coins as coins
    from potomac.simulation.montecarlo import dice as dice
    from potomac.simulation.montecarlo import monte_carlo as monte_carlo
    from potomac.simulation.montecarlo.sensitivity import Sensitivity as Sensitivity
    from potomac.simulation.montecarlo.sensitivity import sensitivity as sensitivity
    from potomac.simulation.output import Asked as Asked
    from potomac.simulation.output import Simulated as Simulated
    from potomac.simulation.output import simulate as simulate
    from potomac.simulation.periods import periodic as periodic
    from potomac.simulation.processed import Processed as Processed
    from potomac.simulation.processed import simulate_processes as simulate_processes
    from potomac.simulation.processes import World as World
    from potomac.simulation.selection import Selected as Selected
    from potomac.simulation.selection import kn as kn
    from potomac.simulation.selection import ocba as ocba
    from potomac.simulation.selection import select as select
    from potomac.simulation.validity.calibration import Calibration as Calibration
    from potomac.simulation.validity.calibration import Finding as Finding
    from potomac.simulation.validity.calibration import calibrate as calibrate
    from potomac.simulation.validity.judged import Check as Check
    from potomac.simulation.validity.readings import Bounds as Bounds
    from potomac.simulation.validity.readings import Draws as Draws
    from potomac.simulation.validity.readings import Normal as Normal
    from potomac.simulation.validity.readings import Places as Places
    from potomac.simulation.validity.readings import Point as Point
    from potomac.simulation.validity.validation import Validation as Validation
    from potomac.simulation.validity.validation import validate as validate

_HOMES = {
    "Arrivals": "inputs",
    "Asked": "output",
    "Bounds": "validity.readings",
    "Calibration": "validity.calibration",
    "Cards": "montecarlo",
    "Check": "validity.judged",
    "Compared": "comparing",
    "Component": "components",
    "Counts": "inputs",
    "Crew": "components",
    "Difference": "comparing",
    "Distribution": "distributions",
    "Drawn": "montecarlo",
    "Draws": "validity.readings",
    "Estimate": "estimates.estimate",
    "Finding": "validity.calibration",
    "Fit": "inputs",
    "Fits": "inputs",
    "Inputs": "montecarlo",
    "Lehmer": "lehmer",
    "Lot": "closed_forms",
    "Model": "model",
    "MonteCarlo": "montecarlo",
    "Newsvendor": "closed_forms",
    "Normal": "validity.readings",
    "Places": "validity.readings",
    "Plant": "components",
    "Point": "validity.readings",
    "Processed": "processed",
    "Rate": "declared",
    "Selected": "selection",
    "Sensitivity": "montecarlo.sensitivity",
    "Simulated": "output",
    "System": "components",
    "Validation": "validity.validation",
    "World": "processes",
    "arrivals": "inputs",
    "beta": "distributions",
    "binomial": "distributions",
    "calibrate": "validity.calibration",
    "cards": "montecarlo",
    "coins": "montecarlo",
    "compare": "comparing",
    "counts": "inputs",
    "deterministic": "distributions",
    "dice": "montecarlo",
    "differences": "comparing",
    "discrete": "distributions",
    "distribution": "distributions",
    "economic_order_quantity": "closed_forms",
    "empirical": "distributions",
    "erlang": "distributions",
    "exponential": "distributions",
    "fit": "inputs",
    "gamma": "distributions",
    "geometric": "distributions",
    "hyperexponential": "distributions",
    "kn": "selection",
    "lognormal": "distributions",
    "monte_carlo": "montecarlo",
    "newsvendor_discrete": "closed_forms",
    "newsvendor_exponential": "closed_forms",
    "newsvendor_normal": "closed_forms",
    "newsvendor_poisson": "closed_forms",
    "newsvendor_uniform": "closed_forms",
    "normal": "distributions",
    "ocba": "selection",
    "pareto": "distributions",
    "periodic": "periods",
    "poisson": "distributions",
    "quantity_discount": "closed_forms",
    "select": "selection",
    "sensitivity": "montecarlo.sensitivity",
    "simulate": "output",
    "simulate_processes": "processed",
    "trace": "distributions",
    "triangular": "distributions",
    "uniform": "distributions",
    "validate": "validity.validation",
    "weibull": "distributions",
}

__all__ = sorted([*_HOMES, "closed_forms"])  # noqa: PLE0605 - a list all the same


def __getattr__(name: str) -> object:
    if name == "closed_forms":
        return _import_module("potomac.simulation.closed_forms")
    if name not in _HOMES:
        raise AttributeError(f"module 'potomac.simulation' has no attribute {name!r}")
    found = getattr(_import_module(f"potomac.simulation.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
