"""Django's admin for the queue: it is looked at here, and changed by its own rules alone."""

from __future__ import annotations

from django.contrib import admin

from potomac.server.catalog.admin import Shown
from potomac.server.jobs.models import Job

__all__ = ["JobAdmin"]


@admin.register(Job)
class JobAdmin(Shown):
    """Jobs, the newest first."""

    list_display = ("id", "task", "about", "owner", "state", "attempt", "deaths", "worker", "created", "ended")
    list_filter = ("state", "task")
    search_fields = ("about", "owner__username")
    list_select_related = ("owner",)
