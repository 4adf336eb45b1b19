"""Paths, globs and directories -> the files they mean, in order, and what each is."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

from potomac.errors import DataError, Fault, closest, listing
from potomac.tables.chunk import Chunk, Source, shown
from potomac.tables.delimited import Delimited
from potomac.tables.jsonrows import open_json
from potomac.tables.osm import Roads
from potomac.tables.parquet import Parquet
from potomac.tables.streams import reading

__all__ = ["missing", "open_files", "open_named"]

_ENDINGS = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".dat"), "text"),
    **dict.fromkeys((".parquet", ".parq", ".pq"), "parquet"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json", ".geojson", ".geojsonl"), "json"),
    ".pbf": "osm",
}
_PACKED = (".gz", ".zst", ".bz2")
_OPENERS: dict[str, Callable[[Path, str], Source]] = {
    "text": Delimited, "parquet": Parquet, "json": open_json, "osm": Roads,
}  # fmt: skip
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_EXPECTED = ".csv, .tsv, .txt, .parquet, .jsonl, .json, .geojson or .osm.pbf (text also .gz or .zst)"


def open_files(written: str, base: Path) -> Source:
    """The file, glob or directory ``written``, relative to ``base``.

    Raises:
        DataError: it is not there, holds nothing that can be read, or cannot be read.
    """
    with reading(written):
        found = _found(written, base)
        if len(found) == 1 and not found[0].keys:
            return _opened(found[0])
        parts = [_opened(one) for one in found]
    return Files(written, parts, [one.keys for one in found])


def open_named(path: Path, name: str) -> Source:
    """The file ``path``, which is called ``name``: the name's ending says what it is, and messages tell the name.

    Raises:
        DataError: it is not there, or cannot be read.
    """
    with reading(name):
        return _OPENERS[_kind_within(path, Path(name))](path, name)


class _Found:
    """A file, what messages call it, and the columns that its directories give (``year=2024``)."""

    def __init__(self, path: Path, label: str, root: Path | None = None) -> None:
        self.path = path
        self.label = label
        folders = path.relative_to(root).parts[:-1] if root else ()
        pairs = (folder.partition("=") for folder in folders)
        self.keys = {unquote(key): unquote(value) for key, mark, value in pairs if mark and key}


def _found(written: str, base: Path) -> list[_Found]:
    written = str(Path(written).expanduser()) if written.startswith("~/") else written
    path = base / written
    if path.is_file():
        return [_Found(path, written)]
    if path.is_dir():
        return _one_kind(list(_inside(path, written)), written)
    if path.exists():
        found = f"{shown(written)} is neither a file nor a directory"
        raise DataError(Fault("data.not-a-file", found, "expected a file", "Write its content to a file first"))
    if not glob.has_magic(written):
        raise DataError(missing(written, path))
    names = sorted(glob.glob(written, root_dir=base, recursive=True))
    literal = set(Path(written).parts)
    seen = [name for name in names if not any(_is_aside(part) for part in set(Path(name).parts) - literal)]
    matched = [one for name in seen for one in _matched(base / name, name)]
    if not matched:
        raise DataError(_no_match(written, path))
    return matched


def _matched(path: Path, name: str) -> Iterator[_Found]:
    if path.is_dir():
        yield from _inside(path, name)
    elif path.is_file():
        one = _Found(path, name)
        pairs = (folder.partition("=") for folder in Path(name).parts[:-1])
        one.keys = {unquote(key): unquote(value) for key, mark, value in pairs if mark and key}
        yield one


def _inside(folder: Path, written: str) -> Iterator[_Found]:
    """The files of known kinds below a folder, in the order of their paths; hidden ones left out."""
    next(folder.iterdir(), None)  # says where permission is missing; rglob is silent
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if not any(map(_is_aside, inner.parts)) and _kind(path) and path.is_file():
            yield _Found(path, str(Path(written) / inner), folder)


def _is_aside(part: str) -> bool:
    """Names that writers give to what is no data: ``_SUCCESS``, ``_temporary``, ``.part-0.crc``."""
    return part.startswith((".", "_"))


def _one_kind(found: list[_Found], written: str) -> list[_Found]:
    if not found:
        text = f"the directory {shown(written)} holds no file that can be read"
        raise DataError(Fault("data.directory-empty", text, f"expected files ending in {_EXPECTED}"))
    kinds = Counter(_kind(one.path) for one in found)
    if len(kinds) > 1:
        text = f"the directory {shown(written)} holds files of several kinds: {listing(sorted(kinds))}"
        mend = f"Name those that you mean, for example {Path(written) / ('*' + found[0].path.suffix)}"
        raise DataError(Fault("data.directory-mixed", text, "expected files of one kind", mend))
    return found


def _kind(path: Path) -> str:
    """What a file is, by its ending; nothing where that says nothing."""
    ending = path.suffix.casefold()
    if ending in _PACKED:
        ending = Path(path.stem).suffix.casefold()
    return _ENDINGS.get(ending, "")


def _opened(one: _Found) -> Source:
    with reading(one.label):
        return _OPENERS[_kind_within(one.path, one.path)](one.path, one.label)


def _kind_within(path: Path, name: Path) -> str:
    """What a file is: Parquet by its first bytes, else by the ending of its name, else by its first sign."""
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"PAR1"):
        return "parquet"
    return _kind(name) or ("json" if start.lstrip()[:1] in (b"{", b"[") else "text")


def missing(written: str, path: Path) -> Fault:
    """The fault of a source that is not there, with what is there."""
    there = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else []
    readable = [name for name in there if _kind(Path(name)) or (path.parent / name).is_dir()]
    near = _near(path.name, there)
    folder = shown(path.parent.absolute(), 200)
    where = f"in {folder}" if path.parent.is_dir() else f"and no directory {folder}"
    seen = f"there are {listing(map(shown, readable), 6)}" if readable and not near else ""
    found = f"there is no file {shown(written)} {where}"
    return Fault("data.source-missing", found, seen, near or "Paths are relative to the study file")


def _near(name: str, there: Sequence[str]) -> str:
    """A file that is called nearly so; endings say nothing, as they are those of most files."""
    stems = {one.partition(".")[0]: one for one in reversed(there)}
    close = closest(name.partition(".")[0], list(stems))
    return f'Did you mean "{shown(stems[close])}"?' if close else ""


def _no_match(written: str, path: Path) -> Fault:
    there = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else []
    seen = f"there are {listing(map(shown, there), 6)}" if there else "the directory is empty or not there"
    found = f"no file matches {shown(written)}"
    return Fault("data.glob-empty", found, seen, "* stands for any part of a name, ** for any directories")


class Files(Source):
    """Several files of the same columns, one after the other; rows are counted through."""

    def __init__(self, label: str, parts: Sequence[Source], keys: Sequence[Mapping[str, str]]) -> None:
        self.label = label
        self._parts = tuple(parts)
        self._keys = tuple(keys)
        extra = {key: None for one in keys for key in one if key not in parts[0].names}
        self.names = (*parts[0].names, *extra)
        self.worded = frozenset(name for part in parts for name in part.worded)
        self.positions = parts[0].positions

    @property
    def files(self) -> tuple[tuple[str, Path], ...]:
        """All files in order."""
        return tuple(file for part in self._parts for file in part.files)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the parts; what is true of several is said once."""
        said: dict[str, list[str]] = {}
        for part in self._parts:
            for note in part.notes:
                label, _, rest = note.partition(": ")
                said.setdefault(rest, []).append(label)
        many = f"{len(self._parts)} files, read in the order of their names"
        return (many, *(f"{_and_more(labels)}: {rest}" for rest, labels in said.items()))

    def find(self, columns: Sequence[str]) -> None:
        """Look in every part for columns that are missing there.

        Raises:
            DataError: one part has a column and another has not.
        """
        for part in self._parts:
            part.find([name for name in columns if name not in part.names])
        names = dict.fromkeys(name for part in self._parts for name in part.names)
        self.names = tuple(dict.fromkeys((*self._parts[0].names, *names, *self.names)))
        faults = [fault for name in columns if name in self.names for fault in self._lacking(name)]
        if faults:
            raise DataError(faults)

    def _lacking(self, name: str) -> Iterator[Fault]:
        lacking = [p for p, keys in zip(self._parts, self._keys, strict=True) if name not in (*p.names, *keys)]
        having = next(p for p, keys in zip(self._parts, self._keys, strict=True) if name in (*p.names, *keys))
        if lacking:
            others = f" and {len(lacking) - 1} more files" if len(lacking) > 1 else ""
            found = f'no column "{shown(name)}" in {shown(lacking[0].label)}{others}, which {shown(having.label)} has'
            expected = f"its columns are {listing(map(shown, lacking[0].names))}"
            yield Fault("data.columns-differ", found, expected, "Give files of the same columns, or a narrower glob")

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the rows of all files."""
        first = 0
        for part, keys in zip(self._parts, self._keys, strict=True):
            own = [name for name in columns if name in part.names]
            end = first
            for chunk in part.chunks(own):
                end = first + chunk.first + chunk.length
                yield _completed(chunk.moved(first), columns, own, keys)
            first = end


def _completed(chunk: Chunk, columns: Sequence[str], own: Sequence[str], keys: Mapping[str, str]) -> Chunk:
    """The chunk with the columns that the directories give."""
    if len(own) == len(columns):
        return chunk
    held = dict(zip(own, chunk.columns, strict=False))
    count = len(chunk.numbers())
    arrays = tuple(held[name] if name in held else _constant(keys[name], count) for name in columns)
    return Chunk(chunk.source, chunk.first, chunk.length, arrays, chunk.rows, chunk.broken)


def _constant(value: str, count: int) -> pa.Array:
    return pa.nulls(count, pa.string()) if value == _HIVE_NULL else pa.repeat(value, count)


def _and_more(labels: list[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"
