"""Django's admin has no door of its own: sign-in with its throttle is the only one."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

__all__ = ["Site"]


class Site(AdminSite):
    """For administrators; for everybody else who has signed in there is nothing here."""

    site_header = site_title = "Potomac administration"
    index_title = "What the server keeps"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead to the sign-in page."""
        if request.user.is_authenticated:
            raise Http404
        return redirect(f"{reverse('sign-in')}?{urlencode({'next': reverse('admin:index')})}")

    def password_change(  # type: ignore[override]  # it leads elsewhere
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the page where everybody changes the password."""
        return redirect("password-change")
