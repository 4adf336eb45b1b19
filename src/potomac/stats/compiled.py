"""Loops compiled by Numba, kept on disk where there is a place that can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

__all__ = ["compiled"]

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Loop], Loop]:
    """Decorate a function of arrays and numbers: it is compiled at its first call (``numba.njit`` with ``options``).

    The machine code is kept beside the source or in the user's cache. Where neither can be written (a service without
    a home, a package that root installed) Numba would refuse at import; the function is then compiled in each process.
    """
    from numba import njit

    def decorate(function: Loop) -> Loop:
        try:
            return cast(Loop, njit(cache=True, **options)(function))
        except RuntimeError:  # no place for the cache
            return cast(Loop, njit(**options)(function))

    return decorate
