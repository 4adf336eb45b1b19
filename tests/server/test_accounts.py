"""The door: signing in and out, guessing that gets slower, passwords, tokens, the own account."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import update_last_login
from django.core import mail
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from potomac.server.accounts import throttle
from potomac.server.accounts.models import Attempt, Entry, Token, User
from potomac.server.flows import people
from potomac.server.flows.base import Actor

People = Callable[..., User]
SIGN_IN = "/accounts/sign-in/"

pytestmark = pytest.mark.django_db


def sign_in(client: Client, name: str, password: str, **more: str) -> object:
    return client.post(SIGN_IN, {"username": name, "password": password, **more})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


# ---- signing in -----------------------------------------------------------------------------------------------------


def test_name_and_password_lead_to_where_one_wanted_to_go(client: Client, person: People, password: str) -> None:
    person("ada")
    response = client.get("/studies/")
    assert response.headers["Location"] == "/accounts/sign-in/?next=/studies/"
    page = client.get(response.headers["Location"]).content.decode()
    assert 'name="next" value="/studies/"' in page
    response = sign_in(client, "ada", password, next="/studies/")
    assert (response.status_code, response.headers["Location"]) == (302, "/studies/")
    assert is_in(client)
    assert [entry.action for entry in Entry.objects.all()] == ["person.sign-in"]


@pytest.mark.parametrize(
    "away",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "\thttps://x.y",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(client: Client, person: People, password: str, away: str) -> None:
    person("ada")
    assert sign_in(client, "ada", password, next=away).headers["Location"] == "/"
    assert away not in client.get(SIGN_IN, {"next": "/studies/"}).content.decode()


def test_a_session_that_somebody_laid_out_before_is_worth_nothing(
    client: Client, person: People, password: str
) -> None:
    person("ada")
    client.session.save()
    session = client.session
    session["laid"] = 1
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    sign_in(client, "ada", password)
    assert is_in(client)
    assert client.session.session_key != before
    other = Client()
    other.cookies["sessionid"] = before
    assert not is_in(other)


@pytest.mark.parametrize(("name", "given"), [("ada", "wrong"), ("nobody-here", "wrong"), ("closed", None)])
def test_the_same_words_for_a_wrong_password_an_unknown_name_and_a_closed_account(
    client: Client, person: People, password: str, name: str, given: str | None
) -> None:
    person("ada")
    person("closed", is_active=False)
    page = sign_in(client, name, given or password)
    assert page.status_code == 200
    assert page.context["form"].non_field_errors() == ["The name or the password is wrong"]
    assert page.content.decode().count("is wrong") == 1
    assert not is_in(client)


def test_the_same_work_is_done_for_an_unknown_name(
    person: People, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As much hashing as for a known one: that is what takes the time."""
    from django.contrib.auth import hashers

    hashed: list[str] = []
    hasher = hashers.get_hasher()
    encode = type(hasher).encode
    monkeypatch.setattr(type(hasher), "encode", lambda self, *given: hashed.append("x") or encode(self, *given))
    person("ada")
    counts = []
    for name in ("ada", "nobody-here"):
        hashed.clear()
        with pytest.raises(people.Denied):
            people.sign_in(Actor(address="192.0.2.1"), name, "wrong")
        counts.append(len(hashed))
    assert counts == [1, 1]


def test_a_refused_attempt_is_written_down_without_the_name_that_was_typed(client: Client, person: People) -> None:
    user = person("ada")
    sign_in(client, "ada", "wrong")
    sign_in(client, "my-password-by-accident", "x")
    assert [(e.action, e.what, e.name) for e in Entry.objects.order_by("id")] == [
        ("person.sign-in-refused", f"person:{user.pk}", ""),
        ("person.sign-in-refused", "", ""),
    ]
    assert "my-password" not in str(list(Entry.objects.values()))
    assert "my-password" not in str(list(Attempt.objects.values()))


def test_signing_out_takes_a_post_and_ends_the_session(client: Client, person: People) -> None:
    client.force_login(person("ada"))
    assert client.get("/accounts/sign-out/").status_code == 405
    assert is_in(client)
    client.post("/accounts/sign-out/")
    assert not is_in(client)


