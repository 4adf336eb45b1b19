"""The Django application."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from potomac.server.databases import only_text


class Config(AppConfig):
    """See the package."""

    name = "potomac.server.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Every connection to a database takes text alone."""
        connection_created.connect(_watched, dispatch_uid="potomac.only-text")


def _watched(connection: Any, **_: Any) -> None:
    """A connection that is opened anew keeps its wrappers."""
    if only_text not in connection.execute_wrappers:
        connection.execute_wrappers.append(only_text)
