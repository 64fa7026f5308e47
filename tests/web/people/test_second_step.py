"""The page of the second step, and signing in with a passkey alone."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, PASSWORD
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.security.factors import (
    code_at,
    require_factors,
    set_up_app,
    set_up_passkey,
)
from tests.support.security.passkeys import SoftPasskey
from tests.web.pages import Browser
from webapp.models import AuditEvent, User, UserSession
from webapp.services.people.password_links import make_password_link
from webapp.services.people.users import deactivate_user
from webapp.services.transactions import transaction

PAGE = "/sign-in/factor"
SITE = "http://localhost"
NEXT = "?next=/tickets"


@pytest.fixture
def ada(app: Flask, people: tuple[int, int]) -> int:
    """An admin, at an address where passkeys work."""
    with app.app_context():
        require_factors(local_url=SITE)
    return people[0]


@pytest.fixture
def key(app: Flask, ada: int, fake_clock: FakeClock) -> str:
    """The key of the admin's app."""
    with app.app_context():
        key, _ = set_up_app(ada)
    fake_clock.advance(minutes=1)
    return key


def first_step(browser: Browser) -> None:
    response = browser.post_sign_in(ADMIN[0], PASSWORD, path="/sign-in?next=/tickets")
    assert (response.status_code, response.location) == (303, f"{PAGE}{NEXT}")


def sessions(app: Flask) -> list[tuple[str | None, str | None]]:
    with app.app_context():
        rows = all_rows(UserSession, UserSession.user_agent != "tests")
        return [(row.method, row.factor) for row in rows]


def ask(browser: Browser, path: str) -> dict[str, Any]:
    response = browser.send(path, {})
    assert response.status_code == 200, response.json
    return dict(response.json)


def test_the_password_alone_opens_nothing(app: Flask, key: str, visitor: Browser) -> None:
    first_step(visitor)
    assert visitor.client.get("/tickets").location.startswith("/sign-in")
    assert sessions(app) == []
    page = visitor.get(f"{PAGE}{NEXT}")
    assert page.heading == "Second step"
    assert page.one("input", name="code").get("autocomplete") == "one-time-code"
    assert "Use a recovery code" in page.text


def test_a_code_of_the_app_goes_on_to_the_page_wanted(
    app: Flask, key: str, visitor: Browser
) -> None:
    first_step(visitor)
    action = visitor.get(f"{PAGE}{NEXT}").one("form").get("action") or ""
    response = visitor.send(action, {"code": f"{code_at(key)[:3]} {code_at(key)[3:]}"})
    assert (response.status_code, response.location) == (303, "/tickets")
    assert sessions(app) == [("password", "app")]
    visitor.get("/tickets")
    with app.app_context():
        [event] = all_rows(AuditEvent, AuditEvent.action == "session.begun")[-1:]
    assert event.after == {"method": "password", "factor": "app", "new_device": False}


def test_a_wrong_code_is_named_and_not_repeated(key: str, visitor: Browser) -> None:
    first_step(visitor)
    page = visitor.page_of(visitor.send(f"{PAGE}?way=app", {"code": "123123"}), status=400)
    assert "This code is wrong, too old, or was used already." in page.text
    assert "123123" not in page.response.text


def test_after_five_wrong_codes_one_begins_anew(
    app: Flask, key: str, visitor: Browser, fake_clock: FakeClock
) -> None:
    first_step(visitor)
    for _ in range(5):
        assert visitor.send(f"{PAGE}?way=app", {"code": "000000"}).status_code == 400
    fake_clock.advance(minutes=1)
    response = visitor.send(f"{PAGE}?way=app", {"code": code_at(key)})
    assert (response.status_code, response.location) == (303, "/sign-in?next=/")
    assert "Sign in from the beginning." in visitor.get("/sign-in").text
    assert sessions(app) == []


def test_guessing_goes_on_for_nobody_who_begins_anew(
    key: str, visitor: Browser, fake_clock: FakeClock
) -> None:
    first_step(visitor)
    for _ in range(5):
        visitor.send(f"{PAGE}?way=app", {"code": "000000"})
    first_step(visitor)
    response = visitor.send(f"{PAGE}?way=app", {"code": code_at(key)})
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert "Too many tries failed." in visitor.page_of(response, status=429).text
    fake_clock.advance(minutes=1)
    assert visitor.send(f"{PAGE}?way=app", {"code": code_at(key)}).status_code == 303