def test_a_password_of_a_megabyte_is_not_hashed(
    client: Client, person: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("looked at")

    monkeypatch.setattr(people, "sign_in", never)
    assert sign_in(client, "ada", "x" * 1_000_001).status_code == 200


# ---- guessing -------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10_000), st.integers(1, 50))
def test_waits_double_up_to_the_longest(count: int, free: int) -> None:
    """No wait for the first ``free - 1`` attempts, then 1, 2, 4 ... seconds: 2 ** (count - free), 300 at most."""
    kind = throttle.Throttle("any", free=free, longest=300)
    expected = 0 if count < free else min(300, 2 ** min(count - free, 20))
    assert kind.seconds(count) == expected


def test_the_sixth_attempt_under_a_name_has_to_wait_even_with_the_right_password(
    client: Client, person: People, password: str
) -> None:
    person("ada")
    for _ in range(5):
        assert sign_in(client, "ada", "wrong").status_code == 200
    response = sign_in(client, "ada", password)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) == 1
    assert "Too many attempts. Try again in 1 second" in response.content.decode()
    assert not is_in(client)
    Attempt.objects.update(until=timezone.now())
    assert sign_in(client, "ada", password).status_code == 302


def test_unknown_names_are_slowed_like_known_ones(client: Client) -> None:
    assert [sign_in(client, "nobody-here", "x").status_code for _ in range(6)] == [200] * 5 + [429]


def test_capitals_are_no_way_around(client: Client, person: People) -> None:
    person("ada")
    got = [sign_in(client, name, "x").status_code for name in ("ada", "Ada", "aDa", "adA", "ADA", "AdA")]
    assert got == [200] * 5 + [429]


def test_many_names_from_one_address_are_slowed(client: Client) -> None:
    got = [sign_in(client, f"name-{number}", "x").status_code for number in range(21)]
    assert got == [200] * 20 + [429]


def test_signing_in_forgets_the_name_but_not_others_attempts_from_there(
    client: Client, person: People, password: str
) -> None:
    person("ada")
    for _ in range(4):
        sign_in(client, "ada", "wrong")
    assert sign_in(client, "ada", password).status_code == 302
    counts = sorted(Attempt.objects.values_list("count", flat=True))
    assert counts == [0, 4]  # of the name; of the address: five tried, the right one given back


