"""Tables in memory (Arrow, pandas, Polars, NumPy) as sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError, listing
from potomac.tables.chunk import ROWS, Chunk, Source, shown

__all__ = ["ArrowDataset", "Memory", "from_arrays", "from_frame", "is_geo"]


class Memory(Source):
    """An Arrow table (or one that is made when its columns are known)."""

    def __init__(
        self,
        table: pa.Table,
        label: str = "the table in memory",
        notes: tuple[str, ...] = (),
        files: tuple[tuple[str, Path], ...] = (),
    ) -> None:
        self.label = label
        self.names = tuple(table.column_names)
        self._notes = notes
        self._files = files
        self._table = table

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows in slices."""
        table = self._table
        for first in range(0, table.num_rows, ROWS):
            part = table.slice(first, ROWS)
            yield Chunk(self.label, first, part.num_rows, tuple(_whole(part.column(name)) for name in columns))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array, as few copies as may be."""
    if column.num_chunks == 1:
        return column.chunk(0)
    whole = column.combine_chunks()
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole


class ArrowDataset(Source):
    """A pyarrow Dataset, read as its own scanner orders it."""

    def __init__(self, dataset: Any, label: str = "the dataset") -> None:
        self.label = label
        self.names = tuple(dataset.schema.names)
        self._files = tuple((str(file), Path(file)) for file in getattr(dataset, "files", ()))
        self._dataset = dataset

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows in the dataset's order."""
        first = 0
        for batch in self._dataset.to_batches(columns=list(dict.fromkeys(columns)), batch_size=ROWS):
            yield Chunk(self.label, first, batch.num_rows, tuple(batch.column(name) for name in columns))
            first += batch.num_rows


class Frame(Source):
    """A pandas frame; only the columns asked for are turned into Arrow."""

    def __init__(self, frame: Any, label: str = "the frame") -> None:
        self.label = label
        self.names = tuple(str(name) for name in frame.columns)
        self._frame = frame

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows in slices."""
        places = [self.names.index(name) for name in columns]
        for first in range(0, len(self._frame), ROWS):
            part = self._frame.iloc[first : first + ROWS]
            arrays = tuple(array(part.iloc[:, place]) for place in places)
            yield Chunk(self.label, first, len(part), arrays)


class GeoFrame(Frame):
    """A GeoDataFrame of points: a pandas frame whose geometry gives the columns latitude and longitude.

    A frame that has columns of these names keeps them.

    Raises:
        DataError: it has no coordinate reference system, or holds other things than points.
    """

    positions = ("latitude", "longitude")

    def __init__(self, frame: Any) -> None:
        kinds = sorted({kind for kind in frame.geometry.geom_type if isinstance(kind, str)} - {"Point"})
        if kinds:
            found, mend = f"the frame holds {listing(kinds, 5)}", "Take one point of each, such as its centroid"
            raise DataError(Fault("data.geometry", found, "expected points", mend))
        if frame.crs is None:
            found = "the frame has no coordinate reference system"
            mend = 'Say which coordinates they are: frame.set_crs("EPSG:4326") for degrees'
            raise DataError(Fault("data.crs-missing", found, "expected one", mend))
        points = frame.to_crs(4326).geometry
        own = frame.drop(columns=[frame.geometry.name])
        new = {"latitude": points.y, "longitude": points.x}
        super().__init__(own.assign(**{k: v for k, v in new.items() if k not in own}), "the GeoDataFrame")
        if not set(new) <= set(own):
            self._notes = (
                f"the GeoDataFrame: coordinates in {_called(frame.crs)}, turned into latitude and longitude",
            )


def _called(crs: Any) -> str:
    """A coordinate reference system by its code, where it has one."""
    code = crs.to_epsg() if hasattr(crs, "to_epsg") else None
    return f"EPSG:{code}" if code is not None else shown(getattr(crs, "name", crs))


def array(values: Any) -> pa.Array:
    """An Arrow array of a pandas or NumPy column; words where its values are of several kinds."""
    try:
        made = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        made = pa.array([None if _missing(value) else str(value) for value in values], pa.string())
    return _whole(made) if isinstance(made, pa.ChunkedArray) else made


def _missing(value: Any) -> bool:
    return (
        value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")
    )


def is_geo(frame: Any) -> bool:
    """Whether it is a GeoDataFrame; the package is not imported."""
    return hasattr(frame, "geometry") and hasattr(frame, "to_crs")


def from_frame(frame: Any) -> Memory | Frame:
    """A pandas or Polars frame, or a GeoDataFrame."""
    if is_geo(frame):
        return GeoFrame(frame)
    if type(frame).__module__.startswith("polars"):
        return Memory(frame.to_arrow(), "the Polars frame")
    return Frame(frame, "the pandas frame")


def from_arrays(arrays: Any) -> Memory:
    """A mapping of arrays, or a structured NumPy array.

    Raises:
        StudyError: the arrays are not one-dimensional, or not of one length.
    """
    named = dict(arrays) if isinstance(arrays, Mapping) else {name: arrays[name] for name in arrays.dtype.names}
    columns = {str(name): _column(values, str(name)) for name, values in named.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{shown(name)} has {length}" for name, length in lengths.items())
        raise StudyError(Fault("data.lengths", f"the arrays are not of one length: {told}", "expected as many each"))
    return Memory(pa.table(columns), "the arrays")


def _column(values: Any, name: str) -> pa.Array:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    try:
        shape = np.shape(values)
    except ValueError:  # lists of several lengths: one value a row, of a kind that no role takes
        shape = (len(values),)
    if len(shape) != 1:
        found = f"the array {shown(name)} has the shape {shape}"
        raise StudyError(Fault("data.shape", found, "expected one value a row", "Give one array for each column"))
    if isinstance(values, np.ma.MaskedArray):
        return pa.array(values.data, mask=np.ma.getmaskarray(values), from_pandas=True)
    return array(values)
