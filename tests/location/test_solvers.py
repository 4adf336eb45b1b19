"""What holds for every solver alike: enumeration agrees, units do not matter, and what makes no sense is refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac import location
from potomac.errors import DataError, NoAnswer, PotomacError, StudyError
from potomac.location import asked, covering, ties
from potomac.location.asked import Met
from potomac.location.asked import asked as ask_of
from potomac.location.covers import apart
from potomac.location.facility import search
from potomac.location.gravity import Decay
from potomac.location.placement import Placement

pytestmark = pytest.mark.filterwarnings("error")

Floats = npt.NDArray[np.float64]
Sites = tuple[int, ...]

NEAR = 2e-9
"""Twice what solvers take for equal."""


# ---- small problems, and their answers by enumeration -------------------------------------------------------------


class Small:
    """Up to 7 demand points and 6 candidates: ties, zeros, infinities, weights of 0, fixed and forbidden candidates."""

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        n, m = int(draw.integers(1, 8)), int(draw.integers(1, 7))
        cost = [
            draw.integers(0, 5, (n, m)) * 1.0,
            draw.random((n, m)) * 30,
            np.round(draw.random((n, m)) * 10, 1) * 10.0 ** draw.integers(-3, 4, (n, m)),
        ][seed % 3]
        if draw.random() < 0.4:
            cost[draw.random((n, m)) < draw.choice([0.1, 0.3, 0.6])] = np.inf
        weight = draw.integers(0, 4, n) * 1.0 if draw.random() < 0.6 else draw.random(n)
        weight[0] += not weight.any()
        order, k, b = draw.permutation(m), int(draw.integers(0, 2)), int(draw.integers(0, 2))
        self.cost, self.weight, self.p = cost, weight, int(draw.integers(1, m + 1))
        self.fixed, self.forbidden = sorted(order[:k].tolist()), sorted(order[k : k + b].tolist())
        self.demand = draw.integers(0, 6, n) * 1.0 if draw.random() < 0.6 else draw.random(n)
        self.capacity = draw.integers(0, 12, m) * 1.0 if draw.random() < 0.6 else draw.random(m) * self.demand.sum()
        self.capacity[draw.random(m) < 0.1] = np.inf
        self.opening: Floats = draw.integers(0, 8, m).astype(np.float64) if draw.random() < 0.6 else draw.random(m) * 5
        finite = cost[np.isfinite(cost)]
        self.radius = float(draw.choice(finite)) if len(finite) else 1.0
        self.share, self.half_life = float(draw.choice([0.5, 0.75, 0.9, 1.0])), float(draw.choice([1, 5, 15]))
        self.staying = draw.random(n) * (draw.random(n) < 0.7)
        counts = weight[:, None] > 0
        self.toll = np.where(counts, np.where(np.isfinite(cost), cost, 0.0) * weight[:, None], 0.0)
        self.toll[counts & ~np.isfinite(cost)] = np.inf

    def placements(self, p: int | None) -> Iterator[Sites]:
        free = [j for j in range(self.cost.shape[1]) if j not in self.fixed and j not in self.forbidden]
        counts = range(len(free) + 1) if p is None else range(p - len(self.fixed), p - len(self.fixed) + 1)
        for k in counts:
            if k >= 0:
                yield from (tuple(sorted([*self.fixed, *some])) for some in combinations(free, k))

    def quantile(self, sites: Sites) -> float:
        least = self.cost[:, sites].min(axis=1)
        order = np.argsort(least, kind="stable")
        within = np.cumsum(self.weight[order])
        k = int((within < self.share * self.weight.sum() * (1 - 1e-12)).sum())
        return float(least[order[min(k, len(least) - 1)]])

    def covered(self, sites: Sites) -> float:
        return float(self.weight[self._near(sites)].sum())

    def _near(self, sites: Sites) -> npt.NDArray[np.bool_]:
        some = self.cost[:, sites]
        return np.asarray(((some <= self.radius) & np.isfinite(some)).any(axis=1))

    def covering(self, sites: Sites) -> float:
        return float(self.opening[list(sites)].sum()) if self._near(sites)[self.weight > 0].all() else np.inf

    def whole(self, sites: Sites, opening: Floats) -> float:
        """The least cost where each demand point that counts has one site with room."""
        cost = np.where(np.isfinite(self.cost), self.toll, np.inf)
        some = [i for i in np.argsort(-self.demand) if self.weight[i] > 0 or self.demand[i] > 0]
        room = dict(zip(sites, self.capacity[list(sites)], strict=True))
        best = [np.inf]

        def served(k: int, paid: float) -> None:
            if paid >= best[0]:
                return
            if k == len(some):
                best[0] = paid
                return
            i = some[k]
            for j in sites:
                if cost[i, j] < np.inf and self.demand[i] <= room[j] + 1e-12 * self.capacity[j]:
                    kept, room[j] = room[j], room[j] - self.demand[i]
                    served(k + 1, paid + cost[i, j])
                    room[j] = kept

        served(0, 0.0)
        return float(best[0] + opening[list(sites)].sum())

    def came(self, sites: Sites) -> float:
        """Expected attendance; none at all where nobody comes to any candidate."""
        share = np.exp2(-self.cost / self.half_life)
        some = share[:, [j for j in range(share.shape[1]) if j not in self.forbidden]]
        return float(self.weight @ share[:, sites].max(axis=1)) if (self.weight @ some).any() else -np.inf

    def won(self, sites: Sites) -> float:
        pull = np.exp2(-self.cost / self.half_life)[:, sites].sum(axis=1)
        share = np.divide(pull, pull + self.staying, out=np.zeros_like(pull), where=pull > 0)
        return float(self.weight @ share) if self.came(sites) > -np.inf else -np.inf


class Problem:
    """A solver, its objective by definition, and how that follows the units c of costs and w of weights."""

    def __init__(
        self, solve: Callable[[Small, float, float, dict[str, Any]], Placement], value: Callable[[Small, Sites], float],
        unit: Callable[[float, float], float] = lambda c, w: c * w, *, p: bool = True, most: bool = False,
        empty: bool = False,
    ) -> None:  # fmt: skip
        self.solve, self.value, self.unit, self.p, self.sign, self.empty = (
            solve,
            value,
            unit,
            p,
            -1 if most else 1,
            empty,
        )

    def best(self, s: Small) -> tuple[float, list[Sites]]:
        """The best objective, and all placements that have it; infinite where there is none."""
        if self.p and not len(s.fixed) <= s.p <= s.cost.shape[1] - len(s.forbidden):
            return np.inf, []
        some = [one for one in s.placements(s.p if self.p else None) if one or self.empty]
        values = np.array([self.sign * self.value(s, one) for one in some], dtype=np.float64)
        least = values.min(initial=np.inf)
        equal = [one for one, v in zip(some, values, strict=True) if v <= least + 1e-9 * abs(least)]
        return self.sign * float(least), equal if np.isfinite(least) else []


def none(s: Small) -> Floats:
    return np.zeros(s.cost.shape[1])


PROBLEMS = {
    "p_median": Problem(
        lambda s, c, w, k: location.p_median(s.cost * c, s.p, s.weight * w, **k),
        lambda s, sites: float(s.toll[:, sites].min(axis=1).sum()),
    ),
    "p_median within a radius": Problem(
        lambda s, c, w, k: location.p_median(s.cost * c, s.p, s.weight * w, service_radius=s.radius * c, **k),
        lambda s, sites: float(s.toll[:, sites].min(axis=1).sum())
        if (s.cost[:, sites].min(axis=1) <= s.radius)[s.weight > 0].all() else np.inf,
    ),
    "p_center": Problem(
        lambda s, c, w, k: location.p_center(s.cost * c, s.p, s.weight * w, **k),
        lambda s, sites: float(s.toll[:, sites].min(axis=1)[s.weight > 0].max()),
    ),
    "p_quantile": Problem(
        lambda s, c, w, k: location.p_quantile(s.cost * c, s.p, s.share, s.weight * w, **k),
        Small.quantile, lambda c, w: c,
    ),
    "max_coverage": Problem(
        lambda s, c, w, k: location.max_coverage(s.cost * c, s.p, s.radius * c, s.weight * w, **k),
        Small.covered, lambda c, w: w, most=True,
    ),
    "set_cover": Problem(
        lambda s, c, w, k: location.set_cover(s.cost * c, s.radius * c, None, s.weight * w, **k),
        lambda s, sites: len(sites) if s.covering(sites) < np.inf else np.inf, lambda c, w: 1.0, p=False, empty=True,
    ),
    "set_cover with costs": Problem(
        lambda s, c, w, k: location.set_cover(s.cost * c, s.radius * c, s.opening * c, s.weight * w, **k),
        Small.covering, lambda c, w: c, p=False, empty=True,
    ),
    "fixed_charge": Problem(
        lambda s, c, w, k: location.fixed_charge(s.cost * c, s.opening * c * w, s.weight * w, **k),
        lambda s, sites: float(s.toll[:, sites].min(axis=1).sum() + s.opening[list(sites)].sum()), p=False,
    ),
    "fixed_charge with capacities": Problem(
        lambda s, c, w, k: location.fixed_charge(
            s.cost * c, s.opening * c * w, s.weight * w, demand=s.demand * w, capacity=s.capacity * w, **k
        ),
        lambda s, sites: s.whole(sites, s.opening), p=False,
    ),
    "capacitated_p_median": Problem(
        lambda s, c, w, k: location.capacitated_p_median(
            s.cost * c, s.p, s.demand * w, s.capacity * w, s.weight * w, **k
        ),
        lambda s, sites: s.whole(sites, none(s)),
    ),
    "max_attendance": Problem(
        lambda s, c, w, k: location.max_attendance(s.cost * c, s.p, s.weight * w, half_life=s.half_life * c, **k),
        Small.came, lambda c, w: w, most=True,
    ),
    "max_huff": Problem(
        lambda s, c, w, k: location.max_huff(
            s.cost * c, s.p, s.weight * w, decay=Decay(half_life=s.half_life * c), staying=s.staying, **k
        ),
        Small.won, lambda c, w: w, most=True,
    ),
}  # fmt: skip


@pytest.fixture(params=["looked at", "searched"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small problems are looked at whole, or searched as if they were large."""
    if request.param == "searched":
        monkeypatch.setattr(asked, "FEW", -1)
        monkeypatch.setattr(covering, "FEW", -1)
        monkeypatch.setattr(search, "LOOKS", -1)
    return str(request.param)


