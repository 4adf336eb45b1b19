"""What is wrong with tables and studies: each by the code of its fault and the key that it is about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from potomac import studies
from potomac.errors import DataError, Fault, NoAnswer, PotomacError, StudyError
from potomac.studies.check import check
from potomac.studies.load import load


def replaced(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


def fault(kind: type[PotomacError], run: Any, *args: Any, **parts: Any) -> Fault:
    """The first fault of a study that cannot be answered."""
    with pytest.raises(kind) as caught:
        run(*args, **parts)
    assert type(caught.value) is kind
    return caught.value.faults[0]


# ---- how many sites -----------------------------------------------------------------------------------------------


def test_more_sites_than_candidates(by_pair: Any) -> None:
    said = fault(NoAnswer, by_pair, problem={"p": 4})
    assert (said.code, said.key) == ("location.infeasible", "problem.p")
    assert "p = 4" in said.found
    assert "3" in said.found


def test_fewer_sites_than_are_there(by_pair: Any, sites: pa.Table) -> None:
    said = fault(NoAnswer, by_pair, {"candidates": sites.append_column("fixed", pa.array([1, 1, 0]))}, problem={"p": 1})
    assert (said.code, said.key) == ("location.infeasible", "problem.p")
    assert "fixed sites, 2" in said.found


def test_a_site_that_is_there_and_forbidden(by_pair: Any, sites: pa.Table) -> None:
    both = sites.append_column("fixed", pa.array([1, 0, 0])).append_column("forbidden", pa.array([1, 0, 0]))
    said = fault(DataError, by_pair, {"candidates": both})
    assert said.code == "location.fixed-forbidden"
    assert said.found.startswith("a ")


def test_candidates_that_are_all_forbidden(by_pair: Any, sites: pa.Table) -> None:
    said = fault(NoAnswer, by_pair, {"candidates": sites.append_column("forbidden", pa.array([1, 1, 1]))})
    assert (said.code, said.key) == ("location.infeasible", "candidates.columns.forbidden")
    assert said.found == "all 3 candidates are forbidden"


def test_a_flag_that_is_neither_yes_nor_no(by_pair: Any, sites: pa.Table) -> None:
    said = fault(DataError, by_pair, {"candidates": sites.append_column("fixed", pa.array(["perhaps", "", ""]))})
    assert (said.code, said.key) == ("location.flag", "candidates.columns.fixed")


def test_a_radius_that_one_site_cannot_keep_is_told_with_the_smallest_that_it_can(
    by_pair: Any, sites: pa.Table
) -> None:
    """Without a: each point has a candidate within 25, and b, the better of the two alone, has c at 26."""
    tables = {"candidates": sites.append_column("forbidden", pa.array([1, 0, 0]))}
    said = fault(NoAnswer, by_pair, tables, problem={"service_radius": 25})
    assert said.code == "location.infeasible"
    assert "the smallest radius that they can is 26" in said.found
    assert said.found.endswith("demand point c")
    assert by_pair(tables, problem={"service_radius": 26}).tables["sites"]["site"].to_pylist() == ["b"]


def test_rows_that_were_left_out_are_told_where_there_is_no_answer(by_pair: Any, places: pa.Table) -> None:
    some = replaced(places, "people", [100.0, -1.0, 80.0, None])
    said = fault(NoAnswer, by_pair, {"demand": some}, problem={"p": 4})
    assert said.found.startswith("p = 4 is above the number of candidates: there are 3; 2 rows were left out of demand")
    assert said.found.endswith("of demand: no weight 1, weight below 0 1")
    assert "left out" not in fault(NoAnswer, by_pair, problem={"p": 4}).found


# ---- weights ------------------------------------------------------------------------------------------------------


def test_the_longest_time_is_told_with_the_smallest_radius_as_well(by_pair: Any, sites: pa.Table) -> None:
    """Of b alone, c is at 26."""
    tables = {"candidates": sites.append_column("forbidden", pa.array([1, 0, 0]))}
    said = fault(NoAnswer, by_pair, tables, problem={"objective": "minimax", "service_radius": 25})
    assert "with 1 site the smallest radius is 26.00 minutes" in said.found
    assert said.found.endswith("leave out demand points c")


def test_weights_that_are_all_zero(by_pair: Any, places: pa.Table) -> None:
    said = fault(DataError, by_pair, {"demand": replaced(places, "people", [0.0] * 4)})
    assert (said.code, said.key) == ("location.weights-zero", "demand.columns.weight")


@pytest.mark.parametrize("weight", [-1.0, float("nan"), None])
def test_a_weight_that_is_none_rejects_its_row(by_pair: Any, places: pa.Table, weight: float | None) -> None:
    run = by_pair({"demand": replaced(places, "people", [100.0, weight, 80.0, 20.0])})
    assert run.rejected["row"].to_pylist() == [1]
    assert run.rejected["column"].to_pylist() == ["people"]
    assert run.facts["demand_points"] == 3
    assert run.tables["assignments"]["row"].to_pylist() == [0, 2, 3]


# ---- places -------------------------------------------------------------------------------------------------------


def test_latitude_and_longitude_exchanged_by_value(by_pair: Any, places: pa.Table) -> None:
    turned = places.rename_columns(["id", "longitude", "latitude", "people"])
    said = fault(DataError, by_pair, {"demand": turned})
    assert (said.code, said.key) == ("location.swapped", "demand.columns")
    assert "look swapped" in said.found


def test_latitude_and_longitude_exchanged_by_name(by_pair: Any, places: pa.Table) -> None:
    named = places.rename_columns(["id", "lon", "lat", "people"])
    east = replaced(replaced(named, "lon", [60.1, 60.2, 60.3, 60.4]), "lat", [24.9, 24.8, 24.7, 24.6])
    said = fault(DataError, by_pair, {"demand": east})
    assert (said.code, said.key) == ("location.swapped", "demand.columns")
    assert '"lon"' in said.found


def test_candidates_on_the_other_side_of_the_globe(by_pair: Any, places: pa.Table, sites: pa.Table) -> None:
    """Helsinki's longitude and latitude exchanged lie in Arabia, where nobody of the demand is."""
    north = replaced(replaced(places, "latitude", [60.1, 60.2, 60.15, 60.17]), "longitude", [24.9, 24.8, 24.95, 25.0])
    there = replaced(replaced(sites, "latitude", [24.9, 24.8, 24.95]), "longitude", [60.1, 60.2, 60.15])
    said = fault(DataError, by_pair, {"demand": north, "candidates": there})
    assert (said.code, said.key) == ("location.swapped", "candidates.columns")


