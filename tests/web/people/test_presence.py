"""Dangerous actions ask once more who is there, and nothing that was typed is lost."""

from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.web.pages import Browser
from webapp.models import AuditEvent, User
from webapp.services.notices.message_settings import read_message_settings

MAIL = "/notifications/settings/mail"
SignIn = Callable[[tuple[str, str]], Browser]

ASKING = {
    "account.": {"edit_details"},
    "audit.": {"export"},
    "connections.": {"connect", "change_credentials", "disconnect"},
    "contact.": {"new"},
    "notices.": {
        "delete",
        "new_target",
        "remove_secret",
        "resume",
        "rotate",
        "save_mail",
        "show_target",
    },
    "on_call.": {"make_calendar"},
    "users.": {"activate", "deactivate", "edit", "invite", "new_link"},
}
"""What concerns accounts, credentials, targets and tokens; what only takes something away, such as
withdrawing a link, is done at once."""


@pytest.fixture
def admin(people: tuple[int, int], sign_in: SignIn, fake_clock: FakeClock) -> Browser:
    """An admin who signed in eleven minutes ago."""
    browser = sign_in(ADMIN)
    fake_clock.advance(minutes=11)
    return browser


def events(app: Flask) -> list[tuple[str, object]]:
    with app.app_context():
        return [
            (event.action, (event.after or {}).get("way"))
            for event in all_rows(AuditEvent)
            if event.action.startswith("presence.")
        ]


def test_what_asks(app: Flask) -> None:
    asking = {
        endpoint
        for endpoint, view in app.view_functions.items()
        if getattr(view, "needs_presence", False)
    }
    wanted = {f"{area}{name}" for area, names in ASKING.items() for name in names}
    assert wanted <= asking


def test_a_form_goes_on_once_the_password_was_shown(app: Flask, admin: Browser) -> None:
    typed = {"name": "Cleo", "email": "cleo@example.com", "role": "helpdesk"}
    asked = admin.page_of(admin.post_own("/users/invite", typed), status=403)
    assert asked.heading == "Confirm that it is you"
    fields = asked.form("/confirm") | {"confirm_password": PASSWORD}
    response = admin.client.post("/confirm", data=fields)
    assert (response.status_code, response.location) == (307, "/users/invite")
    sent_again = admin.client.post("/users/invite", data=fields)
    assert sent_again.status_code == 200
    with app.app_context():
        assert [user.email for user in all_rows(User)][-1] == "cleo@example.com"
    assert events(app) == [("presence.shown", "password")]


def test_for_ten_minutes_nothing_is_asked(admin: Browser, fake_clock: FakeClock) -> None:
    confirm(admin, PASSWORD)
    typed = {"name": "Cleo", "email": "cleo@example.com", "role": "helpdesk"}
    fake_clock.advance(minutes=9)
    assert admin.post_own("/users/invite", typed).status_code == 200
    fake_clock.advance(minutes=2)
    assert admin.post_own("/users/invite", typed).status_code == 403


def test_a_page_is_shown_once_the_password_was(admin: Browser) -> None:
    asked = admin.client.get("/audit/export?from=2026-06-09")
    where, _, query = asked.location.partition("?")
    assert (asked.status_code, where) == (303, "/confirm")
    assert parse_qs(query) == {"next": ["/audit/export?from=2026-06-09"]}
    response = confirm(admin, PASSWORD, path=asked.location)
    assert (response.status_code, response.location) == (303, "/audit/export?from=2026-06-09")
    assert admin.client.get(response.location).mimetype == "text/csv"


def test_a_wrong_password_keeps_what_was_typed(app: Flask, admin: Browser) -> None:
    typed = {"name": 'Cleo "<b>"', "email": "cleo@example.com", "role": "helpdesk"}
    asked = admin.page_of(admin.post_own("/users/invite", typed), status=403)
    for _ in range(5):
        wrong = asked.form("/confirm") | {"confirm_password": "wrong"}
        asked = admin.page_of(admin.client.post("/confirm", data=wrong), status=403)
        assert "This is not your password." in asked.text
        assert typed.items() <= asked.form("/confirm").items()
    response = admin.client.post("/confirm", data=asked.form("/confirm"))
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert typed.items() <= admin.page_of(response, status=429).form("/confirm").items()
    assert events(app) == [("presence.refused", "password")] * 5


