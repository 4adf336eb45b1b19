"""The event log of replications: who came, waited, was served and left, as a stream of Arrow batches.

A replication gives the same numbers whenever it runs, so its log is made when it is read, by running the event loop
once more: nothing is kept for it before, and memory holds a few thousand events, however long the log is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, StudyError
from potomac.simulation.executors import reliability
from potomac.simulation.executors.execute import begun, steps
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.noting import EVENTS
from potomac.simulation.loop.plan import Declared, planned
from potomac.simulation.loop.world import NONE
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Sink", "batches", "loggable", "schema", "write"]

Sink = str | Callable[[Any], object]
"""Where a log goes: the path of a Parquet file, or whatever takes its Arrow batches one by one."""

ROWS = 1 << 17
"""Events that are kept at a time: half of them are handed on at once."""


def schema() -> pa.Schema:
    """Columns of an event log.

    ``replication``; ``time``; ``event``: arrival (at a station or stock), start, interrupt and end of a service,
    renege, balk, block (no room, or the demand is lost), depart (from the system), fail and repair of a server,
    servers (how many are planned from now on), demand, order, delivery; of components fail, start of a repair and
    repair (the end of it), of systems down and up; ``where``: the station, stock, component or system; ``customer``:
    number within the replication, or of the component's unit; ``kind`` and ``priority``; these are null where they are
    nobody's; ``amount``: of goods, or servers.
    """
    import pyarrow as pa

    return pa.schema([
        ("replication", pa.int64()), ("time", pa.float64()), ("event", pa.string()), ("where", pa.string()),
        ("customer", pa.int64()), ("kind", pa.string()), ("priority", pa.int64()), ("amount", pa.float64()),
    ])  # fmt: skip


def batches(
    d: Declared, runs: Sequence[tuple[int, int, bool]], window: Window, stream: Stream, progress: Progress | None = None
) -> Iterator[pa.RecordBatch]:
    """All events of replications, in their order.

    Those who came within the time that counts are followed until they are through, so the log of a replication may
    go on a little after its end.

    Args:
        d: the model, in order.
        runs: (name in the log, number, mirrored) of each replication.
        window: the time that counted.
        stream: keys the draws.
        progress: hears how far it is.

    Raises:
        StudyError: its components are not repaired, and have no long run.
    """
    loggable(d, window.end)
    tell, begin, words = progress or Quiet(), _beginning(d, window, stream), _Words(d)
    for done, (name, number, mirrored) in enumerate(runs):
        tell("event log", done, len(runs))
        for rows in _events(partial(begin, number, mirrored)):
            yield words.batch(name, rows)
    tell("event log", len(runs), len(runs))


def loggable(d: Declared, end: float | None) -> None:
    """See that a model keeps a log.

    Args:
        d: the model.
        end: of each replication, where it is known or given.

    Raises:
        StudyError: its components are not all repaired and no end is given: there are only lives until the first
            failure.
    """
    if d.components and not reliability.plant_of(d).repaired and (end is None or not isfinite(end)):
        found = "components that are not repaired have no long run, and lives until the first failure keep no log"
        raise StudyError(Fault("simulation.log", found, "", "Leave log out, or give until or repair", key="run.log"))


def _beginning(d: Declared, window: Window, stream: Stream) -> Callable[[int, bool, int], Iterator[Any]]:
    """(number, mirrored, room) -> the run of a replication, stop by stop, with its ``clock`` and its ``log``."""
    if d.components:
        table = reliability.tabled(reliability.plant_of(d))
        return lambda number, mirrored, room: reliability.steps(
            table, table.machines(stream.child("plant", number), window.edges, mirrored=mirrored, log=room)
        )
    plan = planned(d)
    return lambda number, mirrored, room: steps(plan, begun(plan, number, window, stream, mirrored, log=room))


def write(made: Iterable[pa.RecordBatch], sink: Sink) -> None:
    """Hand a log on batch by batch, to a Parquet file or to whatever takes batches."""
    if callable(sink):
        for batch in made:
            sink(batch)
        return
    import pyarrow.parquet as pq

    with pq.ParquetWriter(sink, schema(), compression="zstd") as file:
        for batch in made:
            file.write_batch(batch)


def _events(begin: Callable[[int], Iterator[Any]], room: int = ROWS) -> Iterator[npt.NDArray[Any]]:
    """The events of one replication, as records.

    Where a single event brings more than there is room for (a large batch comes at once), the replication is run once
    more with more room, and what was handed on already is passed over.
    """
    handed = 0
    while room:
        seen, more = 0, 0
        for w in begin(room):
            n = int(w.clock[0]["logged"])
            if n > w.log.size:
                more = 2 * n
                break
            fresh = w.log[min(max(handed - seen, 0), n) : n].copy()
            w.clock[0]["logged"] = 0
            seen += n
            handed = max(handed, seen)
            if fresh.size:
                yield fresh
        room = more


class _Words:
    """Numbers of a log as the names of the model."""

    def __init__(self, d: Declared) -> None:
        self.events, self.kinds = [_word(name) for name in (EVENTS, d.kinds or ("",))]
        self.levels = np.array(sorted({s.priority for s in d.sources}) or [0], np.int64)
        self.first = np.zeros(0, np.int64)
        if d.components:  # units are numbered through, their components one after the other
            systems = [s.name for s in reliability.plant_of(d).ordered()]
            self.places = _word([*(c.name for c in d.components), *systems])
            self.first = np.cumsum([0, *(c.count for c in d.components)])
        else:
            self.places = _word((*d.places, "system"))

    def batch(self, name: int, rows: npt.NDArray[Any]) -> pa.RecordBatch:
        import pyarrow as pa

        nobody, none = rows["customer"] == NONE, rows["kind"] == NONE
        where, number = np.where(rows["where"] == NONE, len(self.places) - 1, rows["where"]), rows["customer"]
        if self.first.size:
            number = number - self.first[np.where(nobody, 0, where)]
        goods = np.isin(rows["event"], _WITH_AMOUNT) | (rows["amount"] > 0)
        columns = [
            _whole(np.full(rows.size, name)), _real(rows["time"]), self.events.take(_whole(rows["event"])),
            self.places.take(_whole(where)), _whole(number, nobody), self.kinds.take(_whole(rows["kind"], none)),
            _whole(self.levels[np.where(none, 0, rows["level"])], none), _real(rows["amount"], ~goods),
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(columns, schema=schema())


_WITH_AMOUNT = [EVENTS.index(name) for name in ("servers", "demand", "order", "delivery")]


def _word(words: Sequence[str]) -> pa.Array:
    from potomac.simulation.arrow import table_of

    return table_of({"w": list(words)})["w"].combine_chunks()


def _whole(x: npt.NDArray[np.int64], null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    import pyarrow as pa

    return _array(pa.int64(), x.astype(np.int64), null)


def _real(x: npt.NDArray[np.float64], null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    import pyarrow as pa

    return _array(pa.float64(), np.ascontiguousarray(x, float), null)


def _array(kind: Any, x: npt.NDArray[Any], null: npt.NDArray[np.bool_] | None) -> pa.Array:
    import pyarrow as pa

    there = None if null is None or not null.any() else pa.py_buffer(np.packbits(~null, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, x.size, [there, pa.py_buffer(x)])
