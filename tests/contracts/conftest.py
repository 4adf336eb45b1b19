"""The toy engine is one of the engines of the battery."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

toy_site = runpy.run_path(str(Path(__file__).parents[1] / "studies" / "conftest.py"))["toy_site"]


@pytest.fixture(scope="module", autouse=True)
def installed(toy_site: Path):
    """All engines of this machine, and the toy engine."""
    from potomac.studies import registry

    sys.path.insert(0, str(toy_site))
    registry.forget()
    yield
    sys.path.remove(str(toy_site))
    registry.forget()
    for module in [name for name in sys.modules if name.split(".")[0] == "potomac_toy"]:
        del sys.modules[module]
