"""What the declaration of the engine needs of experiments: faults, answer, pictures, live questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from potomac.errors import Fault, PotomacError
from potomac.simulation.montecarlo.answer import answer
from potomac.simulation.montecarlo.live import Live, load, sliders, what_if
from potomac.simulation.montecarlo.pictures import figures
from potomac.simulation.montecarlo.posed import KEY as KEPT
from potomac.simulation.montecarlo.posed import Posed, checked
from potomac.simulation.telling.building import Data

__all__ = ["KEPT", "Live", "answer", "check", "faults", "figures", "load", "sliders", "what_if"]


def faults(posed: Posed, tables: Sequence[str], beside: Sequence[str]) -> Iterator[Fault]:
    """What is wrong with an experiment, as far as it can be seen without its tables.

    Args:
        posed: what is asked.
        tables: names of those that the study declares.
        beside: keys of the study that mean nothing to an experiment.
    """
    for key in beside:
        found = f"{key} beside an experiment"
        mend = "Leave it out" if "." in key else f"Take one of [experiment] and {key} away"
        yield Fault(
            "simulation.experiment", found, "expected only one of them: time plays no part there", mend, key=key
        )
    try:
        checked(posed, Data(tables))
    except PotomacError as error:
        yield from error.faults


def check(posed: Posed, data: Data) -> None:
    """See whether an experiment is in order, its tables fitted.

    Raises:
        StudyError, DataError: it is not.
    """
    checked(posed, data)
