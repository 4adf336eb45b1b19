"""Monte Carlo: random experiments in which time plays no part, to the precision that is asked, and what drives them."""

from potomac.simulation.montecarlo.inputs import Cards, Drawn, Inputs, cards, coins, dice
from potomac.simulation.montecarlo.outcome import MonteCarlo
from potomac.simulation.montecarlo.run import monte_carlo
from potomac.simulation.montecarlo.sensitivity import Sensitivity, sensitivity

__all__ = [
    "Cards",
    "Drawn",
    "Inputs",
    "MonteCarlo",
    "Sensitivity",
    "cards",
    "coins",
    "dice",
    "monte_carlo",
    "sensitivity",
]
