"""MovieLens downloads of all sizes as they are: who rated what and when, and the films.

GroupLens gives the sets of 100,000 ratings as text parted by tabs and bars, those of 1 and 10 million parted by
double colons, later ones as CSV. The columns are always user, item, value, time, and item, title, year, genres.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, listing
from potomac.tables.chunk import Source, shown
from potomac.tables.delimited import Delimited
from potomac.tables.derived import Derived, Made, same, whole
from potomac.tables.downloads import Download
from potomac.tables.sniff import Dialect, encoding
from potomac.tables.streams import head, reading

__all__ = ["items", "ratings"]

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""The flags of ``u.item``, in their order (README of the set of 100,000)."""

_RATED = "expected u.data (100K), ratings.dat (1M, 10M) or ratings.csv (20M, 25M, 32M, latest)"
_UNPACKED = "Give the directory that the download unpacks to, or the zip"
_HEAD = 1 << 16
_TABS = Dialect("latin-1", "\t", ("user", "item", "value", "time"), header=False, quoted=False)
_COLONS = Dialect("utf-8", ":", ("user", "_", "item", "_", "value", "_", "time"), header=False, quoted=False)
_BARS = Dialect(
    "latin-1", "|", ("item", "title", "released", "video", "url", *GENRES), header=False, quoted=False
)  # fmt: skip
_LINES = "\x1f"
"""A sign that no title holds: each line is one field."""


@dataclass(frozen=True)
class Layout:
    """How a set is written: its file of ratings and of films, what their first line looks like, how they are read."""

    ratings: str
    films: str
    look: re.Pattern[str]
    sizes: str
    open_ratings: Callable[[Download, str], Source]
    open_films: Callable[[Download, str], Source]


def ratings(download: Download) -> Source:
    """The ratings: user, item, value (stars), time.

    Raises:
        DataError: there is no file of ratings, or its columns are others.
    """
    layout, name = _found(download)
    return layout.open_ratings(download, name)


def items(download: Download) -> Source:
    """The films: item, title, year, genres (parted by bars); where their file is not there, the ids that were rated.

    Raises:
        DataError: there is neither.
    """
    layout, name = _found(download)
    if layout.films in download:
        return layout.open_films(download, layout.films)
    rated = layout.open_ratings(download, name)
    known = pa.chunked_array([pc.unique(chunk.columns[0]) for chunk in rated.chunks(["item"])], pa.int64())
    return _Bare(rated, pc.unique(known).drop_null().sort(), layout.films)


class _Bare(Source):
    """Ids without titles."""

    def __init__(self, rated: Source, ids: pa.Array, films: str) -> None:
        from potomac.tables.memory import Memory

        table = pa.table({"item": ids, "title": pa.nulls(len(ids), pa.string())})
        self.label, self.names, self._files = rated.label, ("item", "title"), rated.files
        self.positions = self.names
        self._notes = (f"{shown(rated.label)}: there is no {films} beside it, so films have their ids for titles",)
        self.chunks = Memory(table, rated.label).chunks  # type: ignore[method-assign]


def _found(download: Download) -> tuple[Layout, str]:
    """How the download is written, and the name of its file of ratings."""
    if not download.named:
        for layout in LAYOUTS:
            if layout.ratings in download:
                return layout, layout.ratings
        raise download.lacks("file of MovieLens ratings", _RATED, _UNPACKED)
    first = _first_line(download)
    for layout in LAYOUTS:
        if layout.look.match(first):
            return layout, download.named
    at = next((layout for layout in LAYOUTS if download.named == layout.films), None)
    if at is not None and at.ratings in download:  # the file of films was named
        return at, at.ratings
    found = f'{shown(download.label)} begins with "{shown(first, 60)}"'
    raise DataError(Fault("data.format-look", found, _RATED, _mend(first)))


def _first_line(download: Download) -> str:
    path = download.path(download.named)
    with reading(download.label):
        data = head(path, _HEAD)
    lines = data.decode(encoding(data, download.label), "replace").lstrip("\ufeff").splitlines()
    return lines[0] if lines else ""


def _mend(first: str) -> str:
    if "book_id" in first:
        return 'This looks like goodbooks: write format = "goodbooks"'
    return "Without format, any table is read: name its columns, columns.user = ..."


# ---- the layouts --------------------------------------------------------------------------------------------------

_RATING = {"user": Made(("user",), whole), "item": Made(("item",), whole), "value": Made(("value",), same),
           "time": Made(("time",), same)}  # fmt: skip


def _note(label: str, layout: str) -> str:
    return f"{shown(label)}: a MovieLens download, {layout}"