def test_a_few_rows_among_many_with_latitude_and_longitude_exchanged_are_told_by_row(by_pair: Any) -> None:
    """Twelve towns of Finland; of two rows the places lie in Arabia, and exchanged in Finland."""
    north, east = np.linspace(60.2, 61.3, 12), np.linspace(24.0, 25.1, 12)
    north[[3, 7]], east[[3, 7]] = east[[3, 7]], north[[3, 7]]
    towns = pa.table({"id": [f"t{k}" for k in range(12)], "latitude": north, "longitude": east, "people": [1.0] * 12})
    said = fault(DataError, by_pair, {"demand": towns})
    assert (said.code, said.key) == ("location.swapped", "demand")
    assert "in 2 of 12 rows: 3, 7" in said.found


def test_places_on_both_sides_of_the_globe_are_no_mistake(ask: Any) -> None:
    """London, Lagos, Nairobi, Sydney, Tokyo, Santiago, New York: where one is far from all, it is not exchanged."""
    north = [51.5, 6.5, -1.3, -33.9, 35.7, -33.4, 40.7]
    east = [-0.1, 3.4, 36.8, 151.2, 139.7, -70.7, -74.0]
    cities = pa.table({"id": [*"abcdefg"], "latitude": north, "longitude": east})
    assert ask({"demand": cities}).facts["demand_points"] == 7