def test_a_known_browser_is_not_kept_out_by_somebody_who_guesses(
    app: Flask, key: str, visitor: Browser, fake_clock: FakeClock
) -> None:
    first_step(visitor)
    visitor.send(f"{PAGE}?way=app", {"code": code_at(key)})
    fake_clock.advance(minutes=1)
    stranger = Browser(app)
    first_step(stranger)
    for _ in range(5):
        stranger.send(f"{PAGE}?way=app", {"code": "000000"})
    first_step(stranger)
    assert stranger.send(f"{PAGE}?way=app", {"code": "000000"}).status_code == 429
    visitor.send("/sign-out", {})
    first_step(visitor)
    assert visitor.send(f"{PAGE}?way=app", {"code": code_at(key)}).status_code == 303


def test_a_known_browser_guesses_no_faster_by_showing_the_password_again(
    key: str, visitor: Browser, fake_clock: FakeClock
) -> None:
    first_step(visitor)
    visitor.send(f"{PAGE}?way=app", {"code": code_at(key)})
    fake_clock.advance(minutes=1)
    visitor.send("/sign-out", {})
    statuses = []
    for _ in range(6):
        first_step(visitor)
        sent = [visitor.send(f"{PAGE}?way=app", {"code": "000000"}) for _ in range(5)]
        statuses += [response.status_code for response in sent]
    assert statuses == [400] * 5 + [429] * 25


def test_a_recovery_code_says_how_many_are_left(app: Flask, ada: int, visitor: Browser) -> None:
    with app.app_context():
        _, made = set_up_app(ada)
    for left, code in zip(range(9, 2, -1), made.codes, strict=False):
        first_step(visitor)
        page = visitor.get(f"{PAGE}?way=recovery-code&next=/tickets")
        assert page.one("input", name="code").get("autocomplete") == "off"
        response = visitor.send(f"{PAGE}?way=recovery-code&next=/tickets", {"code": code})
        assert response.location == "/tickets"
        text = visitor.get("/tickets").text
        assert f"That recovery code is used up; {left} recovery codes left." in text
        assert ("Make new ones" in text) == (left <= 3)
        visitor.send("/sign-out", {})


def test_a_passkey_as_the_second_step(app: Flask, ada: int, visitor: Browser) -> None:
    with app.app_context():
        passkey, _ = set_up_passkey(ada, origin=SITE)
    first_step(visitor)
    page = visitor.get(f"{PAGE}{NEXT}")
    form = page.one("form", data_passkey="show")
    asked = ask(visitor, form.get("data-ask") or "")
    sent = {"answer": passkey.show(asked["options"]), "answer_token": asked["token"]}
    response = visitor.send(form.get("action") or "", sent)
    assert (response.status_code, response.location) == (303, "/tickets")
    assert sessions(app) == [("password", "passkey")]


def test_a_wrong_passkey_is_told_on_the_page(app: Flask, ada: int, visitor: Browser) -> None:
    with app.app_context():
        set_up_passkey(ada, origin=SITE)
    first_step(visitor)
    asked = ask(visitor, f"{PAGE}/passkey/ask")
    stranger = SoftPasskey(origin=SITE)
    sent = {"answer": stranger.show(asked["options"]), "answer_token": asked["token"]}
    page = visitor.page_of(visitor.send(f"{PAGE}/passkey", sent), status=400)
    assert "This passkey is not known here." in page.text
    page = visitor.page_of(visitor.send(f"{PAGE}/passkey", {}), status=400)
    assert "Second step" in page.text


def test_signing_in_with_a_passkey_alone(app: Flask, ada: int, visitor: Browser) -> None:
    with app.app_context():
        passkey, _ = set_up_passkey(ada, origin=SITE)
    form = visitor.get("/sign-in?next=/tickets").one("form", data_passkey="show")
    asked = ask(visitor, form.get("data-ask") or "")
    sent = {"answer": passkey.show(asked["options"]), "answer_token": asked["token"]}
    response = visitor.send(form.get("action") or "", sent)
    assert (response.status_code, response.location) == (303, "/tickets")
    assert sessions(app) == [("passkey", "passkey")]
    again = Browser(app)
    page = again.page_of(again.send("/sign-in/passkey", sent), status=400)
    assert "was used already. Try again." in page.text


def test_a_passkey_alone_does_not_lead_elsewhere(app: Flask, ada: int, visitor: Browser) -> None:
    with app.app_context():
        passkey, _ = set_up_passkey(ada, origin=SITE)
    asked = ask(visitor, "/sign-in/passkey/ask")
    sent = {"answer": passkey.show(asked["options"]), "answer_token": asked["token"]}
    assert visitor.send("/sign-in/passkey?next=//evil.example", sent).location == "/"


