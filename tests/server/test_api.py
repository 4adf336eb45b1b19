"""REST: the whole way of a study, problems, pages, ETags, keys, limits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from potomac.server.accounts.models import User
from potomac.server.api import limits, ready
from potomac.server.catalog.models import Answered, Draft, Product, Run
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor

People = Callable[..., User]
Runs = Callable[..., Any]

PLACE = {"latitude": 56.5, "longitude": 11.0, "speed": 10.0, "heading": 0.0}
SCOPES = ("read", "ask", "write", "publish")
STUDY = """kind = "outliers"
name = "strait"
[data]
source = "strait.csv"
columns.latitude = "lat"
columns.longitude = "lon"
"""


@pytest.fixture
def ada(person: People) -> User:
    return person("ada", role="publisher")


class Api:
    """A program with a token, or without one."""

    def __init__(self, user: User | None = None, scopes: tuple[str, ...] = SCOPES) -> None:
        self.http = Client()
        self.headers: dict[str, str] = {}
        if user:
            self.headers["Authorization"] = f"Bearer {people.new_token(Actor(user=user), 'test', scopes)[1]}"

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self._answer(method, path, body, headers)
        if answer.streaming:
            answer.body = b"".join(answer.streaming_content)
        return answer

    def _answer(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        sent = {"content_type": "application/json", "data": json.dumps(body)} if body is not None else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.generic(method, f"/api/v1/{path}", headers=self.headers | named, **sent)


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def public(ada: User, finished: Runs) -> Product:
    return products.publish(Actor(user=ada), finished(ada).pk, "strait", visibility="public").product


def problem(response: Any, status: int) -> dict[str, Any]:
    """The problem that a response is, checked for what RFC 9457 asks."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert {"type", "title", "detail", "instance"} <= told.keys()
    return told


# ---- sources, studies, runs -----------------------------------------------------------------------------------------


def test_a_table_is_uploaded_and_taken_away(api: Api) -> None:
    file = io.BytesIO(b"lat,lon\n56,11\n")
    file.name = "strait.csv"
    made = api.http.post("/api/v1/sources", {"file": file}, headers=api.headers)
    assert made.status_code == 201, made.content
    assert made.json()["name"] == "strait.csv"
    assert made.json()["state"] == "checking"
    at = made["Location"].removeprefix("/api/v1/")
    assert api("GET", at).json()["id"] == made.json()["id"]
    assert api("GET", "sources").json()["total"] == 1
    assert api("DELETE", at).status_code == 204
    problem(api("GET", at), 404)


def test_a_study_is_checked_and_all_its_faults_are_told(api: Api) -> None:
    told = api("POST", "studies/check", {"text": STUDY.replace("latitude", "lattitude")}).json()
    assert not told["valid"]
    assert [(fault["code"], fault["line"]) for fault in told["faults"]] == [("outliers.half-a-place", 5)]
    assert "columns.latitude" in told["faults"][0]["mend"]


def test_a_study_is_saved_changed_and_deleted(api: Api) -> None:
    made = api("POST", "studies", {"kind": "outliers", "text": STUDY})
    assert made.status_code == 201
    at = made["Location"].removeprefix("/api/v1/")
    changed = api("PUT", at, {"kind": "outliers", "text": STUDY + "# more\n"}).json()
    assert changed["text"].endswith("# more\n")
    assert [one["id"] for one in api("GET", "studies").json()["items"]] == [changed["id"]]
    assert api("DELETE", at).status_code == 204
    problem(api("GET", at), 404)


def test_kinds_and_their_schemas_are_public() -> None:
    nobody = Api()
    kinds = [one["kind"] for one in nobody("GET", "studies/kinds").json()["items"]]
    assert "outliers" in kinds
    assert "data" in nobody("GET", "studies/kinds/outliers/schema").json()["properties"]
    problem(nobody("GET", "studies/kinds/nothing/schema"), 404)


def test_a_study_that_is_wrong_is_not_run(api: Api) -> None:
    told = problem(api("POST", "runs", {"text": STUDY}), 422)
    assert told["faults"][0]["code"] == "server.source-unknown"
    assert told["type"].endswith("/api/docs/errors/server.source-unknown")
    assert not Run.objects.exists()


