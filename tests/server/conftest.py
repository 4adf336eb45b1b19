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
(HOME / "uploads").mkdir()

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
    from potomac.server.flows.base import Actor


@pytest.fixture(scope="session", autouse=True)
def _tidy() -> Iterator[None]:
    import shutil

    yield
    shutil.rmtree(HOME, ignore_errors=True)


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
