"""The goodbooks-10k download as it is: six million ratings of ten thousand books, the books, and readers' tags.

There are two editions: in the later one ``books.csv`` calls the id that ratings use ``book_id``, in the earlier one
``id``. ``to_read.csv``, where it is named itself, gives what readers marked to be read, without values.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, listing
from potomac.tables.chunk import Source, shown
from potomac.tables.delimited import Delimited
from potomac.tables.derived import Derived, Made, same, whole
from potomac.tables.downloads import Download
from potomac.tables.duck import connect
from potomac.tables.values import numbers

__all__ = ["items", "ratings"]

_EXPECTED = "expected ratings.csv with user_id, book_id, rating; books.csv lies beside it"
_UNPACKED = "Give the directory that the download unpacks to, or the zip"
_TAGS = 10
"""Tags of a book that are kept, those that most readers gave."""
_SHELVES = (
    r"(^|-)(read|reading|own|owned|favou?rites?|wish-?list|library|kindle|e-?books?|audio-?books?|audio|shelf|buy|"
    r"bought|borrowed|tbr|default|have|maybe|books?|novels?|all-time|my|i|to|finished|unfinished|dnf|reviewed)($|-)"
)
"""Tags that say what a reader did with a book, and not what it is like."""


def ratings(download: Download) -> Source:
    """Who gave a book how many stars: user, item, value; of ``to_read.csv`` user and item alone.

    Raises:
        DataError: there is no file of ratings, or its columns are others.
    """
    name = "ratings.csv" if download.named in ("", "books.csv", "tags.csv", "book_tags.csv") else download.named
    if name not in download:
        raise download.lacks("file of goodbooks ratings", _EXPECTED, _UNPACKED)
    inner = Delimited(download.path(name), download.called(name))
    _check(inner, ("user_id", "book_id"))
    made = {"user": Made(("user_id",), whole), "item": Made(("book_id",), whole)}
    if "rating" in inner.names:
        made["value"] = Made(("rating",), same)
    what = "ratings" if "value" in made else "books that readers want to read"
    return Derived(inner, made, f"{shown(inner.label)}: a goodbooks download, {what}", download.files(name), download)


def items(download: Download) -> Source:
    """The books: item, title, authors, year, language, and tags where their files are there (parted by bars).

    Raises:
        DataError: there is no ``books.csv``, or its columns are others.
    """
    if "books.csv" not in download:
        raise download.lacks("books.csv", "expected the books beside the ratings", _UNPACKED)
    inner = Delimited(download.path("books.csv"), download.called("books.csv"))
    _check(inner, ("book_id", "title", "authors"))
    earlier = "goodreads_book_id" not in inner.names
    item, page = ("id", "book_id") if earlier else ("book_id", "goodreads_book_id")
    _check(inner, (item,))
    made = {"item": Made((item,), whole), "title": Made(("title",), same), "authors": Made(("authors",), _listed)}
    if "original_publication_year" in inner.names:
        made["year"] = Made(("original_publication_year",), _year)
    if "language_code" in inner.names:
        made["language"] = Made(("language_code",), same)
    files = ["books.csv"]
    if "book_tags.csv" in download and "tags.csv" in download:
        made["tags"] = Made((page,), _Tags(download))
        files += ["book_tags.csv", "tags.csv"]
    return Derived(inner, made, f"{shown(inner.label)}: a goodbooks download, books", download.files(*files), download)


def _check(inner: Source, wanted: tuple[str, ...]) -> None:
    lacking = [name for name in wanted if name not in inner.names]
    if lacking:
        found = f"{shown(inner.label)} lacks {listing(lacking)}; its columns are {listing(map(shown, inner.names))}"
        mend = "Without format, any table is read: name its columns, columns.user = ..."
        if "movieId" in inner.names:
            mend = 'This looks like MovieLens: write format = "movielens"'
        raise DataError(Fault("data.format-look", found, _EXPECTED, mend))


def _listed(authors: pa.Array) -> pa.Array:
    """Authors parted by bars instead of commas."""
    return pc.replace_substring_regex(authors, r"\s*,\s*", "|")


def _year(column: pa.Array) -> pa.Array:
    """Years, which the file writes as ``1997.0``."""
    return pa.array(numbers(column).values, from_pandas=True)


class _Tags:
    """Tags of books by the number of their page, found when they are first asked for."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._found: pa.Table | None = None

    def __call__(self, page: pa.Array) -> pa.Array:
        if self._found is None:
            self._found = self._made()
        return self._found.column("tags").take(pc.index_in(whole(page), self._found.column("page")))

    def _made(self) -> pa.Table:
        given = self._table("book_tags.csv", ("goodreads_book_id", "tag_id", "count"))
        names = self._table("tags.csv", ("tag_id", "tag_name"))
        duck = connect()
        try:
            duck.register("given", given)
            duck.register("names", names)
            return duck.query(_SQL, params=[_SHELVES, _TAGS]).to_arrow_table()
        finally:
            duck.close()

    def _table(self, name: str, columns: tuple[str, ...]) -> pa.Table:
        inner = Delimited(self._download.path(name), self._download.called(name))
        _check(inner, columns)
        empty = pa.table({column: pa.array([], pa.string()) for column in columns})
        parts = [pa.table(dict(zip(columns, chunk.columns, strict=True))) for chunk in inner.chunks(columns)]
        return pa.concat_tables([empty, *parts])


_SQL = """
WITH told AS (
  SELECT try_cast(goodreads_book_id AS BIGINT) AS page, tag_name AS tag, max(try_cast("count" AS BIGINT)) AS readers
  FROM given JOIN names USING (tag_id)
  WHERE NOT regexp_matches(tag_name, $1)
  GROUP BY ALL
), ranked AS (
  SELECT page, tag, readers, row_number() OVER (PARTITION BY page ORDER BY readers DESC, tag) AS place FROM told
)
SELECT page, string_agg(tag, '|' ORDER BY place) AS tags FROM ranked WHERE place <= $2 GROUP BY page ORDER BY page
"""