def test_runs_are_filtered_and_told(api: Api, ada: User, finished: Runs) -> None:
    run = finished(ada)
    assert api("GET", "runs?state=done&kind=outliers&name=strait").json()["total"] == 1
    assert api("GET", "runs?state=queued").json()["total"] == 0
    assert api("GET", "runs?kind=location").json()["total"] == 0
    told = api("GET", f"runs/{run.pk}").json()
    assert (told["state"], told["attempt"], told["answer"]) == ("done", 1, "The strangest of 400 records.")
    problem(api("POST", f"runs/{run.pk}/cancel"), 409)
    problem(api("GET", "runs?state=sleeping"), 422)


def test_files_of_a_run_are_those_of_its_list_and_no_others(api: Api, ada: User, finished: Runs) -> None:
    run = finished(ada)
    listed = {one["path"]: one["size"] for one in api("GET", f"runs/{run.pk}/files").json()["items"]}
    assert {"run.json", "study.toml", "report.html", "tables/scores.parquet"} <= listed.keys()
    got = api("GET", f"runs/{run.pk}/files/study.toml")
    assert len(got.body) == listed["study.toml"]
    assert got["Content-Disposition"].startswith("attachment")
    assert api("GET", f"runs/{run.pk}/report").body.startswith(b"<!doctype html>")
    for wrong in ("../../potomac.sqlite3", "..%2F..%2Fsecret_key", "/etc/passwd", "tables"):
        problem(api("GET", f"runs/{run.pk}/files/{wrong}"), 404)


def test_a_run_that_a_product_shows_is_not_deleted(api: Api, public: Product) -> None:
    problem(api("DELETE", f"runs/{public.default.run_id}"), 409)
    assert api("DELETE", "products/strait").status_code == 204
    assert api("DELETE", f"runs/{public.default.run_id}").status_code == 204


# ---- products -------------------------------------------------------------------------------------------------------


def test_a_run_is_published_asked_rolled_back_and_taken_back(api: Api, ada: User, finished: Runs) -> None:
    for number in (1, 2):
        made = api("POST", "products", {"run": finished(ada).pk, "slug": "strait", "visibility": "public"})
        assert (made.status_code, made.json()["number"]) == (201, number)
    assert api("PUT", "products/strait/default", {"number": 1}).json()["version"] == 1
    assert api("PATCH", "products/strait", {"title": "The strait"}).json()["title"] == "The strait"
    nobody = Api()
    told = nobody("GET", "products/strait").json()
    assert [one["name"] for one in told["endpoints"]] == ["score"]
    assert told["owner"] is None, "visitors do not learn who is here"
    assert told["link"] is None
    assert [one["number"] for one in nobody("GET", "products/strait/versions").json()["items"]] == [2, 1]
    assert nobody("GET", "products/strait/facts").json()["items"]
    problem(nobody("DELETE", "products/strait"), 401)
    assert api("DELETE", "products/strait").status_code == 204
    problem(nobody("GET", "products/strait"), 404)


def test_live_questions_by_body_and_by_address_agree(public: Product) -> None:
    nobody = Api()
    by_body = nobody("POST", "products/strait/score", PLACE)
    assert by_body.status_code == 200, by_body.content
    by_address = nobody("GET", "products/strait/score?latitude=56.5&longitude=11&speed=10&heading=0")
    assert by_body.json() == by_address.json() == nobody("POST", "products/strait/score?version=1", PLACE).json()
    assert set(by_body.json()) == {"log_odds", "outlier_score", "stranger_than", "evidence", "note"}


def test_a_wrong_question_is_a_problem_on_both_ways(public: Product) -> None:
    nobody = Api()
    for path in ("products/strait/score", "products/strait/score?version=1"):  # the short way and the long one
        told = problem(nobody("POST", path, {"latitude": 99, "longitude": "east"}), 422)
        assert [fault["key"] for fault in told["faults"]] == ["latitude", "longitude"]
        problem(nobody("POST", path.replace("score", "scores"), PLACE), 404)


def test_a_token_without_the_scope_does_not_ask_what_is_private(ada: User, finished: Runs) -> None:
    products.publish(Actor(user=ada), finished(ada).pk, "secret")
    assert Api(ada, ("ask", "read"))("POST", "products/secret/score", PLACE).status_code == 200
    problem(Api(ada, ("read",))("POST", "products/secret/score", PLACE), 403)
    problem(Api()("POST", "products/secret/score", PLACE), 404)


