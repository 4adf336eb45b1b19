"""An experiment of a study -> its result: fitted inputs, draws, sensitivity, in tables and words."""

from __future__ import annotations

from potomac.engine import Progress, Result
from potomac.errors import PotomacError
from potomac.simulation.montecarlo import told
from potomac.simulation.montecarlo.found import Answered
from potomac.simulation.montecarlo.posed import Posed, checked, keyed
from potomac.simulation.montecarlo.run import monte_carlo
from potomac.simulation.montecarlo.sensitivity import sensitivity
from potomac.simulation.telling.building import Data

__all__ = ["answer"]


def answer(posed: Posed, data: Data, progress: Progress) -> Result:
    """Answer a study.

    Args:
        posed: what is asked.
        data: its tables.
        progress: told what is done.

    Raises:
        StudyError: the experiment, or what is asked, is wrong.
        DataError: a table is wrong, or a formula gives no number.
        NoAnswer: a mean is asked of values of infinite variance.
    """
    inputs, formulas = checked(posed, data)
    try:
        done = monte_carlo(formulas, inputs=inputs, progress=progress, **posed.asked)
        driven = None
        if posed.sensitivity:
            progress("sensitivity", 0)
            confidence, seed = posed.confidence, posed.seed
            driven = sensitivity(formulas, inputs, posed.sensitivity, confidence=confidence, seed=seed)
    except PotomacError as error:
        raise keyed(error) from error
    return told.result(Answered(posed, data, inputs, done, driven))