def test_half_a_place(by_pair: Any, places: pa.Table) -> None:
    said = fault(StudyError, by_pair, {"demand": places.drop_columns(["longitude"])})
    assert (said.code, said.key) == ("location.place-missing", "demand.columns.longitude")


def test_an_id_that_is_there_twice(by_pair: Any, places: pa.Table) -> None:
    said = fault(DataError, by_pair, {"demand": replaced(places, "id", ["a", "b", "a", "d"])})
    assert (said.code, said.key) == ("location.id-twice", "demand.columns.id")
    assert said.found == "an id is there more than once: a (rows 0, 2; the first row is 0)"


# ---- travel times by pair -----------------------------------------------------------------------------------------


def test_a_matrix_without_rows(by_pair: Any, times: pa.Table) -> None:
    with pytest.raises(DataError):
        by_pair({"travel.matrix": times.slice(0, 0)})


def test_a_matrix_of_other_ids(by_pair: Any, times: pa.Table) -> None:
    said = fault(DataError, by_pair, {"travel.matrix": replaced(times, "origin", ["x"] * 12)})
    assert said.code == "location.matrix-foreign"


def test_times_that_are_no_numbers_reject_their_row(by_pair: Any, times: pa.Table) -> None:
    """Without b to a (11 minutes) b is out of reach of a: a and c serve the others, b serves itself."""
    run = by_pair({"travel.matrix": replaced(times, "minutes", [np.nan, *times["minutes"].to_pylist()[1:]])})
    assert run.rejected["row"].to_pylist() == [0]


def test_a_pair_that_is_there_twice_counts_with_the_shorter_time(by_pair: Any, times: pa.Table) -> None:
    more = pa.table({"origin": ["b", "b"], "destination": ["a", "a"], "minutes": [5.0, 50.0]})
    run = by_pair({"travel.matrix": pa.concat_tables([times, more])})
    assert run.facts["objective"] == pytest.approx(2070 - 50 * (11 - 5))
    assert any("more than once" in note for note in run.manifest["notes"])


def test_a_point_without_a_way_is_named_and_set_aside(by_pair: Any, times: pa.Table) -> None:
    """Without the rows of d the others are served: a 1,670."""
    run = by_pair({"travel.matrix": times.slice(0, 9)})
    assert run.facts["unreached_points"] == 1
    assert run.tables["unreached"]["id"].to_pylist() == ["d"]
    assert run.tables["unreached"]["row"].to_pylist() == [3]
    assert run.facts["objective"] == pytest.approx(1670.0)
    assert "1 demand point (d) with 8 % of the weight has no way to any candidate." in run.answer


def test_pairs_without_a_row_are_counted_and_the_first_is_named(by_pair: Any, times: pa.Table) -> None:
    one = by_pair({"travel.matrix": pa.concat_tables([times.slice(0, 3), times.slice(4)])})
    assert "1 pair has no row in the matrix, which stands for no way: b to a." in one.manifest["notes"]
    three = by_pair({"travel.matrix": times.slice(0, 9)})
    said = "3 of 12 pairs have no row in the matrix, which stands for no way: the first is d to a."
    assert said in three.manifest["notes"]
    assert not any("no row in the matrix" in note for note in by_pair().manifest["notes"])


def test_points_that_no_one_site_reaches_are_told_by_id(by_pair: Any, times: pa.Table) -> None:
    """a and b are joined, c and d are joined, and nothing joins the two: one site cannot serve all, two can."""
    some = times.take([0, 1, 3, 4, 8, 11])
    said = fault(NoAnswer, by_pair, {"travel.matrix": some})
    assert said.code == "location.infeasible"
    assert by_pair({"travel.matrix": some}, problem={"p": 2}).facts["objective"] == pytest.approx(50 * 11 + 20 * 30)


