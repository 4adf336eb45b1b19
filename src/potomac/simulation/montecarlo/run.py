"""Monte Carlo: an experiment is done again and again, in growing waves, until its means are as precise as is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, isfinite, nan
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, NoAnswer, StudyError, did_you_mean, listing
from potomac.simulation.hooks import portable
from potomac.simulation.montecarlo import estimating, tails
from potomac.simulation.montecarlo.asking import Asked, asked
from potomac.simulation.montecarlo.estimating import Chance, mean_of, quantile_of
from potomac.simulation.montecarlo.experiment import Experiment
from potomac.simulation.montecarlo.formulas import function_of
from potomac.simulation.montecarlo.inputs import Inputs
from potomac.simulation.montecarlo.moments import Grouped
from potomac.simulation.montecarlo.outcome import MonteCarlo, notes
from potomac.simulation.montecarlo.sampling import Design, Method, Task, cells_of, power
from potomac.simulation.montecarlo.tally import Part, Tally, counted
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    pass

__all__ = ["KEPT", "monte_carlo"]

Floats = npt.NDArray[np.float64]

KEPT = 1 << 21
"""Values that are kept for quantiles, of all measures together (16 MB): the first draws of a run. So memory does not
grow with it, and a quantile is one of the draws and no sketch of them; its row says how many draws it rests on."""

GLANCED = 1 << 18
"""The same where no quantile is asked: for the tail of the distribution, and for pictures."""

ROWS, LEAST_ROWS = 8192, 64
"""Draws of a block: few enough that a block fits the processor's cache, many enough that calling it costs nothing."""

UNIFORMS = 1 << 21
"""Uniforms of a block at most."""

PILOT = 8
"""Draws of each stratum before draws are allotted by what varies; and the share that is allotted alike all the same."""
EVEN = 0.25

GROWTH = 4.0
"""A wave aims at no more than so many times as many draws as there are."""


def monte_carlo(
    experiment: Callable[..., Any], precision: float | None = None, *,
    inputs: Mapping[str, object] | Inputs | int | None = None, samples: int | None = None, of: str = "",
    method: Method = "plain", quantiles: Sequence[float] = (),
    control: Mapping[str, float | None] | Sequence[str] = (), strata: Mapping[str, int] | None = None,
    allocation: Literal["proportional", "neyman"] = "proportional", proposal: Mapping[str, object] | None = None,
    normalised: bool = False, exact: Mapping[str, float] | None = None, confidence: float = 0.95, seed: int = 0,
    most: int = 10_000_000, budget: float = inf, jobs: int = 1, progress: Progress | None = None,
    clock: Callable[[], float] = perf_counter,
) -> MonteCarlo:  # fmt: skip
    """Estimate the means, probabilities and quantiles of a random experiment.

    The experiment is a function of many draws at once. Without ``inputs`` it is called as ``experiment(generator, n)``
    with a NumPy generator of its own for each block. With ``inputs`` by name it is called with a mapping of arrays, one
    for each input, shape (n,) or (n, draws); with a number of ``inputs`` it is called with uniforms, shape (n, inputs).
    It gives an array of shape (n,), or arrays by name. Means of booleans are probabilities. A formula of
    ``potomac.simulation.expressions`` is an experiment, too.

    The same seed gives the same numbers on any number of ``jobs``. Memory does not grow with the number of draws.

    Args:
        experiment: what is done.
        precision: half-width over mean that is wanted; None for a fixed number of draws.
        inputs: random inputs, in any of the forms of :meth:`Inputs.read`, or a number of uniforms.
        samples: draws; with a precision those of the first wave. Of ``sobol`` 32 times a power of 2.
        of: value (``loss``) or measure (``loss:q99``) whose precision is meant; default all means and probabilities.
        method: ``plain``; ``antithetic``: pairs of u and 1 - u; ``stratified``: the inputs' ranges are cut into pieces
            of equal probability; ``sobol``: 32 randomised Sobol' sequences, the interval from their means by Student's
            t; ``importance``: from ``proposal``, or by weights whose logarithms the experiment gives as a second
            array. All but ``plain`` and ``importance`` need ``inputs``.
        quantiles: shares, whose quantiles of all values that are no booleans are estimated.
        control: inputs or values whose means are known (control variates); a value's mean must be given.
        strata: input -> pieces; default as many as fit 256 strata.
        allocation: draws of strata alike, or by what varies in a pilot (Neyman 1934).
        proposal: input -> distribution it is drawn from instead; weights correct for it.
        normalised: divide by the mean of the weights, which then may lack a factor.
        exact: value -> what its mean is known to be, to stand beside the estimate.
        confidence: of the intervals, a share.
        seed: of the streams.
        most: draws at which the search for precision stops.
        budget: seconds after which it stops, too.
        jobs: processes (-1: as many as there are).
        progress: hears how far it is.
        clock: seconds, for the budget.

    Raises:
        StudyError: what is asked makes no sense, the experiment gives something else than one number for each draw, or
            can't be pickled for other processes.
        DataError: it gives NaN or an infinite number, with the draw.
        NoAnswer: a mean is asked of values whose variance is infinite: no interval would be valid.
    """
    a = asked(
        inputs, precision=precision, samples=samples, of=of, method=method, quantiles=quantiles, control=control,
        strata=strata, allocation=allocation, proposal=proposal, normalised=normalised, exact=exact,
        confidence=confidence, seed=seed, most=most, budget=budget, jobs=jobs,
    )  # fmt: skip
    done = Experiment(
        function_of(experiment), a.inputs, a.proposal, method == "importance" and not a.proposal, tuple(a.control)
    )
    if jobs != 1:
        portable(done)
    return _Run(done, a, progress or Quiet(), clock).go()


