"""The Django applications: the door, and Django's admin behind it."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class Config(AppConfig):
    """See the package."""

    name = "potomac.server.people"
    label = "people"


class Admin(AdminConfig):
    """Django's admin, entered by the same door as everything."""

    default_site = "potomac.server.people.site.Site"
