"""Plain numeric tables: ranked by the study, with reasons, whatever their columns are called."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from potomac import studies
from potomac.errors import DataError, NoAnswer, StudyError
from potomac.outliers.plain import _why
from potomac.outliers.study import engine
from potomac.studies import Run

N = 300


def people(*names: str) -> pa.Table:
    """Two columns that go together, a third on its own; row 7 is far out, row 9 breaks the pattern of the first two."""
    rng = np.random.default_rng(4)
    a = rng.normal(size=N)
    b, c = a + 0.05 * rng.normal(size=N), rng.normal(size=N)
    c[7], a[9], b[9] = 25.0, 1.2, -1.2
    return pa.table(dict(zip(names or ("amount", "balance", "age"), (a, b, c), strict=True)))


def ask(tmp_path: Path, table: pa.Table, **changed: Any) -> Run:
    data = {"source": "x.parquet", "features": list(table.column_names), **changed.pop("data", {})}
    keys = {"kind": "outliers", "name": "plain", "data": data, "model": {"folds": 2}, "top": 15, **changed}
    return studies.run(keys, tmp_path, tables={"data": table})


@pytest.mark.parametrize("method", ["contrast", "logistic"])
def test_rows_that_stand_apart_come_first(tmp_path: Path, method: str) -> None:
    run = ask(tmp_path, people(), model={"method": method, "folds": 2})
    scores, top = run.tables["scores"], run.tables["top"]
    assert scores.column_names[:4] == ["row", "log_odds", "outlier_score", "rank"]
    assert sorted(scores["rank"].to_pylist()) == list(range(1, N + 1))
    assert scores["row"].to_pylist() == list(range(N))
    assert {"amount", "balance", "age"} <= set(scores.column_names)
    assert "probability" not in scores.column_names
    assert 7 in top["row"].to_pylist()[:5]
    if method == "contrast":
        assert 9 in top["row"].to_pylist()
        parts = [n for n in scores.column_names if n.startswith("odds_")]
        np.testing.assert_allclose(sum(scores[n].to_numpy() for n in parts), scores["log_odds"])
    why = dict(zip(top["row"].to_pylist(), top["why"].to_pylist(), strict=True))
    assert why[7].startswith("age is 25, more than 99.7 % of rows")
    assert run.answer.startswith(f"The strangest of {N} rows is row ")
    assert run.facts["records"] == N
    assert [figure.role for figure in run.figures] == ["lead"]


def test_probabilities_with_a_prevalence(tmp_path: Path) -> None:
    scores = ask(tmp_path, people(), model={"method": "logistic"}, prevalence=0.1).tables["scores"]
    np.testing.assert_allclose(scores["probability"], 1 / (1 + 9 * np.exp(scores["log_odds"].to_numpy())))


def test_columns_that_are_called_as_results_are_kept_beside_them(tmp_path: Path) -> None:
    """Data is hostile: a feature called rank does not become the rank."""
    run = ask(tmp_path, people("rank", "log_odds", "why"), model={"method": "logistic"})
    scores, top = run.tables["scores"], run.tables["top"]
    assert sorted(scores["rank"].to_pylist()) == list(range(1, N + 1))
    assert scores["covariate_rank"].to_pylist() == people()["amount"].to_pylist()
    assert scores["covariate_log_odds"].to_pylist() == people()["balance"].to_pylist()
    assert len(set(top.column_names)) == len(top.column_names)
    assert isinstance(top["why"][0].as_py(), str)
    shown = next(show for show in run.result().show if show.table == "top")
    assert "covariate_rank" in shown.columns


def test_entities_and_times_come_along(tmp_path: Path) -> None:
    table = people().append_column("who", pa.array([f"account {i}" for i in range(N)]))
    data = {"features": ["amount", "balance", "age"], "columns": {"entity": "who"}}
    run = ask(tmp_path, table, data=data, model={"method": "logistic"})
    assert run.tables["scores"]["entity"].to_pylist() == table["who"].to_pylist()
    assert "is account " in run.answer


def test_a_sample_fits_and_all_rows_are_scored(tmp_path: Path) -> None:
    run = ask(tmp_path, people(), model={"method": "logistic", "sample": 100})
    assert run.tables["scores"].num_rows == N


def test_rows_with_gaps_are_rejected_and_counted(tmp_path: Path) -> None:
    age = [None if i < 5 else v for i, v in enumerate(people()["age"].to_pylist())]
    table = people().set_column(2, "age", pa.array(age))
    run = ask(tmp_path, table, model={"method": "logistic"})
    assert run.tables["scores"]["row"].to_pylist() == list(range(5, N))


def test_too_few_rows_and_rows_that_are_alike(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="12 usable rows") as few:
        ask(tmp_path, people().slice(0, 12))
    assert (few.value.faults[0].code, few.value.faults[0].key) == ("outliers.too-few", "data.source")
    with pytest.raises(DataError, match="no feature varies") as alike:
        ask(tmp_path, pa.table({"a": [1.0] * 50, "b": [2.0] * 50}))
    assert (alike.value.faults[0].code, alike.value.faults[0].key) == ("outliers.one-point", "data.features")
    with pytest.raises(DataError, match=r'no column "agee".*Did you mean "age"'):
        ask(tmp_path, people(), data={"features": ["agee"]})
    with pytest.raises(StudyError, match='"age" is named twice'):
        ask(tmp_path, people(), data={"features": ["age", "age"]})
    with pytest.raises(DataError, match="name"):
        ask(tmp_path, pa.table({"name": ["x"] * 50}))


@pytest.mark.parametrize("method", ["contrast", "logistic"])
def test_one_column_and_a_column_that_does_not_vary(tmp_path: Path, method: str) -> None:
    table = people().append_column("same", pa.array(np.ones(N)))
    for names in (["age"], ["age", "same"]):
        run = ask(tmp_path, table, data={"features": names}, model={"method": method, "folds": 2})
        assert np.isfinite(run.tables["scores"]["outlier_score"]).all()
        assert run.tables["scores"]["rank"].to_pylist()[7] <= 10


def test_a_plain_run_has_no_positions_to_ask_about(tmp_path: Path) -> None:
    run = ask(tmp_path, people(), model={"method": "logistic"})
    load = engine.endpoints[0].load
    assert load is not None
    with pytest.raises(NoAnswer, match="no model of positions"):
        load(run.model)


def test_reasons_are_quantiles() -> None:
    """Of 100 rows from 0 to 99: 99 is more than 99 %, 0 less than 99 %, 50 is not told."""
    X: npt.NDArray[np.float64] = np.arange(100.0)[:, None]
    said = _why(X, np.array([99, 0, 50]), ("amount",))
    assert said == [
        "amount is 99, more than 99 % of rows.",
        "amount is 0, less than 99 % of rows.",
        "No single column is far out; their combination is rare.",
    ]


def test_the_declaration_has_the_plain_table_too() -> None:
    names = {field.name for field in dataclasses.fields(engine)}
    assert {"kind", "study", "run", "figures"} <= names
    assert "features" in engine.study.model_fields["data"].annotation.model_fields
