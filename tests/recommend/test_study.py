"""Studies of kind recommend, run whole: the verdict, the lists, what is told, and that it is the same every time."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from tests.recommend.study_cases import camps, catalogue, run, study

from potomac import studies
from potomac.errors import StudyError
from potomac.recommend.study import RecommendStudy, question_of
from potomac.studies import scaffold
from potomac.studies.load import load
from potomac.studies.opened import Run


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in which taste is all there is, by EASE, with a catalogue."""
    more: dict[str, Any] = {"model": {"method": "ease", "n": 5}, "evaluation": {"methods": ["content"]}}
    return run(tmp_path_factory.mktemp("built"), camps(), catalogue(), **more)


# ---- what is found ------------------------------------------------------------------------------------------------


def test_where_taste_is_all_there_is_a_recommender_pays(built: Run) -> None:
    """A list of one's own half is twice as good as one for all (see camps): a gain of 100 %, less what is unlearnt."""
    assert built.facts["verdict"] in ("collaborative", "content_based")
    gain = built.fact("gain")
    assert gain.low is not None
    assert gain.low > 0
    assert "Build it" in built.answer
    assert re.search(r"400 people get lists of 5 by EASE", built.answer)


def test_everybody_is_offered_what_their_half_likes(built: Run) -> None:
    offered = built.tables["recommendations"]
    user, item = (offered[name].to_numpy() for name in ("user", "item"))
    assert offered.num_rows == 400 * 5
    assert np.mean((item >= 80) == (user % 2 == 1)) > 0.95
    assert offered["rank"].to_pylist() == [1, 2, 3, 4, 5] * 400
    assert offered["title"].to_pylist() == [f"Tale {i}" for i in item]


def test_reasons_name_what_somebody_had(built: Run) -> None:
    rows = camps()
    had: dict[int, set[str]] = {}
    for user, item in zip(rows["user"].tolist(), rows["item"].tolist(), strict=True):
        had.setdefault(user, set()).add(f"Tale {item}")
    for row in built.tables["recommendations"].to_pylist()[:100]:
        named = row["reason"].removeprefix("because you liked ").split(", ")
        assert set(named) <= had[row["user"]]


def test_the_tables_of_the_contract_are_there(built: Run) -> None:
    assert built.tables["recommendations"].column_names == ["user", "item", "title", "rank", "score", "reason"]
    assert built.tables["evaluation"].column_names == ["method", "metric", "mean", "low", "high"]
    assert built.tables["readiness"].column_names == ["check", "value", "needed", "verdict", "why", "found"]
    assert set(built.tables["methods"]["key"].to_pylist()) == {"popular", "content", "ease"}


def test_the_methods_are_those_of_the_evaluation(built: Run) -> None:
    long = {(r["method"], r["metric"]): r for r in built.tables["evaluation"].to_pylist()}
    for row in built.tables["methods"].to_pylist():
        assert row["ndcg"] == long[row["key"], "ndcg@10"]["mean"]
        assert row["coverage"] == pytest.approx(100 * long[row["key"], "coverage@10"]["mean"])
        if row["key"] != "popular":
            base = long["popular", "ndcg@10"]["mean"]
            assert row["gain"] == pytest.approx(100 * (row["ndcg"] / base - 1))
            assert row["gain_low"] < row["gain"] < row["gain_high"]


def test_facts_have_a_meaning_and_their_bounds_hold_them(built: Run) -> None:
    facts = built.result().facts
    assert {fact.name for fact in facts if fact.key} >= {"verdict", "people", "items", "interactions"}
    for fact in facts:
        assert fact.meaning.endswith(".")
        if isinstance(fact.value, int | float):
            assert fact.low is None or fact.low <= fact.value
            assert fact.high is None or fact.value <= fact.high


def test_popularity_ends_with_everything(built: Run) -> None:
    table = built.tables["popularity"]
    assert table["share"][-1].as_py() == pytest.approx(1.0)
    assert sum(table["people"].to_pylist()) == built.facts["interactions"] == 400 * 16


