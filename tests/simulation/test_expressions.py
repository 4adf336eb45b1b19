"""The language of formulas: what it gives, and what it refuses."""

from __future__ import annotations

import pickle
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import StudyError
from potomac.simulation.expressions import FUNCTIONS, formula

X = np.array([[1.0], [4.0], [-2.0]])
DICE = np.array([[1.0, 2.0, 3.0], [6.0, 6.0, 6.0], [2.0, 5.0, 2.0]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + 2 * 3", [7, 10, 4]),
        ("-x ** 2", [-1, -16, -4]),
        ("(x + 1) / 2 - 1 // 1", [0, 1.5, -1.5]),
        ("7 % 4 + 0 * x", [3, 3, 3]),
        ("x > 0", [True, True, False]),
        ("0 < x < 3", [True, False, False]),
        ("not x > 0 or x == 4", [False, True, True]),
        ("x > 0 and x < 2", [True, False, False]),
        ("10 if x > 0 else x", [10, 10, -2]),
        ("where(x > 0, 10, x)", [10, 10, -2]),
        ("(x > 0) + (x > 2)", [1, 2, 0]),
        ("sum(dice)", [6, 18, 9]),
        ("sum(dice == 6)", [0, 3, 0]),
        ("max(dice) - min(dice)", [2, 0, 3]),
        ("mean(dice)", [2, 6, 3]),
        ("mean(x, 3)", [2, 3.5, 0.5]),
        ("min(x, 2, 3)", [1, 2, -2]),
        ("prod(dice)", [6, 216, 20]),
        ("any(dice == 5)", [False, False, True]),
        ("all(dice == 6)", [False, True, False]),
        ("sum(dice * x)", [6, 72, -18]),
        ("floor(x / 3) + ceil(x / 3) + round(x / 3) + abs(x)", [2, 8, 0]),
        ("exp(log(4)) + sqrt(9) + log10(100) + 0 * x", [9, 9, 9]),
        ("sin(pi / 2) + cos(0) + tan(0) + 0 * x", [2, 2, 2]),
        ("true + x", [2, 5, -1]),
    ],
)
def test_what_a_formula_gives(text: str, expected: list[float]) -> None:
    found = formula(text, ["x", "dice"])({"x": X, "dice": DICE})
    assert found.shape == (3, 1)
    assert found[:, 0].tolist() == pytest.approx(expected)
    assert (found.dtype == bool) == isinstance(expected[0], bool)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os').system('ls')", "only functions by name are called"),
        ("x.__class__", "a formula has no attribute"),
        ("x[0]", "a formula has no subscript"),
        ("(lambda: 1)()", "only functions by name are called"),
        ("lambda: 1", "a formula has no lambda"),
        ("[y for y in x]", "a formula has no listcomp"),
        ("eval(x)", "there is no function 'eval'"),
        ("sqr(x)", 'Did you mean "sqrt"?'),
        ("open", "there is no 'open'"),
        ("demnd + 1", "expected one of x, demand"),
        ("'x' * 9", "'x' is no number"),
        ("1j * x", "1j is no number"),
        ("x if None else 1", "None is no number"),
        ("where(x, 1)", "where has 2 arguments; expected 3"),
        ("max(x, key=x)", "names of them"),
        ("sum(*x)", "a formula has no starred"),
        ("f'{x}'", "a formula has no joinedstr"),
        ("(y := 3)", "a formula has no namedexpr"),
        ("x is 3", "a formula has no compare"),
        ("x in demand", "a formula has no compare"),
        ("x @ demand", "a formula has no binop"),
        ("~x", "a formula has no unaryop"),
        ("x << 9", "a formula has no binop"),
        ("x = 3", "cannot be read"),
        ("x +", "cannot be read"),
        ("x\x00", "cannot be read"),
        ("import os", "cannot be read"),
        ("1" * 400, "the number is too large"),
        ("x" + " + 1" * 300, "parts; expected at most 500"),
        ("(" * 900 + "x" + ")" * 900, "cannot be read"),
        ("x" + " " * 3000, "letters; expected at most 2,000"),
        ("", "is no formula"),
    ],
)
def test_what_a_formula_may_not_have(text: str, said: str) -> None:
    with pytest.raises(StudyError) as caught:
        formula(text, ["x", "demand"])
    assert said in str(caught.value)
    assert {fault.code for fault in caught.value.faults} == {"simulation.expression"}


def test_a_power_that_would_fill_memory_is_a_float() -> None:
    assert formula("9 ** 9 ** 9 ** 9 + x", ["x"])({"x": X})[0, 0] == np.inf


def test_columns_that_do_not_fit_are_said() -> None:
    with pytest.raises(StudyError, match="do not fit together"):
        formula("a + b", ["a", "b"])({"a": np.ones((2, 3)), "b": np.ones((2, 2))})


def test_a_formula_is_pickled_and_knows_what_it_uses() -> None:
    made = formula("max(x, 0) * price", ["x", "price", "cost"])
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.used == {"x", "price"}


@given(st.text(max_size=60))
def test_no_text_raises_anything_but_a_fault(text: str) -> None:
    with suppress(StudyError):
        formula(text, ["x"])({"x": X})


def test_every_function_is_vectorised() -> None:
    for name, function in FUNCTIONS.items():
        text = f"{name}({', '.join(['x'] * function.least)})"
        assert formula(text, ["x"])({"x": np.abs(X)}).shape == (3, 1)
