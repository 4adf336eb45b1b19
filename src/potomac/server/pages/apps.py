"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig


class Config(AppConfig):
    """Pages, templates and static files."""

    name = "potomac.server.pages"
    label = "pages"
