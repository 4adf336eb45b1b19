"""Functions and estimators that users hand in: copies of them, and work for them in several processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from copy import deepcopy
from importlib import import_module
from typing import Any, TypeVar

from potomac.engine import Progress
from potomac.errors import Fault, StudyError

__all__ = ["fresh", "spread_over"]

T = TypeVar("T")


def fresh(estimator: Any, seed: int) -> Any:
    """A copy of an estimator that is not fitted; what it draws follows the seed where its user gave none.

    Args:
        estimator: in the manner of scikit-learn, or anything that can be copied.
        seed: for ``random_state``, where that is None.
    """
    if not hasattr(estimator, "get_params"):
        return deepcopy(estimator)
    try:
        from sklearn.base import clone

        made = clone(estimator, safe=False)
    except ImportError:
        made = type(estimator)(**deepcopy(estimator.get_params(deep=False)))
    unset = [name for name, value in made.get_params().items() if name.endswith("random_state") and value is None]
    return made.set_params(**dict.fromkeys(unset, seed)) if unset else made


def spread_over(one: Callable[[int], T], number: int, jobs: int, tell: Progress, what: str) -> list[T]:
    """``one(0)`` to ``one(number - 1)``, in that order, in one process or in several.

    Raises:
        StudyError: it cannot be sent to another process, or not be read there.
    """
    if jobs == 1 or number < 2:
        out = []
        for n in range(number):
            tell(what, n, number)
            out.append(one(n))
        tell(what, number, number)
        return out
    from joblib import Parallel, delayed, effective_n_jobs

    portable(one)
    many = effective_n_jobs(jobs)
    packs = [range(k, number, 4 * many) for k in range(min(4 * many, number))]
    found: dict[int, T] = {}
    try:
        for pack, made in Parallel(n_jobs=many, return_as="generator_unordered")(delayed(_pack)(one, p) for p in packs):
            found |= dict(zip(pack, made, strict=True))
            tell(what, len(found), number)
    except BrokenExecutor as error:
        said = f"another process could not read it, or died: {error!s:.200}"
        mend = "Use jobs = 1, or functions of a module that can be imported"
        raise StudyError(Fault("simulation.hook", said, "", mend, key="jobs")) from error
    return [found[n] for n in range(number)]


def _pack(one: Callable[[int], T], numbers: range) -> tuple[range, list[T]]:
    return numbers, [one(n) for n in numbers]


def portable(hook: Any) -> None:
    """See that something can be sent to another process.

    Raises:
        StudyError: it cannot; the message says why.
    """
    try:
        from joblib.externals import cloudpickle  # joblib before 1.6 brings its own
    except ImportError:
        cloudpickle = import_module("cloudpickle")
    try:
        cloudpickle.dumps(hook)
    except Exception as error:
        found = f"it cannot be sent to another process: {type(error).__name__}: {error!s:.200}"
        mend = "Use jobs = 1, or a function that holds no open file, lock or connection"
        raise StudyError(Fault("simulation.hook", found, "", mend, key="jobs")) from error
