"""A server with a home and a database of its own for these tests.

``POTOMAC_TEST_DATABASE_URL`` names another database than SQLite (PostgreSQL or MySQL), which tests may fill and empty.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

HOME = Path(tempfile.mkdtemp(prefix="potomac-tests-"))
os.environ |= {
    "POTOMAC_HOME": str(HOME),
    "POTOMAC_SECRET_KEY": "a key for tests",
    "DJANGO_SETTINGS_MODULE": "potomac.server.settings",
    "DATABASE_URL": os.environ.get("POTOMAC_TEST_DATABASE_URL", ""),
}
for folder in ("uploads", "static"):
    (HOME / folder).mkdir()

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # people are made by the hundred here
settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(
        HOME / "test.sqlite3"
    )  # a file: threads and workers see it

if TYPE_CHECKING:
    from django.test import Client

    from potomac.server.accounts.models import User
    from potomac.server.catalog.models import Source
    from potomac.server.flows.base import Actor


@pytest.fixture(scope="session", autouse=True)
def _tidy() -> Iterator[None]:
    import shutil

    yield
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """No test is refused because others have asked much from here, or gets the pages of their products."""
    from potomac.server.api import limits, ready

    limits.buckets.clear()
    ready.shelf.clear()


@pytest.fixture
def home() -> Path:
    """POTOMAC_HOME of these tests."""
    return HOME


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Makes people: ``person("ada", role="publisher")``; the password is ``PASSWORD``."""
    from potomac.server.accounts.models import User

    def make(name: str = "ada", role: str = "analyst", **more: Any) -> User:
        return User.objects.create_user(name, f"{name}@example.org", PASSWORD, role=role, **more)

    return make


@pytest.fixture
def ada(person: Callable[..., User]) -> Actor:
    """A publisher."""
    from potomac.server.flows.base import Actor

    return Actor(user=person("ada", role="publisher"))


@pytest.fixture
def source(ada: Actor) -> Source:
    """A table of ada's that was looked at, and whose file nobody reads."""
    from potomac.server.catalog.models import Source

    columns = [{"name": name, "type": "number", "examples": ["1"], "nulls": 0} for name in ("lat", "lon")]
    preview = {"columns": columns, "rows": [], "notes": []}
    return Source.objects.create(owner=ada.user, name="strait.csv", kind="upload", state="ready", preview=preview)


PASSWORD = "correct horse battery"


@pytest.fixture
def password() -> str:
    """With which everybody here signs in."""
    return PASSWORD


@pytest.fixture
def actor() -> Callable[[User], Actor]:
    """The actor that a person is in a browser."""
    from potomac.server.flows.base import Actor

    return lambda user: Actor(user=user)


@pytest.fixture
def signed_in(client: Client) -> Callable[[User], Client]:
    """A browser in which a person has signed in."""

    def make(user: User) -> Client:
        client.force_login(user)
        return client

    return make


@pytest.fixture(scope="session")
def answered() -> Path:
    """The directory of a finished run: 400 positions on two lanes, scored by regressions a cell."""
    import numpy as np

    from potomac import studies

    random = np.random.default_rng(7)
    lane = np.arange(400) % 2
    table = {
        "lat": 56.0 + random.uniform(0, 1, 400),
        "lon": 11.0 + 0.2 * lane + random.normal(0, 0.01, 400),
        "speed": 10 + random.normal(0, 1, 400),
        "heading": (180.0 * lane + random.normal(0, 5, 400)) % 360,
        "name": [f"=vessel {i % 20}" for i in range(400)],  # a formula to a spreadsheet
    }
    study = {
        "kind": "outliers", "name": "strait", "title": "Which vessels are out of place?",
        "data": {
            "source": "strait.parquet",
            "columns": {
                "latitude": "lat", "longitude": "lon", "speed": "speed", "heading": "heading", "entity": "name",
            },
        },
        "model": {"method": "logistic"},
    }  # fmt: skip
    return studies.run(study, HOME / "made", tables={"data": table}).path


@pytest.fixture
def finished(db: None, answered: Path, home: Path) -> Iterator[Callable[..., Any]]:
    """Makes finished runs of the catalogue: ``finished(user)``."""
    import shutil

    from django.utils import timezone

    from potomac.server.catalog.models import Run
    from potomac.server.jobs.models import Job

    made: list[Path] = []

    def make(user: User, **more: Any) -> Run:
        values = {"kind": "outliers", "name": "strait", "title": "Which vessels are out of place?", **more}
        text = (answered / "study.toml").read_text(encoding="utf-8")
        run = Run.objects.create(owner=user, text=text, finished=timezone.now(), **values)
        run.directory = f"{user.pk}/{run.pk}"
        made.append(home / "runs" / run.directory)
        shutil.copytree(answered, made[-1])
        run.answer = "The strangest of 400 records."
        run.save()
        Job.objects.create(task="run", about=run.pk, owner=user, state="done", attempt=1)
        return run

    yield make
    for path in made:
        shutil.rmtree(path, ignore_errors=True)
