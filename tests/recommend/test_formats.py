"""MovieLens and goodbooks downloads are read as they are; made here small, in the form that their READMEs state."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from potomac import tables
from potomac.errors import DataError, StudyError
from potomac.tables import Role, Table

RATINGS = (
    Role("user", "id", "who"),
    Role("item", "id", "what"),
    Role("value", "number", "how much", required=False),
    Role("time", "time", "when", required=False),
)
FILMS = (
    Role("item", "id", "what"),
    Role("title", "text", "its title", nulls=True, required=False),
    Role("year", "any", "a feature", nulls=True, required=False),
    Role("genres", "any", "a feature", nulls=True, required=False),
)
BOOKS = (
    *FILMS[:3],
    *(Role(name, "any", "a feature", nulls=True, required=False) for name in ("authors", "language", "tags")),
)


def ratings(path: Path | str, form: str = "movielens") -> Table:
    """The ratings of a download."""
    return tables.open(str(path), {}, RATINGS, form=f"{form} ratings", name="interactions")


def films(path: Path | str) -> list[dict[str, Any]]:
    """The films of a download, without the numbers of their rows."""
    table = tables.open(str(path), {}, FILMS, form="movielens items", name="items")
    return list(table.to_arrow().drop_columns("row").to_pylist())


def books(path: Path | str) -> list[dict[str, Any]]:
    """The books of a download, without the numbers of their rows."""
    table = tables.open(str(path), {}, BOOKS, form="goodbooks items", name="items")
    return list(table.to_arrow().drop_columns("row").to_pylist())


def small(folder: Path) -> Path:
    """The form of the set of 100,000: tabs, bars, latin-1, no header."""
    home = folder / "ml-100k"
    home.mkdir(parents=True)
    (home / "u.data").write_text("196\t242\t3\t881250949\n186\t302\t5\t891717742\n196\t302\t1\t881251577\n")
    flags = {242: "0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0", 302: "0|0|0|0|0|0|1|0|0|0|1|0|0|1|0|0|1|0|0"}
    lines = [
        f"242|Kolya (1996)|24-Jan-1997||http://example.org|{flags[242]}",
        f"302|L.A. Confidential (1997)|01-Jan-1997||http://example.org|{flags[302]}",
        f'303|Misérables, "Les (1995)|01-Jan-1995|||{"|".join("0" * 19)}',
    ]
    (home / "u.item").write_bytes("\n".join([*lines, ""]).encode("latin-1"))
    (home / "README").write_text("the data set\n")
    return home


def million(folder: Path) -> Path:
    """The form of the sets of 1 and 10 million: double colons."""
    home = folder / "ml-1m"
    home.mkdir(parents=True)
    (home / "ratings.dat").write_text("1::1193::5::978300760\n1::260::4.5::978302109\n")
    lines = ["260::Star Wars: Episode IV - A New Hope (1977)::Action|Sci-Fi", "1193::Amélie (2001)::Comedy"]
    (home / "movies.dat").write_bytes("\n".join([*lines, ""]).encode("latin-1"))
    (home / "tags.dat").write_text("15::4973::excellent!::1215184630\n")
    return home


def latest(folder: Path) -> Path:
    """The form of the later sets: CSV with a header."""
    home = folder / "ml-latest-small"
    home.mkdir(parents=True)
    (home / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n2,3,0.5,964981247\n")
    lines = ["movieId,title,genres", "1,Toy Story (1995),Adventure|Animation", '3,"Cat, The",(no genres listed)']
    (home / "movies.csv").write_text("\n".join([*lines, ""]))
    (home / "links.csv").write_text("movieId,imdbId,tmdbId\n1,0114709,862\n")
    return home


def zipped(home: Path) -> Path:
    """A directory as the archive that is downloaded."""
    archive = home.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(home.iterdir()):
            made.write(path, f"{home.name}/{path.name}")
    return archive


def test_the_set_of_100_000_is_read(tmp_path: Path) -> None:
    table = ratings(small(tmp_path))
    assert table.to_arrow().select(["row", "user", "item", "value"]).to_pylist() == [
        {"row": 0, "user": 196, "item": 242, "value": 3.0},
        {"row": 1, "user": 186, "item": 302, "value": 5.0},
        {"row": 2, "user": 196, "item": 302, "value": 1.0},
    ]
    assert str(table.to_arrow()["time"][0].as_py()) == "1997-12-04 15:55:49+00:00"  # its README counts from 1970
    assert any("MovieLens" in note for note in table.notes)


def test_the_films_of_100_000_are_read(tmp_path: Path) -> None:
    assert films(small(tmp_path)) == [
        {"item": 242, "title": "Kolya (1996)", "year": 1996, "genres": "Comedy"},
        {"item": 302, "title": "L.A. Confidential (1997)", "year": 1997, "genres": "Crime|Film-Noir|Mystery|Thriller"},
        {"item": 303, "title": 'Misérables, "Les (1995)', "year": 1995, "genres": None},
    ]


def test_the_sets_of_millions_are_read(tmp_path: Path) -> None:
    home = million(tmp_path)
    assert ratings(home).to_arrow()["value"].to_pylist() == [5.0, 4.5]
    assert films(home) == [
        {
            "item": 260,
            "title": "Star Wars: Episode IV - A New Hope (1977)",
            "year": 1977,
            "genres": "Action|Sci-Fi",
        },
        {"item": 1193, "title": "Amélie (2001)", "year": 2001, "genres": "Comedy"},
    ]


def test_the_later_sets_are_read(tmp_path: Path) -> None:
    home = latest(tmp_path)
    assert ratings(home).to_arrow()["user"].to_pylist() == [1, 2]
    assert films(home) == [
        {"item": 1, "title": "Toy Story (1995)", "year": 1995, "genres": "Adventure|Animation"},
        {"item": 3, "title": "Cat, The", "year": None, "genres": None},
    ]


@pytest.mark.parametrize("make", [small, million, latest])
def test_archive_directory_and_file_are_the_same(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    home = make(tmp_path)
    archive = zipped(home)
    file = next(home / name for name in ("u.data", "ratings.dat", "ratings.csv") if (home / name).is_file())
    told = [ratings(place).to_arrow() for place in (home, archive, file, tmp_path)]
    assert all(one.equals(told[0]) for one in told)
    assert all(films(place) == films(home) for place in (archive, file))
    assert [one["file"] for one in ratings(archive).describe()["files"]] == [str(archive)]


def test_a_compressed_file_is_found(tmp_path: Path) -> None:
    home = latest(tmp_path)
    plain = home / "ratings.csv"
    with gzip.open(home / "ratings.csv.gz", "wb") as file:
        file.write(plain.read_bytes())
    plain.unlink()
    assert ratings(home).to_arrow().num_rows == 2


def test_films_without_their_file_have_their_ids_for_titles(tmp_path: Path) -> None:
    home = small(tmp_path)
    (home / "u.item").unlink()
    assert films(home) == [{"item": 242, "title": None}, {"item": 302, "title": None}]


def test_rows_that_are_none_are_rejected(tmp_path: Path) -> None:
    home = small(tmp_path)
    (home / "u.data").write_text("1\t2\t3\t881250949\nx\t2\t3\t881250949\n1\t2\t3\n1\t2\tgood\t881250949\n")
    told = ratings(home).rejected().read_all().to_pylist()
    assert [(one["row"], one["reason"]) for one in told] == [
        (1, "no user"),
        (2, "too few fields"),
        (3, "value not a number"),
    ]


def faults(read: Callable[[], Any]) -> Any:
    """The one fault that reading ends with."""
    with pytest.raises((DataError, StudyError)) as caught:
        read()
    (fault,) = caught.value.faults
    return fault


def test_what_is_missing_is_named_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing\n")
    fault = faults(lambda: ratings(tmp_path))
    assert fault.code == "data.format-missing"
    assert fault.key == "interactions.source"
    assert "u.data" in fault.expected
    assert "notes.md" in fault.found
    assert faults(lambda: ratings(tmp_path / "ml-25m")).code == "data.source-missing"


def test_another_table_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user_id,book_id,rating\n1,2,3\n")
    fault = faults(lambda: ratings(tmp_path))
    assert fault.code == "data.format-look"
    assert "goodbooks" in fault.mend
    (tmp_path / "loans.csv").write_text("reader,title\n1,2\n")
    assert "reader,title" in faults(lambda: ratings(tmp_path / "loans.csv")).found


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    archive = zipped(latest(tmp_path))
    data = bytearray(archive.read_bytes())
    at = data.index(b"ml-latest-small/ratings.csv") + len(b"ml-latest-small/ratings.csv")
    data[at : at + 20] = b"\xff" * 20
    archive.write_bytes(bytes(data))
    assert faults(lambda: ratings(archive).to_arrow()).code == "data.compression"


def test_a_download_is_a_path(tmp_path: Path) -> None:
    def read(source: Any, form: str) -> Callable[[], Any]:
        return lambda: tables.open(source, {}, RATINGS, form=form, name="interactions")

    held = {"user": [1], "item": [2]}
    assert faults(read(held, "movielens ratings")).key == "interactions.format"
    assert "Did you mean" in faults(read("x", "movielens rating")).mend


# ---- goodbooks ----------------------------------------------------------------------------------------------------


def goodbooks(folder: Path, earlier: bool = False) -> Path:
    """The download of ten thousand books, in its later or earlier edition."""
    home = folder / "goodbooks-10k"
    home.mkdir(parents=True)
    (home / "ratings.csv").write_text("user_id,book_id,rating\n1,1,5\n1,2,4\n2,2,3\n")
    (home / "to_read.csv").write_text("user_id,book_id\n9,1\n")
    ids = "id,book_id" if earlier else "book_id,goodreads_book_id"
    head = f"{ids},authors,original_publication_year,title,language_code"
    lines = [
        head,
        '1,2767052,Suzanne Collins,2008.0,"The Hunger Games, #1",eng',
        '2,3,"J.K. Rowling, Mary GrandPré",,Stone,',
    ]
    (home / "books.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (home / "tags.csv").write_text("tag_id,tag_name\n1,fantasy\n2,to-read\n3,young-adult\n4,magic\n")
    given = ["goodreads_book_id,tag_id,count", "3,2,900", "3,1,50", "3,4,70", "2767052,3,10", "2767052,1,10"]
    (home / "book_tags.csv").write_text("\n".join([*given, ""]))
    return home


@pytest.mark.parametrize("earlier", [False, True])
def test_goodbooks_are_read(tmp_path: Path, earlier: bool) -> None:
    home = goodbooks(tmp_path, earlier)
    assert ratings(home, "goodbooks").to_arrow()["value"].to_pylist() == [5.0, 4.0, 3.0]
    assert books(home) == [
        {
            "item": 1,
            "title": "The Hunger Games, #1",
            "year": 2008.0,
            "authors": "Suzanne Collins",
            "language": "eng",
            "tags": "fantasy|young-adult",  # equally many readers: by name; to-read says nothing of a book
        },
        {
            "item": 2,
            "title": "Stone",
            "year": None,
            "authors": "J.K. Rowling|Mary GrandPré",
            "language": None,
            "tags": "magic|fantasy",
        },
    ]


def test_goodbooks_without_tags_are_read(tmp_path: Path) -> None:
    home = goodbooks(tmp_path)
    (home / "tags.csv").unlink()
    assert "tags" not in books(home)[0]
    assert books(zipped(home)) == books(home)


def test_what_readers_want_to_read_has_no_value(tmp_path: Path) -> None:
    table = ratings(goodbooks(tmp_path) / "to_read.csv", "goodbooks")
    assert table.to_arrow().drop_columns("row").to_pylist() == [{"user": 9, "item": 1}]


def test_goodbooks_lacking_their_books_are_told(tmp_path: Path) -> None:
    home = goodbooks(tmp_path)
    (home / "books.csv").unlink()
    assert faults(lambda: books(home)).code == "data.format-missing"
    (home / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,1,1\n")
    assert "movielens" in faults(lambda: ratings(home, "goodbooks")).mend
