"""Tables of a study -> observed values in its unit of time, with the rows they come from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.simulation.telling.building import Data, Series
from potomac.simulation.telling.question import Question
from potomac.tables import Table

__all__ = ["data_of"]

SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86_400.0, "weeks": 604_800.0}
"""Units of time that times of day are counted in."""


def data_of(tables: Mapping[str, Table], question: Question) -> Data:
    """The tables ``data.NAME`` of a study as series by name.

    Raises:
        DataError: a table has no usable row.
        StudyError: times of day cannot be counted in the study's unit.
    """
    found = {}
    for full, table in tables.items():
        name = full.removeprefix("data.")
        found[name] = _series(table, full, question, question.ties.get(name, "auto"))
    return Data([*found], found, question.seed)


def _series(table: Table, full: str, question: Question, ties: str) -> Series:
    times = "time" in table.columns
    got = table.to_arrow(["row", "time" if times else "value"])
    rows = got["row"].to_numpy()
    if not rows.size:
        raise DataError(
            Fault("simulation.trace", "the table is empty", "expected observed values", key=f"{full}.source")
        )
    if not times:
        return Series(got["value"].to_numpy().astype(float), rows, ties=ties)
    if question.time_unit not in SECONDS:
        found = f"times of day cannot be counted in {question.time_unit!r:.40}"
        mend = did_you_mean(question.time_unit, list(SECONDS))
        raise StudyError(Fault("simulation.table", found, f"expected one of {listing(SECONDS)}", mend, key="time_unit"))
    t = got["time"].to_numpy().astype("datetime64[us]")
    return Series((t - t[0]) / np.timedelta64(1, "us") / 1e6 / SECONDS[question.time_unit], rows, True, ties)
