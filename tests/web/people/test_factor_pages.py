"""One's own factors: the pages under Preferences."""

import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.security.factors import (
    code_at,
    require_factors,
    set_up_app,
    set_up_passkey,
)
from tests.support.security.passkeys import SoftPasskey
from tests.support.security.sessions import COOKIE
from tests.web.pages import Browser, Page, words_of
from webapp.models import AuthenticatorApp, Passkey, RecoveryCode
from webapp.services.transactions import transaction

SITE = "http://localhost"
PAGE = "/preferences/sign-in"
SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def ada(app: Flask, people: tuple[int, int], sign_in: SignIn) -> Browser:
    """An admin's browser, at an address where passkeys work."""
    with app.app_context():
        require_factors(local_url=SITE)
    return sign_in(ADMIN)


def codes_on(page: Page) -> list[str]:
    return (page.one("textarea", id="codes").text or "").split()


def add_passkey(browser: Browser, name: str = "Laptop") -> tuple[SoftPasskey, Page | None]:
    """Add a passkey by the page; returns what answered if it shows recovery codes."""
    form = browser.get(f"{PAGE}/passkeys/new").one("form", data_passkey="make")
    asked = browser.send(form.get("data-ask") or "", {}).json
    passkey = SoftPasskey(origin=SITE)
    sent = {
        "name": name,
        "answer": passkey.make(asked["options"]),
        "answer_token": asked["token"],
    }
    response = browser.send(form.get("action") or "", sent)
    return passkey, browser.page_of(response) if response.status_code == 200 else None


def test_an_app_is_set_up_by_its_first_code(app: Flask, ada: Browser) -> None:
    response = ada.post(f"{PAGE}/app", on=PAGE)
    assert (response.status_code, response.location) == (303, f"{PAGE}/app/confirm")
    page = ada.get(f"{PAGE}/app/confirm")
    key = words_of(page.one("code")).replace(" ", "")
    assert len(key) == 32
    picture = page.one("p", role="img")
    assert [child.tag.rpartition("}")[2] for child in picture] == ["svg"]
    wrong = ada.page_of(ada.send(f"{PAGE}/app/confirm", {"code": "12"}), status=400)
    assert "This is not the code that the app should show now." in wrong.text
    assert words_of(wrong.one("code")).replace(" ", "") == key, "nothing has to be scanned again"
    with app.app_context():
        code = code_at(key)
    page = ada.page_of(ada.send(f"{PAGE}/app/confirm", {"code": code}))
    assert "Your authenticator app is set up." in page.text
    assert len(codes_on(page)) == 10
    own = ada.get(PAGE)
    assert "Set up" in own.text
    assert "10 of 10 left." in own.text
    assert key not in own.response.text
    assert ada.client.get(f"{PAGE}/app/confirm").location == PAGE


def test_recovery_codes_can_be_kept_without_a_script(ada: Browser) -> None:
    _, page = add_passkey(ada)
    assert page is not None
    codes = codes_on(page)
    download = page.one("a", download="triagedesk-recovery-codes.txt").get("href") or ""
    assert download.startswith("data:text/plain;charset=utf-8,")
    assert all(code in unquote(download) for code in codes)
    assert page.response.headers["Cache-Control"] == "no-store"
    assert all(codes[0] not in part for part in page.response.headers.getlist("Set-Cookie"))
    assert "shown only now" in page.text


def test_new_codes_are_shown_once(app: Flask, ada: Browser) -> None:
    _, page = add_passkey(ada)
    assert page is not None
    again = ada.page_of(ada.post(f"{PAGE}/recovery-codes", on=PAGE))
    assert not set(codes_on(again)) & set(codes_on(page))
    assert not any(code in ada.get(PAGE).response.text for code in codes_on(again))
    with app.app_context():
        assert len(all_rows(RecoveryCode)) == 10


