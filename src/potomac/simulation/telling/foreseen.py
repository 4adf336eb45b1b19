"""What can be known of a study before it runs: measures that it has, runs that are too short, means that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite

from potomac.errors import Fault, NoAnswer, PotomacError, StudyError, did_you_mean, listing
from potomac.simulation.estimates.horizon import ends, too_short
from potomac.simulation.estimates.warmup import relaxation
from potomac.simulation.executors.execute import replications
from potomac.simulation.executors.measures import measured
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.plan import Declared
from potomac.simulation.output import Asked, refused, refused_in_the_long_run
from potomac.simulation.telling.question import Observed
from potomac.simulation.traffic import traffic, unstable
from potomac.stats.streams import Stream

__all__ = ["foresee", "measures_of", "named", "unnamed", "with_quantile"]


def foresee(d: Declared, asked: Asked) -> None:
    """Refuse what is known to have no answer, without running it.

    Args:
        d: the model.
        asked: how it would be run.

    Raises:
        StudyError: what is asked makes no sense.
        NoAnswer: a mean has no valid interval; a station is unstable and no end is given; the runs are too short.
    """
    refused(d, asked)
    if d.components or d.lehmer is not None or ends(d):
        return
    faults = [*unstable(d, traffic(d))]
    if faults and asked.until is None:
        raise NoAnswer(faults)
    if not faults and asked.until is None:
        refused_in_the_long_run(d, asked)
    if not faults and asked.until is not None and asked.warmup == "auto":
        short = too_short(d, asked.until, asked.replications or 20)
        if short is not None:
            raise NoAnswer(short)


def with_quantile(asked: Asked) -> Asked:
    """What is asked, with the quantile that ``of`` names among the quantiles."""
    share = asked.of.rpartition("_q")[2]
    try:
        q = float(share) / 100 if "_q" in asked.of else 0.0
    except ValueError:
        return asked
    near = any(abs(q - each) < 1e-9 for each in asked.quantiles)
    return replace(asked, quantiles=(*asked.quantiles, q)) if 0 < q < 1 and not near else asked


def measures_of(d: Declared, quantiles: Sequence[float] = ()) -> dict[str, tuple[str, ...]]:
    """Place -> the measures that it has, as a short run shows them; of one kind of customers it is ``desk:vip``."""
    scale = relaxation(d)
    end = scale if isfinite(scale) and scale > 0 else 1.0
    try:
        runs = replications(d, [0], Window.of(end), Stream(0), quantiles=tuple(quantiles), histograms=bool(quantiles))
    except PotomacError:  # a trace that ends at once: the run itself will say so
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for where, measure in measured(d, runs, Window.of(end), quantiles):
        found[where] = (*found.get(where, ()), measure)
    if len(d.kinds) > 1:
        for s in d.stations:
            waits = tuple(m for m in _all(found) if m.startswith("wait_q"))
            found |= {f"{s.name}:{kind}": found.get(f"{s.name}:{kind}") or (*found[s.name], *waits) for kind in d.kinds}
    return found


def _all(found: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({m for measures in found.values() for m in measures})


def unnamed(d: Declared, of: str, observed: Sequence[Observed], quantiles: Sequence[float]) -> Iterator[Fault]:
    """A fault for each measure that is asked for, or was observed, and that the model has not.

    Args:
        d: the model.
        of: measure that is told first, ``wait`` or ``desk:wait``; may be empty.
        observed: what was measured on the real system.
        quantiles: shares.
    """
    found = measures_of(d, quantiles) if of or observed else {}
    if not found:
        return
    where, _, measure = of.rpartition(":")
    if of:
        yield from _missing(found, where, measure, "run.of", "run.of")
    for n, o in enumerate(observed):
        yield from _missing(found, o.where, o.measure, f"observed.{n}.where", f"observed.{n}.measure")


def _missing(
    found: Mapping[str, Sequence[str]], where: str, measure: str, place_key: str, measure_key: str
) -> Iterator[Fault]:
    if where and where not in found:
        places = [*found]
        expected = f"expected one of {listing(places, 30)}"
        yield Fault("simulation.measure", f"there is no place {where!r:.60}", expected, did_you_mean(where, places),
                    key=place_key)  # fmt: skip
        return
    there = [*found[where]] if where else _all(found)
    if measure not in there:
        of = f" of {where}" if where else ""
        expected = f"expected one of {listing(there, 40)}"
        yield Fault("simulation.measure", f"there is no measure {measure!r:.60}{of}", expected,
                    did_you_mean(measure, there), key=measure_key)  # fmt: skip


def named(d: Declared, asked: Asked, observed: Sequence[Observed]) -> None:
    """See that all measures are there.

    Raises:
        StudyError: some are not.
    """
    faults = [*unnamed(d, asked.of, observed, asked.quantiles)]
    if faults:
        raise StudyError(faults)
