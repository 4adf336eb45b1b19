"""Ranking and selection: the chance to be right, counted over many tries on means that are known."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.errors import StudyError
from potomac.simulation.distributions import exponential
from potomac.simulation.model import Model
from potomac.simulation.selection import Draw, kn, ocba, ocba_shares, select


def normals(means: list[float], sd: list[float], seed: int, shared: float = 0.0) -> Draw:
    """Scenarios whose replications are normal; ``shared`` is what they have in common, replication by replication."""
    own = [np.random.default_rng([seed, i]).normal(size=4000) for i in range(len(means))]
    common = np.random.default_rng([seed, 99]).normal(size=4000)

    def draw(i: int, start: int, stop: int) -> np.ndarray:
        return means[i] + sd[i] * own[i][start:stop] + shared * common[start:stop]

    return draw


@pytest.mark.parametrize("shared", [0.0, 2.0])
def test_kn_finds_the_best_as_often_as_it_promises(shared: float) -> None:
    """Slippage: all others are just delta behind, the hardest case that the guarantee covers."""
    right = [
        kn(normals([0.5, 0, 0, 0, 0], [1, 1, 2, 1, 0.5], s, shared), 5, 0.5, confidence=0.9)[0] == 0 for s in range(300)
    ]
    assert np.mean(right) > 0.9 - 3 * np.sqrt(0.9 * 0.1 / 300)


def test_kn_spends_less_on_scenarios_that_are_far_behind() -> None:
    _, n, means, left = kn(normals([0.0, 0.1, 3.0, 3.3], [1, 1, 1, 1], 1), 4, 0.2)
    assert left == [3]
    assert n[3] > 2 * n[0]
    assert n[0] == 20
    assert means[0] == pytest.approx(0.0, abs=1.0)


def test_kn_stops_at_its_most_and_says_who_is_left() -> None:
    best, n, _, left = kn(normals([0.0, 0.0], [1, 1], 3), 2, 0.01, most=50)
    assert sorted(left) == [0, 1]
    assert n.tolist() == [50, 50]
    assert best in left


def test_common_numbers_make_kn_stop_sooner() -> None:
    alone = sum(kn(normals([0, 0.3], [2.5, 2.5], s), 2, 0.3)[1].sum() for s in range(20))
    together = sum(kn(normals([0, 0.3], [1.5, 1.5], s, shared=2.0), 2, 0.3)[1].sum() for s in range(20))
    assert together < 0.7 * alone  # the same variance of each, of the difference 4.5 in place of 12.5


def test_shares_follow_the_formula() -> None:
    """Chen and Lee 2011, section 3: ratio (s_i / d_i)^2, the best by the root of the sum of squares."""
    share = ocba_shares(np.array([5.0, 4.0, 3.0]), np.array([1.0, 1.0, 3.0]))
    assert share[1] / share[2] == pytest.approx((1 / 1) ** 2 / (3 / 2) ** 2)
    assert share[0] == pytest.approx(np.sqrt(share[1] ** 2 + (share[2] / 3) ** 2))
    assert share.sum() == pytest.approx(1)


def test_shares_of_scenarios_that_are_alike_or_do_not_vary_are_numbers() -> None:
    assert np.isfinite(ocba_shares(np.zeros(3), np.ones(3))).all()
    assert np.isfinite(ocba_shares(np.array([1.0, 2.0]), np.zeros(2))).all()


def test_ocba_is_right_more_often_than_equal_shares() -> None:
    means, sd = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], [1.0] * 6
    right = equal = 0
    for seed in range(250):
        draw = normals(means, sd, seed)
        best, n, _, _ = ocba(draw, 6, 300, first=10)
        assert n.sum() == 300
        right += best == 5
        equal += int(np.argmax([draw(i, 0, 50).mean() for i in range(6)])) == 5
    assert right > equal


def desk(servers: int) -> Model:
    m = Model().source("a", interarrival=exponential(1.0), to="s")
    return m.station("s", servers=servers, service=exponential(0.9 * servers))


def test_the_best_desk_is_found() -> None:
    """One fast server beats slow ones together as fast: time in system 9 against 9.47 (c = 2) and 10.1 (c = 3)."""
    models = {str(c): desk(c) for c in (3, 1, 2)}
    s = select(models, "time_in_system", delta=0.5, until=20_000.0, most=300)
    assert s.best == "1"
    assert s.left == ("1",)
    assert s.reached
    s = select(models, "time_in_system", budget=150, until=20_000.0)
    assert sum(s.replications.values()) == 150
    assert s.best in ("1", "2")
    assert s.means["1"] == pytest.approx(9.0, rel=0.1)


def test_bad_questions_are_refused() -> None:
    two = {"1": desk(1), "2": desk(2)}
    for wrong in ({}, {"delta": 1.0, "budget": 100}, {"delta": 0.0}, {"budget": 30}, {"delta": 1.0, "confidence": 0.4}):
        with pytest.raises(StudyError):
            select(two, **wrong)
    with pytest.raises(StudyError, match="two or more"):
        select({"1": desk(1)}, delta=1.0)
