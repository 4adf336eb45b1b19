"""Tables of the demo, drawn by Potomac itself: what a check-in desk of a meetup and a shop would have noted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyarrow import csv

from potomac.engine import Progress
from potomac.errors import Fault, StudyError
from potomac.stats.streams import Stream

__all__ = ["ARRIVALS", "CHECKINS", "prepare"]

ARRIVALS, CHECKINS = "arrivals.csv", "checkins.csv"

DOORS, RATES = 10.0, (0.5, 1.4, 2.2, 1.6, 0.8, 0.4)
"""People a minute in pieces of ten minutes."""


def prepare(directory: str, progress: Progress) -> None:
    """Write the tables of the demo studies into ``directory``, where they are not there yet.

    ``arrivals.csv`` has the minutes at which people came to the check-in desk of one evening, by a Poisson process
    whose rate rises and falls; ``checkins.csv`` has the minutes that 200 check-ins took (gamma, mean 1.2, coefficient
    of variation 0.6). Both are drawn with a fixed seed: they are no observations.

    Raises:
        StudyError: the directory cannot be written.
    """
    stream = Stream(5, ("simulation", "demo"))
    tables = {
        ARRIVALS: _arrivals(stream.child("arrivals").generator()),
        CHECKINS: _checkins(stream.child("checkins").generator()),
    }
    progress("writing tables of the demo", 0, len(tables))
    for name, table in tables.items():
        try:
            with open(f"{directory}/{name}", "xb") as file:
                csv.write_csv(table, file)
        except FileExistsError:
            continue
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StudyError(
                Fault("demo.unwritable", f"the demo cannot be written: {reason}", file=directory)
            ) from error


def _arrivals(generator: np.random.Generator) -> pa.Table:
    """Times of a Poisson process: in each piece their number is Poisson, and they lie evenly in it."""
    times = [DOORS * k + DOORS * generator.random(generator.poisson(DOORS * rate)) for k, rate in enumerate(RATES)]
    return pa.table({"minute": np.round(np.sort(np.concatenate(times)), 5)})


def _checkins(generator: np.random.Generator) -> pa.Table:
    shape = 1 / 0.6**2
    return pa.table({"minutes": np.round(generator.gamma(shape, 1.2 / shape, 200), 3)})