def test_the_report_shows_people_without_their_ids(tmp_path: Path) -> None:
    rows = camps(people=60, items=40)
    named = {**rows, "user": [f"reader-{u}@example.org" for u in rows["user"]]}
    keys: dict[str, Any] = {"model": {"method": "ease"}}
    found = run(tmp_path / "a", named, catalogue(40), **keys)
    assert "@example.org" not in found.report.read_text(encoding="utf-8")
    assert found.tables["people"].num_rows == 3 * 10
    shown = run(tmp_path / "b", named, catalogue(40), **keys, report={"ids": True, "examples": 1})
    assert "@example.org" in shown.report.read_text(encoding="utf-8")
    some = run(tmp_path / "c", named, catalogue(40), **keys, report={"examples": ["reader-7@example.org"]})
    assert set(some.tables["people"]["person"].to_pylist()) == {"reader-7@example.org (16 known)"}
    assert "people" not in run(tmp_path / "d", named, catalogue(40), **keys, report={"examples": 0}).tables


# ---- not yet ------------------------------------------------------------------------------------------------------


def test_a_founder_with_little_is_talked_out_of_it(tmp_path: Path) -> None:
    rows = camps(people=12, items=20, each=3)
    found = run(tmp_path, rows, catalogue(20), model={"method": "auto"}, editors_picks=[7, 3])
    assert found.facts["verdict"] == "not_yet"
    assert found.answer.startswith("Not yet: 20 items can be looked through")
    assert "Show the whole catalogue" in found.answer
    everybody = found.tables["everybody"].to_pylist()
    assert [row["item"] for row in everybody[:2]] == [7, 3]
    assert [row["why"] for row in everybody[:3]] == ["an editor's pick", "an editor's pick", "popular"]


def test_where_chance_is_all_there_is_the_verdict_is_not_yet(tmp_path: Path) -> None:
    draws = np.random.default_rng(5)
    rows = {"user": np.repeat(np.arange(300), 8), "item": draws.integers(0, 200, 2400)}
    found = run(tmp_path, rows, model={"method": "auto"})
    assert found.facts["verdict"] == "not_yet"
    assert found.facts["method"] == "popular"
    assert "same list" in found.answer


def test_a_method_that_the_study_names_makes_the_lists_all_the_same(tmp_path: Path) -> None:
    rows = camps(people=12, items=20, each=3)
    found = run(tmp_path, rows, model={"method": "ease"})
    assert found.facts["method"] == "ease"
    assert "as the study asks all the same" in found.answer


# ---- what may be offered ------------------------------------------------------------------------------------------


def test_what_is_excluded_or_not_available_is_not_offered(tmp_path: Path) -> None:
    items = {**catalogue(40), "available": ["no" if i % 2 else "yes" for i in range(40)]}
    keys: dict[str, Any] = {"model": {"method": "ease", "n": 40}, "rules": {"exclude": [0, 2]}}
    found = run(tmp_path / "a", camps(people=60, items=40), items, **keys)
    offered = set(found.tables["recommendations"]["item"].to_pylist())
    assert offered <= set(range(4, 40, 2))
    assert set(found.tables["everybody"]["item"].to_pylist()) <= set(range(4, 40, 2))
    keys["rules"]["available"] = False
    all_ = run(tmp_path / "b", camps(people=60, items=40), items, **keys)
    assert {1, 3} <= set(all_.tables["recommendations"]["item"].to_pylist())


@pytest.mark.parametrize("rules", [{"max_per": {"kind": 2}}, {"boost": {"kind": {"hill": 9.0}}}, {"pins": [5, 90]}])
def test_rules_of_the_house_are_kept(tmp_path: Path, rules: dict[str, Any]) -> None:
    found = run(tmp_path, camps(people=60), catalogue(), model={"method": "ease", "n": 4}, rules=rules)
    rows = found.tables["recommendations"].to_pylist()
    hills: dict[int, list[bool]] = {}
    for row in rows:
        hills.setdefault(row["user"], []).append(row["item"] >= 80)
    if "max_per" in rules:
        assert {sum(lists) for lists in hills.values()} == {2}
    elif "boost" in rules:
        assert all(all(lists) for lists in hills.values())
    else:
        had = set(zip(camps(people=60)["user"].tolist(), camps(people=60)["item"].tolist(), strict=True))
        first = {row["user"]: row["item"] for row in rows if row["rank"] == 1}
        assert all(first[user] == (5 if (user, 5) not in had else 90) for user in first)


