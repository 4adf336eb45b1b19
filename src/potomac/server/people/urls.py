"""Addresses below /accounts/."""

from __future__ import annotations

from django.contrib.auth.views import PasswordResetDoneView
from django.urls import path

from potomac.server.people import views

urlpatterns = [
    path("", views.account, name="account"),
    path("delete/", views.account_delete, name="account-delete"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", views.SignOut.as_view(), name="sign-out"),
    path("password/", views.PasswordChange.as_view(), name="password-change"),
    path("reset/", views.PasswordReset.as_view(), name="password-reset"),
    path(
        "reset/sent/",
        PasswordResetDoneView.as_view(template_name="accounts/password-reset-sent.html"),
        name="password-reset-sent",
    ),
    path("reset/<uidb64>/<token>/", views.PasswordResetConfirm.as_view(), name="password-reset-confirm"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:id>/revoke/", views.token_revoke, name="token-revoke"),
]