@dataclass
class _Run:
    """An experiment while it is done."""

    experiment: Experiment
    asked: Asked
    tell: Progress
    clock: Callable[[], float]

    def go(self) -> MonteCarlo:
        a = self.asked
        self.begun, self.curve, self.pilot = self.clock(), list[tuple[int, float, float, float]](), 0
        self.rows = _rows(self.experiment.width, a.samples if a.precision is None else ROWS)
        self.tally = Tally(a.method, len(a.control))
        self.endless: dict[str, Fault] = {}
        self.alike: set[str] = set()
        self.design = self._designed()
        at, late = self._waves()
        self.tell("draws", self.tally.n, self.tally.n)
        found = self._estimates()
        reached = a.precision is None or at <= a.precision
        width = self._worst(found)
        draws, curve = self.tally.n + self.pilot, tuple(self.curve)
        done = MonteCarlo(found, draws, a.method, reached, width, (), curve, self.tally, self._effective())  # fmt: skip
        return replace(done, notes=tuple(notes(done, a, late, self.endless, sorted(self.alike))))

    # ---- design and waves ---------------------------------------------------------------------------------------

    def _designed(self) -> Design:
        a, stream = self.asked, Stream(self.asked.seed).child("monte-carlo")
        design = Design(a.method, self.experiment.width, stream)
        if a.method != "stratified":
            return design
        columns = a.inputs.columns if isinstance(a.inputs, Inputs) else {}
        cells = cells_of(columns, design.width, a.strata, a.samples if a.precision is None else max(a.samples, ROWS))
        design = replace(design, cells=cells)
        self.rows = max(self.rows, power(4 * design.groups))
        return design if a.allocation == "proportional" else replace(design, shares=self._neyman(design))

    def _neyman(self, design: Design) -> tuple[float, ...]:
        """Shares in proportion to the standard deviation within each stratum, seen in a pilot that does not count."""
        pilot = replace(design, stream=design.stream.child("pilot"))
        part = counted(self.experiment, pilot, Task(0, 0, PILOT * design.groups), False)
        self.pilot = part.n
        assert isinstance(part.moments, Grouped)  # noqa: S101 - of a stratified design
        j = max([part.names.index(w) for w in [self.asked.where] if w in part.names], default=0)
        deviation = np.sqrt(part.moments.variance()[:, j])
        even = np.full(design.groups, 1 / design.groups)
        shares = (1 - EVEN) * deviation / deviation.sum() + EVEN * even if deviation.any() else even
        return tuple(shares.tolist())

    def _waves(self) -> tuple[float, bool]:
        """Waves of draws until the precision is reached; half-width over mean, and whether time was up."""
        a = self.asked
        each = self.design.scrambles if a.method == "sobol" else 1  # sequences, whose points are counted one by one
        limit = self._limit(each)
        stop = self._first(each, limit)
        start = 0
        while True:
            self._add(start, stop, limit)
            found = self._estimates()
            self._refuse(found)
            if a.precision is None and stop >= limit:
                return nan, False
            at = self._worst(found)
            if a.precision is not None and at <= a.precision:
                return at, False
            if stop >= limit:
                return at, False
            start, stop = stop, self._next(stop, at, limit, each)
            if stop <= start:
                return at, True

    def _limit(self, each: int) -> int:
        """Draws (points of a sequence) at which it ends."""
        a = self.asked
        n = a.samples if a.precision is None else max(a.most, a.samples)
        if a.method == "sobol":
            return power(n / each) if a.precision is None else max(power(n / each + 1) // 2, 1)
        return n + n % 2 if a.method == "antithetic" else n

    def _first(self, each: int, limit: int) -> int:
        a = self.asked
        if a.method == "sobol":
            wanted = LEAST_ROWS if a.precision is None else power((a.samples or ROWS) / each)
            return min(wanted, limit)
        return limit if a.precision is None else min(ceil(max(a.samples, 2) / self.rows) * self.rows, limit)

    def _next(self, n: int, at: float, limit: int, each: int) -> int:
        """Draws at which the next wave ends: as many as the spread seen takes, and 5 % more (Law 2015, 9.4.1)."""
        a = self.asked
        spent = self.clock() - self.begun
        affordable = (a.budget - spent) * n / spent if isfinite(a.budget) and spent > 0 else inf
        if a.method == "sobol":
            return min(2 * n, limit) if affordable >= n else n
        more = min((at / a.precision) ** 2 * 1.05, GROWTH) if a.precision else GROWTH
        aim = min(n * more + 1, n + affordable, float(limit))
        return (
            limit if aim >= limit else max(n, int(aim if affordable < self.rows else ceil(aim / self.rows) * self.rows))
        )

    def _add(self, start: int, stop: int, limit: int) -> None:
        """Do the experiment, and count it in the order of the blocks."""
        sobol, each = self.asked.method == "sobol", self.design.scrambles
        for part in self._parts([*self.design.tasks(start, stop, self.rows)], stop):
            self.tally.add(part)
            self.tell("draws", self.tally.n, limit * each if sobol else limit)
            if not sobol and (not self.curve or self.tally.n >= 1.4 * self.curve[-1][0]):
                self._mark()
        if not self.curve or self.tally.n > self.curve[-1][0]:
            self._mark()

    def _parts(self, tasks: list[Task], stop: int) -> Iterator[Part]:
        keep = [self._kept(task, stop) for task in tasks]
        if self.asked.jobs == 1:
            yield from (counted(self.experiment, self.design, t, k) for t, k in zip(tasks, keep, strict=True))
            return
        from joblib import Parallel, delayed, effective_n_jobs
        from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

        jobs = effective_n_jobs(self.asked.jobs)
        size = max(ceil(len(tasks) / (4 * jobs)), 1)
        packs = [range(k, min(k + size, len(tasks))) for k in range(0, len(tasks), size)]
        work = Parallel(n_jobs=jobs, return_as="generator")(
            delayed(_pack)(self.experiment, self.design, [tasks[k] for k in pack], [keep[k] for k in pack])
            for pack in packs
        )
        try:
            for parts in work:
                yield from parts
        except TerminatedWorkerError:  # a process was killed, as for want of memory
            raise
        except BrokenProcessPool as error:
            found, mend = (
                "other processes cannot read the experiment",
                "Define it where they can import it, or give jobs=1",
            )
            raise StudyError(Fault("simulation.hook", found, "", mend, key="jobs")) from error

    def _kept(self, task: Task, stop: int) -> bool:
        """Whether the values of a block are kept: of Sobol' sequences all of one length, of others the first draws."""
        room = (KEPT if self.asked.quantiles else GLANCED) // max(len(self.tally.names), 1)
        held = stop * self.design.scrambles if self.asked.method == "sobol" else task.start + task.n
        return held <= room

    def _mark(self) -> None:
        where, measure = self.asked.where, self.asked.measure
        j = self.tally.names.index(where) if where in self.tally.names else 0
        if measure.startswith("q"):
            return
        m = mean_of(self.tally, j, [*self.asked.control.values()], self.asked.confidence, self.asked.normalised)
        if isfinite(m.low) and isfinite(m.high):
            self.curve.append((self.tally.n, m.mean, m.low, m.high))

    # ---- estimates ----------------------------------------------------------------------------------------------

    def _estimates(self) -> tuple[Chance, ...]:
        a, t = self.asked, self.tally
        out = []
        for j, name in enumerate(t.names):
            m = mean_of(t, j, [*a.control.values()], a.confidence, a.normalised)
            plain = m.plain / (t.n + self.pilot)
            (self.alike.add if not t.truth[j] and m.plain == 0 else self.alike.discard)(name)
            factor = plain / m.error**2 if a.reduced and m.error > 0 and plain > 0 else None
            low, high = (nan, nan) if name in self.endless else (m.low, m.high)
            measure = "probability" if t.truth[j] else "mean"
            width = estimating.half(low, high)
            out.append(Chance(name, measure, m.mean, low, high, width, t.n, a.exact.get(name), factor))
            for q in a.quantiles if not t.truth[j] else ():
                at, low, high = quantile_of(t, j, q, a.confidence, a.normalised)
                out.append(Chance(name, f"q{100 * q:g}", at, low, high, estimating.half(low, high), t.kept))
        return tuple(out)

    def _meant(self, found: Sequence[Chance]) -> list[Chance]:
        """The measures whose precision is meant."""
        where, measure = self.asked.where, self.asked.measure
        if not where:
            means = [e for e in found if e.measure in ("mean", "probability")]
            return [e for e in means if e.where not in self.alike] or means
        meant = [e for e in found if e.where == where and (not measure or e.measure == measure)]
        if not meant:
            there = [f"{e.where}:{e.measure}" for e in found]
            mend = did_you_mean(self.asked.of, [*self.tally.names, *there])
            fault = Fault("simulation.measure", f"there is no measure {self.asked.of!r:.60}",
                          f"expected one of {listing(there, 30)}", mend, key="of")  # fmt: skip
            raise StudyError(fault)
        return meant[:1]

    def _worst(self, found: Sequence[Chance]) -> float:
        """Half-width over mean of what is meant; infinite where draws were all alike, which says nothing of others."""
        meant = self._meant(found)
        return max(inf if e.where in self.alike else _relative(e) for e in meant)

    def _refuse(self, found: Sequence[Chance]) -> None:
        """Means that have no valid interval.

        Raises:
            NoAnswer: one of them is meant.
        """
        t, inputs = self.tally, self.asked.inputs
        known = [*inputs.endless()] if isinstance(inputs, Inputs) else []
        for j, name in enumerate(t.names):
            x = t.values(j)
            if t.truth[j] or x.size < tails.LEAST:
                continue
            heavy = tails.endless(x if t.weights is None else x * t.weights, bool(known))
            if heavy is None:
                self.endless.pop(name, None)
                continue
            what = "infinite variance: no valid mean interval"
            why = f"; {known[0][0]} is {known[0][1]}" if known else ""
            seen = f"the chance beyond x falls like x^-{heavy.index:.2f}, and must fall faster than x^-2{why}"
            weighted = "; or take a proposal with a heavier tail" if t.method == "importance" else ""
            mend = f"Ask for a quantile, e.g. of = {name}:q90, or cut the values off{weighted}"
            self.endless[name] = Fault("simulation.infinite-variance", what, seen, mend, key=name)
        wrong = [self.endless[e.where] for e in self._meant(found) if e.where in self.endless and e.measure == "mean"]
        if wrong:
            raise NoAnswer(wrong)

    def _effective(self) -> float | None:
        """(sum of w)^2 / sum of w^2: how many draws weighted ones are worth (Kish 1965)."""
        if self.asked.method != "importance":
            return None
        m = self.tally.moments
        weight = float(m.mean[-1])
        squares = weight**2 + float(m.co[-1, -1]) / m.n
        return m.n * weight**2 / squares if squares > 0 else 0.0


def _pack(experiment: Experiment, design: Design, tasks: Sequence[Task], keep: Sequence[bool]) -> list[Part]:
    return [counted(experiment, design, task, k) for task, k in zip(tasks, keep, strict=True)]


def _rows(width: int, samples: int) -> int:
    """Draws of a block: a power of 2, at most a sixteenth of the run, so that one sees it converge."""
    most = power(min(ROWS, max(UNIFORMS // max(width, 1), LEAST_ROWS)) / 2 + 1)
    return max(min(most, power(samples) // 16), LEAST_ROWS)


def _relative(e: Chance) -> float:
    """Half-width over mean; infinite where it is not known, or nothing was seen yet."""
    if e.half_width == 0:
        return 0.0
    width = e.half_width / abs(e.mean) if e.mean else inf
    return width if isfinite(width) else inf