def test_a_product_by_link_is_read_with_its_link(ada: User, finished: Runs) -> None:
    product = products.publish(Actor(user=ada), finished(ada).pk, "linked", visibility="link").product
    nobody = Api()
    problem(nobody("GET", "products/linked/facts"), 404)
    assert nobody("GET", f"products/linked/facts?link={product.link}").status_code == 200
    assert nobody("POST", f"products/linked/score?link={product.link}", PLACE).status_code == 200
    products.new_link(Actor(user=ada), "linked")
    problem(nobody("GET", f"products/linked/facts?link={product.link}"), 404)


# ---- tables ---------------------------------------------------------------------------------------------------------


def test_rows_by_pages_columns_and_order(public: Product) -> None:
    nobody = Api()
    first = nobody("GET", "products/strait/tables/scores?limit=3&columns=row&columns=rank&sort=rank")
    told = first.json()
    assert [row["rank"] for row in told["rows"]] == [1, 2, 3]
    assert told["columns"] == ["row", "rank"]
    assert told["total"] == 400
    assert 'offset=3>; rel="next"' in first["Link"]
    assert 'offset=399>; rel="last"' in first["Link"]
    last = nobody("GET", "products/strait/tables/scores?limit=3&offset=399&columns=rank&sort=-rank").json()
    assert [row["rank"] for row in last["rows"]] == [1]
    assert nobody("GET", "products/strait/tables/scores?offset=1000").json()["rows"] == []


def test_one_row_and_what_is_not_there(public: Product) -> None:
    nobody = Api()
    assert nobody("GET", "products/strait/tables/scores/rows/7").json()["row"]["row"] == 7
    problem(nobody("GET", "products/strait/tables/scores/rows/400"), 404)
    problem(nobody("GET", "products/strait/tables/nothing"), 404)
    told = problem(nobody("GET", "products/strait/tables/scores?sort=rang"), 422)
    assert told["faults"][0]["mend"] == 'Did you mean "rank"?'


def test_lists_by_pages(api: Api, ada: User) -> None:
    for number in range(5):
        Draft.objects.create(owner=ada, kind="outliers", name=f"s-{number}", text="")
    page = api("GET", "studies?limit=2&offset=2")
    assert (len(page.json()["items"]), page.json()["total"]) == (2, 5)
    for name, offset in (("first", 0), ("prev", 0), ("next", 4), ("last", 4)):
        assert f'offset={offset}>; rel="{name}"' in page["Link"]
    problem(api("GET", "studies?limit=0"), 422)


# ---- who asks -------------------------------------------------------------------------------------------------------


def test_nobody_sees_anothers_things(api: Api, ada: User, person: People, finished: Runs) -> None:
    run, draft = finished(ada), Draft.objects.create(owner=ada, kind="outliers", name="mine", text="")
    eve = Api(person("eve", role="publisher"))
    for path in (f"runs/{run.pk}", f"runs/{run.pk}/tables/scores", f"runs/{run.pk}/report", f"studies/{draft.pk}"):
        assert api("GET", path).status_code == 200
        problem(eve("GET", path), 404)
        problem(Api()("GET", path), 401)
    problem(eve("POST", "products", {"run": run.pk, "slug": "stolen"}), 404)


def test_a_token_opens_what_its_scopes_say(ada: User) -> None:
    reads = Api(ada, ("read",))
    assert reads("GET", "runs").status_code == 200
    assert "write" in problem(reads("POST", "studies", {"kind": "outliers", "text": ""}), 403)["detail"]
    refused = problem(Api(ada, ("publish",))("GET", "runs"), 403)
    assert "read" in refused["detail"]


def test_bad_tokens_are_refused_even_where_none_is_needed(ada: User, public: Product) -> None:
    api = Api(ada)
    token = people.tokens(Actor(user=ada)).first()
    people.revoke(Actor(user=ada), token.pk)
    for path in ("runs", "products/strait", "products/strait/facts"):
        assert problem(api("GET", path), 401) is not None
        answer = api("GET", path)
        assert answer["WWW-Authenticate"].startswith("Bearer")
    api.headers["Authorization"] = "Basic YWRhOmFkYQ=="
    problem(api("GET", "products"), 401)


def test_a_browser_needs_its_csrf_token(ada: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)
    body = {"data": json.dumps({"kind": "outliers", "text": ""}), "content_type": "application/json"}
    assert browser.get("/api/v1/studies").status_code == 200
    assert "CSRF" in problem(browser.post("/api/v1/studies", **body), 403)["detail"]
    browser.cookies["csrftoken"] = "a" * 32
    assert browser.post("/api/v1/studies", headers={"X-CSRFToken": "a" * 32}, **body).status_code == 201


