"""How long a model runs, and what is left out at the start: given, or found from what is known of the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, exp, inf, isfinite, isnan, sqrt
from typing import Literal

from potomac.engine import Progress
from potomac.errors import Fault, NoAnswer
from potomac.simulation.declared import Source
from potomac.simulation.estimates.cycles import window_of
from potomac.simulation.estimates.estimate import BATCHES
from potomac.simulation.estimates.warmup import Warmup, relaxation, truncated
from potomac.simulation.executors.reliability import plant_of
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.plan import Declared
from potomac.simulation.traffic import traffic, unstable
from potomac.stats.streams import Stream

__all__ = ["Horizon", "ends", "horizon", "period_of", "too_short"]

LONG = 1000
"""Relaxation times of a replication whose length is not given: half-widths of 20 come to about 2 %."""

SHORTEST, TOGETHER = 12, 300
"""Relaxation times of a replication, and of all together, below which intervals of the long run do not hold.

Measured on M/M/1 at load .9 (benchmarks/simulation/coverage.py): at 8 relaxation times 20 replications cover 93 %
whatever is done, since their averages have a skewness of 2.7, and the start is still felt.
"""

WIDER = 30
"""Intervals are wider by this share of all relaxation times: 10 % at 300, nothing to speak of by default."""


@dataclass(frozen=True)
class Horizon:
    """The time that counts.

    Attributes:
        window: its slices.
        warmup: what is left out, and why.
        notes: what a reader must know.
        widened: factor of the widths of intervals, above 1 where runs are short for the model.
    """

    window: Window
    warmup: Warmup
    notes: tuple[str, ...] = ()
    widened: float = 1.0


def ends(d: Declared) -> bool:
    """Whether the model comes to its end by itself: all who come are through at some time."""
    return all(isfinite(s.stop) or s.limit is not None or s.times or (s.rate and not s.rate.repeat) for s in d.sources)


def _last(d: Declared) -> float:
    """About when the last customer comes, where all sources end."""
    return max((_until(s) for s in d.sources), default=0.0)


def _until(s: Source) -> float:
    ends = [s.stop]
    if s.times:
        ends.append(s.times[-1])
    if s.rate is not None and not s.rate.repeat:
        ends.append(s.start + sum(s.rate.durations))
    rate = replace(s, limit=None, stop=inf).mean_rate
    if s.limit is not None and rate:  # without one, times between arrivals have no mean
        ends.append(s.start + s.limit / rate)
    return min(ends)


def period_of(d: Declared) -> float:
    """Time after which rates and calendars begin again; 0 where nothing repeats."""
    rates = [sum(s.rate.durations) for s in d.sources if s.rate is not None and s.rate.repeat]
    turns = [sum(length for length, _ in s.calendar) for s in d.stations if s.calendar]
    return max([*rates, *turns], default=0.0)


def horizon(
    d: Declared, until: float | None, warmup: float | Literal["auto"], replications: int | None, stream: Stream,
    tell: Progress,
) -> Horizon:  # fmt: skip
    """The time that counts in each replication.

    A model that ends by itself has no warm-up; neither has one that has no long run. Where rates or calendars repeat,
    warm-up and run are whole periods.

    Args:
        d: the model.
        until: end of a replication, if given.
        warmup: time left out, or auto.
        replications: how many, if given.
        stream: keys the pilot runs.
        tell: hears of them.

    Raises:
        NoAnswer: there is no long run and no end is given; or the runs are too short for the long run.
    """
    given = None if warmup == "auto" else float(warmup)
    if d.components:
        window, cut = window_of(plant_of(d), until, given)
        return Horizon(window, cut, cut.notes)
    if d.lehmer is not None and until is not None:
        return Horizon(Window.of(until, given or 0.0), Warmup(given or 0.0, False, "one published run"))
    if ends(d):
        window = Window.ending(_last(d)) if until is None and not given else Window.of(until or inf, given or 0.0)
        return Horizon(window, Warmup(given or 0.0, False, "the model ends by itself"))
    faults = [*unstable(d, traffic(d))]
    if faults:
        if until is None:
            raise NoAnswer(faults)
        note = f"{faults[0].found}: there is no long run, and all figures are of the time until {until:g}."
        return Horizon(Window.of(until, given or 0.0), Warmup(given or 0.0, False, "unstable"), (note,))
    scale, period, runs = relaxation(d), period_of(d), replications or 20
    slices = BATCHES
    end = until if until is not None else _whole(LONG * scale * (20 if runs == 1 else 1), period) + (given or 0.0)
    widened = 1 + WIDER * scale / (end * runs)
    if runs == 1:  # pieces of length b are correlated by about scale / 2b, which their variance does not know
        widened += BATCHES * scale / (2 * end)
    if given is not None:
        return _given(end, given, scale, runs, widened)
    if until is not None and _short(until, scale, runs):
        if _few_periods(until, period):
            note = f"The averages are of the time until {until:,.6g} after an empty start, not of the long run."
            return Horizon(Window.of(until), Warmup(0.0, False, "few periods"), (note,))
        raise NoAnswer(_too_short(until, scale, runs))
    cut = truncated(d, end, scale, stream, tell)
    if period:
        cut = cut.moved(min(_whole(cut.time, period), period * ceil(end / 3 / period)))
    if end <= cut.time:
        cut = cut.moved(0.0)
    return Horizon(Window.of(end, cut.time, slices), cut, cut.notes, widened)


def too_short(d: Declared, until: float, runs: int) -> Fault | None:
    """What is wrong with an end for the long run of a stable model; None where the runs are long enough.

    Args:
        d: the model.
        until: end of each replication.
        runs: how many.
    """
    scale = relaxation(d)
    if not _short(until, scale, runs) or _few_periods(until, period_of(d)):
        return None
    return _too_short(until, scale, runs)


def _three(x: float) -> str:
    """Three significant digits, thousands separated, no power of ten."""
    return f"{float(f'{x:.3g}'):,.10g}"


def _few_periods(until: float, period: float) -> bool:
    """Whether a few days, or what else repeats, are meant and not the long run."""
    return period > 0 and until <= SHORTEST * period


def _whole(time: float, period: float) -> float:
    """The time, or the next whole number of periods."""
    return period * ceil(time / period * (1 - 1e-12)) if period else time


def _given(end: float, cut: float, scale: float, runs: int, widened: float) -> Horizon:
    """A warm-up that the user gave: the long run is meant where what the start leaves behind is lost in the noise.

    What is missing at time w decays about as exp(-w / 2 scale), so the average lacks scale / 2T of that; the standard
    error of ``runs`` averages is about sqrt(2 scale / T runs).
    """
    length = end - cut
    lacking, noise = 0.5 * scale / length * exp(-cut / (2 * scale)), sqrt(2 * scale / (length * runs))
    steady = lacking <= 0.25 * noise and not _short(end, scale, runs)
    need = max(SHORTEST, TOGETHER / runs) * scale
    note = (
        f"The averages are of the time from {cut:.6g} to {end:.6g} after an empty start, which is short for the long "
        f"run of this model: it takes a warm-up of about {_three(5 * scale)} and an end of {_three(need)}."
    )
    return Horizon(
        Window.of(end, cut), Warmup(cut, steady, "given"), () if steady else (note,), widened if steady else 1.0
    )


def _short(end: float, scale: float, runs: int) -> bool:
    return not isnan(scale) and (1 + 1e-9) * end < scale * max(SHORTEST, TOGETHER / runs)


def _too_short(until: float, scale: float, runs: int) -> Fault:
    need = max(SHORTEST, TOGETHER / runs) * scale
    many = f"{runs} replications until {until:.6g} are" if runs > 1 else f"one replication until {until:.6g} is"
    found = f"{many} too short for the long run: this model forgets in about {scale:.3g}"
    mend = f"Give until of at least {_three(need)}"
    if until >= SHORTEST * scale:
        mend += f", or {ceil(TOGETHER * scale / until)} replications"
    return Fault(
        "simulation.short", found, "", f"{mend}, or warmup = 0 for averages after an empty start", key="run.until"
    )
