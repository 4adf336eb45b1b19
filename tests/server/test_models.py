"""People and their tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from potomac.server.accounts.models import Role, Token, User


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO(), skip_checks=True)


def test_roles_include_the_ones_before(person: Callable[..., User]) -> None:
    publisher = person("grace", role=Role.PUBLISHER)
    assert publisher.is_at_least(Role.ANALYST)
    assert not publisher.is_at_least(Role.ADMINISTRATOR)
    assert not publisher.is_staff
    publisher.is_active = False
    assert not publisher.is_at_least(Role.VISITOR)


def test_administrators_and_superusers_are_the_same(person: Callable[..., User]) -> None:
    assert person("root", role=Role.ADMINISTRATOR).is_staff
    assert User.objects.create_superuser("other", "o@example.org", "x" * 12).role == Role.ADMINISTRATOR


def test_a_token_is_kept_as_its_hash(person: Callable[..., User]) -> None:
    text, prefix, digest = Token.secret()
    token = Token.objects.create(user=person(), name="notebook", prefix=prefix, digest=digest, scopes=["read"])
    assert text.startswith(prefix)
    assert text not in str(vars(token))
    assert Token.objects.get(digest=Token.hashed(text)).is_good
    token.expires = timezone.now() - timedelta(seconds=1)
    assert not token.is_good
