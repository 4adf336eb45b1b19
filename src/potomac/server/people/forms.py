"""Forms of the door."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AdminPasswordChangeForm, AuthenticationForm, PasswordResetForm
from django.core.exceptions import ValidationError

from potomac.server.accounts.models import TokenScope, User
from potomac.server.flows import people
from potomac.server.flows.base import Actor, Denied

if TYPE_CHECKING:
    _Given = AdminPasswordChangeForm[User]
else:
    _Given = AdminPasswordChangeForm

__all__ = ["DeleteAccount", "NewPassword", "NewToken", "ResetPassword", "SignIn"]

LONGEST = 1000
"""Letters of a password: more would only keep the server busy."""


class SignIn(AuthenticationForm):
    """Name and password."""

    wait = 0

    def __init__(self, request: Any = None, *given: Any, **more: Any) -> None:
        super().__init__(request, *given, **more)
        self.fields["username"].label = "Name"
        password = self.fields["password"]
        assert isinstance(password, forms.CharField)  # noqa: S101
        password.max_length = LONGEST
        password.validators.append(forms.CharField(max_length=LONGEST).validators[0])

    def clean(self) -> dict[str, Any]:
        """The person, or why not."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password or self.request is None:
            return self.cleaned_data
        actor = Actor(address=self.request.META.get("REMOTE_ADDR") or None)
        try:
            self.user_cache = people.sign_in(actor, name, password, self.request)
        except people.Slow as slow:
            self.wait = slow.seconds
            raise ValidationError(str(slow)) from None
        except Denied as denied:
            raise ValidationError(denied.why) from None
        return self.cleaned_data


class ResetPassword(PasswordResetForm):
    """An address; the letter goes out beside the answer, so that the answer takes the same time for all."""

    def send_mail(self, *given: Any, **more: Any) -> None:
        """Send it in a thread of its own."""
        threading.Thread(target=super().send_mail, args=given, kwargs=more, name="letter").start()

    def save(self, *given: Any, **more: Any) -> None:
        """Links lead to the public address, whatever host the request names."""
        public = urlsplit(settings.CONFIG.public_url)
        super().save(*given, **{**more, "domain_override": public.netloc, "use_https": public.scheme == "https"})


class NewPassword(_Given):
    """A password that an administrator types for somebody, who then has to change it."""

    def save(self, commit: bool = True) -> User:
        """The person."""
        self.user.must_change = True
        saved: User = super().save(commit)
        return saved


class NewToken(forms.Form):
    """What a token is for, and for how long."""

    name = forms.CharField(max_length=80, label="Name", help_text="Such as the program that will use it.")
    scopes = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="It may")
    days = forms.IntegerField(min_value=1, max_value=3650, initial=90, label="Days until it expires")

    WORDS: ClassVar[dict[str, str]] = {str(scope): str(scope.label) for scope in TokenScope}

    def __init__(self, user: User, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)  # noqa: S101
        scopes.choices = [(scope, self.WORDS[scope]) for scope in people.scopes_of(user)]


class DeleteAccount(forms.Form):
    """The password once more, before everything is removed."""

    password = forms.CharField(
        max_length=LONGEST, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, user: User, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.user = user

    def clean_password(self) -> str:
        """It is the person's own."""
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise ValidationError("The password is wrong")
        return password
