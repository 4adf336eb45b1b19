"""A study file -> a Study, or all that is wrong with it at once, each fault with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from potomac.errors import StudyError
from potomac.studies import dump
from potomac.studies.load import load


def faults(file: Path | str, settings=()) -> list[str]:
    with pytest.raises(StudyError) as caught:
        load(file, settings)
    return [str(fault) for fault in caught.value.faults]


def codes(file: Path | str, settings=()) -> list[str]:
    with pytest.raises(StudyError) as caught:
        load(file, settings)
    return [fault.code for fault in caught.value.faults]


def test_a_right_study(numbers: Path) -> None:
    loaded = load("study.toml")
    assert (loaded.study.name, loaded.study.seed, loaded.study.data.columns["value"].column) == ("numbers", 0, "value")
    assert loaded.engine.kind == "toy"


def test_all_faults_at_once_in_the_order_of_the_file(numbers: Path) -> None:
    Path("bad.toml").write_text(
        'kind = "toy"\nname = "Not A Slug"\nsead = 3\nseed = -1\nlevel = "0.5"\n'
        '[data]\nsorce = "x"\n[jitter]\nshape = "norml"\nscale = true\nsource = "y"\n'
    )
    found = faults("bad.toml")
    assert [fault.split(" ")[0] for fault in found] == [
        "bad.toml:2:",
        "bad.toml:3:",
        "bad.toml:4:",
        "bad.toml:5:",
        "bad.toml:6:",
        "bad.toml:7:",
        "bad.toml:9:",
        "bad.toml:10:",
        "bad.toml:11:",
    ]
    expected = [
        "such as strait-in-may",
        'Did you mean "seed"?',
        "a whole number from 0 below 2^63",
        "Write 0.5 without quotes",
        "data.source: this key is missing",
        'Did you mean "source"?',
        'one of "normal", "uniform". Did you mean "normal"?',
        "true is not valid here; expected a number from 0",
        "It belongs to [data]",
    ]
    for part, fault in zip(expected, found, strict=True):
        assert part in fault


def test_an_unknown_key_lists_the_valid_ones(numbers: Path) -> None:
    Path("study.toml").write_text(Path("study.toml").read_text() + "palette = 1\n")
    assert faults("study.toml") == [
        'study.toml:8: data.palette: no key is called "palette" here; the keys of [data] are source, query, columns'
    ]


def test_an_unknown_role_lists_the_valid_ones(numbers: Path) -> None:
    Path("study.toml").write_text(Path("study.toml").read_text() + 'columns.valeu = "x"\n')
    assert faults("study.toml") == [
        'study.toml:8: data.columns.valeu: no role is called "valeu" here; '
        'the roles of [data] are value, group. Did you mean "value"?'
    ]


def test_nothing_is_coerced_in_silence(numbers: Path) -> None:
    for setting in (
        "seed=true",
        'seed="1"',
        "seed=1.0",
        'jitter.scale="0.1"',
        "jitter.scale=inf",
        "jitter.scale=nan",
        "data.columns.value=3",
    ):
        assert codes("study.toml", [setting]) == ["study.value-invalid"]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ('name = "x"\n', "study.kind-missing", "the kinds here are "),
        ('knd = "toy"\n', "study.kind-missing", 'Write kind in place of "knd"'),
        ("kind = 3\n", "study.kind-unknown", "not a word"),
        ('\nkind = "tyo"\n', "study.kind-unknown", 'study.toml:2: kind: no kind is called "tyo"'),
    ],
)
def test_the_kind(numbers: Path, text: str, code: str, says: str) -> None:
    Path("study.toml").write_text(text)
    assert codes("study.toml") == [code]
    assert says in faults("study.toml")[0]


@pytest.mark.parametrize(
    ("setting", "where"),
    [
        ("x.y.z=1", "--set: x:"),
        ("jitter.scael=1", "--set: jitter.scael:"),
        ('data={columns={value=3}, source="numbers.csv"}', "--set: data.columns.value:"),
        ("data.columns.valeu=x", "--set: data.columns.valeu:"),
    ],
)
def test_what_the_command_line_got_wrong_is_said_to_stand_there(numbers: Path, setting: str, where: str) -> None:
    assert faults("study.toml", [setting])[0].startswith(where)


def test_a_table_in_memory_is_no_setting(numbers: Path) -> None:
    with pytest.raises(StudyError) as caught:
        load({"kind": "toy", "name": "n", "data": {"columns": {"value": 3}}}, given=["data"])
    assert str(caught.value).startswith("data.columns.value: the number 3")


@pytest.mark.parametrize("text", ["x = " + "[" * 5000 + "]" * 5000, "x = " + "{a = " * 3000 + "1" + "}" * 3000])
def test_a_study_without_ground_is_refused(numbers: Path, text: str) -> None:
    Path("study.toml").write_text(f'kind = "toy"\n{text}\n')
    assert codes("study.toml") == ["study.nesting"]


def test_settings_are_typed_like_toml(numbers: Path) -> None:
    study = load("study.toml", ["seed=7", "title=2024", "jitter.shape=uniform", "jitter.scale=0.5"]).study
    assert (study.seed, study.title, study.jitter.shape, study.jitter.scale) == (7, "2024", "uniform", 0.5)


def test_a_setting_may_be_a_whole_table(numbers: Path) -> None:
    study = load("study.toml", ['data.columns.value={column="a", unit="kn"}']).study
    assert (study.data.columns["value"].column, study.data.columns["value"].unit) == ("a", "kn")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("seed", '--set: "seed" has no ='),
        ("sead=1", '--set: sead: no key is called "sead" here'),
        ("seed=x", '--set: seed: the text "x" is not valid here'),
        ("seed=[1", "--set: seed: [1 is not a value"),
        ("seed.x=1", "--set: seed.x:"),
        ("=1", '--set: "" is not a key'),
        ("kind=other", "--set: kind: the kind of a study cannot be set here"),
    ],
)
def test_errors_of_a_setting_say_so(numbers: Path, setting: str, says: str) -> None:
    Path("study.toml").write_text("seed = 3\n" + Path("study.toml").read_text())
    assert faults("study.toml", [setting])[0].startswith(says)


def test_the_same_key_set_twice(numbers: Path) -> None:
    assert codes("study.toml", ["seed=1", "seed=2"]) == ["study.set-doubled"]


@pytest.mark.parametrize(
    "setting", ["seed=7", "title=other", "jitter.scale=0.5", "data.columns.group=group", 'data.columns={value="v"}']
)
def test_the_copy_of_a_study_as_run_reads_back_with_its_settings(numbers: Path, setting: str) -> None:
    Path("study.toml").write_text("# a remark\n" + Path("study.toml").read_text())
    loaded = load("study.toml", [setting])
    Path("again.toml").write_text(dump.as_run(loaded.document, loaded.settings, loaded.values))
    assert load("again.toml").study == loaded.study


def test_comments_of_the_study_stay_in_its_copy(numbers: Path) -> None:
    Path("study.toml").write_text("# a remark\n" + Path("study.toml").read_text())
    loaded = load("study.toml", ["title=other"])
    assert dump.as_run(loaded.document, loaded.settings, loaded.values).startswith("# a remark\n")


def test_a_mapping_and_a_study_are_as_good_as_a_file(numbers: Path) -> None:
    from_file = load("study.toml").study
    values = {"kind": "toy", "name": "numbers", "title": "What is the mean?"}
    data = {"source": "numbers.csv", "columns": {"value": "value"}}
    assert load({**values, "data": data}).study == from_file
    assert load(from_file).study == from_file
