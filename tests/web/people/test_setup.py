"""The first admin, by one-time token."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.web.pages import Browser, words_of
from webapp.extensions import db
from webapp.models import SetupToken, User

FIELDS = {
    **{"name": "Ada", "email": "Ada@Example.com", "password": "correct horse battery"},
    "time_zone": "Europe/Berlin",
}


def submit(browser: Browser, token: str, **changes: str) -> TestResponse:
    return browser.send("/setup", {"token": token, **FIELDS, **changes})


def test_a_new_install_leads_to_setup(visitor: Browser, setup_token: str) -> None:
    assert visitor.client.get("/").location == "/sign-in"
    assert visitor.client.get("/sign-in").location == "/setup"
    assert visitor.get("/setup").heading == "Set up Triagedesk"


def test_the_first_admin_is_created_and_signed_in(
    app: Flask, visitor: Browser, setup_token: str
) -> None:
    visitor.client.get("/setup")
    token = setup_token_form(visitor)
    response = visitor.client.post(
        "/setup", data={"csrf_token": token, "token": f" {setup_token.upper()} ", **FIELDS}
    )
    assert response.status_code == 303
    page = visitor.get(response.location)
    assert "You are set up" in page.text
    assert page.heading == "Dashboard"
    with app.app_context():
        user = db.session.query(User).one()
        assert (user.email, user.role) == ("ada@example.com", "admin")
        assert user.time_zone == "Europe/Berlin"
        assert db.session.query(SetupToken).count() == 0


def setup_token_form(visitor: Browser) -> str:
    return str(visitor.get("/setup").one("input", name="csrf_token").get("value"))


def test_a_wrong_token_creates_nobody(app: Flask, visitor: Browser, setup_token: str) -> None:
    data = {"csrf_token": setup_token_form(visitor), "token": "wrong", **FIELDS}
    page = visitor.page_of(visitor.client.post("/setup", data=data), status=400)
    assert "This setup token is wrong or older than 24 hours." in page.text
    assert page.one("input", name="email").get("value") == FIELDS["email"]
    assert page.one("input", name="password").get("value") in (None, "")
    with app.app_context():
        assert db.session.query(User).count() == 0


def test_what_is_missing_is_said_with_links_to_the_fields(
    visitor: Browser, setup_token: str
) -> None:
    data = {"csrf_token": setup_token_form(visitor), "token": setup_token, "email": "nonsense"}
    page = visitor.page_of(visitor.client.post("/setup", data=data), status=400)
    summary = page.one("div", role="alert")
    assert {link.get("href") for link in summary.iter("a")} == {"#name", "#password"}
    assert page.one("input", id="name").get("aria-invalid") == "true"
    assert page.one("input", id="name").get("aria-describedby") == "name-error"


@pytest.mark.parametrize(("field", "value"), [("email", "nonsense"), ("password", "short")])
def test_what_the_service_refuses_stands_beside_its_field(
    visitor: Browser, setup_token: str, field: str, value: str
) -> None:
    data = {"csrf_token": setup_token_form(visitor), "token": setup_token, **FIELDS, field: value}
    page = visitor.page_of(visitor.client.post("/setup", data=data), status=400)
    assert words_of(page.one("p", id=f"{field}-error"))


def test_setup_is_closed_once_somebody_exists(visitor: Browser, people: tuple[int, int]) -> None:
    assert visitor.client.get("/setup").location == "/sign-in"
    response = submit(visitor, "anything")
    assert response.status_code == 302
    assert response.location == "/sign-in"


def test_guessing_tokens_is_slowed_down(visitor: Browser, setup_token: str) -> None:
    form = setup_token_form(visitor)
    for number in range(10):
        data = {"csrf_token": form, "token": f"guess-{number}", **FIELDS}
        assert visitor.client.post("/setup", data=data).status_code == 400
    data = {"csrf_token": form, "token": setup_token, **FIELDS}
    page = visitor.page_of(visitor.client.post("/setup", data=data), status=429)
    assert page.heading == "Too many attempts"
