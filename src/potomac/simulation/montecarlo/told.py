"""An experiment in words: the answer in a sentence, facts, notes, method, and how the report shows the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

import pyarrow as pa

from potomac.engine import Fact, Result, Show
from potomac.simulation.montecarlo.estimating import Chance
from potomac.simulation.montecarlo.found import Answered, kept, main_of, tables_of
from potomac.simulation.telling.words import between, say

__all__ = ["named", "outcome", "result"]

SOURCES = (
    "Law, A. M. (2015). Simulation Modeling and Analysis, 5th ed. McGraw-Hill.",
    "Owen, A. B. (2013). Monte Carlo Theory, Methods and Examples. artowen.su.domains/mc.",
)

DESIGNS = {
    "plain": "Draws are independent; intervals of means are Student's, corrected for skewness, those of probabilities "
    "Wilson's, and Clopper and Pearson's where hits are few.",
    "antithetic": "Draws come in pairs of u and 1 - u; a pair is the unit of the interval.",
    "stratified": "The ranges of inputs are cut into pieces of equal probability, each with draws of its own; the "
    "interval rests on what varies within them.",
    "sobol": "Draws are the points of a Sobol' sequence, scrambled independently 32 times; the interval is Student's, "
    "of the means of these.",
    "importance": "Inputs are drawn where it matters, from a proposal, and each draw is weighted by how likely it is "
    "under the inputs as they are meant, over how likely under the proposal.",
}


def result(a: Answered) -> Result:
    """Put tables and words together."""
    tables = tables_of(a)
    return Result(
        answer=_sentence(a), facts=(*_measured(a), *_run(a), *_driven(a)), tables=tables, notes=tuple(_notes(a)),
        method=tuple(_method(a)), sources=SOURCES if a.driven is None else (*SOURCES, _SALIB),
        show=tuple(_show(a, tables)), model=kept(a),
    )  # fmt: skip


_SALIB = (
    "Saltelli, A. and others (2010). Variance based sensitivity analysis of model output. Comput. Phys. Commun. 181."
)


# ---- the sentence -------------------------------------------------------------------------------------------------


def _sentence(a: Answered) -> str:
    main = main_of(a)
    tail = next((e for e in a.done.estimates if (e.where, e.measure) == (main.where, "q90")), None)
    said = [outcome(main, a.posed.units.get(main.where, ""), tail if main.measure == "mean" else None)]
    said += [outcome(e, "") for e in a.done.estimates if e.measure == "probability" and e.where != main.where]
    driver = _driver(a)
    if driver:
        said.append(driver)
    whole = "; ".join(said)
    missed = (
        "" if not any(e.missed for e in a.done.estimates) else ". Caution: an exact value lies outside its interval"
    )
    return f"{whole[:1].upper()}{whole[1:]}{missed}."


def outcome(e: Chance, unit: str, tail: Chance | None = None) -> str:
    """A measure in a clause without its full stop."""
    name, unit = e.where.replace("_", " "), f" {unit}" if unit else ""
    if e.measure == "probability":
        held = f" ({between(100 * e.low, 100 * e.high)} %)" if isfinite(e.low) else ", without an interval"
        return f"{name}: {_per_cent(e.mean)}{held}"
    held = f" ({between(e.low, e.high)})" if isfinite(e.low) else ", without an interval"
    if e.measure == "mean":
        more = f", one time in ten more than {say(tail.mean)}" if tail is not None and isfinite(tail.mean) else ""
        return f"{name} is {say(e.mean)}{unit} on average{held}{more}"
    return f"{name} is at most {say(e.mean)}{unit} in {e.measure[1:]} of 100 times{held}"


def named(e: Chance) -> str:
    """A measure as a reader knows it."""
    name = e.where.replace("_", " ")
    return name if e.measure in ("mean", "probability") else f"{name}: {e.measure[1:]} in 100 at most"


def _per_cent(p: float) -> str:
    return f"{say(100 * p)} %" if p in (0.0, 1.0) or 1e-5 <= p <= 0.9995 else f"{100 * p:.6g} %"


def _driver(a: Answered) -> str:
    """Which input matters most."""
    if a.driven is None:
        return ""
    main = main_of(a)
    ranked = a.driven.ranked(main.where) if any(i.value == main.where for i in a.driven.indices) else []
    if not ranked:
        return ""
    first = ranked[0]
    if first.index in ("total", "first"):
        return f"{first.input} drives it most ({100 * min(max(first.mean, 0.0), 1.0):.0f} % of its variance)"
    return f"{first.input} drives it most"


# ---- facts --------------------------------------------------------------------------------------------------------


def _fact(name: str, e: Chance, meaning: str, unit: str, *, key: bool = False) -> Fact:
    """A measure as a fact; probabilities in per cent."""
    chance = e.measure == "probability"
    factor = 100.0 if chance else 1.0
    low, high = (factor * end if isfinite(end) else None for end in (e.low, e.high))
    value = factor * e.mean
    if low is not None and high is not None:
        low, high = min(low, value), max(high, value)
    return Fact(name, value, meaning, low, high, "%" if chance else unit, key=key, label=named(e))


def _measured(a: Answered) -> Iterator[Fact]:
    main, confidence = main_of(a), f"{100 * a.posed.confidence:g} %"
    unit = a.posed.units.get(main.where, "")
    yield _fact(
        "main", main, f"{main.measure.capitalize()} of {main.where}, with its {confidence} interval.", unit, key=True
    )
    if main.exact is not None:
        factor = 100 if main.measure == "probability" else 1
        yield Fact(
            "exact", factor * main.exact, "The same, as it is known exactly.", unit="%" if factor == 100 else unit
        )
    for e in a.done.estimates:
        if e == main or not isfinite(e.mean):
            continue
        if e.where != main.where and e.measure in ("mean", "probability"):
            meaning = f"{e.measure.capitalize()} of {e.where}, with its {confidence} interval."
            yield _fact(e.where, e, meaning, a.posed.units.get(e.where, ""), key=True)
        elif e.where == main.where and e.measure != "mean":
            share = e.measure[1:]
            yield _fact(
                e.measure.replace(".", "_"), e, f"{share} in 100 draws are at most this.", unit, key=e.measure == "q99"
            )


def _run(a: Answered) -> Iterator[Fact]:
    done, main = a.done, main_of(a)
    yield Fact("replications", done.samples, "Draws of the experiment behind the intervals.", label="draws")
    yield Fact("design", done.method, "How draws were chosen.")
    if isfinite(main.half_width) and main.mean:
        meaning = "Half-width of the main interval, of its mean."
        yield Fact("precision", 100 * main.half_width / abs(main.mean), meaning, unit="%")
    if a.posed.precision is not None:
        yield Fact(
            "reached", done.reached, "Whether the precision that was asked for was reached.", key=not done.reached
        )
    if main.reduction is not None:
        yield Fact("reduction", main.reduction, "So many plain draws would be as sure as one of these.")
    if done.effective is not None:
        yield Fact("effective", done.effective, "Draws that the weighted ones are worth (Kish).")


def _driven(a: Answered) -> Iterator[Fact]:
    if a.driven is None:
        return
    yield Fact("sensitivity_draws", a.driven.samples, "Draws behind the sensitivity.")
    main = main_of(a)
    for i in a.driven.ranked(main.where)[:1] if any(i.value == main.where for i in a.driven.indices) else ():
        shared = i.index in ("total", "first")
        meaning = (
            f"How much of {main.where} is due to its strongest input, {i.input} ({i.index.replace('_', ' ')} index)."
        )
        factor = 100.0 if shared else 1.0
        low, high = (factor * end if isfinite(end) else None for end in (i.low, i.high))
        yield Fact("driver", factor * i.mean, meaning, low, high, "%" if shared else "", label=f"due to {i.input}")


# ---- notes, method, tables ----------------------------------------------------------------------------------------


def _notes(a: Answered) -> Iterator[str]:
    yield from a.done.notes
    for name, fits in a.data.fits.items():
        yield f"Table {name}, {fits.n:,} values: {fits.verdict}"
    if a.driven is not None:
        yield from a.driven.notes


def _method(a: Answered) -> Iterator[str]:
    yield (
        f"The experiment was done {a.done.samples:,} times with independent random inputs, keyed by the seed. "
        f"{DESIGNS[a.done.method]}"
    )
    if a.posed.control:
        controls = ", ".join(a.posed.control)
        yield (
            f"What {controls} came to by chance, beside the mean that is known, corrects the estimate (control "
            "variates; the interval counts that the coefficients are estimated)."
        )
    if a.posed.quantiles and any(e.measure.startswith("q") for e in a.done.estimates):
        yield "Quantiles are draws, and no sketch of them; their intervals hold for any distribution."
    if a.driven is not None:
        yield (
            f"Sensitivity is by SALib's {a.driven.method} with {a.driven.samples:,} further draws: of all that varies, "
            "how much each input accounts for, alone and with the others."
        )


def _show(a: Answered, tables: Mapping[str, pa.Table]) -> Iterator[Show]:
    yield Show("measures", "Measures", ("where", "measure", "mean", "low", "high", "exact", "replications"), rows=200,
               caption="Probabilities as parts of 1; replications are draws.")  # fmt: skip
    if "sensitivity" in tables:
        yield Show("sensitivity", "What drives it", rows=200, caption="Shares of the variance as parts of 1.")
    yield Show("inputs", "Inputs", ("input", "distribution", "mean", "sd"))
    if "reduction" in tables:
        yield Show(
            "reduction", "Gain over plain draws", caption="So many plain draws would be as sure as one of these."
        )
    if "fits" in tables:
        columns = ("table", "distribution", "method", "aic", "ad_p", "ks", "ks_p", "rejected", "note")
        yield Show("fits", "Distributions fitted", columns)
