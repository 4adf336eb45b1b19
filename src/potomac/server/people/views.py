"""Pages of the door: form, flow, template."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth import views as given
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from potomac.server.accounts.models import User
from potomac.server.flows import people
from potomac.server.flows.base import Actor, Conflict, Missing
from potomac.server.people import forms
from potomac.server.people.actors import actor

__all__ = [
    "PasswordChange", "PasswordReset", "PasswordResetConfirm", "SignIn", "SignOut", "account", "account_delete",
    "token_revoke", "tokens",
]  # fmt: skip

METHODS = ["get", "head", "post"]
PAGE = 50
"""Lines of the audit log on one page."""


def _person(request: HttpRequest) -> User:
    """Who has signed in; behind ``login_required``."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


class SignIn(given.LoginView):
    """Name and password; then where the visitor wanted to go, if that is here."""

    http_method_names = METHODS
    template_name = "accounts/sign-in.html"
    authentication_form = forms.SignIn

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Whether forgotten passwords are reset by e-mail."""
        return {**super().get_context_data(**more), "has_mail": bool(settings.CONFIG.mail.host)}

    def form_invalid(self, form: Any) -> HttpResponse:
        """The page again; 429 where the visitor has to wait."""
        response = super().form_invalid(form)
        if form.wait:
            response.status_code = 429
            response.headers["Retry-After"] = str(form.wait)
        return response


class SignOut(given.LogoutView):
    """By POST only, so that no page elsewhere can do it."""

    http_method_names = METHODS[2:]

    def post(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Go, and write it down."""
        people.signed_out(actor(request))
        return super().post(request, *args, **kwargs)


class PasswordChange(given.PasswordChangeView):
    """The old password and the new one."""

    http_method_names = METHODS
    template_name = "accounts/password-change.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        """Other sessions of the person end."""
        response = super().form_valid(form)
        people.changed_password(actor(self.request), form.user)
        messages.info(self.request, "The password is changed. You are signed out everywhere else.")
        return response


class PasswordReset(given.PasswordResetView):
    """Ask for a letter; where no e-mail is set up the page says whom to ask."""

    http_method_names = METHODS
    template_name = "accounts/password-reset.html"
    email_template_name = "accounts/password-reset-letter.txt"
    subject_template_name = "accounts/password-reset-subject.txt"
    success_url = reverse_lazy("password-reset-sent")
    form_class = forms.ResetPassword

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Whether there is any e-mail."""
        return {**super().get_context_data(**more), "has_mail": bool(settings.CONFIG.mail.host)}

    def form_valid(self, form: Any) -> HttpResponse:
        """The same answer for an address that nobody here has."""
        if not settings.CONFIG.mail.host:
            raise Http404
        try:
            people.password_may_be_reset(actor(self.request), form.cleaned_data["email"])
        except people.Slow as slow:
            form.add_error(None, str(slow))
            response = self.form_invalid(form)
            response.status_code = 429
            response.headers["Retry-After"] = str(slow.seconds)
            return response
        return super().form_valid(form)


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
class PasswordResetConfirm(given.PasswordResetConfirmView):
    """The page that the letter leads to."""

    template_name = "accounts/password-reset-confirm.html"
    success_url = reverse_lazy("sign-in")

    def form_valid(self, form: Any) -> HttpResponse:
        """Then sign in with it."""
        response = super().form_valid(form)
        people.changed_password(actor(self.request), form.user, "reset")
        messages.info(self.request, "The password is changed. Sign in with it.")
        return response


@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
def account(request: HttpRequest) -> HttpResponse:
    """The person, and what they did."""
    lines = people.audit(actor(request)).filter(actor=_person(request))
    page = Paginator(lines, PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/account.html", {"lines": page})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_delete(request: HttpRequest) -> HttpResponse:
    """Remove oneself and all one's data, after the password was given once more."""
    user = _person(request)
    form = forms.DeleteAccount(user, request.POST or None)
    if form.is_valid():
        try:
            told = people.delete(actor(request), user.pk)
        except Conflict as conflict:
            form.add_error(None, str(conflict))
        else:
            logout(request)
            return render(request, "accounts/account-deleted.html", {"told": told})
    return render(request, "accounts/account-delete.html", {"form": form})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The person's tokens, and a form for a new one; its text is shown this once."""
    who, new = actor(request), {}
    form = forms.NewToken(_person(request), request.POST or None)
    if request.method == "POST" and form.is_valid():
        new = _new_token(who, form)
        form = forms.NewToken(_person(request)) if new else form
    shown = {"tokens": people.tokens(who), "form": form, **new}
    return render(request, "accounts/tokens.html", shown)


def _new_token(who: Actor, form: Form) -> dict[str, Any]:
    try:
        token, text = people.new_token(who, **form.cleaned_data)
    except Conflict as conflict:
        form.add_error(None, ValidationError(str(conflict)))
        return {}
    return {"new": token, "text": text}


@login_required
@require_POST
def token_revoke(request: HttpRequest, id: int) -> HttpResponse:
    """Take a token's power away."""
    try:
        token = people.revoke(actor(request), id)
    except Missing:
        raise Http404 from None
    messages.info(request, f"The token {token.name} opens nothing any more.")
    return redirect("tokens")