# ---- studies that do not fit together -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "code", "key"),
    [
        ({"objective": "max_coverage"}, "location.radius-missing", "problem.service_radius"),
        ({"objective": "set_cover", "service_radius": 9, "p": 2}, "location.p-needless", "problem.p"),
        ({"objective": "quantile", "site": "anywhere"}, "location.anywhere", "problem.site"),
        ({"objective": "fixed_charge"}, "location.cost-missing", "candidates"),
        ({"objective": "minimum"}, "study.value-invalid", "problem.objective"),
        ({"p": 0}, "study.value-invalid", "problem.p"),
    ],
)
def test_a_problem_that_makes_no_sense(by_pair: Any, problem: dict[str, Any], code: str, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        by_pair(problem=problem)
    assert (code, key) in {(one.code, one.key) for one in caught.value.faults}


@pytest.mark.parametrize(
    ("travel", "code"),
    [
        ({"model": "road"}, "location.table-missing"),
        ({"model": "circuity_density"}, "location.density-missing"),
        ({"model": "circuity", "profile": [1.0]}, "location.profile"),
        ({"model": "teleport"}, "study.value-invalid"),
        ({"model": "circuity", "profile": [1.0] * 23 + [-1.0]}, "study.value-invalid"),
        ({"model": "circuity", "speeds": {"residential": 0.0}}, "study.value-invalid"),
        ({"model": "circuity", "sample_pairs": 200}, "location.table-missing"),
    ],
)
def test_travel_that_makes_no_sense(ask: Any, places: pa.Table, travel: dict[str, Any], code: str) -> None:
    with pytest.raises(StudyError) as caught:
        ask({"demand": places}, travel=travel)
    assert code in {one.code for one in caught.value.faults}


def test_an_hour_that_is_none_is_told_before_the_run(ask: Any, places: pa.Table) -> None:
    said = fault(StudyError, ask, {"demand": places}, scenarios={"count": 0, "hours": [8, 30]})
    assert (said.code, said.key) == ("study.value-invalid", "scenarios.hours.1")


def test_the_line_of_a_factor_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    profile = ", ".join(["1.0"] * 23)
    file.write_text(
        'kind = "location"\nname = "here"\n[demand]\nsource = "d.csv"\ncolumns.latitude = "a"\n'
        f'columns.longitude = "b"\n[travel]\nprofile = [{profile}, -1]\n'
    )
    said = fault(StudyError, load, file)
    assert (said.line, said.key) == (8, "travel.profile.23")


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        ({"travel": {"model": "matrix", "departure": 8.0}}, "travel.departure"),
        ({"scenarios": {"count": 0, "hours": [8, 17]}}, "scenarios.hours"),
    ],
)
def test_times_of_a_matrix_know_no_hour(by_pair: Any, parts: dict[str, Any], key: str) -> None:
    said = fault(StudyError, by_pair, **parts)
    assert (said.code, said.key) == ("location.matrix-hour", key)


def test_times_of_a_matrix_are_multiplied_where_a_profile_is_given(by_pair: Any) -> None:
    """2,070 in all at a, twice that at twice the time; without an hour they are what they are."""
    profile = [2.0] * 24
    run = by_pair(travel={"model": "matrix", "departure": 8.0, "profile": profile})
    assert run.facts["objective"] == pytest.approx(2 * 2070)
    plain = by_pair(travel={"model": "matrix"})
    assert plain.facts["objective"] == pytest.approx(2070)
    assert not any("empty road" in note for note in plain.manifest["notes"])


def test_costs_that_the_objective_does_not_count_are_refused(by_pair: Any, sites: pa.Table) -> None:
    tables = {"candidates": sites.append_column("cost", pa.array([1.0, 2.0, 3.0]))}
    said = fault(StudyError, by_pair, tables)
    assert (said.code, said.key) == ("location.needless", "candidates.columns.cost")


