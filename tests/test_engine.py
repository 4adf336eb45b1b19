"""The declaration of an engine and its result, as plain values."""

from __future__ import annotations

import subprocess
import sys

import pytest

from potomac.engine import API, Engine, Fact, Figure, Quiet, Result


def engine(**more: object) -> Engine:
    """A declaration with what is required, and ``more``."""
    words = {"kind": "k", "study": object, "run": lambda *a: None, "figures": lambda r: (), "summary": "One."}
    return Engine(**{**words, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("demo", "names"), [("", ()), ("a.toml", ("a.toml",)), (("a.toml", "b.toml"), ("a.toml", "b.toml"))]
)
def test_demos_are_one_or_many(demo: str | tuple[str, ...], names: tuple[str, ...]) -> None:
    assert engine(demo=demo).demos == names


def test_an_engine_is_made_for_this_interface_unless_it_says_otherwise() -> None:
    assert engine().api == API


def test_facts_are_found_by_name() -> None:
    gap = Fact("gap", 0.1, "How far the bound is away.", low=0.0)
    result = Result("It is so.", (Fact("n", 3, "How many."), gap), {})
    assert result.fact("gap") is gap
    with pytest.raises(KeyError):
        result.fact("gaps")


def test_results_and_figures_share_no_defaults() -> None:
    one, two = Result("", (), {}), Result("", (), {})
    assert one.model == {}
    assert one.model is not two.model
    assert Figure("a", "A", "what one sees").role == "support"


def test_declarations_are_never_changed() -> None:
    with pytest.raises(AttributeError):
        engine().kind = "other"  # type: ignore[misc]


def test_quiet_progress_says_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Quiet()("reading", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_the_module_needs_nothing_but_python() -> None:
    code = "import sys; import potomac.engine; print('numpy' in sys.modules, 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False False\n"
