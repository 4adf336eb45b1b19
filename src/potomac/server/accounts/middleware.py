"""Who must change the password does so before anything else."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

__all__ = ["PasswordChange"]

Answer = Callable[[HttpRequest], HttpResponse]


class PasswordChange:
    """Leads to the form that changes the password."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or lead there."""
        if getattr(request.user, "must_change", False):
            form, away = reverse("password-change"), reverse("sign-out")
            if request.path not in (form, away) and not request.path.startswith("/static/"):
                return redirect(form)
        return self.answer(request)
