"""TOML values know their line; what is no TOML is said in plain words."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import StudyError
from potomac.studies import dump, toml

TEXT = """\
# a comment
kind = "toy"
a.b.c = 1
"quoted.key" = 2

[data]
source = "x"
columns.speed = { column = "sog", unit = "kn" }
list = [1,
  # a comment inside
  { z = 1 },
  [3, 4],
]

[[station]]
name = "desk"
[station.sub]
x = 1
[[station]]
name = "door"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("kind",), 2),
        (("a",), 3),
        (("a", "b", "c"), 3),
        (("quoted.key",), 4),
        (("data",), 6),
        (("data", "source"), 7),
        (("data", "columns"), 8),
        (("data", "columns", "speed", "unit"), 8),
        (("data", "list"), 9),
        (("data", "list", 0), 9),
        (("data", "list", 1, "z"), 11),
        (("data", "list", 2, 1), 12),
        (("station", 0), 15),
        (("station", 0, "sub", "x"), 18),
        (("station", 1, "name"), 20),
    ],
)
def test_each_path_knows_its_line(path: toml.Path, line: int) -> None:
    assert toml.parse(TEXT).lines[path] == line


def test_what_is_not_there_has_the_line_of_what_is_around_it() -> None:
    document = toml.parse(TEXT)
    assert document.line(("data", "query")) == 6
    assert document.line(("station", 1, "servers")) == 19
    assert document.line(("nothing",)) == 1


def test_dotted_keys_are_found_as_faults_write_them() -> None:
    document = toml.parse(TEXT)
    assert document.locate("station[1].name") == document.locate("station.1.name") == 20


def test_windows_line_ends_and_a_byte_order_mark(tmp_path) -> None:
    file = tmp_path / "study.toml"
    file.write_bytes(b"\xef\xbb\xbfkind = 'toy'\r\n\r\nseed = 1\r\n")
    document = toml.read(file)
    assert document.values == {"kind": "toy", "seed": 1}
    assert document.lines["seed",] == 3


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a = 1\nb = = 3", 2, '"= 3" is not a value'),
        ("a = True", 1, "Write true"),
        ("a = .5", 1, "Write 0.5"),
        ("a = 5.", 1, "Write 5.0"),
        ("a = 007", 1, 'Write 7, or "007" for text'),
        ("a = None", 1, "Leave the key out"),
        ("\nsource = data.csv", 2, 'Put text in quotes: "data.csv"'),
        ("[data\nsource = 1", 1, "Close it with ]"),
        ('a = "x\nb = 1', 1, "a text is not closed"),
        ("a = 1 2", 1, '"2" follows a complete value'),
        ("a", 1, "a key without a value"),
        ("a = [1, 2", 1, "a list is not closed"),
        ("= 3", 1, "is neither a key nor a table"),
        ("x = {a = 1\n}", 1, "Keep { ... } in one line"),
        ('p = "C:\\data"', 1, "Use 'single quotes' for Windows paths"),
        ("a = 'x", 1, "single quotes is not closed"),
        ("a = {b = 1}\n[a.c]", 2, "is declared already"),
        ("a = \x01", 1, "\\x01"),
    ],
)
def test_syntax_errors_say_where_what_and_how_to_mend(text: str, line: int, says: str) -> None:
    with pytest.raises(StudyError) as caught:
        toml.parse(text, "study.toml")
    (fault,) = caught.value.faults
    assert (fault.code, fault.file, fault.line) == ("study.syntax", "study.toml", line)
    assert says in str(fault)


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        ("a = 1\n\na = 2\n", "a", (1, 3)),
        ("[data]\nx = 1\n[data]\n", "data", (1, 3)),
        ("x = { a = 1, a = 2 }", "x.a", (1, 1)),
        ("[a]\nb.c = 1\nb.c = 2", "a.b.c", (2, 3)),
        ("a = 1\n[a]\n", "a", (1, 2)),
    ],
)
def test_a_key_that_stands_twice_is_named_with_both_lines(text: str, key: str, lines: tuple[int, int]) -> None:
    with pytest.raises(StudyError) as caught:
        toml.parse(text, "study.toml")
    (fault,) = caught.value.faults
    assert (fault.code, fault.key, fault.line) == ("study.key-doubled", key, lines[1])
    assert f"in line {lines[0]} and in line {lines[1]}" in fault.found


def test_files_that_cannot_be_read(tmp_path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"a = 1\ntitle = 'caf\xe9'\n")
    long = tmp_path / "long.toml"
    long.write_bytes(b"#" * (5 * 2**20))
    expected = {
        tmp_path / "none.toml": "study.file-missing",
        tmp_path: "study.file-directory",
        latin: "study.encoding",
        long: "study.too-large",
    }
    for file, code in expected.items():
        with pytest.raises(StudyError) as caught:
            toml.read(file)
        assert caught.value.faults[0].code == code
    with pytest.raises(StudyError, match=r"latin.toml:2: byte 0xe9"):
        toml.read(latin)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        st.datetimes(),
        st.dates(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_what_is_written_reads_back(values: dict[str, object]) -> None:
    assert tomllib.loads(dump.document(values)) == values


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_every_key_of_any_document_has_a_line(values: dict[str, object]) -> None:
    document = toml.parse(dump.document(values))
    assert {(name,) for name in values} <= set(document.lines)
