"""Rows that come only once, or in no promised order, kept on disk so that every pass gives the same."""

from __future__ import annotations

import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from potomac.tables.chunk import Chunk, Source

__all__ = ["Spool"]


class Spool(Source):
    """A stream of record batches as a source. What has been pulled lies in a temporary file without a name.

    Args:
        batches: the stream; read as far as a pass asks for.
        names: its columns.
        label: what messages call it.
        closes: connections that are closed with it.
    """

    def __init__(
        self, batches: Iterator[pa.RecordBatch], names: Sequence[str], label: str, closes: Sequence[Any] = ()
    ) -> None:
        self.label = label
        self.names = tuple(names)
        self._stream = batches
        self._file = tempfile.TemporaryFile(prefix="potomac-")  # noqa: SIM115  lives as long as the source
        self._closed = weakref.finalize(self, _close, self._file, closes)
        self._places: list[tuple[int, int]] = []  # begin and length of each batch in the file
        self._ended = False
        self._lock = threading.Lock()

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows in the order of the first pass."""
        first = index = 0
        while (batch := self._batch(index)) is not None:
            index += 1
            if batch.num_rows:
                arrays = tuple(batch.column(self.names.index(name)) for name in columns)
                yield Chunk(self.label, first, batch.num_rows, arrays)
                first += batch.num_rows

    def drain(self) -> Spool:
        """Pull the whole stream now."""
        while self._batch(len(self._places)) is not None:
            pass
        return self

    def _batch(self, index: int) -> pa.RecordBatch | None:
        with self._lock:
            if index < len(self._places):
                begin, length = self._places[index]
                self._file.seek(begin)
                return pa.ipc.open_stream(self._file.read(length)).read_next_batch()
            batch = None if self._ended else next(self._stream, None)
            if batch is None:
                self._ended = True
            else:
                self._keep(batch)
            return batch

    def _keep(self, batch: pa.RecordBatch) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_batch(batch)
        data = sink.getvalue()
        begin = self._file.seek(0, 2)
        self._file.write(data)
        self._places.append((begin, data.size))


def _close(file: Any, others: Sequence[Any]) -> None:
    for one in (file, *others):
        one.close()