# ---- ready bytes ----------------------------------------------------------------------------------------------------

ROWS = "products/strait/tables/scores?limit=3"


def test_ready_bytes_are_the_bytes_that_were_made(public: Product) -> None:
    nobody = Api()
    made = nobody("GET", ROWS)
    assert len(ready.shelf) == 1
    sent = nobody("GET", ROWS)
    assert sent.content == made.content
    for name in ("ETag", "Cache-Control", "Content-Type", "Link", "Vary", "Content-Security-Policy"):
        assert sent[name] == made[name]


def test_a_private_product_is_never_answered_from_ready_bytes(ada: User, public: Product) -> None:
    row = "products/strait/tables/scores/rows/0"
    nobody, asked = Api(), ["products/strait/facts", ROWS, row, "products/strait/score?latitude=56&longitude=11"]
    for path in asked * 2:
        assert nobody("GET", path).status_code == 200
    for visibility in ("private", "link"):
        products.change(Actor(user=ada), "strait", visibility=visibility)
        for path in asked:
            problem(nobody("GET", path), 404)
        problem(nobody("POST", "products/strait/score", PLACE), 404)
        products.change(Actor(user=ada), "strait", visibility="public")
        for path in asked * 2:
            assert nobody("GET", path).status_code == 200
    products.delete(Actor(user=ada), "strait")
    for path in asked:
        problem(nobody("GET", path), 404)


def test_what_its_owner_reads_of_a_private_product_is_not_kept(api: Api, ada: User, finished: Runs) -> None:
    products.publish(Actor(user=ada), finished(ada).pk, "secret")
    browser = Client()
    browser.force_login(ada)
    for path in ("products/secret/facts", "products/secret/tables/scores"):
        assert api("GET", path).status_code == 200
        assert browser.get(f"/api/v1/{path}").status_code == 200
        problem(Api()("GET", path), 404)
    assert len(ready.shelf) == 0


def test_a_new_version_is_seen_at_once(api: Api, ada: User, public: Product, finished: Runs) -> None:
    nobody = Api()
    before = nobody("GET", "products/strait/facts")
    run = finished(ada)
    told = json.loads((run_file := finished_path(run)).read_text())
    told["answer"] = "Another answer."
    run_file.write_text(json.dumps(told))
    assert nobody("GET", "products/strait/facts").content == before.content
    products.publish(Actor(user=ada), run.pk, "strait")
    after = nobody("GET", "products/strait/facts")
    assert after.json()["answer"] == "Another answer."
    assert after["ETag"] != before["ETag"]
    products.set_default(Actor(user=ada), "strait", 1)
    assert nobody("GET", "products/strait/facts").content == before.content
    assert nobody("GET", "products/strait/facts?version=2").content == after.content


def finished_path(run: Any) -> Any:
    from django.conf import settings

    return settings.HOME / "runs" / run.directory / "run.json"


def test_a_row_is_the_same_by_the_short_way_and_the_long(api: Api, public: Product) -> None:
    row = "products/strait/tables/scores/rows/3"
    short, long, own = Api()("GET", row), Api()("GET", f"{row}?version=1"), api("GET", row)
    assert short.content == long.content == own.content
    assert short.json()["number"] == 3
    for name in ("ETag", "Cache-Control", "Content-Type", "Vary", "Content-Security-Policy"):
        assert short[name] == long[name]
    assert Api()("GET", row, If_None_Match=short["ETag"]).status_code == 304
    for none in ("products/strait/tables/scores/rows/400", "products/strait/tables/none/rows/0", f"{row}0000000000000"):
        problem(Api()("GET", none), 404)


@pytest.mark.parametrize("path", ["products/strait/facts", ROWS, "products/strait", "products", "openapi.json"])
def test_an_etag_saves_the_body(public: Product, path: str) -> None:
    nobody = Api()
    for _ in range(2):
        tag = nobody("GET", path)["ETag"]
        assert tag.startswith('"')
        again = nobody("GET", path, If_None_Match=tag)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
        assert nobody("GET", path, If_None_Match='"other"').status_code == 200
    head = nobody("HEAD", path)
    assert (head.status_code, head["ETag"]) == (200, tag)


# ---- keys and limits ------------------------------------------------------------------------------------------------


