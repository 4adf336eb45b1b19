"""Work on many replications in several processes: packs of them, through joblib and whatever it runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from potomac.engine import Progress

__all__ = ["spread"]


class Numbered(Protocol):
    """What comes of one replication."""

    @property
    def number(self) -> int:
        """Which replication."""


Found = TypeVar("Found", bound=Numbered)

PACKS = 4
"""Packs a process: small enough that all end together, large enough that a model is sent only a few times."""


def spread(
    work: Callable[[list[int]], list[Found]], numbers: Sequence[int], jobs: int | None, tell: Progress
) -> list[Found]:
    """What comes of each number, in the order of the numbers, however many processes there are.

    Processes are joblib's: loky's by default, and those of ``joblib.parallel_config(backend=...)``, be it dask, ray,
    spark, multiprocessing or threading, where one is set.

    Args:
        work: done on a pack of numbers; it travels to the processes.
        numbers: of the replications, each once.
        jobs: processes; -1 for as many as there are, None for what joblib is set to.
        tell: hears how many are done.
    """
    from joblib import delayed, effective_n_jobs

    many = max(effective_n_jobs(jobs), 1)
    packs = [list(numbers[i :: PACKS * many]) for i in range(min(PACKS * many, len(numbers)))]
    found: dict[int, Found] = {}
    for pack in _done(many if jobs is None else jobs, [delayed(work)(pack) for pack in packs]):
        found |= {each.number: each for each in pack}
        tell("replications", len(found), len(numbers))
    return [found[number] for number in numbers]


def _done(jobs: int, tasks: list[Any]) -> Iterator[Any]:
    """Packs as they come; of backends that hand back all at once (multiprocessing, ray, spark) at the end."""
    from joblib import Parallel

    try:
        pool = Parallel(n_jobs=jobs, return_as="generator_unordered")
    except ValueError:
        pool = Parallel(n_jobs=jobs)
    yield from pool(tasks)