def test_candidates_where_sites_may_be_anywhere(ask: Any, places: pa.Table, sites: pa.Table) -> None:
    problem = {"site": "anywhere", "p": 2}
    said = fault(StudyError, ask, {"demand": places, "candidates": sites}, problem=problem)
    assert (said.code, said.key) == ("location.anywhere", "candidates")
    there = sites.append_column("fixed", pa.array([1, 0, 0]))
    run = ask({"demand": places, "candidates": there}, problem=problem)
    assert any("2 candidates that are not there yet are left aside" in note for note in run.manifest["notes"])


def test_keys_of_another_model_are_told(ask: Any, places: pa.Table, times: pa.Table) -> None:
    run = ask({"demand": places, "travel.matrix": times}, travel={"model": "circuity", "exponent": 1.5})
    assert "The model circuity makes nothing of travel.matrix, travel.exponent." in run.manifest["notes"]
    assert not any("makes nothing" in note for note in ask({"demand": places}).manifest["notes"])


def test_a_square_matrix_is_told_how_a_row_a_pair_looks(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("id\na\nb\n")
    (tmp_path / "square.csv").write_text("id,a,b\na,0,1\nb,1,0\n")
    (tmp_path / "study.toml").write_text(
        'kind = "location"\nname = "here"\n[demand]\nsource = "places.csv"\ncolumns.id = "id"\n'
        '[travel]\nmodel = "matrix"\n[travel.matrix]\nsource = "square.csv"\ncolumns.origin = "id"\n'
    )
    said = fault(StudyError, check, tmp_path / "study.toml")
    assert (said.code, said.line) == ("data.role-missing", 10)
    assert "its columns are id, a, b" in said.expected
    assert said.mend.startswith("A row a pair is expected: a line origin,destination,minutes")


def test_faults_of_a_model_have_the_keys_of_the_study(ask: Any, places: pa.Table) -> None:
    """What the library calls ``sample`` is [travel.sample] here."""
    ends = {"from_latitude": 38.9, "from_longitude": -77.0, "to_latitude": 38.95, "to_longitude": -77.1}
    trips = pa.table({name: [value] * 5 for name, value in {**ends, "minutes": 10.0}.items()})
    said = fault(DataError, ask, {"demand": places, "travel.sample": trips})
    assert (said.code, said.key) == ("location.sample", "travel.sample")
    assert "5 pairs" in said.found


def test_long_names_are_cut_in_messages(by_pair: Any, places: pa.Table) -> None:
    long = "n" * 3000
    said = fault(DataError, by_pair, {"demand": replaced(places, "id", [long, long, "c", "d"])})
    assert said.code == "location.id-twice"
    assert len(str(said)) < 400


def test_no_places_for_a_model_that_needs_them(tmp_path: Path) -> None:
    """Of an object it is not known beforehand whether it brings its places, as a GeoDataFrame does."""
    study = {"kind": "location", "name": "here", "demand": {"columns": {"id": "id"}}}
    said = fault(DataError, studies.run, study, tmp_path, tables={"demand": pa.table({"id": ["a"]})})
    assert (said.code, said.key) == ("location.place-missing", "demand.columns")


class Points:
    """What a GeoSeries of points says of itself."""

    name = "geometry"

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y, self.geom_type = pd.Series(x), pd.Series(y), ["Point"] * len(x)


class GeoFrame(pd.DataFrame):
    """What a GeoDataFrame is: a frame with a geometry, here in metres east and north of 24 degrees east, 60 north."""

    crs: Any = "EPSG:local"

    @property
    def geometry(self) -> Any:
        return Points(24 + self["geometry"] / 55_600, 60 + self["geometry"] / 111_200)

    def to_crs(self, crs: int) -> GeoFrame:
        assert crs == 4326
        return self


def test_a_geodataframe_brings_its_places(tmp_path: Path) -> None:
    """Metres are turned into degrees by the frame itself: of three towns on a line the middle one is the best."""
    frame = GeoFrame({"town": ["west", "middle", "east"], "geometry": [0.0, 1000.0, 2000.0]})
    study = {"kind": "location", "name": "here", "demand": {"columns": {"id": "town"}}, "scenarios": {"count": 0}}
    run = studies.run(study, tmp_path, tables={"demand": frame})
    assert run.tables["sites"].select(["site", "latitude"]).to_pylist() == [
        {"site": "middle", "latitude": pytest.approx(60 + 1000 / 111_200)}
    ]
    frame.crs = None
    said = fault(DataError, studies.run, study, tmp_path, tables={"demand": frame})
    assert (said.code, said.key) == ("data.crs-missing", "demand.source")


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        ({"objective": "minimax"}, "location.capacity-unknown"),
        ({"objective": "max_coverage", "service_radius": 30}, "location.capacity-unknown"),
        ({"site": "anywhere"}, "location.capacity-unknown"),
        ({"site": "anywhere", "service_radius": 30}, "location.anywhere"),
    ],
)
def test_what_would_be_left_aside_is_refused(
    ask: Any, places: pa.Table, sites: pa.Table, problem: dict[str, Any], code: str
) -> None:
    """Capacities and radii that a search does not know are no detail that an answer may leave out."""
    limited = sites.append_column("capacity", pa.array([200.0] * 3))
    with pytest.raises(StudyError) as error:
        ask({"demand": places, "candidates": limited}, problem=problem)
    assert code in [fault.code for fault in error.value.faults]


