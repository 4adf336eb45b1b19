"""Designs of an experiment, where in the unit cube draws lie: plain, in mirrored pairs, by strata, Sobol' points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log2, prod
from typing import Literal

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.stats.streams import Stream

__all__ = ["CELLS", "METHODS", "SCRAMBLES", "Design", "Method", "Task", "cells_of", "power"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Method = Literal["plain", "antithetic", "stratified", "sobol", "importance"]

METHODS: tuple[Method, ...] = ("plain", "antithetic", "stratified", "sobol", "importance")

SCRAMBLES = 32
"""Randomisations of a Sobol' sequence, each of which gives one mean. Few keep the sequence long (Owen 2013, 17.8), but
means of few tell little of their own law: with 16, intervals of a lognormal covered 85 to 89 %."""

CELLS = 256
"""Most strata; each needs draws of its own."""

EACH = 32
"""Draws of a stratum at least, on average: with fewer its variance is underestimated where values are skewed."""

BITS = 30
"""Sobol' points are multiples of 2 to the minus this; they are moved to the middle of their cells."""


@dataclass(frozen=True)
class Task:
    """Draws that are made in one go.

    Attributes:
        number: of the block, which keys its stream; of a Sobol' sequence that of the randomisation.
        start: number of its first draw, within the run or the sequence.
        n: how many draws.
    """

    number: int
    start: int
    n: int


@dataclass(frozen=True)
class Design:
    """Where draws lie. Cheap to hand to another process; draws nothing until it is asked.

    Attributes:
        method: which.
        width: uniforms a draw takes.
        stream: keys all of them.
        cells: pieces into which each dimension is cut (strata are their product); empty but for ``stratified``.
        shares: of the draws that each stratum gets, shape (strata,); empty: alike.
        scrambles: randomisations of a Sobol' sequence.
    """

    method: Method
    width: int
    stream: Stream
    cells: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()
    scrambles: int = SCRAMBLES

    @property
    def groups(self) -> int:
        """Strata, or randomisations; 1 where there are none."""
        return {"stratified": prod(self.cells), "sobol": self.scrambles}.get(self.method, 1)

    def tasks(self, start: int, stop: int, rows: int) -> Iterator[Task]:
        """The blocks of draws from ``start`` (a multiple of ``rows``, or a power of 2) to ``stop``.

        Of Sobol' points ``start`` and ``stop`` count the points of each sequence.
        """
        for number in range(self.scrambles) if self.method == "sobol" else (None,):
            for first in range(start, stop, rows):
                block = first // rows if number is None else number
                yield Task(block, first, min(rows, stop - first))

    def generator(self, task: Task) -> np.random.Generator:
        """The generator of a block, for experiments that draw for themselves."""
        return self.stream.child("block", task.number).generator()

    def uniforms(self, task: Task) -> tuple[Floats, Ints]:
        """The draws of a block.

        Returns:
            Uniforms, shape (n, width), and the stratum or randomisation of each, shape (n,). Of ``antithetic`` rows
            2i and 2i + 1 mirror each other.
        """
        if self.method == "sobol":
            return self._sobol(task), np.full(task.n, task.number)
        generator = self.generator(task)
        if self.method == "antithetic":
            u = generator.random((task.n // 2, self.width))
            return np.stack([u, 1 - u], axis=1).reshape(-1, self.width), np.zeros(task.n, np.int64)
        u = generator.random((task.n, self.width))
        if self.method != "stratified":
            return u, np.zeros(task.n, np.int64)
        strata = np.repeat(np.arange(self.groups), self._allotted(task))
        corner = np.stack(np.unravel_index(strata, self.cells), axis=1)
        return (corner + u) / np.asarray(self.cells), strata

    def _allotted(self, task: Task) -> Ints:
        """Draws of each stratum in a block."""
        shares = np.asarray(self.shares) if self.shares else np.full(self.groups, 1 / self.groups)
        base, rest = np.divmod(shares * task.n, 1.0)
        # what rounding leaves goes to strata that are drawn, each with its rest as its chance (systematic sampling)
        offset = self.stream.child("rounding", task.number).generator().random()
        marks = np.floor(np.concatenate([[0.0], np.cumsum(rest)]) + offset + 1e-9).astype(np.int64)
        counts = base.astype(np.int64) + np.diff(marks)
        counts[int(np.argmax(counts))] += task.n - int(counts.sum())
        return counts

    def _sobol(self, task: Task) -> Floats:
        from scipy.stats import qmc

        seed = self.stream.child("scramble", task.number).generator()
        engine = qmc.Sobol(self.width, scramble=True, bits=BITS, seed=seed)
        if task.start:
            engine.fast_forward(task.start)
        return np.asarray(engine.random(task.n)) + 2.0 ** -(BITS + 1)


def cells_of(columns: Mapping[str, slice], width: int, wanted: Mapping[str, int], samples: int) -> tuple[int, ...]:
    """Into how many pieces each dimension is cut.

    Args:
        columns: of each input.
        width: all of them.
        wanted: input -> pieces; empty: the first inputs of one column alike, at most :data:`CELLS` strata and at least
            :data:`EACH` draws in each.
        samples: draws there will be.

    Raises:
        StudyError: an input is unknown, has several columns, or there are too many strata.
    """
    cells = [1] * width
    single = [name for name, c in columns.items() if c.stop - c.start == 1]
    for name, pieces in wanted.items():
        if name not in single:
            mend = did_you_mean(name, single)
            expected = f"expected one of those that are one number: {listing(single) or 'there is none'}"
            raise StudyError(Fault("simulation.strata", f"no strata of {name!r:.60}", expected, mend, key="strata"))
        if isinstance(pieces, bool) or pieces != int(pieces) or pieces < 1:
            found = f"{pieces!r:.40} strata of {name!r:.60}"
            raise StudyError(Fault("simulation.strata", found, "expected a whole number, 1 or more", key="strata"))
        cells[columns[name].start] = int(pieces)
    most = max(min(CELLS, samples // EACH), 1)
    if not wanted:
        cut = [columns[name].start for name in single][: max(int(log2(most)), 0)] if single else [*range(width)][:8]
        pieces = int(most ** (1 / max(len(cut), 1)) + 1e-9)
        for column in cut:
            cells[column] = max(pieces, 1)
    if prod(cells) > max(most, 1) and prod(cells) > 1:
        found = f"{prod(cells):,} strata for {samples:,} draws"
        mend = "Give fewer strata or more draws"
        raise StudyError(Fault("simulation.strata", found, f"expected at most {most:,}", mend, key="strata"))
    return tuple(cells)


def power(n: float) -> int:
    """The power of 2 that is at least ``n``."""
    return 1 << max(ceil(log2(max(n, 1))), 0)
