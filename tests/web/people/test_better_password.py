"""Who has a weak password chooses a better one before anything else; gates in general."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD, Desk
from tests.support.rows import all_rows, change, fresh
from tests.web.pages import Browser, words_of
from webapp.models import Comment, User, UserSession
from webapp.services.people.users import hash_password
from webapp.web.access import PUBLIC, access_of

PAGE = "/better-password"
WEAK, BETTER = "kJ8#pq2!", "lantern fjord ocelot"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def weak(app: Flask, people: tuple[int, int], visitor: Browser) -> Browser:
    """Bo's browser, after signing in with a password that does not fit the rules any more."""
    with app.app_context():
        change(User, people[1], password_hash=hash_password(WEAK))
    response = visitor.post_sign_in(HELPDESK[0], WEAK, path="/sign-in?next=/tickets?q%3Da")
    assert response.location == "/tickets?q=a"
    return visitor


def test_every_page_leads_to_the_page_of_the_step(app: Flask, weak: Browser) -> None:
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.arguments or rule.endpoint == "static":
            continue
        if access_of(app.view_functions[rule.endpoint]) == PUBLIC or rule.rule == PAGE:
            continue
        response = weak.client.get(rule.rule)
        assert (response.status_code, response.location.partition("?")[0]) == (303, PAGE), rule
    assert weak.client.get("/tickets?q=a%20b").location == f"{PAGE}?next=/tickets?q%3Da%2520b"
    assert weak.client.get("/tickets/1").location == f"{PAGE}?next=/tickets/1"
    assert weak.client.get("/").location == PAGE


def test_the_page_says_why_and_what_is_asked_for(weak: Browser) -> None:
    page = weak.get(PAGE)
    assert page.heading == "Choose a better password"
    assert "does not fit the rules: it is too short or common" in page.text
    assert "At least 12 characters" in page.text
    current, new = page.all("input", type="password")
    assert (current.get("autocomplete"), new.get("autocomplete")) == (
        "current-password",
        "new-password",
    )
    assert WEAK not in page.response.text


def test_a_better_password_opens_the_way(
    app: Flask, weak: Browser, people: tuple[int, int]
) -> None:
    path = weak.client.get("/tickets?q=a").location
    response = weak.post_own(path, {"current_password": WEAK, "new_password": BETTER})
    assert (response.status_code, response.location) == (303, "/tickets?q=a")
    assert "Your new password is strong." in weak.get("/tickets?q=a").text
    with app.app_context():
        assert not fresh(User, people[1]).must_change_password
    assert weak.client.get(f"{PAGE}?next=/tickets").location == "/tickets"
    other = Browser(app)
    assert other.post_sign_in(HELPDESK[0], WEAK).status_code == 400
    assert other.post_sign_in(HELPDESK[0], BETTER).status_code == 303
    assert other.get("/").heading == "Dashboard"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"current_password": "wrong"}, "This is not your current password."),
        ({"current_password": ""}, "Enter it."),
        ({"new_password": "password1234"}, "weak: most of it is a common password"),
        ({"new_password": "Lindqvist 12"}, "little more than your name"),
        ({"new_password": WEAK}, "at least 12 characters"),
        ({"new_password": ""}, "Choose a password."),
    ],
)
def test_what_is_no_better_is_refused_in_words(
    weak: Browser, data: dict[str, str], words: str
) -> None:
    sent = weak.post_own(PAGE, {"current_password": WEAK, "new_password": BETTER, **data})
    page = weak.page_of(sent, status=400)
    assert words in words_of(page.one("div", role="alert"))
    assert not any(value in page.response.text for value in (BETTER, WEAK, "password1234"))
    assert weak.client.get("/").location == PAGE


def test_guessing_the_current_password_is_slowed_down(weak: Browser) -> None:
    for _ in range(10):
        weak.post_own(PAGE, {"current_password": "guess", "new_password": BETTER})
    sent = weak.send(PAGE, {"current_password": WEAK, "new_password": BETTER})
    assert sent.status_code == 429


