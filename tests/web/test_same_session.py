"""Forms are taken only from the session that they were shown in, and only from this site."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from tests.support.made_once import COMPILED_TEMPLATES
from tests.web.pages import Browser
from webapp import create_app
from webapp.config import Config
from webapp.extensions import db

SignIn = Callable[[tuple[str, str]], Browser]
THEME = {"theme": "dark", "next": "/"}


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 303), ("none", 303), ("cross-site", 400), ("same-site", 400), ("x", 400)],
)
def test_what_a_browser_says_was_sent_by_another_site_is_refused(
    people: tuple[int, int], sign_in: SignIn, site: str, status: int
) -> None:
    browser = sign_in(HELPDESK)
    sent = browser.send("/theme", THEME, headers={"Sec-Fetch-Site": site})
    assert sent.status_code == status


def test_links_from_other_sites_may_be_followed(people: tuple[int, int], sign_in: SignIn) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert sign_in(HELPDESK).client.get("/tickets", headers=headers).status_code == 200


def test_a_cookie_and_its_token_are_worth_nothing_in_another_session(
    people: tuple[int, int], sign_in: SignIn, visitor: Browser
) -> None:
    """Who can set cookies, but not read them, could plant their own cookie with its token."""
    victim, attacker = sign_in(HELPDESK), sign_in(ADMIN)
    victim.get("/tickets")
    for source in (attacker, visitor):
        token = source.token()
        planted = source.client.get_cookie("triagedesk_session")
        assert planted is not None
        victim.client.set_cookie("triagedesk_session", planted.value)
        assert victim.client.post("/theme", data={**THEME, "csrf_token": token}).status_code == 400
    assert victim.send("/theme", THEME).status_code == 303


def test_a_browser_that_lost_the_short_cookie_goes_on_after_one_page(
    people: tuple[int, int], sign_in: SignIn
) -> None:
    browser = sign_in(HELPDESK)
    token = browser.token()
    browser.client.delete_cookie("triagedesk_session")
    sent = browser.client.post("/theme", data={**THEME, "csrf_token": token})
    page = browser.page_of(sent, status=400)
    again = browser.client.post("/theme", data=page.form("/theme") | THEME)
    assert again.status_code == 303


class TestHttps:
    """Behind a proxy that speaks https, no other host can set our cookies."""

    @pytest.fixture
    def app(self, config: Config) -> Iterator[Flask]:
        app = create_app(replace(config, public_url="https://desk.example.com"))
        app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()

    def test_every_cookie_is_for_this_host_only(self, app: Flask, people: tuple[int, int]) -> None:
        client = app.test_client()
        root = {"base_url": "https://desk.example.com"}
        form = client.get("/sign-in", **root)
        token = form.text.split('name="csrf_token" value="')[1].split('"')[0]
        data = {"csrf_token": token, "email": ADMIN[0], "password": PASSWORD}
        referer = {"Referer": "https://desk.example.com/sign-in"}
        response = client.post("/sign-in", data=data, headers=referer, **root)
        cookies = [*form.headers.getlist("Set-Cookie"), *response.headers.getlist("Set-Cookie")]
        assert {cookie.split("=")[0] for cookie in cookies} == {
            "__Host-triagedesk_session",
            "__Host-triagedesk_login",
            "__Host-triagedesk_device",
            "__Host-triagedesk_pending",
        }
        for cookie in cookies:
            assert "Secure" in cookie
            assert "HttpOnly" in cookie
            assert "Path=/" in cookie
            assert "SameSite=Lax" in cookie
            assert "Domain" not in cookie
        assert client.get("/", **root).status_code == 200


def test_a_form_is_sent_again_with_the_token_of_the_new_session(
    people: tuple[int, int], sign_in: SignIn, visitor: Browser
) -> None:
    """What the script of the page "You have been signed out meanwhile" does."""
    asked = visitor.client.get("/form-token", headers={"HX-Request": "true"})
    assert asked.status_code == 401
    old = sign_in(HELPDESK).token()
    browser = sign_in(HELPDESK)
    assert browser.client.post("/theme", data={**THEME, "csrf_token": old}).status_code == 400
    fresh = browser.client.get("/form-token", headers={"HX-Request": "true"})
    assert (fresh.mimetype, fresh.headers["Cache-Control"]) == ("text/plain", "no-store")
    assert (
        browser.client.post("/theme", data={**THEME, "csrf_token": fresh.text}).status_code == 303
    )
