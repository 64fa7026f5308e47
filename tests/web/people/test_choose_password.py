"""Choosing a password: with a link, once; and changing one's own."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from tests.support.fake_clock import FakeClock
from tests.support.rows import audit_actions
from tests.web.pages import Browser, words_of
from webapp.services.people.invite_user import invite_user
from webapp.services.people.password_links import make_password_link
from webapp.services.people.users import deactivate_user, find_user

CHOOSE = "/choose-password"
CHOSEN = "a new password"
SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def token(app: Flask, people: tuple[int, int]) -> str:
    """Of an invitation."""
    with app.app_context():
        link = invite_user(
            email="cleo@example.com", name="Cleo", role="helpdesk", actor_id=people[0]
        ).link
        assert link is not None
        return link.token


def reset(app: Flask, user_id: int) -> str:
    with app.app_context():
        return make_password_link(user_id, actor_id=None).token


def test_the_token_leaves_the_address_at_once(visitor: Browser, token: str) -> None:
    response = visitor.client.get(f"{CHOOSE}?token={token}")
    assert (response.status_code, response.location) == (303, CHOOSE)
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert token not in response.text
    page = visitor.get(CHOOSE)
    assert "For Cleo (cleo@example.com)." in page.text
    assert token not in page.response.text
    assert not page.all("input", name="token")


def test_from_the_link_to_the_first_sign_in(visitor: Browser, token: str, app: Flask) -> None:
    visitor.client.get(f"{CHOOSE}?token={token}")
    response = visitor.post_own(CHOOSE, {"password": CHOSEN})
    assert (response.status_code, response.location) == (303, "/sign-in")
    assert (
        "Your password is set; it is good. Sign in as cleo@example.com."
        in visitor.get("/sign-in").text
    )
    assert visitor.post_sign_in("cleo@example.com", CHOSEN).location == "/"
    assert "Cleo" in visitor.get("/").text
    with app.app_context():
        assert audit_actions()[-1] == "user.password_chosen"


@pytest.mark.parametrize(
    ("sent", "stored"), [("America/Chicago", "America/Chicago"), ("Mars/Base", None), ("", None)]
)
def test_only_somebody_new_gets_the_zone_of_the_browser(
    app: Flask, visitor: Browser, token: str, sent: str, stored: str | None
) -> None:
    for _ in range(2):
        visitor.client.get(f"{CHOOSE}?token={token}")
        visitor.post_own(CHOOSE, {"password": CHOSEN, "time_zone": sent})
        with app.app_context():
            user = find_user("cleo@example.com")
        assert user.time_zone == stored
        token, sent = reset(app, user.id), "Asia/Tokyo"


@pytest.mark.parametrize("typed", ["{}", " {} ", "http://localhost/choose-password?token={}"])
def test_the_code_may_be_typed_in(visitor: Browser, token: str, typed: str) -> None:
    assert "Paste it here." in visitor.get(CHOOSE).text
    code = typed.format(token.upper() if typed == "{}" else token)
    response = visitor.post_own(CHOOSE, {"token": code, "password": CHOSEN})
    assert response.location == "/sign-in"
    assert visitor.post_sign_in("cleo@example.com", CHOSEN).status_code == 303


def test_a_short_password_does_not_spend_the_link(visitor: Browser, token: str) -> None:
    visitor.client.get(f"{CHOOSE}?token={token}")
    for password, words in (("short", "at least 12 characters"), ("", "Choose a password.")):
        page = visitor.page_of(visitor.post_own(CHOOSE, {"password": password}), status=400)
        assert words in words_of(page.one("div", role="alert"))
        assert not page.all("input", name="token")
    assert visitor.post_own(CHOOSE, {"password": CHOSEN}).status_code == 303


def test_a_link_works_once(visitor: Browser, app: Flask, token: str) -> None:
    visitor.post_own(CHOOSE, {"token": token, "password": CHOSEN})
    other = Browser(app)
    other.client.get(f"{CHOOSE}?token={token}")
    assert "was used already" in other.get(CHOOSE, status=400).text
    response = other.post_own(CHOOSE, {"token": token, "password": "something else"})
    page = other.page_of(response, status=400)
    assert "was used already" in words_of(page.one("div", role="alert"))
    assert visitor.post_sign_in("cleo@example.com", CHOSEN).status_code == 303


def test_a_link_that_was_spent_while_its_page_was_open(
    app: Flask, visitor: Browser, token: str
) -> None:
    visitor.client.get(f"{CHOOSE}?token={token}")
    fields = visitor.get(CHOOSE).form(CHOOSE)
    Browser(app).post_own(CHOOSE, {"token": token, "password": CHOSEN})
    response = visitor.client.post(CHOOSE, data={**fields, "password": "something else"})
    assert "was used already" in visitor.page_of(response, status=400).text


def test_a_link_ends_after_72_hours(visitor: Browser, token: str, fake_clock: FakeClock) -> None:
    fake_clock.advance(hours=71, minutes=59)
    visitor.client.get(f"{CHOOSE}?token={token}")
    assert "For Cleo" in visitor.get(CHOOSE).text
    fake_clock.advance(minutes=1)
    assert "works for 72 hours" in visitor.get(CHOOSE, status=400).text
    assert "Paste it here." in visitor.get(CHOOSE).text


@pytest.mark.parametrize("wrong", ["nonsense", "x" * 5000, "%00", "'--", "ü"])
def test_what_is_no_token(visitor: Browser, people: tuple[int, int], wrong: str) -> None:
    assert visitor.client.get(f"{CHOOSE}?token={wrong}").status_code == 303
    assert "This link is wrong" in visitor.get(CHOOSE, status=400).text


def test_somebody_deactivated_cannot_use_a_link(
    app: Flask, people: tuple[int, int], visitor: Browser
) -> None:
    token = reset(app, people[1])
    with app.app_context():
        deactivate_user(people[1])
    response = visitor.post_own(CHOOSE, {"token": token, "password": CHOSEN})
    assert response.status_code == 400


def test_a_reset_ends_every_session(
    app: Flask, people: tuple[int, int], visitor: Browser, sign_in: SignIn
) -> None:
    helpdesk = sign_in(HELPDESK)
    token = reset(app, people[1])
    assert helpdesk.client.get("/").status_code == 200
    assert visitor.post_sign_in(HELPDESK[0], PASSWORD).status_code == 303
    visitor.client.delete_cookie("triagedesk_login")
    visitor.post_own(CHOOSE, {"token": token, "password": CHOSEN})
    assert helpdesk.client.get("/").location.startswith("/sign-in")
    assert visitor.post_sign_in(HELPDESK[0], PASSWORD).status_code == 400
    assert visitor.post_sign_in(HELPDESK[0], CHOSEN).status_code == 303


def test_whoever_used_the_browser_before_is_signed_out(
    sign_in: SignIn, people: tuple[int, int], token: str
) -> None:
    browser = sign_in(ADMIN)
    browser.client.get(f"{CHOOSE}?token={token}")
    assert "This browser is signed in as Ada Okafor." in browser.get(CHOOSE).text
    response = browser.post_own(CHOOSE, {"password": CHOSEN})
    assert response.location == "/sign-in"
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'  # it may be another person's
    assert browser.client.get("/").location.startswith("/sign-in")


def test_guessing_is_slowed_down(visitor: Browser, people: tuple[int, int]) -> None:
    visitor.get(CHOOSE)
    for number in range(10):
        assert visitor.send(CHOOSE, {"token": f"guess{number}"}).status_code == 400
    page = visitor.page_of(visitor.send(CHOOSE, {"token": "guess"}), status=429)
    assert "Wait a minute" in page.text


def test_the_sign_in_page_says_where_links_come_from(
    visitor: Browser, people: tuple[int, int]
) -> None:
    assert "Ask an admin for a link" in visitor.get("/sign-in").text


def test_one_changes_the_own_password(
    app: Flask, people: tuple[int, int], sign_in: SignIn, visitor: Browser
) -> None:
    here, elsewhere = sign_in(HELPDESK), sign_in(HELPDESK)
    stale_link = reset(app, people[1])
    data = {"current_password": PASSWORD, "new_password": CHOSEN}
    response = here.post("/preferences/password", data, on="/preferences")
    assert (response.status_code, response.location) == (303, "/preferences")
    assert (
        "Your new password is good. You are signed out everywhere else."
        in here.get("/preferences").text
    )
    assert elsewhere.client.get("/").location.startswith("/sign-in")
    assert visitor.post_sign_in(HELPDESK[0], PASSWORD).status_code == 400
    assert visitor.post_sign_in(HELPDESK[0], CHOSEN).status_code == 303
    spent = visitor.post_own(CHOOSE, {"token": stale_link, "password": "yet another one"})
    assert spent.status_code == 400
    with app.app_context():
        assert audit_actions()[-1] == "user.password_set"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"current_password": "wrong"}, "This is not your current password."),
        ({"current_password": ""}, "Enter it."),
        ({"new_password": "short"}, "at least 12 characters"),
        ({"new_password": "x" * 2000}, "at most 1024 characters"),
    ],
)
def test_a_password_that_stays(
    people: tuple[int, int], sign_in: SignIn, visitor: Browser, data: dict[str, str], words: str
) -> None:
    browser = sign_in(HELPDESK)
    sent = {"current_password": PASSWORD, "new_password": CHOSEN, **data}
    response = browser.post("/preferences/password", sent, on="/preferences")
    page = browser.page_of(response, status=400)
    assert words in words_of(page.one("div", role="alert"))
    assert PASSWORD not in page.response.text
    assert visitor.post_sign_in(HELPDESK[0], PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "last"), [(PASSWORD, "short", 303), ("wrong", CHOSEN, 429)]
)
def test_new_passwords_that_are_refused_are_no_guesses(
    people: tuple[int, int], sign_in: SignIn, current: str, new: str, last: int
) -> None:
    browser = sign_in(HELPDESK)
    for _ in range(5):
        data = {"current_password": current, "new_password": new}
        assert browser.post("/preferences/password", data, on="/preferences").status_code == 400
    data = {"current_password": PASSWORD, "new_password": CHOSEN}
    assert browser.post("/preferences/password", data, on="/preferences").status_code == last
