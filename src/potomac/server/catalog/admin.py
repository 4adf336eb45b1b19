"""Django's admin for the catalogue: all is seen; by hand is changed only what no other part relies on.

Sources, runs and versions are made and taken away by their flows, which keep files, jobs and rows together; an
administrator finds everybody's on the ordinary pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from potomac.errors import PotomacError
from potomac.server.catalog import databases
from potomac.server.catalog.models import Content, Database, Draft, Product, Run, Source, Version

__all__ = ["ContentAdmin", "DatabaseAdmin", "DraftAdmin", "ProductAdmin", "RunAdmin", "SourceAdmin", "VersionAdmin"]

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
    _Form = forms.ModelForm[Database]
else:
    _Admin, _Form = admin.ModelAdmin, forms.ModelForm


class Shown(_Admin):
    """Rows that are looked at and neither added, changed nor deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


@admin.register(Content)
class ContentAdmin(Shown):
    """Bytes that were uploaded."""

    list_display = ("sha256", "size", "created", "needed")
    search_fields = ("sha256",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of sources."""
        found: QuerySet[Any] = super().get_queryset(request).annotate(number=Count("sources"))
        return found

    @admin.display(description="sources that need it")
    def needed(self, obj: Any) -> int:
        """How many sources have these bytes."""
        return int(obj.number)


@admin.register(Source)
class SourceAdmin(Shown):
    """Tables that studies may name."""

    list_display = ("name", "owner", "kind", "state", "rows", "created")
    list_filter = ("kind", "state")
    search_fields = ("name", "owner__username")
    list_select_related = ("owner",)


@admin.register(Run)
class RunAdmin(Shown):
    """Runs; their state is that of their job."""

    list_display = ("__str__", "owner", "kind", "created", "finished")
    list_filter = ("kind",)
    search_fields = ("name", "title", "owner__username")
    list_select_related = ("owner",)


@admin.register(Version)
class VersionAdmin(Shown):
    """Runs under the addresses of products."""

    list_display = ("product", "number", "run", "by", "note", "created")
    search_fields = ("product__slug",)
    list_select_related = ("product", "run", "by")


@admin.register(Draft)
class DraftAdmin(_Admin):
    """Studies that are being written; their text is its owner's to change."""

    list_display = ("__str__", "owner", "kind", "changed")
    list_filter = ("kind",)
    search_fields = ("name", "title", "owner__username")
    list_select_related = ("owner",)
    fields = readonly_fields = ("id", "owner", "kind", "name", "title", "text", "created", "changed")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: the form of studies does that."""
        return False


@admin.register(Product)
class ProductAdmin(_Admin):
    """Published answers: who sees them may be changed; address and versions keep their meaning."""

    list_display = ("slug", "title", "owner", "visibility", "changed")
    list_filter = ("visibility",)
    search_fields = ("slug", "title", "owner__username")
    list_select_related = ("owner",)
    fields = ("slug", "owner", "title", "visibility", "default", "created", "changed")
    readonly_fields = ("slug", "owner", "default", "created", "changed")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: publishing a run does that."""
        return False


class DatabaseForm(_Form):
    """A database with its address, which is written and never read back."""

    address = forms.CharField(
        label="Address",
        max_length=2000,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "size": 80}),
        help_text=(
            "postgresql://user:password@host:port/database, or mysql://, mariadb://, sqlite:////absolute/path. "
            "Take a user who may do no more than read. It is tried when you save, and never shown again."
        ),
    )

    class Meta:
        model = Database
        fields = ("name", "note")

    def clean_address(self) -> str:
        """The address, where the database answers; empty leaves the one that there is."""
        given = str(self.cleaned_data.get("address") or "").strip()
        if not given:
            if not self.instance.url:
                raise forms.ValidationError("Give the database's address.", code="required")
            return ""
        try:
            return databases.checked(given)
        except PotomacError as error:
            raise forms.ValidationError([str(fault) for fault in error.faults], code="invalid") from None

    def save(self, commit: bool = True) -> Database:
        """With the new address, where one was given."""
        if self.cleaned_data.get("address"):
            self.instance.url = self.cleaned_data["address"]
        return super().save(commit)


@admin.register(Database)
class DatabaseAdmin(_Admin):
    """Databases that sources may ask."""

    form = DatabaseForm
    list_display = ("name", "note", "kind")
    search_fields = ("name", "note")

    @admin.display(description="kind")
    def kind(self, obj: Database) -> str:
        """What the address begins with."""
        return obj.url.partition(":")[0].partition("+")[0]

    @method_decorator(sensitive_post_parameters("address"))
    def changeform_view(self, request: HttpRequest, *given: Any, **more: Any) -> HttpResponse:
        """As Django's; an error report hides the address."""
        return super().changeform_view(request, *given, **more)
