"""People, tokens and the audit log in Django's admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from potomac.server.accounts.models import Entry, Token, User
from potomac.server.flows import people
from potomac.server.flows.base import Conflict, record
from potomac.server.people.actors import actor
from potomac.server.people.forms import NewPassword

__all__ = ["Entries", "People", "Tokens"]

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
    _Users = UserAdmin[User]
else:
    _Admin, _Users = admin.ModelAdmin, UserAdmin

admin.site.unregister(Group)  # roles say who may do what


@admin.register(User)
class People(_Users):
    """Make, change, close and remove people."""

    list_display = ("username", "email", "role", "is_active", "must_change", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email")
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "email", "role", "is_active", "must_change")}),
        ("When", {"fields": ("date_joined", "last_login")}),
    )
    readonly_fields = ("date_joined", "last_login")
    add_fieldsets = ((None, {"fields": ("username", "email", "role", "password1", "password2")}),)
    change_password_form = NewPassword
    actions = ("new_password",)

    @admin.action(description="Give a new password, shown once")
    def new_password(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For who has lost theirs."""
        for user in queryset:
            chosen = people.new_password(actor(request), user.pk)
            self.message_user(request, f"New password of {user.username}, shown this once: {chosen}")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Changes go by the flow; who is new changes the password first."""
        if change:
            given = {
                name: form.cleaned_data[name] for name in ("role", "email", "is_active") if name in form.changed_data
            }
            try:
                people.change(actor(request), obj.pk, **given)
            except Conflict as conflict:
                self.message_user(request, str(conflict), messages.ERROR)
                return
        obj.must_change = obj.must_change or not change
        super().save_model(request, obj, form, change)
        if not change:
            record(actor(request), "person.make", f"person:{obj.pk}", role=obj.role)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Remove the person's data everywhere, and say how much it was."""
        try:
            told = people.delete(actor(request), obj.pk)
        except Conflict as conflict:
            self.message_user(request, str(conflict), messages.ERROR)
            return
        self.message_user(request, "Removed: " + ", ".join(f"{count:,} {what}" for what, count in told.items()))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """One after the other."""
        for user in queryset:
            self.delete_model(request, user)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """All that is theirs; the flow says afterwards how much it was."""
        shown = [f"{obj.username}: sources, studies, runs, products, tokens, sessions" for obj in objs]
        return shown, {User._meta.verbose_name_plural: len(shown)}, set(), []


class ReadOnly(_Admin):
    """Seen and never changed here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False


@admin.register(Token)
class Tokens(ReadOnly):
    """Tokens without their hash; an administrator may revoke them."""

    list_display = ("prefix", "name", "user", "scopes", "created", "expires", "used", "revoked")
    list_filter = ("revoked",)
    search_fields = ("name", "prefix", "user__username")
    fields = ("prefix", "name", "user", "scopes", "created", "expires", "used", "revoked")
    actions = ("revoke",)

    @admin.action(description="Revoke", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Token]) -> None:
        """Take their power away."""
        for token in queryset:
            people.revoke(actor(request), token.pk)
        self.message_user(request, f"{queryset.count()} revoked")


@admin.register(Entry)
class Entries(ReadOnly):
    """Who did what."""

    list_display = ("at", "name", "action", "what", "address")
    list_filter = ("action",)
    search_fields = ("name", "what")
    date_hierarchy = "at"
    fields = ("at", "name", "action", "what", "detail", "address")
