"""When the grace is over, every page leads to setting up a second factor."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.security.factors import code_at, require_factors, set_up_app
from tests.support.security.sessions import COOKIE
from tests.web.pages import Browser, words_of
from webapp.config import FactorRule
from webapp.models import User
from webapp.services.people.factors.demand import ask_for_factor
from webapp.services.people.sessions import Browser as Named
from webapp.services.people.sessions import Factor, Method, begin_session

SETUP = "/preferences/sign-in"
SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def gated(app: Flask, people: tuple[int, int], visitor: Browser) -> Browser:
    """An admin without a factor, and without any grace."""
    with app.app_context():
        require_factors(grace=timedelta(0), local_url="http://localhost")
    visitor.post_sign_in(ADMIN[0], PASSWORD)
    return visitor


@pytest.mark.parametrize("path", ["/", "/tickets", "/preferences", "/users", "/integrations"])
def test_every_page_leads_there(gated: Browser, path: str) -> None:
    response = gated.client.get(path)
    assert response.status_code == 303
    assert response.location == (SETUP if path == "/" else f"{SETUP}?next={path}")


def test_nothing_is_changed_either(app: Flask, gated: Browser) -> None:
    token = gated.client.get(SETUP).text.split('name="csrf_token" value="')[1].split('"')[0]
    invited = {"csrf_token": token, "name": "X", "email": "x@example.com", "role": "admin"}
    response = gated.client.post(
        "/users/invite", data=invited, headers={"Origin": "http://localhost"}
    )
    page = gated.page_of(response, status=409)
    assert "set up a second factor" in page.text
    assert "x@example.com" in page.response.text, "nothing has to be typed again"
    part = gated.client.get("/", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Refresh"]) == (401, "true")
    with app.app_context():
        assert {user.email for user in all_rows(User)} == {ADMIN[0], HELPDESK[0]}


def test_what_setting_up_needs_is_open(gated: Browser, fake_clock: FakeClock) -> None:
    page = gated.get(SETUP)
    assert "Your account needs a second factor." in page.text
    assert gated.post(f"{SETUP}/app", on=SETUP).location == f"{SETUP}/app/confirm"
    gated.get(f"{SETUP}/app/confirm")
    fake_clock.advance(minutes=11)
    gated.get(f"/confirm?next={SETUP}/app/confirm")
    for path in ("/healthz", "/static/icon.svg"):
        assert gated.client.get(path).status_code in (200, 304)
    form = gated.get(SETUP).form("/sign-out")
    assert gated.client.post("/sign-out", data=form).location == "/sign-in"


def test_the_page_that_was_wanted_comes_after_the_factor(app: Flask, gated: Browser) -> None:
    wanted = "next=/tickets?q%3Da"
    asked = gated.client.get("/tickets?q=a").location
    assert asked == f"{SETUP}?{wanted}"
    [passkey] = [one for one in gated.get(asked).all("a") if words_of(one) == "Add a passkey"]
    page = gated.get(passkey.get("href") or "")
    assert page.one("form", data_passkey="make").get("action") == f"{SETUP}/passkeys/new?{wanted}"
    begun = gated.post(f"{SETUP}/app?{wanted}", on=asked).location
    assert begun == f"{SETUP}/app/confirm?{wanted}"
    page = gated.get(begun)
    with app.app_context():
        code = code_at(words_of(page.one("code")).replace(" ", ""))
    done = gated.page_of(gated.post(begun, {"code": code}, on=begun))
    [kept] = [one for one in done.all("a") if words_of(one) == "I have kept them"]
    assert kept.get("href") == "/tickets?q=a"
    gated.get("/tickets?q=a")


def test_nothing_leads_to_another_site(gated: Browser) -> None:
    asked = f"{SETUP}?next=https://evil.example/"
    assert f"{SETUP}/app?next=/" in [form.get("action") for form in gated.get(asked).all("form")]


def test_a_factor_opens_everything(app: Flask, gated: Browser, people: tuple[int, int]) -> None:
    with app.app_context():
        found = gated.client.get_cookie(COOKIE)
        _, made = set_up_app(people[0], found.value if found else "")
    gated.client.set_cookie(COOKIE, made.token)
    gated.get("/tickets")


def test_in_the_grace_every_page_tells_until_when(
    app: Flask, people: tuple[int, int], visitor: Browser, fake_clock: FakeClock
) -> None:
    with app.app_context():
        require_factors()
    visitor.post_sign_in(ADMIN[0], PASSWORD)
    page = visitor.get("/tickets")
    assert "Your account needs a second factor from" in page.text
    assert SETUP in [one.get("href") for one in page.all("a")]
    fake_clock.advance(days=7)
    assert visitor.client.get("/tickets").location == f"{SETUP}?next=/tickets"


def test_helpdesk_is_asked_only_where_everybody_is(
    app: Flask, people: tuple[int, int], visitor: Browser
) -> None:
    with app.app_context():
        require_factors(grace=timedelta(0))
    visitor.post_sign_in(HELPDESK[0], PASSWORD)
    visitor.get("/tickets")
    with app.app_context():
        require_factors(FactorRule.EVERYBODY, timedelta(0))
    visitor.get("/tickets")  # asked when they sign in next
    visitor.send("/sign-out", {})
    visitor.post_sign_in(HELPDESK[0], PASSWORD)
    assert visitor.client.get("/tickets").location == f"{SETUP}?next=/tickets"


def test_an_identity_provider_counts_as_the_factor(
    app: Flask, people: tuple[int, int], visitor: Browser
) -> None:
    with app.app_context():
        require_factors(grace=timedelta(0))
        ask_for_factor(people[0])
        begun = begin_session(
            people[0], Named(), method=Method.SINGLE_SIGN_ON, factor=Factor.PROVIDER
        )
    visitor.client.set_cookie(COOKIE, begun.token)
    assert "second factor from" not in visitor.get("/tickets").text


def test_a_demo_asks_nobody(app: Flask, people: tuple[int, int], visitor: Browser) -> None:
    with app.app_context():
        require_factors(FactorRule.EVERYBODY, timedelta(0), is_demo=True)
    visitor.post_sign_in(ADMIN[0], PASSWORD)
    assert "second factor from" not in visitor.get("/tickets").text