def test_who_took_a_session_over_makes_nobody_wait_in_another(
    admin: Browser, sign_in: SignIn
) -> None:
    stolen = sign_in(ADMIN)
    statuses = [confirm(stolen, "wrong").status_code for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    assert confirm(admin, PASSWORD).status_code == 303


def test_a_secret_that_was_typed_is_sent_on_and_on_no_page(app: Flask, admin: Browser) -> None:
    """The mail server's password: empty, it would silently stay as it was."""
    typed = {"host": "mail.example.com", "sender": "desk@example.com", "password": "marked one"}
    asked = admin.page_of(admin.post(MAIL, typed, on="/notifications/settings"), status=403)
    for _ in range(2):
        assert "marked one" not in asked.response.text
        assert "password" not in asked.form("/confirm")
        wrong = asked.form("/confirm") | {"confirm_password": "wrong"}
        asked = admin.page_of(admin.client.post("/confirm", data=wrong), status=403)
    fields = asked.form("/confirm") | {"confirm_password": PASSWORD}
    assert admin.client.post("/confirm", data=fields).location == MAIL
    assert admin.client.post(MAIL, data=fields).status_code == 303
    with app.app_context():
        stored = read_message_settings()
        assert (stored.mail_host, stored.mail_password) == ("mail.example.com", "marked one")


def test_a_form_that_is_held_back_twice_keeps_its_secret(
    app: Flask, admin: Browser, fake_clock: FakeClock
) -> None:
    typed = {"host": "mail.example.com", "sender": "desk@example.com", "password": "marked one"}
    asked = admin.page_of(admin.post(MAIL, typed, on="/notifications/settings"), status=403)
    asked = admin.page_of(admin.client.post(MAIL, data=asked.form("/confirm")), status=403)
    assert "marked one" not in asked.response.text
    confirm(admin, PASSWORD)
    assert admin.client.post(MAIL, data=asked.form("/confirm")).status_code == 303
    with app.app_context():
        assert read_message_settings().mail_password == "marked one"


def test_a_secret_that_cannot_be_read_any_more_changes_nothing(app: Flask, admin: Browser) -> None:
    typed = {"host": "mail.example.com", "sender": "desk@example.com", "password": "marked one"}
    asked = admin.page_of(admin.post(MAIL, typed, on="/notifications/settings"), status=403)
    confirm(admin, PASSWORD)
    spoilt = asked.form("/confirm") | {"confirm_secrets": "v2:00000000:AAAA"}
    page = admin.page_of(admin.client.post(MAIL, data=spoilt), status=400)
    assert "type them anew" in page.text
    with app.app_context():
        assert read_message_settings().mail_host is None


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_it_leads_to_no_other_site(admin: Browser, target: str) -> None:
    fields = admin.get("/confirm").form("/confirm")
    sent = {**fields, "confirm_target": target, "confirm_password": PASSWORD}
    for is_form in ("", "yes"):
        response = admin.client.post("/confirm", data={**sent, "confirm_is_form": is_form})
        assert response.location == "/"


def test_a_script_is_led_to_the_page_that_asks(admin: Browser) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/users/2"}
    token = admin.token()
    sent = admin.client.post("/users/2/new-link", data={"csrf_token": token}, headers=headers)
    assert sent.headers["HX-Redirect"] == "/confirm?next=/users/2"


def test_a_link_to_choose_a_password_is_told_to_its_owner(
    app: Flask, people: tuple[int, int], admin: Browser, sign_in: SignIn
) -> None:
    confirm(admin, PASSWORD)
    admin.post(f"/users/{people[1]}/new-link", on=f"/users/{people[1]}")
    owner = sign_in(HELPDESK)
    page = owner.get("/tickets?q=a")
    assert "was made by Ada Okafor" in page.text
    seen = "/preferences/notes/seen"
    response = owner.client.post(seen, data=page.form(seen))
    assert (response.status_code, response.location) == (303, "/tickets?q=a")
    assert "was made by Ada Okafor" not in owner.get("/tickets").text
    assert "was made by" not in admin.get("/tickets").text


def confirm(browser: Browser, password: str, *, path: str = "/confirm") -> TestResponse:
    fields = browser.get(path).form("/confirm")
    return browser.client.post("/confirm", data={**fields, "confirm_password": password})
