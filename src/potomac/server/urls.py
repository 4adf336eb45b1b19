"""Addresses. Each part declares its own."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from potomac.server.api.urls import urlpatterns as api
from potomac.server.ops import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("accounts/", include("potomac.server.people.urls")),
    *api,
    path("", include("potomac.server.pages.urls")),
]

handler400 = "potomac.server.pages.errors.bad"
handler403 = "potomac.server.pages.errors.denied"
handler404 = "potomac.server.pages.errors.missing"
handler500 = "potomac.server.pages.errors.broken"