def test_wrong_passwords_of_others_at_the_address_do_not_hold_a_passkey_up(
    app: Flask, ada: int, visitor: Browser
) -> None:
    with app.app_context():
        passkey, _ = set_up_passkey(ada, origin=SITE)
    answers = [visitor.post_sign_in(f"{n}@example.com", "wrong") for n in range(11)]
    assert answers[-1].status_code == 429
    asked = ask(visitor, "/sign-in/passkey/ask")
    sent = {"answer": passkey.show(asked["options"]), "answer_token": asked["token"]}
    assert visitor.send("/sign-in/passkey", sent).location == "/"


def test_answers_of_passkeys_are_taken_thirty_times_a_minute(ada: int, visitor: Browser) -> None:
    answers = [visitor.send("/sign-in/passkey", {}).status_code for _ in range(31)]
    assert answers == [400] * 30 + [429]


def test_passkeys_are_offered_only_where_they_work(app: Flask, ada: int, visitor: Browser) -> None:
    assert visitor.get("/sign-in").all("form", data_passkey="show")
    with app.app_context():
        require_factors(local_url="http://localhost:9999")
    assert not visitor.get("/sign-in").all("form", data_passkey="show")
    with app.app_context():
        require_factors(public_url="http://desk.example.com")
    answer = visitor.send("/sign-in/passkey/ask", {})
    assert answer.status_code == 400
    assert "browsers allow them only" in answer.json["problem"]


@pytest.mark.parametrize("data", [{}, {"answer": "\x00", "answer_token": "x"}, {"answer": "["}])
def test_nonsense_is_refused_with_a_page(ada: int, visitor: Browser, data: dict[str, str]) -> None:
    page = visitor.page_of(visitor.send("/sign-in/passkey", data), status=400)
    assert page.heading == "Sign in"
    for path in (PAGE, f"{PAGE}/passkey"):
        assert visitor.send(path, data).location.startswith("/sign-in")
    assert visitor.client.get(f"{PAGE}?way=nonsense").location.startswith("/sign-in")
    assert visitor.send(f"{PAGE}/passkey/ask", {}).status_code == 400


def test_somebody_deactivated_meanwhile(
    app: Flask, people: tuple[int, int], visitor: Browser
) -> None:
    with app.app_context():
        key, _ = set_up_app(people[1])
    assert visitor.post_sign_in("bo@example.com", PASSWORD).location == f"{PAGE}?next=/"
    with app.app_context():
        deactivate_user(people[1])
    response = visitor.send(f"{PAGE}?way=app", {"code": code_in(app, key)})
    assert response.location.startswith("/sign-in")
    assert visitor.client.get("/tickets").status_code == 302


def code_in(app: Flask, key: str) -> str:
    with app.app_context():
        return code_at(key)


def test_all_ways_lost_says_who_helps(app: Flask, key: str, visitor: Browser) -> None:
    with app.app_context(), transaction() as session:
        session.connection().exec_driver_sql("UPDATE authenticator_apps SET secret = 'x'")
        session.connection().exec_driver_sql("DELETE FROM recovery_codes")
    first_step(visitor)
    page = visitor.get(PAGE)
    assert "can be checked any more" in page.text
    assert "triagedesk user reset-factors" in page.text
    assert visitor.send(PAGE, {"code": "123456"}).status_code == 200


def test_the_grace_begins_with_the_first_sign_in(
    app: Flask, ada: int, visitor: Browser, fake_clock: FakeClock
) -> None:
    visitor.post_sign_in(ADMIN[0], PASSWORD)
    assert "Your account needs a second factor from" in visitor.get("/tickets").text
    with app.app_context():
        [user] = all_rows(User, User.id == ada)
    assert user.factor_due_at == fake_clock.now() + timedelta(days=7)


def test_a_password_that_was_forgotten_is_no_way_around(
    app: Flask, key: str, ada: int, visitor: Browser
) -> None:
    with app.app_context():
        link = make_password_link(ada, actor_id=None)
    visitor.client.get(f"/choose-password?token={link.token}")
    response = visitor.send("/choose-password", {"password": "another tractor melon"})
    assert response.location == "/sign-in"
    response = visitor.post_sign_in(ADMIN[0], "another tractor melon")
    assert response.location == f"{PAGE}?next=/"
    assert visitor.client.get("/tickets").location.startswith("/sign-in")
    assert sessions(app) == []
