"""How many requests a minute one person or address may send: a bucket of tokens each, in this process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from django.conf import settings

from potomac.server.api.problems import Throttled

__all__ = ["Buckets", "buckets", "spend"]


@dataclass
class Buckets:
    """A bucket holds ``most`` requests and fills by ``most`` a minute; buckets that were not used for long are full."""

    most: Callable[[], int]
    clock: Callable[[], float] = time.monotonic
    keep: int = 10_000
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)  # requests left, at which moment
    _lock: Lock = field(default_factory=Lock)

    def spend(self, key: str) -> float:
        """Take a request from the bucket; 0, or the seconds until there is one again."""
        most, now = self.most(), self.clock()
        with self._lock:
            left, at = self._left.pop(key, (float(most), now))
            left = min(float(most), left + (now - at) * most / 60)
            wait = 0.0 if left >= 1 else (1 - left) * 60 / most
            self._left[key] = (left - 1 if wait == 0 else left, now)
            if len(self._left) > self.keep:
                self._left.popitem(last=False)
        return wait

    def clear(self) -> None:
        """Fill all."""
        with self._lock:
            self._left.clear()


buckets = Buckets(lambda: int(settings.CONFIG.limits.requests_a_minute))


def spend(key: str) -> None:
    """Count a request of this person or address.

    Raises:
        Throttled: it is one too many.
    """
    wait = buckets.spend(key)
    if wait:
        raise Throttled(math.ceil(wait))
