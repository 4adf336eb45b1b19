"""Units: each factor against its definition, and errors that list what fits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import StudyError
from potomac.units import BASE, convert, parse, units_of

ALL = [unit for dimension in BASE for unit in units_of(dimension)]


@pytest.mark.parametrize(
    ("value", "unit", "to", "is_"),
    [
        # the international nautical mile is 1,852 m, the mile 1,609.344 m, the foot 0.3048 m, all by definition
        (1, "kn", "km/h", 1.852),
        (1, "kn", "m/s", 1852 / 3600),
        (1, "mph", "km/h", 1.609344),
        (102.3, "kn", "0.1 kn", 1023),
        (1, "nmi", "m", 1852),
        (1, "mi", "ft", 5280),
        (180, "deg", "rad", math.pi),
        (3599, "0.1 deg", "deg", 359.9),
        (1, "d", "h", 24),
        (90, "min", "h", 1.5),
        (250, "ms", "s", 0.25),
    ],
)
def test_conversions(value: float, unit: str, to: str, is_: float) -> None:
    assert convert(value, unit, to) == pytest.approx(is_, rel=1e-12)
    assert convert(is_, to, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("dimension", BASE)
def test_the_base_unit_comes_first_and_has_the_factor_one(dimension: str) -> None:
    assert units_of(dimension)[0] == BASE[dimension]
    assert parse(BASE[dimension], dimension).factor == 1.0


@given(st.sampled_from(ALL), st.floats(-1e6, 1e6))
def test_there_and_back(name: str, value: float) -> None:
    base = BASE[parse(name).dimension]
    assert convert(convert(value, name, base), base, name) == pytest.approx(value, rel=1e-12)


def test_arrays_stay_arrays() -> None:
    assert convert(np.array([0.0, 10.0]), "m/s", "km/h").tolist() == pytest.approx([0, 36])


@pytest.mark.parametrize("name", ["knots", "KT", " Kn ", "kts"])
def test_a_unit_has_many_names(name: str) -> None:
    assert parse(name, "speed").name == "kn"


def test_an_unknown_unit_is_told_what_fits() -> None:
    with pytest.raises(StudyError) as caught:
        parse("knotts", "speed")
    (fault,) = caught.value.faults
    assert fault.code == "units.unknown"
    assert fault.expected == "valid are kn, m/s, km/h, mph, 0.1 kn"
    assert fault.mend == 'Did you mean "knots"?'


def test_a_unit_of_something_else_is_told_so() -> None:
    with pytest.raises(StudyError) as caught:
        parse("ft", "speed")
    (fault,) = caught.value.faults
    assert (fault.code, fault.found) == ("units.dimension", '"ft" measures length, not speed')
    with pytest.raises(StudyError):
        convert(1.0, "kn", "m")
