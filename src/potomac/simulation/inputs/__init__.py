"""From observed data to the inputs of a model: distributions, arrivals, counts."""

from potomac.simulation.inputs.arriving import Arrivals, arrivals
from potomac.simulation.inputs.counting import Counts, counts
from potomac.simulation.inputs.fitting import Fit, Fits, fit

__all__ = ["Arrivals", "Counts", "Fit", "Fits", "arrivals", "counts", "fit"]
