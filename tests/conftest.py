"""What every test may use: hypothesis without deadlines, and the browser and the real positions where they are."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
DEMO_FILE = Path("data/samples/collections/quickstart.json.gz")

# Timings never decide a test; the same examples are drawn everywhere, so that a failure is everyone's.
settings.register_profile(
    "potomac", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", parent=settings.get_profile("potomac"), derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "potomac"))


def chromium_path() -> str | None:
    """The browser on this machine, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def demo_positions() -> Path | None:
    """The real positions that the demo package ships, found without importing it."""
    spec = importlib.util.find_spec("traffic")
    places = [Path(place) / DEMO_FILE for place in (spec.submodule_search_locations or [])] if spec else []
    return next((place for place in places if place.is_file()), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine has no means for, and say which."""
    missing = {
        "browser": None if chromium_path() else "no Chromium on this machine (Debian: apt-get install chromium)",
    }
    for item in items:
        for name, reason in missing.items():
            if reason and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; only for tests marked ``browser``."""
    path = chromium_path()
    assert path is not None, "mark the test `browser`"
    return path


@pytest.fixture(scope="session")
def aircraft() -> Path:
    """The file of real aircraft positions; only for tests marked ``realdata``."""
    path = demo_positions()
    if path is None:
        pytest.skip("no demo positions installed (make .venv/.demo)")
    return path
