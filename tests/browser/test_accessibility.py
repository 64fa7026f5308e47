"""axe finds nothing to complain about, on any page, light or dark, wide or narrow."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.looks import in_each_look, in_each_scheme
from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD, Desk
from tests.support.rows import change
from webapp import clock
from webapp.models import Connection, User
from webapp.services.people.first_admin import issue_setup_token
from webapp.services.people.users import hash_password
from webapp.services.transactions import transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
PATHS = [
    "/",
    "/tickets",
    "/tickets?triage=1&q=incident",
    "/tickets?q=nothing-like-it",
    "/tickets?state=closed",
    "/tickets?display=1",
    "/tickets#filters",
    "/tickets/new",
    "/tickets/18",
    "/tickets/20",
    "/tickets/20/wait",
    "/desk/response-times",
    "/response-times",
    "/preferences",
    "/bell",
    "/nowhere",
]


@in_each_look
def test_pages(
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(page, ADMIN)
    for path in PATHS:
        page.goto(path)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.locator("details.app-person summary, details.app-menu summary").locator(
        "visible=true"
    ).click()
    check_accessibility(page)


@in_each_scheme
def test_troubled_connections(
    app: Flask,
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    scheme: str,
) -> None:
    now = clock.utcnow()
    with app.app_context():
        desk_data.add_connection(
            now, name="Failing", account_id=2, last_error="No.", last_error_at=now
        )
        desk_data.add_connection(now, name="Incomplete", account_id=3, board_id=None)
        desk_data.add_connection(now, name="Paused", account_id=4, paused_at=now)
        desk_data.add_connection(now, name="New", account_id=5, polling_started_at=None)
        desk_data.add_connection(now, name="Gone", account_id=6, disconnected_at=now)
        busy = desk_data.add_connection(
            now,
            name="Busy",
            account_id=7,
            lease_token="d" * 32,
            lease_expires_at=now + timedelta(minutes=5),
        )
        desk_data.add_run(
            busy,
            now,
            lease_token="d" * 32,
            state="running",
            phase="processing",
            done=3,
            total=9,
            waiting="the call window: 9 s left",
            finished_at=None,
        )
    page = open_page(color_scheme=scheme)
    sign_in(page, HELPDESK)
    check_accessibility(page)


@in_each_scheme
def test_a_new_install(
    app: Flask, open_page: OpenPage, check_accessibility: Check, scheme: str
) -> None:
    with app.app_context():
        token = str(issue_setup_token())
    page = open_page(color_scheme=scheme)
    page.goto("/")
    check_accessibility(page)
    page.get_by_role("button", name="Create admin").click()
    page.get_by_role("alert").wait_for()
    check_accessibility(page)
    page.get_by_label("Setup token").fill(token)
    page.get_by_label("Your name").fill(ADMIN[1])
    page.get_by_label("E-mail address").fill(ADMIN[0])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create admin").click()
    page.get_by_role("heading", name="Dashboard", exact=True).wait_for()
    check_accessibility(page)
    page.goto("/tickets")
    check_accessibility(page)


@in_each_scheme
def test_forms_that_are_shown_again(
    app: Flask,
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    scheme: str,
) -> None:
    page = open_page(color_scheme=scheme)
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    check_accessibility(page)
    sign_in(page, HELPDESK)
    page.goto("/tickets/20")
    with app.app_context(), transaction() as session:
        session.query(Connection).update({"name": "anything"})
        session.connection().exec_driver_sql(
            "UPDATE tickets SET updated_at = '2026-01-01', priority_id = 3 - priority_id % 2"
        )
    page.get_by_label("Priority").select_option("Low")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("while you were looking at it. Nothing was saved")).to_be_visible()
    check_accessibility(page)


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_chosen_colours_outweigh_those_of_the_system(
    desk: Desk, open_page: OpenPage, sign_in: SignIn, theme: str, has_script: bool
) -> None:
    page = open_page(
        color_scheme="dark" if theme == "Light" else "light", java_script_enabled=has_script
    )
    sign_in(page, HELPDESK)
    page.locator("details.app-person summary").click()
    page.get_by_role("button", name=theme, exact=True).locator("visible=true").click()
    expect(page.locator("html")).to_have_attribute("data-theme", theme.lower())
    expect(page.locator("body")).to_have_css(
        "background-color", "rgb(246, 247, 249)" if theme == "Light" else "rgb(22, 24, 27)"
    )


@pytest.mark.parametrize(
    ("scheme", "colour"), [("light", "rgb(246, 247, 249)"), ("dark", "rgb(22, 24, 27)")]
)
def test_without_a_choice_the_system_decides_even_without_a_script(
    desk: Desk, open_page: OpenPage, scheme: str, colour: str
) -> None:
    page = open_page(color_scheme=scheme, java_script_enabled=False)
    page.goto("/sign-in")
    expect(page.locator("body")).to_have_css("background-color", colour)


@in_each_look
def test_a_better_password(
    app: Flask,
    desk: Desk,
    open_page: OpenPage,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    """From a weak password to where one was going, also by who has scripts switched off."""
    weak, better = "kJ8#pq2!", "lantern fjord ocelot"
    with app.app_context():
        change(User, desk.helpdesk_id, password_hash=hash_password(weak))
    page = open_page(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        java_script_enabled=scheme == "light",
    )
    page.goto("/tickets/20")
    page.get_by_label("E-mail address").fill(HELPDESK[0])
    page.get_by_label("Password").fill(weak)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Choose a better password")).to_be_visible()
    page.get_by_label("Current password").fill(weak)
    page.get_by_label("Better password").fill("password1234")
    page.get_by_role("button", name="Change password and go on").click()
    expect(page.get_by_role("alert")).to_contain_text("most of it is a common password")
    if scheme == "light":  # axe is a script
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Current password").fill(weak)
    page.get_by_label("Better password").fill(better)
    page.get_by_role("button", name="Change password and go on").click()
    expect(page.get_by_text("Your new password is strong.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/tickets/20$"))
