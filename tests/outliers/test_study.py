"""The study: its keys, its tables, its facts and pictures, through the conductor as a user runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac import studies
from potomac.engine import Fact, Rows
from potomac.errors import StudyError
from potomac.outliers.plant import KINDS
from potomac.outliers.study import Place, engine, role_name
from potomac.studies import Run

Study = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def run(study: Study, table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """With everything that can be asked for."""
    keys = study(
        data={"covariates": ["type", {"column": "length", "low": 0}]},
        check={"plant": ["off_lane", "speed"], "count": 25},
        prevalence=0.02,
    )
    return studies.run(keys, tmp_path_factory.mktemp("runs"), tables={"data": table})


# Keys

WRONG: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "half a place": (
        {"data": {"columns": {"longitude": None}}},
        "outliers.half-a-place", "data.columns", "there is a latitude and no longitude",
    ),
    "features with places": ({"data": {"features": ["length"]}}, "outliers.two-kinds", "data.features", "both places"),
    "needed unknown": ({"data": {"needed": ["sped"]}}, "outliers.needed-unknown", "data.needed", 'mean "speed"?'),
    "needed without a column": (
        {"data": {"columns": {"speed": None}, "needed": ["speed"]}},
        "outliers.needed-unknown", "data.needed", '"speed" is needed and no column plays that role',
    ),
    "covariates twice": ({"data": {"covariates": ["type", "type"]}}, "outliers.twice", "data.covariates", '"type"'),
    "covariates that become one": (
        {"data": {"covariates": ["row", "covariate_row"]}},
        "outliers.twice", "data.covariates", '"covariate_row"',
    ),
    "plant unknown": (
        {"check": {"plant": ["of_lane"]}}, "outliers.plant-unknown", "check.plant", 'Did you mean "off_lane"?'
    ),
    "prevalence 0": ({"prevalence": 0}, "study.", "prevalence", "0"),
    "prevalence 1": ({"prevalence": 1}, "study.", "prevalence", "1"),
    "one fold": ({"model": {"folds": 1}}, "study.", "model.folds", "1"),
    "no bag": ({"model": {"bags": 0}}, "study.", "model.bags", "0"),
    "no fake": ({"model": {"fakes": 0}}, "study.", "model.fakes", "0"),
    "method unknown": ({"model": {"method": "logistics"}}, "study.", "model.method", '"logistic"'),
    "terms unknown": ({"model": {"terms": "cubic"}}, "study.", "model.terms", "quadratic"),
    "ridge negative": ({"model": {"ridge": -1}}, "study.", "model.ridge", "-1"),
    "sample too small": ({"model": {"sample": 5}}, "study.", "model.sample", "5"),
    "cells too small": ({"grid": {"cell_km": 0.01}}, "study.", "grid.cell_km", "0.01"),
    "cells infinite": ({"grid": {"cell_km": float("inf")}}, "study.", "grid.cell_km", "inf"),
    "top 0": ({"top": 0}, "study.", "top", "0"),
    "count too small": ({"check": {"count": 1}}, "study.", "check.count", "1"),
    "key unknown": ({"model": {"fold": 3}}, "study.", "model.fold", 'Did you mean "folds"?'),
    "covariate without a column": ({"data": {"covariates": [{"low": 1}]}}, "study.", "data.covariates", "column"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_keys_are_named_with_what_is_valid(case: str, study: Study, table: pa.Table, tmp_path: Path) -> None:
    changed, code, key, says = WRONG[case]
    with pytest.raises(StudyError) as caught:
        studies.run(study(**changed), tmp_path, tables={"data": table})
    assert caught.value.exit_code == 2
    found = caught.value.faults[0]
    assert found.key.startswith(key), str(caught.value)
    assert says in str(caught.value)
    assert found.code.startswith(code)  # the codes of keys in general have their own tests


def test_a_table_without_places_and_features_is_neither(study: Study, table: pa.Table, tmp_path: Path) -> None:
    keys = study(data={"columns": {"latitude": None, "longitude": None}})
    with pytest.raises(StudyError) as caught:
        studies.run(keys, tmp_path, tables={"data": table.rename_columns({"latitude": "a", "longitude": "b"})})
    assert {f.code for f in caught.value.faults} == {"data.role-missing"}
    assert {f.key for f in caught.value.faults} == {"data.columns"}


def test_all_faults_of_a_table_are_told_at_once(study: Study, tmp_path: Path, table: pa.Table) -> None:
    keys = study(data={"columns": {"longitude": None}, "needed": ["sped"], "covariates": ["a", "a"]})
    with pytest.raises(StudyError) as caught:
        studies.run(keys, tmp_path, tables={"data": table})
    assert {f.code for f in caught.value.faults} == {
        "outliers.half-a-place", "outliers.needed-unknown", "outliers.twice"
    }  # fmt: skip


def test_a_covariate_called_as_a_role_has_a_name_of_its_own() -> None:
    assert (role_name("flag"), role_name("speed"), role_name("row")) == ("flag", "covariate_speed", "covariate_row")


# Tables


def test_scores_have_the_columns_of_the_contract(run: Run, table: pa.Table) -> None:
    scores = run.tables["scores"]
    wanted = {
        "row",
        "entity",
        "time",
        "latitude",
        "longitude",
        "cell",
        "log_odds",
        "outlier_score",
        "rank",
        "probability",
    }
    assert wanted | {"type", "length"} <= set(scores.column_names)
    assert scores["row"].to_pylist() == list(range(table.num_rows))
    assert sorted(scores["rank"].to_pylist()) == list(range(1, table.num_rows + 1))
    order = np.argsort(scores["rank"].to_numpy())
    assert (np.diff(scores["outlier_score"].to_numpy()[order]) <= 0).all()
    probability = scores["probability"].to_numpy()
    assert ((probability >= 0) & (probability <= 1)).all()
    assert (np.diff(probability[order]) <= 0).all()
    assert scores["type"].to_pylist() == table["type"].to_pylist()
    assert scores["cell"].to_numpy().max() < run.tables["cells"].num_rows


def test_the_other_tables(run: Run, table: pa.Table) -> None:
    assert set(run.tables) == {
        "scores", "top", "entities", "cells", "meetings", "detection", "planted", "set_aside"
    }  # fmt: skip
    assert run.tables["top"].num_rows == 20
    scores, top = run.tables["scores"].to_pandas().set_index("rank"), run.tables["top"].to_pandas()
    assert (scores.loc[top["rank"], "row"].to_numpy() == top["row"].to_numpy()).all()
    assert run.tables["entities"].num_rows == len(set(table["entity"].to_pylist()))
    assert run.tables["cells"]["records"].to_numpy().sum() == table.num_rows
    planted = run.tables["planted"].to_pandas()
    assert planted.groupby("kind").size().to_dict() == {"off_lane": 25, "speed": 25}
    assert (planted["rank"] >= 1).all()
    assert (planted["rank"] <= table.num_rows + 1).all()


def test_planting_changes_no_real_score(study: Study, table: pa.Table, tmp_path: Path) -> None:
    for method in ("logistic", "contrast"):
        keys = study(model={"method": method, "fakes": 1})
        keys["data"]["columns"].pop("time")  # fewer parts, sooner done
        bare = studies.run(keys, tmp_path, tables={"data": table})
        kinds = ["off_lane", "loiter", "across_lane", "speed"]
        sown = studies.run({**keys, "check": {"plant": kinds, "count": 30}}, tmp_path, tables={"data": table})
        assert sown.tables["scores"].equals(bare.tables["scores"])
        assert sown.tables["top"].equals(bare.tables["top"])
        assert "detection" not in bare.tables
        assert any("was not checked" in note for note in bare.manifest["notes"])


def test_probabilities_only_with_a_prevalence(study: Study, table: pa.Table, tmp_path: Path) -> None:
    keys = study(model={"method": "logistic"})
    scores = studies.run(keys, tmp_path, tables={"data": table}).tables["scores"]
    assert not any("probab" in name for name in scores.column_names)
    more = studies.run({**keys, "prevalence": 0.1}, tmp_path, tables={"data": table}).tables["scores"]
    odds = scores["log_odds"].to_numpy()
    np.testing.assert_allclose(more["probability"], 1 / (1 + 9 * np.exp(odds)))
    assert more.drop_columns(["probability"]).equals(scores)


def test_coefficients_of_cells_can_be_checked(study: Study, table: pa.Table, tmp_path: Path) -> None:
    keys = study(model={"method": "logistic", "terms": "quadratic"}, data={"covariates": ["length"]})
    cells = studies.run(keys, tmp_path, tables={"data": table}).tables["cells"]
    for name in ("intercept", "x", "speed", "cos_course", "time", "length", "x_speed"):
        assert cells[f"coefficient_{name}"].null_count == 0
        errors = cells[f"error_{name}"].drop_null().to_numpy()
        assert (errors > 0).all()
    assert cells["real"].to_pylist() == cells["fake"].to_pylist() == cells["records"].to_pylist()


def test_the_same_study_gives_the_same_tables(study: Study, table: pa.Table, tmp_path: Path) -> None:
    keys = study(model={"method": "logistic"}, check={"plant": ["speed"], "count": 20})
    one, other = (studies.run(keys, tmp_path, tables={"data": table}) for _ in range(2))
    assert all(one.tables[name].equals(other.tables[name]) for name in one.tables)
    seeded = studies.run({**keys, "seed": 5}, tmp_path, tables={"data": table})
    assert not seeded.tables["scores"].equals(one.tables["scores"])


def test_needed_roles_and_limits_of_covariates_reject_rows(study: Study, table: pa.Table, tmp_path: Path) -> None:
    speed = pa.array([None if i < 7 else v for i, v in enumerate(table["speed"].to_pylist())], pa.float64())
    some = table.set_column(table.schema.get_field_index("speed"), "speed", speed)
    keys = study(
        model={"method": "logistic"},
        data={"needed": ["speed"], "covariates": [{"column": "length", "high": 190.0}]},
    )
    run = studies.run(keys, tmp_path, tables={"data": some})
    length = table["length"].to_numpy()
    kept = (length <= 190) & (np.arange(len(length)) >= 7)
    assert run.tables["scores"]["row"].to_pylist() == np.flatnonzero(kept).tolist()


def test_codes_are_categories_where_the_study_says_so(study: Study, table: pa.Table, tmp_path: Path) -> None:
    coded = table.append_column("code", pa.array(np.where(np.arange(table.num_rows) % 3 == 0, 70, 30)))
    keys = study(model={"method": "logistic"}, data={"covariates": [{"column": "code", "category": True}]})
    run = studies.run(keys, tmp_path, tables={"data": coded})
    assert set(run.tables["scores"]["code"].to_pylist()) == {"30", "70"}


def test_repeats_are_set_aside(study: Study, table: pa.Table, tmp_path: Path) -> None:
    later = pa.compute.add(table["time"], pa.scalar(10 * 10**6, pa.duration("us"))).cast(
        table.schema.field("time").type
    )
    twice = pa.concat_tables([table, table.set_column(table.schema.get_field_index("time"), "time", later)])
    keys = study(model={"method": "logistic"}, data={"drop_repeats": True})
    run = studies.run(keys, tmp_path, tables={"data": twice})
    assert run.tables["scores"].num_rows == table.num_rows
    assert run.tables["set_aside"].num_rows == table.num_rows
    assert run.facts["set_aside"] == table.num_rows


# Facts, answer, pictures, report


def holds(fact: Fact) -> bool:
    return (fact.low is None or fact.low <= fact.value) and (fact.high is None or fact.value <= fact.high)


def test_facts_have_a_meaning_and_rates_an_interval(run: Run, table: pa.Table) -> None:
    facts = run.result().facts
    assert any(fact.key for fact in facts)
    assert all(fact.meaning.endswith(".") for fact in facts)
    rates = [fact for fact in facts if fact.name.startswith("found")]
    assert {fact.name for fact in rates} == {"found", "found_off_lane", "found_speed"}
    assert all(fact.unit == "%" and fact.low is not None and fact.high is not None for fact in rates)
    assert all(holds(fact) for fact in rates)
    assert all(0 <= fact.low <= fact.high <= 100 for fact in rates)
    assert run.facts["records"] == table.num_rows
    assert run.facts["strangest_score"] == run.tables["top"]["outlier_score"][0].as_py()
    assert run.facts["cells"] == run.tables["cells"].num_rows


def test_the_rate_told_is_that_of_the_list(run: Run) -> None:
    """Found are the planted rows that would stand among the twenty of the list."""
    planted = run.tables["planted"].to_pandas()
    share = 100 * (planted["rank"] <= 20).mean()
    assert run.facts["found"] == pytest.approx(share)


def test_the_answer_is_a_sentence_with_the_numbers(run: Run, table: pa.Table) -> None:
    first = run.tables["top"].slice(0, 1).to_pylist()[0]
    assert run.answer.endswith(".")
    assert f"{table.num_rows:,} records" in run.answer
    assert first["entity"] in run.answer
    assert any("prevalence of 0.02" in note for note in run.manifest["notes"])
    assert any("Hastie" in source for source in run.manifest["references"])


def test_pictures_name_columns_that_are_there(run: Run) -> None:
    figures = run.figures
    assert sum(figure.role == "lead" for figure in figures) == 1
    assert figures[0].name == "map"
    assert {"map", "neighbourhoods", "detection", "reasons", "odds", "cells"} <= {figure.name for figure in figures}
    panels = [panel for figure in figures for panel in figure.panels]
    assert 1 <= len(panels) <= 9
    for figure in (*figures, *panels):
        assert len(figure.alt) > 20
        assert figure.title
        for layer in figure.layers:
            looks = {layer.color, layer.series, layer.size, layer.label, layer.heading, *layer.tip}
            assert ({layer.x, layer.y, layer.x2, layer.y2} | looks) - {None} <= set(layer.data.column_names)
            assert layer.data.num_rows > 0


def test_tables_that_the_report_shows_are_there(run: Run) -> None:
    result = run.result()
    for show in result.show:
        shown = result.tables[show.table]
        assert isinstance(shown, Rows)
        assert set(show.columns) <= set(shown.schema.names)
    text = run.report.read_text(encoding="utf-8")
    assert "Where the strangest records are" in text


# Live questions


def test_one_record_is_judged_by_the_stored_model(run: Run) -> None:
    endpoint = engine.endpoints[0]
    assert endpoint.load is not None
    live = endpoint.load(run.model)
    usual = endpoint.answer(live, Place(latitude=56.3, longitude=11.0, speed=10, heading=0))
    fast = endpoint.answer(live, Place(latitude=56.3, longitude=11.0, speed=29, heading=0))
    far = endpoint.answer(live, Place(latitude=-30, longitude=-120, speed=10, heading=0))
    assert usual.log_odds > fast.log_odds
    assert usual.log_odds > far.log_odds
    assert 0 <= usual.stranger_than < fast.stranger_than <= 1
    assert {"place", "behaviour"} <= set(usual.evidence)
    bare = endpoint.answer(live, Place(latitude=56.3, longitude=11.0))
    assert np.isfinite(bare.log_odds)
    example = endpoint.answer(live, endpoint.ask.model_validate(endpoint.example))
    assert endpoint.reply is not None
    assert isinstance(example, endpoint.reply)


@pytest.mark.parametrize(
    "wrong", [{"latitude": 91}, {"speed": -1}, {"speed": float("inf")}, {"longitude": float("nan")}]
)
def test_records_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Place.model_validate({"latitude": 56.3, "longitude": 11.0, **wrong})


# The whole of it


def test_every_kind_of_behaviour_can_be_planted(study: Study, table: pa.Table, tmp_path: Path) -> None:
    keys = study(model={"method": "logistic"}, check={"plant": list(KINDS), "count": 12})
    run = studies.run(keys, tmp_path, tables={"data": table})
    kinds = set(run.tables["detection"]["kind"].to_pylist())
    assert kinds == {*KINDS, "all"}
    rates = run.tables["detection"].to_pandas()
    assert (rates["low"] <= rates["rate"]).all()
    assert (rates["rate"] <= rates["high"]).all()
    every = rates[rates["kind"] == "all"].sort_values("list_length")
    assert every["rate"].is_monotonic_increasing


def test_progress_is_told(study: Study, table: pa.Table, tmp_path: Path) -> None:
    said: list[str] = []

    def progress(what: str, done: float, total: float | None = None) -> None:
        said.append(what)

    studies.run(study(model={"method": "logistic"}), tmp_path, tables={"data": table}, progress=progress)
    assert {"reading rows", "fitting cells", "scoring rows"} <= set(said)


def test_the_declaration_is_a_value() -> None:
    assert replace(engine, kind="other").kind == "other"
    assert engine.demos == ("demo-strait.toml", "demo-paris.toml")
