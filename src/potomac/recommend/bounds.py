"""Bounds of a method's parameters."""

from __future__ import annotations

from potomac.errors import Fault, StudyError, shown

__all__ = ["hold"]


def hold(model: object, **bounds: tuple[bool, str]) -> None:
    """Refuse parameters that are out of their bounds, all at once.

    Args:
        model: whose parameters they are.
        bounds: by name, whether the parameter is right, and what is expected of it.

    Raises:
        StudyError: one is not right.
    """
    faults = [
        Fault("recommend.parameter", f"{name} is {shown(getattr(model, name))}", f"expected {expected}", key=name)
        for name, (right, expected) in bounds.items()
        if not right
    ]
    if faults:
        raise StudyError(faults)
