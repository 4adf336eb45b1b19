"""SimPy's answers on the same models: both sides from short runs, compared as two samples are.

The models of both sides are those of ``python -m benchmarks simulation.agreement``, which runs longer, and Ciw too.
"""

from __future__ import annotations

import random
import sys
from importlib.util import module_from_spec, spec_from_file_location
from math import sqrt
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import ttest_ind

from potomac.simulation.model import Model

pytest.importorskip("simpy", reason="SimPy comes with potomac[simulation]")

HERE = Path(__file__).parents[2] / "benchmarks" / "simulation"
RUNS, UNTIL, WARMUP = 8, 800.0, 80.0


def loaded(name: str) -> ModuleType:
    spec = spec_from_file_location(f"peers_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


OURS, SIMPY = loaded("our_models").MODELS, loaded("simpy_models").MODELS


@pytest.mark.parametrize("name", SIMPY)
def test_simpy_says_the_same(name: str) -> None:
    """Welch's t at one in ten thousand: 21 measures are looked at."""
    theirs = [SIMPY[name](random.Random(seed), UNTIL, WARMUP) for seed in range(RUNS)]
    model: Model = OURS[name]()
    r = model.run(until=4 * UNTIL, replications=3 * RUNS, warmup=WARMUP, quantiles=(), seed=4)
    assert theirs[0]
    for key in theirs[0]:
        where, _, measure = key.rpartition(" ")
        values, other = r.values[where, measure], np.array([found[key] for found in theirs])
        assert ttest_ind(values, other, equal_var=False).pvalue > 1e-4, key
        exact = r.estimate(where, measure).exact
        if exact is not None:  # which holds SimPy as well
            assert abs(other.mean() - exact) <= 6 * other.std(ddof=1) / sqrt(RUNS), key
