"""demo copies, prepares and runs the example studies; what cannot be run is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from potomac.engine import Engine
from potomac.errors import Fault, Interrupted, StudyError
from potomac.studies import registry
from potomac.studies.demo import demo
from potomac.studies.opened import Run


@pytest.fixture
def only_toy(numbers: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The registry as if the toy engine were the only one."""
    toy = registry.engine("toy")
    monkeypatch.setattr(registry, "engines", lambda: {"toy": toy})
    monkeypatch.setattr(registry, "faults", tuple)
    return toy


def test_the_example_is_copied_prepared_and_run(only_toy: Engine) -> None:
    ((file, outcome),) = demo("show")
    assert file == "show/toy/demo.toml"
    assert isinstance(outcome, Run)
    assert outcome.facts["mean"] == (1 + 100) / 2
    assert outcome.path.parent == Path("show/runs/hundred")


def test_an_example_that_was_changed_is_left_as_it_is(only_toy: Engine) -> None:
    list(demo("show"))
    file = Path("show/toy/demo.toml")
    file.write_text(file.read_text().replace("hundred", "mine"))
    ((_, outcome),) = demo("show")
    assert isinstance(outcome, Run)
    assert outcome.path.parent == Path("show/runs/mine")


def test_what_cannot_be_run_is_named_and_the_others_run(only_toy: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault("engine.broken", "the engine is broken", key="other")
    monkeypatch.setattr(registry, "faults", lambda: (fault,))
    outcomes = dict(demo("show"))
    assert isinstance(outcomes["other"], StudyError)
    assert isinstance(outcomes["show/toy/demo.toml"], Run)


def test_whoever_stops_one_example_stops_all(only_toy: Engine) -> None:
    def stop(what: str, done: float, total: float | None = None) -> None:
        if what == "averaging":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        list(demo("show", stop))


def test_the_examples_of_one_kind(numbers: Path) -> None:
    ((file, outcome),) = demo("show", kinds=["toy"])
    assert (file, isinstance(outcome, Run)) == ("show/toy/demo.toml", True)
    with pytest.raises(StudyError, match='no kind is called "tyo"'):
        list(demo("show", kinds=["tyo"]))
