"""Administration in a real browser: people, quarantine, and axe over the pages."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.looks import in_each_look
from tests.support import administration_data
from tests.support.desk_data import ADMIN, Desk
from webapp import clock
from webapp.services.people.users import add_user, deactivate_user

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
BASE = "/integrations/huntress/1"
QUARANTINE = f"{BASE}/quarantine"
CHOSEN = "a new password"


@pytest.fixture
def runs(app: Flask, desk: Desk) -> list[int]:
    """Something of everything."""
    now = clock.utcnow()
    with app.app_context():
        administration_data.add_reports(1, now, ticket_id=3)
        administration_data.add_calls(1, now - timedelta(seconds=5))
        administration_data.add_events(1, desk.admin_id)
        gone = add_user(email="dan@example.com", name="Dan", password=CHOSEN, role="helpdesk")
        deactivate_user(gone.id)
        return administration_data.add_polls(1, now, actor_id=desk.admin_id)


def open_part(page: Page, words: str) -> None:
    """Open a part of the first report with the keyboard, as everybody can."""
    page.locator("article").first.get_by_text(words).focus()
    page.keyboard.press("Enter")


def test_from_an_invitation_to_the_first_sign_in(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.get_by_role("link", name="Users").click()
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("Name").fill("Cleo Marchetti")
    page.get_by_label("E-mail address").fill("cleo@example.com")
    page.get_by_role("button", name="Invite").click()
    address = page.get_by_label("Link to choose a password").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.").or_(page.get_by_text("Press Ctrl+C"))).to_be_visible()
    page.reload()
    expect(page.get_by_text("it cannot be shown again")).to_be_visible()

    theirs = open_page(java_script_enabled=False)
    theirs.goto(address)
    assert "token" not in theirs.url
    expect(theirs.get_by_text("For Cleo Marchetti")).to_be_visible()
    theirs.get_by_label("New password").fill(CHOSEN)
    theirs.get_by_role("button", name="Set password").click()
    expect(theirs.get_by_text("Sign in as cleo@example.com.")).to_be_visible()
    theirs.get_by_label("E-mail address").fill("cleo@example.com")
    theirs.get_by_label("Password").fill(CHOSEN)
    theirs.get_by_role("button", name="Sign in").click()
    expect(theirs.get_by_role("heading", name="Dashboard", exact=True)).to_be_visible()
    expect(theirs.get_by_role("link", name="Users")).to_have_count(0)


def test_a_report_is_retried_and_another_given_up(
    desk: Desk, runs: list[int], open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto(QUARANTINE)
    page.get_by_role("button", name="Retry incident 918273").click()
    expect(page.get_by_text("The next poll tries this report again.")).to_be_visible()
    expect(page.get_by_role("button", name="Due at the next poll").first).to_be_disabled()
    expect(page.locator("pre").first).not_to_be_visible()
    open_part(page, "Raw report")
    expect(page.locator("pre").first).to_contain_text('"severity": "critical"')
    open_part(page, "Dismiss…")
    page.get_by_role("button", name="Dismiss report").first.click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("alert").get_by_role("link").click()
    page.get_by_label("Why do you dismiss this report?").first.fill("A test of theirs.")
    page.get_by_role("button", name="Dismiss report").first.click()
    expect(page.get_by_role("heading", name="Incident 918273")).to_have_count(0)
    page.get_by_role("link", name="Dismissed").click()
    expect(page.locator("article").first).to_contain_text("Why: A test of theirs.")


@in_each_look
def test_axe_finds_nothing(
    desk: Desk,
    runs: list[int],
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto("/choose-password")
    check_accessibility(page)
    sign_in(page, ADMIN)
    paths = [
        *(f"{BASE}/polls", f"{BASE}/polls/{runs[-1]}", f"{BASE}/api-calls", QUARANTINE),
        *(f"{QUARANTINE}?show=dismissed", "/users", "/users/invite", "/users/1"),
        *(f"/users/{desk.helpdesk_id}/deactivate", "/audit?who=1&what=user", "/audit"),
        *("/health", "/preferences", "/backups"),
    ]
    for path in paths:
        page.goto(path)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto(QUARANTINE)
    open_part(page, "Raw report")
    open_part(page, "Dismiss…")
    page.get_by_role("button", name="Dismiss report").first.click()
    expect(page.get_by_role("alert")).to_be_visible()
    open_part(page, "Raw report")
    check_accessibility(page)
