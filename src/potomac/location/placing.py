"""From points, a model of travel time and a problem straight to the sites: what a program asks that has no study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Quiet
from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.location.asked import numbers
from potomac.location.crs import is_frame
from potomac.location.placement import Placement, indices
from potomac.location.question import COSTED, COVERING, Problem, Solver
from potomac.location.solve import Task, solve
from potomac.location.travel.circuity import Circuity
from potomac.location.travel.matrix import Matrix, array_of_ids, ids_of
from potomac.location.travel.model import TravelModel, checked_model, checked_places

__all__ = ["place_sites"]

Floats = npt.NDArray[np.float64]


def place_sites(
    demand: Any, problem: Problem | None = None, travel: TravelModel | None = None, candidates: Any = None,
    *, weights: Any = None, fixed: Iterable[int] | npt.ArrayLike = (), forbidden: Iterable[int] | npt.ArrayLike = (),
    capacity: Any = None, opening: Any = None, attractiveness: Any = None, rivals: Any = None,
    rival_attractiveness: Any = None, departure: float | None = None, time_limit: float = 60.0, gap: float = 0.0,
    seed: int = 0, progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place sites for demand points: travel times by a model, then the solver that the problem takes.

    The same as the solvers (:func:`~potomac.location.p_median` and its like) on ``travel.minutes(demand, candidates)``.
    Sites anywhere are placed by :func:`~potomac.location.sites_anywhere`.

    Args:
        demand: n places, as :func:`~potomac.location.travel.model.checked_places` takes them: an array of latitude and
            longitude, a table with columns of these names, or a GeoDataFrame of points. Where ``travel`` goes by ids
            (a :class:`~potomac.location.Matrix` of ids, nodes of a :class:`~potomac.location.RoadNetwork`): n ids, for
            the matrix also a table with a column ``id``.
        problem: what is to be found; default one site of the least mean time.
        travel: how people travel; default :class:`~potomac.location.Circuity` with its usual speed.
        candidates: m places or ids; default the demand points.
        weights: of the demand points, shape (n,), or the column of ``demand`` that holds them; default 1 each.
        fixed: candidates that are sites already.
        forbidden: candidates that may not be sites.
        capacity: most weight that each candidate serves, shape (m,), or a column of ``candidates``.
        opening: what each costs, in weight times minutes (fixed_charge, set_cover), likewise.
        attractiveness: what draws people to each (market_share), likewise.
        rivals: r places or ids of sites of others (market_share).
        rival_attractiveness: of those, shape (r,), or a column of ``rivals``.
        departure: hour of the day, 0 to 24; None without traffic.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of the draws.
        progress: told what is done.

    Raises:
        DataError: places, weights or other numbers are none, or a column is not there.
        StudyError: what is asked does not fit together.
        NoAnswer: nothing fulfils it; the message says why.
    """
    problem = Problem() if problem is None else problem
    table = demand if candidates is None else candidates
    model = checked_model(Circuity() if travel is None else travel)
    start, end = _ends(demand, model, "demand"), _ends(table, model, "candidates")
    faults = [*_misfits(problem, capacity, opening, attractiveness, rivals)]
    if faults:
        raise StudyError(faults)
    others = None if rivals is None else _ends(rivals, model, "rivals")
    n, m = len(start), len(end)
    task = Task(
        _minutes(model, start, end, departure), numbers(_column(weights, demand, "weights"), n, "weights", 1.0),
        indices(fixed, m, "fixed"), indices(forbidden, m, "forbidden"), _given(capacity, table, "capacity", m),
        _given(opening, table, "opening", m), seed, _given(attractiveness, table, "attractiveness", m),
        None if others is None else _minutes(model, start, others, departure),
        None if others is None else _given(rival_attractiveness, rivals, "rival_attractiveness", len(others)),
    )  # fmt: skip
    return solve(task, problem, Solver(time_limit, gap), progress or Quiet())


def _ends(given: Any, model: TravelModel, what: str) -> Floats | pa.Array:
    """Places of shape (n, 2), or n ids where the model goes by them.

    Raises:
        DataError: they are neither, or ids that the model does not go by.
    """
    flat = _is_flat(given)
    if isinstance(model, Matrix) and isinstance(model.origins, pa.Array):
        return ids_of(_from(given, "id", what) if is_frame(given) else given, what)
    if flat and hasattr(model, "between"):
        return array_of_ids(given, what)
    if flat and len(given) and isinstance(given[0], str | pa.StringScalar):
        found = f"{what} are ids, and {type(model).__name__} goes by places"
        mend = "Give latitude and longitude, or travel=Matrix(minutes, ids), which goes by ids"
        raise DataError(Fault("location.points", found, "expected two numbers for each", mend, key=what))
    return checked_places(given, what)


def _is_flat(given: Any) -> bool:
    """Whether it is a list of single values."""
    try:
        return not is_frame(given) and np.ndim(given) == 1
    except ValueError:  # rows of several lengths
        return False


def _minutes(model: Any, start: Any, end: Any, departure: float | None) -> Floats:
    """Travel times between places, or as the model goes by ids; of a network they are those of its nodes."""
    by_node = hasattr(model, "between") and isinstance(start, pa.Array) and isinstance(end, pa.Array)
    return np.asarray((model.between if by_node else model.minutes)(start, end, departure))


def _misfits(problem: Problem, capacity: Any, opening: Any, attractiveness: Any, rivals: Any) -> Iterator[Fault]:
    """What is given and not counted by the objective, or counted and not given."""
    kind = problem.objective
    if problem.anywhere:
        yield Fault("location.anywhere", "sites anywhere need no candidates", "", "Ask sites_anywhere", key="problem")
    if kind in COVERING and problem.service_radius is None:
        found = f"{kind} needs a radius"
        yield Fault(
            "location.radius-missing", found, "", "Give the problem a service_radius, in minutes", key="problem"
        )
    if kind == "fixed_charge" and opening is None:
        yield Fault("location.cost-missing", "fixed_charge needs what a site costs", "", "Give opening", key="opening")
    if kind == "market_share" and rivals is None and not problem.staying:
        found = "without rivals and without staying at home everybody comes to any site"
        yield Fault("location.rivals-missing", found, "", "Give rivals, or the problem a staying", key="rivals")
    counted = {
        "capacity": (capacity, ("minisum", "fixed_charge")), "opening": (opening, COSTED),
        "attractiveness": (attractiveness, ("market_share",)), "rivals": (rivals, ("market_share",)),
    }  # fmt: skip
    for name, (given, kinds) in counted.items():
        if given is not None and kind not in kinds:
            found = f"{kind} makes nothing of {name}"
            yield Fault("location.needless", found, f"expected {' or '.join(kinds)}", f"Take {name} away", key=name)


def _given(values: Any, table: Any, what: str, count: int) -> Floats | None:
    """Numbers that may be missing, shape (count,)."""
    return None if values is None else numbers(_column(values, table, what), count, what)


def _column(values: Any, table: Any, what: str) -> Any:
    """The values, or those of the column that they name."""
    return np.asarray(_from(table, values, what), dtype=np.float64) if isinstance(values, str) else values


def _from(table: Any, name: str, what: str) -> Any:
    """A column of a table.

    Raises:
        DataError: it has none of this name.
    """
    names = [str(one) for one in getattr(table, "column_names", getattr(table, "columns", ()))]
    if not is_frame(table) or name not in names:
        found = f"there is no column {name!r} for {what}"
        expected = f"expected one of {listing(names)}" if names else "expected numbers, as the places have no columns"
        raise DataError(Fault("data.column-missing", found, expected, did_you_mean(name, names), key=what))
    return table[name]