def test_looking_for_a_better_password_is_no_guessing(weak: Browser) -> None:
    for _ in range(10):
        sent = weak.post_own(PAGE, {"current_password": WEAK, "new_password": "short"})
        assert sent.status_code == 400
    sent = weak.post_own(PAGE, {"current_password": WEAK, "new_password": BETTER})
    assert sent.status_code == 303


def test_signing_out_and_what_is_open_to_everybody_stay_open(app: Flask, weak: Browser) -> None:
    for path in ("/healthz", "/choose-password", "/polling-banner"):
        assert weak.client.get(path).status_code == 200, path
    assert weak.get("/nowhere", status=404)
    response = weak.post("/sign-out", on=PAGE)
    assert (response.status_code, response.location) == (303, "/sign-in")
    with app.app_context():
        assert all(session.revoked_at for session in all_rows(UserSession))


def test_the_step_does_not_lead_to_another_site(weak: Browser) -> None:
    sent = weak.post_own(
        f"{PAGE}?next=https://evil.example", {"current_password": WEAK, "new_password": BETTER}
    )
    assert sent.location == "/"


def test_a_part_of_a_page_makes_the_page_load_again(weak: Browser) -> None:
    response = weak.client.get("/connections/1/status", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Refresh"]) == (401, "true")
    assert response.text == ""


def test_what_was_typed_elsewhere_is_not_lost(
    app: Flask, desk: Desk, sign_in: SignIn, visitor: Browser
) -> None:
    """Somebody writes a note in one browser, and signs in with the weak password in another."""
    browser = sign_in(HELPDESK)
    browser.get("/tickets/1")
    data = {"body": "Two hours of work", "csrf_token": browser.token()}
    with app.app_context():
        change(User, desk.helpdesk_id, password_hash=hash_password(WEAK))
    visitor.post_sign_in(HELPDESK[0], WEAK)
    notes = "/tickets/1/notes"
    page = browser.page_of(browser.client.post(notes, data=data, headers=SAME_ORIGIN), status=409)
    assert page.heading == "One step comes first"
    assert "choose a better password in a new tab" in page.text
    assert page.one("textarea").text.lstrip("\n") == data["body"]
    with app.app_context():
        assert not all_rows(Comment, Comment.body == data["body"])
    browser.post_own(PAGE, {"current_password": WEAK, "new_password": BETTER})
    again = browser.client.post(notes, data=page.form(notes), headers=SAME_ORIGIN)
    assert again.status_code == 303
    with app.app_context():
        assert all_rows(Comment, Comment.body == data["body"])


def test_nothing_is_done_for_who_has_not_taken_the_step(app: Flask, weak: Browser) -> None:
    token = weak.token()
    for headers in ({}, SAME_ORIGIN):
        sent = weak.client.post(
            "/theme", data={"theme": "dark", "csrf_token": token}, headers=headers
        )
        assert sent.status_code in (303, 409)
    with app.app_context():
        assert all(user.theme is None for user in all_rows(User))


def test_who_came_in_another_way_is_not_asked(
    app: Flask, people: tuple[int, int], sign_in: SignIn
) -> None:
    """They may not know the password at all; it is asked for when it is used."""
    browser = sign_in(ADMIN)
    with app.app_context():
        change(User, people[0], must_change_password=True)
        [session] = all_rows(UserSession)
        change(UserSession, session.id, method="passkey")
    assert browser.get("/").heading == "Dashboard"
    with app.app_context():
        change(UserSession, session.id, method="password")
    assert browser.client.get("/").location == PAGE


def test_who_has_a_good_password_is_not_asked(people: tuple[int, int], visitor: Browser) -> None:
    assert visitor.post_sign_in(ADMIN[0], PASSWORD).location == "/"
    assert visitor.get("/").heading == "Dashboard"
    assert visitor.client.get(PAGE).location == "/"
