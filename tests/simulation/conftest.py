"""What several tests of simulations share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import pytest


@pytest.fixture
def only_here(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Makes a function one of a module that no other process can import."""
    module = ModuleType("module_of_this_process_alone")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def moved(function: FunctionType) -> Any:
        copy = FunctionType(function.__code__, function.__globals__, function.__name__)
        copy.__module__, copy.__qualname__ = module.__name__, function.__name__
        setattr(module, function.__name__, copy)
        return copy

    return moved
