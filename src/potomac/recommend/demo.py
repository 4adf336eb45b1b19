"""Tables of the demo: a catalogue of real films, and simulated members of a library who borrow them."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from potomac.engine import Progress
from potomac.errors import Fault, StudyError
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.worlds import BEGIN, DAY, World, simulated
from potomac.stats.streams import Stream
from potomac.tables.shipped import is_file

__all__ = ["FEATURES", "FILMS", "LOANS", "catalogue", "library", "prepare"]

FILMS = "films.csv"
LOANS = {"loans-two-weeks.csv": 14, "loans-a-quarter.csv": 91, "loans-a-year.csv": 366}
"""Tables of loans, and the days of the year that they hold."""
FEATURES = ("year", "genre", "setting", "source", "rating", "director", "distributor", "minutes")

MEMBERS, EACH = 3000, 20.0
SEED = 1


def prepare(directory: str, progress: Progress) -> None:
    """Write the tables of the demo studies into ``directory``, where they are not there yet.

    ``films.csv`` holds facts about 2,000 real films, as the npm package vega-datasets has them. The three tables of
    loans hold what the members of a library borrowed within two weeks, a quarter and a year: these people and
    their loans are simulated with a fixed seed, and nobody in them is real.

    Raises:
        StudyError: the directory cannot be written.
    """
    missing = [name for name in LOANS if not is_file(f"{directory}/{name}")]
    try:
        if not is_file(f"{directory}/{FILMS}"):
            _write(f"{directory}/{FILMS}", catalogue())
        if missing:
            progress("simulating a library", 0, 1)
            loans = _loans(library().interactions)
            for name in missing:
                until = pa.scalar(BEGIN + LOANS[name] * DAY, pa.int64()).cast(pa.timestamp("us"))
                _write(f"{directory}/{name}", _with_text_times(loans.filter(pc.less(loans.column("time"), until))))
            progress("simulating a library", 1, 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StudyError(Fault("demo.unwritable", f"the demo cannot be written: {reason}", file=directory)) from error


def catalogue() -> pa.Table:
    """The films: film (a number, the most seen first), title and :data:`FEATURES`; null where nothing is known."""
    packed = files("potomac.recommend").joinpath("data", "films.csv.gz").read_bytes()
    text = pa.CompressedInputStream(pa.BufferReader(packed), "gzip").read()
    read = csv.read_csv(BytesIO(text), convert_options=csv.ConvertOptions(strings_can_be_null=True))
    return read.rename_columns(["film" if name == "item" else name for name in read.column_names])


def library() -> World:
    """A year of a library whose members are simulated.

    Three things decide what a member borrows: what many borrow (films that were seen by more, and chance); genres,
    settings, sources and directors that they like or dislike, of which the catalogue tells; and tastes of which it
    tells nothing, and that only other members with the same taste betray. A member comes for a third of the year.
    """
    films = Items.of(catalogue(), columns={"item": "film"}, features=FEATURES)
    chance = Stream(SEED).child("recommend", "demo").generator().standard_normal(len(films))
    known = -0.45 * np.log(np.arange(1, len(films) + 1)) + 0.5 * chance
    return simulated(
        MEMBERS, films, per_user=EACH, popularity=known, taste=1.6, attributes=2.7,
        driven_by=("genre", "setting", "source", "director"), stay=0.35, seed=SEED,
    )  # fmt: skip


def _loans(interactions: Interactions) -> pa.Table:
    """Member, film and time of each loan, in the order of time."""
    member = np.repeat(np.asarray(interactions.users), interactions.of_users)
    film = interactions.items.take(pa.array(interactions.indices.astype(np.int64)))
    time = pa.array(interactions.times).cast(pa.timestamp("us"))
    return pa.table({"member": member, "film": film, "time": time}).sort_by("time")


def _with_text_times(loans: pa.Table) -> pa.Table:
    """Times as in most files, 2024-03-04T00:00:00Z."""
    text = pc.strftime(loans["time"].cast(pa.timestamp("s", "UTC"), safe=False), "%Y-%m-%dT%H:%M:%SZ")
    return loans.set_column(loans.schema.get_field_index("time"), "time", text)


def _write(path: str, table: pa.Table) -> None:
    with open(path, "wb") as file:
        csv.write_csv(table, file)
