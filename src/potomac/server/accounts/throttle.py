"""Guessing gets slower: after a few attempts each further one has to wait, twice as long each time.

An attempt is counted before it is looked at, and by one row in the database that all processes share, so that many
guesses at once are no way around it. What is counted is a name or an address, whether or not there is such a person.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from potomac.server.accounts.models import Attempt
from potomac.server.databases import again

__all__ = ["ADDRESS", "NAME", "RESET_ADDRESS", "RESET_NAME", "Throttle"]

FORGOTTEN = timedelta(hours=1)
"""After this time without any attempt a row counts from nothing."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """``free`` attempts at once, then waits of 1, 2, 4 ... seconds, ``longest`` at most."""

    kind: str
    free: int
    longest: int

    def seconds(self, count: int) -> int:
        """The wait after the ``count``-th attempt, seconds."""
        return 0 if count < self.free else min(self.longest, 1 << min(count - self.free, 20))

    def attempt(self, value: str) -> int:
        """Count an attempt; 0 where it may be made, else the seconds to wait (and it is not counted)."""
        key = self._key(value)
        while (wait := again(lambda: self._counted(key))) is None:
            # A transaction of its own, and only where there is no row: in MariaDB, who finds another's row while
            # inserting shares a lock on it with others, and none of them could change the row then.
            Attempt.objects.bulk_create([Attempt(key=key, until=timezone.now())], ignore_conflicts=True)
        return wait

    @transaction.atomic
    def _counted(self, key: str) -> int | None:
        """As :meth:`attempt`; None where nothing is known of the key."""
        row = Attempt.objects.select_for_update().filter(key=key).first()
        if row is None:
            return None
        now = timezone.now()  # after whoever held the row before
        if row.until > now:
            return math.ceil((row.until - now).total_seconds())
        row.count = 1 if now - row.until > FORGOTTEN else row.count + 1
        row.until = now + timedelta(seconds=self.seconds(row.count))
        row.save()
        return 0

    def forget(self, value: str) -> None:
        """The attempt was right: count from nothing. The row stays until it is old, see :meth:`attempt`."""
        row = Attempt.objects.filter(key=self._key(value))
        again(lambda: row.update(count=0, until=timezone.now()))

    def give_back(self, value: str) -> None:
        """The attempt was right, but others from there may not have been: take one off the count."""
        row = Attempt.objects.filter(key=self._key(value))
        again(lambda: row.filter(count__gt=0).update(count=F("count") - 1, until=timezone.now()))

    def _key(self, value: str) -> str:
        return hashlib.sha256(f"{self.kind}:{value.casefold()}".encode()).hexdigest()


NAME = Throttle("name", free=5, longest=300)
ADDRESS = Throttle("address", free=20, longest=900)
RESET_NAME = Throttle("reset-name", free=3, longest=3600)
RESET_ADDRESS = Throttle("reset-address", free=10, longest=3600)


def tidy() -> None:
    """Take away rows that count no more."""
    again(lambda: Attempt.objects.filter(until__lt=timezone.now() - FORGOTTEN).delete())
