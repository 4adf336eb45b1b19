"""The result in words: the answer in a sentence, facts, notes, method, and how the report shows the tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Fact, Result, Show
from potomac.errors import listing, shown
from potomac.location import sure
from potomac.location.compared import CHOICES
from potomac.location.found import Found
from potomac.location.journeys import OFF_ROAD
from potomac.location.methods import SOURCES, method
from potomac.location.placement import Placement
from potomac.location.says import amount, minutes_of, percent, say

__all__ = ["result"]


def result(found: Found, tables: Mapping[str, pa.Table], model: Mapping[str, pa.Table]) -> Result:
    """Put tables and words together."""
    return Result(
        answer=" ".join(filter(None, (_sentence(found), sure.sentence(found), _left_out(found)))),
        facts=(*_proof(found), *_times(found), *_counts(found), *_against(found), *sure.facts(found), *_fitted(found)),
        tables=tables,
        notes=tuple(_notes(found)),
        method=method(found),
        sources=SOURCES,
        show=_show(found, tables),
        model=model,
    )


# ---- the sentence -------------------------------------------------------------------------------------------------


def _sentence(found: Found) -> str:
    """Where it should be, what that is worth, and what no other choice can better."""
    where, kind = _where(found), found.question.problem.objective
    best, bound = found.placement.objective, found.placement.bound
    who, total = _who(found), float(found.demand.weight.sum())
    everyone, whole = _who(found, whole=True), found.whole
    radius = found.question.problem.service_radius
    if kind == "minimax":
        return f"{where}: nobody has further than {minutes_of(best)}; {_limit(found, minutes_of(bound))}."
    if kind == "quantile":
        share = percent(100 * found.question.problem.share)
        return f"{where}: {share} of {who} are within {minutes_of(best)}; {_limit(found, minutes_of(bound))}."
    if kind == "max_coverage":
        reach = f"{percent(100 * best / whole)} of {everyone} are within {minutes_of(radius or 0)}"
        return f"{where}: {reach}; {_limit(found, percent(100 * bound / whole))}."
    if kind == "set_cover":
        done = f"{where} to have all of {who} within {minutes_of(radius or 0)}"
        if found.candidates.cost is None:
            return f"{done}; {_fewer(found)}."
        return f"{done}: {say(best)} in all; {_limit(found, say(bound))}."
    if kind == "attendance":
        came = f"{amount(best)} of {everyone} are expected to come"
        return f"{where}: {came}; {_limit(found, amount(bound))}."
    if kind == "market_share":
        won = f"{amount(best)} of {everyone} ({percent(100 * best / whole)}) come there rather than elsewhere"
        return f"{where}: {won}; {_limit(found, amount(bound))}."
    mean = minutes_of(found.served.mean)
    if kind == "fixed_charge":
        return f"{where}: {say(best)} in all, with {mean} on average for {who}; {_limit(found, say(bound))}."
    return f"{where}: {mean} on average for {who}; {_limit(found, minutes_of(bound / total))}."


def _where(found: Found) -> str:
    """Put it at A; put the 3 sites at A, B and C; it takes 7 sites."""
    names, problem = [shown(name) for name in found.names], found.question.problem
    if not found.candidates.named:
        names = [f"row {name}" for name in names]
    if problem.anywhere:
        s = found.candidates
        names = [_degrees(s.latitude[j], s.longitude[j]) for j in found.placement.sites]
    many = len(names)
    covers = problem.objective == "set_cover"
    if covers and found.candidates.cost is None:
        return f"It takes {many:,} site{'s' if many != 1 else ''} ({_listed(names)})"
    verb = "Open" if covers or problem.objective == "fixed_charge" else "Put"
    present = found.candidates.fixed[found.placement.sites]
    if present.any():
        return _beside(verb, names, present)
    return f"{verb} {_the(many)} at {_listed(names)}"


def _beside(verb: str, names: list[str], present: npt.NDArray[np.bool_]) -> str:
    """Put it at C, beside A and B, which are there; keep A and B, which are there."""
    old = [name for name, there in zip(names, present, strict=True) if there]
    new = [name for name, there in zip(names, present, strict=True) if not there]
    there = f"{_listed(old)}, which {'is' if len(old) == 1 else 'are'} there already"
    return f"{verb} {_the(len(new), 'new ')} at {_listed(new)}, beside {there}" if new else f"Keep {there}"


def _the(many: int, kind: str = "") -> str:
    return f"the {kind}site" if many == 1 and kind else "it" if many == 1 else f"the {many:,} {kind}sites"


def _listed(names: list[str], most: int = 6) -> str:
    """A, B and C; past ``most`` the first and how many more."""
    between = "; " if any("," in name for name in names) else ", "
    if len(names) > most:
        return f"{between.join(names[:most])} and {len(names) - most:,} more"
    return f"{';' * (between == '; ' and len(names) > 2)} and ".join(
        filter(None, (between.join(names[:-1]), names[-1]))
    )


def _degrees(latitude: float, longitude: float) -> str:
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.4f}° {north}, {abs(longitude):.4f}° {east}"


def _who(found: Found, *, whole: bool = False) -> str:
    """5.46 million people; 120 points: those who are reached, or all."""
    if not found.demand.weighted:
        many = len(found.demand) + whole * found.unreached.num_rows
        return f"{many:,} point{'s' if many != 1 else ''}"
    total = amount(found.whole if whole else float(found.demand.weight.sum()))
    return f"{total} {found.people}" if found.people else f"a weight of {total}"


NEARLY = 0.01
"""A gap below which the bound looks like the objective, and the gap is told in its place."""


def _limit(found: Found, bound: str) -> str:
    """What no other choice can better."""
    p, whose = found.placement, _whose(found)
    if p.proven and p.equal:
        return f"{whose} does better, and {_others(len(p.equal))} as well"
    if p.proven:
        return f"{whose} does better"
    if not math.isfinite(p.bound):
        return "how far that is from the best is not known"
    if p.gap < NEARLY:
        return f"{whose} is better by more than {percent(100 * p.gap)}"
    return f"{whose} can do better than {bound}"


def _whose(found: Found) -> str:
    problem = found.question.problem
    return "no other place" if problem.anywhere and problem.p == 1 else "no other choice"


def _others(many: int) -> str:
    return "another one does" if many == 1 else f"{many:,} others do"


def _fewer(found: Found) -> str:
    """Whether fewer sites cover everyone."""
    p = found.placement
    if p.proven and p.equal:
        return f"fewer cannot, and {_others(len(p.equal))} as well"
    if p.proven:
        return "fewer cannot"
    if not math.isfinite(p.bound):
        return "whether fewer can is not known"
    return f"it cannot be done with fewer than {math.ceil(p.bound - 1e-9):,}"


def _left_out(found: Found) -> str:
    lost = found.unreached
    if not lost.num_rows:
        return ""
    ids = listing(lost["id"].to_pylist(), 3)
    one = lost.num_rows == 1
    share = float(np.sum(lost["weight"].to_numpy())) / found.whole
    points = f"{lost.num_rows:,} demand point{'' if one else 's'} ({ids})"
    have = f"with {percent(100 * share)} of the weight {'has' if one else 'have'}"
    return f"{points} {have} no way to any candidate{_off_road(found)}."


def _off_road(found: Found) -> str:
    """That some of those without a way are too far from any road, and what to do."""
    off = pc.sum(pc.starts_with(found.unreached["reason"], "it is ")).as_py() or 0
    if not off or found.journeys.travel.model != "road":
        return ""
    all_ = found.unreached.num_rows
    who = ("it is" if all_ == 1 else "all are") if off == all_ else f"{off:,} {'is' if off == 1 else 'are'}"
    return f": {who} farther than {found.journeys.travel.access_km:g} km (travel.access_km) {OFF_ROAD}"


# ---- facts --------------------------------------------------------------------------------------------------------

_OBJECTIVES = {
    "minisum": ("Sum of the travel times, each times its weight.", "min"),
    "minimax": ("Longest travel time of anyone who counts.", "min"),
    "quantile": ("Travel time within which the share of the weight is that the study asks for.", "min"),
    "max_coverage": ("Weight within the service radius.", ""),
    "set_cover": ("Number of sites, or what they cost, that serve everyone within the service radius.", ""),
    "fixed_charge": ("Cost of opening the sites and sum of the travel times, each times its weight.", ""),
    "attendance": ("Expected attendance: half as many come with each half-life of travel time.", ""),
    "market_share": ("Expected custom of the sites, beside that of rivals and of those who stay at home (Huff).", ""),
}


def _proof(found: Found) -> Iterator[Fact]:
    """Objective, bound, gap, proven and status."""
    p = found.placement
    meaning, unit = _OBJECTIVES[found.question.problem.objective]
    bound = p.bound if math.isfinite(p.bound) else None
    low, high = (bound, None) if p.goal == "minimise" else (None, bound)
    if p.proven:
        low = high = None  # it is the best: there is nothing between
    yield Fact("objective", p.objective, meaning, low, high, unit)
    yield Fact("bound", bound, "No choice of sites can be better than this.", unit=unit)
    if found.question.problem.objective == "market_share":
        share = 100 * p.objective / found.whole
        yield Fact("market_share", share, "Share of all custom that the sites win.", unit="%", key=True)
    gap = p.gap if math.isfinite(p.gap) else None
    yield Fact("gap", gap, "How far the objective can be from the best, as a share of it.", key=not p.proven)
    yield Fact("proven", p.proven, "Whether no better choice of sites exists.", key=True, label="proven the best")
    meaning = (
        "optimal: proven; within_gap: as near as asked; time_limit: best found until then; heuristic: the best of "
        "many starts."
    )
    yield Fact("status", p.status, meaning)


def _times(found: Found) -> Iterator[Fact]:
    """How far people have."""
    s, p, problem = found.served, found.placement, found.question.problem
    if not math.isfinite(s.mean):
        return
    all_served = bool(s.served[found.demand.weight > 0].all())
    bounded = problem.objective == "minisum" and all_served and not p.proven and math.isfinite(p.bound)
    low = min(p.bound / float(found.demand.weight.sum()), s.mean) if bounded else None
    yield Fact("mean_minutes", s.mean, "Mean travel time to the site, by weight.", low, None, "min", key=True,
               label="mean travel time")  # fmt: skip
    yield Fact("median_minutes", s.quantile(0.5), "Half of the weight is within this time.", unit="min",
               label="median travel time")  # fmt: skip
    yield Fact("p90_minutes", s.quantile(0.9), "Nine tenths of the weight are within this time.", unit="min",
               key=True, label="nine in ten within")  # fmt: skip
    yield Fact("worst_minutes", s.worst, "Longest travel time of anyone who counts.", unit="min", key=True,
               label="longest travel time")  # fmt: skip
    if problem.service_radius is not None:
        within = 100 * s.within(problem.service_radius)
        meaning = "Share of all the weight that is served within the service radius; who has no way is beyond."
        yield Fact("within_radius", within, meaning, unit="%", key=True)


def _counts(found: Found) -> Iterator[Fact]:
    d, lost = found.demand, found.unreached
    yield Fact("sites", len(found.placement.sites), "Sites that are chosen, those that are there already included.")
    yield Fact("demand_points", len(d) + lost.num_rows, "Demand points of the study.")
    total = found.whole
    yield Fact("demand_weight", total, "Weight of all demand points.")
    if not found.question.problem.anywhere:
        yield Fact("candidates", len(found.candidates), "Candidates among which the sites are chosen.")
    served = 100 * float(d.weight[found.served.served].sum()) / total
    yield Fact("served", served, "Share of the weight that is served.", unit="%")
    yield Fact("unreached_points", lost.num_rows, "Demand points that have no way to any candidate.")
    if found.placement.equal:
        meaning = "Other choices of sites that are as good, as far as they were met."
        yield Fact("equal_choices", len(found.placement.equal), meaning)


def _against(found: Found) -> Iterator[Fact]:
    """What the answer gains over other choices."""
    answer, goal = found.choices[0].worth.objective, found.placement.goal
    for choice in found.choices[1:]:
        value = choice.worth.objective
        if not (math.isfinite(value) and math.isfinite(answer) and value > 0):
            continue
        gain = 100 * (value - answer) / value if goal == "minimise" else 100 * (answer - value) / value
        kind = choice.name.replace(" ", "_")
        meaning = f"By how much the objective is better than that of {CHOICES[choice.name]}."
        yield Fact(f"against_{kind}", gain, meaning, unit="%", label=f"better than {CHOICES[choice.name]} by")


def _fitted(found: Found) -> Iterator[Fact]:
    fitted = found.journeys.calibration
    if fitted is None:
        return
    meaning = "Mean error of the calibrated travel times, as a share, on trips that were held out."
    low, high = (100 * end for end in fitted.interval)
    value = 100 * fitted.held_out_error
    yield Fact("travel_error", value, meaning, min(low, value), max(high, value), "%")
    meaning = "The same for one constant factor."
    yield Fact("travel_error_constant", 100 * fitted.constant_error, meaning, unit="%")


# ---- notes --------------------------------------------------------------------------------------------------------


def _notes(found: Found) -> Iterator[str]:
    """Assumptions, caveats, what would change the answer."""
    yield from found.journeys.notes
    yield from (_stop(note) for note in found.placement.notes)
    yield from (_stop(note) for note in found.robust.notes)
    yield from found.question.notes
    travel = found.journeys.travel
    if travel.model not in ("road", "matrix") and found.journeys.calibration is None:
        yield (
            f"Travel times are an estimate ({travel.model.replace('_', ' ')}, {travel.speed_kmh:g} km/h): give "
            "[travel.sample] with trips whose time is known and it is calibrated by them."
        )
    if travel.departure is None and travel.model == "road":
        yield "Travel times are those of an empty road; departure = 8 asks for the morning."
    elif travel.departure is None and travel.model != "matrix":
        yield "Travel times know no rush hour; departure = 8 asks for the morning."
    elif travel.departure is not None and travel.model == "matrix":
        hour = f"{travel.departure:g}"
        yield f"Times by pair are multiplied by what travel.profile says of {hour} o'clock."
    if found.placement.status == "time_limit":
        yield "The time limit ended the search: with a longer solver.time_limit objective and bound may come closer."
    if found.placement.equal:
        yield as_good(found.placement, found.candidates.id)
    if not found.demand.weighted:
        yield "Every demand point counts the same, as the table has no weight."


def as_good(placement: Placement, ids: pa.Array) -> str:
    """The first of the other choices that are as good, and by what one of them all was taken."""
    other = ids.take(pa.array(placement.equal[0])).to_pylist()
    among = "equals" if placement.ties == "all" else "those that were met"
    return f"As good are also: {listing(other, 8)}. Of {among} the first by id is taken."


def _stop(note: str) -> str:
    text = note[:1].upper() + note[1:]
    return text if text.endswith(".") else f"{text}."


# ---- tables -------------------------------------------------------------------------------------------------------

LABELS = {
    "mean_minutes": "mean", "worst_minutes": "longest", "minutes_if_closed": "if closed", "p90_minutes": "nine in ten",
    "next_site": "second nearest", "next_minutes": "there", "nearest_km": "distance",
    "km": "straight line", "best_mean_minutes": "best then", "best_sites": "sites that are best then",
    "median_minutes": "median",
}  # fmt: skip
UNITS = {
    "latitude": "°", "longitude": "°", "mean_minutes": "min", "worst_minutes": "min", "minutes_if_closed": "min",
    "p90_minutes": "min", "minutes": "min", "next_minutes": "min", "km": "km", "nearest_km": "km",
    "best_mean_minutes": "min", "median_minutes": "min",
}  # fmt: skip


def _show(found: Found, tables: Mapping[str, pa.Table]) -> tuple[Show, ...]:
    wanted: dict[str, tuple[str, tuple[str, ...], str]] = {
        "sites": (
            "The sites",
            ("site", "latitude", "longitude", "points", "weight", "share", "mean_minutes", "worst_minutes",
             "minutes_if_closed", "capacity", "used", "cost", "fixed"),
            "Mean and longest travel time of those whom each serves, and by how much the mean over all would grow if "
            "it were closed.",
        ),
        "compared": (
            "Beside other choices",
            ("choice", "sites", "objective", "mean_minutes", "p90_minutes", "worst_minutes", "within_radius"),
            "What somebody might have chosen, by the same travel times.",
        ),
        **sure.shown(found),
        "market": (
            "Own sites and rivals",
            ("site", "own", "attractiveness", "custom", "share"),
            "How much of the custom each site wins by Huff's model; what is lacking stays at home or reaches no site.",
        ),
        "unreached": ("Out of reach", ("id", "row", "weight", "reason", "nearest", "nearest_km"), ""),
        "calibration": ("How travel times were fitted", (), "Errors are mean shares, on trips that were held out."),
        "assignments": (
            "Whom each site serves",
            ("id", "weight", "site", "minutes", "km", "next_site", "next_minutes"),
            "Those who have furthest come first. The whole table is in tables/assignments.parquet.",
        ),
        "equal": ("As good", (), ""),
    }  # fmt: skip
    bare = {name for name in ("within_radius", "fixed") if _is_bare(found, name)}
    return tuple(
        Show(
            name, title, tuple(c for c in columns if c in tables[name].column_names and c not in bare),
            sort="minutes" if name == "assignments" else "", descending=name == "assignments", rows=50, caption=caption,
            units=UNITS | sure.units(found), labels=LABELS | sure.labels(found),
        )
        for name, (title, columns, caption) in wanted.items()
        if name in tables
    )  # fmt: skip


def _is_bare(found: Found, name: str) -> bool:
    """Whether a column says nothing here."""
    if name == "fixed":
        return not found.candidates.fixed.any()
    return found.question.problem.service_radius is None
