"""Pages as a browser without script gets them: each state, each refusal, and nothing that a value could become."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from potomac.report import page as report
from potomac.server.accounts.models import User
from potomac.server.catalog.models import Draft, Product, Run, Source
from potomac.server.flows import products
from potomac.server.flows.base import Actor
from potomac.server.jobs.models import Job

pytestmark = pytest.mark.django_db

EVIL = "<script>alert(1)</script>"


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:2000]
    return response.content.decode()


@pytest.fixture
def ada(person: Callable[..., User]) -> User:
    return person("ada", role="publisher")


@pytest.fixture
def home_page(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


@pytest.fixture
def published(ada: User, finished: Callable[..., Run]) -> Callable[..., Product]:
    def make(slug: str = "strait", visibility: str = "public", **more: Any) -> Product:
        run = finished(ada, **more)
        return products.publish(Actor(user=ada), run.pk, slug, visibility=visibility).product

    return make


@pytest.fixture
def source(ada: User) -> Source:
    columns = [
        {"name": name, "type": "number", "examples": ["56.1"], "nulls": 0, "low": low, "high": high}
        for name, low, high in (("lat", 56.0, 57.0), ("lon", 11.0, 12.0), (EVIL, 0.0, 1.0))
    ]
    preview = {"columns": columns, "rows": [["56.1", None, EVIL]], "notes": [f"the last column is called {EVIL}"]}
    return Source.objects.create(owner=ada, name="strait.csv", kind="upload", state="ready", rows=1000, preview=preview)


# ---- one look -------------------------------------------------------------------------------------------------------


def test_the_sheets_are_the_reports_own() -> None:
    served = "\n".join(Path(finders.find(f"report/{n}")).read_text() for n in ("tokens.css", "page.css", "figure.css"))  # type: ignore[arg-type]
    assert served == str(report.styles())
    assert Path(finders.find("report/page.js")).read_text() == str(report.script())  # type: ignore[arg-type]


def test_own_sheets_set_no_colour_of_their_own() -> None:
    own = Path(finders.find("potomac/site.css")).read_text()  # type: ignore[arg-type]
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsl", own)
    assert set(re.findall(r"var\((--[\w-]+)\)", own)) <= set(re.findall(r"(--[\w-]+):", str(report.styles())))


def test_pages_hold_no_inline_script_or_style_and_name_no_other_host(home_page: Client, published: Any) -> None:
    published()
    for address in ("/", "/sources/", "/studies/", "/studies/new/outliers/", "/runs/", "/p/strait/", "/nothing/"):
        page = home_page.get(address).content.decode()
        assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=\"", page) == []
        assert re.findall(r"<(?!a\b)[a-z]+[^<>]*\s(?:src|href|action)=\"(?:https?:)?//", page) == []
        assert "script-src 'self'" in home_page.get(address).headers["Content-Security-Policy"]


# ---- gallery and products -------------------------------------------------------------------------------------------


def test_the_gallery_says_what_to_do_while_it_is_empty(client: Client, home_page: Client) -> None:
    assert "Begin a study" in text(home_page.get("/"))
    assert "Sign in" in text(Client().get("/"))


def test_the_gallery_shows_what_one_may_see(home_page: Client, published: Any) -> None:
    published("open", title=EVIL)
    published("mine", "private")
    mine, others = text(home_page.get("/")), text(Client().get("/"))
    assert "/p/open/" in mine
    assert "/p/mine/" in mine
    assert "/p/open/" in others
    assert "/p/mine/" not in others
    assert EVIL not in others
    assert "&lt;script&gt;" in others
    assert "1 found" in text(Client().get("/?q=alert"))
    assert "Nothing here has" in text(Client().get("/?q=whales"))


def test_a_product_page_has_the_reports_parts(client: Client, published: Any) -> None:
    published()
    page = text(client.get("/p/strait/"))
    for part in ('id="answer"', 'class="keys"', 'class="lead"', 'id="facts"', 'id="sure"', 'id="method"', 'id="again"'):
        assert part in page
    assert 'id="ask-score"' in page
    assert "/api/v1/products/strait/tables/scores/download/parquet" in page
    assert "Title, who sees it" not in page


def test_a_picture_of_a_million_points_stays_small() -> None:
    """Above some hundred marks a map is sent as a picture of densities, drawn here: no point is sent as an object."""
    import numpy as np
    import pyarrow as pa

    from potomac.engine import Figure, Layer

    place = np.random.default_rng(1).normal([57.0, 11.0], [0.5, 0.8], (1_000_000, 2))
    data = pa.table({"lat": place[:, 0], "lon": place[:, 1]})
    figure = Figure("all", "All", "", (Layer("point", data, "lon", "lat"),), kind="map", role="lead")
    assert len(report.picture(figure).encode()) < 2 * 2**20  # for a desktop and a phone; a page may have 8 MB


def test_a_question_is_answered_without_script(client: Client, published: Any) -> None:
    published()
    asked = "/p/strait/ask/score/?latitude=56.5&longitude=11.0&speed=10&heading="
    page = text(client.get(asked))
    assert "The answer</h4>" in page
    assert 'value="56.5"' in page
    part = text(client.get(asked, headers={"X-Part": "1"}))
    assert part.lstrip().startswith("<section")
    assert "Outlier score" in part
    assert "Note" not in part
    elsewhere = text(client.get("/p/strait/ask/score/?latitude=0&longitude=0", headers={"X-Part": "1"}))
    assert "no estimate" in elsewhere, "where no record of the run carries a score, the page says so"
    assert "How it was done" not in part


def test_a_question_that_is_wrong_is_told_at_its_field(client: Client, published: Any) -> None:
    published()
    page = text(client.get(f"/p/strait/ask/score/?latitude=north&longitude={EVIL}", headers={"X-Part": "1"}))
    fault = re.search(r'id="score-fault-latitude"[^>]*>([^<]+)', page)
    assert fault
    assert "valid number" in fault[1]
    assert EVIL not in page
    assert client.get("/p/strait/ask/nothing/").status_code == 404


def test_by_link_and_private(client: Client, home_page: Client, published: Any) -> None:
    product = published("linked", "link")
    visitor = Client()
    assert visitor.get("/p/linked/").status_code == 404
    assert visitor.get("/p/linked/?key=wrong").status_code == 404
    page = text(visitor.get(f"/p/linked/?key={product.link}"))
    assert f"?link={product.link}" in page  # downloads carry the link on
    for more in ("embed/", "report/", "tables/scores/", "ask/score/?latitude=1&longitude=1&"):
        joined = "&" if "?" in more else "?"
        assert visitor.get(f"/p/linked/{more}").status_code == 404
        assert visitor.get(f"/p/linked/{more}{joined}key={product.link}").status_code == 200
    published("secret", "private")
    for more in ("", "embed/", "report/", "tables/scores/", "ask/score/"):
        assert visitor.get(f"/p/secret/{more}").status_code == 404
    assert home_page.get("/p/secret/").status_code == 200
    assert home_page.get("/p/secret/embed/").status_code == 404  # nobody else could see the frame


def test_only_the_embedded_page_may_stand_in_a_frame(client: Client, published: Any) -> None:
    published()
    frame, page = client.get("/p/strait/embed/"), client.get("/p/strait/")
    assert "frame-ancestors *" in frame.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in frame.headers
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert 'class="lead"' in text(frame)


def test_the_report_is_served_with_the_policy_that_it_states(client: Client, published: Any) -> None:
    published()
    response = client.get("/p/strait/report/")
    policy = response.headers["Content-Security-Policy"]
    assert policy == f"{report.policy()}; frame-ancestors 'none'"
    assert "<h1" in text(response)
    saved = client.get("/p/strait/report/?download")
    assert saved.headers["Content-Disposition"] == 'attachment; filename="strait.html"'


def test_the_picture_of_a_card_can_do_nothing(client: Client, published: Any) -> None:
    published()
    response = client.get("/p/strait/picture/")
    policy = response.headers["Content-Security-Policy"]
    assert text(response).startswith("<svg")
    assert "sandbox" in policy
    assert "unsafe" not in policy
    assert "script" not in policy


def test_a_table_is_shown_page_by_page(client: Client, home_page: Client, published: Any) -> None:
    published()
    visitor = Client()
    first, last = text(visitor.get("/p/strait/tables/scores/")), text(visitor.get("/p/strait/tables/scores/?page=4"))
    assert "Rows 1 to 100 of 400" in first
    assert "Rows 301 to 400 of 400" in last
    assert "Rows 301 to 400 of 400" in text(visitor.get("/p/strait/tables/scores/?page=99"))
    assert "=vessel" in first
    ranked = text(visitor.get("/p/strait/tables/scores/?sort=outlier_score&order=descending"))
    assert 'aria-sort="descending"' in ranked
    assert visitor.get("/p/strait/tables/nothing/").status_code == 404
    assert visitor.get("/p/strait/tables/scores/?sort=nothing").status_code == 404
    assert text(home_page.get("/p/strait/tables/scores/")).count("<tr>") == first.count("<tr>")


def test_ready_bytes_of_a_table_are_not_sent_twice_and_end_with_the_publicity(
    client: Client, ada: User, published: Any
) -> None:
    published()
    response = client.get("/p/strait/tables/scores/")
    assert (
        client.get("/p/strait/tables/scores/", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    )
    products.change(Actor(user=ada), "strait", visibility="private")
    assert client.get("/p/strait/tables/scores/").status_code == 404


def test_versions_roll_back_and_the_address_changes_its_visibility(home_page: Client, published: Any) -> None:
    published()
    product = published()
    assert product.default
    assert product.default.number == 2
    page = text(home_page.get("/p/strait/?version=1"))
    assert "This is version 1." in page
    home_page.post("/p/strait/change/", {"act": "default", "number": "1"})
    home_page.post("/p/strait/change/", {"act": "settings", "title": EVIL, "visibility": "link"})
    product = Product.objects.get(slug="strait")
    assert product.default
    assert (product.default.number, product.title, product.visibility) == (1, EVIL, "link")
    before = product.link
    home_page.post("/p/strait/change/", {"act": "link"})
    assert Product.objects.get(slug="strait").link != before
    assert EVIL not in text(home_page.get("/p/strait/"))
    assert home_page.post("/p/strait/change/", {"act": "no such act"}).status_code == 404
    assert "No visibility is called" in text(
        home_page.post("/p/strait/change/", {"act": "settings", "visibility": "all"}, follow=True)
    ).replace("no visibility", "No visibility")
    home_page.post("/p/strait/change/", {"act": "delete"})
    assert not Product.objects.exists()


def test_others_change_nothing(client: Client, person: Any, published: Any) -> None:
    published()
    client.force_login(person("bob", role="publisher"))
    for act in ("settings", "default", "link", "delete"):
        response = client.post("/p/strait/change/", {"act": act, "number": "1", "visibility": "private"})
        assert response.status_code == 403
    assert Product.objects.get().visibility == "public"


# ---- sources --------------------------------------------------------------------------------------------------------


def test_an_upload_leads_to_its_page_and_waits_to_be_looked_at(home_page: Client) -> None:
    assert "None yet" in text(home_page.get("/sources/"))
    file = SimpleUploadedFile("strait.csv", b"lat,lon\n56.1,11.2\n")
    page = text(home_page.post("/sources/", {"way": "upload", "file": file}, follow=True))
    assert "being looked at" in page
    assert "data-poll" in page
    assert "strait.csv" in text(home_page.get("/sources/"))


def test_an_upload_that_is_not_taken_says_why(home_page: Client) -> None:
    assert "No file came" in text(home_page.post("/sources/", {"way": "upload"}), 422)
    empty = SimpleUploadedFile("strait.csv", b"")
    assert "summary" in text(home_page.post("/sources/", {"way": "upload", "file": empty}), 422)
    assert "summary" in text(home_page.post("/sources/", {"way": "folder", "folder": "..", "path": "/etc/passwd"}), 422)
    assert "summary" in text(
        home_page.post("/sources/", {"way": "database", "database": "x", "name": "y", "query": "z"}), 422
    )
    assert not Source.objects.exists()


def test_a_source_is_seen_before_anything_is_computed(home_page: Client, source: Source) -> None:
    page = text(home_page.get(reverse("source", args=[source.pk])))
    assert "1,000 rows" in page
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 4  # column, heading, cell, note
    assert "/studies/new/outliers/?source=strait.csv" in page
    assert "data-settled" in text(home_page.get(reverse("source-state", args=[source.pk])))


def test_a_refused_source_says_why(home_page: Client, source: Source) -> None:
    Source.objects.update(state="refused", reason="Line 7 has 4 fields; expected 3")
    page = text(home_page.get(reverse("source", args=[source.pk])))
    assert "Line 7 has 4 fields" in page
    assert "New outliers study" not in page


@pytest.mark.parametrize(
    ("kind", "state", "offered"),
    [
        ("upload", "refused", True),  # a look may have run out of time, or a limit been raised
        ("upload", "ready", False),  # the same bytes
        ("folder", "ready", True),  # the file may be another one by now
        ("database", "refused", True),
        ("folder", "checking", False),
    ],
)
def test_a_source_is_looked_at_again_where_that_may_find_something_else(
    home_page: Client, source: Source, kind: str, state: str, offered: bool
) -> None:
    Source.objects.update(kind=kind, state=state, reason="The look took longer than 120 s", folder="f", path="p.csv")
    address = reverse("source", args=[source.pk])
    assert ("Look at it again" in text(home_page.get(address))) == offered
    if offered:
        assert "being looked at" in text(home_page.post(address, {"act": "look"}, follow=True))
        assert list(Job.objects.values_list("task", "about", "state")) == [("source", source.pk, "queued")]
        assert "is being looked at already" in text(home_page.post(address, {"act": "look"}, follow=True))


def test_deleting_a_source_says_what_stays(home_page: Client, source: Source) -> None:
    address = reverse("source", args=[source.pk])
    assert "No run has read it" in text(home_page.get(address))
    assert "is deleted" in text(home_page.post(address, {"act": "delete"}, follow=True))
    assert home_page.get(address).status_code == 404


# ---- studies --------------------------------------------------------------------------------------------------------


def test_a_new_study_begins_with_guesses_for_its_source(home_page: Client, source: Source) -> None:
    page = text(home_page.get("/studies/new/outliers/?source=strait.csv"))
    assert re.search(r'name="data.columns.latitude"[\s\S]{0,400}?<option value="lat" selected>', page)
    assert "columns.latitude = &quot;lat&quot;" in page
    assert EVIL not in page
    assert home_page.get("/studies/new/nothing/").status_code == 404


FORM = {
    "name": "strait", "title": "Who is odd?", "data.source": "strait.csv",
    "data.columns.latitude": "lat", "data.columns.longitude": "lon", "model.method": "logistic",
}  # fmt: skip


def test_what_is_wrong_stands_at_its_field_and_at_the_top(home_page: Client, source: Source) -> None:
    sent = {**FORM, "name": "Strait!", "top": "0", "data.columns.speed": "gone", "act": "check"}
    page = text(home_page.post("/studies/new/outliers/", sent))
    assert "things to mend" in page
    assert '<a href="#f-top">top</a>' in page
    assert re.search(r'id="fault-top"[^>]*>[^<]*a whole number from 1 to 10000', page)
    assert re.search(r'id="f-name"[^>]*aria-invalid="true"', page)
    page = text(home_page.post("/studies/new/outliers/", {**FORM, "data.columns.speed": "gone", "act": "check"}))
    assert re.search(r'id="fault-data.columns.speed"[^>]*>[^<]*No column &quot;gone&quot;', page)


def test_faults_wait_until_they_are_asked_for(home_page: Client, source: Source) -> None:
    page = text(home_page.get("/studies/new/outliers/"))
    assert "to mend before it can run" not in page
    assert "missing or wrong" in page


def test_a_study_is_kept_downloaded_and_edited_as_text(home_page: Client, source: Source) -> None:
    file = home_page.post("/studies/new/outliers/", {**FORM, "act": "download"})
    assert file.headers["Content-Disposition"] == 'attachment; filename="my-outliers.toml"'
    assert 'method = "logistic"' in text(file)
    home_page.post("/studies/new/outliers/", {**FORM, "act": "save"})
    draft = Draft.objects.get()
    assert draft.text == file.content.decode()
    assert "Nothing is wrong" in text(home_page.get(f"/studies/{draft.pk}/?checked=1"))
    as_text = text(home_page.post(f"/studies/{draft.pk}/", {**FORM, "act": "text"}))
    assert '<textarea id="text"' in as_text
    broken = text(home_page.post(f"/studies/{draft.pk}/", {"text": "kind = ", "act": "form", "checked": "1"}))
    assert '<textarea id="text"' in broken
    assert "line 1" in broken
    edited = draft.text.replace("\n", "\r\n") + "\r\n[grid]\r\ncell_km = 20.0\r\n"
    page = text(home_page.post(f"/studies/{draft.pk}/", {"text": edited, "act": "form"}))
    assert re.search(r'name="grid.cell_km" value="20.0"', page)
    home_page.post(f"/studies/{draft.pk}/", {"text": edited, "act": "save"})
    assert "cell_km = 20.0" in text(home_page.get(f"/studies/{draft.pk}/file/"))
    home_page.post(f"/studies/{draft.pk}/", {"act": "delete"})
    assert not Draft.objects.exists()


def test_parts_are_added_and_removed_without_script(home_page: Client, source: Source) -> None:
    page = text(home_page.post("/studies/new/outliers/", {**FORM, "act": "add:data.covariates"}))
    assert 'name="data.covariates.0.column"' in page
    sent = {**FORM, "data.covariates.0.column": "lat", "data.covariates.1.column": "lon"}
    page = text(home_page.post("/studies/new/outliers/", {**sent, "act": "remove:data.covariates.0"}))
    assert 'name="data.covariates.1.column"' not in page
    assert re.search(r'name="data.covariates.0.column"[\s\S]{0,600}?<option value="lon" selected>', page)


def test_a_study_runs_only_when_nothing_is_wrong(home_page: Client, source: Source) -> None:
    page = text(home_page.post("/studies/new/outliers/", {**FORM, "name": "", "act": "run"}), 422)
    assert "to mend before it can run" in page
    assert not Run.objects.exists()
    response = home_page.post("/studies/new/outliers/", {**FORM, "act": "run"})
    run = Run.objects.get()
    assert response.headers["Location"] == f"/runs/{run.pk}/"
    assert run.draft is not None


# ---- runs -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def going(ada: User) -> Run:
    run = Run.objects.create(owner=ada, kind="outliers", name="strait", title=EVIL, text='kind = "outliers"')
    Job.objects.create(
        task="run", about=run.pk, owner=ada, state="running", what="scoring rows", done=30, total=120, log=EVIL
    )
    return run


def test_a_run_that_goes_on_tells_what_and_how_far(home_page: Client, going: Run) -> None:
    page = text(home_page.get(f"/runs/{going.pk}/"))
    assert "Scoring rows" in page
    assert "30 of 120" in page
    assert 'value="25.0"' in page
    assert EVIL not in page
    part = text(home_page.get(f"/runs/{going.pk}/state/"))
    assert "data-poll" in part
    assert "Cancel the run" in page
    assert "scoring rows" in text(home_page.get("/runs/"))


def test_a_run_that_failed_says_why_and_what_is_safe(home_page: Client, going: Run) -> None:
    fault = {"code": "data.no-rows", "found": f"no row of {EVIL} can be used", "key": "data.source", "line": 5}
    Job.objects.update(state="failed", error=[fault])
    page = text(home_page.get(f"/runs/{going.pk}/"))
    assert "It has no answer" in page
    assert "as they were" in page
    assert "Run it again" in page
    assert EVIL not in page
    Job.objects.update(state="cancelled")
    assert "It was cancelled" in text(home_page.get(f"/runs/{going.pk}/"))


def test_a_run_is_cancelled_and_deleted(home_page: Client, going: Run) -> None:
    home_page.post(f"/runs/{going.pk}/", {"act": "cancel"})
    assert Job.objects.get().cancel or Job.objects.get().state == "cancelled"
    assert home_page.post(f"/runs/{going.pk}/", {"act": "nothing"}).status_code == 404
    home_page.post(f"/runs/{going.pk}/", {"act": "delete"})
    assert not Run.objects.exists()


def test_a_finished_run_is_published_from_its_page(home_page: Client, ada: User, finished: Any) -> None:
    run = finished(ada)
    page = text(home_page.get(f"/runs/{run.pk}/"))
    assert 'id="publish"' in page
    assert 'id="facts"' in page
    wrong = {"act": "publish", "slug": "Not A Slug", "title": "x", "visibility": "public"}
    page = text(home_page.post(f"/runs/{run.pk}/", wrong), 422)
    assert re.search(r'id="fault-slug"[^>]*>[^<]*Try &quot;not-a-slug&quot;', page)
    assert 'value="Not A Slug"' in page
    response = home_page.post(f"/runs/{run.pk}/", {**wrong, "slug": "strait"})
    assert response.headers["Location"] == "/p/strait/"
    assert "published as strait" in text(home_page.get(f"/runs/{run.pk}/"))
    assert "The run is shown by strait" in text(home_page.post(f"/runs/{run.pk}/", {"act": "delete"}, follow=True))
    assert home_page.get(f"/runs/{run.pk}/tables/scores/").status_code == 200
    assert home_page.get(f"/runs/{run.pk}/report/").status_code == 200


def test_an_analyst_does_not_publish(client: Client, person: Any, finished: Any) -> None:
    bob = person("bob")
    run = finished(bob)
    client.force_login(bob)
    assert 'id="publish"' not in text(client.get(f"/runs/{run.pk}/"))
    sent = {"act": "publish", "slug": "bobs", "visibility": "public"}
    assert client.post(f"/runs/{run.pk}/", sent).status_code == 403


def test_two_runs_stand_beside_each_other(home_page: Client, ada: User, finished: Any) -> None:
    one, two = finished(ada), finished(ada, title=EVIL)
    page = text(home_page.get(f"/runs/compare/?run={one.pk}&run={two.pk}"))
    assert "2 runs beside each other" in page
    assert EVIL not in page
    assert page.count('scope="row"') >= 3
    assert home_page.get(f"/runs/compare/?run={one.pk}").status_code == 302
    assert home_page.get(f"/runs/compare/?run={one.pk}&run=nothing").status_code == 404


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_pages_for_analysts_lead_to_the_door(client: Client) -> None:
    for address in ("/sources/", "/studies/", "/studies/new/outliers/", "/runs/"):
        response = client.get(address)
        assert response.status_code == 302
        assert response.headers["Location"].endswith(f"sign-in/?next={address}")


def test_what_is_somebody_elses_is_not_there(client: Client, person: Any, source: Source, going: Run) -> None:
    client.force_login(person("bob"))
    draft = Draft.objects.create(owner=source.owner, kind="outliers", name="x", text="")
    for address in (
        f"/sources/{source.pk}/", f"/sources/{source.pk}/state/", f"/studies/{draft.pk}/", f"/studies/{draft.pk}/file/",
        f"/runs/{going.pk}/", f"/runs/{going.pk}/state/", f"/runs/{going.pk}/report/", f"/runs/{going.pk}/tables/x/",
    ):  # fmt: skip
        assert client.get(address).status_code == 404
        assert client.post(address, {"act": "delete"}).status_code in (404, 405)
    assert Source.objects.exists()
    assert Run.objects.exists()


def test_a_visitor_with_an_account_may_not_write(client: Client, person: Any) -> None:
    client.force_login(person("eve", role="visitor"))
    assert "/sources/" not in text(client.get("/"))
    page = text(client.get("/sources/"), 403)
    assert "role" in page


def test_refusals_have_the_number_of_the_request(client: Client) -> None:
    response = client.get("/no/such/page/")
    page = text(response, 404)
    assert response.headers["X-Request-Id"] in page
    assert "There is no such page here" in page


def test_a_form_that_is_too_large_is_refused_with_a_page(home_page: Client) -> None:
    page = text(home_page.post("/studies/new/outliers/", {"text": "#" * 5 * 2**20, "act": "check"}), 413)
    assert "That is too large" in page
    page = text(home_page.post("/studies/new/outliers/", {"text": "#" * 300_000, "act": "check"}), 429)
    assert "256" in page or "262,144" in page


def test_a_forged_form_is_refused_with_a_page(ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    response = strict.post("/sources/", {"way": "upload"})
    assert "did not come from a page of this server" in text(response, 403)


def test_a_fault_of_the_server_shows_no_trace(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(actor: Actor) -> Any:
        raise RuntimeError(f"a secret of {EVIL}")

    monkeypatch.setattr("potomac.server.flows.products.gallery", broken)
    client.raise_request_exception = False
    response = client.get("/")
    page = text(response, 500)
    assert "secret" not in page
    assert "Traceback" not in page
    assert response.headers["X-Request-Id"] in page


def test_no_page_takes_another_method(home_page: Client) -> None:
    assert home_page.put("/sources/").status_code == 405
    assert home_page.post("/").status_code == 405
    assert home_page.get("/p/strait/change/").status_code == 405
    assert home_page.head("/").status_code == 200