def test_passkeys_are_added_named_and_removed(app: Flask, ada: Browser) -> None:
    add_passkey(ada)
    _, shown = add_passkey(ada, "Phone <b>")
    assert shown is None
    page = ada.get(PAGE)
    assert "The passkey “Phone <b>” is added." in page.text
    [link] = [one for one in page.all("a") if words_of(one) == "Phone <b>"]
    path = link.get("href") or ""
    page = ada.get(path)
    assert page.one("input", name="name").get("value") == "Phone <b>"
    refused = ada.page_of(ada.send(path, {"name": " "}), status=400)
    assert "Enter a name" in refused.text
    assert ada.post_own(path, {"name": "Old phone"}).location == PAGE
    assert "Old phone" in ada.get(PAGE).text
    assert ada.post(f"{path}/remove", on=PAGE).location == PAGE
    page = ada.get(PAGE)
    assert "The passkey “Old phone” is removed." in page.text
    with app.app_context():
        [left] = all_rows(Passkey)
    response = ada.post(f"{PAGE}/passkeys/{left.id}/remove", on=PAGE)
    assert response.location == PAGE
    assert "This is your only second factor" in ada.get(PAGE).text


def test_the_app_is_moved_and_removed(app: Flask, ada: Browser) -> None:
    with app.app_context():
        require_factors(local_url=SITE)
    add_passkey(ada)
    ada.post(f"{PAGE}/app", on=PAGE)
    key = words_of(ada.get(f"{PAGE}/app/confirm").one("code")).replace(" ", "")
    with app.app_context():
        code = code_at(key)
    assert ada.send(f"{PAGE}/app/confirm", {"code": code}).location == PAGE
    assert "Move to another phone" in ada.get(PAGE).text
    assert ada.post(f"{PAGE}/app/remove", on=PAGE).location == PAGE
    assert "The authenticator app is removed." in ada.get(PAGE).text
    with app.app_context():
        assert all_rows(AuthenticatorApp) == []
    assert ada.send(f"{PAGE}/app/remove", {}).status_code == 404


def test_each_change_renews_the_cookie(ada: Browser) -> None:
    seen = {cookie(ada)}
    add_passkey(ada)
    seen.add(cookie(ada))
    add_passkey(ada)
    seen.add(cookie(ada))
    ada.post(f"{PAGE}/recovery-codes", on=PAGE)
    seen.add(cookie(ada))
    assert len(seen) == 4
    ada.get(PAGE)


def cookie(browser: Browser) -> str:
    found = browser.client.get_cookie(COOKIE)
    assert found is not None
    return found.value


def test_where_passkeys_cannot_work_the_page_says_so(app: Flask, ada: Browser) -> None:
    with app.app_context():
        require_factors(public_url="http://desk.example.com")
    page = ada.get(PAGE)
    assert "Passkeys cannot be used at http://desk.example.com" in page.text
    assert "Add a passkey" not in page.text
    assert not ada.get(f"{PAGE}/passkeys/new").all("form", data_passkey="make")
    with app.app_context():
        require_factors(public_url="https://desk.example.com")
    assert "work only at https://desk.example.com. Open it there" in ada.get(PAGE).text


@pytest.mark.parametrize("data", [{}, {"answer": "{", "answer_token": "\x00"}])
def test_nonsense_adds_no_passkey(app: Flask, ada: Browser, data: dict[str, str]) -> None:
    page = ada.page_of(ada.send(f"{PAGE}/passkeys/new", {"name": "Kept", **data}), status=400)
    assert page.one("input", name="name").get("value") == "Kept"
    assert page.one("div", role="alert")
    with app.app_context():
        assert all_rows(Passkey) == []