def test_novelty_and_diversity_change_the_lists(tmp_path: Path) -> None:
    draws = np.random.default_rng(2)
    rows = {"user": np.repeat(np.arange(150), 10), "item": (draws.random(1500) ** 3 * 120).astype(int)}
    means = {}
    for novelty in (-1.0, 0.0, 1.0):
        found = run(tmp_path / f"{novelty}", rows, model={"method": "ease", "novelty": novelty})
        people = dict(zip(*found.tables["popularity"].select(["item", "people"]).to_pydict().values(), strict=True))
        means[novelty] = np.mean([people[item] for item in found.tables["recommendations"]["item"].to_pylist()])
    assert means[-1.0] > means[0.0] > means[1.0]
    varied = run(tmp_path / "v", camps(people=60), catalogue(), model={"method": "ease", "n": 5, "diversity": 0.9})
    assert varied.tables["recommendations"].num_rows == 60 * 5


# ---- the command --------------------------------------------------------------------------------------------------


def files(folder: Path, rows: Mapping[str, Any]) -> Path:
    """A study file beside its tables."""
    arrow_csv.write_csv(pa.table(dict(rows)), folder / "loans.csv")
    pq.write_table(pa.table(catalogue()), folder / "books.parquet")
    path = folder / "books.toml"
    path.write_text(
        'kind = "recommend"\nname = "books"\n[interactions]\nsource = "loans.csv"\n'
        'columns = { user = "user", item = "item", time = "time" }\n[items]\nsource = "books.parquet"\n'
        'columns = { item = "item", title = "title" }\nfeatures = ["kind"]\n[model]\nmethod = "ease"\nn = 3\n'
        "[evaluation]\nmethods = []\n"
    )
    return path


def potomac(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "potomac", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_the_command_runs_a_study_and_says_where_the_report_is(tmp_path: Path) -> None:
    files(tmp_path, camps())
    checked = potomac(tmp_path, "check", "books.toml")
    assert checked.returncode == 0, checked.stderr
    done = potomac(tmp_path, "run", "books.toml", "--set", "model.n=2", "--quiet")
    assert done.returncode == 0, done.stderr
    where = tmp_path / done.stdout.strip().splitlines()[-1]
    told = json.loads((where / "run.json").read_text())
    assert told["facts"]["verdict"]["value"] in ("collaborative", "content_based")
    assert pq.read_table(where / "tables" / "recommendations.parquet").num_rows == 400 * 2
    assert (where / "report.html").is_file()


def test_the_command_tells_a_wrong_key_with_its_line(tmp_path: Path) -> None:
    path = files(tmp_path, camps(people=10))
    path.write_text(path.read_text().replace('method = "ease"', 'methd = "ease"'))
    done = potomac(tmp_path, "run", "books.toml")
    assert done.returncode == 2
    assert re.search(r'^books.toml:11: model.methd: .*Did you mean "method"\?$', done.stderr.strip(), re.M)


def test_a_run_that_is_stopped_leaves_nothing_and_can_be_started_again(tmp_path: Path) -> None:
    path = files(tmp_path, camps())
    calls = {"n": 0}

    def stopping(what: str, done: float, total: float | None = None) -> None:
        calls["n"] += 1
        if what.startswith("judging"):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Exception, match="stopped") as caught:
        studies.run(path, out=tmp_path / "runs", progress=stopping)
    assert getattr(caught.value, "exit_code", None) == 130
    assert not list((tmp_path / "runs" / "books").glob("*/report.html"))
    again = studies.run(path, out=tmp_path / "runs")
    assert again.report.is_file()