def test_after_an_hour_all_is_forgotten(person: People) -> None:
    assert [throttle.NAME.attempt("ada") for _ in range(6)] == [0] * 5 + [1]
    Attempt.objects.update(until=timezone.now() - throttle.FORGOTTEN - timedelta(seconds=1))
    assert throttle.NAME.attempt("ada") == 0
    assert Attempt.objects.get().count == 1
    Attempt.objects.update(until=timezone.now() - throttle.FORGOTTEN - timedelta(seconds=1))
    throttle.tidy()
    assert not Attempt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_moment_are_counted_one_by_one() -> None:
    from django.db import connections

    waits: list[int] = []

    def guess() -> None:
        try:
            waits.append(throttle.NAME.attempt("ada"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [0] * 5 + [1] * 7


# ---- passwords ------------------------------------------------------------------------------------------------------


def test_who_must_change_the_password_does_nothing_before(client: Client, person: People, password: str) -> None:
    user = person("ada", must_change=True)
    sign_in(client, "ada", password)
    for path in ("/", "/studies/", "/accounts/", "/api/v1/runs"):
        assert client.get(path).headers["Location"] == "/accounts/password/"
    assert client.get("/accounts/password/").status_code == 200
    sent = {"old_password": password, "new_password1": "a staple for horses", "new_password2": "a staple for horses"}
    assert client.post("/accounts/password/", sent).headers["Location"] == "/accounts/"
    user.refresh_from_db()
    assert not user.must_change
    assert user.check_password("a staple for horses")
    assert client.get("/studies/").status_code == 200


def test_a_changed_password_ends_the_other_sessions(client: Client, person: People, password: str) -> None:
    person("ada")
    other = Client()
    for one in (client, other):
        sign_in(one, "ada", password)
    sent = {"old_password": password, "new_password1": "a staple for horses", "new_password2": "a staple for horses"}
    client.post("/accounts/password/", sent)
    assert client.get("/accounts/").status_code == 200
    assert other.get("/accounts/").status_code == 302


@pytest.mark.parametrize("weak", ["short", "1234567890", "password123", "ada@example.org"])
def test_weak_passwords_are_refused(client: Client, person: People, password: str, weak: str) -> None:
    client.force_login(person("ada"))
    page = client.post("/accounts/password/", {"old_password": password, "new_password1": weak, "new_password2": weak})
    assert page.status_code == 200


@pytest.fixture
def post(settings, monkeypatch: pytest.MonkeyPatch) -> list[mail.EmailMessage]:
    """E-mail is set up; what was sent. Letters go out at once, so that tests need not wait for them."""
    settings.CONFIG = settings.CONFIG.model_copy(update={"mail": settings.CONFIG.mail.model_copy(update={"host": "x"})})

    class Now(threading.Thread):
        def start(self) -> None:
            self.run()

    monkeypatch.setattr("potomac.server.people.forms.threading.Thread", Now)
    return mail.outbox


def test_a_letter_leads_to_a_new_password_once(client: Client, person: People, post: list) -> None:
    user = person("ada", must_change=True)
    response = client.post("/accounts/reset/", {"email": "ada@example.org"}, headers={"Host": "127.0.0.1"})
    assert response.headers["Location"] == "/accounts/reset/sent/"
    (letter,) = post
    assert letter.to == ["ada@example.org"]
    path = re.search(r"http://127\.0\.0\.1:8000(/accounts/reset/\S+)", letter.body)[1]
    form = client.get(path, follow=True)
    assert "set-password" in form.redirect_chain[0][0]  # the token leaves the address, and so the Referer
    sent = {"new_password1": "a staple for horses", "new_password2": "a staple for horses"}
    assert client.post(form.redirect_chain[0][0], sent).headers["Location"] == SIGN_IN
    user.refresh_from_db()
    assert user.check_password("a staple for horses")
    assert not user.must_change
    assert not Client().get(path).context["validlink"]


def test_unknown_addresses_get_the_same_answer_and_no_letter(client: Client, person: People, post: list) -> None:
    person("ada")
    known = client.post("/accounts/reset/", {"email": "ada@example.org"})
    unknown = client.post("/accounts/reset/", {"email": "eve@example.org"})
    assert len(post) == 1
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


def test_a_letter_leads_to_the_public_address_whatever_the_request_says(
    client: Client, person: People, post: list, settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    person("ada")
    client.post("/accounts/reset/", {"email": "ada@example.org"}, headers={"Host": "evil.example"})
    assert "evil.example" not in post[0].body
    assert "http://127.0.0.1:8000/accounts/reset/" in post[0].body


def test_letters_are_rationed(client: Client, person: People, post: list) -> None:
    person("ada")
    got = [client.post("/accounts/reset/", {"email": "ada@example.org"}).status_code for _ in range(4)]
    assert got == [302, 302, 302, 429]
    assert len(post) == 3


def test_without_e_mail_the_page_says_whom_to_ask(client: Client) -> None:
    assert not client.get("/accounts/reset/").context["has_mail"]
    assert client.post("/accounts/reset/", {"email": "ada@example.org"}).status_code == 404


# ---- tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_works_until_it_is_revoked(client: Client, person: People) -> None:
    client.force_login(person("ada"))
    sent = {"name": "notebook", "scopes": ["read"], "days": "30"}
    page = client.post("/accounts/tokens/", sent).content.decode()
    (text,) = set(re.findall(r"ptm_[\w-]{40,}", page))
    assert text not in client.get("/accounts/tokens/").content.decode()
    token = Token.objects.get()
    assert timedelta(days=29) < token.expires - timezone.now() <= timedelta(days=30)
    program = {"Authorization": f"Bearer {text}"}
    assert Client().get("/api/v1/runs", headers=program).status_code == 200
    client.post(f"/accounts/tokens/{token.pk}/revoke/")
    assert Client().get("/api/v1/runs", headers=program).status_code == 401
    assert [e.action for e in Entry.objects.order_by("id")] == ["token.make", "token.revoke"]


def test_nobody_revokes_anothers_token(client: Client, person: People) -> None:
    token, _ = people.new_token(Actor(user=person("ada")), "notebook", ["read"])
    client.force_login(person("eve"))
    assert client.post(f"/accounts/tokens/{token.pk}/revoke/").status_code == 404
    assert Token.objects.get().revoked is None


@pytest.mark.parametrize(
    ("role", "scope"),
    [("visitor", "write"), ("visitor", "publish"), ("analyst", "publish"), ("publisher", "everything")],
)
def test_a_token_may_no_more_than_its_person(client: Client, person: People, role: str, scope: str) -> None:
    client.force_login(person("ada", role=role))
    client.post("/accounts/tokens/", {"name": "notebook", "scopes": [scope], "days": "30"})
    assert not Token.objects.exists()
    with pytest.raises(people.Conflict):
        people.new_token(Actor(user=User.objects.get()), "notebook", [scope])


@pytest.mark.parametrize("days", ["0", "-1", "3651", "x", ""])
def test_days_of_a_token_have_bounds(client: Client, person: People, days: str) -> None:
    client.force_login(person("ada"))
    assert client.post("/accounts/tokens/", {"name": "n", "scopes": ["read"], "days": days}).status_code == 200
    assert not Token.objects.exists()


# ---- the own account ------------------------------------------------------------------------------------------------


def test_the_account_shows_ones_own_lines_and_no_others(client: Client, person: People) -> None:
    ada, eve = person("ada", role="administrator"), person("eve")
    people.new_token(Actor(user=ada, address="192.0.2.1"), "mine", ["read"])
    people.new_token(Actor(user=eve, address="192.0.2.99"), "hers", ["read"])
    client.force_login(ada)
    page = client.get("/accounts/").content.decode()
    assert "192.0.2.1<" in page
    assert "192.0.2.99" not in page


def test_leaving_takes_the_password_once_more(client: Client, person: People, password: str) -> None:
    person("root", role="administrator")
    user = person("ada")
    client.force_login(user)
    assert client.post("/accounts/delete/", {"password": "wrong"}).status_code == 200
    assert User.objects.filter(pk=user.pk).exists()
    assert client.post("/accounts/delete/", {"password": password}).context["told"]["sources"] == 0
    assert not User.objects.filter(pk=user.pk).exists()
    assert not is_in(client)


def test_the_last_administrator_stays(client: Client, person: People, password: str) -> None:
    user = person("root", role="administrator")
    client.force_login(user)
    page = client.post("/accounts/delete/", {"password": password}).content.decode()
    assert "only administrator" in page
    assert User.objects.filter(pk=user.pk).exists()


# ---- the admin ------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(client: Client, person: People) -> Client:
    client.force_login(person("root", role="administrator"))
    return client


def test_an_administrator_makes_people_who_change_their_password_first(root: Client) -> None:
    sent = {"username": "ada", "email": "", "role": "analyst", "password1": "a staple for horses"}
    response = root.post("/admin/accounts/user/add/", {**sent, "password2": "a staple for horses"})
    assert response.status_code == 302, response.content.decode()[:3000]
    made = User.objects.get(username="ada")
    assert made.must_change
    assert Entry.objects.filter(action="person.make", what=f"person:{made.pk}").exists()


def test_the_admin_changes_roles_and_keeps_the_last_administrator(root: Client, person: People) -> None:
    ada, me = person("ada"), User.objects.get(username="root")
    sent = {"username": "ada", "email": "a@example.org", "role": "publisher", "is_active": "on"}
    assert root.post(f"/admin/accounts/user/{ada.pk}/change/", sent).status_code == 302
    ada.refresh_from_db()
    assert (ada.role, ada.email) == ("publisher", "a@example.org")
    root.post(f"/admin/accounts/user/{me.pk}/change/", {"username": "root", "role": "analyst", "is_active": "on"})
    me.refresh_from_db()
    assert me.role == "administrator"


def test_the_admin_removes_a_persons_data_and_says_so(root: Client, person: People) -> None:
    ada = person("ada")
    people.new_token(Actor(user=ada), "notebook", ["read"])
    asked = root.post(f"/admin/accounts/user/{ada.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    assert "Removed:" in asked
    assert "1 tokens" in asked
    assert not User.objects.filter(username="ada").exists()


def test_tokens_and_the_book_are_only_looked_at(root: Client, person: People) -> None:
    token, _ = people.new_token(Actor(user=person("ada")), "notebook", ["read"])
    page = root.get(f"/admin/accounts/token/{token.pk}/change/").content.decode()
    assert token.prefix in page
    assert token.digest not in page
    entry = Entry.objects.get()
    for path in (f"token/{token.pk}", f"entry/{entry.pk}"):
        for act in ("change", "delete"):
            assert root.post(f"/admin/accounts/{path}/{act}/", {"post": "yes", "name": "x"}).status_code == 403
    assert root.get("/admin/accounts/entry/add/").status_code == 403
    root.post("/admin/accounts/token/", {"action": "revoke", "_selected_action": [token.pk]})
    assert Token.objects.get().revoked is not None


def test_a_lost_password_is_given_anew_by_an_administrator(root: Client, person: People) -> None:
    ada = person("ada")
    update_last_login(None, ada)
    sent = {"action": "new_password", "_selected_action": [ada.pk]}
    page = root.post("/admin/accounts/user/", sent, follow=True).content.decode()
    chosen = re.search(r"shown this once: ([\w-]+)", page)[1]
    ada.refresh_from_db()
    assert ada.check_password(chosen)
    assert ada.must_change
