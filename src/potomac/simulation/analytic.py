"""Closed forms of a declared model, where it is one of those that have them."""

from __future__ import annotations

from potomac.simulation.loop.plan import Declared
from potomac.simulation.recognised import recognised

__all__ = ["analytic"]


def analytic(d: Declared) -> dict[tuple[str, str], float]:
    """(where, measure) -> exact value in the long run; empty where no closed form is known."""
    return dict(recognised(d))