def test_the_same_study_gives_the_same_tables(tmp_path: Path) -> None:
    path = files(tmp_path, camps())
    first, second = (studies.run(path, out=tmp_path / name, overrides=["seed=7"]) for name in ("a", "b"))
    assert first.answer == second.answer
    for name in first.tables:
        assert first.tables[name].equals(second.tables[name]), name


def test_rows_in_another_order_give_the_same_lists(tmp_path: Path) -> None:
    rows = camps()
    order = np.random.default_rng(3).permutation(len(rows["user"]))
    mixed = {name: values[order] for name, values in rows.items()}
    keys: dict[str, Any] = {"model": {"method": "ease"}}
    first, second = (run(tmp_path / name, some, **keys) for name, some in (("a", rows), ("b", mixed)))
    for column in ("user", "item", "rank"):
        assert first.tables["recommendations"][column].equals(second.tables["recommendations"][column])


# ---- the declaration ----------------------------------------------------------------------------------------------


def asked(**more: Any) -> RecommendStudy:
    """The study of these keys."""
    found = load(study(camps(4, 4, 2), **more), given=["interactions"]).study
    assert isinstance(found, RecommendStudy)
    return found


def test_a_download_brings_its_own_catalogue() -> None:
    found = load({"kind": "recommend", "name": "films", "interactions": {"source": "ml", "format": "movielens"}}).study
    assert isinstance(found, RecommendStudy)
    assert found.items is not None
    assert (found.items.source, found.items.download) == ("ml", "movielens items")
    question = question_of(found)
    assert question.like == 4.0
    assert tuple(question.features) == ("year", "genres")
    assert (
        question_of(found.model_copy(update={"model": found.model.model_copy(update={"method": "factors"})})).like
        is None
    )


def test_a_download_names_its_columns_itself() -> None:
    told = {"source": "ml", "format": "movielens", "columns": {"user": "u"}}
    with pytest.raises(StudyError) as caught:
        load({"kind": "recommend", "name": "films", "interactions": told})
    assert caught.value.faults[0].code == "recommend.needless"
    assert caught.value.faults[0].key == "interactions.columns"


def test_parameters_of_the_method_reach_it_under_their_names() -> None:
    question = question_of(asked(model={"method": "ease", "regularization": 50.0, "recency": 3.0}))
    assert question.parameters == {"regularization": 50.0, "recency": 3.0}


def test_a_new_study_is_valid_and_says_what_a_download_is() -> None:
    text = scaffold.text("recommend")
    assert 'format = "table"' in text
    assert "movielens or goodbooks" in text
    assert scaffold.schema("recommend")["properties"]["interactions"]


def test_a_movielens_download_is_run_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "ml-latest-small"
    home.mkdir()
    rows = camps(people=60, items=40)
    stars = np.where(rows["item"] % 5 == 0, 2.0, 4.5)
    told = {"userId": rows["user"], "movieId": rows["item"], "rating": stars, "timestamp": rows["time"]}
    arrow_csv.write_csv(pa.table(told), home / "ratings.csv")
    titles = {"movieId": range(40), "title": [f"Film {i} (19{50 + i})" for i in range(40)], "genres": ["Drama"] * 40}
    arrow_csv.write_csv(pa.table({k: list(v) for k, v in titles.items()}), home / "movies.csv")
    path = tmp_path / "films.toml"
    path.write_text(
        'kind = "recommend"\nname = "films"\n[interactions]\nsource = "ml-latest-small"\nformat = "movielens"\n'
        '[model]\nmethod = "ease"\n[evaluation]\nmethods = []\n'
    )
    found = studies.run(path, out=tmp_path / "runs")
    assert found.facts["ratings"] == 60 * 16
    assert found.facts["interactions"] == int((stars >= 4).sum())
    assert set(found.tables["recommendations"]["title"].to_pylist()) <= set(titles["title"])


def test_where_picks_do_not_stand_is_said(tmp_path: Path) -> None:
    found = run(tmp_path, camps(people=60, items=40), catalogue(40), model={"method": "ease"}, editors_picks=[7])
    assert any("rules.pins" in note for note in found.manifest["notes"])
    assert found.tables["everybody"]["item"][0].as_py() == 7
