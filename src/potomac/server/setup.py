"""The one place that tells Django where its settings are: the command, the worker and WSGI all come by here."""

from __future__ import annotations

import os
from pathlib import Path

from potomac.errors import Fault, StudyError

__all__ = ["DIRECTORIES", "make_home", "prepare"]

DIRECTORIES = ("content", "uploads", "work", "runs", "static", "backups")
"""What POTOMAC_HOME holds beside the database."""


def prepare() -> None:
    """Make ``POTOMAC_HOME`` and load Django with Potomac's settings; a second call does nothing.

    Raises:
        StudyError: a setting is wrong, the home cannot be written, or the server's packages are not installed.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "potomac.server.settings")
    try:
        import django
        from django.apps import apps
        from django.conf import settings
    except ModuleNotFoundError as error:
        mend = 'Run pip install "potomac[server]"'
        raise StudyError(Fault("server.missing", "the server's packages are not installed", "", mend)) from error
    from potomac.server import config, databases

    make_home(config.home())
    if not apps.ready:
        databases.keep_log(settings.DATABASES["default"])
    django.setup()


def make_home(home: Path) -> None:
    """The directory and those in it, readable by their owner alone.

    Raises:
        StudyError: it cannot be written.
    """
    try:
        for part in ("", *DIRECTORIES):
            (home / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        found, mend = f"POTOMAC_HOME cannot be written: {reason}", "Set POTOMAC_HOME to a directory that can be written"
        raise StudyError(Fault("server.home", found, "", mend, str(home))) from error
