"""Errors are values: they say where, what was found, what was expected and how to mend it, one a line."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import (
    DataError,
    Fault,
    Interrupted,
    NoAnswer,
    PotomacError,
    StudyError,
    did_you_mean,
    listing,
    masked,
    masked_address,
    passwords,
)

MISSING = Fault(
    "data.column-missing",
    'no column "sog" in positions.csv',
    "its columns are mmsi, t, lat, lon, speed",
    'Did you mean "speed"?',
    "study.toml",
    14,
    "data.columns.speed",
)


def test_the_form_of_an_error() -> None:
    assert str(MISSING) == (
        'study.toml:14: data.columns.speed: no column "sog" in positions.csv; '
        'its columns are mmsi, t, lat, lon, speed. Did you mean "speed"?'
    )


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("a.b", "it is wrong"), "it is wrong"),
        (Fault("a.b", "it is wrong", "expected right"), "it is wrong; expected right"),
        (Fault("a.b", "it is wrong", "", "Mend it"), "it is wrong. Mend it"),
        (Fault("a.b", "it is wrong", file="x.toml"), "x.toml: it is wrong"),
        (Fault("a.b", "it is wrong", file="x.toml", key="seed"), "x.toml: seed: it is wrong"),
        (Fault("a.b", "it is wrong", line=3, key="seed"), "seed: it is wrong"),  # a line of nothing says nothing
        (Fault("a.b", "", "", "Mend it"), "Mend it"),
    ],
)
def test_what_is_not_known_is_left_out(fault: Fault, says: str) -> None:
    assert str(fault) == says


@given(st.text(), st.text(), st.text())
def test_an_error_is_one_line_whatever_it_is_about(found: str, file: str, key: str) -> None:
    assert len(str(Fault("a.b", f"x{found}", file=file, key=key)).splitlines()) <= 1


def test_a_fault_is_json() -> None:
    assert Fault(**json.loads(json.dumps(MISSING.to_dict()))) == MISSING


@pytest.mark.parametrize(("kind", "code"), [(StudyError, 2), (DataError, 3), (NoAnswer, 4), (Interrupted, 130)])
def test_each_kind_has_its_exit_code(kind: type[PotomacError], code: int) -> None:
    error = kind([MISSING, Fault("a.b", "another")])
    assert error.exit_code == code
    assert str(error).splitlines() == [str(fault) for fault in error.faults]


def test_an_error_passes_from_process_to_process() -> None:
    error = pickle.loads(pickle.dumps(DataError(MISSING)))
    assert type(error) is DataError
    assert error.faults == (MISSING,)


def test_wrong_input_is_a_value_error_to_those_who_use_the_library() -> None:
    assert issubclass(StudyError, ValueError)
    assert issubclass(DataError, ValueError)
    assert not issubclass(NoAnswer, ValueError)


def test_long_lists_are_cut() -> None:
    assert listing("abc") == "a, b, c"
    assert listing(range(15)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more"
    assert listing([]) == ""


def test_names_in_messages_are_short_and_steer_nothing() -> None:
    """A name of 3,000 letters is cut, and one that turns the direction of writing round shows that it does."""
    assert listing(["n" * 3000]) == "n" * 77 + "..."
    assert listing(["a\u202eb", "c\x1b[2Jd"]) == r"a\u202eb, c\x1b[2Jd"
    assert str(Fault("x", "there is no a\u202eb\x07")) == r"there is no a\u202eb\x07"


@pytest.mark.parametrize(
    ("word", "near"),
    [("sped", "speed"), ("SPEED", "speed"), ("coarse", "course"), ("xyz", ""), ("", ""), ("timely", "time"), ("s", "")],
)
def test_suggestions(word: str, near: str) -> None:
    assert did_you_mean(word, ["speed", "course", "time"]) == (f'Did you mean "{near}"?' if near else "")


def test_a_part_of_a_longer_name_is_a_suggestion_and_a_chance_likeness_is_none() -> None:
    """ "ident" shares four letters of seven with "density"."""
    assert did_you_mean("radius", ["service_radius", "share"]) == 'Did you mean "service_radius"?'
    assert did_you_mean("ident", ["latitude", "weight", "density"]) == ""


def test_a_suggestion_is_spelt_as_the_valid_word_is() -> None:
    assert did_you_mean("speed over ground", ["Speed Over Ground"]) == 'Did you mean "Speed Over Ground"?'


@pytest.mark.parametrize(
    ("address", "told", "found"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db", {"secret"}),
        ("postgresql://me:a@b/c@host/db", "postgresql://me:***@host/db", {"a@b/c"}),
        ("postgresql://me:a%40b@host/db", "postgresql://me:***@host/db", {"a%40b", "a@b"}),
        ('mysql+pymysql://me:it\'s "so"@host/db', "mysql+pymysql://me:***@host/db", {'it\'s "so"'}),
        ("postgresql://host/db?user=a&password=geheim&x=1", "postgresql://host/db?user=a&password=***&x=1", {"geheim"}),
        ("mssql://host/db?pwd=x#y", "mssql://host/db?pwd=***#y", {"x"}),
        ("postgresql://host:5432/db", "postgresql://host:5432/db", set()),
        ("sqlite:///a.db", "sqlite:///a.db", set()),
        ("https://example.org/a@b", "https://example.org/a@b", set()),
        ("data.csv", "data.csv", set()),
    ],
)
def test_passwords_of_an_address_are_told_nowhere(address: str, told: str, found: set[str]) -> None:
    assert masked_address(address) == told
    assert passwords(address) == found
    if " " not in address:  # in a text, an address ends there
        assert masked(f"The source '{address}', and ({address}).") == f"The source '{told}', and ({told})."


def test_passwords_are_taken_out_of_json_which_stays_json() -> None:
    addresses = ["postgresql://me:it's@host/db", 'mysql://me:a"b\\@host/db', "oracle://host/db?password='x'", "a@b"]
    told = json.loads(masked(json.dumps(addresses)))
    assert told[:2] == ["postgresql://me:***@host/db", "mysql://me:***@host/db"]
    assert told[2].startswith("oracle://host/db?password=***")
    assert told[3] == "a@b"
