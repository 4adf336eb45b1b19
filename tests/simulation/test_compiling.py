"""Functions that are linked into compiled ones."""

from __future__ import annotations

import pytest
from numba import njit

from potomac.simulation.loop.compiling import _pipelines, as_whole, part
from potomac.stats.compiled import compiled


@part
def _scaled(x: float, by: int) -> float:
    return x * by


@part
def _both(x: float) -> float:
    return _scaled(x, 2) + _scaled(x, 3)


def test_a_part_is_compiled_once_for_all_constants_and_gives_what_python_gives() -> None:
    whole = njit(lambda x: _both(x) + _scaled(x, 4))
    assert whole(1.5) == 1.5 * (2 + 3 + 4)
    assert len(_scaled.overloads) == 1


def test_a_part_may_be_linked_into_several() -> None:
    first, second = njit(lambda x: _both(x) + 0), njit(lambda x: -_both(x))
    assert first(2.0) == -second(2.0) == 10.0


def test_a_whole_is_optimised_once_and_gives_the_same() -> None:
    copied = part(lambda x: 3 * _both(x), copied=True)
    loop = compiled(**as_whole())(lambda x: copied(x) + _both(x))
    assert loop(2.0) == 4 * 10.0


def test_the_usual_compiler_takes_over_where_numba_has_other_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import codegen
    from numba.core.compiler import Compiler

    monkeypatch.delattr(codegen, "JITCodeLibrary")
    assert _pipelines.__wrapped__() == (Compiler, Compiler)