def agrees(name: str, seed: int, c: float, w: float) -> None:
    """A solver finds what enumeration finds, whatever the units."""
    problem, s = PROBLEMS[name], Small(seed)
    best, equal = problem.best(s)
    more = {"fixed": s.fixed, "forbidden": s.forbidden}
    if not equal:
        with pytest.raises(NoAnswer) as error:
            problem.solve(s, c, w, more)
        assert error.value.faults[0].mend
        return
    found, best = problem.solve(s, c, w, more), best * problem.unit(c, w)
    assert found.proven
    assert found.status == "optimal"
    assert found.objective == pytest.approx(best, rel=NEAR, abs=0)
    assert found.bound == found.objective
    for sites in (found.sites, *found.equal):
        assert tuple(sites.tolist()) in equal
    if found.ties == "all" and name != "set_cover with costs":  # which looks at no sets that hold a spare site
        assert tuple(found.sites.tolist()) == min(equal)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", PROBLEMS)
@settings(max_examples=30)
@given(seed=st.integers(0, 100_000))
def test_equals_enumeration(name: str, seed: int) -> None:
    agrees(name, seed, 1.0, 1.0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("units", [(1e-12, 1.0), (1e12, 1.0), (1.0, 1e-12), (1.0, 1e12), (1e-9, 1e-9), (1e100, 1e30)])
def test_units_change_nothing(name: str, units: tuple[float, float]) -> None:
    """Costs and weights times anything: the same placements are optimal, and proven."""
    for seed in range(12):
        agrees(name, seed, *units)


# ---- what makes no sense ------------------------------------------------------------------------------------------

COST = np.array([[0.0, 3.0, 5.0], [2.0, 0.0, 4.0], [6.0, 1.0, 0.0]])

SOLVERS: Mapping[str, tuple[Callable[..., Placement], dict[str, Any]]] = {
    "p_median": (location.p_median, {"cost": COST, "p": 2, "service_radius": 9.0}),
    "p_center": (location.p_center, {"cost": COST, "p": 2}),
    "p_quantile": (location.p_quantile, {"cost": COST, "p": 2, "share": 0.9}),
    "max_coverage": (location.max_coverage, {"cost": COST, "p": 2, "radius": 2.0}),
    "set_cover": (location.set_cover, {"cost": COST, "radius": 2.0, "opening": 1.0}),
    "fixed_charge": (
        location.fixed_charge, {"cost": COST, "p": 2, "opening": [1, 2, 3], "demand": [1, 1, 1], "capacity": [2, 2, 2]}
    ),
    "capacitated_p_median": (
        location.capacitated_p_median, {"cost": COST, "p": 2, "demand": [1, 1, 1], "capacity": [2, 2, 2]}
    ),
    "max_attendance": (location.max_attendance, {"minutes": COST, "p": 2, "half_life": 9.0}),
    "max_huff": (location.max_huff, {"minutes": COST, "p": 2, "attractiveness": [1, 1, 1], "staying": 1.0}),
}  # fmt: skip

LIMITS = {"gap": 0.0, "time_limit": 60.0, "seed": 0, "fixed": [], "forbidden": [], "weights": [1, 1, 1]}

NO_NUMBERS: list[Any] = [
    np.nan, -np.inf, -1, -0.5, True, False, np.bool_(True), "x", "2", b"2", 2j, [2], {}, object(), 10**400, 10**5000,
]  # fmt: skip

ENDLESS = ("time_limit", "radius", "service_radius", "capacity")
"""Where infinity means that there is no limit."""

LEFT_OUT = ("service_radius", "weights")
"""What may be None in every solver that has it."""


def wrong(name: str, key: str) -> list[Any]:
    """Values that make no sense for an argument of a solver."""
    some: list[Any] = [*NO_NUMBERS]
    if key not in ENDLESS:
        some.append(np.inf)
    if key not in LEFT_OUT and (name, key) not in {
        ("set_cover", "opening"), ("fixed_charge", "p"), ("fixed_charge", "capacity"), ("max_huff", "attractiveness"),
        ("max_huff", "staying"),
    } and not (name == "fixed_charge" and key == "demand"):  # fmt: skip
        some.append(None)
    if key in ("fixed", "forbidden"):
        return [
            None, 1, "x", 1.5, True, [1.5], [np.nan], [np.inf], [-1], [3], ["1"], [True], [None], [[0]], [2j],
            [10**400], [10**30], {"a": 1},
        ]  # fmt: skip
    extra: dict[str, list[Any]] = {
        "p": [0, 1.5, "2", np.array([1, 2])], "seed": [1.5], "gap": [1.5, 2], "share": [0, 1.5], "half_life": [0],
        "weights": [[0, 0, 0], [1, 1], [1, -1, 1], [1, None, 1], ["1", "1", "1"], [1j, 1, 1], [1, [2], 3]],
        "minutes": [-COST, COST + 0j, COST.astype(str), [["a"]], [[None]], [[1], [1, 2]], np.nan * COST],
        "cost": [COST + 0j, COST.astype(str), [["a"]], [[None]], [[1], [1, 2]], np.nan * COST, -np.inf * (COST + 1)],
    }  # fmt: skip
    return some + extra.get(key, [])


CASES = [(name, key) for name, (_, keys) in SOLVERS.items() for key in {**keys, **LIMITS}]


@pytest.mark.parametrize(("name", "key"), CASES)
def test_what_makes_no_sense_is_refused_with_a_word_on_what_would(name: str, key: str) -> None:
    solve, usual = SOLVERS[name]
    for value in wrong(name, key):
        with pytest.raises(PotomacError) as error:
            solve(**{**usual, key: value})
        first = error.value.faults[0]
        assert first.found
        assert first.expected or first.mend
        assert first.key in (key, "cost")
        assert len(str(first)) < 400


def test_every_argument_that_a_solver_has_is_looked_at() -> None:
    """``start`` names candidates as ``fixed`` does; the others are no numbers."""
    for name, (solve, usual) in SOLVERS.items():
        others = {"single_source", "progress", "decay", "rivals", "rival_attractiveness", "start"}
        assert set(inspect.signature(solve).parameters) - others == {*usual, *LIMITS}, name


def test_no_limit_is_infinity() -> None:
    for solve, usual in SOLVERS.values():
        assert solve(**{**usual, "time_limit": np.inf}).proven
    assert location.max_coverage(COST, 1, np.inf).objective == 3
    assert location.p_median(COST, 1, service_radius=np.inf).sites.tolist() == [1]


@pytest.mark.parametrize("decay", [None, 2.0, "fast", Decay(half_life=0), Decay(least=np.nan), Decay(exponent=-1)])
def test_a_decay_that_is_none_is_refused(decay: Any) -> None:
    with pytest.raises(StudyError):
        location.max_huff(COST, 1, decay=decay)
    with pytest.raises(StudyError):
        location.huff(COST, decay=decay)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("gap", [0.1, 0.5])
def test_an_answer_within_the_gap_is_within_it(name: str, gap: float) -> None:
    """The objective is as near to that of enumeration as was asked, the bound on the other side of it."""
    for seed in range(40):
        s, problem = Small(seed), PROBLEMS[name]
        best, equal = problem.best(s)
        if not equal:
            continue
        found = problem.solve(s, 1.0, 1.0, {"fixed": s.fixed, "forbidden": s.forbidden, "gap": gap})
        assert found.status in ("optimal", "within_gap")
        assert found.gap <= gap
        assert abs(found.objective - best) <= gap * max(abs(found.objective), abs(best)) * (1 + NEAR)
        assert problem.sign * found.bound <= problem.sign * best + NEAR * abs(best)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", PROBLEMS)
def test_without_time_no_bound_is_false(name: str) -> None:
    for seed in range(40):
        s, problem = Small(seed), PROBLEMS[name]
        best, equal = problem.best(s)
        try:
            found = problem.solve(s, 1.0, 1.0, {"fixed": s.fixed, "forbidden": s.forbidden, "time_limit": 0.0})
        except NoAnswer as error:
            if equal and "in time" not in str(error):
                pytest.fail(f"{s.p} sites could: {error}")
            continue
        assert problem.sign * found.bound <= problem.sign * best + NEAR * abs(best)
        assert problem.sign * found.objective >= problem.sign * best - NEAR * abs(best)
        assert found.proven == (found.status == "optimal")


def test_numbers_of_numpy_are_numbers() -> None:
    found = location.p_median(COST, np.int64(1), time_limit=np.float32(5), gap=np.array(0.0), seed=np.uint8(3))  # type: ignore[arg-type]
    assert found.sites.tolist() == [1]


@pytest.mark.parametrize("size", [1e308, 1e200, 1e-200, 5e-324])
@pytest.mark.parametrize(
    ("name", "key"),
    [
        one
        for one in CASES
        if one[1] in ("cost", "minutes", "weights", "demand", "capacity", "opening", "attractiveness", "staying")
    ],
)
def test_numbers_that_overflow_or_vanish_are_refused(name: str, key: str, size: float) -> None:
    """A sum of two of 1e308 is infinite, and a product of two of 1e-200 is 0: neither says what is best."""
    solve, usual = SOLVERS[name]
    value = np.where(COST > 0, size, 0.0) if key in ("cost", "minutes") else np.full(3, size)
    with pytest.raises(DataError, match=r"sums of them overflow|products of them vanish") as error:
        solve(**{**usual, key: value})
    assert "unit" in error.value.faults[0].mend


@pytest.mark.parametrize(("size", "scale"), [(1e308, 1.0), (1e130, 1e200), (1e-200, 1.0), (1.0, 1e-310)])
def test_points_whose_distances_overflow_or_vanish_are_refused(size: float, scale: float) -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]) * (size / 2)
    with pytest.raises(DataError, match=r"overflow|vanish"):
        location.p_median(location.Nearby(points, scale=scale), 1, np.full(3, 1e-20 if scale < 1 else 1.0))