def test_a_request_that_is_sent_again_under_its_key_does_nothing_anew(api: Api) -> None:
    body = {"kind": "outliers", "text": STUDY}
    first = api("POST", "studies", body, Idempotency_Key="one")
    again = api("POST", "studies", body, Idempotency_Key="one")
    assert (again.status_code, again.content, again["Location"]) == (201, first.content, first["Location"])
    assert again["Idempotent-Replayed"] == "true"
    assert Draft.objects.count() == 1
    problem(api("POST", "studies", {**body, "text": ""}, Idempotency_Key="one"), 422)
    assert api("POST", "studies", body, Idempotency_Key="two").status_code == 201
    assert Draft.objects.count() == 2


def test_an_upload_that_is_sent_again_is_the_same_whatever_its_boundary(api: Api) -> None:
    def send(content: bytes) -> Any:
        file = io.BytesIO(content)
        file.name = "strait.csv"
        return api.http.post("/api/v1/sources", {"file": file}, headers={**api.headers, "Idempotency-Key": "one"})

    assert send(b"lat,lon\n56,11\n").content == send(b"lat,lon\n56,11\n").content
    assert api("GET", "sources").json()["total"] == 1
    problem(send(b"lat,lon\n57,12\n"), 422)


def test_keys_are_each_persons_own(api: Api, person: People) -> None:
    body = {"kind": "outliers", "text": STUDY}
    mine = api("POST", "studies", body, Idempotency_Key="one").json()
    assert (
        Api(person("eve", role="publisher"))("POST", "studies", body, Idempotency_Key="one").json()["id"] != mine["id"]
    )


def test_a_request_whose_first_is_on_its_way_waits(api: Api) -> None:
    body = {"kind": "outliers", "text": STUDY}
    api("POST", "studies", body, Idempotency_Key="one")
    Answered.objects.update(status=0)
    waits = api("POST", "studies", body, Idempotency_Key="one")
    problem(waits, 409)
    assert "Retry-After" in waits


def test_what_was_refused_may_be_sent_again(ada: User) -> None:
    body = {"kind": "outliers", "text": STUDY}
    problem(Api(ada, ("read",))("POST", "studies", body, Idempotency_Key="one"), 403)
    assert not Answered.objects.exists()


def test_too_many_requests_wait(public: Product, ada: User, settings: Any) -> None:
    few = settings.CONFIG.limits.model_copy(update={"requests_a_minute": 3})
    settings.CONFIG = settings.CONFIG.model_copy(update={"limits": few})
    nobody = Api()
    statuses = [nobody("GET", ROWS).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    waits = nobody("POST", "products/strait/score", PLACE)
    assert problem(waits, 429)
    assert 0 < int(waits["Retry-After"]) <= 20  # a token each 20 s
    assert Api(ada)("GET", "products/strait").status_code == 200, "a person has a bucket of their own"


def test_a_bucket_fills_by_the_minute() -> None:
    now = [0.0]
    buckets = limits.Buckets(lambda: 60, lambda: now[0])
    assert [buckets.spend("a") for _ in range(60)] == [0.0] * 60
    assert buckets.spend("a") == pytest.approx(1.0)
    now[0] += 2.0
    assert [buckets.spend("a") for _ in range(2)] == [0.0, 0.0]
    assert buckets.spend("a") > 0
    assert buckets.spend("b") == 0.0


# ---- what is not there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "nothing", "products/Strait", "products/a/b/c", "runs/1", "sources/" + "0" * 32 + "x"]
)
def test_addresses_that_are_not_there(api: Api, path: str) -> None:
    problem(api("GET", path), 404)


def test_methods_that_do_not_go(api: Api) -> None:
    answer = api("PUT", "runs")
    problem(answer, 405)
    assert answer["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    "body", ["[", '"text"', "{}", '{"text": 1}', '{"text": "", "more": 1}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_bodies_that_do_not_fit(api: Api, body: Any) -> None:
    answer = api.http.generic("POST", "/api/v1/studies/check", body, "application/json", headers=api.headers)
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code)


def test_a_body_that_is_too_large(api: Api) -> None:
    problem(api("POST", "studies/check", {"text": "x" * (5 * 2**20)}), 413)


def test_a_fault_of_the_server_is_a_problem_and_tells_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from potomac.server.flows import studies

    def fail(*given: Any) -> Any:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(studies, "list_", fail)
    assert "1234" not in json.dumps(problem(api("GET", "studies"), 500))
