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


@pytest.mark.parametrize(
    ("word", "near"),
    [("sped", "speed"), ("SPEED", "speed"), ("coarse", "course"), ("xyz", ""), ("", "")],
)
def test_suggestions(word: str, near: str) -> None:
    assert did_you_mean(word, ["speed", "course", "time"]) == (f'Did you mean "{near}"?' if near else "")


def test_a_suggestion_is_spelt_as_the_valid_word_is() -> None:
    assert did_you_mean("speed over ground", ["Speed Over Ground"]) == 'Did you mean "Speed Over Ground"?'