def test_nobody_touches_what_belongs_to_somebody_else(
    app: Flask, ada: Browser, sign_in: SignIn
) -> None:
    add_passkey(ada)
    with app.app_context():
        [row] = all_rows(Passkey)
    bo = sign_in(HELPDESK)
    path = f"{PAGE}/passkeys/{row.id}"
    assert bo.client.get(path).status_code == 404
    assert bo.send(path, {"name": "Mine"}).status_code == 404
    assert bo.send(f"{path}/remove", {}).status_code == 404
    with app.app_context():
        assert [one.name for one in all_rows(Passkey)] == ["Laptop"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", f"{PAGE}/app"),
        ("get", f"{PAGE}/app/confirm"),
        ("post", f"{PAGE}/app/confirm"),
        ("post", f"{PAGE}/app/remove"),
        ("get", f"{PAGE}/passkeys/new"),
        ("post", f"{PAGE}/passkeys/new"),
        ("post", f"{PAGE}/passkeys/ask"),
        ("post", f"{PAGE}/passkeys/1/remove"),
        ("post", f"{PAGE}/recovery-codes"),
    ],
)
def test_changes_ask_who_is_there(
    ada: Browser, fake_clock: FakeClock, method: str, path: str
) -> None:
    fake_clock.advance(minutes=11)
    if method == "get":
        assert ada.client.get(path).location == f"/confirm?next={path}"
    else:
        page = ada.page_of(ada.send(path, {}), status=403)
        assert page.heading == "Confirm that it is you"


def test_a_code_of_the_app_shows_who_is_there(
    app: Flask, ada: Browser, people: tuple[int, int], fake_clock: FakeClock
) -> None:
    with app.app_context():
        key, made = set_up_app(people[0], cookie(ada))
    ada.client.set_cookie(COOKIE, made.token)
    fake_clock.advance(minutes=11)
    with app.app_context():
        code = code_at(key)
    assert "Or a code of your authenticator app" in ada.get("/confirm").text
    sent = {"confirm_target": f"{PAGE}/passkeys/new", "confirm_code": code}
    assert ada.send("/confirm", sent).location == f"{PAGE}/passkeys/new"
    ada.get(f"{PAGE}/passkeys/new")
    fake_clock.advance(minutes=11)
    page = ada.page_of(ada.send("/confirm", sent), status=403)
    assert "This code is wrong, too old, or was used already." in page.text


def test_a_passkey_shows_who_is_there(
    app: Flask, ada: Browser, people: tuple[int, int], fake_clock: FakeClock
) -> None:
    passkey, _ = add_passkey(ada)
    fake_clock.advance(minutes=11)
    form = ada.get("/confirm").one("form", data_passkey="show")
    asked = ada.send(form.get("data-ask") or "", {}).json
    assert asked["options"]["userVerification"] == "required"
    sent = {
        "confirm_target": f"{PAGE}/passkeys/new",
        "confirm_answer": passkey.show(asked["options"]),
        "confirm_answer_token": asked["token"],
    }
    assert ada.send("/confirm", sent).location == f"{PAGE}/passkeys/new"
    fake_clock.advance(minutes=11)
    ada.page_of(ada.send("/confirm", sent), status=403)
    with app.app_context():
        of_bo, _ = set_up_passkey(people[1], origin=SITE)
    asked = ada.send("/confirm/passkey/ask", {}).json
    sent = {
        "confirm_answer": of_bo.show(asked["options"]),
        "confirm_answer_token": asked["token"],
    }
    page = ada.page_of(ada.send("/confirm", sent), status=403)
    assert "not known here" in page.text


def test_an_app_whose_key_is_gone_says_so(
    app: Flask, ada: Browser, people: tuple[int, int]
) -> None:
    with app.app_context():
        _, made = set_up_app(people[0], cookie(ada))
        with transaction() as session:
            session.connection().exec_driver_sql("UPDATE authenticator_apps SET secret = 'x'")
    ada.client.set_cookie(COOKIE, made.token)
    assert "Codes of this app cannot be checked" in ada.get(PAGE).text


def test_preferences_lead_there(ada: Browser) -> None:
    page = ada.get("/preferences")
    assert "your password alone opens your account" in page.text
    assert PAGE in [one.get("href") for one in page.all("a")]
    add_passkey(ada)
    assert "You have: passkey, and 10 recovery codes." in ada.get("/preferences").text


def test_no_secret_is_in_the_answer_of_any_page(
    app: Flask, ada: Browser, people: tuple[int, int]
) -> None:
    with app.app_context():
        key, made = set_up_app(people[0], cookie(ada))
    ada.client.set_cookie(COOKIE, made.token)
    for path in (PAGE, "/preferences", "/users", "/users/1", "/audit", "/"):
        text = ada.get(path).response.text
        assert not re.search("|".join([key, *made.codes]), text), path
