"""Delimited text (CSV and its kin) as a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault
from potomac.tables.chunk import Broken, Chunk, Source, shown
from potomac.tables.sniff import HEAD, Dialect, dialect
from potomac.tables.streams import BLOCK, Text, compression, head, reading

__all__ = ["Delimited"]

_LONGEST = 4 * BLOCK
"""A row may be as long as this; a longer one is a quotation mark that is never closed."""
_ASIDE = 500_000
"""Rows with too few or too many fields that may come on end; they are kept until a good one tells where they stand."""
_BEFORE = 1
"""The reader numbers rows from 1 and counts the header (and the lines that are skipped before it)."""


class Delimited(Source):
    """A file of delimited text; its values come as they are written.

    Args:
        path: of the file.
        label: what messages call it.
        written: how it is written, where that is known; else it is found out from the first part.
    """

    def __init__(self, path: Path, label: str, written: Dialect | None = None) -> None:
        self.label = label
        self._path = path
        self._files = ((label, path),)
        with reading(label):
            self._packed = compression(path, label)
            data = head(path, HEAD)
        self._dialect: Dialect = written or dialect(data, label, len(data) < HEAD)
        self.names = self._dialect.names
        self._replaced = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """How it is written."""
        packed = f", compressed with {self._packed}" if self._packed else ""
        found = [f"{shown(self.label)}: {self._dialect.words}{packed}"]
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            found.append(f"{shown(self.label)}: the header names {', '.join(map(shown, twice))} more than once")
        if self._replaced:
            found.append(
                f"{shown(self.label)}: {self._replaced:,} signs are not {self._dialect.encoding}; "
                "they stand as the replacement character"
            )
        return tuple(found)

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows; those with too few or too many fields are broken."""
        text = Text(self._path, self._dialect.encoding, self.label)
        ragged: list[Any] = []
        wanted = [self.names.index(name) for name in columns]
        first = 0
        for arrays in self._read(text, wanted, ragged):
            chunk = self._chunk(arrays, first, ragged)
            yield chunk
            first += chunk.length
        open_row = self._open_row() if self._dialect.quoted and text.quotes % 2 else None
        if open_row is not None:
            raise DataError(self._open_quote(open_row))
        if ragged:
            empty = pa.array([], pa.string())
            yield self._chunk((empty,) * max(len(wanted), 1), first, ragged, ended=True)
        self._replaced = text.replaced

    def _open_row(self) -> int | None:
        """The last row, if it swallowed others, as a field does whose quotation mark is never closed."""
        ragged: list[Any] = []
        last: tuple[pa.Array, ...] = ()
        count = 0
        text = Text(self._path, self._dialect.encoding, self.label)
        for arrays in self._read(text, list(range(len(self.names))), ragged):
            last = arrays if len(arrays[0]) else last
            count += len(arrays[0])
        final = count + len(ragged) - 1
        if ragged and ragged[-1].number - self._before == final:
            return final if "\n" in ragged[-1].text else None
        return final if any(map(_spans_lines, last)) else None

    @property
    def _before(self) -> int:
        """What the reader's number of a row is more than its own."""
        return _BEFORE + self._dialect.header + self._dialect.skip

    def _read(self, text: Text, wanted: list[int], ragged: list[Any]) -> Iterator[tuple[pa.Array, ...]]:
        try:
            reader = self._reader(text, sorted(set(wanted)) or [0], ragged)
            for batch in reader:
                yield tuple(batch.column(str(index)) for index in wanted or [0])
        except (pa.ArrowInvalid, OSError, RuntimeError) as error:
            raise self._explained(error, text, len(ragged)) from error
        finally:
            text.close()

    def _reader(self, text: Text, wanted: list[int], ragged: list[Any]) -> Any:
        import pyarrow.csv as arrow_csv

        def aside(row: Any) -> str:
            ragged.append(row)
            return "skip" if len(ragged) < _ASIDE else "error"

        ids = [str(index) for index in range(len(self.names))]  # names may be double, empty or hostile
        return arrow_csv.open_csv(
            pa.PythonFile(text, "r"),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                column_names=ids,
                skip_rows=self._dialect.skip,
                skip_rows_after_names=int(self._dialect.header),
                block_size=_LONGEST,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                quote_char='"' if self._dialect.quoted else False,
                newlines_in_values=self._dialect.quoted,
                invalid_row_handler=aside,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(ids, pa.string()),
                include_columns=[str(index) for index in wanted],
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )

    def _chunk(self, arrays: tuple[pa.Array, ...], first: int, ragged: list[Any], ended: bool = False) -> Chunk:
        """The rows of one block. The reader runs ahead: ``ragged`` may hold rows of later blocks too."""
        count = len(arrays[0])
        if not ragged:
            return Chunk(self.label, first, count, arrays)
        aside = np.array([row.number - self._before for row in ragged], dtype=np.int64)
        rows = first + np.arange(count)
        rows += np.searchsorted(aside - np.arange(len(aside)), rows, side="right")
        end = int(aside[-1]) + 1 if ended else int(rows[-1]) + 1 if count else first
        here = int(np.searchsorted(aside, end))
        broken = self._broken(ragged[:here], aside[:here])
        del ragged[:here]
        return Chunk(self.label, first, end - first, arrays, rows, broken)

    def _broken(self, rows: list[Any], numbers: npt.NDArray[np.int64]) -> Broken:
        few = [row.actual_columns < row.expected_columns for row in rows]
        reasons = ["too few fields" if one else "too many fields" for one in few]
        values = [shown(row.text, 500) for row in rows]
        return Broken(numbers, pa.array(values, pa.string()), pa.array(reasons, pa.string()))

    def _explained(self, error: BaseException, text: Text, aside: int) -> BaseException:
        if text.error is not None:
            return text.error
        if aside >= _ASIDE:
            found = f"{shown(self.label)} has {aside:,} rows on end with too few or too many fields"
            expected = f"expected {len(self.names):,} fields, as in the first line"
            return DataError(Fault("data.csv", found, expected, "Look whether the first line is the header"))
        if "straddling" in str(error):
            return DataError(self._open_quote(None))
        if isinstance(error, DataError):
            return error
        found = f"{shown(self.label)} cannot be split into rows: {shown(error, 200)}"
        return DataError(Fault("data.csv", found, "expected delimited text", "Write the file again"))

    def _open_quote(self, row: int | None) -> Fault:
        where = "" if row is None else f" in row {row}"
        found = f"{shown(self.label)}: a quotation mark is opened{where} and never closed"
        if row is None:
            found += f", or a row is longer than {_LONGEST >> 20} MB"
        return Fault("data.quotes", found, "expected a closing quotation mark", "Close or double it in the file")


def _spans_lines(column: pa.Array) -> bool:
    import pyarrow.compute as pc

    return len(column) > 0 and "\n" in (pc.max(column.slice(len(column) - 1)).as_py() or "")
