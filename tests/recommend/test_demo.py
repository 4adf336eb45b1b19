"""The tables of the demo: real films, simulated members, and a verdict that turns as the year goes on."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv

from potomac.engine import Quiet
from potomac.errors import StudyError
from potomac.recommend import demo
from potomac.recommend.attributes.content import Content
from potomac.recommend.judging.verdict import Verdict, readiness
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.regression.ease import EASE
from potomac.studies import registry
from potomac.studies.check import check

STUDIES = ("demo-library-first.toml", "demo-library-quarter.toml", "demo-library-year.toml")


def shipped(name: str) -> str:
    return resources.files("potomac.recommend").joinpath(name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo as a user has it: its studies and its tables."""
    where = tmp_path_factory.mktemp("demo")
    for name in STUDIES:
        (where / name).write_text(shipped(name), encoding="utf-8")
    demo.prepare(str(where), Quiet())
    return where


def test_the_engine_names_its_studies() -> None:
    assert registry.engine("recommend").demos == STUDIES


def test_films_are_there_once_with_facts_and_in_plain_letters() -> None:
    films = demo.catalogue()
    assert films.num_rows == 2000
    assert films.column_names == ["film", "title", *demo.FEATURES]
    assert films["film"].to_pylist() == list(range(1, 2001))
    titles = films["title"].to_pylist()
    assert len(set(titles)) == 2000
    assert {"Léon", "Alien³", "Le Fabuleux destin d'Amélie Poulain"} <= {*titles}
    assert not any(sign in title for title in titles for sign in "ÈÍ˘Ω‰‡·")  # accents read in another code
    assert not any(title.endswith((", The", ", A")) for title in titles)
    assert films["genre"].null_count == 0


def test_years_are_those_of_the_films() -> None:
    """The source has Gone with the Wind (1939) in 2039."""
    films = demo.catalogue()
    years = dict(zip(films["title"].to_pylist(), films["year"].to_pylist(), strict=True))
    assert years["Gone with the Wind"] == 1939
    assert years["Titanic"] == 1997
    assert 1915 <= min(years.values()) <= max(years.values()) <= 2011


def test_no_marks_votes_or_money_are_among_the_facts() -> None:
    assert not any(
        word in name for name in demo.catalogue().column_names for word in ("gross", "budget", "imdb", "vote")
    )


def loans(folder: Path, name: str) -> pa.Table:
    return csv.read_csv(folder / name)


def test_earlier_tables_are_the_beginning_of_later_ones(folder: Path) -> None:
    weeks, quarter, year = (loans(folder, name) for name in demo.LOANS)
    assert weeks.num_rows < quarter.num_rows < year.num_rows
    assert year.slice(0, quarter.num_rows).equals(quarter)
    assert quarter.slice(0, weeks.num_rows).equals(weeks)


def test_members_borrow_about_as_much_as_is_said(folder: Path) -> None:
    """Lognormal with spread .8, mean 20: error 20 sqrt(exp(.64) - 1) / sqrt(3000)."""
    year = loans(folder, "loans-a-year.csv")
    many = np.bincount(pc.subtract(year["member"], 1).to_numpy(), minlength=demo.MEMBERS)
    assert len(many) == demo.MEMBERS
    assert abs(many.mean() - demo.EACH) < 4 * 20 * np.sqrt(np.exp(0.64) - 1) / np.sqrt(3000)


def test_the_studies_read_these_tables_and_say_that_people_are_simulated(folder: Path) -> None:
    for name in STUDIES:
        study = tomllib.loads(shipped(name))
        assert "simulated" in study["title"]
        assert study["interactions"]["source"] in demo.LOANS
        assert set(study["items"]["features"]) == set(demo.FEATURES)
        check(folder / name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("loans-two-weeks.csv", "not_yet"),
        ("loans-a-quarter.csv", "content_based"),
        ("loans-a-year.csv", "collaborative"),
    ],
)
def test_the_verdict_turns_as_the_year_goes_on(folder: Path, name: str, expected: Verdict) -> None:
    films = Items.of(demo.catalogue(), columns={"item": "film"}, features=demo.FEATURES)
    known = Interactions.of(loans(folder, name), columns={"user": "member", "item": "film"})
    models = {"collaborative": [EASE(200.0)], "content": [Content(popularity=1.0)]}
    assert readiness(known, films, models=models, growth=False).verdict == expected


def test_what_is_there_stays(folder: Path) -> None:
    before = (folder / "loans-two-weeks.csv").read_bytes()
    (folder / demo.FILMS).write_bytes(b"mine")
    demo.prepare(str(folder), Quiet())
    assert (folder / demo.FILMS).read_bytes() == b"mine"
    assert (folder / "loans-two-weeks.csv").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        demo.prepare(str(tmp_path / "nowhere"), Quiet())
    assert caught.value.faults[0].code == "demo.unwritable"
