"""What every engine owes, its demo included; one battery over the registry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from pydantic import BaseModel

from potomac.engine import Engine, Fact, Result, Rows
from potomac.errors import PotomacError
from potomac.spec import Study, TableSpec
from potomac.studies import fields, registry, scaffold
from potomac.studies.demo import demo
from potomac.studies.load import load
from potomac.studies.opened import Run

KINDS = sorted({point.name for point in metadata.entry_points(group="potomac.engines")} | {"toy"})
CHEAP = {"toy"}
"""Kinds whose demo takes a second; the others run theirs in their own tests and in ``make demo``."""


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return registry.engine(request.param)


def models(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> Iterator[type[BaseModel]]:
    """A model and all models inside it."""
    seen = set() if seen is None else seen
    if model in seen:
        return
    seen.add(model)
    yield model
    for info in model.model_fields.values():
        slots = [fields.slot_of(info), fields.element(fields.slot_of(info))]
        for slot in filter(None, slots):
            for option in fields.options(slot):
                if isinstance(option.annotation, type) and issubclass(option.annotation, BaseModel):
                    yield from models(option.annotation, seen)


def test_no_engine_is_broken() -> None:
    assert registry.faults() == ()


def test_the_declaration_is_complete(engine: Engine) -> None:
    assert issubclass(engine.study, Study)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", engine.kind)
    assert engine.summary.endswith(".")
    assert callable(engine.run)
    assert callable(engine.figures)
    names = [endpoint.name for endpoint in engine.endpoints]
    assert len(names) == len(set(names))


def test_every_key_says_what_it_is(engine: Engine) -> None:
    silent = [
        f"{model.__name__}.{name}"
        for model in models(engine.study)
        for name, info in model.model_fields.items()
        if name != "kind" and not info.description
    ]
    assert silent == []


def test_every_role_says_what_it_is(engine: Engine) -> None:
    roles = [role for model in models(engine.study) if issubclass(model, TableSpec) for role in model.roles]
    assert [role.name for role in roles if not role.meaning] == []


def test_the_schema_is_json_and_names_every_key(engine: Engine) -> None:
    schema = json.loads(json.dumps(scaffold.schema(engine.kind)))
    assert set(schema["properties"]) == set(fields.keys(engine.study))
    assert schema["properties"]["kind"]["const"] == engine.kind


def test_a_new_study_is_valid_as_it_is_written(engine: Engine, tmp_path: Path) -> None:
    loaded = load(scaffold.new(engine.kind, tmp_path / "study.toml"))
    assert loaded.study.kind == engine.kind


def test_a_new_study_names_every_key(engine: Engine) -> None:
    text = scaffold.text(engine.kind)
    for name in fields.keys(engine.study):
        assert re.search(rf"^(# )?(\[+{name}[.\]]|{name} = )", text, re.M), name


def test_every_key_of_a_new_study_has_a_comment_of_one_line(engine: Engine) -> None:
    lines = ["", *scaffold.text(engine.kind).splitlines()]
    key = re.compile(r"(# )?[A-Za-z_]+ = |(# )?columns\.")
    for before, comment, line in zip(lines, lines[1:], lines[2:], strict=False):
        if re.match(r"(# )?(?!kind)[A-Za-z_]+ = ", line):
            assert comment.startswith("# "), line
            assert not key.match(comment), line
            assert key.match(before) or before == "" or before.strip("# ").startswith("["), line


def test_endpoints_take_and_give_models(engine: Engine) -> None:
    for endpoint in engine.endpoints:
        assert issubclass(endpoint.ask, BaseModel)
        assert endpoint.reply is None or issubclass(endpoint.reply, BaseModel)
        if endpoint.example:
            endpoint.ask.model_validate(endpoint.example)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The runs of the cheap demos by kind."""
    folder = tmp_path_factory.mktemp("demo")
    outcomes = [outcome for _, outcome in demo(folder, kinds=sorted(CHEAP))]
    assert [outcome for outcome in outcomes if isinstance(outcome, PotomacError)] == []
    return {run.manifest["kind"]: run for run in outcomes if isinstance(run, Run)}


@pytest.fixture(params=sorted(CHEAP))
def run(request: pytest.FixtureRequest, examples: dict[str, Run]) -> Run:
    """The demo run of each cheap engine."""
    return examples[request.param]


def test_the_answer_is_a_sentence_with_a_number(run: Run) -> None:
    assert run.answer.endswith(".")
    assert re.search(r"\d", run.answer)


def test_facts_have_a_meaning_and_their_bounds_hold_them(run: Run) -> None:
    result: Result = run.result()
    assert any(fact.key for fact in result.facts)
    for fact in result.facts:
        assert fact.meaning.endswith(".")
        assert holds(fact), fact


def holds(fact: Fact) -> bool:
    """Whether the value lies within its interval."""
    if not isinstance(fact.value, int | float):
        return fact.low is None and fact.high is None
    return (fact.low is None or fact.low <= fact.value) and (fact.high is None or fact.value <= fact.high)


def test_figures_say_in_words_what_they_show(run: Run) -> None:
    assert sum(figure.role == "lead" for figure in run.figures) == 1
    for figure in run.figures:
        assert len(figure.alt) > 20
        assert figure.title
        for layer in figure.layers:
            ends = {layer.x, layer.y, layer.x2, layer.y2}
            looks = {layer.color, layer.series, layer.size, layer.label, layer.heading, *layer.tip}
            assert (ends | looks) - {None} <= set(layer.data.column_names)


def test_tables_that_the_report_shows_are_there(run: Run) -> None:
    result = run.result()
    for show in result.show:
        table = result.tables[show.table]
        assert isinstance(table, Rows)
        assert set(show.columns) <= set(table.schema.names)


def test_live_questions_are_answered_from_the_stored_model(run: Run) -> None:
    engine = registry.engine(run.manifest["kind"])
    for endpoint in engine.endpoints:
        model = endpoint.load(run.model) if endpoint.load else run.model
        reply = endpoint.answer(model, endpoint.ask.model_validate(endpoint.example))
        assert endpoint.reply is None or isinstance(reply, endpoint.reply)


def test_the_report_is_one_file_that_asks_no_network(run: Run) -> None:
    text = run.report.read_text(encoding="utf-8")
    assert run.answer in text
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"']?(https?:)?//", text)
