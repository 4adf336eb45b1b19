"""Engines are found by name, loaded when asked for; a broken, doubled or foreign one is named, the others work."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from potomac.errors import StudyError
from potomac.studies import registry

GOOD = """
from potomac.engine import Engine, Result
from potomac.spec import Study
def run(study, tables, stream, progress): return Result("nothing", (), {})
engine = Engine(kind="KIND", study=Study, run=run, figures=lambda result: (), summary="Nothing.", api=API)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A directory of installed packages; ``add(dist, kind, source)`` installs one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    added = []

    def add(dist: str, kind: str, source: str, api: int = 1) -> None:
        module = dist.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source.replace("KIND", kind).replace("API", str(api)))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        extra = "Provides-Extra: heavy\n" if dist == "extra-dist" else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n{extra}")
        bracket = " [heavy]" if extra else ""
        (info / "entry_points.txt").write_text(f"[potomac.engines]\n{kind} = {module}:engine{bracket}\n")
        added.append(module)
        registry.forget()

    registry.forget()
    yield add
    registry.forget()
    for module in added:
        sys.modules.pop(module, None)


def fault(kind: str):
    with pytest.raises(StudyError) as caught:
        registry.engine(kind)
    return caught.value.faults[0]


def test_kinds_are_sorted_and_found_without_importing(site) -> None:
    site("b-dist", "zebra", "raise SystemError")
    site("a-dist", "aardvark", GOOD)
    kinds = registry.kinds()
    assert {"aardvark", "zebra"} <= set(kinds)
    assert list(kinds) == sorted(kinds)
    assert "a_dist" not in sys.modules


def test_an_engine_is_loaded_when_asked_for(site) -> None:
    site("a-dist", "aardvark", GOOD)
    assert registry.engine("aardvark").summary == "Nothing."
    assert registry.listed()["aardvark"].distribution == "a-dist"


@pytest.mark.parametrize(
    ("source", "api", "code", "says"),
    [
        ("import no_such_module", 1, "engine.extra-missing", "needs the module no_such_module"),
        ("1 / 0", 1, "engine.broken", "ZeroDivisionError: division by zero"),
        ("def (", 1, "engine.broken", "SyntaxError"),
        ("other = 1", 1, "engine.broken", "AttributeError"),
        ("engine = 1", 1, "engine.foreign-api", "interface None"),
        (GOOD, 99, "engine.foreign-api", "is made for interface 99; this Potomac has interface 1. Update potomac"),
        (GOOD, 0, "engine.foreign-api", "Update bad-dist"),
        (GOOD.replace("KIND", "other"), 1, "engine.broken", 'calls itself "other"'),
    ],
)
def test_a_broken_one_is_named_and_the_others_work(site, source: str, api: int, code: str, says: str) -> None:
    site("a-dist", "aardvark", GOOD)
    site("bad-dist", "bad", source, api)
    found = fault("bad")
    assert found.code == code
    assert "bad-dist" in str(found)
    assert says in str(found)
    assert "aardvark" in registry.engines()
    assert "bad" not in registry.engines()
    assert "bad" in [fault.key for fault in registry.faults()]


def test_a_doubled_kind_names_both_distributions(site) -> None:
    site("a-dist", "aardvark", GOOD)
    site("first-dist", "twin", GOOD)
    site("second-dist", "twin", GOOD)
    found = fault("twin")
    assert found.code == "engine.doubled"
    assert "first-dist and second-dist" in found.found
    assert "aardvark" in registry.engines()


def test_a_missing_extra_tells_the_command_that_installs_it(site) -> None:
    site("extra-dist", "heavy", "import no_such_module")
    assert fault("heavy").mend == 'Run pip install "extra-dist[heavy]"'


def test_a_module_of_the_engine_that_is_gone_is_no_missing_extra(site, tmp_path: Path) -> None:
    site("a-dist", "aardvark", GOOD)
    (tmp_path / "a_dist.py").unlink()
    found = fault("aardvark")
    assert (found.code, found.mend) == ("engine.broken", "Reinstall a-dist")


def test_an_unknown_kind_lists_the_kinds_and_suggests(site) -> None:
    site("a-dist", "aardvark", GOOD)
    found = fault("ardvark")
    assert found.code == "study.kind-unknown"
    assert "aardvark" in found.expected
    assert found.mend == 'Did you mean "aardvark"?'


def test_the_group_is_the_one_of_the_contract() -> None:
    assert registry.GROUP == "potomac.engines"
    assert {point.name for point in metadata.entry_points(group=registry.GROUP)} == set(registry.kinds())
