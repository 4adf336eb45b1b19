"""The user's own processes in SimPy, run and reported like any model: warm-up, precision, intervals, several processes.

Study files cannot name such a model: who sends a study to a server must not be able to run code on it. It is for the
library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil, inf, isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, NoAnswer, StudyError, listing
from potomac.simulation import output
from potomac.simulation.estimates.estimate import Estimate, Way, estimated, paired, pooled
from potomac.simulation.estimates.horizon import SHORTEST, TOGETHER, WIDER, Horizon
from potomac.simulation.estimates.intervals import pseudo_values
from potomac.simulation.estimates.stopping import LEAST, Stopped, enough
from potomac.simulation.estimates.warmup import FORGET, PILOTS, SLICES, Warmup, mser, rising
from potomac.simulation.executors.measures import quantile_name, ratios
from potomac.simulation.executors.parallel import spread
from potomac.simulation.executors.replication import Window
from potomac.simulation.hooks import portable
from potomac.simulation.loop.plan import Declared
from potomac.simulation.observed import Observed, counts_of, curves, parts_of, quantiles_of
from potomac.simulation.output import Asked, Simulated
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    from potomac.simulation.processes import World

__all__ = ["Processed", "memory", "simulate_processes"]

Floats = npt.NDArray[np.float64]
Model = Callable[["World"], Any]


@dataclass(frozen=True)
class Processed(Simulated):
    """What came of running the user's processes: as of any model, with the sums of each replication.

    Attributes:
        observed: the replications. ``runs``, those of declared models, is empty.
    """

    observed: tuple[Observed, ...] = field(default=(), repr=False)


def simulate_processes(
    model: Model, until: float | None = None, replications: int | None = None, *, precision: float | None = None,
    of: str = "", warmup: float | Literal["auto"] = "auto", confidence: float = 0.95,
    quantiles: Sequence[float] = (0.5, 0.9, 0.99), most: int = 1000, seed: int = 0, jobs: int | None = 1,
    budget: float = inf, antithetic: bool = False, progress: Progress | None = None,
) -> Processed:  # fmt: skip
    """Run processes of your own in SimPy, and report them like any model.

    ``model`` is called with a :class:`~potomac.simulation.processes.World` once a replication. It makes monitored
    resources (``world.resource``, ``world.container``, ``world.store``) and starts processes; ``world.draw`` takes
    random numbers from streams by name, so that replication 17 is the same alone or among a hundred, and scenarios see
    the same customers. Where names and distributions are those of a :class:`Model`, so are the numbers.

    Args:
        model: the function.
        until: end of a replication; None where the processes come to their end by themselves.
        replications: how many; default 20, or as many as the precision takes.
        precision: half-width over mean of the measure ``of`` that is wanted.
        of: ``wait``, or of one place ``desk:wait``; default the time in the system, else the first measure.
        warmup: time left out at the start; ``auto`` finds it by pilot runs; 0 for averages after an empty start.
        confidence: of the intervals.
        quantiles: shares whose quantiles of waits are estimated.
        most: replications at which the search for precision stops.
        seed: the same seed gives the same numbers.
        jobs: processes (-1 for all there are, None for what joblib is set to); the answer is the same with each.
        budget: seconds after which the search for precision stops.
        antithetic: replications come in pairs, the second of draws 1 - u in place of u.
        progress: hears how far it is.

    Raises:
        StudyError: what is asked makes no sense; the user's code failed (with file and line); or it cannot be sent to
            other processes.
        NoAnswer: the runs are too short for a long run, or never end; a trace ended.

    Example:
        Two at a desk::

            def clinic(world):
                desk = world.resource("desk", capacity=2)

                def patient():
                    with world.customer(), desk.request() as turn:
                        yield turn
                        yield world.timeout(world.draw("desk/service", exponential(mean=1.5)))

                while True:
                    yield world.timeout(world.draw("walkin/interarrival", exponential(mean=1.0)))
                    world.process(patient())

            simulate_processes(clinic, until=10_000, seed=7).measures
    """
    asked = Asked(
        until, replications, precision, of, warmup, confidence, tuple(quantiles), most, seed, jobs, budget, antithetic
    )
    name = getattr(model, "__name__", type(model).__name__)
    declared = Declared(name)
    output._check(declared, asked)
    if jobs != 1:
        _sendable(model)
    tell, stream = progress or Quiet(), Stream(seed).child("simulation")
    found = _horizon(model, asked, stream, tell)
    stopped = _run(model, asked, found, stream, tell)
    runs = cast("tuple[Observed, ...]", stopped.runs)
    found = _settled(runs, found)
    way = Way(found.warmup.steady, antithetic, False, confidence, found.widened)
    all_ = _estimates(runs, asked.quantiles, way)
    if not all_:
        raise NoAnswer(
            Fault(
                "simulation.empty",
                f"{name!r:.60} has no resource and observes nothing",
                "",
                "Make one by world.resource",
            )
        )
    values = ratios(parts_of(runs)) | quantiles_of(runs, asked.quantiles)
    told = (*found.notes, *output._notes(all_, stopped, asked, found))
    return Processed(
        declared=declared, asked=asked, window=found.window, estimates=all_, values=values, runs=(),
        warmup=found.warmup, notes=told, reached=stopped.reached, observed=runs,
    )  # fmt: skip


def _sendable(model: Model) -> None:
    """See that other processes can have the model, where joblib is set to other processes.

    Raises:
        StudyError: they cannot.
    """
    from joblib.parallel import get_active_backend

    if not getattr(get_active_backend()[0], "supports_sharedmem", False):
        portable(model)


def _replicated(
    model: Model, numbers: Sequence[int], window: Window, stream: Stream, mirrored: bool, jobs: int | None,
    tell: Progress,
) -> list[Observed]:  # fmt: skip
    """The replications of these numbers, in their order."""
    from potomac.simulation.processes import observe

    if jobs != 1 and len(numbers) > 1:
        return _spread(partial(_pack, model, window, stream, mirrored), numbers, jobs, tell)
    out: list[Observed] = []
    for number in numbers:
        out.append(observe(model, number, window, stream, mirrored, lambda part: _told(tell, out, part, numbers)))
    tell("replications", len(numbers), len(numbers))
    return out


def _spread(
    work: Callable[[list[int]], list[Observed]], numbers: Sequence[int], jobs: int | None, tell: Progress
) -> list[Observed]:
    """In several processes.

    Raises:
        StudyError: a process cannot read the model, mostly because it does not find the module.
    """
    from joblib.externals.loky.process_executor import BrokenProcessPool

    try:
        return spread(work, numbers, jobs, tell)
    except BrokenProcessPool as error:
        last = str(error.__cause__ or error).strip().strip('"').strip().rpartition("\n")[2]
        mend = "Define it in a module that is installed, in the script itself or inside a function, or give jobs=1"
        raise StudyError(
            Fault("simulation.hook", f"another process could not take the model: {last}", "", mend, key="jobs")
        ) from error


def _told(tell: Progress, done: Sequence[Observed], part: float, numbers: Sequence[int]) -> None:
    tell("replications", len(done) + part, len(numbers))


def _pack(model: Model, window: Window, stream: Stream, mirrored: bool, numbers: list[int]) -> list[Observed]:
    from potomac.simulation.processes import observe

    return [observe(model, number, window, stream, mirrored) for number in numbers]


def memory(curve: Floats, width: float) -> float:
    """How long a curve remembers: its integrated autocorrelation time, from averages over slices of it.

    The variance of an average over a long time T is that of the curve times twice this over T; of the number in M/M/1
    it is (1 + rho) / (1 - rho)^2 services, near to the relaxation time of ``warmup.relaxation``. The sum is cut where
    it has five times its own length behind it (Sokal 1997).

    Args:
        curve: averages by replication and slice, shape (R, B), of the long run.
        width: of the slices.
    """
    x = curve - curve.mean()
    spread = float((x * x).mean())
    if spread <= 0:
        return 0.0
    total = 0.5
    for lag in range(1, x.shape[1] // 2):
        total += float((x[:, lag:] * x[:, :-lag]).mean()) / spread
        if lag >= 5 * max(total, 0.5):
            break
    return max(total, 0.0) * width


def _horizon(model: Model, a: Asked, stream: Stream, tell: Progress) -> Horizon:
    """The time that counts: given, or found from pilot runs.

    Raises:
        NoAnswer: the runs are too short for the long run.
    """
    if a.until is None:
        if a.warmup != "auto" and a.warmup > 0:
            said = "a warm-up is of the long run of processes that go on"
            raise StudyError(Fault("simulation.run", said, "", "Give until", key="run.until"))
        return Horizon(Window.of(inf), Warmup(0.0, False, "the processes end by themselves"))
    if a.warmup != "auto":
        steady = a.warmup > 0
        note = () if steady else (f"The averages are of the first {a.until:.6g} after the start, not of the long run.",)
        return Horizon(Window.of(a.until, float(a.warmup)), Warmup(float(a.warmup), steady, "given"), note)
    window, runs = Window.of(a.until, slices=SLICES), a.replications or LEAST
    pilots = curves(_replicated(model, range(PILOTS), window, stream, False, a.jobs, tell))
    mean, width = pilots.mean(0), a.until / SLICES
    first = min(mser(mean), SLICES // 3)
    scale = memory(pilots[:, first:], width)
    if a.until * (1 + 1e-9) < scale * max(SHORTEST, TOGETHER / runs) and not rising(pilots):
        raise NoAnswer(_too_short(a.until, scale, runs))
    time = width * ceil(min(max(first, FORGET * scale / width), SLICES / 3) - 1e-9)
    cut = Warmup(time, True, "MSER-5 over pilot runs", tuple(mean.tolist()), tuple(window.edges.tolist()))
    return Horizon(Window.of(a.until, time), cut, (), 1 + WIDER * scale / (a.until * runs))


def _too_short(until: float, scale: float, runs: int) -> Fault:
    found = (
        f"{runs} replications until {until:.6g} are too short for the long run: the model forgets in about {scale:.3g}"
    )
    mend = f"Give until of at least {max(SHORTEST, TOGETHER / runs) * scale:.3g}"
    return Fault(
        "simulation.short", found, "", f"{mend}, or warmup = 0 for averages after an empty start", key="run.until"
    )


def _settled(runs: Sequence[Observed], h: Horizon) -> Horizon:
    """The horizon, without a long run where the number inside goes on rising."""
    curve = curves(runs)[:, h.window.first :]
    if not h.warmup.steady or not rising(curve):
        return h
    half = curve.shape[1] // 2
    note = (
        f"The model does not settle: {curve[:, :half].mean():.4g} customers are inside in the first half of the time, "
        f"{curve[:, -half:].mean():.4g} in the second. All figures are of the time until {h.window.end:.6g}, not of a "
        "long run."
    )
    return replace(h, warmup=replace(h.warmup, steady=False), notes=(*h.notes, note))


def _run(model: Model, a: Asked, h: Horizon, stream: Stream, tell: Progress) -> Stopped:
    """As many replications as are asked for, or as the precision takes."""

    def more(start: int, stop: int) -> list[Observed]:
        if not a.antithetic:
            return _replicated(model, range(start, stop), h.window, stream, False, a.jobs, tell)
        pairs = range(start // 2, (stop + 1) // 2)
        both = [_replicated(model, pairs, h.window, stream, mirrored, a.jobs, tell) for mirrored in (False, True)]
        return [run for pair in zip(*both, strict=True) for run in pair]

    way = Way(h.warmup.steady, a.antithetic, False, a.confidence, h.widened)
    if a.precision is None:
        return Stopped(cast(Any, tuple(more(0, a.replications or LEAST))))
    first = max(a.replications or LEAST, LEAST) * (2 if a.antithetic else 1)
    worst: Any = lambda runs: _worst(runs, a, way)  # noqa: E731
    return enough(
        cast(Any, more), worst, a.precision, first=first, most=max(a.most, 2), budget=a.budget, clock=perf_counter
    )


def _worst(runs: Sequence[Observed], a: Asked, way: Way) -> float:
    """Half-width over mean of the measures that are meant, the largest."""
    where, _, measure = a.of.rpartition(":")
    found = _estimates(runs, a.quantiles if "_q" in measure else (), way)
    meant = [e for e in found if e.measure == measure and (not where or e.where == where)] if a.of else found[:1]
    for e in found if not a.of else ():
        if (e.where, e.measure) == ("system", "time_in_system"):
            meant = (e,)
    if not meant:
        expected = f"expected one of {listing(sorted({e.measure for e in found}), 30)}"
        raise StudyError(Fault("simulation.measure", f"there is no measure {a.of!r:.60}", expected, key="run.of"))
    widths = [e.half_width / abs(e.mean) if e.mean else (0.0 if e.half_width == 0 else inf) for e in meant]
    return max(w if isfinite(w) else inf for w in widths)


def _estimates(runs: Sequence[Observed], quantiles: Sequence[float], way: Way) -> tuple[Estimate, ...]:
    """The interval of each measure, quantiles last."""
    sums = parts_of(runs)
    if way.antithetic:
        sums = {key: (paired(above), paired(below)) for key, (above, below) in sums.items()}
    values = {key: pseudo_values(*both) for key, both in sums.items()} if way.steady else ratios(sums)
    shares = {key: float(below.sum()) for key, (_, below) in sums.items() if key[1].startswith("p_")}
    out = [estimated(key, x, None, way, shares.get(key, 0.0)) for key, x in values.items()]
    if quantiles:
        for (where, what), counts in counts_of(runs).items():
            named = [(q, quantile_name(what, q)) for q in quantiles]
            out += [Estimate(where, name, *pooled(counts, q, way), len(counts)) for q, name in named]
    return tuple(out)
