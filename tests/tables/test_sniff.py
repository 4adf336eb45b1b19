"""What a text file is, found out from its first part."""

from __future__ import annotations

import codecs
import csv
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from potomac import tables
from potomac.errors import DataError
from potomac.tables import Role, sniff

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\x1a", exclude_categories=["Cs", "Cc"]), max_size=8)


def found(text: str, encoding: str = "utf-8") -> sniff.Dialect:
    return sniff.dialect(text.encode(encoding), "a.csv", whole=True)


@pytest.mark.parametrize(
    ("text", "delimiter", "names"),
    [
        ("a,b,c\n1,2,3\n", ",", ("a", "b", "c")),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";", ("a", "b")),
        ("a\tb\n1,5\t2\n", "\t", ("a", "b")),
        ("a|b|c\n1|2|3\n", "|", ("a", "b", "c")),
        ("a\n1\n2\n", ",", ("a",)),
        ('"a;x",b\n"1;2;3",4\n', ",", ("a;x", "b")),
        ('" a ","b ""q"""\n1,2\n', ",", ("a", 'b "q"')),
        ('"two\nlines",b\n1,2\n', ",", ("two\nlines", "b")),
        ("sep=;\na;b\n1;2\n", ";", ("a", "b")),
        ("\n\na,b\n1,2\n", ",", ("a", "b")),
        ("name, place;value\n1;2\n3;4\n", ";", ("name, place", "value")),
        ("a,b\r\n1,2\r\n", ",", ("a", "b")),
    ],
)
def test_delimiters_and_headers(text: str, delimiter: str, names: tuple[str, ...]) -> None:
    dialect = found(text)
    assert (dialect.delimiter, dialect.names) == (delimiter, names)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"plain", "utf-8"),
        ("é€".encode(), "utf-8"),
        ("é".encode() * 10 + b"\xc3", "utf-8"),  # cut within a sign
        (codecs.BOM_UTF8 + b"x", "utf-8-sig"),
        ("naïve".encode("latin-1"), "latin-1"),
        ("5 € a day".encode("cp1252"), "cp1252"),
        ("lat,lon\n".encode("utf-16"), "utf-16"),
        ("lat,lon\n".encode("utf-16-le"), "utf-16-le"),
        ("lat,lon\n".encode("utf-16-be"), "utf-16-be"),
        ("lat,lon\n".encode("utf-32"), "utf-32"),
    ],
)
def test_encodings(data: bytes, encoding: str) -> None:
    assert sniff.encoding(data, "a.csv") == encoding


@pytest.mark.parametrize("data", [bytes(range(256)), b"\x89PNG\r\n\x1a\n" + bytes(90), b"PAR1" + b"x" * 90])
def test_what_is_no_text(data: bytes) -> None:
    with pytest.raises(DataError, match="is no text: it begins with the bytes"):
        sniff.encoding(data, "a.csv")


@pytest.mark.parametrize(
    ("values", "comma"),
    [
        (["1,5", "2,25"], True),
        (["1,5", "2"], True),
        (["1.5", "2,5"], False),  # both: no decimal comma
        (["1,234", "5,678"], False),  # may be thousands
        (["1,234", "5,67"], True),
        (["-0,5", "x"], True),
        (["1,234,567"], False),
        ([], False),
    ],
)
def test_decimal_commas(values: list[str], comma: bool) -> None:
    assert sniff.decimal_comma(values) is comma


@pytest.mark.parametrize(
    ("names", "data"),
    [(("1.5", "2020-01-01", ""), True), (("lat", "1"), False), (("", ""), False), (("48,5", "-2"), True)],
)
def test_headers_that_are_data(names: tuple[str, ...], data: bool) -> None:
    assert sniff.looks_like_data(names) is data


@given(
    st.lists(st.tuples(WORDS, st.floats(-1e6, 1e6), WORDS), min_size=3, max_size=20),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_writer_writes_is_read_back(tmp_path_factory, rows, delimiter: str, encoding: str, end: str) -> None:
    """Any words, any delimiter and encoding: the same values come back."""
    assume(all(number == number for _, number, _ in rows))
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(["first", "number", "second"])
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("sniff") / "a.csv"
    path.write_bytes(sink.getvalue().encode(encoding))
    roles = (
        Role("first", "text", "", nulls=True),
        Role("number", "number", ""),
        Role("second", "text", "", nulls=True),
    )
    table = tables.open(path, {}, roles).to_arrow()
    assert table["number"].to_pylist() == [number for _, number, _ in rows]
    for name, place in (("first", 0), ("second", 2)):
        assert table[name].to_pylist() == [known(row[place]) for row in rows]


def known(word: str) -> str | None:
    return None if word.strip() in ("", "null", "NULL") else word.strip()


def test_what_was_found_out_is_said(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes("näme;x\nö;1,5\nü;2\n".encode("cp1252"))
    table = tables.open("a.csv", {"x": "x"}, (Role("x", "number", ""),), base=tmp_path)
    assert table.notes == ("a.csv: 2 columns parted by semicolons, encoding LATIN-1", "decimal comma in x")
    assert table.describe()["notes"] == list(table.notes)


def test_signs_that_are_no_signs_are_replaced_and_said(tmp_path, monkeypatch) -> None:
    """A file that begins as UTF-8 and goes on as something else is read; what is lost is counted."""
    rows = b"plain\n" * 60_000 + "näme\n".encode("latin-1") + b"nul\0\n"
    (tmp_path / "a.csv").write_bytes(b"x\n" + rows)
    table = tables.open("a.csv", {"x": "x"}, (Role("x", "text", ""),), base=tmp_path)
    assert table.to_arrow()["x"].to_pylist()[-2:] == ["n�me", "nul�"]
    assert any("2 signs are not utf-8" in note for note in table.notes)
