"""How it was done, in paragraphs, and where that is written."""

from __future__ import annotations

from collections.abc import Iterator

from potomac.location.found import Found

__all__ = ["SOURCES", "method"]

SOURCES = (
    "Hakimi, Optimum locations of switching centers and the absolute centers and medians of a graph, Operations "
    "Research 12 (1964).",
    "Daskin, Network and Discrete Location, 2nd ed. (2013).",
    "Resende and Werneck, A fast swap-based local search procedure for location problems, Annals of Operations "
    "Research 150 (2007).",
    "Beasley, A note on solving large p-median problems, European Journal of Operational Research 21 (1985).",
    "García, Labbé and Marín, Solving large p-median problems with a radius formulation, INFORMS Journal on Computing "
    "23 (2011).",
    "Church and ReVelle, The maximal covering location problem, Papers of the Regional Science Association 32 (1974).",
    "Huff, Defining and estimating a trading area, Journal of Marketing 28 (1964).",
    "Love, Morris and Wesolowsky, Facilities Location: Models and Methods (1988), chapter 10: distance functions.",
    "Boscoe, Henry and Zdeb, A nationwide comparison of driving distance versus straight-line distance to hospitals, "
    "The Professional Geographer 64 (2012).",
)

_SOLVERS = {
    "minisum": "p-median: greedy starts and interchange give an answer, an iterated search betters it while a "
    "Lagrangian relaxation raises the bound and fixes sites; branch and bound, and for large p the radius "
    "formulation, close what is left.",
    "minimax": "p-center: bisection over the distinct travel times asks of each whether p sites cover everyone within "
    "it; coverings are reduced by dominance and closed by branch and bound.",
    "quantile": "The quantile is one of the distinct travel times: bisection asks of each whether p sites cover enough "
    "of the weight within it.",
    "max_coverage": "Maximal covering: greedy and interchange from below, a Lagrangian relaxation from above, branch "
    "and bound for the rest.",
    "set_cover": "Set covering: rows and columns that others dominate are taken away, a Lagrangian relaxation bounds "
    "what is left, branch and bound closes it.",
    "fixed_charge": "Facility location with fixed charges: sites are opened as long as they save more than they cost; "
    "a relaxation bounds it and branch and bound closes the gap.",
    "attendance": "Expected attendance: of the people t minutes away a share of 2 to the power of -t over the "
    "half-life comes. The share that stays away is the cost of a p-median, which is solved as one.",
    "market_share": "Huff's model: a site pulls by its attractiveness over the minutes to a power, and the custom of "
    "everyone is shared among all sites, those of rivals and staying at home included, by their pull. What own sites "
    "win is concave in the sites that are opened: tangents bound it, greedy and interchange find sites, branch and "
    "bound closes the gap.",
}
_TRAVEL = {
    "great_circle": "Travel time is the great circle at {speed:g} km/h.",
    "minkowski": "Travel time is Minkowski's distance with exponent {exponent:g}, turned by {rotation:g} degrees, at "
    "{speed:g} km/h.",
    "circuity": "Travel time is the great circle times a circuity factor of {factor:.3g} at {speed:.3g} km/h.",
    "circuity_distance": "Travel time is the great circle times a circuity that falls with the distance.",
    "circuity_surface": "Travel time is the great circle times a pace that depends on distance, direction and place.",
    "circuity_density": "Travel time is the great circle times a circuity and over a speed that depend on how densely "
    "people live at both ends.",
    "road": "Travel time is the quickest way over a road network, with the walk between a point and the road.",
    "matrix": "Travel times are given by pair.",
}


def method(found: Found) -> tuple[str, ...]:
    """Travel times, solver, bound; then what was done to test the answer."""
    return tuple(_paragraphs(found))


def _paragraphs(found: Found) -> Iterator[str]:
    t, problem = found.journeys.travel, found.question.problem
    words = _TRAVEL[t.model].format(speed=t.speed_kmh, factor=t.factor, exponent=t.exponent, rotation=t.rotation)
    if found.journeys.calibration is not None:
        what = "trips whose time is known" if t.sample_pairs is None else "ways over the roads of the study"
        words += f" It was fitted to {found.journeys.calibration.n_fit:,} {what}"
        words += f" and held against {found.journeys.calibration.n_held_out:,} others, then fitted to all of them."
    if t.departure is not None and t.model != "matrix":
        words += f" It is told for a departure at {_clock(t.departure)}."
    yield words
    if problem.anywhere:
        yield _anywhere(found)
    else:
        solver = _SOLVERS[problem.objective]
        if problem.objective == "minisum" and found.candidates.capacity is not None:
            solver = "Capacitated p-median: no site serves more than its capacity; a Lagrangian relaxation gives the "
            solver += "bound, branch and bound closes the gap."
        yield solver
    yield (
        "The bound is what no choice of sites can better, whether or not the best was found; an answer counts as "
        "proven only where objective and bound meet. Ties are broken by id."
    )
    yield from found.robust.method


def _anywhere(found: Found) -> str:
    """How sites anywhere are found: one site has methods of its own."""
    aim, model, sites = found.question.problem.objective, found.journeys.travel.model, found.placement.sites
    new = int((~found.candidates.fixed[sites]).sum())
    alone = new == len(sites) == 1
    if alone and aim == "minisum" and model in ("great_circle", "circuity"):
        return (
            "The site is the geometric median on the sphere, by Weiszfeld's step and at a demand point by that of "
            "Vardi and Zhang."
        )
    if alone and aim == "minimax" and model in ("great_circle", "circuity", "circuity_distance"):
        return "The site is the centre of the smallest circle round everyone who counts."
    words = (
        "Sites may be anywhere: demand points and sites are located in turn from many starts, each site at the best "
        "place for those whom it serves. "
    )
    if new == 1:
        return words + "A search over cells, of which those that can hold nothing better are left out, gives the bound."
    return words + "A relaxation over cells gives the bound."


def _clock(hour: float) -> str:
    whole = int(hour)
    return f"{whole}:{round(60 * (hour - whole)):02d}"
