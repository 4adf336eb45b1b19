"""Sensitivity against closed forms: Ishigami's function, Sobol's g-function, sums."""

import sys
from math import pi

import numpy as np
import pytest

from potomac.errors import StudyError
from potomac.simulation.distributions import deterministic, normal, poisson, uniform
from potomac.simulation.expressions import formula
from potomac.simulation.montecarlo import Drawn, cards, dice, sensitivity

A, B = 7, 0.1
CUBE = {f"x{i}": uniform(-pi, pi) for i in (1, 2, 3)}


def ishigami(x):
    """Ishigami and Homma (1990)."""
    return np.sin(x["x1"]) + A * np.sin(x["x2"]) ** 2 + B * x["x3"] ** 4 * np.sin(x["x1"])


V1, V2, V13 = (1 + B * pi**4 / 5) ** 2 / 2, A**2 / 8, B**2 * pi**8 * 8 / 225
V = V1 + V2 + V13
FIRST, TOTAL = (V1 / V, V2 / V, 0.0), ((V1 + V13) / V, V2 / V, V13 / V)
"""Its variances (Saltelli and others 2008, Global Sensitivity Analysis, 4.9): .3139, .4424, 0; .5576, .4424, .2437."""


def told(found, index, value=None):
    return [i for i in found.indices if i.index == index and value in (None, i.value)]


def test_ishigami_by_sobol():
    found = sensitivity(ishigami, CUBE, samples=20_000, seed=1)
    for index, exact in (("first", FIRST), ("total", TOTAL)):
        for i, share in zip(told(found, index), exact, strict=True):
            assert i.low - 0.01 <= share <= i.high + 0.01, i
            assert i.mean == pytest.approx(share, abs=0.05)
    assert [i.input for i in found.ranked()] == ["x1", "x2", "x3"]
    assert found.samples == 4096 * 5  # N (k + 2)


@pytest.mark.parametrize("method", ["fast", "rbd_fast"])
def test_ishigami_by_fourier_series(method):
    found = sensitivity(ishigami, CUBE, method, samples=12_000, seed=2)
    assert [i.mean for i in told(found, "first")] == pytest.approx(FIRST, abs=0.02)
    if method == "fast":
        assert [i.mean for i in told(found, "total")] == pytest.approx(TOTAL, abs=0.05)


def test_sobols_g_function():
    """Product of (|4 x - 2| + a) / (1 + a): V_i = 1 / (3 (1 + a)^2), V = prod(1 + V_i) - 1 (Saltelli 2010)."""
    a = np.array([0, 1, 4.5, 9])
    names = [f"x{i}" for i in range(4)]

    def g(x):
        return np.prod([(np.abs(4 * x[n] - 2) + c) / (1 + c) for n, c in zip(names, a, strict=True)], axis=0)

    each = 1 / (3 * (1 + a) ** 2)
    whole = np.prod(1 + each) - 1
    total = each * np.array([np.prod(np.delete(1 + each, i)) for i in range(4)]) / whole
    found = sensitivity(g, dict.fromkeys(names, uniform(0, 1)), samples=20_000, seed=3)
    assert [i.mean for i in told(found, "first")] == pytest.approx(each / whole, abs=0.03)
    assert [i.mean for i in told(found, "total")] == pytest.approx(total, abs=0.03)


def test_morris_gives_the_slopes_of_a_plane():
    """Elementary effects of 3 a - 2 b over unit intervals are 3 and 2, without any spread."""
    found = sensitivity(
        formula("3 * a - 2 * b", ["a", "b"]), {"a": uniform(0, 1), "b": uniform(0, 1)}, "morris", samples=300
    )
    assert [i.mean for i in told(found, "mu_star")] == pytest.approx([3, 2])
    assert [i.mean for i in told(found, "sigma")] == pytest.approx([0, 0], abs=1e-9)
    assert [i.input for i in found.ranked()] == ["a", "b"]


def test_pawn_ranks_a_sum_by_its_spreads():
    found = sensitivity(lambda x: x["a"] + x["b"], {"a": normal(0, 3), "b": normal(0, 1)}, "pawn", samples=4000)
    assert [i.input for i in found.ranked()] == ["a", "b"]
    assert np.isnan(found.ranked()[0].low)
    assert found.table.column("low").null_count == found.table.num_rows


def test_several_draws_of_an_input_count_as_one():
    """A sum of a random number of claims: Var = E N Var X + (E X)^2 Var N, 5 * 4 + 9 * 5; and two dice, 2 * 35 / 12."""
    inputs = {"n": poisson(5), "claims": Drawn(normal(3, 2), total="n"), "dice": dice(6, 2)}
    found = sensitivity(lambda x: x["claims"] + x["dice"].sum(axis=1), inputs, samples=20_000, seed=4)
    whole = 5 * 4 + 9 * 5 + 2 * 35 / 12
    first = {i.input: i.mean for i in told(found, "first")}
    total = {i.input: i.mean for i in told(found, "total")}
    assert [*first] == ["n", "claims", "dice"]
    assert first["n"] == pytest.approx(9 * 5 / whole, abs=0.06)
    assert first["dice"] == pytest.approx(2 * 35 / 12 / whole, abs=0.04)
    assert total["claims"] == pytest.approx(5 * 4 / whole, abs=0.04)


def test_booleans_count_and_what_never_varies_is_told():
    inputs = {"a": uniform(0, 1), "b": uniform(0, 1)}
    found = sensitivity(lambda x: {"late": x["a"] > 0.7, "same": np.ones(len(x["a"]))}, inputs, samples=4000, seed=5)
    assert {i.value for i in found.indices} == {"late"}
    assert "same was 1" in found.notes[0]
    assert told(found, "total")[0].mean == pytest.approx(1, abs=0.05)
    with pytest.raises(StudyError) as error:
        sensitivity(lambda x: np.ones(len(x["a"])), inputs, samples=100)
    assert error.value.faults[0].code == "simulation.sensitivity"


def test_the_same_seed_gives_the_same_indices():
    one, two = (sensitivity(ishigami, CUBE, samples=640, seed=6) for _ in range(2))
    assert one.indices == two.indices
    assert one.indices != sensitivity(ishigami, CUBE, samples=640, seed=7).indices


@pytest.mark.parametrize(
    ("inputs", "asked", "said"),
    [
        (CUBE, {"method": "sobel"}, 'Did you mean "sobol"'),
        ({"x1": uniform(0, 1)}, {}, "two inputs"),
        (CUBE, {"samples": 3}, "64 or more"),
        (CUBE, {"confidence": 1.5}, "confidence"),
        ({**CUBE, "hand": cards(52, 5)}, {"method": "fast"}, "several uniforms"),
    ],
)
def test_what_makes_no_sense_is_refused(inputs, asked, said):
    with pytest.raises(StudyError) as error:
        sensitivity(ishigami, inputs, **asked)
    assert said in str(error.value)


def test_it_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "SALib.sample.sobol", None)
    monkeypatch.setitem(sys.modules, "SALib.sample", None)
    with pytest.raises(StudyError) as error:
        sensitivity(ishigami, CUBE, samples=100)
    assert error.value.faults[0].code == "simulation.extra"
    assert "potomac[simulation]" in str(error.value)


def test_one_that_cannot_vary_drives_nothing():
    found = sensitivity(lambda x: x["a"] + x["b"], {"a": uniform(0, 1), "b": deterministic(3)}, samples=2000)
    assert {i.input: round(i.mean, 6) for i in told(found, "total")} == {"a": pytest.approx(1, abs=0.05), "b": 0}
