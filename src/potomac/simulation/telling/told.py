"""The result in words: the answer in a sentence, facts, notes, method, and how the report shows the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

import pyarrow as pa

from potomac.engine import Fact, Result, Show
from potomac.errors import listing, shown
from potomac.simulation.alarms import Alarms, alarms
from potomac.simulation.declared import Stock
from potomac.simulation.estimates.estimate import Estimate
from potomac.simulation.telling.found import Found, focus_of, part_of
from potomac.simulation.telling.words import between, brief, is_share, label, meaning_of, outcome, say, time, unit_of

__all__ = ["result"]

SOURCES = (
    "Law, A. M. (2015). Simulation Modeling and Analysis, 5th ed. McGraw-Hill.",
    "Leemis, L. M. and Park, S. K. (2006). Discrete-Event Simulation: A First Course. Pearson.",
    "White, K. P. (1997). An effective truncation heuristic for bias reduction in simulation output. Simulation 69.",
    "Gross, D., Shortle, J. F., Thompson, J. M. and Harris, C. M. (2008). Fundamentals of Queueing Theory, 4th ed.",
)


BESIDE = (
    ("utilization", True), ("wait_q90", True), ("p_wait", False), ("queue_length", False), ("p_block", False),
    ("p_balk", False), ("p_renege", False), ("on_hand", True), ("backorders", False), ("lost_per_time", False),
    ("cost_per_time", True), ("mttf", True), ("mean_down_time", False), ("mean_down", False),
)  # fmt: skip
"""Measures of the place that is told first, and whether they are key figures."""


def result(found: Found, tables: Mapping[str, pa.Table], model: Mapping[str, pa.Table]) -> Result:
    """Put tables and words together."""
    return Result(
        answer=_sentence(found, tables),
        facts=(*_main(found), *_place(found), *_runs(found), *_validation(found, tables)),
        tables=tables,
        notes=tuple(_notes(found)),
        method=tuple(_method(found)),
        sources=SOURCES,
        show=tuple(_show(found, tables)),
        model=model,
    )


# ---- the sentence -------------------------------------------------------------------------------------------------


def _sentence(found: Found, tables: Mapping[str, pa.Table]) -> str:
    """What happens, and what would happen in each scenario."""
    unit = found.question.time_unit
    said = [outcome(found.run, found.main, unit)]
    for told in found.scenarios[1:]:
        e = told.run.estimate(found.main.where, found.main.measure)
        real = told.low is None or told.high is None or told.low > 0 or told.high < 0
        said.append(f"{told.name}: {brief(told.run, e, unit)}" + ("" if real else ", which may be chance"))
    whole = "; ".join(said) + _held(tables)
    whole = whole[:1].upper() + whole[1:]
    if not found.run.reached:
        e = found.main
        half = f"{100 * e.half_width / abs(e.mean):.2g} %" if e.mean and isfinite(e.half_width) else "no interval"
        whole += f". The precision that was asked for was not reached: the half-width is {half} of the mean"
    far = len(_alarms(found).far)
    if far:
        whole += f". Alarm: {far} exact value{'s lie' if far > 1 else ' lies'} too far outside the interval for chance"
    return f"{whole}."


def _held(tables: Mapping[str, pa.Table]) -> str:
    """Whether the model gives what was observed."""
    if "validation" not in tables:
        return ""
    rows = [row for row in tables["validation"].to_pylist() if row["inside"] == "no"]
    if not rows:
        return ". What was observed agrees with the model"
    many = tables["validation"].num_rows
    said = listing([f"{label(row['measure'])} ({shown(row['where'])})" for row in rows], 3)
    return f". The model does not give what was observed: {said}" + (f" ({len(rows)} of {many})" if many > 1 else "")


def _alarms(found: Found) -> Alarms:
    return alarms(found.run.estimates, found.question.confidence)


# ---- facts --------------------------------------------------------------------------------------------------------


def _fact(name: str, e: Estimate, meaning: str, unit: str, *, key: bool = False, words: str = "") -> Fact:
    """A measure as a fact; shares in per cent."""
    share = is_share(e.measure)
    factor = 100.0 if share else 1.0
    low, high = (factor * end if isfinite(end) else None for end in (e.low, e.high))
    value = factor * e.mean
    if low is not None and high is not None:
        low, high = min(low, value), max(high, value)
    shown = "%" if share else unit_of(e.measure, unit)
    return Fact(name, value, meaning, low, high, shown, key=key, label=words or f"{e.where}: {label(e.measure)}")


def _main(found: Found) -> Iterator[Fact]:
    e, unit = found.main, found.question.time_unit
    confidence = f"{100 * found.question.confidence:g} %"
    meaning = meaning_of(e)
    yield _fact("main", e, f"{meaning}, with its {confidence} interval.", unit, key=True)
    if e.exact is not None:
        share = is_share(e.measure)
        yield Fact("exact", (100 if share else 1) * e.exact, "The same by a closed form, where one is known.",
                   unit="%" if share else unit_of(e.measure, unit), label=f"{e.where}: {label(e.measure)}, exact",
                   )  # fmt: skip


def _place(found: Found) -> Iterator[Fact]:
    """What else matters at the place that is told first."""
    run, unit, focus = found.run, found.question.time_unit, focus_of(found.run)
    part = part_of(found.declared, focus)
    for measure, key in BESIDE:
        if isinstance(part, Stock) and measure in ("wait_q90", "lost_per_time" if not part.lost else "backorders"):
            continue
        for e in run.estimates:
            if measure in ("p_block", "p_balk", "p_renege") and not e.mean:
                continue
            if (e.where, e.measure) == (focus, measure) and e != found.main and isfinite(e.mean):
                meaning = meaning_of(e)
                yield _fact(measure, e, f"{meaning}.", unit, key=key)
    if isinstance(part, Stock):
        return
    for e in run.estimates:
        if (e.where, e.measure) == ("system", "time_in_system") and e != found.main and isfinite(e.mean):
            yield _fact("time_in_system", e, "Mean time from coming to leaving.", unit, words="time in the system")


def _runs(found: Found) -> Iterator[Fact]:
    run, unit = found.run, found.question.time_unit
    yield Fact("replications", len(run.runs), "Independent replications behind each interval.")
    if isfinite(run.window.end):
        yield Fact("until", run.window.end, "End of each replication.", unit=unit)
    yield Fact("warmup", run.window.start, f"Time that is left out at the start ({run.warmup.why}).", unit=unit)
    e = found.main
    if isfinite(e.half_width) and e.mean:
        yield Fact(
            "precision", 100 * e.half_width / abs(e.mean), "Half-width of the main interval, of its mean.", unit="%"
        )
    if found.question.precision is not None:
        yield Fact("reached", run.reached, "Whether the precision that was asked for was reached.", key=not run.reached)
    held = _alarms(found)
    if held.known:
        yield Fact("exact_values", len(held.known), "Measures with an interval for which a closed form is known.")
        meaning = f"Those of them whose interval does not hold the exact value; {held.chance}."
        yield Fact("exact_missed", len(held.missed), meaning)
        meaning = "Those of them that are too far out for chance: the run is not what the formula supposes."
        yield Fact("exact_alarms", len(held.far), meaning, key=bool(held.far))
    yield Fact("events", sum(r.events for r in run.runs), "Events that were simulated.")


def _validation(found: Found, tables: Mapping[str, pa.Table]) -> Iterator[Fact]:
    if "validation" in tables:
        inside = tables["validation"]["inside"].to_pylist().count("yes")
        meaning = "Observed values that the model may well give in a replication, all of them held together (Holm)."
        yield Fact("observed_inside", inside, meaning)
        yield Fact("observed", tables["validation"].num_rows, "Observed values that the model was held against.")


# ---- notes and method ---------------------------------------------------------------------------------------------


def _notes(found: Found) -> Iterator[str]:
    yield from found.run.notes
    yield from _over(found)
    for name, fits in found.data.fits.items():
        yield f"Table {name}, {fits.n:,} values: {fits.verdict}"
    for name, seen in found.data.arrivals.items():
        yield f"Table {name}, {seen.count:,} arrivals: {seen.verdict}"
        yield from (f"Table {name}: {note}." for note in seen.notes)
    for told in found.scenarios[1:]:
        if told.difference is not None and told.low is not None and told.high is not None:
            chance = "" if told.low > 0 or told.high < 0 else "; the interval holds 0, so it may be chance"
            percent, points = (100, " percentage points") if is_share(found.main.measure) else (1, "")
            yield (
                f"{told.name} less the model as it is, {label(found.main.measure)} of {found.main.where}: "
                f"{say(percent * told.difference)}{points} ({between(percent * told.low, percent * told.high)}, all "
                f"scenarios together){chance}."
            )
    for told in found.scenarios[1:]:
        yield from (f"{told.name}: {note}" for note in told.run.notes)


def _over(found: Found) -> Iterator[str]:
    """What is played back and ends before the run does."""
    end, unit = found.run.window.end, found.question.time_unit
    for s in found.declared.sources:
        if s.times and isfinite(end) and s.times[-1] < end:
            last = time(s.times[-1], unit)
            yield f"The arrivals of {s.name} that are played back end at {last}; nobody comes from there after that."


def _method(found: Found) -> Iterator[str]:
    run, unit = found.run, found.question.time_unit
    length = f"until {time(run.window.end, unit)}" if isfinite(run.window.end) else "until all were through"
    start = f"the first {time(run.window.start, unit)} are" if run.window.start else "nothing is"
    kept = (
        " Averages over customers and averages over time are kept apart; who is still inside at the end is followed "
        "to the exit."
    )
    yield (
        f"The model ran {len(run.runs):,} times {length}, each time with its own random streams, keyed by seed, name "
        f"and number of the replication; {start} left out at the start ({run.warmup.why}). Replications are "
        f"independent, so that an interval of Student's kind holds for their averages."
        f"{'' if found.declared.components else kept}"
    )
    if any(e.exact is not None for e in run.estimates):
        yield "Where a textbook knows the model, its exact value stands beside the simulated one."
    if found.scenarios:
        yield (
            "Scenarios see the same customers (common random numbers), so that their differences are told more "
            "sharply than either alone; the intervals of all differences hold together (Bonferroni)."
        )
    if found.data.fits:
        yield (
            "Distributions are fitted by maximum likelihood and tested by Anderson and Darling's and Kolmogorov and "
            "Smirnov's statistics, with p-values from refitted samples; one that is rejected is not used, but the "
            "values themselves are drawn from."
        )


# ---- tables -------------------------------------------------------------------------------------------------------


def _show(found: Found, tables: Mapping[str, pa.Table]) -> Iterator[Show]:
    per = found.question.time_unit
    if "scenarios" in tables:
        yield Show("scenarios", "Scenarios", ("scenario", "where", "measure", "mean", "low", "high", "exact",
                   "difference", "difference_low", "difference_high"), rows=200,
                   caption=f"Differences are of {label(found.main.measure)} of {found.main.where}.")  # fmt: skip
    yield Show("measures", "Measures", ("where", "measure", "mean", "low", "high", "exact", "replications"), rows=200,
               caption=f"Times in {per}; shares as parts of 1.")  # fmt: skip
    if "validation" in tables:
        end = found.run.window.end
        length = f", which lasts {end - found.run.window.start:.6g}" if isfinite(end) else ""
        caption = (
            f"Times in {per}. An observation is taken to be as long as a replication{length}: usual_low to usual_high "
            "is where most of these lie, p how often one lies as far out."
        )
        yield Show("validation", "Against what was observed", caption=caption)
    if "fits" in tables:
        yield Show(
            "fits",
            "Distributions fitted",
            ("table", "distribution", "method", "aic", "ad_p", "ks", "ks_p", "rejected", "note"),
        )
    if "arrivals" in tables:
        yield Show("arrivals", "Rates of arrivals", ("table", "start", "end", "count", "rate", "low", "high"))
