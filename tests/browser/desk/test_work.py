"""A working day, from the first start to signing out."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.conftest import WAIT_MILLISECONDS
from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD, Desk
from webapp import clock
from webapp.models import Connection, PollRun
from webapp.services.people.first_admin import issue_setup_token
from webapp.services.people.users import find_user
from webapp.services.transactions import transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
LEASE = "c" * 32


@pytest.fixture
def setup_token(app: Flask) -> str:
    with app.app_context():
        return str(issue_setup_token())


def start_run(app: Flask, **values: object) -> None:
    """Let a poll be running, as a worker would."""
    now = clock.utcnow()
    with app.app_context(), transaction() as session:
        connection = session.query(Connection).one()
        connection.lease_token = LEASE
        connection.lease_expires_at = now + timedelta(minutes=5)
        connection.last_poll_started_at = now
        session.add(
            PollRun(
                connection_id=connection.id,
                lease_token=LEASE,
                trigger="manual",
                state="running",
                started_at=now,
                updated_at=now,
                **values,
            )
        )


def change_run(app: Flask, **values: object) -> None:
    with app.app_context(), transaction() as session:
        session.query(PollRun).filter_by(lease_token=LEASE).update(values)
        if values.get("state") == "completed":
            session.query(Connection).update(
                {"lease_token": None, "last_success_at": clock.utcnow()}
            )


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_from_setup_to_sign_out(
    app: Flask, setup_token: str, open_page: OpenPage, has_script: bool
) -> None:
    page = open_page(java_script_enabled=has_script, timezone_id="Europe/Berlin")
    page.goto("/")
    page.get_by_label("Setup token").fill(setup_token)
    page.get_by_label("Your name").fill(ADMIN[1])
    page.get_by_label("E-mail address").fill(ADMIN[0])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create admin").click()
    expect(page.get_by_text("Connect a Huntress account")).to_be_visible()
    with app.app_context():
        zone = "Europe/Berlin" if has_script else None
        assert find_user(ADMIN[0]).time_zone == zone
        desk_data.fill_tickets(clock.utcnow(), tickets=6)
    page.get_by_role("link", name="Tickets", exact=True).click()
    expect(page).to_have_title(re.compile(r"^(\(3\) )?Tickets · Triagedesk$"))
    page.locator("a.ticket-link").first.click()
    page.get_by_label("Add internal note").fill("Called the *customer*.")
    page.get_by_role("button", name="Add note").click()
    note = page.locator("li.timeline-row", has_text="Called the customer.")
    expect(note.locator("em")).to_have_text("customer")
    page.get_by_label("Status").select_option("Waiting")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("to Waiting.")).to_be_visible()
    page.locator("details.app-person summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto("/tickets")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_poll_now_without_redis_says_so_at_once(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.get_by_label("Look at all open incidents").check()
    page.get_by_role("button", name="Poll now").press("Enter")
    card = page.locator("#connection-1")
    expect(card).to_contain_text(
        "Waiting for a worker to start the poll", timeout=WAIT_MILLISECONDS
    )
    expect(card).to_contain_text(
        "The job queue (Redis) cannot be reached", timeout=WAIT_MILLISECONDS
    )
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_role("button", name="Poll now")).to_be_focused()


def test_progress_is_live_in_two_browsers_and_survives_a_reload(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    start_run(app, phase="collecting", done=500, collected=500)
    pages = open_page(), open_page()
    for page, person in zip(pages, (ADMIN, HELPDESK), strict=True):
        sign_in(page, person)
        expect(page.locator("#connection-1")).to_contain_text("500 collected")
    change_run(app, phase="processing", done=100, total=620, collected=620, created=80)
    for page in pages:
        expect(page.locator("#connection-1")).to_contain_text("100 of 620")
    pages[0].reload()
    expect(pages[0].locator("#connection-1")).to_contain_text("80 tickets created")
    expect(pages[1].locator("#announcer")).to_contain_text("Turning reports into tickets")
    change_run(app, state="completed", finished_at=clock.utcnow(), collected=12, created=9, noted=3)
    for page in pages:
        expect(page.locator("#connection-1")).to_contain_text(
            "12 collected, 9 tickets created, 3 updated"
        )
        expect(page.locator("#connection-1 progress")).to_have_count(0)


def test_progress_without_a_script_comes_with_the_next_page(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    start_run(app, phase="processing", done=1, total=2)
    page = open_page(java_script_enabled=False)
    sign_in(page, HELPDESK)
    expect(page.locator("#connection-1")).to_contain_text("1 of 2")
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    change_run(app, state="completed", finished_at=clock.utcnow(), created=2)
    expect(page.locator("#connection-1")).to_contain_text(
        "2 tickets created", timeout=WAIT_MILLISECONDS
    )


def test_the_tick_survives_the_card_being_refreshed(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    start_run(app, phase="processing", done=1, total=9)
    page = open_page()
    sign_in(page, ADMIN)
    tick = page.get_by_label("Look at all open incidents")
    tick.check()
    change_run(app, done=5)
    expect(page.locator("#connection-1")).to_contain_text("5 of 9")
    expect(tick).to_be_checked()


def test_a_filter_applies_as_it_is_chosen(desk: Desk, open_page: OpenPage, sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets")
    assignee = page.get_by_role("search", name="Tickets").get_by_label("Assignee")
    assignee.focus()
    for chosen in ("me", "nobody"):
        page.keyboard.press("ArrowDown")
        expect(page).to_have_url(re.compile(f"assignee={chosen}"))
        expect(assignee).to_be_focused()
    page.get_by_label("Search tickets").fill("nothing like it")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No open ticket fits these filters")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator("a.ticket-link").first).to_be_visible()


def test_what_is_being_written_survives_leaving_the_page(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    page.get_by_label("Add internal note").fill("half a thou")
    page.goto("/tickets")
    page.goto("/tickets/2")
    expect(page.get_by_label("Add internal note")).to_have_value("")
    page.goto("/tickets/1")
    expect(page.get_by_label("Add internal note")).to_have_value("half a thou")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_label("Add internal note")).to_have_value("")


def test_what_is_being_written_survives_the_session_but_not_its_writer(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    note = page.get_by_label("Add internal note")
    note.fill("half a thou")
    page.context.clear_cookies()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#note-preview")).to_contain_text("You have been signed out meanwhile.")
    page.reload()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    expect(note).to_have_value("half a thou")
    page.context.clear_cookies()
    sign_in(page, ADMIN)
    page.goto("/tickets/1")
    expect(note).to_have_value("")
    note.fill("for nobody else")
    page.get_by_text("Ada Okafor", exact=False).first.click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []
    assert "note-1" not in page.evaluate("Object.keys(sessionStorage).join()")


def test_nobody_reads_what_was_typed_once_the_session_has_ended(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    """Revoked or expired: what the browser keeps is encrypted, and the key was in the page."""
    page = open_page()
    stored = "Object.entries(localStorage).flat().join()"
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    page.get_by_label("Add internal note").fill("The intruder used RUNDLL99")
    page.wait_for_function("Object.keys(localStorage).join().includes('note-1')")
    assert "RUNDLL99" not in page.evaluate(stored)
    page.context.clear_cookies()
    page.goto("/tickets/1")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    kept = page.evaluate(stored)
    assert "note-1" in kept
    assert "RUNDLL99" not in kept
    assert page.locator("[data-keeps]").count() == 0, "the key is only in pages of the person"
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    note = page.get_by_label("Add internal note")
    expect(note).to_have_value("The intruder used RUNDLL99")
    note.fill("ü" * 20_000)
    page.wait_for_function("localStorage.getItem('triagedesk-kept-draft-note-1').length > 40000")
    page.reload()
    expect(page.get_by_label("Add internal note")).to_have_value("ü" * 20_000)


def test_what_was_kept_under_another_key_is_dropped(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    page.evaluate("localStorage.setItem('triagedesk-kept-draft-note-1', 'AAAA.BBBB')")
    page.reload()
    page.wait_for_function("!('triagedesk-kept-draft-note-1' in localStorage)")
    expect(page.get_by_label("Add internal note")).to_have_value("")


def test_an_impatient_double_click_adds_one_note(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    page.get_by_label("Add internal note").fill("once only")
    page.get_by_role("button", name="Add note").dblclick()
    expect(page.locator("li.timeline-row", has_text="once only")).to_have_count(1)
    page.reload()
    expect(page.locator("li.timeline-row", has_text="once only")).to_have_count(1)
