"""Who may do what: people with roles, their API tokens, and the book of who did what."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils import timezone

__all__ = ["Attempt", "Entry", "Role", "Token", "TokenScope", "User"]


class Role(models.TextChoices):
    """What a person may do; each may do all that the ones before it may."""

    VISITOR = "visitor", "Visitor"  # sees published products that are public
    ANALYST = "analyst", "Analyst"  # has sources, studies and runs
    PUBLISHER = "publisher", "Publisher"  # publishes runs as products
    ADMINISTRATOR = "administrator", "Administrator"  # does all, and for all

    @property
    def rank(self) -> int:
        """0 for a visitor to 3 for an administrator."""
        return list(Role).index(self)


class People(UserManager["User"]):
    """Makes people; a superuser is an administrator."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **more: Any
    ) -> User:
        """As Django's, with the role."""
        return super().create_superuser(username, email, password, **{"role": Role.ADMINISTRATOR, **more})


class User(AbstractUser):
    """A person. ``username`` is the name to sign in with."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.ANALYST)
    must_change = models.BooleanField("must change the password", default=False)

    objects = People()  # type: ignore[misc]

    def is_at_least(self, role: Role) -> bool:
        """Whether this person may do what ``role`` may."""
        return self.is_active and Role(self.role).rank >= role.rank

    def save(self, *given: Any, **more: Any) -> None:
        """Administrators see Django's admin, others do not."""
        self.is_staff = self.is_superuser = self.role == Role.ADMINISTRATOR
        super().save(*given, **more)


class TokenScope(models.TextChoices):
    """What a token is for."""

    READ = "read", "read sources, studies, runs and products"
    ASK = "ask", "ask live questions of products"
    WRITE = "write", "upload, write studies, start and cancel runs"
    PUBLISH = "publish", "publish and take back products"


class Token(models.Model):
    """A token of the API. Only its hash is kept; ``prefix`` tells one from the other."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField(null=True, blank=True)
    used = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"

    @staticmethod
    def secret() -> tuple[str, str, str]:
        """A new token: what its owner sees once, its prefix, and its hash."""
        text = f"ptm_{secrets.token_urlsafe(32)}"
        return text, text[:12], Token.hashed(text)

    @staticmethod
    def hashed(text: str) -> str:
        """SHA-256 in hexadecimal digits: a token has 256 random bits, so that no slow hash is needed."""
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def is_good(self) -> bool:
        """Whether it opens anything."""
        now = timezone.now()
        return self.revoked is None and (self.expires is None or self.expires > now) and self.user.is_active


class Entry(models.Model):
    """A line of the audit log: who did what to what. Lines are added and never changed."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=150, blank=True)  # stays when the person goes, unless their data is deleted
    action = models.CharField(max_length=60, db_index=True)  # e.g. product.publish
    what = models.CharField(max_length=200, blank=True)  # e.g. product:harbour
    detail = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ("-at", "-id")
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.name or 'nobody'} {self.action} {self.what}"


class Attempt(models.Model):
    """How often somebody tried to sign in under a name or from an address, of which only a hash is kept."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(db_index=True)  # the next attempt is looked at from then on

    def __str__(self) -> str:
        return f"{self.key[:12]}: {self.count}"
