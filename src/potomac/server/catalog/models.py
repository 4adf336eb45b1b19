"""What the server keeps: contents, sources, study drafts, runs, products and their versions."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from potomac.spec import NAME

__all__ = ["Content", "Database", "Draft", "Product", "Run", "Source", "Version", "Visibility"]

_is_name = RegexValidator(NAME, "Small letters, digits and single hyphens, such as harbour-in-may.")


def _id() -> str:
    """An identifier that sorts by time and is not guessed: 12 digits of time, 20 random ones."""
    return f"{int(timezone.now().timestamp() * 1000):012x}{secrets.token_hex(10)}"


class Content(models.Model):
    """Bytes that were uploaded, stored once under their hash (``content/<first two>/<sha256>`` in POTOMAC_HOME)."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    created = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.sha256[:12]


class Database(models.Model):
    """A database that an administrator has registered; its address is never shown."""

    name = models.CharField(max_length=60, unique=True, validators=[_is_name])
    url = models.TextField()
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


class Source(models.Model):
    """A table that studies may name: an upload, a file in a folder of the server, or a query to a database."""

    class Kind(models.TextChoices):
        UPLOAD = "upload", "upload"
        FOLDER = "folder", "file on the server"
        DATABASE = "database", "database"

    class State(models.TextChoices):
        CHECKING = "checking", "being looked at"
        READY = "ready", "ready"
        REFUSED = "refused", "refused"

    id = models.CharField(max_length=32, primary_key=True, default=_id)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sources")
    name = models.CharField(max_length=120)  # as a study writes it: a file name, unique for its owner
    kind = models.CharField(max_length=10, choices=Kind.choices)
    content = models.ForeignKey(Content, models.PROTECT, null=True, related_name="sources")
    folder = models.CharField(max_length=60, blank=True)  # a name of the configuration
    path = models.CharField(max_length=500, blank=True)  # below that folder
    database = models.ForeignKey(Database, models.PROTECT, null=True, related_name="sources")
    query = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKING)
    reason = models.TextField(blank=True)  # why it was refused, in words
    rows = models.BigIntegerField(null=True)
    preview = models.JSONField(default=dict)  # columns (name, type, examples, guesses), first rows, notes
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-created",)
        constraints = (models.UniqueConstraint(fields=["owner", "name"], name="source_name"),)

    def __str__(self) -> str:
        return self.name


class Draft(models.Model):
    """A study that somebody writes."""

    id = models.CharField(max_length=32, primary_key=True, default=_id)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts")
    kind = models.CharField(max_length=60)
    name = models.CharField(max_length=80)
    title = models.CharField(max_length=300, blank=True)
    text = models.TextField()  # the study file, TOML
    created = models.DateTimeField(default=timezone.now)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-changed",)

    def __str__(self) -> str:
        return self.title or self.name


class Run(models.Model):
    """A run that was asked for. Its state and progress are those of its job; the answer lies in its directory."""

    id = models.CharField(max_length=32, primary_key=True, default=_id)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="runs")
    draft = models.ForeignKey(Draft, models.SET_NULL, null=True, related_name="runs")
    sources = models.ManyToManyField(Source, related_name="runs")
    kind = models.CharField(max_length=60)
    name = models.CharField(max_length=80)
    title = models.CharField(max_length=300, blank=True)
    text = models.TextField()  # the study file as it was submitted
    directory = models.CharField(max_length=300, blank=True)  # below POTOMAC_HOME/runs, where it is finished
    answer = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return self.title or self.name


class Visibility(models.TextChoices):
    """Who sees a product."""

    PRIVATE = "private", "private: its owner and administrators"
    LINK = "link", "by link: whoever has the link"
    PUBLIC = "public", "public: everybody"


def _link() -> str:
    return secrets.token_urlsafe(24)


class Product(models.Model):
    """A run published under a stable address, with all its versions."""

    slug = models.CharField(max_length=80, unique=True, validators=[_is_name])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="products")
    title = models.CharField(max_length=300)
    visibility = models.CharField(max_length=8, choices=Visibility.choices, default=Visibility.PRIVATE)
    link = models.CharField(max_length=40, default=_link)  # the secret part of the address of a product by link
    default = models.ForeignKey("Version", models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-changed",)

    def __str__(self) -> str:
        return self.slug


class Version(models.Model):
    """A run under a product's address. Numbers are given once and never anew."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    run = models.ForeignKey(Run, models.PROTECT, related_name="versions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=300, blank=True)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=["product", "number"], name="version_number"),)

    def __str__(self) -> str:
        return f"{self.product.slug} {self.number}"


class Answered(models.Model):
    """A request that was answered under an idempotency key, so that its repetition gets the same answer."""

    key = models.CharField(max_length=64, primary_key=True)  # SHA-256 of person, method, path and key
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the request's body
    status = models.PositiveSmallIntegerField(default=0)  # 0: still on its way
    body: Any = models.JSONField(default=dict)
    created = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.key[:12]


def new_link() -> str:
    """Another secret part, which takes the old link's power away."""
    return _link()