def _tabbed(download: Download, name: str) -> Source:
    inner = Delimited(download.path(name), download.called(name), _TABS)
    return Derived(
        inner, _RATING, _note(inner.label, "parted by tabs, as that of 100,000"), download.files(name), download
    )


def _colons(download: Download, name: str) -> Source:
    inner = Delimited(download.path(name), download.called(name), _COLONS)
    note = _note(inner.label, "parted by double colons, as those of 1 and 10 million")
    return Derived(inner, _RATING, note, download.files(name), download)


def _csv(download: Download, name: str) -> Source:
    inner = Delimited(download.path(name), download.called(name))
    wanted = {"user": "userId", "item": "movieId", "value": "rating", "time": "timestamp"}
    _check(inner, wanted.values())
    made = {role: Made((column,), whole if role in ("user", "item") else same) for role, column in wanted.items()}
    return Derived(
        inner, made, _note(inner.label, "CSV, as those of 20 million and more"), download.files(name), download
    )


def _check(inner: Source, wanted: Iterable[str]) -> None:
    lacking = [name for name in wanted if name not in inner.names]
    if lacking:
        found = f"{shown(inner.label)} lacks {listing(lacking)}; its columns are {listing(map(shown, inner.names))}"
        mend = _mend(",".join(inner.names))
        raise DataError(Fault("data.format-look", found, f"expected {listing(wanted)}", mend))


def _barred_films(download: Download, name: str) -> Source:
    inner = Delimited(download.path(name), download.called(name), _BARS)
    made = {
        "item": Made(("item",), whole), "title": Made(("title",), same), "year": Made(("title",), _year),
        "genres": Made(GENRES[1:], _flagged),
    }  # fmt: skip
    return Derived(inner, made, _note(inner.label, "films parted by bars"), download.files(name), download)


def _flagged(*flags: pa.Array) -> pa.Array:
    """Names of the flags that are set, parted by bars."""
    named = [pc.if_else(pc.equal(flag, "1"), f"{name}|", "") for flag, name in zip(flags, GENRES[1:], strict=True)]
    joined = pc.utf8_rtrim(pc.binary_join_element_wise(*named, ""), "|")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)


def _colon_films(download: Download, name: str) -> Source:
    path = download.path(name)
    with reading(download.label):
        written = encoding(head(path, 1 << 20), download.label)
    lines = Dialect(written, _LINES, ("line",), header=False, quoted=False)
    inner = Delimited(path, download.called(name), lines)
    made = {
        "item": Made(("line",), lambda line: whole(_part(line, "item"))),
        "title": Made(("line",), lambda line: _part(line, "title")),
        "year": Made(("line",), lambda line: _year(_part(line, "title"))),
        "genres": Made(("line",), lambda line: _genres(_part(line, "genres"))),
    }
    return Derived(inner, made, _note(inner.label, "films parted by double colons"), download.files(name), download)


def _part(line: pa.Array, name: str) -> pa.Array:
    """A part of lines such as ``1::Toy Story (1995)::Animation|Children's``."""
    found = pc.extract_regex(line, r"^(?P<item>\d+)::(?P<title>.*)::(?P<genres>[^:]*)$")
    return pc.struct_field(found, name)


def _csv_films(download: Download, name: str) -> Source:
    inner = Delimited(download.path(name), download.called(name))
    _check(inner, ("movieId", "title", "genres"))
    made = {
        "item": Made(("movieId",), whole), "title": Made(("title",), same), "year": Made(("title",), _year),
        "genres": Made(("genres",), _genres),
    }  # fmt: skip
    return Derived(inner, made, _note(inner.label, "films as CSV"), download.files(name), download)


def _genres(column: pa.Array) -> pa.Array:
    """Genres parted by bars; those of which none are listed are not known."""
    none = pc.is_in(column, pa.array(["", "(no genres listed)"]))
    return pc.if_else(none, pa.scalar(None, pa.string()), column)


def _year(title: pa.Array) -> pa.Array:
    """The year that stands in parentheses at the end of a title."""
    found = pc.struct_field(pc.extract_regex(title, r"\((?P<year>\d{4})\)\s*$"), "year")
    return found.cast(pa.int64())


LAYOUTS = (
    Layout("u.data", "u.item", re.compile(r"\d+\t\d+\t[\d.]+\t\d+$"), "100K", _tabbed, _barred_films),
    Layout("ratings.dat", "movies.dat", re.compile(r"\d+::\d+::[\d.]+::\d+$"), "1M, 10M", _colons, _colon_films),
    Layout("ratings.csv", "movies.csv", re.compile(r"\"?userId\b"), "20M and more", _csv, _csv_films),
)
