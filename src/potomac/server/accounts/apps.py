"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig


class Config(AppConfig):
    """See the package."""

    name = "potomac.server.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