@pytest.mark.parametrize("size", [1e139, 1e-139])
def test_numbers_that_just_do_not_are_answered(size: float) -> None:
    found = location.p_median(COST * size / 6, 1, np.full(3, size))
    assert found.sites.tolist() == [1]
    assert found.proven
    assert found.objective == pytest.approx(4 / 6 * size * size)


# ---- equal placements ---------------------------------------------------------------------------------------------


def test_exchanges_lead_to_the_first_of_equal_placements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six crowds of three candidates that are all as good: the first of each crowd comes first."""
    monkeypatch.setattr(asked, "FEW", -1)
    monkeypatch.setattr(covering, "FEW", -1)
    monkeypatch.setattr(search, "LOOKS", -1)
    crowd = np.arange(18) % 6
    cost = np.where(crowd[:6, None] == crowd[None, :], 1.0, 9.0)
    first = list(range(6))
    answers = [
        location.p_median(cost, 6), location.p_center(cost, 6), location.p_quantile(cost, 6, 1.0),
        location.max_coverage(cost, 6, 2.0), location.set_cover(cost, 2.0), location.fixed_charge(cost, 2.0),
    ]  # fmt: skip
    for found in answers:
        assert found.sites.tolist() == first
        assert found.ties == "exchange"
        assert found.proven


def test_two_sites_are_exchanged_where_one_alone_would_cost() -> None:
    """Candidates 0 and 1 together serve as well as 2 and 3, and no other two do."""
    cost = np.array([[1.0, 2.0, 1.0, 2.0], [2.0, 1.0, 2.0, 1.0], [1.0, 2.0, 2.0, 1.0], [2.0, 1.0, 1.0, 2.0]])
    met = Met()
    met.offer([2, 3], 4.0)
    assert cost[:, [0, 2]].min(axis=1).sum() > 4
    assert ties._moved(met, ask_of(4, 2, (), ()), cost, np.zeros(4), False, 4.0 + 1e-9)
    assert met.sites.tolist() == [0, 1]
    assert [one.tolist() for one in met.equal] == [[2, 3]]


@settings(max_examples=60)
@given(seed=st.integers(0, 100_000))
def test_no_exchange_of_one_or_two_leads_to_an_equal_placement_before(seed: int) -> None:
    draw = np.random.default_rng(seed)
    m, p, worst = int(draw.integers(4, 9)), int(draw.integers(2, 4)), bool(seed % 2)
    cost: Floats = draw.integers(0, 4, (6, m)).astype(np.float64)
    price: Floats = draw.integers(0, 2, m).astype(np.float64)
    kept = draw.permutation(m)[:1]
    ask = ask_of(m, p, kept, ())

    def value(sites: Sites) -> float:
        least = cost[:, sites].min(axis=1)
        return float((least.max() if worst else least.sum()) + price[list(sites)].sum())

    every = [one for one in combinations(range(m), p) if set(kept) <= set(one)]
    least = min(map(value, every))
    equal = [one for one in every if value(one) == least]
    met = Met()
    met.offer(equal[-1], least)
    assert ties._moved(met, ask, cost, price, worst, least)
    end = tuple(met.sites.tolist())
    assert end in equal
    for one in equal:
        if one < end:
            assert len(set(end) - set(one)) > 2


def test_of_many_equal_placements_the_first_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "KEPT", 5)
    met = Met()
    for j in reversed(range(40)):
        met.offer([j], 1.0)
    assert [met.sites.tolist(), *(one.tolist() for one in met.equal)] == [[0], [1], [2], [3], [4]]


def test_without_a_proof_no_equals_are_sought() -> None:
    cost = np.random.default_rng(9).random((200, 200))
    found = location.p_center(cost, 20, time_limit=0.0)
    assert not found.proven
    assert found.ties == "met"


# ---- why there is no answer ---------------------------------------------------------------------------------------

ISLANDS = np.where(np.kron(np.eye(3), np.ones((4, 4))) > 0, 1.0, np.inf)
"""Three islands of four points."""


@pytest.mark.parametrize(
    ("solve", "said"),
    [
        (lambda: location.p_median(ISLANDS, 2), "takes at least 3; no candidate reaches two of demand points 0, 4, 8"),
        (lambda: location.p_center(ISLANDS, 2), "takes at least 3; no candidate reaches two of demand points 0, 4, 8"),
        (lambda: location.p_center(ISLANDS, 2, fixed=[0]), "but the fixed ones reaches two of demand points 4, 8"),
        (lambda: location.p_center(ISLANDS, 1, fixed=[5]), "fixed sites do not reach demand point 0, 1, 2, 3, 8, 9"),
        (lambda: location.fixed_charge(ISLANDS, 1.0, p=2), "no candidate reaches two of demand points 0, 4, 8"),
        (lambda: location.p_quantile(ISLANDS, 2, 0.9), "reach 0.667 of it, and not demand point 8, 9, 10, 11"),
        (lambda: location.p_median(COST, 1, fixed=[0, 2]), "below the number of fixed sites, 2: candidate 0, 2"),
        (lambda: location.p_median(COST, 1, service_radius=1), "smallest radius that they can is 3; .*demand point"),
        (lambda: location.set_cover(COST + 1, 0.5), "demand point 0, 1, 2 have no candidate within 0.5; .* is 1.0"),
        (lambda: location.capacitated_p_median(COST, 2, [3, 3, 3], 5), "demand is 9, and 2 sites hold at most 10"),
        (lambda: location.capacitated_p_median(COST, 2, [3, 3, 3], 4), "hold 8 of a demand of 9: 1 too little"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_with_whom_and_how_much(solve: Callable[[], Placement], said: str) -> None:
    with pytest.raises(NoAnswer, match=said) as error:
        solve()
    assert error.value.faults[0].mend


@pytest.mark.parametrize("name", SOLVERS)
def test_candidates_that_are_all_forbidden(name: str) -> None:
    solve, usual = SOLVERS[name]
    with pytest.raises(NoAnswer, match="all 3 candidates are forbidden"):
        solve(**{**usual, "forbidden": [0, 1, 2]})


@settings(max_examples=60)
@given(seed=st.integers(0, 100_000))
def test_rows_apart_share_no_column_and_are_no_more_than_a_cover_takes(seed: int) -> None:
    draw = np.random.default_rng(seed)
    near = draw.random((8, 6)) < 0.4
    alone = apart(near, 99)
    assert (near[alone].sum(axis=0) <= 1).all()
    some = near[np.flatnonzero(near.any(axis=1))]
    covers = [k for k in range(7) for one in combinations(range(6), k) if some[:, one].any(axis=1).all()]
    assert len(alone) <= min(covers)


def test_a_cover_without_costs_counts_its_sites() -> None:
    """Sites 1 and 2 reach all within 2 and so do 0 and 2, no one site does."""
    found = location.set_cover(COST, 2.0)
    assert found.objective == len(found.sites) == 2
    with pytest.raises(StudyError, match="share is 0"):
        location.p_quantile(COST, 1, 0)


def test_masked_costs_are_missing_ones() -> None:
    cost = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, False], [True, False]])
    with pytest.raises(DataError, match="demand point 1 from candidate 0 is nan"):
        location.p_median(cost, 1)


def test_costs_that_cannot_be_written_are_costs() -> None:
    cost = np.array([[1.0, 2.0], [3.0, 0.0]])
    cost.flags.writeable = False
    assert location.p_median(cost, 1).objective == 2.0
    assert not cost.flags.writeable