def test_a_place_is_shared_where_that_is_asked_for(ask: Any, places: pa.Table, sites: pa.Table) -> None:
    """250 people, three sites for 84 each: no whole place fits beside another, shared they do."""
    limited = sites.append_column("capacity", pa.array([84.0] * 3))
    problem = {"p": 3, "single_source": False}
    run = ask({"demand": places, "candidates": limited}, problem=problem)
    assert run.tables["sites"]["weight"].to_pylist() == pytest.approx([84.0, 84.0, 82.0], abs=3.0)
    assert max(run.tables["sites"]["used"].to_pylist()) <= 1 + 1e-9
    with pytest.raises(NoAnswer):
        ask({"demand": places, "candidates": limited}, problem=problem | {"single_source": True})


def test_names_in_a_report_are_short_and_steer_nothing(ask: Any, places: pa.Table) -> None:
    """A name of 3,000 letters would stand in each tip, and U+202E turns round what follows it."""
    names = ["n" * 3000, "b\u202egnp", "c", "d"]
    run = ask({"demand": replaced(places, "id", names)}, problem={"p": 2})
    page = re.sub(r'data-v="[^"]*"', "", run.report.read_text())  # what is sorted by may be whole
    assert "\u202e" not in page
    assert not re.search("n{601}", page)
    assert not re.search("<title>[^<]*n{100}", page)
    assert max(map(len, run.answer.split())) < 100
    assert run.tables["assignments"]["id"].to_pylist() == names


def test_links_that_are_there_twice_or_have_no_length(ask: Any) -> None:
    """Of parallel links the shorter counts, a link of no length is a way of no time, and a loop leads nowhere."""
    links = pa.table(
        {"from": ["a", "a", "b", "b"], "to": ["b", "b", "c", "b"], "length": [2000.0, 1000.0, 0.0, 0.0],
         "class": ["street"] * 4}
    )  # fmt: skip
    tables = {"demand": pa.table({"id": ["a"]}), "candidates": pa.table({"id": ["c"]}), "travel.links": links}
    run = ask(tables, travel={"model": "road", "speeds": {"street": 60.0}})
    assert run.tables["assignments"]["minutes"].to_pylist() == pytest.approx([1.0])
