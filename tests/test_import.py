"""What an import loads is tested like a feature: asked of sys.modules in a fresh process."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

HEAVY = {"numpy", "pyarrow", "pydantic", "duckdb", "pandas", "polars", "scipy", "sklearn", "numba", "rich"}
FACES = {"django", "typer", "click", "rich", "matplotlib", "plotly", "requests", "httpx"}


def loaded_by(code: str) -> set[str]:
    """Roots of all modules that are loaded after ``code``."""
    program = f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    words = [sys.executable, "-c", program]
    return set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


def test_import_potomac_loads_nothing_heavy() -> None:
    assert not loaded_by("import potomac") & (HEAVY | FACES)


@pytest.mark.parametrize("part", ["errors", "units", "engine"])
def test_the_light_parts_load_nothing_heavy(part: str) -> None:
    assert not loaded_by(f"import potomac.{part}") & (HEAVY | FACES)


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["nonsense"]])
def test_the_command_says_what_it_can_do_without_loading_what_it_does(words: list[str]) -> None:
    code = "import contextlib, io, potomac.cli.main as cli\nwith contextlib.redirect_stdout(io.StringIO()), "
    code += f"contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit): cli.main({words})"
    # typer reads the options of a command with pydantic; for the first page it does not
    assert not loaded_by(code) & ((HEAVY if words == ["--help"] else HEAVY - {"pydantic"}) | {"jinja2", "tree_sitter"})


def test_the_list_of_runs_is_found_without_engines() -> None:
    code = "import pathlib; from potomac.cli import show; show.entries(pathlib.Path('nowhere'))"
    assert not loaded_by(code) & {"pandas", "polars", "duckdb", "scipy", "sklearn", "numba", "jinja2"}


def test_engines_load_neither_pydantic_nor_faces() -> None:
    assert not loaded_by("import potomac.outliers") & (FACES | {"pydantic"})


def test_studies_load_no_faces() -> None:
    assert not loaded_by("import potomac.studies") & FACES


def test_names_are_loaded_when_they_are_used() -> None:
    import potomac

    assert potomac.studies.run is not None
    assert potomac.errors.Fault is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = potomac.nonsense


def test_parts_that_are_not_there_yet_say_so() -> None:
    import potomac

    missing = [name for name in ("location", "simulation", "recommend", "social") if not _exists(name)]
    for name in missing:
        with pytest.raises(AttributeError, match="yet"):
            getattr(potomac, name)


def _exists(name: str) -> bool:
    return importlib.util.find_spec(f"potomac.{name}") is not None


def test_every_public_name_can_be_had_and_is_typed() -> None:
    import potomac

    assert set(potomac.__all__) == set(dir(potomac))
    for name in potomac.__all__:
        assert getattr(potomac, name) is not None
    spec = importlib.util.find_spec("potomac")
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin.removesuffix(".py") + ".pyi", encoding="utf-8") as stub:
        text = stub.read()
    for name in potomac.__all__:
        assert f" {name} as {name}" in text or f"{name}:" in text
