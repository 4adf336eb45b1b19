"""Delimited text: rows keep their numbers whatever breaks between them, in blocks of any size."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac import tables
from potomac.errors import DataError
from potomac.tables import Role, delimited

WORDS = (Role("a", "text", ""), Role("c", "text", ""))
FIELD = st.sampled_from(["x", "yy", '"q,q"', '"two\nlines"', '"say ""so"""', "5 inch"])
PLAIN = {'"q,q"': "q,q", '"two\nlines"': "two\nlines", '"say ""so"""': 'say "so"'}


@given(st.lists(st.lists(FIELD, min_size=1, max_size=4), min_size=1, max_size=60), st.integers(60, 200), st.booleans())
def test_rows_with_too_few_or_too_many_fields(tmp_path_factory, rows: list[list[str]], block: int, ends: bool) -> None:
    path = tmp_path_factory.mktemp("ragged") / "a.csv"
    path.write_text("a,b,c\n" + "\n".join(",".join(row) for row in rows) + ("\n" if ends else ""), newline="")
    meant = [
        {"row": number, "a": PLAIN.get(row[0], row[0]), "c": PLAIN.get(row[2], row[2])}
        for number, row in enumerate(rows)
        if len(row) == 3
    ]
    why = [
        (number, "too few fields" if len(row) < 3 else "too many fields")
        for number, row in enumerate(rows)
        if len(row) != 3
    ]
    original, delimited._LONGEST = delimited._LONGEST, block
    try:
        if not meant:
            with pytest.raises(DataError):
                tables.open(path, {}, WORDS).counts()
            return
        opened = tables.open(path, {}, WORDS)
        assert opened.to_arrow().to_pylist() == meant
        assert [(one["row"], one["reason"]) for one in opened.rejected().read_all().to_pylist()] == why
        assert opened.counts().read == len(rows)
    finally:
        delimited._LONGEST = original


def test_a_quotation_mark_within_a_word_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b,c\n5" pipe,1,x\nplain,2,y\n')
    assert tables.open("a.csv", {}, WORDS, base=tmp_path).to_arrow()["a"].to_pylist() == ['5" pipe', "plain"]


@pytest.mark.parametrize("rest", ['x,"y,z\n1,2,3\n', 'x,y,"z\n1,2,3\n', 'x,"y,z\n1,2,3'])
def test_a_quotation_mark_that_is_never_closed(tmp_path: Path, rest: str) -> None:
    (tmp_path / "a.csv").write_text("a,b,c\n1,2,3\n" + rest)
    with pytest.raises(DataError, match="a quotation mark is opened in row 1 and never closed"):
        tables.open("a.csv", {}, WORDS, base=tmp_path).to_arrow()


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n\na,b,c\n\n1,2,3\n\n\n4,5,6\n\n")
    assert tables.open("a.csv", {}, WORDS, base=tmp_path).to_arrow()["row"].to_pylist() == [0, 1]


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\n1\n2\n")
    opened = tables.open("a.txt", {}, (Role("a", "number", ""),), base=tmp_path)
    assert opened.to_arrow()["a"].to_pylist() == [1.0, 2.0]
    assert opened.notes == ("a.txt: one column, encoding UTF-8",)


def test_a_delimiter_after_every_row_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c\n1,2,3,\n4,5,6,\n")
    with pytest.raises(DataError, match="too many fields in 2 of 2 rows"):
        tables.open("a.csv", {}, WORDS, base=tmp_path)


@pytest.mark.parametrize("before", ["", "\n", "sep=,\n", "\r\n\r\n"])
def test_lines_before_the_header_are_no_rows(tmp_path: Path, before: str) -> None:
    (tmp_path / "a.csv").write_text(before + "a,b,c\n1,2,3\n1,2\n4,5,6\n", newline="")
    opened = tables.open("a.csv", {}, WORDS, base=tmp_path)
    assert opened.to_arrow()["row"].to_pylist() == [0, 2]
    assert opened.rejected().read_all()["row"].to_pylist() == [1]


def test_a_quotation_mark_opened_in_the_last_row_loses_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b,c\n1,2,3\n"x,y,z\n')
    opened = tables.open("a.csv", {}, WORDS, base=tmp_path)
    assert opened.counts().reasons == {"too few fields": 1}
