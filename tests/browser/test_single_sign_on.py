"""Signing in with an identity provider on another site, with a real browser."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD, Desk
from tests.support.rows import all_rows, change
from tests.support.security.oidc_provider import OidcProvider, person
from tests.support.security.single_sign_on import BREAK_GLASS, configure
from webapp import clock
from webapp.models import User, UserSession
from webapp.services.people.single_sign_on.break_glass import set_break_glass
from webapp.services.people.users import find_user

OpenPage = Callable[..., Page]
Check = Callable[[Page], None]


@pytest.fixture
def oidc(app: Flask, desk: Desk, url: str) -> Iterator[OidcProvider]:
    """The provider; for a browser, localhost is another site than 127.0.0.1."""
    with OidcProvider(clock.utcnow, host="localhost") as provider:
        configure(app, provider, public_url=url, name="Example Ltd")
        provider.person = person(sub="helpdesk-1", email=HELPDESK[0])
        yield provider


def make_old(app: Flask, email: str) -> None:
    """Let the last time that somebody showed who they are be an hour ago."""
    with app.app_context():
        owner = find_user(email).id
        for session in all_rows(UserSession, UserSession.user_id == owner):
            change(UserSession, session.id, present_at=clock.utcnow() - timedelta(hours=1))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_there_and_back(oidc: OidcProvider, open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    page.goto("/tickets")
    page.get_by_role("button", name="Sign in with Example Ltd").click()
    page.get_by_role("button", name=f"Log in as {HELPDESK[0]}").click()
    expect(page.get_by_role("heading", name="Tickets", exact=True)).to_be_visible()
    assert page.url.endswith("/tickets"), "no code in the address"
    cookies = {cookie["name"] for cookie in page.context.cookies()}
    assert "triagedesk_provider" not in cookies


def test_by_keyboard(oidc: OidcProvider, open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with Example Ltd").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log in as").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dashboard", exact=True)).to_be_visible()


def test_who_is_not_known_reads_why(oidc: OidcProvider, open_page: OpenPage) -> None:
    oidc.person = person(sub="eve-1", email="eve@example.com")
    page = open_page()
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with Example Ltd").click()
    page.get_by_role("button", name="Log in as").click()
    expect(page.get_by_text("There is no account for eve@example.com here.")).to_be_visible()
    assert "code=" not in page.url


def test_confirming_keeps_what_was_typed(
    app: Flask, oidc: OidcProvider, open_page: OpenPage, check_accessibility: Check
) -> None:
    with app.app_context():
        change(User, find_user(ADMIN[0]).id, password_hash="!")
    oidc.person = person(sub="admin-1", email=ADMIN[0])
    page = open_page()
    page.goto("/users/invite")
    page.get_by_role("button", name="Sign in with Example Ltd").click()
    page.get_by_role("button", name="Log in as").click()
    page.get_by_label("Name").fill("Cleo Marchetti")
    page.get_by_label("E-mail address").fill("cleo@example.com")
    make_old(app, ADMIN[0])
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    check_accessibility(page)
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Confirm with Example Ltd").click()
    other = opened.value
    other.get_by_role("button", name="Log in as").click()
    expect(other.get_by_role("heading", name="Confirmed")).to_be_visible()
    check_accessibility(other)
    other.close()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Cleo Marchetti").first).to_be_visible()
    with app.app_context():
        assert find_user("cleo@example.com").name == "Cleo Marchetti"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_pages_are_for_everybody(
    app: Flask,
    oidc: OidcProvider,
    open_page: OpenPage,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    for path in ("/sign-in", "/sign-in?left=yes"):
        page.goto(path)
        check_accessibility(page)
    configure(app, oidc, public_url=page.url.rpartition("/sign-in")[0], **BREAK_GLASS)
    with app.app_context():
        set_break_glass(find_user(ADMIN[0]).id, True)
    page.goto("/sign-in")
    check_accessibility(page)
    page.get_by_role("link", name="Sign in with a break-glass account").click()
    check_accessibility(page)
    page.get_by_label("E-mail address").fill(ADMIN[0])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Dashboard", exact=True)).to_be_visible()
    with app.app_context():
        helpdesk = find_user(HELPDESK[0]).id
        change(User, helpdesk, oidc_issuer=oidc.issuer, oidc_subject="helpdesk-1")
    for path in ("/users", f"/users/{helpdesk}", "/users/invite", "/preferences"):
        page.goto(path)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
