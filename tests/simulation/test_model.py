"""The library: a model that is built and run from Python, data in from anywhere, what run takes and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from inspect import getdoc, ismodule, signature
from typing import Any

import duckdb
import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from potomac import simulation
from potomac.errors import DataError, NoAnswer, PotomacError, StudyError
from potomac.simulation import Model, exponential, gamma, pareto, uniform
from potomac.simulation.output import Simulated


def desk(load: float = 0.8, **station: Any) -> Model:
    m = Model("desk").source("walkin", interarrival=exponential(rate=load), to="desk")
    return m.station("desk", **{"service": exponential(mean=1.0), **station})


def pumps() -> Model:
    m = Model("pumps").component("pump", life=exponential(50.0), repair=exponential(5.0), count=2)
    return m.system("both", parallel="pump")


class TestNames:
    def test_all_can_be_had_and_say_what_they_are(self) -> None:
        assert dir(simulation) == simulation.__all__ == sorted(simulation.__all__)
        for name in simulation.__all__:
            assert getdoc(getattr(simulation, name)), name

    def test_no_function_is_hidden_by_a_module_of_its_name(self) -> None:
        """An import of ``potomac.simulation.x`` anywhere would put the module in the place of the function x."""
        code = "import pkgutil, potomac.simulation as s\nprint(*[m.name for m in pkgutil.iter_modules(s.__path__)])"
        modules = set(
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        )
        hidden = [name for name in simulation.__all__ if name in modules]
        assert [name for name in hidden if not ismodule(getattr(simulation, name))] == []

    def test_nothing_is_loaded_before_it_is_used(self) -> None:
        code = "from potomac import simulation\nimport sys\nprint(*{name.split('.')[0] for name in sys.modules})"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert not {"numpy", "numba", "scipy", "pyarrow", "simpy", "joblib", "SALib", "pydantic"} & set(loaded)

    def test_a_model_loads_no_packages_that_it_does_not_need(self) -> None:
        code = (
            "from potomac.simulation import Model, exponential\n"
            "m = Model().source('a', interarrival=exponential(1.0), to='s').station('s', service=exponential(0.5))\n"
            "m.run(until=400.0, replications=2, warmup=0.0).measures\n"
            "import sys\nprint(*{name.split('.')[0] for name in sys.modules})"
        )
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert not {"simpy", "SALib", "pandas", "polars", "duckdb", "pydantic", "sklearn"} & set(loaded)

    def test_what_is_not_there_is_told(self) -> None:
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            simulation.nonsense  # noqa: B018


VALUES = [1.0, 2.5, 4.0]
KINDS: dict[str, Callable[[], Any]] = {
    "list": lambda: list(VALUES),
    "tuple": lambda: tuple(VALUES),
    "numpy": lambda: np.array(VALUES),
    "numpy, one column": lambda: np.array(VALUES)[:, None],
    "masked": lambda: np.ma.array(VALUES),
    "arrow array": lambda: pa.array(VALUES),
    "arrow chunks": lambda: pa.chunked_array([VALUES[:1], VALUES[1:]]),
    "arrow table": lambda: pa.table({"minutes": VALUES}),
    "pandas": lambda: pd.Series(VALUES),
    "pandas, nullable": lambda: pd.Series(VALUES, dtype="Float64"),
    "pandas frame": lambda: pd.DataFrame({"minutes": VALUES}),
    "polars": lambda: pl.Series(VALUES),
    "polars frame": lambda: pl.DataFrame({"minutes": VALUES}),
    "duckdb": lambda: duckdb.sql("select unnest([1.0, 2.5, 4.0]) as minutes"),
    "generator": lambda: iter(VALUES),
}


@pytest.mark.parametrize("kind", KINDS)
class TestData:
    def test_values_to_draw_from(self, kind: str) -> None:
        assert simulation.empirical(KINDS[kind]()).values == tuple(VALUES)
        m = Model().source("a", data=KINDS[kind](), to="s")
        assert m.declared.sources[0].interarrival == simulation.empirical(VALUES)

    def test_arrivals_to_play_back(self, kind: str) -> None:
        assert Model().source("a", trace=KINDS[kind](), to="s").declared.sources[0].times == tuple(VALUES)


def test_durations_to_fit_come_from_any_of_them() -> None:
    many = np.random.default_rng(3).gamma(2.0, size=60)
    one = simulation.fit(many).recommended
    for values in (pl.Series(many), pd.Series(many), pa.array(many), duckdb.from_arrow(pa.table({"minutes": many}))):
        assert simulation.fit(values).recommended == one


@pytest.mark.parametrize(
    "values",
    [
        [1.0, None], np.array([1.0, np.nan]), pd.Series([1, None], dtype="Int64"), pl.Series([1.0, None]),
        pa.array([1.0, None]), np.ma.array([1.0, 9.0], mask=[False, True]),
        duckdb.sql("select unnest([1.0, null]) as x"),
    ],
    ids=["list", "numpy", "pandas", "polars", "arrow", "masked", "duckdb"],
)  # fmt: skip
def test_a_missing_value_is_told_with_its_row(values: Any) -> None:
    for use in (simulation.empirical, lambda x: Model().source("a", trace=x, to="s")):
        with pytest.raises(DataError, match="row 1"):
            use(values)


@pytest.mark.parametrize(
    "values",
    [["a"], pd.Series(pd.to_datetime(["2026-01-01"])), np.array(["2026-01-01"], "M8[D]"), np.ones((2, 2)), 5, []],
)
def test_what_is_no_column_of_numbers_is_told(values: Any) -> None:
    for use in (simulation.empirical, lambda x: Model().source("a", trace=x, to="s")):
        with pytest.raises(DataError):
            use(values)


class TestRun:
    def test_takes_all_that_can_be_asked(self) -> None:
        from dataclasses import fields

        from potomac.simulation.output import Asked

        assert {f.name for f in fields(Asked)} <= set(signature(Model.run).parameters)
        asked: dict[str, Any] = {
            "until": 500.0, "replications": 4, "precision": 0.9, "of": "wait", "warmup": 10.0, "confidence": 0.9,
            "quantiles": (0.25,), "most": 50, "seed": 3, "jobs": 2, "budget": 60.0, "antithetic": True,
        }  # fmt: skip
        run = desk().run(**asked)
        assert {name: getattr(run.asked, name) for name in asked} == asked
        assert run.window.start == 10
        assert run.estimate("desk", "wait_q25").replications >= 4

    def test_the_measures_are_a_table(self) -> None:
        run = desk(0.5).run(until=2000.0, replications=5, seed=2)
        assert run.measures.schema.names == [
            "where", "measure", "mean", "low", "high", "half_width", "replications", "exact",
        ]  # fmt: skip
        rows = {(r["where"], r["measure"]): r for r in run.measures.to_pylist()}
        assert rows["desk", "wait"]["exact"] == pytest.approx(0.5 / 0.5)  # rho / (mu - lambda)
        assert rows["desk", "wait"]["low"] <= rows["desk", "wait"]["mean"] <= rows["desk", "wait"]["high"]

    def test_a_result_prints_as_a_table(self) -> None:
        run = desk(0.5).run(until=2000.0, replications=5, warmup=50.0, seed=2)
        lines = repr(run).splitlines()
        assert lines[0] == "desk: 5 replications until 2000, the first 50 left out"
        assert lines[1].split() == ["where", "measure", "mean", "low", "high", "exact"]
        wait = next(line.split() for line in lines if line.startswith("desk") and " wait " in line)
        e = run.estimate("desk", "wait")
        assert wait[2:] == [f"{x:.6g}" for x in (e.mean, e.low, e.high, 1.0)]
        assert max(map(len, lines[:20])) < 100

    def test_a_budget_ends_the_search_for_precision(self) -> None:
        run = desk(0.95).run(until=20_000.0, precision=0.0005, of="wait", most=10_000, budget=0.3)
        assert not run.reached
        assert any("was not reached" in note and "half-width" in note for note in run.notes)


def same(a: Simulated, b: Simulated) -> bool:
    return repr(a.estimates) == repr(b.estimates) and all(
        np.array_equal(a.values[key], b.values[key], equal_nan=True) for key in a.values
    )


class TestProcesses:
    MODELS: tuple[Callable[[], Model], ...] = (desk, lambda: desk(patience=exponential(4.0)), pumps)

    @pytest.mark.parametrize("made", MODELS, ids=["recursion", "event loop", "components"])
    def test_any_number_of_them_gives_the_same_bits(self, made: Callable[[], Model]) -> None:
        one = made().run(until=400.0, warmup=0.0, replications=7, seed=5)
        for jobs in (2, 4):
            assert same(one, made().run(until=400.0, warmup=0.0, replications=7, seed=5, jobs=jobs))

    @pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
    def test_and_any_backend_whether_it_hands_back_as_it_goes_or_at_the_end(self, backend: str) -> None:
        one = desk().run(until=400.0, warmup=0.0, replications=7, seed=5)
        with joblib.parallel_config(backend=backend, n_jobs=2):
            assert same(one, desk().run(until=400.0, warmup=0.0, replications=7, seed=5, jobs=None))
            assert same(one, desk().run(until=400.0, warmup=0.0, replications=7, seed=5, jobs=2))

    def test_without_a_setting_none_is_one(self) -> None:
        one = desk().run(until=400.0, warmup=0.0, replications=3)
        assert same(one, desk().run(until=400.0, warmup=0.0, replications=3, jobs=None))


class TestSingle:
    def test_one_long_run_has_an_interval_from_its_pieces(self) -> None:
        run = desk(0.5).run(until=50_000.0, replications=1, seed=11)
        e = run.estimate("desk", "wait")
        assert e.low < 1.0 < e.high  # 0.5 / 0.5
        assert e.replications > 10  # pieces
        assert any("comes from its pieces" in note for note in run.notes)

    @pytest.mark.parametrize(
        ("model", "how"),
        [(desk(0.95), {"until": 500.0}), (desk(0.5), {"until": 20.0}), (desk(1.2), {"until": 5000.0})],
        ids=["high load", "short", "unstable"],
    )
    def test_it_is_refused_where_it_is_too_short(self, model: Model, how: dict[str, Any]) -> None:
        with pytest.raises(NoAnswer) as caught:
            model.run(replications=1, **how)
        assert caught.value.faults[0].code == "simulation.short"

    @pytest.mark.parametrize("model", [pumps(), Model().source("a", trace=[1.0], to="s").station("s", service=1.0)])
    def test_or_where_there_is_no_long_run(self, model: Model) -> None:
        with pytest.raises(StudyError) as caught:
            model.run(replications=1)
        assert caught.value.faults[0].key == "run.replications"


class TestAntithetic:
    def test_pairs_tell_more_of_a_queue_and_say_so(self) -> None:
        """Waits fall with each time between arrivals and rise with each service: the two of a pair lean apart."""
        run = desk(0.6).run(until=500.0, warmup=20.0, replications=400, seed=4, antithetic=True)
        first, second = run.values["desk", "wait"][0::2], run.values["desk", "wait"][1::2]
        assert np.corrcoef(first, second)[0, 1] < -0.1
        e = run.estimate("desk", "wait")
        assert e.low <= 0.6 / 0.4 <= e.high
        assert e.replications == 200  # a pair counts as one
        (note,) = [n for n in run.notes if n.startswith("Antithetic")]
        assert "correlated by -0." in note

    def test_lives_of_components_come_in_pairs_too(self) -> None:
        run = pumps().run(replications=8, antithetic=True)
        e = run.estimate("both", "mttf")
        assert e.replications == 4
        assert np.corrcoef(
            run.values["pump", "availability"][0::2], run.values["pump", "availability"][1::2]
        ).shape == (2, 2)
        assert run.values["both", "mttf"][0] != run.values["both", "mttf"][1]

    @pytest.mark.parametrize("how", [{"replications": 5}, {"replications": 2}, {"replications": 1}])
    def test_numbers_that_are_no_pairs_are_refused(self, how: dict[str, int]) -> None:
        with pytest.raises(StudyError) as caught:
            desk().run(until=500.0, antithetic=True, **how)  # type: ignore[arg-type]
        assert caught.value.faults[0].key == "run.replications"

    def test_a_published_run_has_no_opposite(self) -> None:
        with pytest.raises(StudyError) as caught:
            desk().lehmer().run(until=50.0, antithetic=True)
        assert caught.value.faults[0].key == "run.antithetic"


class TestInfiniteVariance:
    def test_no_mean_where_services_have_none(self) -> None:
        with pytest.raises(NoAnswer, match="no valid mean interval") as caught:
            desk(0.3, service=pareto(1.9, 0.5)).run()
        assert [f.code for f in caught.value.faults] == ["simulation.infinite-variance"]
        assert caught.value.faults[0].key == "station.desk.service"

    def test_nor_where_waits_have_none(self) -> None:
        """Var W = E[W]^2 + lambda E[S^3] / 3 (1 - rho): infinite for a shape of 3 or less (Takacs 1962)."""
        with pytest.raises(NoAnswer, match="no valid mean interval"):
            desk(0.3, service=pareto(2.8, 0.5)).run()
        assert desk(0.3, service=pareto(4.5, 0.5)).run(replications=4).estimate("desk", "wait").low > 0

    @pytest.mark.parametrize("shape", [1.9, 2.8])
    def test_quantiles_are_fine(self, shape: float) -> None:
        run = desk(0.3, service=pareto(shape, 0.5)).run(until=20_000.0, replications=10, of="wait_q90")
        assert run.estimate("desk", "wait_q90").low > 0
        assert np.isnan(run.estimate("desk", "wait").low)
        assert any("only quantiles have an interval" in note for note in run.notes)

    @pytest.mark.parametrize(
        "station",
        [{"capacity": 1}, {"discipline": "sharing"}, {"servers": float("inf")}],
        ids=["no queue", "sharing", "a server for each"],
    )
    def test_nobody_waits_behind_a_long_service(self, station: dict[str, Any]) -> None:
        desk(0.3, service=pareto(2.8, 0.5), **station).run(until=5000.0, replications=4)


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"until": -1.0}, "until"), ({"replications": 0}, "replications"), ({"precision": 2.0}, "precision"),
        ({"confidence": 0.2}, "confidence"), ({"warmup": 500.0, "until": 400.0}, "warmup"), ({"jobs": 0}, "jobs"),
        ({"quantiles": (1.5,)}, "quantiles"), ({"most": 1}, "most"), ({"budget": 0.0}, "budget"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(asked: dict[str, Any], key: str) -> None:
    with pytest.raises(PotomacError) as caught:
        desk().run(**asked)
    assert caught.value.faults[0].key == f"run.{key}"


def test_the_example_of_the_contract() -> None:
    m = simulation.Model("clinic")
    m.source("walkin", interarrival=simulation.exponential(mean=1.0), to="desk")
    m.station("desk", servers=2, service=simulation.exponential(mean=1.5))
    m.route("desk", {"exit": 0.9, "desk": 0.1})
    run = m.run(until=10_000, replications=20, seed=7)
    exact = m.analytic()
    for key in (("desk", "wait"), ("system", "time_in_system"), ("desk", "utilization")):
        e = run.estimate(*key)
        assert e.exact == exact[key]
        assert e.low <= exact[key] <= e.high
    assert exact["desk", "utilization"] == pytest.approx(1.5 / 0.9 / 2)
    assert m.run(until=10_000, replications=20, seed=7).estimates == run.estimates


def test_a_model_of_models_is_its_parts() -> None:
    m = desk(servers=3, service=gamma(mean=1.0, cv=0.5), patience=uniform(1, 2))
    assert Model.of(m.declared).declared == m.declared


def test_what_is_cut_off_a_normal_time_counts_in_the_load() -> None:
    """Of normal(1, 2) above 0 the mean is 1 + 2 phi(.5) / Phi(.5) = 2.018, so .6 are too many for one server."""
    with pytest.raises(NoAnswer, match=r"offered load 1\.21"):
        desk(0.6, service=simulation.normal(1.0, 2.0)).run()
