"""The event log of replications: who came, waited, was served and left, as a stream of Arrow batches.

A replication gives the same numbers whenever it runs, so its log is made when it is read, by running the event loop
once more: nothing is kept for it before, and memory holds a few thousand events, however long the log is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, StudyError
from potomac.simulation.execute import begun, steps
from potomac.simulation.noting import EVENTS
from potomac.simulation.plan import Declared, Plan, planned
from potomac.simulation.replication import Window
from potomac.simulation.world import NONE
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
    servers (how many are planned from now on), demand, order, delivery; ``where``: the station or stock, or system;
    ``customer``: number within the replication, ``kind`` and ``priority``, null where it is nobody's; ``amount``: of
    goods, or servers.
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
        d: the model, in order; of customers, not of components.
        runs: (name in the log, number, mirrored) of each replication.
        window: the time that counted.
        stream: keys the draws.
        progress: hears how far it is.

    Raises:
        StudyError: a model of components has no log.
    """
    loggable(d)
    tell, plan = progress or Quiet(), planned(d)
    words = _Words(d)
    for done, (name, number, mirrored) in enumerate(runs):
        tell("event log", done, len(runs))
        for rows in _events(plan, number, window, stream, mirrored):
            yield words.batch(name, rows)
    tell("event log", len(runs), len(runs))


def loggable(d: Declared) -> None:
    """See that a model keeps a log.

    Raises:
        StudyError: it is one of components.
    """
    if d.components:
        found = "a model of components keeps no log of events"
        raise StudyError(Fault("simulation.log", found, "expected stations or stocks", "Leave log out", key="run.log"))


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


def _events(
    plan: Plan, number: int, window: Window, stream: Stream, mirrored: bool, room: int = ROWS
) -> Iterator[npt.NDArray[Any]]:
    """The events of one replication, as records.

    Where a single event brings more than there is room for (a large batch comes at once), the replication is run once
    more with more room, and what was handed on already is passed over.
    """
    handed = 0
    while room:
        seen, more = 0, 0
        for w in steps(plan, begun(plan, number, window, stream, mirrored, log=room)):
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
        self.events, self.kinds = [_word(name) for name in (EVENTS, d.kinds)]
        self.places = _word((*d.places, "system"))
        self.levels = np.array(sorted({s.priority for s in d.sources}), np.int64)

    def batch(self, name: int, rows: npt.NDArray[Any]) -> pa.RecordBatch:
        import pyarrow as pa

        nobody = rows["customer"] == NONE
        system = len(self.places) - 1
        where = np.where(rows["where"] == NONE, system, rows["where"])
        goods = np.isin(rows["event"], _WITH_AMOUNT) | (rows["amount"] > 0)
        columns = [
            _whole(np.full(rows.size, name)), _real(rows["time"]), self.events.take(_whole(rows["event"])),
            self.places.take(_whole(where)), _whole(rows["customer"], nobody),
            self.kinds.take(_whole(rows["kind"], nobody)),
            _whole(self.levels[np.where(nobody, 0, rows["level"])], nobody),
            _real(rows["amount"], ~goods),
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
