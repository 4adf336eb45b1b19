"""Declared models that a textbook knows: see :mod:`potomac.simulation.recognised.models`."""

from potomac.simulation.recognised.models import recognised

__all__ = ["recognised"]
